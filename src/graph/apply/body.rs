//! The request of one step, and the observation that its answer gives.
//!
//! Answers to writes carry neither markers nor extended properties nor linked resources. What was
//! there before and what was written stands in for them, so that the observation is complete.

use serde_json::{Map, Value as Json, json};

use super::super::batch::Inner;
use super::super::map::{self, contact, event, task};
use super::super::url::Paths;
use super::super::wire::{Contact, Event, ExtendedProperty};
use crate::domain::category::Category;
use crate::domain::field::Patch;
use crate::domain::ids::{LinkId, NativeId};
use crate::domain::kind::Collection;
use crate::domain::plan::{Op, Outcome, Step};

const EXTENDED: &str = "singleValueExtendedProperties";
const LINKED: &str = "linkedResources";

/// An item as it stood right before its write.
pub(super) struct Before {
    row: Json,
}

impl Before {
    pub(super) fn new(row: Json) -> Self {
        Self { row }
    }

    pub(super) fn version(&self) -> Option<&str> {
        self.row.get("@odata.etag")?.as_str()
    }

    fn categories(&self) -> Option<Vec<String>> {
        serde_json::from_value(self.row.get("categories")?.clone()).ok()
    }

    fn event(&self) -> Option<Event> {
        serde_json::from_value(self.row.clone()).ok()
    }

    fn contact(&self) -> Option<Contact> {
        serde_json::from_value(self.row.clone()).ok()
    }

    fn extended(&self) -> Vec<ExtendedProperty> {
        let list = self.row.get(EXTENDED).cloned();
        list.and_then(|list| serde_json::from_value(list).ok()).unwrap_or_default()
    }

    /// Notes that a linked resource of the task is gone.
    pub(super) fn unlinked(&mut self, id: &str) {
        if let Some(Json::Array(list)) = self.row.get_mut(LINKED) {
            list.retain(|one| one.get("id").and_then(Json::as_str) != Some(id));
        }
    }

    /// Notes that the task was given its linked resource.
    pub(super) fn linked(&mut self, link: LinkId) {
        let Some(row) = self.row.as_object_mut() else { return };
        let list = row.entry(LINKED).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(map::linked_resource(link, false));
        }
    }
}

/// Returns the id of the item that must be read before this step.
pub(super) fn needs_read(step: &Step) -> Option<&NativeId> {
    let collection = step.kind.collection();
    match &step.op {
        Op::Create { .. } => None,
        Op::Unmark { id, .. } => Some(id),
        Op::Delete { id, .. } => (collection == Collection::Tasks).then_some(id),
        Op::Update { id, patch, mark, .. } => {
            let event_needs =
                || *mark || event::touches_attendees(patch) || event::body(patch, None).is_empty();
            (collection != Collection::Calendar || event_needs()).then_some(id)
        }
    }
}

/// Returns the id of a task that is still to be given its linked resource.
pub(super) fn wants_linked_resource<'a>(step: &'a Step, before: &Before) -> Option<&'a NativeId> {
    let Op::Update { id, mark: true, .. } = &step.op else { return None };
    if step.kind.collection() != Collection::Tasks {
        return None;
    }
    let seen = map::observe(Collection::Tasks, before.row.clone())?;
    (seen.marker != Some(step.link)).then_some(id)
}

/// Returns the linked resources that are to be taken off a task: the task's id and theirs.
pub(super) fn unwanted_resources(step: &Step, before: &Before) -> Vec<String> {
    let unmarks = matches!(step.op, Op::Unmark { .. });
    if !unmarks || step.kind.collection() != Collection::Tasks {
        return Vec::new();
    }
    map::task::our_resources(&before.row)
}

/// Returns a task's linked resource as a body.
pub(super) fn linked_resource(link: LinkId) -> Map<String, Json> {
    if let Json::Object(body) = map::linked_resource(link, false) { body } else { Map::new() }
}

/// What a step comes to.
pub(super) enum Plan {
    /// Nothing is to be sent.
    Nothing(Outcome),
    /// This request, and what is known of its result.
    Send(Inner, Sent),
}

/// What an answer does not tell of the item.
pub(super) struct Sent {
    collection: Collection,
    beside: Vec<(&'static str, Json)>,
}

impl Sent {
    /// Returns the outcome of a write that succeeded.
    pub(super) fn done(self, mut row: Json) -> Outcome {
        if let Some(members) = row.as_object_mut() {
            for (name, value) in self.beside {
                members.insert(name.to_owned(), value);
            }
        }
        // An answer that does not show the item says nothing of its version: it is read again.
        map::observe(self.collection, row)
            .map_or(Outcome::Unknown, |seen| Outcome::Done(Some(Box::new(seen))))
    }
}

/// Returns the request of a step.
pub(super) fn plan(paths: &Paths, list: &str, step: &Step, before: Option<Before>) -> Plan {
    let collection = step.kind.collection();
    match &step.op {
        Op::Create { patch } => create(paths, list, step, patch),
        Op::Update { id, expected, patch, mark, .. } => {
            let mark = Mark { link: step.link, set: *mark, category: paths.category.as_ref() };
            let Changes { body, beside } = changes(collection, mark, patch, &before);
            let sent = Sent { collection, beside };
            if body.is_empty() {
                return Plan::Nothing(before.map_or(Outcome::NotSent, |old| sent.done(old.row)));
            }
            let item = paths.item(collection, list, id.as_str());
            let request = Inner::patch(item, body);
            Plan::Send(conditional(request, collection, expected.as_ref()), sent)
        }
        Op::Unmark { id, expected } => {
            let Some(before) = before else { return Plan::Nothing(Outcome::NotSent) };
            let Changes { body, beside } = unmarked(collection, &before, paths.category.as_ref());
            let sent = Sent { collection, beside };
            if body.is_empty() {
                return Plan::Nothing(sent.done(before.row));
            }
            let request = Inner::patch(paths.item(collection, list, id.as_str()), body);
            Plan::Send(conditional(request, collection, expected.as_ref()), sent)
        }
        Op::Delete { id, expected } => {
            let request = Inner::delete(paths.item(collection, list, id.as_str()));
            let sent = Sent { collection, beside: Vec::new() };
            Plan::Send(conditional(request, collection, expected.as_ref()), sent)
        }
    }
}

/// Events honour `If-Match`, contacts may (protocols A6); tasks were compared when they were read.
fn conditional(
    request: Inner,
    collection: Collection,
    expected: Option<&crate::domain::ids::Version>,
) -> Inner {
    match collection {
        Collection::Calendar | Collection::Contacts => {
            request.if_match(expected.map(|version| map::series::of_master(version.as_str())))
        }
        Collection::Tasks => request,
    }
}

fn create(paths: &Paths, list: &str, step: &Step, patch: &Patch) -> Plan {
    let collection = step.kind.collection();
    let mut extended = vec![map::marker_property(step.link), map::made_property(step.link)];
    let mut body = match collection {
        Collection::Calendar => event::body(patch, None),
        Collection::Contacts => {
            extended.extend(contact::extended_body(patch));
            contact::body(patch, None)
        }
        Collection::Tasks => task::body(patch),
    };
    if let Some(name) = paths.category.as_ref().and_then(Category::given) {
        body.insert("categories".into(), json!([name]));
    }
    if collection == Collection::Calendar {
        body.insert("transactionId".into(), json!(step.key.to_string()));
    }
    let beside = if collection == Collection::Tasks {
        (LINKED, json!([map::linked_resource(step.link, true)]))
    } else {
        (EXTENDED, json!(extended))
    };
    body.insert(beside.0.into(), beside.1.clone());
    let request = Inner::post(paths.items(collection, list), body);
    Plan::Send(request, Sent { collection, beside: vec![beside] })
}

/// What takes category and marker off; linked resources are items of their own and go before.
fn unmarked(collection: Collection, before: &Before, category: Option<&Category>) -> Changes {
    let mut body = Map::new();
    if let Some(rest) = before.categories().and_then(|list| without(list, category?)) {
        body.insert("categories".into(), json!(rest));
    }
    if collection == Collection::Tasks {
        let linked = before.row.get(LINKED).cloned();
        return Changes { body, beside: linked.map(|list| (LINKED, list)).into_iter().collect() };
    }
    let ours = [map::MARKER, map::MADE];
    let mut all = before.extended();
    let there = |id: &&str| {
        let set = |one: &ExtendedProperty| one.value.as_deref().is_some_and(|it| !it.is_empty());
        all.iter().any(|one| one.id.eq_ignore_ascii_case(id) && set(one))
    };
    let emptied: Vec<_> = ours.into_iter().filter(there).map(map::emptied).collect();
    if !emptied.is_empty() {
        body.insert(EXTENDED.into(), json!(emptied));
    }
    all.retain(|one| ours.iter().all(|id| !one.id.eq_ignore_ascii_case(id)));
    Changes { body, beside: vec![(EXTENDED, json!(all))] }
}

/// The body of a change and what its answer will not tell.
struct Changes {
    body: Map<String, Json>,
    beside: Vec<(&'static str, Json)>,
}

/// The mark that a change may set.
#[derive(Clone, Copy)]
struct Mark<'a> {
    link: LinkId,
    set: bool,
    category: Option<&'a Category>,
}

/// Returns the categories with the tracking one among them, under any of its names; the others stay.
fn with(mut list: Vec<String>, category: &Category) -> Vec<String> {
    if !list.iter().any(|one| category.counts(one)) {
        list.extend(category.given().map(str::to_owned));
    }
    list
}

/// Returns the categories without the tracking one; nothing when it is not among them.
fn without(list: Vec<String>, category: &Category) -> Option<Vec<String>> {
    let before = list.len();
    let rest: Vec<String> = list.into_iter().filter(|one| !category.counts(one)).collect();
    (rest.len() < before).then_some(rest)
}

fn changes(
    collection: Collection,
    mark: Mark<'_>,
    patch: &Patch,
    before: &Option<Before>,
) -> Changes {
    let old = before.as_ref();
    let mut body = match collection {
        Collection::Calendar => event::body(patch, old.and_then(Before::event).as_ref()),
        Collection::Contacts => contact::body(patch, old.and_then(Before::contact).as_ref()),
        Collection::Tasks => task::body(patch),
    };
    if let Some(category) = mark.category.filter(|it| mark.set && it.on) {
        let categories = old.and_then(Before::categories).unwrap_or_default();
        body.insert("categories".into(), json!(with(categories, category)));
    }
    let mut beside = Vec::new();
    if collection == Collection::Tasks {
        let linked = old.and_then(|old| old.row.get(LINKED).cloned());
        beside.extend(linked.map(|list| (LINKED, list)));
        return Changes { body, beside };
    }
    let mut written = Vec::new();
    if mark.set {
        written.push(map::marker_property(mark.link));
    }
    if collection == Collection::Contacts {
        written.extend(contact::extended_body(patch));
    }
    // Without a read nothing is known of the marker, as in a delta; it is left out then.
    let mut all = old.map(Before::extended).unwrap_or_default();
    all.retain(|one| written.iter().all(|new| !new.id.eq_ignore_ascii_case(&one.id)));
    all.extend(written.iter().cloned());
    if !written.is_empty() {
        body.insert(EXTENDED.into(), json!(written));
    }
    beside.push((EXTENDED, json!(all)));
    Changes { body, beside }
}
