//! A mailbox cycle beside a bare client that sends the same requests.
//!
//! Only the CPU time of this process counts; the stand-ins and the recording proxy run in another.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use lockstep::domain::policy::Mailbox;
use reqwest::Client;

use crate::node::Node;
use crate::process::{size, workers_cpu};
use crate::replay::{self, Recorded};
use crate::stand_ins::StandIns;
use crate::table::{Goal, Row, median};

/// How often ours and the rival take turns.
const ROUNDS: usize = 5;
/// The most that Lockstep may cost beside its own HTTP traffic.
const GOAL: Goal = Goal::AtMost(1.5);
const RIVAL: &str = "bare client, same requests";

/// One node with one mailbox of about a hundred items.
struct Bench {
    stand_ins: StandIns,
    node: Node,
    mailbox: Arc<Mailbox>,
    client: Client,
}

/// Measures idle cycles, cycles with one changed item, and the requests of both.
pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let stand_ins = StandIns::start(1, true)?;
    let node = Node::start(&stand_ins)?;
    let mailbox = node.mailboxes.first().context("no mailbox takes part")?.clone();
    let mut bench = Bench { stand_ins, node, mailbox, client: replay::client()? };
    let (written, quiet) = bench.node.passes(8);
    ensure!(quiet, "the mailbox did not come to rest");
    eprintln!("  one mailbox, {written} writes at its first synchronization");
    let mut rows = bench.idle(size("LOCKSTEP_BENCH_IDLE_CYCLES", 200)?)?;
    rows.extend(bench.changed(size("LOCKSTEP_BENCH_CHANGED_CYCLES", 100)?)?);
    Ok(rows)
}

impl Bench {
    /// Runs one cycle and returns its requests and writes.
    fn recorded(&mut self) -> anyhow::Result<(Vec<Recorded>, u32)> {
        self.stand_ins.tell("open")?;
        let report = self.node.cycle(&self.mailbox)?;
        let closed = self.stand_ins.tell("close")?;
        let base = self.stand_ins.about["url"].as_str().context("no URL")?;
        let list = closed["requests"].as_array().context("no requests")?;
        let requests = list.iter().map(|one| Recorded::new(base, one));
        let written = report.done.dynamics + report.done.exchange;
        Ok((requests.collect::<anyhow::Result<_>>()?, written))
    }

    fn replay(&self, requests: &[Recorded]) -> anyhow::Result<usize> {
        let sending = replay::send(self.client.clone(), requests.to_vec());
        self.node.io.block_on(self.node.io.spawn(sending))?
    }

    fn idle(&mut self, cycles: usize) -> anyhow::Result<Vec<Row>> {
        let (requests, written) = self.recorded()?;
        ensure!(written == 0, "an idle cycle wrote {written} items");
        // Both have their connections and warm caches before anything counts.
        self.replay(&requests)?;
        let (mut ours, mut rival) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let start = workers_cpu()?;
            for _ in 0..cycles {
                self.node.cycle(&self.mailbox)?;
            }
            let middle = workers_cpu()?;
            for _ in 0..cycles {
                self.replay(&requests)?;
            }
            let end = workers_cpu()?;
            ours.push(micros(middle - start, cycles));
            rival.push(micros(end - middle, cycles));
        }
        Ok(vec![
            Row {
                name: "idle cycle, 100 linked items".to_owned(),
                unit: "us CPU",
                ours: median(ours),
                rival: (RIVAL, median(rival)),
                goal: GOAL,
            },
            Row {
                name: "HTTP requests of an idle cycle".to_owned(),
                unit: "requests",
                ours: count(requests.len()),
                rival: ("one a side", 2.0),
                goal: Goal::AtMost(1.0),
            },
        ])
    }

    fn changed(&mut self, cycles: usize) -> anyhow::Result<Vec<Row>> {
        let (mut ours, mut rival, mut requests) = (Vec::new(), Vec::new(), 0);
        for _ in 0..ROUNDS {
            let (mut own, mut bare) = (0, 0);
            for _ in 0..cycles.div_ceil(ROUNDS) {
                self.stand_ins.tell("edit")?;
                let start = workers_cpu()?;
                // Opening and closing the log happens here on the main thread, which is not counted.
                let (recorded, written) = self.recorded()?;
                let middle = workers_cpu()?;
                ensure!(written == 1, "one edit made {written} writes");
                self.replay(&recorded)?;
                let end = workers_cpu()?;
                own += middle - start;
                bare += end - middle;
                requests += recorded.len();
                // The echo of the write is read, and nothing is left for the next edit.
                self.node.cycle(&self.mailbox)?;
            }
            ours.push(micros(own, cycles.div_ceil(ROUNDS)));
            rival.push(micros(bare, cycles.div_ceil(ROUNDS)));
        }
        let each = count(requests) / count(cycles.div_ceil(ROUNDS) * ROUNDS);
        Ok(vec![
            Row {
                name: "cycle with 1 of 100 linked items changed".to_owned(),
                unit: "us CPU",
                ours: median(ours),
                rival: (RIVAL, median(rival)),
                goal: GOAL,
            },
            Row {
                name: "HTTP requests of a cycle with one change".to_owned(),
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
