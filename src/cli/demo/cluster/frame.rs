//! One table of the demo: nodes, tenants, news.

use std::fmt::Write as _;

use serde_json::Value;

use super::troupe::Troupe;
use crate::cli::table::table;

/// A bar of this many signs is all mailboxes.
const BAR: u64 = 30;

/// Returns the table as text.
pub(super) fn frame(cluster: &Value, troupe: &Troupe, news: &[String]) -> String {
    let mut text = format!("{}\n{}", nodes(cluster, troupe), tenants(cluster));
    for line in news {
        let _ = write!(text, "\n{line}");
    }
    text
}

fn nodes(cluster: &Value, troupe: &Troupe) -> comfy_table::Table {
    let rows = cluster["members"].as_array().map_or(&[][..], Vec::as_slice);
    let all: u64 = rows.iter().filter_map(|row| row["mailboxes"].as_u64()).sum();
    let mut table =
        table(&["Node", "Page", "Process", "Member", "Lease", "Shards", "Mailboxes", "Share"]);
    for (at, seat) in troupe.seats.iter().enumerate() {
        let row = rows.iter().find(|row| seat.is(row));
        let of = |name: &str| row.map_or(Value::Null, |row| row[name].clone());
        let count = of("mailboxes").as_u64();
        let share = count.and_then(|count| (count * BAR).checked_div(all)).unwrap_or(0);
        table.add_row([
            (at + 1).to_string(),
            format!("http://127.0.0.1:{}/", seat.port),
            if seat.runs() { "runs" } else { "killed" }.to_owned(),
            row.map_or("no".to_owned(), |row| row["state"].as_str().unwrap_or("").to_owned()),
            of("leaseSeconds").as_f64().map(|age| format!("{age:.1} s")).unwrap_or_default(),
            of("shards").as_u64().map(|count| count.to_string()).unwrap_or_default(),
            count.map_or("?".to_owned(), |count| count.to_string()),
            "█".repeat(usize::try_from(share).unwrap_or(0)),
        ]);
    }
    table
}

fn tenants(cluster: &Value) -> comfy_table::Table {
    let mut table = table(&[
        "Tenant",
        "Mailboxes",
        "Idle",
        "Running",
        "Back-off",
        "Unknown",
        "Not yet seen",
        "Seen longest ago",
        "Dynamics requests",
    ]);
    for tenant in cluster["tenants"].as_array().into_iter().flatten() {
        let phase = |name: &str| tenant["phases"][name].to_string();
        let oldest = tenant["oldestSeconds"].as_u64();
        table.add_row([
            tenant["tenant"].as_str().unwrap_or_default().to_owned(),
            tenant["mailboxes"].to_string(),
            phase("idle"),
            phase("running"),
            phase("backoff"),
            phase("unknown"),
            tenant["unseen"].to_string(),
            oldest.map(|age| format!("{age} s")).unwrap_or_default(),
            tenant["quota"]["dynamics"]["spent"].to_string(),
        ]);
    }
    table
}
