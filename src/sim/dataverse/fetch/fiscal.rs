//! The fiscal operators of FetchXML, resolved at the moment of the query.
//!
//! The calendar is the one that Dataverse begins with: years from the first of January, in four
//! quarters. Absent: another start or another kind of period.

use chrono::{DateTime, Datelike, NaiveDate, Utc};

use super::dates::{Span, add, start};

/// Periods of a fiscal year.
const PERIODS: i32 = 4;
/// Months of a fiscal period.
const MONTHS: i32 = 3;
/// The fiscal years that the service knows.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2100;

/// Returns what a fiscal operator means now; `None` when the operator is no fiscal one, or when
/// its values are wrong in number or in range.
pub(super) fn span(operator: &str, values: &[&str], now: DateTime<Utc>) -> Option<Span> {
    let today = now.date_naive();
    let year = NaiveDate::from_ymd_opt(today.year(), 1, 1)?;
    let quarter = add(year, today.month0().cast_signed() / MONTHS * MONTHS)?;
    let around = |first: NaiveDate, from: i32, length: i32| {
        Some(Span::Within(start(add(first, from)?), start(add(first, from + length)?)))
    };
    let whole = MONTHS * PERIODS;
    match (operator, values) {
        ("this-fiscal-period", []) => around(quarter, 0, MONTHS),
        ("last-fiscal-period", []) => around(quarter, -MONTHS, MONTHS),
        ("next-fiscal-period", []) => around(quarter, MONTHS, MONTHS),
        ("this-fiscal-year", []) => around(year, 0, whole),
        ("last-fiscal-year", []) => around(year, -whole, whole),
        ("next-fiscal-year", []) => around(year, whole, whole),
        ("last-x-fiscal-periods", [n]) => {
            let months = count(n)?.checked_mul(MONTHS)?;
            around(quarter, -months, months)
        }
        ("next-x-fiscal-periods", [n]) => around(quarter, MONTHS, count(n)?.checked_mul(MONTHS)?),
        ("last-x-fiscal-years", [n]) => {
            let months = count(n)?.checked_mul(whole)?;
            around(year, -months, months)
        }
        ("next-x-fiscal-years", [n]) => around(year, whole, count(n)?.checked_mul(whole)?),
        ("in-fiscal-year", [y]) => around(first_of(y, "1")?, 0, whole),
        ("in-fiscal-period-and-year", [p, y]) => around(first_of(y, p)?, 0, MONTHS),
        ("in-or-after-fiscal-period-and-year", [p, y]) => Some(Span::From(start(first_of(y, p)?))),
        ("in-or-before-fiscal-period-and-year", [p, y]) => {
            Some(Span::Before(start(add(first_of(y, p)?, MONTHS)?)))
        }
        ("in-fiscal-period", [p]) => Some(Span::Quarter(period(p)?)),
        _ => None,
    }
}

/// Returns the quarter of a date, from 1 to 4.
pub(in crate::sim::dataverse) fn quarter_of(date: NaiveDate) -> u32 {
    date.month0() / MONTHS.unsigned_abs() + 1
}

fn first_of(year: &str, number: &str) -> Option<NaiveDate> {
    let year = year.parse().ok().filter(|year| YEARS.contains(year))?;
    add(NaiveDate::from_ymd_opt(year, 1, 1)?, (period(number)?.cast_signed() - 1) * MONTHS)
}

fn period(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| (1..=PERIODS.unsigned_abs()).contains(number))
}

fn count(text: &str) -> Option<i32> {
    text.parse().ok().filter(|number| (1..=1_000).contains(number))
}
