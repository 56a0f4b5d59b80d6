//! Eligible: which mailboxes take part, and why the others do not (rules.md §1.1, §4.1).

use std::collections::HashMap;

use crate::domain::code::Code;
use crate::domain::ids::{Address, UserId};
use crate::domain::mailbox::{DeliveryMethod, MailboxRecord, MailboxSource, Regarding};
use crate::domain::policy::Settings;
use crate::domain::rule::RuleId;
use crate::engine::catalogue as rule;

/// The server types that carry appointments, contacts and tasks (ELIG-07, rules.md §4.2).
const EXCHANGE_SERVERS: [i64; 3] = [0, 2, 3];
/// Exchange Server without a part in the cloud (ELIG-08).
const ON_PREMISES: i64 = 0;
/// Exchange Online, for which the tenant's administrator must approve (ELIG-10).
const EXCHANGE_ONLINE: i64 = 3;

/// Why a mailbox does not take part.
pub type Reason = (RuleId, Code);

/// Returns every reason against each record, in the order given; an empty list means eligible.
#[must_use]
pub fn judge(
    records: &[MailboxRecord],
    source: &MailboxSource,
    settings: &Settings,
) -> Vec<Vec<Reason>> {
    let shared = Shared::of(records);
    records
        .iter()
        .map(|record| {
            let mut reasons = record_reasons(record, settings);
            reasons.extend(user_reasons(record));
            reasons.extend(source_reason(record, source));
            if shared.is_ambiguous(record) {
                reasons.push((rule::ELIG_05, Code::MailboxAmbiguous));
            }
            reasons
        })
        .collect()
}

fn record_reasons(record: &MailboxRecord, settings: &Settings) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut unless = |fine: bool, id: RuleId, code: Code| {
        if !fine {
            reasons.push((id, code));
        }
    };
    unless(record.active, rule::ELIG_03, Code::MailboxInactive);
    unless(record.address.is_some(), rule::ELIG_07, Code::AddressMissing);
    // ELIG-10: approval by the organization may be switched off; Exchange Online's own may not.
    let by_organization = record.approved || !settings.require_approval;
    let by_admin = record.approved_by_admin || record.server_type != Some(EXCHANGE_ONLINE);
    unless(by_organization, rule::ELIG_03, Code::MailboxNotApproved);
    // One reason is enough for one code.
    unless(by_admin || !by_organization, rule::ELIG_10, Code::MailboxNotApproved);
    unless(record.tested && record.enabled_for_act, rule::ELIG_03, Code::MailboxNotEnabled);
    let carried = record.server_type.is_some_and(|kind| EXCHANGE_SERVERS.contains(&kind));
    unless(carried, rule::ELIG_07, Code::ProfileUnsupported);
    // Graph opens mailboxes of Exchange Online; a hybrid profile may lead to one.
    unless(record.server_type != Some(ON_PREMISES), rule::ELIG_08, Code::ProfileUnsupported);
    reasons
}

fn user_reasons(record: &MailboxRecord) -> Vec<Reason> {
    match record.regarding {
        Regarding::Queue => vec![(rule::ELIG_04, Code::QueueMailbox)],
        Regarding::User { enabled: true, object_id: Some(_), .. } => Vec::new(),
        Regarding::User { .. } | Regarding::Nobody => vec![(rule::ELIG_12, Code::UserDisabled)],
    }
}

/// ELIG-03c and ELIG-13, reconciled as architecture §5 says: with records as the source, delivery
/// method 1 hands the mailbox to this engine; with a list, it must be 2 so that no other engine is on.
fn source_reason(record: &MailboxRecord, source: &MailboxSource) -> Option<Reason> {
    match source {
        MailboxSource::Dataverse => (record.delivery != DeliveryMethod::ServerSide)
            .then_some((rule::ELIG_03, Code::DeliveryMethod)),
        MailboxSource::Listed(addresses) => {
            let listed = record.address.as_ref().is_some_and(|it| addresses.contains(it));
            match (listed, record.delivery) {
                (false, _) => Some((rule::ELIG_03, Code::NotListed)),
                (true, DeliveryMethod::None) => None,
                (true, DeliveryMethod::ServerSide | DeliveryMethod::OutlookClient) => {
                    Some((rule::ELIG_13, Code::DeliveryMethod))
                }
            }
        }
    }
}

/// Addresses and users that more than one active record claims (ELIG-05).
struct Shared {
    addresses: HashMap<Address, usize>,
    users: HashMap<UserId, usize>,
}

impl Shared {
    fn of(records: &[MailboxRecord]) -> Self {
        let mut shared = Self { addresses: HashMap::new(), users: HashMap::new() };
        for record in records.iter().filter(|record| record.active) {
            if let Some(address) = &record.address {
                *shared.addresses.entry(address.clone()).or_default() += 1;
            }
            if let Regarding::User { user, .. } = record.regarding {
                *shared.users.entry(user).or_default() += 1;
            }
        }
        shared
    }

    fn is_ambiguous(&self, record: &MailboxRecord) -> bool {
        let by_address =
            record.address.as_ref().and_then(|it| self.addresses.get(it)).is_some_and(|n| *n > 1);
        let by_user = match record.regarding {
            Regarding::User { user, .. } => self.users.get(&user).is_some_and(|n| *n > 1),
            Regarding::Queue | Regarding::Nobody => false,
        };
        by_address || by_user
    }
}

#[cfg(test)]
mod tests;
