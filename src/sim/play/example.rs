//! The catalogue's worked example of filters, step by step (FILT-07).

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::{Done, Edit, Event, Play, Side, Turn, event};
use crate::sim::compare::Kind;
use crate::sim::directory::Person;
use crate::sim::world::Organization;

/// One step and what the next cycles must make of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The edit that was made.
    pub event: Event,
    /// Whether the first person's mailbox must have the contact after the next cycle.
    pub in_first: bool,
    /// Whether the second person's mailbox must have it.
    pub in_second: bool,
    /// The phone number that the copy must show.
    pub phone: String,
}

/// A contact that goes from one owner to another and is edited there.
#[derive(Debug, Clone)]
pub struct WorkedExample {
    /// The first owner.
    pub first: Person,
    /// The second owner.
    pub second: Person,
    /// The number in the contact's name.
    pub number: String,
    contact: Option<Uuid>,
    done: usize,
}

impl Play {
    /// Returns the worked example for two people of an organization; absent with fewer.
    #[must_use]
    pub fn worked_example(&mut self, organization: &Organization) -> Option<WorkedExample> {
        let [first, second, ..] = organization.people.as_slice() else { return None };
        let (first, second, number) = (first.clone(), second.clone(), self.number());
        Some(WorkedExample { first, second, number, contact: None, done: 0 })
    }
}

impl WorkedExample {
    /// Makes the next of the three edits; absent when all are made or one was refused.
    pub fn step(&mut self, organization: &Organization, now: DateTime<Utc>) -> Option<Step> {
        let name = format!("Amina Bello {}", self.number);
        let phones = ["+234 1 0000-001", "+234 1 0000-001", "+234 1 0000-002"];
        let phone = *phones.get(self.done)?;
        let mut dataverse = organization.dataverse();
        let (who, edit, what) = match self.done {
            0 => {
                let body = json!({ "firstname": "Amina", "telephone1": phone,
                    "lastname": format!("Bello {}", self.number) });
                let user = self.first.user_id;
                self.contact = Some(dataverse.user_create(user, "contacts", &body, now).ok()?);
                (&self.first, Edit::Create, format!("adds the contact {name}"))
            }
            1 => {
                let bind = format!("/systemusers({})", self.second.user_id);
                let body = json!({ "ownerid@odata.bind": bind });
                let user = self.first.user_id;
                dataverse.user_update(user, "contacts", self.contact?, &body, now).ok()?;
                let what = format!("hands {name} over to {}", self.second.full_name());
                (&self.first, Edit::ChangeOwner, what)
            }
            _ => {
                let body = json!({ "telephone1": phone });
                let user = self.second.user_id;
                dataverse.user_update(user, "contacts", self.contact?, &body, now).ok()?;
                (&self.second, Edit::Phone, format!("changes the phone of {name} to {phone}"))
            }
        };
        let id = self.contact?.to_string();
        let done = Done { kind: Kind::Contact, id, what, excuses: None };
        let turn = Turn { organization, person: who, now };
        let event = event(turn, Side::Dynamics, edit, done);
        self.done += 1;
        let in_first = self.done == 1;
        Some(Step { event, in_first, in_second: !in_first, phone: phone.to_owned() })
    }
}
