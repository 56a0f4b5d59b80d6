//! Whole cycles of a process as a collector gets them: one trace a cycle, its stages, its requests.
//!
//! The spans are decoded with OpenTelemetry's own definitions. A tap between the process and the
//! stand-ins notes what was really sent. Absent: the form of a single attempt (`otlp`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use lockstep::sim::seed::{self, SeedSpec};
use lockstep::sim::server::SimServer;
use lockstep::sim::world::{Organization, OrganizationSpec, SimClock, World};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;
use serde_json::Value;

use crate::otlp::{Request, serve, text};
use crate::process::{put, run};

/// Stages of every cycle that reads, whatever it finds.
const ALWAYS: [&str; 6] =
    ["cycle.pull", "cycle.normalise", "cycle.match", "cycle.decide", "cycle.plan", "cycle.guard"];
/// Stages of a cycle that writes.
const WRITING: [&str; 3] = ["cycle.apply", "cycle.fold", "cycle.commit"];
/// Fields that hold what people wrote, on either side.
const PERSONAL: [&str; 20] = [
    "subject",
    "description",
    "location",
    "firstname",
    "lastname",
    "fullname",
    "emailaddress1",
    "telephone1",
    "mobilephone",
    "jobtitle",
    "address1_line1",
    "title",
    "content",
    "displayName",
    "givenName",
    "surname",
    "address",
    "emailAddress",
    "bodyPreview",
    "mobilePhone",
];

/// What one run of `sync --once` left behind.
struct Observed {
    /// The exports as they came.
    bodies: Vec<Vec<u8>>,
    /// Every byte sent to the stand-ins, by connection.
    sent: Vec<Vec<u8>>,
    /// Texts that belong to people.
    personal: BTreeSet<String>,
    /// The ids of the mailbox records.
    mailboxes: BTreeSet<String>,
    /// How many cycles the process says it ran.
    cycles: u64,
}

/// Forwards connections to a port of this machine and passes on what clients sent.
fn tap(port: u16, listener: TcpListener) -> Receiver<(usize, Vec<u8>)> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for (number, client) in listener.incoming().map_while(Result::ok).enumerate() {
            let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let (mut from, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut back);
                let _ = back.shutdown(Shutdown::Write);
            });
            let sender = sender.clone();
            std::thread::spawn(move || forward(client, server, number, &sender));
        }
    });
    receiver
}

/// Notes every piece before the server sees it: an answer proves that its request was noted.
fn forward(
    mut client: TcpStream,
    mut server: TcpStream,
    number: usize,
    notes: &Sender<(usize, Vec<u8>)>,
) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = client.read(&mut piece) {
        let _ = notes.send((number, piece[..length].to_vec()));
        if server.write_all(&piece[..length]).is_err() {
            return;
        }
    }
    let _ = server.shutdown(Shutdown::Write);
}

fn observe() -> Observed {
    let clock = SimClock::real();
    let spec = SeedSpec::new("contoso", 3, 11, clock.now());
    let bound = SimServer::bind(None).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let people = seed::organization(&spec);
    let specs = vec![OrganizationSpec::new("contoso", people, spec.seed)];
    let world = Arc::new(World::new(&url, specs, clock.as_fn()));
    seed::fill(&world.organizations[0], &spec).unwrap();
    let notes = tap(bound.port, listener);
    let _server = bound.serve(world.clone()).unwrap();
    let organization = &world.organizations[0];
    let mut personal = texts_of(organization);

    let (collector, exported) = serve(200);
    let directory = tempfile::tempdir().unwrap();
    let (root, secrets) = (directory.path(), directory.path().join("secrets"));
    let node = format!("state.url = \"memory:\"\n[telemetry]\notlp_endpoint = \"{collector}\"\n");
    put(root, "lockstep.toml", &node);
    for (name, value) in organization.secrets() {
        put(&secrets, &name, &value);
    }
    put(root, "tenants/contoso.toml", &organization.tenant_toml_with_files(&secrets));
    let config = root.to_str().unwrap();
    let ended = run(&["sync", "--once", "--format", "json", "--config", config]);
    assert_eq!(ended.code, Some(0), "{ended:?}");

    personal.extend(texts_of(organization));
    let mut sent = BTreeMap::<usize, Vec<u8>>::new();
    for (number, piece) in notes.try_iter() {
        sent.entry(number).or_default().extend(piece);
    }
    let answer = ended.json();
    let rows = answer["tenants"][0]["mailboxes"].as_array().unwrap().clone();
    Observed {
        bodies: exported.try_iter().map(|request: Request| request.body).collect(),
        sent: sent.into_values().collect(),
        personal,
        mailboxes: organization.people.iter().map(|it| it.mailbox_id.to_string()).collect(),
        cycles: rows.iter().map(|row| row["cycles"].as_u64().unwrap()).sum(),
    }
}

/// Returns what both sides hold of people's words, names and addresses.
fn texts_of(organization: &Organization) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for person in &organization.people {
        found.extend([&person.address, &person.given_name, &person.surname].map(String::clone));
    }
    for set in ["appointments", "contacts", "tasks", "phonecalls", "letters", "faxes"] {
        organization.dataverse().rows(set).iter().for_each(|row| collect("", row, &mut found));
    }
    for person in &organization.people {
        let graph = organization.graph();
        let items = [graph.events(&person.address), graph.contacts(&person.address)];
        let items = items.into_iter().flatten().chain(graph.tasks(&person.address));
        items.for_each(|item| collect("", &item, &mut found));
    }
    // Shorter ones, or such as could be a part of an id, would be found by chance.
    found.retain(|text| text.len() > 3 && !text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    found
}

fn collect(key: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if PERSONAL.contains(&key) => {
            found.extend(text.lines().map(|line| line.trim().to_owned()));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(key, value, found)),
        Value::Object(fields) => fields.iter().for_each(|(key, it)| collect(key, it, found)),
        _ => {}
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Decodes all exports; every one names the service.
fn decode(bodies: &[Vec<u8>]) -> Vec<Span> {
    let mut spans = Vec::new();
    for body in bodies {
        let export = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
        for one in export.resource_spans {
            assert_eq!(text(&one.resource.unwrap().attributes, "service.name"), "lockstep");
            spans.extend(one.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    spans
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_root(span: &Span) -> bool {
    span.parent_span_id.iter().all(|byte| *byte == 0)
}

fn is_client(span: &Span) -> bool {
    span.kind == SpanKind::Client as i32
}

/// Returns the names from a span's parent up to the root of its trace.
fn ancestors(span: &Span, trace: &[Span]) -> Vec<String> {
    let by_id: HashMap<&[u8], &Span> = trace.iter().map(|it| (&*it.span_id, it)).collect();
    let (mut at, mut names) = (span, Vec::new());
    while !is_root(at) {
        at = by_id.get(&*at.parent_span_id).unwrap_or_else(|| panic!("an orphan: {at:?}"));
        names.push(at.name.clone());
        assert!(names.len() < 10, "{names:?}");
    }
    names
}

/// One root, the stages right below it, every request below a stage.
fn assert_cycle(trace: &[Span]) {
    let roots: Vec<&Span> = trace.iter().filter(|span| is_root(span)).collect();
    assert_eq!(roots.len(), 1, "{roots:?}");
    assert_eq!(roots[0].name, "cycle");
    assert_eq!(text(&roots[0].attributes, "lockstep.tenant"), "contoso");
    let stages: Vec<&Span> = trace.iter().filter(|span| span.name.starts_with("cycle.")).collect();
    let names: BTreeSet<&str> = stages.iter().map(|span| span.name.as_str()).collect();
    assert!(stages.iter().all(|stage| stage.parent_span_id == roots[0].span_id), "{stages:?}");
    assert!(ALWAYS.iter().all(|stage| names.contains(stage)), "{names:?}");
    if names.contains("cycle.apply") {
        assert!(WRITING.iter().all(|stage| names.contains(stage)), "{names:?}");
    }
    for side in ["dynamics", "exchange"] {
        let reads = |span: &&&Span| {
            span.name == "cycle.pull" && text(&span.attributes, "lockstep.side") == side
        };
        assert_eq!(stages.iter().filter(reads).count(), 1, "{side}");
    }
    let clients: Vec<&Span> = trace.iter().filter(|span| is_client(span)).collect();
    assert!(!clients.is_empty());
    for client in &clients {
        let above = ancestors(client, trace);
        assert_eq!(above.last().map(String::as_str), Some("cycle"), "{above:?}");
        assert!(above[0].starts_with("cycle."), "{} is in no stage: {above:?}", client.name);
    }
    assert_eq!(trace.len(), 1 + stages.len() + clients.len(), "other spans than these");
}

/// An attempt says what was asked of whom, in the conventions' words.
fn assert_attempt(span: &Span) {
    let method = text(&span.attributes, "http.request.method");
    assert!(["GET", "POST", "PATCH", "PUT", "DELETE"].contains(&method.as_str()), "{method}");
    let template = text(&span.attributes, "url.template");
    assert_eq!(span.name, format!("{method} {template}"));
    assert_eq!(text(&span.attributes, "server.address"), "127.0.0.1");
    let status: u16 = text(&span.attributes, "http.response.status_code").parse().unwrap();
    assert!((200..600).contains(&status), "{status}");
}

/// Returns the `client-request-id` of every request, as trace ids are written.
fn request_ids(sent: &[Vec<u8>]) -> Vec<String> {
    let mut ids = Vec::new();
    for connection in sent {
        for line in String::from_utf8_lossy(connection).lines() {
            let Some((name, value)) = line.split_once(": ") else { continue };
            if name.eq_ignore_ascii_case("client-request-id") {
                let groups: Vec<usize> = value.trim().split('-').map(str::len).collect();
                assert_eq!(groups, [8, 4, 4, 4, 12], "not a guid: {value}");
                ids.push(value.trim().replace('-', ""));
            }
        }
    }
    ids.sort();
    ids
}

#[test]
fn each_cycle_of_a_process_is_one_trace_with_its_stages_and_requests() {
    // `sync --once` exports over OTLP: as many traces with the root `cycle` as cycles ran, every
    // stage below it, every request below a stage; what went over the wire bears the trace's id;
    // nothing that people wrote, no name and no address is in any byte of the exports.
    let seen = observe();
    let spans = decode(&seen.bodies);
    let mut traces = BTreeMap::<Vec<u8>, Vec<Span>>::new();
    for span in &spans {
        traces.entry(span.trace_id.clone()).or_default().push(span.clone());
    }
    let of_cycles = |trace: &&Vec<Span>| trace.iter().any(|span| span.name.starts_with("cycle"));
    let cycles: Vec<&Vec<Span>> = traces.values().filter(of_cycles).collect();
    assert_eq!(cycles.len() as u64, seen.cycles);
    cycles.iter().for_each(|trace| assert_cycle(trace));

    let roots = spans.iter().filter(|span| span.name == "cycle");
    let mailboxes: BTreeSet<String> =
        roots.map(|root| text(&root.attributes, "lockstep.mailbox")).collect();
    assert_eq!(mailboxes, seen.mailboxes);
    let names: BTreeSet<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    let missing: Vec<_> =
        ALWAYS.iter().chain(&WRITING).filter(|stage| !names.contains(*stage)).collect();
    assert!(missing.is_empty(), "{missing:?}");

    let clients: Vec<&Span> = spans.iter().filter(|span| is_client(span)).collect();
    clients.iter().for_each(|span| assert_attempt(span));
    let mut of_spans: Vec<String> = clients.iter().map(|span| hex(&span.trace_id)).collect();
    of_spans.sort();
    assert!(of_spans.len() > 20, "{}", of_spans.len());
    assert_eq!(request_ids(&seen.sent), of_spans);

    // That the texts are those that travel shows that the search would find them.
    let sent = seen.sent.concat();
    let travelled = seen.personal.iter().filter(|text| holds(&sent, text)).count();
    assert!(travelled > 50, "{travelled} of {}", seen.personal.len());
    let exports = seen.bodies.concat();
    let leaked: Vec<_> = seen.personal.iter().filter(|text| holds(&exports, text)).collect();
    assert!(leaked.is_empty(), "{leaked:?}");
}
