//! Stored items as Graph resources: zones, body format, `$select`, `$expand`, list options.
//!
//! Absent: paths and envelopes, which belong to the routes.

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::calendars::MAIN;
use super::call::{Expand, Options, Prefer};
use super::event_body::NEVER;
use super::extended;
use super::filter::Subject as _;
use super::html;
use super::ids::Kind;
use super::mailbox::{Exception, Item, Mailbox, stamp};
use super::refusal::{Refusal, not_found};
use super::times::{Times, date_of, day_number};
use super::zones;

/// The most occurrences one window may expand to.
const MAX_OCCURRENCES: usize = 5_000;

/// Returns one occurrence of a series as an item of its own.
pub(super) fn occurrence(master: &Item, day: i32) -> Result<Item, Refusal> {
    let (Some(series), Some(times)) = (&master.series, &master.times) else {
        return Err(not_found());
    };
    let date = date_of(day);
    if series.cancelled.contains(&day) || series.rule.dates(date).last() != Some(&date) {
        return Err(not_found());
    }
    Ok(occurrence_unchecked(master, series.exceptions.get(&day), times.on(date, &series.zone)?))
}

fn occurrence_unchecked(master: &Item, exception: Option<&Exception>, times: Times) -> Item {
    let mut made = Item { series: None, times: Some(times), ..master.clone() };
    if let Some(exception) = exception {
        for (name, value) in &exception.fields {
            made.fields.insert(name.clone(), value.clone());
        }
        made.times = Some(exception.times.clone());
        made.extended.clone_from(&exception.extended);
        made.version = exception.version;
    }
    made.fields.remove("transactionId");
    made
}

/// Returns the occurrences of a series that overlap a window, with their days.
pub(super) fn occurrences(
    master: &Item,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(i32, Item)>, Refusal> {
    let (Some(series), Some(times)) = (&master.series, &master.times) else {
        return Ok(Vec::new());
    };
    let until = zones::local(to, &TimeZone::UTC).date().saturating_add(jiff::Span::new().days(2));
    let begin = zones::local(from, &TimeZone::UTC).date();
    let length = times.end.duration_since(times.start).as_hours() / 24 + 2;
    let begin = begin.saturating_sub(jiff::Span::new().days(length.clamp(0, 4_000)));
    let mut found = Vec::new();
    for date in series.rule.dates(until) {
        let day = day_number(date);
        let exception = series.exceptions.get(&day);
        if series.cancelled.contains(&day) || (date < begin && exception.is_none()) {
            continue;
        }
        let item = occurrence_unchecked(master, exception, times.on(date, &series.zone)?);
        if item.times.as_ref().is_some_and(|times| times.within(from, to)) {
            found.push((day, item));
        }
        if found.len() >= MAX_OCCURRENCES {
            break;
        }
    }
    Ok(found)
}

fn zoned(at: Timestamp, all_day: bool, prefer: &Prefer) -> Value {
    let zone = if all_day { &TimeZone::UTC } else { &prefer.zone };
    let text = zones::format_local(zones::local(at, zone));
    json!({ "dateTime": text, "timeZone": prefer.zone_name })
}

/// Returns a body in the format asked for, as Outlook's resources carry it.
pub(super) fn body(stored: &Value, text: bool) -> Value {
    let content = stored["content"].as_str().unwrap_or_default();
    let is_html = stored["contentType"] == "html";
    let shown = match (is_html, text) {
        (true, true) => html::to_text(content),
        (false, false) if content.is_empty() => String::new(),
        (false, false) => html::page(&html::from_text(content)),
        (true, false) if content.is_empty() => String::new(),
        (true, false) => html::page(content),
        (false, true) => content.to_owned(),
    };
    json!({ "contentType": if text { "text" } else { "html" }, "content": shown })
}

fn preview(stored: &Value) -> String {
    let content = stored["content"].as_str().unwrap_or_default();
    let text = match stored["contentType"] == "html" {
        true => html::to_text(content),
        false => content.to_owned(),
    };
    text.chars().take(255).collect()
}

/// Returns an event, a master, an occurrence (`day`) or an exception in full.
pub(super) fn event(
    mailbox: &Mailbox,
    item: &Item,
    day: Option<i32>,
    prefer: &Prefer,
    expand: &Expand,
) -> Value {
    let mut row = item.fields.clone();
    let changed = day.filter(|day| {
        let master = mailbox.items.get(&item.key).and_then(|master| master.series.as_ref());
        master.is_some_and(|series| series.exceptions.contains_key(day))
    });
    let kind = match (day, changed, &item.series) {
        (Some(_), Some(_), _) => "exception",
        (Some(_), None, _) => "occurrence",
        (None, _, Some(_)) => "seriesMaster",
        (None, _, None) => "singleInstance",
    };
    let stored = row.get("body").cloned().unwrap_or_default();
    row.insert("bodyPreview".into(), json!(preview(&stored)));
    row.insert("body".into(), body(&stored, prefer.text_body));
    common(mailbox, item, day, prefer, &mut row);
    row.insert("type".into(), json!(kind));
    let master = day.map(|_| mailbox.id(item, None, prefer.immutable));
    row.insert("seriesMasterId".into(), json!(master));
    if let Some(times) = &item.times {
        row.insert("isAllDay".into(), json!(times.all_day));
        row.insert("start".into(), zoned(times.start, times.all_day, prefer));
        row.insert("end".into(), zoned(times.end, times.all_day, prefer));
        row.insert("originalStartTimeZone".into(), json!(times.start_zone));
        row.insert("originalEndTimeZone".into(), json!(times.end_zone));
    }
    let recurrence = item.series.as_ref().map(|series| series.rule.render(&series.zone));
    row.insert("recurrence".into(), json!(recurrence));
    if let Some(day) = day {
        let uid = format!("{}{:08x}", item.text("iCalUId"), day);
        row.insert("iCalUId".into(), json!(uid));
        if let Some(start) = original_start(mailbox, item, day) {
            row.insert("originalStart".into(), json!(start.to_string()));
        }
    }
    let link = format!("https://outlook.office365.com/owa/?itemid={}", row["id"]);
    row.insert("webLink".into(), json!(link.replace('"', "")));
    navigations(mailbox, item, prefer, expand, &mut row);
    Value::Object(row)
}

fn original_start(mailbox: &Mailbox, item: &Item, day: i32) -> Option<Timestamp> {
    let master = mailbox.items.get(&item.key)?;
    let series = master.series.as_ref()?;
    Some(master.times.as_ref()?.on(date_of(day), &series.zone).ok()?.start)
}

fn common(
    mailbox: &Mailbox,
    item: &Item,
    day: Option<i32>,
    prefer: &Prefer,
    row: &mut Map<String, Value>,
) {
    row.insert("id".into(), json!(mailbox.id(item, day, prefer.immutable)));
    row.insert("@odata.etag".into(), json!(mailbox.etag(item)));
    if matches!(item.kind, Kind::Event | Kind::Contact) {
        row.insert("changeKey".into(), json!(mailbox.change_key(item)));
    }
    row.insert("createdDateTime".into(), json!(stamp(item.created)));
    row.insert("lastModifiedDateTime".into(), json!(stamp(item.modified)));
}

fn navigations(
    mailbox: &Mailbox,
    item: &Item,
    prefer: &Prefer,
    expand: &Expand,
    row: &mut Map<String, Value>,
) {
    if let Some(found) = extended::render(&item.extended, &expand.extended) {
        row.insert("singleValueExtendedProperties".into(), found);
    }
    for name in &expand.others {
        let value = match name.as_str() {
            "linkedResources" => item.linked.iter().cloned().map(Value::Object).collect(),
            "calendar" => calendar(mailbox, item.folder),
            "exceptionOccurrences" => {
                let days = item.series.as_ref().map(|series| series.exceptions.keys());
                let rows = days.into_iter().flatten().filter_map(|day| {
                    let one = occurrence(item, *day).ok()?;
                    Some(event(mailbox, &one, Some(*day), prefer, &Expand::default()))
                });
                rows.collect()
            }
            _ => json!([]),
        };
        row.insert(name.clone(), value);
    }
}

/// Returns a calendar by its key or its folder.
pub(super) fn calendar(mailbox: &Mailbox, folder: u64) -> Value {
    let key = if folder == MAIN { mailbox.calendar } else { folder };
    let Some(item) = mailbox.items.get(&key) else { return Value::Null };
    let main = key == mailbox.calendar;
    json!({ "id": mailbox.id(item, None, false), "name": item.text("displayName"),
        "color": "auto", "changeKey": mailbox.change_key(item), "isDefaultCalendar": main,
        "canEdit": true, "canShare": main, "canViewPrivateItems": true, "isRemovable": !main,
        "hexColor": "",
        "isTallyingResponses": true, "defaultOnlineMeetingProvider": "unknown",
        "allowedOnlineMeetingProviders": [],
        "owner": { "name": mailbox.person.full_name(), "address": mailbox.person.address } })
}

/// Returns a slim row, all that calendarView/delta says about an occurrence.
pub(super) fn slim(mailbox: &Mailbox, item: &Item, day: i32, prefer: &Prefer) -> Value {
    let full = event(mailbox, item, Some(day), prefer, &Expand::default());
    let mut row = json!({ "@odata.type": "#microsoft.graph.event" });
    for name in ["@odata.etag", "id", "seriesMasterId", "type", "start", "end"] {
        row[name] = full[name].clone();
    }
    row
}

/// Returns a contact.
pub(super) fn contact(mailbox: &Mailbox, item: &Item, prefer: &Prefer, expand: &Expand) -> Value {
    let mut row = item.fields.clone();
    common(mailbox, item, None, prefer, &mut row);
    if let Some(folder) = mailbox.items.get(&item.folder) {
        row.insert("parentFolderId".into(), json!(mailbox.id(folder, None, false)));
    }
    let emails = row.get("emailAddresses").cloned().unwrap_or_default();
    let slots = ["primaryEmailAddress", "secondaryEmailAddress", "tertiaryEmailAddress"];
    for (number, slot) in slots.into_iter().enumerate() {
        row.insert(slot.into(), emails.get(number).cloned().unwrap_or_default());
    }
    navigations(mailbox, item, prefer, expand, &mut row);
    Value::Object(row)
}

/// Returns a task.
pub(super) fn task(mailbox: &Mailbox, item: &Item, prefer: &Prefer, expand: &Expand) -> Value {
    let mut row = item.fields.clone();
    common(mailbox, item, None, prefer, &mut row);
    navigations(mailbox, item, prefer, expand, &mut row);
    row.retain(|_, value| !value.is_null());
    Value::Object(row)
}

/// Returns a contact folder or a task list.
pub(super) fn folder(mailbox: &Mailbox, item: &Item) -> Value {
    let id = mailbox.id(item, None, false);
    if item.kind == Kind::TaskList {
        return json!({ "@odata.etag": mailbox.etag(item), "id": id, "isOwner": true,
            "displayName": item.text("displayName"), "isShared": false,
            "wellknownListName": item.text("wellknownListName") });
    }
    let parent = mailbox.items.get(&mailbox.contacts).filter(|root| root.key != item.key);
    json!({ "id": id, "displayName": item.text("displayName"),
        "parentFolderId": parent.map(|root| mailbox.id(root, None, false)) })
}

/// Returns any item that has a row of its own.
pub(super) fn row(mailbox: &Mailbox, item: &Item, prefer: &Prefer, expand: &Expand) -> Value {
    match item.kind {
        Kind::Event => event(mailbox, item, None, prefer, expand),
        Kind::Contact => contact(mailbox, item, prefer, expand),
        Kind::Task => task(mailbox, item, prefer, expand),
        Kind::ContactFolder | Kind::TaskList => folder(mailbox, item),
        Kind::Category | Kind::Calendar | Kind::Linked | Kind::Attachment => {
            Value::Object(item.fields.clone())
        }
    }
}

/// Returns the names of the cancelled occurrences of a master.
pub(super) fn cancelled(item: &Item, id: &str) -> Value {
    let days = item.series.as_ref().map(|series| series.cancelled.iter());
    days.into_iter().flatten().map(|day| format!("OID.{id}.{}", date_of(*day))).collect()
}

/// Cuts a row down to the selected properties; id and etag always come, navigations stay.
pub(super) fn select(mut row: Value, item: &Item, id: &str, options: &Options) -> Value {
    let Some(names) = &options.select else { return row };
    if names.iter().any(|name| name == "cancelledOccurrences") {
        row["cancelledOccurrences"] = cancelled(item, id);
    }
    let keep = |name: &str| {
        name == "id"
            || name.starts_with("@odata.")
            || name == "singleValueExtendedProperties"
            || names.iter().chain(&options.expand.others).any(|wanted| wanted == name)
    };
    if let Value::Object(map) = &mut row {
        map.retain(|name, _| keep(name));
    }
    row
}

/// Sorts items as `$orderby` asks; equal ones keep their order.
pub(super) fn sort(items: &mut [&Item], order: &[(String, bool)]) {
    items.sort_by(|left, right| {
        for (path, down) in order {
            let ordering = text_of(left, path).cmp(&text_of(right, path));
            let ordering = if *down { ordering.reverse() } else { ordering };
            if ordering != Ordering::Equal {
                return ordering;
            }
        }
        Ordering::Equal
    });
}

fn text_of(item: &Item, path: &str) -> String {
    let value = item.value(path);
    value.as_str().map_or_else(|| value.to_string(), str::to_lowercase)
}

/// The response status of a copy nobody has answered.
pub(super) fn not_responded() -> Value {
    json!({ "response": "notResponded", "time": NEVER })
}
