//! Mailboxes at rest through the whole system: real adapters against both stand-ins.

use std::collections::HashMap;
use std::sync::Arc;

use lockstep::actors::fair::Lane;
use lockstep::actors::messages::Ended;
use lockstep::cycle::{CycleReport, Left, Orders};
use lockstep::domain::link::Link;
use lockstep::domain::policy::Mailbox;
use serde_json::json;
use uuid::Uuid;

use crate::harness::{CATEGORY, System, id_of, two};

/// A system whose mailboxes keep what their last cycle left behind, as their actors do.
struct Rested {
    system: System,
    mailboxes: Vec<Arc<Mailbox>>,
    rests: HashMap<Uuid, Left>,
}

impl Rested {
    /// Items of every collection, a completed task that its filter no longer returns, an event
    /// outside the calendar's window; then cycles until all mailboxes rest.
    fn new() -> Self {
        let system = two();
        system.organization().graph().set_delta_noise(0);
        system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
        let parties = [system.party(0, 7)];
        for (subject, start) in [("Near", "2026-12-01T10:00:00Z"), ("Far", "2030-01-01T10:00:00Z")]
        {
            system.create(0, "appointments", &system.meeting(subject, start, &parties));
        }
        let done = system.create(0, "tasks", &json!({ "subject": "Done" }));
        system.create(0, "tasks", &json!({ "subject": "Open" }));
        system.settled();
        system.update(0, "tasks", done, &json!({ "statecode": 1, "statuscode": 5 }));
        system.settled();
        let mailboxes = system.enrol();
        let mut rested = Self { system, mailboxes, rests: HashMap::new() };
        for _ in 0..4 {
            rested.system.advance(600);
            rested.pass();
        }
        assert_eq!(rested.rests.len(), rested.mailboxes.len(), "not all mailboxes rest");
        rested
    }

    /// Runs one cycle of each mailbox.
    fn pass(&mut self) -> Vec<CycleReport> {
        let mut reports = Vec::new();
        for mailbox in &self.mailboxes {
            let id = mailbox.key.mailbox;
            let tenant = self.system.tenant.clone();
            let cycle = tenant.cycle_from(
                mailbox.clone(),
                Orders::default(),
                self.rests.remove(&id),
                Lane::Changes,
            );
            self.system.hold();
            let (ended, left) = self.system.io.block_on(cycle);
            let rest = left.filter(|left| matches!(left, Left::Rest(_)));
            self.rests.extend(rest.map(|rest| (id, rest)));
            match ended {
                Ended::Report(report) => reports.push(*report),
                other => panic!("the cycle ended early: {other:?}"),
            }
        }
        reports
    }

    fn requests(&self) -> (u64, u64) {
        let organization = self.system.organization();
        (organization.dataverse().request_count(), organization.graph().request_count())
    }

    /// Returns the links of all mailboxes, as the store holds them.
    fn links(&self) -> Vec<Link> {
        let load = |mailbox: &Arc<Mailbox>| {
            self.system.io.block_on(self.system.app.links.load(&mailbox.key)).expect("a store")
        };
        self.mailboxes.iter().flat_map(|mailbox| load(mailbox).links).collect()
    }

    /// Tells whether the next pass decides anything.
    fn notices(&mut self) -> bool {
        self.pass().iter().any(|report| !report.lines.is_empty())
    }
}

#[test]
fn a_mailbox_at_rest_costs_one_request_a_side() {
    // Pass after pass one batch to Dataverse and one to Graph for each mailbox, and all stay at
    // rest; a filter that is due to be read again changes nothing.
    let mut rested = Rested::new();
    for minutes in [1, 5, 20, 20] {
        rested.system.advance(minutes * 60);
        let before = rested.requests();
        assert!(rested.pass().iter().all(CycleReport::is_quiet));
        let after = rested.requests();
        let each = rested.mailboxes.len() as u64;
        assert_eq!((after.0 - before.0, after.1 - before.1), (each, each));
        assert_eq!(rested.rests.len(), rested.mailboxes.len());
    }
}

#[test]
fn filt_03_what_changes_during_a_rest_is_carried_by_the_next_cycle() {
    // Rows and items of each collection, changed, made and deleted, also those that no filter and
    // no feed names.
    type Change = fn(&System);
    let changes: [(&str, Change); 7] = [
        ("a row is edited", |system| {
            let id = find(system, "tasks", "subject", "Open", "activityid");
            system.update(0, "tasks", id, &json!({ "subject": "Open still" }));
        }),
        ("a watched row is opened again", |system| {
            let id = find(system, "tasks", "subject", "Done", "activityid");
            system.update(0, "tasks", id, &json!({ "statecode": 0, "statuscode": 2 }));
        }),
        ("a watched row is edited", |system| {
            let id = find(system, "appointments", "subject", "Far", "activityid");
            system.update(0, "appointments", id, &json!({ "subject": "Farther" }));
        }),
        ("a row is made", |system| {
            system.create(0, "contacts", &json!({ "lastname": "New" }));
        }),
        ("a row is deleted", |system| {
            let id = find(system, "contacts", "lastname", "Mitchell", "contactid");
            system.delete(0, "contacts", id);
        }),
        ("an event outside the window is edited", |system| {
            let events = system.events(0);
            let event = events.iter().find(|event| event["subject"] == "Far").expect("an event");
            system.edit_event(0, &id_of(event), &json!({ "subject": "Farther" }));
        }),
        ("a task is made", |system| {
            system.new_task(0, &json!({ "title": "Mine", "categories": [CATEGORY] }));
        }),
    ];
    for (what, change) in changes {
        let mut rested = Rested::new();
        change(&rested.system);
        rested.system.advance(60);
        assert!(rested.notices(), "{what}: nothing was decided");
    }
}

#[test]
fn cxl_09_an_event_deleted_outside_the_window_is_found_within_a_day() {
    // No feed tells of it. A slow probe does, one a day for each event, with which a pass still
    // costs one request a side and stores nothing; the absence is then proven and reaches the row.
    let mut rested = Rested::new();
    rested.system.organization().graph().set_deletions_untold(true);
    let far = find(&rested.system, "appointments", "subject", "Far", "activityid");
    let events = rested.system.events(0);
    let event = events.iter().find(|event| event["subject"] == "Far").expect("an event");
    rested.system.delete_event(0, &id_of(event));
    let (links, each) = (rested.links(), rested.mailboxes.len() as u64);
    let mut minutes = 0;
    loop {
        rested.system.advance(40 * 60);
        minutes += 40;
        let before = rested.requests();
        if rested.notices() {
            break;
        }
        let after = rested.requests();
        assert_eq!((after.0 - before.0, after.1 - before.1), (each, each), "{minutes} minutes");
        assert_eq!(rested.links(), links, "{minutes} minutes");
        assert!(minutes < 26 * 60, "nothing was noticed");
    }
    assert!(minutes > 23 * 60, "it was asked again after {minutes} minutes");
    assert!(rested.system.row("appointments", far).is_none(), "the row is still there");
    rested.system.settled();
    assert_eq!(rested.system.rows("appointments").len(), 1);
}

#[test]
fn link_07_a_category_that_is_deleted_during_a_rest_is_made_again_within_15_minutes() {
    // The look travels in the batch that a pass sends anyway: until it finds something, and after
    // it did, a pass costs one request a side and stores nothing.
    let mut rested = Rested::new();
    let each = rested.mailboxes.len() as u64;
    let names = |rested: &Rested| {
        let graph = rested.system.organization().graph();
        graph.master_categories(&rested.system.address(0)).len()
    };
    assert_eq!(names(&rested), 1);
    let (address, now) = (rested.system.address(0), rested.system.clock.now());
    rested.system.organization().graph().user_delete_category(&address, CATEGORY, now).unwrap();
    let stored = rested.system.store_writes();
    let mut busy = 0;
    for minute in 1..=40 {
        rested.system.advance(60);
        let before = rested.requests();
        rested.pass();
        let after = rested.requests();
        busy += u32::from((after.0 - before.0, after.1 - before.1) != (each, each));
        assert!(minute < 15 || names(&rested) == 1, "it is missing after {minute} minutes");
    }
    assert!(busy <= 2, "{busy} passes cost more than a quiet one");
    assert_eq!(rested.system.store_writes() - stored, 1, "its id");
}

/// Returns the key of the row with this value.
fn find(system: &System, set: &str, name: &str, value: &str, key: &str) -> Uuid {
    let rows = system.rows(set);
    let row = rows.iter().find(|row| row[name] == value).expect("a row");
    row[key].as_str().and_then(|id| id.parse().ok()).expect("an id")
}
