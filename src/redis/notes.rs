//! Notes: one hash for each shelf of a tenant. Links by their rows: one command a mailbox, many of them in one
//! round trip where there is one server.

use std::collections::HashMap;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::{RedisStore, keys};
use crate::domain::ids::{LinkId, MailboxKey, TenantId};
use crate::domain::link::codec;
use crate::ports::error::StoreError;
use crate::ports::notes::{Holder, LinkIndex, NoteStore, Notes, Shelf};

/// Fields that one command carries: below Redis' bound of 1,048,576 arguments with room to spare.
const CHUNK: usize = 10_000;
/// Mailboxes of a cluster that are asked for at once; each lies in a slot of its own.
const AT_ONCE: usize = 64;
/// Mailboxes that one round trip to a single server asks for at most, mailboxes times rows, and such round
/// trips at once: commits use the same connection.
const TOGETHER: usize = 1_000;
const LOOKED_UP: usize = 20_000;
const SIDE_BY_SIDE: usize = 2;

#[async_trait]
impl NoteStore for RedisStore {
    async fn notes(&self, tenant: &TenantId, shelf: Shelf) -> Result<Notes, StoreError> {
        let mut pipe = redis::pipe();
        pipe.hgetall(keys::of_notes(tenant, shelf));
        let (stored,): (HashMap<String, String>,) = self.pipe(&pipe).await?;
        Ok(stored.into_iter().collect())
    }

    async fn write_notes(
        &self,
        tenant: &TenantId,
        shelf: Shelf,
        notes: &[(String, Option<String>)],
    ) -> Result<(), StoreError> {
        if notes.is_empty() {
            return Ok(());
        }
        let key = keys::of_notes(tenant, shelf);
        let mut pipe = redis::pipe();
        pipe.atomic();
        for some in notes.chunks(CHUNK) {
            let put: Vec<(&str, &str)> = some
                .iter()
                .filter_map(|(key, text)| Some((key.as_str(), text.as_deref()?)))
                .collect();
            let drop: Vec<&str> = some
                .iter()
                .filter(|(_, text)| text.is_none())
                .map(|(key, _)| key.as_str())
                .collect();
            if !put.is_empty() {
                pipe.hset_multiple(&key, &put).ignore();
            }
            if !drop.is_empty() {
                pipe.hdel(&key, drop).ignore();
            }
        }
        self.pipe(&pipe).await
    }
}

impl RedisStore {
    async fn held_by(
        &self,
        mailboxes: Vec<MailboxKey>,
        rows: &[LinkId],
    ) -> Result<Vec<Holder>, StoreError> {
        let fields: Vec<&[u8]> = rows.iter().map(|row| row.0.as_bytes().as_slice()).collect();
        let mut pipe = redis::pipe();
        for mailbox in &mailboxes {
            pipe.cmd("HMGET").arg(keys::of_mailbox(mailbox).links).arg(&fields);
        }
        let stored: Vec<Vec<Option<Vec<u8>>>> = self.pipe(&pipe).await?;
        let mut found = Vec::new();
        for (mailbox, stored) in mailboxes.iter().zip(stored) {
            for (row, bytes) in rows.iter().zip(stored) {
                let Some(bytes) = bytes else { continue };
                let link = codec::decode(&bytes);
                let link =
                    link.map_err(|error| StoreError::Corrupt(format!("{mailbox}: {error}")))?;
                let version = link.version.dynamics;
                found.push(Holder { mailbox: mailbox.mailbox, row: *row, version });
            }
        }
        Ok(found)
    }
}

#[async_trait]
impl LinkIndex for RedisStore {
    async fn holders(
        &self,
        tenant: &TenantId,
        mailboxes: &[Uuid],
        rows: &[LinkId],
    ) -> Result<Vec<Holder>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<MailboxKey> = mailboxes
            .iter()
            .map(|mailbox| MailboxKey { tenant: tenant.clone(), mailbox: *mailbox })
            .collect();
        let (together, at_once) = match self.data.is_one_server() {
            true => ((LOOKED_UP / rows.len()).clamp(1, TOGETHER), SIDE_BY_SIDE),
            false => (1, AT_ONCE),
        };
        let some: Vec<Vec<MailboxKey>> = keys.chunks(together).map(<[_]>::to_vec).collect();
        let asked = stream::iter(some).map(|some| self.held_by(some, rows));
        let found: Vec<Vec<Holder>> = asked.buffer_unordered(at_once).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }
}
