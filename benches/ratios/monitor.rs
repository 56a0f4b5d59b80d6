//! What a Redis server is asked, by kind: one round trip each.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::Context as _;

/// The kind of what a process asks whatever its mailboxes do.
pub(crate) const MEMBERSHIP: &str = "membership";
/// The kind of what a tenant asks that sends requests to Dataverse: once to some times a second, however many.
pub(crate) const BUDGET: &str = "budget";
/// The scripts of the product, by name.
const SCRIPTS: [(&str, &str); 7] = [
    ("claim", include_str!("../../src/redis/scripts/claim.lua")),
    ("commit", include_str!("../../src/redis/scripts/commit.lua")),
    ("prune", include_str!("../../src/redis/scripts/prune.lua")),
    ("forget", include_str!("../../src/redis/scripts/forget.lua")),
    ("journal", include_str!("../../src/redis/scripts/read.lua")),
    (BUDGET, include_str!("../../src/redis/scripts/budget.lua")),
    (MEMBERSHIP, include_str!("../../src/redis/scripts/step.lua")),
];
/// What only this bench asks.
const OWN: [&str; 3] = ["info", "monitor", "ping"];

/// How often what was asked.
pub(crate) type Asked = BTreeMap<String, u32>;

/// A connection that hears every command.
pub(crate) struct Monitor {
    marker: TcpStream,
    heard: Receiver<String>,
    asked: u64,
}

impl Monitor {
    /// Listens to the server at a port from now on.
    pub(crate) fn start(port: u16) -> anyhow::Result<Self> {
        let marker = TcpStream::connect(("127.0.0.1", port))?;
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(b"MONITOR\r\n")?;
        let mut lines = BufReader::new(stream);
        lines.read_until(b'\n', &mut Vec::new())?;
        let (tell, heard) = channel();
        let names: BTreeMap<String, &str> = SCRIPTS
            .iter()
            .map(|(name, text)| (::redis::Script::new(text).get_hash().to_owned(), *name))
            .collect();
        std::thread::spawn(move || {
            let (mut line, mut inside) = (Vec::new(), HashSet::new());
            while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line);
                if let Some(kind) = kind(&text, &names, &mut inside)
                    && tell.send(kind).is_err()
                {
                    return;
                }
                line.clear();
            }
        });
        Ok(Self { marker, heard, asked: 0 })
    }

    /// Returns what was asked since the last call.
    pub(crate) fn since(&mut self) -> anyhow::Result<Asked> {
        self.asked += 1;
        let mark = format!("mark{}", self.asked);
        write!(self.marker, "ECHO {mark}\r\n")?;
        let mut asked = Asked::new();
        loop {
            let kind = self.heard.recv_timeout(Duration::from_secs(5)).context("no monitor")?;
            if kind == mark {
                return Ok(asked);
            }
            *asked.entry(kind).or_default() += 1;
        }
    }
}

/// Returns the kind of one round trip: the name of a script, `transaction`, a command; nothing for what
/// another one carried along.
fn kind(
    line: &str,
    names: &BTreeMap<String, &str>,
    inside: &mut HashSet<String>,
) -> Option<String> {
    // 1339518083.107412 [0 127.0.0.1:60866] "evalsha" "SHA" ...
    let (source, command) = line.split_once('[')?.1.split_once("] ")?;
    let mut words = command.split('"').skip(1).step_by(2);
    let (name, first) = (words.next()?.to_lowercase(), words.next().unwrap_or_default());
    if source.ends_with(" lua") || OWN.contains(&name.as_str()) {
        return None;
    }
    match name.as_str() {
        "echo" => return Some(first.to_owned()),
        "multi" => {
            inside.insert(source.to_owned());
            return None;
        }
        "exec" => {
            inside.remove(source);
            return Some("transaction".to_owned());
        }
        _ if inside.contains(source) => return None,
        "evalsha" => {}
        _ => return Some(name),
    }
    Some((*names.get(first).unwrap_or(&"script of another kind")).to_owned())
}
