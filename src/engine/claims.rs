//! Claims: no two entries of a plan, and no entry and a stored link, stand for one row.
//!
//! Pairs are decided one by one. Whether the row that an item would become is known already, under its
//! guid or as a row of the same meeting, shows in the plan as a whole only. Such an item is set aside
//! with a code and the others go on (ERR-02).

use std::collections::{HashMap, HashSet};

use crate::domain::code::Code;
use crate::domain::ids::{GlobalId, LinkId, NativeId};
use crate::domain::link::{Link, LinkState, Why};
use crate::domain::side::{PerSide, Side};
use crate::engine::catalogue as rule;
use crate::engine::decide::{After, Write, leave};
use crate::engine::matching::{Index, row_link};
use crate::engine::plan::{Entry, Plan};

/// Sets aside what would store a link, or make a row, that is another item's already.
#[must_use]
pub fn settle(mut plan: Plan, index: &Index<'_>) -> Plan {
    let rows = rows_by_meeting(&plan);
    let mut taken: HashSet<LinkId> = HashSet::new();
    // Rows first: their guids are theirs.
    let mut order: Vec<usize> = (0..plan.entries.len()).collect();
    order.sort_by_key(|at| plan.entries[*at].link.native.dynamics.is_none());
    for at in order {
        let entry = &plan.entries[at];
        let rival = is_taken(entry, index, &taken) || is_known_meeting(entry, index, &rows);
        if rival {
            set_aside(&mut plan.entries[at]);
        } else if stores(entry) {
            taken.insert(entry.link.id);
        }
    }
    plan
}

/// Tells whether something may be stored under the id of the entry's link.
fn stores(entry: &Entry) -> bool {
    let linked = entry.verdict.pairing.link.is_some();
    match entry.after() {
        After::Nothing => false,
        After::Forgotten => linked || entry.delete_marker().is_some(),
        After::Agreed
        | After::Unlinked(_)
        | After::DeletedInExchange
        | After::LeftAlone(_)
        | After::Unsettled(_) => true,
    }
}

/// A link without a past may not overwrite one that is stored, or that another entry stores.
fn is_taken(entry: &Entry, index: &Index<'_>, taken: &HashSet<LinkId>) -> bool {
    let new = entry.verdict.pairing.link.is_none() && stores(entry);
    new && (index.of_id(entry.link.id).is_some() || taken.contains(&entry.link.id))
}

/// Tells whether a row is to be made of a meeting that has one: it was seen, or a link knows it. A
/// create without an answer is finished all the same.
fn is_known_meeting(entry: &Entry, index: &Index<'_>, rows: &HashMap<GlobalId, NativeId>) -> bool {
    let makes = matches!(entry.verdict.writes.dynamics, Some(Write::Create { .. }));
    let state = entry.verdict.pairing.link.as_ref().map(|link| link.state);
    let creating = matches!(state, Some(LinkState::Creating(_)));
    let item = entry.verdict.pairing.seen.exchange.as_ref();
    let Some(uid) = item.and_then(|seen| seen.observation.uid.as_ref()) else { return false };
    let seen = rows.get(uid).is_some_and(|row| row_link(row) != Some(entry.link.id));
    makes && !creating && (seen || index.of_meeting(uid).is_some_and(|link| is_rival(entry, link)))
}

fn is_rival(entry: &Entry, link: &Link) -> bool {
    let row = link.native.dynamics.is_some() && link.state != LinkState::Unlinked(Why::RowGone);
    row && link.id != entry.link.id
}

/// Returns the rows that were seen, by the meetings that they name.
fn rows_by_meeting(plan: &Plan) -> HashMap<GlobalId, NativeId> {
    let rows = plan.entries.iter().filter_map(|entry| entry.verdict.pairing.seen.dynamics.as_ref());
    let named = rows.filter_map(|row| {
        let row = &row.observation;
        Some((row.uid.clone()?, row.id.clone()))
    });
    named.collect()
}

fn set_aside(entry: &mut Entry) {
    let pairing = entry.verdict.pairing.clone();
    let code = Code::RowKnown;
    let after = match &pairing.link {
        Some(link) => {
            entry.link = link.clone();
            After::LeftAlone(code)
        }
        None => After::Nothing,
    };
    entry.verdict = leave(pairing, after, rule::APPT_IN_11, code);
    entry.steps = PerSide::from_fn(|_: Side| None);
    entry.people.clear();
}

#[cfg(test)]
mod tests;
