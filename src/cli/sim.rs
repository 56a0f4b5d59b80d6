//! `lockstep sim`: the stand-ins as a process of their own, until it is stopped.
//!
//! Absent: a node. `--write-config` writes what one needs to work with these stand-ins.

mod config_dir;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::table::table;
use super::told::Told;
use crate::config::{LogFormat, NodeConfig};
use crate::sim::compare::LedgerMark;
use crate::sim::seed::{self, SeedSpec};
use crate::sim::server::SimServer;
use crate::sim::world::{OrganizationSpec, SimClock, World};

/// Names become parts of domain names and of files.
const NAME_MAX_BYTES: usize = 63;

/// How much each mailbox holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Items {
    /// About twenty items of all kinds, a series among them.
    Usual,
    /// Eight items, no series and no service activity: for thousands of mailboxes.
    Few,
}

impl Items {
    fn of(self, spec: SeedSpec) -> SeedSpec {
        match self {
            Self::Usual => spec,
            Self::Few => spec.with_few_items(),
        }
    }
}

/// Arguments of `lockstep sim`.
#[derive(Debug, clap::Args)]
pub(super) struct SimArgs {
    /// The port on the loopback address; 0 takes a free one.
    #[arg(long, default_value_t = 9400)]
    port: u16,
    /// The organizations, each with people and items of its own.
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        value_parser = organization_name,
        default_value = "contoso,fabrikam"
    )]
    organizations: Vec<String>,
    /// Mailboxes of each organization.
    #[arg(long, value_name = "N", default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    mailboxes: u32,
    /// What each mailbox holds.
    #[arg(long, value_enum, default_value = "usual")]
    items: Items,
    /// The same seed makes the same people and items.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Write a configuration for `lockstep serve --config DIR`: the node, the tenants, the
    /// secrets. A file that is there already and differs is never overwritten.
    #[arg(long, value_name = "DIR")]
    write_config: Option<PathBuf>,
    #[command(flatten)]
    told: Told,
}

pub(super) fn run(args: &SimArgs, log_filter: Option<&str>) -> anyhow::Result<ExitCode> {
    let mut node = NodeConfig::default();
    node.telemetry.log = LogFormat::Text;
    let telemetry = super::telemetry(&node, log_filter, "warn")?;
    let bound = SimServer::bind((args.port > 0).then_some(args.port)).with_context(|| {
        format!("cannot listen on 127.0.0.1:{}: choose another --port", args.port)
    })?;
    let world = Arc::new(world(args, &bound.url)?);
    if let Some(directory) = &args.write_config {
        config_dir::write(directory, &world)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        // Before anybody is told that the stand-ins are there.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let url = bound.url.clone();
        let marks = world.organizations.iter().map(LedgerMark::take).collect();
        let server = bound.serve_since(world.clone(), marks)?;
        announce(args, &world, &url);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        anyhow::Ok(server)
    })?;
    served.stop();
    telemetry.shutdown();
    Ok(ExitCode::SUCCESS)
}

/// Builds and fills the organizations.
fn world(args: &SimArgs, url: &str) -> anyhow::Result<World> {
    let clock = SimClock::real();
    let mailboxes = usize::try_from(args.mailboxes)?;
    let specs: Vec<SeedSpec> = args
        .organizations
        .iter()
        .zip(args.seed..)
        .map(|(name, seed)| args.items.of(SeedSpec::new(name, mailboxes, seed, clock.now())))
        .collect();
    for (at, spec) in specs.iter().enumerate() {
        if specs.iter().take(at).any(|other| other.name == spec.name) {
            bail!("--organizations names {} twice", spec.name);
        }
    }
    let organizations = specs
        .iter()
        .map(|spec| OrganizationSpec::new(&spec.name, seed::organization(spec), spec.seed));
    let world = World::new(url, organizations.collect(), clock.as_fn());
    for (organization, spec) in world.organizations.iter().zip(&specs) {
        seed::fill(organization, spec).map_err(|refused| anyhow!("{refused}"))?;
    }
    Ok(world)
}

fn announce(args: &SimArgs, world: &World, url: &str) {
    let mut table = table(&["Organization", "Mailboxes", "Dataverse", "Microsoft Graph"]);
    let mut list = Vec::new();
    for one in &world.organizations {
        let (mailboxes, graph) = (one.people.len(), format!("{}/v1.0", one.graph_url()));
        let dataverse = one.dataverse_url();
        list.push(json!({ "organization": one.name, "mailboxes": mailboxes,
            "dataverse": dataverse, "graph": graph }));
        table.add_row([one.name.clone(), mailboxes.to_string(), dataverse, graph]);
    }
    let config = args.write_config.as_ref().map(|it| it.display().to_string());
    let node = config
        .as_ref()
        .map(|directory| format!("a node for them: lockstep serve --config {directory}\n"));
    let sentence = format!(
        "{table}\nwhat they hold: {url}/_sim/summary\n{}the stand-ins listen on {url}; Ctrl-C ends them",
        node.unwrap_or_default()
    );
    args.told.say(&sentence, &json!({ "url": url, "config": config, "organizations": list }));
}

fn organization_name(text: &str) -> Result<String, String> {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.is_empty() || text.len() > NAME_MAX_BYTES || !text.bytes().all(known) {
        return Err("a name has 1 to 63 of the characters a-z, 0-9 and -".to_owned());
    }
    Ok(text.to_owned())
}
