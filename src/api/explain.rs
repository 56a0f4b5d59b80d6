//! Explain over HTTP: as JSON, and as the page of an item.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::{ApiState, html, json, story, story_page};
use crate::actors::runtime::TenantRuntime;
use crate::app::explain::{ExplainError, Question, answer, target};
use crate::cycle::{Judged, Story, Target};
use crate::domain::side::Side;

/// Tenant, mailbox and item.
type ItemPath = (String, String, String);

/// The query of a search.
#[derive(serde::Deserialize)]
pub(super) struct ExplainQuery {
    /// A text that subject, title or name holds.
    subject: Option<String>,
    /// Decided since this instant.
    since: Option<DateTime<Utc>>,
}

/// The query of one item.
#[derive(serde::Deserialize)]
pub(super) struct ItemQuery {
    /// The side of the id: `dynamics` or `exchange`. Without it a guid is a row.
    side: Option<String>,
}

impl ItemQuery {
    fn target(&self, id: &str) -> Target {
        let side = Side::BOTH.into_iter().find(|side| self.side.as_deref() == Some(side.name()));
        target(id, side)
    }
}

/// `…/mailboxes/{mailbox}/items/{item}/explain`.
pub(super) async fn item(
    state: web::Data<ApiState>,
    path: web::Path<ItemPath>,
    query: web::Query<ItemQuery>,
) -> HttpResponse {
    match of_item(&state, &path, &query).await {
        Ok(stories) => stories_json(&stories),
        Err(refusal) => refusal,
    }
}

/// `…/mailboxes/{mailbox}/explain?subject=TEXT` or `?since=TIME`.
pub(super) async fn search(
    state: web::Data<ApiState>,
    path: web::Path<(String, String)>,
    query: web::Query<ExplainQuery>,
) -> HttpResponse {
    let (tenant, mailbox) = path.into_inner();
    let query = query.into_inner();
    let question = match (query.subject, query.since) {
        (Some(text), None) if !text.trim().is_empty() => Question::Subject(text),
        (None, Some(since)) => Question::Since(since),
        _ => {
            let message = "ask with either subject=TEXT or since=TIME (RFC 3339)";
            return HttpResponse::BadRequest().json(json!({ "error": message }));
        }
    };
    match ask(&state, &tenant, &mailbox, question).await {
        Ok(stories) => stories_json(&stories),
        Err(refusal) => refusal,
    }
}

/// `/tenants/{tenant}/mailboxes/{mailbox}/items/{item}`.
pub(super) async fn page(
    state: web::Data<ApiState>,
    path: web::Path<ItemPath>,
    query: web::Query<ItemQuery>,
) -> HttpResponse {
    match of_item(&state, &path, &query).await {
        Ok(stories) => match stories.first() {
            Some(one) => html(story_page::story(one)),
            None => json::missing("item", &path.2),
        },
        Err(refusal) => refusal,
    }
}

/// Explains the item of a path.
async fn of_item(
    state: &ApiState,
    path: &ItemPath,
    query: &ItemQuery,
) -> Result<Vec<Story>, HttpResponse> {
    let (tenant, mailbox, id) = path;
    ask(state, tenant, mailbox, Question::Item(query.target(id))).await
}

fn stories_json(stories: &[Story]) -> HttpResponse {
    let list: Vec<_> = stories.iter().map(story::story).collect();
    HttpResponse::Ok().json(json!({ "stories": list }))
}

async fn ask(
    state: &ApiState,
    tenant: &str,
    mailbox: &str,
    question: Question,
) -> Result<Vec<Story>, HttpResponse> {
    let Some(found) = state.find(tenant) else { return Err(json::missing("tenant", tenant)) };
    let Some(judged) = judged(&found, mailbox) else {
        return Err(json::missing("mailbox", mailbox));
    };
    // Far sides are talked to on the runtime of I/O, not on that of the API.
    let runtime = found.clone();
    let task = found.io.spawn(async move { answer(&runtime, &judged, &question).await });
    let told = match task.await {
        Ok(told) => told,
        Err(_) => {
            let message = "explaining panicked; this is a defect of Lockstep";
            return Err(HttpResponse::InternalServerError().json(json!({ "error": message })));
        }
    };
    told.map_err(|error| {
        let body = json!({ "error": error.to_string() });
        match error {
            ExplainError::NotSearched(_) => HttpResponse::Conflict().json(body),
            ExplainError::NotRead
            | ExplainError::Side(..)
            | ExplainError::End(_)
            | ExplainError::Store(_) => HttpResponse::ServiceUnavailable().json(body),
        }
    })
}

/// Finds a mailbox record by its id or its address.
fn judged(tenant: &Arc<TenantRuntime>, mailbox: &str) -> Option<Judged> {
    let id = Uuid::try_parse(mailbox).ok();
    let wanted = mailbox.to_lowercase();
    tenant.judged(|one| {
        Some(one.id) == id || one.address.as_ref().is_some_and(|it| it.as_str() == wanted)
    })
}
