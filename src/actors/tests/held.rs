//! A tenant of which nothing works.

use std::sync::Arc;

use actix::Addr;
use tokio::time::sleep;

use super::fakes::{Tenant, id, on_paused, record, secs};
use crate::actors::messages::WakeMailbox;
use crate::actors::phase::Phase;
use crate::actors::runtime::TenantRuntime;
use crate::actors::tenant::TenantSupervisor;
use crate::domain::code::Code;
use crate::ports::error::{Disposition, SideError};

fn refused() -> SideError {
    SideError::Unauthorized { reason: "invalid_client".to_owned() }
}

fn token_refused() -> SideError {
    SideError::TokenRefused { reason: "HTTP 401 with a new token".to_owned() }
}

fn phases(runtime: &TenantRuntime) -> Vec<Phase> {
    (1..=3).map(|number| runtime.board.mailbox(id(number)).unwrap().phase).collect()
}

/// A tenant with three mailboxes that are idle.
async fn three() -> (Tenant, Arc<TenantRuntime>, Addr<TenantSupervisor>) {
    let tenant = Tenant::new().await;
    tenant.org.mailboxes.lock().unwrap().extend([record(2), record(3)]);
    let (runtime, supervisor) = tenant.start();
    sleep(secs(60)).await;
    assert_eq!(phases(&runtime), [Phase::Idle; 3]);
    tenant.cycles();
    (tenant, runtime, supervisor)
}

fn held(runtime: &TenantRuntime) -> usize {
    let held = Phase::Parked(Code::CredentialsRefused);
    phases(runtime).into_iter().filter(|phase| *phase == held).count()
}

#[test]
fn refused_credentials_stop_the_tenant_but_for_one_probe() {
    // Three mailboxes find it out at most once each; from then on one of them asks for all, and
    // when it gets an answer all go on at once.
    on_paused(async {
        let (tenant, runtime, supervisor) = three().await;
        assert!(matches!(refused().disposition(), Disposition::Fatal(_)));
        tenant.world.exchange.fail(Some(refused));
        supervisor.send(WakeMailbox(None)).await.unwrap();
        sleep(secs(2)).await;
        assert_eq!((tenant.cycles(), held(&runtime)), (3, 2));
        // The probe backs off: 5, 10, 20 s, then every 600 s.
        sleep(secs(60)).await;
        assert_eq!((tenant.cycles(), held(&runtime)), (3, 3));
        sleep(secs(1_900)).await;
        assert!((2..=3).contains(&tenant.cycles()));
        tenant.world.exchange.fail(None);
        sleep(secs(700)).await;
        assert_eq!(phases(&runtime), [Phase::Idle; 3]);
        assert!(tenant.cycles() >= 3);
        sleep(secs(2_000)).await;
        assert!(tenant.cycles() >= 6, "all are swept again");
    });
}

#[test]
fn a_probe_that_leaves_does_not_leave_the_others_behind() {
    // The probe's record is taken back: the others find out for themselves, and one of them stays.
    on_paused(async {
        let (tenant, runtime, supervisor) = three().await;
        tenant.world.exchange.fail(Some(refused));
        supervisor.send(WakeMailbox(None)).await.unwrap();
        sleep(secs(2)).await;
        let probe = phases(&runtime).iter().position(|one| matches!(one, Phase::Backoff { .. }));
        let gone = id(probe.unwrap() as u128 + 1);
        tenant.org.mailboxes.lock().unwrap().retain(|one| one.id != gone);
        // The profile is read every five minutes.
        sleep(secs(250)).await;
        tenant.world.exchange.fail(None);
        sleep(secs(120)).await;
        let left = (1..=3).map(id).filter(|one| *one != gone);
        for one in left {
            assert_eq!(runtime.board.mailbox(one).unwrap().phase, Phase::Idle);
        }
    });
}

#[test]
fn a_refused_token_stops_its_mailbox_alone() {
    // The service may refuse the token for one mailbox only: each waits for itself.
    on_paused(async {
        let (tenant, runtime, supervisor) = three().await;
        assert_eq!(token_refused().disposition(), Disposition::Reauthenticate);
        tenant.world.exchange.fail(Some(token_refused));
        supervisor.send(WakeMailbox(Some(id(2)))).await.unwrap();
        sleep(secs(2)).await;
        let waits = Phase::Backoff { failures: 1, code: Code::CredentialsRefused };
        assert_eq!(phases(&runtime), [Phase::Idle, waits, Phase::Idle]);
    });
}
