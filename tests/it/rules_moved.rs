//! Items that people move out of what is synchronized and back into it, through the whole system.

use lockstep::domain::code::Code;
use lockstep::domain::link::{LinkState, Why};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{System, guid, id_of, tracked_event, two};

const START: &str = "2026-11-25T10:00:00Z";

impl System {
    fn new_calendar(&self, at: usize) -> String {
        let (address, now) = (self.address(at), self.clock.now());
        self.organization().graph().user_create_calendar(&address, "Private", now).expect("made")
    }

    fn new_folder(&self, at: usize) -> String {
        let (address, now) = (self.address(at), self.clock.now());
        let mut graph = self.organization().graph();
        graph.user_create_contact_folder(&address, "Private", now).expect("made")
    }

    fn move_event(&self, at: usize, id: &str, calendar: &str) {
        let (address, now) = (self.address(at), self.clock.now());
        self.organization().graph().user_move_event(&address, id, calendar, now).expect("moved");
    }

    fn move_contact(&self, at: usize, id: &str, folder: &str) {
        let (address, now) = (self.address(at), self.clock.now());
        self.organization().graph().user_move_contact(&address, id, folder, now).expect("moved");
    }

    fn state(&self, at: usize) -> LinkState {
        let links = self.links(at);
        assert_eq!(links.len(), 1, "{links:?}");
        links[0].state
    }

    /// Makes an appointment and returns it with its event.
    fn pair(&self) -> (Uuid, String) {
        let organizer = self.party(0, 7);
        let id = self.create(0, "appointments", &self.meeting("Plan", START, &[organizer]));
        self.settled();
        (id, id_of(&self.events(0)[0]))
    }

    /// Makes a contact on both sides.
    fn contact_pair(&self) -> (Uuid, String) {
        let id = self.create(0, "contacts", &json!({ "firstname": "Ada", "lastname": "Byron" }));
        self.settled();
        (id, id_of(&self.contacts(0)[0]))
    }
}

#[test]
fn cxl_12_an_event_moved_to_another_calendar_is_no_delete() {
    // The pair is dissolved with a code; both stay, and neither side's edits reach the other.
    let system = two();
    let (row, event) = system.pair();
    let calendar = system.new_calendar(0);
    system.move_event(0, &event, &calendar);
    system.lines();
    system.settled();
    assert_eq!(system.state(0), LinkState::Unlinked(Why::MovedAway));
    assert!(system.codes().contains(&Code::MovedAway));
    system.update(0, "appointments", row, &json!({ "subject": "Row" }));
    system.edit_event(0, &event, &json!({ "subject": "Event" }));
    system.settled();
    assert_eq!(system.row("appointments", row).unwrap()["subject"], "Row");
    let subjects: Vec<Value> =
        system.events(0).iter().map(|event| event["subject"].clone()).collect();
    assert_eq!(subjects, ["Event"]);
    assert_eq!(system.rows("appointments").len(), 1);
    assert!(system.mails().is_empty());
}

#[test]
fn cxl_12_an_edit_in_dynamics_does_not_reach_an_event_that_was_moved_in_the_same_moment() {
    // The row's change and the move are seen in one cycle: the move counts.
    let system = two();
    let (row, event) = system.pair();
    let calendar = system.new_calendar(0);
    system.move_event(0, &event, &calendar);
    system.update(0, "appointments", row, &json!({ "subject": "Row" }));
    system.settled();
    assert_eq!(system.state(0), LinkState::Unlinked(Why::MovedAway));
    assert_eq!(system.events(0)[0]["subject"], "Plan");
}

#[test]
fn link_04_an_event_that_comes_back_into_the_main_calendar_is_joined_again() {
    // The same two items are a pair once more, in both directions.
    let system = two();
    let (row, event) = system.pair();
    let calendar = system.new_calendar(0);
    system.move_event(0, &event, &calendar);
    system.settled();
    system.move_event(0, &event, "calendar");
    system.settled();
    assert_eq!(system.state(0), LinkState::Agreed);
    system.update(0, "appointments", row, &json!({ "subject": "Row" }));
    system.settled();
    assert_eq!(system.events(0)[0]["subject"], "Row");
    system.edit_event(0, &event, &json!({ "subject": "Event" }));
    system.settled();
    assert_eq!(system.row("appointments", row).unwrap()["subject"], "Event");
    assert_eq!((system.events(0).len(), system.rows("appointments").len()), (1, 1));
}

#[test]
fn link_04_a_tracked_event_of_another_calendar_waits_until_it_is_moved_into_the_main_one() {
    // Only the main calendar is synchronized, whatever the category says.
    let system = two();
    system.settled();
    let calendar = system.new_calendar(0);
    let event = system.new_event(0, &tracked_event("Tracked", START));
    system.move_event(0, &event, &calendar);
    system.settled();
    assert!(system.rows("appointments").is_empty());
    system.move_event(0, &event, "calendar");
    system.settled();
    let rows = system.rows("appointments");
    assert_eq!((rows.len(), &rows[0]["subject"]), (1, &json!("Tracked")));
    assert_eq!(system.links(0)[0].id.0, guid(&rows[0], "activityid"));
}

#[test]
fn cxl_12_a_series_moved_to_another_calendar_is_no_delete() {
    // Its row stays, unlinked, and no occurrence of it is written.
    let system = two();
    let mut series = tracked_event("Weekly", START);
    series["recurrence"] = json!({
        "pattern": { "type": "weekly", "interval": 1, "daysOfWeek": ["wednesday"] },
        "range": { "type": "numbered", "startDate": "2026-11-25", "numberOfOccurrences": 4 },
    });
    let event = system.new_event(0, &series);
    system.settled();
    let calendar = system.new_calendar(0);
    system.move_event(0, &event, &calendar);
    system.settled();
    assert_eq!(system.state(0), LinkState::Unlinked(Why::MovedAway));
    assert_eq!(system.rows("recurringappointmentmasters").len(), 1);
}

#[test]
fn cxl_12_a_contact_moved_to_another_folder_is_no_delete() {
    // The pair is dissolved with a code; both stay, and neither side's edits reach the other.
    let system = two();
    let (row, contact) = system.contact_pair();
    let folder = system.new_folder(0);
    system.move_contact(0, &contact, &folder);
    system.lines();
    system.settled();
    assert_eq!(system.state(0), LinkState::Unlinked(Why::MovedAway));
    assert!(system.codes().contains(&Code::MovedAway));
    system.update(0, "contacts", row, &json!({ "firstname": "Row" }));
    system.edit_contact(0, &contact, &json!({ "givenName": "Item" }));
    system.settled();
    assert_eq!(system.row("contacts", row).unwrap()["firstname"], "Row");
    let names: Vec<Value> = system.contacts(0).iter().map(|one| one["givenName"].clone()).collect();
    assert_eq!(names, ["Item"]);
}

#[test]
fn link_04_a_contact_that_comes_back_into_the_default_folder_is_joined_again() {
    // The same two items are a pair once more, in both directions.
    let system = two();
    let (row, contact) = system.contact_pair();
    let folder = system.new_folder(0);
    system.move_contact(0, &contact, &folder);
    system.settled();
    system.move_contact(0, &contact, "contacts");
    system.settled();
    assert_eq!(system.state(0), LinkState::Agreed);
    system.update(0, "contacts", row, &json!({ "firstname": "Row" }));
    system.settled();
    assert_eq!(system.contacts(0)[0]["givenName"], "Row");
    system.edit_contact(0, &contact, &json!({ "givenName": "Item" }));
    system.settled();
    assert_eq!(system.row("contacts", row).unwrap()["firstname"], "Item");
    assert_eq!((system.contacts(0).len(), system.rows("contacts").len()), (1, 1));
}
