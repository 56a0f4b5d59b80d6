//! What people do in Outlook and To Do, and what lies in their mailboxes.
//!
//! The same validation and the same mails as through the API; no token, no budget, no counts.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::GraphSim;
use super::calendars::MAIN;
use super::call::{Expand, Prefer};
use super::ids::Kind;
use super::mailbox::Item;
use super::refusal::{Refusal, malformed_id, not_found, unreadable};
use super::{extended, render};

fn object(body: &Value) -> Result<Map<String, Value>, Refusal> {
    body.as_object().cloned().ok_or_else(|| unreadable("The body must be a JSON object."))
}

impl GraphSim {
    // The mailbox of a person; it shows the services' work that is due.
    pub(super) fn room(&mut self, address: &str, now: DateTime<Utc>) -> Result<usize, Refusal> {
        let unknown = || Refusal::new(404, "ErrorInvalidUser", "The user is not known.");
        let mailbox = self.mailbox_of(address).ok_or_else(unknown)?;
        self.mailboxes[mailbox].settle(now, false);
        Ok(mailbox)
    }

    pub(super) fn id_inside(&self, mailbox: usize, key: u64) -> Result<String, Refusal> {
        let room = &self.mailboxes[mailbox];
        room.items.get(&key).map(|item| room.id(item, None, true)).ok_or_else(not_found)
    }

    pub(super) fn at(
        &mut self,
        address: &str,
        kind: Kind,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<(usize, u64, Option<i32>), Refusal> {
        let mailbox = self.room(address, now)?;
        let (item, day) = self.mailboxes[mailbox].find(kind, id)?;
        Ok((mailbox, item.key, day))
    }

    /// Creates an event as the mailbox's owner and returns its immutable id.
    ///
    /// # Errors
    /// Refuses what the API would refuse.
    pub fn user_create_event(
        &mut self,
        address: &str,
        body: &Value,
        now: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        let mailbox = self.room(address, now)?;
        let key = self.create_event(mailbox, MAIN, object(body)?, now)?;
        self.id_inside(mailbox, key)
    }

    /// Changes an event, a series or an occurrence as the mailbox's owner.
    ///
    /// # Errors
    /// Refuses what the API would refuse.
    pub fn user_update_event(
        &mut self,
        address: &str,
        id: &str,
        body: &Value,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let (mailbox, key, day) = self.at(address, Kind::Event, id, now)?;
        self.patch_event(mailbox, key, day, object(body)?, now)
    }

    /// Deletes an event, a series or an occurrence as the mailbox's owner.
    ///
    /// # Errors
    /// Refuses an unknown id.
    pub fn user_delete_event(
        &mut self,
        address: &str,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let (mailbox, key, day) = self.at(address, Kind::Event, id, now)?;
        self.delete_any(mailbox, key, day, now)
    }

    /// Lets deleted occurrences give no sign from now on, or a sign again.
    pub fn set_silent_deletions(&mut self, on: bool) {
        self.silent_deletions = on;
    }

    /// Answers an invitation: `accept`, `decline` or `tentativelyAccept`, with a mail.
    ///
    /// # Errors
    /// Refuses the organizer and an unknown answer.
    pub fn user_respond(
        &mut self,
        address: &str,
        id: &str,
        answer: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let (mailbox, key, _) = self.at(address, Kind::Event, id, now)?;
        let wanted = self.mailboxes[mailbox].items.get(&key);
        let send = wanted.is_some_and(|item| item.flag("responseRequested"));
        let given = Map::from_iter([("sendResponse".to_owned(), json!(send))]);
        self.respond(mailbox, key, answer, &given, now)
    }

    /// Creates a contact in the default folder and returns its immutable id.
    ///
    /// # Errors
    /// Refuses what the API would refuse.
    pub fn user_create_contact(
        &mut self,
        address: &str,
        body: &Value,
        now: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        let mailbox = self.room(address, now)?;
        let folder = self.mailboxes[mailbox].contacts;
        let key = self.create_contact(mailbox, folder, object(body)?, now)?;
        self.id_inside(mailbox, key)
    }

    /// Changes a contact.
    ///
    /// # Errors
    /// Refuses what the API would refuse.
    pub fn user_update_contact(
        &mut self,
        address: &str,
        id: &str,
        body: &Value,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let (mailbox, key, _) = self.at(address, Kind::Contact, id, now)?;
        self.patch_contact(mailbox, key, object(body)?, now)
    }

    /// Deletes a contact.
    ///
    /// # Errors
    /// Refuses an unknown id.
    pub fn user_delete_contact(
        &mut self,
        address: &str,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let (mailbox, key, _) = self.at(address, Kind::Contact, id, now)?;
        self.mailboxes[mailbox].remove(key);
        Ok(())
    }

    /// Moves a contact to another folder of the mailbox: only its plain id changes.
    ///
    /// # Errors
    /// Refuses unknown ids.
    pub fn user_move_contact(
        &mut self,
        address: &str,
        id: &str,
        to_folder: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let (mailbox, key, _) = self.at(address, Kind::Contact, id, now)?;
        let room = &mut self.mailboxes[mailbox];
        let folder = match to_folder {
            "contacts" => room.contacts,
            id => room.find(Kind::ContactFolder, id)?.0.key,
        };
        room.move_to(key, folder, now);
        Ok(())
    }

    /// Creates a task in the default list and returns its id.
    ///
    /// # Errors
    /// Refuses what the API would refuse.
    pub fn user_create_task(
        &mut self,
        address: &str,
        body: &Value,
        now: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        let mailbox = self.room(address, now)?;
        let list = self.mailboxes[mailbox].tasks;
        let key = self.create_task(mailbox, list, object(body)?, now)?;
        self.id_inside(mailbox, key)
    }

    /// Changes a task.
    ///
    /// # Errors
    /// Refuses what the API would refuse.
    pub fn user_update_task(
        &mut self,
        address: &str,
        id: &str,
        body: &Value,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let (mailbox, key, _) = self.at(address, Kind::Task, id, now)?;
        self.patch_task(mailbox, key, object(body)?, now)
    }

    /// Deletes a task.
    ///
    /// # Errors
    /// Refuses an unknown id.
    pub fn user_delete_task(
        &mut self,
        address: &str,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let (mailbox, key, _) = self.at(address, Kind::Task, id, now)?;
        self.mailboxes[mailbox].remove(key);
        Ok(())
    }

    /// Moves a task to another list (by id) and returns the task's new id.
    ///
    /// # Errors
    /// Refuses unknown ids.
    pub fn user_move_task(
        &mut self,
        address: &str,
        id: &str,
        to_list: &str,
        now: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        let (mailbox, key, _) = self.at(address, Kind::Task, id, now)?;
        let room = &mut self.mailboxes[mailbox];
        let list = room.find(Kind::TaskList, to_list)?.0.key;
        room.move_to(key, list, now);
        self.id_inside(mailbox, key)
    }

    /// Opens an event, a contact or a task: its version moves, its content doesn't (CONF-02).
    ///
    /// # Errors
    /// Refuses an unknown id.
    pub fn user_open_item(
        &mut self,
        address: &str,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let mailbox = self.room(address, now)?;
        let room = &mut self.mailboxes[mailbox];
        let mut last = malformed_id();
        for kind in [Kind::Event, Kind::Contact, Kind::Task] {
            match room.find(kind, id).map(|(item, _)| item.key) {
                Ok(key) => {
                    room.touch(key, now);
                    return Ok(());
                }
                Err(refusal) if refusal.status == 404 => last = refusal,
                Err(_) => {}
            }
        }
        Err(last)
    }

    /// Returns all single events and series masters of a mailbox with everything stored.
    ///
    /// `id` is the immutable id, `plainId` the other one; times are UTC, bodies HTML; masters
    /// carry `cancelledOccurrences` and `exceptionOccurrences`.
    #[must_use]
    pub fn events(&self, address: &str) -> Vec<Value> {
        self.inside(address, Kind::Event)
    }

    /// Returns what a mailbox's main calendar shows between two instants in UTC, series as their
    /// occurrences, in the order of their starts. Instants that cannot be read show nothing.
    #[must_use]
    pub fn shown(&self, address: &str, from: &str, to: &str) -> Vec<Value> {
        let window = (super::zones::parse_instant(from), super::zones::parse_instant(to));
        let (Some(mailbox), (Some(from), Some(to))) = (self.mailbox_of(address), window) else {
            return Vec::new();
        };
        let room = &self.mailboxes[mailbox];
        let (prefer, expand) = (Prefer::inside(), Expand::default());
        let mut found = Vec::new();
        for item in room.of(Kind::Event, MAIN) {
            if item.series.is_some() {
                let days = render::occurrences(item, from, to).unwrap_or_default();
                found.extend(days.into_iter().map(|(day, one)| (Some(day), one)));
            } else if item.times.as_ref().is_some_and(|times| times.within(from, to)) {
                found.push((None, item.clone()));
            }
        }
        found.sort_by_key(|(_, item)| item.times.as_ref().map(|times| times.start));
        let rows = found.iter();
        rows.map(|(day, item)| render::event(room, item, *day, &prefer, &expand)).collect()
    }

    /// Returns all contacts of a mailbox with everything stored.
    #[must_use]
    pub fn contacts(&self, address: &str) -> Vec<Value> {
        self.inside(address, Kind::Contact)
    }

    /// Returns the tasks of all lists of a mailbox with everything stored.
    #[must_use]
    pub fn tasks(&self, address: &str) -> Vec<Value> {
        self.inside(address, Kind::Task)
    }

    fn inside(&self, address: &str, kind: Kind) -> Vec<Value> {
        let Some(mailbox) = self.mailbox_of(address) else { return Vec::new() };
        let room = &self.mailboxes[mailbox];
        let (prefer, no) = (Prefer::inside(), Expand::default());
        let full = |item: &Item| {
            let mut row = render::row(room, item, &prefer, &no);
            if kind == Kind::Task {
                row["linkedResources"] = item.linked.iter().cloned().map(Value::Object).collect();
            } else {
                row["singleValueExtendedProperties"] = extended::render_all(&item.extended);
                row["plainId"] = json!(room.id(item, None, false));
            }
            if item.series.is_some() {
                let expand = Expand { others: vec!["exceptionOccurrences".into()], ..no.clone() };
                let full = render::row(room, item, &prefer, &expand);
                row["exceptionOccurrences"] = full["exceptionOccurrences"].clone();
                let id = room.id(item, None, true);
                row["cancelledOccurrences"] = render::cancelled(item, &id);
            }
            row
        };
        room.items.values().filter(|item| item.kind == kind).map(full).collect()
    }
}
