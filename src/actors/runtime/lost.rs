//! What this node still knows when the store has lost everything, and what is not in the items themselves.

use std::sync::PoisonError;

use super::TenantRuntime;
use crate::domain::ids::MailboxKey;
use crate::ports::error::StoreError;

impl TenantRuntime {
    /// Gives a store that lost what it knew the tenant's key back, by which the fingerprints of all links are made,
    /// and whom an operator keeps out (OPS-01). Another key would make every pair differ on both sides.
    pub async fn tell_again(&self) {
        if let Err(error) = self.told_again().await {
            let tenant = self.options.tenant.as_str();
            tracing::warn!(
                lockstep.tenant = tenant,
                lockstep.code = error.code().as_str(),
                %error,
                "the state store was not told again what it had lost"
            );
        }
    }

    async fn told_again(&self) -> Result<(), StoreError> {
        let Some(view) = self.view() else { return Ok(()) };
        let stored = self.print_key().await?;
        if stored != view.key {
            // A process that began in this very moment was faster.
            tracing::error!(
                lockstep.tenant = self.options.tenant.as_str(),
                "the state store has another key now; edits of links made with the former one meet as conflicts"
            );
        }
        let kept_out = self.kept_out.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (mailbox, since) in kept_out {
            let key = MailboxKey { tenant: self.options.tenant.clone(), mailbox };
            self.deps.links.exclude(&key, since).await?;
        }
        Ok(())
    }
}
