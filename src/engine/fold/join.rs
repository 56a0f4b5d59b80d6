//! Two items that are there become a pair, and a write of that fails: what is agreed then.

use super::agreed_prints;
use crate::domain::field::Group;
use crate::domain::fingerprint::{PrintKey, Prints};
use crate::domain::link::{Link, LinkState};
use crate::domain::plan::{Op, Outcome, Step};
use crate::domain::side::{PerSide, Side};
use crate::engine::catalogue as rule;
use crate::engine::normalise::Seen;
use crate::engine::plan::Entry;

/// Tells whether two items that are there become a pair.
pub(super) fn joins(entry: &Entry) -> bool {
    let pairing = &entry.verdict.pairing;
    let there = |side: Side| {
        pairing.seen.get(side).is_some()
            && matches!(entry.steps.get(side), None | Some(Step { op: Op::Update { .. }, .. }))
    };
    let state = pairing.link.as_ref().map(|link| link.state);
    matches!(state, None | Some(LinkState::Creating(_) | LinkState::LeftAlone))
        && Side::BOTH.into_iter().all(there)
}

/// Tells whether a known edit of one side was to replace what nobody knows to be an edit (CONF-03).
/// Whatever the policy says of two edits, it is decided alike until it is carried.
pub(super) fn guesses(entry: &Entry) -> bool {
    let link = entry.verdict.pairing.link.as_ref();
    let made = link.filter(|link| matches!(link.state, LinkState::Creating(_)));
    let unknown = |side: Side| made.is_some_and(|it| *it.agreed.get(side) == Prints::default());
    let conflict = entry.verdict.decision.rules.contains(&rule::CONF_03);
    made.is_some() && joins(entry) && conflict && unknown(Side::Dynamics) != unknown(Side::Exchange)
}

/// Two items became a pair and not all was carried. What was carried, or did not differ, is
/// agreed; the rest goes the way that was decided. A conflict is decided and told anew.
pub(super) fn settle(
    link: &mut Link,
    entry: &Entry,
    side: Side,
    outcomes: &PerSide<Option<Outcome>>,
    (written, key): (Option<&Seen>, &PrintKey),
) {
    let Some(seen) = entry.verdict.pairing.seen.get(side) else { return };
    let old = link.agreed.get(side).clone();
    if old == Prints::default() && guesses(entry) {
        // What was not known stays so: the edit of the other side wins once more.
        return;
    }
    let mut prints = agreed_prints(&old, entry, side, Some(seen), (written, key));
    // "Changed" is what differs from the agreement, also where nothing was known and nothing is.
    let change = |prints: &mut Prints, group: Group| {
        let is = seen.prints.get(group);
        if old.get(group) == is {
            prints.set(group, Some(!is.unwrap_or_default()));
        } else {
            prints.take(group, &old);
        }
    };
    for group in undone(entry, side.other(), outcomes) {
        change(&mut prints, group);
    }
    let conflict = entry.verdict.decision.rules.contains(&rule::CONF_03);
    for group in undone(entry, side, outcomes) {
        let unknown = old == Prints::default() || old.get(group) != seen.prints.get(group);
        if conflict && unknown {
            change(&mut prints, group);
        }
    }
    prints.set(Group::Files, old.get(Group::Files));
    link.agreed.set(side, prints);
}

/// Returns the groups that a side should have taken over and has not, as far as is known.
fn undone(entry: &Entry, side: Side, outcomes: &PerSide<Option<Outcome>>) -> Vec<Group> {
    match entry.steps.get(side) {
        Some(Step { op: Op::Update { groups, .. }, .. })
            if !matches!(outcomes.get(side), Some(Outcome::Done(_))) =>
        {
            groups.clone()
        }
        _ => Vec::new(),
    }
}
