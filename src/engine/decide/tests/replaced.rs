//! A row that is handed to another organizer (ORG-03): which meeting stays.

use crate::domain::field::{Field, Value};
use crate::domain::kind::Kind::Appointment;
use crate::domain::link::{LinkState, Role, Why};
use crate::domain::plan::MailClass;
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::{After, Verdict};
use crate::engine::invariants::{INV_4, check_plan};
use crate::engine::matching::Pairing;
use crate::engine::testing::*;

const GUEST: &str = "served@contoso.test";

/// The meeting that this mailbox made, of which somebody attends.
fn mine() -> Obs {
    item(Appointment).invites(&[GUEST]).uid("mine")
}

fn handed_over() -> Obs {
    row(Appointment).organized_by(SERVED).uid("mine")
}

fn pair(world: &World, row: &Obs, item: &Obs) -> Pairing {
    let before = world.linked(&self::row(Appointment), item);
    let before = linking(before, |link| link.uid = item.0.uid.clone());
    world.then(before, row)
}

fn told_apart() -> World {
    World::with(|world| world.policy.settings.distinct_deletes = true)
}

#[test]
fn org_03_the_former_organizers_future_meeting_goes_and_its_row_forgets_it() {
    // It cancels; the row loses the name of this meeting, and of no other. The delete is earned, and would
    // not be in the mailbox of the organizer that the row has now.
    let world = World::new();
    for (uid, unnamed) in [("mine", true), ("theirs", false)] {
        let pairing = pair(&world, &handed_over().uid(uid), &mine());
        let verdict = world.decide(pairing.clone());
        assert!(deletes(&verdict, Exchange) && cites(&verdict, rule::ORG_03));
        assert_eq!((mail(&verdict), verdict.after), (Some(MailClass::Mails(1)), After::Forgotten));
        assert_eq!(writes(&verdict, Dynamics, Field::Uid), unnamed.then_some(None));
        let plan = world.plan(vec![pairing]);
        let breaks = |user| check_plan(&plan, user).iter().any(|it| it.promise == INV_4);
        assert_eq!((breaks(ME), breaks(SERVED)), (false, true));
    }
}

#[test]
fn org_03_the_former_organizers_meeting_stays_where_a_delete_would() {
    // A past one, and one of an organization that tells deletes apart: nobody is mailed or taken off
    // it, and the pair ends only where the row names another meeting.
    let past = mine().at(hours(-1));
    for (world, item) in [(told_apart(), mine()), (World::new(), past)] {
        let verdict = world.decide(pair(&world, &handed_over(), &item));
        assert!(writes(&verdict, Exchange, Field::RequiredAttendees).is_none());
        assert_eq!((deletes(&verdict, Exchange), verdict.after), (false, After::Agreed));
        let verdict = world.decide(pair(&world, &handed_over().uid("theirs"), &item));
        assert!(silent(&verdict) && cites(&verdict, rule::ORG_03));
        assert_eq!(verdict.after, After::Unlinked(Why::RowGone));
    }
}

#[test]
fn org_03_no_meeting_goes_while_its_row_may_mean_it() {
    // The row is this user's, or of somebody whose mailbox makes no meetings, or closed; or the event
    // is a copy, or another's.
    let world = World::new();
    let goes = |row: Obs, item: Obs, role: Role| {
        deletes(&world.decide(in_role(pair(&world, &row, &item), role)), Exchange)
    };
    let theirs = || mine().held_by("boss@elsewhere.test");
    assert!(goes(handed_over(), mine(), Role::Owner));
    assert!(!goes(handed_over().organized_by(ME), mine(), Role::Owner));
    assert!(!goes(handed_over().organized_by(UNSERVED), mine(), Role::Owner));
    assert!(!goes(handed_over().status(1, 3), mine(), Role::Owner));
    assert!(!goes(handed_over(), mine(), Role::PrivateCopy));
    assert!(!goes(handed_over(), theirs(), Role::Owner));
}

#[test]
fn org_03_cxl_09_a_handed_over_row_outlives_the_former_organizers_meeting() {
    // Deleted in Exchange: the row stays and forgets its name, where a name of it still stands there.
    let gone = |world: &World, row: Obs| {
        world.decide(world.then(pair(world, &row, &mine()), &mine().gone()))
    };
    let world = World::new();
    let verdict = gone(&world, handed_over());
    assert_eq!(verdict.after, After::Forgotten);
    assert_eq!(writes(&verdict, Dynamics, Field::Uid), Some(None));
    assert!(silent(&gone(&world, handed_over().uid("theirs"))));
    let verdict = gone(&told_apart(), handed_over());
    assert!(silent(&verdict) && verdict.after == After::DeletedInExchange);
    assert!(deletes(&gone(&world, handed_over().organized_by(ME)), Dynamics));
}

#[test]
fn org_03_a_meeting_found_after_a_lost_answer_is_judged_alike() {
    // Found by its marker it goes, whatever its row names. Without such a link it goes only where the
    // row names it: any other may be a copy.
    let world = World::new();
    let found = |uid: &str, state: LinkState| -> Verdict {
        let marked = mine().marked(row_guid(1));
        let pairing = in_state(pair(&world, &handed_over().uid(uid), &marked), state);
        world.decide(linking(pairing, |link| link.native.exchange = None))
    };
    let creating = LinkState::Creating(Exchange);
    assert!(deletes(&found("theirs", creating), Exchange));
    assert!(deletes(&found("mine", LinkState::LeftAlone), Exchange));
    assert!(!deletes(&found("theirs", LinkState::LeftAlone), Exchange));
    let stranger = world.decide(world.met(&handed_over(), &mine().marked(row_guid(1))));
    assert!(deletes(&stranger, Exchange));
}

#[test]
fn link_06_a_meeting_without_the_category_is_not_called_off_without_a_store() {
    // Its organizer may have untracked it: it stays as it is, and nobody is mailed. Where categories
    // do not count its absence says nothing.
    let untracked = mine().untracked();
    let verdict = World::new().decide(World::new().met(&handed_over(), &untracked));
    assert!(silent(&verdict) && cites(&verdict, rule::LINK_06));
    assert_eq!(verdict.after, After::Unlinked(Why::Untracked));
    let off = World::with(|world| world.policy.settings.track_categorized = false);
    assert!(deletes(&off.decide(off.met(&handed_over(), &untracked)), Exchange));
}

#[test]
fn org_03_the_new_organizer_forgets_the_meeting_that_he_attended() {
    // Once the row names none, in any state of the pair; before that, and for all others, it stays.
    let world = World::new();
    let invited = item(Appointment).held_by(GUEST).uid("theirs");
    let seen = |row: &Obs, role: Role, state: LinkState| {
        let pairing = in_state(in_role(pair(&world, row, &invited), role), state);
        world.decide(pairing).after == After::Forgotten
    };
    let now_mine = row(Appointment);
    for state in [LinkState::Agreed, LinkState::DeletedInExchange] {
        assert!(seen(&now_mine, Role::Follower, state));
    }
    assert!(!seen(&now_mine.clone().uid("theirs"), Role::Follower, LinkState::Agreed));
    assert!(!seen(&now_mine.clone().organized_by(SERVED), Role::Follower, LinkState::Agreed));
    assert!(!seen(&now_mine, Role::Owner, LinkState::Agreed));
    let value = writes(&world.decide(world.alone(&now_mine)), Exchange, Field::Subject);
    assert_eq!(value, Some(Some(Value::Text("Review".to_owned()))));
}

#[test]
fn org_03_who_attends_leaves_the_meeting_that_the_row_no_longer_names() {
    // Whoever holds it now, also where only the link tells what the item is. While the row names none, or
    // the pair is the organizer's own or a copy of ours, it stays.
    let world = World::new();
    let invited = item(Appointment).held_by(GUEST).uid("mine");
    let after = |row: &Obs, role: Role, alone: bool| {
        let mut pairing = in_role(pair(&world, row, &invited), role);
        if alone {
            pairing.seen.exchange = None;
        }
        world.decide(pairing).after
    };
    let elsewhere = row(Appointment).organized_by(UNSERVED);
    for role in [Role::Follower, Role::Guest] {
        for alone in [false, true] {
            let named = elsewhere.clone().uid("theirs");
            assert_eq!(after(&named, role, alone), After::Forgotten);
            assert_eq!(after(&elsewhere.clone().uid("mine"), role, alone), After::Agreed);
            assert_eq!(after(&elsewhere, role, alone), After::Agreed);
        }
    }
    for role in [Role::Owner, Role::PrivateCopy] {
        assert_ne!(after(&elsewhere.clone().uid("theirs"), role, false), After::Forgotten);
    }
}

#[test]
fn appt_in_11_a_row_of_that_guid_that_names_another_meeting_is_not_taken() {
    // The guid was taken before the row was made, and the row went over since. Nothing is written to it.
    let world = World::new();
    for item in [mine(), mine().held_by("boss@elsewhere.test"), mine().held_by(GUEST)] {
        for (uid, taken) in [("theirs", false), ("mine", true)] {
            let row =
                row(Appointment).organized_by(UNSERVED).uid(uid).text(Field::Subject, "Other");
            let found = in_state(pair(&world, &row, &item), LinkState::Creating(Dynamics));
            let verdict = world.decide(found);
            assert_eq!(verdict.after, if taken { After::Agreed } else { After::Forgotten });
            assert!(taken || silent(&verdict));
        }
    }
}

#[test]
fn cxl_13_a_cancelled_meeting_becomes_no_row() {
    // Also while the answer to its create is awaited; one that has a row goes on.
    let world = World::new();
    let off = || {
        let invited = item(Appointment).held_by("boss@elsewhere.test").uid("off");
        invited.item_facts(|facts| facts.is_cancelled = true)
    };
    let verdict = world.decide(world.alone(&off()));
    assert!(silent(&verdict) && cites(&verdict, rule::CXL_13));
    assert_eq!(verdict.after, After::Nothing);
    let mut made = world.plan(vec![world.alone(&off().item_facts(|it| it.is_cancelled = false))]);
    let mut pairing = world.alone(&off());
    pairing.link = Some(made.entries.remove(0).link);
    assert_eq!(world.decide(pairing).after, After::Forgotten);
    let met = world.decide(world.met(&row(Appointment).uid("off"), &off()));
    assert_eq!(met.after, After::Agreed);
}

#[test]
fn appt_in_11_an_event_that_its_row_names_is_no_copy() {
    // After the loss of the store, of an organization that tells deletes apart.
    let world = told_apart();
    let joined = |uid: &str| {
        let marked = mine().marked(row_guid(1));
        world.decide(world.met(&handed_over().uid(uid), &marked)).role
    };
    assert_eq!((joined("mine"), joined("theirs")), (Role::Owner, Role::PrivateCopy));
}
