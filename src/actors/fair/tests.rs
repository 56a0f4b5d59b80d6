//! Tests of the slots: cycles are futures polled by hand.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::{Fair, Lane, Share, Slot};

/// Asks for a slot and returns it when it is there at once.
fn now(share: &Share, lane: Lane) -> Option<Slot> {
    poll(pin!(share.enter(lane)))
}

fn poll(entering: Pin<&mut impl Future<Output = Option<Slot>>>) -> Option<Slot> {
    match entering.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(slot) => slot,
        Poll::Pending => None,
    }
}

/// Lets every tenant ask for as many cycles as there are slots and returns how many each runs.
fn crowd(slots: usize, shares: &[&Share]) -> Vec<usize> {
    let mut asked: Vec<Vec<_>> = shares
        .iter()
        .map(|share| (0..slots).map(|_| Box::pin(share.enter(Lane::Changes))).collect())
        .collect();
    let mut held: Vec<Vec<Slot>> = shares.iter().map(|_| Vec::new()).collect();
    // Each round one cycle of each tenant ends, as in a node that is never idle.
    for _ in 0..slots * 8 {
        for (number, waiting) in asked.iter_mut().enumerate() {
            waiting.retain_mut(|one| match poll(one.as_mut()) {
                Some(slot) => {
                    held[number].push(slot);
                    false
                }
                None => true,
            });
            if let Some(done) = held[number].pop() {
                waiting.push(Box::pin(shares[number].enter(Lane::Changes)));
                assert!(poll(waiting.last_mut().unwrap().as_mut()).is_none(), "others wait");
                drop(done);
            }
        }
    }
    // What the last ends set free was given away already.
    for (number, waiting) in asked.iter_mut().enumerate() {
        held[number].extend(waiting.iter_mut().filter_map(|one| poll(one.as_mut())));
    }
    held.iter().map(Vec::len).collect()
}

#[test]
fn a_tenant_gets_at_most_half_of_the_slots() {
    // One tenant may take half of the slots, however many cycles it wants to run.
    let fair = Fair::new(8);
    let (greedy, modest) = (fair.share(1), fair.share(1));
    let held: Vec<Slot> = (0..8).filter_map(|_| now(&greedy, Lane::Changes)).collect();
    assert_eq!(held.len(), 4);
    assert!(now(&modest, Lane::Changes).is_some(), "the other half is free");
}

#[test]
fn tenants_share_the_slots_by_weight() {
    // With more tenants than halves, the slots go to each by its weight: one of weight 2 has twice as many.
    let fair = Fair::new(12);
    let shares = [fair.share(1), fair.share(1), fair.share(2)];
    let counts = crowd(12, &shares.each_ref());
    assert_eq!(counts, [3, 3, 6]);
}

#[test]
fn a_newcomer_is_served_before_the_queue_of_a_busy_tenant() {
    // A slot that becomes free goes to the tenant with the fewest cycles, not to who asked first.
    let fair = Fair::new(4);
    let (busy, other, late) = (fair.share(1), fair.share(1), fair.share(1));
    let mut held: Vec<Slot> = (0..2).filter_map(|_| now(&busy, Lane::Changes)).collect();
    let _others: Vec<Slot> = (0..2).filter_map(|_| now(&other, Lane::Changes)).collect();
    let mut queue: Vec<_> = (0..50).map(|_| Box::pin(busy.enter(Lane::Changes))).collect();
    assert!(queue.iter_mut().all(|one| poll(one.as_mut()).is_none()));
    let mut newcomer = pin!(late.enter(Lane::Changes));
    assert!(poll(newcomer.as_mut()).is_none());
    drop(held.pop());
    let runs = poll(newcomer.as_mut());
    assert!(runs.is_some(), "the newcomer runs");
    assert!(queue.iter_mut().all(|one| poll(one.as_mut()).is_none()), "the queue goes on waiting");
}

#[test]
fn first_synchronizations_run_in_a_lane_of_their_own() {
    // First synchronizations take a quarter of the slots at most and leave the rest to changes.
    let fair = Fair::new(8);
    let (onboarded, other) = (fair.share(1), fair.share(1));
    let mut first: Vec<_> = (0..8).map(|_| Box::pin(onboarded.enter(Lane::First))).collect();
    let held: Vec<Slot> = first.iter_mut().filter_map(|one| poll(one.as_mut())).collect();
    assert_eq!(held.len(), 2);
    assert!(now(&other, Lane::Changes).is_some());
    assert!(now(&onboarded, Lane::Changes).is_some(), "also its own changes");
}

#[test]
fn a_first_synchronization_does_not_starve() {
    // Where changes never end, one first synchronization goes on all the same.
    let fair = Fair::new(4);
    let (one, other, fresh) = (fair.share(1), fair.share(1), fair.share(1));
    let mut held: Vec<Slot> = (0..2).filter_map(|_| now(&one, Lane::Changes)).collect();
    held.extend((0..2).filter_map(|_| now(&other, Lane::Changes)));
    assert_eq!(held.len(), 4);
    let mut change = pin!(fresh.enter(Lane::Changes));
    let mut first = pin!(fresh.enter(Lane::First));
    assert!(poll(change.as_mut()).is_none() && poll(first.as_mut()).is_none());
    drop(held.pop());
    assert!(poll(first.as_mut()).is_some(), "the first synchronization is let in");
}

#[test]
fn a_slot_is_not_lost_with_who_gave_up() {
    // Who gave up waiting keeps no slot, whether or not one was on its way.
    let fair = Fair::new(2);
    let share = fair.share(1);
    let held: Vec<Slot> = (0..2).filter_map(|_| now(&share, Lane::Changes)).collect();
    assert_eq!(held.len(), 2);
    let mut waiting = Box::pin(share.enter(Lane::Changes));
    assert!(poll(waiting.as_mut()).is_none());
    drop(held);
    // The slot was sent; nobody will look.
    drop(waiting);
    assert_eq!(fair.running(), 0);
    assert!(now(&share, Lane::Changes).is_some());
}

#[test]
fn a_closed_share_gives_no_slot() {
    // A closed share lets nobody in, tells those who wait, and lets what runs end.
    let fair = Fair::new(2);
    let share = fair.share(1);
    let held: Vec<Slot> = (0..2).filter_map(|_| now(&share, Lane::Changes)).collect();
    let mut waiting = pin!(share.enter(Lane::Changes));
    assert!(poll(waiting.as_mut()).is_none());
    share.close();
    let told = waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(told, Poll::Ready(None)));
    assert!(now(&share, Lane::Changes).is_none() && share.is_closed());
    assert_eq!(fair.running(), 2);
    drop(held);
    assert_eq!(fair.running(), 0);
}

#[tokio::test]
async fn idle_waits_for_the_last_cycle() {
    // Whoever waits for the node to be idle is told when the last cycle ends.
    let fair = Fair::new(2);
    let share = fair.share(1);
    let slot = now(&share, Lane::Changes).unwrap();
    let mut idle = Box::pin(fair.idle());
    assert!(idle.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(slot);
    idle.await;
}
