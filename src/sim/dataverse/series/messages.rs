//! The messages of the service about single occurrences and the end of a series (Web API reference
//! of `CreateException`, `CreateInstance` and `DeleteOpenInstances`; "Delete or end a recurring
//! appointment series or instance").
//!
//! Absent: exceptions of occurrences that have no row yet; how their series is named is not
//! documented. There is no documented message that makes one appointment of a series.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{INSTANCE, MASTER, table};
use crate::sim::dataverse::DataverseSim;
use crate::sim::dataverse::core::{Core, Moment};
use crate::sim::dataverse::error::Refusal;
use crate::sim::dataverse::schema::{Table, col};
use crate::sim::dataverse::store::Row;
use crate::sim::dataverse::value::Cell;
use crate::sim::wire::Response;

type Body = Map<String, Value>;

impl Core {
    /// Answers a message about series; nothing when `segments` name none.
    pub(in crate::sim::dataverse) fn series_message(
        &mut self,
        at: Moment,
        segments: &[&str],
        sent: &Body,
    ) -> Result<Option<Response>, Refusal> {
        let (name, said) = match segments {
            ["recurringappointmentmasters", "Microsoft.Dynamics.CRM.CreateException"] => {
                let id = self.create_exception(at, sent)?;
                ("CreateException", json!({ "id": id }))
            }
            ["CreateInstance"] => {
                let more = self.create_instance(at, sent)?;
                ("CreateInstance", json!({ "SeriesCanBeExpanded": more }))
            }
            ["DeleteOpenInstances"] => {
                self.delete_open_instances(at, sent)?;
                return Ok(Some(Response::empty(204)));
            }
            _ => return Ok(None),
        };
        let mut answer = said;
        let context = self.context(&format!("Microsoft.Dynamics.CRM.{name}Response"), "");
        answer["@odata.context"] = json!(context);
        Ok(Some(Response::json(200, &answer)))
    }

    /// Changes or deletes an instance, which is an exception from then on.
    fn create_exception(&mut self, at: Moment, sent: &Body) -> Result<Uuid, Refusal> {
        let instances = table(INSTANCE)?;
        let (id, mut change) = target(sent, INSTANCE)?;
        let start = instant(sent, "OriginalStartDate")?;
        let deleted = sent.get("IsDeleted").and_then(Value::as_bool);
        let deleted = deleted.ok_or_else(|| missing("IsDeleted"))?;
        let row = self.store.get(instances, id).ok_or_else(|| Refusal::missing(INSTANCE, id))?;
        let original = row.named(instances, "originalstartdate").and_then(Cell::time);
        if row.named(instances, "seriesid").is_none() || original != Some(start) {
            return Err(Refusal::payload("'Target' is no instance of that original start date."));
        }
        if deleted {
            self.delete(at, instances, id)?;
        } else {
            change.remove(instances.key);
            self.update(at, instances, id, &change)?;
        }
        Ok(id)
    }

    /// Makes instances after the last one, up to the end of the window. Tells whether more can be made.
    fn create_instance(&mut self, at: Moment, sent: &Body) -> Result<bool, Refusal> {
        let masters = table(MASTER)?;
        let (id, _) = target(sent, MASTER)?;
        let count = sent.get("Count").and_then(Value::as_i64).filter(|count| *count > 0);
        let count = count.ok_or_else(|| missing("Count"))?;
        self.own_series(at, masters, id)?;
        self.expand(id, at.now, count)?;
        self.writes += 1;
        let state =
            self.store.get(masters, id).and_then(|row| row.named(masters, "expansionstatecode"));
        Ok(state == Some(&Cell::Int(1)))
    }

    /// Ends a series: open instances from a date on go, those before it take a state, and the series
    /// is canceled and ends with the last of them.
    fn delete_open_instances(&mut self, at: Moment, sent: &Body) -> Result<(), Refusal> {
        let (masters, instances) = (table(MASTER)?, table(INSTANCE)?);
        let (id, _) = target(sent, MASTER)?;
        let end = instant(sent, "SeriesEndDate")?;
        let state = sent.get("StateOfPastInstances").and_then(Value::as_i64);
        let state = state.filter(|state| instances.states.iter().any(|(known, _)| known == state));
        let state = state.ok_or_else(|| missing("StateOfPastInstances"))?;
        let mut master = self.own_series(at, masters, id)?;
        let mut last = None;
        for one in self.instances_of(id) {
            let Some(mut row) = self.store.get(instances, one).cloned() else { continue };
            let start = row.named(instances, "scheduledstart").and_then(Cell::time);
            if start.is_some_and(|start| start < end) {
                last = last.max(start);
                put_state(instances, &mut row, state);
                self.store.put(instances, row);
            } else if matches!(row.state(), Some(0 | 3)) {
                self.store.remove(instances, one);
            }
        }
        if let Some(last) = last {
            master.put(masters, "patternendtype", Cell::Int(3));
            master.put(masters, "patternenddate", Cell::Time(last));
            master.put(masters, "effectiveenddate", Cell::Time(last));
            if let Some(column) = masters.column("occurrences") {
                master.set(column, None);
            }
        }
        master.put(masters, "expansionstatecode", Cell::Int(2));
        put_state(masters, &mut master, 2);
        self.series_jobs.remove(&id);
        self.store.put(masters, master);
        self.writes += 1;
        Ok(())
    }

    fn own_series(&self, at: Moment, masters: &'static Table, id: Uuid) -> Result<Row, Refusal> {
        let row = self.readable(at.caller, masters, id)?;
        if self.may_write(at.caller, masters, row) {
            return Ok(row.clone());
        }
        Err(Refusal::forbidden(at.caller.user, "Write", masters.logical))
    }
}

impl DataverseSim {
    /// Sends a message about a series as that person: `CreateException`, `CreateInstance` or
    /// `DeleteOpenInstances`.
    ///
    /// # Errors
    /// Refuses what the service refuses.
    pub fn user_message(
        &mut self,
        user: Uuid,
        path: &str,
        sent: &Value,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let segments: Vec<&str> = path.split('/').collect();
        let body = sent.as_object().ok_or_else(|| Refusal::payload("No object was sent."))?;
        self.core.expand_due(now);
        let at = crate::sim::dataverse::by(user, now);
        let answer = self.beside(|core| core.series_message(at, &segments, body))?;
        answer.map(|_| ()).ok_or_else(|| Refusal::payload("No such message."))
    }
}

/// Returns the row that a message is about, and the columns sent with it.
fn target(sent: &Body, logical: &str) -> Result<(Uuid, Body), Refusal> {
    let target = sent.get("Target").and_then(Value::as_object).ok_or_else(|| missing("Target"))?;
    let kind = target.get("@odata.type").and_then(Value::as_str).unwrap_or_default();
    let kind = kind.trim_start_matches('#').strip_prefix("Microsoft.Dynamics.CRM.");
    if kind != Some(logical) {
        return Err(Refusal::payload("'@odata.type' of 'Target' names another table."));
    }
    let id = target.get("activityid").and_then(Value::as_str);
    let id = id.and_then(|text| Uuid::try_parse(text).ok()).ok_or_else(|| missing("activityid"))?;
    let mut columns = target.clone();
    columns.retain(|name, _| name != "@odata.type");
    Ok((id, columns))
}

fn instant(sent: &Body, name: &str) -> Result<DateTime<Utc>, Refusal> {
    let text = sent.get(name).and_then(Value::as_str);
    text.and_then(|text| text.parse().ok()).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Refusal {
    Refusal::payload(format!("The parameter '{name}' is missing or wrong."))
}

fn put_state(table: &Table, row: &mut Row, state: i64) {
    row.set(col::STATE, Some(Cell::Int(state)));
    row.set(col::STATUS, table.default_status(state).map(Cell::Int));
}
