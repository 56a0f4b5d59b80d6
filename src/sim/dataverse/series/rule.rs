//! The rule of a master, read strictly: what does not belong together is refused.

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::wrong;
use crate::sim::dataverse::error::Refusal;
use crate::sim::dataverse::schema::Table;
use crate::sim::dataverse::store::Row;
use crate::sim::dataverse::value::Cell;
use crate::sim::dataverse::zones;
use crate::sim::graph::calendar::{Recurrence, instant, local, zone};

const WEEKDAYS: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const NTH: [&str; 5] = ["first", "second", "third", "fourth", "last"];

/// The longest interval of a master; Graph's is one shorter (B11).
const LONGEST_INTERVAL: i32 = 1_000;

/// A rule that has been checked.
pub(super) struct Rule {
    pub(super) dates: Recurrence,
    pub(super) zone: TimeZone,
    time: jiff::civil::Time,
    pub(super) minutes: i64,
}

impl Rule {
    pub(super) fn times(&self, date: Date) -> Result<(DateTime<Utc>, DateTime<Utc>), Refusal> {
        let begin = date.to_datetime(self.time);
        let end = begin.saturating_add(jiff::SignedDuration::from_mins(self.minutes));
        let of = |at| instant(at, &self.zone).map(chrono_of).map_err(|_| wrong("the date"));
        Ok((of(begin)?, of(end)?))
    }
}

/// Reads and checks the rule of a master.
pub(super) fn rule_of(table: &Table, row: &Row) -> Result<Rule, Refusal> {
    let number = |name: &str| row.named(table, name).and_then(Cell::int);
    let time = |name: &str| row.named(table, name).and_then(Cell::time).ok_or_else(|| wrong(name));
    let zone = zone_of(number("utcconversiontimezonecode").unwrap_or(-1))?;
    let day = |at: DateTime<Utc>| local(jiff_of(at), &zone).date().to_string();
    if row.named(table, "isregenerate") == Some(&Cell::Bool(true)) {
        return Err(wrong("isregenerate"));
    }
    let pattern = pattern_of(table, row)?;
    let needed = |name: &str| number(name).ok_or_else(|| wrong(name));
    let mut range = json!({ "startDate": day(time("patternstartdate")?) });
    match needed("patternendtype")? {
        1 => range["type"] = json!("noEnd"),
        2 => {
            range["type"] = json!("numbered");
            range["numberOfOccurrences"] = json!(needed("occurrences")?);
        }
        _ => {
            range["type"] = json!("endDate");
            range["endDate"] = json!(day(time("patternenddate")?));
        }
    }
    let whole = json!({ "pattern": pattern, "range": range });
    let read = Recurrence::read_within(&whole, LONGEST_INTERVAL);
    let dates = read.map_err(|refusal| wrong(&refusal.message))?;
    let clock = |name: &str| time(name).map(|at| local(jiff_of(at), &zone));
    let (begin, end) = (clock("starttime")?, clock("endtime")?);
    let (mut time, mut minutes) = (begin.time(), begin.duration_until(end).as_mins());
    if minutes < 0 {
        return Err(wrong("endtime before starttime"));
    }
    // Whole days are days, also where the clocks skip the first one's midnight.
    if row.named(table, "isalldayevent") == Some(&Cell::Bool(true)) {
        (time, minutes) = (jiff::civil::Time::midnight(), (minutes + 720) / 1440 * 1440);
    }
    Ok(Rule { dates, zone, time, minutes })
}

/// Returns the pattern of a master in Graph's words, by which the calendar is walked.
fn pattern_of(table: &Table, row: &Row) -> Result<Value, Refusal> {
    let number = |name: &str| row.named(table, name).and_then(Cell::int);
    let flag = |name: &str| row.named(table, name) == Some(&Cell::Bool(true));
    let mut pattern = json!({ "interval": number("interval").ok_or_else(|| wrong("interval"))? });
    let days = |mask: i64| -> Value {
        (0..7).filter(|bit| mask & (1 << bit) != 0).map(|bit| WEEKDAYS[bit]).collect()
    };
    let mask = || number("daysofweekmask").map(days).ok_or_else(|| wrong("daysofweekmask"));
    let nth = || {
        let at = number("instance").and_then(|number| usize::try_from(number - 1).ok());
        at.and_then(|at| NTH.get(at)).copied().ok_or_else(|| wrong("instance"))
    };
    let needed = |name: &str| number(name).ok_or_else(|| wrong(name));
    let mut set = |name: &str, value: Value| pattern[name] = value;
    match (needed("recurrencepatterntype")?, flag("isnthmonthly"), flag("isnthyearly")) {
        (0, false, false) => set("type", json!("daily")),
        (1, false, false) => {
            set("type", json!("weekly"));
            set("daysOfWeek", if flag("isweekdaypattern") { days(62) } else { mask()? });
            let first = number("firstdayofweek").and_then(|day| usize::try_from(day).ok());
            set("firstDayOfWeek", json!(WEEKDAYS[first.unwrap_or(0).min(6)]));
        }
        (2, false, false) => {
            set("type", json!("absoluteMonthly"));
            set("dayOfMonth", json!(needed("dayofmonth")?));
        }
        (2, true, false) => {
            set("type", json!("relativeMonthly"));
            set("daysOfWeek", mask()?);
            set("index", json!(nth()?));
        }
        (3, false, false) => {
            set("type", json!("absoluteYearly"));
            set("dayOfMonth", json!(needed("dayofmonth")?));
            set("month", json!(needed("monthofyear")?));
        }
        (3, false, true) => {
            set("type", json!("relativeYearly"));
            set("daysOfWeek", mask()?);
            set("index", json!(nth()?));
            set("month", json!(needed("monthofyear")?));
        }
        _ => return Err(wrong("isnthmonthly or isnthyearly of another pattern")),
    }
    Ok(pattern)
}
fn zone_of(code: i64) -> Result<TimeZone, Refusal> {
    zone(zones::iana_of(code).unwrap_or_default()).map_err(|_| wrong("utcconversiontimezonecode"))
}

pub(super) fn jiff_of(at: DateTime<Utc>) -> Timestamp {
    Timestamp::from_second(at.timestamp()).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn chrono_of(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp(at.as_second(), 0).unwrap_or_default()
}
