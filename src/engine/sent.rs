//! What an update will leave behind, known before it is sent. Should its answer be lost, or the
//! process die, our own write is no rival to the next edit on the other side (CONF-03, CONF-05).

use crate::domain::field::{Field, Group, Patch, Value};
use crate::domain::fingerprint::PrintKey;
use crate::domain::link::{Link, LinkState};
use crate::domain::observation::Facts;
use crate::domain::plan::{Op, Outcome, Step};
use crate::domain::policy::Context;
use crate::domain::side::{PerSide, Side};
use crate::engine::matching::Pairing;
use crate::engine::normalise::{Seen, normalise};
use crate::engine::plan::{Entry, Plan};

/// What stands for a group that holds nothing.
const EMPTY: u64 = 0;

/// More writes of one pair without an answer are not remembered: the oldest is forgotten.
const MOST: usize = 16;

/// Returns the links that the updates of a plan change, with what these will leave behind. They are
/// stored before anything is sent.
#[must_use]
pub fn markers(plan: &Plan, key: &PrintKey, context: &Context<'_>) -> Vec<Link> {
    let marked = |entry: &Entry| {
        let mut link = entry.verdict.pairing.link.clone()?;
        let known = link.sent.clone();
        if matches!(link.state, LinkState::Agreed | LinkState::Creating(_)) {
            Side::BOTH.into_iter().for_each(|side| add(&mut link, entry, side, key, context));
        }
        (link.sent != known).then_some(link)
    };
    plan.entries.iter().filter_map(marked).collect()
}

/// Keeps what nobody knows to have been written, and forgets the rest.
pub(super) fn settle(
    link: &mut Link,
    entry: &Entry,
    outcomes: &PerSide<Option<Outcome>>,
    (key, context): (&PrintKey, &Context<'_>),
) {
    for side in Side::BOTH {
        match (outcomes.get(side), entry.steps.get(side)) {
            (Some(Outcome::Unknown), _) => add(link, entry, side, key, context),
            (Some(Outcome::Done(_)), Some(Step { op: Op::Update { groups, .. }, .. })) => {
                link.sent.get_mut(side).retain(|(group, _)| !groups.contains(group));
            }
            (None | Some(_), _) => {}
        }
    }
}

/// What an earlier write of ours left behind is no edit of that side: what it was written from is the
/// edit, as long as it is not agreed on.
pub(super) fn disown(changed: &mut PerSide<Vec<Group>>, pairing: &Pairing) {
    for side in Side::BOTH {
        let ours = |group: &Group| is_ours(pairing, side, *group);
        let (mine, theirs) = changed.get(side).iter().partition(|group| ours(group));
        changed.set(side, theirs);
        let other = changed.get_mut(side.other());
        for group in Vec::into_iter(mine) {
            if !other.contains(&group) {
                other.push(group);
            }
        }
    }
}

/// Tells whether a side holds in a group what an earlier write of ours was to leave behind.
pub(super) fn is_ours(pairing: &Pairing, side: Side, group: Group) -> bool {
    let (Some(link), Some(seen)) = (&pairing.link, pairing.seen.get(side)) else { return false };
    let holds = seen.prints.get(group).unwrap_or(EMPTY);
    link.sent.get(side).contains(&(group, holds))
}

fn add(link: &mut Link, entry: &Entry, side: Side, key: &PrintKey, context: &Context<'_>) {
    let list = link.sent.get_mut(side);
    for one in expected(entry, side, key, context) {
        if !list.contains(&one) {
            list.push(one);
        }
    }
    let most = list.len().saturating_sub(MOST);
    list.drain(..most);
}

/// Returns what the groups that an update writes will hold. Occurrences have a way of their own.
fn expected(entry: &Entry, side: Side, key: &PrintKey, context: &Context<'_>) -> Vec<(Group, u64)> {
    let (Some(Step { op: Op::Update { patch, groups, .. }, .. }), Some(seen)) =
        (entry.steps.get(side), entry.verdict.pairing.seen.get(side))
    else {
        return Vec::new();
    };
    let seen = patched(seen, patch, key, context);
    let apart = |group: &Group| matches!(group, Group::Files | Group::Exceptions);
    let wanted = groups.iter().filter(|group| !apart(group));
    wanted.map(|group| (*group, seen.prints.get(*group).unwrap_or(EMPTY))).collect()
}

fn patched(seen: &Seen, patch: &Patch, key: &PrintKey, context: &Context<'_>) -> Seen {
    let mut observation = seen.observation.clone();
    for (field, value) in patch {
        observation.fields.set(*field, value.clone());
    }
    let html = matches!(observation.fields.get(Field::Body), Some(Value::Html(_)));
    if let Facts::Exchange(facts) = &mut observation.facts {
        facts.html = html;
    }
    let (settings, zone) = (&context.policy.settings, context.mailbox.personal.zone.as_ref());
    normalise(observation, key, settings, context.directory, zone)
}

#[cfg(test)]
mod tests;
