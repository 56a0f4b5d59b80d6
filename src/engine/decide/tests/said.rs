//! What counts as saying the same, and what is known of a pair that was made without an answer
//! (APPT-OUT-13, APPT-IN-04, CONT-08, CONF-03, CONT-10, LINK-08).

use crate::domain::code::Code;
use crate::domain::field::{Field, Group, ShowAs};
use crate::domain::fingerprint::Prints;
use crate::domain::kind::Kind::{self, Appointment, Contact, Task};
use crate::domain::link::LinkState;
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::After;
use crate::engine::decide::split::say_the_same;
use crate::engine::testing::*;

fn same(kind: Kind, group: Group, there: &Obs, here: &Obs) -> bool {
    let world = World::new();
    say_the_same(kind, group, &there.0.fields, &here.0.fields, &world.context())
}

#[test]
fn appt_out_13_only_a_single_appointment_says_the_same_in_another_format() {
    // Markup that stands in a row as text and the text that it says: of a task these are two bodies.
    for (kind, here, alike) in [
        (Appointment, "one two", true),
        (Appointment, "one three", false),
        (Task, "one two", false),
        (Task, "<p>one <b>two</b></p>", true),
    ] {
        let there = row(kind).text(Field::Body, "<p>one <b>two</b></p>");
        let here = item(kind).text(Field::Body, here);
        assert_eq!(same(kind, Group::Body, &there, &here), alike, "{kind} {here:?}");
    }
}

#[test]
fn conf_03_one_side_that_would_write_nothing_is_enough_to_agree() {
    // Working elsewhere is free in Dynamics, though free is not working elsewhere. A company is another
    // matter: one of which there is no account writes nothing and says something else all the same.
    let free = row(Appointment).status(0, 1);
    let elsewhere = item(Appointment).shows(ShowAs::WorkingElsewhere);
    assert!(same(Appointment, Group::Status, &free, &elsewhere));
    assert!(!same(Appointment, Group::Status, &row(Appointment), &elsewhere));
    let there = row(Contact).text(Field::Company, "Fabrikam");
    let here = item(Contact).text(Field::Company, "Contoso");
    assert!(!same(Contact, Group::Company, &there, &here));
    assert!(same(Contact, Group::Company, &row(Contact), &here));
}

#[test]
fn conf_03_an_edit_that_may_not_leave_its_mailbox_replaces_nothing() {
    // The row was made without an answer and its meeting was renamed since: an attendee of a served
    // organizer writes nothing, so nothing gives way; the organizer himself may have replaced an edit.
    let world = World::new();
    for (organizer, told) in [("served@contoso.test", false), ("me@contoso.test", true)] {
        let here = item(Appointment).held_by(organizer);
        let pairing = world.linked(&row(Appointment), &here);
        let pairing = linking(in_state(pairing, LinkState::Creating(Dynamics)), |link| {
            link.agreed.dynamics = Prints::default();
        });
        let verdict = world.decide(world.then(pairing, &here.text(Field::Subject, "Other")));
        assert_eq!(writes(&verdict, Dynamics, Field::Subject).is_some(), told, "{organizer}");
        assert_eq!(cites(&verdict, rule::CONF_03), told, "{organizer} {verdict:?}");
    }
}

#[test]
fn cont_10_an_item_that_went_before_its_answer_is_judged_by_what_is_known_of_it() {
    // The source of a row goes as any half of a pair, and so does an item that was made and read since;
    // beside a row that was left alone nothing is made again; of an item that nobody knows nothing went.
    let world = World::new();
    let gone = item(Task).gone();
    let decide = |state: LinkState, known: bool, prints: bool| {
        let pairing = in_state(world.linked(&row(Task), &item(Task)), state);
        let pairing = linking(pairing, |link| {
            if !known {
                link.native.exchange = None;
            }
            if !prints {
                link.agreed.exchange = Prints::default();
            }
        });
        world.decide(world.then(pairing, &gone))
    };
    let source = decide(LinkState::Creating(Dynamics), true, true);
    assert!(!cites(&source, rule::CONT_10) && !creates(&source, Exchange), "{source:?}");
    assert!(deletes(&source, Dynamics), "{source:?}");
    assert!(deletes(&decide(LinkState::Creating(Exchange), true, false), Dynamics));
    let alone = decide(LinkState::LeftAlone, true, false);
    assert_eq!((alone.after, silent(&alone)), (After::DeletedInExchange, true));
    assert_eq!(alone.decision.code, Some(Code::NotRecreated));
    assert!(creates(&decide(LinkState::Creating(Exchange), false, false), Exchange));
}

#[test]
fn link_08_only_an_unmarked_item_of_its_owner_is_marked() {
    // One that names its row already is not written again, and a meeting of another organizer is not
    // ours to write even where the list is empty.
    let world = World::new();
    let creating = |here: Obs| {
        let pairing =
            in_state(world.linked(&row(here.0.kind), &here), LinkState::Creating(Dynamics));
        let mut pairing = linking(pairing, |link| link.native.dynamics = None);
        pairing.seen.dynamics = None;
        world.decide(pairing)
    };
    for (here, marked) in [
        (item(Task), true),
        (item(Task).marked(row_guid(1)), false),
        (item(Appointment), true),
        (item(Appointment).held_by("served@contoso.test"), false),
        (item(Appointment).invites(&["a@guest.test"]), false),
    ] {
        let verdict = creating(here);
        assert!(creates(&verdict, Dynamics), "{verdict:?}");
        assert_eq!(verdict.writes.exchange.is_some(), marked, "{verdict:?}");
    }
}
