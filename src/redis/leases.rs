//! Leases in Redis: each step is one script, the server's clock ends them.

use std::time::Duration;

use async_trait::async_trait;

use super::{RedisStore, keys};
use crate::domain::ids::Fence;
use crate::ports::error::StoreError;
use crate::ports::lease::LeaseStore;

/// The longest lease, in milliseconds: a year. Redis refuses times beyond its own range.
const TTL_MAX_MS: u128 = 365 * 24 * 60 * 60 * 1_000;

/// Returns what PX takes; it refuses zero.
fn milliseconds(ttl: Duration) -> String {
    ttl.as_millis().clamp(1, TTL_MAX_MS).to_string()
}

#[async_trait]
impl LeaseStore for RedisStore {
    async fn acquire(
        &self,
        name: &str,
        holder: &str,
        ttl: Duration,
    ) -> Result<Option<Fence>, StoreError> {
        let keys = keys::of_lease(name);
        let mut call = self.scripts.acquire.key(keys.lease);
        call.key(keys.granted).arg(holder).arg(milliseconds(ttl));
        Ok(self.run::<Option<u64>>(&call).await?.map(Fence))
    }

    async fn renew(
        &self,
        name: &str,
        holder: &str,
        fence: Fence,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let mut call = self.scripts.renew.key(keys::of_lease(name).lease);
        call.arg(fence.0).arg(holder).arg(milliseconds(ttl));
        self.run(&call).await
    }

    async fn release(&self, name: &str, holder: &str, fence: Fence) -> Result<(), StoreError> {
        let mut call = self.scripts.release.key(keys::of_lease(name).lease);
        call.arg(fence.0).arg(holder);
        self.run(&call).await
    }
}
