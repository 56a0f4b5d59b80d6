//! The keeper of a tenant's subscriptions to change notifications: makes, renews and repairs them for
//! the mailboxes that this node owns.
//!
//! What is decided stands in `engine::upkeep`. What was made is remembered in the store, so that a
//! restart and a new owner go on with it; nothing is made in a storm. A subscription that nobody keeps
//! any more ends by itself within three days. Absent: notices (the ingress takes them).

mod books;
mod round;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::freshness::Present;
use crate::cluster::ownership::Ownership;
use crate::domain::ids::{MailboxKey, TenantId};
use crate::domain::policy::Mailbox;
use crate::domain::subscription::{Held, Watched};
use crate::engine::upkeep::{LIFE, Upkeep};
use crate::ports::clock::Clock;
use crate::ports::error::{Disposition, StoreError};
use crate::ports::notes::{NoteStore, Shelf};
use crate::ports::subscriptions::{MakeError, Subscriptions};
use crate::ports::wake::{Life, WakeBus};
use crate::telemetry::Metrics;
use books::{Kept, read, write};
use round::Round;

/// A pause before each call begins, so that neither Graph nor the ingress that answers its handshakes sees a
/// storm, however fast they answer.
const SPACING: Duration = Duration::from_millis(50);
/// How often what is due is looked for. Lives are counted in days.
const LOOK: Duration = Duration::from_secs(60);
/// The wait after Graph did not reach the ingress: the same would happen to the next mailbox.
const NOT_REACHED: Duration = Duration::from_secs(120);
/// The first wait of a mailbox whose subscription failed; it doubles up to an hour.
const FIRST_WAIT: TimeDelta = TimeDelta::minutes(1);
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);

/// What a keeper is made of.
pub struct KeeperParts {
    /// The tenant.
    pub tenant: TenantId,
    /// The far side.
    pub far: Arc<dyn Subscriptions>,
    /// Where they are remembered.
    pub notes: Arc<dyn NoteStore>,
    /// What this node owns.
    pub ownership: Arc<Ownership>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where repaired mailboxes are woken.
    pub bus: Arc<dyn WakeBus>,
    /// The metrics.
    pub metrics: Metrics,
}

/// Keeps the subscriptions of one tenant.
pub struct SubscriptionKeeper {
    parts: KeeperParts,
    present: Present,
    states: Mutex<HashMap<Uuid, String>>,
    kept: Mutex<HashMap<Uuid, Kept>>,
    changed: Notify,
}

/// What ends a round early.
enum Pause {
    For(Duration),
    Store(StoreError),
}

impl Pause {
    /// Returns the longer one; what the store says stays.
    fn or_longer(self, other: Option<Self>) -> Self {
        match (self, other) {
            (Self::For(one), Some(Self::For(two))) => Self::For(one.max(two)),
            (Self::For(_), Some(store @ Self::Store(_))) => store,
            (one @ (Self::For(_) | Self::Store(_)), _) => one,
        }
    }
}

impl SubscriptionKeeper {
    /// Builds a keeper that keeps nothing yet.
    #[must_use]
    pub fn new(parts: KeeperParts) -> Self {
        Self {
            parts,
            present: Present::default(),
            states: Mutex::default(),
            kept: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Takes over who takes part, each with the secret of its notices.
    pub(super) fn present(
        &self,
        mailboxes: impl Iterator<Item = Arc<Mailbox>>,
        secret: impl Fn(Uuid) -> String,
    ) {
        let mailboxes: Vec<Arc<Mailbox>> = mailboxes.collect();
        let states = mailboxes.iter().map(|one| (one.key.mailbox, secret(one.key.mailbox)));
        *self.states.lock().unwrap_or_else(PoisonError::into_inner) = states.collect();
        self.present.set(mailboxes.into_iter());
        self.changed.notify_one();
    }

    /// Tells whether events and contacts of a mailbox are told at present.
    #[must_use]
    pub fn is_told(&self, mailbox: Uuid, now: DateTime<Utc>) -> bool {
        let kept = self.kept();
        let living = |of| kept.get(&mailbox).and_then(|it| it.held.get(of));
        Watched::ALL.iter().all(|of| living(of).is_some_and(|held| held.is_living(now)))
    }

    /// Takes in what the far side says of a subscription; the next round repairs it.
    pub fn heard(&self, mailbox: Uuid, life: &Life) {
        let mut kept = self.kept();
        let Some(known) = kept.get_mut(&mailbox) else { return };
        match life {
            Life::Missed => return,
            Life::Removed(id) => {
                known.held.values_mut().filter(|held| held.id == *id).for_each(|held| {
                    held.expires = DateTime::UNIX_EPOCH;
                });
            }
            Life::Unauthorized(id) => {
                known.held.values_mut().filter(|held| held.id == *id).for_each(|held| {
                    held.silent = true;
                });
            }
        }
        known.not_before = None;
        drop(kept);
        self.changed.notify_one();
    }

    /// Ends the subscriptions of a mailbox and forgets them (an operator purges it).
    ///
    /// # Errors
    /// Fails with a sentence when the store or Graph cannot be reached; a second call goes on.
    pub async fn end(&self, mailbox: &MailboxKey) -> Result<(), String> {
        let notes = self.parts.notes.notes(&self.parts.tenant, Shelf::Subscriptions).await;
        let notes = notes.map_err(|error| error.to_string())?;
        let key = mailbox.mailbox.to_string();
        let held: Vec<Held> = notes.get(&key).map(|text| read(text)).unwrap_or_default();
        for held in held {
            self.parts.far.end(&held.id).await.map_err(|error| error.to_string())?;
        }
        self.kept().remove(&mailbox.mailbox);
        let gone = [(key, None)];
        let written =
            self.parts.notes.write_notes(&self.parts.tenant, Shelf::Subscriptions, &gone).await;
        written.map_err(|error| error.to_string())
    }

    /// Keeps them until the returned future is dropped.
    pub(super) async fn keep(self: Arc<Self>) {
        loop {
            let wait = match self.round().await {
                Ok(()) => LOOK,
                Err(Pause::For(wait)) => wait.max(SPACING),
                Err(Pause::Store(error)) => {
                    tracing::warn!(lockstep.code = error.code().as_str(), %error,
                        "subscriptions cannot be remembered");
                    LOOK
                }
            };
            // A pause that Graph asked for is not shortened by news of the roster.
            if wait == LOOK {
                let _ = timeout(wait, self.changed.notified()).await;
            } else {
                sleep(wait).await;
            }
        }
    }

    /// What another node keeps is read anew when it comes back.
    fn forget_others(&self, mine: &[Arc<Mailbox>]) {
        let mine: std::collections::HashSet<Uuid> =
            mine.iter().map(|one| one.key.mailbox).collect();
        self.kept().retain(|mailbox, _| mine.contains(mailbox));
    }

    async fn read_notes(&self, mine: &[Arc<Mailbox>]) -> Result<(), StoreError> {
        let is_new =
            |one: &Arc<Mailbox>| !self.kept().get(&one.key.mailbox).is_some_and(|kept| kept.read);
        if !mine.iter().any(is_new) {
            return Ok(());
        }
        let notes = self.parts.notes.notes(&self.parts.tenant, Shelf::Subscriptions).await?;
        for one in mine.iter().filter(|one| is_new(one)) {
            let held = notes.get(&one.key.mailbox.to_string()).map(|text| read(text));
            let held = held.unwrap_or_default().into_iter().map(|held| (held.of, held)).collect();
            self.kept().insert(one.key.mailbox, Kept { held, read: true, ..Kept::default() });
        }
        Ok(())
    }

    /// Returns the subscription as it is now, and whether it was made.
    async fn carry_out(
        &self,
        decided: Upkeep,
        mailbox: &Mailbox,
        of: Watched,
        state: &str,
        round: &Round,
    ) -> Result<(Option<(String, DateTime<Utc>)>, bool), MakeError> {
        let far = &self.parts.far;
        let until = self.parts.clock.now() + LIFE;
        let op = match decided {
            Upkeep::Rest(_) => return Ok((None, false)),
            Upkeep::Renew(id) => match far.renew(&id, until).await? {
                Some(expires) => {
                    self.count("renew");
                    return Ok((Some((id, expires)), false));
                }
                None => "remake",
            },
            Upkeep::Authorize(id) => {
                // A renewal authorizes as well, but a new subscription is asked for where it fails.
                let renewed =
                    if far.authorize(&id).await? { far.renew(&id, until).await? } else { None };
                match renewed {
                    Some(expires) => {
                        self.count("authorize");
                        return Ok((Some((id, expires)), false));
                    }
                    None => "remake",
                }
            }
            Upkeep::Replace(id) => {
                far.end(&id).await?;
                "remake"
            }
            Upkeep::Make => "make",
        };
        let made = match far.make(mailbox, of, state, until).await {
            Err(MakeError::Exists) => self.take_over(mailbox, of, state, until, round).await?,
            made => made?,
        };
        self.count(op);
        Ok((Some(made), true))
    }

    /// There is one that the store does not know of: it is taken over when it is ours in all parts,
    /// and replaced otherwise.
    async fn take_over(
        &self,
        mailbox: &Mailbox,
        of: Watched,
        state: &str,
        until: DateTime<Utc>,
        round: &Round,
    ) -> Result<(String, DateTime<Utc>), MakeError> {
        let listed = round.listed(self.parts.far.as_ref()).await?;
        let user = mailbox.object_id.to_string();
        let mine = listed.iter().filter(|it| it.of == of && it.user == user);
        for one in mine {
            if one.ours && one.state.as_deref() == Some(state) {
                self.count("adopt");
                return Ok((one.id.clone(), one.expires));
            }
            self.parts.far.end(&one.id).await?;
        }
        self.parts.far.make(mailbox, of, state, until).await
    }

    async fn remember(
        &self,
        mailbox: &Mailbox,
        of: Watched,
        held: Option<Held>,
    ) -> Result<(), StoreError> {
        let id = mailbox.key.mailbox;
        let text = {
            let mut kept = self.kept();
            let known = kept.entry(id).or_default();
            (known.failures, known.not_before) = (0, None);
            match held {
                Some(held) => known.held.insert(of, held),
                None => known.held.remove(&of),
            };
            write(&known.held)
        };
        let note = [(id.to_string(), text)];
        self.parts.notes.write_notes(&self.parts.tenant, Shelf::Subscriptions, &note).await
    }

    fn failed(&self, mailbox: &Mailbox, of: Watched, error: &MakeError) -> Result<(), Pause> {
        self.count("failed");
        let now = self.parts.clock.now();
        {
            let mut kept = self.kept();
            let known = kept.entry(mailbox.key.mailbox).or_default();
            let wait = FIRST_WAIT * (1 << known.failures.min(10));
            known.failures = known.failures.saturating_add(1);
            known.not_before = now.checked_add_signed(wait.min(LONGEST_WAIT));
        }
        tracing::warn!(
            lockstep.tenant = self.parts.tenant.as_str(),
            lockstep.mailbox = %mailbox.key.mailbox,
            subscription = of.name(),
            %error,
            "a subscription cannot be kept; the sweeps go on"
        );
        match error {
            MakeError::NotReached => Err(Pause::For(NOT_REACHED)),
            MakeError::Side(error) => match error.disposition() {
                Disposition::Retry { after } => Err(Pause::For(after)),
                Disposition::Fatal(_) => Err(Pause::For(NOT_REACHED)),
                Disposition::Reauthenticate | Disposition::Resync | Disposition::Park(_) => Ok(()),
            },
            MakeError::Exists => Ok(()),
        }
    }

    fn count(&self, op: &str) {
        self.parts.metrics.subscription(self.parts.tenant.as_str(), op);
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Uuid, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn states(&self) -> MutexGuard<'_, HashMap<Uuid, String>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
