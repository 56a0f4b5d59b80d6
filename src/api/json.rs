//! The JSON of the private API.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ApiState, COMMAND_HEADER};
use crate::actors::board::{MailboxRow, Recent};
use crate::actors::runtime::TenantRuntime;
use crate::domain::code::Code;
use crate::domain::ids::MailboxKey;
use crate::domain::link::Link;
use crate::domain::plan::{MailClass, Verb};
use crate::engine::catalogue;
use crate::telemetry::Metrics;

/// The phases in the order of the pages; `excluded` is a mailbox that does not take part, `elsewhere`
/// one that another node owns.
pub(super) const PHASES: [&str; 7] =
    ["idle", "running", "backoff", "parked", "halted", "excluded", "elsewhere"];

/// Returns the phase of a mailbox as the surfaces name it.
pub(super) fn phase_name(row: &MailboxRow) -> &'static str {
    match (row.reasons.is_empty(), row.elsewhere) {
        (false, _) => "excluded",
        (true, true) => "elsewhere",
        (true, false) => row.phase.name(),
    }
}

pub(super) fn tenant(tenant: &TenantRuntime) -> Value {
    let row = tenant.board.tenant_row();
    let mailboxes = tenant.rows();
    let lasts = || mailboxes.iter().filter(|it| !it.elsewhere).filter_map(|it| it.last.as_ref());
    let counts: serde_json::Map<String, Value> =
        PHASES.iter().map(|name| ((*name).to_owned(), count(&mailboxes, name).into())).collect();
    json!({
        "tenant": tenant.options.tenant.as_str(),
        "profileRead": row.profile_read.map(|at| at.to_rfc3339()),
        "code": row.trouble.as_ref().map(|(code, _)| code.as_str()),
        "reason": row.trouble.as_ref().map(|(_, reason)| reason.clone()),
        "mailboxes": mailboxes.len(),
        "phases": counts,
        "unsettled": lasts().map(|it| it.unsettled).sum::<u32>(),
        "parkedItems": lasts().map(|it| it.parked).sum::<u32>(),
    })
}

pub(super) fn count(mailboxes: &[MailboxRow], phase: &str) -> usize {
    mailboxes.iter().filter(|row| phase_name(row) == phase).count()
}

/// Returns a mailbox, and which node owns it when it is another one.
pub(super) fn mailbox_at(tenant: &TenantRuntime, row: &MailboxRow) -> Value {
    let mut value = mailbox(row);
    if row.elsewhere {
        value["node"] = holder(tenant, row.mailbox).map_or(Value::Null, Value::from);
    }
    value
}

/// `/api/v1/mailboxes/{mailbox}`: the mailboxes of this id or address in all tenants, and which tenants
/// were searched.
pub(super) async fn named(state: web::Data<ApiState>, name: web::Path<String>) -> HttpResponse {
    let (mut searched, mut found) = (Vec::new(), Vec::new());
    for one in state.list() {
        let tenant = one.options.tenant.as_str();
        let read = one.board.tenant_row().profile_read.map(|at| at.to_rfc3339());
        searched.push(json!({ "tenant": tenant, "profileRead": read }));
        for row in one.board.named(&name).into_iter().filter_map(|id| one.row(id)) {
            let mut row = mailbox_at(&one, &row);
            row["tenant"] = tenant.into();
            found.push(row);
        }
    }
    HttpResponse::Ok().json(json!({ "mailboxes": found, "tenants": searched }))
}

/// Returns the node that owns a mailbox.
pub(super) fn holder(tenant: &TenantRuntime, mailbox: Uuid) -> Option<String> {
    let key = MailboxKey { tenant: tenant.options.tenant.clone(), mailbox };
    tenant.ownership.holder_of(&key)
}

/// Refuses a command for a mailbox of another node, and says which. Where that one's API is reached from
/// the operator's machine nobody here knows.
pub(super) fn elsewhere(tenant: &TenantRuntime, mailbox: Uuid) -> HttpResponse {
    match holder(tenant, mailbox) {
        Some(node) => {
            let message =
                format!("the node {node} owns the mailbox; send it to the API of that node");
            HttpResponse::Conflict().json(json!({ "error": message, "node": node }))
        }
        None => {
            let message = "no node owns the mailbox at present; try again in a few seconds";
            HttpResponse::ServiceUnavailable().json(json!({ "error": message }))
        }
    }
}

pub(super) fn mailbox(row: &MailboxRow) -> Value {
    json!({
        "mailbox": row.mailbox,
        "phase": phase_name(row),
        "code": row.phase.code().map(Code::as_str),
        "reasons": row.reasons.iter().map(|(rule, code)| json!({ "rule": rule.0, "code": code.as_str() })).collect::<Vec<_>>(),
        "cycles": row.cycles,
        "halt": row.halt.as_ref().map(|halt| json!({
            "side": halt.side.name(),
            "wanted": halt.wanted,
            "allowed": halt.allowed,
            "plan": halt.plan,
        })),
        "lastCycle": row.last.as_ref().map(|last| json!({
            "started": last.started.to_rfc3339(),
            "finished": last.finished.to_rfc3339(),
            "trace": last.trace,
            "written": { "dynamics": last.done.dynamics, "exchange": last.done.exchange },
            "unsettled": last.unsettled,
            "parked": last.parked,
            "code": last.code.map(Code::as_str),
        })),
    })
}

/// Returns an item in trouble: ids and codes.
pub(super) fn item(link: &Link) -> Value {
    let trouble = link.trouble;
    json!({
        "link": link.id.0,
        "kind": link.kind.table(),
        "dynamics": link.native.dynamics.as_ref().map(|id| id.as_str()),
        "exchange": link.native.exchange.as_ref().map(|id| id.as_str()),
        "code": trouble.map(|it| it.code.as_str()),
        "parked": link.is_parked(),
        "attempts": trouble.map(|it| it.attempts),
        "since": trouble.map(|it| it.since.to_rfc3339()),
    })
}

pub(super) fn decision(recent: &Recent) -> Value {
    let line = &recent.line;
    json!({
        "at": recent.at.to_rfc3339(),
        "link": line.link.0,
        "kind": line.kind.table(),
        "dynamics": line.native.dynamics.as_ref().map(|id| id.as_str()),
        "exchange": line.native.exchange.as_ref().map(|id| id.as_str()),
        "verb": verb_name(line.decision.verb),
        "rules": line.decision.rules.iter().map(|rule| rule.0).collect::<Vec<_>>(),
        "groups": line.decision.groups.iter().map(|group| format!("{group:?}").to_lowercase()).collect::<Vec<_>>(),
        "code": line.decision.code.map(Code::as_str),
        "notes": line.decision.notes.iter().map(|code| code.as_str()).collect::<Vec<_>>(),
        "failed": line.failed.map(Code::as_str),
        "mails": match line.mail { MailClass::Silent => 0, MailClass::Mails(count) => count },
    })
}

/// Returns a verb in words.
pub(super) fn verb_name(verb: Verb) -> String {
    match verb {
        Verb::Create(side) => format!("create in {side}"),
        Verb::Update(side) => format!("update in {side}"),
        Verb::Merge => "merge".to_owned(),
        Verb::Delete(side) => format!("delete in {side}"),
        Verb::Link => "link".to_owned(),
        Verb::Unlink => "unlink".to_owned(),
        Verb::Acknowledge => "acknowledge".to_owned(),
        Verb::LeaveAlone => "leave alone".to_owned(),
        Verb::Forget => "forget".to_owned(),
    }
}

pub(super) async fn rules() -> HttpResponse {
    let list: Vec<Value> = catalogue::ALL
        .iter()
        .map(|rule| json!({ "id": rule.id.0, "sentence": rule.sentence, "source": rule.source }))
        .collect();
    HttpResponse::Ok().json(json!({ "rules": list }))
}

pub(super) fn missing(what: &str, name: &str) -> HttpResponse {
    let message = format!("there is no {what} {name} on this node");
    HttpResponse::NotFound().json(json!({ "error": message }))
}

pub(super) fn excluded(row: &MailboxRow) -> HttpResponse {
    let message = "the mailbox does not take part; its reasons are listed";
    HttpResponse::Conflict().json(json!({ "error": message, "mailbox": mailbox(row) }))
}

/// Refuses a command without the header that no foreign page can send.
pub(super) fn command(request: &HttpRequest) -> Option<HttpResponse> {
    if request.headers().contains_key(COMMAND_HEADER) {
        return None;
    }
    let message = format!("commands need the header {COMMAND_HEADER}: 1");
    Some(HttpResponse::Forbidden().json(json!({ "error": message })))
}

pub(super) fn commanded(done: Option<bool>) -> HttpResponse {
    match done {
        Some(true) => HttpResponse::Accepted().json(json!({ "accepted": true })),
        Some(false) => HttpResponse::ServiceUnavailable()
            .json(json!({ "error": "the tenant is busy, try again" })),
        None => HttpResponse::NotFound().json(json!({ "error": "there is no such tenant" })),
    }
}

/// Sets the gauges of a tenant to what its board says now.
pub(super) fn gauge(metrics: &Metrics, tenant: &TenantRuntime) {
    let name = tenant.options.tenant.as_str();
    let mailboxes = tenant.rows();
    for phase in PHASES {
        metrics.set_mailboxes(name, phase, count(&mailboxes, phase) as u64);
    }
    let own = mailboxes.iter().filter(|row| !row.elsewhere);
    let parked: u32 = own.filter_map(|row| row.last.as_ref()).map(|it| it.parked).sum();
    metrics.set_items_parked(name, u64::from(parked));
}
