//! An operator's questions: which filter returns a row, which condition keeps it out, and which
//! rows hold a text. Asked as the mailbox's user (FILT-01), outside of any cycle.

mod split;

use serde_json::Value as Json;
use uuid::Uuid;

use self::split::{Piece, split};
use super::DataverseSide;
use super::batch::{Part, PartReply};
use super::errors;
use super::fetchxml::{self, Query};
use super::filters::OUTLOOK_FILTERS;
use super::map::{Table, read};
use super::wire::{encode, json};
use crate::domain::ids::NativeId;
use crate::domain::kind::Kind;
use crate::domain::policy::Mailbox;
use crate::ports::error::SideError;
use crate::ports::inquiry::{ConditionAnswer, FilterAnswer};

/// Conditions of one filter that are asked one by one; a longer filter is shown up to here.
const CONDITIONS_MAX: usize = 50;

/// A filter as its row says.
struct Stored {
    id: Uuid,
    name: String,
    of_organization: bool,
    text: String,
}

impl DataverseSide {
    /// Returns what each active filter of the user and of the organization says of a row.
    pub(super) async fn filter_answers(
        &self,
        mailbox: &Mailbox,
        kind: Kind,
        row: &NativeId,
    ) -> Result<Vec<FilterAnswer>, SideError> {
        let Ok(row) = Uuid::try_parse(row.as_str()) else { return Ok(Vec::new()) };
        let table = Table::of(kind);
        let caller = Some(mailbox.object_id);
        let own = format!("querytype eq {OUTLOOK_FILTERS} and _ownerid_value eq {}", mailbox.user);
        let shared = format!("querytype eq {OUTLOOK_FILTERS}");
        let asked = [
            stored_part("userqueries", "userqueryid", &own),
            stored_part("savedqueries", "savedqueryid", &shared),
        ];
        let replies = self.wire.read(caller, &asked).await?;
        let mut stored = stored(&replies[0], "userqueryid", false, kind)?;
        stored.extend(self::stored(&replies[1], "savedqueryid", true, kind)?);
        let mut answers = Vec::new();
        for filter in stored {
            answers.push(self.ask_filter(caller, table, row, filter).await?);
        }
        Ok(answers)
    }

    async fn ask_filter(
        &self,
        caller: Option<Uuid>,
        table: &'static Table,
        row: Uuid,
        filter: Stored,
    ) -> Result<FilterAnswer, SideError> {
        let own_table = |name: &str| Table::by_name(name).filter(|found| found.kind == table.kind);
        let whole = fetchxml::rewrite(&filter.text, own_table).ok();
        let matches = match whole {
            Some((_, query)) => {
                let part = part(table, &query.for_row(table, row));
                returned(&self.wire.read(caller, &[part]).await?[0])?
            }
            None => None,
        };
        let mut conditions = Vec::new();
        if matches == Some(false) {
            let mut pieces = split(&filter.text);
            pieces.truncate(CONDITIONS_MAX);
            conditions = self.ask_pieces(caller, table, row, pieces).await?;
        }
        let Stored { id, name, of_organization, .. } = filter;
        Ok(FilterAnswer { id, name, of_organization, matches, conditions })
    }

    /// Asks each condition by itself, all of them in one batch.
    async fn ask_pieces(
        &self,
        caller: Option<Uuid>,
        table: &'static Table,
        row: Uuid,
        pieces: Vec<Piece>,
    ) -> Result<Vec<ConditionAnswer>, SideError> {
        let alone: Vec<&Piece> = pieces.iter().filter(|piece| piece.stands_alone).collect();
        let parts: Vec<Part> = alone
            .iter()
            .map(|piece| part(table, &Query::of_piece(table, row, &piece.xml)))
            .collect();
        let replies =
            if parts.is_empty() { Vec::new() } else { self.wire.read(caller, &parts).await? };
        let mut replies = replies.iter();
        pieces
            .iter()
            .map(|piece| {
                let reply = if piece.stands_alone { replies.next() } else { None };
                let holds = reply.map(returned).transpose()?.flatten();
                Ok(ConditionAnswer { text: piece.text.clone(), holds })
            })
            .collect()
    }

    /// Returns rows whose subject or full name holds a text, newest first.
    pub(super) async fn search_rows(
        &self,
        mailbox: &Mailbox,
        text: &str,
        most: usize,
    ) -> Result<Vec<(Kind, NativeId)>, SideError> {
        let parts: Vec<Part> = Kind::ALL
            .into_iter()
            .map(|kind| {
                let table = Table::of(kind);
                let column = if kind == Kind::Contact { "fullname" } else { "subject" };
                let query = Query::holding(table, column, text, most).unpaged();
                Part::get(format!("{}?fetchXml={}", table.set, encode(&query)))
            })
            .collect();
        let replies = self.wire.read(Some(mailbox.object_id), &parts).await?;
        let mut found = Vec::new();
        for (kind, reply) in Kind::ALL.into_iter().zip(&replies) {
            // A table that the user may not read holds nothing for him.
            let rows = if reply.is_success() { rows(reply)? } else { Vec::new() };
            let key = Table::of(kind).key;
            let ids = rows.iter().filter_map(|row| read::guid(row, key));
            found.extend(ids.map(|id| (kind, NativeId::new(id.to_string()))));
        }
        Ok(found)
    }
}

fn stored_part(set: &str, key: &str, filter: &str) -> Part {
    let columns = format!("{key},name,fetchxml,returnedtypecode,statecode");
    Part::get(format!("{set}?$select={columns}&$filter={}", encode(filter)))
}

fn stored(
    reply: &PartReply,
    key: &str,
    of_organization: bool,
    kind: Kind,
) -> Result<Vec<Stored>, SideError> {
    if !reply.is_success() {
        return Err(errors::into_side_error(reply));
    }
    let text = |row: &Json, name: &str| {
        row.get(name).and_then(Json::as_str).unwrap_or_default().to_owned()
    };
    let own = |row: &&Json| {
        let active = row.get("statecode").and_then(Json::as_i64).unwrap_or(0) == 0;
        active && text(row, "returnedtypecode") == kind.table()
    };
    let read = |row: &Json| {
        let id = read::guid(row, key)?;
        Some(Stored { id, name: text(row, "name"), of_organization, text: text(row, "fetchxml") })
    };
    Ok(rows(reply)?.iter().filter(own).filter_map(read).collect())
}

fn part(table: &Table, query: &Query) -> Part {
    Part::get(format!("{}?fetchXml={}", table.set, encode(&query.page(1, None))))
}

fn rows(reply: &PartReply) -> Result<Vec<Json>, SideError> {
    let page = json(reply)?;
    let rows = page.get("value").and_then(Json::as_array).cloned();
    rows.ok_or_else(|| SideError::Unreadable { reason: "an inquiry: no list".into() })
}

/// Tells whether a query returned the row; `None` when the service refuses the query.
fn returned(reply: &PartReply) -> Result<Option<bool>, SideError> {
    if reply.is_success() {
        return Ok(Some(!rows(reply)?.is_empty()));
    }
    if errors::spoils_all(reply) { Err(errors::into_side_error(reply)) } else { Ok(None) }
}
