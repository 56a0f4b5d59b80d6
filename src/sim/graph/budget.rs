//! The requests of one mailbox in the last ten minutes (A12).

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

/// What a mailbox has spent, by the second.
#[derive(Debug, Default)]
pub(super) struct Budget {
    spent: VecDeque<(i64, u64)>,
    total: u64,
}

impl Budget {
    /// Counts a request; `Some(seconds)` when the mailbox is over its budget of ten minutes.
    pub(super) fn spend(&mut self, now: DateTime<Utc>, limit: u64) -> Option<i64> {
        let second = now.timestamp();
        while let Some((at, count)) = self.spent.front().copied() {
            if at > second - 600 {
                break;
            }
            self.spent.pop_front();
            self.total -= count;
        }
        match self.spent.back_mut() {
            Some((at, count)) if *at >= second => *count += 1,
            _ => self.spent.push_back((second, 1)),
        }
        self.total += 1;
        if self.total <= limit {
            return None;
        }
        let mut over = self.total - limit;
        for (at, count) in &self.spent {
            if *count >= over {
                return Some((at + 600 - second).max(1));
            }
            over -= count;
        }
        Some(600)
    }
}
