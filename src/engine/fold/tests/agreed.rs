//! What a link agrees on: groups that one side took over, what was only seen, and when it turns by
//! itself (CONF-03, FILT-05, TASK-OUT-10, ADDR-04).

use super::{done, entry, exchange, put};
use crate::domain::code::Code;
use crate::domain::direction::Direction;
use crate::domain::field::{Field, Group};
use crate::domain::fingerprint::Prints;
use crate::domain::kind::Kind::{Contact, Task};
use crate::domain::link::Link;
use crate::domain::observation::Presence;
use crate::domain::plan::Outcome;
use crate::domain::side::PerSide;
use crate::engine::fold::{LinkChange, fold};
use crate::engine::matching::Pairing;
use crate::engine::testing::*;

/// The link of a pairing of which nothing is written.
fn quiet(world: &World, pairing: Pairing) -> Link {
    let before = pairing.link.clone();
    let one = entry(world, pairing);
    assert!(one.steps == PerSide::default(), "{:?}", one.steps);
    match fold(&one, &PerSide::default(), &KEY, &world.context()) {
        LinkChange::Put(link) => *link,
        LinkChange::None => before.unwrap(),
        LinkChange::Drop(_) => panic!("forgotten"),
    }
}

#[test]
fn conf_03_half_of_a_merge_agrees_on_what_one_side_took_over() {
    // The row's city reached Exchange, the item's title was refused by Dynamics: only that waits.
    let world = World::new();
    let there = row(Contact).text(Field::City1, "Bergen");
    let here = item(Contact).text(Field::JobTitle, "Chief");
    let pairing = world.linked(&row(Contact), &item(Contact));
    let merge = entry(&world, world.then(world.then(pairing, &there), &here));
    let answer = here.clone().text(Field::City1, "Bergen");
    let refused = Some(Outcome::Refused(Code::WriteRefused));
    let outcomes = PerSide { dynamics: refused, exchange: done(&answer, "2") };
    let link = put(fold(&merge, &outcomes, &KEY, &world.context()));
    assert_eq!(world.seen(&there).prints.differing(&link.agreed.dynamics), []);
    assert_eq!(world.seen(&answer).prints.differing(&link.agreed.exchange), [Group::Work]);
}

#[test]
fn conf_05_an_edit_that_slipped_in_leaves_the_pair_unsettled() {
    // The answer holds another text than was read; without one the pair is settled.
    let world = World::new();
    let other = row(Task).text(Field::Subject, "Other");
    let answer = item(Task).text(Field::Subject, "Other");
    for (answer, code) in [
        (answer.clone().text(Field::Body, "slipped in"), Some(Code::ChangedMeanwhile)),
        (answer, None),
    ] {
        let one = entry(&world, world.then(world.linked(&row(Task), &item(Task)), &other));
        let link = put(fold(&one, &exchange(done(&answer, "2")), &KEY, &world.context()));
        assert_eq!(
            link.trouble.map(|trouble| (trouble.code, trouble.attempts)),
            code.map(|it| (it, 0))
        );
    }
}

#[test]
fn task_out_10_a_link_remembers_when_its_row_turns() {
    // The next instant that is not past, by the row alone; at this very instant it still turns.
    let world = World::new();
    let seconds_from_now = [(-1, None), (0, Some(seconds(0))), (3600, Some(seconds(3600)))];
    for (offset, wake) in seconds_from_now {
        let there = row(Task).time(Field::ActualEnd, seconds(offset));
        assert_eq!(quiet(&world, world.linked(&there, &item(Task))).wake, wake, "{offset}");
        let here = item(Task).time(Field::ActualEnd, seconds(offset));
        assert_eq!(quiet(&world, world.linked(&row(Task), &here)).wake, None, "{offset}");
    }
}

#[test]
fn filt_05_only_what_can_be_read_is_agreed_on() {
    // A row that no filter returns but its user may read was compared; an item elsewhere was not.
    let world = World::with(|world| {
        world.directions.0.insert((Task, Field::Subject), Direction::None);
    });
    let pair = || linking(world.linked(&row(Task), &item(Task)), |link| link.matched = false);
    let left = row(Task).text(Field::Body, "x").without(Field::Body).text(Field::Subject, "Other");
    let left = left.presence(Presence::LeftFilter);
    let link = quiet(&world, world.then(pair(), &left));
    assert_eq!(world.seen(&left).prints.differing(&link.agreed.dynamics), []);
    let away = item(Task).text(Field::Subject, "Other").presence(Presence::MovedAway);
    let before = pair().link.unwrap();
    let link = quiet(&world, world.then(pair(), &away));
    assert_eq!(link.agreed.exchange, before.agreed.exchange);
}

#[test]
fn addr_04_only_an_agreement_about_a_contact_ends_the_switch() {
    // With all three addresses, and with one; a task has none.
    for (three, kind, expected) in
        [(true, Contact, true), (false, Contact, false), (true, Task, false)]
    {
        let world = World::with(|world| world.policy.settings.three_addresses = three);
        let pairing = linking(world.linked(&row(kind), &item(kind)), |link| {
            link.three_addresses = !expected;
        });
        assert_eq!(quiet(&world, pairing).three_addresses, expected, "{three} {kind}");
    }
}

#[test]
fn conf_03_a_create_keeps_what_it_was_first_made_from() {
    // A repeat of a create without an answer remembers the source of the first one, whatever came since.
    let world = World::new();
    let source = world.seen(&row(Task)).prints;
    let first = entry(&world, world.alone(&row(Task)));
    assert_eq!(
        (&first.link.agreed.dynamics, &first.link.agreed.exchange),
        (&source, &Prints::default())
    );
    let link = put(fold(&first, &exchange(Some(Outcome::Unknown)), &KEY, &world.context()));
    let mut edited = world.alone(&row(Task).text(Field::Subject, "Other"));
    edited.link = Some(link);
    assert_eq!(entry(&world, edited).link.agreed.dynamics, source);
}
