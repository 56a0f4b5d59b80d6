//! Appointments in Dynamics: whose, with whom, when and in what state.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::dynamics::Invitable;
use super::{Filler, SeedRefused, at, day, instant, utc, words, zone};
use crate::sim::directory::Person;

/// Zones whose clock changes are worth a meeting.
const CLOCK_CHANGES: [&str; 3] = ["Europe/Berlin", "America/New_York", "Australia/Sydney"];
/// State and status of appointments: busy, out of office, tentative, free, completed, canceled.
const STATES: [(i64, i64); 6] = [(3, 5), (3, 6), (0, 2), (0, 1), (1, 3), (2, 4)];

/// When an appointment is.
pub(super) struct Slot {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) all_day: bool,
}

impl Filler<'_> {
    /// Seeds the appointments of the n-th person.
    pub(super) fn appointments(
        &mut self,
        number: usize,
        contacts: &[Invitable],
    ) -> Result<(), SeedRefused> {
        let people = self.people;
        let Some(person) = people.get(number) else { return Ok(()) };
        for turn in 0..self.spec.appointments_per {
            let shape = (turn + number * 3) % 20;
            let colleague = self.colleague(number);
            // Two in twenty are made by a colleague who leaves the organizing to the person.
            let maker = match shape {
                7 | 15 => colleague.and_then(|other| people.get(other)).unwrap_or(person),
                _ => person,
            };
            let slot = self.slot(person, shape);
            let mut parties = self.attendees(shape, number, contacts, slot.all_day);
            match shape {
                // A flow that forgot the organizer (ORG-02).
                11 => parties.push(user(person, 5)),
                _ => parties.push(user(person, 7)),
            }
            if maker.user_id != person.user_id {
                parties.retain(|party| party != &user(maker, 5) && party != &user(maker, 6));
                parties.push(user(maker, 5));
            }
            let body = self.appointment(&slot, parties);
            let id = self.row(maker, "appointments", &body)?;
            let state = self.state(shape);
            if state != (0, 1) {
                self.set_state(maker, "appointments", id, state)?;
            }
        }
        Ok(())
    }

    fn appointment(&mut self, slot: &Slot, parties: Vec<Value>) -> Value {
        let mark = self.mark();
        let subject = format!("{} {mark}", self.pick(words::MEETINGS));
        let place = self.pick(words::PLACES);
        let mut body = json!({
            "subject": subject,
            "scheduledstart": utc(slot.start),
            "scheduledend": utc(slot.end),
            "isalldayevent": slot.all_day,
            "prioritycode": self.rng.u8(..3),
            "appointment_activity_parties": parties,
        });
        if !place.is_empty() {
            body["location"] = json!(place);
        }
        if !self.one_in(4) {
            body["description"] = json!(words::note(&mut self.rng));
        }
        body
    }

    pub(super) fn colleague(&mut self, number: usize) -> Option<usize> {
        let count = self.people.len();
        let other = (number + 1 + self.rng.usize(..count.saturating_sub(1).max(1))) % count.max(1);
        (other != number).then_some(other)
    }

    fn state(&mut self, shape: usize) -> (i64, i64) {
        match shape {
            3 => STATES[4],
            9 => STATES[5],
            _ => STATES[[0, 0, 0, 1, 2, 3][self.rng.usize(..6)]],
        }
    }

    // Past, in progress, all day, around a change of the clocks, and mostly in the future.
    pub(super) fn slot(&mut self, person: &Person, shape: usize) -> Slot {
        let own = zone(&person.time_zone);
        let now = self.spec.now;
        let minutes = [30, 45, 60, 90][self.rng.usize(..4)];
        match shape {
            1 | 13 => {
                let date = day(now, &own, -self.rng.i64(2..70));
                timed(at(date, self.rng.i8(8..17), 0, &own), minutes)
            }
            6 => timed(back(instant(now), 20), 75),
            4 | 14 => {
                let first = day(now, &own, self.rng.i64(3..90));
                let after = first.checked_add(jiff::Span::new().days(self.rng.i64(1..4)));
                let start = at(first, 0, 0, &own);
                Slot { start, end: at(after.unwrap_or(first), 0, 0, &own), all_day: true }
            }
            2 | 12 | 18 => {
                let zone = zone(CLOCK_CHANGES[self.rng.usize(..3)]);
                self.near_change(&zone, minutes)
            }
            _ => {
                let date = day(now, &own, self.rng.i64(2..120));
                timed(at(date, self.rng.i8(8..18), [0, 15, 30][self.rng.usize(..3)], &own), minutes)
            }
        }
    }

    // The night of a change, or the working day before or after it.
    fn near_change(&mut self, zone: &TimeZone, minutes: i64) -> Slot {
        let now = instant(self.spec.now);
        let change = zone.following(now).next().map_or(now, |change| change.timestamp());
        let date = change.to_zoned(zone.clone()).date();
        let around = |days: i64| date.checked_add(jiff::Span::new().days(days)).unwrap_or(date);
        match self.rng.u8(..3) {
            0 => timed(back(change, 30), minutes),
            1 => timed(at(around(-1), 9, 0, zone), minutes),
            _ => timed(at(around(1), 9, 0, zone), minutes),
        }
    }

    fn attendees(
        &mut self,
        shape: usize,
        number: usize,
        contacts: &[Invitable],
        all_day: bool,
    ) -> Vec<Value> {
        let mut parties = Vec::new();
        // All-day meetings of colleagues in other zones would lie on two days at once.
        if all_day || shape.is_multiple_of(4) {
            return parties;
        }
        let people = self.people;
        for step in 0..self.rng.usize(..3) {
            let other = (number + 1 + self.rng.usize(..people.len().max(1)) + step) % people.len();
            if other != number {
                let mask = if step == 0 { 5 } else { 6 };
                parties.push(user(&people[other], mask));
            }
        }
        if shape % 3 == 1
            && let Some(contact) = contacts.get(self.rng.usize(..contacts.len().max(1)))
        {
            let bind = format!("/contacts({})", contact.id);
            parties.push(json!({ "partyid_contact@odata.bind": bind, "participationtypemask": 5 }));
        }
        if shape % 5 == 2 {
            let company = self.pick(words::OUTSIDE);
            let address = format!("guest{}@{company}.example", self.rng.u16(..1_000));
            parties.push(json!({ "addressused": address, "participationtypemask": 6 }));
        }
        parties
    }
}

pub(super) fn user(person: &Person, mask: u8) -> Value {
    let bind = format!("/systemusers({})", person.user_id);
    json!({ "partyid_systemuser@odata.bind": bind, "participationtypemask": mask })
}

fn timed(start: Timestamp, minutes: i64) -> Slot {
    Slot { start, end: back(start, -minutes), all_day: false }
}

fn back(at: Timestamp, minutes: i64) -> Timestamp {
    let minute = at.as_second() - at.as_second().rem_euclid(60);
    Timestamp::from_second(minute - minutes * 60).unwrap_or(at)
}
