//! Activity parties: the written list, and the Owner and Regarding parties that come by
//! themselves (protocols.md B10).

use serde_json::{Map, Value};
use uuid::Uuid;

use super::body::{read_only, target_table, unknown};
use super::{Core, Moment};
use crate::sim::dataverse::access::Caller;
use crate::sim::dataverse::error::Refusal;
use crate::sim::dataverse::schema::{Table, col, party_table, schema};
use crate::sim::dataverse::store::Row;
use crate::sim::dataverse::value::{Cell, from_json};

const ORGANIZER: i64 = 7;
const REGARDING: i64 = 8;
const OWNER: i64 = 9;
/// More parties than any invitation has; the service has its own bound.
const MOST_PARTIES: usize = 1_000;

impl Core {
    /// Replaces the whole list of written parties.
    pub(super) fn replace_parties(
        &mut self,
        table: &'static Table,
        row: &mut Row,
        value: &Value,
    ) -> Result<(), Refusal> {
        let Some(list) = value.as_array() else {
            return Err(Refusal::payload(format!("'{}' must be a list", table.party_nav)));
        };
        if list.len() > MOST_PARTIES {
            return Err(Refusal::invalid("Too many activity parties."));
        }
        let mut parties = Vec::with_capacity(list.len() + 2);
        for item in list {
            let object =
                item.as_object().ok_or_else(|| Refusal::payload("A party is an object"))?;
            parties.push(self.read_party(table, row.id, object)?);
        }
        let organizers = parties.iter().filter(|party| mask(party) == Some(ORGANIZER)).count();
        if organizers > 1 {
            return Err(Refusal::invalid("An appointment has one organizer."));
        }
        row.parties.retain(|party| matches!(mask(party), Some(REGARDING | OWNER)));
        parties.append(&mut row.parties);
        row.parties = parties;
        Ok(())
    }

    fn read_party(
        &mut self,
        owner: &'static Table,
        activity: Uuid,
        object: &Map<String, Value>,
    ) -> Result<Row, Refusal> {
        let table = party_table();
        let mut party = Row::new(table, self.guid());
        party.put(table, "activityid", Cell::Ref(activity, owner.index));
        for (name, value) in object {
            if name == "@odata.type" {
                continue;
            }
            if let Some(nav) = name.strip_suffix("@odata.bind") {
                let (index, target) = table.binds.get(nav).ok_or_else(|| unknown(table, nav))?;
                let url = value.as_str().ok_or_else(|| Refusal::payload("A bind is a URL"))?;
                // Names of parties may be bound without a right to read the row itself.
                let cell = self.resolve(any_reader(self.app_user), url, target)?;
                party.set(*index, Some(cell));
                continue;
            }
            let index = table.by_property.get(name).ok_or_else(|| unknown(table, name))?;
            let column = &table.columns[*index];
            if column.read_only || *index == col::KEY {
                return Err(read_only(column));
            }
            party.set(*index, from_json(table, column, value)?);
        }
        check_party(owner, &party)?;
        if let Some(address) = self.party_address(&party) {
            party.put(table, "addressused", Cell::text(&address));
        }
        Ok(party)
    }

    /// Returns the address of the party's row when the caller gave none.
    fn party_address(&self, party: &Row) -> Option<String> {
        let table = party_table();
        if party.named(table, "addressused").is_some() {
            return None;
        }
        let Some(Cell::Ref(id, index)) = party.named(table, "partyid") else { return None };
        let target = schema().at(*index)?;
        let row = self.store.get(target, *id)?;
        let column = match target.logical {
            "systemuser" => "internalemailaddress",
            "queue" => "emailaddress",
            _ => "emailaddress1",
        };
        row.named(target, column).and_then(Cell::str).map(ToOwned::to_owned)
    }

    /// Keeps the Owner and Regarding parties in step with the row's columns.
    pub(super) fn implicit_parties(
        &mut self,
        table: &'static Table,
        row: &mut Row,
        before: Option<&Row>,
    ) {
        let Some(regarding) = table.column("regardingobjectid") else { return };
        for (kind, column) in [(REGARDING, regarding), (OWNER, col::OWNER)] {
            let target = row.get(column).cloned();
            if before.is_some_and(|old| old.get(column) == target.as_ref()) {
                continue;
            }
            row.parties.retain(|party| mask(party) != Some(kind));
            let Some(target) = target else { continue };
            let parties = party_table();
            let mut party = Row::new(parties, self.guid());
            party.put(parties, "activityid", Cell::Ref(row.id, table.index));
            party.put(parties, "partyid", target);
            party.put(parties, "participationtypemask", Cell::Int(kind));
            if let Some(address) = self.party_address(&party) {
                party.put(parties, "addressused", Cell::text(&address));
            }
            row.parties.push(party);
        }
    }
}

fn any_reader(app_user: Uuid) -> Moment {
    let caller = Caller { user: app_user, behind: None, all: true };
    Moment { caller, now: chrono::DateTime::UNIX_EPOCH }
}

fn mask(party: &Row) -> Option<i64> {
    party.named(party_table(), "participationtypemask").and_then(Cell::int)
}

fn check_party(owner: &Table, party: &Row) -> Result<(), Refusal> {
    let table = party_table();
    let Some(kind) = mask(party) else {
        return Err(Refusal::invalid("A party needs a participationtypemask."));
    };
    if !owner.masks.contains(&kind) {
        let text =
            format!("The participation type {kind} cannot be written in '{}'.", owner.logical);
        return Err(Refusal::invalid(text));
    }
    let target = party.named(table, "partyid");
    if target.is_none() && party.named(table, "addressused").is_none() {
        return Err(Refusal::invalid("A party needs a partyid or an addressused."));
    }
    let user = target_table("systemuser").map(|table| table.index);
    let is_user = matches!(target, Some(Cell::Ref(_, index)) if Some(*index) == user);
    if kind == ORGANIZER && !is_user && target.is_some() {
        return Err(Refusal::invalid("The organizer must be a systemuser."));
    }
    Ok(())
}
