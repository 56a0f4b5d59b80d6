//! Batches, budgets and counters.

use chrono::Duration;
use serde_json::{Value, json};

use super::{ANNA, BEN, Bench, body, code, meeting};

fn inner(id: &str, more: &Value) -> Value {
    let base = json!({ "id": id, "method": "GET", "url": format!("/users/{ANNA}/events") });
    super::with(base, more)
}

fn batch(bench: &mut Bench, list: &[Value]) -> (u16, Value) {
    let answer = bench.call("POST", "/v1.0/$batch", &json!({ "requests": list }));
    (answer.status, body(&answer))
}

fn status(answers: &Value, id: &str) -> Value {
    let list = answers["responses"].as_array().unwrap();
    list.iter().find(|one| one["id"] == id).unwrap()["status"].clone()
}

#[test]
fn each_inner_request_is_judged_alone() {
    // A batch answers 200 with one response per request, counts once, and may hold failures.
    let mut bench = Bench::new();
    let create = json!({ "method": "POST", "headers": { "Content-Type": "application/json" },
        "body": meeting() });
    let list = [
        inner("1", &create),
        inner("2", &json!({ "url": format!("/users/{ANNA}/events/x") })),
        inner("3", &json!({ "dependsOn": ["2"] })),
        inner("4", &json!({ "dependsOn": ["1"] })),
    ];
    let (code, answers) = batch(&mut bench, &list);
    assert_eq!(code, 200);
    assert_eq!(status(&answers, "1"), 201);
    assert_eq!(status(&answers, "2"), 400);
    assert_eq!(status(&answers, "3"), 424);
    assert_eq!(status(&answers, "4"), 200);
    assert_eq!((bench.sim.request_count(), bench.sim.write_count()), (1, 1));
}

#[test]
fn malformed_batches_fail_as_a_whole() {
    // More than 20, ids equal without regard to case, absolute urls, untyped bodies: 400.
    let mut bench = Bench::new();
    let none = json!({});
    let many: Vec<Value> = (0..21).map(|n| inner(&n.to_string(), &none)).collect();
    assert_eq!(batch(&mut bench, &many).0, 400);
    assert_eq!(batch(&mut bench, &[inner("a", &none), inner("A", &none)]).0, 400);
    let absolute = json!({ "url": "https://graph.microsoft.com/v1.0/users" });
    assert_eq!(batch(&mut bench, &[inner("a", &absolute)]).0, 400);
    let untyped = json!({ "method": "POST", "body": meeting() });
    assert_eq!(batch(&mut bench, &[inner("a", &untyped)]).0, 400);
    assert_eq!(batch(&mut bench, &[inner("a", &json!({ "dependsOn": ["z"] }))]).0, 400);
    assert_eq!(batch(&mut bench, &[]).0, 400);
}

#[test]
fn an_inner_request_can_be_throttled() {
    // The named inner request gets 429 with its own Retry-After and isn't executed.
    let mut bench = Bench::new();
    bench.sim.throttle_inner(1, 7);
    let create = json!({ "method": "POST", "headers": { "Content-Type": "application/json" },
        "body": meeting() });
    let list = [inner("1", &create), inner("2", &create)];
    let (_, answers) = batch(&mut bench, &list);
    assert_eq!(status(&answers, "2"), 429);
    let list = answers["responses"].as_array().unwrap();
    let second = list.iter().find(|one| one["id"] == "2").unwrap();
    assert_eq!(second["headers"]["Retry-After"], "7");
    assert_eq!(second["body"]["error"]["code"], "ApplicationThrottled");
    assert_eq!(bench.sim.events(ANNA).len(), 1);
}

#[test]
fn a_mailbox_has_ten_thousand_requests_in_ten_minutes() {
    // The next one gets 429 with Retry-After; another mailbox and a later hour do not.
    let mut bench = Bench::new();
    for _ in 0..10_000 {
        assert_eq!(bench.get("/calendar").status, 200);
    }
    let answer = bench.get("/calendar");
    assert_eq!((answer.status, code(&answer)), (429, "ApplicationThrottled".into()));
    assert_eq!(answer.header("Retry-After"), Some("600"));
    assert_eq!(bench.get(&format!("/v1.0/users/{BEN}/calendar")).status, 200);
    bench.now += Duration::seconds(601);
    assert_eq!(bench.get("/calendar").status, 200);
}

#[test]
fn concurrency_is_counted_per_mailbox() {
    // The key is the mailbox however the user is named.
    let mut bench = Bench::new();
    let object = uuid::Uuid::from_u128(1001);
    let by_id = bench.request("GET", &format!("/v1.0/users/{object}/events"), None);
    let by_name = bench.request("GET", "/v1.0/users/Anna%40contoso.com/events", None);
    for request in [by_id, by_name] {
        assert_eq!(bench.sim.places(&request), [(ANNA.to_owned(), 1)]);
    }
    let now = bench.now;
    let answer = bench.sim.refuse_concurrency(now);
    assert_eq!((answer.status, code(&answer)), (429, "ApplicationThrottled".into()));
    assert!(answer.header("Retry-After").is_some());
}

#[test]
fn a_batch_runs_up_to_four_of_its_requests_at_once_in_a_mailbox() {
    // It wants a place for each independent request, four at most; a chain wants one.
    let bench = Bench::new();
    let places = |list: Vec<Value>| {
        let outer = bench.request("POST", "/v1.0/$batch", Some(&json!({ "requests": list })));
        bench.sim.places(&outer)
    };
    let none = json!({});
    let many = (0..20).map(|n| inner(&n.to_string(), &none)).collect();
    assert_eq!(places(many), [(ANNA.to_owned(), 4)]);
    let chain = vec![
        inner("1", &none),
        inner("2", &json!({ "dependsOn": ["1"] })),
        inner("3", &json!({ "dependsOn": ["2"] })),
    ];
    assert_eq!(places(chain), [(ANNA.to_owned(), 1)]);
    let ben = json!({ "url": format!("/users/{BEN}/events") });
    let both = vec![inner("1", &none), inner("2", &ben), inner("3", &none)];
    assert_eq!(places(both), [(ANNA.to_owned(), 2), (BEN.to_owned(), 1)]);
    assert!(places(vec![json!({ "id": 1 })]).is_empty());
}

#[test]
fn a_batch_without_enough_places_is_refused_in_part() {
    // Of each four requests those beyond the free places get 429 in their own answers.
    let mut bench = Bench::new();
    let list: Vec<Value> = (0..6).map(|n| inner(&n.to_string(), &json!({}))).collect();
    let short = |got| super::super::Shortage { mailbox: ANNA.to_owned(), wanted: 4, got };
    for (got, refused) in [(1, vec!["1", "2", "3", "5"]), (0, vec!["0", "1", "2", "3", "4", "5"])] {
        bench.sim.run_short(&[short(got)]);
        let (outer, answers) = batch(&mut bench, &list);
        assert_eq!(outer, 200);
        for one in &list {
            let id = one["id"].as_str().unwrap();
            let expected = if refused.contains(&id) { 429 } else { 200 };
            assert_eq!(status(&answers, id), expected, "{got} {id}");
        }
    }
    assert_eq!(bench.sim.crowded_count(), 10);
    let (_, answers) = batch(&mut bench, &list);
    assert!(list.iter().all(|one| status(&answers, one["id"].as_str().unwrap()) == 200));
}
