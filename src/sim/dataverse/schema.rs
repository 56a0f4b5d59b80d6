//! The table definitions: columns, types, lengths, option sets and state pairs.
//!
//! Read once from the texts in `schema::tables`. Every table begins with the same columns so
//! that the code can name them by position. Absent: customization, alternate keys, currencies.

mod columns;
mod tables;

use std::collections::HashMap;
use std::sync::OnceLock;

/// Positions of the columns that every table has.
pub(super) mod col {
    pub(in crate::sim::dataverse) const KEY: usize = 0;
    pub(in crate::sim::dataverse) const CREATED: usize = 1;
    pub(in crate::sim::dataverse) const MODIFIED: usize = 2;
    pub(in crate::sim::dataverse) const CREATED_BY: usize = 3;
    pub(in crate::sim::dataverse) const MODIFIED_BY: usize = 4;
    pub(in crate::sim::dataverse) const CREATED_FOR: usize = 5;
    pub(in crate::sim::dataverse) const MODIFIED_FOR: usize = 6;
    pub(in crate::sim::dataverse) const OWNER: usize = 7;
    pub(in crate::sim::dataverse) const OWNING_USER: usize = 8;
    pub(in crate::sim::dataverse) const UNIT: usize = 9;
    pub(in crate::sim::dataverse) const STATE: usize = 10;
    pub(in crate::sim::dataverse) const STATUS: usize = 11;
    pub(in crate::sim::dataverse) const VERSION: usize = 12;
}

const HEAD: [(&str, &str); 13] = [
    ("", "id"),
    ("createdon", "time"),
    ("modifiedon", "time"),
    ("createdby", "lookup systemuser"),
    ("modifiedby", "lookup systemuser"),
    ("createdonbehalfby", "lookup systemuser"),
    ("modifiedonbehalfby", "lookup systemuser"),
    ("ownerid", "lookup systemuser"),
    ("owninguser", "lookup systemuser"),
    ("owningbusinessunit", "lookup businessunit"),
    ("statecode", "choice"),
    ("statuscode", "choice"),
    ("versionnumber", "int 0 9223372036854775807"),
];

/// The type of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text of at most that many UTF-16 units.
    Text(usize),
    Int(i64, i64),
    Choice(Vec<(i64, &'static str)>),
    Bool,
    /// An instant (behaviour UserLocal).
    Time,
    /// An instant whose time of day is not kept (format date only).
    DayTime,
    Date,
    Id,
    /// A reference to a row of one of these tables.
    Lookup(Vec<&'static str>),
}

/// One column of a table.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    /// The name on the wire: `_name_value` for lookups, else the column's name.
    pub(super) property: String,
    pub(super) kind: Kind,
    pub(super) read_only: bool,
    pub(super) create_only: bool,
    pub(super) required: bool,
    /// The table does not have this common column.
    pub(super) hidden: bool,
}

/// One table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) index: u8,
    pub(super) logical: &'static str,
    pub(super) set: &'static str,
    pub(super) key: &'static str,
    /// The column that names a row for people.
    pub(super) primary: usize,
    pub(super) columns: Vec<Column>,
    pub(super) by_name: HashMap<&'static str, usize>,
    pub(super) by_property: HashMap<String, usize>,
    /// Single-valued navigation properties: column and target table.
    pub(super) binds: HashMap<String, (usize, &'static str)>,
    /// Valid pairs (state, status); the first of a state is its default.
    pub(super) states: Vec<(i64, i64)>,
    pub(super) activity: bool,
    /// Owned by a user (else by the organization).
    pub(super) owned: bool,
    /// The participation types a client may write.
    pub(super) masks: &'static [i64],
    /// The navigation property of the parties.
    pub(super) party_nav: String,
}

impl Table {
    /// Finds a visible column by its logical name.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The status a state begins with.
    pub(super) fn default_status(&self, state: i64) -> Option<i64> {
        self.states.iter().find(|(s, _)| *s == state).map(|(_, status)| *status)
    }

    /// Tells whether rows in this state refuse changes (protocols B9).
    pub(super) fn closed(&self, state: Option<i64>) -> bool {
        let guarded = ["appointment", "recurringappointmentmaster", "serviceappointment"];
        guarded.contains(&self.logical) && matches!(state, Some(1 | 2))
    }
}

/// All tables.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) tables: Vec<Table>,
    by_set: HashMap<&'static str, usize>,
    by_logical: HashMap<&'static str, usize>,
}

impl Schema {
    pub(super) fn set(&self, name: &str) -> Option<&Table> {
        self.by_set.get(name).and_then(|index| self.tables.get(*index))
    }

    pub(super) fn logical(&self, name: &str) -> Option<&Table> {
        self.by_logical.get(name).and_then(|index| self.tables.get(*index))
    }

    pub(super) fn at(&self, index: u8) -> Option<&Table> {
        self.tables.get(usize::from(index))
    }
}

/// Returns the schema, read on first use.
pub(super) fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let mut found =
            Schema { tables: Vec::new(), by_set: HashMap::new(), by_logical: HashMap::new() };
        for (index, source) in tables::SOURCES.iter().enumerate() {
            found.by_set.insert(source.set, index);
            found.by_logical.insert(source.logical, index);
            found.tables.push(read_table(u8::try_from(index).unwrap_or(u8::MAX), source));
        }
        found
    })
}

/// Returns the table of the activity parties.
pub(super) fn party_table() -> &'static Table {
    // The table is the first source; the fallback can only be met without any table at all.
    schema().logical("activityparty").unwrap_or_else(|| &schema().tables[0])
}

fn read_table(index: u8, source: &tables::Source) -> Table {
    let mut table = Table {
        index,
        logical: source.logical,
        set: source.set,
        key: source.key,
        primary: 0,
        columns: Vec::new(),
        by_name: HashMap::new(),
        by_property: HashMap::new(),
        binds: HashMap::new(),
        states: Vec::new(),
        activity: source.activity,
        owned: source.owned,
        masks: source.masks,
        party_nav: format!("{}_activity_parties", source.logical),
    };
    for (position, (name, words)) in HEAD.iter().enumerate() {
        let name = if position == col::KEY { source.key } else { name };
        let Some(mut column) = read_column(&format_static(name, words)) else { continue };
        column.read_only = !matches!(position, col::KEY | col::OWNER | col::STATE | col::STATUS);
        column.create_only = position == col::KEY;
        column.hidden = hidden(position, source);
        table.columns.push(column);
    }
    read_states(&mut table, source.states);
    for line in source.columns.iter().flat_map(|text| text.lines()) {
        let words: Vec<&'static str> = line.split_whitespace().collect();
        if let Some(column) = read_column(&words) {
            table.columns.push(column);
        }
    }
    finish(&mut table, source.primary);
    table
}

fn format_static(name: &'static str, words: &'static str) -> Vec<&'static str> {
    std::iter::once(name).chain(words.split_whitespace()).collect()
}

fn hidden(position: usize, source: &tables::Source) -> bool {
    match position {
        col::OWNER | col::OWNING_USER | col::UNIT => !source.owned,
        col::STATE | col::STATUS => source.states.is_empty(),
        col::KEY | col::VERSION => false,
        _ => source.bare,
    }
}

fn finish(table: &mut Table, primary: &str) {
    for (position, column) in table.columns.iter().enumerate() {
        if column.hidden {
            continue;
        }
        table.by_name.insert(column.name, position);
        table.by_property.insert(column.property.clone(), position);
        let Kind::Lookup(targets) = &column.kind else { continue };
        for target in targets {
            let nav = if targets.len() == 1 {
                column.name.to_owned()
            } else if table.activity && column.name == "regardingobjectid" {
                format!("{}_{target}_{}", column.name, table.logical)
            } else {
                format!("{}_{target}", column.name)
            };
            table.binds.insert(nav, (position, target));
        }
    }
    table.primary = table.by_name.get(primary).copied().unwrap_or(col::KEY);
}

/// Reads `0=Open:1=Free,2=Tentative 1=Completed:3=Completed`.
fn read_states(table: &mut Table, text: &'static str) {
    let (mut states, mut statuses) = (Vec::new(), Vec::new());
    for group in text.split_whitespace() {
        let Some((state, reasons)) = group.split_once(':') else { continue };
        let Some(state) = read_option(state) else { continue };
        states.push(state);
        for status in reasons.split(',').filter_map(read_option) {
            statuses.push(status);
            table.states.push((state.0, status.0));
        }
    }
    if let Some(column) = table.columns.get_mut(col::STATE) {
        column.kind = Kind::Choice(states);
    }
    if let Some(column) = table.columns.get_mut(col::STATUS) {
        column.kind = Kind::Choice(statuses);
    }
}

fn read_option(word: &'static str) -> Option<(i64, &'static str)> {
    let (value, label) = word.split_once('=').unwrap_or((word, word));
    Some((value.parse().ok()?, label))
}

/// Reads `name kind arguments… [ro] [required]`.
fn read_column(words: &[&'static str]) -> Option<Column> {
    let name = *words.first()?;
    let kind = *words.get(1)?;
    let rest = words.get(2..).unwrap_or_default();
    let flags = |flag: &str| rest.contains(&flag);
    let arguments: Vec<&'static str> =
        rest.iter().copied().filter(|w| !matches!(*w, "ro" | "required" | "create")).collect();
    let number = |at: usize| arguments.get(at).and_then(|word| word.parse::<i64>().ok());
    let kind = match kind {
        "text" => Kind::Text(usize::try_from(number(0)?).ok()?),
        "int" => Kind::Int(number(0)?, number(1)?),
        "choice" => Kind::Choice(arguments.iter().filter_map(|word| read_option(word)).collect()),
        "bool" => Kind::Bool,
        "time" => Kind::Time,
        "daytime" => Kind::DayTime,
        "date" => Kind::Date,
        "id" => Kind::Id,
        "lookup" => Kind::Lookup(arguments),
        _ => return None,
    };
    let lookup = matches!(kind, Kind::Lookup(_));
    Some(Column {
        name,
        property: if lookup { format!("_{name}_value") } else { name.to_owned() },
        kind,
        read_only: flags("ro"),
        create_only: flags("create"),
        required: flags("required"),
        hidden: false,
    })
}

/// Returns the lines of the column texts that could not be read.
#[cfg(test)]
pub(super) fn skipped_lines() -> Vec<&'static str> {
    let lines = tables::SOURCES.iter().flat_map(|s| s.columns).flat_map(|text| text.lines());
    lines
        .filter(|line| read_column(&line.split_whitespace().collect::<Vec<_>>()).is_none())
        .collect()
}
