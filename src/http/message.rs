//! A call and its reply, without any type of an HTTP crate.

use std::fmt;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use crate::ports::error::SideError;

/// The methods that far sides use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, or runs an action or a batch.
    Post,
    /// Changes.
    Patch,
    /// Replaces.
    Put,
    /// Deletes.
    Delete,
}

impl Method {
    /// Tells whether the method may change something. A POST that only reads is still a write
    /// here; `Session::call` has a parameter for that.
    #[must_use]
    pub const fn is_write(self) -> bool {
        match self {
            Self::Get => false,
            Self::Post | Self::Patch | Self::Put | Self::Delete => true,
        }
    }

    /// Returns the name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// One request.
#[derive(Clone)]
pub struct Call<'a> {
    /// The method.
    pub method: Method,
    /// The whole URL.
    pub url: String,
    /// The URL's path without ids, for telemetry: `/users/{id}/events`.
    pub route: &'static str,
    /// Headers besides the authorization.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// The `Content-Type` of the body.
    pub content_type: Option<&'a str>,
    /// The longest answer in bytes; reading stops above it.
    pub max_body: usize,
}

// Neither the URL nor headers nor the body: they carry ids, tokens and content.
impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({} {})", self.method.name(), self.route)
    }
}

/// One answer, complete.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers that are read, names in lower case; values that are no text are left out.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// The longest wait that `Retry-After` may ask for. Longer ones are mistakes on the wire.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

impl Reply {
    /// Returns the first header of this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Returns how long the far side asks to wait: seconds or an HTTP date (RFC 9110, 10.2.3). A
    /// date in the past is no wait; the longest wait is a day.
    #[must_use]
    pub fn retry_after(&self, now: DateTime<Utc>) -> Option<Duration> {
        let value = self.header("retry-after")?.trim();
        let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
            // Only too many digits fail here, and they ask for too much anyway.
            value.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs)
        } else {
            let date = httpdate::parse_http_date(value).ok()?;
            date.duration_since(SystemTime::from(now)).unwrap_or_default()
        };
        Some(wait.min(MAX_RETRY_AFTER))
    }

    /// Reads the body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, SideError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            // The error's own text may quote content; its place and kind do not.
            let (line, column) = (error.line(), error.column());
            let what = match error.classify() {
                serde_json::error::Category::Data => "an unexpected shape",
                serde_json::error::Category::Syntax => "no JSON",
                serde_json::error::Category::Eof => "an unfinished JSON text",
                serde_json::error::Category::Io => "unreadable",
            };
            let reason = format!("HTTP {}: {what} at {line}:{column}", self.status);
            SideError::Unreadable { reason }
        })
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({}, {} bytes)", self.status, self.body.len())
    }
}
