//! One sweep of one mailbox: which rows do the user's filters return now, at which versions, and
//! what of that is new (FILT-01..FILT-05, FILT-09, FILT-10, FILT-17).
//!
//! One batch when nothing changed: the filters themselves, the queries of the filters remembered
//! from the last cycle, and the versions of known rows that no filter returns. Absent on purpose:
//! what an absent row means; the cycle probes it by id (promise 3).

mod reading;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tracing::warn;
use uuid::Uuid;

use super::DataverseSide;
use super::batch::{Part, PartReply};
use super::errors;
use super::fetchxml::{self, Query};
use super::filters::{self, Answered, Filter};
use super::map::Table;
use super::page::Page;
use super::rest::{self, SweepRest};
use super::series::{self, Parts};
use super::wire::{MAX_PAGES, PAGING, encode};
use crate::domain::ids::{NativeId, Version};
use crate::domain::kind::Kind;
use crate::domain::observation::Presence;
use crate::ports::error::{PullError, SideError};
use crate::ports::side::{Known, PullAsk, Pulled};

/// Ids in one watching query: 500 encoded values stay well below the longest URL of a batch.
const WATCHED_IDS: usize = 500;

/// A row of any table.
pub(super) type Row = (Kind, Uuid);

/// Rows to read in full, and known rows that are gone from view.
type Compared = (Vec<Wanted>, Vec<(Kind, NativeId)>);

/// A row to read in full: where it stands, and the version that the query showed.
type Wanted = (Row, Presence, Version);

/// One query of a sweep.
struct Question {
    table: &'static Table,
    query: Arc<Query>,
    purpose: Purpose,
}

/// What a query is asked for: a filter of the user; to watch known rows; to watch the exceptions
/// of known series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Filter,
    Watch,
    Parts,
}

/// The first page of each query, and the kinds whose filter cannot be used.
struct Asked {
    pages: Vec<(Question, PartReply)>,
    unusable: Vec<Kind>,
}

/// A row that a query returned.
struct Found {
    version: Version,
    /// The store knows it.
    known: bool,
}

/// What the queries answered.
#[derive(Default)]
struct Swept {
    /// Rows that some filter returns.
    matched: HashMap<Row, Found>,
    /// Known rows that the user may still read, returned by a filter or not.
    watched: HashMap<Row, Found>,
    /// Kinds of which some filter gave no answer: an absent row means nothing.
    unanswered: HashSet<Kind>,
    /// The exceptions of known series.
    parts: HashMap<Uuid, Parts>,
    /// Kinds of which some watching query gave no answer.
    unwatched: HashSet<Kind>,
}

impl DataverseSide {
    /// Answers a pull. What stands there now is compared by id, and no log of changes is read, so it
    /// does not matter how long a mailbox was away (SCH-07).
    pub(super) async fn sweep(&self, ask: &PullAsk<'_>) -> Result<Pulled, PullError> {
        let old = ask.rest.and_then(SweepRest::read);
        let watched = match &old {
            Some(rest) => rest.watched.clone(),
            None => rest::watched(ask.known.load().await?),
        };
        let asked = self.ask_all(ask, &watched).await?;
        let digest = self.digest(&asked);
        if old.is_some_and(|rest| rest.digest == digest) {
            return Ok(Pulled { rest: ask.rest.cloned(), ..Pulled::default() });
        }
        let filters = self.remembered_tally(ask.mailbox);
        let known = ask.known.load().await?;
        let caller = ask.mailbox.object_id;
        let mut swept = Swept::default();
        let one_page = self.take_pages(caller, asked, &mut swept).await?;
        swept.whole_series();
        let complete = one_page && swept.is_complete();
        let (wanted, missing) = swept.compare(known);
        if wanted.is_empty() && missing.is_empty() {
            let rest = complete.then(|| SweepRest { digest, watched }.write());
            return Ok(Pulled { rest, filters, ..Pulled::default() });
        }
        let pulled = self.read_all(caller, known, &wanted, missing).await?;
        Ok(Pulled { filters, ..pulled })
    }

    /// Asks the remembered filters, and the present ones where they differ. Returns the first
    /// page of each query.
    async fn ask_all(&self, ask: &PullAsk<'_>, watched: &[Row]) -> Result<Asked, SideError> {
        let mailbox = ask.mailbox;
        let caller = Some(mailbox.object_id);
        let remembered = self.filters.remembered(&mailbox.key).map(|it| it.filters);
        let mut parts = vec![filters::of_user(mailbox.user)];
        if !self.filters.is_fresh(ask.now) {
            parts.push(filters::of_system());
        }
        let fixed = parts.len();
        let mut questions = of_filters(remembered.as_deref().unwrap_or_default());
        questions.extend(of_watched(watched));
        parts.extend(questions.iter().map(|question| question.part(1, None)));
        let mut replies = self.wire.read(caller, &parts).await?;
        let answers = replies.split_off(fixed);

        let answered = Answered { own: &replies[0], system: replies.get(1) };
        let present = self.filters.learn(&mailbox.key, &self.digests, &answered, ask.now)?;
        let mut pages: Vec<(Question, PartReply)> = questions.into_iter().zip(answers).collect();
        if remembered.as_ref() != Some(&present) {
            pages.retain(|(question, _)| question.purpose != Purpose::Filter);
            let again = of_filters(&present);
            let parts: Vec<Part> = again.iter().map(|question| question.part(1, None)).collect();
            let answers = self.wire.read(caller, &parts).await?;
            pages.extend(again.into_iter().zip(answers));
        }
        let unusable = present.iter().filter(|filter| filter.query.is_none());
        Ok(Asked { pages, unusable: unusable.map(|filter| filter.kind).collect() })
    }

    /// Returns the digest of everything that a sweep concludes from.
    fn digest(&self, asked: &Asked) -> u128 {
        self.digests.digest(|digester| {
            for (question, reply) in &asked.pages {
                digester.bytes(question.table.set.as_bytes());
                digester.number(question.purpose as u16);
                digester.number(reply.status);
                digester.bytes(&reply.body);
            }
            asked.unusable.iter().for_each(|kind| digester.bytes(kind.table().as_bytes()));
        })
    }

    /// Takes the answers and asks for further pages, all open queries in one batch. Returns whether
    /// the first pages were all there is.
    async fn take_pages(
        &self,
        caller: Uuid,
        asked: Asked,
        swept: &mut Swept,
    ) -> Result<bool, SideError> {
        swept.unanswered.extend(asked.unusable);
        let mut pages = asked.pages;
        for page in 2..=MAX_PAGES + 1 {
            let mut open = Vec::new();
            let mut parts = Vec::new();
            for (question, reply) in pages {
                if let Some(cookie) = swept.take(&question, &reply)? {
                    parts.push(question.part(page, cookie.as_deref()));
                    open.push(question);
                }
            }
            if open.is_empty() {
                return Ok(page == 2);
            }
            if page > MAX_PAGES {
                break;
            }
            pages = open.into_iter().zip(self.wire.read(Some(caller), &parts).await?).collect();
        }
        Err(SideError::TooLarge { reason: format!("a filter returns over {MAX_PAGES} pages") })
    }
}

/// Asks each filter as it stands (FILT-13, FILT-14); a table without one is not asked for (FILT-10).
fn of_filters(filters: &[Filter]) -> Vec<Question> {
    let usable = filters.iter().filter_map(|filter| {
        let query = filter.query.clone()?;
        Some(Question { table: Table::of(filter.kind), query, purpose: Purpose::Filter })
    });
    usable.collect()
}

/// Watches the known rows that no filter is expected to return.
fn of_watched(rows: &[Row]) -> Vec<Question> {
    let mut questions = Vec::new();
    for kind in Kind::ALL {
        let table = Table::of(kind);
        let ids: Vec<Uuid> = rows.iter().filter(|row| row.0 == kind).map(|(_, id)| *id).collect();
        questions.extend(ids.chunks(WATCHED_IDS).map(|ids| {
            let query = Arc::new(fetchxml::versions_of(table, ids));
            Question { table, query, purpose: Purpose::Watch }
        }));
    }
    let series = rows.iter().filter(|row| row.0 == Kind::RecurringAppointment);
    let (table, purpose) = (Table::of(Kind::Appointment), Purpose::Parts);
    questions.extend(
        series.map(|(_, id)| *id).collect::<Vec<_>>().chunks(WATCHED_IDS).map(|ids| Question {
            table,
            query: Arc::new(fetchxml::exceptions_of(ids)),
            purpose,
        }),
    );
    questions
}

impl Question {
    fn part(&self, page: u32, cookie: Option<&str>) -> Part {
        let set = self.table.set;
        let path = if page == 1 {
            format!("{set}?fetchXml={}", self.query.first())
        } else {
            format!("{set}?fetchXml={}", encode(&self.query.page(page, cookie)))
        };
        Part::get(path).with("Prefer", PAGING)
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
            warn!(%kind, status, code, purpose = ?question.purpose, "a query was refused");
            match question.purpose {
                Purpose::Filter => self.unanswered.insert(kind),
                Purpose::Watch => self.unwatched.insert(kind),
                Purpose::Parts => return Err(errors::into_side_error(reply)),
            };
            return Ok(None);
        }
        let page = Page::read(&reply.body).ok_or_else(unreadable)?;
        for row in &page.rows {
            let id = row.id(question.table).ok_or_else(unreadable)?;
            // One without a version differs from what is known: it is read in full and judged then.
            let version = row.version().unwrap_or_else(|| Version::new(""));
            let found = match question.purpose {
                Purpose::Parts => {
                    series::add(&mut self.parts, row.series(), &version).ok_or_else(unreadable)?;
                    continue;
                }
                // REC-07: an occurrence is no item of its own.
                Purpose::Filter if row.is_occurrence() => continue,
                Purpose::Filter => &mut self.matched,
                Purpose::Watch => &mut self.watched,
            };
            found.insert((kind, id), Found { version, known: false });
        }
        Ok(page.has_more().then(|| fetchxml::cookie(page.cookie.as_deref()?)))
    }

    /// A changed exception is a change of its series.
    fn whole_series(&mut self) {
        for found in [&mut self.matched, &mut self.watched] {
            let all = found.iter_mut().filter(|((kind, _), _)| *kind == Kind::RecurringAppointment);
            for ((_, id), found) in all {
                found.version = series::whole(&found.version, self.parts.get(id));
            }
        }
    }

    /// Tells whether every filter and every watching query was answered.
    fn is_complete(&self) -> bool {
        self.unanswered.is_empty() && self.unwatched.is_empty()
    }

    /// Holds the answers against what is known. A row that no link knows is new, however old it is
    /// (FILT-16); a known one that no filter returned is missing until a probe says more.
    fn compare(&mut self, known: &[Known]) -> Compared {
        let mut wanted = Vec::new();
        let mut missing = Vec::new();
        for known in known {
            let Ok(id) = Uuid::try_parse(known.id.as_str()) else { continue };
            let row = (known.kind, id);
            if let Some(found) = self.matched.get_mut(&row) {
                found.known = true;
                // A row that matches again is news even if it did not change.
                if !known.expected || known.version.as_ref() != Some(&found.version) {
                    wanted.push((row, Presence::Present, found.version.clone()));
                }
            } else if let Some(found) = self.watched.get(&row).filter(|_| !known.expected) {
                if known.version.as_ref() != Some(&found.version) {
                    wanted.push((row, Presence::LeftFilter, found.version.clone()));
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
        let fresh = self.matched.iter().filter(|(_, found)| !found.known);
        let present = |row, found: &Found| (row, Presence::Present, found.version.clone());
        wanted.extend(fresh.map(|(row, found)| present(*row, found)));
        // Answers come from maps: sorted, so that every run does the same in the same order.
        wanted.sort_unstable_by_key(|(row, ..)| *row);
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
