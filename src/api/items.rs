//! Commands for single items.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;
use uuid::Uuid;

use super::{ApiState, json as answers};
use crate::actors::messages::{ToTenant, WakeMailbox};
use crate::domain::ids::LinkId;

/// Stores that the user ignores the scheduling conflict of an item, and wakes the mailbox, whose
/// next cycle creates the row (APPT-IN-07).
pub(super) async fn ignore_conflict(
    state: web::Data<ApiState>,
    path: web::Path<(String, Uuid, Uuid)>,
    request: HttpRequest,
) -> HttpResponse {
    let (tenant, mailbox, item) = path.into_inner();
    if let Some(refusal) = answers::command(&request) {
        return refusal;
    }
    let refusal = state.refuse_command(&tenant, mailbox);
    if let Some(refusal) = refusal.or_else(|| state.refuse_elsewhere(&tenant, mailbox)) {
        return refusal;
    }
    let Some(runtime) = state.find(&tenant) else { return answers::missing("tenant", &tenant) };
    let io = runtime.io.clone();
    let stored =
        io.spawn(async move { runtime.ignore_conflict(mailbox, LinkId(item)).await }).await;
    match stored {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => {
            let message = "no scheduling conflict of this item waits for a decision";
            return HttpResponse::Conflict().json(json!({ "error": message }));
        }
        Ok(Err(error)) => {
            let message = format!("the decision was not stored: {error}");
            return HttpResponse::ServiceUnavailable().json(json!({ "error": message }));
        }
        Err(_) => return HttpResponse::InternalServerError().finish(),
    }
    let command = WakeMailbox(Some(mailbox));
    answers::commanded(state.node.send(ToTenant { tenant, command }).await.ok().flatten())
}
