//! The table of refusals.

use super::*;

fn reply(status: u16, code: &str) -> PartReply {
    let body = format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#).into_bytes();
    PartReply { status, headers: "".into(), body }
}

#[test]
fn each_refusal_means_one_thing() {
    // Status and code together decide; protocols B2, B3, B4, B7.
    let table = [
        (403, "0x80040220", Verdict::Denied),
        (403, "0x80040225", Verdict::Refused),
        (403, "", Verdict::Refused),
        (400, "0x80040220", Verdict::Denied),
        (404, "0x80040217", Verdict::Missing),
        (412, "0x80060882", Verdict::Precondition),
        (412, "0x80040237", Verdict::Precondition),
        (412, "0x80040333", Verdict::Refused),
        (400, "0x80044331", Verdict::Refused),
        (400, "-2147220956", Verdict::Refused),
        (500, "0x80040265", Verdict::Refused),
        (500, "0x80040216", Verdict::Unavailable),
        (502, "", Verdict::Unavailable),
        (408, "", Verdict::Unavailable),
        (429, "0x80072322", Verdict::Throttled(DEFAULT_WAIT)),
        (503, "0x80072321", Verdict::Throttled(DEFAULT_WAIT)),
    ];
    for (status, code, verdict) in table {
        assert_eq!(judge(&reply(status, code)), verdict, "{status} {code}");
    }
}

#[test]
fn a_bare_404_proves_nothing() {
    // Without the code of a missing row, a 404 may be a proxy's or name a table not installed.
    assert_eq!(judge(&reply(404, "0x80060888")), Verdict::Refused);
    let html = PartReply { status: 404, headers: "".into(), body: b"<html>".to_vec() };
    assert_eq!(judge(&html), Verdict::Refused);
}

#[test]
fn retry_after_is_kept_to_the_second() {
    // The wait of a throttled part is the one it names.
    let mut throttled = reply(429, "0x80072326");
    throttled.headers = "Date: now\r\nRetry-After: 17\r\n".into();
    assert_eq!(judge(&throttled), Verdict::Throttled(Duration::from_secs(17)));
}
