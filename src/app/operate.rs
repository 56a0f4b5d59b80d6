//! Operators' commands over plans: plan, apply, purge, relink and undo.
//!
//! Each is planned first and shown, then carried out as it was shown, with the lease and its fence
//! as a cycle has them. A plan holds content; it goes to the operator's terminal or to a file that
//! only the operator reads, never to a log.

pub mod apply;
pub mod document;
pub mod purge;
pub mod relink;
pub mod undo;

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use self::document::{Brake, CategoryView, MailboxPlan};
use crate::actors::fair::Lane;
use crate::actors::runtime::TenantRuntime;
use crate::cycle::{Base, CycleContext, CycleEnd, CycleReport, Draft, draft, write};
use crate::domain::code::Code;
use crate::domain::ids::{CycleId, Fence};
use crate::domain::policy::Mailbox;
use crate::engine::invariants::check_plan;
use crate::engine::plan::Plan;
use crate::engine::preview::{add_files, preview};
use crate::ports::lease::{Always, Tenure as _};
use crate::ports::links::MailboxState;

/// Called once for each mailbox that is done.
pub type Tick<'a> = &'a (dyn Fn() + Send + Sync);

/// One mailbox with its draft, or why there is none.
pub struct Drafted {
    /// The mailbox.
    pub mailbox: Arc<Mailbox>,
    /// The draft with the context in which it was made.
    pub result: Result<(CycleContext, Draft), String>,
}

/// Returns what a cycle of a mailbox would be given now, for looking only; nothing before the profile
/// was read.
#[must_use]
pub fn context(tenant: &TenantRuntime, mailbox: &Mailbox) -> Option<CycleContext> {
    Some(CycleContext {
        cycle: CycleId(uuid::Uuid::new_v4()),
        mailbox: mailbox.clone(),
        fence: Fence(0),
        tenure: Arc::new(Always),
        base: Base::default(),
        view: tenant.view()?,
        deps: tenant.deps.clone(),
        orders: crate::cycle::Orders::default(),
        now: tenant.deps.clock.now(),
    })
}

/// A plan that no cycle made, ready to be shown and carried out.
pub struct Prepared {
    /// The context in which it was made.
    pub context: CycleContext,
    /// The plan.
    pub plan: Plan,
    /// What was remembered when it was made.
    pub state: MailboxState,
}

/// Carries out a prepared plan with the present fence.
///
/// # Errors
/// Fails with a sentence when the lease is lost, the store fails, or the plan breaks a promise.
pub async fn write_prepared(
    tenant: &Arc<TenantRuntime>,
    prepared: Prepared,
) -> Result<CycleReport, String> {
    let Prepared { context, plan, state } = prepared;
    keeps_promises(&plan, &context)?;
    owned(tenant, context, async move |context| write(&context, plan, &state).await).await
}

/// Refuses a plan that breaks a promise.
fn keeps_promises(plan: &Plan, context: &CycleContext) -> Result<(), String> {
    let broken = check_plan(plan, context.mailbox.user);
    let Some(first) = broken.first() else { return Ok(()) };
    Err(format!("{}: {first}; this is a defect of Lockstep", Code::PromiseBroken))
}

/// Runs some work on a mailbox with the right to write and the present fence. What runs when that
/// right is in doubt is cut off, as a cycle is.
async fn owned<T, W>(
    tenant: &TenantRuntime,
    mut context: CycleContext,
    work: impl FnOnce(CycleContext) -> W,
) -> Result<T, String>
where
    W: Future<Output = Result<T, CycleEnd>> + Send + 'static,
    T: Send + 'static,
{
    let turn = tenant.ownership.turn(&context.mailbox.key).await;
    let tenancy = tenant.ownership.enter(&context.mailbox.key);
    let tenancy = tenancy.ok_or("another node owns the mailbox, or the lease is in doubt")?;
    context.fence = tenancy.fence();
    context.tenure = tenancy.clone();
    let (work, right) = (work(context), tenancy.clone());
    // Whoever waits for it may be gone before it ends.
    let task = tenant.io.spawn(async move {
        let _turn = turn;
        tenancy.run(work).await
    });
    let end = match task.await {
        Ok(Some(Ok(done))) => return Ok(done),
        Ok(Some(Err(end))) => end,
        Ok(None) if right.may_write() => CycleEnd::HandedOver,
        Ok(None) => CycleEnd::InDoubt,
        Err(_) => return Err("it panicked; this is a defect of Lockstep".to_owned()),
    };
    Err(format!("{}: {end}", end.code()))
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
    let closed = || "the tenant was closed".to_owned();
    let _slot = tenant.share.enter(Lane::Changes).await.ok_or_else(closed)?;
    let context = context(&tenant, &mailbox).ok_or("the profile was not read")?;
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
            view.category = draft.category().and_then(CategoryView::of);
            view.items = preview(&draft.plan, context.now);
            add_files(&mut view.items, &draft.files);
        }
        Err(reason) => view.failed = Some(reason.clone()),
    }
    view
}

#[cfg(test)]
mod tests;
