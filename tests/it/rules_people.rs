//! People whom one side does not know: organizers without an address (ORG-07), strangers (APPT-IN-10);
//! and what tracking in the app means for a row (LINK-10).

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{CATEGORY, SIGNAL, System, guid, id_of, person, tracked_event, two};

const FUTURE: &str = "2026-12-01T10:00:00Z";

fn cites(system: &System, rule: &str) -> bool {
    system.lines().iter().any(|line| line.decision.rules.iter().any(|one| one.0 == rule))
}

/// Paul tracked a meeting from outside; its row got Laura as organizer. Her mailbox takes part or
/// not. Returns the row and the meeting.
fn guest_meeting(system: &System, laura_served: bool) -> (Uuid, String) {
    if !laura_served {
        let mailbox = system.organization().people[1].mailbox_id;
        let mut dataverse = system.organization().dataverse();
        dataverse.admin_set("mailboxes", mailbox, "emailrouteraccessapproval", json!(0));
    }
    let (paul, now) = (system.address(0), system.clock.now());
    let mut body = tracked_event("Review", FUTURE);
    body.as_object_mut().unwrap().remove("categories");
    let sent =
        system.organization().graph().external_event("boss@fabrikam.example", &[&paul], &body, now);
    let uid = sent.expect("it arrives");
    let item = id_of(&system.events(0)[0]);
    system.edit_event(0, &item, &json!({ "categories": [CATEGORY] }));
    system.settled();
    let row = guid(&system.rows("appointments")[0], "activityid");
    let parties = [system.party(1, 7), system.party(0, 5)];
    system.update(0, "appointments", row, &json!({ "appointment_activity_parties": parties }));
    system.settled();
    (row, uid)
}

fn organizers(system: &System, row: Uuid) -> usize {
    let row = system.row("appointments", row).unwrap();
    let parties = row["parties"].as_array().unwrap();
    parties.iter().filter(|party| party["participationtypemask"] == 7).count()
}

#[test]
fn org_07_an_organizer_without_an_address_is_kept_where_the_organization_says_so() {
    // On: the row keeps its organizer. Off: the change of the meeting takes him out, but for one
    // whose own mailbox is synchronized. Either way the change itself arrives, and nobody is mailed.
    for (setting, served, kept) in
        [("true", false, 1), ("false", false, 0), ("false", true, 1), ("true", true, 1)]
    {
        let system = two();
        system.setting("UseCrmOrganizerForEmptyExchangeOrganizer", setting);
        let (row, uid) = guest_meeting(&system, served);
        assert_eq!(organizers(&system, row), 1);
        let mails = system.mails().len();
        let now = system.clock.now();
        let mut graph = system.organization().graph();
        graph.forget_organizer(&uid).expect("a known meeting");
        graph
            .external_update(&uid, &json!({ "location": { "displayName": "Room 2" } }), now)
            .unwrap();
        drop(graph);
        let sent = system.mails().len() - mails;
        system.settled();
        assert_eq!(system.row("appointments", row).unwrap()["location"], "Room 2");
        assert_eq!(organizers(&system, row), kept, "{setting} {served}");
        assert!(cites(&system, "ORG-07"));
        assert_eq!(system.mails().len(), mails + sent, "only the organizer's own update");
    }
}

#[test]
fn org_07_an_organizer_with_an_address_takes_nobody_out() {
    // The same meeting and the same change, with the address: the row keeps its organizer.
    let system = two();
    let (row, uid) = guest_meeting(&system, false);
    let now = system.clock.now();
    let place = json!({ "location": { "displayName": "Room 2" } });
    system.organization().graph().external_update(&uid, &place, now).unwrap();
    system.settled();
    assert_eq!(system.row("appointments", row).unwrap()["location"], "Room 2");
    assert_eq!(organizers(&system, row), 1);
    assert!(!cites(&system, "ORG-07"));
}

#[test]
fn appt_in_10_a_stranger_stays_an_address_and_becomes_no_contact() {
    // Whatever the organization allows, while the user's option asks for nothing (RES-03) an attendee of
    // whom there is no row is a party by address; one who has a row is that row.
    for setting in ["true", "false"] {
        let system = System::new(vec![person(1, "Paul", "Cannon", "Europe/Berlin")]);
        system.setting("AutoCreateContactOnPromote", setting);
        let known = json!({ "lastname": "Known", "emailaddress1": "known@customer.example" });
        system.create(0, "contacts", &known);
        let mut event = tracked_event("Review", FUTURE);
        event["attendees"] = ["known@customer.example", "stranger@customer.example"]
            .iter()
            .map(|to| json!({ "type": "required", "emailAddress": { "address": to } }))
            .collect();
        system.new_event(0, &event);
        system.settled();
        let row = system.rows("appointments").remove(0);
        let parties = row["parties"].as_array().unwrap();
        let required: Vec<&Value> =
            parties.iter().filter(|party| party["participationtypemask"] == 5).collect();
        let of = |address: &str| {
            required.iter().find(|party| party["addressused"] == address).expect("a party")
        };
        assert_eq!(required.len(), 2);
        assert_eq!(of("known@customer.example")["partytable"], "contact");
        assert_eq!(of("stranger@customer.example")["partyid"], Value::Null);
        assert_eq!((system.rows("contacts").len(), system.rows("leads").len()), (1, 0));
    }
}

#[test]
fn link_10_what_a_row_regards_survives_changes_of_both_sides() {
    // Set in Dynamics, moved in both: the row goes on regarding the same account.
    let system = two();
    let account = system.create(0, "accounts", &json!({ "name": "Fabrikam" }));
    let mut body = system.meeting("Plan", FUTURE, &[system.party(0, 7)]);
    body["regardingobjectid_account_appointment@odata.bind"] =
        json!(format!("/accounts({account})"));
    let row = system.create(0, "appointments", &body);
    system.settled();
    let item = id_of(&system.events(0)[0]);
    system.edit_event(0, &item, &json!({ "subject": "Plan B" }));
    system.settled();
    system.update(0, "appointments", row, &json!({ "location": "Room 2" }));
    system.settled();
    let seen = system.row("appointments", row).unwrap();
    assert_eq!((&seen["subject"], &seen["location"]), (&json!("Plan B"), &json!("Room 2")));
    assert_eq!(seen["_regardingobjectid_value"], json!(account));
    // Tracked without regarding: it stays empty.
    system.new_event(0, &tracked_event("Own", "2026-12-02T10:00:00Z"));
    system.settled();
    let own = system.rows("appointments").into_iter().find(|row| row["subject"] == "Own").unwrap();
    assert_eq!(own["_regardingobjectid_value"], Value::Null);
}

#[test]
fn link_10_the_company_of_a_contact_links_it_to_the_account() {
    // What the app does by "link to account" is said by the company: its one account is the parent.
    let system = two();
    let account = system.create(0, "accounts", &json!({ "name": "Fabrikam" }));
    let signal = json!([{ "id": SIGNAL, "value": "1" }]);
    system.new_contact(
        0,
        &json!({ "surname": "Mitchell", "companyName": "Fabrikam",
            "singleValueExtendedProperties": signal }),
    );
    system.settled();
    let row = system.rows("contacts").remove(0);
    assert_eq!(row["_parentcustomerid_value"], json!(account));
}

#[test]
fn link_10_an_untracked_contact_keeps_its_row_and_comes_back() {
    // Untracked in the app: nothing is deleted and nothing flows, also when the store is lost;
    // tracked again, it catches up.
    for from_dynamics in [false, true] {
        let mut system = two();
        let signal = |value: &str| json!({ "singleValueExtendedProperties": [{ "id": SIGNAL, "value": value }] });
        if from_dynamics {
            system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
        } else {
            let mut body = signal("1");
            body["surname"] = json!("Mitchell");
            system.new_contact(0, &body);
        }
        system.settled();
        let row = guid(&system.rows("contacts")[0], "contactid");
        let item = id_of(&system.contacts(0)[0]);
        system.edit_contact(0, &item, &signal("0"));
        system.settled();
        assert!(cites(&system, "LINK-10"));
        for lost in [false, true] {
            if lost {
                system.lose_state();
            }
            system.update(0, "contacts", row, &json!({ "jobtitle": "CEO" }));
            system.edit_contact(0, &item, &json!({ "nickName": "Lin" }));
            system.settled();
            assert_eq!((system.rows("contacts").len(), system.contacts(0).len()), (1, 1));
            assert!(system.contacts(0)[0]["jobTitle"].is_null(), "{from_dynamics} {lost}");
            assert!(system.row("contacts", row).unwrap()["nickname"].is_null());
        }
        system.edit_contact(0, &item, &signal("1"));
        system.settled();
        assert_eq!(system.contacts(0)[0]["jobTitle"], "CEO");
        assert_eq!((system.rows("contacts").len(), system.contacts(0).len()), (1, 1));
    }
}
