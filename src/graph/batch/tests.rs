//! Tests of the Graph adapter, from documented examples and the stand-in.

use serde_json::json;

use super::*;
use crate::graph::wire::Page;

#[test]
fn a_batch_reads_like_the_documented_example() {
    // The request body has the members of json-batching: id, method, url, headers, body.
    let create = Map::from_iter([("subject".to_owned(), json!("x"))]);
    let batch =
        [Inner::get("/users/u/events/1".into()), Inner::post("/users/u/events".into(), create)];
    let body: Json = serde_json::from_slice(&encode(&batch)).unwrap();
    let requests = body["requests"].as_array().unwrap();
    assert_eq!(requests[0]["id"], "1");
    assert_eq!(requests[0]["method"], "GET");
    assert_eq!(requests[0]["url"], "/users/u/events/1");
    assert!(requests[0].get("body").is_none());
    assert_eq!(requests[1]["id"], "2");
    assert_eq!(requests[1]["headers"]["Content-Type"], "application/json");
    assert_eq!(requests[1]["body"]["subject"], "x");
}

#[test]
fn every_request_asks_for_utc_text_and_immutable_ids() {
    // The three preferences stand on each inner request, the page size on pages alone.
    for inner in [Inner::get("/a".into()), Inner::page("/a".into()), Inner::delete("/a".into())] {
        let [("Prefer", prefer)] = inner.headers.as_slice() else { panic!("{inner:?}") };
        assert!(prefer.contains(r#"IdType="ImmutableId""#));
        assert!(prefer.contains(r#"outlook.timezone="UTC""#));
        assert!(prefer.contains(r#"outlook.body-content-type="text""#));
        assert_eq!(prefer.contains("maxpagesize"), inner == Inner::page("/a".into()));
    }
}

#[test]
fn answers_in_any_order_find_their_requests() {
    // json-batching: the order of the responses is not that of the requests; one may be missing.
    let body = br#"{"responses":[
        {"id":"3","status":404,"body":{"error":{"code":"ErrorItemNotFound"}}},
        {"id":"1","status":200,"headers":{"Cache-Control":"no-cache"},"body":{"id":"a"}},
        {"id":"1","status":500},
        {"id":"99","status":200},
        {"id":"none","status":200}]}"#;
    let list = decode::<Json>(body, 3).unwrap();
    assert_eq!(list[0].as_ref().unwrap().status, 200);
    assert_eq!(list[0].as_ref().unwrap().body["id"], "a");
    assert!(list[1].is_none());
    assert_eq!(list[2].as_ref().unwrap().status, 404);
}

#[test]
fn an_answer_that_is_no_batch_is_unreadable() {
    // A body without responses is an error with a reason, never a panic.
    for body in [&b""[..], b"{}", b"[1]", b"<html>"] {
        assert!(matches!(decode::<Json>(body, 1), Err(SideError::Unreadable { .. })));
    }
}

#[test]
fn retry_after_comes_as_seconds_or_as_a_date() {
    // An inner 429 carries its own Retry-After, as number, text or HTTP date, its name in any case.
    let now: DateTime<Utc> = "2026-11-24T09:00:00Z".parse().unwrap();
    let of = |value: Json| {
        let headers = json!({ "Date": [1, {}], "retry-After": value, "Cache-Control": "private" });
        let body = json!({ "responses": [{ "id": "1", "status": 429, "headers": headers }] });
        let replies = decode::<Json>(body.to_string().as_bytes(), 1).unwrap();
        replies[0].as_ref().unwrap().retry_after(now)
    };
    assert_eq!(of(json!("7")), Some(Duration::from_secs(7)));
    assert_eq!(of(json!(7)), Some(Duration::from_secs(7)));
    assert_eq!(of(json!("Tue, 24 Nov 2026 09:00:30 GMT")), Some(Duration::from_secs(30)));
    assert_eq!(of(json!("Tue, 24 Nov 2026 08:00:00 GMT")), Some(Duration::ZERO));
    assert_eq!(of(json!("later")), None);
}

#[test]
fn an_unreadable_answer_is_not_quoted() {
    // The reason of an error ends in logs; nothing that somebody wrote may stand in it.
    let body = br#"{"responses": "Meeting about the merger"}"#;
    let reason = decode::<Json>(body, 1).unwrap_err().to_string();
    assert!(reason.contains("POST /$batch"), "{reason}");
    assert!(!reason.contains("merger"), "{reason}");
}

#[test]
fn a_page_that_is_none_spoils_its_own_request_alone() {
    // A gateway's words, a number or nothing in place of a page: the other answers are read, and
    // the code of a refusal is found.
    let body = br#"{"responses":[
        {"id":"1","status":200,"body":{"value":[{"id":"a"}],"@odata.deltaLink":"x"}},
        {"id":"2","status":502,"body":"PGh0bWw+"},
        {"id":"3","status":200,"body":{"value":7}},
        {"id":"4","status":410,"body":{"error":{"code":"SyncStateNotFound","message":"x"}}},
        {"id":"5","status":204},
        {"id":"6","status":200,"body":null}]}"#;
    let list = decode::<Option<Page>>(body, 6).unwrap();
    let bodies: Vec<_> = list.iter().map(|reply| &reply.as_ref().unwrap().body).collect();
    assert_eq!(bodies[0].as_ref().unwrap().delta.as_deref(), Some("x"));
    assert_eq!(bodies[0].as_ref().unwrap().value.len(), 1);
    for none in [1, 2, 4, 5] {
        assert!(bodies[none].is_none(), "{none}");
    }
    assert_eq!(bodies[3].code(), "SyncStateNotFound");
    assert_eq!(bodies[1].code(), "");
}
