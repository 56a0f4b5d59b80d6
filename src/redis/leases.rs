//! The cluster's table in Redis: one script a step, by the server's clock.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;

use super::{RedisStore, keys};
use crate::domain::ids::Fence;
use crate::ports::error::StoreError;
use crate::ports::lease::LeaseStore;
use crate::shards::table::{Answer, Card, Holding, MOMENT, Mark, Member, Role, Step};
use crate::shards::{Generation, Incarnation, NodeId, Shard};

/// The longest membership, in milliseconds: a year.
const TTL_MAX_MS: u64 = 365 * 24 * 60 * 60 * 1_000;
/// Stands for no address, and for no generation.
const NONE: &str = "-";

/// What `step.lua` returns.
type Raw =
    (bool, u64, u64, String, u64, u64, HashMap<String, String>, Option<HashMap<u16, String>>);

#[async_trait]
impl LeaseStore for RedisStore {
    async fn step(&self, step: &Step) -> Result<Answer, StoreError> {
        let keys = keys::of_cluster();
        let mut call = self.scripts.step.key(keys.members);
        call.key(keys.shards).key(keys.stamp).key(keys.generation).key(keys.history);
        call.arg(step.node.as_str()).arg(hex(step.incarnation.0)).arg(u8::from(step.first));
        call.arg(role_name(step.role)).arg(step.ttl.min(TTL_MAX_MS)).arg(step.card.started);
        // Without spaces, which part the fields.
        let address = NodeId::new(&step.card.address);
        call.arg(if address.as_str().is_empty() { NONE } else { address.as_str() });
        call.arg(step.known).arg(hex(step.generation.0));
        let seen = step.seen.map(|seen| (hex(seen.generation.0), seen.steps));
        let (life, steps) = seen.unwrap_or_else(|| (NONE.to_owned(), 0));
        call.arg(life).arg(steps).arg(step.pause.min(TTL_MAX_MS)).arg(MOMENT);
        call.arg(step.give.len()).arg(step.take.len());
        for (shard, fence) in &step.give {
            call.arg(shard.0).arg(fence.0);
        }
        for shard in &step.take {
            call.arg(shard.0);
        }
        let (accepted, now, stamp, generation, steps, opens, members, shards): Raw =
            self.leases.run(&call).await?;
        let generation = u128::from_str_radix(&generation, 16).map(Generation);
        let generation = generation.map_err(|_| damaged("generation"))?;
        Ok(Answer {
            accepted,
            now,
            stamp,
            mark: Mark { generation, steps },
            opens,
            members: members
                .iter()
                .map(member)
                .collect::<Option<_>>()
                .ok_or_else(|| damaged("member"))?,
            shards: shards.map(|all| holdings(&all)).transpose()?,
        })
    }
}

fn damaged(what: &str) -> StoreError {
    StoreError::Corrupt(format!("the cluster's table: a {what} is damaged"))
}

fn hex(number: u128) -> String {
    format!("{number:032x}")
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Serving => "s",
        Role::Draining => "d",
        Role::Visiting => "v",
    }
}

fn member((node, text): (&String, &String)) -> Option<(NodeId, Member)> {
    let mut parts = text.split(' ');
    let incarnation = u128::from_str_radix(parts.next()?, 16).ok()?;
    let until = parts.next()?.parse().ok()?;
    let ttl = parts.next()?.parse().ok()?;
    let role = match parts.next()? {
        "s" => Role::Serving,
        "d" => Role::Draining,
        "v" => Role::Visiting,
        _ => return None,
    };
    let started = parts.next()?.parse().ok()?;
    let address = parts.next().filter(|it| *it != NONE).unwrap_or_default().to_owned();
    let card = Card { address, started };
    let member = Member { incarnation: Incarnation(incarnation), until, ttl, role, card };
    Some((NodeId::new(node), member))
}

fn holdings(all: &HashMap<u16, String>) -> Result<BTreeMap<Shard, Holding>, StoreError> {
    let read = |(shard, text): (&u16, &String)| {
        let (fence, rest) = text.split_once(' ')?;
        let (incarnation, node) = rest.split_once(' ')?;
        let incarnation = u128::from_str_radix(incarnation, 16).ok()?;
        let (fence, node) = (Fence(fence.parse().ok()?), NodeId::new(node));
        Some((Shard(*shard), Holding { fence, node, incarnation: Incarnation(incarnation) }))
    };
    all.iter().map(|one| read(one).ok_or_else(|| damaged("shard"))).collect()
}
