//! What a cycle is given: its mailbox, its tenant's choices, its ports.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use super::chronicle::Chronicle;
use super::orders::Orders;
use super::recent::Recent;
use super::shield;
use super::warm::Base;
use crate::domain::code::Code;
use crate::domain::file::FilePolicy;
use crate::domain::fingerprint::PrintKey;
use crate::domain::ids::{Address, CycleId, Fence, TenantId};
use crate::domain::observation::Observation;
use crate::domain::party::PartyRow;
use crate::domain::policy::{Context, Directions, Directory, Limits, Mailbox, Policy};
use crate::domain::setting::Effective;
use crate::domain::side::Side;
use crate::engine::normalise::{Seen, normalise};
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;
use crate::ports::lease::Tenure;
use crate::ports::links::{Claim, LinkStore, MailboxState};
use crate::ports::side::FarSide;
use crate::telemetry::Metrics;

/// The ports of one tenant's cycles.
#[derive(Clone)]
pub struct CycleDeps {
    /// Dynamics.
    pub dynamics: Arc<dyn FarSide>,
    /// Exchange.
    pub exchange: Arc<dyn FarSide>,
    /// The state store.
    pub links: Arc<dyn LinkStore>,
    /// What this node remembers of mailboxes that changed lately.
    pub recent: Arc<Recent>,
    /// What cycles write down of themselves.
    pub chronicle: Chronicle,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The metrics.
    pub metrics: Metrics,
}

impl CycleDeps {
    /// Returns the port of a side.
    #[must_use]
    pub fn side(&self, side: Side) -> &dyn FarSide {
        match side {
            Side::Dynamics => self.dynamics.as_ref(),
            Side::Exchange => self.exchange.as_ref(),
        }
    }
}

/// What all cycles of a tenant share; replaced as a whole when the tenant's profile is read again.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantView {
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's choices, overrides applied.
    pub policy: Policy,
    /// What the organization allows of files.
    pub files: FilePolicy,
    /// Every known setting with the value that holds and its origin.
    pub effective: Vec<Effective>,
    /// The field directions.
    pub directions: Directions,
    /// The users.
    pub directory: Directory,
    /// `organizationid`.
    pub organization: Uuid,
    /// The addresses of all mailbox records, whether or not they take part.
    pub mailboxes: HashSet<Address>,
    /// The brakes.
    pub limits: Limits,
    /// The key of the fingerprints.
    pub key: PrintKey,
    /// How far the calendar window reaches back.
    pub window_back: Duration,
    /// How far it reaches ahead.
    pub window_ahead: Duration,
}

/// What names and addresses lead to in Dynamics, as the mailbox's user may see it.
#[derive(Debug, Clone, Default)]
pub struct Resolved {
    /// Addresses of attendees outside the directory (RES-01, RES-02).
    pub parties: HashMap<Address, PartyRow>,
    /// Addresses that no row carries, with the row that is to be made of each (RES-03).
    pub strangers: HashMap<Address, PartyRow>,
    /// Names of companies that are the name of exactly one account (CONT-08).
    pub accounts: HashMap<String, Uuid>,
}

/// One cycle's world.
#[derive(Clone)]
pub struct CycleContext {
    /// The cycle.
    pub cycle: CycleId,
    /// The mailbox.
    pub mailbox: Mailbox,
    /// The epoch of the ownership; every commit carries it.
    pub fence: Fence,
    /// The right to write, which may end before the cycle does.
    pub tenure: Arc<dyn Tenure>,
    /// What the next commit builds on.
    pub base: Base,
    /// The tenant.
    pub view: Arc<TenantView>,
    /// The ports.
    pub deps: CycleDeps,
    /// What an operator asked of it.
    pub orders: Orders,
    /// The instant of the cycle.
    pub now: DateTime<Utc>,
}

impl CycleContext {
    /// Takes the mailbox over under the cycle's fence and returns what is remembered of it.
    pub(super) async fn claim(&self) -> Result<MailboxState, StoreError> {
        self.deps.recent.forget(&self.mailbox.key);
        let state = self.deps.links.claim(&self.mailbox.key, self.fence).await?;
        self.base.claimed(state.seq, self.now);
        Ok(state)
    }

    /// Returns what this node remembers of the mailbox, or takes it over. What an operator ordered begins with
    /// what is stored.
    pub(super) async fn recall(&self) -> Result<MailboxState, StoreError> {
        let (recent, mailbox) = (&self.deps.recent, &self.mailbox.key);
        let known = recent.take(mailbox, self.fence, self.now);
        let Some(known) = known.filter(|_| self.orders == Orders::default()) else {
            return self.claim().await;
        };
        self.base.remembered(known.state.seq, known.at);
        Ok(known.state)
    }

    /// Makes sure, before anything is sent, that the mailbox is this cycle's and as the cycle believes. Costs
    /// nothing once the store said so in this cycle.
    pub(super) async fn assure(&self) -> Result<(), StoreError> {
        if self.base.is_sure() {
            return Ok(());
        }
        let believed = self.base.seq();
        if self.claim().await?.seq == believed { Ok(()) } else { Err(StoreError::StateMoved) }
    }

    /// Takes the mailbox over as it was when it was planned; anything else is refused.
    pub(super) async fn claim_as(&self, planned: &MailboxState) -> Result<(), StoreError> {
        let found = match self.claim().await {
            // The plan knew nothing of what cannot be read, so it can go.
            Err(StoreError::Corrupt(_)) if *planned == MailboxState::default() => {
                return self.forget().await;
            }
            found => found?,
        };
        if found.seq == planned.seq { Ok(()) } else { Err(StoreError::StateMoved) }
    }

    /// Forgets all that is remembered of the mailbox, which this cycle claimed.
    pub(super) async fn forget(&self) -> Result<(), StoreError> {
        let seq = self.deps.links.forget(&self.mailbox.key, self.fence).await?;
        self.base.claimed(seq, self.now);
        Ok(())
    }

    pub(super) fn claimed(&self) -> Claim {
        Claim { fence: self.fence, seq: self.base.seq() }
    }

    /// Returns what the engine's stages need.
    #[must_use]
    pub fn engine<'a>(&'a self, resolved: &'a Resolved) -> Context<'a> {
        Context {
            mailbox: &self.mailbox,
            policy: &self.view.policy,
            directions: &self.view.directions,
            directory: &self.view.directory,
            parties: &resolved.parties,
            strangers: &resolved.strangers,
            accounts: &resolved.accounts,
            limits: self.view.limits,
            now: self.now,
        }
    }

    /// Returns an observation in comparable form.
    pub(super) fn comparable(&self, mut observation: Observation) -> Seen {
        let view = &self.view;
        let zone = self.mailbox.personal.zone.as_ref();
        let normal = |it| normalise(it, &view.key, &view.policy.settings, &view.directory, zone);
        let fields = std::mem::take(&mut observation.fields);
        let bare = observation.clone();
        observation.fields = fields;
        shield::guarded(|| normal(observation))
            .unwrap_or_else(|| normal(Observation { unfit: Some(Code::ItemUndecided), ..bare }))
    }

    /// Returns the calendar window of a fresh delta round.
    #[must_use]
    pub fn window(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        (self.now - self.view.window_back, self.now + self.view.window_ahead)
    }
}
