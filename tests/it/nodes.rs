//! Several nodes that share a Redis, as real processes, and the stand-ins as another: one is killed, one
//! ends, some are paused beyond their leases; and the server restarts, loses all it had, or comes back with
//! an old dump. What cannot be done to a process from outside is done to a node's parts in the test's: its
//! clock jumps, its parts panic.
//!
//! What the nodes did is not judged by their own word: `compare` looks into both worlds, and the stand-in of
//! Exchange keeps a ledger of every mail. When they own and work on mailboxes they tell themselves.
//! `LOCKSTEP_MAILBOXES` and `LOCKSTEP_PAUSES` make the runs bigger (`make nodes`).

mod clocks;
mod demo;
mod panics;
mod rig;
mod sentinels;
mod server;
mod stand_ins;

use std::collections::BTreeMap;
use std::time::Duration;

use rig::{Node, Rig, SLOW_WRITE, number};

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
/// Writes, one after the other, of a slice of a hundred items: batches of twenty.
const SLICE_WRITES: u32 = 5;
/// What debug builds on a busy machine of two cores may add to either.
const BUSY: Duration = if cfg!(debug_assertions) { Duration::from_secs(3) } else { Duration::ZERO };

/// What each of a dead node's mailboxes may wait beyond that while the others' slots are with mailboxes of
/// a first synchronization: two cores do some seventy such cycles in a second, forty when others use them too.
const FIRST_EACH: Duration = Duration::from_millis(50);
/// People who have work when a node dies. That of thousands is a measure of the machine: with 3,000 two
/// cores begin the last cycle four seconds after the lease, and not for want of an owner.
const AT_WORK: usize = 300;

/// Until each of so many mailboxes of a dead node is worked on: what is promised. A program that is not
/// optimised begins later.
fn worked_on(mailboxes: usize) -> Duration {
    let slow = if cfg!(debug_assertions) { BEGIN + BUSY } else { Duration::ZERO };
    let each = if cfg!(debug_assertions) { BEGIN_EACH } else { Duration::ZERO };
    LEASE + TAKE_OVER + slow + each * u32::try_from(mailboxes).unwrap()
}

fn latest(began: &BTreeMap<String, Duration>) -> Duration {
    *began.values().max().unwrap()
}

/// It ended by itself, and cut no cycle off.
fn assert_ended_well(node: Node) {
    let ended = node.process.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.err.contains("at the end of the grace period"), "{}", ended.err);
}

#[test]
fn a_node_that_is_killed_and_one_that_ends_leave_their_mailboxes_to_the_others_in_time() {
    // Killed in the middle of the first synchronization: within its lease and two seconds all mailboxes are
    // owned again, and each with which a node had begun is worked on; the others have their turn as there are
    // slots. Ended in the middle of work: others own them within a second. It starts again under its name.
    // Nothing is lost, nothing is there twice, nobody is mailed twice.
    let mut rig = Rig::start_slowly(3);
    rig.wait_for_writes(20);
    let left = Rig::owned_by(&rig.nodes[1]);
    assert!(!left.is_empty());
    let begun = rig.wait_for_begun(&left, 3);
    rig.wait_for_running(&rig.nodes[1..2]);
    let mut dead = rig.nodes.remove(1);
    let killed = rig.now();
    dead.process.kill();
    rig.quick_writes();
    let owned = rig.wait_for_heirs();
    println!("all mailboxes are owned again after {owned:.1?}");
    assert!(owned < LEASE + TAKE_OVER + BUSY, "{owned:?}");
    let all = rig.wait_for_cycles(&left, killed);
    let worked = begun.iter().map(|id| all[id]).max().unwrap();
    println!(
        "{} of its mailboxes had been begun and are worked on after {worked:.1?}",
        begun.len()
    );
    assert!(worked < worked_on(begun.len()), "{worked:?}");
    let last = latest(&all);
    println!("all its {} mailboxes are worked on after {last:.1?}", left.len());
    let slots = FIRST_EACH * u32::try_from(left.len()).unwrap();
    assert!(last < worked_on(left.len()) + slots, "{last:?}");
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
    assert_ended_well(leaving);
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
    // It dies while it works, writes are slow, and everybody, or some of thousands, has new work. All were in
    // step before, so that no first synchronization has a slot that they need.
    let mut rig = Rig::start(3);
    rig.assert_in_step();
    let left = Rig::owned_by(&rig.nodes[2]);
    assert!(!left.is_empty());
    rig.slow_writes();
    rig.new_work_of(AT_WORK);
    rig.wait_for_writes(6);
    rig.wait_for_running(&rig.nodes[2..]);
    let mut dead = rig.nodes.remove(2);
    let killed = rig.now();
    dead.process.kill();
    rig.quick_writes();
    let worked = latest(&rig.wait_for_cycles(&left, killed));
    println!("its {} mailboxes are worked on after {worked:.1?}", left.len());
    assert!(worked < worked_on(left.len()), "{worked:?}");
    rig.assert_in_step();
}

#[test]
fn a_node_that_ends_with_writes_on_their_way_finishes_what_it_began() {
    // Each write takes 400 ms, and some people have four slices of five batches to be written.
    // A cycle ends after its slice, so the other owns all mailboxes a second after the five batches of one;
    // none is cut off.
    let mut rig = Rig::start(2);
    rig.assert_in_step();
    rig.slow_writes();
    let laden = rig.new_batches(400);
    rig.wait_for_long_cycle(&rig.nodes[0], &laden);
    let leaving = rig.nodes.remove(0);
    leaving.process.terminate();
    let took = rig.wait_for_heirs();
    println!("its mailboxes are owned by the other after {took:.1?}");
    assert!(took < HAND_OVER + SLOW_WRITE * SLICE_WRITES + BUSY, "{took:?}");
    assert_ended_well(leaving);
    rig.quick_writes();
    rig.assert_in_step();
}

#[test]
fn nodes_that_are_paused_beyond_their_leases_write_nothing_stale() {
    // Two of three are stopped with writes on their way until the third owns everything, or has worked on
    // everything, then go on: what they had begun is not written beside it, and they work again.
    let mut rig = Rig::start(3);
    rig.assert_in_step();
    let pauses = number("LOCKSTEP_PAUSES", 2);
    for round in 0..pauses.div_ceil(2) {
        rig.slow_writes();
        rig.new_work();
        rig.new_batches(50);
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
        if round % 2 == 0 {
            // What they would send now, the other has sent: nothing of it can be found by its marker in time.
            let all = Rig::owned_by(awake);
            rig.wait_for_cycles_of(std::slice::from_ref(awake), &all, rig.now());
        }
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
