//! What is still to be read after the last round is set aside: nothing is decided from half a view.

use super::{Table, Want, key_of};
use crate::domain::link::Link;
use crate::domain::side::{PerSide, Side};
use crate::engine::matching::pair_in;
use crate::engine::normalise::Seen;

impl Table<'_> {
    /// Takes out the pairs whose search was cut off, and returns their links: the next cycle goes on
    /// with it. Their links remember them, so the cursors may move.
    pub(super) fn take_open(&mut self) -> Vec<Link> {
        if self.open.is_empty() {
            return Vec::new();
        }
        let seen: Vec<Seen> = self.seen.values().cloned().collect();
        for pairing in pair_in(self.index, seen) {
            if pairing.link.as_ref().is_some_and(|link| self.open.contains(&link.id)) {
                for seen in
                    Side::BOTH.into_iter().filter_map(|side| pairing.seen.get(side).as_ref())
                {
                    self.seen.remove(&key_of(&seen.observation));
                }
            }
        }
        self.open.iter().filter_map(|id| self.index.of_id(*id)).cloned().collect()
    }

    /// Takes out what is still waiting for another read, and returns the links of it; nothing when
    /// everything was read.
    pub(super) fn set_aside(&mut self) -> Option<Vec<Link>> {
        let mut links = Vec::new();
        let mut keys = Vec::new();
        let seen: Vec<Seen> = self.seen.values().cloned().collect();
        for pairing in pair_in(self.index, seen) {
            let mut wants = PerSide::<Want>::default();
            for side in Side::BOTH {
                self.want_other(&mut wants, &pairing, side);
            }
            self.want_moved(&mut wants, &pairing);
            if !wants.is_empty() {
                let seen =
                    Side::BOTH.into_iter().filter_map(|side| pairing.seen.get(side).as_ref());
                keys.extend(seen.map(|seen| key_of(&seen.observation)));
                links.extend(pairing.link);
            }
        }
        for key in &keys {
            self.seen.remove(key);
        }
        links.retain(|link| !self.open.contains(&link.id));
        (!keys.is_empty()).then_some(links)
    }
}
