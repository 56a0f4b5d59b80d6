//! `lockstep retry-item` and `lockstep ignore-conflict`: commands for one item, over a node's private
//! API.

use std::process::ExitCode;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::named;
use super::status::{NodeArgs, ask, root};
use super::told::Told;
use crate::config::Environment;
use crate::http::Method;

/// Arguments of a command for one item.
#[derive(Debug, clap::Args)]
pub(super) struct ItemArgs {
    #[command(flatten)]
    node: NodeArgs,
    /// The tenant; needed when several have the mailbox.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// The mailbox: its address or its id.
    #[arg(long, value_name = "ADDRESS")]
    mailbox: String,
    /// The item: its link, as decisions and `status --items` show it. To retry, also its row, or its
    /// id in Exchange.
    #[arg(long, value_name = "ID")]
    item: String,
    #[command(flatten)]
    told: Told,
}

/// One parked item is tried again now.
pub(super) fn retry(args: &ItemArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let sentence = "retried: the item is read and decided again in a cycle that starts now";
    command(args, "retry", "retried", sentence, environment)
}

/// A user's decision about one meeting.
pub(super) fn ignore(args: &ItemArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let sentence = "ignored: the next cycle creates the appointment in Dynamics";
    command(args, "ignore-conflict", "ignored", sentence, environment)
}

fn command(
    args: &ItemArgs,
    verb: &str,
    done: &str,
    sentence: &str,
    environment: &Environment,
) -> anyhow::Result<ExitCode> {
    let root = root(&args.node, environment)?;
    let (tenant, mailbox) = named::find(&root, args.tenant.as_deref(), &args.mailbox)?;
    let item = &args.item;
    let id = utf8_percent_encode(item, NON_ALPHANUMERIC);
    let path = format!("/api/v1/tenants/{tenant}/mailboxes/{mailbox}/items/{id}/{verb}");
    ask(Method::Post, &format!("{root}{path}"))?;
    let facts = json!({ "done": done, "tenant": tenant, "mailbox": mailbox, "item": item });
    args.told.say(sentence, &facts);
    Ok(ExitCode::SUCCESS)
}
