//! The port of the state store: links and cursors of one mailbox, committed as a whole.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::error::StoreError;
use super::journal::Horizon;
use super::side::Cursor;
use crate::domain::category::KnownCategory;
use crate::domain::fingerprint::PrintKey;
use crate::domain::ids::{Fence, LinkId, MailboxKey, TenantId};
use crate::domain::journal::{Kept, Record};
use crate::domain::link::Link;

/// All that is remembered of one mailbox.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MailboxState {
    /// The links, in no order.
    pub links: Vec<Link>,
    /// The cursors of Exchange's collections.
    pub cursors: Vec<Cursor>,
    /// The tracking category's entry in the mailbox's list, once it was seen (LINK-07).
    pub category: Option<KnownCategory>,
    /// How often the mailbox was changed: a commit builds on exactly one state.
    pub seq: u64,
}

/// What a commit builds on: the mailbox was claimed under this fence and stood at this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The fence.
    pub fence: Fence,
    /// The number.
    pub seq: u64,
}

/// What one commit changes. Applied as a whole or not at all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StateChange {
    /// Links to write.
    pub put: Vec<Link>,
    /// Links to forget.
    pub drop: Vec<LinkId>,
    /// The cursors to replace all cursors with; `None` leaves them where they are.
    pub cursors: Option<Vec<Cursor>>,
    /// The tracking category's entry; `None` leaves what is remembered.
    pub category: Option<KnownCategory>,
    /// Records to append to the journal, in this order.
    pub records: Vec<Record>,
    /// Versions to keep, in this order.
    pub kept: Vec<Kept>,
    /// What is too old by now: the oldest entries, at most `PRUNED_MAX`, of each list that is appended to go
    /// along. Alone it is no change.
    pub horizon: Option<Horizon>,
}

impl StateChange {
    /// Tells whether there is nothing to write.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.put.is_empty()
            && self.drop.is_empty()
            && self.cursors.is_none()
            && self.category.is_none()
            && self.records.is_empty()
            && self.kept.is_empty()
    }
}

/// The mailboxes of a tenant that an operator keeps out, each since when.
pub type Excluded = BTreeMap<Uuid, DateTime<Utc>>;

/// Stores the state of mailboxes.
#[async_trait]
pub trait LinkStore: Send + Sync {
    /// Returns what is remembered of a mailbox; empty for an unknown one.
    async fn load(&self, mailbox: &MailboxKey) -> Result<MailboxState, StoreError>;

    /// Takes a mailbox over and returns what is remembered of it. Refused with `StaleFence` when the
    /// mailbox's fence is newer than `fence`; from here on older ones are refused.
    async fn claim(&self, mailbox: &MailboxKey, fence: Fence) -> Result<MailboxState, StoreError>;

    /// Tells whether a mailbox was ever claimed, under whatever fence: some node began to work on it. Stays so
    /// when it is forgotten.
    async fn was_claimed(&self, mailbox: &MailboxKey) -> Result<bool, StoreError>;

    /// Applies a change as a whole and returns the number of the state that it made. Refused with
    /// `StaleFence` when the mailbox's fence is newer, and with `StateMoved` when the mailbox is not
    /// as the claim says: somebody wrote, or the store lost what it had. What is acknowledged
    /// survives a crash.
    async fn commit(
        &self,
        mailbox: &MailboxKey,
        claim: Claim,
        change: &StateChange,
    ) -> Result<u64, StoreError>;

    /// Forgets a mailbox with its journal and returns the number of what is left. Refused with
    /// `StaleFence` when the mailbox's fence is newer, and with `StateMoved` when it was not claimed
    /// under this one. Fence and number stay, so that no former claim writes it back.
    async fn forget(&self, mailbox: &MailboxKey, fence: Fence) -> Result<u64, StoreError>;

    /// Keeps a mailbox out of all cycles until it is admitted (OPS-01). Repeated, the first instant
    /// stays.
    async fn exclude(&self, mailbox: &MailboxKey, since: DateTime<Utc>) -> Result<(), StoreError>;

    /// Admits a mailbox again; false when it was not kept out.
    async fn admit(&self, mailbox: &MailboxKey) -> Result<bool, StoreError>;

    /// Returns which mailboxes of a tenant are kept out.
    async fn excluded(&self, tenant: &TenantId) -> Result<Excluded, StoreError>;

    /// Returns the tenant's fingerprint key; stores `fresh` and returns it when there is none.
    async fn print_key(&self, tenant: &TenantId, fresh: PrintKey) -> Result<PrintKey, StoreError>;
}
