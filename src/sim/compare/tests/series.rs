//! Series: right pairs are clean, and what is planted in pattern, range or an occurrence is found.

use super::*;

const MASTERS: &str = "recurringappointmentmasters";

/// A weekly series of the first person's, six times, on both sides.
fn paired() -> (Organization, Uuid, String) {
    let organization = contoso();
    let who = organization.people[0].clone();
    let body = json!({ "subject": "Weekly 0009", "statecode": 3, "statuscode": 5,
        "location": "Saal", "recurrencepatterntype": 1, "interval": 1, "daysofweekmask": 4,
        "patternstartdate": "2026-12-01T12:00:00Z", "patternendtype": 2, "occurrences": 6,
        "starttime": "2026-12-01T12:00:00Z", "endtime": "2026-12-01T13:00:00Z",
        "recurringappointmentmaster_activity_parties": [user(&who, 7)] });
    let row = organization.dataverse().user_create(who.user_id, MASTERS, &body, now()).unwrap();
    let master = organization.dataverse().row(MASTERS, row).unwrap();
    let at = |name: &str| {
        let at: jiff::Timestamp = master[name].as_str().unwrap().parse().unwrap();
        let zone = jiff::tz::TimeZone::get(&who.time_zone).unwrap();
        let wall = at.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S").to_string();
        json!({ "dateTime": wall, "timeZone": who.time_zone })
    };
    let start = at("scheduledstart");
    let first = start["dateTime"].as_str().unwrap()[..10].to_owned();
    let body = json!({ "subject": "Weekly 0009", "categories": [TRACKED_CATEGORY],
        "showAs": "busy", "location": { "displayName": "Saal" },
        "start": start, "end": at("scheduledend"),
        "recurrence": {
            "pattern": { "type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"],
                "firstDayOfWeek": "sunday" },
            "range": { "type": "numbered", "startDate": first, "numberOfOccurrences": 6,
                "recurrenceTimeZone": who.time_zone } },
        "singleValueExtendedProperties": [{ "id": LINK, "value": row.to_string() }] });
    let item = organization.graph().user_create_event(&who.address, &body, now()).unwrap();
    (organization, row, item)
}

fn fields(organization: &Organization) -> Vec<&'static str> {
    let problems = judge(organization).problems;
    let field = |problem: &Problem| {
        let What::Differs { field } = problem.what else { panic!("{problem}") };
        field
    };
    problems.iter().map(field).collect()
}

fn part(organization: &Organization, at: usize) -> String {
    let address = &organization.people[0].address;
    let graph = organization.graph();
    let shown = graph.shown(address, "2026-11-01T00:00:00Z", "2027-06-01T00:00:00Z");
    shown[at]["id"].as_str().unwrap().to_owned()
}

#[test]
fn rec_01_a_right_series_is_one_clean_pair() {
    // Master and event pair, the instances belong to it, and nothing is wrong.
    let (organization, _, _) = paired();
    let comparison = judge(&organization);
    assert!(comparison.is_clean(), "{}", comparison.table());
    assert_eq!(comparison.pairs, 1, "{}", comparison.table());
}

#[test]
fn rec_02_an_occurrence_that_differs_is_found_on_either_side() {
    // One moved in Outlook, one deleted there, one renamed in Dynamics.
    let (organization, _, _) = paired();
    let address = organization.people[0].address.clone();
    let body = json!({ "location": { "displayName": "Elsewhere" } });
    let id = part(&organization, 2);
    organization.graph().user_update_event(&address, &id, &body, now()).unwrap();
    assert_eq!(fields(&organization), ["occurrence"]);
    let (organization, _, _) = paired();
    let id = part(&organization, 2);
    organization.graph().user_delete_event(&address, &id, now()).unwrap();
    assert_eq!(fields(&organization), ["occurrence"]);
    let (organization, row, _) = paired();
    let who = organization.people[0].user_id;
    let rows = organization.dataverse().rows("appointments");
    let mine = rows.iter().find(|one| one["seriesid"] == row.to_string().as_str()).unwrap();
    let id = mine["activityid"].as_str().unwrap().parse().unwrap();
    organization.dataverse().user_delete(who, "appointments", id, now()).unwrap();
    assert_eq!(fields(&organization), ["occurrence"]);
}

#[test]
fn rec_06_another_pattern_or_range_is_found() {
    // Fortnightly on one side only, and one time more on one side only.
    let (organization, row, _) = paired();
    let who = organization.people[0].user_id;
    let change = |body: Value| {
        organization.dataverse().user_update(who, MASTERS, row, &body, now()).unwrap();
    };
    change(json!({ "interval": 2 }));
    assert!(fields(&organization).contains(&"pattern"));
    change(json!({ "interval": 1, "occurrences": 7 }));
    let found = fields(&organization);
    assert!(found.contains(&"range") && found.contains(&"occurrence"), "{found:?}");
}

#[test]
fn rec_01_a_series_on_one_side_only_is_missing() {
    // A tracked series without a master, and a master without a series.
    let (organization, row, _) = paired();
    let who = organization.people[0].user_id;
    organization.dataverse().user_delete(who, MASTERS, row, now()).unwrap();
    assert!(!judge(&organization).is_clean());
    let (organization, _, item) = paired();
    let address = organization.people[0].address.clone();
    organization.graph().user_delete_event(&address, &item, now()).unwrap();
    assert_eq!(whats(&judge(&organization)), [What::MissingInExchange]);
}

#[test]
fn appt_in_06_a_series_that_cannot_be_booked_for_one_day_is_left_alone() {
    // Its pattern is booked: the day of an occurrence counts, also of one that is deleted or moved by now; a
    // free day says that the row is missing.
    for (day, clashes) in [(21, false), (22, true), (29, true)] {
        for change in ["", "deleted", "moved"] {
            let organization = contoso();
            let who = &organization.people[0];
            let (start, end) =
                (format!("2026-12-{day}T13:30:00Z"), format!("2026-12-{day}T14:10:00Z"));
            let row = meeting_row(&organization, &start, &end);
            let (start, end) = (start.trim_end_matches('Z'), end.trim_end_matches('Z'));
            meeting_item(&organization, row, start, end);
            let time = |clock: &str| json!({ "dateTime": format!("2026-12-15T{clock}:00"), "timeZone": "Europe/Berlin" });
            let body = json!({ "subject": "Weekly 0009", "categories": [TRACKED_CATEGORY],
                "start": time("15:00"), "end": time("15:45"),
                "recurrence": { "pattern": { "type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"],
                        "firstDayOfWeek": "monday" },
                    "range": { "type": "numbered", "numberOfOccurrences": 4, "startDate": "2026-12-15",
                        "recurrenceTimeZone": "Europe/Berlin" } } });
            let mut graph = organization.graph();
            let id = graph.user_create_event(&who.address, &body, now()).unwrap();
            let mut shown =
                graph.shown(&who.address, "2026-12-01T00:00:00Z", "2027-02-01T00:00:00Z");
            shown.retain(|event| {
                let begins = event["start"]["dateTime"].as_str().unwrap();
                event["seriesMasterId"] == id.as_str()
                    && begins.starts_with(&format!("2026-12-{day}"))
            });
            for one in shown {
                let one = one["id"].as_str().unwrap();
                let late = json!({ "start": { "dateTime": "2026-12-30T20:00:00", "timeZone": "UTC" },
                    "end": { "dateTime": "2026-12-30T20:45:00", "timeZone": "UTC" } });
                match change {
                    "deleted" => graph.user_delete_event(&who.address, one, now()).unwrap(),
                    "moved" if day == 29 => {
                        graph.user_update_event(&who.address, one, &late, now()).unwrap()
                    }
                    _ => {}
                }
            }
            drop(graph);
            let found = judge(&organization);
            let left = found.left_alone.get("scheduling conflict (APPT-IN-06)").copied();
            assert_eq!(left.is_some(), clashes, "{day} {change}: {}", found.table());
            assert_eq!(found.is_clean(), clashes, "{day} {change}: {}", found.table());
        }
    }
}
