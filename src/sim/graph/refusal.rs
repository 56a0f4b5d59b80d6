//! Refusals of the Graph stand-in and the error body they become (A13).
//!
//! Absent: the decision what to refuse; each room decides for itself.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::sim::wire::Response;

/// Why the service refused a request: status, Graph's error code and a text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status code.
    pub status: u16,
    /// Graph's error code, such as `ErrorItemNotFound`.
    pub code: String,
    /// The text; callers decide by `code`, never by this.
    pub message: String,
}

impl Refusal {
    /// Builds a refusal.
    pub(super) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    /// Returns the error body with the tracing ids of the request.
    pub(super) fn body(&self, trace: &Trace) -> Value {
        json!({ "error": {
            "code": self.code,
            "message": self.message,
            "innerError": {
                "date": trace.at.format("%Y-%m-%dT%H:%M:%S").to_string(),
                "request-id": trace.request_id,
                "client-request-id": trace.client_request_id,
            },
        }})
    }

    /// Returns the whole response.
    pub(super) fn response(&self, trace: &Trace) -> Response {
        Response::json(self.status, &self.body(trace))
    }
}

/// The ids by which one request can be traced.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    pub(super) request_id: String,
    pub(super) client_request_id: String,
    pub(super) at: DateTime<Utc>,
}

/// 400 with the general code for a request that makes no sense.
pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "ErrorInvalidRequest", message)
}

/// 400 for a property with a wrong type, enum value or content.
pub(super) fn property(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "ErrorPropertyValidationFailure", message)
}

/// 400 for a body that cannot be read at all or names an unknown property.
pub(super) fn unreadable(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "RequestBodyRead", message)
}

/// 400 for a query option that is unknown, malformed or not supported here.
pub(super) fn bad_query(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "ErrorInvalidUrlQuery", message)
}

/// 404 for an item that is gone or never was.
pub(super) fn not_found() -> Refusal {
    Refusal::new(404, "ErrorItemNotFound", "The specified object was not found in the store.")
}

/// 400 for an id that cannot be parsed or belongs elsewhere (A6).
pub(super) fn malformed_id() -> Refusal {
    Refusal::new(400, "ErrorInvalidIdMalformed", "Id is malformed.")
}

/// 412 for a stale `If-Match` (A6).
pub(super) fn conflict() -> Refusal {
    Refusal::new(
        412,
        "ErrorIrresolvableConflict",
        "The send or update operation could not be performed because the change key passed in \
         the request does not match the current change key for the item.",
    )
}

/// 400 for a path segment that does not exist in the model.
pub(super) fn no_segment(segment: &str) -> Refusal {
    Refusal::new(400, "BadRequest", format!("Resource not found for the segment '{segment}'."))
}

/// 405 for a method the resource does not have.
pub(super) fn no_method() -> Refusal {
    Refusal::new(405, "ErrorInvalidRequest", "The OData request is not supported.")
}

/// Returns the refusal of what speaks of a poisoned item.
pub(super) fn poisoned(status: u16) -> Refusal {
    let code = match status {
        400 => "BadRequest",
        413 => "RequestEntityTooLarge",
        _ => "ErrorInternalServerError",
    };
    Refusal::new(status, code, "The request cannot be processed.")
}
