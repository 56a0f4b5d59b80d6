//! Who may run a cycle now: the slots of a node, shared fairly among its tenants.
//!
//! A free slot goes to the tenant that runs the fewest cycles for its weight; among equals, to the one
//! that waits longest. So each tenant that has work gets its share of the slots, up to half of them, and what
//! one does not use the others do. First synchronizations wait in a lane of their own: they get a slot at any time,
//! but never more than a quarter, so that a tenant being onboarded does not delay the changes of others.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

/// What a cycle is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// A mailbox with which some node had begun, forgotten since or not: what changed, or what was cut off.
    Changes,
    /// A mailbox with which nobody had begun.
    First,
}

/// The slots of one node.
#[derive(Debug)]
pub struct Fair {
    book: Mutex<Book>,
    ended: Notify,
}

/// One tenant's right to slots.
#[derive(Debug)]
pub struct Share {
    fair: Arc<Fair>,
    id: u64,
}

/// The right to run one cycle; given back when dropped, also by a panic.
#[derive(Debug)]
#[must_use]
pub struct Slot {
    fair: Arc<Fair>,
    share: u64,
    lane: Lane,
}

#[derive(Debug)]
struct Book {
    slots: usize,
    running: usize,
    first: usize,
    lines: BTreeMap<u64, Line>,
    next: u64,
}

/// One tenant's cycles: those that run and those that wait, the longest first.
#[derive(Debug)]
struct Line {
    weight: u32,
    running: usize,
    closed: bool,
    changes: VecDeque<Waiter>,
    first: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    tell: oneshot::Sender<Slot>,
}

impl Fair {
    /// Builds the slots of a node; at least one.
    #[must_use]
    pub fn new(slots: usize) -> Arc<Self> {
        let book =
            Book { slots: slots.max(1), running: 0, first: 0, lines: BTreeMap::new(), next: 0 };
        Arc::new(Self { book: Mutex::new(book), ended: Notify::new() })
    }

    /// Makes room for a tenant. A tenant of weight 2 gets twice the slots of one of weight 1 while both
    /// have more to do than there are slots.
    #[must_use]
    pub fn share(self: &Arc<Self>, weight: u32) -> Share {
        let mut book = self.book();
        let id = book.number();
        book.lines.insert(
            id,
            Line {
                weight: weight.max(1),
                running: 0,
                closed: false,
                changes: VecDeque::new(),
                first: VecDeque::new(),
            },
        );
        Share { fair: self.clone(), id }
    }

    /// Waits until no cycle runs.
    pub async fn idle(&self) {
        loop {
            // Made before the look: a cycle that ends in between still wakes it.
            let ended = self.ended.notified();
            if self.running() == 0 {
                return;
            }
            ended.await;
        }
    }

    /// Returns how many cycles run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.book().running
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Counts are changed in one step each; a panic leaves none half changed.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands out what is free. The slots are sent when the book is unlocked: one that nobody takes any
    /// more comes back at once.
    fn hand_out(self: &Arc<Self>) {
        loop {
            let Some((share, lane, waiter)) = self.book().pick() else { return };
            let _ = waiter.tell.send(Slot { fair: self.clone(), share, lane });
        }
    }
}

impl Share {
    /// Waits for a slot; `None` when the share was closed.
    pub async fn enter(&self, lane: Lane) -> Option<Slot> {
        let waiting = self.fair.book().wait(self.id, lane)?;
        self.fair.hand_out();
        waiting.await.ok()
    }

    /// Gives no further slot; cycles that run go on to their end.
    pub fn close(&self) {
        let dropped = self.fair.book().lines.get_mut(&self.id).map(Line::close);
        drop(dropped);
    }

    /// Tells whether the share was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.fair.book().lines.get(&self.id).is_none_or(|line| line.closed)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.close();
        self.fair.book().tidy(self.id);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.fair.book().end(self.share, self.lane);
        self.fair.ended.notify_waiters();
        self.fair.hand_out();
    }
}

impl Line {
    fn close(&mut self) -> [VecDeque<Waiter>; 2] {
        self.closed = true;
        [std::mem::take(&mut self.changes), std::mem::take(&mut self.first)]
    }

    const fn lane(&mut self, lane: Lane) -> &mut VecDeque<Waiter> {
        match lane {
            Lane::Changes => &mut self.changes,
            Lane::First => &mut self.first,
        }
    }
}

impl Book {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn wait(&mut self, share: u64, lane: Lane) -> Option<oneshot::Receiver<Slot>> {
        let ticket = self.number();
        let line = self.lines.get_mut(&share).filter(|line| !line.closed)?;
        let (tell, told) = oneshot::channel();
        line.lane(lane).push_back(Waiter { ticket, tell });
        Some(told)
    }

    /// Takes the next cycle to run out of its line and counts it.
    fn pick(&mut self) -> Option<(u64, Lane, Waiter)> {
        if self.running >= self.slots {
            return None;
        }
        // One first synchronization always goes on, or it would starve where changes never end.
        let lanes = match self.first {
            0 => [Lane::First, Lane::Changes],
            _ => [Lane::Changes, Lane::First],
        };
        let (share, lane) =
            lanes.into_iter().find_map(|lane| Some((self.neediest(lane)?, lane)))?;
        let line = self.lines.get_mut(&share)?;
        let waiter = line.lane(lane).pop_front()?;
        line.running += 1;
        self.running += 1;
        self.first += usize::from(lane == Lane::First);
        Some((share, lane, waiter))
    }

    /// Returns the tenant whose next cycle of a lane may run.
    fn neediest(&mut self, lane: Lane) -> Option<u64> {
        if lane == Lane::First && self.first >= (self.slots / 4).max(1) {
            return None;
        }
        // Half of the slots is the most for one tenant: who comes next must not wait for all of its cycles.
        let most = (self.slots / 2).max(2);
        let waiting = self.lines.iter_mut().filter(|(_, line)| line.running < most);
        let waiting = waiting.filter_map(|(id, line)| {
            let ticket = line.lane(lane).front()?.ticket;
            Some((*id, (line.running + 1) as f64 / f64::from(line.weight), ticket))
        });
        waiting
            .min_by(|left, right| left.1.total_cmp(&right.1).then(left.2.cmp(&right.2)))
            .map(|(id, ..)| id)
    }

    fn end(&mut self, share: u64, lane: Lane) {
        self.running = self.running.saturating_sub(1);
        self.first = self.first.saturating_sub(usize::from(lane == Lane::First));
        if let Some(line) = self.lines.get_mut(&share) {
            line.running = line.running.saturating_sub(1);
        }
        self.tidy(share);
    }

    /// Forgets a tenant that is gone and of which nothing runs any more.
    fn tidy(&mut self, share: u64) {
        if self.lines.get(&share).is_some_and(|line| line.closed && line.running == 0) {
            self.lines.remove(&share);
        }
    }
}

#[cfg(test)]
mod tests;
