//! New users and their filters, seen from outside (rules.md §1.2): who gets them, who is told.

use lockstep::domain::code::Code;
use lockstep::sim::dataverse::{Depth, Privileges};
use serde_json::{Value, json};

use crate::harness::{CATEGORY, System, guid, person, two};
use crate::process::run;

const FUTURE: &str = "2026-12-01T10:00:00Z";
const ALLOWED: &str = "\n[policy]\ninstantiate_filters = true\n";
const TABLES: [&str; 8] = [
    "appointment",
    "contact",
    "task",
    "phonecall",
    "letter",
    "fax",
    "recurringappointmentmaster",
    "serviceappointment",
];

/// Two people who have a mailbox and no filter.
fn newcomers(tenant: &str) -> System {
    let people = vec![
        person(1, "Paul", "Cannon", "Europe/Berlin"),
        person(2, "Laura", "Norris", "America/New_York"),
    ];
    let system = System::with(people, "state.url = \"memory:\"\n", tenant);
    for at in 0..2 {
        for table in TABLES {
            let user = system.user(at);
            system.organization().dataverse().set_user_filters(user, table, &[]);
        }
    }
    system
}

fn filters_of(system: &System, at: usize) -> Vec<Value> {
    let mut rows = system.rows("userqueries");
    rows.retain(|row| row["_ownerid_value"] == json!(system.user(at)));
    rows
}

/// A row of each kind of which the default filters are known, and one that they leave out.
fn fill(system: &System) {
    system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    let attends = [system.party(1, 7), system.party(0, 5)];
    system.create(1, "appointments", &system.meeting("Required", FUTURE, &attends));
    let optional = [system.party(1, 7), system.party(0, 6)];
    system.create(1, "appointments", &system.meeting("Optional", FUTURE, &optional));
}

fn subjects(system: &System, at: usize) -> Vec<Value> {
    system.events(at).iter().map(|event| event["subject"].clone()).collect()
}

#[test]
fn filt_16_a_new_user_gets_the_default_filters_and_what_exists_already() {
    // In the very first cycle: one filter of each template, and the rows that were there before.
    // Afterwards the filters are the user's own: nobody makes them again or changes them.
    let system = newcomers(ALLOWED);
    fill(&system);
    let first = system.one_pass(0);
    assert_eq!(first.end, None);
    let made = filters_of(&system, 0);
    let tables: Vec<&str> = TABLES.to_vec();
    let mut found: Vec<&str> =
        made.iter().map(|row| row["returnedtypecode"].as_str().unwrap()).collect();
    found.sort_unstable();
    let mut all = tables;
    all.sort_unstable();
    assert_eq!(found, all);
    assert!(
        made.iter().all(|row| row["querytype"] == 256 && row["_parentqueryid_value"].is_string())
    );
    assert_eq!(system.contacts(0).len(), 1);
    assert!(filters_of(&system, 1).is_empty(), "one's cycle gives nothing to another");
    for filter in &made {
        let id = guid(filter, "userqueryid");
        system.update(0, "userqueries", id, &json!({ "statecode": 1 }));
    }
    system.create(0, "tasks", &json!({ "subject": "Later" }));
    system.advance(3_600);
    system.one_pass(0);
    assert!(system.tasks(0).is_empty(), "who switched his filters off gets no new ones");
    assert_eq!(filters_of(&system, 0).len(), 8);
}

#[test]
fn filt_13_a_new_user_gets_what_he_attends_as_required_and_not_what_is_optional() {
    // The default filter as the organization's template holds it, made by this program. Laura's
    // mailbox takes no part, so that nothing comes by invitation.
    let system = newcomers(ALLOWED);
    let laura = system.organization().people[1].mailbox_id;
    system.organization().dataverse().admin_set("mailboxes", laura, "actdeliverymethod", json!(2));
    fill(&system);
    system.settled();
    assert_eq!(subjects(&system, 0), [json!("Required")]);
}

#[test]
fn filt_16_without_the_setting_nobody_is_given_filters() {
    // The default: nothing is made in Dynamics and nothing flows from there; the other way works.
    let system = newcomers("");
    fill(&system);
    system.new_task(0, &json!({ "title": "Mine", "categories": [CATEGORY] }));
    system.settled();
    assert!(filters_of(&system, 0).is_empty() && filters_of(&system, 1).is_empty());
    assert!(system.contacts(0).is_empty() && subjects(&system, 0).is_empty());
    assert_eq!(system.rows("tasks").len(), 1);
}

#[test]
fn filt_16_a_user_who_may_not_have_filters_is_synchronized_without() {
    // The refusal ends no cycle and parks nothing; with the privilege the next whole cycle makes them.
    let system = newcomers(ALLOWED);
    let rights = |write| Privileges { read: Depth::User, write };
    system.organization().dataverse().set_privileges("userquery", rights(Depth::None));
    fill(&system);
    system.new_task(0, &json!({ "title": "Mine", "categories": [CATEGORY] }));
    system.settled();
    assert_eq!(system.rows("tasks").len(), 1);
    assert!(filters_of(&system, 0).is_empty() && system.contacts(0).is_empty());
    system.organization().dataverse().set_privileges("userquery", rights(Depth::User));
    system.settled();
    assert_eq!((filters_of(&system, 0).len(), system.contacts(0).len()), (8, 1));
}

#[test]
fn filt_11_only_active_default_templates_become_filters() {
    // Of eight templates one is no default and one is inactive; without any, nothing is made.
    let system = newcomers(ALLOWED);
    let templates = system.rows("savedqueries");
    let set = |table: &str, column: &str, value: Value| {
        let row = templates.iter().find(|row| row["returnedtypecode"] == table).unwrap();
        let id = guid(row, "savedqueryid");
        system.organization().dataverse().admin_set("savedqueries", id, column, value);
    };
    set("contact", "isdefault", json!(false));
    set("fax", "statecode", json!(1));
    system.one_pass(0);
    let made = filters_of(&system, 0);
    assert_eq!(made.len(), 6);
    assert!(made.iter().all(|row| row["returnedtypecode"] != "contact"));
    TABLES.iter().for_each(|table| set(table, "isdefault", json!(false)));
    assert_eq!(system.one_pass(1).end, None);
    assert!(filters_of(&system, 1).is_empty());
}

#[test]
fn filt_12_filters_are_made_with_the_users_own_rights() {
    // The call is bound to the user and made as that user: prvAdminFilter is never needed.
    let system = newcomers(ALLOWED);
    let calls = |system: &System| -> Vec<Value> {
        let made = filters_of(system, 0);
        made.iter().map(|row| row["_createdby_value"].clone()).collect()
    };
    system.one_pass(0);
    assert_eq!(calls(&system), vec![json!(system.user(0)); 8]);
    let behind = json!(system.organization().dataverse().application_user());
    assert!(filters_of(&system, 0).iter().all(|row| row["_createdonbehalfby_value"] == behind));
}

/// Runs `check --online` over a system.
fn check(system: &System, tenant: &str, format: &str) -> crate::process::Ended {
    let directory = system.config(tenant);
    let config = directory.path().to_str().unwrap();
    run(&["check", "--online", "--format", format, "--config", config])
}

#[test]
fn filt_10_check_tells_who_has_no_filter_and_so_gets_nothing() {
    // Laura has eight filters, Paul none: a column, a warning with its code, and the same as JSON.
    let system = two();
    let paul = system.user(0);
    for table in TABLES {
        system.organization().dataverse().set_user_filters(paul, table, &[]);
    }
    let told = check(&system, "", "json");
    assert_eq!(told.code, Some(0), "{told:?}");
    let tenant = &told.json()["tenants"][0];
    let mailboxes = tenant["mailboxes"].as_array().unwrap();
    let of = |at: usize| {
        let address = json!(system.address(at));
        mailboxes.iter().find(|one| one["address"] == address).unwrap()["filters"].clone()
    };
    assert_eq!(of(0), json!({}));
    assert_eq!((&of(1)["contact"], of(1).as_object().unwrap().len()), (&json!(1), 8));
    let warnings = tenant["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0]["code"], Code::NoFilters.as_str());
    assert_eq!(
        (&warnings[0]["rule"], &warnings[0]["address"]),
        (&json!("FILT-10"), &json!(system.address(0)))
    );
    let table = check(&system, "", "table");
    let line = |at: usize| {
        let address = system.address(at);
        table.out.lines().find(|line| line.contains(&address)).unwrap().to_owned()
    };
    assert!(table.out.contains("Filters") && line(0).contains("none"), "{table:?}");
    assert!(line(1).contains(" 8 "), "{table:?}");
    let warned = format!("warning: {}: no active filter", system.address(0));
    assert!(table.out.contains(&warned) && table.out.contains("no-filters, FILT-10"), "{table:?}");
    let allowed = check(&system, ALLOWED, "json").json();
    let warnings = &allowed["tenants"][0]["warnings"];
    assert_eq!((&warnings[0]["rule"], &warnings[1]), (&json!("FILT-16"), &Value::Null));
    assert!(filters_of(&system, 0).is_empty(), "a check writes nothing");
}
