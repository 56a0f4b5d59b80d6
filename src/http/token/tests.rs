//! Tests of the token's life.

use std::sync::atomic::AtomicUsize;

use futures_util::future::join_all;

use super::super::testing::{Answer, Hand, Server, answer, client, grant};
use super::*;

fn source(server: &Server, clock: &Arc<Hand>) -> TokenSource {
    let options = TokenOptions {
        token_url: format!("{}/token", server.url),
        client_id: "app".to_owned(),
        client_secret: SecretString::from("s&cret="),
        scope: "https://graph.microsoft.com/.default".to_owned(),
    };
    let clock: Arc<dyn Clock> = clock.clone();
    TokenSource::new(client(), options, clock)
}

async fn failing(answer: impl Fn() -> Answer + Send + Sync + 'static) -> SideError {
    let server = Server::start(move |_, _| answer()).await;
    source(&server, &Arc::default()).bearer().await.unwrap_err()
}

#[tokio::test]
async fn fifty_callers_make_one_request() {
    // Everybody gets the same token from one request, which is form-encoded.
    let server = Server::start(|number, _| grant(&format!("t{number}"))).await;
    let source = source(&server, &Arc::default());
    let tokens = join_all((0..50).map(|_| source.bearer())).await;
    assert!(tokens.iter().all(|token| token.as_ref().is_ok_and(|token| &**token == "t0")));
    let seen = server.seen("POST /token");
    assert_eq!(seen.len(), 1);
    assert!(seen[0].body.contains("client_secret=s%26cret%3D&"), "{}", seen[0].body);
    assert!(seen[0].body.starts_with("grant_type=client_credentials&client_id=app&"));
}

#[tokio::test]
async fn fifty_callers_share_one_failure() {
    // A refusal is not asked for fifty times; a later caller asks again.
    let body = r#"{"error":"invalid_client","error_description":"AADSTS7000215: x y"}"#;
    let server = Server::start(move |_, _| answer(401, &[], body)).await;
    let source = source(&server, &Arc::default());
    let tokens = join_all((0..50).map(|_| source.bearer())).await;
    assert!(tokens.iter().all(Result::is_err));
    assert_eq!(server.seen("/token").len(), 1);
    let error = source.bearer().await.unwrap_err();
    assert_eq!(server.seen("/token").len(), 2);
    let SideError::Unauthorized { reason } = error else { panic!("{error}") };
    assert_eq!(reason, "HTTP 401 invalid_client AADSTS7000215");
}

#[tokio::test]
async fn a_token_is_renewed_five_minutes_before_it_expires() {
    // Of 3,600 seconds the token serves 3,300.
    let server = Server::start(|number, _| grant(&format!("t{number}"))).await;
    let clock = Arc::new(Hand::default());
    let source = source(&server, &clock);
    assert_eq!(&*source.bearer().await.unwrap(), "t0");
    clock.advance(3_299);
    assert_eq!(&*source.bearer().await.unwrap(), "t0");
    clock.advance(1);
    assert_eq!(&*source.bearer().await.unwrap(), "t1");
}

#[tokio::test]
async fn a_short_lived_token_is_renewed_after_four_fifths() {
    // Five minutes would be longer than its whole life. The lifetime may be a text.
    let server = Server::start(|number, _| {
        let token =
            format!(r#"{{"token_type":"bearer","expires_in":"100","access_token":"t{number}"}}"#);
        answer(200, &[], &token)
    })
    .await;
    let clock = Arc::new(Hand::default());
    let source = source(&server, &clock);
    source.bearer().await.unwrap();
    clock.advance(79);
    assert_eq!(&*source.bearer().await.unwrap(), "t0");
    clock.advance(1);
    assert_eq!(&*source.bearer().await.unwrap(), "t1");
}

#[tokio::test]
async fn a_failing_renewal_leaves_the_old_token_in_use() {
    // Within the last five minutes a broken endpoint harms nobody and is asked every half minute.
    let server =
        Server::start(|number, _| if number == 0 { grant("t0") } else { answer(503, &[], "") })
            .await;
    let clock = Arc::new(Hand::default());
    let source = source(&server, &clock);
    source.bearer().await.unwrap();
    clock.advance(3_400);
    assert_eq!(&*source.bearer().await.unwrap(), "t0");
    assert_eq!(&*source.bearer().await.unwrap(), "t0");
    assert_eq!(server.seen("/token").len(), 2);
    clock.advance(30);
    assert_eq!(&*source.bearer().await.unwrap(), "t0");
    assert_eq!(server.seen("/token").len(), 3);
    clock.advance(170);
    let error = source.bearer().await.unwrap_err();
    assert!(matches!(error, SideError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_rejected_token_is_forgotten_only_if_it_is_the_present_one() {
    // Late 401s for the old token do not throw the new one away.
    let server = Server::start(|number, _| grant(&format!("t{number}"))).await;
    let source = source(&server, &Arc::default());
    source.bearer().await.unwrap();
    source.reject("t0").await;
    assert_eq!(&*source.bearer().await.unwrap(), "t1");
    source.reject("t0").await;
    assert_eq!(&*source.bearer().await.unwrap(), "t1");
    assert_eq!(server.seen("/token").len(), 2);
}

#[tokio::test]
async fn a_cut_connection_is_tried_once_more() {
    // Asking for a token twice does no harm.
    let tries = AtomicUsize::new(0);
    let server = Server::start(move |_, _| {
        if tries.fetch_add(1, Ordering::SeqCst) == 0 { Answer::Reset } else { grant("t") }
    })
    .await;
    assert_eq!(&*source(&server, &Arc::default()).bearer().await.unwrap(), "t");
}

#[tokio::test]
async fn refusals_are_told_from_what_passes() {
    // 400 and 403 are final; 429, 5xx and "temporarily_unavailable" pass.
    let error = failing(|| answer(400, &[], r#"{"error":"invalid_scope"}"#)).await;
    assert!(matches!(error, SideError::Unauthorized { .. }), "{error}");
    let error = failing(|| answer(403, &[], "<html>")).await;
    assert!(matches!(error, SideError::Unauthorized { .. }), "{error}");
    let error = failing(|| answer(400, &[], r#"{"error":"temporarily_unavailable"}"#)).await;
    assert!(matches!(error, SideError::Unreachable { .. }), "{error}");
    let error = failing(|| answer(429, &[("retry-after", "9")], "")).await;
    let nine = Duration::from_secs(9);
    assert!(matches!(error, SideError::Throttled { retry_after } if retry_after == nine));
    let error = failing(|| answer(502, &[], "")).await;
    assert!(matches!(error, SideError::Unreachable { .. }), "{error}");
    let error = failing(|| answer(302, &[], "")).await;
    assert!(matches!(error, SideError::Unreadable { .. }), "{error}");
}

#[tokio::test]
async fn unusable_grants_are_unreadable() {
    // No token, a token that is no header text, no lifetime, another type.
    for body in [
        r#"{"token_type":"Bearer","expires_in":3600}"#,
        r#"{"token_type":"Bearer","expires_in":3600,"access_token":""}"#,
        r#"{"token_type":"Bearer","expires_in":3600,"access_token":"a\nb"}"#,
        r#"{"token_type":"Bearer","expires_in":0,"access_token":"t"}"#,
        r#"{"token_type":"Bearer","expires_in":"soon","access_token":"t"}"#,
        r#"{"token_type":"pop","expires_in":3600,"access_token":"t"}"#,
    ] {
        let error = failing(move || answer(200, &[], body)).await;
        assert!(matches!(error, SideError::Unreadable { .. }), "{body}: {error}");
    }
}
