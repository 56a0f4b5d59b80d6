//! From a path to the room that answers it; users and id translation.
//!
//! A path that is not here does not exist for this stand-in.

use serde_json::{Value, json};

use super::GraphSim;
use super::calendars::MAIN;
use super::call::Call;
use super::ids::{self, Kind, Parsed};
use super::mailbox::MailboxState;
use super::one;
use super::refusal::{Refusal, bad_query, invalid, malformed_id, no_method, no_segment, property};
use crate::sim::wire::Response;

impl GraphSim {
    /// Answers a parsed request.
    pub(super) fn route(&mut self, call: &Call) -> Result<Response, Refusal> {
        let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
        if !matches!(call.method.as_str(), "GET" | "POST" | "PATCH" | "DELETE") {
            return Err(no_method());
        }
        match path.as_slice() {
            ["users", user, rest @ ..] if !user.is_empty() => {
                let mailbox = self.mailbox_of(user).ok_or_else(|| unknown_user(user))?;
                if rest.is_empty() {
                    return self.user(mailbox, call);
                }
                gate(self.mailboxes[mailbox].state)?;
                self.mailbox_route(mailbox, rest, call)
            }
            ["subscriptions", rest @ ..] => self.subscriptions_route(rest, call),
            ["me", ..] => Err(Refusal::new(
                400,
                "BadRequest",
                "/me request is only valid with delegated authentication flow.",
            )),
            ["users"] => Err(Refusal::new(
                403,
                "Authorization_RequestDenied",
                "Insufficient privileges to complete the operation.",
            )),
            [first, ..] => Err(no_segment(first)),
            [] => Err(no_segment("")),
        }
    }

    fn mailbox_route(
        &mut self,
        mailbox: usize,
        rest: &[&str],
        call: &Call,
    ) -> Result<Response, Refusal> {
        match rest {
            ["events", rest @ ..] => self.events_route(mailbox, MAIN, rest, call),
            ["calendarView", rest @ ..] => self.view_route(mailbox, MAIN, rest, call),
            ["calendar", rest @ ..] => self.calendar_route(mailbox, MAIN, rest, call),
            ["calendars"] => self.calendars_route(mailbox, call),
            ["calendars", id, rest @ ..] => {
                let calendar = self.calendar_at(mailbox, id)?;
                self.calendar_route(mailbox, calendar, rest, call)
            }
            ["contacts", rest @ ..] => {
                let folder = self.mailboxes[mailbox].contacts;
                self.contacts_route(mailbox, folder, rest, call)
            }
            ["contactFolders", rest @ ..] => self.folders_route(mailbox, rest, call),
            ["todo", "lists", rest @ ..] => self.todo_route(mailbox, rest, call),
            ["outlook", "masterCategories", rest @ ..] => {
                self.categories_route(mailbox, rest, call)
            }
            ["mailboxSettings"] => {
                only_get(call)?;
                self.settings_gate(call)?;
                let zone = super::zones::windows_name(&self.mailboxes[mailbox].person.time_zone);
                let row = json!({ "timeZone": zone, "userPurpose": "user" });
                Ok(one(&self.base_url, "users/mailboxSettings", row, 200))
            }
            ["translateExchangeIds"] => self.translate(mailbox, call),
            [.., last] => Err(no_segment(last)),
            [] => Err(no_segment("")),
        }
    }

    fn user(&self, mailbox: usize, call: &Call) -> Result<Response, Refusal> {
        only_get(call)?;
        if let Some((name, _)) = call.query.iter().find(|(name, _)| name != "$select") {
            return Err(bad_query(format!("The query option '{name}' is not supported here.")));
        }
        let person = &self.mailboxes[mailbox].person;
        let row = json!({ "id": person.object_id, "displayName": person.full_name(),
            "givenName": person.given_name, "surname": person.surname,
            "mail": person.address, "userPrincipalName": person.address });
        Ok(one(&self.base_url, "users", row, 200))
    }

    fn translate(&mut self, mailbox: usize, call: &Call) -> Result<Response, Refusal> {
        if call.method != "POST" {
            return Err(no_method());
        }
        let body = call.object()?;
        let rest = |name: &str| match body.get(name).and_then(Value::as_str) {
            Some("restId") => Ok(false),
            Some("restImmutableEntryId") => Ok(true),
            _ => Err(invalid(format!("The value of '{name}' is not supported."))),
        };
        let (source, target) = (rest("sourceIdType")?, rest("targetIdType")?);
        let list = body.get("inputIds").and_then(Value::as_array);
        let list = list.ok_or_else(|| property("'inputIds' must be a collection."))?;
        if list.len() > 1000 {
            return Err(invalid("At most 1,000 ids can be translated at once."));
        }
        let room = &self.mailboxes[mailbox];
        let owner = room.person.object_id;
        let rows: Vec<Value> = list
            .iter()
            .map(|id| {
                let id = id.as_str().unwrap_or_default();
                let made = [Kind::Event, Kind::Contact].into_iter().find_map(|kind| {
                    let (item, day) = room.find(kind, id).ok()?;
                    let same: Parsed = ids::decode(owner, kind, id)?;
                    (same.immutable == source).then(|| room.id(item, day, target))
                });
                match made {
                    Some(made) => json!({ "sourceId": id, "targetId": made }),
                    None => {
                        let refusal = malformed_id();
                        json!({ "sourceId": id, "errorDetails":
                            { "code": refusal.code, "message": refusal.message } })
                    }
                }
            })
            .collect();
        Ok(Response::json(200, &json!({ "value": rows })))
    }
}

/// Refuses everything but a GET.
pub(super) fn only_get(call: &Call) -> Result<(), Refusal> {
    if call.method == "GET" { Ok(()) } else { Err(no_method()) }
}

fn unknown_user(user: &str) -> Refusal {
    let text = format!("The requested user '{user}' is invalid.");
    Refusal::new(404, "ErrorInvalidUser", text)
}

pub(super) fn gate(state: MailboxState) -> Result<(), Refusal> {
    match state {
        MailboxState::Enabled => Ok(()),
        MailboxState::NotEnabled => Err(Refusal::new(
            404,
            "MailboxNotEnabledForRESTAPI",
            "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
        )),
        MailboxState::Denied => {
            Err(Refusal::new(403, "ErrorAccessDenied", "Access to OData is disabled."))
        }
    }
}
