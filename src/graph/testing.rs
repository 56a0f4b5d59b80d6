//! A transport that answers from a script, for tests of one adapter alone.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::GraphSide;
use super::client::{Client, Lost, Transport};
use crate::domain::ids::{Address, MailboxKey, TenantId, UserId};
use crate::domain::policy::Mailbox;
use crate::ports::clock::Clock;
use crate::ports::error::SideError;

/// The root that scripted links carry.
pub(super) const ROOT: &str = "https://graph.microsoft.com/v1.0";

/// The instant of every test.
pub(super) fn now() -> DateTime<Utc> {
    "2026-11-24T09:00:00Z".parse().unwrap()
}

struct Still;

impl Clock for Still {
    fn now(&self) -> DateTime<Utc> {
        now()
    }
}

/// One scripted batch: the statuses and bodies of its answers in order, or no answer; or the status of one range
/// of an upload.
pub(super) enum Turn {
    Answers(Vec<(u16, Json)>),
    Range(u16),
    NotSent,
    NoAnswer,
}

/// What was sent and what is still to be answered.
#[derive(Default)]
pub(super) struct Script {
    turns: VecDeque<Turn>,
    sent: Vec<Vec<Json>>,
}

/// A far side over a script, and the view of what it sent.
pub(super) struct Scripted {
    pub(super) side: GraphSide,
    script: Arc<Mutex<Script>>,
}

struct Player(Arc<Mutex<Script>>);

impl Scripted {
    pub(super) fn new(turns: Vec<Turn>) -> Self {
        let script = Arc::new(Mutex::new(Script { turns: turns.into(), sent: Vec::new() }));
        let client = Client::new(Box::new(Player(Arc::clone(&script))), Arc::new(Still));
        Self { side: GraphSide::over(client, ROOT.to_owned()), script }
    }

    /// Returns the batches sent, each a list of its requests.
    pub(super) fn sent(&self) -> Vec<Vec<Json>> {
        self.script.lock().unwrap().sent.clone()
    }

    /// Returns method and URL of everything sent.
    pub(super) fn lines(&self) -> Vec<Vec<String>> {
        let line = |one: &Json| {
            format!("{} {}", one["method"].as_str().unwrap(), one["url"].as_str().unwrap())
        };
        self.sent().iter().map(|batch| batch.iter().map(line).collect()).collect()
    }

    /// Tells whether the whole script was played.
    pub(super) fn is_over(&self) -> bool {
        self.script.lock().unwrap().turns.is_empty()
    }
}

#[async_trait]
impl Transport for Player {
    fn close(&self, _: &Address, _: std::time::Duration) {}

    async fn put_range(
        &self,
        _mailbox: &Address,
        _url: &str,
        _range: String,
        _bytes: Vec<u8>,
    ) -> Result<u16, Lost> {
        match self.0.lock().unwrap().turns.pop_front() {
            Some(Turn::Range(status)) => Ok(status),
            Some(Turn::Answers(_) | Turn::NotSent | Turn::NoAnswer) | None => {
                panic!("the script has no range here")
            }
        }
    }

    async fn post(
        &self,
        _mailbox: &Address,
        weight: u32,
        _read_only: bool,
        body: Vec<u8>,
    ) -> Result<(u16, Vec<u8>), Lost> {
        let mut script = self.0.lock().unwrap();
        let mut body: Json = serde_json::from_slice(&body).unwrap();
        let requests: Vec<Json> = serde_json::from_value(body["requests"].take()).unwrap();
        assert_eq!(weight as usize, requests.len());
        script.sent.push(requests);
        let error = || SideError::Unreachable { reason: "scripted".to_owned() };
        match script.turns.pop_front().expect("more batches than the script has") {
            Turn::Range(_) => panic!("the script has a range here"),
            Turn::NotSent => Err(Lost::NotSent(error())),
            Turn::NoAnswer => Err(Lost::NoAnswer(error())),
            Turn::Answers(answers) => {
                // Backwards, because a batch promises no order.
                let responses: Vec<Json> = answers
                    .into_iter()
                    .enumerate()
                    .rev()
                    .map(|(n, (status, body))| {
                        let headers = json!({"Retry-After": "1"});
                        let id = (n + 1).to_string();
                        json!({"id": id, "status": status, "headers": headers, "body": body})
                    })
                    .collect();
                Ok((200, json!({ "responses": responses }).to_string().into_bytes()))
            }
        }
    }
}

/// Returns an answer with an error code.
pub(super) fn refusal(status: u16, code: &str) -> (u16, Json) {
    (status, json!({"error": {"code": code, "message": "words that decide nothing"}}))
}

/// Returns the mailbox of every test.
pub(super) fn mailbox() -> Mailbox {
    Mailbox {
        key: MailboxKey { tenant: TenantId::new("contoso"), mailbox: Uuid::from_u128(1) },
        user: UserId(Uuid::from_u128(2)),
        object_id: Uuid::from_u128(3),
        personal: crate::domain::policy::Personal::default(),
        address: Address::parse("megan@contoso.com").unwrap(),
    }
}
