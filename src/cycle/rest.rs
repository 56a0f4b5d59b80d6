//! A mailbox at rest (`docs/adr/0011`): what a cycle without any news leaves behind, so that the next
//! one can end after its two requests when both far sides give the same answers again.
//!
//! It holds for one grant of the lease, one view of the tenant, and as long as time alone changes
//! nothing. Everything else goes the whole way. Kept in memory only, without content.

use std::sync::{Arc, Weak};

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::commit::CURSOR_AGE;
use super::context::{CycleContext, TenantView};
use super::gather::looks_again;
use crate::domain::category::KnownCategory;
use crate::domain::ids::Fence;
use crate::domain::kind::Collection;
use crate::domain::link::LinkState;
use crate::domain::side::{PerSide, Side};
use crate::ports::links::MailboxState;
use crate::ports::rest::SideRest;
use crate::ports::side::{Cursor, Pulled};

/// A rest is believed for this long; then a cycle goes the whole way once more, so that a mistake
/// in this shortcut would not last.
pub(super) const LONGEST: Duration = Duration::hours(1);

/// The most that cursors, category and sides may take together as they are kept, in bytes: an idle mailbox shall
/// cost no more than 4 KiB with all that is held of it, as measured (`docs/performance.md`). Delta tokens have some
/// hundred bytes each, a watched row has 17.
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
    /// A `Note`, in one piece: thousands of mailboxes rest for hours between two looks.
    note: Box<[u8]>,
}

/// What the next pull is given.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Note {
    /// The cursors of the last commit.
    pub(super) cursors: Vec<Cursor>,
    /// The tracking category's entry.
    pub(super) category: Option<KnownCategory>,
    /// What each side left behind.
    pub(super) sides: PerSide<SideRest>,
}

/// A note as it is kept. Instants are microseconds since 1970.
#[derive(Serialize, Deserialize)]
struct Packed<'a> {
    #[serde(borrow)]
    cursors: Vec<(Collection, &'a str, i64, Option<i64>)>,
    category: Option<KnownCategory>,
    dynamics: &'a [u8],
    exchange: &'a [u8],
}

impl Note {
    /// Returns the bytes that are kept, unless they are too many.
    fn pack(&self) -> Option<Box<[u8]>> {
        let micros = |at: DateTime<Utc>| at.timestamp_micros();
        let packed = Packed {
            cursors: self
                .cursors
                .iter()
                .map(|one| {
                    let end = one.window_end.map(micros);
                    (one.collection, one.token.as_str(), micros(one.saved), end)
                })
                .collect(),
            category: self.category.clone(),
            dynamics: self.sides.dynamics.bytes(),
            exchange: self.sides.exchange.bytes(),
        };
        let bytes = postcard::to_stdvec(&packed).ok()?;
        // A copy has no room to spare, as a vector that grew has.
        (bytes.len() <= MAX_BYTES).then(|| bytes.as_slice().into())
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        let packed: Packed<'_> = postcard::from_bytes(bytes).ok()?;
        let instant = DateTime::from_timestamp_micros;
        let cursor = |(collection, token, saved, end): (Collection, &str, i64, Option<i64>)| {
            let (saved, window_end) = (instant(saved)?, end.and_then(instant));
            Some(Cursor { collection, token: token.to_owned(), saved, window_end })
        };
        Some(Self {
            cursors: packed.cursors.into_iter().map(cursor).collect::<Option<_>>()?,
            category: packed.category,
            sides: PerSide {
                dynamics: SideRest::new(packed.dynamics),
                exchange: SideRest::new(packed.exchange),
            },
        })
    }
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
        let note = Note {
            cursors: state.cursors.clone(),
            category: context.mailbox.personal.category.known.clone(),
            sides: PerSide { dynamics, exchange },
        };
        let note = note.pack()?;
        let parked = state.links.iter().filter(|link| link.is_parked()).count();
        Some(Box::new(Self {
            fence: context.fence,
            seq: context.claimed().seq,
            view: Arc::downgrade(&context.view),
            made: context.now,
            until: until(context, state),
            parked: u32::try_from(parked).unwrap_or(u32::MAX),
            note,
        }))
    }

    /// Returns what the next pull is given.
    pub(super) fn note(&self) -> Option<Note> {
        Note::unpack(&self.note)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::NativeId;

    fn note(token: usize) -> Note {
        let saved = DateTime::from_timestamp_micros(1_795_000_000_123_456).unwrap();
        let cursor = |collection, window_end| Cursor {
            collection,
            token: "é".repeat(token / 2),
            saved,
            window_end,
        };
        let category =
            KnownCategory { id: NativeId::new("id"), names: vec![u64::MAX, 7], made: true };
        Note {
            cursors: vec![
                cursor(Collection::Calendar, Some(saved + Duration::days(365))),
                cursor(Collection::Tasks, None),
            ],
            category: Some(category),
            sides: PerSide {
                dynamics: SideRest::new([0, 255, 7]),
                exchange: SideRest::new(Vec::new()),
            },
        }
    }

    #[test]
    fn a_note_reads_back_and_is_bounded() {
        // Cursors, category and sides come back; one that would take more room than a rest may is not kept.
        let small = note(200);
        let packed = small.pack().unwrap();
        assert!(packed.len() < 500, "{}", packed.len());
        assert_eq!(Note::unpack(&packed), Some(small));
        assert_eq!(Note::unpack(&packed[1..]), None);
        assert!(note(580).pack().unwrap().len() <= MAX_BYTES);
        assert_eq!(note(640).pack(), None);
    }
}
