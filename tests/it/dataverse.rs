//! The Dataverse adapter against the stand-in: what a cycle asks, and what comes of it.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

mod bridge;
mod lists;

use bridge::{Scene, known, mailbox};
use lockstep::domain::code::Code;
use lockstep::domain::field::{Field, Patch, Value};
use lockstep::domain::ids::{Address, GlobalId, LinkId, NativeId, UserId, Version};
use lockstep::domain::kind::Kind;
use lockstep::domain::mailbox::{DeliveryMethod, Regarding};
use lockstep::domain::observation::{Observation, Presence};
use lockstep::domain::party::{Party, PartyRow, PartyTable};
use lockstep::domain::plan::{MailClass, Op, Outcome, Step};
use lockstep::domain::side::Side;
use lockstep::ports::error::SideError;
use lockstep::ports::organization::Organization;
use lockstep::ports::side::{FarSide, FindKey, Known};
use lockstep::sim::dataverse::{Depth, Privileges};
use lockstep::sim::directory::Person;
use serde_json::json;
use uuid::Uuid;

fn contact(scene: &Scene, owner: &Person, name: &str) -> Uuid {
    let body = json!({ "firstname": name, "lastname": "Doe",
        "emailaddress1": format!("{}@example.org", name.to_lowercase()) });
    let now = scene.later();
    scene.sim().user_create(owner.user_id, "contacts", &body, now).unwrap()
}

fn meeting(scene: &Scene, organizer: &Person, guest: &str) -> Uuid {
    let target = format!("/systemusers({})", organizer.user_id);
    let body = json!({
        "subject": "Review",
        "scheduledstart": "2026-03-03T09:00:00Z",
        "scheduledend": "2026-03-03T10:00:00Z",
        "appointment_activity_parties": [
            { "partyid_systemuser@odata.bind": target, "participationtypemask": 7 },
            { "addressused": guest, "participationtypemask": 5 },
        ],
    });
    let now = scene.later();
    scene.sim().user_create(organizer.user_id, "appointments", &body, now).unwrap()
}

fn id_of(id: Uuid) -> NativeId {
    NativeId::new(id.to_string())
}

fn step(kind: Kind, link: Uuid, op: Op) -> Step {
    Step { link: LinkId(link), key: link, kind, on: Side::Dynamics, op, mail: MailClass::Silent }
}

fn text(value: &str) -> Option<Value> {
    Some(Value::Text(value.into()))
}

fn update(seen: &Observation, patch: Patch) -> Step {
    let op = Op::Update {
        id: seen.id.clone(),
        expected: seen.version.clone(),
        patch,
        groups: Vec::new(),
        mark: false,
    };
    step(seen.kind, Uuid::try_parse(seen.id.as_str()).unwrap(), op)
}

fn done(outcome: &Outcome) -> &Observation {
    let Outcome::Done(Some(seen)) = outcome else { panic!("{outcome:?}") };
    seen
}

#[tokio::test]
async fn filt_02_a_first_pull_brings_what_matches() {
    // Ann gets her contact and the meeting she organizes, complete; Bob's contact is not hers.
    let scene = Scene::new().await;
    let own = contact(&scene, &scene.ann, "Carl");
    contact(&scene, &scene.bob, "Dora");
    let review = meeting(&scene, &scene.ann, "guest@example.org");
    let pulled = scene.pull(&scene.ann, &[]).await;
    assert_eq!(pulled.missing, []);
    let mut ids: Vec<&NativeId> = pulled.observations.iter().map(|seen| &seen.id).collect();
    ids.sort_unstable();
    let mut golden = [id_of(own), id_of(review)];
    golden.sort_unstable();
    assert_eq!(ids, golden.iter().collect::<Vec<_>>());
    for seen in &pulled.observations {
        assert_eq!((seen.presence, seen.unfit), (Presence::Present, None), "{:?}", seen.kind);
        assert_eq!(seen.dynamics_facts().owner, Some(UserId(scene.ann.user_id)));
        if seen.kind == Kind::Contact {
            assert_eq!(seen.fields.text(Field::FirstName), "Carl");
        } else {
            let guests = seen.fields.parties(Field::RequiredAttendees);
            assert_eq!(guests[0].address, Address::parse("guest@example.org"));
            assert_eq!(seen.dynamics_facts().organizer, Some(UserId(scene.ann.user_id)));
        }
    }
}

/// HTTP requests, and the requests in them.
fn counts(scene: &Scene) -> (u64, u64) {
    let sim = scene.sim();
    (sim.request_count(), sim.operation_count())
}

#[tokio::test]
async fn an_idle_pull_costs_one_request() {
    // With known filters and unchanged rows, inside and outside the filters, one batch is enough: the
    // user's filters, the query of each of the eight, and one for all watched rows of a table.
    let scene = Scene::new().await;
    contact(&scene, &scene.ann, "Carl");
    let outside = contact(&scene, &scene.ann, "Dora");
    let now = scene.later();
    let inactive = json!({ "statecode": 1, "statuscode": 2 });
    scene.sim().user_update(scene.ann.user_id, "contacts", outside, &inactive, now).unwrap();
    let mut rows = known(&scene.pull(&scene.ann, &[]).await.observations, true);
    assert_eq!(rows.len(), 1);
    rows.extend(known(&[scene.fetch(&scene.ann, Kind::Contact, outside).await], false));
    let count = || counts(&scene);
    for (rows, operations) in [(&rows[..1], 9), (&rows[..], 10)] {
        let before = count();
        let pulled = scene.pull(&scene.ann, rows).await;
        assert_eq!((pulled.observations.len(), pulled.missing.len()), (0, 0));
        assert_eq!((count().0 - before.0, count().1 - before.1), (1, operations));
    }
}

#[tokio::test]
async fn filt_03_a_changed_row_is_read_again() {
    // Only the row that changed comes back, with its new content.
    let scene = Scene::new().await;
    let carl = contact(&scene, &scene.ann, "Carl");
    contact(&scene, &scene.ann, "Dora");
    let rows = known(&scene.pull(&scene.ann, &[]).await.observations, true);
    let now = scene.later();
    let body = json!({ "jobtitle": "Baker" });
    scene.sim().user_update(scene.ann.user_id, "contacts", carl, &body, now).unwrap();
    let pulled = scene.pull(&scene.ann, &rows).await;
    assert_eq!(pulled.observations.len(), 1);
    assert_eq!(pulled.observations[0].fields.text(Field::JobTitle), "Baker");
    assert_eq!(pulled.missing, []);
}

#[tokio::test]
async fn filt_04_a_row_that_leaves_the_filter_is_missing_then_watched() {
    // A deactivated contact is missing, still readable, and its later changes are seen.
    let scene = Scene::new().await;
    let carl = contact(&scene, &scene.ann, "Carl");
    let rows = known(&scene.pull(&scene.ann, &[]).await.observations, true);
    let now = scene.later();
    let inactive = json!({ "statecode": 1, "statuscode": 2 });
    scene.sim().user_update(scene.ann.user_id, "contacts", carl, &inactive, now).unwrap();
    let pulled = scene.pull(&scene.ann, &rows).await;
    assert_eq!(pulled.missing, [(Kind::Contact, id_of(carl))]);
    let seen = scene.fetch(&scene.ann, Kind::Contact, carl).await;
    assert_eq!(seen.presence, Presence::Present);
    let watched = known(&[seen], false);
    assert!(scene.pull(&scene.ann, &watched).await.observations.is_empty());
    let now = scene.later();
    let body = json!({ "jobtitle": "Baker" });
    scene.sim().user_update(scene.ann.user_id, "contacts", carl, &body, now).unwrap();
    let pulled = scene.pull(&scene.ann, &watched).await;
    assert_eq!(pulled.observations[0].presence, Presence::LeftFilter);
    assert_eq!(pulled.observations[0].fields.text(Field::JobTitle), "Baker");
    let now = scene.later();
    let active = json!({ "statecode": 0, "statuscode": 1 });
    scene.sim().user_update(scene.ann.user_id, "contacts", carl, &active, now).unwrap();
    let again = scene.pull(&scene.ann, &watched).await;
    assert_eq!(again.observations[0].presence, Presence::Present);
}

#[tokio::test]
async fn filt_05_lost_access_and_deletion_are_told_apart() {
    // A row given to Bob is unreadable for Ann and shows no content; a deleted one is deleted.
    let scene = Scene::new().await;
    let carl = contact(&scene, &scene.ann, "Carl");
    let dora = contact(&scene, &scene.ann, "Dora");
    let rows = known(&scene.pull(&scene.ann, &[]).await.observations, true);
    let now = scene.later();
    let given = json!({ "ownerid@odata.bind": format!("/systemusers({})", scene.bob.user_id) });
    scene.sim().user_update(scene.ann.user_id, "contacts", carl, &given, now).unwrap();
    scene.sim().user_delete(scene.ann.user_id, "contacts", dora, now).unwrap();
    let mut missing = scene.pull(&scene.ann, &rows).await.missing;
    missing.sort_unstable();
    let mut golden = [(Kind::Contact, id_of(carl)), (Kind::Contact, id_of(dora))];
    golden.sort_unstable();
    assert_eq!(missing, golden);
    let lost = scene.fetch(&scene.ann, Kind::Contact, carl).await;
    assert_eq!(lost.presence, Presence::Unreadable);
    assert_eq!(lost.dynamics_facts().owner, Some(UserId(scene.bob.user_id)));
    assert!(lost.fields.is_empty());
    let gone = scene.fetch(&scene.ann, Kind::Contact, dora).await;
    assert_eq!(gone.presence, Presence::Deleted);
    assert_eq!(scene.pull(&scene.bob, &[]).await.observations.len(), 1);
}

const MINE: &str = r#"<condition attribute="ownerid" operator="eq-userid"/>"#;

fn filter_on(name: &str) -> String {
    format!(
        r#"<fetch><entity name="contact"><filter>{MINE}<condition attribute="firstname"
        operator="eq" value="{name}"/></filter></entity></fetch>"#
    )
}

#[tokio::test]
async fn filt_09_two_filters_are_a_union() {
    // Rows of either filter come, once each; a filter added later is noticed at once.
    let scene = Scene::new().await;
    for name in ["Carl", "Dora", "Emil"] {
        contact(&scene, &scene.ann, name);
    }
    let (carl, dora, emil) = (filter_on("Carl"), filter_on("Dora"), filter_on("Emil"));
    scene.sim().set_user_filters(scene.ann.user_id, "contact", &[&carl, &dora]);
    let first = scene.pull(&scene.ann, &[]).await;
    assert_eq!(first.observations.len(), 2);
    scene.sim().set_user_filters(scene.ann.user_id, "contact", &[&carl, &dora, &emil]);
    let second = scene.pull(&scene.ann, &known(&first.observations, true)).await;
    assert_eq!(second.observations.len(), 1);
    assert_eq!(second.observations[0].fields.text(Field::FirstName), "Emil");
    assert_eq!(second.missing, []);
}

#[tokio::test]
async fn filt_10_no_filter_means_nothing_of_that_table() {
    // Without contact filters no contact comes, and known ones are missing; meetings go on.
    let scene = Scene::new().await;
    let carl = contact(&scene, &scene.ann, "Carl");
    let first = scene.pull(&scene.ann, &[]).await;
    scene.sim().set_user_filters(scene.ann.user_id, "contact", &[]);
    meeting(&scene, &scene.ann, "guest@example.org");
    let second = scene.pull(&scene.ann, &known(&first.observations, true)).await;
    assert_eq!(second.missing, [(Kind::Contact, id_of(carl))]);
    assert_eq!(second.observations.len(), 1);
}

#[tokio::test]
async fn a_refused_filter_deletes_nothing() {
    // One filter that Dataverse refuses silences its table: nothing is missing, others go on.
    let scene = Scene::new().await;
    contact(&scene, &scene.ann, "Carl");
    let rows = known(&scene.pull(&scene.ann, &[]).await.observations, true);
    let wrong = r#"<fetch><entity name="contact"><filter><condition attribute="nosuch"
        operator="eq" value="1"/></filter></entity></fetch>"#;
    scene.sim().set_user_filters(scene.ann.user_id, "contact", &[wrong, &filter_on("Dora")]);
    contact(&scene, &scene.ann, "Dora");
    let pulled = scene.pull(&scene.ann, &rows).await;
    assert_eq!(pulled.missing, []);
    assert_eq!(pulled.observations.len(), 1);
}

#[tokio::test]
async fn a_filter_of_several_pages_is_read_to_the_end() {
    // The rows of the second page count as much as those of the first: none is missing. Each further
    // page costs one more batch and one more request in it, in each sweep: such a mailbox never rests.
    let scene = Scene::new().await;
    let body = json!({ "lastname": "Doe" });
    let now = scene.now();
    for _ in 0..5_003 {
        scene.sim().user_create(scene.ann.user_id, "contacts", &body, now).unwrap();
    }
    let known: Vec<Known> = scene
        .sim()
        .rows("contacts")
        .iter()
        .map(|row| Known {
            kind: Kind::Contact,
            id: NativeId::new(row["contactid"].as_str().unwrap()),
            version: Some(Version::new(row["versionnumber"].to_string())),
            expected: true,
        })
        .collect();
    assert_eq!(known.len(), 5_003);
    scene.pull(&scene.ann, &known).await;
    let count = || counts(&scene);
    for _ in 0..2 {
        let before = count();
        let pulled = scene.pull(&scene.ann, &known).await;
        assert_eq!((pulled.observations.len(), pulled.missing.len()), (0, 0));
        assert_eq!((count().0 - before.0, count().1 - before.1), (2, 10));
        assert_eq!(pulled.rest, None);
    }
}

#[tokio::test]
async fn a_throttled_part_ends_the_pull() {
    // A 429 inside a batch is no empty answer; the pull says when to try again.
    let scene = Scene::new().await;
    contact(&scene, &scene.ann, "Carl");
    let rows = known(&scene.pull(&scene.ann, &[]).await.observations, true);
    scene.sim().throttle_inner(2, 7);
    let error = scene.try_pull(&scene.ann, &rows).await.unwrap_err();
    assert!(
        matches!(error, SideError::Throttled { retry_after } if retry_after.as_secs() == 7),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_first_load_that_is_throttled_makes_progress() {
    // What was read before the 429 counts, and the next pull brings the rest and only the rest.
    let scene = Scene::new().await;
    let body = json!({ "lastname": "Doe" });
    let now = scene.now();
    for _ in 0..210 {
        scene.sim().user_create(scene.ann.user_id, "contacts", &body, now).unwrap();
    }
    // Filters, queries, a batch with two lists of rows; then the fourth.
    scene.throttle_batch(4);
    let first = scene.pull(&scene.ann, &[]).await;
    assert_eq!(first.observations.len(), 200);
    let second = scene.pull(&scene.ann, &known(&first.observations, true)).await;
    assert_eq!((second.observations.len(), second.missing.len()), (10, 0));
}

fn new_contact(link: Uuid, name: &str) -> Step {
    let patch = vec![(Field::FirstName, text(name)), (Field::LastName, text("New"))];
    step(Kind::Contact, link, Op::Create { patch })
}

#[tokio::test]
async fn inv_01_a_create_that_is_repeated_makes_one_row() {
    // The link's id is the row's: the second create finds the first one's row and leaves it.
    let scene = Scene::new().await;
    let link = Uuid::from_u128(0xC0FFEE);
    let ann = mailbox(&scene.ann);
    let first = scene.side.apply(&ann, &[new_contact(link, "Carl")]).await;
    assert_eq!(done(&first[0]).id, id_of(link));
    assert_eq!(done(&first[0]).fields.text(Field::FirstName), "Carl");
    let again = scene.side.apply(&ann, &[new_contact(link, "Other")]).await;
    assert_eq!(done(&again[0]).fields.text(Field::FirstName), "Carl");
    assert_eq!(done(&again[0]).version, done(&first[0]).version);
    assert_eq!(scene.sim().rows("contacts").len(), 1);
    let rows = known(&[done(&first[0]).clone()], true);
    let pulled = scene.pull(&scene.ann, &rows).await;
    assert_eq!((pulled.observations.len(), pulled.missing.len()), (0, 0));
}

#[tokio::test]
async fn inv_01_a_lost_answer_is_unknown_and_found_by_the_marker() {
    // The create happened, nobody heard of it: the outcome is open until the marker is looked up.
    let scene = Scene::new().await;
    let link = Uuid::from_u128(0xC0FFEE);
    let ann = mailbox(&scene.ann);
    scene.lose_next_answer();
    let outcomes = scene.side.apply(&ann, &[new_contact(link, "Carl")]).await;
    assert_eq!(outcomes, [Outcome::Unknown]);
    let keys = [FindKey::Marker(LinkId(link), Kind::Contact)];
    let found = scene.side.find(&ann, &keys).await.unwrap().remove(0).item().unwrap();
    assert_eq!(found.fields.text(Field::FirstName), "Carl");
    assert_eq!(scene.sim().write_count(), 1);
}

#[tokio::test]
async fn after_a_lost_answer_nothing_more_is_sent() {
    // The first batch of ten is unknown, the rest is not sent.
    let scene = Scene::new().await;
    scene.lose_next_answer();
    let steps: Vec<Step> = (1..=12).map(|n| new_contact(Uuid::from_u128(n), "Carl")).collect();
    let outcomes = scene.side.apply(&mailbox(&scene.ann), &steps).await;
    let count = |wanted: Outcome| outcomes.iter().filter(|outcome| **outcome == wanted).count();
    assert_eq!((count(Outcome::Unknown), count(Outcome::NotSent)), (10, 2));
    assert_eq!(scene.sim().write_count(), 10);
}

#[tokio::test]
async fn elig_11_a_lost_table_privilege_deletes_nothing() {
    // Without the right to read contacts at all, the filter has no answer, which is not "none".
    let scene = Scene::new().await;
    contact(&scene, &scene.ann, "Carl");
    let rows = known(&scene.pull(&scene.ann, &[]).await.observations, true);
    let none = Privileges { read: Depth::None, write: Depth::None };
    scene.sim().set_privileges("contact", none);
    let pulled = scene.pull(&scene.ann, &rows).await;
    assert_eq!((pulled.observations.len(), pulled.missing.len()), (0, 0));
}

#[tokio::test]
async fn elig_12_a_disabled_user_deletes_nothing() {
    // A user who may not work any more makes pull and fetch fail; no row counts as lost.
    let scene = Scene::new().await;
    let carl = contact(&scene, &scene.ann, "Carl");
    let rows = known(&scene.pull(&scene.ann, &[]).await.observations, true);
    scene.sim().admin_set("systemusers", scene.ann.user_id, "isdisabled", json!(true));
    let refused = |error| matches!(error, SideError::Refused { status: 403, .. });
    assert!(refused(scene.try_pull(&scene.ann, &rows).await.unwrap_err()));
    let asked = [(Kind::Contact, id_of(carl))];
    assert!(refused(scene.side.fetch(&mailbox(&scene.ann), &asked).await.unwrap_err()));
}

#[tokio::test]
async fn a_stale_update_writes_nothing() {
    // The version that was read is the one that is changed, or nothing is.
    let scene = Scene::new().await;
    let carl = contact(&scene, &scene.ann, "Carl");
    let seen = scene.fetch(&scene.ann, Kind::Contact, carl).await;
    let now = scene.later();
    let body = json!({ "jobtitle": "Baker" });
    scene.sim().user_update(scene.ann.user_id, "contacts", carl, &body, now).unwrap();
    let ann = mailbox(&scene.ann);
    let writes = scene.sim().write_count();
    let stale = update(&seen, vec![(Field::JobTitle, text("Miller"))]);
    assert_eq!(scene.side.apply(&ann, &[stale]).await, [Outcome::Stale]);
    assert_eq!(scene.sim().write_count(), writes);
    let seen = scene.fetch(&scene.ann, Kind::Contact, carl).await;
    let fresh = update(&seen, vec![(Field::JobTitle, text("Miller")), (Field::Nickname, None)]);
    let outcomes = scene.side.apply(&ann, &[fresh]).await;
    assert_eq!(done(&outcomes[0]).fields.text(Field::JobTitle), "Miller");
}

#[tokio::test]
async fn deletes_are_conditional_and_final() {
    // A stale delete is refused, a good one deletes, a repeated one is done, an update is missing.
    let scene = Scene::new().await;
    let carl = contact(&scene, &scene.ann, "Carl");
    let seen = scene.fetch(&scene.ann, Kind::Contact, carl).await;
    let now = scene.later();
    let body = json!({ "jobtitle": "Baker" });
    scene.sim().user_update(scene.ann.user_id, "contacts", carl, &body, now).unwrap();
    let delete = |seen: &Observation| {
        let op = Op::Delete { id: seen.id.clone(), expected: seen.version.clone() };
        step(Kind::Contact, carl, op)
    };
    let ann = mailbox(&scene.ann);
    assert_eq!(scene.side.apply(&ann, &[delete(&seen)]).await, [Outcome::Stale]);
    let fresh = scene.fetch(&scene.ann, Kind::Contact, carl).await;
    assert_eq!(scene.side.apply(&ann, &[delete(&fresh)]).await, [Outcome::Done(None)]);
    assert!(scene.sim().row("contacts", carl).is_none());
    let steps = [delete(&fresh), update(&fresh, vec![(Field::JobTitle, text("x"))])];
    assert_eq!(scene.side.apply(&ann, &steps).await, [Outcome::Done(None), Outcome::Missing]);
}

fn guest(address: &str) -> Option<Value> {
    let party = Party { address: Address::parse(address), name: String::new(), row: None };
    Some(Value::Parties(vec![party]))
}

#[tokio::test]
async fn new_attendees_leave_the_organizer() {
    // A patch of one attendee list keeps the organizer and the other list.
    let scene = Scene::new().await;
    let review = meeting(&scene, &scene.ann, "old@example.org");
    let seen = scene.fetch(&scene.ann, Kind::Appointment, review).await;
    let patch = vec![(Field::OptionalAttendees, guest("new@example.org"))];
    let outcomes = scene.side.apply(&mailbox(&scene.ann), &[update(&seen, patch)]).await;
    let seen = done(&outcomes[0]);
    let address = |field| seen.fields.parties(field)[0].address.clone();
    assert_eq!(address(Field::RequiredAttendees), Address::parse("old@example.org"));
    assert_eq!(address(Field::OptionalAttendees), Address::parse("new@example.org"));
    assert_eq!(seen.dynamics_facts().organizer, Some(UserId(scene.ann.user_id)));
}

#[tokio::test]
async fn org_05_a_meeting_is_created_for_its_organizer() {
    // Ann tracks Bob's meeting: he owns and organizes the row, and it is found by its identity.
    let scene = Scene::new().await;
    let bob = Party {
        address: None,
        name: String::new(),
        row: Some(PartyRow { table: PartyTable::SystemUser, id: scene.bob.user_id }),
    };
    let time = |text: &str| Some(Value::Time(text.parse().unwrap()));
    let patch = vec![
        (Field::Subject, text("Review")),
        (Field::Start, time("2026-03-03T09:00:00Z")),
        (Field::End, time("2026-03-03T10:00:00Z")),
        (Field::RequiredAttendees, guest(&scene.ann.address)),
        (Field::Organizer, Some(Value::Parties(vec![bob.clone()]))),
        (Field::Owner, Some(Value::Parties(vec![bob]))),
        (Field::Uid, text("040000008200E0")),
    ];
    let link = Uuid::from_u128(0xBEEF);
    let ann = mailbox(&scene.ann);
    let create = step(Kind::Appointment, link, Op::Create { patch });
    let outcomes = scene.side.apply(&ann, &[create]).await;
    let facts = done(&outcomes[0]).dynamics_facts();
    assert_eq!(facts.owner, Some(UserId(scene.bob.user_id)));
    assert!(scene.sim().row("appointments", link).is_some());
    let keys = [
        FindKey::Uid(GlobalId::new("040000008200E0")),
        FindKey::Uid(GlobalId::new("it's another")),
        FindKey::Marker(LinkId(link), Kind::Appointment),
        FindKey::Marker(LinkId(Uuid::from_u128(9)), Kind::Task),
    ];
    let found = scene.side.find(&ann, &keys).await.unwrap();
    let ids: Vec<Option<NativeId>> =
        found.into_iter().map(|found| found.item().map(|seen| seen.id)).collect();
    let golden = Some(id_of(link));
    assert_eq!(ids, [golden.clone(), None, golden, None]);
}

#[tokio::test]
async fn a_refusal_is_one_outcome_among_others() {
    // A write without the right, a wrong status and a good create: each has its own outcome.
    let scene = Scene::new().await;
    let dora = contact(&scene, &scene.bob, "Dora");
    let foreign = scene.fetch(&scene.bob, Kind::Contact, dora).await;
    let review = meeting(&scene, &scene.ann, "guest@example.org");
    let review = scene.fetch(&scene.ann, Kind::Appointment, review).await;
    let steps = [
        update(&foreign, vec![(Field::JobTitle, text("x"))]),
        update(&review, vec![(Field::StatusReason, Some(Value::Number(99)))]),
        new_contact(Uuid::from_u128(0xAB), "Carl"),
    ];
    let outcomes = scene.side.apply(&mailbox(&scene.ann), &steps).await;
    assert_eq!(outcomes[0], Outcome::Refused(Code::PrivilegeMissing));
    assert_eq!(outcomes[1], Outcome::Refused(Code::WriteRefused));
    assert_eq!(done(&outcomes[2]).fields.text(Field::FirstName), "Carl");
}

#[tokio::test]
async fn a_throttled_write_is_not_sent() {
    // A 429 on one write of a batch leaves that one undone, and says so.
    let scene = Scene::new().await;
    scene.sim().throttle_inner(0, 1);
    let steps = [new_contact(Uuid::from_u128(1), "Carl"), new_contact(Uuid::from_u128(2), "Dora")];
    let outcomes = scene.side.apply(&mailbox(&scene.ann), &steps).await;
    assert_eq!(outcomes[0], Outcome::NotSent);
    assert_eq!(done(&outcomes[1]).fields.text(Field::FirstName), "Dora");
    assert_eq!(scene.sim().rows("contacts").len(), 1);
}

#[tokio::test]
async fn res_02_addresses_lead_to_rows() {
    // Users and contacts are found by address, with their age and state.
    let scene = Scene::new().await;
    let carl = contact(&scene, &scene.ann, "Carl");
    let addresses: Vec<Address> = ["carl@example.org", "bob@contoso.example", "nobody@example.org"]
        .iter()
        .filter_map(|text| Address::parse(text))
        .collect();
    let mut found = scene.side.candidates(&mailbox(&scene.ann), &addresses).await.unwrap();
    found.sort_unstable_by_key(|candidate| candidate.row.table);
    let rows: Vec<PartyRow> = found.iter().map(|candidate| candidate.row).collect();
    assert_eq!(
        rows,
        [
            PartyRow { table: PartyTable::SystemUser, id: scene.bob.user_id },
            PartyRow { table: PartyTable::Contact, id: carl },
        ]
    );
    assert!(found.iter().all(|candidate| candidate.active && candidate.created > 0));
}

#[tokio::test]
async fn the_profile_tells_of_settings_mailboxes_and_users() {
    // The organization's row, mailbox records with their users and profiles, and all users.
    let scene = Scene::new().await;
    let setting = "DistinctPhysicalAndLogicalDeletesForExchangeSync";
    scene.sim().set_org_db_setting(setting, "true");
    let profile = scene.organization.profile().await.unwrap();
    assert_eq!(profile.organization, scene.sim().organization_id());
    let on = lockstep::domain::setting::SettingValue::Flag(true);
    assert_eq!(profile.settings.get(setting), Some(&on));
    assert_eq!(profile.mailboxes.len(), 2);
    let ann = profile.mailboxes.iter().find(|row| row.id == scene.ann.mailbox_id).unwrap();
    assert_eq!(ann.address, Address::parse(&scene.ann.address));
    assert_eq!(
        ann.regarding,
        Regarding::User {
            user: UserId(scene.ann.user_id),
            enabled: true,
            object_id: Some(scene.ann.object_id),
        }
    );
    assert!(ann.active && ann.approved && ann.tested && ann.enabled_for_act);
    assert_eq!(ann.delivery, DeliveryMethod::ServerSide);
    assert!(ann.server_type.is_some());
    let bob = Address::parse(&scene.bob.address).unwrap();
    assert!(profile.users.contains(&(UserId(scene.bob.user_id), bob, true)));
}
