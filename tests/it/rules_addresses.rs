//! The switch from one address of contacts to three, seen from outside (rules.md §1.10, ADDR-04).

use lockstep::sim::faults::{FarSide, FaultKind, FaultPlan, Scope};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{System, id_of, person};
use crate::plans::plan;

const NODE: &str = "state.url = \"memory:\"\n";
const ALL: &str = "\n[policy]\ncontact_addresses = \"all\"\n";

fn paul() -> System {
    System::with(vec![person(1, "Paul", "Cannon", "Europe/Berlin")], NODE, "")
}

/// Changes the tenant file while the store stays.
fn switch(system: &mut System, lines: &str) {
    system.tenant = system.tenant_with(lines);
}

/// A linked contact with these cities in Dynamics.
fn contact(system: &System, name: &str, cities: [&str; 3]) -> Uuid {
    let mut body = json!({ "lastname": name });
    for (number, city) in (1..).zip(cities) {
        if !city.is_empty() {
            body[format!("address{number}_city")] = json!(city);
        }
    }
    system.create(0, "contacts", &body)
}

fn item(system: &System, name: &str) -> Value {
    system.contacts(0).into_iter().find(|one| one["surname"] == name).expect("it is there")
}

/// Returns the cities that both sides hold: business, home, other.
fn cities(system: &System, id: Uuid) -> [[String; 3]; 2] {
    let row = system.row("contacts", id).unwrap();
    let item = item(system, row["lastname"].as_str().unwrap());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let there = ["businessAddress", "homeAddress", "otherAddress"];
    [
        [1, 2, 3].map(|number| text(&row[format!("address{number}_city")])),
        there.map(|name| text(&item[name]["city"])),
    ]
}

fn edit(system: &System, name: &str, body: &Value) {
    system.edit_contact(0, &id_of(&item(system, name)), body);
}

#[test]
fn addr_04_a_switch_pushes_dynamics_once_and_blanks_nothing() {
    // Where both hold an address Dynamics wins, whatever the conflict policy; what only one side
    // holds comes to the other. Nobody touched a contact, and no later cycle pushes again.
    for policy in ["default", "exchange"] {
        let mut system = paul();
        let both = contact(&system, "Both", ["Bonn", "Ulm", "Jena"]);
        let here = contact(&system, "Here", ["Bonn", "Ulm", ""]);
        let there = contact(&system, "There", ["", "", ""]);
        let none = contact(&system, "None", ["Bonn", "", ""]);
        system.settled();
        let private = json!({ "homeAddress": { "street": "Side 2", "city": "Trier" } });
        edit(&system, "Both", &private);
        edit(&system, "There", &private);
        system.settled();
        system.advance(60);
        let lines = format!("{ALL}conflict = \"{policy}\"\n");
        switch(&mut system, &lines);
        let before = system.writes();
        system.settled();
        assert_eq!(cities(&system, both), [["Bonn", "Ulm", "Jena"]; 2], "{policy}");
        assert_eq!(cities(&system, here), [["Bonn", "Ulm", ""]; 2]);
        assert_eq!(cities(&system, there), [["", "Trier", ""]; 2]);
        assert_eq!(cities(&system, none), [["Bonn", "", ""]; 2]);
        let (to_dynamics, to_exchange) = (before.0 + 1, before.1 + 2);
        assert_eq!(system.writes(), (to_dynamics, to_exchange), "one write for each that differs");
        system.advance(60);
        system.settled();
        assert_eq!(system.writes(), (to_dynamics, to_exchange));
        // From now on both write: also an address that its user empties.
        edit(&system, "Both", &json!({ "homeAddress": { "street": null, "city": null } }));
        system.settled();
        assert_eq!(cities(&system, both)[0], ["Bonn", "", "Jena"]);
    }
}

#[test]
fn addr_04_what_was_emptied_while_nobody_looked_empties_nothing() {
    // All three, then the mailing address alone: the home address is emptied in Outlook. Switched
    // back, Dynamics fills it again. The business address that is emptied meanwhile is spared, too.
    let mut system = paul();
    switch(&mut system, ALL);
    let id = contact(&system, "Mitchell", ["Bonn", "Ulm", "Jena"]);
    system.settled();
    assert_eq!(cities(&system, id)[1], ["Bonn", "Ulm", "Jena"]);
    switch(&mut system, "");
    let before = system.writes();
    system.settled();
    assert_eq!(system.writes(), before, "the way back writes nothing");
    edit(&system, "Mitchell", &json!({ "homeAddress": { "city": null } }));
    system.settled();
    edit(&system, "Mitchell", &json!({ "businessAddress": { "city": null } }));
    switch(&mut system, ALL);
    system.settled();
    assert_eq!(cities(&system, id), [["Bonn", "Ulm", "Jena"]; 2]);
}

#[test]
fn addr_04_a_full_business_address_keeps_its_own_rules() {
    // Only emptiness is held: a mailing address that Outlook changed in the cycle of the switch
    // reaches Dynamics.
    let mut system = paul();
    let id = contact(&system, "Mitchell", ["Bonn", "Ulm", ""]);
    system.settled();
    edit(&system, "Mitchell", &json!({ "businessAddress": { "city": "Kiel" } }));
    switch(&mut system, ALL);
    system.settled();
    assert_eq!(cities(&system, id), [["Kiel", "Ulm", ""]; 2]);
}

#[test]
fn addr_04_a_push_without_an_answer_is_looked_at_again() {
    // The write is carried out and its answer is lost: the pair stays in the old mode until a cycle
    // saw both sides agree.
    let mut system = paul();
    let id = contact(&system, "Mitchell", ["Bonn", "Ulm", ""]);
    system.settled();
    switch(&mut system, ALL);
    let writes = Scope::Side(FarSide::Graph).and(Scope::Writes);
    system.organization().set_faults(FaultPlan::new(1).with(FaultKind::MalformedJson, 1.0, writes));
    system.passes(1);
    assert!(system.organization().faults().injected_of("malformed_json") > 0);
    system.organization().set_faults(FaultPlan::none());
    assert!(!system.links(0)[0].three_addresses);
    system.settled();
    assert!(system.links(0)[0].three_addresses);
    assert_eq!(cities(&system, id), [["Bonn", "Ulm", ""]; 2]);
}

#[test]
fn addr_04_a_direction_that_forbids_the_push_is_obeyed() {
    // FLD-02: an address that flows to Dynamics only is not pushed, it is taken over.
    let mut system = paul();
    let id = contact(&system, "Mitchell", ["Bonn", "Ulm", "Jena"]);
    system.settled();
    edit(&system, "Mitchell", &json!({ "homeAddress": { "city": "Trier" } }));
    system.settled();
    switch(&mut system, &format!("{ALL}\n[directions]\ncontact.address2_city = \"to-dynamics\"\n"));
    system.settled();
    assert_eq!(cities(&system, id), [["Bonn", "Trier", "Jena"]; 2]);
}

#[test]
fn addr_04_a_plan_shows_the_switch_before_it_happens() {
    // The dry run names each contact, its rule and both values; it writes nothing, and after the
    // push there is nothing left to show.
    let mut system = paul();
    contact(&system, "Here", ["Bonn", "Ulm", ""]);
    contact(&system, "None", ["Bonn", "", ""]);
    system.settled();
    assert_eq!(plan(&system).totals.addresses, 0);
    edit(&system, "Here", &json!({ "homeAddress": { "city": "Trier" } }));
    system.settled();
    switch(&mut system, ALL);
    let before = system.writes();
    let doc = plan(&system);
    assert_eq!(system.writes(), before);
    assert_eq!((doc.totals.addresses, doc.totals.updates), (1, 1));
    let item = &doc.mailboxes[0].items[0];
    assert_eq!(item.rules[0], "ADDR-04");
    let city = item.steps[0].fields.iter().find(|one| one.field == "city2").unwrap();
    assert_eq!((&city.before, &city.after), (&Some(json!("Trier")), &Some(json!("Ulm"))));
    system.settled();
    assert_eq!(plan(&system).totals.addresses, 0);
}
