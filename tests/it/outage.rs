//! An hour without Dynamics, and what comes after: the real adapters with their budgets and breakers, the actors
//! of one node, the stand-ins with their enforced quotas. In simulated time, which moves when everybody waits.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::{Actor, Addr};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use lockstep::actors::fair::Fair;
use lockstep::actors::phase::{Pace, Phase};
use lockstep::actors::runtime::{RuntimeParts, TenantRuntime};
use lockstep::actors::tenant::TenantSupervisor;
use lockstep::cluster::ownership::Ownership;
use lockstep::domain::code::Code;
use lockstep::domain::policy::Limits;
use lockstep::http::{HttpError, Line, Parcel, Reply};
use lockstep::memory::MemoryStore;
use lockstep::ports::clock::Clock;
use lockstep::sim::compare::{CompareOptions, LedgerMark, compare, ledger_problems};
use lockstep::sim::seed::{self, SeedSpec};
use lockstep::sim::wire::{Request, Response};
use lockstep::sim::world::{Organization, OrganizationSpec, Outcome, World};
use serde_json::json;
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep};

use crate::harness::SIGNAL;
use crate::parts::{BASE, Parts, options};

const MAILBOXES: usize = 100;
/// Contacts that each person gets in Outlook during the hour: together more than Dataverse takes at once.
const CONTACTS: usize = 35;
/// Requests that Dataverse takes in five minutes (api-limits).
const QUOTA: f64 = 6_000.0;
const WINDOW: f64 = 300.0;
/// Requests at once, of which the others of a window follow one by one.
const AT_ONCE: u64 = 320;
/// The head of a request inside of a batch.
const PART: &str = "application/http";
const HOUR: Duration = Duration::from_secs(3_600);
/// The longest that a parked mailbox waits before it asks again: fifteen minutes and a tenth.
const LAST_WAIT: f64 = 990.0;

/// One time for everybody: tokio's.
struct Time(DateTime<Utc>, Instant);

impl Clock for Time {
    fn now(&self) -> DateTime<Utc> {
        self.0 + TimeDelta::from_std(self.1.elapsed()).unwrap()
    }
}

/// The way to the stand-ins. What is sent to a Dynamics that is down is not heard of again.
struct Wire {
    world: Arc<World>,
    down: AtomicBool,
    /// Requests to Dynamics by the second since the beginning; while it is down, calls.
    seconds: Mutex<BTreeMap<u64, u64>>,
    begun: Instant,
    refused: AtomicU64,
}

#[async_trait]
impl Line for Wire {
    async fn exchange(&self, parcel: Parcel) -> Result<Reply, HttpError> {
        let target = parcel.url.strip_prefix(BASE).unwrap().to_owned();
        // Tokens come from somebody else.
        if target.contains("/dataverse/api/") {
            let second = self.begun.elapsed().as_secs();
            let down = self.down.load(SeqCst);
            let requests = if down { 1 } else { requests_in(&target, &parcel.body) };
            *self.seconds.lock().unwrap().entry(second).or_default() += requests;
            if down {
                sleep(Duration::from_secs(2)).await;
                return Err(HttpError::NoAnswer("no answer".to_owned()));
            }
        }
        sleep(Duration::from_millis(30)).await;
        let method = parcel.method.name().to_owned();
        let request = Request { method, target, headers: parcel.headers, body: parcel.body };
        let outcome = match self.world.admit(request) {
            Ok(admitted) => self.world.carry_out(admitted),
            Err(refusal) => Outcome::Answer(refusal),
        };
        let Outcome::Answer(Response { status, headers, body }) = outcome else {
            return Err(HttpError::NoAnswer("no answer".to_owned()));
        };
        let inside = String::from_utf8_lossy(&body);
        let inside = inside.contains("HTTP/1.1 429") || inside.contains("\"status\":429");
        self.refused.fetch_add(u64::from(status == 429 || inside), SeqCst);
        let low = |(name, value): (String, String)| (name.to_lowercase(), value);
        Ok(Reply { status, headers: headers.into_iter().map(low).collect(), body })
    }
}

impl Wire {
    fn organization(&self) -> &Organization {
        &self.world.organizations[0]
    }

    /// Gives everybody contacts in Outlook that are tracked.
    fn fill_address_books(&self, now: DateTime<Utc>) {
        let organization = self.organization();
        for person in &organization.people {
            for number in 0..CONTACTS {
                let body = json!({ "givenName": "Eva", "surname": format!("Novak {number}"),
                    "singleValueExtendedProperties": [{ "id": SIGNAL, "value": "1" }] });
                organization.graph().user_create_contact(&person.address, &body, now).unwrap();
            }
        }
    }

    /// Requests to Dynamics in each second from one instant to another.
    fn requests(&self, from: Instant, to: Instant) -> Vec<u64> {
        let second = |at: Instant| (at - self.begun).as_secs();
        let seconds = self.seconds.lock().unwrap();
        seconds.range(second(from)..second(to)).map(|(_, count)| *count).collect()
    }
}

/// Returns how many requests a parcel is: those inside of a batch count.
fn requests_in(target: &str, body: &[u8]) -> u64 {
    match target.ends_with("/$batch") {
        true => String::from_utf8_lossy(body).matches(PART).count().max(1) as u64,
        false => 1,
    }
}

/// A node with one tenant, as the composition root makes it.
struct Node {
    wire: Arc<Wire>,
    clock: Arc<dyn Clock>,
    runtime: Arc<TenantRuntime>,
    _supervisor: Addr<TenantSupervisor>,
}

impl Node {
    async fn start() -> Self {
        let begin: DateTime<Utc> = "2026-11-24T09:00:00Z".parse().unwrap();
        let time = Arc::new(Time(begin, Instant::now()));
        let shown = time.clone();
        let spec = SeedSpec::new("contoso", MAILBOXES, 7, begin).with_few_items();
        let specs = vec![OrganizationSpec::new("contoso", seed::organization(&spec), 7)];
        let world = Arc::new(World::new(BASE, specs, Arc::new(move || shown.now())));
        seed::fill(&world.organizations[0], &spec).unwrap();
        let (down, seconds) = (AtomicBool::new(false), Mutex::default());
        let (begun, refused) = (Instant::now(), AtomicU64::new(0));
        let wire = Arc::new(Wire { world, down, seconds, begun, refused });
        let clock: Arc<dyn Clock> = time;
        let runtime = runtime(&wire, &clock).await;
        let supervisor = TenantSupervisor::new(runtime.clone()).start();
        Self { wire, clock, runtime, _supervisor: supervisor }
    }

    /// Waits until each mailbox is idle and its last cycle, after an instant, wrote nothing.
    async fn settled(&self, most: Duration) {
        let (since, end) = (self.clock.now(), Instant::now() + most);
        loop {
            sleep(Duration::from_secs(5)).await;
            let rows = self.runtime.rows();
            let rests = |row: &lockstep::actors::board::MailboxRow| {
                row.phase == Phase::Idle
                    && row.last.as_ref().is_some_and(|last| {
                        let written = last.done.dynamics + last.done.exchange;
                        last.started > since && last.code.is_none() && written == 0
                    })
            };
            let resting = rows.iter().filter(|row| rests(row)).count();
            if resting == MAILBOXES {
                return;
            }
            assert!(Instant::now() < end, "{resting} of {MAILBOXES} are at rest");
        }
    }

    fn phases(&self, is: fn(Phase) -> bool) -> usize {
        self.runtime.rows().iter().filter(|row| is(row.phase)).count()
    }
}

/// Builds what the composition root builds, over the wire of the test.
async fn runtime(wire: &Arc<Wire>, clock: &Arc<dyn Clock>) -> Arc<TenantRuntime> {
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let ownership = Arc::new(Ownership::new(store.clone(), "node"));
    assert!(ownership.hold().await.unwrap());
    actix_rt::spawn(ownership.clone().keep());
    let parts = Parts::new(wire.clone(), wire.organization(), &store, clock);
    let runtime = TenantRuntime::new(RuntimeParts {
        key: None,
        options: options(Limits { mails: 10_000, ..Limits::default() }),
        deps: parts.deps,
        organization: Arc::new(parts.profile),
        sightings: store,
        io: tokio::runtime::Handle::current(),
        share: Fair::new(32).share(1),
        reports: broadcast::channel(64).0,
        ownership,
        pace: Pace {
            sweep: Duration::from_secs(600),
            settle: Duration::from_secs(5),
            backoff: Duration::from_secs(5),
            backoff_max: Duration::from_secs(15 * 60),
            park_after: 10,
        },
    });
    runtime.set_budgets(parts.budgets);
    Arc::new(runtime)
}

#[test]
fn err_01_what_piled_up_in_an_hour_without_dynamics_drains_within_its_quota_and_without_a_herd() {
    // While it is away one call at a time asks. When it is back nothing is refused for its quota, no second
    // sees more than the published window has at once, and the backlog is gone when the quota and the last
    // wait of whoever was parked allow it. Both worlds agree then, and nobody was mailed.
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().start_paused(true).build().unwrap()
    };
    actix_rt::System::with_tokio_rt(runtime).block_on(async {
        let node = Node::start().await;
        node.settled(HOUR).await;
        let wire = &node.wire;
        let before = LedgerMark::take(wire.organization());
        wire.down.store(true, SeqCst);
        let gone = Instant::now();
        sleep(HOUR / 2).await;
        wire.fill_address_books(node.clock.now());
        sleep(HOUR / 2).await;
        let probes: u64 = wire.requests(gone + HOUR / 2, gone + HOUR).iter().sum();
        assert!((10..=45).contains(&probes), "{probes} calls in the second half of the hour");
        let parked = node.phases(|phase| phase == Phase::Parked(Code::FarSideUnreachable));
        assert!(parked + node.phases(|phase| matches!(phase, Phase::Running { .. })) == MAILBOXES);

        wire.refused.store(0, SeqCst);
        wire.down.store(false, SeqCst);
        let back = Instant::now();
        node.settled(HOUR).await;
        let took = back.elapsed().as_secs_f64();
        let seconds = wire.requests(back, Instant::now());
        let (requests, most) = (seconds.iter().sum::<u64>(), seconds.iter().copied().max());
        println!("{probes} probes; {requests} requests, {most:?} in one second, {took:.0} s");
        assert!(requests as f64 > QUOTA, "{requests}: one window takes them at once");
        // Each contact is looked up, made and read, and the sweeps go on.
        assert!(requests < 4 * (MAILBOXES * CONTACTS) as u64, "{requests}");
        assert_eq!(wire.refused.load(SeqCst), 0);
        assert!(most < Some(AT_ONCE), "{most:?}");
        assert!(took < requests as f64 * WINDOW / QUOTA + LAST_WAIT, "{took}");
        let (now, options) = (node.clock.now(), CompareOptions::default());
        let found = compare(wire.organization(), now, &options);
        assert!(found.is_clean() && found.pairs > MAILBOXES * CONTACTS, "{}", found.table());
        let problems = ledger_problems(wire.organization(), &before, now, &options);
        assert!(problems.is_empty(), "{problems:?}");
    });
}
