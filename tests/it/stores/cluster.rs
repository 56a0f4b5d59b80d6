//! The cluster's table behind the port: every store must say what `shards::table` says.

use std::collections::BTreeMap;
use std::time::Duration;

use lockstep::domain::ids::Fence;
use lockstep::ports::lease::LeaseStore;
use lockstep::shards::table::{Card, Holding, Mark, Role, Step, Table};
use lockstep::shards::{Generation, Incarnation, NodeId, Shard};

use super::Bench;

/// Steps of one walk: enough for each combination of a few members and shards.
const STEPS: usize = 400;
/// One in so many tells of a loss.
const CLOSING: usize = 80;
/// A membership that no test outlives, in milliseconds.
const LONG: u64 = 3_600_000;

/// Returns a step of a process that wants some shards.
pub(super) fn step(number: u128, take: &[u16]) -> Step {
    Step {
        node: NodeId::new(&format!("host-{number}:8080")),
        incarnation: Incarnation(number),
        first: false,
        role: Role::Serving,
        card: Card { address: "127.0.0.1:8080".to_owned(), started: 7 },
        ttl: LONG,
        give: Vec::new(),
        take: take.iter().copied().map(Shard).collect(),
        known: 0,
        generation: Generation(u128::MAX - number),
        seen: None,
        pause: LONG,
    }
}

/// Waits until a new table grants something, and tells `table` the same.
pub(super) async fn open<B: Bench>(bench: &B, table: &mut Table) {
    let store = bench.store();
    loop {
        let nobody = Step { ttl: 0, ..step(99, &[]) };
        let answer = store.step(&nobody).await.unwrap();
        assert_eq!(answer, table.step(&nobody, answer.now));
        let Some(left) = answer.opens.checked_sub(answer.now).filter(|left| *left > 0) else {
            return;
        };
        bench.advance(Duration::from_millis(left));
        tokio::time::sleep(Duration::from_millis(left)).await;
    }
}

/// Draws a step of one of three nodes, each with three processes, over eight shards.
fn any_step(
    random: &mut fastrand::Rng,
    held: &BTreeMap<Shard, Holding>,
    stamp: u64,
    mark: Option<Mark>,
) -> Step {
    let who = random.u128(0..3);
    let some =
        |random: &mut fastrand::Rng| (0..8).filter(|_| random.u8(..) < 64).collect::<Vec<u16>>();
    let wrong = |random: &mut fastrand::Rng| Fence(random.u64(0..9));
    let give = some(random).into_iter().map(|shard| {
        let fence = held.get(&Shard(shard)).filter(|_| random.u8(..) < 200);
        (Shard(shard), fence.map_or_else(|| wrong(random), |holding| holding.fence))
    });
    let give = give.collect();
    let role = [Role::Serving, Role::Draining, Role::Visiting][random.usize(..3)];
    let address = if random.bool() { String::new() } else { "[::1]:8080".to_owned() };
    Step {
        incarnation: Incarnation(who * 3 + random.u128(0..3)),
        first: random.u8(..) < 32,
        role,
        card: Card { address, started: random.u64(..1 << 45) },
        ttl: [0, 1, 5, 40, LONG, LONG][random.usize(..6)],
        give,
        known: stamp.saturating_sub(random.u64(0..2)),
        seen: mark.filter(|_| random.u8(..) < 200),
        pause: random.u64(1..6),
        ..step(who, &some(random))
    }
}

pub(crate) async fn every_step_is_that_of_the_table<B: Bench>() {
    for seed in 1..=3 {
        let bench = B::start().await;
        let (store, mut table) = (bench.store(), bench.table());
        let (mut random, mut held, mut stamp) =
            (fastrand::Rng::with_seed(seed), BTreeMap::new(), 0);
        let (mut mark, mut closed) = (None, 0);
        open(&bench, &mut table).await;
        for number in 0..STEPS {
            bench.advance(Duration::from_millis(random.u64(0..3) * random.u64(0..20)));
            let mut step = any_step(&mut random, &held, stamp, mark);
            // Now and then one was told of what the store does not know.
            let later = [
                mark.map(|mark| Mark { steps: mark.steps + 1, ..mark }),
                mark.map(|mark| Mark { generation: Generation(1), ..mark }),
            ];
            if number % CLOSING == 0 {
                step.seen = later[random.usize(..2)];
            }
            let answer = store.step(&step).await.unwrap();
            let expected = table.step(&step, answer.now);
            assert_eq!(answer, expected, "seed {seed}, step {number}: {step:?}");
            (stamp, mark) = (answer.stamp, Some(answer.mark));
            closed += usize::from(answer.opens > answer.now);
            held = answer.shards.unwrap_or(held);
        }
        // What one process keeps for itself is never closed.
        assert!(closed < STEPS && (closed > 0) == (bench.table() != Table::default()), "{closed}");
    }
}

pub(crate) async fn fences_rise_over_a_restart<B: Bench>() {
    let mut bench = B::start().await;
    open(&bench, &mut bench.table()).await;
    let mut last = Fence(0);
    for round in 0..4u128 {
        // Each process takes the place of the one before, which nobody gave notice of.
        let incarnation = Incarnation(round);
        let first = Step { first: true, incarnation, ttl: 20, ..step(1, &[1, 2]) };
        let answer = loop {
            let answer = bench.store().step(&first).await.unwrap();
            let shards = answer.shards.as_ref().unwrap();
            if shards[&Shard(1)].incarnation == incarnation {
                break answer;
            }
            // The one before may live: its lease comes to its end first.
            bench.advance(Duration::from_millis(5));
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let shards = answer.shards.unwrap();
        let fence = shards[&Shard(1)].fence;
        assert!(answer.accepted && fence > last, "round {round}: {fence:?} after {last:?}");
        assert_eq!(shards[&Shard(2)], Holding { fence, node: first.node, incarnation });
        last = fence;
        bench.reopen().await;
    }
}

pub(crate) async fn one_of_many_gets_a_shard<B: Bench>() {
    let bench = B::start().await;
    open(&bench, &mut bench.table()).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let store = bench.store();
        tasks.spawn(async move {
            let shards = store.step(&step(number, &[7])).await.unwrap().shards.unwrap();
            shards[&Shard(7)].incarnation == Incarnation(number)
        });
    }
    let granted = tasks.join_all().await.into_iter().filter(|granted| *granted).count();
    assert_eq!(granted, 1);
}

suite! {
    "Whatever processes ask in whatever order, the answer is that of the table at that instant."
    every_step_is_that_of_the_table,
    "A fence that was told is never told again, also after a restart of the program."
    fences_rise_over_a_restart,
    "Of many who ask at once one gets the shard."
    one_of_many_gets_a_shard,
}
