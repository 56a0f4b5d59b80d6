//! Turns: on one node at most one cycle of a mailbox runs at a time.
//!
//! The fence keeps other nodes apart, but a mailbox actor and its successor on the same node carry
//! the same fence. What outlives both of them is the ownership, so the turns are kept there.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::ids::MailboxKey;

/// The mailboxes of which a cycle runs.
#[derive(Debug, Default)]
pub struct Turns {
    taken: Mutex<HashSet<MailboxKey>>,
    freed: Notify,
}

/// The right to run a cycle of one mailbox; given back when dropped, also by a panic.
#[derive(Debug)]
#[must_use]
pub struct Turn {
    turns: Arc<Turns>,
    mailbox: MailboxKey,
}

impl Turns {
    /// Waits until nobody else has the turn, and takes it.
    pub async fn take(self: &Arc<Self>, mailbox: &MailboxKey) -> Turn {
        loop {
            // Made before the look: a turn that is given back in between still wakes it.
            let freed = self.freed.notified();
            if self.taken().insert(mailbox.clone()) {
                return Turn { turns: self.clone(), mailbox: mailbox.clone() };
            }
            freed.await;
        }
    }

    fn taken(&self) -> MutexGuard<'_, HashSet<MailboxKey>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.taken().remove(&self.mailbox);
        self.turns.freed.notify_waiters();
    }
}
