//! The breaker of one far side of one tenant: while it does not answer, one call at a time finds out
//! when it does again, and all others fail at once.
//!
//! A far side that is down would else be asked by every mailbox with every back-off, and by all at once
//! when it is back. What counts is silence: an answer of any kind, a refusal too, is a sign of life.

use std::time::Duration;

/// Calls in a row without an answer that open the breaker: more than one mailbox's hiccup.
const SILENT: u32 = 10;
/// How long the breaker stays open at first; it doubles with each probe that fails.
const FIRST: Duration = Duration::from_secs(5);
/// The longest that it stays open.
const LONGEST: Duration = Duration::from_secs(60);

/// Whether calls pass. Instants are durations since some start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breaker {
    /// Calls pass; so many in a row had no answer.
    Closed { silent: u32 },
    /// No call passes before the instant, then one.
    Open { until: Duration, wait: Duration },
    /// One call is on its way to find out.
    Probing { wait: Duration },
}

impl Breaker {
    /// A breaker that lets everything pass.
    pub(super) const CLOSED: Self = Self::Closed { silent: 0 };

    /// Lets a call pass, or returns how long none will.
    pub(super) fn admit(&mut self, now: Duration) -> Result<(), Duration> {
        match *self {
            Self::Closed { .. } => Ok(()),
            Self::Open { until, wait } if now >= until => {
                *self = Self::Probing { wait };
                Ok(())
            }
            Self::Open { until, .. } => Err(until.saturating_sub(now)),
            Self::Probing { wait } => Err(wait),
        }
    }

    /// Takes note of an answer; returns whether the breaker was open.
    pub(super) fn answered(&mut self) -> bool {
        !matches!(std::mem::replace(self, Self::CLOSED), Self::Closed { .. })
    }

    /// Takes note of a call without an answer; returns whether that opened the breaker.
    pub(super) fn silent(&mut self, now: Duration) -> bool {
        let (next, opened) = match *self {
            Self::Closed { silent } if silent + 1 < SILENT => {
                (Self::Closed { silent: silent + 1 }, false)
            }
            Self::Closed { .. } => (Self::Open { until: now + FIRST, wait: FIRST }, true),
            // Calls that were on their way when it opened say nothing new.
            open @ Self::Open { .. } => (open, false),
            Self::Probing { wait } => {
                let wait = (wait * 2).min(LONGEST);
                (Self::Open { until: now + wait, wait }, false)
            }
        };
        *self = next;
        opened
    }

    /// Tells whether a call is on its way to find out.
    pub(super) const fn is_probing(&self) -> bool {
        matches!(self, Self::Probing { .. })
    }

    /// That call found nothing out: the next one does in its place.
    pub(super) fn found_nothing(&mut self, now: Duration) {
        if let Self::Probing { wait } = *self {
            *self = Self::Open { until: now, wait };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn open() -> Breaker {
        let mut breaker = Breaker::CLOSED;
        for call in 1..=SILENT {
            assert_eq!(breaker.silent(secs(0)), call == SILENT);
        }
        breaker
    }

    #[test]
    fn only_silence_without_a_break_opens_it() {
        // One answer among the failures shows that the far side lives.
        let mut breaker = Breaker::CLOSED;
        for _ in 0..5 {
            for _ in 1..SILENT {
                assert!(!breaker.silent(secs(0)));
            }
            assert!(!breaker.answered());
            assert_eq!(breaker.admit(secs(0)), Ok(()));
        }
    }

    #[test]
    fn an_open_breaker_lets_one_call_find_out() {
        // Nobody passes for five seconds, then one; the others wait for what it says.
        let mut breaker = open();
        assert_eq!(breaker.admit(secs(1)), Err(secs(4)));
        assert_eq!(breaker.admit(secs(5)), Ok(()));
        assert_eq!(breaker.admit(secs(5)), Err(secs(5)));
        assert!(breaker.answered());
        assert_eq!(breaker.admit(secs(6)), Ok(()));
    }

    #[test]
    fn each_probe_that_fails_doubles_the_wait() {
        // Five seconds, ten, and so on, never more than a minute.
        let mut breaker = open();
        let (mut now, mut waits) = (secs(0), Vec::new());
        for _ in 0..6 {
            let wait = breaker.admit(now).unwrap_err();
            waits.push(wait.as_secs());
            now += wait;
            assert_eq!(breaker.admit(now), Ok(()));
            assert!(!breaker.silent(now), "it was open before");
        }
        assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn what_was_on_its_way_when_it_opened_changes_nothing() {
        // Late failures do not push the probe away.
        let mut breaker = open();
        breaker.silent(secs(4));
        assert_eq!(breaker.admit(secs(5)), Ok(()));
    }

    #[test]
    fn a_probe_that_found_nothing_out_makes_way_for_the_next() {
        // It says nothing of the far side, and does not count as silence.
        let mut breaker = open();
        assert_eq!(breaker.admit(secs(5)), Ok(()));
        assert!(breaker.is_probing());
        breaker.found_nothing(secs(6));
        assert_eq!(breaker.admit(secs(6)), Ok(()));
        assert_eq!(breaker.admit(secs(6)), Err(secs(5)));
    }
}
