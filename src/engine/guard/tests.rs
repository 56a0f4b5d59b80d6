//! Tests of the brakes at their edges (promises 2 and 3).

use crate::domain::code::Code;
use crate::domain::ids::LinkId;
use crate::domain::kind::Kind::{Appointment, Contact, Task};
use crate::domain::link::Link;
use crate::domain::policy::Limits;
use crate::domain::side::Side;
use crate::engine::guard::{Halt, guard};
use crate::engine::invariants::{Broken, INV_4};
use crate::engine::plan::Plan;
use crate::engine::stakes::Stakes;
use crate::engine::testing::*;

/// A mailbox of linked tasks of which some rows are gone.
fn mailbox(linked: u128, gone: u128) -> (Plan, Vec<Link>) {
    let world = World::new();
    let pairings: Vec<_> = (0..linked)
        .map(|number| {
            let row = row(Task).id(&row_guid(number).to_string());
            let pairing = world.linked(&row, &item(Task).id(&format!("item-{number}")));
            if number < gone { world.then(pairing, &row.gone()) } else { pairing }
        })
        .collect();
    let links = pairings.iter().filter_map(|it| it.link.clone()).collect();
    (world.plan(pairings), links)
}

fn limits(deletes: u32, deletes_share: f64) -> Limits {
    Limits { deletes, deletes_share, ..Limits::default() }
}

#[test]
fn guard_lets_a_plan_within_its_budget_pass() {
    // Exactly the budget passes, one more delete halts the whole plan.
    for (gone, passes) in [(0, true), (5, true), (6, false)] {
        let (plan, links) = mailbox(20, gone);
        let halt = guard(plan, &links, &limits(5, 0.0), None).err();
        assert_eq!(halt.is_none(), passes, "{gone}");
        if let Some(halt) = halt {
            assert_eq!((halt.code, halt.side), (Code::DeleteBudget, Side::Exchange));
            assert_eq!((halt.wanted, halt.allowed), (6, 5));
        }
    }
}

#[test]
fn guard_takes_the_larger_of_count_and_share() {
    // A quarter of twenty is five, more than the absolute budget of one.
    for (gone, passes) in [(5, true), (6, false)] {
        let (plan, links) = mailbox(20, gone);
        assert_eq!(guard(plan, &links, &limits(1, 0.25), None).is_ok(), passes);
    }
}

#[test]
fn guard_halts_when_a_side_would_be_emptied() {
    // A mailbox of six is never emptied within a budget; one of five may be.
    for (linked, gone, code) in [(6, 6, Some(Code::SideEmptied)), (6, 5, None), (5, 5, None)] {
        let (plan, links) = mailbox(linked, gone);
        let halt = guard(plan, &links, &limits(20, 1.0), None).err();
        assert_eq!(halt.as_ref().map(|it| it.code), code, "{linked} {gone}");
        // All but one may go.
        assert!(halt.is_none_or(|it| it.allowed == 5), "{linked} {gone}");
    }
}

#[test]
fn guard_halts_when_one_collection_of_many_would_be_emptied() {
    // A full address book is no excuse for an emptied task list.
    let world = World::new();
    let (tasks, mut links) = mailbox(6, 6);
    let contacts: Vec<Link> = (100..200)
        .filter_map(|number| {
            let row = row(Contact).id(&row_guid(number).to_string());
            world.linked(&row, &item(Contact).id(&format!("item-{number}"))).link
        })
        .collect();
    assert_eq!(contacts.len(), 100);
    links.extend(contacts);
    let halt = guard(tasks, &links, &limits(20, 1.0), None).err();
    assert_eq!(halt.map(|it| it.code), Some(Code::SideEmptied));
}

#[test]
fn guard_counts_the_people_who_would_be_mailed() {
    // Two invitations are within a budget of two and beyond one of one.
    let world = World::new();
    for (mails, passes) in [(2, true), (1, false)] {
        let row = row(Appointment).invites(&["a@guest.test", "b@guest.test"]);
        let plan = world.plan(vec![world.alone(&row)]);
        assert_eq!(plan.mails(), 2);
        let halt = guard(plan, &[], &Limits { mails, ..Limits::default() }, None).err();
        assert_eq!(halt.is_none(), passes);
        assert!(halt.is_none_or(|it| it.code == Code::MailBudget));
    }
}

#[test]
fn guard_obeys_the_operator_who_released_it() {
    // A released plan passes although it would halt.
    let (plan, links) = mailbox(20, 20);
    assert!(guard(plan.clone(), &links, &limits(0, 0.0), None).is_err());
    let halt = guard(plan.clone(), &links, &limits(0, 0.0), None).unwrap_err();
    let seen = halt.stakes;
    assert_eq!(guard(plan.clone(), &links, &limits(0, 0.0), Some(&seen)), Ok(plan.clone()));
    // What is left of it passes as well; what was not seen does not.
    let mut rest = plan.clone();
    rest.entries.remove(0);
    assert!(guard(rest.clone(), &links, &limits(0, 0.0), Some(&seen)).is_ok());
    let less = Stakes::of(&rest);
    assert!(guard(plan, &links, &limits(0, 0.0), Some(&less)).is_err());
    assert!(less.digest() != seen.digest() && seen.digest().len() == 16);
}

#[test]
fn a_broken_promise_is_named_with_its_link() {
    // Three of them, and how many more there are. A brake says how much is wanted.
    let one = Broken { promise: INV_4, link: LinkId(row_guid(7)) };
    let said = |count: usize| Halt::broken_promise(vec![one; count], Stakes::default()).to_string();
    let named = format!("INV-4-earned-delete at link {}", row_guid(7));
    assert_eq!(said(1), format!("promise-broken ({named})"));
    assert_eq!(said(5), format!("promise-broken ({named}, {named}, {named}, and 2 more)"));
    let (plan, links) = mailbox(20, 6);
    let halt = guard(plan, &links, &limits(5, 0.0), None).unwrap_err();
    assert_eq!(halt.to_string(), "delete-budget (6 wanted, 5 allowed)");
}
