//! The real clock: the one place that reads the time of day.

use chrono::{DateTime, Utc};

use crate::ports::clock::Clock;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that all others stand for")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
