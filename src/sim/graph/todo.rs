//! Microsoft To Do: lists, tasks and linked resources (A9).
//!
//! Tasks have no change key, no conditional writes and no extended properties. Absent: what a
//! completed recurring task does next, checklist items and attachments with content.

use chrono::{DateTime, Utc};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::GraphSim;
use super::call::Call;
use super::delta::Scope;
use super::ids::{Kind, Parsed, encode};
use super::lists::SINGLE;
use super::mailbox::{Item, stamp};
use super::one;
use super::refusal::{
    Refusal, bad_query, invalid, malformed_id, no_method, no_segment, not_found, property,
};
use super::render;
use super::schema::schema;
use super::series::Recurrence;
use super::zones;
use crate::sim::wire::Response;

const READ_ONLY: [&str; 5] =
    ["id", "createdDateTime", "lastModifiedDateTime", "bodyLastModifiedDateTime", "hasAttachments"];

impl GraphSim {
    /// Answers everything under `/todo/lists`.
    pub(super) fn todo_route(
        &mut self,
        mailbox: usize,
        rest: &[&str],
        call: &Call,
    ) -> Result<Response, Refusal> {
        match (call.method.as_str(), rest) {
            ("GET", []) => self.list(mailbox, Kind::TaskList, 0, call, "todoTaskList"),
            ("POST", []) => self.create_list(mailbox, call),
            ("GET", ["delta"]) => {
                self.delta(Scope { mailbox, kind: Kind::TaskList, folder: 0 }, call)
            }
            ("GET", [id]) => {
                call.options("todoTaskList", &["$select"])?;
                let (item, _) = self.mailboxes[mailbox].find(Kind::TaskList, id)?;
                let row = render::folder(&self.mailboxes[mailbox], item);
                Ok(one(&self.base_url, "users/todo/lists", row, 200))
            }
            (_, [id, "tasks", rest @ ..]) => {
                let list = self.mailboxes[mailbox].find(Kind::TaskList, id)?.0.key;
                self.tasks_route(mailbox, list, rest, call)
            }
            (_, [] | [_]) => Err(no_method()),
            (_, [_, .., last]) => Err(no_segment(last)),
        }
    }

    fn create_list(&mut self, mailbox: usize, call: &Call) -> Result<Response, Refusal> {
        let mut body = call.object()?;
        schema().check("todoTaskList", &body, &[])?;
        let name = body.remove("displayName").filter(|name| name != "");
        let name = name.ok_or_else(|| property("A list needs 'displayName'."))?;
        if let Some(name) = body.keys().find(|name| !name.contains("@odata.")) {
            return Err(invalid(format!("The property '{name}' is read-only.")));
        }
        let fields = Map::from_iter([
            ("displayName".to_owned(), name),
            ("wellknownListName".to_owned(), json!("none")),
        ]);
        let room = &mut self.mailboxes[mailbox];
        let key = room.insert(Kind::TaskList, 0, fields, call.now);
        let item = room.items.get(&key).ok_or_else(not_found)?;
        Ok(one(&self.base_url, "users/todo/lists", render::folder(room, item), 201))
    }

    fn tasks_route(
        &mut self,
        mailbox: usize,
        list: u64,
        rest: &[&str],
        call: &Call,
    ) -> Result<Response, Refusal> {
        match (call.method.as_str(), rest) {
            ("GET", []) => self.list(mailbox, Kind::Task, list, call, "todoTask"),
            ("POST", []) => {
                call.options("todoTask", &[])?;
                let key = self.create_task(mailbox, list, call.object()?, call.now)?;
                self.task_answer(mailbox, key, call, 201)
            }
            ("GET", ["delta"]) => {
                self.delta(Scope { mailbox, kind: Kind::Task, folder: list }, call)
            }
            ("GET", [id]) => {
                let key = self.task_at(mailbox, list, id)?;
                self.task_answer(mailbox, key, call, 200)
            }
            ("PATCH", [id]) => {
                call.options("todoTask", &[])?;
                let key = self.task_at(mailbox, list, id)?;
                self.patch_task(mailbox, key, call.object()?, call.now)?;
                self.task_answer(mailbox, key, call, 200)
            }
            ("DELETE", [id]) => {
                call.options("todoTask", &[])?;
                let key = self.task_at(mailbox, list, id)?;
                self.mailboxes[mailbox].remove(key);
                Ok(Response::empty(204))
            }
            (_, [id, "linkedResources", rest @ ..]) => {
                let key = self.task_at(mailbox, list, id)?;
                self.linked_route(mailbox, key, rest, call)
            }
            ("GET", [id, "attachments" | "checklistItems"]) => {
                self.task_at(mailbox, list, id)?;
                Ok(self.page(call, &Default::default(), 0, std::iter::empty()))
            }
            (_, [] | [_]) => Err(no_method()),
            (_, [_, .., last]) => Err(no_segment(last)),
        }
    }

    fn task_at(&self, mailbox: usize, list: u64, id: &str) -> Result<u64, Refusal> {
        let (item, _) = self.mailboxes[mailbox].find(Kind::Task, id)?;
        if item.folder == list { Ok(item.key) } else { Err(not_found()) }
    }

    fn task_answer(
        &self,
        mailbox: usize,
        key: u64,
        call: &Call,
        status: u16,
    ) -> Result<Response, Refusal> {
        let options = call.options("todoTask", if call.method == "GET" { SINGLE } else { &[] })?;
        let room = &self.mailboxes[mailbox];
        let item = room.items.get(&key).ok_or_else(not_found)?;
        let mut expand = options.expand.clone();
        if status == 201 && !item.linked.is_empty() {
            expand.others.push("linkedResources".into());
        }
        let row = render::task(room, item, &call.prefer, &expand);
        let row = render::select(row, item, "", &options);
        Ok(one(&self.base_url, "users/todo/lists/tasks", row, status))
    }

    /// Creates a task in a list.
    pub(super) fn create_task(
        &mut self,
        mailbox: usize,
        list: u64,
        body: Map<String, Value>,
        now: DateTime<Utc>,
    ) -> Result<u64, Refusal> {
        let room = &mut self.mailboxes[mailbox];
        let mut item = room.blank(Kind::Task, list, empty(now), now);
        let linked = write(&mut item, body, now)?;
        let owner = room.person.object_id;
        item.linked = linked.into_iter().map(|one| with_id(one, owner, room.number())).collect();
        Ok(room.store(item))
    }

    /// Changes a task.
    pub(super) fn patch_task(
        &mut self,
        mailbox: usize,
        key: u64,
        body: Map<String, Value>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        if body.contains_key("linkedResources") {
            return Err(invalid("Linked resources have paths of their own after the create."));
        }
        let room = &mut self.mailboxes[mailbox];
        let mut item = room.items.get(&key).cloned().ok_or_else(not_found)?;
        write(&mut item, body, now)?;
        room.items.insert(key, item);
        room.touch(key, now);
        Ok(())
    }

    fn linked_route(
        &mut self,
        mailbox: usize,
        key: u64,
        rest: &[&str],
        call: &Call,
    ) -> Result<Response, Refusal> {
        if call.query.iter().any(|(name, _)| name == "$filter") {
            return Err(bad_query("'$filter' on linked resources is not supported."));
        }
        call.options("linkedResource", &[])?;
        let room = &mut self.mailboxes[mailbox];
        let owner = room.person.object_id;
        let number = room.number();
        let item = room.items.get_mut(&key).ok_or_else(not_found)?;
        let at = |id: &str, item: &Item| {
            super::ids::decode(owner, Kind::Linked, id).ok_or_else(malformed_id)?;
            item.linked.iter().position(|one| one["id"] == id).ok_or_else(not_found)
        };
        let entity = "users/todo/lists/tasks/linkedResources";
        let row = match (call.method.as_str(), rest) {
            ("GET", []) => {
                let rows: Vec<Value> = item.linked.iter().cloned().map(Value::Object).collect();
                return Ok(self.page(call, &Default::default(), rows.len(), rows.into_iter()));
            }
            ("GET", [id]) => {
                let row = Value::Object(item.linked[at(id, item)?].clone());
                return Ok(one(&self.base_url, entity, row, 200));
            }
            ("POST", []) => {
                let made = with_id(linked_body(call.object()?)?, owner, number);
                item.linked.push(made.clone());
                (201, Value::Object(made))
            }
            ("PATCH", [id]) => {
                let found = at(id, item)?;
                item.linked[found].extend(linked_body(call.object()?)?);
                (200, Value::Object(item.linked[found].clone()))
            }
            ("DELETE", [id]) => {
                let found = at(id, item)?;
                item.linked.remove(found);
                (204, Value::Null)
            }
            (_, [] | [_]) => return Err(no_method()),
            (_, [_, .., last]) => return Err(no_segment(last)),
        };
        room.touch(key, call.now);
        match row {
            (204, _) => Ok(Response::empty(204)),
            (status, row) => Ok(one(&self.base_url, entity, row, status)),
        }
    }
}

fn linked_body(mut body: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    schema().check("linkedResource", &body, &[])?;
    if body.contains_key("id") {
        return Err(invalid("The property 'id' is read-only."));
    }
    body.retain(|name, _| !name.contains("@odata."));
    Ok(body)
}

fn with_id(given: Map<String, Value>, owner: uuid::Uuid, number: u64) -> Map<String, Value> {
    let mut made = Map::new();
    for name in ["applicationName", "displayName", "externalId", "webUrl"] {
        made.insert(name.into(), given.get(name).cloned().unwrap_or_default());
    }
    let parsed = Parsed { number, day: None, immutable: false };
    made.insert("id".into(), json!(encode(owner, Kind::Linked, parsed)));
    made
}

fn empty(now: DateTime<Utc>) -> Map<String, Value> {
    let Value::Object(fields) = json!({
        "title": "", "body": { "content": "", "contentType": "text" }, "status": "notStarted",
        "importance": "normal", "isReminderOn": false, "categories": [], "hasAttachments": false,
        "bodyLastModifiedDateTime": stamp(now),
    }) else {
        return Map::new();
    };
    fields
}

// Writes a body and returns the linked resources it brought along.
fn write(
    item: &mut Item,
    mut body: Map<String, Value>,
    now: DateTime<Utc>,
) -> Result<Vec<Map<String, Value>>, Refusal> {
    schema().check("todoTask", &body, &["linkedResources"])?;
    if let Some(name) = READ_ONLY.iter().find(|name| body.contains_key(**name)) {
        return Err(invalid(format!("The property '{name}' is read-only.")));
    }
    body.retain(|name, _| !name.contains("@odata."));
    let mut linked = Vec::new();
    if let Some(Value::Array(list)) = body.remove("linkedResources") {
        for entry in list {
            let Value::Object(entry) = entry else { continue };
            linked.push(linked_body(entry)?);
        }
    }
    for (name, value) in body {
        let value = match (name.as_str(), value) {
            (_, Value::Null) => Value::Null,
            ("dueDateTime" | "startDateTime" | "completedDateTime", value) => day(&value)?,
            ("reminderDateTime", value) => moment(&value)?,
            ("recurrence", value) => {
                let rule = Recurrence::read(&value)?;
                let zone = rule.zone.clone().unwrap_or_else(|| "UTC".into());
                rule.render(&zone)
            }
            ("body", value) => {
                item.fields.insert("bodyLastModifiedDateTime".into(), json!(stamp(now)));
                let kind = value["contentType"].as_str().unwrap_or("text");
                json!({ "content": value["content"].as_str().unwrap_or_default(),
                    "contentType": kind })
            }
            (_, value) => value,
        };
        let value = match value.is_null() {
            true => empty(now).get(&name).cloned().unwrap_or_default(),
            false => value,
        };
        item.fields.insert(name, value);
    }
    complete(item, now)?;
    Ok(linked)
}

fn complete(item: &mut Item, now: DateTime<Utc>) -> Result<(), Refusal> {
    if item.text("status") != "completed" {
        item.fields.remove("completedDateTime");
        return Ok(());
    }
    if item.fields.get("completedDateTime").is_none_or(Value::is_null) {
        let today = now.format("%Y-%m-%dT00:00:00").to_string();
        let value = day(&json!({ "dateTime": today, "timeZone": "UTC" }))?;
        item.fields.insert("completedDateTime".into(), value);
    }
    Ok(())
}

fn local(value: &Value) -> Result<(jiff::civil::DateTime, TimeZone), Refusal> {
    let text = value["dateTime"].as_str().unwrap_or_default();
    let zone = zones::zone(value["timeZone"].as_str().unwrap_or("UTC"))?;
    Ok((zones::parse_local(text)?, zone))
}

// To Do keeps the day of these and answers with midnight.
fn day(value: &Value) -> Result<Value, Refusal> {
    let (at, _) = local(value)?;
    let midnight = at.date().to_datetime(Time::midnight());
    Ok(json!({ "dateTime": zones::format_local(midnight), "timeZone": "UTC" }))
}

fn moment(value: &Value) -> Result<Value, Refusal> {
    let (at, zone) = local(value)?;
    let utc = zones::local(zones::instant(at, &zone)?, &TimeZone::UTC);
    Ok(json!({ "dateTime": zones::format_local(utc), "timeZone": "UTC" }))
}
