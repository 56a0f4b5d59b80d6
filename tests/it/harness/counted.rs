//! A store of links that counts what is written to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lockstep::domain::fingerprint::PrintKey;
use lockstep::domain::ids::{Fence, MailboxKey, TenantId};
use lockstep::ports::error::StoreError;
use lockstep::ports::links::{Claim, Excluded, LinkStore, MailboxState, StateChange};

/// Hands everything on to the store inside.
pub(super) struct Counted {
    pub(super) inner: Arc<dyn LinkStore>,
    /// Writes so far.
    pub(super) writes: Arc<AtomicU64>,
}

#[async_trait]
impl LinkStore for Counted {
    async fn load(&self, mailbox: &MailboxKey) -> Result<MailboxState, StoreError> {
        self.inner.load(mailbox).await
    }

    async fn claim(&self, mailbox: &MailboxKey, fence: Fence) -> Result<MailboxState, StoreError> {
        self.inner.claim(mailbox, fence).await
    }

    async fn was_claimed(&self, mailbox: &MailboxKey) -> Result<bool, StoreError> {
        self.inner.was_claimed(mailbox).await
    }

    async fn commit(
        &self,
        mailbox: &MailboxKey,
        claim: Claim,
        change: &StateChange,
    ) -> Result<u64, StoreError> {
        self.writes.fetch_add(1, SeqCst);
        self.inner.commit(mailbox, claim, change).await
    }

    async fn forget(&self, mailbox: &MailboxKey, fence: Fence) -> Result<u64, StoreError> {
        self.writes.fetch_add(1, SeqCst);
        self.inner.forget(mailbox, fence).await
    }

    async fn exclude(&self, mailbox: &MailboxKey, since: DateTime<Utc>) -> Result<(), StoreError> {
        self.writes.fetch_add(1, SeqCst);
        self.inner.exclude(mailbox, since).await
    }

    async fn admit(&self, mailbox: &MailboxKey) -> Result<bool, StoreError> {
        self.writes.fetch_add(1, SeqCst);
        self.inner.admit(mailbox).await
    }

    async fn excluded(&self, tenant: &TenantId) -> Result<Excluded, StoreError> {
        self.inner.excluded(tenant).await
    }

    async fn print_key(&self, tenant: &TenantId, fresh: PrintKey) -> Result<PrintKey, StoreError> {
        self.inner.print_key(tenant, fresh).await
    }
}
