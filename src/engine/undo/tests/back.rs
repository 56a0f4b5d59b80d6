//! What is made again after a delete: as whose, with whom, and what it mails (OPS-02, ORG-05).

use crate::domain::field::{Field, Group, Value};
use crate::domain::ids::UserId;
use crate::domain::journal::{KeptContent, OpName};
use crate::domain::kind::Kind::{
    self, Appointment, RecurringAppointment, ServiceAppointment, Task,
};
use crate::domain::link::Role;
use crate::domain::plan::MailClass;
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::domain::side::{PerSide, Side};
use crate::engine::decide::Verdict;
use crate::engine::testing::*;
use crate::engine::undo::{Former, Reason, undo};

const GUEST: &str = "ann@customer.example";

fn kept(obs: &Obs, organizer: Option<UserId>, world: &World) -> KeptContent {
    let fields = world.seen(obs).observation.fields;
    KeptContent { fields, organizer, ..KeptContent::default() }
}

fn former(side: Side, content: KeptContent) -> PerSide<Option<Former>> {
    let mut all = PerSide::default();
    all.set(side, Some(Former { op: OpName::Delete, content }));
    all
}

/// Both items of a pair are gone, that of a side is brought back.
fn back(world: &World, side: Side, obs: &Obs, organizer: Option<UserId>) -> Verdict {
    let mut gone = world.linked(&row(obs.0.kind), &item(obs.0.kind));
    gone.seen = PerSide::default();
    gone.link.as_mut().unwrap().native = PerSide::default();
    let old = former(side, kept(obs, organizer, world));
    undo(gone, &old, true, &KEY, &world.context()).unwrap()
}

fn user(value: Option<Option<Value>>) -> Option<uuid::Uuid> {
    let Some(Some(Value::Parties(list))) = value else { return None };
    list.first()?.row.map(|row| row.id)
}

#[test]
fn org_05_a_row_comes_back_to_whom_it_belonged() {
    // Its owner and, of an appointment, its organizer; without either, the mailbox's user. A task
    // has no organizer. A contact that comes back in Exchange names nobody there.
    let world = World::new();
    for (kind, organizer, named) in [
        (Appointment, Some(SERVED), Some(SERVED.0)),
        (Appointment, None, Some(ME.0)),
        (RecurringAppointment, Some(SERVED), Some(SERVED.0)),
        (Task, Some(SERVED), None),
        (ServiceAppointment, Some(SERVED), None),
    ] {
        for side in Side::BOTH {
            let obs = if side == Dynamics { row(kind) } else { item(kind) };
            let verdict = back(&world, side, &obs, organizer);
            assert_eq!(user(writes(&verdict, Dynamics, Field::Owner)), Some(ME.0), "{kind} {side}");
            assert_eq!(user(writes(&verdict, Dynamics, Field::Organizer)), named, "{kind} {side}");
            assert_eq!(writes(&verdict, Exchange, Field::Owner), None);
        }
    }
}

#[test]
fn ops_02_a_meeting_of_somebody_else_comes_back_as_a_silent_copy() {
    // One's own mails its attendees; a copy has none, and nothing else of it is left out.
    let world = World::new();
    let cases = [
        (Some(ME), Role::Owner, MailClass::Mails(1)),
        (None, Role::Owner, MailClass::Mails(1)),
        (Some(UNSERVED), Role::PrivateCopy, MailClass::Silent),
    ];
    let kinds = [Appointment, RecurringAppointment];
    for (kind, (organizer, role, expected)) in
        kinds.into_iter().flat_map(|kind| cases.map(|case| (kind, case)))
    {
        for (side, obs) in [(Exchange, item(kind)), (Dynamics, row(kind))] {
            let verdict = back(&world, side, &obs.invites(&[GUEST]), organizer);
            let class = mail(&verdict).unwrap();
            assert_eq!((verdict.role, class), (role, expected), "{organizer:?} {side}");
            let guests = writes(&verdict, Exchange, Field::RequiredAttendees);
            assert_eq!(guests.is_some(), role == Role::Owner, "{organizer:?} {side}");
            assert!(writes(&verdict, Exchange, Field::Subject).flatten().is_some());
            let there = writes(&verdict, Dynamics, Field::RequiredAttendees);
            assert!(there.is_some(), "the row keeps who attends: {organizer:?} {side}");
        }
    }
}

#[test]
fn svc_03_what_comes_back_of_a_service_activity_is_a_copy() {
    // Whoever stands on its row as organizer: it invites nobody, follows the row, and no later write of
    // it mails those whom its user invites (SVC-02).
    let world = World::new();
    for organizer in [None, Some(ME), Some(UNSERVED)] {
        for (side, obs) in
            [(Exchange, item(ServiceAppointment)), (Dynamics, row(ServiceAppointment))]
        {
            let verdict = back(&world, side, &obs.invites(&[GUEST]), organizer);
            assert_eq!(verdict.role, Role::PrivateCopy, "{organizer:?} {side}");
            assert_eq!(mail(&verdict), Some(MailClass::Silent), "{organizer:?} {side}");
            assert_eq!(writes(&verdict, Exchange, Field::RequiredAttendees), None);
        }
    }
}

#[test]
fn ops_02_a_task_has_no_meetings_rules() {
    // It is nobody's copy, whoever organized its row, and canceled it comes back all the same.
    let world = World::with(|world| world.policy.settings.propagate_cancellations = true);
    let verdict = back(&world, Exchange, &item(Task), Some(UNSERVED));
    assert_eq!(verdict.role, Role::Owner);
    for (kind, state, propagates, canceled) in [
        (Appointment, 2, true, true),
        (Appointment, 0, true, false),
        (Appointment, 2, false, false),
        (RecurringAppointment, 2, true, true),
        (ServiceAppointment, 2, true, false),
        (Task, 2, true, false),
    ] {
        let world = World::with(|world| world.policy.settings.propagate_cancellations = propagates);
        let there = row(kind).status(state, 4);
        let mut gone = world.linked(&there, &item(kind));
        gone.seen.exchange = None;
        gone.link.as_mut().unwrap().native.exchange = None;
        let old = former(Exchange, kept(&item(kind), None, &world));
        let found = undo(gone, &old, true, &KEY, &world.context());
        assert_eq!(found == Err(Reason::Canceled), canceled, "{kind} {state} {propagates}");
    }
}

#[test]
fn ops_02_privacy_comes_back_also_where_it_takes_no_part_now() {
    // What was kept of an appointment is made again whole; the group is not compared.
    for sync in [false, true] {
        let world = World::with(|world| world.policy.settings.sync_private = sync);
        let private = Some(Some(Value::Flag(true)));
        let obs = |kind: Kind| row(kind).set(Field::Private, Value::Flag(true));
        let verdict = back(&world, Dynamics, &obs(Appointment), None);
        let groups = patch(&verdict, Dynamics).unwrap();
        let count =
            groups.iter().filter(|(field, _)| field.group() == Some(Group::Privacy)).count();
        assert_eq!((count, writes(&verdict, Dynamics, Field::Private)), (1, private), "{sync}");
        let task = back(&world, Dynamics, &obs(Task), None);
        assert_eq!(writes(&task, Dynamics, Field::Private), None, "a task has no privacy");
    }
}

#[test]
fn ops_02_every_reason_says_what_holds_it_back() {
    // An operator reads why, with side, groups and how many would be mailed.
    for (reason, part) in [
        (Reason::Same, "holds that version"),
        (Reason::Changed(Exchange, vec![Group::Subject]), "in Exchange: Subject"),
        (Reason::Moved(Dynamics), "restored it since in Dynamics"),
        (Reason::Waits, "unsettled"),
        (Reason::Canceled, "reopen it"),
        (Reason::WouldMail(3), "mail 3 people"),
    ] {
        let text = reason.to_string();
        assert!(text.to_lowercase().contains(&part.to_lowercase()), "{text}");
    }
}

#[test]
fn ops_02_a_restored_meeting_mails_who_attends_before_or_after() {
    // The more of both; a task, somebody else's meeting and a write to the row alone mail nobody.
    let world = World::new();
    let (two, one) = ([GUEST, "bob@customer.example"], [GUEST]);
    let meeting =
        |obs: Obs, guests: &[&str], text: &str| obs.invites(guests).text(Field::Subject, text);
    for (now, then, held, mails) in [
        (&one[..], &two[..], "me@contoso.test", 2),
        (&two[..], &one[..], "me@contoso.test", 2),
        (&one[..], &one[..], "boss@elsewhere.test", 0),
    ] {
        let there = meeting(row(Appointment), now, "New");
        let here = meeting(item(Appointment), now, "New").held_by(held);
        let old = meeting(item(Appointment), then, "Old").held_by(held);
        let mut all = PerSide::default();
        let content = kept(&old, None, &world);
        all.set(Exchange, Some(Former { op: OpName::Update, content }));
        let pairing = world.linked(&there, &here);
        let verdict = undo(pairing, &all, true, &KEY, &world.context()).unwrap();
        let expected = if mails == 0 { MailClass::Silent } else { MailClass::Mails(mails) };
        assert_eq!(mail(&verdict), Some(expected), "{now:?} {then:?} {held}");
    }
}
