//! The bounds of what a node remembers, and that nobody gets what is not his.

use chrono::TimeDelta;
use uuid::Uuid;

use super::*;
use crate::cycle::tests::fakes::{World, mailbox};
use crate::domain::kind::Collection;

fn known(fence: u64, seq: u64, bytes: usize) -> Known {
    let cursor = Cursor {
        collection: Collection::Tasks,
        token: "x".repeat(bytes),
        saved: DateTime::UNIX_EPOCH,
        window_end: None,
    };
    let state = MailboxState { cursors: vec![cursor], seq, ..MailboxState::default() };
    Known { fence: Fence(fence), at: DateTime::UNIX_EPOCH, state }
}

fn key(number: u64) -> MailboxKey {
    mailbox(u128::from(number)).key
}

#[test]
fn a_state_is_given_once_and_only_under_its_grant() {
    // Whoever takes it may change it; under another fence somebody else may have.
    let recent = Recent::default();
    let now = DateTime::UNIX_EPOCH;
    recent.keep(&key(1), known(3, 7, 10));
    assert_eq!(recent.take(&key(2), Fence(3), now), None);
    assert_eq!(recent.take(&key(1), Fence(3), now), Some(known(3, 7, 10)));
    assert_eq!(recent.take(&key(1), Fence(3), now), None);
    recent.keep(&key(1), known(3, 7, 10));
    assert_eq!(recent.take(&key(1), Fence(4), now), None);
    assert_eq!(recent.take(&key(1), Fence(3), now), None);
    recent.keep(&key(1), known(3, 7, 10));
    recent.forget(&key(1));
    assert_eq!(recent.take(&key(1), Fence(3), now), None);
}

#[test]
fn a_state_is_believed_for_an_hour() {
    // So that a mistake would not last; nor is one of a later clock believed.
    let recent = Recent::default();
    let hour = TimeDelta::hours(1);
    let just = hour - TimeDelta::milliseconds(1);
    for (after, believed) in [(just, true), (hour, false), (TimeDelta::milliseconds(-1), false)] {
        recent.keep(&key(1), known(3, 7, 10));
        let taken = recent.take(&key(1), Fence(3), DateTime::UNIX_EPOCH + after);
        assert_eq!(taken.is_some(), believed, "{after}");
    }
}

#[test]
fn who_changed_longest_ago_makes_room() {
    // All entries together stay below the bound, and one takes no more than its part.
    let recent = Recent::default();
    let now = DateTime::UNIX_EPOCH;
    let most = MOST / PART - ENTRY - LINK;
    recent.keep(&key(0), known(1, 1, most + 1));
    assert_eq!(recent.take(&key(0), Fence(1), now), None);
    let all = PART as u64;
    (0..all).for_each(|number| recent.keep(&key(number), known(1, number, most)));
    assert_eq!(recent.entries().bytes, MOST);
    // What was used again is the youngest.
    let again = recent.take(&key(0), Fence(1), now).unwrap();
    recent.keep(&key(0), again);
    recent.keep(&key(all), known(1, all, most));
    let left: Vec<bool> =
        (0..=all).map(|number| recent.take(&key(number), Fence(1), now).is_some()).collect();
    assert!(left.iter().enumerate().all(|(number, left)| *left == (number != 1)), "{left:?}");
    let entries = recent.entries();
    assert_eq!((entries.bytes, entries.by_age.len()), (0, 0));
}

#[tokio::test]
async fn links_come_back_as_the_store_has_them() {
    // The same bytes, read by the same decoder.
    let world = World::new();
    world.dynamics.add("Call Anna");
    world.dynamics.add("Call Bert");
    world.settle().await;
    let state = world.state().await;
    assert_eq!(state.links.len(), 2);
    let recent = Recent::default();
    let now = DateTime::UNIX_EPOCH;
    recent.keep(&key(1), Known { fence: Fence(1), at: now, state: state.clone() });
    let stored = |link| codec::decode(&codec::encode(link)).unwrap();
    let expected: Vec<_> = state.links.iter().map(stored).collect();
    let taken = recent.take(&key(1), Fence(1), now).unwrap().state;
    assert_eq!(taken.links, expected);
    assert!(taken.links.iter().all(|link| link.id.0 != Uuid::nil()));
    assert_eq!(
        (taken.cursors, taken.category, taken.seq),
        (state.cursors, state.category, state.seq)
    );
}
