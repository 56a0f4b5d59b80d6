//! What the reader of changed rows knows of a table, and what a round of it found.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::ids::LinkId;
use crate::ports::error::{Disposition, SideError, StoreError};
use crate::ports::feed::ChangedRow;
use crate::ports::notes::Holder;

/// Where the reading of one table stands.
#[derive(Default)]
pub(super) struct Track {
    pub(super) cursor: Option<String>,
    pub(super) stored: Option<DateTime<Utc>>,
    pub(super) reported: Option<DateTime<Utc>>,
    /// It begins anew: who is concerned is not known, so it is everybody.
    pub(super) anew: bool,
    pub(super) not_before: Option<DateTime<Utc>>,
}

/// What one round found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) changed: Vec<(&'static str, ChangedRow)>,
    pub(super) deleted: Vec<LinkId>,
    pub(super) everybody: bool,
}

impl Found {
    /// Returns the rows whose links are looked up, at most so many, and whether that is all of them. Those that
    /// are gone first: nothing but their links tells of them.
    pub(super) fn looked_up(&self, most: usize) -> (Vec<LinkId>, bool) {
        let changed = self.changed.iter().map(|(_, row)| row.row);
        let rows = self.deleted.iter().copied().chain(changed);
        (rows.take(most).collect(), self.deleted.len() + self.changed.len() <= most)
    }
}

/// Why a round ended early.
pub(super) enum Failure {
    Side(SideError),
    Store(StoreError),
}

impl From<SideError> for Failure {
    fn from(error: SideError) -> Self {
        Self::Side(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    pub(super) fn says(&self) -> (String, Duration) {
        match self {
            Self::Store(error) => (error.to_string(), Duration::ZERO),
            Self::Side(error) => match error.disposition() {
                Disposition::Retry { after } => (error.to_string(), after),
                Disposition::Reauthenticate
                | Disposition::Resync
                | Disposition::Park(_)
                | Disposition::Fatal(_) => (error.to_string(), Duration::from_secs(60)),
            },
        }
    }
}

/// Returns the mailboxes to which something is new. Whose link knows the row's version already, as
/// after a write of its own, is left alone.
pub(super) fn with_news(
    meant: &[(LinkId, Uuid)],
    found: &Found,
    holders: &[Holder],
) -> HashSet<Uuid> {
    let versions: HashMap<LinkId, &ChangedRow> =
        found.changed.iter().map(|(_, row)| (row.row, row)).collect();
    let knows = |row: LinkId, mailbox: Uuid| {
        let now = versions.get(&row).and_then(|row| row.version.as_ref());
        let is = |holder: &&Holder| (holder.row, holder.mailbox) == (row, mailbox);
        let known = holders.iter().find(is).and_then(|holder| holder.version.as_ref());
        now.is_some() && now == known
    };
    let new = meant.iter().filter(|(row, mailbox)| !knows(*row, *mailbox));
    new.map(|(_, mailbox)| *mailbox).collect()
}
