//! Preview: a plan as an operator reads it, complete enough to be carried out as it was read.
//!
//! It is the only place where content leaves a plan, so it goes to the operator who asked and
//! nowhere else. Two previews of one world are equal but for the ids of rows that are still to be
//! made; `differences` says where two worlds part.

mod diff;
mod files;
mod value;

pub use diff::differences;
pub use files::{FileView, add_files};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::domain::field::{Field, Fields, Patch, Value};
use crate::domain::ids::Address;
use crate::domain::kind::Kind;
use crate::domain::party::{NewPerson, Party};
use crate::domain::plan::{MailClass, Op, Step, Verb};
use crate::domain::side::Side;
use crate::engine::catalogue as rule;
use crate::engine::decide::After;
use crate::engine::normalise::Seen;
use crate::engine::plan::{Entry, Plan};
use crate::engine::stamp::stamps;

/// What a plan does with one pair of items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ItemView {
    /// The link; the guid of its row.
    pub link: Uuid,
    /// The kind, by its table.
    pub kind: String,
    /// The row's id, when there is a row.
    pub dynamics: Option<String>,
    /// The Exchange item's id, when there is one.
    pub exchange: Option<String>,
    /// What was decided: `create`, `update`, `merge`, `delete`, `link`, `unlink`, `leave-alone`, …
    pub verb: String,
    /// The rules, the deciding one first.
    pub rules: Vec<String>,
    /// The code, when something is left alone or lost.
    pub code: Option<String>,
    /// Further codes: whatever else is lost, or gave way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The writes.
    pub steps: Vec<StepView>,
    /// The files that are moved after them, removals first; absent for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileView>,
}

/// One write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepView {
    /// The side that is written.
    pub side: String,
    /// `create`, `update`, `unmark` or `delete`; `create contact` or `create lead` of an attendee whom no
    /// row knows (RES-03).
    pub op: String,
    /// The version that the item must still have.
    pub expected: Option<String>,
    /// The marker and the category are put on the item as well.
    pub marks: bool,
    /// The fields, what they hold and what they get.
    pub fields: Vec<FieldView>,
    /// People whom Exchange will mail, as the step is classed.
    pub mails: u16,
    /// Their addresses.
    pub to: Vec<String>,
}

/// One field of a write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FieldView {
    /// Its name in the vocabulary of `domain::field`.
    pub field: String,
    /// What the side holds now; absent for nothing.
    pub before: Option<Json>,
    /// What it gets; absent for nothing.
    pub after: Option<Json>,
}

/// Returns what a plan does, in its order. Echoes and items that are nobody's business are left
/// out: nothing happens to them. `now` is the instant of the plan.
#[must_use]
pub fn preview(plan: &Plan, now: DateTime<Utc>) -> Vec<ItemView> {
    plan.entries.iter().filter(|entry| speaks(entry)).map(|entry| item(entry, now)).collect()
}

impl ItemView {
    /// Tells whether the one-time push of all addresses changes the item (ADDR-04).
    #[must_use]
    pub fn pushes_addresses(&self) -> bool {
        !self.steps.is_empty() && self.rules.iter().any(|rule| rule == rule::ADDR_04.0)
    }
}

/// Tells whether an entry does or says anything.
fn speaks(entry: &Entry) -> bool {
    let decision = &entry.verdict.decision;
    let writes = Side::BOTH.into_iter().any(|side| entry.steps.get(side).is_some());
    let echo = decision.verb == Verb::Acknowledge && decision.code.is_none();
    let foreign = decision.verb == Verb::LeaveAlone && entry.after() == After::Nothing;
    let known = decision.verb == Verb::Forget && entry.verdict.pairing.link.is_none();
    writes || !(echo || foreign || known)
}

fn item(entry: &Entry, now: DateTime<Utc>) -> ItemView {
    let decision = &entry.verdict.decision;
    let native = |side| entry.link.native.get(side).as_ref().map(|id| id.as_str().to_owned());
    let mut steps: Vec<StepView> = entry.people.iter().map(person).collect();
    let writes = Side::BOTH.into_iter().filter_map(|side| entry.steps.get(side).as_ref());
    let seen = |side: Side| entry.verdict.pairing.seen.get(side).as_ref();
    steps.extend(writes.map(|one| step(one, seen(one.on), now)));
    if stamps(entry) {
        steps.push(stamp(entry));
    }
    ItemView {
        link: entry.link.id.0,
        kind: entry.link.kind.table().to_owned(),
        dynamics: native(Side::Dynamics),
        exchange: native(Side::Exchange),
        verb: verb(decision.verb).to_owned(),
        rules: decision.rules.iter().map(|rule| rule.0.to_owned()).collect(),
        code: decision.code.map(|code| code.as_str().to_owned()),
        notes: decision.notes.iter().map(|code| code.as_str().to_owned()).collect(),
        steps,
        files: Vec::new(),
    }
}

const fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Create(_) => "create",
        Verb::Update(_) => "update",
        Verb::Merge => "merge",
        Verb::Delete(_) => "delete",
        Verb::Link => "link",
        Verb::Unlink => "unlink",
        Verb::Acknowledge => "acknowledge",
        Verb::LeaveAlone => "leave-alone",
        Verb::Forget => "forget",
    }
}

fn step(step: &Step, seen: Option<&Seen>, now: DateTime<Utc>) -> StepView {
    let nothing = Fields::new();
    let before = seen.map_or(&nothing, |seen| &seen.observation.fields);
    let guests = seen.map(|seen| seen.observation.exchange_facts().guests).unwrap_or_default();
    let (op, expected, marks, fields, patch): (_, _, _, _, &[_]) = match &step.op {
        Op::Create { patch } => {
            ("create", None, true, changes(step.kind, &nothing, patch, now), patch)
        }
        Op::Update { expected, patch, mark, .. } => {
            ("update", expected.as_ref(), *mark, changes(step.kind, before, patch, now), patch)
        }
        Op::Unmark { expected, .. } => ("unmark", expected.as_ref(), false, Vec::new(), &[]),
        Op::Delete { expected, .. } => {
            ("delete", expected.as_ref(), false, losses(before, now), &[])
        }
    };
    StepView {
        side: step.on.name().to_owned(),
        op: op.to_owned(),
        expected: expected.map(|version| version.as_str().to_owned()),
        marks: marks && step.on == Side::Exchange,
        fields,
        mails: people(step.mail),
        to: addressees(step.mail, before, &guests, patch),
    }
}

/// The row of an attendee comes before the row that names it.
fn person(person: &NewPerson) -> StepView {
    let text = |field: Field, text: &str| FieldView {
        field: value::name(field),
        before: None,
        after: Some(Json::from(text)),
    };
    let mut fields = vec![FieldView {
        field: "id".to_owned(),
        before: None,
        after: Some(Json::from(person.row.id.to_string())),
    }];
    fields.extend(person.first.iter().map(|first| text(Field::FirstName, first)));
    fields.push(text(Field::LastName, &person.last));
    fields.push(text(Field::Email1, person.address.as_str()));
    StepView {
        side: Side::Dynamics.name().to_owned(),
        op: format!("create {}", person.table()),
        expected: None,
        marks: false,
        fields,
        mails: 0,
        to: Vec::new(),
    }
}

/// The identity of a meeting reaches its row right after the meeting was made (`engine::stamp`).
fn stamp(entry: &Entry) -> StepView {
    let row = entry.verdict.pairing.seen.dynamics.as_ref();
    let version = row.and_then(|row| row.observation.version.as_ref());
    StepView {
        side: Side::Dynamics.name().to_owned(),
        op: "update".to_owned(),
        expected: version.map(|version| version.as_str().to_owned()),
        marks: false,
        fields: vec![FieldView {
            field: value::name(Field::Uid),
            before: None,
            after: Some(Json::from("the identity that Exchange gives the new meeting")),
        }],
        mails: 0,
        to: Vec::new(),
    }
}

fn changes(kind: Kind, before: &Fields, patch: &Patch, now: DateTime<Utc>) -> Vec<FieldView> {
    patch
        .iter()
        .map(|(field, after)| FieldView {
            // CONF-06: a contact has nobody who must be free.
            field: match (field, kind) {
                (Field::Booking, Kind::Contact) => "duplicateCheck".to_owned(),
                _ => value::name(*field),
            },
            before: before.get(*field).map(|old| value::json(*field, old, now)),
            // No attendees and no list of them are one.
            after: after
                .as_ref()
                .filter(|new| !value::is_empty(new))
                .map(|new| value::json(*field, new, now)),
        })
        .collect()
}

/// What is lost with an item.
fn losses(before: &Fields, now: DateTime<Utc>) -> Vec<FieldView> {
    before
        .iter()
        .map(|(field, old)| FieldView {
            field: value::name(field),
            before: Some(value::json(field, old, now)),
            after: None,
        })
        .collect()
}

/// Returns how many people a step is classed to mail.
#[must_use]
pub const fn people(mail: MailClass) -> u16 {
    match mail {
        MailClass::Silent => 0,
        MailClass::Mails(count) => count,
    }
}

/// Exchange mails everybody who attends before or after the write (protocols A4); of an occurrence that
/// has guests of its own, these.
fn addressees(
    mail: MailClass,
    before: &Fields,
    guests: &[(NaiveDate, Vec<Party>)],
    patch: &[(Field, Option<Value>)],
) -> Vec<String> {
    if mail == MailClass::Silent {
        return Vec::new();
    }
    let occurrences = patch.iter().find_map(|(_, value)| match value {
        Some(Value::Exceptions(list)) => Some(list.as_slice()),
        _ => None,
    });
    let occurrences = occurrences.unwrap_or_default();
    let own = |day: NaiveDate| guests.iter().find(|(one, _)| *one == day);
    let itself = patch.iter().any(|(field, _)| *field != Field::Exceptions);
    let whole =
        itself || occurrences.is_empty() || occurrences.iter().any(|it| own(it.day).is_none());
    let apart = occurrences.iter().filter_map(|one| own(one.day)).flat_map(|(_, all)| all);
    let roles = [Field::RequiredAttendees, Field::OptionalAttendees];
    let old = roles.into_iter().flat_map(|field| before.parties(field));
    let new = patch
        .iter()
        .filter(|(field, _)| roles.contains(field))
        .flat_map(|(_, value)| value.as_ref().map(Value::as_parties).unwrap_or_default());
    let all = old.chain(new).filter(|_| whole);
    let addresses = all.chain(apart).filter_map(|party| party.address.as_ref());
    let mut list: Vec<String> = addresses.map(Address::as_str).map(str::to_owned).collect();
    list.sort_unstable();
    list.dedup();
    list
}

#[cfg(test)]
mod tests;
