//! Which of two items has a row.

use uuid::Uuid;

use super::settle;
use crate::domain::code::Code;
use crate::domain::kind::Kind::Appointment;
use crate::domain::link::{Link, LinkState};
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::decide::After;
use crate::engine::invariants::check_plan;
use crate::engine::matching::{Index, Pairing};
use crate::engine::plan::Plan;
use crate::engine::testing::*;

/// A tracked meeting in the calendar of somebody who attends it.
fn invited(id: &str, uid: &str) -> Obs {
    item(Appointment).id(id).held_by("boss@elsewhere.test").uid(uid)
}

fn settled(world: &World, pairings: Vec<Pairing>, links: &[Link]) -> Plan {
    settle(world.plan(pairings), &Index::new(world.mailbox.key.mailbox, links))
}

/// Returns which entries still do something.
fn kept(plan: &Plan) -> Vec<bool> {
    let aside = |code: Option<Code>| code == Some(Code::RowKnown);
    plan.entries.iter().map(|entry| !aside(entry.verdict.decision.code)).collect()
}

#[test]
fn appt_in_11_the_row_of_another_item_is_not_made_again() {
    // The guid that the meeting would give its row is stored: for the row that an organizer took over
    // (ORG-03), or for one without a name. Nothing is written, and nothing overwrites that link.
    let world = World::new();
    let alone = || world.alone(&invited("x", "old"));
    let mut link = world.plan(vec![alone()]).entries.remove(0).link;
    link.state = LinkState::Agreed;
    link.native.exchange = Some(invited("y", "new").0.id);
    assert_eq!(kept(&settled(&world, vec![alone()], &[])), [true]);
    let plan = settled(&world, vec![alone()], &[link]);
    assert_eq!(kept(&plan), [false]);
    assert!(plan.is_quiet() && plan.markers().is_empty());
    assert_eq!(plan.entries[0].after(), After::Nothing);
}

#[test]
fn appt_in_11_two_items_of_one_meeting_make_one_row() {
    // They would give it the same guid: the first has it, the promise holds, the mailbox goes on.
    let world = World::new();
    let both = || [invited("x", "one"), invited("y", "one")].map(|one| world.alone(&one)).to_vec();
    assert!(!check_plan(&world.plan(both()), ME).is_empty());
    let plan = settled(&world, both(), &[]);
    assert_eq!(kept(&plan), [true, false]);
    assert!(check_plan(&plan, ME).is_empty());
}

#[test]
fn org_03_a_row_that_names_the_meeting_is_the_meetings_row() {
    // Its pair still means another item. It was seen in this cycle, or the store knows it; one whose row
    // is gone knows nothing.
    let world = World::new();
    let alone = || world.alone(&invited("y", "new"));
    let old = world.linked(&row(Appointment).uid("new"), &invited("x", "old"));
    assert_eq!(kept(&settled(&world, vec![alone(), old.clone()], &[])), [false, true]);
    for (gone, made) in [(false, false), (true, true)] {
        let mut link = old.link.clone().unwrap();
        if gone {
            link.state = LinkState::Unlinked(crate::domain::link::Why::RowGone);
        }
        assert_eq!(kept(&settled(&world, vec![alone()], &[link])), [made]);
    }
}

#[test]
fn appt_in_11_a_create_without_an_answer_is_finished() {
    // Its own row is no rival of it.
    let world = World::new();
    let mut link = Link::new(row_id(5), Appointment, Exchange, LinkState::Creating(Dynamics));
    link.native.exchange = Some(invited("y", "new").0.id);
    let mut pairing = world.alone(&invited("y", "new"));
    pairing.link = Some(link.clone());
    assert_eq!(kept(&settled(&world, vec![pairing], &[link])), [true]);
}

fn row_id(number: u128) -> crate::domain::ids::LinkId {
    crate::domain::ids::LinkId(Uuid::from_u128(number))
}
