//! Tests of budgets, all on a paused clock.

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use proptest::prelude::*;

use super::*;

mod shared;

struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }
}

fn throttle(requests: u32, per: u64, concurrent: usize, max_wait: u64) -> Arc<Throttle> {
    let options = ThrottleOptions {
        requests,
        per: Duration::from_secs(per),
        concurrent,
        abreast: 1,
        max_wait: Duration::from_secs(max_wait),
    };
    Arc::new(Throttle::new(options, Arc::new(Epoch)))
}

fn key() -> BudgetKey {
    BudgetKey::new("ada@contoso.example")
}

#[tokio::test(start_paused = true)]
async fn a_permit_holds_its_slot_until_it_is_dropped() {
    // With two slots the third caller enters only when one of the first two leaves.
    let throttle = throttle(1_000, 10, 2, 60);
    let first = throttle.enter(&key(), 1).await.unwrap();
    let _second = throttle.enter(&key(), 1).await.unwrap();
    let started = Instant::now();
    let waiting = Arc::clone(&throttle);
    let third = tokio::spawn(async move { waiting.enter(&key(), 1).await.map(drop) });
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert!(!third.is_finished());
    drop(first);
    third.await.unwrap().unwrap();
    assert_eq!(started.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_call_takes_a_slot_for_each_request_that_runs_at_once() {
    // One batch of four or more leaves no room for another, two small ones fit beside each other.
    let clock = Arc::new(Epoch);
    let throttle = Throttle::new(ThrottleOptions::GRAPH, clock.clone());
    let key = key();
    let soon = |weight: u32| {
        let entered = throttle.enter(&key, weight);
        async move { tokio::time::timeout(Duration::from_secs(1), entered).await.is_ok() }
    };
    let large = throttle.enter(&key, 20).await.unwrap();
    assert!(!soon(1).await);
    drop(large);
    let _first = throttle.enter(&key, 2).await.unwrap();
    let second = throttle.enter(&key, 2).await.unwrap();
    assert!(!soon(1).await);
    drop(second);
    assert!(!soon(3).await);
    assert!(soon(2).await);
    let one_by_one = Throttle::new(ThrottleOptions::DATAVERSE, clock);
    let _large = one_by_one.enter(&key, 900).await.unwrap();
    assert!(one_by_one.enter(&key, 900).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_closed_gate_makes_callers_wait_until_it_opens() {
    // Nobody enters before the gate opens, and then everybody does.
    let throttle = throttle(1_000, 10, 4, 60);
    throttle.close(&key(), Duration::from_secs(17));
    let started = Instant::now();
    let key = key();
    let entered = join_all((0..40).map(|_| async {
        let permit = throttle.enter(&key, 1).await.unwrap();
        let at = started.elapsed();
        drop(permit);
        at
    }))
    .await;
    assert!(entered.iter().all(|at| (17..=18).contains(&at.as_secs())), "{entered:?}");
}

#[tokio::test(start_paused = true)]
async fn a_gate_closed_for_longer_than_the_wait_refuses_at_once() {
    // The refusal takes no time and carries what is left.
    let throttle = throttle(1_000, 10, 4, 60);
    throttle.close(&key(), Duration::from_secs(61));
    tokio::time::advance(Duration::from_millis(500)).await;
    let started = Instant::now();
    let refused = throttle.enter(&key(), 1).await.unwrap_err();
    assert_eq!(refused.retry_after, Duration::from_millis(60_500));
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_shorter_close_never_opens_a_gate_early() {
    // The later of two instants counts, whatever their order.
    let throttle = throttle(1_000, 10, 4, 60);
    throttle.close(&key(), Duration::from_secs(30));
    throttle.close(&key(), Duration::from_secs(2));
    assert_eq!(throttle.closed_for(&key()), Some(Duration::from_secs(30)));
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(throttle.closed_for(&key()), None);
}

#[tokio::test(start_paused = true)]
async fn an_absurd_close_is_bounded() {
    // A Retry-After of centuries closes the gate for a day.
    let throttle = throttle(1_000, 10, 4, 60);
    throttle.close(&key(), Duration::MAX);
    assert_eq!(throttle.closed_for(&key()), Some(MAX_CLOSED));
}

#[tokio::test(start_paused = true)]
async fn keys_do_not_disturb_each_other() {
    // A closed gate of one mailbox leaves the other open.
    let throttle = throttle(1_000, 10, 1, 60);
    throttle.close(&key(), Duration::from_secs(3_000));
    let other = BudgetKey::new("bob@contoso.example");
    assert!(throttle.enter(&other, 1).await.is_ok());
    assert_eq!(throttle.closed_for(&other), None);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_is_turned_away_when_its_time_is_up() {
    // A caller who gets no slot within max_wait is told so, after exactly that time.
    let throttle = throttle(1_000, 10, 1, 60);
    let _held = throttle.enter(&key(), 1).await.unwrap();
    let started = Instant::now();
    let refused = throttle.enter(&key(), 1).await.unwrap_err();
    assert_eq!(refused.retry_after, CROWDED_RETRY);
    assert_eq!(started.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_batch_heavier_than_the_bucket_is_paid_in_full() {
    // Budget 40 in 10 s, so a bucket of 10: a batch of 30 waits for the 20 that are missing.
    let throttle = throttle(40, 10, 1, 60);
    let started = Instant::now();
    let permit = throttle.enter(&key(), 30).await.unwrap();
    drop(permit);
    assert!((6..=7).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn idle_keys_are_forgotten_and_busy_ones_kept() {
    // A key goes when its bucket is full again, no permit is out and its gate is open.
    let throttle = throttle(100, 10, 4, 60);
    let closed = BudgetKey::new("closed");
    drop(throttle.enter(&key(), 1).await.unwrap());
    throttle.close(&closed, Duration::from_secs(3_000));
    let other = BudgetKey::new("other");
    drop(throttle.enter(&other, 1).await.unwrap());
    assert_eq!(throttle.gates().of.len(), 3);
    tokio::time::advance(Duration::from_secs(9)).await;
    let held = throttle.enter(&other, 1).await.unwrap();
    assert_eq!(throttle.gates().of.len(), 3);
    tokio::time::advance(Duration::from_secs(1)).await;
    // Whoever comes next sweeps.
    drop(throttle.enter(&other, 1).await.unwrap());
    let mut left: Vec<_> = throttle.gates().of.keys().cloned().collect();
    left.sort_by_key(|key| key.0.clone());
    assert_eq!(left, [closed, other]);
    drop(held);
}

/// Lets `callers` enter as fast as they can for a while and returns when requests were let
/// through, in nanoseconds.
async fn run(options: ThrottleOptions, callers: usize, weight: u32, close_at: u64) -> Vec<u128> {
    let throttle = Throttle::new(options, Arc::new(Epoch));
    let started = Instant::now();
    let key = key();
    let rounds = join_all((0..callers).map(|number| {
        let (throttle, key) = (&throttle, &key);
        async move {
            let mut seen = Vec::new();
            for round in 0..12_u64 {
                let Ok(permit) = throttle.enter(key, weight).await else { break };
                let at = started.elapsed().as_nanos();
                seen.extend(std::iter::repeat_n(at, weight as usize));
                tokio::time::sleep(Duration::from_millis((number as u64 * 7 + round) % 50)).await;
                if round == close_at {
                    throttle.close(key, Duration::from_secs(1));
                }
                drop(permit);
            }
            seen
        }
    }))
    .await;
    let mut seen: Vec<u128> = rounds.into_iter().flatten().collect();
    seen.sort_unstable();
    seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_window_ever_sees_more_than_the_budget(
        requests in 1_u32..200,
        per in 1_u64..120,
        concurrent in 1_usize..12,
        callers in 1_usize..30,
        close_at in 0_u64..24,
        share in 1_u32..8,
    ) {
        // In every sliding window of `per`, at most `requests` were let through.
        let options = ThrottleOptions {
            requests,
            per: Duration::from_secs(per),
            concurrent,
            abreast: 1,
            max_wait: Duration::from_secs(600),
        };
        // A request heavier than the bucket is spread over time, which `run` does not see.
        let weight = share.min((requests / 20).max(1));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let seen = runtime.block_on(run(options, callers, weight, close_at));
        prop_assert!(!seen.is_empty());
        let window = options.per.as_nanos();
        for pair in seen.windows(requests as usize + 1) {
            prop_assert!(pair[pair.len() - 1] - pair[0] >= window, "{pair:?}");
        }
    }
}
