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
