//! One direction of a carry: what is held, what comes along, whom it mails, which rule it cites
//! (APPT-OUT-06, APPT-OUT-08, APPT-OUT-11, APPT-IN-11, FLD-02, TASK-OUT-03, TASK-OUT-10).

use crate::domain::direction::Direction;
use crate::domain::field::{Field, Value};
use crate::domain::kind::Kind::{self, Appointment, Contact, ServiceAppointment, Task};
use crate::domain::link::Role;
use crate::domain::plan::{MailClass, Verb};
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::{Verdict, Write};
use crate::engine::testing::*;

const GUEST: &str = "served@contoso.test";

/// A pair whose row then changes.
fn edited(world: &World, before: &Obs, item: &Obs, after: &Obs) -> Verdict {
    world.decide(world.then(world.linked(before, item), after))
}

fn mail(verdict: &Verdict) -> Option<MailClass> {
    match verdict.writes.exchange.as_ref()? {
        Write::Update { mail, .. } => Some(*mail),
        Write::Create { .. } | Write::Unmark { .. } | Write::Delete { .. } => None,
    }
}

#[test]
fn conf_05_fld_02_what_needs_no_write_cites_why() {
    // Equal after translation: an echo. Kept back by a direction: that rule.
    let world = World::new();
    let row = row(Contact).text(Field::JobTitle, "CEO");
    let item = item(Contact).text(Field::JobTitle, "CEO");
    let blanks = row.clone().text(Field::JobTitle, "CEO\r\n");
    assert!(cites(&edited(&world, &row, &item, &blanks), rule::CONF_05));
    let closed = World::with(|world| {
        world.directions.0.insert((Contact, Field::JobTitle), Direction::ToDynamics);
    });
    let verdict = edited(&closed, &row, &item, &row.clone().text(Field::JobTitle, "CFO"));
    assert!(verdict.writes.exchange.is_none());
    assert!(cites(&verdict, rule::FLD_02) && !cites(&verdict, rule::CONF_05));
}

#[test]
fn appt_out_11_a_past_meeting_is_changed_and_cited_only_where_the_organization_says_so() {
    // Past and with attendees: held by default; said so: written, mails, and cites the rule. What
    // mails nobody, or is to come, does not cite it.
    for (start, guest, said, written, cited) in [
        (hours(-2), true, false, false, false),
        (hours(-2), true, true, true, true),
        (hours(-2), false, true, true, false),
        (hours(2), true, true, true, false),
        (hours(2), true, false, true, false),
    ] {
        let world = World::with(|world| world.policy.settings.update_past = said);
        let with = |one: Obs| if guest { one.invites(&[GUEST]) } else { one };
        let row = with(row(Appointment).at(start));
        let item = with(item(Appointment).at(start));
        let verdict = edited(&world, &row, &item, &row.clone().text(Field::Subject, "New"));
        assert_eq!(verdict.writes.exchange.is_some(), written, "{start} {guest} {said}");
        assert_eq!(cites(&verdict, rule::APPT_OUT_11), cited, "{start} {guest} {said}");
    }
}

#[test]
fn task_out_10_a_status_cites_the_end_only_when_it_has_passed() {
    // An end a second ago is the rule; one at this instant, or to come, is not.
    for (end, ended) in [(seconds(-1), true), (now(), false), (hours(1), false)] {
        let world = World::new();
        let after = row(Task).time(Field::ActualEnd, end).percent(50);
        let verdict = edited(&world, &row(Task), &item(Task), &after);
        assert_eq!(cites(&verdict, rule::TASK_OUT_10), ended, "{end}");
        assert_eq!(cites(&verdict, rule::TASK_OUT_07), !ended, "{end}");
    }
}

#[test]
fn appt_out_06_a_meeting_that_returns_to_the_future_takes_along_what_was_held_back() {
    // Its subject was held back while it was past. Moved to the future by its row, it comes along;
    // it does not when it stays past, when it never was past, or when the move is no move.
    for (was, becomes, along) in
        [(hours(-2), hours(24), true), (hours(-2), hours(-1), false), (hours(2), hours(24), false)]
    {
        let world = World::new();
        let pairing = world.linked(&row(Appointment).at(was), &item(Appointment).at(was));
        // What was held back is agreed on neither side: the hashes are as if it had been.
        let held = row(Appointment).at(was).text(Field::Subject, "Held");
        let prints = world.seen(&held).prints;
        let pairing = linking(pairing, |link| link.agreed.dynamics = prints.clone());
        let moved = row(Appointment).at(becomes).text(Field::Subject, "Held");
        let rivals = world.then(pairing.clone(), &moved);
        let verdict = world.decide(world.then(pairing, &moved));
        let written = writes(&verdict, Exchange, Field::Subject).is_some();
        assert_eq!(written, along, "{was} {becomes}");
        // What Exchange changed itself is not overwritten by what was held back.
        let placed = item(Appointment).at(was).text(Field::Location, "Room 4");
        let verdict = world.decide(world.then(rivals, &placed));
        assert_eq!(writes(&verdict, Exchange, Field::Location), None, "{was} {becomes}");
    }
}

#[test]
fn appt_out_06_guests_are_added_by_a_move_to_the_future_and_by_nothing_else() {
    // The event has none because it was past. A move adds them; an edit of the place does not, nor
    // does a move of a meeting whose event has some.
    let world = World::new();
    let guests = |one: Obs| one.invites(&[GUEST]);
    let before = guests(row(Appointment).at(hours(2)));
    let bare = item(Appointment).at(hours(2));
    let pairing = |item: &Obs| world.linked(&before, item);
    let invited = |verdict: &_| writes(verdict, Exchange, Field::RequiredAttendees).is_some();
    let moved = guests(row(Appointment).at(hours(48)));
    assert!(invited(&world.decide(world.then(pairing(&bare), &moved))));
    let placed = before.clone().text(Field::Location, "Room 4");
    assert!(!invited(&world.decide(world.then(pairing(&bare), &placed))));
    let full = guests(item(Appointment).at(hours(2)));
    assert!(!invited(&world.decide(world.then(pairing(&full), &moved))));
    let nobody = row(Appointment).at(hours(48));
    let alone = world.linked(&row(Appointment).at(hours(2)), &bare);
    assert!(!invited(&world.decide(world.then(alone, &nobody))));
}

#[test]
fn appt_out_08_svc_02_a_copy_that_invites_is_left_alone_and_says_which_rule() {
    // A private copy without guests is written; with guests it is not, by the rule of its kind.
    for (kind, id) in [(Appointment, rule::APPT_OUT_08), (ServiceAppointment, rule::SVC_02)] {
        for guests in [false, true] {
            let world = World::new();
            let item = if guests { item(kind).invites(&[GUEST]) } else { item(kind) };
            let pairing = in_role(world.linked(&row(kind), &item), Role::PrivateCopy);
            let after = row(kind).text(Field::Subject, "New");
            let verdict = world.decide(world.then(pairing, &after));
            assert_eq!(verdict.writes.exchange.is_some(), !guests, "{kind} {guests}");
            assert_eq!(cites(&verdict, id), guests, "{kind} {guests}");
            let pairing = in_role(world.linked(&row(kind), &item), Role::PrivateCopy);
            let invited =
                world.decide(world.then(pairing, &row(kind).invites(&[GUEST, "a@x.test"])));
            assert_eq!(writes(&invited, Exchange, Field::RequiredAttendees), None, "{kind}");
        }
    }
}

#[test]
fn appt_out_09_a_change_mails_who_attends_before_or_after_it() {
    // The larger of both lists; nobody where there is none; contacts and tasks mail nobody.
    let world = World::new();
    let list = |one: Obs, count: usize| one.invites(&[GUEST, "a@x.test", "b@x.test"][..count]);
    for (before, after, mails) in [(0, 0, 0), (1, 1, 1), (1, 3, 3), (3, 1, 3), (0, 2, 2)] {
        let row_before = list(row(Appointment), before);
        let row_after = list(row(Appointment), after).text(Field::Subject, "New");
        let verdict = edited(&world, &row_before, &list(item(Appointment), before), &row_after);
        let expected = if mails == 0 { MailClass::Silent } else { MailClass::Mails(mails) };
        assert_eq!(mail(&verdict), Some(expected), "{before} {after}");
    }
    let task = row(Task).text(Field::Subject, "New");
    assert_eq!(mail(&edited(&world, &row(Task), &item(Task), &task)), Some(MailClass::Silent));
}

#[test]
fn appt_in_11_the_identity_is_written_by_the_organizer_to_an_open_row_that_has_none() {
    // Not by an attendee, not to a closed row, not over another, and not to a task.
    let stamped = |kind: Kind, role: Role, state: i64, has: bool| {
        let world = World::new();
        let row = row(kind).status(state, 5);
        let row = if has { row.uid("u-0") } else { row };
        let pairing = in_role(world.linked(&row, &item(kind).uid("u-1")), role);
        let after = item(kind).uid("u-1").text(Field::Subject, "New");
        let verdict = world.decide(world.then(pairing, &after));
        writes(&verdict, Dynamics, Field::Uid) == Some(Some(Value::Text("u-1".to_owned())))
    };
    assert!(stamped(Appointment, Role::Owner, 0, false));
    assert!(stamped(Appointment, Role::Owner, 3, false));
    assert!(!stamped(Appointment, Role::Guest, 0, false));
    assert!(!stamped(Appointment, Role::Owner, 1, false));
    assert!(!stamped(Appointment, Role::Owner, 2, false));
    assert!(!stamped(Appointment, Role::Owner, 0, true));
    assert!(!stamped(Task, Role::Owner, 0, false));
}

#[test]
fn copy_03_an_item_that_takes_the_place_of_another_says_so() {
    // The marker of the pair on an item with another id: linked by that rule, written or not.
    let world = World::new();
    let pairing = world.linked(&row(Contact), &item(Contact));
    let other = item(Contact).id("item-2").marked(row_guid(1));
    let verdict = world.decide(world.then(pairing.clone(), &other));
    assert!(cites(&verdict, rule::COPY_03));
    assert_eq!(verdict.decision.verb, Verb::Link);
    let same = world.decide(world.then(pairing, &item(Contact)));
    assert!(!cites(&same, rule::COPY_03));
}

#[test]
fn cont_08_a_company_fills_an_empty_parent_whoever_wins() {
    // Two contacts meet, one without a parent: the card's company is taken, also where Dynamics
    // wins all else; a parent that is there stays.
    for (parent, taken) in [(None, true), (Some("Contoso"), false)] {
        let mut world = World::new();
        world.accounts.insert("Fabrikam".to_owned(), row_guid(9));
        let row = parent.map_or_else(|| row(Contact), |it| row(Contact).text(Field::Company, it));
        let card = item(Contact).text(Field::Company, "Fabrikam").marked(row_guid(1));
        let verdict = world.decide(world.met(&row, &card));
        let written = writes(&verdict, Dynamics, Field::Company).is_some();
        assert_eq!(written, taken, "{parent:?} {:?}", verdict.decision);
    }
}
