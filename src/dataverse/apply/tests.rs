//! What the replies to a write mean.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::bundle::Bundle;
use super::request::{Answer, Replies, Request, prepare};
use crate::dataverse::batch::PartReply;
use crate::domain::code::Code;
use crate::domain::field::{Field, Value};
use crate::domain::ids::{LinkId, NativeId, Version};
use crate::domain::kind::Kind;
use crate::domain::plan::{MailClass, Op, Outcome, Step};
use crate::domain::side::Side;

const ID: Uuid = Uuid::from_u128(0xA);

fn request(op: Op) -> Request {
    request_of(ID, Kind::Task, op)
}

fn request_of(id: Uuid, kind: Kind, op: Op) -> Request {
    let step =
        Step { link: LinkId(id), key: id, kind, on: Side::Dynamics, op, mail: MailClass::Silent };
    prepare(0, &step, None, None).unwrap_or_else(|outcome| panic!("{outcome:?}"))
}

fn create() -> Request {
    request(Op::Create { patch: vec![(Field::Subject, Some(Value::Text("a".into())))] })
}

fn update() -> Request {
    request(Op::Update {
        id: NativeId::new(ID.to_string()),
        expected: Some(Version::new("7")),
        patch: vec![(Field::Subject, Some(Value::Text("a".into())))],
        groups: Vec::new(),
        mark: false,
    })
}

fn delete() -> Request {
    request(Op::Delete { id: NativeId::new(ID.to_string()), expected: None })
}

fn made(version: u64) -> PartReply {
    let body = json!({ "activityid": ID.to_string(), "versionnumber": version });
    PartReply { status: 200, headers: "".into(), body: body.to_string().into_bytes() }
}

fn refusal(status: u16, code: &str) -> PartReply {
    let body = json!({ "error": { "code": code } }).to_string().into_bytes();
    PartReply { status, headers: "".into(), body }
}

fn settled(request: &Request, replies: &[PartReply]) -> Outcome {
    let mut replies = replies.iter().cloned();
    match request.outcome(&Replies { wrote: replies.next(), read: replies.next() }) {
        Answer::Settled(outcome) => outcome,
        Answer::OutOfSight => panic!("out of sight"),
    }
}

#[test]
fn writes_carry_their_conditions() {
    // A create never changes, an update and a delete change what was read.
    let header = |request: &Request, name: &str| {
        let part = request.write().unwrap();
        part.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone())
    };
    assert_eq!(header(&create(), "If-None-Match").as_deref(), Some("*"));
    assert_eq!(header(&update(), "If-Match").as_deref(), Some("W/\"7\""));
    assert_eq!(header(&delete(), "If-Match").as_deref(), Some("*"));
}

#[test]
fn each_refusal_has_its_outcome() {
    // The table of architecture §2: what was not done, what is unknown, what is stale.
    let table = [
        (429, "0x80072322", [Outcome::NotSent, Outcome::NotSent, Outcome::NotSent]),
        (500, "", [Outcome::Unknown, Outcome::Unknown, Outcome::Unknown]),
        (403, "0x80040220", {
            let refused = Outcome::Refused(Code::PrivilegeMissing);
            [refused.clone(), refused.clone(), refused]
        }),
        (400, "0x80048d19", {
            let refused = Outcome::Refused(Code::WriteRefused);
            [refused.clone(), refused.clone(), refused]
        }),
        (404, "0x80040217", {
            let refused = Outcome::Refused(Code::WriteRefused);
            [refused, Outcome::Missing, Outcome::Done(None)]
        }),
    ];
    for (status, code, golden) in table {
        let replies = [refusal(status, code), refusal(404, "0x80040217")];
        let outcomes = [create(), update(), delete()].map(|request| settled(&request, &replies));
        assert_eq!(outcomes, golden, "{status} {code}");
    }
    let stale = [refusal(412, "0x80060882"), made(8)];
    assert_eq!(settled(&update(), &stale), Outcome::Stale);
    assert_eq!(settled(&delete(), &stale[..1]), Outcome::Stale);
}

#[test]
fn an_edit_between_write_and_read_is_not_swallowed() {
    // When the read shows a later version than the write made, the result counts as unknown.
    assert!(matches!(settled(&update(), &[made(8), made(8)]), Outcome::Done(Some(_))));
    assert_eq!(settled(&update(), &[made(8), made(9)]), Outcome::Unknown);
    assert_eq!(settled(&update(), &[made(8), refusal(429, "")]), Outcome::Unknown);
}

fn booking(id: Uuid) -> Request {
    let patch = vec![(Field::Booking, Some(Value::Flag(true)))];
    request_of(id, Kind::Appointment, Op::Create { patch })
}

#[test]
fn a_look_without_a_write_is_judged_by_what_it_finds() {
    // A patch that holds nothing to write: the row as it is, and its refusals as those of a write.
    let look = request(Op::Update {
        id: NativeId::new(ID.to_string()),
        expected: None,
        patch: Vec::new(),
        groups: Vec::new(),
        mark: false,
    });
    assert!(look.write().is_none());
    let settled = |reply: PartReply| match look.outcome(&Replies { wrote: None, read: Some(reply) })
    {
        Answer::Settled(outcome) => outcome,
        Answer::OutOfSight => panic!("out of sight"),
    };
    assert!(matches!(settled(made(8)), Outcome::Done(Some(_))));
    assert_eq!(settled(refusal(404, "0x80040217")), Outcome::Missing);
    assert_eq!(settled(refusal(403, "0x80040220")), Outcome::Refused(Code::PrivilegeMissing));
    assert_eq!(settled(refusal(429, "")), Outcome::NotSent);
    assert_eq!(settled(refusal(500, "")), Outcome::Unknown);
}

#[test]
fn rows_of_one_table_are_read_by_one_list_after_the_writes() {
    // Three tasks by a list at the end, a single appointment right after its write, a deleted row not at all.
    let id = |number| Uuid::from_u128(number);
    let task = |number| {
        let patch = vec![(Field::Subject, Some(Value::Text("a".into())))];
        request_of(id(number), Kind::Task, Op::Create { patch })
    };
    let requests = [task(1), booking(id(2)), delete(), task(3), task(4)];
    let bundle = Bundle::of(&requests);
    let parts = bundle.parts();
    let methods: Vec<&str> = parts.iter().map(|part| part.method).collect();
    assert_eq!(methods, ["PATCH", "POST", "GET", "DELETE", "PATCH", "PATCH", "GET"]);
    assert!(parts[6].path.starts_with("tasks?$select="), "{}", parts[6].path);
    assert!([1, 3, 4].iter().all(|number| parts[6].path.contains(&id(*number).to_string())));
    // Each reply goes to its request; a row that the list leaves out is looked for, if it was written.
    let row = |number: u128| {
        json!({ "activityid": id(number), "versionnumber": 8,
        "task_activity_parties": [{ "participationtypemask": 9 }] })
    };
    let list = json!({ "value": [row(4), row(1)] }).to_string().into_bytes();
    let list = PartReply { status: 200, headers: "".into(), body: list };
    let numbered = |status| PartReply { status, headers: "".into(), body: Vec::new() };
    let told = [200, 201, 202, 203, 204, 205].map(numbered);
    let sorted = bundle.sorted(told.into_iter().chain([list]).collect());
    let wrote: Vec<u16> = sorted.iter().map(|one| one.wrote.as_ref().unwrap().status).collect();
    assert_eq!(wrote, [200, 201, 203, 204, 205]);
    assert_eq!(sorted[1].read.as_ref().unwrap().status, 202);
    let read: Vec<bool> = sorted.iter().map(|one| one.read.is_some()).collect();
    assert_eq!(read, [true, true, false, false, true]);
    assert!(requests[3].looks(&sorted[3]) && !requests[2].looks(&sorted[2]));
}

#[test]
fn a_list_that_is_refused_for_now_leaves_its_rows_unknown() {
    // Throttled: nothing is asked again at once. Refused for what it asks, or failed: row by row.
    let requests = [update(), update()];
    for (status, asks) in [(429, false), (500, true), (400, true), (403, true)] {
        let replies = vec![made(8), made(8), refusal(status, "0x1")];
        let sorted = Bundle::of(&requests).sorted(replies);
        for (request, replies) in requests.iter().zip(&sorted) {
            assert_eq!(replies.read.is_none() && request.looks(replies), asks, "{status}");
            let outcome = request.outcome(replies);
            assert!(matches!(outcome, Answer::Settled(Outcome::Unknown)), "{status}");
        }
    }
}

#[test]
fn an_edit_of_a_booked_row_is_not_swallowed() {
    // A booking tells of no version: a row that its user, or another application, wrote since is not ours.
    let (user, other, app) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
    let booked = json!({ "ValidationResult": { "ValidationSuccess": true, "ActivityId": ID } });
    let reply = |body: Json| PartReply {
        status: 200,
        headers: "".into(),
        body: body.to_string().into_bytes(),
    };
    let outcome = |by: Uuid, behalf: Json| {
        let row = json!({ "activityid": ID, "versionnumber": 8, "_createdby_value": user,
            "_createdonbehalfby_value": app, "_modifiedby_value": by,
            "_modifiedonbehalfby_value": behalf });
        settled(&booking(ID), &[reply(booked.clone()), reply(row)])
    };
    assert!(matches!(outcome(user, json!(app)), Outcome::Done(Some(_))));
    for (by, behalf) in [(user, Json::Null), (other, json!(app)), (user, json!(other))] {
        assert_eq!(outcome(by, behalf), Outcome::Unknown);
    }
}

#[test]
fn appt_in_07_of_a_refused_booking_nothing_is_read() {
    // There is no row: its absence from the list is the answer.
    let requests = [booking(Uuid::from_u128(1)), booking(Uuid::from_u128(2))];
    let clash = json!({ "ValidationResult": { "ValidationSuccess": false } });
    let clash = PartReply { status: 200, headers: "".into(), body: clash.to_string().into_bytes() };
    let none = json!({ "value": [] }).to_string().into_bytes();
    let none = PartReply { status: 200, headers: "".into(), body: none };
    let bundle = Bundle::of(&requests);
    assert_eq!(bundle.parts().len(), 3);
    for (request, replies) in requests.iter().zip(bundle.sorted(vec![clash.clone(), clash, none])) {
        assert!(!request.looks(&replies));
        let outcome = request.outcome(&replies);
        let refused = Outcome::Refused(Code::SchedulingConflict);
        assert!(matches!(outcome, Answer::Settled(outcome) if outcome == refused));
    }
}

#[test]
fn an_id_that_is_no_guid_is_never_sent() {
    // It would change the path of the request.
    let step = Step {
        link: LinkId(ID),
        key: ID,
        kind: Kind::Task,
        on: Side::Dynamics,
        op: Op::Delete { id: NativeId::new("x)?y"), expected: None },
        mail: MailClass::Silent,
    };
    assert!(matches!(prepare(0, &step, None, None), Err(Outcome::Missing)));
}
