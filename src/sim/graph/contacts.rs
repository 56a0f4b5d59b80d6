//! Contacts and contact folders (A8).
//!
//! Absent: photos, child folders below the first level, and fax numbers, which Graph lacks too.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::GraphSim;
use super::call::Call;
use super::delta::Scope;
use super::extended;
use super::ids::Kind;
use super::lists::SINGLE;
use super::mailbox::Item;
use super::one;
use super::refusal::{Refusal, bad_query, invalid, no_method, no_segment, not_found, property};
use super::render;
use super::schema::schema;
use crate::sim::wire::Response;

/// How many addresses a contact has room for in Outlook.
const MAX_ADDRESSES: usize = 3;
const READ_ONLY: [&str; 5] =
    ["id", "changeKey", "createdDateTime", "lastModifiedDateTime", "parentFolderId"];
const SLOTS: [&str; 3] = ["primaryEmailAddress", "secondaryEmailAddress", "tertiaryEmailAddress"];

impl GraphSim {
    /// Answers everything under `/contacts` of one folder.
    pub(super) fn contacts_route(
        &mut self,
        mailbox: usize,
        folder: u64,
        rest: &[&str],
        call: &Call,
    ) -> Result<Response, Refusal> {
        match (call.method.as_str(), rest) {
            ("GET", []) => self.list(mailbox, Kind::Contact, folder, call, "contact"),
            ("POST", []) => {
                call.options("contact", &[])?;
                let key = self.create_contact(mailbox, folder, call.object()?, call.now)?;
                self.contact_answer(mailbox, key, call, 201)
            }
            ("GET", ["delta"]) if call.path.iter().any(|part| part == "contactFolders") => {
                self.delta(Scope { mailbox, kind: Kind::Contact, folder }, call)
            }
            (_, ["delta"]) => Err(bad_query("'delta' is documented for contacts of a folder.")),
            ("GET", [id]) => {
                let key = self.contact_at(mailbox, id)?;
                self.contact_answer(mailbox, key, call, 200)
            }
            ("PATCH", [id]) => {
                call.options("contact", &[])?;
                let key = self.contact_at(mailbox, id)?;
                self.check_match(mailbox, key, None, call)?;
                self.patch_contact(mailbox, key, call.object()?, call.now)?;
                self.contact_answer(mailbox, key, call, 200)
            }
            ("DELETE", [id]) | ("POST", [id, "permanentDelete"]) => {
                call.options("contact", &[])?;
                let key = self.contact_at(mailbox, id)?;
                self.check_match(mailbox, key, None, call)?;
                self.mailboxes[mailbox].remove(key);
                Ok(Response::empty(204))
            }
            (_, [] | [_]) => Err(no_method()),
            (_, [_, .., last]) => Err(no_segment(last)),
        }
    }

    /// Answers everything under `/contactFolders`.
    pub(super) fn folders_route(
        &mut self,
        mailbox: usize,
        rest: &[&str],
        call: &Call,
    ) -> Result<Response, Refusal> {
        match (call.method.as_str(), rest) {
            ("GET", []) => self.list(mailbox, Kind::ContactFolder, 0, call, "contactFolder"),
            ("POST", []) => {
                let mut body = call.object()?;
                schema().check("contactFolder", &body, &[])?;
                let name = body.remove("displayName").filter(|name| name != "");
                let name = name.ok_or_else(|| property("A folder needs 'displayName'."))?;
                let fields = Map::from_iter([("displayName".to_owned(), name)]);
                let room = &mut self.mailboxes[mailbox];
                let key = room.insert(Kind::ContactFolder, 0, fields, call.now);
                let item = room.items.get(&key).ok_or_else(not_found)?;
                Ok(one(&self.base_url, "users/contactFolders", render::folder(room, item), 201))
            }
            ("GET", ["delta"]) => {
                self.delta(Scope { mailbox, kind: Kind::ContactFolder, folder: 0 }, call)
            }
            ("GET", [id]) => {
                let options = call.options("contactFolder", &["$select"])?;
                let folder = self.folder_at(mailbox, id)?;
                let room = &self.mailboxes[mailbox];
                let item = room.items.get(&folder).ok_or_else(not_found)?;
                let row = render::select(render::folder(room, item), item, id, &options);
                Ok(one(&self.base_url, "users/contactFolders", row, 200))
            }
            (_, [id, "contacts", rest @ ..]) => {
                let folder = self.folder_at(mailbox, id)?;
                self.contacts_route(mailbox, folder, rest, call)
            }
            ("GET", [id, "childFolders"]) => {
                let folder = self.folder_at(mailbox, id)?;
                // All other folders lie directly below the default one.
                let parent = if folder == self.mailboxes[mailbox].contacts { 0 } else { folder };
                self.list(mailbox, Kind::ContactFolder, parent, call, "contactFolder")
            }
            (_, [] | [_]) => Err(no_method()),
            (_, [_, .., last]) => Err(no_segment(last)),
        }
    }

    fn folder_at(&self, mailbox: usize, id: &str) -> Result<u64, Refusal> {
        let room = &self.mailboxes[mailbox];
        if id == "contacts" {
            return Ok(room.contacts);
        }
        Ok(room.find(Kind::ContactFolder, id)?.0.key)
    }

    fn contact_at(&self, mailbox: usize, id: &str) -> Result<u64, Refusal> {
        Ok(self.mailboxes[mailbox].find(Kind::Contact, id)?.0.key)
    }

    fn contact_answer(
        &self,
        mailbox: usize,
        key: u64,
        call: &Call,
        status: u16,
    ) -> Result<Response, Refusal> {
        let options = call.options("contact", if call.method == "GET" { SINGLE } else { &[] })?;
        let room = &self.mailboxes[mailbox];
        let item = room.items.get(&key).ok_or_else(not_found)?;
        let id = room.id(item, None, call.prefer.immutable);
        let row = render::contact(room, item, &call.prefer, &options.expand);
        let row = render::select(row, item, &id, &options);
        let answer = one(&self.base_url, "users/contacts", row, status);
        if status != 201 {
            return Ok(answer);
        }
        let user = &room.person.object_id;
        Ok(answer.with("Location", format!("{}/v1.0/users/{user}/contacts/{id}", self.base_url)))
    }

    /// Creates a contact in a folder.
    pub(super) fn create_contact(
        &mut self,
        mailbox: usize,
        folder: u64,
        body: Map<String, Value>,
        now: DateTime<Utc>,
    ) -> Result<u64, Refusal> {
        let room = &mut self.mailboxes[mailbox];
        let mut item = room.blank(Kind::Contact, folder, empty(), now);
        let named = ["displayName", "fileAs"].map(|name| body.contains_key(name));
        write(&mut item, body)?;
        let (given, surname) = (item.text("givenName"), item.text("surname"));
        let both = |glue: &str, left: &str, right: &str| {
            if left.is_empty() || right.is_empty() {
                format!("{left}{right}")
            } else {
                format!("{left}{glue}{right}")
            }
        };
        let (shown, filed) = (both(" ", given, surname), both(", ", surname, given));
        if !named[0] {
            item.fields.insert("displayName".into(), json!(shown));
        }
        if !named[1] {
            item.fields.insert("fileAs".into(), json!(filed));
        }
        Ok(room.store(item))
    }

    /// Changes a contact.
    pub(super) fn patch_contact(
        &mut self,
        mailbox: usize,
        key: u64,
        body: Map<String, Value>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let room = &mut self.mailboxes[mailbox];
        let mut item = room.items.get(&key).cloned().ok_or_else(not_found)?;
        write(&mut item, body)?;
        room.items.insert(key, item);
        room.touch(key, now);
        Ok(())
    }
}

fn empty() -> Map<String, Value> {
    let mut fields = Map::new();
    for name in [
        "assistantName",
        "birthday",
        "businessHomePage",
        "companyName",
        "department",
        "displayName",
        "fileAs",
        "generation",
        "givenName",
        "initials",
        "jobTitle",
        "manager",
        "middleName",
        "mobilePhone",
        "nickName",
        "officeLocation",
        "profession",
        "spouseName",
        "surname",
        "title",
        "yomiCompanyName",
        "yomiGivenName",
        "yomiSurname",
    ] {
        fields.insert(name.into(), Value::Null);
    }
    for name in
        ["businessPhones", "homePhones", "imAddresses", "children", "categories", "emailAddresses"]
    {
        fields.insert(name.into(), json!([]));
    }
    for name in ["businessAddress", "homeAddress", "otherAddress"] {
        fields.insert(name.into(), json!({}));
    }
    fields.insert("personalNotes".into(), json!(""));
    fields
}

fn write(item: &mut Item, mut body: Map<String, Value>) -> Result<(), Refusal> {
    schema().check("contact", &body, &["singleValueExtendedProperties"])?;
    if let Some(name) = READ_ONLY.iter().find(|name| body.contains_key(**name)) {
        return Err(invalid(format!("The property '{name}' is read-only.")));
    }
    let new = extended::take(&mut body)?;
    extended::merge(&mut item.extended, new);
    body.retain(|name, _| !name.contains("@odata."));
    write_addresses(item, &mut body)?;
    let normal = empty();
    for (name, value) in body {
        let value = match (name.as_str(), value) {
            (name, Value::Null) => normal.get(name).cloned().unwrap_or_default(),
            ("birthday", Value::String(text)) => json!(utc(&text)),
            ("businessAddress" | "homeAddress" | "otherAddress", Value::Object(given)) => {
                merged(item.fields.get(&name), given)
            }
            (_, value) => value,
        };
        item.fields.insert(name, value);
    }
    Ok(())
}

// A complex value is patched: parts that are not named keep their value.
fn merged(old: Option<&Value>, given: Map<String, Value>) -> Value {
    let mut made = old.and_then(Value::as_object).cloned().unwrap_or_default();
    for (name, value) in given {
        made.insert(name, value);
    }
    made.retain(|_, value| !value.is_null());
    Value::Object(made)
}

fn utc(text: &str) -> String {
    DateTime::parse_from_rfc3339(text).map_or_else(
        |_| text.to_owned(),
        |at| at.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Secs, true),
    )
}

fn write_addresses(item: &mut Item, body: &mut Map<String, Value>) -> Result<(), Refusal> {
    let full = |entry: &Value| {
        let address = entry["address"].as_str().unwrap_or_default();
        json!({ "name": entry["name"].as_str().unwrap_or(address), "address": address })
    };
    if let Some(list) = body.remove("emailAddresses") {
        let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
        if list.len() > MAX_ADDRESSES {
            return Err(property("A contact can have at most three e-mail addresses."));
        }
        let made: Value = list.iter().map(full).collect();
        item.fields.insert("emailAddresses".into(), made);
    }
    for (number, slot) in SLOTS.into_iter().enumerate() {
        let Some(value) = body.remove(slot) else { continue };
        let Some(Value::Array(list)) = item.fields.get_mut("emailAddresses") else { continue };
        match (value.is_null(), number < list.len()) {
            (true, true) => {
                list.remove(number);
            }
            (true, false) => {}
            (false, true) => list[number] = full(&value),
            (false, false) => list.push(full(&value)),
        }
    }
    Ok(())
}
