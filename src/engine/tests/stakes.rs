//! What an operator lets pass when he releases a braked mailbox (`engine::stakes`).

use crate::domain::field::Field;
use crate::domain::kind::Kind::{Appointment, Task};
use crate::domain::plan::{MailClass, Op};
use crate::engine::plan::Plan;
use crate::engine::stakes::Stakes;
use crate::engine::testing::*;

const GUEST: &str = "a@guest.test";

fn of(plan: &Plan) -> Stakes {
    Stakes::of(plan)
}

fn with_mail(mut plan: Plan, mail: MailClass) -> Plan {
    for entry in &mut plan.entries {
        for step in entry.steps.exchange.iter_mut() {
            step.mail = mail;
        }
    }
    plan
}

#[test]
fn guard_stakes_are_deletes_and_what_mails() {
    // A delete always; a create, a change and an unmarking only when they mail.
    let world = World::new();
    let guest = |obs: Obs| obs.invites(&[GUEST]);
    let deleted = world.then(world.linked(&row(Task), &item(Task)), &row(Task).gone());
    let created = world.alone(&guest(row(Appointment)));
    let pair = world.linked(&guest(row(Appointment)), &guest(item(Appointment)));
    let moved = guest(row(Appointment)).text(Field::Subject, "Other");
    let mut unmarked = world.plan(vec![world.then(pair.clone(), &moved)]);
    let step = unmarked.entries[0].steps.exchange.as_mut().unwrap();
    let Op::Update { id, expected, .. } = step.op.clone() else { panic!("no update") };
    step.op = Op::Unmark { id, expected };
    for (plan, always) in [
        (world.plan(vec![deleted]), true),
        (world.plan(vec![created]), false),
        (world.plan(vec![world.then(pair, &moved)]), false),
        (unmarked, false),
    ] {
        assert!(plan.entries[0].steps.exchange.is_some(), "{:?}", plan.entries[0].verdict.decision);
        let nothing = Stakes::default();
        let silent = of(&with_mail(plan.clone(), MailClass::Silent));
        let one = of(&with_mail(plan.clone(), MailClass::Mails(1)));
        let two = of(&with_mail(plan, MailClass::Mails(2)));
        assert_eq!(silent != nothing, always);
        assert!(one != nothing && two != nothing && one != two, "how many is at stake, too");
        assert!(one.cover(&one) && !one.cover(&two) && one.cover(&nothing));
        assert_ne!(one.digest(), two.digest());
    }
    assert!(of(&world.plan(vec![world.linked(&row(Task), &item(Task))])) == Stakes::default());
}

#[test]
fn guard_broken_promises_are_at_stake_one_by_one() {
    // The same promise broken twice is more than once; nothing broken adds nothing.
    let broken = |ids: &[&str]| Stakes::default().and_broken(ids.iter().copied());
    assert_eq!(broken(&[]), Stakes::default());
    assert!(!broken(&["INV-4"]).cover(&broken(&["INV-4", "INV-4"])));
    assert!(broken(&["INV-4", "INV-4"]).cover(&broken(&["INV-4"])));
    assert!(!broken(&["INV-4"]).cover(&broken(&["INV-1"])));
}
