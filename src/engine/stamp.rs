//! What follows a create in the same cycle.
//!
//! Stamp: after an event was created, its identity is written to the row.
//! Attendees' mailboxes find their copies of the meeting by it (APPT-OUT-14, APPT-IN-11). A stamp
//! that fails leaves the link unsettled, and the next cycle writes it as part of an update.
//!
//! Mark: an item that was tracked in Exchange names its row only when that row was made.

use crate::domain::field::{Field, Value};
use crate::domain::link::Role;
use crate::domain::plan::{MailClass, Op, Outcome, Step};
use crate::domain::side::Side;
use crate::engine::fold::written;
use crate::engine::normalise::Seen;
use crate::engine::plan::Entry;

/// Tells whether an entry's create in Exchange will be followed by a stamp of its row.
#[must_use]
pub fn stamps(entry: &Entry) -> bool {
    let creates = entry
        .steps
        .exchange
        .as_ref()
        .is_some_and(|step| matches!(step.op, Op::Create { .. }) && step.kind.is_meeting());
    let row = entry.verdict.pairing.seen.dynamics.as_ref();
    creates
        && entry.verdict.role == Role::Owner
        && row.is_some_and(|row| row.observation.uid.is_none() && !is_closed(row))
}

/// Tells whether an entry's step in Exchange marks an item with the row that its step in Dynamics
/// makes. It is sent after that, and not at all when the row was refused or nobody knows: an item
/// that names a row which never was counts as one whose row was deleted when the store is lost.
#[must_use]
pub fn mark_follows_row(entry: &Entry) -> bool {
    matches!(entry.steps.dynamics, Some(Step { op: Op::Create { .. }, .. }))
        && matches!(entry.steps.exchange, Some(Step { op: Op::Update { mark: true, .. }, .. }))
}

/// A closed row takes no change but one of its state.
fn is_closed(row: &Seen) -> bool {
    matches!(row.observation.fields.number(Field::State), Some(1 | 2))
}

/// Returns the stamp that the outcome of an entry's Exchange step calls for.
#[must_use]
pub fn stamp(entry: &Entry, outcome: &Outcome) -> Option<Step> {
    let create = entry.steps.exchange.as_ref()?;
    let row = entry.verdict.pairing.seen.dynamics.as_ref()?;
    let uid = written(outcome)?.uid.clone().filter(|_| stamps(entry))?;
    Some(Step {
        link: create.link,
        key: create.key,
        kind: create.kind,
        on: Side::Dynamics,
        op: Op::Update {
            id: row.observation.id.clone(),
            expected: row.observation.version.clone(),
            patch: vec![(Field::Uid, Some(Value::Text(uid.as_str().to_owned())))],
            groups: Vec::new(),
            mark: false,
        },
        mail: MailClass::Silent,
    })
}
