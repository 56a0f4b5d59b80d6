//! Rows that become events: who is invited, whose calendar is written (APPT-OUT, ORG).

use crate::domain::code::Code;
use crate::domain::field::{Field, Importance, ShowAs, Value};
use crate::domain::kind::Kind::Appointment;
use crate::domain::link::Role;
use crate::domain::plan::{MailClass, Verb};
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::After;
use crate::engine::testing::*;

#[test]
fn filt_02_appt_out_01_a_matching_row_becomes_an_event() {
    // A row that matches for the first time is created in Exchange as an event.
    let world = World::new();
    let verdict = world.decide(world.alone(&row(Appointment)));
    assert_eq!(verdict.decision.verb, Verb::Create(Exchange));
    assert!(cites(&verdict, rule::FILT_02) && cites(&verdict, rule::APPT_OUT_01));
    assert_eq!(writes(&verdict, Exchange, Field::ShowAs), Some(Some(Value::ShowAs(ShowAs::Busy))));
}

#[test]
fn org_01_the_organizer_invites_the_attendees() {
    // A future meeting with attendees is created by the organizer's mailbox and mails them.
    let world = World::new();
    let row = row(Appointment).invites(&["a@guest.test"]).optional(&["b@guest.test"]);
    let verdict = world.decide(world.alone(&row));
    assert_eq!(mail(&verdict), Some(MailClass::Mails(2)));
    assert!(cites(&verdict, rule::ORG_01));
}

#[test]
fn org_02_a_row_without_organizer_is_left_alone() {
    // Without an organizer nothing is written, and the reason is reported.
    let world = World::new();
    let verdict = world.decide(world.alone(&row(Appointment).row_facts(|it| it.organizer = None)));
    assert!(silent(&verdict) && cites(&verdict, rule::ORG_02));
    assert_eq!(verdict.after, After::LeftAlone(Code::OrganizerMissing));
}

#[test]
fn appt_out_06_a_past_meeting_is_created_without_attendees() {
    // The past includes this very second: nobody is invited to a meeting that has begun.
    for (start, mails) in [
        (seconds(1), MailClass::Mails(1)),
        (seconds(0), MailClass::Silent),
        (seconds(-1), MailClass::Silent),
        (hours(-24 * 30), MailClass::Silent),
    ] {
        let world = World::new();
        let row = row(Appointment).at(start).invites(&["a@guest.test"]);
        let verdict = world.decide(world.alone(&row));
        assert_eq!(mail(&verdict), Some(mails), "{start}");
        let invited = writes(&verdict, Exchange, Field::RequiredAttendees);
        let some = matches!(invited, Some(Some(Value::Parties(list))) if !list.is_empty());
        assert_eq!(some, mails != MailClass::Silent);
        assert_eq!(cites(&verdict, rule::APPT_OUT_06), mails == MailClass::Silent);
    }
}

#[test]
fn appt_out_06_a_meeting_in_progress_or_all_day_today_is_past() {
    // What has begun is past although it has not ended, be it an hour or a whole day.
    let world = World::new();
    let running = row(Appointment)
        .time(Field::Start, hours(-1))
        .time(Field::End, hours(1))
        .invites(&["a@guest.test"]);
    let today = row(Appointment)
        .time(Field::Start, hours(-12))
        .time(Field::End, hours(12))
        .set(Field::AllDay, Value::Flag(true))
        .invites(&["a@guest.test"]);
    for row in [running, today] {
        assert_eq!(mail(&world.decide(world.alone(&row))), Some(MailClass::Silent));
    }
}

#[test]
fn appt_out_07_without_attendees_nobody_is_mailed() {
    // The organizer is no attendee: a meeting of the organizer alone mails nobody.
    let world = World::new();
    let verdict = world.decide(world.alone(&row(Appointment).invites(&["me@contoso.test"])));
    assert_eq!(mail(&verdict), Some(MailClass::Silent));
    assert!(cites(&verdict, rule::APPT_OUT_07));
}

#[test]
fn appt_out_08_appt_out_14_an_attendee_gets_a_silent_copy() {
    // When the organizer's mailbox is not synchronized, the attendee gets a copy without attendees.
    let world = World::new();
    let row = row(Appointment).organized_by(UNSERVED).invites(&["me@contoso.test"]);
    let verdict = world.decide(world.alone(&row));
    assert!(creates(&verdict, Exchange) && cites(&verdict, rule::APPT_OUT_08));
    assert_eq!((verdict.role, mail(&verdict)), (Role::PrivateCopy, Some(MailClass::Silent)));
    assert_eq!(
        writes(&verdict, Exchange, Field::RequiredAttendees).flatten(),
        Some(Value::Parties(vec![]))
    );
}

#[test]
fn appt_out_14_an_attendee_waits_for_the_organizers_invitation() {
    // When the organizer's mailbox is synchronized, nothing is written: the invitation will come.
    let world = World::new();
    let row = row(Appointment).organized_by(SERVED).invites(&["me@contoso.test"]);
    let verdict = world.decide(world.alone(&row));
    assert!(silent(&verdict));
    assert_eq!(verdict.after, After::LeftAlone(Code::AwaitsInvitation));
}

#[test]
fn appt_out_14_a_follower_writes_nothing() {
    // A meeting met by its identity in an attendee's calendar is linked, and nothing is written.
    let world = World::new();
    let row = row(Appointment).organized_by(SERVED).uid("u").text(Field::Body, "row");
    let item = item(Appointment).held_by("served@contoso.test").uid("u").untracked();
    let verdict = world.decide(world.met(&row, &item));
    assert!(silent(&verdict) && verdict.after == After::Agreed);
    assert_eq!(verdict.role, Role::Follower);
}

#[test]
fn appt_out_09_an_update_mails_only_when_it_writes() {
    // A new version with equal content writes nothing; a changed priority updates and mails.
    let world = World::new();
    let (row, item) =
        (row(Appointment).invites(&["a@guest.test"]), item(Appointment).invites(&["a@guest.test"]));
    let echo = world.decide(world.linked(&row, &item));
    assert!(silent(&echo));
    let changed = row.clone().important(Importance::High);
    let verdict = world.decide(world.then(world.linked(&row, &item), &changed));
    assert_eq!(mail(&verdict), Some(MailClass::Mails(1)));
    assert!(cites(&verdict, rule::FILT_03));
}

#[test]
fn appt_out_15_a_past_meeting_with_attendees_is_not_changed() {
    // Graph would mail about a past meeting, so its change is held; one second earlier it flows.
    for (start, held) in [(seconds(0), true), (seconds(1), false)] {
        let world = World::new();
        let row = row(Appointment).at(start).invites(&["a@guest.test"]);
        let item = item(Appointment).at(start).invites(&["a@guest.test"]);
        let changed = row.clone().text(Field::Subject, "Other");
        let verdict = world.decide(world.then(world.linked(&row, &item), &changed));
        assert_eq!(silent(&verdict), held);
        assert_eq!(verdict.decision.code, held.then_some(Code::PastMeetingHeld));
    }
}

#[test]
fn appt_out_06_a_past_meeting_without_attendees_in_exchange_is_changed_silently() {
    // A meeting that mails nobody may be changed in the past, and gets no attendees.
    let world = World::new();
    let row = row(Appointment).at(hours(-5)).invites(&["a@guest.test"]);
    let item = item(Appointment).at(hours(-5));
    let changed = row.clone().text(Field::Subject, "Other").optional(&["b@guest.test"]);
    let verdict = world.decide(world.then(world.linked(&row, &item), &changed));
    assert_eq!(mail(&verdict), Some(MailClass::Silent));
    assert_eq!(writes(&verdict, Exchange, Field::OptionalAttendees), None);
}

#[test]
fn appt_out_06_a_meeting_moved_to_the_future_gets_its_attendees() {
    // Attendees that were left out of a past meeting are invited when it moves to the future.
    let world = World::new();
    let row = row(Appointment).at(hours(-5)).invites(&["a@guest.test"]);
    let item = item(Appointment).at(hours(-5));
    let changed = row.clone().at(hours(5));
    let verdict = world.decide(world.then(world.linked(&row, &item), &changed));
    assert_eq!(mail(&verdict), Some(MailClass::Mails(1)));
}

#[test]
fn appt_out_06_found_again_a_past_meeting_keeps_the_attendees_of_its_row() {
    // The create's answer was lost: that Exchange has no attendees says nothing about the row's.
    let world = World::new();
    let row = row(Appointment).at(hours(-5)).invites(&["a@guest.test"]);
    let item = item(Appointment).at(hours(-5)).marked(row_guid(1));
    let verdict = world.decide(world.met(&row, &item));
    assert_eq!(writes(&verdict, Dynamics, Field::RequiredAttendees), None);
}

#[test]
fn appt_out_10_nobody_asks_whether_the_time_is_free() {
    // Two rows at the same time are both created.
    let world = World::new();
    let second = row(Appointment).id(&row_guid(2).to_string());
    let plan = world.plan(vec![world.alone(&row(Appointment)), world.alone(&second)]);
    assert_eq!(plan.steps(Exchange).iter().filter(|(_, step)| is_create(&step.op)).count(), 2);
}

#[test]
fn appt_out_04_appt_out_05_a_new_event_gets_no_reminder_when_old_or_free() {
    // The reminder is switched off beyond seven days and for free rows, else left to Exchange.
    let week = 7 * 24 * 3600;
    for (start, reason, off) in [
        (seconds(-week), 5, false),
        (seconds(-week - 1), 5, true),
        (hours(24), 1, true),
        (hours(24), 5, false),
    ] {
        let world = World::new();
        let row = row(Appointment).at(start).status(if reason == 1 { 0 } else { 3 }, reason);
        let verdict = world.decide(world.alone(&row));
        let written = writes(&verdict, Exchange, Field::ReminderOn);
        assert_eq!(written, off.then_some(Some(Value::Flag(false))), "{start} {reason}");
    }
}

#[test]
fn appt_out_01_a_row_without_times_is_reported_and_waits() {
    // A linked row that lost its end is not agreed on: once mended, all its changes are carried.
    let world = World::new();
    let broken = row(Appointment).without(Field::End).text(Field::Subject, "Other");
    let pairing = world.then(world.linked(&row(Appointment), &item(Appointment)), &broken);
    let verdict = world.decide(pairing);
    assert!(silent(&verdict));
    assert_eq!(verdict.after, After::Unsettled(Code::TimesMissing));
}

#[test]
fn filt_02_a_row_outside_the_filter_is_not_created() {
    // A row that was read for another reason and that no filter returns stays in Dynamics.
    use crate::domain::observation::Presence;
    let world = World::new();
    let verdict = world.decide(world.alone(&row(Appointment).presence(Presence::LeftFilter)));
    assert!(silent(&verdict));
}
