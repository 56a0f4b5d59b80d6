//! What follows a create in the same cycle (`engine::stamp`).

use crate::domain::kind::Kind::{self, Appointment, Contact, Task};
use crate::domain::link::Role;
use crate::domain::plan::{Op, Step};
use crate::engine::plan::Entry;
use crate::engine::stamp::{mark_follows_row, stamps};
use crate::engine::testing::*;

fn entry(world: &World, pairing: crate::engine::matching::Pairing) -> Entry {
    world.plan(vec![pairing]).entries.remove(0)
}

#[test]
fn appt_in_11_only_an_open_row_of_ones_own_new_meeting_is_stamped() {
    // Not a task, not a copy, not a row that names its meeting or is closed, and not without a create.
    let world = World::new();
    let made = |row: Obs| entry(&world, world.alone(&row));
    assert!(stamps(&made(row(Appointment))));
    assert!(!stamps(&made(row(Task))));
    assert!(!stamps(&made(row(Appointment).uid("u"))));
    for state in [1, 2] {
        assert!(!stamps(&made(row(Appointment).status(state, 3))), "{state}");
    }
    let mut copy = made(row(Appointment));
    copy.verdict.role = Role::PrivateCopy;
    assert!(!stamps(&copy));
    let other = row(Appointment).text(crate::domain::field::Field::Subject, "Other");
    let pair = world.linked(&row(Appointment), &item(Appointment));
    assert!(!stamps(&entry(&world, world.then(pair, &other))), "a change makes no meeting");
}

#[test]
fn inv_7_a_mark_waits_for_its_row_only_where_a_row_is_made() {
    // An import makes the row and marks the item; a create in Exchange, and a change, do not.
    let world = World::new();
    for kind in [Contact, Task] {
        assert!(mark_follows_row(&entry(&world, world.alone(&item(kind)))), "{kind}");
    }
    assert!(!mark_follows_row(&entry(&world, world.alone(&row(Task)))));
    let met = entry(&world, world.met(&row(Contact).uid("u"), &item(Contact).uid("u")));
    let marks =
        |step: &Option<Step>| matches!(step, Some(Step { op: Op::Update { mark: true, .. }, .. }));
    assert!(marks(&met.steps.exchange) && !mark_follows_row(&met), "its row is there");
    let mut unmarked = entry(&world, world.alone(&item(Kind::Task)));
    unmarked.steps.exchange = None;
    assert!(!mark_follows_row(&unmarked));
}
