//! Series against the Dataverse stand-in, in one process: the adapter's own requests, part by part,
//! without sessions and sockets. Tests only.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value as Json;
use uuid::Uuid;

use super::batch::{Part, PartReply};
use super::lookup::complete;
use super::map::series::{ZoneCodes, instant_of, write};
use super::map::{Table, write as columns};
use super::series::{by_start, exceptions_of, instances_of, observed, part};
use crate::domain::code::Code;
use crate::domain::field::{Field, Patch, Value};
use crate::domain::ids::NativeId;
use crate::domain::kind::Kind;
use crate::domain::observation::{Observation, Presence};
use crate::domain::plan::Outcome;
use crate::domain::recurrence::{Exception, Recurrence};
use crate::sim::dataverse::{DataverseConfig, DataverseSim};
use crate::sim::directory::AppCredentials;
use crate::sim::wire::Request;

const BASE: &str = "http://127.0.0.1:1/contoso/dataverse";
const PATH: &str = "/contoso/dataverse/api/data/v9.2";

/// The stand-in of one organization, asked by the application.
pub(crate) struct Desk {
    sim: DataverseSim,
    token: String,
    now: DateTime<Utc>,
    made: u128,
}

impl Desk {
    /// Founds an organization at an instant.
    pub(crate) fn new(now: DateTime<Utc>) -> Self {
        let mut sim = DataverseSim::new(DataverseConfig {
            base_url: BASE.into(),
            app: AppCredentials { client_id: "app".into(), client_secret: "secret".into() },
            token_lifetime: TimeDelta::days(1),
            people: Vec::new(),
            seed: 7,
        });
        let form = format!(
            "grant_type=client_credentials&client_id=app&client_secret=secret&scope={BASE}/.default"
        );
        let request = Request {
            method: "POST".into(),
            target: "/token".into(),
            headers: vec![("Content-Type".into(), "application/x-www-form-urlencoded".into())],
            body: form.into_bytes(),
        };
        let granted: Json = serde_json::from_slice(&sim.token(&request, now).body).unwrap();
        let token = granted["access_token"].as_str().unwrap().to_owned();
        Self { sim, token, now, made: 0 }
    }

    /// Creates a series and its exceptions as the adapter does, and returns it as it is then read.
    pub(crate) fn made(&mut self, patch: &Patch) -> Result<Observation, Code> {
        let query = "timezonedefinitions?$select=timezonecode,standardname".to_owned();
        let zones = ZoneCodes::of_rows(&self.list(&Part::get(query)));
        let table = Table::of(Kind::RecurringAppointment);
        self.made += 1;
        let id = NativeId::new(Uuid::from_u128(self.made).to_string());
        let mut written = columns::body(table, patch, &[])?;
        let value = |field| patch.iter().find(|(one, _)| *one == field)?.1.as_ref();
        let Some(Value::Recurrence(series)) = value(Field::Recurrence) else {
            panic!("no series: {patch:?}")
        };
        write(&mut written.body, series, &zones)?;
        let body = Json::Object(written.body).to_string();
        let path = format!("{}({id})", table.set);
        let create = Part { method: "PATCH", path, headers: Vec::new(), body: Some(body) };
        self.fine(&create.with("If-None-Match", "*"));
        if let Some(Value::Exceptions(list)) = value(Field::Exceptions) {
            self.deviate(&id, series, list)?;
        }
        let row = self.fine(&complete(table, &id));
        let exceptions = self.list(&exceptions_of(&id));
        Ok(observed(&id, &row, Presence::Present, &exceptions, &zones))
    }

    fn deviate(
        &mut self,
        id: &NativeId,
        series: &Recurrence,
        list: &[Exception],
    ) -> Result<(), Code> {
        let instances = by_start(&self.list(&instances_of(id)));
        for one in list {
            let at = instant_of(series, one.day).timestamp();
            let instance = instances.get(&at).unwrap_or_else(|| panic!("no row of {one:?}"));
            match part(series, one, instance) {
                Ok(part) => self.fine(&part),
                Err(Outcome::Refused(code)) => return Err(code),
                Err(outcome) => panic!("{outcome:?}"),
            };
        }
        Ok(())
    }

    /// Returns when the rows of the latest series begin by its pattern, in order.
    pub(crate) fn starts(&mut self) -> Vec<DateTime<Utc>> {
        let id = NativeId::new(Uuid::from_u128(self.made).to_string());
        let rows = by_start(&self.list(&instances_of(&id)));
        let mut starts: Vec<_> =
            rows.keys().filter_map(|at| DateTime::from_timestamp(*at, 0)).collect();
        starts.sort_unstable();
        starts
    }

    fn list(&mut self, part: &Part) -> Vec<Json> {
        self.fine(part)["value"].as_array().unwrap().clone()
    }

    /// Sends a part; the stand-in must not refuse it.
    fn fine(&mut self, part: &Part) -> Json {
        let reply = self.send(part);
        let text = String::from_utf8_lossy(&reply.body);
        assert!(reply.is_success(), "{} {}: {} {text}", part.method, part.path, reply.status);
        if reply.body.is_empty() { Json::Null } else { serde_json::from_str(&text).unwrap() }
    }

    fn send(&mut self, part: &Part) -> PartReply {
        let standard = [
            ("Accept", "application/json"),
            ("Content-Type", "application/json"),
            ("OData-MaxVersion", "4.0"),
            ("OData-Version", "4.0"),
        ];
        let bearer = ("Authorization".to_owned(), format!("Bearer {}", self.token));
        let own = part
            .headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone().into_owned()));
        let request = Request {
            method: part.method.to_owned(),
            target: format!("{PATH}/{}", part.path),
            headers: standard
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into_iter()
                .chain(own)
                .chain([bearer])
                .collect(),
            body: part.body.clone().unwrap_or_default().into_bytes(),
        };
        let answer = self.sim.handle(&request, self.now);
        PartReply { status: answer.status, headers: Box::default(), body: answer.body }
    }
}
