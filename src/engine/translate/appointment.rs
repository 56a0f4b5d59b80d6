//! The status of an appointment: `statecode`/`statuscode` ↔ `showAs` (rules.md §2.2).

use chrono::{DateTime, Duration, Utc};

use super::{Translation, service};
use crate::domain::field::{Field, Fields, ShowAs, Value};
use crate::domain::kind::Kind;

/// Age after which no reminder is set (APPT-OUT-04); exactly that age still has one.
const REMINDER_AGE: Duration = Duration::days(7);

/// Returns how a row's status shows in the calendar (APPT-OUT-02, APPT-OUT-03).
#[must_use]
pub const fn show_as_of(state: i64, status: i64) -> ShowAs {
    match (state, status) {
        // APPT-OUT-02: completed and canceled rows show as free, whatever their reason.
        (1 | 2, _) => ShowAs::Free,
        // APPT-OUT-03: by name.
        (_, 2) => ShowAs::Tentative,
        (_, 5) => ShowAs::Busy,
        (_, 6) => ShowAs::Oof,
        _ => ShowAs::Free,
    }
}

/// Returns the state and reason that a calendar status becomes (APPT-IN-02 to APPT-IN-04);
/// `None` leaves the row's status as it is.
#[must_use]
pub const fn row_status_of(show_as: ShowAs, row_state: i64) -> Option<(i64, i64)> {
    match (show_as, row_state) {
        // APPT-IN-03: the mapping of a closed row. APPT-IN-05 keeps it from being written.
        (ShowAs::Free, 1 | 2) => Some((1, 3)),
        // APPT-IN-02, APPT-IN-04.
        (ShowAs::Free | ShowAs::WorkingElsewhere, _) => Some((0, 1)),
        (ShowAs::Tentative, _) => Some((0, 2)),
        (ShowAs::Busy, _) => Some((3, 5)),
        (ShowAs::Oof, _) => Some((3, 6)),
        (ShowAs::Unknown, _) => None,
    }
}

/// Tells whether a new item gets no reminder (APPT-OUT-04, APPT-OUT-05); a service activity is
/// treated alike.
#[must_use]
pub fn reminder_off(kind: Kind, row: &Fields, now: DateTime<Utc>) -> bool {
    // A series is as old as its last occurrence.
    let start = match row.recurrence() {
        Some(series) => series.last_day().map(|day| series.times(day).0),
        None => row.time(Field::Start),
    };
    let old = start.is_some_and(|start| start < now - REMINDER_AGE);
    let shown =
        if kind == Kind::ServiceAppointment { service::shown(row) } else { row_show_as(row) };
    old || shown == ShowAs::Free
}

pub(super) fn to_exchange(row: &Fields, out: &mut Translation) {
    out.patch.push((Field::ShowAs, Some(Value::ShowAs(row_show_as(row)))));
}

pub(super) fn to_dynamics(item: &Fields, row: &Fields, out: &mut Translation) {
    let Some(Value::ShowAs(show_as)) = item.get(Field::ShowAs) else { return };
    let row_state = row.number(Field::State).unwrap_or(0);
    let Some((state, status)) = row_status_of(*show_as, row_state) else { return };
    out.patch.push((Field::State, Some(Value::Number(state))));
    out.patch.push((Field::StatusReason, Some(Value::Number(status))));
}

fn row_show_as(row: &Fields) -> ShowAs {
    let state = row.number(Field::State).unwrap_or(0);
    show_as_of(state, row.number(Field::StatusReason).unwrap_or(1))
}
