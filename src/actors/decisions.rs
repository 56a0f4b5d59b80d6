//! What people decide about single items, and what they look at before; the next cycle acts on it.
//!
//! A decision is stored between two cycles of its mailbox, with the node's fence like all that a
//! cycle stores.

use uuid::Uuid;

use super::runtime::TenantRuntime;
use crate::domain::code::Code;
use crate::domain::ids::{LinkId, MailboxKey};
use crate::domain::link::{Link, LinkState};
use crate::ports::error::StoreError;
use crate::ports::links::{Claim, StateChange};

impl TenantRuntime {
    /// Returns the items of a mailbox that are in trouble or left alone for a reason: parked ones
    /// first, then the longest in trouble (ERR-02).
    ///
    /// # Errors
    /// As the store says.
    pub async fn troubled(&self, mailbox: Uuid) -> Result<Vec<Link>, StoreError> {
        let key = MailboxKey { tenant: self.options.tenant.clone(), mailbox };
        let mut links = self.deps.links.load(&key).await?.links;
        links.retain(|link| link.trouble.is_some());
        links.sort_by_key(|link| {
            (!link.is_parked(), link.trouble.map(|trouble| trouble.since), link.id)
        });
        Ok(links)
    }

    /// Stores that a mailbox's user ignores the scheduling conflict of an item (APPT-IN-07). Returns
    /// false when no such item waits for that decision.
    ///
    /// # Errors
    /// As the store says; `StaleFence` when this node does not own the mailbox.
    pub async fn ignore_conflict(&self, mailbox: Uuid, item: LinkId) -> Result<bool, StoreError> {
        let key = MailboxKey { tenant: self.options.tenant.clone(), mailbox };
        let _turn = self.ownership.turn(&key).await;
        let tenancy = self.ownership.enter(&key).ok_or(StoreError::StaleFence)?;
        let fence = tenancy.fence();
        let state = self.deps.links.claim(&key, fence).await?;
        let claim = Claim { fence, seq: state.seq };
        let waits = |code: Code| code.awaits_decision();
        let found = state.links.into_iter().find(|link| {
            link.id == item
                && link.state == LinkState::LeftAlone
                && link.trouble.is_some_and(|trouble| waits(trouble.code))
        });
        let Some(mut link) = found else { return Ok(false) };
        link.ignores_conflict = true;
        let change = StateChange { put: vec![link], ..StateChange::default() };
        // The next cycle reads it.
        self.deps.recent.forget(&key);
        self.deps.links.commit(&key, claim, &change).await?;
        Ok(true)
    }
}
