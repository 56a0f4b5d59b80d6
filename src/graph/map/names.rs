//! Under which name Graph knows a field; for the page of fidelity, from the tables of the mapping.

use super::{contact, event, task};
use crate::domain::field::Field;
use crate::domain::kind::{Collection, Kind};

/// Returns the property of Graph that holds a field of a kind, as it is written; nothing for what
/// Graph has no place for.
#[must_use]
pub fn property(kind: Kind, field: Field) -> Option<String> {
    match kind.collection() {
        Collection::Calendar => event::property(field).map(str::to_owned),
        Collection::Contacts => contact::property(field),
        Collection::Tasks => task::property(field).map(str::to_owned),
    }
}
