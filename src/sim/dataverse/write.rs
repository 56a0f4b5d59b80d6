//! Creating, changing and deleting rows, with the rules of the service (protocols.md B3, B9).
//!
//! The Web API and people acting in the Dynamics UI go through the same functions. Absent:
//! plug-ins, duplicate detection, cascades to related rows.

mod body;
mod party;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::access::Depth;
use super::core::{Core, Moment};
use super::error::Refusal;
use super::schema::{Table, col};
use super::store::Row;
use super::value::Cell;

type Body = Map<String, Value>;

impl Core {
    /// Creates a row and returns its id; `id` is set when the caller chose it.
    pub(super) fn create(
        &mut self,
        at: Moment,
        table: &'static Table,
        id: Option<Uuid>,
        body: &Body,
    ) -> Result<Uuid, Refusal> {
        let caller = at.caller;
        if !caller.all && self.privileges(table).write == Depth::None {
            return Err(Refusal::forbidden(caller.user, "Create", table.logical));
        }
        if table.logical == "activityparty" {
            let text = "The method 'Create' does not support entities of type 'activityparty'.";
            return Err(Refusal::new(400, "0x80040800", text));
        }
        let chosen = match body.get(table.key).filter(|value| !value.is_null()) {
            Some(value) => {
                let parsed = value.as_str().and_then(|text| Uuid::try_parse(text).ok());
                Some(parsed.ok_or_else(|| Refusal::payload("The primary key is not a guid"))?)
            }
            None => None,
        };
        if let (Some(id), Some(chosen)) = (id, chosen)
            && id != chosen
        {
            return Err(Refusal::payload("The key in the body differs from the one in the URL"));
        }
        let id = id.or(chosen).unwrap_or_else(|| self.guid());
        if self.store.get(table, id).is_some() {
            return Err(duplicate());
        }
        let mut row = Row::new(table, id);
        row.set(col::OWNER, table.owned.then_some(self.user_ref(caller.user)));
        self.apply(at, table, &mut row, body, true)?;
        self.check_required(table, &row)?;
        self.stamp_created(at, table, &mut row);
        self.settle(at, table, &mut row, None)?;
        self.store.put(table, row);
        if Self::is_master(table) {
            self.begin_series(id, at.now)?;
        }
        self.writes += 1;
        Ok(id)
    }

    /// Changes a row.
    pub(super) fn update(
        &mut self,
        at: Moment,
        table: &'static Table,
        id: Uuid,
        body: &Body,
    ) -> Result<(), Refusal> {
        let before =
            self.store.get(table, id).ok_or_else(|| Refusal::missing(table.logical, id))?;
        if !self.may_write(at.caller, table, before) {
            return Err(denied(at, "WriteAccess", table, id));
        }
        let before = before.clone();
        check_open(table, &before, body)?;
        let mut row = before.clone();
        self.apply(at, table, &mut row, body, false)?;
        if row.state() != before.state() && !body.contains_key("statuscode") {
            row.set(col::STATUS, None);
        }
        row.set(col::MODIFIED, Some(Cell::Time(whole(at.now))));
        row.set(col::MODIFIED_BY, Some(self.user_ref(at.caller.user)));
        row.set(col::MODIFIED_FOR, at.caller.behind.map(|app| self.user_ref(app)));
        self.settle(at, table, &mut row, Some(&before))?;
        Self::mark_exception(&mut row, table);
        self.store.put(table, row);
        if Self::is_master(table) {
            self.after_series_change(at, &before, id)?;
        }
        self.writes += 1;
        Ok(())
    }

    /// Deletes a row.
    pub(super) fn delete(
        &mut self,
        at: Moment,
        table: &'static Table,
        id: Uuid,
    ) -> Result<(), Refusal> {
        let row = self.store.get(table, id).ok_or_else(|| Refusal::missing(table.logical, id))?;
        if !self.may_write(at.caller, table, row) {
            return Err(denied(at, "DeleteAccess", table, id));
        }
        let gone = row.clone();
        self.store.remove(table, id);
        self.drop_attachments(table, id);
        self.after_series_delete(table, &gone);
        self.writes += 1;
        Ok(())
    }

    pub(super) fn user_ref(&self, user: Uuid) -> Cell {
        let index = super::schema::schema().logical("systemuser").map_or(0, |table| table.index);
        Cell::Ref(user, index)
    }

    fn check_required(&self, table: &Table, row: &Row) -> Result<(), Refusal> {
        let empty = table
            .columns
            .iter()
            .enumerate()
            .find(|(index, column)| column.required && row.get(*index).is_none());
        match empty {
            Some((_, column)) => Err(Refusal::invalid(format!(
                "A value must be given for the required column '{}' of '{}'.",
                column.name, table.logical
            ))),
            None => Ok(()),
        }
    }

    fn stamp_created(&self, at: Moment, table: &Table, row: &mut Row) {
        let created = row.named(table, "overriddencreatedon").and_then(Cell::time);
        let now = whole(at.now);
        row.set(col::CREATED, Some(Cell::Time(created.unwrap_or(now))));
        row.set(col::MODIFIED, Some(Cell::Time(now)));
        let (user, behind) = (self.user_ref(at.caller.user), at.caller.behind);
        row.set(col::CREATED_BY, Some(user.clone()));
        row.set(col::MODIFIED_BY, Some(user));
        let behind = behind.map(|app| self.user_ref(app));
        row.set(col::CREATED_FOR, behind.clone());
        row.set(col::MODIFIED_FOR, behind);
        if created.is_some() {
            // The given date goes to createdon, the moment of import to the other column.
            row.put(table, "overriddencreatedon", Cell::Time(now));
        }
    }

    /// Fills what the service computes after a write.
    fn settle(
        &mut self,
        at: Moment,
        table: &'static Table,
        row: &mut Row,
        before: Option<&Row>,
    ) -> Result<(), Refusal> {
        settle_state(table, row)?;
        if table.owned {
            row.set(col::OWNING_USER, row.owner().map(|owner| self.user_ref(owner)));
            let unit = super::schema::schema().logical("businessunit").map_or(0, |t| t.index);
            row.set(col::UNIT, Some(Cell::Ref(self.unit, unit)));
        }
        if matches!(table.logical, "contact" | "lead" | "systemuser") {
            full_name(table, row);
        }
        if table.logical == super::attachments::TABLE {
            self.settle_attachment(at, row)?;
        }
        if table.activity {
            if before.is_none() {
                row.put(table, "activitytypecode", Cell::text(table.logical));
                first_values(table, row);
            }
            actual_end(at.now, table, row, before);
            durations(table, row)?;
            self.implicit_parties(table, row, before);
            if Self::is_master(table) {
                self.settle_series(at, row)?;
            }
        }
        Ok(())
    }
}

impl Core {
    /// The duplicate detection rule that a new organization has: contacts with the same first
    /// e-mail address. Asked only by a request that does not suppress it.
    pub(super) fn check_duplicates(
        &self,
        table: &'static Table,
        body: &Body,
    ) -> Result<(), Refusal> {
        let address = body.get("emailaddress1").and_then(Value::as_str).unwrap_or_default();
        if table.logical != "contact" || address.is_empty() {
            return Ok(());
        }
        let same = |row: &Row| {
            let other = row.named(table, "emailaddress1").and_then(Cell::str);
            row.state() == Some(0) && other.is_some_and(|other| other.eq_ignore_ascii_case(address))
        };
        if self.store.rows(table).rows.values().any(same) {
            let text = "A record was not created or updated because a duplicate of the current \
                        record already exists.";
            return Err(Refusal::new(412, "0x80040333", text));
        }
        Ok(())
    }
}

pub(super) fn duplicate() -> Refusal {
    Refusal::new(412, "0x80040237", "A record with matching key values already exists.")
}

/// The service stores whole seconds.
pub(super) fn whole(now: DateTime<Utc>) -> DateTime<Utc> {
    chrono::SubsecRound::trunc_subsecs(now, 0)
}

fn denied(at: Moment, right: &str, table: &Table, id: Uuid) -> Refusal {
    let text = format!(
        "Principal with id {} does not have {right} right(s) for record with id {id} of entity {}",
        at.caller.user, table.logical
    );
    Refusal::new(403, "0x80040220", text)
}

/// Completed and canceled rows take nothing but a change of state (protocols B9).
fn check_open(table: &Table, before: &Row, body: &Body) -> Result<(), Refusal> {
    if !table.closed(before.state()) {
        return Ok(());
    }
    let only_state = body.keys().all(|key| {
        key == "statecode" || key == "statuscode" || key.starts_with('@') || key == table.key
    });
    let next = body.get("statecode").and_then(Value::as_i64).or_else(|| before.state());
    if only_state && (next == before.state() || !table.closed(next)) {
        return Ok(());
    }
    let text = format!("The {} is closed and read-only until it is reopened.", table.logical);
    Err(Refusal::new(400, "0x80043506", text))
}

fn settle_state(table: &Table, row: &mut Row) -> Result<(), Refusal> {
    if table.states.is_empty() {
        return Ok(());
    }
    let state = row.state().unwrap_or_default();
    row.set(col::STATE, Some(Cell::Int(state)));
    let status = row.get(col::STATUS).and_then(Cell::int);
    let Some(status) = status.or_else(|| table.default_status(state)) else { return Ok(()) };
    if !table.states.contains(&(state, status)) {
        let text = format!(
            "{status} is not a valid status code for state code {state} on {}.",
            table.logical
        );
        return Err(Refusal::new(400, "0x80048408", text));
    }
    row.set(col::STATUS, Some(Cell::Int(status)));
    Ok(())
}

fn first_values(table: &Table, row: &mut Row) {
    let defaults = [
        ("prioritycode", Cell::Int(1)),
        ("ismapiprivate", Cell::Bool(false)),
        ("isregularactivity", Cell::Bool(true)),
        ("isbilled", Cell::Bool(false)),
        ("isalldayevent", Cell::Bool(false)),
        ("isdraft", Cell::Bool(false)),
        ("attachmenterrors", Cell::Int(0)),
        ("attachmentcount", Cell::Int(0)),
    ];
    for (name, cell) in defaults {
        if row.named(table, name).is_none() {
            row.put(table, name, cell);
        }
    }
    let series = table.logical == "recurringappointmentmaster";
    row.put(table, "instancetypecode", Cell::Int(i64::from(series)));
}

fn full_name(table: &Table, row: &mut Row) {
    let part = |name: &str| row.named(table, name).and_then(Cell::str).unwrap_or_default();
    let whole = format!("{} {}", part("firstname"), part("lastname"));
    let whole = whole.trim();
    let cell = (!whole.is_empty()).then(|| Cell::text(whole));
    if let Some(column) = table.column("fullname") {
        row.set(column, cell);
    }
}

/// "By default, it displays the date and time when the activity was completed or canceled."
fn actual_end(now: DateTime<Utc>, table: &Table, row: &mut Row, before: Option<&Row>) {
    let closed = |state: Option<i64>| matches!(state, Some(1 | 2));
    let closing = closed(row.state()) && !closed(before.and_then(Row::state));
    if closing && row.named(table, "actualend").is_none() {
        let end = if table.logical == "task" {
            now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc()
        } else {
            whole(now)
        };
        row.put(table, "actualend", Cell::Time(end));
    }
}

/// The duration follows start and end; an end before its start is refused.
fn durations(table: &Table, row: &mut Row) -> Result<(), Refusal> {
    let time = |name: &str| row.named(table, name).and_then(Cell::time);
    let (Some(start), Some(end)) = (time("scheduledstart"), time("scheduledend")) else {
        return Ok(());
    };
    let length: Duration = end - start;
    if length < Duration::zero() {
        let text = "The start date and time must be before the end date and time.";
        return Err(Refusal::new(400, "0x80043b1c", text));
    }
    row.put(table, "scheduleddurationminutes", Cell::Int(length.num_minutes()));
    Ok(())
}
