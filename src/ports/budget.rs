//! The port of budgets that all nodes share: requests that a far side grants to a tenant as a whole,
//! whichever node sends them.

use std::time::Duration;

use async_trait::async_trait;

use super::error::StoreError;
use crate::domain::ids::TenantId;

/// How much is granted: a bucket that holds `burst` requests and gets one each `interval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// The most that may be drawn at one instant.
    pub burst: u32,
    /// The time after which one more may be drawn.
    pub interval: Duration,
}

/// What a node asks for, and what it tells of what it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// Requests that it needs; 0: it only asks whether the far side was closed meanwhile.
    pub least: u32,
    /// Requests that it would take beside, if they need not be waited for much longer.
    pub want: u32,
    /// Requests that it drew before and did not send.
    pub back: u32,
    /// Requests that it sent without drawing them.
    pub owed: u32,
    /// How long it would wait for what it needs.
    pub longest: Duration,
}

/// The answer to a draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawn {
    /// From what was needed to what was wanted; or nothing.
    pub granted: u32,
    /// When what was granted may be sent; when nothing was, how long it would have been.
    pub wait: Duration,
    /// For how long the far side asked to be left alone; then nothing is granted.
    pub closed: Duration,
}

/// Keeps one bucket for each tenant, by its own clock. Draws that wait are served in the order in which
/// they were asked.
#[async_trait]
pub trait BudgetStore: Send + Sync {
    /// Draws from a tenant's bucket.
    ///
    /// # Errors
    /// When the store does not answer; it may have been carried out.
    async fn draw(
        &self,
        tenant: &TenantId,
        bucket: Bucket,
        draw: Draw,
    ) -> Result<Drawn, StoreError>;

    /// Lets nobody draw for a while. A longer while that was told before stays.
    ///
    /// # Errors
    /// When the store does not answer; it may have been carried out.
    async fn close(&self, tenant: &TenantId, for_: Duration) -> Result<(), StoreError>;
}
