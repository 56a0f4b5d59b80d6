//! Port-level fakes for the tests of cycles and actors: two far sides with versions, a clock, a
//! store that counts. A script lets any await of a cycle be its last one.

mod far;
mod store;

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Duration, TimeDelta, Utc};
use tokio::sync::Notify;
use uuid::Uuid;

use super::super::*;
use crate::domain::file::FilePolicy;
use crate::domain::fingerprint::PrintKey;
use crate::domain::ids::{Address, CycleId, Fence, MailboxKey, TenantId, UserId};
use crate::domain::journal::Retention;
use crate::domain::policy::{Directions, Directory, Limits, Mailbox, Policy};
use crate::domain::side::Side;
use crate::memory::MemoryStore;
use crate::ports::clock::Clock;
use crate::ports::journal::{Vault, VaultError};
use crate::ports::lease::Always;
use crate::ports::links::{LinkStore, MailboxState};
use crate::telemetry::Metrics;
pub(crate) use far::{Far, Fault};
pub(crate) use store::TestStore;

/// A clock that moves when told.
#[derive(Default)]
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds, SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + self.0.load(SeqCst), 0).unwrap()
    }
}

/// Counts the awaits of a cycle and, when armed, makes one of them the last.
#[derive(Default)]
pub(crate) struct Script {
    ticks: AtomicUsize,
    /// One more than the tick at which the cycle crashes; zero for none.
    crash: AtomicUsize,
    pub(crate) crashed: Notify,
    /// What happened, in order.
    pub(crate) log: Mutex<Vec<String>>,
}

impl Script {
    pub(crate) fn crash_at(&self, tick: Option<usize>) {
        self.ticks.store(0, SeqCst);
        self.crash.store(tick.map_or(0, |tick| tick + 1), SeqCst);
    }

    async fn tick(&self) {
        if self.ticks.fetch_add(1, SeqCst) + 1 == self.crash.load(SeqCst) {
            self.crashed.notify_one();
            std::future::pending::<()>().await;
        }
    }

    fn note(&self, what: impl Into<String>) {
        self.log.lock().unwrap().push(what.into());
    }
}

/// A vault that hides nothing: tests look through it.
struct Glass;

impl Vault for Glass {
    fn seal(&self, about: &[u8], content: &[u8]) -> Result<Vec<u8>, VaultError> {
        Ok([about, content].concat())
    }

    fn open(&self, about: &[u8], sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        sealed.strip_prefix(about).map(<[u8]>::to_vec).ok_or(VaultError::Opening)
    }
}

/// Both sides, the store and the clock of one mailbox.
pub(crate) struct World {
    pub(crate) script: Arc<Script>,
    pub(crate) dynamics: Arc<Far>,
    pub(crate) exchange: Arc<Far>,
    pub(crate) store: Arc<TestStore>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) limits: Limits,
    pub(crate) files: FilePolicy,
    view: Mutex<Option<Arc<TenantView>>>,
    /// What the last cycle left behind, as a mailbox's actor keeps it.
    pub(crate) left: Mutex<Option<Left>>,
    /// What its node remembers.
    pub(crate) recent: Arc<Recent>,
}

pub(crate) fn mailbox(number: u128) -> Mailbox {
    Mailbox {
        key: MailboxKey { tenant: TenantId::new("contoso"), mailbox: Uuid::from_u128(number) },
        user: UserId(Uuid::from_u128(number + 1_000)),
        object_id: Uuid::from_u128(number + 2_000),
        personal: crate::domain::policy::Personal::default(),
        address: Address::parse(&format!("user{number}@contoso.example")).unwrap(),
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let script = Arc::new(Script::default());
        let clock = Arc::new(TestClock::default());
        Self {
            dynamics: Far::new(Side::Dynamics, script.clone()),
            exchange: Far::new(Side::Exchange, script.clone()),
            store: Arc::new(TestStore {
                memory: Arc::new(MemoryStore::new(clock.clone())),
                script: script.clone(),
                commits: Mutex::default(),
                fail_in: Mutex::default(),
                loads: AtomicUsize::default(),
            }),
            script,
            clock,
            limits: Limits { item_attempts: 3, ..Limits::default() },
            files: FilePolicy::default(),
            view: Mutex::default(),
            left: Mutex::default(),
            recent: Arc::default(),
        }
    }

    pub(crate) fn deps(&self) -> CycleDeps {
        CycleDeps {
            dynamics: self.dynamics.clone(),
            exchange: self.exchange.clone(),
            links: self.store.clone(),
            recent: self.recent.clone(),
            chronicle: Chronicle {
                journal: self.store.memory.clone(),
                vault: Some(Arc::new(Glass)),
                retention: Retention::default(),
            },
            clock: self.clock.clone(),
            metrics: Metrics::new(),
        }
    }

    pub(crate) fn context(&self) -> CycleContext {
        self.clock.forward(60);
        CycleContext {
            cycle: CycleId(Uuid::new_v4()),
            mailbox: mailbox(1),
            fence: Fence(1),
            tenure: Arc::new(Always),
            base: Base::default(),
            view: self.view(),
            deps: self.deps(),
            orders: Orders::default(),
            now: self.clock.now() + TimeDelta::zero(),
        }
    }

    /// The tenant's view, the same one as long as the limits are the same.
    fn view(&self) -> Arc<TenantView> {
        let fresh = TenantView {
            effective: Vec::new(),
            tenant: TenantId::new("contoso"),
            policy: Policy::default(),
            files: self.files.clone(),
            directions: Directions::default(),
            directory: Directory::default(),
            organization: Uuid::from_u128(5),
            mailboxes: Default::default(),
            limits: self.limits,
            key: PrintKey([7; 16]),
            window_back: Duration::days(30),
            window_ahead: Duration::days(365),
        };
        let mut view = self.view.lock().unwrap();
        let same = view.take().filter(|old| **old == fresh);
        view.insert(same.unwrap_or_else(|| Arc::new(fresh))).clone()
    }

    /// Runs a cycle to its end.
    pub(crate) async fn cycle(&self) -> Result<CycleReport, CycleEnd> {
        self.cycle_in(&self.context()).await
    }

    /// Runs a cycle in which an operator's release counts.
    pub(crate) async fn released(&self) -> Result<CycleReport, CycleEnd> {
        let released = match self.cycle().await {
            Err(CycleEnd::Halted(halt)) => Some(Arc::new(halt.stakes)),
            Ok(_) | Err(_) => None,
        };
        let orders = Orders { released, retry: Retry::All, ..Orders::default() };
        *self.left.lock().unwrap() = None;
        self.cycle_in(&CycleContext { orders, ..self.context() }).await
    }

    /// Runs a cycle that starts from what the last one left behind, and keeps what it leaves.
    pub(crate) async fn cycle_in(&self, context: &CycleContext) -> Result<CycleReport, CycleEnd> {
        let left = self.left.lock().unwrap().take();
        let (report, left) = run_from(context, left).await?;
        *self.left.lock().unwrap() = left;
        Ok(report)
    }

    /// Runs a cycle that ends in the middle when the script says so; `None` when it did.
    pub(crate) async fn crashing(&self) -> Option<Result<CycleReport, CycleEnd>> {
        let context = self.context();
        tokio::select! {
            ended = self.cycle_in(&context) => Some(ended),
            () = self.script.crashed.notified() => None,
        }
    }

    /// Runs cycles until one changes nothing and stores nothing.
    pub(crate) async fn settle(&self) -> usize {
        for number in 1..=6 {
            let before = self.commits();
            let report = self.cycle().await.unwrap();
            if report.is_quiet() && self.commits() == before {
                return number;
            }
        }
        panic!("the mailbox never comes to rest");
    }

    pub(crate) fn commits(&self) -> usize {
        self.store.commits.lock().unwrap().len()
    }

    pub(crate) async fn state(&self) -> MailboxState {
        self.store.memory.load(&mailbox(1).key).await.unwrap()
    }

    /// Returns what happened since the last look.
    pub(crate) fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.script.log.lock().unwrap())
    }
}
