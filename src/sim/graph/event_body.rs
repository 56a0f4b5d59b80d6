//! Writing the body of an event request into an event: checks, defaults, times, recurrence (A3).
//!
//! Works on a copy of the item, so that a refusal leaves nothing half-written. Absent: mails.

use jiff::Timestamp;
use jiff::civil::{self, Time};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::extended;
use super::mailbox::{Item, Series};
use super::refusal::{Refusal, invalid, property};
use super::schema::schema;
use super::series::Recurrence;
use super::times::{Times, date_of, day_number};
use super::zones;

/// Outlook's limit of attendees.
const MAX_ATTENDEES: usize = 500;
/// The time of a response that was never given.
pub(super) const NEVER: &str = "0001-01-01T00:00:00Z";

const READ_ONLY: [&str; 18] = [
    "id",
    "changeKey",
    "createdDateTime",
    "lastModifiedDateTime",
    "bodyPreview",
    "iCalUId",
    "isOrganizer",
    "isCancelled",
    "isDraft",
    "webLink",
    "hasAttachments",
    "organizer",
    "responseStatus",
    "seriesMasterId",
    "type",
    "cancelledOccurrences",
    "originalStart",
    "onlineMeeting",
];

/// Returns the fields of a new event before its body is written.
pub(super) fn defaults() -> Map<String, Value> {
    let Value::Object(fields) = json!({
        "subject": "", "body": { "contentType": "html", "content": "" },
        "importance": "normal", "sensitivity": "normal", "showAs": "busy", "categories": [],
        "isReminderOn": true, "reminderMinutesBeforeStart": 15, "allowNewTimeProposals": true,
        "responseRequested": true, "hideAttendees": false, "attendees": [],
        "location": empty_location(), "locations": [], "isOnlineMeeting": false,
        "onlineMeetingProvider": "unknown", "onlineMeetingUrl": null, "onlineMeeting": null,
        "isCancelled": false, "isOrganizer": true, "isDraft": false, "hasAttachments": false,
        "responseStatus": { "response": "organizer", "time": NEVER },
    }) else {
        return Map::new();
    };
    fields
}

fn empty_location() -> Value {
    json!({ "displayName": "", "locationType": "default", "uniqueIdType": "unknown",
        "address": {}, "coordinates": {} })
}

/// Writes a request body into an event. `create` tells a POST from a PATCH.
pub(super) fn write(
    item: &mut Item,
    mut body: Map<String, Value>,
    create: bool,
) -> Result<(), Refusal> {
    schema().check("event", &body, &["singleValueExtendedProperties"])?;
    if let Some(name) = READ_ONLY.iter().find(|name| body.contains_key(**name)) {
        return Err(invalid(format!("The property '{name}' is read-only.")));
    }
    let new = extended::take(&mut body)?;
    extended::merge(&mut item.extended, new);
    body.retain(|name, _| !name.contains("@odata."));
    write_transaction(item, &mut body, create)?;
    let zone_hints = (body.remove("originalStartTimeZone"), body.remove("originalEndTimeZone"));
    if !create && zone_hints != (None, None) {
        return Err(invalid("The original time zones are set by the service."));
    }
    let recurrence = body.remove("recurrence");
    let moved = write_times(item, &mut body, create)?;
    write_series(item, recurrence, moved)?;
    if let Some(attendees) = body.remove("attendees") {
        let merged = attendee_list(item, &attendees)?;
        item.fields.insert("attendees".into(), merged);
    }
    write_location(item, &mut body);
    write_rest(item, body)
}

fn write_transaction(
    item: &mut Item,
    body: &mut Map<String, Value>,
    create: bool,
) -> Result<(), Refusal> {
    let Some(value) = body.remove("transactionId") else { return Ok(()) };
    if !create {
        return Err(invalid("The property 'transactionId' cannot be changed."));
    }
    if !value.is_null() {
        item.fields.insert("transactionId".into(), value);
    }
    Ok(())
}

fn write_rest(item: &mut Item, body: Map<String, Value>) -> Result<(), Refusal> {
    let normal = defaults();
    for (name, value) in body {
        match name.as_str() {
            "body" if value.is_object() => {
                let kind = value["contentType"].as_str().unwrap_or("text");
                let content = value["content"].as_str().unwrap_or_default();
                let made = json!({ "contentType": kind, "content": content });
                item.fields.insert(name, made);
            }
            "reminderMinutesBeforeStart" if value.as_i64().is_some_and(|m| m < 0) => {
                return Err(property("The reminder lies after the start."));
            }
            "onlineMeetingProvider" => {
                let old = item.text(&name);
                if old != "unknown" && Some(old) != value.as_str() {
                    return Err(invalid("'onlineMeetingProvider' cannot be changed once set."));
                }
                item.fields.insert(name, value);
            }
            _ if value.is_null() => {
                let default = normal.get(&name).cloned().unwrap_or_default();
                item.fields.insert(name, default);
            }
            _ => {
                item.fields.insert(name, value);
            }
        }
    }
    Ok(())
}

// Writing `location` replaces `locations`, and the first of `locations` is the location.
fn write_location(item: &mut Item, body: &mut Map<String, Value>) {
    let locations = body.remove("locations");
    if let Some(location) = body.remove("location") {
        let full = full_location(&location);
        let named = full["displayName"] != "";
        item.fields.insert("locations".into(), if named { json!([full]) } else { json!([]) });
        item.fields.insert("location".into(), full);
    } else if let Some(Value::Array(list)) = locations {
        let list: Vec<Value> = list.iter().map(full_location).collect();
        let first = list.first().cloned().unwrap_or_else(empty_location);
        item.fields.insert("location".into(), first);
        item.fields.insert("locations".into(), Value::Array(list));
    }
}

fn full_location(given: &Value) -> Value {
    let mut full = empty_location();
    let Value::Object(given) = given else { return full };
    for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
        full[name] = value.clone();
    }
    let name = full["displayName"].as_str().unwrap_or_default().to_owned();
    if !name.is_empty() && full.get("uniqueId").is_none() {
        full["uniqueId"] = json!(name);
        full["uniqueIdType"] = json!("private");
    }
    full
}

fn attendee_list(item: &Item, given: &Value) -> Result<Value, Refusal> {
    let given = given.as_array().map(Vec::as_slice).unwrap_or_default();
    if given.len() > MAX_ATTENDEES {
        return Err(invalid("An event can have at most 500 attendees."));
    }
    let old = item.fields.get("attendees").and_then(Value::as_array);
    let mut made: Vec<Value> = Vec::new();
    for entry in given {
        let address = entry["emailAddress"]["address"].as_str().unwrap_or_default();
        if !address.contains('@') {
            return Err(property("An attendee needs a valid 'emailAddress/address'."));
        }
        let same = |other: &&Value| {
            let have = other["emailAddress"]["address"].as_str().unwrap_or_default();
            have.eq_ignore_ascii_case(address)
        };
        if made.iter().any(|other| same(&other)) {
            continue;
        }
        let known = old.and_then(|list| list.iter().find(same));
        let status = known.map_or_else(
            || json!({ "response": "none", "time": NEVER }),
            |known| known["status"].clone(),
        );
        let name = entry["emailAddress"]["name"].as_str().unwrap_or(address);
        made.push(json!({
            "type": entry["type"].as_str().unwrap_or("required"),
            "status": status,
            "emailAddress": { "name": name, "address": address },
        }));
    }
    Ok(Value::Array(made))
}

struct Side {
    local: jiff::civil::DateTime,
    zone: TimeZone,
    name: String,
}

fn side(value: &Value, name: &str) -> Result<Side, Refusal> {
    let text = value["dateTime"]
        .as_str()
        .ok_or_else(|| property(format!("'{name}' needs 'dateTime'.")))?;
    let zone_name = value["timeZone"].as_str().unwrap_or("UTC");
    let zone = zones::zone(zone_name)?;
    let local = zones::parse_local(text)?;
    Ok(Side { local, zone, name: zones::windows_name(zone_name).to_owned() })
}

// Tells whether the start was given.
fn write_times(
    item: &mut Item,
    body: &mut Map<String, Value>,
    create: bool,
) -> Result<bool, Refusal> {
    let all_day = body.remove("isAllDay").and_then(|value| value.as_bool());
    let (start, end) = (body.remove("start"), body.remove("end"));
    if start.as_ref().is_some_and(Value::is_null) || end.as_ref().is_some_and(Value::is_null) {
        return Err(property("'start' and 'end' must not be null."));
    }
    if create && (start.is_none() || end.is_none()) {
        return Err(property("An event needs 'start' and 'end'."));
    }
    let was = item.times.as_ref().is_some_and(|times| times.all_day);
    let all_day = all_day.unwrap_or(was);
    if !create && all_day == was && start.is_none() && end.is_none() {
        return Ok(false);
    }
    if all_day != was && (start.is_none() || end.is_none()) && !create {
        return Err(property("A change of 'isAllDay' needs 'start' and 'end'."));
    }
    let moved = start.is_some();
    let start = start.map(|value| side(&value, "start")).transpose()?;
    let end = end.map(|value| side(&value, "end")).transpose()?;
    let made = if all_day { whole_days(item, start, end)? } else { clock(item, start, end)? };
    if made.end < made.start {
        return Err(property("The end lies before the start."));
    }
    item.times = Some(made);
    Ok(moved)
}

fn clock(item: &Item, start: Option<Side>, end: Option<Side>) -> Result<Times, Refusal> {
    let old = item.times.as_ref();
    let kept = old.and_then(|old| old.clocks);
    let begin = start.as_ref().map(|it| it.local).or(kept.map(|(begin, _)| begin));
    let clocks = begin.zip(end.as_ref().map(|it| it.local).or(kept.map(|(_, end)| end)));
    let resolve = |side: Option<Side>, at: Option<(Timestamp, &String)>| match (side, at) {
        (Some(side), _) => Ok((zones::instant(side.local, &side.zone)?, side.name)),
        (None, Some((at, zone))) => Ok((at, zone.clone())),
        (None, None) => Err(property("An event needs 'start' and 'end'.")),
    };
    let (start, start_zone) = resolve(start, old.map(|old| (old.start, &old.start_zone)))?;
    let (end, end_zone) = resolve(end, old.map(|old| (old.end, &old.end_zone)))?;
    let clocks = clocks.filter(|_| start_zone == end_zone);
    Ok(Times { start, end, start_zone, end_zone, all_day: false, clocks })
}

fn whole_days(item: &Item, start: Option<Side>, end: Option<Side>) -> Result<Times, Refusal> {
    if let (Some(start), Some(end)) = (&start, &end)
        && start.name != end.name
    {
        return Err(property("Start and end of an all-day event must be in one time zone."));
    }
    let old = item.times.as_ref();
    let resolve = |side: Option<Side>, at: Option<(Timestamp, &String)>| match (side, at) {
        (Some(side), _) if side.local.time() != Time::midnight() => {
            Err(property("An all-day event starts and ends at midnight."))
        }
        (Some(side), _) => Ok((zones::instant(side.local, &TimeZone::UTC)?, side.name)),
        (None, Some((at, zone))) => Ok((at, zone.clone())),
        (None, None) => Err(property("An event needs 'start' and 'end'.")),
    };
    let (start, start_zone) = resolve(start, old.map(|old| (old.start, &old.start_zone)))?;
    let (end, end_zone) = resolve(end, old.map(|old| (old.end, &old.end_zone)))?;
    if end <= start {
        return Err(property("An all-day event lasts at least one day."));
    }
    Ok(Times { start, end, start_zone, end_zone, all_day: true, clocks: None })
}

fn write_series(item: &mut Item, given: Option<Value>, moved: bool) -> Result<(), Refusal> {
    let Some(times) = item.times.clone() else { return Ok(()) };
    let (rule, zone) = match (given, &item.series) {
        (Some(Value::Null), _) => {
            item.series = None;
            return Ok(());
        }
        (Some(value), _) => {
            let rule = Recurrence::read(&value)?;
            let zone = rule.zone.clone().filter(|zone| !zone.is_empty());
            let zone = zone.unwrap_or_else(|| times.start_zone.clone());
            zones::zone(&zone)?;
            if moved && rule.start != times.date(&zone)? {
                return Err(property("'startDate' must be the day of the event's start."));
            }
            (rule, zones::windows_name(&zone).to_owned())
        }
        (None, None) => return Ok(()),
        (None, Some(series)) if moved => {
            let rule = series.rule.starting(times.date(&series.zone)?);
            (rule, series.zone.clone())
        }
        // A changed end alone leaves the days where they are.
        (None, Some(series)) => (series.rule.clone(), series.zone.clone()),
    };
    let at = whole_minutes(&times.on(rule.first(), &zone)?);
    let same = item
        .series
        .as_ref()
        .filter(|old| old.rule == rule && old.zone == zone && item.times.as_ref() == Some(&at));
    if same.is_none() {
        let (cancelled, exceptions) = Default::default();
        item.series = Some(Series { rule, zone, cancelled, exceptions });
    }
    item.times = Some(at);
    Ok(())
}

// Series times are kept at whole minutes; seconds are cut off.
fn whole_minutes(times: &Times) -> Times {
    let cut = |at: Timestamp| {
        let seconds = at.as_second();
        Timestamp::from_second(seconds - seconds.rem_euclid(60)).unwrap_or(at)
    };
    let minute = |at: civil::DateTime| at.date().at(at.hour(), at.minute(), 0, 0);
    let clocks = times.clocks.map(|(begin, end)| (minute(begin), minute(end)));
    Times { start: cut(times.start), end: cut(times.end), clocks, ..times.clone() }
}

/// Refuses to move an occurrence onto or across the day of a neighbour.
pub(super) fn check_boundary(series: &Series, day: i32, to: i32) -> Result<(), Refusal> {
    let until = date_of(day.max(to).saturating_add(400));
    for date in series.rule.dates(until) {
        let other = day_number(date);
        if other == day || series.cancelled.contains(&other) {
            continue;
        }
        // A neighbour that was moved itself stands on its new day.
        let now = match series.exceptions.get(&other) {
            Some(exception) => day_number(exception.times.date(&series.zone)?),
            None => other,
        };
        if (other < day && to <= now) || (other > day && to >= now) {
            return Err(Refusal::new(
                400,
                "ErrorOccurrenceCrossingBoundary",
                "An occurrence can't be moved onto or across the day of another one.",
            ));
        }
    }
    Ok(())
}
