//! The port of sightings: when another engine was last seen to begin on a mailbox (ELIG-13).

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::error::StoreError;
use crate::domain::ids::TenantId;

/// When another engine last began on each watched mailbox, as it stood when this engine took the
/// mailbox on; `None` when none ever had.
pub type Sightings = HashMap<Uuid, Option<DateTime<Utc>>>;

/// What becomes of the sightings of a tenant after its records were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SightingChange {
    /// Mailboxes that are watched from now on.
    pub put: Vec<(Uuid, Option<DateTime<Utc>>)>,
    /// Mailboxes that are not watched any more.
    pub drop: Vec<Uuid>,
}

impl SightingChange {
    /// Tells whether there is nothing to write.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.put.is_empty() && self.drop.is_empty()
    }

    /// Brings the sightings up to date.
    pub fn apply(&self, sightings: &mut Sightings) {
        for id in &self.drop {
            sightings.remove(id);
        }
        sightings.extend(self.put.iter().copied());
    }
}

/// Stores sightings, so that an engine that worked while this one was down is seen.
#[async_trait]
pub trait SightingStore: Send + Sync {
    /// Returns all sightings of a tenant; none for an unknown one.
    async fn sightings(&self, tenant: &TenantId) -> Result<Sightings, StoreError>;

    /// Applies a change as a whole, drops before puts. What is acknowledged survives a crash.
    ///
    /// Carries no fence: a late write of a former owner can only make a mailbox stop that need
    /// not, never the reverse.
    async fn watch(&self, tenant: &TenantId, change: &SightingChange) -> Result<(), StoreError>;
}

/// Returns the stored form of a sighting: RFC 3339 to the last digit, empty for none.
#[must_use]
pub fn encode(seen: Option<DateTime<Utc>>) -> String {
    let text = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
    seen.map(text).unwrap_or_default()
}

/// Reads the stored form of a sighting.
///
/// # Errors
/// Says whose sighting is damaged.
pub fn decode(tenant: &TenantId, stored: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
    if stored.is_empty() {
        return Ok(None);
    }
    stored.parse().map(Some).map_err(|_| {
        StoreError::Corrupt(format!("{tenant}: a sighting of another engine is damaged"))
    })
}
