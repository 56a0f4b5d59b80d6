//! What an operator can order of a mailbox.

use std::sync::Arc;

use actix::{Actor, Addr};
use tokio::time::sleep;

use super::fakes::{Tenant, id, on_paused, outage, phase, release, secs, to_mailbox};
use crate::actors::messages::{Order, WakeMailbox};
use crate::actors::phase::Phase;
use crate::actors::runtime::TenantRuntime;
use crate::actors::tenant::TenantSupervisor;
use crate::domain::code::Code;
use crate::domain::ids::NativeId;
use crate::domain::policy::Limits;

/// A tenant whose only mailbox halted: no delete is allowed, and of three rows the first went.
struct Halting {
    tenant: Tenant,
    rows: [NativeId; 3],
    runtime: Arc<TenantRuntime>,
    supervisor: Addr<TenantSupervisor>,
}

async fn halting() -> Halting {
    let tenant = Tenant::new().await;
    let rows = ["one", "two", "three"].map(|subject| tenant.world.dynamics.add(subject));
    let limits = Limits { deletes: 0, deletes_share: 0.0, ..Limits::default() };
    let runtime = tenant.runtime_with(limits);
    let supervisor = TenantSupervisor::new(runtime.clone()).start();
    sleep(secs(20)).await;
    tenant.world.dynamics.remove(&rows[0]);
    supervisor.send(WakeMailbox(None)).await.unwrap();
    sleep(secs(1)).await;
    Halting { tenant, rows, runtime, supervisor }
}

#[test]
fn promise_3_a_halt_waits_for_its_release() {
    // Neither time nor wake-ups start a halted mailbox; one release lets one plan pass.
    on_paused(async {
        let Halting { tenant, rows, runtime, supervisor } = halting().await;
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
        let Halting { tenant, rows, runtime, supervisor } = halting().await;
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
