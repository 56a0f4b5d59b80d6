//! Each promise is seen broken once, and kept in the nearest case (`engine::invariants`).

use crate::domain::code::Code;
use crate::domain::field::Field;
use crate::domain::ids::{LinkId, NativeId};
use crate::domain::kind::Kind::{Appointment, Contact, Task};
use crate::domain::link::{Link, LinkState, Trouble};
use crate::domain::observation::Presence;
use crate::domain::plan::{MailClass, Outcome};
use crate::domain::side::PerSide;
use crate::domain::side::Side::{self, Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::After;
use crate::engine::fold::LinkChange;
use crate::engine::invariants::{
    INV_1, INV_2, INV_3, INV_4, INV_5, Violation, check_fold, check_links, check_plan,
};
use crate::engine::plan::Plan;
use crate::engine::testing::*;

/// Returns the promises that a plan breaks.
fn broken(plan: &Plan) -> Vec<Violation> {
    check_plan(plan, ME).into_iter().map(|broken| broken.promise).collect()
}

#[test]
fn inv_1_a_plan_stores_no_link_twice() {
    // Two entries under one id, unless nothing is stored of one of them.
    let world = World::new();
    let pair = || world.linked(&row(Task), &item(Task));
    let mut plan = world.plan(vec![pair(), pair()]);
    assert_eq!(broken(&plan), [INV_1]);
    plan.entries[1].verdict.after = After::Nothing;
    assert_eq!(broken(&plan), []);
    plan.entries[1].verdict.after = After::Agreed;
    plan.entries[1].link.id = LinkId(row_guid(2));
    assert_eq!(broken(&plan), []);
}

#[test]
fn inv_5_a_verdict_without_a_rule_is_found() {
    // Whatever it decides.
    let world = World::new();
    let mut plan = world.plan(vec![world.linked(&row(Task), &item(Task))]);
    plan.entries[0].verdict.decision.rules.clear();
    assert_eq!(broken(&plan), [INV_5]);
}

#[test]
fn inv_2_a_write_to_ones_own_meeting_with_attendees_is_classed_as_mailing() {
    // Required or optional; not without any, not in somebody else's meeting, and not in Dynamics.
    let world = World::new();
    let changed = |here: Obs, there: Obs| {
        let pair = world.linked(&there, &here);
        let mut plan = world.plan(vec![world.then(pair, &there.text(Field::Subject, "Other"))]);
        let step = plan.entries[0].steps.exchange.as_mut().expect("a write");
        step.mail = MailClass::Silent;
        plan
    };
    let guest = ["a@guest.test"];
    let (there, here) = (|| row(Appointment), || item(Appointment));
    let required = || changed(here().invites(&guest), there().invites(&guest));
    assert_eq!(broken(&required()), [INV_2]);
    assert_eq!(broken(&changed(here().optional(&guest), there().optional(&guest))), [INV_2]);
    assert_eq!(broken(&changed(here(), there())), []);
    let mut said = required();
    said.entries[0].steps.exchange.as_mut().unwrap().mail = MailClass::Mails(1);
    assert_eq!(broken(&said), []);
    let mut theirs = required();
    let seen = theirs.entries[0].verdict.pairing.seen.exchange.as_mut().unwrap();
    seen.observation = here().invites(&guest).held_by("boss@elsewhere.test").0;
    assert_eq!(broken(&theirs), []);
    let mut in_dynamics = required();
    let entry = &mut in_dynamics.entries[0];
    entry.verdict.pairing.seen.dynamics = entry.verdict.pairing.seen.exchange.clone();
    entry.steps.dynamics = entry.steps.exchange.take();
    entry.steps.dynamics.as_mut().unwrap().on = Dynamics;
    assert_eq!(broken(&in_dynamics), []);
}

/// A plan that deletes the item of a task whose row is gone.
fn deleting(world: &World) -> Plan {
    world.plan(vec![world.then(world.linked(&row(Task), &item(Task)), &row(Task).gone())])
}

#[test]
fn inv_4_a_delete_is_earned_by_an_absence_or_by_a_rule() {
    // The row must be gone, out of the filter or unreadable; or a rule cancels, hands over or purges.
    let world = World::new();
    assert_eq!(broken(&deleting(&world)), []);
    let with = |there: Option<Obs>, rules: &[crate::domain::rule::RuleId]| {
        let mut plan = deleting(&world);
        let verdict = &mut plan.entries[0].verdict;
        verdict.pairing.seen.dynamics = there.map(|row| world.seen(&row));
        verdict.decision.rules = rules.to_vec();
        broken(&plan)
    };
    let id = [rule::FILT_04];
    for (presence, earned) in [
        (Presence::Deleted, true),
        (Presence::LeftFilter, true),
        (Presence::Unreadable, true),
        (Presence::Present, false),
        (Presence::MovedAway, false),
    ] {
        let found = with(Some(row(Task).presence(presence)), &id);
        assert_eq!(found.is_empty(), earned, "{presence:?}");
    }
    assert_eq!(with(None, &id), [INV_4]);
    assert_eq!(with(Some(row(Task)), &[rule::CXL_04]), []);
    assert_eq!(with(Some(row(Task)), &[rule::OPS_01]), []);
    assert_eq!(with(Some(row(Task).organized_by(SERVED)), &[rule::ORG_03]), []);
    assert_eq!(with(Some(row(Task).organized_by(SERVED)), &id), [INV_4]);
    assert_eq!(with(Some(row(Task)), &[rule::ORG_03]), [INV_4], "nobody organizes it");
    let mine = with(Some(row(Task).organized_by(ME)), &[rule::ORG_03]);
    assert_eq!(mine, [INV_4], "nobody else organizes it");
}

#[test]
fn inv_3_a_step_that_did_not_succeed_leaves_trouble() {
    // Missing is what a delete wants; every other failure must be remembered.
    let link = |code: Option<Code>| {
        let mut link = World::new().linked(&row(Task), &item(Task)).link.unwrap();
        link.trouble = code.map(|code| Trouble { code, parked: false, attempts: 1, since: now() });
        LinkChange::Put(Box::new(link))
    };
    for (outcome, failed) in [
        (Some(Outcome::Stale), true),
        (Some(Outcome::Refused(Code::WriteRefused)), true),
        (Some(Outcome::Unknown), true),
        (Some(Outcome::NotSent), true),
        (Some(Outcome::Missing), false),
        (Some(Outcome::Done(None)), false),
        (None, false),
    ] {
        let outcomes = PerSide { dynamics: None, exchange: outcome };
        let expected = if failed { vec![INV_3] } else { Vec::new() };
        assert_eq!(check_fold(&outcomes, &LinkChange::None), expected, "{outcomes:?}");
        assert_eq!(check_fold(&outcomes, &link(None)), expected, "{outcomes:?}");
        assert_eq!(check_fold(&outcomes, &link(Some(Code::WriteRefused))), [], "{outcomes:?}");
    }
}

#[test]
fn inv_1_no_item_belongs_to_two_links() {
    // Of one side and collection; a link that was left alone claims nothing.
    let link = |number: u128, kind, side: Side, id: &str, state| {
        let mut link = Link::new(LinkId(row_guid(number)), kind, Exchange, state);
        link.native.set(side, Some(NativeId::new(id)));
        link
    };
    let agreed = LinkState::Agreed;
    let first = || link(1, Task, Exchange, "a", agreed);
    assert_eq!(check_links(&[first()]), []);
    assert_eq!(check_links(&[first(), link(2, Task, Exchange, "a", agreed)]), [INV_1]);
    for other in [
        link(2, Task, Exchange, "b", agreed),
        link(2, Task, Dynamics, "a", agreed),
        link(2, Contact, Exchange, "a", agreed),
        link(2, Task, Exchange, "a", LinkState::LeftAlone),
    ] {
        assert_eq!(check_links(&[first(), other]), []);
    }
}
