//! `lockstep undo`: what cycles overwrote or deleted comes back on both sides.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;
use uuid::Uuid;

use super::desk::{Desk, Scope, bar};
use super::sync::choose;
use super::table::table;
use super::{Format, plan, show};
use crate::app::once;
use crate::app::operate::document::PlanDoc;
use crate::app::operate::undo::{self, KeptCycle};
use crate::config::Environment;
use crate::cycle::Wanted;
use crate::domain::ids::CycleId;
use crate::domain::policy::Mailbox;

/// Arguments of `lockstep undo`. Without --cycle, --item or --since it lists the cycles of which
/// versions are kept.
#[derive(Debug, clap::Args)]
pub(super) struct UndoArgs {
    #[command(flatten)]
    scope: Scope,
    /// Restore what this cycle overwrote or deleted.
    #[arg(long, value_name = "ID", conflicts_with_all = ["item", "since"])]
    cycle: Option<Uuid>,
    /// Restore what the last cycle did to this item: its link, or its id on either side.
    #[arg(long, value_name = "ID", conflicts_with = "since")]
    item: Option<String>,
    /// Restore everything since an instant, such as 2026-11-26T08:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Do it. Without this the plan is shown and nothing happens.
    #[arg(long)]
    yes: bool,
    /// Also restore meetings whose restoration mails their attendees.
    #[arg(long)]
    allow_mail: bool,
    /// How to print the plan and the result.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub(super) fn run(
    args: &UndoArgs,
    environment: &Environment,
    log_filter: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let wanted = wanted(args)?;
    let desk = Desk::open(&args.scope.config, &args.scope.tenant, "undo", environment, log_filter)?;
    let Some(wanted) = wanted else {
        let listed = desk.read(list(&desk, args))?;
        desk.close();
        print_list(args, &listed);
        return Ok(ExitCode::SUCCESS);
    };
    let work = async {
        let tenant = &desk.tenant;
        let mailboxes = choose(once::enrol(tenant).await?, args.scope.mailbox.as_deref())?;
        if args.yes {
            desk.own(&mailboxes).await?;
        }
        let bar = bar(&args.scope.tenant, mailboxes.len() * if args.yes { 2 } else { 1 });
        let tick = || bar.inc(1);
        let planned = undo::prepare(tenant, mailboxes, &wanted, args.allow_mail, &tick).await;
        let made = tenant.deps.clock.now();
        let views = planned.iter().map(undo::view).collect();
        let doc = PlanDoc::new("undo", &args.scope.tenant, made, views);
        let done = match args.yes {
            true => Some(undo::undo(tenant, planned, &tick).await),
            false => None,
        };
        bar.finish_and_clear();
        Ok((doc, done))
    };
    let (doc, done) = if args.yes { desk.write(work)? } else { desk.read(work)? };
    desk.close();
    match args.format {
        Format::Json => say!("{:#}", serde_json::to_value(&doc)?),
        Format::Table => show::plan(&doc),
    }
    let failed = doc.totals.failed > 0;
    match done {
        Some(applied) => {
            plan::print(&args.scope.tenant, &applied, args.format);
            let left = doc.mailboxes.iter().any(|one| !one.skipped.is_empty());
            if applied.is_empty() && args.format == Format::Table {
                say!("nothing was restored");
            }
            // What failed is told first; then that something, or all, stays as it is.
            let failed = applied.iter().any(|(_, result)| result.is_err());
            let whole = !left && !applied.is_empty();
            Ok(if failed || whole { plan::code(&applied) } else { super::incomplete() })
        }
        None => {
            if args.format == Format::Table {
                say!("nothing was done; add --yes to do it");
            }
            Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
    }
}

fn wanted(args: &UndoArgs) -> anyhow::Result<Option<Wanted>> {
    if let Some(cycle) = args.cycle {
        return Ok(Some(Wanted::Cycle(CycleId(cycle))));
    }
    if let Some(item) = &args.item {
        return Ok(Some(Wanted::Item(item.clone())));
    }
    let Some(since) = &args.since else { return Ok(None) };
    let at = DateTime::parse_from_rfc3339(since)
        .with_context(|| format!("--since {since} is no instant; write 2026-11-26T08:00:00Z"))?;
    Ok(Some(Wanted::Since(at.with_timezone(&Utc))))
}

type Listed = Vec<(Arc<Mailbox>, Vec<KeptCycle>)>;

async fn list(desk: &Desk, args: &UndoArgs) -> anyhow::Result<Listed> {
    let mailboxes = choose(once::enrol(&desk.tenant).await?, args.scope.mailbox.as_deref())?;
    let mut listed = Vec::new();
    for mailbox in mailboxes {
        let cycles = undo::cycles(&desk.tenant, &mailbox).await;
        listed.push((mailbox, cycles.map_err(|reason| anyhow!(reason))?));
    }
    Ok(listed)
}

fn print_list(args: &UndoArgs, listed: &Listed) {
    let at = |one: &KeptCycle| one.at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let rows =
        listed.iter().flat_map(|(mailbox, cycles)| cycles.iter().map(move |it| (mailbox, it)));
    if args.format == Format::Json {
        let cycles: Vec<_> = rows
            .map(|(mailbox, one)| {
                json!({ "mailbox": mailbox.key.mailbox, "cycle": one.cycle.0, "at": at(one),
                    "updates": one.updates, "deletes": one.deletes })
            })
            .collect();
        return say!("{:#}", json!({ "tenant": args.scope.tenant, "cycles": cycles }));
    }
    let mut table = table(&["Mailbox", "When", "Cycle", "Overwritten", "Deleted"]);
    for (mailbox, one) in rows {
        table.add_row([
            mailbox.address.as_str().to_owned(),
            at(one),
            one.cycle.to_string(),
            one.updates.to_string(),
            one.deletes.to_string(),
        ]);
    }
    say!("{table}");
}
