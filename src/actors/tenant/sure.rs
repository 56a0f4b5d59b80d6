//! Tells mailboxes that they surely are this node's, after there was doubt.

use std::time::Duration;

use super::TenantSupervisor;
use crate::actors::messages::Sure;

/// Mailboxes that did nothing in the time of doubt start this far apart.
const SPACING: Duration = Duration::from_millis(2);
/// The shortest and the longest time in which all of them start.
const SPAN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

impl TenantSupervisor {
    /// Tells each mailbox that it is sure when its fence is a new one; all of them when the whole
    /// membership had been in doubt. Those that have nothing to make up for wait on.
    pub(super) fn assure(&mut self, all: bool) {
        let ownership = &self.runtime.ownership;
        let mut told = Vec::new();
        for child in self.children.values_mut() {
            let fence = ownership.fence_of(&child.mailbox.key);
            if fence.is_some() && (all || fence != child.sure) {
                child.sure = fence;
                told.push(&child.address);
            }
        }
        let count = u32::try_from(told.len()).unwrap_or(u32::MAX);
        let within = SPACING.saturating_mul(count).clamp(SPAN.0, SPAN.1);
        for address in told {
            // Whoever does not hear it finds out with its next timer.
            let _ = address.try_send(Sure(within));
        }
    }
}
