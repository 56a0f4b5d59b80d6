//! Tasks, phone calls, letters and faxes (TASK-OUT, TASK-IN).

use crate::domain::code::Code;
use crate::domain::field::{Field, TodoStatus, Value};
use crate::domain::kind::Kind::{self, Fax, Letter, PhoneCall, Task};
use crate::domain::observation::Presence;
use crate::domain::plan::Verb;
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::Verdict;
use crate::engine::testing::*;

#[test]
fn task_out_01_four_kinds_of_rows_become_tasks() {
    // Tasks, phone calls, letters and faxes are created as tasks.
    let world = World::new();
    for kind in [Task, PhoneCall, Letter, Fax] {
        let verdict = world.decide(world.alone(&row(kind)));
        assert_eq!(verdict.decision.verb, Verb::Create(Exchange));
        assert!(cites(&verdict, rule::TASK_OUT_01));
    }
}

#[test]
fn task_out_09_a_completed_task_stays_when_its_row_goes() {
    // The item goes with its row only if it is not completed.
    let world = World::new();
    for (status, goes) in [
        (TodoStatus::NotStarted, true),
        (TodoStatus::InProgress, true),
        (TodoStatus::Completed, false),
    ] {
        let item = item(Task).todo(status);
        let verdict = world.decide(world.then(world.linked(&row(Task), &item), &row(Task).gone()));
        assert_eq!(deletes(&verdict, Exchange), goes, "{status:?}");
        assert!(cites(&verdict, rule::TASK_OUT_09));
    }
}

#[test]
fn filt_18_a_task_that_left_by_being_completed_is_completed_first() {
    // The change that took the row out of the filter is carried before the pair is dissolved.
    let world = World::new();
    let done = row(Task).status(1, 5).presence(Presence::LeftFilter);
    let verdict = world.decide(world.then(world.linked(&row(Task), &item(Task)), &done));
    assert!(!deletes(&verdict, Exchange) && cites(&verdict, rule::FILT_18));
    let status = writes(&verdict, Exchange, Field::TodoStatus);
    assert_eq!(status, Some(Some(Value::Todo(TodoStatus::Completed))));
    let open = row(Task).presence(Presence::LeftFilter);
    let verdict = world.decide(world.then(world.linked(&row(Task), &item(Task)), &open));
    assert!(deletes(&verdict, Exchange), "an open task that left is deleted");
}

#[test]
fn filt_18_what_was_edited_in_exchange_is_not_overwritten_by_a_farewell() {
    // The last change of the row spares the groups that Exchange changed, too.
    let world = World::new();
    let done = row(Task).status(1, 5).text(Field::Body, "row").presence(Presence::LeftFilter);
    let edited = item(Task).text(Field::Body, "item");
    let pairing = world.then(world.linked(&row(Task), &item(Task)), &edited);
    let verdict = world.decide(world.then(pairing, &done));
    assert_eq!(writes(&verdict, Exchange, Field::Body), None);
    assert!(writes(&verdict, Exchange, Field::TodoStatus).is_some());
}

#[test]
fn task_out_02_task_out_03_the_reminder_follows_the_due_time() {
    // A due time that moves within its day moves the reminder, though Exchange shows the same day.
    let world = World::new();
    let later = row(Task).time(Field::Due, hours(35));
    let verdict = world.decide(world.then(world.linked(&row(Task), &item(Task)), &later));
    let rings = writes(&verdict, Exchange, Field::ReminderAt);
    assert_eq!(rings, Some(Some(Value::Time(hours(35)))));
    let body = row(Task).text(Field::Body, "note");
    let verdict = world.decide(world.then(world.linked(&row(Task), &item(Task)), &body));
    assert_eq!(writes(&verdict, Exchange, Field::ReminderAt), None, "other edits leave it alone");
}

#[test]
fn task_in_01_a_new_task_becomes_a_task_and_a_linked_one_keeps_its_kind() {
    // A tracked task becomes a `task`; completing a linked phone call completes the phone call.
    let world = World::new();
    let plan = world.plan(vec![world.alone(&item(Task))]);
    assert_eq!(plan.steps(Dynamics)[0].1.kind, Task);
    let pairing = world.linked(&row(PhoneCall), &item(PhoneCall));
    let done = item(PhoneCall).todo(TodoStatus::Completed);
    let plan = world.plan(vec![world.then(pairing, &done)]);
    assert_eq!(plan.steps(Dynamics)[0].1.kind, PhoneCall);
}

#[test]
fn task_in_03_a_row_from_exchange_starts_now() {
    // The actual start of a created row is the present time; an update leaves it alone.
    let world = World::new();
    let verdict = world.decide(world.alone(&item(Task)));
    let started = writes(&verdict, Dynamics, Field::ActualStart);
    assert_eq!(started, Some(Some(Value::Time(now()))));
    let changed = item(Task).text(Field::Body, "note");
    let verdict = world.decide(world.then(world.linked(&row(Task), &item(Task)), &changed));
    assert_eq!(writes(&verdict, Dynamics, Field::ActualStart), None);
}

#[test]
fn task_in_04_the_setting_says_what_a_deleted_task_does() {
    // 0 deletes the row, 1 unless it is closed, 2 never.
    for (setting, state, goes) in [
        (0, 0, true),
        (0, 1, true),
        (1, 0, true),
        (1, 1, false),
        (1, 2, false),
        (2, 0, false),
        (2, 1, false),
    ] {
        for kind in [Task, PhoneCall, Letter, Fax] {
            let world = World::with(|world| world.policy.settings.task_deletion = setting);
            let pairing = world.linked(&row(kind).status(state, 2), &item(kind));
            let verdict = world.decide(world.then(pairing, &item(kind).gone()));
            assert_eq!(deletes(&verdict, Dynamics), goes, "{setting} {state} {kind}");
            assert!(cites(&verdict, rule::TASK_IN_04));
        }
    }
}

#[test]
fn rec_10_recurring_tasks_are_left_alone() {
    // A recurring task is not synchronized, whatever the kind of its row.
    let world = World::new();
    let kinds: [Kind; 2] = [Task, PhoneCall];
    for kind in kinds {
        let item = item(kind).item_facts(|it| it.recurring = true);
        let verdict = world.decide(world.linked(&row(kind), &item));
        assert!(silent(&verdict));
        assert_eq!(verdict.decision.code, Some(Code::RecurringTask));
    }
}

/// A task that ends at an instant, unchanged since it was agreed before that instant.
fn ending(
    at: chrono::DateTime<chrono::Utc>,
    wake: Option<chrono::DateTime<chrono::Utc>>,
) -> Verdict {
    let world = World::new();
    let ends = row(Task).time(Field::ActualEnd, at);
    let pairing = linking(world.linked(&ends, &item(Task)), |link| link.wake = wake);
    world.decide(pairing)
}

#[test]
fn task_out_10_a_future_end_completes_the_task_when_it_has_passed() {
    // Nobody touched the row: only the clock moved. At the very instant it has not passed yet.
    let verdict = ending(seconds(-1), Some(seconds(-1)));
    let status = writes(&verdict, Exchange, Field::TodoStatus);
    assert_eq!(status, Some(Some(Value::Todo(TodoStatus::Completed))));
    assert!(cites(&verdict, rule::TASK_OUT_10));
    assert!(silent(&ending(now(), Some(now()))), "the instant itself is not past");
    assert!(silent(&ending(seconds(60), Some(seconds(60)))), "still ahead");
    assert!(silent(&ending(seconds(-1), None)), "it was past when it was agreed on");
}

#[test]
fn task_out_10_a_reopening_in_exchange_beats_the_clock() {
    // Somebody changed the status in Exchange before the end passed: the row follows him.
    let world = World::new();
    let ends = row(Task).time(Field::ActualEnd, seconds(-1));
    let pairing = linking(world.linked(&ends, &item(Task)), |link| link.wake = Some(seconds(-1)));
    let started = item(Task).todo(TodoStatus::InProgress);
    let verdict = world.decide(world.then(pairing, &started));
    assert_eq!(writes(&verdict, Exchange, Field::TodoStatus), None);
    assert_eq!(writes(&verdict, Dynamics, Field::ActualEnd), Some(None));
}

#[test]
fn task_out_03_a_due_time_moved_within_its_day_moves_the_reminder() {
    // Exchange shows the same day, so that only the reminder is written; a due date that did not
    // move rings no second time.
    let world = World::new();
    // The item's due date is the midnight of that day.
    let due = row(Task).time(Field::Due, hours(40));
    let pairing = world.linked(&due, &item(Task));
    let later = row(Task).time(Field::Due, hours(41));
    let moved = world.decide(world.then(pairing.clone(), &later));
    assert!(writes(&moved, Exchange, Field::ReminderAt).is_some_and(|value| value.is_some()));
    let edited = world.decide(world.then(pairing, &due.text(Field::Subject, "New")));
    assert!(writes(&edited, Exchange, Field::ReminderAt).is_none());
    assert!(edited.writes.exchange.is_some());
    // Nothing rings for another reason of an open task, nor for a completed one.
    let reason =
        world.decide(world.then(world.linked(&row(Task), &item(Task)), &row(Task).status(0, 3)));
    assert!(reason.writes.exchange.is_none());
    let done = |due| row(Task).status(1, 5).time(Field::Due, hours(due));
    let pairing = world.linked(&done(40), &item(Task).todo(TodoStatus::Completed));
    assert!(world.decide(world.then(pairing, &done(41))).writes.exchange.is_none());
}
