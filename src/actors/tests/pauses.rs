//! A pause that one node was asked for, on its way to another one.

use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use actix::Actor;
use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use super::fakes::{Tenant, on_paused, secs};
use crate::actors::hints::{Relay, hear};
use crate::actors::messages::TenantsRead;
use crate::actors::node::{NodeActor, TenantEntry};
use crate::app::clock::SystemClock;
use crate::domain::ids::TenantId;
use crate::domain::side::PerSide;
use crate::memory::LocalBus;
use crate::ports::budget::{Bucket, BudgetStore, Draw, Drawn};
use crate::ports::error::StoreError;
use crate::ports::wake::{Hint, WakeBus};
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
        assert!((29_900..30_100).contains(&waited.as_millis()), "{waited:?}");
        assert_eq!(exchange.closed_for(&key), None);
        // A word that comes when the pause is over costs a question and no time.
        own.heard();
        let asked = Instant::now();
        drop(own.enter(&key, 1).await.unwrap());
        assert!(asked.elapsed() < secs(1));
    });
}
