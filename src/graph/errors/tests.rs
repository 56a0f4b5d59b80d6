//! Tests of the Graph adapter, from documented examples and the stand-in.

use serde_json::json;

use super::*;

fn body(code: &str) -> Json {
    json!({"error": {"code": code, "message": "anything"}})
}

#[test]
fn a_token_is_gone_by_410_or_by_code_in_any_case() {
    // Any 410, and a 400 or 404 with one of the codes in any case, means a new round; nothing else.
    assert!(is_token_gone(410, ""));
    assert!(is_token_gone(400, "syncStateNotFound"));
    assert!(is_token_gone(404, "SYNCSTATENOTFOUND"));
    assert!(is_token_gone(400, "resyncRequired"));
    assert!(!is_token_gone(400, "ErrorInvalidRequest"));
    assert!(!is_token_gone(404, "ErrorItemNotFound"));
    assert!(!is_token_gone(500, "SyncStateNotFound"));
}

#[test]
fn refusals_of_the_mailbox_park_it() {
    // A mailbox that is not there or not open to the application is unreachable, not an item gone.
    for (status, code) in [
        (404, "MailboxNotEnabledForRESTAPI"),
        (403, "ErrorAccessDenied"),
        (404, "ErrorInvalidUser"),
    ] {
        let error = refused_read(status, &body(code));
        assert!(matches!(error, SideError::MailboxUnreachable { .. }), "{code}");
        assert!(!is_item_gone(status, code));
    }
}

#[test]
fn an_item_is_gone_by_404_or_a_malformed_id() {
    // 404, and 400 with ErrorInvalidIdMalformed, prove that an id leads nowhere (protocols A6).
    assert!(is_item_gone(404, "ErrorItemNotFound"));
    assert!(is_item_gone(404, "itemNotFound"));
    assert!(is_item_gone(400, "ErrorInvalidIdMalformed"));
    assert!(!is_item_gone(400, "ErrorInvalidRequest"));
    assert!(!is_item_gone(403, "ErrorItemNotFound"));
}

#[test]
fn writes_are_classed_by_what_may_have_happened() {
    // Each refusal of a write says whether it was surely not done, may be done, or is moot.
    let of = |write, status, code: &str| refused_write(write, status, &body(code));
    assert_eq!(of(Write::Update, 412, "ErrorIrresolvableConflict"), Outcome::Stale);
    assert_eq!(of(Write::Update, 404, "ErrorItemNotFound"), Outcome::Missing);
    assert_eq!(of(Write::Delete, 404, "ErrorItemNotFound"), Outcome::Done(None));
    assert_eq!(of(Write::Delete, 400, "ErrorInvalidIdMalformed"), Outcome::Done(None));
    assert_eq!(of(Write::Create, 503, "ConcurrentItemSave"), Outcome::Unknown);
    assert_eq!(of(Write::Update, 500, ""), Outcome::Unknown);
    assert_eq!(of(Write::Create, 409, ""), Outcome::Unknown);
    assert_eq!(of(Write::Create, 408, ""), Outcome::Unknown);
    assert_eq!(of(Write::Update, 429, "ApplicationThrottled"), Outcome::NotSent);
    assert_eq!(of(Write::Update, 403, "X"), Outcome::Refused(Code::PrivilegeMissing));
    assert_eq!(
        of(Write::Create, 400, "ErrorPropertyValidationFailure"),
        Outcome::Refused(Code::WriteRefused)
    );
}

#[test]
fn a_code_from_outside_is_bounded() {
    // A code of any length and with control characters does not reach logs as it is.
    let long = format!("a\nb{}", "x".repeat(500));
    let code = code_of(&body(&long));
    assert_eq!(code.chars().count(), CODE_MAX_CHARS);
    assert!(code.starts_with("abx"));
    assert_eq!(code_of(&json!("no object")), "");
}
