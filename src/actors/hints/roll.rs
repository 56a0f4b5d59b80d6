//! A roll call: all nodes are asked how they stand, and each that hears it answers.
//!
//! It goes over the bus, so that nodes need no other way to one another: their private APIs listen on
//! loopback by default. Who is silent is known from the list of members, not from here.

use std::sync::{Arc, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use uuid::Uuid;

use super::Relay;
use crate::ports::wake::{Channel, Hint};

/// Roll calls of this node at once; each is a message to every node.
const ROLLS_MAX: usize = 16;
/// Roll calls that wait for this node's answer. To those beyond them it is silent.
const ASKED_MAX: usize = 256;
/// Answers that wait to be read; more nodes than any cluster has.
const ANSWERS_MAX: usize = 1_000;

/// Renders how this node stands, for operators at other nodes; without an address of a mailbox.
pub type Tell = Arc<dyn Fn() -> String + Send + Sync>;

/// Roll calls to which this node owes an answer.
#[derive(Debug, Default)]
pub(super) struct Asked {
    rolls: Vec<Uuid>,
    /// Somebody is answering.
    answering: bool,
}

/// A roll call that goes on; forgotten when dropped.
pub struct Roll {
    relay: Relay,
    id: Uuid,
    answers: mpsc::Receiver<String>,
}

impl Relay {
    /// Lets this node answer roll calls.
    #[must_use]
    pub fn telling(mut self, tell: Tell) -> Self {
        self.tell = Some(tell);
        self
    }

    /// Asks all nodes how they stand; nothing when nobody could be told.
    pub async fn roll(&self) -> Option<Roll> {
        let (id, (send, answers)) = (Uuid::new_v4(), mpsc::channel(ANSWERS_MAX));
        {
            let mut rolls = self.rolls.lock().unwrap_or_else(PoisonError::into_inner);
            if rolls.len() >= ROLLS_MAX {
                return None;
            }
            rolls.insert(id, send);
        }
        let roll = Roll { relay: self.clone(), id, answers };
        let asked = self.bus.publish(&[(Channel::Everybody, Hint::Roll(id))]).await;
        asked.is_ok().then_some(roll)
    }

    /// Answers a roll call, besides what else is heard. Those that come while an answer is worked out
    /// share the next one.
    pub(super) fn tell(&self, roll: Uuid) {
        let Some(tell) = self.tell.clone() else { return };
        {
            let mut asked = self.asked();
            if asked.rolls.len() < ASKED_MAX {
                asked.rolls.push(roll);
            }
            if std::mem::replace(&mut asked.answering, true) {
                return;
            }
        }
        let relay = self.clone();
        tokio::spawn(async move {
            while let Some(rolls) = relay.owed() {
                // It walks through all mailboxes: not beside the renewals of the lease.
                let tell = tell.clone();
                let told = tokio::task::spawn_blocking(move || tell()).await;
                // Who cannot be heard is shown as silent.
                let Ok(told) = told else { continue };
                for roll in rolls {
                    let answer = Hint::Present(roll, told.clone());
                    let _ = relay.bus.publish(&[(Channel::Everybody, answer)]).await;
                }
            }
        });
    }

    /// Takes the roll calls that wait for an answer; nothing when there is none, and then nobody is
    /// answering any more.
    fn owed(&self) -> Option<Vec<Uuid>> {
        let mut asked = self.asked();
        asked.answering = !asked.rolls.is_empty();
        asked.answering.then(|| std::mem::take(&mut asked.rolls))
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in an answer to a roll call of this node or of another.
    pub(super) fn told(&self, roll: Uuid, answer: String) {
        let rolls = self.rolls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asker) = rolls.get(&roll) {
            // Beyond the bound there is nobody who would read it.
            let _ = asker.try_send(answer);
        }
    }
}

impl Roll {
    /// Waits for the next answer; forever when none comes.
    pub async fn next(&mut self) -> Option<String> {
        self.answers.recv().await
    }
}

impl Drop for Roll {
    fn drop(&mut self) {
        self.relay.rolls.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
