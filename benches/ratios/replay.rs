//! The rival of a cycle: the same requests from a bare client that throws the answers away.
//!
//! URLs, headers and bodies are made before the clock runs, so the rival is as lean as it can be.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Request, Url};
use serde_json::Value;

/// One request, ready to be copied and sent.
#[derive(Clone)]
pub(crate) struct Recorded {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: String,
}

impl Recorded {
    /// Returns the path, for people.
    pub(crate) fn path(&self) -> &str {
        self.url.path()
    }

    /// Reads the proxy's form.
    pub(crate) fn new(base: &str, request: &Value) -> anyhow::Result<Self> {
        let text = |name: &str| request[name].as_str().context("a request without its parts");
        let pairs: Vec<(String, String)> = serde_json::from_value(request["headers"].clone())?;
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
        // The client writes these by itself.
        headers.remove(HOST);
        headers.remove(CONTENT_LENGTH);
        Ok(Self {
            method: text("method")?.parse()?,
            url: format!("{base}{}", text("target")?).parse()?,
            headers,
            body: text("body")?.to_owned(),
        })
    }

    fn request(&self) -> Request {
        let mut request = Request::new(self.method.clone(), self.url.clone());
        *request.headers_mut() = self.headers.clone();
        if !self.body.is_empty() {
            *request.body_mut() = Some(self.body.clone().into());
        }
        request
    }
}

/// Returns a client with the settings of the product's own.
pub(crate) fn client() -> anyhow::Result<Client> {
    // The product may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .timeout(Duration::from_secs(125))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .build()?;
    Ok(client)
}

/// Sends the first `at_once` requests together, as a cycle asks both sides, and the others one
/// after the other; returns how many bytes of each answer were thrown away.
pub(crate) async fn send(
    client: Client,
    requests: Vec<Recorded>,
    at_once: usize,
) -> anyhow::Result<Vec<usize>> {
    let (first, then) = requests.split_at(at_once.min(requests.len()));
    let first = first.iter().map(|request| one(&client, request));
    let mut bytes = futures_util::future::try_join_all(first).await?;
    for request in then {
        bytes.push(one(&client, request).await?);
    }
    Ok(bytes)
}

async fn one(client: &Client, request: &Recorded) -> anyhow::Result<usize> {
    Ok(client.execute(request.request()).await?.bytes().await?.len())
}
