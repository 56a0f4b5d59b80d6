//! Generated series through both adapters and both stand-ins (REC-01, REC-02, REC-07): what is
//! written must be read back unchanged, after normalisation, from either side, whichever way it went.
//!
//! `PROPTEST_CASES` says how many series, `PROPTEST_RNG_SEED` which. Each case picks the next zone
//! name of the tables of Windows and of tzdb, so that every zone takes its turn.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

use super::fakes::mailbox;
use crate::dataverse::testing::Desk as Rows;
use crate::domain::code::Code;
use crate::domain::field::{Field, Fields, Importance, Patch, Value};
use crate::domain::fingerprint::PrintKey;
use crate::domain::ids::NativeId;
use crate::domain::kind::Kind;
use crate::domain::observation::{DynamicsFacts, ExchangeFacts, Facts, Observation, Presence};
use crate::domain::policy::{Context, Directions, Directory, Limits, Policy, Settings};
use crate::domain::recurrence::tests::series_in;
use crate::domain::recurrence::{End, Exception, Pattern, Recurrence};
use crate::domain::side::Side;
use crate::domain::zone::{Zone, windows_names};
use crate::engine::groups;
use crate::engine::normalise::{Seen, normalise};
use crate::engine::translate::{row_status_of, show_as_of, words};
use crate::graph::tests::Desk as Events;

const KIND: Kind = Kind::RecurringAppointment;

/// The rows that Dynamics makes at once: only these can deviate.
const ROWS: usize = 15;

/// What is different about one occurrence, in the words of Dynamics.
#[derive(Debug, Clone)]
enum Odd {
    /// It was deleted.
    Deleted,
    /// It was changed.
    Changed(Change),
}

#[derive(Debug, Clone)]
struct Change {
    moved: Option<Moved>,
    subject: Option<&'static str>,
    /// An emptied place counts, too.
    place: Option<Option<&'static str>>,
    text: Option<&'static str>,
    important: bool,
    /// State and reason; canceled and completed among them.
    status: Option<(i64, i64)>,
}

#[derive(Debug, Clone, Copy)]
enum Moved {
    /// It begins at a minute of its day and lasts so many.
    Timed(u32, i64),
    /// It takes so many whole days.
    Whole(u64),
}

/// A series and what deviates from it, by the number of the occurrence.
#[derive(Debug, Clone)]
struct Case {
    series: Recurrence,
    odd: Vec<(usize, Odd)>,
}

fn odd() -> impl Strategy<Value = Odd> {
    let moved = prop::option::of(prop_oneof![
        3 => (0_u32..24 * 60, 1_i64..20 * 60).prop_map(|(at, length)| Moved::Timed(at, length)),
        1 => (1_u64..4).prop_map(Moved::Whole),
    ]);
    let subject = prop::option::of(prop::sample::select(vec!["Special", "Łódź – 会議", "Weekly "]));
    let place = prop::option::of(prop::sample::select(vec![None, Some("Room 2")]));
    let text = prop::option::of(Just("Bring the figures.\nAll of them."));
    let status = prop::option::of(prop::sample::select(vec![
        (0, 1),
        (0, 2),
        (1, 3),
        (2, 4),
        (3, 5),
        (3, 6),
    ]));
    let change = (moved, subject, place, text, any::<bool>(), status);
    let change = change.prop_map(|(moved, subject, place, text, important, status)| {
        Odd::Changed(Change { moved, subject, place, text, important, status })
    });
    prop_oneof![1 => Just(Odd::Deleted), 3 => change]
}

fn case(zone: Zone) -> impl Strategy<Value = Case> {
    let odd = prop::collection::vec((0..ROWS, odd()), 0..6);
    (series_in(zone), odd).prop_map(|(mut series, odd)| {
        // The calendar of both services ends with the year 9999: no occurrence here comes near it.
        match series.pattern {
            Pattern::Daily | Pattern::Weekly { .. } => {}
            Pattern::Monthly { .. } | Pattern::MonthlyNth { .. } => series.interval %= 60,
            Pattern::Yearly { .. } | Pattern::YearlyNth { .. } => series.interval %= 10,
        }
        series.interval = series.interval.max(1);
        if let End::On(day) = &mut series.end {
            *day = (*day).max(series.first + Days::new(7));
        }
        Case { series, odd }
    })
}

/// The names of both worlds, each once, those of Windows first.
fn names() -> Vec<String> {
    let windows = windows_names().map(str::to_owned);
    let tzdb = TimeZoneDatabase::bundled();
    let tzdb = tzdb.available().map(|name| name.as_str().to_owned());
    windows.chain(tzdb.filter(|name| Zone::from_name(name).is_some())).collect()
}

/// Leaves one name of each zone that a series can have once it is in canonical form.
fn apart(names: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let zone = |name: &str| {
        let zone = Zone::from_name(name)?;
        Some(zone.windows_name().unwrap_or(zone.iana_name()).to_owned())
    };
    names.into_iter().filter(|name| zone(name).is_some_and(|zone| seen.insert(zone))).collect()
}

// === impl Case ===

impl Case {
    /// Returns the days whose occurrences can deviate: those that have rows and an instant of their
    /// own (Samoa left out a day, on which another occurrence falls).
    fn days(&self, form: &Recurrence) -> Vec<NaiveDate> {
        let until = self.now(form) + Months::new(23);
        let days: Vec<_> = form.days(form.first).take(ROWS).collect();
        let mut starts: HashMap<DateTime<Utc>, usize> = HashMap::new();
        for day in &days {
            *starts.entry(begins(form, *day)).or_default() += 1;
        }
        let alone = |day: &NaiveDate| starts[&begins(form, *day)] == 1;
        days.into_iter().filter(|day| begins(form, *day) < until && alone(day)).collect()
    }

    /// Returns an instant before the first occurrence.
    fn now(&self, form: &Recurrence) -> DateTime<Utc> {
        begins(form, form.first) - TimeDelta::days(2)
    }

    /// Returns the whole series in the words of a side; `told` when its status came from the other.
    fn fields(&self, side: Side, form: &Recurrence, told: bool) -> Fields {
        let mut fields = Fields::new();
        fields.set(Field::Subject, text("Weekly"));
        fields.set(Field::Location, text("Room 1"));
        fields.set(Field::Body, text("Agenda"));
        fields.set(Field::Importance, Some(Value::Importance(Importance::Normal)));
        for (field, value) in status(side, (3, 5), told) {
            fields.set(field, value);
        }
        let days = self.days(form);
        let mut list: Vec<Exception> = Vec::new();
        for (at, odd) in &self.odd {
            let Some(day) = days.get(*at) else { continue };
            if list.iter().any(|one| one.day == *day) {
                continue;
            }
            let change = match odd {
                Odd::Deleted => None,
                Odd::Changed(change) => Some(change.patch(side, form, *day, told)),
            };
            list.push(Exception { day: *day, change });
        }
        fields.set(Field::Exceptions, Some(Value::Exceptions(list)));
        fields.set(Field::Recurrence, Some(Value::Recurrence(Box::new(self.series.clone()))));
        fields
    }
}

impl Change {
    fn patch(&self, side: Side, form: &Recurrence, day: NaiveDate, told: bool) -> Patch {
        let mut patch: Patch = Vec::new();
        if let Some(subject) = self.subject {
            patch.push((Field::Subject, text(subject)));
        }
        if let Some(place) = self.place {
            patch.push((Field::Location, place.and_then(text)));
        }
        if let Some(body) = self.text {
            patch.push((Field::Body, text(body)));
        }
        if self.important {
            patch.push((Field::Importance, Some(Value::Importance(Importance::High))));
        }
        if let Some(moved) = self.moved {
            let (start, end, whole) = moved.times(form, day);
            patch.push((Field::Start, Some(Value::Time(start))));
            patch.push((Field::End, Some(Value::Time(end))));
            patch.push((Field::AllDay, Some(Value::Flag(whole))));
        }
        patch.extend(self.status.into_iter().flat_map(|it| status(side, it, told)));
        patch
    }
}

impl Moved {
    /// Returns begin and end, and whether they are dates. It stays on its day: Exchange refuses a
    /// move across a neighbour.
    fn times(self, form: &Recurrence, day: NaiveDate) -> (DateTime<Utc>, DateTime<Utc>, bool) {
        match self {
            Self::Timed(begin, minutes) => {
                let local = day.and_time(NaiveTime::MIN) + TimeDelta::minutes(i64::from(begin));
                let start = form.zone.to_utc(local);
                (start, start + TimeDelta::minutes(minutes), false)
            }
            Self::Whole(count) => {
                let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
                (midnight(day), midnight(day + Days::new(count)), true)
            }
        }
    }
}

fn text(text: &str) -> Option<Value> {
    Some(Value::Text(text.to_owned()))
}

/// Says a status of Dynamics in the words of a side. What came over from Exchange is open.
fn status(side: Side, (state, reason): (i64, i64), told: bool) -> Patch {
    let shown = show_as_of(state, reason);
    let (state, reason) =
        if told { row_status_of(shown, 0).unwrap_or((0, 1)) } else { (state, reason) };
    match side {
        Side::Dynamics => vec![
            (Field::State, Some(Value::Number(state))),
            (Field::StatusReason, Some(Value::Number(reason))),
        ],
        Side::Exchange => vec![(Field::ShowAs, Some(Value::ShowAs(shown)))],
    }
}

/// Returns when an occurrence begins in Dynamics, which keeps whole days as local midnights.
fn begins(form: &Recurrence, day: NaiveDate) -> DateTime<Utc> {
    form.zone.to_utc(day.and_time(if form.all_day { NaiveTime::MIN } else { form.time }))
}

fn seen(side: Side, fields: Fields) -> Observation {
    let facts = match side {
        Side::Dynamics => Facts::Dynamics(DynamicsFacts::default()),
        Side::Exchange => Facts::Exchange(ExchangeFacts::default()),
    };
    Observation {
        side,
        kind: KIND,
        id: NativeId::new("generated"),
        version: None,
        presence: Presence::Present,
        marker: None,
        uid: None,
        fields,
        facts,
        losses: Vec::new(),
        unfit: None,
    }
}

fn normal(seen: Observation) -> Seen {
    let key = PrintKey([7; 16]);
    normalise(seen, &key, &Settings::default(), &Directory::default(), None)
}

/// Returns what takes part in synchronization.
fn compared(seen: &Seen) -> Vec<(Field, Value)> {
    let groups = groups::of(KIND, &Settings::default());
    let counts = |field: Field| field.group().is_some_and(|group| groups.contains(&group));
    let fields = seen.observation.fields.iter().filter(|(field, _)| counts(*field));
    fields.map(|(field, value)| (field, value.clone())).collect()
}

fn told(from: Side, seen: &Seen, now: DateTime<Utc>) -> Patch {
    let mailbox = mailbox(1);
    let (policy, directions) = (Policy::default(), Directions::default());
    let directory = Directory::default();
    let (parties, strangers, accounts) = (HashMap::new(), HashMap::new(), HashMap::new());
    let context = Context {
        mailbox: &mailbox,
        policy: &policy,
        directions: &directions,
        directory: &directory,
        parties: &parties,
        strangers: &strangers,
        accounts: &accounts,
        limits: Limits::default(),
        now,
    };
    let wanted = groups::of(KIND, &Settings::default());
    let source = &seen.observation.fields;
    let made = words(KIND, from, &wanted, source, &Fields::new(), &context);
    assert_eq!(made.losses, [], "{source:?}");
    made.patch
}

fn own(seen: &Seen) -> Patch {
    let all = seen.observation.fields.iter();
    all.map(|(field, value)| (field, Some(value.clone()))).collect()
}

fn same(what: &str, found: &Seen, wanted: &Seen) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.observation.unfit, None, "{}", what);
    prop_assert_eq!(compared(found), compared(wanted), "{}", what);
    prop_assert_eq!(&found.prints, &wanted.prints, "{}", what);
    Ok(())
}

/// What became of one case.
enum Trip {
    /// Through both sides.
    Both,
    /// Dynamics has no name for the zone and said so.
    ExchangeOnly,
}

fn travel(case: &Case, io: &tokio::runtime::Runtime) -> Result<Option<Trip>, TestCaseError> {
    let Some(form) = case.series.canonical() else { return Ok(None) };
    let (now, side) = (case.now(&form), Side::Exchange);
    let item = normal(seen(side, case.fields(side, &form, false)));
    let Some(_) = form.zone.windows_name() else {
        let mut rows = Rows::new(now);
        prop_assert_eq!(rows.made(&own(&item)).err(), Some(Code::TimeZoneUnknown));
        same("Exchange", &through_exchange(&own(&item), &form, &item, io)?, &item)?;
        return Ok(Some(Trip::ExchangeOnly));
    };
    let row = normal(seen(Side::Dynamics, case.fields(Side::Dynamics, &form, false)));
    let found = through_dynamics(&own(&row), now, &form, &row)?;
    same("Dynamics", &found, &row)?;
    // What Dynamics tells Exchange is what a person would have entered there, …
    let there = through_exchange(&told(Side::Dynamics, &found, now), &form, &item, io)?;
    same("Dynamics to Exchange", &there, &item)?;
    // … and comes back as it was; but a closed occurrence shows as free, and free is open.
    let open = normal(seen(Side::Dynamics, case.fields(Side::Dynamics, &form, true)));
    let back = through_dynamics(&told(Side::Exchange, &there, now), now, &form, &open)?;
    same("Dynamics to Exchange to Dynamics", &back, &open)?;
    Ok(Some(Trip::Both))
}

/// Creates a series in Dynamics and reads it. Its rows stand where the series puts them.
fn through_dynamics(
    patch: &Patch,
    now: DateTime<Utc>,
    form: &Recurrence,
    wanted: &Seen,
) -> Result<Seen, TestCaseError> {
    let mut rows = Rows::new(now);
    let made = rows.made(patch).map_err(|code| TestCaseError::fail(format!("{code:?}")))?;
    let gone = |day: &NaiveDate| {
        let list = wanted.observation.fields.exceptions();
        list.iter().any(|one| one.day == *day && one.change.is_none())
    };
    let until = now + Months::new(24);
    let days = form.days(form.first).take(ROWS).filter(|day| begins(form, *day) <= until);
    let starts: BTreeSet<_> = days.filter(|day| !gone(day)).map(|day| begins(form, day)).collect();
    prop_assert_eq!(rows.starts(), starts.into_iter().collect::<Vec<_>>());
    Ok(normal(made))
}

/// Creates a series in Exchange and reads it. The calendar shows it where the series puts it.
fn through_exchange(
    patch: &Patch,
    form: &Recurrence,
    wanted: &Seen,
    io: &tokio::runtime::Runtime,
) -> Result<Seen, TestCaseError> {
    let events = Events::new();
    let (made, _) = io.block_on(events.made(KIND, 1, patch.clone()));
    let list = wanted.observation.fields.exceptions();
    let start = |day: NaiveDate| match list.iter().find(|one| one.day == day) {
        Some(Exception { change: None, .. }) => None,
        Some(Exception { change: Some(patch), .. }) => {
            let moved = patch.iter().find(|(field, _)| *field == Field::Start);
            match moved {
                Some((_, Some(Value::Time(at)))) => Some(*at),
                _ => Some(form.times(day).0),
            }
        }
        None => Some(form.times(day).0),
    };
    // Some more than can deviate: a moved one may come after the next whole day.
    let days: Vec<_> = form.days(form.first).take(ROWS + 3).collect();
    let first = form.times(form.first).0;
    let until = match days.get(ROWS) {
        Some(day) => form.times(*day).0,
        None => days.last().map_or(first, |day| form.times(*day).0) + TimeDelta::days(2),
    };
    let mut starts: Vec<_> = days.into_iter().filter_map(start).collect();
    starts.sort_unstable();
    let mut shown = events.starts(first - TimeDelta::days(2), until + TimeDelta::days(2));
    for list in [&mut starts, &mut shown] {
        list.retain(|at| *at <= until);
    }
    prop_assert_eq!(shown, starts, "when Exchange shows it");
    Ok(normal(made))
}

#[test]
#[expect(clippy::print_stdout, reason = "whoever repeats a run needs its seed")]
fn rec_01_generated_series_come_back_from_both_sides_as_they_went() {
    // Six patterns by three ends with moved, canceled, deleted and renamed occurrences, in each zone
    // of Windows and tzdb: a round trip over either side or both changes nothing.
    let mut config = ProptestConfig::default();
    let cases = usize::try_from(config.cases).unwrap_or(1);
    let names = names();
    let names = if cases < names.len() { apart(names) } else { names };
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        // The same in every run, unless somebody asks for others.
        RngSeed::Random => 1,
    };
    let turns = cases.div_ceil(names.len());
    println!("PROPTEST_RNG_SEED={seed}: {} zones, {turns} series in each", names.len());
    config.cases = u32::try_from(turns).unwrap_or(u32::MAX);
    (config.failure_persistence, config.max_shrink_iters) = (None, 4_096);
    let io = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let counts = std::cell::RefCell::new((BTreeSet::new(), 0_usize, 0_usize, 0_usize));
    for (name, at) in names.iter().zip(0..) {
        let zone = Zone::from_name(name).unwrap();
        let rng_seed = RngSeed::Fixed(seed.wrapping_add(at));
        let mut runner = TestRunner::new(ProptestConfig { rng_seed, ..config.clone() });
        let done = runner.run(&case(zone), |case| {
            let trip = travel(&case, &io)?;
            let mut counts = counts.borrow_mut();
            match trip {
                Some(Trip::Both) => counts.1 += 1,
                Some(Trip::ExchangeOnly) => counts.2 += 1,
                None => counts.3 += 1,
            }
            counts.0.insert(shape(&case.series));
            Ok(())
        });
        done.unwrap_or_else(|error| panic!("in {name}, PROPTEST_RNG_SEED={seed}: {error}"));
    }
    let (shapes, both, exchange, none) = counts.into_inner();
    println!("{both} over both sides, {exchange} over Exchange only, {none} without occurrence");
    assert_eq!(shapes.len(), 18, "six patterns by three ends: {shapes:?}");
    assert!(both > 10 * none, "most cases must count");
}

#[test]
fn rec_01_a_first_occurrence_in_a_skipped_hour_keeps_its_clocks() {
    // Its first day has no clock for its begin, its end or both; every other day has. What is written
    // comes back as it was meant, also of a series that ends with its first day.
    let io = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for (zone, first) in [
        ("Europe/Astrakhan", "2006-03-26"),
        ("W. Europe Standard Time", "2027-03-28"),
        ("Eastern Standard Time", "2027-03-14"),
    ] {
        for (begin, minutes) in [(30, 120), (150, 60), (150, 10), (130, 30), (60, 600), (30, 180)] {
            for end in [End::Never, End::After(1), End::After(9)] {
                let series = Recurrence {
                    pattern: Pattern::Daily,
                    interval: 1,
                    first: first.parse().unwrap(),
                    end,
                    zone: Zone::from_name(zone).unwrap(),
                    time: NaiveTime::from_num_seconds_from_midnight_opt(begin * 60, 0).unwrap(),
                    minutes,
                    all_day: false,
                };
                let case = Case { series, odd: vec![(3, Odd::Deleted)] };
                let trip = travel(&case, &io);
                assert!(
                    matches!(trip, Ok(Some(Trip::Both))),
                    "{zone} {begin} {minutes} {end:?}: {:?}",
                    trip.err()
                );
            }
        }
    }
}

fn shape(series: &Recurrence) -> (u8, u8) {
    let pattern = match series.pattern {
        Pattern::Daily => 0,
        Pattern::Weekly { .. } => 1,
        Pattern::Monthly { .. } => 2,
        Pattern::MonthlyNth { .. } => 3,
        Pattern::Yearly { .. } => 4,
        Pattern::YearlyNth { .. } => 5,
    };
    let end = match series.end {
        End::Never => 0,
        End::After(_) => 1,
        End::On(_) => 2,
    };
    (pattern, end)
}
