//! Proofs of the fault plan: determinism, scopes, queue and counts.

use super::*;

fn request(method: &str, target: &str, body: &str) -> Request {
    Request {
        method: method.into(),
        target: target.into(),
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    }
}

fn get() -> Request {
    request("GET", "/v1.0/users/a@x.test/events", "")
}

fn post() -> Request {
    request("POST", "/v1.0/users/a@x.test/events", "{}")
}

fn hits(plan: &mut FaultPlan, side: FarSide, request: &Request, n: usize) -> Vec<bool> {
    (0..n).map(|_| plan.decide(side, request).fault.is_some()).collect()
}

#[test]
fn same_seed_same_faults_other_seed_other_faults() {
    // The outcome depends on seed and count only, and a share is about that share.
    let plan = |seed| FaultPlan::new(seed).with(FaultKind::Refuse(503), 0.3, Scope::All);
    let first = hits(&mut plan(7), FarSide::Graph, &get(), 2000);
    assert_eq!(first, hits(&mut plan(7), FarSide::Graph, &get(), 2000));
    assert_ne!(first, hits(&mut plan(8), FarSide::Graph, &get(), 2000));
    let count = first.iter().filter(|hit| **hit).count();
    assert!((500..700).contains(&count), "{count} of 2000");
}

#[test]
fn traffic_outside_the_scope_does_not_shift_a_rule() {
    // Reads between the writes leave the faults of the writes as they were.
    let plan = || FaultPlan::new(3).with(FaultKind::ResetBefore, 0.5, Scope::Writes);
    let alone = hits(&mut plan(), FarSide::Graph, &post(), 50);
    let mut mixed = plan();
    let among: Vec<bool> = (0..50)
        .map(|_| {
            assert_eq!(mixed.decide(FarSide::Graph, &get()), Verdict::default());
            mixed.decide(FarSide::Graph, &post()).fault.is_some()
        })
        .collect();
    assert_eq!(alone, among);
}

#[test]
fn shares_of_zero_and_one_are_never_and_always() {
    // The ends of the range are exact.
    let mut never = FaultPlan::new(1).with(FaultKind::ResetBefore, 0.0, Scope::All);
    let mut always = FaultPlan::new(1).with(FaultKind::ResetBefore, 1.0, Scope::All);
    assert!(hits(&mut never, FarSide::Graph, &get(), 500).iter().all(|hit| !hit));
    assert!(hits(&mut always, FarSide::Graph, &get(), 500).iter().all(|hit| *hit));
}

#[test]
fn first_rule_wins_and_delays_add_up() {
    // One request gets at most one fault, and only that one is counted; delays come on top.
    let mut plan = FaultPlan::new(1)
        .with(FaultKind::Delay(20), 1.0, Scope::All)
        .with(FaultKind::Refuse(500), 1.0, Scope::All)
        .with(FaultKind::ResetBefore, 1.0, Scope::All)
        .with(FaultKind::Delay(5), 1.0, Scope::All);
    let verdict = plan.decide(FarSide::Dataverse, &get());
    assert_eq!(verdict, Verdict { delay_ms: 25, fault: Some(FaultKind::Refuse(500)) });
    assert_eq!(plan.injected_of("delay"), 2);
    assert_eq!(plan.injected_of("refuse"), 1);
    assert_eq!(plan.injected_of("reset_before"), 0);
}

#[test]
fn queued_faults_hit_exactly_the_next_matching_requests_in_order() {
    // A queued fault waits for its scope, is used once, and `times` repeats it.
    let mut plan = FaultPlan::none();
    plan.next(Scope::Writes, FaultKind::ResetAfterCommit);
    plan.next(Scope::All, FaultKind::Refuse(504)).times(2);
    assert_eq!(plan.decide(FarSide::Graph, &get()).fault, Some(FaultKind::Refuse(504)));
    assert_eq!(plan.decide(FarSide::Graph, &post()).fault, Some(FaultKind::ResetAfterCommit));
    assert_eq!(plan.queued(), 1);
    assert_eq!(plan.decide(FarSide::Graph, &post()).fault, Some(FaultKind::Refuse(504)));
    assert_eq!(plan.decide(FarSide::Graph, &post()), Verdict::default());
    assert_eq!((plan.queued(), plan.requests()), (0, 4));
    assert_eq!(plan.injected_of("refuse"), 2);
}

#[test]
fn times_bounds_a_share_too() {
    // A rule with a bound stops after that many hits; zero switches a queued fault off.
    let mut plan = FaultPlan::new(1).with(FaultKind::ResetBefore, 1.0, Scope::All);
    plan.times(3);
    let count = hits(&mut plan, FarSide::Graph, &get(), 10).iter().filter(|hit| **hit).count();
    assert_eq!(count, 3);
    plan.next(Scope::All, FaultKind::ResetBefore).times(0);
    assert_eq!(plan.decide(FarSide::Graph, &get()), Verdict::default());
}

#[test]
fn scopes_tell_reads_writes_and_tokens_apart() {
    // A token request is neither a read nor a write, whatever its method.
    let token = request("POST", "/oauth2/v2.0/token", "");
    for (scope, side, request, expected) in [
        (Scope::Writes, FarSide::Graph, &post(), true),
        (Scope::Writes, FarSide::Graph, &get(), false),
        (Scope::Reads, FarSide::Graph, &get(), true),
        (Scope::Writes, FarSide::Token, &token, false),
        (Scope::Reads, FarSide::Token, &token, false),
        (Scope::All, FarSide::Token, &token, true),
        (Scope::Side(FarSide::Token), FarSide::Token, &token, true),
        (Scope::Side(FarSide::Token), FarSide::Graph, &post(), false),
        (Scope::Side(FarSide::Graph).and(Scope::Writes), FarSide::Graph, &post(), true),
        (Scope::Side(FarSide::Dataverse).and(Scope::Writes), FarSide::Graph, &post(), false),
        (Scope::PathContains("/events".into()), FarSide::Graph, &get(), true),
        (Scope::PathContains("/contacts".into()), FarSide::Graph, &get(), false),
    ] {
        assert_eq!(scope.matches(side, request), expected, "{scope:?} {side:?} {request:?}");
    }
}

#[test]
fn a_batch_counts_by_what_is_inside_it() {
    // Both batch formats are judged by their inner requests.
    let json = |method: &str| {
        let body = format!(r#"{{"requests":[{{"id":"1","method":"{method}","url":"/users/a"}}]}}"#);
        request("POST", "/v1.0/$batch", &body)
    };
    let multipart = |verb: &str| {
        let line =
            format!("--b\r\nContent-Type: application/http\r\n\r\n{verb} /api/data HTTP/1.1");
        request("POST", "/api/data/v9.2/$batch", &line)
    };
    assert!(Scope::Reads.matches(FarSide::Graph, &json("GET")));
    assert!(Scope::Writes.matches(FarSide::Graph, &json("PATCH")));
    assert!(Scope::Reads.matches(FarSide::Dataverse, &multipart("GET")));
    assert!(Scope::Writes.matches(FarSide::Dataverse, &multipart("DELETE")));
    assert!(Scope::PathContains("/users/a".into()).matches(FarSide::Graph, &json("GET")));
}

#[test]
fn kinds_that_need_a_batch_or_a_page_wait_for_one() {
    // An inner throttle passes over plain requests, endless pages over writes.
    let inner = FaultKind::InnerThrottle { nth: 0, retry_after_s: 2 };
    let mut plan = FaultPlan::none();
    plan.next(Scope::All, inner.clone()).next(Scope::All, FaultKind::EndlessPages);
    assert_eq!(plan.decide(FarSide::Graph, &post()), Verdict::default());
    assert_eq!(plan.decide(FarSide::Graph, &get()).fault, Some(FaultKind::EndlessPages));
    let batch = request("POST", "/v1.0/$batch", r#"{"requests":[]}"#);
    assert_eq!(plan.decide(FarSide::Graph, &batch).fault, Some(inner));
}
