//! The node: tenants come, change and go with their files.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, RwLock};

use actix::{Actor, Addr};
use tokio::time::sleep;

use super::fakes::{Tenant, id, on_paused, secs};
use crate::actors::messages::{StopNode, TenantsRead, ToTenant, WakeMailbox};
use crate::actors::node::{NodeActor, TenantEntry, Tenants};
use crate::actors::runtime::TenantRuntime;
use crate::domain::code::Code;
use crate::domain::ids::TenantId;

/// A node and how often its only tenant was built.
struct Node {
    actor: Addr<NodeActor>,
    shown: Tenants,
    tenant: Arc<Tenant>,
    built: Arc<AtomicUsize>,
}

impl Node {
    async fn new() -> Self {
        let shown: Tenants = Arc::new(RwLock::new(Vec::new()));
        Self {
            actor: NodeActor::new(shown.clone()).start(),
            shown,
            tenant: Arc::new(Tenant::new().await),
            built: Arc::default(),
        }
    }

    async fn read(&self, digest: Option<u64>, broken: &[&str]) {
        let (tenant, built) = (self.tenant.clone(), self.built.clone());
        let build = move || {
            built.fetch_add(1, SeqCst);
            tenant.runtime()
        };
        let build = Arc::new(build);
        let entry = |digest| TenantEntry { tenant: TenantId::new("contoso"), digest, build };
        let tenants = digest.map(entry).into_iter().collect();
        let broken = broken.iter().map(|name| (*name).to_owned()).collect();
        self.actor.send(TenantsRead { tenants, broken }).await.unwrap();
    }

    fn list(&self) -> Vec<Arc<TenantRuntime>> {
        self.shown.read().unwrap().clone()
    }
}

#[test]
fn a_changed_tenant_file_replaces_the_runtime() {
    // The same digest changes nothing; another one builds anew, and the old one ends.
    on_paused(async {
        let node = Node::new().await;
        node.read(Some(1), &[]).await;
        sleep(secs(20)).await;
        let first = node.list()[0].clone();
        node.read(Some(1), &[]).await;
        assert_eq!(node.built.load(SeqCst), 1);
        node.read(Some(2), &[]).await;
        sleep(secs(20)).await;
        let second = node.list()[0].clone();
        assert!(!Arc::ptr_eq(&first, &second));
        assert_eq!(node.built.load(SeqCst), 2);
        let cycles = first.board.mailbox(id(1)).unwrap().cycles;
        sleep(secs(3_600)).await;
        assert_eq!(first.board.mailbox(id(1)).unwrap().cycles, cycles);
        assert!(second.board.mailbox(id(1)).unwrap().cycles >= 4);
    });
}

#[test]
fn inv_1_the_old_and_the_new_runtime_never_work_at_once() {
    // The file changes while a cycle runs: the new runtime's first cycle waits for its end.
    on_paused(async {
        let node = Node::new().await;
        let world = &node.tenant.world;
        world.dynamics.slow(secs(60));
        world.exchange.add("Call Anna");
        node.read(Some(1), &[]).await;
        sleep(secs(10)).await;
        node.read(Some(2), &[]).await;
        sleep(secs(300)).await;
        let mut open = 0;
        for what in world.log() {
            open += i32::from(what == "pull dynamics") - i32::from(what == "pulled dynamics");
            assert!(open <= 1, "two cycles of one mailbox at once");
        }
        assert_eq!(world.dynamics.subjects(), ["Call Anna"]);
        assert!(node.list()[0].board.mailbox(id(1)).unwrap().cycles > 0);
    });
}

#[test]
fn a_broken_file_keeps_the_last_good_one() {
    // Broken: it works on. Gone: it ends. Stopped: the node ends.
    on_paused(async {
        let node = Node::new().await;
        node.read(Some(1), &[]).await;
        sleep(secs(20)).await;
        node.tenant.cycles();
        node.read(None, &["contoso"]).await;
        sleep(secs(1_000)).await;
        assert_eq!((node.list().len(), node.built.load(SeqCst)), (1, 1));
        assert_eq!(node.tenant.cycles(), 1);
        let wake = |tenant: &str| {
            let command = WakeMailbox(Some(id(1)));
            node.actor.send(ToTenant { tenant: tenant.to_owned(), command })
        };
        assert_eq!(wake("contoso").await.unwrap(), Some(true));
        assert_eq!(wake("fabrikam").await.unwrap(), None);
        sleep(secs(1)).await;
        assert_eq!(node.tenant.cycles(), 1);
        node.read(None, &[]).await;
        assert!(node.list().is_empty());
        sleep(secs(3_600)).await;
        assert_eq!(node.tenant.cycles(), 0);
        node.read(Some(3), &[]).await;
        sleep(secs(20)).await;
        assert_eq!(node.tenant.cycles(), 1);
        node.actor.send(StopNode).await.unwrap();
        sleep(secs(3_600)).await;
        assert_eq!(node.tenant.cycles(), 0);
        assert!(node.list().is_empty() && !node.actor.connected());
    });
}

#[test]
fn a_tenant_that_goes_on_dying_is_started_again_less_and_less_often() {
    // At the readings 1, 3, 6, 11, 20 and 37 of forty; meanwhile it says so. A changed file starts it at once.
    on_paused(async {
        let node = Node::new().await;
        node.read(Some(1), &[]).await;
        sleep(secs(20)).await;
        node.tenant.bomb.arm(0, i64::MAX);
        sleep(secs(300)).await;
        let mut started = Vec::new();
        for reading in 1..=40 {
            let before = node.built.load(SeqCst);
            node.read(Some(1), &[]).await;
            sleep(secs(5)).await;
            started.extend((node.built.load(SeqCst) > before).then_some(reading));
        }
        assert_eq!(started, [1, 3, 6, 11, 20, 37]);
        let trouble = node.list()[0].board.tenant_row().trouble;
        assert_eq!(trouble.map(|(code, _)| code), Some(Code::TenantPanicked));
        node.tenant.bomb.arm(i64::MAX, 0);
        node.read(Some(2), &[]).await;
        sleep(secs(20)).await;
        let board = &node.list()[0].board;
        assert!(board.tenant_row().trouble.is_none() && board.mailbox(id(1)).unwrap().cycles > 0);
        // What lived for ten minutes counts as sound.
        for _ in 0..120 {
            node.read(Some(2), &[]).await;
            sleep(secs(5)).await;
        }
        node.tenant.bomb.arm(0, 1);
        sleep(secs(300)).await;
        let before = node.built.load(SeqCst);
        node.read(Some(2), &[]).await;
        assert_eq!(node.built.load(SeqCst), before + 1);
    });
}

#[test]
fn a_tenant_that_died_is_started_again() {
    // The next reading of the files finds its supervisor gone and builds it anew.
    on_paused(async {
        let node = Node::new().await;
        node.read(Some(1), &[]).await;
        sleep(secs(20)).await;
        node.tenant.bomb.arm(0, 1);
        sleep(secs(300)).await;
        node.read(Some(1), &[]).await;
        sleep(secs(20)).await;
        assert_eq!(node.built.load(SeqCst), 2);
        assert!(node.list()[0].board.mailbox(id(1)).unwrap().cycles > 0);
    });
}
