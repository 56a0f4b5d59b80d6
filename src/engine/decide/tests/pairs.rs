//! A pair that agreed once: what dissolves it, what time changes, what is told of an echo, and what
//! waits when something could not be read (LINK-10, COPY-03, TASK-OUT-10, APPT-OUT-09, CXL-04, ERR-02).

use crate::domain::code::Code;
use crate::domain::field::{Field, Value};
use crate::domain::kind::Kind::{Appointment, Contact, RecurringAppointment, Task};
use crate::domain::link::{LinkState, Role, Trouble, Why};
use crate::domain::observation::Presence;
use crate::domain::plan::Verb;
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::{After, Standing, standing};
use crate::engine::testing::*;

#[test]
fn link_10_a_contact_that_its_user_untracked_is_let_go() {
    // Both items stay as they are; one that was not untracked stays a pair.
    let world = World::new();
    for (untracked, after) in [(true, After::Unlinked(Why::Untracked)), (false, After::Agreed)] {
        let here = item(Contact).item_facts(|facts| facts.untracked = untracked);
        let verdict = world.decide(world.then(world.linked(&row(Contact), &item(Contact)), &here));
        assert!(silent(&verdict));
        assert_eq!(verdict.after, after);
        assert_eq!(cites(&verdict, rule::LINK_10), untracked);
    }
}

#[test]
fn copy_03_only_another_item_takes_the_place_of_the_linked_one() {
    // The linked item itself, or none that was read, takes nobody's place.
    let world = World::new();
    let pair = || world.linked(&row(Task), &item(Task));
    let mut unread = pair();
    unread.seen.exchange = None;
    for (pairing, takes) in [
        (pair(), false),
        (unread, false),
        (world.then(pair(), &item(Task).id("item-2").marked(row_guid(1))), true),
    ] {
        let verdict = world.decide(pairing);
        assert_eq!(cites(&verdict, rule::COPY_03), takes);
        assert_eq!(verdict.decision.verb == Verb::Link, takes);
    }
}

#[test]
fn task_out_10_time_alone_completes_a_task_once_its_end_has_passed() {
    // What turned since the last agreement is carried; what had turned before it was told then.
    let world = World::new();
    for (ends, wake, carried) in [
        (hours(-1), hours(-2), true),
        (hours(-2), hours(-2), true),
        (hours(-3), hours(-2), false),
        (hours(1), hours(-2), false),
    ] {
        let there = row(Task).time(Field::ActualEnd, ends);
        let pairing = linking(world.linked(&there, &item(Task)), |link| link.wake = Some(wake));
        let verdict = world.decide(pairing);
        assert_eq!(writes(&verdict, Exchange, Field::TodoStatus).is_some(), carried, "{ends}");
    }
}

#[test]
fn appt_out_09_an_echo_of_what_mailed_is_told_as_one() {
    // A meeting with attendees; not one without, and no task.
    let world = World::new();
    let guest = ["a@guest.test"];
    for (there, here, told) in [
        (row(Appointment).invites(&guest), item(Appointment).invites(&guest), true),
        (row(Appointment), item(Appointment), false),
        (row(Task), item(Task).invites(&guest), false),
    ] {
        let verdict = world.decide(world.linked(&there, &here));
        assert!(cites(&verdict, rule::CONF_05));
        assert_eq!(cites(&verdict, rule::APPT_OUT_09), told);
    }
}

#[test]
fn appt_in_11_a_row_without_its_name_gets_it_only_after_a_stamp_that_failed() {
    // A settled pair whose row names no meeting is left so; one in trouble writes the name.
    let world = World::new();
    for (troubled, named) in [(false, false), (true, true)] {
        let here = item(Appointment).uid("u");
        let pairing = linking(world.linked(&row(Appointment), &here), |link| {
            let code = Code::ChangedMeanwhile;
            let one = Trouble { code, parked: false, attempts: 1, since: now() };
            link.trouble = troubled.then_some(one);
        });
        let verdict = world.decide(pairing);
        assert_eq!(writes(&verdict, Dynamics, Field::Uid).is_some(), named);
    }
}

#[test]
fn cxl_04_what_is_canceled_takes_its_meeting_along_wherever_its_row_lies() {
    // A single meeting that was also moved into the past goes; a series that was ended stays.
    let world = World::with(|world| world.policy.settings.propagate_cancellations = true);
    let single = row(Appointment).at(hours(-5)).status(2, 4);
    let pairing = world.linked(&row(Appointment), &item(Appointment));
    assert!(deletes(&world.decide(world.then(pairing, &single)), Exchange));
    let pairing = world.linked(&there(&[]), &here(&[]));
    let canceled = there(&[]).status(2, 4);
    assert!(deletes(&world.decide(world.then(pairing.clone(), &canceled)), Exchange));
    let ended = canceled.set(Field::Recurrence, ended());
    let verdict = world.decide(world.then(pairing, &ended));
    assert!(!deletes(&verdict, Exchange));
    assert_eq!(verdict.pairing.kind(), RecurringAppointment);
}

/// A pattern that ended last month.
fn ended() -> Value {
    let Value::Recurrence(mut series) = daily(1) else { panic!("no series") };
    series.first = chrono::NaiveDate::from_ymd_opt(2026, 2, 1).unwrap();
    series.end = crate::domain::recurrence::End::After(3);
    Value::Recurrence(series)
}

#[test]
fn link_01_a_half_that_nothing_was_agreed_with_is_new_as_a_whole() {
    // A link that lacks an item, and one appears: every group of it may differ.
    let world = World::new();
    let here = item(Contact).text(Field::City1, "Bergen");
    let pairing = world.then(world.linked(&row(Contact), &item(Contact)), &here);
    let pairing = linking(pairing, |link| link.native.exchange = None);
    assert_eq!(standing(&pairing, Exchange), Standing::New);
    assert_eq!(standing(&pairing, Dynamics), Standing::Same);
    let verdict = world.decide(pairing);
    assert!(writes(&verdict, Dynamics, Field::City1).is_some());
}

#[test]
fn filt_05_a_row_that_never_matched_stands_as_it_is() {
    // Out of every filter, tracked from Exchange: agreed, or changed like any other.
    let world = World::new();
    let left = row(Task).presence(Presence::LeftFilter);
    let pair = |matched| linking(world.linked(&row(Task), &item(Task)), |it| it.matched = matched);
    assert_eq!(standing(&world.then(pair(false), &left), Dynamics), Standing::Same);
    assert_eq!(standing(&world.then(pair(true), &left), Dynamics), Standing::LeftFilter);
}

#[test]
fn err_02_a_reply_at_fault_makes_no_pair_forget_what_it_was() {
    // What lies in the item leaves a pair in the making, or dissolved, alone; a reply does not.
    let world = World::new();
    let (reply, own) = (Code::ItemUnreadable, Code::TimeZoneUnknown);
    for (state, code, after) in [
        (LinkState::Agreed, reply, After::Unsettled(reply)),
        (LinkState::Agreed, own, After::Unsettled(own)),
        (LinkState::Creating(Exchange), reply, After::Unsettled(reply)),
        (LinkState::Creating(Exchange), own, After::LeftAlone(own)),
        (LinkState::Unlinked(Why::LeftFilter), reply, After::Unsettled(reply)),
        (LinkState::Unlinked(Why::LeftFilter), own, After::LeftAlone(own)),
        (LinkState::DeletedInExchange, reply, After::Unsettled(reply)),
        (LinkState::DeletedInExchange, own, After::LeftAlone(own)),
        (LinkState::LeftAlone, reply, After::LeftAlone(reply)),
    ] {
        let mut here = item(Appointment);
        here.0.unfit = Some(code);
        let pairing = in_state(world.linked(&row(Appointment), &here), state);
        assert_eq!(world.decide(pairing).after, after, "{state:?} {code:?}");
    }
}

#[test]
fn filt_18_a_farewell_to_an_item_nobody_read_may_replace_an_edit_and_says_so() {
    // The row was edited on its way out: over an item that was just made it is told, else not.
    let world = World::with(|world| world.policy.settings.distinct_deletes = true);
    let left = |text: &str| row(Task).text(Field::Subject, text).presence(Presence::LeftFilter);
    for (state, subject, told) in [
        (LinkState::Creating(Exchange), "Other", true),
        (LinkState::Creating(Exchange), "Call back", false),
        (LinkState::Agreed, "Other", false),
    ] {
        let here = item(Task).marked(row_guid(1));
        let pairing = in_state(world.linked(&row(Task), &here), state);
        let verdict = world.decide(world.then(pairing, &left(subject)));
        let case = format!("{state:?} {subject} {:?}", verdict.decision);
        assert_eq!(cites(&verdict, rule::CONF_03), told, "{case}");
        assert_eq!(verdict.decision.code == Some(Code::ConflictResolved), told, "{case}");
    }
}

#[test]
fn appt_out_13_a_body_with_its_format_cites_the_rule() {
    // Markup that flows as markup; plain text cites nothing.
    let world = World::with(|world| world.policy.settings.rich_bodies = true);
    for (text, cited) in [("<p>one <b>two</b></p>", true), ("one two", false)] {
        let pairing = world.linked(&row(Appointment), &item(Appointment));
        let verdict = world.decide(world.then(pairing, &row(Appointment).text(Field::Body, text)));
        assert!(writes(&verdict, Exchange, Field::Body).is_some(), "{text}");
        assert_eq!(cites(&verdict, rule::APPT_OUT_13), cited, "{text}");
    }
    assert_eq!(Role::Owner, world.linked(&row(Task), &item(Task)).link.unwrap().role);
}

#[test]
fn addr_04_a_later_agreement_pushes_nothing() {
    // All three took part before: an edit in Exchange flows to Dynamics like any other. In the first
    // one, a column that may not flow to Exchange yields to what Exchange holds.
    use crate::domain::direction::Direction;
    let three = |world: &mut World| world.policy.settings.three_addresses = true;
    let city = |obs: Obs, city: &str| obs.text(Field::City2, city);
    let world = World::with(three);
    let marked = item(Contact).marked(row_guid(1));
    let (there, here) = (city(row(Contact), "Oslo"), city(marked, "Oslo"));
    let before = linking(world.linked(&there, &here), |link| link.three_addresses = true);
    let verdict = world.decide(world.then(before, &city(here.clone(), "Turku")));
    assert!(!cites(&verdict, rule::ADDR_04));
    assert!(writes(&verdict, Dynamics, Field::City2).is_some());
    let closed = World::with(|world| {
        three(world);
        world.directions.0.insert((Contact, Field::City2), Direction::ToDynamics);
    });
    let pairing = World::new().linked(&there, &here);
    let pairing = closed.then(closed.then(pairing, &there), &city(here.clone(), "Turku"));
    let verdict = closed.decide(pairing);
    assert!(cites(&verdict, rule::ADDR_04) && writes(&verdict, Exchange, Field::City2).is_none());
    assert!(writes(&verdict, Dynamics, Field::City2).is_some());
    // The mailing address that both hold follows the side that edited it.
    let old = World::new();
    let here = here.text(Field::City1, "Turku");
    let verdict = world.decide(world.then(
        world.then(old.linked(&there, &city(item(Contact).marked(row_guid(1)), "Oslo")), &there),
        &here,
    ));
    assert!(writes(&verdict, Dynamics, Field::City1).is_some());
    assert!(writes(&verdict, Exchange, Field::City1).is_none());
}

#[test]
fn conf_03_an_occurrence_that_neither_side_edited_goes_nowhere() {
    // While both former states are known nothing is missing; where the item was made without an answer,
    // it has yet to get what its source holds.
    use crate::domain::fingerprint::Prints;
    for (known, written) in [(true, false), (false, true)] {
        let world = World::new();
        let item = here(&[]).marked(row_guid(1));
        let pairing = world.linked(&there(&[named(12, "Twelve")]), &item);
        let pairing = linking(in_state(pairing, LinkState::Creating(Exchange)), |link| {
            if !known {
                link.agreed.exchange = Prints::default();
            }
        });
        let verdict = world.decide(pairing);
        let list = writes(&verdict, Exchange, Field::Exceptions).flatten();
        assert_eq!(list.is_some(), written, "{known} {:?}", verdict.writes);
    }
}

#[test]
fn cont_08_a_row_without_a_parent_says_nothing_against_an_unknown_company() {
    // There is no account of that name: the company stays in Exchange, and nobody lost anything.
    let world = World::new();
    let here = item(Contact).marked(row_guid(1)).text(Field::Company, "Contoso");
    let verdict = world.decide(world.met(&row(Contact), &here));
    assert_eq!(writes(&verdict, Exchange, Field::Company), None);
    assert!(!cites(&verdict, rule::CONF_03));
}
