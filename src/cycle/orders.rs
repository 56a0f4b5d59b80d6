//! Orders: what an operator asked of the next cycle of a mailbox.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::ids::LinkId;
use crate::domain::link::Link;
use crate::engine::stakes::Stakes;

/// What an operator asked of a cycle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orders {
    /// The brakes let pass what a halt showed and an operator released, and nothing else.
    pub released: Option<Arc<Stakes>>,
    /// The parked items that are tried again.
    pub retry: Retry,
}

/// Parked items that are tried again (ERR-02).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Retry {
    /// None of them.
    #[default]
    Nothing,
    /// These.
    Items(HashSet<LinkId>),
    /// All of them.
    All,
}

impl Orders {
    /// Tells whether an item is read again although it is parked.
    #[must_use]
    pub fn retries(&self, link: &Link) -> bool {
        match &self.retry {
            Retry::Nothing => false,
            Retry::Items(items) => items.contains(&link.id),
            Retry::All => link.is_parked(),
        }
    }

    /// Adds orders that were given earlier and not carried out; a newer release counts.
    #[must_use]
    pub fn after(self, earlier: Self) -> Self {
        Self {
            released: self.released.or(earlier.released),
            retry: match (self.retry, earlier.retry) {
                (Retry::All, _) | (_, Retry::All) => Retry::All,
                (Retry::Nothing, other) | (other, Retry::Nothing) => other,
                (Retry::Items(mut items), Retry::Items(others)) => {
                    items.extend(others);
                    Retry::Items(items)
                }
            },
        }
    }
}
