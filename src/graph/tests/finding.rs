//! Tests of the Graph adapter, from documented examples and the stand-in.

use super::*;
use crate::domain::observation::Presence;
use crate::ports::side::{FindKey, Found};

impl Desk {
    async fn find(&self, keys: &[FindKey]) -> Vec<Option<Observation>> {
        let found = self.side.find(&mailbox(), keys).await.unwrap();
        assert!(!found.contains(&Found::Unfinished));
        found.into_iter().map(Found::item).collect()
    }
}

#[tokio::test]
async fn what_was_made_without_an_answer_is_found_by_its_marker() {
    // After a lost answer the marker leads to the item in every collection, and to nothing else.
    let desk = Desk::new();
    desk.lose(true);
    let steps = [
        create(Kind::Appointment, 1, writes::event_patch()),
        create(Kind::Contact, 2, writes::contact_patch()),
    ];
    assert_eq!(desk.apply(&steps).await, [Outcome::Unknown, Outcome::Unknown]);
    desk.lose(false);
    // The default list is asked for first, so the write itself is the second batch.
    desk.side.default_list(&mailbox().address).await.unwrap();
    desk.lose(true);
    let tasks = [create(Kind::PhoneCall, 3, writes::task_patch())];
    assert_eq!(desk.apply(&tasks).await, [Outcome::Unknown]);
    desk.lose(false);
    let keys = [
        FindKey::Marker(link(3), Kind::PhoneCall),
        FindKey::Marker(link(1), Kind::Appointment),
        FindKey::Marker(link(99), Kind::Task),
        FindKey::Marker(link(2), Kind::Contact),
        FindKey::Marker(link(99), Kind::Contact),
    ];
    let found = desk.find(&keys).await;
    let markers: Vec<Option<LinkId>> =
        found.iter().map(|one| one.as_ref().and_then(|seen| seen.marker)).collect();
    assert_eq!(markers, [Some(link(3)), Some(link(1)), None, Some(link(2)), None]);
    let contact = found[3].as_ref().unwrap();
    assert!(!contact.fields.text(crate::domain::field::Field::Pager).is_empty());
    assert!(found[2].is_none() && found[4].is_none());
}

#[tokio::test]
async fn a_meeting_is_found_by_its_identity() {
    // The identity of a meeting leads to the copy in this mailbox (APPT-IN-11).
    let desk = Desk::new();
    let (seen, _) = desk.made(Kind::Appointment, 1, writes::event_patch()).await;
    let keys = [
        FindKey::Uid(seen.uid.clone().unwrap()),
        FindKey::Uid(crate::domain::ids::GlobalId::new("nobody's")),
    ];
    let found = desk.find(&keys).await;
    assert_eq!(found[0].as_ref().map(|one| &one.id), Some(&seen.id));
    assert_eq!(found[0].as_ref().and_then(|one| one.marker), Some(link(1)));
    assert_eq!(found[1], None);
}

#[tokio::test]
async fn a_moved_task_is_found_in_its_new_list() {
    // A task that was moved has another id; its marker shows that it is not deleted (CXL-12).
    let desk = Desk::new();
    let first = desk.pull(&[], &[]).await;
    let (seen, task) = desk.made(Kind::Task, 1, writes::task_patch()).await;
    let second = desk.pull(&first.cursors, std::slice::from_ref(&task)).await;
    let lists = desk.side.other_lists(&mailbox().address).await.unwrap();
    let now = desk.now();
    let moved = desk.sim().user_move_task(ME, seen.id.as_str(), &lists[0], now).unwrap();
    let pulled = desk.pull(&second.cursors, &[task]).await;
    assert_eq!(pulled.missing, [(Kind::Task, seen.id.clone())]);
    assert_eq!(desk.fetch(Kind::Task, &seen.id).await.presence, Presence::Deleted);
    let found = desk.find(&[FindKey::Marker(link(1), Kind::Task)]).await.remove(0).unwrap();
    assert_eq!((found.presence, found.id.as_str()), (Presence::MovedAway, moved.as_str()));
}

#[tokio::test]
async fn cxl_12_a_search_through_very_many_tasks_goes_on_where_it_stopped() {
    // The first search stops at its bound and knows nothing; the second reads the rest and no page
    // again, finds the moved task, and says of the other one that it is nowhere.
    let desk = Desk::new();
    let (seen, _) = desk.made(Kind::Task, 1, writes::task_patch()).await;
    let lists = desk.side.other_lists(&mailbox().address).await.unwrap();
    let now = desk.now();
    desk.sim().user_move_task(ME, seen.id.as_str(), &lists[0], now).unwrap();
    for n in 0..230 {
        let task = json!({ "title": format!("Task {n}") });
        desk.sim().user_create_task(ME, &task, now).unwrap();
    }
    desk.sim().set_largest_page(1);
    let keys = [1, 9].map(|n| FindKey::Marker(link(n), Kind::Task));
    let search = async |keys: &[FindKey]| {
        let before = desk.sim().request_count();
        let found = desk.side.find(&mailbox(), keys).await.unwrap();
        (found, desk.sim().request_count() - before)
    };
    let unfinished = vec![Found::Unfinished; 2];
    assert_eq!(search(&keys).await, (unfinished.clone(), 200));
    let (found, requests) = search(&keys).await;
    let [Found::Item(moved), Found::Nothing] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((moved.presence, moved.marker), (Presence::MovedAway, Some(link(1))));
    assert!(requests < 50, "{requests} requests");
    // Another task, or too much later: from the start.
    assert_eq!(search(&keys).await.0, unfinished);
    let other = [FindKey::Marker(link(8), Kind::Task)];
    assert_eq!(search(&other).await.0, [Found::Unfinished]);
    desk.pass(60);
    assert_eq!(search(&other).await.0, [Found::Unfinished]);
    assert_eq!(search(&other).await.0, [Found::Nothing]);
}

#[tokio::test]
async fn what_was_moved_elsewhere_is_seen_there_by_its_id() {
    // CXL-12: by its immutable id an event or contact is found wherever it lies, and says where.
    let desk = Desk::new();
    let first = desk.pull(&[], &[]).await;
    let (event, known_event) = desk.made(Kind::Appointment, 1, writes::event_patch()).await;
    let (contact, known_contact) = desk.made(Kind::Contact, 2, writes::contact_patch()).await;
    let known = [known_event, known_contact];
    let second = desk.pull(&first.cursors, &known).await;
    let now = desk.now();
    let calendar = desk.sim().user_create_calendar(ME, "Private", now).unwrap();
    let folder = desk.sim().user_create_contact_folder(ME, "Private", now).unwrap();
    desk.sim().user_move_event(ME, event.id.as_str(), &calendar, now).unwrap();
    desk.sim().user_move_contact(ME, contact.id.as_str(), &folder, now).unwrap();
    let mut missing = desk.pull(&second.cursors, &known).await.missing;
    missing.sort_unstable();
    let mut moved = vec![(Kind::Appointment, event.id), (Kind::Contact, contact.id)];
    moved.sort_unstable();
    assert_eq!(missing, moved);
    for (kind, id) in &moved {
        let seen = desk.fetch(*kind, id).await;
        assert_eq!((seen.presence, &seen.id), (Presence::MovedAway, id));
    }
    desk.sim().user_move_event(ME, moved_id(&moved, Kind::Appointment), "calendar", now).unwrap();
    desk.sim().user_move_contact(ME, moved_id(&moved, Kind::Contact), "contacts", now).unwrap();
    for (kind, id) in &moved {
        assert_eq!(desk.fetch(*kind, id).await.presence, Presence::Present);
    }
}

fn moved_id(moved: &[(Kind, NativeId)], kind: Kind) -> &str {
    moved.iter().find(|(one, _)| *one == kind).unwrap().1.as_str()
}

#[tokio::test]
async fn of_two_items_with_one_marker_the_oldest_is_meant() {
    // A copy carries the marker too; the original was there first (COPY-03).
    let desk = Desk::new();
    let (seen, _) = desk.made(Kind::Contact, 1, writes::name_patch()).await;
    let now = desk.now();
    let copy = json!({
        "givenName": "Alex",
        "singleValueExtendedProperties": [
            {"id": crate::graph::map::MARKER, "value": link(1).to_string()}
        ]
    });
    desk.sim().user_create_contact(ME, &copy, now).unwrap();
    let found = desk.find(&[FindKey::Marker(link(1), Kind::Contact)]).await.remove(0).unwrap();
    assert_eq!(found.id, seen.id);
}
