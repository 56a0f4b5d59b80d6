//! `lockstep ignore-conflict`: a user's decision about one meeting, over a node's private API.

use std::process::ExitCode;

use super::status::{NodeArgs, ask, root};
use crate::config::Environment;
use crate::http::Method;

/// Arguments of `lockstep ignore-conflict`.
#[derive(Debug, clap::Args)]
pub(super) struct IgnoreArgs {
    #[command(flatten)]
    node: NodeArgs,
    /// The tenant.
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// The mailbox's id.
    #[arg(long, value_name = "ID")]
    mailbox: String,
    /// The link of the item, as decisions show it.
    #[arg(long, value_name = "LINK")]
    item: String,
}

pub(super) fn run(args: &IgnoreArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let root = root(&args.node, environment)?;
    let IgnoreArgs { tenant, mailbox, item, .. } = args;
    let path = format!("/api/v1/tenants/{tenant}/mailboxes/{mailbox}/items/{item}/ignore-conflict");
    ask(Method::Post, &format!("{root}{path}"))?;
    say!("ignored: the next cycle creates the appointment in Dynamics");
    Ok(ExitCode::SUCCESS)
}
