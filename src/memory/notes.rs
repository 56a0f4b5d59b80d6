//! Notes, and links by their rows, in memory.

use async_trait::async_trait;
use uuid::Uuid;

use super::MemoryStore;
use crate::domain::ids::{LinkId, MailboxKey, TenantId};
use crate::ports::error::StoreError;
use crate::ports::notes::{Holder, LinkIndex, NoteStore, Notes, Shelf};

#[async_trait]
impl NoteStore for MemoryStore {
    async fn notes(&self, tenant: &TenantId, shelf: Shelf) -> Result<Notes, StoreError> {
        Ok(self.tables().notes.get(&(tenant.clone(), shelf)).cloned().unwrap_or_default())
    }

    async fn write_notes(
        &self,
        tenant: &TenantId,
        shelf: Shelf,
        notes: &[(String, Option<String>)],
    ) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let shelf = tables.notes.entry((tenant.clone(), shelf)).or_default();
        for (key, text) in notes {
            match text {
                Some(text) => shelf.insert(key.clone(), text.clone()),
                None => shelf.remove(key),
            };
        }
        Ok(())
    }
}

#[async_trait]
impl LinkIndex for MemoryStore {
    async fn holders(
        &self,
        tenant: &TenantId,
        mailboxes: &[Uuid],
        rows: &[LinkId],
    ) -> Result<Vec<Holder>, StoreError> {
        let tables = self.tables();
        let mut found = Vec::new();
        for mailbox in mailboxes {
            let key = MailboxKey { tenant: tenant.clone(), mailbox: *mailbox };
            let Some(known) = tables.mailboxes.get(&key) else { continue };
            found.extend(rows.iter().filter_map(|row| {
                let version = known.links.get(row)?.version.dynamics.clone();
                Some(Holder { mailbox: *mailbox, row: *row, version })
            }));
        }
        Ok(found)
    }
}
