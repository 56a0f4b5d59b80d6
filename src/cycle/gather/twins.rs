//! An item's twin on the other side when no link tells it, and what tells a copy from its original.

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use super::{Table, Want};
use crate::domain::field::Field;
use crate::domain::ids::LinkId;
use crate::domain::kind::Collection;
use crate::domain::observation::Presence;
use crate::domain::side::{PerSide, Side};
use crate::engine::matching::{Pairing, made_row};
use crate::engine::normalise::Seen;
use crate::ports::side::{Cursor, FindKey};

impl Table<'_> {
    /// LINK-06: whether its user untracked a task that meets the row made of it is told by its marker, which
    /// a round from the start does not show.
    pub(super) fn want_marker(&mut self, wants: &mut PerSide<Want>, pairing: &Pairing) {
        let Some(seen) = &pairing.seen.exchange else { return };
        let (kind, id) = (seen.observation.kind, seen.observation.id.clone());
        if pairing.link.is_some() || !self.hides_marker(&seen.observation) {
            return;
        }
        if self.asked.insert((Side::Exchange, kind.collection(), id.clone())) {
            wants.exchange.fetch.push((kind, id));
        }
    }

    /// COPY-03: whether an item is a copy depends on whether its original still stands; and a copy
    /// that has a row of its own is found by its meeting's identity (COPY-02).
    pub(super) fn want_original(&mut self, wants: &mut PerSide<Want>, seen: &Seen) {
        let observation = &seen.observation;
        let original = observation.marker.and_then(|id| self.index.of_id(id));
        if let Some(link) = original
            && let Some(id) = link.native.exchange.clone()
        {
            self.want_fetch(wants, Side::Exchange, link.kind, id);
        }
        let imports = !self.context.view.policy.settings.ignore_copies;
        if imports && let Some(uid) = observation.uid.clone() {
            self.want_find(wants, Side::Dynamics, FindKey::Uid(uid));
        }
    }
}

/// Returns the key by which an unlinked item's twin may be found on the other side. `mailbox` is its
/// `mailboxid`.
pub(super) fn twin_key(seen: &Seen, mailbox: Uuid) -> Option<FindKey> {
    let observation = &seen.observation;
    if observation.presence == Presence::Deleted {
        return None;
    }
    let marker: Option<LinkId> = observation.marker.filter(|_| observation.side == Side::Exchange);
    if let Some(link) = marker {
        return Some(FindKey::Marker(link, observation.kind));
    }
    let concerned = match observation.side {
        Side::Dynamics => true,
        Side::Exchange => observation.exchange_facts().tracked,
    };
    // INV-7: a row that was made of it before, seen by no filter, must not be taken for one just made.
    let made = || made_row(mailbox, observation).map(|row| FindKey::Made(row, observation.kind));
    let key = observation.uid.clone().map(FindKey::Uid).or_else(made);
    key.filter(|_| concerned)
}

/// The feed of events lists days of the mailbox's zone.
const DAY: Duration = Duration::days(1);

/// Returns the window that the feed of events lists: it ends where the last round from the start let it end.
pub(super) fn listed(
    window: (DateTime<Utc>, DateTime<Utc>),
    cursors: &[Cursor],
) -> (DateTime<Utc>, DateTime<Utc>) {
    let ends = cursors.iter().filter_map(|cursor| cursor.window_end);
    (window.0, ends.fold(window.1, DateTime::min))
}

/// Tells whether a row's event, if it has one, is not listed by the feed of events: the row names none
/// and lies outside the window. The feed cannot tell of an event that was made just before the store was
/// lost (INV-7).
pub(super) fn is_unlisted(seen: &Seen, window: (DateTime<Utc>, DateTime<Utc>)) -> bool {
    let observation = &seen.observation;
    if observation.uid.is_some() || observation.kind.collection() != Collection::Calendar {
        return false;
    }
    let fields = &observation.fields;
    let (start, end) = match fields.recurrence() {
        None => (fields.time(Field::Start), fields.time(Field::End)),
        Some(series) => {
            let end = series.last_day().map_or(DateTime::<Utc>::MAX_UTC, |day| series.times(day).1);
            (fields.time(Field::Start), Some(end))
        }
    };
    let (Some(start), Some(end)) = (start, end) else { return true };
    end < window.0 + DAY || start > window.1 - DAY
}
