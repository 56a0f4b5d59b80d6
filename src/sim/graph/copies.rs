//! Copying and restoring, as people do it in Outlook.
//!
//! A copy holds what the original holds, extended properties and categories among it, under ids of
//! its own. Of a meeting only the appointment is copied: nobody is invited by it. Absent: series,
//! to-do tasks, which To Do cannot copy, and copies into other folders.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::GraphSim;
use super::ids::Kind;
use super::refusal::{Refusal, property};

impl GraphSim {
    /// Copies a single event within the calendar and returns the copy's immutable id.
    ///
    /// # Errors
    /// Refuses an unknown id and a series.
    pub fn user_copy_event(
        &mut self,
        address: &str,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        let uid = self.new_uid();
        let (mailbox, key, _) = self.at(address, Kind::Event, id, now)?;
        let room = &mut self.mailboxes[mailbox];
        let mut copy = room.items.get(&key).cloned().ok_or_else(super::refusal::not_found)?;
        if copy.series.is_some() {
            return Err(property("A series is not copied here."));
        }
        let person = &room.person;
        let organizer = json!({ "emailAddress": { "name": person.full_name(),
            "address": person.address } });
        copy.fields.insert("iCalUId".into(), json!(uid));
        copy.fields.insert("organizer".into(), organizer);
        copy.fields.insert("attendees".into(), json!([]));
        copy.fields.insert("isOrganizer".into(), json!(true));
        copy.fields.remove("transactionId");
        (copy.created, copy.modified, copy.seq) = (now, now, 0);
        let made = room.store(copy);
        room.touch_later(made, now);
        self.invite_all(mailbox, made, now);
        self.id_inside(mailbox, made)
    }

    /// Copies a contact within its folder and returns the copy's immutable id.
    ///
    /// # Errors
    /// Refuses an unknown id.
    pub fn user_copy_contact(
        &mut self,
        address: &str,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        let (mailbox, key, _) = self.at(address, Kind::Contact, id, now)?;
        let room = &mut self.mailboxes[mailbox];
        let mut copy = room.items.get(&key).cloned().ok_or_else(super::refusal::not_found)?;
        (copy.created, copy.modified, copy.seq) = (now, now, 0);
        let made = room.store(copy);
        self.id_inside(mailbox, made)
    }
}
