//! Hints were lost, and nobody knows which: all mailboxes of this node look, or those of one tenant, one by one.

use std::collections::HashMap;
use std::time::Duration;

use actix::{AsyncContext, Context};

use crate::actors::messages::LookAll;
use crate::actors::node::NodeActor;
use crate::domain::ids::TenantId;

/// Between two looks, at least: a flood that never ends, of one tenant, must not keep those of all others busy.
const APART: Duration = Duration::from_secs(60);

/// What is remembered of losses: who looked a moment ago (one tenant, or all), and whether hints were lost since
/// then.
#[derive(Debug, Default)]
pub(in crate::actors) struct Losses(HashMap<Option<TenantId>, bool>);

impl NodeActor {
    /// Lets the mailboxes of a tenant, or all of them, look; but not again before those of last time are done.
    pub(super) fn lost(&mut self, of: Option<TenantId>, context: &mut Context<Self>) {
        if let Some(again) = self.losses.0.get_mut(&of) {
            *again = true;
            return;
        }
        let longest = self.look_all(of.as_ref());
        self.losses.0.insert(of.clone(), false);
        context.run_later(APART.max(longest), |me, context| {
            if me.losses.0.remove(&of) == Some(true) {
                me.lost(of, context);
            }
        });
    }

    /// Returns how long it takes until all did.
    fn look_all(&self, of: Option<&TenantId>) -> Duration {
        let looks: Vec<_> = self
            .all()
            .filter(|(runtime, _)| of.is_none_or(|tenant| runtime.options.tenant == *tenant))
            .collect();
        let count = looks.iter().map(|(runtime, _)| runtime.own_mailboxes().len()).sum();
        tracing::info!(mailboxes = count, "hints were lost; these mailboxes look");
        let mut longest = Duration::ZERO;
        for (runtime, address) in looks {
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
