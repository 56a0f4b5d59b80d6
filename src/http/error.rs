//! What can go wrong with one attempt. The question that counts: may it have been executed?

use thiserror::Error;

use super::right::Withdrawn;
use crate::ports::error::SideError;

/// A failed attempt. The texts say what happened, without content.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HttpError {
    /// Surely not executed: no address, connection refused, TLS refused, not a valid request.
    #[error("not sent: {0}")]
    NotSent(String),
    /// Surely not executed: this process lost the right to write to the mailbox before the first byte left.
    #[error("{}", Withdrawn)]
    Withdrawn,
    /// May have been executed: reset, time-out, answer cut off.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// Was executed, but the answer is longer than the call allows.
    #[error("answer too large: {0}")]
    TooLarge(String),
}

impl From<HttpError> for SideError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::NotSent(reason) | HttpError::NoAnswer(reason) => {
                Self::Unreachable { reason }
            }
            HttpError::Withdrawn => Self::Unreachable { reason: Withdrawn.to_string() },
            HttpError::TooLarge(reason) => Self::TooLarge { reason },
        }
    }
}

/// The longest cause that is told, in characters.
const MAX_CAUSE: usize = 200;

/// Classifies an error of sending: only what happened before the connection stood is surely not
/// executed.
pub(super) fn of_sending(error: &reqwest::Error) -> HttpError {
    if error.is_builder() {
        return HttpError::NotSent("the request is not valid".to_owned());
    }
    if error.is_connect() {
        return HttpError::NotSent(of_connecting(error));
    }
    if Withdrawn::is_cause_of(error) {
        return HttpError::Withdrawn;
    }
    HttpError::NoAnswer(of_waiting(error))
}

/// Classifies an error of reading a body: the far side has answered, so it has executed.
pub(super) fn of_reading(error: &reqwest::Error) -> HttpError {
    HttpError::NoAnswer(of_waiting(error))
}

/// Tells the innermost cause in its own words (`Connection refused`, `invalid peer certificate`):
/// there is nothing but host and certificate to speak of before a request was sent.
fn of_connecting(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "connecting took too long".to_owned();
    }
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let cause = causes.last().map(ToString::to_string).unwrap_or_default();
    format!("cannot connect: {}", cause.chars().take(MAX_CAUSE).collect::<String>())
}

fn of_waiting(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "the answer took too long".to_owned();
    }
    let what =
        if error.is_body() || error.is_decode() { "the answer was cut off" } else { "no answer" };
    with_cause(what, error)
}

/// Adds the kind of the innermost I/O error. Never the error's own text: it contains the URL.
fn with_cause(what: &str, error: &reqwest::Error) -> String {
    let mut cause = std::error::Error::source(error);
    let mut kind = None;
    while let Some(inner) = cause {
        kind = inner.downcast_ref::<std::io::Error>().map(std::io::Error::kind).or(kind);
        cause = inner.source();
    }
    kind.map_or_else(|| what.to_owned(), |kind| format!("{what} ({kind})"))
}
