//! What changes nothing although it is written otherwise, and what a translation leaves out.

use super::{to_dynamics, to_exchange, value};
use crate::domain::field::{Field, Fields, Group, Importance, Value};
use crate::domain::kind::Kind::{Appointment, ServiceAppointment, Task};
use crate::domain::zone::Zone;
use crate::engine::catalogue as rule;
use crate::engine::testing::*;
use crate::engine::translate::changes;

fn holding(field: Field, value: Value) -> Fields {
    let mut fields = Fields::new();
    fields.set(field, Some(value));
    fields
}

#[test]
fn appt_out_13_a_body_without_any_format_is_the_text_that_it_says() {
    // Compared as text; another text, or a format, is a change. Of no other field does that hold.
    let html = |text: &str| Value::Html(text.to_owned());
    let text = |text: &str| Value::Text(text.to_owned());
    for (field, new, old, changed) in [
        (Field::Body, html("<p>one</p>"), text("one"), false),
        (Field::Body, text("one"), html("<p>one</p>"), false),
        (Field::Body, html("<p>two</p>"), text("one"), true),
        (Field::Body, html("<p>one</p>"), html("<p><b>one</b></p>"), true),
        (Field::Location, html("<p>one</p>"), text("one"), true),
    ] {
        let patch = vec![(field, Some(new.clone()))];
        assert_eq!(changes(&patch, &holding(field, old)), changed, "{field:?} {new:?}");
    }
}

#[test]
fn rec_06_a_series_of_whole_days_floats_whatever_zone_it_names() {
    // Two zones are two times of day, and one and the same day.
    let berlin = Zone::from_name("Europe/Berlin").unwrap();
    for (all_day, changed) in [(true, false), (false, true)] {
        let series = |zone: &Zone| {
            let Value::Recurrence(mut series) = daily(1) else { panic!("no series") };
            series.zone = zone.clone();
            series.all_day = all_day;
            Value::Recurrence(series)
        };
        let patch = vec![(Field::Recurrence, Some(series(&berlin)))];
        let held = holding(Field::Recurrence, series(&Zone::utc()));
        assert_eq!(changes(&patch, &held), changed, "{all_day}");
    }
}

#[test]
fn svc_06_names_stand_in_the_body_of_a_service_activity_alone() {
    // An appointment names its guests in the list, and leaves the body alone when that is written.
    let world = World::new();
    for (kind, named) in [(ServiceAppointment, true), (Appointment, false)] {
        let there = row(kind).invites(&["a@guest.test"]).text(Field::Body, "Notes");
        let out = to_exchange(&world, &there, &[Group::Attendees]);
        assert_eq!(value(&out, Field::Body).is_some(), named, "{kind}");
        assert_eq!(out.rules.contains(&rule::SVC_06), named, "{kind}");
        let body = to_exchange(&world, &there, &[Group::Body]);
        let bodies = body.patch.iter().filter(|(field, _)| *field == Field::Body);
        assert_eq!(bodies.count(), 1, "{kind}");
    }
    let here = item(ServiceAppointment).text(Field::Body, "Notes");
    let out = to_dynamics(&world, &here, &row(ServiceAppointment), &[Group::Body]);
    assert_eq!(value(&out, Field::Body), None);
}

#[test]
fn appt_in_01_a_subject_that_is_given_takes_nothing_else_away() {
    // An item without a subject gets one, once, and what else is written stays.
    let world = World::new();
    let here = item(Task).without(Field::Subject).important(Importance::High);
    let out = to_dynamics(&world, &here, &row(Task), &[Group::Subject, Group::Importance]);
    let high = Some(Some(Value::Importance(Importance::High)));
    assert_eq!(value(&out, Field::Importance), high);
    let subjects: Vec<_> = out.patch.iter().filter(|(field, _)| *field == Field::Subject).collect();
    assert!(
        matches!(subjects[..], [(_, Some(Value::Text(text)))] if !text.is_empty()),
        "{subjects:?}"
    );
}

#[test]
fn appt_in_10_who_is_looked_up_is_told_and_nobody_is_not() {
    // A list without anybody looks up nobody.
    let world = World::new();
    for (guests, told) in [(&[][..], false), (&["a@guest.test"][..], true)] {
        let here = item(Appointment).invites(guests);
        let out = to_dynamics(&world, &here, &row(Appointment), &[Group::Attendees]);
        assert_eq!(out.rules.contains(&rule::APPT_IN_10), told, "{guests:?}");
    }
}
