//! A way to a far side that is not the network: a simulation in the same process.
//!
//! Everything above one attempt (tokens, budgets, repeats, adapters) is the same on either way.
//! Absent: connections, TLS and time-outs, which are the network's own.

use async_trait::async_trait;

use super::error::HttpError;
use super::message::{Method, Reply};

/// One request as it would go on the wire.
#[derive(Clone)]
pub struct Parcel {
    /// The method.
    pub method: Method,
    /// The whole URL.
    pub url: String,
    /// All headers; a value that is no text is left out.
    pub headers: Vec<(String, String)>,
    /// The body; empty when there is none.
    pub body: Vec<u8>,
}

/// Carries a request to a far side and brings its answer.
#[async_trait]
pub trait Line: Send + Sync {
    /// Makes one attempt.
    ///
    /// # Errors
    /// Says whether the request may have been executed, as the network would.
    async fn exchange(&self, parcel: Parcel) -> Result<Reply, HttpError>;
}

impl Parcel {
    /// Copies a request that was built for the network, so that both ways check the same.
    pub(super) fn of(method: Method, request: &reqwest::Request) -> Self {
        let headers = request.headers().iter().filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        });
        let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
        Self {
            method,
            url: request.url().as_str().to_owned(),
            headers: headers.collect(),
            body: body.to_vec(),
        }
    }
}
