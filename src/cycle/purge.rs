//! Purge: reads a mailbox in full and plans the removal of what Lockstep wrote there.

use super::category::give_back;
use super::context::{CycleContext, Resolved};
use super::report::CycleEnd;
use crate::domain::ids::NativeId;
use crate::domain::kind::Kind;
use crate::domain::link::Link;
use crate::domain::observation::Observation;
use crate::domain::side::Side;
use crate::engine::plan::{Plan, plan};
use crate::engine::purge::purge;
use crate::ports::error::StoreError;
use crate::ports::links::MailboxState;

/// Plans a purge. Writes nothing. What is remembered and cannot be read counts as lost: the markers
/// lead to the items all the same.
///
/// # Errors
/// As a cycle, but for the brakes.
pub async fn plan_purge(
    context: &CycleContext,
    allow_mail: bool,
) -> Result<(Plan, MailboxState), CycleEnd> {
    let state = match context.deps.links.load(&context.mailbox.key).await {
        Err(StoreError::Corrupt(_)) => MailboxState::default(),
        loaded => loaded?,
    };
    let seen = read(context, &state.links).await?.into_iter().map(|mut one| {
        // A task does not say of which table its row is; its link does.
        let link = state.links.iter().find(|link| link.native.exchange.as_ref() == Some(&one.id));
        if let Some(link) = link {
            one.kind = link.kind;
        }
        context.comparable(one)
    });
    let verdicts = purge(context.mailbox.key.mailbox, &state.links, seen.collect(), allow_mail);
    let nobody = Resolved::default();
    Ok((plan(verdicts, &context.engine(&nobody), uuid::Uuid::new_v4), state))
}

/// Ends a purge that left nothing: gives the category back and forgets the mailbox.
///
/// # Errors
/// As a cycle.
pub async fn end_purge(context: &CycleContext) -> Result<(), CycleEnd> {
    give_back(context).await?;
    match context.claim().await {
        Ok(_) | Err(StoreError::Corrupt(_)) => {}
        Err(
            error @ (StoreError::StaleFence | StoreError::StateMoved | StoreError::Unavailable(_)),
        ) => return Err(error.into()),
    }
    Ok(context.forget().await?)
}

/// Returns every marked item and every item of a link.
async fn read(context: &CycleContext, links: &[Link]) -> Result<Vec<Observation>, CycleEnd> {
    let far = &context.deps.exchange;
    let failed = |error| CycleEnd::Side(Side::Exchange, error);
    let mut all = far.marked(&context.mailbox).await.map_err(failed)?;
    let rest: Vec<(Kind, NativeId)> = links
        .iter()
        .filter_map(|link| Some((link.kind, link.native.exchange.clone()?)))
        .filter(|(kind, id)| {
            !all.iter().any(|one| one.id == *id && one.kind.collection() == kind.collection())
        })
        .collect();
    if !rest.is_empty() {
        all.extend(far.fetch(&context.mailbox, &rest).await.map_err(failed)?);
    }
    Ok(all)
}
