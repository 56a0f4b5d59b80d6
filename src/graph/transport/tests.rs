//! Tests of the Graph adapter, from documented examples and the stand-in.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::client::Client;
use super::super::{GraphOptions, GraphSide, testing};
use crate::domain::ids::NativeId;
use crate::domain::kind::Kind;
use crate::domain::observation::Presence;
use crate::http::session::Session;
use crate::http::token::{TokenOptions, TokenSource};
use crate::http::{HttpClient, HttpOptions};
use crate::ports::clock::Clock;
use crate::ports::side::FarSide;
use crate::throttle::{Throttle, ThrottleOptions};

struct Still;

impl Clock for Still {
    fn now(&self) -> DateTime<Utc> {
        testing::now()
    }
}

/// Reads one request and returns it as text.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = stream.read(&mut chunk).await.unwrap();
        text.extend_from_slice(&chunk[..count]);
        let seen = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = seen.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, value)| value.parse().unwrap());
            if body.len() >= length {
                return seen;
            }
        }
        assert!(count > 0, "the request ended early");
    }
}

/// Answers token requests with a token and everything else with one batch answer.
async fn serve(listener: TcpListener, seen: Arc<Mutex<Vec<String>>>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = read_request(&mut stream).await;
        let body = if request.starts_with("POST /token") {
            r#"{"token_type":"Bearer","expires_in":3599,"access_token":"T"}"#
        } else {
            r#"{"responses":[{"id":"1","status":404,"body":{"error":{"code":"ErrorItemNotFound"}}}]}"#
        };
        seen.lock().unwrap().push(request);
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

fn session(url: &str) -> Session {
    let options = HttpOptions {
        connect_timeout: Duration::from_secs(5),
        total_timeout: Duration::from_secs(5),
        user_agent: "lockstep-test".into(),
    };
    let http = HttpClient::new(options).unwrap();
    let tokens = TokenOptions {
        token_url: format!("{url}/token"),
        client_id: "app".into(),
        client_secret: "secret".into(),
        scope: "https://graph.microsoft.com/.default".into(),
    };
    let clock: Arc<dyn Clock> = Arc::new(Still);
    let tokens = TokenSource::new(http.clone(), tokens, Arc::clone(&clock));
    let throttle = Arc::new(Throttle::new(ThrottleOptions::GRAPH, Arc::clone(&clock)));
    Session::new(http, tokens, throttle, clock)
}

#[tokio::test]
async fn a_fetch_is_one_batch_with_the_bearer_token() {
    // Over a real session a fetch is one POST to $batch under the root, and its answer is read.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let server = tokio::spawn(serve(listener, Arc::clone(&seen)));
    let options = GraphOptions { root: format!("{url}/v1.0/") };
    let side = GraphSide::new(session(&url), Arc::new(Still), options);
    let asked = [(Kind::Appointment, NativeId::new("gone"))];
    let found = side.fetch(&testing::mailbox(), &asked).await.unwrap();
    assert_eq!(found[0].presence, Presence::Deleted);
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 2);
    assert!(seen[1].starts_with("POST /v1.0/$batch HTTP/1.1"), "{}", seen[1]);
    assert!(seen[1].to_ascii_lowercase().contains("authorization: bearer t\r\n"));
    assert!(seen[1].contains("/users/megan@contoso.com/events/gone?$expand="));
    server.abort();
}

#[tokio::test]
async fn an_unreachable_service_wrote_nothing() {
    // A refused connection is surely not executed, so that a write is NotSent and not Unknown.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let transport = super::SessionTransport::new(session(&url), &format!("{url}/v1.0"));
    let client = Client::new(Box::new(transport), Arc::new(Still));
    let request = super::super::batch::Inner::delete("/users/u/events/x".into());
    let answers = client.write(&testing::mailbox().address, &[request]).await;
    assert_eq!(answers, [super::super::client::Answer::NotSent]);
}
