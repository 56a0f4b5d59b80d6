//! JSON batches (A11): checks, order of execution and the shuffled reply.
//!
//! Absent: batches inside batches.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::refusal::{Refusal, Trace, unreadable};
use super::{GraphSim, throttle, traced};
use crate::sim::wire::{Request, Response};

/// The most requests one batch may hold.
const MAX_REQUESTS: usize = 20;

struct Inner {
    id: String,
    request: Request,
    after: Vec<String>,
}

fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "BadRequest", message)
}

impl GraphSim {
    /// Answers a batch; each inner request is judged alone.
    pub(super) fn batch(
        &mut self,
        request: &Request,
        trace: &Trace,
        now: DateTime<Utc>,
    ) -> Result<Response, Refusal> {
        if request.method != "POST" {
            return Err(super::refusal::no_method());
        }
        let json = request
            .header("Content-Type")
            .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"));
        if !json {
            return Err(unreadable("A batch needs the Content-Type 'application/json'."));
        }
        let inner = read(&request.body)?;
        let throttled = std::mem::take(&mut self.throttled);
        let mut crowd = std::mem::take(&mut self.crowd);
        let mut status: HashMap<String, u16> = HashMap::new();
        let mut answers = Vec::with_capacity(inner.len());
        for (number, one) in inner.iter().enumerate() {
            let inner_trace = Trace {
                request_id: trace.request_id.clone(),
                client_request_id: one
                    .request
                    .header("client-request-id")
                    .unwrap_or(&trace.client_request_id)
                    .to_owned(),
                at: now,
            };
            let wait = throttled.iter().find(|(nth, _)| *nth == number).map(|(_, wait)| *wait);
            let failed = one.after.iter().any(|id| status.get(id).is_none_or(|s| *s >= 400));
            let answer = if failed {
                let text = "The request depends on a request that failed.";
                let refusal = Refusal::new(424, "FailedDependency", text);
                traced(refusal.response(&inner_trace), &inner_trace)
            } else if let Some(wait) = wait {
                let answer = throttle(i64::from(wait), &inner_trace, "MailboxConcurrency");
                traced(answer, &inner_trace)
            } else if one.after.is_empty()
                && let Some(answer) = self.crowd_out(&mut crowd, &one.request, &inner_trace, now)
            {
                answer
            } else {
                self.serve(&one.request, inner_trace, now)
            };
            status.insert(one.id.clone(), answer.status);
            answers.push(render(&one.id, &answer));
        }
        self.rng.shuffle(&mut answers);
        Ok(Response::json(200, &json!({ "responses": answers })))
    }
}

fn read(body: &[u8]) -> Result<Vec<Inner>, Refusal> {
    let value: Value =
        serde_json::from_slice(body).map_err(|_| unreadable("Unable to read the JSON body."))?;
    let list = value["requests"].as_array().ok_or_else(|| bad("'requests' is missing."))?;
    if list.is_empty() || list.len() > MAX_REQUESTS {
        return Err(bad("A batch holds from 1 to 20 requests."));
    }
    let mut made: Vec<Inner> = Vec::with_capacity(list.len());
    for entry in list {
        let one = inner(entry)?;
        if made.iter().any(|other| other.id.eq_ignore_ascii_case(&one.id)) {
            return Err(bad(format!("The request id '{}' is not unique.", one.id)));
        }
        // A request comes after those it depends on.
        let missing = one.after.iter().find(|id| !made.iter().any(|other| other.id == **id));
        if let Some(id) = missing {
            return Err(bad(format!("The request depends on '{id}', which does not precede it.")));
        }
        made.push(one);
    }
    Ok(made)
}

fn inner(entry: &Value) -> Result<Inner, Refusal> {
    let entry = entry.as_object().ok_or_else(|| bad("A request must be an object."))?;
    let known = ["id", "method", "url", "headers", "body", "dependsOn"];
    if let Some(name) = entry.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(bad(format!("The property '{name}' does not exist on a request.")));
    }
    let text = |name: &str| {
        let found = entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        found.ok_or_else(|| bad(format!("A request needs '{name}'.")))
    };
    let (id, url) = (text("id")?.to_owned(), text("url")?);
    if !url.starts_with('/') || url.starts_with("/$batch") || url.starts_with("//") {
        return Err(bad(format!("The url '{url}' is not relative to the service root.")));
    }
    let headers = headers(entry)?;
    let typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let body = entry.get("body").filter(|body| !body.is_null());
    if body.is_some() && !typed {
        return Err(bad(format!("The request '{id}' has a body but no Content-Type.")));
    }
    let after = match entry.get("dependsOn") {
        None | Some(Value::Null) => Vec::new(),
        Some(list) => serde_json::from_value(list.clone())
            .map_err(|_| bad("'dependsOn' must be a list of ids."))?,
    };
    let request = Request {
        method: text("method")?.to_ascii_uppercase(),
        target: format!("/v1.0{url}"),
        headers,
        body: body.map(|body| body.to_string().into_bytes()).unwrap_or_default(),
    };
    Ok(Inner { id, request, after })
}

fn headers(entry: &Map<String, Value>) -> Result<Vec<(String, String)>, Refusal> {
    let Some(given) = entry.get("headers").filter(|value| !value.is_null()) else {
        return Ok(Vec::new());
    };
    let given = given.as_object().ok_or_else(|| bad("'headers' must be an object."))?;
    given
        .iter()
        .map(|(name, value)| {
            let value = value.as_str().ok_or_else(|| bad("A header's value must be a text."))?;
            Ok((name.clone(), value.to_owned()))
        })
        .collect()
}

fn render(id: &str, answer: &Response) -> Value {
    let headers: Map<String, Value> =
        answer.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let mut made = json!({ "id": id, "status": answer.status, "headers": headers });
    if !answer.body.is_empty() {
        made["body"] = serde_json::from_slice(&answer.body).unwrap_or_default();
    }
    made
}
