//! The adapter against the Graph stand-in, in one process: every batch goes through the stand-in's
//! own reading of HTTP messages, and answers can be lost on the way.

mod deltas;
mod finding;
mod writes;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::GraphSide;
use super::client::{Client, Lost, Transport};
use super::testing::mailbox;
use crate::domain::field::Patch;
use crate::domain::ids::{Address, LinkId, NativeId, Version};
use crate::domain::kind::Kind;
use crate::domain::observation::Observation;
use crate::domain::plan::{MailClass, Op, Outcome, Step};
use crate::domain::side::Side;
use crate::ports::clock::Clock;
use crate::ports::error::{PullError, SideError};
use crate::ports::side::{Cursor, FarSide, Known, PullAsk, Pulled};
use crate::sim::directory::{AppCredentials, Person};
use crate::sim::graph::{GraphConfig, GraphSim};
use crate::sim::wire::Request;

const BASE: &str = "http://127.0.0.1:1/contoso/graph";
const ME: &str = "megan@contoso.com";

struct Hands(Arc<Mutex<DateTime<Utc>>>);

impl Clock for Hands {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// The stand-in, the adapter on it, and the clock of both.
pub(crate) struct Desk {
    sim: Arc<Mutex<GraphSim>>,
    side: GraphSide,
    time: Arc<Mutex<DateTime<Utc>>>,
    lose_answers: Arc<AtomicBool>,
}

struct Wire {
    sim: Arc<Mutex<GraphSim>>,
    time: Arc<Mutex<DateTime<Utc>>>,
    token: String,
    lose_answers: Arc<AtomicBool>,
}

#[async_trait]
impl Transport for Wire {
    fn close(&self, _: &Address, _: std::time::Duration) {}

    async fn put_range(
        &self,
        _mailbox: &Address,
        url: &str,
        range: String,
        bytes: Vec<u8>,
    ) -> Result<u16, Lost> {
        let now = *self.time.lock().unwrap();
        let target = url[url.find("/api/").expect("an upload address")..].to_owned();
        let headers = vec![("Content-Range".into(), range)];
        let request = Request { method: "PUT".into(), target, headers, body: bytes };
        Ok(self.sim.lock().unwrap().handle(&request, now).status)
    }

    async fn post(
        &self,
        _mailbox: &Address,
        _weight: u32,
        _read_only: bool,
        body: Vec<u8>,
    ) -> Result<(u16, Vec<u8>), Lost> {
        let now = *self.time.lock().unwrap();
        let request = Request {
            method: "POST".into(),
            target: "/v1.0/$batch".into(),
            headers: vec![
                ("Authorization".into(), format!("Bearer {}", self.token)),
                ("Content-Type".into(), "application/json".into()),
            ],
            body,
        };
        let answer = self.sim.lock().unwrap().handle(&request, now);
        if self.lose_answers.load(Ordering::SeqCst) {
            let reason = "the connection was reset".to_owned();
            return Err(Lost::NoAnswer(SideError::Unreachable { reason }));
        }
        Ok((answer.status, answer.body))
    }
}

fn person(n: u128, address: &str) -> Person {
    Person {
        user_id: Uuid::from_u128(n),
        object_id: Uuid::from_u128(n + 100),
        mailbox_id: Uuid::from_u128(n + 200),
        address: address.into(),
        given_name: "Megan".into(),
        surname: "Bowen".into(),
        time_zone: "Europe/Berlin".into(),
    }
}

fn token(sim: &mut GraphSim, now: DateTime<Utc>) -> String {
    let form = "grant_type=client_credentials&client_id=app&client_secret=secret\
                &scope=https%3A%2F%2Fgraph.microsoft.com%2F.default";
    let request = Request {
        method: "POST".into(),
        target: "/token".into(),
        headers: vec![("Content-Type".into(), "application/x-www-form-urlencoded".into())],
        body: form.as_bytes().to_vec(),
    };
    let body: Json = serde_json::from_slice(&sim.token(&request, now).body).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

impl Desk {
    pub(crate) fn new() -> Self {
        let now = super::testing::now();
        let mut sim = GraphSim::new(GraphConfig {
            base_url: BASE.into(),
            app: AppCredentials { client_id: "app".into(), client_secret: "secret".into() },
            token_lifetime: TimeDelta::days(400),
            people: vec![person(2, ME), person(3, "alex@contoso.com")],
            seed: 7,
        });
        let token = token(&mut sim, now);
        let sim = Arc::new(Mutex::new(sim));
        let time = Arc::new(Mutex::new(now));
        let lose_answers = Arc::new(AtomicBool::new(false));
        let wire = Wire {
            sim: Arc::clone(&sim),
            time: Arc::clone(&time),
            token,
            lose_answers: Arc::clone(&lose_answers),
        };
        let clock = Arc::new(Hands(Arc::clone(&time)));
        let client = Client::new(Box::new(wire), clock);
        let side = GraphSide::over(client, format!("{BASE}/v1.0"));
        Self { sim, side, time, lose_answers }
    }

    fn sim(&self) -> MutexGuard<'_, GraphSim> {
        self.sim.lock().unwrap()
    }

    fn now(&self) -> DateTime<Utc> {
        *self.time.lock().unwrap()
    }

    /// Lets time pass, background services of the far side included.
    fn pass(&self, minutes: i64) {
        *self.time.lock().unwrap() += TimeDelta::minutes(minutes);
        let now = self.now();
        self.sim().settle(now);
    }

    fn lose(&self, on: bool) {
        self.lose_answers.store(on, Ordering::SeqCst);
    }

    async fn pull(&self, cursors: &[Cursor], known: &[Known]) -> Pulled {
        self.try_pull(cursors, known).await.unwrap()
    }

    async fn try_pull(&self, cursors: &[Cursor], known: &[Known]) -> Result<Pulled, SideError> {
        let now = self.now();
        let window = (now - TimeDelta::days(30), now + TimeDelta::days(540));
        let mailbox = mailbox();
        let known = &known.to_vec();
        let ask =
            PullAsk { mailbox: &mailbox, cursors, known, rest: None, look: false, now, window };
        self.side.pull(ask).await.map_err(|error| match error {
            PullError::Side(error) => error,
            PullError::Store(error) => panic!("{error}"),
        })
    }

    async fn apply(&self, steps: &[Step]) -> Vec<Outcome> {
        self.side.apply(&mailbox(), steps).await
    }

    async fn fetch(&self, kind: Kind, id: &NativeId) -> Observation {
        self.side.fetch(&mailbox(), &[(kind, id.clone())]).await.unwrap().remove(0)
    }

    /// Creates one item and returns it as the store would know it.
    pub(crate) async fn made(&self, kind: Kind, link: u128, patch: Patch) -> (Observation, Known) {
        let outcome = self.apply(&[create(kind, link, patch)]).await.remove(0);
        let Outcome::Done(Some(seen)) = outcome else { panic!("not created: {outcome:?}") };
        self.pass(1);
        let seen = self.fetch(kind, &seen.id).await;
        let known = known(&seen);
        (seen, known)
    }
}

impl Desk {
    /// Returns when the events begin that the calendar shows in a window, in order.
    pub(crate) fn starts(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let shown = self.sim().shown(ME, &from.to_rfc3339(), &to.to_rfc3339());
        let start = |event: &Json| {
            let text = event["start"]["dateTime"].as_str()?;
            text.parse::<chrono::NaiveDateTime>().ok().map(|at| at.and_utc())
        };
        shown.iter().filter_map(start).collect()
    }
}

fn link(n: u128) -> LinkId {
    LinkId(Uuid::from_u128(n))
}

fn known(seen: &Observation) -> Known {
    Known { kind: seen.kind, id: seen.id.clone(), version: seen.version.clone(), expected: true }
}

fn step(kind: Kind, n: u128, op: Op) -> Step {
    Step {
        link: link(n),
        key: Uuid::from_u128(n + 1_000_000),
        kind,
        on: Side::Exchange,
        op,
        mail: MailClass::Silent,
    }
}

fn create(kind: Kind, n: u128, patch: Patch) -> Step {
    step(kind, n, Op::Create { patch })
}

fn update(kind: Kind, n: u128, id: &NativeId, expected: Option<Version>, patch: Patch) -> Step {
    let op = Op::Update { id: id.clone(), expected, patch, groups: Vec::new(), mark: false };
    step(kind, n, op)
}

fn adopt(kind: Kind, n: u128, id: &NativeId, expected: Option<Version>, patch: Patch) -> Step {
    let op = Op::Update { id: id.clone(), expected, patch, groups: Vec::new(), mark: true };
    step(kind, n, op)
}

fn delete(kind: Kind, n: u128, id: &NativeId, expected: Option<Version>) -> Step {
    step(kind, n, Op::Delete { id: id.clone(), expected })
}

/// A plain event as a person writes it in Outlook.
fn event_body(subject: &str, categories: &[&str]) -> Json {
    json!({
        "subject": subject,
        "start": {"dateTime": "2026-12-01T09:00:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-12-01T10:00:00", "timeZone": "Europe/Berlin"},
        "categories": categories,
    })
}
