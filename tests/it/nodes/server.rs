//! The server fails under nodes that work: it restarts, is emptied, comes back as it was before.

use std::time::Duration;

use super::rig::Rig;
use crate::process::{get, get_text, run, until};

/// An outage that nodes notice and sit out.
const OUTAGE: Duration = Duration::from_secs(30);

impl Rig {
    /// Waits until every node says that nothing is granted, and how long yet.
    fn wait_for_closed_table(&self) {
        for node in &self.nodes {
            until(OUTAGE, "a node says that nothing is granted", || {
                let told = get(&format!("{}/api/v1/cluster", node.url))?;
                let left = told["closedSeconds"].as_f64()?;
                assert!(left <= 15.0, "{told:#}");
                (left > 0.0).then_some(())
            });
            let status = run(&["status", "--url", &node.url]);
            assert!(status.out.contains("no shard is granted for another"), "{status:?}");
            let page = get_text(&node.url).unwrap();
            assert!(page.contains("no shard is granted for another"), "{page}");
        }
    }

    /// Waits until every node says that it is no member any more.
    fn wait_for_doubt(&self) {
        until(OUTAGE, "each node says that it cannot work", || {
            std::thread::park_timeout(Duration::from_millis(100));
            let ready = |url: &str| get_text(&format!("{url}/readyz")).is_some();
            (!self.nodes.iter().any(|node| ready(&node.url))).then_some(())
        });
        for node in &self.nodes {
            let told = get(&format!("{}/api/v1/cluster", node.url)).unwrap();
            assert_eq!(told["member"], false, "{told:#}");
            assert!(told["ageSeconds"].as_f64() > Some(5.0), "{told:#}");
        }
    }
}

#[test]
fn a_server_that_restarts_forgets_or_goes_back_costs_nothing_twice() {
    // Each in the middle of work. The nodes say that they cannot work while it is away, work again by
    // themselves, and find every pair by its markers.
    let mut rig = Rig::start_slowly(2);
    rig.wait_for_writes(20);
    rig.redis.command(&["FLUSHALL"]);
    rig.wait_for_closed_table();
    rig.quick_writes();
    rig.assert_in_step();

    let dump = rig.redis.dump();
    rig.new_work();
    rig.wait_for_writes(6);
    rig.redis.shut_down();
    rig.redis.start_again();
    rig.assert_in_step();

    rig.new_work();
    rig.wait_for_writes(6);
    rig.redis.stop();
    rig.wait_for_doubt();
    rig.redis.restore(&dump);
    rig.redis.start_again();
    rig.wait_for_owners(2, &rig.nodes[0].url);
    rig.assert_in_step();
}
