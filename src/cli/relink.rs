//! `lockstep relink`: the links of a lost or damaged store, made again from the markers.

use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;

use super::Format;
use super::desk::{Desk, Scope, bar};
use super::sync::choose;
use super::table::table;
use crate::app::once;
use crate::app::operate::relink::relink;
use crate::config::Environment;
use crate::cycle::Relinked;
use crate::domain::policy::Mailbox;

/// Arguments of `lockstep relink`.
#[derive(Debug, clap::Args)]
pub(super) struct RelinkArgs {
    #[command(flatten)]
    scope: Scope,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

type Done = (Arc<Mailbox>, Result<Relinked, String>);

pub(super) fn run(
    args: &RelinkArgs,
    environment: &Environment,
    log_filter: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let desk =
        Desk::open(&args.scope.config, &args.scope.tenant, "relink", environment, log_filter)?;
    let done = desk.write(async {
        let mailboxes = choose(once::enrol(&desk.tenant).await?, args.scope.mailbox.as_deref())?;
        desk.own(&mailboxes).await?;
        let bar = bar(&args.scope.tenant, mailboxes.len());
        let done = relink(&desk.tenant, mailboxes, &|| bar.inc(1)).await;
        bar.finish_and_clear();
        Ok(done)
    })?;
    desk.close();
    match args.format {
        Format::Json => {
            let mailboxes: Vec<_> = done.iter().map(as_json).collect();
            say!("{:#}", json!({ "tenant": args.scope.tenant, "mailboxes": mailboxes }));
        }
        Format::Table => print(&done),
    }
    let failed = done.iter().any(|(_, result)| result.is_err());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(done: &[Done]) {
    let mut table = table(&[
        "Mailbox",
        "Kept",
        "Agreed",
        "Differing",
        "Alone",
        "Left to the next cycle",
        "Damaged",
        "Failed",
    ]);
    for (mailbox, result) in done {
        let address = mailbox.address.as_str().to_owned();
        let numbers = |it: &Relinked| [it.kept, it.agreed, it.differing, it.alone, it.left];
        let mut row = vec![address];
        match result {
            Ok(one) => {
                row.extend(numbers(one).map(|number| number.to_string()));
                row.push(if one.damaged { "yes" } else { "" }.to_owned());
                row.push(String::new());
            }
            Err(reason) => {
                row.extend((0..6).map(|_| String::new()));
                row.push(reason.clone());
            }
        }
        table.add_row(row);
    }
    say!("{table}");
}

fn as_json((mailbox, result): &Done) -> serde_json::Value {
    let id = mailbox.key.mailbox;
    match result {
        Ok(one) => json!({
            "mailbox": id, "kept": one.kept, "agreed": one.agreed, "differing": one.differing,
            "alone": one.alone, "left": one.left, "damaged": one.damaged, "failed": null,
        }),
        Err(reason) => json!({ "mailbox": id, "failed": reason }),
    }
}
