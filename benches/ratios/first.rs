//! The first synchronization of an organization, beside what the published quotas allow.

use anyhow::Context as _;
use tokio::time::Instant;

use crate::cycle::count;
use crate::node::Node;
use crate::process::{process_cpu, size};
use crate::stand_ins::{StandIns, WEB_SERVERS};
use crate::table::{Goal, Row};

/// Dataverse: 6,000 requests in 300 seconds for each web server, each request inside of a batch counted
/// (docs/adr/0014).
const DATAVERSE_PER_SECOND: f64 = 6_000.0 / 300.0;
/// Graph: 10,000 requests in ten minutes for each mailbox.
const GRAPH_PER_SECOND: f64 = 10_000.0 / 600.0;

/// Mailboxes of which the requests are looked at one by one.
const SAMPLE: usize = 10;

/// Stands before each request of a multipart batch, and nowhere else in what Lockstep sends.
pub(crate) const PART: &str = "Content-Type: application/http";

/// Returns the requests an item as each side's quota counts them: those inside of batches, too.
fn requests_per_item() -> anyhow::Result<(f64, f64)> {
    let mut stand_ins = StandIns::start(SAMPLE, true)?;
    let node = Node::start(&stand_ins, "embedded")?;
    stand_ins.tell("open")?;
    let (written, _) = node.passes(1);
    let closed = stand_ins.tell("close")?;
    let (mut dataverse, mut graph) = (0, 0);
    for request in closed["requests"].as_array().context("no requests")? {
        let text = |name: &str| request[name].as_str().unwrap_or_default();
        let batch = text("target").ends_with("/$batch");
        if text("target").contains("/dataverse/") {
            dataverse += if batch { text("body").matches(PART).count() } else { 1 };
        } else if batch {
            let body: serde_json::Value = serde_json::from_str(text("body"))?;
            graph += body["requests"].as_array().map_or(1, Vec::len);
        } else {
            graph += 1;
        }
    }
    anyhow::ensure!(dataverse > 0 && graph > 0, "no requests were recorded");
    let written = f64::from(u32::try_from(written)?);
    let (dataverse, graph) = (count(dataverse) / written, count(graph) / written);
    eprintln!("  requests an item: {dataverse:.2} Dataverse, {graph:.2} Graph");
    Ok((dataverse, graph))
}

/// Measures one pass over all mailboxes: everything that is there crosses over in it.
pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let mailboxes = size("LOCKSTEP_BENCH_MAILBOXES", 200)?;
    let stand_ins = StandIns::start(mailboxes, false)?;
    let node = Node::start(&stand_ins, "embedded")?;
    let (started, cpu) = (Instant::now(), process_cpu()?);
    let (written, _) = node.passes(1);
    let (wall, cpu) = (started.elapsed().as_secs_f64(), process_cpu()? - cpu);
    let (rows, items) = (&stand_ins.about["rows"], &stand_ins.about["items"]);
    eprintln!("  {mailboxes} mailboxes, {rows} rows, {items} items: {written} writes, {wall:.1} s");
    eprintln!(
        "  the stand-in plays {WEB_SERVERS} web servers, so that its quota does not slow the run"
    );
    let written = f64::from(u32::try_from(written)?);
    let (dataverse, graph) = requests_per_item()?;
    let boxes = f64::from(u32::try_from(mailboxes)?);
    let name = |what: &str| format!("first synchronization, {mailboxes} x 100 items: {what}");
    Ok(vec![
        Row {
            name: name("speed"),
            unit: "items/s wall",
            ours: written / wall,
            rival: ("Dataverse quota, one web server", DATAVERSE_PER_SECOND / dataverse),
            goal: Goal::AtLeast(1.0),
        },
        Row {
            name: name("speed"),
            unit: "items/s wall",
            ours: written / wall,
            rival: ("Graph quota, all mailboxes", GRAPH_PER_SECOND * boxes / graph),
            goal: Goal::None,
        },
        Row {
            name: name("CPU"),
            unit: "ms CPU/item",
            ours: cpu * 1_000.0 / written,
            rival: ("a core at the Dataverse quota", 1_000.0 * dataverse / DATAVERSE_PER_SECOND),
            goal: Goal::AtMost(1.0),
        },
    ])
}
