//! Hints over Redis' channels: what is published reaches whoever listens at that moment. In a cluster
//! each server passes it on to all others, so a listener may sit at any.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use redis::aio::{PubSubSink, PubSubStream};
use tokio::time::timeout;

use super::address::Route;
use super::{Address, RedisStore, unavailable};
use crate::ports::error::StoreError;
use crate::ports::wake::{Channel, Heard, Hint, Listener, WakeBus};

/// The channels' names begin so; a listener hears all of them. One hash tag: a pipeline of hints goes
/// to one server of a cluster.
const PREFIX: &str = "ls:{wake}:";
/// The wait before a lost connection is opened again.
const AGAIN: Duration = Duration::from_secs(1);
/// The longest that opening one takes, and the answer to a ping.
const PATIENCE: Duration = Duration::from_secs(5);
/// A connection that was silent for so long is asked whether it lives: of a server whose machine died
/// no word comes.
const SILENT: Duration = Duration::from_secs(10);
/// Hints in one command; a command may carry a thousand times more.
const CHUNK: usize = 1_000;

fn channel(to: Channel) -> String {
    match to {
        Channel::Shard(shard) => format!("{PREFIX}{shard}"),
        Channel::Everybody => format!("{PREFIX}all"),
    }
}

/// Carries hints between the nodes that share a Redis.
pub struct RedisBus {
    store: RedisStore,
    route: Arc<Route>,
}

struct RedisListener {
    route: Arc<Route>,
    open: Option<(PubSubSink, PubSubStream)>,
    /// For a time it did not hear what was published.
    lost: bool,
}

impl RedisBus {
    /// Builds the bus of a store that was connected to this address.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(store: RedisStore, address: &Address) -> Result<Self, StoreError> {
        Ok(Self { store, route: address.route().map_err(unavailable)? })
    }
}

#[async_trait]
impl WakeBus for RedisBus {
    async fn publish(&self, hints: &[(Channel, Hint)]) -> Result<(), StoreError> {
        for some in hints.chunks(CHUNK) {
            let mut pipe = redis::pipe();
            for (to, hint) in some {
                let text = serde_json::to_string(hint).map_err(unavailable)?;
                pipe.publish(channel(*to), text).ignore();
            }
            self.store.pipe::<()>(&pipe).await?;
        }
        Ok(())
    }

    fn listen(&self) -> Box<dyn Listener> {
        Box::new(RedisListener { route: self.route.clone(), open: None, lost: false })
    }
}

impl RedisListener {
    async fn subscribe(route: &Route) -> Result<(PubSubSink, PubSubStream), redis::RedisError> {
        let opened = async {
            let mut channels = route.find().await?.get_async_pubsub().await?;
            channels.psubscribe(format!("{PREFIX}*")).await?;
            Ok(channels.split())
        };
        let opened = timeout(PATIENCE, opened).await;
        opened.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))?
    }

    /// Waits until a connection is open.
    async fn open(&mut self) -> (PubSubSink, PubSubStream) {
        let mut told = false;
        loop {
            match Self::subscribe(&self.route).await {
                Ok(open) => return open,
                Err(error) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(%error, "no hints of other nodes; the sweeps go on");
                    }
                    self.lost = true;
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }
}

/// Tells whether the server at the other end still answers.
async fn lives(sink: &mut PubSubSink) -> bool {
    matches!(timeout(PATIENCE, sink.ping::<redis::Value>()).await, Ok(Ok(_)))
}

#[async_trait]
impl Listener for RedisListener {
    async fn next(&mut self) -> Heard {
        loop {
            let Some((sink, messages)) = &mut self.open else {
                let open = self.open().await;
                self.open = Some(open);
                // From here on it hears again, so nothing is lost after this word.
                if std::mem::take(&mut self.lost) {
                    return Heard::Lost;
                }
                continue;
            };
            let message = match timeout(SILENT, messages.next()).await {
                Ok(Some(message)) => message,
                Err(_silent) if lives(sink).await => continue,
                Ok(None) | Err(_) => {
                    (self.open, self.lost) = (None, true);
                    // Whoever closes each line at once is not asked as fast as that.
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
            };
            // A hint of a newer version is none.
            if let Ok(hint) = serde_json::from_slice(message.get_payload_bytes()) {
                return Heard::Hint(hint);
            }
        }
    }
}
