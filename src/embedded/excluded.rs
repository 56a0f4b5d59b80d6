//! Which mailboxes an operator keeps out.

use chrono::{DateTime, Utc};
use redb::{Database, ReadableDatabase as _, ReadableTable as _, WriteTransaction};
use uuid::Uuid;

use super::tables::{EXCLUDED, mailbox_key, tenant_range};
use super::unavailable;
use crate::domain::ids::{MailboxKey, TenantId};
use crate::ports::error::StoreError;
use crate::ports::links::Excluded;

pub(super) fn exclude(
    transaction: &WriteTransaction,
    mailbox: &MailboxKey,
    since: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut table = transaction.open_table(EXCLUDED).map_err(unavailable)?;
    let key = mailbox_key(mailbox);
    let known = table.get(key.as_slice()).map_err(unavailable)?.is_some();
    if !known {
        table.insert(key.as_slice(), since.timestamp_millis()).map_err(unavailable)?;
    }
    Ok(())
}

pub(super) fn admit(
    transaction: &WriteTransaction,
    mailbox: &MailboxKey,
) -> Result<bool, StoreError> {
    let mut table = transaction.open_table(EXCLUDED).map_err(unavailable)?;
    let removed = table.remove(mailbox_key(mailbox).as_slice()).map_err(unavailable)?;
    Ok(removed.is_some())
}

pub(super) fn excluded(database: &Database, tenant: &TenantId) -> Result<Excluded, StoreError> {
    let transaction = database.begin_read().map_err(unavailable)?;
    let table = transaction.open_table(EXCLUDED).map_err(unavailable)?;
    let (first, last) = tenant_range(tenant);
    let mut list = Excluded::new();
    for row in table.range(first.as_slice()..=last.as_slice()).map_err(unavailable)? {
        let (key, since) = row.map_err(unavailable)?;
        let damaged = || StoreError::Corrupt(format!("{tenant}: an excluded mailbox"));
        let id = key.value().last_chunk::<16>().copied().ok_or_else(damaged)?;
        let since = DateTime::from_timestamp_millis(since.value()).ok_or_else(damaged)?;
        list.insert(Uuid::from_bytes(id), since);
    }
    Ok(list)
}
