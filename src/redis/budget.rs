//! Budgets that all nodes share: one bucket for each tenant, by the server's clock.

use std::time::Duration;

use async_trait::async_trait;

use super::{RedisStore, keys};
use crate::domain::ids::TenantId;
use crate::ports::budget::{Bucket, BudgetStore, Draw, Drawn};
use crate::ports::error::StoreError;

/// Closes nothing and asks for nothing.
const NOTHING: Draw = Draw { least: 0, want: 0, back: 0, owed: 0, longest: Duration::ZERO };

#[async_trait]
impl BudgetStore for RedisStore {
    async fn draw(
        &self,
        tenant: &TenantId,
        bucket: Bucket,
        draw: Draw,
    ) -> Result<Drawn, StoreError> {
        self.budget(tenant, bucket, draw, Duration::ZERO).await
    }

    async fn close(&self, tenant: &TenantId, for_: Duration) -> Result<(), StoreError> {
        let bucket = Bucket { burst: 0, interval: Duration::ZERO };
        self.budget(tenant, bucket, NOTHING, for_).await.map(drop)
    }
}

impl RedisStore {
    async fn budget(
        &self,
        tenant: &TenantId,
        bucket: Bucket,
        draw: Draw,
        close: Duration,
    ) -> Result<Drawn, StoreError> {
        let mut call = self.scripts.budget.key(keys::of_budget(tenant));
        call.arg(draw.least).arg(draw.want).arg(draw.back).arg(draw.owed);
        // Rounded up: a bucket that fills a little too slowly keeps every promise.
        call.arg(u64::try_from(bucket.interval.as_nanos().div_ceil(1_000)).unwrap_or(u64::MAX));
        call.arg(bucket.burst).arg(micros(draw.longest));
        call.arg(u64::try_from(close.as_millis()).unwrap_or(u64::MAX));
        let (granted, wait, closed): (u32, u64, u64) = self.budgets.run(&call).await?;
        let (wait, closed) = (Duration::from_micros(wait), Duration::from_millis(closed));
        Ok(Drawn { granted, wait, closed })
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
