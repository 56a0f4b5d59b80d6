//! The journal and the kept versions: two lists a mailbox, appended at the end, trimmed from the
//! front. Entries are passed over by their heads; only what is meant is read as a whole.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};
use tokio::task::spawn_blocking;

use super::tables::{JOURNAL, KEPT, entry_key, entry_number, entry_range};
use super::{EmbeddedStore, unavailable};
use crate::domain::ids::MailboxKey;
use crate::domain::journal::codec::{self, read_head};
use crate::domain::journal::{Kept, Record};
use crate::domain::link::codec::CodecError;
use crate::ports::error::StoreError;
use crate::ports::journal::{Ask, Horizon, Journal, KEPT_MAX, PRUNED_MAX, RECORDS_MAX};
use crate::ports::links::StateChange;

/// Entries in their stored form.
#[derive(Default)]
pub(super) struct Entries {
    records: Vec<Vec<u8>>,
    kept: Vec<Vec<u8>>,
    horizon: Option<Horizon>,
}

type List<'t> = Table<'t, &'static [u8], &'static [u8]>;

impl Entries {
    pub(super) fn of(change: &StateChange) -> Self {
        let sealed = |one: &Kept| [codec::encode_label(&one.label), one.sealed.clone()].concat();
        Self {
            records: change.records.iter().map(codec::encode).collect(),
            kept: change.kept.iter().map(sealed).collect(),
            horizon: change.horizon,
        }
    }

    /// Appends the entries within a commit, and drops some of what is too old.
    pub(super) fn append(
        &self,
        transaction: &WriteTransaction,
        mailbox: &MailboxKey,
    ) -> Result<(), StoreError> {
        let since = |of: fn(Horizon) -> DateTime<Utc>| self.horizon.map(of);
        let bounds = (RECORDS_MAX, since(|horizon| horizon.records));
        append(transaction, JOURNAL, mailbox, &self.records, bounds)?;
        let bounds = (KEPT_MAX, since(|horizon| horizon.kept));
        append(transaction, KEPT, mailbox, &self.kept, bounds)
    }
}

fn append(
    transaction: &WriteTransaction,
    table: TableDefinition<'_, &'static [u8], &'static [u8]>,
    mailbox: &MailboxKey,
    entries: &[Vec<u8>],
    (most, since): (usize, Option<DateTime<Utc>>),
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut list = transaction.open_table(table).map_err(unavailable)?;
    let (first, last) =
        ends(&list, mailbox)?.map_or((0, None), |(first, last)| (first, Some(last)));
    let mut next = last.map_or(0, |last| last.saturating_add(1));
    for entry in entries {
        let key = entry_key(mailbox, next);
        list.insert(key.as_slice(), entry.as_slice()).map_err(unavailable)?;
        next = next.saturating_add(1);
    }
    // Numbers have no gaps: what lies below is beyond the bound.
    for number in first..next.saturating_sub(most as u64) {
        list.remove(entry_key(mailbox, number).as_slice()).map_err(unavailable)?;
    }
    let Some(since) = since else { return Ok(()) };
    let old = before(&list, mailbox, since, PRUNED_MAX)?;
    for number in old {
        list.remove(entry_key(mailbox, number).as_slice()).map_err(unavailable)?;
    }
    Ok(())
}

/// Returns the first and the last number of a list; `None` for an empty one.
fn ends(list: &List<'_>, mailbox: &MailboxKey) -> Result<Option<(u64, u64)>, StoreError> {
    let (from, to) = entry_range(mailbox);
    let mut range = list.range(from.as_slice()..=to.as_slice()).map_err(unavailable)?;
    let Some(first) = range.next().transpose().map_err(unavailable)? else { return Ok(None) };
    let first = entry_number(first.0.value());
    let last = range.next_back().transpose().map_err(unavailable)?;
    Ok(Some((first, last.map_or(first, |last| entry_number(last.0.value())))))
}

/// Forgets all entries of a mailbox.
pub(super) fn forget(
    transaction: &WriteTransaction,
    mailbox: &MailboxKey,
) -> Result<(), StoreError> {
    let (from, to) = entry_range(mailbox);
    for table in [JOURNAL, KEPT] {
        let mut list = transaction.open_table(table).map_err(unavailable)?;
        list.retain_in(from.as_slice()..=to.as_slice(), |_, _| false).map_err(unavailable)?;
    }
    Ok(())
}

/// Reads what is meant, newest first.
fn read<T>(
    database: &Database,
    table: TableDefinition<'_, &'static [u8], &'static [u8]>,
    mailbox: &MailboxKey,
    ask: &Ask,
    whole: impl Fn(&[u8]) -> Result<Option<T>, CodecError>,
) -> Result<Vec<T>, StoreError> {
    let corrupt = |error: CodecError| StoreError::Corrupt(format!("{mailbox}: {error}"));
    let transaction = database.begin_read().map_err(unavailable)?;
    let list = transaction.open_table(table).map_err(unavailable)?;
    let (from, to) = entry_range(mailbox);
    let mut found = Vec::new();
    for entry in list.range(from.as_slice()..=to.as_slice()).map_err(unavailable)?.rev() {
        if found.len() >= ask.most {
            break;
        }
        let (_, value) = entry.map_err(unavailable)?;
        let bytes = value.value();
        if ask.may_mean(&read_head(bytes).map_err(corrupt)?) {
            found.extend(whole(bytes).map_err(corrupt)?);
        }
    }
    Ok(found)
}

/// Returns the numbers of the entries from before an instant.
fn beyond(
    database: &Database,
    table: TableDefinition<'_, &'static [u8], &'static [u8]>,
    mailbox: &MailboxKey,
    since: DateTime<Utc>,
) -> Result<Vec<u64>, StoreError> {
    let transaction = database.begin_read().map_err(unavailable)?;
    let list = transaction.open_table(table).map_err(unavailable)?;
    before(&list, mailbox, since, usize::MAX)
}

/// Returns the numbers of the oldest entries from before an instant, at most so many.
fn before(
    list: &impl ReadableTable<&'static [u8], &'static [u8]>,
    mailbox: &MailboxKey,
    since: DateTime<Utc>,
    most: usize,
) -> Result<Vec<u64>, StoreError> {
    let (from, to) = entry_range(mailbox);
    let mut old = Vec::new();
    for entry in list.range(from.as_slice()..=to.as_slice()).map_err(unavailable)?.take(most) {
        let (key, value) = entry.map_err(unavailable)?;
        let head = read_head(value.value());
        let head = head.map_err(|error| StoreError::Corrupt(format!("{mailbox}: {error}")))?;
        if head.at >= since {
            break;
        }
        old.push(entry_number(key.value()));
    }
    Ok(old)
}

#[async_trait]
impl Journal for EmbeddedStore {
    async fn records(&self, mailbox: &MailboxKey, ask: &Ask) -> Result<Vec<Record>, StoreError> {
        let (database, mailbox, ask) = (Arc::clone(&self.database), mailbox.clone(), ask.clone());
        let work = move || {
            let whole = |bytes: &[u8]| Ok(Some(codec::decode(bytes)?).filter(|it| ask.means(it)));
            read(&database, JOURNAL, &mailbox, &ask, whole)
        };
        spawn_blocking(work).await.map_err(unavailable)?
    }

    async fn kept(&self, mailbox: &MailboxKey, ask: &Ask) -> Result<Vec<Kept>, StoreError> {
        let (database, mailbox, ask) = (Arc::clone(&self.database), mailbox.clone(), ask.clone());
        let work = move || {
            let whole = |bytes: &[u8]| {
                let (label, sealed) = codec::decode_label(bytes)?;
                let meant = ask.means_kept(&label);
                Ok(meant.then(|| Kept { label, sealed: sealed.to_vec() }))
            };
            read(&database, KEPT, &mailbox, &ask, whole)
        };
        spawn_blocking(work).await.map_err(unavailable)?
    }

    async fn prune(&self, mailbox: &MailboxKey, horizon: &Horizon) -> Result<(), StoreError> {
        let (database, key, horizon) = (Arc::clone(&self.database), mailbox.clone(), *horizon);
        let look = move || {
            let records = beyond(&database, JOURNAL, &key, horizon.records)?;
            Ok::<_, StoreError>((records, beyond(&database, KEPT, &key, horizon.kept)?))
        };
        let (records, kept) = spawn_blocking(look).await.map_err(unavailable)??;
        if records.is_empty() && kept.is_empty() {
            return Ok(());
        }
        let mailbox = mailbox.clone();
        self.write(move |transaction| {
            for (table, old) in [(JOURNAL, records), (KEPT, kept)] {
                let mut list = transaction.open_table(table).map_err(unavailable)?;
                for number in old {
                    let key = entry_key(&mailbox, number);
                    list.remove(key.as_slice()).map_err(unavailable)?;
                }
            }
            Ok(())
        })
        .await
    }
}
