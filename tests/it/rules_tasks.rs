//! Tasks, phone calls, letters and faxes, seen from outside (rules.md §1.11, §1.12, FLD-05).

use lockstep::domain::code::Code;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{CATEGORY, System, guid, id_of, person, two};

fn task_named(system: &System, title: &str) -> Value {
    let all = system.tasks(0);
    all.into_iter().find(|one| one["title"] == title).unwrap_or_else(|| panic!("task {title}"))
}

fn row_named(system: &System, set: &str, subject: &str) -> Value {
    let all = system.rows(set);
    all.into_iter().find(|one| one["subject"] == subject).unwrap_or_else(|| panic!("row {subject}"))
}

fn tracked(title: &str, status: &str) -> Value {
    json!({ "title": title, "status": status, "categories": [CATEGORY] })
}

/// Lets every row of a table match, whatever its state.
fn all_states(system: &System, table: &str) {
    let filter = format!(
        "<fetch><entity name=\"{table}\"><attribute name=\"activityid\"/><filter>\
         <condition attribute=\"ownerid\" operator=\"eq-userid\"/></filter></entity></fetch>"
    );
    let user = system.user(0);
    system.organization().dataverse().set_user_filters(user, table, &[&filter]);
}

#[test]
fn task_out_01_four_tables_become_tasks() {
    // A task, a phone call, a letter and a fax each become one task in Exchange.
    let system = two();
    for set in ["tasks", "phonecalls", "letters", "faxes"] {
        system.create(0, set, &json!({ "subject": set }));
    }
    system.settled();
    let mut titles: Vec<Value> = system.tasks(0).iter().map(|one| one["title"].clone()).collect();
    titles.sort_by_key(ToString::to_string);
    assert_eq!(titles, ["faxes", "letters", "phonecalls", "tasks"]);
}

#[test]
fn task_out_02_and_03_a_reminder_rings_at_the_due_time_unless_that_is_a_day_ago() {
    // Due later than 24 hours ago: a reminder at the due time. Exactly 24 hours, or no due: none.
    let system = two();
    for (subject, due) in [
        ("future", Some("2026-12-01T15:30:00Z")),
        ("inside", Some("2026-11-23T09:00:01Z")),
        ("edge", Some("2026-11-23T09:00:00Z")),
        ("undated", None),
    ] {
        system.create(0, "tasks", &json!({ "subject": subject, "scheduledend": due }));
    }
    system.settled();
    let future = task_named(&system, "future");
    assert_eq!(future["isReminderOn"], true);
    assert!(future["reminderDateTime"]["dateTime"].to_string().contains("2026-12-01T15:30:00"));
    assert_eq!(task_named(&system, "inside")["isReminderOn"], true);
    assert_eq!(task_named(&system, "edge")["isReminderOn"], false);
    assert_eq!(task_named(&system, "undated")["isReminderOn"], false);
}

#[test]
fn task_out_03_a_reminder_never_reaches_dynamics() {
    // The user moves the reminder: no write on either side.
    let system = two();
    let due = json!({ "subject": "Offer", "scheduledend": "2026-12-01T15:30:00Z" });
    system.create(0, "tasks", &due);
    system.settled();
    let before = system.writes();
    let reminder = json!({ "dateTime": "2026-11-30T08:00:00", "timeZone": "UTC" });
    let id = id_of(&system.tasks(0)[0]);
    system.edit_task(0, &id, &json!({ "isReminderOn": true, "reminderDateTime": reminder }));
    system.settled();
    assert_eq!(system.writes(), before);
}

#[test]
fn task_out_04_the_due_date_follows_in_both_directions() {
    // Exchange knows the day; a move there keeps the time of day that the row has.
    let system = two();
    let body = json!({ "subject": "Offer", "scheduledend": "2026-12-01T15:30:00Z" });
    let row = system.create(0, "tasks", &body);
    system.settled();
    let task = task_named(&system, "Offer");
    assert!(task["dueDateTime"]["dateTime"].to_string().contains("2026-12-01T00:00:00"));
    let moved = json!({ "dateTime": "2026-12-04T00:00:00", "timeZone": "UTC" });
    system.edit_task(0, &id_of(&task), &json!({ "dueDateTime": moved }));
    system.settled();
    assert_eq!(system.row("tasks", row).unwrap()["scheduledend"], "2026-12-04T15:30:00Z");
    system.update(0, "tasks", row, &json!({ "scheduledend": null }));
    system.settled();
    assert!(task_named(&system, "Offer")["dueDateTime"].is_null());
}

#[test]
fn task_out_05_06_and_07_state_and_percentage_become_a_status() {
    // Without a percentage the state decides; with one its three ranges; a closed state always.
    let system = two();
    all_states(&system, "tasks".trim_end_matches('s'));
    let cases: [(i64, i64, Option<i64>, &str); 9] = [
        (0, 2, None, "notStarted"),
        (0, 3, None, "notStarted"),
        (0, 7, None, "notStarted"),
        (0, 2, Some(0), "notStarted"),
        (0, 2, Some(1), "inProgress"),
        (0, 3, Some(99), "inProgress"),
        (0, 3, Some(100), "completed"),
        (1, 5, None, "completed"),
        (2, 6, Some(50), "completed"),
    ];
    for (at, (state, status, percent, _)) in cases.iter().enumerate() {
        let subject = format!("case {at}");
        let body = json!({ "subject": subject, "statecode": state, "statuscode": status,
            "percentcomplete": percent });
        system.create(0, "tasks", &body);
    }
    system.settled();
    for (at, (.., expected)) in cases.iter().enumerate() {
        assert_eq!(task_named(&system, &format!("case {at}"))["status"], *expected, "case {at}");
    }
}

#[test]
fn task_out_06_closed_calls_letters_and_faxes_are_completed() {
    // They have no percentage: the state alone decides.
    let system = two();
    for (set, table, done) in
        [("phonecalls", "phonecall", 2), ("letters", "letter", 4), ("faxes", "fax", 2)]
    {
        all_states(&system, table);
        let body = json!({ "subject": set, "statecode": 1, "statuscode": done });
        system.create(0, set, &body);
        system.create(0, set, &json!({ "subject": format!("open {set}") }));
    }
    system.settled();
    for set in ["phonecalls", "letters", "faxes"] {
        assert_eq!(task_named(&system, set)["status"], "completed");
        assert_eq!(task_named(&system, &format!("open {set}"))["status"], "notStarted");
    }
}

#[test]
fn task_out_08_the_actual_end_is_the_completion_date() {
    // A completed row brings its actual end; an open one has no completion date.
    let system = two();
    all_states(&system, "task");
    let done = json!({ "subject": "done", "statecode": 1, "statuscode": 5,
        "actualend": "2026-11-20T00:00:00Z" });
    system.create(0, "tasks", &done);
    system.create(0, "tasks", &json!({ "subject": "open" }));
    system.settled();
    let done = task_named(&system, "done");
    assert!(done["completedDateTime"]["dateTime"].to_string().contains("2026-11-20T00:00:00"));
    assert!(task_named(&system, "open")["completedDateTime"].is_null());
}

#[test]
fn task_out_09_a_deleted_row_takes_its_task_unless_that_is_completed() {
    // Completed tasks stay as a memory; open ones go.
    let system = two();
    all_states(&system, "task");
    let open = system.create(0, "tasks", &json!({ "subject": "open" }));
    let done = json!({ "subject": "done", "statecode": 1, "statuscode": 5 });
    let done = system.create(0, "tasks", &done);
    system.settled();
    system.delete(0, "tasks", open);
    system.delete(0, "tasks", done);
    system.settled();
    let left = system.tasks(0);
    assert_eq!((left.len(), &left[0]["title"]), (1, &json!("done")));
    let id = id_of(&left[0]);
    system.edit_task(0, &id, &json!({ "title": "changed" }));
    system.settled();
    assert!(system.rows("tasks").is_empty(), "unlinked: no new row comes of it");
}

#[test]
fn task_out_10_an_actual_end_in_the_past_completes_whatever_the_state() {
    // Yesterday: completed. Tomorrow or none: not.
    let system = two();
    for (subject, end) in [
        ("yesterday", json!("2026-11-23T00:00:00Z")),
        ("tomorrow", json!("2026-11-25T00:00:00Z")),
        ("never", Value::Null),
    ] {
        system.create(0, "tasks", &json!({ "subject": subject, "actualend": end }));
    }
    system.settled();
    assert_eq!(task_named(&system, "yesterday")["status"], "completed");
    assert_eq!(task_named(&system, "tomorrow")["status"], "notStarted");
    assert_eq!(task_named(&system, "never")["status"], "notStarted");
}

#[test]
fn task_in_01_a_linked_call_keeps_its_type() {
    // New items become tasks; an edit of a linked letter reaches the letter.
    let system = two();
    let letter = system.create(0, "letters", &json!({ "subject": "Letter" }));
    system.new_task(0, &tracked("New", "notStarted"));
    system.settled();
    let id = id_of(&task_named(&system, "Letter"));
    system.edit_task(0, &id, &json!({ "title": "Letter 2" }));
    system.settled();
    assert_eq!(system.row("letters", letter).unwrap()["subject"], "Letter 2");
    assert_eq!(system.rows("tasks").len(), 1);
    assert_eq!(system.rows("tasks")[0]["subject"], "New");
}

#[test]
fn task_in_02_05_and_06_a_status_becomes_state_and_reason() {
    // Each status of Exchange has its pair, on create and on change.
    let system = two();
    all_states(&system, "task");
    let cases = [
        ("notStarted", 0, 2),
        ("inProgress", 0, 3),
        ("waitingOnOthers", 0, 4),
        ("deferred", 0, 7),
        ("completed", 1, 5),
    ];
    for (status, ..) in cases {
        system.new_task(0, &tracked(status, status));
        system.new_task(0, &tracked(&format!("late {status}"), "notStarted"));
    }
    system.settled();
    for (status, ..) in cases {
        let id = id_of(&task_named(&system, &format!("late {status}")));
        system.edit_task(0, &id, &json!({ "status": status }));
    }
    system.settled();
    for (status, state, reason) in cases {
        for subject in [status.to_owned(), format!("late {status}")] {
            let row = row_named(&system, "tasks", &subject);
            let pair = (row["statecode"].clone(), row["statuscode"].clone());
            assert_eq!(pair, (json!(state), json!(reason)), "{subject}");
        }
        let item = task_named(&system, status);
        assert_eq!(item["status"], status, "what the user chose does not bounce back");
    }
}

#[test]
fn task_in_02_a_reopened_task_reopens_the_row_and_stays_open() {
    // The actual end goes with the completion, or TASK-OUT-10 would complete it again.
    let system = two();
    all_states(&system, "task");
    let id = system.new_task(0, &tracked("Offer", "completed"));
    system.settled();
    system.advance(3 * 86_400);
    system.edit_task(0, &id, &json!({ "status": "notStarted" }));
    system.settled();
    let row = row_named(&system, "tasks", "Offer");
    assert_eq!((&row["statecode"], &row["actualend"]), (&json!(0), &Value::Null));
    assert_eq!(task_named(&system, "Offer")["status"], "notStarted");
}

#[test]
fn task_in_03_the_actual_start_is_the_time_of_the_create() {
    // Only a create from Exchange sets it; an update does not move it.
    let system = two();
    let id = system.new_task(0, &tracked("Offer", "notStarted"));
    system.settled();
    assert_eq!(system.rows("tasks")[0]["actualstart"], "2026-11-24T09:00:00Z");
    system.advance(3_600);
    system.edit_task(0, &id, &json!({ "title": "Offer 2" }));
    system.settled();
    assert_eq!(system.rows("tasks")[0]["actualstart"], "2026-11-24T09:00:00Z");
}

/// Deletes an open and a completed task in Exchange; returns whose rows are left.
fn rows_after_deletes(setting: Option<&str>) -> Vec<Value> {
    let system = two();
    all_states(&system, "task");
    if let Some(value) = setting {
        system.setting("SSSTaskDeletionSyncBehaviorFromExchange", value);
    }
    let open = system.new_task(0, &tracked("open", "notStarted"));
    let done = system.new_task(0, &tracked("done", "completed"));
    system.create(0, "letters", &json!({ "subject": "letter" }));
    system.settled();
    let letter = id_of(&task_named(&system, "letter"));
    for id in [open, done, letter] {
        system.delete_task(0, &id);
    }
    system.settled();
    assert!(system.tasks(0).is_empty(), "a deleted item is not made again");
    let rows = [system.rows("tasks"), system.rows("letters")].concat();
    let mut left: Vec<Value> = rows.iter().map(|row| row["subject"].clone()).collect();
    left.sort_by_key(ToString::to_string);
    left
}

#[test]
fn task_in_04_the_setting_has_three_values() {
    // 0, the default, deletes always; 1 keeps what is completed; 2 keeps everything.
    assert_eq!(rows_after_deletes(None), Vec::<Value>::new());
    assert_eq!(rows_after_deletes(Some("0")), Vec::<Value>::new());
    assert_eq!(rows_after_deletes(Some("1")), ["done"]);
    assert_eq!(rows_after_deletes(Some("2")), ["done", "letter", "open"]);
}

#[test]
fn cxl_12_a_task_moved_to_another_list_is_no_delete() {
    // It leaves the synchronized list: the row stays, unlinked, and no second task is made.
    let system = two();
    let id = system.create(0, "tasks", &json!({ "subject": "Offer" }));
    system.settled();
    let list = system.new_list(0, "Private");
    let (address, now) = (system.address(0), system.clock.now());
    let task = id_of(&system.tasks(0)[0]);
    let moved = system.organization().graph().user_move_task(&address, &task, &list, now);
    moved.unwrap();
    system.settled();
    system.update(0, "tasks", id, &json!({ "subject": "Offer 2" }));
    system.settled();
    assert!(system.row("tasks", id).is_some());
    assert_eq!((system.tasks(0).len(), &system.tasks(0)[0]["title"]), (1, &json!("Offer")));
}

#[test]
fn cxl_12_a_task_moved_away_and_back_stays_a_pair() {
    // Both moves between two cycles give it a third id: the marker still leads to its letter.
    let system = two();
    let id = system.create(0, "letters", &json!({ "subject": "Letter" }));
    system.settled();
    let default = id_of(&system.tasks(0)[0]);
    let (address, now) = (system.address(0), system.clock.now());
    let list = system.new_list(0, "Private");
    let away = system.organization().graph().user_move_task(&address, &default, &list, now);
    let away = away.unwrap();
    let home = system.default_list(0).unwrap();
    let back = system.organization().graph().user_move_task(&address, &away, &home, now).unwrap();
    system.edit_task(0, &back, &json!({ "title": "Letter 2" }));
    system.settled();
    assert_eq!(system.row("letters", id).unwrap()["subject"], "Letter 2");
    system.update(0, "letters", id, &json!({ "subject": "Letter 3" }));
    system.settled();
    assert_eq!((system.tasks(0).len(), &system.tasks(0)[0]["title"]), (1, &json!("Letter 3")));
    assert!(system.rows("tasks").is_empty());
}

#[test]
fn rec_10_a_recurring_task_is_never_synchronized() {
    // It is left alone with a reason; its neighbour is not.
    let system = two();
    let mut daily = tracked("Daily", "notStarted");
    daily["dueDateTime"] = json!({ "dateTime": "2026-12-01T00:00:00", "timeZone": "UTC" });
    daily["recurrence"] = json!({
        "pattern": { "type": "daily", "interval": 1 },
        "range": { "type": "noEnd", "startDate": "2026-12-01" },
    });
    system.new_task(0, &daily);
    system.new_task(0, &tracked("Once", "notStarted"));
    system.settled();
    let rows = system.rows("tasks");
    assert_eq!((rows.len(), &rows[0]["subject"]), (1, &json!("Once")));
}

#[test]
fn fld_05_a_long_body_is_cut_in_dynamics_and_stays_whole_in_exchange() {
    // 2,000 characters fit; one more is cut with a mark, which never comes back.
    let system = two();
    let exact = "x".repeat(2_000);
    let long = "y".repeat(2_001);
    for (title, body) in [("exact", &exact), ("long", &long)] {
        let mut task = tracked(title, "notStarted");
        task["body"] = json!({ "content": body, "contentType": "text" });
        system.new_task(0, &task);
    }
    system.settled();
    assert!(system.codes().contains(&Code::TextTruncated));
    assert_eq!(row_named(&system, "tasks", "exact")["description"], json!(exact));
    let row = row_named(&system, "tasks", "long");
    let text = row["description"].as_str().unwrap();
    assert!(text.chars().count() <= 2_000 && text.starts_with("yyy"), "{}", text.len());
    assert!(!text.ends_with('y'), "a mark tells that something is missing");
    // Another change on either side does not bring the cut over.
    let id: Uuid = guid(&row, "activityid");
    system.update(0, "tasks", id, &json!({ "prioritycode": 2 }));
    system.edit_task(0, &id_of(&task_named(&system, "long")), &json!({ "title": "long 2" }));
    system.settled();
    let item = task_named(&system, "long 2");
    assert_eq!(item["body"]["content"].as_str().unwrap().trim_end(), long);
    assert_eq!(item["importance"], "high");
}

#[test]
fn task_out_05_reasons_are_kept_where_the_tenant_says_so() {
    // `preserve_status_reason`: in progress, waiting and deferred keep their names.
    let people = vec![person(1, "Paul", "Cannon", "Europe/Berlin")];
    let tenant = "\n[policy]\npreserve_status_reason = true\n";
    let system = System::with(people, "state.url = \"memory:\"\n", tenant);
    let cases = [(2, "notStarted"), (3, "inProgress"), (4, "waitingOnOthers"), (7, "deferred")];
    for (reason, status) in cases {
        let body = json!({ "subject": status, "statecode": 0, "statuscode": reason });
        system.create(0, "tasks", &body);
    }
    system.settled();
    for (_, status) in cases {
        assert_eq!(task_named(&system, status)["status"], status);
    }
}
