//! What is taken of a search for many identities.

use serde_json::json;

use super::*;

fn reply(status: u16, body: &Json) -> PartReply {
    PartReply { status, headers: Box::default(), body: body.to_string().into_bytes() }
}

#[test]
fn the_oldest_row_of_each_identity_counts() {
    // Whatever the case in which the row holds it; a page more, or a row that tells none, tells nothing.
    let row = |uid: &str, number: u128, day: u8| {
        json!({ "globalobjectid": uid, "activityid": uuid::Uuid::from_u128(number),
                "createdon": format!("2026-03-{day:02}T00:00:00Z") })
    };
    let rows = json!([row("0400aB", 1, 9), row("0400AB ", 2, 3), row("0500", 3, 4)]);
    let found = oldest_of_each(&reply(200, &json!({ "value": rows.clone() }))).unwrap();
    let id = |number| NativeId::new(uuid::Uuid::from_u128(number).to_string());
    assert_eq!(found.get(&folded("0400AB")), Some(&id(2)));
    assert_eq!(found.get("0500"), Some(&id(3)));
    assert_eq!(found.len(), 2);
    let paged = json!({ "value": rows, "@odata.nextLink": "x" });
    assert_eq!(oldest_of_each(&reply(200, &paged)), None);
    assert_eq!(oldest_of_each(&reply(200, &json!({ "value": [{ "activityid": "x" }] }))), None);
    assert_eq!(oldest_of_each(&reply(400, &json!({ "value": [] }))), None);
}

#[test]
fn the_longest_identities_fit_into_a_url() {
    // 300 characters are the most that a row holds; inside of a batch or outside, a GET takes 32,768.
    let uids = vec![GlobalId::new("0".repeat(300)); IDENTITIES_PER_LIST];
    assert!(by_uids(Kind::Appointment, uids.iter()).path.len() < 32_768 / 2);
    assert!("'\" ,%{}@".chars().all(|character| !stands_in_a_list(character)));
}
