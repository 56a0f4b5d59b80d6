//! Classes E, I, K and M: everything deleted, loops and poison items, delta tokens, and what nobody
//! could foresee or undo.

use lockstep::app::operate::undo::{prepare, undo};
use lockstep::cycle::Wanted;
use lockstep::domain::code::Code;
use lockstep::sim::dataverse::{Depth, Privileges};
use lockstep::sim::faults::{FarSide, FaultKind, FaultPlan, Scope};
use serde_json::json;
use uuid::Uuid;

use super::{eight, halted, release};
use crate::harness::{CATEGORY, System, id_of, person, two};
use crate::plans::plan;

#[test]
fn ogcs_2215_emptied_side_empties_no_other() {
    // All items vanish at once: the plan is halted, cycle after cycle, until somebody releases it.
    let (system, _) = eight();
    for task in system.tasks(0) {
        system.delete_task(0, &id_of(&task));
    }
    halted(&system);
    halted(&system);
    assert_eq!(system.rows("tasks").len(), 8);
    release(&system);
    system.settled();
    assert!(system.rows("tasks").is_empty());
}

#[test]
fn ogcs_1902_a_filter_that_finds_nothing_does_not_empty_the_mailbox() {
    // The user's filter suddenly returns nothing: halted; a mended filter ends it without a loss.
    let (system, _) = eight();
    let user = system.user(0);
    let filter = |state: &str| {
        format!(
            "<fetch><entity name=\"task\"><attribute name=\"activityid\"/><filter><condition \
             attribute=\"statecode\" operator=\"eq\" value=\"{state}\"/></filter></entity></fetch>"
        )
    };
    system.organization().dataverse().set_user_filters(user, "task", &[&filter("2")]);
    halted(&system);
    assert_eq!(system.tasks(0).len(), 8);
    system.organization().dataverse().set_user_filters(user, "task", &[&filter("0")]);
    system.settled();
    assert_eq!(system.tasks(0).len(), 8);
}

#[test]
fn ocs_399_what_one_person_deletes_by_hand_passes() {
    // The brake is for an emptied side; what one person deletes by hand within the budget passes.
    let (system, ids) = eight();
    for id in &ids[1..] {
        system.delete(0, "tasks", *id);
    }
    system.settled();
    assert_eq!(system.tasks(0).len(), 1);
}

#[test]
fn zpush_154_a_poison_item_is_parked_and_blocks_nobody() {
    // Exchange refuses one task for ever: it is parked after its attempts, the others go on, it
    // costs nothing more, and a change gives it another chance.
    let people = vec![person(1, "Paul", "Cannon", "Europe/Berlin")];
    let tenant = "\n[limits]\nitem_attempts = 3\n";
    let system = System::with(people, "state.url = \"memory:\"\n", tenant);
    let all = Privileges { read: Depth::User, write: Depth::None };
    system.organization().dataverse().set_privileges("task", all);
    system.new_task(0, &json!({ "title": "Poison", "categories": [CATEGORY] }));
    system.create(0, "contacts", &json!({ "lastname": "Fine" }));
    for _ in 0..4 {
        system.passes(1);
    }
    assert_eq!(system.contacts(0).len(), 1);
    let codes = system.codes();
    assert!(codes.contains(&Code::ItemParked), "{codes:?}");
    let quiet = system.passes(1);
    assert!(quiet[0].quiet, "{quiet:?}");
    let own = Privileges { read: Depth::User, write: Depth::User };
    system.organization().dataverse().set_privileges("task", own);
    let id = id_of(&system.tasks(0)[0]);
    system.edit_task(0, &id, &json!({ "title": "Cured" }));
    system.settled();
    assert_eq!(system.rows("tasks").len(), 1);
}

#[test]
fn odoo_148011_what_vanished_is_not_asked_for_for_ever() {
    // Row and item go at the same time, and an item goes while its row is edited: then silence.
    let (system, ids) = eight();
    let tasks = system.tasks(0);
    let item = |n: usize| {
        let found = tasks.iter().find(|one| one["title"] == format!("Task {n}"));
        id_of(found.unwrap())
    };
    system.delete(0, "tasks", ids[0]);
    system.delete_task(0, &item(0));
    system.update(0, "tasks", ids[1], &json!({ "subject": "Edited" }));
    system.delete_task(0, &item(1));
    system.edit_task(0, &item(2), &json!({ "title": "Edited" }));
    system.delete(0, "tasks", ids[2]);
    system.settled();
    assert_eq!((system.tasks(0).len(), system.rows("tasks").len()), (5, 5));
    assert_eq!(system.links(0).len(), 5, "nothing is remembered of what is gone on both sides");
    system.organization().graph().set_delta_noise(0);
    let requests = || system.organization().graph().request_count();
    let mailboxes = system.enrol();
    let before = requests();
    system.run(mailboxes, 1);
    assert_eq!(requests() - before, 2, "one batch for each mailbox");
}

#[test]
fn graph_docs_2350_graph_docs_2839_an_expired_token_hides_no_change() {
    // Edits, creates and deletes made around a 410 all arrive, and nothing else happens.
    let (system, ids) = eight();
    system.delete_task(0, &id_of(&system.tasks(0)[0]));
    let edited = system.tasks(0)[0]["title"].clone();
    system.edit_task(0, &id_of(&system.tasks(0)[0]), &json!({ "importance": "high" }));
    system.new_task(0, &json!({ "title": "New", "categories": [CATEGORY] }));
    system.organization().graph().expire_delta_tokens(None);
    system.organization().dataverse().expire_delta_tokens();
    system.settled();
    assert_eq!((system.tasks(0).len(), system.rows("tasks").len()), (8, 8));
    let row = system.rows("tasks").into_iter().find(|row| row["subject"] == edited).unwrap();
    assert_eq!(row["prioritycode"], 2);
    assert_eq!(ids.len(), 8);
}

#[test]
fn graph_docs_6599_a_phantom_removal_deletes_nothing() {
    // Events beyond the window are told as removed whenever they change: they follow, and stay.
    let system = two();
    let ids: Vec<Uuid> = ["2026-01-05T10:00:00Z", "2029-01-05T10:00:00Z"]
        .map(|start| {
            let body = system.meeting(start, start, &[system.party(0, 7)]);
            system.create(0, "appointments", &body)
        })
        .to_vec();
    system.settled();
    for event in system.events(0) {
        system.edit_event(0, &id_of(&event), &json!({ "importance": "high" }));
    }
    system.advance(600);
    system.settled();
    assert_eq!(system.events(0).len(), 2);
    for id in ids {
        assert_eq!(system.row("appointments", id).unwrap()["prioritycode"], 2);
    }
}

#[test]
fn ogcs_2022_a_side_that_fails_halfway_deletes_nothing() {
    // The connection ends, the answer is cut off or is no JSON, on either side, while all is read
    // anew: nothing is deleted, and the next cycle goes on.
    let kinds = [FaultKind::ResetBefore, FaultKind::TruncateBody, FaultKind::MalformedJson];
    for side in [FarSide::Dataverse, FarSide::Graph] {
        for kind in &kinds {
            let (system, ids) = eight();
            let mailboxes = system.enrol();
            system.organization().graph().expire_delta_tokens(None);
            system.update(0, "tasks", ids[0], &json!({ "subject": "Edited" }));
            let plan = FaultPlan::new(1).with(kind.clone(), 0.5, Scope::Side(side));
            system.organization().set_faults(plan);
            system.run(mailboxes, 3);
            system.organization().set_faults(FaultPlan::none());
            let counts = || (system.tasks(0).len(), system.rows("tasks").len());
            assert_eq!(counts(), (8, 8), "{side:?} {kind:?}");
            system.settled();
            assert_eq!(counts(), (8, 8), "{side:?} {kind:?}");
            assert!(system.tasks(0).iter().any(|task| task["title"] == "Edited"), "{side:?}");
        }
    }
}

#[test]
fn graph_docs_6353_occurrences_in_the_feed_make_no_rows_of_their_own() {
    // The calendar's feed lists every occurrence: the series is one master with its instances, and
    // no occurrence becomes an appointment beside it.
    let system = two();
    let at = |time: &str| json!({ "dateTime": format!("2026-12-01T{time}"), "timeZone": "UTC" });
    let body = json!({ "subject": "Daily", "categories": [CATEGORY],
        "start": at("09:00:00"), "end": at("10:00:00"),
        "recurrence": { "pattern": { "type": "daily", "interval": 1 },
            "range": { "type": "numbered", "startDate": "2026-12-01", "numberOfOccurrences": 5,
                "recurrenceTimeZone": "UTC" } } });
    system.new_event(0, &body);
    system.settled();
    system.organization().graph().expire_delta_tokens(None);
    system.settled();
    assert_eq!(system.rows("recurringappointmentmasters").len(), 1);
    let rows = system.rows("appointments");
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().all(|row| row["seriesid"].is_string()));
}

#[test]
fn ogcs_1917_ogcs_125_a_deletion_is_shown_before_and_can_be_undone() {
    // The plan names the delete before it happens and writes nothing; undone, the task is there
    // again on both sides.
    let system = two();
    let id = system.create(0, "tasks", &json!({ "subject": "Offer" }));
    system.settled();
    system.advance(60);
    let since = system.clock.now();
    system.delete(0, "tasks", id);
    let before = system.writes();
    assert_eq!(plan(&system).totals.deletes, 1);
    assert_eq!(system.writes(), before);
    system.settled();
    assert!(system.tasks(0).is_empty());
    let (tenant, io, mailboxes) = (&system.tenant, &system.io, system.enrol());
    let wanted = Wanted::Since(since);
    let planned = io.block_on(prepare(tenant, mailboxes, &wanted, false, &|| {}));
    io.block_on(undo(tenant, planned, &|| {}));
    system.settled();
    assert_eq!((system.tasks(0).len(), system.rows("tasks").len()), (1, 1));
    assert_eq!(system.tasks(0)[0]["title"], "Offer");
}
