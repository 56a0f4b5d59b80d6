//! What people and bookings do with whole series: making one of an appointment, looking at the first
//! occurrences of one that is not there yet.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::rule::{jiff_of, rule_of};
use super::{MASTER, RULE, table};
use crate::sim::dataverse::DataverseSim;
use crate::sim::dataverse::core::{Core, Moment};
use crate::sim::dataverse::error::Refusal;
use crate::sim::dataverse::store::Row;
use crate::sim::dataverse::value::Cell;
use crate::sim::graph::calendar::local;

/// How far ahead occurrences of a series are looked at when it is booked.
const LOOK_AHEAD_DAYS: i64 = 730;

type Times = (DateTime<Utc>, DateTime<Utc>);

impl Core {
    /// Returns when the occurrences take place whose rows a new series gets at once.
    pub(in crate::sim::dataverse) fn first_times(
        &self,
        at: Moment,
        target: &Map<String, Value>,
    ) -> Result<Vec<Times>, Refusal> {
        let masters = table(MASTER)?;
        let mut row = Row::new(masters, Uuid::nil());
        let zone = self.zone_code_of(at.caller.user);
        row.put(masters, "utcconversiontimezonecode", Cell::Int(zone));
        for name in RULE {
            let cell = match target.get(name) {
                Some(Value::Bool(flag)) => Some(Cell::Bool(*flag)),
                Some(Value::Number(number)) => number.as_i64().map(Cell::Int),
                Some(Value::String(text)) => text.parse().ok().map(Cell::Time),
                Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => None,
            };
            if let Some(cell) = cell {
                row.put(masters, name, cell);
            }
        }
        let rule = rule_of(masters, &row)?;
        let horizon = jiff_of(at.now + Duration::days(LOOK_AHEAD_DAYS));
        let most = self.organization_number("recurrenceexpansionsynchcreatemax", 15);
        let dates = rule.dates.dates(local(horizon, &rule.zone).date());
        dates
            .into_iter()
            .take(usize::try_from(most).unwrap_or(0))
            .map(|date| rule.times(date))
            .collect()
    }
}

impl DataverseSim {
    /// Makes a series of an appointment, as that person in the app (`AddRecurrence`): a new master
    /// with its words and people, and the appointment is deleted.
    ///
    /// # Errors
    /// Refuses an appointment that is not there and a rule that makes no series.
    pub fn user_add_recurrence(
        &mut self,
        user: Uuid,
        appointment: Uuid,
        rule: &Value,
        now: DateTime<Utc>,
    ) -> Result<Uuid, Refusal> {
        let missing = || Refusal::missing("appointment", appointment);
        let row = self.row("appointments", appointment).ok_or_else(missing)?;
        let mut body = Map::new();
        for name in
            ["subject", "description", "location", "prioritycode", "statecode", "statuscode"]
        {
            body.insert(name.to_owned(), row[name].clone());
        }
        let party = |party: &Value| {
            let mask = &party["participationtypemask"];
            let taking_part = matches!(mask.as_i64(), Some(5..=7));
            taking_part.then(|| match (party["partyid"].as_str(), party["partytable"].as_str()) {
                (Some(id), Some(table)) => {
                    let bind = format!("/{table}s({id})");
                    json!({ format!("partyid_{table}@odata.bind"): bind,
                        "participationtypemask": mask })
                }
                _ => json!({ "addressused": party["addressused"], "participationtypemask": mask }),
            })
        };
        let parties = row["parties"].as_array().into_iter().flatten().filter_map(party).collect();
        body.insert("recurringappointmentmaster_activity_parties".to_owned(), parties);
        if let Value::Object(rule) = rule {
            body.extend(rule.clone());
        }
        let set = "recurringappointmentmasters";
        let made = self.user_create(user, set, &Value::Object(body), now)?;
        self.user_delete(user, "appointments", appointment, now)?;
        Ok(made)
    }
}
