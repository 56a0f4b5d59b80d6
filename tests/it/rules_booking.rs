//! Booking (rules.md §1.8, APPT-IN-06 to APPT-IN-08), seen from outside.

use lockstep::cycle::Stage;
use lockstep::domain::code::Code;
use lockstep::domain::link::LinkState;
use lockstep::domain::side::Side;
use lockstep::sim::faults::{FarSide, FaultKind, FaultPlan, Scope};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::explains::one;
use crate::harness::{SIGNAL, System, id_of, person, tracked_event, two};

const START: &str = "2026-12-01T10:00:00Z";
const HALF_PAST: &str = "2026-12-01T10:30:00Z";
const END: &str = "2026-12-01T11:00:00Z";
/// Paul is, or may be, busy in Dynamics from ten to eleven, in an appointment that Laura organizes.
fn busy(system: &System, state: i64, reason: i64) -> Uuid {
    let parties = [system.party(0, 6), system.party(1, 7)];
    let mut body = system.meeting("Dynamics only", START, &parties);
    (body["statecode"], body["statuscode"]) = (json!(state), json!(reason));
    system.create(1, "appointments", &body)
}

fn named(system: &System, subject: &str) -> Vec<Value> {
    system.rows("appointments").into_iter().filter(|row| row["subject"] == subject).collect()
}

/// Returns the link of the item that waits for a decision.
fn waiting(system: &System) -> lockstep::domain::link::Link {
    let links = system.links(0);
    let of = |link: &&lockstep::domain::link::Link| {
        link.trouble.is_some_and(|trouble| trouble.code == Code::SchedulingConflict)
    };
    links.iter().find(of).expect("an item waits").clone()
}

fn decide(system: &System) -> bool {
    let mailbox = system.organization().people[0].mailbox_id;
    let link = system.links(0).iter().map(|link| link.id).find(|id| *id == waiting(system).id);
    let decided = system.tenant.ignore_conflict(mailbox, link.expect("a link"));
    system.io.block_on(decided).expect("the store answers")
}

#[test]
fn appt_in_06_a_meeting_is_booked_when_everybody_is_free() {
    // A free user's tracked event becomes a row; so does one that begins where another ends.
    let system = two();
    busy(&system, 3, 5);
    system.new_event(0, &tracked_event("Before", "2026-12-01T09:00:00Z"));
    system.new_event(0, &tracked_event("After", END));
    system.settled();
    assert_eq!((named(&system, "Before").len(), named(&system, "After").len()), (1, 1));
}

#[test]
fn appt_in_06_appt_in_07_a_conflict_is_not_synchronized_and_says_so() {
    // The event stays in Exchange, no row is made, a code is shown, and cycles come to rest.
    let system = two();
    busy(&system, 3, 5);
    let event = system.new_event(0, &tracked_event("Clash", HALF_PAST));
    system.settled();
    assert!(named(&system, "Clash").is_empty());
    assert!(system.codes().contains(&Code::SchedulingConflict));
    let link = waiting(&system);
    assert_eq!(link.state, LinkState::LeftAlone);
    let before = system.writes();
    system.settled();
    assert_eq!(system.writes(), before, "nothing is tried until something changes");
    assert!(system.events(0).iter().any(|one| id_of(one) == event));
    assert!(system.mails().iter().all(|(_, to)| *to == system.address(0)), "{:?}", system.mails());
}

#[test]
fn appt_in_07_what_waits_for_its_user_is_told_to_wait() {
    // No cycle tries it, so the story announces no write; once the event changes it does.
    let system = two();
    busy(&system, 3, 5);
    let event = system.new_event(0, &tracked_event("Clash", HALF_PAST));
    system.settled();
    let story = one(&system, 0, Side::Exchange, &event);
    assert!(story.summary.starts_with("Waiting for its user: scheduling-conflict"), "{story:?}");
    let write = &story.step(Stage::Write).unwrap().result;
    assert!(write.starts_with("The next cycle writes nothing."), "{write}");
    assert!(!story.step(Stage::Decide).unwrap().result.contains("creates"), "{story:?}");
    system.edit_event(0, &event, &json!({ "subject": "Clash again" }));
    let story = one(&system, 0, Side::Exchange, &event);
    assert!(story.summary.starts_with("To be written next"), "{story:?}");
}

#[test]
fn appt_in_07_a_refused_booking_leaves_no_mark_and_survives_a_lost_store() {
    // The event names no row that never was: without its store a node finds the same conflict
    // again, deletes nothing, and a decision still makes the row.
    let mut system = two();
    busy(&system, 3, 5);
    let event = system.new_event(0, &tracked_event("Clash", HALF_PAST));
    system.settled();
    let before = system.writes();
    system.lose_state();
    system.settled();
    assert_eq!(system.writes(), before, "nothing was marked, nothing is deleted");
    assert_eq!(waiting(&system).state, LinkState::LeftAlone);
    assert!(system.events(0).iter().any(|one| id_of(one) == event));
    assert!(decide(&system));
    system.settled();
    assert_eq!(named(&system, "Clash").len(), 1);
    system.lose_state();
    system.settled();
    assert_eq!((named(&system, "Clash").len(), system.links(0).len()), (1, 1));
}

#[test]
fn appt_in_07_an_ignored_conflict_is_created_by_the_next_cycle() {
    // The decision is stored with the item; without one nothing is decided, and it works once.
    let system = two();
    busy(&system, 3, 5);
    system.new_event(0, &tracked_event("Clash", HALF_PAST));
    system.settled();
    assert!(decide(&system));
    system.settled();
    assert_eq!(named(&system, "Clash").len(), 1);
    let links = system.links(0);
    assert!(links.iter().all(|link| !link.ignores_conflict && link.trouble.is_none()));
    let mailbox = system.organization().people[0].mailbox_id;
    for link in links {
        let again = system.io.block_on(system.tenant.ignore_conflict(mailbox, link.id));
        assert!(!again.expect("the store answers"), "nothing waits any more");
    }
}

#[test]
fn appt_in_07_a_conflict_is_over_when_the_meeting_moves() {
    // Moved in Outlook to a free hour, it is booked without anybody's decision.
    let system = two();
    busy(&system, 3, 5);
    let event = system.new_event(0, &tracked_event("Clash", HALF_PAST));
    system.settled();
    let free = tracked_event("Clash", "2026-12-03T10:00:00Z");
    system.edit_event(0, &event, &json!({ "start": free["start"], "end": free["end"] }));
    system.settled();
    assert_eq!(named(&system, "Clash").len(), 1);
}

#[test]
fn appt_in_06_only_scheduled_rows_of_the_same_people_make_busy() {
    // Free and tentative rows, completed ones, and those of others are no conflict.
    for (state, reason) in [(0, 1), (0, 2), (1, 3)] {
        let system = two();
        busy(&system, state, reason);
        system.new_event(0, &tracked_event("Fits", HALF_PAST));
        system.settled();
        assert_eq!(named(&system, "Fits").len(), 1, "{state}/{reason}");
    }
    let system = two();
    let body = system.meeting("Hers", START, &[system.party(1, 7)]);
    system.create(1, "appointments", &body);
    system.new_event(0, &tracked_event("Fits", HALF_PAST));
    system.settled();
    assert_eq!(named(&system, "Fits").len(), 1);
}

#[test]
fn appt_in_08_what_the_app_tracked_is_created_all_the_same() {
    // The app's own signal beside the category: it has asked its user.
    let system = two();
    busy(&system, 3, 5);
    let mut body = tracked_event("Booked", HALF_PAST);
    body["singleValueExtendedProperties"] = json!([{ "id": SIGNAL, "value": "1" }]);
    system.new_event(0, &body);
    system.settled();
    assert_eq!(named(&system, "Booked").len(), 1);
    let rules: Vec<_> = system.lines().iter().flat_map(|it| it.decision.rules.clone()).collect();
    assert!(rules.iter().any(|id| id.0 == "APPT-IN-08"), "{rules:?}");
}

#[test]
fn appt_in_06_a_tenant_may_create_without_the_check() {
    // booking = "plain": the row is made whoever is busy.
    let people = vec![
        person(1, "Paul", "Cannon", "Europe/Berlin"),
        person(2, "Laura", "Norman", "America/New_York"),
    ];
    let plain = "[policy]\nbooking = \"plain\"\n";
    let system = System::with(people, "state.url = \"memory:\"\n", plain);
    busy(&system, 3, 5);
    system.new_event(0, &tracked_event("Clash", HALF_PAST));
    system.settled();
    assert_eq!(named(&system, "Clash").len(), 1);
}

#[test]
fn appt_in_06_a_booking_whose_answer_is_lost_is_not_repeated() {
    // Booked, then the connection breaks: the next cycle finds the row by its key and books nothing
    // again; that the row itself now takes up the time is no conflict.
    let system = two();
    system.new_event(0, &tracked_event("Once", HALF_PAST));
    let mut plan = FaultPlan::new(1);
    let booking = Scope::Side(FarSide::Dataverse).and(Scope::PathContains("/Book".to_owned()));
    plan.add(FaultKind::ResetAfterCommit, 1.0, booking).times(1);
    system.organization().set_faults(plan);
    system.settled();
    assert_eq!(system.organization().faults().injected_of("reset_after_commit"), 1);
    assert_eq!(named(&system, "Once").len(), 1);
    assert_eq!(system.links(0).len(), 1);
    assert_eq!(system.links(0)[0].state, LinkState::Agreed);
}
