//! Meetings: copies in the attendees' mailboxes and the mails that go out (A4).
//!
//! Nothing suppresses a mail except `sendResponse: false` and a write that leaves the meeting
//! as it was. What is the owner's own (reminder, showAs, categories, extended properties) isn't
//! part of the meeting.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::GraphSim;
use super::event_body;
use super::ids::Kind;
use super::mailbox::{Item, MailboxState};
use super::refusal::{Refusal, invalid};
use super::render::not_responded;

/// What a mail of the calendar is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailKind {
    /// A first invitation.
    Invitation,
    /// An update of a meeting the receiver was invited to.
    Update,
    /// A cancellation.
    Cancellation,
    /// An attendee's answer.
    Response,
}

/// One mail that Exchange sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailEntry {
    /// When it was sent.
    pub at: DateTime<Utc>,
    /// The sender's address.
    pub from: String,
    /// The receiver's address.
    pub to: String,
    /// What it is about.
    pub kind: MailKind,
    /// The meeting's subject.
    pub subject: String,
    /// The meeting's `iCalUId`.
    pub i_cal_uid: String,
}

/// Fields every copy of a meeting shares.
const SHARED: [&str; 12] = [
    "subject",
    "body",
    "importance",
    "sensitivity",
    "location",
    "locations",
    "allowNewTimeProposals",
    "responseRequested",
    "hideAttendees",
    "isOnlineMeeting",
    "onlineMeetingProvider",
    "iCalUId",
];

// Another zone for the same moments isn't another time.
fn same_time(before: &Item, after: &Item) -> bool {
    match (&before.times, &after.times) {
        (Some(before), Some(after)) => before.same_moments(after),
        (before, after) => before == after,
    }
}

fn same_meeting(before: &Item, after: &Item) -> bool {
    let series = |item: &Item| {
        let mut series = item.series.clone();
        let exceptions = series.iter_mut().flat_map(|series| series.exceptions.values_mut());
        exceptions.for_each(|exception| exception.version = 0);
        series
    };
    same_time(before, after)
        && series(before) == series(after)
        && SHARED.iter().all(|name| before.fields.get(*name) == after.fields.get(*name))
}

impl GraphSim {
    pub(super) fn mail(
        &mut self,
        at: DateTime<Utc>,
        from: &str,
        to: &str,
        kind: MailKind,
        item: &Item,
    ) {
        self.ledger.push(MailEntry {
            at,
            from: from.to_owned(),
            to: to.to_owned(),
            kind,
            subject: item.text("subject").to_owned(),
            i_cal_uid: item.text("iCalUId").to_owned(),
        });
    }

    /// Registers a new event under its `iCalUId` and invites its attendees.
    pub(super) fn invite_all(&mut self, mailbox: usize, key: u64, now: DateTime<Utc>) {
        let Some(item) = self.mailboxes[mailbox].items.get(&key).cloned() else { return };
        self.meetings.insert(item.text("iCalUId").to_owned(), vec![(mailbox, key)]);
        let owner = self.mailboxes[mailbox].person.address.clone();
        for to in item.attendees().into_iter().filter(|to| *to != owner) {
            self.mail(now, &owner, &to, MailKind::Invitation, &item);
            self.deliver(&item, &to, true, now);
        }
    }

    /// Sends what a change by the organizer makes necessary.
    pub(super) fn after_change(
        &mut self,
        mailbox: usize,
        key: u64,
        before: &Item,
        spared: &[String],
        now: DateTime<Utc>,
    ) {
        let Some(after) = self.mailboxes[mailbox].items.get(&key).cloned() else { return };
        if !after.flag("isOrganizer") {
            return;
        }
        let owner = self.mailboxes[mailbox].person.address.clone();
        let (old, new) = (before.attendees(), after.attendees());
        let same = same_meeting(before, &after);
        for to in old.iter().filter(|to| !new.contains(to) && **to != owner) {
            self.mail(now, &owner, to, MailKind::Cancellation, before);
            self.cancel_copy(before.text("iCalUId"), to, now);
        }
        let moved = !same_time(before, &after);
        for to in new.iter().filter(|to| **to != owner && !spared.contains(to)) {
            let known = old.contains(to);
            if !known {
                self.mail(now, &owner, to, MailKind::Invitation, &after);
            } else if same {
                continue;
            } else {
                self.mail(now, &owner, to, MailKind::Update, &after);
            }
            self.deliver(&after, to, moved || !known, now);
        }
        if moved
            && !same
            && let Some(item) = self.mailboxes[mailbox].items.get_mut(&key)
        {
            reset_responses(item);
        }
    }

    /// Mails those who were added to one occurrence or taken off it, and of another change those of its
    /// guests who are not `invited` to the series (A4).
    pub(super) fn guests_of_one(
        &mut self,
        mailbox: usize,
        (before, after): (&Item, &Item),
        invited: &[String],
        now: DateTime<Utc>,
    ) {
        if !after.flag("isOrganizer") {
            return;
        }
        let owner = self.mailboxes[mailbox].person.address.clone();
        let (old, new) = (before.attendees(), after.attendees());
        for to in new.iter().filter(|to| !old.contains(to) && **to != owner) {
            self.mail(now, &owner, to, MailKind::Invitation, after);
        }
        for to in old.iter().filter(|to| !new.contains(to) && **to != owner) {
            self.mail(now, &owner, to, MailKind::Cancellation, before);
        }
        let own = |to: &&String| old.contains(to) && !invited.contains(to) && **to != owner;
        for to in new.iter().filter(own).filter(|_| !same_meeting(before, after)) {
            self.mail(now, &owner, to, MailKind::Update, after);
        }
    }

    /// Puts a meeting into an attendee's mailbox or brings the copy there up to date.
    pub(super) fn deliver(&mut self, meeting: &Item, to: &str, ask: bool, now: DateTime<Utc>) {
        let Some(mailbox) = self.mailbox_of(to) else { return };
        if self.mailboxes[mailbox].state == MailboxState::NotEnabled {
            return;
        }
        let uid = meeting.text("iCalUId").to_owned();
        let known = self.copy_in(&uid, mailbox);
        let old = known.and_then(|key| self.mailboxes[mailbox].items.get(&key).cloned());
        let fresh = old.is_none();
        let mut copy = old.unwrap_or_else(|| {
            let mut item =
                self.mailboxes[mailbox].blank(Kind::Event, 0, event_body::defaults(), now);
            item.fields.insert("showAs".into(), json!("tentative"));
            item.fields.insert("isOrganizer".into(), json!(false));
            item
        });
        for name in SHARED {
            let value = meeting.fields.get(name).cloned().unwrap_or_default();
            copy.fields.insert(name.into(), value);
        }
        copy.fields.insert("organizer".into(), organizer(meeting));
        copy.fields.insert("attendees".into(), attendees_seen_by_guest(meeting));
        copy.fields.insert("isCancelled".into(), json!(false));
        copy.times.clone_from(&meeting.times);
        copy.series.clone_from(&meeting.series);
        if fresh || ask {
            copy.fields.insert("responseStatus".into(), not_responded());
            copy.fields.insert("showAs".into(), json!("tentative"));
        }
        let room = &mut self.mailboxes[mailbox];
        if fresh {
            let key = room.store(copy);
            room.touch_later(key, now);
            self.meetings.entry(uid).or_default().push((mailbox, key));
        } else {
            let key = copy.key;
            room.items.insert(key, copy);
            room.touch(key, now);
        }
    }

    fn copy_in(&self, uid: &str, mailbox: usize) -> Option<u64> {
        let copies = self.meetings.get(uid)?;
        copies.iter().find(|(owner, _)| *owner == mailbox).map(|(_, key)| *key)
    }

    /// Marks an attendee's copy as cancelled.
    pub(super) fn cancel_copy(&mut self, uid: &str, to: &str, now: DateTime<Utc>) {
        let Some(mailbox) = self.mailbox_of(to) else { return };
        let Some(key) = self.copy_in(uid, mailbox) else { return };
        let room = &mut self.mailboxes[mailbox];
        let Some(item) = room.items.get_mut(&key) else { return };
        let subject = item.text("subject").to_owned();
        if !item.flag("isCancelled") {
            item.fields.insert("subject".into(), json!(format!("Canceled: {subject}")));
        }
        item.fields.insert("isCancelled".into(), json!(true));
        item.fields.insert("showAs".into(), json!("free"));
        room.touch(key, now);
    }

    /// Deletes an event; an organizer's meeting is cancelled by that.
    pub(super) fn delete_event(&mut self, mailbox: usize, key: u64, now: DateTime<Utc>) {
        let Some(item) = self.mailboxes[mailbox].items.get(&key).cloned() else { return };
        let owner = self.mailboxes[mailbox].person.address.clone();
        let uid = item.text("iCalUId").to_owned();
        if item.flag("isOrganizer") {
            for to in item.attendees().into_iter().filter(|to| *to != owner) {
                self.mail(now, &owner, &to, MailKind::Cancellation, &item);
                self.cancel_copy(&uid, &to, now);
            }
        }
        self.mailboxes[mailbox].remove(key);
        if let Some(copies) = self.meetings.get_mut(&uid) {
            copies.retain(|(owner, known)| (*owner, *known) != (mailbox, key));
            if copies.is_empty() {
                self.meetings.remove(&uid);
            }
        }
    }

    /// Records an attendee's answer and, when asked, mails it to the organizer.
    pub(super) fn respond(
        &mut self,
        mailbox: usize,
        key: u64,
        answer: &str,
        parameters: &Map<String, Value>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let response = match answer {
            "accept" => "accepted",
            "decline" => "declined",
            "tentativelyAccept" => "tentativelyAccepted",
            _ => return Err(invalid(format!("'{answer}' is not a response."))),
        };
        let send = parameters.get("sendResponse").and_then(Value::as_bool).unwrap_or(true);
        let room = &mut self.mailboxes[mailbox];
        let owner = room.person.address.clone();
        let Some(item) = room.items.get_mut(&key) else { return Ok(()) };
        if item.flag("isOrganizer") {
            return Err(invalid(
                "Your request can't be completed. You can't respond to this meeting because \
                 you're the meeting organizer.",
            ));
        }
        if send && !item.flag("responseRequested") {
            return Err(invalid("The meeting organizer hasn't requested a response."));
        }
        let proposes = parameters.get("proposedNewTime").is_some_and(|value| !value.is_null());
        if proposes && !item.flag("allowNewTimeProposals") {
            return Err(invalid("The organizer doesn't allow new time proposals."));
        }
        let stamp = now.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let status = json!({ "response": response, "time": stamp });
        let show = match response {
            "accepted" => "busy",
            "declined" => "free",
            _ => "tentative",
        };
        item.fields.insert("responseStatus".into(), status.clone());
        item.fields.insert("showAs".into(), json!(show));
        let item = item.clone();
        room.touch(key, now);
        if send {
            let to = organizer(&item)["emailAddress"]["address"].as_str().map(str::to_lowercase);
            let to = to.unwrap_or_default();
            self.mail(now, &owner, &to, MailKind::Response, &item);
            self.note_response(&to, &item, &owner, &status, now);
        }
        Ok(())
    }

    fn note_response(
        &mut self,
        organizer: &str,
        copy: &Item,
        attendee: &str,
        status: &Value,
        now: DateTime<Utc>,
    ) {
        let Some(mailbox) = self.mailbox_of(organizer) else { return };
        let Some(key) = self.copy_in(copy.text("iCalUId"), mailbox) else { return };
        let room = &mut self.mailboxes[mailbox];
        let Some(item) = room.items.get_mut(&key) else { return };
        let list = item.fields.get_mut("attendees").and_then(Value::as_array_mut);
        for entry in list.into_iter().flatten() {
            let address = entry["emailAddress"]["address"].as_str().unwrap_or_default();
            if address.eq_ignore_ascii_case(attendee) {
                entry["status"] = status.clone();
            }
        }
        room.touch(key, now);
    }
}

fn reset_responses(item: &mut Item) {
    let list = item.fields.get_mut("attendees").and_then(Value::as_array_mut);
    for entry in list.into_iter().flatten() {
        entry["status"] = json!({ "response": "none", "time": event_body::NEVER });
    }
}

fn organizer(meeting: &Item) -> Value {
    meeting.fields.get("organizer").cloned().unwrap_or_default()
}

// A guest's copy doesn't show how the others answered.
fn attendees_seen_by_guest(meeting: &Item) -> Value {
    let list = meeting.fields.get("attendees").and_then(Value::as_array);
    let mut list = list.cloned().unwrap_or_default();
    for entry in &mut list {
        entry["status"] = json!({ "response": "none", "time": event_body::NEVER });
    }
    Value::Array(list)
}
