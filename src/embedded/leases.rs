//! Leases within one process: holders in memory, fences on disk.
//!
//! A renewal or a release touches no disk. A new grant raises the fence durably before it is told.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use redb::{ReadableTable, WriteTransaction};

use super::tables::LEASES;
use super::{EmbeddedStore, unavailable};
use crate::domain::ids::Fence;
use crate::ports::error::StoreError;
use crate::ports::lease::LeaseStore;

/// The leases granted since the store was opened.
pub(super) type Held = HashMap<String, Lease>;

pub(super) struct Lease {
    holder: String,
    fence: Fence,
    until: DateTime<Utc>,
}

impl Lease {
    fn is(&self, holder: &str, fence: Fence) -> bool {
        self.holder == holder && self.fence == fence
    }
}

/// Returns the end of a lease; one beyond the calendar never ends.
fn end(now: DateTime<Utc>, ttl: Duration) -> DateTime<Utc> {
    let end = TimeDelta::from_std(ttl).ok().and_then(|ttl| now.checked_add_signed(ttl));
    end.unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn next_fence(transaction: &WriteTransaction, name: &str) -> Result<Fence, StoreError> {
    let mut leases = transaction.open_table(LEASES).map_err(unavailable)?;
    let last = leases.get(name).map_err(unavailable)?.map_or(0, |fence| fence.value());
    let next = last.saturating_add(1);
    leases.insert(name, next).map_err(unavailable)?;
    Ok(Fence(next))
}

#[async_trait]
impl LeaseStore for EmbeddedStore {
    async fn acquire(
        &self,
        name: &str,
        holder: &str,
        ttl: Duration,
    ) -> Result<Option<Fence>, StoreError> {
        // Held over the write, so that two grants of one name cannot cross.
        let mut held = self.held.lock().await;
        let now = self.clock.now();
        let live = held.get(name).filter(|lease| now < lease.until);
        if live.is_some_and(|lease| lease.holder != holder) {
            return Ok(None);
        }
        let owned = name.to_owned();
        let fence = self.write(move |transaction| next_fence(transaction, &owned)).await?;
        let lease = Lease { holder: holder.to_owned(), fence, until: end(now, ttl) };
        held.insert(name.to_owned(), lease);
        Ok(Some(fence))
    }

    async fn renew(
        &self,
        name: &str,
        holder: &str,
        fence: Fence,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let mut held = self.held.lock().await;
        let now = self.clock.now();
        let own = |lease: &&mut Lease| now < lease.until && lease.is(holder, fence);
        let Some(lease) = held.get_mut(name).filter(own) else { return Ok(false) };
        lease.until = end(now, ttl);
        Ok(true)
    }

    async fn release(&self, name: &str, holder: &str, fence: Fence) -> Result<(), StoreError> {
        let mut held = self.held.lock().await;
        if held.get(name).is_some_and(|lease| lease.is(holder, fence)) {
            held.remove(name);
        }
        Ok(())
    }
}
