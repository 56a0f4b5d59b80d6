//! The relative date operators of FetchXML, resolved at the moment of the query.
//!
//! Days begin at midnight UTC, weeks on Sunday. Absent: the caller's time zone.

use chrono::{DateTime, Datelike, Days, Duration, Months, NaiveDate, NaiveTime, Utc};

type Time = DateTime<Utc>;

/// What a relative operator means now.
pub(super) enum Span {
    /// From the first (included) to the second (not included).
    Within(Time, Time),
    Before(Time),
    From(Time),
    /// Within this quarter of any year.
    Quarter(u32),
}

/// `on` and its relatives, for the day of `moment`.
pub(super) fn on(operator: &str, moment: Time) -> Option<Span> {
    let day = moment.date_naive();
    Some(match operator {
        "on" => Span::Within(start(day), start(shift(day, 1)?)),
        "on-or-after" => Span::From(start(day)),
        "on-or-before" => Span::Before(start(shift(day, 1)?)),
        _ => return None,
    })
}

/// Operators relative to now; `None` when the operator is unknown or its number is missing.
pub(super) fn relative(operator: &str, value: Option<&str>, now: Time) -> Option<Span> {
    match value {
        Some(text) => {
            counted(operator, text.parse().ok().filter(|n| (1..=100_000).contains(n))?, now)
        }
        None => fixed(operator, now),
    }
}

fn fixed(operator: &str, now: Time) -> Option<Span> {
    let today = now.date_naive();
    let sunday = shift(today, -i64::from(today.weekday().num_days_from_sunday()))?;
    let month = today.with_day(1)?;
    let year = month.with_month(1)?;
    let days = |from: i64, to: i64| {
        Some(Span::Within(start(shift(today, from)?), start(shift(today, to)?)))
    };
    let weeks = |from: i64| {
        Some(Span::Within(start(shift(sunday, from)?), start(shift(sunday, from + 7)?)))
    };
    let months = |first: NaiveDate, from: i32, length: i32| {
        Some(Span::Within(start(add(first, from)?), start(add(first, from + length)?)))
    };
    match operator {
        "today" => days(0, 1),
        "yesterday" => days(-1, 0),
        "tomorrow" => days(1, 2),
        "last-seven-days" => Some(Span::Within(start(shift(today, -7)?), until(now))),
        "next-seven-days" => Some(Span::Within(now, start(shift(today, 8)?))),
        "this-week" => weeks(0),
        "last-week" => weeks(-7),
        "next-week" => weeks(7),
        "this-month" => months(month, 0, 1),
        "last-month" => months(month, -1, 1),
        "next-month" => months(month, 1, 1),
        "this-year" => months(year, 0, 12),
        "last-year" => months(year, -12, 12),
        "next-year" => months(year, 12, 12),
        _ => None,
    }
}

fn counted(operator: &str, n: i64, now: Time) -> Option<Span> {
    let today = now.date_naive();
    let back = |days: i64| Some(Span::Within(start(shift(today, -days)?), until(now)));
    let ahead = |days: i64| Some(Span::Within(now, start(shift(today, days + 1)?)));
    let months = i32::try_from(n).ok()?;
    match operator {
        "last-x-hours" => Some(Span::Within(now - Duration::hours(n), until(now))),
        "next-x-hours" => Some(Span::Within(now, until(now + Duration::hours(n)))),
        "last-x-days" => back(n),
        "next-x-days" => ahead(n),
        "last-x-weeks" => back(n * 7),
        "next-x-weeks" => ahead(n * 7),
        "last-x-months" => Some(Span::Within(start(add(today, -months)?), until(now))),
        "next-x-months" => Some(Span::Within(now, start(shift(add(today, months)?, 1)?))),
        "last-x-years" => Some(Span::Within(start(add(today, -months * 12)?), until(now))),
        "next-x-years" => Some(Span::Within(now, start(shift(add(today, months * 12)?, 1)?))),
        "olderthan-x-minutes" => Some(Span::Before(now - Duration::minutes(n))),
        "olderthan-x-hours" => Some(Span::Before(now - Duration::hours(n))),
        "olderthan-x-days" => {
            Some(Span::Before(now.checked_sub_days(Days::new(n.cast_unsigned()))?))
        }
        "olderthan-x-weeks" => {
            Some(Span::Before(now.checked_sub_days(Days::new(n.cast_unsigned() * 7))?))
        }
        "olderthan-x-months" => Some(Span::Before(start(add(today, -months)?))),
        "olderthan-x-years" => Some(Span::Before(start(add(today, -months * 12)?))),
        _ => None,
    }
}

pub(super) fn start(day: NaiveDate) -> Time {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// The end of a span that includes the second of `now`.
fn until(now: Time) -> Time {
    now + Duration::seconds(1)
}

fn shift(day: NaiveDate, days: i64) -> Option<NaiveDate> {
    day.checked_add_signed(Duration::try_days(days)?)
}

pub(super) fn add(day: NaiveDate, months: i32) -> Option<NaiveDate> {
    let amount = Months::new(months.unsigned_abs());
    if months < 0 { day.checked_sub_months(amount) } else { day.checked_add_months(amount) }
}
