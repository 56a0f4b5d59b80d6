//! Rows by id and by key: complete reads, and the proof of what is gone (FILT-05, FILT-17).

use futures_util::future::try_join_all;
use tracing::warn;
use uuid::Uuid;

use super::DataverseSide;
use super::batch::{Part, PartReply};
use super::errors::{self, Verdict};
use super::map::{Table, read};
use super::wire::{LOOKUPS, json};
use crate::domain::code::Code;
use crate::domain::ids::NativeId;
use crate::domain::kind::Kind;
use crate::domain::observation::{Observation, Presence};
use crate::domain::policy::Mailbox;
use crate::ports::error::SideError;
use crate::ports::side::FindKey;

/// Complete rows in one batch: an appointment's body may take a megabyte.
const ROWS_PER_BATCH: usize = 50;

/// Batches under way at once for one mailbox; only a first load needs more than one.
const BATCHES_AT_ONCE: usize = 4;

/// Complete rows that are read at once.
pub(super) const ROWS_PER_STRIDE: usize = ROWS_PER_BATCH * BATCHES_AT_ONCE;

/// A row, by its table and its id.
pub(super) type Key = (&'static Table, NativeId);

impl DataverseSide {
    /// Reads rows in full and returns the replies in the order asked, whatever their status. Many of a table
    /// are read by lists; what those do not return is asked for alone, and only then is it judged.
    pub(super) async fn rows(
        &self,
        caller: Option<Uuid>,
        wanted: &[Key],
    ) -> Result<Vec<PartReply>, SideError> {
        let mut replies = Vec::with_capacity(wanted.len());
        for group in wanted.chunks(ROWS_PER_STRIDE) {
            let listed = self.listed(caller, group).await?;
            let open = group.iter().zip(&listed).filter(|(_, reply)| reply.is_none());
            let open: Vec<Key> = open.map(|(key, _)| key.clone()).collect();
            let batches =
                open.chunks(ROWS_PER_BATCH).map(|chunk| self.rows_of_batch(caller, chunk));
            let mut alone = try_join_all(batches).await?.into_iter().flatten();
            replies.extend(listed.into_iter().filter_map(|reply| reply.or_else(|| alone.next())));
        }
        Ok(replies)
    }

    /// Reads a batch of rows. One that is refused as a whole, or whose answer cannot be used, is
    /// halved until the row that spoils it is alone.
    pub(super) async fn rows_of_batch(
        &self,
        caller: Option<Uuid>,
        wanted: &[Key],
    ) -> Result<Vec<PartReply>, SideError> {
        let mut replies = Vec::with_capacity(wanted.len());
        let mut pending = vec![wanted];
        while let Some(chunk) = pending.pop() {
            let parts: Vec<Part> = chunk.iter().map(|(table, id)| complete(table, id)).collect();
            match self.wire.read(caller, &parts).await {
                Err(error) if chunk.len() > 1 && may_lie_in_one(&error) => {
                    let (first, second) = chunk.split_at(chunk.len() / 2);
                    pending.extend([second, first]);
                }
                Err(error) if may_lie_in_one(&error) => {
                    warn!(%error, "a row cannot be read");
                    replies.push(PartReply {
                        status: 0,
                        headers: Box::default(),
                        body: Vec::new(),
                    });
                }
                answer => replies.extend(answer?),
            }
        }
        Ok(replies)
    }

    /// Returns the present state of each row. Whether a filter matches is not known here:
    /// a readable row is `Present`, and the cycle, which knows the pull, makes it `LeftFilter`.
    pub(super) async fn fetch_rows(
        &self,
        mailbox: &Mailbox,
        items: &[(Kind, NativeId)],
    ) -> Result<Vec<Observation>, SideError> {
        let mut found: Vec<Option<Observation>> = vec![None; items.len()];
        let mut wanted = Vec::new();
        for (at, (kind, id)) in items.iter().enumerate() {
            if Uuid::try_parse(id.as_str()).is_ok() {
                wanted.push((at, Table::of(*kind), id.clone()));
            } else {
                // Not a row of ours: nothing is proven, so nothing may follow from it.
                let unfit = Some(Code::ReplyIncomplete);
                found[at] = Some(Observation { unfit, ..read::bare(*kind, id, Presence::Present) });
            }
        }
        let doubtful = self.present(mailbox.object_id, wanted, &mut found).await?;
        self.absent(doubtful, &mut found).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Reads as the user; returns the rows that the user cannot see.
    async fn present(
        &self,
        user: Uuid,
        wanted: Vec<(usize, &'static Table, NativeId)>,
        found: &mut [Option<Observation>],
    ) -> Result<Vec<(usize, &'static Table, NativeId)>, SideError> {
        let replies = self.rows(Some(user), &keys(&wanted)).await?;
        let beside = errors::any_answered(&replies);
        let mut doubtful = Vec::new();
        let (mut places, mut series) = (Vec::new(), Vec::new());
        for ((at, table, id), reply) in wanted.into_iter().zip(&replies) {
            match errors::judge(reply) {
                Verdict::Fine => match json(reply) {
                    Ok(row) if table.kind == Kind::RecurringAppointment => {
                        places.push(at);
                        series.push((id, row, Presence::Present));
                    }
                    Ok(row) => {
                        found[at] = Some(read::observe(table, &id, &row, Presence::Present));
                    }
                    Err(_) => found[at] = Some(read::unreadable(table.kind, &id)),
                },
                Verdict::Missing | Verdict::Denied => doubtful.push((at, table, id)),
                Verdict::Unavailable | Verdict::Precondition | Verdict::Refused
                    if errors::is_of_the_row(reply, beside) =>
                {
                    found[at] = Some(read::unreadable(table.kind, &id));
                }
                Verdict::Throttled(_)
                | Verdict::Unavailable
                | Verdict::Precondition
                | Verdict::Refused => return Err(errors::into_side_error(reply)),
            }
        }
        for (at, seen) in places.into_iter().zip(self.observe_series(Some(user), series).await?) {
            found[at] = Some(seen);
        }
        Ok(doubtful)
    }

    /// FILT-17: reads as the application: only a "does not exist" here proves a deletion. A row that
    /// the application may not read either proves nothing: it cannot be read.
    async fn absent(
        &self,
        doubtful: Vec<(usize, &'static Table, NativeId)>,
        found: &mut [Option<Observation>],
    ) -> Result<(), SideError> {
        let replies = self.rows(None, &keys(&doubtful)).await?;
        let beside = errors::any_answered(&replies);
        for ((at, table, id), reply) in doubtful.into_iter().zip(&replies) {
            found[at] = Some(match errors::judge(reply) {
                Verdict::Fine => match json(reply) {
                    Ok(row) => read::observe_unreadable(table, &id, &row),
                    Err(_) => read::unreadable(table.kind, &id),
                },
                Verdict::Missing => read::bare(table.kind, &id, Presence::Deleted),
                Verdict::Denied => read::unreadable(table.kind, &id),
                Verdict::Unavailable | Verdict::Precondition | Verdict::Refused
                    if errors::is_of_the_row(reply, beside) =>
                {
                    read::unreadable(table.kind, &id)
                }
                Verdict::Throttled(_)
                | Verdict::Unavailable
                | Verdict::Precondition
                | Verdict::Refused => return Err(errors::into_side_error(reply)),
            });
        }
        Ok(())
    }

    /// Returns the row that each key leads to. What was made of an item is mostly new: the application's word
    /// that there is no such row, which alone proves it, comes first.
    pub(super) async fn find_rows(
        &self,
        mailbox: &Mailbox,
        keys: &[FindKey],
    ) -> Result<Vec<Option<Observation>>, SideError> {
        let uids = keys.iter().filter_map(|key| match key {
            FindKey::Uid(uid) => Some(uid),
            FindKey::Marker(..) | FindKey::Made(..) => None,
        });
        let meetings = self.rows_of_meetings(&uids.collect::<Vec<_>>()).await?;
        let mut meetings = meetings.into_iter();
        let items = keys.iter().map(|key| match key {
            FindKey::Marker(link, kind) => {
                let id = NativeId::new(link.0.to_string());
                tables_of(*kind).iter().map(|kind| (*kind, id.clone())).collect()
            }
            // What is made of a to-do task is a task.
            FindKey::Made(link, kind) => vec![(*kind, NativeId::new(link.0.to_string()))],
            FindKey::Uid(_) => meetings.next().unwrap_or_default(),
        });
        let mut items: Vec<_> = items.collect();
        let made: Vec<usize> =
            (0..keys.len()).filter(|at| matches!(keys[*at], FindKey::Made(..))).collect();
        let rows: Vec<Key> = made
            .iter()
            .flat_map(|at| &items[*at])
            .map(|(kind, id)| (Table::of(*kind), id.clone()))
            .collect();
        for (at, reply) in made.into_iter().zip(self.rows(None, &rows).await?) {
            if let Verdict::Missing = errors::judge(&reply) {
                items[at].clear();
            }
        }
        self.first_of(mailbox, items).await
    }

    /// Returns of each group the first row that is there.
    async fn first_of(
        &self,
        mailbox: &Mailbox,
        groups: Vec<Vec<(Kind, NativeId)>>,
    ) -> Result<Vec<Option<Observation>>, SideError> {
        let mut found = self.heads_of(mailbox, &groups).await?;
        let open = || (0..groups.len()).filter(|at| found[*at].is_none());
        let asked: Vec<_> = open().flat_map(|at| groups[at].iter().cloned()).collect();
        let open: Vec<usize> = open().collect();
        let mut rows = self.fetch_rows(mailbox, &asked).await?.into_iter();
        for at in open {
            let rows: Vec<Observation> = rows.by_ref().take(groups[at].len()).collect();
            found[at] = rows.into_iter().find(|row| row.presence != Presence::Deleted);
        }
        Ok(found)
    }

    /// Asks for the first row of each group of several. Where the user sees it whole, as mostly, the others
    /// need not be asked for; it only saves requests, and anything else is judged with the whole group.
    async fn heads_of(
        &self,
        mailbox: &Mailbox,
        groups: &[Vec<(Kind, NativeId)>],
    ) -> Result<Vec<Option<Observation>>, SideError> {
        let mut found = vec![None; groups.len()];
        let several: Vec<usize> = (0..groups.len()).filter(|at| groups[*at].len() > 1).collect();
        let heads: Vec<_> = several.iter().map(|at| groups[*at][0].clone()).collect();
        let rows = match self.fetch_rows(mailbox, &heads).await {
            Err(error) if may_lie_in_one(&error) => Vec::new(),
            rows => rows?,
        };
        for (at, row) in several.into_iter().zip(rows) {
            let whole = row.presence == Presence::Present && row.unfit.is_none();
            found[at] = whole.then_some(row);
        }
        Ok(found)
    }
}

/// A to-do task does not say which of four tables its row stands in (TASK-IN-01), an event does not
/// say whether it is the copy of a service activity (SVC-01).
fn tables_of(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::Task => &[Kind::Task, Kind::PhoneCall, Kind::Letter, Kind::Fax],
        Kind::Appointment => &[Kind::Appointment, Kind::ServiceAppointment],
        Kind::Contact => &[Kind::Contact],
        Kind::PhoneCall => &[Kind::PhoneCall],
        Kind::Letter => &[Kind::Letter],
        Kind::Fax => &[Kind::Fax],
        Kind::RecurringAppointment => &[Kind::RecurringAppointment],
        Kind::ServiceAppointment => &[Kind::ServiceAppointment],
    }
}

/// Tells whether a batch may have failed because of one of its parts.
pub(super) const fn may_lie_in_one(error: &SideError) -> bool {
    match error {
        SideError::TooLarge { .. } | SideError::Unreadable { .. } => true,
        SideError::Refused { status, .. } => matches!(status, 400 | 413),
        SideError::Throttled { .. }
        | SideError::Unreachable { .. }
        | SideError::Unauthorized { .. }
        | SideError::TokenRefused { .. }
        | SideError::MailboxUnreachable { .. }
        | SideError::TokenExpired => false,
    }
}

fn keys(wanted: &[(usize, &'static Table, NativeId)]) -> Vec<Key> {
    wanted.iter().map(|(_, table, id)| (*table, id.clone())).collect()
}

/// Returns the request for one complete row.
pub(super) fn complete(table: &Table, id: &NativeId) -> Part {
    Part::get(format!("{}({id})?{}", table.set, table.complete())).with("Prefer", LOOKUPS)
}
