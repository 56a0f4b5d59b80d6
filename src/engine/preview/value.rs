//! Values as JSON, for people and for comparison.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value as Json, json};

use crate::domain::field::{Field, Importance, Patch, ShowAs, TodoStatus, Value};
use crate::domain::party::{Party, PartyTable};

/// Stands for an instant that is only known when the write is sent.
const WHEN_WRITTEN: &str = "the instant of the write";

/// Returns the name of a field.
pub(super) fn name(field: Field) -> String {
    let mut text = format!("{field:?}");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    text
}

/// Tells whether a value is a list of nobody.
pub(super) fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Parties(parties) if parties.is_empty())
}

/// Returns a value as JSON.
pub(super) fn json(field: Field, value: &Value, now: DateTime<Utc>) -> Json {
    match value {
        // TASK-IN-03: a new row is begun when it is written.
        Value::Time(time) if field == Field::ActualStart && *time == now => json!(WHEN_WRITTEN),
        Value::Text(text) | Value::Html(text) => json!(text),
        Value::Time(time) => json!(time.to_rfc3339_opts(SecondsFormat::Secs, true)),
        Value::Date(date) => json!(date.to_string()),
        Value::Flag(flag) => json!(flag),
        Value::Number(number) => json!(number),
        Value::Importance(importance) => json!(match importance {
            Importance::Low => "low",
            Importance::Normal => "normal",
            Importance::High => "high",
        }),
        Value::ShowAs(show_as) => json!(match show_as {
            ShowAs::Free => "free",
            ShowAs::Tentative => "tentative",
            ShowAs::Busy => "busy",
            ShowAs::Oof => "oof",
            ShowAs::WorkingElsewhere => "workingElsewhere",
            ShowAs::Unknown => "unknown",
        }),
        Value::Todo(status) => json!(match status {
            TodoStatus::NotStarted => "notStarted",
            TodoStatus::InProgress => "inProgress",
            TodoStatus::Completed => "completed",
            TodoStatus::WaitingOnOthers => "waitingOnOthers",
            TodoStatus::Deferred => "deferred",
        }),
        Value::Parties(parties) => parties.iter().map(party).collect(),
        Value::Recurrence(series) => json!(crate::engine::series::words(series)),
        Value::Exceptions(list) => list
            .iter()
            .map(|one| occurrence(&one.day.to_string(), one.change.as_ref(), now))
            .collect(),
    }
}

fn occurrence(day: &str, change: Option<&Patch>, now: DateTime<Utc>) -> Json {
    let Some(change) = change else { return json!({ "day": day, "deleted": true }) };
    let fields = change.iter().map(|(field, value)| {
        let value = value.as_ref().map_or(Json::Null, |value| json(*field, value, now));
        (name(*field), value)
    });
    json!({ "day": day, "changed": fields.collect::<serde_json::Map<_, _>>() })
}

fn party(party: &Party) -> Json {
    let row = party.row.map(|row| {
        let table = match row.table {
            PartyTable::SystemUser => "systemuser",
            PartyTable::Contact => "contact",
            PartyTable::Lead => "lead",
            PartyTable::Account => "account",
            PartyTable::Queue => "queue",
        };
        format!("{table} {}", row.id)
    });
    json!({
        "address": party.address.as_ref().map(crate::domain::ids::Address::as_str),
        "name": party.name,
        "row": row,
    })
}
