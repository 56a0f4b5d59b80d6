//! Events that become rows (APPT-IN, ORG-05).

use crate::domain::code::Code;
use crate::domain::field::{Field, ShowAs, Value};
use crate::domain::kind::Kind::Appointment;
use crate::domain::link::Role;
use crate::domain::party::{PartyRow, PartyTable};
use crate::domain::plan::Verb;
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::After;
use crate::engine::testing::*;

/// The user behind the single party of a field.
fn user_of(value: Option<Option<Value>>) -> Option<uuid::Uuid> {
    let Some(Some(Value::Parties(parties))) = value else { return None };
    parties.first().and_then(|party| party.row).map(|row| row.id)
}

#[test]
fn appt_in_01_a_tracked_event_becomes_a_row() {
    // A tracked event of the user becomes a row with its identity, owned and organized by the user.
    let world = World::new();
    let verdict = world.decide(world.alone(&item(Appointment).uid("u-1")));
    assert_eq!(verdict.decision.verb, Verb::Create(Dynamics));
    assert!(cites(&verdict, rule::APPT_IN_01));
    let uid = writes(&verdict, Dynamics, Field::Uid);
    assert_eq!(uid, Some(Some(Value::Text("u-1".to_owned()))));
    for field in [Field::Owner, Field::Organizer] {
        assert_eq!(user_of(writes(&verdict, Dynamics, field)), Some(ME.0));
    }
}

#[test]
fn org_05_the_organizer_owns_the_row_if_he_is_a_user() {
    // Owner is the organizer when he is an enabled user, else the one who tracked the meeting.
    for (organizer, owner, known) in [
        ("unserved@contoso.test", UNSERVED, true),
        ("disabled@contoso.test", ME, false),
        ("boss@elsewhere.test", ME, false),
    ] {
        let world = World::new();
        let verdict = world.decide(world.alone(&item(Appointment).held_by(organizer)));
        assert_eq!(user_of(writes(&verdict, Dynamics, Field::Owner)), Some(owner.0), "{organizer}");
        assert_eq!(user_of(writes(&verdict, Dynamics, Field::Organizer)).is_some(), known);
        assert_eq!(verdict.role, Role::Guest);
        assert!(cites(&verdict, rule::ORG_05));
    }
}

#[test]
fn appt_in_02_appt_in_04_the_calendar_status_reaches_an_open_row() {
    // Each calendar status becomes state and reason of an open row.
    for (shows, state, reason) in [
        (ShowAs::Free, 0, 1),
        (ShowAs::WorkingElsewhere, 0, 1),
        (ShowAs::Tentative, 0, 2),
        (ShowAs::Oof, 3, 6),
    ] {
        let world = World::new();
        let pairing = world.linked(&row(Appointment), &item(Appointment));
        let verdict = world.decide(world.then(pairing, &item(Appointment).shows(shows)));
        let number = |field| writes(&verdict, Dynamics, field);
        assert_eq!(number(Field::State), Some(Some(Value::Number(state))), "{shows:?}");
        assert_eq!(number(Field::StatusReason), Some(Some(Value::Number(reason))));
    }
}

#[test]
fn appt_in_04_working_elsewhere_is_not_written_back() {
    // A free row whose event shows "working elsewhere" agrees; another change leaves that alone.
    let world = World::new();
    let free = row(Appointment).status(0, 1);
    let item = item(Appointment).shows(ShowAs::WorkingElsewhere);
    let changed = free.clone().text(Field::Subject, "Other");
    let verdict = world.decide(world.then(world.linked(&free, &item), &changed));
    assert_eq!(writes(&verdict, Exchange, Field::ShowAs), None);
    assert!(writes(&verdict, Exchange, Field::Subject).is_some());
}

#[test]
fn appt_in_03_appt_in_05_nothing_reaches_a_closed_row() {
    // A completed or canceled row takes no change from Exchange; an open one does.
    for (state, reason, held) in [(1, 3, true), (2, 4, true), (0, 1, false), (3, 5, false)] {
        let world = World::new();
        let row = row(Appointment).status(state, reason);
        let changed = item(Appointment).text(Field::Subject, "Other").shows(ShowAs::Free);
        let verdict = world.decide(world.then(world.linked(&row, &item(Appointment)), &changed));
        assert_eq!(verdict.writes.dynamics.is_none(), held, "{state}");
        assert_eq!(cites(&verdict, rule::APPT_IN_05), held);
        assert_eq!(verdict.decision.code, held.then_some(Code::RowClosed));
    }
}

#[test]
fn appt_in_09_privacy_flows_from_exchange_when_switched_on() {
    // The private flag reaches the row only with the setting, and never the other way.
    let private = Value::Flag(true);
    for on in [true, false] {
        let world = World::with(|world| world.policy.settings.sync_private = on);
        let pairing = world.linked(&row(Appointment), &item(Appointment));
        let changed = item(Appointment).set(Field::Private, private.clone());
        let verdict = world.decide(world.then(pairing, &changed));
        assert_eq!(writes(&verdict, Dynamics, Field::Private).is_some(), on);
        let pairing = world.linked(&row(Appointment), &item(Appointment));
        let changed = row(Appointment).set(Field::Private, private.clone());
        assert!(silent(&world.decide(world.then(pairing, &changed))));
    }
}

#[test]
fn appt_in_09_a_private_event_that_meets_its_row_makes_it_private() {
    // Exchange is the source of truth also when nothing was agreed yet.
    let world = World::with(|world| world.policy.settings.sync_private = true);
    let item = item(Appointment).set(Field::Private, Value::Flag(true)).marked(row_guid(1));
    let verdict = world.decide(world.met(&row(Appointment), &item));
    assert_eq!(writes(&verdict, Dynamics, Field::Private), Some(Some(Value::Flag(true))));
}

#[test]
fn appt_in_10_attendees_get_the_rows_behind_their_addresses() {
    // A known address carries its row, an unknown one stays an address.
    let contact = PartyRow { table: PartyTable::Contact, id: row_guid(77) };
    let world = World::with(|world| {
        world.parties.insert(address("a@guest.test"), contact);
    });
    let pairing = world.linked(&row(Appointment), &item(Appointment));
    let changed = item(Appointment).invites(&["a@guest.test", "b@guest.test"]);
    let verdict = world.decide(world.then(pairing, &changed));
    let Some(Some(Value::Parties(list))) = writes(&verdict, Dynamics, Field::RequiredAttendees)
    else {
        panic!("no attendees");
    };
    let rows: Vec<_> = list.iter().map(|party| party.row).collect();
    assert_eq!(rows, [Some(contact), None]);
}

#[test]
fn appt_in_11_a_meeting_finds_its_row_by_identity() {
    // An event and a row of one identity are linked instead of made twice.
    let world = World::new();
    let verdict = world.decide(world.met(&row(Appointment).uid("u"), &item(Appointment).uid("u")));
    assert!(!creates(&verdict, Dynamics) && !creates(&verdict, Exchange));
    assert!(cites(&verdict, rule::APPT_IN_11) && verdict.after == After::Agreed);
}

#[test]
fn cxl_13_a_meeting_cancelled_by_its_organizer_becomes_free_not_deleted() {
    // An external organizer's cancellation is an update of the row.
    let world = World::new();
    let event = item(Appointment).held_by("boss@elsewhere.test");
    let pairing = in_role(world.linked(&row(Appointment), &event), Role::Guest);
    let changed = event.shows(ShowAs::Free).item_facts(|it| it.is_cancelled = true);
    let verdict = world.decide(world.then(pairing, &changed));
    assert!(!deletes(&verdict, Dynamics) && cites(&verdict, rule::CXL_13));
    assert_eq!(writes(&verdict, Dynamics, Field::StatusReason), Some(Some(Value::Number(1))));
}

#[test]
fn fld_05_a_row_needs_a_subject() {
    // An event without subject becomes a row with a stand-in.
    let world = World::new();
    let verdict = world.decide(world.alone(&item(Appointment).without(Field::Subject)));
    let subject = writes(&verdict, Dynamics, Field::Subject);
    assert_eq!(subject, Some(Some(Value::Text("(no subject)".to_owned()))));
}
