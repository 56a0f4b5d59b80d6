//! A plan for an operator: both sides read over HTTP, decided, shown and sealed as a document.

use std::hint::black_box;

use anyhow::ensure;
use lockstep::app::operate::document::PlanDoc;
use lockstep::app::operate::{drafts, views};
use tokio::time::Instant;

use crate::cycle::count;
use crate::node::Node;
use crate::process::size;
use crate::stand_ins::StandIns;
use crate::table::{Goal, Row, median};

const ROUNDS: usize = 3;
/// What an operator is asked to wait.
const LIMIT_SECONDS: f64 = 2.0;

/// Measures the plan of a first synchronization: every item that is there is part of it.
pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let items = size("LOCKSTEP_BENCH_PLAN_ITEMS", 10_000)?;
    let stand_ins = StandIns::start(items.div_ceil(100), false)?;
    let node = Node::start(&stand_ins, "embedded")?;
    let mut times = Vec::new();
    let mut planned = 0;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let made = node.tenant.deps.clock.now();
        let drafted = node.io.block_on(drafts(&node.tenant, node.mailboxes.clone(), &|| {}));
        let doc = PlanDoc::new("cycle", "contoso", made, views(&drafted));
        let key = node.io.block_on(node.tenant.print_key())?;
        let text = serde_json::to_vec(&doc.seal(&key)?)?;
        times.push(started.elapsed().as_secs_f64());
        ensure!(drafted.iter().all(|one| one.result.is_ok()), "a mailbox could not be planned");
        planned = drafted.iter().filter_map(|one| one.result.as_ref().ok()).map(entries).sum();
        black_box(text);
    }
    ensure!(planned * 10 > items * 9, "only {planned} items are planned");
    let seconds = median(times);
    eprintln!("  {planned} items: {:.0} items/s", count(planned) / seconds);
    Ok(vec![Row {
        name: format!("plan of {planned} items, read over HTTP"),
        unit: "s wall",
        ours: seconds,
        rival: ("the limit", LIMIT_SECONDS),
        goal: Goal::AtMost(1.0),
    }])
}

fn entries(one: &(lockstep::cycle::CycleContext, lockstep::cycle::Draft)) -> usize {
    one.1.plan.entries.len()
}
