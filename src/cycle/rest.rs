//! A mailbox at rest (`docs/adr/0011`): what a cycle without any news leaves behind, so that the next
//! one can end after its two requests when both far sides give the same answers again.
//!
//! It holds for one grant of the lease, one view of the tenant, and as long as time alone changes
//! nothing. Everything else goes the whole way. Kept in memory only, without content.

use std::sync::{Arc, Weak};

use chrono::{DateTime, Duration, Utc};

use super::commit::CURSOR_AGE;
use super::context::{CycleContext, TenantView};
use super::gather::looks_again;
use crate::domain::category::KnownCategory;
use crate::domain::ids::Fence;
use crate::domain::link::LinkState;
use crate::domain::side::{PerSide, Side};
use crate::ports::links::MailboxState;
use crate::ports::rest::SideRest;
use crate::ports::side::{Cursor, Pulled};

/// A rest is believed for this long; then a cycle goes the whole way once more, so that a mistake
/// in this shortcut would not last.
pub(super) const LONGEST: Duration = Duration::hours(1);

/// The most that cursors, category and sides may take together, in bytes: an idle mailbox shall cost about 4 KiB
/// with all that is held of it, as measured (`docs/performance.md`). Delta tokens have some hundred bytes each, a
/// watched row has 17.
const MAX_BYTES: usize = 1_280;

/// What a quiet cycle left behind.
#[derive(Debug, Clone)]
pub struct Rest {
    fence: Fence,
    seq: u64,
    view: Weak<TenantView>,
    made: DateTime<Utc>,
    until: DateTime<Utc>,
    parked: u32,
    /// The cursors of the last commit.
    pub(super) cursors: Box<[Cursor]>,
    /// The tracking category's entry.
    pub(super) category: Option<Box<KnownCategory>>,
    /// What each side left behind.
    pub(super) sides: PerSide<SideRest>,
}

impl Rest {
    /// Returns the rest after a cycle in which nothing was seen and nothing stored.
    pub(super) fn after(
        context: &CycleContext,
        state: &MailboxState,
        sides: PerSide<Option<SideRest>>,
    ) -> Option<Box<Self>> {
        let PerSide { dynamics: Some(dynamics), exchange: Some(exchange) } = sides else {
            return None;
        };
        // A file comes and goes without a word of either feed: its lane runs in every cycle.
        let lane = context.view.files.on;
        if lane || state.links.iter().any(|link| looks_again(link, context)) {
            return None;
        }
        let tokens: usize = state.cursors.iter().map(|cursor| cursor.token.len()).sum();
        let category = context.mailbox.personal.category.known.clone();
        let tokens = tokens + category.as_ref().map_or(0, KnownCategory::bytes);
        if tokens + dynamics.bytes().len() + exchange.bytes().len() > MAX_BYTES {
            return None;
        }
        let parked = state.links.iter().filter(|link| link.is_parked()).count();
        Some(Box::new(Self {
            fence: context.fence,
            seq: context.claimed().seq,
            view: Arc::downgrade(&context.view),
            made: context.now,
            until: until(context, state),
            parked: u32::try_from(parked).unwrap_or(u32::MAX),
            cursors: state.cursors.clone().into(),
            category: category.map(Box::new),
            sides: PerSide { dynamics, exchange },
        }))
    }

    /// Tells whether the cycle may believe it.
    pub(super) fn holds(&self, context: &CycleContext) -> bool {
        let same_view = std::ptr::eq(self.view.as_ptr(), Arc::as_ptr(&context.view));
        let in_time = self.made <= context.now && context.now < self.until;
        same_view
            && in_time
            && self.fence == context.fence
            && context.orders == super::Orders::default()
    }

    /// Returns the number of the state that it was made from.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// Returns how many items wait for a change.
    pub(super) fn parked(&self) -> u32 {
        self.parked
    }
}

/// Returns the instant from which on time alone may ask for more than the same two requests: a
/// cursor is to be stored afresh, the calendar's window is to be renewed, or a link wakes.
fn until(context: &CycleContext, state: &MailboxState) -> DateTime<Utc> {
    let stale = state.cursors.iter().map(|cursor| cursor.saved + CURSOR_AGE);
    let (_, ahead) = context.window();
    // The adapter renews a window later than this; how much later is its own affair.
    let windows = state.cursors.iter().filter_map(|cursor| cursor.window_end);
    let renewed = windows.map(|end| end - (ahead - context.now) / 2);
    let agreed = state.links.iter().filter(|link| link.state == LinkState::Agreed);
    let wakes = agreed.filter_map(|link| link.wake);
    // What this node remembered is believed no longer than if it rested since then.
    let believed = context.base.since().unwrap_or(context.now) + LONGEST;
    stale.chain(renewed).chain(wakes).fold(believed, DateTime::min)
}

/// Tells whether neither side had anything to tell.
pub(super) fn is_silent(pulled: &PerSide<Pulled>) -> bool {
    Side::BOTH.into_iter().all(|side| !pulled.get(side).is_news())
        && (pulled.exchange.masters.is_none() || pulled.exchange.masters_known)
}
