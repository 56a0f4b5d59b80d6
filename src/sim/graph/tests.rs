//! Tests of the whole stand-in over its wire.

mod anything;
mod batches;
mod calendar;
mod calendars;
mod delta_rounds;
mod parts;
mod people;
mod subscriptions;
mod tasks_contacts;

use chrono::{DateTime, Duration, TimeZone as _, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{GraphConfig, GraphSim, MailKind};
use crate::sim::directory::{AppCredentials, Person};
use crate::sim::wire::{Request, Response};

pub(super) const ANNA: &str = "anna@contoso.com";
pub(super) const BEN: &str = "ben@contoso.com";
pub(super) const MARK: &str = "String {3c1f6a52-8d0e-4b7a-9a53-6d0b6c9f2e11} Name LockstepLink";

pub(super) struct Bench {
    pub(super) sim: GraphSim,
    pub(super) now: DateTime<Utc>,
    token: String,
}

fn person(number: u128, name: &str) -> Person {
    Person {
        user_id: Uuid::from_u128(number),
        object_id: Uuid::from_u128(number + 1000),
        mailbox_id: Uuid::from_u128(number + 2000),
        address: format!("{name}@contoso.com"),
        given_name: name.to_owned(),
        surname: "Example".into(),
        time_zone: "Europe/Berlin".into(),
    }
}

pub(super) fn url(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

pub(super) fn body(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_default()
}

pub(super) fn code(response: &Response) -> String {
    body(response)["error"]["code"].as_str().unwrap_or_default().to_owned()
}

pub(super) fn meeting() -> Value {
    json!({ "subject": "Plan", "body": { "contentType": "text", "content": "Hello" },
        "start": { "dateTime": "2026-11-25T10:00:00", "timeZone": "Europe/Berlin" },
        "end": { "dateTime": "2026-11-25T11:00:00", "timeZone": "W. Europe Standard Time" } })
}

pub(super) fn with(mut base: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}

pub(super) fn invited(addresses: &[&str]) -> Value {
    addresses.iter().map(|to| json!({ "emailAddress": { "address": to } })).collect()
}

impl Bench {
    pub(super) fn new() -> Self {
        let app = AppCredentials { client_id: "app".into(), client_secret: "secret".into() };
        let mut sim = GraphSim::new(GraphConfig {
            base_url: "http://127.0.0.1:1/contoso/graph".into(),
            app,
            token_lifetime: Duration::hours(30),
            people: vec![person(1, "anna"), person(2, "ben"), person(3, "cleo")],
            seed: 7,
        });
        sim.set_delta_noise(0);
        let now = Utc.with_ymd_and_hms(2026, 11, 24, 8, 0, 0).unwrap();
        let mut made = Self { sim, now, token: String::new() };
        made.grant();
        made
    }

    /// Gets another token.
    pub(super) fn grant(&mut self) {
        let form = "client_id=app&client_secret=secret&grant_type=client_credentials\
                    &scope=https%3A%2F%2Fgraph.microsoft.com%2F.default";
        let request = Request {
            method: "POST".into(),
            target: "/token".into(),
            headers: vec![("Content-Type".into(), "application/x-www-form-urlencoded".into())],
            body: form.as_bytes().to_vec(),
        };
        let answer = body(&self.sim.token(&request, self.now));
        answer["access_token"].as_str().unwrap().clone_into(&mut self.token);
    }

    pub(super) fn request(&self, method: &str, target: &str, given: Option<&Value>) -> Request {
        let mut headers = vec![("Authorization".into(), format!("Bearer {}", self.token))];
        if given.is_some() {
            headers.push(("content-type".into(), "application/json".into()));
        }
        let target = target.strip_prefix("http://127.0.0.1:1/contoso/graph").unwrap_or(target);
        let target = match target.starts_with("/v1.0") {
            true => target.to_owned(),
            false => format!("/v1.0/users/{ANNA}{target}"),
        };
        let body = given.map(|value| value.to_string().into_bytes()).unwrap_or_default();
        Request { method: method.into(), target, headers, body }
    }

    pub(super) fn send(&mut self, request: &Request) -> Response {
        let now = self.now;
        self.sim.handle(request, now)
    }

    pub(super) fn get(&mut self, target: &str) -> Response {
        let request = self.request("GET", target, None);
        self.send(&request)
    }

    pub(super) fn get_preferring(&mut self, target: &str, prefer: &str) -> Response {
        let mut request = self.request("GET", target, None);
        request.headers.push(("Prefer".into(), prefer.into()));
        self.send(&request)
    }

    pub(super) fn call(&mut self, method: &str, target: &str, given: &Value) -> Response {
        let request = self.request(method, target, Some(given));
        self.send(&request)
    }

    pub(super) fn delete(&mut self, target: &str) -> Response {
        let request = self.request("DELETE", target, None);
        self.send(&request)
    }

    /// Creates something and returns the resource.
    pub(super) fn made(&mut self, target: &str, given: &Value) -> Value {
        let answer = self.call("POST", target, given);
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        body(&answer)
    }

    /// Follows a round to its end and returns its rows and the delta link.
    pub(super) fn round(&mut self, start: &str) -> (Vec<Value>, String) {
        let mut rows = Vec::new();
        let mut link = start.to_owned();
        for _ in 0..500 {
            let answer = self.get(&link);
            assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
            let page = body(&answer);
            rows.extend(page["value"].as_array().unwrap().iter().cloned());
            if let Some(end) = page["@odata.deltaLink"].as_str() {
                return (rows, end.to_owned());
            }
            link = page["@odata.nextLink"].as_str().unwrap().to_owned();
        }
        panic!("the round does not end");
    }

    pub(super) fn mails(&self) -> Vec<(MailKind, String)> {
        self.sim.ledger().iter().map(|mail| (mail.kind, mail.to.clone())).collect()
    }

    pub(super) fn later(&mut self, seconds: i64) {
        self.now += Duration::seconds(seconds);
    }
}

pub(super) fn id(row: &Value) -> String {
    row["id"].as_str().unwrap().to_owned()
}
