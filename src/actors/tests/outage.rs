//! A far side that is away for an hour, and what comes after.

use tokio::time::sleep;

use super::fakes::{Tenant, id, on_paused, outage, record, secs};
use crate::actors::phase::Phase;
use crate::domain::code::Code;

const MAILBOXES: u128 = 600;

#[test]
fn err_01_an_hour_without_a_far_side_ends_in_no_herd() {
    // Six hundred mailboxes ask less and less, and are parked with its code. Once it is back all of them are
    // worked on within eleven minutes, by themselves, spread over more than one, and in no second a tenth.
    on_paused(async {
        let tenant = Tenant::new().await;
        tenant.org.mailboxes.lock().unwrap().extend((2..=MAILBOXES).map(record));
        let (runtime, _supervisor) = tenant.start();
        sleep(secs(60)).await;
        tenant.world.dynamics.fail(Some(outage));
        sleep(secs(1_800)).await;
        tenant.cycles();
        sleep(secs(1_800)).await;
        let probes = tenant.cycles();
        assert!(probes <= 4 * 600, "{probes} probes in the second half of the hour");
        let all = |wanted: fn(Phase) -> bool| {
            (1..=MAILBOXES).all(|number| wanted(runtime.board.mailbox(id(number)).unwrap().phase))
        };
        assert!(all(|phase| phase == Phase::Parked(Code::FarSideUnreachable)));
        tenant.world.dynamics.fail(None);
        tenant.world.dynamics.add("Call Anna");
        let mut seconds = Vec::new();
        for _ in 0..670 {
            sleep(secs(1)).await;
            seconds.push(tenant.cycles());
        }
        assert!(all(|phase| phase == Phase::Idle));
        let busy = seconds.iter().filter(|count| **count > 0).count();
        let most = seconds.iter().copied().max().unwrap_or(0);
        assert!(busy > 60 && most < 60, "{busy} seconds with cycles, {most} in one");
    });
}
