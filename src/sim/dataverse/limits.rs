//! Service protection limits (protocols.md B7, api-limits.md): what one user may do in a sliding
//! window of 300 seconds.
//!
//! Two of the three published limits are counted here. The number of requests: a batch is one. The
//! combined execution time: 1,200 s, in which the requests inside of a batch count like any other.
//! How long one takes nobody publishes; here each takes 200 ms, so that 6,000 use up the window
//! however they are sent (docs/adr/0014). The budget belongs to the application user, also for
//! impersonated calls: the documentation leaves that open, and one shared budget is the strictest
//! reading.

use std::collections::VecDeque;

use chrono::{DateTime, Duration, Utc};
use serde_json::json;

use crate::sim::wire::Response;

const WINDOW_S: i64 = 300;
const MOST_REQUESTS: u32 = 6_000;
/// Combined execution time in a window.
const MOST_TIME_MS: u32 = 1_200_000;
/// What one request, inside of a batch or not, is taken to need.
const TIME_MS: u32 = 200;

/// What was used: in one second, or in the window.
#[derive(Debug, Default, Clone, Copy)]
struct Used {
    /// HTTP requests; a batch is one.
    requests: u32,
    /// Execution time.
    time_ms: u32,
}

/// A limit that is used up, and for how long, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Exceeded {
    /// The number of requests.
    Requests(u32),
    /// The combined execution time.
    Time(u32),
}

/// The sliding window of one budget owner.
#[derive(Debug, Default)]
pub(super) struct Limits {
    /// What was used, by second of arrival.
    buckets: VecDeque<(DateTime<Utc>, Used)>,
    total: Used,
    /// Requests inside of batches and outside that were let through, since the beginning.
    operations: u64,
    /// Refusals since the last request that got through.
    refusals: u32,
    /// Web servers of the environment beyond the first; the published limits are one server's.
    more_servers: u32,
}

impl Limits {
    /// Plays an environment with this many web servers.
    pub(super) fn set_web_servers(&mut self, servers: u32) {
        self.more_servers = servers.saturating_sub(1);
    }

    const fn servers(&self) -> u32 {
        self.more_servers.saturating_add(1)
    }

    /// Counts one request that is no batch.
    pub(super) fn charge(&mut self, now: DateTime<Utc>) -> Result<(), Exceeded> {
        self.take(now, Used { requests: 1, time_ms: TIME_MS })
    }

    /// Counts a batch as the one request that it is; what it executes is counted part by part.
    pub(super) fn charge_batch(&mut self, now: DateTime<Utc>) -> Result<(), Exceeded> {
        self.take(now, Used { requests: 1, time_ms: 0 })
    }

    /// Counts one request inside of a batch.
    pub(super) fn charge_inner(&mut self, now: DateTime<Utc>) -> Result<(), Exceeded> {
        self.take(now, Used { requests: 0, time_ms: TIME_MS })
    }

    fn take(&mut self, now: DateTime<Utc>, more: Used) -> Result<(), Exceeded> {
        self.forget(now);
        if self.total.requests + more.requests > MOST_REQUESTS.saturating_mul(self.servers()) {
            return Err(Exceeded::Requests(self.refuse(now)));
        }
        if self.total.time_ms + more.time_ms > MOST_TIME_MS.saturating_mul(self.servers()) {
            return Err(Exceeded::Time(self.refuse(now)));
        }
        self.refusals = 0;
        self.total.add(more);
        self.operations += u64::from(more.time_ms / TIME_MS);
        match self.buckets.back_mut() {
            Some((second, used)) if *second == now => used.add(more),
            _ => self.buckets.push_back((now, more)),
        }
        Ok(())
    }

    fn refuse(&mut self, now: DateTime<Utc>) -> u32 {
        self.refusals = self.refusals.saturating_add(1);
        self.wait(now)
    }

    pub(super) const fn operations(&self) -> u64 {
        self.operations
    }

    /// What the two headers say: requests, and seconds.
    pub(super) fn remaining(&self) -> (String, String) {
        let requests = MOST_REQUESTS.saturating_mul(self.servers());
        let time = MOST_TIME_MS.saturating_mul(self.servers());
        let requests = requests.saturating_sub(self.total.requests);
        let time = time.saturating_sub(self.total.time_ms);
        (requests.to_string(), format!("{}.{:02}", time / 1_000, time % 1_000 / 10))
    }

    fn forget(&mut self, now: DateTime<Utc>) {
        while let Some((second, used)) = self.buckets.front()
            && now - *second >= Duration::seconds(WINDOW_S)
        {
            self.total.requests = self.total.requests.saturating_sub(used.requests);
            self.total.time_ms = self.total.time_ms.saturating_sub(used.time_ms);
            self.buckets.pop_front();
        }
    }

    /// Until the oldest requests leave the window, and longer while demand goes on.
    fn wait(&self, now: DateTime<Utc>) -> u32 {
        let oldest = self.buckets.front().map_or(0, |(second, _)| {
            WINDOW_S - (now - *second).num_seconds().clamp(0, WINDOW_S - 1)
        });
        let grown = u32::try_from(oldest).unwrap_or_default() + self.refusals.min(60) - 1;
        grown.max(1)
    }
}

impl Used {
    fn add(&mut self, more: Self) {
        self.requests += more.requests;
        self.time_ms += more.time_ms;
    }
}

impl Exceeded {
    /// 429 with the limit's own code and text.
    pub(super) fn response(self) -> Response {
        match self {
            Self::Requests(wait) => too_many(wait),
            Self::Time(wait) => too_long(wait),
        }
    }
}

/// 429 for too much execution time in the window.
fn too_long(retry_after_s: u32) -> Response {
    let text = "Combined execution time of incoming requests exceeded limit of 1,200,000 \
                milliseconds over time window of 300 seconds. Decrease number of concurrent \
                requests or reduce the duration of requests and try again later.";
    refuse("0x80072321", text, retry_after_s)
}

/// 429 for too many requests in the window.
pub(super) fn too_many(retry_after_s: u32) -> Response {
    let text = "Number of requests exceeded the limit of 6000 over time window of 300 seconds.";
    refuse("0x80072322", text, retry_after_s)
}

/// 429 for too many requests at once.
pub(super) fn too_concurrent(retry_after_s: u32) -> Response {
    refuse("0x80072326", "Number of concurrent requests exceeded the limit of 52.", retry_after_s)
}

fn refuse(code: &str, text: &str, retry_after_s: u32) -> Response {
    Response::json(429, &json!({ "error": { "code": code, "message": text } }))
        .with("Retry-After", retry_after_s.to_string())
        .with("OData-Version", "4.0")
}
