//! The composition root: from configuration to running parts. The only room that knows them all.

pub mod clock;
pub mod explain;
mod files;
mod freshness;
pub mod once;
pub mod operate;
pub mod serve;

use std::hash::Hasher as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use secrecy::SecretSlice;
use siphasher::sip128::{Hasher128, SipHasher24};
use tokio::sync::broadcast;

use crate::actors::fair::Fair;
use crate::actors::phase::Pace;
use crate::actors::runtime::{RuntimeParts, TenantRuntime};
use crate::cluster::ownership::Ownership;
use crate::config::{FarSide, Mailboxes, NodeConfig, Secret, StateUrl, TenantConfig};
use crate::cycle::{Chronicle, CycleDeps, CycleReport, Recent, TenantOptions};
use crate::dataverse::{DataverseOptions, DataverseOrganization, DataverseSide};
use crate::domain::fingerprint::PrintKey;
use crate::domain::ids::TenantId;
use crate::domain::journal::Retention;
use crate::domain::mailbox::MailboxSource;
use crate::domain::side::{PerSide, Side};
use crate::embedded::EmbeddedStore;
use crate::graph::{GraphOptions, GraphSide};
use crate::http::{HttpClient, HttpOptions, Session, TokenOptions, TokenSource};
use crate::memory::{LocalBus, MemoryStore};
use crate::ports::budget::BudgetStore;
use crate::ports::clock::Clock;
use crate::ports::journal::{Journal, Vault};
use crate::ports::lease::LeaseStore;
use crate::ports::links::LinkStore;
use crate::ports::notes::{LinkIndex, NoteStore};
use crate::ports::sightings::SightingStore;
use crate::ports::wake::WakeBus;
use crate::redis::{RedisBus, RedisOptions, RedisStore};
use crate::telemetry::Metrics;
use crate::throttle::{Common, Throttle, ThrottleOptions};
use crate::vault::{self, TenantVault};

/// Reports kept for a listener that is slow; a slower one misses some and is told so.
const REPORTS_KEPT: usize = 4_096;
/// A far side that takes longer than this to answer counts as unreachable. Dataverse ends a
/// request by itself after two minutes.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(125);
/// Connecting takes less than a second or fails.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The scope of Graph's tokens when the service is a stand-in on this machine.
const GRAPH_SCOPE: &str = "https://graph.microsoft.com/.default";
/// The command of a node that stays.
pub const SERVE: &str = "serve";

/// The parts of a node that all tenants share.
pub struct App {
    /// The node's configuration.
    pub node: NodeConfig,
    /// The I/O runtime.
    pub io: tokio::runtime::Handle,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The metrics.
    pub metrics: Metrics,
    /// Links and cursors.
    pub links: Arc<dyn LinkStore>,
    /// Decisions and kept versions.
    pub journal: Arc<dyn Journal>,
    /// The states of mailboxes that changed lately.
    recent: Arc<Recent>,
    sightings: Arc<dyn SightingStore>,
    notes: Arc<dyn NoteStore>,
    index: Arc<dyn LinkIndex>,
    /// Hints to and from all nodes.
    pub bus: Arc<dyn WakeBus>,
    /// Budgets that all nodes share; `None`: this one is alone.
    budgets: Option<Arc<dyn BudgetStore>>,
    /// What this node owns.
    pub ownership: Arc<Ownership>,
    /// The live feed.
    pub reports: broadcast::Sender<Arc<CycleReport>>,
    /// Cycles that may run at once.
    pub fair: Arc<Fair>,
    /// How mailboxes wait.
    pub pace: Pace,
    http: HttpClient,
    /// Seals kept versions of tenants that name no secret of their own.
    keep_key: Option<SecretSlice<u8>>,
}

impl App {
    /// Opens the state store and builds what all tenants share. Runs on the I/O runtime.
    ///
    /// # Errors
    /// Fails with a sentence and a remedy when the store cannot be opened.
    ///
    /// `command` is part of the owner's name: `sync` beside a running `serve` must not pass for it.
    pub async fn open(
        node: NodeConfig,
        clock: Arc<dyn Clock>,
        command: &str,
    ) -> anyhow::Result<Self> {
        let store = open_store(&node.state.url, clock.clone()).await?;
        let Store { links, leases, journal, sightings, notes, index, bus, budgets } = store;
        let keep_key = keep_key(&node.state.url)?;
        let http = HttpClient::new(HttpOptions {
            connect_timeout: CONNECT_TIMEOUT,
            total_timeout: TOTAL_TIMEOUT,
            user_agent: concat!("lockstep/", env!("CARGO_PKG_VERSION")).to_owned(),
        })?;
        let ownership = Arc::new(Ownership::new(leases, &holder(&node, command)));
        let started = u64::try_from(clock.now().timestamp_millis()).unwrap_or(0);
        ownership.introduce(String::new(), started);
        let pace = Pace {
            sweep: node.sync.sweep_interval,
            settle: Duration::from_secs(5).min(node.sync.sweep_interval),
            backoff: Duration::from_secs(5),
            backoff_max: Duration::from_secs(15 * 60),
            park_after: 10,
        };
        Ok(Self {
            io: tokio::runtime::Handle::current(),
            clock,
            metrics: Metrics::new(),
            links,
            journal,
            recent: Arc::default(),
            sightings,
            notes,
            index,
            bus,
            budgets,
            ownership,
            reports: broadcast::channel(REPORTS_KEPT).0,
            fair: Fair::new(node.sync.cycles_at_once as usize),
            pace,
            http,
            keep_key,
            node,
        })
    }

    /// Builds the runtime of a tenant. Nothing is asked of the far sides yet.
    #[must_use]
    pub fn tenant(&self, config: &TenantConfig) -> Arc<TenantRuntime> {
        let dataverse_root = format!("{}/api/data/v9.2", config.dataverse.url);
        let dataverse_scope = format!("{}/.default", config.dataverse.url);
        let budget =
            ThrottleOptions { requests: config.dataverse_requests, ..ThrottleOptions::DATAVERSE };
        // The sweep and the profile spend one budget: both call as the application user.
        let throttle = Arc::new(self.dataverse_throttle(&config.tenant, budget));
        let far = &config.dataverse;
        let dataverse =
            || self.session(config, Side::Dynamics, far, &dataverse_scope, throttle.clone());
        let scope = graph_scope(&config.exchange.side.url);
        let throttle_graph = Arc::new(Throttle::new(ThrottleOptions::GRAPH, self.clock.clone()));
        let far = &config.exchange.side;
        let graph = || self.session(config, Side::Exchange, far, &scope, throttle_graph.clone());
        let options = DataverseOptions { api_root: dataverse_root };
        let deps = CycleDeps {
            dynamics: Arc::new(DataverseSide::new(dataverse(), &options)),
            exchange: Arc::new(GraphSide::new(
                graph(),
                self.clock.clone(),
                GraphOptions { root: config.exchange.side.url.clone() },
            )),
            links: self.links.clone(),
            recent: self.recent.clone(),
            chronicle: self.chronicle(config),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
        };
        let freshness = self.freshness(config, graph(), dataverse());
        let runtime = TenantRuntime::new(RuntimeParts {
            options: self.options(config),
            deps,
            organization: Arc::new(DataverseOrganization::new(dataverse(), &options.api_root)),
            sightings: self.sightings.clone(),
            io: self.io.clone(),
            share: self.fair.share(config.weight),
            reports: self.reports.clone(),
            ownership: self.ownership.clone(),
            pace: self.pace,
            key: self.node.state.key.as_ref().map(|key| derive(key, &config.tenant)),
        });
        runtime.set_freshness(freshness);
        runtime.set_budgets(PerSide { dynamics: throttle, exchange: throttle_graph });
        let runtime = Arc::new(runtime);
        runtime.tell_pauses();
        runtime
    }

    /// All nodes call Dataverse as one user, and so spend one budget.
    fn dataverse_throttle(&self, tenant: &TenantId, options: ThrottleOptions) -> Throttle {
        let clock = self.clock.clone();
        let Some(store) = self.budgets.clone() else { return Throttle::new(options, clock) };
        let ownership = self.ownership.clone();
        let members = Box::new(move || ownership.crowd());
        let (tenant, bus) = (tenant.clone(), self.bus.clone());
        Throttle::shared(options, clock, Common { store, tenant, bus, members })
    }

    fn chronicle(&self, config: &TenantConfig) -> Chronicle {
        let own = config.keep.key.as_ref();
        let own = own.map(|key| SecretSlice::from(key.expose().as_bytes().to_vec()));
        let vault = own.or_else(|| self.keep_key.clone()).map(|secret| -> Arc<dyn Vault> {
            Arc::new(TenantVault::new(secret, config.tenant.clone()))
        });
        let retention = Retention {
            decisions: days(config.keep.decisions),
            versions: days(config.keep.versions),
        };
        if vault.is_none() && !retention.versions.is_zero() {
            tracing::warn!(
                lockstep.tenant = config.tenant.as_str(),
                "no version is kept for `undo`: name a secret as `keep.key`, \
                 or write `keep.versions = \"0s\"`"
            );
        }
        Chronicle { journal: self.journal.clone(), vault, retention }
    }

    fn session(
        &self,
        config: &TenantConfig,
        side: Side,
        far: &FarSide,
        scope: &str,
        throttle: Arc<Throttle>,
    ) -> Session {
        let http = self.http.with_metrics(self.metrics.clone(), config.tenant.as_str(), side);
        let tokens = TokenSource::new(
            http.clone(),
            TokenOptions {
                token_url: far.token_url.clone(),
                client_id: far.client_id.clone(),
                client_secret: far.client_secret.to_secret_string(),
                scope: scope.to_owned(),
            },
            self.clock.clone(),
        );
        Session::new(http, tokens, throttle, self.clock.clone())
    }

    fn options(&self, config: &TenantConfig) -> TenantOptions {
        let source = match &config.mailboxes {
            Mailboxes::Dataverse => MailboxSource::Dataverse,
            Mailboxes::Config(addresses) => {
                MailboxSource::Listed(addresses.iter().cloned().collect())
            }
        };
        let chosen = config.clone();
        TenantOptions {
            tenant: config.tenant.clone(),
            source,
            takeover: config.takeover,
            policy: Arc::new(move |settings| chosen.choices(settings)),
            directions: config.directions.clone(),
            limits: config.limits,
            window_back: days(self.node.sync.window_back),
            window_ahead: days(self.node.sync.window_ahead),
        }
    }
}

/// One state store behind each of its ports.
struct Store {
    links: Arc<dyn LinkStore>,
    leases: Arc<dyn LeaseStore>,
    journal: Arc<dyn Journal>,
    sightings: Arc<dyn SightingStore>,
    notes: Arc<dyn NoteStore>,
    index: Arc<dyn LinkIndex>,
    bus: Arc<dyn WakeBus>,
    budgets: Option<Arc<dyn BudgetStore>>,
}

impl Store {
    fn of<S>(store: S, bus: Arc<dyn WakeBus>) -> Self
    where
        S: LinkStore + LeaseStore + Journal + SightingStore + NoteStore + LinkIndex + 'static,
    {
        let store = Arc::new(store);
        Self {
            links: store.clone(),
            leases: store.clone(),
            journal: store.clone(),
            sightings: store.clone(),
            notes: store.clone(),
            index: store,
            bus,
            budgets: None,
        }
    }
}

/// Returns the node's own key for kept versions. A store in Redis gets none: it would lie beside
/// what it seals, in the hands of whoever runs the server.
fn keep_key(url: &StateUrl) -> anyhow::Result<Option<SecretSlice<u8>>> {
    Ok(match url {
        StateUrl::Memory => Some(vault::fresh_secret()?),
        StateUrl::Embedded(path) => Some(vault::load_or_make(path)?),
        StateUrl::Redis(_) => None,
    })
}

async fn open_store(url: &StateUrl, clock: Arc<dyn Clock>) -> anyhow::Result<Store> {
    Ok(match url {
        StateUrl::Memory => Store::of(MemoryStore::new(clock), Arc::new(LocalBus::new())),
        StateUrl::Embedded(path) => {
            let path: &Path = path;
            Store::of(EmbeddedStore::open(path, clock).await?, Arc::new(LocalBus::new()))
        }
        StateUrl::Redis(address) => {
            let store = RedisStore::connect(address, RedisOptions::default()).await;
            let store = store.with_context(|| {
                let at = address.places();
                format!(
                    "the state store at {at} cannot be reached; start Redis or mend `state.url`"
                )
            })?;
            let bus = RedisBus::new(store.clone(), address)?;
            let budgets: Arc<dyn BudgetStore> = Arc::new(store.clone());
            Store { budgets: Some(budgets), ..Store::of(store, Arc::new(bus)) }
        }
    })
}

/// The same node has the same name after a restart; the port keeps two of them apart. Of a command
/// several processes may run at once, and so may nodes that leave the choice of their port to the system.
fn holder(node: &NodeConfig, command: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name_of(host.trim(), node.listen.port(), command, std::process::id())
}

fn name_of(host: &str, port: u16, command: &str, process: u32) -> String {
    if command == SERVE && port != 0 {
        format!("{host}:{port}")
    } else {
        format!("{host}:{port}:{command}:{process}")
    }
}

/// Derives a tenant's fingerprint key from the configured one, so that tenants never share a key.
fn derive(secret: &Secret, tenant: &TenantId) -> PrintKey {
    let bytes = secret.expose().as_bytes();
    let mut first = [0_u8; 16];
    for (to, from) in first.iter_mut().zip(bytes) {
        *to = *from;
    }
    let mut hasher = SipHasher24::new_with_key(&first);
    hasher.write(bytes);
    hasher.write(tenant.as_str().as_bytes());
    PrintKey(hasher.finish128().as_bytes())
}

/// National clouds have hosts of their own; a stand-in on this machine plays the public cloud.
fn graph_scope(url: &str) -> String {
    let origin = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    if origin.starts_with("https://") { format!("{origin}/.default") } else { GRAPH_SCOPE.into() }
}

fn days(duration: Duration) -> chrono::Duration {
    chrono::Duration::from_std(duration).unwrap_or(chrono::Duration::days(365))
}

#[cfg(test)]
mod tests;
