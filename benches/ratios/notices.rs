//! Change notifications as Graph posts them: over connections that stay open, to the ingress of a node, which
//! tells the owner over Redis.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, RwLock};
use std::time::Duration;

use actix::{Actor as _, Addr};
use anyhow::{Context as _, ensure};
use lockstep::actors::freshness::Freshness;
use lockstep::actors::hints::{Relay, hear};
use lockstep::actors::messages::TenantsRead;
use lockstep::actors::node::{NodeActor, TenantEntry, Tenants};
use lockstep::actors::runtime::TenantRuntime;
use lockstep::app::App;
use lockstep::ingress::{Ingress, serve};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use uuid::Uuid;

use crate::latency::Way;

/// Connections of the poster.
const CONNECTIONS: usize = 16;
/// The longest head of an answer.
const HEAD_BYTES: usize = 4_096;

/// A node that takes notices, and their poster.
pub(crate) struct Notices {
    lines: Vec<UnboundedSender<Arc<str>>>,
    /// What is posted of each mailbox.
    bodies: OnceLock<HashMap<Uuid, Arc<str>>>,
    /// Notices that were not accepted.
    lost: Arc<AtomicU64>,
    _node: Addr<NodeActor>,
}

impl Notices {
    /// Starts a node with one tenant, its ingress, and the connections to it.
    pub(crate) async fn start(app: &App, runtime: &Arc<TenantRuntime>) -> anyhow::Result<Self> {
        let tenant = runtime.options.tenant.clone();
        let idle = Duration::from_secs(60);
        runtime.set_freshness(Freshness::new(tenant.clone(), app.bus.clone(), None, None, idle));
        let tenants: Tenants = Arc::new(RwLock::new(Vec::new()));
        let node = NodeActor::new(tenants.clone()).start();
        let built = runtime.clone();
        let entry = TenantEntry { tenant, digest: 1, build: Arc::new(move || built.clone()) };
        node.send(TenantsRead { tenants: vec![entry], broken: Vec::new() }).await?;
        let relay = Relay::new(app.bus.clone());
        app.io.spawn(hear(app.bus.listen(), node.clone(), relay));
        let ingress = Arc::new(Ingress::new(tenants, app.bus.clone(), app.metrics.clone()));
        app.io.spawn(ingress.clone().publish());
        let (server, address) = serve(ingress, SocketAddr::from(([127, 0, 0, 1], 0)))?;
        actix_rt::spawn(server);
        let lost = Arc::new(AtomicU64::new(0));
        let mut lines = Vec::new();
        for _ in 0..CONNECTIONS {
            let (send, receive) = unbounded_channel();
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            app.io.spawn(post(stream.into_std()?, receive, lost.clone()));
            lines.push(send);
        }
        Ok(Self { lines, bodies: OnceLock::new(), lost, _node: node })
    }

    /// Makes a notice for each mailbox, signed as its subscription is; the tenant's key must be known.
    pub(crate) fn sign(&self, runtime: &TenantRuntime) -> anyhow::Result<()> {
        let seal = runtime.freshness().and_then(Freshness::seal).context("no key yet")?;
        let tenant = runtime.options.tenant.as_str();
        let bodies = runtime.rows().into_iter().map(|row| {
            let body = json!({ "value": [{ "subscriptionId": Uuid::from_u128(1),
                "changeType": "updated", "clientState": seal.sign(row.mailbox) }] });
            let body = body.to_string();
            let request = format!(
                "POST /graph/{tenant} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
            (row.mailbox, Arc::from(request))
        });
        ensure!(self.bodies.set(bodies.collect()).is_ok(), "signed twice");
        Ok(())
    }
}

impl Way for Notices {
    fn tell(&self, mailbox: Uuid) -> anyhow::Result<()> {
        let lost = self.lost.load(Relaxed);
        ensure!(lost == 0, "{lost} notices were not accepted");
        let body = self.bodies.get().and_then(|bodies| bodies.get(&mailbox)).context("nobody's")?;
        let line = usize::try_from(mailbox.as_u128() >> 32)? % self.lines.len();
        self.lines[line].send(body.clone()).context("a connection has ended")
    }
}

/// Posts one notice after the other.
async fn post(
    stream: std::net::TcpStream,
    mut bodies: UnboundedReceiver<Arc<str>>,
    lost: Arc<AtomicU64>,
) {
    let Ok(mut stream) = TcpStream::from_std(stream) else {
        lost.fetch_add(1, Relaxed);
        return;
    };
    while let Some(body) = bodies.recv().await {
        if !matches!(posted(&mut stream, &body).await, Ok(true)) {
            lost.fetch_add(1, Relaxed);
            return;
        }
    }
}

/// Posts one notice and tells whether it was accepted.
async fn posted(stream: &mut TcpStream, body: &str) -> anyhow::Result<bool> {
    stream.write_all(body.as_bytes()).await?;
    let (mut head, mut filled) = ([0; HEAD_BYTES], 0);
    loop {
        let read = stream.read(&mut head[filled..]).await?;
        ensure!(read > 0, "the connection has ended");
        filled += read;
        if head[..filled].ends_with(b"\r\n\r\n") {
            return Ok(head.starts_with(b"HTTP/1.1 202"));
        }
    }
}
