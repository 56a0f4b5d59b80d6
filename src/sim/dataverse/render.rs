//! Rows as JSON: selected columns, annotations and expanded parties.

use serde_json::{Map, Value, json};

use super::core::Core;
use super::error::Refusal;
use super::filter::find;
use super::prefer::{FORMATTED, LOOKUP, NAVIGATION, Notes};
use super::schema::{Kind, Table, col, party_table, schema};
use super::store::Row;
use super::value::Cell;

/// What to write of each row.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// Columns to write; `None` means all.
    pub(super) columns: Option<Vec<usize>>,
    pub(super) expand: Vec<Expand>,
}

/// One expanded navigation property.
#[derive(Debug)]
pub(super) struct Expand {
    name: String,
    /// The lookup column; `None` for the parties.
    lookup: Option<(usize, &'static Table)>,
    columns: Option<Vec<usize>>,
    /// What stood in parentheses, as it was sent.
    options: String,
}

/// The most `$expand` options of a query (webapi/query/join-tables).
const MOST_EXPANDS: usize = 15;

/// The most related rows of one expanded property (the same page).
const MOST_RELATED: usize = 5_000;

impl Shape {
    pub(super) fn parse(
        table: &'static Table,
        select: Option<&str>,
        expand: Option<&str>,
    ) -> Result<Self, Refusal> {
        let columns = select.map(|text| read_select(table, text)).transpose()?;
        let expand = match expand {
            Some(text) => split_expand(text)
                .iter()
                .map(|part| read_expand(table, part))
                .collect::<Result<Vec<_>, _>>()?,
            None => Vec::new(),
        };
        if expand.len() > MOST_EXPANDS {
            let text =
                format!("The number of $expand options exceeds the limit of {MOST_EXPANDS}.");
            return Err(Refusal::malformed(text));
        }
        Ok(Self { columns, expand })
    }
}

fn read_select(table: &Table, text: &str) -> Result<Vec<usize>, Refusal> {
    if text.trim() == "*" {
        return Ok(all_columns(table));
    }
    text.split(',').map(|name| find(table, name.trim())).collect()
}

fn all_columns(table: &Table) -> Vec<usize> {
    (0..table.columns.len()).filter(|index| !table.columns[*index].hidden).collect()
}

/// Splits at commas outside parentheses.
fn split_expand(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_i32;
    for c in text.chars() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        match parts.last_mut() {
            Some(last) if c != ',' || depth != 0 => last.push(c),
            _ => parts.push(String::new()),
        }
    }
    parts
}

fn read_expand(table: &'static Table, text: &str) -> Result<Expand, Refusal> {
    let text = text.trim();
    let (name, inner) = match text.split_once('(') {
        Some((name, rest)) => {
            let inner = rest.strip_suffix(')').ok_or_else(|| syntax(text))?;
            (name, Some(inner))
        }
        None => (text, None),
    };
    let parties = table.activity && name == table.party_nav;
    let lookup = table.binds.get(name);
    let target = match lookup {
        _ if parties => party_table(),
        Some((_, target)) => schema().logical(target).ok_or_else(|| syntax(text))?,
        None => {
            return Err(Refusal::malformed(format!(
                "Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{}'.",
                table.logical
            )));
        }
    };
    let columns = match inner {
        Some(inner) => {
            let select = inner.trim().strip_prefix("$select=").ok_or_else(|| syntax(text))?;
            if select.contains([';', '(', '$']) {
                return Err(Refusal::malformed("Only $select is supported inside $expand."));
            }
            Some(read_select(target, select)?)
        }
        None => None,
    };
    let lookup = if parties { None } else { lookup.map(|(index, _)| (*index, target)) };
    let options = inner.unwrap_or_default().trim().to_owned();
    Ok(Expand { name: name.to_owned(), lookup, columns, options })
}

fn syntax(text: &str) -> Refusal {
    Refusal::malformed(format!("Syntax error in $expand '{text}'."))
}

impl Core {
    /// Writes a row as the Web API does; nulls included.
    pub(super) fn render(
        &self,
        table: &Table,
        row: &Row,
        shape: &Shape,
        notes: &Notes,
    ) -> Map<String, Value> {
        let mut out = self.plain(table, row, shape.columns.as_deref(), notes);
        for expand in &shape.expand {
            let columns = expand.columns.as_deref();
            let value = match expand.lookup {
                None => row
                    .parties
                    .iter()
                    .take(MOST_RELATED)
                    .map(|party| Value::Object(self.plain(party_table(), party, columns, notes)))
                    .collect(),
                Some((index, target)) => match row.get(index) {
                    Some(Cell::Ref(id, at)) if *at == target.index => {
                        self.store.get(target, *id).map_or(Value::Null, |row| {
                            Value::Object(self.plain(target, row, columns, notes))
                        })
                    }
                    _ => Value::Null,
                },
            };
            out.insert(expand.name.clone(), value);
        }
        out
    }

    /// Writes a row of a list. Beside each expanded collection stands a link to the same rows, with
    /// the options sent and without a page: lists do not page what they expand.
    pub(super) fn render_listed(
        &self,
        table: &Table,
        row: &Row,
        shape: &Shape,
        notes: &Notes,
    ) -> Map<String, Value> {
        let mut out = self.render(table, row, shape, notes);
        for expand in shape.expand.iter().filter(|expand| expand.lookup.is_none()) {
            let (root, set, id, name) = (&self.root, table.set, row.id, &expand.name);
            let mark = if expand.options.is_empty() { "" } else { "?" };
            let link = format!("{root}/{set}({id})/{name}{mark}{}", expand.options);
            out.insert(format!("{name}@odata.nextLink"), link.into());
        }
        out
    }

    fn plain(
        &self,
        table: &Table,
        row: &Row,
        columns: Option<&[usize]>,
        notes: &Notes,
    ) -> Map<String, Value> {
        let mut out = Map::new();
        if table.logical != "activityparty" {
            out.insert("@odata.etag".into(), row.etag().into());
        }
        out.insert(table.key.into(), json!(row.id));
        match columns {
            Some(columns) => {
                columns.iter().for_each(|index| self.write(&mut out, table, row, *index, notes));
            }
            None => (0..table.columns.len())
                .filter(|index| !table.columns[*index].hidden)
                .for_each(|index| self.write(&mut out, table, row, index, notes)),
        }
        out
    }

    fn write(
        &self,
        out: &mut Map<String, Value>,
        table: &Table,
        row: &Row,
        index: usize,
        notes: &Notes,
    ) {
        let name = &table.columns[index].property;
        match row.get(index) {
            Some(cell) => self.write_as(out, table, index, name, cell, notes),
            None => {
                out.insert(name.clone(), Value::Null);
            }
        }
    }

    /// Writes one value with its annotations under the given name.
    pub(super) fn write_as(
        &self,
        out: &mut Map<String, Value>,
        table: &Table,
        index: usize,
        name: &str,
        cell: &Cell,
        notes: &Notes,
    ) {
        out.insert(name.to_owned(), cell.json());
        if notes.is_empty() || index == col::KEY {
            return;
        }
        if notes.want(FORMATTED)
            && let Some(text) = self.formatted(table, index, cell)
        {
            out.insert(format!("{name}@{FORMATTED}"), text.into());
        }
        let Cell::Ref(_, target) = cell else { return };
        let Some(target) = schema().at(*target) else { return };
        if notes.want(LOOKUP) {
            out.insert(format!("{name}@{LOOKUP}"), target.logical.into());
        }
        if notes.want(NAVIGATION) {
            let nav = table
                .binds
                .iter()
                .find(|(_, (column, logical))| *column == index && *logical == target.logical);
            if let Some((nav, _)) = nav {
                out.insert(format!("{name}@{NAVIGATION}"), nav.as_str().into());
            }
        }
    }

    fn formatted(&self, table: &Table, index: usize, cell: &Cell) -> Option<String> {
        match (cell, &table.columns[index].kind) {
            (Cell::Ref(id, target), _) => {
                let target = schema().at(*target)?;
                let row = self.store.get(target, *id)?;
                Some(row.get(target.primary)?.str()?.to_owned())
            }
            (Cell::Int(number), Kind::Choice(options)) => options
                .iter()
                .find(|(value, _)| value == number)
                .map(|(_, label)| label.replace('_', " ")),
            (Cell::Int(number), _) => Some(number.to_string()),
            (Cell::Bool(flag), _) => Some(if *flag { "Yes" } else { "No" }.to_owned()),
            (Cell::Time(time), _) => Some(time.format("%-m/%-d/%Y %-I:%M %p").to_string()),
            (Cell::Date(date), _) => Some(date.format("%-m/%-d/%Y").to_string()),
            (Cell::Text(_) | Cell::Id(_), _) => None,
        }
    }

    /// Writes every stored column and the parties, for the tests' view of the world.
    pub(super) fn dump(&self, table: &Table, row: &Row) -> Value {
        let mut out = self.plain(table, row, None, &Notes::default());
        if table.activity {
            let parties = row.parties.iter().map(dump_party).collect();
            out.insert("parties".into(), parties);
        }
        Value::Object(out)
    }
}

fn dump_party(party: &Row) -> Value {
    let table = party_table();
    let value = |name: &str| party.named(table, name).map_or(Value::Null, Cell::json);
    let target = match party.named(table, "partyid") {
        Some(Cell::Ref(_, index)) => schema().at(*index).map(|table| table.logical),
        _ => None,
    };
    json!({
        "participationtypemask": value("participationtypemask"),
        "addressused": value("addressused"),
        "partyid": value("partyid"),
        "partytable": target,
    })
}
