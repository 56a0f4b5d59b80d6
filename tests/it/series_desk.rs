//! What tests of series share: a weekly series, its rows, and what the calendar shows of it.

use serde_json::{Value, json};

use crate::harness::{System, guid, id_of};

pub(crate) const MASTERS: &str = "recurringappointmentmasters";

/// The window in which occurrences are looked for.
const WINDOW: (&str, &str) = ("2026-11-01T00:00:00Z", "2027-12-31T00:00:00Z");

/// Returns the body of a weekly series of Paul's: Tuesdays at nine in Berlin, ten times.
pub(crate) fn weekly(system: &System, subject: &str, guest: bool) -> Value {
    let mut parties = vec![system.party(0, 7)];
    if guest {
        parties.push(system.party(1, 5));
    }
    json!({ "subject": subject, "statecode": 3, "statuscode": 5,
        "recurrencepatterntype": 1, "interval": 1, "daysofweekmask": 4,
        "patternstartdate": "2026-12-01T00:00:00Z", "patternendtype": 2, "occurrences": 10,
        "starttime": "2026-12-01T08:00:00Z", "endtime": "2026-12-01T09:00:00Z",
        "recurringappointmentmaster_activity_parties": parties })
}

/// The only master.
pub(crate) fn master(system: &System) -> Value {
    let rows = system.rows(MASTERS);
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0].clone()
}

/// The instances of all series by their original start.
pub(crate) fn instances(system: &System) -> Vec<Value> {
    let mut rows = system.rows("appointments");
    rows.retain(|row| row["seriesid"].is_string());
    rows.sort_by_key(|row| row["originalstartdate"].to_string());
    rows
}

/// The instance of a day.
pub(crate) fn instance(system: &System, day: &str) -> Value {
    let found = instances(system)
        .into_iter()
        .find(|row| row["originalstartdate"].as_str().is_some_and(|start| start.starts_with(day)));
    found.unwrap_or_else(|| panic!("no instance of {day}"))
}

/// Renames the instance of a day in Dynamics.
pub(crate) fn rename(system: &System, day: &str, subject: &str) {
    let id = guid(&instance(system, day), "activityid");
    system.update(0, "appointments", id, &json!({ "subject": subject }));
}

/// The days and times at which Outlook shows the events of a mailbox.
pub(crate) fn shown(system: &System, at: usize) -> Vec<(String, String)> {
    let view = system.organization().graph().shown(&system.address(at), WINDOW.0, WINDOW.1);
    let text = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let start = |event: &Value| event["start"]["dateTime"].as_str().unwrap()[..16].to_owned();
    view.iter().map(|event| (start(event), text(event, "subject"))).collect()
}

/// The occurrence of a day in a calendar.
pub(crate) fn occurrence(system: &System, at: usize, day: &str) -> String {
    let view = system.organization().graph().shown(&system.address(at), WINDOW.0, WINDOW.1);
    let found = view.iter().find(|event| {
        event["start"]["dateTime"].as_str().is_some_and(|start| start.starts_with(day))
    });
    id_of(found.unwrap_or_else(|| panic!("no occurrence on {day}")))
}

/// The subjects of all occurrences in order, which must be the same on both sides.
pub(crate) fn subjects(system: &System) -> Vec<String> {
    let there: Vec<String> = instances(system)
        .iter()
        .map(|row| row["subject"].as_str().unwrap_or_default().to_owned())
        .collect();
    let here: Vec<String> = shown(system, 0).into_iter().map(|(_, subject)| subject).collect();
    assert_eq!(there, here);
    there
}
