//! A meeting is handed to another organizer while people attend it (ORG-03): Dana holds it, Priya takes
//! it over, Ned attends.

use lockstep::domain::code::Code;
use lockstep::domain::link::{Link, LinkState, Role};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{CATEGORY, System, guid, id_of, person, tracked_event};

const FUTURE: &str = "2026-12-01T10:00:00Z";
const DANA: usize = 0;
const PRIYA: usize = 1;
const NED: usize = 2;

fn three() -> System {
    System::new(vec![
        person(1, "Dana", "Cole", "Europe/Berlin"),
        person(2, "Priya", "Rao", "Europe/Berlin"),
        person(3, "Ned", "Hall", "Europe/Berlin"),
    ])
}

/// Returns the parties of a meeting that one of the three holds and all three attend.
fn held_by(system: &System, organizer: usize) -> Vec<Value> {
    let mut parties = vec![system.party(organizer, 7)];
    parties.extend([DANA, PRIYA, NED].map(|at| system.party(at, 5)));
    parties
}

fn hand_to_priya(system: &System, row: Uuid) {
    let parties = held_by(system, PRIYA);
    system.update(DANA, "appointments", row, &json!({ "appointment_activity_parties": parties }));
}

/// Dana's meeting, made in Dynamics. Returns the row.
fn made_in_dynamics(system: &System) -> Uuid {
    let body = system.meeting("Review", FUTURE, &held_by(system, DANA));
    let row = system.create(DANA, "appointments", &body);
    system.settled();
    row
}

/// Dana's meeting, made in Exchange and tracked by Priya alone. Returns the row.
fn tracked_by_priya(system: &System) -> Uuid {
    let mut body = tracked_event("Review", FUTURE);
    body.as_object_mut().unwrap().remove("categories");
    let attendee = |at: usize| json!({ "type": "required", "emailAddress": { "address": system.address(at) } });
    body["attendees"] = json!([attendee(PRIYA), attendee(NED)]);
    system.new_event(DANA, &body);
    let copy = id_of(&system.events(PRIYA)[0]);
    system.edit_event(PRIYA, &copy, &json!({ "categories": [CATEGORY] }));
    system.settled();
    guid(&system.rows("appointments")[0], "activityid")
}

/// Returns the meetings of a person: those that still stand, or those that were cancelled.
fn meetings(system: &System, at: usize, cancelled: bool) -> Vec<Value> {
    let all = system.events(at).into_iter();
    all.filter(|one| (one["isCancelled"] == true) == cancelled).collect()
}

/// Returns the link of the row in a mailbox, of which there must be one.
fn link_of(system: &System, at: usize, row: Uuid) -> Link {
    let mut links = system.links(at);
    links.retain(|link| link.id.0 == row);
    assert_eq!(links.len(), 1, "{at}");
    links.remove(0)
}

/// The one row names Priya's meeting, and in every mailbox the pair is the row and that meeting.
fn assert_is_priyas(system: &System, row: Uuid) {
    assert_eq!(system.rows("appointments").len(), 1, "one row");
    let named = system.row("appointments", row).unwrap()["globalobjectid"].clone();
    for at in [DANA, PRIYA, NED] {
        let held = meetings(system, at, false);
        assert_eq!(held.len(), 1, "{at}");
        assert_eq!(held[0]["iCalUId"], named, "{at}");
        let link = link_of(system, at, row);
        let role = if at == PRIYA { Role::Owner } else { Role::Follower };
        assert_eq!((link.state, link.role), (LinkState::Agreed, role), "{at}");
        assert_eq!(link.native.exchange.unwrap().as_str(), id_of(&held[0]), "{at}");
    }
}

#[test]
fn org_03_a_meeting_that_an_attendee_tracks_is_handed_to_that_attendee() {
    // The cancelled one stays in Priya's calendar with its category. Touched, it makes no row, and the
    // mailbox goes on; changes of the row reach the new meeting, also after the loss of the store.
    let mut system = three();
    let row = tracked_by_priya(&system);
    hand_to_priya(&system, row);
    system.settled();
    assert_is_priyas(&system, row);
    let cancelled = id_of(&meetings(&system, PRIYA, true)[0]);
    system.lines();
    system.edit_event(PRIYA, &cancelled, &json!({ "isReminderOn": true }));
    system.settled();
    assert_eq!(system.codes(), [Code::MeetingCancelled]);
    assert_is_priyas(&system, row);
    system.lose_state();
    system.settled();
    assert_is_priyas(&system, row);
    system.update(DANA, "appointments", row, &json!({ "subject": "Review B" }));
    system.settled();
    assert_is_priyas(&system, row);
    assert_eq!(meetings(&system, NED, false)[0]["subject"], "Review B");
}

#[test]
fn org_03_appt_in_11_who_attends_follows_the_row_to_its_new_meeting() {
    // Ned attended the one and is invited to the other: his pair is the row and the new one. Tracked by
    // category it makes no second row, whether his mailbox had a cycle in between or not.
    for at_once in [false, true] {
        let system = three();
        let row = made_in_dynamics(&system);
        hand_to_priya(&system, row);
        if at_once {
            system.one_pass(DANA);
            system.one_pass(PRIYA);
            system.one_pass(PRIYA);
        } else {
            system.settled();
            assert_is_priyas(&system, row);
        }
        let invited = id_of(&meetings(&system, NED, false)[0]);
        system.edit_event(NED, &invited, &json!({ "categories": [CATEGORY] }));
        system.settled();
        assert_is_priyas(&system, row);
        let cancelled = id_of(&meetings(&system, NED, true)[0]);
        system.edit_event(NED, &cancelled, &json!({ "categories": [CATEGORY] }));
        system.settled();
        assert_is_priyas(&system, row);
    }
}

#[test]
fn org_03_the_new_organizer_invites_in_the_cycle_after_the_cancellation() {
    // No cycle that leaves the meeting in nobody's calendar counts as rest.
    let system = three();
    let row = made_in_dynamics(&system);
    hand_to_priya(&system, row);
    system.one_pass(DANA);
    assert!(meetings(&system, DANA, false).is_empty());
    let result = system.one_pass(PRIYA);
    assert!(!result.quiet && result.unsettled == 1, "{result:?}");
    system.one_pass(PRIYA);
    assert_eq!(meetings(&system, PRIYA, false).len(), 1);
}

/// Returns who is on the list of the row: its required attendees by address.
fn listed(system: &System, row: Uuid) -> Vec<String> {
    let row = system.row("appointments", row).unwrap();
    let parties = row["parties"].as_array().unwrap().clone();
    let required = parties.iter().filter(|party| party["participationtypemask"] == 5);
    required.map(|party| party["addressused"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn org_03_filt_06_told_apart_the_list_of_the_old_meeting_goes_both_ways() {
    // Dana goes on holding it and attends by the row. Who is added in Dynamics is invited, who is added in
    // Exchange stands on the row, and neither organizer is taken off the other side's list.
    let system = three();
    system.setting("DistinctPhysicalAndLogicalDeletesForExchangeSync", "true");
    let row = made_in_dynamics(&system);
    let mails = system.mails().len();
    hand_to_priya(&system, row);
    system.settled();
    assert_eq!(system.mails().len(), mails, "nobody is told anything");
    let second = json!({ "addressused": "second@litware.example", "participationtypemask": 5 });
    let mut parties = held_by(&system, PRIYA);
    parties.push(second);
    system.update(DANA, "appointments", row, &json!({ "appointment_activity_parties": parties }));
    system.settled();
    let held = system.events(DANA).remove(0);
    let invited = held["attendees"].to_string();
    for address in ["second@litware.example", &system.address(PRIYA), &system.address(NED)] {
        assert!(invited.contains(address), "{address}: {invited}");
    }
    assert!(!invited.contains(&system.address(DANA)), "{invited}");
    let mut attendees = held["attendees"].as_array().unwrap().clone();
    let third = "third@litware.example";
    attendees.push(json!({ "type": "required", "emailAddress": { "address": third } }));
    system.edit_event(DANA, &id_of(&held), &json!({ "attendees": attendees }));
    system.settled();
    let list = listed(&system, row);
    for address in [third, "second@litware.example", &system.address(DANA), &system.address(NED)] {
        assert!(list.iter().any(|one| one == address), "{address}: {list:?}");
    }
}
