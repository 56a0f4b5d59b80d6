//! What a change and a link cost in Redis, on a real server of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use lockstep::domain::policy::Mailbox;
use lockstep::domain::side::Side;
use tokio::time::Instant;

use crate::cycle::count;
use crate::explain::{LINKS_EACH, fill};
use crate::monitor::{Asked, BUDGET, MEMBERSHIP, Monitor};
use crate::node::Node;
use crate::process::size;
use crate::stand_ins::{AGE, StandIns};
use crate::table::{Goal, Row};

/// Changes that are carried one by one.
const CHANGES: usize = 200;
/// Mailboxes in which people work at once, those of which the requests are looked at, and the edits of each.
const CHANGING: usize = 50;
const RECORDED: usize = 5;
const EDITS: usize = 5;
/// HTTP requests that a change may cost a side.
const REQUESTS: f64 = 1.2;
/// Mailboxes of the row about idle ones.
const IDLE: usize = 100_000;
/// So long nothing but the membership is watched.
const WATCHED: Duration = Duration::from_secs(9);
/// How often a tenant that uses all of its budget draws from it in a second.
const DRAWS: f64 = 5.0;
/// Round trips that a change may cost.
const TRIPS: f64 = 2.0;
/// Bytes that a link may take.
const BYTES: f64 = 700.0;

/// A running `redis-server`; it ends with this.
pub(crate) struct Redis {
    child: Child,
    port: u16,
    _directory: tempfile::TempDir,
}

impl Redis {
    /// Starts a server on a free port, with the settings that the documentation asks for.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "yes", "--maxmemory-policy", "noeviction"])
            .args(["--hash-max-listpack-value", "512", "--logfile", ""])
            .arg("--dir")
            .arg(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("install redis-server (apt-get install redis-server)")?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let ready = lines.by_ref().map_while(Result::ok).any(|line| line.contains("Ready to"));
        ensure!(ready, "redis-server did not start");
        // Its words are read on, so that it never waits for a full pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok(Self { child, port, _directory: directory })
    }

    /// Returns its address as `state.url` names it.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Returns a part of what the server says of itself.
    fn info(&self, section: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        write!(stream, "INFO {section}\r\n")?;
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        reader.read_line(&mut head)?;
        let length: usize = head.trim().strip_prefix('$').context("no bulk answer")?.parse()?;
        let mut text = vec![0; length];
        reader.read_exact(&mut text)?;
        Ok(String::from_utf8(text)?)
    }

    fn number(&self, section: &str, name: &str) -> anyhow::Result<f64> {
        let text = self.info(section)?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        Ok(line.with_context(|| format!("no {name}"))?.trim().parse()?)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It holds nothing that must be saved.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Measures round trips of changes and bytes of links.
pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let redis = Redis::start()?;
    let mut rows = trips(&redis)?;
    rows.push(bytes()?);
    rows.extend(speed()?);
    rows.extend(requests()?);
    Ok(rows)
}

/// Lets people change so many of their open tasks, on either side in turn; some have fewer.
fn edit(stand_ins: &mut StandIns, node: &Node, each: usize) -> anyhow::Result<()> {
    let mut editing = 0;
    for mailbox in &node.mailboxes {
        let mut edits =
            (0..each).map(|_| stand_ins.tell(&format!("edit {}", mailbox.address.as_str())));
        editing += usize::from(edits.all(|edit| edit.is_ok()));
    }
    ensure!(editing > 0, "nobody has so many open tasks");
    Ok(())
}

/// Changes that are carried across a second: Redis, stand-ins and node share the machine. And what they ask
/// of Redis, with the membership and all else that the node does meanwhile.
fn speed() -> anyhow::Result<Vec<Row>> {
    let redis = Redis::start()?;
    let mut stand_ins = StandIns::start(CHANGING, false)?;
    let node = Node::start(&stand_ins, &redis.url())?;
    ensure!(node.passes(8).1, "the mailboxes do not come to rest");
    edit(&mut stand_ins, &node, EDITS)?;
    let mut monitor = Monitor::start(redis.port)?;
    let started = Instant::now();
    let (written, _) = node.passes(1);
    let seconds = started.elapsed().as_secs_f64();
    let asked = monitor.since()?;
    eprintln!("  {written} changes of {CHANGING} mailboxes: {asked:?}");
    let written = f64::from(u32::try_from(written)?);
    let speed = Row {
        name: format!("mirrored changes, {CHANGING} mailboxes with {EDITS} edits each"),
        unit: "changes/s wall",
        ours: written / seconds,
        rival: ("Dataverse quota, one web server", 6_000.0 / 300.0),
        goal: Goal::None,
    };
    let trips = Row {
        name: "round trips to Redis for one of these, all of the node's counted".to_owned(),
        unit: "round trips",
        ours: asked.values().map(|count| f64::from(*count)).sum::<f64>() / written,
        rival: ("the goal", TRIPS),
        goal: Goal::AtMost(1.0),
    };
    Ok(vec![speed, trips])
}

/// HTTP requests of such changes, a batch counted once, on each side.
fn requests() -> anyhow::Result<Vec<Row>> {
    let redis = Redis::start()?;
    let mut stand_ins = StandIns::start(RECORDED, true)?;
    let node = Node::start(&stand_ins, &redis.url())?;
    ensure!(node.passes(8).1, "the mailboxes do not come to rest");
    edit(&mut stand_ins, &node, EDITS)?;
    stand_ins.tell("open")?;
    let (written, _) = node.passes(1);
    let closed = stand_ins.tell("close")?;
    let all = closed["requests"].as_array().context("no requests")?;
    let rows = [("Dataverse", "/dataverse/"), ("Graph", "/graph/")].map(|(side, path)| {
        let his = all.iter().filter(|it| it["target"].as_str().is_some_and(|it| it.contains(path)));
        Row {
            name: format!("HTTP requests to {side} for a mirrored change, {EDITS} in a mailbox"),
            unit: "requests",
            ours: count(his.count()) / f64::from(u32::try_from(written).unwrap_or(u32::MAX)),
            rival: ("the goal", REQUESTS),
            goal: Goal::AtMost(1.0),
        }
    });
    Ok(rows.to_vec())
}

/// What stands before a change that is counted.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    /// Another one, a moment ago.
    Change,
    /// A rest.
    Rest,
    /// A rest, and the node forgot the mailbox.
    Forgotten,
}

/// Round trips of changes: each from rest, and each right after the one before.
fn trips(redis: &Redis) -> anyhow::Result<Vec<Row>> {
    let mut stand_ins = StandIns::start(1, false)?;
    let mut node = Node::start(&stand_ins, &redis.url())?;
    ensure!(node.passes(8).1, "the mailbox does not come to rest");
    // As for idle cycles: Exchange touches new events once more, and lists what is new for a while.
    for _ in 0..2 {
        stand_ins.tell("age")?;
        node.clock.advance(AGE);
        ensure!(node.passes(2).1, "ageing made changes");
    }
    let mut monitor = Monitor::start(redis.port)?;
    let mut rows = Vec::new();
    for (name, before, goal) in [
        ("in a row", Before::Change, Goal::AtMost(1.0)),
        ("from rest", Before::Rest, Goal::AtMost(1.0)),
        ("from rest, after an hour", Before::Forgotten, Goal::None),
    ] {
        let (trips, after) = changes(&mut stand_ins, &mut node, &mut monitor, name, before)?;
        rows.push(Row {
            name: format!("round trips to Redis for a mirrored change, {name}"),
            unit: "round trips",
            ours: trips,
            rival: ("the goal", TRIPS),
            goal,
        });
        if before == Before::Rest {
            rows.push(Row {
                name: "the same, until the mailbox rests again".to_owned(),
                unit: "round trips",
                ours: trips + after,
                rival: ("the goal", TRIPS),
                goal: Goal::None,
            });
        }
    }
    rows.push(idle(&mut monitor, &mut node)?);
    Ok(rows)
}

/// Returns the round trips of a change, and of the cycles after it until the mailbox rests.
fn changes(
    stand_ins: &mut StandIns,
    node: &mut Node,
    monitor: &mut Monitor,
    name: &str,
    before: Before,
) -> anyhow::Result<(f64, f64)> {
    let mailbox = node.mailboxes.first().context("no mailbox")?.clone();
    let (mut carrying, mut settling, mut written) = (Asked::new(), Asked::new(), 0);
    settle(node, &mailbox)?;
    monitor.since()?;
    for _ in 0..CHANGES {
        if before == Before::Forgotten {
            node.tenant.deps.recent.forget(&mailbox.key);
        }
        stand_ins.tell(&format!("edit {}", mailbox.address.as_str()))?;
        let report = node.cycle(&mailbox)?;
        add(&mut carrying, monitor.since()?);
        written += report.done.get(Side::Dynamics) + report.done.get(Side::Exchange);
        if before != Before::Change {
            settle(node, &mailbox)?;
            add(&mut settling, monitor.since()?);
        }
    }
    ensure!(written as usize >= CHANGES, "{written} of {CHANGES} changes were written");
    eprintln!("  {written} changes {name}: {carrying:?}; then {settling:?}");
    Ok((trips_of(&carrying) / f64::from(written), trips_of(&settling) / f64::from(written)))
}

fn add(all: &mut Asked, some: Asked) {
    for (kind, count) in some {
        *all.entry(kind).or_default() += count;
    }
}

/// Returns the round trips of mailboxes. What a process and a tenant ask goes by the second, not by the change.
fn trips_of(asked: &Asked) -> f64 {
    let of_mailboxes = asked.iter().filter(|(kind, _)| ![MEMBERSHIP, BUDGET].contains(&&***kind));
    of_mailboxes.map(|(_, count)| f64::from(*count)).sum()
}

/// What a node with so many idle mailboxes asks of Redis a second: the cycles, each counted as measured
/// here, the membership, and the draws of a tenant that sends all the time.
fn idle(monitor: &mut Monitor, node: &mut Node) -> anyhow::Result<Row> {
    let mailbox = node.mailboxes.first().context("no mailbox")?.clone();
    settle(node, &mailbox)?;
    monitor.since()?;
    std::thread::sleep(WATCHED);
    let asked = monitor.since()?;
    let renewals = asked.get(MEMBERSHIP).copied().unwrap_or_default();
    let membership = f64::from(renewals) / WATCHED.as_secs_f64();
    for _ in 0..CHANGES {
        ensure!(node.cycle(&mailbox)?.is_quiet(), "a cycle wrote something");
    }
    let asked = monitor.since()?;
    let each = trips_of(&asked) / count(CHANGES);
    eprintln!("  {CHANGES} idle cycles: {asked:?}; the membership: {membership:.2} a second");
    Ok(Row {
        name: format!("round trips to Redis a second, {IDLE} mailboxes swept each 15 minutes"),
        unit: "round trips/s",
        ours: membership + DRAWS + each * count(IDLE) / 900.0,
        rival: ("the limit", 200.0),
        goal: Goal::AtMost(1.0),
    })
}

/// Runs cycles until the mailbox is at rest.
fn settle(node: &mut Node, mailbox: &Arc<Mailbox>) -> anyhow::Result<()> {
    for _ in 0..8 {
        if node.is_at_rest(mailbox) {
            return Ok(());
        }
        node.cycle(mailbox)?;
    }
    bail!("the mailbox does not come to rest")
}

/// Bytes of a link among a million, all keys and the server's books included.
fn bytes() -> anyhow::Result<Row> {
    let links = size("LOCKSTEP_BENCH_LINKS", 1_000_000)?;
    let redis = Redis::start()?;
    let stand_ins = StandIns::start(1, false)?;
    let node = Node::start(&stand_ins, &redis.url())?;
    node.passes(4);
    let before = redis.number("memory", "used_memory")?;
    node.io.block_on(fill(&node, links / LINKS_EACH))?;
    let after = redis.number("memory", "used_memory")?;
    Ok(Row {
        name: format!("a link in Redis, {links} of them"),
        unit: "bytes",
        ours: (after - before) / count(links),
        rival: ("the limit", BYTES),
        goal: Goal::AtMost(1.0),
    })
}
