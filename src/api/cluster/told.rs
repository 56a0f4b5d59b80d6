//! What a node tells of itself at a roll call: counts, phases, codes, what was spent; no address.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::actors::board::MailboxRow;
use crate::actors::phase::Phase;
use crate::actors::runtime::TenantRuntime;
use crate::api::json::phase_name;
use crate::cluster::ownership::View;
use crate::domain::code::Code;
use crate::domain::side::Side;
use crate::shards::Incarnation;
use crate::throttle::Usage;

/// Parked and halted mailboxes that a node names: more than an operator reads. All are counted.
const STUCK_MAX: usize = 200;

/// A node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct Told {
    /// Its name.
    pub(in crate::api) node: String,
    /// Its process.
    pub(in crate::api) process: String,
    /// Its program.
    pub(in crate::api) version: String,
    /// Its tenants.
    pub(in crate::api) tenants: Vec<TenantTold>,
    /// Its parked and halted mailboxes, no more than two hundred.
    pub(in crate::api) stuck: Vec<Stuck>,
}

/// A tenant on a node: the mailboxes that the node owns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct TenantTold {
    /// The tenant.
    pub(in crate::api) tenant: String,
    /// Mailboxes that take part, on whatever node.
    pub(in crate::api) taking_part: usize,
    /// Mailboxes that do not.
    pub(in crate::api) excluded: usize,
    /// Mailboxes of this node by phase.
    pub(in crate::api) phases: BTreeMap<String, usize>,
    /// Items that wait.
    pub(in crate::api) unsettled: u64,
    /// Items that are parked.
    pub(in crate::api) parked_items: u64,
    /// Mailboxes without a cycle that ended well, since this node has them.
    pub(in crate::api) unseen: usize,
    /// How long ago the last cycle ended of the mailbox that waits longest, among those that had one.
    pub(in crate::api) oldest_seconds: Option<u64>,
    /// Why the organization could not be read last time.
    pub(in crate::api) code: Option<String>,
    /// What was spent, by side.
    pub(in crate::api) quota: BTreeMap<String, Quota>,
}

/// What calls to a far side spent on a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct Quota {
    /// Requests in the last window, of all budgets together.
    pub(in crate::api) spent: u64,
    /// What one budget allows in a window: of the application user, or of one mailbox in Exchange.
    pub(in crate::api) requests: u32,
    /// The window in seconds.
    pub(in crate::api) seconds: u64,
    /// Budgets whose far side asked for a pause that is not over.
    pub(in crate::api) closed: usize,
}

/// A mailbox that stands still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct Stuck {
    /// The tenant.
    pub(in crate::api) tenant: String,
    /// `mailboxid`.
    pub(in crate::api) mailbox: Uuid,
    /// `parked` or `halted`.
    pub(in crate::api) phase: String,
    /// Why.
    pub(in crate::api) code: Option<String>,
}

/// Returns what a node tells of itself.
pub(super) fn of(view: &View, tenants: &[Arc<TenantRuntime>]) -> Told {
    let mut told = Told {
        node: view.node.clone(),
        process: process(view.process),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        tenants: Vec::with_capacity(tenants.len()),
        stuck: Vec::new(),
    };
    for tenant in tenants {
        let rows = tenant.rows();
        let stuck = rows.iter().filter(|row| row.reasons.is_empty() && !row.elsewhere);
        let stuck = stuck.filter_map(|row| of_stuck(tenant, row));
        told.stuck.extend(stuck.take(STUCK_MAX - told.stuck.len()));
        told.tenants.push(of_tenant(tenant, &rows));
    }
    told
}

/// Returns the name of a process as the surfaces show it.
pub(super) fn process(process: Incarnation) -> String {
    format!("{:032x}", process.0)
}

fn of_tenant(tenant: &TenantRuntime, rows: &[MailboxRow]) -> TenantTold {
    let (taking_part, excluded): (Vec<_>, Vec<_>) =
        rows.iter().partition(|row| row.reasons.is_empty());
    let mut told = TenantTold {
        tenant: tenant.options.tenant.to_string(),
        taking_part: taking_part.len(),
        excluded: excluded.len(),
        code: tenant.board.tenant_row().trouble.map(|(code, _)| code.as_str().to_owned()),
        quota: quota(tenant),
        ..TenantTold::default()
    };
    let now = tenant.deps.clock.now();
    for row in taking_part.into_iter().filter(|row| !row.elsewhere) {
        *told.phases.entry(phase_name(row).to_owned()).or_default() += 1;
        let last = row.last.as_ref();
        told.unsettled += last.map_or(0, |last| u64::from(last.unsettled));
        told.parked_items += last.map_or(0, |last| u64::from(last.parked));
        match last.filter(|last| last.code.is_none()) {
            Some(last) => {
                let age = u64::try_from((now - last.finished).num_seconds()).unwrap_or(0);
                told.oldest_seconds = told.oldest_seconds.max(Some(age));
            }
            None => told.unseen += 1,
        }
    }
    told
}

fn of_stuck(tenant: &TenantRuntime, row: &MailboxRow) -> Option<Stuck> {
    match row.phase {
        Phase::Parked(_) | Phase::Halted(_) => Some(Stuck {
            tenant: tenant.options.tenant.to_string(),
            mailbox: row.mailbox,
            phase: row.phase.name().to_owned(),
            code: row.phase.code().map(Code::as_str).map(str::to_owned),
        }),
        Phase::Idle | Phase::Running { .. } | Phase::Backoff { .. } => None,
    }
}

fn quota(tenant: &TenantRuntime) -> BTreeMap<String, Quota> {
    let Some(budgets) = tenant.budgets() else { return BTreeMap::new() };
    let of = |side: Side| {
        let Usage { spent, requests, per, closed } = budgets.get(side).usage();
        (side.name().to_owned(), Quota { spent, requests, seconds: per.as_secs(), closed })
    };
    Side::BOTH.map(of).into_iter().collect()
}
