//! How long a node takes until each mailbox of a large tenant has its actor, and has looked once.
//!
//! The tenant's links lie in a Redis of its own. The node is a process of its own, timed from its first instruction;
//! its far sides answer at once with nothing.

use std::sync::Arc;
use std::time::Duration;

use actix::Actor as _;
use anyhow::{Context as _, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lockstep::actors::messages::WakeMailbox;
use lockstep::actors::runtime::{RuntimeParts, TenantRuntime};
use lockstep::actors::tenant::TenantSupervisor;
use lockstep::app::App;
use lockstep::app::clock::SystemClock;
use lockstep::config::Environment;
use lockstep::cycle::{Chronicle, CycleDeps};
use lockstep::domain::ids::{LinkId, MailboxKey, NativeId, TenantId};
use lockstep::domain::journal::Retention;
use lockstep::domain::kind::Kind;
use lockstep::domain::link::{Link, LinkState};
use lockstep::domain::side::{PerSide, Side};
use lockstep::ports::links::{Claim, StateChange};
use serde_json::json;
use tokio::sync::broadcast;
use tokio::time::Instant;
use uuid::Uuid;

use crate::cycle::count;
use crate::fakes::{self, Nothing};
use crate::latency::{People, record};
use crate::node::configured;
use crate::process::{ask, size};
use crate::redis::Redis;
use crate::table::{Goal, Row};

const TENANT: &str = "contoso";
/// Links of each mailbox.
const LINKS: u128 = 10;
/// Cycles that a node runs at once, and the reads of the rival.
const AT_ONCE: usize = 32;
/// How often it is looked whether the actors are there.
const LOOK: Duration = Duration::from_millis(5);
/// The longest that the start may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Fills a store and lets a node start on it.
pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let number = size("LOCKSTEP_BENCH_ACTORS", 100_000)?;
    let redis = Redis::start()?;
    let io = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    io.block_on(fill(&redis.url(), number))?;
    let took = ask("start", &[number.to_string(), redis.url()])?;
    let seconds = |name: &str| took[name].as_f64().context("no number");
    eprintln!("  {took}");
    let row = |what: &str, ours, rival, goal| Row {
        name: format!("start of a node with {number} idle mailboxes: {what}"),
        unit: "s wall",
        ours,
        rival,
        goal,
    };
    let reads = ("bare reads of their links", seconds("reads")?);
    Ok(vec![
        row("each has its actor", seconds("actors")?, reads, Goal::None),
        row("each has looked once", seconds("cycles")?, reads, Goal::None),
    ])
}

async fn open(url: &str) -> anyhow::Result<App> {
    let node = configured(url, &Environment::new(Vec::new()))?;
    let app = App::open(node, Arc::new(SystemClock), "bench").await?;
    ensure!(app.ownership.hold().await?, "the lease is not free");
    Ok(app)
}

fn key(number: usize) -> anyhow::Result<MailboxKey> {
    Ok(MailboxKey { tenant: TenantId::new(TENANT), mailbox: record(number)?.id })
}

/// A settled pair that neither side tells anything about.
fn link(mailbox: u128, number: u128) -> Link {
    let id = Uuid::from_u128(mailbox << 32 | number);
    let mut link = Link::new(LinkId(id), Kind::Task, Side::Dynamics, LinkState::Agreed);
    link.native = PerSide {
        dynamics: Some(NativeId::new(id.to_string())),
        exchange: Some(NativeId::new(format!("AAMkAGI2-item-{id}"))),
    };
    link
}

async fn fill(url: &str, number: usize) -> anyhow::Result<()> {
    let app = open(url).await?;
    let keeper = tokio::spawn(app.ownership.clone().keep());
    let filled = stream::iter(0..number).map(|one| {
        let app = &app;
        async move {
            let key = key(one)?;
            let fence = app.ownership.fence_of(&key).context("the lease is lost")?;
            let seq = app.links.claim(&key, fence).await?.seq;
            let put = (0..LINKS).map(|number| link(one as u128 + 1, number)).collect();
            let change = StateChange { put, ..StateChange::default() };
            app.links.commit(&key, Claim { fence, seq }, &change).await?;
            anyhow::Ok(())
        }
    });
    filled.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    keeper.abort();
    app.ownership.release().await;
    Ok(())
}

/// The child: a node that starts.
pub(crate) fn start(arguments: &[String]) -> anyhow::Result<()> {
    let began = Instant::now();
    let [number, url] = arguments else { anyhow::bail!("two arguments are needed") };
    let number = number.parse()?;
    let io = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let app = io.block_on(open(url))?;
    io.spawn(app.ownership.clone().keep());
    let started = started(&app, io.handle().clone(), number, began);
    let (actors, cycles) = actix_rt::System::new().block_on(started)?;
    let reads = io.block_on(reads(&app, number))?;
    use std::io::Write as _;
    let told = json!({ "actors": actors, "cycles": cycles, "reads": reads });
    Ok(writeln!(std::io::stdout().lock(), "{told}")?)
}

/// Returns the seconds until each mailbox had its actor, and until each had looked once.
async fn started(
    app: &App,
    io: tokio::runtime::Handle,
    number: usize,
    began: Instant,
) -> anyhow::Result<(f64, f64)> {
    let people = (0..number).map(record).collect::<anyhow::Result<Vec<_>>>()?;
    let last = people.last().context("nobody")?.id;
    let nothing = Arc::new(Nothing::new());
    let reports = broadcast::channel(number.next_power_of_two() * 2).0;
    let mut ended = reports.subscribe();
    let runtime = Arc::new(TenantRuntime::new(RuntimeParts {
        options: fakes::options(TENANT),
        deps: CycleDeps {
            dynamics: nothing.clone(),
            exchange: nothing,
            links: app.links.clone(),
            recent: Arc::default(),
            chronicle: Chronicle {
                journal: app.journal.clone(),
                vault: None,
                retention: Retention::default(),
            },
            clock: app.clock.clone(),
            metrics: app.metrics.clone(),
        },
        organization: Arc::new(People(people)),
        sightings: Arc::new(lockstep::memory::MemoryStore::new(app.clock.clone())),
        io,
        share: app.fair.share(1),
        reports,
        ownership: app.ownership.clone(),
        pace: app.pace,
        key: None,
    }));
    let supervisor = TenantSupervisor::new(runtime).start();
    while !supervisor.send(WakeMailbox(Some(last))).await? {
        ensure!(began.elapsed() < PATIENCE, "no actor came");
        actix_rt::time::sleep(LOOK).await;
    }
    let actors = began.elapsed().as_secs_f64();
    for _ in 0..number {
        let report = tokio::time::timeout(PATIENCE, ended.recv()).await.context("no cycle")??;
        ensure!(report.is_quiet(), "a cycle wrote something");
    }
    Ok((actors, began.elapsed().as_secs_f64()))
}

/// Returns the seconds that reading all links takes, as many mailboxes at once.
async fn reads(app: &App, number: usize) -> anyhow::Result<f64> {
    let began = Instant::now();
    let read = stream::iter(0..number)
        .map(|one| async move { anyhow::Ok(app.links.load(&key(one)?).await?.links.len()) });
    let read = read.buffer_unordered(AT_ONCE);
    let links = read.try_fold(0, |sum, links| async move { Ok(sum + links) }).await?;
    ensure!(count(links) == count(number) * LINKS as f64, "{links} links were read");
    Ok(began.elapsed().as_secs_f64())
}
