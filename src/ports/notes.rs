//! The port of notes: small texts of a tenant that must outlive a restart and belong to no mailbox's
//! commit. They carry no fence: a late write of a former owner costs a repeated read or a second
//! subscription that ends by itself, never an item.

use std::collections::BTreeMap;

use async_trait::async_trait;
use uuid::Uuid;

use super::error::StoreError;
use crate::domain::ids::{LinkId, TenantId, Version};

/// What the notes are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shelf {
    /// Subscriptions, by mailbox.
    Subscriptions,
    /// Where the readers of changed rows go on, by table.
    Feeds,
}

impl Shelf {
    /// All shelves.
    pub const ALL: [Self; 2] = [Self::Subscriptions, Self::Feeds];

    /// Returns the name under which the stores keep it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Subscriptions => "subscriptions",
            Self::Feeds => "feeds",
        }
    }
}

/// The notes of one shelf, by key.
pub type Notes = BTreeMap<String, String>;

/// Stores notes.
#[async_trait]
pub trait NoteStore: Send + Sync {
    /// Returns all notes of a tenant's shelf; none for an unknown tenant.
    async fn notes(&self, tenant: &TenantId, shelf: Shelf) -> Result<Notes, StoreError>;

    /// Writes notes, or removes those without a text. What is acknowledged survives a crash.
    async fn write_notes(
        &self,
        tenant: &TenantId,
        shelf: Shelf,
        notes: &[(String, Option<String>)],
    ) -> Result<(), StoreError>;
}

/// A mailbox that has a link of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// The mailbox.
    pub mailbox: Uuid,
    /// The row.
    pub row: LinkId,
    /// The version of the row that the link knows.
    pub version: Option<Version>,
}

/// Finds links by the rows that they belong to.
#[async_trait]
pub trait LinkIndex: Send + Sync {
    /// Returns who of these mailboxes has a link of which of these rows, in no order. The cost is
    /// mailboxes times rows: whoever asks bounds both.
    async fn holders(
        &self,
        tenant: &TenantId,
        mailboxes: &[Uuid],
        rows: &[LinkId],
    ) -> Result<Vec<Holder>, StoreError>;
}
