//! The private surface: health, metrics, status as JSON and as pages, commands for operators.
//!
//! It listens on loopback by default and shows ids, phases, codes and rules; never a subject, a
//! body or a name of an item; explaining one shows the names and conditions of filters. Commands want
//! the header `X-Lockstep-Command`, and every request a name by which this node is known, so that no
//! foreign web page reaches it through an operator's browser.

mod alerts;
mod cluster;
mod commands;
mod explain;
mod hosts;
mod items;
mod json;
mod pages;
mod refusals;
mod relayed;
mod settings;
pub mod story;
mod story_page;

#[cfg(test)]
mod tests;

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, PoisonError, RwLock};

use actix::Addr;
use actix_web::dev::Server;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, HttpServer, web};
use uuid::Uuid;

use crate::actors::hints::Relay;
use crate::actors::node::{NodeActor, Tenants};
use crate::actors::runtime::TenantRuntime;
use crate::cluster::ownership::Ownership;
use crate::config::{self, Problem};
use crate::telemetry::Metrics;
pub use cluster::Teller;
use hosts::Hosts;
pub use relayed::describe;

/// Proof that a command was not sent by a foreign page: browsers ask before they send it.
pub const COMMAND_HEADER: &str = "X-Lockstep-Command";
/// Mailboxes of a page when the request names no number.
const PAGE: usize = 500;
/// Decisions shown for a mailbox.
const DECISIONS: usize = 50;

/// What is wrong with the tenant files at present.
pub type FileProblems = Arc<RwLock<Vec<Problem>>>;

/// What the handlers need.
#[derive(Clone)]
pub struct ApiState {
    /// The running tenants.
    pub tenants: Tenants,
    /// The node, for commands.
    pub node: Addr<NodeActor>,
    /// The metrics.
    pub metrics: Metrics,
    /// The ownership, for readiness.
    pub ownership: Arc<Ownership>,
    /// The errors and warnings of the tenant files.
    pub problems: FileProblems,
    /// The way to the nodes that own other mailboxes.
    pub relay: Option<Relay>,
    /// What this node tells of itself.
    pub teller: Arc<Teller>,
    /// The state store is one that several nodes can share.
    pub shared: bool,
}

/// Starts the server on an address; port 0 takes a free one. Returns the server and where it
/// listens. It stops with the actix system.
///
/// # Errors
/// Fails when the address cannot be bound.
pub fn serve(
    state: ApiState,
    listen: SocketAddr,
    names: &[String],
) -> std::io::Result<(Server, SocketAddr)> {
    let listener = TcpListener::bind(listen)?;
    let address = listener.local_addr()?;
    let known = Hosts::new(address.ip(), names);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(state.clone()))
            .app_data(web::Data::new(known.clone()))
            .wrap(from_fn(hosts::only_known))
            .wrap(from_fn(refusals::readable))
            .configure(routes)
    })
    .workers(1)
    .disable_signals()
    .listen(listener)?
    .run();
    Ok((server, address))
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/healthz", web::get().to(healthz))
        .route("/readyz", web::get().to(readyz))
        .route("/metrics", web::get().to(metrics))
        .route("/api/v1/rules", web::get().to(json::rules))
        .route("/api/v1/cluster", web::get().to(cluster::show))
        .route("/api/v1/mailboxes/{mailbox}", web::get().to(json::named))
        .route("/api/v1/tenants", web::get().to(tenants))
        .route("/api/v1/tenants/{tenant}", web::get().to(tenant))
        .route("/api/v1/tenants/{tenant}/alerts", web::get().to(alerts::list))
        .route("/api/v1/tenants/{tenant}/settings", web::get().to(tenant_settings))
        .route("/api/v1/tenants/{tenant}/mailboxes", web::get().to(mailboxes))
        .route("/api/v1/tenants/{tenant}/mailboxes/{mailbox}", web::get().to(mailbox))
        .route("/api/v1/tenants/{tenant}/mailboxes/{mailbox}/sync", web::post().to(commands::sync))
        .route(
            "/api/v1/tenants/{tenant}/mailboxes/{mailbox}/release",
            web::post().to(commands::release),
        )
        .route("/api/v1/tenants/{tenant}/mailboxes/{mailbox}/items", web::get().to(commands::items))
        .route(
            "/api/v1/tenants/{tenant}/mailboxes/{mailbox}/items/{item}/retry",
            web::post().to(commands::retry),
        )
        .route(
            "/api/v1/tenants/{tenant}/mailboxes/{mailbox}/items/{item}/ignore-conflict",
            web::post().to(items::ignore_conflict),
        )
        .route(
            "/api/v1/tenants/{tenant}/mailboxes/{mailbox}/items/{item}/explain",
            web::get().to(explain::item),
        )
        .route(
            "/api/v1/tenants/{tenant}/mailboxes/{mailbox}/explain",
            web::get().to(explain::search),
        )
        .route("/tenants/{tenant}/mailboxes/{mailbox}/items/{item}", web::get().to(explain::page))
        .route("/", web::get().to(index_page))
        .route("/tenants/{tenant}", web::get().to(tenant_page))
        .route("/tenants/{tenant}/mailboxes/{mailbox}", web::get().to(mailbox_page));
}

impl ApiState {
    fn list(&self) -> Vec<Arc<TenantRuntime>> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the errors and the warnings of the tenant files.
    fn problems(&self) -> (Vec<Problem>, Vec<Problem>) {
        config::split(&self.problems.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn find(&self, name: &str) -> Option<Arc<TenantRuntime>> {
        self.list().into_iter().find(|one| one.options.tenant.as_str() == name)
    }

    /// Refuses a command for a mailbox that is not there or does not take part: nobody would
    /// carry it out.
    fn refuse_command(&self, tenant: &str, id: Uuid) -> Option<HttpResponse> {
        let Some(found) = self.find(tenant) else { return Some(json::missing("tenant", tenant)) };
        let Some(row) = found.board.mailbox(id) else {
            return Some(json::missing("mailbox", &id.to_string()));
        };
        (!row.reasons.is_empty()).then(|| json::excluded(&row))
    }

    /// Refuses a command that only the node can carry out that owns the mailbox.
    fn refuse_elsewhere(&self, tenant: &str, id: Uuid) -> Option<HttpResponse> {
        let found = self.find(tenant)?;
        found.row(id)?.elsewhere.then(|| json::elsewhere(&found, id))
    }
}

/// Liveness depends on nothing but this process: an outage elsewhere must not restart the fleet.
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// Readiness: this node owns its mailboxes and has tried to read every tenant once.
async fn readyz(state: web::Data<ApiState>) -> HttpResponse {
    let waiting: Vec<String> = state
        .list()
        .iter()
        .filter(|one| {
            let row = one.board.tenant_row();
            row.profile_read.is_none() && row.trouble.is_none()
        })
        .map(|one| one.options.tenant.to_string())
        .collect();
    if !state.ownership.is_member() {
        return not_ready(
            "this node is no member of the cluster: the state store does not answer, or another \
             node has the same name\n",
        );
    }
    if waiting.is_empty() {
        // Who has a broken file is told, and makes nobody else wait.
        let (errors, _) = state.problems();
        return HttpResponse::Ok()
            .content_type("text/plain; charset=utf-8")
            .body(format!("ready\n{}", config::render(&errors)));
    }
    not_ready(&format!("not read yet: {}\n", waiting.join(", ")))
}

fn not_ready(why: &str) -> HttpResponse {
    HttpResponse::ServiceUnavailable().content_type("text/plain").body(why.to_owned())
}

async fn metrics(state: web::Data<ApiState>) -> HttpResponse {
    for tenant in state.list() {
        json::gauge(&state.metrics, &tenant);
        alerts::gauge(&state.metrics, &tenant);
    }
    let standing = state.ownership.standing();
    state.metrics.set_ownership(standing.shards, standing.age, standing.doubts);
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8"))
        .body(state.metrics.encode())
}

async fn tenants(state: web::Data<ApiState>) -> HttpResponse {
    let list: Vec<_> = state.list().iter().map(|one| json::tenant(one)).collect();
    let (errors, warnings) = state.problems();
    HttpResponse::Ok().json(serde_json::json!({
        "tenants": list,
        "problems": config::as_json(&errors),
        "warnings": config::as_json(&warnings),
    }))
}

async fn tenant_settings(state: web::Data<ApiState>, path: web::Path<String>) -> HttpResponse {
    match state.find(&path) {
        Some(tenant) => HttpResponse::Ok().json(settings::as_json(&settings::of(&tenant))),
        None => json::missing("tenant", &path),
    }
}

async fn tenant(state: web::Data<ApiState>, path: web::Path<String>) -> HttpResponse {
    match state.find(&path) {
        Some(tenant) => HttpResponse::Ok().json(json::tenant(&tenant)),
        None => json::missing("tenant", &path),
    }
}

/// The query of a list.
#[derive(serde::Deserialize)]
struct ListQuery {
    /// Only mailboxes in this phase.
    phase: Option<String>,
    /// How many to skip.
    #[serde(default)]
    skip: usize,
    /// How many to return.
    top: Option<usize>,
}

async fn mailboxes(
    state: web::Data<ApiState>,
    path: web::Path<String>,
    query: web::Query<ListQuery>,
) -> HttpResponse {
    let Some(tenant) = state.find(&path) else { return json::missing("tenant", &path) };
    let rows = tenant
        .rows()
        .into_iter()
        .filter(|row| query.phase.as_deref().is_none_or(|phase| json::phase_name(row) == phase));
    let top = query.top.unwrap_or(PAGE).min(PAGE);
    let list: Vec<_> =
        rows.skip(query.skip).take(top).map(|row| json::mailbox_at(&tenant, &row)).collect();
    HttpResponse::Ok().json(serde_json::json!({ "mailboxes": list }))
}

async fn mailbox(state: web::Data<ApiState>, path: web::Path<(String, Uuid)>) -> HttpResponse {
    let (name, id) = path.into_inner();
    let Some(tenant) = state.find(&name) else { return json::missing("tenant", &name) };
    let Some(row) = tenant.row(id) else {
        return json::missing("mailbox", &id.to_string());
    };
    let mut value = json::mailbox_at(&tenant, &row);
    let recent = tenant.board.recent(Some(id), DECISIONS);
    value["decisions"] = recent.iter().map(json::decision).collect();
    HttpResponse::Ok().json(value)
}

async fn index_page(state: web::Data<ApiState>) -> HttpResponse {
    html(pages::index(&state.list(), &state.problems().0, &cluster::gather(&state).await))
}

async fn tenant_page(state: web::Data<ApiState>, path: web::Path<String>) -> HttpResponse {
    match state.find(&path) {
        Some(tenant) => html(pages::tenant(&tenant)),
        None => json::missing("tenant", &path),
    }
}

async fn mailbox_page(state: web::Data<ApiState>, path: web::Path<(String, Uuid)>) -> HttpResponse {
    let (name, id) = path.into_inner();
    let Some(tenant) = state.find(&name) else { return json::missing("tenant", &name) };
    match tenant.row(id) {
        Some(row) => html(pages::mailbox(&tenant, &row, &tenant.board.recent(Some(id), DECISIONS))),
        None => json::missing("mailbox", &id.to_string()),
    }
}

fn html(page: String) -> HttpResponse {
    html_with(StatusCode::OK, page)
}

fn html_with(status: StatusCode, page: String) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"))
        .body(page)
}
