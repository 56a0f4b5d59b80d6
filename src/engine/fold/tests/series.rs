//! Which occurrences a write names one by one, and when a pattern takes them all along
//! (`fold::occurrences`, REC-07).

use super::entry;
use crate::domain::field::{Field, Group};
use crate::domain::plan::{Op, Step};
use crate::domain::side::Side::{self, Dynamics, Exchange};
use crate::engine::fold::occurrences::{slipped_in, written_days};
use crate::engine::normalise::day_print;
use crate::engine::plan::Entry;
use crate::engine::testing::*;

/// The plan of a series whose row became this.
fn written(world: &World, before: (&Obs, &Obs), after: &Obs) -> Entry {
    entry(world, world.then(world.linked(before.0, before.1), after))
}

fn days(list: &[u32]) -> Vec<u64> {
    list.iter().map(|number| day_print(day(*number), &KEY)).collect()
}

fn groups(entry: &mut Entry, side: Side) -> &mut Vec<Group> {
    let Some(Step { op: Op::Update { groups, .. }, .. }) = entry.steps.get_mut(side) else {
        panic!("no update");
    };
    groups
}

#[test]
fn rec_07_a_write_names_the_occurrences_that_it_writes() {
    // Renamed and deleted ones by their days, on the side that is written and on no other.
    let world = World::new();
    let after = there(&[named(12, "Twelve"), gone(14)]);
    let one = written(&world, (&there(&[]), &here(&[])), &after);
    assert_eq!(written_days(&one, Exchange, &KEY), Some(days(&[12, 14])));
    assert_eq!(written_days(&one, Dynamics, &KEY), None);
}

#[test]
fn rec_07_a_write_of_other_groups_names_no_occurrence() {
    // A new subject of the series writes none; a step that is no change says nothing of days.
    let world = World::new();
    let after = there(&[]).text(Field::Subject, "Other");
    let one = written(&world, (&there(&[]), &here(&[])), &after);
    assert!(one.steps.exchange.is_some());
    assert_eq!(written_days(&one, Exchange, &KEY), None);
    let mut without = written(&world, (&there(&[]), &here(&[])), &there(&[named(12, "Twelve")]));
    groups(&mut without, Exchange).retain(|group| *group != Group::Exceptions);
    assert_eq!(written_days(&without, Exchange, &KEY), None);
    let create = entry(&world, world.alone(&there(&[named(12, "Twelve")])));
    assert_eq!(written_days(&create, Exchange, &KEY), None);
}

#[test]
fn rec_07_a_pattern_that_moves_takes_all_occurrences_along() {
    // Another interval ends what deviated; the same pattern said again moves nothing, nor does one
    // where none was known before leave anything to name.
    let world = World::new();
    let twelve = [named(12, "Twelve")];
    let moved = there(&twelve).set(Field::Recurrence, daily(2));
    let one = written(&world, (&there(&twelve), &here(&twelve)), &moved);
    assert_eq!(written_days(&one, Exchange, &KEY), None);
    let mut same = written(&world, (&there(&[]), &here(&[])), &there(&twelve));
    let Some(Step { op: Op::Update { patch, .. }, .. }) = &mut same.steps.exchange else {
        panic!("no update");
    };
    patch.push((Field::Recurrence, Some(daily(1))));
    assert_eq!(written_days(&same, Exchange, &KEY), Some(days(&[12])));
    let seen = same.verdict.pairing.seen.exchange.as_mut().unwrap();
    seen.observation.fields.set(Field::Recurrence, None);
    assert_eq!(written_days(&same, Exchange, &KEY), None);
}

#[test]
fn conf_03_only_an_occurrence_that_was_not_written_can_have_slipped_in() {
    // The answer differs from what was read: on the written day that is the write, on another one
    // somebody came between.
    let world = World::new();
    let one = written(&world, (&there(&[]), &here(&[])), &there(&[named(12, "Twelve")]));
    let prints = |list: &[_]| world.seen(&here(list)).prints;
    let read = prints(&[]);
    for (answer, came) in [
        (prints(&[named(12, "Twelve")]), false),
        (prints(&[]), false),
        (prints(&[named(12, "Twelve"), named(14, "Came")]), true),
        (prints(&[gone(14)]), true),
    ] {
        assert_eq!(slipped_in(&one, Exchange, &read, &answer, &KEY), came);
    }
    let had = prints(&[named(14, "Fourteen")]);
    assert!(slipped_in(&one, Exchange, &had, &prints(&[]), &KEY), "taken back meanwhile");
    assert!(!slipped_in(&one, Dynamics, &had, &prints(&[]), &KEY), "nothing was written there");
}

#[test]
fn rec_07_a_write_of_occurrences_and_more_is_agreed_as_a_whole() {
    // Subject and one day went across together: the answer holds nothing that is news.
    let world = World::new();
    let after = there(&[named(12, "Twelve")]).text(Field::Subject, "Other");
    let one = written(&world, (&there(&[]), &here(&[])), &after);
    let answer = here(&[named(12, "Twelve")]).text(Field::Subject, "Other");
    let outcomes = super::exchange(super::done(&answer, "2"));
    let link = super::put(crate::engine::fold::fold(&one, &outcomes, &KEY, &world.context()));
    assert_eq!(world.seen(&answer).prints.differing(&link.agreed.exchange), []);
    assert_eq!(link.trouble, None);
}
