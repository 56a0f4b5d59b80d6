//! What Dataverse's refusals mean (protocols B2, B3, B4, B7; rules ERR-05).

use std::time::Duration;

use serde_json::Value;

use super::batch::PartReply;
use crate::ports::error::SideError;

/// The wait after a 429 that names none.
const DEFAULT_WAIT: Duration = Duration::from_secs(30);

/// The row does not exist.
const OBJECT_DOES_NOT_EXIST: &str = "0x80040217";
/// A privilege is missing.
const PRIVILEGE_DENIED: &str = "0x80040220";
/// A row with this key exists already.
const DUPLICATE_RECORD: &str = "0x80040237";
/// A duplicate detection rule found a relative (on only where the organization demands it).
const DUPLICATES_FOUND: &str = "0x80040333";
/// A customer's plug-in refused: arrives as 4xx or as 500, and a repeat would not help.
const PLUGIN_REFUSED: [&str; 2] = ["0x80040224", "0x80040265"];
/// The user may not change a secured column, or not give it a value in a new row.
const COLUMN_SECURED: [&str; 2] = ["0x8004f507", "0x8004f502"];
/// Service protection: requests, execution time, concurrency.
const SERVICE_PROTECTION: [&str; 3] = ["0x80072322", "0x80072321", "0x80072326"];

/// What a reply means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was done.
    Fine,
    /// Not done now; wait this long.
    Throttled(Duration),
    /// The server failed; the request may have been done.
    Unavailable,
    /// The row does not exist: said by code, not by a bare 404.
    Missing,
    /// The caller may not do this.
    Denied,
    /// The row is at another version, or exists already.
    Precondition,
    /// The request is wrong in the server's eyes.
    Refused,
}

/// Returns what a part's reply means.
pub(super) fn judge(reply: &PartReply) -> Verdict {
    if reply.is_success() {
        return Verdict::Fine;
    }
    judge_failure(reply.status, &code(&reply.body), retry_after(reply))
}

/// Returns what a failure with this status and error code means.
pub(super) fn judge_failure(status: u16, code: &str, wait: Option<Duration>) -> Verdict {
    if status == 429 || SERVICE_PROTECTION.contains(&code) {
        return Verdict::Throttled(wait.unwrap_or(DEFAULT_WAIT));
    }
    match (status, code) {
        (_, DUPLICATES_FOUND) => Verdict::Refused,
        (_, OBJECT_DOES_NOT_EXIST) => Verdict::Missing,
        // Another 403 speaks of the caller (unknown, disabled), not of the row.
        (_, PRIVILEGE_DENIED) => Verdict::Denied,
        (412, _) | (_, DUPLICATE_RECORD) => Verdict::Precondition,
        (_, code) if PLUGIN_REFUSED.contains(&code) => Verdict::Refused,
        (503, _) if wait.is_some() => Verdict::Throttled(wait.unwrap_or(DEFAULT_WAIT)),
        (408 | 500.., _) => Verdict::Unavailable,
        // A bare 404 may come from a proxy or name a table that is not installed: no proof.
        _ => Verdict::Refused,
    }
}

/// Returns the error code of a body (`0x80040217`), lower case, or `-` when it has none.
pub(super) fn code(body: &[u8]) -> String {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    parsed
        .as_ref()
        .and_then(|value| value.pointer("/error/code"))
        .and_then(Value::as_str)
        .map_or_else(|| "-".to_owned(), |code| hex(code.trim()))
}

/// Some replies carry the code as a negative decimal; the hexadecimal form is the usual one.
fn hex(code: &str) -> String {
    code.parse::<i32>()
        .map_or_else(|_| code.to_ascii_lowercase(), |number| format!("{number:#010x}"))
}

/// Returns `Retry-After` of a part, in seconds as Dataverse sends it.
fn retry_after(reply: &PartReply) -> Option<Duration> {
    reply.header("retry-after")?.trim().parse::<u64>().ok().map(Duration::from_secs)
}

/// Returns the error for a reply that ends a read as a whole.
pub(super) fn into_side_error(reply: &PartReply) -> SideError {
    match judge(reply) {
        Verdict::Throttled(retry_after) => SideError::Throttled { retry_after },
        Verdict::Unavailable => {
            SideError::Unreachable { reason: format!("status {} in a batch", reply.status) }
        }
        Verdict::Fine => {
            SideError::Unreadable { reason: "a success was taken for a failure".into() }
        }
        Verdict::Missing | Verdict::Denied | Verdict::Precondition | Verdict::Refused => {
            SideError::Refused { status: reply.status, code: code(&reply.body) }
        }
    }
}

/// Tells whether the service answered for any of several rows, or only one was asked for: then one
/// that got no usable answer is at fault by itself.
pub(super) fn any_answered(replies: &[PartReply]) -> bool {
    let answered = |reply: &PartReply| {
        matches!(judge(reply), Verdict::Fine | Verdict::Missing | Verdict::Denied)
    };
    replies.len() == 1 || replies.iter().any(answered)
}

/// Tells whether a row that got no usable answer, while others were answered for (`beside`), is at
/// fault by itself. A 401 or 403 of another kind than a missing privilege speaks of the caller.
pub(super) fn is_of_the_row(reply: &PartReply, beside: bool) -> bool {
    beside && !matches!(reply.status, 401 | 403)
}

/// Tells whether a duplicate detection rule refused the write (CONF-06).
pub(super) fn is_duplicate(reply: &PartReply) -> bool {
    code(&reply.body) == DUPLICATES_FOUND
}

/// Tells whether column security refused the write (FLD-04).
pub(super) fn is_secured(reply: &PartReply) -> bool {
    COLUMN_SECURED.contains(&code(&reply.body).as_str())
}

/// Tells whether a failed part spoils the whole read: the server is busy or broken, which says
/// nothing about this one row or filter.
pub(super) fn spoils_all(reply: &PartReply) -> bool {
    matches!(judge(reply), Verdict::Throttled(_) | Verdict::Unavailable)
}

#[cfg(test)]
mod tests;
