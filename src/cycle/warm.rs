//! A warm mailbox (`docs/adr/0011`): a cycle that wrote is followed by another one within seconds, which
//! is given the mailbox's state as the commits left it, so that the store is not read for it.
//!
//! It may be wrong only when somebody else wrote, or the store lost what it had; then the first commit
//! on top of it is refused, nothing was sent, and the cycle begins again with what is stored.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::context::CycleContext;
use super::recent::Known;
use super::rest::{Note, Rest};
use crate::domain::category::KnownCategory;
use crate::domain::ids::LinkId;
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
pub struct Warm(Known);

impl Left {
    /// Returns what holds when somebody says that there is something to see.
    #[must_use]
    pub fn woken(self) -> Option<Self> {
        match self {
            Self::Rest(_) => None,
            Self::Warm(_) => Some(self),
        }
    }

    /// Returns a rest that holds with its note, or a state.
    pub(super) fn parted(
        self,
        context: &CycleContext,
    ) -> (Option<(Box<Rest>, Note)>, Option<Known>) {
        match self {
            Self::Rest(rest) => {
                let note = if rest.holds(context) { rest.note() } else { None };
                (note.map(|note| (rest, note)), None)
            }
            Self::Warm(warm) => (None, Some(warm.0).filter(|known| known.fence == context.fence)),
        }
    }
}

/// Returns what a cycle leaves to the next one. The state that it began with and all its commits on top stay
/// with the mailbox when it stored something and another cycle follows soon; else with the node, when it stored
/// something, or began from what was remembered: such a mailbox is used.
pub(super) fn leave(
    context: &CycleContext,
    state: Option<MailboxState>,
    rest: Option<Box<Rest>>,
    followed: bool,
) -> Option<Left> {
    let (fence, base) = (context.fence, &context.base);
    let wrote = !base.is_untouched();
    let state = state.filter(|_| wrote || base.is_remembered());
    let state = state.and_then(|state| base.on_top_of(state)).zip(base.since());
    let known = state.map(|(state, at)| Known { fence, at, state });
    let Some(known) = known else { return rest.map(Left::Rest) };
    if rest.is_none() && wrote && followed && known.state.links.len() <= LINKS_MAX {
        return Some(Left::Warm(Box::new(Warm(known))));
    }
    context.deps.recent.keep(&context.mailbox.key, known);
    rest.map(Left::Rest)
}

/// The number of the state that the next commit of a cycle builds on, and what the earlier ones stored.
#[derive(Debug, Clone, Default)]
pub struct Base(Arc<Mutex<Commits>>);

#[derive(Debug, Default)]
struct Commits {
    /// Nothing when nothing was claimed: no commit would be taken.
    seq: Option<u64>,
    /// When the store last said that it holds this.
    since: Option<DateTime<Utc>>,
    /// The store said so in this cycle.
    sure: bool,
    /// The cycle began with a state that was not read in it.
    remembered: bool,
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
    pub(super) fn claimed(&self, seq: u64, now: DateTime<Utc>) {
        let mut commits = self.commits();
        (commits.seq, commits.since, commits.sure) = (Some(seq), Some(now), true);
    }

    /// Builds on a state that the store held at an instant.
    pub(super) fn remembered(&self, seq: u64, at: DateTime<Utc>) {
        let mut commits = self.commits();
        (commits.seq, commits.since) = (Some(seq), Some(at));
        (commits.sure, commits.remembered) = (false, true);
    }

    /// Returns the number to build on.
    pub(super) fn seq(&self) -> u64 {
        self.commits().seq.unwrap_or(u64::MAX)
    }

    /// Tells whether nothing was stored.
    pub(super) fn is_untouched(&self) -> bool {
        self.commits().count == 0
    }

    /// Tells whether the store said in this cycle that the mailbox is as the cycle believes.
    pub(super) fn is_sure(&self) -> bool {
        self.commits().sure
    }

    /// Tells whether the cycle began with a state that was not read in it.
    pub(super) fn is_remembered(&self) -> bool {
        self.commits().remembered
    }

    /// Returns when the store last said that it holds this.
    pub(super) fn since(&self) -> Option<DateTime<Utc>> {
        self.commits().since
    }

    /// Builds on what a commit stored.
    pub(super) fn stored(&self, seq: u64, now: DateTime<Utc>, change: StateChange) {
        let mut commits = self.commits();
        (commits.seq, commits.count) = (Some(seq), commits.count + 1);
        (commits.since, commits.sure) = (Some(now), true);
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

    /// Returns what is stored when the commits were made on top of this; nothing when they were too much to be
    /// kept.
    fn on_top_of(&self, mut state: MailboxState) -> Option<MailboxState> {
        let mut commits = self.commits();
        if commits.much {
            return None;
        }
        let Commits { put, drop, .. } = &*commits;
        state.links.retain(|link| !put.contains_key(&link.id) && !drop.contains(&link.id));
        state.links.extend(std::mem::take(&mut commits.put).into_values());
        state.cursors = commits.cursors.take().unwrap_or(state.cursors);
        state.category = commits.category.take().or(state.category);
        state.seq = commits.seq?;
        Some(state)
    }

    fn commits(&self) -> MutexGuard<'_, Commits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
