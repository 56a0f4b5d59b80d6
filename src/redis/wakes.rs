//! Hints over Redis' channels: what is published reaches whoever listens at that moment.

use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{Stream, StreamExt};
use redis::{Client, Msg};

use super::{RedisStore, unavailable};
use crate::ports::error::StoreError;
use crate::ports::wake::{Channel, Hint, Listener, WakeBus};

/// The channels' names begin so; a listener hears all of them.
const PREFIX: &str = "ls:wake:";
/// The wait before a lost connection is opened again.
const AGAIN: Duration = Duration::from_secs(1);
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
    client: Client,
}

type Messages = Pin<Box<dyn Stream<Item = Msg> + Send>>;

struct RedisListener {
    client: Client,
    messages: Option<Messages>,
    told: bool,
}

impl RedisBus {
    /// Builds the bus of a store that was connected to this address.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(store: RedisStore, url: &str) -> Result<Self, StoreError> {
        Ok(Self { store, client: Client::open(url).map_err(unavailable)? })
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
        Box::new(RedisListener { client: self.client.clone(), messages: None, told: false })
    }
}

impl RedisListener {
    async fn open(client: Client) -> Result<Messages, redis::RedisError> {
        let mut channels = client.get_async_pubsub().await?;
        channels.psubscribe(format!("{PREFIX}*")).await?;
        Ok(Box::pin(channels.into_on_message()))
    }
}

#[async_trait]
impl Listener for RedisListener {
    async fn next(&mut self) -> Hint {
        loop {
            let Some(messages) = &mut self.messages else {
                match Self::open(self.client.clone()).await {
                    Ok(messages) => {
                        (self.messages, self.told) = (Some(messages), false);
                    }
                    Err(error) => {
                        if !self.told {
                            tracing::warn!(%error, "no hints of other nodes; the sweeps go on");
                            self.told = true;
                        }
                        tokio::time::sleep(AGAIN).await;
                    }
                }
                continue;
            };
            let Some(message) = messages.next().await else {
                self.messages = None;
                continue;
            };
            // A hint of a newer version is none.
            if let Ok(hint) = serde_json::from_slice(message.get_payload_bytes()) {
                return hint;
            }
        }
    }
}
