//! Service protection limits (protocols.md B7): requests per sliding window.
//!
//! The budget belongs to the application user, also for impersonated calls: the documentation
//! leaves that open, and one shared budget is the strictest reading. Absent: execution time.

use std::collections::VecDeque;

use chrono::{DateTime, Duration, Utc};
use serde_json::json;

use crate::sim::wire::Response;

const WINDOW_S: i64 = 300;
const MOST_REQUESTS: u32 = 6_000;

/// The sliding window of one budget owner.
#[derive(Debug, Default)]
pub(super) struct Limits {
    /// Requests per second of arrival.
    buckets: VecDeque<(DateTime<Utc>, u32)>,
    total: u32,
    /// Refusals since the last request that got through.
    refusals: u32,
    /// Web servers of the environment beyond the first; the published limit is one server's.
    more_servers: u32,
}

impl Limits {
    /// Plays an environment with this many web servers.
    pub(super) fn set_web_servers(&mut self, servers: u32) {
        self.more_servers = servers.saturating_sub(1);
    }

    const fn most(&self) -> u32 {
        MOST_REQUESTS.saturating_mul(self.more_servers.saturating_add(1))
    }

    /// Counts one request; the error is the wait in seconds.
    pub(super) fn charge(&mut self, now: DateTime<Utc>) -> Result<(), u32> {
        self.forget(now);
        if self.total >= self.most() {
            self.refusals = self.refusals.saturating_add(1);
            return Err(self.wait(now));
        }
        self.refusals = 0;
        self.total += 1;
        match self.buckets.back_mut() {
            Some((second, count)) if *second == now => *count += 1,
            _ => self.buckets.push_back((now, 1)),
        }
        Ok(())
    }

    pub(super) fn remaining(&self) -> u32 {
        self.most().saturating_sub(self.total)
    }

    fn forget(&mut self, now: DateTime<Utc>) {
        while let Some((second, count)) = self.buckets.front()
            && now - *second >= Duration::seconds(WINDOW_S)
        {
            self.total = self.total.saturating_sub(*count);
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
