//! The seeded fault plan of a stand-in: what goes wrong, how often and for which requests.
//!
//! A plan only decides. `world` carries the decision out and `server` puts it on the wire, so the
//! same plan serves the tests over HTTP and the in-process simulation. Every rule counts the
//! requests that match it and draws from (seed, rule, count): the outcome depends on nothing else,
//! and traffic outside a rule's scope does not shift it. Absent on purpose: time and randomness.

mod scope;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};

use serde::Deserialize;
use siphasher::sip::SipHasher13;

use super::wire::Request;
use scope::is_batch;
pub use scope::{FarSide, Scope};

/// What goes wrong with one request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The request is refused with this status (500, 502, 503, 504, 509) and not executed.
    Refuse(u16),
    /// The request is throttled with `Retry-After` and not executed.
    Throttle {
        /// 429 or 503.
        status: u16,
        /// Seconds in `Retry-After`.
        retry_after_s: u32,
    },
    /// The request waits this many milliseconds, then goes on; adds to another fault of a share.
    Delay(u64),
    /// The connection is reset and the request is not executed.
    ResetBefore,
    /// The request is executed, then the connection is reset without an answer.
    ResetAfterCommit,
    /// The request is executed; half of the body follows a head that announces all of it.
    TruncateBody,
    /// One inner request of a `$batch` is throttled inside an outer 200; hits batches only.
    InnerThrottle {
        /// Which inner request, counted from zero.
        nth: usize,
        /// Seconds in the inner `Retry-After`.
        retry_after_s: u32,
    },
    /// The request is executed; the answer is JSON that ends too early, of the announced length.
    MalformedJson,
    /// A collection whose pages never end: every page links to a further one; hits GETs only.
    EndlessPages,
    /// The request is not executed; this many bytes of one JSON string are streamed, chunked.
    HugeBody(u64),
    /// The request is executed; every `from` in the answer's body reads `to`: a reply that is not
    /// what the protocol promises.
    Rewrite {
        /// The text that is replaced.
        from: String,
        /// What stands there instead.
        to: String,
    },
}

impl FaultKind {
    /// Returns the name under which the fault is counted.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Refuse(_) => "refuse",
            Self::Throttle { .. } => "throttle",
            Self::Delay(_) => "delay",
            Self::ResetBefore => "reset_before",
            Self::ResetAfterCommit => "reset_after_commit",
            Self::TruncateBody => "truncate_body",
            Self::InnerThrottle { .. } => "inner_throttle",
            Self::MalformedJson => "malformed_json",
            Self::EndlessPages => "endless_pages",
            Self::HugeBody(_) => "huge_body",
            Self::Rewrite { .. } => "rewrite",
        }
    }

    /// Tells whether the fault can happen to this request at all.
    fn suits(&self, side: FarSide, request: &Request) -> bool {
        match self {
            Self::InnerThrottle { .. } => side != FarSide::Token && is_batch(request),
            Self::EndlessPages => side != FarSide::Token && request.method == "GET",
            Self::Refuse(_)
            | Self::Throttle { .. }
            | Self::Delay(_)
            | Self::ResetBefore
            | Self::ResetAfterCommit
            | Self::TruncateBody
            | Self::MalformedJson
            | Self::HugeBody(_)
            | Self::Rewrite { .. } => true,
        }
    }
}

/// What the plan decided for one request: a waiting time and at most one fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Milliseconds to wait before anything else.
    pub delay_ms: u64,
    /// The fault, never `Delay`.
    pub fault: Option<FaultKind>,
}

/// One rule of a plan: a kind that hits a share of the requests of a scope.
#[derive(Debug, Clone)]
struct Rule {
    kind: FaultKind,
    share: f64,
    scope: Scope,
    /// Requests that matched so far.
    seen: u64,
    /// Hits that are left; no bound when absent.
    left: Option<u32>,
}

/// Where the rule stands that was added last, for `times`.
#[derive(Debug, Clone, Copy)]
enum Latest {
    Nothing,
    Share,
    Shot,
}

/// A seeded plan of faults with its own counters.
#[derive(Debug, Clone)]
pub struct FaultPlan {
    seed: u64,
    rules: Vec<Rule>,
    shots: VecDeque<Rule>,
    latest: Latest,
    requests: u64,
    injected: BTreeMap<&'static str, u64>,
}

impl FaultPlan {
    /// Returns the plan in which nothing goes wrong.
    #[must_use]
    pub fn none() -> Self {
        Self::new(0)
    }

    /// Returns an empty plan that will draw from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            rules: Vec::new(),
            shots: VecDeque::new(),
            latest: Latest::Nothing,
            requests: 0,
            injected: BTreeMap::new(),
        }
    }

    /// Adds a fault that hits `share` (0.0 to 1.0) of the requests of `scope`.
    ///
    /// Where several rules would hit one request, the first added wins; delays add up.
    #[must_use]
    pub fn with(mut self, kind: FaultKind, share: f64, scope: Scope) -> Self {
        self.add(kind, share, scope);
        self
    }

    /// Adds a fault as `with` does, to a plan that is already in use.
    pub fn add(&mut self, kind: FaultKind, share: f64, scope: Scope) -> &mut Self {
        self.rules.push(Rule { kind, share, scope, seen: 0, left: None });
        self.latest = Latest::Share;
        self
    }

    /// Queues a fault for exactly the next matching request.
    ///
    /// Queued faults come before shares and are used up one per request, in order.
    pub fn next(&mut self, scope: Scope, kind: FaultKind) -> &mut Self {
        self.shots.push_back(Rule { kind, share: 1.0, scope, seen: 0, left: Some(1) });
        self.latest = Latest::Shot;
        self
    }

    /// Bounds the fault that was added last, by `with`, `add` or `next`, to `n` hits.
    pub fn times(&mut self, n: u32) -> &mut Self {
        let rule = match self.latest {
            Latest::Nothing => None,
            Latest::Share => self.rules.last_mut(),
            Latest::Shot => self.shots.back_mut(),
        };
        if let Some(rule) = rule {
            rule.left = Some(n);
        }
        self
    }

    /// Decides what happens to this request and counts it.
    pub fn decide(&mut self, side: FarSide, request: &Request) -> Verdict {
        self.requests += 1;
        let mut verdict = Verdict::default();
        if let Some(kind) = self.take_shot(side, request) {
            self.apply(&mut verdict, kind);
            return verdict;
        }
        let mut hits = Vec::new();
        for (index, rule) in self.rules.iter_mut().enumerate() {
            if !rule.matches(side, request) {
                continue;
            }
            rule.seen += 1;
            if rule.left != Some(0) && draw(self.seed, index, rule.seen) < rule.share {
                let is_taken = rule.kind.name() != "delay" && hits.iter().any(is_final);
                if !is_taken {
                    rule.left = rule.left.map(|left| left - 1);
                    hits.push(rule.kind.clone());
                }
            }
        }
        for kind in hits {
            self.apply(&mut verdict, kind);
        }
        verdict
    }

    /// Returns how often each kind was injected, by name.
    #[must_use]
    pub fn injected(&self) -> &BTreeMap<&'static str, u64> {
        &self.injected
    }

    /// Returns how often this kind was injected, by its name.
    #[must_use]
    pub fn injected_of(&self, name: &str) -> u64 {
        self.injected.get(name).copied().unwrap_or_default()
    }

    /// Returns how many requests the plan has judged.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Returns how many queued faults have not hit yet.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shots.len()
    }

    /// Takes the first queued fault that matches; a used-up one leaves the queue.
    fn take_shot(&mut self, side: FarSide, request: &Request) -> Option<FaultKind> {
        self.shots.retain(|shot| shot.left != Some(0));
        let at = self.shots.iter().position(|shot| shot.matches(side, request))?;
        let shot = self.shots.get_mut(at)?;
        shot.left = shot.left.map(|left| left.saturating_sub(1));
        let kind = shot.kind.clone();
        self.shots.retain(|shot| shot.left != Some(0));
        Some(kind)
    }

    /// Counts a fault and writes it into the verdict.
    fn apply(&mut self, verdict: &mut Verdict, kind: FaultKind) {
        *self.injected.entry(kind.name()).or_default() += 1;
        if let FaultKind::Delay(ms) = kind {
            verdict.delay_ms = verdict.delay_ms.saturating_add(ms);
        } else {
            verdict.fault = Some(kind);
        }
    }
}

impl Rule {
    fn matches(&self, side: FarSide, request: &Request) -> bool {
        self.kind.suits(side, request) && self.scope.matches(side, request)
    }
}

fn is_final(kind: &FaultKind) -> bool {
    !matches!(kind, FaultKind::Delay(_))
}

/// Returns a number in 0.0..1.0 that depends on the three values and on nothing else.
fn draw(seed: u64, rule: usize, seen: u64) -> f64 {
    let mut hasher = SipHasher13::new_with_keys(seed, 0);
    (rule as u64, seen).hash(&mut hasher);
    // 53 bits: what an f64 holds exactly, so 1.0 is never reached.
    (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64
}
