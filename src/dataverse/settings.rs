//! `organization.orgdborgsettings` and the columns beside it (rules.md §3). A setting that is
//! absent or unreadable has Microsoft's default.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value as Json;

use crate::domain::file::FilePolicy;
use crate::domain::policy::Settings;

/// Returns the settings of an organization row.
///
/// `three_addresses` stays off: the polarity of `iscontactmailingaddresssyncenabled` is not
/// documented (rules.md §6 question 9), and switching it on by mistake loses data (ADDR-04). The
/// tenant file may set it.
pub(super) fn of(row: &Json) -> Settings {
    let mut settings = Settings::default();
    if let Some(approval) = row.get("requireapprovalforuseremail").and_then(Json::as_bool) {
        settings.require_approval = approval;
    }
    let text = row.get("orgdborgsettings").and_then(Json::as_str).unwrap_or_default();
    for (name, value) in entries(text) {
        set(&mut settings, &name, value.trim());
    }
    settings
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

fn set(settings: &mut Settings, name: &str, value: &str) {
    let flag = match value.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    };
    let place = match name {
        "DistinctPhysicalAndLogicalDeletesForExchangeSync" => &mut settings.distinct_deletes,
        "SSSPropagateAppointmentCancellationsToExchange" => &mut settings.propagate_cancellations,
        "SSSSyncAppointmentIsPrivateFromExchange" => &mut settings.sync_private,
        "IgnoreCopiedItemsInSSSForMailbox" => &mut settings.ignore_copies,
        "TrackCategorizedItems" => &mut settings.track_categorized,
        "ResolveForInactiveEntities" => &mut settings.resolve_inactive,
        "SSSTaskDeletionSyncBehaviorFromExchange" => {
            if let Some(number) = value.parse().ok().filter(|number| *number <= 2) {
                settings.task_deletion = number;
            }
            return;
        }
        _ => return,
    };
    *place = flag.unwrap_or(*place);
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
