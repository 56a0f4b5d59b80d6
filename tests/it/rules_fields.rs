//! Directions of fields, seen from outside (rules.md §1.14).

use lockstep::domain::code::Code;
use serde_json::{Value, json};

use crate::harness::{System, id_of, person};

const NODE: &str = "state.url = \"memory:\"\n";

fn paul(tenant: &str) -> System {
    System::with(vec![person(1, "Paul", "Cannon", "Europe/Berlin")], NODE, tenant)
}

/// Changes the job title in Dynamics and then in Exchange, and returns which change arrived:
/// towards Exchange, towards Dynamics.
fn ways(system: &System) -> (bool, bool) {
    let body = json!({ "lastname": "Mitchell", "jobtitle": "Clerk", "department": "Sales" });
    let id = system.create(0, "contacts", &body);
    system.settled();
    let item = id_of(&system.contacts(0)[0]);
    system.update(0, "contacts", id, &json!({ "jobtitle": "CEO", "department": "Board" }));
    system.settled();
    let there = system.contacts(0).remove(0);
    assert_eq!(there["department"], "Board", "a neighbour with both ways is not held");
    system.edit_contact(0, &item, &json!({ "jobTitle": "Chair", "nickName": "Lin" }));
    system.settled();
    let row = system.row("contacts", id).unwrap();
    assert_eq!(row["nickname"], "Lin");
    (there["jobTitle"] == "CEO", row["jobtitle"] == "Chair")
}

#[test]
fn fld_02_each_direction_of_the_tenant_file_is_obeyed() {
    // None, to Exchange, to Dynamics, both: exactly the named way is open.
    for (word, expected) in [
        ("none", (false, false)),
        ("to-exchange", (true, false)),
        ("to-dynamics", (false, true)),
        ("both", (true, true)),
    ] {
        let system = paul(&format!("\n[directions]\ncontact.jobtitle = \"{word}\"\n"));
        assert_eq!(ways(&system), expected, "{word}");
        let held = system.codes().contains(&Code::DirectionForbids);
        assert_eq!(held, expected != (true, true), "{word}");
    }
}

#[test]
fn fld_03_the_organizations_directions_are_read_and_obeyed() {
    // The same four, as the administrator chose them in Dynamics.
    for (number, expected) in
        [(0, (false, false)), (1, (true, false)), (2, (false, true)), (3, (true, true))]
    {
        let system = paul("");
        let known =
            system.organization().dataverse().set_sync_direction("contact", "jobtitle", number);
        assert!(known, "the column has a direction");
        assert_eq!(ways(&system), expected, "{number}");
    }
}

#[test]
fn fld_01_the_tenant_file_replaces_one_direction_of_the_organization_and_no_other() {
    // The organization closes title and place; the file opens the title again.
    let system = paul("\n[directions]\ncontact.jobtitle = \"both\"\n");
    let mut dataverse = system.organization().dataverse();
    assert!(dataverse.set_sync_direction("contact", "jobtitle", 0));
    assert!(dataverse.set_sync_direction("appointment", "location", 0));
    drop(dataverse);
    assert_eq!(ways(&system), (true, true));
    let mut body = system.meeting("Plan", "2026-11-26T10:00:00Z", &[system.party(0, 7)]);
    body["location"] = json!("Room 1");
    system.create(0, "appointments", &body);
    system.settled();
    let event = system.events(0).remove(0);
    assert_eq!(event["subject"], "Plan");
    assert_eq!(event["location"]["displayName"].as_str().unwrap_or_default(), "");
}

#[test]
fn fld_03_an_organization_that_does_not_tell_its_directions_has_the_defaults() {
    // The internal function is refused: everything flows both ways, and nobody halts.
    let system = paul("");
    let mut dataverse = system.organization().dataverse();
    assert!(dataverse.set_sync_direction("contact", "jobtitle", 0));
    dataverse.deny_sync_directions(true);
    drop(dataverse);
    assert_eq!(ways(&system), (true, true));
}

#[test]
fn fld_02_a_field_that_stays_out_of_dynamics_is_not_in_a_new_row() {
    // A tracked task whose notes may not reach Dynamics becomes a row without them.
    let system = paul(
        "\n[directions]\ntask.description = \"to-exchange\"\ntask.subject = \"to-exchange\"\n",
    );
    let body = json!({ "title": "Secret", "body": { "content": "Notes", "contentType": "text" },
        "categories": [crate::harness::CATEGORY] });
    system.new_task(0, &body);
    system.settled();
    let row = system.rows("tasks").remove(0);
    assert_eq!((&row["description"], &row["subject"]), (&Value::Null, &json!("(no subject)")));
    let item = system.tasks(0).remove(0);
    assert_eq!((&item["title"], &item["body"]["content"]), (&json!("Secret"), &json!("Notes")));
}

#[test]
fn fld_02_a_due_date_that_stays_out_of_exchange_rings_no_reminder() {
    // The reminder is made of the due date (TASK-OUT-03) and goes its way.
    for (word, rings) in [("to-dynamics", false), ("both", true)] {
        let system = paul(&format!("\n[directions]\ntask.scheduledend = \"{word}\"\n"));
        system.create(
            0,
            "tasks",
            &json!({ "subject": "Call", "scheduledend": "2026-11-27T10:00:00Z" }),
        );
        system.settled();
        let item = system.tasks(0).remove(0);
        assert_eq!(item["isReminderOn"] == true, rings, "{word}: {item}");
        assert_eq!(item["dueDateTime"].is_object(), rings, "{word}: {item}");
    }
}
