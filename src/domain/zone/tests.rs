//! Zones by their names, and the hours that do not exist or come twice.

use chrono::{NaiveDate, NaiveDateTime};
use jiff::tz::TimeZoneDatabase;

use super::{Zone, compare_caseless, windows};

fn zone(name: &str) -> Zone {
    Zone::from_name(name).unwrap_or_else(|| panic!("no zone {name}"))
}

fn at(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").unwrap()
}

fn to_utc(name: &str, local: &str) -> String {
    zone(name).to_utc(at(local)).format("%Y-%m-%dT%H:%M:%S").to_string()
}

fn to_local(name: &str, utc: &str) -> String {
    zone(name).to_local(at(utc).and_utc()).format("%Y-%m-%dT%H:%M:%S").to_string()
}

#[test]
fn links_and_windows_names_give_the_zone_they_mean() {
    // Every spelling of a zone gives an equal value with the present tzdb name.
    for (name, iana) in [
        ("Asia/Kolkata", "Asia/Kolkata"),
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("India Standard Time", "Asia/Kolkata"),
        ("Europe/Kiev", "Europe/Kyiv"),
        ("FLE Standard Time", "Europe/Kyiv"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("w. europe standard time", "Europe/Berlin"),
        ("US/Eastern", "America/New_York"),
        ("Nepal Standard Time", "Asia/Kathmandu"),
        ("British Columbia Standard Time", "America/Vancouver"),
        ("UTC", "UTC"),
        ("utc", "UTC"),
        ("Etc/UTC", "UTC"),
        ("tzone://Microsoft/Utc", "UTC"),
        ("UTC-02", "Etc/GMT+2"),
    ] {
        assert_eq!(zone(name).iana_name(), iana, "{name}");
        assert_eq!(zone(name), zone(iana), "{name}");
    }
}

#[test]
fn custom_and_unknown_zones_are_none() {
    // A name without rules gives nothing instead of a guess.
    for name in [
        "",
        " ",
        "tzone://Microsoft/Custom",
        "Customized Time Zone",
        "Etc/Unknown",
        "Factory",
        "Mars/Olympus",
        "../../etc/passwd",
    ] {
        assert_eq!(Zone::from_name(name), None, "{name}");
    }
    assert_eq!(Zone::from_name(&"x".repeat(1_000_000)), None);
}

#[test]
fn windows_names_come_back() {
    // A zone tells the Windows name, also when CLDR files it under an old spelling.
    for (name, windows) in [
        ("Asia/Kolkata", Some("India Standard Time")),
        ("Europe/Kyiv", Some("FLE Standard Time")),
        ("Europe/Stockholm", Some("W. Europe Standard Time")),
        ("America/Vancouver", Some("British Columbia Standard Time")),
        ("America/Los_Angeles", Some("Pacific Standard Time")),
        ("UTC", Some("UTC")),
        // Antarctica/Troll shifts by two hours; no Windows zone does.
        ("Antarctica/Troll", None),
        // CLDR says Mountain, whose winter is an hour behind Edmonton since 2026.
        ("America/Edmonton", None),
    ] {
        assert_eq!(zone(name).windows_name(), windows, "{name}");
    }
}

#[test]
fn every_windows_name_resolves_and_keeps_its_rules() {
    // No row of the generated table is without a zone, and the way back keeps the clocks.
    for (name, iana) in windows::TO_IANA {
        let found = zone(name);
        assert_eq!(found, zone(iana), "{name}");
        let back = found.windows_name().unwrap_or_else(|| panic!("{name} has no way back"));
        assert!(zone(back).agrees_with(&found), "{name} came back as {back}");
    }
    for (iana, name) in windows::TO_WINDOWS {
        assert!(Zone::from_name(iana).is_some(), "{iana}");
        assert!(Zone::from_name(name).is_some(), "{name}");
    }
}

#[test]
fn a_windows_name_with_other_clocks_is_not_returned() {
    // For all zones of the bundled tzdb: a returned Windows name shows the same hours.
    for name in TimeZoneDatabase::bundled().available() {
        let Some(found) = Zone::from_name(name.as_str()) else { continue };
        if let Some(windows) = found.windows_name() {
            assert!(zone(windows).agrees_with(&found), "{found} as {windows}");
        }
    }
}

#[test]
fn the_tables_are_sorted() {
    // The look-up by halves needs strictly rising names.
    for table in [windows::TO_IANA, windows::TO_WINDOWS] {
        assert!(table.windows(2).all(|two| compare_caseless(two[0].0, two[1].0).is_lt()));
    }
}

#[test]
fn vancouver_keeps_its_summer_offset() {
    // British Columbia left standard time in 2026: the winter of 2026/27 is seven hours behind.
    assert_eq!(to_utc("America/Vancouver", "2025-12-01T09:00:00"), "2025-12-01T17:00:00");
    assert_eq!(to_utc("America/Vancouver", "2026-12-01T09:00:00"), "2026-12-01T16:00:00");
    assert_eq!(to_local("Canada/Pacific", "2027-01-15T16:00:00"), "2027-01-15T09:00:00");
    assert_eq!(to_utc("America/Los_Angeles", "2026-12-01T09:00:00"), "2026-12-01T17:00:00");
}

#[test]
fn odd_offsets_are_exact() {
    // Half hours, quarter hours and Lord Howe's half-hour summer time.
    assert_eq!(to_utc("Asia/Kathmandu", "2026-03-01T12:00:00"), "2026-03-01T06:15:00");
    assert_eq!(to_utc("Australia/Lord_Howe", "2026-01-15T12:00:00"), "2026-01-15T01:00:00");
    assert_eq!(to_utc("Lord Howe Standard Time", "2026-07-15T12:00:00"), "2026-07-15T01:30:00");
}

#[test]
fn a_skipped_time_moves_forward_by_the_gap() {
    // 02:30 does not exist in Berlin on 2026-03-29; RFC 5545 makes it 03:30.
    assert_eq!(to_utc("Europe/Berlin", "2026-03-29T02:30:00"), "2026-03-29T01:30:00");
    assert_eq!(to_local("Europe/Berlin", "2026-03-29T01:30:00"), "2026-03-29T03:30:00");
}

#[test]
fn of_a_repeated_time_the_first_is_meant() {
    // 02:30 comes twice in Berlin on 2026-10-25; the first is still summer time.
    assert_eq!(to_utc("Europe/Berlin", "2026-10-25T02:30:00"), "2026-10-25T00:30:00");
    assert_eq!(to_local("Europe/Berlin", "2026-10-25T00:30:00"), "2026-10-25T02:30:00");
    assert_eq!(to_local("Europe/Berlin", "2026-10-25T01:30:00"), "2026-10-25T02:30:00");
}

#[test]
fn fractions_of_a_second_survive() {
    // Dynamics and Exchange may send fractions; they must come back as they were.
    let local = at("2026-06-01T12:00:00") + chrono::TimeDelta::nanoseconds(123_456_700);
    let berlin = zone("Europe/Berlin");
    assert_eq!(berlin.to_local(berlin.to_utc(local)), local);
}

#[test]
fn the_ends_of_time_do_not_panic() {
    // Dates at and beyond the ends of the calendars are converted or kept.
    for name in ["UTC", "Europe/Berlin", "Pacific/Kiritimati", "Etc/GMT+12", "Asia/Kathmandu"] {
        let zone = zone(name);
        for year in [-262_000, -10_000, -9_999, -1, 1, 1601, 1753, 9_999, 10_000, 262_000] {
            for (month, day) in [(1, 1), (12, 31)] {
                let date = NaiveDate::from_ymd_opt(year, month, day).unwrap();
                for local in [date.and_hms_opt(0, 0, 0), date.and_hms_opt(23, 59, 59)] {
                    let local = local.unwrap();
                    let gone = (zone.to_local(zone.to_utc(local)) - local).num_hours().abs();
                    assert!(gone < 26, "{name} {local}");
                }
            }
        }
        for end in [NaiveDateTime::MIN, NaiveDateTime::MAX] {
            zone.to_utc(end);
            zone.to_local(end.and_utc());
        }
    }
    assert_eq!(to_utc("Asia/Kathmandu", "9999-12-31T23:59:59"), "9999-12-31T18:14:59");
}

#[test]
fn an_instant_hides_a_skipped_time_only_within_the_skipped_hour() {
    // Berlin shows 03:00 to 03:59 at instants that also stand for 02:00 to 02:59; Apia skipped a day.
    let at = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    for (zone, instant, hides) in [
        ("Europe/Berlin", "2027-03-28T00:59:59Z", false),
        ("Europe/Berlin", "2027-03-28T01:00:00Z", true),
        ("Europe/Berlin", "2027-03-28T01:59:59Z", true),
        ("Europe/Berlin", "2027-03-28T02:00:00Z", false),
        ("Europe/Berlin", "2027-10-31T01:30:00Z", false),
        ("Pacific/Apia", "2011-12-30T11:00:00Z", true),
        ("Pacific/Apia", "2011-12-31T10:00:00Z", false),
        ("Asia/Kolkata", "2027-03-28T01:30:00Z", false),
    ] {
        let zone = Zone::from_name(zone).unwrap();
        assert_eq!(zone.hides_skipped(at(instant)), hides, "{zone} {instant}");
    }
}
