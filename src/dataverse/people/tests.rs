//! Tests of what the replies to a new person mean.

use uuid::Uuid;

use super::*;
use crate::domain::party::PartyRow;

fn reply(status: u16, body: &str) -> PartReply {
    PartReply { status, headers: Box::default(), body: body.as_bytes().to_vec() }
}

fn person() -> NewPerson {
    NewPerson {
        row: PartyRow { table: PartyTable::Contact, id: Uuid::from_u128(1) },
        address: Address::parse("ann@customer.example").unwrap(),
        first: None,
        last: "Lee".to_owned(),
    }
}

#[test]
fn res_03_a_row_counts_when_it_is_read_and_a_failing_server_is_no_refusal() {
    // Whatever the write said, a row with the address serves. Without one: what the server failed at is
    // tried again and counted, what it put off is not counted, and what it refused stays refused.
    let carries = reply(200, r#"{"emailaddress1":"ann@customer.example"}"#);
    let moved = reply(200, r#"{"emailaddress1":"other@customer.example"}"#);
    let missing = reply(404, r#"{"error":{"code":"0x80040217"}}"#);
    let denied = reply(403, r#"{"error":{"code":"0x80040220"}}"#);
    let exists = reply(412, r#"{"error":{"code":"0x80040237"}}"#);
    let duplicate = reply(412, r#"{"error":{"code":"0x80040333"}}"#);
    let wrong = reply(400, "{}");
    let failed = reply(500, "{}");
    let busy = reply(429, "{}");
    let fine = reply(204, "");
    for (write, read, made) in [
        (&fine, &carries, Made::There),
        (&exists, &carries, Made::There),
        (&failed, &carries, Made::There),
        (&exists, &moved, Made::Refused),
        (&failed, &moved, Made::Refused),
        (&exists, &denied, Made::Refused),
        (&denied, &missing, Made::Refused),
        (&duplicate, &missing, Made::Refused),
        (&wrong, &missing, Made::Refused),
        (&failed, &missing, Made::NoAnswer),
        (&failed, &failed, Made::NoAnswer),
        (&fine, &failed, Made::NoAnswer),
        (&busy, &missing, Made::Unknown),
        (&fine, &busy, Made::Unknown),
    ] {
        let replies = [write.clone(), read.clone()];
        assert_eq!(judge(&person(), &replies), made, "{write:?} {read:?}");
    }
    assert_eq!(judge(&person(), &[fine]), Made::NoAnswer, "half an answer is none");
}
