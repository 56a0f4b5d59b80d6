//! `lockstep demo --cluster`: three nodes, each a process of its own, on a Redis of the demo; the
//! stand-ins live here. A live table shows who owns what while nodes are killed and started.
//!
//! Without a terminal it plays one round by itself: a node is killed, its mailboxes move, it is
//! started again, and in the end an independent comparison judges both worlds.

mod frame;
mod troupe;

use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{anyhow, bail};
use console::{Key, Term};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::DemoArgs;
use super::stop::Stop;
use frame::frame;
use troupe::Troupe;

/// How often the live table is drawn anew.
const TICK: Duration = Duration::from_secs(1);
/// How often a table is printed where no terminal is.
const PRINT: Duration = Duration::from_secs(5);
/// The longest wait for nodes to own all mailboxes: a lease, and a start on a slow machine.
const OWNED: Duration = Duration::from_secs(120);
/// The longest wait for both worlds to agree.
const AGREED: Duration = Duration::from_secs(900);
/// How often the comparison is tried while nodes still work.
const JUDGE: Duration = Duration::from_secs(5);
/// Sentences that stay below the table.
const NEWS: usize = 8;
/// Differences that are named when there are some in the end.
const PROBLEMS: usize = 20;
/// The node that the scripted round kills.
const VICTIM: usize = 1;

/// What happened, and what is waited for.
struct Show {
    troupe: Troupe,
    news: Vec<String>,
    began: Instant,
    /// Which node was killed and when, until others own its mailboxes.
    killed: Option<(usize, Instant)>,
}

pub(super) fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let io = crate::cli::io_runtime()?;
    eprintln!("lockstep demo: three nodes and a Redis for {} mailboxes", args.mailboxes());
    let stop = Stop::listen(&io)?;
    let troupe = Troupe::start(args.mailboxes(), args.seed)?;
    let term = Term::stdout();
    let _kept = Kept::terminal(&term);
    let outcome = io.block_on(async {
        let mut show = Show { troupe, news: Vec::new(), began: Instant::now(), killed: None };
        let play = async {
            match term.is_term() && console::user_attended() {
                true => show.live(&term).await.map(|()| true),
                false => show.scripted().await,
            }
        };
        tokio::select! {
            outcome = play => outcome,
            () = stop.asked() => Ok(true),
        }
    });
    // A key may still be waited for on a thread of its own.
    io.shutdown_timeout(Duration::from_secs(1));
    Ok(if outcome? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the live table waits for.
enum Next {
    /// A key, or nobody is there to press one.
    Key(Option<char>),
    Seen(Value),
}

impl Show {
    /// Draws the table until somebody quits. A key does not wait until the nodes have answered.
    async fn live(&mut self, term: &Term) -> anyhow::Result<()> {
        let (mut keys, mut attended) = (keys(), true);
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut cluster = Value::Null;
        loop {
            let looked = async {
                ticks.tick().await;
                self.troupe.cluster().await
            };
            let next = tokio::select! {
                biased;
                key = keys.recv(), if attended => Next::Key(key),
                seen = looked => Next::Seen(seen),
            };
            match next {
                Next::Key(Some('k')) => self.kill(self.troupe.last_running())?,
                Next::Key(Some('s')) => self.start(self.troupe.first_dead())?,
                Next::Key(Some('q')) => {
                    self.judged();
                    return Ok(());
                }
                Next::Key(Some(_)) => {}
                // Nobody can press a key any more.
                Next::Key(None) => attended = false,
                Next::Seen(seen) => {
                    self.note(&seen);
                    cluster = seen;
                }
            }
            term.clear_screen()?;
            say!("{}", frame(&cluster, &self.troupe, &self.news));
            say!("k kills a node, s starts one, q ends");
        }
    }

    /// Says how far both worlds agree at the end.
    fn judged(&self) {
        let judged = self.troupe.judge();
        match judged.problems.len() {
            0 => say!("both worlds agree: {} pairs in step", judged.pairs),
            count => say!("{} pairs in step, {count} differences to go", judged.pairs),
        }
    }

    /// Plays one round. Returns whether both worlds agree in the end.
    async fn scripted(&mut self) -> anyhow::Result<bool> {
        self.until_owned_by(3).await?;
        self.kill(Some(VICTIM))?;
        self.until_owned_by(2).await?;
        self.start(Some(VICTIM))?;
        self.until_owned_by(3).await?;
        self.tell("waiting until both worlds agree".to_owned());
        let ends = Instant::now() + AGREED;
        loop {
            let judged = self.troupe.judge();
            let (pairs, count) = (judged.pairs, judged.problems.len());
            if count == 0 {
                self.tell(format!("both worlds agree: {pairs} pairs in step"));
                self.print().await;
                return Ok(true);
            }
            if Instant::now() >= ends {
                self.tell(format!("NOT IN STEP: {count} differences"));
                self.print().await;
                judged.problems.iter().take(PROBLEMS).for_each(|problem| say!("{problem}"));
                return Ok(false);
            }
            self.tell(format!("{pairs} pairs in step, {count} differences to go"));
            self.print().await;
            tokio::time::sleep(JUDGE).await;
        }
    }

    /// Waits until so many nodes own all mailboxes; prints the table again and again.
    async fn until_owned_by(&mut self, nodes: usize) -> anyhow::Result<()> {
        let ends = Instant::now() + OWNED;
        let mut printed = Instant::now();
        loop {
            let cluster = self.look().await;
            if is_owned_by(&cluster, nodes) {
                self.print().await;
                return Ok(());
            }
            if Instant::now() >= ends {
                bail!("{nodes} nodes do not own all mailboxes after {OWNED:?}:\n{cluster:#}");
            }
            if printed.elapsed() >= PRINT {
                self.print().await;
                printed = Instant::now();
            }
            tokio::time::sleep(TICK / 4).await;
        }
    }

    /// Asks the first node that runs for the whole cluster.
    async fn look(&mut self) -> Value {
        let cluster = self.troupe.cluster().await;
        self.note(&cluster);
        cluster
    }

    /// Tells what is new: a node that ended by itself, a dead one whose mailboxes have other owners.
    fn note(&mut self, cluster: &Value) {
        if let Some(words) = self.troupe.look_after() {
            self.tell(words);
        }
        if let Some((victim, at)) = self.killed
            && self.troupe.is_gone(victim, cluster)
            && unknown(cluster) == 0
        {
            self.killed = None;
            let took = at.elapsed().as_secs_f64();
            self.tell(format!(
                "others own all mailboxes of node {}, {took:.1} s later",
                victim + 1
            ));
        }
    }

    async fn print(&mut self) {
        let cluster = self.look().await;
        say!("{}", frame(&cluster, &self.troupe, &self.news));
        self.news.clear();
    }

    fn kill(&mut self, node: Option<usize>) -> anyhow::Result<()> {
        let Some(node) = node else {
            self.tell("the last node that runs is not killed".to_owned());
            return Ok(());
        };
        self.troupe.kill(node)?;
        self.killed = Some((node, Instant::now()));
        self.tell(format!("node {} is killed", node + 1));
        Ok(())
    }

    fn start(&mut self, node: Option<usize>) -> anyhow::Result<()> {
        let Some(node) = node else {
            self.tell("all nodes run".to_owned());
            return Ok(());
        };
        self.troupe.launch(node)?;
        self.tell(format!("node {} is started", node + 1));
        Ok(())
    }

    fn tell(&mut self, what: String) {
        self.news.push(format!("{:6.1} s  {what}", self.began.elapsed().as_secs_f64()));
        self.news.drain(..self.news.len().saturating_sub(NEWS));
    }
}

/// Returns how many mailboxes nobody told of, or the most there can be while nobody answers.
fn unknown(cluster: &Value) -> u64 {
    let Some(tenants) = cluster["tenants"].as_array().filter(|list| !list.is_empty()) else {
        return u64::MAX;
    };
    let of = |tenant: &Value| {
        let all = tenant["mailboxes"].as_u64().filter(|count| *count > 0);
        all.and_then(|_| tenant["phases"]["unknown"].as_u64()).unwrap_or(u64::MAX / 2)
    };
    tenants.iter().map(of).fold(0, u64::saturating_add)
}

/// Tells whether so many nodes share out all shards; of few mailboxes one may have none in its shards.
fn is_owned_by(cluster: &Value, nodes: usize) -> bool {
    let members = cluster["members"].as_array().map_or(&[][..], Vec::as_slice);
    let works = |row: &Value| row["state"] == "answered" && row["shards"].as_u64() > Some(0);
    members.len() == nodes && members.iter().all(works) && unknown(cluster) == 0
}

/// Returns the keys that are pressed. They are read on a thread that ends with the process.
fn keys() -> mpsc::UnboundedReceiver<char> {
    let (send, receive) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let term = Term::stdout();
        while let Ok(key) = term.read_key() {
            let Key::Char(key) = key else { continue };
            let key = key.to_ascii_lowercase();
            // While a key is waited for, the terminal shows none.
            if send.send(key).is_err() || key == 'q' {
                return;
            }
        }
    });
    receive
}

/// How the terminal was before. A signal that ends the demo finds it without echo, since a key is waited for.
struct Kept(Option<String>);

impl Kept {
    fn terminal(term: &Term) -> Self {
        let asked = term.is_term().then(|| stty("-g")?.output().ok()).flatten();
        let told = asked.filter(|answer| answer.status.success());
        Self(told.map(|answer| String::from_utf8_lossy(&answer.stdout).trim().to_owned()))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(state) = &self.0 {
            // A terminal that is gone needs nothing.
            let _ = stty(state).map(|mut command| command.status());
        }
    }
}

/// Returns the command that asks or sets the terminal, which keys are read from whatever the input is.
fn stty(what: &str) -> Option<Command> {
    let terminal = std::fs::File::open("/dev/tty").ok()?;
    let mut command = Command::new("stty");
    command.arg(what).stdin(terminal).stderr(Stdio::null());
    Some(command)
}

/// Why a child could not be started.
fn cannot(what: &str, remedy: &str, error: &std::io::Error) -> anyhow::Error {
    anyhow!("{what} cannot be started ({error}); {remedy}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_in_whose_shards_no_mailbox_lies_owns_its_share() {
        // The hash of few mailboxes may leave one out; who holds no shard has not joined yet.
        let row = |shards: u32, mailboxes: u32| json!({ "state": "answered", "shards": shards, "mailboxes": mailboxes });
        let cluster = |second: Value, unknown: u32| {
            let tenant = json!({ "mailboxes": 6, "phases": { "unknown": unknown } });
            json!({ "members": [row(500, 6), second], "tenants": [tenant] })
        };
        assert!(is_owned_by(&cluster(row(524, 0), 0), 2));
        assert!(!is_owned_by(&cluster(row(0, 0), 0), 2));
        assert!(!is_owned_by(&cluster(row(524, 0), 1), 2));
        assert!(!is_owned_by(&cluster(row(524, 0), 0), 3));
    }
}
