//! Column security, seen from outside (rules.md §1.14, FLD-04).

use lockstep::domain::code::Code;
use lockstep::domain::side::Side;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{SIGNAL, System, id_of, person};

fn paul() -> System {
    System::new(vec![person(1, "Paul", "Cannon", "Europe/Berlin")])
}

/// Secures the job title and grants Paul to create, read and update it.
fn secure(system: &System, rights: [bool; 3]) {
    let user = system.user(0);
    let mut dataverse = system.organization().dataverse();
    assert!(dataverse.secure_column("contact", "jobtitle"));
    dataverse.grant_column(user, "contact", "jobtitle", rights);
}

/// A linked contact, a clerk on both sides.
fn clerk(system: &System) -> (Uuid, String) {
    let body = json!({ "lastname": "Mitchell", "jobtitle": "Clerk", "department": "Sales" });
    let id = system.create(0, "contacts", &body);
    system.settled();
    let _ = system.codes();
    (id, id_of(&system.contacts(0)[0]))
}

fn titles(system: &System, id: Uuid) -> (Value, Value) {
    let row = system.row("contacts", id).unwrap();
    (row["jobtitle"].clone(), system.contacts(0)[0]["jobTitle"].clone())
}

#[test]
fn fld_04_a_column_that_the_user_may_not_update_is_left_out_and_noted() {
    // The title stays on each side as it is, everything else of the contact is carried, and the
    // reason is named once.
    let system = paul();
    let (id, item) = clerk(&system);
    secure(&system, [true, true, false]);
    let edit = json!({ "jobTitle": "Chair", "department": "Board", "nickName": "Lin" });
    system.edit_contact(0, &item, &edit);
    system.settled();
    let row = system.row("contacts", id).unwrap();
    assert_eq!((&row["department"], &row["nickname"]), (&json!("Board"), &json!("Lin")));
    assert_eq!(titles(&system, id), (json!("Clerk"), json!("Chair")));
    let lines = system.lines();
    let line = lines.iter().find(|line| line.decision.code == Some(Code::ColumnSecured));
    let rules = &line.expect("it is reported").decision.rules;
    assert!(rules.iter().any(|rule| rule.0 == "FLD-04"), "{rules:?}");
    let before = system.writes();
    system.advance(60);
    system.settled();
    assert_eq!((system.writes(), system.codes()), (before, Vec::new()), "no echo, no second note");
    // The title alone: nothing is written, and nothing fails.
    system.edit_contact(0, &item, &json!({ "jobTitle": "CEO" }));
    system.settled();
    assert_eq!(titles(&system, id), (json!("Clerk"), json!("CEO")));
    assert_eq!((system.writes(), system.codes()), (before, vec![Code::ColumnSecured]));
}

#[test]
fn fld_04_an_empty_column_that_the_user_may_not_update_blanks_nothing() {
    // Paul's own title for the contact outlives a change of a neighbour in Dynamics; a value of
    // Dynamics still reaches Exchange.
    let system = paul();
    let id = system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    system.settled();
    secure(&system, [true, true, false]);
    let item = id_of(&system.contacts(0)[0]);
    system.edit_contact(0, &item, &json!({ "jobTitle": "Chair" }));
    system.settled();
    system.update(0, "contacts", id, &json!({ "department": "Board" }));
    system.settled();
    assert_eq!(titles(&system, id), (Value::Null, json!("Chair")));
    assert_eq!(system.contacts(0)[0]["department"], "Board");
    let mut dataverse = system.organization().dataverse();
    dataverse.admin_set("contacts", id, "jobtitle", json!("Clerk"));
    drop(dataverse);
    system.settled();
    assert_eq!(titles(&system, id), (json!("Clerk"), json!("Clerk")));
}

#[test]
fn fld_04_a_column_that_the_user_may_not_read_blanks_nothing() {
    // To Paul the row shows no title; the one that Exchange holds stays, with and without a
    // neighbour's change, and the row keeps its own.
    let system = paul();
    let (id, item) = clerk(&system);
    secure(&system, [false, false, false]);
    system.update(0, "contacts", id, &json!({ "mobilephone": "1" }));
    system.settled();
    assert_eq!(titles(&system, id), (json!("Clerk"), json!("Clerk")));
    system.update(0, "contacts", id, &json!({ "department": "Board" }));
    system.settled();
    assert_eq!(titles(&system, id), (json!("Clerk"), json!("Clerk")));
    assert_eq!(system.contacts(0)[0]["department"], "Board");
    assert!(system.codes().contains(&Code::ColumnSecured));
    system.edit_contact(0, &item, &json!({ "jobTitle": "Chair", "department": "Hall" }));
    system.settled();
    assert_eq!(titles(&system, id), (json!("Clerk"), json!("Chair")));
    assert_eq!(system.row("contacts", id).unwrap()["department"], "Hall");
}

#[test]
fn fld_04_a_new_row_goes_without_a_column_that_the_user_may_not_fill() {
    // A tracked contact becomes a row with everything but the title.
    for (rights, expected) in
        [([false, true, true], Value::Null), ([true, false, false], json!("Chair"))]
    {
        let system = paul();
        secure(&system, rights);
        system.new_contact(
            0,
            &json!({ "surname": "Mitchell", "jobTitle": "Chair", "department": "Board",
                "singleValueExtendedProperties": [{ "id": SIGNAL, "value": "1" }] }),
        );
        system.settled();
        let row = system.rows("contacts").remove(0);
        assert_eq!((&row["jobtitle"], &row["department"]), (&expected, &json!("Board")));
        assert_eq!(system.contacts(0)[0]["jobTitle"], "Chair");
        let noted = system.codes().contains(&Code::ColumnSecured);
        assert_eq!(noted, expected.is_null());
    }
}

#[test]
fn fld_04_a_granted_column_flows_both_ways() {
    // Secured and granted is as good as open, and nothing is noted.
    let system = paul();
    secure(&system, [true; 3]);
    let (id, item) = clerk(&system);
    system.edit_contact(0, &item, &json!({ "jobTitle": "Chair" }));
    system.settled();
    assert_eq!(titles(&system, id), (json!("Chair"), json!("Chair")));
    system.update(0, "contacts", id, &json!({ "jobtitle": null }));
    system.settled();
    assert_eq!(titles(&system, id), (Value::Null, Value::Null));
    assert_eq!(system.codes(), []);
}

#[test]
fn fld_04_without_the_privileges_the_refusal_names_column_security() {
    // An organization that does not tell who may write what: the write is refused with the code,
    // other items go on, and once it tells, the item is carried without the column.
    let system = paul();
    let (id, item) = clerk(&system);
    secure(&system, [true, true, false]);
    system.organization().dataverse().deny_column_privileges(true);
    system.edit_contact(0, &item, &json!({ "jobTitle": "Chair", "department": "Board" }));
    let other = system.create(0, "contacts", &json!({ "lastname": "Abel" }));
    system.passes(2);
    let lines = system.lines();
    let failed: Vec<Code> = lines.iter().filter_map(|line| line.failed).collect();
    assert!(!failed.is_empty() && failed.iter().all(|code| *code == Code::ColumnSecured));
    assert_eq!(system.contacts(0).len(), 2, "{other} is carried");
    assert_eq!(system.row("contacts", id).unwrap()["department"], "Sales");
    system.organization().dataverse().deny_column_privileges(false);
    system.settled();
    assert_eq!(system.row("contacts", id).unwrap()["department"], "Board");
    assert!(system.links(0).iter().all(|link| link.trouble.is_none()));
    assert!(lines.iter().all(|line| line.native.get(Side::Exchange).is_some()));
}

#[test]
fn fld_04_the_stand_in_refuses_as_documented() {
    // 403 with the code of a missing update or create right; what is not granted reads as nothing.
    let system = paul();
    let (id, _) = clerk(&system);
    secure(&system, [false, false, false]);
    let (user, now) = (system.user(0), system.clock.now());
    let title = json!({ "jobtitle": "Chair" });
    let mut dataverse = system.organization().dataverse();
    let refused = dataverse.user_update(user, "contacts", id, &title, now).unwrap_err();
    assert_eq!((refused.status, refused.code.as_str()), (403, "0x8004f507"));
    let refused = dataverse.user_create(user, "contacts", &title, now).unwrap_err();
    assert_eq!((refused.status, refused.code.as_str()), (403, "0x8004f502"));
    let fine = json!({ "department": "Board" });
    assert!(dataverse.user_update(user, "contacts", id, &fine, now).is_ok());
}
