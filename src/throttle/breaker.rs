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
    Probing { probe: Probe, wait: Duration },
}

/// The call that finds out, named by when it left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Probe(Duration);

impl Breaker {
    /// A breaker that lets everything pass.
    pub(super) const CLOSED: Self = Self::Closed { silent: 0 };

    /// Lets a call pass, which is the one that finds out or is not, or returns how long none will.
    pub(super) fn admit(&mut self, now: Duration) -> Result<Option<Probe>, Duration> {
        match *self {
            Self::Closed { .. } => Ok(None),
            Self::Open { until, wait } if now >= until => {
                let probe = Probe(now);
                *self = Self::Probing { probe, wait };
                Ok(Some(probe))
            }
            Self::Open { until, .. } => Err(until.saturating_sub(now)),
            Self::Probing { wait, .. } => Err(wait),
        }
    }

    /// Takes note of an answer; returns whether the breaker was open.
    pub(super) fn answered(&mut self) -> bool {
        !matches!(std::mem::replace(self, Self::CLOSED), Self::Closed { .. })
    }

    /// Takes note of a call without an answer; returns whether that opened the breaker.
    pub(super) fn silent(&mut self, now: Duration, of: Option<Probe>) -> bool {
        let (next, opened) = match *self {
            Self::Closed { silent } if silent + 1 < SILENT => {
                (Self::Closed { silent: silent + 1 }, false)
            }
            Self::Closed { .. } => (Self::Open { until: now + FIRST, wait: FIRST }, true),
            // Calls that were on their way when it opened say nothing new.
            open @ Self::Open { .. } => (open, false),
            Self::Probing { probe, wait } if of == Some(probe) => {
                let wait = (wait * 2).min(LONGEST);
                (Self::Open { until: now + wait, wait }, false)
            }
            probing @ Self::Probing { .. } => (probing, false),
        };
        *self = next;
        opened
    }

    /// Takes note of a probe that ended without a word: the next call finds out in its place.
    pub(super) fn found_nothing(&mut self, now: Duration, of: Probe) {
        match *self {
            Self::Probing { probe, wait } if probe == of => {
                *self = Self::Open { until: now, wait };
            }
            Self::Closed { .. } | Self::Open { .. } | Self::Probing { .. } => {}
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
            assert_eq!(breaker.silent(secs(0), None), call == SILENT);
        }
        breaker
    }

    #[test]
    fn only_silence_without_a_break_opens_it() {
        // One answer among the failures shows that the far side lives.
        let mut breaker = Breaker::CLOSED;
        for _ in 0..5 {
            for _ in 1..SILENT {
                assert!(!breaker.silent(secs(0), None));
            }
            assert!(!breaker.answered());
            assert_eq!(breaker.admit(secs(0)), Ok(None));
        }
    }

    #[test]
    fn an_open_breaker_lets_one_call_find_out() {
        // Nobody passes for five seconds, then one; the others wait for what it says.
        let mut breaker = open();
        assert_eq!(breaker.admit(secs(1)), Err(secs(4)));
        assert_eq!(breaker.admit(secs(5)), Ok(Some(Probe(secs(5)))));
        assert_eq!(breaker.admit(secs(5)), Err(secs(5)));
        assert!(breaker.answered());
        assert_eq!(breaker.admit(secs(6)), Ok(None));
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
            let probe = breaker.admit(now).unwrap();
            assert!(!breaker.silent(now, probe), "it was open before");
        }
        assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn what_was_on_its_way_when_it_opened_changes_nothing() {
        // Late failures do not push the probe away.
        let mut breaker = open();
        breaker.silent(secs(4), None);
        assert_eq!(breaker.admit(secs(5)), Ok(Some(Probe(secs(5)))));
    }

    #[test]
    fn a_probe_that_found_nothing_out_makes_way_for_the_next() {
        // It says nothing of the far side, and does not count as silence.
        let mut breaker = open();
        let probe = breaker.admit(secs(5)).unwrap().unwrap();
        breaker.found_nothing(secs(6), probe);
        assert!(breaker.admit(secs(6)).unwrap().is_some());
        assert_eq!(breaker.admit(secs(6)), Err(secs(5)));
    }

    #[test]
    fn only_the_probe_itself_ends_the_probing() {
        // Calls that left before it opened fail while the probe is on its way, and former probes end late: none
        // of that sends a second one beside it.
        let mut breaker = open();
        let first = breaker.admit(secs(5)).unwrap().unwrap();
        breaker.silent(secs(6), None);
        assert!(breaker.admit(secs(60)).is_err());
        breaker.found_nothing(secs(60), first);
        let second = breaker.admit(secs(61)).unwrap();
        breaker.found_nothing(secs(62), first);
        breaker.silent(secs(62), Some(first));
        assert!(breaker.admit(secs(62)).is_err());
        breaker.silent(secs(63), second);
        assert_eq!(breaker.admit(secs(63)), Err(secs(10)));
    }
}
