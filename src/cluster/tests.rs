//! Tests of ownership, on paused time: the store's leases run by the same clock.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::{Instant, advance};
use uuid::Uuid;

use super::ownership::{LEASE_TTL, Ownership};
use super::turns::Turns;
use crate::domain::ids::{Fence, MailboxKey, TenantId};
use crate::memory::MemoryStore;
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;
use crate::ports::lease::LeaseStore;

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
    // Three seconds before the lease ends nobody may start any more.
    let own = Ownership::new(store(), "one");
    assert_eq!(own.fence(), None);
    assert!(own.hold().await.unwrap());
    let fence = own.fence();
    assert_eq!(fence, Some(Fence(1)));
    seconds(11).await;
    assert_eq!(own.fence_of(&key("contoso", 1)), fence);
    seconds(1).await;
    assert_eq!(own.fence(), None);
    // The lease itself still lives: the same holder prolongs it under the same fence.
    assert!(own.hold().await.unwrap());
    assert_eq!(own.fence(), fence);
}

#[tokio::test(start_paused = true)]
async fn another_holder_is_waited_for_and_raises_the_fence() {
    // A second node gets nothing while the first holds, and a higher fence afterwards.
    let store = store();
    let (one, two) = (Ownership::new(store.clone(), "one"), Ownership::new(store, "two"));
    assert!(one.hold().await.unwrap());
    assert!(!two.hold().await.unwrap());
    assert_eq!(two.fence(), None);
    advance(LEASE_TTL).await;
    assert!(two.hold().await.unwrap());
    assert_eq!(two.fence(), Some(Fence(2)));
    // The first one comes back too late and loses even the fence it remembers.
    assert!(!one.hold().await.unwrap());
    assert_eq!(one.fence(), None);
    // Given back, the lease is free at once.
    two.release().await;
    assert_eq!(two.fence(), None);
    assert!(one.hold().await.unwrap());
    assert_eq!(one.fence(), Some(Fence(3)));
}

#[tokio::test(start_paused = true)]
async fn the_keeper_keeps_the_lease_for_hours() {
    // The renewal is early enough that no moment is without a fence.
    let own = Arc::new(Ownership::new(store(), "one"));
    assert!(own.hold().await.unwrap());
    let keeper = tokio::spawn(own.clone().keep());
    for _ in 0..7_200 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(own.fence(), Some(Fence(1)));
    }
    keeper.abort();
}

/// A store that answers late, or not at all.
struct Slow {
    store: Arc<MemoryStore>,
    delay: Duration,
    broken: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl LeaseStore for Slow {
    async fn acquire(
        &self,
        name: &str,
        holder: &str,
        ttl: Duration,
    ) -> Result<Option<Fence>, StoreError> {
        let answer = self.store.acquire(name, holder, ttl).await;
        tokio::time::sleep(self.delay).await;
        answer
    }

    async fn renew(
        &self,
        name: &str,
        holder: &str,
        fence: Fence,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        if self.broken.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(StoreError::Unavailable("no connection".into()));
        }
        self.store.renew(name, holder, fence, ttl).await
    }

    async fn release(&self, name: &str, holder: &str, fence: Fence) -> Result<(), StoreError> {
        self.store.release(name, holder, fence).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_shortens_the_sure_time() {
    // The lease counts from the request; an outage of the store takes nothing away before its end.
    let slow = Slow { store: store(), delay: Duration::from_secs(9), broken: false.into() };
    let slow = Arc::new(slow);
    let own = Ownership::new(slow.clone(), "one");
    assert!(own.hold().await.unwrap());
    assert_eq!(own.fence(), Some(Fence(1)));
    slow.broken.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(own.hold().await.is_err());
    assert_eq!(own.fence(), Some(Fence(1)));
    seconds(3).await;
    assert_eq!(own.fence(), None);
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
