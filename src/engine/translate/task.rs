//! Status and dates of tasks, phone calls, letters and faxes (rules.md §1.11, §1.12, §2.2, §2.6).

use chrono::{DateTime, Duration, NaiveTime, Utc};

use super::Translation;
use crate::domain::field::{Field, Fields, Group, TodoStatus, Value};
use crate::domain::kind::Kind;
use crate::domain::policy::{Context, Policy};
use crate::domain::side::Side;

/// How long after the due date a reminder is still set (TASK-OUT-02).
const REMINDER_GRACE: Duration = Duration::hours(24);

/// Returns the status a row has in Exchange (TASK-OUT-05 to TASK-OUT-07, TASK-OUT-10).
#[must_use]
pub fn todo_status_of(kind: Kind, row: &Fields, policy: &Policy, now: DateTime<Utc>) -> TodoStatus {
    let state = row.number(Field::State).unwrap_or(0);
    // TASK-OUT-10 beats the state: code that reopens a task must clear the actual end.
    if kind == Kind::Task && row.time(Field::ActualEnd).is_some_and(|end| end < now) {
        return TodoStatus::Completed;
    }
    // TASK-OUT-06.
    if state != 0 {
        return TodoStatus::Completed;
    }
    // An open row from here on.
    if policy.preserve_status_reason && kind == Kind::Task {
        match row.number(Field::StatusReason) {
            Some(3) => return TodoStatus::InProgress,
            Some(4) => return TodoStatus::WaitingOnOthers,
            Some(7) => return TodoStatus::Deferred,
            _ => {}
        }
    }
    match row.number(Field::PercentComplete) {
        // TASK-OUT-05.
        None => TodoStatus::NotStarted,
        // TASK-OUT-07.
        Some(percent) if percent <= 0 => TodoStatus::NotStarted,
        Some(percent) if percent < 100 => TodoStatus::InProgress,
        Some(_) => TodoStatus::Completed,
    }
}

/// Tells whether an Exchange task is completed (TASK-OUT-09).
#[must_use]
pub fn completed_in_exchange(item: &Fields) -> bool {
    matches!(item.get(Field::TodoStatus), Some(Value::Todo(TodoStatus::Completed)))
}

pub(super) fn to_exchange(kind: Kind, row: &Fields, context: &Context<'_>, out: &mut Translation) {
    let status = todo_status_of(kind, row, context.policy, context.now);
    out.patch.push((Field::TodoStatus, Some(Value::Todo(status))));
    // TASK-OUT-08; Exchange refuses a completion date on an open task.
    let completed = row.time(Field::ActualEnd).filter(|_| status == TodoStatus::Completed);
    out.patch.push((Field::CompletedAt, completed.map(|at| Value::Time(day_of(at)))));
}

/// TASK-OUT-02, TASK-OUT-03: the reminder rings at the due time of an open task.
pub(super) fn reminder(
    wanted: &[Group],
    row: &Fields,
    context: &Context<'_>,
    out: &mut Translation,
) {
    if !wanted.iter().any(|group| matches!(group, Group::Status | Group::Due)) {
        return;
    }
    let open = matches!(row.number(Field::State), None | Some(0 | 3));
    let edge = context.now - REMINDER_GRACE;
    let due = row.time(Field::Due).filter(|due| {
        open && if context.policy.literal_task_reminder { *due < edge } else { *due > edge }
    });
    out.patch.push((Field::ReminderOn, Some(Value::Flag(due.is_some()))));
    out.patch.push((Field::ReminderAt, due.map(Value::Time)));
}

pub(super) fn to_dynamics(kind: Kind, item: &Fields, row: &Fields, out: &mut Translation) {
    let Some(Value::Todo(status)) = item.get(Field::TodoStatus) else { return };
    // A canceled row shows as completed; completed from Exchange says nothing new to it.
    if *status == TodoStatus::Completed && row.number(Field::State).unwrap_or(0) != 0 {
        return;
    }
    let (state, reason) = row_status(kind, *status);
    out.patch.push((Field::State, Some(Value::Number(state))));
    out.patch.push((Field::StatusReason, Some(Value::Number(reason))));
    let percent = match status {
        TodoStatus::Completed => Some(100),
        TodoStatus::NotStarted => row.number(Field::PercentComplete).map(|_| 0),
        // 100 on an open task would complete it again at once (TASK-OUT-07).
        TodoStatus::InProgress | TodoStatus::WaitingOnOthers | TodoStatus::Deferred => {
            row.number(Field::PercentComplete).filter(|percent| *percent >= 100).map(|_| 50)
        }
    };
    if kind == Kind::Task
        && let Some(percent) = percent
    {
        out.patch.push((Field::PercentComplete, Some(Value::Number(percent))));
    }
    // TASK-OUT-10: a reopened task must lose its actual end, or it would close itself again.
    let ended = if *status == TodoStatus::Completed { item.time(Field::CompletedAt) } else { None };
    out.patch.push((Field::ActualEnd, ended.map(Value::Time)));
}

/// Returns state and reason of a row for a status in Exchange (TASK-IN-02, TASK-IN-05, TASK-IN-06).
const fn row_status(kind: Kind, status: TodoStatus) -> (i64, i64) {
    match (kind, status) {
        (Kind::PhoneCall, TodoStatus::Completed) => (1, 2),
        (Kind::Letter, TodoStatus::Completed) => (1, 4),
        (Kind::Fax, TodoStatus::Completed) => (1, 2),
        (Kind::PhoneCall | Kind::Letter | Kind::Fax, _) => (0, 1),
        (_, TodoStatus::NotStarted) => (0, 2),
        (_, TodoStatus::InProgress) => (0, 3),
        (_, TodoStatus::WaitingOnOthers) => (0, 4),
        (_, TodoStatus::Deferred) => (0, 7),
        (_, TodoStatus::Completed) => (1, 5),
    }
}

/// TASK-OUT-04: the due date. Exchange knows the day only; the time of a row stays its own.
pub(super) fn due(from: Side, source: &Fields, target: &Fields) -> (Field, Option<Value>) {
    (Field::Due, dated(from, source, target, Field::Due))
}

/// TASK-OUT-11: the start date, without any rule about a missing due date.
pub(super) fn start(from: Side, source: &Fields, target: &Fields) -> (Field, Option<Value>) {
    (Field::TaskStart, dated(from, source, target, Field::TaskStart))
}

fn dated(from: Side, source: &Fields, target: &Fields, field: Field) -> Option<Value> {
    let time = source.time(field)?;
    Some(Value::Time(match from {
        Side::Dynamics => day_of(time),
        Side::Exchange => {
            let clock = target.time(field).map_or(NaiveTime::MIN, |old| old.time());
            time.date_naive().and_time(clock).and_utc()
        }
    }))
}

fn day_of(time: DateTime<Utc>) -> DateTime<Utc> {
    time.date_naive().and_time(NaiveTime::MIN).and_utc()
}
