//! Strangers: makes the rows of people whom no row knows, before the rows of a slice name them (RES-03).
//! Who they are the engine decided (`engine/strangers.rs`).

use std::collections::HashMap;

use tracing::Instrument;

use super::context::CycleContext;
use crate::domain::party::Made;
use crate::domain::plan::Outcome;
use crate::domain::side::Side;
use crate::engine::catalogue as rule;
use crate::engine::plan::Plan;
use crate::telemetry::names;

/// Makes them as the mailbox's user. Who cannot be made stays an address in the slice. Returns the
/// entries whose row waits for the next cycle, because no answer came, each with what came of it.
pub(super) async fn introduce(context: &CycleContext, slice: &mut Plan) -> HashMap<usize, Outcome> {
    let people = slice.people();
    if people.is_empty() {
        return HashMap::new();
    }
    let side = Side::Dynamics.name();
    let span = tracing::info_span!(
        names::SPAN_APPLY,
        { names::SIDE } = side,
        { names::STEP_COUNT } = people.len()
    );
    let far = &context.deps.dynamics;
    let mut made = if context.tenure.may_send() {
        far.make_people(&context.mailbox, &people).instrument(span).await
    } else {
        Vec::new()
    };
    made.resize(people.len(), Made::Unknown);
    for (person, made) in people.iter().zip(&made) {
        let ending = match made {
            Made::There => "done",
            Made::Refused => "refused",
            Made::NoAnswer => "unknown",
            Made::Unknown => "not_sent",
        };
        context.deps.metrics.step(context.view.tenant.as_str(), side, "create", ending);
        tracing::info!(
            lockstep.mailbox = %context.mailbox.key.mailbox, lockstep.rule = rule::RES_03.0,
            table = person.table(), row = %person.row.id, ending, "a row of an attendee"
        );
    }
    let rows = people.into_iter().map(|one| one.row);
    slice.introduce(&rows.zip(made).collect(), context.view.limits.item_attempts)
}
