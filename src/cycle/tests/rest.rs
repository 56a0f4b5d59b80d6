//! A mailbox at rest: what ends early, and that nothing is hidden by it.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use chrono::Duration;

use super::fakes::{Fault, World, mailbox};
use super::*;
use crate::domain::ids::NativeId;
use crate::ports::links::Claim;

/// A mailbox with two pairs, at rest, and the row and item of the first. Its node remembers nothing else of it.
async fn at_rest() -> (World, NativeId, NativeId) {
    let world = World::new();
    let row = world.dynamics.add("Call Anna");
    world.dynamics.add("Call Bert");
    world.settle().await;
    world.cycle().await.unwrap();
    assert!(rests(&world), "the mailbox does not rest");
    let links = world.state().await.links;
    let link = links.iter().find(|link| link.native.dynamics.as_ref() == Some(&row)).unwrap();
    let item = link.native.exchange.clone().unwrap();
    world.log();
    world.recent.forget(&mailbox(1).key);
    (world, row, item)
}

fn rests(world: &World) -> bool {
    matches!(*world.left.lock().unwrap(), Some(Left::Rest(_)))
}

fn loads(world: &World) -> usize {
    world.store.loads.load(SeqCst)
}

/// A cycle in this context goes the whole way: it asks the store.
async fn goes_the_whole_way(world: &World, context: &CycleContext, why: &str) {
    let before = loads(world);
    assert!(world.cycle_in(context).await.unwrap().is_quiet(), "{why}");
    assert_eq!(loads(world), before + 1, "{why}");
}

#[tokio::test]
async fn a_cycle_at_rest_pulls_once_a_side_and_never_asks_the_store() {
    // Neither a load nor a commit nor any other call, cycle after cycle.
    let (world, ..) = at_rest().await;
    let (loads_before, commits) = (loads(&world), world.commits());
    for _ in 0..3 {
        let report = world.cycle().await.unwrap();
        assert!(report.is_quiet() && report.lines.is_empty());
        let mut log = world.log();
        log.sort();
        assert_eq!(log, ["pull dynamics", "pull exchange", "pulled dynamics", "pulled exchange"]);
    }
    assert_eq!((loads(&world), world.commits()), (loads_before, commits));
}

#[tokio::test]
async fn filt_03_a_change_right_after_a_rest_is_carried_by_the_very_next_cycle() {
    // Edits, new items, deletes, a row that leaves its filter: on either side, each with the pulls
    // of that cycle and no second ones.
    type Change = fn(&World, &NativeId, &NativeId);
    let changes: [(&str, Change); 7] = [
        ("edited here", |world, row, _| world.dynamics.rename(row, "Call Anna today")),
        ("edited there", |world, _, item| world.exchange.rename(item, "Call Anna today")),
        ("new here", |world, _, _| drop(world.dynamics.add("Call Carl"))),
        ("new there", |world, _, _| drop(world.exchange.add("Call Carl"))),
        ("deleted here", |world, row, _| world.dynamics.remove(row)),
        ("deleted there", |world, _, item| world.exchange.remove(item)),
        ("left the filter", |world, row, _| world.dynamics.edit(row, |item| item.on = false)),
    ];
    for (what, change) in changes {
        let (world, row, item) = at_rest().await;
        change(&world, &row, &item);
        let report = world.cycle().await.unwrap();
        assert!(!report.lines.is_empty(), "{what}: nothing was decided");
        let log = world.log();
        let pulls = log.iter().filter(|line| line.starts_with("pull ")).count();
        assert_eq!(pulls, 2, "{what}: {log:?}");
        world.settle().await;
        if what != "left the filter" {
            assert_eq!(world.dynamics.subjects(), world.exchange.subjects(), "{what}");
        }
    }
}

#[tokio::test]
async fn a_rest_ends_with_the_lease_the_view_and_the_word_of_an_operator() {
    // Another grant of the lease, another profile, a release: the store is asked again, and the
    // mailbox rests anew afterwards.
    let (world, ..) = at_rest().await;
    let context = world.context();
    let view = Arc::new(TenantView::clone(&context.view));
    let other = CycleContext { view, ..world.context() };
    goes_the_whole_way(&world, &other, "another view").await;
    drop(other);
    goes_the_whole_way(&world, &world.context(), "the old view").await;
    let orders = Orders { retry: Retry::All, ..Orders::default() };
    let released = CycleContext { orders, ..world.context() };
    goes_the_whole_way(&world, &released, "a release").await;
    let before = loads(&world);
    world.cycle().await.unwrap();
    assert_eq!(loads(&world), before);
    let other = CycleContext { fence: Fence(2), ..world.context() };
    goes_the_whole_way(&world, &other, "another fence").await;
    let late = world.cycle().await;
    assert!(matches!(late, Err(CycleEnd::Store(StoreError::StaleFence))), "{late:?}");
}

#[tokio::test]
async fn a_rest_ends_when_time_alone_may_change_something() {
    // After an hour, before a cursor grows stale or the calendar's window must be renewed, and
    // when the clock was put back.
    let (world, ..) = at_rest().await;
    let context = world.context();
    let at = |now| CycleContext { now, base: Base::default(), ..context.clone() };
    goes_the_whole_way(&world, &at(context.now + Duration::hours(1)), "an hour").await;
    goes_the_whole_way(&world, &at(context.now - Duration::hours(1)), "the clock was put back")
        .await;

    let cursor = |saved, window_end| {
        let mut state = MailboxState::default();
        let collection = crate::domain::kind::Collection::Calendar;
        let token = String::new();
        state.cursors.push(crate::ports::side::Cursor { collection, token, saved, window_end });
        state
    };
    let (now, minute) = (context.now, Duration::minutes(1));
    let rest = |state: &MailboxState| {
        let side = crate::ports::rest::SideRest::new([]);
        Rest::after(&context, state, PerSide::from_fn(|_| Some(side.clone()))).unwrap()
    };
    let holds = |state: &MailboxState| rest(state).holds(&at(now + minute));
    assert!(holds(&cursor(now - Duration::hours(11), None)));
    assert!(!holds(&cursor(now - Duration::hours(12) + minute, None)));
    let third = context.view.window_ahead / 3;
    assert!(holds(&cursor(now, Some(now + third * 2))));
    assert!(!holds(&cursor(now, Some(now + third))));
}

#[tokio::test]
async fn a_rest_that_would_take_too_much_memory_is_none() {
    // Tokens and both sides count together as they are kept; one byte beyond the bound, and the mailbox goes the
    // whole way each time.
    let (world, ..) = at_rest().await;
    let context = world.context();
    let rests = |token: usize| {
        let collection = crate::domain::kind::Collection::Calendar;
        let (saved, token) = (context.now, "t".repeat(token));
        let cursor = crate::ports::side::Cursor { collection, token, saved, window_end: None };
        let state = MailboxState { cursors: vec![cursor], ..MailboxState::default() };
        let side = crate::ports::rest::SideRest::new(vec![0; 200]);
        Rest::after(&context, &state, PerSide::from_fn(|_| Some(side.clone()))).is_some()
    };
    let most = (0..1_280).rev().find(|token| rests(*token));
    assert_eq!(most, Some(862));
}

#[tokio::test]
async fn task_out_10_a_rest_ends_when_a_link_wakes() {
    // A link that wakes in half an hour lets its mailbox rest until then and no longer.
    let (world, ..) = at_rest().await;
    let mut state = world.state().await;
    let context = world.context();
    let minutes = |number| context.now + Duration::minutes(number);
    state.links[0].wake = Some(minutes(30));
    let change = StateChange { put: state.links, ..StateChange::default() };
    let claim = Claim { fence: Fence(1), seq: state.seq };
    world.store.memory.commit(&context.mailbox.key, claim, &change).await.unwrap();
    *world.left.lock().unwrap() = None;
    world.cycle_in(&context).await.unwrap();
    let before = loads(&world);
    world.cycle_in(&CycleContext { now: minutes(29), ..world.context() }).await.unwrap();
    assert_eq!(loads(&world), before);
    world.log();
    world.cycle_in(&CycleContext { now: minutes(31), ..world.context() }).await.unwrap();
    assert_eq!(loads(&world), before + 1);
    assert!(world.log().iter().any(|line| line == "fetch dynamics"), "the row is not looked at");
}

#[tokio::test]
async fn err_02_an_unsettled_item_keeps_its_mailbox_awake_a_parked_one_is_counted() {
    // What failed is tried again in each cycle; what is parked waits, and is reported, at rest.
    let (world, row, _) = at_rest().await;
    world.exchange.poison("Poison");
    world.dynamics.rename(&row, "Poison");
    for attempt in 1..=3 {
        let report = world.cycle().await.unwrap();
        assert_eq!(report.lines.len(), 1, "attempt {attempt}");
        assert!(!rests(&world), "attempt {attempt}");
    }
    world.settle().await;
    world.cycle().await.unwrap();
    let before = loads(&world);
    assert_eq!(world.cycle().await.unwrap().parked, 1);
    assert_eq!(loads(&world), before, "a parked item does not keep the mailbox awake");
    assert_eq!(world.released().await.unwrap().lines.len(), 1, "a release tries it again");
}

#[tokio::test]
async fn att_01_mailboxes_whose_files_are_synchronized_never_rest() {
    // A file comes and goes without a word of either feed.
    let (mut world, ..) = at_rest().await;
    world.files.on = true;
    for _ in 0..3 {
        assert!(world.cycle().await.unwrap().is_quiet());
        assert!(!rests(&world));
    }
}

#[tokio::test]
async fn a_cycle_that_fails_leaves_no_rest() {
    // Whatever an unfinished cycle saw, the next one asks the store.
    let (world, row, _) = at_rest().await;
    let outage = || crate::ports::error::SideError::Unreachable { reason: "no route".to_owned() };
    world.exchange.fail(Some(outage));
    assert!(world.cycle().await.is_err());
    world.exchange.fail(None);
    goes_the_whole_way(&world, &world.context(), "an outage").await;
    world.exchange.faults(&[Fault::UnknownNotDone]);
    world.dynamics.rename(&row, "Call Anna today");
    world.cycle().await.unwrap();
    assert!(!rests(&world));
    world.settle().await;
    assert_eq!(world.dynamics.subjects(), world.exchange.subjects());
}
