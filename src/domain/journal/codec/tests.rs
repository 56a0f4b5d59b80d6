//! Tests of the stored form of the journal.

use chrono::TimeDelta;

use super::*;
use crate::domain::kind::Kind;
use crate::domain::link::{LinkState, Why};

fn record(verb: Verb) -> Record {
    let row = Uuid::from_u128(7);
    Record {
        at: DateTime::UNIX_EPOCH + TimeDelta::microseconds(1_700_000_000_123_456),
        cycle: CycleId(Uuid::from_u128(9)),
        trace: Some("0af7651916cd43dd8448eb211c80319c".into()),
        link: LinkId(row),
        kind: Kind::Contact,
        native: PerSide {
            dynamics: Some(NativeId::new(row.to_string())),
            exchange: Some(NativeId::new("AAMk-ünusual")),
        },
        rules: vec!["FILT-02".into(), "ZZZ-99".into()],
        verb,
        groups: vec![Group::Subject, Group::Address3],
        code: Some(Code::TextTruncated),
        facts: vec![
            Fact::flag(FactName::Future, true),
            Fact::flag(FactName::Tracked, false),
            Fact::count(FactName::Attempts, 70_000),
            Fact::word(FactName::Row, "present"),
            Fact { name: FactName::Owner, value: FactValue::Id(Uuid::max()) },
            Fact { name: FactName::RowChanged, value: FactValue::Groups(vec![Group::Time]) },
            Fact { name: FactName::ItemChanged, value: FactValue::Groups(vec![]) },
            Fact {
                name: FactName::Start,
                value: FactValue::Time(DateTime::from_timestamp(-5, 0).unwrap()),
            },
        ],
        done: PerSide {
            dynamics: Some(Done { op: OpName::Update, ending: Ending::Done }),
            exchange: Some(Done {
                op: OpName::Delete,
                ending: Ending::Refused(Code::PrivilegeMissing),
            }),
        },
        mail: MailClass::Mails(3),
        failed: Some(Code::WriteRefused),
        state: Some(LinkState::Unlinked(Why::Untracked)),
    }
}

#[test]
fn a_record_reads_back() {
    // Every part of a record, each verb and each ending come back as they were.
    for number in 0..=11 {
        let verb = verb_of(number).unwrap();
        for ending in
            [Ending::Done, Ending::Stale, Ending::Missing, Ending::Unknown, Ending::NotSent]
        {
            let mut one = record(verb);
            one.done.dynamics = Some(Done { op: OpName::Create, ending });
            assert_eq!(decode(&encode(&one)), Ok(one));
        }
    }
    let mut bare = record(Verb::Merge);
    bare.trace = None;
    bare.native = PerSide::default();
    bare.code = None;
    bare.facts.clear();
    bare.done = PerSide::default();
    bare.mail = MailClass::Silent;
    bare.failed = None;
    bare.state = None;
    assert_eq!(decode(&encode(&bare)), Ok(bare));
}

#[test]
fn the_head_is_read_alone_and_sorts_by_time() {
    // A store passes over entries by their first bytes; later instants have greater ones.
    let one = record(Verb::Merge);
    let bytes = encode(&one);
    let head = Head { at: one.at, link: one.link, cycle: one.cycle };
    assert_eq!(read_head(&bytes[..HEAD_BYTES]), Ok(head));
    assert_eq!(bytes[1..9], instant_bytes(one.at));
    assert!(instant_bytes(one.at) < instant_bytes(one.at + TimeDelta::microseconds(1)));
    assert!(read_head(&bytes[..HEAD_BYTES - 1]).is_err());
}

#[test]
fn foreign_bytes_are_refused() {
    // Bytes of another program, of a newer one, and cut ones are errors.
    let bytes = encode(&record(Verb::Link));
    assert_eq!(decode(&[]), Err(CodecError::Empty));
    assert!(matches!(decode(&[9; 60]), Err(CodecError::Newer { found: 9 })));
    assert!(decode(&bytes[..bytes.len() - 1]).is_err());
    assert!(decode(&[bytes.as_slice(), &[0]].concat()).is_err());
}

#[test]
fn an_unknown_fact_is_passed_over() {
    // A fact that a newer program added does not hide the rest of the record.
    let stored = StoredFact { name: "of-tomorrow".to_owned(), form: FLAG, value: vec![1] };
    assert_eq!(stored.fact(), Ok(None));
}

#[test]
fn a_label_reads_back_with_what_follows() {
    // The label of a kept version ends where the sealed content begins.
    let label = KeptLabel {
        at: DateTime::UNIX_EPOCH + TimeDelta::microseconds(5),
        cycle: CycleId(Uuid::from_u128(1)),
        link: LinkId(Uuid::from_u128(2)),
        kind: Kind::Task,
        side: Side::Exchange,
        native: NativeId::new("AAMk-1"),
        op: OpName::Delete,
        rule: "CXL-05".into(),
        version: Some(Version::new("W/\"1\"")),
    };
    let bytes = [encode_label(&label), b"sealed".to_vec()].concat();
    assert_eq!(decode_label(&bytes), Ok((label, b"sealed".as_slice())));
}
