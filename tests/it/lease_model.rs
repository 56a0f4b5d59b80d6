//! Model checking of ownership: three nodes, two shards, and all that can go wrong between them and
//! the store. The transitions are the functions that production runs: `shards::table` answers,
//! `shards::node` asks and decides, `shards::guard` lets commits pass.
//!
//! `LOCKSTEP_MODEL_STATES` says how many states are looked at (40,000 by default, seconds), breadth
//! first; `LOCKSTEP_MODEL_RUNS` how many states random runs visit (`LOCKSTEP_SEED` which).

use lockstep::domain::ids::Fence;
use lockstep::shards::guard::{Guard, Refusal};
use lockstep::shards::node::{Node, Terms};
use lockstep::shards::placement;
use lockstep::shards::table::{Answer, Card, Step, Table};
use lockstep::shards::{Generation, Incarnation, NodeId, Shard};
use stateright::{Checker, Model, Property, UniformChooser};

const NODES: usize = 3;
const SHARDS: usize = 2;
/// One tick of time, in milliseconds: longer than fences can run ahead of the clock.
const TICK: u64 = 1_000;
const TERMS: Terms = Terms { ttl: 3 * TICK, safety: TICK, write: TICK };

/// How often each kind of trouble may strike in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Left {
    ticks: u8,
    crashes: u8,
    pauses: u8,
    losses: u8,
    disasters: u8,
    works: u8,
}

/// One process and what is on its way from and to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Process {
    node: Node,
    paused: bool,
    request: Option<(u64, Step)>,
    answer: Option<(u64, Step, Answer)>,
    /// A request that was given up and may arrive yet.
    late: Option<Step>,
    /// The claims of the cycles that run.
    work: [Option<(Fence, u64)>; SHARDS],
    /// A commit on its way.
    commit: Option<(usize, Fence, u64)>,
}

/// What the store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Store {
    table: Table,
    mailboxes: [Guard; SHARDS],
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    now: u64,
    store: Store,
    /// What a server that loses its last writes comes back with.
    saved: Option<Store>,
    processes: Vec<Process>,
    incarnations: u128,
    left: Left,
    /// When the store lost something last.
    lost_at: Option<u64>,
    /// The greatest fence that each shard was granted under, lost ones included.
    granted: [u64; SHARDS],
    /// The greatest fence that claimed each mailbox, as far as the store knows.
    claimed: [u64; SHARDS],
    repeated: bool,
    stale: bool,
    committed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Act {
    Tick,
    Ask(usize),
    Execute(usize),
    Deliver(usize),
    /// The process gives up waiting; its request is lost, or arrives later.
    GiveUp(usize),
    Arrive(usize),
    Crash(usize),
    Pause(usize),
    Resume(usize),
    Begin(usize, usize),
    Send(usize, usize),
    Apply(usize),
    Save,
    /// Back to what was saved.
    Restore,
    /// `FLUSHALL`.
    Flush,
}

struct Cluster;

fn name(at: usize) -> NodeId {
    NodeId::new(&format!("node-{at}"))
}

fn start(at: usize, incarnation: u128) -> Process {
    let shards = u16::try_from(SHARDS).unwrap();
    Process {
        node: Node::new(name(at), Incarnation(incarnation), Card::default(), TERMS, shards),
        paused: false,
        request: None,
        answer: None,
        late: None,
        work: [None; SHARDS],
        commit: None,
    }
}

fn shard(at: usize) -> Shard {
    Shard(u16::try_from(at).unwrap())
}

impl World {
    fn new() -> Self {
        let left = Left { ticks: 6, crashes: 1, pauses: 1, losses: 2, disasters: 1, works: 3 };
        Self {
            now: TICK,
            store: Store::default(),
            saved: None,
            processes: (0..NODES).map(|at| start(at, at as u128)).collect(),
            incarnations: NODES as u128,
            left,
            lost_at: None,
            granted: [0; SHARDS],
            claimed: [0; SHARDS],
            repeated: false,
            stale: false,
            committed: false,
        }
    }

    /// Three nodes that have found their shares.
    fn settled() -> Self {
        let mut world = Self::new();
        for _ in 0..3 {
            for at in 0..NODES {
                world.ask(at);
                world.execute(at);
                world.deliver(at);
            }
        }
        world
    }

    fn ask(&mut self, at: usize) {
        let fresh = Generation(u128::from(self.now) + at as u128);
        let process = &mut self.processes[at];
        let (work, commit) = (process.work, process.commit);
        let busy = |shard: Shard| {
            let at = usize::from(shard.0);
            work[at].is_some() || commit.is_some_and(|(of, ..)| of == at)
        };
        process.request = Some((self.now, process.node.next(&busy, fresh)));
    }

    fn step(&mut self, step: &Step) -> Answer {
        let before = self.store.table.stamp();
        let answer = self.store.table.step(step, self.now);
        if answer.stamp != before {
            for (at, top) in self.granted.iter_mut().enumerate() {
                let holding = answer.shards.as_ref().and_then(|all| all.get(&shard(at)));
                let fence = holding.map_or(0, |holding| holding.fence.0);
                if fence == answer.stamp {
                    self.repeated |= fence <= *top;
                    *top = fence;
                }
            }
        }
        answer
    }

    fn execute(&mut self, at: usize) {
        if let Some((asked, step)) = self.processes[at].request.take() {
            let answer = self.step(&step);
            self.processes[at].answer = Some((asked, step, answer));
        }
    }

    fn deliver(&mut self, at: usize) {
        let process = &mut self.processes[at];
        if let Some((asked, step, answer)) = process.answer.take() {
            process.node.answered(asked, &step, answer);
        }
    }

    fn begin(&mut self, at: usize, of: usize) {
        let process = &mut self.processes[at];
        let Some(fence) = process.node.may_start(shard(of), self.now) else { return };
        match self.store.mailboxes[of].claim(fence) {
            Ok(seq) => {
                process.work[of] = Some((fence, seq));
                self.claimed[of] = self.claimed[of].max(fence.0);
            }
            Err(Refusal::Stale | Refusal::Moved) => process.node.doubt(shard(of), fence),
        }
    }

    /// A cycle sends its commit, or leaves when it may not write any more.
    fn send(&mut self, at: usize, of: usize) {
        let process = &mut self.processes[at];
        let Some((fence, seq)) = process.work[of].take() else { return };
        if process.node.may_write(shard(of), fence, self.now) {
            process.commit = Some((of, fence, seq));
        }
    }

    fn apply(&mut self, at: usize) {
        let Some((of, fence, seq)) = self.processes[at].commit.take() else { return };
        if self.store.mailboxes[of].commit(fence, seq).is_ok() {
            self.committed = true;
            self.stale |= fence.0 < self.claimed[of];
        }
    }

    fn lose(&mut self, store: Store) {
        // A fail-over or a restore takes longer than a tick.
        self.now += TICK;
        self.claimed = store.mailboxes.clone().map(|mailbox| mailbox.fence.map_or(0, |it| it.0));
        self.store = store;
        self.lost_at = Some(self.now);
        self.left.disasters -= 1;
    }

    fn crash(&mut self, at: usize) {
        // What was on its way may arrive after the end of its sender.
        let before = &mut self.processes[at];
        let late = before.request.take().map(|(_, step)| step).or(before.late.take());
        let commit = before.commit.take();
        self.processes[at] = Process { late, commit, ..start(at, self.incarnations) };
        self.incarnations += 1;
        self.left.crashes -= 1;
    }

    /// Two processes may write one shard at this moment.
    fn is_shared(&self) -> bool {
        (0..SHARDS).any(|of| {
            let may = |process: &&Process| {
                let fence = process.node.fence_of(shard(of));
                fence.is_some_and(|it| process.node.may_write(shard(of), it, self.now))
            };
            self.processes.iter().filter(may).count() > 1
        })
    }

    /// After the end of all trouble each shard finds the owner that placement names.
    fn heals(&self) -> bool {
        let mut world = self.clone();
        world.now += TERMS.ttl + TICK;
        for process in &mut world.processes {
            (process.request, process.answer, process.late) = (None, None, None);
            (process.work, process.commit) = ([None; SHARDS], None);
        }
        for _ in 0..4 {
            for at in 0..NODES {
                world.ask(at);
                world.execute(at);
                world.deliver(at);
            }
        }
        let names: Vec<NodeId> = (0..NODES).map(name).collect();
        let serving: Vec<&NodeId> = names.iter().collect();
        (0..SHARDS).map(shard).all(|shard| {
            let owner = placement::owner_of(shard, &serving);
            let owns = |it: &&Process| it.node.may_start(shard, world.now).is_some();
            let owners: Vec<_> = world.processes.iter().filter(owns).collect();
            owners.len() == 1 && Some(owners[0].node.name()) == owner
        })
    }
}

impl Model for Cluster {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        vec![World::settled(), World::new()]
    }

    fn actions(&self, world: &World, acts: &mut Vec<Act>) {
        let left = world.left;
        if left.ticks > 0 {
            acts.push(Act::Tick);
        }
        for (at, process) in world.processes.iter().enumerate() {
            let waits = process.request.is_some() || process.answer.is_some();
            if process.request.is_some() {
                acts.push(Act::Execute(at));
            }
            if process.late.is_some() {
                acts.push(Act::Arrive(at));
            }
            if process.commit.is_some() {
                acts.push(Act::Apply(at));
            }
            if left.crashes > 0 {
                acts.push(Act::Crash(at));
            }
            if process.paused {
                acts.push(Act::Resume(at));
                continue;
            }
            // Each act changes something: the checker could not retrace a run with idle ones.
            if process.answer.is_some() {
                acts.push(Act::Deliver(at));
            } else if !waits {
                acts.push(Act::Ask(at));
            }
            if waits && left.losses > 0 {
                acts.push(Act::GiveUp(at));
            }
            if left.pauses > 0 {
                acts.push(Act::Pause(at));
            }
            for of in 0..SHARDS {
                if process.work[of].is_some() && process.commit.is_none() {
                    acts.push(Act::Send(at, of));
                } else if left.works > 0 && process.work[of].is_none() {
                    acts.push(Act::Begin(at, of));
                }
            }
        }
        if left.disasters > 0 {
            acts.push(if world.saved.is_none() { Act::Save } else { Act::Restore });
            acts.push(Act::Flush);
        }
    }

    fn next_state(&self, before: &World, act: Act) -> Option<World> {
        let mut world = before.clone();
        match act {
            Act::Tick => {
                world.now += TICK;
                world.left.ticks -= 1;
            }
            Act::Ask(at) => world.ask(at),
            Act::Execute(at) => world.execute(at),
            Act::Deliver(at) => world.deliver(at),
            Act::GiveUp(at) => {
                let process = &mut world.processes[at];
                process.answer = None;
                process.late = process.request.take().map(|(_, step)| step);
                world.left.losses -= 1;
            }
            Act::Arrive(at) => {
                if let Some(step) = world.processes[at].late.take() {
                    world.step(&step);
                }
            }
            Act::Crash(at) => world.crash(at),
            Act::Pause(at) => {
                world.processes[at].paused = true;
                world.left.pauses -= 1;
            }
            Act::Resume(at) => world.processes[at].paused = false,
            Act::Begin(at, of) => {
                world.begin(at, of);
                world.left.works -= 1;
            }
            Act::Send(at, of) => world.send(at, of),
            Act::Apply(at) => world.apply(at),
            Act::Save => world.saved = Some(world.store.clone()),
            Act::Restore => {
                let saved = world.saved.take()?;
                world.lose(saved);
            }
            Act::Flush => world.lose(Store::default()),
        }
        (world != *before).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("one writer", |_, world: &World| {
                // After a loss the former owners need up to one lease to notice.
                let lost = world.lost_at.is_some_and(|at| world.now < at + TERMS.ttl);
                lost || !world.is_shared()
            }),
            Property::always("no commit of an older fence", |_, world: &World| !world.stale),
            Property::always("no fence twice", |_, world: &World| !world.repeated),
            Property::always("quiet beats heal", |_, world: &World| world.heals()),
            Property::sometimes("a commit passes", |_, world: &World| world.committed),
            Property::sometimes("a shard moves", |_, world: &World| {
                let names: Vec<NodeId> = (0..NODES).map(name).collect();
                let serving: Vec<&NodeId> = names.iter().collect();
                world.lost_at.is_none()
                    && world.processes.iter().any(|process| {
                        process.node.owned().keys().any(|shard| {
                            placement::owner_of(*shard, &serving) != Some(process.node.name())
                        })
                    })
            }),
        ]
    }
}

fn bound(name: &str, default: usize) -> usize {
    let chosen = std::env::vars().find(|(key, _)| key == name);
    chosen.and_then(|(_, value)| value.parse().ok()).unwrap_or(default)
}

/// No run that was looked at breaks a promise.
fn assert_kept(checked: &impl Checker<Cluster>) {
    let promises =
        ["one writer", "no commit of an older fence", "no fence twice", "quiet beats heal"];
    for promise in promises {
        if let Some(path) = checked.discovery(promise) {
            panic!("{promise}: {path}");
        }
    }
}

#[test]
fn every_short_run_of_the_cluster_keeps_its_promises() {
    // Breadth first: all that can happen in the first steps, in every order.
    let states = bound("LOCKSTEP_MODEL_STATES", 40_000);
    let checked = Cluster.checker().threads(2).target_state_count(states).spawn_bfs().join();
    assert!(checked.unique_state_count() * 4 > states, "{}", checked.unique_state_count());
    assert_kept(&checked);
    assert!(checked.discovery("a commit passes").is_some());
}

#[test]
fn long_runs_of_the_cluster_keep_its_promises() {
    // Random runs reach what lies behind many steps: expiry, take-over, late arrivals, losses.
    let seed = bound("LOCKSTEP_SEED", 1) as u64;
    let states = bound("LOCKSTEP_MODEL_RUNS", 40_000);
    let model = Cluster.checker().target_state_count(states);
    let checked = model.spawn_simulation(seed, UniformChooser).join();
    assert_kept(&checked);
    assert!(checked.discovery("a commit passes").is_some());
    assert!(checked.discovery("a shard moves").is_some());
}
