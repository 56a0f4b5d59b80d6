//! Calendars beside the main one.

use serde_json::json;

use super::{ANNA, Bench, body, code, id, meeting, with};

const WINDOW: &str = "?startDateTime=2026-11-01T00:00:00Z&endDateTime=2026-12-01T00:00:00Z";

fn count(bench: &mut Bench, target: &str) -> usize {
    body(&bench.get(target))["value"].as_array().unwrap().len()
}

#[test]
fn a_calendar_shows_its_own_events_alone() {
    // Lists, views and delta rounds of one calendar know nothing of the other; ids lead everywhere.
    let mut bench = Bench::new();
    let private = id(&bench.made("/calendars", &json!({ "name": "Private" })));
    assert_eq!(count(&mut bench, "/calendars"), 2);
    let event = id(&bench.made(&format!("/calendars/{private}/events"), &meeting()));
    for (path, events) in [("", 0), ("/calendar", 0), (&*format!("/calendars/{private}"), 1)] {
        assert_eq!(count(&mut bench, &format!("{path}/events")), events, "{path}");
        assert_eq!(count(&mut bench, &format!("{path}/calendarView{WINDOW}")), events, "{path}");
        let (rows, _) = bench.round(&format!("{path}/calendarView/delta{WINDOW}"));
        assert_eq!(rows.len(), events, "{path}");
    }
    assert_eq!(bench.get(&format!("/events/{event}")).status, 200);
    assert_eq!(bench.get(&format!("/calendars/{private}/events/{event}")).status, 200);
    let answer = bench.get(&format!("/calendar/events/{event}"));
    assert_eq!((answer.status, code(&answer)), (404, "ErrorItemNotFound".into()));
    assert_eq!(bench.call("POST", "/calendars", &json!({ "color": "auto" })).status, 400);
}

#[test]
fn an_event_says_in_which_calendar_it_lies() {
    // The navigation, expanded or on its own, names the calendar and whether it is the main one.
    let mut bench = Bench::new();
    let private = id(&bench.made("/calendars", &json!({ "name": "Private" })));
    let here = id(&bench.made("/events", &meeting()));
    let there = id(&bench.made(&format!("/calendars/{private}/events"), &meeting()));
    for (event, main) in [(here, true), (there, false)] {
        let shown = body(&bench.get(&format!("/events/{event}?$expand=calendar")));
        assert_eq!(shown["calendar"]["isDefaultCalendar"], main);
        let alone = body(&bench.get(&format!("/events/{event}/calendar")));
        assert_eq!(alone["id"], shown["calendar"]["id"]);
        assert_eq!(alone["id"] == private.as_str(), !main);
    }
    let main = body(&bench.get(&format!("/calendars/{private}?$select=name")));
    assert_eq!(main["name"], "Private");
}

#[test]
fn a_moved_event_keeps_its_immutable_id_and_leaves_the_round() {
    // The round of the calendar that it left tells a removal; that of the other tells the event.
    let mut bench = Bench::new();
    let private = id(&bench.made("/calendars", &json!({ "name": "Private" })));
    let plain = id(&bench.made("/events", &meeting()));
    let fixed = bench.sim.events(ANNA)[0]["id"].as_str().unwrap().to_owned();
    let there = format!("/calendars/{private}/calendarView/delta{WINDOW}");
    let (_, left) = bench.round(&format!("/calendarView/delta{WINDOW}"));
    let (_, entered) = bench.round(&there);
    let now = bench.now;
    bench.sim.user_move_event(ANNA, &fixed, &private, now).unwrap();
    assert_eq!(bench.get(&format!("/events/{plain}")).status, 404);
    assert_eq!(bench.get(&format!("/events/{fixed}")).status, 200);
    let (rows, left) = bench.round(&left);
    assert_eq!((rows.len(), &rows[0]["id"]), (1, &json!(plain)));
    assert!(rows[0].get("@removed").is_some());
    let (rows, _) = bench.round(&entered);
    assert_eq!((rows.len(), &rows[0]["subject"]), (1, &json!("Plan")));
    assert!(bench.mails().is_empty());
    bench.sim.user_move_event(ANNA, &fixed, "calendar", now).unwrap();
    let (rows, _) = bench.round(&left);
    assert_eq!((rows.len(), &rows[0]["subject"]), (1, &json!("Plan")));
}

#[test]
fn a_series_moves_as_a_whole() {
    // An occurrence cannot be moved alone.
    let mut bench = Bench::new();
    let series = json!({ "recurrence": {
        "pattern": { "type": "daily", "interval": 1 },
        "range": { "type": "numbered", "startDate": "2026-11-25", "numberOfOccurrences": 3 } } });
    bench.made("/events", &with(meeting(), &series));
    let view =
        body(&bench.get_preferring(&format!("/calendarView{WINDOW}"), "IdType=\"ImmutableId\""));
    let private = id(&bench.made("/calendars", &json!({ "name": "Private" })));
    let now = bench.now;
    let day = id(&view["value"][0]);
    assert!(bench.sim.user_move_event(ANNA, &day, &private, now).is_err());
    let master = bench.sim.events(ANNA)[0]["id"].as_str().unwrap().to_owned();
    bench.sim.user_move_event(ANNA, &master, &private, now).unwrap();
    assert_eq!(count(&mut bench, &format!("/calendarView{WINDOW}")), 0);
    assert_eq!(count(&mut bench, &format!("/calendars/{private}/calendarView{WINDOW}")), 3);
}
