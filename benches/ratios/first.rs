//! The first synchronization of an organization, beside what the published quotas allow.

use anyhow::Context as _;
use tokio::time::Instant;

use crate::node::Node;
use crate::process::{process_cpu, size};
use crate::stand_ins::StandIns;
use crate::table::{Goal, Row};

/// Dataverse: 6,000 requests in 300 seconds for each web server.
const DATAVERSE_PER_SECOND: f64 = 6_000.0 / 300.0;
/// Graph: 10,000 requests in ten minutes for each mailbox.
const GRAPH_PER_SECOND: f64 = 10_000.0 / 600.0;

/// Requests that came in at the stand-ins.
struct Counts {
    dataverse: f64,
    graph: f64,
}

impl Counts {
    fn read(stand_ins: &mut StandIns) -> anyhow::Result<Self> {
        let counts = stand_ins.tell("count")?;
        let number = |name: &str| counts[name].as_f64().context("no count");
        Ok(Self { dataverse: number("dataverse")?, graph: number("graph")? })
    }
}

/// Measures one pass over all mailboxes: everything that is there crosses over in it.
pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let mailboxes = size("LOCKSTEP_BENCH_MAILBOXES", 200)?;
    let mut stand_ins = StandIns::start(mailboxes, false)?;
    let node = Node::start(&stand_ins)?;
    let before = Counts::read(&mut stand_ins)?;
    let (started, cpu) = (Instant::now(), process_cpu()?);
    let (written, _) = node.passes(1);
    let (wall, cpu) = (started.elapsed().as_secs_f64(), process_cpu()? - cpu);
    let after = Counts::read(&mut stand_ins)?;
    let (rows, items) = (&stand_ins.about["rows"], &stand_ins.about["items"]);
    eprintln!("  {mailboxes} mailboxes, {rows} rows, {items} items: {written} writes, {wall:.1} s");
    let written = f64::from(u32::try_from(written)?);
    let dataverse = (after.dataverse - before.dataverse) / written;
    let graph = (after.graph - before.graph) / written;
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
