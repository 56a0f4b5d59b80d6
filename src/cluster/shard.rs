//! Shards: the unit in which mailboxes are owned.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use crate::domain::ids::MailboxKey;

/// Shards of a cluster. More than any cluster has nodes times a hundred, so that shares are even;
/// few enough that renewing all of them is one small script.
pub const SHARDS: u16 = 1_024;

/// One shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard(pub u16);

/// Returns the shard of a mailbox: the same on every node and in every version.
#[must_use]
pub fn shard_of(mailbox: &MailboxKey) -> Shard {
    let mut hasher = SipHasher13::new();
    hasher.write(mailbox.tenant.as_str().as_bytes());
    hasher.write_u8(0);
    hasher.write(mailbox.mailbox.as_bytes());
    Shard((hasher.finish() % u64::from(SHARDS)) as u16)
}
