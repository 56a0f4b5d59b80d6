//! The attachments of events (A10): lists, contents, small files, removal.
//!
//! Large files come through `uploads`. Attaching changes the event and mails nobody. Absent: files
//! that travel with meeting mails, and making items and links through the API.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::GraphSim;
use super::call::Call;
use super::ids::{self, Kind, Parsed};
use super::mailbox::stamp;
use super::one;
use super::refusal::{Refusal, malformed_id, no_method, no_segment, not_found, property};
use super::schema::schema;
use crate::sim::wire::Response;

/// A file posted in one piece is smaller than this.
pub(super) const SMALL_BYTES: usize = 3 * 1024 * 1024;
/// What Exchange counts beside the content: an estimate, so that nobody takes it for the content.
const OVERHEAD: usize = 178;

/// One attachment.
#[derive(Debug, Clone)]
pub(super) struct Attached {
    pub(super) number: u64,
    /// `fileAttachment`, `itemAttachment` or `referenceAttachment`.
    pub(super) form: &'static str,
    pub(super) name: String,
    pub(super) mime: Option<String>,
    pub(super) content: Vec<u8>,
    pub(super) inline: bool,
    pub(super) modified: DateTime<Utc>,
}

impl GraphSim {
    /// Answers everything under `/events/{id}/attachments`.
    pub(super) fn attachments_route(
        &mut self,
        mailbox: usize,
        event: &str,
        rest: &[&str],
        call: &Call,
    ) -> Result<Response, Refusal> {
        let (key, _) = self.event_at(mailbox, event)?;
        match (call.method.as_str(), rest) {
            ("GET", []) => {
                let options = call.options("attachment", &["$select", "$top", "$skip"])?;
                let select = options.select.clone();
                let list = self.attached.get(&(mailbox, key)).cloned().unwrap_or_default();
                let rows: Vec<Value> = list
                    .iter()
                    .map(|one| self.attachment(mailbox, one, select.as_deref(), call))
                    .collect();
                Ok(self.page(call, &options, rows.len(), rows.into_iter()))
            }
            ("POST", []) => {
                let made = posted(call)?;
                let row = self.attach(mailbox, key, made, call);
                Ok(one(&self.base_url, "users/events/attachments", row, 201))
            }
            ("POST", ["createUploadSession"]) => self.open_upload(mailbox, key, call),
            ("GET", [id]) => {
                let options = call.options("attachment", &["$select"])?;
                let found = self.attachment_of(mailbox, key, id)?.clone();
                let select = options.select.as_deref();
                let row = self.attachment(mailbox, &found, select, call);
                Ok(one(&self.base_url, "users/events/attachments", row, 200))
            }
            ("DELETE", [id]) => {
                call.options("attachment", &[])?;
                let number = self.attachment_of(mailbox, key, id)?.number;
                self.detach(mailbox, key, number, call.now);
                Ok(Response::empty(204))
            }
            (_, [] | [_]) => Err(no_method()),
            (_, [.., last]) => Err(no_segment(last)),
        }
    }

    fn attachment_of(&self, mailbox: usize, key: u64, id: &str) -> Result<&Attached, Refusal> {
        let owner = self.mailboxes[mailbox].person.object_id;
        let parsed = ids::decode(owner, Kind::Attachment, id).ok_or_else(malformed_id)?;
        let list = self.attached.get(&(mailbox, key)).map(Vec::as_slice).unwrap_or_default();
        list.iter().find(|one| one.number == parsed.number).ok_or_else(not_found)
    }

    /// Hangs a file on an event and returns it as a reply shows it.
    pub(super) fn attach(
        &mut self,
        mailbox: usize,
        key: u64,
        mut made: Attached,
        call: &Call,
    ) -> Value {
        made.number = self.mailboxes[mailbox].number();
        self.hang(mailbox, key, made.clone(), call.now);
        self.attachment(mailbox, &made, None, call)
    }

    pub(super) fn hang(&mut self, mailbox: usize, key: u64, made: Attached, now: DateTime<Utc>) {
        self.attached.entry((mailbox, key)).or_default().push(made);
        self.after_files(mailbox, key, now);
    }

    pub(super) fn detach(&mut self, mailbox: usize, key: u64, number: u64, now: DateTime<Utc>) {
        if let Some(list) = self.attached.get_mut(&(mailbox, key)) {
            list.retain(|one| one.number != number);
        }
        self.after_files(mailbox, key, now);
    }

    fn after_files(&mut self, mailbox: usize, key: u64, now: DateTime<Utc>) {
        let any = self
            .attached
            .get(&(mailbox, key))
            .is_some_and(|list| list.iter().any(|one| !one.inline));
        let room = &mut self.mailboxes[mailbox];
        if let Some(item) = room.items.get_mut(&key) {
            item.fields.insert("hasAttachments".into(), json!(any));
        }
        room.touch(key, now);
    }

    /// Renders an attachment; a list that selects has no content in it.
    fn attachment(
        &self,
        mailbox: usize,
        one: &Attached,
        select: Option<&[String]>,
        call: &Call,
    ) -> Value {
        let owner = self.mailboxes[mailbox].person.object_id;
        let parsed = Parsed { number: one.number, day: None, immutable: call.prefer.immutable };
        let id = ids::encode(owner, Kind::Attachment, parsed);
        let mut row = json!({
            "@odata.type": format!("#microsoft.graph.{}", one.form),
            "id": id,
            "lastModifiedDateTime": stamp(one.modified),
            "name": one.name,
            "contentType": one.mime,
            "size": one.content.len() + OVERHEAD,
            "isInline": one.inline,
        });
        match select {
            Some(select) => {
                if let Some(row) = row.as_object_mut() {
                    let kept = ["@odata.type", "id"];
                    row.retain(|name, _| kept.contains(&name.as_str()) || select.contains(name));
                }
            }
            None if one.form == "fileAttachment" => {
                row["contentBytes"] = json!(STANDARD.encode(&one.content));
            }
            None => {}
        }
        row
    }
}

/// Reads the body of a POST.
fn posted(call: &Call) -> Result<Attached, Refusal> {
    call.options("attachment", &[])?;
    let body = call.object()?;
    if body.get("@odata.type").and_then(Value::as_str) != Some("#microsoft.graph.fileAttachment") {
        return Err(property("'@odata.type' must be '#microsoft.graph.fileAttachment' here."));
    }
    schema().check("fileAttachment", &body, &[])?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let name = text("name").filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| property("An attachment needs 'name'."))?;
    let bytes = text("contentBytes").ok_or_else(|| property("'contentBytes' is missing."))?;
    let content = STANDARD.decode(bytes).map_err(|_| property("'contentBytes' is not base64."))?;
    if content.len() >= SMALL_BYTES {
        let text = "The attachment is too large to be posted; use an upload session.";
        return Err(Refusal::new(413, "ErrorAttachmentSizeLimitExceeded", text));
    }
    Ok(Attached {
        number: 0,
        form: "fileAttachment",
        name: name.to_owned(),
        mime: text("contentType").map(str::to_owned),
        content,
        inline: body.get("isInline").and_then(Value::as_bool).unwrap_or(false),
        modified: call.now,
    })
}

// What people do in Outlook, and what lies there.
impl GraphSim {
    /// Attaches a file to an event as the mailbox's owner.
    ///
    /// # Errors
    /// Refuses an unknown event.
    pub fn user_attach(
        &mut self,
        address: &str,
        event: &str,
        name: &str,
        content: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        self.user_attach_as(address, event, ("fileAttachment", name, false), content, now)
    }

    /// Attaches in a form: `fileAttachment`, `itemAttachment` or `referenceAttachment`; a name;
    /// whether it stands inside of the body.
    ///
    /// # Errors
    /// Refuses an unknown event.
    pub fn user_attach_as(
        &mut self,
        address: &str,
        event: &str,
        (form, name, inline): (&'static str, &str, bool),
        content: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let (mailbox, key, _) = self.at(address, Kind::Event, event, now)?;
        let made = Attached {
            number: self.mailboxes[mailbox].number(),
            form,
            name: name.to_owned(),
            mime: Some("application/octet-stream".to_owned()),
            content: content.to_vec(),
            inline,
            modified: now,
        };
        self.hang(mailbox, key, made, now);
        Ok(())
    }

    /// Removes the files of a name from an event as the mailbox's owner.
    ///
    /// # Errors
    /// Refuses an unknown event.
    pub fn user_detach(
        &mut self,
        address: &str,
        event: &str,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let (mailbox, key, _) = self.at(address, Kind::Event, event, now)?;
        let list = self.attached.get(&(mailbox, key)).cloned().unwrap_or_default();
        for one in list.iter().filter(|one| one.name == name) {
            self.detach(mailbox, key, one.number, now);
        }
        Ok(())
    }

    /// Returns names and contents of an event's attachments, oldest first.
    #[must_use]
    pub fn attachments(&self, address: &str, event: &str) -> Vec<(String, Vec<u8>)> {
        let Some(mailbox) = self.mailbox_of(address) else { return Vec::new() };
        let Ok((item, _)) = self.mailboxes[mailbox].find(Kind::Event, event) else {
            return Vec::new();
        };
        let list = self.attached.get(&(mailbox, item.key)).cloned().unwrap_or_default();
        list.into_iter().map(|one| (one.name, one.content)).collect()
    }
}
