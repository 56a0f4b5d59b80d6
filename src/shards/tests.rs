//! Tests of the protocol by itself: placement, the table, and processes that talk to it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use uuid::Uuid;

use super::node::{Node, Terms, Want};
use super::placement::owner_of;
use super::table::{Answer, Card, MOMENT, Mark, Role, Step, Table};
use super::{Generation, Incarnation, NodeId, SHARDS, Shard, shard_of};
use crate::domain::ids::{Fence, MailboxKey, TenantId};

const TERMS: Terms = Terms { ttl: 1_000, safety: 200, write: 600 };
const GENERATION: Generation = Generation(7);

fn key(tenant: &str, mailbox: u128) -> MailboxKey {
    MailboxKey { tenant: TenantId::new(tenant), mailbox: Uuid::from_u128(mailbox) }
}

fn name(number: u128) -> NodeId {
    NodeId::new(&format!("node-{number}"))
}

fn node(number: u128, shards: u16) -> Node {
    Node::new(name(number), Incarnation(number), Card::default(), TERMS, shards)
}

/// One beat: asked, carried out and answered at one instant.
fn beat(node: &mut Node, table: &mut Table, now: u64) -> Answer {
    beat_while(node, table, now, &|_| false)
}

fn beat_while(
    node: &mut Node,
    table: &mut Table,
    now: u64,
    busy: &dyn Fn(Shard) -> bool,
) -> Answer {
    let step = node.next(busy, GENERATION);
    let answer = table.step(&step, now);
    node.answered(now, &step, answer.clone());
    answer
}

fn step(number: u128, take: &[u16]) -> Step {
    Step {
        node: name(number),
        incarnation: Incarnation(number),
        first: false,
        role: Role::Serving,
        card: Card::default(),
        ttl: 100,
        give: Vec::new(),
        take: take.iter().copied().map(Shard).collect(),
        known: 0,
        generation: GENERATION,
        seen: None,
        pause: TERMS.ttl,
    }
}

#[test]
fn shards_are_stable() {
    // Other nodes and later versions must find the same mailbox in the same shard.
    let golden = [
        (key("contoso", 1), 21),
        (key("contoso", 2), 322),
        (key("fabrikam", 1), 181),
        (key("a", u128::MAX), 64),
    ];
    let shards = golden.clone().map(|(key, _)| shard_of(&key).0);
    assert_eq!(shards, golden.map(|(_, shard)| shard));
}

#[test]
fn shards_are_even() {
    // A hundred mailboxes a shard on average, and no shard far from it.
    let mut counts = vec![0u32; usize::from(SHARDS)];
    for mailbox in 0..u128::from(SHARDS) * 100 {
        counts[usize::from(shard_of(&key("contoso", mailbox)).0)] += 1;
    }
    let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
    assert!(*least > 60 && *most < 145, "{least}..{most}");
}

#[test]
fn placement_is_stable_and_even() {
    // Every version places alike, and no member of ten is far from a tenth.
    let nodes: Vec<NodeId> = (0..10).map(name).collect();
    let serving: Vec<&NodeId> = nodes.iter().collect();
    let mut counts = BTreeMap::new();
    for shard in Shard::all() {
        *counts.entry(owner_of(shard, &serving).unwrap()).or_insert(0) += 1;
    }
    assert!(counts.len() == 10 && counts.values().all(|n| (70..140).contains(n)), "{counts:?}");
    let golden: Vec<_> = [0, 1, 2, 1_023].map(|n| owner_of(Shard(n), &serving)).into();
    let names: Vec<&str> = golden.iter().map(|node| node.unwrap().as_str()).collect();
    assert_eq!(names, ["node-0", "node-8", "node-7", "node-4"]);
    assert_eq!(owner_of(Shard(0), &[]), None);
}

proptest! {
    #[test]
    fn only_what_must_move_moves(members in prop::collection::btree_set(0u128..1_000, 1..9)) {
        // A newcomer takes from the others and gives nothing to them; a leaver's shards are shared out.
        let nodes: Vec<NodeId> = members.iter().copied().map(name).collect();
        let newcomer = name(5_000);
        let before: Vec<&NodeId> = nodes.iter().collect();
        let after: Vec<&NodeId> = before.iter().copied().chain([&newcomer]).collect();
        for shard in Shard::all() {
            let (old, new) = (owner_of(shard, &before), owner_of(shard, &after));
            prop_assert!(new == old || new == Some(&newcomer));
        }
    }

    #[test]
    fn a_cluster_settles_and_stays(
        count in 1usize..5,
        moves in prop::collection::vec((0usize..5, 0u8..4), 0..6),
    ) {
        // After whatever joins, drains and deaths, quiet beats leave each shard with the one member
        // that placement names, and then nothing moves any more.
        let mut table = Table::default();
        let mut now = 10;
        let mut nodes: Vec<Node> = (0..count as u128).map(|number| node(number, 32)).collect();
        let mut fresh = 100;
        for (at, act) in moves {
            let at = at % nodes.len();
            match act {
                0 => drop(nodes.remove(at)),
                1 => nodes[at].want(Want::Nothing),
                _ => {
                    fresh += 1;
                    nodes.push(node(fresh, 32));
                }
            }
            if nodes.is_empty() {
                nodes.push(node(99, 32));
            }
            for one in &mut nodes {
                now += 50;
                beat(one, &mut table, now);
            }
        }
        now += TERMS.ttl;
        for _ in 0..4 {
            for one in &mut nodes {
                now += 10;
                beat(one, &mut table, now);
            }
        }
        let members = nodes[0].members().clone();
        let serving = super::placement::serving(&members);
        let mut owned = BTreeMap::new();
        for one in &nodes {
            for (shard, fence) in one.owned() {
                prop_assert!(owned.insert(shard, (one.name().clone(), fence)).is_none());
            }
        }
        if serving.is_empty() {
            prop_assert!(nodes.iter().all(|one| one.holds() == 0));
        } else {
            for shard in (0..32).map(Shard) {
                let owner = owned.get(&shard).map(|(name, _)| name);
                prop_assert_eq!(owner, owner_of(shard, &serving), "{:?}", shard);
            }
        }
        let stamp = table.stamp();
        for one in &mut nodes {
            now += 10;
            beat(one, &mut table, now);
        }
        prop_assert_eq!(table.stamp(), stamp);
    }

    #[test]
    fn fences_rise_over_every_grant(
        steps in prop::collection::vec((0u128..3, 0u16..4, any::<bool>(), 0u64..80), 1..40),
        reset in 0usize..40,
    ) {
        // Whoever gets a shard, after whatever time and also after the loss of the store.
        let mut table = Table::default();
        let (mut now, mut last) = (1_000, BTreeMap::new());
        for (at, (who, shard, give, wait)) in steps.into_iter().enumerate() {
            now += wait;
            if at == reset {
                table = Table::default();
                now += 1;
            }
            let mut asked = step(who, &[shard]);
            if give {
                let fence = last.get(&Shard(shard)).copied().unwrap_or(Fence(0));
                asked.give = vec![(Shard(shard), fence)];
            }
            let before = table.clone();
            let answer = table.step(&asked, now);
            let holding = &answer.shards.unwrap_or_default()[&Shard(shard)];
            let changed = answer.stamp > before.stamp() || at == reset;
            let granted = holding.incarnation == Incarnation(who);
            if changed && granted && holding.fence.0 == answer.stamp {
                let before = last.insert(Shard(shard), holding.fence);
                prop_assert!(before < Some(holding.fence));
                prop_assert!(holding.fence.0 >= now);
            }
        }
    }
}

#[test]
fn the_shards_of_the_dead_are_free_at_once() {
    // While a membership lives nobody else gets its shards; one renewal keeps them all; then all go.
    let mut table = Table::default();
    table.step(&step(1, &[1, 2, 3]), 0);
    let refused = table.step(&step(2, &[2]), 50);
    assert_eq!(refused.shards.unwrap()[&Shard(2)].incarnation, Incarnation(1));
    table.step(&step(1, &[]), 60);
    let late = table.step(&step(2, &[2]), 159);
    assert_eq!(late.shards.unwrap()[&Shard(2)].incarnation, Incarnation(1));
    let free = table.step(&step(2, &[1, 2, 3]), 160);
    assert_eq!(free.members.keys().collect::<Vec<_>>(), [&name(2)]);
    assert!(free.shards.unwrap().values().all(|it| it.incarnation == Incarnation(2)));
}

#[test]
fn a_restart_takes_its_own_place_and_no_other_does() {
    // The new process of a node is let in at once, the old one never again while the new one lives. The
    // old one may be alive and not know it: its shards stay its own until its lease would have ended.
    let mut table = Table::default();
    let mut old = node(1, 4);
    beat(&mut old, &mut table, 0);
    beat(&mut old, &mut table, 1);
    assert_eq!(old.owned().len(), 4);
    let mut new = Node::new(name(1), Incarnation(2), Card::default(), TERMS, 4);
    for now in [2, 3, 799, 1_000] {
        assert!(beat(&mut new, &mut table, now).accepted);
        assert!(new.owned().is_empty(), "{now}");
    }
    assert!(old.may_start(Shard(0), 800).is_some() && old.may_start(Shard(0), 801).is_none());
    beat(&mut new, &mut table, 1_001);
    assert_eq!(new.owned().len(), 4);
    assert!(!beat(&mut old, &mut table, 1_002).accepted);
    assert!(old.is_replaced() && !old.is_sure(1_003) && old.owned().is_empty());
    assert_eq!(new.may_start(Shard(0), 1_003), Some(Fence(1_001)));
    // When the other is gone, it joins again and holds only what it is granted anew.
    let gone = new.leave(&|_| false, GENERATION);
    table.step(&gone, 1_004);
    beat(&mut old, &mut table, 1_005);
    beat(&mut old, &mut table, 1_006);
    assert!(!old.is_replaced());
    assert!(old.owned().values().all(|fence| fence.0 >= 1_005) && old.owned().len() == 4);
}

#[test]
fn a_clock_that_is_set_back_keeps_nobody_alive() {
    // No lease ends later than its own length from now, that of a process which lost its place neither.
    for replaced in [false, true] {
        let (mut table, hour) = (Table::default(), 3_600_000);
        table.step(&step(1, &[1]), hour + 10);
        if replaced {
            let next = Step { incarnation: Incarnation(5), first: true, ..step(1, &[]) };
            table.step(&Step { ttl: 40, ..next }, hour + 10);
        }
        let early = table.step(&step(2, &[1]), 10);
        assert_eq!(early.shards.unwrap()[&Shard(1)].incarnation, Incarnation(1));
        let late = table.step(&step(2, &[1]), 109);
        assert_eq!(late.shards.unwrap()[&Shard(1)].incarnation, Incarnation(1));
        let free = table.step(&step(2, &[1]), 110);
        assert_eq!(free.members.keys().collect::<Vec<_>>(), [&name(2)]);
        let holding = &free.shards.unwrap()[&Shard(1)];
        assert_eq!(holding.incarnation, Incarnation(2));
        assert!(holding.fence > Fence(hour + 10), "{holding:?}");
    }
}

#[test]
fn who_joins_or_changes_something_is_told_all() {
    // Two histories of a store may meet in one stamp: a grant of the other one must not be kept.
    let mut table = Table::default();
    table.step(&step(1, &[1]), 10);
    let known = |step: Step| Step { known: 10, ..step };
    assert!(table.step(&known(step(1, &[])), 11).shards.is_none());
    assert!(table.step(&known(step(2, &[])), 11).shards.is_some(), "it joins");
    assert!(table.step(&known(step(2, &[])), 12).shards.is_none());
    let moved = table.step(&Step { known: 13, ..step(2, &[2]) }, 13);
    assert_eq!((moved.stamp, moved.shards.is_some()), (13, true), "it was granted something");
}

#[test]
fn a_gift_that_arrives_late_gives_nothing_away() {
    // A request that was held up names the fence of its time.
    let mut table = Table::default();
    table.step(&step(1, &[1]), 10);
    let late = Step { give: vec![(Shard(1), Fence(10))], ..step(1, &[]) };
    table.step(&late, 20);
    table.step(&step(1, &[1]), 30);
    let answer = table.step(&late, 40);
    assert_eq!(answer.shards.unwrap()[&Shard(1)].fence, Fence(30));
}

#[test]
fn a_node_stops_before_its_lease_ends() {
    // Counted from before the request, less the margin; a late answer gives no more time.
    let (mut table, mut node) = (Table::default(), node(1, 2));
    beat(&mut node, &mut table, 0);
    let asked = node.next(&|_| false, GENERATION);
    let answer = table.step(&asked, 300);
    node.answered(100, &asked, answer);
    let fence = node.may_start(Shard(1), 899);
    assert!(fence.is_some());
    assert!(node.may_write(Shard(1), fence.unwrap(), 899));
    // What is sent now must be carried out before.
    assert!(node.may_send(Shard(1), fence.unwrap(), 499));
    assert!(!node.may_send(Shard(1), fence.unwrap(), 500));
    assert_eq!(node.may_start(Shard(1), 900), None);
    assert!(!node.may_write(Shard(1), fence.unwrap(), 900));
    // An answer that came still finds what nobody took, under the same fence.
    beat(&mut node, &mut table, 1_250);
    assert_eq!(node.may_start(Shard(1), 1_300), fence);
}

#[test]
fn a_shard_is_given_back_when_its_work_ended() {
    // New work does not begin in a shard that leaves; old work writes until it ends by itself.
    let (mut table, mut one, mut two) = (Table::default(), node(1, 8), node(2, 8));
    beat(&mut one, &mut table, 0);
    beat(&mut one, &mut table, 1);
    let before = one.owned();
    beat(&mut two, &mut table, 2);
    beat_while(&mut one, &mut table, 3, &|_| true);
    let left: BTreeSet<Shard> = before.keys().copied().filter(|it| one.leaves(*it)).collect();
    assert!(!left.is_empty() && left.len() < 8 && one.is_unsettled());
    beat_while(&mut one, &mut table, 4, &|_| true);
    for shard in &left {
        assert_eq!(one.may_start(*shard, 5), None);
        assert!(one.may_write(*shard, before[shard], 5));
        assert_eq!(table.clone().step(&step(2, &[shard.0]), 5).stamp, table.stamp());
    }
    // Neither who waits for a shard nor who keeps it waiting has anything to tell meanwhile.
    beat(&mut two, &mut table, 5);
    let told = (one.moves(), two.moves());
    for _ in 0..5 {
        beat_while(&mut one, &mut table, 5, &|_| true);
        beat(&mut two, &mut table, 5);
    }
    assert_eq!((one.moves(), two.moves()), told);
    beat(&mut one, &mut table, 6);
    beat(&mut two, &mut table, 7);
    assert_eq!(two.owned().into_keys().collect::<BTreeSet<_>>(), left);
    assert!(!one.is_unsettled() && !two.is_unsettled());
    assert!(two.owned().values().all(|fence| *fence > before[&Shard(0)]));
}

/// A table of several processes that is open from `MOMENT` on.
fn open_table() -> Table {
    let mut table = Table::shared();
    table.step(&Step { ttl: 0, ..step(99, &[]) }, 0);
    table
}

#[test]
fn a_store_that_forgot_grants_nothing_for_one_lease() {
    // Emptied, or back at an earlier state: whoever was told of more says so, and what was lost is granted
    // anew under newer fences when nobody can believe in it any more. What the store still names goes on.
    let (mut table, mut node) = (open_table(), node(1, 4));
    beat(&mut node, &mut table, 5_000);
    let early = table.clone();
    beat(&mut node, &mut table, 5_010);
    let first = node.owned();
    let later = table.clone();
    beat(&mut node, &mut table, 5_015);
    for mut lost in [Table::shared(), early] {
        let mut node = node.clone();
        for now in [5_020, 5_030, 5_500, 6_019] {
            let answer = beat(&mut node, &mut lost, now);
            assert_eq!((answer.opens, node.closed()), (6_020, 6_020));
            assert!(node.owned().is_empty() && node.is_unsettled(), "{:?}", node.owned());
            let stranger = lost.clone().step(&step(2, &[3]), now);
            assert!(stranger.shards.is_none_or(|all| !all.contains_key(&Shard(3))));
        }
        beat(&mut node, &mut lost, 6_020);
        let owned = node.owned();
        assert!(owned.len() == 4 && owned.iter().all(|(at, it)| *it > first[at]), "{owned:?}");
    }
    let mut lost = later;
    beat(&mut node, &mut lost, 5_020);
    assert_eq!((node.owned(), node.closed()), (first.clone(), 6_020));
    // A mailbox that saw a newer fence makes one shard's grant worthless; it is replaced.
    node.doubt(Shard(2), first[&Shard(2)]);
    assert_eq!(node.may_start(Shard(2), 5_021), None);
    beat(&mut node, &mut lost, 6_019);
    assert_eq!(node.owned().len(), 3);
    beat(&mut node, &mut lost, 6_020);
    assert!(node.owned()[&Shard(2)] >= Fence(6_020) && node.owned()[&Shard(1)] == first[&Shard(1)]);
}

#[test]
fn a_process_that_no_answer_reaches_closes_the_table_once() {
    // It tells of the same loss with each step, whether the store was emptied or went back.
    for other in [GENERATION, Generation(8)] {
        let mut lost = Table::shared();
        lost.step(&Step { generation: other, ttl: 0, ..step(99, &[]) }, 0);
        let seen = Some(Mark { generation: GENERATION, steps: 90 });
        for now in (5_000..20_000).step_by(500) {
            let answer = lost.step(&Step { seen, first: true, ..step(1, &[]) }, now);
            assert_eq!(answer.opens, if now < 6_000 { 6_000 } else { 0 }, "{now}");
        }
        // Another loss closes it again.
        let seen = Some(Mark { generation: Generation(9), steps: 1 });
        assert_eq!(lost.step(&Step { seen, ..step(2, &[]) }, 30_000).opens, 31_000);
    }
}

#[test]
fn shares_stay_while_nothing_is_granted() {
    // A node that joins then would get nothing, and what the others gave up for it would be nobody's.
    let (mut table, mut one, mut two) = (open_table(), node(1, 8), node(2, 8));
    beat(&mut one, &mut table, 5_000);
    beat(&mut one, &mut table, 5_001);
    let late = Mark { generation: GENERATION, steps: 90 };
    table.step(&Step { seen: Some(late), ttl: 0, ..step(99, &[]) }, 5_002);
    beat(&mut two, &mut table, 5_003);
    for now in [5_100, 5_600, 6_001] {
        beat(&mut one, &mut table, now);
        assert!(one.owned().len() == 8 && one.is_unsettled(), "{now}");
        beat(&mut two, &mut table, now);
        assert!(two.owned().is_empty() && two.is_unsettled(), "{now}");
    }
    for now in 6_002..6_008 {
        beat(&mut one, &mut table, now);
        beat(&mut two, &mut table, now);
    }
    assert!(!one.owned().is_empty() && !two.owned().is_empty());
    assert_eq!(one.owned().len() + two.owned().len(), 8);
    assert!(!one.is_unsettled() && !two.is_unsettled());
}

#[test]
fn who_joins_a_closed_table_holds_nothing_of_before() {
    // In the history that was lost its lease may have ended, and another had its shards.
    let (mut table, mut slow, mut other) = (open_table(), node(1, 2), node(2, 2));
    beat(&mut slow, &mut table, 5_000);
    beat(&mut slow, &mut table, 5_001);
    let early = table.clone();
    beat(&mut other, &mut table, 6_001);
    beat(&mut other, &mut table, 6_002);
    assert_eq!((slow.owned().len(), other.owned().len()), (2, 2));
    let mut lost = early;
    beat(&mut other, &mut lost, 6_003);
    assert!(other.owned().is_empty());
    beat(&mut slow, &mut lost, 6_004);
    assert!(slow.owned().is_empty() && slow.is_sure(6_005));
}

#[test]
fn a_new_table_waits_for_those_who_know_of_another() {
    // A process that starts when the store was emptied a moment ago is not the first one.
    let (mut table, mut old) = (Table::shared(), node(1, 2));
    let first = beat(&mut old, &mut table, 0);
    assert_eq!(first.opens, MOMENT);
    beat(&mut old, &mut table, MOMENT);
    beat(&mut old, &mut table, MOMENT);
    assert_eq!(old.owned().len(), 2);
    let (mut emptied, mut new) = (Table::shared(), node(2, 2));
    for now in [2_000, 2_000 + MOMENT - 1] {
        let asked = new.next(&|_| false, Generation(8));
        let answer = emptied.step(&asked, now);
        assert_eq!(answer.opens, 3_000);
        new.answered(now, &asked, answer);
        assert!(new.owned().is_empty());
    }
    let told = beat(&mut old, &mut emptied, 2_000 + MOMENT - 1);
    beat(&mut new, &mut emptied, told.opens - 1);
    assert!(new.owned().is_empty());
    // The server's clock is set back: it is closed for no longer than was said.
    let early = emptied.clone().step(&step(3, &[]), 100);
    assert_eq!((early.opens, told.opens), (100 + TERMS.ttl, 3_999));
    beat(&mut new, &mut emptied, told.opens);
    beat(&mut new, &mut emptied, told.opens);
    assert!(!new.owned().is_empty());
}

#[test]
fn what_one_process_keeps_for_itself_is_never_closed() {
    // Nobody else can have been granted anything, so there is nothing to wait for.
    let (mut table, mut node) = (Table::default(), node(1, 2));
    for now in [0, 1] {
        beat(&mut node, &mut table, now);
    }
    assert_eq!(node.owned().len(), 2);
    let mut anew = Table::after(table.stamp());
    for now in [2, 3] {
        beat(&mut node, &mut anew, now);
    }
    assert_eq!((node.owned().len(), node.closed()), (2, 3));
}

#[test]
fn a_lost_answer_costs_one_beat() {
    // What was granted without a word is granted anew, under a new fence.
    let (mut table, mut node) = (Table::default(), node(1, 2));
    beat(&mut node, &mut table, 0);
    let asked = node.next(&|_| false, GENERATION);
    table.step(&asked, 10);
    assert_eq!(node.may_start(Shard(0), 11), None);
    beat(&mut node, &mut table, 20);
    assert_eq!(node.may_start(Shard(0), 21), Some(Fence(20)));
}

#[test]
fn a_visitor_gets_what_is_free_and_moves_nobody() {
    // A command names its shards, is told who holds them, and placement does not count it.
    let (mut table, mut serving, mut visitor) = (Table::default(), node(1, 4), node(2, 4));
    visitor.want(Want::Named([Shard(1), Shard(2)].into()));
    beat(&mut visitor, &mut table, 0);
    assert_eq!(visitor.owned().len(), 2);
    beat(&mut serving, &mut table, 2);
    beat(&mut serving, &mut table, 3);
    assert_eq!(serving.owned().into_keys().collect::<Vec<_>>(), [Shard(0), Shard(3)]);
    assert_eq!(serving.other_holder(Shard(1)).map(|(node, _)| node.clone()), Some(name(2)));
    let gone = visitor.leave(&|_| false, GENERATION);
    table.step(&gone, 4);
    beat(&mut serving, &mut table, 5);
    beat(&mut serving, &mut table, 6);
    assert_eq!((serving.owned().len(), serving.counts()[&name(1)]), (4, 4));
}
