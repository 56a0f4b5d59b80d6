//! Every name of a metric, a label, a span and a span field. OpenTelemetry's semantic conventions
//! where they have a name, `lockstep_…` otherwise. Metrics without their `_total`: the encoder
//! adds it to every counter.

/// `service.name` of the resource.
pub const SERVICE: &str = "lockstep";
/// The resource attribute of the service's name.
pub const SERVICE_NAME: &str = "service.name";
/// The resource attribute of the process's identity.
pub const SERVICE_INSTANCE: &str = "service.instance.id";
/// The resource attribute of the program's version.
pub const SERVICE_VERSION: &str = "service.version";

/// Counter: cycles by tenant and result.
pub const CYCLES: &str = "lockstep_cycles";
/// Histogram: seconds of a cycle, by tenant.
pub const CYCLE_DURATION: &str = "lockstep_cycle_duration_seconds";
/// Counter: applied steps by tenant, side, op and outcome.
pub const STEPS: &str = "lockstep_steps";
/// Counter: decisions by tenant and rule.
pub const DECISIONS: &str = "lockstep_decisions";
/// Counter: HTTP requests by tenant, side, method and status.
pub const HTTP_REQUESTS: &str = "lockstep_http_requests";
/// Histogram: seconds of an HTTP request, by side, method and status.
pub const HTTP_DURATION: &str = "http_client_request_duration_seconds";
/// Counter: answers that asked for a pause, by tenant and side.
pub const THROTTLED: &str = "lockstep_throttled";
/// Gauge: parked items by tenant.
pub const ITEMS_PARKED: &str = "lockstep_items_parked";
/// Gauge: mailboxes by tenant and phase.
pub const MAILBOXES: &str = "lockstep_mailboxes";
/// Gauge: what stands still by tenant, scope and level.
pub const ALERTS: &str = "lockstep_alerts";
/// Counter: broken invariants by tenant and invariant.
pub const INVARIANT_VIOLATIONS: &str = "lockstep_invariant_violations";
/// Counter: mails that our writes made the far sides send, by tenant.
pub const MAILS: &str = "lockstep_mails";
/// Gauge: configuration files that could not be read.
pub const CONFIG_BROKEN_FILES: &str = "lockstep_config_broken_files";

/// Counter: change notices by tenant and what became of them.
pub const NOTICES: &str = "lockstep_notices";
/// Counter: calls for subscriptions to changes by tenant and operation.
pub const SUBSCRIPTION_CALLS: &str = "lockstep_subscription_calls";
/// Counter: what the readers of changed rows found, by tenant, table and what.
pub const FEED: &str = "lockstep_feed";

/// Gauge: shards that this node works in.
pub const SHARDS: &str = "lockstep_shards";
/// Gauge: seconds since this node asked for the last renewal of its membership that was granted.
pub const LEASE_AGE: &str = "lockstep_lease_age_seconds";
/// Counter: how often this node's membership was in doubt.
pub const LEASE_DOUBTS: &str = "lockstep_lease_doubts";

/// The `status` of a request without an answer.
pub const STATUS_NONE: &str = "none";

/// The span of a cycle, the root of its trace.
pub const SPAN_CYCLE: &str = "cycle";
/// The span of reading one side's feed.
pub const SPAN_PULL: &str = "cycle.pull";
/// The span of asking one side for what the feeds made necessary.
pub const SPAN_FETCH: &str = "cycle.fetch";
/// The span of bringing a set of observations into comparable form.
pub const SPAN_NORMALISE: &str = "cycle.normalise";
/// The span of pairing what was seen.
pub const SPAN_MATCH: &str = "cycle.match";
/// The span of all decisions.
pub const SPAN_DECIDE: &str = "cycle.decide";
/// The span of making steps of the decisions.
pub const SPAN_PLAN: &str = "cycle.plan";
/// The span of the brakes.
pub const SPAN_GUARD: &str = "cycle.guard";
/// The span of bringing the mailbox's list of categories in order.
pub const SPAN_CATEGORY: &str = "cycle.category";
/// The span of one side's steps.
pub const SPAN_APPLY: &str = "cycle.apply";
/// The span of making link changes of the outcomes.
pub const SPAN_FOLD: &str = "cycle.fold";
/// The span of one write to the store: markers, links or cursors.
pub const SPAN_COMMIT: &str = "cycle.commit";
/// The tenant.
pub const TENANT: &str = "lockstep.tenant";
/// The mailbox record's id, never its address.
pub const MAILBOX: &str = "lockstep.mailbox";
/// `dynamics` or `exchange`.
pub const SIDE: &str = "lockstep.side";
/// How many steps are applied.
pub const STEP_COUNT: &str = "lockstep.steps";

/// The static name of a span of an HTTP attempt; `OTEL_NAME` carries the real one.
pub const SPAN_HTTP: &str = "http.client";
/// Overrides a span's name.
pub const OTEL_NAME: &str = "otel.name";
/// A span's kind.
pub const OTEL_KIND: &str = "otel.kind";
/// A span's status: `ERROR` or unset.
pub const OTEL_STATUS: &str = "otel.status_code";
/// The HTTP method.
pub const HTTP_METHOD: &str = "http.request.method";
/// How often the request was sent before.
pub const HTTP_RESEND: &str = "http.request.resend_count";
/// The HTTP status of the answer.
pub const HTTP_STATUS: &str = "http.response.status_code";
/// The host that is asked.
pub const SERVER_ADDRESS: &str = "server.address";
/// The port that is asked.
pub const SERVER_PORT: &str = "server.port";
/// The URL without ids.
pub const URL_TEMPLATE: &str = "url.template";
/// A status of 400 and more, or the kind of failure.
pub const ERROR_TYPE: &str = "error.type";
