//! The master of Redis dies under nodes that work, and Sentinels make its replica the master.

use super::rig::{Rig, turn};
use crate::process::free_port;
use crate::stores::places::{Watched, ask};

const MAILBOXES: usize = 12;

#[test]
fn a_master_that_dies_under_nodes_is_replaced_and_nothing_is_there_twice() {
    // It dies with writes on their way, and people go on with theirs meanwhile: what the replica had not
    // heard of is lost. The nodes find the new master, each works again, and both sides agree.
    let turn = turn();
    let io = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let watched = io.block_on(Watched::start());
    let store = watched.url();
    let Watched { master, replica, watchers: _watchers } = watched;
    let mut rig = Rig::on(turn, MAILBOXES, master, store);
    for _ in 0..3 {
        let node = rig.node(free_port());
        rig.nodes.push(node);
    }
    rig.wait_for_owners(3, &rig.nodes[0].url);
    rig.assert_in_step();

    rig.slow_writes();
    rig.new_work();
    rig.wait_for_writes(6);
    rig.redis.stop();
    rig.new_work();
    rig.quick_writes();
    for node in &rig.nodes {
        let took = rig.wait_for_owners(3, &node.url);
        println!("{} sees all nodes after {took:.1?}", node.url);
    }
    let role = io.block_on(ask(replica.port(), &["INFO", "replication"])).unwrap();
    assert!(role.contains("role:master"), "{role}");
    rig.new_work();
    rig.assert_in_step();
}
