//! Reading a request body into a row.

use serde_json::Value;
use uuid::Uuid;

use super::{Body, Core, Moment};
use crate::sim::dataverse::error::Refusal;
use crate::sim::dataverse::schema::{Column, Kind, Table, schema};
use crate::sim::dataverse::store::Row;
use crate::sim::dataverse::value::{Cell, from_json};

impl Core {
    /// Applies every property of the body to the row.
    pub(super) fn apply(
        &mut self,
        at: Moment,
        table: &'static Table,
        row: &mut Row,
        body: &Body,
        creating: bool,
    ) -> Result<(), Refusal> {
        let mut parties = None;
        for (name, value) in body {
            if let Some(nav) = name.strip_suffix("@odata.bind") {
                self.apply_bind(at, table, row, (nav, value), creating)?;
            } else if is_annotation(name) {
                continue;
            } else if let Some(index) = table.by_property.get(name) {
                let column = &table.columns[*index];
                if Some(name.as_str()) == table.key.into() {
                    check_key(row, value)?;
                    continue;
                }
                check_writable(table, column, value, creating)?;
                self.check_secured(at.caller, table, *index, creating)?;
                row.set(*index, from_json(table, column, value)?);
            } else if table.activity && *name == table.party_nav {
                parties = Some(value);
            } else if let Some((index, _)) = table.binds.get(name) {
                self.check_secured(at.caller, table, *index, creating)?;
                clear_lookup(table, row, *index, value)?;
            } else {
                return Err(unknown(table, name));
            }
        }
        if let Some(value) = parties {
            self.replace_parties(table, row, value)?;
        }
        Ok(())
    }

    fn apply_bind(
        &self,
        at: Moment,
        table: &'static Table,
        row: &mut Row,
        (nav, value): (&str, &Value),
        creating: bool,
    ) -> Result<(), Refusal> {
        let (index, target) = table.binds.get(nav).ok_or_else(|| unknown(table, nav))?;
        let column = &table.columns[*index];
        if column.read_only {
            return Err(read_only(column));
        }
        self.check_secured(at.caller, table, *index, creating)?;
        if value.is_null() {
            return clear_lookup(table, row, *index, value);
        }
        let text = value.as_str().ok_or_else(|| Refusal::payload("@odata.bind needs a URL"))?;
        let cell = self.resolve(at, text, target)?;
        row.set(*index, Some(cell));
        Ok(())
    }

    /// Finds the row a bind names; the caller must be able to read it.
    pub(super) fn resolve(&self, at: Moment, url: &str, target: &str) -> Result<Cell, Refusal> {
        let (set, id) = bind_target(&self.root, &self.root_path, url)?;
        let table = Self::table(set)?;
        if table.logical != target {
            let text = format!("'{url}' does not name a row of '{target}'");
            return Err(Refusal::payload(text));
        }
        self.readable(at.caller, table, id)?;
        Ok(Cell::Ref(id, table.index))
    }
}

/// Splits `/accounts(guid)`, in any of its allowed forms, into set and id.
fn bind_target<'a>(root: &str, root_path: &str, url: &'a str) -> Result<(&'a str, Uuid), Refusal> {
    let wrong = || Refusal::payload(format!("'{url}' is not a valid entity reference"));
    let rest = [root, root_path, "/api/data/v9.2"]
        .iter()
        .find_map(|prefix| url.strip_prefix(prefix))
        .unwrap_or(url);
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    let (set, key) = rest.split_once('(').ok_or_else(wrong)?;
    let id = key.strip_suffix(')').ok_or_else(wrong)?;
    Ok((set, Uuid::try_parse(id).map_err(|_| wrong())?))
}

fn is_annotation(name: &str) -> bool {
    ["@odata.type", "@odata.etag", "@odata.id", "@odata.context", "@odata.editLink"].contains(&name)
}

fn check_key(row: &Row, value: &Value) -> Result<(), Refusal> {
    let same = value.as_str().and_then(|text| Uuid::try_parse(text).ok()) == Some(row.id);
    if same { Ok(()) } else { Err(Refusal::payload("The primary key cannot be changed")) }
}

fn check_writable(
    table: &Table,
    column: &Column,
    value: &Value,
    creating: bool,
) -> Result<(), Refusal> {
    if column.read_only || column.create_only && !creating {
        return Err(read_only(column));
    }
    if column.required && (value.is_null() || value.as_str() == Some("")) {
        let text = format!("'{}' of '{}' must have a value.", column.name, table.logical);
        return Err(Refusal::invalid(text));
    }
    let state = matches!(column.name, "statecode" | "statuscode");
    if state && value.is_null() {
        return Err(Refusal::invalid(format!("'{}' must have a value.", column.name)));
    }
    Ok(())
}

fn clear_lookup(table: &Table, row: &mut Row, index: usize, value: &Value) -> Result<(), Refusal> {
    let column = &table.columns[index];
    if !value.is_null() {
        return Err(Refusal::payload(format!(
            "Deep insert into '{}' is not supported here; bind an existing row.",
            column.name
        )));
    }
    if column.read_only {
        return Err(read_only(column));
    }
    if column.name == "ownerid" {
        return Err(Refusal::invalid("A row must have an owner."));
    }
    debug_assert!(matches!(column.kind, Kind::Lookup(_)));
    row.set(index, None);
    Ok(())
}

pub(super) fn read_only(column: &Column) -> Refusal {
    Refusal::invalid(format!("The column '{}' cannot be written.", column.name))
}

pub(super) fn unknown(table: &Table, name: &str) -> Refusal {
    Refusal::malformed(format!(
        "Invalid property '{name}' was found in entity 'Microsoft.Dynamics.CRM.{}'.",
        table.logical
    ))
}

/// Returns the table of a lookup target by its logical name.
pub(super) fn target_table(name: &str) -> Option<&'static Table> {
    schema().logical(name)
}
