//! Gather: read what changed, and whatever else the decisions need to see.
//!
//! The feeds say what *may* have changed. Before anything is decided, the other half of each
//! changed pair is read, every absence is probed by id (promise 3), and every create whose answer
//! was lost is looked up by its marker.

mod aside;
mod ask;
#[cfg(test)]
mod tests;
mod twins;

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use tracing::Instrument;

use self::ask::{Want, ask};
use super::context::CycleContext;
use super::memory::Memory;
use super::report::CycleEnd;
use super::rest::Note;
use crate::domain::code::Code;
use crate::domain::ids::{LinkId, NativeId};
use crate::domain::kind::{Collection, Kind};
use crate::domain::link::{Link, LinkState};
use crate::domain::observation::{Facts, Observation, Presence};
use crate::domain::side::{PerSide, Side};
use crate::engine::category::Judged;
use crate::engine::decide::needs_other_side;
use crate::engine::matching::{Index, Pairing, pair_in, row_link};
use crate::engine::normalise::Seen;
use crate::ports::error::PullError;
use crate::ports::links::MailboxState;
use crate::ports::side::{Cursor, FindKey, PullAsk, Pulled};
use crate::telemetry::names;

/// Rounds of asking for what earlier answers made necessary. Pulled row → its item → the item's
/// marker leads to another row: three suffice, a fourth would be a loop.
const ROUNDS: usize = 3;

/// Everything that was read.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    /// What was seen, in comparable form.
    pub seen: Vec<Seen>,
    /// The next cursors.
    pub cursors: Vec<Cursor>,
    /// The feeds said anything at all, or had to start over: the cursors must be stored.
    pub moved: bool,
    /// What the list of categories asks for; nothing unless a plan is only shown.
    pub category: Option<Judged>,
    /// Pairs of which something is still to be read; nothing is decided for them.
    pub unfinished: Vec<Link>,
}

type Key = (Side, Collection, NativeId);

/// Reads what the answers of the pulls make necessary; `beside` was seen already, whatever the feeds
/// name.
pub(super) async fn gather(
    context: &CycleContext,
    state: &MailboxState,
    index: &Index<'_>,
    pulled: PerSide<Pulled>,
    beside: Vec<Observation>,
) -> Result<Gathered, CycleEnd> {
    gather_in(context, state, index, pulled, beside, ROUNDS).await
}

/// Reads in at most so many rounds.
async fn gather_in(
    context: &CycleContext,
    state: &MailboxState,
    index: &Index<'_>,
    pulled: PerSide<Pulled>,
    beside: Vec<Observation>,
    rounds: usize,
) -> Result<Gathered, CycleEnd> {
    let moved = Side::BOTH.into_iter().any(|side| pulled.get(side).is_news());
    let mut table = Table::new(context, index, &pulled);
    let mut missing = PerSide::<Vec<(Kind, NativeId)>>::default();
    let cursors = pulled.exchange.cursors.clone();
    for side in Side::BOTH {
        let one = if side == Side::Dynamics { &pulled.dynamics } else { &pulled.exchange };
        table.add_all(one.observations.iter().cloned());
        missing.set(side, one.missing.clone());
        table
            .missing
            .extend(one.missing.iter().map(|(kind, id)| (side, kind.collection(), id.clone())));
    }
    table.add_all(beside);
    for _ in 0..rounds {
        let wants = table.wants(&missing);
        missing = PerSide::default();
        if wants.is_empty() {
            return Ok(table.finish(cursors, moved));
        }
        let (got, open) = ask(context, &wants).await?;
        table.add_all(got);
        table.open.extend(open);
    }
    let unfinished = table.set_aside();
    let mut gathered = table.finish(cursors, moved);
    if let Some(links) = unfinished {
        let count = links.len();
        tracing::warn!(
            lockstep.mailbox = %context.mailbox.key.mailbox,
            lockstep.code = Code::ReadUnfinished.as_str(),
            count,
            "items are still to be read after the last round"
        );
        // An item without a link is remembered by nothing but the feed: it must tell it again.
        (gathered.cursors, gathered.moved) = (state.cursors.clone(), false);
        gathered.unfinished.extend(links);
    }
    Ok(gathered)
}

/// Pulls both sides at once. `rest` stands for what the store remembers as long as there is no news.
pub(super) async fn pull(
    context: &CycleContext,
    memory: &Memory<'_>,
    rest: Option<&Note>,
) -> Result<PerSide<Pulled>, CycleEnd> {
    pull_as(context, memory, rest, false).await
}

/// Pulls both sides for a plan that is only shown; it looks at the list of categories as well.
pub(super) async fn pull_ahead(
    context: &CycleContext,
    memory: &Memory<'_>,
) -> Result<PerSide<Pulled>, CycleEnd> {
    pull_as(context, memory, None, true).await
}

async fn pull_as(
    context: &CycleContext,
    memory: &Memory<'_>,
    rest: Option<&Note>,
    look: bool,
) -> Result<PerSide<Pulled>, CycleEnd> {
    let cursors = match rest {
        Some(rest) => &rest.cursors[..],
        None => &memory.state().await?.cursors[..],
    };
    let known = memory.sides();
    let one = |side: Side| {
        let ask = PullAsk {
            mailbox: &context.mailbox,
            cursors,
            known: known.get(side),
            rest: rest.map(|rest| rest.sides.get(side)),
            look,
            now: context.now,
            window: context.window(),
        };
        async move {
            context.deps.side(side).pull(ask).await.map_err(|error| match error {
                PullError::Side(error) => CycleEnd::Side(side, error),
                PullError::Store(error) => CycleEnd::Store(error),
            })
        }
        .instrument(tracing::info_span!(names::SPAN_PULL, { names::SIDE } = side.name()))
    };
    let (dynamics, exchange) = tokio::try_join!(one(Side::Dynamics), one(Side::Exchange))?;
    Ok(PerSide { dynamics, exchange })
}

/// Tells whether both items of a link are read again whatever the feeds say. While there is such a
/// link the mailbox is not at rest. An operator's release also tries parked items again (ERR-02).
pub(super) fn looks_again(link: &Link, context: &CycleContext) -> bool {
    let addresses = context.view.policy.settings.three_addresses;
    link.is_unsettled()
        || link.is_due(context.now)
        || (link.switches_addresses(addresses) && !link.is_parked())
        || context.orders.retries(link)
}

/// What was seen so far, and what was already asked.
struct Table<'a> {
    context: &'a CycleContext,
    index: &'a Index<'a>,
    seen: BTreeMap<Key, Seen>,
    missing: HashSet<Key>,
    asked: HashSet<Key>,
    sought: HashSet<(Side, FindKey)>,
    /// Links whose search was cut off.
    open: HashSet<LinkId>,
    resynced: HashSet<Collection>,
    /// What the feed of events lists.
    window: (DateTime<Utc>, DateTime<Utc>),
    /// Collections of Exchange of which an item may carry a marker that was not read.
    blind: HashSet<Collection>,
    first: bool,
}

impl<'a> Table<'a> {
    fn new(context: &'a CycleContext, index: &'a Index<'a>, pulled: &PerSide<Pulled>) -> Self {
        Self {
            context,
            index,
            seen: BTreeMap::new(),
            missing: HashSet::new(),
            asked: HashSet::new(),
            sought: HashSet::new(),
            open: HashSet::new(),
            resynced: pulled.exchange.resynced.iter().copied().collect(),
            window: twins::listed(context.window(), &pulled.exchange.cursors),
            blind: HashSet::new(),
            first: true,
        }
    }

    fn finish(mut self, cursors: Vec<Cursor>, moved: bool) -> Gathered {
        let unfinished = self.take_open();
        let seen = self.seen.into_values().collect();
        Gathered { seen, cursors, moved, unfinished, category: None }
    }

    fn add_all(&mut self, observations: impl IntoIterator<Item = Observation>) {
        tracing::info_span!(names::SPAN_NORMALISE)
            .in_scope(|| observations.into_iter().for_each(|one| self.add(one)));
    }

    fn add(&mut self, mut observation: Observation) {
        if observation.presence == Presence::MovedAway {
            self.rename(&mut observation);
        }
        let key = key_of(&observation);
        let link = self.index.of_item(key.0, key.1, &key.2);
        // A task collection holds four kinds of rows; only the link knows which one this item is.
        if let Some(link) = link {
            observation.kind = link.kind;
        }
        let fetched = self.asked.contains(&key) || self.missing.contains(&key);
        if fetched || !self.first {
            self.correct(&mut observation, &key, link);
        } else {
            self.keep_off_feed(&mut observation, link);
        }
        if link.is_none() && self.hides_marker(&observation) {
            self.blind.insert(key.1);
        }
        self.seen.insert(key, self.context.comparable(observation));
    }

    /// Tells whether an unknown item may carry a marker that was not read: it could not be read at all,
    /// or it is a task that nobody tracks, of which a round from the start shows none.
    fn hides_marker(&self, observation: &Observation) -> bool {
        let collection = observation.kind.collection();
        let plain = collection == Collection::Tasks
            && self.resynced.contains(&collection)
            && observation.marker.is_none()
            && !observation.exchange_facts().tracked;
        let unread = observation.unfit == Some(Code::ItemUnreadable);
        observation.side == Side::Exchange && (unread || plain)
    }

    /// An event outside the delta's window stays outside until a round from the start lists it:
    /// the pull also brings those that it found by their time of change.
    fn keep_off_feed(&self, observation: &mut Observation, link: Option<&Link>) {
        if let Facts::Exchange(facts) = &mut observation.facts {
            let listed = self.resynced.contains(&observation.kind.collection());
            facts.off_feed = !listed && link.is_some_and(|link| link.off_feed);
        }
    }

    /// A task that moved to another list has another id there: it stands for the id that the link
    /// knows (CXL-12).
    fn rename(&self, observation: &mut Observation) {
        let link = observation.marker.and_then(|id| self.index.of_id(id));
        if let Some(id) = link.and_then(|link| link.native.get(observation.side).clone()) {
            observation.id = id;
        }
    }

    /// A fetch says that an item exists; whether the feed still returns it is known here.
    fn correct(&self, observation: &mut Observation, key: &Key, link: Option<&Link>) {
        let missing = self.missing.contains(key);
        if observation.presence != Presence::Present {
            return;
        }
        match &mut observation.facts {
            Facts::Dynamics(_) => {
                let in_filter = !missing && link.is_some_and(|link| link.matched);
                if !in_filter {
                    observation.presence = Presence::LeftFilter;
                }
            }
            Facts::Exchange(facts) => {
                facts.off_feed = missing || link.is_some_and(|link| link.off_feed);
            }
        }
    }

    /// Returns what the decisions need beyond what was seen.
    fn wants(&mut self, missing: &PerSide<Vec<(Kind, NativeId)>>) -> PerSide<Want> {
        let mut wants = PerSide::<Want>::default();
        if self.first {
            for side in Side::BOTH {
                for (kind, id) in missing.get(side) {
                    self.want_fetch(&mut wants, side, *kind, id.clone());
                }
            }
            let links = self.index.links();
            for link in links.iter().filter(|link| looks_again(link, self.context)) {
                self.want_link(&mut wants, link);
            }
        }
        self.first = false;
        let seen: Vec<Seen> = self.seen.values().cloned().collect();
        for pairing in pair_in(self.index, seen) {
            for side in Side::BOTH {
                self.want_other(&mut wants, &pairing, side);
            }
            self.want_moved(&mut wants, &pairing);
        }
        wants
    }

    /// Both halves of an unsettled link, wherever they are.
    fn want_link(&mut self, wants: &mut PerSide<Want>, link: &Link) {
        for side in Side::BOTH {
            match link.native.get(side) {
                Some(id) => self.want_fetch(wants, side, link.kind, id.clone()),
                None if link.state == LinkState::Creating(side) => {
                    self.want_find(wants, side, FindKey::Marker(link.id, link.kind));
                }
                None => {}
            }
        }
    }

    /// CXL-12: a task that was moved to another list has another id and looks deleted here.
    fn want_moved(&mut self, wants: &mut PerSide<Want>, pairing: &Pairing) {
        let Some(link) = pairing.link.as_ref() else { return };
        let gone = pairing.seen.exchange.as_ref().is_some_and(|seen| {
            seen.observation.presence == Presence::Deleted
                && seen.observation.kind.collection() == Collection::Tasks
        });
        if gone && link.state == LinkState::Agreed {
            self.want_find(wants, Side::Exchange, FindKey::Marker(link.id, link.kind));
        }
    }

    /// The other half of a pairing of which one half was seen.
    fn want_other(&mut self, wants: &mut PerSide<Want>, pairing: &Pairing, side: Side) {
        let other = side.other();
        let Some(seen) = pairing.seen.get(side) else { return };
        if pairing.copy {
            return self.want_original(wants, seen);
        }
        if pairing.seen.get(other).is_some() {
            return self.want_marker(wants, pairing);
        }
        let link = pairing.link.as_ref();
        if let Some(id) = link.and_then(|link| link.native.get(other).clone()) {
            if needs_other_side(pairing, side, self.context.mailbox.user) {
                self.want_fetch(wants, other, pairing.kind(), id);
            }
            return;
        }
        if let Some(link) = link.filter(|link| link.state == LinkState::Creating(other)) {
            self.want_find(wants, other, FindKey::Marker(link.id, link.kind));
        }
        let unlinked = link.is_none_or(|link| link.state == LinkState::LeftAlone);
        if unlinked && let Some(key) = twins::twin_key(seen, self.context.mailbox.key.mailbox) {
            self.want_find(wants, other, key);
        }
        // INV-7: a row that the store does not know may have its item among those that no feed shows.
        let hidden = self.blind.contains(&seen.observation.kind.collection())
            || twins::is_unlisted(seen, self.window);
        if unlinked && side == Side::Dynamics && hidden {
            let row = row_link(&seen.observation.id);
            let key = row.map(|id| FindKey::Marker(id, seen.observation.kind));
            key.into_iter().for_each(|key| self.want_find(wants, other, key));
        }
    }

    fn want_fetch(&mut self, wants: &mut PerSide<Want>, side: Side, kind: Kind, id: NativeId) {
        let key = (side, kind.collection(), id.clone());
        let settled = self.seen.contains_key(&key) && !self.missing.contains(&key);
        if !settled && self.asked.insert(key) {
            wants.get_mut(side).fetch.push((kind, id));
        }
    }

    fn want_find(&mut self, wants: &mut PerSide<Want>, side: Side, key: FindKey) {
        if self.sought.insert((side, key.clone())) {
            wants.get_mut(side).find.push(key);
        }
    }
}

fn key_of(observation: &Observation) -> Key {
    (observation.side, observation.kind.collection(), observation.id.clone())
}
