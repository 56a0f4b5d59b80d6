//! Errors that answer "what now?".

use std::time::Duration;

use thiserror::Error;

use crate::domain::code::Code;
use crate::shards::guard::Refusal;

/// What the caller does about an error of a whole conversation.
///
/// What concerns a single item is no such error: the item is skipped with its code, which
/// `Observation::unfit` or `Outcome::Refused` carries, and the conversation goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Try the cycle again after this long.
    Retry {
        /// The wait; at least what the far side demanded.
        after: Duration,
    },
    /// The token was thrown away: try again, which gets a new one.
    Reauthenticate,
    /// Forget the cursor and read everything again.
    Resync,
    /// Stop this mailbox until something changes; visible to operators.
    Park(Code),
    /// Stop the tenant: nothing will work until its configuration or its grant changes. One mailbox
    /// goes on asking whether it has.
    Fatal(Code),
}

/// A failed conversation with a far side.
#[derive(Debug, Error)]
pub enum SideError {
    /// 429 or 503, or our own budget is used up.
    #[error("throttled, retry after {retry_after:?}")]
    Throttled {
        /// What `Retry-After` says.
        retry_after: Duration,
    },
    /// No connection, a reset, a time-out, a 5xx.
    #[error("unreachable: {reason}")]
    Unreachable {
        /// What happened, without content.
        reason: String,
    },
    /// The token endpoint refuses our credentials: no mailbox of the tenant gets a token.
    #[error("credentials refused: {reason}")]
    Unauthorized {
        /// The error code of the token endpoint.
        reason: String,
    },
    /// The API refuses a token that the token endpoint has just issued. It may be this mailbox alone.
    #[error("token refused: {reason}")]
    TokenRefused {
        /// The error code of the far side.
        reason: String,
    },
    /// The mailbox does not exist or may not be opened.
    #[error("mailbox unreachable: {reason}")]
    MailboxUnreachable {
        /// The error code of the far side.
        reason: String,
    },
    /// A delta token is no longer known (410 and its relatives).
    #[error("the delta token expired")]
    TokenExpired,
    /// The answer is not what the protocol promises.
    #[error("unreadable answer: {reason}")]
    Unreadable {
        /// What is wrong, with the request's method and path template.
        reason: String,
    },
    /// The answer, or the number of pages, exceeds the bound.
    #[error("answer too large: {reason}")]
    TooLarge {
        /// Which bound.
        reason: String,
    },
    /// The far side refused a request that it should have accepted.
    #[error("refused: {status} {code}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The far side's error code.
        code: String,
    },
}

/// The wait after a failure that names none.
const DEFAULT_RETRY: Duration = Duration::from_secs(30);

impl SideError {
    /// Returns what the caller does now.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Throttled { retry_after } => Disposition::Retry { after: *retry_after },
            Self::Unreachable { .. } => Disposition::Retry { after: DEFAULT_RETRY },
            Self::Unauthorized { .. } => Disposition::Fatal(Code::CredentialsRefused),
            Self::TokenRefused { .. } => Disposition::Reauthenticate,
            Self::MailboxUnreachable { .. } => Disposition::Park(Code::MailboxUnreachable),
            Self::TokenExpired => Disposition::Resync,
            Self::Unreadable { .. } => Disposition::Retry { after: DEFAULT_RETRY },
            Self::TooLarge { .. } => Disposition::Park(Code::AnswerTooLarge),
            Self::Refused { .. } => Disposition::Park(Code::WriteRefused),
        }
    }

    /// Returns the code that operators see.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Throttled { .. } => Code::PutOff,
            Self::Unreachable { .. } => Code::FarSideUnreachable,
            Self::Unauthorized { .. } | Self::TokenRefused { .. } => Code::CredentialsRefused,
            Self::MailboxUnreachable { .. } => Code::MailboxUnreachable,
            Self::TokenExpired => Code::PutOff,
            Self::Unreadable { .. } => Code::AnswerUnreadable,
            Self::TooLarge { .. } => Code::AnswerTooLarge,
            Self::Refused { .. } => Code::WriteRefused,
        }
    }
}

/// A failed conversation with the state store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The commit carried an old fence: somebody else owns the mailbox now.
    #[error("the fence is old")]
    StaleFence,
    /// The mailbox is not as the commit's claim found it.
    #[error("what is stored of the mailbox is not what was read before")]
    StateMoved,
    /// The store cannot be reached or answered with an error.
    #[error("the state store failed: {0}")]
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
    /// What is stored cannot be read by this version.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
}

impl From<Refusal> for StoreError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Stale => Self::StaleFence,
            Refusal::Moved => Self::StateMoved,
        }
    }
}

impl StoreError {
    /// Returns the code that operators see.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::StaleFence => Code::FenceLost,
            Self::StateMoved => Code::StateMoved,
            Self::Unavailable(_) | Self::Corrupt(_) => Code::StoreUnavailable,
        }
    }
}

/// A pull that did not come to its end: its side failed, or the store did when the known items
/// were to be loaded.
#[derive(Debug, Error)]
pub enum PullError {
    /// The side failed.
    #[error(transparent)]
    Side(#[from] SideError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
