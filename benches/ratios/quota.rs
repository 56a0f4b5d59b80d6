//! The first synchronization of an organization under the enforced quotas: how much of them it uses, and
//! how often it is refused. Then how long its links take to be found again when the store is lost, and
//! those of an organization whose mailboxes hold ten times as much.
//!
//! In this process and in simulated time: the far sides answer at once, so that nothing but the budgets
//! takes time. The stand-ins enforce what the services publish, each request inside of a batch counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::try_join_all;
use lockstep::cycle::{
    Base, Chronicle, CycleContext, CycleDeps, CycleEnd, Orders, roster, run_cycle,
};
use lockstep::dataverse::{DataverseOptions, DataverseOrganization, DataverseSide};
use lockstep::domain::fingerprint::PrintKey;
use lockstep::domain::ids::{CycleId, Fence};
use lockstep::domain::journal::Retention;
use lockstep::domain::link::Link;
use lockstep::domain::policy::Mailbox;
use lockstep::graph::{GraphOptions, GraphSide};
use lockstep::http::{
    HttpClient, HttpError, Line, Parcel, Reply, Session, TokenOptions, TokenSource,
};
use lockstep::memory::MemoryStore;
use lockstep::ports::clock::Clock;
use lockstep::ports::error::Disposition;
use lockstep::ports::lease::Always;
use lockstep::ports::organization::Organization as _;
use lockstep::sim::directory::AppCredentials;
use lockstep::sim::seed::{self, SeedSpec};
use lockstep::sim::wire::{Request, Response};
use lockstep::sim::world::{OrganizationSpec, Outcome, World};
use lockstep::telemetry::Metrics;
use lockstep::throttle::{Throttle, ThrottleOptions};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::cycle::count;
use crate::fakes;
use crate::first::PART;
use crate::process::size;
use crate::table::{Goal, Row};

/// Where the stand-ins seem to be; nothing listens there.
const BASE: &str = "http://127.0.0.1:9";
/// Cycles at once, as a node has them.
const CYCLES: usize = 32;
/// Dataverse: 6,000 requests in 300 seconds.
const WINDOW_SECONDS: f64 = 300.0;
const PER_SECOND: f64 = 6_000.0 / WINDOW_SECONDS;
/// Graph: 10,000 requests in ten minutes for each mailbox.
const GRAPH_OF_A_MAILBOX: f64 = 10_000.0;
/// Requests to Dataverse that may be sent at once; the others of a window follow one by one. A run with
/// fewer links has as much of that head start as one with all of them: it counts once.
const AT_ONCE: f64 = 300.0;
/// Items of a mailbox, in the first organization and in the second.
const FEW: usize = 100;
const MANY: usize = 1_000;
/// How long a mailbox waits after a cycle that wrote, and after one that did not (`app`, `config/node`).
const SETTLE: Duration = Duration::from_secs(5);
const SWEEP: Duration = Duration::from_secs(15 * 60);
/// The goals.
const GOODPUT: f64 = 0.95;
const REFUSED: f64 = 0.001;
const REBUILT_SECONDS: f64 = 600.0;

/// One time for everybody: tokio's, which moves when all wait.
struct Time(DateTime<Utc>, Instant);

impl Clock for Time {
    fn now(&self) -> DateTime<Utc> {
        self.0 + TimeDelta::from_std(self.1.elapsed()).unwrap_or_default()
    }
}

/// The way to the stand-ins, on which requests are counted.
struct Counted {
    world: Arc<World>,
    dataverse: AtomicU64,
    graph: AtomicU64,
    refused: AtomicU64,
    last: Mutex<Instant>,
    /// What was sent until the latest pair was stored.
    found: Mutex<Sent>,
}

/// What was sent until an instant.
#[derive(Clone, Copy)]
struct Sent {
    dataverse: u64,
    graph: u64,
    refused: u64,
    at: Instant,
}

#[async_trait]
impl Line for Counted {
    async fn exchange(&self, parcel: Parcel) -> Result<Reply, HttpError> {
        // The others' requests come between.
        tokio::task::yield_now().await;
        let target = parcel.url.strip_prefix(BASE).unwrap_or(&parcel.url).to_owned();
        let to_dataverse = target.contains("/dataverse/api/");
        let count = requests_in(&target, &parcel.body);
        let method = parcel.method.name().to_owned();
        let request = Request { method, target, headers: parcel.headers, body: parcel.body };
        let outcome = match self.world.admit(request) {
            Ok(admitted) => self.world.carry_out(admitted),
            Err(refusal) => Outcome::Answer(refusal),
        };
        let Outcome::Answer(Response { status, headers, body }) = outcome else {
            return Err(HttpError::NoAnswer("no answer".to_owned()));
        };
        let refused = if status == 429 { count } else { refused_in(&body) };
        self.refused.fetch_add(refused, Relaxed);
        let counter = if to_dataverse { &self.dataverse } else { &self.graph };
        counter.fetch_add(count, Relaxed);
        if to_dataverse {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
        let low = |(name, value): (String, String)| (name.to_lowercase(), value);
        Ok(Reply { status, headers: headers.into_iter().map(low).collect(), body })
    }
}

/// Returns how many requests a parcel is, those inside of a batch counted.
fn requests_in(target: &str, body: &[u8]) -> u64 {
    if !target.ends_with("/$batch") {
        return 1;
    }
    let json = serde_json::from_slice::<serde_json::Value>(body).ok();
    let inner = json.and_then(|json| json["requests"].as_array().map(Vec::len));
    let inner = inner.unwrap_or_else(|| String::from_utf8_lossy(body).matches(PART).count());
    inner.max(1) as u64
}

/// Returns how many requests of a batch were refused for now.
fn refused_in(body: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(body);
    (text.matches("HTTP/1.1 429").count() + text.matches("\"status\":429").count()) as u64
}

/// One node and one tenant.
struct Node {
    deps: CycleDeps,
    view: Arc<lockstep::cycle::TenantView>,
    mailboxes: Vec<Mailbox>,
}

impl Node {
    async fn start(line: &Arc<Counted>, clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        let organization = line.world.organizations.first().context("no organization")?;
        let http = HttpClient::over(line.clone());
        let session = |app: &AppCredentials, token: String, scope: &str, limits| {
            let options = TokenOptions {
                token_url: token,
                client_id: app.client_id.clone(),
                client_secret: app.client_secret.clone().into(),
                scope: scope.to_owned(),
            };
            let tokens = TokenSource::new(http.clone(), options, clock.clone());
            Session::new(http.clone(), tokens, limits, clock.clone())
        };
        let url = format!("{BASE}/contoso/dataverse");
        let api_root = format!("{url}/api/data/v9.2");
        let (token, scope) = (format!("{url}/oauth2/v2.0/token"), format!("{url}/.default"));
        // The sweep and the profile spend one budget: both call as the application user.
        let throttle = Arc::new(Throttle::new(ThrottleOptions::DATAVERSE, clock.clone()));
        let app = &organization.dataverse_app;
        let dataverse = || session(app, token.clone(), &scope, throttle.clone());
        let graph_url = format!("{BASE}/contoso/graph");
        let graph = session(
            &organization.graph_app,
            format!("{graph_url}/oauth2/v2.0/token"),
            "https://graph.microsoft.com/.default",
            Arc::new(Throttle::new(ThrottleOptions::GRAPH, clock.clone())),
        );
        let profile = DataverseOrganization::new(dataverse(), &api_root).profile().await?;
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let root = format!("{graph_url}/v1.0");
        let deps = CycleDeps {
            dynamics: Arc::new(DataverseSide::new(dataverse(), &DataverseOptions { api_root })),
            exchange: Arc::new(GraphSide::new(graph, clock.clone(), GraphOptions { root })),
            links: store.clone(),
            recent: Arc::default(),
            chronicle: Chronicle {
                journal: store.clone(),
                vault: None,
                retention: Retention { versions: TimeDelta::zero(), ..Retention::default() },
            },
            clock: clock.clone(),
            metrics: Metrics::new(),
        };
        let key = PrintKey([7; 16]);
        let (nothing, nobody) = Default::default();
        let roster = roster(&fakes::options("contoso"), &profile, key, &nothing, &nobody);
        let mailboxes = roster.mailboxes().map(|one| one.as_ref().clone()).collect();
        Ok(Self { deps, view: roster.view, mailboxes })
    }

    /// Runs cycles of a mailbox until one had nothing to do, waiting as its actor would.
    async fn settle(
        &self,
        mailbox: &Mailbox,
        slots: &Semaphore,
        line: &Counted,
    ) -> anyhow::Result<()> {
        let mut pairs = 0;
        loop {
            let slot = slots.acquire().await?;
            let context = CycleContext {
                cycle: CycleId(Uuid::new_v4()),
                mailbox: mailbox.clone(),
                fence: Fence(1),
                tenure: Arc::new(Always),
                base: Base::default(),
                view: self.view.clone(),
                deps: self.deps.clone(),
                orders: Orders::default(),
                now: self.deps.clock.now(),
            };
            let ended = Box::pin(run_cycle(&context)).await;
            drop(slot);
            let more = self.pairs(mailbox).await?;
            if more > pairs {
                pairs = more;
                line.found();
            }
            match ended {
                Ok(report) if report.is_quiet() => return Ok(()),
                Ok(report) if report.is_followed() => sleep(SETTLE).await,
                Ok(_) => sleep(SWEEP).await,
                Err(CycleEnd::Side(_, error)) => match error.disposition() {
                    Disposition::Retry { after } => sleep(after).await,
                    other @ (Disposition::Reauthenticate
                    | Disposition::Resync
                    | Disposition::Park(_)
                    | Disposition::Fatal(_)) => return Err(anyhow!("{other:?}: {error}")),
                },
                Err(end) => return Err(end.into()),
            }
        }
    }
}

impl Node {
    /// Returns how many pairs of a mailbox are known.
    async fn pairs(&self, mailbox: &Mailbox) -> anyhow::Result<usize> {
        let links = self.deps.links.load(&mailbox.key).await?.links;
        let both = |link: &&Link| link.native.dynamics.is_some() && link.native.exchange.is_some();
        Ok(links.iter().filter(both).count())
    }
}

/// Measures in simulated time.
pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let few = size("LOCKSTEP_BENCH_QUOTA", 120)?;
    let many = size("LOCKSTEP_BENCH_QUOTA_LARGE", 10)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(async {
        let (first, again) = measure(few, FEW).await?;
        let mut rows = used(few, &first);
        rows.extend(rebuilt(&again, few));
        let (_, again) = measure(many, MANY).await?;
        rows.extend(rebuilt(&again, many));
        Ok(rows)
    })
}

/// Returns what the first synchronization of an organization used, and what finding its links again did.
async fn measure(mailboxes: usize, items: usize) -> anyhow::Result<(Used, Used)> {
    let begin: DateTime<Utc> = "2026-11-24T09:00:00Z".parse()?;
    let time = Arc::new(Time(begin, Instant::now()));
    let clock: Arc<dyn Clock> = time.clone();
    let spec = SeedSpec {
        contacts_per: items * 3 / 10,
        tasks_per: items * 3 / 10,
        appointments_per: items / 5,
        services_per: 0,
        exchange_items_per: items / 5,
        ..SeedSpec::new("contoso", mailboxes, 7, begin)
    };
    let people = seed::organization(&spec);
    let shown = time.clone();
    let world = Arc::new(World::new(
        BASE,
        vec![OrganizationSpec::new("contoso", people, 7)],
        Arc::new(move || shown.now()),
    ));
    let organization = world.organization("contoso").context("no organization")?;
    seed::fill(organization, &spec)?;
    let begun = Instant::now();
    let line = Arc::new(Counted {
        world,
        dataverse: AtomicU64::new(0),
        graph: AtomicU64::new(0),
        refused: AtomicU64::new(0),
        last: Mutex::new(begun),
        found: Mutex::new(Sent { dataverse: 0, graph: 0, refused: 0, at: begun }),
    });
    let first = line.settled(&clock).await?;
    // What a service was asked within its window is over.
    sleep(Duration::from_secs(600)).await;
    // A node with an empty store finds the pairs by their markers.
    Ok((first, line.settled(&clock).await?))
}

/// What the requests of one run were, until its last pair was stored.
struct Used {
    dataverse: f64,
    graph: f64,
    seconds: f64,
    links: f64,
    /// Requests to Dataverse from then on until all mailboxes were at rest.
    later: f64,
    /// All requests until then, and how many of them were refused for now.
    all: f64,
    refused: f64,
}

impl Counted {
    /// Returns what was sent so far.
    fn sent(&self) -> Sent {
        let at = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let [dataverse, graph, refused] =
            [&self.dataverse, &self.graph, &self.refused].map(|counter| counter.load(Relaxed));
        Sent { dataverse, graph, refused, at }
    }

    fn found(&self) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = self.sent();
    }

    /// Starts a node with an empty store and lets all mailboxes come to rest.
    async fn settled(self: &Arc<Self>, clock: &Arc<dyn Clock>) -> anyhow::Result<Used> {
        for counter in [&self.dataverse, &self.graph, &self.refused] {
            counter.store(0, Relaxed);
        }
        let begun = Instant::now();
        self.found();
        let node = Node::start(self, clock).await?;
        let slots = Semaphore::new(CYCLES);
        try_join_all(node.mailboxes.iter().map(|mailbox| node.settle(mailbox, &slots, self)))
            .await?;
        let found = *self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let end = self.sent();
        let mut links = 0;
        for mailbox in &node.mailboxes {
            links += node.pairs(mailbox).await?;
        }
        let number = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let used = Used {
            dataverse: number(found.dataverse),
            graph: number(found.graph),
            seconds: (found.at - begun).as_secs_f64(),
            links: count(links),
            later: number(end.dataverse - found.dataverse),
            all: number(end.dataverse + end.graph),
            refused: number(end.refused),
        };
        let Used { dataverse, graph, refused, seconds, links, later, .. } = &used;
        eprintln!(
            "  {links} links: {dataverse} requests to Dataverse, {graph} to Graph in {seconds:.0} s; \
             {refused} refused; {later} more to Dataverse until all rest"
        );
        Ok(used)
    }
}

/// Links that are found again, as if there were a hundred thousand of them.
fn rebuilt(used: &Used, mailboxes: usize) -> Vec<Row> {
    let many = 100_000.0 / used.links;
    let least = used.dataverse / PER_SECOND;
    let head_start = AT_ONCE / (PER_SECOND - AT_ONCE / WINDOW_SECONDS);
    let size = (used.links / count(mailboxes)).round();
    let row = |rival, goal| Row {
        name: format!("100000 links found again after a lost store, {size} in a mailbox"),
        unit: "s simulated",
        ours: (used.seconds + head_start) * many - head_start,
        rival,
        goal,
    };
    vec![
        row(("the limit", REBUILT_SECONDS), Goal::AtMost(1.0)),
        row(("its requests at the quota", least * many), Goal::None),
        Row {
            name: format!("requests to Dataverse for a mailbox of {size} links until it rests"),
            unit: "requests",
            ours: (used.dataverse + used.later) / count(mailboxes),
            rival: ("until its links are found", used.dataverse / count(mailboxes)),
            goal: Goal::None,
        },
        Row {
            name: format!("requests to Graph for a mailbox of which {size} links are found again"),
            unit: "requests",
            ours: used.graph / count(mailboxes),
            rival: ("its quota in ten minutes", GRAPH_OF_A_MAILBOX),
            goal: Goal::AtMost(1.0),
        },
    ]
}

fn used(mailboxes: usize, used: &Used) -> Vec<Row> {
    let Used { dataverse, seconds, all, refused, .. } = used;
    let name = |what: &str| format!("first synchronization of {mailboxes} mailboxes: {what}");
    vec![
        Row {
            name: name("requests to Dataverse"),
            unit: "requests/s",
            ours: (dataverse - refused.min(*dataverse)) / seconds,
            rival: ("its quota", PER_SECOND),
            goal: Goal::AtLeast(GOODPUT),
        },
        Row {
            name: name("share of 429"),
            unit: "of all",
            ours: refused / all,
            rival: ("the goal", REFUSED),
            goal: Goal::AtMost(1.0),
        },
    ]
}
