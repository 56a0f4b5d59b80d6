//! What the actors of one tenant share: ports, runtime, permits, the present view.

mod admitted;
mod held;
mod lane;
mod lost;

use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use tokio::sync::{Semaphore, broadcast};

use super::board::{Board, MailboxRow};
use super::fair::{Lane, Share};
use super::freshness::Freshness;
use super::messages::Ended;
use super::phase::Pace;
use crate::cluster::ownership::Ownership;
use crate::cycle::{
    CycleDeps, CycleEnd, CycleReport, Judged, Left, Orders, Roster, TenantOptions, TenantView,
    roster,
};
use crate::domain::fingerprint::PrintKey;
use crate::domain::ids::MailboxKey;
use crate::domain::policy::Mailbox;
use crate::domain::side::PerSide;
use crate::ports::error::{SideError, StoreError};
use crate::ports::links::Excluded;
use crate::ports::organization::{Organization, Profile};
use crate::ports::sightings::{SightingStore, Sightings};
use crate::throttle::Throttle;

/// Retention is counted in days.
const PRUNE_INTERVAL: TimeDelta = TimeDelta::days(1);
/// The store is asked so far apart: at a start, when all mailboxes ask it, too, and nothing hurries.
const PRUNE_SPACING: std::time::Duration = std::time::Duration::from_millis(20);

/// The world of one tenant's actors.
pub struct TenantRuntime {
    /// The tenant's choices.
    pub options: TenantOptions,
    /// The ports of its cycles.
    pub deps: CycleDeps,
    /// The organization.
    pub organization: Arc<dyn Organization>,
    /// The runtime on which cycles and all I/O run.
    pub io: tokio::runtime::Handle,
    /// The tenant's share of the node's cycles at once.
    pub share: Share,
    /// What operators see.
    pub board: Arc<Board>,
    /// Every finished cycle, for the live feed. Nobody listening is fine.
    pub reports: broadcast::Sender<Arc<CycleReport>>,
    /// What this node owns.
    pub ownership: Arc<Ownership>,
    /// How mailboxes wait.
    pub pace: Pace,
    key: Option<PrintKey>,
    view: RwLock<Option<Arc<TenantView>>>,
    judged: RwLock<Vec<Judged>>,
    pruned: Mutex<Option<DateTime<Utc>>>,
    /// Whom an operator keeps out, as the store said last.
    kept_out: Mutex<Excluded>,
    /// Questions to the store about mailboxes that come, at once.
    asks: Semaphore,
    sightings: Arc<dyn SightingStore>,
    /// What the store holds, once it was read; locked while a profile is taken in.
    seen: tokio::sync::Mutex<Option<Sightings>>,
    /// Pushes, where something runs that takes them.
    freshness: OnceLock<Freshness>,
    /// The budgets of both far sides, to be shown.
    budgets: OnceLock<Budgets>,
}

/// The budgets of both far sides.
pub type Budgets = PerSide<Arc<Throttle>>;

/// The longest that a cycle may take (SCH-05). Each request has a time-out of its own, so only a
/// defect or a first load beyond all measure takes longer; such a load goes on where it was.
const CYCLE_MAX: std::time::Duration = std::time::Duration::from_secs(6 * 60 * 60);

/// The parts of a tenant's runtime that are not made by itself.
pub struct RuntimeParts {
    /// The tenant's choices.
    pub options: TenantOptions,
    /// The ports of its cycles.
    pub deps: CycleDeps,
    /// The organization.
    pub organization: Arc<dyn Organization>,
    /// What was seen of another engine.
    pub sightings: Arc<dyn SightingStore>,
    /// The I/O runtime.
    pub io: tokio::runtime::Handle,
    /// The tenant's share of the node's cycles at once.
    pub share: Share,
    /// The live feed.
    pub reports: broadcast::Sender<Arc<CycleReport>>,
    /// The ownership.
    pub ownership: Arc<Ownership>,
    /// The pace.
    pub pace: Pace,
    /// The fingerprint key, when the configuration gives one.
    pub key: Option<PrintKey>,
}

impl TenantRuntime {
    /// Builds the runtime of a tenant whose profile was not read yet.
    #[must_use]
    pub fn new(parts: RuntimeParts) -> Self {
        Self {
            board: Arc::new(Board::new(parts.options.tenant.clone())),
            options: parts.options,
            deps: parts.deps,
            organization: parts.organization,
            io: parts.io,
            share: parts.share,
            reports: parts.reports,
            ownership: parts.ownership,
            pace: parts.pace,
            key: parts.key,
            view: RwLock::new(None),
            judged: RwLock::default(),
            pruned: Mutex::default(),
            kept_out: Mutex::default(),
            asks: Semaphore::new(lane::ASKS),
            sightings: parts.sightings,
            seen: tokio::sync::Mutex::default(),
            freshness: OnceLock::new(),
            budgets: OnceLock::new(),
        }
    }

    /// Gives the tenant its pushes; a second call changes nothing.
    pub fn set_freshness(&self, freshness: Freshness) {
        let _ = self.freshness.set(freshness);
    }

    /// Returns the tenant's pushes, if it has any.
    #[must_use]
    pub fn freshness(&self) -> Option<&Freshness> {
        self.freshness.get()
    }

    /// Says which budgets its calls spend; a second call changes nothing.
    pub fn set_budgets(&self, budgets: Budgets) {
        let _ = self.budgets.set(budgets);
    }

    /// Returns the budgets that its calls spend, where something spends them.
    #[must_use]
    pub fn budgets(&self) -> Option<&Budgets> {
        self.budgets.get()
    }

    /// Returns how long a mailbox waits after so many sweeps in a row that found nothing.
    #[must_use]
    pub fn sweep_of(&self, mailbox: uuid::Uuid, quiet: u32) -> std::time::Duration {
        let sweep = self.pace.sweep;
        self.freshness().map_or(sweep, |freshness| {
            freshness.stretched(mailbox, sweep, quiet, self.deps.clock.now())
        })
    }

    /// Returns the present view, once a profile was read.
    #[must_use]
    pub fn view(&self) -> Option<Arc<TenantView>> {
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the organization's profile.
    ///
    /// # Errors
    /// As the port says.
    pub async fn read_profile(&self) -> Result<Profile, SideError> {
        self.organization.profile().await
    }

    /// Returns the tenant's fingerprint key: the configured one, else the store's, made at the
    /// first start.
    ///
    /// # Errors
    /// As the store says.
    pub async fn print_key(&self) -> Result<PrintKey, StoreError> {
        if let Some(key) = &self.key {
            return Ok(key.clone());
        }
        // A store that was emptied gets the key again by which its links are told apart.
        let random = || PrintKey(*uuid::Uuid::new_v4().as_bytes());
        let fresh = self.view().map_or_else(random, |view| view.key.clone());
        self.deps.links.print_key(&self.options.tenant, fresh).await
    }

    /// Makes a profile the present one and returns who takes part, but for those whom an operator
    /// keeps out. What was seen of another engine is stored before anybody takes part, so that a
    /// crash cannot forget it (ELIG-13).
    ///
    /// # Errors
    /// As the store says; the present view then stays.
    pub async fn adopt(&self, profile: &Profile) -> Result<Roster, StoreError> {
        let tenant = &self.options.tenant;
        let key = self.print_key().await?;
        let excluded = self.deps.links.excluded(tenant).await?;
        *self.kept_out.lock().unwrap_or_else(PoisonError::into_inner) = excluded.clone();
        let mut seen = self.seen.lock().await;
        let mut sightings = match seen.take() {
            Some(sightings) => sightings,
            None => self.sightings.sightings(tenant).await?,
        };
        let mut roster = roster(&self.options, profile, key, &sightings, &excluded);
        if profile.not_before.is_some_and(|at| self.deps.clock.now() < at) {
            roster.hold_all();
        }
        roster.share(&self.judged.read().unwrap_or_else(PoisonError::into_inner));
        // A mailbox at rest stays so while the profile says the same.
        if let Some(same) = self.view().filter(|old| **old == *roster.view) {
            roster.view = same;
        }
        if !roster.sightings.is_empty() {
            self.sightings.watch(tenant, &roster.sightings).await?;
            roster.sightings.apply(&mut sightings);
        }
        *seen = Some(sightings);
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Some(roster.view.clone());
        let rows = roster.judged.iter();
        self.board
            .roster(rows.map(|one| (one.id, one.address.clone(), one.reasons.clone())).collect());
        self.judged.write().unwrap_or_else(PoisonError::into_inner).clone_from(&roster.judged);
        Ok(roster)
    }

    /// Returns a mailbox record as the last profile had it, whether or not it takes part.
    pub fn judged(&self, is: impl Fn(&Judged) -> bool) -> Option<Judged> {
        let judged = self.judged.read().unwrap_or_else(PoisonError::into_inner);
        judged.iter().find(|one| is(one)).cloned()
    }

    /// Returns the mailboxes of the last profile that take part and that this node owns.
    #[must_use]
    pub fn own_mailboxes(&self) -> Vec<Arc<Mailbox>> {
        let judged = self.judged.read().unwrap_or_else(PoisonError::into_inner);
        let taking_part = judged.iter().filter_map(|one| one.mailbox.as_ref());
        taking_part.filter(|one| self.ownership.owns(&one.key)).cloned().collect()
    }

    /// Returns all mailboxes as operators see them, in the order of their ids.
    #[must_use]
    pub fn rows(&self) -> Vec<MailboxRow> {
        self.board.mailboxes().into_iter().map(|row| self.placed(row)).collect()
    }

    /// Returns one mailbox as operators see it.
    #[must_use]
    pub fn row(&self, mailbox: uuid::Uuid) -> Option<MailboxRow> {
        self.board.mailbox(mailbox).map(|row| self.placed(row))
    }

    /// The board keeps what it knew of a mailbox that went elsewhere.
    fn placed(&self, row: MailboxRow) -> MailboxRow {
        let key = MailboxKey { tenant: self.options.tenant.clone(), mailbox: row.mailbox };
        let elsewhere = row.reasons.is_empty() && !self.ownership.owns(&key);
        MailboxRow { elsewhere, ..row }
    }

    /// Forgets what is too old in all mailboxes, at most once a day: a mailbox that writes nothing
    /// forgets nothing by itself.
    pub async fn prune(&self, mailboxes: Vec<MailboxKey>) {
        let Some(now) = self.board.tenant_row().profile_read else { return };
        {
            let mut last = self.pruned.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|last| now - last < PRUNE_INTERVAL) {
                return;
            }
            *last = Some(now);
        }
        let chronicle = &self.deps.chronicle;
        for mailbox in mailboxes {
            tokio::time::sleep(PRUNE_SPACING).await;
            if self.share.is_closed() {
                return;
            }
            if let Err(error) = chronicle.journal.prune(&mailbox, &chronicle.horizon(now)).await {
                tracing::warn!(lockstep.code = error.code().as_str(), %error, "old records stay");
                return;
            }
        }
    }

    /// Ends the runtime: no further cycle starts, one that runs goes on to its end.
    pub fn close(&self) {
        self.share.close();
        if let Some(freshness) = self.freshness() {
            freshness.close();
        }
    }

    /// Runs one cycle of a mailbox, waiting for a slot, catching a panic.
    pub async fn cycle(self: Arc<Self>, mailbox: Arc<Mailbox>, orders: Orders) -> Ended {
        self.cycle_from(mailbox, orders, None, Lane::Changes).await.0
    }

    /// Runs one cycle of a mailbox from what the last one left; returns what it leaves itself.
    pub async fn cycle_from(
        self: Arc<Self>,
        mailbox: Arc<Mailbox>,
        orders: Orders,
        left: Option<Left>,
        lane: Lane,
    ) -> (Ended, Option<Left>) {
        let run = self.attempt(&mailbox, orders, left, lane);
        let run = std::panic::AssertUnwindSafe(run).catch_unwind();
        // Whatever panics on the way: without an answer the mailbox would run for ever.
        Box::pin(run).await.unwrap_or((Ended::Panicked, None))
    }

    async fn attempt(
        &self,
        mailbox: &Mailbox,
        orders: Orders,
        left: Option<Left>,
        lane: Lane,
    ) -> (Ended, Option<Left>) {
        // A predecessor of this actor, or of this whole runtime, may still be in its last cycle.
        // Two cycles of one mailbox at once carry the same fence and would create twice.
        let _turn = self.ownership.turn(&mailbox.key).await;
        let Some(_slot) = self.share.enter(lane).await else {
            return (Ended::End(CycleEnd::InDoubt), None);
        };
        // Thousands wait for a slot at once: what they do with it takes its place when they have one.
        Box::pin(self.admitted(mailbox, orders, left)).await
    }
}
