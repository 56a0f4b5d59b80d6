//! Purge: removes from one mailbox what Lockstep wrote, and keeps the mailbox out from then on.

use super::document::MailboxPlan;
use super::{Prepared, Tick, owned};
use crate::actors::runtime::TenantRuntime;
use crate::cycle::{CycleReport, end_purge, plan_purge};
use crate::domain::code::Code;
use crate::domain::policy::Mailbox;
use crate::engine::decide::After;
use crate::engine::preview::preview;
use std::sync::Arc;

/// Plans a purge. Writes nothing.
///
/// # Errors
/// Fails with a sentence when the mailbox cannot be read.
pub async fn prepare(
    tenant: &Arc<TenantRuntime>,
    mailbox: &Mailbox,
    allow_mail: bool,
) -> Result<Prepared, String> {
    let context = super::context(tenant, mailbox).ok_or("the profile was not read")?;
    let task = tenant.io.spawn(async move {
        let planned = plan_purge(&context, allow_mail).await;
        planned.map(|(plan, state)| Prepared { context: context.knowing(&state), plan, state })
    });
    match task.await {
        Ok(Ok(prepared)) => Ok(prepared),
        Ok(Err(end)) => Err(format!("{}: {end}", end.code())),
        Err(_) => Err("it panicked; this is a defect of Lockstep".to_owned()),
    }
}

/// Returns what a purge would do.
#[must_use]
pub fn view(prepared: &Prepared) -> MailboxPlan {
    let mut view = MailboxPlan::empty(&prepared.context.mailbox);
    view.items = preview(&prepared.plan, prepared.context.now);
    // Links are forgotten silently; only what is written, or left because it mails, is shown.
    view.items.retain(|item| !item.steps.is_empty());
    for entry in &prepared.plan.entries {
        debug_assert_eq!(entry.after(), After::Forgotten, "a purge forgets");
        if entry.verdict.decision.code == Some(Code::WouldMail) {
            let id = entry.link.native.exchange.as_ref().map_or("", |id| id.as_str());
            view.skipped.push(format!(
                "{} {id}: it has attendees, whom Exchange would mail; --allow-mail removes it",
                entry.link.kind
            ));
        }
    }
    view
}

/// Carries a purge out: first the mailbox is kept out, so that no cycle makes again what goes.
/// Links are forgotten when everything went; otherwise a second purge goes on.
///
/// # Errors
/// Fails with a sentence when the store or the mailbox cannot be reached.
pub async fn purge(
    tenant: &Arc<TenantRuntime>,
    prepared: Prepared,
    tick: Tick<'_>,
) -> Result<CycleReport, String> {
    let key = prepared.context.mailbox.key.clone();
    let links = &tenant.deps.links;
    links.exclude(&key, prepared.context.now).await.map_err(|error| error.to_string())?;
    let context = prepared.context.clone();
    let report = super::write_prepared(tenant, prepared).await?;
    tick();
    if let Some(keeper) = tenant.freshness().and_then(|it| it.keeper()) {
        keeper.end(&key).await?;
    }
    if report.unsettled == 0 {
        owned(tenant, context, async |context| end_purge(&context).await).await?;
    }
    Ok(report)
}
