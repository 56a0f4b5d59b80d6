//! The processes of the demo: a Redis, three nodes; and the stand-ins behind them.

use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::super::stage::{Scratch, enter, limited};
use super::cannot;
use crate::cli::status;
use crate::http::Method;
use crate::sim::compare::{self, CompareOptions, LedgerMark};
use crate::sim::seed::SeedSpec;
use crate::sim::server::SimServer;
use crate::sim::world::World;

/// The nodes.
const NODES: usize = 3;
/// A node answers from memory, and waits two seconds for the others.
const PATIENCE: Duration = Duration::from_secs(4);
/// A server that keeps nothing on disk is ready at once, on whatever machine.
const READY: Duration = Duration::from_secs(20);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(20);
/// Where nodes write what they log.
const LOG: &str = "log";

/// One node: where it is configured, and its process while it runs.
pub(super) struct Seat {
    pub(super) port: u16,
    directory: PathBuf,
    process: Option<Child>,
}

/// All that runs. Everything ends when this is dropped.
pub(super) struct Troupe {
    pub(super) seats: Vec<Seat>,
    redis: Child,
    world: Arc<World>,
    marks: Vec<LedgerMark>,
    // The last of all: what lies in it is open until the others are gone.
    _server: SimServer,
    _scratch: Scratch,
}

/// What the comparison found.
pub(super) struct Judged {
    pub(super) pairs: usize,
    pub(super) problems: Vec<String>,
}

impl Troupe {
    /// Starts everything.
    pub(super) fn start(mailboxes: u32, seed: u64) -> anyhow::Result<Self> {
        let (world, server) = enter(mailboxes, seed, SeedSpec::with_few_items)?;
        let marks = world.organizations.iter().map(LedgerMark::take).collect();
        let scratch = Scratch::make()?;
        let port = free_port()?;
        let redis = redis(port, scratch.path())?;
        let mut troupe =
            Self { seats: Vec::new(), redis, world, marks, _server: server, _scratch: scratch };
        let root = troupe._scratch.path().to_owned();
        for number in 1..=NODES {
            let seat = troupe.seat(&root.join(format!("node-{number}")), port)?;
            troupe.seats.push(seat);
            troupe.launch(number - 1)?;
        }
        Ok(troupe)
    }

    /// Writes the files of a node.
    fn seat(&self, directory: &Path, redis: u16) -> anyhow::Result<Seat> {
        let (tenants, secrets) = (directory.join("tenants"), directory.join("secrets"));
        std::fs::create_dir_all(&tenants)?;
        std::fs::create_dir_all(&secrets)?;
        let port = free_port()?;
        let node = format!(
            "[node]\nlisten = \"127.0.0.1:{port}\"\n[state]\nurl = \"redis://127.0.0.1:{redis}/\"\n\
             [sync]\nsweep_interval = \"30s\"\n[telemetry]\nlog = \"text\"\n"
        );
        std::fs::write(directory.join("lockstep.toml"), node)?;
        for organization in &self.world.organizations {
            for (name, value) in organization.secrets() {
                std::fs::write(secrets.join(name), value)?;
            }
            let text = limited(&organization.tenant_toml_with_files(&secrets));
            std::fs::write(tenants.join(format!("{}.toml", organization.name)), text)?;
        }
        Ok(Seat { port, directory: directory.to_owned(), process: None })
    }

    /// Starts a node that does not run.
    pub(super) fn launch(&mut self, node: usize) -> anyhow::Result<()> {
        let Some(seat) = self.seats.get_mut(node).filter(|seat| seat.process.is_none()) else {
            return Ok(());
        };
        let program = std::env::current_exe().context("where this program lies is not known")?;
        let log = std::fs::File::create(seat.directory.join(LOG))?;
        let mut command = Command::new(program);
        command.arg("serve").arg("--config").arg(&seat.directory).env_clear();
        command.env("LOCKSTEP_LOG", "warn").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        // Ctrl-C at the terminal is for the demo, which ends them.
        let child = command.process_group(0).spawn();
        seat.process = Some(child.map_err(|error| cannot("a node", "free some memory", &error))?);
        Ok(())
    }

    /// Kills a node that runs: no signal handler, no hand-over.
    pub(super) fn kill(&mut self, node: usize) -> anyhow::Result<()> {
        if let Some(mut process) = self.seats.get_mut(node).and_then(|seat| seat.process.take()) {
            process.kill()?;
            process.wait()?;
        }
        Ok(())
    }

    /// Notes which nodes ended by themselves; returns the last words of one that did.
    pub(super) fn look_after(&mut self) -> Option<String> {
        let mut words = None;
        for seat in &mut self.seats {
            let ended = seat.process.as_mut().is_some_and(|it| !matches!(it.try_wait(), Ok(None)));
            if ended {
                seat.process = None;
                let log = std::fs::read_to_string(seat.directory.join(LOG)).unwrap_or_default();
                let last = log.lines().next_back().unwrap_or("it logged nothing").to_owned();
                words = Some(format!("the node on port {} ended by itself: {last}", seat.port));
            }
        }
        words
    }

    /// Returns the last node that runs, if that is not the only one.
    pub(super) fn last_running(&self) -> Option<usize> {
        let running = self.seats.iter().filter(|seat| seat.runs()).count();
        self.seats.iter().rposition(Seat::runs).filter(|_| running > 1)
    }

    pub(super) fn first_dead(&self) -> Option<usize> {
        self.seats.iter().position(|seat| !seat.runs())
    }

    /// Asks the first node that runs and answers for the whole cluster.
    pub(super) async fn cluster(&self) -> Value {
        for seat in self.seats.iter().filter(|seat| seat.runs()) {
            let url = format!("http://127.0.0.1:{}/api/v1/cluster", seat.port);
            if let Ok(answer) = status::asked(Method::Get, &url, PATIENCE).await {
                return answer;
            }
        }
        Value::Null
    }

    /// Tells whether a node is no member any more, as the others see it.
    pub(super) fn is_gone(&self, node: usize, cluster: &Value) -> bool {
        let Some(members) = cluster["members"].as_array() else { return false };
        let Some(seat) = self.seats.get(node) else { return false };
        members.iter().all(|row| !seat.is(row))
    }

    /// Lets the independent judge look at both worlds.
    pub(super) fn judge(&self) -> Judged {
        let (now, options) = (self.world.now(), CompareOptions::default());
        let mut judged = Judged { pairs: 0, problems: Vec::new() };
        for (organization, mark) in self.world.organizations.iter().zip(&self.marks) {
            let found = compare::compare(organization, now, &options);
            let mails = compare::ledger_problems(organization, mark, now, &options);
            judged.pairs += found.pairs;
            judged.problems.extend(found.problems.iter().chain(&mails).map(ToString::to_string));
        }
        judged
    }
}

impl Drop for Troupe {
    fn drop(&mut self) {
        let nodes = self.seats.iter_mut().filter_map(|seat| seat.process.take());
        for mut child in nodes {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = self.redis.kill();
        let _ = self.redis.wait();
    }
}

impl Seat {
    pub(super) fn runs(&self) -> bool {
        self.process.is_some()
    }

    /// Tells whether a row of the answer is about this node.
    pub(super) fn is(&self, row: &Value) -> bool {
        row["address"].as_str().is_some_and(|it| it.ends_with(&format!(":{}", self.port)))
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").context("no port is free")?.local_addr()?.port())
}

/// Starts a Redis that keeps nothing on disk.
fn redis(port: u16, directory: &Path) -> anyhow::Result<Child> {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--appendonly", "no", "--daemonize", "no", "--dir"]).arg(directory);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.process_group(0).spawn();
    let remedy = "install it (Debian, Ubuntu: apt-get install redis-server)";
    let mut child = child.map_err(|error| cannot("redis-server", remedy, &error))?;
    // A node that finds no server does not start.
    let ends = std::time::SystemTime::now() + READY;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = child.try_wait()?.is_some();
        if ended || std::time::SystemTime::now() >= ends {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
            bail!("redis-server does not answer on port {port}: start the demo again");
        }
        std::thread::sleep(LOOK);
    }
    Ok(child)
}
