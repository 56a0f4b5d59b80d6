//! Tests of the Dataverse stand-in, through its public face.

mod batches;
mod lists;
mod queries;
mod series;
mod templates;
mod tracking;
mod writing;

use chrono::{DateTime, Duration, TimeZone, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{DataverseConfig, DataverseSim};
use crate::sim::directory::{AppCredentials, Person};
use crate::sim::wire::{Request, Response};

pub(super) const BASE: &str = "http://host/contoso/dataverse";

pub(super) struct Desk {
    pub(super) sim: DataverseSim,
    pub(super) now: DateTime<Utc>,
    token: String,
    pub(super) people: Vec<Person>,
}

fn person(number: u128, name: &str) -> Person {
    Person {
        user_id: Uuid::from_u128(0x1000 + number),
        object_id: Uuid::from_u128(0x2000 + number),
        mailbox_id: Uuid::from_u128(0x3000 + number),
        address: format!("{}@contoso.example", name.to_lowercase()),
        given_name: name.to_owned(),
        surname: "Example".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
    }
}

impl Desk {
    pub(super) fn new() -> Self {
        Self::with(vec![person(1, "Ann"), person(2, "Ben")])
    }

    pub(super) fn with(people: Vec<Person>) -> Self {
        let mut sim = DataverseSim::new(DataverseConfig {
            base_url: BASE.into(),
            app: AppCredentials { client_id: "app".into(), client_secret: "secret".into() },
            token_lifetime: Duration::hours(1),
            people: people.clone(),
            seed: 7,
        });
        let now = Utc.with_ymd_and_hms(2026, 3, 4, 10, 30, 15).unwrap();
        let form = format!(
            "grant_type=client_credentials&client_id=app&client_secret=secret&scope={}",
            super::cookie::encode(&format!("{BASE}/.default"))
        );
        let answer = sim.token(
            &Request {
                method: "POST".into(),
                target: "/token".into(),
                headers: vec![("Content-Type".into(), "application/x-www-form-urlencoded".into())],
                body: form.into_bytes(),
            },
            now,
        );
        let token = body(&answer)["access_token"].as_str().unwrap().to_owned();
        Self { sim, now, token, people }
    }

    pub(super) fn ann(&self) -> Uuid {
        self.people[0].user_id
    }

    pub(super) fn ben(&self) -> Uuid {
        self.people[1].user_id
    }

    pub(super) fn call(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        sent: Option<Value>,
    ) -> Response {
        let mut all = vec![("Authorization".to_owned(), format!("Bearer {}", self.token))];
        all.extend(headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        let typed = headers.iter().any(|(name, _)| *name == "Content-Type");
        if sent.is_some() && !typed {
            all.push(("Content-Type".into(), "application/json".into()));
        }
        let body = sent.map_or(Vec::new(), |value| match value.as_str() {
            Some(raw) if typed => raw.as_bytes().to_vec(),
            _ => value.to_string().into_bytes(),
        });
        let request = Request {
            method: method.into(),
            target: format!("/api/data/v9.2/{target}"),
            headers: all,
            body,
        };
        self.sim.handle(&request, self.now)
    }

    pub(super) fn get(&mut self, target: &str) -> Response {
        self.call("GET", target, &[], None)
    }

    pub(super) fn post(&mut self, set: &str, sent: Value) -> Uuid {
        let answer = self.call("POST", set, &[], Some(sent));
        assert_eq!(answer.status, 204, "{}", String::from_utf8_lossy(&answer.body));
        let url = answer.header("OData-EntityId").unwrap();
        let (_, id) = url.rsplit_once('(').unwrap();
        id.trim_end_matches(')').parse().unwrap()
    }

    pub(super) fn patch(&mut self, set: &str, id: Uuid, sent: Value) -> Response {
        self.call("PATCH", &format!("{set}({id})"), &[], Some(sent))
    }

    /// An account that everyone can read.
    pub(super) fn account(&mut self, name: &str) -> Uuid {
        self.post("accounts", json!({ "name": name, "emailaddress1": "info@fabrikam.example" }))
    }
}

pub(super) fn body(response: &Response) -> Value {
    serde_json::from_slice(&response.body)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&response.body)))
}

pub(super) fn refused(response: &Response, status: u16, code: &str) {
    assert_eq!(response.status, status, "{}", String::from_utf8_lossy(&response.body));
    assert_eq!(body(response)["error"]["code"], code);
}

pub(super) fn ids(response: &Response, key: &str) -> Vec<Uuid> {
    assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
    let value = body(response)["value"].as_array().unwrap().clone();
    value.iter().map(|row| row[key].as_str().unwrap().parse().unwrap()).collect()
}

pub(super) fn enc(text: &str) -> String {
    super::cookie::encode(text)
}

pub(super) fn fetch_url(set: &str, xml: &str) -> String {
    format!("{set}?fetchXml={}", enc(xml))
}

#[test]
fn tokens_are_demanded_and_expire() {
    // A call without a valid token gets 401.
    let mut desk = Desk::new();
    assert_eq!(desk.get("WhoAmI").status, 200);
    desk.now += Duration::hours(2);
    let answer = desk.get("WhoAmI");
    assert_eq!(answer.status, 401);
    assert!(answer.header("WWW-Authenticate").is_some());
}

#[test]
fn who_am_i_follows_impersonation() {
    // Both impersonation headers name the effective user; an unknown one is refused.
    let mut desk = Desk::new();
    let object = desk.people[0].object_id.to_string();
    let by_object = desk.call("GET", "WhoAmI()", &[("CallerObjectId", &object)], None);
    assert_eq!(body(&by_object)["UserId"], json!(desk.ann()));
    let user = desk.ben().to_string();
    let by_user = desk.call("GET", "WhoAmI", &[("MSCRMCallerID", &user)], None);
    assert_eq!(body(&by_user)["UserId"], json!(desk.ben()));
    let own = desk.get("WhoAmI");
    assert_eq!(body(&own)["UserId"], json!(desk.sim.application_user()));
    let unknown = Uuid::from_u128(99).to_string();
    let answer = desk.call("GET", "WhoAmI", &[("CallerObjectId", &unknown)], None);
    assert_eq!(answer.status, 403);
}

#[test]
fn a_new_organization_has_ready_mailboxes() {
    // Each person has one approved, tested and enabled mailbox record and a systemuser.
    let desk = Desk::new();
    let mailboxes = desk.sim.rows("mailboxes");
    assert_eq!(mailboxes.len(), 2);
    for mailbox in mailboxes {
        assert_eq!(mailbox["emailrouteraccessapproval"], 1);
        assert_eq!(mailbox["actdeliverymethod"], 1);
        assert_eq!(mailbox["actstatus"], 1);
        assert_eq!(mailbox["enabledforact"], true);
    }
    let user = desk.sim.row("systemusers", desk.ann()).unwrap();
    assert_eq!(user["internalemailaddress"], "ann@contoso.example");
    assert_eq!(user["isdisabled"], false);
    assert_eq!(desk.sim.rows("emailserverprofiles").len(), 1);
}

#[test]
fn the_request_budget_slides_over_five_minutes() {
    // Request 6,001 within 300 s gets 429 with Retry-After; later requests get through again.
    let mut desk = Desk::new();
    for _ in 0..6_000 {
        desk.get("WhoAmI");
    }
    let answer = desk.get("WhoAmI");
    refused(&answer, 429, "0x80072322");
    let first: u32 = answer.header("Retry-After").unwrap().parse().unwrap();
    let second: u32 = desk.get("WhoAmI").header("Retry-After").unwrap().parse().unwrap();
    assert!(first >= 300 && second > first, "demand lets the wait grow");
    desk.now += Duration::seconds(300);
    let answer = desk.get("WhoAmI");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-ms-ratelimit-burst-remaining-xrm-requests"), Some("5999"));
}

#[test]
fn concurrency_is_refused_for_the_application() {
    // All calls share the application user's budget; too many at once get 0x80072326.
    let mut desk = Desk::new();
    let request = Request {
        method: "GET".into(),
        target: "/api/data/v9.2/WhoAmI".into(),
        headers: vec![("CallerObjectId".into(), "x".into())],
        body: Vec::new(),
    };
    let app = desk.sim.application_user().to_string();
    assert_eq!(desk.sim.concurrency_key(&request), Some(app));
    refused(&desk.sim.refuse_concurrency(desk.now), 429, "0x80072326");
}

#[test]
fn metadata_tells_which_tables_are_tracked() {
    // EntityDefinitions can be filtered by ChangeTrackingEnabled.
    let mut desk = Desk::new();
    desk.sim.set_change_tracking("letter", false);
    let url = "EntityDefinitions?$filter=ChangeTrackingEnabled%20eq%20true&$select=LogicalName";
    let text = body(&desk.get(url)).to_string();
    assert!(text.contains("\"appointment\"") && !text.contains("\"letter\""));
    let one = desk.get("EntityDefinitions(LogicalName='letter')?$select=ChangeTrackingEnabled");
    assert_eq!(body(&one)["ChangeTrackingEnabled"], false);
    assert_eq!(desk.get("$metadata").status, 200);
    assert!(body(&desk.get("RetrieveVersion()"))["Version"].is_string());
}

#[test]
fn every_schema_line_is_understood() {
    // No line of the column texts is skipped, and every state has a default status.
    for table in &super::schema::schema().tables {
        assert!(table.columns.len() >= 13, "{}", table.logical);
        for (position, column) in table.columns.iter().enumerate() {
            let known = table.by_name.get(column.name) == Some(&position);
            assert!(known || column.hidden, "{} {}", table.logical, column.name);
        }
        let states: Vec<i64> = table.states.iter().map(|(state, _)| *state).collect();
        assert!(states.iter().all(|state| table.default_status(*state).is_some()));
    }
    assert_eq!(super::schema::skipped_lines(), Vec::<&str>::new());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]
    #[test]
    fn no_request_makes_it_panic(
        method in "(GET|POST|PATCH|DELETE|PUT)",
        path in "(tasks|contacts|appointments|userqueries|\\$batch|Book)(\\([0-9a-f-]{0,36}\\))?",
        query in "(\\?(\\$filter|\\$select|\\$expand|\\$skiptoken|\\$deltatoken|fetchXml)=[a-z0-9 $()=',%@<>/!\"\\[\\]-]{0,60})?",
        sent in "[ -~\r\n]{0,80}",
    ) {
        // Whatever comes in is answered, never with a server error.
        let mut desk = Desk::new();
        let target = format!("{path}{query}");
        for kind in ["application/json", "multipart/mixed; boundary=b"] {
            let answer =
                desk.call(&method, &target, &[("Content-Type", kind)], Some(json!(sent)));
            proptest::prop_assert!(answer.status < 500);
        }
    }

    #[test]
    fn no_condition_makes_it_panic(
        column in "(subject|scheduledend|ownerid|prioritycode|activityid)",
        operator in "(eq|ne|lt|in|between|like|on|last-x-days|next-x-weeks|olderthan-x-months|next-x-years|last-x-hours|today|eq-userid)",
        value in "(-?[0-9]{1,12}|[0-9]{4}-[0-9]{2}-[0-9]{2}|[a-z%_]{0,9})",
    ) {
        // Every condition is answered or refused.
        let mut desk = Desk::new();
        desk.post("tasks", json!({ "subject": "x", "scheduledend": "2026-03-04T10:00:00Z" }));
        let xml = format!(
            "<fetch><entity name='task'><filter><condition attribute='{column}' \
             operator='{operator}' value='{value}'/></filter></entity></fetch>"
        );
        let status = desk.get(&fetch_url("tasks", &xml)).status;
        proptest::prop_assert!(status == 200 || status == 400);
    }
}
