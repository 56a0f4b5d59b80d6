//! Relink over the mailboxes of a tenant.

use std::sync::Arc;

use super::{Tick, context, owned};
use crate::actors::runtime::TenantRuntime;
use crate::cycle::{self, Relinked};
use crate::domain::policy::Mailbox;

/// Rebuilds the links of some mailboxes, one after the other: each is read in full.
pub async fn relink(
    tenant: &Arc<TenantRuntime>,
    mailboxes: Vec<Arc<Mailbox>>,
    tick: Tick<'_>,
) -> Vec<(Arc<Mailbox>, Result<Relinked, String>)> {
    let mut done = Vec::new();
    for mailbox in mailboxes {
        let result = one(tenant, &mailbox).await;
        done.push((mailbox, result));
        tick();
    }
    done
}

async fn one(tenant: &Arc<TenantRuntime>, mailbox: &Mailbox) -> Result<Relinked, String> {
    let context = context(tenant, mailbox).ok_or("the profile was not read")?;
    owned(tenant, context, async |context| cycle::relink(&context).await).await
}
