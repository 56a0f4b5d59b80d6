//! The rule of a series and the rows of its exceptions (rules.md §2.3, protocols B11).
//!
//! The clocks of a series are those of `utcconversiontimezonecode`, a number that the table
//! `timezonedefinition` names. Absent: attendees of a single occurrence.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc, Weekday};
use serde_json::{Map, Value as Json, json};

use super::read;
use crate::domain::code::Code;
use crate::domain::field::{Field, Fields, Patch, Value};
use crate::domain::recurrence::{End, Exception, Nth, Pattern, Recurrence, Weekdays};
use crate::domain::zone::Zone;

/// The columns of a rule, beside those of the table.
pub(super) const COLUMNS: &[&str] = &[
    "globalobjectid",
    "recurrencepatterntype",
    "interval",
    "daysofweekmask",
    "dayofmonth",
    "instance",
    "monthofyear",
    "isnthmonthly",
    "isnthyearly",
    "isweekdaypattern",
    "isregenerate",
    "firstdayofweek",
    "patternstartdate",
    "patternenddate",
    "patternendtype",
    "occurrences",
    "starttime",
    "endtime",
    "isalldayevent",
    "deletedexceptionslist",
    "utcconversiontimezonecode",
];

/// The codes of the organization's time zones.
#[derive(Debug, Default)]
pub(crate) struct ZoneCodes {
    names: HashMap<i64, String>,
}

impl ZoneCodes {
    /// Reads the rows of `timezonedefinition`.
    pub(crate) fn of_rows(rows: &[Json]) -> Self {
        let read = |row: &Json| {
            let name = row.get("standardname")?.as_str()?.to_owned();
            Some((row.get("timezonecode")?.as_i64()?, name))
        };
        Self { names: rows.iter().filter_map(read).collect() }
    }

    fn zone(&self, code: i64) -> Option<Zone> {
        Zone::from_name(self.names.get(&code)?)
    }

    /// Returns the lowest code of a zone: some names have several.
    fn code(&self, zone: &Zone) -> Option<i64> {
        let name = zone.windows_name()?;
        let codes = self.names.iter().filter(|(_, known)| known.eq_ignore_ascii_case(name));
        codes.map(|(code, _)| *code).min()
    }
}

/// Returns when a series takes place and which of its occurrences were deleted.
pub(crate) fn read(row: &Json, zones: &ZoneCodes) -> Result<(Recurrence, Vec<Exception>), Code> {
    let number = |name: &str| row.get(name).and_then(Json::as_i64);
    let small = |name: &str| {
        number(name).and_then(|number| u32::try_from(number).ok()).ok_or(Code::RecurringUnsupported)
    };
    let instant = |name: &str| {
        let text = row.get(name).and_then(Json::as_str);
        text.and_then(read::instant).ok_or(Code::RecurringUnsupported)
    };
    let zone = number("utcconversiontimezonecode").and_then(|code| zones.zone(code));
    let zone = zone.ok_or(Code::TimeZoneUnknown)?;
    let (begin, end) = (zone.to_local(instant("starttime")?), zone.to_local(instant("endtime")?));
    let all_day = row.get("isalldayevent").and_then(Json::as_bool).unwrap_or(false);
    let (time, minutes) = if all_day {
        // Where the clocks skip midnight the first day begins later and is shorter.
        let days = (end - begin + TimeDelta::hours(12)).num_days().max(1);
        (NaiveTime::MIN, days * 24 * 60)
    } else {
        (begin.time().with_second(0).unwrap_or(begin.time()), (end - begin).num_minutes())
    };
    let series = Recurrence {
        pattern: pattern(row)?,
        interval: small("interval")?,
        first: zone.to_local(instant("patternstartdate")?).date(),
        end: match number("patternendtype") {
            Some(1) => End::Never,
            Some(2) => End::After(small("occurrences")?),
            Some(3) => End::On(zone.to_local(instant("patternenddate")?).date()),
            _ => return Err(Code::RecurringUnsupported),
        },
        time,
        minutes,
        all_day,
        zone,
    };
    if row.get("isregenerate").and_then(Json::as_bool) == Some(true) {
        return Err(Code::RecurringUnsupported);
    }
    let deleted = deleted(row)?;
    let gone = deleted.into_iter().map(|at| Exception { day: day_of(&series, at), change: None });
    let gone = gone.collect();
    Ok((series, gone))
}

fn pattern(row: &Json) -> Result<Pattern, Code> {
    let number = |name: &str| row.get(name).and_then(Json::as_i64);
    let flag = |name: &str| row.get(name).and_then(Json::as_bool) == Some(true);
    let small = |name: &str| {
        number(name).and_then(|number| u32::try_from(number).ok()).ok_or(Code::RecurringUnsupported)
    };
    let days = || {
        let mask = number("daysofweekmask").and_then(|mask| u8::try_from(mask).ok());
        mask.and_then(Weekdays::from_mask).ok_or(Code::RecurringUnsupported)
    };
    let nth = || {
        let at = number("instance").and_then(|number| usize::try_from(number - 1).ok());
        at.and_then(|at| Nth::ALL.get(at)).copied().ok_or(Code::RecurringUnsupported)
    };
    Ok(match number("recurrencepatterntype") {
        Some(0) => Pattern::Daily,
        Some(1) => Pattern::Weekly {
            days: if flag("isweekdaypattern") { Weekdays::WORKDAYS } else { days()? },
            from: weekday(number("firstdayofweek").unwrap_or(0)),
        },
        Some(2) if flag("isnthmonthly") => Pattern::MonthlyNth { nth: nth()?, days: days()? },
        Some(2) => Pattern::Monthly { day: small("dayofmonth")? },
        Some(3) if flag("isnthyearly") => {
            Pattern::YearlyNth { month: small("monthofyear")?, nth: nth()?, days: days()? }
        }
        Some(3) => Pattern::Yearly { month: small("monthofyear")?, day: small("dayofmonth")? },
        _ => return Err(Code::RecurringUnsupported),
    })
}

/// Sunday is 0.
fn weekday(number: i64) -> Weekday {
    let from_monday = u8::try_from((number + 6).rem_euclid(7)).unwrap_or(6);
    Weekday::try_from(from_monday).unwrap_or(Weekday::Sun)
}

/// The list's form is not documented. Instants and days are found in it whatever parts them; a
/// list in which none is found is not understood, and its series is left alone.
fn deleted(row: &Json) -> Result<Vec<DateTime<Utc>>, Code> {
    let text = row.get("deletedexceptionslist").and_then(Json::as_str).unwrap_or_default();
    let parts = text.split(|c: char| !(c.is_ascii_digit() || "-:TZ.+".contains(c)));
    let parts: Vec<&str> = parts.filter(|part| part.len() >= 10).collect();
    let found: Vec<_> = parts.iter().filter_map(|part| moment(part)).collect();
    let understood = found.len() == parts.len() && (text.trim().is_empty() || !found.is_empty());
    if understood { Ok(found) } else { Err(Code::ReplyIncomplete) }
}

fn moment(text: &str) -> Option<DateTime<Utc>> {
    read::instant(text)
        .or_else(|| text.parse::<chrono::NaiveDateTime>().ok().map(|at| at.and_utc()))
}

/// Returns the instant at which Dynamics lets the occurrence of a day begin.
pub(crate) fn instant_of(series: &Recurrence, day: NaiveDate) -> DateTime<Utc> {
    if series.all_day {
        series.zone.to_utc(day.and_time(NaiveTime::MIN))
    } else {
        series.times(day).0
    }
}

fn day_of(series: &Recurrence, start: DateTime<Utc>) -> NaiveDate {
    if series.all_day { series.zone.to_local(start).date() } else { series.day_of(start) }
}

/// Returns a row of an exception as what its occurrence holds.
pub(crate) fn exception(series: &Recurrence, row: &Json, fields: &Fields) -> Option<Exception> {
    let start = row.get("originalstartdate")?.as_str().and_then(read::instant)?;
    let mut change: Patch =
        Exception::FIELDS.into_iter().map(|field| (field, fields.get(field).cloned())).collect();
    // Whole days are local midnights; only the zone of the series tells which days they are.
    times_of_days(&mut change, |time| {
        let local = series.zone.to_local(time) + TimeDelta::hours(12);
        local.date().and_time(NaiveTime::MIN).and_utc()
    });
    Some(Exception { day: day_of(series, start), change: Some(change) })
}

/// Adds the columns of a rule to a body: all of them, because they are one value (CONF-03).
pub(crate) fn write(
    body: &mut Map<String, Json>,
    series: &Recurrence,
    zones: &ZoneCodes,
) -> Result<(), Code> {
    let code = zones.code(&series.zone).ok_or(Code::TimeZoneUnknown)?;
    let instant = |at: DateTime<Utc>| json!(at.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    let midnight = |day: NaiveDate| instant(series.zone.to_utc(day.and_time(NaiveTime::MIN)));
    // The two are clocks, whatever their day (the service's own sample gives the day on which the
    // program runs): a day on which the clocks show both, so that they are read as they were meant.
    let clocks = series.plain_day(series.first).unwrap_or(series.first);
    let begin = clocks.and_time(series.time);
    let end = begin + TimeDelta::minutes(series.minutes);
    let (kind, days, nth, month, day) = match series.pattern {
        Pattern::Daily => (0, None, None, None, None),
        Pattern::Weekly { days, .. } => (1, Some(days), None, None, None),
        Pattern::Monthly { day } => (2, None, None, None, Some(day)),
        Pattern::MonthlyNth { nth, days } => (2, Some(days), Some(nth), None, None),
        Pattern::Yearly { month, day } => (3, None, None, Some(month), Some(day)),
        Pattern::YearlyNth { month, nth, days } => (3, Some(days), Some(nth), Some(month), None),
    };
    let from = if let Pattern::Weekly { from, .. } = series.pattern { from } else { Weekday::Sun };
    let (end_kind, count, last) = match series.end {
        End::Never => (1, None, None),
        End::After(count) => (2, Some(count), None),
        End::On(day) => (3, None, Some(day)),
    };
    for (name, value) in [
        ("recurrencepatterntype", json!(kind)),
        ("interval", json!(series.interval)),
        ("daysofweekmask", json!(days.map(Weekdays::mask))),
        ("dayofmonth", json!(day)),
        ("monthofyear", json!(month)),
        ("instance", json!(nth.map(|nth| nth as u8 + 1))),
        ("isnthmonthly", json!(kind == 2 && nth.is_some())),
        ("isnthyearly", json!(kind == 3 && nth.is_some())),
        ("isweekdaypattern", json!(kind == 1 && days == Some(Weekdays::WORKDAYS))),
        ("firstdayofweek", json!(from.num_days_from_sunday())),
        ("patternstartdate", midnight(series.first)),
        ("patternendtype", json!(end_kind)),
        ("occurrences", json!(count)),
        ("patternenddate", last.map_or(Json::Null, midnight)),
        ("starttime", instant(series.zone.to_utc(begin))),
        ("endtime", instant(series.zone.to_utc(end))),
        ("isalldayevent", json!(series.all_day)),
        ("utcconversiontimezonecode", json!(code)),
    ] {
        body.insert(name.to_owned(), value);
    }
    Ok(())
}

/// Gives the times of a whole day their local midnights, as Dynamics keeps them.
pub(crate) fn local_days(series: &Recurrence, patch: &mut Patch) {
    times_of_days(patch, |time| series.zone.to_utc(time.naive_utc()));
}

fn times_of_days(patch: &mut Patch, turn: impl Fn(DateTime<Utc>) -> DateTime<Utc>) {
    let all_day = patch.contains(&(Field::AllDay, Some(Value::Flag(true))));
    for (field, value) in patch.iter_mut().filter(|_| all_day) {
        if let (Field::Start | Field::End, Some(Value::Time(time))) = (*field, value) {
            *time = turn(*time);
        }
    }
}
