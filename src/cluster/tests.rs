//! Tests of ownership, on paused time: the store's leases run by the same clock.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::{Instant, advance};
use uuid::Uuid;

use super::ownership::{LEASE_TTL, MemberRow, Ownership, WRITE};
use super::tenancy::{HAND_OVER, while_sure};
use super::turns::Turns;
use crate::domain::ids::{MailboxKey, TenantId};
use crate::http::right;
use crate::memory::MemoryStore;
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;
use crate::ports::lease::{LeaseStore, Tenure};
use crate::shards::placement::owner_of;
use crate::shards::table::{Answer, Step};
use crate::shards::{NodeId, shard_of};

/// The time of day that goes with tokio's paused time.
struct Paused {
    from: Instant,
}

impl Clock for Paused {
    fn now(&self) -> DateTime<Utc> {
        let elapsed = TimeDelta::from_std(self.from.elapsed()).unwrap();
        DateTime::<Utc>::UNIX_EPOCH + elapsed
    }
}

fn store() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(Arc::new(Paused { from: Instant::now() })))
}

fn key(tenant: &str, mailbox: u128) -> MailboxKey {
    MailboxKey { tenant: TenantId::new(tenant), mailbox: Uuid::from_u128(mailbox) }
}

async fn seconds(seconds: u64) {
    advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn the_fence_is_handed_out_only_while_the_lease_surely_holds() {
    // Three seconds before the lease ends nobody may start any more, and what runs may not write.
    let own = Arc::new(Ownership::new(store(), "one"));
    let mailbox = key("contoso", 1);
    assert_eq!(own.fence_of(&mailbox), None);
    assert!(own.hold().await.unwrap() && own.is_member());
    let tenancy = own.enter(&mailbox).unwrap();
    assert_eq!(own.fence_of(&mailbox), Some(tenancy.fence()));
    seconds(11).await;
    assert!(own.enter(&mailbox).is_some() && tenancy.may_write());
    seconds(1).await;
    assert!(own.enter(&mailbox).is_none() && !tenancy.may_write() && !own.is_member());
    assert!(own.owns(&mailbox), "nobody else has it");
    // The lease itself still lives: it goes on under the same fence, and others are told.
    let heard = own.tidings();
    assert!(own.hold().await.unwrap());
    assert_eq!(own.fence_of(&mailbox), Some(tenancy.fence()));
    assert!(tenancy.may_write() && heard.borrow().regained == 1);
}

#[tokio::test(start_paused = true)]
async fn a_second_node_gets_its_share_and_the_rest_when_the_first_is_gone() {
    // Nothing is owned twice; a dead node's shards are free when its lease ends, under newer fences.
    let store = store();
    let (one, two) =
        (Arc::new(Ownership::new(store.clone(), "one")), Arc::new(Ownership::new(store, "two")));
    assert!(one.hold().await.unwrap());
    let keys: Vec<MailboxKey> = (0..200).map(|number| key("contoso", number)).collect();
    let count = |own: &Ownership| keys.iter().filter(|key| own.fence_of(key).is_some()).count();
    assert_eq!(count(&one), 200);
    let before = one.fence_of(&keys[0]);
    assert!(two.hold().await.unwrap());
    assert_eq!(count(&two), 0);
    let keepers = [tokio::spawn(one.clone().keep()), tokio::spawn(two.clone().keep())];
    tokio::time::sleep(Duration::from_secs(3)).await;
    let shares = (count(&one), count(&two));
    assert!(shares.0 + shares.1 == 200 && shares.0 > 60 && shares.1 > 60, "{shares:?}");
    keepers[0].abort();
    tokio::time::sleep(LEASE_TTL - Duration::from_secs(1)).await;
    assert_eq!(count(&two), shares.1, "the lease of the first lives");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((count(&one), count(&two)), (0, 200));
    assert!(two.fence_of(&keys[0]) > before);
    assert_eq!(two.view().members.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_drain_gives_everything_back_within_a_second() {
    // Idle shards go at once, one in which a cycle runs when it ended; it may write until then.
    let store = store();
    let (one, two) =
        (Arc::new(Ownership::new(store.clone(), "one")), Arc::new(Ownership::new(store, "two")));
    for own in [&one, &two, &one, &two] {
        assert!(own.hold().await.unwrap());
    }
    tokio::spawn(one.clone().keep());
    tokio::spawn(two.clone().keep());
    let mailbox = (0..).map(|number| key("contoso", number)).find(|it| one.owns(it)).unwrap();
    let running = one.enter(&mailbox).unwrap();
    let drain = tokio::spawn({
        let one = one.clone();
        async move { one.drain().await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let others = (0..200).map(|number| key("contoso", number)).filter(|it| two.owns(it)).count();
    assert!(others >= 198, "{others}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(running.should_end() && running.may_write() && one.enter(&mailbox).is_none());
    assert!(!drain.is_finished() && two.fence_of(&mailbox).is_none());
    let asked = Instant::now();
    drop(running);
    drain.await.unwrap();
    while !two.owns(&mailbox) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(asked.elapsed() <= Duration::from_secs(1), "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_is_cut_off_at_the_end_keeps_its_shard_for_its_last_writes() {
    // The grace period is over while a cycle runs: it may not write any more at once, and nobody else
    // begins in its shard before what it sent has been carried out. Idle shards do not wait.
    let store = store();
    let (one, two) =
        (Arc::new(Ownership::new(store.clone(), "one")), Arc::new(Ownership::new(store, "two")));
    for own in [&one, &two, &one, &two] {
        assert!(own.hold().await.unwrap());
    }
    tokio::spawn(two.clone().keep());
    let mailbox = (0..).map(|number| key("contoso", number)).find(|it| one.owns(it)).unwrap();
    let running = one.enter(&mailbox).unwrap();
    let cut = Instant::now();
    one.release().await;
    assert!(!running.may_write() && one.enter(&mailbox).is_none());
    tokio::time::sleep(Duration::from_secs(2)).await;
    let others = (0..200).map(|number| key("contoso", number)).filter(|it| two.owns(it)).count();
    assert!(others >= 198, "{others}");
    while !two.owns(&mailbox) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let waited = cut.elapsed();
    assert!(waited >= WRITE && waited <= WRITE + Duration::from_secs(2), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn the_keeper_keeps_the_lease_for_hours() {
    // The renewal is early enough that no moment is without a fence.
    let own = Arc::new(Ownership::new(store(), "one"));
    assert!(own.hold().await.unwrap());
    let fence = own.fence_of(&key("contoso", 1));
    let keeper = tokio::spawn(own.clone().keep());
    for _ in 0..3_600 {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert!(fence.is_some() && own.fence_of(&key("contoso", 1)) == fence);
    }
    keeper.abort();
}

#[tokio::test(start_paused = true)]
async fn a_command_takes_what_is_free_and_says_who_has_the_rest() {
    // Two commands share nothing, a node keeps what it has, and a command that ended leaves it all.
    let store = store();
    let node = Arc::new(Ownership::new(store.clone(), "node"));
    let (one, two) =
        (Arc::new(Ownership::new(store.clone(), "a")), Arc::new(Ownership::new(store, "b")));
    let (first, second) = (key("contoso", 1), key("contoso", 2));
    assert_eq!(one.visit(&[]).await.unwrap(), None);
    assert_eq!(one.visit(&[&first]).await.unwrap(), None);
    assert!(one.enter(&first).is_some() && one.enter(&second).is_none());
    let occupied = two.visit(&[&first, &second]).await.unwrap().unwrap();
    assert_eq!(occupied.to_string(), "1 of the shards are held by the node a");
    one.release().await;
    two.release().await;
    assert!(one.enter(&first).is_none());
    assert!(node.hold().await.unwrap());
    let occupied = one.visit(&[&first]).await.unwrap().unwrap();
    assert_eq!(occupied.to_string(), "1 of the shards are held by the node node");
    assert!(node.enter(&first).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_command_is_told_of_a_lease_that_ends_by_itself() {
    // Its shards are held by a process that is gone, or its own name is another's.
    let store = store();
    let (gone, new) =
        (Arc::new(Ownership::new(store.clone(), "a")), Arc::new(Ownership::new(store, "a")));
    let mailbox = key("contoso", 1);
    assert_eq!(gone.visit(&[&mailbox]).await.unwrap(), None);
    let told = new.visit(&[&mailbox]).await.unwrap().unwrap().to_string();
    assert!(told.ends_with("the node that ended a moment ago; try again in 15 s"), "{told}");
    let told = gone.visit(&[&mailbox]).await.unwrap().unwrap().to_string();
    assert!(told.ends_with("the node of this name"), "{told}");
    seconds(15).await;
    assert_eq!(new.visit(&[&mailbox]).await.unwrap(), None);
}

/// A store that answers late, or not at all.
pub(crate) struct Slow {
    store: Arc<MemoryStore>,
    delay: Duration,
    pub(crate) broken: std::sync::atomic::AtomicBool,
    steps: std::sync::atomic::AtomicU32,
}

impl Slow {
    pub(crate) fn new(store: Arc<MemoryStore>, delay: Duration) -> Arc<Self> {
        Arc::new(Self { store, delay, broken: false.into(), steps: 0.into() })
    }
}

#[async_trait]
impl LeaseStore for Slow {
    async fn step(&self, step: &Step) -> Result<Answer, StoreError> {
        self.steps.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if self.broken.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(StoreError::Unavailable("no connection".into()));
        }
        let answer = self.store.step(step).await;
        tokio::time::sleep(self.delay).await;
        answer
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_shortens_the_sure_time() {
    // The lease counts from the request; an outage of the store takes nothing away before its end.
    let slow = Slow::new(store(), Duration::from_secs(9));
    let own = Arc::new(Ownership::new(slow.clone(), "one"));
    assert!(own.hold().await.unwrap());
    let fence = own.fence_of(&key("contoso", 1));
    assert!(fence.is_some());
    slow.broken.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(own.hold().await.is_err());
    assert_eq!(own.fence_of(&key("contoso", 1)), fence);
    seconds(3).await;
    assert_eq!(own.fence_of(&key("contoso", 1)), None);
}

#[tokio::test(start_paused = true)]
async fn work_stands_still_and_is_cut_off_when_the_renewal_stays_away() {
    // Ten seconds before others could begin nothing is sent any more; three before, nothing counts.
    let slow = Slow::new(store(), Duration::ZERO);
    let own = Arc::new(Ownership::new(slow.clone(), "one"));
    assert!(own.hold().await.unwrap());
    let tenancy = own.enter(&key("contoso", 1)).unwrap();
    let quick = while_sure(&tenancy, async { 7 }).await;
    assert_eq!(quick, Some(7));
    let (began, ticks) = (Instant::now(), std::sync::atomic::AtomicU32::new(0));
    let cut = while_sure(&tenancy, async {
        loop {
            tokio::time::sleep(Duration::from_millis(70)).await;
            assert!(tenancy.may_send() && began.elapsed() < LEASE_TTL - WRITE, "sent too late");
            ticks.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    });
    assert_eq!(cut.await, None::<()>);
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(12) && took < Duration::from_millis(12_300), "{took:?}");
    assert!(ticks.into_inner() > 65);
}

#[tokio::test(start_paused = true)]
async fn what_was_handed_to_a_connection_asks_for_the_right_once_more() {
    // The work is not run any more by then: its right is asked for, as it is at that moment.
    let own = Arc::new(Ownership::new(store(), "one"));
    assert!(own.hold().await.unwrap());
    let tenancy = own.enter(&key("contoso", 1)).unwrap();
    let right = tenancy.run(async { right::present().unwrap() }).await.unwrap();
    assert!(right.may_still_send());
    seconds(6).await;
    assert!(!right.may_still_send() && right.may_write());
    seconds(10).await;
    assert!(!right.may_still_send() && !right.may_write());
    assert!(right::present().is_none());
}

#[tokio::test(start_paused = true)]
async fn work_goes_on_where_it_stood_when_the_renewal_comes() {
    // A late renewal costs time and nothing else.
    let slow = Slow::new(store(), Duration::ZERO);
    let own = Arc::new(Ownership::new(slow.clone(), "one"));
    assert!(own.hold().await.unwrap());
    let tenancy = own.enter(&key("contoso", 1)).unwrap();
    let began = Instant::now();
    let work = while_sure(&tenancy, async {
        tokio::time::sleep(Duration::from_secs(7)).await;
        assert!(tenancy.may_send());
        began.elapsed()
    });
    let renewed = async {
        tokio::time::sleep(Duration::from_secs(11)).await;
        assert!(own.hold().await.unwrap());
    };
    let (took, ()) = tokio::join!(work, renewed);
    let took = took.unwrap();
    assert!(took >= Duration::from_secs(11) && took < Duration::from_millis(11_300), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn work_that_is_woken_too_late_does_not_run() {
    // As after a stop of the whole process: the answer is there, and is not looked at.
    let own = Arc::new(Ownership::new(store(), "one"));
    assert!(own.hold().await.unwrap());
    let tenancy = own.enter(&key("contoso", 1)).unwrap();
    let (send, receive) = tokio::sync::oneshot::channel();
    let mut work = std::pin::pin!(while_sure(&tenancy, receive));
    assert!(futures_util::poll!(work.as_mut()).is_pending());
    seconds(20).await;
    send.send(()).unwrap();
    assert!(work.await.is_none());
}

/// Two nodes of which the second joins later, and a mailbox that then goes to it.
async fn newcomer() -> (Arc<Ownership>, Arc<Ownership>, MailboxKey) {
    let store = store();
    let (one, two) =
        (Arc::new(Ownership::new(store.clone(), "one")), Arc::new(Ownership::new(store, "two")));
    assert!(one.hold().await.unwrap());
    let names = ["one", "two"].map(NodeId::new);
    let serving: Vec<&NodeId> = names.iter().collect();
    let goes = |key: &MailboxKey| owner_of(shard_of(key), &serving) == Some(&names[1]);
    let mailbox = (0..).map(|number| key("contoso", number)).find(goes).unwrap();
    tokio::spawn(one.clone().keep());
    (one, two, mailbox)
}

/// Lets the second node join, and returns after how long it owns the mailbox.
async fn joins(two: &Arc<Ownership>, mailbox: &MailboxKey) -> Duration {
    let joined = Instant::now();
    assert!(two.hold().await.unwrap());
    tokio::spawn(two.clone().keep());
    while two.fence_of(mailbox).is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    joined.elapsed()
}

#[tokio::test(start_paused = true)]
async fn work_that_sent_nothing_holds_no_shard_up() {
    // A first synchronization may read for an hour: it ends at once, its successor begins anew.
    let (one, two, mailbox) = newcomer().await;
    let tenancy = one.enter(&mailbox).unwrap();
    let work = tokio::spawn(async move {
        let ended = while_sure(&tenancy, std::future::pending::<()>()).await;
        (ended, tenancy.may_write())
    });
    let took = joins(&two, &mailbox).await;
    assert!(took <= Duration::from_secs(3), "{took:?}");
    assert_eq!(work.await.unwrap(), (None, true), "handed over, not in doubt");
}

#[tokio::test(start_paused = true)]
async fn work_that_hangs_holds_its_shard_up_for_a_bounded_time() {
    // It is cut off after half a minute, and what it sent has its time before the next one begins.
    let (one, two, mailbox) = newcomer().await;
    let tenancy = one.enter(&mailbox).unwrap();
    assert!(tenancy.may_send());
    let work =
        tokio::spawn(async move { while_sure(&tenancy, std::future::pending::<()>()).await });
    let took = joins(&two, &mailbox).await;
    let least = HAND_OVER + WRITE;
    assert!(took >= least && took <= least + Duration::from_secs(3), "{took:?}");
    assert_eq!(work.await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn what_dropped_work_sent_has_its_time_too() {
    // Whoever gave the work up, and for whatever reason: a cycle beyond its longest time, a panic.
    let (one, two, mailbox) = newcomer().await;
    let tenancy = one.enter(&mailbox).unwrap();
    assert!(tenancy.may_send());
    let work = while_sure(&tenancy, std::future::pending::<()>());
    assert!(tokio::time::timeout(Duration::from_secs(60), work).await.is_err());
    drop(tenancy);
    let took = joins(&two, &mailbox).await;
    assert!(took >= WRITE && took <= WRITE + Duration::from_secs(3), "{took:?}");
    // Work that came to its end holds nothing up.
    let tenancy = two.enter(&mailbox).unwrap();
    assert!(tenancy.may_send());
    assert_eq!(while_sure(&tenancy, async { 7 }).await, Some(7));
    drop(tenancy);
    let began = Instant::now();
    two.drain().await;
    assert!(began.elapsed() <= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn nobody_works_on_a_mailbox_while_what_cut_off_work_sent_may_land() {
    // Dropped, or cut off by a panic: the next turn of the mailbox waits for it, on this node as on others.
    // Work that sent nothing leaves nothing behind, and other mailboxes do not wait.
    let own = Arc::new(Ownership::new(store(), "one"));
    assert!(own.hold().await.unwrap());
    let mailbox = key("contoso", 1);
    for (sends, panics) in [(false, false), (true, false), (true, true), (false, true)] {
        let (turn, tenancy) = (own.turn(&mailbox).await, own.enter(&mailbox).unwrap());
        let work = tokio::spawn(async move {
            let _turn = turn;
            let work = async {
                assert!(!sends || tenancy.may_send());
                assert!(!panics, "it panics");
                std::future::pending::<()>().await;
            };
            tenancy.run(work).await
        });
        tokio::task::yield_now().await;
        work.abort();
        assert!(work.await.is_err());
        let began = Instant::now();
        drop(own.turn(&key("contoso", 2)).await);
        assert_eq!(began.elapsed(), Duration::ZERO);
        drop(own.turn(&mailbox).await);
        let waited = if sends { WRITE } else { Duration::ZERO };
        assert!(began.elapsed().abs_diff(waited) < Duration::from_millis(5), "{sends} {panics}");
        assert!(own.hold().await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn who_lost_the_name_of_the_node_waits_quietly() {
    // It owns nothing and asks as often as in quiet times, until the other is gone.
    let slow = Slow::new(store(), Duration::ZERO);
    let (old, new) = (Arc::new(Ownership::new(slow.clone(), "one")), slow.store.clone());
    let new = Arc::new(Ownership::new(new, "one"));
    assert!(old.hold().await.unwrap() && new.hold().await.unwrap());
    tokio::spawn(old.clone().keep());
    tokio::spawn(new.clone().keep());
    tokio::time::sleep(Duration::from_secs(20)).await;
    let mailbox = key("contoso", 1);
    assert!(old.enter(&mailbox).is_none() && new.enter(&mailbox).is_some());
    let before = slow.steps.load(std::sync::atomic::Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let steps = slow.steps.load(std::sync::atomic::Ordering::Relaxed) - before;
    assert!((30..=42).contains(&steps), "{steps}");
}

#[tokio::test(start_paused = true)]
async fn how_a_process_stands_is_shown() {
    // The age of its lease, its shards, and each doubt once: while it lasts and afterwards.
    let own = Arc::new(Ownership::new(store(), "one"));
    let stands = |own: &Ownership| {
        let standing = own.standing();
        (standing.shards, standing.age.as_secs(), standing.doubts)
    };
    seconds(7).await;
    assert_eq!(stands(&own), (0, 7, 0));
    assert!(own.hold().await.unwrap());
    seconds(11).await;
    assert_eq!(stands(&own), (1_024, 11, 0));
    seconds(3).await;
    assert_eq!(stands(&own), (1_024, 14, 1));
    assert!(own.hold().await.unwrap());
    assert_eq!(stands(&own), (1_024, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn the_cluster_is_shown_as_the_store_told_it_last() {
    // Members with the ages of their leases and what they hold, shards without an owner, fence and
    // generation; a view that is not renewed grows old and says so.
    let store = store();
    let (one, two) =
        (Arc::new(Ownership::new(store.clone(), "one")), Arc::new(Ownership::new(store, "two")));
    let unseen = one.view();
    assert_eq!((unseen.age, unseen.member, unseen.without_owner.len()), (None, false, 1_024));
    assert!(one.hold().await.unwrap());
    two.introduce("127.0.0.1:2".to_owned(), 7_000);
    seconds(4).await;
    assert!(two.hold().await.unwrap());
    let view = two.view();
    let row = |row: &MemberRow| (row.node.clone(), row.lease.as_secs(), row.shards);
    let rows: Vec<_> = view.members.iter().map(row).collect();
    assert_eq!(rows, [("one".to_owned(), 4, 1_024), ("two".to_owned(), 0, 0)]);
    assert_eq!((view.members[1].address.as_str(), view.members[1].started), ("127.0.0.1:2", 7_000));
    assert_eq!((view.process, view.member), (view.members[1].process, true));
    assert_eq!((view.without_owner.len(), view.stamp), (0, one.view().stamp));
    assert!(view.stamp > 0 && view.generation == one.view().generation);
    let (of_one, of_two) = (one.holder_of(&key("contoso", 1)), two.holder_of(&key("contoso", 1)));
    assert_eq!((of_one, of_two), (None, Some("one".to_owned())));
    // The first gives back what the second is to have, and is heard of no more.
    assert!(one.hold().await.unwrap());
    seconds(11).await;
    assert!(two.hold().await.unwrap());
    seconds(5).await;
    assert!(two.view().members.len() == 2 && two.view().age == Some(Duration::from_secs(5)));
    assert!(two.hold().await.unwrap());
    let view = two.view();
    assert_eq!((view.members.len(), view.members[0].shards), (1, 1_024));
    seconds(13).await;
    let old = two.view();
    assert!(!old.member && old.age == Some(Duration::from_secs(13)));
    assert!(old.members[0].lease >= Duration::from_secs(13), "it is not renewed either");
}

#[tokio::test(start_paused = true)]
async fn only_one_turn_of_a_mailbox_at_a_time() {
    // The second waits for the first, another mailbox does not, and a dropped turn is free.
    let turns = Arc::new(Turns::default());
    let first = turns.take(&key("contoso", 1)).await;
    let other = turns.take(&key("contoso", 2)).await;
    let waiting = tokio::spawn({
        let turns = turns.clone();
        async move { turns.take(&key("contoso", 1)).await }
    });
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!waiting.is_finished());
    drop(other);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!waiting.is_finished());
    drop(first);
    drop(waiting.await.unwrap());
    drop(turns.take(&key("contoso", 1)).await);
}
