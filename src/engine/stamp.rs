//! Stamp: after one item was created, each side is told of the other in the same cycle.
//!
//! An event's identity is written to its row: attendees' mailboxes find their copies of the meeting
//! by it (APPT-OUT-14, APPT-IN-11). The guid of a new row is marked on its Exchange item: by it the
//! pair is found again when the store is lost (INV-7). A stamp that fails leaves the link unsettled.

use crate::domain::field::{Field, Value};
use crate::domain::kind::Kind;
use crate::domain::link::Role;
use crate::domain::plan::{MailClass, Op, Outcome, Step};
use crate::domain::side::Side;
use crate::engine::decide::attendee_count;
use crate::engine::fold::written;
use crate::engine::plan::Entry;

/// Returns the stamp that the outcome of an entry's Exchange step calls for.
#[must_use]
pub fn stamp(entry: &Entry, outcome: &Outcome) -> Option<Step> {
    let create = entry.steps.exchange.as_ref()?;
    let row = entry.verdict.pairing.seen.dynamics.as_ref()?;
    let fits = matches!(create.op, Op::Create { .. })
        && create.kind == Kind::Appointment
        && entry.verdict.role == Role::Owner
        && row.observation.uid.is_none();
    let uid = written(outcome)?.uid.clone().filter(|_| fits)?;
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

/// Returns the mark that the outcome of an entry's Dynamics step calls for. A meeting with
/// attendees is not marked, which would mail them; its own identity leads to its row.
#[must_use]
pub fn mark(entry: &Entry, outcome: &Outcome) -> Option<Step> {
    let create = entry.steps.dynamics.as_ref()?;
    let item = &entry.verdict.pairing.seen.exchange.as_ref()?.observation;
    let fits = matches!(create.op, Op::Create { .. })
        && matches!(outcome, Outcome::Done(_))
        && entry.steps.exchange.is_none()
        && entry.verdict.role == Role::Owner
        && item.marker.is_none()
        && attendee_count(&item.fields) == 0;
    fits.then(|| Step {
        link: create.link,
        key: create.key,
        kind: create.kind,
        on: Side::Exchange,
        op: Op::Update {
            id: item.id.clone(),
            expected: item.version.clone(),
            patch: Vec::new(),
            groups: Vec::new(),
            mark: true,
        },
        mail: MailClass::Silent,
    })
}
