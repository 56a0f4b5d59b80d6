//! What one node drew from the budget that all nodes share, and how it goes on when nobody can be asked.
//!
//! | the node | spends |
//! | --- | --- |
//! | has drawn | what it drew, for a second at most; what is left then goes back with the next draw, which is as large as what was spent, or twice as large when that was spent early |
//! | has drawn for later | nothing before its turn; then it asks once more whether the far side is closed |
//! | gets no answer | its share of the refill, without the bucket: together the nodes spend no more than before |
//! | is answered again | as at first; what it spent alone is told with the first draw, and counts |
//!
//! Absent: clock and store. Instants are durations since some start.

use std::time::Duration;

use crate::ports::budget::{Bucket, Draw, Drawn};

/// How long drawn requests may be spent: the bucket is that much smaller than the published limit.
pub(super) const LIFE: Duration = Duration::from_secs(1);
/// How long a node goes on alone before it asks again.
const ALONE: Duration = Duration::from_secs(5);
/// What a draw asks for at least: a sweep of a mailbox takes about as many.
const SMALL: u32 = 16;
/// A draw is at most this part of a node's share of the bucket, unless one call needs more.
const PART: u32 = 4;

/// What has to happen before the requests may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing: they are taken.
    Nothing,
    /// Time.
    Time(Duration),
    /// An answer.
    Answer(Draw),
}

/// What a node holds.
#[derive(Debug, Default)]
pub(super) struct Purse {
    left: u32,
    drawn: u32,
    from: Duration,
    until: Duration,
    /// Since when the far side may be closed: the turn comes long after it was drawn, or somebody says so.
    doubted: Option<Duration>,
    /// Spent alone and not told yet.
    owed: u32,
    /// Until when nobody is asked.
    alone: Option<Duration>,
    /// Alone: until when requests are paid for by time, and those that are being paid for.
    paid: Duration,
    due: Option<(u32, Duration)>,
}

impl Purse {
    /// Takes requests out of the purse, or says what they need. `members` share the bucket; the caller
    /// would wait for `longest`.
    pub(super) fn take(
        &mut self,
        requests: u32,
        now: Duration,
        bucket: Bucket,
        members: u32,
        longest: Duration,
    ) -> Need {
        if let Some(until) = self.alone {
            if now < until || self.due.is_some_and(|(some, _)| some == requests) {
                return self.take_alone(requests, now, bucket, members);
            }
            (self.alone, self.due) = (None, None);
        }
        if requests <= self.left && now < self.until {
            if now < self.from {
                return Need::Time(self.from - now);
            }
            if self.doubted.is_some() {
                return Need::Answer(Draw { least: 0, want: 0, back: 0, owed: 0, longest });
            }
            self.left -= requests;
            return Need::Nothing;
        }
        let most = bucket.burst / PART / members.max(1);
        let want = self.appetite(now).max(SMALL).min(most).max(requests);
        let (back, owed) = (self.left, self.owed);
        Need::Answer(Draw { least: requests, want, back, owed, longest })
    }

    /// Twice as much as last time when that was spent before its end, else what was spent of it.
    fn appetite(&self, now: Duration) -> u32 {
        if now < self.until {
            self.drawn.saturating_mul(2)
        } else {
            self.drawn.saturating_sub(self.left)
        }
    }

    /// Takes in the answer to a draw that was asked at one instant and answered at another. Returns how
    /// long it would be when that is too long.
    pub(super) fn fill(
        &mut self,
        draw: Draw,
        answer: Drawn,
        asked: Duration,
        answered: Duration,
    ) -> Option<Duration> {
        if draw.least == 0 {
            // A word that came while this was asked may be about later.
            self.doubted = self.doubted.filter(|since| *since > asked);
            return None;
        }
        self.owed = self.owed.saturating_sub(draw.owed);
        self.left = answer.granted;
        if answer.granted == 0 {
            self.until = Duration::ZERO;
            return answer.closed.is_zero().then_some(answer.wait);
        }
        self.drawn = answer.granted;
        // The store granted at some instant between question and answer.
        (self.from, self.until) = (answered + answer.wait, asked + answer.wait + LIFE);
        if answer.wait > LIFE {
            self.doubted = self.doubted.or(Some(asked));
        }
        None
    }

    /// Somebody was asked to pause: who knows when that ends is asked before anything is spent.
    pub(super) fn doubt(&mut self, now: Duration) {
        self.doubted = Some(now);
    }

    /// Takes note that no answer came. Returns whether that is news.
    pub(super) fn fail(&mut self, now: Duration) -> bool {
        let news = self.alone.is_none() && self.owed == 0;
        // What was drawn may have come back already: spending it now would spend it twice.
        (self.left, self.drawn, self.doubted) = (0, 0, None);
        self.alone = Some(now + ALONE);
        self.paid = self.paid.max(now);
        news
    }

    fn take_alone(&mut self, requests: u32, now: Duration, bucket: Bucket, members: u32) -> Need {
        let due = match self.due {
            Some((some, due)) if some == requests => due,
            Some(_) | None => {
                let price = bucket.interval.saturating_mul(requests.saturating_mul(members.max(1)));
                let due = self.paid.max(now).saturating_add(price);
                self.due = Some((requests, due));
                due
            }
        };
        if now < due {
            return Need::Time(due - now);
        }
        (self.paid, self.due) = (due, None);
        self.owed = self.owed.saturating_add(requests);
        Need::Nothing
    }
}
