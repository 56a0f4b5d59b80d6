//! Single-value extended properties (A5): ids, storage form, write and comparison.
//!
//! Names are compared with regard to case, values without; multi-value ones are absent.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::refusal::{Refusal, property};

const TYPES: [&str; 12] = [
    "ApplicationTime",
    "Binary",
    "Boolean",
    "CLSID",
    "Currency",
    "Double",
    "Float",
    "Integer",
    "Long",
    "Short",
    "String",
    "SystemTime",
];

/// Returns the id in the form it is stored and compared in; refuses a malformed one.
pub(super) fn normal_id(id: &str) -> Result<String, Refusal> {
    let refuse = || property(format!("The extended property id '{id}' is malformed."));
    let words: Vec<&str> = id.splitn(4, ' ').collect();
    let kind = words.first().copied().unwrap_or_default();
    if !TYPES.contains(&kind) {
        return Err(refuse());
    }
    let hex = |text: &str| {
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
        u32::from_str_radix(digits, 16).ok()
    };
    match words.as_slice() {
        [_, tag] => {
            let number = hex(tag).ok_or_else(refuse)?;
            Ok(format!("{kind} 0x{number:x}"))
        }
        [_, set, how @ ("Name" | "Id"), rest] if !rest.is_empty() => {
            let inner = set.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
            let set = inner.and_then(|text| Uuid::parse_str(text).ok()).ok_or_else(refuse)?;
            if *how == "Id" {
                let number = hex(rest).ok_or_else(refuse)?;
                return Ok(format!("{kind} {{{set}}} Id 0x{number:x}"));
            }
            Ok(format!("{kind} {{{set}}} Name {rest}"))
        }
        _ => Err(refuse()),
    }
}

/// Takes the extended properties out of a body and checks them.
pub(super) fn take(body: &mut Map<String, Value>) -> Result<Vec<(String, String)>, Refusal> {
    let Some(value) = body.remove("singleValueExtendedProperties") else { return Ok(Vec::new()) };
    let Value::Array(entries) = value else {
        return Err(property("'singleValueExtendedProperties' must be a collection."));
    };
    entries
        .iter()
        .map(|entry| {
            let id = entry["id"].as_str();
            let value = entry["value"].as_str();
            let (Some(id), Some(value)) = (id, value) else {
                return Err(property("An extended property needs 'id' and 'value'."));
            };
            Ok((normal_id(id)?, value.to_owned()))
        })
        .collect()
}

/// Writes properties over those an item has.
pub(super) fn merge(stored: &mut Vec<(String, String)>, new: Vec<(String, String)>) {
    for (id, value) in new {
        match stored.iter_mut().find(|(known, _)| *known == id) {
            Some(entry) => entry.1 = value,
            None => stored.push((id, value)),
        }
    }
}

/// Tells whether an item has the property with the value; the value's case is ignored.
pub(super) fn matches(stored: &[(String, String)], id: &str, value: &str) -> bool {
    stored.iter().any(|(known, have)| known == id && have.to_lowercase() == value.to_lowercase())
}

/// Returns the wanted properties in Graph's shape, or `None` when the item has none of them.
pub(super) fn render(stored: &[(String, String)], wanted: &[String]) -> Option<Value> {
    let found: Vec<Value> = stored
        .iter()
        .filter(|(id, _)| wanted.contains(id))
        .map(|(id, value)| json!({ "id": id, "value": value }))
        .collect();
    (!found.is_empty()).then_some(Value::Array(found))
}

/// Returns all properties, as the inside of the mailbox shows them.
pub(super) fn render_all(stored: &[(String, String)]) -> Value {
    stored.iter().map(|(id, value)| json!({ "id": id, "value": value })).collect()
}
