//! Redis, nodes that share it, and the stand-ins: each a process of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use lockstep::sim::world::SimClock;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use super::stand_ins::{ORGANIZATION, Row, StandIns};
use crate::process::{Running, free_port, get, put, until};
use crate::redis_server::RedisServer;

/// How often a cluster is looked at, at the most.
const LOOK: Duration = Duration::from_millis(100);
/// People who get new work at once.
const WORKERS: usize = 60;
/// Debug builds on a busy machine bring everything into step in less, for each ten mailboxes.
const SETTLED: Duration = Duration::from_secs(60);
/// Writes take so long while a test wants to meet one on its way.
pub(super) const SLOW_WRITE: Duration = Duration::from_millis(400);
/// People who get several batches of contacts: a batch has twenty.
const LADEN: usize = 12;
/// Numbers of new items begin here, above those of the seed.
const FIRST_NUMBER: u64 = 600_000;

/// Each test here is several processes that are mostly waited for, and times are judged.
static TURN: Mutex<()> = Mutex::new(());

/// Waits until no other test of nodes runs in this process.
pub(super) fn turn() -> MutexGuard<'static, ()> {
    // A test that failed has nothing to say to the next one.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One process of `lockstep serve`.
pub(super) struct Node {
    pub(super) process: Running,
    pub(super) url: String,
    directory: TempDir,
}

/// Everything that a test of several nodes needs.
pub(super) struct Rig {
    pub(super) redis: RedisServer,
    pub(super) nodes: Vec<Node>,
    pub(super) mailboxes: usize,
    stand_ins: StandIns,
    /// Tenants and secrets, the same for all nodes.
    tenants: TempDir,
    next: u64,
    /// Where the nodes find Redis.
    store: String,
    /// Given back last.
    _turn: MutexGuard<'static, ()>,
}

impl Rig {
    /// Starts Redis, the stand-ins and so many nodes, and waits until they own all mailboxes.
    pub(super) fn start(nodes: usize) -> Self {
        let rig = Self::start_slowly(nodes);
        rig.quick_writes();
        rig
    }

    /// The same, with writes that take a while, so that the first synchronization still goes on.
    pub(super) fn start_slowly(nodes: usize) -> Self {
        let mailboxes = usize::try_from(number("LOCKSTEP_MAILBOXES", 24)).unwrap();
        let mut rig = Self::new(mailboxes);
        rig.slow_writes();
        for _ in 0..nodes {
            let node = rig.node(free_port());
            rig.nodes.push(node);
        }
        rig.wait_for_owners(rig.nodes.len(), &rig.nodes[0].url);
        rig
    }

    /// Starts Redis and the stand-ins.
    pub(super) fn new(mailboxes: usize) -> Self {
        let turn = turn();
        let redis = RedisServer::start();
        let store = redis.url();
        Self::on(turn, mailboxes, redis, store)
    }

    /// Starts the stand-ins; nodes find Redis at an address, behind which a server is at first.
    pub(super) fn on(
        turn: MutexGuard<'static, ()>,
        mailboxes: usize,
        redis: RedisServer,
        store: String,
    ) -> Self {
        let tenants = tempfile::tempdir().unwrap();
        let stand_ins = StandIns::start(mailboxes, tenants.path());
        let file = tenants.path().join(tenant_file());
        let text = std::fs::read_to_string(&file).unwrap();
        let limits = "\n[limits]\nmails_per_cycle = 10000\ndataverse_requests = 600000\n";
        std::fs::write(&file, text + limits).unwrap();
        Self {
            redis,
            nodes: Vec::new(),
            mailboxes,
            stand_ins,
            tenants,
            next: FIRST_NUMBER,
            store,
            _turn: turn,
        }
    }

    /// Starts a node on a port, which is its name.
    pub(super) fn node(&self, port: u16) -> Node {
        let directory = tempfile::tempdir().unwrap();
        let text = format!(
            "[node]\nlisten = \"127.0.0.1:{port}\"\n[state]\nurl = \"{}\"\n[sync]\n\
             sweep_interval = \"{}s\"\n",
            self.store,
            2.max(self.mailboxes / 100),
        );
        put(directory.path(), "lockstep.toml", &text);
        for part in ["tenants", "secrets"] {
            let whole = self.tenants.path().join(part);
            std::os::unix::fs::symlink(whole, directory.path().join(part)).unwrap();
        }
        let process = Running::start(&["serve", "--config", directory.path().to_str().unwrap()]);
        Node { process, url: format!("http://127.0.0.1:{port}"), directory }
    }

    /// Starts a node again that was killed, under its name.
    pub(super) fn again(&self, dead: Node) -> Node {
        let Node { process, url, directory } = dead;
        drop(process);
        let process = Running::start(&["serve", "--config", directory.path().to_str().unwrap()]);
        Node { process, url, directory }
    }

    /// Returns the path of the tenant's file.
    pub(super) fn tenant_file(&self) -> PathBuf {
        self.tenants.path().join(tenant_file())
    }

    /// All processes have the machine's clock.
    pub(super) fn now(&self) -> DateTime<Utc> {
        SimClock::real().now()
    }

    /// Writes that the stand-ins have carried out.
    pub(super) fn writes(&self) -> u64 {
        self.stand_ins.writes()
    }

    /// Waits until so many writes more were carried out.
    pub(super) fn wait_for_writes(&self, more: u64) {
        let goal = self.writes() + more;
        until(SETTLED, "some writes are carried out", || {
            std::thread::park_timeout(Duration::from_millis(5));
            (self.writes() >= goal).then_some(())
        });
    }

    /// Waits until a mailbox of one of these nodes is worked on.
    pub(super) fn wait_for_running(&self, nodes: &[Node]) {
        until(SETTLED, "a mailbox of theirs is worked on", || {
            let running = |node: &Node| {
                let told = get(&format!("{}/api/v1/tenants/contoso", node.url)).unwrap_or_default();
                told["phases"]["running"].as_u64() > Some(0)
            };
            nodes.iter().any(running).then_some(())
        });
    }

    /// Waits until a cycle of one of these mailboxes runs on a node for so long that its writes are on their
    /// way: one without news takes no two slow writes.
    pub(super) fn wait_for_long_cycle(&self, node: &Node, mailboxes: &BTreeSet<String>) {
        let mut seen: BTreeMap<String, (Option<DateTime<Utc>>, DateTime<Utc>)> = BTreeMap::new();
        let long = SLOW_WRITE * 2;
        until(self.patience(), "one of the mailboxes is worked on for a while", || {
            let (now, before) = (self.now(), std::mem::take(&mut seen));
            for row in rows(&node.url).iter().filter(|row| row["phase"] == "running") {
                let Some(id) = id(row).filter(|id| mailboxes.contains(id)) else { continue };
                let same = before.get(&id).filter(|(last, _)| *last == began(row));
                seen.insert(id, (began(row), same.map_or(now, |(_, since)| *since)));
            }
            let runs_long = |(_, since): &(_, DateTime<Utc>)| {
                (now - *since).to_std().is_ok_and(|ran| ran > long)
            };
            seen.values().any(runs_long).then_some(())
        });
    }

    /// Every write takes a while from now on.
    pub(super) fn slow_writes(&self) {
        self.stand_ins.delay_writes(SLOW_WRITE);
    }

    pub(super) fn quick_writes(&self) {
        self.stand_ins.delay_writes(Duration::ZERO);
    }

    /// Gives everybody, or some of many, a contact, a task and a meeting with a colleague, all made in
    /// Dynamics.
    pub(super) fn new_work(&mut self) {
        self.new_work_of(WORKERS);
    }

    /// The same for so many people at the most.
    pub(super) fn new_work_of(&mut self, workers: usize) {
        let now = self.now();
        let mut rows = Vec::new();
        let people = &self.stand_ins.people;
        for (at, person) in people.iter().enumerate().step_by(people.len().div_ceil(workers)) {
            let (user, guest) = (person.user, people[(at + 1) % people.len()].user);
            let start =
                now + chrono::Duration::days(3) + chrono::Duration::hours(self.next as i64 % 90);
            let party = |user: Uuid, mask: i64| {
                json!({ "partyid_systemuser@odata.bind": format!("/systemusers({user})"),
                    "participationtypemask": mask })
            };
            let mut number = || {
                self.next += 1;
                self.next
            };
            let made = [
                ("contacts", json!({ "lastname": format!("Novak {}", number()) })),
                ("tasks", json!({ "subject": format!("Call back {}", number()) })),
                (
                    "appointments",
                    json!({ "subject": format!("Review {}", number()), "statecode": 3, "statuscode": 5,
                        "scheduledstart": start.to_rfc3339(),
                        "scheduledend": (start + chrono::Duration::minutes(30)).to_rfc3339(),
                        "appointment_activity_parties": [party(user, 7), party(guest, 5)] }),
                ),
            ];
            rows.extend(made.map(|(set, row)| Row { user, set, row }));
        }
        self.stand_ins.act(&rows);
    }

    /// Gives some people so many contacts that their writes go in several batches, one after the other:
    /// who is stopped between two of them has more to send. Returns their mailboxes.
    pub(super) fn new_batches(&mut self, contacts: usize) -> BTreeSet<String> {
        let people = &self.stand_ins.people;
        let (mut rows, mut laden) = (Vec::new(), BTreeSet::new());
        for person in people.iter().step_by(people.len().div_ceil(LADEN)) {
            laden.insert(person.mailbox.to_string());
            for _ in 0..contacts {
                self.next += 1;
                let row = json!({ "lastname": format!("Novak {}", self.next) });
                rows.push(Row { user: person.user, set: "contacts", row });
            }
        }
        self.stand_ins.act(&rows);
        laden
    }

    /// Waits until the node at `url` sees so many members, all of them answer, and every mailbox is
    /// owned. Returns how long it took.
    pub(super) fn wait_for_owners(&self, members: usize, url: &str) -> Duration {
        let began = self.now();
        let what = format!("{members} nodes own all mailboxes");
        let mut seen = Value::Null;
        let most = self.patience();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            until(most, &what, || {
                std::thread::park_timeout(self.look());
                seen = get(&format!("{url}/api/v1/cluster"))?;
                self.are_owned_by(members, &seen).then_some(())
            });
        }));
        assert!(outcome.is_ok(), "{what}: {seen:#}");
        (self.now() - began).to_std().unwrap()
    }

    /// Waits until the nodes that are left own all mailboxes, each by its own count. Returns how long it
    /// took. The whole cluster is no measure here: who asks for it waits for who is silent.
    pub(super) fn wait_for_heirs(&self) -> Duration {
        let began = self.now();
        until(self.patience(), "the others own all mailboxes", || {
            std::thread::park_timeout(Duration::from_millis(20));
            let owned: u64 = self.nodes.iter().map(|node| owned(&node.url)).sum();
            (owned == self.mailboxes as u64).then_some(())
        });
        (self.now() - began).to_std().unwrap()
    }

    /// Waits until nodes have begun with a share of these mailboxes, one in so many. Returns those, as Redis
    /// has them.
    pub(super) fn wait_for_begun(
        &self,
        mailboxes: &BTreeSet<String>,
        one_in: usize,
    ) -> BTreeSet<String> {
        until(self.patience(), "some mailboxes have been begun", || {
            std::thread::park_timeout(LOOK);
            let fences = self.redis.keys("ls:{contoso/*}:fence").into_iter();
            let names = fences.filter_map(|key| Some(key.split(['/', '}']).nth(1)?.to_owned()));
            let begun: BTreeSet<String> = names.filter(|id| mailboxes.contains(id)).collect();
            (begun.len() * one_in >= mailboxes.len()).then_some(begun)
        })
    }

    /// Waits until a cycle of each of these mailboxes began after an instant. Returns how long after that the
    /// first that was seen of each began: to look at thousands takes a while, and is not theirs.
    pub(super) fn wait_for_cycles(
        &self,
        mailboxes: &BTreeSet<String>,
        since: DateTime<Utc>,
    ) -> BTreeMap<String, Duration> {
        self.wait_for_cycles_of(&self.nodes, mailboxes, since)
    }

    /// The same on some of the nodes: one that is paused answers nothing.
    pub(super) fn wait_for_cycles_of(
        &self,
        nodes: &[Node],
        mailboxes: &BTreeSet<String>,
        since: DateTime<Utc>,
    ) -> BTreeMap<String, Duration> {
        let mut begun: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
        until(self.patience(), "each of the mailboxes is worked on", || {
            std::thread::park_timeout(self.look());
            for row in nodes.iter().flat_map(|node| rows(&node.url)) {
                let Some((id, began)) = id(&row).zip(began(&row)) else { continue };
                if began > since && mailboxes.contains(&id) {
                    begun.entry(id).or_insert(began);
                }
            }
            (begun.len() == mailboxes.len()).then_some(())
        });
        begun.into_iter().map(|(id, began)| (id, (began - since).to_std().unwrap())).collect()
    }

    /// Returns the mailboxes that a node owns.
    pub(super) fn owned_by(node: &Node) -> BTreeSet<String> {
        rows(&node.url).iter().filter_map(id).collect()
    }

    /// Returns how many mailboxes' last cycles on a node ended with a code, wherever they are now.
    pub(super) fn ended_with(node: &Node, code: &str) -> usize {
        let all = all_rows(&node.url);
        all.iter().filter(|row| row["lastCycle"]["code"] == code).count()
    }

    fn are_owned_by(&self, members: usize, cluster: &Value) -> bool {
        let rows = cluster["members"].as_array().unwrap();
        let works = |row: &Value| row["state"] == "answered" && row["shards"].as_u64() > Some(0);
        let tenant = &cluster["tenants"][0];
        rows.len() == members
            && rows.iter().all(works)
            && tenant["mailboxes"] == self.mailboxes
            && tenant["phases"]["unknown"] == 0
    }

    /// Waits until the last cycle of every mailbox began after the last write and wrote nothing, and
    /// judges both sides.
    pub(super) fn assert_in_step(&self) {
        let (mut writes, mut since) = (self.writes(), self.now());
        let mut left = Vec::new();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            until(self.patience(), "all mailboxes are at rest", || {
                std::thread::park_timeout(self.look());
                let rows: Vec<Value> = self.nodes.iter().flat_map(|node| rows(&node.url)).collect();
                if self.writes() != writes {
                    (writes, since) = (self.writes(), self.now());
                }
                let quiet =
                    rows.len() == self.mailboxes && rows.iter().all(|row| rests(row, since));
                left = rows.into_iter().filter(|row| !rests(row, since)).collect();
                quiet.then_some(())
            });
        }));
        assert!(outcome.is_ok(), "not at rest since {since}: {left:#?}");
        self.assert_exact();
    }

    /// No difference, no duplicate, each invitation once and no other mail.
    pub(super) fn assert_exact(&self) {
        let found = self.stand_ins.judge();
        assert_eq!(found.organization, ORGANIZATION);
        assert!(found.clean && found.problems.is_empty(), "{found:#?}");
        assert_eq!(found.mailboxes, self.mailboxes);
        assert!(found.pairs > 5 * self.mailboxes, "{found:#?}");
        assert!(found.mail_problems.is_empty(), "{}", found.mail_problems.join("\n"));
        println!("{} pairs are in step, {:?}", found.pairs, found.mails);
    }

    /// A thousand mailboxes are a long answer.
    fn look(&self) -> Duration {
        LOOK.max(Duration::from_millis(self.mailboxes as u64))
    }

    fn patience(&self) -> Duration {
        SETTLED * u32::try_from(self.mailboxes.div_ceil(10)).unwrap()
    }
}

/// Where the tenant's file is below a configuration.
fn tenant_file() -> String {
    format!("tenants/{ORGANIZATION}.toml")
}

/// How many mailboxes a node owns.
fn owned(node: &str) -> u64 {
    let told = get(&format!("{node}/api/v1/tenants/contoso")).unwrap_or_default();
    let phases = ["idle", "running", "backoff", "parked", "halted"].into_iter();
    phases.filter_map(|phase| told["phases"][phase].as_u64()).sum()
}

/// The mailboxes that a node owns.
fn rows(node: &str) -> Vec<Value> {
    let own = |row: &Value| !matches!(row["phase"].as_str(), Some("elsewhere" | "excluded"));
    all_rows(node).into_iter().filter(own).collect()
}

/// The mailboxes that a node knows.
fn all_rows(node: &str) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let skip = all.len();
        let url = format!("{node}/api/v1/tenants/contoso/mailboxes?skip={skip}");
        let answer = get(&url).unwrap_or_default();
        let page = answer["mailboxes"].as_array().cloned().unwrap_or_default();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

fn id(row: &Value) -> Option<String> {
    row["mailbox"].as_str().map(str::to_owned)
}

fn began(row: &Value) -> Option<DateTime<Utc>> {
    row["lastCycle"]["started"].as_str()?.parse().ok()
}

/// The last cycle began after the instant, wrote nothing and left nothing.
fn rests(row: &Value, since: DateTime<Utc>) -> bool {
    let last = &row["lastCycle"];
    began(row).is_some_and(|began| began > since)
        && last["code"].is_null()
        && last["written"]["dynamics"] == 0
        && last["written"]["exchange"] == 0
        && last["unsettled"] == 0
        && last["parked"] == 0
}

pub(super) fn number(name: &str, usual: u64) -> u64 {
    let text = std::env::var_os(name);
    text.map_or(usual, |text| text.to_str().and_then(|text| text.parse().ok()).expect(name))
}
