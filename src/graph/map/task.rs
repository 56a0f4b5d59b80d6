//! To-do tasks (rules.md §2.6).
//!
//! Absent in Graph: percent complete, actual start, assignment. Due and start are days there; the
//! reminder is written by rule and never read back (TASK-OUT-03).

use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::{APPLICATION, FROM_DYNAMICS, change, importance, set_text, text, time};
use crate::domain::code::Code;
use crate::domain::field::{Field, Fields, Patch, TodoStatus, Value};
use crate::domain::ids::{LinkId, NativeId, Version};
use crate::domain::kind::Collection;
use crate::domain::observation::{ExchangeFacts, Facts, Observation};
use crate::graph::wire::{DateTimeTimeZone, LinkedResource, TodoTask};

/// `taskStatus`, both ways (rules.md §2.2).
const STATUS: [(&str, TodoStatus); 5] = [
    ("notStarted", TodoStatus::NotStarted),
    ("inProgress", TodoStatus::InProgress),
    ("completed", TodoStatus::Completed),
    ("waitingOnOthers", TodoStatus::WaitingOnOthers),
    ("deferred", TodoStatus::Deferred),
];

/// The times of a task: field, name on the wire, whether it is a day.
const TIMES: [(Field, &str, bool); 4] = [
    (Field::Due, "dueDateTime", true),
    (Field::TaskStart, "startDateTime", true),
    (Field::CompletedAt, "completedDateTime", false),
    (Field::ReminderAt, "reminderDateTime", false),
];

/// Returns the property that holds a field. The status of a row and of a task are one value in two
/// vocabularies, and so are the actual end and the completion date.
pub(super) fn property(field: Field) -> Option<&'static str> {
    const NAMES: [(Field, &str); 7] = [
        (Field::Subject, "title"),
        (Field::Body, "body"),
        (Field::Importance, "importance"),
        (Field::State, "status"),
        (Field::StatusReason, "status"),
        (Field::TodoStatus, "status"),
        (Field::ActualEnd, "completedDateTime"),
    ];
    let times = TIMES.iter().map(|(one, name, _)| (*one, *name));
    NAMES.into_iter().chain(times).find(|(one, _)| *one == field).map(|(_, name)| name)
}

/// Returns what a task says. Graph does not say who assigned it (ASGN-01).
pub(in crate::graph) fn observe(task: &TodoTask) -> Observation {
    let mut seen = super::blank(Collection::Tasks, NativeId::new(task.id.as_str()));
    seen.version = task.etag.as_deref().map(Version::new);
    let ours = ours(task);
    seen.marker =
        ours.and_then(|one| Uuid::try_parse(one.external_id.as_deref()?).ok().map(LinkId));
    seen.facts = Facts::Exchange(ExchangeFacts {
        categories: task.categories.clone().unwrap_or_default(),
        made: ours.is_some_and(|one| one.display_name.as_deref() == Some(FROM_DYNAMICS)),
        recurring: task.recurrence.as_ref().is_some_and(|value| !value.is_null()),
        ..ExchangeFacts::default()
    });
    seen.unfit = times(task, &mut seen.fields).err();
    let fields = &mut seen.fields;
    set_text(fields, Field::Subject, task.title.as_deref());
    set_text(fields, Field::Body, Some(&text::plain(task.body.as_ref())));
    fields.set(Field::Importance, importance(task.importance.as_deref()));
    let status = STATUS.iter().find(|(name, _)| Some(*name) == task.status.as_deref());
    fields.set(Field::TodoStatus, status.map(|(_, status)| Value::Todo(*status)));
    if seen.unfit.is_none() && (task.etag.is_none() || status.is_none()) {
        seen.unfit = Some(Code::ReplyIncomplete);
    }
    seen
}

/// Returns the linked resource that is ours; of several the one added last counts, because it is
/// the one of the latest adoption.
fn ours(task: &TodoTask) -> Option<&LinkedResource> {
    let all = task.linked_resources.as_ref()?;
    all.iter().rev().find(|one| one.application_name.as_deref() == Some(APPLICATION))
}

fn times(task: &TodoTask, fields: &mut Fields) -> Result<(), Code> {
    type Read = fn(&DateTimeTimeZone) -> Result<chrono::DateTime<chrono::Utc>, Code>;
    let all: [(Field, &Option<DateTimeTimeZone>, Read); 3] = [
        (Field::Due, &task.due_date_time, time::day),
        (Field::TaskStart, &task.start_date_time, time::day),
        (Field::CompletedAt, &task.completed_date_time, time::instant),
    ];
    for (field, time, read) in all {
        let value = time.as_ref().map(read).transpose()?;
        fields.set(field, value.map(Value::Time));
    }
    Ok(())
}

/// Returns the members of a task's body that a patch changes.
pub(in crate::graph) fn body(patch: &Patch) -> Map<String, Json> {
    let mut body = Map::new();
    super::put_text(&mut body, "title", patch, Field::Subject, json!(""));
    super::put_body(&mut body, patch);
    super::put_importance(&mut body, patch);
    if let Some(Some(Value::Todo(value))) = change(patch, Field::TodoStatus)
        && let Some((name, _)) = STATUS.iter().find(|(_, one)| one == value)
    {
        body.insert("status".into(), json!(name));
    }
    for (field, name, is_day) in TIMES {
        let Some(value) = change(patch, field) else { continue };
        body.insert(name.into(), write_time(value, is_day));
    }
    if let Some(value) = change(patch, Field::ReminderOn) {
        body.insert("isReminderOn".into(), json!(matches!(value, Some(Value::Flag(true)))));
    }
    body
}

fn write_time(value: Option<&Value>, is_day: bool) -> Json {
    let at = match value {
        Some(Value::Time(at)) if is_day => time::midnight(at.date_naive()),
        Some(Value::Time(at)) => *at,
        Some(Value::Date(day)) => time::midnight(*day),
        _ => return Json::Null,
    };
    time::write(at)
}

/// Returns the ids of a task's linked resources that are ours.
pub(in crate::graph) fn our_resources(task: &Json) -> Vec<String> {
    let list = task.get("linkedResources").and_then(Json::as_array).into_iter().flatten();
    let read = list.filter_map(|one| serde_json::from_value::<LinkedResource>(one.clone()).ok());
    let ours = read.filter(|one| one.application_name.as_deref() == Some(APPLICATION));
    ours.filter_map(|one| one.id).collect()
}
