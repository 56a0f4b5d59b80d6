//! Renewals that fail: what the log says of them.

use crate::ports::error::StoreError;

/// Of failures in a row the first is told, and one in so many: about one a minute.
const TOLD: u32 = 80;

/// How many failed in a row.
#[derive(Debug, Default)]
pub(super) struct Failures(u32);

impl Failures {
    /// Takes note of a renewal.
    pub(super) fn note<T>(&mut self, renewed: &Result<T, StoreError>) {
        let failures = self.0;
        match renewed {
            Ok(_) if failures == 0 => {}
            Ok(_) => {
                tracing::info!(failures, "the membership is renewed again");
                self.0 = 0;
            }
            Err(error) => {
                if failures.is_multiple_of(TOLD) {
                    tracing::warn!(%error, failures, "the membership could not be renewed");
                }
                self.0 = failures.saturating_add(1);
            }
        }
    }
}
