//! Tests of the plan: ids and keys of what is new, create markers, the order of steps.

use std::collections::HashMap;

use crate::domain::code::Code;
use crate::domain::ids::{LinkId, NativeId};
use crate::domain::kind::Kind::{Appointment, Contact, Task};
use crate::domain::plan::Op;
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::plan::Plan;
use crate::engine::testing::*;

fn key(plan: &Plan) -> uuid::Uuid {
    plan.steps(Dynamics)[0].1.key
}

#[test]
fn appt_in_11_all_who_track_a_meeting_give_its_row_the_same_id() {
    // By the meeting's identity, in whichever mailbox it is seen; a task has none, and another
    // meeting another.
    let id = |item: Obs| {
        let world = World::new();
        world.plan(vec![world.alone(&item)]).entries[0].link.id
    };
    let event = |id: &str, uid: &str| item(Appointment).id(id).uid(uid);
    assert_eq!(id(event("mine", "u-1")), id(event("hers", "u-1")));
    assert_ne!(id(event("mine", "u-1")), id(event("mine", "u-2")));
    assert_ne!(id(item(Task).uid("u-1")), id(event("mine", "u-1")));
}

#[test]
fn inv_7_a_row_made_of_an_item_has_the_same_id_each_time() {
    // Another item, or another mailbox, gives another one; so does a copy, whose place may be taken.
    let id = |world: &World, pairing| world.plan(vec![pairing]).entries[0].link.id;
    let world = World::new();
    let task = |world: &World, id: &str| world.alone(&item(Task).id(id));
    let first = id(&world, task(&world, "item-1"));
    assert_eq!(first, id(&world, task(&world, "item-1")));
    assert_ne!(first, id(&world, task(&world, "item-2")));
    let other = World::with(|world| world.mailbox.key.mailbox = uuid::Uuid::from_u128(77));
    assert_ne!(first, id(&other, task(&other, "item-1")));
    let mut copy = task(&world, "item-1");
    copy.copy = true;
    assert_ne!(first, id(&world, copy));
}

#[test]
fn inv_7_a_row_of_which_no_answer_could_be_read_is_not_believed_to_be_there() {
    // It was asked for by the id that the item gives it. What a marker names, or a link knows, was there.
    let world = World::new();
    let mut unread = row(Contact);
    unread.0.unfit = Some(Code::ItemUnreadable);
    let known = |pairing| world.plan(vec![pairing]).entries[0].link.native.dynamics.is_some();
    let bare = item(Contact);
    assert!(!known(world.met(&unread, &bare)));
    assert!(known(world.met(&row(Contact), &bare)));
    assert!(known(world.met(&unread, &bare.clone().marked(row_guid(1)))));
    assert!(known(world.then(world.linked(&row(Contact), &bare), &unread)));
    let mut again = world.met(&unread, &bare);
    again.link = Some(world.plan(vec![again.clone()]).entries[0].link.clone());
    assert!(!known(again), "asked twice");
}

#[test]
fn link_03_a_create_keeps_its_key_and_the_next_create_gets_another() {
    // The key follows the time of the marker: equal for a repeat of one create, new for the next.
    let world = World::new();
    let first = world.plan(vec![world.alone(&item(Appointment).uid("u-1"))]);
    let again = world.plan(vec![world.alone(&item(Appointment).uid("u-1"))]);
    assert_eq!(key(&first), key(&again));
    let later = World::with(|world| world.now = hours(1));
    let later = later.plan(vec![later.alone(&item(Appointment).uid("u-1"))]);
    assert_ne!(key(&first), key(&later));
}

#[test]
fn inv_1_only_creates_are_marked_before_they_are_sent() {
    // A new row is marked; a change and a delete are not.
    let world = World::new();
    let edited = world.linked(&row(Contact), &item(Contact));
    let edited =
        world.then(edited, &row(Contact).text(crate::domain::field::Field::LastName, "Mitchell"));
    let gone = world.linked(&row(Task), &item(Task));
    let gone = world.then(gone, &row(Task).gone());
    let plan = world.plan(vec![edited, gone, world.alone(&item(Appointment).uid("u-1"))]);
    let markers = plan.markers();
    assert_eq!((markers.len(), markers[0].kind), (1, Appointment));
    let ops: Vec<bool> =
        plan.steps(Exchange).iter().map(|(_, step)| matches!(step.op, Op::Delete { .. })).collect();
    assert_eq!(ops, [true, false, false], "deletes come first");
    assert!(!plan.is_quiet());
    let quiet = world.plan(vec![world.linked(&row(Task), &item(Task))]);
    assert!(quiet.is_quiet() && quiet.markers().is_empty());
}

#[test]
fn link_03_an_item_that_lockstep_made_came_from_dynamics() {
    // Of two that meet, one with the mark of having been made was a row first; one without stood
    // there on its own; alone, each came from its own side.
    let world = World::new();
    let origin = |pairing| world.plan(vec![pairing]).entries[0].link.origin;
    let made = item(Contact).item_facts(|facts| facts.made = true);
    assert_eq!(origin(world.met(&row(Contact), &made)), Dynamics);
    assert_eq!(origin(world.met(&row(Contact), &item(Contact))), Exchange);
    assert_eq!(origin(world.alone(&item(Contact))), Exchange);
    assert_eq!(origin(world.alone(&made)), Exchange);
}

#[test]
fn a_plan_that_is_carried_out_later_keeps_the_ids_that_it_showed() {
    // The new row gets the id of the earlier plan, and so do its step and its key; a pair that is
    // known keeps its own.
    let world = World::new();
    let mut plan = world.plan(vec![
        world.alone(&item(Task).id("new")),
        world.linked(&row(Contact), &item(Contact).id("known")),
    ]);
    let (shown, before) = (LinkId(row_guid(77)), key(&plan));
    let known = plan.entries[1].link.id;
    plan.name_rows(&HashMap::from([
        (NativeId::new("new"), shown),
        (NativeId::new("known"), shown),
    ]));
    assert_eq!((plan.entries[0].link.id, plan.entries[1].link.id), (shown, known));
    let step = plan.steps(Dynamics).remove(0).1;
    assert_eq!(step.link, shown);
    assert_ne!(step.key, before);
}
