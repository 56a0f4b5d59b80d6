//! A node that runs: actors, API and configuration watch on one actix system, cycles and I/O on a
//! runtime of their own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use actix::{Actor, Addr};
use anyhow::Context as _;

use super::App;
use crate::actors::messages::{StopNode, TenantsRead};
use crate::actors::node::{NodeActor, TenantEntry, Tenants};
use crate::actors::runtime::TenantRuntime;
use crate::api::{self, ApiState};
use crate::config::{self, Environment, Problem, Severity, TenantFile};

/// How often the tenant files are read again.
const RELOAD: Duration = Duration::from_secs(5);
/// How often a node asks for the lease that another one holds.
const LEASE_WAIT: Duration = Duration::from_secs(2);

/// A running node.
pub struct Node {
    /// Where the API listens.
    pub address: SocketAddr,
    /// The tenants as the surfaces see them.
    pub tenants: Tenants,
    /// The node actor, for commands.
    pub actor: Addr<NodeActor>,
    app: Arc<App>,
    server: actix_web::dev::ServerHandle,
    keeper: tokio::task::JoinHandle<()>,
}

/// Starts the API and an empty node. Must be called on an actix system; waits until this node owns
/// its mailboxes.
///
/// # Errors
/// Fails when the address cannot be bound or the store cannot be reached.
pub async fn start(app: Arc<App>) -> anyhow::Result<Node> {
    let tenants: Tenants = Arc::new(RwLock::new(Vec::new()));
    let actor = NodeActor::new(tenants.clone()).start();
    let state = ApiState {
        tenants: tenants.clone(),
        node: actor.clone(),
        metrics: app.metrics.clone(),
        ownership: app.ownership.clone(),
    };
    let listen = app.node.listen;
    let (server, address) = api::serve(state, listen, &app.node.host_names).with_context(|| {
        format!("cannot listen on {listen}: set another address as `node.listen`")
    })?;
    let handle = server.handle();
    actix_rt::spawn(server);
    own(&app).await?;
    let keeper = app.io.spawn(app.ownership.clone().keep());
    Ok(Node { address, tenants, actor, app, server: handle, keeper })
}

/// Waits for the lease.
async fn own(app: &Arc<App>) -> anyhow::Result<()> {
    let mut told = false;
    loop {
        let ownership = app.ownership.clone();
        if app.io.spawn(async move { ownership.hold().await }).await?? {
            return Ok(());
        }
        if !told {
            tracing::warn!("another node holds the lease; waiting until it ends");
            told = true;
        }
        tokio::time::sleep(LEASE_WAIT).await;
    }
}

impl Node {
    /// Runs the given tenants and no others.
    pub async fn set_tenants(&self, tenants: Vec<TenantEntry>, broken: Vec<String>) {
        let _ = self.actor.send(TenantsRead { tenants, broken }).await;
    }

    /// Reads the tenant files again and again; a broken file leaves its last good version active.
    pub async fn watch(&self, directory: PathBuf, environment: Environment) {
        let mut shown = String::new();
        let mut names: HashMap<PathBuf, String> = HashMap::new();
        loop {
            let (files, problems) = config::load_tenants(&directory, &environment);
            let text = config::render(&problems);
            if text != shown && !text.is_empty() {
                if problems.iter().any(|one| one.severity == Severity::Error) {
                    tracing::error!(problems = text, "tenant files have problems");
                } else {
                    tracing::warn!(problems = text, "tenant files have warnings");
                }
            }
            shown = text;
            let broken = broken(&files, &problems, &mut names);
            self.app.metrics.set_config_broken_files(broken.len() as u64);
            let entries = files.into_iter().map(|file| entry(&self.app, file)).collect();
            self.set_tenants(entries, broken).await;
            tokio::time::sleep(RELOAD).await;
        }
    }

    /// Stops: no new cycles, running ones get the grace period, the lease goes back.
    pub async fn stop(self) {
        let _ = self.actor.send(StopNode).await;
        let all = self.app.node.sync.cycles_at_once;
        let grace = self.app.node.sync.shutdown_grace;
        let drained = tokio::time::timeout(grace, self.app.permits.acquire_many(all)).await;
        if drained.is_err() {
            tracing::warn!("cycles were still running at the end of the grace period");
        }
        self.keeper.abort();
        let ownership = self.app.ownership.clone();
        let _ = self.app.io.spawn(async move { ownership.release().await }).await;
        self.server.stop(true).await;
    }
}

/// Returns the tenants whose file has errors now but was good before.
fn broken(
    files: &[TenantFile],
    problems: &[Problem],
    names: &mut HashMap<PathBuf, String>,
) -> Vec<String> {
    for file in files {
        names.insert(file.path.clone(), file.config.tenant.to_string());
    }
    let errors = problems.iter().filter(|one| one.severity == config::Severity::Error);
    let mut list: Vec<String> = errors
        .map(|one| {
            let unknown = || one.file.display().to_string();
            names.get(&one.file).cloned().unwrap_or_else(unknown)
        })
        .collect();
    list.sort();
    list.dedup();
    list
}

/// Returns what the node needs to run a tenant file.
#[must_use]
pub fn entry(app: &Arc<App>, file: TenantFile) -> TenantEntry {
    let app = app.clone();
    let tenant = file.config.tenant.clone();
    let digest = u64::from(file.digest);
    let build = move || -> Arc<TenantRuntime> { app.tenant(&file.config) };
    TenantEntry { tenant, digest, build: Arc::new(build) }
}
