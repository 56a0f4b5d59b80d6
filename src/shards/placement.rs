//! Placement: which member should own which shard.
//!
//! Rendezvous hashing: each shard goes to the member with the highest hash of (shard, member). Every
//! node finds the same answer from the same members, nobody stores it, and when members come or go
//! only the shards move that the newcomer gets or the leaver had.

use std::collections::BTreeMap;
use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use super::table::{Member, Role};
use super::{NodeId, Shard};

/// Returns which member should own a shard; nothing when nobody serves.
#[must_use]
pub fn owner_of<'a>(shard: Shard, serving: &[&'a NodeId]) -> Option<&'a NodeId> {
    serving.iter().copied().max_by_key(|node| (weight(shard, node), *node))
}

/// Returns the members among which shards are placed: those that serve.
#[must_use]
pub fn serving(members: &BTreeMap<NodeId, Member>) -> Vec<&NodeId> {
    let serves = |member: &Member| match member.role {
        Role::Serving => true,
        Role::Draining | Role::Visiting => false,
    };
    members.iter().filter(|(_, member)| serves(member)).map(|(node, _)| node).collect()
}

/// The same on every node and in every version: a node of another version must find the same owner.
fn weight(shard: Shard, node: &NodeId) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(&shard.0.to_le_bytes());
    hasher.write(node.as_str().as_bytes());
    hasher.finish()
}
