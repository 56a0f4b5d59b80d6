//! Which requests a fault is meant for.
//!
//! A `$batch` counts by what is inside it: it is a write when one inner request writes, and its
//! body is searched for a path. Absent: the addressed rows; a fault never looks into the data.

use serde::Deserialize;
use serde_json::Value;

use crate::sim::wire::Request;

/// The service that a request is addressed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FarSide {
    /// The Dataverse Web API.
    Dataverse,
    /// Microsoft Graph.
    Graph,
    /// The token endpoint of either.
    Token,
}

/// The requests that a fault is meant for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every request, token requests included.
    All,
    /// POST, PUT, PATCH and DELETE, and a `$batch` that contains one; never a token request.
    Writes,
    /// Everything else that is not a token request.
    Reads,
    /// Requests whose target, or batch body, contains this text.
    PathContains(String),
    /// Requests to this service.
    Side(FarSide),
    /// Requests that are in each of these scopes.
    Every(Vec<Scope>),
}

impl Scope {
    /// Returns the scope of what is in both scopes.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::Every(vec![self, other])
    }

    /// Tells whether the request is in the scope.
    #[must_use]
    pub fn matches(&self, side: FarSide, request: &Request) -> bool {
        match self {
            Self::All => true,
            Self::Writes => side != FarSide::Token && writes(request),
            Self::Reads => side != FarSide::Token && !writes(request),
            Self::PathContains(text) => path_contains(request, text),
            Self::Side(wanted) => *wanted == side,
            Self::Every(scopes) => scopes.iter().all(|scope| scope.matches(side, request)),
        }
    }
}

/// Tells whether the request is an OData batch.
pub(super) fn is_batch(request: &Request) -> bool {
    let path = request.target.split('?').next().unwrap_or_default();
    request.method == "POST" && (path.ends_with("/$batch") || path.ends_with("/%24batch"))
}

fn writes(request: &Request) -> bool {
    if !is_batch(request) {
        return matches!(request.method.as_str(), "POST" | "PUT" | "PATCH" | "DELETE");
    }
    match serde_json::from_slice::<Value>(&request.body) {
        Ok(body) => json_batch_writes(&body),
        Err(_) => multipart_batch_writes(&request.body),
    }
}

/// Judges a JSON batch (Graph) by the `method` of each inner request.
fn json_batch_writes(body: &Value) -> bool {
    let inner = body.get("requests").and_then(Value::as_array);
    let mut methods = inner.into_iter().flatten().filter_map(|one| one.get("method")?.as_str());
    methods.any(|method| !method.eq_ignore_ascii_case("GET"))
}

/// Judges a multipart batch (Dataverse) by its request lines.
fn multipart_batch_writes(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).lines().any(|line| {
        let verb = line.split(' ').next().unwrap_or_default();
        matches!(verb, "POST" | "PUT" | "PATCH" | "DELETE") && line.contains(" HTTP/1.1")
    })
}

fn path_contains(request: &Request, text: &str) -> bool {
    request.target.contains(text)
        || (is_batch(request) && String::from_utf8_lossy(&request.body).contains(text))
}
