//! Hints of all nodes, brought to the mailboxes of this one.
//!
//! Whoever owns a mailbox has an actor for it; everybody else has none and lets the hint pass.

mod lost;
mod roll;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use actix::prelude::SendError;
use actix::{Addr, Context, Handler};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::freshness::channel_of;
use super::messages::{HintCame, LookAll, Order, ToMailbox, WakeMailbox};
use super::node::NodeActor;
use super::runtime::TenantRuntime;
use crate::domain::ids::MailboxKey;
use crate::ports::wake::{Answered, Channel, Heard, Hint, Listener, WakeBus};
pub(super) use lost::Losses;
use roll::Asked;
pub use roll::{Roll, Tell};

/// Operators who wait at once; each holds a request open.
const WAITING_MAX: usize = 1_000;

/// Hints that wait for a busy node. Beyond them it misses some, and knows that it did.
const NODE_WAITING: usize = 16_384;

/// Renders how a mailbox stands, for an operator at another node; without an address.
pub type Describe = Arc<dyn Fn(&TenantRuntime, Uuid) -> String + Send + Sync>;

/// What this node says to all nodes, and who waits here for an answer.
#[derive(Clone)]
pub struct Relay {
    bus: Arc<dyn WakeBus>,
    waiting: Arc<Mutex<HashMap<Uuid, oneshot::Sender<Answered>>>>,
    rolls: Arc<Mutex<HashMap<Uuid, mpsc::Sender<String>>>>,
    tell: Option<Tell>,
    asked: Arc<Mutex<Asked>>,
}

/// One who waits; forgotten when dropped.
pub struct Ticket {
    relay: Relay,
    id: Uuid,
    answer: oneshot::Receiver<Answered>,
}

impl Relay {
    /// Builds the relay over a bus.
    #[must_use]
    pub fn new(bus: Arc<dyn WakeBus>) -> Self {
        Self {
            bus,
            waiting: Arc::default(),
            rolls: Arc::default(),
            tell: None,
            asked: Arc::default(),
        }
    }

    /// Wakes a mailbox on whichever node owns it; false when nobody could be told.
    pub async fn wake(&self, mailbox: MailboxKey) -> bool {
        let hint = (channel_of(&mailbox), Hint::Changed(mailbox));
        self.bus.publish(&[hint]).await.is_ok()
    }

    /// Asks the owner of a mailbox for a cycle; nothing when nobody could be told.
    pub async fn sync(&self, mailbox: MailboxKey) -> Option<Ticket> {
        let (id, (send, answer)) = (Uuid::new_v4(), oneshot::channel());
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() >= WAITING_MAX {
                return None;
            }
            waiting.insert(id, send);
        }
        let ticket = Ticket { relay: self.clone(), id, answer };
        let hint = (channel_of(&mailbox), Hint::Sync(mailbox, id));
        self.bus.publish(&[hint]).await.is_ok().then_some(ticket)
    }

    fn answered(&self, ticket: Uuid, answer: Answered) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&ticket);
        if let Some(waiting) = waiting {
            // Nobody listening is fine.
            let _ = waiting.send(answer);
        }
    }
}

impl Ticket {
    /// Waits for the owner's answer; forever when there is no owner.
    pub async fn answer(&mut self) -> Option<Answered> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.relay.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// Hears hints and brings them to the node, until the returned future is dropped. What operators wait
/// for stands in no line behind a flood of changes.
pub async fn hear(listener: Box<dyn Listener>, node: Addr<NodeActor>, relay: Relay) {
    let (send, mut waiting) = mpsc::channel(NODE_WAITING);
    let missed = AtomicBool::new(false);
    let bring = async {
        while let Some(heard) = waiting.recv().await {
            if node.send(HintCame(heard)).await.is_err() {
                return;
            }
            // Not before there is room again: the word is about what is missed until then.
            let room = waiting.len() < NODE_WAITING / 2;
            if room
                && missed.swap(false, Relaxed)
                && node.send(HintCame(Heard::Lost)).await.is_err()
            {
                return;
            }
        }
    };
    tokio::select! {
        () = sort(listener, relay, send, &missed) => {}
        () = bring => {}
    }
}

/// Answers what the relay can answer, and lets the rest wait for the node.
async fn sort(
    mut listener: Box<dyn Listener>,
    relay: Relay,
    node: mpsc::Sender<Heard>,
    missed: &AtomicBool,
) {
    loop {
        match listener.next().await {
            Heard::Hint(Hint::Synced(ticket, answer)) => relay.answered(ticket, answer),
            Heard::Hint(Hint::Roll(roll)) => relay.tell(roll),
            Heard::Hint(Hint::Present(roll, answer)) => relay.told(roll, answer),
            heard @ (Heard::Lost
            | Heard::Hint(
                Hint::Changed(_)
                | Hint::AllChanged(_)
                | Hint::Subscription(..)
                | Hint::Read(..)
                | Hint::Pause(..)
                | Hint::Held(..)
                | Hint::Sync(..),
            )) => match node.try_send(heard) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => {
                    // Told once a flood: around the bound each would be another.
                    if !missed.swap(true, Relaxed) {
                        tracing::warn!("more hints come than this node takes in; some are lost");
                    }
                }
                Err(TrySendError::Closed(_)) => return,
            },
        }
    }
}

impl Handler<HintCame> for NodeActor {
    type Result = ();

    fn handle(&mut self, message: HintCame, context: &mut Self::Context) {
        match message.0 {
            Heard::Hint(hint) => self.heard(hint, context),
            Heard::Lost => self.lost(None, context),
        }
    }
}

impl NodeActor {
    fn heard(&mut self, hint: Hint, context: &mut Context<Self>) {
        match hint {
            Hint::Changed(key) => self.wake(&key, context),
            Hint::AllChanged(tenant) => {
                if let Some((runtime, address)) = self.running(&tenant) {
                    // No other word of it comes: it waits for room.
                    let address = address.clone();
                    runtime.io.spawn(async move { address.send(LookAll(0)).await });
                }
            }
            Hint::Subscription(key, life) => {
                let runtime = self.running(&key.tenant).map(|(runtime, _)| runtime);
                let freshness = runtime.as_ref().and_then(|runtime| runtime.freshness());
                if let Some(keeper) = freshness.and_then(|it| it.keeper()) {
                    keeper.heard(key.mailbox, &life);
                }
                self.wake(&key, context);
            }
            Hint::Read(tenant, table) => {
                let runtime = self.running(&tenant).map(|(runtime, _)| runtime);
                if let Some(feed) = runtime.as_ref().and_then(|it| it.freshness()?.feed()) {
                    feed.heard(table);
                }
            }
            Hint::Pause(tenant) => {
                let runtime = self.running(&tenant).map(|(runtime, _)| runtime);
                if let Some(budgets) = runtime.as_ref().and_then(|runtime| runtime.budgets()) {
                    budgets.dynamics.heard();
                }
            }
            Hint::Held(tenant, held) => {
                if let Some((runtime, _)) = self.running(&tenant) {
                    runtime.hold_too(&held);
                }
            }
            Hint::Sync(key, ticket) => self.sync(key, ticket),
            // Answers and roll calls stay with who listens for them.
            Hint::Synced(..) | Hint::Roll(_) | Hint::Present(..) => {}
        }
    }

    fn wake(&mut self, key: &MailboxKey, context: &mut Context<Self>) {
        let Some((runtime, address)) = self.running(&key.tenant) else { return };
        // Its owner hears it as well.
        if !runtime.ownership.owns(key) {
            return;
        }
        let told = address.try_send(WakeMailbox(Some(key.mailbox)));
        if matches!(told, Err(SendError::Full(_))) {
            // More of this tenant changed than its supervisor has taken in so far.
            self.lost(Some(key.tenant.clone()), context);
        }
    }

    /// Starts a cycle for an operator at any node, when this one owns the mailbox.
    fn sync(&self, key: MailboxKey, ticket: Uuid) {
        let Some((runtime, address)) = self.running(&key.tenant) else { return };
        if runtime.ownership.fence_of(&key).is_none() {
            return;
        }
        let (send, receive) = oneshot::channel();
        let order = ToMailbox { mailbox: key.mailbox, order: Order::Sync(send) };
        if address.try_send(order).is_err() {
            return;
        }
        let Some((relay, describe)) = self.relay() else { return };
        let io = runtime.io.clone();
        io.spawn(async move {
            // A mailbox without an actor drops the order, which is an answer as well.
            let ended = receive.await.is_ok();
            let mailbox = describe(&runtime, key.mailbox);
            let answer = Hint::Synced(ticket, Answered { ended, mailbox });
            let _ = relay.bus.publish(&[(Channel::Everybody, answer)]).await;
        });
    }
}
