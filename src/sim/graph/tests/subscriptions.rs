//! Subscriptions and notices over the wire (A14).

use chrono::Duration;
use serde_json::{Value, json};

use super::*;
use crate::sim::graph::{Lifecycle, MailboxState, NoticeFaults};

const HOOK: &str = "http://127.0.0.1:9/hook";

fn asked(bench: &Bench, resource: &str) -> Value {
    json!({ "changeType": "created,updated,deleted", "notificationUrl": HOOK,
        "lifecycleNotificationUrl": format!("{HOOK}/lifecycle"), "resource": resource,
        "clientState": "mine",
        "expirationDateTime": (bench.now + Duration::minutes(4_230)).to_rfc3339() })
}

fn post(bench: &mut Bench, given: &Value) -> Response {
    let request = bench.request("POST", "/v1.0/subscriptions", Some(given));
    bench.send(&request)
}

/// Makes a subscription whose addresses answer.
fn subscribe(bench: &mut Bench, resource: &str) -> String {
    let given = asked(bench, resource);
    let made = post(bench, &given);
    assert_eq!(made.status, 201, "{:?}", body(&made));
    for handshake in bench.sim.take_handshakes() {
        assert_eq!(handshake.urls, [HOOK.to_owned(), format!("{HOOK}/lifecycle")]);
        bench.sim.settle_handshake(&handshake.subscription, true);
    }
    body(&made)["id"].as_str().unwrap().to_owned()
}

fn told(bench: &mut Bench) -> Vec<Value> {
    let now = bench.now;
    bench.sim.take_notices(now).into_iter().map(|notice| notice.body).collect()
}

#[test]
fn a_change_is_told_to_those_who_subscribed() {
    // Created, updated and deleted events of Anna, and nothing of what happened before or to Ben.
    let mut bench = Bench::new();
    bench.made("/events", &meeting());
    let id = subscribe(&mut bench, &format!("/users/{ANNA}/events"));
    assert!(told(&mut bench).is_empty());
    let event = super::id(&bench.made("/events", &meeting()));
    let made = told(&mut bench);
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(made[0]["changeType"], "created");
    assert_eq!(made[0]["subscriptionId"], json!(id));
    assert_eq!(made[0]["clientState"], "mine");
    assert_eq!(made[0]["resourceData"]["@odata.type"], "#Microsoft.Graph.Event");
    assert!(made[0].get("subject").is_none());
    let patch = bench.request("PATCH", &format!("/events/{event}"), Some(&json!({"subject": "x"})));
    assert_eq!(bench.send(&patch).status, 200);
    assert_eq!(told(&mut bench)[0]["changeType"], "updated");
    let gone = bench.request("DELETE", &format!("/events/{event}"), None);
    assert_eq!(bench.send(&gone).status, 204);
    assert_eq!(told(&mut bench)[0]["changeType"], "deleted");
    let now = bench.now;
    bench.sim.user_create_event(BEN, &meeting(), now).unwrap();
    bench.sim.user_create_contact(ANNA, &json!({ "givenName": "C" }), now).unwrap();
    assert!(told(&mut bench).is_empty());
}

#[test]
fn a_subscription_without_a_handshake_is_none() {
    // Until its addresses answered it tells nothing, and one whose address fails is dropped.
    let mut bench = Bench::new();
    let given = asked(&bench, &format!("users/{ANNA}/contacts"));
    assert_eq!(post(&mut bench, &given).status, 201);
    let now = bench.now;
    bench.sim.user_create_contact(ANNA, &json!({ "givenName": "C" }), now).unwrap();
    assert!(told(&mut bench).is_empty());
    let handshake = bench.sim.take_handshakes().remove(0);
    assert_eq!(bench.sim.handshake(&handshake.subscription), None);
    bench.sim.settle_handshake(&handshake.subscription, false);
    assert_eq!(bench.sim.handshake(&handshake.subscription), Some(false));
    assert_eq!(bench.sim.subscription_counts(), (0, 0));
    let refused = bench.sim.refuse_validation(now);
    assert_eq!((refused.status, code(&refused)), (400, "ValidationError".to_owned()));
}

#[test]
fn a_subscription_that_is_not_documented_is_refused() {
    // Each request differs from a good one in one place.
    let mut bench = Bench::new();
    let good = asked(&bench, &format!("/users/{ANNA}/events"));
    let soon = |minutes| (bench.now + Duration::minutes(minutes)).to_rfc3339();
    let cases = [
        ("expirationDateTime", json!(soon(4_231)), 400),
        ("expirationDateTime", json!(soon(0)), 400),
        ("expirationDateTime", json!("tomorrow"), 400),
        ("expirationDateTime", Value::Null, 400),
        ("clientState", json!("x".repeat(129)), 400),
        ("changeType", json!("created,moved"), 400),
        ("changeType", json!(""), 400),
        ("resource", json!("/me/events"), 400),
        ("resource", json!(format!("/users/{ANNA}/messages")), 400),
        ("resource", json!("/users/nobody@contoso.com/events"), 404),
        ("resource", json!(format!("/users/{ANNA}/todo/lists/x/tasks")), 400),
        ("notificationUrl", json!("http://hooks.example/x"), 400),
        ("notificationUrl", json!("http://127.0.0.1.evil.example/x"), 400),
        ("notificationUrl", json!("ftp://127.0.0.1/x"), 400),
        ("lifecycleNotificationUrl", json!("http://hooks.example/x"), 400),
        ("surprise", json!(1), 400),
        ("includeResourceData", json!(true), 400),
    ];
    for (name, value, status) in cases {
        let answer = post(&mut bench, &with(good.clone(), &json!({ name: value })));
        assert_eq!(answer.status, status, "{name} = {value}: {}", body(&answer));
    }
    assert!(bench.sim.take_handshakes().is_empty());
    bench.sim.set_mailbox_state(ANNA, MailboxState::Denied);
    assert_eq!(post(&mut bench, &good).status, 403);
    bench.sim.set_mailbox_state(ANNA, MailboxState::Enabled);
    assert_eq!(post(&mut bench, &good).status, 201);
    assert_eq!(post(&mut bench, &good).status, 409, "the same once more");
}

#[test]
fn a_mailbox_has_at_most_a_thousand_subscriptions() {
    // Folders of one mailbox: the thousand and first subscription is refused.
    let mut bench = Bench::new();
    let mut status = Vec::new();
    for number in 0..=1_000 {
        let name = json!({ "displayName": format!("F{number}") });
        let folder = super::id(&bench.made("/contactFolders", &name));
        let given = asked(&bench, &format!("/users/{ANNA}/contactFolders/{folder}/contacts"));
        status.push(post(&mut bench, &given).status);
    }
    assert!(status[..1_000].iter().all(|status| *status == 201));
    assert_eq!(status[1_000], 403);
}

#[test]
fn a_subscription_is_renewed_listed_and_deleted() {
    // PATCH moves its end, a later one ends it by itself, and 404 tells that it is gone.
    let mut bench = Bench::new();
    let id = subscribe(&mut bench, &format!("/users/{ANNA}/events"));
    let other = subscribe(&mut bench, &format!("/users/{BEN}/events"));
    let target = format!("/v1.0/subscriptions/{id}");
    bench.now += Duration::days(2);
    bench.grant();
    let until = |bench: &Bench, minutes| json!({ "expirationDateTime": (bench.now + Duration::minutes(minutes)).to_rfc3339() });
    for (given, status) in [
        (until(&bench, 4_231), 400),
        (json!({ "clientState": "other" }), 400),
        (json!({ "lifecycleNotificationUrl": HOOK }), 400),
        (until(&bench, 4_230), 200),
    ] {
        let patch = bench.request("PATCH", &target, Some(&given));
        assert_eq!(bench.send(&patch).status, status, "{given}");
    }
    let list = bench.request("GET", "/v1.0/subscriptions", None);
    assert_eq!(body(&bench.send(&list))["value"].as_array().map(Vec::len), Some(2));
    bench.now += Duration::days(1);
    bench.grant();
    let gone = bench.request("GET", &format!("/v1.0/subscriptions/{other}"), None);
    assert_eq!(bench.send(&gone).status, 404, "it was not renewed");
    let read = bench.request("GET", &target, None);
    assert_eq!(body(&bench.send(&read))["clientState"], "mine");
    let delete = bench.request("DELETE", &target, None);
    assert_eq!((bench.send(&delete).status, bench.send(&delete).status), (204, 404));
    let now = bench.now;
    bench.sim.user_create_event(ANNA, &meeting(), now).unwrap();
    assert!(told(&mut bench).is_empty());
}

#[test]
fn the_life_of_a_subscription_is_told() {
    // `missed` changes nothing, one that asks for authorization is silent until it gets it, and one
    // that was removed is gone.
    let mut bench = Bench::new();
    let id = subscribe(&mut bench, &format!("/users/{ANNA}/events"));
    let now = bench.now;
    assert_eq!(bench.sim.lifecycle(Lifecycle::Missed, Some(ANNA), now), 1);
    assert_eq!(bench.sim.lifecycle(Lifecycle::Missed, Some(BEN), now), 0);
    let notice = bench.sim.take_notices(now).remove(0);
    assert_eq!(
        (notice.url, &notice.body["lifecycleEvent"]),
        (format!("{HOOK}/lifecycle"), &json!("missed"))
    );
    bench.sim.lifecycle(Lifecycle::ReauthorizationRequired, None, now);
    told(&mut bench);
    bench.sim.user_create_event(ANNA, &meeting(), now).unwrap();
    assert!(told(&mut bench).is_empty());
    let again = bench.request("POST", &format!("/v1.0/subscriptions/{id}/reauthorize"), None);
    assert_eq!(bench.send(&again).status, 204);
    bench.sim.user_create_event(ANNA, &meeting(), now).unwrap();
    assert_eq!(told(&mut bench).len(), 1);
    bench.sim.lifecycle(Lifecycle::SubscriptionRemoved, None, now);
    assert_eq!(told(&mut bench)[0]["lifecycleEvent"], "subscriptionRemoved");
    assert_eq!(bench.sim.subscription_counts(), (0, 1));
}

#[test]
fn notices_can_be_lost_doubled_and_late() {
    // Shares of one hit every notice.
    let mut bench = Bench::new();
    subscribe(&mut bench, &format!("/users/{ANNA}/events"));
    let now = bench.now;
    let mut with_faults = |faults| {
        bench.sim.set_notice_faults(faults);
        bench.sim.user_create_event(ANNA, &meeting(), now).unwrap();
        bench.sim.take_notices(now).into_iter().map(|one| one.delay_ms).collect::<Vec<_>>()
    };
    let none = NoticeFaults::default();
    assert_eq!(with_faults(NoticeFaults { lose: 1.0, ..none }), [0_u64; 0]);
    assert_eq!(with_faults(NoticeFaults { duplicate: 1.0, ..none }), [0, 0]);
    assert_eq!(with_faults(NoticeFaults { delay_ms: 70, ..none }), [70]);
    assert_eq!(bench.sim.lost_notices(), 1);
}
