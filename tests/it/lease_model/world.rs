//! The cluster that is checked: processes with clocks of their own, a store that forgets, far sides that
//! carry writes out late, and all that can happen to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lockstep::domain::ids::Fence;
use lockstep::shards::guard::{Guard, Refusal};
use lockstep::shards::node::{Node, Terms, Want};
use lockstep::shards::placement;
use lockstep::shards::table::{Answer, Card, Mark, Step, Table};
use lockstep::shards::{Generation, Incarnation, NodeId, Shard};

/// One tick of time, in milliseconds: longer than fences can run ahead of the clock.
pub(super) const TICK: u64 = 1_000;
/// Production's terms, with a lease of three ticks.
pub(super) const TERMS: Terms = Terms { ttl: 3 * TICK, safety: TICK, write: 2 * TICK };
/// A far side carries out what was sent within this time, or never.
const LANDS: u64 = TICK;
/// How far the store's clock is set back.
const SET_BACK: u64 = 10 * TICK;

/// How often each thing may happen in one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Left {
    pub(super) ticks: u8,
    /// Of swift processes whose store counts its steps: else there is no end of states.
    pub(super) beats: u8,
    pub(super) crashes: u8,
    pub(super) pauses: u8,
    pub(super) losses: u8,
    pub(super) disasters: u8,
    pub(super) works: u8,
    pub(super) cuts: u8,
    pub(super) leaves: u8,
    pub(super) joins: u8,
    pub(super) set_backs: u8,
}

/// A cycle that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Work {
    pub(super) fence: Fence,
    /// The number of the state that it claimed or remembers, and in which history of the store.
    pub(super) claim: Option<(u64, u8)>,
    /// The store said in this cycle that it is the newest.
    pub(super) sure: bool,
    /// The history in which the cycle began.
    pub(super) begun: u8,
    /// It sent something.
    pub(super) sent: bool,
}

/// One process and what is on its way from and to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Process {
    pub(super) node: Node,
    number: u128,
    /// Whose clock it has.
    home: usize,
    serves: bool,
    visits: bool,
    pub(super) paused: bool,
    pub(super) request: Option<(u64, Step)>,
    pub(super) answer: Option<(u64, Step, Answer)>,
    /// A request that was given up and may arrive yet.
    pub(super) late: Option<Step>,
    pub(super) work: Vec<Option<Work>>,
    /// What it stored last of a mailbox: under which fence, the number, and in which history.
    pub(super) remembered: Vec<Option<(Fence, u64, u8)>>,
    /// Until when, by its clock, something may be carried out of what was cut off in a shard.
    pub(super) cut: Vec<u64>,
    /// A commit on its way: the mailbox, fence and number.
    pub(super) commit: Option<(usize, Fence, u64)>,
}

/// What the store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Store {
    table: Table,
    pub(super) mailboxes: Vec<Guard>,
}

/// A write under way to a far side.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Flight {
    number: u128,
    of: usize,
    until: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) now: u64,
    /// How far the store's clock was set back.
    behind: u64,
    pub(super) store: Store,
    /// What a server that loses its last writes comes back with.
    pub(super) saved: Option<Store>,
    pub(super) processes: Vec<Process>,
    incarnations: u128,
    pub(super) left: Left,
    /// The store lost something, and nobody came to it since who was told of that.
    unnoticed: bool,
    /// Somebody was told of what was lost, and said so.
    noticed: bool,
    /// When somebody came to such a store who knew nothing of it.
    misled_at: Option<u64>,
    /// How often the store lost something.
    pub(super) history: u8,
    /// The greatest fence that each shard was granted under, lost ones included.
    granted: Vec<u64>,
    flights: Vec<Flight>,
    /// A fence was granted twice.
    repeated: bool,
    /// A commit passed although a newer owner had read the state before.
    overwritten: bool,
    /// Whose commit passed last in each mailbox.
    committed_by: Vec<u128>,
    /// Something was sent on top of a state that another process had replaced, or that the store had lost
    /// before the cycle began.
    pub(super) sent_on_old: bool,
}

/// Places that random runs must come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    Passed,
    Stale,
    Moved,
    RefusedByName,
    LateAfterTakeOver,
    TakenWhileWorking,
    GrantLost,
    WaitedForWrite,
    StoodStill,
    LeftWhileWorking,
    StepAfterSetBack,
    CutOffInDoubt,
    LossNoticed,
    GrantedAfterLoss,
    SentFromMemory,
    MemoryRefused,
    WaitedForOwnWrite,
}

impl Sight {
    pub(super) const ALL: [Self; 17] = [
        Self::Passed,
        Self::Stale,
        Self::Moved,
        Self::RefusedByName,
        Self::LateAfterTakeOver,
        Self::TakenWhileWorking,
        Self::GrantLost,
        Self::WaitedForWrite,
        Self::StoodStill,
        Self::LeftWhileWorking,
        Self::StepAfterSetBack,
        Self::CutOffInDoubt,
        Self::LossNoticed,
        Self::GrantedAfterLoss,
        Self::SentFromMemory,
        Self::MemoryRefused,
        Self::WaitedForOwnWrite,
    ];
}

/// How often each of them was seen. No part of the state.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(Arc<[AtomicUsize; Sight::ALL.len()]>);

impl Seen {
    pub(super) fn note(&self, sight: Sight) {
        self.0[sight as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count(&self, sight: Sight) -> usize {
        self.0[sight as usize].load(Ordering::Relaxed)
    }
}

/// What is checked: so many nodes and shards, and what may happen.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    pub(super) nodes: usize,
    pub(super) shards: usize,
    pub(super) terms: Terms,
    pub(super) lands: u64,
    /// A defect to be found: busy shards are given back too.
    pub(super) gives_busy: bool,
    /// A defect to be found: a store that lost something grants at once.
    pub(super) never_closes: bool,
    /// A defect to be found: a cycle begins right after another one was cut off, or panicked.
    pub(super) hurries: bool,
    /// A defect to be found: what a process remembers counts without the store's word.
    pub(super) believes: bool,
    /// Steps are carried out at once; so there are few enough states for all of them.
    pub(super) swift: bool,
    /// Whether each state is looked at for whether it heals, which costs much.
    pub(super) heals: bool,
    pub(super) left: Left,
    pub(super) seen: Seen,
}

impl Cluster {
    pub(super) fn new(nodes: usize, shards: usize, left: Left) -> Self {
        let (terms, lands, seen) = (TERMS, LANDS, Seen::default());
        Self {
            nodes,
            shards,
            terms,
            lands,
            gives_busy: false,
            never_closes: false,
            hurries: false,
            believes: false,
            swift: false,
            heals: true,
            left,
            seen,
        }
    }

    fn start(&self, name: usize, home: usize, number: u128) -> Process {
        let shards = u16::try_from(self.shards).unwrap();
        let name = NodeId::new(&format!("node-{name}"));
        Process {
            node: Node::new(name, Incarnation(number), Card::default(), self.terms, shards),
            number,
            home,
            serves: true,
            visits: false,
            paused: false,
            request: None,
            answer: None,
            late: None,
            work: vec![None; self.shards],
            remembered: vec![None; self.shards],
            cut: vec![0; self.shards],
            commit: None,
        }
    }

    /// Nodes that start all at once.
    pub(super) fn cold(&self) -> World {
        let store = self.empty();
        World {
            now: 20 * TICK,
            behind: 0,
            store,
            saved: None,
            processes: (0..self.nodes).map(|at| self.start(at, at, at as u128)).collect(),
            incarnations: self.nodes as u128,
            left: self.left,
            unnoticed: false,
            noticed: false,
            misled_at: None,
            history: 0,
            granted: vec![0; self.shards],
            flights: Vec::new(),
            repeated: false,
            overwritten: false,
            committed_by: vec![u128::MAX; self.shards],
            sent_on_old: false,
        }
    }

    /// A store counts its steps only where it may lose some.
    pub(super) const fn counts(&self) -> bool {
        self.left.disasters > 0
    }

    fn empty(&self) -> Store {
        let table = if self.counts() { Table::shared() } else { Table::default() };
        Store { table, mailboxes: vec![Guard::default(); self.shards] }
    }

    /// Nodes that have found their shares.
    pub(super) fn settled(&self) -> World {
        let mut world = self.cold();
        // A new table is closed for a moment.
        world.beat_all(self);
        world.tick();
        for _ in 0..3 {
            world.beat_all(self);
        }
        world
    }
}

pub(super) fn shard(at: usize) -> Shard {
    Shard(u16::try_from(at).unwrap())
}

impl Process {
    /// The time by its own clock: none shows the time of day, and the second one runs a fifth late.
    pub(super) fn clock(&self, now: u64) -> u64 {
        if self.home == 1 { now * 4 / 5 } else { now + 700_000 * self.home as u64 }
    }

    pub(super) fn works(&self, of: usize) -> Option<bool> {
        self.work[of].map(|work| work.claim.is_some())
    }
}

impl World {
    pub(super) fn ask(&mut self, at: usize, cluster: &Cluster) {
        let fresh = Generation(u128::from(self.now) + at as u128);
        let now = self.processes[at].clock(self.now);
        let busy = self.busy(at, cluster);
        let process = &mut self.processes[at];
        process.request =
            Some((now, process.node.next(&|shard| busy[usize::from(shard.0)], fresh)));
    }

    fn busy(&self, at: usize, cluster: &Cluster) -> Vec<bool> {
        let process = &self.processes[at];
        let now = process.clock(self.now);
        let busy = |of: usize| {
            let commits = process.commit.is_some_and(|(mailbox, ..)| mailbox == of);
            process.work[of].is_some() || commits || now < process.cut[of]
        };
        (0..cluster.shards).map(|of| !cluster.gives_busy && busy(of)).collect()
    }

    /// Notes whether the first who comes to a store that lost something was told of it.
    fn look_for_loss(&mut self, step: &Step, answer: &Answer, seen: &Seen) {
        let later =
            |it: Mark| it.generation != answer.mark.generation || it.steps >= answer.mark.steps;
        if std::mem::take(&mut self.unnoticed) {
            if step.seen.is_some_and(later) {
                seen.note(Sight::LossNoticed);
                self.noticed = true;
            } else {
                self.misled_at = Some(self.now);
            }
        }
    }

    fn step(&mut self, step: &Step, cluster: &Cluster) -> Answer {
        let seen = &cluster.seen;
        let before = self.store.table.stamp();
        let pause = if cluster.never_closes { 0 } else { step.pause };
        let answer = self.store.table.step(&Step { pause, ..step.clone() }, self.now - self.behind);
        self.look_for_loss(step, &answer, seen);
        if self.behind > 0 {
            seen.note(Sight::StepAfterSetBack);
        }
        if !answer.accepted {
            seen.note(Sight::RefusedByName);
        }
        for (at, top) in self.granted.iter_mut().enumerate() {
            let Some(holding) = answer.shards.as_ref().and_then(|all| all.get(&shard(at))) else {
                continue;
            };
            let asks = step.take.contains(&shard(at));
            let others = |flight: &Flight| flight.of == at && flight.number != step.incarnation.0;
            if asks && holding.incarnation != step.incarnation && self.flights.iter().any(others) {
                seen.note(Sight::WaitedForWrite);
            }
            if answer.stamp == before || holding.fence.0 != answer.stamp {
                continue;
            }
            self.repeated |= holding.fence.0 <= *top;
            *top = holding.fence.0;
            if self.noticed {
                seen.note(Sight::GrantedAfterLoss);
            }
            let works = |it: &Process| it.work[at].is_some() && it.number != step.incarnation.0;
            if self.processes.iter().any(works) {
                seen.note(Sight::TakenWhileWorking);
            }
        }
        answer
    }

    pub(super) fn execute(&mut self, at: usize, cluster: &Cluster) {
        if let Some((asked, step)) = self.processes[at].request.take() {
            let answer = self.step(&step, cluster);
            self.processes[at].answer = Some((asked, step, answer));
        }
    }

    pub(super) fn deliver(&mut self, at: usize) {
        let process = &mut self.processes[at];
        if let Some((asked, step, answer)) = process.answer.take() {
            process.node.answered(asked, &step, answer);
        }
    }

    pub(super) fn give_up(&mut self, at: usize) {
        let process = &mut self.processes[at];
        process.answer = None;
        process.late = process.request.take().map(|(_, step)| step).or(process.late.take());
        self.left.losses -= 1;
    }

    pub(super) fn arrive(&mut self, at: usize, cluster: &Cluster) {
        let Some(step) = self.processes[at].late.take() else { return };
        let answer = self.step(&step, cluster);
        let taken = |of: &Shard| {
            let holding = answer.shards.as_ref().and_then(|all| all.get(of));
            holding.is_some_and(|it| it.incarnation != step.incarnation)
        };
        if step.take.iter().any(taken) || step.give.iter().any(|(of, _)| taken(of)) {
            cluster.seen.note(Sight::LateAfterTakeOver);
        }
    }

    pub(super) fn beat(&mut self, at: usize, cluster: &Cluster) {
        self.ask(at, cluster);
        self.execute(at, cluster);
        self.deliver(at);
    }

    fn beat_all(&mut self, cluster: &Cluster) {
        for at in 0..self.processes.len() {
            self.beat(at, cluster);
        }
    }

    pub(super) fn tick(&mut self) {
        self.now += TICK;
        let now = self.now;
        self.flights.retain(|flight| now <= flight.until);
    }

    pub(super) fn enter(&mut self, at: usize, of: usize, cluster: &Cluster) {
        let process = &mut self.processes[at];
        let now = process.clock(self.now);
        let Some(fence) = process.node.may_start(shard(of), now) else { return };
        if process.has_turn(of, now, cluster) {
            let begun = self.history;
            process.work[of] = Some(Work { fence, claim: None, sure: false, begun, sent: false });
            self.left.works -= 1;
        } else if self.flights.iter().any(|it| (it.number, it.of) == (process.number, of)) {
            cluster.seen.note(Sight::WaitedForOwnWrite);
        }
    }

    pub(super) fn claim(&mut self, at: usize, of: usize) {
        let process = &mut self.processes[at];
        let Some(work @ Work { fence, .. }) = process.work[of] else { return };
        match self.store.mailboxes[of].claim(fence) {
            Ok(seq) => {
                let claim = Some((seq, self.history));
                process.work[of] = Some(Work { claim, sure: true, ..work });
            }
            Err(Refusal::Stale | Refusal::Moved) => {
                process.work[of] = None;
                process.node.doubt(shard(of), fence);
            }
        }
    }

    /// A cycle sends a write to a far side.
    pub(super) fn write(&mut self, at: usize, of: usize, cluster: &Cluster) {
        let process = &mut self.processes[at];
        let (now, number) = (process.clock(self.now), process.number);
        let Some(work) = process.work[of] else { return };
        let Work { fence, claim: Some((seq, history)), sure, begun, .. } = work else { return };
        if !sure && !cluster.believes {
            return;
        }
        if self.flights.iter().any(|flight| (flight.number, flight.of) == (number, of)) {
            return;
        }
        if process.node.may_send(shard(of), fence, now) {
            process.work[of] = Some(Work { sent: true, ..work });
            self.flights.push(Flight { number, of, until: self.now + cluster.lands });
            // A commit of its own that comes late is as good as one that a crash cut off.
            let newest = self.store.mailboxes[of].seq == seq || self.committed_by[of] == number;
            self.sent_on_old |= history < begun || (history == self.history && !newest);
        } else if process.node.may_write(shard(of), fence, now) {
            cluster.seen.note(Sight::StoodStill);
        }
    }

    /// A cycle has all its answers and sends its commit, or leaves when it may not write any more.
    pub(super) fn send(&mut self, at: usize, of: usize, cluster: &Cluster) {
        let process = &mut self.processes[at];
        let (now, number) = (process.clock(self.now), process.number);
        let Some(Work { fence, claim: Some((seq, _)), .. }) = process.work[of] else { return };
        if process.node.may_write(shard(of), fence, now) {
            process.work[of] = None;
            process.commit = Some((of, fence, seq));
            self.flights.retain(|flight| (flight.number, flight.of) != (number, of));
        } else {
            cluster.seen.note(Sight::CutOffInDoubt);
            self.cut(at, of, cluster);
        }
    }

    /// A cycle ends in the middle; nobody waits for the answers to what it sent.
    pub(super) fn cut(&mut self, at: usize, of: usize, cluster: &Cluster) {
        let process = &mut self.processes[at];
        if process.work[of].take().is_some_and(|work| work.sent) {
            process.cut[of] = process.clock(self.now) + cluster.terms.write;
        }
    }

    pub(super) fn apply(&mut self, at: usize, cluster: &Cluster) {
        let Some((of, fence, seq)) = self.processes[at].commit.take() else { return };
        let sight = match self.store.mailboxes[of].commit(fence, seq) {
            Err(refusal) => {
                self.processes[at].refused(of, cluster);
                if refusal == Refusal::Stale { Sight::Stale } else { Sight::Moved }
            }
            Ok(number) => {
                let history = self.history;
                self.committed_by[of] = self.processes[at].number;
                self.processes[at].stored(of, (fence, number, history), cluster);
                let newer = |work: &Work| {
                    work.fence > fence && work.claim.is_some_and(|(_, read)| read == history)
                };
                let mut works = self.processes.iter().filter_map(|it| it.work[of]);
                self.overwritten |= works.any(|work| newer(&work));
                Sight::Passed
            }
        };
        cluster.seen.note(sight);
    }

    pub(super) fn save(&mut self) {
        self.saved = Some(self.store.clone());
    }

    /// Back to what was saved, or `FLUSHALL`.
    pub(super) fn lose(&mut self, saved: Option<Store>, cluster: &Cluster) {
        let store = saved.unwrap_or_else(|| cluster.empty());
        if store.table.stamp() != self.store.table.stamp() {
            cluster.seen.note(Sight::GrantLost);
        }
        // A fail-over or a restore takes longer than a tick.
        self.tick();
        self.store = store;
        self.unnoticed = true;
        self.history += 1;
        self.left.disasters -= 1;
    }

    pub(super) fn set_back(&mut self) {
        self.behind += SET_BACK;
        self.left.set_backs -= 1;
    }

    pub(super) fn may_set_back(&self) -> bool {
        // A dump of a time that the clock comes to again may repeat fences: an assumption of the page.
        self.left.set_backs > 0 && self.history == 0 && self.behind == 0
    }

    pub(super) fn may_lose(&self) -> bool {
        self.left.disasters > 0 && self.behind == 0
    }

    /// The process ends, and its node starts again; what was on its way may arrive after its end.
    fn restart(&mut self, at: usize, late: Option<Step>, cluster: &Cluster) {
        let before = &self.processes[at];
        let (home, commit) = (before.home, before.commit);
        let name: usize = before.node.name().as_str()["node-".len()..].parse().unwrap();
        let new = cluster.start(name, home, self.incarnations);
        self.processes[at] = Process { late, commit, ..new };
        self.incarnations += 1;
    }

    pub(super) fn crash(&mut self, at: usize, cluster: &Cluster) {
        let before = &mut self.processes[at];
        let late = before.request.take().map(|(_, step)| step).or(before.late.take());
        self.restart(at, late, cluster);
        self.left.crashes -= 1;
    }

    pub(super) fn drain(&mut self, at: usize) {
        self.processes[at].node.want(Want::Nothing);
        self.processes[at].serves = false;
        self.left.leaves -= 1;
    }

    pub(super) fn leave(&mut self, at: usize, cluster: &Cluster) {
        let fresh = Generation(u128::from(self.now) + at as u128);
        let busy = self.busy(at, cluster);
        let step = self.processes[at].node.leave(&|shard| busy[usize::from(shard.0)], fresh);
        if step.ttl > 0 {
            cluster.seen.note(Sight::LeftWhileWorking);
        }
        self.restart(at, Some(step), cluster);
        self.left.leaves -= 1;
    }

    pub(super) fn has_left(&self, at: usize) -> bool {
        !self.processes[at].serves
    }

    /// Another process begins under the name of one that may live; or a command, which wants a shard.
    pub(super) fn join(&mut self, like: Option<usize>, cluster: &Cluster) {
        let home = cluster.nodes;
        let mut new = cluster.start(like.unwrap_or(home), home, self.incarnations);
        if like.is_none() {
            new.node.want(Want::Named([shard(0)].into()));
            (new.serves, new.visits) = (false, true);
        }
        self.processes.push(new);
        self.incarnations += 1;
        self.left.joins -= 1;
    }

    /// When who comes first to a store that lost something knows nothing of it, the former owners need up
    /// to one lease to notice.
    fn is_excused(&self, cluster: &Cluster) -> bool {
        self.misled_at.is_some_and(|at| self.now < at + cluster.terms.ttl + cluster.lands)
    }

    /// At most one process may write in a shard.
    pub(super) fn has_one_writer(&self, cluster: &Cluster) -> bool {
        self.is_excused(cluster)
            || (0..cluster.shards).all(|of| {
                let may = |process: &&Process| {
                    let (fence, now) = (process.node.fence_of(shard(of)), process.clock(self.now));
                    fence.is_some_and(|it| process.node.may_write(shard(of), it, now))
                };
                self.processes.iter().filter(may).count() <= 1
            })
    }

    /// Nobody may begin in a shard while a write of another process, or of a cycle of its own that ended in
    /// the middle, is under way there.
    pub(super) fn waits_for_writes(&self, cluster: &Cluster) -> bool {
        self.is_excused(cluster)
            || self.flights.iter().all(|flight| {
                self.processes.iter().all(|process| {
                    let (of, now) = (flight.of, process.clock(self.now));
                    let waits =
                        || process.works(of).is_some() || !process.has_turn(of, now, cluster);
                    let own = process.number == flight.number;
                    (own && waits()) || process.node.may_start(shard(of), now).is_none()
                })
            })
    }

    pub(super) const fn has_no_fence_twice(&self) -> bool {
        !self.repeated
    }

    pub(super) const fn has_no_lost_update(&self) -> bool {
        !self.overwritten
    }

    /// After the end of all trouble each shard finds the owner that placement names, or a command.
    pub(super) fn heals(&self, cluster: &Cluster) -> bool {
        let mut world = self.clone();
        for process in &mut world.processes {
            (process.request, process.answer, process.late) = (None, None, None);
            (process.work, process.commit) = (vec![None; cluster.shards], None);
        }
        // Of two processes of one name the one that starts takes the other's place once more.
        for _ in 0..2 {
            for _ in 0..4 {
                world.tick();
            }
            for _ in 0..4 {
                world.beat_all(cluster);
            }
        }
        let serves = |it: &&Process| it.serves && !it.node.is_replaced();
        let mut serving: Vec<&NodeId> =
            world.processes.iter().filter(serves).map(|it| it.node.name()).collect();
        serving.sort();
        (0..cluster.shards).map(shard).all(|shard| {
            let owner = placement::owner_of(shard, &serving);
            let owns = |it: &&Process| it.node.may_start(shard, it.clock(world.now)).is_some();
            let owners: Vec<_> = world.processes.iter().filter(owns).collect();
            match owners.as_slice() {
                [] => owner.is_none(),
                [one] => one.visits || Some(one.node.name()) == owner,
                [_, _, ..] => false,
            }
        })
    }
}
