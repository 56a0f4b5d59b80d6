//! A pause that one node was asked for, on its way to another one.

use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use actix::{Actor, Addr};
use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use super::fakes::{Tenant, id, on_paused, record, secs};
use crate::actors::freshness::Freshness;
use crate::actors::hints::{Relay, hear};
use crate::actors::messages::{StopNode, TenantsRead};
use crate::actors::node::{NodeActor, TenantEntry};
use crate::actors::runtime::TenantRuntime;
use crate::app::clock::SystemClock;
use crate::cycle::tests::fakes::mailbox;
use crate::domain::ids::TenantId;
use crate::domain::side::PerSide;
use crate::memory::LocalBus;
use crate::ports::budget::{Bucket, BudgetStore, Draw, Drawn};
use crate::ports::error::StoreError;
use crate::ports::wake::{Channel, Held, Hint, WakeBus};
use crate::throttle::{BudgetKey, Common, Throttle, ThrottleOptions};

/// Grants whatever is wanted while no tenant of the store pauses.
struct Generous(Mutex<Option<Instant>>);

#[async_trait]
impl BudgetStore for Generous {
    async fn draw(&self, _: &TenantId, _: Bucket, draw: Draw) -> Result<Drawn, StoreError> {
        let until = *self.0.lock().unwrap();
        let closed = until.map_or(Duration::ZERO, |until| until - Instant::now());
        let granted = if closed.is_zero() { draw.want } else { 0 };
        Ok(Drawn { granted, wait: Duration::ZERO, closed })
    }

    async fn close(&self, _: &TenantId, for_: Duration) -> Result<(), StoreError> {
        *self.0.lock().unwrap() = Some(Instant::now() + for_);
        Ok(())
    }
}

/// The budget of a tenant at one node.
fn at_a_node(bus: &Arc<LocalBus>, store: &Arc<Generous>, tenant: &str) -> Throttle {
    let (store, tenant) = (store.clone(), TenantId::new(tenant));
    let common = Common { store, tenant, bus: bus.clone(), members: Box::new(|| 2) };
    Throttle::shared(ThrottleOptions::DATAVERSE, Arc::new(SystemClock), common)
}

#[test]
fn a_pause_that_another_node_was_asked_for_holds_what_this_one_has_drawn() {
    // It would send for a second more: it stops with the word, for the whole pause. A pause of another
    // tenant, and of Dataverse for Exchange, is none.
    on_paused(async {
        let bus = Arc::new(LocalBus::new());
        let store = || Arc::new(Generous(Mutex::default()));
        let (shared, of_another) = (store(), store());
        let key = BudgetKey::new("application user");
        let own = Arc::new(at_a_node(&bus, &shared, "contoso"));
        let exchange = Arc::new(Throttle::new(ThrottleOptions::GRAPH, Arc::new(SystemClock)));
        let runtime = Tenant::new().await.runtime();
        runtime.set_budgets(PerSide { dynamics: own.clone(), exchange: exchange.clone() });
        let node = NodeActor::new(Arc::new(RwLock::new(Vec::new()))).start();
        let entry = TenantEntry {
            tenant: TenantId::new("contoso"),
            digest: 1,
            build: Arc::new(move || runtime.clone()),
        };
        node.send(TenantsRead { tenants: vec![entry], broken: Vec::new() }).await.unwrap();
        actix_rt::spawn(hear(bus.listen(), node, Relay::new(bus.clone())));
        drop(own.enter(&key, 1).await.unwrap());
        drop(exchange.enter(&key, 1).await.unwrap());

        let mut listener = bus.listen();
        let mut told = async |tenant: &str, store: &Arc<Generous>, pause: Duration| {
            at_a_node(&bus, store, tenant).close(&key, pause);
            loop {
                if let Hint::Pause(..) = listener.hint().await {
                    break;
                }
            }
            sleep(Duration::from_millis(1)).await;
            let asked = Instant::now();
            drop(own.enter(&key, 1).await.unwrap());
            asked.elapsed()
        };
        assert!(told("fabrikam", &of_another, secs(20)).await < secs(1));
        let waited = told("contoso", &shared, secs(30)).await;
        // A quarter of a second more is told, for refusals that come together.
        assert!((30_000..30_400).contains(&waited.as_millis()), "{waited:?}");
        assert_eq!(exchange.closed_for(&key), None);
        // A word that comes when the pause is over costs a question and no time.
        own.heard();
        let asked = Instant::now();
        drop(own.enter(&key, 1).await.unwrap());
        assert!(asked.elapsed() < secs(1));
    });
}

/// A node of a tenant with two mailboxes: what it knows of Exchange's pauses, and where its hints come in.
async fn node_on(bus: &Arc<LocalBus>, tenant: &Tenant) -> (Arc<TenantRuntime>, Addr<NodeActor>) {
    let runtime = tenant.runtime();
    let throttle = |options| Arc::new(Throttle::new(options, Arc::new(SystemClock)));
    let dynamics = throttle(ThrottleOptions::DATAVERSE);
    runtime.set_budgets(PerSide { dynamics, exchange: throttle(ThrottleOptions::GRAPH) });
    let name = TenantId::new("contoso");
    runtime.set_freshness(Freshness::new(name.clone(), bus.clone(), None, None, secs(1)));
    runtime.tell_pauses();
    let node = NodeActor::new(Arc::new(RwLock::new(Vec::new()))).start();
    let built = runtime.clone();
    let entry = TenantEntry { tenant: name, digest: 1, build: Arc::new(move || built.clone()) };
    node.send(TenantsRead { tenants: vec![entry], broken: Vec::new() }).await.unwrap();
    // The profile names the mailboxes.
    sleep(secs(1)).await;
    (runtime, node)
}

/// For how long a node leaves Exchange alone: for both mailboxes, and for itself.
fn closed(runtime: &TenantRuntime) -> [Option<u64>; 3] {
    let of = |number| BudgetKey::new(mailbox(number).address.as_str());
    let exchange = &runtime.budgets().unwrap().exchange;
    [of(1), of(2), BudgetKey::application()].map(|key| Some(exchange.closed_for(&key)?.as_secs()))
}

#[test]
fn a_pause_of_exchange_binds_the_node_that_works_on_the_mailbox_next() {
    // Each node hears of it at once, of refusals that come together once; of what the application asks for by
    // itself as well. The other mailbox goes on, and what another tenant hears is not this one's matter.
    on_paused(async {
        let (bus, first, second) =
            (Arc::new(LocalBus::new()), Tenant::new().await, Tenant::new().await);
        for tenant in [&first, &second] {
            tenant.org.mailboxes.lock().unwrap().push(record(2));
        }
        let (refused, _) = node_on(&bus, &first).await;
        let (next, node) = node_on(&bus, &second).await;
        actix_rt::spawn(hear(bus.listen(), node, Relay::new(bus.clone())));
        let mut listener = bus.listen();
        let exchange = refused.budgets().unwrap().exchange.clone();
        for _ in 0..48 {
            sleep(Duration::from_millis(5)).await;
            exchange.close(&BudgetKey::new(mailbox(1).address.as_str()), secs(30));
        }
        sleep(Duration::from_millis(1)).await;
        assert_eq!(closed(&next), [Some(30), None, None]);
        exchange.close(&BudgetKey::application(), secs(90));
        sleep(Duration::from_millis(1)).await;
        assert_eq!(closed(&next), [Some(30), None, Some(90)]);
        let of_another = Held { mailbox: Some(id(2)), ms: 50_000 };
        bus.publish(&[(Channel::Everybody, Hint::Held(TenantId::new("fabrikam"), of_another))])
            .await
            .unwrap();
        sleep(secs(29)).await;
        assert_eq!(closed(&next), [Some(1), None, Some(61)]);
        let mut told = Vec::new();
        while let Ok(hint) = tokio::time::timeout(secs(1), listener.hint()).await {
            told.push(hint);
        }
        let held = |mailbox, ms| Hint::Held(TenantId::new("contoso"), Held { mailbox, ms });
        let expected = [held(Some(id(1)), 30_250), held(None, 90_250)];
        assert!(told.len() == 3 && told[..2] == expected, "{told:?}");
    });
}

#[test]
fn a_pause_of_exchange_goes_along_with_a_mailbox_that_leaves() {
    // Who came after it was told hears of it when the mailbox comes to him, by a move or because its node
    // ends, and waits for its end. What is over in a moment is told nobody.
    on_paused(async {
        let (bus, tenant) = (Arc::new(LocalBus::new()), Tenant::new().await);
        let (runtime, ending) = node_on(&bus, &tenant).await;
        let key = BudgetKey::new(mailbox(1).address.as_str());
        runtime.budgets().unwrap().exchange.close(&key, secs(100));
        sleep(secs(9)).await;
        let later = Tenant::new().await;
        let (next, node) = node_on(&bus, &later).await;
        actix_rt::spawn(hear(bus.listen(), node, Relay::new(bus.clone())));
        assert_eq!(closed(&next)[0], None);
        ending.send(StopNode).await.unwrap();
        sleep(Duration::from_millis(1)).await;
        assert!(
            closed(&next)[0].is_some_and(|left| (80..=90).contains(&left)),
            "{:?}",
            closed(&next)
        );
        let (last, moving) = (Tenant::new().await, Tenant::new().await);
        let (runtime, _node) = node_on(&bus, &moving).await;
        runtime.budgets().unwrap().exchange.close(&BudgetKey::application(), secs(1));
        runtime.budgets().unwrap().exchange.close(&key, secs(90));
        let (next, node) = node_on(&bus, &last).await;
        actix_rt::spawn(hear(bus.listen(), node, Relay::new(bus.clone())));
        assert_eq!(closed(&next), [None, None, None]);
        moving.ownership.drain().await;
        sleep(Duration::from_millis(1)).await;
        assert!(
            closed(&next)[0].is_some_and(|left| (80..=90).contains(&left)),
            "{:?}",
            closed(&next)
        );
    });
}
