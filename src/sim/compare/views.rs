//! Rows and Exchange items as the judge sees them.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;
use serde_json::Value;
use uuid::Uuid;

use super::text::mark_of;
use super::{CompareOptions, Kind};
use crate::sim::directory::Person;
use crate::sim::world::Organization;

/// The tables compared: logical name, set, kind.
pub(super) const TABLES: [(&str, &str, Kind); 8] = [
    ("contact", "contacts", Kind::Contact),
    ("task", "tasks", Kind::Task),
    ("phonecall", "phonecalls", Kind::Task),
    ("letter", "letters", Kind::Task),
    ("fax", "faxes", Kind::Task),
    ("appointment", "appointments", Kind::Appointment),
    (SERIES, "recurringappointmentmasters", Kind::Appointment),
    (SERVICE, "serviceappointments", Kind::Appointment),
];
/// Service activities stand in calendars, one copy for each user (SVC-01, SVC-03).
const SERVICE: &str = "serviceappointment";
/// A series; its occurrences are appointments that name it.
const SERIES: &str = "recurringappointmentmaster";
/// How far, in days, occurrences are looked at: as far as Dynamics makes rows, and then some.
const AHEAD: i64 = 760;
const CATEGORY: &str = "Tracked to Dynamics 365";
const APP_SIGNAL: &str = "Name LockstepTrack";
const LINK: &str = "Name LockstepLink";

/// One row of Dynamics.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) table: &'static str,
    pub(super) id: Uuid,
    pub(super) mark: Option<String>,
    pub(super) value: Value,
}

impl Row {
    pub(super) fn is_service(&self) -> bool {
        self.table == SERVICE
    }

    pub(super) fn is_series(&self) -> bool {
        self.table == SERIES
    }

    /// Returns the series of which this is an occurrence.
    pub(super) fn series(&self) -> Option<Uuid> {
        self.text("seriesid").parse().ok()
    }

    pub(super) fn text(&self, column: &str) -> &str {
        self.value[column].as_str().unwrap_or_default()
    }

    pub(super) fn number(&self, column: &str) -> Option<i64> {
        self.value[column].as_i64()
    }

    pub(super) fn instant(&self, column: &str) -> Option<Timestamp> {
        self.text(column).parse().ok()
    }

    pub(super) fn owner(&self) -> Option<Uuid> {
        self.text("_ownerid_value").parse().ok()
    }

    /// Returns (type, address, id) of the parties of these types; the address in lower case.
    pub(super) fn parties(&self, types: &[i64]) -> Vec<(i64, String, Option<Uuid>)> {
        let list = self.value["parties"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut found = Vec::new();
        for party in list {
            let mask = party["participationtypemask"].as_i64().unwrap_or_default();
            if types.contains(&mask) {
                let id = party["partyid"].as_str().or(party["_partyid_value"].as_str());
                let address = party["addressused"].as_str().unwrap_or_default().to_lowercase();
                found.push((mask, address, id.and_then(|id| id.parse().ok())));
            }
        }
        found
    }

    pub(super) fn organizer(&self) -> Option<Uuid> {
        self.parties(&[7]).first().and_then(|(_, _, id)| *id)
    }
}

/// One event, contact or task of a mailbox.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) kind: Kind,
    pub(super) id: String,
    pub(super) mark: Option<String>,
    pub(super) marker: Option<Uuid>,
    /// Carries a signal that lets it move to Dynamics (LINK-02, LINK-05).
    pub(super) tracked: bool,
    pub(super) recurring: bool,
    pub(super) uid: String,
    /// True for everything but a copy of somebody else's meeting.
    pub(super) own: bool,
    pub(super) value: Value,
}

impl Item {
    fn read(kind: Kind, value: Value) -> Self {
        let name = match kind {
            Kind::Appointment => "subject",
            Kind::Contact => "surname",
            Kind::Task => "title",
        };
        let extended = |suffix: &str| {
            let list = value["singleValueExtendedProperties"].as_array();
            let found = list?
                .iter()
                .find(|entry| entry["id"].as_str().is_some_and(|id| id.ends_with(suffix)))?;
            found["value"].as_str().map(str::to_owned)
        };
        let linked = value["linkedResources"].as_array().and_then(|list| {
            let ours = list.iter().find(|one| one["applicationName"] == "Lockstep")?;
            ours["externalId"].as_str().map(str::to_owned)
        });
        let marker = extended(LINK).or(linked).and_then(|text| text.parse().ok());
        let categories = value["categories"].as_array().map(Vec::as_slice).unwrap_or_default();
        let category = categories.iter().any(|name| name == CATEGORY);
        let tracked = match kind {
            Kind::Contact => extended(APP_SIGNAL).is_some_and(|value| value == "1"),
            Kind::Appointment | Kind::Task => category,
        };
        Self {
            kind,
            id: value["id"].as_str().unwrap_or_default().to_owned(),
            mark: value[name].as_str().and_then(mark_of).map(str::to_owned),
            marker,
            tracked,
            recurring: value["recurrence"].is_object(),
            uid: value["iCalUId"].as_str().unwrap_or_default().to_owned(),
            own: value["isOrganizer"].as_bool().unwrap_or(true),
            value,
        }
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.value[name].as_str().unwrap_or_default()
    }

    /// Returns the wall-clock time of `start`, `end`, `dueDateTime` and the like.
    pub(super) fn wall(&self, name: &str) -> Option<civil::DateTime> {
        let text = self.value[name]["dateTime"].as_str()?;
        text.get(..19)?.parse().ok()
    }

    pub(super) fn instant(&self, name: &str) -> Option<Timestamp> {
        let zone = self.value[name]["timeZone"].as_str().unwrap_or("UTC");
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        Some(zone.to_ambiguous_zoned(self.wall(name)?).compatible().ok()?.timestamp())
    }
}

/// One mailbox with what its user's filters return.
pub(super) struct Mailbox<'a> {
    pub(super) person: &'a Person,
    pub(super) items: Vec<Item>,
    /// Positions in `World::rows`.
    pub(super) wanted: BTreeSet<usize>,
    /// The occurrences that the calendar shows from now on, by the id of their series.
    pub(super) shown: HashMap<String, Vec<Item>>,
}

/// Everything, read once.
pub(super) struct World<'a> {
    pub(super) options: &'a CompareOptions,
    pub(super) now: Timestamp,
    pub(super) rows: Vec<Row>,
    pub(super) by_id: HashMap<Uuid, usize>,
    pub(super) by_mark: HashMap<(Kind, String), Vec<usize>>,
    pub(super) by_uid: HashMap<String, usize>,
    /// Positions of the occurrences of a series.
    pub(super) parts: HashMap<Uuid, Vec<usize>>,
    pub(super) people: HashMap<Uuid, &'a Person>,
    pub(super) served: BTreeSet<String>,
    pub(super) mailboxes: Vec<Mailbox<'a>>,
    pub(super) accounts: HashMap<Uuid, String>,
}

impl<'a> World<'a> {
    pub(super) fn read(
        organization: &'a Organization,
        now: DateTime<Utc>,
        options: &'a CompareOptions,
    ) -> Self {
        let mut dataverse = organization.dataverse();
        let mut rows = Vec::new();
        for (table, set, kind) in TABLES {
            rows.extend(
                dataverse.rows(set).into_iter().filter_map(|value| row(table, kind, value)),
            );
        }
        let by_id: HashMap<Uuid, usize> =
            rows.iter().enumerate().map(|(at, r)| (r.id, at)).collect();
        let mut by_mark: HashMap<(Kind, String), Vec<usize>> = HashMap::new();
        let mut by_uid = HashMap::new();
        let mut parts: HashMap<Uuid, Vec<usize>> = HashMap::new();
        for (at, row) in rows.iter().enumerate() {
            // The occurrences of a series share its subject.
            if let Some(series) = row.series() {
                parts.entry(series).or_default().push(at);
                continue;
            }
            if let Some(mark) = row.mark.as_ref() {
                by_mark.entry((row.kind, mark.clone())).or_default().push(at);
            }
            if row.kind == Kind::Appointment && !row.text("globalobjectid").is_empty() {
                by_uid.insert(row.text("globalobjectid").to_owned(), at);
            }
        }
        let served = options.served.clone().unwrap_or_else(|| {
            let records = dataverse.rows("mailboxes");
            let served = records.iter().filter(|mailbox| is_served(mailbox));
            served.filter_map(|m| m["emailaddress"].as_str().map(str::to_lowercase)).collect()
        });
        let mut wanted = Vec::new();
        for person in &organization.people {
            let ids = TABLES
                .iter()
                .flat_map(|(table, _, _)| dataverse.filter_rows(person.user_id, table, now));
            wanted.push(ids.filter_map(|id| by_id.get(&id).copied()).collect());
        }
        let accounts = dataverse.rows("accounts").into_iter().filter_map(|row| {
            let id = row["accountid"].as_str()?.parse().ok()?;
            Some((id, row["name"].as_str()?.to_owned()))
        });
        let accounts = accounts.collect();
        drop(dataverse);
        let people = organization.people.iter().map(|person| (person.user_id, person)).collect();
        let now = Timestamp::from_second(now.timestamp()).unwrap_or_default();
        let mailboxes = mailboxes(organization, wanted, now);
        Self {
            options,
            now,
            rows,
            by_id,
            by_mark,
            by_uid,
            parts,
            people,
            served,
            mailboxes,
            accounts,
        }
    }

    pub(super) fn excused(&self, mailbox: &str, mark: Option<&str>) -> bool {
        mark.is_some_and(|mark| {
            self.options.excused.contains(&(mailbox.to_owned(), mark.to_owned()))
        })
    }
}

fn mailboxes(
    organization: &Organization,
    wanted: Vec<BTreeSet<usize>>,
    now: Timestamp,
) -> Vec<Mailbox<'_>> {
    let graph = organization.graph();
    let all = organization.people.iter().zip(wanted).map(|(person, wanted)| {
        let read = |kind: Kind, list: Vec<Value>| {
            list.into_iter().map(move |value| Item::read(kind, value))
        };
        let mut items: Vec<Item> = Vec::new();
        items.extend(read(Kind::Appointment, graph.events(&person.address)));
        items.extend(read(Kind::Contact, graph.contacts(&person.address)));
        items.extend(read(Kind::Task, graph.tasks(&person.address)));
        let until = now + jiff::SignedDuration::from_hours(24 * AHEAD);
        let mut shown: HashMap<String, Vec<Item>> = HashMap::new();
        for event in graph.shown(&person.address, &now.to_string(), &until.to_string()) {
            if let Some(series) = event["seriesMasterId"].as_str().map(str::to_owned) {
                shown.entry(series).or_default().push(Item::read(Kind::Appointment, event));
            }
        }
        Mailbox { person, items, wanted, shown }
    });
    all.collect()
}

// ELIG-03 as the mailbox record tells it.
fn is_served(mailbox: &Value) -> bool {
    mailbox["emailrouteraccessapproval"] == 1
        && mailbox["enabledforact"] == true
        && mailbox["actdeliverymethod"] == 1
}

fn row(table: &'static str, kind: Kind, value: Value) -> Option<Row> {
    let (key, name) = match kind {
        Kind::Contact => ("contactid", "lastname"),
        Kind::Appointment | Kind::Task => ("activityid", "subject"),
    };
    let id = value[key].as_str()?.parse().ok()?;
    let mark = value[name].as_str().and_then(mark_of).map(str::to_owned);
    Some(Row { kind, table, id, mark, value })
}
