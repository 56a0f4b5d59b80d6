//! How the far sides of the model answer a step.

use super::{Answer, Model};
use crate::domain::code::Code;
use crate::domain::field::{Field, Fields, Value};
use crate::domain::ids::{GlobalId, NativeId, Version};
use crate::domain::kind::Kind;
use crate::domain::observation::{Facts, Observation};
use crate::domain::plan::{Op, Outcome, Step};
use crate::domain::side::Side;
use crate::engine::catalogue as rule;
use crate::engine::plan::Entry;
use crate::engine::testing::{item, row};

impl Model {
    pub(super) fn answer(&mut self, entry: &Entry, step: &Step, answer: Answer) -> Outcome {
        self.log.push(format!(
            "  {:?} {:?} on {} -> {answer:?} by {:?}",
            entry.verdict.decision.verb, step.op, step.on, entry.verdict.decision.rules
        ));
        match answer {
            Answer::Stale => Outcome::Stale,
            Answer::NotSent => Outcome::NotSent,
            Answer::Refused => Outcome::Refused(Code::WriteRefused),
            Answer::UnknownNotDone => Outcome::Unknown,
            Answer::UnknownDone => {
                self.perform(entry, step);
                Outcome::Unknown
            }
            Answer::Done => self.perform(entry, step),
        }
    }

    fn perform(&mut self, entry: &Entry, step: &Step) -> Outcome {
        let version = self.version();
        match &step.op {
            Op::Create { patch } => self.perform_create(entry, step, patch, version),
            Op::Update { id, expected, patch, mark, .. } => {
                let Some(mut one) = self.far.get(step.on).get(id).cloned() else {
                    return Outcome::Missing;
                };
                // The stamp follows in the same pass, every other write is conditional.
                if one.version != *expected {
                    return Outcome::Stale;
                }
                self.check_no_lost_edit(entry, step, &one.fields);
                apply(&mut one, patch);
                if *mark {
                    one.marker = Some(step.link);
                    track(&mut one);
                }
                one.version = Some(version);
                self.far.get_mut(step.on).insert(id.clone(), one.clone());
                self.note_shared();
                Outcome::Done(Some(Box::new(one)))
            }
            Op::Unmark { .. } => unreachable!("no rule of a cycle unmarks"),
            Op::Delete { id, expected } => {
                let Some(one) = self.far.get(step.on).get(id) else { return Outcome::Missing };
                if one.version != *expected {
                    return Outcome::Stale;
                }
                self.far.get_mut(step.on).remove(id);
                Outcome::Done(None)
            }
        }
    }

    fn perform_create(
        &mut self,
        entry: &Entry,
        step: &Step,
        patch: &[(Field, Option<Value>)],
        version: Version,
    ) -> Outcome {
        let number = self.next();
        let id = match step.on {
            Side::Dynamics => NativeId::new(step.link.0.to_string()),
            Side::Exchange => NativeId::new(format!("item-{number}")),
        };
        if self.far.get(step.on).contains_key(&id) {
            return Outcome::Refused(Code::WriteRefused);
        }
        let blank = if step.on == Side::Dynamics { row(step.kind) } else { item(step.kind) };
        let mut one = blank.id(id.as_str()).0;
        one.fields = Fields::new();
        if step.on == Side::Dynamics && step.kind != Kind::Contact {
            one.fields.set(Field::State, Some(Value::Number(0)));
        }
        apply(&mut one, patch);
        if step.on == Side::Exchange {
            one.marker = Some(step.link);
            if step.kind == Kind::Appointment {
                one.uid = Some(GlobalId::new(format!("uid-{number}")));
            }
        }
        one.version = Some(version);
        let source = entry.link.native.get(step.on.other()).clone();
        if let Some(source) = source {
            self.made.get_mut(step.on).insert(id.clone(), source);
        }
        self.far.get_mut(step.on).insert(id, one.clone());
        self.note_shared();
        Outcome::Done(Some(Box::new(one)))
    }

    /// No write replaces a text that the other side has never held, unless it says so.
    fn check_no_lost_edit(&self, entry: &Entry, step: &Step, old: &Fields) {
        let Op::Update { patch, .. } = &step.op else { return };
        let reported = entry.verdict.decision.rules.contains(&rule::CONF_03);
        for (field, value) in patch {
            let Some(Value::Text(text)) = old.get(*field) else { continue };
            let replaced = *value != Some(Value::Text(text.clone()));
            let edit = text.starts_with('v') && !self.shared.contains(text);
            assert!(!(replaced && edit && !reported), "lost {text}: {}", self.describe());
        }
    }
}

fn track(one: &mut Observation) {
    if let Facts::Exchange(facts) = &mut one.facts {
        facts.tracked = true;
    }
}

/// Stores a patch as a far side does: fields by rule become facts or are never read back.
fn apply(one: &mut Observation, patch: &[(Field, Option<Value>)]) {
    for (field, value) in patch {
        if field.group().is_some() {
            one.fields.set(*field, value.clone());
        } else if let (Field::Uid, Some(Value::Text(uid))) = (field, value) {
            one.uid = Some(GlobalId::new(uid.as_str()));
        }
    }
}
