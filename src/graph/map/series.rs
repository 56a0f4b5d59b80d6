//! `patternedRecurrence` and what deviates from it (protocols A2, A3).
//!
//! Absent: attendees of a single occurrence, and calendars other than the Gregorian one.

use chrono::{NaiveDate, NaiveTime, Timelike, Utc, Weekday};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::event;
use crate::domain::code::Code;
use crate::domain::field::{Field, Fields};
use crate::domain::party::Party;
use crate::domain::recurrence::{End, Exception, Nth, Pattern, Recurrence, Weekdays};
use crate::domain::zone::Zone;
use crate::graph::wire::{DateTimeTimeZone, Event};

/// Sunday first, as in the masks of both services.
const DAYS: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const NTH: [&str; 5] = ["first", "second", "third", "fourth", "last"];

/// The properties of a series that are read, `cancelledOccurrences` above all: the service sends
/// it only when it is selected.
pub(in crate::graph) const SELECT: &str = "id,type,seriesMasterId,iCalUId,subject,body,location,\
    start,end,isAllDay,originalStartTimeZone,attendees,showAs,importance,sensitivity,organizer,\
    isOrganizer,isCancelled,categories,createdDateTime,recurrence,cancelledOccurrences";

/// Tells whether an event is the master of a series.
pub(in crate::graph) fn is_master(event: &Event) -> bool {
    event.kind.as_deref() == Some("seriesMaster")
}

/// Returns when a series takes place and what deviates from it.
pub(super) fn read(event: &Event) -> Result<(Recurrence, Vec<Exception>), Code> {
    let series = recurrence(event)?;
    // Only a read of the series by its id brings these.
    let (Some(cancelled), Some(changed)) =
        (&event.cancelled_occurrences, &event.exception_occurrences)
    else {
        return Err(Code::ReplyIncomplete);
    };
    let mut list = Vec::new();
    for name in cancelled {
        // `OID.<master>.<day>`; ids hold no dot.
        let day = name.rsplit('.').next().and_then(|day| day.parse().ok());
        list.push(Exception { day: day.ok_or(Code::ReplyIncomplete)?, change: None });
    }
    for one in changed {
        let day = day_of(&series, one).ok_or(Code::ReplyIncomplete)?;
        let seen = event::observe(one);
        let own =
            Exception::FIELDS.into_iter().map(|field| (field, seen.fields.get(field).cloned()));
        list.push(Exception { day, change: Some(own.collect()) });
    }
    Ok((series, list))
}

/// Returns the occurrences that invite others than their series, which is in `fields`, and whom.
pub(super) fn guests(event: &Event, fields: &Fields) -> Vec<(NaiveDate, Vec<Party>)> {
    let Some(series) = fields.recurrence() else { return Vec::new() };
    let changed = event.exception_occurrences.iter().flatten();
    let others = changed.filter(|one| one.attendees.is_some()).filter_map(|one| {
        let own = event::observe(one).fields;
        let lists = [Field::RequiredAttendees, Field::OptionalAttendees];
        let people = lists.into_iter().flat_map(|field| own.parties(field)).cloned().collect();
        let apart = !own.invites_alike(fields);
        apart.then_some((day_of(series, one)?, people))
    });
    others.collect()
}

/// Returns the day on which the pattern puts an occurrence (REC-07).
pub(in crate::graph) fn day_of(series: &Recurrence, occurrence: &Event) -> Option<NaiveDate> {
    let text = occurrence.original_start.as_deref()?;
    let start = chrono::DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc);
    if series.all_day {
        // Whole days float; the midnight that lies nearest names the day.
        return Some((start + chrono::TimeDelta::hours(12)).date_naive());
    }
    Some(series.day_of(start))
}

fn recurrence(event: &Event) -> Result<Recurrence, Code> {
    let whole = event.recurrence.as_ref().ok_or(Code::ReplyIncomplete)?;
    let (pattern, range) = (&whole["pattern"], &whole["range"]);
    let zone = text(range, "recurrenceTimeZone").filter(|name| !name.is_empty());
    let zone = zone.or(event.original_start_time_zone.as_deref()).unwrap_or("UTC");
    let zone = Zone::from_name(zone).ok_or(Code::TimeZoneUnknown)?;
    let all_day = event.is_all_day.unwrap_or(false);
    let shows = |one: &&Event| {
        let at = |time| instant_in(time).is_some_and(|at| !zone.hides_skipped(at));
        one.kind.as_deref() == Some("occurrence") && at(&one.start) && at(&one.end)
    };
    let plain = event.instances.iter().flatten().find(shows);
    let (begin, end) = clocks(plain.unwrap_or(event), &zone, all_day)?;
    let day = |name: &str| {
        text(range, name).and_then(|day| day.parse().ok()).ok_or(Code::RecurringUnsupported)
    };
    Ok(Recurrence {
        pattern: read_pattern(pattern)?,
        interval: number(pattern, "interval")?,
        first: day("startDate")?,
        end: match text(range, "type") {
            Some("noEnd") => End::Never,
            Some("numbered") => End::After(number(range, "numberOfOccurrences")?),
            Some("endDate") => End::On(day("endDate")?),
            _ => return Err(Code::RecurringUnsupported),
        },
        time: begin.time().with_second(0).unwrap_or(NaiveTime::MIN),
        minutes: (end - begin).num_minutes(),
        all_day,
        zone,
    })
}

fn instant_in(time: &Option<DateTimeTimeZone>) -> Option<chrono::DateTime<Utc>> {
    super::time::instant(time.as_ref()?).ok()
}

/// Returns the days whose occurrences tell the clocks of a series, when its first one does not: the
/// clocks skip an hour in which it begins or ends.
pub(in crate::graph) fn telling_days(event: &Event) -> Option<(NaiveDate, NaiveDate, Recurrence)> {
    let series = recurrence(event).ok().filter(|series| is_master(event) && !series.all_day)?;
    let open = |time| instant_in(time).is_some_and(|at| series.zone.hides_skipped(at));
    if !open(&event.start) && !open(&event.end) {
        return None;
    }
    let plain = |day: &NaiveDate| series.plain_day(*day) == Some(*day);
    let days: Vec<NaiveDate> = series.days(series.first).take(20).filter(plain).take(5).collect();
    let (first, last) = (*days.first()?, *days.last()?);
    Some((first, last, series))
}

fn clocks(
    event: &Event,
    zone: &Zone,
    all_day: bool,
) -> Result<(chrono::NaiveDateTime, chrono::NaiveDateTime), Code> {
    let read = |time: &Option<DateTimeTimeZone>| {
        let time = time.as_ref().ok_or(Code::ReplyIncomplete)?;
        if all_day {
            return super::time::day(time).map(|at| at.naive_utc());
        }
        super::time::instant(time).map(|at| zone.to_local(at))
    };
    Ok((read(&event.start)?, read(&event.end)?))
}

fn read_pattern(pattern: &Json) -> Result<Pattern, Code> {
    let days = || {
        let names = pattern["daysOfWeek"].as_array().ok_or(Code::RecurringUnsupported)?;
        let mut mask = 0;
        for name in names {
            let at = DAYS.iter().position(|day| Some(*day) == name.as_str());
            mask |= 1_u8 << at.ok_or(Code::RecurringUnsupported)?;
        }
        Weekdays::from_mask(mask).ok_or(Code::RecurringUnsupported)
    };
    let nth = || {
        let name = text(pattern, "index").unwrap_or("first");
        let at = NTH.iter().position(|known| *known == name);
        at.map(|at| Nth::ALL[at]).ok_or(Code::RecurringUnsupported)
    };
    let (day, month) = (|| number(pattern, "dayOfMonth"), || number(pattern, "month"));
    Ok(match text(pattern, "type") {
        Some("daily") => Pattern::Daily,
        Some("weekly") => Pattern::Weekly { days: days()?, from: first_day(pattern)? },
        Some("absoluteMonthly") => Pattern::Monthly { day: day()? },
        Some("relativeMonthly") => Pattern::MonthlyNth { nth: nth()?, days: days()? },
        Some("absoluteYearly") => Pattern::Yearly { month: month()?, day: day()? },
        Some("relativeYearly") => {
            Pattern::YearlyNth { month: month()?, nth: nth()?, days: days()? }
        }
        _ => return Err(Code::RecurringUnsupported),
    })
}

fn first_day(pattern: &Json) -> Result<Weekday, Code> {
    let name = text(pattern, "firstDayOfWeek").unwrap_or("sunday");
    name.parse().map_err(|_| Code::RecurringUnsupported)
}

fn text<'a>(value: &'a Json, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Json::as_str)
}

fn number(value: &Json, name: &str) -> Result<u32, Code> {
    let number = value.get(name).and_then(Json::as_u64);
    number.and_then(|number| u32::try_from(number).ok()).ok_or(Code::RecurringUnsupported)
}

/// Adds when a series takes place to a body: start, end and pattern are one value (CONF-03).
pub(super) fn put(body: &mut Map<String, Json>, series: &Recurrence) {
    let zone = series.zone.windows_name().unwrap_or(series.zone.iana_name());
    let begin = series.first.and_time(series.time);
    let end = begin + chrono::TimeDelta::minutes(series.minutes);
    let at = |local: chrono::NaiveDateTime| {
        let local = local.format("%Y-%m-%dT%H:%M:%S").to_string();
        json!({ "dateTime": local, "timeZone": zone })
    };
    body.insert("start".into(), at(begin));
    body.insert("end".into(), at(end));
    body.insert("isAllDay".into(), json!(series.all_day));
    let mut range = json!({ "startDate": series.first.to_string(), "recurrenceTimeZone": zone });
    match series.end {
        End::Never => range["type"] = json!("noEnd"),
        End::After(count) => {
            range["type"] = json!("numbered");
            range["numberOfOccurrences"] = json!(count);
        }
        End::On(day) => {
            range["type"] = json!("endDate");
            range["endDate"] = json!(day.to_string());
        }
    }
    let pattern = write_pattern(series);
    body.insert("recurrence".into(), json!({ "pattern": pattern, "range": range }));
}

/// Only the properties of its type: others cause an error.
fn write_pattern(series: &Recurrence) -> Json {
    let names = |days: Weekdays| -> Json {
        (0..7).filter(|at| days.mask() & (1 << at) != 0).map(|at| DAYS[at]).collect()
    };
    let mut out = match series.pattern {
        Pattern::Daily => json!({ "type": "daily" }),
        Pattern::Weekly { days, from } => json!({ "type": "weekly", "daysOfWeek": names(days),
            "firstDayOfWeek": DAYS[from.num_days_from_sunday() as usize] }),
        Pattern::Monthly { day } => json!({ "type": "absoluteMonthly", "dayOfMonth": day }),
        Pattern::MonthlyNth { nth, days } => json!({ "type": "relativeMonthly",
            "daysOfWeek": names(days), "index": NTH[nth as usize] }),
        Pattern::Yearly { month, day } => {
            json!({ "type": "absoluteYearly", "month": month, "dayOfMonth": day })
        }
        Pattern::YearlyNth { month, nth, days } => json!({ "type": "relativeYearly",
            "month": month, "daysOfWeek": names(days), "index": NTH[nth as usize] }),
    };
    out["interval"] = json!(series.interval);
    out
}

/// Returns the version of a whole series: that of the master and, behind a hash sign, a digest of
/// what deviates, because a deleted occurrence may give no other sign (protocols A2).
pub(super) fn version(event: &Event) -> Option<String> {
    let etag = event.etag.as_deref()?;
    let mut parts: Vec<&str> = Vec::new();
    parts.extend(event.cancelled_occurrences.iter().flatten().map(String::as_str));
    let changed = event.exception_occurrences.iter().flatten();
    parts.extend(changed.flat_map(|one| [Some(one.id.as_str()), one.etag.as_deref()]).flatten());
    if parts.is_empty() {
        return Some(etag.to_owned());
    }
    parts.sort_unstable();
    let digest = Uuid::new_v5(&Uuid::NAMESPACE_OID, parts.join("\n").as_bytes());
    Some(format!("{etag}#{}", digest.simple()))
}

/// Returns the part of a version that the service knows.
pub(in crate::graph) fn of_master(version: &str) -> &str {
    version.split('#').next().unwrap_or_default()
}
