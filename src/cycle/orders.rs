//! Orders: what an operator asked of the next cycle of a mailbox.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::domain::ids::LinkId;
use crate::domain::link::Link;
use crate::engine::plan::Plan;
use crate::engine::stakes::Stakes;

/// What an operator asked of a cycle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orders {
    /// The brakes let pass what a halt showed and an operator released, and nothing else.
    pub released: Option<Arc<Stakes>>,
    /// The parked items that are tried again.
    pub retry: Retry,
    /// Items that failed already in this run of passes: as long as they wait, nothing is tried of them.
    pub spared: Option<Arc<HashSet<LinkId>>>,
}

/// Parked items that are tried again (ERR-02).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Retry {
    /// None of them.
    #[default]
    Nothing,
    /// These.
    Items(BTreeSet<LinkId>),
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

    /// Takes the items out of a plan that are spared, and returns how many. Only those that wait: they
    /// are read again in the next cycle, whatever the feeds say, so that no change of them is lost.
    pub(super) fn spare(&self, plan: &mut Plan) -> u32 {
        let Some(spared) = &self.spared else { return 0 };
        let before = plan.entries.len();
        plan.entries.retain(|entry| {
            let link = entry.verdict.pairing.link.as_ref();
            link.is_none_or(|link| !(link.is_unsettled() && spared.contains(&link.id)))
        });
        u32::try_from(before - plan.entries.len()).unwrap_or(u32::MAX)
    }

    /// Adds orders that were given earlier and not carried out; a newer release counts.
    #[must_use]
    pub fn after(self, earlier: Self) -> Self {
        Self {
            released: self.released.or(earlier.released),
            spared: self.spared,
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
