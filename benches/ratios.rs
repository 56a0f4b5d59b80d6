//! Benchmarks as ratios against a rival or a limit measured in the same run.
//!
//! `docs/performance.md` says what each row means. Stand-ins and memory measurements run in
//! processes of their own: this binary starts itself again with a role as argument. Absent:
//! statistics over many runs; a number here is the median of a few rounds.

#[path = "ratios/cycle.rs"]
mod cycle;
#[path = "ratios/engine.rs"]
mod engine;
#[path = "ratios/explain.rs"]
mod explain;
#[path = "ratios/fakes.rs"]
mod fakes;
#[path = "ratios/first.rs"]
mod first;
#[path = "ratios/latency.rs"]
mod latency;
#[path = "ratios/memory.rs"]
mod memory;
#[path = "ratios/monitor.rs"]
mod monitor;
#[path = "ratios/node.rs"]
mod node;
#[path = "ratios/notices.rs"]
mod notices;
#[path = "ratios/plan.rs"]
mod plan;
#[path = "ratios/process.rs"]
mod process;
#[path = "ratios/proxy.rs"]
mod proxy;
#[path = "ratios/quota.rs"]
mod quota;
#[path = "ratios/redis.rs"]
mod redis;
#[path = "ratios/replay.rs"]
mod replay;
#[path = "ratios/stand_ins.rs"]
mod stand_ins;
#[path = "ratios/start.rs"]
mod start;
#[path = "ratios/table.rs"]
mod table;
#[path = "ratios/tasks.rs"]
mod tasks;

use std::process::ExitCode;

use table::Row;

/// The allocator of the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One part of the run: its name and what it measures.
type Part = (&'static str, fn() -> anyhow::Result<Vec<Row>>);

/// In the order of the table.
const PARTS: [Part; 10] = [
    ("engine", engine::run),
    ("cycle", cycle::run),
    ("memory", memory::run),
    ("start", start::run),
    ("first", first::run),
    ("plan", plan::run),
    ("explain", explain::run),
    ("quota", quota::run),
    ("redis", redis::run),
    ("latency", latency::run),
];

fn main() -> anyhow::Result<ExitCode> {
    // Cargo adds `--bench`; it says nothing.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    match arguments.first().map(String::as_str) {
        Some("role:stand-ins") => stand_ins::play(&arguments[1..])?,
        Some("role:actors") => memory::actors(&arguments[1..])?,
        Some("role:start") => start::start(&arguments[1..])?,
        Some("role:tasks") => memory::tasks(&arguments[1..])?,
        _ => return measure(&arguments),
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs the parts that were named, or all of them.
fn measure(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let json = arguments.iter().any(|it| it == "--json");
    let wanted: Vec<&String> = arguments.iter().filter(|it| !it.starts_with("--")).collect();
    let mut rows = Vec::new();
    for (name, part) in PARTS {
        if !wanted.is_empty() && !wanted.iter().any(|it| *it == name) {
            continue;
        }
        eprintln!("measuring: {name}");
        rows.extend(part()?);
    }
    table::print(&rows, json)?;
    Ok(ExitCode::SUCCESS)
}
