//! The budget that all nodes share, as one node's source of requests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use super::purse::{Need, Purse};
use crate::domain::ids::TenantId;
use crate::ports::budget::{Bucket, BudgetStore, Draw, Drawn};
use crate::ports::wake::{Channel, Hint, WakeBus};

/// How long an answer is waited for: half of the time for which it holds.
const PATIENCE: Duration = Duration::from_millis(500);

/// The budget of a tenant that all nodes share.
pub struct Common {
    /// Where it is counted.
    pub store: Arc<dyn BudgetStore>,
    /// Whose it is.
    pub tenant: TenantId,
    /// Tells the other nodes at once that there is a pause; who misses it learns of it with the next draw.
    pub bus: Arc<dyn WakeBus>,
    /// How many nodes there are, as far as this one knows.
    pub members: Box<dyn Fn() -> usize + Send + Sync>,
}

impl Common {
    /// Tells the store, for who draws, and then the other nodes, which have drawn already.
    pub(super) async fn close(&self, for_: Duration) {
        let told = async {
            self.store.close(&self.tenant, for_).await?;
            self.bus.publish(&[(Channel::Everybody, Hint::Pause(self.tenant.clone()))]).await
        };
        if let Err(error) = told.await {
            tracing::debug!(%error, "other nodes were not told of a pause");
        }
    }
}

/// What a draw brought.
pub(super) enum Brought {
    /// The purse has changed.
    Something,
    /// Another node was told to pause for so long.
    Pause(Duration),
    /// The wait would be too long.
    TooLate(Duration),
}

/// The source of one key.
pub(super) struct Source {
    common: Arc<Common>,
    bucket: Bucket,
    purse: Mutex<Purse>,
}

impl Source {
    pub(super) fn new(common: Arc<Common>, bucket: Bucket) -> Self {
        Self { common, bucket, purse: Mutex::default() }
    }

    /// Returns how many nodes there are.
    pub(super) fn members(&self) -> usize {
        (self.common.members)().max(1)
    }

    /// Takes requests out of the purse, or returns what they need.
    pub(super) fn take(&self, requests: u32, now: Duration, longest: Duration) -> Need {
        let members = u32::try_from(self.members()).unwrap_or(u32::MAX);
        self.purse().take(requests, now, self.bucket, members, longest)
    }

    /// What was drawn is not spent before the store was asked once more.
    pub(super) fn doubt(&self, now: Duration) {
        self.purse().doubt(now);
    }

    /// Asks the store. `clock` tells the time since some start.
    pub(super) async fn draw(&self, draw: Draw, clock: impl Fn() -> Duration) -> Brought {
        let common = &self.common;
        let asked = clock();
        let answer = timeout(PATIENCE, common.store.draw(&common.tenant, self.bucket, draw)).await;
        let now = clock();
        let Ok(Ok(drawn)) = answer else {
            if self.purse().fail(now) {
                let tenant = common.tenant.as_str();
                tracing::warn!(
                    lockstep.tenant = tenant,
                    "the common budget is not reached; this node keeps to its share"
                );
            }
            return Brought::Something;
        };
        let late = self.purse().fill(draw, drawn, asked, now);
        match (drawn, late) {
            (Drawn { closed: Duration::ZERO, .. }, None) => Brought::Something,
            (Drawn { closed: Duration::ZERO, .. }, Some(wait)) => Brought::TooLate(wait),
            (Drawn { closed, .. }, _) => Brought::Pause(closed),
        }
    }

    fn purse(&self) -> MutexGuard<'_, Purse> {
        // Each change is whole.
        self.purse.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
