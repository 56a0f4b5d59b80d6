//! Series: pattern and range in words, then occurrence by occurrence what both sides show
//! (rules.md §1.7 and §2.3, protocols A3 and B11), written for the judge alone.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::Sheet;
use crate::sim::compare::pairing::Judge;
use crate::sim::compare::views::{Item, Row};

const DAYS: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const NTH: [&str; 5] = ["first", "second", "third", "fourth", "last"];

/// Compares when a series takes place; nothing for a single appointment on both sides.
pub(super) fn differences(judge: &Judge<'_>, row: &Row, sheet: &mut Sheet) {
    let item = judge.item;
    match (row.is_series(), item.recurring) {
        (false, false) => {}
        (true, true) => {
            sheet.equal("pattern", pattern_of_row(row), pattern_of_item(&item.value["recurrence"]));
            sheet.equal("range", range_of_row(row), range_of_item(&item.value["recurrence"]));
            occurrences(judge, row, sheet);
        }
        (row, item) => sheet.equal("series", row.to_string(), item.to_string()),
    }
}

fn pattern_of_row(row: &Row) -> String {
    let number = |name: &str| row.number(name).unwrap_or_default();
    let every = format!("every {}", number("interval"));
    let weekdays = row.value["isweekdaypattern"] == true;
    let mask = if weekdays { 0b011_1110 } else { number("daysofweekmask") };
    let named = (0..7).filter(|bit| mask & (1 << bit) != 0).map(|bit| DAYS[bit]);
    let days = named.collect::<Vec<_>>().join(" ");
    let nth = usize::try_from(number("instance") - 1).ok().and_then(|at| NTH.get(at)).copied();
    let nth = nth.unwrap_or("?");
    let (day, month) = (number("dayofmonth"), number("monthofyear"));
    match number("recurrencepatterntype") {
        0 => format!("daily {every}"),
        1 => format!("weekly {every} on {days}"),
        2 if row.value["isnthmonthly"] == true => format!("monthly {every} on the {nth} {days}"),
        2 => format!("monthly {every} on day {day}"),
        3 if row.value["isnthyearly"] == true => {
            format!("yearly {every} on the {nth} {days} of {month}")
        }
        3 => format!("yearly {every} on day {day} of {month}"),
        other => format!("unknown {other}"),
    }
}

fn pattern_of_item(recurrence: &Value) -> String {
    let pattern = &recurrence["pattern"];
    let every = format!("every {}", pattern["interval"]);
    let listed = pattern["daysOfWeek"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = DAYS.into_iter().filter(|name| listed.iter().any(|one| one == name));
    let days = named.collect::<Vec<_>>().join(" ");
    let nth = pattern["index"].as_str().unwrap_or("?");
    let (day, month) = (&pattern["dayOfMonth"], &pattern["month"]);
    match pattern["type"].as_str().unwrap_or_default() {
        "daily" => format!("daily {every}"),
        "weekly" => format!("weekly {every} on {days}"),
        "relativeMonthly" => format!("monthly {every} on the {nth} {days}"),
        "absoluteMonthly" => format!("monthly {every} on day {day}"),
        "relativeYearly" => format!("yearly {every} on the {nth} {days} of {month}"),
        "absoluteYearly" => format!("yearly {every} on day {day} of {month}"),
        other => format!("unknown {other}"),
    }
}

// An end date may be said as any day up to the next occurrence: the occurrences prove it.
fn range_of_row(row: &Row) -> String {
    match row.number("patternendtype") {
        Some(1) => "without end".to_owned(),
        Some(2) => format!("{} times", row.number("occurrences").unwrap_or_default()),
        Some(3) => "until a day".to_owned(),
        _ => "unknown".to_owned(),
    }
}

fn range_of_item(recurrence: &Value) -> String {
    let range = &recurrence["range"];
    match range["type"].as_str() {
        Some("noEnd") => "without end".to_owned(),
        Some("numbered") => format!("{} times", range["numberOfOccurrences"]),
        Some("endDate") => "until a day".to_owned(),
        _ => "unknown".to_owned(),
    }
}

/// Compares the occurrences from now on, as far as Dynamics has made rows (REC-05).
fn occurrences(judge: &Judge<'_>, row: &Row, sheet: &mut Sheet) {
    let all_day = row.value["isalldayevent"] == true;
    let world = judge.world;
    let organizer = row.organizer().and_then(|id| world.people.get(&id).copied());
    let who = organizer.unwrap_or(judge.mailbox.person);
    let zone = TimeZone::get(&who.time_zone).unwrap_or(TimeZone::UTC);
    let day = |at: jiff::Timestamp| at.to_zoned(zone.clone()).date().to_string();
    let say = |at: jiff::Timestamp| if all_day { day(at) } else { at.to_string() };
    let rows = world.parts.get(&row.id).map(Vec::as_slice).unwrap_or_default();
    let mut left = BTreeMap::new();
    for part in rows.iter().map(|at| &world.rows[*at]) {
        let (Some(original), Some(start), Some(end)) = (
            part.instant("originalstartdate"),
            part.instant("scheduledstart"),
            part.instant("scheduledend"),
        ) else {
            sheet.add("occurrence", part.id.to_string(), "");
            continue;
        };
        if end > world.now && original > world.now {
            let place = part.text("location");
            let text = format!("{} {} {} {place}", say(start), say(end), part.text("subject"));
            left.insert(say(original), text);
        }
    }
    let complete = row.number("expansionstatecode") == Some(2);
    let bound = row.instant("lastexpandedinstancedate").map(say).filter(|_| !complete);
    let shown = judge.mailbox.shown.get(&judge.item.id).map(Vec::as_slice).unwrap_or_default();
    let mut right = BTreeMap::new();
    for one in shown {
        let Some((original, text)) = occurrence(one, all_day) else { continue };
        let after_now = original > say(world.now);
        if after_now && bound.as_ref().is_none_or(|bound| original <= *bound) {
            right.insert(original, text);
        }
    }
    let different = left.iter().find(|(key, text)| right.get(*key) != Some(*text));
    let missing = right.iter().find(|(key, _)| !left.contains_key(*key));
    if let Some((key, text)) = different {
        sheet.add("occurrence", text, right.get(key).cloned().unwrap_or_default());
    } else if let Some((_, text)) = missing {
        sheet.add("occurrence", "", text);
    }
}

/// Returns by what an occurrence is known, and what it shows.
fn occurrence(one: &Item, all_day: bool) -> Option<(String, String)> {
    let say = |name: &str| {
        let at = if all_day {
            one.wall(name)?.date().to_string()
        } else {
            one.instant(name)?.to_string()
        };
        Some(at)
    };
    let (start, end) = (say("start")?, say("end")?);
    let original = if all_day { start.clone() } else { one.text("originalStart").to_owned() };
    let place = one.value["location"]["displayName"].as_str().unwrap_or_default();
    Some((original, format!("{start} {end} {} {place}", one.text("subject"))))
}
