//! The field tables of the catalogue (§2), written for the judge alone.

mod series;
mod service;

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Kind;
use super::pairing::Judge;
use super::text::{lines, of_html, same, words};
use super::views::{Item, Row};

/// A field in which a pair differs.
pub(super) struct Difference {
    pub(super) field: &'static str,
    pub(super) row: String,
    pub(super) item: String,
}

/// Returns all differences of a pair.
pub(super) fn differences(judge: &Judge<'_>, row: &Row) -> Vec<Difference> {
    let mut sheet = Sheet { found: Vec::new() };
    match row.kind {
        Kind::Contact => contact(judge, row, &mut sheet),
        Kind::Task => task(judge, row, &mut sheet),
        Kind::Appointment if row.is_service() => service::differences(judge, row, &mut sheet),
        Kind::Appointment => {
            appointment(judge, row, &mut sheet);
            series::differences(judge, row, &mut sheet);
        }
    }
    sheet.found
}

struct Sheet {
    found: Vec<Difference>,
}

impl Sheet {
    fn add(&mut self, field: &'static str, row: impl Into<String>, item: impl Into<String>) {
        self.found.push(Difference { field, row: row.into(), item: item.into() });
    }

    fn equal(&mut self, field: &'static str, row: impl Into<String>, item: impl Into<String>) {
        let (row, item) = (row.into(), item.into());
        if row != item {
            self.add(field, row, item);
        }
    }

    fn line(&mut self, field: &'static str, row: &str, item: &str, limit: usize) {
        let (row, item) = (lines(row), lines(item));
        if !same(&row, &item, limit) {
            self.add(field, row, item);
        }
    }

    // HTML has no line ends of its own, so bodies are compared by their words.
    fn body(&mut self, row: &str, item: &str, limit: usize) {
        let (row, item) = (words(row), words(item));
        if !same(&row, &item, limit) {
            self.add("body", row, item);
        }
    }
}

fn importance(row: &Row) -> &'static str {
    match row.number("prioritycode") {
        Some(0) => "low",
        Some(2) => "high",
        _ => "normal",
    }
}

fn body_of(item: &Item) -> String {
    let content = item.value["body"]["content"].as_str().unwrap_or_default();
    match item.value["body"]["contentType"].as_str() {
        Some("html") => of_html(content),
        _ => content.to_owned(),
    }
}

fn appointment(judge: &Judge<'_>, row: &Row, sheet: &mut Sheet) {
    let item = judge.item;
    let me = judge.mailbox.person;
    let subject = item.text("subject");
    let cancelled = item.value["isCancelled"] == true;
    let subject = if cancelled { subject.trim_start_matches("Canceled: ") } else { subject };
    sheet.line("subject", row.text("subject"), subject, 200);
    times(judge, row, sheet);
    let place = item.value["location"]["displayName"].as_str().unwrap_or_default();
    sheet.line("location", row.text("location"), place, 200);
    // The rest of a copy is the organizer's or the attendee's own.
    if !item.own {
        return;
    }
    sheet.body(row.text("description"), &body_of(item), 1_048_576);
    sheet.equal("importance", importance(row), item.text("importance"));
    show_as(row, item, sheet);
    match row.organizer() {
        Some(organizer) if organizer == me.user_id => attendees(judge, row, sheet),
        Some(organizer) => {
            let who = judge.world.people.get(&organizer).map(|who| who.address.as_str());
            let served = who.is_some_and(|address| judge.world.served.contains(address));
            // Only the copy that the invitation brought is right (APPT-OUT-14).
            if served {
                sheet.add("organizer", who.unwrap_or_default(), me.address.as_str());
            } else if !item.value["attendees"].as_array().is_none_or(Vec::is_empty) {
                sheet.add("attendees", "", "a private copy invites people (APPT-OUT-08)");
            }
        }
        None => sheet.add("organizer", "", me.address.as_str()),
    }
}

fn times(judge: &Judge<'_>, row: &Row, sheet: &mut Sheet) {
    let item = judge.item;
    let all_day = row.value["isalldayevent"] == true;
    sheet.equal("all-day", all_day.to_string(), (item.value["isAllDay"] == true).to_string());
    for (field, column, name) in
        [("start", "scheduledstart", "start"), ("end", "scheduledend", "end")]
    {
        if all_day {
            let organizer = row.organizer().and_then(|id| judge.world.people.get(&id).copied());
            let who = organizer.unwrap_or(judge.mailbox.person);
            let zone = TimeZone::get(&who.time_zone).unwrap_or(TimeZone::UTC);
            let left = row.instant(column).map(|at| at.to_zoned(zone).date().to_string());
            let right = item.wall(name).map(|at| at.date().to_string());
            sheet.equal(field, left.unwrap_or_default(), right.unwrap_or_default());
        } else {
            let show =
                |at: Option<jiff::Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
            sheet.equal(field, show(row.instant(column)), show(item.instant(name)));
        }
    }
}

fn show_as(row: &Row, item: &Item, sheet: &mut Sheet) {
    let expected = match row.number("statuscode") {
        Some(1 | 3 | 4) => "free",
        Some(2) => "tentative",
        Some(5) => "busy",
        Some(6) => "oof",
        _ => return,
    };
    let shown = item.text("showAs");
    // Working elsewhere is Free in Dynamics and stays as it is (APPT-IN-04).
    let elsewhere = shown == "workingElsewhere" && expected == "free";
    if shown != expected && !elsewhere && shown != "unknown" {
        sheet.add("status", expected, shown);
    }
}

fn attendees(judge: &Judge<'_>, row: &Row, sheet: &mut Sheet) {
    let me = &judge.mailbox.person.address;
    let kind = |mask: i64| if mask == 6 { "optional" } else { "required" };
    let left: BTreeSet<String> = row
        .parties(&[5, 6])
        .into_iter()
        .filter(|(_, address, _)| !address.is_empty() && address != me)
        .map(|(mask, address, _)| format!("{address} {}", kind(mask)))
        .collect();
    // Who is required and optional at once is required: Exchange knows each guest once.
    let required = left.clone();
    let twice = |one: &String| {
        let who = one.strip_suffix(" optional");
        who.is_some_and(|who| required.contains(&format!("{who} required")))
    };
    let left: BTreeSet<String> = left.into_iter().filter(|one| !twice(one)).collect();
    let list = judge.item.value["attendees"].as_array().map(Vec::as_slice).unwrap_or_default();
    let right: BTreeSet<String> = list
        .iter()
        .filter(|one| one["type"] != "resource")
        .filter_map(|one| {
            let address = one["emailAddress"]["address"].as_str()?.to_lowercase();
            (address != *me).then(|| format!("{address} {}", one["type"].as_str().unwrap_or("?")))
        })
        .collect();
    // A past meeting is written without attendees (APPT-OUT-06), and nobody invites to a
    // closed one after the fact.
    let past = row.instant("scheduledstart").is_some_and(|start| start < judge.world.now);
    let closed = matches!(row.number("statecode"), Some(1 | 2));
    if left != right && !(right.is_empty() && (past || closed)) {
        let join = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(", ");
        sheet.add("attendees", join(left), join(right));
    }
}

fn task(judge: &Judge<'_>, row: &Row, sheet: &mut Sheet) {
    let item = judge.item;
    sheet.line("subject", row.text("subject"), item.text("title"), 200);
    sheet.body(row.text("description"), &body_of(item), 2_000);
    sheet.equal("importance", importance(row), item.text("importance"));
    // Exchange has days; they are those of the mailbox's user.
    let zone = TimeZone::get(&judge.mailbox.person.time_zone).unwrap_or(TimeZone::UTC);
    let day = |column: &str| {
        let at = row.instant(column);
        at.map(|at| at.to_zoned(zone.clone()).date().to_string()).unwrap_or_default()
    };
    let shown = |name: &str| item.wall(name).map(|at| at.date().to_string()).unwrap_or_default();
    sheet.equal("due", day("scheduledend"), shown("dueDateTime"));
    sheet.equal("start", day("scheduledstart"), shown("startDateTime"));
    let status = item.text("status");
    let expected = expected_status(row, judge.world.now);
    if !expected.contains(&status) {
        sheet.add("status", expected.join(" or "), status);
    }
    // The actual end of a task is a date, that of the others an instant.
    let ended = match row.table {
        "task" | "tasks" => row.text("actualend").get(..10).unwrap_or_default().to_owned(),
        _ => day("actualend"),
    };
    let completed = shown("completedDateTime");
    if status == "completed" && !ended.is_empty() && !completed.is_empty() {
        sheet.equal("completed on", ended, completed);
    }
}

// TASK-OUT-05 to 07 and 10; a reason of an open row may also show as itself (TASK-IN-06).
fn expected_status(row: &Row, now: Timestamp) -> Vec<&'static str> {
    if row.number("statecode") != Some(0) {
        return vec!["completed"];
    }
    if row.instant("actualend").is_some_and(|ended| ended <= now) {
        return vec!["completed"];
    }
    let mut fit = match row.number("percentcomplete") {
        Some(100) => vec!["completed"],
        Some(1..100) => vec!["inProgress"],
        _ => vec!["notStarted"],
    };
    if row.table == "task" {
        match row.number("statuscode") {
            Some(3) => fit.push("inProgress"),
            Some(4) => fit.push("waitingOnOthers"),
            Some(7) => fit.push("deferred"),
            _ => {}
        }
    }
    fit
}

/// Columns of a contact that are one text in Graph: column, property, length.
const PLAIN: [(&str, &str, usize); 16] = [
    ("firstname", "givenName", 50),
    ("middlename", "middleName", 50),
    ("lastname", "surname", 50),
    ("suffix", "generation", 10),
    ("salutation", "title", 100),
    ("nickname", "nickName", 100),
    ("jobtitle", "jobTitle", 100),
    ("department", "department", 100),
    ("mobilephone", "mobilePhone", 50),
    ("assistantname", "assistantName", 100),
    ("managername", "manager", 100),
    ("spousesname", "spouseName", 100),
    ("websiteurl", "businessHomePage", 200),
    ("yomifirstname", "yomiGivenName", 150),
    ("yomilastname", "yomiSurname", 150),
    ("description", "personalNotes", 2_000),
];

/// Columns that only MAPI properties hold: column, property tag.
const MAPI: [(&str, u32); 8] = [
    ("telephone3", 0x3A1F),
    ("pager", 0x3A21),
    ("fax", 0x3A24),
    ("callback", 0x3A02),
    ("company", 0x3A57),
    ("assistantphone", 0x3A2E),
    ("ftpsiteurl", 0x3A4C),
    ("governmentid", 0x3A07),
];

fn contact(judge: &Judge<'_>, row: &Row, sheet: &mut Sheet) {
    let item = judge.item;
    for (column, name, limit) in PLAIN {
        sheet.line(column, row.text(column), item.text(name), limit);
    }
    for (column, tag) in MAPI {
        sheet.line(column, row.text(column), &mapi(item, tag), 200);
    }
    let lists = [
        ("telephone1", "businessPhones", 0),
        ("business2", "businessPhones", 1),
        ("telephone2", "homePhones", 0),
        ("home2", "homePhones", 1),
    ];
    for (column, name, at) in lists {
        sheet.line(column, row.text(column), item.value[name][at].as_str().unwrap_or_default(), 50);
    }
    for (at, column) in ["emailaddress1", "emailaddress2", "emailaddress3"].into_iter().enumerate()
    {
        let address = item.value["emailAddresses"][at]["address"].as_str().unwrap_or_default();
        sheet.line(column, &row.text(column).to_lowercase(), &address.to_lowercase(), 100);
    }
    let split = |text: &str| {
        let parts = text.split([',', ';']).map(str::trim).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(", ")
    };
    let children = item.value["children"].as_array().map(Vec::as_slice).unwrap_or_default();
    let children: Vec<&str> = children.iter().filter_map(|child| child.as_str()).collect();
    let children = split(&children.join(","));
    sheet.line("childrensnames", &split(row.text("childrensnames")), &children, 255);
    sheet.equal("birthdate", date(row.text("birthdate")), date(item.text("birthday")));
    sheet.equal("anniversary", date(row.text("anniversary")), date(&mapi(item, 0x3A41)));
    if let Ok(parent) = row.text("_parentcustomerid_value").parse()
        && let Some(name) = judge.world.accounts.get(&parent)
    {
        sheet.line("parentcustomerid", name, item.text("companyName"), 160);
    }
    let addresses = [
        ("address1", "businessAddress"),
        ("address2", "homeAddress"),
        ("address3", "otherAddress"),
    ];
    let count = if judge.world.options.three_addresses { 3 } else { 1 };
    for (field, name) in addresses.into_iter().take(count) {
        address(field, name, row, item, sheet);
    }
}

fn address(field: &'static str, name: &str, row: &Row, item: &Item, sheet: &mut Sheet) {
    let column = |part: &str| row.text(&format!("{field}_{part}")).trim();
    let street: Vec<&str> = ["line1", "line2", "line3"]
        .into_iter()
        .map(column)
        .filter(|line| !line.is_empty())
        .collect();
    let part = |part: &str| item.value[name][part].as_str().unwrap_or_default();
    let left = [
        street.join("\n"),
        column("city").to_owned(),
        column("stateorprovince").to_owned(),
        column("postalcode").to_owned(),
        column("country").to_owned(),
    ];
    let right = [
        lines(part("street")),
        part("city").to_owned(),
        part("state").to_owned(),
        part("postalCode").to_owned(),
        part("countryOrRegion").to_owned(),
    ];
    sheet.equal(field, left.join(" | "), right.join(" | "));
}

fn mapi(item: &Item, tag: u32) -> String {
    let list = item.value["singleValueExtendedProperties"].as_array();
    let found = list.into_iter().flatten().find(|entry| {
        let id = entry["id"].as_str().unwrap_or_default().to_lowercase();
        let number = id.split_once(" 0x").and_then(|(_, hex)| u32::from_str_radix(hex, 16).ok());
        // With or without the property type in the low word.
        number.is_some_and(|number| number == tag || number >> 16 == tag)
    });
    found.and_then(|entry| entry["value"].as_str()).unwrap_or_default().to_owned()
}

fn date(text: &str) -> String {
    let day: Option<Date> = text.get(..10).and_then(|day| day.parse().ok());
    // Years that stand for "none" in Outlook are no dates.
    day.filter(|day| day.year() > 1601 && day.year() < 4500)
        .map(|d| d.to_string())
        .unwrap_or_default()
}
