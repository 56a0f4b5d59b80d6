//! Typed cell values and their JSON and text forms.
//!
//! Absent values are `None` in a row, never a cell. Numbers, dates and guids keep their types so
//! that comparison and rendering follow the column, not the text that was sent.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, SubsecRound, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::error::Refusal;
use super::schema::{Column, Kind, Table};

/// One stored value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Text(Box<str>),
    Int(i64),
    Bool(bool),
    Time(DateTime<Utc>),
    Date(NaiveDate),
    Id(Uuid),
    /// A lookup: the row's id and the index of its table.
    Ref(Uuid, u8),
}

impl Cell {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn uuid(&self) -> Option<Uuid> {
        if let Self::Id(id) | Self::Ref(id, _) = self { Some(*id) } else { None }
    }

    pub(super) fn int(&self) -> Option<i64> {
        if let Self::Int(number) = self { Some(*number) } else { None }
    }

    pub(super) fn str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The day of an instant, in UTC, or of a date.
    pub(super) fn day(&self) -> Option<NaiveDate> {
        match self {
            Self::Time(time) => Some(time.date_naive()),
            Self::Date(day) => Some(*day),
            Self::Text(_) | Self::Int(_) | Self::Bool(_) | Self::Id(_) | Self::Ref(..) => None,
        }
    }

    pub(super) fn time(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Time(time) => Some(*time),
            Self::Date(date) => Some(date.and_time(NaiveTime::MIN).and_utc()),
            Self::Text(_) | Self::Int(_) | Self::Bool(_) | Self::Id(_) | Self::Ref(..) => None,
        }
    }

    /// The value as the Web API writes it.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(&**text),
            Self::Int(number) => Value::from(*number),
            Self::Bool(flag) => Value::from(*flag),
            Self::Time(time) => Value::from(time.to_rfc3339_opts(SecondsFormat::Secs, true)),
            Self::Date(date) => Value::from(date.format("%Y-%m-%d").to_string()),
            Self::Id(id) | Self::Ref(id, _) => Value::from(id.to_string()),
        }
    }

    /// Compares two values of one column; texts without regard to case, as the service does.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(fold(a).cmp(fold(b))),
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Time(_) | Self::Date(_), Self::Time(_) | Self::Date(_)) => {
                Some(self.time().cmp(&other.time()))
            }
            (Self::Id(_) | Self::Ref(..), Self::Id(_) | Self::Ref(..)) => {
                Some(self.uuid().cmp(&other.uuid()))
            }
            _ => None,
        }
    }
}

/// The characters of a text in the form the collation compares.
pub(super) fn fold(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_lowercase)
}

/// Reads the JSON value of a column in a request body; `None` clears the column.
pub(super) fn from_json(
    table: &Table,
    column: &Column,
    value: &Value,
) -> Result<Option<Cell>, Refusal> {
    if value.is_null() {
        return Ok(None);
    }
    let wrong = || {
        let name = &column.property;
        Refusal::payload(format!("Cannot convert the literal '{value}' of '{name}'"))
    };
    let cell = match &column.kind {
        Kind::Text(limit) => {
            let text = value.as_str().ok_or_else(wrong)?;
            check_length(table, column, text, *limit)?;
            if text.is_empty() {
                return Ok(None);
            }
            Cell::text(text)
        }
        Kind::Int(low, high) => {
            let number = value.as_i64().ok_or_else(wrong)?;
            check_range(table, column, number, *low, *high)?;
            Cell::Int(number)
        }
        Kind::Choice(options) => {
            let number = value.as_i64().ok_or_else(wrong)?;
            check_option(table, column, number, options)?;
            Cell::Int(number)
        }
        Kind::Bool => Cell::Bool(value.as_bool().ok_or_else(wrong)?),
        Kind::Time => Cell::Time(instant(value.as_str().ok_or_else(wrong)?).ok_or_else(wrong)?),
        Kind::DayTime => {
            let time = instant(value.as_str().ok_or_else(wrong)?).ok_or_else(wrong)?;
            Cell::Time(time.date_naive().and_time(NaiveTime::MIN).and_utc())
        }
        Kind::Date => Cell::Date(day(value.as_str().ok_or_else(wrong)?).ok_or_else(wrong)?),
        Kind::Id => {
            let text = value.as_str().ok_or_else(wrong)?;
            Cell::Id(Uuid::try_parse(text).map_err(|_| wrong())?)
        }
        Kind::Lookup(_) => {
            return Err(Refusal::payload(
                "CRM do not support direct update of Entity Reference properties, Use Navigation \
                 properties instead.",
            ));
        }
    };
    Ok(Some(cell))
}

/// Reads a text form of a value (a literal of `$filter` after unquoting, a FetchXML value).
pub(super) fn from_text(column: &Column, text: &str) -> Option<Cell> {
    match &column.kind {
        Kind::Text(_) => Some(Cell::text(text)),
        Kind::Int(..) | Kind::Choice(_) => text.parse().ok().map(Cell::Int),
        Kind::Bool => match text {
            "true" | "1" => Some(Cell::Bool(true)),
            "false" | "0" => Some(Cell::Bool(false)),
            _ => None,
        },
        Kind::Time | Kind::DayTime => instant(text).or_else(|| midnight(text)).map(Cell::Time),
        Kind::Date => day(text).or_else(|| instant(text).map(|t| t.date_naive())).map(Cell::Date),
        Kind::Id | Kind::Lookup(_) => {
            Uuid::try_parse(text.trim_matches(['{', '}'])).ok().map(Cell::Id)
        }
    }
}

/// Reads an instant with an offset; fractions of a second are not stored.
pub(super) fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc).trunc_subsecs(0))
}

fn day(text: &str) -> Option<NaiveDate> {
    (text.len() == 10).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())?
}

fn midnight(text: &str) -> Option<DateTime<Utc>> {
    day(text).map(|date| date.and_time(NaiveTime::MIN).and_utc())
}

fn check_length(table: &Table, column: &Column, text: &str, limit: usize) -> Result<(), Refusal> {
    if text.encode_utf16().count() <= limit {
        return Ok(());
    }
    let (name, table) = (column.name, table.logical);
    Err(Refusal::new(
        400,
        "0x80044331",
        format!(
            "A validation error occurred. The length of the '{name}' attribute of the '{table}' \
             entity exceeded the maximum allowed length of '{limit}'."
        ),
    ))
}

fn check_range(
    table: &Table,
    column: &Column,
    number: i64,
    low: i64,
    high: i64,
) -> Result<(), Refusal> {
    if (low..=high).contains(&number) {
        return Ok(());
    }
    let (name, table) = (column.name, table.logical);
    Err(Refusal::new(
        400,
        "0x80044330",
        format!(
            "A validation error occurred. The value {number} of '{name}' on record of type \
             '{table}' is outside the valid range {low} to {high}."
        ),
    ))
}

fn check_option(
    table: &Table,
    column: &Column,
    number: i64,
    options: &[(i64, &str)],
) -> Result<(), Refusal> {
    if options.iter().any(|(value, _)| *value == number) {
        return Ok(());
    }
    let (name, table) = (column.name, table.logical);
    Err(Refusal::new(
        400,
        "0x8004431a",
        format!(
            "A validation error occurred. The value {number} of '{name}' on record of type \
             '{table}' is outside the valid range."
        ),
    ))
}
