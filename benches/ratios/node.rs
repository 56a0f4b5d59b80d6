//! One node and one tenant as the product puts them together, with a store of choice.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, ensure};
use chrono::{DateTime, Utc};
use lockstep::actors::fair::Lane;
use lockstep::actors::messages::Ended;
use lockstep::actors::runtime::TenantRuntime;
use lockstep::app::App;
use lockstep::app::once::{self, Progress};
use lockstep::config::{self, Environment, NodeConfig};
use lockstep::cycle::{CycleReport, Left};
use lockstep::domain::policy::Mailbox;
use lockstep::domain::side::Side;
use lockstep::sim::world::SimClock;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::stand_ins::{StandIns, WEB_SERVERS};

/// A node beside its stand-ins.
pub(crate) struct Node {
    pub(crate) io: Runtime,
    pub(crate) clock: SimClock,
    pub(crate) tenant: Arc<TenantRuntime>,
    pub(crate) mailboxes: Vec<Arc<Mailbox>>,
    rests: HashMap<Uuid, Left>,
    _app: App,
    _directory: tempfile::TempDir,
}

/// A clock that can be put forward together with the stand-ins'.
struct Clock(SimClock);

impl lockstep::ports::clock::Clock for Clock {
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

impl Node {
    /// Builds the node with the `memory` or the `embedded` store, or with that of a Redis address, and reads
    /// the profile.
    pub(crate) fn start(stand_ins: &StandIns, store: &str) -> anyhow::Result<Self> {
        let about = &stand_ins.about;
        let secrets: Vec<(String, String)> = serde_json::from_value(about["secrets"].clone())?;
        let environment = Environment::new(secrets);
        let directory = tempfile::tempdir()?;
        let url = match store {
            "memory" => "memory:".to_owned(),
            "embedded" => format!("embedded:{}", directory.path().display()),
            address => address.to_owned(),
        };
        let node = configured(&url, &environment)?;
        let text = about["tenant"].as_str().context("no tenant file")?;
        let budget = WEB_SERVERS * 6_000;
        let text = format!("{text}\n[limits]\ndataverse_requests = {budget}\n");
        let config = config::load_tenant(&text, Path::new("contoso.toml"), &environment);
        let config = config.map_err(|problems| anyhow!("{}", config::render(&problems)))?;
        let clock = SimClock::real();
        let io =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let app = io.block_on(App::open(node, Arc::new(Clock(clock.clone())), "bench"))?;
        ensure!(io.block_on(app.ownership.hold())?, "the lease is not free");
        io.spawn(app.ownership.clone().keep());
        let tenant = app.tenant(&config);
        let judged = io.block_on(once::enrol(&tenant))?;
        let mailboxes = judged.into_iter().filter_map(|one| one.mailbox).collect();
        let rests = HashMap::new();
        Ok(Self { io, clock, tenant, mailboxes, rests, _app: app, _directory: directory })
    }

    /// Runs passes over all mailboxes; returns the confirmed writes and whether all came to rest.
    pub(crate) fn passes(&self, most: u32) -> (u64, bool) {
        let run = once::run(&self.tenant, self.mailboxes.clone(), most, &Silent);
        let results = self.io.block_on(run);
        let done = |side| results.iter().map(|it| *it.done.get(side)).sum::<u64>();
        (Side::BOTH.into_iter().map(done).sum(), results.iter().all(|it| it.quiet))
    }

    /// Tells whether the last cycle left a mailbox at rest.
    pub(crate) fn is_at_rest(&self, mailbox: &Mailbox) -> bool {
        matches!(self.rests.get(&mailbox.key.mailbox), Some(Left::Rest(_)))
    }

    /// Runs one cycle of a mailbox as its actor would, which keeps what the last one left behind.
    pub(crate) fn cycle(&mut self, mailbox: &Arc<Mailbox>) -> anyhow::Result<Box<CycleReport>> {
        let rest = self.rests.remove(&mailbox.key.mailbox);
        let orders = lockstep::cycle::Orders::default();
        let cycle = self.tenant.clone().cycle_from(mailbox.clone(), orders, rest, Lane::Changes);
        let (ended, rest) = self.io.block_on(self.io.spawn(cycle))?;
        self.rests.extend(rest.map(|rest| (mailbox.key.mailbox, rest)));
        match ended {
            Ended::Report(report) => Ok(report),
            Ended::End(end) => Err(anyhow!("the cycle ended early: {end}")),
            Ended::Panicked => Err(anyhow!("the cycle panicked")),
        }
    }
}

/// Returns the configuration of a node with this store.
pub(crate) fn configured(url: &str, environment: &Environment) -> anyhow::Result<NodeConfig> {
    let text = format!("[state]\nurl = \"{url}\"\n[sync]\ncycles_at_once = 32\n");
    let (node, problems) = config::check_node(&text, Path::new("lockstep.toml"), environment);
    node.ok_or_else(|| anyhow!("{}", config::render(&problems)))
}
