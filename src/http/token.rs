//! Bearer tokens by OAuth 2.0 client credentials (Microsoft identity platform, v2.0 endpoint).
//!
//! One token is kept and renewed before it expires, with one request in flight however many
//! callers wait. While the old token is still valid, a renewal holds up one caller at most, and a
//! failed one is left alone for a while.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::{Mutex, MutexGuard};

use super::client::HttpClient;
use super::error::HttpError;
use super::message::{Call, Method, Reply};
use super::right;
use crate::ports::clock::Clock;
use crate::ports::error::SideError;
use crate::ports::lease::Always;

/// Who we are at the token endpoint.
#[derive(Debug, Clone)]
pub struct TokenOptions {
    /// The endpoint: `https://login.microsoftonline.com/{directory}/oauth2/v2.0/token`.
    pub token_url: String,
    /// The application's id.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: SecretString,
    /// What is asked for: `https://graph.microsoft.com/.default`.
    pub scope: String,
}

/// Keeps the token of one application for one far side.
pub struct TokenSource {
    http: HttpClient,
    options: TokenOptions,
    clock: Arc<dyn Clock>,
    cached: RwLock<Option<Cached>>,
    /// Held while a renewal is in flight. Carries how the last one failed.
    renewal: Mutex<Option<Failed>>,
    /// How many renewals have ended.
    renewals: AtomicU64,
}

#[derive(Clone)]
struct Cached {
    token: Arc<str>,
    renew_at: DateTime<Utc>,
    expires: DateTime<Utc>,
}

/// How and when the last renewal failed.
struct Failed {
    why: TokenFailure,
    at: DateTime<Utc>,
}

/// A failure that several waiting callers can share.
#[derive(Debug, Clone)]
enum TokenFailure {
    Refused(String),
    Unreachable(String),
    Unreadable(String),
    TooLarge(String),
    Throttled(Duration),
}

/// The longest time before expiry at which a token is renewed.
const RENEW_BEFORE: TimeDelta = TimeDelta::minutes(5);
/// After a failed renewal the old token is used for this long before the next attempt.
const RENEW_AGAIN: TimeDelta = TimeDelta::seconds(30);
/// The longest lifetime that is believed; tokens live for an hour, at most a day.
const MAX_LIFETIME_SECONDS: i64 = 24 * 60 * 60;
/// Tokens are some 2 KiB; group claims can make them larger.
const MAX_ANSWER: usize = 256 * 1024;
/// A throttled token endpoint that names no time.
const DEFAULT_PAUSE: Duration = Duration::from_secs(30);
const FORM: &str = "application/x-www-form-urlencoded";
/// All but the unreserved characters of RFC 3986.
const FORM_ESCAPES: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const ROUTE: &str = "/{directory}/oauth2/v2.0/token";

impl TokenSource {
    /// Builds a source without a token; the first caller fetches one.
    #[must_use]
    pub fn new(http: HttpClient, options: TokenOptions, clock: Arc<dyn Clock>) -> Self {
        Self {
            http,
            options,
            clock,
            cached: RwLock::new(None),
            renewal: Mutex::new(None),
            renewals: AtomicU64::new(0),
        }
    }

    /// Returns a valid token; fetches one when there is none or it is about to expire.
    pub async fn bearer(&self) -> Result<Arc<str>, SideError> {
        let now = self.clock.now();
        // Read before waiting: a renewal that ends after this speaks for us too.
        let seen = self.renewals.load(Ordering::SeqCst);
        let Some(old) = self.cached().filter(|cached| now < cached.expires) else {
            return self.renew(self.renewal.lock().await, seen).await.map_err(SideError::from);
        };
        if now < old.renew_at {
            return Ok(old.token);
        }
        // The old token still holds: one caller renews it, the others go on with it.
        let Ok(guard) = self.renewal.try_lock() else { return Ok(old.token) };
        if guard.as_ref().is_some_and(|failed| now - failed.at < RENEW_AGAIN) {
            return Ok(old.token);
        }
        Ok(self.renew(guard, seen).await.unwrap_or(old.token))
    }

    /// Forgets a token that the far side refused, unless it was replaced already.
    pub async fn reject(&self, token: &str) {
        let mut cached = self.cached.write().unwrap_or_else(PoisonError::into_inner);
        if cached.as_ref().is_some_and(|cached| &*cached.token == token) {
            *cached = None;
        }
    }

    async fn renew(
        &self,
        mut last_failure: MutexGuard<'_, Option<Failed>>,
        seen: u64,
    ) -> Result<Arc<str>, TokenFailure> {
        let now = self.clock.now();
        if let Some(cached) = self.cached().filter(|cached| now < cached.renew_at) {
            return Ok(cached.token);
        }
        // Somebody asked while we waited and failed: asking again would only queue up requests.
        if self.renewals.load(Ordering::SeqCst) > seen
            && let Some(failed) = &*last_failure
        {
            return Err(failed.why.clone());
        }
        let fetched = self.fetch(now).await;
        *last_failure = fetched.as_ref().err().map(|why| Failed { why: why.clone(), at: now });
        self.renewals.fetch_add(1, Ordering::SeqCst);
        let fetched = fetched?;
        let token = Arc::clone(&fetched.token);
        *self.cached.write().unwrap_or_else(PoisonError::into_inner) = Some(fetched);
        Ok(token)
    }

    async fn fetch(&self, now: DateTime<Utc>) -> Result<Cached, TokenFailure> {
        let call = self.call();
        // A token is for all mailboxes, whoever asks.
        let attempt =
            |resend| right::under(Arc::new(Always), self.http.attempt(&call, None, resend));
        let reply = match attempt(0).await {
            // Asking for a token twice does no harm, and idle connections do get cut.
            Err(HttpError::NoAnswer(_)) => attempt(1).await,
            other => other,
        };
        let reply = reply.map_err(|error| match error {
            HttpError::Withdrawn => TokenFailure::Unreachable(error.to_string()),
            HttpError::NotSent(reason) | HttpError::NoAnswer(reason) => {
                TokenFailure::Unreachable(format!("token endpoint: {reason}"))
            }
            HttpError::TooLarge(reason) => {
                TokenFailure::TooLarge(format!("token endpoint: {reason}"))
            }
        })?;
        if reply.status == 200 { read_token(&reply, now) } else { Err(read_refusal(&reply, now)) }
    }

    fn call(&self) -> Call<'static> {
        let options = &self.options;
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", &options.client_id),
            ("client_secret", options.client_secret.expose_secret()),
            ("scope", &options.scope),
        ];
        let pairs = fields
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, FORM_ESCAPES)));
        Call {
            method: Method::Post,
            url: options.token_url.clone(),
            route: ROUTE,
            headers: vec![("accept", "application/json".to_owned())],
            body: Some(pairs.join("&").into_bytes()),
            content_type: Some(FORM),
            max_body: MAX_ANSWER,
        }
    }

    fn cached(&self) -> Option<Cached> {
        self.cached.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource").finish_non_exhaustive()
    }
}

// === impl TokenFailure ===

impl From<TokenFailure> for SideError {
    fn from(failure: TokenFailure) -> Self {
        match failure {
            TokenFailure::Refused(reason) => Self::Unauthorized { reason },
            TokenFailure::Unreachable(reason) => Self::Unreachable { reason },
            TokenFailure::Unreadable(reason) => Self::Unreadable { reason },
            TokenFailure::TooLarge(reason) => Self::TooLarge { reason },
            TokenFailure::Throttled(retry_after) => Self::Throttled { retry_after },
        }
    }
}

// === reading answers ===

#[derive(Deserialize)]
struct Granted {
    token_type: String,
    expires_in: Seconds,
    access_token: String,
}

/// A number on the v2.0 endpoint, a text on the v1.0 one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(i64),
    Text(String),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: String,
    error_description: String,
}

fn read_token(reply: &Reply, now: DateTime<Utc>) -> Result<Cached, TokenFailure> {
    let unreadable = |what: &str| TokenFailure::Unreadable(format!("token endpoint: {what}"));
    let granted: Granted = reply.json().map_err(|error| unreadable(&error.to_string()))?;
    if !granted.token_type.eq_ignore_ascii_case("bearer") {
        return Err(unreadable("not a bearer token"));
    }
    let token = granted.access_token;
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(unreadable("the token is empty or no header text"));
    }
    let seconds = match granted.expires_in {
        Seconds::Number(seconds) => Some(seconds),
        Seconds::Text(text) => text.parse().ok(),
    };
    let seconds = seconds.filter(|seconds| *seconds > 0);
    let seconds = seconds.ok_or_else(|| unreadable("no lifetime"))?.min(MAX_LIFETIME_SECONDS);
    let lifetime = TimeDelta::seconds(seconds);
    let before = RENEW_BEFORE.min(lifetime / 5);
    let expires = now + lifetime;
    Ok(Cached { token: Arc::from(token), renew_at: expires - before, expires })
}

/// A refusal of the application is final until the configuration changes; the rest passes.
fn read_refusal(reply: &Reply, now: DateTime<Utc>) -> TokenFailure {
    let status = reply.status;
    let refusal: Refusal = serde_json::from_slice(&reply.body).unwrap_or_default();
    match status {
        429 => TokenFailure::Throttled(reply.retry_after(now).unwrap_or(DEFAULT_PAUSE)),
        400..=499 if status != 408 && refusal.error != "temporarily_unavailable" => {
            TokenFailure::Refused(refusal_reason(status, &refusal))
        }
        400..=599 => TokenFailure::Unreachable(format!("token endpoint: HTTP {status}")),
        _ => TokenFailure::Unreadable(format!("token endpoint: HTTP {status}")),
    }
}

/// The codes only: descriptions quote ids and times.
fn refusal_reason(status: u16, refusal: &Refusal) -> String {
    let code = |text: &str| -> String {
        let is_code = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        text.chars().take_while(is_code).take(64).collect()
    };
    let mut reason = format!("HTTP {status}");
    let (name, number) = (code(&refusal.error), code(&refusal.error_description));
    let number = if number.starts_with("AADSTS") { number } else { String::new() };
    for part in [name, number].iter().filter(|part| !part.is_empty()) {
        reason.push(' ');
        reason.push_str(part);
    }
    reason
}

#[cfg(test)]
mod tests;
