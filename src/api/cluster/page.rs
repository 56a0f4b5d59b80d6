//! The cluster on the first page: its nodes, and what is missing.

use maud::{Markup, html};

use super::Cluster;
use crate::api::pages::time;

/// Shards without an owner that a page names.
const SHARDS_SHOWN: usize = 16;

/// Returns the part of the first page that shows the nodes.
pub(in crate::api) fn section(cluster: &Cluster) -> Markup {
    let (view, rows) = (&cluster.view, cluster.rows());
    html! {
        h2 { "Nodes" }
        @if !view.member {
            p.halted { "This node is no member of the cluster: what it shows is old, and it works on nothing." }
        }
        @if !cluster.shared {
            p.dim { "One node: its state store is its own." }
        }
        div.wide { table {
            thead { tr { th { "Node" } th { "Listens on" } th { "Role" } th { "State" } th.n { "Lease" } th.n { "Shards" } th.n { "Mailboxes" } th { "Started" } } }
            tbody { @for row in &rows { tr {
                td { (row.node) } td { (row.address) } td { (row.role) }
                td class=(if row.is_missing() { "parked" } else { "idle" }) { (row.state) }
                td.n { @if let Some(lease) = row.lease { (format!("{:.1} s", lease.as_secs_f64())) } }
                td.n { (row.shards) }
                td.n { @if let Some(count) = row.mailboxes { (count) } @else { "?" } }
                td { @if let Some(at) = row.started { (time(at)) } }
            } } }
        } }
        @if !view.closed.is_zero() {
            p.halted { "The state store lost what it had told: no shard is granted for another "
                (format!("{:.0} s", view.closed.as_secs_f64().ceil())) "." }
        }
        p.dim { (view.shards) " shards, " (view.without_owner.len()) " without an owner" (named(cluster))
            "; fences up to " (view.stamp) "; JSON: " a href="/api/v1/cluster" { "cluster" } "." }
    }
}

/// Returns the first shards without an owner in words.
fn named(cluster: &Cluster) -> String {
    let shards = &cluster.view.without_owner;
    let first: Vec<String> = shards.iter().take(SHARDS_SHOWN).map(|it| it.0.to_string()).collect();
    let more = if shards.len() > SHARDS_SHOWN { ", …" } else { "" };
    if first.is_empty() { String::new() } else { format!(" ({}{more})", first.join(", ")) }
}
