//! Roster: from an organization's profile and a tenant's choices to the mailboxes that take part.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::Duration;
use uuid::Uuid;

use super::context::TenantView;
use crate::domain::code::Code;
use crate::domain::file::FilePolicy;
use crate::domain::fingerprint::PrintKey;
use crate::domain::ids::{Address, MailboxKey, TenantId, UserId};
use crate::domain::mailbox::{MailboxRecord, MailboxSource, Regarding};
use crate::domain::policy::{
    Choices, Directions, Directory, DirectoryUser, Limits, Mailbox, Policy,
};
use crate::domain::setting::Values;
use crate::engine::catalogue as rule;
use crate::engine::eligible::{Reason, judge};
use crate::ports::links::Excluded;
use crate::ports::organization::Profile;
use crate::ports::sightings::{SightingChange, Sightings};

/// Applies the tenant file's overrides to the organization's settings.
pub type PolicyOf = Arc<dyn Fn(&Values) -> Choices + Send + Sync>;

/// A tenant's choices, as the configuration made them.
#[derive(Clone)]
pub struct TenantOptions {
    /// The tenant.
    pub tenant: TenantId,
    /// Which mailboxes it hands over.
    pub source: MailboxSource,
    /// Mailboxes on which another engine is seen are taken over nevertheless (ELIG-13).
    pub takeover: bool,
    /// The policy.
    pub policy: PolicyOf,
    /// Field directions that replace the organization's (FLD-01).
    pub directions: Directions,
    /// The brakes.
    pub limits: Limits,
    /// How far the calendar window reaches back.
    pub window_back: Duration,
    /// How far it reaches ahead.
    pub window_ahead: Duration,
}

/// One mailbox record as judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// `mailboxid`.
    pub id: Uuid,
    /// Its address.
    pub address: Option<Address>,
    /// The mailbox, when it takes part.
    pub mailbox: Option<Arc<Mailbox>>,
    /// The mailbox as its record names it, whether it takes part or not.
    pub known: Option<Arc<Mailbox>>,
    /// Why it does not.
    pub reasons: Vec<Reason>,
}

/// The mailboxes of a tenant and what their cycles share.
#[derive(Debug, Clone)]
pub struct Roster {
    /// The shared view.
    pub view: Arc<TenantView>,
    /// Every record, in the order of the profile.
    pub judged: Vec<Judged>,
    /// What becomes of the sightings of another engine.
    pub sightings: SightingChange,
}

impl Roster {
    /// Returns the mailboxes that take part.
    pub fn mailboxes(&self) -> impl Iterator<Item = &Arc<Mailbox>> {
        self.judged.iter().filter_map(|one| one.mailbox.as_ref())
    }

    /// Takes mailboxes that are what they were from an earlier reading: whoever works on them shares them.
    pub fn share(&mut self, before: &[Judged]) {
        let old: HashMap<Uuid, &Arc<Mailbox>> =
            before.iter().filter_map(|one| Some((one.id, one.known.as_ref()?))).collect();
        for one in &mut self.judged {
            let same = old.get(&one.id).filter(|old| one.known.as_ref() == Some(**old));
            let Some(same) = same else { continue };
            one.mailbox = one.mailbox.take().map(|_| (*same).clone());
            one.known = Some((*same).clone());
        }
    }

    /// Lets nobody take part for now (SCH-05).
    pub fn hold_all(&mut self) {
        for one in &mut self.judged {
            one.mailbox = None;
            one.reasons.push((rule::SCH_05, Code::SyncNotYet));
        }
    }
}

/// Judges all records. `seen` is what earlier profiles said, also of former processes; empty at the
/// first time. `excluded` are the mailboxes that an operator keeps out.
#[must_use]
pub fn roster(
    options: &TenantOptions,
    profile: &Profile,
    key: PrintKey,
    seen: &Sightings,
    excluded: &Excluded,
) -> Roster {
    let Choices { policy, effective } = (options.policy)(&profile.settings);
    let mut reasons = judge(&profile.mailboxes, &options.source, &policy.settings);
    for (record, reasons) in profile.mailboxes.iter().zip(&mut reasons) {
        if !options.takeover && other_engine(record, seen) {
            reasons.push((rule::ELIG_13, Code::OtherEngine));
        }
        if excluded.contains_key(&record.id) {
            reasons.push((rule::OPS_01, Code::Purged));
        }
        if !options.takeover && record.owned_elsewhere {
            reasons.push((rule::ELIG_06, Code::OtherOrganization));
        }
    }
    let sightings = watched(options, &profile.mailboxes, &reasons, seen);
    let judged: Vec<Judged> = profile
        .mailboxes
        .iter()
        .zip(reasons)
        .map(|(record, reasons)| {
            let known = mailbox(options, profile, &policy, record).map(Arc::new);
            Judged {
                id: record.id,
                address: record.address.clone(),
                mailbox: known.clone().filter(|_| reasons.is_empty()),
                known,
                reasons,
            }
        })
        .collect();
    let files = FilePolicy { on: policy.settings.attachments, ..profile.files.clone() };
    let view = TenantView {
        tenant: options.tenant.clone(),
        policy,
        files,
        effective,
        directions: profile.directions.clone().under(&options.directions),
        directory: directory(profile, &judged),
        organization: profile.organization,
        mailboxes: profile.mailboxes.iter().filter_map(|one| one.address.clone()).collect(),
        limits: options.limits,
        key,
        window_back: options.window_back,
        window_ahead: options.window_ahead,
    };
    Roster { view: Arc::new(view), judged, sightings }
}

/// Microsoft's own engine moves `lastsyncstartedon`; this engine never writes mailbox records.
fn other_engine(record: &MailboxRecord, seen: &Sightings) -> bool {
    seen.get(&record.id).is_some_and(|before| *before != record.last_sync_started)
}

/// ELIG-13: a mailbox is watched from the day on which it takes part, over restarts. While it does
/// not take part, for whatever other reason, another engine may work on it; so it may while the
/// tenant takes over. When it comes back the mark of that day counts.
fn watched(
    options: &TenantOptions,
    records: &[MailboxRecord],
    reasons: &[Vec<Reason>],
    seen: &Sightings,
) -> SightingChange {
    let mut change = SightingChange::default();
    let mut lost: HashSet<Uuid> = seen.keys().copied().collect();
    for (record, reasons) in records.iter().zip(reasons) {
        let ours = reasons.iter().all(|(_, code)| *code == Code::OtherEngine);
        if options.takeover || !ours {
            continue;
        }
        lost.remove(&record.id);
        if !seen.contains_key(&record.id) {
            change.put.push((record.id, record.last_sync_started));
        }
    }
    change.drop = lost.into_iter().collect();
    change
}

fn mailbox(
    options: &TenantOptions,
    profile: &Profile,
    policy: &Policy,
    record: &MailboxRecord,
) -> Option<Mailbox> {
    let Regarding::User { user, object_id: Some(object_id), .. } = record.regarding else {
        return None;
    };
    let key = MailboxKey { tenant: options.tenant.clone(), mailbox: record.id };
    let mut personal = profile.personal.get(&user).cloned().unwrap_or_default();
    personal.category.on = policy.settings.track_categorized;
    personal.rich_bodies = policy.settings.rich_bodies;
    Some(Mailbox { key, user, object_id, address: record.address.clone()?, personal })
}

/// The users by address. The mailbox's address counts beside the user's own: it is the one that
/// stands in invitations (RES-02: a served user always wins).
fn directory(profile: &Profile, judged: &[Judged]) -> Directory {
    let served: HashMap<UserId, Address> = judged
        .iter()
        .filter_map(|one| one.mailbox.as_ref())
        .map(|mailbox| (mailbox.user, mailbox.address.clone()))
        .collect();
    let mut users = HashMap::new();
    for (user, address, enabled) in &profile.users {
        let entry =
            DirectoryUser { user: *user, enabled: *enabled, served: served.contains_key(user) };
        // A disabled user must not hide an enabled one who got the address after him (RES-01).
        let taken = users.get(address).is_some_and(|other: &DirectoryUser| other.enabled);
        if !taken {
            users.insert(address.clone(), entry);
        }
    }
    for (user, address) in served {
        users.insert(address, DirectoryUser { user, enabled: true, served: true });
    }
    Directory(users)
}
