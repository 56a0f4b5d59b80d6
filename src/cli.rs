//! The command line: `lockstep <command>`, each with help and an example.
//!
//! Exit codes: 0 done, 1 could not run, 2 ran with items parked or mailboxes halted.

/// Writes a line to standard output. A reader that went away (`lockstep rules | head`) is no error.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

/// Writes text without a line end to standard output.
macro_rules! say_on {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = write!(std::io::stdout(), $($text)*);
    }};
}

mod check;
mod demo;
mod desk;
mod explain;
mod item;
mod named;
mod plan;
mod purge;
mod relink;
mod rules;
mod serve;
mod show;
mod sim;
mod status;
mod sync;
mod table;
mod told;
mod undo;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::anyhow;
use clap::{Parser, Subcommand, ValueEnum};

use crate::app::App;
use crate::app::clock::SystemClock;
use crate::config::{self, Environment, Loaded, NodeConfig, Problem};
use crate::telemetry::{self, TelemetryOptions};

/// Keeps appointments, contacts and tasks in step between Dynamics 365 and Exchange.
#[derive(Debug, Parser)]
#[command(name = "lockstep", version, about, arg_required_else_help = true)]
#[command(after_help = "Example:\n  lockstep demo --once\n  lockstep check --config ./config")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show it working: two organizations, their stand-ins and a node in one process.
    #[command(after_help = "Example:\n  lockstep demo\n  lockstep demo --once --mailboxes 200")]
    Demo(demo::DemoArgs),
    /// Run a node: synchronize all tenants of the configuration until stopped.
    #[command(after_help = "Example:\n  lockstep serve --config /etc/lockstep")]
    Serve(ConfigArgs),
    /// Synchronize now: every mailbox until nothing changes, or one mailbox of a running node.
    #[command(after_help = "Example:\n  lockstep sync --once --tenant contoso --format json\n  \
                     lockstep sync --mailbox anna@contoso.com --url http://127.0.0.1:8080")]
    Sync(sync::SyncArgs),
    /// Show exactly what the next cycles would write, delete and mail to whom, without doing it.
    #[command(after_help = "Example:\n  lockstep plan --tenant contoso\n  \
                            lockstep plan --tenant contoso --mailbox anna@contoso.com --out plan.json")]
    Plan(plan::PlanArgs),
    /// Carry out exactly the plan of a file, or nothing when the world has moved.
    #[command(after_help = "Example:\n  lockstep apply plan.json")]
    Apply(plan::ApplyArgs),
    /// Bring back what cycles overwrote or deleted, on both sides; without a choice, list them.
    #[command(
        after_help = "Example:\n  lockstep undo --tenant contoso --mailbox anna@contoso.com\n  \
                            lockstep undo --tenant contoso --item 5f1c… --yes"
    )]
    Undo(undo::UndoArgs),
    /// Remove from a mailbox everything that Lockstep wrote there, and only that.
    #[command(
        after_help = "Example:\n  lockstep purge --tenant contoso --mailbox anna@contoso.com\n  \
                            lockstep purge --tenant contoso --mailbox anna@contoso.com --yes"
    )]
    Purge(purge::PurgeArgs),
    /// Let a purged mailbox take part again.
    #[command(
        after_help = "Example:\n  lockstep admit --tenant contoso --mailbox anna@contoso.com"
    )]
    Admit(purge::AdmitArgs),
    /// Rebuild the links of a lost or damaged state store from the markers; writes to no side.
    #[command(after_help = "Example:\n  lockstep relink --tenant contoso")]
    Relink(relink::RelinkArgs),
    /// Check the configuration; with --online, also the far sides and every mailbox.
    #[command(after_help = "Example:\n  lockstep check --config ./config --online")]
    Check(check::CheckArgs),
    /// Show what a running node does.
    #[command(after_help = "Example:\n  lockstep status --url http://127.0.0.1:8080\n  \
                            lockstep status --mailbox anna@contoso.com --items")]
    Status(status::StatusArgs),
    /// Let exactly the halted plan of a mailbox pass, or plan again with brakes; retry a parked one.
    #[command(
        after_help = "Example:\n  lockstep release --mailbox anna@contoso.com --plan 0c4a…\n  \
                      lockstep release --mailbox anna@contoso.com --with-brakes"
    )]
    Release(status::ReleaseArgs),
    /// Ignore the scheduling conflict of a meeting: its row is created in Dynamics all the same.
    #[command(
        after_help = "Example:\n  lockstep ignore-conflict --mailbox anna@contoso.com --item 8d2e…"
    )]
    IgnoreConflict(item::ItemArgs),
    /// Explain an item: what was detected, decided and written, by which rule, and what would change it.
    #[command(
        after_help = "Example:\n  lockstep explain --tenant contoso --mailbox anna@contoso.com --subject \"Project review\""
    )]
    Explain(explain::ExplainArgs),
    /// Try a parked item again now.
    #[command(
        after_help = "Example:\n  lockstep retry-item --mailbox anna@contoso.com --item 8a2e…"
    )]
    RetryItem(item::ItemArgs),
    /// List the rules: sentence, source, what decides them, what proves them.
    #[command(after_help = "Example:\n  lockstep rules --format json")]
    Rules(rules::RulesArgs),
    /// Run the stand-ins of Dataverse and Microsoft Graph as a process of their own.
    #[command(after_help = "Example:\n  lockstep sim --port 9400 --write-config ./sim-config")]
    Sim(sim::SimArgs),
}

/// Where the configuration stands.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ConfigArgs {
    /// The directory with lockstep.toml and tenants/*.toml.
    #[arg(long, value_name = "DIR", default_value = "config")]
    pub(crate) config: PathBuf,
}

/// How output is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Runs the command line. `environment` and `log_filter` come from the process's environment.
pub fn run(cli: Cli, environment: &Environment, log_filter: Option<&str>) -> ExitCode {
    let outcome = match cli.command {
        Command::Demo(args) => demo::run(&args, log_filter),
        Command::Serve(args) => serve::run(&args, environment, log_filter),
        Command::Sync(args) => sync::run(&args, environment, log_filter),
        Command::Plan(args) => plan::run(&args, environment, log_filter),
        Command::Apply(args) => plan::apply(&args, environment, log_filter),
        Command::Undo(args) => undo::run(&args, environment, log_filter),
        Command::Purge(args) => purge::run(&args, environment, log_filter),
        Command::Admit(args) => purge::admit(&args, environment, log_filter),
        Command::Relink(args) => relink::run(&args, environment, log_filter),
        Command::Check(args) => check::run(&args, environment),
        Command::Status(args) => status::run(&args, environment),
        Command::Release(args) => status::release(&args, environment),
        Command::IgnoreConflict(args) => item::ignore(&args, environment),
        Command::Explain(args) => explain::run(&args, environment, log_filter),
        Command::RetryItem(args) => item::retry(&args, environment),
        Command::Rules(args) => rules::run(&args),
        Command::Sim(args) => sim::run(&args, log_filter),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("lockstep: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Ran, with items parked or mailboxes halted.
pub(crate) fn incomplete() -> ExitCode {
    ExitCode::from(2)
}

/// Loads the configuration; all its problems at once when it has any.
pub(crate) fn load(args: &ConfigArgs, environment: &Environment) -> anyhow::Result<Loaded> {
    demand_directory(args)?;
    let loaded = config::load(&args.config, environment).map_err(|problems| {
        anyhow!("the configuration has problems\n{}", config::render(&problems))
    })?;
    if !loaded.warnings.is_empty() {
        eprint!("{}", config::render(&loaded.warnings));
    }
    Ok(loaded)
}

/// Loads what a node needs to start: its own file. A tenant's broken file keeps nobody else down.
pub(crate) fn load_node(
    args: &ConfigArgs,
    environment: &Environment,
) -> anyhow::Result<NodeConfig> {
    demand_directory(args)?;
    let (node, warnings) = config::load_node(&args.config, environment)
        .map_err(|problems| anyhow!("the node file has problems\n{}", config::render(&problems)))?;
    eprint!("{}", config::render(&warnings));
    Ok(node)
}

/// A directory that does not exist is a mistake, not an empty configuration.
fn demand_directory(args: &ConfigArgs) -> anyhow::Result<()> {
    missing_directory(args).map_or(Ok(()), |one| Err(anyhow!("{}; {}", one.message, one.remedy)))
}

/// Returns what is wrong when the directory does not exist.
fn missing_directory(args: &ConfigArgs) -> Option<Problem> {
    let message = format!("there is no configuration directory {}", args.config.display());
    let problem = || Problem::of_file(&args.config, message, "name one with --config DIR");
    (!args.config.is_dir()).then(problem)
}

/// Builds the runtime of cycles and I/O.
pub(crate) fn io_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    Ok(builder.enable_all().thread_name("lockstep-io").build()?)
}

/// Opens the shared parts of a node on the I/O runtime.
pub(crate) fn open(
    io: &tokio::runtime::Runtime,
    node: NodeConfig,
    command: &str,
) -> anyhow::Result<Arc<App>> {
    Ok(Arc::new(io.block_on(App::open(node, Arc::new(SystemClock), command))?))
}

/// Starts logs and traces.
pub(crate) fn telemetry(
    node: &NodeConfig,
    filter: Option<&str>,
    default_filter: &str,
) -> anyhow::Result<telemetry::Guard> {
    let options = TelemetryOptions {
        otlp_endpoint: node.telemetry.otlp_endpoint.clone(),
        json: node.telemetry.log == config::LogFormat::Json,
        filter: filter.unwrap_or(default_filter).to_owned(),
        service_instance: uuid::Uuid::new_v4().to_string(),
    };
    telemetry::init(&options).map_err(|error| anyhow!("telemetry cannot start: {error}"))
}
