//! Budgets that nodes share, on a paused clock: the store counts by tokio's time and may be away.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::SeqCst};

use async_trait::async_trait;

use super::*;
use crate::domain::ids::TenantId;
use crate::memory::LocalBus;
use crate::ports::budget::{Bucket, BudgetStore, Draw, Drawn};
use crate::ports::error::StoreError;
use crate::throttle::purse::{Need, Purse};

/// The bucket of all nodes, as `budget.lua` keeps it.
struct Table {
    started: Instant,
    /// When the bucket is full again, and when the far side may be asked again, since the start.
    full: Mutex<(Duration, Duration)>,
    away: AtomicBool,
    asked: AtomicU32,
}

impl Table {
    fn new() -> Arc<Self> {
        let full = Mutex::default();
        let (away, asked) = (AtomicBool::new(false), AtomicU32::new(0));
        Arc::new(Self { started: Instant::now(), full, away, asked })
    }
}

#[derive(Debug, Error)]
#[error("away")]
struct Away;

#[async_trait]
impl BudgetStore for Table {
    async fn draw(&self, _: &TenantId, bucket: Bucket, draw: Draw) -> Result<Drawn, StoreError> {
        self.asked.fetch_add(1, SeqCst);
        // Before and after, as an answer travels.
        tokio::time::sleep(Duration::from_millis(1)).await;
        if self.away.load(SeqCst) {
            return Err(StoreError::Unavailable(Box::new(Away)));
        }
        let drawn = {
            let mut table = self.full.lock().unwrap();
            let (full, closed) = *table;
            let now = self.started.elapsed();
            let (each, size) = (bucket.interval, bucket.interval * bucket.burst);
            let back = full.max(now).saturating_sub(each * draw.back).max(now);
            let full = back + each * draw.owed;
            table.0 = full;
            let closed = closed.saturating_sub(now);
            if !closed.is_zero() || draw.least == 0 {
                Drawn { granted: 0, wait: Duration::ZERO, closed }
            } else {
                let soon = (now + Duration::from_millis(250) + size).saturating_sub(full);
                let soon = u32::try_from(soon.as_nanos() / each.as_nanos()).unwrap();
                let some = draw.least.max(draw.want.min(soon));
                let wait = (full + each * some).saturating_sub(size + now);
                let granted = if wait <= draw.longest { some } else { 0 };
                table.0 = full + each * granted;
                Drawn { granted, wait, closed }
            }
        };
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(drawn)
    }

    async fn close(&self, _: &TenantId, for_: Duration) -> Result<(), StoreError> {
        let mut table = self.full.lock().unwrap();
        table.1 = table.1.max(self.started.elapsed() + for_);
        Ok(())
    }
}

const OPTIONS: ThrottleOptions = ThrottleOptions {
    requests: 400,
    per: Duration::from_secs(20),
    concurrent: 12,
    abreast: 1,
    max_wait: Duration::from_secs(60),
};

fn node(table: &Arc<Table>, members: &Arc<AtomicUsize>, options: ThrottleOptions) -> Arc<Throttle> {
    let members = members.clone();
    let common = Common {
        store: table.clone(),
        tenant: TenantId::new("contoso"),
        bus: Arc::new(LocalBus::new()),
        members: Box::new(move || members.load(SeqCst)),
    };
    Arc::new(Throttle::shared(options, Arc::new(Epoch), common))
}

/// Sends as fast as it may for a while; returns when each request left, in nanoseconds.
async fn send(
    node: &Throttle,
    weights: &[u32],
    callers: usize,
    for_: Duration,
    start: Instant,
) -> Vec<u128> {
    let callers = (0..callers).map(|caller| async move {
        let mut seen = Vec::new();
        let mut round = caller;
        while start.elapsed() < for_ {
            let weight = weights[round % weights.len()];
            round += 1;
            let Ok(permit) = node.enter(&key(), weight).await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            seen.extend(std::iter::repeat_n(start.elapsed().as_nanos(), weight as usize));
            tokio::time::sleep(Duration::from_millis(7 * (caller as u64 + 1))).await;
            drop(permit);
        }
        seen
    });
    join_all(callers).await.into_iter().flatten().collect()
}

fn assert_within(mut seen: Vec<u128>, options: ThrottleOptions) {
    seen.sort_unstable();
    let (most, window) = (options.requests as usize, options.per.as_nanos());
    for pair in seen.windows(most + 1) {
        assert!(pair[most] - pair[0] >= window, "{most} requests after {:?}", pair[0]);
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_together_never_exceed_the_published_limit() {
    // Three nodes send as fast as they may, also through an outage of the store and after it: no window
    // ever sees more than the limit, and most of the limit is used.
    for outage in [false, true] {
        let (table, members) = (Table::new(), Arc::new(AtomicUsize::new(3)));
        let nodes: Vec<_> = (0..3).map(|_| node(&table, &members, OPTIONS)).collect();
        let (start, length) = (Instant::now(), Duration::from_secs(120));
        let fault = async {
            if outage {
                tokio::time::sleep(Duration::from_secs(40)).await;
                table.away.store(true, SeqCst);
                tokio::time::sleep(Duration::from_secs(30)).await;
                table.away.store(false, SeqCst);
            }
        };
        let sent = join_all(nodes.iter().map(|node| send(node, &[1, 3, 1, 20], 4, length, start)));
        let (sent, ()) = tokio::join!(sent, fault);
        let shares: Vec<usize> = sent.iter().map(Vec::len).collect();
        let all: Vec<u128> = sent.into_iter().flatten().collect();
        let whole = 400 * 120 / 20;
        let least = if outage { whole / 2 } else { whole * 2 / 3 };
        assert!(all.len() > least, "{} of {whole} requests were used", all.len());
        assert!(shares.iter().all(|share| *share > all.len() / 5), "unfair: {shares:?}");
        assert_within(all, OPTIONS);
    }
}

#[tokio::test(start_paused = true)]
async fn few_questions_bring_many_requests() {
    // While the bucket has some, a purse brings many; when it is empty, what comes in a quarter of a second.
    let (table, members) = (Table::new(), Arc::new(AtomicUsize::new(1)));
    let options = ThrottleOptions { requests: 30_000, per: Duration::from_secs(300), ..OPTIONS };
    let node = node(&table, &members, options);
    let start = Instant::now();
    let sent = send(&node, &[1], 12, Duration::from_secs(10), start).await.len();
    let asked = table.asked.load(SeqCst) as usize;
    assert!(sent > 1_000 && asked * 20 < sent, "{asked} questions for {sent} requests");
    let sent = send(&node, &[1], 12, Duration::from_secs(130), start).await.len();
    let asked = table.asked.load(SeqCst) as usize - asked;
    assert!(sent > 1_000 && asked * 3 < sent, "{asked} questions for {sent} requests");
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_one_node_is_asked_for_holds_the_other() {
    // The other sends nothing after its purse is a second old, and goes on when the time is over.
    let (table, members) = (Table::new(), Arc::new(AtomicUsize::new(2)));
    let (one, other) = (node(&table, &members, OPTIONS), node(&table, &members, OPTIONS));
    let start = Instant::now();
    let pause = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        one.close(&key(), Duration::from_secs(17));
    };
    let sent = send(&other, &[1], 4, Duration::from_secs(30), start);
    let (sent, ()) = tokio::join!(sent, pause);
    let mut by_second = BTreeMap::new();
    for at in sent {
        *by_second.entry(at / 1_000_000_000).or_insert(0_u32) += 1;
    }
    let quiet: Vec<u128> = (6..22).filter(|second| by_second.contains_key(second)).collect();
    assert!(quiet.is_empty(), "it was asked in the seconds {quiet:?}");
    assert!(by_second.contains_key(&4) && by_second.contains_key(&22), "{by_second:?}");
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_was_booked_before_a_pause_waits_for_its_end() {
    // The bucket is empty, so the call is booked five seconds ahead; in the third one the far side closes.
    let (table, members) = (Table::new(), Arc::new(AtomicUsize::new(2)));
    let options = ThrottleOptions { requests: 40, ..OPTIONS };
    let (one, other) = (node(&table, &members, options), node(&table, &members, options));
    for _ in 0..10 {
        drop(one.enter(&key(), 1).await.unwrap());
    }
    let start = Instant::now();
    let pause = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        one.close(&key(), Duration::from_secs(20));
    };
    let key = key();
    let (entered, ()) = tokio::join!(other.enter(&key, 8), pause);
    assert!(entered.is_ok());
    let waited = start.elapsed().as_secs();
    assert!((22..40).contains(&waited), "{waited} s");
}

#[tokio::test(start_paused = true)]
async fn calls_at_once_are_divided_by_the_nodes_there_are() {
    // Half of twelve for each of two; all for the one that is left, the others wait for slots.
    let (table, members) = (Table::new(), Arc::new(AtomicUsize::new(2)));
    let node = node(&table, &members, OPTIONS);
    let mut held = Vec::new();
    let soon = Duration::from_secs(2);
    let fill = async |held: &mut Vec<Permit>| {
        while let Ok(permit) = tokio::time::timeout(soon, node.enter(&key(), 1)).await {
            held.push(permit.unwrap());
        }
        held.len()
    };
    assert_eq!(fill(&mut held).await, 6);
    // A dead node's share comes back.
    members.store(1, SeqCst);
    assert_eq!(fill(&mut held).await, 12);
    // Two more join: what is too much is not given out again.
    members.store(3, SeqCst);
    held.truncate(5);
    assert_eq!(fill(&mut held).await, 5);
    held.truncate(2);
    assert_eq!(fill(&mut held).await, 4);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_holds_nobody_up_for_long() {
    // Half a second, then the node goes on with its share.
    struct Mute;
    #[async_trait]
    impl BudgetStore for Mute {
        async fn draw(&self, _: &TenantId, _: Bucket, _: Draw) -> Result<Drawn, StoreError> {
            std::future::pending().await
        }
        async fn close(&self, _: &TenantId, _: Duration) -> Result<(), StoreError> {
            std::future::pending().await
        }
    }
    let tenant = TenantId::new("contoso");
    let common = Common {
        store: Arc::new(Mute),
        tenant,
        bus: Arc::new(LocalBus::new()),
        members: Box::new(|| 2),
    };
    let node = Throttle::shared(OPTIONS, Arc::new(Epoch), common);
    let start = Instant::now();
    for _ in 0..10 {
        drop(node.enter(&key(), 1).await.unwrap());
    }
    // One request in 70 ms of the whole, one in 140 ms of the half.
    let took = start.elapsed().as_millis();
    assert!((1_500..2_500).contains(&took), "{took} ms");
}

#[test]
fn a_word_that_comes_while_the_store_is_asked_is_asked_about_once_more() {
    // The answer may be older than the word: nothing is spent on it.
    let at = Duration::from_millis;
    let bucket = Bucket { interval: at(10), burst: 100 };
    let open = |granted| Drawn { granted, wait: Duration::ZERO, closed: Duration::ZERO };
    let mut purse = Purse::default();
    let take = |purse: &mut Purse, now| purse.take(1, at(now), bucket, 1, at(1_000));
    let Need::Answer(draw) = take(&mut purse, 0) else { panic!("nothing was drawn yet") };
    purse.fill(draw, open(10), at(0), at(1));
    assert_eq!(take(&mut purse, 2), Need::Nothing);
    purse.doubt(at(10));
    let Need::Answer(first) = take(&mut purse, 11) else { panic!("spent in doubt") };
    purse.doubt(at(12));
    purse.fill(first, open(0), at(11), at(13));
    let Need::Answer(second) = take(&mut purse, 14) else { panic!("the second word is forgotten") };
    purse.fill(second, open(0), at(14), at(15));
    assert_eq!(take(&mut purse, 16), Need::Nothing);
}
