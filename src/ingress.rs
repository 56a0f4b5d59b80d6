//! The public surface: takes Graph's change notifications and wakes the mailboxes that they name.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /graph/{tenant}?validationToken=…`, also below `/lifecycle` | 200 with the token as text: the handshake of a new subscription |
//! | `POST /graph/{tenant}` with notices | 202 at once; each mailbox named is woken |
//! | `POST /graph/{tenant}/lifecycle` with notices | 202; the subscription is repaired |
//! | a body that is too long or no JSON | 413, 400 |
//! | a tenant that this node does not run, or does not know the key of yet | 404, 503 |
//! | anything else | 404 |
//!
//! Everybody can reach it, so it trusts nothing: a notice counts when its `clientState` was signed with
//! the tenant's key (`vault::NoticeSeal`); others are counted and answered 202 as well, which tells
//! nobody what was right. A notice carries no content and is never logged. What waits is a bounded set
//! of mailboxes (`waiting`), so that a flood stays small, and a body of many notices lets others be answered
//! in between. Absent: TLS, which a proxy before it ends.

mod waiting;

#[cfg(test)]
mod tests;

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::header::{ContentType, X_CONTENT_TYPE_OPTIONS};
use actix_web::{App, HttpResponse, HttpServer, web};
use serde::Deserialize;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::actors::freshness::channel_of;
use crate::actors::node::Tenants;
use crate::actors::runtime::TenantRuntime;
use crate::domain::ids::MailboxKey;
use crate::ports::wake::{Life, WakeBus};
use crate::telemetry::Metrics;
use waiting::{Rung, Waiting};

/// The longest body: Graph sends some hundred bytes a notice and at most some hundred notices.
const BODY_MAX_BYTES: usize = 512 * 1024;
/// Notices of one body that are looked at; each costs a signature.
const NOTICES_MAX: usize = 2_000;
/// The longest validation token; real ones have some hundred signs.
const TOKEN_MAX_BYTES: usize = 2_048;
/// How often mailboxes that were named again a moment ago are looked for.
const LOOK: Duration = Duration::from_millis(100);
/// The wait before what could not be published is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// Hints that are published together.
const TOGETHER: usize = 1_000;
/// Notices that are checked in a row, before others are answered.
const SLICE: usize = 64;
/// The longest id of a subscription; Graph's are guids.
const ID_MAX_BYTES: usize = 128;

/// What the handlers share.
pub struct Ingress {
    tenants: Tenants,
    bus: Arc<dyn WakeBus>,
    metrics: Metrics,
    waiting: std::sync::Mutex<Waiting>,
    rung: Notify,
}

/// A notification as far as it is read.
#[derive(Deserialize)]
struct Notification {
    value: Vec<Notice>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notice {
    client_state: Option<String>,
    subscription_id: Option<String>,
    lifecycle_event: Option<String>,
}

#[derive(Deserialize)]
struct Handshake {
    #[serde(rename = "validationToken")]
    token: Option<String>,
}

/// Starts the server on an address; port 0 takes a free one. It stops with the actix system.
///
/// # Errors
/// Fails when the address cannot be bound.
pub fn serve(ingress: Arc<Ingress>, listen: SocketAddr) -> std::io::Result<(Server, SocketAddr)> {
    let listener = TcpListener::bind(listen)?;
    let address = listener.local_addr()?;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::from(ingress.clone()))
            .app_data(web::PayloadConfig::new(BODY_MAX_BYTES))
            .configure(routes)
    })
    .workers(2)
    .client_request_timeout(Duration::from_secs(10))
    .disable_signals()
    .listen(listener)?
    .run();
    Ok((server, address))
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/graph/{tenant}", web::post().to(notices))
        .route("/graph/{tenant}/lifecycle", web::post().to(notices));
}

/// Both kinds of notices come in one form; each says itself what it is.
async fn notices(
    ingress: web::Data<Ingress>,
    tenant: web::Path<String>,
    query: web::Query<Handshake>,
    body: web::Bytes,
) -> HttpResponse {
    ingress.answer(&tenant, query.into_inner().token, &body).await
}

impl Ingress {
    /// Builds the shared part; `publish` brings to the bus what it takes in.
    #[must_use]
    pub fn new(tenants: Tenants, bus: Arc<dyn WakeBus>, metrics: Metrics) -> Self {
        Self { tenants, bus, metrics, waiting: std::sync::Mutex::default(), rung: Notify::new() }
    }

    async fn answer(&self, tenant: &str, token: Option<String>, body: &[u8]) -> HttpResponse {
        let Some(runtime) = self.find(tenant) else {
            // A node that runs nothing yet does not know who is nobody.
            return match self.is_empty() {
                true => HttpResponse::ServiceUnavailable().finish(),
                false => HttpResponse::NotFound().finish(),
            };
        };
        if let Some(token) = token {
            return handshake(token);
        }
        // Before the key is known nothing can be judged; Graph sends it again.
        let Some(seal) = runtime.freshness().and_then(|it| it.seal()) else {
            return HttpResponse::ServiceUnavailable().finish();
        };
        let Ok(notification) = serde_json::from_slice::<Notification>(body) else {
            self.metrics.notices(tenant, "refused", 1);
            return HttpResponse::BadRequest().finish();
        };
        let beyond = notification.value.len().saturating_sub(NOTICES_MAX);
        let (mut received, mut refused, mut dropped) = (0, 0, beyond as u64);
        for (number, notice) in notification.value.into_iter().take(NOTICES_MAX).enumerate() {
            if number % SLICE == SLICE - 1 {
                tokio::task::yield_now().await;
            }
            let mailbox = notice.client_state.as_deref().and_then(|state| seal.open(state));
            let Some(mailbox) = mailbox else {
                refused += 1;
                continue;
            };
            received += 1;
            // Whoever stole the key may sign any number of ids.
            if !runtime.board.knows(mailbox) {
                dropped += 1;
                continue;
            }
            let key = MailboxKey { tenant: runtime.options.tenant.clone(), mailbox };
            dropped += u64::from(!self.take(key, &notice));
        }
        for (result, count) in [("received", received), ("refused", refused), ("dropped", dropped)]
        {
            if count > 0 {
                self.metrics.notices(tenant, result, count);
            }
        }
        HttpResponse::Accepted().finish()
    }

    /// Takes in one notice; false when there is no room for it.
    fn take(&self, key: MailboxKey, notice: &Notice) -> bool {
        let mut waiting = self.waiting();
        let rung = match life_of(notice) {
            Some(life) => waiting.live(&key, life),
            None => waiting.ring(&key, Instant::now()),
        };
        if rung == Rung::Now {
            self.rung.notify_one();
        }
        rung != Rung::Full
    }

    /// Publishes what was taken in, until the returned future is dropped.
    pub async fn publish(self: Arc<Self>) {
        loop {
            let _ = tokio::time::timeout(LOOK, self.rung.notified()).await;
            let due = self.waiting().due(Instant::now());
            let hints: Vec<_> =
                due.into_iter().map(|(key, hint)| (channel_of(&key), hint)).collect();
            let mut rest = &hints[..];
            while !rest.is_empty() {
                let (some, others) = rest.split_at(rest.len().min(TOGETHER));
                if let Err(error) = self.bus.publish(some).await {
                    tracing::warn!(%error, "hints cannot be published now; the sweeps go on");
                    let now = Instant::now();
                    rest.iter().for_each(|(_, hint)| self.waiting().again(hint, now));
                    tokio::time::sleep(AGAIN).await;
                    break;
                }
                rest = others;
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_empty(&self) -> bool {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn find(&self, tenant: &str) -> Option<Arc<TenantRuntime>> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        tenants.iter().find(|one| one.options.tenant.as_str() == tenant).cloned()
    }
}

/// The token comes back as text and as nothing else, so that no browser takes it for a page.
fn handshake(token: String) -> HttpResponse {
    if token.len() > TOKEN_MAX_BYTES {
        return HttpResponse::BadRequest().finish();
    }
    HttpResponse::Ok()
        .insert_header(ContentType::plaintext())
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(token)
}

fn life_of(notice: &Notice) -> Option<Life> {
    let id = notice.subscription_id.clone().filter(|id| id.len() <= ID_MAX_BYTES);
    match notice.lifecycle_event.as_deref()? {
        "subscriptionRemoved" => id.map(Life::Removed),
        "reauthorizationRequired" => id.map(Life::Unauthorized),
        // What is not known yet is looked at like lost notices.
        _ => Some(Life::Missed),
    }
}
