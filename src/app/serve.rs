//! A node that runs: actors, API and configuration watch on one actix system, cycles and I/O on a
//! runtime of their own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use actix::{Actor, Addr};
use anyhow::Context as _;

use super::App;
use super::files::TenantFiles;
use crate::actors::hints::{self, Relay};
use crate::actors::messages::{StopNode, TenantsRead};
use crate::actors::node::{NodeActor, TenantEntry, Tenants};
use crate::actors::runtime::TenantRuntime;
use crate::api::{self, ApiState, FileProblems};
use crate::config::{Environment, StateUrl, TenantFile};
use crate::ingress::{self, Ingress};

/// How often the tenant files are read again.
const RELOAD: Duration = Duration::from_secs(5);

/// A running node.
pub struct Node {
    /// Where the API listens.
    pub address: SocketAddr,
    /// The tenants as the surfaces see them.
    pub tenants: Tenants,
    /// The node actor, for commands.
    pub actor: Addr<NodeActor>,
    problems: FileProblems,
    app: Arc<App>,
    server: actix_web::dev::ServerHandle,
    /// Where change notifications are taken.
    ingress: Option<(SocketAddr, actix_web::dev::ServerHandle)>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// Starts the API and an empty node. Must be called on an actix system; this node is a member of the
/// cluster then.
///
/// # Errors
/// Fails when the address cannot be bound or the store cannot be reached.
pub async fn start(app: Arc<App>) -> anyhow::Result<Node> {
    let tenants: Tenants = Arc::new(RwLock::new(Vec::new()));
    let teller = api::Teller::new(tenants.clone(), app.ownership.clone());
    let relay = Relay::new(app.bus.clone()).telling(teller.tell());
    let actor = NodeActor::new(tenants.clone());
    let actor = actor.with_relay(relay.clone(), Arc::new(api::describe)).start();
    let problems = FileProblems::default();
    let state = ApiState {
        tenants: tenants.clone(),
        node: actor.clone(),
        metrics: app.metrics.clone(),
        ownership: app.ownership.clone(),
        problems: problems.clone(),
        relay: Some(relay.clone()),
        teller,
        shared: matches!(app.node.state.url, StateUrl::Redis { .. }),
    };
    let listen = app.node.listen;
    let (server, address) = api::serve(state, listen, &app.node.host_names).with_context(|| {
        format!("cannot listen on {listen}: set another address as `node.listen`")
    })?;
    let handle = server.handle();
    actix_rt::spawn(server);
    let heard = app.io.spawn(hints::hear(app.bus.listen(), actor.clone(), relay));
    let mut tasks = vec![heard];
    let ingress = take_notices(&app, &tenants, &mut tasks)?;
    let started = u64::try_from(app.clock.now().timestamp_millis()).unwrap_or(0);
    app.ownership.introduce(address.to_string(), started);
    // The first step takes the place of a former process of this name, whatever became of it.
    let ownership = app.ownership.clone();
    app.io.spawn(async move { ownership.hold().await }).await??;
    tasks.push(app.io.spawn(app.ownership.clone().keep()));
    Ok(Node { address, tenants, actor, problems, app, server: handle, ingress, tasks })
}

/// Starts the public surface, where the node file has one.
fn take_notices(
    app: &Arc<App>,
    tenants: &Tenants,
    tasks: &mut Vec<tokio::task::JoinHandle<()>>,
) -> anyhow::Result<Option<(SocketAddr, actix_web::dev::ServerHandle)>> {
    let Some(config) = &app.node.ingress else { return Ok(None) };
    let shared = Ingress::new(tenants.clone(), app.bus.clone(), app.metrics.clone());
    let shared = Arc::new(shared);
    let (server, address) = ingress::serve(shared.clone(), config.listen).with_context(|| {
        format!("cannot listen on {}: set another address as `ingress.listen`", config.listen)
    })?;
    let handle = server.handle();
    actix_rt::spawn(server);
    tasks.push(app.io.spawn(shared.publish()));
    Ok(Some((address, handle)))
}

impl Node {
    /// Returns where change notifications are taken.
    #[must_use]
    pub fn ingress(&self) -> Option<SocketAddr> {
        self.ingress.as_ref().map(|(address, _)| *address)
    }

    /// Runs the given tenants and no others.
    pub async fn set_tenants(&self, tenants: Vec<TenantEntry>, broken: Vec<String>) {
        let _ = self.actor.send(TenantsRead { tenants, broken }).await;
    }

    /// Reads the tenant files again and again: tenants come, change and go with them. A broken file
    /// leaves its last good version active, and the other tenants alone.
    pub async fn watch(&self, directory: PathBuf, environment: Environment) {
        let shown = directory.display().to_string();
        let mut files = TenantFiles::new(directory, environment);
        let mut some = true;
        loop {
            let reading = files.read();
            let none = reading.files.is_empty() && reading.broken_files == 0;
            if none && std::mem::replace(&mut some, false) {
                tracing::warn!(
                    directory = shown,
                    "no tenant runs here: a tenant begins when its file is dropped in tenants/"
                );
            }
            some |= !none;
            self.app.metrics.set_config_broken_files(reading.broken_files as u64);
            *self.problems.write().unwrap_or_else(PoisonError::into_inner) = reading.problems;
            let entries = reading.files.into_iter().map(|file| entry(&self.app, file)).collect();
            self.set_tenants(entries, reading.keep).await;
            tokio::time::sleep(RELOAD).await;
        }
    }

    /// Stops: no new cycles, the shards go back as the running ones end after their slice, which they
    /// get the grace period for.
    pub async fn stop(self) {
        if let Some((_, ingress)) = &self.ingress {
            // Cut off: what is not answered Graph sends again, to another node.
            ingress.stop(false).await;
        }
        let _ = self.actor.send(StopNode).await;
        let grace = self.app.node.sync.shutdown_grace;
        let ownership = self.app.ownership.clone();
        let drain = self.app.io.spawn(async move { ownership.drain().await });
        if tokio::time::timeout(grace, drain).await.is_err() {
            tracing::warn!("cycles were still running at the end of the grace period");
        }
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
        let ownership = self.app.ownership.clone();
        let _ = self.app.io.spawn(async move { ownership.release().await }).await;
        self.server.stop(true).await;
    }
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
