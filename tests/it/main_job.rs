//! The main job through the whole system: rules as seen from outside, over real HTTP.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{System, person};

const CATEGORY: &str = "Tracked to Dynamics 365";

fn two() -> System {
    System::new(vec![
        person(1, "Paul", "Cannon", "Europe/Berlin"),
        person(2, "Laura", "Norman", "America/New_York"),
    ])
}

fn user(system: &System, at: usize) -> Uuid {
    system.organization().people[at].user_id
}

fn address(system: &System, at: usize) -> String {
    system.organization().people[at].address.clone()
}

fn row_create(system: &System, at: usize, set: &str, body: &Value) -> Uuid {
    let now = system.clock.now();
    let organization = system.organization();
    let made = organization.dataverse().user_create(user(system, at), set, body, now);
    made.unwrap_or_else(|refusal| panic!("{} {}", refusal.code, refusal.message))
}

fn row_update(system: &System, at: usize, set: &str, id: Uuid, body: &Value) {
    let now = system.clock.now();
    let organization = system.organization();
    let done = organization.dataverse().user_update(user(system, at), set, id, body, now);
    done.unwrap_or_else(|refusal| panic!("{} {}", refusal.code, refusal.message));
}

fn contacts(system: &System, at: usize) -> Vec<Value> {
    system.organization().graph().contacts(&address(system, at))
}

fn events(system: &System, at: usize) -> Vec<Value> {
    system.organization().graph().events(&address(system, at))
}

fn tasks(system: &System, at: usize) -> Vec<Value> {
    system.organization().graph().tasks(&address(system, at))
}

fn settled(system: &System) {
    for result in system.settle() {
        assert!(result.quiet, "{:?} did not come to rest: {:?}", result.mailbox.key, result);
    }
}

#[test]
fn filt_07_a_contact_follows_its_owner_from_one_mailbox_to_the_other() {
    // A contact that changes owner leaves the first mailbox and enters the second.
    let system = two();
    let linda = json!({ "firstname": "Linda", "lastname": "Mitchell", "telephone1": "1" });
    let id = row_create(&system, 0, "contacts", &linda);
    settled(&system);
    assert_eq!((contacts(&system, 0).len(), contacts(&system, 1).len()), (1, 0));
    let laura = format!("/systemusers({})", user(&system, 1));
    row_update(&system, 0, "contacts", id, &json!({ "ownerid@odata.bind": laura }));
    settled(&system);
    assert_eq!((contacts(&system, 0).len(), contacts(&system, 1).len()), (0, 1));
    row_update(&system, 1, "contacts", id, &json!({ "telephone1": "2" }));
    settled(&system);
    let copies = contacts(&system, 1);
    assert_eq!(copies.len(), 1);
    assert_eq!(copies[0]["businessPhones"], json!(["2"]));
}

#[test]
fn link_03_a_tracked_task_is_created_and_follows_both_sides() {
    // A task with the category becomes a row; a change on either side reaches the other.
    let system = two();
    let body = json!({ "title": "Call back", "categories": [CATEGORY] });
    let now = system.clock.now();
    let mailbox = address(&system, 0);
    let task = system.organization().graph().user_create_task(&mailbox, &body, now);
    let task = task.unwrap_or_else(|refusal| panic!("{}", refusal.message));
    settled(&system);
    let rows = system.organization().dataverse().rows("tasks");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["subject"], "Call back");
    let id: Uuid = rows[0]["activityid"].as_str().and_then(|text| text.parse().ok()).unwrap();
    row_update(&system, 0, "tasks", id, &json!({ "subject": "Call back today" }));
    settled(&system);
    assert_eq!(tasks(&system, 0)[0]["title"], "Call back today");
    let done = json!({ "status": "completed" });
    let now = system.clock.now();
    let graph = system.organization();
    graph.graph().user_update_task(&mailbox, &task, &done, now).unwrap();
    settled(&system);
    let row = system.organization().dataverse().row("tasks", id).unwrap();
    assert_eq!((row["statecode"].clone(), row["statuscode"].clone()), (json!(1), json!(5)));
}

#[test]
fn link_02_untracked_items_never_reach_dynamics() {
    // Without a tracking signal an Exchange item is nobody's business; LINK-05 for contacts.
    let system = two();
    let now = system.clock.now();
    let mailbox = address(&system, 0);
    {
        let organization = system.organization();
        let mut graph = organization.graph();
        graph.user_create_task(&mailbox, &json!({ "title": "Mine" }), now).unwrap();
        let contact = json!({ "givenName": "Own", "surname": "Friend", "categories": [CATEGORY] });
        graph.user_create_contact(&mailbox, &contact, now).unwrap();
    }
    settled(&system);
    let organization = system.organization();
    assert!(organization.dataverse().rows("tasks").is_empty());
    assert!(organization.dataverse().rows("contacts").is_empty());
}

#[test]
fn org_01_a_meeting_is_created_once_and_mails_its_attendees_once() {
    // Only the organizer's mailbox creates the meeting; the attendee's copy is found, not made.
    let system = two();
    let id = row_create(&system, 0, "appointments", &meeting(&system, "Review"));
    settled(&system);
    assert_eq!((events(&system, 0).len(), events(&system, 1).len()), (1, 1));
    assert_eq!(events(&system, 0)[0]["iCalUId"], events(&system, 1)[0]["iCalUId"]);
    assert_eq!(system.organization().graph().ledger().len(), 1, "one invitation");
    row_update(&system, 0, "appointments", id, &json!({ "location": "Room 4" }));
    settled(&system);
    assert_eq!(events(&system, 1)[0]["location"]["displayName"], "Room 4");
    assert_eq!(system.organization().graph().ledger().len(), 2, "and one update");
}

/// A future meeting that the first person organizes and the second attends.
fn meeting(system: &System, subject: &str) -> Value {
    let bind = |at| format!("/systemusers({})", user(system, at));
    json!({
        "subject": subject,
        "scheduledstart": "2026-12-01T09:00:00Z",
        "scheduledend": "2026-12-01T10:00:00Z",
        "appointment_activity_parties": [
            { "partyid_systemuser@odata.bind": bind(0), "participationtypemask": 7 },
            { "partyid_systemuser@odata.bind": bind(1), "participationtypemask": 5 },
        ],
    })
}

#[test]
fn appt_in_11_a_meeting_that_the_organizer_does_not_hold_is_not_made_anew() {
    // A row that names a meeting nobody finds in the organizer's calendar invites nobody again.
    let system = two();
    let mut body = meeting(&system, "Named elsewhere");
    body["globalobjectid"] = json!("0400000082");
    row_create(&system, 0, "appointments", &body);
    settled(&system);
    assert!(events(&system, 0).is_empty());
    assert!(system.organization().graph().ledger().is_empty());
}

#[test]
fn filt_02_a_meeting_that_left_the_filter_is_made_again_when_it_returns() {
    // Leaving the filter cancels the future meeting; returning creates it like the first time.
    let system = two();
    row_create(&system, 0, "appointments", &meeting(&system, "Comes and goes"));
    settled(&system);
    assert_eq!(events(&system, 0).len(), 1);
    let organizer = user(&system, 0);
    let filter = |subject: &str| {
        format!(
            "<fetch><entity name='appointment'><filter><condition attribute='subject' \
             operator='eq' value='{subject}'/></filter></entity></fetch>"
        )
    };
    let filters = |text: &str| {
        let organization = system.organization();
        organization.dataverse().set_user_filters(organizer, "appointment", &[text]);
    };
    filters(&filter("nothing"));
    settled(&system);
    assert!(events(&system, 0).is_empty(), "CXL-05: the organizer's future meeting goes");
    filters(&filter("Comes and goes"));
    settled(&system);
    assert_eq!(events(&system, 0).len(), 1);
    let kinds: Vec<String> =
        system.organization().graph().ledger().iter().map(|it| format!("{:?}", it.kind)).collect();
    assert_eq!(kinds, ["Invitation", "Cancellation", "Invitation"]);
}

#[test]
fn appt_out_06_what_was_held_back_in_the_past_comes_along_to_the_future() {
    // A past meeting's new subject is not mailed; it arrives when the meeting moves to the future.
    let system = two();
    let id = row_create(&system, 0, "appointments", &meeting(&system, "Old name"));
    settled(&system);
    system.advance(8 * 24 * 3600);
    row_update(&system, 0, "appointments", id, &json!({ "subject": "New name" }));
    settled(&system);
    assert_eq!(events(&system, 0)[0]["subject"], "Old name");
    let later = json!({
        "scheduledstart": "2026-12-20T09:00:00Z", "scheduledend": "2026-12-20T10:00:00Z",
    });
    row_update(&system, 0, "appointments", id, &later);
    settled(&system);
    assert_eq!(events(&system, 0)[0]["subject"], "New name");
}

#[test]
fn a_quiet_cycle_costs_one_request_to_each_side_and_no_write() {
    // Nothing changed: one batch to Dataverse, one to Graph, nothing stored.
    let system = two();
    row_create(&system, 0, "contacts", &json!({ "lastname": "Quiet" }));
    settled(&system);
    // Empty pages and replayed rows, which the service sends now and then, cost further pages.
    system.organization().graph().set_delta_noise(0);
    let count = || {
        let organization = system.organization();
        (organization.dataverse().request_count(), organization.graph().request_count())
    };
    let mailboxes = system.enrol();
    let (dataverse, graph) = count();
    let stored = system.store_writes();
    assert!(stored > 0, "the pair was stored");
    for mailbox in &mailboxes {
        let cycle =
            system.tenant.clone().cycle(mailbox.clone(), lockstep::cycle::Orders::default());
        system.io.block_on(cycle);
    }
    let (after_dataverse, after_graph) = count();
    assert_eq!(after_dataverse - dataverse, mailboxes.len() as u64);
    assert_eq!(after_graph - graph, mailboxes.len() as u64);
    assert_eq!(system.store_writes(), stored);
}
