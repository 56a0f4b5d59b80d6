//! The node: one supervisor per tenant, kept equal to the tenant files.

use std::collections::HashMap;
use std::sync::Arc;

use actix::{Actor, ActorContext, Addr, Context, Handler, MessageResult};

use super::hints::{Describe, Relay};
use super::messages::{StopNode, StopTenant, TenantsRead, ToMailbox, ToTenant, WakeMailbox};
use super::runtime::TenantRuntime;
use super::tenant::TenantSupervisor;
use crate::domain::ids::TenantId;

/// One good tenant file: a digest that changes with it, and how to build its runtime.
#[derive(Clone)]
pub struct TenantEntry {
    /// The tenant.
    pub tenant: TenantId,
    /// Changes when the file or a secret it names changes.
    pub digest: u64,
    /// Builds the runtime. Called only for a new or changed file.
    pub build: Arc<dyn Fn() -> Arc<TenantRuntime> + Send + Sync>,
}

impl std::fmt::Debug for TenantEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TenantEntry").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// The tenants of a node as the surfaces see them.
pub type Tenants = Arc<std::sync::RwLock<Vec<Arc<TenantRuntime>>>>;

/// Runs the tenants of one node.
pub struct NodeActor {
    running: HashMap<TenantId, Running>,
    shown: Tenants,
    /// How this node talks to all nodes.
    relay: Option<(Relay, Describe)>,
}

struct Running {
    digest: u64,
    runtime: Arc<TenantRuntime>,
    address: Addr<TenantSupervisor>,
}

impl Running {
    /// Cycles that wait do not start any more; those that run end by themselves.
    fn end(&self) {
        self.runtime.close();
        let _ = self.address.try_send(StopTenant);
    }
}

impl NodeActor {
    /// Builds a node that runs nothing yet; `shown` is what the surfaces read.
    #[must_use]
    pub fn new(shown: Tenants) -> Self {
        Self { running: HashMap::new(), shown, relay: None }
    }

    /// Lets the node answer operators at other nodes.
    #[must_use]
    pub fn with_relay(mut self, relay: Relay, describe: Describe) -> Self {
        self.relay = Some((relay, describe));
        self
    }

    /// Returns the way to all nodes, and how a mailbox is described there.
    pub(super) fn relay(&self) -> Option<(Relay, Describe)> {
        self.relay.clone()
    }

    /// Returns a running tenant.
    pub(super) fn running(
        &self,
        tenant: &TenantId,
    ) -> Option<(Arc<TenantRuntime>, &Addr<TenantSupervisor>)> {
        self.running.get(tenant).map(|one| (one.runtime.clone(), &one.address))
    }

    fn start(&mut self, entry: TenantEntry) {
        let runtime = (entry.build)();
        let address = TenantSupervisor::new(runtime.clone()).start();
        self.running.insert(entry.tenant, Running { digest: entry.digest, runtime, address });
    }

    fn show(&self) {
        let mut list: Vec<_> = self.running.values().map(|one| one.runtime.clone()).collect();
        list.sort_by(|left, right| left.options.tenant.cmp(&right.options.tenant));
        *self.shown.write().unwrap_or_else(std::sync::PoisonError::into_inner) = list;
    }
}

impl Actor for NodeActor {
    type Context = Context<Self>;
}

impl Handler<TenantsRead> for NodeActor {
    type Result = ();

    fn handle(&mut self, message: TenantsRead, _: &mut Self::Context) {
        let TenantsRead { tenants, broken } = message;
        self.running.retain(|tenant, running| {
            let stays = tenants.iter().any(|entry| entry.tenant == *tenant)
                || broken.iter().any(|name| name == tenant.as_str());
            if !stays {
                tracing::info!(lockstep.tenant = tenant.as_str(), "the tenant was removed");
                running.end();
            }
            stays
        });
        for entry in tenants {
            match self.running.get(&entry.tenant) {
                Some(running) if running.digest == entry.digest && running.address.connected() => {}
                Some(running) => {
                    running.end();
                    self.start(entry);
                }
                None => self.start(entry),
            }
        }
        self.show();
    }
}

impl Handler<ToTenant<WakeMailbox>> for NodeActor {
    type Result = MessageResult<ToTenant<WakeMailbox>>;

    fn handle(&mut self, message: ToTenant<WakeMailbox>, _: &mut Self::Context) -> Self::Result {
        let running = self.running.get(&TenantId::new(&message.tenant));
        MessageResult(running.map(|one| one.address.try_send(message.command).is_ok()))
    }
}

impl Handler<ToTenant<ToMailbox>> for NodeActor {
    type Result = MessageResult<ToTenant<ToMailbox>>;

    fn handle(&mut self, message: ToTenant<ToMailbox>, _: &mut Self::Context) -> Self::Result {
        let running = self.running.get(&TenantId::new(&message.tenant));
        MessageResult(running.map(|one| one.address.try_send(message.command).is_ok()))
    }
}

impl Handler<StopNode> for NodeActor {
    type Result = ();

    fn handle(&mut self, _: StopNode, context: &mut Self::Context) {
        for (_, running) in self.running.drain() {
            running.end();
        }
        self.show();
        context.stop();
    }
}
