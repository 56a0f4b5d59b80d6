//! Meetings: copies, mails, answers, cancellations, and people acting from inside.

use serde_json::{Value, json};

use super::{ANNA, BEN, Bench, body, id, invited, meeting, with};
use crate::sim::graph::MailKind::{Cancellation, Invitation, Response, Update};

const CLEO: &str = "cleo@contoso.com";
const OUT: &str = "guest@fabrikam.com";

fn held(bench: &mut Bench, to: &[&str]) -> Value {
    bench.made("/events", &with(meeting(), &json!({ "attendees": invited(to) })))
}

fn only(bench: &Bench, address: &str) -> Value {
    let mut events = bench.sim.events(address);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

#[test]
fn a_meeting_lands_in_the_attendees_mailboxes() {
    // Every attendee gets an invitation, insiders a copy with the same iCalUId and another id.
    let mut bench = Bench::new();
    let made = held(&mut bench, &[BEN, OUT, ANNA]);
    let mails = bench.mails();
    assert_eq!(mails, [(Invitation, BEN.into()), (Invitation, OUT.into())]);
    let copy = only(&bench, BEN);
    assert_eq!(copy["iCalUId"], made["iCalUId"]);
    assert_ne!(copy["id"], made["id"]);
    assert_eq!(copy["isOrganizer"], false);
    assert_eq!(copy["responseStatus"]["response"], "notResponded");
    assert_eq!(copy["organizer"]["emailAddress"]["address"], ANNA);
    assert_eq!(copy["start"], made["start"]);
}

#[test]
fn past_meetings_are_mailed_too() {
    // Nothing suppresses an invitation, not even a date in the past (A4).
    let mut bench = Bench::new();
    let past = json!({ "attendees": invited(&[OUT]), "responseRequested": false,
        "start": { "dateTime": "2020-01-01T10:00:00", "timeZone": "UTC" },
        "end": { "dateTime": "2020-01-01T11:00:00", "timeZone": "UTC" } });
    bench.made("/events", &with(meeting(), &past));
    assert_eq!(bench.mails().len(), 1);
}

#[test]
fn an_update_goes_to_all_and_a_repeat_to_nobody() {
    // A changed meeting mails every attendee; a PATCH without change or of own things mails none.
    let mut bench = Bench::new();
    let made = held(&mut bench, &[BEN, OUT]);
    let path = format!("/events/{}", id(&made));
    let row = body(&bench.call("PATCH", &path, &json!({ "subject": "Plan B" })));
    assert_ne!(row["changeKey"], made["changeKey"]);
    assert_eq!(bench.mails()[2..], [(Update, BEN.into()), (Update, OUT.into())]);
    assert_eq!(only(&bench, BEN)["subject"], "Plan B");
    bench.call("PATCH", &path, &json!({ "subject": "Plan B" }));
    bench.call("PATCH", &path, &json!({ "categories": ["Red"], "isReminderOn": false }));
    let same =
        json!({ "start": made["start"], "end": made["end"], "attendees": invited(&[OUT, BEN]) });
    assert_eq!(bench.call("PATCH", &path, &same).status, 200);
    assert_eq!(bench.mails().len(), 4);
}

#[test]
fn a_change_of_attendees_reaches_only_those() {
    // Added people are invited, removed ones get a cancellation, the others hear nothing.
    let mut bench = Bench::new();
    let made = held(&mut bench, &[BEN, OUT]);
    let path = format!("/events/{}", id(&made));
    bench.call("PATCH", &path, &json!({ "attendees": invited(&[OUT, CLEO]) }));
    assert_eq!(bench.mails()[2..], [(Cancellation, BEN.into()), (Invitation, CLEO.into())]);
    let copy = only(&bench, BEN);
    assert_eq!((&copy["isCancelled"], &copy["showAs"]), (&json!(true), &json!("free")));
    assert_eq!(copy["subject"], "Canceled: Plan");
    assert_eq!(only(&bench, CLEO)["isCancelled"], false);
}

#[test]
fn a_deleted_meeting_is_cancelled_for_all() {
    // DELETE by the organizer mails cancellations and marks the copies; a guest's DELETE doesn't.
    let mut bench = Bench::new();
    let made = held(&mut bench, &[BEN, CLEO]);
    let copy = id(&only(&bench, CLEO));
    assert_eq!(bench.delete(&format!("/v1.0/users/{CLEO}/events/{copy}")).status, 204);
    assert_eq!(bench.mails().len(), 2);
    assert_eq!(bench.delete(&format!("/events/{}", id(&made))).status, 204);
    assert_eq!(bench.mails()[2..], [(Cancellation, BEN.into()), (Cancellation, CLEO.into())]);
    assert_eq!(only(&bench, BEN)["isCancelled"], true);
    assert!(bench.sim.events(ANNA).is_empty() && bench.sim.events(CLEO).is_empty());
}

#[test]
fn only_the_organizer_cancels() {
    // cancel answers 202 for the organizer and 400 for a guest.
    let mut bench = Bench::new();
    let made = held(&mut bench, &[BEN]);
    let copy = id(&only(&bench, BEN));
    let comment = json!({ "comment": "Sorry" });
    let guest = bench.call("POST", &format!("/v1.0/users/{BEN}/events/{copy}/cancel"), &comment);
    assert_eq!(guest.status, 400);
    let path = format!("/events/{}/cancel", id(&made));
    assert_eq!(bench.call("POST", &path, &comment).status, 202);
    assert_eq!(bench.mails()[1..], [(Cancellation, BEN.into())]);
}

#[test]
fn answers_reach_the_organizer_unless_kept_quiet() {
    // accept mails a response and sets the organizer's list; sendResponse false does neither.
    let mut bench = Bench::new();
    let made = held(&mut bench, &[BEN, CLEO]);
    let path = format!("/events/{}", id(&made));
    let copy = id(&only(&bench, BEN));
    let accept = format!("/v1.0/users/{BEN}/events/{copy}/accept");
    assert_eq!(bench.call("POST", &accept, &json!({ "comment": "Yes" })).status, 202);
    assert_eq!(bench.mails()[2..], [(Response, ANNA.into())]);
    let list = body(&bench.get(&path))["attendees"].clone();
    assert_eq!(list[0]["status"]["response"], "accepted");
    assert_eq!(only(&bench, BEN)["responseStatus"]["response"], "accepted");
    let other = id(&only(&bench, CLEO));
    let decline = format!("/v1.0/users/{CLEO}/events/{other}/decline");
    assert_eq!(bench.call("POST", &decline, &json!({ "sendResponse": false })).status, 202);
    assert_eq!(bench.mails().len(), 3);
    assert_eq!(body(&bench.get(&path))["attendees"][1]["status"]["response"], "none");
    assert_eq!(bench.call("POST", &format!("{path}/accept"), &json!({})).status, 400);
    let wrong = json!({ "notify": false });
    assert_eq!(bench.call("POST", &accept, &wrong).status, 400);
}

#[test]
fn a_guests_patch_changes_only_the_own_copy() {
    // An attendee may write the own copy; nobody is mailed and the meeting stays as it is.
    let mut bench = Bench::new();
    let made = held(&mut bench, &[BEN]);
    let copy = id(&only(&bench, BEN));
    let patch = json!({ "subject": "Mine", "categories": ["Blue"] });
    let path = format!("/v1.0/users/{BEN}/events/{copy}");
    assert_eq!(bench.call("PATCH", &path, &patch).status, 200);
    assert_eq!(bench.mails().len(), 1);
    assert_eq!(body(&bench.get(&format!("/events/{}", id(&made))))["subject"], "Plan");
    assert_eq!(only(&bench, BEN)["subject"], "Mine");
}

#[test]
fn people_act_under_the_same_rules() {
    // The person's side validates alike, mails alike and isn't counted as API traffic.
    let mut bench = Bench::new();
    let now = bench.now;
    let body = with(meeting(), &json!({ "attendees": invited(&[BEN]) }));
    let made = bench.sim.user_create_event(ANNA, &body, now).unwrap();
    let copy = id(&only(&bench, BEN));
    bench.sim.user_respond(BEN, &copy, "tentativelyAccept", now).unwrap();
    bench.sim.user_update_event(ANNA, &made, &json!({ "subject": "New" }), now).unwrap();
    let wrong = bench.sim.user_update_event(ANNA, &made, &json!({ "subject": 1 }), now);
    assert_eq!(wrong.unwrap_err().code, "ErrorPropertyValidationFailure");
    let organizer = bench.sim.user_respond(ANNA, &made, "accept", now);
    assert_eq!(organizer.unwrap_err().status, 400);
    bench.sim.user_delete_event(ANNA, &made, now).unwrap();
    let kinds: Vec<_> = bench.mails().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [Invitation, Response, Update, Cancellation]);
    assert_eq!((bench.sim.request_count(), bench.sim.write_count()), (0, 0));
}

#[test]
fn invitations_arrive_from_outside() {
    // An outside organizer's meeting lands as a guest's copy; the answer goes out by mail.
    let mut bench = Bench::new();
    let now = bench.now;
    bench.sim.external_event(OUT, &[BEN, CLEO], &meeting(), now).unwrap();
    let copy = only(&bench, BEN);
    assert_eq!(copy["organizer"]["emailAddress"]["address"], OUT);
    assert_eq!(copy["isOrganizer"], false);
    bench.sim.user_respond(BEN, &id(&copy), "accept", now).unwrap();
    assert_eq!(bench.mails()[2..], [(Response, OUT.into())]);
    bench.sim.user_delete_event(CLEO, &id(&only(&bench, CLEO)), now).unwrap();
    assert_eq!(bench.mails().len(), 3);
}

#[test]
fn outside_meetings_change_and_are_called_off() {
    // An outside organizer's update and cancellation reach the guests' copies by mail.
    let mut bench = Bench::new();
    let now = bench.now;
    let uid = bench.sim.external_event(OUT, &[BEN], &meeting(), now).unwrap();
    bench.sim.external_update(&uid, &json!({ "subject": "Moved" }), now).unwrap();
    assert_eq!(only(&bench, BEN)["subject"], "Moved");
    bench.sim.external_cancel(&uid, now).unwrap();
    assert_eq!(only(&bench, BEN)["subject"], "Canceled: Moved");
    assert_eq!(bench.mails()[1..], [(Update, BEN.into()), (Cancellation, BEN.into())]);
    let own = held(&mut bench, &[]);
    let uid = own["iCalUId"].as_str().unwrap();
    assert_eq!(bench.sim.external_cancel(uid, now).unwrap_err().status, 404);
}

#[test]
fn a_changed_occurrence_reaches_the_guests() {
    // Changing or deleting one occurrence mails the guests and changes their copies alike.
    let mut bench = Bench::new();
    let series = json!({ "attendees": invited(&[BEN]), "recurrence": {
        "pattern": { "type": "daily", "interval": 1 },
        "range": { "type": "numbered", "startDate": "2026-11-25", "numberOfOccurrences": 3 } } });
    bench.made("/events", &with(meeting(), &series));
    let window = "startDateTime=2026-11-01T00:00:00Z&endDateTime=2026-12-01T00:00:00Z";
    let view = body(&bench.get(&format!("/calendarView?{window}")));
    let path = |row: usize| format!("/events/{}", id(&view["value"][row]));
    bench.call("PATCH", &path(1), &json!({ "subject": "Once" }));
    bench.delete(&path(2));
    assert_eq!(bench.mails()[1..], [(Update, BEN.into()), (Cancellation, BEN.into())]);
    let seen = body(&bench.get(&format!("/v1.0/users/{BEN}/calendarView?{window}")));
    let subjects: Vec<_> =
        seen["value"].as_array().unwrap().iter().map(|row| row["subject"].clone()).collect();
    assert_eq!(subjects, ["Plan", "Once"]);
}

#[test]
fn a_guest_of_one_occurrence_hears_of_that_occurrence_alone() {
    // Invited to the second: an invitation, an update of the second, nothing of the third; taken off,
    // a cancellation, and then nothing.
    let mut bench = Bench::new();
    let series = json!({ "recurrence": {
        "pattern": { "type": "daily", "interval": 1 },
        "range": { "type": "numbered", "startDate": "2026-11-25", "numberOfOccurrences": 3 } } });
    bench.made("/events", &with(meeting(), &series));
    let window = "startDateTime=2026-11-01T00:00:00Z&endDateTime=2026-12-01T00:00:00Z";
    let view = body(&bench.get(&format!("/calendarView?{window}")));
    let path = |row: usize| format!("/events/{}", id(&view["value"][row]));
    for (row, change) in [
        (1, json!({ "attendees": invited(&[OUT]) })),
        (1, json!({ "subject": "Once" })),
        (2, json!({ "subject": "Twice" })),
        (1, json!({ "attendees": [] })),
        (1, json!({ "subject": "Thrice" })),
    ] {
        assert_eq!(bench.call("PATCH", &path(row), &change).status, 200);
    }
    let mails = [Invitation, Update, Cancellation].map(|kind| (kind, OUT.into()));
    assert_eq!(bench.mails(), mails);
}

#[test]
fn conf_02_opening_an_item_moves_its_version_only() {
    // Opening bumps changeKey and lastModifiedDateTime without a change of content.
    let mut bench = Bench::new();
    let now = bench.now;
    let made = bench.sim.user_create_event(ANNA, &meeting(), now).unwrap();
    let before = only(&bench, ANNA);
    bench.later(60);
    let now = bench.now;
    bench.sim.user_open_item(ANNA, &made, now).unwrap();
    let after = only(&bench, ANNA);
    assert_ne!(before["changeKey"], after["changeKey"]);
    assert_ne!(before["lastModifiedDateTime"], after["lastModifiedDateTime"]);
    assert_eq!(before["subject"], after["subject"]);
}
