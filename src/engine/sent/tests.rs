//! Tests of what is remembered of writes without an answer.

use crate::domain::code::Code;
use crate::domain::field::{Field, Group};
use crate::domain::kind::Kind::Task;
use crate::domain::link::Link;
use crate::domain::plan::Outcome;
use crate::domain::side::{PerSide, Side};
use crate::engine::catalogue as rule;
use crate::engine::fold::{LinkChange, fold};
use crate::engine::matching::Pairing;
use crate::engine::plan::Plan;
use crate::engine::sent::markers;
use crate::engine::testing::*;

/// A linked task whose item got another subject.
fn edited(world: &World) -> Pairing {
    world.then(world.linked(&row(Task), &item(Task)), &titled("First"))
}

fn titled(subject: &str) -> Obs {
    item(Task).text(Field::Subject, subject)
}

fn folded(world: &World, plan: &Plan, outcome: Outcome) -> Link {
    let outcomes = PerSide { dynamics: Some(outcome), exchange: None };
    let change = fold(&plan.entries[0], &outcomes, &KEY, &world.context());
    let LinkChange::Put(link) = change else { panic!("not stored: {change:?}") };
    *link
}

fn met(world: &World, link: &Link, row: &Obs, item: &Obs) -> Pairing {
    Pairing { link: Some(link.clone()), ..world.met(row, item) }
}

/// The link after a crash, and after an answer that was lost.
fn forgotten(world: &World) -> [Link; 2] {
    let plan = world.plan(vec![edited(world)]);
    let marked = markers(&plan, &KEY, &world.context()).remove(0);
    [marked, folded(world, &plan, Outcome::Unknown)]
}

#[test]
fn conf_05_a_write_without_an_answer_is_no_rival_of_the_next_edit() {
    // The row holds what was written from the item: whatever the item holds now is carried, also
    // what it held before.
    let world = World::new();
    let written = row(Task).text(Field::Subject, "First");
    for link in forgotten(&world) {
        for item in [titled("Second"), item(Task)] {
            let verdict = world.decide(met(&world, &link, &written, &item));
            assert!(writes(&verdict, Side::Dynamics, Field::Subject).is_some());
            assert!(verdict.writes.exchange.is_none() && !cites(&verdict, rule::CONF_03));
        }
        let verdict = world.decide(met(&world, &link, &written, &titled("First")));
        assert!(silent(&verdict), "nothing is left to do");
    }
}

#[test]
fn conf_03_what_somebody_else_wrote_stays_a_rival() {
    // The row holds neither what was agreed nor what was written: it is an edit, and wins.
    let world = World::new();
    for link in forgotten(&world) {
        let theirs = row(Task).text(Field::Subject, "Theirs");
        let verdict = world.decide(met(&world, &link, &theirs, &titled("Second")));
        assert!(cites(&verdict, rule::CONF_03));
        assert!(verdict.writes.dynamics.is_none());
    }
}

#[test]
fn conf_05_a_group_that_was_emptied_without_an_answer_is_ours_too() {
    // An empty group has no fingerprint; that it should be empty is remembered all the same.
    let world = World::new();
    let full = |obs: Obs| obs.text(Field::Body, "Text");
    let linked = world.linked(&full(row(Task)), &full(item(Task)));
    let plan = world.plan(vec![world.then(linked, &item(Task))]);
    let link = folded(&world, &plan, Outcome::Unknown);
    assert_eq!(link.sent.dynamics, [(Group::Body, 0)]);
    let again = item(Task).text(Field::Body, "Again");
    let verdict = world.decide(met(&world, &link, &row(Task), &again));
    assert!(writes(&verdict, Side::Dynamics, Field::Body).is_some());
}

#[test]
fn conf_05_an_answer_ends_what_was_remembered() {
    // Written, or agreed on without a write: an edit back to that value is an edit.
    let world = World::new();
    let written = row(Task).text(Field::Subject, "First");
    for link in forgotten(&world) {
        assert_eq!(link.sent.dynamics.len(), 1);
        let plan = world.plan(vec![met(&world, &link, &row(Task), &titled("First"))]);
        let done = Outcome::Done(Some(Box::new(written.0.clone())));
        assert_eq!(folded(&world, &plan, done).sent, PerSide::default());
        let plan = world.plan(vec![met(&world, &link, &written, &titled("First"))]);
        let change = fold(&plan.entries[0], &PerSide::default(), &KEY, &world.context());
        let LinkChange::Put(link) = change else { panic!("not stored") };
        assert_eq!(link.sent, PerSide::default());
    }
}

#[test]
fn conf_05_what_was_stored_before_a_refused_write_goes() {
    // The service said that it wrote nothing: the link is stored without it, and unsettled.
    let world = World::new();
    let plan = world.plan(vec![edited(&world)]);
    let link = folded(&world, &plan, Outcome::Refused(Code::WriteRefused));
    assert_eq!(link.sent, PerSide::default());
    assert!(link.is_unsettled());
}

#[test]
fn conf_05_only_so_many_writes_without_an_answer_are_remembered() {
    // Each edit is written and no answer comes: the list ends, with the newest in it.
    let world = World::new();
    let mut pairing = edited(&world);
    for number in 0..40 {
        let pairing_now = world.then(pairing.clone(), &titled(&format!("Edit {number}")));
        let link = folded(&world, &world.plan(vec![pairing_now]), Outcome::Unknown);
        pairing.link = Some(link);
    }
    let link = pairing.link.unwrap();
    assert_eq!(link.sent.dynamics.len(), super::MOST);
    let newest = row(Task).text(Field::Subject, "Edit 39");
    let verdict = world.decide(met(&world, &link, &newest, &titled("Second")));
    assert!(writes(&verdict, Side::Dynamics, Field::Subject).is_some());
}
