//! A flood over real connections: everybody is answered in time, and whoever is meant is told.

use std::collections::{BTreeSet, HashMap};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use uuid::Uuid;

use super::*;

/// Graph wants its answer within this time.
const PATIENCE: Duration = Duration::from_secs(3);
/// Connections at once.
const CONNECTIONS: usize = 64;
/// Of them, those that send bodies as long as they may be.
const LARGE: usize = 8;
/// Requests of each other connection, with two notices each: ten thousand in all.
const SMALL_REQUESTS: usize = 90;
/// Requests of a connection with large bodies.
const LARGE_REQUESTS: usize = 2;

/// A client on one connection that stays open.
struct Client(TcpStream);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Sends a notification; returns the status and how long it took.
    async fn post(&mut self, body: &str) -> (u16, Duration) {
        let length = body.len();
        let head =
            format!("POST /graph/contoso HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
        let sent = Instant::now();
        self.0.write_all(head.as_bytes()).await.unwrap();
        self.0.write_all(body.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            assert_ne!(self.0.read_buf(&mut answer).await.unwrap(), 0, "the connection was closed");
        }
        let answer = String::from_utf8(answer).unwrap().to_lowercase();
        assert!(answer.contains("content-length: 0"), "{answer}");
        (answer[9..12].parse().unwrap(), sent.elapsed())
    }
}

/// Returns a body with as many notices as fit, and how many they are.
fn full(sign: impl Fn(u128) -> String) -> (String, usize) {
    let one = notices(&[json!(sign(1))]).len() - notices(&[]).len() + 1;
    let count = (BODY_MAX_BYTES - notices(&[]).len()) / one;
    let body = notices(&(0..count as u128).map(|it| json!(sign(it))).collect::<Vec<_>>());
    assert!((BODY_MAX_BYTES - 2 * one..=BODY_MAX_BYTES).contains(&body.len()), "{}", body.len());
    (body, count)
}

/// Sends everything at once; returns the longest wait for an answer.
async fn flood(address: SocketAddr, bodies: Vec<(String, usize)>) -> Duration {
    let begin = Arc::new(Barrier::new(bodies.len()));
    let clients = bodies.into_iter().map(|(body, requests)| {
        let begin = begin.clone();
        actix_rt::spawn(async move {
            let mut client = Client::connect(address).await;
            begin.wait().await;
            let mut slowest = Duration::ZERO;
            for _ in 0..requests {
                let (status, took) = client.post(&body).await;
                assert_eq!(status, 202);
                slowest = slowest.max(took);
            }
            slowest
        })
    });
    let clients: Vec<_> = clients.collect();
    let mut slowest = Duration::ZERO;
    for client in clients {
        slowest = slowest.max(client.await.unwrap());
    }
    slowest
}

#[test]
fn ten_thousand_notices_on_many_connections_are_answered_in_time_and_wake_each_mailbox() {
    // Small ones about ten mailboxes, beside bodies of thousands of notices, true ones about another ten
    // and forged ones: each answer is a 202 within Graph's three seconds, whoever is meant is told, and
    // what waits is a set of twenty.
    on_system(async {
        let mut door = Door::new();
        let publishing = tokio::spawn(door.ingress.clone().publish());
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let (server, address) = serve(door.ingress.clone(), local).unwrap();
        let handle = server.handle();
        actix_rt::spawn(server);
        let foreign = NoticeSeal::new(&PrintKey([8; 16]), &TenantId::new("contoso")).unwrap();
        let (valid, count) = full(|number| sign(11 + number % 10));
        let (forged, _) = full(|number| foreign.sign(Uuid::from_u128(100 + number)));
        assert!(count > NOTICES_MAX);
        let bodies = (0..CONNECTIONS).map(|number| match number {
            0..LARGE if number % 2 == 0 => (valid.clone(), LARGE_REQUESTS),
            0..LARGE => (forged.clone(), LARGE_REQUESTS),
            _ => {
                let meant = json!(sign(1 + number as u128 % 10));
                (notices(&[meant.clone(), meant]), SMALL_REQUESTS)
            }
        });
        let began = Instant::now();
        let slowest = flood(address, bodies.collect()).await;
        let seconds = began.elapsed().as_secs();
        assert!(slowest < PATIENCE, "{slowest:?}");
        let waits = door.ingress.waiting().taken();
        assert!(waits.0 <= 20 && waits.1 == 0, "{waits:?}");
        let mut told: HashMap<Uuid, u64> = HashMap::new();
        // The last of them is told at the end of its second.
        let end = Instant::now() + Duration::from_secs(2);
        while let Ok(hint) = tokio::time::timeout_at(end, door.listener.hint()).await {
            let Hint::Changed(key) = hint else { panic!("{hint:?}") };
            *told.entry(key.mailbox).or_default() += 1;
        }
        let meant: BTreeSet<Uuid> = (1..=20).map(|number| mailbox(number).key.mailbox).collect();
        assert_eq!(told.keys().copied().collect::<BTreeSet<_>>(), meant);
        // Once at the beginning and once for each second of the flood.
        assert!(told.values().all(|times| (1..=seconds + 2).contains(times)), "{told:?}");
        let requests = (LARGE / 2 * LARGE_REQUESTS * NOTICES_MAX) as u64;
        let small = (2 * (CONNECTIONS - LARGE) * SMALL_REQUESTS) as u64;
        assert!(small >= 10_000);
        assert_eq!(
            (door.counted("received"), door.counted("refused")),
            (small + requests, requests)
        );
        publishing.abort();
        handle.stop(false).await;
    });
}
