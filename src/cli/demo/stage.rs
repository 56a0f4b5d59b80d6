//! The demo's stage: stand-ins, a node's parts and two tenants.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};

use super::stop::Stop;
use super::{DemoArgs, Summary};
use crate::actors::runtime::TenantRuntime;
use crate::app::App;
use crate::app::clock::SystemClock;
use crate::app::once::MailboxResult;
use crate::config::{self, Environment, NodeConfig};
use crate::ports::clock::Clock;
use crate::sim::compare::{self, CompareOptions, LedgerMark};
use crate::sim::seed::{self, SeedSpec};
use crate::sim::server::SimServer;
use crate::sim::world::{OrganizationSpec, SimClock, World};

/// The organizations of the demo.
pub(super) const NAMES: [&str; 2] = ["contoso", "fabrikam"];
/// The stand-ins play environments with this many web servers, each with the published budget.
const WEB_SERVERS: u32 = 16;
/// The published budget of one web server in five minutes (protocols B7).
const REQUESTS: u32 = 6_000;

/// Everything that runs during the demo.
pub(super) struct Stage {
    pub(super) app: Arc<App>,
    pub(super) world: Arc<World>,
    pub(super) tenants: Vec<Arc<TenantRuntime>>,
    marks: Vec<LedgerMark>,
    /// Ctrl-C or SIGTERM.
    pub(super) stop: Stop,
    // The last of all: what lies in it is open until the others are gone.
    _server: SimServer,
    _scratch: Scratch,
}

/// The demo's folder; it goes with this, however the demo ends.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn make() -> anyhow::Result<Self> {
        let (process, unique) = (std::process::id(), uuid::Uuid::new_v4().simple());
        let name = format!("lockstep-demo-{process}-{unique}");
        let directory = std::env::temp_dir().join(name);
        // The stand-ins' secrets are nobody else's, and a folder that somebody else made is not used.
        let made = std::fs::DirBuilder::new().mode(0o700).create(&directory);
        made.with_context(|| format!("cannot make {}", directory.display()))?;
        Ok(Self(directory))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A directory that cannot be removed lies in the temporary directory and harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Stage {
    /// Builds the stage.
    pub(super) fn set(io: &tokio::runtime::Runtime, args: &DemoArgs) -> anyhow::Result<Self> {
        let (world, server) = enter(args.mailboxes(), args.seed, std::convert::identity)?;
        let marks = world.organizations.iter().map(LedgerMark::take).collect();
        let (stop, scratch) = (Stop::listen(io)?, Scratch::make()?);
        let environment = Environment::new(world.secrets());
        let app = super::super::open(io, node(free(args.port), &scratch.0, &environment)?, "demo")?;
        let tenants = NAMES
            .iter()
            .map(|name| tenant(&app, &world, name, &environment))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { app, world, tenants, marks, stop, _server: server, _scratch: scratch })
    }

    /// Lets the independent judge look at an organization.
    pub(super) fn judge(&self, at: usize, results: Vec<MailboxResult>) -> Summary {
        let organization = &self.world.organizations[at];
        let now = self.world.now();
        let options = CompareOptions::default();
        Summary {
            name: organization.name.clone(),
            results,
            comparison: compare::compare(organization, now, &options),
            mail_problems: compare::ledger_problems(organization, &self.marks[at], now, &options)
                .iter()
                .map(ToString::to_string)
                .collect(),
        }
    }
}

/// Makes both organizations with so many mailboxes in all, and serves their stand-ins. `amounts` may
/// change what each mailbox holds.
pub(super) fn enter(
    mailboxes: u32,
    seed: u64,
    amounts: impl Fn(SeedSpec) -> SeedSpec,
) -> anyhow::Result<(Arc<World>, SimServer)> {
    let now = SystemClock.now();
    let bound = SimServer::bind(None).context("the stand-ins find no free port")?;
    let half = (mailboxes / 2) as usize;
    let sizes = [mailboxes as usize - half, half];
    let seeds: Vec<SeedSpec> = NAMES
        .iter()
        .zip(sizes)
        .zip(seed..)
        .map(|((name, size), seed)| amounts(SeedSpec::new(*name, size, seed, now)))
        .collect();
    let specs = seeds
        .iter()
        .map(|spec| OrganizationSpec::new(&spec.name, seed::organization(spec), spec.seed))
        .collect();
    let world = Arc::new(World::new(&bound.url, specs, SimClock::real().as_fn()));
    for spec in &seeds {
        let organization =
            world.organization(&spec.name).ok_or_else(|| anyhow!("no {}", spec.name))?;
        organization.dataverse().set_web_servers(WEB_SERVERS);
        seed::fill(organization, spec)?;
    }
    let server = bound.serve(world.clone())?;
    Ok((world, server))
}

/// The wanted port, or any free one: the demo should not fail for a status page.
fn free(port: u16) -> u16 {
    match std::net::TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => port,
        Err(error) => {
            eprintln!("port {port} is not free ({error}); the status page takes another");
            0
        }
    }
}

fn node(port: u16, directory: &Path, environment: &Environment) -> anyhow::Result<NodeConfig> {
    let text = format!(
        "[node]\nlisten = \"127.0.0.1:{port}\"\n[state]\nurl = \"embedded:{}\"\n\
         [sync]\nsweep_interval = \"2m\"\ncycles_at_once = 32\n[telemetry]\nlog = \"text\"\n",
        directory.display()
    );
    let (node, problems) = config::check_node(&text, Path::new("lockstep.toml"), environment);
    node.ok_or_else(|| anyhow!("{}", config::render(&problems)))
}

/// The demo's tenants come from files like everybody else's.
fn tenant(
    app: &App,
    world: &World,
    name: &str,
    environment: &Environment,
) -> anyhow::Result<Arc<TenantRuntime>> {
    let text = world.tenant_toml(name).ok_or_else(|| anyhow!("no organization {name}"))?;
    let config = config::load_tenant(&limited(&text), Path::new(name), environment)
        .map_err(|problems| anyhow!("{}", config::render(&problems)))?;
    Ok(app.tenant(&config))
}

/// Adds the budget that the stand-ins grant to a tenant file.
pub(super) fn limited(text: &str) -> String {
    let budget = WEB_SERVERS * REQUESTS;
    format!("{text}\n[limits]\ndataverse_requests = {budget}\n")
}
