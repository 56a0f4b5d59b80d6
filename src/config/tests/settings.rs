//! Settings and profiles of a tenant file.

use super::{TENANT, only, tenant};
use crate::domain::setting::{Origin, Profile, SettingValue, Values};

#[test]
fn an_absent_setting_leaves_the_organizations_own() {
    // An override replaces one setting and no other.
    let organization = Values::from([
        ("DistinctPhysicalAndLogicalDeletesForExchangeSync", SettingValue::Flag(true)),
        ("SSSTaskDeletionSyncBehaviorFromExchange", SettingValue::Number(1)),
        ("TrackCategorizedItems", SettingValue::Flag(true)),
    ]);
    let config = tenant(&format!("{TENANT}[settings]\nTrackCategorizedItems = false\n")).unwrap();
    let choices = config.choices(&organization);
    let settings = choices.policy.settings;
    assert!(settings.distinct_deletes && !settings.track_categorized);
    assert_eq!(settings.task_deletion, 1);
    let origin =
        |name: &str| choices.effective.iter().find(|one| one.known.name == name).unwrap().origin;
    assert_eq!(origin("TrackCategorizedItems"), Origin::File);
    assert_eq!(origin("SSSTaskDeletionSyncBehaviorFromExchange"), Origin::Organization);
    assert_eq!(origin("AllowSaveAsDraftAppointment"), Origin::Default);
}

#[test]
fn a_profile_is_a_word_and_a_setting_of_the_file_is_stronger() {
    // Parity without the word; safe by it; the file's own line before it.
    assert_eq!(tenant(TENANT).unwrap().profile, Profile::Parity);
    let safe = format!("profile = \"safe\"\n{TENANT}");
    let off = Values::from([(
        "DistinctPhysicalAndLogicalDeletesForExchangeSync",
        SettingValue::Flag(false),
    )]);
    let distinct =
        |text: &str| tenant(text).unwrap().choices(&off).policy.settings.distinct_deletes;
    assert!(distinct(&safe) && !distinct(TENANT));
    let line = "[settings]\nDistinctPhysicalAndLogicalDeletesForExchangeSync = false\n";
    assert!(!distinct(&format!("{safe}{line}")));
    let problem = only(tenant(&format!("profile = \"daring\"\n{TENANT}")));
    assert_eq!((problem.line, problem.field.as_str()), (1, "profile"));
    assert!(problem.remedy.contains("\"parity\" or \"safe\""), "{}", problem.remedy);
}

#[test]
fn elig_10_the_approval_of_addresses_is_not_the_files_to_decide() {
    // What an administrator of Dynamics grants stays with him.
    let text = format!("{TENANT}[settings]\nrequireapprovalforuseremail = false\n");
    let problem = only(tenant(&text));
    assert!(problem.message.contains("the organization alone"), "{}", problem.message);
}
