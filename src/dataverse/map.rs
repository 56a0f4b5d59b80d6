//! Which column holds which field (rules.md §2.1, §2.5, §2.6), one static table for each kind.
//!
//! Reading and writing are each one function over these tables. Absent on purpose: normal forms
//! (the engine's work) and rules about what may be written when.

use std::fmt::Write as _;

use crate::domain::field::Field;
use crate::domain::kind::Kind;

pub(super) mod party;
pub(super) mod read;
pub(super) mod series;
mod tables;
pub(super) mod write;

/// How a column holds a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Text of at most `max` UTF-16 units.
    Text,
    /// Three columns, the name with `1`, `2` and `3`: the lines of a street.
    Lines,
    /// The name of the row that a lookup points at; written as the row itself.
    Lookup,
    /// An instant at whole seconds.
    Instant,
    /// A day.
    Day,
    /// Yes or no.
    Flag,
    /// An integer or an option.
    Number,
    /// `prioritycode`.
    Importance,
}

/// One column of a table.
#[derive(Debug)]
pub(super) struct Column {
    /// The field it holds.
    pub(super) field: Field,
    /// Its logical name.
    pub(super) name: &'static str,
    /// How it holds it.
    pub(super) shape: Shape,
    /// The longest text in UTF-16 units; 0 for other shapes.
    pub(super) max: usize,
}

/// One table of Dataverse.
#[derive(Debug)]
pub(super) struct Table {
    /// The kind of its rows.
    pub(super) kind: Kind,
    /// The entity set.
    pub(super) set: &'static str,
    /// The primary key.
    pub(super) key: &'static str,
    /// The navigation property of its parties; `None` for a contact.
    pub(super) parties: Option<&'static str>,
    /// The columns that hold fields.
    pub(super) columns: &'static [Column],
    /// Columns that hold facts.
    pub(super) facts: &'static [&'static str],
}

/// Returns the columns of a kind by field: for the page of fidelity. People are the lists in which
/// Dynamics shows them.
#[must_use]
pub fn columns(kind: Kind) -> Vec<(Field, String)> {
    let table = Table::of(kind);
    let mut columns: Vec<(Field, String)> = table
        .columns
        .iter()
        .map(|column| {
            let lines = if column.shape == Shape::Lines { "1..3" } else { "" };
            (column.field, format!("{}{lines}", column.name))
        })
        .collect();
    if table.parties.is_some() {
        columns.push((Field::RequiredAttendees, "requiredattendees".to_owned()));
        columns.push((Field::OptionalAttendees, "optionalattendees".to_owned()));
    }
    columns
}

impl Table {
    /// Returns the table of a kind.
    pub(super) const fn of(kind: Kind) -> &'static Self {
        match kind {
            Kind::Appointment => &tables::APPOINTMENT,
            Kind::Contact => &tables::CONTACT,
            Kind::Task => &tables::TASK,
            Kind::PhoneCall => &tables::PHONE_CALL,
            Kind::Letter => &tables::LETTER,
            Kind::Fax => &tables::FAX,
            Kind::RecurringAppointment => &tables::RECURRING_APPOINTMENT,
            Kind::ServiceAppointment => &tables::SERVICE_APPOINTMENT,
        }
    }

    /// Returns the table of a logical name, if rows of it are synchronized.
    pub(super) fn by_name(name: &str) -> Option<&'static Self> {
        Kind::from_table(name).map(Self::of)
    }

    /// Returns the field that a column holds, by its logical name.
    pub(super) fn field_of(&self, name: &str) -> Option<Field> {
        let holds = |column: &&Column| match column.shape {
            Shape::Lines => {
                name.strip_prefix(column.name).is_some_and(|line| matches!(line, "1" | "2" | "3"))
            }
            Shape::Text
            | Shape::Lookup
            | Shape::Instant
            | Shape::Day
            | Shape::Flag
            | Shape::Number
            | Shape::Importance => column.name == name,
        };
        self.columns.iter().find(holds).map(|column| column.field)
    }

    /// Returns the columns that every complete read names, each exactly as it comes back.
    pub(super) fn selected(&self) -> impl Iterator<Item = String> {
        let fields = self.columns.iter().flat_map(|column| match column.shape {
            Shape::Lines => (1..=3).map(|line| format!("{}{line}", column.name)).collect(),
            Shape::Lookup => vec![format!("_{}_value", column.name)],
            Shape::Text
            | Shape::Instant
            | Shape::Day
            | Shape::Flag
            | Shape::Number
            | Shape::Importance => vec![column.name.to_owned()],
        });
        [self.key, "versionnumber", "_ownerid_value"]
            .into_iter()
            .chain(self.facts.iter().copied())
            .map(str::to_owned)
            .chain(fields)
    }

    /// Returns `$select` and `$expand` of a complete read.
    pub(super) fn complete(&self) -> String {
        let mut query = String::from("$select=");
        for (at, name) in self.selected().enumerate() {
            if at > 0 {
                query.push(',');
            }
            query.push_str(&name);
        }
        if let Some(parties) = self.parties {
            let _ = write!(query, "&$expand={parties}($select={})", party::COLUMNS);
        }
        query
    }
}

#[cfg(test)]
mod tests;
