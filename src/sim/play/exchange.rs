//! Edits in Outlook and To Do.

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Done, Edit, Play, Turn, later, mark};
use crate::sim::compare::Kind;
use crate::sim::seed::{TRACK_SIGNAL, TRACKED_CATEGORY};

/// One Exchange item in hand.
struct Hand {
    kind: Kind,
    id: String,
    item: Value,
}

impl Hand {
    fn name(&self) -> String {
        let text = |name: &str| self.item[name].as_str().unwrap_or_default();
        match self.kind {
            Kind::Appointment => text("subject").to_owned(),
            Kind::Task => text("title").to_owned(),
            Kind::Contact => format!("{} {}", text("givenName"), text("surname")),
        }
    }

    fn mark(&self) -> Option<String> {
        mark(&self.name())
    }

    /// The category on events and tasks, the app's signal or a link on contacts.
    fn tracked(&self) -> bool {
        if self.kind != Kind::Contact {
            return self.categories().any(|name| name == TRACKED_CATEGORY);
        }
        let signal = TRACK_SIGNAL.rsplit_once(' ').map_or(TRACK_SIGNAL, |(_, name)| name);
        let list = self.item["singleValueExtendedProperties"].as_array();
        list.into_iter().flatten().any(|entry| {
            let id = entry["id"].as_str().unwrap_or_default();
            id.ends_with(signal) || id.ends_with("LockstepLink")
        })
    }

    fn categories(&self) -> impl Iterator<Item = &str> {
        self.item["categories"].as_array().into_iter().flatten().filter_map(Value::as_str)
    }

    fn done(&self, what: String) -> Done {
        Done { kind: self.kind, id: self.id.clone(), what, excuses: None }
    }
}

impl Play {
    pub(super) fn in_exchange(&mut self, turn: Turn<'_>, edit: Edit) -> Option<Done> {
        let events_and_tasks = [Kind::Appointment, Kind::Task];
        let kind = match edit {
            Edit::Create => return self.create_item(turn),
            Edit::MoveOccurrence | Edit::DropOccurrence => {
                return self.occurrence_in_exchange(turn, edit);
            }
            Edit::Move | Edit::AddAttendee => Kind::Appointment,
            Edit::Complete => Kind::Task,
            Edit::Phone => Kind::Contact,
            Edit::Rename | Edit::Track | Edit::Untrack => *self.one(&events_and_tasks)?,
            Edit::Delete | Edit::Open => {
                *self.one(&[Kind::Appointment, Kind::Task, Kind::Contact])?
            }
            Edit::Reopen | Edit::ChangeOwner => return None,
        };
        let hand = self.item_of(turn, kind, edit != Edit::Track)?;
        match edit {
            Edit::Rename => {
                let new = self.renamed(&hand.name())?;
                let name = if kind == Kind::Task { "title" } else { "subject" };
                change(turn, &hand, &json!({ name: new }))?;
                Some(hand.done(format!("renames “{}” to “{new}”", hand.name())))
            }
            Edit::Move => self.move_event(turn, &hand),
            Edit::AddAttendee => self.invite(turn, &hand),
            Edit::Complete => {
                change(turn, &hand, &json!({ "status": "completed" }))?;
                Some(hand.done(format!("completes “{}”", hand.name())))
            }
            Edit::Phone => {
                let phone = self.phone();
                change(turn, &hand, &json!({ "mobilePhone": phone }))?;
                Some(hand.done(format!("changes the mobile of {} to {phone}", hand.name())))
            }
            Edit::Track | Edit::Untrack => track(turn, &hand, edit),
            Edit::Open => {
                let mut graph = turn.organization.graph();
                graph.user_open_item(&turn.person.address, &hand.id, turn.now).ok()?;
                Some(hand.done(format!("looks at “{}”", hand.name())))
            }
            Edit::Delete => delete(turn, &hand),
            Edit::Create
            | Edit::Reopen
            | Edit::ChangeOwner
            | Edit::MoveOccurrence
            | Edit::DropOccurrence => None,
        }
    }

    // Own, single and open items; of events only future ones that surely have an open row.
    fn item_of(&mut self, turn: Turn<'_>, kind: Kind, tracked: bool) -> Option<Hand> {
        let graph = turn.organization.graph();
        let items = match kind {
            Kind::Appointment => graph.events(&turn.person.address),
            Kind::Contact => graph.contacts(&turn.person.address),
            Kind::Task => graph.tasks(&turn.person.address),
        };
        drop(graph);
        let hands = items.into_iter().filter_map(|item| {
            let id = item["id"].as_str()?.to_owned();
            let hand = Hand { kind, id, item };
            let fits = fit(&hand, turn.now) && hand.tracked() == tracked && hand.mark().is_some();
            fits.then_some(hand)
        });
        let mut hands: Vec<Hand> = hands.collect();
        if hands.is_empty() {
            return None;
        }
        Some(hands.swap_remove(self.rng.usize(..hands.len())))
    }

    fn move_event(&mut self, turn: Turn<'_>, hand: &Hand) -> Option<Done> {
        if hand.item["isAllDay"] == true {
            return None;
        }
        let (start, said) = self.slot(turn)?;
        let body = json!({ "start": wall(start), "end": wall(later(start, 30)) });
        change(turn, hand, &body)?;
        Some(hand.done(format!("moves “{}” to {said}", hand.name())))
    }

    fn invite(&mut self, turn: Turn<'_>, hand: &Hand) -> Option<Done> {
        let guest = self.one(&turn.organization.people)?;
        let mut list = hand.item["attendees"].as_array()?.clone();
        let known = |one: &Value| one["emailAddress"]["address"] == guest.address.as_str();
        let own = guest.address == turn.person.address || hand.item["isAllDay"] == true;
        if own || list.iter().any(known) {
            return None;
        }
        list.push(json!({ "type": "required",
            "emailAddress": { "name": guest.full_name(), "address": guest.address } }));
        change(turn, hand, &json!({ "attendees": list }))?;
        Some(hand.done(format!("invites {} to “{}”", guest.full_name(), hand.name())))
    }

    fn create_item(&mut self, turn: Turn<'_>) -> Option<Done> {
        let number = self.number();
        let (start, said) = self.slot(turn)?;
        let mut graph = turn.organization.graph();
        if self.rng.bool() {
            let title = format!("Read the contract {number}");
            let body = json!({ "title": title, "categories": [TRACKED_CATEGORY],
                "dueDateTime": wall(start) });
            let id = graph.user_create_task(&turn.person.address, &body, turn.now).ok()?;
            let what = format!("adds and tracks the task “{title}”");
            return Some(Done { kind: Kind::Task, id, what, excuses: None });
        }
        let subject = format!("Site walk {number}");
        let body = json!({ "subject": subject, "categories": [TRACKED_CATEGORY],
            "start": wall(start), "end": wall(later(start, 60)) });
        let id = graph.user_create_event(&turn.person.address, &body, turn.now).ok()?;
        let what = format!("plans and tracks “{subject}” for {said}");
        Some(Done { kind: Kind::Appointment, id, what, excuses: None })
    }
}

fn fit(hand: &Hand, now: DateTime<Utc>) -> bool {
    let item = &hand.item;
    if item["recurrence"].is_object() {
        return false;
    }
    match hand.kind {
        Kind::Contact => true,
        Kind::Task => item["status"] != "completed",
        Kind::Appointment => {
            let start = item["start"]["dateTime"].as_str().unwrap_or_default();
            let soon = (now + chrono::Duration::hours(2)).format("%Y-%m-%dT%H:%M:%S").to_string();
            // Free may stand for a closed row, which no change reaches (APPT-IN-05).
            item["isOrganizer"] == true && item["showAs"] != "free" && start > soon.as_str()
        }
    }
}

fn change(turn: Turn<'_>, hand: &Hand, body: &Value) -> Option<()> {
    let mut graph = turn.organization.graph();
    let (address, id) = (&turn.person.address, &hand.id);
    let done = match hand.kind {
        Kind::Appointment => graph.user_update_event(address, id, body, turn.now),
        Kind::Contact => graph.user_update_contact(address, id, body, turn.now),
        Kind::Task => graph.user_update_task(address, id, body, turn.now),
    };
    done.ok()
}

fn track(turn: Turn<'_>, hand: &Hand, edit: Edit) -> Option<Done> {
    let mut names: Vec<&str> = hand.categories().filter(|name| *name != TRACKED_CATEGORY).collect();
    let (what, excuses) = if edit == Edit::Track {
        names.push(TRACKED_CATEGORY);
        (format!("tracks “{}”", hand.name()), None)
    } else {
        (format!("stops tracking “{}”", hand.name()), hand.mark())
    };
    change(turn, hand, &json!({ "categories": names }))?;
    Some(Done { excuses, ..hand.done(what) })
}

fn delete(turn: Turn<'_>, hand: &Hand) -> Option<Done> {
    let mut graph = turn.organization.graph();
    let (address, id) = (&turn.person.address, &hand.id);
    let done = match hand.kind {
        Kind::Appointment => graph.user_delete_event(address, id, turn.now),
        Kind::Contact => graph.user_delete_contact(address, id, turn.now),
        Kind::Task => graph.user_delete_task(address, id, turn.now),
    };
    done.ok()?;
    Some(hand.done(format!("deletes “{}”", hand.name())))
}

fn wall(at: Timestamp) -> Value {
    json!({ "dateTime": at.strftime("%Y-%m-%dT%H:%M:%S").to_string(), "timeZone": "UTC" })
}
