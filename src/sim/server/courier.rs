//! Carries the handshakes and notices of Graph's stand-in to the addresses of subscriptions (A14).
//!
//! A client of its own, for HTTP/1.1 without TLS on the loopback address; every other address counts
//! as one that does not answer. The service repeats a notice for up to four hours, ever more
//! slowly; here it gives up after eight attempts, some 25 seconds. Absent: chunked answers, and
//! that slow addresses get their notices late or not at all.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt;
use actix_web::rt::time::{sleep, timeout};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::Semaphore;

use super::Shared;
use crate::sim::graph::{Handshake, Notice};
use crate::sim::wire::{Request, Response};
use crate::sim::world::{Organization, Outcome, World};

/// How often it looks for something to carry.
const LOOK: Duration = Duration::from_millis(20);
/// A handshake is answered within this time.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// A notice is answered within this time.
const NOTICE_PATIENCE: Duration = Duration::from_secs(3);
/// The wait after the first failed attempt; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const ATTEMPTS: u32 = 8;
/// Notices that go to one address together.
const TOGETHER: usize = 100;
/// Deliveries that are under way at once.
const AT_ONCE: usize = 16;
/// The longest answer that is read.
const ANSWER_MAX: u64 = 64 * 1024;

/// What an address answered.
struct Answer {
    status: u16,
    content_type: String,
    body: Vec<u8>,
}

/// Carries for all organizations until the server's system ends.
pub(super) async fn run(shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        for at in 0..shared.world.organizations.len() {
            carry(&shared, at, &places);
        }
        sleep(LOOK).await;
    }
}

fn carry(shared: &Arc<Shared>, at: usize, places: &Arc<Semaphore>) {
    let (handshakes, notices) = {
        let now = shared.world.now();
        let mut graph = shared.world.organizations[at].graph();
        (graph.take_handshakes(), graph.take_notices(now))
    };
    for handshake in handshakes {
        let shared = Arc::clone(shared);
        rt::spawn(async move {
            let answered = shake(&handshake).await;
            let graph = &shared.world.organizations[at];
            graph.graph().settle_handshake(&handshake.subscription, answered);
        });
    }
    for (url, delay_ms, bodies) in bundles(notices) {
        let places = Arc::clone(places);
        rt::spawn(async move {
            sleep(Duration::from_millis(delay_ms)).await;
            deliver(&url, &json!({ "value": bodies }), &places).await;
        });
    }
}

/// Joins the notices for one address.
fn bundles(notices: Vec<Notice>) -> Vec<(String, u64, Vec<Value>)> {
    let mut by_url: BTreeMap<(String, u64), Vec<Value>> = BTreeMap::new();
    for notice in notices {
        by_url.entry((notice.url, notice.delay_ms)).or_default().push(notice.body);
    }
    let mut list = Vec::new();
    for ((url, delay_ms), bodies) in by_url {
        list.extend(bodies.chunks(TOGETHER).map(|some| (url.clone(), delay_ms, some.to_vec())));
    }
    list
}

async fn deliver(url: &str, body: &Value, places: &Semaphore) {
    let mut wait = FIRST_WAIT;
    for _ in 0..ATTEMPTS {
        {
            let Ok(_place) = places.acquire().await else { return };
            let text = body.to_string();
            let sent = post(url, "application/json", text.as_bytes());
            if let Ok(Ok(answer)) = timeout(NOTICE_PATIENCE, sent).await
                && (200..300).contains(&answer.status)
            {
                return;
            }
        }
        sleep(wait).await;
        wait *= 2;
    }
}

/// Tells whether every address of a subscription answers the token, as text, in time.
async fn shake(handshake: &Handshake) -> bool {
    let token = utf8_percent_encode(&handshake.token, NON_ALPHANUMERIC).to_string();
    for url in &handshake.urls {
        let sign = if url.contains('?') { '&' } else { '?' };
        let asked = format!("{url}{sign}validationToken={token}");
        let sent = post(&asked, "text/plain; charset=utf-8", b"");
        let Ok(Ok(answer)) = timeout(HANDSHAKE_PATIENCE, sent).await else { return false };
        let told = answer.status == 200
            && answer.content_type.starts_with("text/plain")
            && answer.body == handshake.token.as_bytes();
        if !told {
            return false;
        }
    }
    true
}

/// Waits for the handshake of a subscription that was just made; where it fails, so does the request.
pub(super) async fn settled(world: &World, request: &Request, outcome: Outcome) -> Outcome {
    let Some(organization) = subscribed(world, request) else { return outcome };
    let id = match &outcome {
        Outcome::Answer(answer) if answer.status == 201 => id_of(answer),
        Outcome::Answer(_) | Outcome::Reset | Outcome::Truncated(_) | Outcome::Huge(_) => None,
    };
    let Some(id) = id else { return outcome };
    loop {
        let done = organization.graph().handshake(&id);
        match done {
            Some(true) => return outcome,
            Some(false) => {
                let now = world.now();
                return Outcome::Answer(organization.graph().refuse_validation(now));
            }
            None => sleep(LOOK / 4).await,
        }
    }
}

fn subscribed<'w>(world: &'w World, request: &Request) -> Option<&'w Organization> {
    let path = request.target.split('?').next()?;
    let name = path.strip_suffix("/graph/v1.0/subscriptions")?.strip_prefix('/')?;
    world.organization(name).filter(|_| request.method == "POST")
}

fn id_of(answer: &Response) -> Option<String> {
    let row: Value = serde_json::from_slice(&answer.body).ok()?;
    row["id"].as_str().map(str::to_owned)
}

/// Posts over a connection of its own.
async fn post(url: &str, content_type: &str, body: &[u8]) -> io::Result<Answer> {
    let wrong = || io::Error::from(io::ErrorKind::InvalidInput);
    let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
    let (host, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    };
    let with_port = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let mut addresses = lookup_host(with_port).await?;
    let address = addresses.find(|address| address.ip().is_loopback()).ok_or_else(wrong)?;
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {content_type}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer).await?;
    read(&answer).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

fn read(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let header = |name: &str| {
        head.split("\r\n").skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let content_type = header("content-type").unwrap_or_default();
    Some(Answer { status, content_type, body: answer[end + 4..].to_vec() })
}
