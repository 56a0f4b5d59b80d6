//! What cycles write down of themselves.

use super::fakes::{Fault, World, mailbox};
use super::*;
use crate::domain::field::{Field, Group};
use crate::domain::journal::{Done, Ending, Kept, KeptContent, OpName, Record, content};
use crate::domain::plan::Verb;
use crate::domain::side::PerSide;
use crate::ports::journal::{Ask, Journal, Of};

const ALL: Ask = Ask { of: Of::Mailbox, since: None, most: 1_000 };

async fn records(world: &World) -> Vec<Record> {
    world.store.memory.records(&mailbox(1).key, &ALL).await.unwrap()
}

async fn kept(world: &World) -> Vec<Kept> {
    world.store.memory.kept(&mailbox(1).key, &ALL).await.unwrap()
}

fn opened(world: &World, kept: &Kept) -> KeptContent {
    let vault = world.deps().chronicle.vault.unwrap();
    let plain = vault.open(&kept.label.bound_to(&mailbox(1).key), &kept.sealed).unwrap();
    content::decode(&plain).unwrap()
}

#[tokio::test]
async fn a_decision_is_written_down_once_and_an_echo_never() {
    // A create is one record with its rules, its write and its state; the quiet cycle adds none.
    let world = World::new();
    let row = world.dynamics.add("Call Anna");
    let report = world.cycle().await.unwrap();
    world.settle().await;
    let records = records(&world).await;
    let [record] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(record.native.dynamics, Some(row));
    assert_eq!(record.native.exchange, Some(crate::domain::ids::NativeId::new("ex-1")));
    assert_eq!((record.verb, record.cycle), (Verb::Create(Side::Exchange), report.cycle));
    assert!(record.rules.iter().any(|rule| rule.as_ref() == "FILT-02"), "{record:?}");
    let done = Done { op: OpName::Create, ending: Ending::Done };
    assert_eq!(record.done, PerSide { dynamics: None, exchange: Some(done) });
    assert_eq!(record.state, Some(LinkState::Agreed));
    assert!(kept(&world).await.is_empty(), "a create replaces nothing");
}

#[tokio::test]
async fn an_overwritten_version_is_kept_before_the_write() {
    // The item as it was stands in the store before the update is sent, with all its fields.
    let world = World::new();
    let row = world.dynamics.add("Call Anna");
    world.settle().await;
    world.log();
    world.dynamics.rename(&row, "Call Bert");
    let report = world.cycle().await.unwrap();
    let log = world.log();
    let at = |what: &str| log.iter().position(|it| it.starts_with(what)).unwrap();
    assert!(at("commit") < at("update"), "{log:?}");
    let kept = kept(&world).await;
    let [one] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!((one.label.side, one.label.op), (Side::Exchange, OpName::Update));
    assert_eq!(one.label.cycle, report.cycle);
    assert_eq!(opened(&world, one).fields.text(Field::Subject), "Call Anna");
    assert!(opened(&world, one).fields.get(Field::TodoStatus).is_some());
    assert_eq!(records(&world).await[0].groups, [Group::Subject]);
}

#[tokio::test]
async fn a_deleted_version_is_kept() {
    // What a delete in Exchange removes from Dynamics can be restored.
    let world = World::new();
    world.dynamics.add("Call Anna");
    world.settle().await;
    world.exchange.remove(&crate::domain::ids::NativeId::new("ex-1"));
    world.settle().await;
    assert!(world.dynamics.subjects().is_empty());
    let kept = kept(&world).await;
    let [one] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!((one.label.side, one.label.op), (Side::Dynamics, OpName::Delete));
    assert_eq!(opened(&world, one).fields.text(Field::Subject), "Call Anna");
}

#[tokio::test]
async fn err_02_a_failure_and_its_end_are_written_down() {
    // A lost answer is a record with its code; what settles it later is one, too.
    let world = World::new();
    world.dynamics.add("Call Anna");
    world.exchange.faults(&[Fault::UnknownDone]);
    world.cycle().await.unwrap();
    let first = records(&world).await.remove(0);
    assert_eq!(first.failed, Some(Code::ResultUnknown));
    assert_eq!(first.done.exchange.map(|done| done.ending), Some(Ending::Unknown));
    world.settle().await;
    let last = records(&world).await.remove(0);
    assert_eq!((last.failed, last.state), (None, Some(LinkState::Agreed)));
}

#[tokio::test]
async fn old_records_and_versions_go() {
    // What is older than the retention is forgotten by the commits that write something down.
    let world = World::new();
    let row = world.dynamics.add("Call Anna");
    world.settle().await;
    world.dynamics.rename(&row, "Call Bert");
    world.settle().await;
    assert_eq!((records(&world).await.len(), kept(&world).await.len()), (2, 1));
    world.clock.forward(31 * 24 * 3600);
    for (name, left) in [("Call Carl", (1, 1)), ("Call Dora", (2, 2))] {
        world.dynamics.rename(&row, name);
        run_cycle(&world.context()).await.unwrap();
        assert_eq!((records(&world).await.len(), kept(&world).await.len()), left);
    }
    let subject = |one: &Kept| opened(&world, one).fields.text(Field::Subject).to_owned();
    let subjects: Vec<String> = kept(&world).await.iter().map(subject).collect();
    assert!(!subjects.contains(&"Call Anna".to_owned()), "{subjects:?}");
}

#[tokio::test]
async fn nothing_is_kept_when_it_is_switched_off() {
    // With a retention of zero no content enters the store, sealed or not.
    let world = World::new();
    let row = world.dynamics.add("Call Anna");
    let mut context = world.context();
    context.deps.chronicle.retention.versions = chrono::TimeDelta::zero();
    run_cycle(&context).await.unwrap();
    world.dynamics.rename(&row, "Call Bert");
    context.now += chrono::TimeDelta::seconds(60);
    run_cycle(&context).await.unwrap();
    assert_eq!(world.exchange.subjects(), ["Call Bert"]);
    assert!(kept(&world).await.is_empty());
}
