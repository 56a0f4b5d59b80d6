//! Tests of the Graph adapter, from documented examples and the stand-in.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::*;
use crate::domain::category::Category;
use crate::domain::code::Code;
use crate::domain::field::{Field, Patch, Value};
use crate::domain::ids::{LinkId, NativeId, Version};
use crate::domain::kind::Kind;
use crate::domain::plan::MailClass;
use crate::graph::testing::{Scripted, Turn, mailbox, refusal};

fn step(kind: Kind, op: Op) -> Step {
    Step {
        link: LinkId(Uuid::from_u128(1)),
        key: Uuid::from_u128(2),
        kind,
        on: Side::Exchange,
        op,
        mail: MailClass::Silent,
    }
}

fn subject() -> Patch {
    vec![(Field::Subject, Some(Value::Text("x".into())))]
}

fn update(kind: Kind) -> Step {
    let expected = Some(Version::new("W/\"1\""));
    let id = NativeId::new("i");
    step(kind, Op::Update { id, expected, patch: subject(), groups: Vec::new(), mark: false })
}

fn event_row() -> Json {
    json!({
        "id": "i", "@odata.etag": "W/\"2\"", "subject": "x", "isAllDay": false,
        "isOrganizer": true, "type": "singleInstance",
        "start": {"dateTime": "2026-12-01T09:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2026-12-01T10:00:00", "timeZone": "UTC"},
    })
}

async fn apply(scripted: &Scripted, steps: &[Step]) -> Vec<Outcome> {
    scripted.side.apply_steps(&mailbox().address, &Category::default(), steps).await
}

#[tokio::test]
async fn a_create_carries_its_key_its_marker_and_the_category() {
    // An event is made with transactionId, extended property and category, in the documented form.
    let scripted = Scripted::new(vec![Turn::Answers(vec![(201, event_row())])]);
    let create = step(Kind::Appointment, Op::Create { patch: subject() });
    let outcome = apply(&scripted, &[create]).await.remove(0);
    let Outcome::Done(Some(seen)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(seen.marker, Some(LinkId(Uuid::from_u128(1))));
    assert_eq!(seen.version, Some(Version::new("W/\"2\"")));
    let sent = scripted.sent();
    assert_eq!(scripted.lines(), [["POST /users/megan@contoso.com/events"]]);
    let body = &sent[0][0]["body"];
    assert_eq!(body["transactionId"], Uuid::from_u128(2).to_string());
    assert_eq!(body["categories"], json!(["Tracked to Dynamics 365"]));
    let id = "String {3c1f6a52-8d0e-4b7a-9a53-6d0b6c9f2e11} Name LockstepLink";
    let made = "String {3c1f6a52-8d0e-4b7a-9a53-6d0b6c9f2e11} Name LockstepMade";
    let value = Uuid::from_u128(1).to_string();
    let marker = json!([{"id": id, "value": value}, {"id": made, "value": value}]);
    assert_eq!(body["singleValueExtendedProperties"], marker);
}

#[tokio::test]
async fn an_update_is_conditional_on_the_version() {
    // Events and contacts carry If-Match; a 412 means that nothing was written.
    let conflict = refusal(412, "ErrorIrresolvableConflict");
    let scripted = Scripted::new(vec![Turn::Answers(vec![conflict])]);
    assert_eq!(apply(&scripted, &[update(Kind::Appointment)]).await, [Outcome::Stale]);
    let sent = scripted.sent();
    assert_eq!(sent[0][0]["headers"]["If-Match"], "W/\"1\"");
    assert_eq!(sent[0][0]["body"], json!({"subject": "x"}));
}

#[tokio::test]
async fn each_refusal_in_a_batch_is_its_own_outcome() {
    // What was refused, what is gone, what may have happened: one outcome for each step.
    let scripted = Scripted::new(vec![Turn::Answers(vec![
        (200, event_row()),
        refusal(404, "ErrorItemNotFound"),
        refusal(403, "ErrorInsufficientPermissions"),
        refusal(400, "ErrorPropertyValidationFailure"),
        refusal(503, "ConcurrentItemSave"),
        (200, json!({})),
    ])]);
    let steps = vec![update(Kind::Appointment); 7];
    let outcomes = apply(&scripted, &steps).await;
    assert!(matches!(outcomes[0], Outcome::Done(Some(_))));
    assert_eq!(
        outcomes[1..],
        [
            Outcome::Missing,
            Outcome::Refused(Code::PrivilegeMissing),
            Outcome::Refused(Code::WriteRefused),
            Outcome::Unknown,
            // An answer without the item, and no answer at all.
            Outcome::Unknown,
            Outcome::Unknown,
        ]
    );
}

#[tokio::test]
async fn a_batch_that_was_not_sent_is_not_unknown() {
    // A refused connection wrote nothing; a lost answer may have.
    let scripted = Scripted::new(vec![Turn::NotSent, Turn::NoAnswer]);
    let steps = [update(Kind::Appointment)];
    assert_eq!(apply(&scripted, &steps).await, [Outcome::NotSent]);
    assert_eq!(apply(&scripted, &steps).await, [Outcome::Unknown]);
}

#[tokio::test]
async fn a_read_that_fails_before_a_write_sends_nothing() {
    // Contacts are read before they are written; without that read there is no write.
    let scripted = Scripted::new(vec![Turn::NotSent]);
    assert_eq!(apply(&scripted, &[update(Kind::Contact)]).await, [Outcome::NotSent]);
    assert_eq!(scripted.lines().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn promise_6_one_throttled_step_ends_the_writes() {
    // The rest of its batch was answered; what would come after it is not sent.
    let answers = |throttled: usize| {
        let mut list = vec![(200, event_row()); 20];
        list[throttled] = refusal(429, "ApplicationThrottled");
        Turn::Answers(list)
    };
    let again = Turn::Answers(vec![refusal(429, "ApplicationThrottled")]);
    let scripted = Scripted::new(vec![answers(7), again]);
    let outcomes = apply(&scripted, &vec![update(Kind::Appointment); 45]).await;
    for (at, outcome) in outcomes.iter().enumerate() {
        let sent = at < 20 && at != 7;
        assert_eq!(matches!(outcome, Outcome::Done(_)), sent, "{at}: {outcome:?}");
        assert_eq!(*outcome == Outcome::NotSent, !sent, "{at}: {outcome:?}");
    }
    assert!(scripted.is_over());
}

#[tokio::test]
async fn a_step_of_the_other_side_is_not_sent() {
    // A plan that strays to the wrong adapter writes nothing.
    let scripted = Scripted::new(Vec::new());
    let stray = Step { on: Side::Dynamics, ..update(Kind::Appointment) };
    assert_eq!(apply(&scripted, &[stray]).await, [Outcome::NotSent]);
}
