//! The store's side of ownership: members, and the shards that each holds.
//!
//! There is one lease a process, its membership. A shard is held as long as its holder's membership
//! lives, so renewing a thousand shards is one small write, and the shards of a dead process are
//! free at once when its membership ends.
//!
//! | rule | why |
//! | --- | --- |
//! | A grant's fence is more than any before, and at least the store's time in milliseconds. | It goes on rising when the store lost its last second, or all it held. |
//! | What a step gives back names its fence. | A request that was held up on its way gives back nothing that was granted since. |
//! | A process's first step takes the place of a former process of its node; no later one does. | A restart need not wait for the lease; two nodes of one name cannot take turns. |
//!
//! Absent: a clock. `now` is the store's own time.

use std::collections::BTreeMap;

use super::{Generation, Incarnation, NodeId, Shard};
use crate::domain::ids::Fence;

/// What a member of the cluster is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// It works on the shards that placement gives to it.
    Serving,
    /// It gives its shards back and takes no more.
    Draining,
    /// An operator's command: it takes the shards that it names, when they are free.
    Visiting,
}

/// What members tell of themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Card {
    /// Where its private API listens; empty for a command.
    pub address: String,
    /// When it started, in milliseconds since 1970 by its own clock.
    pub started: u64,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// The process.
    pub incarnation: Incarnation,
    /// When its membership ends unless renewed, by the store's clock, in milliseconds.
    pub until: u64,
    /// What it is there for.
    pub role: Role,
    /// What it tells of itself.
    pub card: Card,
}

/// Who holds a shard, or held it last.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Holding {
    /// The fence of the grant.
    pub fence: Fence,
    /// The node.
    pub node: NodeId,
    /// Its process.
    pub incarnation: Incarnation,
}

/// What a process asks in one request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Step {
    /// The node.
    pub node: NodeId,
    /// The process.
    pub incarnation: Incarnation,
    /// No step of this process was accepted yet.
    pub first: bool,
    /// What it is there for.
    pub role: Role,
    /// What it tells of itself.
    pub card: Card,
    /// How long its membership shall live from now on, in milliseconds. Zero ends it.
    pub ttl: u64,
    /// Shards that it gives back, with the fences under which it held them.
    pub give: Vec<(Shard, Fence)>,
    /// Shards that it wants, each once.
    pub take: Vec<Shard>,
    /// The stamp of the shards as it knows them.
    pub known: u64,
    /// The generation of a store that has none.
    pub generation: Generation,
}

/// What the store answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Answer {
    /// The step was carried out; false when another process has taken the node's place.
    pub accepted: bool,
    /// The store's time in milliseconds.
    pub now: u64,
    /// Rises with each change of the shards; a grant of this step has it as its fence.
    pub stamp: u64,
    /// The store's generation.
    pub generation: Generation,
    /// The members that live.
    pub members: BTreeMap<NodeId, Member>,
    /// All shards that are or were held, when they are not those of the stamp that was known.
    pub shards: Option<BTreeMap<Shard, Holding>>,
}

/// All that a store keeps of the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Table {
    members: BTreeMap<NodeId, Member>,
    shards: BTreeMap<Shard, Holding>,
    stamp: u64,
    generation: Option<Generation>,
}

impl Member {
    /// Tells whether its membership lives.
    #[must_use]
    pub const fn lives(&self, now: u64) -> bool {
        now < self.until
    }
}

impl Holding {
    /// Tells whether the holder is a member still; otherwise the shard is free.
    #[must_use]
    pub fn is_held(&self, members: &BTreeMap<NodeId, Member>) -> bool {
        members.get(&self.node).is_some_and(|member| member.incarnation == self.incarnation)
    }
}

impl Table {
    /// Builds an empty table whose fences begin above one that was granted before.
    #[must_use]
    pub fn after(stamp: u64) -> Self {
        Self { stamp, ..Self::default() }
    }

    /// Returns the newest stamp: what must outlive a restart of the store.
    #[must_use]
    pub const fn stamp(&self) -> u64 {
        self.stamp
    }

    /// Carries out a step at the store's time, in milliseconds.
    pub fn step(&mut self, step: &Step, now: u64) -> Answer {
        let generation = *self.generation.get_or_insert(step.generation);
        self.members.retain(|_, member| member.lives(now));
        let other = |member: &Member| member.incarnation != step.incarnation;
        let accepted = step.first || !self.members.get(&step.node).is_some_and(other);
        if accepted {
            self.renew(step, now);
            self.change(step, now);
        }
        Answer {
            accepted,
            now,
            stamp: self.stamp,
            generation,
            members: self.members.clone(),
            shards: (self.stamp != step.known).then(|| self.shards.clone()),
        }
    }

    fn renew(&mut self, step: &Step, now: u64) {
        let member = Member {
            incarnation: step.incarnation,
            until: now.saturating_add(step.ttl),
            role: step.role,
            card: step.card.clone(),
        };
        if member.lives(now) {
            self.members.insert(step.node.clone(), member);
        } else {
            self.members.remove(&step.node);
        }
    }

    fn change(&mut self, step: &Step, now: u64) {
        let stamp = self.stamp.saturating_add(1).max(now);
        let mut changed = false;
        for (shard, fence) in &step.give {
            let own = |it: &Holding| it.fence == *fence && it.incarnation == step.incarnation;
            if self.shards.get(shard).is_some_and(own) {
                self.shards.remove(shard);
                changed = true;
            }
        }
        for shard in &step.take {
            let own = |it: &Holding| it.incarnation == step.incarnation;
            let taken = |it: &Holding| it.is_held(&self.members) && !own(it);
            if self.shards.get(shard).is_some_and(taken) {
                continue;
            }
            let fence = Fence(stamp);
            let (node, incarnation) = (step.node.clone(), step.incarnation);
            self.shards.insert(*shard, Holding { fence, node, incarnation });
            changed = true;
        }
        if changed {
            self.stamp = stamp;
        }
    }
}
