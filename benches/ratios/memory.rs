//! Resident memory of an idle mailbox actor beside that of a bare task with a channel.
//!
//! Each is measured in a process of its own, so that one's freed memory is not the other's.

use std::sync::Arc;
use std::time::Duration;

use actix::Actor as _;
use anyhow::{Context as _, bail, ensure};
use lockstep::actors::fair::Lane;
use lockstep::actors::mailbox::MailboxActor;
use lockstep::actors::messages::{MailboxSpec, Wake};
use lockstep::actors::tenant::TenantSupervisor;
use lockstep::cycle::Orders;
use serde_json::json;
use tokio::sync::mpsc;

use crate::cycle::count;
use crate::fakes;
use crate::process::{ask, resident, size};
use crate::table::{Goal, Row};

/// An idle actor may take this much.
const LIMIT: f64 = 4_096.0;
/// Actors that are woken together: their waiting cycles must not become the peak that is measured.
const TOGETHER: usize = 500;
/// What an actor's bounded queue holds, and the rival's too.
const CAPACITY: usize = 16;
/// The child's word for actors whose cycles leave a rest behind.
const REST: &str = "rest";
/// Longer than the measurement: an actor that waits.
const LONG: Duration = Duration::from_secs(3_600);

/// Measures both and compares.
pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let number = size("LOCKSTEP_BENCH_ACTORS", 100_000)?;
    let actors = ask("actors", &[number.to_string(), "awake".to_owned()])?;
    let resting = ask("actors", &[number.to_string(), REST.to_owned()])?;
    let tasks = ask("tasks", &[number.to_string()])?;
    let each = |value: &serde_json::Value, name: &str| value[name].as_f64().context("no number");
    let (fresh, ran) = (each(&actors, "fresh")?, each(&actors, "ran")?);
    let rested = each(&resting, "ran")?;
    let task = each(&tasks, "task")?;
    let row = |name: &str, ours, rival, goal| Row {
        name: format!("{name}, {number} of them"),
        unit: "bytes",
        ours,
        rival,
        goal,
    };
    Ok(vec![
        row("idle mailbox actor", ran, ("the limit", LIMIT), Goal::AtMost(1.0)),
        row("idle mailbox actor", ran, ("tokio task, channel(16)", task), Goal::None),
        row("the same at rest, the largest note", rested, ("the limit", LIMIT), Goal::AtMost(1.0)),
        row("actor before its first cycle", fresh, ("tokio task, channel(16)", task), Goal::None),
    ])
}

/// The child that measures actors: fresh ones, and after one quiet cycle each, which leaves the
/// mailbox at rest or does not.
pub(crate) fn actors(arguments: &[String]) -> anyhow::Result<()> {
    let [number, rest] = arguments else { bail!("two arguments are needed") };
    let number = number.parse()?;
    let io = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let handle = io.handle().clone();
    let (fresh, ran) = actix_rt::System::new().block_on(measure(handle, number, rest == REST))?;
    println_json(&json!({ "fresh": fresh, "ran": ran }))
}

async fn measure(
    io: tokio::runtime::Handle,
    number: usize,
    rests: bool,
) -> anyhow::Result<(f64, f64)> {
    let runtime = fakes::tenant(io, rests).await?;
    let one = Arc::new(fakes::mailbox(&runtime, number)?);
    let (_, rest) = runtime.clone().cycle_from(one, Orders::default(), None, Lane::Changes).await;
    ensure!(rest.is_some() == rests, "a quiet cycle leaves the wrong thing behind");
    drop(rest);
    let mut reports = runtime.reports.subscribe();
    let parent = TenantSupervisor::new(runtime.clone()).start();
    let mut actors = Vec::with_capacity(number);
    let before = resident()?;
    let mut rows = Vec::with_capacity(number);
    for one in 0..number {
        let mailbox = fakes::mailbox(&runtime, one)?;
        // Its row for the operators counts too.
        rows.push((mailbox.key.mailbox, Some(mailbox.address.clone()), Vec::new()));
        let spec = MailboxSpec { mailbox: Arc::new(mailbox), delay: LONG, lane: Lane::First };
        actors.push(MailboxActor::new(spec, runtime.clone(), parent.clone()).start());
    }
    runtime.board.roster(rows);
    // Behind all starts: each actor has set its timer.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let fresh = resident()?;
    for some in actors.chunks(TOGETHER) {
        for actor in some {
            actor.try_send(Wake).context("an actor does not listen")?;
        }
        for _ in some {
            let wait = tokio::time::timeout(Duration::from_secs(10), reports.recv());
            wait.await.context("a cycle did not come")??;
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let ran = resident()?;
    ensure!(actors.iter().all(actix::Addr::connected), "an actor ended");
    Ok(((fresh - before) / count(number), (ran - before) / count(number)))
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
    println_json(&json!({ "task": task }))
}

fn println_json(value: &serde_json::Value) -> anyhow::Result<()> {
    use std::io::Write as _;
    Ok(writeln!(std::io::stdout().lock(), "{value}")?)
}
