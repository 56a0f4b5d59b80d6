//! Tests of the Graph adapter, from documented examples and the stand-in.

use chrono::NaiveDate;

use super::*;
use crate::domain::category::NAME as CATEGORY;
use crate::domain::code::Code;
use crate::domain::field::{Field, Importance, ShowAs, TodoStatus, Value};
use crate::domain::kind::Collection;
use crate::domain::observation::Presence;
use crate::domain::party::Party;

fn text(field: Field, text: &str) -> (Field, Option<Value>) {
    (field, Some(Value::Text(text.into())))
}

fn time(field: Field, at: &str) -> (Field, Option<Value>) {
    (field, Some(Value::Time(at.parse().unwrap())))
}

pub(super) fn name_patch() -> Patch {
    vec![text(Field::FirstName, "Alex"), text(Field::LastName, "Wilber")]
}

pub(super) fn event_patch() -> Patch {
    vec![
        text(Field::Subject, "Review"),
        text(Field::Body, "First line\nsecond line"),
        text(Field::Location, "Conf Room Rainier"),
        time(Field::Start, "2026-12-01T09:00:00Z"),
        time(Field::End, "2026-12-01T10:30:00Z"),
        (Field::AllDay, Some(Value::Flag(false))),
        (Field::Importance, Some(Value::Importance(Importance::High))),
        (Field::ShowAs, Some(Value::ShowAs(ShowAs::Tentative))),
        (Field::Private, Some(Value::Flag(false))),
    ]
}

pub(super) fn task_patch() -> Patch {
    vec![
        text(Field::Subject, "Send the offer"),
        text(Field::Body, "with the new prices"),
        time(Field::Due, "2026-12-05T00:00:00Z"),
        time(Field::TaskStart, "2026-12-02T00:00:00Z"),
        (Field::Importance, Some(Value::Importance(Importance::Low))),
        (Field::TodoStatus, Some(Value::Todo(TodoStatus::InProgress))),
    ]
}

/// Every field of a contact.
pub(super) fn contact_patch() -> Patch {
    let texts = [
        (Field::FirstName, "Alex"),
        (Field::MiddleName, "M."),
        (Field::LastName, "Wilber"),
        (Field::Suffix, "Jr."),
        (Field::Salutation, "Mr."),
        (Field::Nickname, "Al"),
        (Field::YomiFirstName, "A"),
        (Field::YomiLastName, "W"),
        (Field::Email1, "alex@fineartschool.net"),
        (Field::Email2, "alex@home.example"),
        (Field::Email3, "alex@other.example"),
        (Field::BusinessPhone, "+1 1"),
        (Field::BusinessPhone2, "+1 2"),
        (Field::HomePhone, "+1 3"),
        (Field::HomePhone2, "+1 4"),
        (Field::OtherPhone, "+1 5"),
        (Field::MobilePhone, "+1 6"),
        (Field::Pager, "+1 7"),
        (Field::BusinessFax, "+1 8"),
        (Field::CallbackPhone, "+1 9"),
        (Field::CompanyPhone, "+1 10"),
        (Field::AssistantPhone, "+1 11"),
        (Field::AssistantName, "Lee"),
        (Field::ManagerName, "Pradeep"),
        (Field::SpouseName, "Sam"),
        (Field::Children, "Ann, Bob"),
        (Field::Department, "Sales"),
        (Field::JobTitle, "Lead"),
        (Field::Company, "Fine Art School"),
        (Field::Website, "https://fineartschool.net"),
        (Field::FtpSite, "ftp://fineartschool.net"),
        (Field::GovernmentId, "X-12"),
        (Field::Body, "Notes\nin two lines"),
        (Field::Street1, "Main Street 1\nBack yard"),
        (Field::City1, "Berlin"),
        (Field::Region1, "BE"),
        (Field::PostalCode1, "10115"),
        (Field::Country1, "Germany"),
        (Field::Street2, "Home Street 2"),
        (Field::City2, "Potsdam"),
        (Field::Street3, "Third Street 3"),
        (Field::Country3, "France"),
    ];
    let mut patch: Patch = texts.into_iter().map(|(field, value)| text(field, value)).collect();
    let date = |y, m, d| Some(Value::Date(NaiveDate::from_ymd_opt(y, m, d).unwrap()));
    patch.push((Field::Birthday, date(1974, 7, 22)));
    patch.push((Field::Anniversary, date(2001, 6, 2)));
    patch
}

fn party(address: &str) -> Party {
    Party { address: Address::parse(address), name: "Somebody".into(), row: None }
}

fn assert_holds(seen: &Observation, patch: &Patch) {
    for (field, value) in patch {
        assert_eq!(seen.fields.get(*field), value.as_ref(), "{field:?}");
    }
    assert_eq!(seen.unfit, None);
    assert_eq!(seen.losses, []);
}

#[tokio::test]
async fn all_fields_come_back_as_they_were_written() {
    // What a create writes is what its answer and a later read show, for every mapped field.
    let all = [
        (Kind::Appointment, event_patch()),
        (Kind::Contact, contact_patch()),
        (Kind::Task, task_patch()),
    ];
    let desk = Desk::new();
    for (n, (kind, patch)) in all.into_iter().enumerate() {
        let n = n as u128 + 1;
        let outcome = desk.apply(&[create(kind, n, patch.clone())]).await.remove(0);
        let Outcome::Done(Some(answer)) = outcome else { panic!("{outcome:?}") };
        assert_holds(&answer, &patch);
        assert_eq!(answer.marker, Some(link(n)));
        assert!(answer.exchange_facts().tracked);
        let later = desk.fetch(kind, &answer.id).await;
        assert_holds(&later, &patch);
        assert_eq!((later.marker, &later.fields), (answer.marker, &answer.fields));
    }
}

#[tokio::test]
async fn an_update_writes_its_fields_and_no_others() {
    // A patch of single fields leaves all others, lists and extended properties included.
    let desk = Desk::new();
    let (seen, _) = desk.made(Kind::Contact, 1, contact_patch()).await;
    let patch = vec![
        text(Field::Email2, "new@home.example"),
        text(Field::LastName, "Wilbur"),
        text(Field::City1, "Bonn"),
        text(Field::Pager, "+1 77"),
        (Field::Department, None),
        (Field::HomePhone2, None),
        (Field::Anniversary, None),
    ];
    let step = update(Kind::Contact, 1, &seen.id, seen.version.clone(), patch.clone());
    let outcome = desk.apply(&[step]).await.remove(0);
    let Outcome::Done(Some(answer)) = outcome else { panic!("{outcome:?}") };
    let mut expected = seen.fields.clone();
    for (field, value) in patch {
        expected.set(field, value);
    }
    assert_eq!(answer.fields, expected);
    let later = desk.fetch(Kind::Contact, &seen.id).await;
    assert_eq!(later.fields, expected);
    assert_eq!(later.marker, Some(link(1)));
    assert_eq!(desk.sim().contacts(ME)[0]["displayName"], "Alex M. Wilbur Jr.");
}

#[tokio::test]
async fn a_lost_answer_does_not_make_a_second_event() {
    // A create whose answer was lost is Unknown; its repeat with the same key finds the event.
    let desk = Desk::new();
    let step = create(Kind::Appointment, 1, event_patch());
    desk.lose(true);
    assert_eq!(desk.apply(std::slice::from_ref(&step)).await, [Outcome::Unknown]);
    desk.lose(false);
    let outcome = desk.apply(&[step]).await.remove(0);
    assert!(matches!(outcome, Outcome::Done(Some(_)) | Outcome::Unknown), "{outcome:?}");
    assert_eq!(desk.sim().events(ME).len(), 1);
}

#[tokio::test]
async fn an_old_version_is_stale_and_nothing_is_written() {
    // A write to an item that changed since is Stale in every collection; so is a delete.
    let desk = Desk::new();
    let (event, _) = desk.made(Kind::Appointment, 1, event_patch()).await;
    let (contact, _) = desk.made(Kind::Contact, 2, name_patch()).await;
    let (task, _) = desk.made(Kind::Task, 3, task_patch()).await;
    let now = desk.now();
    desk.sim().user_update_event(ME, event.id.as_str(), &json!({"subject": "New"}), now).unwrap();
    desk.sim().user_update_contact(ME, contact.id.as_str(), &json!({"title": "Dr."}), now).unwrap();
    desk.sim().user_update_task(ME, task.id.as_str(), &json!({"title": "New"}), now).unwrap();
    let steps = [
        update(Kind::Appointment, 1, &event.id, event.version.clone(), event_patch()),
        update(Kind::Contact, 2, &contact.id, contact.version.clone(), name_patch()),
        update(Kind::Task, 3, &task.id, task.version.clone(), task_patch()),
        delete(Kind::Appointment, 1, &event.id, event.version.clone()),
        delete(Kind::Task, 3, &task.id, task.version.clone()),
    ];
    let writes = desk.sim().write_count();
    assert_eq!(desk.apply(&steps).await, vec![Outcome::Stale; 5]);
    assert_eq!(desk.sim().write_count(), writes);
}

#[tokio::test]
async fn writes_to_what_is_gone_are_missing_and_deletes_done() {
    // An item that is gone cannot be changed, and is what a delete wants.
    let desk = Desk::new();
    let (event, _) = desk.made(Kind::Appointment, 1, event_patch()).await;
    let (task, _) = desk.made(Kind::Task, 3, task_patch()).await;
    let steps = [
        delete(Kind::Appointment, 1, &event.id, event.version.clone()),
        delete(Kind::Task, 3, &task.id, task.version.clone()),
    ];
    assert_eq!(desk.apply(&steps).await, [Outcome::Done(None), Outcome::Done(None)]);
    assert_eq!(desk.apply(&steps).await, [Outcome::Done(None), Outcome::Done(None)]);
    let steps = [
        update(Kind::Appointment, 1, &event.id, event.version.clone(), event_patch()),
        update(Kind::Task, 3, &task.id, task.version.clone(), task_patch()),
    ];
    assert_eq!(desk.apply(&steps).await, [Outcome::Missing, Outcome::Missing]);
    assert_eq!(desk.fetch(Kind::Appointment, &event.id).await.presence, Presence::Deleted);
}

#[tokio::test]
async fn adoption_marks_an_item_and_keeps_its_categories() {
    // A foreign item gets marker and category; its own categories stay (LINK-08).
    let desk = Desk::new();
    let now = desk.now();
    let ids = {
        let mut sim = desk.sim();
        let contact = json!({"givenName": "Alex", "categories": ["Red"]});
        let task = json!({"title": "Call", "categories": ["Red"]});
        [
            (
                Kind::Appointment,
                sim.user_create_event(ME, &event_body("X", &["Red"]), now).unwrap(),
            ),
            (Kind::Contact, sim.user_create_contact(ME, &contact, now).unwrap()),
            (Kind::Task, sim.user_create_task(ME, &task, now).unwrap()),
        ]
    };
    desk.pass(1);
    for (n, (kind, id)) in ids.into_iter().enumerate() {
        let n = n as u128 + 1;
        let seen = desk.fetch(kind, &NativeId::new(id)).await;
        assert!(!seen.exchange_facts().tracked && seen.marker.is_none());
        let step = adopt(kind, n, &seen.id, seen.version.clone(), Vec::new());
        let outcome = desk.apply(&[step]).await.remove(0);
        let Outcome::Done(Some(answer)) = outcome else { panic!("{kind}: {outcome:?}") };
        assert_eq!(answer.marker, Some(link(n)), "{kind}");
        let later = desk.fetch(kind, &seen.id).await;
        assert_eq!((later.marker, later.exchange_facts().tracked), (Some(link(n)), true));
        assert_eq!(later.fields, seen.fields);
        let sim = desk.sim();
        let rows = match kind.collection() {
            Collection::Calendar => sim.events(ME),
            Collection::Contacts => sim.contacts(ME),
            Collection::Tasks => sim.tasks(ME),
        };
        assert_eq!(rows[0]["categories"], json!(["Red", CATEGORY]));
    }
}

#[tokio::test]
async fn rooms_stay_when_attendees_change() {
    // A new list of attendees keeps the resources that Dynamics has no place for.
    let desk = Desk::new();
    let now = desk.now();
    let mut body = event_body("Meeting", &[CATEGORY]);
    let who = |address: &str, kind: &str| json!({"type": kind, "emailAddress": {"name": address, "address": address}});
    body["attendees"] = json!([
        who("alex@contoso.com", "required"),
        who("lee@contoso.com", "optional"),
        who("room@contoso.com", "resource"),
    ]);
    let id = desk.sim().user_create_event(ME, &body, now).unwrap();
    desk.pass(1);
    let seen = desk.fetch(Kind::Appointment, &NativeId::new(id)).await;
    assert_eq!(seen.losses, [Code::ValuesDropped]);
    assert_eq!(seen.fields.parties(Field::RequiredAttendees).len(), 1);
    let new = Some(Value::Parties(vec![party("pradeep@contoso.com")]));
    let patch = vec![(Field::RequiredAttendees, new)];
    let step = update(Kind::Appointment, 1, &seen.id, seen.version.clone(), patch);
    let outcome = desk.apply(&[step]).await.remove(0);
    assert!(matches!(outcome, Outcome::Done(Some(_))), "{outcome:?}");
    let rows = desk.sim().events(ME);
    let list: Vec<&str> = rows[0]["attendees"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["emailAddress"]["address"].as_str().unwrap())
        .collect();
    assert_eq!(list, ["pradeep@contoso.com", "lee@contoso.com", "room@contoso.com"]);
}

#[tokio::test]
async fn all_day_appointments_are_days() {
    // A Dynamics all-day appointment that ends at 23:59 becomes whole days, 00:00 to 00:00.
    let desk = Desk::new();
    let patch = vec![
        text(Field::Subject, "Fair"),
        time(Field::Start, "2026-12-01T00:00:00Z"),
        time(Field::End, "2026-12-02T23:59:00Z"),
        (Field::AllDay, Some(Value::Flag(true))),
    ];
    let (seen, _) = desk.made(Kind::Appointment, 1, patch).await;
    assert!(seen.fields.flag(Field::AllDay));
    let day = |field| seen.fields.time(field).unwrap().to_rfc3339();
    assert_eq!(day(Field::Start), "2026-12-01T00:00:00+00:00");
    assert_eq!(day(Field::End), "2026-12-03T00:00:00+00:00");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_write_is_sent_once_more() {
    // An inner 429 was not executed: it is waited for and sent again, and made only once.
    let desk = Desk::new();
    desk.sim().throttle_inner(0, 9);
    let started = tokio::time::Instant::now();
    let steps = [create(Kind::Contact, 1, name_patch()), create(Kind::Contact, 2, name_patch())];
    let outcomes = desk.apply(&steps).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done(Some(_)))));
    assert_eq!(started.elapsed(), Duration::from_secs(9));
    assert_eq!(desk.sim().contacts(ME).len(), 2);
}

#[tokio::test]
async fn a_write_with_a_long_wait_is_put_off() {
    // What asks for more patience than a cycle has is left to the next one.
    let desk = Desk::new();
    desk.sim().throttle_inner(0, 600);
    let outcomes = desk.apply(&[create(Kind::Contact, 1, name_patch())]).await;
    assert_eq!(outcomes, [Outcome::NotSent]);
    assert_eq!(desk.sim().contacts(ME).len(), 0);
}

#[tokio::test]
async fn a_refused_write_is_refused_alone() {
    // One write that the service refuses does not touch its neighbours in the batch.
    let desk = Desk::new();
    let mut bad = event_patch();
    bad.push(time(Field::End, "2026-11-30T10:30:00Z"));
    let steps = [create(Kind::Appointment, 1, bad), create(Kind::Appointment, 2, event_patch())];
    let outcomes = desk.apply(&steps).await;
    assert_eq!(outcomes[0], Outcome::Refused(Code::WriteRefused));
    assert!(matches!(outcomes[1], Outcome::Done(Some(_))));
}

#[tokio::test]
async fn more_steps_than_a_batch_holds_are_all_done() {
    // Fifty steps go in batches of twenty, each with its own outcome, in order.
    let desk = Desk::new();
    let steps: Vec<Step> = (0..50)
        .map(|n| create(Kind::Task, n, vec![text(Field::Subject, &format!("Task {n}"))]))
        .collect();
    let outcomes = desk.apply(&steps).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        let Outcome::Done(Some(seen)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(seen.fields.text(Field::Subject), format!("Task {n}"));
        assert_eq!(seen.marker, Some(link(n as u128)));
    }
    assert_eq!(outcomes.len(), 50);
}
