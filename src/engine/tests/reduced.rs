//! A series in comparable form, and whole what is written of its occurrences (REC-02, REC-07, REC-11).

use chrono::{DateTime, Utc};

use crate::domain::code::Code;
use crate::domain::field::{Field, Fields, Group, Patch, Value};
use crate::domain::kind::Kind::RecurringAppointment;
use crate::domain::recurrence::{Exception, Recurrence};
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::series::written;
use crate::engine::testing::*;
use crate::engine::translate::translate;

fn at(number: u32, hour: u32) -> DateTime<Utc> {
    day(number).and_hms_opt(hour, 0, 0).unwrap().and_utc()
}

fn time(number: u32, hour: u32) -> Option<Value> {
    Some(Value::Time(at(number, hour)))
}

fn with(number: u32, change: &[(Field, Option<Value>)]) -> Exception {
    Exception { day: day(number), change: Some(change.to_vec()) }
}

fn pattern() -> Recurrence {
    let Value::Recurrence(series) = daily(1) else { panic!("no series") };
    *series
}

fn value(patch: &Patch, field: Field) -> Option<Value> {
    patch.iter().find(|(name, _)| *name == field).and_then(|(_, value)| value.clone())
}

/// The change that Dynamics writes to the only occurrence of a series in Exchange.
fn change(source: &Fields, target: &Fields, groups: &[Group]) -> Patch {
    let world = World::new();
    let out = translate(RecurringAppointment, Dynamics, groups, source, target, &world.context());
    let [Exception { change: Some(patch), .. }] = written(&out.patch) else {
        panic!("not one: {:?}", out.patch)
    };
    patch.clone()
}

#[test]
fn rec_11_a_series_is_compared_as_its_pattern_says() {
    // It begins with its first occurrence, whatever else it says of itself, and forgets what falls on
    // none of its days or says nothing new. What no series can be is noted.
    let world = World::new();
    let own = named(12, "Twelve");
    let list = [own.clone(), named(9, "Before"), named(13, "Review")];
    for series in [there(&list), here(&list)] {
        let seen = world.seen(&series.clone().at(at(20, 7))).observation;
        assert_eq!(seen.fields.time(Field::Start), Some(at(10, 12)));
        assert_eq!(seen.fields.time(Field::End), Some(at(10, 13)));
        assert_eq!(seen.fields.exceptions(), std::slice::from_ref(&own));
        assert_eq!(seen.unfit, None);
        let never = Recurrence { interval: 0, ..pattern() };
        let never = series.set(Field::Recurrence, Value::Recurrence(never.into()));
        assert_eq!(world.seen(&never).observation.unfit, Some(Code::RecurringUnsupported));
    }
}

#[test]
fn rec_02_a_whole_day_of_an_occurrence_is_a_date() {
    // The midnights of somebody's clock become those of the day that he meant; times of an hour stay.
    let world = World::new();
    for (all_day, start, end) in [(true, (12, 0), (13, 0)), (false, (11, 23), (12, 23))] {
        let one = with(
            12,
            &[
                (Field::Start, time(11, 23)),
                (Field::End, time(12, 23)),
                (Field::AllDay, Some(Value::Flag(all_day))),
            ],
        );
        let seen = world.seen(&there(&[one])).observation;
        let [Exception { change: Some(patch), .. }] = seen.fields.exceptions() else {
            panic!("not one")
        };
        assert_eq!(value(patch, Field::Start), time(start.0, start.1), "{all_day}");
        assert_eq!(value(patch, Field::End), time(end.0, end.1), "{all_day}");
    }
}

#[test]
fn conf_03_what_goes_along_with_a_moved_time_is_its_own() {
    // The end that the occurrence names, or that of its pattern: never the value of its neighbour.
    let (plain, target) = (there(&[]).0.fields, here(&[]).0.fields);
    assert!(plain.exceptions().is_empty());
    for change_of in [
        vec![(Field::Start, time(12, 11))],
        vec![(Field::Start, time(12, 11)), (Field::End, time(12, 13))],
    ] {
        let source = there(&[with(12, &change_of)]).0.fields;
        let patch = change(&source, &target, &[Group::Exceptions]);
        assert_eq!(value(&patch, Field::Start), time(12, 11));
        assert_eq!(value(&patch, Field::End), time(12, 13), "{patch:?}");
        assert_eq!(patch.iter().filter(|(field, _)| *field == Field::End).count(), 1);
    }
}

#[test]
fn rec_07_an_occurrence_that_moves_back_takes_place_on_its_own_day() {
    // Even where the times of the first one are written by the same write.
    let source = there(&[]).0.fields;
    let target = here(&[with(12, &[(Field::Start, time(12, 15)), (Field::End, time(12, 16))])]);
    let patch = change(&source, &target.0.fields, &[Group::Time, Group::Exceptions]);
    assert_eq!(value(&patch, Field::Start), time(12, 12));
    assert_eq!(value(&patch, Field::End), time(12, 13));
    assert_eq!(target.0.side, Exchange);
}
