//! `organization.orgdborgsettings` and the columns beside it (rules.md §3). A setting that is
//! absent or unreadable was not said, and Microsoft's default holds.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value as Json;

use crate::domain::file::FilePolicy;
use crate::domain::setting::{self, Known, Place, SettingValue, Values};

/// Returns what an organization row says: the settings that it holds and that are known.
pub(super) fn of(row: &Json) -> Values {
    let text = row.get("orgdborgsettings").and_then(Json::as_str).unwrap_or_default();
    let mut values = Values::new();
    for (name, value) in entries(text) {
        let known = setting::known(&name).filter(|known| known.place == Place::Element);
        if let Some((known, value)) = known.and_then(|known| Some((known, known.parse(&value)?))) {
            values.insert(known.name, value);
        }
    }
    for known in columns() {
        let value = row.get(known.name).and_then(|value| match value {
            Json::Bool(flag) => Some(SettingValue::Flag(*flag)),
            Json::Number(number) => number.as_i64().map(SettingValue::Number),
            Json::Null | Json::String(_) | Json::Array(_) | Json::Object(_) => None,
        });
        if let Some(value) = value.filter(|value| known.holds(*value)) {
            values.insert(known.name, value);
        }
    }
    values
}

/// Returns what an organization row allows of files (ATT-02, ATT-05).
pub(super) fn files(row: &Json) -> FilePolicy {
    let list = |name: &str| {
        let text = row.get(name).and_then(Json::as_str).unwrap_or_default();
        let entries = text.split(';').map(|one| one.trim().trim_start_matches('.').to_lowercase());
        entries.filter(|one| !one.is_empty()).collect()
    };
    let largest = row.get("maxuploadfilesize").and_then(Json::as_u64);
    FilePolicy {
        on: row.get("isappointmentattachmentsyncenabled").and_then(Json::as_bool) == Some(true),
        max_bytes: largest.unwrap_or(FilePolicy::default().max_bytes),
        blocked_extensions: list("blockedattachments"),
        blocked_types: list("blockedmimetypes"),
    }
}

/// Returns the settings that are columns of the organization.
pub(super) fn columns() -> impl Iterator<Item = &'static Known> {
    setting::KNOWN.iter().filter(|known| known.place == Place::Column)
}

/// Returns name and text of the elements below the root, up to the first that is malformed.
fn entries(xml: &str) -> Vec<(String, String)> {
    let mut entries = Vec::new();
    let mut reader = Reader::from_str(xml);
    let mut depth = 0_u32;
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(start) => {
                depth += 1;
                if depth == 2 {
                    entries.push((start.name().as_ref().to_owned(), String::new()));
                }
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(text) => {
                if let Some((_, value)) = entries.last_mut().filter(|_| depth == 2) {
                    value.push_str(&text.into_inner());
                }
            }
            Event::Eof => break,
            Event::Empty(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_)
            | Event::GeneralRef(_) => {}
        }
    }
    entries
}

#[cfg(test)]
mod tests;
