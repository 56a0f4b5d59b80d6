//! What generated histories have found, each in its smallest form. Every one of them ended in a
//! lost edit, a delete that did not arrive, an unwanted mail or a duplicate.

use lockstep::sim::faults::FaultKind;

use super::acts::{Act, At, Filters, Part, Sort, Step};
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
fn inv_7_an_item_that_could_not_be_read_at_first_meets_its_row_later() {
    // The store is lost, the row has left the filter, and an answer of the round that lists everything
    // makes no sense: the item names its row in the next cycle, also when it has changed meanwhile.
    for at in 2..10 {
        let script = Script { faults: vec![(at, FaultKind::MalformedJson)], ..Script::default() };
        let first = [
            item(0, Sort::Task),
            Step::Lose,
            Step::People(Act::Complete { of: 0, at: At::Row }),
            Step::Cycle { who: 0, script },
        ];
        super::run(&first);
        let changed = Step::People(Act::Look { of: 0, at: At::Item });
        super::run(&[first.as_slice(), &[changed]].concat());
    }
}

#[test]
fn inv_7_a_row_that_could_not_be_looked_up_is_made_all_the_same() {
    // Whether a row was made of the item before is asked first; an answer that makes no sense, once or
    // twice, or after a create that was not heard of, does not say that there was one.
    let cycle = |at: usize, fault| {
        let script = Script { faults: vec![(at, fault)], ..Script::default() };
        Step::Cycle { who: 0, script }
    };
    for at in 2..12 {
        let unread = cycle(at, FaultKind::MalformedJson);
        for sort in [Sort::Task, Sort::Meeting] {
            super::run(&[item(0, sort), unread.clone()]);
        }
        for next in 4..10 {
            let again = cycle(next, FaultKind::MalformedJson);
            super::run(&[item(0, Sort::Contact), unread.clone(), again]);
            let lost = cycle(next, FaultKind::ResetBefore);
            super::run(&[item(0, Sort::Contact), lost, unread.clone()]);
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
fn inv_7_a_task_that_was_untracked_after_the_loss_of_the_store_is_nobodys() {
    // Its row is somebody else's meanwhile; when the row comes back it gets an item, and nothing else
    // goes wrong.
    let given = Step::People(Act::Reassign { of: 0 });
    super::run(&[
        item(0, Sort::Task),
        cycle(0),
        given.clone(),
        Step::Lose,
        meanwhile(0, 0, Act::Track { of: 0, on: false }),
        given,
    ]);
}

#[test]
fn appt_in_11_a_meeting_that_is_untracked_before_its_row_names_it_is_not_made_again() {
    // Its row is edited while the meeting is made, so that it cannot be named; then the category goes, and
    // the store is lost.
    for at in 4..12 {
        for guest in [false, true] {
            super::run(&[
                row(1, Sort::Meeting, guest),
                meanwhile(1, at, Act::Reassign { of: 0 }),
                Step::People(Act::Track { of: 0, on: false }),
                Step::Lose,
            ]);
        }
    }
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

#[test]
fn conf_05_a_write_without_an_answer_is_no_rival_of_the_next_edit() {
    // An item or a row is edited twice, the second time at any request of the cycle that carries the
    // first edit; that cycle loses an answer, or the node dies. The first edit does not come back.
    for sort in [Sort::Task, Sort::Meeting] {
        for side in [At::Item, At::Row] {
            for at in 1..5 {
                for lost in at..at + 3 {
                    let between = vec![(at, edit(0, side, Part::Text))];
                    let faults = vec![(lost, FaultKind::ResetAfterCommit)];
                    let unanswered = Script { between, faults, crash: None };
                    let died = Script {
                        faults: Vec::new(),
                        crash: Some((lost, true)),
                        ..unanswered.clone()
                    };
                    for script in [unanswered, died] {
                        super::run(&[
                            row(1, sort, false),
                            Step::Settle,
                            Step::People(edit(0, side, Part::Text)),
                            Step::Cycle { who: 1, script },
                        ]);
                    }
                }
            }
        }
    }
}

#[test]
fn org_03_what_the_former_organizer_cancelled_is_not_back() {
    // The new organizer deletes the meeting in Exchange; the cancelled one that he attended before stays
    // in his calendar.
    super::run(&[
        row(0, Sort::Meeting, true),
        cycle(0),
        Step::People(Act::Organizer { of: 0 }),
        Step::Settle,
        Step::People(Act::Delete { of: 0, at: At::Item }),
    ]);
}

#[test]
fn link_03_a_row_that_went_before_it_was_known_is_made_again_from_its_item() {
    // The answer to the create is lost, the row is edited and deleted: only the item is left. Or it is
    // deleted at once, and the node dies before it has noted what it made.
    let gone = Act::Delete { of: 0, at: At::Row };
    for at in 2..10 {
        super::run(&[
            item(0, Sort::Contact),
            unanswered(0, at),
            Step::People(edit(0, At::Row, Part::Text)),
            Step::People(gone.clone()),
        ]);
        let died = Script {
            crash: Some((at + 1, false)),
            between: vec![(at, gone.clone())],
            ..Script::default()
        };
        let died = Step::Cycle { who: 0, script: died };
        super::run(&[Step::Settle, item(0, Sort::Contact), died]);
    }
}

#[test]
fn filt_04_a_row_that_goes_while_its_item_is_still_to_be_marked_takes_it_along() {
    // An import that lost an answer or died is finished but for the mark on the item, then the row is
    // deleted: they were a pair.
    for sort in [Sort::Task, Sort::Meeting] {
        for at in [5, 6, 8, 9] {
            for then in [4, 6, 8, 9, 10] {
                let gone = Step::People(Act::Delete { of: 0, at: At::Row });
                let died = Script { crash: Some((at, false)), ..Script::default() };
                let edited = edit(0, At::Item, Part::Name);
                super::run(&[item(0, sort), unanswered(0, at), unanswered(0, then), gone.clone()]);
                super::run(&[
                    item(0, sort),
                    Step::Cycle { who: 0, script: died },
                    meanwhile(0, then, edited),
                    gone,
                ]);
            }
        }
    }
}

#[test]
fn cont_10_a_contact_that_was_not_its_deleters_own_stays_in_dynamics_alone() {
    // A filter shows the contact to its former owner, who deletes the item, before or after the row is
    // given away.
    let given = Act::Reassign { of: 0 };
    let deleted = Act::Delete { of: 0, at: At::Item };
    for (first, then) in [(given.clone(), deleted.clone()), (deleted, given)] {
        super::run(&[
            item(0, Sort::Contact),
            Step::People(Act::Filter { who: 0, sort: Sort::Contact, filters: Filters::Everybodys }),
            Step::Settle,
            Step::People(first),
            meanwhile(0, 0, then),
        ]);
    }
}

#[test]
fn link_06_a_meeting_that_was_untracked_is_not_called_off_after_the_loss_of_the_store() {
    // Its organizer took the category off, then the row was handed over: the meeting is none of our
    // business, with the store or without it.
    let untracked = Act::Track { of: 0, on: false };
    super::run(&[
        Step::People(Act::NewItem { who: 0, sort: Sort::Meeting, guest: true, tracked: true }),
        meanwhile(0, 7, untracked),
        cycle(0),
        Step::People(Act::Organizer { of: 0 }),
        Step::Settle,
        Step::Lose,
    ]);
}

#[test]
fn link_03_a_row_that_went_after_half_an_answer_is_made_again() {
    // The row is made and cannot be read again in the same batch; then it is deleted, before it was known.
    for at in 2..8 {
        for sort in [Sort::Task, Sort::Contact, Sort::Meeting] {
            let half = FaultKind::InnerThrottle { nth: 1, retry_after_s: 1 };
            let script = Script { faults: vec![(at, half)], ..Script::default() };
            super::run(&[
                item(0, sort),
                Step::Cycle { who: 0, script },
                Step::People(Act::Delete { of: 0, at: At::Row }),
            ]);
        }
    }
}

#[test]
fn cont_10_a_contact_that_left_its_filter_for_a_moment_is_not_made_again_when_deleted() {
    // Given away and back at any request of a cycle; then its owner deletes the item.
    for at in 0..6 {
        super::run(&[
            item(1, Sort::Contact),
            Step::Settle,
            Step::People(Act::Reassign { of: 0 }),
            meanwhile(1, at, Act::Reassign { of: 0 }),
            Step::People(Act::Delete { of: 0, at: At::Item }),
        ]);
    }
}

#[test]
fn conf_03_a_row_that_wins_after_a_lost_answer_mails_once_more() {
    // The change was written and mailed; whether the organizer's edit came before it nobody knows.
    for at in 2..8 {
        super::run(&[
            row(1, Sort::Meeting, true),
            cycle(1),
            Step::People(edit(0, At::Row, Part::Place)),
            unanswered(1, at),
            Step::People(edit(0, At::Item, Part::Place)),
        ]);
    }
}

#[test]
fn appt_in_11_a_guest_who_is_taken_off_leaves_the_row_its_meeting() {
    // The guest's copy is gone, by himself or by the cancellation, when the row leaves his filter. The
    // row names the meeting still: without a store it would make a second one.
    let made = Act::NewItem { who: 0, sort: Sort::Meeting, guest: true, tracked: true };
    for by_himself in [true, false] {
        let mut steps = vec![Step::People(made.clone()), cycle(0), cycle(1)];
        steps.push(Step::People(Act::Guest { of: 0, at: At::Row, on: false }));
        if by_himself {
            steps.push(Step::People(Act::Delete { of: 0, at: At::Copy }));
        }
        steps.extend([cycle(0), cycle(1), Step::Lose, Step::Restart]);
        super::run(&steps);
    }
}

#[test]
fn inv_7_a_task_that_could_not_be_read_at_first_is_completed_all_the_same() {
    // With a lost store the round from the start cannot read the row; then it is completed and leaves
    // the filter.
    for at in 2..10 {
        let script = Script { faults: vec![(at, FaultKind::MalformedJson)], ..Script::default() };
        super::run(&[
            item(0, Sort::Task),
            Step::Lose,
            Step::Cycle { who: 0, script },
            Step::People(Act::Complete { of: 0, at: At::Row }),
        ]);
    }
}

#[test]
fn filt_04_a_row_that_goes_while_an_edit_of_its_item_is_carried_takes_it_along() {
    // The node died when the row was made; then the item is edited, and the row goes while the next
    // cycle joins the two.
    for at in 7..10 {
        for then in 6..9 {
            let died = Script { crash: Some((at, true)), ..Script::default() };
            super::run(&[
                item(1, Sort::Task),
                Step::Cycle { who: 1, script: died },
                Step::People(edit(0, At::Item, Part::Name)),
                meanwhile(1, then, Act::Delete { of: 0, at: At::Row }),
            ]);
        }
    }
}

#[test]
fn conf_05_an_update_without_an_answer_before_the_mark_is_no_rival_of_an_edit() {
    // The row is made and its item still to be marked; an update of the row gets no answer, or the node
    // dies, and the item is edited once more.
    for (at, looked) in (3..6).flat_map(|at| (4..7).map(move |looked| (at, looked))) {
        for dies in [false, true] {
            let again = edit(0, At::Item, Part::Text);
            let mut lost = Script { between: vec![(1, again)], ..Script::default() };
            if dies {
                lost.crash = Some((at, true));
            } else {
                lost.faults = vec![(at, FaultKind::ResetAfterCommit)];
            }
            super::run(&[
                cycle(0),
                item(1, Sort::Meeting),
                meanwhile(1, looked, Act::Look { of: 0, at: At::Row }),
                Step::People(edit(0, At::Item, Part::Text)),
                Step::Cycle { who: 1, script: lost },
            ]);
        }
    }
}

#[test]
fn org_03_a_meeting_deleted_while_its_row_is_made_and_handed_over_is_made_anew() {
    // Its row is known only when somebody else organizes it: his mailbox makes a meeting of its own.
    for at in 2..9 {
        super::run(&[
            Step::Settle,
            item(0, Sort::Meeting),
            meanwhile(0, at, Act::Delete { of: 0, at: At::Item }),
            Step::People(Act::Organizer { of: 0 }),
        ]);
    }
}

#[test]
fn org_03_a_hand_over_that_died_after_the_loss_of_the_store_leaves_one_meeting() {
    // The former organizer's mailbox hands the meeting over, also without a store, and dies at any
    // request; the new organizer's comes first then.
    for (at, before) in (0..14).flat_map(|at| [(at, Step::Lose), (at, Step::Restart)]) {
        let script = Script { crash: Some((at, false)), ..Script::default() };
        super::run(&[
            row(1, Sort::Meeting, false),
            cycle(1),
            before,
            Step::People(Act::Organizer { of: 0 }),
            Step::Cycle { who: 1, script },
            cycle(0),
        ]);
    }
}

#[test]
fn task_in_04_an_item_that_goes_while_an_edit_of_its_row_is_carried_takes_it_along() {
    // The answer to its create was lost; then the row is edited, and the item goes while the next cycle
    // joins the two.
    for at in 6..9 {
        for then in 2..8 {
            super::run(&[
                cycle(1),
                row(0, Sort::Task, false),
                unanswered(0, at),
                Step::People(edit(0, At::Row, Part::Name)),
                meanwhile(0, then, Act::Delete { of: 0, at: At::Item }),
            ]);
        }
    }
}

#[test]
fn org_03_a_guest_without_a_copy_who_organizes_by_now_makes_a_meeting() {
    // He deleted his copy; the cancellation of the former organizer's meeting leaves one that the row
    // does not mean.
    super::run(&[
        row(0, Sort::Meeting, true),
        cycle(0),
        Step::People(Act::Delete { of: 0, at: At::Copy }),
        cycle(1),
        Step::People(edit(0, At::Item, Part::Name)),
        Step::People(Act::Organizer { of: 0 }),
    ]);
}

#[test]
fn org_03_a_meeting_that_no_filter_returned_yet_is_handed_over() {
    // Its row was made from it, and goes to another organizer before the next cycle, without the former one.
    let guest = Act::Guest { of: 0, at: At::Row, on: false };
    super::run(&[
        item(0, Sort::Meeting),
        row(0, Sort::Meeting, false),
        Step::People(Act::Wait { minutes: 1 }),
        cycle(0),
        Step::People(Act::Organizer { of: 0 }),
        Step::People(guest),
    ]);
}
