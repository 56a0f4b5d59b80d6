//! Rows by the identity of their meeting (APPT-IN-11), as the application: another user's copy counts, too.
//!
//! Identities are asked for by lists of many; alone where there is only one, where its text would not stand
//! in a list, and where a list gave no whole answer.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::DataverseSide;
use super::batch::{Part, PartReply};
use super::errors::{self, Verdict};
use super::lookup::may_lie_in_one;
use super::map::{Table, read};
use super::wire::{encode, json};
use crate::domain::ids::{GlobalId, NativeId};
use crate::domain::kind::Kind;
use crate::ports::error::SideError;

/// The kinds of rows that have the identity of a meeting.
const MEETINGS: [Kind; 2] = [Kind::Appointment, Kind::RecurringAppointment];

/// Identities in one list: 50 of the longest that a row holds stay below the longest URL.
const IDENTITIES_PER_LIST: usize = 50;

/// A row of each kind, in the order of `MEETINGS`.
type Rows = [Option<NativeId>; MEETINGS.len()];

impl DataverseSide {
    /// Returns for each identity its rows: the oldest of each kind.
    pub(super) async fn rows_of_meetings(
        &self,
        uids: &[&GlobalId],
    ) -> Result<Vec<Vec<(Kind, NativeId)>>, SideError> {
        let mut found: Vec<Rows> = vec![Rows::default(); uids.len()];
        let mut open: Vec<(usize, usize)> = Vec::new();
        let (plain, odd): (Vec<usize>, Vec<usize>) = (0..uids.len())
            .partition(|at| uids.len() > 1 && uids[*at].as_str().chars().all(stands_in_a_list));
        let lists: Vec<(usize, &[usize])> = (0..MEETINGS.len())
            .flat_map(|of| plain.chunks(IDENTITIES_PER_LIST).map(move |places| (of, places)))
            .collect();
        let parts: Vec<Part> = lists
            .iter()
            .map(|(of, places)| by_uids(MEETINGS[*of], places.iter().map(|at| uids[*at])))
            .collect();
        let replies = match self.wire.read(None, &parts).await {
            Ok(replies) => replies.into_iter().map(Some).collect(),
            Err(error) if may_lie_in_one(&error) => vec![None; parts.len()],
            Err(error) => return Err(error),
        };
        for ((of, places), reply) in lists.into_iter().zip(&replies) {
            if let Some(reply) = reply
                && let Verdict::Throttled(_) = errors::judge(reply)
            {
                return Err(errors::into_side_error(reply));
            }
            match reply.as_ref().and_then(oldest_of_each) {
                Some(rows) => places.iter().for_each(|at| {
                    found[*at][of] = rows.get(&folded(uids[*at].as_str())).cloned();
                }),
                None => open.extend(places.iter().map(|at| (*at, of))),
            }
        }
        open.extend(odd.iter().flat_map(|at| (0..MEETINGS.len()).map(|of| (*at, of))));
        let parts: Vec<Part> =
            open.iter().map(|(at, of)| by_uid(MEETINGS[*of], uids[*at])).collect();
        let replies = self.wire.read(None, &parts).await?;
        for ((at, of), reply) in open.into_iter().zip(&replies) {
            found[at][of] = oldest(reply)?;
        }
        let named = |rows: Rows| MEETINGS.into_iter().zip(rows);
        Ok(found
            .into_iter()
            .map(|rows| named(rows).filter_map(|(kind, id)| Some((kind, id?))).collect())
            .collect())
    }
}

/// Tells whether a character needs no quoting in a list of values. Exchange's identities are digits.
fn stands_in_a_list(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_.".contains(character)
}

/// The service compares texts without regard to case (webapi/query/filter-rows) or to spaces at the end.
fn folded(uid: &str) -> String {
    uid.trim_end_matches(' ').to_ascii_lowercase()
}

/// Of a series the master counts, and not the rows of its occurrences.
const fn own(kind: Kind) -> u8 {
    if matches!(kind, Kind::Appointment) { 0 } else { 1 }
}

fn by_uid(kind: Kind, uid: &GlobalId) -> Part {
    let uid = uid.as_str().replace('\'', "''");
    asked(kind, &format!("globalobjectid eq '{uid}'"))
}

fn by_uids<'a>(kind: Kind, uids: impl Iterator<Item = &'a GlobalId>) -> Part {
    let values: Vec<String> = uids.map(|uid| format!("'{}'", uid.as_str())).collect();
    let values = values.join(",");
    asked(
        kind,
        &format!(
            "Microsoft.Dynamics.CRM.In(PropertyName='globalobjectid',PropertyValues=[{values}])"
        ),
    )
}

fn asked(kind: Kind, condition: &str) -> Part {
    let filter = encode(&format!("{condition} and instancetypecode eq {}", own(kind)));
    let set = Table::of(kind).set;
    Part::get(format!("{set}?$select=activityid,createdon,globalobjectid&$filter={filter}"))
}

/// Returns the oldest row of a search.
fn oldest(reply: &PartReply) -> Result<Option<NativeId>, SideError> {
    if !reply.is_success() {
        return Err(errors::into_side_error(reply));
    }
    let page = json(reply)?;
    let rows = page.get("value").and_then(Json::as_array);
    let rows = rows.ok_or_else(|| SideError::Unreadable { reason: "a search: no list".into() })?;
    Ok(first(rows.iter()))
}

/// Returns the oldest row of each identity, if the reply tells of all.
fn oldest_of_each(reply: &PartReply) -> Option<HashMap<String, NativeId>> {
    let page = if reply.is_success() { json(reply).ok()? } else { return None };
    if page.get("@odata.nextLink").is_some() {
        return None;
    }
    let mut rows: HashMap<String, Vec<&Json>> = HashMap::new();
    for row in page.get("value")?.as_array()? {
        rows.entry(folded(row.get("globalobjectid")?.as_str()?)).or_default().push(row);
    }
    Some(rows.into_iter().filter_map(|(uid, rows)| Some((uid, first(rows.into_iter())?))).collect())
}

fn first<'a>(rows: impl Iterator<Item = &'a Json>) -> Option<NativeId> {
    let created = |row: &Json| row.get("createdon").and_then(Json::as_str).map(str::to_owned);
    let first = rows.filter_map(|row| Some((created(row), read::guid(row, "activityid")?))).min();
    first.map(|(_, id)| NativeId::new(id.to_string()))
}

#[cfg(test)]
mod tests;
