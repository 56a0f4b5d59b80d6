//! `lockstep sync --once`: every mailbox until nothing changes. Without `--once`, one mailbox of a running
//! node (`node`).

mod node;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::Format;
use super::desk::own;
use super::status::NodeArgs;
use super::table::table;
use crate::actors::runtime::TenantRuntime;
use crate::app::App;
use crate::app::once::{self, MailboxResult, Progress};
use crate::config::Environment;
use crate::cycle::{CycleReport, Judged};
use crate::domain::policy::Mailbox;
use crate::domain::side::Side;

/// Passes over all mailboxes before `sync --once` gives up waiting for a quiet one.
const PASSES: u32 = 8;

/// Arguments of `lockstep sync`.
#[derive(Debug, clap::Args)]
pub(super) struct SyncArgs {
    #[command(flatten)]
    node: NodeArgs,
    /// Synchronize without a node, and end. (A node that stays is `lockstep serve`.)
    #[arg(long, conflicts_with = "url")]
    once: bool,
    /// Only this tenant.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Only this mailbox: its address or its id. Without --once a running node is asked for it, and the
    /// result is waited for.
    #[arg(long, value_name = "ADDRESS")]
    mailbox: Option<String>,
    /// How to write the result.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// The result of one tenant.
struct TenantResult {
    tenant: String,
    mailboxes: Vec<MailboxResult>,
    /// Why the tenant could not run at all.
    failed: Option<String>,
    /// It has no mailbox of the name that was asked for.
    elsewhere: bool,
}

/// A tenant without the mailbox that was asked for.
#[derive(Debug, thiserror::Error)]
#[error("no mailbox record has the address or id {0}")]
struct NoMailbox(String);

pub(super) fn run(
    args: &SyncArgs,
    environment: &Environment,
    log_filter: Option<&str>,
) -> anyhow::Result<ExitCode> {
    match &args.mailbox {
        Some(mailbox) if !args.once => return node::run(args, mailbox, environment),
        None if !args.once => bail!(
            "name with --mailbox what a running node is asked for, or synchronize all mailboxes \
             without a node: --once"
        ),
        Some(_) | None => {}
    }
    let loaded = super::load(&args.node.config, environment)?;
    let telemetry = super::telemetry(&loaded.node, log_filter, "warn")?;
    let io = super::io_runtime()?;
    let app = super::open(&io, loaded.node, "sync")?;
    let files = loaded.tenants.into_iter().map(|file| file.config);
    let wanted: Vec<_> = files
        .filter(|config| args.tenant.as_deref().is_none_or(|name| name == config.tenant.as_str()))
        .collect();
    if wanted.is_empty() {
        bail!("no tenant to synchronize; drop a file into tenants/ or mend --tenant");
    }
    let results = io.block_on(async {
        own(&app, &[]).await?;
        let keeper = app.io.spawn(app.ownership.clone().keep());
        let mut results = Vec::new();
        for config in &wanted {
            results.push(one_tenant(&app, &app.tenant(config), args).await);
        }
        keeper.abort();
        app.ownership.release().await;
        anyhow::Ok(results)
    })?;
    telemetry.shutdown();
    let results = where_it_is(results);
    print(&results, args.format);
    Ok(code(&results))
}

/// A mailbox that one tenant has is not missing in the others.
fn where_it_is(results: Vec<TenantResult>) -> Vec<TenantResult> {
    let found = results.iter().any(|one| !one.elsewhere);
    results.into_iter().filter(|one| !found || !one.elsewhere).collect()
}

async fn one_tenant(app: &App, tenant: &Arc<TenantRuntime>, args: &SyncArgs) -> TenantResult {
    let name = tenant.options.tenant.to_string();
    match select(app, tenant, args.mailbox.as_deref()).await {
        Ok(mailboxes) => {
            let bar = Bar::new(&name);
            let mailboxes = once::run(tenant, mailboxes, PASSES, &bar).await;
            bar.bar.finish_and_clear();
            TenantResult { tenant: name, mailboxes, failed: None, elsewhere: false }
        }
        Err(error) => {
            let (mailboxes, elsewhere) = (Vec::new(), error.is::<NoMailbox>());
            TenantResult { tenant: name, mailboxes, failed: Some(format!("{error:#}")), elsewhere }
        }
    }
}

async fn select(
    app: &App,
    tenant: &TenantRuntime,
    wanted: Option<&str>,
) -> anyhow::Result<Vec<Arc<Mailbox>>> {
    let chosen = choose(once::enrol(tenant).await?, wanted)?;
    own(app, &chosen.iter().map(|one| &one.key).collect::<Vec<_>>()).await?;
    Ok(chosen)
}

/// Returns the mailboxes that take part: all, or the one with an address or id.
pub(super) fn choose(
    judged: Vec<Judged>,
    wanted: Option<&str>,
) -> anyhow::Result<Vec<Arc<Mailbox>>> {
    let Some(wanted) = wanted else {
        return Ok(judged.into_iter().filter_map(|one| one.mailbox).collect());
    };
    let one = judged
        .into_iter()
        .find(|one| {
            one.id.to_string() == wanted
                || one.address.as_ref().is_some_and(|it| it.as_str() == wanted.to_lowercase())
        })
        .ok_or_else(|| NoMailbox(wanted.to_owned()))?;
    match one.mailbox {
        Some(mailbox) => Ok(vec![mailbox]),
        None => {
            let why: Vec<String> =
                one.reasons.iter().map(|(rule, code)| format!("{code} ({rule})")).collect();
            bail!("the mailbox {wanted} does not take part: {}", why.join(", "))
        }
    }
}

/// A progress bar on standard error, absent when nobody looks.
pub(super) struct Bar {
    pub(super) bar: ProgressBar,
    label: String,
}

impl Bar {
    pub(super) fn new(label: &str) -> Self {
        let bar = ProgressBar::new(0);
        let template = "{prefix:16} {bar:32} {pos}/{len} cycles  {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(label.to_owned());
        Self { bar, label: label.to_owned() }
    }
}

impl Progress for Bar {
    fn pass(&self, number: u32, mailboxes: usize) {
        self.bar.inc_length(mailboxes as u64);
        self.bar.set_message(format!("pass {number}"));
        if self.bar.is_hidden() {
            eprintln!("{}: pass {number} over {mailboxes} mailboxes", self.label);
        }
    }

    fn cycle(&self, _report: Option<&CycleReport>) {
        self.bar.inc(1);
    }
}

fn print(results: &[TenantResult], format: Format) {
    match format {
        Format::Json => {
            say!("{:#}", json!({ "tenants": results.iter().map(as_json).collect::<Vec<_>>() }))
        }
        Format::Table => {
            let mut table = table(&[
                "Tenant",
                "Mailboxes",
                "Cycles",
                "To Exchange",
                "To Dynamics",
                "Mails",
                "Waiting",
                "Parked",
                "Failed",
            ]);
            for one in results {
                let sum = |of: &dyn Fn(&MailboxResult) -> u64| {
                    one.mailboxes.iter().map(of).sum::<u64>().to_string()
                };
                table.add_row([
                    one.tenant.clone(),
                    one.mailboxes.len().to_string(),
                    sum(&|it| u64::from(it.cycles)),
                    sum(&|it| *it.done.get(Side::Exchange)),
                    sum(&|it| *it.done.get(Side::Dynamics)),
                    sum(&|it| it.mails),
                    sum(&|it| u64::from(it.unsettled)),
                    sum(&|it| u64::from(it.parked)),
                    sum(&|it| u64::from(it.end.is_some())),
                ]);
            }
            say!("{table}");
            for one in results {
                troubles(one);
            }
        }
    }
}

fn troubles(one: &TenantResult) {
    if let Some(reason) = &one.failed {
        say!("{}: could not run: {reason}", one.tenant);
    }
    for mailbox in one.mailboxes.iter().filter(|it| it.end.is_some()) {
        if let Some((code, reason)) = &mailbox.end {
            say!("{}: {code}: {reason}", mailbox.mailbox.key);
        }
    }
}

fn as_json(one: &TenantResult) -> serde_json::Value {
    let mailboxes: Vec<_> = one
        .mailboxes
        .iter()
        .map(|it| {
            json!({
                "mailbox": it.mailbox.key.mailbox,
                "cycles": it.cycles,
                "written": { "dynamics": it.done.dynamics, "exchange": it.done.exchange },
                "mails": it.mails,
                "unsettled": it.unsettled,
                "parked": it.parked,
                "code": it.end.as_ref().map(|(code, _)| code.as_str()),
                "reason": it.end.as_ref().map(|(_, reason)| reason.clone()),
                "quiet": it.quiet,
            })
        })
        .collect();
    json!({ "tenant": one.tenant, "failed": one.failed, "mailboxes": mailboxes })
}

/// 1 when a tenant could not run, 2 when something was left over, else 0.
fn code(results: &[TenantResult]) -> ExitCode {
    if results.iter().any(|one| one.failed.is_some()) {
        return ExitCode::FAILURE;
    }
    let all = results.iter().flat_map(|one| &one.mailboxes);
    let rest = all.into_iter().any(|it| it.parked > 0 || it.unsettled > 0 || it.end.is_some());
    if rest { super::incomplete() } else { ExitCode::SUCCESS }
}
