//! Hints within one process: for the stores that only one process uses.

use async_trait::async_trait;
use tokio::sync::broadcast::{Receiver, Sender, channel, error::RecvError};

use crate::ports::error::StoreError;
use crate::ports::wake::{Channel, Hint, Listener, WakeBus};

/// Hints that wait for a slow listener; it misses older ones, as hints may be lost.
const WAITING: usize = 16_384;

/// Carries hints within this process.
pub struct LocalBus {
    sender: Sender<Hint>,
}

struct LocalListener(Receiver<Hint>);

impl LocalBus {
    /// Builds a bus that nobody listens to yet.
    #[must_use]
    pub fn new() -> Self {
        Self { sender: channel(WAITING).0 }
    }
}

impl Default for LocalBus {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl WakeBus for LocalBus {
    async fn publish(&self, hints: &[(Channel, Hint)]) -> Result<(), StoreError> {
        for (_, hint) in hints {
            // Nobody listening is fine.
            let _ = self.sender.send(hint.clone());
        }
        Ok(())
    }

    fn listen(&self) -> Box<dyn Listener> {
        Box::new(LocalListener(self.sender.subscribe()))
    }
}

#[async_trait]
impl Listener for LocalListener {
    async fn next(&mut self) -> Hint {
        loop {
            match self.0.recv().await {
                Ok(hint) => return hint,
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "hints were lost; the sweeps find what they told");
                }
                // Nobody can publish any more.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
