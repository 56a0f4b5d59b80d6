//! What changed: one delta round for each collection, all of them in the same batches.
//!
//! A round ends with a delta link, the next cursor. Rows come in any order, more than once, and
//! `@removed` proves nothing (delta-query-overview, delta-query-events): the last row of an id
//! counts, and removed items are only named. Occurrences are not observed; their series is.

mod probe;
mod reread;
mod walk;

pub(super) use probe::Probed;

use std::collections::{HashMap, HashSet};

use chrono::{SecondsFormat, TimeDelta};

use self::probe::Probes;
use self::walk::{News, Row, Walk};
use super::GraphSide;
use super::category::{Look, digest, is_doubtful, is_tracked, recognise};
use super::url::{Paths, expand, list_of, option};
use crate::domain::category::{Category, MasterList};
use crate::domain::ids::NativeId;
use crate::domain::kind::{Collection, Kind};
use crate::domain::observation::Observation;
use crate::engine::category::judge;
use crate::ports::error::{PullError, SideError};
use crate::ports::rest::SideRest;
use crate::ports::side::{Cursor, Known, PullAsk, Pulled};

/// The window of the calendar is renewed when less than one in so many parts of it lies ahead,
/// so that new events do not fall behind its edge for long.
const RENEW_BELOW: i32 = 3;

/// How far before the last cursor changes of events outside the window are looked for: clocks
/// differ, and `lastModifiedDateTime` is the service's.
const OUTSIDE_OVERLAP: TimeDelta = TimeDelta::minutes(5);

/// What a pull at rest leaves behind: whether there are known events outside the window; then the
/// digest of the list of categories, when it was looked at.
const OUTSIDE: u8 = b'o';
const INSIDE: u8 = b'i';

/// The known items of a pull by collection and id.
type KnownItems<'a> = HashMap<(Collection, &'a NativeId), &'a Known>;

impl GraphSide {
    /// Returns what changed since the cursors.
    pub(super) async fn pull_deltas(&self, ask: PullAsk<'_>) -> Result<Pulled, PullError> {
        let mut walks = self.first_walks(&ask);
        let mut look = self.due_look(&ask);
        let (outside, mut probes) = match ask.rest {
            Some(rest) => (rest.bytes().first() == Some(&OUTSIDE), Probes::default()),
            None => {
                let known = ask.known.load().await?;
                (known.iter().any(is_outside), self.due_probes(&ask, known))
            }
        };
        walks.extend(outside.then(|| outside_walk(&ask)).flatten());
        self.follow(&ask, &mut walks, &mut probes, &mut look).await?;
        let due = series_are_due(&ask) && ask.known.load().await?.iter().any(is_series);
        if !due && probes.gone.is_empty() && walks.iter().all(Walk::is_silent) {
            return at_rest(&ask, &walks, outside, look.list);
        }
        let listed = ask.known.load().await?;
        let known: KnownItems<'_> =
            listed.iter().map(|item| ((item.kind.collection(), &item.id), item)).collect();
        let category = self.category_of(&ask, &walks, &known, &mut look).await;
        // The list of changes first: the delta names what changed outside its window as removed
        // (event-delta), and what is listed is there.
        walks.sort_by_key(|walk| walk.is_delta);
        let mut sorted = Sorted::default();
        sorted.pulled.missing = probes.gone;
        for walk in walks {
            sorted.pulled.advanced |= tells_again(&walk, &ask);
            if walk.is_delta {
                sorted.pulled.cursors.push(next_cursor(&ask, &walk)?);
                if walk.fresh {
                    sorted.pulled.resynced.push(walk.collection);
                    sorted.pulled.missing.extend(not_listed(listed, &walk));
                }
            }
            sorted.take_in(walk, &known, &category);
        }
        if due {
            sorted.look_at_series(listed);
        }
        self.read_again(&ask, &known, &mut sorted).await?;
        let mut pulled = sorted.pulled;
        pulled.observations.iter_mut().for_each(|seen| recognise(&category, seen));
        pulled.masters = look.list;
        pulled.missing.sort_unstable();
        pulled.missing.dedup();
        Ok(pulled)
    }

    /// Returns the category by which this pull knows what is tracked. Where an item came with
    /// categories that are not known, it may have been renamed since the last look (LINK-07).
    async fn category_of(
        &self,
        ask: &PullAsk<'_>,
        walks: &[Walk],
        known: &KnownItems<'_>,
        look: &mut Look,
    ) -> Category {
        let before = &ask.mailbox.personal.category;
        let news = |walk: &Walk, id: &NativeId, row: &Row| match row {
            Row::Seen(seen) => {
                let known = known.get(&(walk.collection, id)).copied();
                is_doubtful(before, seen) && !is_unchanged(seen, known)
            }
            Row::Removed | Row::PartOfSeries => false,
        };
        let doubt = |walk: &Walk| walk.rows.iter().any(|(id, row)| news(walk, id, row));
        if before.on && look.list.is_none() && walks.iter().any(doubt) {
            self.look_again(ask, look).await;
        }
        look.list.as_ref().map_or_else(|| before.clone(), |list| judge(before, list).category)
    }

    /// Returns one round for each collection.
    fn first_walks(&self, ask: &PullAsk<'_>) -> Vec<Walk> {
        let cursor_of =
            |collection| ask.cursors.iter().find(|cursor| cursor.collection == collection);
        let mut walks = Vec::with_capacity(4);
        for collection in Collection::ALL {
            walks.push(match cursor_of(collection).filter(|cursor| is_usable(cursor, ask)) {
                Some(cursor) => {
                    if collection == Collection::Tasks
                        && let Some(list) = list_of(&cursor.token)
                    {
                        self.keep_list(&ask.mailbox.address, &list);
                    }
                    Walk::resumed(collection, cursor.token.clone())
                }
                None => self.fresh_walk(ask, collection),
            });
        }
        walks
    }

    /// Returns a round from the start.
    fn fresh_walk(&self, ask: &PullAsk<'_>, collection: Collection) -> Walk {
        let address = &ask.mailbox.address;
        let paths = Paths::new(address);
        match collection {
            Collection::Calendar => {
                let text = |at: chrono::DateTime<chrono::Utc>| {
                    at.to_rfc3339_opts(SecondsFormat::Secs, true)
                };
                let (start, end) = ask.window;
                Walk::first(collection, paths.calendar_delta(&text(start), &text(end)))
            }
            Collection::Contacts => Walk::first(collection, paths.contacts_delta()),
            Collection::Tasks => match self.known_list(address) {
                Some(list) => Walk::first(collection, paths.tasks_delta(&list)),
                None => Walk::first_by_lists(&paths),
            },
        }
    }

    /// Reads page after page, each batch holding one of every round that goes on. The first batch
    /// takes the probes and the look at the list of categories with it.
    async fn follow(
        &self,
        ask: &PullAsk<'_>,
        walks: &mut [Walk],
        probes: &mut Probes,
        look: &mut Look,
    ) -> Result<(), SideError> {
        let address = &ask.mailbox.address;
        let paths = Paths::new(address);
        loop {
            let (mut open, mut requests) = (Vec::new(), Vec::new());
            for walk in walks.iter_mut() {
                if let Some(request) = walk.request() {
                    requests.push(request);
                    open.push(walk);
                }
            }
            if open.is_empty() {
                return Ok(());
            }
            let rounds = requests.len();
            requests.extend(probes.requests(&paths));
            let asked = requests.len();
            requests.extend(look.request(&paths));
            let mut replies = self.client.read_each(address, &requests).await?;
            self.take_look(ask, look, replies.split_off(asked).pop()).await;
            self.take_probes(ask, probes, replies.split_off(rounds));
            for (walk, reply) in open.into_iter().zip(replies) {
                let reply = reply?;
                if walk.is_void(&reply) {
                    if walk.collection == Collection::Tasks {
                        self.drop_list(address);
                    }
                    walk.restart(self.fresh_walk(ask, walk.collection))?;
                    continue;
                }
                if let News::List(list) = walk.take(reply, &self.root, &paths)? {
                    self.keep_list(address, &list);
                }
            }
        }
    }
}

/// What the rounds brought, and what is still to be read.
#[derive(Default)]
struct Sorted {
    pulled: Pulled,
    reread: Vec<(Collection, NativeId)>,
    /// Those of them of which parts were listed.
    series: HashSet<NativeId>,
    taken: HashSet<(Collection, NativeId)>,
}

impl Sorted {
    fn take_in(&mut self, walk: Walk, known: &KnownItems<'_>, category: &Category) {
        let collection = walk.collection;
        for (id, row) in walk.rows {
            let known = known.get(&(collection, &id)).copied();
            // The list of changes serves the known events outside the window alone.
            let wanted = walk.is_delta || known.is_some_and(|known| !known.expected);
            if !wanted || !self.taken.insert((collection, id.clone())) {
                continue;
            }
            match row {
                Row::Removed => self.miss(known),
                Row::PartOfSeries => {
                    self.series.insert(id.clone());
                    self.reread.push((collection, id));
                }
                Row::Seen(seen) if is_unchanged(&seen, known) => {}
                Row::Seen(seen) if needs_more(collection, &seen, known, category) => {
                    self.reread.push((collection, id));
                }
                Row::Seen(seen) => self.pulled.observations.push(*seen),
            }
        }
    }

    /// Every known series is read. The cursor is stored anew by it, and so keeps the time.
    fn look_at_series(&mut self, listed: &[Known]) {
        self.pulled.advanced = true;
        for known in listed.iter().filter(|it| is_series(it)) {
            let key = (Collection::Calendar, known.id.clone());
            if self.taken.insert(key.clone()) {
                self.reread.push(key);
            }
        }
    }

    fn see(&mut self, seen: Observation, known: Option<&Known>) {
        if !is_unchanged(&seen, known) {
            self.pulled.observations.push(seen);
        }
    }

    /// The removal of an unknown item is noise (delta-query-events).
    fn miss(&mut self, known: Option<&Known>) {
        if let Some(known) = known {
            self.pulled.missing.push((known.kind, known.id.clone()));
        }
    }
}

/// Age of a cursor from which on all known series are read again.
const SERIES_AGE: TimeDelta = TimeDelta::hours(1);

/// Age of a cursor from which on the list of changes is worth shortening: the list overlaps its
/// cursor by some minutes, and a cursor that moved with every cycle would cost a store write each.
const LIST_AGE: chrono::Duration = chrono::Duration::minutes(6);

fn is_series(known: &Known) -> bool {
    known.kind == Kind::RecurringAppointment
}

/// A deleted occurrence may give no sign at all (protocols A2): now and then series are read anew.
fn series_are_due(ask: &PullAsk<'_>) -> bool {
    let calendar = ask.cursors.iter().find(|it| it.collection == Collection::Calendar);
    calendar.is_some_and(|cursor| ask.now - cursor.saved >= SERIES_AGE)
}

/// Tells whether the same rows would come again with the old cursor.
fn tells_again(walk: &Walk, ask: &PullAsk<'_>) -> bool {
    let old = ask.cursors.iter().any(|cursor| ask.now - cursor.saved > LIST_AGE);
    !walk.rows.is_empty() && (walk.is_delta || old)
}

/// Tells whether an item is still at the version that the store knows: a replayed row, or the echo
/// of our own write.
fn is_unchanged(seen: &Observation, known: Option<&Known>) -> bool {
    seen.version.is_some() && known.is_some_and(|known| known.version == seen.version)
}

/// Delta rows carry neither markers nor extended properties.
fn needs_more(
    collection: Collection,
    seen: &Observation,
    known: Option<&Known>,
    category: &Category,
) -> bool {
    match collection {
        // Whether a contact is tracked stands in an extended property (LINK-05).
        Collection::Contacts => true,
        // So does the marker; one that could not be read when it was first seen has no version.
        Collection::Calendar | Collection::Tasks => {
            is_tracked(category, seen) && known.is_none_or(|known| known.version.is_none())
        }
    }
}

/// Tells whether a cursor serves: that of the calendar must have enough of its window ahead.
fn is_usable(cursor: &Cursor, ask: &PullAsk<'_>) -> bool {
    if cursor.collection != Collection::Calendar {
        return true;
    }
    let ahead = ask.window.1 - ask.now;
    cursor.window_end.is_some_and(|end| end - ask.now >= ahead / RENEW_BELOW)
}

fn next_cursor(ask: &PullAsk<'_>, walk: &Walk) -> Result<Cursor, SideError> {
    let Some(link) = walk.delta_link() else {
        return Err(SideError::Unreadable { reason: "a round without a delta link".to_owned() });
    };
    let old = ask.cursors.iter().find(|cursor| cursor.collection == walk.collection);
    let window_end = match walk.collection {
        Collection::Calendar if walk.fresh => Some(ask.window.1),
        Collection::Calendar => old.and_then(|cursor| cursor.window_end),
        Collection::Contacts | Collection::Tasks => None,
    };
    Ok(Cursor { collection: walk.collection, token: link.to_owned(), saved: ask.now, window_end })
}

/// Returns the known items of a collection that a round from the start did not list.
fn not_listed(known: &[Known], walk: &Walk) -> Vec<(Kind, NativeId)> {
    let of_walk = known.iter().filter(|known| known.kind.collection() == walk.collection);
    let lost = of_walk.filter(|known| !walk.rows.contains_key(&known.id));
    lost.map(|known| (known.kind, known.id.clone())).collect()
}

/// Tells whether an item is an event outside the window.
fn is_outside(item: &Known) -> bool {
    item.kind.collection() == Collection::Calendar && !item.expected
}

/// Returns what a pull without any row is: the next cursors, and what to ask next time.
/// A list of categories that the last pull knew already is no news.
fn at_rest(
    ask: &PullAsk<'_>,
    walks: &[Walk],
    outside: bool,
    list: Option<MasterList>,
) -> Result<Pulled, PullError> {
    let deltas = walks.iter().filter(|walk| walk.is_delta);
    let cursors = deltas.map(|walk| next_cursor(ask, walk)).collect::<Result<_, _>>()?;
    let before = ask.rest.and_then(|rest| rest.bytes().get(1..)).unwrap_or_default();
    let after = list.as_ref().map_or_else(|| before.to_vec(), |list| digest(list).to_vec());
    let masters_known = before == after;
    let flag = if outside { OUTSIDE } else { INSIDE };
    let rest = SideRest::new([&[flag][..], &after].concat());
    Ok(Pulled { cursors, masters: list, masters_known, rest: Some(rest), ..Pulled::default() })
}

/// Returns the list of changed events for the known ones that lie outside the window, which the
/// delta does not follow (architecture §4). Without a cursor everything is read anyway.
fn outside_walk(ask: &PullAsk<'_>) -> Option<Walk> {
    let calendar = ask.cursors.iter().find(|cursor| cursor.collection == Collection::Calendar)?;
    if !is_usable(calendar, ask) {
        return None;
    }
    let since = (calendar.saved - OUTSIDE_OVERLAP).to_rfc3339_opts(SecondsFormat::Secs, true);
    let items = Paths::new(&ask.mailbox.address).items(Collection::Calendar, "");
    let filter = option(&format!("lastModifiedDateTime ge {since}"));
    let expand = expand(Collection::Calendar);
    Some(Walk::outside(format!("{items}?$filter={filter}&{expand}")))
}

#[cfg(test)]
mod tests;
