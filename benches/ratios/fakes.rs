//! A tenant whose ports answer at once with nothing: what is left is the cost of the actors, with or
//! without what a mailbox at rest keeps in memory.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lockstep::actors::fair::Fair;
use lockstep::actors::phase::Pace;
use lockstep::actors::runtime::{RuntimeParts, TenantRuntime};
use lockstep::app::clock::SystemClock;
use lockstep::cluster::ownership::Ownership;
use lockstep::cycle::{Chronicle, CycleDeps, TenantOptions};
use lockstep::domain::fingerprint::PrintKey;
use lockstep::domain::ids::{Address, Fence, MailboxKey, NativeId, TenantId, UserId};
use lockstep::domain::journal::Retention;
use lockstep::domain::kind::{Collection, Kind};
use lockstep::domain::mailbox::{MailboxRecord, MailboxSource};
use lockstep::domain::observation::Observation;
use lockstep::domain::party::PartyCandidate;
use lockstep::domain::plan::{Outcome, Step};
use lockstep::domain::policy::{Directions, Limits, Mailbox};
use lockstep::memory::MemoryStore;
use lockstep::ports::clock::Clock as _;
use lockstep::ports::error::{PullError, SideError, StoreError};
use lockstep::ports::links::{Claim, Excluded, LinkStore, MailboxState, StateChange};
use lockstep::ports::organization::Profile;
use lockstep::ports::rest::SideRest;
use lockstep::ports::side::{Cursor, FarSide, FindKey, Found, PullAsk, Pulled};
use lockstep::telemetry::Metrics;
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::latency::People;

/// The most that a rest may hold (`cycle/rest.rs`), as three delta tokens, a digest and some
/// watched rows, and the word of the other side.
const TOKEN_BYTES: usize = 300;
const SWEEP_BYTES: usize = 16 + 16 * 17;
const DELTAS_BYTES: usize = 8;

/// A far side, a store and an organization in which nothing ever happens.
pub(crate) struct Nothing {
    /// What each pull leaves behind, and the cursors that the store knows.
    rest: Option<(SideRest, Vec<Cursor>)>,
}

impl Nothing {
    pub(crate) fn new() -> Self {
        Self { rest: None }
    }

    fn at_rest(bytes: usize, now: DateTime<Utc>) -> Self {
        let cursor = |collection| Cursor {
            collection,
            token: "t".repeat(TOKEN_BYTES),
            saved: now,
            window_end: Some(now + chrono::Duration::days(365)),
        };
        let cursors = Collection::ALL.into_iter().map(cursor).collect();
        Self { rest: Some((SideRest::new(vec![0; bytes]), cursors)) }
    }
}

#[async_trait]
impl FarSide for Nothing {
    async fn pull(&self, _: PullAsk<'_>) -> Result<Pulled, PullError> {
        let Some((rest, cursors)) = self.rest.clone() else { return Ok(Pulled::default()) };
        Ok(Pulled { rest: Some(rest), cursors, ..Pulled::default() })
    }

    async fn fetch(
        &self,
        _: &Mailbox,
        _: &[(Kind, NativeId)],
    ) -> Result<Vec<Observation>, SideError> {
        Ok(Vec::new())
    }

    async fn find(&self, _: &Mailbox, _: &[FindKey]) -> Result<Vec<Found>, SideError> {
        Ok(Vec::new())
    }

    async fn marked(&self, _: &Mailbox) -> Result<Vec<Observation>, SideError> {
        Ok(Vec::new())
    }

    async fn apply(&self, _: &Mailbox, _: &[Step]) -> Vec<Outcome> {
        Vec::new()
    }

    async fn candidates(
        &self,
        _: &Mailbox,
        _: &[Address],
    ) -> Result<Vec<PartyCandidate>, SideError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl LinkStore for Nothing {
    async fn load(&self, _: &MailboxKey) -> Result<MailboxState, StoreError> {
        let cursors = self.rest.as_ref().map(|(_, cursors)| cursors.clone());
        Ok(MailboxState { cursors: cursors.unwrap_or_default(), ..MailboxState::default() })
    }

    async fn claim(&self, mailbox: &MailboxKey, _: Fence) -> Result<MailboxState, StoreError> {
        self.load(mailbox).await
    }

    async fn was_claimed(&self, _: &MailboxKey) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn commit(&self, _: &MailboxKey, _: Claim, _: &StateChange) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn forget(&self, _: &MailboxKey, _: Fence) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn exclude(&self, _: &MailboxKey, _: DateTime<Utc>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn admit(&self, _: &MailboxKey) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn excluded(&self, _: &TenantId) -> Result<Excluded, StoreError> {
        Ok(Excluded::new())
    }

    async fn print_key(&self, _: &TenantId, fresh: PrintKey) -> Result<PrintKey, StoreError> {
        Ok(fresh)
    }
}

/// Returns a tenant of these people that owns its mailboxes and whose profile, still without them, was read; a
/// quiet cycle leaves its mailboxes at rest, or does not.
pub(crate) async fn tenant(
    io: tokio::runtime::Handle,
    rests: bool,
    people: Vec<MailboxRecord>,
) -> anyhow::Result<Arc<TenantRuntime>> {
    let clock = Arc::new(SystemClock);
    let ownership = Arc::new(Ownership::new(Arc::new(MemoryStore::new(clock.clone())), "bench"));
    anyhow::ensure!(ownership.hold().await?, "the lease is not free");
    io.spawn(ownership.clone().keep());
    let side = |bytes| match rests {
        true => Arc::new(Nothing::at_rest(bytes, clock.now())),
        false => Arc::new(Nothing::new()),
    };
    let (dynamics, exchange) = (side(SWEEP_BYTES), side(DELTAS_BYTES));
    let runtime = Arc::new(TenantRuntime::new(RuntimeParts {
        options: options("contoso"),
        deps: CycleDeps {
            dynamics,
            exchange: exchange.clone(),
            links: exchange.clone(),
            recent: Arc::default(),
            chronicle: Chronicle {
                journal: Arc::new(MemoryStore::new(clock.clone())),
                vault: None,
                retention: Retention::default(),
            },
            clock: clock.clone(),
            metrics: Metrics::new(),
        },
        organization: Arc::new(People(people)),
        sightings: Arc::new(MemoryStore::new(clock.clone())),
        io,
        share: Fair::new(32).share(1),
        reports: broadcast::channel(4_096).0,
        ownership,
        pace: Pace {
            sweep: Duration::from_secs(15 * 60),
            settle: Duration::from_secs(5),
            backoff: Duration::from_secs(5),
            backoff_max: Duration::from_secs(15 * 60),
            park_after: 10,
        },
        key: None,
    }));
    let profile = Profile {
        organization: Uuid::from_u128(1),
        settings: lockstep::domain::setting::Values::new(),
        not_before: None,
        files: Default::default(),
        directions: Directions::default(),
        personal: std::collections::HashMap::new(),
        mailboxes: Vec::new(),
        users: Vec::new(),
    };
    // Its supervisor reads who takes part.
    let _ = runtime.adopt(&profile).await?;
    Ok(runtime)
}

/// Returns the choices of a tenant.
pub(crate) fn options(tenant: &str) -> TenantOptions {
    TenantOptions {
        tenant: TenantId::new(tenant),
        source: MailboxSource::Dataverse,
        takeover: false,
        policy: Arc::new(|_| lockstep::domain::policy::Choices::default()),
        directions: lockstep::domain::policy::Directions::default(),
        limits: Limits::default(),
        window_back: chrono::Duration::days(30),
        window_ahead: chrono::Duration::days(365),
    }
}

/// Returns a mailbox of a tenant.
pub(crate) fn mailbox(runtime: &TenantRuntime, number: usize) -> anyhow::Result<Mailbox> {
    let number = number as u128 + 1;
    let address = Address::parse(&format!("given.surname{number}@contoso.example"));
    Ok(Mailbox {
        key: MailboxKey {
            tenant: runtime.options.tenant.clone(),
            mailbox: Uuid::from_u128(number << 32),
        },
        user: UserId(Uuid::from_u128(number << 40)),
        object_id: Uuid::from_u128(number << 48),
        personal: lockstep::domain::policy::Personal::default(),
        address: address.context("no address")?,
    })
}
