//! The hierarchical operators of FetchXML: who stands above and below a row.
//!
//! Two tables have a hierarchy here: accounts by `parentaccountid` and users by
//! `parentsystemuserid`, the manager. Absent: positions and business units.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::sim::dataverse::schema::{Table, col, schema};
use crate::sim::dataverse::store::Store;
use crate::sim::dataverse::value::Cell;

/// Table and the column that names the parent.
const HIERARCHIES: [(&str, &str); 2] =
    [("account", "parentaccountid"), ("systemuser", "parentsystemuserid")];

/// The hierarchy of one table.
pub(super) struct Hierarchy<'a> {
    table: &'a Table,
    parent: usize,
    store: &'a Store,
}

impl<'a> Hierarchy<'a> {
    /// Returns the hierarchy that a column stands in: the key of a table that has one.
    pub(super) fn of(store: &'a Store, table: &Table, column: usize) -> Option<Self> {
        let (name, parent) = HIERARCHIES.into_iter().find(|(name, _)| *name == table.logical)?;
        let table = schema().logical(name).filter(|_| column == col::KEY)?;
        Some(Self { table, parent: table.column(parent)?, store })
    }

    /// Returns the hierarchy of users.
    pub(super) fn of_users(store: &'a Store) -> Option<Self> {
        Self::of(store, schema().logical("systemuser")?, col::KEY)
    }

    /// Returns the rows above, without the row itself. A circle ends where it began.
    pub(super) fn above(&self, id: Uuid) -> Vec<Uuid> {
        let mut line = Vec::new();
        let mut next = self.parent_of(id);
        while let Some(parent) = next.filter(|parent| *parent != id && !line.contains(parent)) {
            line.push(parent);
            next = self.parent_of(parent);
        }
        line
    }

    /// Returns the rows below, without the row itself.
    pub(super) fn under(&self, id: Uuid) -> Vec<Uuid> {
        let mut below = BTreeSet::new();
        let mut open = vec![id];
        while let Some(parent) = open.pop() {
            for row in self.store.rows(self.table).rows.values() {
                let child = row.get(self.parent).and_then(Cell::uuid) == Some(parent);
                if child && row.id != id && below.insert(row.id) {
                    open.push(row.id);
                }
            }
        }
        below.into_iter().collect()
    }

    fn parent_of(&self, id: Uuid) -> Option<Uuid> {
        self.store.get(self.table, id)?.get(self.parent)?.uuid()
    }
}
