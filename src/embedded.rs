//! The state store of a single node: one redb file in a directory, no server to install.
//!
//! | table | key | value |
//! | --- | --- | --- |
//! | `links` | tenant, 0, mailbox (16 bytes), link (16 bytes) | the link (`domain::link::codec`) |
//! | `cursors` | tenant, 0, mailbox | the cursors as JSON |
//! | `categories` | tenant, 0, mailbox | the tracking category's entry as JSON |
//! | `fences` | tenant, 0, mailbox | the newest fence that claimed |
//! | `seqs` | tenant, 0, mailbox | how often the mailbox was changed |
//! | `journal` | tenant, 0, mailbox, number (8 bytes) | a record (`domain::journal::codec`) |
//! | `kept` | tenant, 0, mailbox, number (8 bytes) | the label of a kept version, then its content, sealed |
//! | `leases` | `cluster` | the newest stamp of the cluster's table, also the newest fence |
//! | `keys` | tenant | the fingerprint key (16 bytes) |
//! | `sightings` | tenant, 0, mailbox | when another engine was last seen to begin (text) |
//! | `notes` | tenant, a slash, the shelf, a slash, key | a note (`ports::notes`) |
//!
//! A mailbox is one range of keys. Each commit is one transaction with an fsync at its end: a
//! crash at any moment leaves the last commit. The file is locked, so whoever opens it knows that
//! every former process is gone: who holds which shard is kept in memory, on disk stand the fences
//! alone.

mod claims;
mod excluded;
mod journal;
mod leases;
mod notes;
mod sightings;
mod tables;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use redb::{
    Builder, Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, StorageError,
    WriteTransaction,
};
use thiserror::Error;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::domain::fingerprint::PrintKey;
use crate::domain::ids::{Fence, LinkId, MailboxKey, TenantId};
use crate::domain::link::codec;
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;
use crate::ports::links::{Claim, Excluded, LinkStore, MailboxState, StateChange};
use crate::ports::side::Cursor;
use crate::shards::table::Table;
use claims::{claim, commit, number, replace};
use tables::{
    CATEGORIES, CURSORS, EXCLUDED, FENCES, JOURNAL, KEPT, KEYS, LEASES, LINKS, NOTES, SEQS,
    SIGHTINGS, link_key, link_range, mailbox_key,
};

/// The file in the store's directory.
const FILE: &str = "lockstep.redb";

/// Pages kept in memory, in bytes. The hot set is the mailboxes of one sweep; 64 MiB hold about
/// 150,000 links, and the kernel caches the rest of the file.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// Why the store could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process has the file open.
    #[error(
        "the state in {} is in use by another process: stop that process, \
         or give this one a directory of its own in `[state] url`", .directory.display()
    )]
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// The directory cannot be made or written.
    #[error(
        "the state directory {} cannot be used: {source}: create it and let this user write there",
        .directory.display()
    )]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no store, or is damaged.
    #[error(
        "the state file {} cannot be read: {reason}: restore it, or move it away to start anew \
         (the next cycle finds its pairs again by their markers)", .file.display()
    )]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// Keeps the state of mailboxes, and leases, in one file.
pub struct EmbeddedStore {
    database: Arc<Database>,
    /// Writers queue here and not in redb, where each would hold a thread.
    turn: Arc<Mutex<()>>,
    clock: Arc<dyn Clock>,
    cluster: Mutex<Option<Table>>,
}

impl EmbeddedStore {
    /// Opens the store in a directory, which is made when it is missing. Leases expire by `clock`.
    pub async fn open(directory: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let directory = directory.to_owned();
        let file = directory.join(FILE);
        let opened = spawn_blocking(move || open_file(directory)).await;
        // A damaged file can make redb panic; the task turns that into an error.
        let database = opened
            .unwrap_or_else(|error| Err(OpenError::Unreadable { file, reason: panicked(error) }))?;
        Ok(Self {
            database: Arc::new(database),
            turn: Arc::default(),
            clock,
            cluster: Mutex::default(),
        })
    }

    async fn fence(&self, mailbox: &MailboxKey) -> Result<Option<Fence>, StoreError> {
        let (database, key) = (Arc::clone(&self.database), mailbox.clone());
        let read = spawn_blocking(move || claims::fence(&database, &key));
        read.await.map_err(unavailable)?
    }

    /// Runs `work` in a transaction and makes it durable; an error of `work` undoes it.
    async fn write<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&WriteTransaction) -> Result<T, StoreError> + Send + 'static,
    {
        self.write_as(Durability::Immediate, work).await
    }

    async fn write_as<T, W>(&self, durability: Durability, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&WriteTransaction) -> Result<T, StoreError> + Send + 'static,
    {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let database = Arc::clone(&self.database);
        let written = spawn_blocking(move || {
            let mut transaction = database.begin_write().map_err(unavailable)?;
            transaction.set_durability(durability).map_err(unavailable)?;
            let result = work(&transaction)?;
            transaction.commit().map_err(unavailable)?;
            drop(turn);
            Ok(result)
        });
        written.await.map_err(unavailable)?
    }
}

fn open_file(directory: PathBuf) -> Result<Database, OpenError> {
    let file = directory.join(FILE);
    let trouble = |source| OpenError::Directory { directory: directory.clone(), source };
    fs::create_dir_all(&directory).map_err(trouble)?;
    let new = !file.try_exists().map_err(trouble)?;
    let created = Builder::new().set_cache_size(CACHE_BYTES).create(&file);
    let database = created.map_err(|error| open_error(&directory, &file, error))?;
    let unreadable =
        |error: StoreError| OpenError::Unreadable { file: file.clone(), reason: error.to_string() };
    make_tables(&database).map_err(unreadable)?;
    if new && cfg!(unix) {
        // The name of a new file is durable only when its directory is.
        File::open(&directory).and_then(|entry| entry.sync_all()).map_err(trouble)?;
    }
    Ok(database)
}

fn open_error(directory: &Path, file: &Path, error: DatabaseError) -> OpenError {
    if let DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch = error {
        return OpenError::InUse { directory: directory.to_owned() };
    }
    // redb says by this kind that the file is none of its own.
    let foreign = |source: &io::Error| source.kind() == io::ErrorKind::InvalidData;
    if let DatabaseError::Storage(StorageError::Io(source)) = error {
        if !foreign(&source) {
            return OpenError::Directory { directory: directory.to_owned(), source };
        }
        return OpenError::Unreadable { file: file.to_owned(), reason: source.to_string() };
    }
    OpenError::Unreadable { file: file.to_owned(), reason: error.to_string() }
}

fn make_tables(database: &Database) -> Result<(), StoreError> {
    let transaction = database.begin_write().map_err(unavailable)?;
    transaction.open_table(LINKS).map_err(unavailable)?;
    transaction.open_table(CURSORS).map_err(unavailable)?;
    transaction.open_table(CATEGORIES).map_err(unavailable)?;
    transaction.open_table(FENCES).map_err(unavailable)?;
    transaction.open_table(SEQS).map_err(unavailable)?;
    transaction.open_table(LEASES).map_err(unavailable)?;
    transaction.open_table(KEYS).map_err(unavailable)?;
    transaction.open_table(JOURNAL).map_err(unavailable)?;
    transaction.open_table(KEPT).map_err(unavailable)?;
    transaction.open_table(EXCLUDED).map_err(unavailable)?;
    transaction.open_table(SIGHTINGS).map_err(unavailable)?;
    transaction.open_table(NOTES).map_err(unavailable)?;
    transaction.commit().map_err(unavailable)
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

fn panicked(error: tokio::task::JoinError) -> String {
    if error.is_panic() { "it is damaged".to_owned() } else { error.to_string() }
}

fn load(database: &Database, mailbox: &MailboxKey) -> Result<MailboxState, StoreError> {
    let transaction = database.begin_read().map_err(unavailable)?;
    let links = transaction.open_table(LINKS).map_err(unavailable)?;
    let cursors = transaction.open_table(CURSORS).map_err(unavailable)?;
    let mut state = MailboxState::default();
    let (first, last) = link_range(mailbox);
    for row in links.range(first.as_slice()..=last.as_slice()).map_err(unavailable)? {
        let (_, value) = row.map_err(unavailable)?;
        let link = codec::decode(value.value());
        state.links.push(link.map_err(|e| StoreError::Corrupt(format!("{mailbox}: {e}")))?);
    }
    let key = mailbox_key(mailbox);
    if let Some(value) = cursors.get(key.as_slice()).map_err(unavailable)? {
        // The decoder's own words could quote a token.
        state.cursors = serde_json::from_slice(value.value())
            .map_err(|_| StoreError::Corrupt(format!("{mailbox}: the cursors are damaged")))?;
    }
    let categories = transaction.open_table(CATEGORIES).map_err(unavailable)?;
    if let Some(value) = categories.get(key.as_slice()).map_err(unavailable)? {
        let damaged = |_| StoreError::Corrupt(format!("{mailbox}: the category is damaged"));
        state.category = Some(serde_json::from_slice(value.value()).map_err(damaged)?);
    }
    let seqs = transaction.open_table(SEQS).map_err(unavailable)?;
    state.seq = number(&seqs, mailbox)?.unwrap_or(0);
    Ok(state)
}

/// A change in its stored form, made before the transaction so that the lock is held briefly.
struct Change {
    put: Vec<(LinkId, Vec<u8>)>,
    drop: Vec<LinkId>,
    cursors: Option<Vec<u8>>,
    category: Option<Vec<u8>>,
    entries: journal::Entries,
}

impl Change {
    fn of(change: &StateChange) -> Result<Self, StoreError> {
        let json = |cursors: &Vec<Cursor>| serde_json::to_vec(cursors).map_err(unavailable);
        let category = change.category.as_ref().map(serde_json::to_vec).transpose();
        Ok(Self {
            put: change.put.iter().map(|link| (link.id, codec::encode(link))).collect(),
            drop: change.drop.clone(),
            cursors: change.cursors.as_ref().map(json).transpose()?,
            category: category.map_err(unavailable)?,
            entries: journal::Entries::of(change),
        })
    }

    fn apply(
        &self,
        transaction: &WriteTransaction,
        mailbox: &MailboxKey,
        claim: Claim,
    ) -> Result<u64, StoreError> {
        let key = mailbox_key(mailbox);
        let seq = commit(transaction, mailbox, claim)?;
        if !(self.put.is_empty() && self.drop.is_empty()) {
            self.apply_links(transaction, mailbox)?;
        }
        if let Some(cursors) = &self.cursors {
            let mut table = transaction.open_table(CURSORS).map_err(unavailable)?;
            table.insert(key.as_slice(), cursors.as_slice()).map_err(unavailable)?;
        }
        if let Some(category) = &self.category {
            let mut table = transaction.open_table(CATEGORIES).map_err(unavailable)?;
            table.insert(key.as_slice(), category.as_slice()).map_err(unavailable)?;
        }
        self.entries.append(transaction, mailbox)?;
        Ok(seq)
    }

    fn apply_links(
        &self,
        transaction: &WriteTransaction,
        mailbox: &MailboxKey,
    ) -> Result<(), StoreError> {
        let mut links = transaction.open_table(LINKS).map_err(unavailable)?;
        for (id, value) in &self.put {
            let key = link_key(mailbox, *id);
            links.insert(key.as_slice(), value.as_slice()).map_err(unavailable)?;
        }
        for id in &self.drop {
            links.remove(link_key(mailbox, *id).as_slice()).map_err(unavailable)?;
        }
        Ok(())
    }
}

fn forget(
    transaction: &WriteTransaction,
    mailbox: &MailboxKey,
    fence: Fence,
) -> Result<u64, StoreError> {
    let seq = replace(transaction, mailbox, fence)?;
    let mut links = transaction.open_table(LINKS).map_err(unavailable)?;
    let (first, last) = link_range(mailbox);
    links.retain_in(first.as_slice()..=last.as_slice(), |_, _| false).map_err(unavailable)?;
    let mut cursors = transaction.open_table(CURSORS).map_err(unavailable)?;
    cursors.remove(mailbox_key(mailbox).as_slice()).map_err(unavailable)?;
    let mut categories = transaction.open_table(CATEGORIES).map_err(unavailable)?;
    categories.remove(mailbox_key(mailbox).as_slice()).map_err(unavailable)?;
    journal::forget(transaction, mailbox)?;
    Ok(seq)
}

fn print_key(
    transaction: &WriteTransaction,
    tenant: &TenantId,
    fresh: PrintKey,
) -> Result<PrintKey, StoreError> {
    let mut keys = transaction.open_table(KEYS).map_err(unavailable)?;
    if let Some(stored) = keys.get(tenant.as_str()).map_err(unavailable)? {
        return Ok(PrintKey(stored.value()));
    }
    keys.insert(tenant.as_str(), fresh.0).map_err(unavailable)?;
    Ok(fresh)
}

#[async_trait]
impl LinkStore for EmbeddedStore {
    async fn load(&self, mailbox: &MailboxKey) -> Result<MailboxState, StoreError> {
        let database = Arc::clone(&self.database);
        let mailbox = mailbox.clone();
        spawn_blocking(move || load(&database, &mailbox)).await.map_err(unavailable)?
    }

    async fn claim(&self, mailbox: &MailboxKey, fence: Fence) -> Result<MailboxState, StoreError> {
        if self.fence(mailbox).await? != Some(fence) {
            let key = mailbox.clone();
            // A crash ends the process that it keeps out, so a claim may wait for the next commit.
            self.write_as(Durability::None, move |transaction| claim(transaction, &key, fence))
                .await?;
        }
        self.load(mailbox).await
    }

    async fn was_claimed(&self, mailbox: &MailboxKey) -> Result<bool, StoreError> {
        Ok(self.fence(mailbox).await?.is_some())
    }

    async fn commit(
        &self,
        mailbox: &MailboxKey,
        claim: Claim,
        change: &StateChange,
    ) -> Result<u64, StoreError> {
        let change = Change::of(change)?;
        let mailbox = mailbox.clone();
        self.write(move |transaction| change.apply(transaction, &mailbox, claim)).await
    }

    async fn forget(&self, mailbox: &MailboxKey, fence: Fence) -> Result<u64, StoreError> {
        let mailbox = mailbox.clone();
        self.write(move |transaction| forget(transaction, &mailbox, fence)).await
    }

    async fn exclude(&self, mailbox: &MailboxKey, since: DateTime<Utc>) -> Result<(), StoreError> {
        let mailbox = mailbox.clone();
        self.write(move |transaction| excluded::exclude(transaction, &mailbox, since)).await
    }

    async fn admit(&self, mailbox: &MailboxKey) -> Result<bool, StoreError> {
        let mailbox = mailbox.clone();
        self.write(move |transaction| excluded::admit(transaction, &mailbox)).await
    }

    async fn excluded(&self, tenant: &TenantId) -> Result<Excluded, StoreError> {
        let (database, tenant) = (Arc::clone(&self.database), tenant.clone());
        let read = spawn_blocking(move || excluded::excluded(&database, &tenant));
        read.await.map_err(unavailable)?
    }

    async fn print_key(&self, tenant: &TenantId, fresh: PrintKey) -> Result<PrintKey, StoreError> {
        let tenant = tenant.clone();
        self.write(move |transaction| print_key(transaction, &tenant, fresh)).await
    }
}
