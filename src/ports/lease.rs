//! The port of ownership: leases with a fencing counter.

use std::time::Duration;

use async_trait::async_trait;

use super::error::StoreError;
use crate::domain::ids::Fence;

/// Grants and renews leases by name (one name a shard).
#[async_trait]
pub trait LeaseStore: Send + Sync {
    /// Takes the lease when it is free, expired or already held by `holder`. Returns the fence: it
    /// rises with every grant, so that a former process of the same holder is shut out, too.
    async fn acquire(
        &self,
        name: &str,
        holder: &str,
        ttl: Duration,
    ) -> Result<Option<Fence>, StoreError>;

    /// Prolongs a lease; false when somebody else holds it or it expired.
    async fn renew(
        &self,
        name: &str,
        holder: &str,
        fence: Fence,
        ttl: Duration,
    ) -> Result<bool, StoreError>;

    /// Gives a lease back so that another may take it at once.
    async fn release(&self, name: &str, holder: &str, fence: Fence) -> Result<(), StoreError>;
}
