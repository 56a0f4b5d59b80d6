//! The port of ownership: the cluster's table, and how long the right to write lasts.

use async_trait::async_trait;

use super::error::StoreError;
use crate::shards::table::{Answer, Step};

/// Keeps the table of members and shards (`shards::table`).
#[async_trait]
pub trait LeaseStore: Send + Sync {
    /// Carries out a step by the store's own clock, as a whole. A fence that is told outlives a
    /// restart of the store. May be repeated: what was granted twice is granted anew.
    async fn step(&self, step: &Step) -> Result<Answer, StoreError>;
}

/// The right to write to one mailbox, as long as it lasts.
pub trait Tenure: Send + Sync + std::fmt::Debug {
    /// Tells whether this process surely owns the mailbox now. Once false, nothing may be sent.
    fn may_write(&self) -> bool;

    /// Asked right before a write is sent to a far side: tells whether it is carried out before another
    /// process could begin. From the first one on, the work is waited for.
    fn may_send(&self) -> bool;

    /// Asked when the first byte of it leaves, which is later than that where this process stood still.
    fn may_still_send(&self) -> bool;

    /// Tells whether the mailbox goes elsewhere: what was begun may be ended, no more.
    fn should_end(&self) -> bool;
}

/// The tenure of whoever needs none: plans that are only shown, and tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Always;

impl Tenure for Always {
    fn may_write(&self) -> bool {
        true
    }

    fn may_send(&self) -> bool {
        true
    }

    fn may_still_send(&self) -> bool {
        true
    }

    fn should_end(&self) -> bool {
        false
    }
}
