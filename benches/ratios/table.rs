//! The result: a table for people, JSON for programs.

use std::io::Write as _;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};

/// Which side of the goal is good.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// The ratio is at most this.
    AtMost(f64),
    /// The ratio is at least this.
    AtLeast(f64),
    /// A number to know, without a goal.
    None,
}

impl Goal {
    fn text(self) -> String {
        match self {
            Self::AtMost(limit) => format!("<= {limit}"),
            Self::AtLeast(limit) => format!(">= {limit}"),
            Self::None => "-".to_owned(),
        }
    }

    fn met(self, ratio: f64) -> Option<bool> {
        match self {
            Self::AtMost(limit) => Some(ratio <= limit),
            Self::AtLeast(limit) => Some(ratio >= limit),
            Self::None => None,
        }
    }
}

/// One measurement.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) ours: f64,
    /// What the rival or the limit is, and its value.
    pub(crate) rival: (&'static str, f64),
    pub(crate) goal: Goal,
}

impl Row {
    fn ratio(&self) -> f64 {
        self.ours / self.rival.1
    }
}

/// Returns the middle one of some measurements.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Writes all rows to standard output.
pub(crate) fn print(rows: &[Row], json: bool) -> std::io::Result<()> {
    let text = if json { as_json(rows) } else { as_table(rows) };
    writeln!(std::io::stdout().lock(), "{text}")
}

fn as_table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN);
    table.set_header(["Name", "Unit", "Ours", "Rival or limit", "", "Ratio", "Goal", "Met"]);
    for row in rows {
        let met = match row.goal.met(row.ratio()) {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "-",
        };
        table.add_row([
            row.name.clone(),
            row.unit.to_owned(),
            number(row.ours),
            number(row.rival.1),
            row.rival.0.to_owned(),
            format!("{:.2}", row.ratio()),
            row.goal.text(),
            met.to_owned(),
        ]);
    }
    for at in [2, 3, 5] {
        if let Some(column) = table.column_mut(at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

fn number(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

fn as_json(rows: &[Row]) -> String {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "name": row.name,
                "unit": row.unit,
                "ours": row.ours,
                "rival": { "what": row.rival.0, "value": row.rival.1 },
                "ratio": row.ratio(),
                "goal": row.goal.text(),
                "met": row.goal.met(row.ratio()),
            })
        })
        .collect();
    format!("{:#}", json!({ "rows": rows }))
}
