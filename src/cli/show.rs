//! Plans for people: what each write changes, field by field, and whom it mails.

use serde_json::Value as Json;

use super::table::table;
use crate::app::operate::document::{MailboxPlan, PlanDoc};
use crate::engine::preview::{FieldView, ItemView, StepView};

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
    let quiet = one.items.is_empty() && one.skipped.is_empty();
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
    for view in &one.items {
        item(view);
    }
    for text in &one.skipped {
        say!("  left: {text}");
    }
    say!();
}

fn item(view: &ItemView) {
    let code = view.code.as_ref().map(|code| format!("  [{code}]")).unwrap_or_default();
    say!("  {} {} {}  {}{code}", view.verb, view.kind, view.link, view.rules.join(" "));
    for one in &view.steps {
        step(view, one);
    }
}

fn step(view: &ItemView, step: &StepView) {
    let id = if step.side == "dynamics" { &view.dynamics } else { &view.exchange };
    let new = step.op.starts_with("create");
    let id = id.as_deref().filter(|_| !new).unwrap_or("(new)");
    let version = step.expected.as_ref().map(|it| format!(" at {it}")).unwrap_or_default();
    let marks = if step.marks && step.op == "update" { ", puts the marker on it" } else { "" };
    let mails = match step.mails {
        0 => String::new(),
        _ => format!(", MAILS {}", step.to.join(", ")),
    };
    say!("    {} in {}: {id}{version}{marks}{mails}", step.op, step.side);
    for one in step.fields.iter().filter(|one| one.before != one.after) {
        field(one, new);
    }
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
        Json::Array(list) => list.iter().map(party).collect::<Vec<_>>().join(", "),
        Json::String(text) => {
            let mut line: String = text.chars().take(VALUE_CHARS).collect();
            if line.len() < text.len() {
                line.push('…');
            }
            format!("{line:?}")
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => value.to_string(),
    }
}

fn party(party: &Json) -> String {
    let of = |name: &str| party[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    of("address").or_else(|| of("row")).or_else(|| of("name")).unwrap_or_default()
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
    if sums.addresses > 0 {
        say!(
            "{} contacts get the addresses that begin to take part, once and from Dynamics (ADDR-04); \
             write policy.contact_addresses = \"mailing\" to leave them",
            sums.addresses
        );
    }
}
