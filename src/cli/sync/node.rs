//! `lockstep sync --mailbox`: one mailbox of a running node, whichever node owns it.
//!
//! The node finds the mailbox, by its address or id, in all its tenants.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;

use super::SyncArgs;
use crate::cli::status::{ask_within, root};
use crate::cli::{Format, incomplete, named};
use crate::config::Environment;
use crate::http::Method;

/// How long it waits for the end of the cycle.
const WAIT: Duration = Duration::from_secs(120);

/// SCH-03: wakes a mailbox of a running node and waits for the end of its cycle.
pub(super) fn run(
    args: &SyncArgs,
    mailbox: &str,
    environment: &Environment,
) -> anyhow::Result<ExitCode> {
    let root = root(&args.node, environment)?;
    let (tenant, id) = named::find(&root, args.tenant.as_deref(), mailbox)
        .context("a running node was asked; `sync --once` does without one")?;
    let wait = WAIT.as_secs();
    let url = format!("{root}/api/v1/tenants/{tenant}/mailboxes/{id}/sync?wait={wait}");
    let answer = ask_within(Method::Post, &url, WAIT + Duration::from_secs(10))?;
    let (row, last) = (&answer["mailbox"], &answer["mailbox"]["lastCycle"]);
    let ended = answer["ended"] == true;
    if args.format == Format::Json {
        say!("{answer:#}");
    } else if !ended {
        say!("the cycle goes on; look with `lockstep status`");
    } else {
        let written = &last["written"];
        let (to_exchange, to_dynamics) = (&written["exchange"], &written["dynamics"]);
        let code = row["code"].as_str().map(|code| format!(", {code}")).unwrap_or_default();
        say!("{mailbox}: {}{code}", row["phase"].as_str().unwrap_or("unknown"));
        say!("written: {to_exchange} to Exchange, {to_dynamics} to Dynamics");
        say!("waiting: {}, parked: {}", last["unsettled"], last["parked"]);
    }
    let rest = |name: &str| last[name].as_u64() != Some(0);
    let left = !row["code"].is_null() || !last["code"].is_null() || rest("unsettled");
    Ok(if !ended || left || rest("parked") { incomplete() } else { ExitCode::SUCCESS })
}
