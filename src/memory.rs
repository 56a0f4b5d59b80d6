//! The state store in memory: for tests and simulation. Nothing survives the process.
//!
//! It is also the shortest statement of what the ports promise; the stores on disk and in Redis
//! pass the same conformance suite.

mod notes;
mod wakes;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::category::KnownCategory;
use crate::domain::fingerprint::PrintKey;
use crate::domain::ids::{Fence, LinkId, MailboxKey, TenantId};
use crate::domain::journal::{Kept, Record};
use crate::domain::link::Link;
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;
use crate::ports::journal::{Ask, Horizon, Journal, KEPT_MAX, RECORDS_MAX};
use crate::ports::lease::LeaseStore;
use crate::ports::links::{Excluded, LinkStore, MailboxState, StateChange};
use crate::ports::notes::{Notes, Shelf};
use crate::ports::side::Cursor;
use crate::ports::sightings::{SightingChange, SightingStore, Sightings};
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
    leases: HashMap<String, Lease>,
    excluded: HashMap<TenantId, Excluded>,
    sightings: HashMap<TenantId, Sightings>,
    notes: HashMap<(TenantId, Shelf), Notes>,
}

#[derive(Default)]
struct Remembered {
    links: HashMap<LinkId, Link>,
    cursors: Vec<Cursor>,
    category: Option<KnownCategory>,
    fence: Option<Fence>,
    records: Vec<Record>,
    kept: Vec<Kept>,
}

/// Drops the oldest beyond the bound.
fn bound<T>(list: &mut Vec<T>, most: usize) {
    list.drain(..list.len().saturating_sub(most));
}

/// A lease that was granted once; the fence outlives every holder.
struct Lease {
    holder: String,
    fence: u64,
    /// Free from this instant on; `None` when given back.
    until: Option<DateTime<Utc>>,
}

impl Lease {
    fn is_held_by(&self, holder: &str, now: DateTime<Utc>) -> bool {
        self.is_held(now) && self.holder == holder
    }

    fn is_held(&self, now: DateTime<Utc>) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

/// Returns the end of a lease; one beyond the calendar never ends.
fn end(now: DateTime<Utc>, ttl: Duration) -> DateTime<Utc> {
    let end = TimeDelta::from_std(ttl).ok().and_then(|ttl| now.checked_add_signed(ttl));
    end.unwrap_or(DateTime::<Utc>::MAX_UTC)
}

impl MemoryStore {
    /// Builds an empty store; leases expire by `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, tables: Mutex::default() }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // No method leaves the tables half changed, so they are sound after a panic.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl LinkStore for MemoryStore {
    async fn load(&self, mailbox: &MailboxKey) -> Result<MailboxState, StoreError> {
        let tables = self.tables();
        let state = tables.mailboxes.get(mailbox).map(|remembered| MailboxState {
            links: remembered.links.values().cloned().collect(),
            cursors: remembered.cursors.clone(),
            category: remembered.category.clone(),
        });
        Ok(state.unwrap_or_default())
    }

    async fn commit(
        &self,
        mailbox: &MailboxKey,
        fence: Fence,
        change: &StateChange,
    ) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let remembered = tables.mailboxes.entry(mailbox.clone()).or_default();
        if remembered.fence.is_some_and(|stored| stored > fence) {
            return Err(StoreError::StaleFence);
        }
        remembered.fence = Some(fence);
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
        Ok(())
    }

    async fn forget(&self, mailbox: &MailboxKey) -> Result<(), StoreError> {
        if let Some(remembered) = self.tables().mailboxes.get_mut(mailbox) {
            // The fence stays: a former owner must not write the mailbox back.
            remembered.links.clear();
            remembered.cursors.clear();
            remembered.category = None;
            remembered.records.clear();
            remembered.kept.clear();
        }
        Ok(())
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
    async fn acquire(
        &self,
        name: &str,
        holder: &str,
        ttl: Duration,
    ) -> Result<Option<Fence>, StoreError> {
        let now = self.clock.now();
        let mut tables = self.tables();
        let lease = tables.leases.entry(name.to_owned()).or_insert_with(|| Lease {
            holder: String::new(),
            fence: 0,
            until: None,
        });
        if lease.is_held(now) && !lease.is_held_by(holder, now) {
            return Ok(None);
        }
        holder.clone_into(&mut lease.holder);
        lease.fence += 1;
        lease.until = Some(end(now, ttl));
        Ok(Some(Fence(lease.fence)))
    }

    async fn renew(
        &self,
        name: &str,
        holder: &str,
        fence: Fence,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let mut tables = self.tables();
        let own = |lease: &&mut Lease| lease.is_held_by(holder, now) && lease.fence == fence.0;
        let Some(lease) = tables.leases.get_mut(name).filter(own) else { return Ok(false) };
        lease.until = Some(end(now, ttl));
        Ok(true)
    }

    async fn release(&self, name: &str, holder: &str, fence: Fence) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let own = |lease: &&mut Lease| lease.holder == holder && lease.fence == fence.0;
        if let Some(lease) = tables.leases.get_mut(name).filter(own) {
            lease.until = None;
        }
        Ok(())
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
