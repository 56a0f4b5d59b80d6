//! What a page refuses, as a page: people get no raw JSON. Programs ask under `/api`, and for health
//! and metrics; their answers stay as they are.

use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody, to_bytes};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use serde_json::Value;

use super::{html_with, pages};

/// Turns the refusals of pages into pages.
pub(super) async fn readable<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let for_people = is_page(request.path());
    let answer = next.call(request).await?;
    let status = answer.status();
    if !for_people || !(status.is_client_error() || status.is_server_error()) {
        return Ok(answer.map_into_left_body());
    }
    let (request, response) = answer.into_parts();
    // Refusals are this node's own, and short.
    let said = to_bytes(response.into_body()).await.unwrap_or_default();
    let page = html_with(status, pages::refused(status, &sentence(status, &said)));
    Ok(ServiceResponse::new(request, page).map_into_right_body())
}

fn is_page(path: &str) -> bool {
    let of_programs = ["/healthz", "/readyz", "/metrics", "/api"];
    !of_programs.iter().any(|one| {
        path.strip_prefix(one).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Returns the sentence of a refusal, or what its status says.
fn sentence(status: StatusCode, said: &[u8]) -> String {
    let json = serde_json::from_slice::<Value>(said).unwrap_or_default();
    match json["error"].as_str() {
        Some(error) => error.to_owned(),
        None if status == StatusCode::NOT_FOUND => "there is no such page on this node".to_owned(),
        None => "the page cannot be shown".to_owned(),
    }
}
