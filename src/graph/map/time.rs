//! Times of the wire: local times with a zone, instants, and days.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use serde_json::{Value as Json, json};

use crate::domain::code::Code;
use crate::domain::zone::Zone;
use crate::graph::wire::DateTimeTimeZone;

/// Years outside this range are nobody's appointment and lie outside what Dataverse can hold.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

/// Outlook writes the first of January 4501 where a date is "none".
const NO_DATE_YEAR: i32 = 4501;

/// A date that travels as an instant is the nearest midnight: Outlook stores birthdays as the
/// user's midnight in UTC, newer clients as 11:59 UTC, Graph's examples as 00:00 UTC.
const TO_NEAREST_MIDNIGHT: TimeDelta = TimeDelta::minutes(11 * 60 + 59);

/// Reads the local time as it stands, without its zone.
pub(super) fn local(time: &DateTimeTimeZone) -> Result<NaiveDateTime, Code> {
    let text = time.date_time.trim_end_matches('Z');
    let parsed = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
        .map_err(|_| Code::DateOutOfRange)?;
    if YEARS.contains(&parsed.year()) { Ok(parsed) } else { Err(Code::DateOutOfRange) }
}

/// Reads the instant. Every request asks for UTC; a zone that comes all the same is honoured.
pub(super) fn instant(time: &DateTimeTimeZone) -> Result<DateTime<Utc>, Code> {
    let local = local(time)?;
    let zone = match time.time_zone.as_deref() {
        None | Some("" | "UTC") => Zone::utc(),
        Some(name) => Zone::from_name(name).ok_or(Code::TimeZoneUnknown)?,
    };
    Ok(zone.to_utc(local))
}

/// Reads the date part as that day's midnight in UTC, whatever the zone: all-day events and due
/// dates are days, not instants.
pub(super) fn day(time: &DateTimeTimeZone) -> Result<DateTime<Utc>, Code> {
    Ok(midnight(local(time)?.date()))
}

/// Returns a day's midnight in UTC.
pub(super) fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}

/// Reads a date that travels as an instant; nothing for Outlook's "no date".
pub(super) fn date(text: &str) -> Result<Option<NaiveDate>, Code> {
    let date = match DateTime::parse_from_rfc3339(text) {
        Ok(at) => at.with_timezone(&Utc).checked_add_signed(TO_NEAREST_MIDNIGHT),
        // A plain day stands in some of the documentation's examples.
        Err(_) => NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(midnight),
    };
    let date = date.ok_or(Code::DateOutOfRange)?.date_naive();
    if !YEARS.contains(&date.year()) {
        return Err(Code::DateOutOfRange);
    }
    Ok((date.year() < NO_DATE_YEAR).then_some(date))
}

/// Writes a date as an instant that is the same day in nearly every zone.
pub(super) fn write_date(date: NaiveDate) -> String {
    format!("{}T11:59:00Z", date.format("%Y-%m-%d"))
}

/// Writes "no date" where a property cannot be removed.
pub(super) fn write_no_date() -> String {
    format!("{NO_DATE_YEAR}-01-01T00:00:00Z")
}

/// Writes an instant as a local time in UTC.
pub(super) fn write(at: DateTime<Utc>) -> Json {
    json!({"dateTime": at.format("%Y-%m-%dT%H:%M:%S%.f").to_string(), "timeZone": "UTC"})
}

/// Returns the days of an all-day event: first day and the day after the last.
///
/// Dynamics keeps an all-day appointment as instants, at 00:00 UTC or at the user's midnight. The
/// first day is the UTC date of the start; the length is rounded to whole days, so that an end at
/// 23:59 or a change of the clocks neither adds nor takes a day.
pub(super) fn days(start: DateTime<Utc>, end: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    let first = start.date_naive();
    let hours = (end - start + TimeDelta::hours(12)).num_hours();
    let count = u64::try_from(hours / 24).unwrap_or(0).max(1);
    let last = first.checked_add_days(Days::new(count)).unwrap_or(first);
    (midnight(first), midnight(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn zoned(date_time: &str, zone: &str) -> DateTimeTimeZone {
        DateTimeTimeZone { date_time: date_time.into(), time_zone: Some(zone.into()) }
    }

    #[test]
    fn zones_of_both_worlds_are_honoured() {
        // A local time in a Windows or tzdb zone leads to its instant; an unknown zone is unfit.
        let utc = instant(&zoned("2026-07-01T09:00:00.0000000", "UTC")).unwrap();
        assert_eq!(utc, at("2026-07-01T09:00:00Z"));
        let windows = instant(&zoned("2026-07-01T09:00:00", "W. Europe Standard Time")).unwrap();
        assert_eq!(windows, at("2026-07-01T07:00:00Z"));
        let unknown = instant(&zoned("2026-07-01T09:00:00", "tzone://Microsoft/Custom"));
        assert_eq!(unknown, Err(Code::TimeZoneUnknown));
    }

    #[test]
    fn times_that_cannot_be_are_out_of_range() {
        // A text that is no time, and a year beyond 9999, are codes and no panics.
        for text in
            ["", "soon", "10000-01-01T00:00:00", "+10000-01-01T00:00:00", "2026-02-30T00:00:00"]
        {
            assert_eq!(instant(&zoned(text, "UTC")), Err(Code::DateOutOfRange), "{text}");
        }
    }

    #[test]
    fn a_date_is_the_nearest_midnight() {
        // Each client's way to store a birthday leads to the same day.
        let day = NaiveDate::from_ymd_opt(1974, 7, 22);
        for text in [
            "1974-07-22",
            "1974-07-22T00:00:00Z",
            "1974-07-22T11:59:00Z",
            "1974-07-21T22:00:00Z",
            "1974-07-22T07:00:00Z",
        ] {
            assert_eq!(date(text), Ok(day), "{text}");
        }
        assert_eq!(date("4501-01-01T00:00:00Z"), Ok(None));
        assert_eq!(date("12 May"), Err(Code::DateOutOfRange));
        assert_eq!(date(&write_date(day.unwrap())), Ok(day));
        assert_eq!(date(&write_no_date()), Ok(None));
    }

    #[test]
    fn all_day_is_counted_in_whole_days() {
        // An end at 23:59, a user's midnight and a change of the clocks give the same count.
        let of = |start: &str, end: &str| {
            let (first, last) = days(at(start), at(end));
            (first.date_naive().to_string(), (last - first).num_days())
        };
        let one = ("2026-07-01".to_owned(), 1);
        assert_eq!(of("2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z"), one);
        assert_eq!(of("2026-07-01T00:00:00Z", "2026-07-01T23:59:00Z"), one);
        assert_eq!(of("2026-07-01T22:00:00Z", "2026-07-02T22:00:00Z"), one);
        assert_eq!(of("2026-07-01T00:00:00Z", "2026-07-01T00:00:00Z"), one);
        assert_eq!(of("2026-10-24T22:00:00Z", "2026-10-26T23:00:00Z").1, 2);
    }
}
