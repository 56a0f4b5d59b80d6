//! FetchXML of synchronization filters, rewritten to return ids and versions only (FILT-01,
//! FILT-17), and the queries that this program makes itself.
//!
//! What decides which rows match stays as it is: filters, nested filters, link-entities with
//! their aliases and types. What decides how rows are shown goes: columns, order, paging.

use std::fmt::Write as _;

use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::{BytesStart, Event};
use uuid::Uuid;

use super::map::Table;
use super::wire::encode;
use crate::domain::kind::Kind;

/// Rows of one page; the most that Dataverse gives (protocols B8).
pub(super) const PAGE_ROWS: u32 = 5_000;

/// The longest URL inside a batch is 65,536 characters (protocols B6); the rest is for the path.
pub(super) const MAX_ENCODED: usize = 65_000;

/// Elements that only say how rows are shown.
const DROPPED: [&str; 3] = ["attribute", "all-attributes", "order"];

/// Attributes of `<fetch>` that are set anew or that contradict paging.
const REPLACED: [&str; 6] =
    ["count", "page", "top", "distinct", "paging-cookie", "returntotalrecordcount"];

/// A query without its page: everything behind `<fetch`. The first page is kept as it goes into a
/// URL, because a filter is asked in every sweep and hardly ever for more.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Query {
    rest: String,
    first: String,
}

impl Query {
    fn new(rest: String) -> Self {
        let mut query = Self { rest, first: String::new() };
        query.first = encode(&query.page(1, None));
        query
    }

    /// Returns the first page, percent-encoded.
    pub(super) fn first(&self) -> &str {
        &self.first
    }

    /// Returns the text for one page; `cookie` is the one that the page before returned.
    pub(super) fn page(&self, page: u32, cookie: Option<&str>) -> String {
        let mut text = format!(r#"<fetch count="{PAGE_ROWS}" page="{page}" distinct="true""#);
        if let Some(cookie) = cookie {
            push_attribute(&mut text, "paging-cookie", &escape(cookie));
        }
        text.push_str(&self.rest);
        text
    }

    /// Returns the query narrowed to one row of its table.
    pub(super) fn for_row(&self, table: &Table, row: Uuid) -> Self {
        let end = "</entity></fetch>";
        let body = self.rest.strip_suffix(end).unwrap_or(&self.rest);
        Self::new(format!("{body}{}{end}", only(table, row)))
    }

    /// Returns the query that returns a row when one piece of a filter holds for it.
    pub(super) fn of_piece(table: &Table, row: Uuid, piece: &str) -> Self {
        let mut out = format!(r#"><entity name="{}">"#, table.kind.table());
        push_sweep_columns(&mut out, table);
        out.push_str(&only(table, row));
        let link = piece.starts_with("<link-entity");
        let (open, close) = if link { ("", "") } else { ("<filter>", "</filter>") };
        let _ = write!(out, "{open}{piece}{close}</entity></fetch>");
        Self::new(out)
    }

    /// Returns the query for the newest rows whose column holds a text.
    pub(super) fn holding(table: &Table, column: &str, text: &str, most: usize) -> Self {
        // In a pattern these three mean something; in brackets they mean themselves.
        let marks = ['[', '%', '_'];
        let plain: String = text
            .chars()
            .map(|c| if marks.contains(&c) { format!("[{c}]") } else { c.to_string() })
            .collect();
        let mut out = format!(r#" top="{most}"><entity name="{}">"#, table.kind.table());
        let _ = write!(out, r#"<attribute name="{}"/><filter><condition"#, table.key);
        push_attribute(&mut out, "attribute", column);
        out.push_str(r#" operator="like""#);
        push_attribute(&mut out, "value", &escape(format!("%{plain}%").as_str()));
        let newest = r#"<order attribute="modifiedon" descending="true"/>"#;
        let _ = write!(out, "/></filter>{newest}</entity></fetch>");
        Self::new(out)
    }

    /// Returns the text without paging, for a query that names its own number of rows.
    pub(super) fn unpaged(&self) -> String {
        format!("<fetch{}", self.rest)
    }
}

/// The filter that keeps one row of a table.
fn only(table: &Table, row: Uuid) -> String {
    let key = table.key;
    format!(r#"<filter><condition attribute="{key}" operator="eq" value="{row}"/></filter>"#)
}

/// Returns the table that a filter asks for and the filter rewritten, or why it cannot be used.
pub(super) fn rewrite(
    fetchxml: &str,
    table_of: impl Fn(&str) -> Option<&'static Table>,
) -> Result<(&'static Table, Query), &'static str> {
    let mut rewriter = Rewriter { out: String::new(), open: Vec::new(), table: None };
    let mut reader = Reader::from_str(fetchxml);
    loop {
        match reader.read_event().map_err(|_| "it is no well-formed XML")? {
            Event::Start(start) if DROPPED.contains(&start.name().as_ref()) => {
                reader.read_to_end(start.name()).map_err(|_| "it is no well-formed XML")?;
            }
            Event::Empty(start) if DROPPED.contains(&start.name().as_ref()) => {}
            Event::Start(start) => rewriter.element(&start, false, &table_of)?,
            Event::Empty(start) => rewriter.element(&start, true, &table_of)?,
            Event::End(end) => {
                rewriter.open.pop();
                let _ = write!(rewriter.out, "</{}>", end.name().as_ref());
            }
            Event::Text(text) => rewriter.text(&text.into_inner()),
            Event::CData(data) => rewriter.text(&escape(data.into_inner())),
            Event::GeneralRef(name) => rewriter.text(&format!("&{};", name.into_inner())),
            Event::DocType(_) => return Err("it carries a document type"),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => return rewriter.finish(),
        }
    }
}

struct Rewriter {
    out: String,
    open: Vec<String>,
    table: Option<&'static Table>,
}

impl Rewriter {
    fn element(
        &mut self,
        start: &BytesStart<'_>,
        empty: bool,
        table_of: &impl Fn(&str) -> Option<&'static Table>,
    ) -> Result<(), &'static str> {
        let name = start.name();
        let name: &str = name.as_ref();
        match (self.open.len(), name) {
            (0, "fetch") if self.out.is_empty() => self.fetch(start)?,
            (1, "entity") if self.table.is_none() => {
                let entity = attribute(start, "name")?.ok_or("its entity has no name")?;
                let table = table_of(&entity).ok_or("its table takes no filters")?;
                self.table = Some(table);
                self.copy(start, &[])?;
                self.columns(table);
            }
            (0 | 1, _) => return Err("it is not one fetch with one entity"),
            _ => self.copy(start, &[])?,
        }
        if empty {
            let _ = write!(self.out, "</{name}>");
        } else {
            self.open.push(name.to_owned());
        }
        Ok(())
    }

    /// `<fetch` itself is written by `Query::page`.
    fn fetch(&mut self, start: &BytesStart<'_>) -> Result<(), &'static str> {
        if attribute(start, "aggregate")?.is_some_and(|value| value == "true" || value == "1") {
            return Err("it aggregates rows");
        }
        self.attributes(start, &REPLACED)?;
        self.out.push('>');
        Ok(())
    }

    fn copy(&mut self, start: &BytesStart<'_>, without: &[&str]) -> Result<(), &'static str> {
        let _ = write!(self.out, "<{}", start.name().as_ref());
        self.attributes(start, without)?;
        self.out.push('>');
        Ok(())
    }

    fn attributes(&mut self, start: &BytesStart<'_>, without: &[&str]) -> Result<(), &'static str> {
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| "it has a malformed attribute")?;
            let key: &str = attribute.key.as_ref();
            if !without.contains(&key) {
                push_attribute(&mut self.out, key, &attribute.value);
            }
        }
        Ok(())
    }

    fn columns(&mut self, table: &Table) {
        push_sweep_columns(&mut self.out, table);
    }

    /// White space between elements is dropped; values keep theirs.
    fn text(&mut self, text: &str) {
        if self.open.len() > 2 && (!text.trim().is_empty() || self.in_value()) {
            self.out.push_str(text);
        }
    }

    fn in_value(&self) -> bool {
        self.open.last().is_some_and(|name| name == "value")
    }

    fn finish(self) -> Result<(&'static Table, Query), &'static str> {
        let table = self.table.ok_or("it names no entity")?;
        if !self.open.is_empty() {
            return Err("it ends too early");
        }
        Ok((table, Query::new(self.out)))
    }
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Result<Option<String>, &'static str> {
    let found = start.try_get_attribute(name).map_err(|_| "it has a malformed attribute")?;
    Ok(found.map(|attribute| attribute.value.into_owned()))
}

/// Appends an attribute whose value is escaped already.
fn push_attribute(out: &mut String, name: &str, escaped: &str) {
    let _ = write!(out, r#" {name}="{}""#, escaped.replace('"', "&quot;"));
}

/// Primary id, version and time of change; ordered by the id, because pages of a distinct query
/// without an order may overlap.
fn push_sweep_columns(out: &mut String, table: &Table) {
    let key = table.key;
    let _ = write!(
        out,
        r#"<attribute name="{key}"/><attribute name="versionnumber"/><attribute name="modifiedon"/><order attribute="{key}"/>"#
    );
    if table.kind == Kind::Appointment {
        // Tells the occurrences of series from appointments.
        out.push_str(r#"<attribute name="instancetypecode"/>"#);
    }
}

/// Returns the query for the exceptions of these series.
pub(super) fn exceptions_of(series: &[Uuid]) -> Query {
    let mut out = String::from(r#"><entity name="appointment">"#);
    push_sweep_columns(&mut out, Table::of(Kind::Appointment));
    out.push_str(r#"<attribute name="seriesid"/><filter type="and">"#);
    out.push_str(r#"<condition attribute="instancetypecode" operator="in">"#);
    out.push_str(r#"<value>3</value><value>4</value></condition>"#);
    out.push_str(r#"<condition attribute="seriesid" operator="in">"#);
    for id in series {
        let _ = write!(out, "<value>{id}</value>");
    }
    out.push_str("</condition></filter></entity></fetch>");
    Query::new(out)
}

/// Returns the query for the versions of these rows.
pub(super) fn versions_of(table: &Table, ids: &[Uuid]) -> Query {
    let mut out = format!(r#"><entity name="{}">"#, table.kind.table());
    push_sweep_columns(&mut out, table);
    let _ = write!(out, r#"<filter><condition attribute="{}" operator="in">"#, table.key);
    for id in ids {
        let _ = write!(out, "<value>{id}</value>");
    }
    out.push_str("</condition></filter></entity></fetch>");
    Query::new(out)
}

/// Returns the query for rows whose `matched` columns hold one of the values.
pub(super) fn rows_with(table: &str, columns: &[&str], matched: &[&str], values: &[&str]) -> Query {
    let mut out = format!(r#"><entity name="{table}">"#);
    for column in columns {
        let _ = write!(out, r#"<attribute name="{column}"/>"#);
    }
    out.push_str(r#"<filter type="or">"#);
    for column in matched {
        let _ = write!(out, r#"<condition attribute="{column}" operator="in">"#);
        for value in values {
            let _ = write!(out, "<value>{}</value>", escape(*value));
        }
        out.push_str("</condition>");
    }
    out.push_str("</filter></entity></fetch>");
    Query::new(out)
}

/// Returns the bare cookie of the annotation `fetchxmlpagingcookie` (protocols B8): an XML element
/// whose `pagingcookie` is URL-encoded twice.
pub(super) fn cookie(annotation: &str) -> Option<String> {
    let mut reader = Reader::from_str(annotation);
    let event = reader.read_event().ok()?;
    let (Event::Start(start) | Event::Empty(start)) = event else { return None };
    let raw = start.try_get_attribute("pagingcookie").ok()??;
    let once = decode(&quick_xml::escape::unescape(&raw.value).ok()?)?;
    decode(&once)
}

fn decode(text: &str) -> Option<String> {
    percent_encoding::percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests;
