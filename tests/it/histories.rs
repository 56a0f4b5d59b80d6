//! Generated histories through the whole system in this process: both stand-ins, the real adapters
//! and the real cycle, the store in memory, simulated time.
//!
//! Two people work on both sides, between the cycles and between the requests of a cycle, while
//! answers get lost, services refuse, tokens expire, the process dies and the store is lost. After
//! the faults stop, two cycles of each mailbox must bring everything to rest.
//!
//! `LOCKSTEP_HISTORIES` is the number of histories, `LOCKSTEP_SEED` where they begin and
//! `LOCKSTEP_JOBS` how many run at once.

mod acts;
mod found;
mod line;
mod node;
mod oracle;
mod scene;

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use lockstep::memory::MemoryStore;
use lockstep::ports::clock::Clock;
use lockstep::sim::dataverse::{Depth, Privileges};
use lockstep::sim::world::{OrganizationSpec, World};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use crate::harness::{BEGIN, person};
use crate::parts::BASE;
use acts::{Step, history};
use line::{InProcess, Script, lock};
use node::{Node, Time};
use scene::Scene;

/// Histories of an ordinary test run.
const HISTORIES: u64 = 32;
/// Two quiet cycles of each mailbox must do; what the second one caused in the other mailbox is
/// news there, so one more may follow a meeting.
const QUIET: usize = 3;

/// One history and everything in it.
struct Hall {
    line: Arc<InProcess>,
    scene: Arc<Mutex<Scene>>,
    store: Arc<MemoryStore>,
    time: Time,
    node: Node,
}

impl Hall {
    async fn open() -> Self {
        let people = vec![
            person(1, "Paul", "Cannon", "Europe/Berlin"),
            person(2, "Laura", "Norman", "America/New_York"),
        ];
        let time = Time::new(BEGIN.parse().expect("a valid instant"));
        let spec = OrganizationSpec::new("contoso", people, 7);
        let shown = time.clone();
        let world = Arc::new(World::new(BASE, vec![spec], Arc::new(move || shown.now())));
        // Colleagues may write each other's rows; privileges are the subject of other tests.
        let all = Privileges { read: Depth::Organization, write: Depth::Organization };
        for table in ["appointment", "contact", "task", "phonecall"] {
            world.organizations[0].dataverse().set_privileges(table, all);
        }
        let scene = Arc::new(Mutex::new(Scene::new(world.clone(), time.clone())));
        let line = Arc::new(InProcess::new(world, scene.clone()));
        let store = Arc::new(MemoryStore::new(Arc::new(time.clone())));
        let node = Node::start(line.clone(), store.clone(), &time).await;
        Self { line, scene, store, time, node }
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::People(act) => lock(&self.scene).act(act),
            Step::Cycle { who, script } => {
                self.cycle(*who, script.clone()).await;
            }
            Step::Narrow => self.narrow(),
            Step::Restart => self.restart().await,
            Step::Lose => {
                // A create whose answer is still to be learned has no trace but in the store. What a
                // service asked to wait for is over.
                self.rest().await;
                for who in 0..2 {
                    self.cycle(who, Script::default()).await;
                }
                self.log("the store is lost");
                self.store = Arc::new(MemoryStore::new(Arc::new(self.time.clone())));
                lock(&self.scene).forget();
                self.restart().await;
            }
            Step::Settle => self.settle().await,
        }
    }

    /// People read and write what is theirs or shared with them, but for meetings.
    fn narrow(&self) {
        let own = Privileges { read: Depth::User, write: Depth::User };
        for table in ["contact", "task", "phonecall"] {
            lock(&self.scene).organization().dataverse().set_privileges(table, own);
        }
    }

    fn log(&self, line: &str) {
        lock(&self.scene).log.push(line.to_owned());
    }

    async fn restart(&mut self) {
        self.node = Node::start(self.line.clone(), self.store.clone(), &self.time).await;
    }

    /// Tells whether the cycle had nothing to decide.
    async fn cycle(&mut self, who: usize, script: Script) -> bool {
        self.log(&format!("cycle of {who}: {script:?}"));
        let quiet = match Box::pin(self.node.cycle(who, script)).await {
            None => {
                self.log("the node died");
                self.restart().await;
                false
            }
            Some(Err(end)) => {
                self.log(&format!("ended: {end}"));
                false
            }
            Some(Ok(report)) => {
                for line in &report.lines {
                    let decision = &line.decision;
                    self.log(&format!(
                        "  {:?} {:?} {:?} {:?}",
                        line.kind, decision.verb, decision.rules, line.failed
                    ));
                }
                report.lines.is_empty() && report.unsettled == 0
            }
        };
        // Between two cycles of a mailbox pass at least five seconds.
        tokio::time::advance(std::time::Duration::from_secs(5)).await;
        quiet
    }

    /// Waits for what a service asked to wait for.
    async fn rest(&self) {
        self.time.wait(2);
        tokio::time::advance(std::time::Duration::from_secs(120)).await;
    }

    /// No more faults: what is agreed after the quiet cycles is judged, and nothing is left to do.
    async fn settle(&mut self) {
        self.log("settle");
        self.rest().await;
        for _ in 0..QUIET {
            let (first, second) =
                (self.cycle(0, Script::default()).await, self.cycle(1, Script::default()).await);
            // Where neither decided anything a further round finds what this one has found.
            if first && second {
                break;
            }
        }
        for who in 0..2 {
            let left = Box::pin(self.node.plan(who)).await;
            assert!(left.is_empty(), "a plan is not empty: {left:#?}");
        }
        lock(&self.scene).judge();
    }
}

thread_local! {
    /// What happened in the history that runs on this thread.
    static LOG: RefCell<Option<Arc<Mutex<Scene>>>> = const { RefCell::new(None) };
    /// Panics of this thread are results here, not news.
    static HUSHED: Cell<bool> = const { Cell::new(false) };
}

/// Keeps the failures of histories that are shrunk out of the output.
fn hush() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !HUSHED.get() {
                tell(info);
            }
        }));
    });
    HUSHED.set(true);
}

/// Tells what happened before a test fails.
struct Told(Arc<Mutex<Scene>>);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() && !HUSHED.get() {
            println!("{}", lock(&self.0).log.join("\n"));
        }
    }
}

/// Runs a history on a runtime of its own, whose time never waits.
fn run(steps: &[Step]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut hall = Hall::open().await;
        LOG.set(Some(hall.scene.clone()));
        let _told = Told(hall.scene.clone());
        for step in steps {
            hall.step(step).await;
        }
        hall.settle().await;
    });
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var_os(name)?;
    Some(text.to_str().and_then(|text| text.parse().ok()).expect(name))
}

/// Runs many histories from a seed; fails with the smallest one that goes wrong.
fn many(histories: u64, seed: u64) {
    let config = Config {
        cases: u32::try_from(histories).expect("a number of histories"),
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        max_shrink_iters: 4_000,
        ..Config::default()
    };
    hush();
    let outcome = TestRunner::new(config).run(&history(), |steps| {
        catch_unwind(AssertUnwindSafe(|| run(&steps))).map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
            TestCaseError::fail(text.unwrap_or_default())
        })
    });
    if let Err(TestError::Fail(reason, steps)) = outcome {
        let _ = catch_unwind(AssertUnwindSafe(|| run(&steps)));
        HUSHED.set(false);
        let log = LOG.with_borrow(|log| log.as_ref().map(|scene| lock(scene).log.join("\n")));
        panic!("seed {seed}: {reason}\n{steps:#?}\n{}", log.unwrap_or_default());
    }
}

#[test]
fn histories_end_in_agreement_without_loss_or_duplicate() {
    // Whatever people and services do: two quiet cycles after the last fault both sides agree, no
    // item is there twice, no edit is lost, nothing deleted is back, and nobody was mailed in vain.
    let histories = number("LOCKSTEP_HISTORIES").unwrap_or(HISTORIES);
    let seed = number("LOCKSTEP_SEED").unwrap_or(1);
    let jobs = number("LOCKSTEP_JOBS").unwrap_or(1).max(1);
    println!("LOCKSTEP_SEED={seed} LOCKSTEP_HISTORIES={histories} LOCKSTEP_JOBS={jobs}");
    std::thread::scope(|scope| {
        for job in 0..jobs {
            scope.spawn(move || many(histories / jobs, seed * 1_000 + job));
        }
    });
}
