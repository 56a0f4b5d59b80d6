//! A patch as the body of a write. Only the columns that the patch names are sent: an unchanged
//! value would still run logic and raise the version (protocols B3).

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde_json::{Map, Value as Json, json};

use super::party::{self, RawParty};
use super::{Column, Shape, Table};
use crate::domain::code::Code;
use crate::domain::field::{Field, Importance, Patch, Value};
use crate::domain::party::PartyTable;

/// The first year that Dataverse stores.
const FIRST_YEAR: i32 = 1753;
/// The last one.
const LAST_YEAR: i32 = 9999;

/// The body of a write.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Written {
    /// The columns.
    pub(crate) body: Map<String, Json>,
    /// What could not be carried.
    pub(crate) losses: Vec<Code>,
}

/// Returns the body for a patch; `standing` are the parties that the row holds now, needed when
/// the patch sets some roles only. Refuses what no column can hold.
pub(crate) fn body(table: &Table, patch: &Patch, standing: &[RawParty]) -> Result<Written, Code> {
    let mut written = Written::default();
    for (field, value) in patch {
        // How a row is created is no column of it; the rule and the occurrences of a series are
        // written by `series`.
        let made = matches!(field, Field::Booking | Field::ByApplication);
        let apart = matches!(field, Field::Recurrence | Field::Exceptions);
        if party::is_role(*field) || made || apart {
            continue;
        }
        if *field == Field::Owner {
            written.owner(value.as_ref());
        } else if *field == Field::Uid {
            written.uid(value.as_ref());
        } else if let Some(column) = table.columns.iter().find(|column| column.field == *field) {
            written.column(column, value.as_ref())?;
        } else {
            written.losses.push(Code::ValuesDropped);
        }
    }
    if let Some(navigation) = table.parties.filter(|_| party::touched(patch)) {
        let list = party::list(patch, standing, &mut written.losses);
        written.body.insert(navigation.to_owned(), Json::Array(list));
    }
    written.losses.sort_unstable();
    written.losses.dedup();
    Ok(written)
}

impl Written {
    fn owner(&mut self, value: Option<&Value>) {
        let Some(Value::Parties(parties)) = value else { return };
        let user = parties.iter().find_map(|party| party.row);
        match user.filter(|row| row.table == PartyTable::SystemUser) {
            Some(row) => {
                let target = format!("/systemusers({})", row.id);
                self.body.insert("ownerid@odata.bind".into(), json!(target));
            }
            None => self.losses.push(Code::ValuesDropped),
        }
    }

    fn uid(&mut self, value: Option<&Value>) {
        let text = if let Some(Value::Text(text)) = value { json!(text) } else { Json::Null };
        self.body.insert("globalobjectid".into(), text);
    }

    fn column(&mut self, column: &Column, value: Option<&Value>) -> Result<(), Code> {
        let json = match (column.shape, value) {
            (Shape::Lookup, value) => {
                self.lookup(column, value);
                return Ok(());
            }
            (Shape::Lines, value) => {
                self.street(column, value);
                return Ok(());
            }
            (Shape::Flag, None) => json!(false),
            (Shape::Importance, None) => json!(1),
            // A row always has a state.
            (Shape::Number, None) if matches!(column.field, Field::State | Field::StatusReason) => {
                self.losses.push(Code::ValuesDropped);
                return Ok(());
            }
            (_, None) => Json::Null,
            (Shape::Text, Some(Value::Text(text) | Value::Html(text))) => {
                json!(self.cut(text, column.max))
            }
            (Shape::Instant, Some(Value::Time(time))) => json!(instant(*time)?),
            (Shape::Instant, Some(Value::Date(date))) => {
                json!(format!("{}T00:00:00Z", day(*date)?))
            }
            (Shape::Day, Some(Value::Date(date))) => json!(day(*date)?),
            (Shape::Day, Some(Value::Time(time))) => json!(day(time.date_naive())?),
            (Shape::Flag, Some(Value::Flag(flag))) => json!(flag),
            (Shape::Number, Some(Value::Number(number))) => json!(number),
            (Shape::Importance, Some(Value::Importance(importance))) => match importance {
                Importance::Low => json!(0),
                Importance::Normal => json!(1),
                Importance::High => json!(2),
            },
            (_, Some(_)) => {
                self.losses.push(Code::ValuesDropped);
                return Ok(());
            }
        };
        self.body.insert(column.name.to_owned(), json);
        Ok(())
    }

    /// CONT-08: the company is the name of another row, which the patch has found.
    fn lookup(&mut self, column: &Column, value: Option<&Value>) {
        let found = if let Some(Value::Parties(parties)) = value {
            parties.iter().find_map(|party| party.row)
        } else {
            None
        };
        match found.filter(|row| row.table == PartyTable::Account) {
            Some(row) => {
                let target = json!(format!("/accounts({})", row.id));
                self.body.insert(format!("{}_account@odata.bind", column.name), target);
            }
            None => self.losses.push(Code::ValuesDropped),
        }
    }

    /// Three columns, always all of them: a street of one line empties the other two. Lines beyond
    /// the third join it.
    fn street(&mut self, column: &Column, value: Option<&Value>) {
        let text = if let Some(Value::Text(text)) = value { text.as_str() } else { "" };
        let mut lines = text.splitn(3, '\n');
        for number in 1..=3 {
            let line = lines.next().map(|line| line.trim().replace('\n', ", "));
            let json = match line.filter(|line| !line.is_empty()) {
                Some(line) => json!(self.cut(&line, column.max)),
                None => Json::Null,
            };
            self.body.insert(format!("{}{number}", column.name), json);
        }
    }

    /// Cuts a text to the length of its column, which counts UTF-16 units (FLD-05).
    fn cut<'a>(&mut self, text: &'a str, max: usize) -> &'a str {
        let mut units = 0;
        for (at, character) in text.char_indices() {
            units += character.len_utf16();
            if units > max {
                self.losses.push(Code::TextTruncated);
                return &text[..at];
            }
        }
        text
    }
}

fn instant(time: DateTime<Utc>) -> Result<String, Code> {
    in_range(time.year())?;
    Ok(time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn day(date: NaiveDate) -> Result<String, Code> {
    in_range(date.year())?;
    Ok(date.format("%Y-%m-%d").to_string())
}

fn in_range(year: i32) -> Result<(), Code> {
    (FIRST_YEAR..=LAST_YEAR).contains(&year).then_some(()).ok_or(Code::DateOutOfRange)
}
