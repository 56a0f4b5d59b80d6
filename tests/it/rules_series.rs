//! Recurring appointments in both directions (rules.md §1.7, CXL-10, CXL-11).
//!
//! Every test that could mail somebody asserts the ledger of mails.

use lockstep::domain::code::Code;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{CATEGORY, System, guid, id_of, person, two};
use crate::series_desk::{MASTERS, instance, instances, master, occurrence, shown, weekly};

/// Returns a tracked weekly series of Outlook with the same times.
fn tracked(subject: &str, zone: &str) -> Value {
    json!({ "subject": subject, "categories": [CATEGORY],
        "start": { "dateTime": "2026-12-01T09:00:00", "timeZone": zone },
        "end": { "dateTime": "2026-12-01T10:00:00", "timeZone": zone },
        "recurrence": {
            "pattern": { "type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"],
                "firstDayOfWeek": "sunday" },
            "range": { "type": "numbered", "startDate": "2026-12-01", "numberOfOccurrences": 10,
                "recurrenceTimeZone": zone } } })
}

#[test]
fn rec_01_a_series_of_dynamics_becomes_one_series_in_exchange() {
    // One event with the pattern, one invitation, no event for any instance, and then quiet.
    let system = two();
    system.create(0, MASTERS, &weekly(&system, "Weekly", true));
    system.settled();
    let events = system.events(0);
    assert_eq!(events.len(), 1, "{events:?}");
    let pattern = &events[0]["recurrence"]["pattern"];
    assert_eq!((&pattern["type"], &pattern["interval"]), (&json!("weekly"), &json!(1)));
    assert_eq!(pattern["daysOfWeek"], json!(["tuesday"]));
    let range = &events[0]["recurrence"]["range"];
    assert_eq!((&range["type"], &range["numberOfOccurrences"]), (&json!("numbered"), &json!(10)));
    assert_eq!(range["recurrenceTimeZone"], "W. Europe Standard Time");
    assert_eq!(shown(&system, 0).len(), 10);
    assert_eq!(system.mails().len(), 1);
    assert_eq!(system.links(0).len(), 1, "{:?}", system.links(0));
    let writes = system.writes();
    system.advance(60);
    system.settled();
    assert_eq!(system.writes(), writes);
}

#[test]
fn rec_01_a_tracked_series_becomes_a_master_with_its_instances() {
    // Tracked in Outlook, it is one master; Dynamics makes the instances at the same times.
    let system = two();
    system.new_event(0, &tracked("Weekly", "W. Europe Standard Time"));
    system.settled();
    let row = master(&system);
    assert_eq!(row["recurrencepatterntype"], 1);
    assert_eq!((&row["daysofweekmask"], &row["occurrences"]), (&json!(4), &json!(10)));
    let rows = instances(&system);
    assert_eq!(rows.len(), 10);
    assert_eq!(rows[0]["scheduledstart"], "2026-12-01T08:00:00Z");
    assert_eq!(rows[9]["scheduledstart"], "2027-02-02T08:00:00Z");
    assert!(system.mails().is_empty());
}

#[test]
fn rec_02_a_changed_instance_becomes_an_exception_in_exchange() {
    // A moved and a renamed instance are exceptions of the event; the others stay as they were.
    let system = two();
    system.create(0, MASTERS, &weekly(&system, "Weekly", false));
    system.settled();
    let moved = guid(&instance(&system, "2026-12-08"), "activityid");
    let times = json!({ "scheduledstart": "2026-12-08T12:00:00Z",
        "scheduledend": "2026-12-08T13:00:00Z" });
    system.update(0, "appointments", moved, &times);
    let named = guid(&instance(&system, "2026-12-15"), "activityid");
    system.update(0, "appointments", named, &json!({ "subject": "Special" }));
    system.settled();
    let shown = shown(&system, 0);
    assert_eq!(shown[1], ("2026-12-08T12:00".to_owned(), "Weekly".to_owned()));
    assert_eq!(shown[2], ("2026-12-15T08:00".to_owned(), "Special".to_owned()));
    assert_eq!((shown.len(), system.events(0).len()), (10, 1));
    // Back to normal, it is no deviation any more.
    let times = json!({ "scheduledstart": "2026-12-08T08:00:00Z",
        "scheduledend": "2026-12-08T09:00:00Z" });
    system.update(0, "appointments", moved, &times);
    system.settled();
    assert_eq!(self::shown(&system, 0)[1].0, "2026-12-08T08:00");
}

#[test]
fn rec_02_a_changed_occurrence_becomes_an_exception_in_dynamics() {
    // Moved and renamed in Outlook: that instance alone is an exception (instancetypecode 3).
    let system = two();
    system.new_event(0, &tracked("Weekly", "W. Europe Standard Time"));
    system.settled();
    let id = occurrence(&system, 0, "2026-12-08");
    let at =
        |hour: u32| json!({ "dateTime": format!("2026-12-09T{hour}:00:00"), "timeZone": "UTC" });
    system.edit_event(0, &id, &json!({ "start": at(10), "end": at(12), "subject": "Moved" }));
    system.settled();
    let row = instance(&system, "2026-12-08");
    assert_eq!((&row["instancetypecode"], &row["subject"]), (&json!(3), &json!("Moved")));
    assert_eq!(row["scheduledstart"], "2026-12-09T10:00:00Z");
    let plain = instances(&system).iter().filter(|row| row["instancetypecode"] == 2).count();
    assert_eq!(plain, 9);
}

#[test]
fn rec_07_an_instance_deleted_in_dynamics_is_deleted_in_exchange() {
    // The attendee gets one cancellation of that occurrence; the series goes on.
    let system = two();
    system.create(0, MASTERS, &weekly(&system, "Weekly", true));
    system.settled();
    let mails = system.mails().len();
    let gone = guid(&instance(&system, "2026-12-08"), "activityid");
    system.delete(0, "appointments", gone);
    system.settled();
    let days: Vec<String> = shown(&system, 0).into_iter().map(|(start, _)| start).collect();
    assert_eq!(days.len(), 9);
    assert!(!days.contains(&"2026-12-08T08:00".to_owned()), "{days:?}");
    assert_eq!(system.mails().len(), mails + 1);
}

#[test]
fn rec_07_an_occurrence_deleted_in_exchange_is_deleted_in_dynamics() {
    // The row of that occurrence goes (CXL-09), the others stay.
    let system = two();
    system.new_event(0, &tracked("Weekly", "W. Europe Standard Time"));
    system.settled();
    system.delete_event(0, &occurrence(&system, 0, "2026-12-22"));
    system.settled();
    let rows = instances(&system);
    assert_eq!(rows.len(), 9);
    assert!(rows.iter().all(|row| row["originalstartdate"] != "2026-12-22T08:00:00Z"));
}

#[test]
fn rec_06_a_changed_pattern_flows_both_ways() {
    // Weekly becomes fortnightly in Dynamics, then Thursdays in Outlook: the other side follows.
    let system = two();
    let id = system.create(0, MASTERS, &weekly(&system, "Weekly", false));
    system.settled();
    system.update(0, MASTERS, id, &json!({ "interval": 2 }));
    system.settled();
    let event = system.events(0)[0].clone();
    assert_eq!(event["recurrence"]["pattern"]["interval"], 2);
    assert_eq!(shown(&system, 0)[1].0, "2026-12-15T08:00");
    let mut recurrence = event["recurrence"].clone();
    recurrence["pattern"]["daysOfWeek"] = json!(["thursday"]);
    recurrence["range"]["startDate"] = json!("2026-12-03");
    let at = |hour: u32| {
        json!({ "dateTime": format!("2026-12-03T{hour:02}:00:00"),
        "timeZone": "W. Europe Standard Time" })
    };
    let change = json!({ "start": at(9), "end": at(10), "recurrence": recurrence });
    system.edit_event(0, &id_of(&event), &change);
    system.settled();
    assert_eq!(master(&system)["daysofweekmask"], 16);
    assert_eq!(instances(&system)[1]["scheduledstart"], "2026-12-17T08:00:00Z");
    assert_eq!(system.events(0).len(), 1);
}

#[test]
fn rec_03_tracking_a_series_mails_nobody() {
    // Twenty attendees, a hundred occurrences: neither the tracking nor what follows mails anybody.
    let system = two();
    let mut body = tracked("Big", "W. Europe Standard Time");
    body["recurrence"]["range"]["numberOfOccurrences"] = json!(100);
    let guests: Vec<Value> = (0..20)
        .map(|n| {
            json!({ "type": "required",
            "emailAddress": { "address": format!("guest{n}@fabrikam.example") } })
        })
        .collect();
    body["attendees"] = json!(guests);
    system.new_event(0, &body);
    let invited = system.mails().len();
    assert_eq!(invited, 20);
    system.settled();
    assert_eq!(master(&system)["occurrences"], 100);
    for _ in 0..10 {
        system.advance(60);
        system.settled();
    }
    assert_eq!(instances(&system).len(), 100);
    assert_eq!(system.mails().len(), invited);
}

#[test]
fn rec_03_a_series_of_a_hundred_costs_the_mails_that_the_rules_predict() {
    // Twenty attendees: one invitation each, one update each for each of two changed instances.
    let system = two();
    let mut body = weekly(&system, "Big", false);
    body["occurrences"] = json!(100);
    let parties = body["recurringappointmentmaster_activity_parties"].as_array_mut().unwrap();
    parties.extend((0..20).map(|n| {
        json!({ "participationtypemask": 5,
        "addressused": format!("guest{n}@fabrikam.example") })
    }));
    system.create(0, MASTERS, &body);
    system.settled();
    assert_eq!(system.mails().len(), 20);
    for day in ["2026-12-08", "2026-12-15"] {
        let id = guid(&instance(&system, day), "activityid");
        system.update(0, "appointments", id, &json!({ "location": "Room 2" }));
    }
    system.settled();
    assert_eq!(system.mails().len(), 20 + 2 * 20);
    for _ in 0..10 {
        system.advance(60);
        system.settled();
    }
    assert_eq!(system.mails().len(), 60);
    assert_eq!(shown(&system, 0).len(), 57, "the rest lies behind the window of this view");
}

#[test]
fn rec_04_deleted_past_occurrences_are_there_in_dynamics_unless_switched_off() {
    // With the switch the rows are made; without it they are not. The profile chooses where the file
    // says nothing: parity makes them, safe does not. Nobody is mailed either way.
    let key = "[policy]\nrecreate_deleted_past_occurrences";
    for (first, lines, rows) in [
        ("", String::new(), 10),
        ("", format!("{key} = false\n"), 9),
        ("profile = \"parity\"\n", String::new(), 10),
        ("profile = \"safe\"\n", String::new(), 9),
        ("profile = \"safe\"\n", format!("{key} = true\n"), 10),
    ] {
        let people = vec![
            person(1, "Paul", "Cannon", "Europe/Berlin"),
            person(2, "Laura", "Norman", "America/New_York"),
        ];
        let mut system = System::new(people);
        system.tenant = system.tenant_of(&format!("{first}{}{lines}", system.tenant_file()));
        let mut body = tracked("Weekly", "W. Europe Standard Time");
        for name in ["start", "end"] {
            let text = body[name]["dateTime"].as_str().unwrap().replace("2026-12-01", "2026-11-17");
            body[name]["dateTime"] = json!(text);
        }
        body["recurrence"]["range"]["startDate"] = json!("2026-11-17");
        system.new_event(0, &body);
        system.delete_event(0, &occurrence(&system, 0, "2026-11-17"));
        system.settled();
        assert_eq!(instances(&system).len(), rows, "{first}{lines}");
        assert!(system.mails().is_empty());
        assert_eq!(shown(&system, 0).len(), 9);
    }
}

#[test]
fn rec_05_an_exception_beyond_the_expansion_waits_for_its_row() {
    // Fifteen rows are made at once. What deviates later is carried when the job has come so far.
    let system = two();
    let mut body = tracked("Long", "W. Europe Standard Time");
    body["recurrence"]["range"]["numberOfOccurrences"] = json!(40);
    system.new_event(0, &body);
    let id = occurrence(&system, 0, "2027-06-01");
    system.edit_event(0, &id, &json!({ "subject": "Far" }));
    system.settle();
    assert_eq!(instances(&system).len(), 15);
    assert!(system.codes().contains(&Code::AwaitsExpansion));
    for _ in 0..4 {
        system.advance(40);
        system.settle();
    }
    system.settled();
    assert_eq!(instance(&system, "2027-06-01")["subject"], "Far");
    assert_eq!(instances(&system).len(), 40);
}

#[test]
fn rec_08_the_category_of_a_series_tracks_every_occurrence() {
    // Set on the series later, it brings the whole series; taken off, it unlinks the whole series.
    let system = two();
    let mut body = tracked("Weekly", "W. Europe Standard Time");
    body.as_object_mut().unwrap().remove("categories");
    let id = system.new_event(0, &body);
    system.settled();
    assert!(system.rows(MASTERS).is_empty() && instances(&system).is_empty());
    system.edit_event(0, &id, &json!({ "categories": [CATEGORY] }));
    system.settled();
    assert_eq!(instances(&system).len(), 10);
    system.edit_event(0, &id, &json!({ "categories": [] }));
    system.settled();
    system.edit_event(0, &id, &json!({ "subject": "Elsewhere" }));
    system.settled();
    assert_eq!(master(&system)["subject"], "Weekly");
}

#[test]
fn rec_09_a_series_carries_plain_text() {
    // Formatted in Outlook, the body is text in Dynamics.
    let system = two();
    let mut body = tracked("Weekly", "W. Europe Standard Time");
    body["body"] = json!({ "contentType": "html", "content": "<b>Agenda</b>" });
    system.new_event(0, &body);
    system.settled();
    assert_eq!(master(&system)["description"], "Agenda");
}

#[test]
fn cxl_11_a_series_deleted_in_exchange_goes_even_if_it_is_past() {
    // Past or not, the row goes; completed, it stays.
    for (state, rows) in [(None, 0), (Some(1), 1)] {
        let system = two();
        system.new_event(0, &tracked("Weekly", "W. Europe Standard Time"));
        system.settled();
        system.advance(120 * 24 * 3600);
        system.settled();
        if let Some(state) = state {
            let id = guid(&master(&system), "activityid");
            system.update(0, MASTERS, id, &json!({ "statecode": state }));
            system.settled();
        }
        let id = id_of(&system.events(0)[0]);
        system.delete_event(0, &id);
        system.settled();
        assert_eq!(system.rows(MASTERS).len(), rows, "{state:?}");
    }
}

#[test]
fn cxl_05_a_series_deleted_in_dynamics_is_cancelled_once() {
    // One cancellation for the whole series, and the attendee's copy is cancelled.
    let system = two();
    let id = system.create(0, MASTERS, &weekly(&system, "Weekly", true));
    system.settled();
    let mails = system.mails().len();
    system.delete(0, MASTERS, id);
    system.settled();
    assert!(system.events(0).is_empty());
    assert_eq!(system.mails().len(), mails + 1);
}

#[test]
fn odoo_169888_an_attendees_mailbox_does_not_take_over_the_series() {
    // Laura's copy links and writes nothing: one event in each calendar, one master, one mail.
    let system = two();
    system.create(0, MASTERS, &weekly(&system, "Weekly", true));
    system.settled();
    assert_eq!((system.events(0).len(), system.events(1).len()), (1, 1));
    let id = id_of(&system.events(1)[0]);
    system.edit_event(1, &id, &json!({ "showAs": "oof" }));
    system.settled();
    assert_eq!(master(&system)["statuscode"], 5);
    assert_eq!((system.rows(MASTERS).len(), system.mails().len()), (1, 1));
}

#[test]
fn odoo_271529_a_shifted_series_is_no_second_series() {
    // Moved by an hour in Dynamics while some of it is past: one event, at the new time.
    let system = two();
    let id = system.create(0, MASTERS, &weekly(&system, "Weekly", false));
    system.settled();
    system.advance(10 * 24 * 3600);
    system.settled();
    let times = json!({ "starttime": "2026-12-01T10:00:00Z", "endtime": "2026-12-01T11:00:00Z" });
    system.update(0, MASTERS, id, &times);
    system.settled();
    assert_eq!(system.events(0).len(), 1, "{:?}", system.events(0));
    assert!(shown(&system, 0).iter().all(|(start, _)| start.ends_with("T10:00")));
}

#[test]
fn ocs_457_a_second_edit_of_an_exception_arrives() {
    // The same occurrence is changed twice in Outlook and once in Dynamics.
    let system = two();
    system.new_event(0, &tracked("Weekly", "W. Europe Standard Time"));
    system.settled();
    for subject in ["First", "Second"] {
        let id = occurrence(&system, 0, "2026-12-08");
        system.edit_event(0, &id, &json!({ "subject": subject }));
        system.settled();
        assert_eq!(instance(&system, "2026-12-08")["subject"], subject);
    }
    let id = guid(&instance(&system, "2026-12-08"), "activityid");
    system.update(0, "appointments", id, &json!({ "subject": "Third" }));
    system.settled();
    assert_eq!(shown(&system, 0)[1].1, "Third");
}

#[test]
fn ogcs_1693_two_cancelled_occurrences_do_not_stop_the_rest() {
    // Two are deleted and one is renamed before the first look: all of it arrives.
    let system = two();
    system.new_event(0, &tracked("Weekly", "W. Europe Standard Time"));
    for day in ["2026-12-08", "2026-12-22"] {
        system.delete_event(0, &occurrence(&system, 0, day));
    }
    let id = occurrence(&system, 0, "2026-12-29");
    system.edit_event(0, &id, &json!({ "subject": "Year end" }));
    system.settled();
    assert_eq!(instances(&system).len(), 8);
    assert_eq!(instance(&system, "2026-12-29")["subject"], "Year end");
}

#[test]
fn suitecrm_2726_nine_o_clock_stays_nine_o_clock() {
    // Over the changes of the clocks and in zones without any, both ways.
    for (zone, winter, summer) in [
        ("W. Europe Standard Time", "08:00:00Z", "07:00:00Z"),
        ("Eastern Standard Time", "14:00:00Z", "13:00:00Z"),
        ("India Standard Time", "03:30:00Z", "03:30:00Z"),
        ("US Mountain Standard Time", "16:00:00Z", "16:00:00Z"),
    ] {
        let system = two();
        let mut body = tracked("Weekly", zone);
        body["recurrence"]["range"]["numberOfOccurrences"] = json!(30);
        system.new_event(0, &body);
        system.settled();
        system.advance(60);
        system.settled();
        let rows = instances(&system);
        let times = [&rows[0], &rows[29]].map(|row| row["scheduledstart"].as_str().unwrap());
        assert_eq!(
            times,
            [format!("2026-12-01T{winter}"), format!("2027-06-22T{summer}")],
            "{zone}"
        );
        assert_eq!(system.codes(), []);
    }
}

#[test]
fn davmail_469_an_all_day_series_keeps_its_days() {
    // Days are days in Berlin and New York; an exception of one day stays on its day.
    for zone in ["W. Europe Standard Time", "Eastern Standard Time", "Tokyo Standard Time"] {
        let system = two();
        let day = |text: &str| json!({ "dateTime": format!("{text}T00:00:00"), "timeZone": zone });
        system.new_event(
            0,
            &json!({ "subject": "Holiday", "categories": [CATEGORY],
            "isAllDay": true, "start": day("2026-12-31"), "end": day("2027-01-01"),
            "recurrence": {
                "pattern": { "type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31 },
                "range": { "type": "numbered", "startDate": "2026-12-31",
                    "numberOfOccurrences": 4, "recurrenceTimeZone": zone } } }),
        );
        system.settled();
        let row = master(&system);
        assert_eq!((&row["isalldayevent"], &row["dayofmonth"]), (&json!(true), &json!(31)));
        assert_eq!(instances(&system).len(), 4);
        let id = guid(&instances(&system)[2], "activityid");
        system.update(0, "appointments", id, &json!({ "subject": "Short month" }));
        system.settled();
        assert_eq!(
            shown(&system, 0)[2],
            ("2027-02-28T00:00".into(), "Short month".into()),
            "{zone}"
        );
        assert_eq!(shown(&system, 0).len(), 4);
    }
}

#[test]
fn rec_11_a_series_in_an_unknown_zone_is_left_alone_with_a_code() {
    // One code for the item, no row; the next series is synchronized.
    let system = two();
    system.new_event(0, &tracked("Nowhere", "Antarctica/Troll"));
    system.new_event(0, &tracked("Weekly", "W. Europe Standard Time"));
    system.settle();
    assert_eq!(master(&system)["subject"], "Weekly");
    assert_eq!(system.codes(), [Code::TimeZoneUnknown]);
}

#[test]
fn conf_03_a_pattern_changed_on_both_sides_follows_the_organizers_calendar() {
    // Both move the series: Exchange wins, once, and nobody is mailed twice.
    let system = two();
    let id = system.create(0, MASTERS, &weekly(&system, "Weekly", true));
    system.settled();
    let times = json!({ "starttime": "2026-12-01T10:00:00Z", "endtime": "2026-12-01T11:00:00Z" });
    system.update(0, MASTERS, id, &times);
    let event = id_of(&system.events(0)[0]);
    let at =
        |hour: u32| json!({ "dateTime": format!("2026-12-01T{hour}:00:00"), "timeZone": "UTC" });
    system.edit_event(0, &event, &json!({ "start": at(14), "end": at(15) }));
    let mails = system.mails().len();
    system.settled();
    assert!(system.codes().contains(&Code::ConflictResolved));
    assert_eq!(instances(&system)[0]["scheduledstart"], "2026-12-01T14:00:00Z");
    assert_eq!(system.mails().len(), mails);
}

#[test]
fn rec_01_the_loss_of_the_store_makes_no_second_series() {
    // By marker and identity the two halves meet again, and nobody is mailed.
    let mut system = two();
    system.create(0, MASTERS, &weekly(&system, "Weekly", true));
    system.settled();
    let mails = system.mails().len();
    system.lose_state();
    system.settled();
    let found: Vec<Uuid> = system.rows(MASTERS).iter().map(|row| guid(row, "activityid")).collect();
    assert_eq!((found.len(), system.events(0).len(), system.events(1).len()), (1, 1, 1));
    assert_eq!(system.mails().len(), mails);
}
