//! When both halves of a pair must be read before anything is decided, what is told of what could not
//! be read, and what recurs where it cannot (ERR-02, FILT-05, REC-05, REC-10).

use crate::domain::code::Code;
use crate::domain::field::Field;
use crate::domain::kind::Kind::{Appointment, Task};
use crate::domain::link::{Link, LinkState, Role, Trouble, Why};
use crate::domain::observation::Presence;
use crate::domain::policy::ConflictPolicy;
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::{After, needs_other_side};
use crate::engine::matching::Pairing;
use crate::engine::testing::*;

/// Whether the row, and whether the item, asks for the other half.
fn asks(pairing: &Pairing) -> [bool; 2] {
    [Dynamics, Exchange].map(|side| needs_other_side(pairing, side, ME))
}

#[test]
fn err_02_only_a_pair_at_rest_does_without_its_other_half() {
    // What changed, lost its category, waits or is not agreed asks for the other half.
    let world = World::new();
    let pair = || world.linked(&row(Task), &item(Task));
    let troubled = |code: Code| {
        linking(pair(), |link: &mut Link| {
            link.trouble = Some(Trouble { code, parked: false, attempts: 1, since: now() });
        })
    };
    assert_eq!(asks(&pair()), [false, false]);
    assert_eq!(asks(&world.then(pair(), &row(Task).text(Field::Subject, "Other"))), [true, false]);
    assert_eq!(asks(&world.then(pair(), &item(Task).text(Field::Subject, "Other"))), [false, true]);
    assert_eq!(asks(&world.then(pair(), &item(Task).untracked())), [false, true]);
    assert_eq!(asks(&troubled(Code::ResultUnknown)), [true, true]);
    assert_eq!(asks(&troubled(Code::AwaitsExpansion)), [true, true], "REC-05");
    let parted = LinkState::Unlinked(Why::LeftFilter);
    assert_eq!(asks(&in_state(pair(), parted)), [true, true]);
    assert_eq!(asks(&in_state(pair(), LinkState::DeletedInExchange)), [true, true]);
    assert_eq!(asks(&world.met(&row(Task), &item(Task))), [true, true]);
    let mut alone = pair();
    alone.seen.exchange = None;
    assert!(!needs_other_side(&alone, Dynamics, ME), "an item that was not read lost no category");
}

#[test]
fn org_03_a_row_that_another_organizes_asks_for_the_meeting_of_its_former_one() {
    // Nothing else of it changed. The copy of one who attends has no say.
    let world = World::new();
    let pair = |organizer| {
        let row = row(Appointment).organized_by(organizer);
        world.then(world.linked(&row, &item(Appointment)), &row)
    };
    assert_eq!(asks(&pair(ME)), [false, false]);
    assert_eq!(asks(&pair(SERVED)), [true, false]);
    let attends = linking(pair(SERVED), |link: &mut Link| link.role = Role::Follower);
    assert_eq!(asks(&attends), [false, false]);
}

#[test]
fn err_05_a_conflict_and_every_loss_are_told_beside_each_other() {
    // Exchange wins the subject, and of the item two values cannot be carried: three codes, each once, in
    // the order in which they were found.
    let world = World::with(|world| world.policy.conflict = ConflictPolicy::Exchange);
    let mut here = item(Task).text(Field::Subject, "Theirs");
    here.0.losses = vec![Code::TextTruncated, Code::ValuesDropped, Code::TextTruncated];
    let pair = world.linked(&row(Task), &item(Task));
    let pair = world.then(pair, &row(Task).text(Field::Subject, "Ours"));
    let decision = world.decide(world.then(pair, &here)).decision;
    let all = [Code::ConflictResolved, Code::TextTruncated, Code::ValuesDropped];
    assert_eq!(decision.codes().collect::<Vec<_>>(), all);
    assert_eq!((decision.code, &*decision.notes), (Some(all[0]), &all[1..]));
}

#[test]
fn err_05_what_an_item_lost_is_told_where_its_rest_is_written() {
    // A body in a format that nobody reads: told with a write to Dynamics, and with no other.
    let world = World::new();
    let mut here = item(Task);
    here.0.losses = vec![Code::TextTruncated];
    let pair = || world.linked(&row(Task), &here);
    let there = world.then(pair(), &row(Task).text(Field::Subject, "Other"));
    assert_eq!(world.decide(there).decision.code, None);
    let mut edited = here.clone().text(Field::Subject, "Other");
    assert_eq!(world.decide(world.then(pair(), &edited)).decision.code, Some(Code::TextTruncated));
    edited.0.losses.clear();
    assert_eq!(world.decide(world.then(pair(), &edited)).decision.code, None);
}

#[test]
fn filt_05_a_row_that_never_matched_cannot_leave() {
    // It was tracked from Exchange and stays in step by its link; one that matched leaves.
    let world = World::new();
    let left = row(Task).presence(Presence::LeftFilter);
    for (matched, removed) in [(false, false), (true, true)] {
        let pairing = linking(world.linked(&row(Task), &item(Task)), |link| link.matched = matched);
        let verdict = world.decide(world.then(pairing, &left));
        assert_eq!(deletes(&verdict, Exchange), removed, "{matched}");
    }
}

#[test]
fn rec_10_a_task_that_recurs_is_left_alone_and_remembered_with_its_row() {
    // Alone it is nobody's business; with a row or a link the code stays with it.
    let world = World::new();
    let recurs = || item(Task).item_facts(|facts| facts.recurring = true);
    let code = Code::RecurringTask;
    let linked = world.then(world.linked(&row(Task), &item(Task)), &recurs());
    let mut unread = linked.clone();
    unread.seen.dynamics = None;
    for (pairing, after) in [
        (world.alone(&recurs()), After::Nothing),
        (world.met(&row(Task), &recurs().marked(row_guid(1))), After::LeftAlone(code)),
        (linked, After::LeftAlone(code)),
        (unread, After::LeftAlone(code)),
        (world.met(&row(Task).gone(), &recurs().gone()), After::Forgotten),
    ] {
        let verdict = world.decide(pairing);
        if verdict.after == After::Forgotten {
            continue;
        }
        assert!(silent(&verdict) && cites(&verdict, rule::REC_10));
        assert_eq!((verdict.after, verdict.decision.code), (after, Some(code)));
    }
}

#[test]
fn rec_11_a_single_appointment_that_was_made_recurring_is_left_alone() {
    // It is not the same item any more; one that does not recur stays a pair.
    let world = World::new();
    for (recurs, after) in
        [(true, After::LeftAlone(Code::RecurringUnsupported)), (false, After::Agreed)]
    {
        let here = item(Appointment).item_facts(|facts| facts.recurring = recurs);
        let pairing = world.linked(&row(Appointment), &item(Appointment));
        let verdict = world.decide(world.then(pairing, &here));
        assert!(silent(&verdict));
        assert_eq!((verdict.after, cites(&verdict, rule::REC_11)), (after, recurs));
    }
}

#[test]
fn org_07_an_organizer_without_an_address_stays_where_he_decides_or_is_kept() {
    // Exchange names nobody: the row loses its organizer unless the organization keeps him or his
    // mailbox is served. A row without organizer, or an item that names one, has nothing to lose.
    for (organizer, keeps, unaddressed, lost, cited) in [
        (Some(UNSERVED), false, true, true, true),
        (Some(UNSERVED), true, true, false, true),
        (Some(SERVED), false, true, false, true),
        (Some(UNSERVED), false, false, false, false),
        (None, false, true, false, false),
    ] {
        let world = World::with(|world| world.policy.settings.keep_organizer = keeps);
        let row = row(Appointment).row_facts(|facts| facts.organizer = organizer).uid("u");
        let here = item(Appointment).uid("u").item_facts(|facts| {
            facts.is_organizer = false;
            facts.organizer = (!unaddressed).then(|| address("boss@elsewhere.test"));
            facts.unaddressed = unaddressed;
        });
        let role = crate::domain::link::Role::Guest;
        let pairing = in_role(world.linked(&row, &here), role);
        let verdict = world.decide(world.then(pairing, &here.text(Field::Subject, "Other")));
        let case = format!("{organizer:?} {keeps} {unaddressed}");
        assert_eq!(writes(&verdict, Dynamics, Field::Organizer) == Some(None), lost, "{case}");
        assert_eq!(cites(&verdict, rule::ORG_07), cited, "{case}");
    }
}
