//! `$batch`: multipart requests, atomic change sets (protocols.md B6).
//!
//! Inner requests are executed one after another with their own headers; nothing but the token
//! is taken from the outer request.

mod parts;

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::DataverseSim;
use super::core::Core;
use super::error::{Refusal, poisoned};
use super::limits::too_many;
use super::prefer::Prefer;
use super::url::MAX_BATCH_URL;
use crate::sim::wire::{Request, Response};
use parts::{Inner, Item};

/// The most requests of one batch.
const MOST: usize = 1_000;

impl DataverseSim {
    /// Forgets what `throttle_inner` said and no batch has met.
    pub fn calm(&mut self) {
        self.throttled.clear();
    }

    /// Answers `POST /$batch`.
    pub(super) fn batch(&mut self, request: &Request, now: DateTime<Utc>) -> Response {
        let items = match parts::read(request) {
            Ok(items) => items,
            Err(refusal) => return refusal.response(),
        };
        let count: usize = items.iter().map(Item::len).sum();
        if count > MOST {
            let text = "The number of operations in the batch exceeds the limit of 1000.";
            return Refusal::new(400, "0x80060888", text).response();
        }
        let go_on = Prefer::read(request).continue_on_error;
        let mut work = Work { throttled: std::mem::take(&mut self.throttled), number: 0, now };
        let boundary = format!("batchresponse_{}", self.core.guid());
        let mut body = String::new();
        let mut status = 200;
        for item in items {
            let (failed, text) = match item {
                Item::Single(inner) => {
                    let response = self.inner(&mut work, inner.request);
                    (failure(&response), parts::write(&response, None))
                }
                Item::Set(set) => self.change_set(&mut work, set),
            };
            body.push_str(&format!("--{boundary}\r\n{text}\r\n"));
            if let Some(code) = failed
                && !go_on
            {
                status = code;
                break;
            }
        }
        body.push_str(&format!("--{boundary}--\r\n"));
        let mut response = Response::empty(status)
            .with("Content-Type", format!("multipart/mixed; boundary={boundary}"))
            .with("OData-Version", "4.0");
        response.body = body.into_bytes();
        response
    }

    /// Executes one inner request, unless a limit is in its way.
    fn inner(&mut self, work: &mut Work, request: Request) -> Response {
        let number = work.number;
        work.number += 1;
        let forced = work.throttled.iter().find(|(nth, _)| *nth == number);
        if let Some((_, wait)) = forced {
            return too_many(*wait);
        }
        if let Err(exceeded) = self.limits.charge_inner(work.now) {
            return exceeded.response();
        }
        if let Some(status) = self.poisons.of_request(&request) {
            return poisoned(status);
        }
        self.core.answer(&request, work.now, MAX_BATCH_URL)
    }

    /// Executes a change set: all or nothing.
    fn change_set(&mut self, work: &mut Work, set: Vec<Inner>) -> (Option<u16>, String) {
        let length = set.len();
        let first = work.number;
        let writes = self.core.writes;
        let mut made: HashMap<String, String> = HashMap::new();
        let mut answers = Vec::with_capacity(length);
        self.core.store.begin();
        for inner in set {
            let id = inner.content_id.clone();
            let response = match refer(inner.request, &made) {
                Ok(request) => {
                    let target = request.target.clone();
                    let response = self.inner(work, request);
                    if let (Some(id), Some(url)) = (&id, entity(&self.core, &response, &target)) {
                        made.insert(id.clone(), url);
                    }
                    response
                }
                Err(refusal) => refusal.response(),
            };
            if let Some(status) = failure(&response) {
                self.core.store.roll_back();
                self.core.writes = writes;
                work.number = first + length;
                return (Some(status), parts::write(&response, id.as_deref()));
            }
            answers.push(parts::write(&response, id.as_deref()));
        }
        self.core.store.commit();
        let boundary = format!("changesetresponse_{}", self.core.guid());
        let mut text = format!("Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n");
        for answer in answers {
            text.push_str(&format!("--{boundary}\r\n{answer}\r\n"));
        }
        text.push_str(&format!("--{boundary}--\r\n"));
        (None, text)
    }
}

/// What a batch carries from one inner request to the next.
struct Work {
    /// Inner requests (from 0) that get 429 with this wait.
    throttled: Vec<(usize, u32)>,
    number: usize,
    now: DateTime<Utc>,
}

fn failure(response: &Response) -> Option<u16> {
    (response.status >= 400).then_some(response.status)
}

/// The URL of the record that a part made or changed.
fn entity(core: &Core, response: &Response, target: &str) -> Option<String> {
    let url = response.header("OData-EntityId").map(ToOwned::to_owned);
    url.or_else(|| {
        let path = target.split('?').next()?;
        let set = path.rsplit('/').next()?;
        set.contains('(').then(|| format!("{}/{set}", core.root))
    })
}

/// Puts the URLs of earlier parts in the place of `$1`.
fn refer(mut request: Request, made: &HashMap<String, String>) -> Result<Request, Refusal> {
    let find = |id: &str| {
        made.get(id).ok_or_else(|| {
            Refusal::malformed(format!("The content id '${id}' does not name an earlier request."))
        })
    };
    if let Some(rest) = request.target.strip_prefix('$')
        && rest.starts_with(|c: char| c.is_ascii_digit())
    {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        request.target = format!("{}{}", find(&rest[..end])?, &rest[end..]);
    }
    if !request.body.contains(&b'$') {
        return Ok(request);
    }
    if let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(&request.body) {
        replace(&mut value, &find)?;
        request.body = value.to_string().into_bytes();
    }
    Ok(request)
}

/// References stand only where a URL is expected: in `@odata.bind` and `@odata.id`.
fn replace<'a>(
    value: &mut serde_json::Value,
    find: &impl Fn(&str) -> Result<&'a String, Refusal>,
) -> Result<(), Refusal> {
    match value {
        serde_json::Value::Object(object) => {
            for (name, inner) in object.iter_mut() {
                let url = name.ends_with("@odata.bind") || name == "@odata.id";
                match inner.as_str().and_then(|text| text.trim_start_matches('/').strip_prefix('$'))
                {
                    Some(id) if url => *inner = find(id)?.as_str().into(),
                    _ => replace(inner, find)?,
                }
            }
        }
        serde_json::Value::Array(list) => {
            for inner in list {
                replace(inner, find)?;
            }
        }
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => {}
    }
    Ok(())
}
