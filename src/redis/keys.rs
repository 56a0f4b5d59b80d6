//! The one builder of all keys; the map stands at the head of `redis.rs`.

use crate::domain::ids::{MailboxKey, TenantId};
use crate::ports::notes::Shelf;

/// The keys of one mailbox, all in one slot.
pub(super) struct MailboxKeys {
    pub(super) links: String,
    pub(super) cursors: String,
    pub(super) fence: String,
    pub(super) journal: String,
    pub(super) kept: String,
    pub(super) category: String,
}

/// The keys of one lease, both in one slot.
pub(super) struct LeaseKeys {
    pub(super) lease: String,
    pub(super) granted: String,
}

/// Returns the keys of a mailbox.
pub(super) fn of_mailbox(mailbox: &MailboxKey) -> MailboxKeys {
    let tag = tagged(mailbox);
    MailboxKeys {
        links: format!("{tag}:links"),
        cursors: format!("{tag}:cursors"),
        fence: format!("{tag}:fence"),
        journal: format!("{tag}:journal"),
        kept: format!("{tag}:kept"),
        category: format!("{tag}:category"),
    }
}

/// Returns the keys of a lease.
pub(super) fn of_lease(name: &str) -> LeaseKeys {
    let lease = tagged(format_args!("lease/{name}"));
    LeaseKeys { granted: format!("{lease}:granted"), lease }
}

/// Returns the key of a tenant's excluded mailboxes.
pub(super) fn of_excluded(tenant: &TenantId) -> String {
    format!("{}:excluded", tagged(tenant))
}

/// Returns the key of a tenant's fingerprint key.
pub(super) fn of_tenant(tenant: &TenantId) -> String {
    format!("{}:key", tagged(tenant))
}

/// Returns the key of a tenant's sightings of another engine.
pub(super) fn of_sightings(tenant: &TenantId) -> String {
    format!("{}:sightings", tagged(tenant))
}

/// Returns the key of a shelf of a tenant's notes.
pub(super) fn of_notes(tenant: &TenantId, shelf: Shelf) -> String {
    format!("{}:{}", tagged(tenant), shelf.name())
}

fn tagged(tag: impl std::fmt::Display) -> String {
    format!("ls:{{{tag}}}")
}
