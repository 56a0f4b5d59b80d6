//! Drafts: a plan that was made and not carried out yet, and plans that no cycle made.
//!
//! An operator reads a draft and has it carried out as it stands; undo and purge bring plans of
//! their own. All of them are marked, written, folded and committed as a cycle does it.

use super::category;
use super::commit;
use super::context::CycleContext;
use super::files::{self, Scope};
use super::gather::Gathered;
use super::report::{CycleEnd, CycleReport};
use super::undo::Undo;
use super::{plan_cycle, write_slices};
use crate::engine::category::Judged;
use crate::engine::files::Ahead;
use crate::engine::guard::{Halt, brake};
use crate::engine::invariants;
use crate::engine::plan::Plan;
use crate::engine::stakes::Stakes;
use crate::ports::links::MailboxState;

/// What a cycle would do now, beside the items to the mailbox's list of categories.
#[derive(Debug)]
pub struct Draft {
    /// The plan.
    pub plan: Plan,
    /// The brake that would halt it.
    pub halt: Option<Halt>,
    /// The files that move after it (ATT-05).
    pub files: Vec<Ahead>,
    state: MailboxState,
    gathered: Gathered,
}

impl Draft {
    /// Returns what the list of categories asks for (LINK-07, LINK-08).
    #[must_use]
    pub fn category(&self) -> Option<&Judged> {
        self.gathered.category.as_ref()
    }
}

/// Plans a cycle and asks the brakes. Writes nothing, neither to a side nor to the store.
///
/// # Errors
/// As a cycle, but for the brakes.
pub async fn draft(context: &CycleContext) -> Result<Draft, CycleEnd> {
    let state = context.deps.links.load(&context.mailbox.key).await?;
    let (plan, gathered) = plan_cycle(context, &state).await?;
    let halt = brake(&plan, &state.links, &context.view.limits).err();
    let broken = invariants::check_plan(&plan, context.mailbox.user);
    let stakes = || Stakes::of(&plan).and_broken(broken.iter().map(|one| one.promise.0));
    let halt = halt
        .or_else(|| (!broken.is_empty()).then(|| Halt::broken_promise(broken.clone(), stakes())));
    let files = files::ahead(context, &state, &plan).await?;
    Ok(Draft { plan, halt, files, state, gathered })
}

/// Carries a draft out, as the cycle would have that made it. The brakes are not asked again: who
/// calls this has seen `halt`.
///
/// # Errors
/// As a cycle.
pub async fn carry_out(context: &CycleContext, draft: Draft) -> Result<CycleReport, CycleEnd> {
    let Draft { plan, files, state, gathered, .. } = draft;
    context.claim_as(&state).await?;
    let mut context = context.knowing(&state);
    let mut report = CycleReport::begin(&context);
    if let Some(judged) = gathered.category.clone() {
        let known = judged.category.clone();
        // As in a cycle: without the entry its names go on.
        if !category::carry(&mut context, judged).await? {
            context.mailbox.personal.category = known;
            report.waits();
        }
    }
    let context = &context;
    let cursors = commit::due_cursors(context, &state, gathered);
    let parked = write_slices(context, plan, &state.links, cursors, &mut report).await?;
    files::lane(context, Scope::Shown(&files), &mut report).await?;
    Ok(report.finish(context, parked.count()))
}

/// Carries an undo out: the items, then the files.
///
/// # Errors
/// As a cycle.
pub async fn write_undo(context: &CycleContext, undo: Undo) -> Result<CycleReport, CycleEnd> {
    context.claim_as(&undo.state).await?;
    let mut report = CycleReport::begin(context);
    let parked = write_slices(context, undo.plan, &undo.state.links, None, &mut report).await?;
    super::undo::carry(context, &undo.files, &mut report).await?;
    Ok(report.finish(context, parked.count()))
}

/// Carries out a plan that no cycle made; the cursors stay where they are.
///
/// # Errors
/// As a cycle.
pub async fn write(
    context: &CycleContext,
    plan: Plan,
    state: &MailboxState,
) -> Result<CycleReport, CycleEnd> {
    context.claim_as(state).await?;
    let mut report = CycleReport::begin(context);
    let parked = write_slices(context, plan, &state.links, None, &mut report).await?;
    Ok(report.finish(context, parked.count()))
}
