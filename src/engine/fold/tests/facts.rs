//! What a link remembers of its items beside what was agreed (CONT-05, LINK-06, FILT-05, ERR-02).

use super::{done, entry, exchange, put};
use crate::domain::code::Code;
use crate::domain::field::Field;
use crate::domain::ids::Version;
use crate::domain::kind::Kind::{Appointment, Contact, Task};
use crate::domain::link::{Link, LinkState, Trouble};
use crate::domain::observation::Presence;
use crate::domain::plan::Outcome;
use crate::domain::side::PerSide;
use crate::engine::decide::After;
use crate::engine::fold::{LinkChange, fold};
use crate::engine::matching::Pairing;
use crate::engine::testing::*;

/// The link of a pairing of which nothing is written.
fn quiet(world: &World, pairing: Pairing) -> Option<Link> {
    let before = pairing.link.clone();
    let one = entry(world, pairing);
    assert!(one.steps == PerSide::default(), "{:?}", one.steps);
    match fold(&one, &PerSide::default(), &KEY, &world.context()) {
        LinkChange::Put(link) => Some(*link),
        LinkChange::None => before,
        LinkChange::Drop(_) => None,
    }
}

fn refused() -> PerSide<Option<Outcome>> {
    exchange(Some(Outcome::Refused(Code::WriteRefused)))
}

#[test]
fn link_06_a_pair_remembers_that_its_item_had_the_category() {
    // Once seen it stays known; an item that never had it makes no such memory.
    let world = World::new();
    for (before, seen, after) in
        [(false, true, true), (true, true, true), (false, false, false), (true, false, true)]
    {
        let here = item(Contact).item_facts(|facts| facts.tracked = seen);
        let pairing = linking(world.linked(&row(Contact), &here), |link| link.tagged = before);
        assert_eq!(quiet(&world, pairing).unwrap().tagged, after, "{before} {seen}");
    }
    // The answer of a write says it as well.
    for (seen, after) in [(true, true), (false, false)] {
        let here = item(Contact).item_facts(|facts| facts.tracked = false);
        let answer = item(Contact).item_facts(|facts| facts.tracked = seen);
        let other = row(Contact).text(Field::City1, "Bergen");
        let one = entry(&world, world.then(world.linked(&row(Contact), &here), &other));
        let outcomes = exchange(done(&answer.text(Field::City1, "Bergen"), "2"));
        let link = put(fold(&one, &outcomes, &KEY, &world.context()));
        assert_eq!(link.tagged, after);
    }
}

#[test]
fn filt_05_a_row_that_was_returned_has_matched_and_one_that_left_has_not() {
    // Present: it matches. Out of the filter or unreadable: what was known stays until that was dealt with.
    let world = World::new();
    let pair = |matched| linking(world.linked(&row(Task), &item(Task)), |it| it.matched = matched);
    assert!(quiet(&world, pair(false)).unwrap().matched);
    let left = row(Task).presence(Presence::LeftFilter);
    assert!(!quiet(&world, world.then(pair(false), &left)).unwrap().matched);
    let edited = world.then(pair(false), &left.text(Field::Subject, "Other"));
    let one = entry(&world, edited);
    let link = put(fold(&one, &refused(), &KEY, &world.context()));
    assert!(!link.matched, "an edit of a row that no filter returns is no match");
}

#[test]
fn err_02_an_item_that_could_not_be_read_keeps_its_version() {
    // Without one it would seem gone. A version that was read is taken; an item that is gone has none.
    let world = World::new();
    let pair = || world.linked(&row(Task), &item(Task));
    let version = |here: &Obs| quiet(&world, world.then(pair(), here)).unwrap().version.exchange;
    let with = |version: Option<&str>, unfit| {
        let mut here = item(Task);
        here.0.version = version.map(Version::new);
        here.0.unfit = unfit;
        here
    };
    let unread = Some(Code::ItemUnreadable);
    assert_eq!(version(&with(None, unread)), Some(Version::new("1")));
    assert_eq!(version(&with(Some("2"), unread)), Some(Version::new("2")));
    assert_eq!(version(&with(Some("2"), None)), Some(Version::new("2")));
    assert_eq!(version(&with(None, Some(Code::TimeZoneUnknown))), None);
}

#[test]
fn err_02_a_cause_keeps_its_time_and_another_one_begins_anew() {
    // Since when it waits is said of the same cause only.
    for (code, kept) in [(Code::WriteRefused, true), (Code::PrivilegeMissing, false)] {
        let world = World::new();
        let pairing = linking(world.linked(&row(Task), &item(Task)), |link| {
            let since = hours(-5);
            link.trouble = Some(Trouble { code, parked: false, attempts: 1, since });
        });
        let other = row(Task).text(Field::Subject, "Other");
        let one = entry(&world, world.then(pairing, &other));
        let trouble = put(fold(&one, &refused(), &KEY, &world.context())).trouble.unwrap();
        assert_eq!(trouble.code, Code::WriteRefused);
        assert_eq!(trouble.since, if kept { hours(-5) } else { now() });
    }
}

#[test]
fn err_02_what_lies_in_the_item_is_no_attempt_and_what_is_read_again_is_one() {
    // Left alone for what it is: no attempt. Unsettled, or for a reply that was at fault: one.
    for (after, attempts) in [
        (After::LeftAlone(Code::RecurringTask), 0),
        (After::LeftAlone(Code::ItemUnreadable), 1),
        (After::Unsettled(Code::TimeZoneUnknown), 1),
        (After::Unsettled(Code::PutOff), 0),
    ] {
        let world = World::new();
        let mut one = entry(&world, world.linked(&row(Task), &item(Task)));
        one.verdict.after = after;
        let link = put(fold(&one, &PerSide::default(), &KEY, &world.context()));
        assert_eq!(link.trouble.unwrap().attempts, attempts, "{after:?}");
    }
}

#[test]
fn appt_in_07_a_booking_is_tried_three_times_before_its_user_is_asked() {
    // Refused twice, it is tried by the next cycle; then, or where fewer attempts are allowed, it waits.
    // A duplicate contact waits at once.
    let clash = Code::SchedulingConflict;
    for (code, most, tries) in
        [(clash, 10, vec![1, 2, 0]), (clash, 2, vec![1, 0]), (Code::DuplicateFound, 10, vec![0])]
    {
        let world = World::with(|world| world.limits.item_attempts = most);
        let mut pairing = world.alone(&item(Appointment).uid("u-1"));
        for tried in tries {
            let one = entry(&world, pairing.clone());
            let outcomes = PerSide { dynamics: Some(Outcome::Refused(code)), exchange: None };
            let link = put(fold(&one, &outcomes, &KEY, &world.context()));
            let trouble = link.trouble.unwrap();
            assert_eq!((link.state, trouble.code), (LinkState::LeftAlone, code));
            assert_eq!(
                (trouble.attempts, link.is_unsettled()),
                (tried, tried > 0),
                "{code} {most}"
            );
            pairing.link = Some(link);
        }
    }
}

#[test]
fn link_06_a_foreign_item_that_could_not_be_marked_is_adopted_once_more() {
    // Two meet, the item has no marker yet: refused, the pair stays in the making; marked already, or
    // done, it is one.
    let world = World::new();
    let other = row(Contact).text(Field::City1, "Bergen");
    let met = |here: &Obs| world.met(&other, here);
    let state = |pairing: Pairing, outcomes: &PerSide<Option<Outcome>>| {
        put(fold(&entry(&world, pairing), outcomes, &KEY, &world.context())).state
    };
    let creating = |side| LinkState::Creating(side);
    use crate::domain::side::Side::{Dynamics, Exchange};
    assert_eq!(state(met(&item(Contact)), &refused()), creating(Exchange));
    let marked = item(Contact).marked(row_guid(1));
    assert_eq!(state(met(&marked), &refused()), LinkState::Agreed);
    let answer = marked.text(Field::City1, "Bergen");
    assert_eq!(state(met(&item(Contact)), &exchange(done(&answer, "2"))), LinkState::Agreed);
    // Whose half was made stays known.
    let mut making = in_state(world.linked(&row(Contact), &item(Contact)), creating(Dynamics));
    making.seen = met(&item(Contact)).seen;
    assert_eq!(state(making, &refused()), creating(Dynamics));
    let alone = in_state(world.linked(&row(Contact), &item(Contact)), LinkState::LeftAlone);
    let alone = world.then(alone, &other);
    assert_eq!(state(alone, &refused()), creating(Exchange));
}
