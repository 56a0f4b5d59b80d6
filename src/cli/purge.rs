//! `lockstep purge` and `lockstep admit`: a mailbox leaves without a trace, and comes back.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{anyhow, bail};
use serde_json::json;

use super::desk::{Desk, bar};
use super::told::Told;
use super::{ConfigArgs, Format, plan, show};
use crate::app::once;
use crate::app::operate::document::PlanDoc;
use crate::app::operate::purge;
use crate::config::Environment;
use crate::cycle::Judged;
use crate::domain::code::Code;
use crate::domain::ids::MailboxKey;
use crate::domain::policy::Mailbox;

/// Arguments of `lockstep purge`.
#[derive(Debug, clap::Args)]
pub(super) struct PurgeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The tenant.
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// The mailbox: its address or its id.
    #[arg(long, value_name = "ADDRESS")]
    mailbox: String,
    /// Do it. Without this the plan is shown and nothing happens.
    #[arg(long)]
    yes: bool,
    /// Also remove meetings whose removal mails their attendees.
    #[arg(long)]
    allow_mail: bool,
    /// How to print the plan and the result.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Arguments of `lockstep admit`.
#[derive(Debug, clap::Args)]
pub(super) struct AdmitArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The tenant.
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// The mailbox: its address or its id.
    #[arg(long, value_name = "ADDRESS")]
    mailbox: String,
    #[command(flatten)]
    told: Told,
}

pub(super) fn run(
    args: &PurgeArgs,
    environment: &Environment,
    log_filter: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let desk = Desk::open(&args.config, &args.tenant, "purge", environment, log_filter)?;
    let work = async {
        let tenant = &desk.tenant;
        let mailbox = choose(once::enrol(tenant).await?, &args.mailbox)?;
        if args.yes {
            desk.own(std::slice::from_ref(&mailbox)).await?;
        }
        let bar = bar(&args.tenant, 2);
        let prepared = purge::prepare(tenant, &mailbox, args.allow_mail).await;
        let prepared = prepared.map_err(|reason| anyhow!("{}: {reason}", args.mailbox))?;
        bar.inc(1);
        let made = tenant.deps.clock.now();
        let doc = PlanDoc::new("purge", &args.tenant, made, vec![purge::view(&prepared)]);
        let done = match args.yes {
            true => Some(purge::purge(tenant, prepared, &|| bar.inc(1)).await),
            false => None,
        };
        bar.finish_and_clear();
        Ok((mailbox, doc, done))
    };
    let (mailbox, doc, done) = if args.yes { desk.write(work)? } else { desk.read(work)? };
    desk.close();
    match args.format {
        Format::Json => say!("{:#}", serde_json::to_value(&doc)?),
        Format::Table => show::plan(&doc),
    }
    let Some(result) = done else {
        if args.format == Format::Table {
            say!("nothing was done; add --yes to do it");
        }
        return Ok(ExitCode::SUCCESS);
    };
    let applied = vec![(mailbox, result)];
    plan::print(&args.tenant, &applied, args.format);
    if args.format == Format::Table {
        say!("the mailbox takes no part from now on; `lockstep admit` lets it back");
    }
    Ok(plan::code(&applied))
}

pub(super) fn admit(
    args: &AdmitArgs,
    environment: &Environment,
    log_filter: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let desk = Desk::open(&args.config, &args.tenant, "admit", environment, log_filter)?;
    let was = desk.read(async {
        let tenant = &desk.tenant;
        let judged = once::enrol(tenant).await?;
        let id = find(&judged, &args.mailbox)?.id;
        let key = MailboxKey { tenant: tenant.options.tenant.clone(), mailbox: id };
        Ok(tenant.deps.links.admit(&key).await?)
    })?;
    desk.close();
    if !was {
        bail!("{} was not kept out", args.mailbox);
    }
    let facts = json!({ "done": "admitted", "tenant": args.tenant, "mailbox": args.mailbox });
    args.told.say("admitted: a running node takes it up within five minutes", &facts);
    Ok(ExitCode::SUCCESS)
}

fn find<'a>(judged: &'a [Judged], wanted: &str) -> anyhow::Result<&'a Judged> {
    let is = |one: &&Judged| {
        one.id.to_string() == wanted
            || one.address.as_ref().is_some_and(|it| it.as_str() == wanted.to_lowercase())
    };
    let found = judged.iter().find(is);
    found.ok_or_else(|| anyhow!("no mailbox record has the address or id {wanted}"))
}

/// A mailbox may be purged again, and also when it takes no part for another reason.
fn choose(judged: Vec<Judged>, wanted: &str) -> anyhow::Result<Arc<Mailbox>> {
    let one = find(&judged, wanted)?;
    one.known.clone().ok_or_else(|| {
        let why: Vec<&str> = one.reasons.iter().map(|(_, code)| Code::as_str(*code)).collect();
        anyhow!("the record of {wanted} names no user or no address: {}", why.join(", "))
    })
}
