//! Tests of the private surface: requests against a board that was filled by hand.

mod cluster;
mod commands;
mod health;
mod lists;
mod pages;

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
use tokio::sync::broadcast;

use super::*;
use crate::actors::fair::Fair;
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
        share: Fair::new(8).share(1),
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
        notes: Vec::new(),
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
        waiting: Vec::new(),
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
        Self::of(&Arc::new(MemoryStore::new(World::new().clock)), "node")
    }

    /// A node of this name on a store.
    fn of(store: &Arc<MemoryStore>, name: &str) -> Self {
        let tenants: Tenants = Arc::new(RwLock::new(Vec::new()));
        let ownership = Arc::new(Ownership::new(store.clone(), name));
        let state = ApiState {
            node: NodeActor::new(tenants.clone()).start(),
            teller: Teller::new(tenants.clone(), ownership.clone()),
            tenants,
            metrics: Metrics::new(),
            ownership,
            relay: None,
            problems: FileProblems::default(),
            shared: false,
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
            .wrap(from_fn(refusals::readable))
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
