//! A node in the test's process: real adapters, real cycle, the store in memory, moved time.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use lockstep::cycle::{
    Base, CycleContext, CycleDeps, CycleEnd, CycleReport, Orders, Retry, TenantView, roster,
    run_cycle,
};
use lockstep::domain::code::Code;
use lockstep::domain::fingerprint::PrintKey;
use lockstep::domain::ids::{CycleId, Fence};
use lockstep::domain::policy::{Limits, Mailbox};
use lockstep::memory::MemoryStore;
use lockstep::ports::clock::Clock;
use lockstep::ports::lease::Always;
use lockstep::ports::links::LinkStore;
use lockstep::ports::organization::Organization as _;
use tokio::time::Instant;

use super::line::{InProcess, Script, lock};
use crate::parts::{Parts, options};

/// Processes that were started; each has a fence of its own.
static PROCESSES: AtomicU64 = AtomicU64::new(1);

/// What was released passes, unless people change it while the cycle runs again.
const RELEASES: usize = 5;

/// One time for everybody: tokio's, which the test moves, plus what people wait.
#[derive(Clone)]
pub(super) struct Time {
    begin: DateTime<Utc>,
    started: Instant,
    waited: Arc<Mutex<TimeDelta>>,
}

impl Time {
    /// Begins now; `begin` is what the clock shows. Runs within a tokio runtime.
    pub(super) fn new(begin: DateTime<Utc>) -> Self {
        Self { begin, started: Instant::now(), waited: Arc::default() }
    }

    pub(super) fn wait(&self, minutes: i64) {
        *lock(&self.waited) += TimeDelta::minutes(minutes);
    }
}

impl Clock for Time {
    fn now(&self) -> DateTime<Utc> {
        let passed = TimeDelta::from_std(self.started.elapsed()).unwrap_or_default();
        self.begin + passed + *lock(&self.waited)
    }
}

/// One process: what it knows by itself is gone when it is dropped; the store stays.
pub(super) struct Node {
    deps: CycleDeps,
    view: Arc<TenantView>,
    fence: Fence,
    pub(super) mailboxes: Vec<Mailbox>,
    line: Arc<InProcess>,
}

impl Node {
    /// Starts a process on a store, over a line without faults.
    pub(super) async fn start(line: Arc<InProcess>, store: Arc<MemoryStore>, time: &Time) -> Self {
        line.begin(Script::default());
        let clock: Arc<dyn Clock> = Arc::new(time.clone());
        let parts = Parts::new(line.clone(), &line.world.organizations[0], &store, &clock);
        let profile = parts.profile.profile().await.expect("the profile is read");
        let deps = parts.deps;
        let options = options(Limits { item_attempts: 250, ..Limits::default() });
        let key = store.print_key(&options.tenant, PrintKey([7; 16])).await.expect("a key");
        let roster = roster(&options, &profile, key, &Default::default(), &Default::default());
        // Each process gets a newer fence than the one before, as a grant gives it.
        let fence = Fence(PROCESSES.fetch_add(1, Relaxed));
        let mailboxes = roster.mailboxes().map(|one| one.as_ref().clone()).collect();
        let view = roster.view;
        Self { deps, view, fence, mailboxes, line }
    }

    /// Runs one cycle of a person's mailbox; `None` when the node died in it.
    pub(super) async fn cycle(
        &self,
        who: usize,
        script: Script,
    ) -> Option<Result<CycleReport, CycleEnd>> {
        self.line.begin(script);
        let once = |orders| {
            let context = self.context(who, orders);
            async move {
                tokio::select! {
                    biased;
                    () = self.line.crashed.notified() => None,
                    ended = run_cycle(&context) => tokio::select! {
                        biased;
                        // It died all the same when another request ended the cycle meanwhile.
                        () = self.line.crashed.notified() => None,
                        () = std::future::ready(()) => Some(ended),
                    },
                }
            }
        };
        let mut orders = Orders::default();
        for _ in 0..RELEASES {
            match Box::pin(once(orders)).await? {
                Err(CycleEnd::Halted(halt)) => {
                    assert_ne!(halt.code, Code::PromiseBroken, "a plan broke a promise: {halt:?}");
                    // The operator looks at it and lets it pass; people may add to it meanwhile.
                    orders = Orders {
                        released: Some(Arc::new(halt.stakes)),
                        retry: Retry::All,
                        ..Orders::default()
                    };
                }
                other => return Some(other),
            }
        }
        panic!("a released plan halts again and again");
    }

    /// Returns what the next cycle of a mailbox would write, in words; empty when nothing.
    pub(super) async fn plan(&self, who: usize) -> Vec<String> {
        self.line.begin(Script::default());
        let context = self.context(who, Orders::default());
        let state = self.deps.links.load(&context.mailbox.key).await.expect("the store answers");
        let (plan, _) = Box::pin(lockstep::cycle::plan_cycle(&context, &state))
            .await
            .expect("nothing fails any more");
        let writes = |entry: &&lockstep::engine::plan::Entry| {
            entry.steps.dynamics.is_some() || entry.steps.exchange.is_some()
        };
        plan.entries.iter().filter(writes).map(|entry| format!("{entry:?}")).collect()
    }

    fn context(&self, who: usize, orders: Orders) -> CycleContext {
        CycleContext {
            cycle: CycleId(uuid::Uuid::new_v4()),
            mailbox: self.mailboxes[who].clone(),
            fence: self.fence,
            tenure: Arc::new(Always),
            base: Base::default(),
            view: self.view.clone(),
            deps: self.deps.clone(),
            orders,
            now: self.deps.clock.now(),
        }
    }
}
