//! Hints within one process: for the stores that only one process uses.

use async_trait::async_trait;
use tokio::sync::broadcast::{Receiver, Sender, channel, error::RecvError};

use crate::ports::error::StoreError;
use crate::ports::wake::{Channel, Heard, Hint, Listener, WakeBus};

/// Hints that wait for a slow listener; it misses older ones, and is told so.
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
    async fn next(&mut self) -> Heard {
        match self.0.recv().await {
            Ok(hint) => Heard::Hint(hint),
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "hints were lost");
                Heard::Lost
            }
            // Nobody can publish any more.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::TenantId;

    #[tokio::test]
    async fn a_listener_that_is_too_slow_is_told_that_hints_were_lost() {
        // Of one hint too many the oldest is gone, and the listener hears of it before the others.
        let bus = LocalBus::new();
        let mut listener = bus.listen();
        let hint = |number: usize| Hint::Pause(TenantId::new(&number.to_string()));
        for number in 0..=WAITING {
            bus.publish(&[(Channel::Everybody, hint(number))]).await.unwrap();
        }
        assert_eq!(listener.next().await, Heard::Lost);
        assert_eq!(listener.next().await, Heard::Hint(hint(1)));
        assert_eq!(listener.hint().await, hint(2));
    }
}
