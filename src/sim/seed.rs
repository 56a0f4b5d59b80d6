//! Believable data for the stand-ins: people, their rows in Dynamics and their items in Outlook.
//!
//! Everything follows from the spec's seed, so that two runs see the same world. Every subject
//! and family name of an item ends in a number that no other item of the organization has; a
//! comparison tells items apart by it. Absent: edits, which are `play`'s.

mod dynamics;
mod exchange;
mod meetings;
mod names;
mod series;
mod services;
#[cfg(test)]
mod tests;
mod words;

use std::sync::MutexGuard;

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use uuid::Uuid;

use super::dataverse::DataverseSim;
use super::directory::Person;
use super::graph::GraphSim;
use super::world::Organization;

/// The category by which people track an item in Outlook (LINK-02).
pub const TRACKED_CATEGORY: &str = "Tracked to Dynamics 365";
/// The extended property by which the Outlook app tracks a contact (LINK-05).
pub const TRACK_SIGNAL: &str = "String {3c1f6a52-8d0e-4b7a-9a53-6d0b6c9f2e11} Name LockstepTrack";

/// What to seed; the amounts are per mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedSpec {
    /// Name of the organization; also the domain of its addresses, `{name}.example`.
    pub name: String,
    /// How many people, each with a mailbox.
    pub mailboxes: usize,
    /// Contacts in Dynamics.
    pub contacts_per: usize,
    /// Tasks, phone calls, letters and faxes in Dynamics.
    pub tasks_per: usize,
    /// Appointments in Dynamics.
    pub appointments_per: usize,
    /// Service activities in Dynamics.
    pub services_per: usize,
    /// Series: in Dynamics for every second person, tracked ones in Outlook for the others.
    pub series_per: usize,
    /// Events, tasks and contacts made in Outlook, tracked or not.
    pub exchange_items_per: usize,
    /// Decides every choice.
    pub seed: u64,
    /// The time in the organization's world.
    pub now: DateTime<Utc>,
}

impl SeedSpec {
    /// Returns a spec with about twenty items per mailbox.
    #[must_use]
    pub fn new(name: impl Into<String>, mailboxes: usize, seed: u64, now: DateTime<Utc>) -> Self {
        let (contacts_per, tasks_per, appointments_per, exchange_items_per) = (5, 5, 5, 6);
        let (services_per, series_per) = (1, 1);
        let name = name.into();
        Self {
            name,
            mailboxes,
            contacts_per,
            tasks_per,
            appointments_per,
            services_per,
            series_per,
            exchange_items_per,
            seed,
            now,
        }
    }

    /// Returns the same with eight items per mailbox and no series: nodes or clusters are the subject.
    #[must_use]
    pub fn with_few_items(self) -> Self {
        Self {
            contacts_per: 2,
            tasks_per: 2,
            appointments_per: 2,
            services_per: 0,
            series_per: 0,
            exchange_items_per: 2,
            ..self
        }
    }
}

/// How much was seeded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seeded {
    /// Rows in Dynamics.
    pub rows: usize,
    /// Items in Outlook and To Do, without the copies that invitations made.
    pub items: usize,
}

/// A stand-in refused something that was to be seeded: an error of the data or of the stand-in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{side} refused {what} of {who}: {status} {code}: {message}")]
pub struct SeedRefused {
    /// `Dynamics` or `Exchange`.
    pub side: &'static str,
    /// The kind of item.
    pub what: String,
    /// The person's address.
    pub who: String,
    /// The HTTP status of the refusal.
    pub status: u16,
    /// The service's code.
    pub code: String,
    /// The service's text.
    pub message: String,
}

/// Returns the people of an organization, always the same for the same spec.
#[must_use]
pub fn organization(spec: &SeedSpec) -> Vec<Person> {
    let id = |what: &str, address: &str| {
        let text = format!("{what}/{}/{address}", spec.seed);
        Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes())
    };
    let shift = usize::try_from(spec.seed % 1_000).unwrap_or_default();
    (0..spec.mailboxes)
        .map(|number| {
            let name = names::nth(number, shift);
            let address = format!("{}@{}.example", name.local_part, spec.name);
            Person {
                user_id: id("user", &address),
                object_id: id("object", &address),
                mailbox_id: id("mailbox", &address),
                given_name: name.given.to_owned(),
                surname: name.surname,
                time_zone: name.time_zone.to_owned(),
                address,
            }
        })
        .collect()
}

/// Fills both stand-ins, acting as the people.
///
/// # Errors
/// Returns the first refusal of a stand-in; what was seeded before it stays.
pub fn fill(organization: &Organization, spec: &SeedSpec) -> Result<Seeded, SeedRefused> {
    let mut filler = Filler {
        people: &organization.people,
        spec,
        dataverse: organization.dataverse(),
        graph: organization.graph(),
        rng: fastrand::Rng::with_seed(spec.seed),
        next: 0,
        seeded: Seeded::default(),
    };
    let people = &organization.people;
    for (number, person) in people.iter().enumerate() {
        let contacts = filler.contacts(person)?;
        filler.tasks(person)?;
        filler.appointments(number, &contacts)?;
        filler.services(number, &contacts)?;
    }
    for number in 0..people.len() {
        filler.exchange_items(number)?;
    }
    for number in 0..people.len() {
        filler.rows_of_series(number)?;
        filler.events_of_series(number)?;
    }
    Ok(filler.seeded)
}

/// What the rooms below share while they fill.
struct Filler<'a> {
    people: &'a [Person],
    spec: &'a SeedSpec,
    dataverse: MutexGuard<'a, DataverseSim>,
    graph: MutexGuard<'a, GraphSim>,
    rng: fastrand::Rng,
    next: u32,
    seeded: Seeded,
}

impl Filler<'_> {
    /// Returns the next number of the organization as an item's mark.
    fn mark(&mut self) -> String {
        self.next += 1;
        format!("{:04}", self.next)
    }

    fn pick<'t>(&mut self, choices: &'t [&'t str]) -> &'t str {
        choices.get(self.rng.usize(..choices.len().max(1))).copied().unwrap_or_default()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.rng.usize(..n.max(1)) == 0
    }

    /// Creates a row as a person.
    fn row(&mut self, who: &Person, set: &str, body: &Value) -> Result<Uuid, SeedRefused> {
        let made = self.dataverse.user_create(who.user_id, set, body, self.spec.now);
        self.seeded.rows += 1;
        made.map_err(|refusal| refused_row(who, set, refusal))
    }

    /// Changes a row as a person.
    fn change(
        &mut self,
        who: &Person,
        set: &str,
        id: Uuid,
        body: &Value,
    ) -> Result<(), SeedRefused> {
        let done = self.dataverse.user_update(who.user_id, set, id, body, self.spec.now);
        done.map_err(|refusal| refused_row(who, set, refusal))
    }

    /// Sets state and status of a row; new rows are open or active.
    fn set_state(
        &mut self,
        who: &Person,
        set: &str,
        id: Uuid,
        state: (i64, i64),
    ) -> Result<(), SeedRefused> {
        let body = json!({ "statecode": state.0, "statuscode": state.1 });
        self.change(who, set, id, &body)
    }
}

fn refused_row(who: &Person, set: &str, refusal: super::dataverse::Refusal) -> SeedRefused {
    SeedRefused {
        side: "Dynamics",
        what: set.to_owned(),
        who: who.address.clone(),
        status: refusal.status,
        code: refusal.code,
        message: refusal.message,
    }
}

fn refused_item(who: &Person, what: &str, refusal: super::graph::Refusal) -> SeedRefused {
    SeedRefused {
        side: "Exchange",
        what: what.to_owned(),
        who: who.address.clone(),
        status: refusal.status,
        code: refusal.code,
        message: refusal.message,
    }
}

/// Returns the zone of that IANA name; UTC for a name that nobody knows.
fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

fn instant(at: DateTime<Utc>) -> Timestamp {
    Timestamp::from_second(at.timestamp()).unwrap_or_default()
}

/// Returns an instant as Dataverse takes it.
fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Returns the day that lies `days` after the one on which `now` falls in a zone.
fn day(now: DateTime<Utc>, zone: &TimeZone, days: i64) -> Date {
    let today = instant(now).to_zoned(zone.clone()).date();
    today.checked_add(jiff::Span::new().days(days)).unwrap_or(today)
}

/// Returns the instant of a wall-clock time in a zone; in a gap, the time after it.
fn at(date: Date, hour: i8, minute: i8, zone: &TimeZone) -> Timestamp {
    let wall = date.at(hour, minute, 0, 0);
    zone.to_ambiguous_zoned(wall).compatible().map(|zoned| zoned.timestamp()).unwrap_or_default()
}
