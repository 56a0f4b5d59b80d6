//! `sync` of a mailbox that another node owns: asked of its owner through the bus, and answered here.

use std::time::Duration;

use actix_web::HttpResponse;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ApiState, json as answers};
use crate::actors::runtime::TenantRuntime;
use crate::domain::ids::MailboxKey;

/// Returns how a mailbox stands, for an operator at another node: as `sync` shows it, without the
/// address, which no bus carries.
#[must_use]
pub fn describe(tenant: &TenantRuntime, mailbox: Uuid) -> String {
    let Some(row) = tenant.row(mailbox) else { return "null".to_owned() };
    let mut row = answers::mailbox(&row);
    if let Some(row) = row.as_object_mut() {
        row.remove("address");
    }
    row.to_string()
}

/// Asks the owner of a mailbox that is not this node's; nothing when it is, or when there is no way to
/// others.
pub(super) async fn sync(
    state: &ApiState,
    tenant: &str,
    mailbox: Uuid,
    wait: Option<u64>,
) -> Option<HttpResponse> {
    let relay = state.relay.as_ref()?;
    let runtime = state.find(tenant)?;
    let key = MailboxKey { tenant: runtime.options.tenant.clone(), mailbox };
    if runtime.ownership.fence_of(&key).is_some() {
        return None;
    }
    let Some(wait) = wait else {
        return Some(match relay.wake(key).await {
            true => HttpResponse::Accepted().json(json!({ "accepted": true, "forwarded": true })),
            false => unreachable(),
        });
    };
    let Some(mut ticket) = relay.sync(key).await else { return Some(unreachable()) };
    let wait = Duration::from_secs(wait).min(super::commands::WAIT_MAX);
    let answer = tokio::time::timeout(wait, ticket.answer()).await.ok().flatten();
    let Some(answer) = answer else {
        let message = "the node that owns the mailbox did not answer in time; it may go on there, \
                       or no node owns it at present";
        return Some(HttpResponse::Accepted().json(json!({ "ended": false, "message": message })));
    };
    let row: Value = serde_json::from_str(&answer.mailbox).unwrap_or_default();
    Some(match answer.ended {
        true => HttpResponse::Ok().json(json!({ "ended": true, "mailbox": row })),
        false => HttpResponse::ServiceUnavailable()
            .json(json!({ "error": "the mailbox was stopped meanwhile, try again" })),
    })
}

fn unreachable() -> HttpResponse {
    let message = "another node owns the mailbox and cannot be told; try again";
    HttpResponse::ServiceUnavailable().json(json!({ "error": message }))
}
