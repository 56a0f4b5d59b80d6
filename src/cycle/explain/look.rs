//! A look at one item on both sides, as the gathering of a cycle would see it, but complete.

use super::{Target, ids};
use crate::cycle::context::CycleContext;
use crate::cycle::report::CycleEnd;
use crate::cycle::resolve;
use crate::domain::fact::Fact;
use crate::domain::ids::{LinkId, NativeId};
use crate::domain::journal::Record;
use crate::domain::kind::{Collection, Kind};
use crate::domain::link::Link;
use crate::domain::observation::{Facts, Observation, Presence};
use crate::domain::side::{PerSide, Side};
use crate::engine::decide::halves::{Apart, apart};
use crate::engine::decide::{Verdict, decide};
use crate::engine::facts::of_entry;
use crate::engine::matching::{Pairing, pair, row_link};
use crate::engine::normalise::normalise;
use crate::engine::plan::{Entry, plan};
use crate::ports::inquiry::FilterAnswer;
use crate::ports::links::MailboxState;
use crate::ports::side::{FindKey, Found};

/// What a look found.
pub(super) struct Looked {
    /// What each side holds.
    pub(super) seen: PerSide<Option<Observation>>,
    /// The user's filters, when a row was there to be asked for.
    pub(super) filters: Option<Vec<FilterAnswer>>,
    /// What the next cycle would decide and do, with the facts; `None` when nothing is known.
    pub(super) entry: Option<(Entry, Vec<Fact>)>,
    /// Where its halves part.
    pub(super) apart: Apart,
}

/// Looks at an item on both sides and decides for it as a cycle would.
pub(super) async fn look(
    context: &CycleContext,
    state: &MailboxState,
    target: &Target,
    link: Option<&Link>,
    last: Option<&Record>,
) -> Result<Looked, CycleEnd> {
    let ids = ids(target, link, last);
    let kind = link.map(|link| link.kind).or_else(|| last.map(|record| record.kind));
    let mut seen = PerSide::<Option<Observation>>::default();
    for side in Side::BOTH {
        if let Some(id) = ids.get(side) {
            seen.set(side, fetch(context, side, kind, id).await?);
        }
    }
    find_other(context, &mut seen).await?;
    let filters = match &seen.dynamics {
        Some(row) if row.presence == Presence::Present => {
            let asked = context.deps.dynamics.filters(&context.mailbox, row.kind, &row.id).await;
            asked.map_err(|error| CycleEnd::Side(Side::Dynamics, error))?
        }
        _ => None,
    };
    correct(&mut seen, link, state, filters.as_deref());
    let decided = decided(context, state, target, link, &seen).await?;
    let (entry, apart) = decided.map(|(entry, apart)| (Some(entry), apart)).unwrap_or_default();
    Ok(Looked { seen, filters, entry, apart })
}

/// The kinds that an id may have on a side.
fn kinds(side: Side, kind: Option<Kind>) -> Vec<Kind> {
    match (side, kind) {
        (_, Some(kind)) => vec![kind],
        (Side::Dynamics, None) => Kind::ALL.to_vec(),
        (Side::Exchange, None) => Collection::ALL.map(Collection::new_kind).to_vec(),
    }
}

/// Reads an item by id; of an unknown kind, wherever it may be. `None`: no such id.
async fn fetch(
    context: &CycleContext,
    side: Side,
    kind: Option<Kind>,
    id: &NativeId,
) -> Result<Option<Observation>, CycleEnd> {
    if side == Side::Dynamics && row_link(id).is_none() {
        return Ok(None);
    }
    let asked: Vec<(Kind, NativeId)> =
        kinds(side, kind).into_iter().map(|kind| (kind, id.clone())).collect();
    let far = context.deps.side(side);
    let found = far.fetch(&context.mailbox, &asked).await;
    let found = found.map_err(|error| CycleEnd::Side(side, error))?;
    let gone = found.iter().find(|one| one.presence == Presence::Deleted).cloned();
    let there = found.into_iter().find(|one| one.presence != Presence::Deleted);
    // An absence in every table proves no kind: without a link it is no observation.
    Ok(there.or(gone.filter(|_| kind.is_some())))
}

/// Finds the other half of an item that stands alone: by marker, then by the meeting's identity.
async fn find_other(
    context: &CycleContext,
    seen: &mut PerSide<Option<Observation>>,
) -> Result<(), CycleEnd> {
    let (side, key) = match (&seen.dynamics, &seen.exchange) {
        (Some(row), None) => {
            let Some(link) = row_link(&row.id) else { return Ok(()) };
            let keys = [Some(FindKey::Marker(link, row.kind)), row.uid.clone().map(FindKey::Uid)];
            (Side::Exchange, keys)
        }
        (None, Some(item)) => {
            let marker = item.marker.map(|link| FindKey::Marker(link, item.kind));
            (Side::Dynamics, [marker, item.uid.clone().map(FindKey::Uid)])
        }
        (Some(_), Some(_)) | (None, None) => return Ok(()),
    };
    for key in key.into_iter().flatten() {
        let found = context.deps.side(side).find(&context.mailbox, &[key]).await;
        let found = found.map_err(|error| CycleEnd::Side(side, error))?;
        if let Some(other) = found.into_iter().next().and_then(Found::item) {
            seen.set(side, Some(other));
            return Ok(());
        }
    }
    Ok(())
}

/// A read by id says that something exists. Whether a filter returns it, and under which id the
/// link knows it, is added here.
fn correct(
    seen: &mut PerSide<Option<Observation>>,
    link: Option<&Link>,
    state: &MailboxState,
    filters: Option<&[FilterAnswer]>,
) {
    if let (Some(row), Some(filters)) = (&mut seen.dynamics, filters) {
        let returned = filters.iter().any(|filter| filter.matches == Some(true));
        // FILT-17: an unusable filter says nothing of its table's rows; the link stays as it was.
        let unknown = filters.iter().any(|filter| filter.matches.is_none());
        let stays = unknown && link.is_some_and(|link| link.matched);
        if row.presence == Presence::Present && !returned && !stays {
            row.presence = Presence::LeftFilter;
        }
    }
    let Some(item) = &mut seen.exchange else { return };
    if item.presence == Presence::MovedAway {
        let own = item.marker.and_then(|id| state.links.iter().find(|link| link.id == id));
        if let Some(id) = own.and_then(|link| link.native.exchange.clone()) {
            item.id = id;
        }
    }
    if let Facts::Exchange(facts) = &mut item.facts {
        facts.off_feed = link.is_some_and(|link| link.off_feed);
    }
    // A task collection holds four kinds of rows; only the link knows which one this item is.
    if let Some(link) = link {
        item.kind = link.kind;
    }
}

async fn decided(
    context: &CycleContext,
    state: &MailboxState,
    target: &Target,
    link: Option<&Link>,
    seen: &PerSide<Option<Observation>>,
) -> Result<Option<((Entry, Vec<Fact>), Apart)>, CycleEnd> {
    let view = &context.view;
    let zone = context.mailbox.personal.zone.as_ref();
    let normal = |one: &Observation| {
        normalise(one.clone(), &view.key, &view.policy.settings, &view.directory, zone)
    };
    let both: Vec<_> = [&seen.dynamics, &seen.exchange].into_iter().flatten().map(normal).collect();
    let mut pairings = pair(context.mailbox.key.mailbox, &state.links, both);
    pairings.retain(|pairing| concerns(pairing, target, link.map(|link| link.id)));
    if pairings.is_empty() {
        return Ok(None);
    }
    let pairing = pairings.remove(0);
    let resolved = resolve::all(context, std::slice::from_ref(&pairing)).await?;
    let engine = context.engine(&resolved);
    let verdict: Verdict = decide(pairing, &engine);
    let entry = plan(vec![verdict], &engine, uuid::Uuid::new_v4).entries.into_iter().next();
    Ok(entry.map(|entry| {
        let facts = of_entry(&entry, &engine);
        let apart = apart(&entry.verdict.pairing, entry.verdict.role, &engine);
        ((entry, facts), apart)
    }))
}

/// Tells whether a pairing is the one that was asked for.
fn concerns(pairing: &Pairing, target: &Target, link: Option<LinkId>) -> bool {
    let own = pairing.link.as_ref().map(|link| link.id);
    let holds = |side: Side, id: &NativeId| {
        pairing.seen.get(side).as_ref().is_some_and(|seen| seen.observation.id == *id)
    };
    let by_target = match target {
        Target::Item(side, id) => holds(*side, id),
        Target::Link(id) => holds(Side::Dynamics, &NativeId::new(id.0.to_string())),
    };
    by_target || (own.is_some() && own == link)
}
