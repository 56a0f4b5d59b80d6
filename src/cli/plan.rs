//! `lockstep plan` and `lockstep apply`: the next cycle in advance, and exactly that cycle.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::json;

use super::desk::{Desk, Scope, bar, write_private};
use super::sync::choose;
use super::table::table;
use super::{ConfigArgs, Format, show};
use crate::app::once;
use crate::app::operate::apply::{Applied, Refusal};
use crate::app::operate::document::{PlanDoc, Sealed};
use crate::app::operate::{self, drafts, views};
use crate::config::Environment;
use crate::domain::side::Side;

/// Bytes of a plan that are read: a million items of ordinary size.
const FILE_MAX_BYTES: u64 = 1024 * 1024 * 1024;

/// Arguments of `lockstep plan`.
#[derive(Debug, clap::Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    scope: Scope,
    /// Write the plan to this file, for `lockstep apply`. Only its owner may read it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Arguments of `lockstep apply`.
#[derive(Debug, clap::Args)]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The file that `lockstep plan --out` wrote.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Carry it out although brakes would halt it: you have seen what it does.
    #[arg(long)]
    release: bool,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub(super) fn run(
    args: &PlanArgs,
    environment: &Environment,
    log_filter: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let desk = Desk::open(&args.scope.config, &args.scope.tenant, "plan", environment, log_filter)?;
    let sealed = desk.read(async {
        let tenant = &desk.tenant;
        let mailboxes = choose(once::enrol(tenant).await?, args.scope.mailbox.as_deref())?;
        let bar = bar(&args.scope.tenant, mailboxes.len());
        let made = tenant.deps.clock.now();
        let drafted = drafts(tenant, mailboxes, &|| bar.inc(1)).await;
        bar.finish_and_clear();
        let doc = PlanDoc::new("cycle", &args.scope.tenant, made, views(&drafted));
        doc.seal(&tenant.print_key().await?)
    })?;
    desk.close();
    if let Some(path) = &args.out {
        write_private(path, format!("{:#}\n", serde_json::to_value(&sealed)?).as_bytes())?;
    }
    match args.format {
        Format::Json => say!("{:#}", serde_json::to_value(&sealed)?),
        Format::Table if args.out.is_some() => show::totals(&sealed.plan),
        Format::Table => show::plan(&sealed.plan),
    }
    let totals = sealed.plan.totals;
    let all = totals.failed > 0 && totals.failed == totals.mailboxes;
    Ok(match (all, totals.failed + totals.halted) {
        (true, _) => ExitCode::FAILURE,
        (false, 0) => ExitCode::SUCCESS,
        (false, _) => super::incomplete(),
    })
}

pub(super) fn apply(
    args: &ApplyArgs,
    environment: &Environment,
    log_filter: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let name = args.file.display();
    let sealed = read(args).with_context(|| format!("{name} is not carried out"))?;
    let tenant = sealed.plan.tenant.clone();
    let desk = Desk::open(&args.config, &tenant, "apply", environment, log_filter)?;
    let done = desk.write(async {
        let tenant = &desk.tenant;
        let key = tenant.print_key().await?;
        let doc = sealed.open(&key).with_context(|| format!("{name} is not carried out"))?;
        if doc.command != "cycle" {
            bail!("{name} is a plan of `lockstep {}`, which carries it out itself", doc.command);
        }
        let judged = once::enrol(tenant).await?;
        let written = |id| doc.mailboxes.iter().any(|one| one.mailbox == id);
        let mailboxes: Vec<_> = judged
            .iter()
            .filter(|one| written(one.id))
            .filter_map(|one| one.mailbox.clone())
            .collect();
        desk.own(&mailboxes).await?;
        // Each mailbox is planned again, then written.
        let bar = bar(&doc.tenant, 2 * doc.mailboxes.len());
        let done = operate::apply::apply(tenant, &judged, &doc, args.release, &|| bar.inc(1)).await;
        bar.finish_and_clear();
        Ok(done)
    })?;
    desk.close();
    match done {
        Ok(applied) => {
            print(&tenant, &applied, args.format);
            Ok(code(&applied))
        }
        Err(refusal) => Ok(refused(&refusal, args.format)),
    }
}

fn read(args: &ApplyArgs) -> anyhow::Result<Sealed> {
    let size = std::fs::metadata(&args.file)?.len();
    if size > FILE_MAX_BYTES {
        bail!("it has {size} bytes; a plan has at most {FILE_MAX_BYTES}");
    }
    Sealed::parse(&std::fs::read(&args.file)?)
}

/// Nothing was written. 1 when the world has moved, 2 when a brake holds.
fn refused(refusal: &Refusal, format: Format) -> ExitCode {
    let (why, list, remedy) = match refusal {
        Refusal::Moved(list) => ("moved", list, "the world has moved; make a new plan"),
        Refusal::Halted(list) => {
            ("halted", list, "a brake holds it; look, then run `lockstep apply --release FILE`")
        }
    };
    match format {
        Format::Json => say!("{:#}", json!({ "refused": why, "reasons": list })),
        Format::Table => {
            for text in list {
                say!("{text}");
            }
            say!("nothing was written: {remedy}");
        }
    }
    match refusal {
        Refusal::Moved(_) => ExitCode::FAILURE,
        Refusal::Halted(_) => super::incomplete(),
    }
}

pub(super) fn print(tenant: &str, applied: &[Applied], format: Format) {
    if format == Format::Json {
        let mailboxes: Vec<_> = applied.iter().map(as_json).collect();
        say!("{:#}", json!({ "tenant": tenant, "mailboxes": mailboxes }));
        return;
    }
    let mut table =
        table(&["Mailbox", "To Dynamics", "To Exchange", "Mails", "Waiting", "Parked", "Failed"]);
    for (mailbox, result) in applied {
        let address = mailbox.address.as_str().to_owned();
        match result {
            Ok(report) => table.add_row([
                address,
                report.done.get(Side::Dynamics).to_string(),
                report.done.get(Side::Exchange).to_string(),
                mails(report).to_string(),
                report.unsettled.to_string(),
                report.parked.to_string(),
                String::new(),
            ]),
            Err(reason) => {
                let none = String::new;
                table.add_row([address, none(), none(), none(), none(), none(), reason.clone()])
            }
        };
    }
    say!("{table}");
}

fn mails(report: &crate::cycle::CycleReport) -> u64 {
    let each = |line: &crate::cycle::Line| u64::from(crate::engine::preview::people(line.mail));
    report.lines.iter().map(each).sum()
}

fn as_json((mailbox, result): &Applied) -> serde_json::Value {
    match result {
        Ok(report) => json!({
            "mailbox": mailbox.key.mailbox,
            "written": { "dynamics": report.done.dynamics, "exchange": report.done.exchange },
            "mails": mails(report),
            "unsettled": report.unsettled,
            "parked": report.parked,
            "failed": null,
        }),
        Err(reason) => json!({ "mailbox": mailbox.key.mailbox, "failed": reason }),
    }
}

pub(super) fn code(applied: &[Applied]) -> ExitCode {
    if applied.iter().any(|(_, result)| result.is_err()) {
        return ExitCode::FAILURE;
    }
    let rest = |report: &crate::cycle::CycleReport| report.unsettled > 0 || report.parked > 0;
    if applied.iter().any(|(_, result)| result.as_ref().is_ok_and(rest)) {
        super::incomplete()
    } else {
        ExitCode::SUCCESS
    }
}
