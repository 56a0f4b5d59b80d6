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
//! | A process's first step takes the place of a former process of its node; no later one does. | A node that starts again is a member at once; two nodes of one name cannot take turns. |
//! | The shards of a process that lost its place stay its own until its lease would have ended. | It may live, and believes in its lease until then. |
//! | No membership ends later than one lease from now. | A clock that was set back must not keep the dead alive. |
//! | A process that was told of a later state than there is closes the table for one lease, once: nothing is granted. | The store lost something. Whoever was granted that may still work and not know it. |
//! | Who joins a closed table holds nothing of what it held. | Another may have held it since, in the history that was lost. |
//! | A new table of several nodes is closed for a moment. | Processes that know of an earlier one come first. |
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
    /// How long it lives from one renewal on, in milliseconds.
    pub ttl: u64,
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
    /// The latest state of the table that this process was told of.
    pub seen: Option<Mark>,
    /// How long a table that lost something is closed, in milliseconds: one lease.
    pub pause: u64,
}

/// One state of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The life of the store.
    pub generation: Generation,
    /// How many steps were carried out in it; not counted in a table of one process.
    pub steps: u64,
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
    /// The state of the table after this step.
    pub mark: Mark,
    /// Nothing is granted before this time of the store, in milliseconds.
    pub opens: u64,
    /// The members that live.
    pub members: BTreeMap<NodeId, Member>,
    /// All shards that are or were held, when they are not those of the stamp that was known. A process
    /// that joins or changes something is told in any case: its stamp may be one of a lost history.
    pub shards: Option<BTreeMap<Shard, Holding>>,
}

/// All that a store keeps of the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Table {
    members: BTreeMap<NodeId, Member>,
    /// Processes that lost their place: when their leases end, and how long these were.
    former: BTreeMap<Incarnation, (u64, u64)>,
    shards: BTreeMap<Shard, Holding>,
    stamp: u64,
    generation: Option<Generation>,
    /// Several processes reach it; what one process keeps for itself is never closed.
    shared: bool,
    steps: u64,
    /// Until when it is closed, and for how long that was said; zero when it is open.
    closed: (u64, u64),
    /// The generation of which the last report of another one told.
    lost: Option<Generation>,
}

/// How long a new table of several nodes is closed, in milliseconds: longer than a beat.
pub const MOMENT: u64 = 1_000;

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

    /// Builds the table of a store that several processes reach, and that may lose it.
    #[must_use]
    pub fn shared() -> Self {
        Self { shared: true, ..Self::default() }
    }

    /// Returns the newest stamp: what must outlive a restart of the store.
    #[must_use]
    pub const fn stamp(&self) -> u64 {
        self.stamp
    }

    /// Carries out a step at the store's time, in milliseconds.
    pub fn step(&mut self, step: &Step, now: u64) -> Answer {
        let generation = self.look_back(step, now);
        self.forget(now);
        let before = self.members.get(&step.node).map(|member| member.incarnation);
        let (joins, stamp) = (before != Some(step.incarnation), self.stamp);
        let accepted = step.first || !joins || before.is_none();
        if accepted {
            if before.is_none() && self.is_closed(now) {
                self.shards.retain(|_, holding| holding.incarnation != step.incarnation);
            }
            self.renew(step, now);
            self.change(step, now);
        }
        let told = self.stamp != step.known || (accepted && (joins || self.stamp != stamp));
        Answer {
            accepted,
            now,
            stamp: self.stamp,
            mark: Mark { generation, steps: self.steps },
            opens: self.closed.0,
            members: self.members.clone(),
            shards: told.then(|| self.shards.clone()),
        }
    }

    /// Closes the table when it is new, or when the process was told of a later state than this one. One
    /// report is enough: whoever was granted what is lost believes in a lease from before that. So a process
    /// that repeats itself, because no answer reaches it, closes nothing again.
    fn look_back(&mut self, step: &Step, now: u64) -> Generation {
        let new = self.generation.is_none();
        let generation = *self.generation.get_or_insert(step.generation);
        if !self.shared {
            return generation;
        }
        let mut length = if new { MOMENT } else { 0 };
        if let Some(seen) = step.seen {
            if seen.generation == generation {
                if seen.steps > self.steps {
                    (length, self.steps) = (step.pause, seen.steps);
                }
            } else if self.lost != Some(seen.generation) {
                (length, self.lost) = (step.pause, Some(seen.generation));
            }
        }
        // A clock that was set back must not keep it closed.
        let until = self.closed.0.min(now.saturating_add(self.closed.1));
        self.closed = if until > now { (until, self.closed.1) } else { (0, 0) };
        let opens = now.saturating_add(length);
        if length > 0 && opens > self.closed.0 {
            self.closed = (opens, length);
        }
        self.steps += 1;
        generation
    }

    const fn is_closed(&self, now: u64) -> bool {
        now < self.closed.0
    }

    /// Forgets whose lease ended, and shortens what a clock that was set back would prolong.
    fn forget(&mut self, now: u64) {
        for member in self.members.values_mut() {
            member.until = member.until.min(now.saturating_add(member.ttl));
        }
        for (until, ttl) in self.former.values_mut() {
            *until = (*until).min(now.saturating_add(*ttl));
        }
        self.members.retain(|_, member| member.lives(now));
        self.former.retain(|_, (until, _)| now < *until);
    }

    fn renew(&mut self, step: &Step, now: u64) {
        let member = Member {
            incarnation: step.incarnation,
            until: now.saturating_add(step.ttl),
            ttl: step.ttl,
            role: step.role,
            card: step.card.clone(),
        };
        let before = if member.lives(now) {
            self.members.insert(step.node.clone(), member)
        } else {
            self.members.remove(&step.node)
        };
        if let Some(before) = before.filter(|it| it.incarnation != step.incarnation) {
            self.former.insert(before.incarnation, (before.until, before.ttl));
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
        let closed = self.is_closed(now);
        for shard in step.take.iter().filter(|_| !closed) {
            let own = |it: &Holding| it.incarnation == step.incarnation;
            let held = |it: &Holding| {
                it.is_held(&self.members) || self.former.contains_key(&it.incarnation)
            };
            let taken = |it: &Holding| held(it) && !own(it);
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
