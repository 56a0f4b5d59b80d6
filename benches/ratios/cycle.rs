//! A mailbox cycle beside a bare client that sends the same requests.
//!
//! Only the CPU time of this process counts; the stand-ins and the recording proxy run in another.
//! Several mailboxes take turns, so that none of them uses up Graph's budget of a mailbox.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use lockstep::domain::policy::Mailbox;
use reqwest::Client;

use crate::node::Node;
use crate::process::{size, workers_cpu};
use crate::replay::{self, Recorded};
use crate::stand_ins::{AGE, StandIns};
use crate::table::{Goal, Row, median};

/// How often ours and the rival take turns.
const ROUNDS: usize = 5;
/// Mailboxes of about a hundred items.
const MAILBOXES: usize = 10;
/// The most that Lockstep may cost beside its own HTTP traffic.
const GOAL: Goal = Goal::AtMost(1.5);
/// Both sides are asked at once.
const SIDES: usize = 2;
const RIVAL: &str = "bare client, same requests";

/// One node with its stand-ins and the bare client.
struct Bench {
    stand_ins: StandIns,
    node: Node,
    client: Client,
    store: &'static str,
}

/// Measures idle cycles, cycles with one changed item, and the requests of both.
pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for store in ["memory", "embedded"] {
        let stand_ins = StandIns::start(MAILBOXES, true)?;
        let node = Node::start(&stand_ins, store)?;
        let mut bench = Bench { stand_ins, node, client: replay::client()?, store };
        let (written, quiet) = bench.node.passes(8);
        ensure!(quiet, "the mailboxes did not come to rest");
        // Twice: Exchange touches new events by itself once more, and whatever was touched in the
        // last five minutes is listed again by each cycle.
        for _ in 0..2 {
            bench.stand_ins.tell("age")?;
            bench.node.clock.advance(AGE);
            // A refused booking whose event was touched is tried by three cycles again.
            ensure!(bench.node.passes(4).1, "ageing made changes");
        }
        eprintln!("  {store}: {MAILBOXES} mailboxes, {written} writes at their first cycles");
        rows.extend(bench.idle(size("LOCKSTEP_BENCH_IDLE_CYCLES", 100)?)?);
        rows.extend(bench.changed(size("LOCKSTEP_BENCH_CHANGED_CYCLES", 100)?)?);
    }
    Ok(rows)
}

impl Bench {
    /// Returns the mailboxes in turn.
    fn mailbox(&self, turn: usize) -> anyhow::Result<Arc<Mailbox>> {
        let all = &self.node.mailboxes;
        ensure!(all.len() == MAILBOXES, "{} mailboxes take part", all.len());
        all.get(turn % MAILBOXES).cloned().context("no mailbox")
    }

    /// Runs one cycle and returns its requests and writes.
    fn recorded(&mut self, mailbox: &Arc<Mailbox>) -> anyhow::Result<(Vec<Recorded>, u32)> {
        self.stand_ins.tell("open")?;
        let report = self.node.cycle(mailbox)?;
        let closed = self.stand_ins.tell("close")?;
        let base = self.stand_ins.about["url"].as_str().context("no URL")?;
        let list = closed["requests"].as_array().context("no requests")?;
        let requests = list.iter().map(|one| Recorded::new(base, one));
        let written = report.done.dynamics + report.done.exchange;
        Ok((requests.collect::<anyhow::Result<_>>()?, written))
    }

    fn replay(&self, requests: &[Recorded]) -> anyhow::Result<Vec<usize>> {
        let sending = replay::send(self.client.clone(), requests.to_vec(), SIDES);
        self.node.io.block_on(self.node.io.spawn(sending))?
    }

    fn idle(&mut self, cycles: usize) -> anyhow::Result<Vec<Row>> {
        let (mut requests, mut most) = (Vec::new(), 0);
        for turn in 0..MAILBOXES {
            let mailbox = self.mailbox(turn)?;
            let (recorded, written) = self.recorded(&mailbox)?;
            ensure!(written == 0, "an idle cycle wrote {written} items");
            // Both have their connections and warm caches before anything counts.
            for (request, bytes) in recorded.iter().zip(self.replay(&recorded)?) {
                if turn == 0 {
                    eprintln!("  idle: {} answers {bytes} bytes", request.path());
                }
            }
            most = most.max(recorded.len());
            requests.push((mailbox, recorded));
        }
        let (mut ours, mut rival) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let start = workers_cpu()?;
            for turn in 0..cycles {
                self.node.cycle(&requests[turn % MAILBOXES].0)?;
            }
            let middle = workers_cpu()?;
            for turn in 0..cycles {
                self.replay(&requests[turn % MAILBOXES].1)?;
            }
            let end = workers_cpu()?;
            ours.push(micros(middle - start, cycles));
            rival.push(micros(end - middle, cycles));
        }
        Ok(vec![
            Row {
                name: format!("idle cycle, 100 linked items, {} store", self.store),
                unit: "us CPU",
                ours: median(ours),
                rival: (RIVAL, median(rival)),
                goal: GOAL,
            },
            Row {
                name: format!("HTTP requests of an idle cycle, {} store", self.store),
                unit: "requests",
                ours: count(most),
                rival: ("one a side", 2.0),
                goal: Goal::AtMost(1.0),
            },
        ])
    }

    fn changed(&mut self, cycles: usize) -> anyhow::Result<Vec<Row>> {
        let (mut ours, mut rival, mut requests) = (Vec::new(), Vec::new(), 0);
        for _ in 0..ROUNDS {
            let (mut own, mut bare) = (0, 0);
            for turn in 0..cycles.div_ceil(ROUNDS) {
                let mailbox = self.mailbox(turn)?;
                let edit = self.stand_ins.tell(&format!("edit {}", mailbox.address.as_str()))?;
                let start = workers_cpu()?;
                // Opening and closing the log happens here on the main thread, which is not counted.
                let (recorded, written) = self.recorded(&mailbox)?;
                let middle = workers_cpu()?;
                ensure!(written == 1, "one edit made {written} writes: {edit}");
                self.replay(&recorded)?;
                let end = workers_cpu()?;
                own += middle - start;
                bare += end - middle;
                requests += recorded.len();
                // The echo of the write is read, and nothing is left for the next edit.
                self.node.cycle(&mailbox)?;
            }
            ours.push(micros(own, cycles.div_ceil(ROUNDS)));
            rival.push(micros(bare, cycles.div_ceil(ROUNDS)));
        }
        let each = count(requests) / count(cycles.div_ceil(ROUNDS) * ROUNDS);
        Ok(vec![
            Row {
                name: format!("cycle with 1 of 100 items changed, {} store", self.store),
                unit: "us CPU",
                ours: median(ours),
                rival: (RIVAL, median(rival)),
                goal: GOAL,
            },
            Row {
                name: format!("HTTP requests of that cycle, {} store", self.store),
                unit: "requests",
                ours: each,
                rival: ("sweep, delta, one write", 3.0),
                goal: Goal::None,
            },
        ])
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts and times here are far below 2^52")]
fn micros(nanos: u64, cycles: usize) -> f64 {
    nanos as f64 / 1_000.0 / cycles as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
pub(crate) fn count(number: usize) -> f64 {
    number as f64
}
