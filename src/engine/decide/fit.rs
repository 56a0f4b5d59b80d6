//! What the other side can hold at all: dates, and the times of a meeting.

use crate::domain::code::Code;
use crate::domain::field::{Field, Fields, Value};
use crate::domain::kind::Kind;
use crate::domain::rule::RuleId;
use crate::engine::catalogue as rule;

/// Years beyond which Exchange or Dataverse cannot hold a date (Outlook ends in 4500, Dataverse
/// begins in 1753).
const YEARS: std::ops::RangeInclusive<i32> = 1753..=4500;

/// Tells whether a row can be written to Exchange.
pub(super) fn fits_exchange(kind: Kind, row: &Fields) -> Result<(), (RuleId, Code)> {
    fits_dates(row)?;
    match kind {
        Kind::Appointment | Kind::ServiceAppointment => {}
        Kind::Contact | Kind::Task | Kind::PhoneCall | Kind::Letter | Kind::Fax => return Ok(()),
        // An item that ceased to recur is no series any more.
        Kind::RecurringAppointment if row.recurrence().is_none() => {
            return Err((rule::REC_11, Code::RecurringUnsupported));
        }
        Kind::RecurringAppointment => {}
    }
    match (row.time(Field::Start), row.time(Field::End)) {
        (Some(start), Some(end)) if end < start => Err((rule::APPT_OUT_01, Code::EndBeforeStart)),
        (Some(_), Some(_)) => Ok(()),
        _ => Err((rule::APPT_OUT_01, Code::TimesMissing)),
    }
}

/// Tells whether an item can be written to Dynamics.
pub(super) fn fits_dynamics(kind: Kind, item: &Fields) -> Result<(), (RuleId, Code)> {
    fits_exchange(kind, item)
}

fn fits_dates(item: &Fields) -> Result<(), (RuleId, Code)> {
    use chrono::Datelike;
    let fits = item.iter().all(|(_, value)| match value {
        Value::Time(time) => YEARS.contains(&time.year()),
        Value::Date(date) => YEARS.contains(&date.year()),
        Value::Text(_)
        | Value::Html(_)
        | Value::Flag(_)
        | Value::Number(_)
        | Value::Importance(_)
        | Value::ShowAs(_)
        | Value::Todo(_)
        | Value::Parties(_)
        | Value::Recurrence(_)
        | Value::Exceptions(_) => true,
    });
    if fits { Ok(()) } else { Err((rule::ERR_02, Code::DateOutOfRange)) }
}
