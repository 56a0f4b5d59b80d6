//! `lockstep demo`: two organizations, their stand-ins, a node and an embedded store in one process;
//! with --cluster, three nodes as processes of their own.

mod cluster;
mod feed;
mod stage;
mod stop;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use serde_json::json;

use super::Format;
use super::sync::Bar;
use super::table::table;
use crate::app::once::{self, MailboxResult};
use crate::domain::policy::Mailbox;
use crate::domain::side::Side;
use crate::sim::compare::Comparison;
use stage::Stage;

/// Passes over all mailboxes before the demo says that they do not come to rest.
const PASSES: u32 = 8;

/// Arguments of `lockstep demo`.
#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {
    /// Synchronize, prove by an independent comparison that both worlds agree, and end.
    #[arg(long)]
    once: bool,
    /// Three nodes, each a process, and a Redis: a live table of who owns what, and keys that kill and
    /// start nodes. Without a terminal one round is played, and judged at its end.
    #[arg(long, conflicts_with_all = ["once", "port", "every", "seconds", "format"])]
    cluster: bool,
    /// Mailboxes in all, half of them in each organization [default: 200, with --cluster 1000].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=5_000))]
    mailboxes: Option<u32>,
    /// Decides the people, the items and the live edits.
    #[arg(long, value_name = "N", default_value_t = 7)]
    seed: u64,
    /// Port of the status page; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    port: u16,
    /// End the live feed after this many seconds; without it, Ctrl-C does.
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Time between two live edits, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 2_500, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    every: u64,
    /// How to write the summary of --once.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// What the first synchronization of one organization came to.
struct Summary {
    name: String,
    results: Vec<MailboxResult>,
    comparison: Comparison,
    mail_problems: Vec<String>,
}

impl Summary {
    fn is_clean(&self) -> bool {
        let quiet = self.results.iter().all(|it| it.quiet && it.parked == 0);
        quiet && self.comparison.is_clean() && self.mail_problems.is_empty()
    }
}

impl DemoArgs {
    fn mailboxes(&self) -> u32 {
        self.mailboxes.unwrap_or(if self.cluster { 1_000 } else { 200 })
    }
}

pub(super) fn run(args: &DemoArgs, log_filter: Option<&str>) -> anyhow::Result<ExitCode> {
    if args.cluster {
        return cluster::run(args);
    }
    let io = super::io_runtime()?;
    eprintln!("lockstep demo: making two organizations with {} mailboxes", args.mailboxes());
    let stage = Stage::set(&io, args)?;
    let telemetry = super::telemetry(&stage.app.node, log_filter, "error")?;
    eprintln!("first synchronization over real HTTP; every item says which rule moved it");
    let summaries = io.block_on(async {
        tokio::select! {
            summaries = first(&stage) => summaries,
            () = stage.stop.asked() => bail!("stopped during the first synchronization"),
        }
    })?;
    print(&summaries, args.format);
    let clean = summaries.iter().all(Summary::is_clean);
    if !args.once {
        let limit = args.seconds.map(Duration::from_secs);
        feed::live(&stage, Duration::from_millis(args.every), args.seed, limit)?;
    }
    telemetry.shutdown();
    drop(stage);
    io.shutdown_timeout(Duration::from_secs(1));
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn first(stage: &Stage) -> anyhow::Result<Vec<Summary>> {
    if !stage.app.ownership.hold().await? {
        bail!("the demo's own store is held by another process");
    }
    let keeper = stage.app.io.spawn(stage.app.ownership.clone().keep());
    let bars = indicatif::MultiProgress::new();
    let runs = stage.tenants.iter().enumerate().map(|(at, tenant)| {
        let bar = Bar::new(tenant.options.tenant.as_str());
        bars.add(bar.bar.clone());
        async move {
            let judged = once::enrol(tenant).await?;
            let mailboxes: Vec<Arc<Mailbox>> =
                judged.into_iter().filter_map(|one| one.mailbox).collect();
            let results = once::run(tenant, mailboxes, PASSES, &bar).await;
            bar.bar.finish_and_clear();
            anyhow::Ok(stage.judge(at, results))
        }
    });
    let summaries = futures_util::future::try_join_all(runs).await;
    keeper.abort();
    summaries
}

fn print(summaries: &[Summary], format: Format) {
    match format {
        Format::Json => {
            let list: Vec<_> = summaries.iter().map(as_json).collect();
            say!("{:#}", json!({ "organizations": list }));
        }
        Format::Table => {
            let mut table = table(&[
                "Organization",
                "Mailboxes",
                "To Exchange",
                "To Dynamics",
                "Mails",
                "Pairs",
                "Left alone",
                "Differences",
                "Verdict",
            ]);
            for one in summaries {
                let sum = |of: &dyn Fn(&MailboxResult) -> u64| {
                    one.results.iter().map(of).sum::<u64>().to_string()
                };
                let left: usize = one.comparison.left_alone.values().sum();
                let problems = one.comparison.problems.len() + one.mail_problems.len();
                table.add_row([
                    one.name.clone(),
                    one.results.len().to_string(),
                    sum(&|it| *it.done.get(Side::Exchange)),
                    sum(&|it| *it.done.get(Side::Dynamics)),
                    sum(&|it| it.mails),
                    one.comparison.pairs.to_string(),
                    left.to_string(),
                    problems.to_string(),
                    if one.is_clean() { "in step" } else { "NOT IN STEP" }.to_owned(),
                ]);
            }
            say!("{table}");
            summaries.iter().filter(|one| !one.is_clean()).for_each(troubles);
        }
    }
}

/// Says what is not in step; the first twenty of each sort are enough to begin with.
fn troubles(one: &Summary) {
    say!("{}", one.comparison.table());
    for problem in one.mail_problems.iter().take(20) {
        say!("{}: mail: {problem}", one.name);
    }
    for result in one.results.iter().filter(|it| !it.quiet || it.parked > 0).take(20) {
        let end =
            result.end.as_ref().map_or_else(String::new, |(code, why)| format!("{code}: {why}"));
        say!(
            "{}: {} waiting, {} parked {end}",
            result.mailbox.key,
            result.unsettled,
            result.parked
        );
    }
}

fn as_json(one: &Summary) -> serde_json::Value {
    json!({
        "organization": one.name,
        "mailboxes": one.results.len(),
        "written": {
            "exchange": one.results.iter().map(|it| *it.done.get(Side::Exchange)).sum::<u64>(),
            "dynamics": one.results.iter().map(|it| *it.done.get(Side::Dynamics)).sum::<u64>(),
        },
        "mails": one.results.iter().map(|it| it.mails).sum::<u64>(),
        "pairs": one.comparison.pairs,
        "leftAlone": one.comparison.left_alone,
        "differences": one.comparison.problems.len(),
        "mailProblems": one.mail_problems,
        "inStep": one.is_clean(),
    })
}
