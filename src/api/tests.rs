//! Tests of the private surface: requests against a board that was filled by hand.

use std::sync::{Arc, RwLock};

use actix::Actor;
use actix_web::HttpMessage;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HOST, HeaderValue};
use actix_web::test::{self, TestRequest};
use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::sync::{Semaphore, broadcast};

use super::*;
use crate::actors::messages::TenantsRead;
use crate::actors::node::TenantEntry;
use crate::actors::phase::{Pace, Phase};
use crate::actors::runtime::RuntimeParts;
use crate::cycle::tests::fakes::{World, mailbox};
use crate::cycle::{CycleReport, Line, TenantOptions};
use crate::domain::code::Code;
use crate::domain::field::Group;
use crate::domain::ids::{CycleId, LinkId, NativeId, TenantId};
use crate::domain::kind::Kind;
use crate::domain::mailbox::MailboxSource;
use crate::domain::plan::{Decision, MailClass, Verb};
use crate::domain::policy::Limits;
use crate::domain::side::{PerSide, Side};
use crate::engine::catalogue as rule;
use crate::memory::MemoryStore;
use crate::ports::error::SideError;
use crate::ports::organization::{Organization, Profile};

/// An organization that is never asked in time.
struct Silent;

#[async_trait::async_trait]
impl Organization for Silent {
    async fn profile(&self) -> Result<Profile, SideError> {
        std::future::pending().await
    }
}

fn id(number: u128) -> Uuid {
    mailbox(number).key.mailbox
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn runtime(name: &str, ownership: &Arc<Ownership>) -> Arc<TenantRuntime> {
    let world = World::new();
    Arc::new(TenantRuntime::new(RuntimeParts {
        key: None,
        options: TenantOptions {
            tenant: TenantId::new(name),
            source: MailboxSource::Dataverse,
            takeover: false,
            policy: Arc::new(|_| crate::domain::policy::Choices::default()),
            directions: crate::domain::policy::Directions::default(),
            limits: Limits::default(),
            window_back: chrono::Duration::days(30),
            window_ahead: chrono::Duration::days(365),
        },
        deps: world.deps(),
        organization: Arc::new(Silent),
        sightings: Arc::new(MemoryStore::new(world.clock.clone())),
        io: tokio::runtime::Handle::current(),
        permits: Arc::new(Semaphore::new(8)),
        share: Arc::new(Semaphore::new(4)),
        reports: broadcast::channel(4).0,
        ownership: ownership.clone(),
        pace: Pace {
            sweep: std::time::Duration::from_secs(900),
            settle: std::time::Duration::from_secs(5),
            backoff: std::time::Duration::from_secs(5),
            backoff_max: std::time::Duration::from_secs(600),
            park_after: 10,
        },
    }))
}

/// One mailbox in each of four places: idle with a decision, halted, excluded, parked.
fn fill(runtime: &TenantRuntime) {
    let board = &runtime.board;
    let row = |number, reasons| (id(number), Some(mailbox(number).address), reasons);
    board.roster(vec![
        row(1, Vec::new()),
        row(2, Vec::new()),
        row(3, vec![(rule::ELIG_04, Code::QueueMailbox)]),
        row(4, Vec::new()),
    ]);
    board.profile(at(), None);
    board.phase(id(2), Phase::Halted(Code::DeleteBudget));
    board.phase(id(4), Phase::Parked(Code::MailboxUnreachable));
    let decision = Decision {
        rules: vec![rule::FILT_02, rule::APPT_OUT_01],
        verb: Verb::Create(Side::Exchange),
        groups: vec![Group::Subject],
        code: None,
    };
    board.report(&CycleReport {
        mailbox: mailbox(1).key,
        cycle: CycleId(Uuid::from_u128(9)),
        trace: Some("0af7651916cd43dd8448eb211c80319c".to_owned()),
        started: at(),
        finished: at(),
        lines: vec![Line {
            link: LinkId(Uuid::from_u128(77)),
            kind: Kind::Appointment,
            native: PerSide {
                dynamics: Some(NativeId::new(Uuid::from_u128(77).to_string())),
                exchange: Some(NativeId::new("AAMk-1")),
            },
            decision,
            mail: MailClass::Mails(3),
            failed: Some(Code::WriteRefused),
        }],
        done: PerSide { dynamics: 0, exchange: 1 },
        unsettled: 2,
        soon: false,
        parked: 1,
        left_alone: 0,
    });
}

/// Runs a test on an actix system, as the node and its handlers need one.
fn on_system(test: impl Future<Output = ()>) {
    actix_rt::System::new().block_on(test);
}

struct Node {
    state: ApiState,
}

impl Node {
    /// A node with one filled tenant that owns its mailboxes.
    async fn new() -> Self {
        let node = Self::empty();
        assert!(node.state.ownership.hold().await.unwrap());
        node.run(&["contoso"]).await;
        fill(&node.state.list()[0]);
        node
    }

    fn empty() -> Self {
        let store = Arc::new(MemoryStore::new(World::new().clock));
        let tenants: Tenants = Arc::new(RwLock::new(Vec::new()));
        let state = ApiState {
            node: NodeActor::new(tenants.clone()).start(),
            tenants,
            metrics: Metrics::new(),
            ownership: Arc::new(Ownership::new(store, "node")),
            problems: FileProblems::default(),
        };
        Self { state }
    }

    async fn run(&self, names: &[&'static str]) {
        let entry = |name: &&'static str| {
            let (name, ownership) = (*name, self.state.ownership.clone());
            let build = Arc::new(move || runtime(name, &ownership));
            TenantEntry { tenant: TenantId::new(name), digest: 1, build }
        };
        let tenants = names.iter().map(entry).collect();
        self.state.node.send(TenantsRead { tenants, broken: Vec::new() }).await.unwrap();
    }

    async fn call(&self, request: TestRequest) -> (StatusCode, String, String) {
        let app = App::new()
            .app_data(web::Data::new(self.state.clone()))
            .app_data(web::Data::new(hosts::Hosts::new([127, 0, 0, 1].into(), &[])))
            .wrap(from_fn(hosts::only_known))
            .configure(routes);
        let app = test::init_service(app).await;
        let mut request = request.to_request();
        let local = HeaderValue::from_static("127.0.0.1:8080");
        if !request.headers().contains_key(HOST) {
            request.headers_mut().insert(HOST, local);
        }
        let response: ServiceResponse<_> = app.call(request).await.unwrap();
        let status = response.status();
        let kind = response.headers().get(CONTENT_TYPE);
        let kind = kind.map(|it| it.to_str().unwrap().to_owned()).unwrap_or_default();
        let body = response.into_body().try_into_bytes();
        let body = body.map_err(|_| "a body that streams").unwrap();
        (status, kind, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn get(&self, path: &str) -> (StatusCode, String, String) {
        self.call(TestRequest::get().uri(path)).await
    }

    async fn json(&self, path: &str) -> Value {
        let (status, kind, body) = self.get(path).await;
        assert_eq!((status, kind.as_str()), (StatusCode::OK, "application/json"), "{path}");
        serde_json::from_str(&body).unwrap()
    }

    async fn post(&self, path: &str) -> StatusCode {
        let request = TestRequest::post().uri(path).insert_header((COMMAND_HEADER, "1"));
        self.call(request).await.0
    }
}

#[test]
fn healthz_depends_on_nothing() {
    // A node that owns nothing and runs nothing is alive.
    on_system(async {
        let (status, _, body) = Node::empty().get("/healthz").await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "ok\n"));
    });
}

#[test]
fn a_foreign_host_name_is_misdirected() {
    // A page that points its own name at this machine gets no answer and gives no command.
    on_system(async {
        let node = Node::new().await;
        for path in ["/", "/api/v1/tenants", "/metrics", "/nothing"] {
            let request = TestRequest::get().uri(path).insert_header((HOST, "evil.example:8080"));
            let (status, _, body) = node.call(request).await;
            assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "{path}");
            assert!(body.contains("node.host_names"), "{body}");
        }
        let release = format!("/api/v1/tenants/contoso/mailboxes/{}/release", id(2));
        let request = TestRequest::post().uri(&release).insert_header((COMMAND_HEADER, "1"));
        let request = request.insert_header((HOST, "evil.example"));
        assert_eq!(node.call(request).await.0, StatusCode::MISDIRECTED_REQUEST);
    });
}

#[test]
fn readyz_waits_for_ownership_and_every_tenant() {
    // Not owning, then a tenant that was never read, then one that failed: that is an answer, too.
    on_system(async {
        let node = Node::empty();
        node.run(&["contoso"]).await;
        let (status, _, body) = node.get("/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("another node"), "{body}");
        node.state.ownership.hold().await.unwrap();
        let (status, _, body) = node.get("/readyz").await;
        assert_eq!(
            (status, body.as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, "not read yet: contoso\n")
        );
        let trouble = (Code::FarSideUnreachable, "no route".to_owned());
        node.state.list()[0].board.profile(at(), Some(trouble));
        assert_eq!(node.get("/readyz").await.0, StatusCode::OK);
        node.state.ownership.release().await;
        assert_eq!(node.get("/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    });
}

#[test]
fn metrics_are_openmetrics() {
    // The content type names the format, the text ends as it must, and no mailbox is a label.
    on_system(async {
        let node = Node::new().await;
        let (status, kind, body) = node.get("/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
        assert!(body.ends_with("# EOF\n"));
        for phase in ["idle", "halted", "excluded", "parked"] {
            let line = body.lines().find(|line| {
                line.starts_with("lockstep_mailboxes{")
                    && line.contains(&format!("phase=\"{phase}\""))
            });
            assert!(line.is_some_and(|line| line.ends_with(" 1")), "{phase}: {body}");
        }
        assert!(!body.contains(&id(1).to_string()) && !body.contains('@'));
    });
}

#[test]
fn err_04_alerts_are_listed_and_counted_by_level() {
    // The gravest first, with what would mend them and no address; the gauges say the same.
    on_system(async {
        let node = Node::new().await;
        let all = node.json("/api/v1/tenants/contoso/alerts").await;
        let of = |alert: &Value| {
            ["level", "scope", "code"].map(|name| alert[name].as_str().unwrap().to_owned())
        };
        let list: Vec<_> = all["alerts"].as_array().unwrap().iter().map(of).collect();
        assert_eq!(
            list,
            [
                ["error", "mailbox", "delete-budget"],
                ["error", "mailbox", "mailbox-unreachable"],
                ["warning", "items", "item-parked"],
                ["information", "mailbox", "queue-mailbox"],
            ]
        );
        assert_eq!(all["alerts"][1]["mailbox"], id(4).to_string());
        assert_eq!(all["alerts"][1]["microsoft"], "Http server returned 403 Forbidden");
        assert!(all["alerts"][0]["change"].as_str().unwrap().ends_with('.'));
        let errors = node.json("/api/v1/tenants/contoso/alerts?level=information").await;
        assert_eq!((&errors["count"], errors["alerts"].as_array().unwrap().len()), (&1.into(), 1));
        let (.., body) = node.get("/metrics").await;
        for (scope, level, count) in
            [("mailbox", "error", 2), ("mailbox", "information", 1), ("tenant", "error", 0)]
        {
            let line = body.lines().find(|line| {
                line.starts_with("lockstep_alerts{")
                    && line.contains(&format!("scope=\"{scope}\""))
                    && line.contains(&format!("level=\"{level}\""))
            });
            assert!(
                line.is_some_and(|line| line.ends_with(&format!(" {count}"))),
                "{scope} {level}"
            );
        }
        assert!(!all.to_string().contains('@'));
        let (status, ..) = node.get("/api/v1/tenants/nobody/alerts").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn tenants_are_listed_with_their_counts() {
    // Phases are counted, excluded mailboxes apart; an unknown tenant is a 404 with a sentence.
    on_system(async {
        let node = Node::new().await;
        let list = node.json("/api/v1/tenants").await;
        let tenant = &list["tenants"][0];
        assert_eq!(tenant["tenant"], "contoso");
        assert_eq!(tenant["mailboxes"], 4);
        let phases = &tenant["phases"];
        let counts = ["idle", "running", "backoff", "parked", "halted", "excluded"]
            .map(|name| phases[name].as_u64().unwrap());
        assert_eq!(counts, [1, 0, 0, 1, 1, 1]);
        assert_eq!(
            (&tenant["unsettled"], &tenant["parkedItems"]),
            (&Value::from(2), &Value::from(1))
        );
        assert_eq!(&node.json("/api/v1/tenants/contoso").await, tenant);
        for path in ["", "/mailboxes", "/mailboxes/00000000-0000-0000-0000-000000000001"] {
            let (status, _, body) = node.get(&format!("/api/v1/tenants/fabrikam{path}")).await;
            assert_eq!(status, StatusCode::NOT_FOUND);
            assert!(body.contains("no tenant fabrikam"), "{body}");
        }
    });
}

#[test]
fn a_broken_tenant_file_is_told_with_its_remedy() {
    // It stands beside the tenants, on the first page and at a node that is ready all the same.
    on_system(async {
        let node = Node::new().await;
        let bad = "tenant = \"northwind\"\nsweep = 1\n";
        let env = config::Environment::new([]);
        let (_, found) = config::check_tenant(bad, "tenants/northwind.toml".as_ref(), &env);
        let first = found[0].clone();
        *node.state.problems.write().unwrap() = found;
        let list = node.json("/api/v1/tenants").await;
        assert_eq!(list["tenants"][0]["tenant"], "contoso");
        assert_eq!(list["problems"][0]["remedy"], first.remedy);
        assert_eq!(list["problems"][0]["line"], first.line);
        assert_eq!(list["warnings"], serde_json::json!([]));
        for path in ["/", "/readyz"] {
            let (status, _, body) = node.get(path).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert!(body.contains("northwind.toml:"), "{path}: {body}");
        }
    });
}

#[test]
fn items_that_wait_stay_counted_when_a_cycle_fails() {
    // A failed cycle looked at nothing, so it changes no count of items.
    on_system(async {
        let node = Node::new().await;
        node.state.list()[0].board.ended(id(1), at(), Code::FarSideUnreachable);
        let tenant = node.json("/api/v1/tenants/contoso").await;
        assert_eq!((&tenant["unsettled"], &tenant["parkedItems"]), (&2.into(), &1.into()));
    });
}

#[test]
fn mailboxes_are_paged_and_filtered() {
    // In the order of their ids, a piece at a time, or only those of a phase.
    on_system(async {
        let node = Node::new().await;
        let ids = async |query: &str| {
            let list = node.json(&format!("/api/v1/tenants/contoso/mailboxes{query}")).await;
            let list = list["mailboxes"].as_array().unwrap().clone();
            let ids: Vec<String> =
                list.iter().map(|it| it["mailbox"].as_str().unwrap().to_owned()).collect();
            ids
        };
        let all: Vec<String> = (1..=4).map(|number| id(number).to_string()).collect();
        assert_eq!(ids("").await, all);
        assert_eq!(ids("?top=2").await, all[..2]);
        assert_eq!(ids("?skip=2&top=2").await, all[2..]);
        assert_eq!(ids("?skip=3&top=9999999").await, all[3..]);
        assert_eq!(ids("?skip=4").await, Vec::<String>::new());
        assert_eq!(ids("?phase=halted").await, all[1..2]);
        assert_eq!(ids("?phase=excluded").await, all[2..3]);
        assert_eq!(ids("?phase=nonsense").await, Vec::<String>::new());
        let (status, _, _) = node.get("/api/v1/tenants/contoso/mailboxes?top=many").await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    });
}

#[test]
fn no_list_is_longer_than_a_page() {
    // Whatever is asked for, one answer holds at most five hundred mailboxes.
    on_system(async {
        let node = Node::new().await;
        let rows = (1..=1_200).map(|number| (id(number), None, Vec::new())).collect();
        node.state.list()[0].board.roster(rows);
        let count = async |query: &str| {
            let list = node.json(&format!("/api/v1/tenants/contoso/mailboxes{query}")).await;
            list["mailboxes"].as_array().unwrap().len()
        };
        assert_eq!(count("").await, 500);
        assert_eq!(count("?top=5000").await, 500);
        assert_eq!(count("?skip=1000").await, 200);
        let (_, _, page) = node.get("/tenants/contoso").await;
        // Decisions link to their items below the mailbox.
        let links = page.matches("/tenants/contoso/mailboxes/").count();
        assert_eq!(links - page.matches("/items/").count(), 500);
    });
}

#[test]
fn a_mailbox_explains_its_last_decisions() {
    // Promise 4: rules, verb, groups, mails and what failed; ids and nothing else.
    on_system(async {
        let node = Node::new().await;
        let path = format!("/api/v1/tenants/contoso/mailboxes/{}", id(1));
        let mailbox = node.json(&path).await;
        assert_eq!(mailbox["phase"], "idle");
        assert_eq!(mailbox["lastCycle"]["written"]["exchange"], 1);
        assert_eq!(mailbox["lastCycle"]["trace"], "0af7651916cd43dd8448eb211c80319c");
        let decision = &mailbox["decisions"][0];
        assert_eq!(decision["rules"], serde_json::json!(["FILT-02", "APPT-OUT-01"]));
        assert_eq!(decision["verb"], "create in exchange");
        assert_eq!(decision["groups"], serde_json::json!(["subject"]));
        assert_eq!((&decision["mails"], &decision["failed"]), (&3.into(), &"write-refused".into()));
        assert!(!mailbox.to_string().contains('@'));
        let path = format!("/api/v1/tenants/contoso/mailboxes/{}", id(3));
        let reasons = node.json(&path).await["reasons"].clone();
        assert_eq!(reasons, serde_json::json!([{ "rule": "ELIG-04", "code": "queue-mailbox" }]));
        let (status, _, _) = node.get("/api/v1/tenants/contoso/mailboxes/nonsense").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn commands_need_their_header_and_somebody_who_obeys() {
    // Without the header 403; unknown mailboxes 404; a mailbox that takes no part 409.
    on_system(async {
        let node = Node::new().await;
        let path = |tenant: &str, number: u128, verb: &str| {
            format!("/api/v1/tenants/{tenant}/mailboxes/{}/{verb}", id(number))
        };
        let item = format!("items/{}/ignore-conflict", id(7));
        let item = path("contoso", 1, &item);
        let (status, _, _) = node.call(TestRequest::post().uri(&item)).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert_eq!(node.post(&item).await, StatusCode::CONFLICT, "nothing waits for a decision");
        for verb in ["sync", "release"] {
            let bare = TestRequest::post().uri(&path("contoso", 1, verb));
            let (status, _, body) = node.call(bare).await;
            assert_eq!(status, StatusCode::FORBIDDEN);
            assert!(body.contains(COMMAND_HEADER), "{body}");
            assert_eq!(node.post(&path("contoso", 1, verb)).await, StatusCode::ACCEPTED);
            assert_eq!(node.post(&path("contoso", 9, verb)).await, StatusCode::NOT_FOUND);
            assert_eq!(node.post(&path("contoso", 3, verb)).await, StatusCode::CONFLICT);
            assert_eq!(node.post(&path("fabrikam", 1, verb)).await, StatusCode::NOT_FOUND);
            // A command is no page: a link or an image cannot send one.
            let (status, _, _) = node.get(&path("contoso", 1, verb)).await;
            assert!(status.is_client_error());
        }
    });
}

#[test]
fn every_rule_is_listed() {
    // Each with its sentence and its source.
    on_system(async {
        let list = Node::empty().json("/api/v1/rules").await;
        let rules = list["rules"].as_array().unwrap();
        assert_eq!(rules.len(), crate::engine::catalogue::ALL.len());
        for rule in rules {
            assert!(
                ["id", "sentence", "source"]
                    .iter()
                    .all(|key| !rule[key].as_str().unwrap().is_empty())
            );
        }
    });
}

/// Returns the first tag that is closed out of turn, or never.
fn unbalanced(page: &str) -> Option<String> {
    const VOID: [&str; 3] = ["meta", "br", "!DOCTYPE"];
    let mut open: Vec<String> = Vec::new();
    for part in page.split('<').skip(1) {
        let Some((tag, _)) = part.split_once('>') else { return Some(part.to_owned()) };
        let name = tag.split_whitespace().next().unwrap_or_default();
        if let Some(name) = name.strip_prefix('/') {
            if open.pop().as_deref() != Some(name) {
                return Some(format!("/{name}"));
            }
        } else if !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    open.pop()
}

#[test]
fn unbalanced_tags_are_found() {
    // The checker itself can fail.
    assert_eq!(unbalanced("<!DOCTYPE html><p>a<br>b</p>"), None);
    assert_eq!(unbalanced("<p><b>a</p></b>"), Some("/p".to_owned()));
    assert_eq!(unbalanced("<p>a"), Some("p".to_owned()));
}

#[test]
fn pages_are_whole_and_show_no_content() {
    // Balanced, without script, without an address; what operators look for stands on them.
    on_system(async {
        let node = Node::new().await;
        let trouble = (Code::FarSideUnreachable, "<b>no & route</b>".to_owned());
        node.state.list()[0].board.profile(at(), Some(trouble));
        let one = format!("/tenants/contoso/mailboxes/{}", id(1));
        let two = format!("/tenants/contoso/mailboxes/{}", id(2));
        let pages = [
            ("/", "&lt;b&gt;no &amp; route&lt;/b&gt;"),
            ("/tenants/contoso", "delete-budget"),
            (one.as_str(), "write-refused"),
            (two.as_str(), "None yet."),
        ];
        for (path, shown) in pages {
            let (status, kind, page) = node.get(path).await;
            assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/html; charset=utf-8"));
            assert_eq!(unbalanced(&page), None, "{path}");
            assert!(page.contains(shown), "{path}: {page}");
            assert!(page.starts_with("<!DOCTYPE html>") && !page.contains("<script"), "{path}");
            let text = page.split("</style>").nth(1).unwrap();
            assert!(!text.contains('@') && !text.contains("contoso.example"), "{path}");
        }
        // Halted before parked before idle, and those that take no part at the end.
        let (_, _, page) = node.get("/tenants/contoso").await;
        let places = [2, 4, 1, 3].map(|number| page.find(&id(number).to_string()).unwrap());
        assert!(places.is_sorted(), "{places:?}");
        assert_eq!(node.get("/tenants/fabrikam").await.0, StatusCode::NOT_FOUND);
        let (_, _, page) = Node::empty().get("/").await;
        assert!(page.contains("No tenant runs here"));
        assert_eq!(unbalanced(&page), None);
    });
}

#[test]
fn the_server_listens_where_it_says() {
    // Port 0 takes a free one, and a second server on the same port is an error, not a panic.
    on_system(async {
        let node = Node::empty();
        let (server, address) =
            serve(node.state.clone(), SocketAddr::from(([127, 0, 0, 1], 0)), &[]).unwrap();
        assert_ne!(address.port(), 0);
        assert!(serve(node.state.clone(), address, &[]).is_err());
        let handle = server.handle();
        actix_rt::spawn(server);
        handle.stop(false).await;
    });
}
