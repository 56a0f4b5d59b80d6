//! Which rows of the organization changed: change tracking, table by table (protocols B5).
//!
//! It reads as the application, and of each row only whom it may concern: owner and version. Absent
//! on purpose: the content of rows. Who is concerned reads his own rows with his own rights.

use async_trait::async_trait;
use serde_json::Value as Json;
use uuid::Uuid;

use super::batch::{Part, PartReply};
use super::errors::{self, Verdict};
use super::map::{Table, party, read};
use super::wire::{LOOKUPS, Wire, json};
use crate::domain::ids::{LinkId, UserId, Version};
use crate::domain::kind::Kind;
use crate::http::Session;
use crate::ports::error::SideError;
use crate::ports::feed::{ChangeFeed, ChangedRow, News};

/// Rows of one page: a page of keys and owners is below a megabyte.
const PREFER: &str = "odata.track-changes,odata.maxpagesize=5000";
/// The token is too old, or the table's definition changed: read all anew (ExpiredVersionStamp).
const EXPIRED: &str = "0x80044352";
/// The longest cursor that is kept; real ones have some hundred signs.
const CURSOR_MAX_BYTES: usize = 4_096;
/// What a cursor begins with while the table is read from its beginning; of the others all that
/// comes is news.
const WALK: &str = "walk:";
const DELTA: &str = "delta:";

/// The changes of one organization.
pub struct DataverseFeed {
    wire: Wire,
    tables: Vec<&'static str>,
    api_root: String,
}

impl DataverseFeed {
    /// Builds the reader; `api_root` is `{url}/api/data/v9.2`.
    #[must_use]
    pub fn new(session: Session, api_root: &str) -> Self {
        let tables = Kind::ALL.map(|kind| Table::of(kind).set).to_vec();
        let api_root = format!("{}/", api_root.trim_end_matches('/'));
        Self { wire: Wire::new(session, &api_root), tables, api_root }
    }

    fn judged(&self, walks: bool, reply: &PartReply) -> Result<News, SideError> {
        match errors::judge(reply) {
            Verdict::Fine => self.page(walks, &json(reply)?),
            Verdict::Throttled(_) | Verdict::Unavailable => Err(errors::into_side_error(reply)),
            Verdict::Missing | Verdict::Denied | Verdict::Precondition | Verdict::Refused => {
                let code = errors::code(&reply.body);
                Ok(if code == EXPIRED { News::Expired } else { News::Refused(code) })
            }
        }
    }

    fn page(&self, walks: bool, page: &Json) -> Result<News, SideError> {
        let unreadable = |what: &str| SideError::Unreadable { reason: format!("changes: {what}") };
        let rows = page.get("value").and_then(Json::as_array);
        let rows = rows.ok_or_else(|| unreadable("no list"))?;
        let link = |name: &str| page.get(name).and_then(Json::as_str);
        let (link, more) = match (link("@odata.nextLink"), link("@odata.deltaLink")) {
            (Some(next), _) => (next, true),
            (None, Some(end)) => (end, false),
            (None, None) => return Err(unreadable("no link")),
        };
        // The token goes nowhere but to the organization.
        let path = link.strip_prefix(&self.api_root).ok_or_else(|| unreadable("a foreign link"))?;
        if path.len() > CURSOR_MAX_BYTES {
            return Err(unreadable("a link that is too long"));
        }
        let next = format!("{}{path}", if walks && more { WALK } else { DELTA });
        let (mut changed, mut deleted) = (Vec::new(), Vec::new());
        for row in rows.iter().filter(|_| !walks) {
            if row.get("reason").is_some() {
                deleted.extend(read::guid(row, "id").map(LinkId));
            } else {
                changed.extend(changed_row(row));
            }
        }
        Ok(News::Rows { changed, deleted, next, more })
    }
}

fn changed_row(row: &Json) -> Option<ChangedRow> {
    let key = read::guid(row, "activityid").or_else(|| read::guid(row, "contactid"))?;
    let version = row.get("versionnumber").and_then(Json::as_i64);
    Some(ChangedRow {
        row: LinkId(key),
        owner: read::guid(row, "_ownerid_value").map(UserId),
        version: version.map(|version| Version::new(version.to_string())),
    })
}

fn table(set: &str) -> Option<&'static Table> {
    Kind::ALL.into_iter().map(Table::of).find(|table| table.set == set)
}

fn first_page(set: &str) -> String {
    let key = table(set).map_or("activityid", |table| table.key);
    format!("{set}?$select={key},versionnumber,_ownerid_value")
}

#[async_trait]
impl ChangeFeed for DataverseFeed {
    fn tables(&self) -> &[&'static str] {
        &self.tables
    }

    async fn read(&self, from: &[(&'static str, Option<String>)]) -> Result<Vec<News>, SideError> {
        let mut walks = Vec::with_capacity(from.len());
        let mut parts = Vec::with_capacity(from.len());
        for (set, cursor) in from {
            let cursor = cursor.as_deref().unwrap_or_default();
            let delta = cursor.strip_prefix(DELTA);
            let path = delta.or_else(|| cursor.strip_prefix(WALK)).map(str::to_owned);
            walks.push(delta.is_none());
            let path = path.unwrap_or_else(|| first_page(set));
            parts.push(Part::get(path).with("Prefer", PREFER));
        }
        let replies = self.wire.read(None, &parts).await?;
        walks.iter().zip(&replies).map(|(walks, reply)| self.judged(*walks, reply)).collect()
    }

    async fn parties(
        &self,
        set: &'static str,
        rows: &[LinkId],
    ) -> Result<Vec<(LinkId, Uuid)>, SideError> {
        let Some((table, parties)) = table(set).and_then(|table| Some((table, table.parties?)))
        else {
            return Ok(Vec::new());
        };
        let part = |row: &LinkId| {
            let query =
                format!("$select={}&$expand={parties}($select={})", table.key, party::COLUMNS);
            Part::get(format!("{set}({})?{query}", row.0)).with("Prefer", LOOKUPS)
        };
        let parts: Vec<Part> = rows.iter().map(part).collect();
        let replies = self.wire.read(None, &parts).await?;
        let mut found = Vec::new();
        for (row, reply) in rows.iter().zip(&replies) {
            match errors::judge(reply) {
                Verdict::Fine => {
                    let raw = party::parse(&json(reply)?, parties).unwrap_or_default();
                    let users = raw.into_iter().filter_map(|party| party.row);
                    let users = users.filter(|(table, _)| table == "systemuser");
                    found.extend(users.map(|(_, user)| (*row, user)));
                }
                Verdict::Throttled(_) | Verdict::Unavailable => {
                    return Err(errors::into_side_error(reply));
                }
                // Gone meanwhile, or not to be read: its owner and its links tell whom it concerns.
                Verdict::Missing | Verdict::Denied | Verdict::Precondition | Verdict::Refused => {}
            }
        }
        Ok(found)
    }
}
