//! The right of one cycle to write to its mailbox, as long as this process surely owns it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::ownership::Ownership;
use crate::domain::ids::{Fence, MailboxKey};
use crate::http::right;
use crate::ports::lease::Tenure;
use crate::shards::{Shard, shard_of};

/// How often work that waits for an answer looks whether it may go on.
const LOOK: Duration = Duration::from_millis(200);
/// Work in a shard that goes elsewhere comes to its end within this time: the other mailboxes of the
/// shard are worked on by nobody meanwhile. A slice takes seconds unless a far side holds it up.
pub(super) const HAND_OVER: Duration = Duration::from_secs(30);

/// The right to work on one mailbox under one fence. Its shard is given back after it.
#[derive(Debug)]
pub struct Tenancy {
    ownership: Arc<Ownership>,
    mailbox: MailboxKey,
    shard: Shard,
    fence: Fence,
    /// A write was sent to a far side.
    sent: AtomicBool,
    /// The work did not come to its end.
    cut: AtomicBool,
}

impl Tenancy {
    pub(super) fn new(ownership: Arc<Ownership>, mailbox: &MailboxKey, fence: Fence) -> Self {
        let (mailbox, shard) = (mailbox.clone(), shard_of(mailbox));
        Self { ownership, mailbox, shard, fence, sent: false.into(), cut: false.into() }
    }

    /// Returns the fence.
    #[must_use]
    pub const fn fence(&self) -> Fence {
        self.fence
    }

    /// Runs some work under this right, as `while_sure` does. What it handed to a connection is not sent either
    /// once the right is lost.
    pub async fn run<T>(self: &Arc<Self>, work: impl Future<Output = T>) -> Option<T> {
        while_sure(self, right::under(self.clone(), work)).await
    }

    /// Says what work may do now. `leaving` is since when its shard goes elsewhere.
    fn look(&self, leaving: &mut Option<Instant>) -> Look {
        if !self.may_write() {
            return Look::Cut;
        }
        if self.should_end() {
            let since = leaving.get_or_insert_with(Instant::now).elapsed();
            // Nothing is lost with work that sent nothing: cursors did not move.
            if since >= HAND_OVER || !self.sent.load(Ordering::Relaxed) {
                return Look::Cut;
            }
        } else {
            *leaving = None;
        }
        if self.may_still_send() { Look::GoOn } else { Look::Wait }
    }
}

/// What work may do.
enum Look {
    GoOn,
    /// What it would send might not be carried out in time.
    Wait,
    Cut,
}

impl Tenure for Tenancy {
    fn may_write(&self) -> bool {
        self.ownership.may_write(self.shard, self.fence)
    }

    fn may_send(&self) -> bool {
        let may = self.may_still_send();
        self.sent.fetch_or(may, Ordering::Relaxed);
        may
    }

    fn may_still_send(&self) -> bool {
        self.ownership.may_send(self.shard, self.fence)
    }

    fn should_end(&self) -> bool {
        self.ownership.leaves(self.shard)
    }
}

impl Drop for Tenancy {
    fn drop(&mut self) {
        let doubtful = *self.cut.get_mut() && *self.sent.get_mut();
        self.ownership.exit(self.shard, doubtful);
    }
}

/// Notes that work was cut off, unless it came to its end.
struct Ending<'a>(Option<&'a Tenancy>);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if let Some(tenancy) = self.0 {
            tenancy.cut.store(true, Ordering::Relaxed);
            if tenancy.sent.load(Ordering::Relaxed) {
                tenancy.ownership.close_turn(&tenancy.mailbox);
            }
        }
    }
}

/// Runs some work as long as it may write; nothing when it was cut off: because this process is not
/// sure any more that it owns the mailbox, or because the mailbox goes elsewhere and the work sent
/// nothing yet or does not end in time.
///
/// The right is looked at before each step of the work, so that nothing is sent after it was lost,
/// also when this process had been stopped in the middle. While a renewal of the lease is late the
/// work stands still. Work that is cut off, here or by whoever drops this, is as good as crashed, which
/// every cycle can be at any place.
pub async fn while_sure<T>(tenancy: &Tenancy, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut clock = tokio::time::interval(LOOK);
    let mut leaving = None;
    let mut ending = Ending(Some(tenancy));
    let ended = poll_fn(|context| {
        while clock.poll_tick(context).is_ready() {}
        match tenancy.look(&mut leaving) {
            Look::GoOn => work.as_mut().poll(context).map(Some),
            Look::Wait => Poll::Pending,
            Look::Cut => Poll::Ready(None),
        }
    })
    .await;
    if ended.is_some() {
        ending.0 = None;
    }
    ended
}
