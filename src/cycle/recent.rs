//! Recent: the states of mailboxes that changed lately, as the store holds them, so that their next change
//! need not read it (`docs/adr/0011`).
//!
//! One for a node, bounded in bytes; whoever changed longest ago is forgotten first. It may be wrong as a
//! warm mailbox may be, and nothing is sent before the store said that it is not (`CycleContext::assure`).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::rest::LONGEST;
use crate::domain::category::KnownCategory;
use crate::domain::ids::{Fence, MailboxKey};
use crate::domain::link::codec;
use crate::ports::links::MailboxState;
use crate::ports::side::Cursor;

/// Bytes for all mailboxes together: some 3,000 of a hundred links each.
const MOST: usize = 64 * 1024 * 1024;
/// One mailbox takes at most this part of it.
const PART: usize = 16;
/// What an entry takes beside its links and tokens.
const ENTRY: usize = 512;
/// What a link takes beside its bytes.
const LINK: usize = 32;

/// A state, under which fence it was read or stored, and when the store was last known to hold it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Known {
    pub(super) fence: Fence,
    pub(super) at: DateTime<Utc>,
    pub(super) state: MailboxState,
}

/// The states of a node's mailboxes that changed lately.
#[derive(Debug, Default)]
pub struct Recent(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    by_mailbox: HashMap<MailboxKey, Entry>,
    by_age: BTreeMap<u64, MailboxKey>,
    next: u64,
    bytes: usize,
}

/// A state in its stored form, which is a third of it.
#[derive(Debug)]
struct Entry {
    number: u64,
    fence: Fence,
    at: DateTime<Utc>,
    seq: u64,
    links: Box<[Box<[u8]>]>,
    cursors: Vec<Cursor>,
    category: Option<KnownCategory>,
}

impl Recent {
    /// Keeps a state until it is taken or must make room.
    pub(super) fn keep(&self, mailbox: &MailboxKey, known: Known) {
        let Known { fence, at, state } = known;
        let encoded = |link| codec::encode(link).into_boxed_slice();
        let links = state.links.iter().map(encoded).collect();
        let MailboxState { cursors, category, seq, .. } = state;
        let entry = Entry { number: 0, fence, at, seq, links, cursors, category };
        self.entries().put(mailbox, entry);
    }

    /// Takes out what is kept of a mailbox, if the store held it under this grant within the last hour.
    pub(super) fn take(
        &self,
        mailbox: &MailboxKey,
        fence: Fence,
        now: DateTime<Utc>,
    ) -> Option<Known> {
        let entry = self.entries().remove(mailbox)?;
        if entry.fence != fence || now < entry.at || now >= entry.at + LONGEST {
            return None;
        }
        let links = entry.links.iter().map(|bytes| codec::decode(bytes));
        let links = links.collect::<Result<_, _>>().ok()?;
        let Entry { at, seq, cursors, category, .. } = entry;
        Some(Known { fence, at, state: MailboxState { links, cursors, category, seq } })
    }

    /// Forgets a mailbox.
    pub fn forget(&self, mailbox: &MailboxKey) {
        self.entries().remove(mailbox);
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn put(&mut self, mailbox: &MailboxKey, mut entry: Entry) {
        self.remove(mailbox);
        if entry.bytes() > MOST / PART {
            return;
        }
        self.next += 1;
        entry.number = self.next;
        self.bytes += entry.bytes();
        self.by_age.insert(entry.number, mailbox.clone());
        self.by_mailbox.insert(mailbox.clone(), entry);
        while self.bytes > MOST {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, mailbox: &MailboxKey) -> Option<Entry> {
        let entry = self.by_mailbox.remove(mailbox)?;
        self.by_age.remove(&entry.number);
        self.bytes -= entry.bytes();
        Some(entry)
    }
}

impl Entry {
    fn bytes(&self) -> usize {
        let links: usize = self.links.iter().map(|bytes| bytes.len() + LINK).sum();
        let tokens: usize = self.cursors.iter().map(|cursor| cursor.token.len() + LINK).sum();
        ENTRY + links + tokens + self.category.as_ref().map_or(0, KnownCategory::bytes)
    }
}

#[cfg(test)]
mod tests;
