//! The synchronization filters of users and of the organization (FILT-09..FILT-12), remembered
//! between cycles so that an idle cycle needs one request.
//!
//! The memory is a cache: losing it costs one more request, never a wrong result, because each
//! cycle reads the filters anew and compares.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value as Json;
use tracing::warn;

use super::batch::{Part, PartReply};
use super::digest::DigestKey;
use super::errors;
use super::fetchxml::{self, Query};
use super::map::Table;
use super::wire::{encode, json};
use crate::domain::ids::{MailboxKey, UserId};
use crate::domain::kind::Kind;
use crate::ports::error::SideError;

/// `querytype` OutlookFilters, of `userquery` and `savedquery` alike (FILT-11).
pub(super) const OUTLOOK_FILTERS: u32 = 256;

/// How long the organization's filters are believed. Administrators change them rarely.
const SYSTEM_FILTERS_LAST: TimeDelta = TimeDelta::minutes(15);

/// More filters than this for one user are taken for a mistake.
const MAX_FILTERS: usize = 200;

/// One filter: the rows of one table that the user wants in Exchange.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Filter {
    /// The table's kind.
    pub(super) kind: Kind,
    /// The rewritten query; `None` when the filter cannot be used. Then nothing is known of the
    /// table's rows, which is not the same as "no rows".
    pub(super) query: Option<Arc<Query>>,
}

/// The filters of one user, in order, without repetition.
pub(super) type Filters = Arc<[Filter]>;

/// What is remembered.
#[derive(Default)]
pub(super) struct FilterCache(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    system: Option<System>,
    /// How often the organization's filters changed.
    changes: u64,
    users: HashMap<MailboxKey, Remembered>,
    /// Most users have the same filters: one list in memory serves them all.
    lists: HashSet<Filters>,
}

/// The organization's filters as they were read.
#[derive(Clone)]
struct System {
    read: DateTime<Utc>,
    change: u64,
    filters: Arc<[Filter]>,
}

/// The filters of one user, and what they were made of.
#[derive(Clone)]
pub(super) struct Remembered {
    /// The filters.
    pub(super) filters: Filters,
    /// How many are the user's own, active or not, on whatever table.
    pub(super) rows: usize,
    /// The digest of the answer with the user's own.
    own: u128,
    /// The state of the organization's.
    system: u64,
}

/// The answers of one sweep from which its filters follow.
pub(super) struct Answered<'a> {
    /// The user's own.
    pub(super) own: &'a PartReply,
    /// The organization's, when they were asked.
    pub(super) system: Option<&'a PartReply>,
}

impl FilterCache {
    /// Returns the filters of the last cycle.
    pub(super) fn remembered(&self, mailbox: &MailboxKey) -> Option<Remembered> {
        self.lock().users.get(mailbox).cloned()
    }

    /// Tells whether the organization's filters are still believed.
    pub(super) fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        let memory = self.lock();
        memory.system.as_ref().is_some_and(|system| now - system.read < SYSTEM_FILTERS_LAST)
    }

    /// Returns the filters that follow from the answers and remembers them. Answers that are those
    /// of last time are not read again.
    pub(super) fn learn(
        &self,
        mailbox: &MailboxKey,
        key: &DigestKey,
        answered: &Answered<'_>,
        now: DateTime<Utc>,
    ) -> Result<Filters, SideError> {
        if let Some(reply) = answered.system {
            self.learn_system(reply, now)?;
        }
        let system = self.lock().system.clone();
        let change = system.as_ref().map_or(0, |system| system.change);
        let status = answered.own.status;
        let own = key.digest(|digester| {
            digester.number(status);
            digester.bytes(&answered.own.body);
        });
        let same = |old: &Remembered| old.own == own && old.system == change;
        if let Some(old) = self.remembered(mailbox).filter(same) {
            return Ok(old.filters);
        }
        let (rows, mut filters) = read(answered.own)?;
        filters.extend(system.into_iter().flat_map(|system| system.filters.to_vec()));
        Ok(self.remember(mailbox, (rows, filters), own, change))
    }

    /// Joins the filters of both sources and remembers them.
    fn remember(
        &self,
        mailbox: &MailboxKey,
        (rows, mut filters): (usize, Vec<Filter>),
        own: u128,
        system: u64,
    ) -> Filters {
        filters.sort_unstable();
        filters.dedup();
        let mut memory = self.lock();
        let list: Filters = filters.into();
        let list = memory.lists.get(&list).cloned().unwrap_or(list);
        memory.lists.insert(list.clone());
        let remembered = Remembered { filters: list.clone(), rows, own, system };
        memory.users.insert(mailbox.clone(), remembered);
        let users = memory.users.len();
        if memory.lists.len() > users * 2 + 16 {
            memory.lists.retain(|list| Arc::strong_count(list) > 1);
        }
        list
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        // The memory is consistent after any panic: every change is one insertion.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the organization's filters from a reply. A refusal leaves the old ones in force.
    fn learn_system(&self, reply: &PartReply, now: DateTime<Utc>) -> Result<(), SideError> {
        if !reply.is_success() {
            let spoilt = errors::spoils_all(reply) || self.lock().system.is_none();
            if spoilt {
                return Err(errors::into_side_error(reply));
            }
            let (status, code) = (reply.status, errors::code(&reply.body));
            warn!(status, code, "the organization's filters cannot be read; the old ones stay");
            return Ok(());
        }
        let filters: Arc<[Filter]> = parse(reply)?.into();
        let mut memory = self.lock();
        let old = memory.system.take().filter(|old| old.filters == filters);
        let (change, filters) = match old {
            Some(old) => (old.change, old.filters),
            None => (memory.changes + 1, filters),
        };
        memory.changes = change.max(memory.changes);
        memory.system = Some(System { read: now, change, filters });
        Ok(())
    }
}

/// Returns the request for a user's own filters: exactly these two conditions (FILT-12), the
/// state is judged here.
pub(super) fn of_user(user: UserId) -> Part {
    static OF_ANYBODY: LazyLock<String> = LazyLock::new(|| {
        let filter = format!("querytype eq {OUTLOOK_FILTERS} and _ownerid_value eq ");
        let select = "fetchxml,returnedtypecode,statecode";
        format!("userqueries?$select={select}&$filter={}", encode(&filter))
    });
    // A guid needs no encoding.
    Part::get(format!("{}{user}", *OF_ANYBODY))
}

/// Returns the request for the organization's filters (FILT-11).
pub(super) fn of_system() -> Part {
    let filter = format!("querytype eq {OUTLOOK_FILTERS}");
    Part::get(format!(
        "savedqueries?$select=fetchxml,returnedtypecode,statecode&$filter={}",
        encode(&filter)
    ))
}

/// Returns the active filters of a reply, on tables that are synchronized.
fn parse(reply: &PartReply) -> Result<Vec<Filter>, SideError> {
    Ok(read(reply)?.1)
}

/// Returns how many filters a reply has, and those that count: the active ones on tables that are
/// synchronized.
pub(super) fn read(reply: &PartReply) -> Result<(usize, Vec<Filter>), SideError> {
    if !reply.is_success() {
        return Err(errors::into_side_error(reply));
    }
    let page = json(reply)?;
    let rows = page.get("value").and_then(Json::as_array);
    let rows = rows.ok_or_else(|| SideError::Unreadable { reason: "filters: no list".into() })?;
    if rows.len() > MAX_FILTERS || page.get("@odata.nextLink").is_some() {
        return Err(SideError::TooLarge { reason: format!("more than {MAX_FILTERS} filters") });
    }
    Ok((rows.len(), rows.iter().filter_map(filter).collect()))
}

/// Returns an active filter on a table that is synchronized; other tables have none (FILT-15).
fn filter(row: &Json) -> Option<Filter> {
    let active = row.get("statecode").and_then(Json::as_i64).unwrap_or(0) == 0;
    let kind = Kind::from_table(row.get("returnedtypecode")?.as_str()?).filter(|_| active)?;
    let text = row.get("fetchxml").and_then(Json::as_str).unwrap_or_default();
    let own_table = |name: &str| Table::by_name(name).filter(|table| table.kind == kind);
    let query = match fetchxml::rewrite(text, own_table) {
        Ok((_, query)) if query.first().len() <= fetchxml::MAX_ENCODED => Some(Arc::new(query)),
        Ok(_) => unusable(kind, "it is too long"),
        Err(reason) => unusable(kind, reason),
    };
    Some(Filter { kind, query })
}

fn unusable(kind: Kind, reason: &str) -> Option<Arc<Query>> {
    warn!(%kind, reason, "a filter cannot be used; rows of its table are left as they are");
    None
}

#[cfg(test)]
mod tests;
