//! Tests of the metrics' text.

use super::*;

#[test]
fn the_text_has_the_public_names() {
    // The names and labels that dashboards rest on appear exactly so.
    let metrics = Metrics::new();
    let took = Duration::from_millis(30);
    metrics.cycle("contoso", "done", took);
    metrics.step("contoso", "exchange", "create", "done");
    metrics.decision("contoso", "APPT-01");
    metrics.http_request("contoso", "exchange", "GET", Some(200), took);
    metrics.http_request("contoso", "exchange", "GET", None, took);
    metrics.throttled("contoso", "dynamics");
    metrics.set_items_parked("contoso", 3);
    metrics.set_mailboxes("contoso", "idle", 7);
    metrics.invariant_violation("contoso", "INV-03");
    metrics.mails("contoso", 2);
    metrics.set_config_broken_files(1);
    metrics.set_ownership(341, Duration::from_millis(750), 2);
    let text = metrics.clone().encode();
    for line in [
        r#"lockstep_cycles_total{tenant="contoso",result="done"} 1"#,
        r#"lockstep_cycle_duration_seconds_count{tenant="contoso"} 1"#,
        r#"lockstep_steps_total{tenant="contoso",side="exchange",op="create",outcome="done"} 1"#,
        r#"lockstep_decisions_total{tenant="contoso",rule="APPT-01"} 1"#,
        r#"lockstep_http_requests_total{tenant="contoso",side="exchange",method="GET",status="200"} 1"#,
        r#"lockstep_http_requests_total{tenant="contoso",side="exchange",method="GET",status="none"} 1"#,
        r#"http_client_request_duration_seconds_bucket{le="0.05",side="exchange",method="GET",status="200"} 1"#,
        r#"lockstep_throttled_total{tenant="contoso",side="dynamics"} 1"#,
        r#"lockstep_items_parked{tenant="contoso"} 3"#,
        r#"lockstep_mailboxes{tenant="contoso",phase="idle"} 7"#,
        r#"lockstep_invariant_violations_total{tenant="contoso",invariant="INV-03"} 1"#,
        r#"lockstep_mails_total{tenant="contoso"} 2"#,
        "lockstep_config_broken_files 1",
        "lockstep_shards 341",
        "lockstep_lease_age_seconds 0.75",
        "lockstep_lease_doubts_total 2",
        "# EOF",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\nis missing in\n{text}");
    }
}
