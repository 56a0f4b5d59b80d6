//! When cycles run, and when they must not (SCH-01, SCH-05).

use tokio::time::sleep;

use super::fakes::{Tenant, id, on_paused, outage, phase, secs};
use crate::actors::alerts::{Level, alerts};
use crate::actors::messages::WakeMailbox;
use crate::actors::phase::Phase;
use crate::domain::code::Code;
use crate::engine::catalogue as rule;
use crate::ports::clock::Clock;

#[test]
fn sch_01_the_wait_counts_from_the_end_of_a_cycle() {
    // Cycles of five minutes: the next one begins the sweep interval after the last one's end.
    on_paused(async {
        let tenant = Tenant::new().await;
        tenant.world.dynamics.slow(secs(300));
        let (runtime, _supervisor) = tenant.start();
        sleep(secs(310)).await;
        assert_eq!((tenant.cycles(), phase(&runtime)), (1, Phase::Idle));
        sleep(secs(880)).await;
        assert_eq!(tenant.cycles(), 0, "a sweep interval after the beginning");
        sleep(secs(120)).await;
        assert_eq!(tenant.cycles(), 1);
    });
}

#[test]
fn sch_05_a_cycle_that_does_not_end_is_cut_off() {
    // A far side that never answers holds nothing for ever: the mailbox says so and is tried again.
    on_paused(async {
        let tenant = Tenant::new().await;
        tenant.world.dynamics.add("Call Anna");
        tenant.world.dynamics.slow(secs(1_000_000));
        let (runtime, _supervisor) = tenant.start();
        sleep(secs(5 * 3_600)).await;
        assert!(matches!(phase(&runtime), Phase::Running { .. }));
        tenant.world.dynamics.slow(secs(0));
        sleep(secs(3_600 + 60)).await;
        assert_eq!(phase(&runtime), Phase::Idle);
        assert_eq!(tenant.world.exchange.subjects(), ["Call Anna"]);
        assert_eq!(tenant.cycles(), 3, "the one that was cut off, its repeat, and the echo");
    });
}

#[test]
fn sch_05_nobody_takes_part_before_the_instant_that_the_organization_names() {
    // Until then the mailbox is excluded with its reason; afterwards it begins by itself.
    on_paused(async {
        let tenant = Tenant::new().await;
        tenant.world.dynamics.add("Call Anna");
        let now = tenant.world.clock.now();
        *tenant.org.not_before.lock().unwrap() = Some(now + chrono::Duration::minutes(12));
        let (runtime, _supervisor) = tenant.start();
        sleep(secs(600)).await;
        let row = runtime.board.mailbox(id(1)).unwrap();
        assert_eq!(row.reasons, [(rule::SCH_05, Code::SyncNotYet)]);
        assert_eq!(tenant.cycles(), 0);
        tenant.world.clock.forward(12 * 60);
        sleep(secs(600)).await;
        assert_eq!(tenant.world.exchange.subjects(), ["Call Anna"]);
    });
}

#[test]
fn err_04_an_alert_comes_with_its_cause_and_goes_with_it() {
    // Waiting is a warning, parked an error; once the far side answers again, there is none.
    on_paused(async {
        let tenant = Tenant::new().await;
        let (runtime, supervisor) = tenant.start();
        let told = || {
            let rows = runtime.board.mailboxes();
            let list = alerts(&runtime.board.tenant_row(), &rows, tenant.world.clock.now());
            list.into_iter().map(|alert| (alert.level, alert.code)).collect::<Vec<_>>()
        };
        sleep(secs(60)).await;
        assert_eq!(told(), []);
        tenant.world.dynamics.fail(Some(outage));
        supervisor.send(WakeMailbox(None)).await.unwrap();
        sleep(secs(2)).await;
        assert_eq!(told(), [(Level::Warning, Code::FarSideUnreachable)]);
        sleep(secs(300)).await;
        assert_eq!(told(), [(Level::Error, Code::FarSideUnreachable)]);
        tenant.world.dynamics.fail(None);
        sleep(secs(1_000)).await;
        assert_eq!(told(), []);
    });
}
