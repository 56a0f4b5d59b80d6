//! Plans for people: what each write changes, field by field, and whom it mails.

use serde_json::Value as Json;

use super::table::table;
use crate::app::operate::document::{CategoryView, MailboxPlan, PlanDoc};
use crate::engine::preview::{FieldView, FileView, ItemView, StepView};

/// Characters of a value that are shown; the whole value stands in the JSON form.
const VALUE_CHARS: usize = 72;

/// Prints the items of all mailboxes and the sums.
pub(super) fn plan(doc: &PlanDoc) {
    for one in &doc.mailboxes {
        mailbox(one);
    }
    totals(doc);
}

fn mailbox(one: &MailboxPlan) {
    let quiet = one.items.is_empty() && one.skipped.is_empty() && one.category.is_none();
    if quiet && one.failed.is_none() {
        return;
    }
    say!("{} ({})", one.address, one.mailbox);
    if let Some(reason) = &one.failed {
        say!("  could not be planned: {reason}");
    }
    if let Some(brake) = &one.brake {
        say!(
            "  would halt: {} in {} ({} wanted, {} allowed)",
            brake.code,
            brake.side,
            brake.wanted,
            brake.allowed
        );
    }
    if let Some(CategoryView { op, entry, rule }) = &one.category {
        say!("  {op} category {entry:?} in the list of categories  {rule}");
    }
    for view in &one.items {
        item(view);
    }
    for text in &one.skipped {
        say!("  left: {text}");
    }
    say!();
}

fn item(view: &ItemView) {
    say!("  {}", head(view));
    for one in &view.steps {
        step(view, one);
    }
    for FileView { side, op, name, size, .. } in &view.files {
        say!("    {op} file in {side}: {name:?}, {size} bytes");
    }
}

/// Returns what was decided for an item, with its rules and all its codes.
fn head(view: &ItemView) -> String {
    let codes: Vec<&str> = view.code.iter().chain(&view.notes).map(String::as_str).collect();
    let codes = if codes.is_empty() { String::new() } else { format!("  [{}]", codes.join(" ")) };
    format!("{} {} {}  {}{codes}", view.verb, view.kind, view.link, view.rules.join(" "))
}

fn step(view: &ItemView, step: &StepView) {
    let id = if step.side == "dynamics" { &view.dynamics } else { &view.exchange };
    let new = step.op.starts_with("create");
    let id = id.as_deref().filter(|_| !new).unwrap_or("(new)");
    let version = step.expected.as_ref().map(|it| format!(" at {it}")).unwrap_or_default();
    let marks = if step.marks && step.op == "update" { ", puts the marker on it" } else { "" };
    let mails = match step.mails {
        0 => String::new(),
        count if step.to.is_empty() => {
            format!(", MAILS {count} people of whom no address is known")
        }
        _ => format!(", MAILS {}", step.to.join(", ")),
    };
    say!("    {} in {}: {id}{version}{marks}{mails}", step.op, step.side);
    for one in step.fields.iter().filter(|one| one.before != one.after) {
        match occurrences(one) {
            Some(lines) => lines.iter().for_each(|line| say!("      {line}")),
            None => field(one, new),
        }
    }
}

/// Returns the occurrences that a step writes, a line for each of their fields; nothing of a field that
/// holds none.
fn occurrences(one: &FieldView) -> Option<Vec<String>> {
    let list = |value: &Option<Json>| value.as_ref().and_then(Json::as_array).cloned();
    let days = |list: &[Json]| list.iter().any(|one| one["day"].is_string());
    let after = list(&one.after).filter(|list| days(list))?;
    let before = list(&one.before).unwrap_or_default();
    let mut lines = Vec::new();
    for written in &after {
        let day = written["day"].as_str().unwrap_or_default();
        let old = before.iter().find(|one| one["day"] == written["day"]);
        if written["deleted"] == true {
            lines.push(format!("occurrence {day}: deleted"));
        }
        for (name, new) in written["changed"].as_object().into_iter().flatten() {
            let old = old.and_then(|old| old["changed"].get(name));
            let old = old.map_or_else(|| "(as the series)".to_owned(), shown);
            lines.push(format!("occurrence {day}: {name} {old} -> {}", shown(new)));
        }
    }
    Some(lines)
}

fn field(one: &FieldView, new: bool) {
    let text = |value: &Option<Json>| value.as_ref().map_or_else(|| "(nothing)".to_owned(), shown);
    if new {
        return say!("      {:18} {}", one.field, text(&one.after));
    }
    say!("      {:18} {} -> {}", one.field, text(&one.before), text(&one.after));
}

fn shown(value: &Json) -> String {
    match value {
        Json::Array(list) => list.iter().map(member).collect::<Vec<_>>().join(", "),
        Json::String(text) => {
            let mut line: String = text.chars().take(VALUE_CHARS).collect();
            if line.len() < text.len() {
                line.push('…');
            }
            format!("{line:?}")
        }
        Json::Null => "(nothing)".to_owned(),
        Json::Bool(_) | Json::Number(_) | Json::Object(_) => value.to_string(),
    }
}

/// Returns a member of a list: a party, or the day of an occurrence.
fn member(party: &Json) -> String {
    let of = |name: &str| party[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    of("day")
        .or_else(|| of("address"))
        .or_else(|| of("row"))
        .or_else(|| of("name"))
        .unwrap_or_default()
}

/// Prints the sums.
pub(super) fn totals(doc: &PlanDoc) {
    let sums = &doc.totals;
    let mut table = table(&[
        "Mailboxes",
        "Creates",
        "Updates",
        "Deletes",
        "Unwritten",
        "People mailed",
        "Would halt",
        "Failed",
    ]);
    table.add_row(
        [
            sums.mailboxes,
            sums.creates,
            sums.updates,
            sums.deletes,
            sums.unwritten,
            sums.mails,
            sums.halted,
            sums.failed,
        ]
        .map(|number| number.to_string()),
    );
    say!("{table}");
    if sums.files > 0 {
        say!("{} files of appointments are added or removed (ATT-02)", sums.files);
    }
    if sums.addresses > 0 {
        say!(
            "{} contacts get the addresses that begin to take part, once and from Dynamics (ADDR-04); \
             write policy.contact_addresses = \"mailing\" to leave them",
            sums.addresses
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn written_occurrences_are_shown_by_day_and_field() {
        // One is renamed and moved, one goes; what deviates elsewhere is not spoken of.
        let changed =
            |subject: &str| json!({ "day": "2026-12-08", "changed": { "subject": subject } });
        let other = json!({ "day": "2026-12-22", "changed": { "subject": "Other" } });
        let gone = json!({ "day": "2026-12-15", "deleted": true });
        let mut new = changed("New");
        new["changed"]["location"] = Json::Null;
        let field = FieldView {
            field: "exceptions".to_owned(),
            before: Some(json!([changed("Old"), other])),
            after: Some(json!([new, gone])),
        };
        let lines = occurrences(&field).unwrap();
        assert_eq!(
            lines,
            [
                "occurrence 2026-12-08: location (as the series) -> (nothing)",
                "occurrence 2026-12-08: subject \"Old\" -> \"New\"",
                "occurrence 2026-12-15: deleted",
            ]
        );
        let people = json!([{ "address": "ann@customer.example" }]);
        let field = FieldView { field: "x".to_owned(), before: None, after: Some(people.clone()) };
        assert_eq!(occurrences(&field), None);
        assert_eq!(shown(&people), "ann@customer.example");
    }
}
