//! The mailboxes that were named by notices a moment ago: each is told at once, and what comes within
//! the next second is told once more at its end.
//!
//! A flood of notices about one mailbox wakes it twice, and takes the room of one. Pure but for the
//! instants that it is given.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::ids::MailboxKey;

/// A mailbox is told at most so often.
const APART: Duration = Duration::from_secs(1);
/// Mailboxes that are remembered at once; with more, notices are dropped and the sweeps find what
/// they told.
const MOST: usize = 100_000;

/// What becomes of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rung {
    /// The mailbox is told now.
    Now,
    /// It was told a moment ago, and will be told again.
    Later,
    /// There is no room.
    Full,
}

/// When mailboxes were told last.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    told: HashMap<MailboxKey, Told>,
}

#[derive(Debug, Clone, Copy)]
struct Told {
    at: Instant,
    again: bool,
}

impl Waiting {
    /// Takes in a notice about a mailbox.
    pub(super) fn ring(&mut self, key: &MailboxKey, now: Instant) -> Rung {
        if let Some(told) = self.told.get_mut(key) {
            if now.duration_since(told.at) < APART {
                told.again = true;
                return Rung::Later;
            }
            *told = Told { at: now, again: false };
            return Rung::Now;
        }
        if self.told.len() >= MOST {
            return Rung::Full;
        }
        self.told.insert(key.clone(), Told { at: now, again: false });
        Rung::Now
    }

    /// Returns the mailboxes that are to be told again, and forgets those that were left alone.
    pub(super) fn due(&mut self, now: Instant) -> Vec<MailboxKey> {
        let mut due = Vec::new();
        self.told.retain(|key, told| {
            if now.duration_since(told.at) < APART {
                return true;
            }
            if told.again {
                due.push(key.clone());
                *told = Told { at: now, again: false };
                return true;
            }
            false
        });
        due
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::ids::TenantId;

    fn key(number: u128) -> MailboxKey {
        MailboxKey { tenant: TenantId::new("contoso"), mailbox: Uuid::from_u128(number) }
    }

    #[test]
    fn a_flood_about_one_mailbox_is_told_twice() {
        // Ten thousand notices within a second: one at once, one at the end of the second.
        let (mut waiting, begin) = (Waiting::default(), Instant::now());
        assert_eq!(waiting.ring(&key(1), begin), Rung::Now);
        for number in 1..10_000 {
            let at = begin + Duration::from_micros(number * 99);
            assert_eq!(waiting.ring(&key(1), at), Rung::Later);
            assert!(waiting.due(at).is_empty());
        }
        assert_eq!(waiting.due(begin + APART), [key(1)]);
        assert!(waiting.due(begin + APART).is_empty());
        assert!(waiting.due(begin + 2 * APART).is_empty());
        assert!(waiting.told.is_empty(), "nothing is remembered of it");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        // One mailbox beyond the bound is dropped until another is forgotten.
        let (mut waiting, begin) = (Waiting::default(), Instant::now());
        for number in 0..MOST as u128 {
            assert_eq!(waiting.ring(&key(number), begin), Rung::Now);
        }
        assert_eq!(waiting.ring(&key(u128::MAX), begin), Rung::Full);
        assert_eq!(waiting.ring(&key(7), begin), Rung::Later, "a known one has its room");
        assert_eq!(waiting.due(begin + APART), [key(7)]);
        assert_eq!(waiting.ring(&key(u128::MAX), begin + APART), Rung::Now);
    }
}
