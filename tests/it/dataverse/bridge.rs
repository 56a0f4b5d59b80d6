//! A socket for the Dataverse stand-in, and the adapter in front of it.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lockstep::dataverse::{DataverseOptions, DataverseOrganization, DataverseSide};
use lockstep::domain::ids::{Address, MailboxKey, NativeId, TenantId, UserId};
use lockstep::domain::kind::Kind;
use lockstep::domain::observation::Observation;
use lockstep::domain::policy::Mailbox;
use lockstep::http::{HttpClient, HttpOptions, Session, TokenOptions, TokenSource};
use lockstep::ports::clock::Clock;
use lockstep::ports::error::{PullError, SideError};
use lockstep::ports::side::{FarSide, Known, PullAsk, Pulled};
use lockstep::sim::dataverse::{DataverseConfig, DataverseSim};
use lockstep::sim::directory::{AppCredentials, Person};
use lockstep::sim::wire::{Request, Response};
use lockstep::throttle::{Throttle, ThrottleOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

/// The clock of a test: stands still unless moved.
pub(super) struct TestClock(Mutex<DateTime<Utc>>);

/// What the line between adapter and stand-in loses.
#[derive(Default)]
struct Line {
    /// The next batch is executed, but its answer is lost.
    loses_answer: AtomicBool,
    /// That many batches pass, then one is throttled; 0 is never.
    throttles: AtomicU32,
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// The stand-in, the adapter and two people, Ann and Bob.
pub(super) struct Scene {
    sim: Arc<Mutex<DataverseSim>>,
    clock: Arc<TestClock>,
    line: Arc<Line>,
    pub(super) side: DataverseSide,
    pub(super) organization: DataverseOrganization,
    pub(super) ann: Person,
    pub(super) bob: Person,
}

impl Scene {
    pub(super) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/contoso/dataverse", listener.local_addr().unwrap());
        let app = AppCredentials {
            client_id: Uuid::from_u128(0xA99).to_string(),
            client_secret: "stand-in".into(),
        };
        let (ann, bob) = (person(1, "Ann"), person(2, "Bob"));
        let sim = DataverseSim::new(DataverseConfig {
            base_url: base_url.clone(),
            app: app.clone(),
            token_lifetime: TimeDelta::hours(1),
            people: vec![ann.clone(), bob.clone()],
            seed: 7,
        });
        let sim = Arc::new(Mutex::new(sim));
        let start = "2026-03-02T08:00:00Z".parse().unwrap();
        let clock = Arc::new(TestClock(Mutex::new(start)));
        let line = Arc::new(Line::default());
        tokio::spawn(serve(listener, sim.clone(), clock.clone(), line.clone()));
        let session = || session(&base_url, &app, clock.clone());
        let api_root = format!("{base_url}/api/data/v9.2");
        let organization = DataverseOrganization::new(session(), &api_root);
        let side = DataverseSide::new(session(), &DataverseOptions { api_root });
        Self { sim, clock, line, side, organization, ann, bob }
    }

    /// Returns the stand-in, locked.
    pub(super) fn sim(&self) -> MutexGuard<'_, DataverseSim> {
        self.sim.lock().unwrap()
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The next batch will be executed, but its answer will not arrive.
    pub(super) fn lose_next_answer(&self) {
        self.line.loses_answer.store(true, Ordering::SeqCst);
    }

    /// The first request of the batch of that number, counted from now, will be throttled.
    pub(super) fn throttle_batch(&self, number: u32) {
        self.line.throttles.store(number, Ordering::SeqCst);
    }

    /// Moves the clock and returns the new time.
    pub(super) fn later(&self) -> DateTime<Utc> {
        let mut now = self.clock.0.lock().unwrap();
        *now += TimeDelta::minutes(1);
        *now
    }

    pub(super) async fn pull(&self, person: &Person, known: &[Known]) -> Pulled {
        self.try_pull(person, known).await.unwrap()
    }

    pub(super) async fn try_pull(
        &self,
        person: &Person,
        known: &[Known],
    ) -> Result<Pulled, SideError> {
        let now = self.now();
        let mailbox = mailbox(person);
        let (known, window) = (&known.to_vec(), (now, now));
        let ask = PullAsk {
            mailbox: &mailbox,
            cursors: &[],
            known,
            rest: None,
            look: false,
            now,
            window,
        };
        self.side.pull(ask).await.map_err(|error| match error {
            PullError::Side(error) => error,
            PullError::Store(error) => panic!("{error}"),
        })
    }

    /// Returns one row as fetched for a person.
    pub(super) async fn fetch(&self, person: &Person, kind: Kind, id: Uuid) -> Observation {
        let asked = [(kind, NativeId::new(id.to_string()))];
        let mut found = self.side.fetch(&mailbox(person), &asked).await.unwrap();
        assert_eq!(found.len(), 1);
        found.remove(0)
    }
}

/// What a store would know after a pull.
pub(super) fn known(observations: &[Observation], expected: bool) -> Vec<Known> {
    let known = |seen: &Observation| Known {
        kind: seen.kind,
        id: seen.id.clone(),
        version: seen.version.clone(),
        expected,
    };
    observations.iter().map(known).collect()
}

pub(super) fn mailbox(person: &Person) -> Mailbox {
    Mailbox {
        key: MailboxKey { tenant: TenantId::new("contoso"), mailbox: person.mailbox_id },
        user: UserId(person.user_id),
        object_id: person.object_id,
        personal: lockstep::domain::policy::Personal::default(),
        address: Address::parse(&person.address).unwrap(),
    }
}

fn person(n: u128, name: &str) -> Person {
    Person {
        user_id: Uuid::from_u128(0x100 + n),
        object_id: Uuid::from_u128(0x200 + n),
        mailbox_id: Uuid::from_u128(0x300 + n),
        address: format!("{}@contoso.example", name.to_lowercase()),
        given_name: name.into(),
        surname: "Example".into(),
        time_zone: "Europe/Berlin".into(),
    }
}

fn session(base_url: &str, app: &AppCredentials, clock: Arc<dyn Clock>) -> Session {
    let http = HttpClient::new(HttpOptions {
        connect_timeout: Duration::from_secs(5),
        total_timeout: Duration::from_secs(30),
        user_agent: "lockstep-test".into(),
    })
    .unwrap();
    let options = TokenOptions {
        token_url: format!("{base_url}/token"),
        client_id: app.client_id.clone(),
        client_secret: app.client_secret.clone().into(),
        scope: format!("{base_url}/.default"),
    };
    let tokens = TokenSource::new(http.clone(), options, clock.clone());
    let throttle = Arc::new(Throttle::new(ThrottleOptions::DATAVERSE, clock.clone()));
    Session::new(http, tokens, throttle, clock)
}

async fn serve(
    listener: TcpListener,
    sim: Arc<Mutex<DataverseSim>>,
    clock: Arc<TestClock>,
    line: Arc<Line>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let (sim, clock, line) = (sim.clone(), clock.clone(), line.clone());
        tokio::spawn(async move {
            // A client that goes away ends its connection, nothing else.
            let _ = connection(stream, &sim, &clock, &line).await;
        });
    }
}

/// One request a connection: enough for a test.
async fn connection(
    mut stream: TcpStream,
    sim: &Mutex<DataverseSim>,
    clock: &TestClock,
    line: &Line,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let path = words.next().unwrap_or_default().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    while bytes.len() < head_end + 4 + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    }
    let body = bytes[head_end + 4..].to_vec();
    let target = path.strip_prefix("/contoso/dataverse").unwrap_or(&path).to_owned();
    let request = Request { method, target, headers, body };
    let reply = {
        let mut sim = sim.lock().unwrap();
        let now = clock.now();
        let batch = request.target.ends_with("/$batch");
        let left = line.throttles.load(Ordering::SeqCst);
        if batch && left > 0 {
            line.throttles.store(left - 1, Ordering::SeqCst);
            if left == 1 {
                sim.throttle_inner(0, 1);
            }
        }
        if request.target == "/token" {
            sim.token(&request, now)
        } else {
            sim.handle(&request, now)
        }
    };
    if request.target.ends_with("/$batch") && line.loses_answer.swap(false, Ordering::SeqCst) {
        return Ok(());
    }
    stream.write_all(&wire(&reply)).await?;
    stream.shutdown().await
}

fn wire(reply: &Response) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} Stand-in\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\nConnection: close\r\n\r\n", reply.body.len()));
    let mut bytes = head.into_bytes();
    bytes.extend(&reply.body);
    bytes
}
