//! Every edit comes up, the same seed plays the same, and the worked example steps right.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

use super::*;
use crate::sim::seed::{self, SeedSpec};
use crate::sim::world::OrganizationSpec;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

fn seeded() -> Organization {
    let spec = SeedSpec::new("contoso", 24, 2, now());
    let people = seed::organization(&spec);
    let made = Organization::new("http://127.0.0.1:1", OrganizationSpec::new("contoso", people, 1));
    seed::fill(&made, &spec).unwrap();
    made
}

fn played(seed: u64, count: usize) -> Vec<Event> {
    let organization = seeded();
    let mut play = Play::new(seed);
    let minutes = (0..count).filter_map(|minute| i64::try_from(minute).ok());
    minutes.map(|m| play.next(&organization, now() + Duration::minutes(m)).unwrap()).collect()
}

#[test]
fn every_edit_comes_up_and_is_told_in_a_sentence() {
    // In some hundred calls each edit happens, each with a name, a place and an id.
    let events = played(1, 900);
    let wanted: BTreeSet<_> =
        EDITS.into_iter().chain([(Side::Dynamics, Edit::ChangeOwner)]).collect();
    let seen: BTreeSet<_> = events.iter().map(|event| (event.side, event.edit)).collect();
    assert_eq!(seen, wanted);
    for event in &events {
        assert!(event.what.starts_with(&event.who) && !event.id.is_empty(), "{event:?}");
        assert!(
            [" in Dynamics", " in Outlook", " in To Do"].iter().any(|at| event.what.ends_with(at))
        );
    }
}

#[test]
fn the_same_seed_plays_the_same_edits() {
    // Two plays agree to the last id; another seed plays differently.
    assert_eq!(played(5, 40), played(5, 40));
    assert_ne!(played(5, 40), played(6, 40));
}

#[test]
fn conf_02_looking_at_an_item_changes_no_content() {
    // Opening moves the version of an item and nothing else.
    let organization = seeded();
    let mut play = Play::new(3);
    let person = &organization.people[0];
    let done = (0..50).find_map(|_| {
        let turn = Turn { organization: &organization, person, now: now() + Duration::hours(1) };
        play.in_exchange(turn, Edit::Open)
    });
    let mut graph = organization.graph();
    graph.settle(now() + Duration::hours(2));
    let find = |graph: &crate::sim::graph::GraphSim| {
        let mut all = graph.events(&person.address);
        all.extend(graph.contacts(&person.address));
        all.extend(graph.tasks(&person.address));
        all.into_iter().find(|item| item["id"] == done.as_ref().unwrap().id.as_str()).unwrap()
    };
    let before = find(&graph);
    graph
        .user_open_item(&person.address, &done.as_ref().unwrap().id, now() + Duration::hours(3))
        .unwrap();
    graph.settle(now() + Duration::hours(4));
    let after = find(&graph);
    assert_ne!(before["@odata.etag"], after["@odata.etag"]);
    for name in ["subject", "title", "surname", "start", "body", "categories"] {
        assert_eq!(before[name], after[name], "{name}");
    }
}

#[test]
fn filt_07_the_worked_example_has_three_steps() {
    // The contact belongs to the first person, then to the second, who edits it.
    let organization = seeded();
    let mut example = Play::new(1).worked_example(&organization).unwrap();
    let steps: Vec<Step> = std::iter::from_fn(|| example.step(&organization, now())).collect();
    let homes: Vec<_> = steps.iter().map(|step| (step.in_first, step.in_second)).collect();
    assert_eq!(homes, [(true, false), (false, true), (false, true)]);
    let mut dataverse = organization.dataverse();
    let id = steps[0].event.id.parse().unwrap();
    assert!(!dataverse.filter_rows(example.first.user_id, "contact", now()).contains(&id));
    assert!(dataverse.filter_rows(example.second.user_id, "contact", now()).contains(&id));
    assert_eq!(dataverse.row("contacts", id).unwrap()["telephone1"], "+234 1 0000-002");
}
