//! Tests of starting and ending; what is exported is proved by the integration tests.

use std::net::TcpListener;

use tokio::time::Instant;

use super::super::current_trace_id;
use super::*;

fn options(endpoint: Option<String>) -> TelemetryOptions {
    TelemetryOptions {
        otlp_endpoint: endpoint,
        json: true,
        service_instance: "node-1".to_owned(),
        filter: "off".to_owned(),
    }
}

#[test]
fn a_silent_collector_does_not_hold_up_the_end() {
    // It accepts connections (the kernel does) and never answers; flushing ends in time.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/", listener.local_addr().unwrap());
    let (dispatch, mut guard) = dispatch(&options(Some(endpoint))).unwrap();
    dispatcher::with_default(&dispatch, || {
        tracing::info_span!("lost").in_scope(|| assert!(current_trace_id().is_some()));
    });
    let started = Instant::now();
    guard.flush_within(Duration::from_millis(100));
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn a_trace_id_exists_only_within_a_span() {
    // 32 hexadecimal digits, the same in inner spans; none outside and none without export.
    let (with, _guard) = dispatch(&options(Some("http://127.0.0.1:1".to_owned()))).unwrap();
    dispatcher::with_default(&with, || {
        assert_eq!(current_trace_id(), None);
        let outer = tracing::info_span!("outer").entered();
        let id = current_trace_id().unwrap();
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        let inner = tracing::info_span!("inner").entered();
        assert_eq!(current_trace_id(), Some(id));
        drop(inner);
        drop(outer);
    });
    let (without, _guard) = dispatch(&options(None)).unwrap();
    dispatcher::with_default(&without, || {
        let _span = tracing::info_span!("outer").entered();
        assert_eq!(current_trace_id(), None);
    });
}

#[test]
fn senseless_options_are_refused() {
    // Neither a filter with a typing error nor an endpoint that is no URL is taken.
    let mut bad = options(None);
    bad.filter = "lockstep=loud".to_owned();
    assert!(matches!(dispatch(&bad), Err(TelemetryError::Filter(_))));
    let bad = options(Some("not a url".to_owned()));
    assert!(matches!(dispatch(&bad), Err(TelemetryError::Exporter(_))));
}
