//! Normalise: an observation in comparable form, with one fingerprint per field group.
//!
//! Only what a person could have edited is compared (CONF-02): text without line-end and
//! trailing-space noise, whole seconds, parties by address.

use std::collections::BTreeMap;
use std::hash::Hasher;

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Timelike, Utc};
use siphasher::sip::SipHasher24;

use crate::domain::field::{Field, Fields, Group, Importance, Value};
use crate::domain::fingerprint::{OccurrencePrint, PrintKey, Prints};
use crate::domain::ids::{Address, UserId};
use crate::domain::kind::{Collection, Kind};
use crate::domain::markup;
use crate::domain::observation::{Facts, Observation};
use crate::domain::party::Party;
use crate::domain::policy::{Directory, Settings};
use crate::domain::recurrence::Exception;
use crate::domain::side::Side;
use crate::domain::zone::Zone;
use crate::engine::{groups, series};

/// An observation in comparable form.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// What was seen, its fields normalised.
    pub observation: Observation,
    /// The fingerprints of the groups that take part.
    pub prints: Prints,
}

/// Puts an observation into comparable form. `zone` is the mailbox owner's.
#[must_use]
pub fn normalise(
    mut observation: Observation,
    key: &PrintKey,
    settings: &Settings,
    directory: &Directory,
    zone: Option<&Zone>,
) -> Seen {
    let organizer = Organizer::of(&observation, directory);
    read_body(&mut observation, settings);
    let raw = std::mem::take(&mut observation.fields);
    observation.fields =
        raw.iter().filter_map(|(field, value)| Some((field, canonical(value)?))).collect();
    if observation.kind != Kind::Contact
        && !raw.is_empty()
        && observation.fields.get(Field::Importance).is_none()
    {
        observation.fields.set(Field::Importance, Some(Value::Importance(Importance::Normal)));
    }
    if observation.kind.collection() == Collection::Calendar {
        let zone = zone.filter(|_| observation.side == Side::Dynamics);
        whole_days(&mut observation.fields, zone);
        tidy_attendees(&mut observation.fields, &organizer, directory);
    }
    if let Err(code) = series::reduce(&mut observation.fields) {
        observation.unfit = observation.unfit.or(Some(code));
    }
    let prints = prints(observation.kind, &observation.fields, key, settings);
    Seen { observation, prints }
}

/// Returns the fingerprints of the groups of a kind that take part.
#[must_use]
pub fn prints(kind: Kind, fields: &Fields, key: &PrintKey, settings: &Settings) -> Prints {
    let wanted = groups::of(kind, settings);
    let mut hashers: BTreeMap<Group, SipHasher24> = BTreeMap::new();
    for (field, value) in fields.iter() {
        let Some(group) = field.group().filter(|group| wanted.contains(group)) else { continue };
        let hasher = hashers.entry(group).or_insert_with(|| SipHasher24::new_with_key(&key.0));
        hasher.write_u16(field as u16);
        hash_value(hasher, value);
    }
    let mut prints =
        Prints::from_groups(hashers.into_iter().map(|(group, hasher)| (group, hasher.finish())));
    if wanted.contains(&Group::Exceptions) {
        prints.set_occurrences(fields.exceptions().iter().map(|one| print_of(one, key)).collect());
    }
    prints
}

fn print_of(one: &Exception, key: &PrintKey) -> OccurrencePrint {
    let mut hasher = SipHasher24::new_with_key(&key.0);
    hash_exception(&mut hasher, one);
    OccurrencePrint { day: day_print(one.day, key), held: hasher.finish() }
}

/// Returns the name of an occurrence in fingerprints.
pub(super) fn day_print(day: NaiveDate, key: &PrintKey) -> u64 {
    let mut hasher = SipHasher24::new_with_key(&key.0);
    write_text(&mut hasher, &day.to_string());
    hasher.finish()
}

/// Returns the comparable form of one value; `None` when it says nothing.
pub(super) fn canonical(value: &Value) -> Option<Value> {
    match value {
        Value::Text(text) => {
            let text = canonical_text(text);
            (!text.is_empty()).then_some(Value::Text(text))
        }
        Value::Html(html) => markup::tidy(html),
        Value::Time(time) => Some(Value::Time(whole_second(*time))),
        // Absent and "no" are the same for every flag of an item.
        Value::Flag(false) => None,
        Value::Parties(parties) => (!parties.is_empty()).then(|| Value::Parties(parties.clone())),
        Value::Date(_)
        | Value::Flag(true)
        | Value::Number(_)
        | Value::Importance(_)
        | Value::ShowAs(_)
        | Value::Todo(_)
        | Value::Recurrence(_) => Some(value.clone()),
        // Reduced to what deviates when the whole item is known (`series::reduce`).
        Value::Exceptions(list) => (!list.is_empty()).then(|| value.clone()),
    }
}

/// APPT-OUT-13: the body of a single appointment keeps its format where the organization says so;
/// of everything else, and of a page that nobody asked for, it is the text. With the switch off,
/// markup that stands in a row is text like any other.
fn read_body(observation: &mut Observation, settings: &Settings) {
    let html = observation.exchange_facts().html;
    let rich = settings.rich_bodies && observation.kind == Kind::Appointment;
    let Some(Value::Text(text)) = observation.fields.get(Field::Body) else { return };
    let body = match (observation.side, rich) {
        (Side::Exchange, true) if html => markup::tidy(text),
        (Side::Exchange, false) if html => Some(Value::Text(markup::plain(text))),
        (Side::Dynamics, true) if markup::is_markup(text) => markup::tidy(text),
        (Side::Exchange | Side::Dynamics, _) => return,
    };
    observation.fields.set(Field::Body, body);
}

/// Line ends become `\n`, spaces at line ends and blank lines at both ends go: every client and
/// both services change these by themselves (field-lessons §6 D).
fn canonical_text(text: &str) -> String {
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = unified.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}

fn whole_second(time: DateTime<Utc>) -> DateTime<Utc> {
    time.with_nanosecond(0).unwrap_or(time)
}

/// An all-day event is dates, not instants. Dynamics keeps the midnight of whoever made it, in UTC.
/// A midnight on the owner's clock is his day; of any other instant the midnight in UTC that lies
/// nearest names the same day from Hawaii to New Zealand in summer.
fn whole_days(fields: &mut Fields, zone: Option<&Zone>) {
    // The days of a series follow from its pattern.
    if !fields.flag(Field::AllDay) || fields.recurrence().is_some() {
        return;
    }
    let zone = zone
        .filter(|zone| fields.time(Field::Start).and_then(|it| zone.day_begun_at(it)).is_some());
    for field in [Field::Start, Field::End] {
        if let Some(time) = fields.time(field) {
            let day = match zone {
                // An end at 23:59 belongs to the midnight after it.
                Some(zone) => (zone.to_local(time) + Duration::hours(12)).date(),
                None => (time + Duration::hours(13)).date_naive(),
            };
            fields.set(field, Some(Value::Time(day.and_time(NaiveTime::MIN).and_utc())));
        }
    }
}

/// Who organizes a meeting, by whatever is known of him: a user may have several addresses.
struct Organizer {
    address: Option<Address>,
    user: Option<UserId>,
}

impl Organizer {
    fn of(observation: &Observation, directory: &Directory) -> Self {
        match &observation.facts {
            Facts::Exchange(facts) => {
                let address = facts.organizer.clone();
                let user = address.as_ref().and_then(|it| directory.by_address(it));
                Self { user: user.map(|entry| entry.user), address }
            }
            Facts::Dynamics(facts) => Self { address: None, user: facts.organizer },
        }
    }

    fn is(&self, party: &Party, directory: &Directory) -> bool {
        let Some(address) = &party.address else { return false };
        let user = directory.by_address(address).map(|entry| entry.user);
        self.address.as_ref() == Some(address) || (user.is_some() && user == self.user)
    }
}

/// Sorts and dedupes attendees; required beats optional; the organizer is no attendee (APPT-OUT-07).
fn tidy_attendees(fields: &mut Fields, organizer: &Organizer, directory: &Directory) {
    let guests = |field: Field, taken: &[Party]| {
        let parties = fields.parties(field).iter();
        tidy(parties.filter(|party| !organizer.is(party, directory)), taken)
    };
    let required = guests(Field::RequiredAttendees, &[]);
    let optional = guests(Field::OptionalAttendees, &required);
    let some = |parties: Vec<Party>| (!parties.is_empty()).then_some(Value::Parties(parties));
    fields.set(Field::RequiredAttendees, some(required));
    fields.set(Field::OptionalAttendees, some(optional));
}

fn tidy<'a>(parties: impl Iterator<Item = &'a Party>, taken: &[Party]) -> Vec<Party> {
    let mut kept: Vec<Party> = parties
        .filter(|party| !taken.iter().any(|other| same_party(other, party)))
        .cloned()
        .collect();
    kept.sort_by(|left, right| party_key(left).cmp(&party_key(right)));
    kept.dedup_by(|left, right| same_party(left, right));
    kept
}

fn same_party(left: &Party, right: &Party) -> bool {
    party_key(left) == party_key(right)
}

/// A party is its address; only without one its name says who it is.
fn party_key(party: &Party) -> (&str, &str) {
    party.address.as_ref().map_or(("", party.name.as_str()), |address| (address.as_str(), ""))
}

fn hash_value(hasher: &mut SipHasher24, value: &Value) {
    match value {
        Value::Text(text) => write_text(hasher, text),
        // No text begins like this, so a format is a difference.
        Value::Html(html) => {
            hasher.write_u64(u64::MAX);
            write_text(hasher, html);
        }
        Value::Time(time) => hasher.write_i64(time.timestamp()),
        Value::Date(date) => write_text(hasher, &date.to_string()),
        Value::Flag(flag) => hasher.write_u8(u8::from(*flag)),
        Value::Number(number) => hasher.write_i64(*number),
        Value::Importance(importance) => hasher.write_u8(*importance as u8),
        Value::ShowAs(show_as) => hasher.write_u8(*show_as as u8),
        Value::Todo(status) => hasher.write_u8(*status as u8),
        Value::Recurrence(recurrence) => write_text(hasher, &series::words(recurrence)),
        Value::Exceptions(list) => {
            hasher.write_u64(list.len() as u64);
            list.iter().for_each(|one| hash_exception(hasher, one));
        }
        Value::Parties(parties) => {
            hasher.write_u64(parties.len() as u64);
            for party in parties {
                let (address, name) = party_key(party);
                write_text(hasher, address);
                write_text(hasher, name);
            }
        }
    }
}

/// A deleted occurrence is no empty change.
fn hash_exception(hasher: &mut SipHasher24, one: &Exception) {
    write_text(hasher, &one.day.to_string());
    let Some(change) = &one.change else { return hasher.write_u64(u64::MAX) };
    hasher.write_u64(change.len() as u64);
    for (field, value) in change {
        hasher.write_u16(*field as u16);
        hasher.write_u8(u8::from(value.is_some()));
        if let Some(value) = value {
            hash_value(hasher, value);
        }
    }
}

/// The length goes first, so that no two lists of texts run together.
fn write_text(hasher: &mut SipHasher24, text: &str) {
    hasher.write_u64(text.len() as u64);
    hasher.write(text.as_bytes());
}

#[cfg(test)]
mod tests;
