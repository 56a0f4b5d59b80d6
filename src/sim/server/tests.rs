//! Proofs of the server: each fault as a client sees it, control endpoints, start and stop.

mod notices;
mod orders;

use std::error::Error;

use chrono::{DateTime, TimeZone, Utc};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::sim::directory::Person;
use crate::sim::faults::{FarSide, FaultKind, FaultPlan, Scope};
use crate::sim::world::{Organization, OrganizationSpec, SimClock};

const ADDRESS: &str = "ada@contoso.test";
const FORM: &str = "application/x-www-form-urlencoded";

/// A served world of one organization, a client and a Graph token.
struct Rig {
    server: SimServer,
    world: Arc<World>,
    client: Client,
    token: String,
}

impl Rig {
    async fn start() -> Self {
        // Another test may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().build().unwrap();
        let bound = SimServer::bind(None).unwrap();
        let specs = vec![OrganizationSpec::new("contoso", vec![ada()], 1)];
        let world = Arc::new(World::new(&bound.url, specs, SimClock::fixed(start()).as_fn()));
        let server = bound.serve(Arc::clone(&world)).unwrap();
        let mut rig = Self { server, world, client, token: String::new() };
        let answer = rig.ask_token().await;
        rig.token = answer["access_token"].as_str().unwrap().to_owned();
        rig
    }

    async fn ask_token(&self) -> Value {
        let app = &self.organization().graph_app;
        let body = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={}",
            app.client_id, app.client_secret, "https://graph.microsoft.com/.default"
        );
        let url = format!("{}/oauth2/v2.0/token", self.organization().graph_url());
        let request = self.client.post(url).header("Content-Type", FORM).body(body);
        json_of(request).await.1
    }

    fn organization(&self) -> &Organization {
        &self.world.organizations[0]
    }

    fn graph(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/v1.0{path}", self.organization().graph_url());
        self.client.request(method, url).bearer_auth(&self.token)
    }

    fn list(&self) -> RequestBuilder {
        self.graph(Method::GET, &format!("/users/{ADDRESS}/events"))
    }

    fn create(&self) -> RequestBuilder {
        let body = json!({
            "subject": "Planning",
            "start": { "dateTime": "2026-03-03T09:00:00", "timeZone": "UTC" },
            "end": { "dateTime": "2026-03-03T10:00:00", "timeZone": "UTC" },
        });
        self.graph(Method::POST, &format!("/users/{ADDRESS}/events"))
            .header("Content-Type", "application/json")
            .body(body.to_string())
    }

    fn events(&self) -> usize {
        self.organization().graph().events(ADDRESS).len()
    }

    fn next(&self, scope: Scope, kind: FaultKind) {
        self.organization().faults().next(scope, kind);
    }

    fn control(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/_sim{path}", self.server.url()))
    }
}

fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 8, 0, 0).unwrap()
}

fn ada() -> Person {
    Person {
        user_id: Uuid::from_u128(1),
        object_id: Uuid::from_u128(2),
        mailbox_id: Uuid::from_u128(3),
        address: ADDRESS.into(),
        given_name: "Ada".into(),
        surname: "Example".into(),
        time_zone: "Europe/Berlin".into(),
    }
}

async fn json_of(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
}

async fn status_of(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

fn is_reset(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(current) = cause {
        let io = current.downcast_ref::<io::Error>();
        if io.is_some_and(|io| io.kind() == io::ErrorKind::ConnectionReset) {
            return true;
        }
        cause = current.source();
    }
    false
}

#[tokio::test]
async fn answers_pass_through_and_the_prefix_is_cut_off() {
    // Without faults the client sees the stand-in's own answers.
    let rig = Rig::start().await;
    assert_eq!(status_of(rig.create()).await, 201);
    let (status, page) = json_of(rig.list()).await;
    assert_eq!(status, 200);
    assert_eq!(page["value"].as_array().unwrap().len(), 1);
    assert_eq!(page["value"][0]["subject"], "Planning");
    let without_token = rig.client.get(format!("{}/v1.0/users", rig.organization().graph_url()));
    assert_eq!(status_of(without_token).await, 401);
    rig.server.stop();
}

#[test]
fn targets_headers_and_bodies_arrive_as_sent() {
    // Nothing is decoded, not even `%20`; a long query (protocols B6) keeps its length.
    let filter = format!("/x/dataverse/api?$filter=id%20eq%20'a'&$top=5&l={}", "y".repeat(40_000));
    let http = actix_web::test::TestRequest::post()
        .uri(&filter)
        .insert_header(("Prefer", "odata.maxpagesize=2"))
        .to_http_request();
    let request = request_of(&http, &Bytes::from_static(b"\x00\xff"));
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, filter);
    assert_eq!(request.header("prefer"), Some("odata.maxpagesize=2"));
    assert_eq!(request.body, b"\x00\xff");
}

#[tokio::test]
async fn unknown_organization_is_404() {
    // A wrong prefix is no organization, and no stand-in counts the request.
    let rig = Rig::start().await;
    let before = rig.organization().graph().request_count();
    let url = format!("{}/nobody/graph/v1.0/users", rig.server.url());
    assert_eq!(status_of(rig.client.get(url)).await, 404);
    assert_eq!(status_of(rig.client.get(format!("{}/", rig.server.url()))).await, 404);
    assert_eq!(rig.organization().graph().request_count(), before);
}

#[tokio::test]
async fn reset_before_leaves_the_state_unchanged() {
    // The client sees a reset, and nothing was executed.
    let rig = Rig::start().await;
    rig.next(Scope::Writes, FaultKind::ResetBefore);
    let error = rig.create().send().await.unwrap_err();
    assert!(is_reset(&error), "{error:?}");
    assert_eq!(rig.events(), 0);
    assert_eq!(rig.organization().faults().injected_of("reset_before"), 1);
    assert_eq!(status_of(rig.create()).await, 201);
}

#[tokio::test]
async fn reset_after_commit_changed_the_state_once() {
    // The client sees the same as before, but the write happened.
    let rig = Rig::start().await;
    rig.next(Scope::Writes, FaultKind::ResetAfterCommit);
    let error = rig.create().send().await.unwrap_err();
    assert!(is_reset(&error), "{error:?}");
    assert_eq!(rig.events(), 1);
    assert_eq!(rig.organization().faults().injected_of("reset_after_commit"), 1);
}

#[tokio::test]
async fn a_truncated_body_is_an_error_at_the_client() {
    // The head arrives and announces the whole body; reading it fails.
    let rig = Rig::start().await;
    rig.next(Scope::Reads, FaultKind::TruncateBody);
    let mut response = rig.list().send().await.unwrap();
    assert_eq!(response.status(), 200);
    let announced = response.content_length().unwrap() as usize;
    let mut read = 0;
    let error = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => read += chunk.len(),
            Ok(None) => panic!("the body ended as if it were whole"),
            Err(error) => break error,
        }
    };
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    assert_eq!(read, announced / 2);
}

#[tokio::test]
async fn malformed_json_has_the_announced_length_and_does_not_parse() {
    // Only a parser can tell that something is missing; the request was executed.
    let rig = Rig::start().await;
    rig.next(Scope::Writes, FaultKind::MalformedJson);
    let response = rig.create().send().await.unwrap();
    let announced = response.content_length().unwrap();
    let body = response.bytes().await.unwrap();
    assert_eq!(body.len() as u64, announced);
    assert!(serde_json::from_slice::<Value>(&body).is_err());
    assert_eq!(rig.events(), 1);
}

#[tokio::test]
async fn a_huge_body_can_be_cut_off_by_the_client() {
    // A client that stops reading is free again at once, and the server goes on.
    let rig = Rig::start().await;
    rig.next(Scope::Reads, FaultKind::HugeBody(1 << 40));
    let mut response = rig.list().send().await.unwrap();
    assert_eq!(response.content_length(), None);
    let mut read = 0;
    while read < 1_000_000 {
        read += response.chunk().await.unwrap().unwrap().len();
    }
    drop(response);
    assert_eq!(status_of(rig.list()).await, 200);
}

#[tokio::test]
async fn a_huge_body_has_exactly_its_size() {
    // Read to its end it is one JSON string, so that no parser takes it for an empty page.
    let rig = Rig::start().await;
    for size in [64 * 1024, 200_000] {
        rig.next(Scope::Reads, FaultKind::HugeBody(size));
        let body = rig.list().send().await.unwrap().bytes().await.unwrap();
        assert_eq!(body.len() as u64, size);
        let value: Value = serde_json::from_slice(&body).unwrap();
        assert!(value["value"].is_string());
    }
}

#[tokio::test]
async fn refusals_and_throttles_arrive_with_their_heads() {
    // Status and `Retry-After` are the plan's; the request is not executed.
    let rig = Rig::start().await;
    rig.next(Scope::Writes, FaultKind::Throttle { status: 429, retry_after_s: 9 });
    rig.next(Scope::Writes, FaultKind::Refuse(503));
    let throttled = rig.create().send().await.unwrap();
    assert_eq!(throttled.status(), 429);
    assert_eq!(throttled.headers()["retry-after"], "9");
    assert_eq!(status_of(rig.create()).await, 503);
    assert_eq!(rig.events(), 0);
}

#[tokio::test]
async fn a_delay_makes_the_client_wait() {
    // The answer is the stand-in's own, only later.
    let rig = Rig::start().await;
    rig.next(Scope::Reads, FaultKind::Delay(60));
    let began = tokio::time::Instant::now();
    assert_eq!(status_of(rig.list()).await, 200);
    assert!(began.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn an_inner_request_can_be_throttled_inside_an_outer_200() {
    // Each inner request is judged alone (protocols A11).
    let rig = Rig::start().await;
    rig.next(Scope::Reads, FaultKind::InnerThrottle { nth: 1, retry_after_s: 7 });
    let inner =
        |id: &str| json!({ "id": id, "method": "GET", "url": format!("/users/{ADDRESS}/events") });
    let batch = rig
        .graph(Method::POST, "/$batch")
        .header("Content-Type", "application/json")
        .body(json!({ "requests": [inner("1"), inner("2")] }).to_string());
    let (status, answer) = json_of(batch).await;
    assert_eq!(status, 200);
    let responses = answer["responses"].as_array().unwrap();
    let of = |id: &str| responses.iter().find(|one| one["id"] == id).unwrap();
    assert_eq!(of("1")["status"], 200);
    assert_eq!(of("2")["status"], 429);
    assert_eq!(of("2")["headers"]["Retry-After"], "7");
}

#[tokio::test]
async fn endless_pages_never_end() {
    // Every page links to one more, under an address that was not seen before.
    let rig = Rig::start().await;
    rig.next(Scope::Reads, FaultKind::EndlessPages);
    let mut seen = std::collections::BTreeSet::new();
    let (_, mut page) = json_of(rig.list()).await;
    for _ in 0..5 {
        let link = page["@odata.nextLink"].as_str().unwrap().to_owned();
        assert!(link.starts_with(&rig.organization().graph_url()), "{link}");
        page = json_of(rig.client.get(&link).bearer_auth(&rig.token)).await.1;
        assert!(seen.insert(link));
    }
}

#[tokio::test]
async fn token_requests_have_their_own_side() {
    // A fault for the token endpoint leaves the API alone.
    let rig = Rig::start().await;
    rig.next(Scope::Side(FarSide::Token), FaultKind::Throttle { status: 429, retry_after_s: 1 });
    assert_eq!(status_of(rig.list()).await, 200);
    assert_eq!(rig.ask_token().await["error"], "temporarily_unavailable");
}

#[tokio::test]
async fn the_same_seed_gives_the_same_faults() {
    // Two servers with one seed refuse the same requests of a sequence.
    let mut runs = Vec::new();
    for seed in [5, 5, 6] {
        let rig = Rig::start().await;
        let plan = FaultPlan::new(seed).with(FaultKind::Refuse(500), 0.4, Scope::Reads);
        rig.organization().set_faults(plan);
        let mut run = Vec::new();
        for _ in 0..40 {
            run.push(status_of(rig.list()).await);
        }
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_by_its_announced_length() {
    // The server does not read what it would not take.
    let rig = Rig::start().await;
    let bound = rig.server.url().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&bound).await.unwrap();
    let head = format!("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", MAX_BODY + 1);
    tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn control_endpoints_show_and_move_the_world() {
    // Health, summary, clock and ledger are readable from another process.
    let rig = Rig::start().await;
    assert_eq!(status_of(rig.create()).await, 201);
    assert_eq!(json_of(rig.control(Method::GET, "/health")).await.1["status"], "ok");
    let (_, summary) = json_of(rig.control(Method::GET, "/summary")).await;
    let contoso = &summary["organizations"][0];
    assert_eq!(contoso["name"], "contoso");
    assert_eq!(contoso["mailboxes"][0]["address"], ADDRESS);
    assert_eq!(contoso["mailboxes"][0]["exchange"]["events"], 1);
    assert_eq!(contoso["graph"]["writes"], 1);
    let (_, moved) = json_of(rig.control(Method::POST, "/advance?seconds=90")).await;
    assert_eq!(moved["now"], json!(start() + chrono::Duration::seconds(90)));
    assert_eq!(status_of(rig.control(Method::POST, "/advance?seconds=x")).await, 400);
    let (_, ledger) = json_of(rig.control(Method::GET, "/ledger/contoso")).await;
    assert_eq!(ledger["mails"], json!([]));
    assert_eq!(status_of(rig.control(Method::GET, "/ledger/nobody")).await, 404);
    assert_eq!(status_of(rig.control(Method::GET, "/nothing")).await, 404);
}

#[tokio::test]
async fn control_endpoints_judge_both_worlds() {
    // A lone tracked event is a loss to the judge; an organization that is not there is a 404.
    let rig = Rig::start().await;
    let (_, found) = json_of(rig.control(Method::GET, "/compare/contoso")).await;
    assert_eq!((&found["clean"], &found["mailboxes"]), (&json!(true), &json!(1)), "{found}");
    let event = json!({
        "subject": "Planning 0001",
        "categories": [crate::sim::seed::TRACKED_CATEGORY],
        "start": { "dateTime": "2026-03-03T09:00:00", "timeZone": "UTC" },
        "end": { "dateTime": "2026-03-03T10:00:00", "timeZone": "UTC" },
    });
    rig.organization().graph().user_create_event(ADDRESS, &event, start()).unwrap();
    let (_, found) = json_of(rig.control(Method::GET, "/compare/contoso")).await;
    assert_eq!(found["clean"], false);
    assert_eq!(found["problems"][0]["what"], "MissingInDynamics", "{found}");
    assert_eq!(status_of(rig.control(Method::GET, "/compare/nobody")).await, 404);
}

#[tokio::test]
async fn control_endpoints_set_fault_plans() {
    // A plan is set, extended and read back; a wrong plan changes nothing.
    let rig = Rig::start().await;
    let post = |plan: Value| rig.control(Method::POST, "/faults").body(plan.to_string());
    let rule = json!({ "kind": { "refuse": 503 }, "share": 1.0, "scope": "reads", "times": 1 });
    let shot = json!({
        "kind": { "throttle": { "status": 429, "retry_after_s": 3 } },
        "scope": { "every": ["writes", { "side": "graph" }] },
    });
    assert_eq!(status_of(post(json!({ "seed": 4, "rules": [rule] }))).await, 200);
    let more = json!({ "organization": "contoso", "add": true, "next": [shot] });
    assert_eq!(json_of(post(more)).await.1["contoso"]["queued"], 1);
    for (wrong, status) in [
        (json!({ "rules": [{ "kind": "reset_before", "share": 1.5, "scope": "all" }] }), 400),
        (json!({ "next": [{ "kind": { "refuse": 200 }, "scope": "all" }] }), 400),
        (json!({ "rulez": [] }), 400),
        (json!({ "organization": "nobody" }), 404),
    ] {
        assert_eq!(status_of(post(wrong.clone())).await, status, "{wrong}");
    }
    assert_eq!(status_of(rig.list()).await, 503);
    assert_eq!(status_of(rig.list()).await, 200);
    assert_eq!(status_of(rig.create()).await, 429);
    let (_, plans) = json_of(rig.control(Method::GET, "/faults")).await;
    assert_eq!(plans["contoso"]["injected"], json!({ "refuse": 1, "throttle": 1 }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_lets_the_request_in_hand_finish_and_frees_the_port() {
    // The delayed answer still arrives; then nobody listens and the port can be bound again.
    let rig = Rig::start().await;
    rig.next(Scope::Reads, FaultKind::Delay(200));
    let request = tokio::spawn(rig.list().send());
    while rig.organization().in_flight() == 0 && !request.is_finished() {
        tokio::task::yield_now().await;
    }
    let url = rig.server.url().to_owned();
    let port = url.rsplit(':').next().unwrap().parse().unwrap();
    tokio::task::spawn_blocking(move || rig.server.stop()).await.unwrap();
    assert_eq!(request.await.unwrap().unwrap().status(), 200);
    let error = rig.client.get(format!("{url}/_sim/health")).send().await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    assert_eq!(SimServer::bind(Some(port)).unwrap().url, url);
}

#[test]
fn the_server_runs_beside_an_actix_system() {
    // Its own System lives in its own thread, so another one in the caller's thread is no matter.
    actix_web::rt::System::new().block_on(async {
        let rig = Rig::start().await;
        assert_eq!(status_of(rig.list()).await, 200);
        rig.server.stop();
    });
}
