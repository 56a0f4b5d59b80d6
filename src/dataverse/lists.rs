//! Many rows of one table by their ids in one request, which counts as one against the quota.
//!
//! A list only saves requests. A row that it does not return whole is asked for by itself (`lookup`): a list
//! leaves out what is deleted and what the caller may not read alike, and says neither. So a refused list,
//! one that is too long to be read and one of which the service kept back a page all end there.

use std::collections::{BTreeMap, HashMap};

use serde::de::IgnoredAny;
use serde_json::Value as Json;
use serde_json::value::RawValue;
use tracing::warn;
use uuid::Uuid;

use super::DataverseSide;
use super::batch::{Part, PartReply};
use super::errors::{self, Verdict};
use super::lookup::{Key, may_lie_in_one};
use super::map::{Table, party, read};
use super::series;
use super::wire::{LOOKUPS, encode, json};
use crate::domain::ids::NativeId;
use crate::domain::kind::Kind;
use crate::ports::error::SideError;

/// One row of a table is asked for as such: its list would be a request, too.
const FEWEST: usize = 2;

/// Ids in one list. A hundred encoded ids are 4,500 characters; with the columns of the widest table the
/// URL stays far below what a GET may have, inside of a batch or outside (protocols B6).
const IDS_PER_LIST: usize = 100;

/// One list: the table, and the places of its rows among those that are wanted.
pub(super) struct List {
    table: &'static Table,
    places: Vec<(usize, Uuid)>,
}

/// A list as it is answered; the rows are read where they are needed.
#[derive(serde::Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
}

impl DataverseSide {
    /// Reads rows by lists, where there are enough of a table. Returns for each row the reply that it
    /// would have got alone, or nothing when no list returned it whole.
    pub(super) async fn listed(
        &self,
        caller: Option<Uuid>,
        wanted: &[Key],
    ) -> Result<Vec<Option<PartReply>>, SideError> {
        let mut found = vec![None; wanted.len()];
        let lists = lists_of(wanted.iter().enumerate().map(|(at, (table, id))| (at, *table, id)));
        if lists.is_empty() {
            return Ok(found);
        }
        let parts: Vec<Part> = lists.iter().map(List::part).collect();
        let replies = match self.wire.read(caller, &parts).await {
            Ok(replies) => replies,
            Err(error) if may_lie_in_one(&error) => {
                warn!(%error, "lists of rows cannot be read: one row after the other is");
                return Ok(found);
            }
            Err(error) => return Err(error),
        };
        for (list, reply) in lists.iter().zip(&replies) {
            if let Verdict::Throttled(_) = errors::judge(reply) {
                return Err(errors::into_side_error(reply));
            }
            list.take(reply, &mut found);
        }
        Ok(found)
    }

    /// Reads the exceptions of series by lists. Returns nothing for a series whose list was refused or
    /// has more pages.
    pub(super) async fn listed_exceptions(
        &self,
        caller: Option<Uuid>,
        series: &[&NativeId],
    ) -> Result<Vec<Option<Vec<Json>>>, SideError> {
        let ids: Vec<Uuid> =
            series.iter().filter_map(|id| Uuid::try_parse(id.as_str()).ok()).collect();
        if ids.len() < FEWEST || ids.len() < series.len() {
            return Ok(vec![None; series.len()]);
        }
        let condition = |ids: &[Uuid]| series::exceptions_where(&one_of("seriesid", ids));
        let parts: Vec<Part> = ids.chunks(IDS_PER_LIST).map(condition).collect();
        let replies = match self.wire.read(caller, &parts).await {
            Ok(replies) => replies,
            Err(error) if may_lie_in_one(&error) => {
                warn!(%error, "lists of exceptions cannot be read: one series after the other is");
                return Ok(vec![None; series.len()]);
            }
            Err(error) => return Err(error),
        };
        let mut found = Vec::with_capacity(series.len());
        for (ids, reply) in ids.chunks(IDS_PER_LIST).zip(&replies) {
            if let Verdict::Throttled(_) = errors::judge(reply) {
                return Err(errors::into_side_error(reply));
            }
            let mut lists = by_series(reply);
            let take = |id| lists.as_mut().map(|lists| lists.remove(id).unwrap_or_default());
            found.extend(ids.iter().map(take));
        }
        Ok(found)
    }
}

/// Returns exceptions by their series, if the reply tells all of them.
fn by_series(reply: &PartReply) -> Option<HashMap<Uuid, Vec<Json>>> {
    let page = if reply.is_success() { json(reply).ok()? } else { return None };
    if page.get("@odata.nextLink").is_some() {
        return None;
    }
    let mut lists: HashMap<Uuid, Vec<Json>> = HashMap::new();
    for row in page.get("value")?.as_array()? {
        lists.entry(read::guid(row, "seriesid")?).or_default().push(row.clone());
    }
    Some(lists)
}

/// Returns the condition that a column has one of these ids.
fn one_of(column: &str, ids: &[Uuid]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
    let ids = ids.join(",");
    format!("Microsoft.Dynamics.CRM.In(PropertyName='{column}',PropertyValues=[{ids}])")
}

/// Returns the lists that are worth their request, of rows with their places.
pub(super) fn lists_of<'a>(
    wanted: impl Iterator<Item = (usize, &'static Table, &'a NativeId)>,
) -> Vec<List> {
    let mut places: BTreeMap<Kind, Vec<(usize, Uuid)>> = BTreeMap::new();
    for (at, table, id) in wanted {
        if let Ok(id) = Uuid::try_parse(id.as_str()) {
            places.entry(table.kind).or_default().push((at, id));
        }
    }
    places.retain(|_, places| places.len() >= FEWEST);
    let mut lists = Vec::new();
    for (kind, places) in places {
        let chunks = places.chunks(IDS_PER_LIST).map(<[_]>::to_vec);
        lists.extend(chunks.map(|places| List { table: Table::of(kind), places }));
    }
    lists
}

impl List {
    /// Returns the request: columns, parties and annotations as for one row (`lookup::complete`). What a
    /// browser's cache would keep of the parties is not wanted (webapi/query/join-tables).
    pub(super) fn part(&self) -> Part {
        let Table { set, key, .. } = self.table;
        let ids: Vec<Uuid> = self.places.iter().map(|(_, id)| *id).collect();
        let filter = encode(&one_of(key, &ids));
        Part::get(format!("{set}?{}&$filter={filter}", self.table.complete()))
            .with("Prefer", LOOKUPS)
            .with("If-None-Match", "null")
    }

    /// Returns the places of its rows.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> + '_ {
        self.places.iter().map(|(at, _)| *at)
    }

    /// Gives each row of an answer its place; a list that is refused has none.
    pub(super) fn take(&self, reply: &PartReply, found: &mut [Option<PartReply>]) {
        if errors::judge(reply) != Verdict::Fine {
            let (status, code) = (reply.status, errors::code(&reply.body));
            warn!(kind = %self.table.kind, status, code, "a list of rows was refused");
            return;
        }
        let Ok(answer) = serde_json::from_slice::<Answer<'_>>(&reply.body) else {
            warn!(kind = %self.table.kind, "a list of rows is none");
            return;
        };
        let rows: HashMap<Uuid, &RawValue> = answer
            .value
            .into_iter()
            .filter_map(|row| Some((whole(self.table, row)?, row)))
            .collect();
        for (at, id) in &self.places {
            if let Some(row) = rows.get(id) {
                let body = row.get().as_bytes().to_vec();
                found[*at] = Some(PartReply { status: 200, headers: Box::default(), body });
            }
        }
    }
}

/// Returns the id of a row that came with all of its parties.
fn whole(table: &Table, row: &RawValue) -> Option<Uuid> {
    let members: HashMap<&str, &RawValue> = serde_json::from_str(row.get()).ok()?;
    let text = |name: &str| serde_json::from_str::<String>(members.get(name)?.get()).ok();
    let id = Uuid::try_parse(&text(table.key)?).ok()?;
    if let Some(navigation) = table.parties {
        let parties = members.get(navigation)?.get();
        let count = serde_json::from_str::<Vec<IgnoredAny>>(parties).ok()?.len();
        let link = format!("{navigation}@odata.nextLink");
        let link = match members.get(link.as_str()) {
            Some(_) => Some(text(&link)?),
            None => None,
        };
        if !party::is_whole(count, link.as_deref()) {
            return None;
        }
    }
    Some(id)
}

#[cfg(test)]
mod tests;
