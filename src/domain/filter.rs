//! The synchronization filters of one user, counted, and the templates of which new users get theirs
//! (FILT-10, FILT-11, FILT-16).

use std::collections::BTreeMap;

use uuid::Uuid;

use super::kind::Kind;

/// How many filters decide what a user gets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilterTally {
    /// Filters that are his own, on whatever table, active or not. Without any he never had
    /// filters, or deleted them all.
    pub own: usize,
    /// Active filters, his own and the organization's, by kind; a kind without any is not named.
    pub active: BTreeMap<Kind, usize>,
}

impl FilterTally {
    /// Returns the number of active filters.
    #[must_use]
    pub fn total(&self) -> usize {
        self.active.values().sum()
    }
}

/// A template of the organization (`savedquery` of the type OutlookTemplate).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterTemplate {
    /// `savedqueryid`.
    pub id: Uuid,
    /// The kind of its table; `None`: a table that is not synchronized.
    pub kind: Option<Kind>,
    /// `isdefault`: new users get a filter of it.
    pub default: bool,
    /// It is active.
    pub active: bool,
}
