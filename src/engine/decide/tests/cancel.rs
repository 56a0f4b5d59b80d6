//! Cancelled and deleted appointments (CXL).

use crate::domain::code::Code;
use crate::domain::field::{Field, ShowAs, Value};
use crate::domain::kind::Kind::Appointment;
use crate::domain::link::{Role, Why};
use crate::domain::observation::Presence;
use crate::domain::plan::MailClass;
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::{After, Verdict};
use crate::engine::testing::*;

/// The verdict on a linked meeting whose row is seen otherwise.
fn row_becomes(world: &World, event: &Obs, role: Role, change: impl FnOnce(Obs) -> Obs) -> Verdict {
    let start = event.0.fields.time(Field::Start).unwrap();
    let before = row(Appointment).at(start);
    let pairing = in_role(world.linked(&before, event), role);
    world.decide(world.then(pairing, &change(before)))
}

#[test]
fn cxl_05_future_meeting_of_the_organizer_is_deleted() {
    // The event goes with its row if the user organizes it and it begins after now.
    let world = World::new();
    for (start, goes) in [(seconds(1), true), (seconds(0), false), (seconds(-1), false)] {
        let event = item(Appointment).at(start).invites(&["a@guest.test"]);
        let verdict = row_becomes(&world, &event, Role::Owner, Obs::gone);
        assert_eq!(deletes(&verdict, Exchange), goes, "{start}");
        // CXL-01, CXL-02: Exchange mails the cancellation, and only with such a delete.
        assert_eq!(mail(&verdict), goes.then_some(MailClass::Mails(1)));
    }
}

#[test]
fn cxl_06_otherwise_the_event_stays_unlinked() {
    // A past meeting stays, and its row will not be made again.
    let world = World::new();
    let event = item(Appointment).at(hours(-1));
    let verdict = row_becomes(&world, &event, Role::Owner, Obs::gone);
    assert!(silent(&verdict) && cites(&verdict, rule::CXL_06));
    assert_eq!(verdict.after, After::Unlinked(Why::RowGone));
}

#[test]
fn cxl_02_without_attendees_the_delete_mails_nobody() {
    // A meeting of the organizer alone is deleted in silence.
    let world = World::new();
    let verdict = row_becomes(&world, &item(Appointment), Role::Owner, Obs::gone);
    assert!(deletes(&verdict, Exchange) && mail(&verdict) == Some(MailClass::Silent));
}

#[test]
fn cxl_05_org_06_only_the_organizers_event_goes() {
    // Attendees keep their copies; who organizes is asked of the event, not of the row.
    let world = World::new();
    let invited = item(Appointment).held_by("served@contoso.test");
    for (event, role) in [
        (invited.clone(), Role::Follower),
        (invited.clone(), Role::Guest),
        (item(Appointment), Role::PrivateCopy),
        (invited, Role::Owner),
    ] {
        let verdict = row_becomes(&world, &event, role, Obs::gone);
        assert!(silent(&verdict) && cites(&verdict, rule::CXL_06), "{role:?}");
    }
    let verdict = row_becomes(&world, &item(Appointment), Role::Owner, |row| {
        row.organized_by(SERVED).presence(Presence::LeftFilter)
    });
    assert!(deletes(&verdict, Exchange));
}

#[test]
fn cxl_07_a_logical_delete_counts_unless_told_apart() {
    // Leaving the filter and losing access delete by default, and only unlink when told apart.
    for presence in [Presence::LeftFilter, Presence::Unreadable] {
        for distinct in [false, true] {
            let world = World::with(|world| world.policy.settings.distinct_deletes = distinct);
            let leave = |row: Obs| row.presence(presence);
            let verdict = row_becomes(&world, &item(Appointment), Role::Owner, leave);
            assert_eq!(deletes(&verdict, Exchange), !distinct);
            assert_eq!(cites(&verdict, rule::FILT_06), distinct);
            let gone = row_becomes(&world, &item(Appointment), Role::Owner, Obs::gone);
            assert!(deletes(&gone, Exchange), "a physical delete counts in any case");
        }
    }
}

#[test]
fn cxl_03_a_cancelled_row_shows_free() {
    // By default a cancel is no delete: the event stays and shows as free.
    let world = World::new();
    let verdict = row_becomes(&world, &item(Appointment), Role::Owner, |it| it.status(2, 4));
    assert!(!deletes(&verdict, Exchange));
    assert_eq!(writes(&verdict, Exchange, Field::ShowAs), Some(Some(Value::ShowAs(ShowAs::Free))));
}

#[test]
fn cxl_04_a_cancelled_row_takes_the_future_meeting_with_it() {
    // With the setting, the organizer's future meeting is deleted; a past one and a copy are not.
    let world = World::with(|world| world.policy.settings.propagate_cancellations = true);
    for (start, role, goes) in [
        (seconds(1), Role::Owner, true),
        (seconds(0), Role::Owner, false),
        (hours(5), Role::PrivateCopy, false),
    ] {
        let event = item(Appointment).at(start);
        let verdict = row_becomes(&world, &event, role, |it| it.status(2, 4));
        assert_eq!(deletes(&verdict, Exchange), goes, "{start} {role:?}");
        assert_eq!(cites(&verdict, rule::CXL_04), goes);
    }
    let done = row_becomes(&world, &item(Appointment), Role::Owner, |it| it.status(1, 3));
    assert!(!deletes(&done, Exchange), "completed is not canceled");
    let fresh = world.decide(world.alone(&row(Appointment).status(2, 4)));
    assert!(silent(&fresh), "what would be deleted at once is not created");
}

#[test]
fn cxl_09_a_deleted_event_takes_its_open_future_row_with_it() {
    // Completed, canceled and past rows and those of other organizers stay.
    let world = World::new();
    for (start, state, role, goes) in [
        (seconds(1), 3, Role::Owner, true),
        (seconds(0), 3, Role::Owner, false),
        (hours(5), 1, Role::Owner, false),
        (hours(5), 2, Role::Owner, false),
        (hours(5), 0, Role::Owner, true),
        (hours(5), 3, Role::Follower, false),
        (hours(5), 3, Role::Guest, false),
        (hours(5), 3, Role::PrivateCopy, false),
    ] {
        let row = row(Appointment).at(start).status(state, 5);
        let event = item(Appointment).at(start);
        let pairing = in_role(world.linked(&row, &event), role);
        let verdict = world.decide(world.then(pairing, &event.gone()));
        assert_eq!(deletes(&verdict, Dynamics), goes, "{start} {state} {role:?}");
        assert!(cites(&verdict, rule::CXL_09));
        let kept = After::DeletedInExchange;
        assert_eq!(verdict.after, if goes { After::Forgotten } else { kept });
    }
}

#[test]
fn cxl_12_a_move_is_no_delete() {
    // An event in another calendar keeps its row, be the pair linked or just met.
    let world = World::new();
    let moved = item(Appointment).presence(Presence::MovedAway);
    let linked = world.linked(&row(Appointment), &item(Appointment));
    let met = world.met(&row(Appointment), &moved.clone().marked(row_guid(1)));
    for pairing in [world.then(linked, &moved), met] {
        let verdict = world.decide(pairing);
        assert!(silent(&verdict) && cites(&verdict, rule::CXL_12));
        assert_eq!(verdict.after, After::Unlinked(Why::MovedAway));
        assert_eq!(verdict.decision.code, Some(Code::MovedAway));
    }
}

#[test]
fn cxl_08_an_absence_that_nobody_looked_at_decides_nothing() {
    // When the other half was not read, the pair waits instead of being guessed.
    let world = World::new();
    let mut pairing = world.linked(&row(Appointment), &item(Appointment));
    pairing.seen.exchange = None;
    let verdict = world.decide(world.then(pairing, &row(Appointment).gone()));
    assert!(silent(&verdict) && matches!(verdict.after, After::Unsettled(_)));
}
