//! The lane in advance: which files the next cycle moves, for a plan that is only shown.
//!
//! Pairs are taken as they are after the plan, should all of its writes succeed. The bounds of a cycle
//! hold here as well: what would wait for a later cycle is not shown.

use std::collections::HashMap;

use super::super::context::CycleContext;
use super::super::report::CycleEnd;
use super::keep::keeps;
use super::look::{Decided, Look};
use super::{BYTES_PER_CYCLE, ITEMS_PER_CYCLE, is_single};
use crate::domain::field::Group;
use crate::domain::file::FileEntry;
use crate::domain::ids::LinkId;
use crate::domain::link::{Link, LinkState};
use crate::domain::side::{PerSide, Side};
use crate::engine::decide::After;
use crate::engine::files::{self, Ahead, FilePlan, Move};
use crate::engine::plan::{Entry, Plan};
use crate::ports::links::MailboxState;

/// Returns the files that a cycle moves after this plan.
///
/// # Errors
/// Fails when a side cannot list them.
pub(in crate::cycle) async fn ahead(
    context: &CycleContext,
    state: &MailboxState,
    plan: &Plan,
) -> Result<Vec<Ahead>, CycleEnd> {
    if !context.view.files.on {
        return Ok(Vec::new());
    }
    let pairs = expected(state, plan);
    let rows = listed(context, Side::Dynamics, &pairs).await?;
    let mut wanted = Vec::new();
    let mut of_rows = Vec::new();
    for (pair, row) in pairs.into_iter().zip(rows) {
        let Some(row) = row else { continue };
        let link = &pair.0;
        let news = files::print(&row, &context.view.key) != link.agreed.dynamics.get(Group::Files);
        if (news || !link.files_known || pair.1.is_some()) && wanted.len() < ITEMS_PER_CYCLE {
            wanted.push(pair);
            of_rows.push(row);
        }
    }
    let items = listed(context, Side::Exchange, &wanted).await?;
    let mut budget = BYTES_PER_CYCLE;
    let mut found = Vec::new();
    for (((link, entry), row), item) in wanted.into_iter().zip(of_rows).zip(items) {
        let Some(item) = item.filter(|_| budget > 0) else { continue };
        let now = PerSide { dynamics: row, exchange: item };
        let mut look = Look { context, link: &link, budget: &mut budget };
        let Decided::Plan(plan) = look.decide(&now, entry).await else { continue };
        let plan = affordable(context, plan, &mut budget);
        if plan.verb().is_some() {
            found.push(Ahead { link, plan });
        }
    }
    Ok(found)
}

type Pair<'a> = (Link, Option<&'a Entry>);

/// Returns the pairs that there will be after the plan, with what it does with them.
fn expected<'a>(state: &MailboxState, plan: &'a Plan) -> Vec<Pair<'a>> {
    let mut entries: HashMap<LinkId, &Entry> =
        plan.entries.iter().map(|entry| (entry.link.id, entry)).collect();
    let mut pairs: Vec<Pair<'a>> = Vec::new();
    for link in &state.links {
        match entries.remove(&link.id) {
            Some(entry) => pairs.extend(after(entry)),
            None => pairs.extend(is_single(link).then(|| (link.clone(), None))),
        }
    }
    let fresh = plan.entries.iter().filter(|entry| entries.contains_key(&entry.link.id));
    pairs.extend(fresh.filter_map(after));
    pairs
}

/// Returns the pair of an entry when both halves agree after it.
fn after(entry: &Entry) -> Option<Pair<'_>> {
    if entry.after() != After::Agreed {
        return None;
    }
    let mut link = entry.link.clone();
    (link.state, link.trouble) = (LinkState::Agreed, None);
    let there = |side: Side| link.native.get(side).is_some() || entry.steps.get(side).is_some();
    let whole = there(Side::Dynamics) && there(Side::Exchange);
    (whole && is_single(&link)).then_some((link, Some(entry)))
}

/// Returns the files of each pair on a side; none of a half that is still to be made.
async fn listed(
    context: &CycleContext,
    side: Side,
    pairs: &[Pair<'_>],
) -> Result<Vec<Option<Vec<FileEntry>>>, CycleEnd> {
    let ids: Vec<_> = pairs.iter().filter_map(|(link, _)| link.native.get(side).clone()).collect();
    let far = context.deps.side(side);
    let lists = far.files(&context.mailbox, &ids).await;
    let mut lists = lists.map_err(|error| CycleEnd::Side(side, error))?.into_iter();
    let of = |(link, _): &Pair<'_>| match link.native.get(side) {
        Some(_) => lists.next().flatten(),
        None => Some(Vec::new()),
    };
    Ok(pairs.iter().map(of).collect())
}

/// Returns what of a plan one cycle carries.
fn affordable(context: &CycleContext, mut plan: FilePlan, budget: &mut u64) -> FilePlan {
    plan.moves.retain(|one| match one {
        // It is read to be kept.
        Move::Remove { file, .. } if !keeps(context, file) => true,
        Move::Remove { file, .. } | Move::Copy { file, .. } => {
            let goes = *budget > 0;
            *budget = budget.saturating_sub(file.size);
            goes
        }
    });
    plan
}
