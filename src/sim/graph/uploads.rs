//! Upload sessions of large attachments (A10): an address that carries its own permission, and
//! ranges in order.
//!
//! The address is outside of `/v1.0`; a token sent there is refused, as the service may do.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use super::GraphSim;
use super::attachments::{Attached, SMALL_BYTES};
use super::call::Call;
use super::mailbox::stamp;
use super::refusal::{Refusal, invalid, no_method, not_found, property, unreadable};
use super::schema::schema;
use crate::sim::wire::{Request, Response};

/// The path of upload addresses.
pub(super) const PATH: &str = "/api/v2.0/attachmentsessions/";
/// The largest file of a session.
const MAX_BYTES: usize = 150 * 1024 * 1024;
/// One range is smaller than this.
const RANGE_BYTES: usize = 4 * 1024 * 1024;

/// One open session.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    mailbox: usize,
    key: u64,
    name: String,
    mime: Option<String>,
    total: usize,
    content: Vec<u8>,
    expires: DateTime<Utc>,
}

impl GraphSim {
    /// Answers `createUploadSession`.
    pub(super) fn open_upload(
        &mut self,
        mailbox: usize,
        key: u64,
        call: &Call,
    ) -> Result<Response, Refusal> {
        call.options("attachment", &[])?;
        let body = call.object()?;
        let Some(Value::Object(item)) = body.get("AttachmentItem") else {
            return Err(unreadable("'AttachmentItem' is missing."));
        };
        if let Some(name) = body.keys().find(|name| *name != "AttachmentItem") {
            return Err(unreadable(format!("The parameter '{name}' does not exist.")));
        }
        schema().check("attachmentItem", item, &[])?;
        let text = |name: &str| item.get(name).and_then(Value::as_str);
        if text("attachmentType") != Some("file") {
            return Err(property("'attachmentType' must be 'file' here."));
        }
        let total = item.get("size").and_then(Value::as_u64).unwrap_or_default();
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        if !(SMALL_BYTES..=MAX_BYTES).contains(&total) {
            return Err(invalid("A session takes files from 3 MB to 150 MB."));
        }
        let name = text("name").filter(|name| !name.is_empty());
        let upload = Upload {
            mailbox,
            key,
            name: name.ok_or_else(|| property("'name' is missing."))?.to_owned(),
            mime: text("contentType").map(str::to_owned),
            total,
            content: Vec::new(),
            expires: call.now + Duration::hours(1),
        };
        let token = self.random_id();
        let mut answer = state(&upload);
        answer["uploadUrl"] = json!(format!("{}{PATH}{token}", self.base_url));
        self.uploads.insert(token, upload);
        Ok(Response::json(201, &answer))
    }

    /// Answers a request to an upload address.
    pub(super) fn upload(
        &mut self,
        request: &Request,
        now: DateTime<Utc>,
    ) -> Result<Response, Refusal> {
        if request.header("Authorization").is_some() {
            let text = "The address carries its own permission; a token is refused.";
            return Err(Refusal::new(401, "InvalidAuthenticationToken", text));
        }
        let path = request.target.split('?').next().unwrap_or_default();
        let token = path.strip_prefix(PATH).unwrap_or_default().to_owned();
        let upload = self.uploads.get_mut(&token).filter(|upload| upload.expires > now);
        let upload = upload.ok_or_else(not_found)?;
        match request.method.as_str() {
            "GET" => return Ok(Response::json(200, &state(upload))),
            "DELETE" => {
                self.uploads.remove(&token);
                return Ok(Response::empty(204));
            }
            "PUT" => {}
            _ => return Err(no_method()),
        }
        let (from, to, total) = range(request)?;
        if from != upload.content.len() || total != upload.total || to >= total {
            return Err(Refusal::new(416, "InvalidRange", "The range is not the next one."));
        }
        if request.body.len() != to - from + 1 {
            return Err(invalid("The body is not as long as its range."));
        }
        if request.body.len() >= RANGE_BYTES {
            return Err(Refusal::new(413, "RequestEntityTooLarge", "A range is below 4 MB."));
        }
        upload.content.extend_from_slice(&request.body);
        if upload.content.len() < upload.total {
            return Ok(Response::json(200, &state(upload)));
        }
        let Some(done) = self.uploads.remove(&token) else { return Err(not_found()) };
        let number = self.mailboxes[done.mailbox].number();
        let made = Attached {
            number,
            form: "fileAttachment",
            name: done.name,
            mime: done.mime,
            content: done.content,
            inline: false,
            modified: now,
        };
        self.hang(done.mailbox, done.key, made, now);
        self.writes += 1;
        Ok(Response::empty(201)
            .with("Location", format!("{}{PATH}done('{number}')", self.base_url)))
    }
}

fn state(upload: &Upload) -> Value {
    json!({ "expirationDateTime": stamp(upload.expires),
        "nextExpectedRanges": [format!("{}-", upload.content.len())] })
}

/// Reads `Content-Range: bytes 0-1/2`.
fn range(request: &Request) -> Result<(usize, usize, usize), Refusal> {
    let refuse = || invalid("'Content-Range' is missing or malformed.");
    let text = request.header("Content-Range").and_then(|text| text.strip_prefix("bytes "));
    let (range, total) = text.and_then(|text| text.split_once('/')).ok_or_else(refuse)?;
    let (from, to) = range.split_once('-').ok_or_else(refuse)?;
    let number = |text: &str| text.trim().parse::<usize>().map_err(|_| refuse());
    let (from, to) = (number(from)?, number(to)?);
    if to < from {
        return Err(refuse());
    }
    Ok((from, to, number(total)?))
}
