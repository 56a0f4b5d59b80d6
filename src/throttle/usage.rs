//! What a throttle's keys spent of late, to be shown. It decides nothing.

use std::time::Duration;

/// Parts of a window; the oldest one is forgotten as a whole.
const PARTS: usize = 10;

/// How much of a budget is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Requests of all keys in the last window, or a tenth of it less.
    pub spent: u64,
    /// Requests that each key may send in a window.
    pub requests: u32,
    /// The window.
    pub per: Duration,
    /// Keys whose far side asked them to wait.
    pub closed: usize,
}

/// The requests of the last window, in parts. Instants are durations since some start.
#[derive(Debug)]
pub(super) struct Spent {
    part: Duration,
    /// Which part of all time each one is, and what was spent in it.
    parts: [(u128, u64); PARTS],
}

impl Spent {
    pub(super) fn new(per: Duration) -> Self {
        let part = (per / PARTS as u32).max(Duration::from_nanos(1));
        Self { part, parts: [(0, 0); PARTS] }
    }

    pub(super) fn add(&mut self, weight: u32, now: Duration) {
        let number = self.number(now);
        let one = &mut self.parts[(number % PARTS as u128) as usize];
        if one.0 != number {
            *one = (number, 0);
        }
        one.1 = one.1.saturating_add(u64::from(weight));
    }

    pub(super) fn within(&self, now: Duration) -> u64 {
        let number = self.number(now);
        let recent = |part: &&(u128, u64)| number - part.0.min(number) < PARTS as u128;
        self.parts.iter().filter(recent).map(|part| part.1).sum()
    }

    fn number(&self, now: Duration) -> u128 {
        now.as_nanos() / self.part.as_nanos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_spent_is_forgotten_with_its_part_of_the_window() {
        // Ten parts of ten seconds: all of the last ninety seconds counts, nothing older than a hundred.
        let mut spent = Spent::new(Duration::from_secs(100));
        let at = Duration::from_secs;
        spent.add(3, at(5));
        spent.add(4, at(9));
        spent.add(20, at(42));
        assert_eq!([9, 42, 99].map(|now| spent.within(at(now))), [27, 27, 27]);
        assert_eq!([100, 139, 140].map(|now| spent.within(at(now))), [20, 20, 0]);
        spent.add(1, at(1_000));
        assert_eq!([1_000, 5_000].map(|now| spent.within(at(now))), [1, 0]);
    }
}
