//! Many rows at once: lists give what single requests give, and prove nothing by what they leave out.

use lockstep::domain::code::Code;
use lockstep::domain::field::Field;
use lockstep::domain::ids::{GlobalId, LinkId, NativeId};
use lockstep::domain::kind::Kind;
use lockstep::domain::observation::{Observation, Presence};
use lockstep::domain::plan::{Op, Outcome};
use lockstep::ports::side::{FarSide, FindKey, Found};
use lockstep::sim::poison::Harm;
use serde_json::json;
use uuid::Uuid;

use super::bridge::{Scene, mailbox};
use super::{contact, counts, id_of, meeting};

/// Asks for all of these rows at once, as Ann. Returns them with the number of requests, those inside
/// of batches counted.
async fn fetched(scene: &Scene, items: &[(Kind, NativeId)]) -> (Vec<Observation>, u64) {
    let before = counts(scene).1;
    let seen = scene.side.fetch(&mailbox(&scene.ann), items).await.unwrap();
    (seen, counts(scene).1 - before)
}

fn contacts(scene: &Scene, count: usize) -> Vec<(Kind, NativeId)> {
    let made = (0..count).map(|at| contact(scene, &scene.ann, &format!("Carl{at}")));
    made.map(|id| (Kind::Contact, id_of(id))).collect()
}

fn task(scene: &Scene, subject: &str) -> Uuid {
    let body = json!({ "subject": subject, "description": "a\r\nb", "prioritycode": 2 });
    let now = scene.later();
    scene.sim().user_create(scene.ann.user_id, "tasks", &body, now).unwrap()
}

/// A weekly series of Ann's, of which one occurrence has a subject of its own.
fn series(scene: &Scene, subject: &str) -> Uuid {
    let body = json!({
        "subject": subject, "recurrencepatterntype": 1, "interval": 1, "daysofweekmask": 2,
        "patternendtype": 2, "occurrences": 3, "patternstartdate": "2026-03-02T00:00:00Z",
        "starttime": "2026-03-02T10:00:00Z", "endtime": "2026-03-02T11:00:00Z", "duration": 60,
    });
    let (ann, now) = (scene.ann.user_id, scene.later());
    let id = scene.sim().user_create(ann, "recurringappointmentmasters", &body, now).unwrap();
    let of_series = |row: &&serde_json::Value| row["seriesid"] == json!(id);
    let rows = scene.sim().rows("appointments");
    let one = rows.iter().find(of_series).unwrap()["activityid"].as_str().unwrap().parse().unwrap();
    let change = json!({ "subject": format!("{subject} moved") });
    scene.sim().user_update(ann, "appointments", one, &change, now).unwrap();
    id
}

#[tokio::test]
async fn rows_of_a_list_are_those_read_alone() {
    // Contacts, meetings with guests, tasks and series with exceptions: whole, at the same versions,
    // and with a request for each kind, not for each row.
    let scene = Scene::new().await;
    let mut items = contacts(&scene, 5);
    for at in 0..4 {
        items.push((Kind::Task, id_of(task(&scene, &format!("Call {at}")))));
        let guest = format!("guest{at}@example.org");
        items.push((Kind::Appointment, id_of(meeting(&scene, &scene.ann, &guest))));
        let weekly = series(&scene, &format!("Weekly {at}"));
        items.push((Kind::RecurringAppointment, id_of(weekly)));
    }
    let mut alone = Vec::new();
    for (kind, id) in &items {
        alone.push(scene.fetch(&scene.ann, *kind, id.as_str().parse().unwrap()).await);
    }
    let (together, requests) = fetched(&scene, &items).await;
    assert_eq!(together, alone);
    assert_eq!(requests, 5, "a list for each of four kinds, and one of the exceptions");
    for seen in &together {
        assert_eq!((seen.presence, seen.unfit, seen.losses.len()), (Presence::Present, None, 0));
        match seen.kind {
            Kind::Appointment => assert_eq!(seen.fields.parties(Field::RequiredAttendees).len(), 1),
            Kind::RecurringAppointment => assert_eq!(seen.fields.exceptions().len(), 1),
            _ => {}
        }
    }
}

#[tokio::test]
async fn filt_17_a_list_proves_no_deletion() {
    // What a list leaves out is asked for alone: one contact is deleted, one is Bob's now, and one never
    // was; each is told as when it is the only one that is asked for.
    let scene = Scene::new().await;
    let mut items = contacts(&scene, 4);
    items.push((Kind::Contact, id_of(Uuid::from_u128(9))));
    let (ann, now) = (scene.ann.user_id, scene.later());
    let id = |at: usize| -> Uuid { items[at].1.as_str().parse().unwrap() };
    let given = json!({ "ownerid@odata.bind": format!("/systemusers({})", scene.bob.user_id) });
    scene.sim().user_update(ann, "contacts", id(1), &given, now).unwrap();
    scene.sim().user_delete(ann, "contacts", id(2), now).unwrap();
    let (seen, requests) = fetched(&scene, &items).await;
    let presences: Vec<Presence> = seen.iter().map(|seen| seen.presence).collect();
    let golden = [
        Presence::Present,
        Presence::Unreadable,
        Presence::Deleted,
        Presence::Present,
        Presence::Deleted,
    ];
    assert_eq!(presences, golden);
    assert_eq!(requests, 7, "as Ann a list and three rows, as the application a list and two rows");
    for (at, (kind, _)) in items.iter().enumerate() {
        assert_eq!(seen[at], scene.fetch(&scene.ann, *kind, id(at)).await);
    }
}

#[tokio::test]
async fn more_rows_than_a_list_holds_are_several_lists() {
    // 230 contacts of a first pull: two requests for the filters, eight for their answers, three lists.
    let scene = Scene::new().await;
    let items = contacts(&scene, 230);
    let before = counts(&scene).1;
    let pulled = scene.pull(&scene.ann, &[]).await;
    assert_eq!(counts(&scene).1 - before, 2 + 8 + 3);
    assert_eq!((pulled.observations.len(), pulled.missing.len()), (230, 0));
    assert!(pulled.observations.iter().all(|seen| seen.unfit.is_none()));
    let (seen, requests) = fetched(&scene, &items).await;
    assert_eq!((seen.len(), requests), (230, 3));
    assert!(seen.iter().zip(&items).all(|(seen, (_, id))| seen.id == *id));
}

#[tokio::test]
async fn written_rows_are_read_by_one_list() {
    // Twelve contacts in two batches, two tasks and a meeting beside the last: a request for each write, three
    // lists and one read, and each row is as a later read shows it.
    let scene = Scene::new().await;
    let subject = |text: &str| vec![(Field::Subject, super::text(text))];
    let mut steps: Vec<_> =
        (1..=12).map(|n| super::new_contact(Uuid::from_u128(n), "Carl")).collect();
    for (number, kind) in [(20, Kind::Task), (21, Kind::Task), (22, Kind::PhoneCall)] {
        let op = Op::Create { patch: subject("Call") };
        steps.push(super::step(kind, Uuid::from_u128(number), op));
    }
    let before = counts(&scene).1;
    let outcomes = scene.side.apply(&mailbox(&scene.ann), &steps).await;
    assert_eq!(counts(&scene).1 - before, 15 + 3 + 1);
    for (outcome, step) in outcomes.iter().zip(&steps) {
        let made = super::done(outcome);
        assert_eq!(made.id.as_str(), step.link.0.to_string());
        assert_eq!(*made, scene.fetch(&scene.ann, step.kind, step.link.0).await);
    }
}

#[tokio::test]
async fn written_rows_that_their_list_does_not_return_are_read_alone() {
    // A third row spoils the list of two that were written: they are done all the same, for a request each.
    let scene = Scene::new().await;
    let items = contacts(&scene, 1);
    let (seen, _) = fetched(&scene, &items).await;
    scene.sim().poison(Some((items[0].1.as_str(), Harm::Request(400))));
    let made = |n| super::new_contact(Uuid::from_u128(n), "Carl");
    let steps = [made(1), super::update(&seen[0], Vec::new()), made(2)];
    let before = counts(&scene).1;
    let outcomes = scene.side.apply(&mailbox(&scene.ann), &steps).await;
    assert_eq!(counts(&scene).1 - before, 2 + 1 + 3);
    let row = |at: usize| super::done(&outcomes[at]).fields.text(Field::FirstName).to_owned();
    assert_eq!((row(0), row(2)), ("Carl".to_owned(), "Carl".to_owned()));
    assert_eq!(outcomes[1], Outcome::Refused(Code::WriteRefused));
}

#[tokio::test]
async fn a_row_that_spoils_its_list_spoils_no_other() {
    // A list that is refused because of one row is read row by row, and only that row is unreadable;
    // so it is when the whole batch is refused.
    for harm in [Harm::Request(500), Harm::Request(400), Harm::Batch(400), Harm::Batch(413)] {
        let scene = Scene::new().await;
        let items = contacts(&scene, 6);
        scene.sim().poison(Some((items[3].1.as_str(), harm)));
        let (seen, _) = fetched(&scene, &items).await;
        for (at, seen) in seen.iter().enumerate() {
            let unfit = (at == 3).then_some(Code::ItemUnreadable);
            assert_eq!((seen.presence, seen.unfit), (Presence::Present, unfit), "{harm:?} {at}");
        }
    }
}

#[tokio::test]
async fn inv_7_tasks_are_found_by_their_markers_with_one_list() {
    // A marker does not say in which of four tables the row stands: where it is a task, nobody asks the
    // others; a phone call is found there, and what is nowhere is nothing.
    let scene = Scene::new().await;
    let tasks: Vec<Uuid> = (0..5).map(|at| task(&scene, &format!("Call {at}"))).collect();
    let (body, now) = (json!({ "subject": "Ring" }), scene.later());
    let call = scene.sim().user_create(scene.ann.user_id, "phonecalls", &body, now).unwrap();
    let ann = mailbox(&scene.ann);
    let marker = |id: &Uuid| FindKey::Marker(LinkId(*id), Kind::Task);
    let before = counts(&scene).1;
    let keys: Vec<FindKey> = tasks.iter().map(marker).collect();
    let found = scene.side.find(&ann, &keys).await.unwrap();
    assert_eq!(counts(&scene).1 - before, 1);
    let ids = |found: Vec<Found>| -> Vec<Option<(Kind, NativeId)>> {
        found.into_iter().map(|one| one.item().map(|seen| (seen.kind, seen.id))).collect()
    };
    let golden: Vec<_> = tasks.iter().map(|id| Some((Kind::Task, id_of(*id)))).collect();
    assert_eq!(ids(found), golden);
    let keys = [marker(&Uuid::from_u128(9)), marker(&call), marker(&tasks[0])];
    let found = ids(scene.side.find(&ann, &keys).await.unwrap());
    assert_eq!(found, [None, Some((Kind::PhoneCall, id_of(call))), golden[0].clone()]);
}

#[tokio::test]
async fn inv_7_whether_rows_were_made_before_is_asked_once_for_each() {
    // That a row is not there is proven by the application's own look, with one request for each beside its
    // list; the four tables of a marker are not asked. One that is there is found whole, also when its list
    // is refused.
    let scene = Scene::new().await;
    let made = |id: &Uuid| FindKey::Made(LinkId(*id), Kind::Task);
    let old = task(&scene, "Made before");
    let ann = mailbox(&scene.ann);
    let ids = |found: Vec<Found>| -> Vec<Option<(Kind, NativeId)>> {
        found.into_iter().map(|one| one.item().map(|seen| (seen.kind, seen.id))).collect()
    };
    let mut keys: Vec<FindKey> = (1..100).map(|at| made(&Uuid::from_u128(at))).collect();
    let before = counts(&scene).1;
    assert_eq!(ids(scene.side.find(&ann, &keys).await.unwrap()), vec![None; 99]);
    assert_eq!(counts(&scene).1 - before, 99 + 1);
    keys.push(made(&old));
    let there = Some((Kind::Task, id_of(old)));
    let before = counts(&scene).1;
    let found = ids(scene.side.find(&ann, &keys).await.unwrap());
    assert!(found[..99].iter().all(Option::is_none) && found[99] == there, "{found:?}");
    assert_eq!(counts(&scene).1 - before, 99 + 1 + 1, "as its user sees it");
    for harm in [Harm::Request(500), Harm::Batch(400)] {
        scene.sim().poison(Some((id_of(old).as_str(), harm)));
        let found = ids(scene.side.find(&ann, &keys[90..]).await.unwrap());
        assert!(found[..9].iter().all(Option::is_none) && found[9] == there, "{harm:?} {found:?}");
    }
}

#[tokio::test]
async fn appt_in_11_meetings_are_found_by_their_identities_at_once() {
    // Of two rows with one identity the older; one with a quote, in another case, and one that nobody
    // has; the same as when each is asked for alone, with one search of each kind.
    let scene = Scene::new().await;
    let row = |uid: &str| {
        let body = json!({
            "subject": "Review", "globalobjectid": uid,
            "scheduledstart": "2026-03-03T09:00:00Z", "scheduledend": "2026-03-03T10:00:00Z",
        });
        let now = scene.later();
        scene.sim().user_create(scene.ann.user_id, "appointments", &body, now).unwrap()
    };
    let (old, _) = (row("040000008200E0"), row("040000008200E0"));
    let (odd, low) = (row("it's another"), row("0400abcdef"));
    let golden = [Some(old), Some(odd), None, Some(low)].map(|id| id.map(id_of));
    let ann = mailbox(&scene.ann);
    let keys = ["040000008200E0", "it's another", "04000000FFFF", "0400ABCDEF"]
        .map(|uid| FindKey::Uid(GlobalId::new(uid)));
    let ids = |found: Vec<Found>| -> Vec<Option<NativeId>> {
        found.into_iter().map(|one| one.item().map(|seen| seen.id)).collect()
    };
    for (key, golden) in keys.iter().zip(&golden) {
        let found = scene.side.find(&ann, std::slice::from_ref(key)).await.unwrap();
        assert_eq!(ids(found)[0], *golden);
    }
    let before = counts(&scene).1;
    assert_eq!(ids(scene.side.find(&ann, &keys).await.unwrap()), golden);
    assert_eq!(counts(&scene).1 - before, 2 + 2 + 1, "lists, the odd one, and the rows");
}
