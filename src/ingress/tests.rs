//! The public surface: requests against a node with one tenant, as Graph sends them and as it would not.

mod flood;

use std::sync::RwLock;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use actix_web::dev::Service;
use actix_web::http::StatusCode;
use actix_web::test::{self, TestRequest};
use async_trait::async_trait;
use futures_util::FutureExt;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::*;
use crate::actors::fair::Fair;
use crate::actors::freshness::Freshness;
use crate::actors::phase::Pace;
use crate::actors::runtime::RuntimeParts;
use crate::cluster::ownership::Ownership;
use crate::cycle::TenantOptions;
use crate::cycle::tests::fakes::{World, mailbox};
use crate::domain::fingerprint::PrintKey;
use crate::domain::ids::TenantId;
use crate::domain::mailbox::MailboxSource;
use crate::domain::policy::{Choices, Directions, Limits};
use crate::memory::{LocalBus, MemoryStore};
use crate::ports::error::{SideError, StoreError};
use crate::ports::organization::{Organization, Profile};
use crate::ports::wake::{Channel, Hint, Listener};
use crate::vault::NoticeSeal;

struct Silent;

#[async_trait]
impl Organization for Silent {
    async fn profile(&self) -> Result<Profile, SideError> {
        std::future::pending().await
    }
}

fn key() -> PrintKey {
    PrintKey([7; 16])
}

fn runtime(bus: &Arc<dyn WakeBus>) -> Arc<TenantRuntime> {
    let world = World::new();
    let store = Arc::new(MemoryStore::new(world.clock.clone()));
    let second = Duration::from_secs(1);
    let runtime = TenantRuntime::new(RuntimeParts {
        key: None,
        options: TenantOptions {
            tenant: TenantId::new("contoso"),
            source: MailboxSource::Dataverse,
            takeover: false,
            policy: Arc::new(|_| Choices::default()),
            directions: Directions::default(),
            limits: Limits::default(),
            window_back: chrono::Duration::days(30),
            window_ahead: chrono::Duration::days(365),
        },
        deps: world.deps(),
        organization: Arc::new(Silent),
        sightings: store.clone(),
        io: tokio::runtime::Handle::current(),
        share: Fair::new(8).share(1),
        reports: broadcast::channel(4).0,
        ownership: Arc::new(Ownership::new(store, "node")),
        pace: Pace {
            sweep: second,
            settle: second,
            backoff: second,
            backoff_max: second,
            park_after: 10,
        },
    });
    let tenant = TenantId::new("contoso");
    runtime.set_freshness(Freshness::new(tenant, bus.clone(), None, None, second));
    Arc::new(runtime)
}

/// A bus that takes nothing at first.
struct Away(LocalBus, AtomicUsize);

#[async_trait]
impl WakeBus for Away {
    async fn publish(&self, hints: &[(Channel, Hint)]) -> Result<(), StoreError> {
        if self.1.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(StoreError::Unavailable("away".into()));
        }
        self.0.publish(hints).await
    }

    fn listen(&self) -> Box<dyn Listener> {
        self.0.listen()
    }
}

struct Door {
    ingress: Arc<Ingress>,
    listener: Box<dyn Listener>,
    tenants: Tenants,
}

impl Door {
    /// A node that knows the tenant's key.
    fn new() -> Self {
        Self::early().knowing()
    }

    fn knowing(self) -> Self {
        let door = self;
        let runtime = door.tenants.read().unwrap()[0].clone();
        let known = (0..20_000).map(|number| (mailbox(number).key.mailbox, None, Vec::new()));
        runtime.board.roster(known.collect());
        let (none, io) = (std::iter::empty(), tokio::runtime::Handle::current());
        runtime.freshness().unwrap().adopt(none, &key(), &io);
        door
    }

    /// A node that has not read the tenant's profile yet.
    fn early() -> Self {
        Self::over(Arc::new(LocalBus::new()))
    }

    fn over(bus: Arc<dyn WakeBus>) -> Self {
        let tenants: Tenants = Arc::new(RwLock::new(vec![runtime(&bus)]));
        let listener = bus.listen();
        let ingress = Arc::new(Ingress::new(tenants.clone(), bus, Metrics::new()));
        Self { ingress, listener, tenants }
    }

    async fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> (StatusCode, String, String) {
        let app = App::new()
            .app_data(web::Data::from(self.ingress.clone()))
            .app_data(web::PayloadConfig::new(BODY_MAX_BYTES))
            .configure(routes);
        let app = test::init_service(app).await;
        let request = TestRequest::post().uri(path).set_payload(body.into()).to_request();
        let response = app.call(request).await.unwrap();
        let status = response.status();
        let kind = response.headers().get("content-type").map(|it| it.to_str().unwrap().to_owned());
        let body = test::read_body(response).await;
        (status, kind.unwrap_or_default(), String::from_utf8_lossy(&body).into_owned())
    }

    async fn told(&mut self) -> Vec<Hint> {
        let mut all = Vec::new();
        let patience = Duration::from_millis(300);
        while let Ok(hint) = tokio::time::timeout(patience, self.listener.hint()).await {
            all.push(hint);
        }
        all
    }

    fn counted(&self, result: &str) -> u64 {
        let text = self.ingress.metrics.encode();
        let label = format!("result=\"{result}\"");
        let line =
            text.lines().find(|line| line.starts_with("lockstep_notices") && line.contains(&label));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
    }
}

fn sign(number: u128) -> String {
    NoticeSeal::new(&key(), &TenantId::new("contoso")).unwrap().sign(mailbox(number).key.mailbox)
}

fn notices(states: &[Value]) -> String {
    let one = |state: &Value| json!({ "subscriptionId": "s1", "clientState": state });
    json!({ "value": states.iter().map(one).collect::<Vec<_>>() }).to_string()
}

fn on_system(test: impl Future<Output = ()>) {
    actix_rt::System::new().block_on(test);
}

#[test]
fn a_handshake_is_answered_by_its_token_as_text() {
    // Decoded, as plain text, at both addresses; a token beyond all measure is refused.
    on_system(async {
        let door = Door::new();
        for path in ["/graph/contoso", "/graph/contoso/lifecycle"] {
            let asked = format!("{path}?validationToken=a%20%3Cb%3E%26%C3%BC");
            let (status, kind, body) = door.post(&asked, "").await;
            assert_eq!((status, body.as_str()), (StatusCode::OK, "a <b>&ü"));
            assert!(kind.starts_with("text/plain"), "{kind}");
            let long = format!("{path}?validationToken={}", "x".repeat(TOKEN_MAX_BYTES + 1));
            assert_eq!(door.post(&long, "").await.0, StatusCode::BAD_REQUEST);
        }
    });
}

#[test]
fn a_notice_wakes_the_mailbox_that_its_secret_names() {
    // Signed ones are told, others counted; the answer is the same.
    on_system(async {
        let mut door = Door::new();
        let publishing = tokio::spawn(door.ingress.clone().publish());
        let foreign = NoticeSeal::new(&PrintKey([8; 16]), &TenantId::new("contoso")).unwrap();
        let other = NoticeSeal::new(&key(), &TenantId::new("fabrikam")).unwrap();
        let id = mailbox(1).key.mailbox;
        let forged = [json!(foreign.sign(id)), json!(other.sign(id)), json!("x"), Value::Null];
        assert_eq!(door.post("/graph/contoso", notices(&forged)).await.0, StatusCode::ACCEPTED);
        assert_eq!(door.told().await, []);
        let both = notices(&[json!(sign(1)), json!("x"), json!(sign(2))]);
        assert_eq!(door.post("/graph/contoso", both).await.0, StatusCode::ACCEPTED);
        let told = door.told().await;
        let expected = [1, 2].map(|number| Hint::Changed(mailbox(number).key));
        assert!(told.len() == 2 && expected.iter().all(|hint| told.contains(hint)), "{told:?}");
        assert_eq!((door.counted("received"), door.counted("refused")), (2, 5));
        publishing.abort();
    });
}

#[test]
fn a_notice_about_nobody_is_dropped() {
    // Whoever stole the key can sign any id: those that the profile does not name take no room.
    on_system(async {
        let door = Door::new();
        let foreign = notices(&[json!(sign(20_001)), json!(sign(20_002))]);
        assert_eq!(door.post("/graph/contoso", foreign).await.0, StatusCode::ACCEPTED);
        assert_eq!((door.counted("received"), door.counted("dropped")), (2, 2));
        assert_eq!(door.ingress.waiting().taken(), (0, 0));
    });
}

#[test]
fn what_cannot_be_published_is_published_later() {
    // The bus fails once: a mailbox and an event are told when it is back.
    on_system(async {
        let mut door = Door::over(Arc::new(Away(LocalBus::new(), AtomicUsize::new(1)))).knowing();
        let event = json!({ "value": [{ "subscriptionId": "s1", "lifecycleEvent": "missed",
            "clientState": sign(2) }] });
        for (path, body) in [
            ("/graph/contoso", notices(&[json!(sign(1))])),
            ("/graph/contoso/lifecycle", event.to_string()),
        ] {
            assert_eq!(door.post(path, body).await.0, StatusCode::ACCEPTED);
        }
        let publishing = tokio::spawn(door.ingress.clone().publish());
        let patience = Duration::from_secs(10);
        let mut told = Vec::new();
        for _ in 0..2 {
            told.push(tokio::time::timeout(patience, door.listener.hint()).await.unwrap());
        }
        assert!(told.contains(&Hint::Changed(mailbox(1).key)), "{told:?}");
        assert!(told.contains(&Hint::Subscription(mailbox(2).key, Life::Missed)), "{told:?}");
        publishing.abort();
    });
}

#[test]
fn a_lifecycle_notice_names_its_subscription() {
    // Each event reaches the owner as what it is; an unknown one counts as lost notices.
    on_system(async {
        let mut door = Door::new();
        let publishing = tokio::spawn(door.ingress.clone().publish());
        let id = || "s1".to_owned();
        for (event, life) in [
            ("subscriptionRemoved", Life::Removed(id())),
            ("reauthorizationRequired", Life::Unauthorized(id())),
            ("missed", Life::Missed),
            ("somethingNew", Life::Missed),
        ] {
            let body = json!({ "value": [{ "subscriptionId": "s1", "lifecycleEvent": event,
                "clientState": sign(1) }] });
            let (status, _, _) = door.post("/graph/contoso/lifecycle", body.to_string()).await;
            assert_eq!(status, StatusCode::ACCEPTED);
            assert_eq!(door.told().await, [Hint::Subscription(mailbox(1).key, life)], "{event}");
        }
        // No subscription has such an id: nothing is kept of it but that there may be something to see.
        let body = json!({ "value": [{ "subscriptionId": "s".repeat(ID_MAX_BYTES + 1),
            "lifecycleEvent": "subscriptionRemoved", "clientState": sign(1) }] });
        door.post("/graph/contoso/lifecycle", body.to_string()).await;
        assert_eq!(door.told().await, [Hint::Changed(mailbox(1).key)]);
        publishing.abort();
    });
}

#[test]
fn a_body_of_many_notices_lets_others_be_answered_in_between() {
    // While thousands of signatures of one body are checked on a thread, another notice is answered.
    on_system(async {
        let door = Door::new();
        let many = notices(&vec![json!(sign(1)); NOTICES_MAX]);
        let one = notices(&[json!(sign(2))]);
        let mut long = Box::pin(door.ingress.answer("contoso", None, many.as_bytes()));
        assert!(futures_util::poll!(&mut long).is_pending());
        let short = door.ingress.answer("contoso", None, one.as_bytes()).now_or_never();
        assert_eq!(short.unwrap().status(), StatusCode::ACCEPTED);
        assert_eq!(long.await.status(), StatusCode::ACCEPTED);
        assert_eq!(door.counted("received"), NOTICES_MAX as u64 + 1);
    });
}

#[test]
fn what_is_no_notice_is_refused() {
    // Other tenants, other paths, other methods, no JSON, too much of it; before the key is known
    // Graph is asked to come again.
    on_system(async {
        let door = Door::new();
        let body = || notices(&[json!(sign(1))]);
        let (status, _, _) = door.post("/graph/fabrikam", body()).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(door.post("/api/v1/tenants", body()).await.0, StatusCode::NOT_FOUND);
        for wrong in ["", "x", "[]", "{}", "{\"value\":1}", "{\"value\":[1]}"] {
            assert_eq!(
                door.post("/graph/contoso", wrong).await.0,
                StatusCode::BAD_REQUEST,
                "{wrong}"
            );
        }
        let huge = vec![b' '; BODY_MAX_BYTES + 1];
        let (status, _, _) = door.post("/graph/contoso", huge).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        let many = notices(&vec![json!("x"); NOTICES_MAX + 5]);
        assert_eq!(door.post("/graph/contoso", many).await.0, StatusCode::ACCEPTED);
        assert_eq!(door.counted("dropped"), 5);
        let early = Door::early();
        let (status, _, _) = early.post("/graph/contoso", body()).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        early.tenants.write().unwrap().clear();
        let (status, _, _) = early.post("/graph/contoso", body()).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "a node that runs nothing yet");
    });
}
