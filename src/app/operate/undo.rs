//! Undo over the mailboxes of a tenant: what was overwritten or deleted comes back on both sides.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::document::MailboxPlan;
use super::{Tick, keeps_promises, owned};
use crate::actors::runtime::TenantRuntime;
use crate::cycle::{self, CycleContext, CycleReport, Undo, Wanted, write_undo};
use crate::domain::ids::CycleId;
use crate::domain::journal::OpName;
use crate::domain::policy::Mailbox;
use crate::engine::preview::{add_files, preview};
use crate::engine::undo::FilesBack;

/// One mailbox with its undo, or why there is none.
pub struct Undone {
    /// The mailbox.
    pub mailbox: Arc<Mailbox>,
    /// The undo, ready to be carried out, with the context in which it was made.
    pub result: Result<(CycleContext, Undo), String>,
}

/// A cycle of which versions are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptCycle {
    /// The cycle.
    pub cycle: CycleId,
    /// When it was.
    pub at: DateTime<Utc>,
    /// Versions that it overwrote.
    pub updates: usize,
    /// Versions that it deleted.
    pub deletes: usize,
}

/// Plans an undo in each mailbox. Writes nothing.
pub async fn prepare(
    tenant: &Arc<TenantRuntime>,
    mailboxes: Vec<Arc<Mailbox>>,
    wanted: &Wanted,
    allow_mail: bool,
    tick: Tick<'_>,
) -> Vec<Undone> {
    let mut done = Vec::new();
    for mailbox in mailboxes {
        let result = one(tenant, &mailbox, wanted.clone(), allow_mail).await;
        done.push(Undone { mailbox, result });
        tick();
    }
    done
}

async fn one(
    tenant: &Arc<TenantRuntime>,
    mailbox: &Mailbox,
    wanted: Wanted,
    allow_mail: bool,
) -> Result<(CycleContext, Undo), String> {
    let context = super::context(tenant, mailbox).ok_or("the profile was not read")?;
    let task = tenant.io.spawn(async move {
        let planned = cycle::plan_undo(&context, &wanted, allow_mail).await;
        planned.map(|undo| (context, undo))
    });
    match task.await {
        Ok(Ok(planned)) => Ok(planned),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("it panicked; this is a defect of Lockstep".to_owned()),
    }
}

/// Returns what an undo would do.
#[must_use]
pub fn view(one: &Undone) -> MailboxPlan {
    let mut view = MailboxPlan::empty(&one.mailbox);
    match &one.result {
        Ok((context, undo)) => {
            view.items = preview(&undo.plan, context.now);
            let files: Vec<_> = undo.files.iter().map(FilesBack::shown).collect();
            add_files(&mut view.items, &files);
            view.skipped.clone_from(&undo.left);
        }
        Err(reason) => view.failed = Some(reason.clone()),
    }
    view
}

/// Carries an undo out in each mailbox that has anything to restore.
pub async fn undo(
    tenant: &Arc<TenantRuntime>,
    planned: Vec<Undone>,
    tick: Tick<'_>,
) -> Vec<(Arc<Mailbox>, Result<CycleReport, String>)> {
    let mut done = Vec::new();
    for one in planned {
        match one.result {
            Ok((_, undo)) if undo.plan.entries.is_empty() && undo.files.is_empty() => {}
            Ok((context, undo)) => done.push((one.mailbox, write(tenant, context, undo).await)),
            Err(reason) => done.push((one.mailbox, Err(reason))),
        }
        tick();
    }
    done
}

async fn write(
    tenant: &Arc<TenantRuntime>,
    context: CycleContext,
    undo: Undo,
) -> Result<CycleReport, String> {
    keeps_promises(&undo.plan, &context)?;
    owned(tenant, context, async move |context| write_undo(&context, undo).await).await
}

/// Returns the cycles of a mailbox of which versions are kept, newest first.
///
/// # Errors
/// Fails with a sentence when the journal cannot be read.
pub async fn cycles(
    tenant: &Arc<TenantRuntime>,
    mailbox: &Mailbox,
) -> Result<Vec<KeptCycle>, String> {
    let context = super::context(tenant, mailbox).ok_or("the profile was not read")?;
    let all = Wanted::Since(DateTime::<Utc>::MIN_UTC);
    let kept = cycle::kept(&context, &all).await.map_err(|error| error.to_string())?;
    let mut cycles: BTreeMap<(DateTime<Utc>, CycleId), KeptCycle> = BTreeMap::new();
    for label in kept.into_iter().map(|one| one.label) {
        let new = KeptCycle { cycle: label.cycle, at: label.at, updates: 0, deletes: 0 };
        let one = cycles.entry((label.at, label.cycle)).or_insert(new);
        match label.op {
            OpName::Delete => one.deletes += 1,
            OpName::Create | OpName::Update | OpName::Unmark => one.updates += 1,
        }
    }
    Ok(cycles.into_values().rev().collect())
}
