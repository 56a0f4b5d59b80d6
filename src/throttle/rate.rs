//! The rate of a budget as governor's quota, and governor's clock on tokio's time.
//!
//! Far sides count in sliding windows (Dataverse: api-limits.md). A quota that refills `requests`
//! in `per` and starts full lets nearly twice that through in one window. So the bucket is only a
//! twentieth of the budget and the refill the rest: no window of `per` ever sees more than `requests`,
//! and whoever always has something to send uses 95 % of them.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::Quota;
use governor::clock::Clock;
use governor::nanos::Nanos;
use tokio::time::Instant;

use crate::ports::budget::Bucket;

/// The share of the budget that may be spent at once: one in this many.
const BURST_SHARE: u32 = 20;

/// How fast a bucket refills and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    quota: Quota,
    burst: NonZeroU32,
    interval: Duration,
}

impl Rate {
    /// Builds the rate that keeps `requests` in any window of `per`; both are at least 1 (ns).
    pub(super) fn new(requests: u32, per: Duration) -> Self {
        let requests = requests.max(1);
        let burst = NonZeroU32::new(requests / BURST_SHARE).unwrap_or(NonZeroU32::MIN);
        // A full bucket at the window's start plus the refills strictly inside the window:
        // burst + (requests - burst + 1) - 1 = requests. Rounded up, so never one too many.
        let refills = requests - burst.get() + 1;
        let interval = per.as_nanos().div_ceil(u128::from(refills)).max(1);
        let interval = Duration::from_nanos(u64::try_from(interval).unwrap_or(u64::MAX));
        let quota = Quota::with_period(interval)
            .unwrap_or_else(|| Quota::per_second(NonZeroU32::MIN))
            .allow_burst(burst);
        Self { quota, burst, interval }
    }

    pub(super) fn quota(self) -> Quota {
        self.quota
    }

    /// Returns the same for a store that counts.
    pub(super) fn bucket(self) -> Bucket {
        Bucket { burst: self.burst.get(), interval: self.interval }
    }

    /// Returns the most that can be taken at once.
    pub(super) fn burst(self) -> NonZeroU32 {
        self.burst
    }
}

/// Governor's clock: nanoseconds of tokio's time since a start, so that a paused clock counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct TokioClock {
    started: Instant,
}

impl TokioClock {
    pub(super) fn new(started: Instant) -> Self {
        Self { started }
    }
}

impl Clock for TokioClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.started.elapsed())
    }
}
