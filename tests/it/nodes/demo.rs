//! `lockstep demo --cluster` without a terminal: one round by itself, and nothing is left behind.

use std::time::Duration;

use crate::process::{Running, get_text, until};

/// A round is a lease, and what a debug build needs for a dozen mailboxes.
const ROUND: Duration = Duration::from_secs(120);

/// The addresses of nodes that a table shows.
fn nodes(text: &str) -> Vec<String> {
    let words = text.split_whitespace().filter(|word| word.starts_with("http://127.0.0.1:"));
    let mut nodes: Vec<String> = words.map(str::to_owned).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

fn assert_gone(nodes: &[String]) {
    for node in nodes {
        assert!(get_text(&format!("{node}healthz")).is_none(), "{node} still answers");
    }
}

#[test]
fn the_demo_of_a_cluster_plays_a_round_and_leaves_nothing_behind() {
    // A node is killed, its mailboxes move, it is started again, both worlds agree, and it ends with 0. One
    // that is stopped on its way takes its nodes along as well.
    let _turn = super::rig::turn();
    let arguments = ["demo", "--cluster", "--mailboxes", "12"];
    let mut whole = Running::start(&arguments);
    let mut stopped = Running::start(&arguments);
    let first = stopped.line_with("http://127.0.0.1:");
    let answers = |node: &String| get_text(&format!("{node}healthz")).is_some();
    let seen = nodes(&first);
    assert!(seen.len() == 1 && seen.iter().all(answers), "{first}");
    stopped.terminate();
    assert_eq!(stopped.wait().code, Some(0));
    assert_gone(&seen);
    until(ROUND, "the round is over", || {
        std::thread::park_timeout(Duration::from_millis(200));
        (!whole.runs()).then_some(())
    });
    let ended = whole.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for part in [
        "node 2 is killed",
        "others own all mailboxes of node 2",
        "node 2 is started",
        "both worlds agree",
    ] {
        assert!(ended.out.contains(part), "{part} in {}", ended.out);
    }
    let seen = nodes(&ended.out);
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert_gone(&seen);
}
