//! What operators ask of a mailbox: orders for its next cycle, and who waits for the end of one.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::cycle::{Orders, Retry};
use crate::domain::ids::LinkId;
use crate::engine::stakes::Stakes;

/// Nothing for nearly every mailbox, which then keeps nothing.
#[derive(Default)]
pub(super) struct Asked(Option<Box<Book>>);

#[derive(Default)]
struct Book {
    /// What the next cycle is asked.
    next: Orders,
    /// What the running cycle was asked; it counts as long as it was not carried out.
    given: Orders,
    /// What was at stake in the plan that a brake halted last.
    halted: Option<Arc<Stakes>>,
    /// Who waits for the end of so many cycles.
    waiters: Vec<(u8, oneshot::Sender<()>)>,
}

impl Asked {
    /// Returns what the cycle that begins is asked.
    pub(super) fn give(&mut self) -> Orders {
        let Some(book) = &mut self.0 else { return Orders::default() };
        book.given = std::mem::take(&mut book.next);
        book.given.clone()
    }

    /// The cycle did what it was asked.
    pub(super) fn carried_out(&mut self) {
        if let Some(book) = &mut self.0 {
            (book.given, book.halted) = (Orders::default(), None);
        }
        self.tidy();
    }

    /// An order that no cycle carried out is not lost: the next one gets it.
    pub(super) fn put_off(&mut self) {
        if let Some(book) = &mut self.0 {
            book.put_off();
        }
    }

    /// A brake halted the plan: a release was for another one, and is spent.
    pub(super) fn halted(&mut self, stakes: &Stakes) {
        let book = self.book();
        book.given.released = None;
        book.halted = Some(Arc::new(stakes.clone()));
        book.put_off();
    }

    /// Releases what waits; what a brake halted only when it is the plan that was seen.
    pub(super) fn release(&mut self, waits: bool, with_brakes: bool, plan: Option<&str>) {
        let book = self.book();
        book.next.retry = Retry::All;
        // The plan of a running cycle was seen by nobody: a second click must not release it.
        let seen = book.halted.as_ref().filter(|stakes| {
            waits && !with_brakes && plan.is_none_or(|plan| plan == stakes.digest())
        });
        if waits {
            book.next.released = seen.cloned();
        }
    }

    /// Lets the next cycle try an item again.
    pub(super) fn retry(&mut self, item: LinkId) {
        let book = self.book();
        let earlier = std::mem::take(&mut book.next);
        let retry = Retry::Items([item].into());
        book.next = Orders { retry, ..Orders::default() }.after(earlier);
    }

    /// Somebody waits for the end of so many cycles.
    pub(super) fn wait(&mut self, cycles: u8, waiter: oneshot::Sender<()>) {
        self.book().waiters.push((cycles, waiter));
    }

    /// Tells those who waited for a cycle that ended; all of them when no other follows now.
    pub(super) fn tell(&mut self, another: bool) {
        let Some(book) = &mut self.0 else { return };
        for (left, waiter) in std::mem::take(&mut book.waiters) {
            if left > 1 && another {
                book.waiters.push((left - 1, waiter));
            } else {
                // Nobody listening is fine.
                let _ = waiter.send(());
            }
        }
        self.tidy();
    }

    fn book(&mut self) -> &mut Book {
        self.0.get_or_insert_default()
    }

    fn tidy(&mut self) {
        self.0.take_if(|book| book.is_empty());
    }
}

impl Book {
    fn put_off(&mut self) {
        let given = std::mem::take(&mut self.given);
        self.next = std::mem::take(&mut self.next).after(given);
    }

    fn is_empty(&self) -> bool {
        let none = Orders::default();
        let orders = self.next == none && self.given == none;
        orders && self.halted.is_none() && self.waiters.is_empty()
    }
}
