//! Refusals of the Dataverse stand-in and their wire shape.
//!
//! Codes and statuses: protocols.md B1 to B8. Absent: service protection, see `limits`.

use serde_json::json;

use crate::sim::wire::Response;

/// A refused call: HTTP status, Dataverse error code and text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status} {code}: {message}")]
pub struct Refusal {
    /// The HTTP status the Web API answers.
    pub status: u16,
    /// The code, such as `0x80040217`.
    pub code: String,
    /// The text meant for people.
    pub message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    /// A request that the Web API cannot understand.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new(400, "0x80060888", message)
    }

    /// A body whose value does not fit the column.
    pub(super) fn payload(message: impl Into<String>) -> Self {
        Self::new(400, "0x80048d19", message)
    }

    /// A value that breaks a rule of the column.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "0x80040203", message)
    }

    pub(super) fn missing(table: &str, id: uuid::Uuid) -> Self {
        Self::new(404, "0x80040217", format!("Entity '{table}' With Id = {id} Does Not Exist"))
    }

    pub(super) fn forbidden(user: uuid::Uuid, what: &str, table: &str) -> Self {
        let text = format!("Principal user (Id={user}) is missing prv{what} privilege on {table}");
        Self::new(403, "0x80040220", text)
    }

    pub(super) fn response(&self) -> Response {
        Response::json(
            self.status,
            &json!({ "error": { "code": self.code, "message": self.message } }),
        )
        .with("OData-Version", "4.0")
    }
}

/// Returns the answer to a request that speaks of a poisoned item.
pub(super) fn poisoned(status: u16) -> Response {
    match status {
        // The web server in front says this, without a body of the service.
        413 => Response::empty(413),
        _ => Refusal::new(status, "0x80040216", "An unexpected error occurred.").response(),
    }
}
