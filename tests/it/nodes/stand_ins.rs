//! The stand-ins of both far sides as a process of their own, and the wire to it.
//!
//! Answers are taken strictly: what is not expected, and each refusal, ends the test with its text.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use lockstep::http::{Call, HttpClient, HttpOptions, Method};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::process::Running;

pub(super) const ORGANIZATION: &str = "contoso";
/// The far sides' budgets of requests are no subject here.
const WEB_SERVERS: u32 = 100;
/// To judge thousands of mailboxes takes a debug build most of a minute.
const PATIENCE: Duration = Duration::from_secs(180);
/// An answer about thousands of mailboxes.
const ANSWER_MAX: usize = 64 * 1024 * 1024;
/// Rows that people make in one request.
const ROWS: usize = 500;

/// Somebody with a mailbox.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the whole answer is written down, so that nothing else is in it")]
pub(super) struct User {
    pub(super) user: Uuid,
    object: Uuid,
    pub(super) mailbox: Uuid,
    address: String,
}

/// A row that somebody makes in Dynamics.
pub(super) struct Row {
    pub(super) user: Uuid,
    pub(super) set: &'static str,
    pub(super) row: Value,
}

/// The judgement over both worlds and over the mails since the process began.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "the whole answer is written down, and shown when a test fails")]
pub(super) struct Judgement {
    pub(super) organization: String,
    pub(super) clean: bool,
    pub(super) mailboxes: usize,
    pub(super) pairs: usize,
    left_alone: BTreeMap<String, usize>,
    pub(super) mails: BTreeMap<String, usize>,
    pub(super) problems: Vec<Problem>,
    pub(super) mail_problems: Vec<String>,
}

/// What is wrong with an item.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "shown when a test fails")]
pub(super) struct Problem {
    mailbox: String,
    kind: String,
    what: String,
    ids: Vec<String>,
    detail: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Writes {
    dynamics: u64,
    exchange: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct People {
    people: Vec<User>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Made {
    made: Vec<Uuid>,
}

/// The process; it is killed when this is dropped.
pub(super) struct StandIns {
    _process: Running,
    url: String,
    http: HttpClient,
    io: Runtime,
    pub(super) people: Vec<User>,
}

impl StandIns {
    /// Starts the process, which writes tenants and secrets into a directory.
    pub(super) fn start(mailboxes: usize, directory: &Path) -> Self {
        let mailboxes = mailboxes.to_string();
        let mut process = Running::start(&[
            "sim",
            "--port",
            "0",
            "--organizations",
            ORGANIZATION,
            "--mailboxes",
            &mailboxes,
            "--items",
            "few",
            "--seed",
            "4",
            "--format",
            "json",
            "--write-config",
            directory.to_str().unwrap(),
        ]);
        let told: Value = serde_json::from_str(&process.line_with("\"url\"")).unwrap();
        let url = told["url"].as_str().unwrap().to_owned();
        let options = HttpOptions {
            connect_timeout: PATIENCE,
            total_timeout: PATIENCE,
            user_agent: "test".to_owned(),
        };
        let io = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let http = HttpClient::new(options).unwrap();
        let mut stand_ins = Self { _process: process, url, http, io, people: Vec::new() };
        let People { people } = stand_ins.ask(Method::Get, &of("people"), None);
        stand_ins.people = people;
        let quota = json!({ "web_servers": WEB_SERVERS });
        let _: Value = stand_ins.ask(Method::Post, &of("quota"), Some(&quota));
        stand_ins
    }

    /// Returns the writes that were carried out.
    pub(super) fn writes(&self) -> u64 {
        let Writes { dynamics, exchange } = self.ask(Method::Get, &of("writes"), None);
        dynamics + exchange
    }

    /// Every write takes so long from now on.
    pub(super) fn delay_writes(&self, delay: Duration) {
        let kind = json!({ "delay": delay.as_millis() as u64 });
        let rule = json!({ "kind": kind, "share": 1.0, "scope": "writes" });
        let rules: Vec<Value> = (!delay.is_zero()).then_some(rule).into_iter().collect();
        let plan = json!({ "organization": ORGANIZATION, "seed": 1, "rules": rules });
        let _: Value = self.ask(Method::Post, "faults", Some(&plan));
    }

    /// Lets people make rows.
    pub(super) fn act(&self, rows: &[Row]) {
        for rows in rows.chunks(ROWS) {
            let list: Vec<Value> = rows
                .iter()
                .map(|Row { user, set, row }| json!({ "user": user, "set": set, "row": row }))
                .collect();
            let Made { made } = self.ask(Method::Post, &of("act"), Some(&json!({ "rows": list })));
            assert_eq!(made.len(), rows.len());
        }
    }

    /// Judges both worlds.
    pub(super) fn judge(&self) -> Judgement {
        self.ask(Method::Get, &of("compare"), None)
    }

    fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<&Value>) -> T {
        let call = Call {
            method,
            url: format!("{}/_sim/{path}", self.url),
            route: "/",
            headers: Vec::new(),
            body: body.map(|body| serde_json::to_vec(body).unwrap()),
            content_type: body.map(|_| "application/json"),
            max_body: ANSWER_MAX,
        };
        let reply = self.io.block_on(self.http.send(call));
        let reply = reply.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        let text = String::from_utf8_lossy(&reply.body);
        assert_eq!(reply.status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }
}

fn of(what: &str) -> String {
    format!("{what}/{ORGANIZATION}")
}
