//! What a node hears while it is busy.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, RwLock, mpsc};

use actix::{Actor, Arbiter};
use uuid::Uuid;

use super::fakes::on_paused;
use crate::actors::hints::{Relay, hear};
use crate::actors::node::NodeActor;
use crate::cycle::tests::fakes::mailbox;
use crate::memory::LocalBus;
use crate::ports::wake::{Answered, Channel, Hint, Listener, WakeBus};

/// Waits for answers to so many roll calls, whatever else is heard.
async fn answers(listener: &mut Box<dyn Listener>, count: usize) -> HashSet<Uuid> {
    let mut answered = HashSet::new();
    while answered.len() < count {
        if let Hint::Present(roll, told) = listener.hint().await {
            assert!(told == "here" && answered.insert(roll), "{roll} {told}");
        }
    }
    answered
}

async fn publish(bus: &LocalBus, hint: Hint) {
    bus.publish(&[(Channel::Everybody, hint)]).await.unwrap();
}

#[test]
fn a_roll_call_is_answered_while_the_node_is_flooded() {
    // The node takes nothing for now, and more changes wait than it ever has room for.
    on_paused(async {
        let arbiter = Arbiter::new();
        let actor = NodeActor::start_in_arbiter(&arbiter.handle(), |_| {
            NodeActor::new(Arc::new(RwLock::new(Vec::new())))
        });
        let (go_on, blocked) = mpsc::channel::<()>();
        arbiter.spawn_fn(move || {
            let _ = blocked.recv();
        });
        let bus = Arc::new(LocalBus::new());
        let relay = Relay::new(bus.clone()).telling(Arc::new(|| "here".to_owned()));
        actix_rt::spawn(hear(bus.listen(), actor, relay));
        for number in 0..20_000 {
            publish(&bus, Hint::Changed(mailbox(number).key)).await;
            if number % 100 == 0 {
                tokio::task::yield_now().await;
            }
        }
        let mut listener = bus.listen();
        publish(&bus, Hint::Roll(Uuid::from_u128(1))).await;
        assert_eq!(answers(&mut listener, 1).await, [Uuid::from_u128(1)].into());
        go_on.send(()).unwrap();
        arbiter.stop();
        arbiter.join().unwrap();
    });
}

#[test]
fn roll_calls_that_come_at_once_share_an_answer() {
    // A node walks through its mailboxes for the first, and once more for all that came meanwhile.
    on_paused(async {
        let bus = Arc::new(LocalBus::new());
        let (go_on, blocked) = mpsc::channel::<()>();
        let (blocked, walks) = (Mutex::new(blocked), Arc::new(AtomicUsize::new(0)));
        let counted = walks.clone();
        let tell = move || {
            counted.fetch_add(1, SeqCst);
            let _ = blocked.lock().unwrap().recv();
            "here".to_owned()
        };
        let relay = Relay::new(bus.clone()).telling(Arc::new(tell));
        let node = NodeActor::new(Arc::new(RwLock::new(Vec::new()))).start();
        actix_rt::spawn(hear(bus.listen(), node, relay.clone()));
        let mut listener = bus.listen();
        for number in 0..50 {
            publish(&bus, Hint::Roll(Uuid::from_u128(number))).await;
            // Heard, and the first one answered, before the next one comes.
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        }
        // An answer that comes after them says that all were heard.
        let mut ticket = relay.sync(mailbox(1).key).await.unwrap();
        let sent = loop {
            if let Hint::Sync(_, sent) = listener.hint().await {
                break sent;
            }
        };
        publish(&bus, Hint::Synced(sent, Answered { ended: true, mailbox: String::new() })).await;
        assert!(ticket.answer().await.is_some());
        drop(go_on);
        assert_eq!(answers(&mut listener, 50).await.len(), 50);
        assert!(walks.load(SeqCst) <= 2, "{walks:?}");
    });
}
