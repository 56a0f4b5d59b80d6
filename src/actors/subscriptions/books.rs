//! What a keeper of subscriptions writes down, and in which form.

use std::collections::BTreeMap;
use std::hash::Hasher as _;

use chrono::{DateTime, Utc};
use siphasher::sip::SipHasher13;
use uuid::Uuid;

use crate::domain::subscription::{Held, Watched};

/// What is known of one mailbox's subscriptions.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    pub(super) held: BTreeMap<Watched, Held>,
    /// The first look at a mailbox reads what a former owner left.
    pub(super) read: bool,
    pub(super) failures: u32,
    /// Nothing is tried before.
    pub(super) not_before: Option<DateTime<Utc>>,
}

/// Reads a note; one that cannot be read is as good as none, and what it knew of is found again.
pub(super) fn read(text: &str) -> Vec<Held> {
    serde_json::from_str(text).unwrap_or_default()
}

pub(super) fn write(held: &BTreeMap<Watched, Held>) -> Option<String> {
    let list: Vec<&Held> = held.values().collect();
    (!list.is_empty()).then(|| serde_json::to_string(&list).ok()).flatten()
}

fn hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = SipHasher13::new();
    parts.iter().for_each(|part| hasher.write(part));
    hasher.finish()
}

/// A digest of what a subscription is made with; the secret is not to be guessed from 64 bits of it.
pub(super) fn digest(addresses: u64, state: &str) -> u64 {
    hash(&[&addresses.to_le_bytes(), state.as_bytes()])
}

/// The mailbox's own share between 0 and 1.
pub(super) fn spread(mailbox: Uuid) -> f64 {
    (hash(&[mailbox.as_bytes()]) >> 11) as f64 / (1_u64 << 53) as f64
}
