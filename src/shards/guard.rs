//! The guard of a mailbox: which commits its store lets pass.
//!
//! The stores in memory and on disk are this; `claim.lua` and `commit.lua` say the same in Redis.

use crate::domain::ids::Fence;

/// Under which fence a mailbox was claimed last, and how often it was changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Guard {
    /// The fence; nothing for a mailbox that nobody claimed.
    pub fence: Option<Fence>,
    /// The number of changes.
    pub seq: u64,
}

/// Why a claim or a commit does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A newer owner claimed the mailbox.
    Stale,
    /// The mailbox is not as its claim found it: somebody wrote, or the store lost what it had.
    Moved,
}

impl Guard {
    /// Takes the mailbox over, unless a newer owner did; returns its number.
    ///
    /// # Errors
    /// Refuses an older fence as stale.
    pub fn claim(&mut self, fence: Fence) -> Result<u64, Refusal> {
        if self.fence.is_some_and(|stored| stored > fence) {
            return Err(Refusal::Stale);
        }
        self.fence = Some(fence);
        Ok(self.seq)
    }

    /// Counts a change that builds on a claim; returns the new number.
    ///
    /// # Errors
    /// Refuses an older fence as stale, and any other difference as moved.
    pub fn commit(&mut self, fence: Fence, seq: u64) -> Result<u64, Refusal> {
        if self.fence.is_some_and(|stored| stored > fence) {
            return Err(Refusal::Stale);
        }
        // A newer fence that did not claim was claimed in a history that is lost.
        if self.fence != Some(fence) || self.seq != seq {
            return Err(Refusal::Moved);
        }
        self.seq = self.seq.saturating_add(1);
        Ok(self.seq)
    }

    /// Counts a change that replaces all there is, whatever it is; returns the new number.
    ///
    /// # Errors
    /// Refuses an older fence as stale, and a newer one that did not claim as moved.
    pub fn forget(&mut self, fence: Fence) -> Result<u64, Refusal> {
        self.commit(fence, self.seq)
    }
}
