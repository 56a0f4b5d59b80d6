//! The node: one supervisor per tenant, kept equal to the tenant files.

use std::collections::HashMap;
use std::sync::Arc;

use actix::{Actor, ActorContext, Addr, Context, Handler, MessageResult};

use super::hints::{Describe, Losses, Relay};
use super::messages::{StopNode, StopTenant, TenantsRead, ToMailbox, ToTenant, WakeMailbox};
use super::runtime::TenantRuntime;
use super::tenant::TenantSupervisor;
use crate::domain::code::Code;
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
    pub(super) losses: Losses,
}

struct Running {
    digest: u64,
    runtime: Arc<TenantRuntime>,
    address: Addr<TenantSupervisor>,
    restarts: Restarts,
}

/// Readings of the tenant files before a supervisor that keeps dying starts again: 5 minutes.
const WAIT_MAX: u32 = 60;
/// Readings after which a supervisor that lives is taken for sound.
const SOUND: u32 = 2 * WAIT_MAX;

/// How often the supervisor of a tenant died of late. It counts in readings of the tenant files, of which there
/// is one every 5 s.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Restarts {
    deaths: u32,
    waits: u32,
    lived: u32,
}

impl Restarts {
    /// Takes note that it lives.
    fn lives(&mut self) {
        self.lived += 1;
        if self.lived >= SOUND {
            *self = Self::default();
        }
    }

    /// Takes note that it is dead. Returns whether it starts again now: at once after the first death, then
    /// after twice as many readings each time.
    fn is_due(&mut self) -> bool {
        if self.waits > 0 {
            self.waits -= 1;
            return false;
        }
        self.deaths = self.deaths.saturating_add(1);
        self.waits = 1_u32.checked_shl(self.deaths - 1).unwrap_or(WAIT_MAX).min(WAIT_MAX);
        self.lived = 0;
        true
    }
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
        Self { running: HashMap::new(), shown, relay: None, losses: Losses::default() }
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

    /// Returns all running tenants.
    pub(super) fn all(
        &self,
    ) -> impl Iterator<Item = (&Arc<TenantRuntime>, &Addr<TenantSupervisor>)> {
        self.running.values().map(|one| (&one.runtime, &one.address))
    }

    fn start(&mut self, entry: TenantEntry, restarts: Restarts) {
        let runtime = (entry.build)();
        let address = TenantSupervisor::new(runtime.clone()).start();
        let running = Running { digest: entry.digest, runtime, address, restarts };
        self.running.insert(entry.tenant, running);
    }

    /// A defect has struck the supervisor: it starts again, the later the more often that was so.
    fn revive(&mut self, entry: TenantEntry) {
        let Some(running) = self.running.get_mut(&entry.tenant) else { return };
        let tenant = entry.tenant.as_str();
        if !running.restarts.is_due() {
            let reason = format!("its supervisor died {} times", running.restarts.deaths + 1);
            running.runtime.board.struck(Code::TenantPanicked, reason);
            return;
        }
        let (restarts, code) = (running.restarts, Code::TenantPanicked.as_str());
        tracing::error!(
            lockstep.tenant = tenant,
            lockstep.code = code,
            deaths = restarts.deaths,
            "the supervisor of the tenant died; it is started again"
        );
        running.end();
        self.start(entry, restarts);
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
            match self.running.get_mut(&entry.tenant) {
                Some(running) if running.digest != entry.digest => {
                    running.end();
                    self.start(entry, Restarts::default());
                }
                Some(running) if running.address.connected() => running.restarts.lives(),
                Some(_) => self.revive(entry),
                None => self.start(entry, Restarts::default()),
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
            running.runtime.tell_all_leaving();
            running.end();
        }
        self.show();
        context.stop();
    }
}
