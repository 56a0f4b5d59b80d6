//! What generated histories have found, each in its smallest form. Every one of them ended in a
//! lost edit, a delete that did not arrive, an unwanted mail or a duplicate.

use lockstep::sim::faults::FaultKind;

use super::acts::{Act, At, Part, Sort, Step};
use super::line::Script;

fn row(who: usize, sort: Sort, guest: bool) -> Step {
    Step::People(Act::NewRow { who, sort, guest })
}

fn item(who: usize, sort: Sort) -> Step {
    Step::People(Act::NewItem { who, sort, guest: false, tracked: true })
}

fn edit(of: usize, at: At, part: Part) -> Act {
    Act::Edit { of, at, part }
}

fn cycle(who: usize) -> Step {
    Step::Cycle { who, script: Script::default() }
}

/// A cycle in which somebody acts before a request.
fn meanwhile(who: usize, at: usize, act: Act) -> Step {
    let script = Script { between: vec![(at, act)], ..Script::default() };
    Step::Cycle { who, script }
}

/// A cycle of which one answer is lost.
fn unanswered(who: usize, at: usize) -> Step {
    let script = Script { faults: vec![(at, FaultKind::ResetAfterCommit)], ..Script::default() };
    Step::Cycle { who, script }
}

#[test]
fn conf_03_an_edit_made_while_its_row_is_made_survives() {
    // An item is edited or moved on at any request of the cycle that makes its row.
    for at in 0..12 {
        for sort in [Sort::Task, Sort::Contact, Sort::Meeting] {
            let act = edit(0, At::Item, Part::Name);
            super::run(&[item(0, sort), meanwhile(0, at, act)]);
        }
    }
}

#[test]
fn cxl_09_an_item_deleted_while_its_row_is_made_takes_the_row_along() {
    // The delete comes at any request of the cycle that makes the row.
    for at in 0..12 {
        for sort in [Sort::Task, Sort::Contact, Sort::Meeting] {
            let act = Act::Delete { of: 0, at: At::Item };
            super::run(&[item(1, sort), meanwhile(1, at, act)]);
        }
    }
}

#[test]
fn conf_03_an_edit_after_a_create_without_an_answer_survives() {
    // The answer to any request is lost, then the source or the new half is edited.
    for at in 2..8 {
        for sort in [Sort::Contact, Sort::Meeting] {
            for side in [At::Item, At::Row] {
                let act = Step::People(edit(0, side, Part::Text));
                super::run(&[item(0, sort), unanswered(0, at), act.clone()]);
                super::run(&[row(0, sort, false), unanswered(0, at), act]);
            }
        }
    }
}

#[test]
fn org_01_a_guest_who_is_invited_again_writes_nothing_to_the_meeting() {
    // The guest's mailbox saw the row before the invitation; later the guest is taken off and
    // invited anew: the copy stays the organizer's.
    let guest = |on| Step::People(Act::Guest { of: 0, at: At::Row, on });
    let first = [row(1, Sort::Meeting, true), cycle(0), cycle(1), guest(false), Step::Settle];
    super::run(&[first.as_slice(), &[guest(true)]].concat());
}

#[test]
fn appt_out_15_who_was_taken_off_in_exchange_is_not_invited_again() {
    // The organizer takes the guest off in Outlook while the time is changed in Dynamics.
    let off = Act::Guest { of: 0, at: At::Item, on: false };
    let moved = Step::People(edit(0, At::Row, Part::When));
    let meeting = row(0, Sort::Meeting, true);
    super::run(&[meeting.clone(), cycle(0), moved.clone(), Step::People(off.clone())]);
    super::run(&[meeting, Step::Settle, moved, meanwhile(0, 0, off)]);
}

#[test]
fn conf_03_half_of_a_merge_does_not_outrank_a_later_edit() {
    // Name and text change on different sides; while they are carried the name changes again, so
    // that one of the two writes fails.
    for at in 0..8 {
        let again = edit(0, At::Item, Part::Name);
        super::run(&[
            row(1, Sort::Meeting, false),
            cycle(1),
            Step::People(edit(0, At::Item, Part::Name)),
            Step::People(edit(0, At::Row, Part::Text)),
            meanwhile(1, at, again),
        ]);
    }
}

#[test]
fn inv_7_an_edit_during_the_first_round_makes_no_second_item() {
    // The store is lost, and an item changes at any request of the round that lists everything.
    for at in 0..10 {
        let act = edit(0, At::Item, Part::Name);
        super::run(&[item(1, Sort::Task), cycle(1), Step::Lose, meanwhile(1, at, act)]);
    }
}

#[test]
fn filt_18_a_task_completed_before_its_item_is_known_completes_it() {
    // The answer to the create is lost and the row is completed, which takes it out of the filter.
    for at in 0..8 {
        let done = Step::People(Act::Complete { of: 0, at: At::Row });
        super::run(&[row(1, Sort::Task, false), unanswered(1, at), done]);
    }
}

#[test]
fn conf_03_a_pair_that_was_joined_in_halves_knows_what_is_edited() {
    // The answer to a create is lost, the cycle that finds the item cannot finish the pair, then
    // the row is edited: the item's older value is no edit.
    for at in 2..5 {
        for then in 2..8 {
            let script =
                Script { faults: vec![(then, FaultKind::Refuse(500))], ..Script::default() };
            super::run(&[
                row(0, Sort::Meeting, false),
                unanswered(0, at),
                Step::Cycle { who: 0, script },
                Step::People(edit(0, At::Row, Part::When)),
            ]);
        }
    }
}

#[test]
fn org_03_of_two_meetings_of_one_row_the_new_organizers_stays() {
    // The organizer changes while the meeting is made, at any request or after a lost answer, and the
    // new organizer's mailbox comes first.
    for guest in [true, false] {
        let hand_over = Act::Organizer { of: 0 };
        for at in 0..12 {
            let first = row(0, Sort::Meeting, guest);
            super::run(&[first.clone(), meanwhile(0, at, hand_over.clone()), cycle(1)]);
            let hand_over = Step::People(hand_over.clone());
            super::run(&[first, unanswered(0, at), hand_over, cycle(1)]);
        }
    }
}

#[test]
fn org_03_a_meeting_is_handed_to_the_new_organizer_and_back() {
    // Each time the one meeting goes and the other one comes, with all edits; the former organizer is
    // invited. A lost answer in either mailbox's cycle changes nothing.
    let hand_over = Step::People(Act::Organizer { of: 0 });
    let meeting = row(0, Sort::Meeting, true);
    let edited = Step::People(edit(0, At::Row, Part::Name));
    let moved = Step::People(edit(0, At::Item, Part::When));
    for (who, at) in [(0, 4), (0, 6), (1, 4)] {
        super::run(&[
            meeting.clone(),
            Step::Settle,
            hand_over.clone(),
            unanswered(who, at),
            Step::Settle,
            edited.clone(),
            moved.clone(),
            Step::Settle,
            hand_over.clone(),
            Step::Settle,
            edited.clone(),
        ]);
    }
}

#[test]
fn inv_7_an_item_that_cannot_be_read_after_the_loss_of_the_store_keeps_its_row() {
    // The store is lost and an answer of the round that lists everything makes no sense.
    for at in 2..10 {
        for sort in [Sort::Task, Sort::Contact, Sort::Meeting] {
            let script =
                Script { faults: vec![(at, FaultKind::MalformedJson)], ..Script::default() };
            super::run(&[item(0, sort), Step::Lose, Step::Cycle { who: 0, script }]);
        }
    }
}

#[test]
fn inv_7_a_task_that_was_untracked_keeps_its_row_after_the_loss_of_the_store() {
    // Its category is off, so the round from the start does not show its marker.
    let untracked = Step::People(Act::Track { of: 0, on: false });
    super::run(&[row(1, Sort::Task, false), cycle(1), untracked, Step::Lose]);
}

#[test]
fn conf_03_an_edit_during_an_import_that_died_outlives_the_failure_of_its_write() {
    // The node dies while an item is imported, the item is edited, and of the cycle that joins the pair
    // one write fails.
    for at in 6..10 {
        for then in 6..12 {
            let died = Script { crash: Some((at, false)), ..Script::default() };
            let fails =
                Script { faults: vec![(then, FaultKind::Refuse(500))], ..Script::default() };
            super::run(&[
                item(0, Sort::Contact),
                Step::Cycle { who: 0, script: died },
                Step::People(edit(0, At::Item, Part::Text)),
                Step::Cycle { who: 0, script: fails },
            ]);
        }
    }
}
