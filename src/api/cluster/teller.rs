//! What this node tells of itself, worked out once a second at the most, however many ask.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::told::{self, Told};
use crate::actors::hints::Tell;
use crate::actors::node::Tenants;
use crate::cluster::ownership::Ownership;

/// How old what is told may be: it costs a walk over all mailboxes, and nobody reads faster.
pub(super) const FRESH: Duration = Duration::from_secs(1);

/// Tells how this node stands, its own operators and those of other nodes.
pub struct Teller {
    tenants: Tenants,
    ownership: Arc<Ownership>,
    last: Mutex<Option<(Instant, Arc<Told>)>>,
}

impl Teller {
    /// Builds the teller of a node.
    #[must_use]
    pub fn new(tenants: Tenants, ownership: Arc<Ownership>) -> Arc<Self> {
        Arc::new(Self { tenants, ownership, last: Mutex::default() })
    }

    /// Returns what this node answers when another one asks all.
    #[must_use]
    pub fn tell(self: &Arc<Self>) -> Tell {
        let teller = self.clone();
        Arc::new(move || serde_json::to_string(&*teller.told()).unwrap_or_default())
    }

    /// Returns how the node stands or stood a second ago. Who comes meanwhile waits for the same walk.
    pub(super) fn told(&self) -> Arc<Told> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, told)) = &*last
            && at.elapsed() < FRESH
        {
            return told.clone();
        }
        let list = self.tenants.read().unwrap_or_else(PoisonError::into_inner).clone();
        let told = Arc::new(told::of(&self.ownership.view(), &list));
        *last = Some((Instant::now(), told.clone()));
        told
    }
}
