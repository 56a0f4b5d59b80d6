//! Service activities against their copies (SVC-01 to SVC-06).

use super::{Judge, Row, Sheet, body_of, importance, times, words};

/// Finds in what a copy differs from its row.
pub(super) fn differences(judge: &Judge<'_>, row: &Row, sheet: &mut Sheet) {
    let item = judge.item;
    sheet.line("subject", row.text("subject"), item.text("subject"), 200);
    times(judge, row, sheet);
    let place = item.value["location"]["displayName"].as_str().unwrap_or_default();
    sheet.line("location", row.text("location"), place, 500);
    sheet.equal("importance", importance(row), item.text("importance"));
    body(row, &body_of(item), sheet);
    let shown = match row.number("statuscode") {
        Some(1 | 2) => "tentative",
        Some(3 | 4 | 6 | 7) => "busy",
        _ => "free",
    };
    sheet.equal("status", shown, item.text("showAs"));
    if item.value["attendees"].as_array().is_some_and(|list| !list.is_empty()) {
        sheet.add("attendees", "", "a copy of a service activity invites people (SVC-02)");
    }
    // ORG-08.
    let organizer = item.value["organizer"]["emailAddress"]["address"].as_str().unwrap_or_default();
    sheet.equal("organizer", judge.mailbox.person.address.as_str(), organizer.to_lowercase());
}

// The notes come first, the names of whoever takes part follow (SVC-06).
fn body(row: &Row, body: &str, sheet: &mut Sheet) {
    let (notes, body) = (words(row.text("description")), words(body));
    if !body.starts_with(&notes) {
        sheet.add("body", notes, body);
        return;
    }
    for (_, address, id) in row.parties(&[5, 6, 10, 11]) {
        let named = id.is_some() || body.contains(&address);
        if !named {
            sheet.add("names", address, body.clone());
        }
    }
}
