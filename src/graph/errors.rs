//! What Graph's refusals mean (protocols A2, A6, A13): decided by status and code, never by text.

use serde_json::Value as Json;

use super::batch::Body;
use crate::domain::code::Code;
use crate::domain::plan::Outcome;
use crate::ports::error::SideError;

/// Longest error code that is kept: it ends in logs and reports.
const CODE_MAX_CHARS: usize = 80;

/// Codes with which a 400 or 404 says that a delta token is no longer known (a 410 says it by
/// itself). Live services spell them in several ways (delta-query-overview), so they are compared
/// without regard to case.
const TOKEN_GONE: [&str; 3] = ["SyncStateNotFound", "SyncStateInvalid", "ResyncRequired"];

/// Codes that speak of the mailbox or its user, not of an item.
const NO_MAILBOX: [&str; 7] = [
    "MailboxNotEnabledForRESTAPI",
    "MailboxNotSupportedForRESTAPI",
    "ErrorAccessDenied",
    "ErrorInvalidUser",
    "ErrorNonExistentMailbox",
    "Request_ResourceNotFound",
    "ResourceNotFound",
];

/// Codes with which an item is not there: an id that cannot be parsed, is cut short or belongs to
/// another mailbox is a malformed one (protocols A6).
const NO_ITEM: [&str; 2] = ["ErrorItemNotFound", "ErrorInvalidIdMalformed"];

/// Returns the error code of a reply, empty when there is none.
pub(super) fn code_of(body: &Json) -> String {
    body.get("error").map(code_in).unwrap_or_default()
}

/// Returns the error code of what stands under `error`.
pub(super) fn code_in(error: &Json) -> String {
    let code = error.get("code").and_then(Json::as_str);
    code.unwrap_or("").chars().filter(|c| !c.is_control()).take(CODE_MAX_CHARS).collect()
}

fn is_one_of(code: &str, list: &[&str]) -> bool {
    list.iter().any(|one| one.eq_ignore_ascii_case(code))
}

/// Tells whether a delta token expired and the round starts again.
pub(super) fn is_token_gone(status: u16, code: &str) -> bool {
    status == 410 || (matches!(status, 400 | 404) && is_one_of(code, &TOKEN_GONE))
}

/// Tells whether a refusal speaks of the mailbox as a whole.
pub(super) fn is_mailbox_gone(status: u16, code: &str) -> bool {
    matches!(status, 403 | 404) && is_one_of(code, &NO_MAILBOX)
}

/// Tells whether a refusal of a request by id proves that the item is not there.
pub(super) fn is_item_gone(status: u16, code: &str) -> bool {
    match status {
        // A 404 without one of the mailbox's codes: the To Do service words it in its own ways.
        404 => !is_mailbox_gone(status, code),
        400 => is_one_of(code, &NO_ITEM),
        _ => false,
    }
}

/// Returns the error behind a refused read.
pub(super) fn refused_read(status: u16, body: &impl Body) -> SideError {
    let code = body.code();
    if is_token_gone(status, &code) {
        return SideError::TokenExpired;
    }
    if is_mailbox_gone(status, &code) {
        return SideError::MailboxUnreachable { reason: code };
    }
    match status {
        401 => SideError::TokenRefused { reason: code },
        408 | 500.. => SideError::Unreachable { reason: format!("{status} {code}") },
        _ => SideError::Refused { status, code },
    }
}

/// Returns the error for an answer that cannot be read. The words of the parser stay out of it:
/// they may quote what somebody wrote.
pub(super) fn unreadable(what: &str, error: &serde_json::Error) -> SideError {
    let (kind, line, column) = (error.classify(), error.line(), error.column());
    SideError::Unreadable { reason: format!("{what}: {kind:?} at {line}:{column}") }
}

/// What a write was, as far as its refusal is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    Create,
    Update,
    Delete,
}

/// Returns the outcome of a write that was answered with anything but success.
pub(super) fn refused_write(write: Write, status: u16, body: &Json) -> Outcome {
    let code = code_of(body);
    if write != Write::Create && is_item_gone(status, &code) {
        // Gone already is what a delete wants (protocols A6).
        return if write == Write::Delete { Outcome::Done(None) } else { Outcome::Missing };
    }
    match status {
        412 => Outcome::Stale,
        // A repeated create may be answered so (protocols A5); the item is looked up.
        409 if write == Write::Create => Outcome::Unknown,
        409 => Outcome::Stale,
        // 424: a request before it failed. 401: the token died between two requests.
        401 | 424 | 429 => Outcome::NotSent,
        // Half of a create may have happened (`ConcurrentItemSave`, protocols A5). 408: it did not come in time.
        408 | 500.. => Outcome::Unknown,
        403 => refuse(Code::PrivilegeMissing, status, &code),
        _ => refuse(Code::WriteRefused, status, &code),
    }
}

fn refuse(reason: Code, status: u16, code: &str) -> Outcome {
    tracing::warn!(status, code, reason = reason.as_str(), "Exchange refused a write");
    Outcome::Refused(reason)
}

#[cfg(test)]
mod tests;
