//! The message `Book`: a create that happens only if the parties are free (protocols B9).
//!
//! It knows no `If-None-Match`; the key in the target makes a repeat fail as a duplicate instead.
//! A clash is an answer of success that says otherwise.

use serde_json::{Map, Value as Json, json};

use super::batch::{Part, PartReply};
use super::map::Table;
use super::wire::json;
use crate::domain::code::Code;
use crate::domain::field::{Field, Patch, Value};
use crate::domain::ids::NativeId;
use crate::domain::plan::Outcome;

/// Tells whether a create asks to be booked.
pub(super) fn wanted(patch: &Patch) -> bool {
    patch
        .iter()
        .any(|(field, value)| *field == Field::Booking && matches!(value, Some(Value::Flag(true))))
}

/// Returns the request that books a new row under a key of ours.
pub(super) fn part(table: &Table, id: &NativeId, mut body: Map<String, Json>) -> Part {
    let name = format!("Microsoft.Dynamics.CRM.{}", table.kind.table());
    body.insert("@odata.type".to_owned(), json!(name));
    body.insert(table.key.to_owned(), json!(id.as_str()));
    let body = Some(json!({ "Target": body }).to_string());
    Part { method: "POST", path: "Book".to_owned(), headers: Vec::new(), body }
}

/// Judges an answer of success: booked under our key, a clash, or nothing that can be told.
pub(super) fn judge(reply: &PartReply, id: &NativeId) -> Result<(), Outcome> {
    let answer = json(reply).map_err(|_| Outcome::Unknown)?;
    let result = answer.get("ValidationResult").ok_or(Outcome::Unknown)?;
    match result.get("ValidationSuccess").and_then(Json::as_bool) {
        Some(true) if result.get("ActivityId").and_then(Json::as_str) == Some(id.as_str()) => {
            Ok(())
        }
        Some(false) => Err(Outcome::Refused(Code::SchedulingConflict)),
        Some(true) | None => Err(Outcome::Unknown),
    }
}
