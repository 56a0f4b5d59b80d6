//! Hints were lost, and nobody knows which: all mailboxes of this node look, one by one.

use std::time::Duration;

use actix::{AsyncContext, Context};

use crate::actors::messages::LookAll;
use crate::actors::node::NodeActor;

/// Between two looks of all mailboxes, at least: a flood that never ends, of one tenant, must not keep those
/// of all others busy.
const APART: Duration = Duration::from_secs(60);

/// What is remembered of losses.
#[derive(Debug, Default)]
pub(in crate::actors) struct Losses {
    /// All looked a moment ago.
    rests: bool,
    /// Hints were lost since then.
    again: bool,
}

impl NodeActor {
    /// Lets all mailboxes look, but not again before those of last time are done.
    pub(super) fn lost(&mut self, context: &mut Context<Self>) {
        if self.losses.rests {
            self.losses.again = true;
            return;
        }
        self.losses.rests = true;
        let longest = self.look_all();
        context.run_later(APART.max(longest), |me, context| {
            if std::mem::take(&mut me.losses).again {
                me.lost(context);
            }
        });
    }

    /// Returns how long it takes until all did.
    fn look_all(&self) -> Duration {
        let count = self.all().map(|(runtime, _)| runtime.own_mailboxes().len()).sum();
        tracing::info!(mailboxes = count, "hints were lost; all mailboxes look");
        let mut longest = Duration::ZERO;
        for (runtime, address) in self.all() {
            longest = longest.max(runtime.look_span(count, runtime.own_mailboxes().len()));
            let address = address.clone();
            // After a flood a supervisor may be full: this word waits for room.
            runtime.io.spawn(async move {
                let _ = address.send(LookAll(count)).await;
            });
        }
        longest
    }
}
