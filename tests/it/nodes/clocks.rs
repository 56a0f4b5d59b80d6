//! The clock of one of two nodes jumps an hour ahead and an hour back. The nodes are parts in the test's
//! process, since a process's clock cannot be moved; Redis and both far sides keep their own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use chrono::{DateTime, TimeDelta, Utc};
use lockstep::actors::runtime::TenantRuntime;
use lockstep::app::once::{self, Progress};
use lockstep::app::{App, SERVE};
use lockstep::config::{self, Environment};
use lockstep::cycle::CycleReport;
use lockstep::ports::clock::Clock;
use lockstep::sim::world::SimClock;

use super::rig::Rig;
use crate::process::until;

/// A first renewal and a hand-over take a second.
const SHARED_OUT: std::time::Duration = std::time::Duration::from_secs(30);
const HOUR: i64 = 3_600;
const MAILBOXES: usize = 8;

/// A clock that is so many seconds ahead of the machine's.
struct Ahead(SimClock, AtomicI64);

impl Clock for Ahead {
    fn now(&self) -> DateTime<Utc> {
        self.0.now() + TimeDelta::seconds(self.1.load(SeqCst))
    }
}

/// Nobody watches.
struct Unseen;

impl Progress for Unseen {
    fn pass(&self, _: u32, _: usize) {}
    fn cycle(&self, _: Option<&CycleReport>) {}
}

/// The parts of a node.
struct Parts {
    app: App,
    tenant: Arc<TenantRuntime>,
    clock: Arc<Ahead>,
}

impl Parts {
    /// Opens a node whose name ends in a port.
    async fn open(rig: &Rig, port: u16) -> Self {
        let environment = Environment::new(Vec::new());
        let text = format!(
            "[node]\nlisten = \"127.0.0.1:{port}\"\n[state]\nurl = \"{}\"\n",
            rig.redis.url()
        );
        let (node, problems) = config::check_node(&text, Path::new("lockstep.toml"), &environment);
        let node = node.unwrap_or_else(|| panic!("{}", config::render(&problems)));
        let clock = Arc::new(Ahead(SimClock::real(), AtomicI64::new(0)));
        let app = App::open(node, clock.clone(), SERVE).await.unwrap();
        let file = rig.tenant_file();
        let text = std::fs::read_to_string(&file).unwrap();
        let config = config::load_tenant(&text, &file, &environment);
        let config = config.unwrap_or_else(|problems| panic!("{}", config::render(&problems)));
        let tenant = app.tenant(&config);
        app.io.spawn(app.ownership.clone().keep());
        Self { app, tenant, clock }
    }

    /// Runs its own mailboxes until nothing changes; each of their last cycles ended well.
    async fn work(&self) {
        once::enrol(&self.tenant).await.unwrap();
        let own = self.tenant.own_mailboxes();
        for result in once::run(&self.tenant, own, 6, &Unseen).await {
            assert_eq!((result.end, result.unsettled, result.parked), (None, 0, 0));
        }
    }
}

#[test]
fn a_clock_that_jumps_an_hour_ahead_and_back_costs_nothing() {
    // Leases are counted on clocks that do not jump, tokens are refused and bought anew: no shard moves,
    // each mailbox is worked on, both sides agree, and nobody is mailed twice.
    let mut rig = Rig::new(MAILBOXES);
    let io = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let io = io.unwrap();
    let nodes = [1, 2].map(|port| io.block_on(Parts::open(&rig, port)));
    let shards = || nodes.each_ref().map(|node| node.app.ownership.standing().shards);
    until(SHARED_OUT, "both nodes have their shards", || {
        std::thread::park_timeout(std::time::Duration::from_millis(50));
        let shards = shards();
        (shards.iter().all(|count| *count > 0) && shards.iter().sum::<usize>() == 1_024)
            .then_some(())
    });
    let before = shards();
    for jump in [HOUR, -HOUR, 0] {
        nodes[1].clock.1.store(jump, SeqCst);
        rig.new_work();
        // What one finds in the calendar of an attendee is news for the other.
        for _ in 0..2 {
            io.block_on(async { tokio::join!(nodes[0].work(), nodes[1].work()) });
        }
        rig.assert_exact();
        assert_eq!(shards(), before, "a shard moved at {jump}");
        assert!(nodes.iter().all(|node| node.app.ownership.standing().doubts == 0));
    }
}
