//! Tests of the Graph adapter, from documented examples and the stand-in.

use super::*;
use crate::domain::category::NAME as CATEGORY;
use crate::domain::field::Field;
use crate::domain::kind::Collection;
use crate::sim::graph::MailboxState;

fn seed(desk: &Desk) -> (String, String, String) {
    let now = desk.now();
    let mut sim = desk.sim();
    let event = sim.user_create_event(ME, &event_body("Kick-off", &[CATEGORY]), now).unwrap();
    let contact = json!({"givenName": "Alex", "surname": "Wilber", "categories": [CATEGORY]});
    let contact = sim.user_create_contact(ME, &contact, now).unwrap();
    let task = json!({"title": "Call back", "categories": [CATEGORY]});
    let task = sim.user_create_task(ME, &task, now).unwrap();
    drop(sim);
    desk.pass(1);
    (event, contact, task)
}

fn of_kind(pulled: &Pulled, kind: Kind) -> &Observation {
    let mut all = pulled.observations.iter().filter(|seen| seen.kind == kind);
    let seen = all.next().unwrap();
    assert!(all.next().is_none(), "one observation for an item");
    seen
}

#[tokio::test]
async fn the_first_pull_lists_all_collections() {
    // Without cursors all three collections are read from the start, each item once and mapped.
    let desk = Desk::new();
    let (event, contact, task) = seed(&desk);
    let pulled = desk.pull(&[], &[]).await;
    assert_eq!(pulled.resynced, Collection::ALL);
    assert_eq!(pulled.cursors.len(), 3);
    let seen = of_kind(&pulled, Kind::Appointment);
    assert_eq!(seen.id.as_str(), event);
    assert_eq!(seen.fields.text(Field::Subject), "Kick-off");
    assert_eq!(seen.fields.time(Field::Start).unwrap().to_rfc3339(), "2026-12-01T08:00:00+00:00");
    assert!(seen.exchange_facts().tracked && seen.exchange_facts().is_organizer);
    assert!(seen.uid.is_some());
    assert_eq!(seen.unfit, None);
    let seen = of_kind(&pulled, Kind::Contact);
    assert_eq!((seen.id.as_str(), seen.fields.text(Field::LastName)), (contact.as_str(), "Wilber"));
    assert_eq!(seen.unfit, None);
    let seen = of_kind(&pulled, Kind::Task);
    assert_eq!((seen.id.as_str(), seen.fields.text(Field::Subject)), (task.as_str(), "Call back"));
    assert_eq!(seen.unfit, None);
}

#[tokio::test]
async fn a_pull_without_news_is_one_request() {
    // When nothing changed, one HTTP request serves three collections and brings new cursors.
    let desk = Desk::new();
    seed(&desk);
    let first = desk.pull(&[], &[]).await;
    let known: Vec<Known> = first.observations.iter().map(known).collect();
    let mut cursors = first.cursors;
    for _ in 0..5 {
        desk.pass(15);
        let before = desk.sim().request_count();
        let idle = desk.pull(&cursors, &known).await;
        assert_eq!(desk.sim().request_count() - before, 1);
        assert_eq!(idle.observations, []);
        assert_eq!(idle.missing, []);
        assert_eq!(idle.resynced, []);
        cursors = idle.cursors;
    }
}

#[tokio::test]
async fn our_own_writes_do_not_come_back() {
    // The echo of a create at the version that is known is no observation.
    let desk = Desk::new();
    let first = desk.pull(&[], &[]).await;
    let (_, contact) = desk.made(Kind::Contact, 1, writes::name_patch()).await;
    let (_, event) = desk.made(Kind::Appointment, 2, writes::event_patch()).await;
    let (_, task) = desk.made(Kind::Task, 3, writes::task_patch()).await;
    let pulled = desk.pull(&first.cursors, &[contact, event, task]).await;
    assert_eq!(pulled.observations, []);
    assert_eq!(pulled.missing, []);
}

#[tokio::test]
async fn changed_contacts_come_with_their_extended_properties() {
    // A delta row lacks extended properties; a changed contact that is known is read in full.
    let desk = Desk::new();
    let first = desk.pull(&[], &[]).await;
    let (seen, known) = desk.made(Kind::Contact, 1, writes::contact_patch()).await;
    let now = desk.now();
    desk.sim().user_update_contact(ME, seen.id.as_str(), &json!({"jobTitle": "CTO"}), now).unwrap();
    let pulled = desk.pull(&first.cursors, &[known]).await;
    let changed = of_kind(&pulled, Kind::Contact);
    assert_eq!(changed.fields.text(Field::JobTitle), "CTO");
    assert_eq!(changed.fields.text(Field::Pager), seen.fields.text(Field::Pager));
    assert!(!changed.fields.text(Field::Pager).is_empty());
    assert_eq!(changed.marker, Some(link(1)));
}

#[tokio::test]
async fn unknown_tracked_items_come_with_their_marker() {
    // With the store lost, each item of ours still names its link (INV-7).
    let desk = Desk::new();
    desk.made(Kind::Contact, 1, writes::name_patch()).await;
    desk.made(Kind::Appointment, 2, writes::event_patch()).await;
    desk.made(Kind::Task, 3, writes::task_patch()).await;
    let pulled = desk.pull(&[], &[]).await;
    assert_eq!(of_kind(&pulled, Kind::Contact).marker, Some(link(1)));
    assert_eq!(of_kind(&pulled, Kind::Appointment).marker, Some(link(2)));
    assert_eq!(of_kind(&pulled, Kind::Task).marker, Some(link(3)));
}

#[tokio::test]
async fn removed_items_are_missing_and_proven_by_fetch() {
    // A deletion is a hint in the pull; only the read by id says Deleted.
    let desk = Desk::new();
    let first = desk.pull(&[], &[]).await;
    let (_, contact) = desk.made(Kind::Contact, 1, writes::name_patch()).await;
    let (_, event) = desk.made(Kind::Appointment, 2, writes::event_patch()).await;
    let (_, task) = desk.made(Kind::Task, 3, writes::task_patch()).await;
    let all = [contact, event, task];
    let second = desk.pull(&first.cursors, &all).await;
    let now = desk.now();
    desk.sim().user_delete_contact(ME, all[0].id.as_str(), now).unwrap();
    desk.sim().user_delete_event(ME, all[1].id.as_str(), now).unwrap();
    desk.sim().user_delete_task(ME, all[2].id.as_str(), now).unwrap();
    let third = desk.pull(&second.cursors, &all).await;
    assert_eq!(third.observations, []);
    assert_eq!(third.missing.len(), 3);
    let fetched = desk.side.fetch(&mailbox(), &third.missing).await.unwrap();
    assert!(
        fetched.iter().all(|seen| seen.presence == crate::domain::observation::Presence::Deleted)
    );
}

#[tokio::test]
async fn an_expired_token_starts_the_round_again() {
    // After a 410 the same pull reads from the start and names what it did not find.
    let desk = Desk::new();
    seed(&desk);
    let first = desk.pull(&[], &[]).await;
    let known: Vec<Known> = first.observations.iter().map(known).collect();
    let now = desk.now();
    let gone = of_kind(&first, Kind::Task).id.clone();
    desk.sim().user_delete_task(ME, gone.as_str(), now).unwrap();
    desk.sim().expire_delta_tokens(None);
    let again = desk.pull(&first.cursors, &known).await;
    assert_eq!(again.resynced, Collection::ALL);
    assert_eq!(again.missing, [(Kind::Task, gone)]);
    assert_eq!(again.observations, []);
    let idle = desk.pull(&again.cursors, &known).await;
    assert_eq!(idle.resynced, []);
}

#[tokio::test]
async fn a_series_is_one_observation() {
    // Occurrences are not observed; their series is, once, as recurring (REC-01).
    let desk = Desk::new();
    let mut body = event_body("Weekly", &[CATEGORY]);
    body["recurrence"] = json!({
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"],
            "firstDayOfWeek": "sunday"},
        "range": {"type": "numbered", "startDate": "2026-12-01", "numberOfOccurrences": 10}
    });
    let now = desk.now();
    let id = desk.sim().user_create_event(ME, &body, now).unwrap();
    let pulled = desk.pull(&[], &[]).await;
    let seen = of_kind(&pulled, Kind::RecurringAppointment);
    assert_eq!((seen.id.as_str(), seen.unfit), (id.as_str(), None));
    assert!(seen.exchange_facts().recurring);
    assert!(seen.exchange_facts().tracked);
}

#[tokio::test]
async fn the_window_is_renewed_before_its_edge_matters() {
    // With less than a third of the window ahead the calendar alone is read from the start.
    let desk = Desk::new();
    let first = desk.pull(&[], &[]).await;
    let mut cursors = first.cursors;
    let edge = |days| Some(desk.now() + TimeDelta::days(days));
    cursors[0].window_end = edge(181);
    assert_eq!(desk.pull(&cursors, &[]).await.resynced, []);
    cursors[0].window_end = edge(179);
    let renewed = desk.pull(&cursors, &[]).await;
    assert_eq!(renewed.resynced, [Collection::Calendar]);
    assert_eq!(renewed.cursors[0].window_end, edge(540));
}

#[tokio::test]
async fn changes_outside_the_window_are_seen() {
    // A known event that the delta does not follow is found by its time of change.
    let desk = Desk::new();
    let first = desk.pull(&[], &[]).await;
    let now = desk.now();
    let mut body = event_body("Far away", &[CATEGORY]);
    body["start"]["dateTime"] = json!("2030-12-01T09:00:00");
    body["end"]["dateTime"] = json!("2030-12-01T10:00:00");
    let id = NativeId::new(desk.sim().user_create_event(ME, &body, now).unwrap());
    desk.pass(20);
    let seen = desk.fetch(Kind::Appointment, &id).await;
    let outside = Known { expected: false, ..known(&seen) };
    let idle = desk.pull(&first.cursors, std::slice::from_ref(&outside)).await;
    assert_eq!(idle.observations, []);
    let now = desk.now();
    desk.sim().user_update_event(ME, id.as_str(), &json!({"subject": "Moved"}), now).unwrap();
    let before = desk.sim().request_count();
    let pulled = desk.pull(&idle.cursors, &[outside]).await;
    assert_eq!(desk.sim().request_count() - before, 1);
    assert_eq!(of_kind(&pulled, Kind::Appointment).fields.text(Field::Subject), "Moved");
    assert_eq!(pulled.missing, []);
}

#[tokio::test]
async fn a_mailbox_that_is_not_there_is_unreachable() {
    // A mailbox without a REST API, or outside the access policy, is an error of the mailbox.
    let desk = Desk::new();
    for state in [MailboxState::NotEnabled, MailboxState::Denied] {
        desk.sim().set_mailbox_state(ME, state);
        let error = desk.try_pull(&[], &[]).await.unwrap_err();
        assert!(matches!(error, SideError::MailboxUnreachable { .. }), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_part_of_a_batch_is_asked_again() {
    // An inner 429 is waited for and asked once more; the pull does not fail.
    let desk = Desk::new();
    seed(&desk);
    desk.sim().throttle_inner(1, 7);
    let started = tokio::time::Instant::now();
    let pulled = desk.pull(&[], &[]).await;
    assert_eq!(pulled.observations.len(), 3);
    assert_eq!(started.elapsed(), Duration::from_secs(7));
}

#[tokio::test]
async fn many_contacts_are_listed_rather_than_read_one_by_one() {
    // The first pull of a full address book costs pages, not one request for each contact, and
    // brings every contact with its extended properties.
    let desk = Desk::new();
    let now = desk.now();
    for n in 0..250 {
        let pager = json!([{"id": "String 0x3A21", "value": format!("+1 {n}")}]);
        let body = json!({"givenName": format!("N{n}"), "singleValueExtendedProperties": pager});
        desk.sim().user_create_contact(ME, &body, now).unwrap();
    }
    desk.pass(1);
    desk.sim().set_delta_noise(0);
    let before = desk.sim().request_count();
    let pulled = desk.pull(&[], &[]).await;
    let requests = desk.sim().request_count() - before;
    assert_eq!(pulled.observations.len(), 250);
    assert!(pulled.observations.iter().all(|one| !one.fields.text(Field::Pager).is_empty()));
    assert!(requests <= 8, "{requests} requests");
}
