//! Edits in Outlook and To Do.

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Done, Edit, Play, later, mark};
use crate::sim::compare::Kind;
use crate::sim::directory::Person;
use crate::sim::seed::{TRACK_SIGNAL, TRACKED_CATEGORY};
use crate::sim::world::Organization;

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
    pub(super) fn in_exchange(
        &mut self,
        organization: &Organization,
        person: &Person,
        edit: Edit,
        now: DateTime<Utc>,
    ) -> Option<Done> {
        let events_and_tasks = [Kind::Appointment, Kind::Task];
        let kind = match edit {
            Edit::Create => return self.create_item(organization, person, now),
            Edit::MoveOccurrence | Edit::DropOccurrence => {
                return self.occurrence_in_exchange(organization, person, edit, now);
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
        let hand = self.item_of(organization, person, kind, edit != Edit::Track, now)?;
        match edit {
            Edit::Rename => {
                let new = self.renamed(&hand.name())?;
                let name = if kind == Kind::Task { "title" } else { "subject" };
                change(organization, person, &hand, &json!({ name: new }), now)?;
                Some(hand.done(format!("renames “{}” to “{new}”", hand.name())))
            }
            Edit::Move => self.move_event(organization, person, &hand, now),
            Edit::AddAttendee => self.invite(organization, person, &hand, now),
            Edit::Complete => {
                change(organization, person, &hand, &json!({ "status": "completed" }), now)?;
                Some(hand.done(format!("completes “{}”", hand.name())))
            }
            Edit::Phone => {
                let phone = self.phone();
                change(organization, person, &hand, &json!({ "mobilePhone": phone }), now)?;
                Some(hand.done(format!("changes the mobile of {} to {phone}", hand.name())))
            }
            Edit::Track | Edit::Untrack => track(organization, person, &hand, edit, now),
            Edit::Open => {
                let mut graph = organization.graph();
                graph.user_open_item(&person.address, &hand.id, now).ok()?;
                Some(hand.done(format!("looks at “{}”", hand.name())))
            }
            Edit::Delete => delete(organization, person, &hand, now),
            Edit::Create
            | Edit::Reopen
            | Edit::ChangeOwner
            | Edit::MoveOccurrence
            | Edit::DropOccurrence => None,
        }
    }

    // Own, single and open items; of events only future ones that surely have an open row.
    fn item_of(
        &mut self,
        organization: &Organization,
        person: &Person,
        kind: Kind,
        tracked: bool,
        now: DateTime<Utc>,
    ) -> Option<Hand> {
        let graph = organization.graph();
        let items = match kind {
            Kind::Appointment => graph.events(&person.address),
            Kind::Contact => graph.contacts(&person.address),
            Kind::Task => graph.tasks(&person.address),
        };
        drop(graph);
        let hands = items.into_iter().filter_map(|item| {
            let id = item["id"].as_str()?.to_owned();
            let hand = Hand { kind, id, item };
            let fits = fit(&hand, now) && hand.tracked() == tracked && hand.mark().is_some();
            fits.then_some(hand)
        });
        let mut hands: Vec<Hand> = hands.collect();
        if hands.is_empty() {
            return None;
        }
        Some(hands.swap_remove(self.rng.usize(..hands.len())))
    }

    fn move_event(
        &mut self,
        organization: &Organization,
        person: &Person,
        hand: &Hand,
        now: DateTime<Utc>,
    ) -> Option<Done> {
        if hand.item["isAllDay"] == true {
            return None;
        }
        let (start, said) = self.slot(person, now)?;
        let body = json!({ "start": wall(start), "end": wall(later(start, 30)) });
        change(organization, person, hand, &body, now)?;
        Some(hand.done(format!("moves “{}” to {said}", hand.name())))
    }

    fn invite(
        &mut self,
        organization: &Organization,
        person: &Person,
        hand: &Hand,
        now: DateTime<Utc>,
    ) -> Option<Done> {
        let guest = self.one(&organization.people)?;
        let mut list = hand.item["attendees"].as_array()?.clone();
        let known = |one: &Value| one["emailAddress"]["address"] == guest.address.as_str();
        let own = guest.address == person.address || hand.item["isAllDay"] == true;
        if own || list.iter().any(known) {
            return None;
        }
        list.push(json!({ "type": "required",
            "emailAddress": { "name": guest.full_name(), "address": guest.address } }));
        change(organization, person, hand, &json!({ "attendees": list }), now)?;
        Some(hand.done(format!("invites {} to “{}”", guest.full_name(), hand.name())))
    }

    fn create_item(
        &mut self,
        organization: &Organization,
        person: &Person,
        now: DateTime<Utc>,
    ) -> Option<Done> {
        let number = self.number();
        let (start, said) = self.slot(person, now)?;
        let mut graph = organization.graph();
        if self.rng.bool() {
            let title = format!("Read the contract {number}");
            let body = json!({ "title": title, "categories": [TRACKED_CATEGORY],
                "dueDateTime": wall(start) });
            let id = graph.user_create_task(&person.address, &body, now).ok()?;
            let what = format!("adds and tracks the task “{title}”");
            return Some(Done { kind: Kind::Task, id, what, excuses: None });
        }
        let subject = format!("Site walk {number}");
        let body = json!({ "subject": subject, "categories": [TRACKED_CATEGORY],
            "start": wall(start), "end": wall(later(start, 60)) });
        let id = graph.user_create_event(&person.address, &body, now).ok()?;
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

fn change(
    organization: &Organization,
    person: &Person,
    hand: &Hand,
    body: &Value,
    now: DateTime<Utc>,
) -> Option<()> {
    let mut graph = organization.graph();
    let (address, id) = (&person.address, &hand.id);
    let done = match hand.kind {
        Kind::Appointment => graph.user_update_event(address, id, body, now),
        Kind::Contact => graph.user_update_contact(address, id, body, now),
        Kind::Task => graph.user_update_task(address, id, body, now),
    };
    done.ok()
}

fn track(
    organization: &Organization,
    person: &Person,
    hand: &Hand,
    edit: Edit,
    now: DateTime<Utc>,
) -> Option<Done> {
    let mut names: Vec<&str> = hand.categories().filter(|name| *name != TRACKED_CATEGORY).collect();
    let (what, excuses) = if edit == Edit::Track {
        names.push(TRACKED_CATEGORY);
        (format!("tracks “{}”", hand.name()), None)
    } else {
        (format!("stops tracking “{}”", hand.name()), hand.mark())
    };
    change(organization, person, hand, &json!({ "categories": names }), now)?;
    Some(Done { excuses, ..hand.done(what) })
}

fn delete(
    organization: &Organization,
    person: &Person,
    hand: &Hand,
    now: DateTime<Utc>,
) -> Option<Done> {
    let mut graph = organization.graph();
    let (address, id) = (&person.address, &hand.id);
    let done = match hand.kind {
        Kind::Appointment => graph.user_delete_event(address, id, now),
        Kind::Contact => graph.user_delete_contact(address, id, now),
        Kind::Task => graph.user_delete_task(address, id, now),
    };
    done.ok()?;
    Some(hand.done(format!("deletes “{}”", hand.name())))
}

fn wall(at: Timestamp) -> Value {
    json!({ "dateTime": at.strftime("%Y-%m-%dT%H:%M:%S").to_string(), "timeZone": "UTC" })
}
