//! Tests of stories against port-level fakes.

use super::*;
use crate::cycle::tests::fakes::{Fault, World, mailbox};
use crate::domain::ids::LinkId;
use crate::ports::links::LinkStore as _;

async fn told(world: &World, target: Target) -> Story {
    let story = explain(&world.context(), &target).await.unwrap();
    let stages: Vec<Stage> = story.steps.iter().map(|step| step.stage).collect();
    assert_eq!(stages, Stage::ALL);
    for step in &story.steps {
        assert!(!step.rules.is_empty() && !step.change().is_empty(), "{step:?}");
    }
    story
}

#[tokio::test]
async fn a_story_writes_nothing_and_ends_with_what_the_cycle_does() {
    // Before, between and after cycles: what is told is what the next cycle does.
    let world = World::new();
    let row = world.dynamics.add("Call Anna");
    let target = Target::Item(Side::Dynamics, row.clone());
    let before = told(&world, target.clone()).await;
    assert!(before.summary.starts_with("To be written next"), "{}", before.summary);
    assert_eq!(world.commits(), 0);
    assert!(world.exchange.subjects().is_empty());
    world.settle().await;
    let commits = world.commits();
    let after = told(&world, target).await;
    assert!(after.summary.starts_with("In step"), "{}", after.summary);
    assert_eq!((world.commits(), after.history.len()), (commits, 1));
}

#[tokio::test]
async fn a_create_without_an_answer_is_told_as_such() {
    // The pair is unsettled; the story names the code, finds the item by its marker, and says so.
    let world = World::new();
    let row = world.dynamics.add("Call Anna");
    world.exchange.faults(&[Fault::UnknownDone]);
    world.cycle().await.unwrap();
    let story = told(&world, Target::Item(Side::Dynamics, row)).await;
    let verify = story.step(Stage::Verify).unwrap();
    assert_eq!(verify.codes, [Code::ResultUnknown]);
    assert!(story.native.exchange.is_some(), "{story:?}");
    assert!(story.history[0].failed.is_some());
}

#[tokio::test]
async fn a_mailbox_that_stands_still_is_named() {
    // A halted mailbox explains why nothing moves although the decision is clear.
    let world = World::new();
    let row = world.dynamics.add("Call Anna");
    let mut story = told(&world, Target::Item(Side::Dynamics, row)).await;
    add_phase(&mut story, Code::DeleteBudget);
    let scope = story.step(Stage::Scope).unwrap();
    assert_eq!(scope.codes, [Code::DeleteBudget]);
    assert!(scope.change()[0].contains("lockstep plan"), "{:?}", scope.change());
}

#[tokio::test]
async fn an_unknown_pair_and_an_excluded_mailbox_have_whole_stories() {
    // Nothing known, nothing read: still six steps, each with a rule and what would change it.
    let world = World::new();
    let target = Target::Link(LinkId(uuid::Uuid::from_u128(404)));
    let story = told(&world, target.clone()).await;
    assert!(story.summary.starts_with("Nothing is known"), "{}", story.summary);
    let key = mailbox(1).key;
    let state = world.store.load(&key).await.unwrap();
    let reasons = [(crate::engine::catalogue::ELIG_04, Code::QueueMailbox)];
    let journal = world.store.memory.as_ref();
    let out = excluded(journal, &key, &state, &target, &reasons).await.unwrap();
    assert_eq!(out.steps.len(), 6);
    assert!(out.steps.iter().all(|step| step.codes == [Code::QueueMailbox]));
}
