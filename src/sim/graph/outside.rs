//! Meetings that people outside the organization hold: they arrive, change and are called off.
//!
//! The organizer's own copy lies elsewhere, so only the mails and the guests' copies exist here.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::GraphSim;
use super::event_body::{defaults, write};
use super::ids::Kind;
use super::mailbox::Item;
use super::meetings::MailKind;
use super::refusal::{Refusal, not_found, unreadable};

fn object(body: &Value) -> Result<Map<String, Value>, Refusal> {
    body.as_object().cloned().ok_or_else(|| unreadable("The body must be a JSON object."))
}

impl GraphSim {
    /// Lets an invitation from outside arrive; people it names who aren't here get a mail only.
    ///
    /// Returns the meeting's `iCalUId`.
    ///
    /// # Errors
    /// Refuses a body the API would refuse.
    pub fn external_event(
        &mut self,
        organizer_address: &str,
        attendees: &[&str],
        body: &Value,
        now: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        let mut body = object(body)?;
        if !body.contains_key("attendees") {
            let list = attendees.iter().map(|to| json!({ "emailAddress": { "address": to } }));
            body.insert("attendees".into(), list.collect());
        }
        let uid = self.new_uid();
        let Some(any) = self.mailboxes.first() else { return Err(not_found()) };
        let mut meeting = any.blank(Kind::Event, 0, defaults(), now);
        let who = json!({ "name": organizer_address, "address": organizer_address });
        meeting.fields.insert("organizer".into(), json!({ "emailAddress": who }));
        meeting.fields.insert("iCalUId".into(), json!(uid));
        write(&mut meeting, body, true)?;
        for to in attendees {
            let to = to.to_lowercase();
            self.mail(now, organizer_address, &to, MailKind::Invitation, &meeting);
            self.deliver(&meeting, &to, true, now);
        }
        Ok(uid)
    }

    /// Lets the outside organizer change a meeting: every guest here gets an update.
    ///
    /// # Errors
    /// Refuses an unknown meeting and a body the API would refuse.
    pub fn external_update(
        &mut self,
        i_cal_uid: &str,
        body: &Value,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let guests = self.guests(i_cal_uid)?;
        let mut meeting = guests.first().map(|(_, item)| item.clone()).ok_or_else(not_found)?;
        let before = meeting.times.clone();
        write(&mut meeting, object(body)?, false)?;
        let from = organizer_of(&meeting);
        for (to, _) in guests {
            self.mail(now, &from, &to, MailKind::Update, &meeting);
            self.deliver(&meeting, &to, before != meeting.times, now);
        }
        Ok(())
    }

    /// Lets the outside organizer call a meeting off: every guest here gets a cancellation.
    ///
    /// # Errors
    /// Refuses an unknown meeting.
    pub fn external_cancel(&mut self, i_cal_uid: &str, now: DateTime<Utc>) -> Result<(), Refusal> {
        for (to, item) in self.guests(i_cal_uid)? {
            self.mail(now, &organizer_of(&item), &to, MailKind::Cancellation, &item);
            self.cancel_copy(i_cal_uid, &to, now);
        }
        Ok(())
    }

    /// Takes the organizer's address off every guest's copy, as it happens when his account is gone.
    ///
    /// # Errors
    /// Refuses an unknown meeting.
    pub fn forget_organizer(&mut self, i_cal_uid: &str) -> Result<(), Refusal> {
        self.guests(i_cal_uid)?;
        for (mailbox, key) in self.meetings.get(i_cal_uid).into_iter().flatten() {
            let item = self.mailboxes.get_mut(*mailbox).and_then(|room| room.items.get_mut(key));
            if let Some(item) = item {
                let who = json!({ "emailAddress": { "name": "Former employee" } });
                item.fields.insert("organizer".into(), who);
            }
        }
        Ok(())
    }

    // The guests' copies of a meeting that is held outside.
    fn guests(&self, uid: &str) -> Result<Vec<(String, Item)>, Refusal> {
        let copies = self.meetings.get(uid).ok_or_else(not_found)?;
        let guest = |(mailbox, key): &(usize, u64)| {
            let room = self.mailboxes.get(*mailbox)?;
            Some((room.person.address.clone(), room.items.get(key)?.clone()))
        };
        let all: Vec<(String, Item)> = copies.iter().filter_map(guest).collect();
        if all.iter().any(|(_, item)| item.flag("isOrganizer")) {
            return Err(not_found());
        }
        Ok(all)
    }
}

fn organizer_of(item: &Item) -> String {
    let address = item.fields.get("organizer").map(|who| &who["emailAddress"]["address"]);
    address.and_then(Value::as_str).unwrap_or_default().to_owned()
}
