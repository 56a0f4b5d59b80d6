//! Organizers, appointments in both directions, cancel and delete (rules.md §1.4 to 1.6, §1.8).
//!
//! Every test that could mail somebody asserts the ledger of mails.

use lockstep::domain::code::Code;
use lockstep::sim::graph::MailKind;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{CATEGORY, System, guid, id_of, tracked_event, two};

const FUTURE: &str = "2026-12-01T10:00:00Z";
const PAST: &str = "2026-11-20T10:00:00Z";

/// Creates an appointment that Paul organizes; `guest` invites Laura.
fn paul_organizes(system: &System, start: &str, guest: bool) -> Uuid {
    let mut parties = vec![system.party(0, 7)];
    if guest {
        parties.push(system.party(1, 5));
    }
    system.create(0, "appointments", &system.meeting("Review", start, &parties))
}

fn kinds(system: &System) -> Vec<MailKind> {
    system.mails().into_iter().map(|(kind, _)| kind).collect()
}

/// Takes Paul's mailbox out of the synchronization.
fn unserve(system: &System, at: usize, method: i64) {
    let id = system.organization().people[at].mailbox_id;
    let mut dataverse = system.organization().dataverse();
    dataverse.admin_set("mailboxes", id, "actdeliverymethod", json!(method));
}

/// Lets Paul's filter return nothing any more.
fn narrow_filter(system: &System) {
    let nothing = "<fetch><entity name=\"appointment\"><attribute name=\"activityid\"/><filter>\
        <condition attribute=\"subject\" operator=\"eq\" value=\"nothing\"/></filter></entity>\
        </fetch>";
    let user = system.user(0);
    system.organization().dataverse().set_user_filters(user, "appointment", &[nothing]);
}

/// Lets an invitation from outside arrive at these people, who track it; returns its identity.
fn invited_from_outside(system: &System, who: &[usize]) -> String {
    let mut body = tracked_event("Outside", FUTURE);
    body.as_object_mut().unwrap().remove("categories");
    let addresses: Vec<String> = who.iter().map(|at| system.address(*at)).collect();
    let to: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let now = system.clock.now();
    let organization = system.organization();
    let sent = organization.graph().external_event("boss@fabrikam.example", &to, &body, now);
    for at in who {
        for event in system.events(*at) {
            system.edit_event(*at, &id_of(&event), &json!({ "categories": [CATEGORY] }));
        }
    }
    sent.expect("sent")
}

#[test]
fn org_02_an_appointment_without_an_organizer_stays_at_home_with_a_reason() {
    // It gives one code for the item, no event, no mail; the next appointment is synchronized.
    let system = two();
    let lost = system.meeting("Lost", FUTURE, &[system.party(0, 5)]);
    let lost = system.create(0, "appointments", &lost);
    paul_organizes(&system, FUTURE, false);
    system.settled();
    assert_eq!(system.codes(), [Code::OrganizerMissing]);
    let subjects: Vec<Value> = system.events(0).iter().map(|one| one["subject"].clone()).collect();
    assert_eq!(subjects, ["Review"]);
    // Set afterwards, it goes out.
    let parties = json!([system.party(0, 5), system.party(0, 7)]);
    system.update(0, "appointments", lost, &json!({ "appointment_activity_parties": parties }));
    system.settled();
    assert_eq!(system.events(0).len(), 2);
    assert!(system.mails().is_empty());
}

#[test]
fn appt_out_02_and_03_every_status_shows_as_its_rule_says() {
    // Completed, canceled and free show as free; tentative, busy and out of office by name.
    let system = two();
    let cases = [
        (0, 1, "free"),
        (0, 2, "tentative"),
        (1, 3, "free"),
        (2, 4, "free"),
        (3, 5, "busy"),
        (3, 6, "oof"),
    ];
    for (state, status, _) in cases {
        let mut body = system.meeting(&status.to_string(), FUTURE, &[system.party(0, 7)]);
        body["statecode"] = json!(state);
        body["statuscode"] = json!(status);
        system.create(0, "appointments", &body);
    }
    system.settled();
    let events = system.events(0);
    for (_, status, expected) in cases {
        let event = events.iter().find(|one| one["subject"] == json!(status.to_string())).unwrap();
        assert_eq!(event["showAs"], expected, "{status}");
    }
}

fn reminder_of(start: &str, state: i64, status: i64) -> bool {
    let system = two();
    let mut body = system.meeting("Talk", start, &[system.party(0, 7)]);
    body["statecode"] = json!(state);
    body["statuscode"] = json!(status);
    system.create(0, "appointments", &body);
    system.settled();
    system.events(0)[0]["isReminderOn"].as_bool().unwrap()
}

#[test]
fn appt_out_04_no_reminder_for_what_began_more_than_seven_days_ago() {
    // Exactly seven days ago still has the calendar's own reminder; a second more has none.
    assert!(reminder_of("2026-11-17T09:00:00Z", 3, 5));
    assert!(!reminder_of("2026-11-17T08:59:59Z", 3, 5));
}

#[test]
fn appt_out_05_no_reminder_for_what_shows_as_free() {
    // Free, completed and canceled have none; tentative, busy and out of office do.
    for (state, status, expected) in
        [(0, 1, false), (1, 3, false), (2, 4, false), (0, 2, true), (3, 5, true), (3, 6, true)]
    {
        assert_eq!(reminder_of(FUTURE, state, status), expected, "{status}");
    }
}

#[test]
fn appt_out_06_a_past_appointment_invites_nobody() {
    // It began now or earlier: the event is made without attendees. A second later: one mail.
    for (start, mails) in [(PAST, 0), ("2026-11-24T09:00:00Z", 0), ("2026-11-24T09:00:01Z", 1)] {
        let system = two();
        paul_organizes(&system, start, true);
        system.settled();
        assert_eq!((system.events(0).len(), system.events(1).len()), (1, mails), "{start}");
        assert_eq!(kinds(&system), vec![MailKind::Invitation; mails], "{start}");
    }
}

#[test]
fn appt_out_07_without_attendees_nobody_is_mailed() {
    // The organizer himself is no attendee, also when he is listed as one.
    let system = two();
    paul_organizes(&system, FUTURE, false);
    let parties = [system.party(0, 7), system.party(0, 5)];
    system.create(0, "appointments", &system.meeting("Alone", FUTURE, &parties));
    system.settled();
    assert_eq!(system.events(0).len(), 2);
    assert!(system.mails().is_empty());
}

#[test]
fn appt_out_08_and_14_an_unserved_organizers_meeting_becomes_a_silent_copy() {
    // Paul's mailbox takes no part: Laura gets a copy without attendees, and nobody a mail.
    let system = two();
    unserve(&system, 0, 2);
    let id = paul_organizes(&system, FUTURE, true);
    system.settled();
    let events = system.events(1);
    assert_eq!((events.len(), system.events(0).len()), (1, 0));
    assert_eq!(events[0]["attendees"], json!([]));
    // Changes of the row reach the copy; Laura's own edits stay in her calendar.
    system.update(0, "appointments", id, &json!({ "location": "Room 4" }));
    system.settled();
    assert_eq!(system.events(1)[0]["location"]["displayName"], "Room 4");
    system.edit_event(1, &id_of(&events[0]), &json!({ "subject": "Mine" }));
    system.settled();
    assert_eq!(system.row("appointments", id).unwrap()["subject"], "Review");
    // The row's deletion does not touch it (CXL-05: she does not organize).
    system.delete(0, "appointments", id);
    system.settled();
    assert_eq!(system.events(1).len(), 1);
    assert!(system.mails().is_empty());
}

#[test]
fn appt_out_09_only_what_attendees_see_mails_them() {
    // Category and regarding mail nobody; the location mails one update.
    let system = two();
    let account = system.create(0, "accounts", &json!({ "name": "Fabrikam" }));
    let id = paul_organizes(&system, FUTURE, true);
    system.settled();
    let regarding = format!("/accounts({account})");
    let silent = json!({ "category": "Sales", "subcategory": "Lead",
        "regardingobjectid_account_appointment@odata.bind": regarding });
    system.update(0, "appointments", id, &silent);
    system.settled();
    assert_eq!(kinds(&system), [MailKind::Invitation]);
    system.update(0, "appointments", id, &json!({ "location": "Room 4" }));
    system.settled();
    assert_eq!(kinds(&system), [MailKind::Invitation, MailKind::Update]);
}

#[test]
fn appt_out_14_an_attendees_mailbox_waits_for_the_invitation() {
    // Laura's cycle comes first and makes nothing; Paul's invites her; hers then links it.
    let system = two();
    let id = paul_organizes(&system, FUTURE, true);
    let result = system.one_pass(1);
    assert!(result.end.is_none(), "{result:?}");
    assert_eq!(system.codes(), [Code::AwaitsInvitation]);
    assert!(system.events(1).is_empty() && system.mails().is_empty());
    system.one_pass(0);
    system.settled();
    assert_eq!((system.events(0).len(), system.events(1).len()), (1, 1));
    assert_eq!(system.rows("appointments").len(), 1);
    assert_eq!(kinds(&system), [MailKind::Invitation]);
    let uid = system.events(1)[0]["iCalUId"].clone();
    assert_eq!(system.row("appointments", id).unwrap()["globalobjectid"], uid);
    // Linked: her mailbox neither makes a copy nor mails when the row moves.
    let later = json!({ "scheduledstart": "2026-12-02T10:00:00Z",
        "scheduledend": "2026-12-02T11:00:00Z" });
    system.update(0, "appointments", id, &later);
    system.settled();
    assert_eq!(system.events(1).len(), 1);
    assert_eq!(kinds(&system), [MailKind::Invitation, MailKind::Update]);
}

#[test]
fn appt_in_01_a_tracked_event_becomes_a_row_with_its_fields() {
    // Subject, place, times, importance and status; nobody is mailed.
    let system = two();
    let mut body = tracked_event("Talk", FUTURE);
    body["location"] = json!({ "displayName": "Room 4" });
    body["importance"] = json!("high");
    body["body"] = json!({ "contentType": "text", "content": "Agenda" });
    let event = system.new_event(0, &body);
    system.settled();
    let row = system.rows("appointments").remove(0);
    assert_eq!((&row["subject"], &row["location"]), (&json!("Talk"), &json!("Room 4")));
    assert_eq!((&row["scheduledstart"], &row["prioritycode"]), (&json!(FUTURE), &json!(2)));
    assert_eq!((&row["statecode"], &row["statuscode"]), (&json!(3), &json!(5)));
    assert_eq!(row["description"], "Agenda");
    let id = guid(&row, "activityid");
    system.update(0, "appointments", id, &json!({ "subject": "Talk 2" }));
    system.edit_event(0, &event, &json!({ "importance": "low" }));
    system.settled();
    assert_eq!(system.events(0)[0]["subject"], "Talk 2");
    assert_eq!(system.row("appointments", id).unwrap()["prioritycode"], 0);
    assert!(system.mails().is_empty());
}

#[test]
fn appt_in_02_and_04_show_as_becomes_the_status_without_an_echo() {
    // Each value has its pair; "working elsewhere" stays what it is in the calendar.
    let system = two();
    let event = system.new_event(0, &tracked_event("Talk", FUTURE));
    system.settled();
    let cases = [
        ("free", 0, 1),
        ("oof", 3, 6),
        ("workingElsewhere", 0, 1),
        ("tentative", 0, 2),
        ("busy", 3, 5),
    ];
    for (show_as, state, status) in cases {
        system.edit_event(0, &event, &json!({ "showAs": show_as }));
        system.settled();
        let row = system.rows("appointments").remove(0);
        let pair = (row["statecode"].clone(), row["statuscode"].clone());
        assert_eq!(pair, (json!(state), json!(status)), "{show_as}");
        assert_eq!(system.events(0)[0]["showAs"], show_as);
    }
    // Another change of the row does not write "free" over "working elsewhere".
    system.edit_event(0, &event, &json!({ "showAs": "workingElsewhere" }));
    system.settled();
    let id = guid(&system.rows("appointments")[0], "activityid");
    system.update(0, "appointments", id, &json!({ "location": "Home" }));
    system.settled();
    assert_eq!(system.events(0)[0]["showAs"], "workingElsewhere");
    assert_eq!(system.events(0)[0]["location"]["displayName"], "Home");
}

#[test]
fn appt_in_03_and_05_nothing_from_exchange_reaches_a_closed_row() {
    // Completed and canceled rows keep every field, and their status (no step to completed).
    for (state, status) in [(1, 3), (2, 4)] {
        let system = two();
        let id = paul_organizes(&system, FUTURE, false);
        system.settled();
        let closed = json!({ "statecode": state, "statuscode": status });
        system.update(0, "appointments", id, &closed);
        system.settled();
        let event = id_of(&system.events(0)[0]);
        let before = system.row("appointments", id).unwrap();
        system.codes();
        for change in
            [json!({ "subject": "New" }), json!({ "showAs": "oof" }), json!({ "showAs": "free" })]
        {
            system.edit_event(0, &event, &change);
            system.passes(2);
        }
        assert!(system.codes().contains(&Code::RowClosed), "{state}");
        assert_eq!(system.row("appointments", id).unwrap(), before, "{state}");
        assert!(system.mails().is_empty());
    }
}

#[test]
fn appt_in_05_an_open_row_takes_the_same_change() {
    // The rule's other half: as long as the row is open, the subject arrives.
    let system = two();
    let id = paul_organizes(&system, FUTURE, false);
    system.settled();
    system.edit_event(0, &id_of(&system.events(0)[0]), &json!({ "subject": "New" }));
    system.settled();
    assert_eq!(system.row("appointments", id).unwrap()["subject"], "New");
}

#[test]
fn appt_in_09_privacy_flows_one_way_and_only_when_switched_on() {
    // Off: the flag stays away. On: it reaches the row, and the row's own flag never leaves it.
    for on in [false, true] {
        let system = two();
        system
            .setting("SSSSyncAppointmentIsPrivateFromExchange", if on { "true" } else { "false" });
        let mut body = tracked_event("Talk", FUTURE);
        body["sensitivity"] = json!("private");
        let event = system.new_event(0, &body);
        system.settled();
        let row = system.rows("appointments").remove(0);
        assert_eq!(row["ismapiprivate"], json!(on));
        let id = guid(&row, "activityid");
        system.update(0, "appointments", id, &json!({ "ismapiprivate": false }));
        system.settled();
        assert_eq!(system.events(0)[0]["sensitivity"], "private");
        system.edit_event(0, &event, &json!({ "sensitivity": "normal" }));
        system.settled();
        assert_eq!(system.row("appointments", id).unwrap()["ismapiprivate"], json!(false));
    }
}

#[test]
fn appt_in_10_attendees_become_parties_with_their_roles() {
    // Required 5, optional 6, organizer 7; who is unknown keeps the address without a row.
    let system = two();
    let to =
        |address: &str, kind: &str| json!({ "emailAddress": { "address": address }, "type": kind });
    let mut body = tracked_event("Talk", FUTURE);
    body["attendees"] =
        json!([to(&system.address(1), "required"), to("x@fabrikam.example", "optional")]);
    system.new_event(0, &body);
    let mails = system.mails();
    assert_eq!(mails.len(), 2, "Paul's own invitations");
    system.settled();
    assert_eq!(system.mails(), mails);
    let rows = system.rows("appointments");
    assert_eq!(rows.len(), 1);
    let party = |mask: i64| {
        let all = rows[0]["parties"].as_array().unwrap();
        all.iter().find(|one| one["participationtypemask"] == mask).cloned().unwrap()
    };
    assert!(party(5)["partyid"].to_string().contains(&system.user(1).to_string()));
    assert_eq!(party(6)["addressused"], "x@fabrikam.example");
    assert!(party(6)["partyid"].is_null());
    assert!(party(7)["partyid"].to_string().contains(&system.user(0).to_string()));
}

#[test]
fn appt_in_11_a_second_tracker_links_to_the_first_ones_row() {
    // Paul tracks first, Laura later: one row, and either one's edit of nothing changes that.
    let system = two();
    let mut outside = tracked_event("Outside", FUTURE);
    outside.as_object_mut().unwrap().remove("categories");
    invited_from_outside(&system, &[0, 1]);
    let mails = system.mails();
    system.one_pass(0);
    assert_eq!(system.rows("appointments").len(), 1);
    system.one_pass(1);
    system.settled();
    assert_eq!(system.rows("appointments").len(), 1);
    assert_eq!((system.events(0).len(), system.events(1).len()), (1, 1));
    assert_eq!(system.mails(), mails, "tracking mails nobody");
}

#[test]
fn cxl_02_and_05_deleting_a_future_row_cancels_the_meeting_once() {
    // Physical delete, organizer, future: the event goes and Exchange mails one cancellation.
    let system = two();
    let id = paul_organizes(&system, FUTURE, true);
    system.settled();
    system.delete(0, "appointments", id);
    system.settled();
    assert!(system.events(0).is_empty());
    assert_eq!(kinds(&system), [MailKind::Invitation, MailKind::Cancellation]);
    assert_eq!(system.events(1).len(), 1, "Laura's copy shows as canceled until she removes it");
    assert_eq!(system.events(1)[0]["isCancelled"], true);
}

#[test]
fn cxl_02a_06_and_08_a_past_meeting_stays_and_nobody_is_told() {
    // One second before its start it would be canceled; at its start it is past.
    for (wait, left, mails) in [(3_599, 0, 2), (3_600, 1, 1)] {
        let system = two();
        let id = paul_organizes(&system, "2026-11-24T10:00:00Z", true);
        system.settled();
        system.advance(wait);
        system.delete(0, "appointments", id);
        system.settled();
        assert_eq!((system.events(0).len(), system.mails().len()), (left, mails), "{wait}");
    }
}

#[test]
fn cxl_02b_and_06_who_does_not_organize_keeps_the_event_unlinked() {
    // Laura tracked an outsider's meeting; the row's deletion leaves her calendar alone.
    let system = two();
    invited_from_outside(&system, &[1]);
    system.settled();
    let id = guid(&system.rows("appointments")[0], "activityid");
    system.delete(1, "appointments", id);
    system.settled();
    assert_eq!((system.events(1).len(), system.rows("appointments").len()), (1, 0));
    assert_eq!(kinds(&system), [MailKind::Invitation]);
    // Unlinked for good: the category is still on it and no second row comes of it.
    system.edit_event(1, &id_of(&system.events(1)[0]), &json!({ "reminderMinutesBeforeStart": 5 }));
    system.settled();
    assert!(system.rows("appointments").is_empty());
}

#[test]
fn cxl_02c_a_meeting_without_attendees_goes_silently() {
    // The event is deleted and there is nobody to tell.
    let system = two();
    let id = paul_organizes(&system, FUTURE, false);
    system.settled();
    system.delete(0, "appointments", id);
    system.settled();
    assert!(system.events(0).is_empty() && system.mails().is_empty());
}

#[test]
fn cxl_03_canceling_in_dynamics_only_frees_the_time() {
    // Without the setting the meeting stays and shows as free; nobody gets a cancellation.
    let system = two();
    let id = paul_organizes(&system, FUTURE, true);
    system.settled();
    system.update(0, "appointments", id, &json!({ "statecode": 2, "statuscode": 4 }));
    system.settled();
    assert_eq!((system.events(0).len(), &system.events(0)[0]["showAs"]), (1, &json!("free")));
    assert!(!kinds(&system).contains(&MailKind::Cancellation));
}

#[test]
fn cxl_04_with_the_setting_a_canceled_row_cancels_the_meeting() {
    // Future: deleted with one cancellation. Past: it stays.
    for (start, wait, left) in [(FUTURE, 0, 0), ("2026-11-24T10:00:00Z", 3_600, 1)] {
        let system = two();
        system.setting("SSSPropagateAppointmentCancellationsToExchange", "true");
        let id = paul_organizes(&system, start, true);
        system.settled();
        system.advance(wait);
        system.update(0, "appointments", id, &json!({ "statecode": 2, "statuscode": 4 }));
        system.settled();
        assert_eq!(system.events(0).len(), left, "{start}");
        let cancellations =
            kinds(&system).into_iter().filter(|one| *one == MailKind::Cancellation).count();
        assert_eq!(cancellations, 1 - left, "{start}");
        assert!(system.row("appointments", id).is_some());
    }
}

#[test]
fn cxl_07_a_logical_delete_cancels_by_default_and_only_unlinks_when_told_apart() {
    // The row leaves the organizer's filter: the setting decides between cancel and keep.
    for (distinct, left) in [("false", 0), ("true", 1)] {
        let system = two();
        system.setting("DistinctPhysicalAndLogicalDeletesForExchangeSync", distinct);
        let id = paul_organizes(&system, FUTURE, true);
        system.settled();
        narrow_filter(&system);
        system.settled();
        assert_eq!(system.events(0).len(), left, "{distinct}");
        assert_eq!(system.mails().len(), 2 - left, "{distinct}");
        assert!(system.row("appointments", id).is_some());
    }
}

#[test]
fn cxl_07_a_past_meeting_survives_a_logical_delete() {
    // Organizer, past, logical: kept, whatever the setting says.
    let system = two();
    paul_organizes(&system, "2026-11-24T10:00:00Z", true);
    system.settled();
    system.advance(7_200);
    narrow_filter(&system);
    system.settled();
    assert_eq!(system.events(0).len(), 1);
    assert_eq!(kinds(&system), [MailKind::Invitation]);
}

#[test]
fn cxl_09_an_event_deleted_by_its_organizer_takes_the_open_future_row() {
    // The rule's open half: the row goes. Exchange itself mails the cancellation, once.
    let system = two();
    let id = paul_organizes(&system, FUTURE, true);
    system.settled();
    system.delete_event(0, &id_of(&system.events(0)[0]));
    system.settled();
    assert!(system.row("appointments", id).is_none());
    assert_eq!(kinds(&system), [MailKind::Invitation, MailKind::Cancellation]);
}

#[test]
fn cxl_09a_a_closed_row_survives_the_deletion_of_its_event() {
    // Completed and canceled rows stay, and the event is not made again.
    for (state, status) in [(1, 3), (2, 4)] {
        let system = two();
        let id = paul_organizes(&system, FUTURE, false);
        system.settled();
        system.update(0, "appointments", id, &json!({ "statecode": state, "statuscode": status }));
        system.settled();
        system.delete_event(0, &id_of(&system.events(0)[0]));
        system.settled();
        assert!(system.row("appointments", id).is_some(), "{state}");
        assert!(system.events(0).is_empty(), "{state}: not recreated");
    }
}

#[test]
fn cxl_09b_a_past_row_survives_the_deletion_of_its_event() {
    // At its start an appointment is past; a second before it is not.
    for (wait, survives) in [(3_599, false), (3_600, true)] {
        let system = two();
        let id = paul_organizes(&system, "2026-11-24T10:00:00Z", false);
        system.settled();
        system.advance(wait);
        system.delete_event(0, &id_of(&system.events(0)[0]));
        system.settled();
        assert_eq!(system.row("appointments", id).is_some(), survives, "{wait}");
        assert!(system.events(0).is_empty());
    }
}

#[test]
fn cxl_09c_an_attendees_delete_leaves_the_row() {
    // Laura removes her copy of Paul's meeting: row and Paul's event stay.
    let system = two();
    let id = paul_organizes(&system, FUTURE, true);
    system.settled();
    system.delete_event(1, &id_of(&system.events(1)[0]));
    system.settled();
    assert!(system.row("appointments", id).is_some());
    assert_eq!((system.events(0).len(), system.events(1).len()), (1, 0));
    system.update(0, "appointments", id, &json!({ "category": "Sales" }));
    system.settled();
    assert!(system.events(1).is_empty());
    assert_eq!(kinds(&system), [MailKind::Invitation]);
}

#[test]
fn cxl_12_a_delete_that_is_not_applied_dissolves_the_pair() {
    // After the event of a past row is gone, edits of the row bring nothing back.
    let system = two();
    let id = paul_organizes(&system, PAST, false);
    system.settled();
    system.delete_event(0, &id_of(&system.events(0)[0]));
    system.settled();
    system.update(0, "appointments", id, &json!({ "location": "Room 4" }));
    system.settled();
    assert!(system.events(0).is_empty());
    assert!(system.row("appointments", id).is_some());
}

#[test]
fn cxl_13_a_cancellation_from_outside_frees_the_row_and_deletes_nothing() {
    // The organizer outside calls it off: the row becomes free and stays.
    let system = two();
    let uid = invited_from_outside(&system, &[1]);
    system.settled();
    let id = guid(&system.rows("appointments")[0], "activityid");
    let now = system.clock.now();
    system.organization().graph().external_cancel(&uid, now).unwrap();
    system.settled();
    let row = system.row("appointments", id).unwrap();
    assert_eq!((&row["statecode"], &row["statuscode"]), (&json!(0), &json!(1)));
    assert_eq!(system.events(1).len(), 1);
    assert_eq!(kinds(&system), [MailKind::Invitation, MailKind::Cancellation]);
}
