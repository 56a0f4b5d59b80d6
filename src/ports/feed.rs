//! The port of changed rows: one reader for a whole organization, table by table (protocols B5).

use async_trait::async_trait;
use uuid::Uuid;

use super::error::SideError;
use crate::domain::ids::{LinkId, UserId, Version};

/// What a reader found in one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Changes since the cursor, and where to go on.
    Rows {
        /// Rows that were made or changed.
        changed: Vec<ChangedRow>,
        /// Rows that are gone.
        deleted: Vec<LinkId>,
        /// Where to go on.
        next: String,
        /// There is more to be read at once.
        more: bool,
    },
    /// The cursor is too old: begin anew, and take everything for changed.
    Expired,
    /// The table cannot be read so: its changes are not tracked, or the application may not read it.
    Refused(String),
}

/// One row that was made or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedRow {
    /// The row.
    pub row: LinkId,
    /// Its owner, if a user.
    pub owner: Option<UserId>,
    /// Its version now.
    pub version: Option<Version>,
}

/// Reads which rows of an organization changed, as the application.
#[async_trait]
pub trait ChangeFeed: Send + Sync {
    /// Returns the tables that can be read, by their names on the wire.
    fn tables(&self) -> &[&'static str];

    /// Reads one page of each of these tables, from a cursor or, without one, from the beginning. A
    /// reading from the beginning ends with a cursor, and says of what it passed nothing.
    async fn read(&self, from: &[(&'static str, Option<String>)]) -> Result<Vec<News>, SideError>;

    /// Returns the users who take part in these activities, each with the row; rows that are gone or
    /// have no parties are left out.
    async fn parties(
        &self,
        table: &'static str,
        rows: &[LinkId],
    ) -> Result<Vec<(LinkId, Uuid)>, SideError>;
}
