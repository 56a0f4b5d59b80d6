//! When mailboxes are synchronized, through the whole system (SCH-05, SCH-07).

use lockstep::domain::code::Code;
use lockstep::engine::catalogue as rule;
use serde_json::json;

use crate::harness::{guid, id_of, two};

#[test]
fn sch_05_nobody_takes_part_before_the_instant_in_the_organizations_row() {
    // `performactsyncafter` lies three hours ahead: no item moves until then.
    let system = two();
    {
        let mut dataverse = system.organization().dataverse();
        let (id, at) = (dataverse.organization_id(), json!("2026-11-24T12:00:00Z"));
        dataverse.admin_set("organizations", id, "performactsyncafter", at);
    }
    system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    assert_eq!(system.reasons(0), [(rule::SCH_05, Code::SyncNotYet)]);
    assert!(system.enrol().is_empty());
    system.advance(3 * 3_600 - 1);
    assert!(system.enrol().is_empty());
    system.advance(1);
    system.settled();
    assert_eq!(system.contacts(0).len(), 1);
}

#[test]
fn sch_07_a_mailbox_that_was_away_for_months_is_reconciled_in_full() {
    // No cycle for a hundred days, all delta tokens gone: edits, new items and deletions of both
    // sides arrive, and nothing is made twice.
    let system = two();
    system.create(0, "contacts", &json!({ "lastname": "Edited" }));
    system.create(0, "tasks", &json!({ "subject": "Edited" }));
    let gone = system.meeting("Gone", "2027-06-01T10:00:00Z", &[system.party(0, 7)]);
    let gone = system.create(0, "appointments", &gone);
    system.settled();
    assert_eq!(system.events(0).len(), 1);
    let row = |set: &str, column: &str, value: &str, key: &str| {
        guid(system.rows(set).iter().find(|row| row[column] == value).expect("a row"), key)
    };
    let task = system.tasks(0).iter().find(|task| task["title"] == "Edited").map(id_of);
    system.edit_task(0, &task.expect("a task"), &json!({ "title": "Edited there" }));
    let edited = row("contacts", "lastname", "Edited", "contactid");
    system.update(0, "contacts", edited, &json!({ "lastname": "Edited here" }));
    system.delete(0, "appointments", gone);
    system.create(0, "contacts", &json!({ "lastname": "New" }));
    system.advance(100 * 24 * 3_600);
    system.organization().graph().expire_delta_tokens(None);
    system.settled();
    let mut names: Vec<String> =
        system.contacts(0).iter().map(|one| one["surname"].to_string()).collect();
    names.sort();
    assert_eq!(names, ["\"Edited here\"", "\"New\""]);
    assert!(system.rows("tasks").iter().any(|row| row["subject"] == "Edited there"));
    assert_eq!((system.rows("tasks").len(), system.tasks(0).len()), (1, 1));
    assert_eq!(system.rows("contacts").len(), 2);
    assert!(system.events(0).is_empty(), "CXL-05 takes the event");
}
