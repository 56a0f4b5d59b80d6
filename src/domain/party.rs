//! The people of an appointment (APPT-IN-10, RES-01 to RES-03).

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

/// What becomes of people whom no row knows (RES-03): the user's own choice,
/// `usersettings.autocreatecontactonpromote`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Strangers {
    /// They stay addresses.
    #[default]
    Addresses,
    /// Contacts are made of them.
    Contacts,
    /// Leads are made of them.
    Leads,
}

/// A contact or lead that is to be made of somebody's address (RES-03).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPerson {
    /// The row that it becomes.
    pub row: PartyRow,
    /// Its e-mail address.
    pub address: Address,
    /// The first name, when the display name tells one.
    pub first: Option<String>,
    /// The last name; never empty.
    pub last: String,
}

impl NewPerson {
    /// Returns what is made, by the name of its table.
    #[must_use]
    pub const fn table(&self) -> &'static str {
        match self.row.table {
            PartyTable::Lead => "lead",
            PartyTable::Contact
            | PartyTable::SystemUser
            | PartyTable::Account
            | PartyTable::Queue => "contact",
        }
    }
}

/// What came of making a person's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// The row is there and carries the address, whoever made it; the user may read it.
    There,
    /// The far side refused it, or the user may not read it.
    Refused,
    /// It was sent by itself and no usable answer came: an attempt of the people that it is for.
    NoAnswer,
    /// It was not sent, or the far side takes nothing now.
    Unknown,
}
