//! Tests of the repeats, on the wire and in frozen time.

use futures_util::FutureExt;
use secrecy::SecretString;
use tokio::time::Instant;

use super::super::message::Method;
use super::super::right;
use super::super::testing::{Answer, Frozen, Hand, Right, Seen, Server, answer, client, grant};
use super::super::token::TokenOptions;
use super::*;
use crate::throttle::ThrottleOptions;

/// Starts a far side: `/token` grants t0, t1, …; `script` answers the rest by its number.
async fn far_side(
    script: impl Fn(usize, &Seen) -> Answer + Send + Sync + 'static,
) -> (Server, Session, Arc<Hand>) {
    far_side_with(|number| grant(&format!("t{number}")), script).await
}

/// Starts a far side whose token endpoint answers by the number of the request too.
async fn far_side_with(
    token: impl Fn(usize) -> Answer + Send + Sync + 'static,
    script: impl Fn(usize, &Seen) -> Answer + Send + Sync + 'static,
) -> (Server, Session, Arc<Hand>) {
    let counts = std::sync::Mutex::new((0, 0));
    let server = Server::start(move |_, seen| {
        let mut counts = counts.lock().unwrap();
        if seen.head.starts_with("POST /token") {
            counts.0 += 1;
            return token(counts.0 - 1);
        }
        counts.1 += 1;
        script(counts.1 - 1, seen)
    })
    .await;
    let options = TokenOptions {
        token_url: format!("{}/token", server.url),
        client_id: "app".to_owned(),
        client_secret: SecretString::from("secret"),
        scope: "scope".to_owned(),
    };
    let hand = Arc::new(Hand::default());
    let clock: Arc<dyn Clock> = hand.clone();
    let tokens = TokenSource::new(client(), options, Arc::clone(&clock));
    let throttle = Arc::new(Throttle::new(ThrottleOptions::GRAPH, Arc::clone(&clock)));
    let session = Session::new(client(), tokens, throttle, clock);
    (server, session, hand)
}

fn key() -> BudgetKey {
    BudgetKey::new("ada@contoso.example")
}

fn call(server: &Server, method: Method) -> Call<'static> {
    Call {
        method,
        url: format!("{}/events", server.url),
        route: "/users/{id}/events",
        headers: Vec::new(),
        body: None,
        content_type: None,
        max_body: 1_000,
    }
}

/// Makes one call in frozen time and returns the result and when the far side was asked.
async fn play(
    method: Method,
    script: impl Fn(usize, &Seen) -> Answer + Send + Sync + 'static,
) -> (Result<Reply, CallError>, Vec<Duration>) {
    let frozen = Frozen::new();
    let (server, session, _) = far_side(script).await;
    let started = Instant::now();
    let result = frozen.run(session.call(&key(), 1, false, call(&server, method))).await;
    let asked = server.seen("/events").iter().map(|seen| seen.at - started).collect();
    (result, asked)
}

fn ok() -> Answer {
    answer(200, &[], "{}")
}

#[tokio::test(start_paused = true)]
async fn a_401_is_repeated_once_with_a_new_token() {
    // The second request carries the second token.
    let frozen = Frozen::new();
    let (server, session, _) = far_side(|number, _| match number {
        0 => answer(401, &[], ""),
        _ => ok(),
    })
    .await;
    let reply = frozen.run(session.call(&key(), 1, false, call(&server, Method::Post))).await;
    assert_eq!(reply.unwrap().status, 200);
    let seen = server.seen("/events");
    assert_eq!(seen.len(), 2);
    assert!(seen[0].head.contains("authorization: Bearer t0"), "{}", seen[0].head);
    assert!(seen[1].head.contains("authorization: Bearer t1"), "{}", seen[1].head);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_token_endpoint_is_waited_for() {
    // One 429 for the token costs its nine seconds, not the call; the fourth gives up.
    let frozen = Frozen::new();
    let pause = || answer(429, &[("Retry-After", "9")], "");
    let once = move |number| if number == 0 { pause() } else { grant("t1") };
    let (server, session, _) = far_side_with(once, |_, _| ok()).await;
    let started = Instant::now();
    let reply = frozen.run(session.call(&key(), 1, false, call(&server, Method::Post))).await;
    assert_eq!(reply.unwrap().status, 200);
    assert!(server.seen("/events")[0].at - started >= Duration::from_secs(9));
    let (server, session, _) = far_side_with(move |_| pause(), |_, _| ok()).await;
    let result = frozen.run(session.call(&key(), 1, false, call(&server, Method::Get))).await;
    assert!(matches!(result, Err(CallError::NotSent(SideError::Throttled { .. }))));
    assert_eq!((server.seen("/token").len(), server.seen("/events").len()), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn a_second_401_is_a_refusal() {
    // A fresh token that is refused too will not get better.
    let (result, asked) = play(Method::Get, |_, _| answer(401, &[], "")).await;
    assert!(matches!(result, Err(CallError::NotSent(SideError::TokenRefused { .. }))));
    assert_eq!(asked.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn after_a_429_nothing_is_sent_before_retry_after() {
    // Seconds: neither this call nor another of the same key comes before 17 seconds.
    let frozen = Frozen::new();
    let (server, session, _) = far_side(|number, _| match number {
        0 => answer(429, &[("Retry-After", "17")], ""),
        _ => ok(),
    })
    .await;
    let started = Instant::now();
    let key = key();
    let calls = (0..6).map(|number| {
        let (session, server, key) = (&session, &server, &key);
        async move {
            if number > 0 {
                while session.throttle.closed_for(key).is_none() {
                    tokio::task::yield_now().await;
                }
            }
            session.call(key, 1, false, call(server, Method::Post)).await
        }
    });
    let replies = frozen.run(futures_util::future::join_all(calls)).await;
    assert!(replies.iter().all(|reply| reply.as_ref().is_ok_and(|reply| reply.status == 200)));
    let asked = server.seen("/events");
    assert_eq!(asked.len(), 7);
    for seen in &asked[1..] {
        let after = seen.at - started;
        assert!(after >= Duration::from_secs(17), "asked after {after:?}");
        assert!(after < Duration::from_secs(25), "asked after {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_http_date_in_retry_after_is_honoured() {
    // The date is 43 seconds after the clock's.
    let (result, asked) = play(Method::Get, |number, _| match number {
        0 => answer(429, &[("Retry-After", "Sun, 06 Nov 1994 08:50:20 GMT")], ""),
        _ => ok(),
    })
    .await;
    assert_eq!(result.unwrap().status, 200);
    assert!(asked[1] - asked[0] >= Duration::from_secs(43), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_long_retry_after_ends_the_call_and_closes_the_gate() {
    // 61 seconds are not waited for; the next call is refused without being sent.
    let frozen = Frozen::new();
    let (server, session, _) = far_side(|_, _| answer(429, &[("Retry-After", "61")], "")).await;
    for _ in 0..2 {
        let result = frozen.run(session.call(&key(), 1, false, call(&server, Method::Get))).await;
        let Err(CallError::NotSent(SideError::Throttled { retry_after })) = result else {
            panic!("{result:?}")
        };
        assert!(retry_after > Duration::from_secs(60), "{retry_after:?}");
    }
    assert_eq!(server.seen("/events").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_far_side_that_goes_on_throttling_is_asked_four_times() {
    // Three repeats, then the caller hears of it.
    let (result, asked) = play(Method::Post, |_, _| answer(429, &[("Retry-After", "2")], "")).await;
    assert!(matches!(result, Err(CallError::NotSent(SideError::Throttled { .. }))));
    assert_eq!(asked.len(), 4);
    assert!(asked.windows(2).all(|two| two[1] - two[0] >= Duration::from_secs(2)), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_write_is_repeated_after_503_only_when_a_time_is_named() {
    // With Retry-After the far side says that it did nothing; without it, nobody knows.
    let (result, asked) = play(Method::Post, |number, _| match number {
        0 => answer(503, &[("Retry-After", "5")], ""),
        _ => ok(),
    })
    .await;
    assert_eq!((result.unwrap().status, asked.len()), (200, 2));
    assert!(asked[1] - asked[0] >= Duration::from_secs(5));
    for status in [408, 500, 502, 503, 504, 509] {
        let (result, asked) = play(Method::Post, move |_, _| answer(status, &[], "")).await;
        assert!(matches!(result, Err(CallError::NoAnswer(_))), "{status}: {result:?}");
        assert_eq!(asked.len(), 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_is_never_repeated_after_a_504() {
    // The gateway lost patience, the write may have happened, whatever time is named.
    let (result, asked) = play(Method::Post, |_, _| answer(504, &[("Retry-After", "1")], "")).await;
    assert!(matches!(result, Err(CallError::NoAnswer(_))), "{result:?}");
    assert_eq!(asked.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_without_an_answer_is_never_repeated() {
    // A reset connection after the request: at most once.
    for method in [Method::Post, Method::Patch, Method::Put, Method::Delete] {
        let (result, asked) = play(method, |_, _| Answer::Reset).await;
        assert!(matches!(result, Err(CallError::NoAnswer(_))), "{method:?}: {result:?}");
        assert_eq!(asked.len(), 1, "{method:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_is_tried_three_times() {
    // Faults and cut connections are tried again with back-off, then reported.
    let (result, asked) = play(Method::Get, |number, _| match number {
        0 => Answer::Reset,
        // So a server ends an idle connection on which a request is just coming.
        1 => answer(408, &[], ""),
        _ => ok(),
    })
    .await;
    assert_eq!((result.unwrap().status, asked.len()), (200, 3));
    assert!(asked[1] - asked[0] >= Duration::from_millis(250), "{asked:?}");
    assert!(asked[2] - asked[1] >= Duration::from_millis(500), "{asked:?}");
    let (result, asked) = play(Method::Get, |_, _| answer(500, &[], "")).await;
    assert!(matches!(result, Err(CallError::NoAnswer(SideError::Unreachable { .. }))));
    assert_eq!(asked.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_only_reads_is_a_read() {
    // A POST marked read-only is repeated.
    let frozen = Frozen::new();
    let (server, session, _) = far_side(|number, _| match number {
        0 => Answer::Reset,
        _ => ok(),
    })
    .await;
    let reply = frozen.run(session.call(&key(), 20, true, call(&server, Method::Post))).await;
    assert_eq!(reply.unwrap().status, 200);
    assert_eq!(server.seen("/events").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn other_refusals_are_replies() {
    // What a 4xx means is the adapter's business; it is not repeated.
    for status in [301, 400, 403, 404, 409, 410, 412] {
        let (result, asked) = play(Method::Get, move |_, _| answer(status, &[], "")).await;
        assert_eq!((result.unwrap().status, asked.len()), (status, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_far_side_that_is_not_there_leaves_a_write_unsent() {
    // Connections are tried three times; nothing was executed.
    let frozen = Frozen::new();
    let (server, session, _) = far_side(|_, _| ok()).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut call = call(&server, Method::Post);
    call.url = format!("http://{address}/events");
    let result = frozen.run(session.call(&key(), 1, false, call)).await;
    assert!(matches!(result, Err(CallError::NotSent(SideError::Unreachable { .. }))));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_large_is_not_asked_for_again() {
    // It would be as large the next time; the write behind it was executed.
    let (result, asked) = play(Method::Get, |_, _| answer(200, &[], &"x".repeat(1_001))).await;
    assert!(matches!(result, Err(CallError::NoAnswer(SideError::TooLarge { .. }))));
    assert_eq!(asked.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_silent_far_side_is_asked_by_one_call_at_a_time() {
    // After ten attempts without an answer, writes of thirty mailboxes send nothing; when the wait
    // is over one of them finds the far side awake, and all pass again.
    let frozen = Frozen::new();
    let (server, session, _) =
        far_side(|number, _| if number < 10 { Answer::Reset } else { ok() }).await;
    let key = key();
    let write = || session.call(&key, 1, false, call(&server, Method::Post));
    for _ in 0..10 {
        let result = frozen.run(write()).await;
        assert!(matches!(result, Err(CallError::NoAnswer(SideError::Unreachable { .. }))));
    }
    for _ in 0..30 {
        let result = frozen.run(write()).await;
        assert!(matches!(result, Err(CallError::NotSent(SideError::Unreachable { .. }))));
    }
    assert_eq!(server.seen("/events").len(), 10);
    frozen.run(sleep(Duration::from_secs(5))).await;
    for _ in 0..3 {
        assert!(frozen.run(write()).await.is_ok());
    }
    assert_eq!(server.seen("/events").len(), 13);
}

fn write(server: &Server) -> Call<'static> {
    Call { body: Some(b"{}".to_vec()), ..call(server, Method::Post) }
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_write_is_tried_again_and_says_nothing_of_the_far_side() {
    // The right is sure again at the third try. Where it never is, nothing was executed, and however many
    // mailboxes lose theirs, the breaker stays closed.
    let frozen = Frozen::new();
    let (server, session, _) = far_side(|_, _| ok()).await;
    let key = key();
    let send = |right| right::under(right, session.call(&key, 1, false, write(&server)));
    let late = Right::lost(0..2);
    assert!(frozen.run(send(late.clone())).await.is_ok());
    assert_eq!(late.asked(), 3);
    for _ in 0..5 {
        let never = Right::lost(0..usize::MAX);
        assert!(matches!(frozen.run(send(never.clone())).await, Err(CallError::NotSent(_))));
        assert_eq!(never.asked(), 3);
        let bare = session.call_bare(&key, write(&server));
        let bare = frozen.run(right::under(never, bare)).await;
        assert!(matches!(bare, Err(CallError::NotSent(_))));
    }
    assert!(frozen.run(send(Right::lost(0..0))).await.is_ok());
    assert_eq!(server.seen("/events").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_write_is_no_sign_of_life() {
    // Nine calls without an answer, one that is withdrawn, and the tenth without an answer opens the breaker.
    let frozen = Frozen::new();
    let (server, session, _) = far_side(|_, _| Answer::Reset).await;
    let key = key();
    let send = |right| right::under(right, session.call(&key, 1, false, write(&server)));
    for _ in 0..9 {
        assert!(frozen.run(send(Right::lost(0..0))).await.is_err());
    }
    assert!(frozen.run(send(Right::lost(0..usize::MAX))).await.is_err());
    for _ in 0..2 {
        assert!(frozen.run(send(Right::lost(0..0))).await.is_err());
    }
    assert_eq!(server.seen("/events").len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_withdrawn_or_cut_off_holds_nobody_back() {
    // It tells nothing of a far side that was silent; the next call finds out at once.
    let frozen = Frozen::new();
    let (server, session, _) =
        far_side(|number, _| if number < 10 { Answer::Reset } else { ok() }).await;
    let key = key();
    let send = |right| right::under(right, session.call(&key, 1, false, write(&server)));
    for _ in 0..10 {
        assert!(frozen.run(send(Right::lost(0..0))).await.is_err());
    }
    frozen.run(sleep(Duration::from_secs(5))).await;
    let never = Right::lost(0..usize::MAX);
    let withdrawn = frozen.run(send(never.clone())).await;
    assert!(matches!(withdrawn, Err(CallError::NotSent(_))));
    assert_eq!(never.asked(), 3);
    assert!(send(Right::lost(0..0)).now_or_never().is_none());
    assert!(frozen.run(send(Right::lost(0..0))).await.is_ok());
}
