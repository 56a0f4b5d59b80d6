//! One key of a throttle: its slots, its queue, the source of its requests and the instant before which
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
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::common::Brought;
use super::pressure::Pressure;
use super::purse::{LIFE, Need};
use super::rate::{Rate, TokioClock};
use super::slots::{Slots, Taken};
use super::{Common, Throttled, common};
use crate::ports::budget::Draw;

/// Refusals that come within this time are told as one.
const TOGETHER: Duration = Duration::from_millis(250);

type Limiter = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Nanos>>;

/// The state of one budget key.
pub(super) struct Gate {
    slots: Arc<Slots>,
    concurrent: usize,
    /// Fair: callers with a slot wait here in the order of their coming.
    turn: Mutex<()>,
    source: Source,
    burst: NonZeroU32,
    clock: TokioClock,
    /// Nanoseconds since the clock's start. Only rises.
    not_before: AtomicU64,
    /// Until when the other nodes hold back, as far as they were told; as `not_before`.
    told: AtomicU64,
    /// Nanoseconds since the clock's start.
    last_used: AtomicU64,
    pressure: Pressure,
}

/// Where requests come from.
enum Source {
    /// A bucket of this process.
    Own(Limiter),
    /// The bucket of all nodes.
    Common(common::Source),
}

impl Gate {
    pub(super) fn new(
        concurrent: usize,
        rate: Rate,
        started: Instant,
        common: Option<Arc<Common>>,
    ) -> Self {
        let clock = TokioClock::new(started);
        let source = match common {
            Some(common) => Source::Common(common::Source::new(common, rate.bucket())),
            None => Source::Own(RateLimiter::direct_with_clock(rate.quota(), clock)),
        };
        Self {
            slots: Slots::new(concurrent),
            concurrent,
            turn: Mutex::new(()),
            source,
            burst: rate.burst(),
            clock,
            not_before: AtomicU64::new(0),
            told: AtomicU64::new(0),
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
    ) -> Result<Taken, Throttled> {
        let slots = self.slots.take(slots, self.share()).await;
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
        self.hold(for_);
    }

    /// Closes the gate for as long as another node was asked to pause.
    pub(super) fn close_too(&self, for_: Duration) {
        self.hold(for_);
    }

    /// Returns for how long the others are to hold back when they do not know it yet. They are told of a
    /// little more, so that calls which are refused together are one piece of news.
    pub(super) fn news(&self, for_: Duration) -> Option<Duration> {
        let (now, more) = (self.clock.now(), for_ + TOGETHER);
        let (until, told) = (now + Nanos::from(for_), now + Nanos::from(more));
        let is_news = |known| (until.as_u64() > known).then_some(told.as_u64());
        let set = self.told.fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_news);
        set.is_ok().then_some(more)
    }

    /// Takes note that some node was asked to pause.
    pub(super) fn heard(&self) {
        match &self.source {
            Source::Own(_) => {}
            Source::Common(common) => common.doubt(self.since_start()),
        }
    }

    fn hold(&self, for_: Duration) {
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

    /// Returns this node's share of the calls at once.
    fn share(&self) -> usize {
        match &self.source {
            Source::Own(_) => self.concurrent.max(1),
            Source::Common(common) => (self.concurrent / common.members()).max(1),
        }
    }

    async fn take(&self, portion: NonZeroU32, deadline: Instant) -> Result<(), Throttled> {
        loop {
            if let Some(left) = self.closed_for() {
                refuse_past(left, deadline)?;
                wait(left).await;
                continue;
            }
            // The gate is open and nothing is awaited before the portion is taken.
            match self.need(portion, deadline) {
                Need::Nothing => {
                    self.last_used.store(self.clock.now().as_u64(), Ordering::SeqCst);
                    return Ok(());
                }
                Need::Time(left) => {
                    refuse_past(left, deadline)?;
                    wait(left).await;
                }
                Need::Answer(draw) => self.draw(draw).await?,
            }
        }
    }

    fn need(&self, portion: NonZeroU32, deadline: Instant) -> Need {
        match &self.source {
            Source::Own(limiter) => match limiter.check_n(portion) {
                Ok(Err(not_yet)) => Need::Time(not_yet.wait_time_from(self.clock.now())),
                Ok(Ok(())) | Err(_) => Need::Nothing,
            },
            Source::Common(common) => {
                let longest = deadline.saturating_duration_since(Instant::now());
                common.take(portion.get(), self.since_start(), longest)
            }
        }
    }

    /// Asks for requests out of the common bucket.
    async fn draw(&self, draw: Draw) -> Result<(), Throttled> {
        let Source::Common(common) = &self.source else { return Ok(()) };
        match common.draw(draw, || self.since_start()).await {
            Brought::Something => {}
            // A node's own pause comes back to it when it ends; that of another says what a refusal says.
            Brought::Pause(left) if left > LIFE => self.close(left),
            Brought::Pause(left) => self.hold(left),
            Brought::TooLate(retry_after) => return Err(Throttled { retry_after }),
        }
        Ok(())
    }
}

// tokio's timer counts in milliseconds; a zero sleep would spin.
async fn wait(left: Duration) {
    sleep(left.max(Duration::from_millis(1))).await;
}

fn refuse_past(left: Duration, deadline: Instant) -> Result<(), Throttled> {
    if Instant::now() + left > deadline { Err(Throttled { retry_after: left }) } else { Ok(()) }
}
