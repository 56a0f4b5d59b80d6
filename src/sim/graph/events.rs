//! The event resource: create, read, change, delete, answer and cancel (A3, A4, A6, A7).
//!
//! Absent: forwarding, and copies of a single occurrence in the mailboxes of its own guests.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::GraphSim;
use super::call::Call;
use super::event_body::{check_boundary, defaults, write};
use super::ids::Kind;
use super::lists::SINGLE;
use super::mailbox::{Exception, Item};
use super::meetings::MailKind;
use super::one;
use super::refusal::{
    Refusal, bad_query, conflict, invalid, no_method, no_segment, not_found, property,
};
use super::render;
use super::schema::schema;
use super::times::day_number;
use crate::sim::wire::Response;

impl GraphSim {
    /// Answers everything under `/events` of a calendar; `/events` of a user is the main one's, but
    /// by id it leads into every calendar.
    pub(super) fn events_route(
        &mut self,
        mailbox: usize,
        calendar: u64,
        rest: &[&str],
        call: &Call,
    ) -> Result<Response, Refusal> {
        match (call.method.as_str(), rest) {
            ("GET", []) => self.list(mailbox, Kind::Event, calendar, call, "event"),
            ("POST", []) => {
                call.options("event", &[])?;
                let key = self.create_event(mailbox, calendar, call.object()?, call.now)?;
                self.event_answer(mailbox, key, None, call, 201)
            }
            (_, ["delta"]) => {
                Err(bad_query("'delta' on events is not supported in v1.0; use calendarView."))
            }
            ("GET", [id]) => {
                let (key, day) = self.event_at(mailbox, id)?;
                self.event_answer(mailbox, key, day, call, 200)
            }
            ("PATCH", [id]) => {
                call.options("event", &[])?;
                let (key, day) = self.event_at(mailbox, id)?;
                self.check_match(mailbox, key, day, call)?;
                self.patch_event(mailbox, key, day, call.object()?, call.now)?;
                self.event_answer(mailbox, key, day, call, 200)
            }
            ("DELETE", [id]) => {
                call.options("event", &[])?;
                let (key, day) = self.event_at(mailbox, id)?;
                self.check_match(mailbox, key, day, call)?;
                self.delete_any(mailbox, key, day, call.now)?;
                Ok(Response::empty(204))
            }
            (_, [id, "attachments", rest @ ..]) => self.attachments_route(mailbox, id, rest, call),
            ("GET", [id, navigation]) => self.event_navigation(mailbox, id, navigation, call),
            ("POST", [id, action]) => self.event_action(mailbox, id, action, call),
            (_, [] | [_] | [_, _]) => Err(no_method()),
            (_, [.., last]) => Err(no_segment(last)),
        }
    }

    pub(super) fn event_at(&self, mailbox: usize, id: &str) -> Result<(u64, Option<i32>), Refusal> {
        let (item, day) = self.mailboxes[mailbox].find(Kind::Event, id)?;
        if let Some(day) = day {
            render::occurrence(item, day)?;
        }
        Ok((item.key, day))
    }

    fn event_item(&self, mailbox: usize, key: u64, day: Option<i32>) -> Result<Item, Refusal> {
        let item = self.mailboxes[mailbox].items.get(&key).ok_or_else(not_found)?;
        day.map_or_else(|| Ok(item.clone()), |day| render::occurrence(item, day))
    }

    fn event_answer(
        &self,
        mailbox: usize,
        key: u64,
        day: Option<i32>,
        call: &Call,
        status: u16,
    ) -> Result<Response, Refusal> {
        let options = call.options("event", if call.method == "GET" { SINGLE } else { &[] })?;
        let room = &self.mailboxes[mailbox];
        let item = self.event_item(mailbox, key, day)?;
        let id = room.id(&item, day, call.prefer.immutable);
        let row = render::event(room, &item, day, &call.prefer, &options.expand);
        let row = render::select(row, &item, &id, &options);
        let answer = one(&self.base_url, "users/events", row, status);
        if status != 201 {
            return Ok(answer);
        }
        let user = &room.person.object_id;
        Ok(answer.with("Location", format!("{}/v1.0/users/{user}/events/{id}", self.base_url)))
    }

    /// Refuses a stale `If-Match` (A6).
    pub(super) fn check_match(
        &self,
        mailbox: usize,
        key: u64,
        day: Option<i32>,
        call: &Call,
    ) -> Result<(), Refusal> {
        let Some(wanted) = call.if_match.as_deref().filter(|wanted| *wanted != "*") else {
            return Ok(());
        };
        let item = self.event_item(mailbox, key, day)?;
        let current = self.mailboxes[mailbox].etag(&item);
        if wanted == current { Ok(()) } else { Err(conflict()) }
    }

    /// Creates an event and invites its attendees; a known `transactionId` creates nothing.
    pub(super) fn create_event(
        &mut self,
        mailbox: usize,
        calendar: u64,
        body: Map<String, Value>,
        now: DateTime<Utc>,
    ) -> Result<u64, Refusal> {
        let uid = self.new_uid();
        let room = &mut self.mailboxes[mailbox];
        let mut item = room.blank(Kind::Event, calendar, defaults(), now);
        let (name, address) = (room.person.full_name(), room.person.address.clone());
        let organizer = json!({ "emailAddress": { "name": name, "address": address } });
        item.fields.insert("organizer".into(), organizer);
        item.fields.insert("iCalUId".into(), json!(uid));
        write(&mut item, body, true)?;
        let transaction = item.text("transactionId").to_owned();
        if let Some(key) = room.transactions.get(&transaction) {
            return Ok(*key);
        }
        let key = room.store(item);
        room.touch_later(key, now);
        if !transaction.is_empty() {
            room.transactions.insert(transaction, key);
        }
        self.invite_all(mailbox, key, now);
        Ok(key)
    }

    /// Returns a new `iCalUId` in the form Exchange gives them.
    pub(super) fn new_uid(&mut self) -> String {
        let (high, low) = (self.rng.u64(..), self.rng.u64(..));
        format!("040000008200E00074C5B7101A82E00800000000{high:016X}{low:016X}")
    }

    /// Changes an event, a series or one occurrence.
    pub(super) fn patch_event(
        &mut self,
        mailbox: usize,
        key: u64,
        day: Option<i32>,
        body: Map<String, Value>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let room = &mut self.mailboxes[mailbox];
        let before = room.items.get(&key).cloned().ok_or_else(not_found)?;
        let mut after = before.clone();
        let guests_only = day.is_some() && body.keys().all(|name| name == "attendees");
        match day {
            None => write(&mut after, body, false)?,
            Some(day) => {
                let version = room.new_version();
                write_exception(&mut after, day, body, version)?;
            }
        }
        room.items.insert(key, after.clone());
        room.touch(key, now);
        // Who was taken off an occurrence hears nothing more of it.
        let mut spared = Vec::new();
        if let Some(day) = day {
            let of = |item: &Item| render::occurrence(item, day);
            let (old, new) = (of(&before)?, of(&after)?);
            let invited = after.attendees();
            self.guests_of_one(mailbox, (&old, &new), &invited, now);
            let present = new.attendees();
            spared = invited.into_iter().filter(|to| !present.contains(to)).collect();
        }
        if !guests_only {
            self.after_change(mailbox, key, &before, &spared, now);
        }
        Ok(())
    }

    /// Deletes an event, a series or one occurrence.
    pub(super) fn delete_any(
        &mut self,
        mailbox: usize,
        key: u64,
        day: Option<i32>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let Some(day) = day else {
            self.delete_event(mailbox, key, now);
            return Ok(());
        };
        let room = &mut self.mailboxes[mailbox];
        let item = room.items.get_mut(&key).ok_or_else(not_found)?;
        let before = render::occurrence(item, day)?;
        if let Some(series) = &mut item.series {
            series.exceptions.remove(&day);
            series.cancelled.insert(day);
        }
        let after = item.clone();
        let owner = room.person.address.clone();
        if !self.silent_deletions {
            room.touch(key, now);
        }
        if after.flag("isOrganizer") {
            for to in after.attendees().into_iter().filter(|to| *to != owner) {
                self.mail(now, &owner, &to, MailKind::Cancellation, &before);
                self.deliver(&after, &to, false, now);
            }
        }
        Ok(())
    }

    fn event_navigation(
        &mut self,
        mailbox: usize,
        id: &str,
        navigation: &str,
        call: &Call,
    ) -> Result<Response, Refusal> {
        let (key, day) = self.event_at(mailbox, id)?;
        match navigation {
            "calendar" => {
                let item = self.event_item(mailbox, key, day)?;
                let row = render::calendar(&self.mailboxes[mailbox], item.folder);
                Ok(one(&self.base_url, "users/calendar", row, 200))
            }
            "instances" => {
                let item = self.event_item(mailbox, key, day)?;
                if item.series.is_none() {
                    return Err(invalid("Only a series master has instances."));
                }
                self.expanded(mailbox, &[&item], call)
            }
            "extensions" => Err(invalid("Open extensions are not supported.")),
            _ => Err(no_segment(navigation)),
        }
    }

    fn event_action(
        &mut self,
        mailbox: usize,
        id: &str,
        action: &str,
        call: &Call,
    ) -> Result<Response, Refusal> {
        let (key, day) = self.event_at(mailbox, id)?;
        call.options("event", &[])?;
        let given = call.parameters()?.into_iter().map(|(name, value)| (camel(&name), value));
        let given: Map<String, Value> = given.collect();
        match action {
            "accept" | "decline" | "tentativelyAccept" => {
                check_response(action, &given)?;
                self.respond(mailbox, key, action, &given, call.now)?;
                Ok(Response::empty(202))
            }
            "cancel" => {
                named(&given, &["comment"])?;
                let item = self.event_item(mailbox, key, day)?;
                if !item.flag("isOrganizer") {
                    return Err(invalid(
                        "Your request can't be completed. You need to be an organizer to cancel \
                         a meeting.",
                    ));
                }
                self.delete_any(mailbox, key, day, call.now)?;
                Ok(Response::empty(202))
            }
            "permanentDelete" => {
                named(&given, &[])?;
                self.delete_any(mailbox, key, day, call.now)?;
                Ok(Response::empty(204))
            }
            "extensions" | "attachments" => {
                Err(invalid(format!("Writing '{action}' is not supported.")))
            }
            _ => Err(no_segment(action)),
        }
    }
}

// The metadata writes the parameters with a capital, the pages with a small letter; both work.
fn camel(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

fn named(given: &Map<String, Value>, allowed: &[&str]) -> Result<(), Refusal> {
    match given.keys().find(|name| !allowed.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(invalid(format!("The parameter '{name}' does not exist."))),
    }
}

fn check_response(action: &str, given: &Map<String, Value>) -> Result<(), Refusal> {
    let all: &[&str] = &["comment", "sendResponse", "proposedNewTime"];
    named(given, if action == "accept" { &all[..2] } else { all })?;
    let boolean = |value: &Value| value.is_boolean() || value.is_null();
    if !given.get("sendResponse").is_none_or(boolean) {
        return Err(property("'sendResponse' must be true or false."));
    }
    if let Some(slot) = given.get("proposedNewTime").filter(|value| !value.is_null()) {
        let holder = Map::from_iter([("proposedNewTime".to_owned(), slot.clone())]);
        schema().check("attendee", &holder, &[])?;
    }
    Ok(())
}

// Writes a body into one occurrence, which becomes an exception of its series.
fn write_exception(
    master: &mut Item,
    day: i32,
    body: Map<String, Value>,
    version: u64,
) -> Result<(), Refusal> {
    if body.contains_key("recurrence") {
        return Err(invalid("'recurrence' cannot be written to one occurrence."));
    }
    let mut one = render::occurrence(master, day)?;
    write(&mut one, body, false)?;
    let (Some(series), Some(times)) = (&mut master.series, one.times) else {
        return Err(not_found());
    };
    let to = day_number(times.date(&series.zone)?);
    if to != day {
        check_boundary(series, day, to)?;
    }
    let changed = one.fields.into_iter();
    let fields = changed.filter(|(name, value)| master.fields.get(name) != Some(value)).collect();
    let made = Exception { fields, times, extended: one.extended, version };
    series.exceptions.insert(day, made);
    Ok(())
}
