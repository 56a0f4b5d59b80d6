//! Expansion and canonical form, by example and by property over all zones.

use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;

use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn daily(first: &str, end: End) -> Recurrence {
    Recurrence {
        pattern: Pattern::Daily,
        interval: 1,
        first: day(first),
        end,
        zone: Zone::from_name("Europe/Berlin").unwrap(),
        time: NaiveTime::from_hms_opt(9, 0, 0).unwrap(),
        minutes: 60,
        all_day: false,
    }
}

fn some(series: &Recurrence, count: usize) -> Vec<String> {
    series.days(series.first).take(count).map(|day| day.to_string()).collect()
}

#[test]
fn the_six_patterns_give_their_days() {
    // Each pattern on a calendar that everybody can look up.
    let of = |pattern, interval, first| {
        some(&Recurrence { pattern, interval, ..daily(first, End::Never) }, 3)
    };
    let days = |mask| Weekdays::from_mask(mask).unwrap();
    assert_eq!(of(Pattern::Daily, 3, "2026-12-30"), ["2026-12-30", "2027-01-02", "2027-01-05"]);
    let weekly = Pattern::Weekly { days: days(0b10_0010), from: Weekday::Mon };
    assert_eq!(of(weekly, 2, "2026-11-24"), ["2026-11-27", "2026-12-07", "2026-12-11"]);
    assert_eq!(
        of(Pattern::Monthly { day: 31 }, 1, "2026-01-31"),
        ["2026-01-31", "2026-02-28", "2026-03-31"]
    );
    let workday = Pattern::MonthlyNth { nth: Nth::Last, days: Weekdays::WORKDAYS };
    assert_eq!(of(workday, 1, "2026-01-01"), ["2026-01-30", "2026-02-27", "2026-03-31"]);
    assert_eq!(
        of(Pattern::Yearly { month: 2, day: 29 }, 1, "2027-01-01"),
        ["2027-02-28", "2028-02-29", "2029-02-28"]
    );
    let sunday = Pattern::YearlyNth { month: 3, nth: Nth::Second, days: days(1) };
    assert_eq!(of(sunday, 1, "2026-12-31"), ["2027-03-14", "2028-03-12", "2029-03-11"]);
}

#[test]
fn the_three_ends_stop_a_series() {
    // Deleted occurrences count; a last day that is none of the pattern moves to the one before.
    assert_eq!(daily("2026-11-24", End::Never).last_day(), None);
    assert_eq!(daily("2026-11-24", End::After(10)).last_day(), Some(day("2026-12-03")));
    let weekly = Recurrence {
        pattern: Pattern::Weekly { days: Weekdays::from_mask(4).unwrap(), from: Weekday::Sun },
        ..daily("2026-11-24", End::On(day("2026-12-30")))
    };
    assert_eq!(weekly.last_day(), Some(day("2026-12-29")));
    assert_eq!(weekly.canonical().unwrap().end, End::On(day("2026-12-29")));
    assert!(daily("2026-11-24", End::On(day("2026-11-23"))).canonical().is_none());
    assert!(daily("2026-11-24", End::After(1000)).canonical().is_none());
}

#[test]
fn clocks_that_change_move_the_instants_and_not_the_time_of_day() {
    // Nine o'clock stays nine o'clock over the end of summer time; a skipped hour moves forward.
    let series = daily("2026-10-24", End::After(3));
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    assert_eq!(series.times(day("2026-10-24")).0, at("2026-10-24T07:00:00Z"));
    assert_eq!(series.times(day("2026-10-25")).0, at("2026-10-25T08:00:00Z"));
    let night = Recurrence { time: NaiveTime::from_hms_opt(2, 30, 0).unwrap(), ..series };
    assert_eq!(night.times(day("2027-03-28")).0, at("2027-03-28T01:30:00Z"));
    let india = Recurrence { zone: Zone::from_name("Asia/Kolkata").unwrap(), ..night };
    assert_eq!(india.times(day("2027-03-28")).0, at("2027-03-27T21:00:00Z"));
}

#[test]
fn a_skipped_day_still_names_its_occurrence() {
    // Samoa had no 30 December 2011: that occurrence and the next begin at one instant or in order.
    let zone = Zone::from_name("Pacific/Apia").unwrap();
    let series = Recurrence { zone, ..daily("2011-12-28", End::After(5)) };
    let starts: Vec<_> = series.days(series.first).map(|day| series.times(day).0).collect();
    assert!(starts.is_sorted(), "{starts:?}");
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let days = (1_u8..=127).prop_map(|mask| Weekdays::from_mask(mask).unwrap());
    let nth = (0_usize..5).prop_map(|at| Nth::ALL[at]);
    let from = (0_u8..7).prop_map(|n| Weekday::try_from(n).unwrap());
    prop_oneof![
        Just(Pattern::Daily),
        (days.clone(), from).prop_map(|(days, from)| Pattern::Weekly { days, from }),
        (1_u32..=31).prop_map(|day| Pattern::Monthly { day }),
        (nth.clone(), days.clone()).prop_map(|(nth, days)| Pattern::MonthlyNth { nth, days }),
        (1_u32..=12, 1_u32..=31).prop_map(|(month, day)| Pattern::Yearly { month, day }),
        (1_u32..=12, nth, days).prop_map(|(month, nth, days)| Pattern::YearlyNth {
            month,
            nth,
            days
        }),
    ]
}

/// Any series in any zone of the zone table, not yet in canonical form.
pub(crate) fn any_series() -> impl Strategy<Value = Recurrence> {
    let zones: Vec<Zone> = TimeZoneDatabase::bundled()
        .available()
        .filter_map(|name| Zone::from_name(name.as_str()))
        .collect();
    prop::sample::select(zones).prop_flat_map(series_in)
}

/// Any series in one zone, not yet in canonical form.
pub(crate) fn series_in(zone: Zone) -> impl Strategy<Value = Recurrence> {
    let first = (0_u64..20_000).prop_map(|n| day("2000-01-01") + Days::new(n));
    let end = prop_oneof![
        Just(End::Never),
        (1_u32..=COUNT_MAX).prop_map(End::After),
        (0_u64..20_000).prop_map(|n| End::On(day("2010-01-01") + Days::new(n))),
    ];
    let clock = (any::<bool>(), 0_u32..24 * 60, 0_i64..3 * 24 * 60);
    let interval = prop_oneof![9 => 1_u32..6, 1 => 1_u32..=INTERVAL_MAX];
    (pattern(), interval, first, end, clock).prop_map(
        move |(pattern, interval, first, end, clock)| {
            let (all_day, begin, length) = clock;
            let (begin, minutes) =
                if all_day { (0, 24 * 60 * (length / 1440 + 1)) } else { (begin, length) };
            Recurrence {
                pattern,
                interval,
                first,
                end,
                zone: zone.clone(),
                time: NaiveTime::from_num_seconds_from_midnight_opt(begin * 60, 0).unwrap(),
                minutes,
                all_day,
            }
        },
    )
}

/// How many cases a property of series is tried with: `PROPTEST_CASES`, which proptest reads.
pub(crate) fn cases() -> ProptestConfig {
    ProptestConfig::default()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn canonical_form_is_stable_and_keeps_the_days(series in any_series()) {
        // Of a canonical series the canonical form is itself, and both fall on the same days.
        let Some(form) = series.canonical() else {
            // Only a series that ends before its first occurrence has none.
            let ends = matches!(series.end, End::On(day) if series.days(series.first).next()
                .is_none_or(|first| first > day));
            prop_assert!(ends, "{series:?}");
            return Ok(());
        };
        prop_assert_eq!(form.canonical(), Some(form.clone()));
        let days: Vec<_> = series.days(series.first).take(40).collect();
        prop_assert_eq!(form.days(form.first).take(40).collect::<Vec<_>>(), days.clone());
        prop_assert!(days.is_sorted());
        for day in &days {
            prop_assert!(form.falls_on(*day));
            let start = form.times(*day).0;
            // A day that the clocks skip shares its instant with no other day of this series.
            prop_assert_eq!(form.times(form.day_of(start)).0, start);
        }
    }
}
