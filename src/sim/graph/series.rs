//! Recurrence: strict reading of `patternedRecurrence` (A3) and its expansion to dates.
//!
//! Six pattern types by three range types, on civil dates alone. Absent: non-Gregorian calendars.

use jiff::Span;
use jiff::civil::{Date, Weekday};
use serde_json::{Map, Value, json};

use super::refusal::{Refusal, property};

/// The longest series this stand-in walks, as a bound on work.
const MAX_STEPS: usize = 20_000;
const NO_DATE: &str = "0001-01-01";
const DAYS: [(&str, Weekday); 7] = [
    ("sunday", Weekday::Sunday),
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Daily,
    Weekly { days: Vec<Weekday>, first: Weekday },
    MonthDay(i8),
    MonthRelative { days: Vec<Weekday>, index: usize },
    YearDay { month: i8, day: i8 },
    YearRelative { month: i8, days: Vec<Weekday>, index: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Until(Date),
    Never,
    Count(usize),
}

/// A recurrence that has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sim) struct Recurrence {
    step: Step,
    interval: i32,
    bound: Bound,
    /// `range.startDate`.
    pub(super) start: Date,
    /// `range.recurrenceTimeZone`, when given.
    pub(super) zone: Option<String>,
}

impl Recurrence {
    /// Reads and checks a `recurrence` value whose shape the schema has accepted.
    pub(super) fn read(value: &Value) -> Result<Self, Refusal> {
        Self::read_within(value, 999)
    }

    /// Reads and checks a recurrence whose interval may be as long as said.
    pub(in crate::sim) fn read_within(value: &Value, longest: i32) -> Result<Self, Refusal> {
        let missing = |name: &str| property(format!("The recurrence needs '{name}'."));
        let pattern = value["pattern"].as_object().ok_or_else(|| missing("pattern"))?;
        let range = value["range"].as_object().ok_or_else(|| missing("range"))?;
        let kind = text(pattern, "type").ok_or_else(|| missing("pattern/type"))?;
        belongs(pattern, kind)?;
        let interval = whole(pattern, "interval").unwrap_or(1);
        if !(1..=longest).contains(&interval) {
            let text = format!("The recurrence interval must be between 1 and {longest}.");
            return Err(property(text));
        }
        let start = date(range, "startDate")?.ok_or_else(|| missing("range/startDate"))?;
        let made = Self {
            step: step(pattern, kind)?,
            interval,
            bound: bound(range, start)?,
            start,
            zone: text(range, "recurrenceTimeZone").map(str::to_owned),
        };
        if made.walk(made.horizon(), 1).is_empty() {
            return Err(property("The recurrence has no occurrence."));
        }
        Ok(made)
    }

    fn horizon(&self) -> Date {
        self.start.checked_add(Span::new().years(12)).unwrap_or(Date::MAX)
    }

    /// Returns the same recurrence beginning on another day.
    pub(super) fn starting(&self, start: Date) -> Self {
        Self { start, ..self.clone() }
    }

    /// Returns the first date, which may be later than `startDate`.
    pub(in crate::sim) fn first(&self) -> Date {
        self.walk(self.horizon(), 1).first().copied().unwrap_or(self.start)
    }

    /// Returns the dates of the series up to and including `until`, in order.
    pub(in crate::sim) fn dates(&self, until: Date) -> Vec<Date> {
        self.walk(until, usize::MAX)
    }

    /// Tells whether there are days after `day`.
    pub(in crate::sim) fn goes_on(&self, day: Date) -> bool {
        let far = day.checked_add(Span::new().years(12)).unwrap_or(Date::MAX);
        self.walk(far, usize::MAX).last().is_some_and(|last| *last > day)
    }

    fn walk(&self, until: Date, most: usize) -> Vec<Date> {
        let until = match self.bound {
            Bound::Until(end) => end.min(until),
            Bound::Never | Bound::Count(_) => until,
        };
        let limit = match self.bound {
            Bound::Count(count) => count.min(most),
            Bound::Until(_) | Bound::Never => most,
        };
        let mut found: Vec<Date> = Vec::new();
        for number in 0..MAX_STEPS {
            let Some((period, mut days)) = self.period(number) else { break };
            days.retain(|day| *day >= self.start && *day <= until);
            days.sort_unstable();
            for day in days {
                if found.len() < limit {
                    found.push(day);
                }
            }
            if period > until || found.len() >= limit {
                break;
            }
        }
        found
    }

    // The candidates of the n-th period and the period's first day.
    fn period(&self, number: usize) -> Option<(Date, Vec<Date>)> {
        let ahead = i64::try_from(number).ok()?.checked_mul(i64::from(self.interval))?;
        match &self.step {
            Step::Daily => {
                let day = self.start.checked_add(days_span(ahead)?).ok()?;
                Some((day, vec![day]))
            }
            Step::Weekly { days, first } => {
                let back = i64::from(self.start.weekday().since(*first));
                let week = self.start.checked_add(days_span(ahead * 7 - back)?).ok()?;
                let dates = days
                    .iter()
                    .filter_map(|day| week.checked_add(days_span(day.since(*first).into())?).ok())
                    .collect();
                Some((week, dates))
            }
            Step::MonthDay(day) => {
                let month = self
                    .start
                    .first_of_month()
                    .checked_add(Span::new().try_months(ahead).ok()?)
                    .ok()?;
                Some((month, vec![clamped(month, *day)?]))
            }
            Step::MonthRelative { days, index } => {
                let month = self
                    .start
                    .first_of_month()
                    .checked_add(Span::new().try_months(ahead).ok()?)
                    .ok()?;
                Some((month, relative(month, days, *index).into_iter().collect()))
            }
            Step::YearDay { month, day } => {
                let first = self.year_month(ahead, *month)?;
                Some((first, vec![clamped(first, *day)?]))
            }
            Step::YearRelative { month, days, index } => {
                let first = self.year_month(ahead, *month)?;
                Some((first, relative(first, days, *index).into_iter().collect()))
            }
        }
    }

    fn year_month(&self, ahead: i64, month: i8) -> Option<Date> {
        let year = i64::from(self.start.year()).checked_add(ahead)?;
        Date::new(i16::try_from(year).ok()?, month, 1).ok()
    }

    /// Returns the value the service answers with: every property, unused ones at their default.
    pub(super) fn render(&self, zone: &str) -> Value {
        let mut pattern = json!({ "type": "daily", "interval": self.interval, "month": 0,
            "dayOfMonth": 0, "firstDayOfWeek": "sunday", "index": "first" });
        let names = |days: &[Weekday]| -> Value { days.iter().map(|day| name_of(*day)).collect() };
        match &self.step {
            Step::Daily => {}
            Step::Weekly { days, first } => {
                pattern["type"] = json!("weekly");
                pattern["daysOfWeek"] = names(days);
                pattern["firstDayOfWeek"] = json!(name_of(*first));
            }
            Step::MonthDay(day) => {
                pattern["type"] = json!("absoluteMonthly");
                pattern["dayOfMonth"] = json!(day);
            }
            Step::YearDay { month, day } => {
                pattern["type"] = json!("absoluteYearly");
                pattern["month"] = json!(month);
                pattern["dayOfMonth"] = json!(day);
            }
            Step::MonthRelative { days, index } => {
                pattern["type"] = json!("relativeMonthly");
                pattern["daysOfWeek"] = names(days);
                pattern["index"] = json!(INDEXES[*index]);
            }
            Step::YearRelative { month, days, index } => {
                pattern["type"] = json!("relativeYearly");
                pattern["month"] = json!(month);
                pattern["daysOfWeek"] = names(days);
                pattern["index"] = json!(INDEXES[*index]);
            }
        }
        let (kind, end, count) = match self.bound {
            Bound::Until(end) => ("endDate", end.to_string(), 0),
            Bound::Never => ("noEnd", NO_DATE.to_owned(), 0),
            Bound::Count(count) => ("numbered", NO_DATE.to_owned(), count),
        };
        json!({ "pattern": pattern, "range": { "type": kind, "startDate": self.start.to_string(),
            "endDate": end, "recurrenceTimeZone": zone, "numberOfOccurrences": count } })
    }
}

const INDEXES: [&str; 5] = ["first", "second", "third", "fourth", "last"];

fn name_of(day: Weekday) -> &'static str {
    DAYS.iter().find(|(_, known)| *known == day).map_or("sunday", |(name, _)| name)
}

fn text<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    map.get(name).and_then(Value::as_str)
}

fn whole(map: &Map<String, Value>, name: &str) -> Option<i32> {
    map.get(name).and_then(Value::as_i64).and_then(|number| i32::try_from(number).ok())
}

fn date(map: &Map<String, Value>, name: &str) -> Result<Option<Date>, Refusal> {
    match text(map, name) {
        None | Some(NO_DATE) => Ok(None),
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|_| property(format!("'{name}' of the recurrence is not a date."))),
    }
}

// Properties that don't belong to the type cause an error (resources/recurrencepattern.md).
// Their defaults pass, because the service itself sends them in every reply.
fn belongs(pattern: &Map<String, Value>, kind: &str) -> Result<(), Refusal> {
    let own: &[&str] = match kind {
        "weekly" => &["daysOfWeek", "firstDayOfWeek"],
        "absoluteMonthly" => &["dayOfMonth"],
        "relativeMonthly" => &["daysOfWeek", "index"],
        "absoluteYearly" => &["dayOfMonth", "month"],
        "relativeYearly" => &["daysOfWeek", "index", "month"],
        _ => &[],
    };
    let neutral = |name: &str, value: &Value| match name {
        "firstDayOfWeek" => value == "sunday",
        "index" => value == "first",
        "daysOfWeek" => value.as_array().is_some_and(Vec::is_empty),
        _ => value == 0,
    };
    for (name, value) in pattern {
        let known = matches!(name.as_str(), "type" | "interval") || name.contains("@odata.");
        if !known && !own.contains(&name.as_str()) && !value.is_null() && !neutral(name, value) {
            return Err(property(format!("'{name}' does not belong to a {kind} pattern.")));
        }
    }
    Ok(())
}

fn step(pattern: &Map<String, Value>, kind: &str) -> Result<Step, Refusal> {
    let within = |name: &str, most: i32| {
        whole(pattern, name)
            .filter(|number| (1..=most).contains(number))
            .and_then(|number| i8::try_from(number).ok())
            .ok_or_else(|| property(format!("A {kind} pattern needs '{name}' from 1 to {most}.")))
    };
    let days = || -> Result<Vec<Weekday>, Refusal> {
        let names = pattern.get("daysOfWeek").and_then(Value::as_array);
        let found: Vec<Weekday> = DAYS
            .iter()
            .filter(|(name, _)| names.is_some_and(|list| list.iter().any(|n| n == name)))
            .map(|(_, day)| *day)
            .collect();
        if found.is_empty() {
            return Err(property(format!("A {kind} pattern needs 'daysOfWeek'.")));
        }
        Ok(found)
    };
    let index = || {
        let name = text(pattern, "index").unwrap_or("first");
        INDEXES.iter().position(|known| *known == name).unwrap_or(0)
    };
    Ok(match kind {
        "daily" => Step::Daily,
        "weekly" => {
            let name = text(pattern, "firstDayOfWeek").unwrap_or("sunday");
            let first = DAYS.iter().find(|(known, _)| *known == name);
            Step::Weekly { days: days()?, first: first.map_or(Weekday::Sunday, |(_, day)| *day) }
        }
        "absoluteMonthly" => Step::MonthDay(within("dayOfMonth", 31)?),
        "relativeMonthly" => Step::MonthRelative { days: days()?, index: index() },
        "absoluteYearly" => {
            Step::YearDay { month: within("month", 12)?, day: within("dayOfMonth", 31)? }
        }
        _ => Step::YearRelative { month: within("month", 12)?, days: days()?, index: index() },
    })
}

fn bound(range: &Map<String, Value>, start: Date) -> Result<Bound, Refusal> {
    let end = date(range, "endDate")?;
    let count = whole(range, "numberOfOccurrences").unwrap_or(0);
    match text(range, "type") {
        Some("endDate") if count == 0 => {
            let end = end.filter(|end| *end >= start);
            end.map(Bound::Until)
                .ok_or_else(|| property("'endDate' must be given and not before 'startDate'."))
        }
        Some("noEnd") if count == 0 && end.is_none() => Ok(Bound::Never),
        Some("numbered") if end.is_none() => match usize::try_from(count) {
            Ok(count) if (1..=999).contains(&count) => Ok(Bound::Count(count)),
            _ => Err(property("'numberOfOccurrences' must be between 1 and 999.")),
        },
        Some(kind) => Err(property(format!("The range has properties foreign to '{kind}'."))),
        None => Err(property("The recurrence needs 'range/type'.")),
    }
}

fn days_span(days: i64) -> Option<Span> {
    Span::new().try_days(days).ok()
}

// A day the month does not have becomes its last day.
fn clamped(month: Date, day: i8) -> Option<Date> {
    Date::new(month.year(), month.month(), day.min(month.days_in_month())).ok()
}

// With several days the first matching day wins, so they are counted together.
fn relative(month: Date, days: &[Weekday], index: usize) -> Option<Date> {
    let all: Vec<Date> = (1..=month.days_in_month())
        .filter_map(|day| Date::new(month.year(), month.month(), day).ok())
        .filter(|date| days.contains(&date.weekday()))
        .collect();
    if index == 4 { all.last().copied() } else { all.get(index).copied() }
}
