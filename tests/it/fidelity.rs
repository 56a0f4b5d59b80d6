//! The page of fidelity against the code: what becomes of each field in each direction.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use lockstep::api::story;
use lockstep::cycle::Stage;
use lockstep::dataverse;
use lockstep::domain::code::Code;
use lockstep::domain::kind::Kind;
use lockstep::domain::side::Side;
use lockstep::engine::fidelity::{Fate, ONLY_IN_DYNAMICS, ONLY_IN_EXCHANGE, fate};
use lockstep::graph;
use serde_json::json;

use crate::harness::{CATEGORY, two};

/// Set it to write the page instead of comparing it.
const WRITE: &str = "LOCKSTEP_WRITE_DOCS";

/// The kinds with a table of their own; letters and faxes are as phone calls.
const KINDS: [(Kind, &str); 5] = [
    (Kind::Appointment, "Appointment (`appointment`, event)"),
    (Kind::ServiceAppointment, "Service activity (`serviceappointment`, event)"),
    (Kind::Contact, "Contact (`contact`, contact)"),
    (Kind::Task, "Task (`task`, to-do task)"),
    (Kind::PhoneCall, "Phone call, letter, fax (`phonecall`, `letter`, `fax`, to-do task)"),
];

fn page() -> String {
    let mut page = String::from(
        "# Fidelity\n\n\
         What becomes of each field between Dataverse and Exchange over Microsoft Graph, the only back \
         end of this version. *Kept*: the other side holds the same. *Mapped*: it says it in other \
         words or in part. *Lost*: it has no place for it, or must not hear it. The tables show the \
         defaults; a direction that an administrator chose (FLD-02) narrows them. Where a value could \
         not be carried, the decision of the item carries a code of [codes.md](codes.md).\n\n\
         This page is written from the tables of `src/dataverse/map`, `src/graph/map` and \
         `src/engine/fidelity.rs`: `LOCKSTEP_WRITE_DOCS=1 cargo test --test it fidelity` writes it \
         anew.\n",
    );
    for (kind, title) in KINDS {
        let _ = write!(
            page,
            "\n## {title}\n\n| Dataverse | Graph | to Exchange | to Dynamics |\n| --- | --- | --- | --- |\n"
        );
        for (field, column) in dataverse::columns(kind) {
            let name = graph::property(kind, field);
            let ways = Side::BOTH.map(|side| fate(kind, field, side, name.is_some()));
            let name = name.map_or_else(|| "–".to_owned(), |name| format!("`{name}`"));
            let _ = writeln!(page, "| `{column}` | {name} | {} | {} |", ways[0], ways[1]);
        }
    }
    for (title, rows) in
        [("Only in Exchange", ONLY_IN_EXCHANGE), ("Only in Dynamics", ONLY_IN_DYNAMICS)]
    {
        let _ = write!(page, "\n## {title}\n\n| Kind | What | Becomes |\n| --- | --- | --- |\n");
        for (kind, what, becomes) in rows {
            let _ = writeln!(page, "| {kind} | {what} | {becomes} |");
        }
    }
    page
}

#[test]
fn the_page_of_fidelity_is_what_the_tables_say() {
    // docs/fidelity.md holds each column of each kind as the code has it now.
    let page = page();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/fidelity.md");
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &page).expect("the page is written");
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        stored, page,
        "docs/fidelity.md is out of date; {WRITE}=1 cargo test --test it fidelity"
    );
}

#[test]
fn what_is_kept_has_a_name_on_both_sides() {
    // Nothing is called kept that Graph has no property for, and every code that is named exists.
    for (kind, _) in KINDS {
        for (field, column) in dataverse::columns(kind) {
            let name = graph::property(kind, field);
            for side in Side::BOTH {
                let fate = fate(kind, field, side, name.is_some());
                let kept = matches!(fate, Fate::Kept | Fate::Cut(_));
                assert!(!kept || name.is_some(), "{kind} {column}");
            }
        }
    }
    for (_, _, text) in ONLY_IN_EXCHANGE.iter().chain(ONLY_IN_DYNAMICS) {
        for code in text.split('`').skip(1).step_by(2) {
            assert!(Code::ALL.iter().any(|one| one.as_str() == code), "{code}");
        }
    }
}

#[test]
fn task_out_07_a_percentage_that_graph_cannot_show_is_noted() {
    // 30 % shows as in progress, is kept in Dynamics, and the decision says so; 0 and 100 are whole.
    for (percent, noted) in [(30, true), (0, false), (100, false)] {
        let system = two();
        let id =
            system.create(0, "tasks", &json!({ "subject": "Offer", "percentcomplete": percent }));
        system.settled();
        assert_eq!(system.codes().contains(&Code::PercentKept), noted, "{percent}");
        assert_eq!(system.row("tasks", id).expect("a row")["percentcomplete"], percent);
    }
}

#[test]
fn fld_02_a_value_that_dynamics_has_no_place_for_is_noted() {
    // A room among the attendees stays in Exchange, and the decision says so.
    let system = two();
    let mut body = crate::harness::tracked_event("Walk", "2026-12-01T10:00:00Z");
    let room = json!({ "name": "Room 4", "address": "room4@fabrikam.example" });
    body["attendees"] = json!([{ "type": "resource", "emailAddress": room }]);
    system.new_event(0, &body);
    system.settled();
    assert!(system.codes().contains(&Code::ValuesDropped));
    assert_eq!(system.rows("appointments").len(), 1);
}

#[test]
fn fld_05_every_loss_of_an_item_is_told() {
    // A place that is too long and a room: both codes stand in the plan, in the story, in what the cycle
    // reports, in what is remembered of it, and on the item's page.
    let system = two();
    let mut body = crate::harness::tracked_event("Walk", "2026-12-01T10:00:00Z");
    let room = json!({ "name": "Room 4", "address": "room4@fabrikam.example" });
    body["attendees"] = json!([{ "type": "resource", "emailAddress": room }]);
    body["location"] = json!({ "displayName": "x".repeat(300) });
    let id = system.new_event(0, &body);
    let both = [Code::TextTruncated, Code::ValuesDropped];
    let sorted = |mut codes: Vec<String>| {
        codes.sort_unstable();
        codes
    };
    let named = both.map(|code| code.as_str().to_owned()).to_vec();
    let planned = crate::plans::plan(&system);
    let view = planned.mailboxes.iter().flat_map(|one| &one.items).next().expect("it is planned");
    assert_eq!(sorted(view.code.iter().chain(&view.notes).cloned().collect()), named);
    let told = crate::explains::one(&system, 0, Side::Exchange, &id);
    let step = told.step(Stage::Decide).expect("it is decided");
    assert_eq!(sorted(step.codes.iter().map(|code| code.as_str().to_owned()).collect()), named);
    system.settled();
    let reported = system.codes();
    assert!(both.iter().all(|code| reported.contains(code)), "{reported:?}");
    let told = crate::explains::one(&system, 0, Side::Exchange, &id);
    let record = told.history.last().expect("it is remembered");
    assert_eq!(sorted(record.codes().into_iter().map(str::to_owned).collect()), named);
    let codes = &story::story(&told)["history"][0]["codes"];
    assert_eq!(codes.as_array().map(Vec::len), Some(2), "{codes}");
}

#[test]
fn asgn_04_an_assigned_task_keeps_its_correlation_id() {
    // A row that somebody's client marked as assigned is synchronized as any other, both ways, and
    // its mark stays.
    let system = two();
    let mark = "5f1c0000-0000-0000-0000-000000000001";
    let body = json!({ "subject": "Offer", "crmtaskassigneduniqueid": mark });
    let id = system.create(0, "tasks", &body);
    system.settled();
    let item = crate::harness::id_of(&system.tasks(0)[0]);
    system.edit_task(0, &item, &json!({ "title": "Changed" }));
    system.settled();
    let row = system.row("tasks", id).expect("a row");
    assert_eq!(
        (&row["subject"], &row["crmtaskassigneduniqueid"]),
        (&json!("Changed"), &json!(mark))
    );
}

#[test]
fn asgn_01_plain_tracked_tasks_do_not_need_the_setting() {
    // With the setting off, which is the default, and on: the same.
    for on in [false, true] {
        let system = two();
        let mut dataverse = system.organization().dataverse();
        let id = dataverse.organization_id();
        dataverse.admin_set("organizations", id, "isassignedtaskssyncenabled", json!(on));
        drop(dataverse);
        system.new_task(0, &json!({ "title": "Mine", "categories": [CATEGORY] }));
        system.settled();
        assert_eq!(system.rows("tasks").len(), 1, "{on}");
    }
}

#[test]
fn task_in_07_link_09_what_is_tracked_in_a_mailbox_belongs_to_its_owner() {
    // Whoever set the category, a delegate or an assignee among them: Graph tells the mailbox only.
    let system = two();
    system.new_task(1, &json!({ "title": "Hers", "categories": [CATEGORY] }));
    system.new_event(1, &crate::harness::tracked_event("Walk", "2026-12-01T10:00:00Z"));
    system.settled();
    for set in ["tasks", "appointments"] {
        let row = &system.rows(set)[0];
        assert_eq!(row["_ownerid_value"], json!(system.user(1).to_string()), "{set}");
        assert_eq!(row["_createdby_value"], json!(system.user(1).to_string()), "{set}");
    }
}
