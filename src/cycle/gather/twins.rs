//! An item's twin on the other side when no link tells it, and what tells a copy from its original.

use super::{Table, Want};
use crate::domain::ids::LinkId;
use crate::domain::observation::Presence;
use crate::domain::side::{PerSide, Side};
use crate::engine::normalise::Seen;
use crate::ports::side::FindKey;

impl Table<'_> {
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

/// Returns the key by which an unlinked item's twin may be found on the other side.
pub(super) fn twin_key(seen: &Seen) -> Option<FindKey> {
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
    observation.uid.clone().filter(|_| concerned).map(FindKey::Uid)
}
