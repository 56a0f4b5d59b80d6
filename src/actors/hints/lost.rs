//! Hints were lost, and nobody knows which: all mailboxes of this node look, or those of one tenant, one by one.

use std::collections::HashMap;
use std::time::Duration;

use actix::{AsyncContext, Context};

use crate::actors::messages::LookAll;
use crate::actors::node::NodeActor;
use crate::domain::ids::TenantId;

/// Between two looks, at least: a flood that never ends, of one tenant, must not keep those of all others busy.
const APART: Duration = Duration::from_secs(60);

/// Whose mailboxes look: those of one tenant, or all.
type Whose = Option<TenantId>;

/// Who looked a moment ago, and whether hints were lost since then.
#[derive(Debug, Default)]
pub(in crate::actors) struct Losses(HashMap<Whose, bool>);

impl NodeActor {
    /// Lets mailboxes look, but not again before those of last time are done.
    pub(super) fn lost(&mut self, whose: Whose, context: &mut Context<Self>) {
        if let Some(again) = self.losses.0.get_mut(&whose) {
            *again = true;
            return;
        }
        // Where all look, those of a tenant do so afterwards.
        let after = whose.is_some() && self.losses.0.contains_key(&None);
        let longest = if after { Duration::ZERO } else { self.look(whose.as_ref()) };
        self.losses.0.insert(whose.clone(), after);
        context.run_later(APART.max(longest), |me, context| {
            if me.losses.0.remove(&whose) == Some(true) {
                me.lost(whose, context);
            }
        });
    }

    /// Returns how long it takes until all did. Several tenants may look at a time: each as slowly as if all did.
    fn look(&self, tenant: Option<&TenantId>) -> Duration {
        let count = self.all().map(|(runtime, _)| runtime.own_mailboxes().len()).sum();
        let mut longest = Duration::ZERO;
        for (runtime, address) in self.all() {
            let own = &runtime.options.tenant;
            if tenant.is_some_and(|tenant| tenant != own) {
                continue;
            }
            tracing::info!(
                lockstep.tenant = own.as_str(),
                "hints were lost; the mailboxes of the tenant look"
            );
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
