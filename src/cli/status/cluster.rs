//! The whole cluster for people: nodes, tenants, and what stands still, wherever it is.

use serde_json::Value;

use super::text;
use crate::cli::table::table;

/// Shards without an owner that are named.
const SHARDS_SHOWN: usize = 16;

/// Prints the answer of `/api/v1/cluster`.
pub(super) fn print(answer: &Value) {
    nodes(answer);
    tenants(answer);
    stuck(answer);
    problems(answer);
}

/// Tells whether something waits for an operator, or may do so on a node that did not answer.
pub(super) fn wants_somebody(answer: &Value) -> bool {
    let tenants = answer["tenants"].as_array().into_iter().flatten();
    let stands = tenants.into_iter().any(|tenant| {
        ["parked", "halted"].iter().any(|phase| tenant["phases"][*phase].as_u64() > Some(0))
            || tenant["parkedItems"].as_u64() > Some(0)
    });
    let outside = answer["member"] == false;
    let broken = answer["problems"].as_array().is_some_and(|list| !list.is_empty());
    stands || outside || broken || is_anybody_missing(answer)
}

/// Tells whether a member did not answer, so that nobody knows how its mailboxes stand.
fn is_anybody_missing(answer: &Value) -> bool {
    let mut members = answer["members"].as_array().into_iter().flatten();
    members.any(|one| matches!(one["state"].as_str(), Some("silent" | "unasked")))
}

fn nodes(answer: &Value) {
    let mut table = table(&[
        "Node",
        "Listens on",
        "Role",
        "State",
        "Lease",
        "Shards",
        "Mailboxes",
        "Started",
        "Version",
    ]);
    for one in answer["members"].as_array().into_iter().flatten() {
        let mailboxes =
            if one["mailboxes"].is_null() { "?".to_owned() } else { text(&one["mailboxes"]) };
        table.add_row([
            text(&one["node"]),
            text(&one["address"]),
            text(&one["role"]),
            text(&one["state"]),
            seconds(&one["leaseSeconds"]),
            text(&one["shards"]),
            mailboxes,
            text(&one["started"]),
            text(&one["version"]),
        ]);
    }
    say!("{table}");
    let node = text(&answer["node"]);
    if answer["member"] != true {
        say!(
            "the node {node} is no member of the cluster: what it shows is old, and it works on nothing"
        );
    }
    if answer["closedSeconds"].as_f64() > Some(0.0) {
        let left = seconds(&answer["closedSeconds"]);
        say!("the state store lost what it had told: no shard is granted for another {left}");
    }
    if answer["shared"] != true {
        say!("one node: its state store is its own");
    }
    let none = answer["shards"]["withoutOwner"].as_array().map_or(&[][..], Vec::as_slice);
    let mut first: Vec<String> = none.iter().take(SHARDS_SHOWN).map(text).collect();
    if none.len() > SHARDS_SHOWN {
        first.push("…".to_owned());
    }
    let named = if first.is_empty() { String::new() } else { format!(" ({})", first.join(", ")) };
    say!(
        "{} shards, {} without an owner{named}; fences up to {} in generation {}; as {node} saw it {} ago",
        text(&answer["shards"]["all"]),
        none.len(),
        text(&answer["fence"]),
        text(&answer["generation"]),
        seconds(&answer["ageSeconds"]),
    );
}

fn tenants(answer: &Value) {
    let mut table = table(&[
        "Tenant",
        "Mailboxes",
        "Phases",
        "Items waiting",
        "Items parked",
        "Dynamics",
        "Exchange",
        "Trouble",
    ]);
    // What a silent node spent is not in the sum.
    let least = if is_anybody_missing(answer) { "at least " } else { "" };
    for tenant in answer["tenants"].as_array().into_iter().flatten() {
        table.add_row([
            text(&tenant["tenant"]),
            text(&tenant["mailboxes"]),
            phases(&tenant["phases"]),
            text(&tenant["unsettled"]),
            text(&tenant["parkedItems"]),
            user_quota(&tenant["quota"]["dynamics"], least),
            mailbox_quota(&tenant["quota"]["exchange"], least),
            text(&tenant["code"]),
        ]);
    }
    say!("{table}");
}

/// The phases in which mailboxes are.
fn phases(of: &Value) -> String {
    let names = [
        ("idle", "idle"),
        ("running", "running"),
        ("backoff", "in back-off"),
        ("parked", "parked"),
        ("halted", "halted"),
        ("excluded", "excluded"),
        ("unknown", "unknown"),
    ];
    let some = names.into_iter().filter(|(name, _)| of[*name].as_u64() > Some(0));
    some.map(|(name, label)| format!("{} {label}", of[name])).collect::<Vec<_>>().join(", ")
}

/// One budget for the tenant: what all nodes spent of it.
fn user_quota(quota: &Value, least: &str) -> String {
    if quota.is_null() {
        return String::new();
    }
    let paused = if quota["closed"].as_u64() > Some(0) { ", paused" } else { "" };
    format!("{least}{} of {}{paused}", quota["spent"], quota["requests"])
}

/// A budget for each mailbox: what was spent in all, and how many must wait.
fn mailbox_quota(quota: &Value, least: &str) -> String {
    if quota.is_null() {
        return String::new();
    }
    let closed = quota["closed"].as_u64().filter(|count| *count > 0);
    let paused = closed.map(|count| format!(", {count} paused")).unwrap_or_default();
    format!("{least}{}{paused}", quota["spent"])
}

fn stuck(answer: &Value) {
    let list = answer["stuck"].as_array().map_or(&[][..], Vec::as_slice);
    if list.is_empty() {
        return;
    }
    let mut table = table(&["Tenant", "Mailbox", "Node", "Phase", "Code"]);
    for one in list {
        let cells = ["tenant", "mailbox", "node", "phase", "code"].map(|name| text(&one[name]));
        table.add_row(cells);
    }
    say!("{table}");
}

fn problems(answer: &Value) {
    for (list, warning) in [("problems", ""), ("warnings", "warning: ")] {
        for one in answer[list].as_array().into_iter().flatten() {
            let field = one["field"].as_str().filter(|it| !it.is_empty());
            let field = field.map(|it| format!("{it}: ")).unwrap_or_default();
            let place = format!("{}:{}:{}", text(&one["file"]), one["line"], one["column"]);
            say!("{place}: {warning}{field}{}", text(&one["message"]));
            say!("  remedy: {}", text(&one["remedy"]));
        }
    }
}

fn seconds(value: &Value) -> String {
    value.as_f64().map(|seconds| format!("{seconds:.1} s")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tenants_cells_say_what_is_there_and_no_more() {
        // Phases with mailboxes in them; what is spent is the least that it can be while a node is silent.
        let phases_of =
            json!({ "idle": 331, "running": 0, "backoff": 2, "parked": 1, "unknown": 0 });
        assert_eq!(phases(&phases_of), "331 idle, 2 in back-off, 1 parked");
        assert_eq!(phases(&json!({})), "");
        let quota = json!({ "spent": 40, "requests": 6000, "closed": 1 });
        assert_eq!(user_quota(&quota, "at least "), "at least 40 of 6000, paused");
        assert_eq!(mailbox_quota(&quota, ""), "40, 1 paused");
    }

    #[test]
    fn an_operator_is_wanted_where_something_stands_or_is_not_known() {
        // All is well; a mailbox that is parked; a file with a problem; a silent node; no member; and a
        // moment in which nothing is granted, which heals by itself.
        let answer = |change: Value| {
            let mut answer = json!({
                "member": true, "problems": [], "closedSeconds": 0.0, "shards": { "withoutOwner": [] },
                "members": [{ "state": "answered" }], "tenants": [{ "phases": { "parked": 0 } }],
            });
            change
                .as_object()
                .into_iter()
                .flatten()
                .for_each(|(key, value)| answer[key] = value.clone());
            wants_somebody(&answer)
        };
        assert!(!answer(json!({})));
        assert!(answer(json!({ "tenants": [{ "phases": { "parked": 1 } }] })));
        assert!(answer(json!({ "problems": [{}] })));
        assert!(answer(json!({ "members": [{ "state": "silent" }] })));
        assert!(answer(json!({ "member": false })));
        assert!(!answer(json!({ "closedSeconds": 9.0, "shards": { "withoutOwner": [1] } })));
    }
}
