//! A mailbox at rest: its cycles ask the store nothing, until somebody says that there is more to
//! see (`docs/adr/0011`).

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use actix::Addr;
use tokio::time::sleep;

use super::fakes::{Tenant, id, on_paused, outage, phase, release, secs, to_mailbox};
use crate::actors::messages::{LookAll, Order, WakeMailbox};
use crate::actors::phase::Phase;
use crate::actors::runtime::TenantRuntime;
use crate::actors::tenant::TenantSupervisor;

/// A tenant whose mailbox rests, a little while before its next sweep. The node remembers nothing else of it.
async fn at_rest() -> (Tenant, Arc<TenantRuntime>, Addr<TenantSupervisor>) {
    let tenant = Tenant::new().await;
    tenant.world.dynamics.add("Call Anna");
    let (runtime, supervisor) = tenant.start();
    sleep(secs(2_500)).await;
    assert_eq!(phase(&runtime), Phase::Idle);
    tenant.cycles();
    tenant.world.recent.forget(&runtime.own_mailboxes()[0].key);
    (tenant, runtime, supervisor)
}

/// Waits until a sweep has begun.
async fn sweeping(runtime: &TenantRuntime) {
    let runs = || matches!(phase(runtime), Phase::Running { .. });
    for _ in 0..1_000 {
        if runs() {
            break;
        }
        sleep(secs(1)).await;
    }
    assert!(runs(), "no sweep came");
}

/// Returns how often the store was read so far.
fn loads(tenant: &Tenant) -> usize {
    tenant.world.store.loads.load(SeqCst)
}

#[test]
fn sweeps_of_a_mailbox_at_rest_ask_the_store_nothing() {
    // The actor keeps what a quiet cycle left behind and gives it to the next one.
    on_paused(async {
        let (tenant, ..) = at_rest().await;
        let before = loads(&tenant);
        sleep(secs(1_000)).await;
        assert_eq!((tenant.cycles(), loads(&tenant) - before), (1, 0));
    });
}

#[test]
fn a_wake_up_or_an_order_ends_a_rest() {
    // Whoever says that there is something to see gets a cycle that looks at everything; some sweeps
    // later the mailbox rests again.
    on_paused(async {
        let (tenant, runtime, supervisor) = at_rest().await;
        let link = tenant.world.state().await.links[0].id;
        let (done, _) = tokio::sync::oneshot::channel();
        for order in [None, Some(release(true)), Some(to_mailbox(Order::Retry(link)))]
            .into_iter()
            .chain([Some(to_mailbox(Order::Sync(done)))])
        {
            let what = format!("{order:?}");
            let before = loads(&tenant);
            let taken = match order {
                None => supervisor.send(WakeMailbox(Some(id(1)))).await.unwrap(),
                Some(order) => supervisor.send(order).await.unwrap(),
            };
            assert!(taken, "{what}");
            sleep(secs(1)).await;
            assert_eq!((tenant.cycles(), loads(&tenant) - before), (1, 1), "{what}");
            assert_eq!(phase(&runtime), Phase::Idle, "{what}");
            sleep(secs(2_000)).await;
            assert_eq!(tenant.cycles(), 2, "{what}");
            let before = loads(&tenant);
            sleep(secs(1_000)).await;
            assert_eq!((tenant.cycles(), loads(&tenant) - before), (1, 0), "{what}");
        }
    });
}

#[test]
fn a_wake_up_during_a_cycle_at_rest_is_looked_at_in_full() {
    // What the running cycle leaves behind does not count: the one that follows asks the store.
    on_paused(async {
        let (tenant, runtime, supervisor) = at_rest().await;
        tenant.world.dynamics.slow(secs(30));
        let before = loads(&tenant);
        sweeping(&runtime).await;
        supervisor.send(WakeMailbox(None)).await.unwrap();
        sleep(secs(100)).await;
        assert_eq!((tenant.cycles(), loads(&tenant) - before), (2, 1));
    });
}

#[test]
fn what_is_to_be_looked_at_within_a_minute_ends_a_rest() {
    // Also when the word came during a cycle that had ended before its turn.
    on_paused(async {
        let (tenant, runtime, supervisor) = at_rest().await;
        let before = loads(&tenant);
        supervisor.send(LookAll(usize::MAX)).await.unwrap();
        sleep(secs(61)).await;
        assert_eq!((tenant.cycles(), loads(&tenant) - before), (1, 1));
        sleep(secs(2_000)).await;
        tenant.cycles();
        tenant.world.dynamics.slow(secs(2));
        let before = loads(&tenant);
        sweeping(&runtime).await;
        supervisor.send(LookAll(usize::MAX)).await.unwrap();
        sleep(secs(100)).await;
        assert_eq!((tenant.cycles(), loads(&tenant) - before), (2, 1));
    });
}

#[test]
fn a_failed_cycle_ends_a_rest() {
    // Nobody knows what a cycle without an end has missed: the next one looks at everything.
    on_paused(async {
        let (tenant, runtime, _supervisor) = at_rest().await;
        tenant.world.exchange.fail(Some(outage));
        let before = loads(&tenant);
        sleep(secs(1_000)).await;
        assert!(matches!(phase(&runtime), Phase::Backoff { .. } | Phase::Parked(_)));
        tenant.world.exchange.fail(None);
        sleep(secs(1_000)).await;
        assert!(loads(&tenant) > before);
        assert_eq!(phase(&runtime), Phase::Idle);
    });
}
