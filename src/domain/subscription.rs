//! Subscriptions to change notifications of one mailbox: what is remembered of them, without
//! content. What becomes of one is decided in `engine::upkeep`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a subscription watches. To-do tasks are not among it: their subscriptions tell no `missed`
/// (change-notifications-lifecycle-events), so the sweep looks after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Watched {
    /// All events of the mailbox.
    Events,
    /// All its contacts.
    Contacts,
}

impl Watched {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Events, Self::Contacts];

    /// Returns the name in logs and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Contacts => "contacts",
        }
    }
}

/// One subscription that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The id that Graph gave it.
    pub id: String,
    /// What it watches.
    pub of: Watched,
    /// When it ends unless renewed.
    pub expires: DateTime<Utc>,
    /// A digest of the addresses and the secret that it was made with.
    pub made_with: u64,
    /// It tells nothing until it is authorized anew.
    #[serde(default)]
    pub silent: bool,
}

impl Held {
    /// Tells whether it tells what happens at this instant.
    #[must_use]
    pub fn is_living(&self, now: DateTime<Utc>) -> bool {
        !self.silent && now < self.expires
    }
}
