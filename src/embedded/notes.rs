//! Notes, and links by their rows, in the file.

use std::sync::Arc;

use async_trait::async_trait;
use redb::{Database, ReadableDatabase};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::tables::{LINKS, NOTES, link_key};
use super::{EmbeddedStore, unavailable};
use crate::domain::ids::{LinkId, MailboxKey, TenantId};
use crate::domain::link::codec;
use crate::ports::error::StoreError;
use crate::ports::notes::{Holder, LinkIndex, NoteStore, Notes, Shelf};

/// A tenant's name holds no slash, so no shelf of one tenant begins another's.
fn prefix(tenant: &TenantId, shelf: Shelf) -> String {
    format!("{tenant}/{}/", shelf.name())
}

fn read(database: &Database, prefix: &str) -> Result<Notes, StoreError> {
    let transaction = database.begin_read().map_err(unavailable)?;
    let table = transaction.open_table(NOTES).map_err(unavailable)?;
    let mut notes = Notes::new();
    for row in table.range(prefix..).map_err(unavailable)? {
        let (key, text) = row.map_err(unavailable)?;
        let Some(name) = key.value().strip_prefix(prefix) else { break };
        notes.insert(name.to_owned(), text.value().to_owned());
    }
    Ok(notes)
}

fn holders(
    database: &Database,
    tenant: &TenantId,
    mailboxes: &[Uuid],
    rows: &[LinkId],
) -> Result<Vec<Holder>, StoreError> {
    let transaction = database.begin_read().map_err(unavailable)?;
    let links = transaction.open_table(LINKS).map_err(unavailable)?;
    let mut found = Vec::new();
    for mailbox in mailboxes {
        let key = MailboxKey { tenant: tenant.clone(), mailbox: *mailbox };
        for row in rows {
            let at = link_key(&key, *row);
            let Some(value) = links.get(at.as_slice()).map_err(unavailable)? else { continue };
            let link = codec::decode(value.value());
            let link = link.map_err(|error| StoreError::Corrupt(format!("{key}: {error}")))?;
            let version = link.version.dynamics;
            found.push(Holder { mailbox: *mailbox, row: *row, version });
        }
    }
    Ok(found)
}

#[async_trait]
impl NoteStore for EmbeddedStore {
    async fn notes(&self, tenant: &TenantId, shelf: Shelf) -> Result<Notes, StoreError> {
        let (database, prefix) = (Arc::clone(&self.database), prefix(tenant, shelf));
        spawn_blocking(move || read(&database, &prefix)).await.map_err(unavailable)?
    }

    async fn write_notes(
        &self,
        tenant: &TenantId,
        shelf: Shelf,
        notes: &[(String, Option<String>)],
    ) -> Result<(), StoreError> {
        let prefix = prefix(tenant, shelf);
        let named =
            |(key, text): &(String, Option<String>)| (format!("{prefix}{key}"), text.clone());
        let notes: Vec<_> = notes.iter().map(named).collect();
        self.write(move |transaction| {
            let mut table = transaction.open_table(NOTES).map_err(unavailable)?;
            for (key, text) in &notes {
                match text {
                    Some(text) => table.insert(key.as_str(), text.as_str()).map_err(unavailable)?,
                    None => table.remove(key.as_str()).map_err(unavailable)?,
                };
            }
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl LinkIndex for EmbeddedStore {
    async fn holders(
        &self,
        tenant: &TenantId,
        mailboxes: &[Uuid],
        rows: &[LinkId],
    ) -> Result<Vec<Holder>, StoreError> {
        let (database, tenant) = (Arc::clone(&self.database), tenant.clone());
        let (mailboxes, rows) = (mailboxes.to_vec(), rows.to_vec());
        let found = spawn_blocking(move || holders(&database, &tenant, &mailboxes, &rows));
        found.await.map_err(unavailable)?
    }
}
