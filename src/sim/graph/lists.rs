//! Collections: filter, order, pages and the envelope around them.
//!
//! Absent: delta rounds, which have pages of their own.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::GraphSim;
use super::call::{Call, Options};
use super::ids::Kind;
use super::mailbox::Item;
use super::refusal::{Refusal, bad_query};
use super::render;
use super::zones;
use crate::sim::wire::Response;

/// The page of a list when nobody asks for a size.
const DEFAULT_PAGE: usize = 10;
/// The query options of an Outlook list.
pub(super) const LIST: &[&str] =
    &["$select", "$expand", "$filter", "$orderby", "$top", "$skip", "$count"];
/// The query options of a single item.
pub(super) const SINGLE: &[&str] = &["$select", "$expand"];

impl GraphSim {
    /// Answers a list of the items of one kind in one folder.
    pub(super) fn list(
        &self,
        mailbox: usize,
        kind: Kind,
        folder: u64,
        call: &Call,
        type_name: &str,
    ) -> Result<Response, Refusal> {
        let options = call.options(type_name, LIST)?;
        let room = &self.mailboxes[mailbox];
        let accepts = |item: &&Item| options.filter.as_ref().is_none_or(|f| f.accepts(*item));
        let hidden = |item: &&Item| kind == Kind::ContactFolder && item.key == room.contacts;
        let mut items: Vec<&Item> =
            room.of(kind, folder).filter(|item| !hidden(item)).filter(accepts).collect();
        render::sort(&mut items, &options.order);
        let rows = items.iter().map(|item| {
            let id = room.id(item, None, call.prefer.immutable);
            let row = render::row(room, item, &call.prefer, &options.expand);
            render::select(row, item, &id, &options)
        });
        Ok(self.page(call, &options, items.len(), rows))
    }

    /// Cuts one page out of rows that are made only when needed.
    pub(super) fn page(
        &self,
        call: &Call,
        options: &Options,
        total: usize,
        rows: impl Iterator<Item = Value>,
    ) -> Response {
        let size = options.top.or(call.prefer.page_size).unwrap_or(DEFAULT_PAGE);
        let size = size.min(self.largest_page);
        let value: Vec<Value> = rows.skip(options.skip).take(size).collect();
        let path = call.path.join("/");
        let context = format!("{}/v1.0/$metadata#{path}", self.base_url);
        let mut body = json!({ "@odata.context": context, "value": value });
        if options.count {
            body["@odata.count"] = json!(total);
        }
        let next = options.skip.saturating_add(size);
        if next < total {
            let rest = call.query.iter().filter(|(name, _)| name != "$skip");
            let mut query: Vec<String> =
                rest.map(|(name, value)| format!("{name}={}", encode(value))).collect();
            query.push(format!("$skip={next}"));
            body["@odata.nextLink"] = json!(self.link(call, &query.join("&")));
        }
        Response::json(200, &body)
    }

    /// Returns an absolute URL on the path of a call.
    pub(super) fn link(&self, call: &Call, query: &str) -> String {
        let path: Vec<String> = call.path.iter().map(|part| encode(part)).collect();
        format!("{}/v1.0/{}?{query}", self.base_url, path.join("/"))
    }

    /// Answers calendarView: single events and expanded occurrences, by start.
    pub(super) fn calendar_view(
        &self,
        mailbox: usize,
        calendar: u64,
        call: &Call,
    ) -> Result<Response, Refusal> {
        let room = &self.mailboxes[mailbox];
        let masters: Vec<&Item> = room.of(Kind::Event, calendar).collect();
        self.expanded(mailbox, &masters, call)
    }

    /// Answers the events of some items that overlap the window of the query.
    pub(super) fn expanded(
        &self,
        mailbox: usize,
        items: &[&Item],
        call: &Call,
    ) -> Result<Response, Refusal> {
        let mut call = call.clone();
        let (from, to) = window(&call)?;
        let query = call.query.clone();
        call.query.retain(|(name, _)| name.starts_with('$'));
        let options = call.options("event", LIST)?;
        call.query = query;
        let room = &self.mailboxes[mailbox];
        let mut found: Vec<(Option<i32>, Item)> = Vec::new();
        for item in items {
            if item.series.is_some() {
                let days = render::occurrences(item, from, to)?;
                found.extend(days.into_iter().map(|(day, one)| (Some(day), one)));
            } else if item.times.as_ref().is_some_and(|times| times.within(from, to)) {
                found.push((None, (*item).clone()));
            }
        }
        found.retain(|(_, item)| options.filter.as_ref().is_none_or(|f| f.accepts(item)));
        found.sort_by_key(|(_, item)| item.times.as_ref().map(|times| times.start));
        let rows = found.iter().map(|(day, item)| {
            let id = room.id(item, *day, call.prefer.immutable);
            let row = render::event(room, item, *day, &call.prefer, &options.expand);
            render::select(row, item, &id, &options)
        });
        Ok(self.page(&call, &options, found.len(), rows))
    }
}

/// Reads the window of a calendar view.
pub(super) fn window(call: &Call) -> Result<(Timestamp, Timestamp), Refusal> {
    let read = |name: &str| {
        let text = call
            .parameter(name)
            .ok_or_else(|| bad_query(format!("The parameter '{name}' is required.")))?;
        zones::parse_instant(text)
            .ok_or_else(|| bad_query(format!("The parameter '{name}' is not a date and time.")))
    };
    let (from, to) = (read("startDateTime")?, read("endDateTime")?);
    if to <= from {
        return Err(bad_query("'endDateTime' must lie after 'startDateTime'."));
    }
    Ok((from, to))
}

/// Percent-encodes a value for a URL.
pub(super) fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
