//! The alerts of a tenant as JSON and as gauges (ERR-04).

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::{ApiState, json};
use crate::actors::alerts::{Alert, Level, Scope, alerts};
use crate::actors::runtime::TenantRuntime;
use crate::engine::advice;
use crate::telemetry::Metrics;

/// Alerts of one answer; the gravest come first.
const MOST: usize = 500;

/// The query of the list.
#[derive(serde::Deserialize)]
pub(super) struct Query {
    /// Only alerts of this level.
    level: Option<String>,
}

/// Answers with what stands still in a tenant.
pub(super) async fn list(
    state: web::Data<ApiState>,
    path: web::Path<String>,
    query: web::Query<Query>,
) -> HttpResponse {
    let Some(tenant) = state.find(&path) else { return json::missing("tenant", &path) };
    let wanted =
        |alert: &Alert| query.level.as_deref().is_none_or(|level| level == alert.level.name());
    let all: Vec<Alert> = of(&tenant).into_iter().filter(wanted).collect();
    let list: Vec<Value> = all.iter().take(MOST).map(one).collect();
    HttpResponse::Ok().json(json!({ "alerts": list, "count": all.len() }))
}

fn of(tenant: &TenantRuntime) -> Vec<Alert> {
    let board = &tenant.board;
    alerts(&board.tenant_row(), &tenant.rows(), tenant.deps.clock.now())
}

fn one(alert: &Alert) -> Value {
    let (mailbox, items) = match alert.scope {
        Scope::Tenant => (None, None),
        Scope::Mailbox(mailbox) => (Some(mailbox), None),
        Scope::Items(mailbox, count) => (Some(mailbox), Some(count)),
    };
    json!({
        "level": alert.level.name(),
        "scope": alert.scope.name(),
        "mailbox": mailbox,
        "items": items,
        "code": alert.code.as_str(),
        "seen": alert.seen.map(|at| at.to_rfc3339()),
        "change": advice::of_code(alert.code),
        "microsoft": advice::reported_as(alert.code),
    })
}

/// Sets the gauges of a tenant to what its board says now.
pub(super) fn gauge(metrics: &Metrics, tenant: &TenantRuntime) {
    let all = of(tenant);
    for level in Level::ALL {
        for scope in Scope::NAMES {
            let count = all.iter().filter(|it| it.level == level && it.scope.name() == scope);
            let name = tenant.options.tenant.as_str();
            metrics.set_alerts(name, scope, level.name(), count.count() as u64);
        }
    }
}
