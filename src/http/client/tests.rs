//! Tests of single attempts on the wire.

use chrono::DateTime;

use super::super::testing::{Answer, Server, answer, client};
use super::*;

fn get(url: String, max_body: usize) -> Call<'static> {
    Call {
        method: Method::Get,
        url,
        route: "/items/{id}",
        headers: vec![("prefer", "odata.maxpagesize=50".to_owned())],
        body: None,
        content_type: None,
        max_body,
    }
}

fn reply(headers: &[(&str, &str)]) -> Reply {
    let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Reply { status: 429, headers: headers.collect(), body: b"{\"a\":\"secret".to_vec() }
}

#[tokio::test]
async fn an_attempt_carries_what_the_call_says_and_a_request_id() {
    // Method, path, headers, body and a guid reach the far side; status, headers, body come back.
    let server = Server::start(|_, _| answer(201, &[("Retry-After", "7")], "{\"a\":1}")).await;
    let mut call = get(format!("{}/items/7?$top=1", server.url), 100);
    call.method = Method::Patch;
    call.body = Some(b"{}".to_vec());
    call.content_type = Some("application/json");
    let reply = client().send(call).await.unwrap();
    assert_eq!((reply.status, reply.header("retry-after")), (201, Some("7")));
    assert_eq!(reply.json::<serde_json::Value>().unwrap()["a"], 1);
    let seen = &server.seen("PATCH /items/7?$top=1")[0];
    assert_eq!(seen.body, "{}");
    assert!(seen.head.contains("prefer: odata.maxpagesize=50"));
    assert!(seen.head.contains("content-type: application/json"));
    let id = seen.head.split("client-request-id: ").nth(1).unwrap().lines().next().unwrap();
    assert!(Uuid::try_parse(id).is_ok(), "{id}");
}

#[tokio::test]
async fn a_redirect_is_a_reply() {
    // Nothing is sent to where a 302 points.
    let server = Server::start(|_, _| answer(302, &[("location", "/elsewhere")], "")).await;
    let reply = client().send(get(format!("{}/items", server.url), 100)).await.unwrap();
    assert_eq!(reply.status, 302);
    assert!(server.seen("/elsewhere").is_empty());
}

#[tokio::test]
async fn a_refused_connection_was_not_sent() {
    // Nobody listens, so nothing can have been executed.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = client().send(get(format!("http://{address}/x"), 100)).await.unwrap_err();
    let HttpError::NotSent(text) = error else { panic!("{error}") };
    assert!(text.starts_with("cannot connect: Connection refused"), "{text}");
}

#[tokio::test]
async fn a_reset_connection_gave_no_answer() {
    // The request was read, then the connection was reset: it may have been executed.
    let server = Server::start(|_, _| Answer::Reset).await;
    let error = client().send(get(format!("{}/x?q=secret", server.url), 100)).await.unwrap_err();
    assert!(matches!(&error, HttpError::NoAnswer(text) if !text.contains("secret")), "{error}");
}

#[tokio::test]
async fn a_truncated_body_gave_no_answer() {
    // Fewer bytes than announced are no answer, although the status was readable.
    let short = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"value\":[".to_vec();
    let server = Server::start(move |_, _| Answer::Bytes(short.clone())).await;
    let error = client().send(get(format!("{}/x", server.url), 100)).await.unwrap_err();
    assert!(matches!(error, HttpError::NoAnswer(_)), "{error}");
}

#[tokio::test]
async fn a_huge_body_is_not_read() {
    // Announced or in chunks: above the bound, reading stops. Exactly the bound is fine.
    let server = Server::start(|_, seen| {
        if seen.head.contains("/chunks") {
            let chunk = format!("40\r\n{}\r\n", "x".repeat(64));
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            Answer::Bytes(format!("{head}{}0\r\n\r\n", chunk.repeat(4)).into_bytes())
        } else {
            answer(200, &[], &"x".repeat(256))
        }
    })
    .await;
    for path in ["chunks", "whole"] {
        let url = format!("{}/{path}", server.url);
        let error = client().send(get(url.clone(), 255)).await.unwrap_err();
        assert!(matches!(error, HttpError::TooLarge(_)), "{error}");
        assert_eq!(client().send(get(url, 256)).await.unwrap().body.len(), 256);
    }
}

#[tokio::test]
async fn plain_http_to_another_machine_is_refused() {
    // Only this machine may be asked without TLS.
    for url in ["http://192.0.2.1/x", "http://localhost.example/x", "ftp://127.0.0.1/", "no url"] {
        let error = client().send(get(url.to_owned(), 100)).await.unwrap_err();
        assert!(matches!(error, HttpError::NotSent(_)), "{url}: {error}");
    }
    for url in ["http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost:1/", "https://a.b/"] {
        assert!(parse_url(url).is_ok(), "{url}");
    }
}

#[tokio::test]
async fn attempts_are_counted_by_tenant_and_side() {
    // An answer and a failure both count.
    let server =
        Server::start(|number, _| if number == 0 { answer(404, &[], "") } else { Answer::Reset })
            .await;
    let metrics = Metrics::new();
    let client = client().with_metrics(metrics.clone(), "contoso", Side::Exchange);
    client.send(get(format!("{}/x", server.url), 100)).await.unwrap();
    client.send(get(format!("{}/x", server.url), 100)).await.unwrap_err();
    let text = metrics.encode();
    let labels = r#"{tenant="contoso",side="exchange",method="GET",status="#;
    assert!(text.contains(&format!("lockstep_http_requests_total{labels}\"404\"}} 1")), "{text}");
    assert!(text.contains(&format!("lockstep_http_requests_total{labels}\"none\"}} 1")), "{text}");
}

#[test]
fn retry_after_reads_seconds_and_dates() {
    // Both forms of RFC 9110; the past is now, centuries are a day, nonsense is nothing.
    let now = DateTime::from_timestamp(784_111_777 - 90, 0).unwrap();
    let read = |value: &str| reply(&[("retry-after", value)]).retry_after(now);
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(read("17"), seconds(17));
    assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), seconds(90));
    assert_eq!(read("Thu, 01 Jan 1970 00:00:00 GMT"), seconds(0));
    assert_eq!(read("99999999999999999999999"), seconds(86_400));
    assert_eq!(read("soon"), None);
    assert_eq!(read(""), None);
    assert_eq!(read("-1"), None);
    assert_eq!(reply(&[]).retry_after(now), None);
}

#[test]
fn an_unreadable_reply_is_named_without_its_content() {
    // Neither the error nor the debug text of a reply or call quotes content.
    let reply = reply(&[("set-cookie", "secret")]);
    let error = reply.json::<serde_json::Value>().unwrap_err().to_string();
    assert!(error.contains("HTTP 429") && !error.contains("secret"), "{error}");
    let call = get("https://a.example/secret".to_owned(), 1);
    assert!(!format!("{reply:?} {call:?}").contains("secret"));
}
