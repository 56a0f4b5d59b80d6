//! Strangers: people of a tracked meeting whom no row knows, and the contacts or leads that are made
//! of them when the user wants that (RES-03, `docs/adr/0015`).
//!
//! The guid of such a row follows from its address, so that lost answers, crashes and two mailboxes at
//! once make one row. Absent: who is known (`engine::parties`).

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::domain::code::Code;
use crate::domain::field::{Field, Patch, Value};
use crate::domain::fingerprint::PrintKey;
use crate::domain::ids::Address;
use crate::domain::party::{Made, NewPerson, PartyCandidate, PartyRow, PartyTable, Strangers};
use crate::domain::plan::{Op, Outcome};
use crate::engine::decide::Write;
use crate::engine::plan::{Entry, Plan};

/// `emailaddress1` of contacts and leads: a cut address would be another one.
const ADDRESS_MAX: usize = 100;
/// `firstname` and `lastname` of contacts and leads.
const NAME_MAX: usize = 50;

/// The lists of attendees of a meeting.
const LISTS: [Field; 2] = [Field::RequiredAttendees, Field::OptionalAttendees];

/// Where a new row's guid comes from, beside its address.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The tenant's key.
    pub key: &'a PrintKey,
    /// The organization.
    pub organization: Uuid,
}

/// Returns the row that is to be made of each address that nobody carries.
///
/// An address that any row carries, also one that does not resolve (RES-01), is no stranger's, and
/// neither is one of the tenant's `mailboxes`.
#[must_use]
pub fn strangers(
    asked: &[Address],
    candidates: &[PartyCandidate],
    mailboxes: &HashSet<Address>,
    wish: Strangers,
    origin: Origin<'_>,
) -> HashMap<Address, PartyRow> {
    let table = match wish {
        Strangers::Addresses => return HashMap::new(),
        Strangers::Contacts => PartyTable::Contact,
        Strangers::Leads => PartyTable::Lead,
    };
    let known: HashSet<&Address> = candidates.iter().map(|one| &one.address).collect();
    asked
        .iter()
        .filter(|address| !known.contains(address) && !mailboxes.contains(*address))
        .filter(|address| is_whole(address))
        .map(|address| (address.clone(), PartyRow { table, id: guid(address, origin) }))
        .collect()
}

/// The same for everybody who meets the address in this organization.
fn guid(address: &Address, origin: Origin<'_>) -> Uuid {
    let name = format!("lockstep:person:{}:{}", origin.organization, address.as_str());
    Uuid::new_v5(&Uuid::from_bytes(origin.key.0), name.as_bytes())
}

/// Tells whether mail could reach an address, and its column holds all of it.
fn is_whole(address: &Address) -> bool {
    let text = address.as_str();
    let parts = text.split_once('@');
    let named = parts.is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !domain.contains('@')
    });
    let plain = !text.chars().any(|it| it.is_whitespace() || it.is_control());
    named && plain && text.encode_utf16().count() <= ADDRESS_MAX
}

/// Returns the people of whom rows must be made before a write names them, each once.
#[must_use]
pub fn people(write: Option<&Write>, strangers: &HashMap<Address, PartyRow>) -> Vec<NewPerson> {
    let patch = match write {
        Some(Write::Create { patch, .. } | Write::Update { patch, .. }) => patch,
        Some(Write::Unmark { .. } | Write::Delete { .. }) | None => return Vec::new(),
    };
    let mut people: Vec<NewPerson> = Vec::new();
    let lists = patch.iter().filter(|(field, _)| LISTS.contains(field));
    for party in lists.filter_map(|(_, value)| value.as_ref()).flat_map(Value::as_parties) {
        let Some(address) = &party.address else { continue };
        let Some(row) = strangers.get(address).filter(|row| party.row == Some(**row)) else {
            continue;
        };
        if people.iter().any(|one| one.row == *row) {
            continue;
        }
        let (first, last) = name(&party.name, address);
        people.push(NewPerson { row: *row, address: address.clone(), first, last });
    }
    people
}

/// Returns first and last name by the display name: `Last, First`, or everything before the last
/// word and that word. Where none tells a name, the last name is the part of the address before `@`.
fn name(display: &str, address: &Address) -> (Option<String>, String) {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let display = words(display);
    let quotes = |it: char| it.is_whitespace() || matches!(it, '\'' | '"' | ',');
    let display = display.trim_matches(quotes);
    if !display.chars().any(char::is_alphanumeric) || display.contains('@') {
        let local = address.as_str().split('@').next().unwrap_or_default();
        return (None, cut(local));
    }
    let (first, last) = match (display.split_once(','), display.rsplit_once(' ')) {
        (Some((last, first)), _) => (first, last),
        (None, Some((first, last))) => (first, last),
        (None, None) => ("", display),
    };
    let first = Some(cut(first)).filter(|first| !first.is_empty());
    (first, cut(last))
}

/// Cuts a text to the length of a name's column, which counts UTF-16 units (FLD-05).
fn cut(text: &str) -> String {
    let mut units = 0;
    let fits = |character: &char| {
        units += character.len_utf16();
        units <= NAME_MAX
    };
    text.trim().chars().take_while(fits).collect::<String>().trim_end().to_owned()
}

impl Plan {
    /// Returns the people of whom rows are to be made, each once.
    #[must_use]
    pub fn people(&self) -> Vec<NewPerson> {
        let mut seen = HashSet::new();
        let all = self.entries.iter().flat_map(|entry| &entry.people);
        all.filter(|one| seen.insert(one.row)).cloned().collect()
    }

    /// Takes in what came of making them: who could not be made stays an address, with a code; so does
    /// who got no answer in `most` attempts. Returns the entries whose row must wait, each with what came
    /// of it: until then one whose people got no answer was tried, another was not sent.
    pub fn introduce(
        &mut self,
        made: &HashMap<PartyRow, Made>,
        most: u8,
    ) -> HashMap<usize, Outcome> {
        let mut waiting = HashMap::new();
        for (at, entry) in self.entries.iter_mut().enumerate() {
            let of = |one: &NewPerson, what: Made| made.get(&one.row) == Some(&what);
            let last = attempts(entry).saturating_add(1) >= most;
            if entry.people.iter().any(|one| of(one, Made::Unknown)) {
                waiting.insert(at, Outcome::NotSent);
            } else if !last && entry.people.iter().any(|one| of(one, Made::NoAnswer)) {
                waiting.insert(at, Outcome::Refused(Code::PersonNotMade));
            }
            let refused: HashSet<PartyRow> = entry
                .people
                .iter()
                .filter(|one| of(one, Made::Refused) || last && of(one, Made::NoAnswer))
                .map(|one| one.row)
                .collect();
            if !refused.is_empty() {
                stay_addresses(entry, &refused);
            }
        }
        waiting
    }
}

/// Returns how often the item failed since it last succeeded.
fn attempts(entry: &Entry) -> u8 {
    let link = entry.verdict.pairing.link.as_ref();
    link.and_then(|link| link.trouble).map_or(0, |trouble| trouble.attempts)
}

fn stay_addresses(entry: &mut Entry, refused: &HashSet<PartyRow>) {
    entry.people.retain(|one| !refused.contains(&one.row));
    let decision = &mut entry.verdict.decision;
    decision.note(Code::PersonNotMade);
    let patch: Option<&mut Patch> = match entry.steps.dynamics.as_mut().map(|step| &mut step.op) {
        Some(Op::Create { patch } | Op::Update { patch, .. }) => Some(patch),
        Some(Op::Unmark { .. } | Op::Delete { .. }) | None => None,
    };
    let lists = patch.into_iter().flatten().filter(|(field, _)| LISTS.contains(field));
    for (_, value) in lists {
        let Some(Value::Parties(parties)) = value else { continue };
        for party in parties {
            party.row = party.row.filter(|row| !refused.contains(row));
        }
    }
}

#[cfg(test)]
mod tests;
