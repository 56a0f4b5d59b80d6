//! The port of the journal: what was decided and done, and the versions that writes replaced.
//!
//! Both are written by the commit of the cycle that they tell of (`StateChange`), under its fence
//! and in its transaction, and never by a cycle that did nothing. Such a commit forgets some of what is too old.
//! Here they are read, and forgotten where nothing is written.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use thiserror::Error;

use super::error::StoreError;
use crate::domain::ids::{CycleId, LinkId, MailboxKey, NativeId};
use crate::domain::journal::codec::Head;
use crate::domain::journal::{Kept, KeptLabel, Record};
use crate::domain::side::{PerSide, Side};

/// Records of one mailbox; older ones go. A record takes about 300 bytes: 6 MB for a mailbox that
/// writes a thousand items a day, which is a program and not a person.
pub const RECORDS_MAX: usize = 20_000;

/// Kept versions of one mailbox; older ones go. They hold content, so there are fewer.
pub const KEPT_MAX: usize = 5_000;

/// Entries that are too old which one commit forgets in a list; more go with the next ones. It keeps commits short.
pub const PRUNED_MAX: usize = 100;

/// What is asked of the journal of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// About what.
    pub of: Of,
    /// From this instant on.
    pub since: Option<DateTime<Utc>>,
    /// How many at most; the newest.
    pub most: usize,
}

/// About what the journal is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// The whole mailbox.
    Mailbox,
    /// One link.
    Link(LinkId),
    /// One item by its id on one side.
    Item(Side, NativeId),
    /// One cycle.
    Cycle(CycleId),
}

impl Ask {
    /// Tells whether an entry may be meant, as far as its head says.
    #[must_use]
    pub fn may_mean(&self, head: &Head) -> bool {
        let about = match &self.of {
            Of::Mailbox | Of::Item(..) => true,
            Of::Link(link) => head.link == *link,
            Of::Cycle(cycle) => head.cycle == *cycle,
        };
        about && self.since.is_none_or(|since| head.at >= since)
    }

    /// Tells whether a record is meant.
    #[must_use]
    pub fn means(&self, record: &Record) -> bool {
        let head = Head { at: record.at, link: record.link, cycle: record.cycle };
        self.may_mean(&head) && self.means_item(&record.native)
    }

    /// Tells whether a kept version is meant.
    #[must_use]
    pub fn means_kept(&self, label: &KeptLabel) -> bool {
        let head = Head { at: label.at, link: label.link, cycle: label.cycle };
        let mut native = PerSide::default();
        native.set(label.side, Some(label.native.clone()));
        self.may_mean(&head) && self.means_item(&native)
    }

    fn means_item(&self, native: &PerSide<Option<NativeId>>) -> bool {
        match &self.of {
            Of::Item(side, id) => native.get(*side).as_ref() == Some(id),
            Of::Mailbox | Of::Link(_) | Of::Cycle(_) => true,
        }
    }
}

/// What is too old to be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizon {
    /// Records before this instant go.
    pub records: DateTime<Utc>,
    /// Kept versions before this instant go.
    pub kept: DateTime<Utc>,
}

/// Reads the journal of mailboxes.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Returns the records that are meant, newest first.
    async fn records(&self, mailbox: &MailboxKey, ask: &Ask) -> Result<Vec<Record>, StoreError>;

    /// Returns the kept versions that are meant, newest first.
    async fn kept(&self, mailbox: &MailboxKey, ask: &Ask) -> Result<Vec<Kept>, StoreError>;

    /// Forgets what lies beyond the horizon. Writes nothing when there is nothing to forget.
    async fn prune(&self, mailbox: &MailboxKey, horizon: &Horizon) -> Result<(), StoreError>;
}

/// Why content cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VaultError {
    /// The system gives no random numbers.
    #[error("no random numbers to seal with")]
    Sealing,
    /// The key is another one, or the bytes were changed or moved.
    #[error(
        "the kept version does not open: it was sealed with another key, or was changed; \
         set the key of that time as `keep.key`"
    )]
    Opening,
}

/// Seals content with the key of one tenant. The state store sees sealed bytes only.
pub trait Vault: Send + Sync {
    /// Returns the content sealed; it opens only with the same `about`.
    ///
    /// # Errors
    /// Fails when the system gives no random numbers.
    fn seal(&self, about: &[u8], content: &[u8]) -> Result<Vec<u8>, VaultError>;

    /// Returns the content.
    ///
    /// # Errors
    /// Fails for another key, another `about`, and changed bytes.
    fn open(&self, about: &[u8], sealed: &[u8]) -> Result<Vec<u8>, VaultError>;
}
