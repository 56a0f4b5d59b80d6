//! Operators' commands lose the right to write as cycles do.

use std::sync::atomic::Ordering::Relaxed;

use tokio::time::sleep;

use super::*;
use crate::actors::tests::fakes::{Tenant, on_paused, secs};
use crate::cycle::plan_cycle;
use crate::cycle::tests::fakes::mailbox;
use crate::domain::policy::Limits;
use crate::ports::organization::Organization;

/// A tenant whose store of leases breaks now, and its runtime with a view.
async fn breaking() -> (Tenant, Arc<TenantRuntime>) {
    let tenant = Tenant::new().await;
    let runtime = tenant.runtime_of(false, Limits::default());
    let _ = runtime.adopt(&tenant.org.profile().await.unwrap()).await.unwrap();
    for subject in ["Call Anna", "Call Ben", "Call Cem"] {
        tenant.world.dynamics.add(subject);
    }
    tenant.leases.broken.store(true, Relaxed);
    (tenant, runtime)
}

fn is_in_doubt<T>(ended: Result<T, String>) -> bool {
    ended.is_err_and(|reason| reason.starts_with(Code::LeaseInDoubt.as_str()))
}

#[test]
fn a_command_sends_nothing_when_its_lease_is_in_doubt() {
    // Each write takes four seconds, and writes may be sent for five: the second is not sent.
    on_paused(async {
        let (tenant, runtime) = breaking().await;
        let context = context(&runtime, &mailbox(1)).unwrap();
        let state = runtime.deps.links.load(&mailbox(1).key).await.unwrap();
        let (plan, _) = plan_cycle(&context, &state).await.unwrap();
        assert_eq!(plan.entries.len(), 3);
        tenant.world.exchange.slow_writes(secs(4));
        let ended = write_prepared(&runtime, Prepared { context, plan, state }).await;
        assert!(is_in_doubt(ended));
        sleep(secs(60)).await;
        assert_eq!(tenant.world.exchange.subjects().len(), 1);
    });
}

#[test]
fn a_plan_that_is_carried_out_sends_nothing_when_its_lease_is_in_doubt() {
    // The same for a plan that an operator had seen.
    on_paused(async {
        let (tenant, runtime) = breaking().await;
        let mailbox = Arc::new(mailbox(1));
        let drafted = drafts(&runtime, vec![mailbox.clone()], &|| ()).await;
        let now = runtime.deps.clock.now();
        let doc = document::PlanDoc::new("cycle", "contoso", now, views(&drafted));
        tenant.world.exchange.slow_writes(secs(4));
        let judged = runtime.judged(|one| one.id == mailbox.key.mailbox).unwrap();
        let mut applied = apply::apply(&runtime, &[judged], &doc, true, &|| ()).await.unwrap();
        assert!(is_in_doubt(applied.remove(0).1));
        sleep(secs(60)).await;
        assert_eq!(tenant.world.exchange.subjects().len(), 1);
    });
}

#[test]
fn a_relink_stores_nothing_when_its_lease_is_in_doubt() {
    // What it read for too long it throws away.
    on_paused(async {
        let (tenant, runtime) = breaking().await;
        tenant.world.exchange.slow(secs(20));
        let mut ended = relink::relink(&runtime, vec![Arc::new(mailbox(1))], &|| ()).await;
        assert!(is_in_doubt(ended.remove(0).1));
        sleep(secs(60)).await;
        assert_eq!(tenant.world.commits(), 0);
    });
}
