//! Explain: the stages of a cycle on one item, without apply, and what the journal remembers.
//!
//! Nothing is written, neither to a side nor to the store. What is read is read now: an item that
//! no cycle has seen yet is explained as the next cycle would decide it.

mod look;
mod story;
mod tell;
mod verify;

pub use story::{Chapter, Stage, Story};

use super::context::CycleContext;
use super::report::CycleEnd;
use crate::domain::code::Code;
use crate::domain::ids::{LinkId, MailboxKey, NativeId};
use crate::domain::journal::Record;
use crate::domain::link::Link;
use crate::domain::side::{PerSide, Side};
use crate::engine::eligible::Reason;
use crate::engine::matching::row_link;
use crate::ports::error::StoreError;
use crate::ports::journal::{Ask, Journal, Of};
use crate::ports::links::MailboxState;

/// Records of one item that are shown; older ones stay in the journal.
const HISTORY: usize = 50;

/// What an operator asks about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// An item by its id on one side.
    Item(Side, NativeId),
    /// A pair.
    Link(LinkId),
}

/// Tells the story of an item of a mailbox that takes part.
///
/// # Errors
/// Fails as a cycle does when a far side or the store cannot be read as a whole.
pub async fn explain(context: &CycleContext, target: &Target) -> Result<Story, CycleEnd> {
    let state = context.deps.links.load(&context.mailbox.key).await?;
    let context = &context.knowing(&state);
    let link = known(&state, target);
    let journal = context.deps.chronicle.journal.as_ref();
    let history = history(journal, &context.mailbox.key, target, link).await?;
    let looked = look::look(context, &state, target, link, history.first()).await?;
    Ok(tell::tell(context, target, link, looked, history))
}

/// Tells the story of an item of a mailbox that takes no part: nothing is read for it.
///
/// # Errors
/// Fails when the store cannot be read.
pub async fn excluded(
    journal: &dyn Journal,
    mailbox: &MailboxKey,
    state: &MailboxState,
    target: &Target,
    reasons: &[Reason],
) -> Result<Story, StoreError> {
    let link = known(state, target);
    let history = history(journal, mailbox, target, link).await?;
    Ok(tell::excluded(mailbox, target, link, reasons, history))
}

/// Adds that the mailbox does not run: halted, parked or backing off.
pub fn add_phase(story: &mut Story, code: Code) {
    if let Some(scope) = story.steps.iter_mut().find(|step| step.stage == Stage::Scope) {
        scope.codes.push(code);
        scope.result.push_str(" The mailbox itself stands still.");
    }
}

/// Returns the link that a target means.
fn known<'a>(state: &'a MailboxState, target: &Target) -> Option<&'a Link> {
    match target {
        Target::Link(id) => state.links.iter().find(|link| link.id == *id),
        Target::Item(side, id) => {
            let by_id = state.links.iter().find(|link| link.native.get(*side).as_ref() == Some(id));
            // A row's guid is its link's id, also where the row is not known any more.
            let row = if *side == Side::Dynamics { row_link(id) } else { None };
            by_id.or_else(|| state.links.iter().find(|link| Some(link.id) == row))
        }
    }
}

async fn history(
    journal: &dyn Journal,
    mailbox: &MailboxKey,
    target: &Target,
    link: Option<&Link>,
) -> Result<Vec<Record>, StoreError> {
    let of = match (link, target) {
        (Some(link), _) => Of::Link(link.id),
        (None, Target::Link(id)) => Of::Link(*id),
        (None, Target::Item(side, id)) => Of::Item(*side, id.clone()),
    };
    journal.records(mailbox, &Ask { of, since: None, most: HISTORY }).await
}

/// Returns the ids that are known of a target on each side.
fn ids(target: &Target, link: Option<&Link>, last: Option<&Record>) -> PerSide<Option<NativeId>> {
    let mut ids = link.map(|link| link.native.clone()).unwrap_or_default();
    if let Some(last) = last {
        for side in Side::BOTH {
            if ids.get(side).is_none() {
                ids.set(side, last.native.get(side).clone());
            }
        }
    }
    match target {
        Target::Item(side, id) => ids.set(*side, Some(id.clone())),
        Target::Link(id) if ids.dynamics.is_none() => {
            ids.dynamics = Some(NativeId::new(id.0.to_string()));
        }
        Target::Link(_) => {}
    }
    ids
}

#[cfg(test)]
mod tests;
