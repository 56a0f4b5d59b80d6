//! The way of one request: routing, fault plan, concurrency limit, execution.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{Organization, World, locked, spoil};
use crate::sim::dataverse::DataverseSim;
use crate::sim::faults::{FarSide, FaultKind, Verdict};
use crate::sim::graph::{GraphSim, Shortage};
use crate::sim::wire::{Request, Response};

/// What the client gets to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A whole answer.
    Answer(Response),
    /// A connection reset, no answer.
    Reset,
    /// The head of this answer and half of its body, then the end of the connection.
    Truncated(Response),
    /// A body of this many bytes, of unannounced length.
    Huge(u64),
}

/// A request that found its organization and has been judged, but not executed.
///
/// It counts as in flight until it is carried out or dropped.
#[derive(Debug)]
pub struct Admitted<'w> {
    organization: &'w Organization,
    service: Service,
    side: FarSide,
    request: Request,
    verdict: Verdict,
    /// The page of an endless collection that is asked for.
    endless_page: Option<u64>,
    is_over_limit: bool,
    /// The places that a batch lacks.
    shortages: Vec<Shortage>,
    /// Held, never read: dropping it frees the place.
    _permit: Permit<'w>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Dataverse,
    Graph,
}

impl World {
    /// Finds the organization, asks its fault plan and takes a place in flight.
    ///
    /// `request.target` still has the `/{organization}/{service}` prefix.
    ///
    /// # Errors
    /// The 404 answer when there is no such organization or service.
    pub fn admit(&self, mut request: Request) -> Result<Admitted<'_>, Response> {
        let Some((organization, service, target)) = self.route(&request.target) else {
            let message = "There is no such organization or service here.";
            let error = json!({ "error": { "code": "NotFound", "message": message } });
            return Err(Response::json(404, &error));
        };
        let (target, page) = spoil::strip_page(target);
        request.target = target;
        let path = request.target.split('?').next().unwrap_or_default();
        let side = match service {
            _ if path == "/oauth2/v2.0/token" => FarSide::Token,
            Service::Dataverse => FarSide::Dataverse,
            Service::Graph => FarSide::Graph,
        };
        let (permit, shortages) = organization.take_places(side, &request);
        // A batch comes in whatever places are free; the rest of it is refused inside.
        let is_partial = side == FarSide::Graph && is_batch(&request);
        let is_over_limit = !shortages.is_empty() && !is_partial;
        // A request that is refused anyway must not use up a fault.
        let verdict = if is_over_limit {
            Verdict::default()
        } else {
            organization.faults().decide(side, &request)
        };
        let is_endless = matches!(verdict.fault, Some(FaultKind::EndlessPages));
        let endless_page = page.or(is_endless.then_some(0));
        Ok(Admitted {
            organization,
            service,
            side,
            request,
            verdict,
            endless_page,
            is_over_limit,
            shortages,
            _permit: permit,
        })
    }

    /// Executes an admitted request, or does to it what the fault plan decided.
    pub fn carry_out(&self, admitted: Admitted<'_>) -> Outcome {
        let now = self.now();
        if admitted.is_over_limit {
            return Outcome::Answer(admitted.refuse_concurrency(now));
        }
        let side = admitted.side;
        match &admitted.verdict.fault {
            Some(FaultKind::Refuse(status)) => Outcome::Answer(spoil::refusal(side, *status)),
            Some(FaultKind::Throttle { status, retry_after_s }) => {
                Outcome::Answer(spoil::throttle(side, *status, *retry_after_s))
            }
            Some(FaultKind::ResetBefore) => Outcome::Reset,
            Some(FaultKind::HugeBody(bytes)) => Outcome::Huge(*bytes),
            Some(FaultKind::ResetAfterCommit) => {
                admitted.execute(now);
                Outcome::Reset
            }
            Some(FaultKind::TruncateBody) => {
                Outcome::Truncated(spoil::with_body(admitted.execute(now)))
            }
            Some(FaultKind::MalformedJson) => {
                Outcome::Answer(spoil::cut(spoil::with_body(admitted.execute(now))))
            }
            Some(FaultKind::Rewrite { from, to }) => {
                Outcome::Answer(spoil::rewrite(admitted.execute(now), from, to))
            }
            // An inner throttle is armed in `execute`, under the lock of the execution.
            Some(
                FaultKind::EndlessPages | FaultKind::InnerThrottle { .. } | FaultKind::Delay(_),
            )
            | None => Outcome::Answer(admitted.execute(now)),
        }
    }

    /// Splits `/{organization}/{service}/rest`; the rest keeps its slash.
    fn route<'t>(&self, target: &'t str) -> Option<(&Organization, Service, &'t str)> {
        let (name, rest) = target.strip_prefix('/')?.split_once('/')?;
        let organization = self.organization(name)?;
        let slash = rest.find('/')?;
        let (service, rest) = rest.split_at(slash);
        match service {
            "dataverse" => Some((organization, Service::Dataverse, rest)),
            "graph" => Some((organization, Service::Graph, rest)),
            _ => None,
        }
    }
}

impl Admitted<'_> {
    /// Returns how long the request is to wait before it is carried out.
    #[must_use]
    pub fn delay_ms(&self) -> u64 {
        self.verdict.delay_ms
    }

    /// Executes the request under one lock, so that no other request comes between.
    fn execute(&self, now: DateTime<Utc>) -> Response {
        let (request, is_token) = (&self.request, self.side == FarSide::Token);
        let inner = match self.verdict.fault {
            Some(FaultKind::InnerThrottle { nth, retry_after_s }) => Some((nth, retry_after_s)),
            _ => None,
        };
        let (answer, base) = match self.service {
            Service::Dataverse => {
                let mut sim = self.organization.dataverse();
                if let Some((nth, retry_after_s)) = inner {
                    sim.throttle_inner(nth, retry_after_s);
                }
                let answer =
                    if is_token { sim.token(request, now) } else { sim.handle(request, now) };
                if inner.is_some() {
                    // A batch that was refused as a whole leaves nothing to a later one.
                    sim.calm();
                }
                (answer, self.organization.dataverse_url())
            }
            Service::Graph => {
                let mut sim = self.organization.graph();
                sim.run_short(&self.shortages);
                if let Some((nth, retry_after_s)) = inner {
                    sim.throttle_inner(nth, retry_after_s);
                }
                let answer =
                    if is_token { sim.token(request, now) } else { sim.handle(request, now) };
                if inner.is_some() {
                    // A batch that was refused as a whole leaves nothing to a later one.
                    sim.calm();
                }
                (answer, self.organization.graph_url())
            }
        };
        match self.endless_page {
            Some(page) => spoil::link_further_page(answer, &base, &request.target, page),
            None => answer,
        }
    }

    fn refuse_concurrency(&self, now: DateTime<Utc>) -> Response {
        match self.service {
            Service::Dataverse => self.organization.dataverse().refuse_concurrency(now),
            Service::Graph => self.organization.graph().refuse_concurrency(now),
        }
    }
}

/// Places in flight by budget; given back when dropped.
#[derive(Debug)]
struct Permit<'w> {
    organization: &'w Organization,
    places: Vec<(String, usize)>,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut in_flight = locked(&self.organization.in_flight);
        for (key, count) in &self.places {
            let left = in_flight.get(key).copied().unwrap_or_default().saturating_sub(*count);
            if left == 0 {
                in_flight.remove(key);
            } else {
                in_flight.insert(key.clone(), left);
            }
        }
    }
}

impl Organization {
    /// Returns how many requests are in flight under all budgets.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        locked(&self.in_flight).values().sum()
    }

    /// Takes the places that a request wants, as far as they are free, and returns what is missing.
    fn take_places(&self, side: FarSide, request: &Request) -> (Permit<'_>, Vec<Shortage>) {
        let (wants, limit) = match side {
            FarSide::Token => (Vec::new(), 0),
            FarSide::Dataverse => {
                let owner = self.dataverse().concurrency_key(request);
                // So many at once are one too many (B7).
                (
                    owner.map(|key| (key, 1)).into_iter().collect(),
                    DataverseSim::CONCURRENCY_LIMIT - 1,
                )
            }
            FarSide::Graph => (self.graph().places(request), GraphSim::CONCURRENCY_LIMIT),
        };
        let (mut places, mut shortages) = (Vec::new(), Vec::new());
        let mut in_flight = locked(&self.in_flight);
        for (mailbox, wanted) in wants {
            let key = format!("{side:?} {mailbox}");
            let taken = in_flight.get(&key).copied().unwrap_or_default();
            let got = wanted.min(limit.saturating_sub(taken));
            if got > 0 {
                in_flight.insert(key.clone(), taken + got);
                places.push((key, got));
            }
            if got < wanted {
                shortages.push(Shortage { mailbox, wanted, got });
            }
        }
        (Permit { organization: self, places }, shortages)
    }
}

fn is_batch(request: &Request) -> bool {
    let path = request.target.split('?').next().unwrap_or_default();
    path.ends_with("/$batch")
}
