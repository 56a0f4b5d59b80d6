//! The accounts behind company names (CONT-08), as the user may see them.
//!
//! Dataverse compares texts without regard to case and accents; a name counts only when it is
//! exactly that of one active account, and of no other.

use std::collections::HashMap;

use serde_json::Value as Json;
use tracing::warn;
use uuid::Uuid;

use super::DataverseSide;
use super::batch::{Part, PartReply};
use super::errors;
use super::fetchxml;
use super::map::read;
use super::wire::{encode, json};
use crate::domain::policy::Mailbox;
use crate::ports::error::SideError;

/// Names in one query: 25 names of 160 characters stay below the longest URL of a batch, each
/// character written with up to nine.
const NAMES_PER_QUERY: usize = 25;

/// The longest `account.name`.
const NAME_MAX: usize = 160;

const COLUMNS: [&str; 3] = ["accountid", "name", "statecode"];

impl DataverseSide {
    /// Returns the account of each name that has exactly one. A user who may not read accounts
    /// has none.
    pub(super) async fn accounts_of(
        &self,
        mailbox: &Mailbox,
        names: &[String],
    ) -> Result<HashMap<String, Uuid>, SideError> {
        let names: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .filter(|name| name.chars().count() <= NAME_MAX)
            .collect();
        let parts: Vec<Part> = names.chunks(NAMES_PER_QUERY).map(query).collect();
        let mut found: HashMap<String, Vec<Uuid>> = HashMap::new();
        for reply in &self.wire.read(Some(mailbox.object_id), &parts).await? {
            for (name, id) in rows_of(reply)? {
                found.entry(name).or_default().push(id);
            }
        }
        let only = |(name, ids): (String, Vec<Uuid>)| match ids.as_slice() {
            [id] if names.contains(&name.as_str()) => Some((name, *id)),
            _ => None,
        };
        Ok(found.into_iter().filter_map(only).collect())
    }
}

fn query(names: &[&str]) -> Part {
    let query = fetchxml::rows_with("account", &COLUMNS, &["name"], names);
    Part::get(format!("accounts?fetchXml={}", encode(&query.page(1, None))))
}

/// Returns name and key of the active rows of a reply.
fn rows_of(reply: &PartReply) -> Result<Vec<(String, Uuid)>, SideError> {
    if !reply.is_success() {
        if errors::spoils_all(reply) {
            return Err(errors::into_side_error(reply));
        }
        let (status, code) = (reply.status, errors::code(&reply.body));
        warn!(status, code, "accounts cannot be read; companies stay in Exchange");
        return Ok(Vec::new());
    }
    let page = json(reply)?;
    let rows = page.get("value").and_then(Json::as_array);
    let rows = rows.ok_or_else(|| SideError::Unreadable { reason: "accounts: no list".into() })?;
    let row = |row: &Json| {
        let active = row.get("statecode").and_then(Json::as_i64) == Some(0);
        let name = row.get("name").and_then(Json::as_str).filter(|_| active)?;
        Some((name.to_owned(), read::guid(row, "accountid")?))
    };
    Ok(rows.iter().filter_map(row).collect())
}
