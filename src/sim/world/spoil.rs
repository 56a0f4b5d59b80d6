//! Answers that the fault plan asks for: refusals, cut bodies, pages without an end.
//!
//! Refusals look as the services' front ends make them (protocols A12, A13, B7).

use serde_json::{Value, json};

use crate::sim::faults::FarSide;
use crate::sim::wire::Response;

/// Query option that marks a further page of an endless collection.
const PAGE_OPTION: &str = "stand-in-page=";

/// Stands in for a body where the real answer has none.
const SOME_JSON: &[u8] = br#"{"value":[{"id":"0"}]}"#;

/// Returns a refusal of the service, or of the gateway before it.
pub(super) fn refusal(side: FarSide, status: u16) -> Response {
    let is_gateway = matches!(status, 502 | 504) || (side == FarSide::Dataverse && status == 503);
    if is_gateway {
        let page = format!("<html><body><h1>{status}</h1>Try again later.</body></html>");
        return Response { status, headers: Vec::new(), body: page.into_bytes() }
            .with("Content-Type", "text/html");
    }
    let code = match (side, status) {
        (FarSide::Dataverse, _) => "0x80040216",
        (_, 503) => "ServiceUnavailable",
        (_, 509) => "BandwidthLimitExceeded",
        _ => "InternalServerError",
    };
    error(side, status, code, "An unexpected error occurred.")
}

/// Returns a throttling answer with `Retry-After`.
pub(super) fn throttle(side: FarSide, status: u16, retry_after_s: u32) -> Response {
    let (code, message) = match (side, status) {
        (FarSide::Dataverse, 429) => (
            "0x80072322",
            "Number of requests exceeded the limit of 6000 over time window of 300 seconds.",
        ),
        (FarSide::Dataverse, _) => ("0x80040216", "The server is busy."),
        (_, 429) => ("TooManyRequests", "Too many requests."),
        _ => ("ServiceUnavailable", "The service is temporarily unavailable."),
    };
    error(side, status, code, message).with("Retry-After", retry_after_s.to_string())
}

/// Gives an answer without a body some JSON, so that there is something to spoil.
pub(super) fn with_body(mut answer: Response) -> Response {
    if answer.body.is_empty() {
        answer.status = 200;
        answer.body = SOME_JSON.to_vec();
    }
    answer
}

/// Cuts the body in half; the head will announce what is left.
pub(super) fn cut(mut answer: Response) -> Response {
    answer.body.truncate(answer.body.len() / 2);
    answer
}

/// Replaces a text in the body.
pub(super) fn rewrite(mut answer: Response, from: &str, to: &str) -> Response {
    answer.body = String::from_utf8_lossy(&answer.body).replace(from, to).into_bytes();
    answer
}

/// Takes the page number of an endless collection out of a target.
pub(super) fn strip_page(target: &str) -> (String, Option<u64>) {
    let Some((path, query)) = target.split_once('?') else { return (target.to_owned(), None) };
    let page = query.split('&').find_map(|option| option.strip_prefix(PAGE_OPTION));
    let Some(page) = page.and_then(|number| number.parse().ok()) else {
        return (target.to_owned(), None);
    };
    let rest: Vec<&str> =
        query.split('&').filter(|option| !option.starts_with(PAGE_OPTION)).collect();
    if rest.is_empty() {
        return (path.to_owned(), Some(page));
    }
    (format!("{path}?{}", rest.join("&")), Some(page))
}

/// Links a page to the same page under the next number; leaves everything else as it is.
pub(super) fn link_further_page(
    mut answer: Response,
    base_url: &str,
    target: &str,
    page: u64,
) -> Response {
    let Ok(Value::Object(mut body)) = serde_json::from_slice(&answer.body) else { return answer };
    if !body.get("value").is_some_and(Value::is_array) {
        return answer;
    }
    let joint = if target.contains('?') { '&' } else { '?' };
    let next = page.saturating_add(1);
    let link = format!("{base_url}{target}{joint}{PAGE_OPTION}{next}");
    body.remove("@odata.deltaLink");
    body.insert("@odata.nextLink".to_owned(), Value::from(link));
    answer.body = Value::Object(body).to_string().into_bytes();
    answer
}

fn error(side: FarSide, status: u16, code: &str, message: &str) -> Response {
    let body = match side {
        FarSide::Token => {
            json!({ "error": "temporarily_unavailable", "error_description": message })
        }
        FarSide::Dataverse | FarSide::Graph => {
            json!({ "error": { "code": code, "message": message } })
        }
    };
    Response::json(status, &body)
}
