//! The clock as an argument, so that tests and the stand-ins can move it.

use chrono::{DateTime, Utc};

/// Tells the time of day.
pub trait Clock: Send + Sync {
    /// Returns the present instant.
    fn now(&self) -> DateTime<Utc>;
}
