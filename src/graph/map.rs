//! From Graph's resources to observations, and from patches to request bodies.
//!
//! One room for each collection; what they share stands here: markers, categories, texts.
//! Nothing is dropped in silence: what finds no place becomes a loss, what cannot be read at all
//! makes the item unfit, and a page never fails because of one item.

pub(super) mod contact;
pub(super) mod event;
mod names;
pub(super) mod series;
pub(super) mod task;
mod text;
mod time;

pub use names::property;

use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::wire::ExtendedProperty;
use crate::domain::code::Code;
use crate::domain::field::{Field, Fields, Importance, Patch, Value};
use crate::domain::ids::{LinkId, NativeId, Version};
use crate::domain::kind::Collection;
use crate::domain::observation::{ExchangeFacts, Facts, Observation, Presence};
use crate::domain::side::Side;

/// The signal by which an add-in tracks a contact: the category does not (LINK-02, LINK-05).
pub(super) const TRACK: &str = "String {3c1f6a52-8d0e-4b7a-9a53-6d0b6c9f2e11} Name LockstepTrack";

/// The extended property that carries the link on events and contacts. The name is matched with
/// regard to case (extended-properties-overview); EWS reaches the same MAPI property.
pub(super) const MARKER: &str = "String {3c1f6a52-8d0e-4b7a-9a53-6d0b6c9f2e11} Name LockstepLink";

/// The extended property of events and contacts that Lockstep made from a row. It repeats the link,
/// so that a copy that got a marker of its own is told apart.
pub(super) const MADE: &str = "String {3c1f6a52-8d0e-4b7a-9a53-6d0b6c9f2e11} Name LockstepMade";

/// The application that a task's linked resource names.
pub(super) const APPLICATION: &str = "Lockstep";

/// The display name, which To Do shows, of the linked resource of a task that came from Dynamics.
const FROM_DYNAMICS: &str = "Dynamics 365";

/// The same of a task that was there before and is tracked.
const TRACKED_TO: &str = "Tracked to Dynamics 365";

/// Returns the observation of one resource; nothing when it does not even carry an id.
pub(super) fn observe(collection: Collection, row: Json) -> Option<Observation> {
    let id = NativeId::new(row.get("id")?.as_str().filter(|id| !id.is_empty())?);
    let version = row.get("@odata.etag").and_then(Json::as_str).map(Version::new);
    let read = match collection {
        Collection::Calendar => serde_json::from_value(row).map(|item| event::observe(&item)),
        Collection::Contacts => serde_json::from_value(row).map(|item| contact::observe(&item)),
        Collection::Tasks => serde_json::from_value(row).map(|item| task::observe(&item)),
    };
    // One item that is not what the schema promises must not stop the others.
    Some(read.unwrap_or_else(|_| Observation {
        unfit: Some(Code::ReplyIncomplete),
        version,
        ..blank(collection, id)
    }))
}

/// Returns an observation that says nothing but that the item is there.
pub(super) fn blank(collection: Collection, id: NativeId) -> Observation {
    Observation {
        side: Side::Exchange,
        kind: collection.new_kind(),
        id,
        version: None,
        presence: Presence::Present,
        marker: None,
        uid: None,
        fields: Fields::new(),
        facts: Facts::Exchange(ExchangeFacts::default()),
        losses: Vec::new(),
        unfit: None,
    }
}

/// Returns the value of an extended property. Ids are compared without regard to case, because
/// the service answers guids and tags in lower case whatever was asked for.
fn extended<'a>(list: Option<&'a Vec<ExtendedProperty>>, id: &str) -> Option<&'a str> {
    let found = list?.iter().find(|one| one.id.eq_ignore_ascii_case(id))?;
    found.value.as_deref().filter(|value| !value.is_empty())
}

/// Returns the link that an item's extended property names.
fn marker_of(list: Option<&Vec<ExtendedProperty>>) -> Option<LinkId> {
    Uuid::try_parse(extended(list, MARKER)?).ok().map(LinkId)
}

/// Tells whether the add-in took its tracking back: Graph documents no way to remove a property.
fn is_untracked(list: Option<&Vec<ExtendedProperty>>) -> bool {
    extended(list, TRACK) == Some("0")
}

/// Tells whether an add-in's tracking signal is on an item.
fn is_signalled(list: Option<&Vec<ExtendedProperty>>) -> bool {
    extended(list, TRACK) == Some("1")
}

/// Returns the extended property that names a link.
pub(super) fn marker_property(link: LinkId) -> ExtendedProperty {
    ExtendedProperty { id: MARKER.to_owned(), value: Some(link.to_string()) }
}

/// Tells whether an item's extended properties say that it was made for its link.
fn is_made(list: Option<&Vec<ExtendedProperty>>) -> bool {
    let made = extended(list, MADE).and_then(|text| Uuid::try_parse(text).ok());
    made.is_some() && made.map(LinkId) == marker_of(list)
}

/// Returns the extended property of an item that is made for a link.
pub(super) fn made_property(link: LinkId) -> ExtendedProperty {
    ExtendedProperty { id: MADE.to_owned(), value: Some(link.to_string()) }
}

/// Returns an extended property that says nothing: Graph documents no way to remove one.
pub(super) fn emptied(id: &str) -> ExtendedProperty {
    ExtendedProperty { id: id.to_owned(), value: Some(String::new()) }
}

/// Returns the linked resource that names a link; `made` when the task comes from a row.
pub(super) fn linked_resource(link: LinkId, made: bool) -> Json {
    json!({
        "applicationName": APPLICATION,
        "displayName": if made { FROM_DYNAMICS } else { TRACKED_TO },
        "externalId": link.to_string(),
    })
}

/// Sets a text field, lines parted by `\n`, empty texts left out.
fn set_text(fields: &mut Fields, field: Field, text: Option<&str>) {
    let text = text::unix_lines(text.unwrap_or(""));
    fields.set(field, (!text.is_empty()).then_some(Value::Text(text)));
}

/// Adds a loss once.
fn lose(losses: &mut Vec<Code>, code: Code) {
    if !losses.contains(&code) {
        losses.push(code);
    }
}

fn importance(text: Option<&str>) -> Option<Value> {
    Some(Value::Importance(match text? {
        "low" => Importance::Low,
        "normal" => Importance::Normal,
        "high" => Importance::High,
        _ => return None,
    }))
}

const fn importance_name(importance: Importance) -> &'static str {
    match importance {
        Importance::Low => "low",
        Importance::Normal => "normal",
        Importance::High => "high",
    }
}

/// Returns what a patch does to a field: nothing, empties it, or sets it.
fn change(patch: &Patch, field: Field) -> Option<Option<&Value>> {
    let (_, value) = patch.iter().rev().find(|(name, _)| *name == field)?;
    Some(value.as_ref())
}

/// Puts a text into a body when the patch names it; an emptied one becomes `empty`.
fn put_text(body: &mut Map<String, Json>, name: &str, patch: &Patch, field: Field, empty: Json) {
    match change(patch, field) {
        None => {}
        Some(Some(Value::Text(text))) => {
            body.insert(name.to_owned(), json!(text));
        }
        Some(_) => {
            body.insert(name.to_owned(), empty);
        }
    }
}

/// Puts importance into a body; an emptied one is normal, which is what both sides start with.
fn put_importance(body: &mut Map<String, Json>, patch: &Patch) {
    let Some(value) = change(patch, Field::Importance) else { return };
    let level =
        if let Some(Value::Importance(level)) = value { *level } else { Importance::Normal };
    body.insert("importance".to_owned(), json!(importance_name(level)));
}

/// Puts the text body of an event or task into a body.
fn put_body(body: &mut Map<String, Json>, patch: &Patch) {
    let Some(value) = change(patch, Field::Body) else { return };
    let (kind, content) = match value {
        Some(Value::Text(text)) => ("text", text.as_str()),
        Some(Value::Html(html)) => ("html", html.as_str()),
        _ => ("text", ""),
    };
    body.insert("body".to_owned(), json!({"contentType": kind, "content": content}));
}

#[cfg(test)]
mod tests;
