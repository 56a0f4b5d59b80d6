//! Ownership by one node: one lease for all shards, renewed well before it ends.
//!
//! A node that cannot renew its lease in time stops handing out its fence by itself, so that no
//! new cycle starts; what a running cycle still commits is refused by the store when somebody
//! else took over meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::turns::{Turn, Turns};
use crate::domain::ids::{Fence, MailboxKey};
use crate::ports::error::StoreError;
use crate::ports::lease::LeaseStore;
use crate::shards::shard_of;

/// The lease of a single node.
const LEASE: &str = "node";
/// How long a lease lives unless renewed: long enough for a pause of the store, short enough that
/// a successor on another machine need not wait long.
pub const LEASE_TTL: Duration = Duration::from_secs(15);
/// The lease counts as lost this long before it really ends.
const SAFETY: Duration = Duration::from_secs(3);

/// What this node owns.
pub struct Ownership {
    store: Arc<dyn LeaseStore>,
    holder: String,
    started: Instant,
    fence: AtomicU64,
    /// Milliseconds since `started` until which the lease surely holds.
    until: AtomicU64,
    turns: Arc<Turns>,
}

impl std::fmt::Debug for Ownership {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ownership").field("holder", &self.holder).finish_non_exhaustive()
    }
}

impl Ownership {
    /// Builds an ownership that holds nothing yet. `holder` must be the same when the same node
    /// starts again, and of no other node at the same time.
    #[must_use]
    pub fn new(store: Arc<dyn LeaseStore>, holder: impl Into<String>) -> Self {
        Self {
            store,
            holder: holder.into(),
            started: Instant::now(),
            fence: AtomicU64::new(0),
            until: AtomicU64::new(0),
            turns: Arc::default(),
        }
    }

    /// Returns the fence for a mailbox while this node surely owns it.
    #[must_use]
    pub fn fence_of(&self, mailbox: &MailboxKey) -> Option<Fence> {
        // One lease covers every shard; with several nodes this becomes a table.
        let _ = shard_of(mailbox);
        self.fence()
    }

    /// Returns the fence while the lease surely holds.
    #[must_use]
    pub fn fence(&self) -> Option<Fence> {
        let now = self.elapsed();
        let holds = now < self.until.load(Ordering::Acquire);
        let fence = self.fence.load(Ordering::Acquire);
        (holds && fence > 0).then_some(Fence(fence))
    }

    /// Waits until no other cycle of the mailbox runs on this node; the turn ends when dropped.
    pub async fn turn(&self, mailbox: &MailboxKey) -> Turn {
        self.turns.take(mailbox).await
    }

    /// Takes the lease, or prolongs it; false while somebody else holds it.
    ///
    /// # Errors
    /// Fails when the store cannot be reached; what was owned is owned until its time is over.
    pub async fn hold(&self) -> Result<bool, StoreError> {
        let asked = self.elapsed();
        let held = self.fence.load(Ordering::Acquire);
        let fence = Fence(held);
        let renewed = held > 0 && self.store.renew(LEASE, &self.holder, fence, LEASE_TTL).await?;
        let fence = if renewed {
            Some(fence)
        } else {
            self.store.acquire(LEASE, &self.holder, LEASE_TTL).await?
        };
        let Some(fence) = fence else {
            self.fence.store(0, Ordering::Release);
            return Ok(false);
        };
        // Counted from before the request: the store may have started the clock then.
        let until = asked + millis(LEASE_TTL.saturating_sub(SAFETY));
        // The fence first: an old one must never be seen together with the new end.
        self.fence.store(fence.0, Ordering::Release);
        self.until.store(until, Ordering::Release);
        Ok(true)
    }

    /// Keeps the lease until the returned future is dropped.
    pub async fn keep(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LEASE_TTL / 3).await;
            match self.hold().await {
                Ok(true) => {}
                Ok(false) => tracing::warn!("another node holds the lease"),
                Err(error) => tracing::warn!(%error, "the lease could not be renewed"),
            }
        }
    }

    /// Gives the lease back.
    pub async fn release(&self) {
        let fence = self.fence.swap(0, Ordering::AcqRel);
        if fence == 0 {
            return;
        }
        if let Err(error) = self.store.release(LEASE, &self.holder, Fence(fence)).await {
            tracing::warn!(%error, "the lease could not be given back");
        }
    }

    fn elapsed(&self) -> u64 {
        millis(self.started.elapsed())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
