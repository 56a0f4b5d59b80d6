//! What is over, and what comes back from the past: which groups are written then (APPT-OUT-06, CXL-09).

use chrono::NaiveDate;

use crate::domain::field::{Field, Group, Value};
use crate::domain::kind::Kind::{Appointment, RecurringAppointment};
use crate::domain::link::Role;
use crate::domain::recurrence::End;
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::{Verdict, Write};
use crate::engine::testing::*;

const GUEST: [&str; 1] = ["a@guest.test"];

/// A daily series from a day of February on.
fn from_february(first: u32, count: u32) -> Value {
    let Value::Recurrence(mut series) = daily(1) else { panic!("no series") };
    series.first = NaiveDate::from_ymd_opt(2026, 2, first).unwrap();
    series.end = End::After(count);
    Value::Recurrence(series)
}

fn groups(verdict: &Verdict) -> Vec<Group> {
    match &verdict.writes.exchange {
        Some(Write::Update { groups, .. }) => groups.clone(),
        Some(Write::Create { .. } | Write::Unmark { .. } | Write::Delete { .. }) | None => {
            panic!("no update: {verdict:?}")
        }
    }
}

#[test]
fn appt_out_06_a_meeting_is_over_by_its_row_a_series_only_when_nobody_sees_the_rest() {
    // Moved into the past, a single meeting is held back from its guests. A series that was ended is
    // told to them while its occurrences still stand in their calendars, and no more after that.
    let world = World::new();
    let named = |obs: Obs| obs.text(Field::Subject, "Other");
    let ended = from_february(1, 3);
    let all = |obs: Obs| obs.invites(&GUEST);
    let (single, single_here) = (all(row(Appointment)), all(item(Appointment)));
    let (series, series_here) = (all(there(&[])), all(here(&[])));
    let over = series.clone().set(Field::Recurrence, ended.clone());
    let over_here = series_here.clone().set(Field::Recurrence, ended);
    for (before, item, after, held) in [
        (&single, &single_here, single.clone().at(hours(-5)), true),
        (&single, &single_here, named(single.clone()), false),
        (&series, &series_here, over.clone(), false),
        (&series, &series_here, named(series.clone()), false),
        (&over, &over_here, named(over.clone()), true),
    ] {
        let verdict = world.decide(world.then(world.linked(before, item), &after));
        assert_eq!(silent(&verdict), held, "{verdict:?}");
        assert_eq!(cites(&verdict, rule::APPT_OUT_06), held, "{verdict:?}");
    }
}

#[test]
fn appt_out_06_only_a_meeting_of_this_user_that_moves_takes_along_what_was_held_back() {
    // One that both sides agreed to show at different times stands where it stood; a copy moves alone
    // and invites nobody.
    let world = World::new();
    let (past, past_here) = (row(Appointment).at(hours(-5)), item(Appointment).at(hours(-5)));
    let decide = |role: Role, before: &Obs, after: &Obs| {
        world.decide(world.then(in_role(world.linked(before, &past_here), role), after))
    };
    let future = row(Appointment).organized_by(SERVED).invites(&GUEST);
    let copied = past.clone().organized_by(SERVED).invites(&GUEST);
    assert_eq!(groups(&decide(Role::PrivateCopy, &copied, &future)), [Group::Time]);
    let agreed = row(Appointment);
    let renamed = agreed.clone().text(Field::Subject, "Other");
    assert_eq!(groups(&decide(Role::Owner, &agreed, &renamed)), [Group::Subject]);
    let back = groups(&decide(Role::Owner, &past, &agreed));
    assert!(back.contains(&Group::Time) && back.contains(&Group::Subject), "{back:?}");
}

#[test]
fn conf_04_a_past_occurrence_that_stays_gave_way_to_nothing() {
    // Deleted in its row and edited in Exchange: one that is over stays as it is, whatever else of the
    // series is written; one to come is deleted, and that is told.
    let world = World::new();
    let series = from_february(20, 60);
    let with = |obs: Obs| obs.set(Field::Recurrence, series.clone());
    for (day, deleted) in [(1, false), (20, true)] {
        let pairing = world.linked(&with(there(&[])), &with(here(&[])));
        let pairing = world.then(pairing, &with(here(&[named(day, "Own")])));
        let edited = with(there(&[gone(day)])).text(Field::Location, "Room");
        let verdict = world.decide(world.then(pairing, &edited));
        assert!(writes(&verdict, Exchange, Field::Location).is_some(), "{day} {verdict:?}");
        assert_eq!(writes(&verdict, Exchange, Field::Exceptions).is_some(), deleted, "{day}");
        assert_eq!(cites(&verdict, rule::CONF_04), deleted, "{day} {verdict:?}");
        assert!(writes(&verdict, Dynamics, Field::Exceptions).is_none(), "{day}");
        assert_eq!(verdict.pairing.kind(), RecurringAppointment);
    }
}
