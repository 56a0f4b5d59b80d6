//! Model checking of ownership: nodes, shards, and all that can go wrong between them, the store and the
//! far sides. The transitions are the functions that production runs: `shards::table` answers,
//! `shards::node` asks and decides, `shards::guard` lets commits pass.
//!
//! Small clusters, up to three nodes with two shards, are looked at to their end, one trouble at a time and for a
//! few ticks; a larger one breadth first, and random runs go far into it. `LOCKSTEP_MODEL_STATES` says how many
//! states are looked at breadth first, `LOCKSTEP_MODEL_RUNS` how many random runs are made, `LOCKSTEP_SEED`
//! which. With one test selected, `LOCKSTEP_MODEL_TICKS` adds ticks to what is looked at to its end, and
//! `LOCKSTEP_MODEL_MOST` says how many states that may have (1,000,000 take a gigabyte or so).

mod memory;
mod world;

use lockstep::shards::node::Terms;
use stateright::{Checker, Model, Property};

use self::world::{Cluster, Left, Sight, TERMS, TICK, World};

/// The promises, by name.
type Promise = (&'static str, fn(&Cluster, &World) -> bool);
const PROMISES: [Promise; 6] = [
    ("one writer", |cluster, world| world.has_one_writer(cluster)),
    ("nobody begins before the last write landed", |cluster, world| {
        world.waits_for_writes(cluster)
    }),
    ("nothing is sent on top of an old state", |_, world| world.sends_on_the_newest()),
    ("no lost update", |_, world| world.has_no_lost_update()),
    ("no fence twice", |_, world| world.has_no_fence_twice()),
    ("quiet beats heal", |cluster, world| world.heals(cluster)),
];
/// The last one costs as much as a hundred acts; random runs keep it at their ends and now and then.
const COSTLY: &str = "quiet beats heal";
/// Acts in one random run, for each node.
const LENGTH: usize = 50;

/// What may happen in random runs: enough of everything to meet in one run.
const MUCH: Left = Left {
    ticks: 14,
    beats: 0,
    crashes: 1,
    pauses: 2,
    losses: 4,
    disasters: 1,
    works: 8,
    cuts: 2,
    leaves: 2,
    joins: 1,
    set_backs: 1,
};

/// The same while the store loses nothing: a loss excuses much for the length of a lease.
const CALM: Left = Left {
    ticks: 10,
    beats: 0,
    crashes: 1,
    pauses: 1,
    losses: 1,
    works: 4,
    cuts: 2,
    leaves: 1,
    disasters: 0,
    joins: 0,
    set_backs: 0,
};

/// What an ordinary run of a few ticks may hold.
const FEW: Left = Left {
    ticks: 3,
    works: 1,
    beats: 0,
    crashes: 0,
    pauses: 0,
    losses: 0,
    disasters: 0,
    cuts: 0,
    leaves: 0,
    joins: 0,
    set_backs: 0,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Act {
    Tick,
    /// All of the next three at once.
    Beat(usize),
    Ask(usize),
    Execute(usize),
    Deliver(usize),
    /// The process gives up waiting; its request is lost, or arrives later.
    GiveUp(usize),
    Arrive(usize),
    Crash(usize),
    Pause(usize),
    Resume(usize),
    Enter(usize, usize),
    Claim(usize, usize),
    /// Instead of a claim: it remembers what it stored last.
    Recall(usize, usize),
    /// It stores what it is about to send, and so learns whether it remembers the newest state.
    Mark(usize, usize),
    Write(usize, usize),
    Send(usize, usize),
    /// A cycle ends in the middle: cut off, stuck, or by a panic.
    Cut(usize, usize),
    Apply(usize),
    Drain(usize),
    Leave(usize),
    /// Another process of the node's name begins.
    Replace(usize),
    /// A command begins.
    Visit,
    SetBack,
    Save,
    /// Back to what was saved.
    Restore,
    /// `FLUSHALL`.
    Flush,
}

impl Act {
    /// It belongs to the ordinary course of things.
    const fn is_ordinary(self) -> bool {
        match self {
            Self::Beat(_)
            | Self::Ask(_)
            | Self::Execute(_)
            | Self::Deliver(_)
            | Self::Enter(..)
            | Self::Claim(..)
            | Self::Recall(..)
            | Self::Mark(..)
            | Self::Write(..)
            | Self::Send(..)
            | Self::Apply(_) => true,
            Self::Tick
            | Self::GiveUp(_)
            | Self::Arrive(_)
            | Self::Crash(_)
            | Self::Pause(_)
            | Self::Resume(_)
            | Self::Cut(..)
            | Self::Drain(_)
            | Self::Leave(_)
            | Self::Replace(_)
            | Self::Visit
            | Self::SetBack
            | Self::Save
            | Self::Restore
            | Self::Flush => false,
        }
    }
}

impl Cluster {
    /// What a process may do by itself.
    fn acts_of(&self, world: &World, at: usize, acts: &mut Vec<Act>) {
        let (left, process) = (world.left, &world.processes[at]);
        // Each act changes something: the checker could not retrace a run with idle ones.
        let waits = process.request.is_some() || process.answer.is_some();
        if process.answer.is_some() {
            acts.push(Act::Deliver(at));
        } else if !waits {
            if self.swift && (!self.counts() || left.beats > 0) {
                acts.push(Act::Beat(at));
            }
            // What is to be lost or late must be on its way for a while.
            if !self.swift || left.losses > 0 {
                acts.push(Act::Ask(at));
            }
        }
        if waits && left.losses > 0 {
            acts.push(Act::GiveUp(at));
        }
        if left.pauses > 0 {
            acts.push(Act::Pause(at));
        }
        if left.leaves > 0 {
            acts.push(Act::Leave(at));
            if !world.has_left(at) {
                acts.push(Act::Drain(at));
            }
        }
        if left.joins > 0 {
            acts.push(Act::Replace(at));
        }
        for of in 0..self.shards {
            match process.works(of) {
                None if left.works > 0 => acts.push(Act::Enter(at, of)),
                None => {}
                Some(false) => {
                    acts.push(Act::Claim(at, of));
                    if process.recalls(of).is_some() {
                        acts.push(Act::Recall(at, of));
                    }
                }
                Some(true) => {
                    acts.push(Act::Write(at, of));
                    if process.commit.is_none() {
                        acts.extend([Act::Send(at, of), Act::Mark(at, of)]);
                    }
                }
            }
            if left.cuts > 0 && process.works(of).is_some() {
                acts.push(Act::Cut(at, of));
            }
        }
    }
}

impl Model for Cluster {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        vec![self.settled()]
    }

    fn actions(&self, world: &World, acts: &mut Vec<Act>) {
        let left = world.left;
        if left.ticks > 0 {
            acts.push(Act::Tick);
        }
        for (at, process) in world.processes.iter().enumerate() {
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
            } else {
                self.acts_of(world, at, acts);
            }
        }
        if left.joins > 0 {
            acts.push(Act::Visit);
        }
        if world.may_set_back() {
            acts.push(Act::SetBack);
        }
        if world.may_lose() {
            acts.push(if world.saved.is_none() { Act::Save } else { Act::Restore });
            acts.push(Act::Flush);
        }
    }

    fn next_state(&self, before: &World, act: Act) -> Option<World> {
        let mut world = before.clone();
        match act {
            Act::Tick => {
                world.tick();
                world.left.ticks -= 1;
            }
            Act::Beat(at) => {
                world.beat(at, self);
                world.left.beats = world.left.beats.saturating_sub(u8::from(self.counts()));
            }
            Act::Ask(at) => world.ask(at, self),
            Act::Execute(at) => world.execute(at, self),
            Act::Deliver(at) => world.deliver(at),
            Act::GiveUp(at) => world.give_up(at),
            Act::Arrive(at) => world.arrive(at, self),
            Act::Crash(at) => world.crash(at, self),
            Act::Pause(at) => {
                world.processes[at].paused = true;
                world.left.pauses -= 1;
            }
            Act::Resume(at) => world.processes[at].paused = false,
            Act::Enter(at, of) => world.enter(at, of, self),
            Act::Claim(at, of) => world.claim(at, of),
            Act::Recall(at, of) => world.recall(at, of),
            Act::Mark(at, of) => world.mark(at, of),
            Act::Write(at, of) => world.write(at, of, self),
            Act::Send(at, of) => world.send(at, of, self),
            Act::Cut(at, of) => {
                world.cut(at, of, self);
                world.left.cuts -= 1;
            }
            Act::Apply(at) => world.apply(at, self),
            Act::Drain(at) => world.drain(at),
            Act::Leave(at) => world.leave(at, self),
            Act::Replace(at) => world.join(Some(at), self),
            Act::Visit => world.join(None, self),
            Act::SetBack => world.set_back(),
            Act::Save => world.save(),
            Act::Restore => {
                let saved = Some(world.saved.take()?);
                world.lose(saved, self);
            }
            Act::Flush => world.lose(None, self),
        }
        (world != *before).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let promises = PROMISES.iter().filter(|(name, _)| self.heals || *name != COSTLY);
        promises.map(|(name, kept)| Property::always(name, *kept)).collect()
    }
}

/// Makes a random run; returns the broken promise and what led to it.
fn run(cluster: &Cluster, random: &mut fastrand::Rng) -> Option<(&'static str, Vec<Act>)> {
    let mut world = if random.u8(..) < 64 { cluster.cold() } else { cluster.settled() };
    let mut run = Vec::new();
    for number in 1..=LENGTH * cluster.nodes {
        let mut acts = Vec::new();
        cluster.actions(&world, &mut acts);
        // Trouble strikes now and then, so that there is something to strike.
        let ordinary = random.u8(..) < 205;
        let some: Vec<Act> =
            acts.iter().copied().filter(|act| act.is_ordinary() == ordinary).collect();
        let Some(act) = random.choice(if some.is_empty() { &acts } else { &some }).copied() else {
            break;
        };
        let Some(next) = cluster.next_state(&world, act) else { continue };
        world = next;
        run.push(act);
        let looks = number == LENGTH * cluster.nodes || random.u8(..) < 4;
        let kept = PROMISES.iter().filter(|(name, _)| *name != COSTLY || looks);
        if let Some((name, _)) = kept.clone().find(|(_, kept)| !kept(cluster, &world)) {
            return Some((name, run));
        }
    }
    None
}

/// Makes so many random runs; returns the first that breaks a promise.
fn runs(cluster: &Cluster, count: usize, seed: u64) -> Option<(&'static str, Vec<Act>)> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..count).find_map(|_| run(cluster, &mut random))
}

fn bound(name: &str, default: usize) -> usize {
    let chosen = std::env::vars().find(|(key, _)| key == name);
    chosen.and_then(|(_, value)| value.parse().ok()).unwrap_or(default)
}

/// No run that was looked at breaks a promise.
fn assert_kept(checked: &impl Checker<Cluster>) {
    for (promise, _) in PROMISES {
        if let Some(path) = checked.discovery(promise) {
            panic!("{promise}: {path}");
        }
    }
}

/// Looks at all that can happen, in every order, to the end.
fn exhaust(cluster: &Cluster) {
    let most = bound("LOCKSTEP_MODEL_MOST", 2_500_000);
    let mut cluster = cluster.clone();
    cluster.left.ticks += u8::try_from(bound("LOCKSTEP_MODEL_TICKS", 0)).unwrap();
    let left = cluster.left;
    let checked = cluster.checker().threads(2).target_state_count(most).spawn_bfs().join();
    assert_kept(&checked);
    let (states, unique) = (checked.state_count(), checked.unique_state_count());
    assert!(states < most, "not looked at to its end: {left:?}");
    println!("{states} states, {unique} of them different, with {left:?}");
}

#[test]
fn every_run_of_a_small_cluster_keeps_its_promises() {
    // Two nodes share a shard; each message and each beat in every order.
    exhaust(&Cluster { heals: false, ..Cluster::new(2, 1, FEW) });
}

#[test]
fn every_trouble_of_a_small_cluster_keeps_its_promises() {
    // The same with steps that are carried out at once, and with trouble of each kind.
    // A second cycle may begin from what the first one stored.
    let two = Left { works: 2, ..FEW };
    for left in [
        Left { cuts: 1, ..two },
        Left { crashes: 1, ..two },
        Left { pauses: 1, ..two },
        Left { set_backs: 1, ..two },
        Left { leaves: 1, ..FEW },
        Left { losses: 1, ..FEW },
        Left { ticks: 2, joins: 1, ..FEW },
        Left { beats: 4, disasters: 1, ..FEW },
    ] {
        exhaust(&Cluster { heals: false, swift: true, ..Cluster::new(2, 1, left) });
    }
}

#[test]
fn every_trouble_of_two_shards_keeps_its_promises() {
    // Two nodes that share two: what one of them loses in one must not be written by it in the other.
    for left in [
        Left { ticks: 4, cuts: 1, ..FEW },
        Left { leaves: 1, ..FEW },
        Left { crashes: 1, ..FEW },
        Left { pauses: 1, ..FEW },
        Left { set_backs: 1, ..FEW },
        Left { ticks: 2, joins: 1, ..FEW },
    ] {
        exhaust(&Cluster { heals: false, swift: true, ..Cluster::new(2, 2, left) });
    }
}

#[test]
fn every_trouble_of_three_nodes_keeps_its_promises() {
    // Two heirs want what the third one loses.
    for left in [
        Left { crashes: 1, ..FEW },
        Left { pauses: 1, ..FEW },
        Left { set_backs: 1, ..FEW },
        Left { cuts: 1, ..FEW },
    ] {
        exhaust(&Cluster { heals: false, swift: true, ..Cluster::new(3, 1, left) });
    }
}

/// Looks at three nodes with two shards to the end of a trouble, which must lead to some places.
fn exhaust_three_and_two(left: Left, places: &[Sight]) {
    let cluster = Cluster { heals: false, swift: true, ..Cluster::new(3, 2, left) };
    exhaust(&cluster);
    let missed: Vec<_> = places.iter().filter(|place| cluster.seen.count(**place) == 0).collect();
    assert!(missed.is_empty(), "{missed:?} with {left:?}");
}

#[test]
fn every_crash_and_pause_of_three_nodes_and_two_shards_keeps_its_promises() {
    // Until their leases have ended, and two heirs share two shards anew.
    let places = [Sight::TakenWhileWorking, Sight::WaitedForWrite, Sight::CutOffInDoubt];
    exhaust_three_and_two(Left { crashes: 1, ..FEW }, &places);
    exhaust_three_and_two(Left { pauses: 1, ..FEW }, &places);
}

#[test]
fn every_change_of_three_nodes_and_two_shards_keeps_its_promises() {
    // Who comes meets those who are there: two ticks are too few for a shard to be his.
    exhaust_three_and_two(Left { set_backs: 1, ..FEW }, &[Sight::StepAfterSetBack]);
    exhaust_three_and_two(Left { cuts: 1, ..FEW }, &[Sight::TakenWhileWorking]);
    exhaust_three_and_two(Left { ticks: 1, leaves: 1, ..FEW }, &[Sight::LeftWhileWorking]);
    exhaust_three_and_two(Left { ticks: 1, joins: 1, ..FEW }, &[Sight::RefusedByName]);
}

#[test]
fn every_loss_of_three_nodes_and_two_shards_keeps_its_promises() {
    // A store that loses what it was told, and grants nothing to anybody who might take what is another's.
    let lost = [Sight::GrantLost, Sight::LossNoticed];
    exhaust_three_and_two(Left { ticks: 1, beats: 4, disasters: 1, ..FEW }, &lost);
}

#[test]
fn every_short_run_of_the_cluster_keeps_its_promises() {
    // Breadth first: all that can happen in the first steps of a larger one, in every order.
    let states = bound("LOCKSTEP_MODEL_STATES", 20_000);
    let cluster = Cluster::new(3, 2, MUCH);
    let checked = cluster.checker().threads(2).target_state_count(states).spawn_bfs().join();
    assert!(checked.unique_state_count() * 4 > states, "{}", checked.unique_state_count());
    assert_kept(&checked);
}

#[test]
fn long_runs_of_the_cluster_keep_its_promises() {
    // Random runs reach what lies behind many steps, and every place that is worth a look.
    let (count, seed) = (bound("LOCKSTEP_MODEL_RUNS", 500), bound("LOCKSTEP_SEED", 1) as u64);
    let large = Cluster::new(3, 2, MUCH);
    let small = Cluster { seen: large.seen.clone(), ..Cluster::new(2, 1, CALM) };
    for cluster in [&large, &small] {
        assert_eq!(runs(cluster, count, seed), None);
    }
    let counts = Sight::ALL.map(|sight| (sight, large.seen.count(sight)));
    let missed = counts.iter().any(|(sight, count)| *count == 0 && *sight != Sight::Stale);
    assert!(!missed, "{counts:?}");
}

#[test]
fn a_commit_that_was_held_up_beyond_the_lease_is_refused() {
    // Random runs hardly come there: it is on its way while its shard finds another owner.
    let cluster = Cluster::new(2, 1, CALM);
    let mut world = cluster.settled();
    let owns = |at: &usize| cluster.next_state(&world, Act::Enter(*at, 0)).is_some();
    let owner = (0..2).find(owns).unwrap();
    let of_owner = [Act::Enter(owner, 0), Act::Claim(owner, 0), Act::Send(owner, 0)];
    let heir = 1 - owner;
    let of_heir = [Act::Beat(heir), Act::Beat(heir), Act::Enter(heir, 0), Act::Claim(heir, 0)];
    let wait = [Act::Pause(owner), Act::Tick, Act::Tick, Act::Tick, Act::Tick];
    for act in of_owner.into_iter().chain(wait).chain(of_heir).chain([Act::Apply(owner)]) {
        world = cluster.next_state(&world, act).unwrap_or_else(|| panic!("{act:?}"));
    }
    assert_eq!(cluster.seen.count(Sight::Stale), 1);
}

#[test]
fn a_broken_protocol_is_found_out() {
    // The promises can fail: each margin is needed, and so is waiting for what runs.
    let whole = Cluster::new(2, 1, CALM);
    let found = |cluster: Cluster| runs(&cluster, 20_000, 1).map(|(promise, _)| promise);
    let terms = |terms: Terms| found(Cluster { terms, ..whole.clone() });
    // A clock that runs a fifth late believes in a lease that has ended.
    let old = Some("nothing is sent on top of an old state");
    let late_clock = terms(Terms { safety: 0, ..TERMS });
    assert!(late_clock == Some("one writer") || late_clock == old, "{late_clock:?}");
    let late = Some("nobody begins before the last write landed");
    assert_eq!(terms(Terms { write: TERMS.safety, ..TERMS }), late);
    assert_eq!(found(Cluster { lands: 2 * TICK, ..whole.clone() }), late);
    assert_eq!(found(Cluster { gives_busy: true, ..whole.clone() }), late);
    // A cycle follows one that panicked at once.
    assert_eq!(found(Cluster { hurries: true, ..whole.clone() }), late);
    // What a process remembers counts without the word of a store that may have lost it.
    let left = Left { disasters: 1, ..CALM };
    assert_eq!(found(Cluster { believes: true, left, ..whole.clone() }), old);
    let both = found(Cluster { never_closes: true, left, ..whole.clone() });
    assert!(both == late || both == Some("one writer"), "{both:?}");
}

#[test]
fn a_late_step_takes_no_shard_from_under_what_was_sent() {
    // A step that was given up arrives when its node works in the shard, and puts it under another fence: the
    // node must not give that back, as if nobody worked there, while its write is on its way.
    let left = Left { losses: 1, ..FEW };
    let cluster = Cluster { swift: true, ..Cluster::new(2, 1, left) };
    let mut world = cluster.settled();
    let late =
        [Act::Tick, Act::Ask(0), Act::Tick, Act::Tick, Act::Beat(1), Act::Ask(1), Act::GiveUp(1)];
    let works = [Act::Beat(1), Act::Execute(0), Act::Deliver(0), Act::Enter(1, 0), Act::Beat(1)];
    let sends = [Act::Arrive(1), Act::Claim(1, 0), Act::Write(1, 0)];
    for act in late.into_iter().chain(works).chain(sends) {
        world = cluster.next_state(&world, act).unwrap_or_else(|| panic!("{act:?}"));
    }
    for act in [Act::Beat(1), Act::Beat(1), Act::Beat(0), Act::Beat(1), Act::Beat(0)] {
        world = cluster.next_state(&world, act).unwrap_or(world);
        assert!(world.waits_for_writes(&cluster), "{act:?}");
    }
}
