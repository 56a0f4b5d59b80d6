//! Under which fence a mailbox was claimed, and how often it was changed.

use redb::{Database, ReadableDatabase as _, ReadableTable, TableDefinition, WriteTransaction};

use super::tables::{FENCES, SEQS, mailbox_key};
use super::unavailable;
use crate::domain::ids::{Fence, MailboxKey};
use crate::ports::error::StoreError;
use crate::ports::links::Claim;
use crate::shards::guard::Guard;

pub(super) fn number(
    table: &impl ReadableTable<&'static [u8], u64>,
    mailbox: &MailboxKey,
) -> Result<Option<u64>, StoreError> {
    let stored = table.get(mailbox_key(mailbox).as_slice()).map_err(unavailable)?;
    Ok(stored.map(|value| value.value()))
}

/// Returns the newest fence under which a mailbox was claimed.
pub(super) fn fence(
    database: &Database,
    mailbox: &MailboxKey,
) -> Result<Option<Fence>, StoreError> {
    let transaction = database.begin_read().map_err(unavailable)?;
    let fences = transaction.open_table(FENCES).map_err(unavailable)?;
    Ok(number(&fences, mailbox)?.map(Fence))
}

fn guard(transaction: &WriteTransaction, mailbox: &MailboxKey) -> Result<Guard, StoreError> {
    let fences = transaction.open_table(FENCES).map_err(unavailable)?;
    let seqs = transaction.open_table(SEQS).map_err(unavailable)?;
    let fence = number(&fences, mailbox)?.map(Fence);
    Ok(Guard { fence, seq: number(&seqs, mailbox)?.unwrap_or(0) })
}

fn put(
    transaction: &WriteTransaction,
    table: TableDefinition<'_, &'static [u8], u64>,
    mailbox: &MailboxKey,
    value: u64,
) -> Result<(), StoreError> {
    let mut table = transaction.open_table(table).map_err(unavailable)?;
    table.insert(mailbox_key(mailbox).as_slice(), value).map_err(unavailable)?;
    Ok(())
}

pub(super) fn claim(
    transaction: &WriteTransaction,
    mailbox: &MailboxKey,
    fence: Fence,
) -> Result<(), StoreError> {
    guard(transaction, mailbox)?.claim(fence)?;
    put(transaction, FENCES, mailbox, fence.0)
}

/// Counts a change that builds on a claim and returns its number.
pub(super) fn commit(
    transaction: &WriteTransaction,
    mailbox: &MailboxKey,
    claim: Claim,
) -> Result<u64, StoreError> {
    let seq = guard(transaction, mailbox)?.commit(claim.fence, claim.seq)?;
    put(transaction, SEQS, mailbox, seq)?;
    Ok(seq)
}

/// Counts a change that replaces all there is of a mailbox and returns its number.
pub(super) fn replace(
    transaction: &WriteTransaction,
    mailbox: &MailboxKey,
    fence: Fence,
) -> Result<u64, StoreError> {
    let seq = guard(transaction, mailbox)?.forget(fence)?;
    put(transaction, SEQS, mailbox, seq)?;
    Ok(seq)
}
