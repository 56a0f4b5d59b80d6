//! Two items become a pair, or become one again: what differs, and who has edited it.

use super::agreed::carry;
use super::split::{agree, split};
use super::{
    After, Verdict, is_me, item_facts, leave, occurrences, replaced, role_in, row_facts, verdict,
};
use crate::domain::code::Code;
use crate::domain::field::Group;
use crate::domain::fingerprint::Prints;
use crate::domain::kind::Collection;
use crate::domain::link::{LinkState, Role, Why};
use crate::domain::plan::Verb;
use crate::domain::policy::Context;
use crate::domain::side::{PerSide, Side};
use crate::engine::catalogue as rule;
use crate::engine::matching::{Pairing, made_row, row_link};
use crate::engine::{groups, sent};

/// Two existing items are one pair: found by marker or by the meeting's identity. What differs is
/// carried by the conflict policy; followers and guests write nothing to the meeting.
pub(super) fn adopt(pairing: Pairing, context: &Context<'_>) -> Verdict {
    // LINK-10: a lost store does not track again what its user untracked.
    if item_facts(&pairing).untracked {
        return verdict(pairing, After::Unlinked(Why::Untracked), Verb::Unlink, &[rule::LINK_10]);
    }
    let role = adopted_role(&pairing, context);
    if replaced::is_its_meeting(&pairing) && replaced::is_replaced(&pairing, role, context) {
        // LINK-06: without a store nobody knows whether its user untracked it; its guests are not told
        // that it is off.
        let by_category = context.policy.settings.track_categorized;
        if pairing.link.is_none() && by_category && !item_facts(&pairing).tracked {
            let after = After::Unlinked(Why::Untracked);
            return verdict(pairing, after, Verb::Unlink, &[rule::LINK_06]).with_role(role);
        }
        return replaced::decide(pairing, role, context);
    }
    if replaced::meets_another(&pairing, role) {
        let after = if pairing.link.is_some() { After::Forgotten } else { After::Nothing };
        return leave(pairing, after, rule::APPT_IN_11, Code::RowKnown);
    }
    if was_untracked(&pairing, context) {
        let after = After::Unlinked(Why::Untracked);
        return verdict(pairing, after, Verb::Unlink, &[rule::LINK_06]);
    }
    decide(pairing, role, context)
}

/// LINK-06: a task whose row was made of it had the category then (LINK-05). When the store is lost and no
/// category is there any more, its user took it off; a purge takes the marker, too (OPS-01).
fn was_untracked(pairing: &Pairing, context: &Context<'_>) -> bool {
    let (Some(row), Some(item)) = (&pairing.seen.dynamics, &pairing.seen.exchange) else {
        return false;
    };
    let made = made_row(context.mailbox.key.mailbox, &item.observation);
    let by_category = context.policy.settings.track_categorized
        && item.observation.kind.collection() == Collection::Tasks;
    pairing.link.is_none()
        && by_category
        && !item_facts(pairing).tracked
        && made.is_some()
        && made == row_link(&row.observation.id)
        && made == item.observation.marker
}

pub(super) fn adopted_role(pairing: &Pairing, context: &Context<'_>) -> Role {
    match pairing.link.as_ref().map(|link| link.role) {
        Some(Role::PrivateCopy) => Role::PrivateCopy,
        _ if replaced::is_its_meeting(pairing) => Role::Owner,
        _ if pairing.kind().is_meeting() && is_copy_of_ours(pairing, context) => Role::PrivateCopy,
        _ => role_in(pairing, context),
    }
}

/// A silent copy that we made earlier: its mailbox "organizes" it, the row names somebody else.
fn is_copy_of_ours(pairing: &Pairing, context: &Context<'_>) -> bool {
    let facts = item_facts(pairing);
    let organizer = row_facts(pairing).organizer;
    facts.is_organizer && organizer.is_some() && !is_me(organizer, context)
}

/// Two items become a pair, or become one again: every group may differ.
pub(super) fn decide(pairing: Pairing, role: Role, context: &Context<'_>) -> Verdict {
    let all = groups::of(pairing.kind(), &context.policy.settings);
    let apart = |group: Group| {
        !agree(&pairing, group, context)
            || one_by_one(group) && occurrences::deletes_an_edited(&pairing, context)
    };
    let mut changed = PerSide::from_fn(|side| {
        let (own, rival) = (edited(&pairing, side), edited(&pairing, side.other()));
        let differs = |group: &Group| match (knows(&pairing, side), knows(&pairing, side.other())) {
            // What one side alone has edited since they last agreed has no rival (CONF-03).
            (true, true) | (false, false) => own.contains(group) || !rival.contains(group),
            // A create without an answer: its source tells its own edits, the rest of what
            // differs was edited where it was made.
            (true, false) => own.contains(group) || one_by_one(*group) && apart(*group),
            (false, true) => {
                let theirs = rival.contains(group) && !one_by_one(*group);
                !theirs && apart(*group)
            }
        };
        all.iter().copied().filter(differs).collect()
    });
    sent::disown(&mut changed, &pairing);
    let guessed = Side::BOTH.into_iter().any(|side| {
        let by_somebody = |group: &Group| !sent::is_ours(&pairing, side, *group);
        let over_unknown =
            edited(&pairing, side).iter().any(by_somebody) && !knows(&pairing, side.other());
        over_unknown && split(&pairing, role, &changed, context).from(side)
    });
    let mut verdict = carry(pairing, role, &changed, true, context);
    if verdict.decision.verb == Verb::Acknowledge {
        verdict.decision.verb = Verb::Link;
    }
    if guessed && !verdict.decision.rules.contains(&rule::CONF_03) {
        // What a known edit replaces may be an edit, too.
        verdict.decision.rules.push(rule::CONF_03);
        verdict.decision.note(Code::ConflictResolved);
    }
    let id = if verdict.pairing.kind().is_meeting() { rule::APPT_IN_11 } else { rule::LINK_03 };
    verdict.decision.rules.insert(0, id);
    verdict
}

/// Each occurrence has a way of its own (`occurrences::ways`): one that is missing where the series was
/// made was not written yet, one that only stands there was edited there.
fn one_by_one(group: Group) -> bool {
    group == Group::Exceptions
}

/// Returns what a side held when the pair was made, as far as that is known. A pair that was
/// dissolved and comes back has no such moment: the sides may have differed when it ended.
fn base(pairing: &Pairing, side: Side) -> Option<&Prints> {
    let link = pairing.link.as_ref()?;
    let agreed = link.agreed.get(side);
    let made = matches!(link.state, LinkState::Creating(_)) && *agreed != Prints::default();
    made.then_some(agreed)
}

fn knows(pairing: &Pairing, side: Side) -> bool {
    base(pairing, side).is_some()
}

/// Returns what a side has edited since the pair was made.
fn edited(pairing: &Pairing, side: Side) -> Vec<Group> {
    let (base, seen) = (base(pairing, side), pairing.seen.get(side));
    let (Some(base), Some(seen)) = (base, seen) else { return Vec::new() };
    seen.prints.differing(base)
}
