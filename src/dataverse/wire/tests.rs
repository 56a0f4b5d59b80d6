//! What is taken for an answer.

use serde_json::json;

use super::*;

const ROOT: &str = "https://contoso.example/api/data/v9.2";

#[test]
fn the_token_never_leaves_the_organization() {
    // A next page at another address is an error; a relative of the host's name is another one.
    let next = |link: &str| next_page(&json!({ "@odata.nextLink": link }), ROOT, "/mailboxes");
    let good = format!("{ROOT}/mailboxes?$skiptoken=x");
    assert_eq!(next(&good).unwrap(), Some(good));
    assert!(next("https://elsewhere.example/api/data/v9.2/mailboxes").is_err());
    assert!(next(&format!("{ROOT}.elsewhere.example/mailboxes")).is_err());
    assert_eq!(next_page(&json!({}), ROOT, "/mailboxes").unwrap(), None);
}

fn reply(status: u16, body: &str) -> Reply {
    let content_type = "multipart/mixed; boundary=b".to_owned();
    Reply { status, headers: vec![("content-type".into(), content_type)], body: body.into() }
}

#[test]
fn a_broken_batch_reply_may_have_been_executed() {
    // Too few parts, no parts and a 5xx leave open what happened; a 4xx says that nothing did.
    let one =
        "--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n\r\n--b--";
    assert_eq!(replies(&reply(200, one), 1).unwrap().len(), 1);
    for (status, body) in [(200, one), (200, "{}"), (500, ""), (502, "<html>")] {
        assert!(matches!(replies(&reply(status, body), 2), Err(CallError::NoAnswer(_))));
    }
    for status in [400, 403, 413, 429] {
        assert!(matches!(replies(&reply(status, ""), 2), Err(CallError::NotSent(_))));
    }
}
