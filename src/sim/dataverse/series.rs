//! Recurring appointments: the rule of a master, its instances, and what writes do to them
//! (protocols.md B11; create-, update- and delete-recurring-appointment, partial-expansion-model).
//!
//! Instances are rows of `appointment`. The first of them are made at once, the rest by a job that
//! runs when its time has come, inside the organization's window. The form of
//! `deletedexceptionslist` is not documented: here it is instants parted by commas. The clocks of
//! a series are those of `utcconversiontimezonecode`, by default the zone of whoever made it.
//! An instance that is changed is an exception; `AddRecurrence` is what people do in the app.
//! `messages` holds what the service does for `CreateException` and the like.

mod messages;
mod people;
mod rule;

use chrono::{DateTime, Duration, Months, Utc};
use uuid::Uuid;

use self::rule::{jiff_of, rule_of};
use super::core::{Core, Moment};
use super::error::Refusal;
use super::schema::{Table, col, schema};
use super::store::Row;
use super::value::Cell;
use super::zones;
use crate::sim::graph::calendar::local;

const MASTER: &str = "recurringappointmentmaster";
const INSTANCE: &str = "appointment";
/// The columns whose change makes the future instances anew.
const RULE: [&str; 18] = [
    "recurrencepatterntype",
    "interval",
    "daysofweekmask",
    "dayofmonth",
    "instance",
    "monthofyear",
    "isnthmonthly",
    "isnthyearly",
    "isweekdaypattern",
    "firstdayofweek",
    "patternstartdate",
    "patternenddate",
    "patternendtype",
    "occurrences",
    "starttime",
    "endtime",
    "isalldayevent",
    "utcconversiontimezonecode",
];

/// The columns that an instance takes over until it is changed on its own.
const BASIC: [&str; 8] = [
    "subject",
    "description",
    "location",
    "prioritycode",
    "ismapiprivate",
    "regardingobjectid",
    "statecode",
    "statuscode",
];

impl Core {
    /// Tells whether a table holds series.
    pub(super) fn is_master(table: &Table) -> bool {
        table.logical == MASTER
    }

    /// Checks the rule of a new or changed master and fills what the service computes.
    pub(super) fn settle_series(&mut self, at: Moment, row: &mut Row) -> Result<(), Refusal> {
        let table = table(MASTER)?;
        if row.named(table, "utcconversiontimezonecode").is_none() {
            let code = self.zone_code_of(at.caller.user);
            row.put(table, "utcconversiontimezonecode", Cell::Int(code));
        }
        let rule = rule_of(table, row)?;
        let (start, end) = rule.times(rule.dates.first())?;
        row.put(table, "scheduledstart", Cell::Time(start));
        row.put(table, "scheduledend", Cell::Time(end));
        row.put(table, "duration", Cell::Int(rule.minutes));
        row.put(table, "effectivestartdate", Cell::Time(start));
        for name in ["groupid", "ruleid"] {
            if row.named(table, name).is_none() {
                let id = self.guid();
                row.put(table, name, Cell::Id(id));
            }
        }
        Ok(())
    }

    /// Makes the first instances of a series that was just stored.
    pub(super) fn begin_series(&mut self, id: Uuid, now: DateTime<Utc>) -> Result<(), Refusal> {
        let most = self.organization_number("recurrenceexpansionsynchcreatemax", 15);
        self.expand(id, now, most)
    }

    /// Runs the expansion jobs whose time has come.
    pub(super) fn expand_due(&mut self, now: DateTime<Utc>) {
        let batch = self.organization_number("recurrenceexpansionjobbatchsize", 20);
        for _ in 0..1_000 {
            let due = self.series_jobs.iter().filter(|(_, at)| **at <= now).map(|(id, _)| *id);
            let Some(id) = due.min() else { return };
            self.series_jobs.remove(&id);
            // A row that is gone meanwhile needs no instances.
            if self.expand(id, now, batch).is_err() {
                self.series_jobs.remove(&id);
            }
        }
    }

    fn expand(&mut self, id: Uuid, now: DateTime<Utc>, most: i64) -> Result<(), Refusal> {
        let (masters, instances) = (table(MASTER)?, table(INSTANCE)?);
        let Some(mut master) = self.store.get(masters, id).cloned() else { return Ok(()) };
        let rule = rule_of(masters, &master)?;
        let months = |name, default| {
            Months::new(u32::try_from(self.organization_number(name, default)).unwrap_or(1))
        };
        let from = now - months("pastexpansionwindow", 3);
        let until = now + months("futureexpansionwindow", 24);
        let after = master.named(masters, "lastexpandedinstancedate").and_then(Cell::time);
        let floor = master.named(masters, "effectivestartdate").and_then(Cell::time);
        let deleted = deleted_of(masters, &master);
        let mut left = most;
        let mut next = None;
        let mut last = after;
        let horizon = jiff_of(until + Duration::days(2));
        for date in rule.dates.dates(local(horizon, &rule.zone).date()) {
            let (start, end) = rule.times(date)?;
            let done = after.is_some_and(|after| start <= after);
            if done || start < from || floor.is_some_and(|floor| start < floor) {
                continue;
            }
            if left == 0 || start > until {
                next = Some(start);
                break;
            }
            last = Some(start);
            left -= 1;
            if !deleted.contains(&start) {
                let row = self.instance(masters, instances, &master, (start, end));
                self.store.put(instances, row);
            }
        }
        let more = next.is_some() || rule.dates.goes_on(local(horizon, &rule.zone).date());
        master.put(masters, "expansionstatecode", Cell::Int(if more { 1 } else { 2 }));
        let set = |row: &mut Row, name: &str, at: Option<DateTime<Utc>>| {
            if let Some(column) = masters.column(name) {
                row.set(column, at.map(Cell::Time));
            }
        };
        set(&mut master, "lastexpandedinstancedate", last);
        set(&mut master, "nextexpansioninstancedate", next);
        self.store.put(masters, master);
        if more {
            let seconds = self.organization_number("recurrenceexpansionjobbatchinterval", 30);
            let soon = next.is_some_and(|next| next <= until);
            let wait = if soon { Duration::seconds(seconds) } else { Duration::days(1) };
            self.series_jobs.insert(id, now + wait);
        }
        Ok(())
    }

    /// Returns a new instance of a series.
    fn instance(
        &mut self,
        masters: &Table,
        instances: &'static Table,
        master: &Row,
        (start, end): (DateTime<Utc>, DateTime<Utc>),
    ) -> Row {
        let mut row = Row::new(instances, self.guid());
        for column in 0..=col::STATUS {
            if column != col::KEY {
                row.set(column, master.get(column).cloned());
            }
        }
        for name in BASIC.iter().chain(&["isalldayevent"]) {
            if let Some(cell) = master.named(masters, name) {
                row.put(instances, name, cell.clone());
            }
        }
        for (name, cell) in [
            ("activitytypecode", Cell::text(INSTANCE)),
            ("seriesid", Cell::Id(master.id)),
            ("instancetypecode", Cell::Int(2)),
            ("originalstartdate", Cell::Time(start)),
            ("scheduledstart", Cell::Time(start)),
            ("scheduledend", Cell::Time(end)),
            ("scheduleddurationminutes", Cell::Int((end - start).num_minutes())),
            ("isdraft", Cell::Bool(false)),
            ("attachmenterrors", Cell::Int(0)),
            ("attachmentcount", Cell::Int(0)),
        ] {
            row.put(instances, name, cell);
        }
        row.parties = self.copied_parties(master, row.id);
        row
    }

    fn copied_parties(&mut self, master: &Row, id: Uuid) -> Vec<Row> {
        let parties = super::schema::party_table();
        let activity = schema().logical(INSTANCE).map_or(0, |table| table.index);
        let mut copies = master.parties.clone();
        for party in &mut copies {
            party.id = self.guid();
            party.set(col::KEY, Some(Cell::Id(party.id)));
            party.put(parties, "activityid", Cell::Ref(id, activity));
        }
        copies
    }

    /// Carries a change of a master to its instances.
    pub(super) fn after_series_change(
        &mut self,
        at: Moment,
        before: &Row,
        id: Uuid,
    ) -> Result<(), Refusal> {
        let masters = table(MASTER)?;
        let Some(master) = self.store.get(masters, id).cloned() else { return Ok(()) };
        let differs = |name: &str| before.named(masters, name) != master.named(masters, name);
        if RULE.iter().any(|name| differs(name)) {
            return self.begin_anew(at, before, master);
        }
        let instances = table(INSTANCE)?;
        for one in self.instances_of(id) {
            let Some(mut row) = self.store.get(instances, one).cloned() else { continue };
            let old = row.clone();
            for name in BASIC {
                // What an exception has overridden stays.
                if row.named(instances, name) == before.named(masters, name)
                    && let Some(column) = instances.column(name)
                {
                    row.set(column, master.named(masters, name).cloned());
                }
            }
            row.set(col::OWNER, master.get(col::OWNER).cloned());
            if before.parties != master.parties {
                row.parties = self.copied_parties(&master, one);
            }
            if row != old {
                self.store.put(instances, row);
            }
        }
        Ok(())
    }

    /// A changed rule: the past is kept in a series of its own, the future is made anew.
    fn begin_anew(&mut self, at: Moment, before: &Row, mut master: Row) -> Result<(), Refusal> {
        let (masters, instances) = (table(MASTER)?, table(INSTANCE)?);
        let (mut past, mut last) = (Vec::new(), None);
        for one in self.instances_of(master.id) {
            let row = self.store.get(instances, one);
            let start = row.and_then(|row| row.named(instances, "scheduledstart")?.time());
            match start.filter(|start| *start < at.now) {
                Some(start) => {
                    past.push(one);
                    last = last.max(Some(start));
                }
                None => {
                    self.store.remove(instances, one);
                }
            }
        }
        if let Some(last) = last {
            let mut history = before.clone();
            history.id = self.guid();
            history.set(col::KEY, Some(Cell::Id(history.id)));
            history.put(masters, "patternendtype", Cell::Int(3));
            history.put(masters, "patternenddate", Cell::Time(last));
            history.put(masters, "effectiveenddate", Cell::Time(last));
            history.put(masters, "expansionstatecode", Cell::Int(2));
            history.parties = self.copied_parties(before, history.id);
            for one in past {
                if let Some(mut row) = self.store.get(instances, one).cloned() {
                    row.put(instances, "seriesid", Cell::Id(history.id));
                    self.store.put(instances, row);
                }
            }
            self.store.put(masters, history);
            master.put(masters, "effectivestartdate", Cell::Time(at.now));
        }
        for name in
            ["lastexpandedinstancedate", "nextexpansioninstancedate", "deletedexceptionslist"]
        {
            if let Some(column) = masters.column(name) {
                master.set(column, None);
            }
        }
        let id = master.id;
        self.store.put(masters, master);
        self.begin_series(id, at.now)
    }

    /// An instance that was changed on its own is an exception from then on.
    pub(super) fn mark_exception(row: &mut Row, table: &Table) {
        let instance = row.named(table, "instancetypecode") == Some(&Cell::Int(2));
        if table.logical == INSTANCE && instance {
            row.put(table, "instancetypecode", Cell::Int(3));
        }
    }

    /// Notes a deleted instance in its series; the instances of a deleted series go with it.
    pub(super) fn after_series_delete(&mut self, table: &Table, gone: &Row) {
        let (Ok(masters), Ok(instances)) = (self::table(MASTER), self::table(INSTANCE)) else {
            return;
        };
        if table.logical == MASTER {
            self.series_jobs.remove(&gone.id);
            for one in self.instances_of(gone.id) {
                let closed = |row: &Row| matches!(row.state(), Some(1 | 2));
                if !self.store.get(instances, one).is_some_and(closed) {
                    self.store.remove(instances, one);
                }
            }
            return;
        }
        let series = gone.named(table, "seriesid").and_then(Cell::uuid);
        let start = gone.named(table, "originalstartdate").and_then(Cell::time);
        let (Some(series), Some(start)) = (series, start) else { return };
        let Some(mut master) = self.store.get(masters, series).cloned() else { return };
        let mut list = deleted_of(masters, &master);
        list.push(start);
        let words: Vec<String> =
            list.iter().map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string()).collect();
        master.put(masters, "deletedexceptionslist", Cell::text(&words.join(",")));
        self.store.put(masters, master);
    }

    fn instances_of(&self, series: Uuid) -> Vec<Uuid> {
        let Ok(instances) = table(INSTANCE) else { return Vec::new() };
        let rows = self.store.rows(instances).rows.values();
        let mine =
            |row: &&Row| row.named(instances, "seriesid").and_then(Cell::uuid) == Some(series);
        rows.filter(mine).map(|row| row.id).collect()
    }

    fn organization_number(&self, name: &str, default: i64) -> i64 {
        let found = schema()
            .logical("organization")
            .and_then(|table| self.store.get(table, self.organization)?.named(table, name)?.int());
        found.unwrap_or(default)
    }

    /// The zone that a user chose; an application user has chosen none and works in UTC.
    fn zone_code_of(&self, user: Uuid) -> i64 {
        let chosen = schema()
            .logical("usersettings")
            .and_then(|table| self.store.get(table, user)?.named(table, "timezonecode")?.int());
        chosen.or_else(|| zones::code_of("UTC")).unwrap_or_default()
    }
}

fn table(name: &str) -> Result<&'static Table, Refusal> {
    schema().logical(name).ok_or_else(|| wrong(name))
}

fn wrong(name: &str) -> Refusal {
    Refusal::new(400, "0x80048200", format!("Invalid recurrence: {name}."))
}

fn deleted_of(table: &Table, row: &Row) -> Vec<DateTime<Utc>> {
    let text = row.named(table, "deletedexceptionslist").and_then(Cell::str).unwrap_or_default();
    text.split(',').filter_map(|part| part.parse().ok()).collect()
}
