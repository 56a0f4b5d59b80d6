//! A node whose ports panic when a test says so: its real parts in the test's process, with two tenants, on a
//! Redis and both stand-ins.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::{JoinHandle, ThreadId};
use std::time::Duration;

use actix::Addr;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lockstep::actors::messages::{Order, TenantsRead, ToMailbox, ToTenant, WakeMailbox};
use lockstep::actors::node::{NodeActor, TenantEntry, Tenants};
use lockstep::actors::phase::{Pace, Phase};
use lockstep::actors::runtime::TenantRuntime;
use lockstep::app::{App, SERVE, serve};
use lockstep::config::{self, Environment, TenantConfig};
use lockstep::domain::fingerprint::PrintKey;
use lockstep::domain::ids::{Fence, MailboxKey, TenantId};
use lockstep::ports::clock::Clock;
use lockstep::ports::error::StoreError;
use lockstep::ports::links::{Claim, Excluded, LinkStore, MailboxState, StateChange};
use lockstep::sim::compare::{CompareOptions, LedgerMark, compare, ledger_problems};
use lockstep::sim::directory::Person;
use lockstep::sim::seed::{self, SeedSpec};
use lockstep::sim::server::SimServer;
use lockstep::sim::world::{OrganizationSpec, SimClock, World};
use serde_json::json;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::super::rig::turn;
use super::SOON;
use crate::process::{free_port, until};
use crate::redis_server::RedisServer;

/// Failures in a row that park a mailbox here; ten take an hour.
pub(super) const PARK_AFTER: u32 = 3;
/// Cycles come when they are asked for, after a failure and after a write: a panic that is meant for an
/// actor meets the one that was woken.
const PACE: Pace = Pace {
    sweep: Duration::from_secs(3_600),
    settle: Duration::from_millis(200),
    backoff: Duration::from_secs(1),
    backoff_max: Duration::from_secs(3_600),
    park_after: PARK_AFTER,
};
const TENANTS: [(&str, usize); 2] = [("contoso", 6), ("fabrikam", 3)];

/// A tenant's clock, which panics at the next look of an actor, and not at one of a cycle.
struct Bomb {
    clock: SimClock,
    actors: Arc<OnceLock<ThreadId>>,
    armed: AtomicBool,
    struck: AtomicU32,
}

impl Clock for Bomb {
    fn now(&self) -> DateTime<Utc> {
        let actor = self.actors.get() == Some(&std::thread::current().id());
        if actor && self.armed.swap(false, SeqCst) {
            self.struck.fetch_add(1, SeqCst);
            panic!("a defect in an actor");
        }
        self.clock.now()
    }
}

/// A state store at which the commits of some mailboxes panic: everything is written by then.
struct Commits {
    store: Arc<dyn LinkStore>,
    /// By mailbox: panics to come, and those that came.
    blasts: Arc<Blasts>,
}

type Blasts = Mutex<HashMap<Uuid, (u32, u32)>>;

#[async_trait]
impl LinkStore for Commits {
    async fn load(&self, mailbox: &MailboxKey) -> Result<MailboxState, StoreError> {
        self.store.load(mailbox).await
    }

    async fn claim(&self, mailbox: &MailboxKey, fence: Fence) -> Result<MailboxState, StoreError> {
        self.store.claim(mailbox, fence).await
    }

    async fn was_claimed(&self, mailbox: &MailboxKey) -> Result<bool, StoreError> {
        self.store.was_claimed(mailbox).await
    }

    async fn commit(
        &self,
        mailbox: &MailboxKey,
        claim: Claim,
        change: &StateChange,
    ) -> Result<u64, StoreError> {
        let struck = {
            let mut blasts = self.blasts.lock().unwrap();
            let (left, came) = blasts.entry(mailbox.mailbox).or_default();
            let struck = *left > 0;
            (*left, *came) = (left.saturating_sub(1), *came + u32::from(struck));
            struck
        };
        assert!(!struck, "a defect in a cycle");
        self.store.commit(mailbox, claim, change).await
    }

    async fn forget(&self, mailbox: &MailboxKey, fence: Fence) -> Result<u64, StoreError> {
        self.store.forget(mailbox, fence).await
    }

    async fn exclude(&self, mailbox: &MailboxKey, since: DateTime<Utc>) -> Result<(), StoreError> {
        self.store.exclude(mailbox, since).await
    }

    async fn admit(&self, mailbox: &MailboxKey) -> Result<bool, StoreError> {
        self.store.admit(mailbox).await
    }

    async fn excluded(&self, tenant: &TenantId) -> Result<Excluded, StoreError> {
        self.store.excluded(tenant).await
    }

    async fn print_key(&self, tenant: &TenantId, fresh: PrintKey) -> Result<PrintKey, StoreError> {
        self.store.print_key(tenant, fresh).await
    }
}

/// One tenant of the house.
struct Tenant {
    config: TenantConfig,
    bomb: Arc<Bomb>,
    digest: AtomicU64,
    before: LedgerMark,
}

/// A node, both stand-ins and Redis.
pub(super) struct House {
    pub(super) url: String,
    world: Arc<World>,
    tenants: HashMap<&'static str, Tenant>,
    blasts: Arc<Blasts>,
    app: Arc<App>,
    actor: Addr<NodeActor>,
    shown: Tenants,
    io: tokio::runtime::Runtime,
    /// Ends the node.
    end: Option<oneshot::Sender<()>>,
    node: Option<JoinHandle<()>>,
    _server: SimServer,
    _redis: RedisServer,
    _turn: MutexGuard<'static, ()>,
}

impl House {
    /// Starts everything and waits until both tenants are in step.
    pub(super) fn open() -> Self {
        let turn = turn();
        let redis = RedisServer::start();
        let (world, server) = world();
        let actors = Arc::new(OnceLock::new());
        let environment = Environment::new(world.secrets());
        let tenant = |name| (name, tenant(&world, name, &environment, &actors));
        let tenants = TENANTS.iter().map(|(name, _)| tenant(*name)).collect();
        let io = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let io = io.unwrap();
        let text = format!(
            "[node]\nlisten = \"127.0.0.1:{}\"\n[state]\nurl = \"{}\"\n",
            free_port(),
            redis.url()
        );
        let (node, problems) = config::check_node(&text, Path::new("lockstep.toml"), &environment);
        let node = node.unwrap_or_else(|| panic!("{}", config::render(&problems)));
        let clock = Arc::new(bomb(&actors));
        let app = Arc::new(io.block_on(App::open(node, clock, SERVE)).unwrap());
        let (end, ended) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let of_node = app.clone();
        let node = std::thread::spawn(move || {
            actors.set(std::thread::current().id()).unwrap();
            actix_rt::System::new().block_on(async move {
                let node = serve::start(of_node).await.unwrap();
                let url = format!("http://{}", node.address);
                tell.send((url, node.actor.clone(), node.tenants.clone())).unwrap();
                // Whoever is gone does not want it any more either.
                let _ = ended.await;
                node.stop().await;
            });
        });
        let (url, actor, shown) = told.recv_timeout(SOON).unwrap();
        let house = Self {
            url,
            world,
            tenants,
            blasts: Arc::default(),
            app,
            actor,
            shown,
            io,
            end: Some(end),
            node: Some(node),
            _server: server,
            _redis: redis,
            _turn: turn,
        };
        house.read_files();
        house.settle();
        house.assert_exact();
        house
    }

    /// Does what a node does every few seconds: reads the tenant files, of which a test has none.
    pub(super) fn read_files(&self) {
        let tenants = self.tenants.values().map(|tenant| self.entry(tenant)).collect();
        let read = TenantsRead { tenants, broken: Vec::new() };
        self.io.block_on(self.actor.send(read)).unwrap();
    }

    /// As the composition root does it, but for the clock, the store and the pace.
    fn entry(&self, tenant: &Tenant) -> TenantEntry {
        let (app, config) = (self.app.clone(), tenant.config.clone());
        let (bomb, blasts) = (tenant.bomb.clone(), self.blasts.clone());
        let build = move || {
            let runtime: Result<TenantRuntime, _> = Arc::try_unwrap(app.tenant(&config));
            let mut runtime = runtime.unwrap_or_else(|_| panic!("somebody else has the runtime"));
            let store = runtime.deps.links.clone();
            runtime.deps.links = Arc::new(Commits { store, blasts: blasts.clone() });
            runtime.deps.clock = bomb.clone();
            runtime.pace = PACE;
            Arc::new(runtime)
        };
        let digest = tenant.digest.load(SeqCst);
        TenantEntry { tenant: tenant.config.tenant.clone(), digest, build: Arc::new(build) }
    }

    /// The next reading finds another file.
    pub(super) fn change_file(&self, tenant: &str) {
        self.tenants[tenant].digest.fetch_add(1, SeqCst);
    }

    /// The next look of an actor of the tenant at the clock panics.
    pub(super) fn strike_actor(&self, tenant: &str) {
        self.tenants[tenant].bomb.armed.store(true, SeqCst);
    }

    pub(super) fn actors_struck(&self, tenant: &str) -> u32 {
        self.tenants[tenant].bomb.struck.load(SeqCst)
    }

    /// So many commits of a person's mailbox panic.
    pub(super) fn strike_commits(&self, person: &Person, times: u32) {
        self.blasts.lock().unwrap().entry(person.mailbox_id).or_default().0 = times;
    }

    pub(super) fn commits_struck(&self, person: &Person) -> u32 {
        self.blasts.lock().unwrap()[&person.mailbox_id].1
    }

    pub(super) fn people(&self, tenant: &str) -> &[Person] {
        &self.world.organization(tenant).unwrap().people
    }

    /// Makes a contact of a person's in Dynamics.
    pub(super) fn give(&self, tenant: &str, person: &Person, surname: &str) {
        let organization = self.world.organization(tenant).unwrap();
        let body = json!({ "lastname": surname });
        let (mut dataverse, now) = (organization.dataverse(), self.world.now());
        let made = dataverse.user_create(person.user_id, "contacts", &body, now);
        made.unwrap_or_else(|refusal| panic!("{} {}", refusal.code, refusal.message));
    }

    /// Tells whether a contact is in a person's mailbox.
    pub(super) fn has(&self, tenant: &str, person: &Person, surname: &str) -> bool {
        let contacts = self.world.organization(tenant).unwrap().graph().contacts(&person.address);
        contacts.iter().any(|contact| contact["surname"] == surname)
    }

    /// Does what a hint does.
    pub(super) fn wake(&self, tenant: &str, person: Option<&Person>) {
        let command = WakeMailbox(person.map(|person| person.mailbox_id));
        // A tenant without a supervisor hears nothing.
        let _ = self.io.block_on(self.actor.send(ToTenant { tenant: tenant.to_owned(), command }));
    }

    pub(super) fn order(&self, tenant: &str, person: &Person, order: Order) {
        let command = ToMailbox { mailbox: person.mailbox_id, order };
        let sent = self.actor.send(ToTenant { tenant: tenant.to_owned(), command });
        assert_eq!(self.io.block_on(sent).unwrap(), Some(true));
    }

    /// Wakes all mailboxes until each has had a cycle that found nothing.
    pub(super) fn settle(&self) {
        until(SOON * 2, "all mailboxes are at rest", || {
            let since = self.world.now();
            TENANTS.iter().for_each(|(tenant, _)| self.wake(tenant, None));
            let most = Duration::from_secs(20);
            until(most, "each mailbox has had a cycle", || self.rested(since)).then_some(())
        });
    }

    /// Tells whether the last cycle of each mailbox found nothing, once each began after an instant, or
    /// could not be asked for.
    fn rested(&self, since: DateTime<Utc>) -> Option<bool> {
        let tenants = self.shown.read().unwrap().clone();
        let rows: Vec<_> = tenants.iter().flat_map(|tenant| tenant.rows()).collect();
        if rows.len() != TENANTS.iter().map(|(_, people)| people).sum::<usize>() {
            return Some(false);
        }
        let idle = rows.iter().all(|row| row.phase == Phase::Idle && !row.elsewhere);
        let last: Vec<_> = rows.iter().filter_map(|row| row.last.as_ref()).collect();
        let began = last.iter().filter(|last| last.started > since).count() == rows.len();
        let quiet = last.iter().all(|last| {
            (last.code, last.unsettled, last.parked) == (None, 0, 0)
                && last.done.dynamics + last.done.exchange == 0
        });
        (idle && began).then_some(quiet)
    }

    /// No difference, no duplicate, each invitation once and no other mail.
    pub(super) fn assert_exact(&self) {
        for (name, people) in TENANTS {
            let organization = self.world.organization(name).unwrap();
            let (now, options) = (self.world.now(), CompareOptions::default());
            let found = compare(organization, now, &options);
            assert!(found.is_clean(), "{}", found.table());
            assert_eq!(found.mailboxes, people);
            assert!(found.pairs > 5 * people, "{}", found.table());
            let before = &self.tenants[name].before;
            let problems = ledger_problems(organization, before, now, &options);
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            assert!(lines.is_empty(), "{}", lines.join("\n"));
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        drop(self.end.take());
        let ended = self.node.take().map(JoinHandle::join);
        // A second panic would hide the first.
        assert!(std::thread::panicking() || matches!(ended, Some(Ok(()))), "the node panicked");
    }
}

fn bomb(actors: &Arc<OnceLock<ThreadId>>) -> Bomb {
    let (armed, struck) = (AtomicBool::new(false), AtomicU32::new(0));
    Bomb { clock: SimClock::real(), actors: actors.clone(), armed, struck }
}

/// Two organizations with something to synchronize in each mailbox.
fn world() -> (Arc<World>, SimServer) {
    let clock = SimClock::real();
    let spec = |name: &str, people, number| {
        SeedSpec::new(name, people, number, clock.now()).with_few_items()
    };
    let seeds: Vec<_> = (TENANTS.iter().zip(4..))
        .map(|((name, people), number)| spec(name, *people, number))
        .collect();
    let of =
        |spec: &SeedSpec| OrganizationSpec::new(&spec.name, seed::organization(spec), spec.seed);
    let bound = SimServer::bind(None).unwrap();
    let world = World::new(&bound.url, seeds.iter().map(of).collect(), clock.as_fn());
    let world = Arc::new(world);
    for spec in &seeds {
        seed::fill(world.organization(&spec.name).unwrap(), spec).unwrap();
    }
    let server = bound.serve(world.clone()).unwrap();
    (world, server)
}

fn tenant(
    world: &World,
    name: &str,
    environment: &Environment,
    actors: &Arc<OnceLock<ThreadId>>,
) -> Tenant {
    let organization = world.organization(name).unwrap();
    let limits = "\n[limits]\nmails_per_cycle = 10000\ndataverse_requests = 600000\n";
    let text = organization.tenant_toml() + limits;
    let config = config::load_tenant(&text, Path::new("tenant.toml"), environment);
    let config = config.unwrap_or_else(|problems| panic!("{}", config::render(&problems)));
    let (bomb, before) = (Arc::new(bomb(actors)), LedgerMark::take(organization));
    Tenant { config, bomb, digest: AtomicU64::new(1), before }
}
