//! Telemetry: all names, the metrics, and the export of traces. A leaf: it knows no other room.
//!
//! What is absent: what is worth counting (the callers decide) and the HTTP surface of the
//! metrics. No name, label or field carries content or a mailbox address.

mod metrics;
pub mod names;
mod trace;

pub use metrics::Metrics;
pub use trace::{Guard, TelemetryError, TelemetryOptions, dispatch, init};

use opentelemetry::trace::TraceContextExt;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Returns the id of the trace that the current span belongs to: 32 hexadecimal digits. `None`
/// outside of a span and when nothing is exported.
#[must_use]
pub fn current_trace_id() -> Option<String> {
    let context = tracing::Span::current().context();
    let span = context.span().span_context().clone();
    span.is_valid().then(|| span.trace_id().to_string())
}
