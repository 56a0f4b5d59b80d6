//! Files of appointments: rows of `activitymimeattachment` (protocols B12; ATT-02, ATT-05).
//!
//! Whether a file changes the version of its appointment is not documented, so the files of all
//! linked appointments are listed by one query. Contents are read one by one, when needed.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use tracing::warn;
use uuid::Uuid;

use super::DataverseSide;
use super::batch::{Part, PartReply};
use super::errors::{self, Verdict};
use super::fetchxml;
use super::map::read;
use super::wire::{PAGING, encode, json};
use crate::domain::code::Code;
use crate::domain::file::{FileEntry, FileForm, NewFile};
use crate::domain::ids::NativeId;
use crate::domain::plan::Outcome;
use crate::domain::policy::Mailbox;
use crate::http::CallError;
use crate::ports::error::SideError;

/// The entity set.
const SET: &str = "activitymimeattachments";
/// The key.
const KEY: &str = "activitymimeattachmentid";
/// What a list shows.
const COLUMNS: [&str; 6] = [KEY, "objectid", "filename", "mimetype", "filesize", "versionnumber"];
/// Ids in one query: 500 encoded values stay well below the longest URL of a batch.
const IDS_PER_QUERY: usize = 500;
/// The service blocks the type or the size of a file.
const ATTACHMENT_BLOCKED: &str = "0x80043e09";

impl DataverseSide {
    /// Returns the files of each appointment, as the user may see them.
    pub(super) async fn list_files(
        &self,
        mailbox: &Mailbox,
        items: &[NativeId],
    ) -> Result<Vec<Option<Vec<FileEntry>>>, SideError> {
        let ids: Vec<&str> = items.iter().map(NativeId::as_str).collect();
        let ids: Vec<&str> = ids.into_iter().filter(|id| Uuid::try_parse(id).is_ok()).collect();
        let parts: Vec<Part> = ids.chunks(IDS_PER_QUERY).map(listing).collect();
        let mut found: HashMap<Uuid, Vec<FileEntry>> = HashMap::new();
        for reply in self.wire.read(Some(mailbox.object_id), &parts).await? {
            if !reply.is_success() {
                return Err(errors::into_side_error(&reply));
            }
            let page = json(&reply)?;
            let more = page.get("@Microsoft.Dynamics.CRM.morerecords").and_then(Json::as_bool);
            if more == Some(true) {
                return Err(SideError::TooLarge { reason: "more than a page of files".into() });
            }
            let rows = page.get("value").and_then(Json::as_array).ok_or_else(incomplete)?;
            for row in rows {
                let (item, file) = entry(row).ok_or_else(incomplete)?;
                found.entry(item).or_default().push(file);
            }
        }
        let of = |id: &NativeId| {
            let id = Uuid::try_parse(id.as_str()).ok()?;
            Some(found.remove(&id).unwrap_or_default())
        };
        Ok(items.iter().map(of).collect())
    }

    /// Returns the content of a file.
    pub(super) async fn file_content(
        &self,
        mailbox: &Mailbox,
        file: &NativeId,
    ) -> Result<Vec<u8>, SideError> {
        let part = Part::get(format!("{SET}({})?$select=body", guid(file)?));
        let replies = self.wire.read(Some(mailbox.object_id), &[part]).await?;
        let reply = replies.first().ok_or_else(incomplete)?;
        if !reply.is_success() {
            return Err(errors::into_side_error(reply));
        }
        let row = json(reply)?;
        let body = row.get("body").and_then(Json::as_str).unwrap_or_default();
        STANDARD.decode(body).map_err(|_| incomplete())
    }

    /// Adds a file under its key: a repeat finds it made.
    pub(super) async fn new_file(
        &self,
        mailbox: &Mailbox,
        item: &NativeId,
        file: &NewFile,
    ) -> Outcome {
        let Ok(item) = guid(item) else { return Outcome::Missing };
        let body = json!({
            "objectid_appointment@odata.bind": format!("/appointments({item})"),
            "objecttypecode": "appointment",
            "subject": file.name,
            "filename": file.name,
            "mimetype": (!file.mime.is_empty()).then_some(&file.mime),
            "body": STANDARD.encode(&file.content),
        });
        let path = format!("{SET}({})", file.key);
        let part =
            Part { method: "PATCH", path, headers: Vec::new(), body: Some(body.to_string()) };
        let outcome = self.write_file(mailbox, part.with("If-None-Match", "*")).await;
        // It exists already: an earlier try got through.
        if outcome == Outcome::Stale { Outcome::Done(None) } else { outcome }
    }

    /// Removes a file; gone already is what a removal wants.
    pub(super) async fn delete_file(&self, mailbox: &Mailbox, file: &NativeId) -> Outcome {
        let Ok(file) = guid(file) else { return Outcome::Missing };
        let path = format!("{SET}({file})");
        let part = Part { method: "DELETE", path, headers: Vec::new(), body: None };
        let outcome = self.write_file(mailbox, part).await;
        if outcome == Outcome::Missing { Outcome::Done(None) } else { outcome }
    }

    async fn write_file(&self, mailbox: &Mailbox, part: Part) -> Outcome {
        match self.wire.write(Some(mailbox.object_id), &[part]).await {
            Ok(replies) => replies.first().map_or(Outcome::Unknown, outcome),
            Err(CallError::NotSent(error)) => {
                warn!(%error, "a file was not written");
                Outcome::NotSent
            }
            Err(CallError::NoAnswer(error)) => {
                warn!(%error, "the write of a file got no answer");
                Outcome::Unknown
            }
        }
    }

    /// Sets `attachmenterrors` where it says something else. That it fails changes nothing of what
    /// is synchronized.
    pub(super) async fn mark_errors(&self, mailbox: &Mailbox, item: &NativeId, failed: bool) {
        let Ok(item) = guid(item) else { return };
        let caller = Some(mailbox.object_id);
        let path = format!("appointments({item})?$select=attachmenterrors");
        let Ok(replies) = self.wire.read(caller, &[Part::get(path)]).await else { return };
        let row = replies.first().filter(|reply| reply.is_success()).map(json);
        let Some(Ok(row)) = row else { return };
        let marked = row.get("attachmenterrors").and_then(Json::as_i64) == Some(1);
        if marked != failed {
            let body = Some(json!({ "attachmenterrors": i64::from(failed) }).to_string());
            let path = format!("appointments({item})");
            let part = Part { method: "PATCH", path, headers: Vec::new(), body };
            let _ = self.write_file(mailbox, part.with("If-Match", "*")).await;
        }
    }
}

fn listing(ids: &[&str]) -> Part {
    let query = fetchxml::rows_with("activitymimeattachment", &COLUMNS, &["objectid"], ids);
    Part::get(format!("{SET}?fetchXml={}", encode(&query.page(1, None)))).with("Prefer", PAGING)
}

fn entry(row: &Json) -> Option<(Uuid, FileEntry)> {
    let text = |name: &str| row.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let file = FileEntry {
        id: NativeId::new(read::guid(row, KEY)?.to_string()),
        version: Some(read::version(row)?.as_str().to_owned()),
        name: text("filename"),
        mime: text("mimetype"),
        size: row.get("filesize").and_then(Json::as_u64).unwrap_or(0),
        form: FileForm::Whole,
    };
    Some((read::guid(row, "_objectid_value")?, file))
}

fn outcome(reply: &PartReply) -> Outcome {
    match errors::judge(reply) {
        Verdict::Fine => Outcome::Done(None),
        Verdict::Throttled(_) => Outcome::NotSent,
        Verdict::Unavailable => Outcome::Unknown,
        Verdict::Missing => Outcome::Missing,
        Verdict::Precondition => Outcome::Stale,
        Verdict::Denied => Outcome::Refused(Code::PrivilegeMissing),
        Verdict::Refused if errors::code(&reply.body) == ATTACHMENT_BLOCKED => {
            Outcome::Refused(Code::AttachmentBlocked)
        }
        Verdict::Refused => Outcome::Refused(Code::WriteRefused),
    }
}

/// An id that is no guid would change the path of the request.
fn guid(id: &NativeId) -> Result<Uuid, SideError> {
    Uuid::try_parse(id.as_str()).map_err(|_| incomplete())
}

fn incomplete() -> SideError {
    SideError::Unreadable { reason: "a list of files lacks what it must have".into() }
}
