//! Who an address is (RES-01, RES-02).

use std::collections::HashMap;

use crate::domain::ids::Address;
use crate::domain::party::{PartyCandidate, PartyRow};
use crate::domain::policy::Settings;

/// Chooses one row for each address.
///
/// RES-01: inactive rows count only when the organization resolves them; a disabled user never
/// does (the table order puts users first, so `active` of a user is tested apart).
/// RES-02: user, contact, lead, account, queue; among equals the row created first. When the
/// organization wants it so, an address on several rows is nobody's, unless a user has it.
#[must_use]
pub fn choose(candidates: &[PartyCandidate], settings: &Settings) -> HashMap<Address, PartyRow> {
    use crate::domain::party::PartyTable;
    let mut chosen: HashMap<Address, (&PartyCandidate, usize)> = HashMap::new();
    for candidate in candidates {
        let is_user = candidate.row.table == PartyTable::SystemUser;
        if !candidate.active && (is_user || !settings.resolve_inactive) {
            continue;
        }
        let rank = |one: &PartyCandidate| (one.row.table, !one.active, one.created, one.row.id);
        let (best, found) = chosen.entry(candidate.address.clone()).or_insert((candidate, 0));
        *found += 1;
        if rank(candidate) < rank(best) {
            *best = candidate;
        }
    }
    chosen.retain(|_, (best, found)| {
        !settings.unresolve_ambiguous || *found == 1 || best.row.table == PartyTable::SystemUser
    });
    chosen.into_iter().map(|(address, (candidate, _))| (address, candidate.row)).collect()
}

#[cfg(test)]
mod tests;
