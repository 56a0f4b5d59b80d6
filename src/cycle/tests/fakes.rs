//! Port-level fakes for the tests of cycles and actors: two far sides with versions, a clock, a
//! store that counts. A script lets any await of a cycle be its last one.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Duration, TimeDelta, Utc};
use tokio::sync::Notify;
use uuid::Uuid;

use super::super::*;
use crate::domain::code::Code;
use crate::domain::field::{Field, Fields, TodoStatus, Value};
use crate::domain::file::FilePolicy;
use crate::domain::fingerprint::PrintKey;
use crate::domain::ids::{
    Address, CycleId, Fence, LinkId, MailboxKey, NativeId, TenantId, UserId, Version,
};
use crate::domain::journal::Retention;
use crate::domain::kind::{Collection, Kind};
use crate::domain::observation::{DynamicsFacts, ExchangeFacts, Facts, Observation, Presence};
use crate::domain::party::PartyCandidate;
use crate::domain::plan::{Op, Outcome, Step};
use crate::domain::policy::{Directions, Directory, Limits, Mailbox, Policy};
use crate::domain::side::Side;
use crate::memory::MemoryStore;
use crate::ports::clock::Clock;
use crate::ports::error::{PullError, SideError, StoreError};
use crate::ports::journal::{Vault, VaultError};
use crate::ports::links::{Excluded, LinkStore, MailboxState, StateChange};
use crate::ports::rest::SideRest;
use crate::ports::side::{Cursor, FarSide, FindKey, Found, Known, PullAsk, Pulled};
use crate::telemetry::Metrics;

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

/// One item of a far side.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) kind: Kind,
    pub(crate) fields: Fields,
    pub(crate) marker: Option<LinkId>,
    /// Dynamics: a filter returns it. Exchange: it carries the category.
    pub(crate) on: bool,
    version: u64,
}

/// What a write meets instead of success.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// It is done, but no answer comes.
    UnknownDone,
    /// It is not done, and no answer comes.
    UnknownNotDone,
    Stale,
    NotSent,
}

#[derive(Default)]
struct Inner {
    items: BTreeMap<NativeId, Item>,
    changed: BTreeMap<NativeId, u64>,
    count: u64,
    faults: VecDeque<Fault>,
    poison: HashSet<String>,
    lies: Vec<NativeId>,
    failing: Option<fn() -> SideError>,
    slow: std::time::Duration,
}

/// One far side.
pub(crate) struct Far {
    side: Side,
    script: Arc<Script>,
    inner: Mutex<Inner>,
}

pub(crate) fn text(text: &str) -> Option<Value> {
    Some(Value::Text(text.to_owned()))
}

impl Far {
    fn new(side: Side, script: Arc<Script>) -> Arc<Self> {
        Arc::new(Self { side, script, inner: Mutex::default() })
    }

    /// A person makes a task.
    pub(crate) fn add(&self, subject: &str) -> NativeId {
        let mut fields = Fields::new();
        fields.set(Field::Subject, text(subject));
        match self.side {
            Side::Dynamics => fields.set(Field::State, Some(Value::Number(0))),
            Side::Exchange => {
                fields.set(Field::TodoStatus, Some(Value::Todo(TodoStatus::NotStarted)));
            }
        }
        let mut inner = self.inner.lock().unwrap();
        inner.count += 1;
        let id = match self.side {
            Side::Dynamics => Uuid::from_u128(u128::from(inner.count)).to_string(),
            Side::Exchange => format!("ex-{}", inner.count),
        };
        let id = NativeId::new(id);
        inner.put(&id, Item { kind: Kind::Task, fields, marker: None, on: true, version: 0 });
        id
    }

    /// A person changes an item.
    pub(crate) fn edit(&self, id: &NativeId, change: impl FnOnce(&mut Item)) {
        let mut inner = self.inner.lock().unwrap();
        let mut item = inner.items[id].clone();
        change(&mut item);
        inner.put(id, item);
    }

    /// A person deletes an item.
    pub(crate) fn remove(&self, id: &NativeId) {
        self.inner.lock().unwrap().take(id);
    }

    pub(crate) fn rename(&self, id: &NativeId, subject: &str) {
        self.edit(id, |item| item.fields.set(Field::Subject, text(subject)));
    }

    /// Returns the subjects of all items in order.
    pub(crate) fn subjects(&self) -> Vec<String> {
        let inner = self.inner.lock().unwrap();
        let all = inner.items.values().map(|item| item.fields.text(Field::Subject).to_owned());
        let mut all: Vec<String> = all.collect();
        all.sort();
        all
    }

    /// The next writes meet these faults, in order.
    pub(crate) fn faults(&self, faults: &[Fault]) {
        self.inner.lock().unwrap().faults = faults.iter().copied().collect();
    }

    /// A write with this subject is always refused.
    pub(crate) fn poison(&self, subject: &str) {
        self.inner.lock().unwrap().poison.insert(subject.to_owned());
    }

    /// The next pull names the item as removed although it is there.
    pub(crate) fn lie(&self, id: &NativeId) {
        self.inner.lock().unwrap().lies.push(id.clone());
    }

    /// Every pull fails, or panics inside the given function.
    pub(crate) fn fail(&self, failing: Option<fn() -> SideError>) {
        self.inner.lock().unwrap().failing = failing;
    }

    /// Every pull takes this long.
    pub(crate) fn slow(&self, pull: std::time::Duration) {
        self.inner.lock().unwrap().slow = pull;
    }

    fn observe(&self, id: &NativeId, item: &Item) -> Observation {
        let facts = match self.side {
            Side::Dynamics => Facts::Dynamics(DynamicsFacts::default()),
            Side::Exchange => {
                Facts::Exchange(ExchangeFacts { tracked: item.on, ..ExchangeFacts::default() })
            }
        };
        let here = self.side == Side::Exchange || item.on;
        Observation {
            side: self.side,
            kind: item.kind,
            id: id.clone(),
            version: Some(version(item)),
            presence: if here { Presence::Present } else { Presence::LeftFilter },
            marker: item.marker,
            uid: None,
            fields: item.fields.clone(),
            facts,
            losses: Vec::new(),
            unfit: None,
        }
    }

    fn gone(&self, kind: Kind, id: &NativeId) -> Observation {
        let item = Item { kind, fields: Fields::new(), marker: None, on: true, version: 0 };
        Observation { version: None, presence: Presence::Deleted, ..self.observe(id, &item) }
    }

    fn sweep(&self, inner: &Inner, known: &[Known]) -> Pulled {
        let mut pulled = Pulled::default();
        for (id, item) in &inner.items {
            let known = known.iter().find(|known| known.id == *id);
            let news = known.is_none_or(|known| known.version != Some(version(item)));
            let watched = known.is_some_and(|known| !known.expected);
            if news && (item.on || watched) {
                pulled.observations.push(self.observe(id, item));
            }
        }
        for known in known {
            let item = inner.items.get(&known.id);
            if item.is_none_or(|item| known.expected && !item.on) {
                pulled.missing.push((known.kind, known.id.clone()));
            }
        }
        pulled
    }

    fn delta(&self, inner: &mut Inner, ask: &PullAsk<'_>, known: &[Known]) -> Pulled {
        let mut pulled = Pulled::default();
        let old = ask.cursors.first().and_then(|cursor| cursor.token.parse::<u64>().ok());
        let lies = std::mem::take(&mut inner.lies);
        let fresh: Vec<&NativeId> = inner
            .changed
            .iter()
            .filter(|(_, at)| **at > old.unwrap_or(0))
            .map(|(id, _)| id)
            .chain(&lies)
            .collect();
        for id in fresh {
            let known = known.iter().find(|known| known.id == *id);
            match inner.items.get(id).filter(|_| !lies.contains(id)) {
                Some(item) => {
                    if known.is_none_or(|known| known.version != Some(version(item))) {
                        pulled.observations.push(self.observe(id, item));
                    }
                }
                None => pulled.missing.extend(known.map(|known| (known.kind, id.clone()))),
            }
        }
        if old.is_none() {
            pulled.resynced.push(Collection::Tasks);
            let lost = known.iter().filter(|known| !inner.items.contains_key(&known.id));
            pulled.missing.extend(lost.map(|known| (known.kind, known.id.clone())));
            pulled.missing.sort();
            pulled.missing.dedup();
        }
        pulled.cursors.push(Cursor {
            collection: Collection::Tasks,
            token: inner.count.to_string(),
            saved: ask.now,
            window_end: None,
        });
        pulled
    }

    fn write(&self, step: &Step) -> Outcome {
        let mut inner = self.inner.lock().unwrap();
        let (patch, id) = match &step.op {
            Op::Create { patch } => (patch.as_slice(), None),
            Op::Update { id, patch, .. } => (patch.as_slice(), Some(id)),
            Op::Unmark { id, .. } | Op::Delete { id, .. } => (&[][..], Some(id)),
        };
        let subject = patch.iter().find_map(|(field, value)| match (field, value) {
            (Field::Subject, Some(Value::Text(text))) => Some(text.clone()),
            _ => None,
        });
        if subject.is_some_and(|subject| inner.poison.contains(&subject)) {
            return Outcome::Refused(Code::WriteRefused);
        }
        let fault = inner.faults.pop_front();
        match fault {
            Some(Fault::UnknownNotDone) => return Outcome::Unknown,
            Some(Fault::Stale) => return Outcome::Stale,
            Some(Fault::NotSent) => return Outcome::NotSent,
            Some(Fault::UnknownDone) | None => {}
        }
        let done = self.perform(&mut inner, step, id);
        if fault == Some(Fault::UnknownDone) { Outcome::Unknown } else { done }
    }

    fn perform(&self, inner: &mut Inner, step: &Step, id: Option<&NativeId>) -> Outcome {
        let (id, item) = match (&step.op, id) {
            (Op::Create { patch }, _) => {
                inner.count += 1;
                let id = match self.side {
                    Side::Dynamics => NativeId::new(step.link.0.to_string()),
                    Side::Exchange => NativeId::new(format!("ex-{}", inner.count)),
                };
                let marker = (self.side == Side::Exchange).then_some(step.link);
                let fields =
                    patch.iter().filter_map(|(field, value)| Some((*field, value.clone()?)));
                // A row of that guid is there already: `If-None-Match: *`.
                let item = inner.items.get(&id).cloned().unwrap_or(Item {
                    kind: step.kind,
                    fields: fields.collect(),
                    marker,
                    on: true,
                    version: 0,
                });
                (id, item)
            }
            (Op::Update { expected, patch, .. }, Some(id)) => {
                let Some(mut item) = inner.items.get(id).cloned() else { return Outcome::Missing };
                if *expected != Some(version(&item)) {
                    return Outcome::Stale;
                }
                for (field, value) in patch {
                    item.fields.set(*field, value.clone());
                }
                (id.clone(), item)
            }
            (Op::Delete { .. }, Some(id)) => {
                let there = inner.items.contains_key(id);
                inner.take(id);
                return if there { Outcome::Done(None) } else { Outcome::Missing };
            }
            (Op::Unmark { .. }, Some(id)) => {
                let Some(mut item) = inner.items.get(id).cloned() else { return Outcome::Missing };
                (item.marker, item.on) = (None, false);
                (id.clone(), item)
            }
            (Op::Update { .. } | Op::Unmark { .. } | Op::Delete { .. }, None) => {
                return Outcome::Missing;
            }
        };
        inner.put(&id, item);
        Outcome::Done(Some(Box::new(self.observe(&id, &inner.items[&id]))))
    }
}

impl Inner {
    fn put(&mut self, id: &NativeId, mut item: Item) {
        self.count += 1;
        item.version = self.count;
        self.changed.insert(id.clone(), self.count);
        self.items.insert(id.clone(), item);
    }

    fn take(&mut self, id: &NativeId) {
        self.count += 1;
        self.changed.insert(id.clone(), self.count);
        self.items.remove(id);
    }
}

fn version(item: &Item) -> Version {
    Version::new(item.version.to_string())
}

#[async_trait]
impl FarSide for Far {
    async fn pull(&self, ask: PullAsk<'_>) -> Result<Pulled, PullError> {
        self.script.note(format!("pull {}", self.side));
        self.script.tick().await;
        let (failing, slow) = {
            let inner = self.inner.lock().unwrap();
            (inner.failing, inner.slow)
        };
        if !slow.is_zero() {
            tokio::time::sleep(slow).await;
        }
        self.script.note(format!("pulled {}", self.side));
        if let Some(failing) = failing {
            return Err(failing().into());
        }
        let rest = {
            let inner = self.inner.lock().unwrap();
            inner.lies.is_empty().then(|| SideRest::new(inner.count.to_le_bytes()))
        };
        if rest.is_some() && ask.rest == rest.as_ref() {
            return Ok(Pulled { rest, cursors: ask.cursors.to_vec(), ..Pulled::default() });
        }
        let known = ask.known.load().await?;
        let mut inner = self.inner.lock().unwrap();
        let pulled = match self.side {
            Side::Dynamics => self.sweep(&inner, known),
            Side::Exchange => self.delta(&mut inner, &ask, known),
        };
        Ok(Pulled { rest: rest.filter(|_| !pulled.is_news()), ..pulled })
    }

    async fn fetch(
        &self,
        _: &Mailbox,
        items: &[(Kind, NativeId)],
    ) -> Result<Vec<Observation>, SideError> {
        self.script.note(format!("fetch {}", self.side));
        self.script.tick().await;
        let inner = self.inner.lock().unwrap();
        let one = |(kind, id): &(Kind, NativeId)| match inner.items.get(id) {
            // Whether a filter returns the row is not known to a read by id.
            Some(item) => Observation { presence: Presence::Present, ..self.observe(id, item) },
            None => self.gone(*kind, id),
        };
        Ok(items.iter().map(one).collect())
    }

    async fn find(&self, _: &Mailbox, keys: &[FindKey]) -> Result<Vec<Found>, SideError> {
        self.script.note(format!("find {}", self.side));
        self.script.tick().await;
        let inner = self.inner.lock().unwrap();
        let one = |key: &FindKey| {
            let FindKey::Marker(link, _) = key else { return Found::Nothing };
            let row = NativeId::new(link.0.to_string());
            let mut all = inner.items.iter();
            let found = all.find(|(id, item)| item.marker == Some(*link) || **id == row);
            found.map(|(id, item)| self.observe(id, item)).into()
        };
        Ok(keys.iter().map(one).collect())
    }

    async fn apply(&self, _: &Mailbox, steps: &[Step]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for step in steps {
            self.script.tick().await;
            let verb = match &step.op {
                Op::Create { .. } => "create",
                Op::Update { .. } => "update",
                Op::Unmark { .. } => "unmark",
                Op::Delete { .. } => "delete",
            };
            self.script.note(format!("{verb} {}", self.side));
            outcomes.push(self.write(step));
            self.script.tick().await;
        }
        outcomes
    }

    async fn marked(&self, _: &Mailbox) -> Result<Vec<Observation>, SideError> {
        let inner = self.inner.lock().unwrap();
        let all = inner.items.iter().map(|(id, item)| self.observe(id, item));
        Ok(all.filter(|one| self.side == Side::Exchange && one.marker.is_some()).collect())
    }

    async fn candidates(
        &self,
        _: &Mailbox,
        _: &[Address],
    ) -> Result<Vec<PartyCandidate>, SideError> {
        Ok(Vec::new())
    }
}

/// A store in memory that counts commits and may refuse one.
pub(crate) struct TestStore {
    pub(crate) memory: Arc<MemoryStore>,
    script: Arc<Script>,
    /// Every change that was asked for.
    pub(crate) commits: Mutex<Vec<StateChange>>,
    /// The commit, counted from here on, that fails.
    pub(crate) fail_in: Mutex<Option<usize>>,
    /// How often a mailbox was loaded.
    pub(crate) loads: AtomicUsize,
}

#[async_trait]
impl LinkStore for TestStore {
    async fn load(&self, mailbox: &MailboxKey) -> Result<MailboxState, StoreError> {
        self.script.tick().await;
        self.loads.fetch_add(1, SeqCst);
        self.memory.load(mailbox).await
    }

    async fn commit(
        &self,
        mailbox: &MailboxKey,
        fence: Fence,
        change: &StateChange,
    ) -> Result<(), StoreError> {
        self.script.tick().await;
        self.script.note("commit");
        {
            let mut left = self.fail_in.lock().unwrap();
            if let Some(count) = *left {
                *left = count.checked_sub(1);
                if count == 0 {
                    return Err(StoreError::Unavailable("no connection".into()));
                }
            }
        }
        self.memory.commit(mailbox, fence, change).await?;
        self.commits.lock().unwrap().push(change.clone());
        self.script.tick().await;
        Ok(())
    }

    async fn forget(&self, mailbox: &MailboxKey) -> Result<(), StoreError> {
        self.memory.forget(mailbox).await
    }

    async fn exclude(&self, key: &MailboxKey, since: DateTime<Utc>) -> Result<(), StoreError> {
        self.memory.exclude(key, since).await
    }

    async fn admit(&self, key: &MailboxKey) -> Result<bool, StoreError> {
        self.memory.admit(key).await
    }

    async fn excluded(&self, tenant: &TenantId) -> Result<Excluded, StoreError> {
        self.memory.excluded(tenant).await
    }

    async fn print_key(&self, tenant: &TenantId, fresh: PrintKey) -> Result<PrintKey, StoreError> {
        self.memory.print_key(tenant, fresh).await
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
    pub(crate) rest: Mutex<Option<Box<Rest>>>,
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
            rest: Mutex::default(),
        }
    }

    pub(crate) fn deps(&self) -> CycleDeps {
        CycleDeps {
            dynamics: self.dynamics.clone(),
            exchange: self.exchange.clone(),
            links: self.store.clone(),
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
            Ok(_) | Err(CycleEnd::Side(..) | CycleEnd::Store(_) | CycleEnd::Stuck) => None,
        };
        let orders = Orders { released, retry: Retry::All };
        *self.rest.lock().unwrap() = None;
        self.cycle_in(&CycleContext { orders, ..self.context() }).await
    }

    /// Runs a cycle that starts from what the last one left behind, and keeps what it leaves.
    pub(crate) async fn cycle_in(&self, context: &CycleContext) -> Result<CycleReport, CycleEnd> {
        let rest = self.rest.lock().unwrap().take();
        let (report, rest) = run_from(context, rest).await?;
        *self.rest.lock().unwrap() = rest;
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
