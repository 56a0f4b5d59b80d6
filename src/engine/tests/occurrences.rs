//! What one side of a series writes to the occurrences of the other (`engine::series`, REC-07, CXL-09,
//! APPT-IN-05, FLD-02).

use std::slice::from_ref;

use chrono::{NaiveDate, NaiveTime};

use crate::domain::direction::Direction;
use crate::domain::field::{Field, Fields, Group, ShowAs, Value};
use crate::domain::kind::Kind::RecurringAppointment;
use crate::domain::recurrence::{End, Exception, Pattern, Recurrence};
use crate::domain::side::Side::{self, Dynamics, Exchange};
use crate::domain::zone::Zone;
use crate::engine::series::{count, written};
use crate::engine::testing::*;
use crate::engine::translate::translate;

fn with(number: u32, change: &[(Field, Option<Value>)]) -> Exception {
    Exception { day: day(number), change: Some(change.to_vec()) }
}

fn text(text: &str) -> Option<Value> {
    Some(Value::Text(text.to_owned()))
}

fn number(number: i64) -> Option<Value> {
    Some(Value::Number(number))
}

fn write_all(
    world: &World,
    from: Side,
    source: &Fields,
    target: &Fields,
    more: &[Group],
) -> Vec<Exception> {
    let wanted = [more, &[Group::Exceptions]].concat();
    let out = translate(RecurringAppointment, from, &wanted, source, target, &world.context());
    assert_eq!(usize::from(count(&out.patch)), written(&out.patch).len());
    written(&out.patch).to_vec()
}

fn writes(world: &World, from: Side, source: &[Exception], target: &[Exception]) -> Vec<Exception> {
    let (source, target) = match from {
        Dynamics => (there(source), here(target)),
        Exchange => (here(source), there(target)),
    };
    write_all(world, from, &source.0.fields, &target.0.fields, &[])
}

fn field(list: &[Exception], field: Field) -> Option<Option<Value>> {
    let change = list.first()?.change.as_ref()?;
    change.iter().find(|(name, _)| *name == field).map(|(_, value)| value.clone())
}

#[test]
fn cxl_09_nothing_from_exchange_reaches_a_closed_occurrence() {
    // Completed or canceled in its row: neither an edit nor a delete is written. An open one takes both.
    let world = World::new();
    for (state, takes) in [(0, true), (1, false), (2, false), (3, true)] {
        let row = with(12, &[(Field::State, number(state)), (Field::StatusReason, number(5))]);
        for edit in [gone(12), with(12, &[(Field::Location, text("Room"))])] {
            let list = writes(&world, Exchange, from_ref(&edit), from_ref(&row));
            assert_eq!(!list.is_empty(), takes, "{state} {edit:?}");
        }
    }
    let other = with(12, &[(Field::Importance, number(1))]);
    assert_eq!(writes(&world, Exchange, &[gone(12)], &[other]).len(), 1, "that is no state");
    let item = with(12, &[(Field::State, number(1))]);
    assert_eq!(writes(&world, Dynamics, &[gone(12)], &[item]).len(), 1, "rows close, items do not");
    assert_eq!(writes(&world, Dynamics, &[gone(12)], &[gone(12)]), []);
}

#[test]
fn rec_04_a_past_deleted_occurrence_is_left_out_of_a_new_series_unless_the_tenant_wants_it() {
    // On a series that is there it stays as it was; one to come is deleted in any case.
    let series = Value::Recurrence(
        Recurrence {
            pattern: Pattern::Daily,
            interval: 1,
            first: NaiveDate::from_ymd_opt(2026, 2, 20).unwrap(),
            end: End::After(60),
            zone: Zone::utc(),
            time: NaiveTime::from_hms_opt(12, 0, 0).unwrap(),
            minutes: 60,
            all_day: false,
        }
        .into(),
    );
    let source =
        |number: u32| there(&[gone(number)]).set(Field::Recurrence, series.clone()).0.fields;
    let existing = here(&[]).set(Field::Recurrence, series.clone()).0.fields;
    for (recreate, made, number, deleted) in [
        (false, true, 1, true),
        (true, true, 1, false),
        (false, false, 1, false),
        (true, false, 1, false),
        (false, true, 20, true),
        (true, true, 20, true),
        (false, false, 20, true),
    ] {
        let world = World::with(|world| world.policy.recreate_deleted_past_occurrences = recreate);
        let target = if made { Fields::new() } else { existing.clone() };
        let more: &[Group] = if made { &[Group::Recurrence] } else { &[] };
        let list = write_all(&world, Dynamics, &source(number), &target, more);
        assert_eq!(!list.is_empty(), deleted, "{recreate} {made} {number}");
    }
}

#[test]
fn conf_03_times_and_state_of_an_occurrence_go_together() {
    // A moved start takes end and whole-day along, and nothing of the state; a state its reason.
    let world = World::new();
    let start = Some(Value::Time(day(12).and_hms_opt(15, 0, 0).unwrap().and_utc()));
    let list = writes(&world, Exchange, &[with(12, &[(Field::Start, start.clone())])], &[]);
    assert_eq!(field(&list, Field::Start), Some(start));
    assert!(field(&list, Field::End).flatten().is_some());
    assert!(field(&list, Field::AllDay).is_some());
    assert!(field(&list, Field::State).is_none() && field(&list, Field::Subject).is_none());
    let shown = Some(Value::ShowAs(ShowAs::Oof));
    let list = writes(&world, Exchange, &[with(12, &[(Field::ShowAs, shown)])], &[]);
    assert!(field(&list, Field::StatusReason).flatten().is_some());
    assert!(field(&list, Field::Start).is_none() && field(&list, Field::ShowAs).is_none());
}

#[test]
fn fld_02_a_direction_holds_for_occurrences_too() {
    // A subject that may not leave Dynamics does not leave in an occurrence.
    let closed = World::with(|world| {
        world.directions.0.insert((RecurringAppointment, Field::Subject), Direction::ToDynamics);
    });
    let source = [named(12, "Twelve")];
    assert_eq!(writes(&closed, Dynamics, &source, &[]), []);
    assert_eq!(writes(&closed, Exchange, &source, &[]).len(), 1);
    assert_eq!(writes(&World::new(), Dynamics, &source, &[]).len(), 1);
}

#[test]
fn rec_07_an_occurrence_that_is_normal_again_holds_what_its_series_gets() {
    // Its series is renamed by the same write: the occurrence takes the new name, its times stay its own.
    let world = World::new();
    let source = there(&[]).text(Field::Subject, "New").0.fields;
    let target = here(&[named(12, "Twelve")]).0.fields;
    let list = write_all(&world, Dynamics, &source, &target, &[Group::Subject]);
    assert_eq!(field(&list, Field::Subject), Some(text("New")));
    let list = write_all(&world, Dynamics, &there(&[]).0.fields, &target, &[]);
    assert_eq!(field(&list, Field::Subject), Some(text("Review")));
}

#[test]
fn appt_out_02_a_state_of_an_occurrence_shows_in_exchange_and_is_not_told_itself() {
    // Completed shows as free; a reason alone counts with the state of the series; other edits show nothing.
    let world = World::new();
    let completed = with(12, &[(Field::State, number(1)), (Field::StatusReason, number(3))]);
    let shown = here(&[]).shows(ShowAs::Busy).0.fields;
    let to =
        |source: Exception| write_all(&world, Dynamics, &there(&[source]).0.fields, &shown, &[]);
    let list = to(completed);
    assert_eq!(field(&list, Field::ShowAs), Some(Some(Value::ShowAs(ShowAs::Free))));
    assert!(field(&list, Field::State).is_none() && field(&list, Field::StatusReason).is_none());
    let away = to(with(12, &[(Field::StatusReason, number(6))]));
    assert_eq!(field(&away, Field::ShowAs), Some(Some(Value::ShowAs(ShowAs::Oof))));
    assert!(field(&to(named(12, "Twelve")), Field::ShowAs).is_none());
}

#[test]
fn appt_in_01_an_occurrence_without_a_subject_gets_one_in_dynamics_only() {
    // Dynamics takes none without; a long one is cut to its column there, and not in Exchange.
    let world = World::new();
    let bare = with(12, &[(Field::Subject, None)]);
    let list = writes(&world, Exchange, from_ref(&bare), &[]);
    assert!(
        matches!(field(&list, Field::Subject), Some(Some(Value::Text(text))) if !text.is_empty())
    );
    let list = writes(&world, Dynamics, &[bare], &[]);
    assert_eq!(field(&list, Field::Subject), Some(None));
    let own = writes(&world, Exchange, &[named(12, "Twelve")], &[]);
    assert_eq!(field(&own, Field::Subject), Some(text("Twelve")));
    let long = "x".repeat(300);
    for (from, length) in [(Exchange, 200), (Dynamics, 300)] {
        let list = writes(&world, from, &[named(12, &long)], &[]);
        let Some(Some(Value::Text(cut))) = field(&list, Field::Subject) else { panic!("{list:?}") };
        assert_eq!(cut.encode_utf16().count(), length, "{from}");
    }
}
