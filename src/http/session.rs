//! Calls to one far side of one tenant: token, budget and the repeats that do no harm.
//!
//! | what came back | read | write |
//! | --- | --- | --- |
//! | 401 | once more with a new token | the same |
//! | 429 | after the wait, gate closed, 3 repeats | the same |
//! | 429 for the token | after the wait, 3 repeats | the same |
//! | 503, 509 with `Retry-After` | as 429 | as 429 |
//! | 408, other 5xx with `Retry-After` | as 429 | `NoAnswer`, gate closed |
//! | 408, other 5xx, no answer | back-off, 3 tries | `NoAnswer` |
//! | not sent | back-off, 3 tries | the same |
//! | withdrawn: the mailbox was not surely ours | back-off, 3 tries | the same |
//! | nothing at all, ten calls in a row | `NotSent` until one call finds it awake | the same |
//!
//! A 504 says that a gateway lost patience: the write behind it may have happened, so it is not
//! repeated even when the gateway names a time. A 408 answers a request that did not come in time, and sometimes
//! none at all: a server that is tired of an idle connection sends it while a request is on its way.
//!
//! What is absent: the meaning of 3xx and 4xx. They are replies like any other.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::time::sleep;

use super::backoff::Backoff;
use super::client::HttpClient;
use super::error::HttpError;
use super::message::{Call, Reply};
use super::token::TokenSource;
use crate::ports::clock::Clock;
use crate::ports::error::SideError;
use crate::throttle::{BudgetKey, Passage, Throttle};

/// Repeats after the far side asked for a pause. Each may take a minute; a cycle that waits longer
/// is better put off.
const MAX_PAUSES: u32 = 3;
/// The longest pause that is waited for within a call.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// Tries of a call that got no answer. A third failure is an outage, no hiccup.
const MAX_TRIES: u32 = 3;
/// Waits between these tries, and pauses when the far side names none.
const WAITS: Backoff = match Backoff::new(Duration::from_millis(500), Duration::from_secs(20)) {
    Some(waits) => waits,
    None => panic!("the base is zero or above the maximum"),
};

/// A call without a usable reply. The variant says whether anything may have been executed.
#[derive(Debug, Error)]
pub enum CallError {
    /// Nothing was executed.
    #[error("not sent: {0}")]
    NotSent(#[source] SideError),
    /// It may have been executed.
    #[error("no answer: {0}")]
    NoAnswer(#[source] SideError),
}

impl CallError {
    /// Returns the error for callers to whom the difference means nothing.
    #[must_use]
    pub fn into_side(self) -> SideError {
        match self {
            Self::NotSent(error) | Self::NoAnswer(error) => error,
        }
    }
}

impl From<CallError> for SideError {
    fn from(error: CallError) -> Self {
        error.into_side()
    }
}

/// The way to one far side of one tenant.
pub struct Session {
    http: HttpClient,
    tokens: TokenSource,
    throttle: Arc<Throttle>,
    clock: Arc<dyn Clock>,
}

/// What has been tried for one call.
#[derive(Default)]
struct Tries {
    sent: u32,
    failures: u32,
    pauses: u32,
    reauthenticated: bool,
}

/// What to do after an attempt.
enum Next {
    Done(Reply),
    Failed(CallError),
    /// The gate is closed for the wait, or there is none.
    Again,
    AgainAfter(Duration),
}

impl Session {
    /// Builds a session.
    #[must_use]
    pub fn new(
        http: HttpClient,
        tokens: TokenSource,
        throttle: Arc<Throttle>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { http, tokens, throttle, clock }
    }

    /// Makes a call within the budget `key`, of which it costs `weight` requests. `read_only`
    /// says that it changes nothing, so that repeating it does no harm. The table above says
    /// what is repeated; every other status is returned.
    pub async fn call(
        &self,
        key: &BudgetKey,
        weight: u32,
        read_only: bool,
        call: Call<'_>,
    ) -> Result<Reply, CallError> {
        let repeatable = read_only || !call.method.is_write();
        let mut tries = Tries::default();
        loop {
            let token = match self.tokens.bearer().await {
                Ok(token) => token,
                // The token endpoint asks for a pause as the far side does.
                Err(SideError::Throttled { retry_after })
                    if tries.pauses < MAX_PAUSES && retry_after <= MAX_PAUSE =>
                {
                    tries.pauses += 1;
                    sleep(retry_after).await;
                    continue;
                }
                Err(error) => return Err(CallError::NotSent(error)),
            };
            let permit = self.throttle.enter(key, weight).await;
            let permit = permit.map_err(|throttled| CallError::NotSent(throttled.into()))?;
            let passage = self.throttle.admit();
            let passage = passage.map_err(|left| CallError::NotSent(silent_for(left)))?;
            let result = self.http.attempt(&call, Some(&token), tries.sent).await;
            listen(passage, &result);
            tries.sent += 1;
            if result.as_ref().is_ok_and(|reply| reply.status == 401) {
                self.tokens.reject(&token).await;
            }
            let next = self.judge(key, repeatable, result, &mut tries);
            // The gate is closed before the slot is free: nobody slips in between.
            drop(permit);
            match next {
                Next::Done(reply) => return Ok(reply),
                Next::Failed(error) => return Err(error),
                Next::Again => {}
                Next::AgainAfter(wait) => sleep(wait).await,
            }
        }
    }

    /// Makes a call once within the budget `key`, without a token: for addresses that carry their
    /// own permission (upload sessions). Every status but a throttling one is returned.
    pub async fn call_bare(&self, key: &BudgetKey, call: Call<'_>) -> Result<Reply, CallError> {
        let permit = self.throttle.enter(key, 1).await;
        let _permit = permit.map_err(|throttled| CallError::NotSent(throttled.into()))?;
        match self.http.attempt(&call, None, 0).await {
            Ok(reply) if reply.status == 429 => {
                let wait = reply.retry_after(self.clock.now()).unwrap_or_else(|| wait_after(1));
                self.close(key, wait);
                Err(CallError::NotSent(SideError::Throttled { retry_after: wait }))
            }
            Ok(reply) => Ok(reply),
            Err(error @ (HttpError::NotSent(_) | HttpError::Withdrawn)) => {
                Err(CallError::NotSent(error.into()))
            }
            Err(error) => Err(CallError::NoAnswer(error.into())),
        }
    }

    /// Closes the gate of `key`: for a wait that the far side names inside of a batch's answer,
    /// where `call` does not look.
    pub fn close(&self, key: &BudgetKey, wait: Duration) {
        self.http.count_throttled();
        self.throttle.close(key, wait);
    }

    fn judge(
        &self,
        key: &BudgetKey,
        repeatable: bool,
        result: Result<Reply, HttpError>,
        tries: &mut Tries,
    ) -> Next {
        let reply = match result {
            Ok(reply) => reply,
            Err(HttpError::NotSent(reason)) => {
                let error = CallError::NotSent(SideError::Unreachable { reason });
                return again_or(tries, error);
            }
            Err(HttpError::NoAnswer(reason)) => {
                let error = CallError::NoAnswer(SideError::Unreachable { reason });
                return if repeatable { again_or(tries, error) } else { Next::Failed(error) };
            }
            // It goes on when the right is sure again, or is never run again.
            Err(HttpError::Withdrawn) => {
                return again_or(tries, CallError::NotSent(HttpError::Withdrawn.into()));
            }
            Err(error @ HttpError::TooLarge(_)) => {
                return Next::Failed(CallError::NoAnswer(error.into()));
            }
        };
        match reply.status {
            401 if tries.reauthenticated => {
                let reason = "HTTP 401 with a new token".to_owned();
                Next::Failed(CallError::NotSent(SideError::TokenRefused { reason }))
            }
            401 => {
                tries.reauthenticated = true;
                Next::Again
            }
            429 => self.pause(key, &reply, tries),
            408 | 500..=599 => self.judge_fault(key, repeatable, &reply, tries),
            _ => Next::Done(reply),
        }
    }

    fn judge_fault(
        &self,
        key: &BudgetKey,
        repeatable: bool,
        reply: &Reply,
        tries: &mut Tries,
    ) -> Next {
        let reason = format!("HTTP {}", reply.status);
        let error = CallError::NoAnswer(SideError::Unreachable { reason });
        match reply.retry_after(self.clock.now()) {
            Some(_) if repeatable || matches!(reply.status, 503 | 509) => {
                self.pause(key, reply, tries)
            }
            Some(wait) => {
                self.close(key, wait);
                Next::Failed(error)
            }
            None if repeatable => again_or(tries, error),
            None => Next::Failed(error),
        }
    }

    /// Closes the gate for the time that the far side names; entering again waits for it.
    fn pause(&self, key: &BudgetKey, reply: &Reply, tries: &mut Tries) -> Next {
        tries.pauses += 1;
        let named = reply.retry_after(self.clock.now());
        let wait = named.unwrap_or_else(|| wait_after(tries.pauses));
        self.close(key, wait);
        if tries.pauses > MAX_PAUSES || wait > MAX_PAUSE {
            let error = SideError::Throttled { retry_after: wait };
            return Next::Failed(CallError::NotSent(error));
        }
        Next::Again
    }
}

/// Tells the breaker whether the far side answered. A gateway's answer is none.
fn listen(passage: Passage<'_>, result: &Result<Reply, HttpError>) {
    match result {
        Ok(reply) if matches!(reply.status, 502 | 504) => passage.silent(),
        Ok(_) | Err(HttpError::TooLarge(_)) => passage.answered(),
        Err(HttpError::NotSent(_) | HttpError::NoAnswer(_)) => passage.silent(),
        // Says nothing of the far side.
        Err(HttpError::Withdrawn) => drop(passage),
    }
}

fn again_or(tries: &mut Tries, error: CallError) -> Next {
    tries.failures += 1;
    if tries.failures >= MAX_TRIES {
        return Next::Failed(error);
    }
    Next::AgainAfter(wait_after(tries.failures))
}

fn silent_for(left: Duration) -> SideError {
    let reason = format!("it has not answered for a while and is asked again in {left:?}");
    SideError::Unreachable { reason }
}

fn wait_after(failures: u32) -> Duration {
    WAITS.delay(failures, fastrand::f64())
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
