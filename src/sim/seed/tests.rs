//! The data is the same for the same seed, and the strict stand-ins accept all of it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::*;
use crate::sim::world::OrganizationSpec;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

fn seeded(mailboxes: usize, seed: u64) -> (Organization, Seeded) {
    let mut spec = SeedSpec::new("contoso", mailboxes, seed, now());
    // Every kind of Exchange item in every mailbox.
    spec.exchange_items_per = 12;
    let people = organization(&spec);
    let made = Organization::new("http://127.0.0.1:1", OrganizationSpec::new("contoso", people, 1));
    let amounts = fill(&made, &spec).unwrap();
    (made, amounts)
}

fn contents(organization: &Organization) -> Vec<Value> {
    let graph = organization.graph();
    let dataverse = organization.dataverse();
    let sets = [
        "contacts",
        "tasks",
        "phonecalls",
        "letters",
        "faxes",
        "appointments",
        "recurringappointmentmasters",
    ];
    let mut all: Vec<Value> = sets.iter().flat_map(|set| dataverse.rows(set)).collect();
    for person in &organization.people {
        all.extend(graph.events(&person.address));
        all.extend(graph.contacts(&person.address));
        all.extend(graph.tasks(&person.address));
    }
    all
}

#[test]
fn the_same_seed_gives_the_same_world() {
    // Two fills from one spec agree in every stored value; another seed gives other values.
    let (left, _) = seeded(6, 7);
    let (right, _) = seeded(6, 7);
    let (other, _) = seeded(6, 8);
    assert_eq!(left.people, right.people);
    assert_eq!(contents(&left), contents(&right));
    assert_ne!(left.people, other.people);
}

#[test]
fn the_strict_stand_ins_accept_everything() {
    // No row and no item is refused, and all of them are there.
    let (made, amounts) = seeded(24, 3);
    assert_eq!(amounts.rows, 24 * 16 + 12);
    assert_eq!(amounts.items, 24 * 12 + 12);
    let dataverse = made.dataverse();
    assert_eq!(dataverse.rows("contacts").len(), 24 * 5);
    let mut rows = dataverse.rows("appointments");
    rows.retain(|row| row["seriesid"].is_null());
    assert_eq!(rows.len(), 24 * 5);
    assert_eq!(dataverse.rows("recurringappointmentmasters").len(), 12);
    let graph = made.graph();
    let person = &made.people[0];
    assert_eq!(graph.contacts(&person.address).len(), 3);
    assert_eq!(graph.tasks(&person.address).len(), 3);
    assert!(graph.events(&person.address).len() >= 6);
}

#[test]
fn rec_01_all_patterns_and_ends_come_up_on_both_sides() {
    // Six patterns and three ends in Dynamics and in Outlook, with occurrences that deviate.
    let (made, _) = seeded(36, 3);
    let rows = made.dataverse().rows("recurringappointmentmasters");
    let rules: BTreeSet<String> = rows
        .iter()
        .map(|row| {
            let nth = row["isnthmonthly"] == true || row["isnthyearly"] == true;
            format!("{} {nth} {}", row["recurrencepatterntype"], row["patternendtype"])
        })
        .collect();
    assert_eq!(rules.len(), 18, "{rules:?}");
    let instances = made.dataverse().rows("appointments");
    assert!(instances.iter().filter(|row| row["instancetypecode"] == 3).count() > 10);
    let graph = made.graph();
    let events = made.people.iter().flat_map(|person| graph.events(&person.address));
    let tracked = events.filter(|event| event["categories"][0] == TRACKED_CATEGORY);
    let rules: BTreeSet<String> = tracked
        .filter(|event| event["recurrence"].is_object())
        .map(|event| {
            let whole = &event["recurrence"];
            format!("{} {}", whole["pattern"]["type"], whole["range"]["type"])
        })
        .collect();
    assert_eq!(rules.len(), 18, "{rules:?}");
}

#[test]
fn people_differ_in_address_and_live_in_many_zones() {
    // A thousand people have a thousand ASCII addresses.
    let spec = SeedSpec::new("contoso", 1_000, 5, now());
    let people = organization(&spec);
    let addresses: BTreeSet<_> = people.iter().map(|p| &p.address).collect();
    let zones: BTreeSet<_> = people.iter().map(|p| &p.time_zone).collect();
    assert_eq!(addresses.len(), 1_000);
    assert!(addresses.iter().all(|address| address.is_ascii()));
    assert!(zones.contains(&"Asia/Kathmandu".to_owned()) && zones.len() == 12);
}

#[test]
fn notes_reach_almost_to_the_end_of_the_column() {
    // A long note is near 2,000 characters and never over.
    for seed in 0..20 {
        let length = words::long_note(&mut fastrand::Rng::with_seed(seed)).chars().count();
        assert!((1_900..2_000).contains(&length), "{length}");
    }
}
