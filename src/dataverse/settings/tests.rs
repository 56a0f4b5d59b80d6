//! Settings by their exact names.

use serde_json::json;

use super::*;

#[test]
fn every_setting_is_read_by_its_name() {
    // Elements and columns that are known and in order; nothing else (rules.md §3).
    let xml = "<OrgSettings><DistinctPhysicalAndLogicalDeletesForExchangeSync>true\
         </DistinctPhysicalAndLogicalDeletesForExchangeSync>\
         <SSSPropagateAppointmentCancellationsToExchange>True\
         </SSSPropagateAppointmentCancellationsToExchange>\
         <SSSTaskDeletionSyncBehaviorFromExchange>2</SSSTaskDeletionSyncBehaviorFromExchange>\
         <SSSSyncAppointmentIsPrivateFromExchange>1</SSSSyncAppointmentIsPrivateFromExchange>\
         <TrackCategorizedItems>false</TrackCategorizedItems><Other>9</Other>\
         <IgnoreCopiedItemsInSSSForMailbox>false</IgnoreCopiedItemsInSSSForMailbox>\
         <ResolveForInactiveEntities>true</ResolveForInactiveEntities></OrgSettings>";
    let row = json!({ "orgdborgsettings": xml, "requireapprovalforuseremail": false });
    let (on, off) = (SettingValue::Flag(true), SettingValue::Flag(false));
    let golden = Values::from([
        ("DistinctPhysicalAndLogicalDeletesForExchangeSync", on),
        ("SSSPropagateAppointmentCancellationsToExchange", on),
        ("SSSTaskDeletionSyncBehaviorFromExchange", SettingValue::Number(2)),
        ("SSSSyncAppointmentIsPrivateFromExchange", on),
        ("TrackCategorizedItems", off),
        ("IgnoreCopiedItemsInSSSForMailbox", off),
        ("ResolveForInactiveEntities", on),
        ("requireapprovalforuseremail", off),
    ]);
    assert_eq!(of(&row), golden);
}

#[test]
fn att_02_att_05_what_the_organization_says_of_files() {
    // Off and 5 MB by default; lists in either spelling.
    assert_eq!(files(&json!({})), FilePolicy::default());
    let row = json!({ "isappointmentattachmentsyncenabled": true, "maxuploadfilesize": 1024,
        "blockedattachments": "ade; .EXE;;", "blockedmimetypes": "text/HTML" });
    let golden = FilePolicy {
        on: true,
        max_bytes: 1024,
        blocked_extensions: vec!["ade".to_owned(), "exe".to_owned()],
        blocked_types: vec!["text/html".to_owned()],
    };
    assert_eq!(files(&row), golden);
}

#[test]
fn nonsense_leaves_the_defaults() {
    // Absent, empty, broken and out-of-range settings were not said.
    for xml in [
        "",
        "<OrgSettings",
        "<OrgSettings><SSSTaskDeletionSyncBehaviorFromExchange>7\
         </SSSTaskDeletionSyncBehaviorFromExchange><TrackCategorizedItems>maybe\
         </TrackCategorizedItems><TrackCategorizedItems/></OrgSettings>",
    ] {
        assert_eq!(of(&json!({ "orgdborgsettings": xml })), Values::new(), "{xml}");
    }
    assert_eq!(of(&json!({ "orgdborgsettings": null })), Values::new());
}
