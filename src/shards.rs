//! Shards and who owns them: the pure protocol of the cluster.
//!
//! A mailbox lies in a shard, a shard is owned by one process at a time, under a fence that rises
//! with each grant. `table` is the store's side of it, `node` a process's side, `placement` says
//! which process should own what. Nothing here does I/O, reads a clock or draws a random number:
//! `now` and names are arguments, so the model of `tests/it/lease_model.rs` walks through the very
//! functions that production runs.
//!
//! It lies below the stores, because those in memory and on disk are `table` itself. Redis says the
//! same in `redis/scripts/step.lua`, and the conformance suite compares the two.

pub mod guard;
pub mod node;
pub mod placement;
pub mod table;

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use crate::domain::ids::MailboxKey;

/// Shards of a cluster. More than any cluster has nodes times a hundred, so that shares are even;
/// few enough that the whole table is one small answer.
pub const SHARDS: u16 = 1_024;

/// One shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard(pub u16);

impl Shard {
    /// Returns all shards.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SHARDS).map(Self)
    }
}

/// Returns the shard of a mailbox: the same on every node and in every version.
#[must_use]
pub fn shard_of(mailbox: &MailboxKey) -> Shard {
    let mut hasher = SipHasher13::new();
    hasher.write(mailbox.tenant.as_str().as_bytes());
    hasher.write_u8(0);
    hasher.write(mailbox.mailbox.as_bytes());
    Shard((hasher.finish() % u64::from(SHARDS)) as u16)
}

/// The name of a node: the same when it starts again, and of no other node at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(Box<str>);

impl NodeId {
    /// Builds a name. Characters that would end a line or a field of a store are left out.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.chars().filter(|sign| !sign.is_whitespace() && !sign.is_control()).collect())
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for NodeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One process of a node: drawn at its start, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Incarnation(pub u128);

/// The life of a store: drawn when it was found empty. Another one means that it forgot everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(pub u128);

#[cfg(test)]
mod tests;
