//! Directions of fields that the tenant file sets (FLD-01, FLD-02): one table for each table of
//! Dataverse, one key for each column. Without a key the organization's own direction holds.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use super::reader::Section;
use super::values::nearest;
use crate::domain::direction::{self, Direction, Directions};
use crate::domain::kind::Kind;

/// Returns the directions that are in order; reports the others.
pub(super) fn read(section: &Section<'_>) -> Directions {
    let mut directions = Directions::default();
    for (table, value) in section.entries() {
        let Some(kind) = kind_of(section, &table.span, table.value) else { continue };
        let Some(columns) = value.get_ref().as_table() else {
            let remedy = format!("write {}.COLUMN = \"to-exchange\"", table.value);
            section.wrong_type(table.value, value, "a table", &remedy);
            continue;
        };
        for (name, value) in columns {
            let key = format!("{}.{}", table.value, name.get_ref());
            let Some(column) = column_of(section, kind, &key, &name.span()) else { continue };
            let Some(direction) = direction_of(section, &key, value) else { continue };
            let place = (kind, column.field);
            if directions.0.insert(place, direction).is_some_and(|other| other != direction) {
                let message = "contradicts another line of the same address";
                section.error(&value.span(), &key, message, "give all of its lines one direction");
            }
        }
    }
    directions
}

fn kind_of(section: &Section<'_>, span: &Range<usize>, name: &str) -> Option<Kind> {
    let kinds = || Kind::ALL.into_iter().filter(|kind| !direction::columns(*kind).is_empty());
    if let Some(kind) = kinds().find(|kind| kind.table() == name) {
        return Some(kind);
    }
    let known: Vec<&str> = kinds().map(Kind::table).collect();
    let remedy = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("write one of {}", known.join(", ")),
    };
    section.error(span, name, "is no table whose columns have a direction", &remedy);
    None
}

fn column_of(
    section: &Section<'_>,
    kind: Kind,
    key: &str,
    span: &Range<usize>,
) -> Option<&'static direction::Column> {
    let name = key.split_once('.').map_or(key, |(_, name)| name);
    match direction::column(kind, name) {
        Some(column) if column.fixed => {
            let message = "flows both ways by rule; its direction cannot be set";
            section.error(span, key, message, "remove it");
            None
        }
        Some(column) => Some(column),
        None => {
            let free = direction::columns(kind).iter().filter(|column| !column.fixed);
            let known: Vec<&str> = free.map(|column| column.name).collect();
            let remedy = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("write one of {}", known.join(", ")),
            };
            section.error(span, key, "is no column that is synchronized", &remedy);
            None
        }
    }
}

fn direction_of(
    section: &Section<'_>,
    key: &str,
    value: &Spanned<DeValue<'_>>,
) -> Option<Direction> {
    let words = Direction::WORDS.map(|(word, _)| format!("\"{word}\"")).join(" or ");
    let remedy = format!("write {words}");
    let Some(text) = value.get_ref().as_str() else {
        section.wrong_type(key, value, "a string", &remedy);
        return None;
    };
    let found = Direction::WORDS.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let message = format!("\"{text}\" is not one of the known words");
        section.error(&value.span(), key, &message, &remedy);
    }
    found.map(|(_, direction)| *direction)
}
