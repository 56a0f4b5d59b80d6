//! The whole cluster, as any node shows it.
//!
//! Members, leases and shards are what the state store told this node last. What only the other nodes
//! know they are asked for over the bus (`Relay::roll`), for no longer than `PATIENCE`. Who does not
//! answer stands there as `silent`, and the mailboxes of which nobody told are counted as `unknown`.

mod page;
mod teller;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::ApiState;
use crate::actors::hints::Relay;
use crate::cluster::ownership::{MemberRow, View};
use crate::config;
use crate::shards::table::Role;
pub(super) use page::section;
pub use teller::Teller;
use told::{Quota, Stuck, TenantTold, Told};

/// The longest wait for the other nodes. They answer from memory; who takes longer is not well.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest answer of a node that is read.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// What this node and the others told.
pub(super) struct Cluster {
    pub(super) view: View,
    /// The store is one that several nodes can share.
    pub(super) shared: bool,
    /// The others could be asked, or there are none.
    asked: bool,
    /// This node first.
    told: Vec<Arc<Told>>,
}

/// A member, or this node when it is none.
pub(super) struct Row {
    pub(super) node: String,
    process: String,
    pub(super) address: String,
    pub(super) role: &'static str,
    pub(super) state: &'static str,
    version: Option<String>,
    pub(super) lease: Option<Duration>,
    pub(super) shards: usize,
    pub(super) mailboxes: Option<usize>,
    pub(super) started: Option<DateTime<Utc>>,
}

/// A tenant over all nodes that answered.
pub(super) struct TenantSum {
    /// The sums; the excluded ones and those that take part are as this node's roster has them.
    pub(super) told: TenantTold,
    /// Mailboxes that take part and of which no node told.
    pub(super) unknown: usize,
}

/// Answers with the whole cluster.
pub(super) async fn show(state: web::Data<ApiState>) -> HttpResponse {
    let mut answer = gather(&state).await.as_json();
    let (errors, warnings) = state.problems();
    answer["problems"] = config::as_json(&errors).into();
    answer["warnings"] = config::as_json(&warnings).into();
    HttpResponse::Ok().json(answer)
}

/// Asks all nodes.
pub(super) async fn gather(state: &ApiState) -> Cluster {
    let view = state.ownership.view();
    let mut told = vec![state.teller.told()];
    let others = view.members.iter().filter(|row| serves(row) && row.process != view.process);
    let waiting: BTreeSet<String> = others.map(|row| told::process(row.process)).collect();
    let asked = waiting.is_empty() || ask(state.relay.as_ref(), waiting, &mut told).await;
    Cluster { view, shared: state.shared, asked, told }
}

/// Gathers answers until none is missing or the time is over. False: nobody could be asked.
async fn ask(
    relay: Option<&Relay>,
    mut waiting: BTreeSet<String>,
    told: &mut Vec<Arc<Told>>,
) -> bool {
    let Some(relay) = relay else { return false };
    let ends = Instant::now() + PATIENCE;
    let Ok(Some(mut roll)) = timeout_at(ends, relay.roll()).await else { return false };
    while !waiting.is_empty() {
        let Ok(Some(answer)) = timeout_at(ends, roll.next()).await else { break };
        // A node of another version may tell what cannot be read: then it is as good as silent.
        let read = Some(answer).filter(|text| text.len() <= ANSWER_BYTES);
        let Some(one) = read.and_then(|text| serde_json::from_str::<Told>(&text).ok()) else {
            continue;
        };
        // Each member once, and nobody else: who is none could only be shown by chance.
        if waiting.remove(&one.process) {
            told.push(Arc::new(one));
        }
    }
    true
}

const fn serves(row: &MemberRow) -> bool {
    match row.role {
        Role::Serving | Role::Draining => true,
        Role::Visiting => false,
    }
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Serving => "serving",
        Role::Draining => "draining",
        Role::Visiting => "command",
    }
}

impl Cluster {
    /// Returns the members, and after them this node when it is none.
    pub(super) fn rows(&self) -> Vec<Row> {
        let members = self.view.members.iter().map(|row| self.row(row));
        let is_member = |one: &Told| {
            self.view.members.iter().any(|row| told::process(row.process) == one.process)
        };
        let outside = self.told.iter().filter(|one| !is_member(one)).map(|one| Row {
            node: one.node.clone(),
            process: one.process.clone(),
            address: String::new(),
            role: "outside",
            state: "answered",
            version: Some(one.version.clone()),
            lease: None,
            shards: 0,
            mailboxes: Some(one.mailboxes()),
            started: None,
        });
        members.chain(outside).collect()
    }

    fn row(&self, row: &MemberRow) -> Row {
        let process = told::process(row.process);
        let told = self.told.iter().find(|one| one.process == process);
        let state = match (told, serves(row)) {
            (_, false) => "command",
            (Some(_), true) => "answered",
            (None, true) if self.asked => "silent",
            (None, true) => "unasked",
        };
        let outside = row.process == self.view.process && !self.view.member;
        let started = i64::try_from(row.started).ok().and_then(DateTime::from_timestamp_millis);
        Row {
            node: row.node.clone(),
            process,
            address: row.address.clone(),
            role: if outside { "outside" } else { role_name(row.role) },
            state,
            version: told.map(|one| one.version.clone()),
            lease: Some(row.lease),
            shards: row.shards,
            mailboxes: told.map(|one| one.mailboxes()),
            started,
        }
    }

    /// Returns the tenants in the order of their names.
    pub(super) fn tenants(&self) -> Vec<TenantSum> {
        let mut sums: BTreeMap<&str, TenantTold> = BTreeMap::new();
        for one in self.told.iter().flat_map(|told| &told.tenants) {
            match sums.get_mut(one.tenant.as_str()) {
                Some(sum) => sum.add(one),
                None => {
                    sums.insert(&one.tenant, one.clone());
                }
            }
        }
        let sum = |told: TenantTold| {
            let unknown = told.taking_part.saturating_sub(told.mailboxes());
            TenantSum { told, unknown }
        };
        sums.into_values().map(sum).collect()
    }

    /// Returns the parked and halted mailboxes that were named, each with its node.
    pub(super) fn stuck(&self) -> impl Iterator<Item = (&str, &Stuck)> {
        self.told.iter().flat_map(|told| told.stuck.iter().map(|one| (told.node.as_str(), one)))
    }

    fn as_json(&self) -> Value {
        let View { node, member, age, shards, without_owner, stamp, generation, closed, .. } =
            &self.view;
        let stuck = self.stuck().map(|(node, one)| {
            json!({ "tenant": one.tenant, "mailbox": one.mailbox, "node": node,
                "phase": one.phase, "code": one.code })
        });
        json!({
            "node": node,
            "member": member,
            "ageSeconds": age.map(|age| age.as_secs_f64()),
            "shared": self.shared,
            "shards": {
                "all": shards,
                "withoutOwner": without_owner.iter().map(|shard| shard.0).collect::<Vec<_>>(),
            },
            "fence": stamp,
            "generation": generation.map(|it| format!("{:032x}", it.0)),
            "closedSeconds": closed.as_secs_f64(),
            "members": self.rows().iter().map(Row::as_json).collect::<Vec<_>>(),
            "tenants": self.tenants().iter().map(TenantSum::as_json).collect::<Vec<_>>(),
            "stuck": stuck.collect::<Vec<_>>(),
        })
    }
}

impl Told {
    /// Returns how many mailboxes the node owns.
    fn mailboxes(&self) -> usize {
        self.tenants.iter().map(TenantTold::mailboxes).fold(0, usize::saturating_add)
    }
}

impl TenantTold {
    fn mailboxes(&self) -> usize {
        self.phases.values().copied().fold(0, usize::saturating_add)
    }

    /// Adds what another node told of the same tenant. Its numbers come from outside.
    fn add(&mut self, other: &Self) {
        for (phase, count) in &other.phases {
            let sum = self.phases.entry(phase.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
        self.unsettled = self.unsettled.saturating_add(other.unsettled);
        self.parked_items = self.parked_items.saturating_add(other.parked_items);
        self.unseen = self.unseen.saturating_add(other.unseen);
        self.oldest_seconds = self.oldest_seconds.max(other.oldest_seconds);
        self.code = self.code.take().or_else(|| other.code.clone());
        for (side, more) in &other.quota {
            let sum =
                self.quota.entry(side.clone()).or_insert(Quota { spent: 0, closed: 0, ..*more });
            sum.spent = sum.spent.saturating_add(more.spent);
            sum.closed = sum.closed.saturating_add(more.closed);
        }
    }
}

impl Row {
    /// Tells whether what this node knows and others do not is missing.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self.state, "silent" | "unasked")
    }

    fn as_json(&self) -> Value {
        json!({
            "node": self.node,
            "process": self.process,
            "address": Some(&self.address).filter(|it| !it.is_empty()),
            "role": self.role,
            "state": self.state,
            "version": self.version,
            "leaseSeconds": self.lease.map(|lease| lease.as_secs_f64()),
            "shards": self.shards,
            "mailboxes": self.mailboxes,
            "started": self.started.map(|at| at.to_rfc3339()),
        })
    }
}

impl TenantSum {
    /// Returns how many mailboxes are in a phase, `excluded` and `unknown` included.
    pub(super) fn count(&self, phase: &str) -> usize {
        match phase {
            "excluded" => self.told.excluded,
            "unknown" => self.unknown,
            _ => self.told.phases.get(phase).copied().unwrap_or(0),
        }
    }

    fn as_json(&self) -> Value {
        let told = &self.told;
        let phases: serde_json::Map<String, Value> =
            PHASES.iter().map(|name| ((*name).to_owned(), self.count(name).into())).collect();
        json!({
            "tenant": told.tenant,
            "mailboxes": told.taking_part.saturating_add(told.excluded),
            "phases": phases,
            "unsettled": told.unsettled,
            "parkedItems": told.parked_items,
            "unseen": told.unseen,
            "oldestSeconds": told.oldest_seconds,
            "code": told.code,
            "quota": told.quota,
        })
    }
}

/// The phases of a tenant's mailboxes over all nodes.
pub(super) const PHASES: [&str; 7] =
    ["idle", "running", "backoff", "parked", "halted", "excluded", "unknown"];
