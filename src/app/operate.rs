//! Operators' commands over plans: plan, apply, purge, relink and undo.
//!
//! Each is planned first and shown, then carried out as it was shown, with the lease and its fence
//! as a cycle has them. A plan holds content; it goes to the operator's terminal or to a file that
//! only the operator reads, never to a log.

pub mod apply;
pub mod document;
pub mod relink;

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use self::document::{Brake, MailboxPlan};
use crate::actors::runtime::TenantRuntime;
use crate::cycle::{CycleContext, Draft, draft};
use crate::domain::ids::{CycleId, Fence};
use crate::domain::policy::Mailbox;
use crate::engine::preview::preview;

/// Called once for each mailbox that is done.
pub type Tick<'a> = &'a (dyn Fn() + Send + Sync);

/// One mailbox with its draft, or why there is none.
pub struct Drafted {
    /// The mailbox.
    pub mailbox: Arc<Mailbox>,
    /// The draft with the context in which it was made.
    pub result: Result<(CycleContext, Draft), String>,
}

/// Returns what a cycle of a mailbox would be given now; nothing before the profile was read.
#[must_use]
pub fn context(tenant: &TenantRuntime, mailbox: &Mailbox, fence: Fence) -> Option<CycleContext> {
    Some(CycleContext {
        cycle: CycleId(uuid::Uuid::new_v4()),
        mailbox: mailbox.clone(),
        fence,
        view: tenant.view()?,
        deps: tenant.deps.clone(),
        released: false,
        now: tenant.deps.clock.now(),
    })
}

/// Plans a cycle of each mailbox, as many at once as the tenant may run. Writes nothing.
pub async fn drafts(
    tenant: &Arc<TenantRuntime>,
    mailboxes: Vec<Arc<Mailbox>>,
    tick: Tick<'_>,
) -> Vec<Drafted> {
    let mut running: FuturesUnordered<_> = mailboxes
        .into_iter()
        .enumerate()
        .map(|(at, mailbox)| {
            let task = tenant.io.spawn(one_draft(tenant.clone(), mailbox.clone()));
            async move {
                let result = task.await.unwrap_or_else(|_| Err("planning panicked".to_owned()));
                (at, Drafted { mailbox, result })
            }
        })
        .collect();
    let mut done = Vec::new();
    while let Some(one) = running.next().await {
        done.push(one);
        tick();
    }
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, one)| one).collect()
}

async fn one_draft(
    tenant: Arc<TenantRuntime>,
    mailbox: Arc<Mailbox>,
) -> Result<(CycleContext, Draft), String> {
    let closed = |_| "the tenant was closed".to_owned();
    let _permit = tenant.share.acquire().await.map_err(closed)?;
    let fence = tenant.ownership.fence().unwrap_or(Fence(0));
    let context = context(&tenant, &mailbox, fence).ok_or("the profile was not read")?;
    let made = draft(&context).await.map_err(|end| format!("{}: {end}", end.code()))?;
    Ok((context, made))
}

/// Returns what the drafts would do, for the document.
#[must_use]
pub fn views(drafts: &[Drafted]) -> Vec<MailboxPlan> {
    drafts.iter().map(view).collect()
}

fn view(one: &Drafted) -> MailboxPlan {
    let mut view = MailboxPlan::empty(&one.mailbox);
    match &one.result {
        Ok((context, draft)) => {
            view.brake = draft.halt.as_ref().map(Brake::of);
            view.items = preview(&draft.plan, context.now);
        }
        Err(reason) => view.failed = Some(reason.clone()),
    }
    view
}
