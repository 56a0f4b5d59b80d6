//! Match: which observations belong together, and to which link.
//!
//! Order of evidence: native id, marker, the id that a row made of the item would have, meeting
//! identity. The guid of a row is the id of its link, so an Exchange item's marker names its row even
//! when the store is lost, and a row that was just made is known before the item is marked (INV-7).

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::domain::ids::{GlobalId, LinkId, NativeId};
use crate::domain::kind::{Collection, Kind};
use crate::domain::link::{Link, LinkState, Trouble};
use crate::domain::observation::{Observation, Presence};
use crate::domain::side::{PerSide, Side};
use crate::engine::normalise::Seen;

/// A link, or none yet, with what was seen of its items.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairing {
    /// What is remembered.
    pub link: Option<Link>,
    /// What was seen in this cycle; `None` for a side that has no item or was not asked.
    pub seen: PerSide<Option<Seen>>,
    /// This is an Exchange item whose marker belongs to another, existing item (COPY-01).
    pub copy: bool,
}

/// The links of a mailbox by what leads to them.
pub struct Index<'a> {
    mailbox: Uuid,
    links: &'a [Link],
    by_native: HashMap<(Side, Collection, &'a NativeId), usize>,
    by_id: HashMap<LinkId, usize>,
    by_uid: HashMap<&'a GlobalId, usize>,
}

impl<'a> Index<'a> {
    /// Builds the index of a mailbox (`mailboxid`); where two links claim the same, the later one counts.
    #[must_use]
    pub fn new(mailbox: Uuid, links: &'a [Link]) -> Self {
        let mut by_native = HashMap::with_capacity(links.len() * 2);
        let mut by_id = HashMap::with_capacity(links.len());
        let mut by_uid = HashMap::new();
        for (at, link) in links.iter().enumerate() {
            by_id.insert(link.id, at);
            for side in Side::BOTH {
                if let Some(id) = link.native.get(side) {
                    by_native.insert((side, link.kind.collection(), id), at);
                }
            }
            if let Some(uid) = &link.uid {
                by_uid.insert(uid, at);
            }
        }
        Self { mailbox, links, by_native, by_id, by_uid }
    }

    /// Returns the links, in their own order.
    #[must_use]
    pub fn links(&self) -> &'a [Link] {
        self.links
    }

    /// Returns the link whose item this is.
    #[must_use]
    pub fn of_item(&self, side: Side, collection: Collection, id: &NativeId) -> Option<&'a Link> {
        self.by_native.get(&(side, collection, id)).map(|at| &self.links[*at])
    }

    /// Returns the link of a meeting's identity.
    #[must_use]
    pub fn of_meeting(&self, uid: &GlobalId) -> Option<&'a Link> {
        self.by_uid.get(uid).map(|at| &self.links[*at])
    }

    /// Returns the guid of the row that an observation is, names by its marker, or would be made into.
    fn row_of(&self, one: &Seen) -> Option<LinkId> {
        match one.observation.side {
            Side::Dynamics => row_link(&one.observation.id),
            Side::Exchange => {
                one.observation.marker.or_else(|| made_row(self.mailbox, &one.observation))
            }
        }
    }

    /// Returns the link of an id.
    #[must_use]
    pub fn of_id(&self, id: LinkId) -> Option<&'a Link> {
        self.by_id.get(&id).map(|at| &self.links[*at])
    }
}

/// Pairs what was seen in a mailbox (`mailboxid`). Links of which nothing was seen do not appear in the result.
#[must_use]
pub fn pair(mailbox: Uuid, links: &[Link], seen: Vec<Seen>) -> Vec<Pairing> {
    pair_in(&Index::new(mailbox, links), seen)
}

/// Pairs as `pair` does, with an index that is at hand already.
#[must_use]
pub fn pair_in(index: &Index<'_>, seen: Vec<Seen>) -> Vec<Pairing> {
    let mut table = Table::new(index);
    let mut seen = seen;
    // The order in which things were seen must not decide anything.
    seen.sort_by(|left, right| sort_key(left).cmp(&sort_key(right)));
    // Rows first: an Exchange item may then find its row by marker or meeting identity.
    let (rows, mut items): (Vec<Seen>, Vec<Seen>) =
        seen.into_iter().partition(|one| one.observation.side == Side::Dynamics);
    // What is gone first: an item with its marker may then take its place. Then what a create without
    // an answer has made, whatever its row names by now (ORG-03). Then meetings that a row names: of
    // two items with one marker that is the original (COPY-03). Those last that another row names than
    // their marker does: copies with rows of their own (COPY-02). What was written on an item says more than
    // the row that would be made of it.
    let identities = Identities::of(&rows);
    items.sort_by_key(|one| {
        let gone = one.observation.presence == Presence::Deleted;
        let link = one.observation.marker.and_then(|id| index.of_id(id));
        let made = link.is_some_and(|link| link.state == LinkState::Creating(Side::Exchange));
        (!gone, !made, identities.named(one), one.observation.marker.is_none())
    });
    for one in rows.into_iter().chain(items) {
        table.place(one);
    }
    table.pairings
}

/// How the rows speak of an item of Exchange, the more certain the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    /// The row of its marker has its identity, or it has no marker and a row has its identity.
    Itself,
    /// No row has its identity.
    Unnamed,
    /// Another row than that of its marker has its identity.
    Elsewhere,
}

/// The identities that rows have.
struct Identities {
    of_row: HashMap<LinkId, GlobalId>,
    all: HashSet<GlobalId>,
}

impl Identities {
    fn of(rows: &[Seen]) -> Self {
        let of_row: HashMap<LinkId, GlobalId> = rows
            .iter()
            .filter_map(|row| Some((row_link(&row.observation.id)?, row.observation.uid.clone()?)))
            .collect();
        let all = of_row.values().cloned().collect();
        Self { of_row, all }
    }

    fn named(&self, item: &Seen) -> Named {
        let uid = item.observation.uid.as_ref().filter(|uid| self.all.contains(uid));
        let marker = item.observation.marker;
        match (uid, marker) {
            (None, _) => Named::Unnamed,
            (Some(_), None) => Named::Itself,
            (Some(uid), Some(row)) if self.of_row.get(&row) == Some(uid) => Named::Itself,
            (Some(_), Some(_)) => Named::Elsewhere,
        }
    }
}

fn sort_key(one: &Seen) -> (Side, Collection, &NativeId) {
    let observation = &one.observation;
    (observation.side, observation.kind.collection(), &observation.id)
}

struct Table<'a> {
    index: &'a Index<'a>,
    /// Pairings by the index of their link.
    of_link: HashMap<usize, usize>,
    /// Pairings without a link by the row's guid and by meeting identity.
    of_row: HashMap<LinkId, usize>,
    of_uid: HashMap<GlobalId, usize>,
    pairings: Vec<Pairing>,
}

impl<'a> Table<'a> {
    fn new(index: &'a Index<'a>) -> Self {
        Self {
            index,
            of_link: HashMap::new(),
            of_row: HashMap::new(),
            of_uid: HashMap::new(),
            pairings: Vec::new(),
        }
    }

    fn place(&mut self, one: Seen) {
        let side = one.observation.side;
        match self.link_of(&one) {
            Some(at) if self.is_told_now(at, &one) => {
                // Nothing was decided of it: the link is seen with nothing, and goes.
                self.add(Some(self.index.links[at].clone()));
            }
            Some(at) => return self.place_at_link(at, one),
            None => {}
        }
        // No link. A row may meet an item that named it, an item its row, a meeting its twin.
        let named = self.index.row_of(&one).and_then(|row| self.of_row.get(&row)).copied();
        if named.is_some_and(|at| !self.lacks(at, side)) {
            // Two items carry the marker of one row: one of them is a copy (COPY-01).
            return self.set_apart(one);
        }
        let twin = one.observation.uid.as_ref().and_then(|uid| self.of_uid.get(uid)).copied();
        let twin = twin.filter(|at| self.lacks(*at, side));
        // A copy keeps the marker of its original; the row of its own has its identity (COPY-02).
        let own = twin.filter(|at| self.is_row_of(*at, &one));
        let place = own.or(named).or(twin);
        let at = place.unwrap_or_else(|| self.add(None));
        self.put(at, one);
    }

    /// Tells whether an item that could not be read when it was first seen names a row by now that no
    /// link knows (INV-7).
    fn is_told_now(&self, at: usize, one: &Seen) -> bool {
        let link = &self.index.links[at];
        let unread = link.trouble.is_some_and(|trouble| Trouble::is_of_the_reply(trouble.code));
        let alone = link.state == LinkState::LeftAlone && link.native.dynamics.is_none();
        let marker = one.observation.marker.filter(|row| *row != link.id);
        let unknown = |row| {
            let taken = self.of_row.get(&row).is_some_and(|at| !self.lacks(*at, Side::Exchange));
            !taken && !self.index.by_id.contains_key(&row)
        };
        one.observation.side == Side::Exchange && unread && alone && marker.is_some_and(unknown)
    }

    /// Tells whether a pairing still has room for an item of a side.
    fn lacks(&self, at: usize, side: Side) -> bool {
        let pairing = &self.pairings[at];
        let link = pairing.link.as_ref();
        pairing.seen.get(side).is_none() && link.is_none_or(|it| it.native.get(side).is_none())
    }

    /// Tells whether a pairing's row has the identity of this item.
    fn is_row_of(&self, at: usize, item: &Seen) -> bool {
        let row = self.pairings[at].seen.dynamics.as_ref();
        row.is_some_and(|row| row.observation.uid == item.observation.uid)
    }

    fn put(&mut self, at: usize, one: Seen) {
        if let Some(row) = self.index.row_of(&one) {
            self.of_row.entry(row).or_insert(at);
        }
        if let Some(uid) = &one.observation.uid {
            self.of_uid.entry(uid.clone()).or_insert(at);
        }
        let side = one.observation.side;
        self.pairings[at].seen.set(side, Some(one));
    }

    /// A copy of a linked item: seen, and nobody's half; unless it has a row of its own (COPY-02).
    fn set_apart(&mut self, one: Seen) {
        let side = one.observation.side;
        let own = one.observation.uid.as_ref().and_then(|uid| self.of_uid.get(uid)).copied();
        if let Some(at) = own.filter(|at| self.lacks(*at, side)) {
            self.pairings[at].seen.set(side, Some(one));
            return;
        }
        let at = self.add(None);
        self.pairings[at].copy = true;
        self.pairings[at].seen.set(side, Some(one));
    }

    /// Finds the link an observation belongs to: by id, by marker, by meeting identity.
    fn link_of(&self, one: &Seen) -> Option<usize> {
        let observation = &one.observation;
        let key = (observation.side, observation.kind.collection(), &observation.id);
        if let Some(at) = self.index.by_native.get(&key) {
            return Some(*at);
        }
        if let Some(at) = self.index.row_of(one).and_then(|row| self.index.by_id.get(&row)) {
            return Some(*at);
        }
        let uid = observation.uid.as_ref()?;
        // A meeting's identity only completes a link that lacks this side.
        let at = self.index.by_uid.get(uid).copied();
        at.filter(|at| self.index.links[*at].native.get(observation.side).is_none())
    }

    fn place_at_link(&mut self, at: usize, one: Seen) {
        let side = one.observation.side;
        let link = &self.index.links[at];
        let foreign = link.native.get(side).as_ref().is_some_and(|id| *id != one.observation.id);
        if foreign && !self.is_gone(at, side) {
            // The marker of an item that the link does not mean: somebody copied it (COPY-01).
            // Whether the original still stands was settled by the fetch that preceded.
            return self.set_apart(one);
        }
        let place = match self.of_link.get(&at) {
            Some(place) => *place,
            None => {
                let place = self.add(Some(link.clone()));
                self.of_link.insert(at, place);
                place
            }
        };
        let other = self.pairings[place].seen.get(side).as_ref();
        let taken = other.is_some_and(|other| {
            other.observation.id != one.observation.id
                && other.observation.presence != Presence::Deleted
        });
        if taken {
            return self.set_apart(one);
        }
        self.put(place, one);
    }

    /// Tells whether a link's own item is gone: one that carries its marker is then no copy, but
    /// the same item under another id, as after a move (COPY-03, CXL-12).
    fn is_gone(&self, at: usize, side: Side) -> bool {
        let place = self.of_link.get(&at).map(|place| &self.pairings[*place]);
        let own = place.and_then(|pairing| pairing.seen.get(side).as_ref());
        own.is_some_and(|own| own.observation.presence == Presence::Deleted)
    }

    fn add(&mut self, link: Option<Link>) -> usize {
        self.pairings.push(Pairing { link, seen: PerSide::default(), copy: false });
        self.pairings.len() - 1
    }
}

/// Returns the guid of the row that is made of an item of Exchange without a meeting's identity, in a
/// mailbox (`mailboxid`). It is the same each time, so that row and item know each other when the store
/// is lost before the item is marked (INV-7).
#[must_use]
pub fn made_row(mailbox: Uuid, item: &Observation) -> Option<LinkId> {
    let nameless = item.side == Side::Exchange && item.uid.is_none();
    nameless.then(|| LinkId(Uuid::new_v5(&mailbox, item.id.as_str().as_bytes())))
}

/// Returns the link id of a row: its guid.
#[must_use]
pub fn row_link(id: &NativeId) -> Option<LinkId> {
    uuid::Uuid::parse_str(id.as_str()).ok().map(LinkId)
}

impl Pairing {
    /// Returns the kind of the pair: the link's, else the row's, else the item's.
    #[must_use]
    pub fn kind(&self) -> Kind {
        let of = |side: Side| self.seen.get(side).as_ref().map(|seen| seen.observation.kind);
        self.link
            .as_ref()
            .map(|link| link.kind)
            .or_else(|| of(Side::Dynamics))
            .or_else(|| of(Side::Exchange))
            .unwrap_or(Kind::Task)
    }
}

#[cfg(test)]
mod tests;
