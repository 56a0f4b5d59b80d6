//! A store in memory that counts commits and may refuse one.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::Script;
use crate::domain::fingerprint::PrintKey;
use crate::domain::ids::{Fence, MailboxKey, TenantId};
use crate::memory::MemoryStore;
use crate::ports::error::StoreError;
use crate::ports::links::{Claim, Excluded, LinkStore, MailboxState, StateChange};

/// A store in memory that counts commits and may refuse one.
pub(crate) struct TestStore {
    pub(crate) memory: Arc<MemoryStore>,
    pub(super) script: Arc<Script>,
    /// Every change that was asked for.
    pub(crate) commits: Mutex<Vec<StateChange>>,
    /// The commit, counted from here on, that fails.
    pub(crate) fail_in: Mutex<Option<usize>>,
    /// How often a mailbox was loaded.
    pub(crate) loads: AtomicUsize,
}

#[async_trait]
impl LinkStore for TestStore {
    async fn load(&self, mailbox: &MailboxKey) -> Result<MailboxState, StoreError> {
        self.script.tick().await;
        self.loads.fetch_add(1, SeqCst);
        self.memory.load(mailbox).await
    }

    async fn claim(&self, mailbox: &MailboxKey, fence: Fence) -> Result<MailboxState, StoreError> {
        self.script.tick().await;
        self.loads.fetch_add(1, SeqCst);
        self.memory.claim(mailbox, fence).await
    }

    async fn was_claimed(&self, mailbox: &MailboxKey) -> Result<bool, StoreError> {
        self.memory.was_claimed(mailbox).await
    }

    async fn commit(
        &self,
        mailbox: &MailboxKey,
        claim: Claim,
        change: &StateChange,
    ) -> Result<u64, StoreError> {
        self.script.tick().await;
        self.script.note("commit");
        {
            let mut left = self.fail_in.lock().unwrap();
            if let Some(count) = *left {
                *left = count.checked_sub(1);
                if count == 0 {
                    return Err(StoreError::Unavailable("no connection".into()));
                }
            }
        }
        let seq = self.memory.commit(mailbox, claim, change).await?;
        self.commits.lock().unwrap().push(change.clone());
        self.script.tick().await;
        Ok(seq)
    }

    async fn forget(&self, mailbox: &MailboxKey, fence: Fence) -> Result<u64, StoreError> {
        self.memory.forget(mailbox, fence).await
    }

    async fn exclude(&self, key: &MailboxKey, since: DateTime<Utc>) -> Result<(), StoreError> {
        self.memory.exclude(key, since).await
    }

    async fn admit(&self, key: &MailboxKey) -> Result<bool, StoreError> {
        self.memory.admit(key).await
    }

    async fn excluded(&self, tenant: &TenantId) -> Result<Excluded, StoreError> {
        self.memory.excluded(tenant).await
    }

    async fn print_key(&self, tenant: &TenantId, fresh: PrintKey) -> Result<PrintKey, StoreError> {
        self.memory.print_key(tenant, fresh).await
    }
}
