//! Pauses that Exchange asks this node for. They bind whoever works on the mailbox next, so the other nodes
//! hear of them at once, and once more when the mailbox leaves, for a node that came meanwhile.
//!
//! Pauses of Dynamics are the store's matter: all nodes draw from one budget there (docs/adr/0020).

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::TenantRuntime;
use crate::cycle::Judged;
use crate::domain::ids::Address;
use crate::domain::policy::Mailbox;
use crate::ports::wake::{Held, Hint};
use crate::throttle::BudgetKey;

/// A shorter pause is over before another node works on the mailbox.
const SHORT: Duration = Duration::from_secs(2);

impl TenantRuntime {
    /// Lets the other nodes hear from now on for how long Exchange asks to be left alone.
    pub fn tell_pauses(self: &Arc<Self>) {
        let (Some(budgets), me) = (self.budgets(), Arc::downgrade(self)) else { return };
        budgets.exchange.on_close(Box::new(move |key, for_| {
            if let Some(runtime) = me.upgrade() {
                runtime.tell_closed(key, for_);
            }
        }));
    }

    /// Whoever the profile does not name any more concerns nobody else.
    fn tell_closed(self: &Arc<Self>, key: &BudgetKey, for_: Duration) {
        if for_ < SHORT {
            return;
        }
        if *key == BudgetKey::application() {
            return self.tell_held(None, for_);
        }
        let is = |one: &Judged| one.address.as_ref().map(budget_of).as_ref() == Some(key);
        if let Some(one) = self.judged(is) {
            self.tell_held(Some(one.id), for_);
        }
    }

    /// Tells the others what this node knows of all its mailboxes, which leave it.
    pub(in crate::actors) fn tell_all_leaving(self: &Arc<Self>) {
        self.own_mailboxes().iter().for_each(|mailbox| self.tell_leaving(mailbox));
    }

    /// Tells the others what this node knows of a mailbox that leaves it.
    pub(in crate::actors) fn tell_leaving(self: &Arc<Self>, mailbox: &Mailbox) {
        let closed =
            |budgets: &super::Budgets| budgets.exchange.closed_for(&budget_of(&mailbox.address));
        if let Some(for_) = self.budgets().and_then(closed) {
            self.tell_held(Some(mailbox.key.mailbox), for_);
        }
    }

    /// Holds a mailbox back, or what the application asks for by itself, for a pause of another node.
    pub(in crate::actors) fn hold_too(&self, held: &Held) {
        let Some(budgets) = self.budgets() else { return };
        let key = match held.mailbox {
            None => Some(BudgetKey::application()),
            Some(id) => {
                let judged = self.judged(|one| one.id == id);
                judged.and_then(|one| one.address.as_ref().map(budget_of))
            }
        };
        if let Some(key) = key {
            budgets.exchange.close_too(&key, Duration::from_millis(held.ms));
        }
    }

    fn tell_held(self: &Arc<Self>, mailbox: Option<Uuid>, for_: Duration) {
        let ms = u64::try_from(for_.as_millis()).unwrap_or(u64::MAX);
        let tenant = self.options.tenant.clone();
        let (me, hint) = (self.clone(), Hint::Held(tenant, Held { mailbox, ms }));
        self.io.spawn(async move {
            let Some(freshness) = me.freshness() else { return };
            if let Err(error) = freshness.tell_all(hint).await {
                tracing::debug!(%error, "other nodes were not told of a pause");
            }
        });
    }
}

/// The budget that Exchange counts by application and mailbox.
fn budget_of(address: &Address) -> BudgetKey {
    BudgetKey::new(address.as_str())
}
