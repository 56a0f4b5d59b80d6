//! Turns: on one node at most one cycle of a mailbox runs at a time, and none while what another one sent
//! before it was cut off may still be carried out.
//!
//! The fence keeps other nodes apart, but a mailbox actor and its successor on the same node carry
//! the same fence. What outlives both of them is the ownership, so the turns are kept there.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::domain::ids::MailboxKey;

/// The mailboxes of which a cycle runs, or was cut off lately.
#[derive(Debug, Default)]
pub struct Turns {
    book: Mutex<Book>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Book {
    taken: HashSet<MailboxKey>,
    /// Until when nobody has a turn.
    closed: HashMap<MailboxKey, Instant>,
}

/// The right to run a cycle of one mailbox; given back when dropped, also by a panic.
#[derive(Debug)]
#[must_use]
pub struct Turn {
    turns: Arc<Turns>,
    mailbox: MailboxKey,
}

impl Turns {
    /// Waits until nobody else has the turn and nothing is on its way, and takes it.
    pub async fn take(self: &Arc<Self>, mailbox: &MailboxKey) -> Turn {
        loop {
            // Made before the look: a turn that is given back in between still wakes it.
            let freed = self.freed.notified();
            let taken = self.book().take(mailbox);
            match taken {
                Taken::Yes => return Turn { turns: self.clone(), mailbox: mailbox.clone() },
                Taken::BySomebody => freed.await,
                Taken::Closed(until) => tokio::time::sleep_until(until).await,
            }
        }
    }

    /// Gives no turn of a mailbox before this instant: what was sent may be carried out until then.
    pub(super) fn close(&self, mailbox: &MailboxKey, until: Instant) {
        self.book().closed.insert(mailbox.clone(), until);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a turn was had.
enum Taken {
    Yes,
    BySomebody,
    Closed(Instant),
}

impl Book {
    fn take(&mut self, mailbox: &MailboxKey) -> Taken {
        let now = Instant::now();
        self.closed.retain(|_, until| *until > now);
        match self.closed.get(mailbox) {
            Some(until) => Taken::Closed(*until),
            None if self.taken.insert(mailbox.clone()) => Taken::Yes,
            None => Taken::BySomebody,
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.book().taken.remove(&self.mailbox);
        self.turns.freed.notify_waiters();
    }
}
