//! Class G: shifted times, zones without daylight saving, days, and the edge of the window.

use lockstep::domain::zone::Zone;
use serde_json::{Value, json};

use super::{five, local};
use crate::harness::{CATEGORY, guid, tracked_event, two};

#[test]
fn suitecrm_plugin_11_meetings_keep_their_instant_in_odd_zones() {
    // Half-hour zones, a half-hour daylight saving, a zone without one: nothing is shifted.
    let system = five();
    let cases = [
        (2, "Asia/Kolkata", "2026-12-01T09:00:00", "2026-12-01T03:30:00Z"),
        (2, "India Standard Time", "2027-07-01T00:15:00", "2027-06-30T18:45:00Z"),
        (3, "Australia/Lord_Howe", "2026-12-01T09:00:00", "2026-11-30T22:00:00Z"),
        (3, "Australia/Lord_Howe", "2027-07-01T09:00:00", "2027-06-30T22:30:00Z"),
        (4, "America/Sao_Paulo", "2026-12-01T23:45:00", "2026-12-02T02:45:00Z"),
    ];
    for (n, (at, zone, start, _)) in cases.iter().enumerate() {
        let end = start.replace(":00:00", ":30:00").replace(":15:00", ":30:00");
        let end = end.replace("23:45:00", "23:50:00");
        let body = json!({ "subject": n.to_string(), "categories": [CATEGORY],
            "start": local(start, zone), "end": local(&end, zone) });
        system.new_event(*at, &body);
    }
    system.settled();
    for (n, (.., utc)) in cases.iter().enumerate() {
        let row = system
            .rows("appointments")
            .into_iter()
            .find(|one| one["subject"] == json!(n.to_string()));
        assert_eq!(row.unwrap()["scheduledstart"], *utc, "{n}");
    }
    // A change of something else moves no time on either side.
    let before: Vec<Value> =
        (2..5).flat_map(|at| system.events(at)).map(|e| e["start"].clone()).collect();
    for row in system.rows("appointments") {
        let id = guid(&row, "activityid");
        let at = (2..5).find(|at| guid(&row, "_ownerid_value") == system.user(*at)).unwrap();
        system.update(at, "appointments", id, &json!({ "location": "Room 4" }));
    }
    system.settled();
    let after: Vec<Value> =
        (2..5).flat_map(|at| system.events(at)).map(|e| e["start"].clone()).collect();
    assert_eq!(before, after);
    for (n, (.., utc)) in cases.iter().enumerate() {
        let row = system
            .rows("appointments")
            .into_iter()
            .find(|one| one["subject"] == json!(n.to_string()));
        assert_eq!(row.unwrap()["scheduledstart"], *utc, "{n}");
    }
}

#[test]
fn davmail_481_all_day_events_keep_their_day() {
    // In Kolkata and Lord Howe, at both ends of the year: the same day on both sides, no drift.
    let system = five();
    let days = [("2026-12-31", "2027-01-01"), ("2026-12-01", "2026-12-02")];
    for (at, zone) in [(2, "Asia/Kolkata"), (3, "Australia/Lord_Howe"), (4, "America/Sao_Paulo")] {
        for (first, last) in days {
            let body = json!({ "subject": format!("{zone} {first}"), "isAllDay": true,
                "categories": [CATEGORY], "start": local(&format!("{first}T00:00:00"), zone),
                "end": local(&format!("{last}T00:00:00"), zone) });
            system.new_event(at, &body);
        }
        let mut row =
            system.meeting(&format!("row {at}"), "2026-12-24T00:00:00Z", &[system.party(at, 7)]);
        row["isalldayevent"] = json!(true);
        row["scheduledend"] = json!("2026-12-25T00:00:00Z");
        system.create(at, "appointments", &row);
    }
    system.settled();
    let check = || {
        for row in system.rows("appointments") {
            assert_eq!(row["isalldayevent"], true);
            let subject = row["subject"].as_str().unwrap();
            let day =
                subject.split(' ').next_back().filter(|day| day.len() > 2).unwrap_or("2026-12-24");
            // Dynamics keeps the midnight of the zone in which the day was chosen.
            let start: chrono::DateTime<chrono::Utc> =
                row["scheduledstart"].as_str().unwrap().parse().unwrap();
            let zone = Zone::from_name(subject.split(' ').next().unwrap());
            let local = zone.map_or(start.naive_utc(), |zone| zone.to_local(start));
            assert_eq!(local.to_string(), format!("{day} 00:00:00"), "{subject}");
        }
        for at in 2..5 {
            let event =
                system.events(at).into_iter().find(|one| one["subject"] == format!("row {at}"));
            let event = event.unwrap();
            assert_eq!(event["isAllDay"], true);
            assert!(
                event["start"]["dateTime"].as_str().unwrap().starts_with("2026-12-24T00:00:00")
            );
            assert!(event["end"]["dateTime"].as_str().unwrap().starts_with("2026-12-25T00:00:00"));
        }
    };
    check();
    for row in system.rows("appointments") {
        let at = (2..5).find(|at| guid(&row, "_ownerid_value") == system.user(*at)).unwrap();
        let id = guid(&row, "activityid");
        system.update(at, "appointments", id, &json!({ "location": "Home" }));
    }
    system.settled();
    check();
    let before = system.writes();
    system.advance(86_400);
    system.settled();
    assert_eq!(system.writes(), before);
}

#[test]
fn ogcs_2312_items_near_midnight_at_the_edge_of_the_window_stay() {
    // Months pass until the events have left the calendar's window, one a minute before midnight and
    // one a minute after: none is deleted, no row either, and nothing is written.
    let system = two();
    for (subject, start) in [("Late", "2026-11-24T23:59:00Z"), ("Early", "2026-11-26T00:01:00Z")] {
        system.new_event(0, &tracked_event(subject, start));
        let row = system.meeting(&format!("Row {subject}"), start, &[system.party(1, 7)]);
        system.create(1, "appointments", &row);
    }
    system.settled();
    let before = system.writes();
    for _ in 0..8 {
        system.advance(30 * 86_400);
        system.settled();
    }
    assert_eq!((system.events(0).len(), system.events(1).len()), (2, 2));
    assert_eq!(system.rows("appointments").len(), 4);
    assert_eq!(system.writes(), before);
}
