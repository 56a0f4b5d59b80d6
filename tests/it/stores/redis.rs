//! What the store in Redis must do besides: time-outs, outages, and bytes that are none of ours.

use std::collections::HashMap;
use std::time::Duration;

use lockstep::domain::ids::{Fence, MailboxKey};
use lockstep::ports::budget::{Bucket, BudgetStore, Draw};
use lockstep::ports::error::StoreError;
use lockstep::ports::lease::LeaseStore;
use lockstep::ports::links::{Claim, LinkStore, MailboxState};
use lockstep::ports::sightings::{SightingChange, SightingStore};
use lockstep::redis::{Address, RedisOptions, RedisStore};
use lockstep::shards::table::{Answer, Step};
use lockstep::shards::{Incarnation, Shard};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::cluster::{open, step};
use super::journal::{kept, record};
use super::proxy::Proxy;
use super::{Bench, Redis, link, mailbox, put, write};
use crate::redis_server::RedisServer;

/// Far above what a call may take, far below a test's end.
const BOUND: Duration = Duration::from_secs(10);
/// Time-outs of a test that waits for them.
const IMPATIENT: RedisOptions = RedisOptions {
    response_timeout: Duration::from_millis(300),
    lease_timeout: Duration::from_millis(300),
    connect_timeout: Duration::from_millis(300),
};

async fn assert_unavailable(store: &RedisStore, key: &MailboxKey) {
    let calls = async {
        let loaded = store.load(key).await;
        assert!(matches!(loaded, Err(StoreError::Unavailable(_))), "{loaded:?}");
        let written = write(&*store, key, Fence(1), &put([1])).await;
        assert!(matches!(written, Err(StoreError::Unavailable(_))), "{written:?}");
        let leased = store.step(&step(1, &[1])).await;
        assert!(matches!(leased, Err(StoreError::Unavailable(_))), "{leased:?}");
    };
    timeout(BOUND, calls).await.expect("an outage holds calls up");
}

#[tokio::test]
async fn an_outage_is_short_and_over_by_itself() {
    // While the server is away calls fail at once; the first call after its return succeeds,
    // with a server that has forgotten all scripts.
    let (mut bench, key) = (Redis::start().await, mailbox("contoso", 1));
    let store = bench.store();
    write(&*store, &key, Fence(1), &put([1])).await.unwrap();
    for _ in 0..2 {
        bench.server.stop();
        assert_unavailable(&store, &key).await;
        bench.server.start_again();
        assert_eq!(store.load(&key).await.unwrap(), MailboxState::default());
        write(&*store, &key, Fence(1), &put([2])).await.unwrap();
        assert_eq!(store.load(&key).await.unwrap().links, [link(2)]);
    }
}

#[tokio::test]
async fn an_unnoticed_restart_costs_no_call() {
    // A connection that broke while nobody used it is replaced within the next call.
    let (mut bench, key) = (Redis::start().await, mailbox("contoso", 1));
    write(&*bench.store(), &key, Fence(1), &put([1])).await.unwrap();
    bench.server.stop();
    bench.server.start_again();
    write(&*bench.store(), &key, Fence(1), &put([2])).await.unwrap();
    assert_eq!(bench.store().load(&key).await.unwrap().links, [link(2)]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_hanging_server_is_an_outage() {
    // A server that keeps its connections and does not answer costs the time-out, no more.
    let server = RedisServer::start();
    let store = RedisStore::connect(&server.address(), IMPATIENT).await.unwrap();
    server.hang();
    assert_unavailable(&store, &mailbox("contoso", 1)).await;
}

#[tokio::test]
async fn a_membership_does_not_wait_behind_a_mailbox() {
    // While the answer to a commit of thousands of links does not arrive, the membership is renewed, and
    // requests are drawn.
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port()).await;
    let store = RedisStore::connect(&proxy.address, RedisOptions::default()).await.unwrap();
    store.step(&step(1, &[1])).await.unwrap();
    let commit = tokio::spawn({
        let store = store.clone();
        async move { write(&store, &mailbox("contoso", 1), Fence(1), &put(1..=2_000)).await }
    });
    timeout(BOUND, proxy.held.notified()).await.unwrap();
    let renewed = timeout(Duration::from_secs(1), store.step(&step(1, &[2]))).await;
    assert!(renewed.is_ok_and(|step| step.is_ok()), "a beat waits");
    let bucket = Bucket { burst: 10, interval: BOUND };
    let draw = Draw { least: 1, want: 1, back: 0, owed: 0, longest: BOUND };
    let tenant = mailbox("contoso", 1).tenant;
    let drawn = timeout(Duration::from_secs(1), store.draw(&tenant, bucket, draw)).await;
    assert!(drawn.is_ok_and(|drawn| drawn.is_ok()), "a request waits");
    assert!(!commit.is_finished());
}

#[tokio::test]
async fn connecting_is_bounded() {
    // Nobody listens, or somebody who never speaks: both are errors within the bound.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::server("127.0.0.1", listener.local_addr().unwrap().port());
    let mute = timeout(BOUND, RedisStore::connect(&address, IMPATIENT)).await.unwrap();
    assert!(matches!(mute, Err(StoreError::Unavailable(_))));
    drop(listener);
    let gone = timeout(BOUND, RedisStore::connect(&address, IMPATIENT)).await.unwrap();
    assert!(matches!(gone, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn foreign_bytes_are_corrupt() {
    // What another program left under our keys is reported with the mailbox, never half read.
    let (bench, key) = (Redis::start().await, mailbox("contoso", 1));
    let store = bench.store();
    let client = redis::Client::open(bench.server.url()).unwrap();
    let mut wire = client.get_multiplexed_async_connection().await.unwrap();
    write(&*store, &key, Fence(1), &put([1])).await.unwrap();
    let links = format!("ls:{{{key}}}:links");
    let set = redis::cmd("HSET").arg(&links).arg("x").arg("\u{63}garbage").to_owned();
    set.exec_async(&mut wire).await.unwrap();
    let Err(StoreError::Corrupt(text)) = store.load(&key).await else { panic!("garbage loaded") };
    assert!(text.contains(&key.to_string()) && text.contains("format 99"), "{text}");
}

#[tokio::test]
async fn the_keys_are_those_of_the_map() {
    // The map at the head of the module is the whole of what is written, with its TTLs.
    let (bench, key) = (Redis::start().await, mailbox("contoso", 1));
    let store = bench.store();
    let mut change = put([1]);
    change.cursors = Some(vec![]);
    change.records = vec![record(1)];
    change.kept = vec![kept(1)];
    write(&*store, &key, Fence(1), &change).await.unwrap();
    open(&bench, &mut bench.table()).await;
    store.step(&step(1, &[7])).await.unwrap();
    let fresh = lockstep::domain::fingerprint::PrintKey([1; 16]);
    store.print_key(&key.tenant, fresh).await.unwrap();
    let put = vec![(key.mailbox, None)];
    let change = SightingChange { put, drop: vec![] };
    store.watch(&key.tenant, &change).await.unwrap();
    let client = redis::Client::open(bench.server.url()).unwrap();
    let mut wire = client.get_multiplexed_async_connection().await.unwrap();
    let mut keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut wire).await.unwrap();
    keys.sort();
    let of_mailbox = |end: &str| format!("ls:{{{key}}}:{end}");
    let mut expected = vec![
        of_mailbox("cursors"),
        of_mailbox("fence"),
        of_mailbox("journal"),
        of_mailbox("kept"),
        of_mailbox("links"),
        of_mailbox("seq"),
        "ls:{contoso}:key".to_owned(),
        "ls:{contoso}:sightings".to_owned(),
        "ls:{cluster}:generation".to_owned(),
        "ls:{cluster}:history".to_owned(),
        "ls:{cluster}:members".to_owned(),
        "ls:{cluster}:shards".to_owned(),
        "ls:{cluster}:stamp".to_owned(),
    ];
    expected.sort();
    assert_eq!(keys, expected);
    for name in keys {
        let ttl: i64 = redis::cmd("TTL").arg(&name).query_async(&mut wire).await.unwrap();
        assert_eq!(ttl, -1, "{name} expires");
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_nobody_alive() {
    // A lease that ends an hour from now by the server's clock ends after its own length, that of a
    // process which lost its place too.
    let bench = Redis::start().await;
    let store = bench.store();
    let first =
        |number: u128, ttl: u64, take: &[u16]| Step { first: true, ttl, ..step(number, take) };
    let of =
        |shard: u16, answer: &Answer| answer.shards.as_ref().unwrap()[&Shard(shard)].incarnation;
    open(&bench, &mut bench.table()).await;
    store.step(&first(1, 300, &[1])).await.unwrap();
    store.step(&first(2, 300, &[2])).await.unwrap();
    store.step(&Step { incarnation: Incarnation(9), ..first(2, 300, &[]) }).await.unwrap();
    let client = redis::Client::open(bench.server.url()).unwrap();
    let mut wire = client.get_multiplexed_async_connection().await.unwrap();
    let members = "ls:{cluster}:members";
    let all: HashMap<String, String> =
        redis::cmd("HGETALL").arg(members).query_async(&mut wire).await.unwrap();
    assert_eq!(all.len(), 3, "{all:?}");
    for (field, text) in all {
        // The end is the first part of thirteen digits.
        let later = |part: &str| match part.parse::<u64>() {
            Ok(until) if part.len() == 13 => (until + 3_600_000).to_string(),
            Ok(_) | Err(_) => part.to_owned(),
        };
        let text = text.split(' ').map(later).collect::<Vec<_>>().join(" ");
        let set = redis::cmd("HSET").arg(members).arg(field).arg(text).to_owned();
        set.exec_async(&mut wire).await.unwrap();
    }
    let early = store.step(&step(3, &[1, 2])).await.unwrap();
    assert_eq!(early.members.len(), 3);
    assert_eq!(of(1, &early), Incarnation(1));
    assert_eq!(of(2, &early), Incarnation(2));
    let freed = async {
        loop {
            let late = store.step(&Step { known: 0, ..step(3, &[1, 2]) }).await.unwrap();
            if late.members.len() == 1 {
                break late;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let late = timeout(BOUND, freed).await.expect("the dead live on");
    assert_eq!(late.members.len(), 1);
    assert_eq!(of(1, &late), Incarnation(3));
    assert_eq!(of(2, &late), Incarnation(3));
}

#[tokio::test]
async fn a_load_is_one_transaction() {
    // Links and cursors are read in one MULTI, so no commit can come between them.
    let (bench, key) = (Redis::start().await, mailbox("contoso", 1));
    write(&*bench.store(), &key, Fence(1), &put([1])).await.unwrap();
    let client = redis::Client::open(bench.server.url()).unwrap();
    let mut wire = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("CONFIG").arg("RESETSTAT").exec_async(&mut wire).await.unwrap();
    bench.store().load(&key).await.unwrap();
    let asked = redis::cmd("INFO").arg("commandstats").to_owned();
    let stats: String = asked.query_async(&mut wire).await.unwrap();
    for command in ["multi", "exec", "hvals"] {
        assert!(stats.contains(&format!("cmdstat_{command}:calls=1,")), "{command}: {stats}");
    }
}

#[tokio::test]
async fn a_server_that_forgets_ends_the_cycle_and_not_the_mailbox() {
    // FLUSHALL between claim and commit: the commit is refused, the next claim finds an empty mailbox.
    let (bench, key) = (Redis::start().await, mailbox("contoso", 1));
    let store = bench.store();
    write(&*store, &key, Fence(8), &put([1])).await.unwrap();
    let seq = store.claim(&key, Fence(8)).await.unwrap().seq;
    let client = redis::Client::open(bench.server.url()).unwrap();
    let mut wire = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("FLUSHALL").exec_async(&mut wire).await.unwrap();
    let moved = store.commit(&key, Claim { fence: Fence(8), seq }, &put([2])).await;
    assert!(matches!(moved, Err(StoreError::StateMoved)), "{moved:?}");
    assert_eq!(store.claim(&key, Fence(8)).await.unwrap(), MailboxState::default());
    write(&*store, &key, Fence(8), &put([3])).await.unwrap();
    assert_eq!(store.load(&key).await.unwrap().links, [link(3)]);
}

#[tokio::test]
async fn a_repeated_commit_counts_once() {
    // Sent again after a lost answer it is found done; after the mailbox was forgotten it is refused.
    let (bench, key) = (Redis::start().await, mailbox("contoso", 1));
    let store = bench.store();
    assert_eq!(store.claim(&key, Fence(7)).await.unwrap().seq, 0);
    let client = redis::Client::open(bench.server.url()).unwrap();
    let mut wire = client.get_multiplexed_async_connection().await.unwrap();
    let script = redis::Script::new(include_str!("../../../src/redis/scripts/commit.lua"));
    let mut call = script.prepare_invoke();
    for end in ["links", "cursors", "fence", "journal", "kept", "seq", "category"] {
        call.key(format!("ls:{{{key}}}:{end}"));
    }
    call.arg(7).arg(0).arg("the commit's name").arg("").arg(1).arg(0).arg(0).arg(0);
    call.arg(10).arg(10).arg("").arg("").arg("").arg(0).arg("id").arg("bytes");
    for _ in 0..2 {
        assert_eq!(call.invoke_async::<i64>(&mut wire).await.unwrap(), 1);
    }
    assert_eq!(store.forget(&key, Fence(7)).await.unwrap(), 2);
    assert_eq!(call.invoke_async::<i64>(&mut wire).await.unwrap(), -2);
    assert_eq!(store.load(&key).await.unwrap(), MailboxState { seq: 2, ..Default::default() });
}

#[tokio::test]
async fn a_mailbox_of_a_former_version_has_the_number_zero() {
    // A fence without a number beside it is claimed and written like any other.
    let (bench, key) = (Redis::start().await, mailbox("contoso", 1));
    let store = bench.store();
    let client = redis::Client::open(bench.server.url()).unwrap();
    let mut wire = client.get_multiplexed_async_connection().await.unwrap();
    let fence = redis::cmd("SET").arg(format!("ls:{{{key}}}:fence")).arg(3).to_owned();
    fence.exec_async(&mut wire).await.unwrap();
    assert_eq!(store.claim(&key, Fence(3)).await.unwrap().seq, 0);
    let late = store.claim(&key, Fence(2)).await;
    assert!(matches!(late, Err(StoreError::StaleFence)), "{late:?}");
    let seq = store.commit(&key, Claim { fence: Fence(3), seq: 0 }, &put([1])).await.unwrap();
    assert_eq!(seq, 1);
}

#[tokio::test]
async fn a_foreign_line_in_the_cluster_is_no_member() {
    // What another program left there is dropped, and its shards are free.
    let bench = Redis::start().await;
    open(&bench, &mut bench.table()).await;
    let client = redis::Client::open(bench.server.url()).unwrap();
    let mut wire = client.get_multiplexed_async_connection().await.unwrap();
    for (key, field, value) in
        [("members", "x", "what is this"), ("shards", "7", "nonsense"), ("members", "y", "")]
    {
        let set = redis::cmd("HSET")
            .arg(format!("ls:{{cluster}}:{key}"))
            .arg(field)
            .arg(value)
            .to_owned();
        set.exec_async(&mut wire).await.unwrap();
    }
    let answer = bench.store().step(&step(1, &[7])).await.unwrap();
    assert_eq!((answer.members.len(), answer.shards.unwrap().len()), (1, 1));
}
