//! Service activities in Dynamics: a customer, somebody who serves, a time and a state.

use serde_json::{Value, json};

use super::dynamics::Invitable;
use super::meetings::user;
use super::{Filler, SeedRefused, utc, words};

/// State and status: reserved, pending, in progress, requested, tentative, completed, no show.
const STATES: [(i64, i64); 7] = [(3, 4), (3, 3), (3, 6), (0, 1), (0, 2), (1, 8), (2, 10)];

impl Filler<'_> {
    /// Seeds the service activities of the n-th person, every third with a colleague.
    pub(super) fn services(
        &mut self,
        number: usize,
        contacts: &[Invitable],
    ) -> Result<(), SeedRefused> {
        let people = self.people;
        let Some(person) = people.get(number) else { return Ok(()) };
        for turn in 0..self.spec.services_per {
            let mut parties = vec![user(person, 5)];
            let colleague = self.colleague(number).filter(|_| number.is_multiple_of(3));
            parties.extend(colleague.and_then(|at| people.get(at)).map(|other| user(other, 5)));
            if let Some(contact) = contacts.first() {
                let bind = format!("/contacts({})", contact.id);
                let customer = json!({ "partyid_contact@odata.bind": bind,
                    "participationtypemask": 11 });
                parties.push(customer);
            }
            let slot = self.slot(person, 5 + turn * 7);
            let mark = self.mark();
            let name = self.pick(words::SERVICES);
            let body: Value = json!({
                "subject": format!("{name} {mark}"),
                "scheduledstart": utc(slot.start),
                "scheduledend": utc(slot.end),
                "isalldayevent": slot.all_day,
                "description": words::note(&mut self.rng),
                "location": self.pick(words::PLACES),
                "serviceappointment_activity_parties": parties,
            });
            let id = self.row(person, "serviceappointments", &body)?;
            let state = STATES[self.rng.usize(..STATES.len())];
            if state != (0, 1) {
                self.set_state(person, "serviceappointments", id, state)?;
            }
        }
        Ok(())
    }
}
