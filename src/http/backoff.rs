//! Exponential back-off as a value: the caller brings the count of failures and the chance.

use std::time::Duration;

/// How waits grow: `base`, doubled with each failure, never above `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    base: Duration,
    max: Duration,
}

impl Backoff {
    /// Builds a back-off; `None` when `base` is zero or above `max`.
    #[must_use]
    pub const fn new(base: Duration, max: Duration) -> Option<Self> {
        if base.is_zero() || base.as_nanos() > max.as_nanos() {
            return None;
        }
        Some(Self { base, max })
    }

    /// Returns the wait after `failures` failures in a row. `chance` (0 to 1) spreads it between
    /// half of the wait and the whole, so that callers who failed together do not return together.
    #[must_use]
    pub fn delay(&self, failures: u32, chance: f64) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let whole = self.base.saturating_mul(doubled).min(self.max);
        let half = whole / 2;
        half + half.mul_f64(if chance.is_finite() { chance.clamp(0.0, 1.0) } else { 1.0 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_delay_stays_in_its_bounds_and_never_shrinks(
            base in 1_u64..10_000, more in 0_u64..100_000, failures in 0_u32..80, chance in any::<f64>(),
        ) {
            // Every wait is at least half of the base, at most the maximum, and grows.
            let (least, most) = (Duration::from_millis(base), Duration::from_millis(base + more));
            let backoff = Backoff::new(least, most).unwrap();
            let delay = backoff.delay(failures, chance);
            prop_assert!(delay >= least / 2 && delay <= most);
            prop_assert!(backoff.delay(failures + 1, 0.5) >= backoff.delay(failures, 0.5));
        }
    }

    #[test]
    fn a_senseless_backoff_is_refused() {
        // Neither a zero base nor a base above the maximum can be built.
        assert_eq!(Backoff::new(Duration::ZERO, Duration::from_secs(1)), None);
        assert_eq!(Backoff::new(Duration::from_secs(2), Duration::from_secs(1)), None);
    }
}
