//! Copied items (rules.md §1.15), seen from outside.

use lockstep::domain::code::Code;
use lockstep::domain::link::LinkState;
use serde_json::{Value, json};

use crate::harness::{SIGNAL, System, guid, person, tracked_event, two};

const FUTURE: &str = "2026-12-01T10:00:00Z";
const LATER: &str = "2026-12-02T10:00:00Z";
const LINK: &str = "String {3c1f6a52-8d0e-4b7a-9a53-6d0b6c9f2e11} Name LockstepLink";

fn import_copies(system: &System) {
    system.setting("IgnoreCopiedItemsInSSSForMailbox", "false");
}

/// Returns what row an item's marker names.
fn marker(item: &Value) -> String {
    let all = item["singleValueExtendedProperties"].as_array().expect("properties");
    let ours = all.iter().find(|one| one["id"] == LINK).expect("a marker");
    ours["value"].as_str().expect("a text").to_owned()
}

fn move_to(system: &System, event: &str, start: &str) {
    let body = tracked_event("x", start);
    system.edit_event(0, event, &json!({ "start": body["start"], "end": body["end"] }));
}

#[test]
fn copy_01_a_copied_item_is_ignored_by_default() {
    // Events and contacts: no second row, the copy's edits stay with it, the original goes on.
    let system = two();
    let event = system.new_event(0, &tracked_event("Review", FUTURE));
    let contact = json!({ "surname": "Mitchell",
        "singleValueExtendedProperties": [{ "id": SIGNAL, "value": "1" }] });
    let contact = system.new_contact(0, &contact);
    system.settled();
    let copies = [system.copy_event(0, &event), system.copy_contact(0, &contact)];
    system.settled();
    assert_eq!(system.codes(), [Code::CopiedItem]);
    move_to(&system, &copies[0], LATER);
    system.edit_contact(0, &copies[1], &json!({ "surname": "Copied" }));
    system.settled();
    let (rows, people) = (system.rows("appointments"), system.rows("contacts"));
    assert_eq!((rows.len(), people.len()), (1, 1));
    assert_eq!(
        (&rows[0]["scheduledstart"], &people[0]["lastname"]),
        (&json!(FUTURE), &json!("Mitchell"))
    );
    move_to(&system, &event, "2026-12-03T10:00:00Z");
    system.settled();
    assert_eq!(system.rows("appointments")[0]["scheduledstart"], "2026-12-03T10:00:00Z");
    assert_eq!((system.events(0).len(), system.contacts(0).len()), (2, 2));
}

#[test]
fn copy_02_copies_become_rows_of_their_own_when_the_organization_says_so() {
    // Each copy has its own row, its own marker, and from then on its own changes.
    let system = two();
    import_copies(&system);
    let event = system.new_event(0, &tracked_event("Review", FUTURE));
    let contact = json!({ "surname": "Mitchell",
        "singleValueExtendedProperties": [{ "id": SIGNAL, "value": "1" }] });
    let contact = system.new_contact(0, &contact);
    system.settled();
    // At the time of its original it would be a scheduling conflict (APPT-IN-06).
    let copy = system.copy_event(0, &event);
    move_to(&system, &copy, "2026-12-04T10:00:00Z");
    let person = system.copy_contact(0, &contact);
    system.settled();
    assert_eq!((system.rows("appointments").len(), system.rows("contacts").len()), (2, 2));
    for items in [system.events(0), system.contacts(0)] {
        assert_ne!(marker(&items[0]), marker(&items[1]));
    }
    move_to(&system, &copy, LATER);
    system.edit_contact(0, &person, &json!({ "surname": "Copied" }));
    system.settled();
    let mut starts: Vec<_> =
        system.rows("appointments").iter().map(|row| row["scheduledstart"].to_string()).collect();
    starts.sort();
    assert_eq!(starts, [format!("\"{FUTURE}\""), format!("\"{LATER}\"")]);
    let mut names: Vec<_> =
        system.rows("contacts").iter().map(|row| row["lastname"].to_string()).collect();
    names.sort();
    assert_eq!(names, ["\"Copied\"", "\"Mitchell\""]);
    assert!(system.mails().is_empty());
}

#[test]
fn copy_02_imported_copies_survive_the_loss_of_the_store() {
    // No third row: each item's own marker leads to its own row.
    let mut system = two();
    import_copies(&system);
    let event = system.new_event(0, &tracked_event("Review", FUTURE));
    system.settled();
    let copy = system.copy_event(0, &event);
    move_to(&system, &copy, LATER);
    system.settled();
    system.lose_state();
    let before = system.writes();
    system.settled();
    assert_eq!(system.writes(), before);
    assert_eq!(system.rows("appointments").len(), 2);
}

#[test]
fn copy_02_a_copied_meeting_that_invites_keeps_its_row_when_the_store_is_lost() {
    // Its marker cannot be written anew without a mail; its identity leads to its row.
    let mut system = two();
    import_copies(&system);
    let event = system.new_event(0, &tracked_event("Review", FUTURE));
    system.settled();
    let copy = system.copy_event(0, &event);
    let guest =
        json!([{ "type": "required", "emailAddress": { "address": "g@fabrikam.example" } }]);
    system.edit_event(0, &copy, &json!({ "attendees": guest }));
    move_to(&system, &copy, LATER);
    let his = system.mails();
    system.settled();
    assert_eq!(system.rows("appointments").len(), 2);
    system.lose_state();
    system.settled();
    assert_eq!(system.rows("appointments").len(), 2);
    assert_eq!(system.mails(), his, "only he himself mailed somebody");
}

#[test]
fn copy_03_a_copy_takes_the_place_of_an_original_that_is_gone() {
    // Copied and deleted between two cycles: the row stays, linked to the copy, and follows it.
    let system = two();
    let event = system.new_event(0, &tracked_event("Review", FUTURE));
    system.settled();
    let copy = system.copy_event(0, &event);
    system.delete_event(0, &event);
    system.settled();
    let rows = system.rows("appointments");
    assert_eq!(rows.len(), 1);
    let rules: Vec<_> = system.lines().iter().flat_map(|it| it.decision.rules.clone()).collect();
    assert!(rules.iter().any(|id| id.0 == "COPY-03"), "{rules:?}");
    move_to(&system, &copy, LATER);
    system.settled();
    assert_eq!(system.rows("appointments")[0]["scheduledstart"], LATER);
    system.update(0, "appointments", guid(&rows[0], "activityid"), &json!({ "subject": "Again" }));
    system.settled();
    assert_eq!(system.events(0)[0]["subject"], "Again");
}

#[test]
fn copy_03_a_copy_that_is_all_that_is_left_follows_the_row_again() {
    // The tenant keeps contacts that were deleted in Exchange: a copy made before stands for the row
    // once it is touched, and then follows it.
    let people = vec![person(1, "Paul", "Cannon", "Europe/Berlin")];
    let keep = "[policy]\ncontact_delete_from_exchange = \"never\"\n";
    let system = System::with(people, "state.url = \"memory:\"\n", keep);
    let signal = json!({ "surname": "Mitchell",
        "singleValueExtendedProperties": [{ "id": SIGNAL, "value": "1" }] });
    let contact = system.new_contact(0, &signal);
    system.settled();
    let id = guid(&system.rows("contacts")[0], "contactid");
    let copy = system.copy_contact(0, &contact);
    system.settled();
    system.delete_contact(0, &contact);
    system.settled();
    assert_eq!(system.links(0)[0].state, LinkState::DeletedInExchange);
    system.edit_contact(0, &copy, &json!({ "nickName": "Mitch" }));
    system.settled();
    assert_eq!(system.links(0)[0].state, LinkState::Agreed);
    assert_eq!(system.rows("contacts").len(), 1);
    system.update(0, "contacts", id, &json!({ "jobtitle": "Baker" }));
    system.settled();
    assert_eq!(system.contacts(0)[0]["jobTitle"], "Baker");
}
