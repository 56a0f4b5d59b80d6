//! Series as one item: a master with the rows of its exceptions, read and written together
//! (REC-01, REC-02, REC-05).
//!
//! A change of an exception does not touch its master, so the version of a series is that of the
//! master and, behind a colon, number and newest version of its exceptions. Absent: which
//! occurrences must change; the engine says it occurrence by occurrence.

use std::collections::HashMap;

use serde_json::Value as Json;
use tracing::warn;
use uuid::Uuid;

use super::DataverseSide;
use super::batch::{Part, PartReply};
use super::errors::{self, Verdict};
use super::map::series::{self, ZoneCodes};
use super::map::{Table, read, write};
use super::wire::{LOOKUPS, encode, json};
use crate::domain::code::Code;
use crate::domain::field::{Field, Value};
use crate::domain::ids::{NativeId, Version};
use crate::domain::kind::Kind;
use crate::domain::observation::{Observation, Presence};
use crate::domain::plan::{Op, Outcome, Step};
use crate::domain::policy::Mailbox;
use crate::domain::recurrence::{Exception, Recurrence};
use crate::http::CallError;
use crate::ports::error::SideError;

/// Writes of occurrences in one batch.
const OCCURRENCES_PER_BATCH: usize = 10;

/// Number and newest version of the exceptions of a series.
pub(super) type Parts = (u32, u64);

/// Returns the version of a whole series.
pub(super) fn whole(master: &Version, parts: Option<&Parts>) -> Version {
    match parts {
        None | Some((0, _)) => master.clone(),
        Some((count, newest)) => Version::new(format!("{master}:{count}:{newest}")),
    }
}

/// Counts an exception; nothing when its row says neither series nor version.
pub(super) fn add(
    parts: &mut HashMap<Uuid, Parts>,
    series: Option<Uuid>,
    version: &Version,
) -> Option<()> {
    let number: u64 = version.as_str().parse().ok()?;
    let (count, newest) = parts.entry(series?).or_default();
    (*count, *newest) = (*count + 1, number.max(*newest));
    Some(())
}

/// Returns the part of a version that the service knows.
pub(super) fn of_master(version: &Version) -> &str {
    version.as_str().split(':').next().unwrap_or_default()
}

/// An occurrence that the service has a row for.
pub(super) struct Instance {
    id: Uuid,
    version: Option<Version>,
}

impl DataverseSide {
    /// Returns the organization's time zones; they are read once.
    pub(super) async fn zone_codes(&self) -> Result<&ZoneCodes, SideError> {
        self.zones
            .get_or_try_init(|| async {
                let path = "timezonedefinitions?$select=timezonecode,standardname".to_owned();
                let replies = self.wire.read(None, &[Part::get(path)]).await?;
                Ok(ZoneCodes::of_rows(&list(replies.first())?))
            })
            .await
    }

    /// Returns series in full: their rows with what deviates from them.
    pub(super) async fn observe_series(
        &self,
        caller: Option<Uuid>,
        rows: Vec<(NativeId, Json, Presence)>,
    ) -> Result<Vec<Observation>, SideError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let zones = self.zone_codes().await?;
        let ids: Vec<&NativeId> = rows.iter().map(|(id, ..)| id).collect();
        let exceptions = self.exceptions(caller, &ids).await?;
        let mut seen = Vec::with_capacity(rows.len());
        for ((id, row, presence), exceptions) in rows.into_iter().zip(exceptions) {
            let exceptions = match exceptions {
                Ok(exceptions) => exceptions,
                Err(error @ SideError::Throttled { .. }) => return Err(error),
                // The row was read, what deviates from it was not.
                Err(error) => {
                    warn!(%error, "the exceptions of a series cannot be read");
                    let table = Table::of(Kind::RecurringAppointment);
                    let mut one = read::observe(table, &id, &row, presence);
                    one.unfit = Some(Code::ItemUnreadable);
                    seen.push(one);
                    continue;
                }
            };
            seen.push(observed(&id, &row, presence, &exceptions, zones));
        }
        Ok(seen)
    }

    /// Returns the exceptions of each series: by lists, and alone where no list told them.
    async fn exceptions(
        &self,
        caller: Option<Uuid>,
        series: &[&NativeId],
    ) -> Result<Vec<Result<Vec<Json>, SideError>>, SideError> {
        let listed = self.listed_exceptions(caller, series).await?;
        let open = series.iter().zip(&listed).filter(|(_, listed)| listed.is_none());
        let parts: Vec<Part> = open.map(|(id, _)| exceptions_of(id)).collect();
        let replies = self.wire.read(caller, &parts).await?;
        let mut alone = replies.iter();
        Ok(listed.into_iter().map(|listed| listed.map_or_else(|| list(alone.next()), Ok)).collect())
    }

    /// Carries out what a step says of single occurrences, and reads the series as it is then.
    pub(super) async fn finish_series(
        &self,
        mailbox: &Mailbox,
        step: &Step,
        master: &Observation,
    ) -> Outcome {
        let caller = Some(mailbox.object_id);
        let patch = match &step.op {
            Op::Create { patch } | Op::Update { patch, .. } => patch,
            Op::Unmark { .. } | Op::Delete { .. } => return Outcome::Done(None),
        };
        let list = patch.iter().find_map(|(_, value)| match value {
            Some(Value::Exceptions(list)) => Some(list.as_slice()),
            _ => None,
        });
        let list = list.unwrap_or_default();
        let before = match self.series_now(mailbox, &master.id).await {
            Ok(before) => before,
            Err(outcome) => return outcome,
        };
        if list.is_empty() {
            // Somebody wrote in between: what is there now is not what this step made.
            let same =
                before.version.as_ref().map(of_master) == master.version.as_ref().map(of_master);
            return if same { Outcome::Done(Some(Box::new(before))) } else { Outcome::Unknown };
        }
        let Some(recurrence) = before.fields.recurrence().cloned() else {
            return Outcome::Refused(before.unfit.unwrap_or(Code::ReplyIncomplete));
        };
        let waits = match self.write_occurrences(caller, &before, &recurrence, list).await {
            Ok(waits) => waits,
            Err(outcome) => return outcome,
        };
        match (waits, &step.op) {
            (false, _) => match self.series_now(mailbox, &master.id).await {
                Ok(now) => Outcome::Done(Some(Box::new(now))),
                Err(outcome) => outcome,
            },
            // The row is made; whether all of it is there is settled when it is found.
            (true, Op::Create { .. }) => Outcome::Unknown,
            (true, Op::Update { .. } | Op::Unmark { .. } | Op::Delete { .. }) => {
                Outcome::Refused(Code::AwaitsExpansion)
            }
        }
    }

    async fn series_now(&self, mailbox: &Mailbox, id: &NativeId) -> Result<Observation, Outcome> {
        let item = (Kind::RecurringAppointment, id.clone());
        match self.fetch_rows(mailbox, &[item]).await {
            Ok(rows) => rows.into_iter().next().ok_or(Outcome::Unknown),
            Err(error) => {
                warn!(%error, "a series cannot be read again");
                Err(Outcome::Unknown)
            }
        }
    }

    /// Writes occurrences. Returns whether some have no row yet (REC-05).
    async fn write_occurrences(
        &self,
        caller: Option<Uuid>,
        series: &Observation,
        recurrence: &Recurrence,
        list: &[Exception],
    ) -> Result<bool, Outcome> {
        let instances = self.instances(caller, &series.id).await.map_err(|error| {
            warn!(%error, "the occurrences of a series cannot be read");
            Outcome::Unknown
        })?;
        let mut waits = false;
        let mut parts = Vec::new();
        for one in list {
            match instances.get(&series::instant_of(recurrence, one.day).timestamp()) {
                Some(instance) => parts.push(part(recurrence, one, instance)?),
                // Gone already is what a delete wants.
                None => waits |= !series.fields.exceptions().contains(one),
            }
        }
        for chunk in parts.chunks(OCCURRENCES_PER_BATCH) {
            let replies = match self.wire.write(caller, chunk).await {
                Ok(replies) => replies,
                Err(CallError::NotSent(error) | CallError::NoAnswer(error)) => {
                    warn!(%error, "occurrences of a series were not written");
                    return Err(Outcome::Unknown);
                }
            };
            for reply in &replies {
                match errors::judge(reply) {
                    Verdict::Fine => {}
                    Verdict::Denied => return Err(Outcome::Refused(Code::PrivilegeMissing)),
                    Verdict::Refused => return Err(Outcome::Refused(Code::WriteRefused)),
                    Verdict::Missing
                    | Verdict::Throttled(_)
                    | Verdict::Unavailable
                    | Verdict::Precondition => return Err(Outcome::Unknown),
                }
            }
        }
        Ok(waits)
    }

    /// Returns the occurrences that have rows, by the second of their original start.
    async fn instances(
        &self,
        caller: Option<Uuid>,
        series: &NativeId,
    ) -> Result<HashMap<i64, Instance>, SideError> {
        let replies = self.wire.read(caller, &[instances_of(series)]).await?;
        Ok(by_start(&list(replies.first())?))
    }
}

/// Returns a series as its row and the rows of its exceptions tell it.
pub(super) fn observed(
    id: &NativeId,
    row: &Json,
    presence: Presence,
    exceptions: &[Json],
    zones: &ZoneCodes,
) -> Observation {
    let mut one = read::observe(Table::of(Kind::RecurringAppointment), id, row, presence);
    one.version = one.version.map(|version| whole(&version, Some(&parts_of(exceptions))));
    match series::read(row, zones) {
        Ok((recurrence, gone)) => complete(&mut one, recurrence, gone, exceptions),
        Err(code) => one.unfit = one.unfit.or(Some(code)),
    }
    one
}

/// Asks for the occurrences that have rows.
pub(super) fn instances_of(series: &NativeId) -> Part {
    let filter = encode(&format!("seriesid eq {series}"));
    let columns = "activityid,originalstartdate,versionnumber";
    Part::get(format!("appointments?$select={columns}&$filter={filter}"))
}

/// Returns occurrences by the second of their original start.
pub(super) fn by_start(rows: &[Json]) -> HashMap<i64, Instance> {
    let read = |row: &Json| {
        let start = row.get("originalstartdate")?.as_str().and_then(read::instant)?;
        let id = read::guid(row, "activityid")?;
        Some((start.timestamp(), Instance { id, version: read::version(row) }))
    };
    rows.iter().filter_map(read).collect()
}

/// Returns the write of one occurrence.
pub(super) fn part(
    series: &Recurrence,
    one: &Exception,
    instance: &Instance,
) -> Result<Part, Outcome> {
    let path = format!("appointments({})", instance.id);
    let version = instance.version.as_ref();
    let etag = version.map_or_else(|| "*".to_owned(), |version| format!("W/\"{version}\""));
    let (method, body) = match &one.change {
        None => ("DELETE", None),
        Some(change) => {
            let mut change = change.clone();
            series::local_days(series, &mut change);
            let table = Table::of(Kind::Appointment);
            let written = write::body(table, &change, &[]).map_err(Outcome::Refused)?;
            ("PATCH", Some(Json::Object(written.body).to_string()))
        }
    };
    Ok(Part { method, path, headers: Vec::new(), body }.with("If-Match", etag))
}

fn complete(
    one: &mut Observation,
    recurrence: Recurrence,
    mut list: Vec<Exception>,
    rows: &[Json],
) {
    let table = Table::of(Kind::Appointment);
    for row in rows {
        let id = NativeId::new(String::new());
        let fields = read::observe(table, &id, row, Presence::Present).fields;
        let invited = table.parties.is_some_and(|parties| row.get(parties).is_some());
        if invited && !fields.invites_alike(&one.fields) {
            one.losses = vec![Code::OccurrenceAttendees];
        }
        match series::exception(&recurrence, row, &fields) {
            Some(exception) => list.push(exception),
            None => one.unfit = one.unfit.or(Some(Code::ReplyIncomplete)),
        }
    }
    one.fields.set(Field::Exceptions, Some(Value::Exceptions(list)));
    one.fields.set(Field::Recurrence, Some(Value::Recurrence(Box::new(recurrence))));
}

/// Asks for the exceptions of a series in full.
pub(super) fn exceptions_of(series: &NativeId) -> Part {
    exceptions_where(&format!("seriesid eq {series}"))
}

/// Asks for the exceptions of the series that a condition names; each row tells its series.
pub(super) fn exceptions_where(series: &str) -> Part {
    let kinds = "(instancetypecode eq 3 or instancetypecode eq 4)";
    let filter = encode(&format!("{series} and {kinds}"));
    let query = Table::of(Kind::Appointment).complete();
    let query = query.replacen("$select=", "$select=seriesid,originalstartdate,", 1);
    Part::get(format!("appointments?{query}&$filter={filter}")).with("Prefer", LOOKUPS)
}

fn parts_of(rows: &[Json]) -> Parts {
    let versions = rows.iter().filter_map(|row| read::version(row)?.as_str().parse().ok());
    (u32::try_from(rows.len()).unwrap_or(u32::MAX), versions.max().unwrap_or(0))
}

fn list(reply: Option<&PartReply>) -> Result<Vec<Json>, SideError> {
    let unreadable = || SideError::Unreadable { reason: "a query: no list".into() };
    let reply = reply.ok_or_else(unreadable)?;
    if !reply.is_success() {
        return Err(errors::into_side_error(reply));
    }
    let page = json(reply)?;
    page.get("value").and_then(Json::as_array).cloned().ok_or_else(unreadable)
}
