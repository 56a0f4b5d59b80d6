//! The status of an appointment: `statecode`/`statuscode` ↔ `showAs` (rules.md §2.2).

use chrono::{DateTime, Duration, Utc};

use super::{Translation, service};
use crate::domain::field::{Field, Fields, ShowAs, Value};
use crate::domain::kind::Kind;
use crate::domain::rule::RuleId;
use crate::engine::catalogue as rule;

/// Age after which no reminder is set (APPT-OUT-04); exactly that age still has one.
const REMINDER_AGE: Duration = Duration::days(7);

/// Returns how a row's status shows in the calendar.
#[must_use]
pub const fn show_as_of(state: i64, status: i64) -> ShowAs {
    shows(state, status).0
}

/// APPT-OUT-02, APPT-OUT-03, CXL-03: how a row's status shows, and the rule that says so.
const fn shows(state: i64, status: i64) -> (ShowAs, RuleId) {
    match (state, status) {
        // Completed and canceled rows show as free, whatever their reason.
        (1, _) => (ShowAs::Free, rule::APPT_OUT_02),
        (2, _) => (ShowAs::Free, rule::CXL_03),
        // By name.
        (_, 2) => (ShowAs::Tentative, rule::APPT_OUT_03),
        (_, 5) => (ShowAs::Busy, rule::APPT_OUT_03),
        (_, 6) => (ShowAs::Oof, rule::APPT_OUT_03),
        _ => (ShowAs::Free, rule::APPT_OUT_02),
    }
}

/// Returns the state and reason that a calendar status becomes; `None` leaves the row's status as
/// it is.
#[must_use]
pub fn row_status_of(show_as: ShowAs, row_state: i64) -> Option<(i64, i64)> {
    becomes(show_as, row_state).map(|(status, _)| status)
}

/// APPT-IN-02 to APPT-IN-04: what a calendar status becomes, and the rule that says so.
const fn becomes(show_as: ShowAs, row_state: i64) -> Option<((i64, i64), RuleId)> {
    match (show_as, row_state) {
        // The mapping of a closed row. APPT-IN-05 keeps it from being written.
        (ShowAs::Free, 1 | 2) => Some(((1, 3), rule::APPT_IN_03)),
        (ShowAs::Free, _) => Some(((0, 1), rule::APPT_IN_02)),
        (ShowAs::WorkingElsewhere, _) => Some(((0, 1), rule::APPT_IN_04)),
        // By name.
        (ShowAs::Tentative, _) => Some(((0, 2), rule::APPT_IN_04)),
        (ShowAs::Busy, _) => Some(((3, 5), rule::APPT_IN_04)),
        (ShowAs::Oof, _) => Some(((3, 6), rule::APPT_IN_04)),
        (ShowAs::Unknown, _) => None,
    }
}

/// Returns the rule by which a new item gets no reminder (APPT-OUT-04, APPT-OUT-05); a service
/// activity is treated alike.
#[must_use]
pub fn reminder_off(kind: Kind, row: &Fields, now: DateTime<Utc>) -> Option<RuleId> {
    // A series is as old as its last occurrence.
    let start = match row.recurrence() {
        Some(series) => series.last_day().map(|day| series.times(day).0),
        None => row.time(Field::Start),
    };
    let old = start.is_some_and(|start| start < now - REMINDER_AGE);
    let shown =
        if kind == Kind::ServiceAppointment { service::shown(row) } else { row_shows(row).0 };
    let free = (shown == ShowAs::Free).then_some(rule::APPT_OUT_05);
    old.then_some(rule::APPT_OUT_04).or(free)
}

pub(super) fn to_exchange(row: &Fields, out: &mut Translation) {
    let (shown, id) = row_shows(row);
    out.patch.push((Field::ShowAs, Some(Value::ShowAs(shown))));
    out.by(id);
}

pub(super) fn to_dynamics(item: &Fields, row: &Fields, out: &mut Translation) {
    let Some(Value::ShowAs(show_as)) = item.get(Field::ShowAs) else { return };
    let row_state = row.number(Field::State).unwrap_or(0);
    let Some(((state, status), id)) = becomes(*show_as, row_state) else { return };
    out.by(id);
    out.patch.push((Field::State, Some(Value::Number(state))));
    out.patch.push((Field::StatusReason, Some(Value::Number(status))));
}

fn row_shows(row: &Fields) -> (ShowAs, RuleId) {
    let state = row.number(Field::State).unwrap_or(0);
    shows(state, row.number(Field::StatusReason).unwrap_or(1))
}
