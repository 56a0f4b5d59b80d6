//! Service activities (rules.md §1.9), seen from outside.
//!
//! Every test asserts that nobody was mailed: a service activity never mails (SVC-02).

use lockstep::domain::code::Code;
use lockstep::domain::link::{LinkState, Role};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{CATEGORY, System, id_of, two};

const FUTURE: &str = "2026-12-01T10:00:00Z";
const PAST: &str = "2026-11-20T10:00:00Z";
const SET: &str = "serviceappointments";

/// Creates a reserved service activity of one hour; Paul and, if so, Laura serve.
fn service(system: &System, start: &str, both: bool) -> Uuid {
    let mut parties = vec![system.party(0, 5)];
    if both {
        parties.push(system.party(1, 5));
    }
    parties.push(json!({ "addressused": "guest@fabrikam.example", "participationtypemask": 6 }));
    let begin: chrono::DateTime<chrono::Utc> = start.parse().expect("an instant");
    let end = (begin + chrono::Duration::hours(1)).to_rfc3339();
    let body = json!({ "subject": "Inspection", "scheduledstart": start, "scheduledend": end,
        "statecode": 3, "statuscode": 4, "description": "Bring the key", "location": "Cellar",
        "prioritycode": 2, "serviceappointment_activity_parties": parties });
    system.create(0, SET, &body)
}

fn only_event(system: &System, at: usize) -> Value {
    let mut events = system.events(at);
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

/// Lets a person's filter return nothing any more.
fn narrow_filter(system: &System, at: usize) {
    let nothing = "<fetch><entity name=\"serviceappointment\"><attribute name=\"activityid\"/>\
        <filter><condition attribute=\"subject\" operator=\"eq\" value=\"nothing\"/></filter>\
        </entity></fetch>";
    let user = system.user(at);
    system.organization().dataverse().set_user_filters(user, "serviceappointment", &[nothing]);
}

#[test]
fn svc_01_svc_03_org_08_each_syncing_user_gets_a_copy_of_his_own() {
    // Two users serve: each has one event, organized by himself, with the fields of the row; the
    // row names no organizer and needs none.
    let system = two();
    service(&system, FUTURE, true);
    system.settled();
    for at in [0, 1] {
        let event = only_event(&system, at);
        assert_eq!(event["subject"], "Inspection");
        assert_eq!(event["location"]["displayName"], "Cellar");
        assert_eq!(event["importance"], "high");
        assert_eq!(event["start"]["dateTime"].as_str().unwrap()[..19], FUTURE[..19]);
        assert_eq!(event["isOrganizer"], true);
        assert_eq!(event["organizer"]["emailAddress"]["address"], system.address(at));
        assert_eq!(event["categories"], json!([CATEGORY]));
        let links = system.links(at);
        assert_eq!((links.len(), links[0].role), (1, Role::PrivateCopy));
    }
    assert!(system.mails().is_empty());
}

#[test]
fn svc_02_svc_06_a_copy_names_who_takes_part_and_invites_nobody() {
    // The names stand below the notes; the list of attendees is empty, also after they change.
    let system = two();
    let id = service(&system, FUTURE, true);
    system.settled();
    let body = only_event(&system, 0)["body"]["content"].as_str().unwrap().to_owned();
    for text in ["Bring the key", "With: ", "Laura Norman", "Optional: guest@fabrikam.example"] {
        assert!(body.contains(text), "{text} is not in {body}");
    }
    let parties = json!([system.party(0, 5)]);
    system.update(0, SET, id, &json!({ "serviceappointment_activity_parties": parties }));
    system.settled();
    let event = only_event(&system, 0);
    let body = event["body"]["content"].as_str().unwrap();
    assert!(body.contains("Bring the key") && !body.contains("Laura"), "{body}");
    assert_eq!(event["attendees"], json!([]));
    assert!(system.mails().is_empty());
}

#[test]
fn svc_06_the_status_shows_in_the_calendar() {
    // Requested is tentative, reserved and arrived busy, completed, canceled and no show free.
    let system = two();
    let id = service(&system, FUTURE, false);
    for (state, reason, shown) in [
        (3, 4, "busy"),
        (0, 1, "tentative"),
        (3, 7, "busy"),
        (2, 10, "free"),
        (3, 3, "busy"),
        (1, 8, "free"),
    ] {
        system.update(0, SET, id, &json!({ "statecode": state, "statuscode": reason }));
        system.settled();
        assert_eq!(only_event(&system, 0)["showAs"], shown, "{state}/{reason}");
    }
    assert!(system.mails().is_empty());
}

#[test]
fn svc_04_an_edit_of_the_copy_stays_in_the_copy() {
    // Subject and time changed in Outlook reach no row; the next change in Dynamics of the same
    // field comes through, the other edit stays.
    let system = two();
    let id = service(&system, FUTURE, false);
    system.settled();
    let before = system.row(SET, id);
    let event = id_of(&only_event(&system, 0));
    let later = json!({ "dateTime": "2026-12-01T15:00:00", "timeZone": "UTC" });
    let end = json!({ "dateTime": "2026-12-01T16:00:00", "timeZone": "UTC" });
    system.edit_event(0, &event, &json!({ "subject": "Mine", "start": later, "end": end }));
    system.settled();
    assert_eq!(system.row(SET, id), before, "the row is as it was");
    system.update(0, SET, id, &json!({ "subject": "Inspection again" }));
    system.settled();
    let event = only_event(&system, 0);
    assert_eq!(event["subject"], "Inspection again");
    assert_eq!(event["start"]["dateTime"].as_str().unwrap()[..19], *"2026-12-01T15:00:00");
    assert!(system.mails().is_empty());
}

#[test]
fn svc_04_a_copy_deleted_in_outlook_leaves_the_row_and_does_not_return() {
    // The user does not want it in his calendar; Dynamics and the colleague's copy keep it.
    let system = two();
    let id = service(&system, FUTURE, true);
    system.settled();
    system.delete_event(0, &id_of(&only_event(&system, 0)));
    system.settled();
    system.update(0, SET, id, &json!({ "subject": "Changed" }));
    system.settled();
    assert!(system.events(0).is_empty());
    assert!(system.row(SET, id).is_some());
    assert_eq!(only_event(&system, 1)["subject"], "Changed");
    assert_eq!(system.links(0)[0].state, LinkState::DeletedInExchange);
    assert!(system.mails().is_empty());
}

#[test]
fn svc_03_a_deleted_service_activity_takes_its_copies_along() {
    // Physical and logical deletes, past and future: the copy goes, nobody is mailed.
    for start in [FUTURE, PAST] {
        let system = two();
        let id = service(&system, start, true);
        let other = service(&system, start, false);
        system.settled();
        assert_eq!((system.events(0).len(), system.events(1).len()), (2, 1));
        system.delete(0, SET, id);
        system.settled();
        assert_eq!((system.events(0).len(), system.events(1).len()), (1, 0), "{start}");
        narrow_filter(&system, 0);
        system.settled();
        assert!(system.events(0).is_empty(), "{start}");
        assert!(system.row(SET, other).is_some());
        assert!(system.mails().is_empty());
    }
}

#[test]
fn filt_06_a_service_activity_that_left_the_filter_keeps_its_copy_when_told_apart() {
    // With the organization's setting a logical delete only unlinks.
    let system = two();
    system.setting("DistinctPhysicalAndLogicalDeletesForExchangeSync", "true");
    let id = service(&system, FUTURE, false);
    system.settled();
    narrow_filter(&system, 0);
    system.settled();
    assert_eq!(system.events(0).len(), 1);
    system.update(0, SET, id, &json!({ "subject": "Later" }));
    system.settled();
    assert_eq!(only_event(&system, 0)["subject"], "Inspection");
}

#[test]
fn svc_02_a_copy_to_which_its_user_invited_people_is_left_to_him() {
    // A write or a delete would mail them: the copy stays as it is, with a code.
    let system = two();
    let id = service(&system, FUTURE, false);
    system.settled();
    let event = id_of(&only_event(&system, 0));
    let guest = json!([{ "type": "required", "emailAddress": { "address": system.address(1) } }]);
    system.edit_event(0, &event, &json!({ "attendees": guest }));
    let his = system.mails();
    system.settled();
    system.codes();
    system.update(0, SET, id, &json!({ "subject": "Changed" }));
    system.settled();
    assert_eq!(system.codes(), [Code::CopyAttended]);
    assert_eq!(only_event(&system, 0)["subject"], "Inspection");
    system.delete(0, SET, id);
    system.settled();
    assert_eq!(system.events(0).len(), 1);
    assert_eq!(system.mails(), his, "only he himself mailed somebody");
}

#[test]
fn svc_01_a_lost_store_finds_the_copies_again() {
    // The marker leads from the copy to its row: no second copy, nothing written.
    let mut system = two();
    service(&system, FUTURE, true);
    system.settled();
    system.lose_state();
    let before = system.writes();
    system.settled();
    assert_eq!(system.writes(), before);
    assert_eq!((system.events(0).len(), system.events(1).len()), (1, 1));
    assert_eq!(system.links(0)[0].role, Role::PrivateCopy);
    assert!(system.mails().is_empty());
}

#[test]
fn svc_04_a_copy_whose_row_is_gone_after_a_lost_store_makes_no_row() {
    // The marker's row is gone, and a service activity is never made from Exchange.
    let mut system = two();
    let id = service(&system, FUTURE, false);
    system.settled();
    system.lose_state();
    system.delete(0, SET, id);
    system.settled();
    assert!(system.rows(SET).is_empty() && system.rows("appointments").is_empty());
    assert_eq!(system.events(0).len(), 1);
}

#[test]
fn svc_01_a_service_activity_without_times_waits_with_a_code() {
    // Nothing is created until it has both times; then it is.
    let system = two();
    let parties = json!([system.party(0, 5)]);
    let body = json!({ "subject": "Inspection", "serviceappointment_activity_parties": parties });
    let id = system.create(0, SET, &body);
    system.settled();
    assert_eq!(system.codes(), [Code::TimesMissing]);
    assert!(system.events(0).is_empty());
    let times = json!({ "scheduledstart": FUTURE, "scheduledend": "2026-12-01T11:00:00Z" });
    system.update(0, SET, id, &times);
    system.settled();
    assert_eq!(system.events(0).len(), 1);
}
