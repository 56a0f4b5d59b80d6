//! What people do with series besides editing them: deletions without a sign, guests of one
//! occurrence, an appointment that becomes a series, and a calendar that is not free.

use lockstep::domain::code::Code;
use serde_json::{Value, json};

use crate::harness::{CATEGORY, System, guid, id_of, tracked_event, two};
use crate::series_desk::{MASTERS, instances};

const WINDOW: (&str, &str) = ("2026-11-01T00:00:00Z", "2027-12-31T00:00:00Z");

/// Tuesdays at nine in Berlin, ten times, tracked in Outlook.
fn tracked() -> Value {
    let zone = "W. Europe Standard Time";
    let at =
        |hour: u32| json!({ "dateTime": format!("2026-12-01T{hour:02}:00:00"), "timeZone": zone });
    json!({ "subject": "Weekly", "categories": [CATEGORY], "start": at(9), "end": at(10),
        "recurrence": {
            "pattern": { "type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"],
                "firstDayOfWeek": "sunday" },
            "range": { "type": "numbered", "startDate": "2026-12-01", "numberOfOccurrences": 10,
                "recurrenceTimeZone": zone } } })
}

fn shown(system: &System) -> Vec<Value> {
    system.organization().graph().shown(&system.address(0), WINDOW.0, WINDOW.1)
}

#[test]
fn rec_07_an_occurrence_that_is_deleted_without_a_sign_is_missed_within_the_hour() {
    // No delta tells of it; the series is read anew all the same, and its row goes.
    let system = two();
    system.new_event(0, &tracked());
    system.settled();
    system.organization().graph().set_silent_deletions(true);
    system.delete_event(0, &id_of(&shown(&system)[3]));
    system.settled();
    assert_eq!(instances(&system).len(), 10, "nothing told of it yet");
    system.advance(3_700);
    system.settled();
    let rows = instances(&system);
    assert_eq!(rows.len(), 9);
    assert!(rows.iter().all(|row| row["originalstartdate"] != "2026-12-22T08:00:00Z"));
    assert!(system.mails().is_empty());
}

#[test]
fn rec_02_a_guest_of_one_occurrence_stays_and_changes_nothing_else() {
    // Invited to one occurrence in Outlook: one mail, to that guest. Later edits keep the guest.
    let system = two();
    system.new_event(0, &tracked());
    system.settled();
    let guest = json!([{ "type": "required",
        "emailAddress": { "address": "guest@fabrikam.example" } }]);
    system.edit_event(0, &id_of(&shown(&system)[1]), &json!({ "attendees": guest }));
    system.settled();
    let to: Vec<String> = system.mails().into_iter().map(|(_, to)| to).collect();
    assert_eq!(to, ["guest@fabrikam.example"]);
    let id = guid(&instances(&system)[2], "activityid");
    system.update(0, "appointments", id, &json!({ "location": "Room 2" }));
    system.settled();
    let attendees = |at: usize| shown(&system)[at]["attendees"].as_array().unwrap().len();
    assert_eq!((attendees(1), attendees(2)), (1, 0));
    assert_eq!(shown(&system)[2]["location"]["displayName"], "Room 2");
    for _ in 0..3 {
        system.advance(3_700);
        system.settled();
    }
    assert_eq!(system.mails().len(), 1);
}

#[test]
fn rec_02_guests_of_one_occurrence_are_noted_on_either_side() {
    // Invited to one occurrence in Outlook, or to one instance in Dynamics: the guest is not carried, the
    // decision says it; without such a guest it says nothing. Who is a guest in Outlook hears of the room.
    for side in ["neither", "outlook", "dynamics"] {
        let system = two();
        system.new_event(0, &tracked());
        system.settled();
        let guest = json!([{ "type": "required",
            "emailAddress": { "address": "guest@fabrikam.example" } }]);
        if side == "outlook" {
            system.edit_event(0, &id_of(&shown(&system)[1]), &json!({ "attendees": guest }));
        }
        let id = guid(&instances(&system)[1], "activityid");
        let mut change = json!({ "location": "Room 2" });
        if side == "dynamics" {
            let guest = json!({ "participationtypemask": 5,
                "addressused": "guest@fabrikam.example" });
            change["appointment_activity_parties"] = json!([system.party(0, 7), guest]);
        }
        system.update(0, "appointments", id, &change);
        let mails = system.mails().len();
        system.settled();
        let noted = system.codes().contains(&Code::OccurrenceAttendees);
        assert_eq!(noted, side != "neither", "{side}");
        assert_eq!(shown(&system)[1]["location"]["displayName"], "Room 2");
        let update = usize::from(side == "outlook");
        assert_eq!(system.mails().len(), mails + update, "the guest hears of the room: {side}");
    }
}

#[test]
fn rec_01_an_appointment_that_is_made_a_series_becomes_one_series() {
    // Dynamics makes a new series and deletes the appointment: its event goes, one series comes, and
    // the guest hears of both once.
    let system = two();
    let parties = [system.party(0, 7), system.party(1, 5)];
    let body = system.meeting("Talk", "2026-12-01T08:00:00Z", &parties);
    let single = system.create(0, "appointments", &body);
    system.settled();
    assert_eq!((system.events(0).len(), system.mails().len()), (1, 1));
    let rule = json!({ "recurrencepatterntype": 1, "interval": 1, "daysofweekmask": 4,
        "patternstartdate": "2026-12-01T00:00:00Z", "patternendtype": 2, "occurrences": 5,
        "starttime": "2026-12-01T08:00:00Z", "endtime": "2026-12-01T09:00:00Z" });
    let (user, now) = (system.user(0), system.clock.now());
    let made = system.organization().dataverse().user_add_recurrence(user, single, &rule, now);
    made.unwrap();
    system.settled();
    let events = system.events(0);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((&events[0]["type"], shown(&system).len()), (&json!("seriesMaster"), 5));
    assert_eq!((system.rows(MASTERS).len(), system.mails().len()), (1, 3));
    system.advance(3_700);
    system.settled();
    assert_eq!(system.mails().len(), 3);
}

#[test]
fn appt_in_06_a_series_is_made_plainly_whoever_is_busy() {
    // Paul is busy on the third Tuesday: booking is for single appointments, the series comes.
    let system = two();
    let parties = [system.party(0, 6), system.party(1, 7)];
    let body = system.meeting("Busy", "2026-12-15T08:30:00Z", &parties);
    system.create(1, "appointments", &body);
    system.new_event(0, &tracked());
    system.settled();
    assert_eq!((system.rows(MASTERS).len(), instances(&system).len()), (1, 10));
    assert!(!system.codes().contains(&Code::SchedulingConflict));
}

#[test]
fn appt_in_07_a_meeting_in_the_slot_of_a_deleted_occurrence_is_booked_in_the_end() {
    // The series is made as its pattern says, its deletion follows, and the meeting comes in between:
    // the first booking is refused, a later one is not, and no user is asked.
    let system = two();
    system.new_event(0, &tracked());
    let third = shown(&system).into_iter().nth(2).expect("a third occurrence");
    system.delete_event(0, &id_of(&third));
    system.new_event(0, &tracked_event("Instead", "2026-12-15T08:00:00Z"));
    system.one_pass(0);
    let refused = system.codes().contains(&Code::SchedulingConflict);
    system.settled();
    let named = |row: &Value| row["subject"] == "Instead";
    assert!(refused, "the first booking meets the occurrence");
    assert_eq!(
        (system.rows("appointments").into_iter().filter(named).count(), instances(&system).len()),
        (1, 9)
    );
    assert!(system.links(0).iter().all(|link| link.trouble.is_none()), "{:?}", system.codes());
}
