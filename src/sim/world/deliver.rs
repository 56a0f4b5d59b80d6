//! The way of one request: routing, fault plan, concurrency limit, execution.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{Organization, World, locked, spoil};
use crate::sim::dataverse::DataverseSim;
use crate::sim::faults::{FarSide, FaultKind, Verdict};
use crate::sim::graph::GraphSim;
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
    /// Held, never read: dropping it frees the place.
    _permit: Option<Permit<'w>>,
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
        let (permit, is_over_limit) = organization.take_place(side, &request);
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
                (answer, self.organization.dataverse_url())
            }
            Service::Graph => {
                let mut sim = self.organization.graph();
                if let Some((nth, retry_after_s)) = inner {
                    sim.throttle_inner(nth, retry_after_s);
                }
                let answer =
                    if is_token { sim.token(request, now) } else { sim.handle(request, now) };
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

/// A place in flight under one budget; given back when dropped.
#[derive(Debug)]
struct Permit<'w> {
    organization: &'w Organization,
    key: String,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut in_flight = locked(&self.organization.in_flight);
        let left = in_flight.get(&self.key).copied().unwrap_or_default().saturating_sub(1);
        if left == 0 {
            in_flight.remove(&self.key);
        } else {
            in_flight.insert(self.key.clone(), left);
        }
    }
}

impl Organization {
    /// Returns how many requests are in flight under all budgets.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        locked(&self.in_flight).values().sum()
    }

    /// Takes a place under the request's budget; the flag says that none was free.
    fn take_place(&self, side: FarSide, request: &Request) -> (Option<Permit<'_>>, bool) {
        let (key, limit) = match side {
            FarSide::Token => (None, 0),
            FarSide::Dataverse => {
                (self.dataverse().concurrency_key(request), DataverseSim::CONCURRENCY_LIMIT)
            }
            FarSide::Graph => (self.graph().concurrency_key(request), GraphSim::CONCURRENCY_LIMIT),
        };
        let Some(key) = key else { return (None, false) };
        let key = format!("{side:?} {key}");
        let mut in_flight = locked(&self.in_flight);
        let count = in_flight.entry(key.clone()).or_default();
        if *count >= limit {
            return (None, true);
        }
        *count += 1;
        (Some(Permit { organization: self, key }), false)
    }
}
