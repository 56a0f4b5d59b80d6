//! What a process knows of the cluster as of the last answer, for operators.

use std::collections::BTreeMap;

use super::Node;
use crate::shards::table::Member;
use crate::shards::{Generation, Incarnation, NodeId, Shard};

impl Node {
    /// Returns who else holds a shard, as of the last answer.
    #[must_use]
    pub fn other_holder(&self, shard: Shard) -> Option<(&NodeId, &Member)> {
        let holding = self.view.get(&shard).filter(|it| it.is_held(&self.members))?;
        let (node, member) = self.members.get_key_value(&holding.node)?;
        (!self.is_mine(holding)).then_some((node, member))
    }

    /// Returns the members as of the last answer.
    #[must_use]
    pub const fn members(&self) -> &BTreeMap<NodeId, Member> {
        &self.members
    }

    /// Returns the name.
    #[must_use]
    pub const fn name(&self) -> &NodeId {
        &self.name
    }

    /// Returns how many shards each member holds, as of the last answer.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<NodeId, usize> {
        let mut counts = BTreeMap::new();
        for holding in self.view.values().filter(|holding| holding.is_held(&self.members)) {
            *counts.entry(holding.node.clone()).or_insert(0) += 1;
        }
        counts
    }

    /// Returns the process.
    #[must_use]
    pub const fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Returns the newest fence that the store granted.
    #[must_use]
    pub const fn stamp(&self) -> u64 {
        self.stamp
    }

    /// Returns the store's generation; nothing before the first answer.
    #[must_use]
    pub fn generation(&self) -> Option<Generation> {
        self.seen.map(|seen| seen.generation)
    }

    /// Tells whether the last answer said that nothing is granted.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Returns until when nothing is granted, by this process's clock; in the past mostly.
    #[must_use]
    pub const fn closed(&self) -> u64 {
        self.closed
    }

    /// Returns the shards that no member holds.
    #[must_use]
    pub fn without_owner(&self) -> Vec<Shard> {
        let held = |shard: &Shard| {
            self.view.get(shard).is_some_and(|holding| holding.is_held(&self.members))
        };
        (0..self.shards).map(Shard).filter(|shard| !held(shard)).collect()
    }
}
