//! `lockstep retry-item`: one parked item is tried again now, over a node's private API.

use std::process::ExitCode;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::status::{NodeArgs, ask, root};
use crate::config::Environment;
use crate::http::Method;

/// Arguments of `lockstep retry-item`.
#[derive(Debug, clap::Args)]
pub(super) struct RetryArgs {
    #[command(flatten)]
    node: NodeArgs,
    /// The tenant.
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// The mailbox's id.
    #[arg(long, value_name = "ID")]
    mailbox: String,
    /// The item: its link, as `status --items` lists it, its row, or its id in Exchange.
    #[arg(long, value_name = "ID")]
    item: String,
}

pub(super) fn run(args: &RetryArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let root = root(&args.node, environment)?;
    let RetryArgs { tenant, mailbox, item, .. } = args;
    let item = utf8_percent_encode(item, NON_ALPHANUMERIC);
    let path = format!("/api/v1/tenants/{tenant}/mailboxes/{mailbox}/items/{item}/retry");
    ask(Method::Post, &format!("{root}{path}"))?;
    say!("retried: the item is read and decided again in a cycle that starts now");
    Ok(ExitCode::SUCCESS)
}
