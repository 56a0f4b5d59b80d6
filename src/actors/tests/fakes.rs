//! What the tests of the actors play with: an organization that follows a script, a clock that
//! panics, one tenant with one mailbox.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::{Actor, Addr};
use actix_rt::System;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::actors::fair::Fair;
use crate::actors::messages::{Order, ToMailbox};
use crate::actors::phase::{Pace, Phase};
use crate::actors::runtime::{RuntimeParts, TenantRuntime};
use crate::actors::tenant::TenantSupervisor;
use crate::cluster::ownership::Ownership;
use crate::cluster::tests::Slow;
use crate::cycle::tests::fakes::{World, mailbox};
use crate::cycle::{CycleDeps, TenantOptions};
use crate::domain::ids::TenantId;
use crate::domain::mailbox::{DeliveryMethod, MailboxRecord, MailboxSource, Regarding};
use crate::domain::policy::{Directions, Limits};
use crate::memory::MemoryStore;
use crate::ports::clock::Clock;
use crate::ports::error::SideError;
use crate::ports::organization::{Organization, Profile};

/// Runs a test on one arbiter whose time only moves when everybody waits.
pub(crate) fn on_paused(test: impl Future<Output = ()>) {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().start_paused(true).build().unwrap()
    };
    System::with_tokio_rt(runtime).block_on(test);
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn outage() -> SideError {
    SideError::Unreachable { reason: "no route".to_owned() }
}

pub(crate) fn boom() -> SideError {
    panic!("a defect")
}

/// What the organization answers: scripted answers first, then its profile for ever.
#[derive(Default)]
pub(crate) struct Org {
    pub(crate) script: Mutex<VecDeque<fn() -> SideError>>,
    pub(crate) mailboxes: Mutex<Vec<MailboxRecord>>,
    pub(crate) not_before: Mutex<Option<DateTime<Utc>>>,
    pub(crate) reads: AtomicUsize,
}

#[async_trait]
impl Organization for Org {
    async fn profile(&self) -> Result<Profile, SideError> {
        self.reads.fetch_add(1, SeqCst);
        let scripted = self.script.lock().unwrap().pop_front();
        if let Some(failure) = scripted {
            return Err(failure());
        }
        Ok(Profile {
            organization: Uuid::from_u128(1),
            settings: crate::domain::setting::Values::new(),
            not_before: *self.not_before.lock().unwrap(),
            files: Default::default(),
            directions: Directions::default(),
            personal: std::collections::HashMap::new(),
            mailboxes: self.mailboxes.lock().unwrap().clone(),
            users: Vec::new(),
        })
    }
}

pub(crate) fn record(number: u128) -> MailboxRecord {
    let mailbox = mailbox(number);
    MailboxRecord {
        id: mailbox.key.mailbox,
        address: Some(mailbox.address),
        active: true,
        regarding: Regarding::User {
            user: mailbox.user,
            enabled: true,
            object_id: Some(mailbox.object_id),
        },
        approved: true,
        approved_by_admin: true,
        tested: true,
        enabled_for_act: true,
        delivery: DeliveryMethod::ServerSide,
        server_type: Some(3),
        owned_elsewhere: false,
        last_sync_started: None,
    }
}

/// A clock that panics from the nth look on, as a defect in an actor would.
pub(crate) struct Bomb {
    world: Arc<dyn Clock>,
    looks: AtomicI64,
    blasts: AtomicI64,
}

impl Bomb {
    /// After so many more looks, so many looks panic.
    pub(crate) fn arm(&self, looks: i64, blasts: i64) {
        self.blasts.store(blasts, SeqCst);
        self.looks.store(looks, SeqCst);
    }
}

impl Clock for Bomb {
    fn now(&self) -> DateTime<Utc> {
        if self.looks.fetch_sub(1, SeqCst) <= 0 && self.blasts.fetch_sub(1, SeqCst) > 0 {
            panic!("a defect");
        }
        self.world.now()
    }
}

/// One tenant with one mailbox.
pub(crate) struct Tenant {
    pub(crate) world: World,
    pub(crate) org: Arc<Org>,
    pub(crate) bomb: Arc<Bomb>,
    /// Leases, and what was seen of other engines.
    pub(crate) store: Arc<MemoryStore>,
    /// The store of leases, which can break.
    pub(crate) leases: Arc<Slow>,
    pub(crate) ownership: Arc<Ownership>,
    /// The slots of the node.
    pub(crate) fair: Arc<Fair>,
}

impl Tenant {
    pub(crate) async fn new() -> Self {
        let world = World::new();
        let store = Arc::new(MemoryStore::new(world.clock.clone()));
        let leases = Slow::new(store.clone(), Duration::ZERO);
        let ownership = Arc::new(Ownership::new(leases.clone(), "node"));
        assert!(ownership.hold().await.unwrap());
        actix_rt::spawn(ownership.clone().keep());
        let org = Arc::new(Org::default());
        org.mailboxes.lock().unwrap().push(record(1));
        let bomb = Arc::new(Bomb {
            world: world.clock.clone(),
            looks: AtomicI64::new(i64::MAX),
            blasts: AtomicI64::new(0),
        });
        Self { world, org, bomb, store, leases, ownership, fair: Fair::new(8) }
    }

    /// Another node on the same store.
    pub(crate) fn other(&self, name: &str) -> Arc<Ownership> {
        Arc::new(Ownership::new(self.store.clone(), name))
    }

    pub(crate) fn runtime_with(&self, limits: Limits) -> Arc<TenantRuntime> {
        self.runtime_of(false, limits)
    }

    pub(crate) fn runtime_of(&self, takeover: bool, limits: Limits) -> Arc<TenantRuntime> {
        let options = TenantOptions {
            tenant: TenantId::new("contoso"),
            source: MailboxSource::Dataverse,
            takeover,
            policy: Arc::new(|_| crate::domain::policy::Choices::default()),
            directions: crate::domain::policy::Directions::default(),
            limits,
            window_back: chrono::Duration::days(30),
            window_ahead: chrono::Duration::days(365),
        };
        Arc::new(TenantRuntime::new(RuntimeParts {
            key: None,
            options,
            deps: CycleDeps { clock: self.bomb.clone(), ..self.world.deps() },
            organization: self.org.clone(),
            sightings: self.store.clone(),
            io: tokio::runtime::Handle::current(),
            share: self.fair.share(1),
            reports: broadcast::channel(64).0,
            ownership: self.ownership.clone(),
            pace: Pace {
                sweep: secs(900),
                settle: secs(5),
                backoff: secs(5),
                backoff_max: secs(600),
                park_after: 4,
            },
        }))
    }

    pub(crate) fn runtime(&self) -> Arc<TenantRuntime> {
        self.runtime_with(Limits::default())
    }

    pub(crate) fn start(&self) -> (Arc<TenantRuntime>, Addr<TenantSupervisor>) {
        let runtime = self.runtime();
        (runtime.clone(), TenantSupervisor::new(runtime).start())
    }

    /// Returns how many cycles began since the last look.
    pub(crate) fn cycles(&self) -> usize {
        self.world.log().iter().filter(|it| *it == "pull dynamics").count()
    }
}

pub(crate) fn to_mailbox(order: Order) -> ToMailbox {
    ToMailbox { mailbox: id(1), order }
}

pub(crate) fn release(with_brakes: bool) -> ToMailbox {
    to_mailbox(Order::Release { with_brakes, plan: None })
}

pub(crate) fn id(number: u128) -> Uuid {
    mailbox(number).key.mailbox
}

pub(crate) fn phase(runtime: &TenantRuntime) -> Phase {
    runtime.board.mailbox(id(1)).unwrap().phase
}
