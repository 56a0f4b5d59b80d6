//! Category: the tracking category of one mailbox during a cycle (LINK-07). The engine says what follows
//! from the list of categories; here the entry is made, remembered, and given back by a purge.

use tracing::{Instrument, warn};

use super::commit;
use super::context::CycleContext;
use super::report::CycleEnd;
use crate::domain::category::{Category, KnownCategory, MasterList, NAME};
use crate::domain::side::Side;
use crate::engine::category::{Act, Judged, goes, judge};
use crate::ports::links::{MailboxState, StateChange};
use crate::telemetry::names;

impl CycleContext {
    /// Returns the same with what is remembered of the mailbox's category.
    #[must_use]
    pub(super) fn with_category(&self, known: Option<KnownCategory>) -> Self {
        let mut context = self.clone();
        let on = self.mailbox.personal.category.on;
        context.mailbox.personal.category = Category::new(on, known, &self.view.key);
        context
    }

    /// Returns the same with what a mailbox's state says of its category.
    #[must_use]
    pub fn knowing(&self, state: &MailboxState) -> Self {
        self.with_category(state.category.clone())
    }

    /// Takes in what a pull says of the list of categories, and makes nothing. Returns what a cycle
    /// would do about it.
    pub(super) fn heed(&mut self, list: Option<&MasterList>) -> Option<Judged> {
        let category = &mut self.mailbox.personal.category;
        let judged = judge(category, list?);
        *category = judged.category.clone();
        Some(judged)
    }
}

/// Takes in what a pull says of the list of categories: makes the entry when it is missing, and
/// remembers it. Returns whether nothing is left to be done. What fails here ends no cycle but for
/// the store: the category goes on by the names that are known.
pub(super) async fn tend(
    context: &mut CycleContext,
    list: Option<&MasterList>,
) -> Result<bool, CycleEnd> {
    let Some(list) = list else { return Ok(true) };
    let judged = judge(&context.mailbox.personal.category, list);
    carry(context, judged).await
}

/// Does what was judged of the list, and remembers it. As `tend`.
pub(super) async fn carry(context: &mut CycleContext, judged: Judged) -> Result<bool, CycleEnd> {
    if !matches!(judged.act, Act::Nothing) {
        context.assure().await?;
    }
    let span = tracing::info_span!(names::SPAN_CATEGORY);
    let Some(category) = done(context, judged).instrument(span).await else { return Ok(false) };
    let before = std::mem::replace(&mut context.mailbox.personal.category, category);
    let known = &context.mailbox.personal.category.known;
    if *known != before.known {
        let change = StateChange { category: known.clone(), ..StateChange::default() };
        commit::store(context, change).await?;
    }
    Ok(true)
}

/// Does what the engine says, and returns the category as it is then; nothing when it failed.
async fn done(context: &CycleContext, judged: Judged) -> Option<Category> {
    let Judged { category, act, rule } = judged;
    let (exchange, mailbox) = (&context.deps.exchange, &context.mailbox);
    let ended = match act {
        Act::Nothing => return Some(category),
        Act::Make | Act::Remove(_) if !context.tenure.may_send() => return None,
        Act::Make => exchange.make_category(mailbox, NAME).await.map(|id| match id {
            Some(id) => category.made(&id),
            None => category,
        }),
        Act::Remove(id) => exchange.remove_category(mailbox, &id).await.map(|()| category),
    };
    if let Err(error) = &ended {
        let (rule, mailbox) = (rule.0, mailbox.key.mailbox);
        warn!(lockstep.mailbox = %mailbox, lockstep.rule = rule, %error,
            "the list of categories cannot be brought in order now");
    }
    ended.ok()
}

/// Removes the category's entry after a purge, when Lockstep made it and no item carries it (OPS-01).
///
/// # Errors
/// Fails when Exchange does not answer.
pub(super) async fn give_back(context: &CycleContext) -> Result<(), CycleEnd> {
    let Some(known) = &context.mailbox.personal.category.known else { return Ok(()) };
    if !known.made {
        return Ok(());
    }
    let failed = |error| CycleEnd::Side(Side::Exchange, error);
    let far = &context.deps.exchange;
    let in_use = far.category_in_use(&context.mailbox, &known.id).await.map_err(failed)?;
    if goes(Some(known), in_use) && !context.tenure.may_send() {
        return Err(CycleEnd::InDoubt);
    }
    if goes(Some(known), in_use) {
        far.remove_category(&context.mailbox, &known.id).await.map_err(failed)?;
    }
    Ok(())
}
