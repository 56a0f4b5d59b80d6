//! In which lane the first cycle of a mailbox waits.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use super::TenantRuntime;
use crate::actors::fair::Lane;
use crate::domain::ids::MailboxKey;

/// Questions at once: thousands of mailboxes come together, and cycles that run use the same line to the store.
pub(super) const ASKS: usize = 64;

impl TenantRuntime {
    /// What any node had begun goes before first synchronizations; what nobody had waits among them. Nothing when
    /// the store does not say.
    pub(in crate::actors) async fn lane_of(&self, mailbox: &MailboxKey) -> Option<Lane> {
        let asked = AssertUnwindSafe(async {
            let _one = self.asks.acquire().await;
            self.deps.links.was_claimed(mailbox).await
        });
        let claimed = asked.catch_unwind().await.ok()?.ok()?;
        Some(if claimed { Lane::Changes } else { Lane::First })
    }
}
