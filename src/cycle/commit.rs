//! Commit: what is remembered, always with the fence and the state that it builds on.

use tracing::Instrument;

use super::chronicle;
use super::context::{CycleContext, Resolved};
use super::gather::Gathered;
use super::report::{CycleEnd, CycleReport};
use crate::domain::plan::Outcome;
use crate::domain::side::PerSide;
use crate::engine::fold::{LinkChange, fold};
use crate::engine::invariants;
use crate::engine::plan::Plan;
use crate::engine::sent;
use crate::ports::links::{MailboxState, StateChange};
use crate::ports::side::Cursor;
use crate::telemetry::names;

/// Age at which a cursor is stored again although nothing changed, so that its token stays fresh
/// (protocols A2: tokens of Outlook have no fixed life).
pub(super) const CURSOR_AGE: chrono::Duration = chrono::Duration::hours(12);

/// Stores the create markers of a slice, what its updates will leave behind, and the versions that it
/// will overwrite, before anything of it is sent.
pub(super) async fn markers(context: &CycleContext, plan: &Plan) -> Result<(), CycleEnd> {
    let (mut put, kept) = (plan.markers(), chronicle::kept(context, plan)?);
    let nobody = Resolved::default();
    put.extend(sent::markers(plan, &context.view.key, &context.engine(&nobody)));
    let change = StateChange { put, kept, ..StateChange::default() };
    if change.is_empty() && plan.has_steps() {
        context.assure().await?;
    }
    store(context, change).await
}

/// Folds the outcomes of a slice into link changes and the report.
pub(super) fn fold_all(
    context: &CycleContext,
    plan: &Plan,
    outcomes: &[PerSide<Option<Outcome>>],
    report: &mut CycleReport,
) -> StateChange {
    let nobody = Resolved::default();
    let engine = context.engine(&nobody);
    let mut change = StateChange::default();
    for (entry, outcome) in plan.entries.iter().zip(outcomes) {
        let folded = fold(entry, outcome, &context.view.key, &engine);
        let broken = invariants::check_fold(outcome, &folded).into_iter();
        let broken = broken.map(|promise| invariants::Broken { promise, link: entry.link.id });
        report.count_invariants(context, &broken.collect::<Vec<_>>());
        let end = report.line(context, entry, outcome, &folded);
        let trace = report.trace.as_deref();
        change.records.extend(chronicle::record(context, entry, outcome, &folded, end, trace));
        match folded {
            LinkChange::None => {}
            LinkChange::Put(link) => change.put.push(*link),
            LinkChange::Drop(id) => change.drop.push(id),
        }
    }
    change
}

/// Stores a change as a whole; nothing to store costs nothing. What is written down makes room for it: what
/// is too old goes.
pub(super) async fn store(context: &CycleContext, mut change: StateChange) -> Result<(), CycleEnd> {
    if change.is_empty() {
        return Ok(());
    }
    change.horizon = Some(context.deps.chronicle.horizon(context.now));
    let span = tracing::info_span!(names::SPAN_COMMIT);
    let links = &context.deps.links;
    let commit = links.commit(&context.mailbox.key, context.claimed(), &change);
    let seq = commit.instrument(span).await?;
    context.base.stored(seq, context.now, change);
    Ok(())
}

/// Returns the cursors that are to be stored with the last links that came with them; `None` when
/// those of last time still serve.
pub(super) fn due_cursors(
    context: &CycleContext,
    state: &MailboxState,
    gathered: Gathered,
) -> Option<Vec<Cursor>> {
    let old = state.cursors.iter().any(|cursor| context.now - cursor.saved > CURSOR_AGE);
    let fresh = state.cursors.len() != gathered.cursors.len();
    (gathered.moved || old || fresh).then_some(gathered.cursors)
}
