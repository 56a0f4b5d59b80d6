//! One key of a throttle: its slots, its queue, its rate limiter and the instant before which
//! nobody passes.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

use super::pressure::Pressure;
use super::rate::{Rate, TokioClock};
use super::{CROWDED_RETRY, Throttled};

type Limiter = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Nanos>>;

/// The state of one budget key.
pub(super) struct Gate {
    slots: Arc<Semaphore>,
    /// Fair: callers with a slot wait here in the order of their coming.
    turn: Mutex<()>,
    limiter: Limiter,
    burst: NonZeroU32,
    clock: TokioClock,
    /// Nanoseconds since the clock's start. Only rises.
    not_before: AtomicU64,
    /// Nanoseconds since the clock's start.
    last_used: AtomicU64,
    pressure: Pressure,
}

impl Gate {
    pub(super) fn new(concurrent: usize, rate: Rate, started: Instant) -> Self {
        let clock = TokioClock::new(started);
        let slots = concurrent.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            slots: Arc::new(Semaphore::new(slots)),
            turn: Mutex::new(()),
            limiter: RateLimiter::direct_with_clock(rate.quota(), clock),
            burst: rate.burst(),
            clock,
            not_before: AtomicU64::new(0),
            last_used: AtomicU64::new(clock.now().as_u64()),
            pressure: Pressure::default(),
        }
    }

    /// Waits for the slots, the gate and the rate. The caller bounds the time.
    pub(super) async fn pass(
        &self,
        weight: u32,
        slots: u32,
        deadline: Instant,
    ) -> Result<OwnedSemaphorePermit, Throttled> {
        let slots = Arc::clone(&self.slots).acquire_many_owned(slots).await;
        // The semaphore is never closed.
        let slots = slots.map_err(|_closed| Throttled { retry_after: CROWDED_RETRY })?;
        let _turn = self.turn.lock().await;
        // Heavier than the bucket (a large batch): taken in portions, so that it is paid in full.
        let mut owed = self.pressure.price(weight.max(1), self.since_start());
        while let Some(portion) = NonZeroU32::new(owed.min(self.burst.get())) {
            self.take(portion, deadline).await?;
            owed -= portion.get();
        }
        Ok(slots)
    }

    pub(super) fn refuse_if_closed_past(&self, deadline: Instant) -> Result<(), Throttled> {
        self.closed_for().map_or(Ok(()), |left| refuse_past(left, deadline))
    }

    pub(super) fn close(&self, for_: Duration) {
        self.pressure.push(self.since_start());
        let until = self.clock.now() + Nanos::from(for_);
        self.not_before.fetch_max(until.as_u64(), Ordering::SeqCst);
    }

    fn since_start(&self) -> Duration {
        Duration::from_nanos(self.clock.now().as_u64())
    }

    pub(super) fn closed_for(&self) -> Option<Duration> {
        let left = self.not_before.load(Ordering::SeqCst).saturating_sub(self.clock.now().as_u64());
        (left > 0).then(|| Duration::from_nanos(left))
    }

    /// Tells whether the gate is open and was not used for a whole `window`.
    pub(super) fn is_idle(&self, window: Duration) -> bool {
        let now = self.clock.now().as_u64();
        let unused = now.saturating_sub(self.last_used.load(Ordering::SeqCst));
        self.closed_for().is_none() && u128::from(unused) >= window.as_nanos()
    }

    async fn take(&self, portion: NonZeroU32, deadline: Instant) -> Result<(), Throttled> {
        loop {
            if let Some(left) = self.closed_for() {
                refuse_past(left, deadline)?;
                wait(left).await;
                continue;
            }
            // The gate is open and nothing is awaited before the portion is taken.
            let Ok(Err(not_yet)) = self.limiter.check_n(portion) else {
                self.last_used.store(self.clock.now().as_u64(), Ordering::SeqCst);
                return Ok(());
            };
            let left = not_yet.wait_time_from(self.clock.now());
            refuse_past(left, deadline)?;
            wait(left).await;
        }
    }
}

// tokio's timer counts in milliseconds; a zero sleep would spin.
async fn wait(left: Duration) {
    sleep(left.max(Duration::from_millis(1))).await;
}

fn refuse_past(left: Duration, deadline: Instant) -> Result<(), Throttled> {
    if Instant::now() + left > deadline { Err(Throttled { retry_after: left }) } else { Ok(()) }
}
