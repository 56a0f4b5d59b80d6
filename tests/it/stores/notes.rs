//! Notes, links by their rows, and hints: what the ports promise of any store.

use std::sync::Arc;
use std::time::Duration;

use lockstep::domain::ids::{Fence, LinkId, TenantId};
use lockstep::memory::LocalBus;
use lockstep::ports::notes::{Holder, LinkIndex, NoteStore, Notes, Shelf};
use lockstep::ports::wake::{Channel, Heard, Hint, WakeBus};
use lockstep::redis::{RedisBus, RedisOptions, RedisStore};
use tokio::time::timeout;
use uuid::Uuid;

use super::{Bench, link, mailbox, put, write};
use crate::redis_server::RedisServer;

/// Far above what a hint takes, far below a test's end.
const PATIENCE: Duration = Duration::from_secs(20);

fn note(key: &str, text: Option<&str>) -> (String, Option<String>) {
    (key.to_owned(), text.map(str::to_owned))
}

fn notes(pairs: &[(&str, &str)]) -> Notes {
    pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
}

pub(crate) async fn notes_are_kept_for_each_tenant_and_shelf<B: Bench>() {
    let mut bench = B::start().await;
    let (one, other) = (TenantId::new("contoso"), TenantId::new("contoso-2"));
    let (shelf, second) = (Shelf::Subscriptions, Shelf::Feeds);
    assert_eq!(bench.store().notes(&one, shelf).await.unwrap(), Notes::new());
    let first = [note("a", Some("1")), note("b", Some("ö\"\n")), note("c", Some(""))];
    bench.store().write_notes(&one, shelf, &first).await.unwrap();
    bench.store().write_notes(&one, second, &[note("a", Some("2"))]).await.unwrap();
    bench.store().write_notes(&other, shelf, &[note("a", Some("3"))]).await.unwrap();
    let change = [note("a", Some("4")), note("c", None), note("unknown", None)];
    bench.store().write_notes(&one, shelf, &change).await.unwrap();
    bench.store().write_notes(&one, shelf, &[]).await.unwrap();
    bench.reopen().await;
    let store = bench.store();
    assert_eq!(store.notes(&one, shelf).await.unwrap(), notes(&[("a", "4"), ("b", "ö\"\n")]));
    assert_eq!(store.notes(&one, second).await.unwrap(), notes(&[("a", "2")]));
    assert_eq!(store.notes(&other, shelf).await.unwrap(), notes(&[("a", "3")]));
}

pub(crate) async fn links_are_found_by_their_rows<B: Bench>() {
    let bench = B::start().await;
    let store = bench.store();
    write(&*store, &mailbox("contoso", 1), Fence(1), &put(1..=2)).await.unwrap();
    write(&*store, &mailbox("contoso", 2), Fence(1), &put(2..=3)).await.unwrap();
    write(&*store, &mailbox("fabrikam", 1), Fence(1), &put(1..=9)).await.unwrap();
    let id = |number| Uuid::from_u128(number);
    let rows = [LinkId(id(2)), LinkId(id(3)), LinkId(id(7))];
    let tenant = TenantId::new("contoso");
    let mut found = store.holders(&tenant, &[id(1), id(2), id(3)], &rows).await.unwrap();
    found.sort();
    let holder = |mailbox, row| {
        let version = link(row).version.dynamics.clone();
        Holder { mailbox: id(mailbox), row: LinkId(id(row)), version }
    };
    assert_eq!(found, [holder(1, 2), holder(2, 2), holder(2, 3)]);
    assert_eq!(store.holders(&tenant, &[], &rows).await.unwrap(), []);
    let many: Vec<Uuid> = (2..=2_500).rev().map(id).collect();
    let mut found = store.holders(&tenant, &many, &rows).await.unwrap();
    found.sort();
    assert_eq!(found, [holder(2, 2), holder(2, 3)], "of many mailboxes");
    assert_eq!(store.holders(&tenant, &[id(1)], &[]).await.unwrap(), []);
}

suite! {
    "Notes are written, replaced and removed, apart by tenant and shelf, and survive a restart."
    notes_are_kept_for_each_tenant_and_shelf,
    "Of the mailboxes and rows that are asked for, each link is found once, with its version."
    links_are_found_by_their_rows,
}

fn hints() -> Vec<(Channel, Hint)> {
    let tenant = TenantId::new("contoso");
    vec![
        (Channel::Shard(7), Hint::Changed(mailbox("contoso", 1))),
        (Channel::Shard(1_023), Hint::Sync(mailbox("contoso", 2), Uuid::from_u128(9))),
        (Channel::Everybody, Hint::AllChanged(tenant)),
        (Channel::Everybody, Hint::Roll(Uuid::from_u128(10))),
        (Channel::Everybody, Hint::Present(Uuid::from_u128(10), "{\"node\":\"a\"}".to_owned())),
    ]
}

/// Sees hints of one bus arrive at another.
pub(super) async fn carries(from: Arc<dyn WakeBus>, to: Arc<dyn WakeBus>) {
    let mut listener = to.listen();
    // Listening begins at some moment: what is published before it is lost, as hints may be.
    let first = async {
        loop {
            from.publish(&[(Channel::Everybody, Hint::AllChanged(TenantId::new("x")))])
                .await
                .unwrap();
            if timeout(Duration::from_millis(50), listener.hint()).await.is_ok() {
                return;
            }
        }
    };
    timeout(PATIENCE, first).await.expect("no hint arrives");
    from.publish(&hints()).await.unwrap();
    let mut got = Vec::new();
    while got.len() < hints().len() {
        let hint = timeout(PATIENCE, listener.hint()).await.expect("a hint is missing");
        got.extend((hint != Hint::AllChanged(TenantId::new("x"))).then_some(hint));
    }
    assert_eq!(got, hints().into_iter().map(|(_, hint)| hint).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_hint_reaches_all_parts_of_a_process() {
    // Each listener hears each hint once, in order.
    let bus: Arc<dyn WakeBus> = Arc::new(LocalBus::new());
    let mut second = bus.listen();
    carries(bus.clone(), bus.clone()).await;
    let mut last = second.hint().await;
    while last == Hint::AllChanged(TenantId::new("x")) {
        last = second.hint().await;
    }
    assert_eq!(last, hints()[0].1);
}

async fn node(server: &RedisServer) -> Arc<dyn WakeBus> {
    let store = RedisStore::connect(&server.address(), RedisOptions::default()).await.unwrap();
    Arc::new(RedisBus::new(store, &server.address()).unwrap())
}

#[tokio::test]
async fn a_hint_reaches_other_nodes_also_after_an_outage_of_redis() {
    // Two nodes share a server; it goes and comes back empty, and hints flow again by themselves.
    let mut server = RedisServer::start();
    let (one, other) = (node(&server).await, node(&server).await);
    carries(one.clone(), other.clone()).await;
    let mut listener = other.listen();
    server.stop();
    assert!(one.publish(&hints()).await.is_err(), "nobody is told");
    server.start_again();
    let again = async {
        loop {
            let _ = one.publish(&hints()).await;
            if timeout(Duration::from_millis(50), listener.hint()).await.is_ok() {
                return;
            }
        }
    };
    timeout(PATIENCE, again).await.expect("no hint after the outage");
}

#[tokio::test]
async fn a_listener_that_was_cut_off_says_that_hints_were_lost() {
    // Its connection is cut and a hint published before it listens again. It says so before it hears the
    // next one; a first subscription, and one that lives, lost nothing.
    let server = RedisServer::start();
    let (one, other) = (node(&server).await, node(&server).await);
    let mut listener = other.listen();
    let roll = |number| Hint::Roll(Uuid::from_u128(number));
    let publish = async |hint| one.publish(&[(Channel::Everybody, hint)]).await.unwrap();
    let first = async {
        while timeout(Duration::from_millis(50), listener.next()).await.is_err() {
            publish(roll(1)).await;
        }
    };
    timeout(PATIENCE, first).await.expect("no hint arrives");
    publish(roll(2)).await;
    let mut next = async || timeout(PATIENCE, listener.next()).await.expect("nothing is heard");
    loop {
        match next().await {
            Heard::Hint(hint) if hint == roll(2) => break,
            heard => assert_eq!(heard, Heard::Hint(roll(1))),
        }
    }
    let client = ::redis::Client::open(server.url()).unwrap();
    let mut wire = client.get_multiplexed_async_connection().await.unwrap();
    let kill = ::redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub").to_owned();
    let killed: i64 = kill.query_async(&mut wire).await.unwrap();
    assert_eq!(killed, 1);
    publish(roll(3)).await;
    assert_eq!(next().await, Heard::Lost);
    publish(roll(4)).await;
    assert_eq!(next().await, Heard::Hint(roll(4)));
}
