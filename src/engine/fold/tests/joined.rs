//! Two items that are there become a pair, and a write of that fails (`fold::join`, CONF-03).

use super::{done, entry, put};
use crate::domain::code::Code;
use crate::domain::direction::Direction;
use crate::domain::field::{Field, Group};
use crate::domain::fingerprint::Prints;
use crate::domain::kind::Kind::{Contact, Task};
use crate::domain::link::{Link, LinkState};
use crate::domain::plan::Outcome;
use crate::domain::policy::ConflictPolicy;
use crate::domain::side::PerSide;
use crate::domain::side::Side::{self, Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::fold::fold;
use crate::engine::matching::Pairing;
use crate::engine::plan::Entry;
use crate::engine::testing::*;

fn refused() -> Option<Outcome> {
    Some(Outcome::Refused(Code::WriteRefused))
}

/// The plan of a pairing and its link after some steps: those without an answer here are refused.
fn folded(world: &World, pairing: Pairing, answers: &PerSide<Option<Outcome>>) -> (Entry, Link) {
    let one = entry(world, pairing);
    let outcomes = PerSide::from_fn(|side| {
        one.steps.get(side).as_ref()?;
        answers.get(side).clone().or_else(refused)
    });
    let link = put(fold(&one, &outcomes, &KEY, &world.context()));
    (one, link)
}

/// In which groups each side is changed for the next cycle.
fn changed(entry: &Entry, link: &Link) -> [Vec<Group>; 2] {
    [Dynamics, Exchange].map(|side| {
        let seen = entry.verdict.pairing.seen.get(side).as_ref().unwrap();
        seen.prints.differing(link.agreed.get(side))
    })
}

fn marked() -> Obs {
    item(Task).marked(row_guid(1))
}

#[test]
fn conf_03_a_join_that_failed_is_decided_and_told_anew() {
    // Two that meet differ in one group: the write of the winner's fails, both are changed there again.
    for policy in [ConflictPolicy::Dynamics, ConflictPolicy::Exchange] {
        let world = World::with(|world| world.policy.conflict = policy);
        let (there, here) = (row(Task).text(Field::Subject, "There"), marked());
        let (first, link) = folded(&world, world.met(&there, &here), &PerSide::default());
        let subject = || vec![Group::Subject];
        assert_eq!(changed(&first, &link), [subject(), subject()], "{policy:?}");
        assert_eq!(link.state, LinkState::Agreed);
        let mut again = world.met(&there, &here);
        again.link = Some(link);
        let again = world.decide(again);
        assert_eq!(again.writes, first.verdict.writes, "{policy:?}");
        assert!(cites(&again, rule::CONF_03), "{policy:?}");
    }
}

#[test]
fn conf_03_an_empty_side_that_was_to_be_filled_or_to_win_is_seen_again() {
    // Only the row has a text. Whoever wins, the failed write leaves the winner changed, and the side
    // that should have been written agreed on nothing that it had not.
    for (policy, expected) in [
        (ConflictPolicy::Dynamics, [vec![Group::Body], vec![Group::Body]]),
        (ConflictPolicy::Exchange, [vec![Group::Body], vec![Group::Body]]),
    ] {
        let world = World::with(|world| world.policy.conflict = policy);
        let there = row(Task).text(Field::Body, "text");
        let (first, link) = folded(&world, world.met(&there, &marked()), &PerSide::default());
        assert_eq!(changed(&first, &link), expected, "{policy:?}");
    }
}

#[test]
fn conf_03_what_one_side_took_over_of_a_join_is_agreed() {
    // Two columns, each with one direction: no rival. One write succeeds, the other is the only news.
    let world = World::with(|world| {
        world.directions.0.insert((Contact, Field::JobTitle), Direction::ToExchange);
        world.directions.0.insert((Contact, Field::Website), Direction::ToDynamics);
    });
    let title = |obs: Obs, text| obs.text(Field::JobTitle, text);
    let site = |obs: Obs, text| obs.text(Field::Website, text);
    let there = site(title(row(Contact), "Chief"), "old.test");
    let here = site(title(item(Contact).marked(row_guid(1)), "Clerk"), "new.test");
    let answer = done(&title(here.clone(), "Chief"), "2");
    let answers = PerSide { dynamics: None, exchange: answer };
    let (first, link) = folded(&world, world.met(&there, &here), &answers);
    assert!(!first.verdict.decision.rules.contains(&rule::CONF_03));
    let [row, _] = changed(&first, &link);
    assert_eq!(row, [], "nothing of the row waits");
    let expected = world.seen(&title(here, "Chief")).prints.differing(&link.agreed.exchange);
    assert_eq!(expected, [Group::Links], "the site is still to be told");
}

/// A pair whose item was made without an answer; then both are read.
fn made(world: &World, there: &Obs, here: &Obs) -> Pairing {
    let pairing = world.linked(&row(Task), &marked());
    let pairing = in_state(pairing, LinkState::Creating(Exchange));
    let pairing = linking(pairing, |link| link.agreed.exchange = Prints::default());
    world.then(world.then(pairing, there), here)
}

#[test]
fn conf_03_a_guess_that_failed_is_guessed_again() {
    // The row was edited while its item was made, and what that replaces may be an edit: the source
    // keeps its former state, the item stays unknown, and the pair is still in the making.
    let world = World::new();
    let there = row(Task).text(Field::Subject, "Newer");
    let pairing = made(&world, &there, &marked());
    let before = pairing.link.clone().unwrap();
    let (first, link) = folded(&world, pairing, &PerSide::default());
    assert!(first.verdict.decision.rules.contains(&rule::CONF_03));
    assert_eq!(link.agreed, before.agreed);
    assert_eq!(link.state, LinkState::Creating(Exchange));
}

#[test]
fn conf_03_an_edit_of_what_was_made_is_still_one_when_its_write_fails() {
    // Nothing is guessed: the item's edit is known by its source, the rest is agreed.
    let world = World::new();
    let here = marked().text(Field::Subject, "Newer");
    let (first, link) = folded(&world, made(&world, &row(Task), &here), &PerSide::default());
    assert!(!first.verdict.decision.rules.contains(&rule::CONF_03));
    assert_eq!(changed(&first, &link), [vec![], vec![Group::Subject]]);
    assert_eq!(link.state, LinkState::Agreed);
}

#[test]
fn conf_03_what_differs_although_nobody_edited_it_stays_news_of_the_winner() {
    // Both former states are known and differ, as after other directions: the winner's write fails and
    // is still owed, the loser has nothing to say, and the pair is one.
    let world = World::new();
    let there = row(Task).text(Field::Subject, "There");
    let pairing = in_state(world.linked(&there, &marked()), LinkState::Creating(Exchange));
    let (first, link) = folded(&world, pairing, &PerSide::default());
    assert!(first.verdict.decision.rules.contains(&rule::CONF_03));
    assert_eq!(changed(&first, &link), [vec![Group::Subject], vec![]]);
    assert_eq!(link.state, LinkState::Agreed);
}

#[test]
fn inv_3_a_pair_that_was_one_agrees_on_nothing_that_was_not_carried() {
    // A write fails beside an edit that a direction keeps back: neither is agreed.
    let world = World::with(|world| {
        world.directions.0.insert((Contact, Field::Website), Direction::ToExchange);
    });
    let here = item(Contact).marked(row_guid(1));
    let pairing = world.linked(&row(Contact), &here);
    let pairing = world.then(pairing, &row(Contact).text(Field::City1, "Bergen"));
    let pairing = world.then(pairing, &here.text(Field::Website, "mine.test"));
    let before = pairing.link.clone().unwrap();
    let (_, link) = folded(&world, pairing, &PerSide::default());
    assert_eq!(link.agreed, before.agreed);
}

#[test]
fn cxl_09_an_item_that_could_not_be_deleted_agrees_on_nothing() {
    // It was made from a row that is gone: the delete is refused and is still owed.
    let world = World::new();
    let pairing = made(&world, &row(Task).gone(), &marked());
    let before = pairing.link.clone().unwrap();
    let (first, link) = folded(&world, pairing, &PerSide::default());
    assert!(deletes(&first.verdict, Exchange));
    assert_eq!(link.agreed, before.agreed);
    assert_eq!(Side::BOTH.map(|side| first.steps.get(side).is_some()), [false, true]);
}
