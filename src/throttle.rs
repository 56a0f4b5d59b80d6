//! Budgets: how many requests a far side allows a key (a mailbox, an application user), how many
//! at once, the gate that a `Retry-After` closes, and the breaker of a far side that is silent.
//!
//! Three parts a key: a rate, slots, a gate. A caller takes its slots first and then waits in a queue
//! for the gate and the rate. So at most `concurrent` requests are ready when a gate opens, and they
//! leave in the order in which they came. A far side that pushes back although its published limit was
//! kept lowers the rate for a while (`pressure`).
//!
//! The rate is a governor limiter of this process. Where several nodes spend one budget (`Common`), it is
//! a bucket in their store: a node draws a purse for a second (`purse`), has its share of the slots, and is
//! told at once of the pauses that others were asked for.
//!
//! What is absent: any knowledge of HTTP. Waiting uses tokio's timer (governor's own waiting ignores a
//! paused clock).

mod breaker;
mod common;
mod gate;
mod passage;
mod pressure;
mod purse;
mod rate;
mod slots;
mod usage;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use crate::ports::clock::Clock;
use crate::ports::error::SideError;
use breaker::Breaker;
pub use common::Common;
use gate::Gate;
pub use passage::Passage;
use purse::LIFE;
use rate::Rate;
use slots::Taken;
use usage::Spent;
pub use usage::Usage;

/// What a budget is counted by: a mailbox address for Graph, the application user for Dataverse.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BudgetKey(String);

impl BudgetKey {
    /// Wraps the name of a budget.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The budget of what an application asks for by itself, for no mailbox.
    #[must_use]
    pub fn application() -> Self {
        Self::new("application")
    }
}

// A mailbox address is personal: it stays out of logs.
impl fmt::Debug for BudgetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BudgetKey(..)")
    }
}

/// The limits of each key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleOptions {
    /// Requests in any window of `per`; at least 1 is allowed.
    pub requests: u32,
    /// The sliding window of `requests`.
    pub per: Duration,
    /// Requests at once; at least 1 is allowed.
    pub concurrent: usize,
    /// Of the requests of one call, those that the far side runs at once; each takes a slot.
    pub abreast: usize,
    /// The longest that `enter` waits before it gives up.
    pub max_wait: Duration,
}

impl ThrottleOptions {
    /// Outlook's budget of an application in one mailbox (Graph: concepts/throttling-limits.md). It
    /// runs up to four requests of a batch at once, so one batch leaves no slot to another.
    pub const GRAPH: Self = Self {
        requests: 10_000,
        per: Duration::from_secs(600),
        concurrent: 4,
        abreast: 4,
        max_wait: Duration::from_secs(60),
    };

    /// Dataverse's service protection limits of one user (api-limits.md), in requests inside of batches
    /// and outside: 6,000 requests, which together may take 1,200 s (docs/adr/0014). The page says that 52
    /// at once are refused; 48 leave room for an operator's own session. The requests of a batch run
    /// one after the other (execute-batch-operations).
    pub const DATAVERSE: Self = Self {
        requests: 6_000,
        per: Duration::from_secs(300),
        concurrent: 48,
        abreast: 1,
        max_wait: Duration::from_secs(60),
    };
}

/// The budget does not allow the call within `max_wait`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the budget is used up, retry after {retry_after:?}")]
pub struct Throttled {
    /// When trying again makes sense.
    pub retry_after: Duration,
}

impl From<Throttled> for SideError {
    fn from(throttled: Throttled) -> Self {
        Self::Throttled { retry_after: throttled.retry_after }
    }
}

/// The right to have one call on its way; its slots are free again when this is dropped.
#[must_use = "the slots are given back when the permit is dropped"]
#[derive(Debug)]
pub struct Permit {
    _slots: Taken,
}

/// The budgets of one far side of one tenant.
pub struct Throttle {
    options: ThrottleOptions,
    rate: Rate,
    common: Option<Arc<Common>>,
    started: Instant,
    clock: Arc<dyn Clock>,
    gates: Mutex<Gates>,
    breaker: Mutex<Breaker>,
    spent: Mutex<Spent>,
    tell: OnceLock<Box<Tell>>,
}

/// Is told of a pause.
type Tell = dyn Fn(&BudgetKey, Duration) + Send + Sync;

/// The gates, and when idle ones were last forgotten.
struct Gates {
    of: HashMap<BudgetKey, Arc<Gate>>,
    swept: Instant,
}

/// What a caller is told who waited in vain for a slot or its turn.
const CROWDED_RETRY: Duration = Duration::from_secs(5);

/// The longest that a far side's word closes a gate. Longer ones are mistakes on the wire; a day
/// keeps an absurd one from closing a mailbox for ever.
const MAX_CLOSED: Duration = Duration::from_secs(24 * 60 * 60);

impl Throttle {
    /// Builds the budgets. The clock only dates log lines: waiting follows tokio's time.
    #[must_use]
    pub fn new(options: ThrottleOptions, clock: Arc<dyn Clock>) -> Self {
        Self::build(options, clock, None)
    }

    /// Builds the budgets of a far side that all nodes spend together, whatever the key.
    #[must_use]
    pub fn shared(options: ThrottleOptions, clock: Arc<dyn Clock>, common: Common) -> Self {
        Self::build(options, clock, Some(Arc::new(common)))
    }

    fn build(options: ThrottleOptions, clock: Arc<dyn Clock>, common: Option<Arc<Common>>) -> Self {
        // What was drawn may be spent a little later.
        let window = options.per + if common.is_some() { LIFE } else { Duration::ZERO };
        let rate = Rate::new(options.requests, window);
        let started = Instant::now();
        let gates = Mutex::new(Gates { of: HashMap::new(), swept: started });
        let breaker = Mutex::new(Breaker::CLOSED);
        let spent = Mutex::new(Spent::new(options.per));
        let tell = OnceLock::new();
        Self { options, rate, common, started, clock, gates, breaker, spent, tell }
    }

    /// Waits until `weight` requests fit into the budget of `key` and returns the permit. Gives up
    /// at once when the wait is known to exceed `max_wait`, else when it did.
    pub async fn enter(&self, key: &BudgetKey, weight: u32) -> Result<Permit, Throttled> {
        let deadline = Instant::now() + self.options.max_wait;
        let gate = self.gate(key);
        gate.refuse_if_closed_past(deadline)?;
        match timeout_at(deadline, gate.pass(weight, self.slots(weight), deadline)).await {
            Ok(passed) => {
                let permit = Permit { _slots: passed? };
                self.spent().add(weight, self.started.elapsed());
                Ok(permit)
            }
            Err(_elapsed) => {
                let retry_after = gate.closed_for().unwrap_or(CROWDED_RETRY);
                Err(Throttled { retry_after })
            }
        }
    }

    /// Closes the gate of `key`: nobody enters before `for_` has passed. A gate that is closed
    /// for longer stays so.
    pub fn close(&self, key: &BudgetKey, for_: Duration) {
        let for_ = for_.min(MAX_CLOSED);
        let gate = self.gate(key);
        gate.close(for_);
        let opens = self.clock.now() + for_;
        tracing::debug!(wait_seconds = for_.as_secs(), %opens, "a far side closed its gate");
        let Some(for_) = gate.news(for_) else { return };
        if let (Some(common), Ok(io)) = (self.common.clone(), Handle::try_current()) {
            // The call that was refused does not wait for it. Whoever is not told is refused himself.
            io.spawn(async move { common.close(for_).await });
        }
        if let Some(tell) = self.tell.get() {
            tell(key, for_);
        }
    }

    /// Sets who is told of pauses that this far side asks for, by the key and how long the others are to
    /// hold back; a second call changes nothing. It is called while a refused call waits, and must be quick.
    pub fn on_close(&self, tell: Box<Tell>) {
        let _ = self.tell.set(tell);
    }

    /// Closes the gate of `key` for a pause that another node was asked for.
    pub fn close_too(&self, key: &BudgetKey, for_: Duration) {
        self.gate(key).close_too(for_.min(MAX_CLOSED));
    }

    /// Another node, or this one, was asked to pause: the store, which knows until when, is asked before
    /// what was drawn is spent. A budget of this node alone is nobody else's matter.
    pub fn heard(&self) {
        self.gates().of.values().for_each(|gate| gate.heard());
    }

    /// Lets a call to the far side pass, or returns how long none will: it did not answer for a while,
    /// and another call finds out whether it does again.
    pub fn admit(&self) -> Result<Passage<'_>, Duration> {
        let probe = self.breaker().admit(self.started.elapsed())?;
        Ok(Passage::new(self, probe))
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        // Each change is one assignment.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how long the gate of `key` stays closed; `None` when it is open.
    #[must_use]
    pub fn closed_for(&self, key: &BudgetKey) -> Option<Duration> {
        let gate = self.gates().of.get(key).map(Arc::clone)?;
        gate.closed_for()
    }

    /// Returns what was spent of late, for operators.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let spent = self.spent().within(self.started.elapsed());
        let closed = self.gates().of.values().filter(|gate| gate.closed_for().is_some()).count();
        let ThrottleOptions { requests, per, .. } = self.options;
        Usage { spent, requests, per, closed }
    }

    fn spent(&self) -> MutexGuard<'_, Spent> {
        // A number that is off by one is no harm.
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the slots of a call; more than there are would never be free.
    fn slots(&self, weight: u32) -> u32 {
        let most = self.options.abreast.min(self.options.concurrent);
        weight.clamp(1, u32::try_from(most).unwrap_or(u32::MAX).max(1))
    }

    fn gate(&self, key: &BudgetKey) -> Arc<Gate> {
        let mut gates = self.gates();
        gates.forget_idle(self.options.per);
        if let Some(gate) = gates.of.get(key) {
            return Arc::clone(gate);
        }
        let gate = Arc::new(Gate::new(
            self.options.concurrent,
            self.rate,
            self.started,
            self.common.clone(),
        ));
        gates.of.insert(key.clone(), Arc::clone(&gate));
        gate
    }

    // A panic cannot leave the map half changed, so a poisoned lock is still good.
    fn gates(&self) -> MutexGuard<'_, Gates> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gates {
    /// Forgets, once in a window, the keys that were not used for a whole one: their budget is full
    /// again. Mailboxes leave and others come for as long as a node runs.
    fn forget_idle(&mut self, window: Duration) {
        let now = Instant::now();
        if now.duration_since(self.swept) < window {
            return;
        }
        self.swept = now;
        // A count of one means that nobody but the map holds the gate: clones are made under
        // the same lock, so no caller can be on its way in.
        self.of.retain(|_, gate| Arc::strong_count(gate) > 1 || !gate.is_idle(window));
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").field("options", &self.options).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
