//! A row that was handed over: whom it concerns, and what goes on meanwhile (ORG-03).

use crate::domain::field::Field;
use crate::domain::kind::Kind::Appointment;
use crate::domain::link::{LinkState, Role};
use crate::domain::side::Side::Exchange;
use crate::engine::decide::After;
use crate::engine::matching::Pairing;
use crate::engine::testing::*;

const THEM: &str = "served@contoso.test";

fn pair(world: &World, there: &Obs, here: &Obs, role: Role) -> Pairing {
    let before = in_role(world.linked(&row(Appointment).organized_by(ME), here), role);
    let before = linking(before, |link| link.uid = here.0.uid.clone());
    world.then(before, there)
}

#[test]
fn org_03_a_handed_over_meeting_that_stays_is_told_what_else_changes() {
    // The organization tells deletes apart: the meeting stays, and the new title arrives in it.
    let world = World::with(|world| world.policy.settings.distinct_deletes = true);
    let here = item(Appointment).invites(&[THEM]).uid("mine");
    let there = row(Appointment).invites(&[THEM]).uid("mine").text(Field::Subject, "Other");
    let pairing = pair(&world, &there.organized_by(SERVED), &here, Role::Owner);
    let verdict = world.decide(pairing);
    assert!(writes(&verdict, Exchange, Field::Subject).is_some(), "{verdict:?}");
}

#[test]
fn org_03_only_the_organizers_own_meeting_is_replaced() {
    // A copy follows a row whose organizer is another all along, one that is not organized here is no
    // meeting to replace, and a row of this user may name what it wants: each pair goes on.
    let world = World::new();
    let mine = || item(Appointment).uid("mine");
    let handed = || row(Appointment).organized_by(SERVED).uid("mine");
    for (there, here, role, stays) in [
        (handed(), mine(), Role::Owner, false),
        (handed(), mine(), Role::PrivateCopy, true),
        (handed(), mine().held_by("boss@elsewhere.test"), Role::Owner, true),
        (row(Appointment).uid("theirs"), mine(), Role::Owner, true),
    ] {
        let verdict = world.decide(pair(&world, &there, &here, role));
        assert_eq!(verdict.after == After::Agreed, stays, "{role:?} {verdict:?}");
    }
}

#[test]
fn org_03_only_what_was_a_pair_is_forgotten_by_the_new_organizer() {
    // His row names no meeting. While the pair is in the making, or was left alone, nothing was attended.
    let world = World::new();
    let invited = item(Appointment).held_by(THEM).uid("theirs");
    for (state, forgotten) in [
        (LinkState::Agreed, true),
        (LinkState::DeletedInExchange, true),
        (LinkState::LeftAlone, false),
        (LinkState::Creating(Exchange), false),
    ] {
        let pairing = pair(&world, &row(Appointment), &invited, Role::Follower);
        let verdict = world.decide(in_state(pairing, state));
        assert_eq!(verdict.after == After::Forgotten, forgotten, "{state:?} {verdict:?}");
    }
}
