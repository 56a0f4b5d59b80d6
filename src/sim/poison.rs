//! Items that go wrong alone: requests that speak of one fail, or take their whole batch with them.
//!
//! An item is named by a text of its requests, such as its id. Absent: what is wrong with it.

use super::wire::Request;

/// What a poisoned item does to requests that speak of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// The request fails with this status, in a batch it alone; nothing is executed.
    Request(u16),
    /// The batch that holds the request is refused as a whole with this status, nothing of it
    /// executed; so is the request when it comes alone.
    Batch(u16),
}

/// The poisoned items of one stand-in.
#[derive(Debug, Clone, Default)]
pub(super) struct Poisons(Vec<(String, Harm)>);

impl Poisons {
    /// Poisons what a text names.
    pub(super) fn add(&mut self, text: &str, harm: Harm) {
        self.0.push((text.to_owned(), harm));
    }

    /// Heals everything.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns the status with which a whole batch, or a request that comes alone, is refused.
    pub(super) fn of_batch(&self, request: &Request) -> Option<u16> {
        let mut all = self.0.iter().filter(|(text, _)| speaks_of(request, text));
        all.find_map(|(_, harm)| match harm {
            Harm::Batch(status) => Some(*status),
            Harm::Request(_) => None,
        })
    }

    /// Returns the status with which one request of a batch fails.
    pub(super) fn of_request(&self, request: &Request) -> Option<u16> {
        let mut all = self.0.iter().filter(|(text, _)| speaks_of(request, text));
        all.find_map(|(_, harm)| match harm {
            Harm::Request(status) => Some(*status),
            Harm::Batch(_) => None,
        })
    }
}

fn speaks_of(request: &Request, text: &str) -> bool {
    request.target.contains(text) || String::from_utf8_lossy(&request.body).contains(text)
}
