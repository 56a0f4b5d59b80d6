//! One sweep of one mailbox: which rows do the user's filters return now, at which versions, and
//! what of that is new (FILT-01..FILT-05, FILT-09, FILT-10, FILT-17).
//!
//! One batch when nothing changed: the filters themselves, the queries of the filters remembered
//! from the last cycle, and the versions of known rows that no filter returns. Absent on purpose:
//! what an absent row means; the cycle probes it by id (promise 3).

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;
use tracing::warn;
use uuid::Uuid;

use super::DataverseSide;
use super::batch::{Part, PartReply};
use super::errors::{self, Verdict};
use super::fetchxml::{self, Query};
use super::filters::{self, Filter};
use super::lookup::ROWS_PER_STRIDE;
use super::map::{Table, read};
use super::wire::{MAX_PAGES, PAGING, encode, json};
use crate::domain::ids::{NativeId, Version};
use crate::domain::kind::Kind;
use crate::domain::observation::{Observation, Presence};
use crate::ports::error::SideError;
use crate::ports::side::{Known, PullAsk, Pulled};

/// Ids in one watching query: 500 encoded values stay well below the longest URL of a batch.
const WATCHED_IDS: usize = 500;

/// A row of any table.
type Row = (Kind, Uuid);

/// Rows to read in full, and known rows that are gone from view.
type Compared = (Vec<(Row, Presence)>, Vec<(Kind, NativeId)>);

/// One query of a sweep.
struct Question {
    table: &'static Table,
    query: Query,
    /// It watches known rows; it is no filter.
    watch: bool,
}

/// What the queries answered.
#[derive(Default)]
struct Swept {
    /// Rows that some filter returns.
    matched: HashMap<Row, Version>,
    /// Known rows that the user may still read, returned by a filter or not.
    watched: HashMap<Row, Version>,
    /// Kinds of which some filter gave no answer: an absent row means nothing.
    unanswered: HashSet<Kind>,
    /// Kinds of which some watching query gave no answer.
    unwatched: HashSet<Kind>,
}

impl DataverseSide {
    /// Answers a pull.
    pub(super) async fn sweep(&self, ask: &PullAsk<'_>) -> Result<Pulled, SideError> {
        let swept = self.ask_all(ask).await?;
        let (wanted, mut missing) = swept.compare(ask.known);
        let known: HashSet<(Kind, &str)> =
            ask.known.iter().map(|known| (known.kind, known.id.as_str())).collect();
        let mut observations = Vec::with_capacity(wanted.len());
        for group in wanted.chunks(ROWS_PER_STRIDE) {
            match self.read_wanted(ask.mailbox.object_id, group).await {
                Ok(rows) => {
                    for (row, seen) in rows {
                        match seen {
                            Some(seen) => observations.push(seen),
                            // It went away between the query and the read.
                            None if known.contains(&(row.0, row.1.as_str())) => missing.push(row),
                            None => {}
                        }
                    }
                }
                // A first load larger than the budget makes progress: what was not read now is
                // as new in the next sweep.
                Err(error @ SideError::Throttled { .. }) if !observations.is_empty() => {
                    let (read, wanted) = (observations.len(), wanted.len());
                    warn!(%error, read, wanted, "the rest of the rows is read in the next cycle");
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Pulled { observations, missing, ..Pulled::default() })
    }

    /// Reads rows in full; `None` stands for a row that the user cannot see any more.
    async fn read_wanted(
        &self,
        user: Uuid,
        wanted: &[(Row, Presence)],
    ) -> Result<Vec<((Kind, NativeId), Option<Observation>)>, SideError> {
        let ids: Vec<(&'static Table, NativeId)> =
            wanted.iter().map(|((kind, id), _)| (Table::of(*kind), native(*id))).collect();
        let replies = self.rows(Some(user), &ids).await?;
        let mut rows = Vec::with_capacity(ids.len());
        for ((table, id), ((_, presence), reply)) in
            ids.into_iter().zip(wanted.iter().zip(&replies))
        {
            let seen = match errors::judge(reply) {
                Verdict::Fine => Some(read::observe(table, &id, &json(reply)?, *presence)),
                Verdict::Missing | Verdict::Denied => None,
                Verdict::Throttled(_)
                | Verdict::Unavailable
                | Verdict::Precondition
                | Verdict::Refused => return Err(errors::into_side_error(reply)),
            };
            rows.push(((table.kind, id), seen));
        }
        Ok(rows)
    }

    /// Asks the remembered filters, and the present ones where they differ.
    async fn ask_all(&self, ask: &PullAsk<'_>) -> Result<Swept, SideError> {
        let mailbox = ask.mailbox;
        let caller = Some(mailbox.object_id);
        let remembered = self.filters.remembered(&mailbox.key).unwrap_or_default();
        let system = self.filters.system(ask.now);
        let mut parts = vec![filters::of_user(mailbox.user)];
        if system.is_none() {
            parts.push(filters::of_system());
        }
        let fixed = parts.len();
        let mut questions = of_filters(&remembered);
        questions.extend(of_known(ask.known));
        parts.extend(questions.iter().map(|question| question.part(1, None)));
        let mut replies = self.wire.read(caller, &parts).await?;
        let answers = replies.split_off(fixed);

        let mut present = filters::parse(&replies[0])?;
        present.extend(match (system, replies.get(1)) {
            (Some(filters), _) => filters,
            (None, Some(reply)) => self.filters.learn_system(reply, ask.now)?,
            (None, None) => Vec::new(),
        });
        let present = self.filters.remember(&mailbox.key, present);

        let mut asked: Vec<(Question, PartReply)> = questions.into_iter().zip(answers).collect();
        if present != remembered {
            asked.retain(|(question, _)| question.watch);
            let again = of_filters(&present);
            let parts: Vec<Part> = again.iter().map(|question| question.part(1, None)).collect();
            let answers = self.wire.read(caller, &parts).await?;
            asked.extend(again.into_iter().zip(answers));
        }
        let mut swept = Swept::default();
        let unusable = present.iter().filter(|filter| filter.query.is_none());
        swept.unanswered.extend(unusable.map(|filter| filter.kind));
        self.take_pages(caller, asked, &mut swept).await?;
        Ok(swept)
    }

    /// Takes the answers and asks for further pages, all open queries in one batch.
    async fn take_pages(
        &self,
        caller: Option<Uuid>,
        mut asked: Vec<(Question, PartReply)>,
        swept: &mut Swept,
    ) -> Result<(), SideError> {
        for page in 2..=MAX_PAGES + 1 {
            let mut open = Vec::new();
            let mut parts = Vec::new();
            for (question, reply) in asked {
                if let Some(cookie) = swept.take(&question, &reply)? {
                    parts.push(question.part(page, cookie.as_deref()));
                    open.push(question);
                }
            }
            if open.is_empty() {
                return Ok(());
            }
            if page > MAX_PAGES {
                break;
            }
            asked = open.into_iter().zip(self.wire.read(caller, &parts).await?).collect();
        }
        Err(SideError::TooLarge { reason: format!("a filter returns over {MAX_PAGES} pages") })
    }
}

fn of_filters(filters: &[Filter]) -> Vec<Question> {
    let usable = filters.iter().filter_map(|filter| {
        let query = filter.query.clone()?;
        Some(Question { table: Table::of(filter.kind), query, watch: false })
    });
    usable.collect()
}

/// Watches the known rows that no filter is expected to return.
fn of_known(known: &[Known]) -> Vec<Question> {
    let mut questions = Vec::new();
    for kind in Kind::ALL {
        let table = Table::of(kind);
        let ids: Vec<Uuid> = known
            .iter()
            .filter(|known| known.kind == kind && !known.expected)
            .filter_map(|known| Uuid::try_parse(known.id.as_str()).ok())
            .collect();
        questions.extend(ids.chunks(WATCHED_IDS).map(|ids| {
            let query = fetchxml::versions_of(table, ids);
            Question { table, query, watch: true }
        }));
    }
    questions
}

impl Question {
    fn part(&self, page: u32, cookie: Option<&str>) -> Part {
        let text = encode(&self.query.page(page, cookie));
        Part::get(format!("{}?fetchXml={text}", self.table.set)).with("Prefer", PAGING)
    }
}

impl Swept {
    /// Takes one page. Returns `Some` with its cookie when there are more.
    fn take(
        &mut self,
        question: &Question,
        reply: &PartReply,
    ) -> Result<Option<Option<String>>, SideError> {
        let kind = question.table.kind;
        if !reply.is_success() {
            if errors::spoils_all(reply) {
                return Err(errors::into_side_error(reply));
            }
            let (status, code) = (reply.status, errors::code(&reply.body));
            warn!(%kind, status, code, watch = question.watch, "a query was refused");
            let silent = if question.watch { &mut self.unwatched } else { &mut self.unanswered };
            silent.insert(kind);
            return Ok(None);
        }
        let page = json(reply)?;
        let rows = page.get("value").and_then(Json::as_array).ok_or_else(unreadable)?;
        let found = if question.watch { &mut self.watched } else { &mut self.matched };
        for row in rows {
            let id = read::guid(row, question.table.key).ok_or_else(unreadable)?;
            found.insert((kind, id), read::version(row).ok_or_else(unreadable)?);
        }
        let more = page.get("@Microsoft.Dynamics.CRM.morerecords").and_then(Json::as_bool);
        let cookie = page.get("@Microsoft.Dynamics.CRM.fetchxmlpagingcookie");
        let next = page.get("@odata.nextLink").is_some();
        Ok((more.unwrap_or(next)).then(|| fetchxml::cookie(cookie?.as_str()?)))
    }

    /// Holds the answers against what is known.
    fn compare(&self, known: &[Known]) -> Compared {
        let mut wanted = Vec::new();
        let mut missing = Vec::new();
        let mut fresh = self.matched.clone();
        for known in known {
            let Ok(id) = Uuid::try_parse(known.id.as_str()) else { continue };
            let row = (known.kind, id);
            fresh.remove(&row);
            if let Some(version) = self.matched.get(&row) {
                // A row that matches again is news even if it did not change.
                if !known.expected || known.version.as_ref() != Some(version) {
                    wanted.push((row, Presence::Present));
                }
            } else if let Some(version) = self.watched.get(&row) {
                if known.version.as_ref() != Some(version) {
                    wanted.push((row, Presence::LeftFilter));
                }
            } else {
                let silent = if known.expected { &self.unanswered } else { &self.unwatched };
                // A row last seen gone has no version: its absence is no news.
                let expected = known.expected || known.version.is_some();
                if expected && !silent.contains(&known.kind) {
                    missing.push((known.kind, known.id.clone()));
                }
            }
        }
        wanted.extend(fresh.into_keys().map(|row| (row, Presence::Present)));
        // Answers come from maps: sorted, so that every run does the same in the same order.
        wanted.sort_unstable_by_key(|(row, _)| *row);
        (wanted, missing)
    }
}

fn native(id: Uuid) -> NativeId {
    NativeId::new(id.to_string())
}

fn unreadable() -> SideError {
    SideError::Unreadable { reason: "a query's answer lacks ids or versions".into() }
}

#[cfg(test)]
mod tests;
