//! Sightings of another engine: a few dozen bytes for each mailbox that is watched.

use std::sync::Arc;

use async_trait::async_trait;
use redb::{Database, ReadableDatabase, WriteTransaction};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::tables::{SIGHTINGS, mailbox_key};
use super::{EmbeddedStore, unavailable};
use crate::domain::ids::{MailboxKey, TenantId};
use crate::ports::error::StoreError;
use crate::ports::sightings::{SightingChange, SightingStore, Sightings, decode, encode};

fn key(tenant: &TenantId, mailbox: Uuid) -> Vec<u8> {
    mailbox_key(&MailboxKey { tenant: tenant.clone(), mailbox })
}

fn load(database: &Database, tenant: &TenantId) -> Result<Sightings, StoreError> {
    let transaction = database.begin_read().map_err(unavailable)?;
    let table = transaction.open_table(SIGHTINGS).map_err(unavailable)?;
    let (first, last) = (key(tenant, Uuid::nil()), key(tenant, Uuid::max()));
    let mut sightings = Sightings::new();
    for row in table.range(first.as_slice()..=last.as_slice()).map_err(unavailable)? {
        let (at, value) = row.map_err(unavailable)?;
        let mailbox = at.value().last_chunk::<16>().copied();
        let mailbox = mailbox.ok_or_else(|| StoreError::Corrupt(format!("{tenant}: a key")))?;
        sightings.insert(Uuid::from_bytes(mailbox), decode(tenant, value.value())?);
    }
    Ok(sightings)
}

fn watch(
    transaction: &WriteTransaction,
    tenant: &TenantId,
    change: &SightingChange,
) -> Result<(), StoreError> {
    let mut table = transaction.open_table(SIGHTINGS).map_err(unavailable)?;
    for mailbox in &change.drop {
        table.remove(key(tenant, *mailbox).as_slice()).map_err(unavailable)?;
    }
    for (mailbox, seen) in &change.put {
        let text = encode(*seen);
        table.insert(key(tenant, *mailbox).as_slice(), text.as_str()).map_err(unavailable)?;
    }
    Ok(())
}

#[async_trait]
impl SightingStore for EmbeddedStore {
    async fn sightings(&self, tenant: &TenantId) -> Result<Sightings, StoreError> {
        let (database, tenant) = (Arc::clone(&self.database), tenant.clone());
        spawn_blocking(move || load(&database, &tenant)).await.map_err(unavailable)?
    }

    async fn watch(&self, tenant: &TenantId, change: &SightingChange) -> Result<(), StoreError> {
        let (tenant, change) = (tenant.clone(), change.clone());
        self.write(move |transaction| watch(transaction, &tenant, &change)).await
    }
}
