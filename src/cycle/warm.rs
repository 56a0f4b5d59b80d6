//! A warm mailbox (`docs/adr/0011`): a cycle that wrote is followed by another one within seconds, which
//! is given the mailbox's state as the commits left it, so that the store is not read for it.
//!
//! It may be wrong only when somebody else wrote, or the store lost what it had; then the first commit
//! on top of it is refused, nothing was sent, and the cycle begins again with what is stored.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::context::CycleContext;
use super::rest::Rest;
use crate::domain::category::KnownCategory;
use crate::domain::ids::{Fence, LinkId};
use crate::domain::link::Link;
use crate::ports::links::{MailboxState, StateChange};
use crate::ports::side::Cursor;

/// A mailbox with more links is read anew: it is kept warm for its next cycle alone, but many mailboxes
/// may be so at once.
const LINKS_MAX: usize = 1_000;

/// What a cycle leaves to the next one.
#[derive(Debug)]
pub enum Left {
    /// It found nothing.
    Rest(Box<Rest>),
    /// It wrote, and the next one follows soon.
    Warm(Box<Warm>),
}

/// The state of a mailbox under one grant.
#[derive(Debug)]
pub struct Warm {
    fence: Fence,
    state: MailboxState,
}

impl Left {
    /// Returns what holds when somebody says that there is something to see.
    #[must_use]
    pub fn woken(self) -> Option<Self> {
        match self {
            Self::Rest(_) => None,
            Self::Warm(_) => Some(self),
        }
    }

    /// Returns a rest that holds, or a state.
    pub(super) fn parted(
        self,
        context: &CycleContext,
    ) -> (Option<Box<Rest>>, Option<MailboxState>) {
        match self {
            Self::Rest(rest) => (Some(rest).filter(|rest| rest.holds(context)), None),
            Self::Warm(warm) => (None, Some(warm.state).filter(|_| warm.fence == context.fence)),
        }
    }
}

impl Warm {
    /// Returns what a cycle leaves that stored something: the state that it began with, and all its
    /// commits on top.
    pub(super) fn after(context: &CycleContext, state: MailboxState) -> Option<Box<Self>> {
        let state = context.base.on_top_of(state)?;
        Some(Box::new(Self { fence: context.fence, state }))
    }
}

/// The number of the state that the next commit of a cycle builds on, and what the earlier ones stored.
#[derive(Debug, Clone, Default)]
pub struct Base(Arc<Mutex<Commits>>);

#[derive(Debug, Default)]
struct Commits {
    /// Nothing when nothing was claimed: no commit would be taken.
    seq: Option<u64>,
    count: usize,
    put: HashMap<LinkId, Link>,
    drop: HashSet<LinkId>,
    cursors: Option<Vec<Cursor>>,
    category: Option<KnownCategory>,
    /// There is too much to be kept.
    much: bool,
}

impl Base {
    /// Builds on a state that was claimed.
    pub(super) fn on(&self, seq: u64) {
        self.commits().seq = Some(seq);
    }

    /// Returns the number to build on.
    pub(super) fn seq(&self) -> u64 {
        self.commits().seq.unwrap_or(u64::MAX)
    }

    /// Tells whether nothing was stored.
    pub(super) fn is_untouched(&self) -> bool {
        self.commits().count == 0
    }

    /// Builds on what a commit stored.
    pub(super) fn stored(&self, seq: u64, change: StateChange) {
        let mut commits = self.commits();
        (commits.seq, commits.count) = (Some(seq), commits.count + 1);
        for id in change.drop {
            commits.put.remove(&id);
            commits.drop.insert(id);
        }
        for link in change.put {
            commits.drop.remove(&link.id);
            commits.put.insert(link.id, link);
        }
        commits.cursors = change.cursors.or_else(|| commits.cursors.take());
        commits.category = change.category.or_else(|| commits.category.take());
        commits.much |= commits.put.len() + commits.drop.len() > LINKS_MAX;
        if commits.much {
            (commits.put, commits.drop) = Default::default();
        }
    }

    /// Returns what is stored when the commits were made on top of this; nothing when there were none,
    /// or when it is too much to be kept.
    fn on_top_of(&self, mut state: MailboxState) -> Option<MailboxState> {
        let mut commits = self.commits();
        if commits.count == 0 || commits.much {
            return None;
        }
        let Commits { put, drop, .. } = &*commits;
        state.links.retain(|link| !put.contains_key(&link.id) && !drop.contains(&link.id));
        state.links.extend(std::mem::take(&mut commits.put).into_values());
        state.cursors = commits.cursors.take().unwrap_or(state.cursors);
        state.category = commits.category.take().or(state.category);
        state.seq = commits.seq?;
        (state.links.len() <= LINKS_MAX).then_some(state)
    }

    fn commits(&self) -> MutexGuard<'_, Commits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
