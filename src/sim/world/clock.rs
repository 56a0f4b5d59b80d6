//! A clock that can be set: real time with an offset, or an instant that stands still.
//!
//! Absent: waiting. Whoever wants time to pass advances the clock.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use chrono::{DateTime, Duration, Utc};

use super::locked;

/// A function that tells the time.
pub type ClockFn = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// A settable clock; clones share one time.
#[derive(Debug, Clone)]
pub struct SimClock {
    time: Arc<Mutex<Time>>,
}

#[derive(Debug, Clone, Copy)]
enum Time {
    /// Real time plus an offset.
    Running(Duration),
    /// An instant that only `advance` and `set` move.
    Fixed(DateTime<Utc>),
}

impl SimClock {
    /// Returns a clock that shows real time.
    #[must_use]
    pub fn real() -> Self {
        Self::from_time(Time::Running(Duration::zero()))
    }

    /// Returns a clock that shows `start` now and runs with real time.
    #[must_use]
    pub fn running_from(start: DateTime<Utc>) -> Self {
        Self::from_time(Time::Running(start - real_now()))
    }

    /// Returns a clock that stands still at `instant`.
    #[must_use]
    pub fn fixed(instant: DateTime<Utc>) -> Self {
        Self::from_time(Time::Fixed(instant))
    }

    /// Returns what the clock shows.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        match *locked(&self.time) {
            Time::Running(offset) => add(real_now(), offset),
            Time::Fixed(instant) => instant,
        }
    }

    /// Moves the clock by `step`, which may be negative.
    pub fn advance(&self, step: Duration) {
        let mut time = locked(&self.time);
        *time = match *time {
            Time::Running(offset) => Time::Running(offset.checked_add(&step).unwrap_or(offset)),
            Time::Fixed(instant) => Time::Fixed(add(instant, step)),
        };
    }

    /// Sets the clock; it goes on running if it ran.
    pub fn set(&self, instant: DateTime<Utc>) {
        let mut time = locked(&self.time);
        *time = match *time {
            Time::Running(_) => Time::Running(instant - real_now()),
            Time::Fixed(_) => Time::Fixed(instant),
        };
    }

    /// Returns the clock as a function, the form that `World` takes.
    #[must_use]
    pub fn as_fn(&self) -> ClockFn {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }

    fn from_time(time: Time) -> Self {
        Self { time: Arc::new(Mutex::new(time)) }
    }
}

/// Adds, and stays where it is when the sum is outside the calendar.
pub(super) fn add(instant: DateTime<Utc>, step: Duration) -> DateTime<Utc> {
    instant.checked_add_signed(step).unwrap_or(instant)
}

/// The stand-ins are no part of the product, so their clock may ask the system itself.
fn real_now() -> DateTime<Utc> {
    DateTime::<Utc>::from(SystemTime::now())
}
