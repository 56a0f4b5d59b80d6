//! Tracking: what brings an item in, what lets it go (LINK, COPY).

use crate::domain::code::Code;
use crate::domain::field::{Field, Value};
use crate::domain::kind::Kind::{Appointment, Contact, Task};
use crate::domain::link::{LinkState, Role, Why};
use crate::domain::plan::{Op, Verb};
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::{After, Write};
use crate::engine::testing::*;

#[test]
fn link_02_an_untracked_item_is_never_imported() {
    // Without a tracking signal nothing happens and nothing is remembered, fit or unfit.
    let world = World::new();
    let mut unfit = item(Appointment).untracked();
    unfit.0.unfit = Some(Code::TimeZoneUnknown);
    let series = item(Appointment).untracked().item_facts(|it| it.recurring = true);
    for item in [item(Appointment).untracked(), item(Contact).untracked(), unfit, series] {
        let verdict = world.decide(world.alone(&item));
        assert!(silent(&verdict) && cites(&verdict, rule::LINK_02));
        assert_eq!((verdict.after, verdict.decision.code), (After::Nothing, None));
    }
}

#[test]
fn link_03_a_tracked_item_becomes_a_row() {
    // A tracking signal makes the row and the link.
    let world = World::new();
    for kind in [Appointment, Contact, Task] {
        let verdict = world.decide(world.alone(&item(kind)));
        assert_eq!(verdict.decision.verb, Verb::Create(Dynamics));
        assert!(cites(&verdict, rule::LINK_03) && verdict.after == After::Agreed);
    }
}

#[test]
fn link_03_an_imported_item_is_given_the_marker_if_that_mails_nobody() {
    // The marker names the new row, so that a lost store makes no second one (INV-7).
    let world = World::new();
    let meeting = item(Appointment).invites(&["a@guest.test"]);
    for (item, marks) in [(item(Contact), true), (item(Appointment), true), (meeting, false)] {
        let plan = world.plan(vec![world.alone(&item)]);
        let row = plan.steps(Dynamics)[0].1.link;
        let mark = plan.steps(Exchange).first().map(|(_, step)| step.clone());
        assert_eq!(mark.is_some(), marks);
        assert!(
            mark.is_none_or(|it| it.link == row && matches!(it.op, Op::Update { mark: true, .. }))
        );
    }
}

#[test]
fn link_01_a_linked_pair_follows_both_sides() {
    // A change on either side is carried to the other.
    let world = World::new();
    for kind in [Appointment, Task] {
        let there = row(kind).text(Field::Subject, "Other");
        let here = item(kind).text(Field::Subject, "Other");
        let verdict = world.decide(world.then(world.linked(&row(kind), &item(kind)), &there));
        assert_eq!(verdict.decision.verb, Verb::Update(Exchange));
        let verdict = world.decide(world.then(world.linked(&row(kind), &item(kind)), &here));
        assert_eq!(verdict.decision.verb, Verb::Update(Dynamics));
    }
}

#[test]
fn link_04_an_item_elsewhere_is_not_imported() {
    // A tracked event outside the main calendar becomes no row.
    use crate::domain::observation::Presence;
    let world = World::new();
    let verdict = world.decide(world.alone(&item(Appointment).presence(Presence::MovedAway)));
    assert!(silent(&verdict));
}

#[test]
fn link_05_link_06_taking_the_category_off_unlinks() {
    // The pair is dissolved and both items stay; contacts know no category.
    let world = World::new();
    for (kind, unlinks) in [(Appointment, true), (Task, true), (Contact, false)] {
        let pairing = world.linked(&row(kind), &item(kind));
        let verdict = world.decide(world.then(pairing, &item(kind).untracked()));
        assert!(silent(&verdict));
        assert_eq!(verdict.after == After::Unlinked(Why::Untracked), unlinks, "{kind}");
        assert_eq!(cites(&verdict, rule::LINK_06), unlinks);
    }
}

#[test]
fn link_06_a_dissolved_pair_names_the_rule_that_brings_it_back() {
    // Its advice is followed: of a pair without the category nothing is to be deleted by hand.
    for (why, id) in [
        (Why::Untracked, rule::LINK_06),
        (Why::LeftFilter, rule::FILT_05),
        (Why::RowGone, rule::CXL_06),
    ] {
        let world = World::new();
        let pair = in_state(world.linked(&row(Task), &item(Task)), LinkState::Unlinked(why));
        let mut pairing = world.then(pair, &item(Task).untracked());
        pairing.seen.dynamics = None;
        let verdict = world.decide(pairing);
        assert_eq!(verdict.after, After::Unlinked(why));
        assert_eq!(verdict.decision.rules, [id], "{why:?}");
    }
}

#[test]
fn link_06_a_meeting_that_never_had_the_category_has_not_lost_it() {
    // An attendee's copy and a meeting with attendees were linked by identity, without category.
    let world = World::new();
    let invited = item(Appointment).held_by("served@contoso.test").invites(&["me@contoso.test"]);
    let own = item(Appointment).invites(&["a@guest.test"]);
    for (item, role) in [(invited, Role::Follower), (own, Role::Owner)] {
        let item = item.untracked();
        let changed = item.clone().text(Field::Subject, "Other");
        let pairing = in_role(world.linked(&row(Appointment), &item), role);
        let verdict = world.decide(world.then(pairing, &changed));
        assert_eq!(verdict.after, After::Agreed, "{role:?}");
    }
}

#[test]
fn link_06_an_imported_meeting_with_attendees_unlinks() {
    // What came in by its category leaves with it, attendees or not.
    let world = World::new();
    let item = item(Appointment).invites(&["a@guest.test"]);
    let pairing = linking(world.linked(&row(Appointment), &item), |link| link.origin = Exchange);
    let verdict = world.decide(world.then(pairing, &item.untracked()));
    assert_eq!(verdict.after, After::Unlinked(Why::Untracked));
}

#[test]
fn appt_in_11_a_row_names_its_meeting_before_they_part() {
    // The stamp failed and the category went: without a store nothing else says that the row has a meeting.
    let world = World::new();
    let item = item(Appointment).uid("u");
    for (row, named) in [(row(Appointment), false), (row(Appointment).uid("u"), true)] {
        let pairing = world.linked(&row, &item);
        let verdict = world.decide(world.then(pairing, &item.clone().untracked()));
        assert_eq!(verdict.after, After::Unlinked(Why::Untracked));
        let uid = Some(Some(Value::Text("u".to_owned())));
        assert_eq!(writes(&verdict, Dynamics, Field::Uid), uid.filter(|_| !named));
        assert!(verdict.writes.exchange.is_none());
    }
}

#[test]
fn link_08_when_the_feature_is_off_nobodys_category_counts() {
    // Neither the missing category unlinks nor the present one imports.
    let world = World::with(|world| world.policy.settings.track_categorized = false);
    let pairing = world.linked(&row(Task), &item(Task));
    let verdict = world.decide(world.then(pairing, &item(Task).untracked()));
    assert_eq!(verdict.after, After::Agreed);
    assert!(silent(&world.decide(world.alone(&item(Task)))));
    assert!(creates(&world.decide(world.alone(&item(Contact))), Dynamics));
}

#[test]
fn link_06_the_category_brings_the_pair_back() {
    // A dissolved pair stays dissolved until the category returns.
    let world = World::new();
    let dissolved =
        in_state(world.linked(&row(Task), &item(Task)), LinkState::Unlinked(Why::Untracked));
    let still = world.decide(world.then(dissolved.clone(), &item(Task).untracked()));
    assert_eq!(still.after, After::Unlinked(Why::Untracked));
    assert_eq!(world.decide(dissolved).after, After::Agreed);
}

#[test]
fn link_08_a_foreign_item_is_marked_when_it_joins_a_pair() {
    // An adopted item without attendees receives marker and category; one with attendees does not.
    let world = World::new();
    let row = row(Appointment).uid("u");
    let alone = world.decide(world.met(&row, &item(Appointment).uid("u")));
    assert!(matches!(alone.writes.exchange, Some(Write::Update { mark: true, .. })));
    let row = row.invites(&["a@guest.test"]);
    let item = item(Appointment).uid("u").invites(&["a@guest.test"]);
    assert!(world.decide(world.met(&row, &item)).writes.exchange.is_none());
}

#[test]
fn copy_01_a_copy_of_a_linked_item_is_ignored() {
    // An item whose marker belongs to another item becomes no row.
    let world = World::new();
    let mut pairing = world.alone(&item(Appointment).id("copy"));
    pairing.copy = true;
    let verdict = world.decide(pairing);
    assert!(silent(&verdict));
    assert_eq!((verdict.after, verdict.decision.code), (After::Nothing, Some(Code::CopiedItem)));
}

#[test]
fn copy_02_copy_03_an_imported_copy_gets_a_row_and_a_marker_of_its_own() {
    // With the setting off a tracked copy becomes a row under another id, and its marker is
    // written anew; an untracked one stays foreign.
    let world = World::with(|world| world.policy.settings.ignore_copies = false);
    for kind in [Appointment, Contact] {
        let copy = item(kind).id("copy").marked(row_guid(1)).uid("copied");
        let mut pairing = world.alone(&copy);
        pairing.copy = true;
        let verdict = world.decide(pairing.clone());
        assert!(cites(&verdict, rule::COPY_02) && creates(&verdict, Dynamics));
        let plan = world.plan(vec![pairing]);
        let made = plan.steps(Dynamics)[0].1.link;
        assert_ne!(made.0, row_guid(1));
        let mark = &plan.steps(Exchange)[0].1;
        assert!(mark.link == made && matches!(mark.op, Op::Update { mark: true, .. }));
        let mut untracked = world.alone(&copy.untracked());
        untracked.copy = true;
        assert!(silent(&world.decide(untracked)));
    }
}

#[test]
fn copy_03_a_restored_item_is_linked_again() {
    // The row was kept when the item was deleted: an item with its marker takes its place.
    let world = World::new();
    let pairing = world.linked(&row(Contact), &item(Contact));
    let gone = linking(in_state(pairing, LinkState::DeletedInExchange), |link| {
        link.native.exchange = None;
    });
    let back = world.decide(world.then(gone, &item(Contact).id("copy").marked(row_guid(1))));
    assert_eq!(back.after, After::Agreed);
    assert!(cites(&back, rule::COPY_03) && silent(&back));
}
