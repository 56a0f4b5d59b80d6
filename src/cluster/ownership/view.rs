//! The cluster as this process last saw it, for operators.

use std::sync::PoisonError;
use std::time::Duration;

use super::{LEASE_TTL, Ownership, SAFETY, millis};
use crate::domain::ids::MailboxKey;
use crate::shards::node::Node;
use crate::shards::table::{Member, Role};
use crate::shards::{Generation, Incarnation, NodeId, SHARDS, Shard, shard_of};

/// How this process stands, for operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The shards in which it may work while its membership lives.
    pub shards: usize,
    /// How long ago it asked for the last renewal that was granted.
    pub age: Duration,
    /// How often its membership was in doubt, and whether it is now.
    pub doubts: u64,
}

/// One member of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRow {
    /// The node.
    pub node: String,
    /// Its process.
    pub process: Incarnation,
    /// Where its private API listens; empty for a command.
    pub address: String,
    /// What it is there for.
    pub role: Role,
    /// How long before the view its lease was renewed, by the store's clock.
    pub lease: Duration,
    /// The shards that it holds.
    pub shards: usize,
    /// When it started, in milliseconds since 1970 by its own clock.
    pub started: u64,
}

/// The cluster as of the last answer of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// This node.
    pub node: String,
    /// This process.
    pub process: Incarnation,
    /// It surely is a member now.
    pub member: bool,
    /// How old the view is; nothing when the store never answered.
    pub age: Option<Duration>,
    /// The members.
    pub members: Vec<MemberRow>,
    /// How many shards there are.
    pub shards: usize,
    /// The shards that no member holds.
    pub without_owner: Vec<Shard>,
    /// The newest fence that was granted.
    pub stamp: u64,
    /// The store's generation.
    pub generation: Option<Generation>,
    /// How long no shard is granted from now on, because the store lost something; zero mostly.
    pub closed: Duration,
}

/// When the store answered last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// By its clock, in milliseconds.
    store: u64,
    /// By this process's clock, in milliseconds.
    at: u64,
}

impl Ownership {
    /// Takes note of the store's time in an answer.
    pub(super) fn saw(&self, store: u64) {
        let seen = Seen { store, at: self.elapsed() };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    }

    /// Returns how this process stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let regained = self.tidings.borrow().regained;
        let (node, now) = (self.node(), self.elapsed());
        let doubted = node.until() > 0 && !node.is_sure(now);
        let sure = millis(LEASE_TTL.saturating_sub(SAFETY));
        Standing {
            shards: node.owned().len(),
            age: Duration::from_millis(
                now.saturating_add(sure).saturating_sub(node.until().max(sure)),
            ),
            doubts: regained.saturating_add(u64::from(doubted)),
        }
    }

    /// Returns the cluster as this process last saw it.
    #[must_use]
    pub fn view(&self) -> View {
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (node, now) = (self.node(), self.elapsed());
        let age = |seen: Seen| Duration::from_millis(now.saturating_sub(seen.at));
        View {
            node: node.name().to_string(),
            process: node.incarnation(),
            member: node.is_sure(now),
            age: seen.map(age),
            // By the store's clock as it goes on, or a lease would seem fresh while nobody answers.
            members: members(
                &node,
                seen.map_or(0, |seen| seen.store.saturating_add(now.saturating_sub(seen.at))),
            ),
            shards: usize::from(SHARDS),
            without_owner: node.without_owner(),
            stamp: node.stamp(),
            generation: node.generation(),
            closed: Duration::from_millis(node.closed().saturating_sub(now)),
        }
    }

    /// Returns the node that holds the shard of a mailbox when it is not this process.
    #[must_use]
    pub fn holder_of(&self, mailbox: &MailboxKey) -> Option<String> {
        let node = self.node();
        node.other_holder(shard_of(mailbox)).map(|(name, _)| name.to_string())
    }
}

/// Returns the members at the store's time `now`.
fn members(node: &Node, now: u64) -> Vec<MemberRow> {
    let counts = node.counts();
    let row = |(name, member): (&NodeId, &Member)| MemberRow {
        node: name.to_string(),
        process: member.incarnation,
        address: member.card.address.clone(),
        role: member.role,
        // A lease that was renewed at this very step ends one whole time to live from `now`.
        lease: Duration::from_millis(now.saturating_add(member.ttl).saturating_sub(member.until)),
        shards: counts.get(name).copied().unwrap_or(0),
        started: member.card.started,
    };
    node.members().iter().map(row).collect()
}
