//! A process's side of ownership: what it asks next, what an answer means, what it surely holds.
//!
//! All times are milliseconds of the process's own monotonic clock. It counts its lease from before
//! the request, less a margin, so that it stops before the store could give its shards away, and it
//! stops by itself: no answer is needed for that.
//!
//! Only a shard that an answer granted to a step of this process is held. What the store names as
//! ours besides (a request that arrived late, an old dump) is given back or granted anew.

mod view;

use std::collections::{BTreeMap, BTreeSet};

use super::table::{Answer, Card, Holding, Mark, Member, Role, Step};
use super::{Generation, Incarnation, NodeId, Shard, placement};
use crate::domain::ids::Fence;

/// Which shards a process wants.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Want {
    /// Those that placement gives to it.
    Placed,
    /// Exactly these, when they are free.
    Named(BTreeSet<Shard>),
    /// None any more.
    Nothing,
}

/// The lease of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Terms {
    /// How long a membership lives unless renewed, in milliseconds.
    pub ttl: u64,
    /// It counts as lost this long before it ends, in milliseconds.
    pub safety: u64,
    /// What was sent to a far side before this time has been carried out there, in milliseconds.
    pub write: u64,
}

/// What one process knows of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Node {
    name: NodeId,
    incarnation: Incarnation,
    card: Card,
    terms: Terms,
    shards: u16,
    want: Want,
    /// No step was accepted yet.
    first: bool,
    /// Another process has the node's name.
    replaced: bool,
    /// Until when the membership surely lives.
    until: u64,
    /// The latest state of the table that it was told of.
    seen: Option<Mark>,
    /// Until when nothing is granted, at the least; and whether that was so at the last answer.
    closed: u64,
    is_closed: bool,
    stamp: u64,
    members: BTreeMap<NodeId, Member>,
    view: BTreeMap<Shard, Holding>,
    held: BTreeMap<Shard, Fence>,
    /// Given up here, but the store did not confirm it yet.
    giving: BTreeMap<Shard, Fence>,
    /// What is wanted among the present members.
    desired: BTreeSet<Shard>,
    /// The members among which `desired` was placed.
    placed: Vec<NodeId>,
    /// All that is desired is held and nothing else: a beat has nothing to ask.
    settled: bool,
    /// Rises whenever what is held or desired changed.
    moves: u64,
}

/// What a process holds, what it gave up and the store did not take back yet, what it desires.
type Hand = (BTreeMap<Shard, Fence>, BTreeMap<Shard, Fence>, BTreeSet<Shard>);

impl Node {
    /// Builds a process that holds nothing yet, in a cluster of so many shards.
    #[must_use]
    pub fn new(
        name: NodeId,
        incarnation: Incarnation,
        card: Card,
        terms: Terms,
        shards: u16,
    ) -> Self {
        Self {
            name,
            incarnation,
            card,
            terms,
            shards,
            want: Want::Placed,
            first: true,
            replaced: false,
            until: 0,
            seen: None,
            closed: 0,
            is_closed: false,
            stamp: 0,
            members: BTreeMap::new(),
            view: BTreeMap::new(),
            held: BTreeMap::new(),
            giving: BTreeMap::new(),
            desired: BTreeSet::new(),
            placed: Vec::new(),
            settled: true,
            moves: 0,
        }
    }

    /// Changes what is wanted.
    pub fn want(&mut self, want: Want) {
        let before = self.hand();
        self.want = want;
        self.desire();
        self.settle(before);
    }

    /// Wants these shards beside those that are wanted by name already.
    pub fn want_also(&mut self, shards: &BTreeSet<Shard>) {
        let mut named = match &self.want {
            Want::Named(before) => before.clone(),
            Want::Placed | Want::Nothing => BTreeSet::new(),
        };
        named.extend(shards);
        self.want(Want::Named(named));
    }

    /// Returns the fence of a shard that is held, also when it goes elsewhere.
    #[must_use]
    pub fn fence_of(&self, shard: Shard) -> Option<Fence> {
        self.held.get(&shard).copied()
    }

    /// Tells whether a shard is held, also when it goes elsewhere or the membership is in doubt.
    #[must_use]
    pub fn is_held(&self, shard: Shard) -> bool {
        self.held.contains_key(&shard)
    }

    /// Changes what the process tells of itself.
    pub fn introduce(&mut self, card: Card) {
        self.card = card;
    }

    /// Returns the next step. What it gives back is given up from here on: shards that are no longer
    /// wanted and not `busy`, also those that a late step of ours, or a doubt, put under another fence than
    /// the one that work has. `fresh` names the generation of a store that has none.
    pub fn next(&mut self, busy: &dyn Fn(Shard) -> bool, fresh: Generation) -> Step {
        let take = if self.settled { Vec::new() } else { self.move_on(busy) };
        // What is wanted needs no giving: its taking puts it under a new fence.
        let free = |shard: &Shard| !self.desired.contains(shard) && !busy(*shard);
        let give = self.giving.iter().filter(|(shard, _)| free(shard));
        let give = give.map(|(shard, fence)| (*shard, *fence)).collect();
        Step {
            node: self.name.clone(),
            incarnation: self.incarnation,
            first: self.first,
            role: self.role(),
            card: self.card.clone(),
            ttl: self.terms.ttl,
            give,
            take,
            known: self.stamp,
            generation: fresh,
            seen: self.seen,
            pause: self.terms.ttl,
        }
    }

    /// Gives up what is no longer wanted and not busy; returns what is wanted and not held. Whether it
    /// is free only the store knows.
    fn move_on(&mut self, busy: &dyn Fn(Shard) -> bool) -> Vec<Shard> {
        let idle = |shard: &Shard| !self.desired.contains(shard) && !busy(*shard);
        let leaving: Vec<Shard> = self.held.keys().copied().filter(idle).collect();
        for shard in leaving {
            self.giving.extend(self.held.remove(&shard).map(|fence| (shard, fence)));
        }
        self.desired.iter().copied().filter(|it| !self.held.contains_key(it)).collect()
    }

    /// Returns the last step of this process. Nothing is held from here on: what still runs is cut off,
    /// and its shards go to others when what it sent has been carried out.
    pub fn leave(&mut self, busy: &dyn Fn(Shard) -> bool, fresh: Generation) -> Step {
        self.want(Want::Nothing);
        let step = self.next(busy, fresh);
        let whole = self.held.is_empty() && step.give.len() == self.giving.len();
        let ttl = if whole { 0 } else { self.terms.write };
        self.until = 0;
        self.held.clear();
        Step { ttl, ..step }
    }

    /// Takes in the answer to a step that was sent at `asked`.
    pub fn answered(&mut self, asked: u64, step: &Step, answer: Answer) {
        let Answer { accepted, now, stamp, mark, opens, members, shards } = answer;
        self.replaced = !accepted;
        self.members = members;
        // A store that began anew granted nothing that counts; one that went back to an earlier state
        // granted what it still names.
        let lost = !accepted || self.seen.is_some_and(|seen| seen.generation != mark.generation);
        let same = shards.is_none() && !lost && step.give.is_empty() && step.take.is_empty();
        self.seen = Some(mark);
        self.closed = asked.saturating_add(opens.saturating_sub(now));
        self.is_closed = opens > now;
        self.stamp = stamp;
        if let Some(shards) = shards {
            self.view = shards;
        }
        if accepted {
            self.first = false;
            let sure = self.terms.ttl.saturating_sub(self.terms.safety);
            self.until = asked.saturating_add(sure.min(step.ttl));
        } else {
            self.until = 0;
        }
        // An idle beat costs nothing.
        // While nothing is granted the shares stay: what were given up would be nobody's.
        let moved = !self.is_closed && self.are_members_new();
        if same && !moved && self.settled && !self.is_closed {
            return;
        }
        let before = self.hand();
        if lost {
            self.held.clear();
        }
        if accepted {
            self.reconcile(if self.is_closed { &[] } else { &step.take });
        } else {
            self.giving.clear();
        }
        if moved {
            self.desire();
        }
        self.settle(before);
    }

    /// Makes what is held what the store says and a step of ours was granted, which asked for `take`.
    fn reconcile(&mut self, take: &[Shard]) {
        let mine: BTreeMap<Shard, Fence> = self
            .view
            .iter()
            .filter(|(_, holding)| self.is_mine(holding))
            .map(|(shard, holding)| (*shard, holding.fence))
            .collect();
        self.held.retain(|shard, fence| mine.get(shard) == Some(fence));
        for shard in take {
            // Only a grant of this very step has its stamp as the fence.
            if let Some(fence) = mine.get(shard).filter(|fence| fence.0 == self.stamp) {
                self.held.insert(*shard, *fence);
            }
        }
        self.giving =
            mine.into_iter().filter(|(shard, _)| !self.held.contains_key(shard)).collect();
    }

    /// Forgets a grant that a store of mailboxes refuses: a newer one is known there. The next step
    /// asks for another.
    pub fn doubt(&mut self, shard: Shard, fence: Fence) {
        if self.held.get(&shard) == Some(&fence) {
            let before = self.hand();
            self.held.remove(&shard);
            self.giving.insert(shard, fence);
            self.settle(before);
        }
    }

    /// Returns the fence of a shard in which new work may begin.
    #[must_use]
    pub fn may_start(&self, shard: Shard, now: u64) -> Option<Fence> {
        let wanted = self.is_sure(now) && self.desired.contains(&shard);
        self.held.get(&shard).copied().filter(|_| wanted)
    }

    /// Tells whether work that began under a fence may go on writing.
    #[must_use]
    pub fn may_write(&self, shard: Shard, fence: Fence, now: u64) -> bool {
        self.is_sure(now) && self.held.get(&shard) == Some(&fence)
    }

    /// Tells whether what work sends now is carried out before another process could begin.
    #[must_use]
    pub fn may_send(&self, shard: Shard, fence: Fence, now: u64) -> bool {
        let early = self.terms.write.saturating_sub(self.terms.safety);
        self.may_write(shard, fence, now.saturating_add(early))
    }

    /// Tells whether work in a shard should come to its end, because the shard goes elsewhere.
    #[must_use]
    pub fn leaves(&self, shard: Shard) -> bool {
        !self.desired.contains(&shard)
    }

    /// Returns until when the membership surely lives; zero when there is none.
    #[must_use]
    pub const fn until(&self) -> u64 {
        self.until
    }

    /// Tells whether the membership surely lives.
    #[must_use]
    pub const fn is_sure(&self, now: u64) -> bool {
        now < self.until
    }

    /// Tells whether another process has the name of this node.
    #[must_use]
    pub const fn is_replaced(&self) -> bool {
        self.replaced
    }

    /// Tells whether the next step should come soon: something is still to be given or taken.
    #[must_use]
    pub const fn is_unsettled(&self) -> bool {
        !self.settled
    }

    /// Returns a number that rises whenever what is owned changed.
    #[must_use]
    pub const fn moves(&self) -> u64 {
        self.moves
    }

    /// Returns the shards in which work may begin, as long as the membership lives.
    #[must_use]
    pub fn owned(&self) -> BTreeMap<Shard, Fence> {
        let wanted = self.held.iter().filter(|(shard, _)| self.desired.contains(shard));
        wanted.map(|(shard, fence)| (*shard, *fence)).collect()
    }

    /// Returns how many shards are held, those that go elsewhere included.
    #[must_use]
    pub fn holds(&self) -> usize {
        self.held.len() + self.giving.len()
    }

    const fn role(&self) -> Role {
        match self.want {
            Want::Placed => Role::Serving,
            Want::Named(_) => Role::Visiting,
            Want::Nothing => Role::Draining,
        }
    }

    fn is_mine(&self, holding: &Holding) -> bool {
        holding.incarnation == self.incarnation && holding.node == self.name
    }

    fn are_members_new(&self) -> bool {
        !placement::serving(&self.members).into_iter().eq(&self.placed)
    }

    /// Returns what is held, on its way back, and desired.
    fn hand(&self) -> Hand {
        (self.held.clone(), self.giving.clone(), self.desired.clone())
    }

    fn settle(&mut self, before: Hand) {
        self.moves += u64::from(before != self.hand());
        let whole = self.giving.is_empty() && self.held.keys().eq(self.desired.iter());
        self.settled = whole && !self.is_closed;
    }

    fn desire(&mut self) {
        self.placed = placement::serving(&self.members).into_iter().cloned().collect();
        self.desired = match &self.want {
            Want::Nothing => BTreeSet::new(),
            Want::Named(shards) => shards.clone(),
            Want::Placed => {
                let serving = placement::serving(&self.members);
                let mine =
                    |shard: &Shard| placement::owner_of(*shard, &serving) == Some(&self.name);
                (0..self.shards).map(Shard).filter(mine).collect()
            }
        };
    }
}
