//! One mailbox: when its cycles run, and how long it waits after a failure.

use std::time::Duration;

use tokio::time::sleep;

use super::fakes::{Tenant, boom, id, on_paused, outage, phase, secs};
use crate::actors::messages::WakeMailbox;
use crate::actors::phase::Phase;
use crate::cycle::tests::fakes::Fault;
use crate::domain::code::Code;
use crate::ports::error::SideError;

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
        sleep(secs(10)).await;
        assert_eq!(phase(&runtime), Phase::Idle);
        assert_eq!(tenant.world.exchange.subjects(), ["Call Anna"]);
    });
}

#[test]
fn a_panic_with_a_write_on_its_way_holds_the_shard_until_that_has_landed() {
    // Nobody may look for what was made before it can be there: not this node, nor the next one.
    on_paused(async {
        let tenant = Tenant::new().await;
        tenant.world.dynamics.add("Call Anna");
        tenant.world.exchange.faults(&[Fault::Panics]);
        let (runtime, _supervisor) = tenant.start();
        sleep(secs(1)).await;
        let waiting = Phase::Backoff { failures: 1, code: Code::CyclePanicked };
        assert_eq!(phase(&runtime), waiting);
        let began = tokio::time::Instant::now();
        tenant.ownership.drain().await;
        let took = began.elapsed();
        assert!(took >= secs(8) && took <= secs(12), "{took:?}");
        assert_eq!(phase(&runtime), waiting, "nor does it begin itself");
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
fn err_01_a_mailbox_that_cannot_be_opened_is_parked_at_once_and_probed() {
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
