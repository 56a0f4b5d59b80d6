//! The reader of a tenant's changed rows: whom each concerns, and waking him, on whichever node.
//!
//! Each table is owned like a mailbox, so that one node of a cluster reads it. What was found is
//! published before the cursor is stored: after a crash it is told twice, never not at all. A cursor
//! that is too old begins anew and wakes everybody. Absent: shares and filters, which no change of a
//! row tells of; the sweeps see them.

mod found;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::sleep;
use uuid::Uuid;

use super::freshness::{Present, channel_of};
use crate::cluster::ownership::Ownership;
use crate::domain::ids::{LinkId, MailboxKey, TenantId, UserId};
use crate::domain::policy::Mailbox;
use crate::ports::clock::Clock;
use crate::ports::error::{SideError, StoreError};
use crate::ports::feed::{ChangeFeed, News};
use crate::ports::notes::{LinkIndex, NoteStore, Shelf};
use crate::ports::wake::{Channel, Hint, WakeBus};
use crate::telemetry::Metrics;
use found::{Failure, Found, Track, with_news};

/// Pages that one round reads of all tables together; the next round goes on.
const PAGES: usize = 200;
/// Rows whose parties one round asks for, each by a request inside of a batch; of more rows at once
/// (an import) only owners and known mailboxes are told.
const PARTIES: usize = 200;
/// Mailboxes times rows that one round looks up in the store: some seconds of a Redis that does little else.
const LOOK_UPS: usize = 2_000_000;
/// A cursor of a table without news is stored this often. Dataverse forgets it after a week.
const STORED_EVERY: TimeDelta = TimeDelta::minutes(10);
/// A table that cannot be read so is tried again after this time.
const REFUSED: TimeDelta = TimeDelta::hours(1);
/// How often a table without news is reported as read.
const REPORTED_EVERY: TimeDelta = TimeDelta::minutes(1);
/// A table of which nobody reported for so long is not read.
const STALE: TimeDelta = TimeDelta::minutes(3);

/// What a reader is made of.
pub struct FeedParts {
    /// The tenant.
    pub tenant: TenantId,
    /// The far side.
    pub far: Arc<dyn ChangeFeed>,
    /// Where cursors are remembered.
    pub notes: Arc<dyn NoteStore>,
    /// Who has links of rows.
    pub index: Arc<dyn LinkIndex>,
    /// What this node owns.
    pub ownership: Arc<Ownership>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where mailboxes are woken.
    pub bus: Arc<dyn WakeBus>,
    /// The metrics.
    pub metrics: Metrics,
    /// Time between two rounds.
    pub interval: Duration,
}

/// Reads the changed rows of one tenant.
pub struct FeedReader {
    parts: FeedParts,
    present: Present,
    /// When each table was last reported as read, by whichever node.
    heard: Mutex<HashMap<String, DateTime<Utc>>>,
}

type Tracks = HashMap<&'static str, Track>;

impl FeedReader {
    /// Builds a reader that has read nothing yet.
    #[must_use]
    pub fn new(parts: FeedParts) -> Self {
        Self { parts, present: Present::default(), heard: Mutex::default() }
    }

    /// Takes over who takes part.
    pub(super) fn present(&self, mailboxes: impl Iterator<Item = Arc<Mailbox>>) {
        self.present.set(mailboxes);
    }

    /// Notes that a table was read, by whichever node.
    pub fn heard(&self, table: String) {
        let known = self.parts.far.tables().contains(&table.as_str());
        if known {
            self.lock().insert(table, self.parts.clock.now());
        }
    }

    /// Tells whether all tables were read a short while ago.
    #[must_use]
    pub fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        let heard = self.lock();
        // A clock that was set back says nothing of how long ago that was.
        let since = |at: &DateTime<Utc>| (TimeDelta::zero()..STALE).contains(&(now - *at));
        let is_read = |table: &&str| heard.get(*table).is_some_and(since);
        self.parts.far.tables().iter().all(is_read)
    }

    /// Follows the changes until the returned future is dropped.
    pub(super) async fn follow(self: Arc<Self>) {
        let mut tracks = Tracks::new();
        let mut told = false;
        loop {
            let mut wait = self.parts.interval;
            match self.round(&mut tracks).await {
                Ok(()) => told = false,
                Err(failure) => {
                    let (reason, after) = failure.says();
                    wait = wait.max(after);
                    if !told {
                        tracing::warn!(
                            lockstep.tenant = self.parts.tenant.as_str(),
                            error = reason,
                            "changed rows cannot be read; the sweeps go on"
                        );
                        told = true;
                    }
                }
            }
            // Up to a tenth more, so that tenants that started together do not stay together.
            sleep(wait.mul_f64(1.0 + fastrand::f64() / 10.0)).await;
        }
    }

    /// Reads what is new in the tables that this node owns, and tells whom it concerns. After a failure
    /// the next round begins where the store says: what was read and not told is read again.
    async fn round(&self, tracks: &mut Tracks) -> Result<(), Failure> {
        let done = self.read_and_tell(tracks).await;
        if done.is_err() {
            tracks.retain(|_, track| track.not_before.is_some());
        }
        done
    }

    async fn read_and_tell(&self, tracks: &mut Tracks) -> Result<(), Failure> {
        let now = self.parts.clock.now();
        let mine: Vec<&'static str> = self.parts.far.tables().to_vec();
        let mine: Vec<_> = mine.into_iter().filter(|table| self.owns(table)).collect();
        tracks.retain(|table, _| mine.contains(table));
        self.remember(&mine, tracks).await?;
        let mut open: Vec<&'static str> = mine;
        open.retain(|table| tracks[table].not_before.is_none_or(|at| at <= now));
        let mut found = Found::default();
        let mut pages = 0;
        let read = open.clone();
        while !open.is_empty() && pages < PAGES {
            let from: Vec<_> =
                open.iter().map(|table| (*table, tracks[table].cursor.clone())).collect();
            let news = self.parts.far.read(&from).await?;
            pages += from.len();
            let mut more = Vec::new();
            for (table, news) in open.iter().zip(news) {
                let track = tracks.entry(table).or_default();
                if self.take(table, news, track, &mut found, now) {
                    more.push(*table);
                }
            }
            open = more;
        }
        let everything_read: Vec<_> =
            read.into_iter().filter(|table| !open.contains(table)).collect();
        let all_told = self.tell(&found).await?;
        self.store(tracks, &found, now).await?;
        if all_told {
            self.report(&everything_read, tracks, now).await;
        }
        Ok(())
    }

    /// Takes in one page; tells whether there is another to be read at once.
    fn take(
        &self,
        table: &'static str,
        news: News,
        track: &mut Track,
        found: &mut Found,
        now: DateTime<Utc>,
    ) -> bool {
        let tenant = self.parts.tenant.as_str();
        let count = |what, count: usize| {
            if count > 0 {
                self.parts.metrics.feed(tenant, table, what, count as u64);
            }
        };
        match news {
            News::Rows { changed, deleted, next, more } => {
                count("changed", changed.len());
                count("deleted", deleted.len());
                found.changed.extend(changed.into_iter().map(|row| (table, row)));
                found.deleted.extend(deleted);
                track.cursor = Some(next);
                // Only the end of a reading from the beginning is a point after which nothing is
                // missed; what happened before it is told as a whole.
                if track.anew && !more {
                    track.anew = false;
                    found.everybody = true;
                }
                more
            }
            News::Expired => {
                count("expired", 1);
                tracing::warn!(lockstep.tenant = tenant, table, "the feed begins anew");
                (track.cursor, track.anew) = (None, true);
                true
            }
            News::Refused(code) => {
                count("refused", 1);
                tracing::warn!(
                    lockstep.tenant = tenant,
                    table,
                    code,
                    "changed rows of this table cannot be read; its sweeps go on"
                );
                track.not_before = now.checked_add_signed(REFUSED);
                (track.cursor, track.anew) = (None, true);
                false
            }
        }
    }

    fn owns(&self, table: &str) -> bool {
        let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("lockstep/feed/{table}").as_bytes());
        let key = MailboxKey { tenant: self.parts.tenant.clone(), mailbox: id };
        self.parts.ownership.fence_of(&key).is_some()
    }

    /// Reads the cursors of tables that this node took over.
    async fn remember(&self, mine: &[&'static str], tracks: &mut Tracks) -> Result<(), StoreError> {
        if mine.iter().all(|table| tracks.contains_key(table)) {
            return Ok(());
        }
        let notes = self.parts.notes.notes(&self.parts.tenant, Shelf::Feeds).await?;
        for table in mine {
            tracks.entry(table).or_insert_with(|| {
                let cursor = notes.get(*table).cloned();
                Track { anew: cursor.is_none(), cursor, ..Track::default() }
            });
        }
        Ok(())
    }

    async fn store(
        &self,
        tracks: &mut Tracks,
        found: &Found,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let moved: HashSet<&str> = found.changed.iter().map(|(table, _)| *table).collect();
        // Which table a deleted row was of is not kept: all are stored then.
        let all = found.everybody || !found.deleted.is_empty();
        let is_due = |track: &Track| track.stored.is_none_or(|at| now - at >= STORED_EVERY);
        let mut notes = Vec::new();
        for (table, track) in tracks.iter_mut() {
            // A walk that is under way is begun anew after a restart, which tells everybody.
            if track.anew || !(all || moved.contains(*table) || is_due(track)) {
                continue;
            }
            notes.push(((*table).to_owned(), track.cursor.clone()));
            track.stored = Some(now);
        }
        if notes.is_empty() {
            return Ok(());
        }
        self.parts.notes.write_notes(&self.parts.tenant, Shelf::Feeds, &notes).await
    }

    /// Tells the mailboxes that the rows concern. Returns false when there were more rows than could be looked
    /// up: sweeps find those, so nobody shall wait for longer.
    async fn tell(&self, found: &Found) -> Result<bool, Failure> {
        let tenant = &self.parts.tenant;
        if found.everybody {
            let hint = (Channel::Everybody, Hint::AllChanged(tenant.clone()));
            self.parts.bus.publish(&[hint]).await?;
            return Ok(true);
        }
        if found.changed.is_empty() && found.deleted.is_empty() {
            return Ok(true);
        }
        let (concerned, all) = self.concerned(found).await?;
        let hints: Vec<(Channel, Hint)> = concerned
            .into_iter()
            .map(|mailbox| MailboxKey { tenant: tenant.clone(), mailbox })
            .map(|key| (channel_of(&key), Hint::Changed(key)))
            .collect();
        self.parts.bus.publish(&hints).await?;
        Ok(all)
    }

    async fn concerned(&self, found: &Found) -> Result<(HashSet<Uuid>, bool), Failure> {
        let present = self.present.all();
        let mailboxes: Vec<Uuid> = present.iter().map(|one| one.key.mailbox).collect();
        let of_user: HashMap<UserId, Uuid> =
            present.iter().map(|one| (one.user, one.key.mailbox)).collect();
        let (rows, all) = found.looked_up((LOOK_UPS / mailboxes.len().max(1)).max(1));
        let holders = self.parts.index.holders(&self.parts.tenant, &mailboxes, &rows).await?;
        let parties = self.parties(found).await?;
        let mut meant: Vec<(LinkId, Uuid)> = Vec::new();
        for (_, row) in &found.changed {
            meant.extend(row.owner.and_then(|user| of_user.get(&user)).map(|one| (row.row, *one)));
        }
        let user = |(row, user): &(LinkId, Uuid)| Some((*row, *of_user.get(&UserId(*user))?));
        meant.extend(parties.iter().filter_map(user));
        meant.extend(holders.iter().map(|holder| (holder.row, holder.mailbox)));
        Ok((with_news(&meant, found, &holders), all))
    }

    async fn parties(&self, found: &Found) -> Result<Vec<(LinkId, Uuid)>, SideError> {
        let mut by_table: HashMap<&'static str, Vec<LinkId>> = HashMap::new();
        for (table, row) in found.changed.iter().take(PARTIES) {
            by_table.entry(table).or_default().push(row.row);
        }
        let mut all = Vec::new();
        for (table, rows) in by_table {
            all.extend(self.parts.far.parties(table, &rows).await?);
        }
        Ok(all)
    }

    /// Tells all nodes which tables were read, so that idle mailboxes may wait longer.
    async fn report(&self, read: &[&'static str], tracks: &mut Tracks, now: DateTime<Utc>) {
        let mut hints = Vec::new();
        for table in read {
            let Some(track) = tracks.get_mut(table) else { continue };
            let due = track.reported.is_none_or(|at| now - at >= REPORTED_EVERY);
            if due && track.not_before.is_none_or(|at| at <= now) {
                track.reported = Some(now);
                let hint = Hint::Read(self.parts.tenant.clone(), (*table).to_owned());
                hints.push((Channel::Everybody, hint));
            }
        }
        // Without it the sweeps stay short.
        let _ = self.parts.bus.publish(&hints).await;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, DateTime<Utc>>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
