//! The right of one cycle to write to its mailbox, as long as this process surely owns it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::ownership::Ownership;
use crate::domain::ids::Fence;
use crate::ports::lease::Tenure;
use crate::shards::Shard;

/// How often a cycle that waits for an answer looks whether it may still write.
const LOOK: Duration = Duration::from_millis(200);

/// The right to work on one mailbox under one fence. Its shard is given back after it.
#[derive(Debug)]
pub struct Tenancy {
    ownership: Arc<Ownership>,
    shard: Shard,
    fence: Fence,
}

impl Tenancy {
    pub(super) fn new(ownership: Arc<Ownership>, shard: Shard, fence: Fence) -> Self {
        Self { ownership, shard, fence }
    }

    /// Returns the fence.
    #[must_use]
    pub const fn fence(&self) -> Fence {
        self.fence
    }
}

impl Tenure for Tenancy {
    fn may_write(&self) -> bool {
        self.ownership.may_write(self.shard, self.fence)
    }

    fn should_end(&self) -> bool {
        self.ownership.leaves(self.shard)
    }
}

impl Drop for Tenancy {
    fn drop(&mut self) {
        self.ownership.exit(self.shard, false);
    }
}

/// Runs some work as long as it may write; nothing when it lost that right on the way.
///
/// The right is looked at before each step of the work, so that nothing is sent after it was lost,
/// also when this process had been stopped in the middle. Work that is cut off is as good as
/// crashed, which every cycle can be at any place.
pub async fn while_sure<T>(tenure: &dyn Tenure, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut clock = tokio::time::interval(LOOK);
    poll_fn(|context| {
        if !tenure.may_write() {
            return Poll::Ready(None);
        }
        while clock.poll_tick(context).is_ready() {}
        work.as_mut().poll(context).map(Some)
    })
    .await
}
