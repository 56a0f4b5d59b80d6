//! Apply: carries out exactly the plan of a document, or nothing.
//!
//! Everything is planned again first and compared step by step, versions and mail classes
//! included. Only when nothing differs is the first write sent.

use std::collections::HashMap;
use std::sync::Arc;

use super::document::{MailboxPlan, PlanDoc};
use super::{Drafted, Tick, drafts, owned, views};
use crate::actors::runtime::TenantRuntime;
use crate::cycle::{CycleReport, Judged, carry_out};
use crate::domain::ids::{LinkId, NativeId};
use crate::domain::policy::Mailbox;
use crate::engine::preview::differences;

/// Why a document is not carried out. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The world is not what it was when the plan was made.
    Moved(Vec<String>),
    /// A brake halts the plan, and the operator did not say that it is seen.
    Halted(Vec<String>),
}

/// What came of one mailbox.
pub type Applied = (Arc<Mailbox>, Result<CycleReport, String>);

/// Carries out a document. `release` says that the operator has seen the brakes that it names.
///
/// # Errors
/// Refuses as a whole, before the first write.
pub async fn apply(
    tenant: &Arc<TenantRuntime>,
    judged: &[Judged],
    doc: &PlanDoc,
    release: bool,
    tick: Tick<'_>,
) -> Result<Vec<Applied>, Refusal> {
    let mut moved = Vec::new();
    let mut mailboxes = Vec::new();
    for one in &doc.mailboxes {
        match judged.iter().find(|it| it.id == one.mailbox).map(|it| (&it.mailbox, &it.reasons)) {
            Some((Some(mailbox), _)) => mailboxes.push(mailbox.clone()),
            Some((None, reasons)) => {
                let why: Vec<String> =
                    reasons.iter().map(|(rule, code)| format!("{code} ({rule})")).collect();
                moved.push(format!(
                    "{}: it takes no part any more: {}",
                    one.mailbox,
                    why.join(", ")
                ));
            }
            None => moved.push(format!("{}: there is no such mailbox record", one.mailbox)),
        }
    }
    let again = drafts(tenant, mailboxes, tick).await;
    for (now, drafted) in views(&again).iter().zip(&again) {
        let then = doc.mailboxes.iter().find(|one| one.mailbox == drafted.mailbox.key.mailbox);
        moved.extend(then.into_iter().flat_map(|then| parted(then, now)));
    }
    if !moved.is_empty() {
        return Err(Refusal::Moved(moved));
    }
    let halted = halts(doc);
    if !(release || halted.is_empty()) {
        return Err(Refusal::Halted(halted));
    }
    let mut done = Vec::new();
    for one in again {
        let then = doc.mailboxes.iter().find(|it| it.mailbox == one.mailbox.key.mailbox);
        let ids = then.map(ids).unwrap_or_default();
        done.push(carry(tenant, one, &ids).await);
        tick();
    }
    Ok(done)
}

/// Returns where the two plans of a mailbox part.
fn parted(then: &MailboxPlan, now: &MailboxPlan) -> Vec<String> {
    let name = &then.address;
    let mut found = Vec::new();
    if let Some(reason) = then.failed.as_ref().or(now.failed.as_ref()) {
        found.push(format!("{name}: it could not be planned: {reason}"));
    }
    if then.brake != now.brake {
        found.push(format!("{name}: the brakes say something else now"));
    }
    if then.category != now.category {
        found.push(format!("{name}: its list of categories asks for something else now"));
    }
    found.extend(
        differences(&then.items, &now.items).into_iter().map(|text| format!("{name}: {text}")),
    );
    found
}

fn halts(doc: &PlanDoc) -> Vec<String> {
    let halted = doc.mailboxes.iter().filter_map(|one| Some((one, one.brake.as_ref()?)));
    halted
        .map(|(one, brake)| {
            let (code, wanted, allowed) = (&brake.code, brake.wanted, brake.allowed);
            format!("{}: {code} ({wanted} wanted, {allowed} allowed)", one.address)
        })
        .collect()
}

/// The ids that the document gave to rows that are still to be made, by their Exchange items.
fn ids(plan: &MailboxPlan) -> HashMap<NativeId, LinkId> {
    let fresh = plan.items.iter().filter(|item| item.dynamics.is_none());
    fresh
        .filter_map(|item| Some((NativeId::new(item.exchange.as_deref()?), LinkId(item.link))))
        .collect()
}

async fn carry(
    tenant: &Arc<TenantRuntime>,
    one: Drafted,
    ids: &HashMap<NativeId, LinkId>,
) -> Applied {
    let Drafted { mailbox, result } = one;
    let (context, mut draft) = match result {
        Ok(made) => made,
        Err(reason) => return (mailbox, Err(reason)),
    };
    draft.plan.name_rows(ids);
    let work = async move |context| carry_out(&context, draft).await;
    (mailbox, owned(tenant, context, work).await)
}
