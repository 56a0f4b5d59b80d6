//! `$batch` and change sets.

use serde_json::json;
use uuid::Uuid;

use super::Desk;
use crate::sim::wire::Response;

fn part(head: &str, request: &str) -> String {
    format!(
        "--b1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{head}\r\n{request}\r\n"
    )
}

fn get(target: &str) -> String {
    part("", &format!("GET /api/data/v9.2/{target} HTTP/1.1\r\nAccept: application/json\r\n\r\n"))
}

fn post(set: &str, sent: &str) -> String {
    part("", &write("POST", set, sent))
}

fn write(method: &str, target: &str, sent: &str) -> String {
    let target =
        if target.starts_with('$') { target.into() } else { format!("/api/data/v9.2/{target}") };
    format!("{method} {target} HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{sent}")
}

fn change_set(requests: &[String]) -> String {
    let mut text = "--b1\r\nContent-Type: multipart/mixed; boundary=\"c1\"\r\n\r\n".to_owned();
    for (number, request) in requests.iter().enumerate() {
        let head = format!("Content-ID: {}\r\n", number + 1);
        text.push_str(&part(&head, request).replacen("--b1", "--c1", 1));
    }
    text + "--c1--\r\n"
}

fn send(desk: &mut Desk, parts: &[String], extra: &[(&str, &str)]) -> Response {
    let text = format!("{}--b1--\r\n", parts.concat());
    let mut headers = vec![("Content-Type", "multipart/mixed; boundary=\"b1\"")];
    headers.extend(extra);
    desk.call("POST", "$batch", &headers, Some(json!(text)))
}

fn statuses(response: &Response) -> Vec<u16> {
    let text = String::from_utf8(response.body.clone()).unwrap();
    text.split("HTTP/1.1 ").skip(1).map(|rest| rest[..3].parse().unwrap()).collect()
}

#[test]
fn requests_run_one_after_another() {
    // Each part is answered in order; the reply is multipart and counts as one HTTP request.
    let mut desk = Desk::new();
    let parts = [post("tasks", r#"{"subject":"x"}"#), get("tasks?$select=subject")];
    let answer = send(&mut desk, &parts, &[]);
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .header("Content-Type")
            .unwrap()
            .starts_with("multipart/mixed; boundary=batchresponse_")
    );
    assert_eq!(statuses(&answer), [204, 200]);
    assert!(String::from_utf8_lossy(&answer.body).contains("\"subject\":\"x\""));
    assert_eq!((desk.sim.request_count(), desk.sim.write_count()), (1, 1));
    assert_eq!(answer.header("x-ms-ratelimit-burst-remaining-xrm-requests"), Some("5999"));
    assert_eq!(answer.header("x-ms-ratelimit-time-remaining-xrm-requests"), Some("1199.60"));
}

#[test]
fn a_batch_is_one_request_and_the_time_of_its_parts_counts() {
    // 7 batches of 1,000 are far from 6,000 requests; the seventh's parts find no time left.
    let mut desk = Desk::new();
    let parts = vec![get("WhoAmI()"); 1_000];
    for _ in 0..6 {
        assert_eq!(statuses(&send(&mut desk, &parts, &[])), vec![200; 1_000]);
    }
    let go_on = [("Prefer", "odata.continue-on-error")];
    let answer = send(&mut desk, &parts[..2], &go_on);
    assert_eq!((answer.status, statuses(&answer)), (200, vec![429, 429]));
    assert!(String::from_utf8_lossy(&answer.body).contains("0x80072321"));
    assert_eq!(answer.header("x-ms-ratelimit-burst-remaining-xrm-requests"), Some("5993"));
    desk.now += chrono::Duration::seconds(300);
    assert_eq!(statuses(&send(&mut desk, &parts[..2], &go_on)), [200, 200]);
}

#[test]
fn the_first_error_ends_the_batch_unless_told_otherwise() {
    // Without continue-on-error the reply has the error's status and stops there.
    let mut desk = Desk::new();
    let missing = get(&format!("tasks({})", Uuid::nil()));
    let parts = [get("WhoAmI"), missing, get("WhoAmI")];
    let answer = send(&mut desk, &parts, &[]);
    assert_eq!(answer.status, 404);
    assert_eq!(statuses(&answer), [200, 404]);
    let answer = send(&mut desk, &parts, &[("Prefer", "odata.continue-on-error")]);
    assert_eq!(answer.status, 200);
    assert_eq!(statuses(&answer), [200, 404, 200]);
}

#[test]
fn inner_requests_have_their_own_caller() {
    // Impersonation is read from the part's headers.
    let mut desk = Desk::new();
    let object = desk.people[0].object_id;
    let request = format!(
        "GET /contoso/dataverse/api/data/v9.2/WhoAmI HTTP/1.1\r\nCallerObjectId: {object}\r\n\r\n"
    );
    let answer = send(&mut desk, &[part("", &request)], &[]);
    assert!(String::from_utf8_lossy(&answer.body).contains(&desk.ann().to_string()));
}

#[test]
fn change_sets_are_atomic_and_refer_to_earlier_parts() {
    // $1 names the record of part 1; one failure undoes everything.
    let mut desk = Desk::new();
    let bind = r#"{"lastname":"Doe","parentcustomerid_account@odata.bind":"$1"}"#;
    let good = change_set(&[
        write("POST", "accounts", r#"{"name":"Fabrikam"}"#),
        write("POST", "contacts", bind),
        write("PATCH", "$2", r#"{"jobtitle":"Lead"}"#),
    ]);
    let answer = send(&mut desk, &[good], &[]);
    assert_eq!(statuses(&answer), [204, 204, 204]);
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(text.contains("changesetresponse_") && text.contains("Content-ID: 3"));
    let contact = desk.sim.rows("contacts").remove(0);
    assert_eq!(contact["jobtitle"], "Lead");
    assert_eq!(contact["_parentcustomerid_value"], desk.sim.rows("accounts")[0]["accountid"]);
    let id = contact["contactid"].as_str().unwrap();
    let bad = change_set(&[
        write("PATCH", &format!("contacts({id})"), r#"{"jobtitle":"None"}"#),
        write("POST", "accounts", r#"{"name":"Second"}"#),
        format!("DELETE /api/data/v9.2/accounts({}) HTTP/1.1\r\n\r\n", Uuid::nil()),
    ]);
    let writes = desk.sim.write_count();
    let answer = send(&mut desk, &[bad], &[]);
    assert_eq!((answer.status, statuses(&answer)), (404, vec![404]));
    assert_eq!(desk.sim.rows("contacts").remove(0), contact);
    assert_eq!(desk.sim.rows("accounts").len(), 1);
    assert_eq!(desk.sim.write_count(), writes);
    let unknown = change_set(&[write("PATCH", "$7", "{}")]);
    assert_eq!(send(&mut desk, &[unknown], &[]).status, 400);
}

#[test]
fn wrong_batches_are_refused() {
    // GET in a change set, nesting, too many parts, bad ends and missing boundaries get 400.
    let mut desk = Desk::new();
    let read = change_set(&["GET /api/data/v9.2/tasks HTTP/1.1\r\n\r\n".to_owned()]);
    assert_eq!(send(&mut desk, &[read], &[]).status, 400);
    let nested = part("", "POST /api/data/v9.2/$batch HTTP/1.1\r\n\r\n");
    assert_eq!(send(&mut desk, &[nested], &[]).status, 400);
    let many: Vec<String> = (0..1_001).map(|_| get("WhoAmI")).collect();
    assert_eq!(send(&mut desk, &many, &[]).status, 400);
    let headers = [("Content-Type", "multipart/mixed; boundary=b1")];
    let open = json!(get("WhoAmI"));
    assert_eq!(desk.call("POST", "$batch", &headers, Some(open)).status, 400);
    let unix = json!(format!("{}--b1--\r\n", get("WhoAmI")).replace("\r\n", "\n"));
    assert_eq!(desk.call("POST", "$batch", &headers, Some(unix)).status, 400);
    let headers = [("Content-Type", "multipart/mixed")];
    assert_eq!(desk.call("POST", "$batch", &headers, Some(json!("x"))).status, 400);
}

#[test]
fn one_inner_request_can_be_throttled() {
    // The chosen part gets 429 and is not executed; the next batch is whole again.
    let mut desk = Desk::new();
    desk.sim.throttle_inner(1, 17);
    let parts = [
        post("tasks", r#"{"subject":"a"}"#),
        post("tasks", r#"{"subject":"b"}"#),
        post("tasks", r#"{"subject":"c"}"#),
    ];
    let go_on = [("Prefer", "odata.continue-on-error")];
    let answer = send(&mut desk, &parts, &go_on);
    assert_eq!(statuses(&answer), [204, 429, 204]);
    assert!(String::from_utf8_lossy(&answer.body).contains("Retry-After: 17"));
    assert_eq!(desk.sim.rows("tasks").len(), 2);
    assert_eq!(statuses(&send(&mut desk, &parts, &go_on)), [204, 204, 204]);
}

#[test]
fn urls_inside_a_batch_may_be_longer() {
    // 32,768 characters are too many for a request but not for a part.
    let mut desk = Desk::new();
    let long = format!("tasks?$filter=subject%20eq%20'{}'", "a".repeat(40_000));
    assert_eq!(desk.get(&long).status, 414);
    assert_eq!(statuses(&send(&mut desk, &[get(&long)], &[])), [200]);
    let longer = format!("tasks?$filter=subject%20eq%20'{}'", "a".repeat(66_000));
    assert_eq!(statuses(&send(&mut desk, &[get(&longer)], &[])), [414]);
}
