//! Activity parties (protocols B10): who is invited, who organizes.
//!
//! A write replaces the whole list, so a write of one role carries the others along as they are.

use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::read::{annotated, guid};
use crate::domain::code::Code;
use crate::domain::field::{Field, Patch, Value};
use crate::domain::ids::{Address, UserId};
use crate::domain::party::{Party, PartyRow, PartyTable};

/// The columns of a party that are read.
pub(crate) const COLUMNS: &str =
    "participationtypemask,addressused,unresolvedpartyname,_partyid_value";

/// The most related rows that come with a row of a list (webapi/query/join-tables).
const MOST_RELATED: usize = 5_000;

pub(crate) const REQUIRED: i64 = 5;
pub(crate) const OPTIONAL: i64 = 6;
pub(crate) const ORGANIZER: i64 = 7;
pub(crate) const RESOURCE: i64 = 10;
pub(crate) const CUSTOMER: i64 = 11;
/// Dataverse keeps these two by itself (regarding, owner); they are never sent.
const KEPT_BY_SERVER: [i64; 2] = [8, 9];

/// One party as it stands in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawParty {
    /// `participationtypemask`.
    pub(crate) role: i64,
    /// `addressused`.
    pub(crate) address: Option<String>,
    /// The name to show.
    pub(crate) name: String,
    /// Logical name and id of the row.
    pub(crate) row: Option<(String, Uuid)>,
}

/// Returns the parties of an expanded row, or nothing when the reply does not hold all of them.
pub(crate) fn parse(row: &Json, navigation: &str) -> Option<Vec<RawParty>> {
    let parties = row.get(navigation)?.as_array()?;
    let link = match row.get(format!("{navigation}@odata.nextLink")) {
        Some(link) => Some(link.as_str()?),
        None => None,
    };
    if !is_whole(parties.len(), link) {
        return None;
    }
    parties.iter().map(parse_one).collect()
}

/// Tells whether so many parties, with the link beside them, are all that a row has. A row of a list always
/// has that link; it names the same parties once more unless it holds a page (webapi/query/join-tables).
/// Its owner is a party of every activity, so none at all beside a link were left out.
pub(crate) fn is_whole(count: usize, link: Option<&str>) -> bool {
    let pages = |link: &str| link.contains("skiptoken") || link.contains("pagingcookie");
    link.is_none_or(|link| (1..MOST_RELATED).contains(&count) && !pages(link))
}

fn parse_one(party: &Json) -> Option<RawParty> {
    let role = party.get("participationtypemask")?.as_i64()?;
    let text = |name: &str| {
        party.get(name).and_then(Json::as_str).map(str::trim).filter(|text| !text.is_empty())
    };
    let table = annotated(party, "_partyid_value", "Microsoft.Dynamics.CRM.lookuplogicalname");
    let row =
        guid(party, "_partyid_value").and_then(|id| table.map(|table| (table.to_owned(), id)));
    let name = annotated(party, "_partyid_value", "OData.Community.Display.V1.FormattedValue")
        .or_else(|| text("unresolvedpartyname"))
        .unwrap_or_default()
        .to_owned();
    Some(RawParty { role, address: text("addressused").map(str::to_owned), name, row })
}

/// Returns the parties of one role as the vocabulary has them.
pub(crate) fn of_role(parties: &[RawParty], role: i64) -> Vec<Party> {
    parties.iter().filter(|party| party.role == role).map(to_party).collect()
}

fn to_party(raw: &RawParty) -> Party {
    let row = raw
        .row
        .as_ref()
        .and_then(|(table, id)| Some(PartyRow { table: table_of(table)?, id: *id }));
    Party { address: raw.address.as_deref().and_then(Address::parse), name: raw.name.clone(), row }
}

/// Returns the organizer when it is a user (ORG-01).
pub(crate) fn organizer(parties: &[RawParty]) -> Option<UserId> {
    parties
        .iter()
        .filter(|party| party.role == ORGANIZER)
        .find_map(|party| party.row.as_ref().filter(|(table, _)| table == "systemuser"))
        .map(|(_, id)| UserId(*id))
}

/// Returns the table of a logical name, if an address may resolve to it.
fn table_of(name: &str) -> Option<PartyTable> {
    Some(match name {
        "systemuser" => PartyTable::SystemUser,
        "contact" => PartyTable::Contact,
        "lead" => PartyTable::Lead,
        "account" => PartyTable::Account,
        "queue" => PartyTable::Queue,
        _ => return None,
    })
}

/// Returns logical name and entity set of a table.
pub(crate) const fn names(table: PartyTable) -> (&'static str, &'static str) {
    match table {
        PartyTable::SystemUser => ("systemuser", "systemusers"),
        PartyTable::Contact => ("contact", "contacts"),
        PartyTable::Lead => ("lead", "leads"),
        PartyTable::Account => ("account", "accounts"),
        PartyTable::Queue => ("queue", "queues"),
    }
}

/// Returns the entity set of a logical name that may stand in a party.
fn set_of(name: &str) -> Option<&'static str> {
    match name {
        "equipment" => Some("equipments"),
        "knowledgearticle" => Some("knowledgearticles"),
        name => table_of(name).map(|table| names(table).1),
    }
}

/// The roles that a patch may set, with the field that carries each.
const ROLES: [(Field, i64); 3] = [
    (Field::Organizer, ORGANIZER),
    (Field::RequiredAttendees, REQUIRED),
    (Field::OptionalAttendees, OPTIONAL),
];

/// Tells whether a field is the list of one role.
pub(crate) fn is_role(field: Field) -> bool {
    ROLES.iter().any(|(name, _)| *name == field)
}

/// Tells whether a patch sets any role.
pub(crate) fn touched(patch: &Patch) -> bool {
    ROLES.iter().any(|(field, _)| named(patch, *field).is_some())
}

/// Tells whether a patch sets some roles but not all: the others must be read first.
pub(crate) fn touched_in_part(patch: &Patch) -> bool {
    touched(patch) && ROLES.iter().any(|(field, _)| named(patch, *field).is_none())
}

fn named(patch: &Patch, field: Field) -> Option<&Option<Value>> {
    patch.iter().find(|(name, _)| *name == field).map(|(_, value)| value)
}

/// Returns the whole list to send: the roles of the patch, and the other parties as they stand.
pub(crate) fn list(patch: &Patch, standing: &[RawParty], losses: &mut Vec<Code>) -> Vec<Json> {
    let mut list = Vec::new();
    for (field, role) in ROLES {
        match named(patch, field) {
            Some(Some(Value::Parties(parties))) => {
                list.extend(parties.iter().filter_map(|party| from_party(party, role, losses)));
            }
            Some(_) => {}
            None => list.extend(keep(standing, |kept| kept == role, losses)),
        }
    }
    let other = |role: i64| {
        ROLES.iter().all(|(_, known)| *known != role) && !KEPT_BY_SERVER.contains(&role)
    };
    list.extend(keep(standing, other, losses));
    list
}

fn keep(standing: &[RawParty], wanted: impl Fn(i64) -> bool, losses: &mut Vec<Code>) -> Vec<Json> {
    let kept = standing.iter().filter(|party| wanted(party.role));
    kept.filter_map(|party| from_raw(party, losses)).collect()
}

fn from_party(party: &Party, role: i64, losses: &mut Vec<Code>) -> Option<Json> {
    if let Some(row) = party.row {
        let (name, set) = names(row.table);
        return Some(bound(name, set, row.id, role));
    }
    unresolved(party.address.as_ref().map(Address::as_str), role, losses)
}

fn from_raw(party: &RawParty, losses: &mut Vec<Code>) -> Option<Json> {
    if let Some((name, id)) = &party.row
        && let Some(set) = set_of(name)
    {
        return Some(bound(name, set, *id, party.role));
    }
    unresolved(party.address.as_deref(), party.role, losses)
}

fn bound(name: &str, set: &str, id: Uuid, role: i64) -> Json {
    let mut object = Map::new();
    object.insert(format!("partyid_{name}@odata.bind"), json!(format!("/{set}({id})")));
    object.insert("participationtypemask".into(), json!(role));
    Json::Object(object)
}

/// A party of which only a name is known cannot be written.
fn unresolved(address: Option<&str>, role: i64, losses: &mut Vec<Code>) -> Option<Json> {
    let Some(address) = address else {
        losses.push(Code::ValuesDropped);
        return None;
    };
    Some(json!({ "addressused": address, "participationtypemask": role }))
}
