//! From a wake-up to the write that it causes: real actors, cycles and Redis beside far sides that answer
//! at once.
//!
//! Open loop: changes come by the clock, whatever became of those before, and each is timed from the
//! instant at which it was due, so that a stall counts for everything that came during it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
use lockstep::domain::field::{Field, Fields, TodoStatus, Value};
use lockstep::domain::ids::{Address, LinkId, NativeId, UserId, Version};
use lockstep::domain::journal::Retention;
use lockstep::domain::kind::Kind;
use lockstep::domain::mailbox::{DeliveryMethod, MailboxRecord, Regarding};
use lockstep::domain::observation::{DynamicsFacts, ExchangeFacts, Facts, Observation, Presence};
use lockstep::domain::party::PartyCandidate;
use lockstep::domain::plan::{Op, Outcome, Step};
use lockstep::domain::policy::{Directions, Mailbox};
use lockstep::domain::side::Side;
use lockstep::memory::MemoryStore;
use lockstep::ports::error::{PullError, SideError};
use lockstep::ports::organization::{Organization, Profile};
use lockstep::ports::rest::SideRest;
use lockstep::ports::side::{FarSide, FindKey, Found, PullAsk, Pulled};
use tokio::runtime::Runtime;
use tokio::sync::broadcast;
use tokio::time::Instant;
use uuid::Uuid;

use crate::fakes;
use crate::node::configured;
use crate::redis::Redis;
use crate::table::{Goal, Row};

/// Mailboxes of the tenant that is measured, and of the one beside it.
const MAILBOXES: usize = 2_000;
/// Changes a second.
const RATE: u32 = 1_000;
/// A tenant's changes a second where two of them meet, within what the machine can do and beyond it, and
/// how many times as many the other one has.
const SHARES: [u32; 2] = [10, 50];
const TIMES: u32 = 100;
/// So long changes come before they count, and while they count.
const WARM: Duration = Duration::from_secs(4);
const COUNTED: Duration = Duration::from_secs(30);
/// What is due then may still come so long.
const DRAIN: Duration = Duration::from_secs(30);
/// The goal for the slowest in a hundred.
const LIMIT_MILLIS: f64 = 25.0;

/// One task of one mailbox: what its row and its item hold, by number.
#[derive(Default)]
struct Task {
    row: u64,
    told: u64,
    item: u64,
    /// Changes that were not written yet, and when they were due.
    due: VecDeque<(u64, Instant)>,
}

/// Both far sides of a tenant.
struct World {
    tasks: HashMap<Uuid, Mutex<Task>>,
    /// Milliseconds of what was written.
    late: Mutex<Vec<f64>>,
}

struct Far {
    side: Side,
    world: Arc<World>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    fn task(&self, mailbox: &Mailbox) -> Result<MutexGuard<'_, Task>, SideError> {
        let task = self.tasks.get(&mailbox.key.mailbox);
        let nobody = || SideError::MailboxUnreachable { reason: "nobody's".to_owned() };
        Ok(lock(task.ok_or_else(nobody)?))
    }

    /// Makes a change that was due at an instant.
    fn change(&self, mailbox: Uuid, due: Instant) {
        if let Some(task) = self.tasks.get(&mailbox) {
            let mut task = lock(task);
            task.row += 1;
            let number = task.row;
            task.due.push_back((number, due));
        }
    }

    fn open(&self) -> usize {
        self.tasks.values().map(|task| lock(task).due.len()).sum()
    }
}

fn observed(side: Side, mailbox: &Mailbox, number: u64) -> Observation {
    let row = mailbox.object_id;
    let mut fields = Fields::new();
    fields.set(Field::Subject, Some(Value::Text(format!("Call {number}"))));
    let (id, facts) = match side {
        Side::Dynamics => {
            fields.set(Field::State, Some(Value::Number(0)));
            fields.set(Field::StatusReason, Some(Value::Number(2)));
            let owner = Some(mailbox.user);
            (row.to_string(), Facts::Dynamics(DynamicsFacts { owner, ..Default::default() }))
        }
        Side::Exchange => {
            fields.set(Field::TodoStatus, Some(Value::Todo(TodoStatus::NotStarted)));
            let facts = ExchangeFacts { tracked: true, made: true, ..Default::default() };
            (format!("AAMkAGI2-item-{row}"), Facts::Exchange(facts))
        }
    };
    Observation {
        side,
        kind: Kind::Task,
        id: NativeId::new(id),
        version: Some(Version::new(number.to_string())),
        presence: Presence::Present,
        marker: Some(LinkId(row)),
        uid: None,
        fields,
        facts,
        losses: Vec::new(),
        unfit: None,
    }
}

#[async_trait]
impl FarSide for Far {
    async fn pull(&self, ask: PullAsk<'_>) -> Result<Pulled, PullError> {
        let mut task = self.world.task(ask.mailbox)?;
        if self.side == Side::Dynamics && task.told < task.row {
            task.told = task.row;
            let observations = vec![observed(self.side, ask.mailbox, task.row)];
            return Ok(Pulled { observations, ..Pulled::default() });
        }
        Ok(Pulled { rest: Some(SideRest::new(vec![0; 16])), ..Pulled::default() })
    }

    async fn fetch(
        &self,
        mailbox: &Mailbox,
        items: &[(Kind, NativeId)],
    ) -> Result<Vec<Observation>, SideError> {
        let task = self.world.task(mailbox)?;
        let number = if self.side == Side::Dynamics { task.row } else { task.item };
        Ok(items.iter().map(|_| observed(self.side, mailbox, number)).collect())
    }

    async fn find(&self, _: &Mailbox, keys: &[FindKey]) -> Result<Vec<Found>, SideError> {
        Ok(keys.iter().map(|_| Found::Nothing).collect())
    }

    async fn marked(&self, _: &Mailbox) -> Result<Vec<Observation>, SideError> {
        Ok(Vec::new())
    }

    async fn apply(&self, mailbox: &Mailbox, steps: &[Step]) -> Vec<Outcome> {
        let now = Instant::now();
        steps.iter().map(|step| self.write(mailbox, step, now)).collect()
    }

    async fn candidates(
        &self,
        _: &Mailbox,
        _: &[Address],
    ) -> Result<Vec<PartyCandidate>, SideError> {
        Ok(Vec::new())
    }
}

impl Far {
    fn write(&self, mailbox: &Mailbox, step: &Step, now: Instant) -> Outcome {
        let (Op::Create { patch } | Op::Update { patch, .. }) = &step.op else {
            return Outcome::NotSent;
        };
        let subject = patch.iter().find_map(|(field, value)| match (field, value) {
            (Field::Subject, Some(Value::Text(text))) => text.strip_prefix("Call ")?.parse().ok(),
            _ => None,
        });
        let (Some(number), Ok(mut task)) = (subject, self.world.task(mailbox)) else {
            return Outcome::NotSent;
        };
        task.item = number;
        while let Some((_, due)) = task.due.pop_front_if(|(one, _)| *one <= number) {
            let late = now.saturating_duration_since(due).as_secs_f64() * 1_000.0;
            lock(&self.world.late).push(late);
        }
        Outcome::Done(Some(Box::new(observed(self.side, mailbox, number))))
    }
}

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

/// A tenant at work.
struct Tenant {
    world: Arc<World>,
    mailboxes: Vec<Uuid>,
    runtime: Arc<TenantRuntime>,
    supervisor: Addr<TenantSupervisor>,
}

impl Tenant {
    fn start(app: &App, fair: &Arc<Fair>, name: &str) -> anyhow::Result<Self> {
        let people = (0..MAILBOXES).map(record).collect::<anyhow::Result<Vec<_>>>()?;
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
        let supervisor = TenantSupervisor::new(runtime.clone()).start();
        Ok(Self { world, mailboxes, runtime, supervisor })
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
                    // A full supervisor would lose it: such a run does not count.
                    let heard = self.supervisor.try_send(WakeMailbox(Some(*id)));
                    ensure!(heard.is_ok(), "the supervisor is full");
                }
                due += step;
            }
        }
        Ok(())
    }

    /// Measures changes of one rate: the milliseconds of each, sorted.
    async fn measured(&self, rate: u32) -> anyhow::Result<Vec<f64>> {
        self.changes(rate, WARM).await?;
        lock(&self.world.late).clear();
        let before = self.world.open();
        self.changes(rate, COUNTED).await?;
        let waited = Instant::now();
        while self.world.open() > 0 {
            ensure!(waited.elapsed() < DRAIN, "{} changes did not arrive", self.world.open());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut late = std::mem::take(&mut *lock(&self.world.late));
        late.sort_by(f64::total_cmp);
        eprintln!("  {} changes, {before} were open at first", late.len());
        Ok(late)
    }
}

fn percentile(sorted: &[f64], share: usize) -> f64 {
    let at = (sorted.len() * share / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// Measures one tenant alone, then a quiet one beside a loud one.
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
    let quiet = Tenant::start(app, &fair, "contoso")?;
    quiet.enrolled().await?;
    let alone = quiet.measured(RATE).await?;
    let name = |what: &str| format!("wake-up to write at {RATE} changes/s with Redis: {what}");
    let row = |name, ours, rival, goal| Row { name, unit: "ms wall", ours, rival, goal };
    let limit = ("the goal", LIMIT_MILLIS);
    let mut rows = vec![
        row(name("median"), percentile(&alone, 50), limit, Goal::None),
        row(name("99th percentile"), percentile(&alone, 99), limit, Goal::AtMost(1.0)),
    ];
    let loud = Tenant::start(app, &fair, "fabrikam")?;
    loud.enrolled().await?;
    for share in SHARES {
        rows.push(beside(&quiet, &loud, share).await?);
    }
    Ok(rows)
}

/// Measures a quiet tenant alone and beside a loud one.
async fn beside(quiet: &Tenant, loud: &Tenant, share: u32) -> anyhow::Result<Row> {
    let alone = quiet.measured(share).await?;
    lock(&loud.world.late).clear();
    let time = WARM + COUNTED + Duration::from_secs(2);
    let (beside, flood) =
        futures_util::join!(quiet.measured(share), loud.changes(share * TIMES, time));
    flood?;
    eprintln!("  the loud tenant wrote {} changes meanwhile", lock(&loud.world.late).len());
    let (beside, alone) = (percentile(&beside?, 99), percentile(&alone, 99));
    Ok(Row {
        name: format!("{share} changes/s beside a tenant with {}: 99th percentile", share * TIMES),
        unit: "ms wall",
        ours: beside,
        rival: ("alone", alone),
        goal: Goal::AtMost(1.1),
    })
}
