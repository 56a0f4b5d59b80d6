//! Tests of writes whose right is lost on the way to the connection.

use secrecy::SecretString;

use super::*;
use crate::http::testing::{Hand, Right, Server, answer, client, grant};
use crate::http::{Call, HttpError, Method, TokenOptions, TokenSource};

fn call(server: &Server, method: Method, body: Option<&str>) -> Call<'static> {
    Call {
        method,
        url: format!("{}/items", server.url),
        route: "/items",
        headers: Vec::new(),
        body: body.map(|text| text.as_bytes().to_vec()),
        content_type: body.map(|_| "application/json"),
        max_body: 100,
    }
}

#[tokio::test]
async fn a_write_whose_right_is_lost_never_arrives() {
    // It is asked for when the connection takes the body: the second write is withdrawn, surely not executed.
    let server = Server::start(|_, _| answer(201, &[], "{}")).await;
    let right = Right::lost(1..usize::MAX);
    let client = client();
    let send = || under(right.clone(), client.send(call(&server, Method::Post, Some("{\"a\":1}"))));
    assert_eq!(send().await.unwrap().status, 201);
    assert_eq!(send().await.unwrap_err(), HttpError::Withdrawn);
    assert_eq!(right.asked(), 2);
    let seen = server.seen("/items");
    assert_eq!(seen.iter().map(|one| one.body.as_str()).collect::<Vec<_>>(), ["{\"a\":1}"]);
    let head = seen[0].head.to_lowercase();
    assert!(head.contains("content-length: 7") && !head.contains("chunked"), "{head}");
}

#[tokio::test]
async fn what_writes_nothing_asks_for_no_right() {
    // Nor does a token, which is for all mailboxes.
    let server = Server::start(|_, seen| match seen.head.contains("/token") {
        true => grant("first"),
        false => answer(200, &[], "{}"),
    })
    .await;
    let right = Right::lost(0..usize::MAX);
    for (method, body) in [(Method::Get, None), (Method::Post, Some(""))] {
        let sent = under(right.clone(), client().send(call(&server, method, body))).await;
        assert_eq!(sent.unwrap().status, 200);
    }
    let tokens = TokenSource::new(
        client(),
        TokenOptions {
            token_url: format!("{}/token", server.url),
            client_id: "app".to_owned(),
            client_secret: SecretString::from("secret"),
            scope: "all".to_owned(),
        },
        Arc::new(Hand::default()),
    );
    assert!(under(right.clone(), tokens.bearer()).await.is_ok());
    assert_eq!(right.asked(), 0);
}
