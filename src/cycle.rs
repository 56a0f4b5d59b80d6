//! The cycle: one mailbox, once through all stages (architecture §2).
//!
//! The stages are pure but for `gather`, `apply` and `commit`. A crash anywhere repeats the cycle;
//! what makes the repeat harmless is that cursors move only with the links that came from them,
//! that creates are marked before they are sent, and that a replan after success is empty.

mod apply;
mod category;
mod chronicle;
mod commit;
mod context;
mod draft;
mod explain;
mod files;
mod gather;
mod memory;
mod newcomer;
mod orders;
mod purge;
mod recent;
mod relink;
mod report;
mod resolve;
mod rest;
mod roster;
mod shield;
mod strangers;
mod undo;
mod warm;

#[cfg(test)]
pub(crate) mod tests;

pub use chronicle::Chronicle;
pub use context::{CycleContext, CycleDeps, Resolved, TenantView};
pub use draft::{Draft, carry_out, draft, write, write_undo};
pub use explain::{Chapter, Stage, Story, Target, add_phase, excluded, explain};
use memory::Memory;
pub use orders::{Orders, Retry};
pub use purge::{end_purge, plan_purge};
pub use recent::Recent;
pub use relink::{Relinked, relink};
use report::Parked;
pub use report::{CycleEnd, CycleReport, Line};
pub use rest::Rest;
pub use roster::{Judged, PolicyOf, Roster, TenantOptions, roster};

pub use undo::{Undo, UndoError, Wanted, kept, plan_undo};
pub use warm::{Base, Left, Warm};

use tracing::info_span;

use crate::domain::link::Link;
use crate::domain::side::PerSide;
use crate::engine::guard::{Halt, guard};
use crate::engine::matching::{Index, pair_in};
use crate::engine::normalise::Seen;
use crate::engine::plan::Plan;
use crate::engine::stakes::Stakes;
use crate::engine::{claims, decide, invariants, plan as planning};
use crate::ports::error::StoreError;
use crate::ports::links::{MailboxState, StateChange};
use crate::ports::side::{Cursor, Pulled};
use crate::telemetry::names;

/// Entries that are marked, written and committed together. A crash loses the answers of at most
/// this many writes, each of which is looked up by its marker afterwards.
const SLICE: usize = 100;

/// Runs one cycle.
///
/// # Errors
/// Ends early when a far side or the store fails as a whole, when a brake halts the plan, or when
/// another owner took the mailbox over. Single items never end a cycle (ERR-02).
pub async fn run_cycle(context: &CycleContext) -> Result<CycleReport, CycleEnd> {
    Ok(run_from(context, None).await?.0)
}

/// Runs one cycle from what the last one left, and returns what it leaves itself.
///
/// # Errors
/// As `run_cycle`.
pub async fn run_from(
    context: &CycleContext,
    left: Option<Left>,
) -> Result<(CycleReport, Option<Left>), CycleEnd> {
    let rested = left.is_some();
    match go_through(context, left).await {
        // What was left is not what is stored any more, and nothing was sent on top of it.
        Err(CycleEnd::Store(StoreError::StateMoved))
            if (rested || context.base.is_remembered()) && context.base.is_untouched() =>
        {
            Box::pin(go_through(context, None)).await
        }
        ended => ended,
    }
}

/// The stages of one cycle.
async fn go_through(
    context: &CycleContext,
    left: Option<Left>,
) -> Result<(CycleReport, Option<Left>), CycleEnd> {
    let mut report = CycleReport::begin(context);
    let (rest, warm) = left.map_or((None, None), |left| left.parted(context));
    let (rest, note) = rest.unzip();
    let rested = rest.as_ref().map(|rest| rest.seq());
    let memory = Memory::of(context, warm);
    let known = match &note {
        Some(note) => note.category.clone(),
        None => memory.state().await?.category.clone(),
    };
    let mut known = context.with_category(known);
    let pulled = gather::pull(&known, &memory, note.as_ref()).await?;
    if let Some(rest) = rest.filter(|_| !memory.is_read() && rest::is_silent(&pulled)) {
        return Ok((report.finish(context, rest.parked()), Some(Left::Rest(rest))));
    }
    may_go_on(context)?;
    let state = memory.state().await?;
    // What a rest remembers of a store that lost its last writes is newer than the links.
    if rested.is_some_and(|seq| seq != state.seq) {
        return Err(StoreError::StateMoved.into());
    }
    let tended = category::tend(&mut known, pulled.exchange.masters.as_ref()).await?;
    let context = &known;
    let pulled = newcomer::equip(context, &memory, pulled).await?;
    let sides = PerSide::from_fn(|side| pulled.get(side).rest.clone());
    let (mut plan, gathered) = plan_pulled(context, state, pulled).await?;
    report.unsettled += context.orders.spare(&mut plan);
    let nothing_seen = gathered.seen.is_empty() && gathered.unfinished.is_empty();
    let released = context.orders.released.as_deref();
    let plan = info_span!(names::SPAN_GUARD)
        .in_scope(|| guard(plan, &state.links, &context.view.limits, released))?;
    let broken = invariants::check_plan(&plan, context.mailbox.user);
    report.count_invariants(context, &broken);
    if !broken.is_empty() {
        let stakes = Stakes::of(&plan).and_broken(broken.iter().map(|one| one.promise.0));
        if !released.is_some_and(|seen| seen.cover(&stakes)) {
            return Err(Halt::broken_promise(broken, stakes).into());
        }
    }
    let touched = files::touched(context, &plan);
    let cursors = commit::due_cursors(context, state, gathered);
    let rests = nothing_seen && cursors.is_none() && tended;
    let parked = write_slices(context, plan, &state.links, cursors, &mut report).await?;
    files::lane(context, files::Scope::Cycle(&touched), &mut report).await?;
    let rest = rests.then(|| Rest::after(context, state, sides)).flatten();
    let report = report.finish(context, parked.count());
    let left = warm::leave(context, memory.into_state(), rest, report.is_followed());
    Ok((report, left))
}

/// Marks, writes, folds and commits a plan slice by slice. The cursors move in the commit of the last
/// slice, or in one of their own when there is none. Returns the items that are parked then.
async fn write_slices(
    context: &CycleContext,
    plan: Plan,
    links: &[Link],
    mut cursors: Option<Vec<Cursor>>,
    report: &mut CycleReport,
) -> Result<Parked, CycleEnd> {
    let mut parked = Parked::of(links);
    let mut entries = plan.entries.into_iter().peekable();
    while entries.peek().is_some() {
        may_go_on(context)?;
        let mut slice = Plan { entries: entries.by_ref().take(SLICE).collect() };
        commit::markers(context, &slice).await?;
        let waiting = strangers::introduce(context, &mut slice).await;
        files::keep_removed(context, &mut slice).await?;
        let outcomes = apply::all(context, &slice, &waiting).await;
        let mut change = info_span!(names::SPAN_FOLD)
            .in_scope(|| commit::fold_all(context, &slice, &outcomes, report));
        parked.take_in(&change);
        if entries.peek().is_none() {
            change.cursors = cursors.take();
        }
        commit::store(context, change).await?;
    }
    commit::store(context, StateChange { cursors, ..StateChange::default() }).await?;
    Ok(parked)
}

/// Ends a cycle before its next slice when the mailbox is no longer this process's to write, or goes
/// elsewhere. What was done is stored, and the cursors stand where they stood.
fn may_go_on(context: &CycleContext) -> Result<(), CycleEnd> {
    if !context.tenure.may_write() {
        return Err(CycleEnd::InDoubt);
    }
    if context.tenure.should_end() {
        return Err(CycleEnd::HandedOver);
    }
    Ok(())
}

/// Returns what a cycle would do, without doing it.
///
/// # Errors
/// As `run_cycle`, but nothing halts.
pub async fn plan_cycle(
    context: &CycleContext,
    state: &MailboxState,
) -> Result<(Plan, gather::Gathered), CycleEnd> {
    let mut context = context.knowing(state);
    let memory = Memory::read(&context, state.clone());
    let pulled = gather::pull_ahead(&context, &memory).await?;
    drop(memory);
    let category = context.heed(pulled.exchange.masters.as_ref());
    let (plan, gathered) = plan_pulled(&context, state, pulled).await?;
    Ok((plan, gather::Gathered { category, ..gathered }))
}

/// The stages from gather to plan.
async fn plan_pulled(
    context: &CycleContext,
    state: &MailboxState,
    pulled: PerSide<Pulled>,
) -> Result<(Plan, gather::Gathered), CycleEnd> {
    let index = Index::new(context.mailbox.key.mailbox, &state.links);
    let gathered = gather::gather(context, state, &index, pulled, Vec::new()).await?;
    let unfinished = gathered.unfinished.clone();
    let plan = plan_seen(context, &index, &gathered.seen, unfinished).await?;
    Ok((plan, gathered))
}

/// Plans from what was seen; `unfinished` are pairs of which something is still to be read.
async fn plan_seen(
    context: &CycleContext,
    index: &Index<'_>,
    seen: &[Seen],
    unfinished: Vec<Link>,
) -> Result<Plan, CycleEnd> {
    let pair = || pair_in(index, seen.to_vec());
    let pairings = info_span!(names::SPAN_MATCH).in_scope(pair);
    let resolved = resolve::all(context, &pairings).await?;
    let engine = context.engine(&resolved);
    let decide = |pairing| decide::decide(pairing, &engine);
    let mut verdicts =
        info_span!(names::SPAN_DECIDE).in_scope(|| shield::decide_each(pairings, pair, decide));
    verdicts.extend(unfinished.into_iter().map(decide::unfinished));
    Ok(info_span!(names::SPAN_PLAN)
        .in_scope(|| claims::settle(planning::plan(verdicts, &engine, uuid::Uuid::new_v4), index)))
}
