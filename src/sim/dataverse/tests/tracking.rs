//! Change tracking.

use chrono::Duration;
use serde_json::{Value, json};

use super::{Desk, body, refused};

const TRACK: (&str, &str) = ("Prefer", "odata.track-changes");

fn below(link: &Value) -> String {
    let link = link.as_str().unwrap();
    link.strip_prefix("http://host/contoso/dataverse/api/data/v9.2/").unwrap().to_owned()
}

/// Walks all pages; returns the rows and the delta link.
fn walk(desk: &mut Desk, first: &str) -> (Vec<Value>, String) {
    let prefer = [TRACK, ("Prefer", "odata.maxpagesize=2")];
    let (mut url, mut rows) = (first.to_owned(), Vec::new());
    loop {
        let answer = desk.call("GET", &url, &prefer, None);
        let page = body(&answer);
        assert_eq!(answer.status, 200, "{page}");
        rows.extend(page["value"].as_array().unwrap().clone());
        match page.get("@odata.deltaLink") {
            Some(link) => return (rows, below(link)),
            None => url = below(&page["@odata.nextLink"]),
        }
    }
}

#[test]
fn a_delta_gives_changed_rows_first_and_deleted_rows_last() {
    // Changed rows come with all selected columns, deleted ones with id and reason.
    let mut desk = Desk::new();
    let made: Vec<_> =
        (0..5).map(|n| desk.post("tasks", json!({ "subject": format!("t{n}") }))).collect();
    let (rows, link) = walk(&mut desk, "tasks?$select=subject,prioritycode");
    assert_eq!(rows.len(), 5);
    assert!(link.contains("%24deltatoken=") || link.contains("$deltatoken="));
    let (rows, link) = walk(&mut desk, &link);
    assert!(rows.is_empty());
    desk.patch("tasks", made[0], json!({ "prioritycode": 2 }));
    desk.call("DELETE", &format!("tasks({})", made[1]), &[], None);
    let brief = desk.post("tasks", json!({ "subject": "brief" }));
    desk.call("DELETE", &format!("tasks({brief})"), &[], None);
    let count =
        link.replace("tasks?", "tasks/$count?").replace("%24select=subject%2Cprioritycode&", "");
    let count = count.replace("$select=subject%2Cprioritycode&", "");
    assert_eq!(desk.get(&count).body, b"3");
    let (rows, _) = walk(&mut desk, &link);
    assert_eq!(rows.len(), 3);
    assert_eq!((&rows[0]["subject"], &rows[0]["prioritycode"]), (&json!("t0"), &json!(2)));
    assert_eq!(rows[1]["id"], json!(made[1]));
    assert_eq!(rows[2]["id"], json!(brief), "made and deleted between two polls");
    assert_eq!(rows[1]["reason"], "deleted");
    assert!(rows[1]["@odata.context"].as_str().unwrap().ends_with("#tasks/$deletedEntity"));
}

#[test]
fn changes_during_a_walk_come_in_the_next_one() {
    // A row changed between two pages is not lost.
    let mut desk = Desk::new();
    let made: Vec<_> =
        (0..4).map(|n| desk.post("tasks", json!({ "subject": format!("t{n}") }))).collect();
    let prefer = [TRACK, ("Prefer", "odata.maxpagesize=3")];
    let page = body(&desk.call("GET", "tasks?$select=subject", &prefer, None));
    for id in &made {
        desk.patch("tasks", *id, json!({ "subject": "new" }));
    }
    let (_, link) = walk(&mut desk, &below(&page["@odata.nextLink"]));
    let (rows, _) = walk(&mut desk, &link);
    assert_eq!(rows.len(), 4);
}

#[test]
fn tracking_refuses_the_documented_combinations() {
    // $filter, $orderby, $expand and $top are refused by name; so are people and untracked tables.
    let mut desk = Desk::new();
    for option in [
        "$filter=statecode%20eq%200",
        "$orderby=subject",
        "$top=3",
        "$expand=task_activity_parties",
    ] {
        let answer = desk.call("GET", &format!("tasks?{option}"), &[TRACK], None);
        refused(&answer, 400, "0x80060888");
        let name = option.split('=').next().unwrap();
        assert!(body(&answer)["error"]["message"].as_str().unwrap().contains(name));
    }
    let object = desk.people[0].object_id.to_string();
    let answer = desk.call("GET", "tasks", &[TRACK, ("CallerObjectId", &object)], None);
    refused(&answer, 403, "0x80040220");
    desk.sim.set_change_tracking("task", false);
    assert_eq!(desk.call("GET", "tasks", &[TRACK], None).status, 400);
}

#[test]
fn old_tokens_are_refused() {
    // A token older than seven days, or from before a reset, gets 0x80044352.
    let mut desk = Desk::new();
    let (_, link) = walk(&mut desk, "contacts?$select=lastname");
    desk.sim.expire_delta_tokens();
    refused(&desk.get(&link), 400, "0x80044352");
    desk.post("contacts", json!({ "lastname": "Doe" }));
    let (_, link) = walk(&mut desk, "contacts?$select=lastname");
    assert_eq!(desk.get(&link).status, 200);
    desk.now += Duration::minutes(50);
    assert_eq!(desk.get(&link).status, 200);
    let aged = link.replace("03%2F04%2F2026", "02%2F24%2F2026");
    assert_ne!(aged, link);
    refused(&desk.get(&aged), 400, "0x80044352");
    assert_eq!(desk.get("contacts?$deltatoken=nonsense").status, 400);
    assert_eq!(
        desk.get(
            "contacts?$skiptoken=track!1!18446744073709551615!c!18446744073709551615&$deltatoken=1"
        )
        .status,
        200
    );
}
