//! From a notice, or a wake-up, to the write that it causes: real actors, cycles and Redis beside far sides that
//! answer at once.
//!
//! Open loop: changes come by the clock, whatever became of those before, and each is timed from the
//! instant at which it was due, so that a stall counts for everything that came during it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::{Actor as _, Addr};
use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use lockstep::actors::fair::Fair;
use lockstep::actors::messages::WakeMailbox;
use lockstep::actors::runtime::{RuntimeParts, TenantRuntime};
use lockstep::actors::tenant::TenantSupervisor;
use lockstep::app::App;
use lockstep::app::clock::SystemClock;
use lockstep::config::Environment;
use lockstep::cycle::{Chronicle, CycleDeps};
use lockstep::domain::ids::{Address, UserId};
use lockstep::domain::journal::Retention;
use lockstep::domain::mailbox::{DeliveryMethod, MailboxRecord, Regarding};
use lockstep::domain::policy::Directions;
use lockstep::domain::side::Side;
use lockstep::memory::MemoryStore;
use lockstep::ports::error::SideError;
use lockstep::ports::organization::{Organization, Profile};
use tokio::runtime::Runtime;
use tokio::sync::broadcast;
use tokio::time::Instant;
use uuid::Uuid;

use crate::fakes;
use crate::node::configured;
use crate::notices::Notices;
use crate::redis::Redis;
use crate::table::{Goal, Row};
use crate::tasks::{Far, World, lock};

/// Mailboxes of a tenant that is measured alone, and of all others together.
const MAILBOXES: usize = 2_000;
/// Changes a second.
const RATE: u32 = 1_000;
/// Tenants beside which another one is loud: few changes of one say nothing about the slowest in a hundred.
const OTHERS: usize = 10;
/// Changes a second of each of these, within what the machine can do and beyond it, and how many times as many
/// the loud one has.
const SHARES: [u32; 2] = [10, 50];
const TIMES: u32 = 100;
/// How often they are measured without and beside it, in turn, and how long it is quiet before each: longer than
/// the cycles wait that follow a write.
const ROUNDS: u32 = 4;
const QUIET: Duration = Duration::from_secs(6);
/// So long changes come before they count, until cycles that follow a write come as well, and while they count.
const WARM: Duration = Duration::from_secs(6);
const COUNTED: Duration = Duration::from_secs(30);
/// What is due then may still come so long.
const DRAIN: Duration = Duration::from_secs(30);
/// The goal for the slowest in a hundred.
const LIMIT_MILLIS: f64 = 25.0;

/// An organization of so many people.
pub(crate) struct People(pub(crate) Vec<MailboxRecord>);

#[async_trait]
impl Organization for People {
    async fn profile(&self) -> Result<Profile, SideError> {
        Ok(Profile {
            organization: Uuid::from_u128(1),
            settings: lockstep::domain::setting::Values::new(),
            not_before: None,
            files: Default::default(),
            directions: Directions::default(),
            personal: HashMap::new(),
            mailboxes: self.0.clone(),
            users: Vec::new(),
        })
    }
}

/// Returns one of them.
pub(crate) fn record(number: usize) -> anyhow::Result<MailboxRecord> {
    let number = number as u128 + 1;
    let address = Address::parse(&format!("given.surname{number}@contoso.example"));
    Ok(MailboxRecord {
        id: Uuid::from_u128(number << 32),
        address: Some(address.context("no address")?),
        active: true,
        regarding: Regarding::User {
            user: UserId(Uuid::from_u128(number << 40)),
            enabled: true,
            object_id: Some(Uuid::from_u128(number << 48)),
        },
        approved: true,
        approved_by_admin: true,
        tested: true,
        enabled_for_act: true,
        delivery: DeliveryMethod::ServerSide,
        server_type: Some(3),
        owned_elsewhere: false,
        last_sync_started: None,
    })
}

/// How a mailbox hears of a change.
pub(crate) trait Way {
    /// Tells it.
    ///
    /// # Errors
    /// When the word is lost: such a run does not count.
    fn tell(&self, mailbox: Uuid) -> anyhow::Result<()>;
}

impl Way for Addr<TenantSupervisor> {
    fn tell(&self, mailbox: Uuid) -> anyhow::Result<()> {
        ensure!(self.try_send(WakeMailbox(Some(mailbox))).is_ok(), "the supervisor is full");
        Ok(())
    }
}

/// Nobody is told yet.
struct Nobody;

impl Way for Nobody {
    fn tell(&self, _: Uuid) -> anyhow::Result<()> {
        anyhow::bail!("nobody listens")
    }
}

/// A tenant at work.
struct Tenant {
    world: Arc<World>,
    mailboxes: Vec<Uuid>,
    runtime: Arc<TenantRuntime>,
    way: Box<dyn Way>,
}

impl Tenant {
    /// Starts a tenant whose mailboxes are woken at their supervisor.
    fn start(app: &App, fair: &Arc<Fair>, name: &str, mailboxes: usize) -> anyhow::Result<Self> {
        let mut tenant = Self::idle(app, fair, name, mailboxes)?;
        tenant.way = Box::new(TenantSupervisor::new(tenant.runtime.clone()).start());
        Ok(tenant)
    }

    /// Starts a tenant whose mailboxes are woken by notices that are posted to the node.
    async fn with_notices(app: &App, fair: &Arc<Fair>, name: &str) -> anyhow::Result<Self> {
        let mut tenant = Self::idle(app, fair, name, MAILBOXES)?;
        let notices = Notices::start(app, &tenant.runtime).await?;
        tenant.enrolled().await?;
        notices.sign(&tenant.runtime)?;
        tenant.way = Box::new(notices);
        Ok(tenant)
    }

    fn idle(app: &App, fair: &Arc<Fair>, name: &str, mailboxes: usize) -> anyhow::Result<Self> {
        let people = (0..mailboxes).map(record).collect::<anyhow::Result<Vec<_>>>()?;
        let mailboxes: Vec<Uuid> = people.iter().map(|one| one.id).collect();
        let tasks = mailboxes.iter().map(|id| (*id, Mutex::default())).collect();
        let world = Arc::new(World { tasks, late: Mutex::default() });
        let far = |side| Arc::new(Far { side, world: world.clone() });
        let runtime = Arc::new(TenantRuntime::new(RuntimeParts {
            options: fakes::options(name),
            deps: CycleDeps {
                dynamics: far(Side::Dynamics),
                exchange: far(Side::Exchange),
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
            sightings: Arc::new(MemoryStore::new(app.clock.clone())),
            io: app.io.clone(),
            share: fair.share(1),
            reports: broadcast::channel(16).0,
            ownership: app.ownership.clone(),
            pace: app.pace,
            key: None,
        }));
        Ok(Self { world, mailboxes, runtime, way: Box::new(Nobody) })
    }

    /// Waits until each mailbox has run a cycle.
    async fn enrolled(&self) -> anyhow::Result<()> {
        let waited = Instant::now();
        let ran = |id: &Uuid| self.runtime.board.mailbox(*id).is_some_and(|row| row.cycles > 0);
        while !self.mailboxes.iter().all(ran) {
            ensure!(waited.elapsed() < DRAIN, "not every mailbox ran a cycle");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Lets changes come for some time, by the clock, each to the next mailbox.
    async fn changes(&self, rate: u32, time: Duration) -> anyhow::Result<()> {
        let begun = Instant::now();
        let step = Duration::from_secs(1) / rate;
        let mut due = begun;
        let mut next = self.mailboxes.iter().cycle();
        while due < begun + time {
            tokio::time::sleep_until(due).await;
            // A late timer makes up for what it slept over: all of that was due in its time.
            while due <= Instant::now() {
                if let Some(id) = next.next() {
                    self.world.change(*id, due);
                    self.way.tell(*id)?;
                }
                due += step;
            }
        }
        Ok(())
    }

    /// Measures changes of one rate for some time: the milliseconds of each.
    async fn measured(&self, rate: u32, time: Duration) -> anyhow::Result<Vec<f64>> {
        self.changes(rate, WARM).await?;
        lock(&self.world.late).clear();
        self.changes(rate, time).await?;
        self.drained().await?;
        Ok(std::mem::take(&mut *lock(&self.world.late)))
    }

    /// Waits until each change has arrived.
    async fn drained(&self) -> anyhow::Result<()> {
        let waited = Instant::now();
        while self.world.open() > 0 {
            ensure!(waited.elapsed() < DRAIN, "{} changes did not arrive", self.world.open());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

fn percentile(values: &[f64], share: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() * share / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// Measures one tenant alone, then others beside it.
pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let redis = Redis::start()?;
    let io = Runtime::new()?;
    let node = configured(&redis.url(), &Environment::new(Vec::new()))?;
    let app = io.block_on(App::open(node, Arc::new(SystemClock), "bench"))?;
    ensure!(io.block_on(app.ownership.hold())?, "the lease is not free");
    io.spawn(app.ownership.clone().keep());
    let rows = actix_rt::System::new().block_on(both(&app));
    // What still runs ends with its runtime.
    io.shutdown_background();
    rows
}

async fn both(app: &App) -> anyhow::Result<Vec<Row>> {
    let fair = Fair::new(32);
    let loud = Tenant::start(app, &fair, "contoso", MAILBOXES)?;
    loud.enrolled().await?;
    let mut rows = rows("wake-up to write", &loud.measured(RATE, COUNTED).await?);
    let name = |number| format!("fabrikam{number}");
    let others = (0..OTHERS)
        .map(|number| Tenant::start(app, &fair, &name(number), MAILBOXES / OTHERS))
        .collect::<anyhow::Result<Vec<_>>>()?;
    for other in &others {
        other.enrolled().await?;
    }
    for share in SHARES {
        rows.push(beside(&others, &loud, share).await?);
    }
    let noticed = Tenant::with_notices(app, &fair, "adatum").await?;
    rows.extend(self::rows("notice to write", &noticed.measured(RATE, COUNTED).await?));
    Ok(rows)
}

/// The rows of a way at its full rate.
fn rows(way: &str, late: &[f64]) -> Vec<Row> {
    eprintln!("  {} changes by {way}", late.len());
    let name = |what: &str| format!("{way} at {RATE} changes/s with Redis: {what}");
    let row = |name, ours, goal| Row {
        name,
        unit: "ms wall",
        ours,
        rival: ("the goal", LIMIT_MILLIS),
        goal,
    };
    vec![
        row(name("median"), percentile(late, 50), Goal::None),
        row(name("99th percentile"), percentile(late, 99), Goal::AtMost(1.0)),
    ]
}

/// Measures some tenants without and beside a loud one, in turn, so that the machine is the same for both.
async fn beside(others: &[Tenant], loud: &Tenant, share: u32) -> anyhow::Result<Row> {
    let time = COUNTED / ROUNDS;
    let (mut without, mut beside) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Neither comes first always.
        for is_loud in [round % 2 == 1, round % 2 == 0] {
            tokio::time::sleep(QUIET).await;
            let late = if is_loud {
                flooded(others, loud, share, time).await?
            } else {
                together(others, share, time).await?
            };
            let word = if is_loud { "beside" } else { "without" };
            eprintln!("  {word}: {} changes, {:.2} ms", late.len(), percentile(&late, 99));
            if is_loud { beside.extend(late) } else { without.extend(late) }
        }
    }
    Ok(Row {
        name: format!(
            "{OTHERS} tenants with {share} changes/s each beside one with {}: 99th percentile",
            share * TIMES
        ),
        unit: "ms wall",
        ours: percentile(&beside, 99),
        rival: ("without it", percentile(&without, 99)),
        goal: Goal::AtMost(1.1),
    })
}

/// Measures tenants while another one is loud.
async fn flooded(
    others: &[Tenant],
    loud: &Tenant,
    share: u32,
    time: Duration,
) -> anyhow::Result<Vec<f64>> {
    let (begun, all) = (Instant::now(), WARM + time + Duration::from_secs(2));
    let floods = async {
        loud.changes(share * TIMES, all).await?;
        loud.drained().await
    };
    let (late, flood) = futures_util::join!(together(others, share, time), floods);
    flood?;
    let rate =
        std::mem::take(&mut *lock(&loud.world.late)).len() as f64 / begun.elapsed().as_secs_f64();
    eprintln!("  the loud tenant wrote {rate:.0} changes/s");
    late
}

/// Measures tenants at the same time: the milliseconds of each change of all of them. None is due in the instant in
/// which another one is, where they would wait for one another.
async fn together(others: &[Tenant], share: u32, time: Duration) -> anyhow::Result<Vec<f64>> {
    let apart = Duration::from_secs(1) / share / u32::try_from(others.len())?;
    let all = others.iter().zip(0..).map(|(one, number)| async move {
        tokio::time::sleep(apart * number).await;
        one.measured(share, time).await
    });
    Ok(futures_util::future::try_join_all(all).await?.concat())
}
