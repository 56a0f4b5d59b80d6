//! The codec against the forms that protocols B6 documents.

use super::*;

fn reply_of(text: &str) -> Result<Vec<PartReply>, &'static str> {
    decode("multipart/mixed; boundary=batchresponse_1", text.replace('\n', "\r\n").as_bytes())
}

#[test]
fn encodes_reads_and_writes() {
    // A batch is CRLF lines, one application/http part for each request, and a closing delimiter.
    let parts = [
        Part::get("contacts(1)?$select=a".into()).with("Prefer", "x"),
        Part {
            method: "PATCH",
            path: "tasks(2)".into(),
            headers: vec![("If-Match", "W/\"7\"".into())],
            body: Some(r#"{"subject":"a"}"#.into()),
        },
    ];
    let caller = [("CallerObjectId", "u".to_owned())];
    let golden = "--batch_lockstep
Content-Type: application/http
Content-Transfer-Encoding: binary

GET https://org/api/data/v9.2/contacts(1)?$select=a HTTP/1.1
Accept: application/json
CallerObjectId: u
Prefer: x


--batch_lockstep
Content-Type: application/http
Content-Transfer-Encoding: binary

PATCH https://org/api/data/v9.2/tasks(2) HTTP/1.1
Accept: application/json
Content-Type: application/json
CallerObjectId: u
If-Match: W/\"7\"

{\"subject\":\"a\"}
--batch_lockstep--
";
    let body = encode("https://org/api/data/v9.2", &caller, &parts);
    assert_eq!(String::from_utf8(body).unwrap(), golden.replace('\n', "\r\n"));
}

#[test]
fn decodes_replies_in_order() {
    // Statuses, headers and bodies of the parts come back, with and without a body.
    let replies = reply_of(
        "--batchresponse_1
Content-Type: application/http
Content-Transfer-Encoding: binary

HTTP/1.1 200 OK
Content-Type: application/json
OData-Version: 4.0

{\"value\":[]}
--batchresponse_1
Content-Type: application/http

HTTP/1.1 204 No Content
OData-Version: 4.0


--batchresponse_1
Content-Type: application/http

HTTP/1.1 429 Unknown Error
Retry-After: 7

{\"error\":{}}
--batchresponse_1--
",
    )
    .unwrap();
    let statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses, [200, 204, 429]);
    assert_eq!(replies[0].body, br#"{"value":[]}"#);
    assert!(replies[1].body.is_empty());
    assert_eq!(replies[2].header("retry-after"), Some("7"));
}

#[test]
fn a_body_may_name_the_delimiter() {
    // Only a delimiter at the start of a line ends a part.
    let replies = reply_of(
        "--batchresponse_1\nContent-Type: application/http\n\nHTTP/1.1 200 OK\n\n\
         {\"a\":\"--batchresponse_1\"}\n--batchresponse_1--",
    )
    .unwrap();
    assert_eq!(replies[0].body, br#"{"a":"--batchresponse_1"}"#);
}

#[test]
fn a_reply_that_is_cut_off_is_an_error() {
    // No prefix of a whole reply is taken for a reply, and none panics.
    let whole = "--batchresponse_1\nContent-Type: application/http\n\nHTTP/1.1 200 OK\nA: b\n\n\
                 {}\n--batchresponse_1--"
        .replace('\n', "\r\n");
    for length in 0..whole.len() - 1 {
        let cut = &whole.as_bytes()[..length];
        assert!(decode("multipart/mixed; boundary=batchresponse_1", cut).is_err(), "{length}");
    }
    assert!(decode("multipart/mixed; boundary=batchresponse_1", whole.as_bytes()).is_ok());
    assert!(decode("application/json", whole.as_bytes()).is_err());
}

proptest::proptest! {
    #[test]
    fn no_reply_makes_the_decoder_panic(body in "(--b|\\r\\n|HTTP/1.1 200|[a-z: {}-]{0,4}){0,40}") {
        // Whatever arrives is a list of replies or an error.
        let replies = decode("multipart/mixed; boundary=b", body.as_bytes());
        proptest::prop_assert!(replies.is_err() || body.contains("--b"));
    }
}
