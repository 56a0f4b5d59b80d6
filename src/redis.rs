//! The state store that several nodes share, in Redis 6.2 or newer.
//!
//! | key | type | TTL | holds | written by |
//! | --- | --- | --- | --- | --- |
//! | `ls:{TENANT/MAILBOX}:links` | hash | none | link id (16 bytes) → link (`domain::link::codec`) | `commit.lua`, `forget.lua` |
//! | `ls:{TENANT/MAILBOX}:cursors` | string | none | the cursors as JSON | `commit.lua`, `forget.lua` |
//! | `ls:{TENANT/MAILBOX}:category` | string | none | the tracking category's entry as JSON, its names hashed | `commit.lua`, `forget.lua` |
//! | `ls:{TENANT/MAILBOX}:fence` | string | none | the newest fence that claimed | `claim.lua` |
//! | `ls:{TENANT/MAILBOX}:seq` | hash | none | `n`: how often it was changed; `by`: the commit that did so last | `commit.lua`, `forget.lua` |
//! | `ls:{TENANT/MAILBOX}:journal` | list | none | records (`domain::journal::codec`), newest last | `commit.lua`, `prune.lua`, `forget.lua` |
//! | `ls:{TENANT/MAILBOX}:kept` | list | none | kept versions: a label, then content sealed with the tenant's key | as above |
//! | `ls:{cluster}:members` | hash | none | node → `INCARNATION UNTIL TTL ROLE STARTED ADDRESS`, `former INCARNATION` → `UNTIL TTL`; who is late is dropped | `step.lua` |
//! | `ls:{cluster}:shards` | hash | none | shard → `FENCE INCARNATION NODE` | `step.lua` |
//! | `ls:{cluster}:stamp` | string | none | the number of the last change of shards, also the newest fence | `step.lua` |
//! | `ls:{cluster}:generation` | string | none | drawn when the table was empty | `step.lua` |
//! | `ls:{cluster}:history` | string | none | how many steps there were, and until when nothing is granted | `step.lua` |
//! | `ls:{TENANT}:excluded` | hash | none | mailbox id → milliseconds since 1970 | `exclude` (HSETNX), `admit` (HDEL) |
//! | `ls:{TENANT}:key` | string | none | the fingerprint key (16 bytes) | `print_key` (SET NX) |
//! | `ls:{TENANT}:sightings` | hash | none | mailbox id → when another engine was last seen to begin | `watch` |
//! | `ls:{TENANT}:subscriptions` | hash | none | mailbox id → its subscriptions as JSON, without content | `write_notes` |
//! | `ls:{TENANT}:feeds` | hash | none | table → where its reader goes on | `write_notes` |
//! | `ls:{TENANT}:budget` | hash | until it is full and open again | `full` and `closed`: when it is full, and when it opens, in microseconds since 1970 | `budget.lua` |
//!
//! Channels, not keys: `ls:{wake}:SHARD` and `ls:{wake}:all` carry hints (`ports::wake`) as JSON.
//!
//! All keys of one script, one transaction or one pipeline share a hash tag, so each stays in one slot
//! of a cluster. No two families share an ending, so a tenant may even be called `cluster`.
//!
//! What the server must be told: `appendonly yes` (an acknowledged commit survives a crash of the
//! server only in its log) and `maxmemory-policy noeviction` (an evicted fence is no fence).
//! `hash-max-listpack-value 512` saves about 70 bytes a link.
//!
//! Memberships expire by the server's own clock. A single server, the master that Sentinels name, and a
//! cluster are reached in the same way (`line`); commands that an ACL user needs: docs/cluster.md.
//! Absent: reads from replicas.

mod address;
mod budget;
mod inspect;
mod journal;
mod keys;
mod leases;
mod line;
mod notes;
mod sightings;
mod wakes;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use redis::{FromRedisValue, Pipeline, Script, ScriptInvocation};
use uuid::Uuid;

use crate::domain::fingerprint::PrintKey;
use crate::domain::ids::{Fence, MailboxKey, TenantId};
use crate::domain::journal::codec as journal_codec;
use crate::domain::link::codec;
use crate::ports::error::StoreError;
use crate::ports::journal::{KEPT_MAX, PRUNED_MAX, RECORDS_MAX};
use crate::ports::links::{Claim, Excluded, LinkStore, MailboxState, StateChange};
pub use address::{Address, Hidden, Host, Login, Servers, Tls};
pub use inspect::{Remark, inspect};
use line::Line;
pub use wakes::RedisBus;

/// Links that one commit may write or drop. Redis refuses a command of more than 1,048,576
/// arguments, a link is two, and a commit is never split.
const COMMIT_MAX_LINKS: usize = 500_000;

/// How long the store waits for Redis.
#[derive(Debug, Clone, Copy)]
pub struct RedisOptions {
    /// For the answer to one command. The largest, a commit of 10,000 links, takes about half a
    /// second in an unoptimized build.
    pub response_timeout: Duration,
    /// The same for the membership and for budgets, whose commands are small. Several attempts must fit into the
    /// time for which a lease is sure.
    pub lease_timeout: Duration,
    /// For a connection.
    pub connect_timeout: Duration,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            response_timeout: Duration::from_secs(5),
            lease_timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(2),
        }
    }
}

/// Keeps the state of mailboxes, and leases, in Redis.
///
/// Every call ends within the sum of two time-outs. A lost connection is opened again by the
/// next call; behind Sentinels, to the master of then.
#[derive(Clone)]
pub struct RedisStore {
    data: Line,
    /// Answers come in the order of the questions: a membership that is renewed must not wait
    /// behind the links of many mailboxes.
    leases: Line,
    /// Nor must a request to a far side, which asks whether it may be sent.
    budgets: Line,
    scripts: Scripts,
}

#[derive(Clone)]
struct Scripts {
    commit: Script,
    forget: Script,
    claim: Script,
    step: Script,
    read: Script,
    prune: Script,
    budget: Script,
}

impl Scripts {
    fn new() -> Self {
        Self {
            commit: Script::new(include_str!("redis/scripts/commit.lua")),
            forget: Script::new(include_str!("redis/scripts/forget.lua")),
            claim: Script::new(include_str!("redis/scripts/claim.lua")),
            step: Script::new(include_str!("redis/scripts/step.lua")),
            read: Script::new(include_str!("redis/scripts/read.lua")),
            prune: Script::new(include_str!("redis/scripts/prune.lua")),
            budget: Script::new(include_str!("redis/scripts/budget.lua")),
        }
    }
}

/// A commit beyond what one command can carry.
#[derive(Debug, thiserror::Error)]
#[error("a commit of {0} links; one may hold {COMMIT_MAX_LINKS}")]
struct TooMany(usize);

impl RedisStore {
    /// Connects to the servers of an address.
    ///
    /// # Errors
    /// When none of them is reached, or the address cannot be one.
    pub async fn connect(address: &Address, options: RedisOptions) -> Result<Self, StoreError> {
        let connect = options.connect_timeout;
        let (data, leases, budgets) = tokio::try_join!(
            Line::open(address, connect, options.response_timeout),
            Line::open(address, connect, options.lease_timeout),
            Line::open(address, connect, options.lease_timeout),
        )?;
        Ok(Self { data, leases, budgets, scripts: Scripts::new() })
    }

    async fn run<T>(&self, script: &ScriptInvocation<'_>) -> Result<T, StoreError>
    where
        T: FromRedisValue + Send,
    {
        self.data.run(script).await
    }

    async fn pipe<T>(&self, pipe: &Pipeline) -> Result<T, StoreError>
    where
        T: FromRedisValue + Send,
    {
        self.data.pipe(pipe).await
    }
}

/// What a script returns for an old fence; another negative number says that the state moved.
const STALE: i64 = -1;

/// Reads the number of a state as a script returns it.
fn number(returned: i64) -> Result<u64, StoreError> {
    match returned {
        STALE => Err(StoreError::StaleFence),
        seq => u64::try_from(seq).map_err(|_| StoreError::StateMoved),
    }
}

fn decode(
    mailbox: &MailboxKey,
    links: &[Vec<u8>],
    cursors: &[u8],
    category: &[u8],
    seq: u64,
) -> Result<MailboxState, StoreError> {
    let corrupt = |what: String| StoreError::Corrupt(format!("{mailbox}: {what}"));
    let decoded = links.iter().map(|bytes| codec::decode(bytes));
    let links = decoded.collect::<Result<_, _>>().map_err(|error| corrupt(error.to_string()))?;
    // The decoder's own words could quote a token. No list of cursors is an empty text.
    let read = || serde_json::from_slice(cursors);
    let cursors = if cursors.is_empty() { Ok(Vec::new()) } else { read() };
    let cursors = cursors.map_err(|_| corrupt("the cursors are damaged".to_owned()))?;
    let read = || serde_json::from_slice(category);
    let category = if category.is_empty() { Ok(None) } else { read().map(Some) };
    let category = category.map_err(|_| corrupt("the category is damaged".to_owned()))?;
    Ok(MailboxState { links, cursors, category, seq })
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

#[async_trait]
impl LinkStore for RedisStore {
    async fn load(&self, mailbox: &MailboxKey) -> Result<MailboxState, StoreError> {
        let keys = keys::of_mailbox(mailbox);
        let mut pipe = redis::pipe();
        // One transaction: links and cursors of the same commit.
        pipe.atomic()
            .hvals(&keys.links)
            .get(&keys.cursors)
            .get(&keys.category)
            .hget(&keys.seq, "n");
        type Stored = (Vec<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>, Option<u64>);
        let (links, cursors, category, seq): Stored = self.pipe(&pipe).await?;
        let (cursors, category) = (cursors.unwrap_or_default(), category.unwrap_or_default());
        decode(mailbox, &links, &cursors, &category, seq.unwrap_or(0))
    }

    async fn claim(&self, mailbox: &MailboxKey, fence: Fence) -> Result<MailboxState, StoreError> {
        let keys = keys::of_mailbox(mailbox);
        let mut call = self.scripts.claim.key(keys.links);
        call.key(keys.cursors).key(keys.fence).key(keys.seq).key(keys.category).arg(fence.0);
        let found: Option<(u64, Vec<u8>, Vec<u8>, Vec<Vec<u8>>)> = self.run(&call).await?;
        let (seq, cursors, category, links) = found.ok_or(StoreError::StaleFence)?;
        decode(mailbox, &links, &cursors, &category, seq)
    }

    async fn was_claimed(&self, mailbox: &MailboxKey) -> Result<bool, StoreError> {
        let mut pipe = redis::pipe();
        pipe.get(keys::of_mailbox(mailbox).fence);
        let (fence,): (Option<u64>,) = self.pipe(&pipe).await?;
        Ok(fence.is_some())
    }

    async fn commit(
        &self,
        mailbox: &MailboxKey,
        claim: Claim,
        change: &StateChange,
    ) -> Result<u64, StoreError> {
        let entries = change.records.len().saturating_add(change.kept.len());
        let links = change.put.len().saturating_add(change.drop.len());
        if links.saturating_add(entries) > COMMIT_MAX_LINKS {
            return Err(unavailable(TooMany(links)));
        }
        let cursors = change.cursors.as_ref().map(serde_json::to_vec).transpose();
        let category = change.category.as_ref().map(serde_json::to_vec).transpose();
        let keys = keys::of_mailbox(mailbox);
        let mut call = self.scripts.commit.key(keys.links);
        call.key(keys.cursors).key(keys.fence).key(keys.journal).key(keys.kept).key(keys.seq);
        call.key(keys.category);
        // The name of this very commit: a repeat of it finds that it was carried out.
        call.arg(claim.fence.0).arg(claim.seq).arg(Uuid::new_v4().as_bytes().as_slice());
        // An empty text leaves the cursors; no list of cursors is an empty text.
        call.arg(cursors.map_err(unavailable)?.unwrap_or_default());
        call.arg(change.put.len()).arg(change.drop.len());
        call.arg(change.records.len()).arg(change.kept.len()).arg(RECORDS_MAX).arg(KEPT_MAX);
        call.arg(category.map_err(unavailable)?.unwrap_or_default());
        let since = |instant| journal_codec::instant_bytes(instant).to_vec();
        call.arg(change.horizon.map(|it| since(it.records)).unwrap_or_default());
        call.arg(change.horizon.map(|it| since(it.kept)).unwrap_or_default()).arg(PRUNED_MAX);
        for link in &change.put {
            call.arg(link.id.0.as_bytes().as_slice()).arg(codec::encode(link));
        }
        for id in &change.drop {
            call.arg(id.0.as_bytes().as_slice());
        }
        for record in &change.records {
            call.arg(journal_codec::encode(record));
        }
        for kept in &change.kept {
            call.arg([journal_codec::encode_label(&kept.label), kept.sealed.clone()].concat());
        }
        number(self.run(&call).await?)
    }

    async fn forget(&self, mailbox: &MailboxKey, fence: Fence) -> Result<u64, StoreError> {
        let keys = keys::of_mailbox(mailbox);
        let mut call = self.scripts.forget.key(keys.fence);
        call.key(keys.seq).key(keys.links).key(keys.cursors).key(keys.category);
        call.key(keys.journal).key(keys.kept).arg(fence.0);
        number(self.run(&call).await?)
    }

    async fn exclude(&self, mailbox: &MailboxKey, since: DateTime<Utc>) -> Result<(), StoreError> {
        let (key, id) = (keys::of_excluded(&mailbox.tenant), mailbox.mailbox.to_string());
        let mut pipe = redis::pipe();
        pipe.hset_nx(key, id, since.timestamp_millis()).ignore();
        self.pipe::<()>(&pipe).await
    }

    async fn admit(&self, mailbox: &MailboxKey) -> Result<bool, StoreError> {
        let mut pipe = redis::pipe();
        pipe.hdel(keys::of_excluded(&mailbox.tenant), mailbox.mailbox.to_string());
        let (removed,): (bool,) = self.pipe(&pipe).await?;
        Ok(removed)
    }

    async fn excluded(&self, tenant: &TenantId) -> Result<Excluded, StoreError> {
        let mut pipe = redis::pipe();
        pipe.hgetall(keys::of_excluded(tenant));
        let (rows,): (Vec<(String, i64)>,) = self.pipe(&pipe).await?;
        let damaged = || StoreError::Corrupt(format!("{tenant}: an excluded mailbox"));
        let read = |(id, since): (String, i64)| {
            let id = Uuid::try_parse(&id).ok()?;
            Some((id, DateTime::from_timestamp_millis(since)?))
        };
        rows.into_iter().map(|row| read(row).ok_or_else(damaged)).collect()
    }

    async fn print_key(&self, tenant: &TenantId, fresh: PrintKey) -> Result<PrintKey, StoreError> {
        let key = keys::of_tenant(tenant);
        let mut pipe = redis::pipe();
        pipe.atomic().set_nx(&key, fresh.0.as_slice()).ignore().get(&key);
        let (stored,): (Vec<u8>,) = self.pipe(&pipe).await?;
        let stored = stored.try_into();
        stored
            .map(PrintKey)
            .map_err(|_| StoreError::Corrupt(format!("{tenant}: the key is damaged")))
    }
}
