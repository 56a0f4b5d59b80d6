//! Rules of the general case and of what is never done, seen from outside (rules.md §1.1 to §1.11):
//! which tables, filters and people count, who may write, and what a delete meets.

use lockstep::domain::code::Code;
use lockstep::engine::catalogue as rule;
use lockstep::sim::dataverse::{Depth, Privileges};
use lockstep::sim::graph::MailKind;
use serde_json::{Value, json};

use crate::harness::{CATEGORY, SIGNAL, System, guid, id_of, tracked_event, two};

const FUTURE: &str = "2026-12-01T10:00:00Z";
const HOUR: i64 = 3_600;

fn set(system: &System, table: &str, id: uuid::Uuid, column: &str, value: Value) {
    system.organization().dataverse().admin_set(table, id, column, value);
}

fn kinds(system: &System) -> Vec<MailKind> {
    system.mails().into_iter().map(|(kind, _)| kind).collect()
}

/// Creates a meeting that Paul organizes and Laura attends.
fn paul_invites(system: &System, start: &str) -> uuid::Uuid {
    let parties = [system.party(0, 7), system.party(1, 5)];
    system.create(0, "appointments", &system.meeting("Review", start, &parties))
}

#[test]
fn elig_01_elig_02_the_three_kinds_move_both_ways_and_mail_never() {
    // One of each kind from each side arrives and follows both ways; no mailbox is asked for its
    // mail, because the stand-in would refuse that and the cycle would fail.
    let system = two();
    let contact = system.create(0, "contacts", &json!({ "lastname": "Row" }));
    let task = system.create(0, "tasks", &json!({ "subject": "Row" }));
    let meeting = system.meeting("Row", FUTURE, &[system.party(0, 7)]);
    let meeting = system.create(0, "appointments", &meeting);
    let signal = json!([{ "id": SIGNAL, "value": "1" }]);
    let item = json!({ "surname": "Item", "singleValueExtendedProperties": signal });
    system.new_contact(0, &item);
    system.new_task(0, &json!({ "title": "Item", "categories": [CATEGORY] }));
    system.new_event(0, &tracked_event("Item", "2026-12-02T10:00:00Z"));
    system.settled();
    let count = |set: &str| system.rows(set).len();
    assert_eq!([count("contacts"), count("tasks"), count("appointments")], [2, 2, 2]);
    assert_eq!([system.contacts(0).len(), system.tasks(0).len(), system.events(0).len()], [2; 3]);
    let find = |items: Vec<Value>, name: &str| {
        id_of(items.iter().find(|item| item[name] == "Row").expect("it came over"))
    };
    system.edit_contact(0, &find(system.contacts(0), "surname"), &json!({ "nickName": "N" }));
    system.edit_task(0, &find(system.tasks(0), "title"), &json!({ "importance": "high" }));
    system.edit_event(0, &find(system.events(0), "subject"), &json!({ "importance": "high" }));
    system.settled();
    assert_eq!(system.row("contacts", contact).unwrap()["nickname"], "N");
    assert_eq!(system.row("tasks", task).unwrap()["prioritycode"], 2);
    assert_eq!(system.row("appointments", meeting).unwrap()["prioritycode"], 2);
    assert_eq!(system.codes(), []);
    let mail = format!("/v1.0/users/{}/messages", system.address(0));
    assert!(system.ask_graph("GET", &mail, &Value::Null)["error"].is_object());
}

#[test]
fn elig_07_a_profile_without_exchange_and_a_record_without_address_take_no_part() {
    // POP3 and IMAP carry mail only; without an address there is no mailbox.
    let system = two();
    let profile = guid(&system.rows("emailserverprofiles")[0], "emailserverprofileid");
    system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    for kind in [1, 4] {
        set(&system, "emailserverprofiles", profile, "servertype", json!(kind));
        assert_eq!(system.reasons(0), [(rule::ELIG_07, Code::ProfileUnsupported)], "{kind}");
        system.settled();
        assert!(system.contacts(0).is_empty(), "{kind}");
    }
    set(&system, "emailserverprofiles", profile, "servertype", json!(3));
    let (mailbox, address) = (system.organization().people[0].mailbox_id, system.address(0));
    set(&system, "mailboxes", mailbox, "emailaddress", Value::Null);
    assert_eq!(system.reasons(0), [(rule::ELIG_07, Code::AddressMissing)]);
    set(&system, "mailboxes", mailbox, "emailaddress", json!(address));
    system.settled();
    assert_eq!(system.contacts(0).len(), 1);
}

#[test]
fn elig_13_a_mailbox_of_another_engine_is_left_to_it() {
    // Its mark on the record moves, or a listed mailbox is still switched on for it: no part, and
    // nothing is written; the other mailbox goes on.
    let mut system = two();
    let mailbox = system.organization().people[0].mailbox_id;
    system.settled();
    assert_eq!(system.reasons(0), []);
    let mark = json!("2026-11-24T08:55:00Z");
    set(&system, "mailboxes", mailbox, "lastsyncstartedon", mark);
    assert_eq!(system.reasons(0), [(rule::ELIG_13, Code::OtherEngine)]);
    system.create(0, "contacts", &json!({ "lastname": "Mine" }));
    system.create(1, "contacts", &json!({ "lastname": "Hers" }));
    system.settled();
    assert_eq!((system.contacts(0).len(), system.contacts(1).len()), (0, 1));
    let records = "source = \"dataverse\"";
    let listed = format!("source = \"config\"\naddresses = [\"{}\"]", system.address(1));
    let file = system.tenant_file();
    assert!(file.contains(records), "{file}");
    system.tenant = system.tenant_of(&file.replace(records, &listed));
    assert_eq!(system.reasons(1), [(rule::ELIG_13, Code::DeliveryMethod)]);
    let hers = system.organization().people[1].mailbox_id;
    set(&system, "mailboxes", hers, "actdeliverymethod", json!(2));
    assert_eq!(system.reasons(1), []);
}

#[test]
fn filt_08_the_same_delete_meets_the_rule_of_each_kind() {
    // Four rows are deleted: the open task's item goes; the completed task, the owner's contact and
    // the past meeting stay in Exchange, each by the rule of its kind.
    let system = two();
    let open = system.create(0, "tasks", &json!({ "subject": "Open" }));
    let done = system.create(0, "tasks", &json!({ "subject": "Done" }));
    let contact = system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    let meeting = paul_invites(&system, "2026-11-24T10:00:00Z");
    system.settled();
    let item = system.tasks(0).into_iter().find(|one| one["title"] == "Done").unwrap();
    system.edit_task(0, &id_of(&item), &json!({ "status": "completed" }));
    system.settled();
    system.advance(2 * HOUR);
    for (set, id) in
        [("tasks", open), ("tasks", done), ("contacts", contact), ("appointments", meeting)]
    {
        system.delete(0, set, id);
    }
    system.settled();
    let titles: Vec<Value> = system.tasks(0).iter().map(|one| one["title"].clone()).collect();
    assert_eq!(titles, ["Done"]);
    assert_eq!((system.contacts(0).len(), system.events(0).len()), (1, 1));
    assert_eq!(kinds(&system), [MailKind::Invitation]);
}

/// Returns the body of a filter that finds the user's own contacts.
fn filter(querytype: i64, state: i64) -> Value {
    let fetch = "<fetch><entity name=\"contact\"><attribute name=\"contactid\"/><filter>\
        <condition attribute=\"ownerid\" operator=\"eq-userid\"/></filter></entity></fetch>";
    json!({ "name": "Mine", "fetchxml": fetch, "returnedtypecode": "contact",
        "querytype": querytype, "statecode": state })
}

#[test]
fn filt_11_filt_12_only_outlook_filters_of_the_user_and_the_organization_count() {
    // An offline filter, a template and a filter that is switched off find nothing, nor does the
    // filter of somebody else; the organization's finds for everybody.
    let system = two();
    let (paul, laura) = (system.user(0), system.user(1));
    for user in [paul, laura] {
        system.organization().dataverse().set_user_filters(user, "contact", &[]);
    }
    for (querytype, state) in [(16, 0), (131_072, 0), (256, 1)] {
        system.create(0, "userqueries", &filter(querytype, state));
    }
    system.create(1, "userqueries", &filter(256, 0));
    system.create(0, "contacts", &json!({ "lastname": "His" }));
    system.create(1, "contacts", &json!({ "lastname": "Hers" }));
    system.settled();
    assert_eq!((system.contacts(0).len(), system.contacts(1).len()), (0, 1));
    let all = Privileges { read: Depth::Organization, write: Depth::Organization };
    system.organization().dataverse().set_privileges("savedquery", all);
    system.create(0, "savedqueries", &filter(256, 0));
    system.advance(HOUR);
    system.settled();
    assert_eq!((system.contacts(0).len(), system.contacts(1).len()), (1, 1));
}

#[test]
fn filt_13_the_default_filter_finds_what_the_user_attends_or_organizes() {
    // Required, or organizer: found. Optional, or owner only: not found.
    for (mask, found) in [(5, true), (7, true), (6, false), (9, false)] {
        let system = two();
        // Paul's mailbox takes no part, so that nothing of Laura's comes by invitation.
        let paul = system.organization().people[0].mailbox_id;
        set(&system, "mailboxes", paul, "actdeliverymethod", json!(2));
        let organizer = if mask == 7 { system.party(1, 7) } else { system.party(0, 7) };
        let mut parties = vec![organizer];
        parties.extend([5, 6].contains(&mask).then(|| system.party(1, mask)));
        let mut body = system.meeting("Review", FUTURE, &parties);
        if mask == 9 {
            body["ownerid@odata.bind"] = json!(format!("/systemusers({})", system.user(1)));
        }
        system.create(0, "appointments", &body);
        system.settled();
        assert_eq!(system.events(1).len(), usize::from(found), "{mask}");
    }
}

#[test]
fn filt_17_what_a_filter_no_longer_names_is_asked_for_by_id() {
    // Told apart by the organization's setting: the row that somebody else owns now is there, so its
    // task is kept; the row that is gone takes its task along. No feed says which is which.
    let system = two();
    system.setting("DistinctPhysicalAndLogicalDeletesForExchangeSync", "true");
    let left = system.create(0, "tasks", &json!({ "subject": "Left" }));
    let gone = system.create(0, "tasks", &json!({ "subject": "Gone" }));
    system.settled();
    let all = Privileges { read: Depth::User, write: Depth::User };
    system.organization().dataverse().set_privileges("task", all);
    system.update(0, "tasks", left, &system.owner(1));
    system.delete(0, "tasks", gone);
    system.settled();
    let titles: Vec<Value> = system.tasks(0).iter().map(|one| one["title"].clone()).collect();
    assert_eq!(titles, ["Left"]);
}

#[test]
fn link_01_a_pair_of_each_kind_follows_both_sides() {
    // Whichever side it came from: an edit of the row reaches the item, one of the item the row.
    let system = two();
    let call = system.create(0, "phonecalls", &json!({ "subject": "Call" }));
    system.new_event(0, &tracked_event("Walk", FUTURE));
    system.settled();
    let walk = guid(&system.rows("appointments")[0], "activityid");
    system.update(0, "appointments", walk, &json!({ "location": "Park" }));
    system.update(0, "phonecalls", call, &json!({ "subject": "Call Ann" }));
    system.settled();
    assert_eq!(system.events(0)[0]["location"]["displayName"], "Park");
    assert_eq!(system.tasks(0)[0]["title"], "Call Ann");
    system.edit_event(0, &id_of(&system.events(0)[0]), &json!({ "subject": "Long walk" }));
    system.edit_task(0, &id_of(&system.tasks(0)[0]), &json!({ "title": "Call Ben" }));
    system.settled();
    assert_eq!(system.row("appointments", walk).unwrap()["subject"], "Long walk");
    assert_eq!(system.row("phonecalls", call).unwrap()["subject"], "Call Ben");
}

#[test]
fn link_05_the_category_tracks_events_and_tasks_and_no_contact() {
    // The same category on one of each: two rows are made.
    let system = two();
    system.new_contact(0, &json!({ "surname": "Card", "categories": [CATEGORY] }));
    system.new_task(0, &json!({ "title": "Task", "categories": [CATEGORY] }));
    system.new_event(0, &tracked_event("Event", FUTURE));
    system.settled();
    let count = |set: &str| system.rows(set).len();
    assert_eq!([count("contacts"), count("tasks"), count("appointments")], [0, 1, 1]);
}

#[test]
fn link_12_an_invitation_is_tracked_by_its_calendar_item_only() {
    // The invitation has arrived and nobody tracked the item: no row. The item is tracked: one row.
    let system = two();
    let laura = system.address(1);
    let mut body = tracked_event("Outside", FUTURE);
    body.as_object_mut().unwrap().remove("categories");
    let now = system.clock.now();
    let organization = system.organization();
    let sent = organization.graph().external_event("x@fabrikam.example", &[&laura], &body, now);
    sent.unwrap();
    system.settled();
    assert!(system.rows("appointments").is_empty());
    let item = id_of(&system.events(1)[0]);
    system.edit_event(1, &item, &json!({ "categories": [CATEGORY] }));
    system.settled();
    assert_eq!(system.rows("appointments").len(), 1);
}

#[test]
fn org_06_the_organizer_of_the_event_counts_and_not_the_one_that_the_row_names_now() {
    // The row names Laura as organizer when it is deleted; Paul organizes the event: it is cancelled.
    // An event that Laura only attends stays with her, although the row names her.
    let system = two();
    let id = paul_invites(&system, FUTURE);
    let mut outside = tracked_event("Outside", "2026-12-02T10:00:00Z");
    outside.as_object_mut().unwrap().remove("categories");
    let (laura, now) = (system.address(1), system.clock.now());
    let organization = system.organization();
    let sent = organization.graph().external_event("x@fabrikam.example", &[&laura], &outside, now);
    sent.unwrap();
    let item = id_of(&system.events(1)[0]);
    system.edit_event(1, &item, &json!({ "categories": [CATEGORY] }));
    system.settled();
    let hers = system.rows("appointments").into_iter().find(|row| row["subject"] == "Outside");
    let hers = guid(&hers.unwrap(), "activityid");
    let parties = [system.party(1, 7), system.party(0, 5)];
    let named = json!({ "appointment_activity_parties": parties });
    system.update(0, "appointments", id, &named);
    system.delete(0, "appointments", id);
    let named = json!({ "appointment_activity_parties": [system.party(1, 7)] });
    system.update(1, "appointments", hers, &named);
    system.delete(1, "appointments", hers);
    system.settled();
    assert!(system.events(0).is_empty());
    let left: Vec<Value> = system.events(1).iter().map(|one| one["subject"].clone()).collect();
    assert_eq!(left.iter().filter(|subject| *subject == "Outside").count(), 1);
    let cancelled = kinds(&system).iter().filter(|one| **one == MailKind::Cancellation).count();
    assert_eq!(cancelled, 1);
}

#[test]
fn appt_out_10_a_taken_time_is_no_reason_not_to_write() {
    // Two appointments and an event of the same hour: all are in both calendars, and no code says
    // anything; the stand-in refuses to be asked for a schedule.
    let system = two();
    system.new_event(0, &tracked_event("Busy", FUTURE));
    system.settled();
    for subject in ["One", "Two"] {
        let body = system.meeting(subject, FUTURE, &[system.party(0, 7)]);
        system.create(0, "appointments", &body);
    }
    system.settled();
    assert_eq!((system.events(0).len(), system.rows("appointments").len()), (3, 3));
    assert_eq!(system.codes(), []);
    let schedule = format!("/v1.0/users/{}/calendar/getSchedule", system.address(0));
    assert!(system.ask_graph("POST", &schedule, &json!({}))["error"].is_object());
}

#[test]
fn appt_out_15_what_must_not_mail_is_not_written() {
    // The meeting began: a change of its row reaches neither its event nor its attendees. A second
    // before, it does, and mails.
    for (seconds, location, mails) in [(HOUR, "", 1), (HOUR - 1, "Room 4", 2)] {
        let system = two();
        let id = paul_invites(&system, "2026-11-24T10:00:00Z");
        system.settled();
        system.advance(seconds);
        system.update(0, "appointments", id, &json!({ "location": "Room 4" }));
        system.settled();
        let shown = &system.events(0)[0]["location"]["displayName"];
        assert_eq!(shown.as_str().unwrap_or_default(), location, "{seconds}");
        assert_eq!(system.mails().len(), mails, "{seconds}");
    }
}

#[test]
fn cxl_01_the_cancellation_is_the_mail_that_exchange_sends() {
    // Deleting the row removes the organizer's event; that alone mails the attendee, once, and
    // Dynamics gets no activity for it.
    let system = two();
    let id = paul_invites(&system, FUTURE);
    system.settled();
    system.delete(0, "appointments", id);
    system.settled();
    let laura = system.address(1);
    let expected = [(MailKind::Invitation, laura.clone()), (MailKind::Cancellation, laura)];
    assert_eq!(system.mails(), expected);
    assert!(system.rows("appointments").is_empty() && system.rows("tasks").is_empty());
}

#[test]
fn cxl_10_one_changed_occurrence_is_an_exception_and_its_delete_spares_the_series() {
    // Renamed alone: instancetypecode 3; its neighbours stay 2. Deleted alone: the others stay.
    let system = two();
    let zone = "W. Europe Standard Time";
    let at = |time: &str| json!({ "dateTime": format!("2026-12-01T{time}"), "timeZone": zone });
    let body = json!({ "subject": "Weekly", "categories": [CATEGORY],
        "start": at("09:00:00"), "end": at("10:00:00"),
        "recurrence": {
            "pattern": { "type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"],
                "firstDayOfWeek": "sunday" },
            "range": { "type": "numbered", "startDate": "2026-12-01", "numberOfOccurrences": 4,
                "recurrenceTimeZone": zone } } });
    system.new_event(0, &body);
    system.settled();
    let address = system.address(0);
    let day = ("2026-12-08T00:00:00Z", "2026-12-09T00:00:00Z");
    let second = id_of(&system.organization().graph().shown(&address, day.0, day.1)[0]);
    system.edit_event(0, &second, &json!({ "subject": "Special" }));
    system.settled();
    let types = || {
        let rows = system.rows("appointments");
        let mut types: Vec<i64> =
            rows.iter().filter_map(|row| row["instancetypecode"].as_i64()).collect();
        types.sort_unstable();
        types
    };
    assert_eq!(types(), [2, 2, 2, 3]);
    system.delete_event(0, &second);
    system.settled();
    assert_eq!(types(), [2, 2, 2]);
    assert_eq!(system.rows("recurringappointmentmasters").len(), 1);
}

#[test]
fn task_out_11_a_start_without_a_due_date_makes_none() {
    // On either side: the start is carried, the due date stays empty on both.
    let system = two();
    let start = json!({ "subject": "Row", "scheduledstart": "2026-12-01T12:00:00Z" });
    let row = system.create(0, "tasks", &start);
    let day = json!({ "dateTime": "2026-12-01T00:00:00", "timeZone": "UTC" });
    let item = json!({ "title": "Item", "startDateTime": day, "categories": [CATEGORY] });
    system.new_task(0, &item);
    system.settled();
    for task in system.tasks(0) {
        assert!(task["dueDateTime"].is_null(), "{task}");
    }
    assert!(system.row("tasks", row).unwrap()["scheduledend"].is_null());
    for row in system.rows("tasks") {
        assert!(row["scheduledend"].is_null() && row["scheduledstart"].is_string(), "{row}");
    }
}

#[test]
fn task_in_08_a_recurring_task_is_imported_when_it_no_longer_recurs() {
    // Tracked and recurring: no row. Without its recurrence: a row.
    let system = two();
    let body = json!({ "title": "Daily", "categories": [CATEGORY],
        "dueDateTime": { "dateTime": "2026-12-01T00:00:00", "timeZone": "UTC" },
        "recurrence": { "pattern": { "type": "daily", "interval": 1 },
            "range": { "type": "noEnd", "startDate": "2026-12-01" } } });
    let id = system.new_task(0, &body);
    system.settled();
    assert!(system.rows("tasks").is_empty());
    system.edit_task(0, &id, &json!({ "recurrence": null }));
    system.settled();
    assert_eq!(system.rows("tasks").len(), 1);
}

#[test]
fn conf_04_a_delete_meets_an_update_by_the_rules_of_the_kind() {
    // Deleted here and edited there at once, both ways round: the open task goes on both sides, and
    // so does the row of a task deleted in Exchange; what is completed there stays.
    let system = two();
    let ids = ["Deleted", "Edited", "Completed"]
        .map(|subject| system.create(0, "tasks", &json!({ "subject": subject })));
    system.settled();
    let item = |title: &str| {
        id_of(system.tasks(0).iter().find(|one| one["title"] == title).expect("it is there"))
    };
    system.delete(0, "tasks", ids[0]);
    system.edit_task(0, &item("Deleted"), &json!({ "importance": "high" }));
    system.update(0, "tasks", ids[1], &json!({ "prioritycode": 2 }));
    system.delete_task(0, &item("Edited"));
    system.delete(0, "tasks", ids[2]);
    system.edit_task(0, &item("Completed"), &json!({ "status": "completed" }));
    system.settled();
    assert!(system.rows("tasks").is_empty());
    let titles: Vec<Value> = system.tasks(0).iter().map(|one| one["title"].clone()).collect();
    assert_eq!(titles, ["Completed"]);
}

#[test]
fn res_01_an_inactive_contact_resolves_only_by_the_setting_and_a_disabled_user_never() {
    // By default the attendee stays an address; with the setting it is the contact. Laura's user is
    // disabled: she stays an address in both.
    for (setting, resolved) in [("false", false), ("true", true)] {
        let system = two();
        system.setting("ResolveForInactiveEntities", setting);
        let address = "ann@fabrikam.example";
        let body = json!({ "lastname": "Ann", "emailaddress1": address });
        let contact = system.create(0, "contacts", &body);
        system.update(0, "contacts", contact, &json!({ "statecode": 1, "statuscode": 2 }));
        set(&system, "systemusers", system.user(1), "isdisabled", json!(true));
        let to =
            |address: &str| json!({ "emailAddress": { "address": address }, "type": "required" });
        let mut event = tracked_event("Talk", FUTURE);
        event["attendees"] = json!([to(address), to(&system.address(1))]);
        system.new_event(0, &event);
        system.settled();
        let row = system.rows("appointments").remove(0);
        let party = |address: &str| {
            let parties = row["parties"].as_array().unwrap();
            let party = parties.iter().find(|one| one["addressused"] == address);
            party.unwrap_or_else(|| panic!("{address} in {row}"))["partyid"].clone()
        };
        let found = party(address).to_string().contains(&contact.to_string());
        assert_eq!(found, resolved, "{setting}");
        assert!(party(&system.address(1)).is_null(), "{setting}");
    }
}
