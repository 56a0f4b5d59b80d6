//! Renewals that fail: what the log says of them.

use crate::ports::error::StoreError;

/// How long the log says nothing more while renewals go on failing, in milliseconds.
const QUIET: u64 = 60_000;

/// How many failed in a row, and when the log said so last. Instants are milliseconds since some start.
#[derive(Debug, Default)]
pub(super) struct Failures {
    count: u32,
    told: Option<u64>,
}

impl Failures {
    /// Takes note of a renewal and tells the log what is worth it.
    pub(super) fn note<T>(&mut self, renewed: &Result<T, StoreError>, now: u64) {
        let failures = self.count;
        match renewed {
            Ok(_) => {
                if self.end() {
                    tracing::info!(failures, "the membership is renewed again");
                }
            }
            Err(error) => {
                if self.is_due(now) {
                    tracing::warn!(%error, failures, "the membership could not be renewed");
                }
            }
        }
    }

    /// Counts one more; returns whether it is to be told: the first, and one a minute.
    fn is_due(&mut self, now: u64) -> bool {
        self.count = self.count.saturating_add(1);
        let due = self.told.is_none_or(|told| now >= told.saturating_add(QUIET));
        if due {
            self.told = Some(now);
        }
        due
    }

    /// A renewal succeeded; returns whether that ends a row of failures.
    fn end(&mut self) -> bool {
        std::mem::take(self).count > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_once_a_minute_and_their_end_once() {
        // However fast they come: a node that waits for shards asks four times a second.
        let mut failures = Failures::default();
        let told = (0..500).filter(|beat| failures.is_due(250 * beat));
        assert_eq!(told.collect::<Vec<_>>(), [0, 240, 480]);
        assert!(failures.end());
        assert!(!failures.end(), "the end was told before");
        // What comes after it is news again.
        assert!(failures.is_due(126_000));
    }
}
