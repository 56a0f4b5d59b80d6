//! Files of events (protocols A10; ATT-02, ATT-05).
//!
//! Lists come without contents; a content is fetched alone. What is smaller than 3 MB is posted,
//! the rest goes through an upload session, range by range. Attaching mails nobody; the next change
//! of a meeting does, and is classed as such.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

use super::GraphSide;
use super::batch::{Body, Inner, InnerReply};
use super::client::{Answer, Lost};
use super::errors::{self, Write};
use super::lists::no_page;
use super::url::{Paths, relative};
use super::wire::Page;
use crate::domain::file::{FileEntry, FileForm, NewFile};
use crate::domain::ids::{Address, NativeId};
use crate::domain::plan::Outcome;
use crate::ports::error::SideError;

/// From this size on a file goes through an upload session (event-post-attachments).
const SESSION_BYTES: usize = 3 * 1024 * 1024;
/// One range of an upload: below the 4 MB that the service takes, and a multiple of 320 KiB.
const RANGE_BYTES: usize = 12 * 320 * 1024;
/// Pages of one event's list: 1,000 files, more than a mailbox takes on one event.
const PAGES_MAX: usize = 10;
/// What a list shows; contents are left out.
const LISTED: &str = "$select=id,name,contentType,size,isInline,lastModifiedDateTime";
const FILE_TYPE: &str = "#microsoft.graph.fileAttachment";

impl GraphSide {
    /// Returns the files of each event; `None` for one that is not there.
    pub(super) async fn list_files(
        &self,
        mailbox: &Address,
        events: &[NativeId],
    ) -> Result<Vec<Option<Vec<FileEntry>>>, SideError> {
        let paths = Paths::new(mailbox);
        let mut found: Vec<Option<Vec<FileEntry>>> = vec![Some(Vec::new()); events.len()];
        let first = |id: &NativeId| format!("{}?{LISTED}", paths.files(id.as_str()));
        let mut open: Vec<(usize, String)> =
            events.iter().enumerate().map(|(at, id)| (at, first(id))).collect();
        for _ in 0..PAGES_MAX {
            let requests: Vec<Inner> =
                open.iter().map(|(_, url)| Inner::page(url.clone())).collect();
            let replies = self.client.read(mailbox, &requests).await?;
            let mut next = Vec::new();
            for ((at, _), reply) in open.into_iter().zip(replies) {
                if let Some(link) = take_page(&mut found[at], reply)? {
                    next.push((at, relative(&self.root, &link)?));
                }
            }
            open = next;
            if open.is_empty() {
                return Ok(found);
            }
        }
        Err(SideError::TooLarge { reason: format!("more than {PAGES_MAX} pages of attachments") })
    }

    /// Returns the content of a file.
    pub(super) async fn file_content(
        &self,
        mailbox: &Address,
        event: &NativeId,
        file: &NativeId,
    ) -> Result<Vec<u8>, SideError> {
        let url = Paths::new(mailbox).file(event.as_str(), file.as_str());
        let mut replies = self.client.read::<Json>(mailbox, &[Inner::get(url)]).await?;
        let reply = replies.pop().unwrap_or_default();
        if reply.status != 200 {
            return Err(errors::refused_read(reply.status, &reply.body));
        }
        let text = reply.body.get("contentBytes").and_then(Json::as_str);
        text.and_then(|text| STANDARD.decode(text).ok()).ok_or_else(|| SideError::Unreadable {
            reason: "an attachment has no content".to_owned(),
        })
    }

    /// Hangs a file on an event.
    pub(super) async fn new_file(
        &self,
        mailbox: &Address,
        event: &NativeId,
        file: &NewFile,
    ) -> Outcome {
        let url = Paths::new(mailbox).files(event.as_str());
        if file.content.len() >= SESSION_BYTES {
            return self.upload(mailbox, url, file).await;
        }
        let mut body = Map::new();
        body.insert("@odata.type".to_owned(), json!(FILE_TYPE));
        body.insert("name".to_owned(), json!(file.name));
        if !file.mime.is_empty() {
            body.insert("contentType".to_owned(), json!(file.mime));
        }
        body.insert("contentBytes".to_owned(), json!(STANDARD.encode(&file.content)));
        let answers = self.client.write(mailbox, &[Inner::post(url, body)]).await;
        answered(answers, Write::Create).err().unwrap_or(Outcome::Done(None))
    }

    /// Uploads a large file. A session that breaks off leaves nothing behind; it is begun anew.
    async fn upload(&self, mailbox: &Address, url: String, file: &NewFile) -> Outcome {
        let mut item = json!({ "attachmentType": "file", "name": file.name,
            "size": file.content.len() });
        if !file.mime.is_empty() {
            item["contentType"] = json!(file.mime);
        }
        let body = Map::from_iter([("AttachmentItem".to_owned(), item)]);
        let request = Inner::post(format!("{url}/createUploadSession"), body);
        let session = match answered(self.client.write(mailbox, &[request]).await, Write::Create) {
            Ok(reply) => reply.body,
            // Without a session nothing was attached, whatever became of the request.
            Err(Outcome::Unknown) => return Outcome::NotSent,
            Err(outcome) => return outcome,
        };
        let Some(target) = session.get("uploadUrl").and_then(Json::as_str) else {
            return Outcome::NotSent;
        };
        let total = file.content.len();
        let mut from = 0;
        for bytes in file.content.chunks(RANGE_BYTES) {
            let range = format!("bytes {from}-{}/{total}", from + bytes.len() - 1);
            from += bytes.len();
            let last = from == total;
            let put = self.client.transport.put_range(mailbox, target, range, bytes.to_vec()).await;
            match put {
                Ok(200 | 202) if !last => {}
                Ok(200 | 201) if last => return Outcome::Done(None),
                // A server that failed, or lost patience, may have attached it.
                Ok(status @ (408 | 500..)) if last => {
                    tracing::warn!(status, "the last range of an upload failed");
                    return Outcome::Unknown;
                }
                Ok(status) => {
                    tracing::warn!(status, "a range of an upload was refused");
                    return Outcome::NotSent;
                }
                Err(Lost::NoAnswer(error)) if last => {
                    tracing::warn!(%error, "the last range of an upload got no answer");
                    return Outcome::Unknown;
                }
                Err(Lost::NoAnswer(error) | Lost::NotSent(error)) => {
                    tracing::warn!(%error, "a range of an upload did not get through");
                    return Outcome::NotSent;
                }
            }
        }
        Outcome::Unknown
    }

    /// Takes a file off an event; gone already is what a removal wants.
    pub(super) async fn delete_file(
        &self,
        mailbox: &Address,
        event: &NativeId,
        file: &NativeId,
    ) -> Outcome {
        let url = Paths::new(mailbox).file(event.as_str(), file.as_str());
        let answers = self.client.write(mailbox, &[Inner::delete(url)]).await;
        match answered(answers, Write::Delete) {
            Ok(_) | Err(Outcome::Missing) => Outcome::Done(None),
            Err(outcome) => outcome,
        }
    }
}

/// Takes one page of an event's list and returns the link to the next.
fn take_page(
    found: &mut Option<Vec<FileEntry>>,
    reply: InnerReply<Option<Page>>,
) -> Result<Option<String>, SideError> {
    if reply.status != 200 {
        if errors::is_item_gone(reply.status, &reply.body.code()) {
            *found = None;
            return Ok(None);
        }
        return Err(errors::refused_read(reply.status, &reply.body));
    }
    let page = reply.body.ok_or_else(no_page)?;
    if let Some(list) = found {
        list.extend(page.value.iter().filter_map(entry));
    }
    Ok(page.next)
}

fn entry(row: &Json) -> Option<FileEntry> {
    let text = |name: &str| row.get(name).and_then(Json::as_str).unwrap_or_default();
    let is_file = text("@odata.type") == FILE_TYPE;
    let inline = row.get("isInline").and_then(Json::as_bool) == Some(true);
    let form = match (is_file, inline) {
        (false, _) => FileForm::Elsewhere,
        (true, true) => FileForm::Inline,
        (true, false) => FileForm::Whole,
    };
    Some(FileEntry {
        id: NativeId::new(row.get("id")?.as_str().filter(|id| !id.is_empty())?),
        version: None,
        name: text("name").to_owned(),
        mime: text("contentType").to_owned(),
        size: row.get("size").and_then(Json::as_u64).unwrap_or(0),
        form,
    })
}

/// Returns the answer to one write that succeeded, or the outcome of one that did not.
fn answered(answers: Vec<Answer>, write: Write) -> Result<InnerReply, Outcome> {
    match answers.into_iter().next() {
        Some(Answer::Reply(reply)) if (200..300).contains(&reply.status) => Ok(reply),
        Some(Answer::Reply(reply)) => Err(errors::refused_write(write, reply.status, &reply.body)),
        Some(Answer::NotSent) => Err(Outcome::NotSent),
        Some(Answer::Lost) | None => Err(Outcome::Unknown),
    }
}

#[cfg(test)]
mod tests;
