//! The people of an appointment (APPT-IN-10, RES-01, RES-02).

use uuid::Uuid;

use super::ids::Address;

/// One attendee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// The address; parties are compared by it. `None` for a party of which only a name is known.
    pub address: Option<Address>,
    /// The display name, for the far side only; never compared.
    pub name: String,
    /// The Dataverse row behind the address, once resolved.
    pub row: Option<PartyRow>,
}

/// The Dataverse row of a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PartyRow {
    /// Its table.
    pub table: PartyTable,
    /// Its key.
    pub id: Uuid,
}

/// The tables a party may stand in, in the order in which an address is resolved (RES-02).
#[expect(missing_docs, reason = "the names are the tables")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PartyTable {
    SystemUser,
    Contact,
    Lead,
    Account,
    Queue,
}

/// A row that carries an address: what an address may resolve to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartyCandidate {
    /// The address that was asked for.
    pub address: Address,
    /// The row.
    pub row: PartyRow,
    /// Whether the row is active (a user: enabled).
    pub active: bool,
    /// `createdon` as seconds since 1970; the older row wins among equals (RES-02).
    pub created: i64,
}
