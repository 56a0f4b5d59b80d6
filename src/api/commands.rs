//! Commands for one mailbox: synchronize now, release, try a parked item again.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;
use uuid::Uuid;

use super::{ApiState, json as answers};
use crate::actors::messages::{Order, ToMailbox, ToTenant, WakeMailbox};

/// The longest that a request waits for the end of a cycle. A first cycle may take longer; it goes
/// on, and the status shows its end.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(300);

/// The query of `sync`.
#[derive(serde::Deserialize)]
pub(super) struct SyncQuery {
    /// Seconds to wait for the end of the cycle; absent: the answer comes at once.
    wait: Option<u64>,
}

/// Starts a cycle now (SCH-03). With `wait`, answers with the mailbox when the cycle ended, or when
/// none will start soon because the mailbox waits.
pub(super) async fn sync(
    state: web::Data<ApiState>,
    path: web::Path<(String, Uuid)>,
    query: web::Query<SyncQuery>,
    request: HttpRequest,
) -> HttpResponse {
    let (tenant, mailbox) = path.into_inner();
    if let Some(refusal) = refused(&state, &request, &tenant, mailbox) {
        return refusal;
    }
    if let Some(answer) = super::relayed::sync(&state, &tenant, mailbox, query.wait).await {
        return answer;
    }
    let Some(wait) = query.wait else {
        let command = WakeMailbox(Some(mailbox));
        return answers::commanded(
            state.node.send(ToTenant { tenant, command }).await.ok().flatten(),
        );
    };
    let (send, receive) = tokio::sync::oneshot::channel();
    let order = Order::Sync(send);
    let refusal = ordered(&state, tenant.clone(), mailbox, order).await;
    if refusal.status() != actix_web::http::StatusCode::ACCEPTED {
        return refusal;
    }
    let wait = Duration::from_secs(wait).min(WAIT_MAX);
    let ended = tokio::time::timeout(wait, receive).await;
    let row = state.find(&tenant).and_then(|it| it.row(mailbox));
    match (ended, row) {
        (Ok(Ok(())), Some(row)) => {
            HttpResponse::Ok().json(json!({ "ended": true, "mailbox": answers::mailbox(&row) }))
        }
        (Err(_elapsed), Some(row)) => HttpResponse::Accepted()
            .json(json!({ "ended": false, "mailbox": answers::mailbox(&row) })),
        (Ok(Err(_)), _) | (_, None) => HttpResponse::ServiceUnavailable()
            .json(json!({ "error": "the mailbox was stopped meanwhile, try again" })),
    }
}

/// The query of `release`.
#[derive(serde::Deserialize)]
pub(super) struct ReleaseQuery {
    /// Plan anew, with brakes.
    #[serde(default)]
    with_brakes: bool,
    /// Only the halted plan of this digest passes.
    plan: Option<String>,
}

/// Lets exactly the halted plan pass, or plans anew with brakes; retries a parked mailbox.
pub(super) async fn release(
    state: web::Data<ApiState>,
    path: web::Path<(String, Uuid)>,
    query: web::Query<ReleaseQuery>,
    request: HttpRequest,
) -> HttpResponse {
    let (tenant, mailbox) = path.into_inner();
    if let Some(refusal) = refused_here(&state, &request, &tenant, mailbox) {
        return refusal;
    }
    let ReleaseQuery { with_brakes, plan } = query.into_inner();
    let row = state.find(&tenant).and_then(|it| it.row(mailbox));
    let halted = row.and_then(|row| row.halt).map(|halt| halt.plan);
    if plan.is_some() && plan != halted {
        let message = "that plan is not halted any more; look at the one that is";
        return HttpResponse::Conflict().json(json!({ "error": message, "plan": halted }));
    }
    ordered(&state, tenant, mailbox, Order::Release { with_brakes, plan }).await
}

/// Tries a parked item again in a cycle that starts now (ERR-02). The item is named by its link, its
/// row or its id in Exchange.
pub(super) async fn retry(
    state: web::Data<ApiState>,
    path: web::Path<(String, Uuid, String)>,
    request: HttpRequest,
) -> HttpResponse {
    let (tenant, mailbox, item) = path.into_inner();
    if let Some(refusal) = refused_here(&state, &request, &tenant, mailbox) {
        return refusal;
    }
    let Some(runtime) = state.find(&tenant) else { return answers::missing("tenant", &tenant) };
    let links = match troubled(&runtime, mailbox).await {
        Ok(links) => links,
        Err(refusal) => return refusal,
    };
    let is_meant = |link: &&crate::domain::link::Link| {
        let native = [&link.native.dynamics, &link.native.exchange];
        link.id.0.to_string().eq_ignore_ascii_case(&item)
            || native.into_iter().flatten().any(|id| id.as_str() == item)
    };
    match links.iter().find(is_meant) {
        Some(link) => ordered(&state, tenant, mailbox, Order::Retry(link.id)).await,
        None => answers::missing("item in trouble", &item),
    }
}

/// Lists the items of a mailbox that are in trouble: parked ones first, then the longest.
pub(super) async fn items(
    state: web::Data<ApiState>,
    path: web::Path<(String, Uuid)>,
) -> HttpResponse {
    let (tenant, mailbox) = path.into_inner();
    let Some(runtime) = state.find(&tenant) else { return answers::missing("tenant", &tenant) };
    if runtime.board.mailbox(mailbox).is_none() {
        return answers::missing("mailbox", &mailbox.to_string());
    }
    match troubled(&runtime, mailbox).await {
        Ok(links) => {
            let list: Vec<_> = links.iter().take(super::PAGE).map(answers::item).collect();
            HttpResponse::Ok().json(json!({ "count": links.len(), "items": list }))
        }
        Err(refusal) => refusal,
    }
}

async fn troubled(
    runtime: &std::sync::Arc<crate::actors::runtime::TenantRuntime>,
    mailbox: Uuid,
) -> Result<Vec<crate::domain::link::Link>, HttpResponse> {
    // The store is asked on the runtime of all I/O.
    let asked = runtime.clone();
    match runtime.io.spawn(async move { asked.troubled(mailbox).await }).await {
        Ok(Ok(links)) => Ok(links),
        Ok(Err(error)) => {
            let message = format!("the items cannot be read: {error}");
            Err(HttpResponse::ServiceUnavailable().json(json!({ "error": message })))
        }
        Err(_panic) => Err(HttpResponse::InternalServerError().finish()),
    }
}

fn refused(
    state: &ApiState,
    request: &HttpRequest,
    tenant: &str,
    mailbox: Uuid,
) -> Option<HttpResponse> {
    answers::command(request).or_else(|| state.refuse_command(tenant, mailbox))
}

/// The same for a command that is not asked of the owner elsewhere.
fn refused_here(
    state: &ApiState,
    request: &HttpRequest,
    tenant: &str,
    mailbox: Uuid,
) -> Option<HttpResponse> {
    refused(state, request, tenant, mailbox).or_else(|| state.refuse_elsewhere(tenant, mailbox))
}

async fn ordered(state: &ApiState, tenant: String, mailbox: Uuid, order: Order) -> HttpResponse {
    let command = ToMailbox { mailbox, order };
    answers::commanded(state.node.send(ToTenant { tenant, command }).await.ok().flatten())
}
