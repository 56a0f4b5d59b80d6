//! What the replies to a write mean.

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::domain::field::{Field, Value};
use crate::domain::ids::LinkId;
use crate::domain::kind::Kind;
use crate::domain::plan::MailClass;
use crate::domain::side::Side;

const ID: Uuid = Uuid::from_u128(0xA);

fn request(op: Op) -> Request {
    let step = Step {
        link: LinkId(ID),
        key: ID,
        kind: Kind::Task,
        on: Side::Dynamics,
        op,
        mail: MailClass::Silent,
    };
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
    let replies: Vec<&PartReply> = replies.iter().collect();
    match request.outcome(&replies) {
        Answer::Settled(outcome) => outcome,
        Answer::OutOfSight => panic!("out of sight"),
    }
}

#[test]
fn writes_carry_their_conditions() {
    // A create never changes, an update and a delete change what was read.
    let header = |request: &Request, name: &str| {
        let part = request.parts().remove(0);
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
