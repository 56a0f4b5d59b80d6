//! Several nodes that share a Redis, as real processes: one is killed, one ends, some are paused beyond
//! their leases; and the server restarts, loses all it had, or comes back with an old dump. What cannot
//! be done to a process from outside is done to a node's parts in the test's: its clock jumps, its parts panic.
//!
//! What the nodes did is not judged by their own word: `compare` looks into both worlds, and the stand-in of
//! Exchange keeps a ledger of every mail. When they own and work on mailboxes they tell themselves. `LOCKSTEP_MAILBOXES` and `LOCKSTEP_PAUSES` make the runs bigger
//! (`make nodes`).

mod clocks;
mod demo;
mod panics;
mod rig;
mod sentinels;
mod server;

use std::time::Duration;

use rig::{Rig, number};

use crate::process::{get, run, until};

/// How long a membership lasts without a beat (docs/cluster.md).
const LEASE: Duration = Duration::from_secs(15);
/// What the others need beyond a dead node's lease to own its mailboxes.
const TAKE_OVER: Duration = Duration::from_secs(2);
/// What the others need beyond that to begin with its mailboxes, and with each of them.
const BEGIN: Duration = Duration::from_secs(1);
const BEGIN_EACH: Duration = Duration::from_millis(10);
/// What a node's mailboxes wait for when it ends by itself.
const HAND_OVER: Duration = Duration::from_secs(1);
/// What debug builds on a busy machine of two cores may add to either.
const BUSY: Duration = Duration::from_secs(3);

#[test]
fn a_node_that_is_killed_and_one_that_ends_leave_their_mailboxes_to_the_others_in_time() {
    // Killed in the middle of the first synchronization: all mailboxes are owned again within its lease
    // and two seconds. Ended in the middle of work: within a second. It starts again under its name.
    // Nothing is lost, nothing is there twice, nobody is mailed twice.
    let mut rig = Rig::start_slowly(3);
    rig.wait_for_writes(20);
    let mut dead = rig.nodes.remove(1);
    dead.process.kill();
    rig.quick_writes();
    let owned = rig.wait_for_heirs();
    println!("all mailboxes are owned again after {owned:.1?}");
    assert!(owned < LEASE + TAKE_OVER + BUSY, "{owned:?}");
    rig.wait_for_owners(2, &rig.nodes[0].url);
    rig.assert_in_step();
    let again = rig.again(dead);
    rig.nodes.push(again);
    rig.wait_for_owners(3, &rig.nodes[0].url);

    rig.new_work();
    rig.wait_for_writes(6);
    let leaving = rig.nodes.remove(0);
    leaving.process.terminate();
    let took = rig.wait_for_heirs();
    println!("its mailboxes are owned by others after {took:.1?}");
    assert!(took < HAND_OVER + BUSY, "{took:?}");
    let ended = leaving.process.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.err.contains("at the end of the grace period"), "{}", ended.err);
    rig.assert_in_step();
    for node in &rig.nodes {
        let status = run(&["status", "--url", &node.url]);
        assert_eq!(status.code, Some(0), "{status:?}");
        for node in &rig.nodes {
            let address = node.url.trim_start_matches("http://");
            assert!(status.out.contains(address), "{address}: {status:?}");
        }
        assert!(status.out.contains("1024 shards, 0 without an owner"), "{status:?}");
    }
}

#[test]
fn mailboxes_of_a_node_that_is_killed_are_worked_on_by_the_others_in_time() {
    // All were in step before, so that nothing but its death keeps them waiting: no first synchronization has
    // a slot that they need.
    let mut rig = Rig::start(3);
    rig.assert_in_step();
    let mut dead = rig.nodes.remove(2);
    let left = Rig::owned_by(&dead);
    assert!(!left.is_empty());
    rig.new_work();
    let killed = rig.now();
    dead.process.kill();
    let worked = rig.wait_for_cycles(&left, killed);
    println!("its {} mailboxes are worked on after {worked:.1?}", left.len());
    // What is promised; a program that is not optimised begins later.
    let each = BEGIN_EACH * u32::try_from(left.len()).unwrap();
    let slow = if cfg!(debug_assertions) { BEGIN + BUSY + each } else { Duration::ZERO };
    assert!(worked < LEASE + TAKE_OVER + slow, "{worked:?}");
    rig.assert_in_step();
}

#[test]
fn nodes_that_are_paused_beyond_their_leases_write_nothing_stale() {
    // Two of three are stopped with writes on their way until the third owns and works on everything,
    // then go on: what they had begun is not written beside it, and they work again.
    let mut rig = Rig::start(3);
    rig.assert_in_step();
    let pauses = number("LOCKSTEP_PAUSES", 2);
    for round in 0..pauses.div_ceil(2) {
        rig.slow_writes();
        rig.new_work();
        rig.new_batches();
        rig.wait_for_writes(3 + round % 11);
        rig.nodes.rotate_left(1);
        let (awake, paused) = rig.nodes.split_first().unwrap();
        // The writes may all have been the other's.
        rig.wait_for_running(paused);
        paused.iter().for_each(|node| node.process.signal("STOP"));
        until(LEASE, "they are shown as silent", || {
            let told = get(&format!("{}/api/v1/cluster", awake.url))?;
            let states = told["members"].as_array()?.iter().map(|row| row["state"].clone());
            let unknown = told["tenants"][0]["phases"]["unknown"].as_u64();
            (states.filter(|state| state == "silent").count() == 2 && unknown > Some(0))
                .then_some(())
        });
        let took = rig.wait_for_owners(1, &awake.url);
        paused.iter().for_each(|node| node.process.signal("CONT"));
        let cut = until(LEASE, "what they had begun is cut off", || {
            let cut: usize =
                paused.iter().map(|node| Rig::ended_with(node, "lease-in-doubt")).sum();
            (cut > 0).then_some(cut)
        });
        println!("round {round}: one owns all after {took:.1?}, {cut} cycles were cut off");
        rig.wait_for_owners(3, &awake.url);
        rig.quick_writes();
        rig.assert_in_step();
    }
}
