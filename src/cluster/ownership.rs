//! Ownership by this process: one membership, renewed every second, and the shards that go with it.
//!
//! What is asked and what an answer means stands in `shards::node`; here are the clock, the store,
//! and who waits for changes. A process that cannot renew in time hands out no fence and takes the
//! right to write from the cycles that run, before the store could give their shards away.

mod view;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use uuid::Uuid;

use super::failures::Failures;
use super::tenancy::Tenancy;
use super::turns::{Turn, Turns};
use crate::domain::ids::{Fence, MailboxKey};
use crate::ports::error::StoreError;
use crate::ports::lease::LeaseStore;
use crate::shards::node::{Node, Terms, Want};
use crate::shards::table::{Card, MOMENT};
use crate::shards::{Generation, Incarnation, NodeId, SHARDS, Shard, shard_of};
use view::Seen;
pub use view::{MemberRow, Standing, View};

/// How long a membership lives unless renewed: long enough for a pause of the store, short enough
/// that a dead node's mailboxes need not wait long.
pub const LEASE_TTL: Duration = Duration::from_secs(15);
/// The lease counts as lost this long before it really ends: for requests that are on their way,
/// and for clocks that do not run alike.
const SAFETY: Duration = Duration::from_secs(3);
/// A write that was sent so long ago has been carried out, or never will be: batches of twenty take
/// seconds under load. Another process begins only then.
pub(crate) const WRITE: Duration = Duration::from_secs(10);
/// How often a process renews, and how late it learns what others did: what one gives back the next
/// has within a second.
const BEAT: Duration = Duration::from_millis(750);
/// The same while shards are still to be given or taken.
const HURRY: Duration = Duration::from_millis(250);

/// How much longer a closed store is waited for than was counted.
const MARGIN: Duration = Duration::from_millis(20);

/// What others are told of changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tidings {
    /// How often shards came or went.
    pub changes: u64,
    /// How often a membership that was in doubt was sure again.
    pub regained: u64,
    /// How often the store had lost what it knew.
    pub losses: u64,
}

/// Who holds a shard that a command needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{shards} of the shards are held by the node {node}")]
pub struct Occupied {
    /// The node.
    pub node: String,
    /// How many of the shards it or others hold.
    pub shards: usize,
}

/// Why a shard is not given back yet.
#[derive(Debug, Clone, Copy, Default)]
struct Busy {
    /// Pieces of work that run in it.
    runs: usize,
    /// Until when something may be carried out that was sent by work that was cut off.
    until: u64,
}

impl Busy {
    const fn is_at(self, now: u64) -> bool {
        self.runs > 0 || now < self.until
    }
}

/// What this process owns.
pub struct Ownership {
    store: Arc<dyn LeaseStore>,
    started: Instant,
    node: Mutex<Node>,
    /// What runs in the shards, and what was cut off there.
    busy: Mutex<HashMap<Shard, Busy>>,
    turns: Arc<Turns>,
    tidings: watch::Sender<Tidings>,
    hurry: Notify,
    /// One step at a time: answers must not overtake one another.
    stepping: tokio::sync::Mutex<()>,
    /// The last answer, by the store's clock and by this process's: for operators.
    seen: Mutex<Option<Seen>>,
}

impl std::fmt::Debug for Ownership {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let node = self.node();
        f.debug_struct("Ownership").field("node", node.name()).finish_non_exhaustive()
    }
}

impl Ownership {
    /// Builds an ownership that holds nothing yet. `name` must be the same when the same node starts
    /// again, and of no other node at the same time.
    #[must_use]
    pub fn new(store: Arc<dyn LeaseStore>, name: &str) -> Self {
        let terms = Terms { ttl: millis(LEASE_TTL), safety: millis(SAFETY), write: millis(WRITE) };
        let incarnation = Incarnation(Uuid::new_v4().as_u128());
        let node = Node::new(NodeId::new(name), incarnation, Card::default(), terms, SHARDS);
        Self {
            store,
            started: Instant::now(),
            node: Mutex::new(node),
            busy: Mutex::default(),
            turns: Arc::default(),
            tidings: watch::Sender::default(),
            hurry: Notify::new(),
            stepping: tokio::sync::Mutex::default(),
            seen: Mutex::default(),
        }
    }

    /// Says what others shall know of this process.
    pub fn introduce(&self, address: String, started: u64) {
        self.node().introduce(Card { address, started });
    }

    /// Returns the right to work on a mailbox while this process surely owns it. As long as it is
    /// held, its shard is not given back.
    #[must_use]
    pub fn enter(self: &Arc<Self>, mailbox: &MailboxKey) -> Option<Arc<Tenancy>> {
        let shard = shard_of(mailbox);
        let node = self.node();
        let fence = node.may_start(shard, self.elapsed())?;
        self.busy().entry(shard).or_default().runs += 1;
        Some(Arc::new(Tenancy::new(self.clone(), mailbox, fence)))
    }

    /// Work in a shard ended. What it sent before it was `cut` off may still be carried out.
    pub(super) fn exit(&self, shard: Shard, cut: bool) {
        let now = self.elapsed();
        let mut busy = self.busy();
        if let Some(one) = busy.get_mut(&shard) {
            one.runs = one.runs.saturating_sub(1);
            if cut {
                one.until = now + millis(WRITE);
            }
        }
        busy.retain(|_, one| one.is_at(now));
        drop(busy);
        if self.leaves(shard) {
            self.hurry.notify_one();
        }
    }

    /// Returns the fence for a mailbox while this process surely owns it.
    #[must_use]
    pub fn fence_of(&self, mailbox: &MailboxKey) -> Option<Fence> {
        self.node().may_start(shard_of(mailbox), self.elapsed())
    }

    /// Tells whether a mailbox is this process's, also while the store does not answer.
    #[must_use]
    pub fn owns(&self, mailbox: &MailboxKey) -> bool {
        let shard = shard_of(mailbox);
        let node = self.node();
        !node.leaves(shard) && node.is_held(shard)
    }

    /// Tells whether this process surely is a member of the cluster.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.node().is_sure(self.elapsed())
    }

    /// Forgets a grant that a mailbox's store refuses: a newer one is known there.
    pub fn doubt(&self, mailbox: &MailboxKey, fence: Fence) {
        self.node().doubt(shard_of(mailbox), fence);
        self.hurry.notify_one();
    }

    pub(super) fn may_write(&self, shard: Shard, fence: Fence) -> bool {
        self.node().may_write(shard, fence, self.elapsed())
    }

    pub(super) fn may_send(&self, shard: Shard, fence: Fence) -> bool {
        self.node().may_send(shard, fence, self.elapsed())
    }

    pub(super) fn leaves(&self, shard: Shard) -> bool {
        self.node().leaves(shard)
    }

    /// Returns what tells of changes.
    #[must_use]
    pub fn tidings(&self) -> watch::Receiver<Tidings> {
        self.tidings.subscribe()
    }

    /// Waits until no other cycle of the mailbox runs on this node, and until what was sent by one that was
    /// cut off has landed or never will; the turn ends when dropped.
    pub async fn turn(&self, mailbox: &MailboxKey) -> Turn {
        self.turns.take(mailbox).await
    }

    /// Work on a mailbox was cut off after it had sent something.
    pub(super) fn close_turn(&self, mailbox: &MailboxKey) {
        self.turns.close(mailbox, Instant::now() + WRITE);
    }

    /// Joins the cluster, or stays in it, and takes what is free of this node's share. Returns false
    /// when another process has this node's name.
    ///
    /// # Errors
    /// Fails when the store cannot be reached; what was owned is owned until its time is over.
    pub async fn hold(&self) -> Result<bool, StoreError> {
        let settled = !self.node().is_unsettled();
        self.step().await?;
        // Only the answer told that the store grants something, who the members are, or that a shard can be
        // had now.
        for _ in 0..2 {
            let asks = self.node().is_unsettled() && !self.node().is_replaced();
            if !settled || !asks {
                break;
            }
            self.wait_for_grants(MOMENT).await;
            self.step().await?;
        }
        Ok(!self.node().is_replaced())
    }

    /// Waits while the store grants nothing: not at all when that takes longer than `most` milliseconds.
    async fn wait_for_grants(&self, most: u64) {
        let left = self.node().closed().saturating_sub(self.elapsed());
        if left <= most {
            // The process counted from before it asked.
            tokio::time::sleep(Duration::from_millis(left) + MARGIN).await;
        }
    }

    /// Takes the shards of some mailboxes for an operator's command, beside those that it has.
    ///
    /// # Errors
    /// Fails when the store cannot be reached.
    pub async fn visit(&self, mailboxes: &[&MailboxKey]) -> Result<Option<Occupied>, StoreError> {
        let shards: BTreeSet<Shard> = mailboxes.iter().map(|key| shard_of(key)).collect();
        self.node().want_also(&shards);
        self.step().await?;
        // A store that lost something grants nothing for one lease, or for two when it did so twice.
        let ends = self.elapsed() + 2 * millis(LEASE_TTL);
        while self.node().is_unsettled() && self.node().is_closed() && self.elapsed() < ends {
            self.wait_for_grants(millis(LEASE_TTL)).await;
            self.step().await?;
        }
        let node = self.node();
        let taken: Vec<Shard> = shards.into_iter().filter(|shard| !node.is_held(*shard)).collect();
        let Some(first) = taken.first() else { return Ok(None) };
        let name = match node.other_holder(*first) {
            Some((name, _)) => name.to_string(),
            None if node.is_replaced() => "of this name".to_owned(),
            // A lease that nobody renews any more ends by itself.
            None => "that ended a moment ago; try again in 15 s".to_owned(),
        };
        Ok(Some(Occupied { node: name, shards: taken.len() }))
    }

    /// Keeps the membership until the returned future is dropped.
    pub async fn keep(self: Arc<Self>) {
        let (mut replaced, mut failures) = (false, Failures::default());
        loop {
            // Who lost the node's name has nothing to wait for but the other's end.
            let hurries = self.node().is_unsettled() && !replaced;
            tokio::select! {
                () = tokio::time::sleep(if hurries { HURRY } else { BEAT }) => {}
                () = self.hurry.notified() => {}
            }
            failures.note(&self.hold().await, self.elapsed());
            let before = std::mem::replace(&mut replaced, self.node().is_replaced());
            if replaced && !before {
                tracing::error!(
                    "another process has the name of this node; give each node a host name or a \
                     port of its own"
                );
            }
        }
    }

    /// Gives all shards back as soon as no cycle runs in them, and takes no more. Returns when none
    /// is left; the keeper must run on.
    pub async fn drain(&self) {
        self.node().want(Want::Nothing);
        self.tell(|tidings| tidings.changes += 1);
        let mut changed = self.tidings.subscribe();
        self.hurry.notify_one();
        while self.node().holds() > 0 {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Leaves the cluster: nothing is owned any more, and what still runs is cut off. The keeper must
    /// have ended.
    pub async fn release(&self) {
        let _one = self.stepping.lock().await;
        let step = {
            let (mut node, now) = (self.node(), self.elapsed());
            let busy = self.busy();
            node.leave(&|shard| is_busy(&busy, shard, now), fresh())
        };
        self.tell(|tidings| tidings.changes += 1);
        match self.store.step(&step).await {
            Ok(answer) => self.node().answered(self.elapsed(), &step, answer),
            Err(error) => tracing::warn!(%error, "the shards could not be given back"),
        }
    }

    /// One round trip to the store.
    async fn step(&self) -> Result<(), StoreError> {
        let _one = self.stepping.lock().await;
        // The store may have started the clock as soon as the request was sent.
        let asked = self.elapsed();
        let (step, moves, sure) = {
            let mut node = self.node();
            let (moves, sure) = (node.moves(), node.is_sure(asked));
            let busy = self.busy();
            (node.next(&|shard| is_busy(&busy, shard, asked), fresh()), moves, sure)
        };
        let answer = self.store.step(&step).await?;
        self.saw(answer.now);
        let mut node = self.node();
        let was_open = node.closed() <= asked;
        let before = node.generation();
        node.answered(asked, &step, answer);
        let lost = before.is_some() && before != node.generation();
        let closed = node.closed().saturating_sub(asked);
        if was_open && closed > MOMENT {
            tracing::warn!(
                seconds = closed / 1_000,
                "the state store lost what it had told; no shard is granted for one lease"
            );
        }
        let changed = node.moves() != moves;
        let regained = !sure && !step.first && node.is_sure(self.elapsed());
        drop(node);
        if changed || regained || lost {
            self.tell(|tidings| {
                tidings.changes += u64::from(changed);
                tidings.regained += u64::from(regained);
                tidings.losses += u64::from(lost);
            });
        }
        Ok(())
    }

    fn tell(&self, change: impl FnOnce(&mut Tidings)) {
        self.tidings.send_modify(change);
    }

    /// The monotonic clock. It may stand still while the machine sleeps (`docs/cluster.md`).
    fn elapsed(&self) -> u64 {
        millis(self.started.elapsed())
    }

    pub(super) fn node(&self) -> MutexGuard<'_, Node> {
        self.node.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn busy(&self) -> MutexGuard<'_, HashMap<Shard, Busy>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_busy(busy: &HashMap<Shard, Busy>, shard: Shard, now: u64) -> bool {
    busy.get(&shard).is_some_and(|one| one.is_at(now))
}

fn fresh() -> Generation {
    Generation(Uuid::new_v4().as_u128())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
