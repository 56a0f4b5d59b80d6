//! Status and dates of tasks, phone calls, letters and faxes (rules.md §1.11, §1.12, §2.2, §2.6).

use chrono::{DateTime, Duration, NaiveDateTime, NaiveTime, Utc};

use super::Translation;
use crate::domain::code::Code;
use crate::domain::field::{Field, Fields, Group, TodoStatus, Value};
use crate::domain::kind::{Collection, Kind};
use crate::domain::policy::{Context, Policy};
use crate::domain::rule::RuleId;
use crate::domain::side::Side;
use crate::domain::zone::Zone;
use crate::engine::catalogue as rule;

/// How long after the due date a reminder is still set (TASK-OUT-02).
const REMINDER_GRACE: Duration = Duration::hours(24);

/// Returns the status a row has in Exchange.
#[must_use]
pub fn todo_status_of(kind: Kind, row: &Fields, policy: &Policy, now: DateTime<Utc>) -> TodoStatus {
    shows(kind, row, policy, now).0
}

/// TASK-OUT-05 to TASK-OUT-07, TASK-OUT-10: the status a row has in Exchange, and the rule that
/// says so.
fn shows(kind: Kind, row: &Fields, policy: &Policy, now: DateTime<Utc>) -> (TodoStatus, RuleId) {
    let state = row.number(Field::State).unwrap_or(0);
    // TASK-OUT-10 beats the state: code that reopens a task must clear the actual end.
    if kind == Kind::Task && row.time(Field::ActualEnd).is_some_and(|end| end < now) {
        return (TodoStatus::Completed, rule::TASK_OUT_10);
    }
    if state != 0 {
        return (TodoStatus::Completed, rule::TASK_OUT_06);
    }
    // An open row from here on.
    if policy.preserve_status_reason && kind == Kind::Task {
        match row.number(Field::StatusReason) {
            // The tenant's exception from "not started".
            Some(3) => return (TodoStatus::InProgress, rule::TASK_OUT_05),
            Some(4) => return (TodoStatus::WaitingOnOthers, rule::TASK_OUT_05),
            Some(7) => return (TodoStatus::Deferred, rule::TASK_OUT_05),
            _ => {}
        }
    }
    match row.number(Field::PercentComplete) {
        None => (TodoStatus::NotStarted, rule::TASK_OUT_05),
        Some(percent) if percent <= 0 => (TodoStatus::NotStarted, rule::TASK_OUT_07),
        Some(percent) if percent < 100 => (TodoStatus::InProgress, rule::TASK_OUT_07),
        Some(_) => (TodoStatus::Completed, rule::TASK_OUT_07),
    }
}

/// Tells whether an Exchange task is completed (TASK-OUT-09).
#[must_use]
pub fn completed_in_exchange(item: &Fields) -> bool {
    matches!(item.get(Field::TodoStatus), Some(Value::Todo(TodoStatus::Completed)))
}

pub(super) fn to_exchange(kind: Kind, row: &Fields, context: &Context<'_>, out: &mut Translation) {
    let (status, id) = shows(kind, row, context.policy, context.now);
    out.patch.push((Field::TodoStatus, Some(Value::Todo(status))));
    out.by(id);
    // A9: Graph has no percentage. The number stays in Dynamics, and the item says so.
    let percent = row.number(Field::PercentComplete).unwrap_or(0);
    if kind == Kind::Task && status == TodoStatus::InProgress && (1..100).contains(&percent) {
        out.losses.push(Code::PercentKept);
    }
    let zone = end_zone(kind, context);
    // TASK-OUT-08; Exchange refuses a completion date on an open task.
    let completed = row.time(Field::ActualEnd).filter(|_| status == TodoStatus::Completed);
    out.patch.push((Field::CompletedAt, completed.map(|at| Value::Time(day_of(at, zone)))));
    if completed.is_some() {
        out.by(rule::TASK_OUT_08);
    }
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
    let has_due = row.time(Field::Due).is_some();
    let due = row.time(Field::Due).filter(|due| {
        open && if context.policy.literal_task_reminder { *due < edge } else { *due > edge }
    });
    out.patch.push((Field::ReminderOn, Some(Value::Flag(due.is_some()))));
    out.patch.push((Field::ReminderAt, due.map(Value::Time)));
    if has_due {
        out.by(rule::TASK_OUT_02);
    }
    if due.is_some() {
        out.by(rule::TASK_OUT_03);
    }
}

pub(super) fn to_dynamics(
    kind: Kind,
    item: &Fields,
    row: &Fields,
    context: &Context<'_>,
    out: &mut Translation,
) {
    let Some(Value::Todo(status)) = item.get(Field::TodoStatus) else { return };
    // A canceled row shows as completed; completed from Exchange says nothing new to it.
    if *status == TodoStatus::Completed && row.number(Field::State).unwrap_or(0) != 0 {
        return;
    }
    let (state, reason) = row_status(kind, *status);
    out.by(match status {
        TodoStatus::NotStarted => rule::TASK_IN_02,
        TodoStatus::Completed => rule::TASK_IN_05,
        TodoStatus::InProgress | TodoStatus::WaitingOnOthers | TodoStatus::Deferred => {
            rule::TASK_IN_06
        }
    });
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
    let zone = end_zone(kind, context);
    let completed = item.time(Field::CompletedAt).filter(|_| *status == TodoStatus::Completed);
    let ended = completed.map(|at| {
        let midnight = at.time() == NaiveTime::MIN;
        // Exchange tells the day; a day that begins later than now has not ended anything yet.
        let day = in_dynamics(at, row.time(Field::ActualEnd), zone);
        if midnight { day.min(context.now) } else { at }
    });
    out.patch.push((Field::ActualEnd, ended.map(Value::Time)));
}

/// Returns state and reason of a row for a status in Exchange.
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
pub(super) fn due(
    from: Side,
    source: &Fields,
    target: &Fields,
    zone: Option<&Zone>,
    out: &mut Translation,
) {
    out.patch.push((Field::Due, dated(from, source, target, Field::Due, zone)));
    if source.time(Field::Due).is_some() || target.time(Field::Due).is_some() {
        out.by(rule::TASK_OUT_04);
    }
}

/// TASK-OUT-11: the start date, without any rule about a missing due date.
pub(super) fn start(
    from: Side,
    source: &Fields,
    target: &Fields,
    zone: Option<&Zone>,
    out: &mut Translation,
) {
    out.patch.push((Field::TaskStart, dated(from, source, target, Field::TaskStart, zone)));
    if source.time(Field::TaskStart).is_some() && source.time(Field::Due).is_none() {
        out.by(rule::TASK_OUT_11);
    }
}

fn dated(
    from: Side,
    source: &Fields,
    target: &Fields,
    field: Field,
    zone: Option<&Zone>,
) -> Option<Value> {
    let time = source.time(field)?;
    Some(Value::Time(match from {
        Side::Dynamics => day_of(time, zone),
        Side::Exchange => in_dynamics(time, target.time(field), zone),
    }))
}

/// Returns the instant of a day in Dynamics: at the time of day that the row has, else at midnight,
/// on the clock of the user. A row that names the day already stays as it is.
fn in_dynamics(
    day: DateTime<Utc>,
    old: Option<DateTime<Utc>>,
    zone: Option<&Zone>,
) -> DateTime<Utc> {
    let day = day.date_naive();
    if let Some(old) = old.filter(|old| day_of(*old, zone).date_naive() == day) {
        return old;
    }
    let clock = old.map_or(NaiveTime::MIN, |old| local(old, zone).time());
    let time = day.and_time(clock);
    zone.map_or_else(|| time.and_utc(), |zone| zone.to_utc(time))
}

/// The clock of the actual end. That of a `task` is a date without time of day and the same for
/// everybody (protocols B12); calls, letters and faxes have an instant.
fn end_zone<'a>(kind: Kind, context: &'a Context<'_>) -> Option<&'a Zone> {
    context.mailbox.personal.zone.as_ref().filter(|_| kind != Kind::Task)
}

/// Returns the user's day, as its midnight in UTC: Exchange's tasks have days, not instants.
fn day_of(time: DateTime<Utc>, zone: Option<&Zone>) -> DateTime<Utc> {
    local(time, zone).date().and_time(NaiveTime::MIN).and_utc()
}

fn local(time: DateTime<Utc>, zone: Option<&Zone>) -> NaiveDateTime {
    zone.map_or_else(|| time.naive_utc(), |zone| zone.to_local(time))
}

/// Returns when time alone changes what an open task is in Exchange, and in which group: it is
/// completed once its actual end has passed (TASK-OUT-10); read to the letter, it rings once it is
/// overdue by a day (TASK-OUT-02).
pub fn turns(
    kind: Kind,
    row: &Fields,
    context: &Context<'_>,
) -> impl Iterator<Item = (DateTime<Utc>, Group)> {
    let open = row.number(Field::State).unwrap_or(0) == 0;
    let ends = row.time(Field::ActualEnd).filter(|_| open && kind == Kind::Task);
    let is_task = kind.collection() == Collection::Tasks;
    let rings = open && is_task && context.policy.literal_task_reminder;
    let due = row.time(Field::Due).filter(|_| rings).map(|due| due + REMINDER_GRACE);
    ends.map(|at| (at, Group::Status)).into_iter().chain(due.map(|at| (at, Group::Due)))
}
