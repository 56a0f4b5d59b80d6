//! What the servers say of their own settings, and what of it endangers what is stored there.
//!
//! Absent: mending anything. A server that does not let its settings be read is told as such.

use std::collections::{BTreeMap, HashMap};

use redis::aio::MultiplexedConnection;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, RedisError, Value, from_redis_value};
use tokio::time::timeout;

use super::{Address, RedisOptions, unavailable};
use crate::ports::error::StoreError;

/// Something about a server that an operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The server, as host and port.
    pub server: String,
    /// What is wrong with it.
    pub message: String,
    /// What to do about it.
    pub remedy: &'static str,
}

/// What one server says; `None`: it does not let that be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Facts {
    replicas: Option<u32>,
    replicas_needed: Option<u32>,
    eviction: Option<String>,
    log: Option<String>,
}

/// Asks the server, in a cluster each master, for its settings.
///
/// # Errors
/// When none is reached.
pub async fn inspect(address: &Address, options: RedisOptions) -> Result<Vec<Remark>, StoreError> {
    let patience = options.connect_timeout.saturating_add(options.response_timeout);
    let asked = timeout(patience, Asked::open(address, options)).await;
    let mut asked = asked.map_err(unavailable)?.map_err(unavailable)?;
    let facts = timeout(patience * 5, asked.facts()).await.map_err(unavailable)?;
    Ok(facts.iter().flat_map(|(server, facts)| remarks(server, facts)).collect())
}

/// A connection to all servers that take writes.
enum Asked {
    One(String, MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Asked {
    async fn open(address: &Address, options: RedisOptions) -> Result<Self, RedisError> {
        let (connect, response) = (options.connect_timeout, options.response_timeout);
        if let Some(cluster) = address.cluster(connect, response)? {
            return Ok(Self::Cluster(cluster.get_async_connection().await?));
        }
        let client = address.route()?.find().await?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connect))
            .set_response_timeout(Some(response));
        let name = client.get_connection_info().addr().to_string();
        Ok(Self::One(name, client.get_multiplexed_async_connection_with_config(&config).await?))
    }

    async fn facts(&mut self) -> BTreeMap<String, Facts> {
        let mut facts: BTreeMap<String, Facts> = BTreeMap::new();
        let sections = self.ask::<String>(redis::cmd("INFO").arg("replication")).await;
        for (server, text) in sections.unwrap_or_default() {
            let replicas = text.lines().find_map(|line| line.strip_prefix("connected_slaves:"));
            let replicas = replicas.and_then(|count| count.trim().parse().ok());
            facts.entry(server).or_default().replicas = replicas;
        }
        for (name, put) in SETTINGS {
            let mut command = redis::cmd("CONFIG");
            command.arg("GET").arg(name);
            let found = self.ask::<HashMap<String, String>>(&command).await;
            for (server, mut found) in found.unwrap_or_default() {
                let Some(value) = found.remove(name) else { continue };
                put(facts.entry(server).or_default(), value);
            }
        }
        if facts.is_empty() {
            let name = match self {
                Self::One(name, _) => name.clone(),
                Self::Cluster(_) => "the cluster".to_owned(),
            };
            facts.insert(name, Facts::default());
        }
        facts
    }

    /// Returns the answer of each server.
    async fn ask<T: FromRedisValue>(
        &mut self,
        command: &Cmd,
    ) -> Result<Vec<(String, T)>, RedisError> {
        match self {
            Self::One(name, connection) => {
                Ok(vec![(name.clone(), command.query_async(connection).await?)])
            }
            Self::Cluster(connection) => {
                let all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
                let answers: Vec<(String, Value)> =
                    from_redis_value(connection.route_command(command.clone(), all).await?)?;
                let read = |(server, value)| Ok((server, from_redis_value(value)?));
                answers.into_iter().map(read).collect()
            }
        }
    }
}

type Put = fn(&mut Facts, String);

const SETTINGS: [(&str, Put); 3] = [
    ("min-replicas-to-write", |facts, value| facts.replicas_needed = value.parse().ok()),
    ("maxmemory-policy", |facts, value| facts.eviction = Some(value)),
    ("appendonly", |facts, value| facts.log = Some(value)),
];

/// Decides what to say of a server.
fn remarks(server: &str, facts: &Facts) -> Vec<Remark> {
    let remark = |message: String, remedy| Remark { server: server.to_owned(), message, remedy };
    let mut found = Vec::new();
    match (facts.replicas, facts.replicas_needed) {
        (Some(1..), Some(0)) => found.push(remark(
            "it has replicas, and min-replicas-to-write is 0: a master that is cut off from them goes \
             on taking writes that are lost"
                .to_owned(),
            "set min-replicas-to-write 1 and min-replicas-max-lag 2",
        )),
        (Some(0), Some(needed @ 1..)) => found.push(remark(
            format!("it has no replicas, and min-replicas-to-write is {needed}: it refuses all writes"),
            "set min-replicas-to-write 0 on a single server, else see why its replicas are away",
        )),
        (Some(_), Some(_)) | (None, _) | (_, None) => {}
    }
    if let Some(policy) = facts.eviction.as_deref().filter(|policy| *policy != "noeviction") {
        found.push(remark(
            format!("maxmemory-policy is {policy}: it may drop fences, links and cursors"),
            "set maxmemory-policy noeviction",
        ));
    }
    if facts.log.as_deref().is_some_and(|log| log != "yes") {
        found.push(remark(
            "appendonly is off: a crash of the server loses commits that were acknowledged"
                .to_owned(),
            "set appendonly yes",
        ));
    }
    let unread: Vec<&str> = [
        ("the number of its replicas", facts.replicas.is_none()),
        ("min-replicas-to-write", facts.replicas_needed.is_none()),
        ("maxmemory-policy", facts.eviction.is_none()),
        ("appendonly", facts.log.is_none()),
    ]
    .into_iter()
    .filter_map(|(name, unread)| unread.then_some(name))
    .collect();
    if !unread.is_empty() {
        found.push(remark(
            format!("cannot be read: {}", unread.join(", ")),
            "allow the user +info and +config|get, or see to it by hand: appendonly yes, \
             maxmemory-policy noeviction, with replicas min-replicas-to-write 1",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(replicas: u32, needed: u32, eviction: &str, log: &str) -> Facts {
        Facts {
            replicas: Some(replicas),
            replicas_needed: Some(needed),
            eviction: Some(eviction.to_owned()),
            log: Some(log.to_owned()),
        }
    }

    #[test]
    fn each_danger_is_told_and_nothing_else() {
        // One remark for each setting that does not fit, none for a server in order.
        for (facts, words) in [
            (facts(0, 0, "noeviction", "yes"), vec![]),
            (facts(2, 1, "noeviction", "yes"), vec![]),
            (facts(1, 0, "noeviction", "yes"), vec!["it has replicas"]),
            (facts(0, 1, "noeviction", "yes"), vec!["it refuses all writes"]),
            (facts(0, 0, "allkeys-lru", "yes"), vec!["maxmemory-policy is allkeys-lru"]),
            (facts(0, 0, "volatile-ttl", "no"), vec!["volatile-ttl", "appendonly is off"]),
            (
                Facts::default(),
                vec!["cannot be read: the number of its replicas, min-replicas-to-write"],
            ),
            (
                Facts { log: None, ..facts(0, 0, "noeviction", "") },
                vec!["cannot be read: appendonly"],
            ),
        ] {
            let found = remarks("h:1", &facts);
            assert_eq!(found.len(), words.len(), "{facts:?}: {found:?}");
            for (one, word) in found.iter().zip(words) {
                assert!(one.message.contains(word), "{one:?}");
            }
        }
    }
}
