//! Eligibility, filters, links, conflicts and resolution, seen from outside (rules.md §1.1 to 1.4).

use lockstep::domain::code::Code;
use lockstep::domain::link::LinkState;
use lockstep::domain::link::Why;
use lockstep::sim::dataverse::{Depth, Privileges};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{CATEGORY, SIGNAL, System, guid, id_of, person, tracked_event, two};

fn set_mailbox(system: &System, at: usize, column: &str, value: Value) {
    let id = system.organization().people[at].mailbox_id;
    system.organization().dataverse().admin_set("mailboxes", id, column, value);
}

/// Turns one column off, sees that nothing moves, turns it on again, and sees that all moves.
fn gate(column: &str, off: Value, on: Value, code: Code) {
    let system = two();
    system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    system.new_task(0, &json!({ "title": "Mine", "categories": [CATEGORY] }));
    let (address, now) = (system.address(1), system.clock.now());
    // Laura's mailbox needs nothing, so that nothing is written at all.
    system.organization().graph().user_create_category(&address, CATEGORY, now).unwrap();
    set_mailbox(&system, 0, column, off);
    let codes: Vec<Code> = system.reasons(0).iter().map(|(_, code)| *code).collect();
    assert_eq!(codes, [code], "{column}");
    let before = system.writes();
    system.settled();
    assert_eq!(system.writes(), before, "{column}: nothing is written");
    assert!(system.contacts(0).is_empty() && system.rows("tasks").is_empty(), "{column}");
    set_mailbox(&system, 0, column, on);
    system.settled();
    assert_eq!((system.contacts(0).len(), system.rows("tasks").len()), (1, 1), "{column}");
}

#[test]
fn elig_03a_a_mailbox_that_is_not_approved_takes_no_part() {
    // The organization's approval alone decides: without it nothing is read or written.
    gate("emailrouteraccessapproval", json!(2), json!(1), Code::MailboxNotApproved);
}

#[test]
fn elig_03b_a_mailbox_that_is_not_tested_and_enabled_takes_no_part() {
    // Testing alone and enabling alone are not enough.
    gate("enabledforact", json!(false), json!(true), Code::MailboxNotEnabled);
    let tested = json!("2020-01-01T00:00:00Z");
    gate("testmailboxaccesscompletedon", Value::Null, tested, Code::MailboxNotEnabled);
}

#[test]
fn elig_03c_a_mailbox_with_another_delivery_method_takes_no_part() {
    // Only server-side synchronization lets the engine in.
    gate("actdeliverymethod", json!(2), json!(1), Code::DeliveryMethod);
    gate("actdeliverymethod", json!(0), json!(1), Code::DeliveryMethod);
}

#[test]
fn elig_04_a_queue_mailbox_never_takes_part() {
    // Approved, tested and enabled: it still belongs to a queue.
    let system = two();
    let all = Privileges { read: Depth::Organization, write: Depth::Organization };
    system.organization().dataverse().set_privileges("queue", all);
    let queue = system.create(0, "queues", &json!({ "name": "Support" }));
    set_mailbox(&system, 0, "regardingobjectid", json!(queue.to_string()));
    set_mailbox(&system, 0, "regardingobjecttypecode", json!("queue"));
    system.new_task(0, &json!({ "title": "Mine", "categories": [CATEGORY] }));
    assert!(system.reasons(0).iter().any(|(_, code)| *code == Code::QueueMailbox));
    system.settled();
    assert!(system.rows("tasks").is_empty());
    assert!(system.reasons(1).is_empty(), "the other mailbox goes on");
}

#[test]
fn elig_05_two_records_of_one_address_take_no_part() {
    // Nobody can tell whose mailbox it is, so neither record is served; case does not matter.
    let system = two();
    let own = system.address(1);
    set_mailbox(&system, 1, "emailaddress", json!(system.address(0).to_uppercase()));
    system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    for at in [0, 1] {
        assert!(system.reasons(at).iter().any(|(_, code)| *code == Code::MailboxAmbiguous));
    }
    system.settled();
    assert!(system.contacts(0).is_empty());
    set_mailbox(&system, 1, "emailaddress", json!(own));
    system.settled();
    assert_eq!(system.contacts(0).len(), 1);
}

#[test]
fn elig_10_approval_may_be_switched_off_but_not_the_one_of_the_administrator() {
    // Without the organization's demand an unapproved address counts; Exchange Online's own stays.
    let system = two();
    let organization = system.organization().dataverse().organization_id();
    system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    set_mailbox(&system, 0, "emailrouteraccessapproval", json!(0));
    let column = "requireapprovalforuseremail";
    system.organization().dataverse().admin_set(
        "organizations",
        organization,
        column,
        json!(false),
    );
    assert!(system.reasons(0).is_empty());
    system.settled();
    assert_eq!(system.contacts(0).len(), 1);
    set_mailbox(&system, 0, "isemailaddressapprovedbyo365admin", json!(false));
    let codes: Vec<Code> = system.reasons(0).iter().map(|(_, code)| *code).collect();
    assert_eq!(codes, [Code::MailboxNotApproved]);
}

#[test]
fn elig_12_a_disabled_user_takes_no_part_and_loses_nothing() {
    // Disabling pauses the mailbox; nothing is deleted, and enabling brings the changes.
    let system = two();
    let id = system.create(0, "contacts", &json!({ "lastname": "Mitchell", "telephone1": "1" }));
    system.settled();
    let user = system.user(0);
    let disable = |flag: bool| {
        let organization = system.organization();
        organization.dataverse().admin_set("systemusers", user, "isdisabled", json!(flag));
    };
    disable(true);
    assert!(system.reasons(0).iter().any(|(_, code)| *code == Code::UserDisabled));
    system.organization().dataverse().admin_set("contacts", id, "telephone1", json!("2"));
    system.settled();
    assert_eq!(system.contacts(0)[0]["businessPhones"], json!(["1"]));
    disable(false);
    system.settled();
    assert_eq!(system.contacts(0)[0]["businessPhones"], json!(["2"]));
}

#[test]
fn filt_02_and_03_a_matching_row_is_created_once_and_then_updated() {
    // First match: create. Later changes: updates of the same item. No match: nothing.
    let system = two();
    let id = system.create(0, "tasks", &json!({ "subject": "Offer" }));
    let closed = json!({ "subject": "Old", "statecode": 1, "statuscode": 5 });
    system.create(0, "tasks", &closed);
    system.settled();
    let first = system.tasks(0);
    assert_eq!(first.len(), 1, "a closed task matches no filter");
    system.update(0, "tasks", id, &json!({ "subject": "Offer 2" }));
    system.settled();
    let second = system.tasks(0);
    assert_eq!((second.len(), &second[0]["title"]), (1, &json!("Offer 2")));
    assert_eq!(first[0]["id"], second[0]["id"]);
}

#[test]
fn filt_04_and_05_both_kinds_of_delete_reach_exchange() {
    // A row that is gone and a row that left the filter both take their task along.
    let system = two();
    let gone = system.create(0, "tasks", &json!({ "subject": "Gone" }));
    let left = system.create(0, "tasks", &json!({ "subject": "Left" }));
    system.settled();
    assert_eq!(system.tasks(0).len(), 2);
    system.delete(0, "tasks", gone);
    let other = system.owner(1);
    system.update(0, "tasks", left, &other);
    system.settled();
    assert_eq!((system.tasks(0).len(), system.tasks(1).len()), (0, 1));
}

#[test]
fn filt_06_told_apart_a_logical_delete_only_unlinks() {
    // With the setting the task stays in Exchange, unlinked; a physical delete still takes it.
    let system = two();
    system.setting("DistinctPhysicalAndLogicalDeletesForExchangeSync", "true");
    let left = system.create(0, "tasks", &json!({ "subject": "Left" }));
    let gone = system.create(0, "tasks", &json!({ "subject": "Gone" }));
    system.settled();
    let other = system.owner(1);
    system.update(0, "tasks", left, &other);
    system.delete(0, "tasks", gone);
    system.settled();
    assert_eq!((system.tasks(0).len(), system.tasks(1).len()), (1, 1));
    system.update(1, "tasks", left, &json!({ "subject": "Later" }));
    system.settled();
    assert_eq!(system.tasks(0)[0]["title"], "Left", "unlinked: later edits stay away");
    assert_eq!(system.tasks(1)[0]["title"], "Later");
}

fn contacts_of(condition: &str) -> String {
    format!(
        "<fetch><entity name=\"contact\"><attribute name=\"contactid\"/><filter>{condition}\
         </filter></entity></fetch>"
    )
}

#[test]
fn filt_09_two_filters_are_a_union() {
    // A row that either filter finds is there once, also when both find it.
    let system = two();
    let user = system.user(0);
    let by_city =
        contacts_of("<condition attribute=\"address1_city\" operator=\"eq\" value=\"Bonn\"/>");
    let by_job = contacts_of("<condition attribute=\"jobtitle\" operator=\"eq\" value=\"CEO\"/>");
    let filters = [by_city.as_str(), by_job.as_str()];
    system.organization().dataverse().set_user_filters(user, "contact", &filters);
    system.create(0, "contacts", &json!({ "lastname": "A", "address1_city": "Bonn" }));
    system.create(0, "contacts", &json!({ "lastname": "B", "jobtitle": "CEO" }));
    let both = json!({ "lastname": "C", "address1_city": "Bonn", "jobtitle": "CEO" });
    let both = system.create(0, "contacts", &both);
    system.create(0, "contacts", &json!({ "lastname": "D" }));
    system.settled();
    let mut names: Vec<String> =
        system.contacts(0).iter().map(|one| one["surname"].to_string()).collect();
    names.sort();
    assert_eq!(names, ["\"A\"", "\"B\"", "\"C\""]);
    // One of the two filters still returns it.
    system.update(0, "contacts", both, &json!({ "jobtitle": "Clerk" }));
    system.settled();
    assert_eq!(system.contacts(0).len(), 3);
}

#[test]
fn filt_10_a_table_without_a_filter_stays_at_home() {
    // No filter for contacts: none goes out; tasks are not affected.
    let system = two();
    let user = system.user(0);
    system.organization().dataverse().set_user_filters(user, "contact", &[]);
    system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    system.create(0, "tasks", &json!({ "subject": "Offer" }));
    system.settled();
    assert_eq!((system.contacts(0).len(), system.tasks(0).len()), (0, 1));
}

#[test]
fn filt_16_a_new_filter_brings_what_exists_already() {
    // Rows older than the filter are synchronized in the next cycle.
    let system = two();
    let user = system.user(0);
    system.organization().dataverse().set_user_filters(user, "contact", &[]);
    for name in ["A", "B", "C"] {
        system.create(0, "contacts", &json!({ "lastname": name }));
    }
    system.settled();
    assert!(system.contacts(0).is_empty());
    let mine = contacts_of("<condition attribute=\"ownerid\" operator=\"eq-userid\"/>");
    system.organization().dataverse().set_user_filters(user, "contact", &[&mine]);
    system.settled();
    assert_eq!(system.contacts(0).len(), 3);
}

#[test]
fn filt_18_completing_a_task_does_not_delete_it() {
    // Completion takes the row out of the filter; the update comes first and the task is kept.
    let system = two();
    let id = system.create(0, "tasks", &json!({ "subject": "Offer" }));
    let same = system.create(0, "tasks", &json!({ "subject": "Other" }));
    system.settled();
    let done = json!({ "statecode": 1, "statuscode": 5, "subject": "Offer sent" });
    system.update(0, "tasks", id, &done);
    let other = system.owner(1);
    system.update(0, "tasks", same, &other);
    system.settled();
    let tasks = system.tasks(0);
    assert_eq!(tasks.len(), 1, "an open task that left is deleted");
    assert_eq!(
        (&tasks[0]["title"], &tasks[0]["status"]),
        (&json!("Offer sent"), &json!("completed"))
    );
}

#[test]
fn link_02_an_add_ins_signal_tracks_a_contact_and_a_category_does_not() {
    // LINK-05: contacts need the app; the category alone means nothing for them.
    let system = two();
    let signal = json!([{ "id": SIGNAL, "value": "1" }]);
    let app = json!({ "givenName": "Ann", "surname": "App",
        "singleValueExtendedProperties": signal });
    let id = system.new_contact(0, &app);
    system.new_contact(0, &json!({ "surname": "Category", "categories": [CATEGORY] }));
    system.settled();
    let rows = system.rows("contacts");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["lastname"], "App");
    // LINK-01: from now on in both directions.
    let row = guid(&rows[0], "contactid");
    system.update(0, "contacts", row, &json!({ "jobtitle": "Clerk" }));
    system.edit_contact(0, &id, &json!({ "nickName": "Annie" }));
    system.settled();
    let item = system.contacts(0).into_iter().find(|one| id_of(one) == id).unwrap();
    assert_eq!(item["jobTitle"], "Clerk");
    assert_eq!(system.row("contacts", row).unwrap()["nickname"], "Annie");
}

#[test]
fn link_02_a_category_that_is_set_later_tracks_a_task_and_an_event() {
    // The signal may come at any time and from any client.
    let system = two();
    let task = system.new_task(0, &json!({ "title": "Later" }));
    let mut body = tracked_event("Talk", "2026-12-01T10:00:00Z");
    body["categories"] = json!([]);
    let event = system.new_event(0, &body);
    system.settled();
    assert!(system.rows("tasks").is_empty() && system.rows("appointments").is_empty());
    system.edit_task(0, &task, &json!({ "categories": ["Red", CATEGORY] }));
    system.edit_event(0, &event, &json!({ "categories": ["Red", CATEGORY] }));
    system.settled();
    assert_eq!((system.rows("tasks").len(), system.rows("appointments").len()), (1, 1));
    assert!(system.mails().is_empty());
}

#[test]
fn link_06_removing_the_category_unlinks_and_deletes_nothing() {
    // The row stays, edits no longer flow in either direction, and the category brings them back.
    let system = two();
    let task = system.new_task(0, &json!({ "title": "One", "categories": [CATEGORY] }));
    system.settled();
    system.edit_task(0, &task, &json!({ "categories": [] }));
    system.settled();
    let rows = system.rows("tasks");
    assert_eq!(rows.len(), 1);
    let row = guid(&rows[0], "activityid");
    system.update(0, "tasks", row, &json!({ "subject": "Two" }));
    system.settled();
    assert_eq!(system.tasks(0)[0]["title"], "One");
    assert_eq!(system.links(0)[0].state, LinkState::Unlinked(Why::Untracked));
    system.edit_task(0, &task, &json!({ "categories": [CATEGORY] }));
    system.settled();
    assert_eq!((system.tasks(0).len(), system.rows("tasks").len()), (1, 1));
    assert_eq!(system.tasks(0)[0]["title"], system.row("tasks", row).unwrap()["subject"]);
}

#[test]
fn link_06_a_lost_store_does_not_track_again_what_lost_its_category() {
    // Neither a second task nor an edit comes over, and the category brings the pair back.
    let mut system = two();
    let task = system.new_task(0, &json!({ "title": "One", "categories": [CATEGORY] }));
    system.settled();
    system.edit_task(0, &task, &json!({ "categories": [] }));
    system.settled();
    system.lose_state();
    let row = guid(&system.rows("tasks")[0], "activityid");
    system.update(0, "tasks", row, &json!({ "subject": "Two" }));
    system.settled();
    assert_eq!((system.tasks(0).len(), system.rows("tasks").len()), (1, 1));
    assert_eq!(system.tasks(0)[0]["title"], "One");
    assert_eq!(system.links(0)[0].state, LinkState::Unlinked(Why::Untracked));
    system.edit_task(0, &task, &json!({ "categories": [CATEGORY] }));
    system.settled();
    assert_eq!((system.tasks(0).len(), system.rows("tasks").len()), (1, 1));
    assert_eq!(system.tasks(0)[0]["title"], system.row("tasks", row).unwrap()["subject"]);
}

#[test]
fn link_08_what_comes_from_dynamics_carries_the_category() {
    // Tasks and events made from rows are visibly marked; other categories of the item stay.
    let system = two();
    system.create(0, "tasks", &json!({ "subject": "Offer" }));
    let party = [system.party(0, 7)];
    system.create(0, "appointments", &system.meeting("Talk", "2026-12-01T10:00:00Z", &party));
    system.settled();
    for item in [system.tasks(0).remove(0), system.events(0).remove(0)] {
        let categories = item["categories"].as_array().unwrap();
        assert!(categories.contains(&json!(CATEGORY)), "{item}");
    }
    assert!(system.mails().is_empty());
}

#[test]
fn link_08_with_the_feature_off_the_category_means_nothing() {
    // TrackCategorizedItems off: a category neither tracks nor, removed, unlinks.
    let system = two();
    let id = system.create(0, "tasks", &json!({ "subject": "Linked" }));
    system.settled();
    system.setting("TrackCategorizedItems", "false");
    system.new_task(0, &json!({ "title": "New", "categories": [CATEGORY] }));
    let linked = id_of(&system.tasks(0)[0]);
    system.edit_task(0, &linked, &json!({ "categories": [] }));
    system.settled();
    assert_eq!(system.rows("tasks").len(), 1, "a category tracks nothing while the feature is off");
    system.update(0, "tasks", id, &json!({ "subject": "Still linked" }));
    system.settled();
    let titles: Vec<Value> = system.tasks(0).iter().map(|one| one["title"].clone()).collect();
    assert!(titles.contains(&json!("Still linked")), "{titles:?}");
}

#[test]
fn link_08_with_the_feature_off_nothing_new_is_given_the_category() {
    // What was assigned before stays; new pairs go without it, stay in step and stay pairs later.
    let system = two();
    system.create(0, "tasks", &json!({ "subject": "Before" }));
    system.settled();
    system.setting("TrackCategorizedItems", "false");
    let party = [system.party(0, 7), system.party(1, 5)];
    let talk =
        system.create(0, "appointments", &system.meeting("Talk", "2026-12-01T10:00:00Z", &party));
    system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    system.settled();
    let tagged = |item: &Value| {
        item["categories"].as_array().is_some_and(|list| list.contains(&json!(CATEGORY)))
    };
    assert!(tagged(&system.tasks(0)[0]), "assignments survive");
    let event = system.events(0).remove(0);
    assert!(!tagged(&event) && !tagged(&system.contacts(0)[0]));
    system.edit_event(0, &id_of(&event), &json!({ "subject": "Talk about it" }));
    system.settled();
    assert_eq!(system.row("appointments", talk).unwrap()["subject"], "Talk about it");
    system.setting("TrackCategorizedItems", "true");
    system.update(0, "appointments", talk, &json!({ "subject": "Talk again" }));
    system.settled();
    assert_eq!(system.events(0)[0]["subject"], "Talk again", "it never had a category to lose");
}

#[test]
fn conf_02_opening_an_item_is_no_change() {
    // A new change key with the same content is acknowledged without a write to either side.
    let system = two();
    system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    system.create(0, "tasks", &json!({ "subject": "Offer" }));
    let party = [system.party(0, 7)];
    system.create(0, "appointments", &system.meeting("Talk", "2026-12-01T10:00:00Z", &party));
    system.settled();
    let before = system.writes();
    let (address, now) = (system.address(0), system.clock.now());
    for item in [system.contacts(0), system.tasks(0), system.events(0)].concat() {
        let organization = system.organization();
        organization.graph().user_open_item(&address, &id_of(&item), now).unwrap();
    }
    system.settled();
    assert_eq!(system.writes(), before);
}

#[test]
fn conf_03_edits_of_different_groups_merge() {
    // Subject here, importance there: both sides have both afterwards.
    let system = two();
    let id = system.create(0, "tasks", &json!({ "subject": "Offer" }));
    system.settled();
    let task = id_of(&system.tasks(0)[0]);
    system.update(0, "tasks", id, &json!({ "subject": "Better offer" }));
    system.edit_task(0, &task, &json!({ "importance": "high" }));
    system.settled();
    let (item, row) = (system.tasks(0).remove(0), system.row("tasks", id).unwrap());
    assert_eq!((&item["title"], &item["importance"]), (&json!("Better offer"), &json!("high")));
    assert_eq!((&row["subject"], &row["prioritycode"]), (&json!("Better offer"), &json!(2)));
}

#[test]
fn conf_03_dynamics_wins_a_task_and_the_calendar_wins_a_time() {
    // The same group changed on both sides: the policy decides, and the report says so.
    let system = two();
    let task_row = system.create(0, "tasks", &json!({ "subject": "Offer" }));
    let party = [system.party(0, 7)];
    let meeting = system.meeting("Talk", "2026-12-01T10:00:00Z", &party);
    let talk = system.create(0, "appointments", &meeting);
    system.settled();
    system.codes();
    let (task, event) = (id_of(&system.tasks(0)[0]), id_of(&system.events(0)[0]));
    system.update(0, "tasks", task_row, &json!({ "subject": "From Dynamics" }));
    system.edit_task(0, &task, &json!({ "title": "From Exchange" }));
    let dynamics = json!({ "scheduledstart": "2026-12-02T10:00:00Z",
        "scheduledend": "2026-12-02T11:00:00Z" });
    system.update(0, "appointments", talk, &dynamics);
    let exchange = tracked_event("Talk", "2026-12-03T10:00:00Z");
    let times = json!({ "start": exchange["start"], "end": exchange["end"] });
    system.edit_event(0, &event, &times);
    system.settled();
    assert!(system.codes().contains(&Code::ConflictResolved));
    assert_eq!(system.tasks(0)[0]["title"], "From Dynamics");
    assert_eq!(system.row("tasks", task_row).unwrap()["subject"], "From Dynamics");
    let row = system.row("appointments", talk).unwrap();
    assert_eq!(row["scheduledstart"], "2026-12-03T10:00:00Z");
    assert!(system.events(0)[0]["start"].to_string().contains("2026-12-03T10:00:00"));
}

#[test]
fn conf_05_our_own_writes_do_not_come_back() {
    // After a write in each direction further cycles write nothing, whatever the feeds replay.
    let system = two();
    let id = system.create(0, "tasks", &json!({ "subject": "Offer", "description": "a\r\n b " }));
    system.new_task(0, &json!({ "title": "Call", "categories": [CATEGORY] }));
    system.settled();
    system.update(0, "tasks", id, &json!({ "description": "c\n\n" }));
    system.settled();
    let before = system.writes();
    system.organization().graph().set_delta_noise(500);
    for _ in 0..5 {
        system.advance(600);
        let now = system.clock.now();
        system.organization().graph().settle(now);
        system.passes(1);
    }
    assert_eq!(system.writes(), before);
}

fn address_of(row: &Value, wanted: &str) -> Value {
    let parties = row["parties"].as_array().unwrap();
    let party = parties.iter().find(|one| one["addressused"] == wanted);
    party.unwrap_or_else(|| panic!("{wanted} in {row}"))["partyid"].clone()
}

#[test]
fn res_02_a_user_wins_over_a_contact_and_a_contact_over_an_account() {
    // One address on several rows: the user first, then the contact, however old the account is.
    let system = two();
    let laura = system.address(1);
    system.create(0, "contacts", &json!({ "lastname": "Norman", "emailaddress1": laura }));
    let shared = "shop@fabrikam.example";
    system.create(0, "accounts", &json!({ "name": "Fabrikam", "emailaddress1": shared }));
    system.advance(60);
    let shop = json!({ "lastname": "Shop", "emailaddress1": shared });
    let shop = system.create(0, "contacts", &shop);
    let mut body = tracked_event("Talk", "2026-12-01T10:00:00Z");
    let to = |address: &str| json!({ "emailAddress": { "address": address }, "type": "required" });
    body["attendees"] = json!([to(&laura), to(shared), to("nobody@fabrikam.example")]);
    system.new_event(0, &body);
    let mails = system.mails().len();
    system.settled();
    let rows = system.rows("appointments");
    assert_eq!(rows.len(), 1);
    let text = |id: Uuid| id.to_string();
    assert!(address_of(&rows[0], &laura).to_string().contains(&text(system.user(1))));
    assert!(address_of(&rows[0], shared).to_string().contains(&text(shop)));
    assert!(address_of(&rows[0], "nobody@fabrikam.example").is_null());
    assert_eq!(system.mails().len(), mails, "tracking mails nobody");
}

#[test]
fn res_02_an_address_on_several_rows_stays_an_address_when_the_organization_says_so() {
    // Two contacts share an address: neither is the attendee, and no third row is made of him.
    let system = two();
    let shared = "shop@fabrikam.example";
    for name in ["Shop", "Till"] {
        system.create(0, "contacts", &json!({ "lastname": name, "emailaddress1": shared }));
    }
    let alone = json!({ "lastname": "Door", "emailaddress1": "door@fabrikam.example" });
    let alone = system.create(0, "contacts", &alone);
    let organization = system.organization().dataverse().organization_id();
    let column = "unresolveemailaddressifmultiplematch";
    let set = |value| {
        let dataverse = system.organization();
        dataverse.dataverse().admin_set("organizations", organization, column, json!(value));
    };
    set(true);
    let mut body = tracked_event("Talk", "2026-12-01T10:00:00Z");
    let to = |address: &str| json!({ "emailAddress": { "address": address }, "type": "required" });
    body["attendees"] = json!([to(shared), to("door@fabrikam.example")]);
    system.new_event(0, &body);
    system.settled();
    let rows = system.rows("appointments");
    assert!(address_of(&rows[0], shared).is_null());
    assert!(address_of(&rows[0], "door@fabrikam.example").to_string().contains(&alone.to_string()));
    assert_eq!(system.rows("contacts").len(), 3);
}

#[test]
fn org_05_the_organizer_owns_the_row_if_he_is_a_user() {
    // Laura tracks two invitations: Paul's becomes his row, the outsider's her own.
    let system = System::new(vec![
        person(1, "Paul", "Cannon", "Europe/Berlin"),
        person(2, "Laura", "Norman", "America/New_York"),
    ]);
    // Paul's own mailbox takes no part, so that only Laura tracks.
    set_mailbox(&system, 0, "actdeliverymethod", json!(2));
    let laura = system.address(1);
    let to = json!([{ "emailAddress": { "address": laura }, "type": "required" }]);
    let mut body = tracked_event("From Paul", "2026-12-01T10:00:00Z");
    body["attendees"] = to;
    body["categories"] = json!([]);
    system.new_event(0, &body);
    let now = system.clock.now();
    let mut outside = tracked_event("From outside", "2026-12-02T10:00:00Z");
    outside.as_object_mut().unwrap().remove("categories");
    let organization = system.organization();
    let sent = organization.graph().external_event("x@fabrikam.example", &[&laura], &outside, now);
    sent.unwrap();
    for event in system.events(1) {
        system.edit_event(1, &id_of(&event), &json!({ "categories": [CATEGORY] }));
    }
    let mails = system.mails();
    system.settled();
    assert_eq!(system.mails(), mails, "tracking mails nobody");
    let rows = system.rows("appointments");
    assert_eq!(rows.len(), 2);
    for row in rows {
        let owner = if row["subject"] == "From Paul" { system.user(0) } else { system.user(1) };
        assert_eq!(guid(&row, "_ownerid_value"), owner, "{}", row["subject"]);
    }
}
