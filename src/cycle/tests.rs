//! Tests of the cycle against port-level fakes.

mod chronicle;
pub(crate) mod fakes;
mod rest;
mod series;
mod tenure;
mod warm;

use self::fakes::{Fault, World, mailbox};
use super::*;
use crate::domain::code::Code;
use crate::domain::ids::Fence;
use crate::domain::link::LinkState;
use crate::domain::policy::Limits;
use crate::domain::side::Side;
use crate::ports::error::StoreError;
use crate::ports::links::{Claim, LinkStore, StateChange};

#[tokio::test]
async fn filt_02_a_first_row_is_created_and_then_all_is_quiet() {
    // One row becomes one item; the cycle after it writes neither to a side nor to the store.
    let world = World::new();
    world.dynamics.add("Call Anna");
    let report = world.cycle().await.unwrap();
    assert_eq!((report.done.dynamics, report.done.exchange), (0, 1));
    assert_eq!(world.exchange.subjects(), ["Call Anna"]);
    // The echo in the delta is at the version known; only its token is new.
    let before = world.commits();
    let quiet = world.cycle().await.unwrap();
    assert!(quiet.is_quiet());
    assert!(quiet.lines.is_empty());
    assert_eq!(world.commits(), before);
    assert_eq!(world.exchange.subjects(), ["Call Anna"]);
}

#[tokio::test]
async fn the_create_marker_is_stored_before_the_create_is_sent() {
    // A commit precedes each create, and the link it stores says that a create may be under way.
    let world = World::new();
    world.dynamics.add("Call Anna");
    world.exchange.add("Call Bert");
    world.cycle().await.unwrap();
    let log = world.log();
    let first = log.iter().position(|it| it.starts_with("create")).unwrap();
    let commit = log.iter().position(|it| it == "commit").unwrap();
    assert!(commit < first, "{log:?}");
    let commits = world.store.commits.lock().unwrap();
    let mut sides: Vec<_> = commits[0].put.iter().map(|link| link.state).collect();
    sides.sort_by_key(|state| *state == LinkState::Creating(Side::Exchange));
    let wanted = [LinkState::Creating(Side::Dynamics), LinkState::Creating(Side::Exchange)];
    assert_eq!(sides, wanted);
    assert!(commits[0].cursors.is_none());
}

#[tokio::test]
async fn a_create_without_an_answer_makes_exactly_one_item() {
    // Whether it was done or not is found out by the marker before it is repeated.
    for fault in [Fault::UnknownDone, Fault::UnknownNotDone] {
        for from in Side::BOTH {
            let world = World::new();
            let (source, target) = match from {
                Side::Dynamics => (&world.dynamics, &world.exchange),
                Side::Exchange => (&world.exchange, &world.dynamics),
            };
            source.add("Call Anna");
            target.faults(&[fault]);
            let report = world.cycle().await.unwrap();
            assert_eq!(report.unsettled, 1, "{fault:?} from {from}");
            assert_eq!(report.lines[0].failed, Some(Code::ResultUnknown));
            world.log();
            world.settle().await;
            assert!(world.log().iter().any(|it| *it == format!("find {}", from.other())));
            assert_eq!(target.subjects(), ["Call Anna"], "{fault:?} from {from}");
            assert_eq!(source.subjects(), ["Call Anna"]);
            assert_eq!(world.state().await.links[0].state, LinkState::Agreed);
        }
    }
}

/// A mailbox in the middle of its life: of everything that may happen, one.
async fn busy() -> World {
    let world = World::new();
    let rows = ["changes here", "changes there", "goes here", "goes there", "stays"]
        .map(|subject| world.dynamics.add(subject));
    world.settle().await;
    let items = world.state().await.links;
    let item = |at: usize| {
        let link = items.iter().find(|link| link.native.dynamics.as_ref() == Some(&rows[at]));
        link.unwrap().native.exchange.clone().unwrap()
    };
    world.dynamics.add("new here");
    world.exchange.add("new there");
    world.dynamics.rename(&rows[0], "changed here");
    world.exchange.rename(&item(1), "changed there");
    world.dynamics.remove(&rows[2]);
    world.exchange.remove(&item(3));
    world
}

const SETTLED: [&str; 5] = ["changed here", "changed there", "new here", "new there", "stays"];

#[tokio::test]
async fn inv_1_a_crash_at_any_await_loses_and_doubles_nothing() {
    // Whatever the cycle was doing when it was dropped, the cycles after it bring both sides
    // together, with each item exactly once.
    let mut tick = 0;
    loop {
        let world = busy().await;
        world.script.crash_at(Some(tick));
        let ended = world.crashing().await;
        world.script.crash_at(None);
        world.settle().await;
        assert_eq!(world.dynamics.subjects(), SETTLED, "after a crash at await {tick}");
        assert_eq!(world.exchange.subjects(), SETTLED, "after a crash at await {tick}");
        assert_eq!(world.state().await.links.len(), SETTLED.len());
        if ended.is_some() {
            break;
        }
        tick += 1;
    }
    // Fewer awaits would mean that the cycle never came to its writes.
    assert!(tick > 15, "only {tick} awaits");
}

#[tokio::test]
async fn a_commit_that_fails_loses_nothing_and_moves_no_cursor() {
    // Cursors are stored with the last links: when any commit fails, they stand where they stood.
    for number in 0..3 {
        let world = busy().await;
        let before = world.state().await.cursors;
        *world.store.fail_in.lock().unwrap() = Some(number);
        let ended = world.cycle().await;
        let reached = matches!(ended, Err(CycleEnd::Store(StoreError::Unavailable(_))));
        // Marker, then links with the cursors: the third commit is never asked for.
        assert_eq!(reached, number < 2, "commit {number}");
        if reached {
            assert_eq!(world.state().await.cursors, before, "commit {number}");
        }
        *world.store.fail_in.lock().unwrap() = None;
        world.settle().await;
        assert_eq!(world.dynamics.subjects(), SETTLED, "commit {number}");
        assert_eq!(world.exchange.subjects(), SETTLED, "commit {number}");
    }
}

#[tokio::test]
async fn many_items_are_committed_in_slices() {
    // A failure in a later slice keeps what the earlier ones did, and nothing is done twice.
    let world = World::new();
    for number in 0..SLICE * 2 + 7 {
        world.dynamics.add(&format!("Task {number:03}"));
    }
    // Marker and links of the first slice, then the marker of the second.
    *world.store.fail_in.lock().unwrap() = Some(2);
    assert!(world.cycle().await.is_err());
    assert_eq!(world.exchange.subjects().len(), SLICE);
    assert_eq!(world.state().await.links.len(), SLICE);
    assert!(world.state().await.cursors.is_empty());
    world.store.commits.lock().unwrap().clear();
    world.cycle().await.unwrap();
    // Marker and links of each of the two slices that are left; the cursors came with the last.
    let commits = std::mem::take(&mut *world.store.commits.lock().unwrap());
    let moves: Vec<bool> = commits.iter().map(|change| change.cursors.is_some()).collect();
    assert_eq!(moves, [false, false, false, true]);
    assert!(!commits[3].put.is_empty() && !commits[3].records.is_empty());
    world.settle().await;
    assert_eq!(world.exchange.subjects(), world.dynamics.subjects());
}

#[tokio::test]
async fn an_old_fence_ends_the_cycle_before_anything_is_sent() {
    // The marker's commit is refused, so no create leaves this node.
    let world = World::new();
    world.dynamics.add("Call Anna");
    let key = mailbox(1).key;
    world.store.memory.claim(&key, Fence(2)).await.unwrap();
    let ended = world.cycle().await;
    assert!(matches!(ended, Err(CycleEnd::Store(StoreError::StaleFence))), "{ended:?}");
    assert!(world.exchange.subjects().is_empty());
}

#[tokio::test]
async fn inv_4_a_removal_that_is_only_said_deletes_nothing() {
    // `@removed` for an item that is still there is a hint, and the probe finds the item.
    let world = World::new();
    world.dynamics.add("Call Anna");
    world.settle().await;
    let item = world.state().await.links[0].native.exchange.clone().unwrap();
    world.exchange.lie(&item);
    world.log();
    world.cycle().await.unwrap();
    let log = world.log();
    assert!(log.iter().any(|it| it == "fetch exchange"), "{log:?}");
    assert!(!log.iter().any(|it| it.starts_with("delete")), "{log:?}");
    world.settle().await;
    assert_eq!(world.dynamics.subjects(), ["Call Anna"]);
    assert_eq!(world.exchange.subjects(), ["Call Anna"]);
}

#[tokio::test]
async fn an_item_off_the_feed_stays_off_until_a_fresh_round_lists_it() {
    // Otherwise its next change would be looked for in a feed that does not mention it.
    let world = World::new();
    world.dynamics.add("Call Anna");
    world.settle().await;
    let item = world.state().await.links[0].native.exchange.clone().unwrap();
    world.exchange.lie(&item);
    world.settle().await;
    assert!(world.state().await.links[0].off_feed);
    world.exchange.rename(&item, "Call Bert");
    world.settle().await;
    assert_eq!(world.dynamics.subjects(), ["Call Bert"]);
    assert!(world.state().await.links[0].off_feed);
    let fresh = StateChange { cursors: Some(Vec::new()), ..StateChange::default() };
    let claim = Claim { fence: Fence(1), seq: world.state().await.seq };
    world.store.memory.commit(&mailbox(1).key, claim, &fresh).await.unwrap();
    // Nobody but the owner of the lease stores anything; this was done behind its back.
    *world.left.lock().unwrap() = None;
    world.exchange.rename(&item, "Call Carl");
    world.settle().await;
    assert_eq!(world.dynamics.subjects(), ["Call Carl"]);
    assert!(!world.state().await.links[0].off_feed);
}

#[tokio::test]
async fn a_halted_plan_writes_nothing_until_it_is_released() {
    // Neither a side nor the store changes, however often it is tried; a release lets it pass.
    let mut world = World::new();
    let rows = ["one", "two", "three"].map(|subject| world.dynamics.add(subject));
    world.settle().await;
    world.limits = Limits { deletes: 1, deletes_share: 0.0, ..world.limits };
    world.dynamics.remove(&rows[0]);
    world.dynamics.remove(&rows[1]);
    world.dynamics.rename(&rows[2], "four");
    let (before, state) = (world.commits(), world.state().await);
    for _ in 0..2 {
        let ended = world.cycle().await;
        let Err(CycleEnd::Halted(halt)) = ended else { panic!("{ended:?}") };
        assert_eq!((halt.code, halt.wanted, halt.allowed), (Code::DeleteBudget, 2, 1));
        assert_eq!(world.exchange.subjects(), ["one", "three", "two"]);
        assert_eq!((world.commits(), world.state().await.cursors), (before, state.cursors.clone()));
    }
    world.released().await.unwrap();
    assert_eq!(world.exchange.subjects(), ["four"]);
}

#[tokio::test]
async fn err_02_one_poison_item_stops_nobody_and_is_parked() {
    // The others are done at once; the poison item is tried as often as allowed, then it waits
    // for a change or an operator, and stays counted.
    let world = World::new();
    let poison = world.dynamics.add("poison");
    for subject in ["one", "two", "three"] {
        world.dynamics.add(subject);
    }
    world.exchange.poison("poison");
    for attempt in 1..=3 {
        let report = world.cycle().await.unwrap();
        assert_eq!(world.exchange.subjects(), ["one", "three", "two"]);
        let parked = u32::from(attempt == 3);
        assert_eq!((report.unsettled, report.parked), (1 - parked, parked), "attempt {attempt}");
        let failed = report.lines.iter().find_map(|line| line.failed);
        let code = if attempt == 3 { Code::ItemParked } else { Code::WriteRefused };
        assert_eq!(failed, Some(code));
    }
    let tries = |log: &[String]| log.iter().filter(|it| *it == "create exchange").count();
    world.log();
    let later = world.cycle().await.unwrap();
    assert_eq!((tries(&world.log()), later.parked, later.unsettled), (0, 1, 0));
    // An operator has it tried once more.
    world.released().await.unwrap();
    assert_eq!(tries(&world.log()), 1);
    // A change heals it.
    world.dynamics.rename(&poison, "remedy");
    assert_eq!(world.cycle().await.unwrap().parked, 0);
    assert_eq!(world.exchange.subjects(), ["one", "remedy", "three", "two"]);
}

#[tokio::test]
async fn inv_3_an_unsettled_link_is_read_again_although_the_feeds_are_silent() {
    // The cursor moved past the change; only the link remembers that it was not carried.
    for (fault, code) in [
        (Fault::Stale, Code::ChangedMeanwhile),
        (Fault::NotSent, Code::PutOff),
        (Fault::UnknownNotDone, Code::ResultUnknown),
        (Fault::UnknownDone, Code::ResultUnknown),
    ] {
        for from in Side::BOTH {
            let world = World::new();
            let row = world.dynamics.add("Call Anna");
            world.settle().await;
            let item = world.state().await.links[0].native.exchange.clone().unwrap();
            let (source, target, id) = match from {
                Side::Dynamics => (&world.dynamics, &world.exchange, &row),
                Side::Exchange => (&world.exchange, &world.dynamics, &item),
            };
            source.rename(id, "Call Bert");
            target.faults(&[fault]);
            let report = world.cycle().await.unwrap();
            assert_eq!(report.unsettled, 1, "{fault:?} from {from}");
            assert_eq!(world.state().await.links[0].trouble.unwrap().code, code);
            world.log();
            world.cycle().await.unwrap();
            let log = world.log();
            assert!(log.iter().any(|it| *it == format!("fetch {from}")), "{fault:?}: {log:?}");
            assert_eq!(target.subjects(), ["Call Bert"], "{fault:?} from {from}");
            world.settle().await;
            assert_eq!(world.state().await.links[0].trouble, None);
        }
    }
}

#[tokio::test]
async fn a_cursor_is_stored_again_when_it_is_old() {
    // Nothing changed for half a day: the token is still kept fresh.
    let world = World::new();
    world.dynamics.add("Call Anna");
    world.settle().await;
    let before = world.commits();
    world.clock.forward(13 * 3_600);
    assert!(world.cycle().await.unwrap().is_quiet());
    assert_eq!(world.commits(), before + 1);
    assert_eq!(world.settle().await, 1);
}

#[tokio::test]
async fn a_plan_that_is_only_shown_changes_nothing() {
    // The dry run reads and decides; neither the sides nor the store learn of it.
    let world = busy().await;
    let (commits, here, there) =
        (world.commits(), world.dynamics.subjects(), world.exchange.subjects());
    let (plan, _) = plan_cycle(&world.context(), &world.state().await).await.unwrap();
    assert!(!plan.is_quiet());
    assert_eq!(world.commits(), commits);
    assert_eq!((world.dynamics.subjects(), world.exchange.subjects()), (here, there));
}
