//! Settings by name: defaults, forms, and who decides over whom.

use super::*;

fn one(name: &'static str, value: SettingValue) -> Values {
    Values::from([(name, value)])
}

#[test]
fn the_defaults_of_the_table_are_those_of_the_rules() {
    // What nobody says is Microsoft's default, in both forms that the program has of it.
    let nothing = resolve(&Values::new(), Profile::Parity, &Values::new());
    assert!(nothing.iter().all(|one| one.origin == Origin::Default));
    assert_eq!(Settings::of(&nothing, false), Settings::default());
    for known in KNOWN {
        assert!(known.holds(known.default), "{}", known.name);
        assert_eq!(KNOWN.iter().filter(|one| one.name == known.name).count(), 1, "{}", known.name);
    }
}

#[test]
fn the_file_decides_over_the_profile_over_the_organization_over_the_default() {
    // The same setting said in one, two, three places.
    const NAME: &str = "DistinctPhysicalAndLogicalDeletesForExchangeSync";
    let (on, off) = (SettingValue::Flag(true), SettingValue::Flag(false));
    let found = |organization: &Values, profile, file: &Values| {
        let all = resolve(organization, profile, file);
        let one = all.into_iter().find(|one| one.known.name == NAME).unwrap();
        (one.value, one.origin)
    };
    let nothing = Values::new();
    let (yes, no) = (one(NAME, on), one(NAME, off));
    assert_eq!(found(&nothing, Profile::Parity, &nothing), (off, Origin::Default));
    assert_eq!(found(&yes, Profile::Parity, &nothing), (on, Origin::Organization));
    assert_eq!(found(&no, Profile::Safe, &nothing), (on, Origin::Profile));
    assert_eq!(found(&no, Profile::Safe, &no), (off, Origin::File));
    assert_eq!(found(&yes, Profile::Parity, &no), (off, Origin::File));
}

#[test]
fn a_value_of_another_form_or_range_is_not_said() {
    // An organization may hold anything; what does not fit leaves the default.
    let tasks = known("SSSTaskDeletionSyncBehaviorFromExchange").unwrap();
    assert_eq!(tasks.parse(" 2 "), Some(SettingValue::Number(2)));
    for text in ["3", "-1", "true", ""] {
        assert_eq!(tasks.parse(text), None, "{text}");
    }
    let track = known("TrackCategorizedItems").unwrap();
    assert_eq!(track.parse("False"), Some(SettingValue::Flag(false)));
    assert_eq!((track.parse("1"), track.parse("2")), (Some(SettingValue::Flag(true)), None));
    let odd = one("TrackCategorizedItems", SettingValue::Number(0));
    assert_eq!(Settings::of(&resolve(&odd, Profile::Parity, &odd), false), Settings::default());
}

#[test]
fn each_obeyed_setting_moves_something_that_the_rules_read() {
    // Its other value changes the settings; one without effect changes nothing.
    for known in KNOWN {
        let other = match known.default {
            SettingValue::Flag(flag) => SettingValue::Flag(!flag),
            SettingValue::Number(0) => SettingValue::Number(1),
            SettingValue::Number(_) => SettingValue::Number(0),
        };
        let set = one(known.name, other);
        let settings = Settings::of(&resolve(&set, Profile::Parity, &Values::new()), false);
        let moved = settings != Settings::default();
        assert_eq!(moved, known.effect == Effect::Obeyed, "{}", known.name);
    }
}
