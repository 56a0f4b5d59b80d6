//! Edits in Dynamics.

use chrono::DateTime;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Done, Edit, Play, Turn, later, mark};
use crate::sim::compare::Kind;
use crate::sim::directory::Person;

/// One row in hand.
struct Hand {
    kind: Kind,
    set: &'static str,
    id: Uuid,
    row: Value,
}

impl Hand {
    fn text(&self, column: &str) -> &str {
        self.row[column].as_str().unwrap_or_default()
    }

    fn name(&self) -> String {
        match self.kind {
            Kind::Contact => format!("{} {}", self.text("firstname"), self.text("lastname")),
            Kind::Appointment | Kind::Task => self.text("subject").to_owned(),
        }
    }

    fn mark(&self) -> Option<String> {
        mark(&self.name())
    }

    fn done(&self, what: String) -> Done {
        Done { kind: self.kind, id: self.id.to_string(), what, excuses: None }
    }
}

impl Play {
    pub(super) fn in_dynamics(&mut self, turn: Turn<'_>, edit: Edit) -> Option<Done> {
        match edit {
            Edit::Rename => self.rename_row(turn),
            Edit::Move => self.move_row(turn),
            Edit::AddAttendee => self.invite_in_row(turn),
            Edit::Complete => self.complete_row(turn),
            Edit::Reopen => self.reopen_row(turn),
            Edit::Phone => self.phone_in_row(turn),
            Edit::Create => self.create_row(turn),
            Edit::Delete => self.delete_row(turn),
            Edit::ChangeOwner => self.change_owner(turn),
            Edit::MoveOccurrence | Edit::DropOccurrence => self.occurrence_in_dynamics(turn, edit),
            Edit::Track | Edit::Untrack | Edit::Open => None,
        }
    }

    // An open row of the person; meetings only future ones that the person organizes.
    fn row_of(&mut self, turn: Turn<'_>, kind: Kind) -> Option<Hand> {
        let (table, set) = match kind {
            Kind::Appointment => ("appointment", "appointments"),
            Kind::Contact => ("contact", "contacts"),
            Kind::Task => ("task", "tasks"),
        };
        let mut dataverse = turn.organization.dataverse();
        let ids = dataverse.filter_rows(turn.person.user_id, table, turn.now);
        let rows = ids.into_iter().filter_map(|id| {
            let row = dataverse.row(set, id)?;
            let hand = Hand { kind, set, id, row };
            (fit(&hand, turn) && hand.mark().is_some()).then_some(hand)
        });
        let mut rows: Vec<Hand> = rows.collect();
        if rows.is_empty() {
            return None;
        }
        Some(rows.swap_remove(self.rng.usize(..rows.len())))
    }

    fn rename_row(&mut self, turn: Turn<'_>) -> Option<Done> {
        let kind = *self.one(&[Kind::Task, Kind::Appointment])?;
        let hand = self.row_of(turn, kind)?;
        let new = self.renamed(&hand.name())?;
        change(turn, &hand, &json!({ "subject": new }))?;
        Some(hand.done(format!("renames “{}” to “{new}”", hand.name())))
    }

    fn move_row(&mut self, turn: Turn<'_>) -> Option<Done> {
        let hand = self.row_of(turn, Kind::Appointment)?;
        if hand.row["isalldayevent"] == true {
            return None;
        }
        let (start, said) = self.slot(turn)?;
        let body = json!({ "scheduledstart": utc(start), "scheduledend": utc(later(start, 45)) });
        change(turn, &hand, &body)?;
        Some(hand.done(format!("moves “{}” to {said}", hand.name())))
    }

    fn invite_in_row(&mut self, turn: Turn<'_>) -> Option<Done> {
        let hand = self.row_of(turn, Kind::Appointment)?;
        let guest = self.one(&turn.organization.people)?;
        let parties = hand.row["parties"].as_array()?;
        let there = |party: &Value| party["addressused"] == guest.address.as_str();
        if parties.iter().any(there) || hand.row["isalldayevent"] == true {
            return None;
        }
        let mut list: Vec<Value> = parties.iter().filter_map(as_written).collect();
        list.push(user(guest, 6));
        let body = json!({ "appointment_activity_parties": list });
        change(turn, &hand, &body)?;
        Some(hand.done(format!("invites {} to “{}”", guest.full_name(), hand.name())))
    }

    fn complete_row(&mut self, turn: Turn<'_>) -> Option<Done> {
        let hand = self.row_of(turn, Kind::Task)?;
        change(turn, &hand, &json!({ "statecode": 1, "statuscode": 5 }))?;
        Some(hand.done(format!("completes “{}”", hand.name())))
    }

    // A closed task has left the filters, so the rows are read without them.
    fn reopen_row(&mut self, turn: Turn<'_>) -> Option<Done> {
        let rows = turn.organization.dataverse().rows("tasks");
        let me = turn.person.user_id.to_string();
        let closed: Vec<&Value> = rows
            .iter()
            .filter(|row| row["statecode"] == 1 && row["_ownerid_value"] == me.as_str())
            .collect();
        let row = (*self.one(&closed)?).clone();
        let id = row["activityid"].as_str()?.parse().ok()?;
        let hand = Hand { kind: Kind::Task, set: "tasks", id, row };
        // TASK-OUT-10: whoever reopens a task clears its end.
        let open = json!({ "statecode": 0, "statuscode": 2 });
        change(turn, &hand, &open)?;
        change(turn, &hand, &json!({ "actualend": null }))?;
        let done = hand.done(format!("reopens “{}”", hand.name()));
        Some(Done { excuses: hand.mark(), ..done })
    }

    fn phone_in_row(&mut self, turn: Turn<'_>) -> Option<Done> {
        let hand = self.row_of(turn, Kind::Contact)?;
        let phone = self.phone();
        change(turn, &hand, &json!({ "telephone1": phone }))?;
        Some(hand.done(format!("changes the phone of {} to {phone}", hand.name())))
    }

    fn create_row(&mut self, turn: Turn<'_>) -> Option<Done> {
        let number = self.number();
        let (start, said) = self.slot(turn)?;
        let (kind, set, body, what) = match self.rng.u8(..3) {
            0 => {
                let body = json!({ "firstname": "Noor", "lastname": format!("Haddad {number}"),
                    "telephone1": self.phone(), "address1_city": "Genève" });
                let what = format!("adds the contact Noor Haddad {number}");
                (Kind::Contact, "contacts", body, what)
            }
            1 => {
                let subject = format!("Call the supplier {number}");
                let what = format!("adds the task “{subject}”, due {said}");
                let body = json!({ "subject": subject, "scheduledend": utc(start) });
                (Kind::Task, "tasks", body, what)
            }
            _ => {
                let subject = format!("Coffee with the client {number}");
                let what = format!("plans “{subject}” for {said}");
                let body = json!({ "subject": subject, "scheduledstart": utc(start),
                    "scheduledend": utc(later(start, 30)),
                    "appointment_activity_parties": [user(turn.person, 7)] });
                (Kind::Appointment, "appointments", body, what)
            }
        };
        let made = turn
            .organization
            .dataverse()
            .user_create(turn.person.user_id, set, &body, turn.now)
            .ok()?;
        Some(Done { kind, id: made.to_string(), what, excuses: None })
    }

    fn delete_row(&mut self, turn: Turn<'_>) -> Option<Done> {
        let kind = *self.one(&[Kind::Task, Kind::Appointment, Kind::Contact])?;
        let hand = self.row_of(turn, kind)?;
        let user = turn.person.user_id;
        turn.organization.dataverse().user_delete(user, hand.set, hand.id, turn.now).ok()?;
        let done = hand.done(format!("deletes “{}”", hand.name()));
        // The owner's own copy of a contact stays, unlinked (CONT-03), and so does a completed
        // task, whatever its state (TASK-OUT-09, TASK-OUT-10).
        let ended = kind == Kind::Task && !hand.row["actualend"].is_null();
        let kept = if kind == Kind::Contact || ended { hand.mark() } else { None };
        Some(Done { excuses: kept, ..done })
    }

    fn change_owner(&mut self, turn: Turn<'_>) -> Option<Done> {
        let hand = self.row_of(turn, Kind::Contact)?;
        let heir = self.one(&turn.organization.people)?;
        if heir.user_id == turn.person.user_id {
            return None;
        }
        let body = json!({ "ownerid@odata.bind": format!("/systemusers({})", heir.user_id) });
        change(turn, &hand, &body)?;
        Some(hand.done(format!("hands {} over to {}", hand.name(), heir.full_name())))
    }
}

fn fit(hand: &Hand, turn: Turn<'_>) -> bool {
    let me = turn.person.user_id.to_string();
    let mine = hand.row["_ownerid_value"] == me.as_str();
    match hand.kind {
        Kind::Contact => mine,
        Kind::Task => mine && hand.row["statecode"] == 0,
        Kind::Appointment => {
            let start = DateTime::parse_from_rfc3339(hand.text("scheduledstart"));
            let future = start.is_ok_and(|start| start > turn.now + chrono::Duration::hours(1));
            let open = matches!(hand.row["statecode"].as_i64(), Some(0 | 3));
            let parties = hand.row["parties"].as_array();
            let organizes = parties.into_iter().flatten().any(|party| {
                party["participationtypemask"] == 7
                    && party["addressused"] == turn.person.address.as_str()
            });
            // An occurrence of a series has edits of its own.
            future && open && organizes && mine && hand.row["seriesid"].is_null()
        }
    }
}

fn change(turn: Turn<'_>, hand: &Hand, body: &Value) -> Option<()> {
    let mut dataverse = turn.organization.dataverse();
    dataverse.user_update(turn.person.user_id, hand.set, hand.id, body, turn.now).ok()
}

fn user(person: &Person, mask: u8) -> Value {
    let bind = format!("/systemusers({})", person.user_id);
    json!({ "partyid_systemuser@odata.bind": bind, "participationtypemask": mask })
}

// A list of parties replaces the old one, so the old ones are written again (B10).
fn as_written(party: &Value) -> Option<Value> {
    let mask = party["participationtypemask"].as_i64().filter(|mask| (5..=7).contains(mask))?;
    let id = party["partyid"].as_str();
    Some(match (id, party["partytable"].as_str()) {
        (Some(id), Some(table @ ("systemuser" | "contact"))) => {
            let bind = format!("/{table}s({id})");
            json!({ format!("partyid_{table}@odata.bind"): bind, "participationtypemask": mask })
        }
        _ => json!({ "addressused": party["addressused"], "participationtypemask": mask }),
    })
}

fn utc(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
