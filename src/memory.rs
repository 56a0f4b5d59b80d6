//! The state store in memory: for tests and simulation. Nothing survives the process.
//!
//! It is also the shortest statement of what the ports promise; the stores on disk and in Redis
//! pass the same conformance suite.

mod notes;
mod wakes;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::domain::category::KnownCategory;
use crate::domain::fingerprint::PrintKey;
use crate::domain::ids::{Fence, LinkId, MailboxKey, TenantId};
use crate::domain::journal::{Kept, Record};
use crate::domain::link::Link;
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;
use crate::ports::journal::{Ask, Horizon, Journal, KEPT_MAX, PRUNED_MAX, RECORDS_MAX};
use crate::ports::lease::LeaseStore;
use crate::ports::links::{Claim, Excluded, LinkStore, MailboxState, StateChange};
use crate::ports::notes::{Notes, Shelf};
use crate::ports::side::Cursor;
use crate::ports::sightings::{SightingChange, SightingStore, Sightings};
use crate::shards::guard::Guard;
use crate::shards::table::{Answer, Step, Table};
pub use wakes::LocalBus;

/// Keeps the state of mailboxes, and leases, in memory.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    mailboxes: HashMap<MailboxKey, Remembered>,
    keys: HashMap<TenantId, PrintKey>,
    cluster: Table,
    excluded: HashMap<TenantId, Excluded>,
    sightings: HashMap<TenantId, Sightings>,
    notes: HashMap<(TenantId, Shelf), Notes>,
}

#[derive(Default)]
struct Remembered {
    links: HashMap<LinkId, Link>,
    cursors: Vec<Cursor>,
    category: Option<KnownCategory>,
    guard: Guard,
    records: Vec<Record>,
    kept: Vec<Kept>,
}

/// Drops the oldest beyond the bound.
fn bound<T>(list: &mut Vec<T>, most: usize) {
    list.drain(..list.len().saturating_sub(most));
}

/// Drops some of what is too old.
fn drop_old<T>(list: &mut Vec<T>, is_old: impl Fn(&T) -> bool) {
    let old = list.iter().take(PRUNED_MAX).take_while(|one| is_old(one)).count();
    list.drain(..old);
}

impl Remembered {
    fn state(&self) -> MailboxState {
        let links = self.links.values().cloned().collect();
        MailboxState {
            links,
            cursors: self.cursors.clone(),
            category: self.category.clone(),
            seq: self.guard.seq,
        }
    }
}

impl MemoryStore {
    /// Builds an empty store; leases expire by `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, tables: Mutex::default() }
    }

    /// Loses everything, as a server that is emptied.
    #[cfg(test)]
    pub(crate) fn lose(&self) {
        *self.tables() = Tables::default();
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // No method leaves the tables half changed, so they are sound after a panic.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl LinkStore for MemoryStore {
    async fn load(&self, mailbox: &MailboxKey) -> Result<MailboxState, StoreError> {
        Ok(self.tables().mailboxes.get(mailbox).map(Remembered::state).unwrap_or_default())
    }

    async fn claim(&self, mailbox: &MailboxKey, fence: Fence) -> Result<MailboxState, StoreError> {
        let mut tables = self.tables();
        let remembered = tables.mailboxes.entry(mailbox.clone()).or_default();
        remembered.guard.claim(fence).map_err(StoreError::from)?;
        Ok(remembered.state())
    }

    async fn was_claimed(&self, mailbox: &MailboxKey) -> Result<bool, StoreError> {
        let tables = self.tables();
        Ok(tables.mailboxes.get(mailbox).is_some_and(|one| one.guard.fence.is_some()))
    }

    async fn commit(
        &self,
        mailbox: &MailboxKey,
        claim: Claim,
        change: &StateChange,
    ) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let remembered = tables.mailboxes.entry(mailbox.clone()).or_default();
        let seq = remembered.guard.commit(claim.fence, claim.seq).map_err(StoreError::from)?;
        remembered.links.extend(change.put.iter().map(|link| (link.id, link.clone())));
        for id in &change.drop {
            remembered.links.remove(id);
        }
        if let Some(cursors) = &change.cursors {
            remembered.cursors.clone_from(cursors);
        }
        if let Some(category) = &change.category {
            remembered.category = Some(category.clone());
        }
        remembered.records.extend(change.records.iter().cloned());
        bound(&mut remembered.records, RECORDS_MAX);
        remembered.kept.extend(change.kept.iter().cloned());
        bound(&mut remembered.kept, KEPT_MAX);
        if let Some(horizon) = change.horizon.filter(|_| !change.records.is_empty()) {
            drop_old(&mut remembered.records, |record| record.at < horizon.records);
        }
        if let Some(horizon) = change.horizon.filter(|_| !change.kept.is_empty()) {
            drop_old(&mut remembered.kept, |kept| kept.label.at < horizon.kept);
        }
        Ok(seq)
    }

    async fn forget(&self, mailbox: &MailboxKey, fence: Fence) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let remembered = tables.mailboxes.entry(mailbox.clone()).or_default();
        let seq = remembered.guard.forget(fence).map_err(StoreError::from)?;
        *remembered = Remembered { guard: remembered.guard.clone(), ..Remembered::default() };
        Ok(seq)
    }

    async fn exclude(&self, mailbox: &MailboxKey, since: DateTime<Utc>) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let excluded = tables.excluded.entry(mailbox.tenant.clone()).or_default();
        excluded.entry(mailbox.mailbox).or_insert(since);
        Ok(())
    }

    async fn admit(&self, mailbox: &MailboxKey) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let excluded = tables.excluded.get_mut(&mailbox.tenant);
        Ok(excluded.is_some_and(|list| list.remove(&mailbox.mailbox).is_some()))
    }

    async fn excluded(&self, tenant: &TenantId) -> Result<Excluded, StoreError> {
        Ok(self.tables().excluded.get(tenant).cloned().unwrap_or_default())
    }

    async fn print_key(&self, tenant: &TenantId, fresh: PrintKey) -> Result<PrintKey, StoreError> {
        Ok(self.tables().keys.entry(tenant.clone()).or_insert(fresh).clone())
    }
}

#[async_trait]
impl Journal for MemoryStore {
    async fn records(&self, mailbox: &MailboxKey, ask: &Ask) -> Result<Vec<Record>, StoreError> {
        let tables = self.tables();
        let all =
            tables.mailboxes.get(mailbox).into_iter().flat_map(|one| one.records.iter().rev());
        Ok(all.filter(|record| ask.means(record)).take(ask.most).cloned().collect())
    }

    async fn kept(&self, mailbox: &MailboxKey, ask: &Ask) -> Result<Vec<Kept>, StoreError> {
        let tables = self.tables();
        let all = tables.mailboxes.get(mailbox).into_iter().flat_map(|one| one.kept.iter().rev());
        Ok(all.filter(|kept| ask.means_kept(&kept.label)).take(ask.most).cloned().collect())
    }

    async fn prune(&self, mailbox: &MailboxKey, horizon: &Horizon) -> Result<(), StoreError> {
        if let Some(remembered) = self.tables().mailboxes.get_mut(mailbox) {
            remembered.records.retain(|record| record.at >= horizon.records);
            remembered.kept.retain(|kept| kept.label.at >= horizon.kept);
        }
        Ok(())
    }
}

#[async_trait]
impl LeaseStore for MemoryStore {
    async fn step(&self, step: &Step) -> Result<Answer, StoreError> {
        let now = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or(0);
        Ok(self.tables().cluster.step(step, now))
    }
}

#[async_trait]
impl SightingStore for MemoryStore {
    async fn sightings(&self, tenant: &TenantId) -> Result<Sightings, StoreError> {
        Ok(self.tables().sightings.get(tenant).cloned().unwrap_or_default())
    }

    async fn watch(&self, tenant: &TenantId, change: &SightingChange) -> Result<(), StoreError> {
        change.apply(self.tables().sightings.entry(tenant.clone()).or_default());
        Ok(())
    }
}
