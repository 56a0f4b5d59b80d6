//! The tracking category and the mailbox's list of categories, seen from outside (LINK-07).

use lockstep::app::operate::apply::Refusal;
use lockstep::app::operate::document::PlanDoc;
use lockstep::domain::code::Code;
use lockstep::domain::link::{LinkState, Why};
use lockstep::sim::graph::{Renames, SettingsPermission};
use serde_json::{Value, json};

use crate::harness::{CATEGORY, System, id_of, tracked_event, two};
use crate::plans::{carry_out, plan};
use crate::process::run;

/// Returns the names in a person's list of categories.
fn names(system: &System, at: usize) -> Vec<String> {
    let list = system.organization().graph().master_categories(&system.address(at));
    list.iter().map(|one| one["displayName"].as_str().unwrap().to_owned()).collect()
}

fn rename(system: &System, at: usize, from: &str, to: &str, reach: Renames) {
    let (address, now) = (system.address(at), system.clock.now());
    let mut graph = system.organization().graph();
    graph.user_rename_category(&address, (from, to), reach, now).unwrap();
}

fn delete(system: &System, at: usize, name: &str) {
    let (address, now) = (system.address(at), system.clock.now());
    system.organization().graph().user_delete_category(&address, name, now).unwrap();
}

/// Returns the task with this title.
fn task(system: &System, title: &str) -> Value {
    let tasks = system.tasks(0);
    tasks.into_iter().find(|one| one["title"] == title).unwrap_or_else(|| panic!("no {title}"))
}

/// Runs one cycle of the first mailbox each minute, for so long, and sees each of them end well.
fn minutes(system: &System, count: u32) {
    for _ in 0..count {
        system.advance(60);
        let end = system.one_pass(0).end;
        assert!(end.is_none(), "{end:?}");
    }
}

#[test]
fn link_07_the_category_is_made_once_where_the_list_lacks_it() {
    // With a colour; an entry that somebody else made is taken as it is; while the feature is off
    // none is made.
    let system = two();
    let (address, now) = (system.address(1), system.clock.now());
    system.organization().graph().user_create_category(&address, CATEGORY, now).unwrap();
    system.settled();
    system.advance(3_600);
    system.settled();
    assert_eq!(
        (names(&system, 0), names(&system, 1)),
        (vec![CATEGORY.into()], vec![CATEGORY.into()])
    );
    let list = system.organization().graph().master_categories(&system.address(0));
    assert!(list[0]["color"].as_str().unwrap().starts_with("preset"), "{list:?}");
    let off = two();
    off.setting("TrackCategorizedItems", "false");
    off.settled();
    assert!(names(&off, 0).is_empty());
}

#[test]
fn link_08_with_the_feature_off_the_entry_goes_within_15_minutes_and_comes_back() {
    // What was assigned survives; an entry that the user made stays.
    let system = two();
    let (address, now) = (system.address(1), system.clock.now());
    system.organization().graph().user_create_category(&address, CATEGORY, now).unwrap();
    system.create(0, "tasks", &json!({ "subject": "From CRM" }));
    system.settled();
    assert_eq!(names(&system, 0), [CATEGORY]);
    system.setting("TrackCategorizedItems", "false");
    minutes(&system, 15);
    system.settled();
    assert!(names(&system, 0).is_empty() && names(&system, 1) == [CATEGORY]);
    assert_eq!(task(&system, "From CRM")["categories"], json!([CATEGORY]));
    system.setting("TrackCategorizedItems", "true");
    minutes(&system, 15);
    assert_eq!(names(&system, 0), [CATEGORY]);
}

#[test]
fn link_07_a_plan_makes_no_category() {
    // What is only shown is not done.
    let system = two();
    let mailboxes = system.enrol();
    let drafts = lockstep::app::operate::drafts(&system.tenant, mailboxes, &|| {});
    assert!(system.io.block_on(drafts).iter().all(|one| one.result.is_ok()));
    assert!(names(&system, 0).is_empty());
}

#[test]
fn link_07_what_a_plan_says_of_the_list_its_application_does() {
    // The entry that is missing is shown and made, once; it is known as Lockstep's own, so that it
    // goes with the feature. A list that changed since refuses the plan.
    let system = two();
    let doc = plan(&system);
    let shown = |doc: &PlanDoc| {
        let each = doc.mailboxes.iter().map(|one| one.category.clone());
        each.map(|one| one.map(|one| (one.op, one.entry))).collect::<Vec<_>>()
    };
    let create = Some(("create".to_owned(), CATEGORY.to_owned()));
    assert_eq!(shown(&doc), [create.clone(), create]);
    assert!(names(&system, 0).is_empty());
    let (address, now) = (system.address(1), system.clock.now());
    system.organization().graph().user_create_category(&address, CATEGORY, now).unwrap();
    let Err(Refusal::Moved(reasons)) = carry_out(&system, &doc, false) else {
        panic!("one list has the entry by now");
    };
    assert!(reasons[0].contains("list of categories"), "{reasons:?}");
    assert!(names(&system, 0).is_empty());
    carry_out(&system, &plan(&system), false).unwrap();
    assert_eq!(names(&system, 0), [CATEGORY]);
    assert_eq!(shown(&plan(&system)), [None, None]);
    system.setting("TrackCategorizedItems", "false");
    let doc = plan(&system);
    assert_eq!(doc.mailboxes[0].category.as_ref().map(|one| one.op.as_str()), Some("delete"));
    assert_eq!(doc.mailboxes[1].category, None, "its user made it");
    carry_out(&system, &doc, false).unwrap();
    assert!(names(&system, 0).is_empty() && names(&system, 1) == [CATEGORY]);
}

#[test]
fn link_07_a_renamed_category_tracks_under_both_names_and_is_given_out_under_the_new_one() {
    // Whether Outlook takes the new name to the items or leaves them: pairs stay pairs, both names
    // track new items, the new one stands on what comes from Dynamics, and taking it off unlinks.
    for reach in [Renames::Entry, Renames::Items] {
        let system = two();
        system.create(0, "tasks", &json!({ "subject": "From CRM" }));
        system.new_event(0, &tracked_event("Talk", "2026-12-01T10:00:00Z"));
        system.settled();
        rename(&system, 0, CATEGORY, "Kunde", reach);
        system.new_task(0, &json!({ "title": "New name", "categories": ["Red", "Kunde"] }));
        system.new_task(0, &json!({ "title": "Old name", "categories": [CATEGORY] }));
        system.new_task(0, &json!({ "title": "No name", "categories": ["Red"] }));
        system.settled();
        assert_eq!(system.rows("tasks").len(), 3, "{reach:?}");
        system.create(0, "tasks", &json!({ "subject": "After" }));
        system.settled();
        assert_eq!(task(&system, "After")["categories"], json!(["Kunde"]), "{reach:?}");
        let id = id_of(&task(&system, "From CRM"));
        system.edit_task(0, &id, &json!({ "title": "Edited" }));
        system.settled();
        assert!(system.rows("tasks").iter().any(|row| row["subject"] == "Edited"), "{reach:?}");
        let links = system.links(0);
        assert!(links.iter().all(|link| link.state == LinkState::Agreed), "{reach:?} {links:?}");
        assert_eq!((links.len(), names(&system, 0)), (5, vec!["Kunde".to_owned()]));
        system.edit_task(0, &id_of(&task(&system, "New name")), &json!({ "categories": ["Red"] }));
        system.settled();
        let untracked = LinkState::Unlinked(Why::Untracked);
        assert_eq!(system.links(0).iter().filter(|link| link.state == untracked).count(), 1);
        assert!(system.mails().is_empty());
    }
}

#[test]
fn link_07_a_deleted_category_is_made_again_within_15_minutes() {
    // Deleted under another name it comes back under the first one; what carries either name is
    // tracked, and no pair is lost.
    let system = two();
    system.create(0, "tasks", &json!({ "subject": "From CRM" }));
    system.settled();
    rename(&system, 0, CATEGORY, "Kunde", Renames::Items);
    minutes(&system, 15);
    delete(&system, 0, "Kunde");
    assert!(names(&system, 0).is_empty());
    minutes(&system, 15);
    assert_eq!(names(&system, 0), [CATEGORY]);
    system.new_task(0, &json!({ "title": "Old name", "categories": ["Kunde"] }));
    system.settled();
    let links = system.links(0);
    assert!(links.len() == 2 && links.iter().all(|link| link.state == LinkState::Agreed));
}

#[test]
fn link_07_without_the_permission_the_category_goes_by_its_name() {
    // No cycle fails and nothing is made, whether the list is closed or cannot be written; both
    // directions work by the name. Once it is granted the entry is made.
    for permission in [SettingsPermission::None, SettingsPermission::Read] {
        let system = two();
        system.organization().graph().set_settings_permission(permission);
        system.create(0, "tasks", &json!({ "subject": "From CRM" }));
        system.new_task(0, &json!({ "title": "Mine", "categories": [CATEGORY] }));
        system.settled();
        minutes(&system, 12);
        assert_eq!(system.rows("tasks").len(), 2);
        assert_eq!(task(&system, "From CRM")["categories"], json!([CATEGORY]));
        assert!(names(&system, 0).is_empty());
        system.organization().graph().set_settings_permission(SettingsPermission::ReadWrite);
        minutes(&system, 15);
        assert_eq!(names(&system, 0), [CATEGORY], "{permission:?}");
    }
}

#[test]
fn link_07_a_missing_permission_is_told_once_for_all_mailboxes() {
    // By the process that finds it, with its code; what it could do is done, and it ends well.
    for permission in [SettingsPermission::None, SettingsPermission::Read] {
        let system = two();
        system.organization().graph().set_settings_permission(permission);
        system.create(0, "tasks", &json!({ "subject": "From CRM" }));
        let directory = system.config("");
        let config = directory.path().to_str().unwrap();
        let ended = run(&["sync", "--once", "--config", config]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.err.matches(Code::CategoryByName.as_str()).count(), 1, "{ended:?}");
        assert_eq!(task(&system, "From CRM")["categories"], json!([CATEGORY]));
    }
}
