//! The budget that nodes share, on a real server: what one draws the others have not, by its clock.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use lockstep::app::clock::SystemClock;
use lockstep::domain::ids::TenantId;
use lockstep::memory::LocalBus;
use lockstep::ports::budget::{Bucket, BudgetStore, Draw};
use lockstep::redis::{Address, RedisOptions, RedisStore};
use lockstep::throttle::{BudgetKey, Common, Throttle, ThrottleOptions};
use tokio::time::{Instant, timeout};

use crate::redis_server::RedisServer;

/// Ten at once, and one more each while that no test lasts.
const BUCKET: Bucket = Bucket { burst: 10, interval: WHILE };
const WHILE: Duration = Duration::from_secs(20);
/// Far above what a call may take.
const BOUND: Duration = Duration::from_secs(10);

fn draw(least: u32, want: u32) -> Draw {
    Draw { least, want, back: 0, owed: 0, longest: Duration::ZERO }
}

async fn connect(address: &Address) -> Arc<RedisStore> {
    Arc::new(RedisStore::connect(address, RedisOptions::default()).await.unwrap())
}

/// Sees two nodes draw from one bucket.
pub(super) async fn is_shared(address: &Address) {
    let (one, other) = (connect(address).await, connect(address).await);
    let (tenant, second) = (TenantId::new("contoso"), TenantId::new("fabrikam"));
    let granted = async |store: &RedisStore, tenant: &TenantId, draw: Draw| {
        let drawn = store.draw(tenant, BUCKET, draw).await.unwrap();
        assert_eq!(drawn.closed, Duration::ZERO);
        drawn.granted
    };
    assert_eq!(granted(&one, &tenant, draw(1, 4)).await, 4);
    assert_eq!(granted(&other, &tenant, draw(1, 20)).await, 6, "what is left, not what is wanted");
    assert_eq!(granted(&one, &tenant, draw(1, 1)).await, 0);
    assert_eq!(granted(&one, &second, draw(7, 7)).await, 7, "a bucket for each tenant");
    // What was not sent comes back, what was sent without asking is paid for.
    assert_eq!(granted(&other, &tenant, Draw { back: 5, ..draw(1, 9) }).await, 5);
    assert_eq!(granted(&other, &tenant, Draw { back: 5, owed: 3, ..draw(1, 9) }).await, 2);
    // Who waits is served in turn: one while for the first, two more for the next.
    let patient = Draw { longest: 3 * WHILE, ..draw(1, 1) };
    for (draw, whiles) in [(patient, 1), (Draw { least: 2, ..patient }, 3)] {
        let drawn = one.draw(&tenant, BUCKET, draw).await.unwrap();
        assert_eq!(drawn.granted, draw.least);
        let short = (WHILE * whiles).saturating_sub(drawn.wait);
        assert!(drawn.wait <= WHILE * whiles && short < WHILE / 2, "{whiles}: {drawn:?}");
    }
    let late = one.draw(&tenant, BUCKET, patient).await.unwrap();
    assert!(late.granted == 0 && late.wait > 3 * WHILE, "{late:?}");

    other.close(&second, Duration::from_millis(400)).await.unwrap();
    other.close(&second, Duration::from_millis(1)).await.unwrap();
    let closed = one.draw(&second, BUCKET, draw(1, 1)).await.unwrap();
    assert_eq!(closed.granted, 0);
    assert!(
        closed.closed > Duration::from_millis(1),
        "the shorter pause took the place of the longer"
    );
    let asked = one.draw(&second, BUCKET, draw(0, 0)).await.unwrap();
    assert!(asked.closed > Duration::ZERO && asked.granted == 0);
    let again = async {
        while one.draw(&second, BUCKET, draw(1, 1)).await.unwrap().granted == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(BOUND, again).await.expect("a pause does not end");
}

#[tokio::test]
async fn nodes_draw_from_one_bucket() {
    // Each tenant has its own; the key goes by itself when the bucket is full again.
    let server = RedisServer::start();
    is_shared(&server.address()).await;
    let client = redis::Client::open(server.url()).unwrap();
    let mut wire = client.get_multiplexed_async_connection().await.unwrap();
    let keys: BTreeSet<String> = redis::cmd("KEYS").arg("*").query_async(&mut wire).await.unwrap();
    let expected = ["contoso", "fabrikam"].map(|tenant| format!("ls:{{{tenant}}}:budget"));
    assert_eq!(keys, BTreeSet::from(expected.clone()));
    for key in expected {
        let left: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut wire).await.unwrap();
        assert!(left > 0 && left <= 14 * 20_000, "{key} stays for {left} ms");
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_empties_no_bucket_for_long() {
    // What was written by a clock an age ahead counts for a bucket and a minute at most.
    let server = RedisServer::start();
    let store = connect(&server.address()).await;
    let client = redis::Client::open(server.url()).unwrap();
    let mut wire = client.get_multiplexed_async_connection().await.unwrap();
    let set = redis::cmd("HSET")
        .arg("ls:{contoso}:budget")
        .arg(&["full", "9000000000000000", "closed", "0"])
        .to_owned();
    set.exec_async(&mut wire).await.unwrap();
    let bucket = Bucket { burst: 10, interval: Duration::from_secs(1) };
    let patient = Draw { longest: BOUND * 60, ..draw(1, 1) };
    let drawn = store.draw(&TenantId::new("contoso"), bucket, patient).await.unwrap();
    assert_eq!(drawn.granted, 1);
    assert!(drawn.wait <= Duration::from_secs(62), "{drawn:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_on_one_server_never_exceed_the_published_limit() {
    // Each sends as fast as it may: no two seconds see more than two hundred requests, and both get some.
    let server = RedisServer::start();
    let options = ThrottleOptions {
        requests: 200,
        per: Duration::from_secs(2),
        concurrent: 16,
        abreast: 1,
        max_wait: BOUND,
    };
    let start = Instant::now();
    let node = async || {
        let store = connect(&server.address()).await;
        let tenant = TenantId::new("contoso");
        let common =
            Common { store, tenant, bus: Arc::new(LocalBus::new()), members: Box::new(|| 2) };
        let throttle = Throttle::shared(options, Arc::new(SystemClock), common);
        let key = BudgetKey::new("application user");
        let callers = (0..4).map(|_| async {
            let mut seen = Vec::new();
            while start.elapsed() < Duration::from_secs(5) {
                let permit = throttle.enter(&key, 1).await.unwrap();
                seen.push(start.elapsed());
                drop(permit);
            }
            seen
        });
        join_all(callers).await.into_iter().flatten().collect::<Vec<_>>()
    };
    let (one, other) = tokio::join!(node(), node());
    assert!(one.len() > 50 && other.len() > 50, "{} and {}", one.len(), other.len());
    let mut all: Vec<Duration> = one.into_iter().chain(other).collect();
    all.sort_unstable();
    assert!(all.len() > 200, "{}", all.len());
    for some in all.windows(201) {
        assert!(
            some[200] - some[0] >= options.per,
            "201 requests within {:?}",
            some[200] - some[0]
        );
    }
}
