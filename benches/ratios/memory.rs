//! Resident memory of an idle mailbox, with its actor, its timers and its part of its supervisor's books, beside
//! that of a bare task with a channel.
//!
//! Each is measured in a process of its own, so that one's freed memory is not the other's.

use std::sync::Arc;
use std::time::Duration;

use actix::Actor as _;
use anyhow::{Context as _, bail, ensure};
use lockstep::actors::fair::Lane;
use lockstep::actors::tenant::TenantSupervisor;
use lockstep::cycle::Orders;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;
use uuid::Uuid;

use crate::cycle::count;
use crate::fakes;
use crate::latency::record;
use crate::process::{ask, resident, size};
use crate::table::{Goal, Row};

/// An idle actor may take this much.
const LIMIT: f64 = 4_096.0;
/// What an actor's bounded queue holds, and the rival's too.
const CAPACITY: usize = 16;
/// The child's word for actors whose cycles leave a rest behind.
const REST: &str = "rest";
/// So long all of them may take to run a cycle.
const LONGEST: Duration = Duration::from_secs(120);

/// Measures both and compares.
pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let number = size("LOCKSTEP_BENCH_ACTORS", 100_000)?;
    let ran = median("actors", &[number.to_string(), "awake".to_owned()])?;
    let rested = median("actors", &[number.to_string(), REST.to_owned()])?;
    let task = median("tasks", &[number.to_string()])?;
    let row = |name: &str, ours, rival, goal| Row {
        name: format!("{name}, {number} of them"),
        unit: "bytes",
        ours,
        rival,
        goal,
    };
    Ok(vec![
        row("idle mailbox", ran, ("the limit", LIMIT), Goal::AtMost(1.0)),
        row("idle mailbox", ran, ("tokio task, channel(16)", task), Goal::None),
        row("the same at rest, the largest note", rested, ("the limit", LIMIT), Goal::AtMost(1.0)),
    ])
}

/// Returns the median of three processes: what the allocator gave back to the system differs by some hundred bytes.
fn median(role: &str, arguments: &[String]) -> anyhow::Result<f64> {
    let one = |_| ask(role, arguments)?["each"].as_f64().context("no number");
    let mut all = (0..3).map(one).collect::<anyhow::Result<Vec<f64>>>()?;
    all.sort_by(f64::total_cmp);
    eprintln!("  {role}: {all:.0?} bytes each");
    Ok(all[1])
}

/// The child that measures mailboxes after one quiet cycle each, which leaves them at rest or does not.
pub(crate) fn actors(arguments: &[String]) -> anyhow::Result<()> {
    let [number, rest] = arguments else { bail!("two arguments are needed") };
    let number = number.parse()?;
    let io = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let handle = io.handle().clone();
    let each = actix_rt::System::new().block_on(measure(handle, number, rest == REST))?;
    println_json(&json!({ "each": each }))
}

/// Their supervisor reads who takes part and starts them, as in production.
async fn measure(io: tokio::runtime::Handle, number: usize, rests: bool) -> anyhow::Result<f64> {
    let people = (0..number).map(record).collect::<anyhow::Result<Vec<_>>>()?;
    let ids: Vec<Uuid> = people.iter().map(|one| one.id).collect();
    let runtime = fakes::tenant(io, rests, people).await?;
    let one = Arc::new(fakes::mailbox(&runtime, number)?);
    let (_, rest) = runtime.clone().cycle_from(one, Orders::default(), None, Lane::Changes).await;
    ensure!(rest.is_some() == rests, "a quiet cycle leaves the wrong thing behind");
    drop(rest);
    let before = resident()?;
    let _supervisor = TenantSupervisor::new(runtime.clone()).start();
    let ran = |id: &Uuid| runtime.board.mailbox(*id).is_some_and(|row| row.cycles > 0);
    let waited = Instant::now();
    while !ids.iter().all(ran) {
        ensure!(waited.elapsed() < LONGEST, "not every mailbox ran a cycle");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // What the roster took while it was read goes back.
    tokio::time::sleep(Duration::from_secs(3)).await;
    Ok((resident()? - before) / count(number))
}

/// The child that measures bare tasks.
pub(crate) fn tasks(arguments: &[String]) -> anyhow::Result<()> {
    let [number] = arguments else { bail!("one argument is needed") };
    let number = number.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let task = runtime.block_on(async {
        let mut senders = Vec::with_capacity(number);
        let before = resident()?;
        for _ in 0..number {
            let (sender, mut receiver) = mpsc::channel::<u64>(CAPACITY);
            tokio::spawn(async move {
                let mut sum = 0_u64;
                while let Some(next) = receiver.recv().await {
                    sum = sum.wrapping_add(next);
                }
                sum
            });
            senders.push(sender);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        // As the actors: each has had one message.
        for sender in &senders {
            sender.try_send(1)?;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        anyhow::Ok((resident()? - before) / count(number))
    })?;
    println_json(&json!({ "each": task }))
}

fn println_json(value: &serde_json::Value) -> anyhow::Result<()> {
    use std::io::Write as _;
    Ok(writeln!(std::io::stdout().lock(), "{value}")?)
}
