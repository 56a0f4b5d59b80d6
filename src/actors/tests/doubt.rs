//! After doubt: who goes on, when, and who waits on.

use std::sync::atomic::Ordering::Relaxed;

use tokio::time::sleep;

use super::fakes::{Tenant, id, on_paused, outage, phase, record, secs};
use crate::actors::messages::WakeMailbox;
use crate::actors::phase::Phase;
use crate::actors::runtime::TenantRuntime;
use crate::cycle::tests::fakes::mailbox;
use crate::domain::code::Code;

/// Enough that their starts after an outage take three seconds.
const MANY: u128 = 1_500;

fn idle(runtime: &TenantRuntime) -> bool {
    (1..=MANY).all(|number| runtime.board.mailbox(id(number)).unwrap().phase == Phase::Idle)
}

#[test]
fn an_outage_of_the_store_ends_in_no_herd() {
    // Those that had something to do in the time of doubt start one by one; the others wait on.
    on_paused(async {
        let tenant = Tenant::new().await;
        tenant.org.mailboxes.lock().unwrap().extend((2..=MANY).map(record));
        let (runtime, supervisor) = tenant.start();
        sleep(secs(100)).await;
        assert!(idle(&runtime));
        tenant.leases.broken.store(true, Relaxed);
        sleep(secs(13)).await;
        for number in (1..=MANY).filter(|number| number % 10 != 0) {
            assert!(supervisor.send(WakeMailbox(Some(id(number)))).await.unwrap());
        }
        sleep(secs(1)).await;
        tenant.cycles();
        tenant.leases.broken.store(false, Relaxed);
        sleep(secs(2)).await;
        let first = tenant.cycles();
        assert!((200..1_000).contains(&first), "{first} at once");
        sleep(secs(4)).await;
        assert_eq!(first + tenant.cycles(), 1_350);
        assert!(idle(&runtime));
    });
}

#[test]
fn a_cycle_that_a_newer_grant_cut_off_goes_on_within_seconds() {
    // The membership was sure all the time, so nothing but the new fence says that there is work left.
    on_paused(async {
        let tenant = Tenant::new().await;
        tenant.world.dynamics.add("Call Anna");
        tenant.world.dynamics.slow(secs(30));
        let (_runtime, _supervisor) = tenant.start();
        sleep(secs(10)).await;
        assert_eq!(tenant.cycles(), 1);
        tenant.world.dynamics.slow(secs(0));
        let key = mailbox(1).key;
        let fence = tenant.ownership.fence_of(&key).unwrap();
        tenant.ownership.doubt(&key, fence);
        sleep(secs(7)).await;
        assert!(tenant.ownership.fence_of(&key).unwrap() > fence);
        assert_eq!(tenant.world.exchange.subjects(), ["Call Anna"]);
    });
}

#[test]
fn a_cycle_that_ended_late_goes_on_when_the_grant_comes() {
    // Here the grant comes seconds after the cycle was cut off.
    on_paused(async {
        let tenant = Tenant::new().await;
        tenant.world.dynamics.add("Call Anna");
        tenant.world.dynamics.slow(secs(30));
        let (_runtime, _supervisor) = tenant.start();
        sleep(secs(10)).await;
        tenant.world.dynamics.slow(secs(0));
        tenant.leases.broken.store(true, Relaxed);
        let key = mailbox(1).key;
        let fence = tenant.ownership.fence_of(&key).unwrap();
        tenant.ownership.doubt(&key, fence);
        sleep(secs(3)).await;
        assert!(tenant.world.exchange.subjects().is_empty());
        tenant.leases.broken.store(false, Relaxed);
        sleep(secs(3)).await;
        assert_eq!(tenant.world.exchange.subjects(), ["Call Anna"]);
    });
}

#[test]
fn err_01_doubt_forgives_no_failure() {
    // A mailbox that failed twice in a row has failed three times when it fails after the doubt.
    on_paused(async {
        let tenant = Tenant::new().await;
        let (runtime, supervisor) = tenant.start();
        sleep(secs(60)).await;
        tenant.world.exchange.fail(Some(outage));
        assert!(supervisor.send(WakeMailbox(None)).await.unwrap());
        let failed = |failures| Phase::Backoff { failures, code: Code::FarSideUnreachable };
        while phase(&runtime) != failed(2) {
            sleep(secs(1)).await;
        }
        tenant.leases.broken.store(true, Relaxed);
        sleep(secs(60)).await;
        let waits = Phase::Backoff { failures: 2, code: Code::LeaseInDoubt };
        assert_eq!(phase(&runtime), waits);
        tenant.leases.broken.store(false, Relaxed);
        sleep(secs(5)).await;
        assert_eq!(phase(&runtime), failed(3));
    });
}
