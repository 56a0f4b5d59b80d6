//! Anything may have changed in any mailbox: all look, one by one, each once.

use std::collections::VecDeque;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use actix::{Actor, Addr, Handler, Message};
use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::fakes::{Tenant, id, on_paused, record, secs};
use crate::actors::hints::{Relay, hear};
use crate::actors::messages::{HintCame, LookAll, TenantsRead, ToTenant, WakeMailbox};
use crate::actors::node::{NodeActor, TenantEntry};
use crate::actors::runtime::TenantRuntime;
use crate::app::clock::SystemClock;
use crate::cycle::tests::fakes::mailbox;
use crate::domain::ids::TenantId;
use crate::domain::side::PerSide;
use crate::memory::LocalBus;
use crate::ports::wake::{Heard, Hint, Listener};
use crate::throttle::{Throttle, ThrottleOptions};

/// Enough that they look within three seconds.
const MANY: u128 = 1_500;

async fn with_many() -> Tenant {
    let tenant = Tenant::new().await;
    tenant.org.mailboxes.lock().unwrap().extend((2..=MANY).map(record));
    tenant
}

/// A node that runs the tenant; all its mailboxes had their first cycle.
async fn node(tenant: &Tenant) -> (Addr<NodeActor>, Arc<TenantRuntime>) {
    let node = NodeActor::new(Arc::new(RwLock::new(Vec::new()))).start();
    let (runtime, name) = (tenant.runtime(), TenantId::new("contoso"));
    let built = runtime.clone();
    let entry = TenantEntry { tenant: name, digest: 1, build: Arc::new(move || built.clone()) };
    node.send(TenantsRead { tenants: vec![entry], broken: Vec::new() }).await.unwrap();
    sleep(secs(100)).await;
    assert_eq!(tenant.cycles(), MANY as usize);
    (node, runtime)
}

/// Sees each of many mailboxes have one cycle, and not all at once.
async fn assert_spread(tenant: &Tenant) {
    sleep(secs(1)).await;
    let first = tenant.cycles();
    assert!((300..800).contains(&first), "{first} within the first of three seconds");
    sleep(secs(3)).await;
    assert_eq!(first + tenant.cycles(), MANY as usize);
}

/// Hears what is there at once, then what is sent.
struct Script(VecDeque<Heard>, mpsc::UnboundedReceiver<Heard>);

#[async_trait]
impl Listener for Script {
    async fn next(&mut self) -> Heard {
        if let Some(heard) = self.0.pop_front() {
            return heard;
        }
        match self.1.recv().await {
            Some(heard) => heard,
            None => std::future::pending().await,
        }
    }
}

#[test]
fn all_mailboxes_of_a_tenant_look_one_by_one() {
    // A table that was read anew wakes everybody, within three seconds for fifteen hundred; what an
    // operator wants does not wait for it.
    on_paused(async {
        let tenant = with_many().await;
        let (node, runtime) = node(&tenant).await;
        let all = Hint::AllChanged(TenantId::new("contoso"));
        node.send(HintCame(Heard::Hint(all))).await.unwrap();
        assert_spread(&tenant).await;
        node.send(HintCame(Heard::Lost)).await.unwrap();
        let (last, command) = (id(MANY), WakeMailbox(Some(id(MANY))));
        let cycles = runtime.board.mailbox(last).unwrap().cycles;
        node.send(ToTenant { tenant: "contoso".to_owned(), command }).await.unwrap();
        sleep(Duration::from_millis(1)).await;
        assert_eq!(runtime.board.mailbox(last).unwrap().cycles, cycles + 1);
        assert!(tenant.cycles() < 20);
    });
}

#[test]
fn a_mailbox_that_is_to_look_does_so_once() {
    // Told twice it looks once; a cycle that begins before its turn is its look. A cycle that runs may
    // have read before: another one follows it.
    on_paused(async {
        let tenant = Tenant::new().await;
        let (_runtime, supervisor) = tenant.start();
        let look = || supervisor.send(LookAll(usize::MAX));
        sleep(secs(100)).await;
        tenant.cycles();
        look().await.unwrap();
        look().await.unwrap();
        sleep(secs(61)).await;
        assert_eq!(tenant.cycles(), 1);
        look().await.unwrap();
        supervisor.send(WakeMailbox(None)).await.unwrap();
        sleep(secs(61)).await;
        assert_eq!(tenant.cycles(), 1);
        tenant.world.dynamics.slow(secs(120));
        supervisor.send(WakeMailbox(None)).await.unwrap();
        sleep(secs(1)).await;
        assert_eq!(tenant.cycles(), 1);
        look().await.unwrap();
        sleep(secs(120)).await;
        assert_eq!(tenant.cycles(), 1);
        sleep(secs(300)).await;
        assert_eq!(tenant.cycles(), 0);
    });
}

#[test]
fn a_node_that_lost_hints_lets_all_its_mailboxes_look() {
    // Once when it hears of it, and once more after a minute when more were lost meanwhile.
    on_paused(async {
        let tenant = with_many().await;
        let (node, _) = node(&tenant).await;
        let (loses, script) = mpsc::unbounded_channel();
        let relay = Relay::new(Arc::new(LocalBus::new()));
        actix_rt::spawn(hear(Box::new(Script(VecDeque::new(), script)), node, relay));
        sleep(secs(10)).await;
        assert_eq!(tenant.cycles(), 0);
        loses.send(Heard::Lost).unwrap();
        assert_spread(&tenant).await;
        for _ in 0..10 {
            loses.send(Heard::Lost).unwrap();
            sleep(secs(5)).await;
        }
        assert_eq!(tenant.cycles(), 0);
        sleep(secs(6)).await;
        assert_spread(&tenant).await;
        sleep(secs(120)).await;
        assert_eq!(tenant.cycles(), 0);
    });
}

#[test]
fn hints_that_a_busy_node_has_no_room_for_are_made_up_for() {
    // More come at once than may wait: all mailboxes look when the rest was taken in.
    on_paused(async {
        let tenant = with_many().await;
        let (node, _) = node(&tenant).await;
        let flood = (0..20_000).map(|_| Heard::Hint(Hint::Changed(mailbox(MANY + 1).key)));
        let (_open, script) = mpsc::unbounded_channel();
        let relay = Relay::new(Arc::new(LocalBus::new()));
        actix_rt::spawn(hear(Box::new(Script(flood.collect(), script)), node, relay));
        assert_spread(&tenant).await;
    });
}

/// So many changes of a mailbox that is not there, and the supervisor takes none of them in meanwhile.
struct Flood(usize);

impl Message for Flood {
    type Result = ();
}

impl Handler<Flood> for NodeActor {
    type Result = ();

    fn handle(&mut self, Flood(count): Flood, context: &mut Self::Context) {
        for _ in 0..count {
            let hint = Hint::Changed(mailbox(MANY + 1).key);
            Handler::<HintCame>::handle(self, HintCame(Heard::Hint(hint)), context);
        }
    }
}

#[test]
fn changes_that_a_busy_tenant_has_no_room_for_are_made_up_for() {
    // Its supervisor is full: all its mailboxes look, once. As many as it has room for need no look.
    on_paused(async {
        let tenant = with_many().await;
        let (node, _) = node(&tenant).await;
        node.send(Flood(4_096)).await.unwrap();
        sleep(secs(10)).await;
        assert_eq!(tenant.cycles(), 0);
        node.send(Flood(5_000)).await.unwrap();
        assert_spread(&tenant).await;
    });
}

#[test]
fn looks_of_all_nodes_together_spend_half_of_the_quota() {
    // Eleven requests each of 6,000 in five minutes; where another node looks as well, in twice the time.
    on_paused(async {
        let tenant = Tenant::new().await;
        let runtime = tenant.runtime();
        let throttle = |options| Arc::new(Throttle::new(options, Arc::new(SystemClock)));
        let dynamics = throttle(ThrottleOptions::DATAVERSE);
        runtime.set_budgets(PerSide { dynamics, exchange: throttle(ThrottleOptions::GRAPH) });
        assert_eq!(runtime.look_span(10, 10), secs(11));
        let other = tenant.other("other");
        assert!(other.hold().await.unwrap());
        actix_rt::spawn(other.clone().keep());
        sleep(secs(5)).await;
        assert_eq!(runtime.look_span(10, 10), secs(22));
    });
}
