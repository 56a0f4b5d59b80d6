//! Series at their boundaries: clocks that change, whole days far from UTC, ends, and how far
//! Dynamics makes rows (REC-01, REC-03, REC-05, REC-07, REC-11).

use lockstep::domain::code::Code;
use serde_json::{Value, json};

use crate::harness::{CATEGORY, System, guid, id_of, person, two};
use crate::series_desk::{MASTERS, instances, master};

const BERLIN: &str = "W. Europe Standard Time";

/// One hour at nine in Berlin from a day on, by a pattern and a range of Outlook.
fn tracked(first: &str, pattern: Value, mut range: Value) -> Value {
    let at =
        |hour: u32| json!({ "dateTime": format!("{first}T{hour:02}:00:00"), "timeZone": BERLIN });
    range["startDate"] = json!(first);
    range["recurrenceTimeZone"] = json!(BERLIN);
    json!({ "subject": "Series", "categories": [CATEGORY], "start": at(9), "end": at(10),
        "recurrence": { "pattern": pattern, "range": range } })
}

/// The same in Dynamics, by the columns of a rule; the rule begins on the day of `start`.
fn row(system: &System, start: &str, rule: Value) -> Value {
    let begin: chrono::DateTime<chrono::Utc> = start.parse().unwrap();
    let mut body = json!({ "subject": "Series", "statecode": 3, "statuscode": 5, "interval": 1,
        "starttime": start, "endtime": (begin + chrono::Duration::hours(1)).to_rfc3339(),
        "patternstartdate": start,
        "recurringappointmentmaster_activity_parties": [system.party(0, 7)] });
    body.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
    body
}

fn starts(system: &System) -> Vec<String> {
    let start = |row: &Value| row["scheduledstart"].as_str().unwrap()[..16].to_owned();
    instances(system).iter().map(start).collect()
}

/// When the calendar shows occurrences, in UTC; whole days as dates.
fn shown(system: &System, from: &str, to: &str) -> Vec<String> {
    let events = system.organization().graph().shown(&system.address(0), from, to);
    let start = |event: &Value| event["start"]["dateTime"].as_str().unwrap()[..16].to_owned();
    events.iter().map(start).collect()
}

#[test]
fn rec_01_a_change_of_the_clocks_inside_a_series_moves_the_instants_on_both_sides() {
    // Nine o'clock before and after 28 March; an occurrence after it is moved and found again.
    let system = two();
    let rule = json!({ "recurrencepatterntype": 0, "patternendtype": 2, "occurrences": 4 });
    system.create(0, MASTERS, &row(&system, "2027-03-27T08:00:00Z", rule));
    system.settled();
    let days = ["2027-03-27T08:00", "2027-03-28T07:00", "2027-03-29T07:00", "2027-03-30T07:00"];
    let window = ("2027-03-01T00:00:00Z", "2027-05-01T00:00:00Z");
    assert_eq!(shown(&system, window.0, window.1), days);
    assert_eq!(starts(&system), days);
    let id = guid(&instances(&system)[2], "activityid");
    let times = json!({ "scheduledstart": "2027-03-29T12:00:00Z",
        "scheduledend": "2027-03-29T13:00:00Z" });
    system.update(0, "appointments", id, &times);
    system.settled();
    assert_eq!(shown(&system, window.0, window.1)[2], "2027-03-29T12:00");
    let gone = guid(&instances(&system)[1], "activityid");
    system.delete(0, "appointments", gone);
    system.settled();
    assert_eq!(shown(&system, window.0, window.1).len(), 3);
    assert_eq!(system.codes(), []);
}

#[test]
fn rec_07_an_exception_of_whole_days_keeps_its_day_eleven_hours_from_utc() {
    // In Pago Pago and on Kiritimati a renamed day stays where it is, and nothing is written again.
    for (zone, midnight) in [("Pacific/Pago_Pago", "11:00"), ("Pacific/Kiritimati", "10:00")] {
        let people = vec![
            person(1, "Paul", "Cannon", zone),
            person(2, "Laura", "Norman", "America/New_York"),
        ];
        let system = System::new(people);
        let first = if midnight == "11:00" { "2026-12-01" } else { "2026-11-30" };
        let start = format!("{first}T{midnight}:00Z");
        let mut body = row(
            &system,
            &start,
            json!({ "recurrencepatterntype": 0, "interval": 7,
            "patternendtype": 2, "occurrences": 4, "isalldayevent": true }),
        );
        let end: chrono::DateTime<chrono::Utc> = start.parse().unwrap();
        body["endtime"] = json!((end + chrono::Duration::days(1)).to_rfc3339());
        system.create(0, MASTERS, &body);
        system.settled();
        let days = ["2026-12-01T00:00", "2026-12-08T00:00", "2026-12-15T00:00", "2026-12-22T00:00"];
        let window = ("2026-11-25T00:00:00Z", "2027-02-01T00:00:00Z");
        assert_eq!(shown(&system, window.0, window.1), days, "{zone}");
        let id = guid(&instances(&system)[1], "activityid");
        system.update(0, "appointments", id, &json!({ "subject": "Inventory" }));
        system.settled();
        assert_eq!(shown(&system, window.0, window.1), days, "{zone}");
        let writes = system.writes();
        system.advance(60);
        system.settled();
        assert_eq!((system.writes(), system.codes()), (writes, vec![]), "{zone}");
    }
}

#[test]
fn rec_05_the_fifteenth_occurrence_has_a_row_at_once_and_the_sixteenth_waits() {
    // What deviates in the last row that is made at once is carried now, in the next one later.
    for (at, waits) in [(14, false), (15, true)] {
        let system = two();
        let pattern = json!({ "type": "daily", "interval": 1 });
        let range = json!({ "type": "numbered", "numberOfOccurrences": 16 });
        system.new_event(0, &tracked("2026-12-01", pattern, range));
        let window = ("2026-11-25T00:00:00Z", "2027-02-01T00:00:00Z");
        let events = system.organization().graph().shown(&system.address(0), window.0, window.1);
        system.edit_event(0, &id_of(&events[at]), &json!({ "subject": "Special" }));
        system.settle();
        assert_eq!(instances(&system).len(), 15);
        assert_eq!(system.codes().contains(&Code::AwaitsExpansion), waits, "{at}");
        system.advance(40);
        system.settled();
        assert_eq!(instances(&system)[at]["subject"], "Special");
        assert_eq!(instances(&system).len(), 16);
    }
}

#[test]
fn rec_01_an_end_date_is_inclusive_on_both_sides() {
    // On the last Tuesday, a day before it, and on the first day itself: the same occurrences.
    for (end, count) in [("2026-12-22", 4), ("2026-12-21", 3), ("2026-12-01", 1)] {
        let system = two();
        let pattern = json!({ "type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"],
            "firstDayOfWeek": "monday" });
        let range = json!({ "type": "endDate", "endDate": end });
        system.new_event(0, &tracked("2026-12-01", pattern, range));
        let midnight = format!("{end}T00:00:00+01:00");
        let rule = json!({ "recurrencepatterntype": 1, "daysofweekmask": 4, "patternendtype": 3,
            "patternenddate": midnight });
        let mut body = row(&system, "2026-12-01T11:00:00Z", rule);
        body["subject"] = json!("Other");
        system.create(0, MASTERS, &body);
        system.settled();
        let of = |subject: &str| {
            instances(&system).iter().filter(|row| row["subject"] == subject).count()
        };
        assert_eq!((of("Series"), of("Other")), (count, count), "{end}");
        let window = ("2026-11-25T00:00:00Z", "2027-02-01T00:00:00Z");
        assert_eq!(shown(&system, window.0, window.1).len(), 2 * count, "{end}");
        assert_eq!(system.codes(), []);
    }
}

#[test]
fn rec_01_the_first_weekday_of_the_month_is_the_same_day_on_both_sides() {
    // The days are counted together: a Friday, two Mondays and a Thursday.
    let days = ["2027-01-01T08:00", "2027-02-01T08:00", "2027-03-01T08:00", "2027-04-01T07:00"];
    let window = ("2026-11-25T00:00:00Z", "2027-06-01T00:00:00Z");
    let system = two();
    let workdays = ["monday", "tuesday", "wednesday", "thursday", "friday"];
    let pattern = json!({ "type": "relativeMonthly", "interval": 1, "daysOfWeek": workdays,
        "index": "first" });
    let range = json!({ "type": "numbered", "numberOfOccurrences": 4 });
    system.new_event(0, &tracked("2027-01-01", pattern, range));
    system.settled();
    let made = master(&system);
    assert_eq!((&made["daysofweekmask"], &made["instance"]), (&json!(62), &json!(1)));
    assert_eq!(starts(&system), days);
    let system = two();
    let rule = json!({ "recurrencepatterntype": 2, "isnthmonthly": true, "instance": 1,
        "daysofweekmask": 62, "patternendtype": 2, "occurrences": 4 });
    system.create(0, MASTERS, &row(&system, "2027-01-01T08:00:00Z", rule));
    system.settled();
    assert_eq!(shown(&system, window.0, window.1), days);
}

#[test]
fn rec_01_a_series_without_end_is_quiet_and_grows_by_itself() {
    // Rows are made up to two years ahead, by nobody's edit: no cycle writes because of them.
    let system = two();
    let pattern = json!({ "type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"],
        "firstDayOfWeek": "monday" });
    system.new_event(0, &tracked("2026-12-01", pattern, json!({ "type": "noEnd" })));
    system.settled();
    let writes = system.writes();
    for _ in 0..8 {
        system.advance(40);
        system.settled();
    }
    let rows = instances(&system).len();
    assert!((100..=106).contains(&rows), "{rows} rows in two years");
    assert_eq!((system.writes(), system.codes()), (writes, vec![]));
    let range = &system.events(0)[0]["recurrence"]["range"];
    assert_eq!((&range["type"], &master(&system)["patternendtype"]), (&json!("noEnd"), &json!(1)));
}

#[test]
fn rec_01_a_series_until_2100_keeps_its_end() {
    // Seventy-three years ahead, to the day, in both directions.
    let system = two();
    let pattern = json!({ "type": "absoluteYearly", "interval": 1, "month": 12, "dayOfMonth": 31 });
    let range = json!({ "type": "endDate", "endDate": "2100-12-31" });
    system.new_event(0, &tracked("2026-12-31", pattern, range));
    system.settled();
    assert_eq!(master(&system)["patternenddate"], "2100-12-30T23:00:00Z");
    let system = two();
    let rule = json!({ "recurrencepatterntype": 3, "dayofmonth": 31, "monthofyear": 12,
        "patternendtype": 3, "patternenddate": "2100-12-30T23:00:00Z" });
    system.create(0, MASTERS, &row(&system, "2026-12-31T08:00:00Z", rule));
    system.settled();
    let range = &system.events(0)[0]["recurrence"]["range"];
    assert_eq!((&range["type"], &range["endDate"]), (&json!("endDate"), &json!("2100-12-31")));
    let window = ("2100-12-01T00:00:00Z", "2102-01-01T00:00:00Z");
    assert_eq!(shown(&system, window.0, window.1), ["2100-12-31T08:00"]);
}

#[test]
fn rec_11_an_interval_of_999_is_carried_and_one_of_1000_is_left_alone() {
    // Dataverse takes a thousand, Graph does not: that series has a code, the other one an event.
    let system = two();
    for (interval, hour) in [(999, 8), (1000, 10)] {
        let start = format!("2026-12-01T{hour:02}:00:00Z");
        let mut rule = json!({ "recurrencepatterntype": 0, "patternendtype": 2, "occurrences": 2 });
        rule["interval"] = json!(interval);
        system.create(0, MASTERS, &row(&system, &start, rule));
    }
    system.settle();
    let events = system.events(0);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["recurrence"]["pattern"]["interval"], 999);
    assert_eq!(system.codes(), [Code::RecurringUnsupported]);
}

#[test]
fn rec_03_a_changed_rule_mails_each_of_fifty_attendees_once() {
    // Three weeks are past when the hour changes in Dynamics: one series, one update each, and
    // nobody hears of it again.
    let system = two();
    let rule = json!({ "recurrencepatterntype": 1, "daysofweekmask": 4, "patternendtype": 2,
        "occurrences": 20 });
    let mut body = row(&system, "2026-12-01T08:00:00Z", rule);
    let parties = body["recurringappointmentmaster_activity_parties"].as_array_mut().unwrap();
    parties.extend((0..50).map(|n| {
        json!({ "participationtypemask": 5, "addressused": format!("guest{n}@fabrikam.example") })
    }));
    let id = system.create(0, MASTERS, &body);
    system.settled();
    assert_eq!(system.mails().len(), 50);
    system.advance(22 * 24 * 3600);
    system.settled();
    assert_eq!(system.mails().len(), 50, "that time passes mails nobody");
    let times = json!({ "starttime": "2026-12-01T10:00:00Z", "endtime": "2026-12-01T11:00:00Z" });
    system.update(0, MASTERS, id, &times);
    system.settled();
    assert_eq!(system.mails().len(), 100, "{:?}", system.codes());
    for _ in 0..10 {
        system.advance(600);
        system.settled();
    }
    assert_eq!((system.mails().len(), system.events(0).len()), (100, 1));
}
