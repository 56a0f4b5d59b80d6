//! Tests of the actors: one arbiter, paused time, cycles on the same runtime.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use actix::{Actor, Addr};
use actix_rt::System;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::sync::{Semaphore, broadcast};
use tokio::time::sleep;
use uuid::Uuid;

use super::messages::*;
use super::node::{NodeActor, TenantEntry, Tenants};
use super::phase::{Pace, Phase};
use super::runtime::{RuntimeParts, TenantRuntime};
use super::tenant::TenantSupervisor;
use crate::cluster::ownership::Ownership;
use crate::cycle::tests::fakes::{World, mailbox};
use crate::cycle::{CycleDeps, TenantOptions};
use crate::domain::code::Code;
use crate::domain::ids::TenantId;
use crate::domain::mailbox::{DeliveryMethod, MailboxRecord, MailboxSource, Regarding};
use crate::domain::policy::{Directions, Limits};
use crate::memory::MemoryStore;
use crate::ports::clock::Clock;
use crate::ports::error::SideError;
use crate::ports::organization::{Organization, Profile};

/// Runs a test on one arbiter whose time only moves when everybody waits.
fn on_paused(test: impl Future<Output = ()>) {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().start_paused(true).build().unwrap()
    };
    System::with_tokio_rt(runtime).block_on(test);
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn outage() -> SideError {
    SideError::Unreachable { reason: "no route".to_owned() }
}

fn boom() -> SideError {
    panic!("a defect")
}

/// What the organization answers: scripted answers first, then its profile for ever.
#[derive(Default)]
struct Org {
    script: Mutex<VecDeque<fn() -> SideError>>,
    mailboxes: Mutex<Vec<MailboxRecord>>,
    reads: AtomicUsize,
}

#[async_trait]
impl Organization for Org {
    async fn profile(&self) -> Result<Profile, SideError> {
        self.reads.fetch_add(1, SeqCst);
        let scripted = self.script.lock().unwrap().pop_front();
        if let Some(failure) = scripted {
            return Err(failure());
        }
        Ok(Profile {
            organization: Uuid::from_u128(1),
            settings: crate::domain::setting::Values::new(),
            files: Default::default(),
            directions: Directions::default(),
            personal: std::collections::HashMap::new(),
            mailboxes: self.mailboxes.lock().unwrap().clone(),
            users: Vec::new(),
        })
    }
}

fn record(number: u128) -> MailboxRecord {
    let mailbox = mailbox(number);
    MailboxRecord {
        id: mailbox.key.mailbox,
        address: Some(mailbox.address),
        active: true,
        regarding: Regarding::User {
            user: mailbox.user,
            enabled: true,
            object_id: Some(mailbox.object_id),
        },
        approved: true,
        approved_by_admin: true,
        tested: true,
        enabled_for_act: true,
        delivery: DeliveryMethod::ServerSide,
        server_type: Some(3),
        owned_elsewhere: false,
        last_sync_started: None,
    }
}

/// A clock that panics from the nth look on, as a defect in an actor would.
struct Bomb {
    world: Arc<dyn Clock>,
    looks: AtomicI64,
    blasts: AtomicI64,
}

impl Bomb {
    /// After so many more looks, so many looks panic.
    fn arm(&self, looks: i64, blasts: i64) {
        self.blasts.store(blasts, SeqCst);
        self.looks.store(looks, SeqCst);
    }
}

impl Clock for Bomb {
    fn now(&self) -> DateTime<Utc> {
        if self.looks.fetch_sub(1, SeqCst) <= 0 && self.blasts.fetch_sub(1, SeqCst) > 0 {
            panic!("a defect");
        }
        self.world.now()
    }
}

/// One tenant with one mailbox.
struct Tenant {
    world: World,
    org: Arc<Org>,
    bomb: Arc<Bomb>,
    store: Arc<MemoryStore>,
    ownership: Arc<Ownership>,
}

impl Tenant {
    async fn new() -> Self {
        let world = World::new();
        let store = Arc::new(MemoryStore::new(world.clock.clone()));
        let ownership = Arc::new(Ownership::new(store.clone(), "node"));
        assert!(ownership.hold().await.unwrap());
        actix_rt::spawn(ownership.clone().keep());
        let org = Arc::new(Org::default());
        org.mailboxes.lock().unwrap().push(record(1));
        let bomb = Arc::new(Bomb {
            world: world.clock.clone(),
            looks: AtomicI64::new(i64::MAX),
            blasts: AtomicI64::new(0),
        });
        Self { world, org, bomb, store, ownership }
    }

    fn runtime_with(&self, limits: Limits) -> Arc<TenantRuntime> {
        self.runtime_of(false, limits)
    }

    fn runtime_of(&self, takeover: bool, limits: Limits) -> Arc<TenantRuntime> {
        let options = TenantOptions {
            tenant: TenantId::new("contoso"),
            source: MailboxSource::Dataverse,
            takeover,
            policy: Arc::new(|_| crate::domain::policy::Choices::default()),
            directions: crate::domain::policy::Directions::default(),
            limits,
            window_back: chrono::Duration::days(30),
            window_ahead: chrono::Duration::days(365),
        };
        Arc::new(TenantRuntime::new(RuntimeParts {
            key: None,
            options,
            deps: CycleDeps { clock: self.bomb.clone(), ..self.world.deps() },
            organization: self.org.clone(),
            sightings: self.store.clone(),
            io: tokio::runtime::Handle::current(),
            permits: Arc::new(Semaphore::new(8)),
            share: Arc::new(Semaphore::new(4)),
            reports: broadcast::channel(64).0,
            ownership: self.ownership.clone(),
            pace: Pace {
                sweep: secs(900),
                settle: secs(5),
                backoff: secs(5),
                backoff_max: secs(600),
                park_after: 4,
            },
        }))
    }

    fn runtime(&self) -> Arc<TenantRuntime> {
        self.runtime_with(Limits::default())
    }

    fn start(&self) -> (Arc<TenantRuntime>, Addr<TenantSupervisor>) {
        let runtime = self.runtime();
        (runtime.clone(), TenantSupervisor::new(runtime).start())
    }

    /// Returns how many cycles began since the last look.
    fn cycles(&self) -> usize {
        self.world.log().iter().filter(|it| *it == "pull dynamics").count()
    }
}

fn to_mailbox(order: Order) -> ToMailbox {
    ToMailbox { mailbox: id(1), order }
}

fn release(with_brakes: bool) -> ToMailbox {
    to_mailbox(Order::Release { with_brakes, plan: None })
}

fn id(number: u128) -> Uuid {
    mailbox(number).key.mailbox
}

fn phase(runtime: &TenantRuntime) -> Phase {
    runtime.board.mailbox(id(1)).unwrap().phase
}

#[test]
fn a_mailbox_is_enrolled_synchronized_and_swept() {
    // The first cycle comes at once, the second settles, and then the sweep keeps its interval.
    on_paused(async {
        let tenant = Tenant::new().await;
        tenant.world.dynamics.add("Call Anna");
        let (runtime, _supervisor) = tenant.start();
        let mut reports = runtime.reports.subscribe();
        sleep(secs(1)).await;
        assert_eq!(tenant.world.exchange.subjects(), ["Call Anna"]);
        assert_eq!(reports.recv().await.unwrap().done.exchange, 1);
        assert_eq!(phase(&runtime), Phase::Idle);
        assert!(runtime.board.tenant_row().profile_read.is_some());
        assert_eq!(tenant.cycles(), 1);
        sleep(secs(7)).await;
        assert_eq!(tenant.cycles(), 1);
        sleep(secs(850)).await;
        assert_eq!(tenant.cycles(), 0);
        sleep(secs(150)).await;
        assert_eq!(tenant.cycles(), 1);
        assert_eq!(runtime.board.mailbox(id(1)).unwrap().cycles, 3);
    });
}

#[test]
fn wake_ups_during_a_cycle_coalesce() {
    // Any number of them leads to exactly one further cycle, which sees what they meant.
    on_paused(async {
        let tenant = Tenant::new().await;
        tenant.world.dynamics.slow(secs(30));
        let (runtime, supervisor) = tenant.start();
        sleep(secs(10)).await;
        assert!(matches!(phase(&runtime), Phase::Running { dirty: false, .. }));
        for one in [Some(id(1)), None, Some(id(1)), Some(id(1))] {
            assert!(supervisor.send(WakeMailbox(one)).await.unwrap());
        }
        assert!(!supervisor.send(WakeMailbox(Some(id(2)))).await.unwrap());
        sleep(secs(40)).await;
        assert_eq!(tenant.cycles(), 2);
        sleep(secs(600)).await;
        assert_eq!(tenant.cycles(), 0);
    });
}

#[test]
fn a_panic_inside_a_cycle_leads_to_back_off() {
    // The actor lives on, shows why it waits, and the next cycle does the work.
    on_paused(async {
        let tenant = Tenant::new().await;
        tenant.world.dynamics.add("Call Anna");
        tenant.world.exchange.fail(Some(boom));
        let (runtime, supervisor) = tenant.start();
        sleep(secs(1)).await;
        let waiting = Phase::Backoff { failures: 1, code: Code::CyclePanicked };
        assert_eq!(phase(&runtime), waiting);
        let last = runtime.board.mailbox(id(1)).unwrap().last.unwrap();
        assert_eq!(last.code, Some(Code::CyclePanicked));
        // A wake-up does not cut the wait short.
        tenant.cycles();
        supervisor.send(WakeMailbox(None)).await.unwrap();
        sleep(secs(1)).await;
        assert_eq!((tenant.cycles(), phase(&runtime)), (0, waiting));
        tenant.world.exchange.fail(None);
        sleep(secs(5)).await;
        assert_eq!(phase(&runtime), Phase::Idle);
        assert_eq!(tenant.world.exchange.subjects(), ["Call Anna"]);
    });
}

#[test]
fn promise_6_the_demanded_wait_is_kept() {
    // Four hundred seconds were asked for; no cycle begins before.
    on_paused(async {
        let tenant = Tenant::new().await;
        tenant
            .world
            .dynamics
            .fail(Some(|| SideError::Throttled { retry_after: Duration::from_secs(400) }));
        let (runtime, _supervisor) = tenant.start();
        sleep(secs(1)).await;
        assert_eq!(tenant.cycles(), 1);
        tenant.world.dynamics.fail(None);
        sleep(secs(398)).await;
        assert_eq!(tenant.cycles(), 0);
        sleep(secs(50)).await;
        assert!(tenant.cycles() > 0);
        assert_eq!(phase(&runtime), Phase::Idle);
    });
}

#[test]
fn err_01_an_outage_parks_and_heals_by_itself() {
    // After four failures the mailbox is probed at the longest wait only; then it recovers.
    on_paused(async {
        let tenant = Tenant::new().await;
        tenant.world.dynamics.fail(Some(outage));
        let (runtime, _supervisor) = tenant.start();
        sleep(secs(200)).await;
        assert_eq!(tenant.cycles(), 4);
        assert_eq!(phase(&runtime), Phase::Parked(Code::FarSideUnreachable));
        sleep(secs(3_600)).await;
        let probes = tenant.cycles();
        assert!((5..=6).contains(&probes), "{probes} probes in an hour");
        tenant.world.dynamics.fail(None);
        sleep(secs(700)).await;
        assert_eq!(phase(&runtime), Phase::Idle);
    });
}

#[test]
fn a_mailbox_that_cannot_be_opened_is_parked_and_probed() {
    // Park is no end: when the mailbox can be opened again, nobody needs to act.
    on_paused(async {
        let tenant = Tenant::new().await;
        let closed = || SideError::MailboxUnreachable { reason: "none".to_owned() };
        tenant.world.exchange.fail(Some(closed));
        let (runtime, _supervisor) = tenant.start();
        sleep(secs(1)).await;
        assert_eq!(phase(&runtime), Phase::Parked(Code::MailboxUnreachable));
        tenant.world.exchange.fail(None);
        sleep(secs(700)).await;
        assert_eq!(phase(&runtime), Phase::Idle);
    });
}

#[test]
fn promise_3_a_halt_waits_for_its_release() {
    // Neither time nor wake-ups start a halted mailbox; one release lets one plan pass.
    on_paused(async {
        let tenant = Tenant::new().await;
        let rows = ["one", "two", "three"].map(|subject| tenant.world.dynamics.add(subject));
        let limits = Limits { deletes: 0, deletes_share: 0.0, ..Limits::default() };
        let runtime = tenant.runtime_with(limits);
        let supervisor = TenantSupervisor::new(runtime.clone()).start();
        sleep(secs(20)).await;
        tenant.world.dynamics.remove(&rows[0]);
        supervisor.send(WakeMailbox(None)).await.unwrap();
        sleep(secs(1)).await;
        assert_eq!(phase(&runtime), Phase::Halted(Code::DeleteBudget));
        tenant.cycles();
        supervisor.send(WakeMailbox(None)).await.unwrap();
        sleep(secs(7_200)).await;
        assert_eq!(tenant.cycles(), 0);
        // A second click while the released plan runs must not release the next one.
        tenant.world.dynamics.slow(secs(3));
        assert!(supervisor.send(release(false)).await.unwrap());
        sleep(secs(1)).await;
        assert!(supervisor.send(release(false)).await.unwrap());
        sleep(secs(3)).await;
        assert_eq!(tenant.world.exchange.subjects(), ["three", "two"]);
        tenant.world.dynamics.remove(&rows[1]);
        sleep(secs(20)).await;
        assert_eq!(tenant.world.exchange.subjects(), ["three", "two"]);
        assert_eq!(phase(&runtime), Phase::Halted(Code::DeleteBudget));
    });
}

#[test]
fn promise_3_a_release_lets_the_halted_plan_pass_and_no_other() {
    // With brakes it halts again; another plan halts again; a release that failed is not lost.
    on_paused(async {
        let tenant = Tenant::new().await;
        let rows = ["one", "two", "three"].map(|subject| tenant.world.dynamics.add(subject));
        let limits = Limits { deletes: 0, deletes_share: 0.0, ..Limits::default() };
        let runtime = tenant.runtime_with(limits);
        let supervisor = TenantSupervisor::new(runtime.clone()).start();
        sleep(secs(20)).await;
        tenant.world.dynamics.remove(&rows[0]);
        supervisor.send(WakeMailbox(None)).await.unwrap();
        sleep(secs(1)).await;
        let halted = Phase::Halted(Code::DeleteBudget);
        let halt = || runtime.board.mailbox(id(1)).unwrap().halt;
        let first = halt().unwrap();
        assert_eq!((phase(&runtime), first.wanted, first.allowed), (halted, 1, 0));
        for order in [
            Order::Release { with_brakes: true, plan: None },
            Order::Release { with_brakes: false, plan: Some("another".to_owned()) },
        ] {
            supervisor.send(to_mailbox(order)).await.unwrap();
            sleep(secs(1)).await;
            assert_eq!((phase(&runtime), halt()), (halted, Some(first.clone())));
        }
        // Another item went meanwhile: that was not seen, and nothing is carried out.
        tenant.world.dynamics.remove(&rows[1]);
        supervisor.send(release(false)).await.unwrap();
        sleep(secs(1)).await;
        let second = halt().unwrap();
        assert_eq!((phase(&runtime), second.wanted), (halted, 2));
        assert_ne!(second.plan, first.plan);
        assert_eq!(tenant.world.exchange.subjects(), ["one", "three", "two"]);
        // The cycle of the release fails before anything is written; the next one carries it out.
        tenant.world.exchange.fail(Some(outage));
        let plan = Some(second.plan);
        let order = Order::Release { with_brakes: false, plan };
        supervisor.send(to_mailbox(order)).await.unwrap();
        sleep(secs(1)).await;
        assert!(matches!(phase(&runtime), Phase::Backoff { .. }));
        tenant.world.exchange.fail(None);
        sleep(secs(40)).await;
        assert_eq!(tenant.world.exchange.subjects(), ["three"]);
        assert_eq!((phase(&runtime), halt()), (Phase::Idle, None));
    });
}

#[test]
fn sch_03_a_cycle_can_be_asked_for_and_waited_for() {
    // The answer comes with the end of a cycle that began after the question; a mailbox that backs
    // off answers at once.
    on_paused(async {
        let tenant = Tenant::new().await;
        let (runtime, supervisor) = tenant.start();
        sleep(secs(20)).await;
        let ask = async || {
            let (send, receive) = tokio::sync::oneshot::channel();
            assert!(supervisor.send(to_mailbox(Order::Sync(send))).await.unwrap());
            let begun = tokio::time::Instant::now();
            receive.await.unwrap();
            begun.elapsed()
        };
        tenant.world.dynamics.slow(secs(30));
        tenant.world.dynamics.add("Call Anna");
        assert!(ask().await >= secs(30));
        assert_eq!(tenant.world.exchange.subjects(), ["Call Anna"]);
        // A cycle runs already: it may have read before, so the next one is waited for.
        supervisor.send(WakeMailbox(None)).await.unwrap();
        sleep(secs(1)).await;
        assert!(ask().await >= secs(59));
        tenant.world.dynamics.fail(Some(outage));
        assert!(ask().await >= secs(0));
        assert!(matches!(phase(&runtime), Phase::Backoff { .. }));
        assert!(ask().await < secs(1));
    });
}

#[test]
fn err_02_one_parked_item_is_tried_again_when_asked() {
    // Only the item that is named, with brakes, without waiting for a change.
    on_paused(async {
        let tenant = Tenant::new().await;
        for subject in ["poison a", "poison b"] {
            tenant.world.dynamics.add(subject);
            tenant.world.exchange.poison(subject);
        }
        let runtime = tenant.runtime_with(Limits { item_attempts: 1, ..Limits::default() });
        let supervisor = TenantSupervisor::new(runtime.clone()).start();
        sleep(secs(20)).await;
        let troubled = runtime.troubled(id(1)).await.unwrap();
        assert_eq!(troubled.iter().filter(|link| link.is_parked()).count(), 2);
        tenant.world.log();
        assert!(supervisor.send(to_mailbox(Order::Retry(troubled[0].id))).await.unwrap());
        sleep(secs(2)).await;
        let log = tenant.world.log();
        assert_eq!(log.iter().filter(|it| *it == "create exchange").count(), 1);
    });
}

#[test]
fn a_mailbox_actor_that_dies_is_respawned() {
    // A panic in a handler kills the actor; its supervisor makes another one that works.
    on_paused(async {
        let tenant = Tenant::new().await;
        tenant.world.dynamics.add("Call Anna");
        let (runtime, _supervisor) = tenant.start();
        tenant.world.exchange.fail(Some(outage));
        // Looks: the profile, the cycle's begin, and then the handler of its end.
        tenant.bomb.arm(2, 1);
        sleep(secs(1)).await;
        assert_eq!(tenant.cycles(), 1);
        assert_eq!(runtime.board.mailbox(id(1)).unwrap().cycles, 0);
        tenant.world.exchange.fail(None);
        sleep(secs(12)).await;
        assert_eq!(phase(&runtime), Phase::Idle);
        assert_eq!(tenant.world.exchange.subjects(), ["Call Anna"]);
    });
}

#[test]
fn an_actor_that_dies_again_and_again_is_left_alone() {
    // Three respawns, then it is shown as parked until the profile is read again.
    on_paused(async {
        let tenant = Tenant::new().await;
        let (runtime, _supervisor) = tenant.start();
        tenant.world.exchange.fail(Some(outage));
        tenant.bomb.arm(1, i64::MAX);
        sleep(secs(200)).await;
        assert_eq!(phase(&runtime), Phase::Parked(Code::MailboxParked));
        // The clock fails before the first pull: no cycle came so far.
        assert_eq!(tenant.cycles(), 0);
        tenant.world.exchange.fail(None);
        tenant.bomb.arm(i64::MAX, 0);
        sleep(secs(150)).await;
        assert_eq!(phase(&runtime), Phase::Idle);
    });
}

#[test]
fn stopping_a_tenant_ends_everything() {
    // No cycle begins after it, neither by a timer nor by the end of one that runs.
    on_paused(async {
        let tenant = Tenant::new().await;
        tenant.world.dynamics.slow(secs(30));
        let (_runtime, supervisor) = tenant.start();
        sleep(secs(10)).await;
        supervisor.send(WakeMailbox(None)).await.unwrap();
        supervisor.send(StopTenant).await.unwrap();
        sleep(secs(1)).await;
        assert!(!supervisor.connected());
        let reads = tenant.org.reads.load(SeqCst);
        tenant.cycles();
        sleep(secs(7_200)).await;
        assert_eq!((tenant.cycles(), tenant.org.reads.load(SeqCst)), (0, reads));
    });
}

#[test]
fn a_supervisor_that_dies_takes_its_mailboxes_along() {
    // Otherwise they would work beside those of its successor.
    on_paused(async {
        let tenant = Tenant::new().await;
        let (_runtime, supervisor) = tenant.start();
        sleep(secs(10)).await;
        // The next look is the one at which the profile is adopted again.
        tenant.bomb.arm(0, 1);
        sleep(secs(300)).await;
        assert!(!supervisor.connected());
        tenant.cycles();
        sleep(secs(7_200)).await;
        assert_eq!(tenant.cycles(), 0);
    });
}

#[test]
fn a_profile_that_cannot_be_read_is_shown_and_read_again() {
    // An error and a panic both appear on the board, and neither is the end.
    on_paused(async {
        let tenant = Tenant::new().await;
        let failures: [fn() -> SideError; 2] = [outage, boom];
        tenant.org.script.lock().unwrap().extend(failures);
        let (runtime, _supervisor) = tenant.start();
        sleep(secs(1)).await;
        let trouble = || runtime.board.tenant_row().trouble.map(|(code, _)| code);
        assert_eq!(trouble(), Some(Code::FarSideUnreachable));
        assert!(runtime.board.mailboxes().is_empty());
        sleep(secs(15)).await;
        assert_eq!(trouble(), Some(Code::AnswerUnreadable));
        sleep(secs(15)).await;
        assert_eq!(trouble(), None);
        assert_eq!(phase(&runtime), Phase::Idle);
        assert_eq!(tenant.org.reads.load(SeqCst), 3);
    });
}

#[test]
fn elig_the_roster_follows_the_profile() {
    // A mailbox that appears is started, one that is switched off is stopped and shows why.
    on_paused(async {
        let tenant = Tenant::new().await;
        let (runtime, supervisor) = tenant.start();
        sleep(secs(10)).await;
        tenant.org.mailboxes.lock().unwrap().push(record(2));
        sleep(secs(300)).await;
        assert_eq!(runtime.board.mailboxes().len(), 2);
        assert!(runtime.board.mailbox(id(2)).unwrap().cycles > 0);
        tenant.org.mailboxes.lock().unwrap()[0].enabled_for_act = false;
        sleep(secs(300)).await;
        let row = runtime.board.mailbox(id(1)).unwrap();
        assert_eq!(row.reasons[0].1, Code::MailboxNotEnabled);
        assert!(!supervisor.send(WakeMailbox(Some(id(1)))).await.unwrap());
        assert!(supervisor.send(WakeMailbox(Some(id(2)))).await.unwrap());
    });
}

#[test]
fn elig_13_another_engine_at_work_stops_the_mailbox() {
    // The mark of another engine moves: the mailbox is left to it and says so.
    on_paused(async {
        let tenant = Tenant::new().await;
        let (runtime, _supervisor) = tenant.start();
        sleep(secs(10)).await;
        let moved = DateTime::from_timestamp(1_700_000_000, 0);
        tenant.org.mailboxes.lock().unwrap()[0].last_sync_started = moved;
        sleep(secs(300)).await;
        assert_eq!(runtime.board.mailbox(id(1)).unwrap().reasons[0].1, Code::OtherEngine);
        tenant.cycles();
        sleep(secs(3_600)).await;
        assert_eq!(tenant.cycles(), 0);
    });
}

#[test]
fn elig_13_an_engine_that_worked_while_this_one_was_down_is_seen() {
    // What was seen of another engine outlives the process; taking over and leaving the roster
    // make today's mark the one that counts.
    on_paused(async {
        let tenant = Tenant::new().await;
        let reasons = async |takeover: bool| {
            let runtime = tenant.runtime_of(takeover, Limits::default());
            let _ = runtime.adopt(&tenant.org.profile().await.unwrap()).await.unwrap();
            let reasons = runtime.board.mailbox(id(1)).unwrap().reasons;
            reasons.into_iter().map(|(_, code)| code).collect::<Vec<_>>()
        };
        let set =
            |change: fn(&mut MailboxRecord)| change(&mut tenant.org.mailboxes.lock().unwrap()[0]);
        assert_eq!(reasons(false).await, []);
        set(|record| record.last_sync_started = DateTime::from_timestamp(1_700_000_000, 1));
        assert_eq!(reasons(false).await, [Code::OtherEngine], "seen after a restart");
        assert_eq!(reasons(false).await, [Code::OtherEngine], "and not forgotten by the next");
        assert_eq!(reasons(true).await, [], "taken over");
        assert_eq!(reasons(false).await, [], "the mark of the day of the takeover counts");
        set(|record| record.last_sync_started = DateTime::from_timestamp(1_700_000_900, 0));
        set(|record| record.enabled_for_act = false);
        let off = [Code::MailboxNotEnabled, Code::OtherEngine];
        assert_eq!(reasons(false).await, off);
        set(|record| record.enabled_for_act = true);
        assert_eq!(reasons(false).await, [], "it came back, as it is today");
        set(|record| record.last_sync_started = DateTime::from_timestamp(1_700_001_800, 0));
        assert_eq!(reasons(false).await, [Code::OtherEngine]);
    });
}

#[test]
fn a_lost_lease_stops_the_cycles() {
    // Without a fence nothing starts, however often it is tried.
    on_paused(async {
        let tenant = Tenant::new().await;
        let (runtime, supervisor) = tenant.start();
        sleep(secs(11)).await;
        tenant.ownership.release().await;
        tenant.cycles();
        supervisor.send(WakeMailbox(None)).await.unwrap();
        sleep(Duration::from_millis(10)).await;
        assert_eq!(tenant.cycles(), 0);
        assert_eq!(phase(&runtime), Phase::Backoff { failures: 1, code: Code::FenceLost });
        // The keeper takes the free lease again.
        sleep(secs(20)).await;
        assert_eq!(phase(&runtime), Phase::Idle);
    });
}

/// A node and how often its only tenant was built.
struct Node {
    actor: Addr<NodeActor>,
    shown: Tenants,
    tenant: Arc<Tenant>,
    built: Arc<AtomicUsize>,
}

impl Node {
    async fn new() -> Self {
        let shown: Tenants = Arc::new(RwLock::new(Vec::new()));
        Self {
            actor: NodeActor::new(shown.clone()).start(),
            shown,
            tenant: Arc::new(Tenant::new().await),
            built: Arc::default(),
        }
    }

    async fn read(&self, digest: Option<u64>, broken: &[&str]) {
        let (tenant, built) = (self.tenant.clone(), self.built.clone());
        let build = move || {
            built.fetch_add(1, SeqCst);
            tenant.runtime()
        };
        let build = Arc::new(build);
        let entry = |digest| TenantEntry { tenant: TenantId::new("contoso"), digest, build };
        let tenants = digest.map(entry).into_iter().collect();
        let broken = broken.iter().map(|name| (*name).to_owned()).collect();
        self.actor.send(TenantsRead { tenants, broken }).await.unwrap();
    }

    fn list(&self) -> Vec<Arc<TenantRuntime>> {
        self.shown.read().unwrap().clone()
    }
}

#[test]
fn a_changed_tenant_file_replaces_the_runtime() {
    // The same digest changes nothing; another one builds anew, and the old one ends.
    on_paused(async {
        let node = Node::new().await;
        node.read(Some(1), &[]).await;
        sleep(secs(20)).await;
        let first = node.list()[0].clone();
        node.read(Some(1), &[]).await;
        assert_eq!(node.built.load(SeqCst), 1);
        node.read(Some(2), &[]).await;
        sleep(secs(20)).await;
        let second = node.list()[0].clone();
        assert!(!Arc::ptr_eq(&first, &second));
        assert_eq!(node.built.load(SeqCst), 2);
        let cycles = first.board.mailbox(id(1)).unwrap().cycles;
        sleep(secs(3_600)).await;
        assert_eq!(first.board.mailbox(id(1)).unwrap().cycles, cycles);
        assert!(second.board.mailbox(id(1)).unwrap().cycles >= 4);
    });
}

#[test]
fn inv_1_the_old_and_the_new_runtime_never_work_at_once() {
    // The file changes while a cycle runs: the new runtime's first cycle waits for its end.
    on_paused(async {
        let node = Node::new().await;
        let world = &node.tenant.world;
        world.dynamics.slow(secs(60));
        world.exchange.add("Call Anna");
        node.read(Some(1), &[]).await;
        sleep(secs(10)).await;
        node.read(Some(2), &[]).await;
        sleep(secs(300)).await;
        let mut open = 0;
        for what in world.log() {
            open += i32::from(what == "pull dynamics") - i32::from(what == "pulled dynamics");
            assert!(open <= 1, "two cycles of one mailbox at once");
        }
        assert_eq!(world.dynamics.subjects(), ["Call Anna"]);
        assert!(node.list()[0].board.mailbox(id(1)).unwrap().cycles > 0);
    });
}

#[test]
fn a_broken_file_keeps_the_last_good_one() {
    // Broken: it works on. Gone: it ends. Stopped: the node ends.
    on_paused(async {
        let node = Node::new().await;
        node.read(Some(1), &[]).await;
        sleep(secs(20)).await;
        node.tenant.cycles();
        node.read(None, &["contoso"]).await;
        sleep(secs(1_000)).await;
        assert_eq!((node.list().len(), node.built.load(SeqCst)), (1, 1));
        assert_eq!(node.tenant.cycles(), 1);
        let wake = |tenant: &str| {
            let command = WakeMailbox(Some(id(1)));
            node.actor.send(ToTenant { tenant: tenant.to_owned(), command })
        };
        assert_eq!(wake("contoso").await.unwrap(), Some(true));
        assert_eq!(wake("fabrikam").await.unwrap(), None);
        sleep(secs(1)).await;
        assert_eq!(node.tenant.cycles(), 1);
        node.read(None, &[]).await;
        assert!(node.list().is_empty());
        sleep(secs(3_600)).await;
        assert_eq!(node.tenant.cycles(), 0);
        node.read(Some(3), &[]).await;
        sleep(secs(20)).await;
        assert_eq!(node.tenant.cycles(), 1);
        node.actor.send(StopNode).await.unwrap();
        sleep(secs(3_600)).await;
        assert_eq!(node.tenant.cycles(), 0);
        assert!(node.list().is_empty() && !node.actor.connected());
    });
}

#[test]
fn a_tenant_that_died_is_started_again() {
    // The next reading of the files finds its supervisor gone and builds it anew.
    on_paused(async {
        let node = Node::new().await;
        node.read(Some(1), &[]).await;
        sleep(secs(20)).await;
        node.tenant.bomb.arm(0, 1);
        sleep(secs(300)).await;
        node.read(Some(1), &[]).await;
        sleep(secs(20)).await;
        assert_eq!(node.built.load(SeqCst), 2);
        assert!(node.list()[0].board.mailbox(id(1)).unwrap().cycles > 0);
    });
}
