//! The metrics: one registry, counted by plain methods, written as OpenMetrics text.
//!
//! A tenant may be a label, a mailbox never: the number of series must not follow the number of
//! mailboxes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::names;

/// Bounds in seconds. Far sides answer in tens of milliseconds to tens of seconds.
const REQUEST_BUCKETS: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];
/// Bounds in seconds. A quiet cycle is two requests, a first one reads a whole mailbox.
const CYCLE_BUCKETS: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0, 600.0];

type Labels<const N: usize> = [(&'static str, String); N];
// Labels are encoded from a Vec; the arrays above only fix their number.
type Key = Vec<(&'static str, String)>;
type Counters = Family<Key, Counter>;
type Gauges = Family<Key, Gauge>;
type Histograms = Family<Key, Histogram, Buckets>;

/// Makes histograms with fixed bounds.
#[derive(Debug, Clone, Copy)]
struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

/// All metrics of the process. Clones count into the same registry.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    cycles: Counters,
    cycle_duration: Histograms,
    steps: Counters,
    decisions: Counters,
    http_requests: Counters,
    http_duration: Histograms,
    throttled: Counters,
    items_parked: Gauges,
    mailboxes: Gauges,
    alerts: Gauges,
    invariant_violations: Counters,
    mails: Counters,
    config_broken_files: Gauge,
    notices: Counters,
    subscription_calls: Counters,
    feed: Counters,
    shards: Gauge,
    lease_age: Gauge<f64, AtomicU64>,
    lease_doubts: Counter,
}

impl Metrics {
    /// Builds an empty registry with all metrics.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let r = &mut registry;
        let cycles = counters(r, names::CYCLES, "Cycles by result");
        let cycle_duration =
            histograms(r, names::CYCLE_DURATION, "Seconds of a cycle", &CYCLE_BUCKETS);
        let steps = counters(r, names::STEPS, "Steps applied to a far side");
        let decisions = counters(r, names::DECISIONS, "Decisions by rule");
        let http_requests = counters(r, names::HTTP_REQUESTS, "HTTP requests to far sides");
        let http_duration =
            histograms(r, names::HTTP_DURATION, "Seconds of an HTTP request", &REQUEST_BUCKETS);
        let throttled = counters(r, names::THROTTLED, "Answers that asked for a pause");
        let items_parked = gauges(r, names::ITEMS_PARKED, "Items that wait for an operator");
        let mailboxes = gauges(r, names::MAILBOXES, "Mailboxes by phase");
        let alerts = gauges(r, names::ALERTS, "What stands still, by scope and level");
        let invariant_violations =
            counters(r, names::INVARIANT_VIOLATIONS, "Promises found broken");
        let mails = counters(r, names::MAILS, "Mails that far sides sent because of our writes");
        let notices = counters(r, names::NOTICES, "Change notices by what became of them");
        let subscription_calls =
            counters(r, names::SUBSCRIPTION_CALLS, "Calls for subscriptions to changes");
        let feed = counters(r, names::FEED, "Changed rows that feeds found");
        let config_broken_files = Gauge::default();
        r.register(
            names::CONFIG_BROKEN_FILES,
            "Configuration files that cannot be read",
            config_broken_files.clone(),
        );
        let (shards, lease_age, lease_doubts) =
            (Gauge::default(), Gauge::default(), Counter::default());
        r.register(names::SHARDS, "Shards that this node works in", shards.clone());
        let help = "Seconds since the membership was renewed";
        r.register(names::LEASE_AGE, help, lease_age.clone());
        r.register(names::LEASE_DOUBTS, "Memberships in doubt", lease_doubts.clone());
        Self {
            inner: Arc::new(Inner {
                registry,
                cycles,
                cycle_duration,
                steps,
                decisions,
                http_requests,
                http_duration,
                throttled,
                items_parked,
                mailboxes,
                alerts,
                invariant_violations,
                mails,
                config_broken_files,
                notices,
                subscription_calls,
                feed,
                shards,
                lease_age,
                lease_doubts,
            }),
        }
    }

    /// Counts a cycle and its time.
    pub fn cycle(&self, tenant: &str, result: &str, took: Duration) {
        add(&self.inner.cycles, [tenant_label(tenant), label("result", result)], 1);
        let key = Vec::from([tenant_label(tenant)]);
        self.inner.cycle_duration.get_or_create(&key).observe(took.as_secs_f64());
    }

    /// Counts an applied step.
    pub fn step(&self, tenant: &str, side: &str, op: &str, outcome: &str) {
        let labels =
            [tenant_label(tenant), label("side", side), label("op", op), label("outcome", outcome)];
        add(&self.inner.steps, labels, 1);
    }

    /// Counts a decision by the id of its rule.
    pub fn decision(&self, tenant: &str, rule: &str) {
        add(&self.inner.decisions, [tenant_label(tenant), label("rule", rule)], 1);
    }

    /// Counts an HTTP attempt and its time; `status` is `None` when there was no answer.
    pub fn http_request(
        &self,
        tenant: &str,
        side: &str,
        method: &str,
        status: Option<u16>,
        took: Duration,
    ) {
        let status = status.map_or_else(|| names::STATUS_NONE.to_owned(), |s| s.to_string());
        let rest = [label("side", side), label("method", method), label("status", &status)];
        // The histogram has no tenant: buckets times tenants would be too many series.
        let key = Vec::from(rest.clone());
        self.inner.http_duration.get_or_create(&key).observe(took.as_secs_f64());
        let [side, method, status] = rest;
        add(&self.inner.http_requests, [tenant_label(tenant), side, method, status], 1);
    }

    /// Counts an answer that asked for a pause.
    pub fn throttled(&self, tenant: &str, side: &str) {
        add(&self.inner.throttled, [tenant_label(tenant), label("side", side)], 1);
    }

    /// Sets how many items of a tenant are parked.
    pub fn set_items_parked(&self, tenant: &str, count: u64) {
        set(&self.inner.items_parked, [tenant_label(tenant)], count);
    }

    /// Sets how many mailboxes of a tenant are in a phase.
    pub fn set_mailboxes(&self, tenant: &str, phase: &str, count: u64) {
        set(&self.inner.mailboxes, [tenant_label(tenant), label("phase", phase)], count);
    }

    /// Sets how many alerts of a scope and level a tenant has.
    pub fn set_alerts(&self, tenant: &str, scope: &str, level: &str, count: u64) {
        let labels = [tenant_label(tenant), label("scope", scope), label("level", level)];
        set(&self.inner.alerts, labels, count);
    }

    /// Counts a broken invariant by its `INV-` id.
    pub fn invariant_violation(&self, tenant: &str, invariant: &str) {
        let labels = [tenant_label(tenant), label("invariant", invariant)];
        add(&self.inner.invariant_violations, labels, 1);
    }

    /// Counts mails that a far side sent because of our writes.
    pub fn mails(&self, tenant: &str, count: u64) {
        add(&self.inner.mails, [tenant_label(tenant)], count);
    }

    /// Sets how many configuration files are broken at present.
    pub fn set_config_broken_files(&self, count: u64) {
        self.inner.config_broken_files.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Counts change notices: `received`, `refused` or `dropped`.
    pub fn notices(&self, tenant: &str, result: &str, count: u64) {
        add(&self.inner.notices, [tenant_label(tenant), label("result", result)], count);
    }

    /// Counts a call for a subscription: `make`, `remake`, `renew`, `authorize`, `adopt`, `failed`.
    pub fn subscription(&self, tenant: &str, op: &str) {
        add(&self.inner.subscription_calls, [tenant_label(tenant), label("op", op)], 1);
    }

    /// Counts what a reader of changed rows found: `changed`, `deleted`, `expired` or `refused`.
    pub fn feed(&self, tenant: &str, table: &str, what: &str, count: u64) {
        let labels = [tenant_label(tenant), label("table", table), label("what", what)];
        add(&self.inner.feed, labels, count);
    }

    /// Sets what this node owns: in how many shards it works, how old its lease is, and how often that
    /// was in doubt so far.
    pub fn set_ownership(&self, shards: usize, age: Duration, doubts: u64) {
        self.inner.shards.set(i64::try_from(shards).unwrap_or(i64::MAX));
        self.inner.lease_age.set(age.as_secs_f64());
        self.inner.lease_doubts.inner().fetch_max(doubts, Ordering::Relaxed);
    }

    /// Returns the metrics as OpenMetrics text.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail; a half-written text would lack its `# EOF`.
        if encode(&mut text, &self.inner.registry).is_err() {
            tracing::error!("the metrics could not be encoded");
        }
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

fn counters(registry: &mut Registry, name: &str, help: &str) -> Counters {
    let family = Counters::default();
    registry.register(name, help, family.clone());
    family
}

fn gauges(registry: &mut Registry, name: &str, help: &str) -> Gauges {
    let family = Gauges::default();
    registry.register(name, help, family.clone());
    family
}

fn histograms(
    registry: &mut Registry,
    name: &str,
    help: &str,
    bounds: &'static [f64],
) -> Histograms {
    let family = Histograms::new_with_constructor(Buckets(bounds));
    registry.register(name, help, family.clone());
    family
}

fn tenant_label(tenant: &str) -> (&'static str, String) {
    label("tenant", tenant)
}

fn label(name: &'static str, value: &str) -> (&'static str, String) {
    (name, value.to_owned())
}

fn add<const N: usize>(family: &Counters, labels: Labels<N>, count: u64) {
    family.get_or_create(&Vec::from(labels)).inc_by(count);
}

fn set<const N: usize>(family: &Gauges, labels: Labels<N>, count: u64) {
    family.get_or_create(&Vec::from(labels)).set(i64::try_from(count).unwrap_or(i64::MAX));
}

#[cfg(test)]
mod tests;
