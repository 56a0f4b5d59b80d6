//! Four requests at once in one mailbox (A11, A12).
//!
//! A batch runs up to four of its requests at once in each mailbox, unless they depend on each
//! other; so it takes as many places as it has independent requests there, four at most. Where
//! places are missing, that share of its requests is refused, each in its own answer. Absent: the
//! time that a request takes; a batch holds its places until it is answered.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::refusal::Trace;
use super::{GraphSim, REQUESTS_PER_TEN_MINUTES, throttle, traced};
use crate::sim::wire::{Request, Response};

/// Places that a batch wanted in a mailbox and did not get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// The mailbox's address.
    pub mailbox: String,
    /// How many of its requests a batch runs there at once.
    pub wanted: usize,
    /// How many were free.
    pub got: usize,
}

/// What of a batch says where it works.
#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    requests: Vec<Line<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow, default)]
    url: Cow<'a, str>,
    #[serde(default)]
    depends_on: Option<Vec<String>>,
}

/// The independent requests of a batch that were let through so far, by mailbox.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    shortages: Vec<(usize, Shortage)>,
    seen: BTreeMap<usize, usize>,
}

impl GraphSim {
    /// Returns how many requests at once a request wants in which mailboxes, by address.
    #[must_use]
    pub fn places(&self, request: &Request) -> Vec<(String, usize)> {
        let path = request.target.split('?').next().unwrap_or_default();
        let mut wanted: BTreeMap<usize, usize> = BTreeMap::new();
        if path.eq_ignore_ascii_case(super::BATCH) {
            let outline = serde_json::from_slice::<Outline<'_>>(&request.body);
            let lines = outline.map(|outline| outline.requests).unwrap_or_default();
            let alone = lines.iter().filter(|one| one.depends_on.iter().all(Vec::is_empty));
            for line in alone {
                if let Some(mailbox) = self.mailbox_in(&format!("/v1.0{}", line.url)) {
                    let count = wanted.entry(mailbox).or_default();
                    *count = (*count + 1).min(Self::CONCURRENCY_LIMIT);
                }
            }
        } else if let Some(mailbox) = self.mailbox_in(&request.target) {
            wanted.insert(mailbox, 1);
        }
        let address = |mailbox: usize| self.mailboxes[mailbox].person.address.clone();
        wanted.into_iter().map(|(mailbox, count)| (address(mailbox), count)).collect()
    }

    /// Returns the answer to a request over the concurrency limit.
    pub fn refuse_concurrency(&mut self, now: DateTime<Utc>) -> Response {
        self.requests += 1;
        self.crowded += 1;
        let id = self.random_id();
        let trace = Trace { request_id: id.clone(), client_request_id: id, at: now };
        traced(throttle(1, &trace, "MailboxConcurrency"), &trace)
    }

    /// Says which places the next batch did not get.
    pub fn run_short(&mut self, shortages: &[Shortage]) {
        let known = shortages.iter().filter_map(|one| {
            let mailbox = self.mailbox_of(&one.mailbox)?;
            Some((mailbox, one.clone()))
        });
        self.crowd = Crowd { shortages: known.collect(), seen: BTreeMap::new() };
    }

    /// Returns how many requests were refused because others of their mailbox were under way.
    #[must_use]
    pub fn crowded_count(&self) -> u64 {
        self.crowded
    }

    /// Refuses an independent request of a batch that finds no place. It still counts against the
    /// mailbox's budget (A12).
    pub(super) fn crowd_out(
        &mut self,
        crowd: &mut Crowd,
        request: &Request,
        trace: &Trace,
        now: DateTime<Utc>,
    ) -> Option<Response> {
        let mailbox = self.mailbox_in(&request.target)?;
        if !crowd.is_full(mailbox) {
            return None;
        }
        self.crowded += 1;
        self.mailboxes[mailbox].budget.spend(now, REQUESTS_PER_TEN_MINUTES);
        Some(traced(throttle(1, trace, "MailboxConcurrency"), trace))
    }
}

impl Crowd {
    // Of each round of `wanted` requests those beyond the places are refused.
    fn is_full(&mut self, mailbox: usize) -> bool {
        let short = self.shortages.iter().find(|(at, _)| *at == mailbox);
        let Some((_, Shortage { wanted, got, .. })) = short else { return false };
        let nth = self.seen.entry(mailbox).or_default();
        let place = *nth % (*wanted).max(1);
        *nth += 1;
        place >= *got
    }
}
