//! The cluster of one process: its table in memory, its fences on disk.
//!
//! A beat touches no disk. A new grant is durable before it is told.

use async_trait::async_trait;
use redb::{ReadableTable, WriteTransaction};

use super::tables::LEASES;
use super::{EmbeddedStore, unavailable};
use crate::ports::error::StoreError;
use crate::ports::lease::LeaseStore;
use crate::shards::table::{Answer, Step, Table};

/// Under which the newest stamp stands.
const STAMP: &str = "cluster";

/// Returns the greatest fence that was ever granted.
fn newest(transaction: &WriteTransaction) -> Result<u64, StoreError> {
    let leases = transaction.open_table(LEASES).map_err(unavailable)?;
    let mut newest = 0;
    for row in leases.iter().map_err(unavailable)? {
        newest = newest.max(row.map_err(unavailable)?.1.value());
    }
    Ok(newest)
}

fn keep(transaction: &WriteTransaction, stamp: u64) -> Result<(), StoreError> {
    let mut leases = transaction.open_table(LEASES).map_err(unavailable)?;
    leases.insert(STAMP, stamp).map_err(unavailable)?;
    Ok(())
}

#[async_trait]
impl LeaseStore for EmbeddedStore {
    async fn step(&self, step: &Step) -> Result<Answer, StoreError> {
        // Held over the write, so that two steps cannot cross.
        let mut held = self.cluster.lock().await;
        let mut table = match held.take() {
            Some(table) => table,
            None => Table::after(self.write(newest).await?),
        };
        let before = table.stamp();
        let now = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or(0);
        let answer = table.step(step, now);
        if answer.stamp != before {
            // A write that fails leaves no table: the next step reads the stamp anew.
            self.write(move |transaction| keep(transaction, answer.stamp)).await?;
        }
        *held = Some(table);
        Ok(answer)
    }
}
