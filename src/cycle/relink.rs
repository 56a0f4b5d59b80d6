//! Relink: the links of a mailbox, made again from what both sides carry.
//!
//! Both sides are read in full and nothing is written to them. Links that can still be read stay as
//! they are. The cursors are forgotten, so the next cycle reads everything once more and does what
//! relink left to it.

use super::commit;
use super::context::CycleContext;
use super::gather::{gather, pull};
use super::memory::Memory;
use super::plan_seen;
use super::report::CycleEnd;
use crate::domain::link::Link;
use crate::engine::matching::Index;
use crate::engine::relink::{Found, find};
use crate::ports::error::StoreError;
use crate::ports::links::{MailboxState, StateChange};

/// Links that are stored at once.
const CHUNK: usize = 1_000;

/// What was found in one mailbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Relinked {
    /// Links that were there and stay.
    pub kept: usize,
    /// Pairs that agree.
    pub agreed: usize,
    /// Pairs that differ; the conflict policy decides in the next cycle.
    pub differing: usize,
    /// Items that are remembered without a partner: left alone, or parted for good.
    pub alone: usize,
    /// Items without a partner that the next cycle carries across.
    pub left: usize,
    /// What was stored could not be read and was forgotten.
    pub damaged: bool,
}

/// Rebuilds the links of a mailbox.
///
/// # Errors
/// As a cycle, but for the brakes.
pub async fn relink(context: &CycleContext) -> Result<Relinked, CycleEnd> {
    let mut count = Relinked::default();
    let known = match context.claim().await {
        Ok(state) => state,
        Err(StoreError::Corrupt(_)) => {
            count.damaged = true;
            MailboxState::default()
        }
        Err(
            error @ (StoreError::StaleFence | StoreError::StateMoved | StoreError::Unavailable(_)),
        ) => {
            return Err(error.into());
        }
    };
    count.kept = known.links.len();
    let context = &context.knowing(&known);
    let state = MailboxState { cursors: Vec::new(), ..known };
    let exchange = &context.deps.exchange;
    let marked = exchange.marked(&context.mailbox).await;
    let marked =
        marked.map_err(|error| CycleEnd::Side(crate::domain::side::Side::Exchange, error))?;
    let memory = Memory::read(context, state);
    let pulled = pull(context, &memory, None).await?;
    let state = memory.state().await?;
    let index = Index::new(context.mailbox.key.mailbox, &state.links);
    let gathered = gather(context, state, &index, pulled, marked).await?;
    let plan = plan_seen(context, &index, &gathered.seen, gathered.unfinished).await?;
    let nobody = super::Resolved::default();
    let engine = context.engine(&nobody);
    let mut put: Vec<Link> = Vec::new();
    for entry in &plan.entries {
        let counter = match find(entry, &context.view.key, &engine) {
            Found::Known | Found::Nothing => continue,
            Found::Left => {
                count.left += 1;
                continue;
            }
            Found::Agreed(link) => (&mut count.agreed, link),
            Found::Differing(link) => (&mut count.differing, link),
            Found::Alone(link) => (&mut count.alone, link),
        };
        *counter.0 += 1;
        put.push(*counter.1);
    }
    if count.damaged {
        context.forget().await?;
    }
    for chunk in put.chunks(CHUNK) {
        let put = chunk.to_vec();
        commit::store(context, StateChange { put, ..StateChange::default() }).await?;
    }
    commit::store(context, StateChange { cursors: Some(Vec::new()), ..StateChange::default() })
        .await?;
    Ok(count)
}
