//! A warm mailbox: what its cycles cost, and that nobody else's change is lost by it.

use std::sync::atomic::Ordering::SeqCst;

use super::fakes::World;
use super::*;

/// Round trips to the store so far: each claim and each commit is one.
fn trips(world: &World) -> usize {
    world.store.loads.load(SeqCst) + world.commits()
}

/// A warm mailbox: a row was just carried across.
async fn warm() -> World {
    let world = World::new();
    world.dynamics.add("Call Anna");
    world.cycle().await.unwrap();
    assert!(matches!(*world.left.lock().unwrap(), Some(Left::Warm(_))));
    world
}

/// What is stored says the same as what the cycle leaves.
async fn remembers_what_is_stored(world: &World) {
    let stored = world.state().await;
    let (_, state) = world.left.lock().unwrap().take().unwrap().parted(&world.context());
    let mut state = state.unwrap().state;
    state.links.sort_by_key(|link| link.id);
    let mut expected = stored.clone();
    expected.links.sort_by_key(|link| link.id);
    assert_eq!(state, expected);
}

#[tokio::test]
async fn changes_in_a_row_cost_two_round_trips_each() {
    // What is on its way, and what came of it: the state itself is read once.
    let world = warm().await;
    let before = trips(&world);
    for number in 1..=5 {
        world.dynamics.add(&format!("Call {number}"));
        assert_eq!(world.cycle().await.unwrap().done.exchange, 1);
        assert_eq!(trips(&world), before + 2 * number);
    }
    remembers_what_is_stored(&world).await;
}

/// A mailbox at rest that changed lately.
async fn resting() -> World {
    let world = warm().await;
    world.settle().await;
    world.cycle().await.unwrap();
    assert!(matches!(*world.left.lock().unwrap(), Some(Left::Rest(_))));
    world
}

#[tokio::test]
async fn a_single_change_costs_two_round_trips() {
    // From rest to rest, twice: two commits; the cycle after them asks the store nothing.
    let world = resting().await;
    for subject in ["Call Bert", "Call Carl"] {
        let before = trips(&world);
        world.dynamics.add(subject);
        assert_eq!(world.cycle().await.unwrap().done.exchange, 1);
        assert_eq!(trips(&world), before + 2);
        assert!(world.cycle().await.unwrap().is_quiet());
        assert_eq!(trips(&world), before + 2);
        assert!(matches!(*world.left.lock().unwrap(), Some(Left::Rest(_))));
    }
}

#[tokio::test]
async fn a_woken_mailbox_is_not_read_again() {
    // A wake-up ends a rest, and says nothing about the store; nor does one without anything to see.
    let world = resting().await;
    let before = trips(&world);
    *world.left.lock().unwrap() = None;
    assert!(world.cycle().await.unwrap().is_quiet());
    assert_eq!(trips(&world), before);
    *world.left.lock().unwrap() = None;
    world.dynamics.add("Call Bert");
    assert_eq!(world.cycle().await.unwrap().done.exchange, 1);
    assert_eq!(trips(&world), before + 2);
    remembers_what_is_stored(&world).await;
}

#[tokio::test]
async fn a_mailbox_that_the_node_forgot_costs_three_round_trips() {
    // It did not change for an hour, or others needed the room: it is claimed and read.
    let world = resting().await;
    world.recent.forget(&mailbox(1).key);
    let before = trips(&world);
    world.dynamics.add("Call Bert");
    world.cycle().await.unwrap();
    assert_eq!(trips(&world), before + 3);
    world.settle().await;
    world.clock.forward(3_600);
    let before = world.store.loads.load(SeqCst);
    assert!(world.cycle().await.unwrap().is_quiet());
    assert_eq!(world.store.loads.load(SeqCst), before + 1);
}

#[tokio::test]
async fn what_an_operator_orders_begins_with_what_is_stored() {
    // He may have looked at the store, and a cycle that failed may not know what it stored.
    let world = resting().await;
    let before = world.store.loads.load(SeqCst);
    let orders = Orders { retry: Retry::All, ..Orders::default() };
    world.cycle_in(&CycleContext { orders, ..world.context() }).await.unwrap();
    assert_eq!(world.store.loads.load(SeqCst), before + 1);
}

/// A cycle that keeps no versions: its delete stores nothing before it is sent.
fn without_versions(world: &World) -> CycleContext {
    let mut context = world.context();
    context.deps.chronicle.vault = None;
    context
}

#[tokio::test]
async fn nothing_is_sent_from_memory_before_the_store_was_asked() {
    // Another owner took the mailbox over: a delete, which marks nothing, is refused unsent.
    let world = World::new();
    let row = world.dynamics.add("Call Anna");
    world.settle().await;
    world.cycle().await.unwrap();
    world.store.memory.claim(&mailbox(1).key, Fence(2)).await.unwrap();
    world.dynamics.remove(&row);
    world.log();
    let ended = world.cycle_in(&without_versions(&world)).await;
    assert!(matches!(ended, Err(CycleEnd::Store(StoreError::StaleFence))), "{ended:?}");
    let log = world.log();
    assert!(!log.iter().any(|line| line.contains("delete")), "{log:?}");
    assert_eq!(world.exchange.subjects(), ["Call Anna"]);
}

#[tokio::test]
async fn a_delete_from_memory_asks_the_store_once() {
    // To be sure, and to say what came of it: no more than any other change.
    let world = World::new();
    let row = world.dynamics.add("Call Anna");
    world.settle().await;
    world.cycle().await.unwrap();
    let before = trips(&world);
    world.dynamics.remove(&row);
    world.cycle_in(&without_versions(&world)).await.unwrap();
    assert_eq!(trips(&world), before + 2);
    assert!(world.exchange.subjects().is_empty());
}

#[tokio::test]
async fn what_a_cycle_leaves_is_what_is_stored() {
    // After an edit, a delete, a write without an answer: all commits of the cycle are in it.
    let world = warm().await;
    let row = world.dynamics.add("Call Bert");
    world.cycle().await.unwrap();
    world.dynamics.rename(&row, "Call Bert today");
    world.exchange.faults(&[Fault::UnknownDone]);
    world.cycle().await.unwrap();
    remembers_what_is_stored(&world).await;
    world.cycle().await.unwrap();
    world.dynamics.remove(&row);
    world.cycle().await.unwrap();
    remembers_what_is_stored(&world).await;
    assert_eq!(world.exchange.subjects(), ["Call Anna"]);
}

#[tokio::test]
async fn a_change_by_somebody_else_is_seen_and_not_overwritten() {
    // The first commit is refused before anything is sent, and the cycle begins again.
    let world = warm().await;
    let mut link = world.state().await.links.remove(0);
    link.ignores_conflict = true;
    let seq = world.store.claim(&mailbox(1).key, Fence(1)).await.unwrap().seq;
    let change = StateChange { put: vec![link], ..StateChange::default() };
    world.store.commit(&mailbox(1).key, Claim { fence: Fence(1), seq }, &change).await.unwrap();
    world.dynamics.add("Call Bert");
    world.log();
    let report = world.cycle().await.unwrap();
    assert_eq!((report.done.dynamics, report.done.exchange), (0, 1));
    let log = world.log();
    assert_eq!(log.iter().filter(|line| *line == "create exchange").count(), 1, "{log:?}");
    assert!(world.state().await.links.iter().any(|link| link.ignores_conflict));
    remembers_what_is_stored(&world).await;
}

#[tokio::test]
async fn a_rest_on_top_of_another_state_is_no_failure() {
    // Somebody stored a decision meanwhile: the cycle reads what is there, and goes on.
    let world = warm().await;
    world.settle().await;
    world.cycle().await.unwrap();
    let seq = world.store.claim(&mailbox(1).key, Fence(1)).await.unwrap().seq;
    let change = StateChange { put: world.state().await.links, ..StateChange::default() };
    world.store.commit(&mailbox(1).key, Claim { fence: Fence(1), seq }, &change).await.unwrap();
    world.dynamics.add("Call Bert");
    assert_eq!(world.cycle().await.unwrap().done.exchange, 1);
}

#[tokio::test]
async fn another_grant_reads_the_store() {
    // What was kept under one fence is nothing under the next.
    let world = warm().await;
    let before = world.store.loads.load(SeqCst);
    let context = CycleContext { fence: Fence(2), ..world.context() };
    world.cycle_in(&context).await.unwrap();
    assert_eq!(world.store.loads.load(SeqCst), before + 1);
}

#[tokio::test]
async fn a_mailbox_with_many_links_is_not_kept() {
    // It would cost too much memory: the next cycle reads it anew.
    let world = World::new();
    for number in 0..1_001 {
        world.dynamics.add(&format!("Call {number:04}"));
    }
    assert_eq!(world.cycle().await.unwrap().done.exchange, 1_001);
    assert!(world.left.lock().unwrap().is_none());
    let before = trips(&world);
    assert!(world.cycle().await.unwrap().is_quiet());
    assert_eq!(trips(&world), before + 1);
}
