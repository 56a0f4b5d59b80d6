//! A whole system for a test: stand-ins behind real HTTP, a node's parts, a store, a clock.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lockstep::actors::runtime::TenantRuntime;
use lockstep::app::App;
use lockstep::app::once::{self, MailboxResult, Progress};
use lockstep::config::{self, Environment, NodeConfig};
use lockstep::cycle::CycleReport;
use lockstep::domain::policy::Mailbox;
use lockstep::ports::clock::Clock;
use lockstep::sim::directory::Person;
use lockstep::sim::server::SimServer;
use lockstep::sim::world::{Organization, OrganizationSpec, SimClock, World};
use uuid::Uuid;

/// The instant at which every world begins, unless a test wants another.
pub(crate) const BEGIN: &str = "2026-11-24T09:00:00Z";

/// The stand-ins' clock as the node's clock.
struct Shared(SimClock);

impl Clock for Shared {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
}

/// Nobody watches.
struct Silent;

impl Progress for Silent {
    fn pass(&self, _: u32, _: usize) {}
    fn cycle(&self, _: Option<&CycleReport>) {}
}

/// One organization `contoso`, one node, one runtime.
#[allow(dead_code, reason = "each test uses some of it")]
pub(crate) struct System {
    pub(crate) world: Arc<World>,
    pub(crate) clock: SimClock,
    pub(crate) tenant: Arc<TenantRuntime>,
    pub(crate) io: tokio::runtime::Runtime,
    pub(crate) app: Arc<App>,
    environment: Environment,
    _server: SimServer,
}

/// Returns a person with ids made from a number.
pub(crate) fn person(number: u128, given: &str, surname: &str, zone: &str) -> Person {
    Person {
        user_id: Uuid::from_u128(0x1000_0000 + number),
        object_id: Uuid::from_u128(0x2000_0000 + number),
        mailbox_id: Uuid::from_u128(0x3000_0000 + number),
        address: format!("{}.{}@contoso.example", given.to_lowercase(), surname.to_lowercase()),
        given_name: given.to_owned(),
        surname: surname.to_owned(),
        time_zone: zone.to_owned(),
    }
}

#[allow(dead_code, reason = "each test uses some of it")]
impl System {
    /// Starts a system with these people and the memory store.
    pub(crate) fn new(people: Vec<Person>) -> Self {
        Self::with(people, "state.url = \"memory:\"\n", "")
    }

    /// Starts a system with a node file and lines added to the tenant file.
    pub(crate) fn with(people: Vec<Person>, node: &str, tenant: &str) -> Self {
        let begin = BEGIN.parse().expect("a valid instant");
        let clock = SimClock::fixed(begin);
        let bound = SimServer::bind(None).expect("a free port");
        let specs = vec![OrganizationSpec::new("contoso", people, 7)];
        let world = Arc::new(World::new(&bound.url, specs, clock.as_fn()));
        let server = bound.serve(world.clone()).expect("the stand-ins start");
        let environment = Environment::new(world.secrets());
        let io = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let node = node_config(node, &environment);
        let app = Arc::new(
            io.block_on(App::open(node, Arc::new(Shared(clock.clone())))).expect("the node opens"),
        );
        assert!(io.block_on(app.ownership.hold()).expect("the store answers"), "the lease is free");
        let text = format!("{}{tenant}", world.tenant_toml("contoso").expect("an organization"));
        let config = config::load_tenant(&text, Path::new("contoso.toml"), &environment)
            .unwrap_or_else(|problems| panic!("{}", config::render(&problems)));
        let tenant = app.tenant(&config);
        Self { world, clock, tenant, io, app, environment, _server: server }
    }

    /// Returns the organization.
    pub(crate) fn organization(&self) -> &Organization {
        self.world.organization("contoso").expect("it was made")
    }

    /// Returns a tenant runtime with another tenant file text.
    pub(crate) fn tenant_with(&self, lines: &str) -> Arc<TenantRuntime> {
        let text = format!("{}{lines}", self.world.tenant_toml("contoso").expect("one"));
        let config = config::load_tenant(&text, Path::new("contoso.toml"), &self.environment)
            .unwrap_or_else(|problems| panic!("{}", config::render(&problems)));
        self.app.tenant(&config)
    }

    /// Reads the profile and returns the mailboxes that take part.
    pub(crate) fn enrol(&self) -> Vec<Arc<Mailbox>> {
        let judged = self.io.block_on(once::enrol(&self.tenant)).expect("the profile is read");
        judged.into_iter().filter_map(|one| one.mailbox).map(Arc::new).collect()
    }

    /// Runs passes over all mailboxes until one is quiet.
    pub(crate) fn settle(&self) -> Vec<MailboxResult> {
        self.passes(8)
    }

    /// Runs at most this many passes.
    pub(crate) fn passes(&self, most: u32) -> Vec<MailboxResult> {
        let mailboxes = self.enrol();
        self.io.block_on(once::run(&self.tenant, mailboxes, most, &Silent))
    }

    /// Moves the clock.
    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(chrono::Duration::seconds(seconds));
    }
}

fn node_config(text: &str, environment: &Environment) -> NodeConfig {
    let (node, problems) = config::check_node(text, Path::new("lockstep.toml"), environment);
    node.unwrap_or_else(|| panic!("{}", config::render(&problems)))
}
