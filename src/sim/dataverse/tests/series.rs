//! The messages of series: `CreateException`, `CreateInstance`, `DeleteOpenInstances`.

use serde_json::{Value, json};

use super::{Desk, body, refused};

const MASTER: &str = "Microsoft.Dynamics.CRM.recurringappointmentmaster";
const EXCEPTION: &str = "recurringappointmentmasters/Microsoft.Dynamics.CRM.CreateException";

/// Makes Thursdays at nine, forty times, and returns the id of the series.
fn series(desk: &mut Desk) -> Value {
    let sent = json!({ "subject": "Weekly", "recurrencepatterntype": 1, "interval": 1,
        "daysofweekmask": 16, "patternstartdate": "2026-03-05T00:00:00Z", "patternendtype": 2,
        "occurrences": 40, "starttime": "2026-03-05T09:00:00Z", "endtime": "2026-03-05T10:00:00Z" });
    assert_eq!(desk.call("POST", "recurringappointmentmasters", &[], Some(sent)).status, 204);
    desk.sim.rows("recurringappointmentmasters")[0]["activityid"].clone()
}

fn instances(desk: &Desk) -> Vec<Value> {
    let mut rows = desk.sim.rows("appointments");
    rows.sort_by_key(|row| row["originalstartdate"].to_string());
    rows
}

#[test]
fn create_exception_changes_or_deletes_one_instance() {
    // The id comes back; the row is an exception, or stands in the list of the deleted. What does not
    // belong together, or lacks a parameter, is refused.
    let mut desk = Desk::new();
    series(&mut desk);
    let rows = instances(&desk);
    let sent = |at: usize, deleted: Value| {
        json!({ "OriginalStartDate": rows[at]["originalstartdate"], "IsDeleted": deleted,
            "Target": { "@odata.type": "Microsoft.Dynamics.CRM.appointment",
                "activityid": rows[at]["activityid"], "subject": "Special" } })
    };
    let answer = desk.call("POST", EXCEPTION, &[], Some(sent(1, json!(false))));
    assert_eq!((answer.status, &body(&answer)["id"]), (200, &rows[1]["activityid"]));
    assert_eq!(desk.call("POST", EXCEPTION, &[], Some(sent(2, json!(true)))).status, 200);
    let now = instances(&desk);
    assert_eq!((&now[1]["subject"], &now[1]["instancetypecode"]), (&json!("Special"), &json!(3)));
    assert_eq!(now.len(), rows.len() - 1);
    let master = &desk.sim.rows("recurringappointmentmasters")[0];
    assert_eq!(master["deletedexceptionslist"], rows[2]["originalstartdate"]);
    refused(&desk.call("POST", EXCEPTION, &[], Some(sent(3, json!("no")))), 400, "0x80048d19");
    let mut other = sent(3, json!(false));
    other["OriginalStartDate"] = json!("2026-03-05T08:00:00Z");
    refused(&desk.call("POST", EXCEPTION, &[], Some(other)), 400, "0x80048d19");
    let mut other = sent(3, json!(false));
    other["Target"]["@odata.type"] = json!(MASTER);
    refused(&desk.call("POST", EXCEPTION, &[], Some(other)), 400, "0x80048d19");
    let gone = desk.call("POST", EXCEPTION, &[], Some(sent(2, json!(true))));
    assert_eq!(gone.status, 404);
    assert_eq!(desk.call("POST", "CreateException", &[], Some(sent(3, json!(true)))).status, 404);
}

#[test]
fn create_instance_goes_on_after_the_last_instance() {
    // Fifteen stand at once; ten more are asked for, then more than there are.
    let mut desk = Desk::new();
    let id = series(&mut desk);
    assert_eq!(instances(&desk).len(), 15);
    let sent = |count: i64| json!({ "Target": { "@odata.type": MASTER, "activityid": id }, "Count": count });
    for (count, rows, more) in [(10, 25, true), (100, 40, false)] {
        let answer = desk.call("POST", "CreateInstance", &[], Some(sent(count)));
        assert_eq!(body(&answer)["SeriesCanBeExpanded"], json!(more));
        assert_eq!(instances(&desk).len(), rows);
    }
    refused(&desk.call("POST", "CreateInstance", &[], Some(sent(0))), 400, "0x80048d19");
    assert_eq!(desk.call("GET", "CreateInstance", &[], None).status, 404);
}

#[test]
fn delete_open_instances_ends_a_series_with_the_last_past_instance() {
    // Open and scheduled ones from the date on go, canceled ones stay; those before it take the state;
    // the series is canceled and ends with the last of them.
    let mut desk = Desk::new();
    let id = series(&mut desk);
    let rows = instances(&desk);
    let canceled = format!("appointments({})", rows[6]["activityid"].as_str().unwrap());
    let state = json!({ "statecode": 2, "statuscode": 4 });
    assert_eq!(desk.call("PATCH", &canceled, &[], Some(state)).status, 204);
    let sent = json!({ "Target": { "@odata.type": MASTER, "activityid": id },
        "SeriesEndDate": rows[3]["scheduledstart"], "StateOfPastInstances": 1 });
    let answer = desk.call("POST", "DeleteOpenInstances", &[], Some(sent.clone()));
    assert_eq!(answer.status, 204);
    let states: Vec<Value> = instances(&desk).iter().map(|row| row["statecode"].clone()).collect();
    assert_eq!(states, [json!(1), json!(1), json!(1), json!(2)]);
    let master = &desk.sim.rows("recurringappointmentmasters")[0];
    assert_eq!((&master["statecode"], &master["patternendtype"]), (&json!(2), &json!(3)));
    assert_eq!(master["patternenddate"], rows[2]["scheduledstart"]);
    let mut wrong = sent;
    wrong["StateOfPastInstances"] = json!(9);
    refused(&desk.call("POST", "DeleteOpenInstances", &[], Some(wrong)), 400, "0x80048d19");
}
