//! Every pairing is explained: whatever is known and seen, there is a rule, advice and a fact.

mod words;

use super::*;
use crate::domain::code::Code;
use crate::domain::kind::Kind;
use crate::domain::link::Trouble;
use crate::engine::catalogue as rule;
use crate::engine::tests::testing::{Obs, World, item, linking, now, row};

const STATES: [Option<LinkState>; 10] = [
    None,
    Some(LinkState::Creating(Side::Dynamics)),
    Some(LinkState::Creating(Side::Exchange)),
    Some(LinkState::Agreed),
    Some(LinkState::Unlinked(Why::LeftFilter)),
    Some(LinkState::Unlinked(Why::RowGone)),
    Some(LinkState::Unlinked(Why::Untracked)),
    Some(LinkState::Unlinked(Why::MovedAway)),
    Some(LinkState::DeletedInExchange),
    Some(LinkState::LeftAlone),
];
const ROWS: [Option<Presence>; 5] = [
    None,
    Some(Presence::Present),
    Some(Presence::LeftFilter),
    Some(Presence::Unreadable),
    Some(Presence::Deleted),
];
const ITEMS: [Option<Presence>; 4] =
    [None, Some(Presence::Present), Some(Presence::Deleted), Some(Presence::MovedAway)];

fn placed(obs: Obs, presence: Presence) -> Obs {
    if presence == Presence::Deleted { obs.gone() } else { obs.presence(presence) }
}

#[test]
fn every_pairing_has_a_rule_with_advice_and_facts() {
    // All states of a link against all that each side may show, for every kind, tracked and not,
    // copied or not, in trouble or not: the decision names a rule that says what would change it.
    let world = World::new();
    let mut decided = 0;
    for (kind, state) in Kind::ALL.into_iter().flat_map(|k| STATES.map(|state| (k, state))) {
        for (at_row, at_item) in ROWS.into_iter().flat_map(|r| ITEMS.map(|i| (r, i))) {
            if at_row.is_none() && at_item.is_none() {
                continue;
            }
            for mask in 0..16_u8 {
                let (tracked, copy) = (mask & 1 != 0, mask & 2 != 0);
                let (trouble, distinct) = (mask & 4 != 0, mask & 8 != 0);
                let mut pairing = world.linked(&row(kind), &item(kind));
                pairing.copy = copy;
                pairing = match state {
                    Some(state) => linking(pairing, |link| {
                        link.state = state;
                        let code = Code::ResultUnknown;
                        link.trouble = trouble.then(|| Trouble {
                            code,
                            parked: false,
                            attempts: 2,
                            since: now(),
                        });
                    }),
                    None => {
                        pairing.link = None;
                        pairing
                    }
                };
                let there = at_row.map(|presence| world.seen(&placed(row(kind), presence)));
                let obs = if tracked { item(kind) } else { item(kind).untracked() };
                let here = at_item.map(|presence| world.seen(&placed(obs, presence)));
                pairing.seen.set(Side::Dynamics, there);
                pairing.seen.set(Side::Exchange, here);
                let mut own = World::new();
                own.policy.settings.distinct_deletes = distinct;
                let verdict = own.decide(pairing);
                let first = verdict.decision.rules.first().copied();
                let advice = first.and_then(advice::of_rule);
                assert!(
                    advice.is_some_and(|it| !it.change.is_empty()),
                    "{kind} {state:?} {first:?}"
                );
                let told = facts(&verdict, &own.context());
                for name in ALWAYS {
                    assert!(told.iter().any(|fact| fact.name == name), "{name:?}: {told:?}");
                }
                assert!(told.is_sorted_by_key(|fact| fact.name), "{told:?}");
                decided += 1;
            }
        }
    }
    assert_eq!(decided, 8 * 10 * 19 * 16);
}

#[test]
fn facts_are_those_that_the_rule_looked_at() {
    // A contact that its owner keeps: the owner and the state of both sides, and no meeting facts.
    let world = World::new();
    let met = world.linked(&row(Kind::Contact), &item(Kind::Contact));
    let left = world.seen(&row(Kind::Contact).presence(Presence::LeftFilter));
    let mut pairing = met;
    pairing.seen.set(Side::Dynamics, Some(left));
    let verdict = world.decide(linking(pairing, |link| link.matched = true));
    let told = facts(&verdict, &world.context());
    assert!(verdict.decision.rules.contains(&rule::FILT_04), "{:?}", verdict.decision);
    let names: Vec<FactName> = told.iter().map(|fact| fact.name).collect();
    assert!(names.contains(&FactName::Owner) && names.contains(&FactName::RowStands), "{names:?}");
    assert!(!names.contains(&FactName::RowOrganizer), "{names:?}");
}
