//! The tables of the file and the one builder of their keys.

use redb::TableDefinition;
use uuid::Uuid;

use crate::domain::ids::{LinkId, MailboxKey, TenantId};

pub(super) const LINKS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("links");
pub(super) const CURSORS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("cursors");
pub(super) const CATEGORIES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("categories");
pub(super) const FENCES: TableDefinition<'_, &[u8], u64> = TableDefinition::new("fences");
/// How often a mailbox was changed.
pub(super) const SEQS: TableDefinition<'_, &[u8], u64> = TableDefinition::new("seqs");
/// The newest stamp of the cluster's table; before there were shards, the fences of leases by name.
pub(super) const LEASES: TableDefinition<'_, &str, u64> = TableDefinition::new("leases");
pub(super) const JOURNAL: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("journal");
pub(super) const KEPT: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("kept");
/// Milliseconds since 1970 from which a mailbox is kept out, by the key of the mailbox.
pub(super) const EXCLUDED: TableDefinition<'_, &[u8], i64> = TableDefinition::new("excluded");
pub(super) const KEYS: TableDefinition<'_, &str, [u8; 16]> = TableDefinition::new("keys");
pub(super) const SIGHTINGS: TableDefinition<'_, &[u8], &str> = TableDefinition::new("sightings");
pub(super) const NOTES: TableDefinition<'_, &str, &str> = TableDefinition::new("notes");

/// Returns the key of a mailbox. A tenant's name holds no zero byte, so no key of one tenant
/// begins another's.
pub(super) fn mailbox_key(mailbox: &MailboxKey) -> Vec<u8> {
    [mailbox.tenant.as_str().as_bytes(), &[0], mailbox.mailbox.as_bytes()].concat()
}

/// Returns the first and the last key that a mailbox of a tenant can have.
pub(super) fn tenant_range(tenant: &TenantId) -> (Vec<u8>, Vec<u8>) {
    let of = |mailbox| mailbox_key(&MailboxKey { tenant: tenant.clone(), mailbox });
    (of(Uuid::nil()), of(Uuid::max()))
}

/// Returns the key of a link.
pub(super) fn link_key(mailbox: &MailboxKey, link: LinkId) -> Vec<u8> {
    let mut key = mailbox_key(mailbox);
    key.extend(link.0.as_bytes());
    key
}

/// Returns the first and the last key that a link of the mailbox can have.
pub(super) fn link_range(mailbox: &MailboxKey) -> (Vec<u8>, Vec<u8>) {
    (link_key(mailbox, LinkId(Uuid::nil())), link_key(mailbox, LinkId(Uuid::max())))
}

/// Returns the key of an entry of the journal, or of a kept version: they count up in a mailbox.
pub(super) fn entry_key(mailbox: &MailboxKey, number: u64) -> Vec<u8> {
    let mut key = mailbox_key(mailbox);
    key.extend(number.to_be_bytes());
    key
}

/// Returns the first and the last key that an entry of the mailbox can have.
pub(super) fn entry_range(mailbox: &MailboxKey) -> (Vec<u8>, Vec<u8>) {
    (entry_key(mailbox, 0), entry_key(mailbox, u64::MAX))
}

/// Returns the number of an entry by its key.
pub(super) fn entry_number(key: &[u8]) -> u64 {
    key.last_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
