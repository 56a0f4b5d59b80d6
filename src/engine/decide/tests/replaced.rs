//! Two meetings of one row (ORG-03): which one stays, and which one the row names.

use crate::domain::field::{Field, Value};
use crate::domain::kind::Kind::Appointment;
use crate::domain::link::{LinkState, Role, Why};
use crate::domain::plan::MailClass;
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::{After, Verdict, needs_other_side};
use crate::engine::invariants::{INV_4, check_plan};
use crate::engine::matching::Pairing;
use crate::engine::testing::*;

const GUEST: &str = "served@contoso.test";

/// The meeting that this mailbox made, of which somebody attends.
fn mine() -> Obs {
    item(Appointment).invites(&[GUEST]).uid("mine")
}

fn handed_over() -> Obs {
    row(Appointment).organized_by(SERVED).uid("theirs")
}

fn pair(world: &World, row: &Obs, item: &Obs) -> Pairing {
    let before = world.linked(&self::row(Appointment), item);
    let before = linking(before, |link| link.uid = item.0.uid.clone());
    world.then(before, row)
}

#[test]
fn org_03_the_former_organizers_meeting_goes_when_the_row_names_the_new_ones() {
    // A future one goes and cancels; the plan has earned the delete.
    let world = World::new();
    let pairing = pair(&world, &handed_over(), &mine());
    let verdict = world.decide(pairing.clone());
    assert!(deletes(&verdict, Exchange) && cites(&verdict, rule::ORG_03));
    assert_eq!((mail(&verdict), verdict.after), (Some(MailClass::Mails(1)), After::Forgotten));
    assert!(!check_plan(&world.plan(vec![pairing])).contains(&INV_4));
}

#[test]
fn org_03_the_former_organizers_meeting_stays_where_a_delete_would() {
    // A past one, and one of an organization that tells deletes apart, stay without a mail.
    let told_apart = World::with(|world| world.policy.settings.distinct_deletes = true);
    let past = mine().at(hours(-1));
    for (world, item) in [(told_apart, mine()), (World::new(), past)] {
        let verdict = world.decide(pair(&world, &handed_over(), &item));
        assert!(silent(&verdict) && cites(&verdict, rule::ORG_03));
        assert_eq!(verdict.after, After::Unlinked(Why::RowGone));
    }
}

#[test]
fn org_03_no_meeting_goes_while_its_row_may_mean_it() {
    // The row names it or nothing, is still this user's, belongs to somebody whose mailbox makes no
    // meetings, or the event is a copy.
    let world = World::new();
    let goes = |row: Obs, item: Obs, role: Role| {
        deletes(&world.decide(in_role(pair(&world, &row, &item), role)), Exchange)
    };
    let theirs = || mine().held_by("boss@elsewhere.test");
    assert!(goes(handed_over(), mine(), Role::Owner));
    assert!(!goes(handed_over().uid("mine"), mine(), Role::Owner));
    assert!(!goes(row(Appointment).organized_by(SERVED), mine(), Role::Owner));
    assert!(!goes(handed_over().organized_by(ME), mine(), Role::Owner));
    assert!(!goes(handed_over().organized_by(UNSERVED), mine(), Role::Owner));
    assert!(!goes(handed_over(), mine(), Role::PrivateCopy));
    assert!(!goes(handed_over(), theirs(), Role::Owner));
}

#[test]
fn org_03_a_meeting_found_after_a_lost_answer_is_judged_alike() {
    // The create got no answer: found by its marker, the meeting goes if the row names another, and
    // is written into the row that names none. A marked item without such a link is left alone.
    let world = World::new();
    let found = |row: &Obs, state: LinkState| -> Verdict {
        let marked = mine().marked(row_guid(1));
        let pairing = in_state(pair(&world, row, &marked), state);
        world.decide(linking(pairing, |link| link.native.exchange = None))
    };
    let creating = LinkState::Creating(Exchange);
    assert!(deletes(&found(&handed_over(), creating), Exchange));
    assert!(!deletes(&found(&handed_over(), LinkState::LeftAlone), Exchange));
    let unnamed = found(&row(Appointment).organized_by(SERVED), creating);
    assert_eq!(unnamed.role, Role::Owner);
    let uid = Some(Some(Value::Text("mine".to_owned())));
    assert_eq!(writes(&unnamed, Dynamics, Field::Uid), uid);
}

#[test]
fn org_03_a_row_names_the_meeting_of_its_organizer() {
    // Two mailboxes named the row at once; the one whose user organizes it names it once more.
    let world = World::new();
    let named = |organizer| {
        let row = row(Appointment).organized_by(organizer).uid("theirs");
        let pairing = linking(pair(&world, &row, &mine()), |link| {
            let (code, since) = (crate::domain::code::Code::ChangedMeanwhile, now());
            let trouble = crate::domain::link::Trouble { code, parked: false, attempts: 1, since };
            link.trouble = Some(trouble);
        });
        writes(&world.decide(pairing), Dynamics, Field::Uid)
    };
    assert_eq!(named(ME), Some(Some(Value::Text("mine".to_owned()))));
    assert_eq!(named(UNSERVED), None);
}

#[test]
fn org_03_a_row_that_names_another_meeting_is_news() {
    // The content is what it was; the item is read all the same.
    let world = World::new();
    let seen = |uid: &str| {
        let mut pairing = pair(&world, &row(Appointment).uid(uid), &mine());
        pairing.seen.exchange = None;
        needs_other_side(&pairing, Dynamics)
    };
    assert!(seen("theirs") && !seen("mine"));
}

#[test]
fn appt_in_11_an_event_that_its_row_names_is_no_copy() {
    // After the loss of the store the meeting whose row was handed over is still its organizer's.
    let world = World::new();
    let joined = |uid: &str| {
        let marked = mine().marked(row_guid(1));
        world.decide(world.met(&handed_over().uid(uid), &marked)).role
    };
    assert_eq!((joined("mine"), joined("theirs")), (Role::Owner, Role::PrivateCopy));
}
