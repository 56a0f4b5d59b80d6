//! Tests of what is remembered of pairs that were found by their markers.

use super::*;
use crate::domain::field::Field;
use crate::domain::kind::Kind;
use crate::engine::testing::{KEY, Obs, World, item, row, row_guid};

fn found(world: &World, there: &Obs, here: &Obs) -> Found {
    let plan = world.plan(vec![world.met(there, here)]);
    find(&plan.entries[0], &KEY, &world.context())
}

#[test]
fn link_03_a_pair_that_agrees_is_agreed_at_once() {
    // The link a lost store held comes back: state, both ids, no trouble.
    let world = World::new();
    let Found::Agreed(link) =
        found(&world, &row(Kind::Task), &item(Kind::Task).marked(row_guid(1)))
    else {
        panic!("they agree");
    };
    assert_eq!((link.state, link.trouble), (LinkState::Agreed, None));
    assert!(link.native.dynamics.is_some() && link.native.exchange.is_some());
}

#[test]
fn conf_03_a_pair_that_differs_is_decided_by_the_policy_in_the_next_cycle() {
    // Nothing is guessed: the differing group counts as changed on both sides, so that Dynamics
    // wins a task; the other groups are agreed.
    let world = World::new();
    let there = row(Kind::Task).text(Field::Subject, "There");
    let here = item(Kind::Task).marked(row_guid(1)).text(Field::Subject, "Here");
    let Found::Differing(link) = found(&world, &there, &here) else { panic!("they differ") };
    assert!(link.is_unsettled());
    let mut pairing = world.met(&there, &here);
    pairing.link = Some(*link);
    let verdict = world.decide(pairing);
    assert_eq!(verdict.decision.groups, [Group::Subject]);
    assert!(verdict.writes.exchange.is_some() && verdict.writes.dynamics.is_none());
    assert_eq!(verdict.decision.code, Some(Code::ConflictResolved));
}

#[test]
fn filt_02_what_has_no_partner_is_left_to_the_next_cycle() {
    // A row alone is not stored: the next cycle creates its item as always.
    let world = World::new();
    let plan = world.plan(vec![world.alone(&row(Kind::Task))]);
    assert_eq!(find(&plan.entries[0], &KEY, &world.context()), Found::Left);
    let plan = world.plan(vec![world.alone(&item(Kind::Task).untracked())]);
    assert_eq!(find(&plan.entries[0], &KEY, &world.context()), Found::Nothing);
}

#[test]
fn link_03_what_only_needs_a_mark_or_has_parted_does_not_differ() {
    // A pair that agrees and whose item names its row not yet is the next cycle's; one whose row its
    // user may not read is remembered, and is no pair that agrees.
    let world = World::new();
    let meeting = |obs: Obs| obs.uid("u");
    let (there, here) = (meeting(row(Kind::Appointment)), meeting(item(Kind::Appointment)));
    assert_eq!(found(&world, &there, &here), Found::Left);
    let hidden = row(Kind::Task).presence(crate::domain::observation::Presence::Unreadable);
    let found = found(&world, &hidden, &item(Kind::Task).marked(row_guid(1)));
    assert!(matches!(found, Found::Alone(_)), "{found:?}");
}
