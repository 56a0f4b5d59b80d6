//! The rows with their indexes, versions, graves and shares.
//!
//! One version counter rises with every write of any table, as in the service. Rows are indexed
//! by owner, by party and by share, because people read through exactly these three doors. A
//! journal makes change sets atomic.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::schema::{Table, col, party_table, schema};
use super::value::Cell;

/// One row: its cells in the order of the table's columns, and its parties.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) id: Uuid,
    cells: Vec<Option<Cell>>,
    pub(super) parties: Vec<Row>,
}

impl Row {
    pub(super) fn new(table: &Table, id: Uuid) -> Self {
        let mut cells = vec![None; table.columns.len()];
        if let Some(key) = cells.get_mut(col::KEY) {
            *key = Some(Cell::Id(id));
        }
        Self { id, cells, parties: Vec::new() }
    }

    pub(super) fn get(&self, column: usize) -> Option<&Cell> {
        self.cells.get(column).and_then(Option::as_ref)
    }

    pub(super) fn set(&mut self, column: usize, cell: Option<Cell>) {
        if let Some(place) = self.cells.get_mut(column) {
            *place = cell;
        }
    }

    /// Sets a column by name; a name that the table lacks changes nothing.
    pub(super) fn put(&mut self, table: &Table, name: &str, cell: Cell) {
        if let Some(column) = table.column(name) {
            self.set(column, Some(cell));
        }
    }

    /// Returns the cell of the column of that name.
    pub(super) fn named(&self, table: &Table, name: &str) -> Option<&Cell> {
        self.get(table.column(name)?)
    }

    pub(super) fn version(&self) -> u64 {
        let number = self.get(col::VERSION).and_then(Cell::int).unwrap_or_default();
        u64::try_from(number).unwrap_or_default()
    }

    pub(super) fn etag(&self) -> String {
        format!("W/\"{}\"", self.version())
    }

    pub(super) fn owner(&self) -> Option<Uuid> {
        self.get(col::OWNER).and_then(Cell::uuid)
    }

    pub(super) fn state(&self) -> Option<i64> {
        self.get(col::STATE).and_then(Cell::int)
    }
}

type Index = HashMap<Uuid, BTreeSet<Uuid>>;

/// The rows of one table.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) rows: BTreeMap<Uuid, Row>,
    pub(super) by_owner: Index,
    pub(super) by_party: Index,
    pub(super) shared: Index,
    /// Live rows by their version.
    pub(super) changes: BTreeMap<u64, Uuid>,
    /// Deleted rows by the version of their deletion.
    pub(super) graves: BTreeMap<u64, Uuid>,
}

impl Rows {
    fn unindex(&mut self, row: &Row) {
        self.changes.remove(&row.version());
        if let Some(owner) = row.owner() {
            drop_from(&mut self.by_owner, owner, row.id);
        }
        for party in parties_of(row) {
            drop_from(&mut self.by_party, party, row.id);
        }
    }

    fn index(&mut self, row: &Row) {
        self.changes.insert(row.version(), row.id);
        if let Some(owner) = row.owner() {
            self.by_owner.entry(owner).or_default().insert(row.id);
        }
        for party in parties_of(row) {
            self.by_party.entry(party).or_default().insert(row.id);
        }
    }

    fn swap(&mut self, id: Uuid, after: Option<Row>) -> Option<Row> {
        let before = self.rows.remove(&id);
        if let Some(row) = &before {
            self.unindex(row);
        }
        if let Some(row) = after {
            self.index(&row);
            self.rows.insert(id, row);
        }
        before
    }
}

fn parties_of(row: &Row) -> impl Iterator<Item = Uuid> + '_ {
    let column = party_table().column("partyid").unwrap_or_default();
    row.parties.iter().filter_map(move |party| party.get(column).and_then(Cell::uuid))
}

fn drop_from(index: &mut Index, key: Uuid, id: Uuid) {
    if let Some(set) = index.get_mut(&key) {
        set.remove(&id);
        if set.is_empty() {
            index.remove(&key);
        }
    }
}

#[derive(Debug)]
struct Undo {
    table: u8,
    id: Uuid,
    before: Option<Row>,
}

/// All tables' rows.
#[derive(Debug)]
pub(super) struct Store {
    tables: Vec<Rows>,
    version: u64,
    journal: Option<(u64, Vec<Undo>)>,
}

impl Store {
    pub(super) fn new() -> Self {
        let tables = schema().tables.iter().map(|_| Rows::default()).collect();
        Self { tables, version: 1_000_000, journal: None }
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Returns the rows of a table; the schema made one entry per table.
    pub(super) fn rows(&self, table: &Table) -> &Rows {
        &self.tables[usize::from(table.index)]
    }

    pub(super) fn get(&self, table: &Table, id: Uuid) -> Option<&Row> {
        self.rows(table).rows.get(&id)
    }

    /// Stores a row under the next version.
    pub(super) fn put(&mut self, table: &Table, mut row: Row) {
        self.version += 1;
        row.set(col::VERSION, Some(Cell::Int(i64::try_from(self.version).unwrap_or(i64::MAX))));
        let id = row.id;
        let before = self.tables[usize::from(table.index)].swap(id, Some(row));
        self.note(table.index, id, before);
    }

    /// Deletes a row and remembers its grave for change tracking.
    pub(super) fn remove(&mut self, table: &Table, id: Uuid) -> bool {
        let rows = &mut self.tables[usize::from(table.index)];
        let Some(before) = rows.swap(id, None) else { return false };
        self.version += 1;
        rows.graves.insert(self.version, id);
        for set in rows.shared.values_mut() {
            set.remove(&id);
        }
        self.note(table.index, id, Some(before));
        true
    }

    pub(super) fn share(&mut self, table: &Table, id: Uuid, with: Uuid, on: bool) {
        let shared = &mut self.tables[usize::from(table.index)].shared;
        if on {
            shared.entry(with).or_default().insert(id);
        } else {
            drop_from(shared, with, id);
        }
    }

    /// Begins to remember what has to be put back on failure.
    pub(super) fn begin(&mut self) {
        self.journal = Some((self.version, Vec::new()));
    }

    pub(super) fn commit(&mut self) {
        self.journal = None;
    }

    /// Puts back every row as it was at `begin`.
    pub(super) fn roll_back(&mut self) {
        let Some((start, undo)) = self.journal.take() else { return };
        for entry in undo.into_iter().rev() {
            self.tables[usize::from(entry.table)].swap(entry.id, entry.before);
        }
        for rows in &mut self.tables {
            rows.graves.split_off(&(start + 1));
        }
    }

    fn note(&mut self, table: u8, id: Uuid, before: Option<Row>) {
        if let Some((_, undo)) = &mut self.journal {
            undo.push(Undo { table, id, before });
        }
    }
}
