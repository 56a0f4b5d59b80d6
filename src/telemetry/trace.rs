//! Log lines to standard error and spans to an OTLP collector (http/protobuf).
//!
//! What is absent: logs and metrics over OTLP. Metrics are scraped, logs are collected from
//! standard error.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, dispatcher};
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use super::names;

/// What is logged and where traces go.
#[derive(Debug, Clone)]
pub struct TelemetryOptions {
    /// The collector: `http://127.0.0.1:4318`. Spans go to `/v1/traces` below it. `None`: no
    /// export.
    pub otlp_endpoint: Option<String>,
    /// One JSON object a log line instead of text.
    pub json: bool,
    /// Tells this process from others of the service.
    pub service_instance: String,
    /// Which log lines are written, in `RUST_LOG`'s language: `info,lockstep::http=debug`. Does
    /// not concern traces.
    pub filter: String,
}

/// Telemetry that cannot start.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("the log filter is not valid: {0}")]
    Filter(#[from] ParseError),
    /// The exporter cannot be built, for instance because the endpoint is no URL.
    #[error("the trace exporter cannot be built: {0}")]
    Exporter(#[from] ExporterBuildError),
    /// The process has a subscriber already.
    #[error("telemetry was started before: {0}")]
    Started(#[from] dispatcher::SetGlobalDefaultError),
}

/// Keeps the export alive. Dropping it flushes what is left, for a bounded time.
#[must_use = "dropping the guard ends the export"]
#[derive(Debug)]
pub struct Guard {
    provider: Option<SdkTracerProvider>,
}

/// The longest that a flush at the end waits: a collector that is down must not hold up a stop.
const FLUSH: Duration = Duration::from_secs(3);
/// The longest that one export waits for the collector.
const EXPORT: Duration = Duration::from_secs(3);

/// Starts telemetry for the whole process.
pub fn init(options: &TelemetryOptions) -> Result<Guard, TelemetryError> {
    let (dispatch, guard) = dispatch(options)?;
    dispatcher::set_global_default(dispatch)?;
    Ok(guard)
}

/// Builds what `init` installs, without installing it: tests enter it for a while.
pub fn dispatch(options: &TelemetryOptions) -> Result<(Dispatch, Guard), TelemetryError> {
    let filter = EnvFilter::builder().parse(&options.filter)?;
    let lines = fmt::layer().with_writer(stderr).with_ansi(stderr().is_terminal());
    let lines = if options.json { lines.json().boxed() } else { lines.boxed() };
    let provider = options
        .otlp_endpoint
        .as_deref()
        .map(|endpoint| provider(endpoint, &options.service_instance))
        .transpose()?;
    let spans = provider.as_ref().map(|provider| {
        // Our own spans only, whatever is logged. Code places and threads would double their size.
        let ours = Targets::new().with_target(names::SERVICE, LevelFilter::INFO);
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(names::SERVICE))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(ours)
    });
    let subscriber = Registry::default().with(lines.with_filter(filter)).with(spans);
    Ok((Dispatch::new(subscriber), Guard { provider }))
}

fn provider(endpoint: &str, instance: &str) -> Result<SdkTracerProvider, ExporterBuildError> {
    // The exporter's own client needs it; a second installation fails and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_timeout(EXPORT)
        .build()?;
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new(names::SERVICE_NAME, names::SERVICE),
            KeyValue::new(names::SERVICE_VERSION, env!("CARGO_PKG_VERSION")),
            KeyValue::new(names::SERVICE_INSTANCE, instance.to_owned()),
        ])
        .build();
    Ok(SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build())
}

// === impl Guard ===

impl Guard {
    /// Sends what is left and ends the export; gives up after three seconds.
    pub fn shutdown(self) {
        drop(self);
    }

    fn flush_within(&mut self, limit: Duration) {
        let Some(provider) = self.provider.take() else { return };
        if let Err(error) = provider.shutdown_with_timeout(limit) {
            tracing::warn!(%error, "the last spans could not be exported");
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.flush_within(FLUSH);
    }
}

#[cfg(test)]
mod tests;
