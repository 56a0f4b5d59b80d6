//! One tenant: its mailboxes follow the profile, the lease and the end of its supervisor.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use chrono::DateTime;
use tokio::time::sleep;

use super::fakes::{Tenant, boom, id, on_paused, outage, phase, record, secs};
use crate::actors::fair::Lane;
use crate::actors::messages::{OwnershipMoved, StopTenant, WakeMailbox};
use crate::actors::phase::Phase;
use crate::cluster::ownership::{Ownership, Tidings};
use crate::cycle::tests::fakes::mailbox;
use crate::domain::code::Code;
use crate::domain::ids::Address;
use crate::domain::mailbox::MailboxRecord;
use crate::domain::policy::Limits;
use crate::ports::error::SideError;
use crate::ports::links::LinkStore as _;
use crate::ports::organization::Organization;

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
        let (runtime, supervisor) = tenant.start();
        tenant.world.exchange.fail(Some(outage));
        tenant.bomb.arm(1, i64::MAX);
        sleep(secs(200)).await;
        assert_eq!(phase(&runtime), Phase::Parked(Code::MailboxParked));
        // Shards that come and go are no reason to try it again.
        supervisor
            .send(OwnershipMoved(Tidings { changes: 1_000, ..Tidings::default() }))
            .await
            .unwrap();
        sleep(secs(5)).await;
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
fn a_lease_in_doubt_stops_the_cycles_until_it_is_sure() {
    // While the store does not answer nothing starts, and no mailbox counts it as a failure; afterwards
    // all go on without being asked.
    on_paused(async {
        let tenant = Tenant::new().await;
        let (runtime, supervisor) = tenant.start();
        sleep(secs(11)).await;
        let broken = |is| tenant.leases.broken.store(is, std::sync::atomic::Ordering::Relaxed);
        broken(true);
        sleep(secs(13)).await;
        tenant.cycles();
        for _ in 0..20 {
            supervisor.send(WakeMailbox(None)).await.unwrap();
            sleep(secs(1)).await;
        }
        assert_eq!(tenant.cycles(), 0);
        assert_eq!(phase(&runtime), Phase::Idle);
        let last = runtime.board.mailbox(id(1)).unwrap().last.unwrap();
        assert_eq!(last.code, Some(Code::LeaseInDoubt));
        broken(false);
        sleep(secs(3)).await;
        assert!(tenant.cycles() > 0);
        assert_eq!(runtime.board.mailbox(id(1)).unwrap().last.unwrap().code, None);
    });
}

/// Lets other nodes come, one of which gets the shard of the mailbox.
async fn move_away(tenant: &Tenant) -> Vec<Arc<Ownership>> {
    let others: Vec<_> = (0..12).map(|number| tenant.other(&format!("other-{number}"))).collect();
    for other in &others {
        assert!(other.hold().await.unwrap());
        actix_rt::spawn(other.clone().keep());
    }
    sleep(secs(5)).await;
    let key = mailbox(1).key;
    let owners = others.iter().filter(|other| other.owns(&key)).count();
    assert!(owners == 1 && !tenant.ownership.owns(&key), "{owners}");
    others
}

/// Lets the others go, so that the mailbox comes back.
async fn move_back(tenant: &Tenant, others: &[Arc<Ownership>]) {
    for other in others {
        other.drain().await;
    }
    sleep(secs(5)).await;
    assert!(tenant.ownership.owns(&mailbox(1).key));
}

#[test]
fn mailboxes_follow_their_shards() {
    // A mailbox stops when its shard goes to another node, and starts where that node gives it back.
    on_paused(async {
        let tenant = Tenant::new().await;
        let (_, supervisor) = tenant.start();
        sleep(secs(11)).await;
        let others = move_away(&tenant).await;
        tenant.cycles();
        assert!(!supervisor.send(WakeMailbox(Some(id(1)))).await.unwrap());
        sleep(secs(1_000)).await;
        assert_eq!(tenant.cycles(), 0);
        move_back(&tenant, &others).await;
        assert!(tenant.cycles() > 0);
    });
}

#[test]
fn what_another_node_had_begun_goes_before_first_synchronizations() {
    // A tenant is being onboarded and has all the slots for that. A mailbox that comes from another node waits
    // for none of them, unless nobody had begun with it.
    for begun in [true, false] {
        on_paused(async {
            let tenant = Tenant::new().await;
            let (_, _supervisor) = tenant.start();
            sleep(secs(11)).await;
            let others = move_away(&tenant).await;
            if !begun {
                tenant.world.store.memory.lose();
            }
            let onboarded = tenant.fair.share(1);
            let busy = [onboarded.enter(Lane::First).await, onboarded.enter(Lane::First).await];
            tenant.cycles();
            move_back(&tenant, &others).await;
            assert_eq!(tenant.cycles() > 0, begun);
            drop(busy);
            sleep(secs(1)).await;
            assert_eq!(tenant.cycles() > 0, !begun);
        });
    }
}

#[test]
fn a_first_synchronization_that_fails_stays_one() {
    // It was claimed by then; its next try waits among the first synchronizations all the same.
    on_paused(async {
        let tenant = Tenant::new().await;
        tenant.world.exchange.fail(Some(outage));
        let (_, _supervisor) = tenant.start();
        sleep(secs(1)).await;
        assert!(tenant.world.store.memory.was_claimed(&mailbox(1).key).await.unwrap());
        assert!(tenant.cycles() > 0);
        let onboarded = tenant.fair.share(1);
        let busy = [onboarded.enter(Lane::First).await, onboarded.enter(Lane::First).await];
        tenant.world.exchange.fail(None);
        sleep(secs(100)).await;
        assert_eq!(tenant.cycles(), 0);
        drop(busy);
        sleep(secs(1)).await;
        assert!(tenant.cycles() > 0);
    });
}

#[test]
fn a_mailbox_that_is_what_it_was_is_held_once() {
    // Another reading of the same profile makes no copy of it; one that says otherwise does.
    on_paused(async {
        let tenant = Tenant::new().await;
        let runtime = tenant.runtime();
        let read = async || {
            let profile = runtime.read_profile().await.unwrap();
            runtime.adopt(&profile).await.unwrap();
            runtime.own_mailboxes().remove(0)
        };
        let first = read().await;
        assert!(Arc::ptr_eq(&first, &read().await));
        tenant.org.mailboxes.lock().unwrap()[0].address = Address::parse("other@contoso.test");
        let other = read().await;
        assert!(!Arc::ptr_eq(&first, &other) && first.address != other.address);
    });
}
