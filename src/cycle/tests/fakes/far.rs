//! A far side in memory: versions, a sweep or a feed, faults.

mod port;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};

use uuid::Uuid;

use super::Script;
use crate::domain::code::Code;
use crate::domain::field::{Field, Fields, TodoStatus, Value};
use crate::domain::filter::FilterTally;
use crate::domain::ids::{LinkId, NativeId, Version};
use crate::domain::kind::{Collection, Kind};
use crate::domain::observation::{DynamicsFacts, ExchangeFacts, Facts, Observation, Presence};
use crate::domain::plan::{Op, Outcome, Step};
use crate::domain::side::Side;
use crate::ports::error::SideError;
use crate::ports::side::{Cursor, Known, PullAsk, Pulled};

/// One item of a far side.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) kind: Kind,
    pub(crate) fields: Fields,
    pub(crate) marker: Option<LinkId>,
    /// Dynamics: a filter returns it. Exchange: it carries the category.
    pub(crate) on: bool,
    version: u64,
}

/// What a write meets instead of success.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// It is done, but no answer comes.
    UnknownDone,
    /// It is not done, and no answer comes.
    UnknownNotDone,
    Stale,
    NotSent,
    /// It is sent, and a defect shows before the answer.
    Panics,
}

#[derive(Default)]
struct Inner {
    items: BTreeMap<NativeId, Item>,
    changed: BTreeMap<NativeId, u64>,
    count: u64,
    faults: VecDeque<Fault>,
    poison: HashSet<String>,
    lies: Vec<NativeId>,
    failing: Option<fn() -> SideError>,
    slow: std::time::Duration,
    slow_writes: std::time::Duration,
    /// The filters of the mailbox's user, where they are told.
    filters: Option<FilterTally>,
}

/// One far side.
pub(crate) struct Far {
    side: Side,
    script: Arc<Script>,
    inner: Mutex<Inner>,
}

fn text(text: &str) -> Option<Value> {
    Some(Value::Text(text.to_owned()))
}

impl Far {
    pub(super) fn new(side: Side, script: Arc<Script>) -> Arc<Self> {
        Arc::new(Self { side, script, inner: Mutex::default() })
    }

    /// A person makes a task.
    pub(crate) fn add(&self, subject: &str) -> NativeId {
        let mut fields = Fields::new();
        fields.set(Field::Subject, text(subject));
        match self.side {
            Side::Dynamics => fields.set(Field::State, Some(Value::Number(0))),
            Side::Exchange => {
                fields.set(Field::TodoStatus, Some(Value::Todo(TodoStatus::NotStarted)));
            }
        }
        let mut inner = self.inner.lock().unwrap();
        inner.count += 1;
        let id = match self.side {
            Side::Dynamics => Uuid::from_u128(u128::from(inner.count)).to_string(),
            Side::Exchange => format!("ex-{}", inner.count),
        };
        let id = NativeId::new(id);
        inner.put(&id, Item { kind: Kind::Task, fields, marker: None, on: true, version: 0 });
        id
    }

    /// A person changes an item.
    pub(crate) fn edit(&self, id: &NativeId, change: impl FnOnce(&mut Item)) {
        let mut inner = self.inner.lock().unwrap();
        let mut item = inner.items[id].clone();
        change(&mut item);
        inner.put(id, item);
    }

    /// A person deletes an item.
    pub(crate) fn remove(&self, id: &NativeId) {
        self.inner.lock().unwrap().take(id);
    }

    pub(crate) fn rename(&self, id: &NativeId, subject: &str) {
        self.edit(id, |item| item.fields.set(Field::Subject, text(subject)));
    }

    /// Returns the subjects of all items in order.
    pub(crate) fn subjects(&self) -> Vec<String> {
        let inner = self.inner.lock().unwrap();
        let all = inner.items.values().map(|item| item.fields.text(Field::Subject).to_owned());
        let mut all: Vec<String> = all.collect();
        all.sort();
        all
    }

    /// The next writes meet these faults, in order.
    pub(crate) fn faults(&self, faults: &[Fault]) {
        self.inner.lock().unwrap().faults = faults.iter().copied().collect();
    }

    /// The user has no filter, and there is a default template.
    pub(crate) fn newcomer(&self) {
        self.inner.lock().unwrap().filters = Some(FilterTally::default());
    }

    /// A write with this subject is always refused.
    pub(crate) fn poison(&self, subject: &str) {
        self.inner.lock().unwrap().poison.insert(subject.to_owned());
    }

    /// The next pull names the item as removed although it is there.
    pub(crate) fn lie(&self, id: &NativeId) {
        self.inner.lock().unwrap().lies.push(id.clone());
    }

    /// Every pull fails, or panics inside the given function.
    pub(crate) fn fail(&self, failing: Option<fn() -> SideError>) {
        self.inner.lock().unwrap().failing = failing;
    }

    /// Every pull takes this long.
    pub(crate) fn slow(&self, pull: std::time::Duration) {
        self.inner.lock().unwrap().slow = pull;
    }

    /// Every write takes this long.
    pub(crate) fn slow_writes(&self, write: std::time::Duration) {
        self.inner.lock().unwrap().slow_writes = write;
    }

    fn observe(&self, id: &NativeId, item: &Item) -> Observation {
        let facts = match self.side {
            Side::Dynamics => Facts::Dynamics(DynamicsFacts::default()),
            Side::Exchange => {
                Facts::Exchange(ExchangeFacts { tracked: item.on, ..ExchangeFacts::default() })
            }
        };
        let here = self.side == Side::Exchange || item.on;
        Observation {
            side: self.side,
            kind: item.kind,
            id: id.clone(),
            version: Some(version(item)),
            presence: if here { Presence::Present } else { Presence::LeftFilter },
            marker: item.marker,
            uid: None,
            fields: item.fields.clone(),
            facts,
            losses: Vec::new(),
            unfit: None,
        }
    }

    fn gone(&self, kind: Kind, id: &NativeId) -> Observation {
        let item = Item { kind, fields: Fields::new(), marker: None, on: true, version: 0 };
        Observation { version: None, presence: Presence::Deleted, ..self.observe(id, &item) }
    }

    fn sweep(&self, inner: &Inner, known: &[Known]) -> Pulled {
        let mut pulled = Pulled::default();
        for (id, item) in &inner.items {
            let known = known.iter().find(|known| known.id == *id);
            let news = known.is_none_or(|known| known.version != Some(version(item)));
            let watched = known.is_some_and(|known| !known.expected);
            if news && (item.on || watched) {
                pulled.observations.push(self.observe(id, item));
            }
        }
        for known in known {
            let item = inner.items.get(&known.id);
            if item.is_none_or(|item| known.expected && !item.on) {
                pulled.missing.push((known.kind, known.id.clone()));
            }
        }
        pulled
    }

    fn delta(&self, inner: &mut Inner, ask: &PullAsk<'_>, known: &[Known]) -> Pulled {
        let mut pulled = Pulled::default();
        let old = ask.cursors.first().and_then(|cursor| cursor.token.parse::<u64>().ok());
        let lies = std::mem::take(&mut inner.lies);
        let fresh: Vec<&NativeId> = inner
            .changed
            .iter()
            .filter(|(_, at)| **at > old.unwrap_or(0))
            .map(|(id, _)| id)
            .chain(&lies)
            .collect();
        for id in fresh {
            let known = known.iter().find(|known| known.id == *id);
            match inner.items.get(id).filter(|_| !lies.contains(id)) {
                Some(item) => {
                    if known.is_none_or(|known| known.version != Some(version(item))) {
                        pulled.observations.push(self.observe(id, item));
                    }
                }
                None => pulled.missing.extend(known.map(|known| (known.kind, id.clone()))),
            }
        }
        if old.is_none() {
            pulled.resynced.push(Collection::Tasks);
            let lost = known.iter().filter(|known| !inner.items.contains_key(&known.id));
            pulled.missing.extend(lost.map(|known| (known.kind, known.id.clone())));
            pulled.missing.sort();
            pulled.missing.dedup();
        }
        pulled.cursors.push(Cursor {
            collection: Collection::Tasks,
            token: inner.count.to_string(),
            saved: ask.now,
            window_end: None,
        });
        pulled
    }

    fn write(&self, step: &Step) -> Outcome {
        let mut inner = self.inner.lock().unwrap();
        let (patch, id) = match &step.op {
            Op::Create { patch } => (patch.as_slice(), None),
            Op::Update { id, patch, .. } => (patch.as_slice(), Some(id)),
            Op::Unmark { id, .. } | Op::Delete { id, .. } => (&[][..], Some(id)),
        };
        let subject = patch.iter().find_map(|(field, value)| match (field, value) {
            (Field::Subject, Some(Value::Text(text))) => Some(text.clone()),
            _ => None,
        });
        if subject.is_some_and(|subject| inner.poison.contains(&subject)) {
            return Outcome::Refused(Code::WriteRefused);
        }
        let fault = inner.faults.pop_front();
        match fault {
            Some(Fault::UnknownNotDone) => return Outcome::Unknown,
            Some(Fault::Stale) => return Outcome::Stale,
            Some(Fault::NotSent) => return Outcome::NotSent,
            Some(Fault::Panics) => {
                drop(inner);
                panic!("a defect");
            }
            Some(Fault::UnknownDone) | None => {}
        }
        let done = self.perform(&mut inner, step, id);
        if fault == Some(Fault::UnknownDone) { Outcome::Unknown } else { done }
    }

    fn perform(&self, inner: &mut Inner, step: &Step, id: Option<&NativeId>) -> Outcome {
        let (id, item) = match (&step.op, id) {
            (Op::Create { patch }, _) => {
                inner.count += 1;
                let id = match self.side {
                    Side::Dynamics => NativeId::new(step.link.0.to_string()),
                    Side::Exchange => NativeId::new(format!("ex-{}", inner.count)),
                };
                let marker = (self.side == Side::Exchange).then_some(step.link);
                let fields =
                    patch.iter().filter_map(|(field, value)| Some((*field, value.clone()?)));
                // A row of that guid is there already: `If-None-Match: *`.
                let item = inner.items.get(&id).cloned().unwrap_or(Item {
                    kind: step.kind,
                    fields: fields.collect(),
                    marker,
                    on: true,
                    version: 0,
                });
                (id, item)
            }
            (Op::Update { expected, patch, .. }, Some(id)) => {
                let Some(mut item) = inner.items.get(id).cloned() else { return Outcome::Missing };
                if *expected != Some(version(&item)) {
                    return Outcome::Stale;
                }
                for (field, value) in patch {
                    item.fields.set(*field, value.clone());
                }
                (id.clone(), item)
            }
            (Op::Delete { .. }, Some(id)) => {
                let there = inner.items.contains_key(id);
                inner.take(id);
                return if there { Outcome::Done(None) } else { Outcome::Missing };
            }
            (Op::Unmark { .. }, Some(id)) => {
                let Some(mut item) = inner.items.get(id).cloned() else { return Outcome::Missing };
                (item.marker, item.on) = (None, false);
                (id.clone(), item)
            }
            (Op::Update { .. } | Op::Unmark { .. } | Op::Delete { .. }, None) => {
                return Outcome::Missing;
            }
        };
        inner.put(&id, item);
        Outcome::Done(Some(Box::new(self.observe(&id, &inner.items[&id]))))
    }
}

impl Inner {
    fn put(&mut self, id: &NativeId, mut item: Item) {
        self.count += 1;
        item.version = self.count;
        self.changed.insert(id.clone(), self.count);
        self.items.insert(id.clone(), item);
    }

    fn take(&mut self, id: &NativeId) {
        self.count += 1;
        self.changed.insert(id.clone(), self.count);
        self.items.remove(id);
    }
}

fn version(item: &Item) -> Version {
    Version::new(item.version.to_string())
}
