//! One round of a keeper: each mailbox of this node is looked after, some of them at once.
//!
//! The first call goes alone: what it comes to would happen to the others, too. After it as many run at once as the
//! budget of subscriptions lets run, and they begin one after the other. Once a call says that all must wait,
//! none follows; those on their way come to their end, so that what they made is remembered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use futures_util::{StreamExt, stream};
use tokio::sync::{Mutex, OnceCell};
use tokio::time::sleep;

use super::books::{digest, spread};
use super::{Pause, SPACING, SubscriptionKeeper};
use crate::actors::freshness::channel_of;
use crate::domain::policy::Mailbox;
use crate::domain::subscription::{Held, Watched};
use crate::engine::upkeep::{Upkeep, upkeep};
use crate::ports::error::SideError;
use crate::ports::subscriptions::{Listed, Subscriptions};
use crate::ports::wake::Hint;

/// Mailboxes that are looked after at once, each with one call: Graph's budget of them has as many slots
/// (`throttle::ThrottleOptions::GRAPH`).
pub(super) const AT_ONCE: usize = 4;

/// What the calls of a round share.
#[derive(Default)]
pub(super) struct Round {
    /// All subscriptions of the tenant, once one was found that the store does not know of.
    listed: OnceCell<Vec<Listed>>,
    turn: Mutex<()>,
    stopped: AtomicBool,
}

impl Round {
    /// Waits for the turn to call; false when no call is to follow.
    async fn turn(&self) -> bool {
        let _turn = self.turn.lock().await;
        if !self.stopped.load(Relaxed) {
            sleep(SPACING).await;
        }
        !self.stopped.load(Relaxed)
    }

    /// Returns what the far side lists, asked once.
    pub(super) async fn listed(&self, far: &dyn Subscriptions) -> Result<&[Listed], SideError> {
        Ok(self.listed.get_or_try_init(|| far.list()).await?)
    }
}

impl SubscriptionKeeper {
    /// Looks after each mailbox that this node owns.
    pub(super) async fn round(&self) -> Result<(), Pause> {
        let mine: Vec<Arc<Mailbox>> = self
            .present
            .all()
            .into_iter()
            .filter(|one| self.parts.ownership.fence_of(&one.key).is_some())
            .collect();
        self.forget_others(&mine);
        self.read_notes(&mine).await.map_err(Pause::Store)?;
        let round = Round::default();
        let mut waiting = mine.into_iter();
        for mailbox in waiting.by_ref() {
            if self.look_after(mailbox, &round).await? {
                break;
            }
        }
        let running = stream::iter(waiting).map(|mailbox| self.look_after(mailbox, &round));
        let mut running = running.buffer_unordered(AT_ONCE);
        let mut paused = None;
        while let Some(done) = running.next().await {
            if let Err(pause) = done {
                round.stopped.store(true, Relaxed);
                paused = Some(pause.or_longer(paused));
            }
        }
        paused.map_or(Ok(()), Err)
    }

    /// Looks after both subscriptions of a mailbox, one after the other: they share a note. Returns whether a
    /// call came to a good end.
    async fn look_after(&self, mailbox: Arc<Mailbox>, round: &Round) -> Result<bool, Pause> {
        let mut called = false;
        for of in Watched::ALL {
            called |= self.look_after_one(&mailbox, of, round).await?;
        }
        Ok(called)
    }

    async fn look_after_one(
        &self,
        mailbox: &Arc<Mailbox>,
        of: Watched,
        round: &Round,
    ) -> Result<bool, Pause> {
        let (id, now) = (mailbox.key.mailbox, self.parts.clock.now());
        let Some(state) = self.states().get(&id).cloned() else { return Ok(false) };
        let made_with = digest(self.parts.far.addresses(), &state);
        let held = {
            let kept = self.kept();
            let Some(known) = kept.get(&id) else { return Ok(false) };
            if known.not_before.is_some_and(|at| now < at) {
                return Ok(false);
            }
            known.held.get(&of).cloned()
        };
        let decided = upkeep(held.as_ref(), made_with, spread(id), now);
        if let Upkeep::Rest(_) = decided {
            return Ok(false);
        }
        // Ownership may have gone while the round went on.
        if !round.turn().await || self.parts.ownership.fence_of(&mailbox.key).is_none() {
            return Ok(false);
        }
        let known = held.is_some();
        let done = self.carry_out(decided, mailbox, of, &state, round).await;
        let (held, made) = match done {
            Ok(done) => done,
            Err(error) => return self.failed(mailbox, of, &error).map(|()| false),
        };
        let held = held.map(|(id, expires)| Held { id, of, expires, made_with, silent: false });
        self.remember(mailbox, of, held).await.map_err(Pause::Store)?;
        if made && known {
            // Nobody told what happened while it was gone.
            let hint = (channel_of(&mailbox.key), Hint::Changed(mailbox.key.clone()));
            let _ = self.parts.bus.publish(&[hint]).await;
        }
        Ok(true)
    }
}
