//! Free and busy: whether the users of a meeting are free in the calendars of Dynamics.
//!
//! Busy is whoever takes part in an appointment or a service activity that is scheduled (state 3)
//! at a time that overlaps; ends that touch do not. Which
//! occurrences of a series are looked at is not documented: here those whose rows are made at once. Absent: working hours, resources and the rules
//! of services. The texts of `ErrorCode` are not documented; clients must not build on them.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::core::{Core, Moment};
use super::error::Refusal;
use super::schema::{Table, party_table, schema};
use super::store::Row;
use super::value::Cell;
use super::write::duplicate;

/// The tables whose rows take up time; instances of series are appointments.
const CALENDARS: [&str; 2] = ["appointment", "serviceappointment"];

impl Core {
    /// Returns one entry of `ErrorInfoList` when somebody is busy. A key that is taken is refused
    /// before calendars are looked at.
    pub(super) fn clashes(
        &self,
        at: Moment,
        table: &'static Table,
        target: &Map<String, Value>,
    ) -> Result<Vec<Value>, Refusal> {
        let text = |name: &str| target.get(name).and_then(Value::as_str);
        let id = text(table.key).and_then(|text| Uuid::try_parse(text).ok());
        if id.is_some_and(|id| self.store.get(table, id).is_some()) {
            return Err(duplicate());
        }
        let time = |name: &str| text(name).and_then(|text| text.parse::<DateTime<Utc>>().ok());
        let times = match (time("scheduledstart"), time("scheduledend")) {
            _ if Self::is_master(table) => self.first_times(at, target)?,
            (Some(start), Some(end)) => vec![(start, end)],
            _ => return Ok(Vec::new()),
        };
        let is_busy = |user: &Uuid| times.iter().any(|time| self.is_busy(*user, *time));
        let busy: Vec<Value> = users(table, target)
            .into_iter()
            .filter(is_busy)
            .map(|user| self.resource(user))
            .collect();
        let list = json!({ "ErrorCode": "ResourceBusy", "ResourceList": busy });
        Ok(if busy.is_empty() { Vec::new() } else { vec![list] })
    }

    fn is_busy(&self, user: Uuid, (start, end): (DateTime<Utc>, DateTime<Utc>)) -> bool {
        CALENDARS.iter().filter_map(|name| schema().logical(name)).any(|table| {
            let rows = self.store.rows(table);
            let his = rows.by_party.get(&user).into_iter().flatten();
            his.filter_map(|id| rows.rows.get(id)).any(|row| {
                let time = |name: &str| match row.named(table, name) {
                    Some(Cell::Time(time)) => Some(*time),
                    _ => None,
                };
                let overlaps = time("scheduledstart").is_some_and(|begin| begin < end)
                    && time("scheduledend").is_some_and(|over| over > start);
                row.state() == Some(3) && overlaps && takes_part(row, user)
            })
        })
    }

    fn resource(&self, user: Uuid) -> Value {
        let name = schema().logical("systemuser").and_then(|table| {
            let row = self.store.get(table, user)?;
            row.named(table, "fullname")?.str().map(str::to_owned)
        });
        json!({ "Id": user, "DisplayName": name.unwrap_or_default(), "EntityName": "systemuser" })
    }
}

/// Owners and regarding rows are parties, too, and take no part.
fn takes_part(row: &Row, user: Uuid) -> bool {
    let table = party_table();
    row.parties.iter().any(|party| {
        let of = |name: &str| table.column(name).and_then(|at| party.get(at));
        let mask = of("participationtypemask").and_then(Cell::int);
        of("partyid").and_then(Cell::uuid) == Some(user) && matches!(mask, Some(5..=7 | 10))
    })
}

/// Returns the users that the target names as organizer or attendees.
fn users(table: &Table, target: &Map<String, Value>) -> Vec<Uuid> {
    let parties = target.get(&table.party_nav).and_then(Value::as_array);
    let user = |party: &Value| {
        let bind = party["partyid_systemuser@odata.bind"].as_str()?;
        let id = bind.split_once('(')?.1.strip_suffix(')')?;
        Uuid::try_parse(id).ok()
    };
    let mut users: Vec<Uuid> = parties.into_iter().flatten().filter_map(user).collect();
    users.sort_unstable();
    users.dedup();
    users
}
