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
    pub(super) seq: String,
}

/// The keys of the cluster's table, all in one slot.
pub(super) struct ClusterKeys {
    pub(super) members: String,
    pub(super) shards: String,
    pub(super) stamp: String,
    pub(super) generation: String,
    pub(super) history: String,
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
        seq: format!("{tag}:seq"),
    }
}

/// Returns the keys of the cluster's table.
pub(super) fn of_cluster() -> ClusterKeys {
    let tag = tagged("cluster");
    ClusterKeys {
        members: format!("{tag}:members"),
        shards: format!("{tag}:shards"),
        stamp: format!("{tag}:stamp"),
        generation: format!("{tag}:generation"),
        history: format!("{tag}:history"),
    }
}

/// Returns the key of a tenant's excluded mailboxes.
pub(super) fn of_excluded(tenant: &TenantId) -> String {
    format!("{}:excluded", tagged(tenant))
}

/// Returns the key of a tenant's fingerprint key.
pub(super) fn of_tenant(tenant: &TenantId) -> String {
    format!("{}:key", tagged(tenant))
}

/// Returns the key of the budget that a tenant's nodes share.
pub(super) fn of_budget(tenant: &TenantId) -> String {
    format!("{}:budget", tagged(tenant))
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
