//! One attempt of one call: a span, a metric, a bounded answer.
//!
//! The network carries it, or a [`Line`] that somebody hands in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Body, Client, Request, Response, Url};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::error::{self, HttpError};
use super::line::{Line, Parcel};
use super::message::{Call, Method, Reply};
use super::right;
use crate::domain::side::Side;
use crate::ports::error::SideError;
use crate::telemetry::{self, Metrics, names};

/// How long to wait and who we are.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// The longest time to connect, TLS included.
    pub connect_timeout: Duration,
    /// The longest time from the start to the last byte of the answer.
    pub total_timeout: Duration,
    /// The `User-Agent`.
    pub user_agent: String,
}

/// Idle connections live this long. Shorter than the far sides' own limits, so that we do not
/// write into a connection that they are closing: such a write has no answer.
const IDLE_CONNECTION: Duration = Duration::from_secs(50);
/// Idle connections a host. More than the concurrent calls of a few tenants are not worth keeping.
const IDLE_CONNECTIONS: usize = 64;
/// How much room is made for an answer before its bytes are there.
const FIRST_BUFFER: usize = 64 * 1024;
const CLIENT_REQUEST_ID: &str = "client-request-id";

/// A pool of connections. Clones share it. Lives on one tokio runtime.
#[derive(Clone)]
pub struct HttpClient {
    way: Way,
    labels: Option<Labels>,
}

/// How requests travel.
#[derive(Clone)]
enum Way {
    Network(Client),
    Line(Arc<dyn Line>),
}

#[derive(Clone)]
struct Labels {
    metrics: Metrics,
    tenant: Arc<str>,
    side: Side,
}

impl HttpClient {
    /// Builds a client. Reads the system's certificates once; share it by cloning.
    pub fn new(options: HttpOptions) -> Result<Self, SideError> {
        // A second installation fails and changes nothing: somebody else was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .connect_timeout(options.connect_timeout)
            .timeout(options.total_timeout)
            .user_agent(options.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build()
            .map_err(|error| SideError::Unreachable {
                reason: format!("no HTTP client can be built: {error}"),
            })?;
        Ok(Self { way: Way::Network(client), labels: None })
    }

    /// Builds a client whose requests travel over `line` instead of the network.
    #[must_use]
    pub fn over(line: Arc<dyn Line>) -> Self {
        Self { way: Way::Line(line), labels: None }
    }

    /// Returns a client of the same pool that counts for a tenant's side.
    #[must_use]
    pub fn with_metrics(&self, metrics: Metrics, tenant: &str, side: Side) -> Self {
        let labels = Labels { metrics, tenant: Arc::from(tenant), side };
        Self { way: self.way.clone(), labels: Some(labels) }
    }

    /// Makes one attempt. Any status is an answer, also a redirect.
    pub async fn send(&self, call: Call<'_>) -> Result<Reply, HttpError> {
        self.attempt(&call, None, 0).await
    }

    /// Makes one attempt with a bearer token; `resend` tells how many came before.
    pub(super) async fn attempt(
        &self,
        call: &Call<'_>,
        bearer: Option<&str>,
        resend: u32,
    ) -> Result<Reply, HttpError> {
        let url = parse_url(&call.url)?;
        let span = attempt_span(call, &url, resend);
        let request_id = span.in_scope(request_id);
        let started = Instant::now();
        let result = async {
            let body = call.body.clone().map(|bytes| match &self.way {
                Way::Network(_) => right::body(bytes),
                Way::Line(_) => bytes.into(),
            });
            let request = build(call, url, bearer, &request_id, body)?;
            match &self.way {
                Way::Network(client) => {
                    let response = client.execute(request).await;
                    let response = response.map_err(|error| error::of_sending(&error))?;
                    read(response, call.max_body).await
                }
                Way::Line(line) => {
                    let reply = line.exchange(Parcel::of(call.method, &request)).await?;
                    bounded(reply, call.max_body)
                }
            }
        }
        .instrument(span.clone())
        .await;
        record(&span, &result);
        self.count(call.method, &result, started.elapsed());
        result
    }

    /// Counts an answer that asked for a pause.
    pub(super) fn count_throttled(&self) {
        if let Some(labels) = &self.labels {
            labels.metrics.throttled(&labels.tenant, labels.side.name());
        }
    }

    fn count(&self, method: Method, result: &Result<Reply, HttpError>, took: Duration) {
        let Some(labels) = &self.labels else { return };
        let status = result.as_ref().ok().map(|reply| reply.status);
        let (tenant, side) = (&labels.tenant, labels.side.name());
        labels.metrics.http_request(tenant, side, method.name(), status, took);
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}

/// Reads a URL; plain HTTP only to this machine, whatever the configuration allowed.
fn parse_url(text: &str) -> Result<Url, HttpError> {
    let refuse = |reason: &str| Err(HttpError::NotSent(reason.to_owned()));
    let Ok(url) = Url::parse(text) else { return refuse("the URL is not valid") };
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => refuse("plain http to another machine is refused"),
        _ => refuse("the URL's scheme is neither https nor http"),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Names the span as OpenTelemetry's HTTP conventions do; results are recorded later.
fn attempt_span(call: &Call<'_>, url: &Url, resend: u32) -> Span {
    let method = call.method.name();
    let span = tracing::info_span!(
        names::SPAN_HTTP,
        { names::OTEL_NAME } = format!("{method} {}", call.route),
        { names::OTEL_KIND } = "client",
        { names::OTEL_STATUS } = Empty,
        { names::HTTP_METHOD } = method,
        { names::SERVER_ADDRESS } = url.host_str().unwrap_or_default(),
        { names::SERVER_PORT } = url.port_or_known_default().unwrap_or_default(),
        { names::URL_TEMPLATE } = call.route,
        { names::HTTP_STATUS } = Empty,
        { names::ERROR_TYPE } = Empty,
        { names::HTTP_RESEND } = Empty,
    );
    if resend > 0 {
        span.record(names::HTTP_RESEND, resend);
    }
    span
}

fn record(span: &Span, result: &Result<Reply, HttpError>) {
    let failed = match result {
        Ok(reply) => {
            span.record(names::HTTP_STATUS, reply.status);
            if reply.status < 400 {
                return;
            }
            reply.status.to_string()
        }
        Err(HttpError::NotSent(_)) => "not_sent".to_owned(),
        Err(HttpError::Withdrawn) => "withdrawn".to_owned(),
        Err(HttpError::NoAnswer(_)) => "no_answer".to_owned(),
        Err(HttpError::TooLarge(_)) => "too_large".to_owned(),
    };
    span.record(names::ERROR_TYPE, failed.as_str());
    span.record(names::OTEL_STATUS, "ERROR");
}

/// Returns the trace's id as a guid, so that the far side's logs lead to the trace.
fn request_id() -> String {
    let trace = telemetry::current_trace_id().and_then(|id| Uuid::try_parse(&id).ok());
    trace.unwrap_or_else(Uuid::new_v4).hyphenated().to_string()
}

fn build(
    call: &Call<'_>,
    url: Url,
    bearer: Option<&str>,
    request_id: &str,
    body: Option<Body>,
) -> Result<Request, HttpError> {
    let method = match call.method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Patch => reqwest::Method::PATCH,
        Method::Put => reqwest::Method::PUT,
        Method::Delete => reqwest::Method::DELETE,
    };
    let mut request = Request::new(method, url);
    let headers = request.headers_mut();
    headers.insert(HeaderName::from_static(CLIENT_REQUEST_ID), header_value(request_id)?);
    if let Some(content_type) = call.content_type {
        headers.insert(CONTENT_TYPE, header_value(content_type)?);
    }
    for (name, value) in &call.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let name = name.map_err(|_| HttpError::NotSent("a header's name is not valid".into()))?;
        headers.insert(name, header_value(value)?);
    }
    if let Some(token) = bearer {
        let mut value = header_value(&format!("Bearer {token}"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    *request.body_mut() = body;
    Ok(request)
}

fn header_value(text: &str) -> Result<HeaderValue, HttpError> {
    HeaderValue::from_str(text)
        .map_err(|_| HttpError::NotSent("a header's value is not valid".to_owned()))
}

/// Refuses an answer that is longer than the call allows.
fn bounded(reply: Reply, max: usize) -> Result<Reply, HttpError> {
    if reply.body.len() > max {
        let status = reply.status;
        return Err(HttpError::TooLarge(format!("HTTP {status} with more than {max} bytes")));
    }
    Ok(reply)
}

/// Reads the answer in chunks and stops above `max` bytes.
async fn read(mut response: Response, max: usize) -> Result<Reply, HttpError> {
    let status = response.status().as_u16();
    let too_large = || HttpError::TooLarge(format!("HTTP {status} with more than {max} bytes"));
    let announced = response.content_length().map(usize::try_from);
    let announced = announced.map_or(0, |length| length.unwrap_or(usize::MAX));
    if announced > max {
        return Err(too_large());
    }
    // Answers carry some twenty headers; these are the ones that somebody reads.
    let headers = [CONTENT_TYPE, RETRY_AFTER].into_iter().filter_map(|name| {
        let value = response.headers().get(&name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let headers = headers.collect();
    let mut body = Vec::with_capacity(announced.min(FIRST_BUFFER));
    while let Some(chunk) = response.chunk().await.map_err(|e| error::of_reading(&e))? {
        if body.len() + chunk.len() > max {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status, headers, body })
}

#[cfg(test)]
mod tests;
