//! Both sides changed (CONF), and one-way fields (FLD-02).

use crate::domain::code::Code;
use crate::domain::field::{Field, ShowAs, TodoStatus, Value};
use crate::domain::kind::Kind::{self, Appointment, Contact, Task};
use crate::domain::plan::Verb;
use crate::domain::policy::{ConflictPolicy, Direction};
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::Verdict;
use crate::engine::testing::*;

/// The verdict when both halves of a linked pair are seen otherwise.
fn both(world: &World, kind: Kind, there: &Obs, here: &Obs) -> Verdict {
    let pairing = world.linked(&row(kind), &item(kind));
    world.decide(world.then(world.then(pairing, there), here))
}

#[test]
fn conf_02_a_new_version_with_equal_content_is_no_edit() {
    // Change keys move by themselves; only content counts.
    let world = World::new();
    let mut opened = item(Task);
    opened.0.version = Some(crate::domain::ids::Version::new("2"));
    let verdict = both(&world, Task, &row(Task), &opened);
    assert!(silent(&verdict) && cites(&verdict, rule::CONF_05));
}

#[test]
fn conf_03_different_groups_are_merged() {
    // A subject changed here and a body changed there both survive, without a conflict.
    let world = World::new();
    let there = row(Task).text(Field::Subject, "Other");
    let here = item(Task).text(Field::Body, "note");
    let verdict = both(&world, Task, &there, &here);
    assert_eq!(verdict.decision.verb, Verb::Merge);
    assert!(writes(&verdict, Exchange, Field::Subject).is_some());
    assert!(writes(&verdict, Dynamics, Field::Body).is_some());
    assert!(!cites(&verdict, rule::CONF_03));
}

#[test]
fn conf_03_the_same_group_follows_the_policy_and_is_reported() {
    // Dynamics wins for texts, the organizer's calendar for the time; a tenant may choose one side.
    use ConflictPolicy as P;
    for (policy, subject, time) in [
        (P::ByKind, Dynamics, Exchange),
        (P::Dynamics, Dynamics, Dynamics),
        (P::Exchange, Exchange, Exchange),
    ] {
        let world = World::with(|world| world.policy.conflict = policy);
        let there = row(Appointment).text(Field::Subject, "row").at(hours(30));
        let here = item(Appointment).text(Field::Subject, "item").at(hours(40));
        let verdict = both(&world, Appointment, &there, &here);
        let won = |winner, field| writes(&verdict, crate::domain::side::Side::other(winner), field);
        assert!(won(subject, Field::Subject).is_some(), "{policy:?}");
        assert!(won(time, Field::Start).is_some() && won(time, Field::End).is_some());
        assert_eq!(verdict.decision.code, Some(Code::ConflictResolved));
    }
}

#[test]
fn conf_03_equal_edits_are_no_conflict() {
    // Both sides made the same change: nothing is written.
    let world = World::new();
    let there = row(Task).text(Field::Subject, "Other");
    let here = item(Task).text(Field::Subject, "Other");
    assert!(silent(&both(&world, Task, &there, &here)));
}

#[test]
fn conf_03_time_is_one_value() {
    // A moved start carries start, end and all-day together.
    let world = World::new();
    let there = row(Appointment).time(Field::Start, hours(23));
    let verdict = both(&world, Appointment, &there, &item(Appointment));
    for field in [Field::Start, Field::End, Field::AllDay] {
        assert!(writes(&verdict, Exchange, field).is_some(), "{field:?}");
    }
}

#[test]
fn conf_04_delete_beats_update_by_the_rules_of_the_kind() {
    // The row is gone, the item edited: the delete rules decide, no conflict is made of it.
    let world = World::new();
    let edited = item(Task).text(Field::Subject, "Other");
    let verdict = both(&world, Task, &row(Task).gone(), &edited);
    assert!(deletes(&verdict, Exchange));
}

#[test]
fn conf_05_our_own_write_comes_back_as_an_echo() {
    // A write whose answer was lost is recognised: both sides changed and agree.
    let world = World::new();
    let there = row(Appointment).status(0, 2);
    let here = item(Appointment).shows(ShowAs::Tentative);
    let verdict = both(&world, Appointment, &there, &here);
    assert!(silent(&verdict) && cites(&verdict, rule::CONF_05));
}

#[test]
fn fld_02_a_field_flows_only_in_its_directions() {
    // Each direction lets through what it names.
    for (direction, there, here) in [
        (Direction::Both, true, true),
        (Direction::ToExchange, true, false),
        (Direction::ToDynamics, false, true),
        (Direction::None, false, false),
    ] {
        let world = World::with(|world| {
            world.directions.0.insert((Contact, Field::JobTitle), direction);
        });
        let changed = row(Contact).text(Field::JobTitle, "row");
        let verdict = both(&world, Contact, &changed, &item(Contact));
        assert_eq!(verdict.writes.exchange.is_some(), there, "{direction:?}");
        let changed = item(Contact).text(Field::JobTitle, "item");
        let verdict = both(&world, Contact, &row(Contact), &changed);
        assert_eq!(verdict.writes.dynamics.is_some(), here, "{direction:?}");
        assert_eq!(verdict.decision.code, (!here).then_some(Code::DirectionForbids));
    }
}

#[test]
fn fld_02_what_flows_one_way_has_no_rival() {
    // Both sides changed a one-way field: its direction decides, not the conflict policy.
    for (direction, target) in
        [(Direction::ToExchange, Exchange), (Direction::ToDynamics, Dynamics)]
    {
        let world = World::with(|world| {
            world.directions.0.insert((Contact, Field::JobTitle), direction);
        });
        let there = row(Contact).text(Field::JobTitle, "row");
        let here = item(Contact).text(Field::JobTitle, "item");
        let verdict = both(&world, Contact, &there, &here);
        let value = if target == Exchange { "row" } else { "item" };
        let written = writes(&verdict, target, Field::JobTitle);
        assert_eq!(written, Some(Some(Value::Text(value.to_owned()))));
        assert!(!cites(&verdict, rule::CONF_03));
    }
}

#[test]
fn fld_02_a_new_row_has_a_subject_wherever_the_subject_flows() {
    // The subject goes to Exchange only: a tracked item still becomes a row, without its subject.
    let world = World::with(|world| {
        world.directions.0.insert((Task, Field::Subject), Direction::ToExchange);
    });
    let tracked = item(Task).text(Field::Subject, "Private words");
    let verdict = world.decide(world.alone(&tracked));
    let subject = writes(&verdict, Dynamics, Field::Subject);
    assert_eq!(subject, Some(Some(Value::Text("(no subject)".to_owned()))));
}

#[test]
fn fld_02_what_exchange_may_not_know_does_not_complete_its_task() {
    // TASK-OUT-10 by an actual end in the past, TASK-OUT-07 by 100 percent: both need the direction.
    for (field, value) in [
        (Field::ActualEnd, Value::Time(now() - chrono::Duration::days(1))),
        (Field::PercentComplete, Value::Number(100)),
    ] {
        for (direction, completes) in [
            (Direction::Both, true),
            (Direction::ToExchange, true),
            (Direction::ToDynamics, false),
            (Direction::None, false),
        ] {
            let world = World::with(|world| {
                world.directions.0.insert((Task, field), direction);
            });
            let changed = row(Task).set(field, value.clone());
            let verdict = both(&world, Task, &changed, &item(Task));
            let status = writes(&verdict, Exchange, Field::TodoStatus);
            let completed = status == Some(Some(Value::Todo(TodoStatus::Completed)));
            assert_eq!(completed, completes, "{field:?} {direction:?}");
        }
    }
}
