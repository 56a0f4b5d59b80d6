//! What makes a tenant's changes seen soon: change notifications, the feed of changed rows, hints.
//!
//! Pushes are hints, sweeps are the truth: everything here may fail, and a change is then seen by the
//! next sweep. Absent: what a mailbox does when it is woken.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::feed::FeedReader;
use super::subscriptions::SubscriptionKeeper;
use crate::domain::fingerprint::PrintKey;
use crate::domain::ids::{MailboxKey, TenantId};
use crate::domain::policy::Mailbox;
use crate::ports::error::StoreError;
use crate::ports::wake::{Channel, Hint, WakeBus};
use crate::shards::shard_of;
use crate::vault::NoticeSeal;

/// Sweeps without news before an idle mailbox waits longer (SCH-01 knows such a back-off).
const QUIET_SWEEPS: u32 = 4;

/// The pushes of one tenant.
pub struct Freshness {
    tenant: TenantId,
    bus: Arc<dyn WakeBus>,
    /// Absent without an ingress.
    keeper: Option<Arc<SubscriptionKeeper>>,
    /// Absent where nothing is read but by sweeps (`sync --once`).
    feed: Option<Arc<FeedReader>>,
    /// The longest wait of an idle mailbox of which pushes tell.
    idle: Duration,
    seal: OnceLock<NoticeSeal>,
    tasks: Mutex<Vec<tokio::task::JoinHandle<()>>>,
}

/// Who takes part at present, for those who work beside the mailboxes.
#[derive(Default)]
pub(super) struct Present(Mutex<HashMap<Uuid, Arc<Mailbox>>>);

impl Present {
    pub(super) fn set(&self, mailboxes: impl Iterator<Item = Arc<Mailbox>>) {
        *self.lock() = mailboxes.map(|mailbox| (mailbox.key.mailbox, mailbox)).collect();
    }

    pub(super) fn all(&self) -> Vec<Arc<Mailbox>> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Mailbox>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Freshness {
    /// Builds the pushes of a tenant; nothing runs yet.
    #[must_use]
    pub fn new(
        tenant: TenantId,
        bus: Arc<dyn WakeBus>,
        keeper: Option<Arc<SubscriptionKeeper>>,
        feed: Option<Arc<FeedReader>>,
        idle: Duration,
    ) -> Self {
        let (seal, tasks) = (OnceLock::new(), Mutex::default());
        Self { tenant, bus, keeper, feed, idle, seal, tasks }
    }

    /// Takes over who takes part now, and starts what is to run.
    pub fn adopt(
        &self,
        mailboxes: impl Iterator<Item = Arc<Mailbox>>,
        key: &PrintKey,
        io: &tokio::runtime::Handle,
    ) {
        if self.seal.get().is_none()
            && let Some(seal) = NoticeSeal::new(key, &self.tenant)
        {
            // Another reading of the profile may have been faster, with the same key.
            let _ = self.seal.set(seal);
        }
        let mailboxes: Vec<Arc<Mailbox>> = mailboxes.collect();
        if let Some(feed) = &self.feed {
            feed.present(mailboxes.iter().cloned());
        }
        if let (Some(keeper), Some(seal)) = (&self.keeper, self.seal.get()) {
            keeper.present(mailboxes.into_iter(), |mailbox| seal.sign(mailbox));
        }
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // One that ended did so by a panic: all begin anew.
        if tasks.iter().any(tokio::task::JoinHandle::is_finished) {
            tracing::error!(
                lockstep.tenant = self.tenant.as_str(),
                "pushes panicked; they begin anew"
            );
            tasks.drain(..).for_each(|task| task.abort());
        }
        if tasks.is_empty() {
            tasks.extend(self.keeper.clone().map(|keeper| io.spawn(keeper.keep())));
            tasks.extend(self.feed.clone().map(|feed| io.spawn(feed.follow())));
        }
    }

    /// Ends what runs. Subscriptions stay: the next owner goes on with them.
    pub fn close(&self) {
        for task in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
    }

    /// Returns the seal of notices, once the tenant's key is known.
    #[must_use]
    pub fn seal(&self) -> Option<&NoticeSeal> {
        self.seal.get()
    }

    /// Returns the keeper of subscriptions.
    #[must_use]
    pub fn keeper(&self) -> Option<&Arc<SubscriptionKeeper>> {
        self.keeper.as_ref()
    }

    /// Returns the reader of changed rows.
    #[must_use]
    pub fn feed(&self) -> Option<&Arc<FeedReader>> {
        self.feed.as_ref()
    }

    /// Publishes a hint to every node.
    ///
    /// # Errors
    /// As the bus says.
    pub(super) async fn tell_all(&self, hint: Hint) -> Result<(), StoreError> {
        self.bus.publish(&[(Channel::Everybody, hint)]).await
    }

    /// Publishes a hint about a mailbox to its owner.
    ///
    /// # Errors
    /// As the bus says.
    pub async fn tell(&self, mailbox: &MailboxKey, hint: Hint) -> Result<(), StoreError> {
        self.bus.publish(&[(channel_of(mailbox), hint)]).await
    }

    /// Returns how long a mailbox waits for its next sweep after so many sweeps in a row that found
    /// nothing. Only one of which both sides tell by themselves waits longer than `sweep`; to-do tasks
    /// tell nothing, so the wait stays bounded.
    #[must_use]
    pub fn stretched(
        &self,
        mailbox: Uuid,
        sweep: Duration,
        quiet: u32,
        now: DateTime<Utc>,
    ) -> Duration {
        let told = self.keeper.as_ref().is_some_and(|keeper| keeper.is_told(mailbox, now))
            && self.feed.as_ref().is_some_and(|feed| feed.is_fresh(now));
        if told { stretched(sweep, self.idle, quiet) } else { sweep }
    }
}

/// Doubles the wait with each `QUIET_SWEEPS`, up to the longest.
fn stretched(sweep: Duration, longest: Duration, quiet: u32) -> Duration {
    let doubled = sweep.saturating_mul(1 << (quiet / QUIET_SWEEPS).min(16));
    doubled.min(longest).max(sweep)
}

/// Returns the channel that the owner of a mailbox hears.
#[must_use]
pub fn channel_of(mailbox: &MailboxKey) -> Channel {
    Channel::Shard(shard_of(mailbox).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sch_01_an_idle_mailbox_waits_longer_up_to_the_longest() {
        // Four quiet sweeps double the wait; a longest below the sweep changes nothing.
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let table = [(0, 15), (3, 15), (4, 30), (7, 30), (8, 60), (12, 70), (u32::MAX, 70)];
        for (quiet, expected) in table {
            assert_eq!(stretched(minutes(15), minutes(70), quiet), minutes(expected), "{quiet}");
        }
        assert_eq!(stretched(minutes(15), minutes(5), 99), minutes(15));
    }
}
