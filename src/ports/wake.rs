//! The port of hints: what one node tells all others, so that the owner of a mailbox hears it.
//!
//! A hint may be lost, and may come twice. Nothing depends on it but the time until a change is seen.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::StoreError;
use crate::domain::ids::{MailboxKey, TenantId};

/// One hint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hint {
    /// Something changed in a mailbox, on either side.
    Changed(MailboxKey),
    /// Anything may have changed in any mailbox of a tenant.
    AllChanged(TenantId),
    /// Something happened to a subscription of a mailbox.
    Subscription(MailboxKey, Life),
    /// A table of a tenant was read for changed rows, and all that it told was published.
    Read(TenantId, String),
    /// An operator wants a cycle now; the owner answers with the ticket.
    Sync(MailboxKey, Uuid),
    /// The answer to a ticket.
    Synced(Uuid, Answered),
    /// An operator wants to know how each node stands; all answer with the id.
    Roll(Uuid),
    /// How a node stands, as JSON for operators, without an address of a mailbox.
    Present(Uuid, String),
    /// Dataverse asked a node to pause for a tenant; until when stands in the budget.
    Pause(TenantId),
    /// Exchange asked a node to pause for a tenant.
    Held(TenantId, Held),
}

/// For whom and how long Exchange asked to be left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The mailbox; nobody's when it is about what the application asks for by itself.
    pub mailbox: Option<Uuid>,
    /// Milliseconds from now on.
    pub ms: u64,
}

/// What a listener hears. That hints were lost is known only to who was to hear them: it is no hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A hint.
    Hint(Hint),
    /// Hints were lost, nobody knows which: anything may have changed in any mailbox.
    Lost,
}

/// What happened to a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Life {
    /// Notices were lost.
    Missed,
    /// The one of this id is gone.
    Removed(String),
    /// The one of this id tells nothing until it is authorized anew.
    Unauthorized(String),
}

/// What the owner of a mailbox says to a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// A cycle ended, or none will start soon. False: it was stopped meanwhile.
    pub ended: bool,
    /// How the mailbox stands, as JSON for operators, without an address.
    pub mailbox: String,
}

/// Where a hint is published. A listener of everything hears each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The owner of a shard.
    Shard(u16),
    /// Every node.
    Everybody,
}

/// Carries hints between nodes; in a single process, between its parts.
#[async_trait]
pub trait WakeBus: Send + Sync {
    /// Publishes hints.
    ///
    /// # Errors
    /// When they cannot be handed over. Who gets an error need not repeat: sweeps repair it.
    async fn publish(&self, hints: &[(Channel, Hint)]) -> Result<(), StoreError>;

    /// Returns a listener that hears what is published from now on, on all channels.
    fn listen(&self) -> Box<dyn Listener>;
}

/// Hears hints.
#[async_trait]
pub trait Listener: Send {
    /// Waits for the next hint. It waits through outages; what was published meanwhile is lost, and
    /// it says so when it hears again.
    async fn next(&mut self) -> Heard;

    /// Waits for the next hint, for whom it is the same whether others were lost.
    async fn hint(&mut self) -> Hint {
        loop {
            if let Heard::Hint(hint) = self.next().await {
                return hint;
            }
        }
    }
}
