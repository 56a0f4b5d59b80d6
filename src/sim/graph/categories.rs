//! The master list of categories, through the API and by its owner's hand.
//!
//! An item holds the names of its categories and no id (outlookCategory resource). The name of an entry
//! cannot be changed through the API; Outlook's user can. Whether Outlook takes a new name to the
//! items is not documented, so a test says which of both happens. An entry that is deleted leaves its
//! name on items. Absent: query options other than `$top` and `$skip`.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::GraphSim;
use super::call::Call;
use super::ids::Kind;
use super::mailbox::{Item, Mailbox};
use super::one;
use super::refusal::{Refusal, no_method, no_segment, not_found, property};
use super::schema::schema;
use crate::sim::wire::Response;

const ENTITY: &str = "users/outlook/masterCategories";

/// What the application may do with mailbox settings, categories among them (permissions reference).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingsPermission {
    /// Neither `MailboxSettings.Read` nor `MailboxSettings.ReadWrite`.
    None,
    /// `MailboxSettings.Read`.
    Read,
    /// `MailboxSettings.ReadWrite`.
    ReadWrite,
}

/// What a rename in Outlook reaches beside the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renames {
    /// The entry alone; items keep the old name.
    Entry,
    /// The items that carry it as well.
    Items,
}

impl GraphSim {
    /// Says what the application may do with mailbox settings; everything at the start.
    pub fn set_settings_permission(&mut self, permission: SettingsPermission) {
        self.settings = permission;
    }

    pub(super) fn settings_gate(&self, call: &Call) -> Result<(), Refusal> {
        let allowed = match self.settings {
            SettingsPermission::None => false,
            SettingsPermission::Read => call.method == "GET",
            SettingsPermission::ReadWrite => true,
        };
        let text = "Access is denied. Check credentials and try again.";
        if allowed { Ok(()) } else { Err(Refusal::new(403, "ErrorAccessDenied", text)) }
    }

    pub(super) fn categories_route(
        &mut self,
        mailbox: usize,
        rest: &[&str],
        call: &Call,
    ) -> Result<Response, Refusal> {
        self.settings_gate(call)?;
        let room = &mut self.mailboxes[mailbox];
        match (call.method.as_str(), rest) {
            ("GET", []) => {
                let options = call.options("outlookCategory", &["$top", "$skip"])?;
                let rows = list(room);
                Ok(self.page(call, &options, rows.len(), rows.into_iter()))
            }
            ("POST", []) => {
                let mut body = call.object()?;
                schema().check("outlookCategory", &body, &[])?;
                let name = body.get("displayName").and_then(Value::as_str).unwrap_or_default();
                if name.is_empty() {
                    return Err(property("A category needs 'displayName'."));
                }
                if of_name(room, name).is_some() {
                    return Err(Refusal::new(
                        409,
                        "CategoryNameDuplicate",
                        "A category with this name exists already.",
                    ));
                }
                body.retain(|name, _| !name.contains("@odata."));
                body.entry("color").or_insert_with(|| json!("none"));
                let key = room.insert(Kind::Category, 0, body, call.now);
                let item = room.items.get(&key).ok_or_else(not_found)?;
                Ok(one(&self.base_url, ENTITY, row(room, item), 201))
            }
            ("GET", [id]) => {
                let row = row(room, room.find(Kind::Category, id)?.0);
                Ok(one(&self.base_url, ENTITY, row, 200))
            }
            ("PATCH", [id]) => {
                let key = room.find(Kind::Category, id)?.0.key;
                let body = call.object()?;
                schema().check("outlookCategory", &body, &[])?;
                if body.contains_key("displayName") {
                    return Err(property("'displayName' cannot be changed."));
                }
                let item = room.items.get_mut(&key).ok_or_else(not_found)?;
                item.fields.extend(body);
                let item = room.items.get(&key).ok_or_else(not_found)?;
                Ok(one(&self.base_url, ENTITY, row(room, item), 200))
            }
            ("DELETE", [id]) => {
                let key = room.find(Kind::Category, id)?.0.key;
                room.remove(key);
                Ok(Response::empty(204))
            }
            (_, [] | [_]) => Err(no_method()),
            (_, [.., last]) => Err(no_segment(last)),
        }
    }

    /// Returns a person's master list.
    #[must_use]
    pub fn master_categories(&self, address: &str) -> Vec<Value> {
        self.mailbox_of(address).map(|at| list(&self.mailboxes[at])).unwrap_or_default()
    }

    /// Makes an entry as the mailbox's owner.
    ///
    /// # Errors
    /// Refuses a name that is there.
    pub fn user_create_category(
        &mut self,
        address: &str,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let mailbox = self.room(address, now)?;
        let room = &mut self.mailboxes[mailbox];
        if of_name(room, name).is_some() {
            return Err(property("A category with this name exists already."));
        }
        let fields = [("displayName", json!(name)), ("color", json!("preset0"))];
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
        room.insert(Kind::Category, 0, fields, now);
        Ok(())
    }

    /// Renames an entry as the mailbox's owner does it in Outlook. Nobody is mailed: categories are
    /// each owner's own.
    ///
    /// # Errors
    /// Refuses an unknown name and one that is taken.
    pub fn user_rename_category(
        &mut self,
        address: &str,
        (from, to): (&str, &str),
        reach: Renames,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let mailbox = self.room(address, now)?;
        let room = &mut self.mailboxes[mailbox];
        if of_name(room, to).is_some() {
            return Err(property("A category with this name exists already."));
        }
        let key = of_name(room, from).ok_or_else(not_found)?;
        if let Some(entry) = room.items.get_mut(&key) {
            entry.fields.insert("displayName".to_owned(), json!(to));
        }
        if reach == Renames::Items {
            let carriers: Vec<u64> = room
                .items
                .values_mut()
                .filter_map(|item| replace(item, from, to).then_some(item.key))
                .collect();
            carriers.into_iter().for_each(|key| room.touch(key, now));
        }
        Ok(())
    }

    /// Deletes an entry as the mailbox's owner; items keep its name.
    ///
    /// # Errors
    /// Refuses an unknown name.
    pub fn user_delete_category(
        &mut self,
        address: &str,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let mailbox = self.room(address, now)?;
        let room = &mut self.mailboxes[mailbox];
        let key = of_name(room, name).ok_or_else(not_found)?;
        room.remove(key);
        Ok(())
    }
}

fn list(room: &Mailbox) -> Vec<Value> {
    room.of(Kind::Category, 0).map(|item| row(room, item)).collect()
}

fn row(room: &Mailbox, item: &Item) -> Value {
    json!({ "id": room.id(item, None, false), "displayName": item.text("displayName"),
        "color": item.text("color") })
}

fn of_name(room: &Mailbox, name: &str) -> Option<u64> {
    let same = |item: &&Item| item.text("displayName").eq_ignore_ascii_case(name);
    room.of(Kind::Category, 0).find(same).map(|item| item.key)
}

/// Replaces a name among an item's categories; tells whether it was there.
fn replace(item: &mut Item, from: &str, to: &str) -> bool {
    let exceptions = item.series.iter_mut().flat_map(|series| series.exceptions.values_mut());
    let all = exceptions.map(|one| &mut one.fields).chain(std::iter::once(&mut item.fields));
    let mut found = false;
    for fields in all {
        let names = fields.get_mut("categories").and_then(Value::as_array_mut);
        for name in names.into_iter().flatten().filter(|name| *name == from) {
            (*name, found) = (json!(to), true);
        }
    }
    found
}
