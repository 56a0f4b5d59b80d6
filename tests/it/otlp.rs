//! What a collector gets: the spans of HTTP attempts, decoded from the bytes on the wire.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use lockstep::http::{Call, HttpClient, HttpOptions, Method};
use lockstep::telemetry::{self, TelemetryOptions};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tracing::dispatcher;

pub(crate) struct Request {
    line: String,
    headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// Starts a server that answers every request with `status` and passes it on.
pub(crate) fn serve(status: u16) -> (String, mpsc::Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            if sender.send(answer(stream, status)).is_err() {
                return;
            }
        }
    });
    (url, receiver)
}

fn answer(mut stream: TcpStream, status: u16) -> Request {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let mut headers = HashMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    write!(stream, "HTTP/1.1 {status} Test\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        .unwrap();
    Request { line, headers, body }
}

pub(crate) fn text(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|found| found.value.clone()).and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{key}: {other:?}"),
    }
}

fn send(url: &str) {
    let options = HttpOptions {
        connect_timeout: Duration::from_secs(5),
        total_timeout: Duration::from_secs(5),
        user_agent: "lockstep-test".to_owned(),
    };
    let call = Call {
        method: Method::Get,
        url: format!("{url}/users/ada@contoso.example/events?$top=1"),
        route: "/users/{id}/events",
        headers: Vec::new(),
        body: None,
        content_type: None,
        max_body: 1_000,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reply = runtime.block_on(HttpClient::new(options).unwrap().send(call)).unwrap();
    assert_eq!(reply.status, 404);
}

#[test]
fn an_attempt_arrives_at_the_collector_as_a_client_span() {
    // Name, kind, attributes, status, parent and resource follow the conventions; the far side
    // got the trace's id; the address in the URL appears nowhere.
    let (far_side, asked) = serve(404);
    let (collector, exported) = serve(200);
    let options = TelemetryOptions {
        otlp_endpoint: Some(collector),
        json: false,
        service_instance: "node-1".to_owned(),
        filter: "off".to_owned(),
    };
    let (dispatch, guard) = telemetry::dispatch(&options).unwrap();
    let trace_id = dispatcher::with_default(&dispatch, || {
        let _cycle = tracing::info_span!(target: "lockstep", "cycle").entered();
        send(&far_side);
        telemetry::current_trace_id().unwrap()
    });
    guard.shutdown();

    let request = exported.recv_timeout(Duration::from_secs(5)).unwrap();
    assert!(request.line.starts_with("POST /v1/traces "), "{}", request.line);
    assert_eq!(request.headers["content-type"], "application/x-protobuf");
    let export = ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap();
    let resource = export.resource_spans[0].resource.clone().unwrap().attributes;
    assert_eq!(text(&resource, "service.name"), "lockstep");
    assert_eq!(text(&resource, "service.instance.id"), "node-1");
    let spans: Vec<Span> =
        export.resource_spans[0].scope_spans.iter().flat_map(|scope| scope.spans.clone()).collect();
    let span = spans.iter().find(|span| span.name == "GET /users/{id}/events").unwrap();
    let cycle = spans.iter().find(|span| span.name == "cycle").unwrap();
    assert_eq!(span.kind, 3, "client");
    assert_eq!((&span.trace_id, &span.parent_span_id), (&cycle.trace_id, &cycle.span_id));
    let port = far_side.rsplit(':').next().unwrap();
    for (key, value) in [
        ("http.request.method", "GET"),
        ("server.address", "127.0.0.1"),
        ("server.port", port),
        ("url.template", "/users/{id}/events"),
        ("http.response.status_code", "404"),
        ("error.type", "404"),
    ] {
        assert_eq!(text(&span.attributes, key), value, "{key}");
    }
    assert_eq!(span.status.clone().unwrap().code, 2, "error");
    assert!(!format!("{export:?}").contains("contoso"));

    let asked = asked.recv_timeout(Duration::from_secs(5)).unwrap();
    let id: String = asked.headers["client-request-id"].replace('-', "");
    assert_eq!(id, trace_id);
}
