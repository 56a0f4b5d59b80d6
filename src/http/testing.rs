//! A tiny HTTP server for tests, on the test's own runtime, and a clock that can be moved.
//!
//! With tokio's paused time, sockets look idle and the clock would run ahead while bytes are on
//! their way. `Frozen` holds it: time then moves only when the test moves it.

use std::ops::Range;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::{HttpClient, HttpOptions};
use crate::ports::clock::Clock;
use crate::ports::lease::Tenure;

/// A request as it was seen.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) at: Instant,
    pub(super) head: String,
    pub(super) body: String,
}

/// What the server does with a request.
pub(super) enum Answer {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// Resets the connection without a byte.
    Reset,
}

type Handler = dyn Fn(usize, &Seen) -> Answer + Send + Sync;

pub(super) struct Server {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Starts a server whose `handler` gets the number of requests before this one.
    pub(super) async fn start(
        handler: impl Fn(usize, &Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let handler: Arc<Handler> = Arc::new(handler);
        let noted = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&handler), Arc::clone(&noted)));
            }
        });
        Self { url, seen }
    }

    /// Returns the requests so far whose request line contains `path`.
    pub(super) fn seen(&self, path: &str) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        let matches = |seen: &&Seen| seen.head.lines().next().unwrap_or_default().contains(path);
        seen.iter().filter(matches).cloned().collect()
    }
}

async fn serve(mut stream: TcpStream, handler: Arc<Handler>, seen: Arc<Mutex<Vec<Seen>>>) {
    let mut bytes = Vec::new();
    let end = loop {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    while bytes.len() < end + length {
        stream.read_buf(&mut bytes).await.unwrap();
    }
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let body = String::from_utf8_lossy(&bytes[end..]).into_owned();
    let request = Seen { at: Instant::now(), head, body };
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.clone());
        seen.len() - 1
    };
    match handler(number, &request) {
        Answer::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Answer::Reset => stream.set_zero_linger().unwrap(),
    }
}

/// Writes a complete answer.
pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut text = format!("HTTP/1.1 {status} Test\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    Answer::Bytes(text.into_bytes())
}

/// Grants a token with this text for an hour.
pub(super) fn grant(token: &str) -> Answer {
    let body = format!(r#"{{"token_type":"Bearer","expires_in":3600,"access_token":"{token}"}}"#);
    answer(200, &[], &body)
}

/// A clock that the test moves.
#[derive(Default)]
pub(super) struct Hand {
    seconds: AtomicI64,
}

impl Hand {
    pub(super) fn advance(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> DateTime<Utc> {
        // Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples.
        let start = DateTime::from_timestamp(784_111_777, 0).unwrap();
        start + TimeDelta::seconds(self.seconds.load(Ordering::SeqCst))
    }
}

/// A right to write that some of the questions for it find lost.
#[derive(Debug)]
pub(super) struct Right {
    asked: AtomicUsize,
    lost: Range<usize>,
}

impl Right {
    pub(super) fn lost(lost: Range<usize>) -> Arc<Self> {
        Arc::new(Self { asked: AtomicUsize::new(0), lost })
    }

    /// Returns how often somebody asked right before the first byte.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Tenure for Right {
    fn may_write(&self) -> bool {
        true
    }

    fn may_send(&self) -> bool {
        true
    }

    fn may_still_send(&self) -> bool {
        !self.lost.contains(&self.asked.fetch_add(1, Ordering::SeqCst))
    }

    fn should_end(&self) -> bool {
        false
    }
}

/// Keeps tokio's paused time from running by itself: it never does while a blocking task runs.
pub(super) struct Frozen {
    _release: mpsc::Sender<()>,
}

impl Frozen {
    pub(super) fn new() -> Self {
        let (release, held) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || held.recv());
        Self { _release: release }
    }

    /// Runs a future to its end and moves time in small steps whenever nothing else can run.
    pub(super) async fn run<T>(&self, future: impl Future<Output = T>) -> T {
        tokio::pin!(future);
        loop {
            for _ in 0..50 {
                tokio::select! {
                    biased;
                    output = &mut future => return output,
                    () = tokio::task::yield_now() => {}
                }
            }
            tokio::time::advance(Duration::from_millis(100)).await;
        }
    }
}

pub(super) fn client() -> HttpClient {
    let options = HttpOptions {
        connect_timeout: Duration::from_secs(3_600),
        total_timeout: Duration::from_secs(7_200),
        user_agent: "lockstep-test".to_owned(),
    };
    HttpClient::new(options).unwrap()
}
