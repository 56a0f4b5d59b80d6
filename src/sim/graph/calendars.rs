//! Calendars: the main one and those that people make beside it.
//!
//! An event of another calendar is reached by its id from everywhere, but stands in no list, view
//! or delta round than its own calendar's. Whether the service finds it below a calendar in which
//! it does not lie is not documented; here it does not. Absent: calendar groups, shared calendars,
//! renaming and deleting.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::GraphSim;
use super::call::Call;
use super::delta::Scope;
use super::ids::Kind;
use super::one;
use super::refusal::{Refusal, no_method, no_segment, not_found, property};
use super::render;
use super::routes::only_get;
use super::schema::schema;
use crate::sim::wire::Response;

/// The folder of the main calendar's events.
pub(super) const MAIN: u64 = 0;

impl GraphSim {
    /// Returns the folder of a calendar's events.
    pub(super) fn calendar_at(&self, mailbox: usize, id: &str) -> Result<u64, Refusal> {
        let room = &self.mailboxes[mailbox];
        let key = room.find(Kind::Calendar, id)?.0.key;
        Ok(if key == room.calendar { MAIN } else { key })
    }

    /// Answers `/calendars`.
    pub(super) fn calendars_route(
        &mut self,
        mailbox: usize,
        call: &Call,
    ) -> Result<Response, Refusal> {
        match call.method.as_str() {
            "GET" => {
                let options = call.options("calendar", &["$select", "$top"])?;
                let room = &self.mailboxes[mailbox];
                let rows: Vec<Value> = room
                    .of(Kind::Calendar, 0)
                    .map(|item| {
                        let row = render::calendar(room, item.key);
                        render::select(row, item, "", &options)
                    })
                    .collect();
                Ok(self.page(call, &options, rows.len(), rows.into_iter()))
            }
            "POST" => {
                call.options("calendar", &[])?;
                let body = call.object()?;
                schema().check("calendar", &body, &[])?;
                let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
                if name.is_empty() {
                    return Err(property("A calendar needs 'name'."));
                }
                let key = self.new_calendar(mailbox, name, call.now);
                let row = render::calendar(&self.mailboxes[mailbox], key);
                Ok(one(&self.base_url, "users/calendars", row, 201))
            }
            _ => Err(no_method()),
        }
    }

    /// Answers everything under one calendar.
    pub(super) fn calendar_route(
        &mut self,
        mailbox: usize,
        calendar: u64,
        rest: &[&str],
        call: &Call,
    ) -> Result<Response, Refusal> {
        match rest {
            [] => {
                only_get(call)?;
                call.options("calendar", &["$select"])?;
                let row = render::calendar(&self.mailboxes[mailbox], calendar);
                Ok(one(&self.base_url, "users/calendar", row, 200))
            }
            ["events", rest @ ..] => {
                if let Some(id) = rest.first().filter(|id| **id != "delta") {
                    let (item, _) = self.mailboxes[mailbox].find(Kind::Event, id)?;
                    if item.folder != calendar {
                        return Err(not_found());
                    }
                }
                self.events_route(mailbox, calendar, rest, call)
            }
            ["calendarView", rest @ ..] => self.view_route(mailbox, calendar, rest, call),
            [.., last] => Err(no_segment(last)),
        }
    }

    /// Answers everything under `/calendarView`.
    pub(super) fn view_route(
        &mut self,
        mailbox: usize,
        calendar: u64,
        rest: &[&str],
        call: &Call,
    ) -> Result<Response, Refusal> {
        only_get(call)?;
        match rest {
            [] => self.calendar_view(mailbox, calendar, call),
            ["delta"] => self.delta(Scope { mailbox, kind: Kind::Event, folder: calendar }, call),
            [.., last] => Err(no_segment(last)),
        }
    }

    fn new_calendar(&mut self, mailbox: usize, name: &str, now: DateTime<Utc>) -> u64 {
        let fields = Map::from_iter([("displayName".to_owned(), Value::from(name))]);
        self.mailboxes[mailbox].insert(Kind::Calendar, 0, fields, now)
    }

    /// Makes a calendar beside the main one, as the mailbox's owner, and returns its id.
    ///
    /// # Errors
    /// Refuses an unknown mailbox.
    pub fn user_create_calendar(
        &mut self,
        address: &str,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        let mailbox = self.room(address, now)?;
        let key = self.new_calendar(mailbox, name, now);
        self.id_inside(mailbox, key)
    }

    /// Makes a contact folder beside the default one, as the mailbox's owner, and returns its id.
    ///
    /// # Errors
    /// Refuses an unknown mailbox.
    pub fn user_create_contact_folder(
        &mut self,
        address: &str,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        let mailbox = self.room(address, now)?;
        let fields = Map::from_iter([("displayName".to_owned(), Value::from(name))]);
        let key = self.mailboxes[mailbox].insert(Kind::ContactFolder, 0, fields, now);
        self.id_inside(mailbox, key)
    }

    /// Moves an event or a series to another calendar of the mailbox, `calendar` being the main
    /// one's name: only its plain id changes (outlook-immutable-id), and nobody is mailed.
    ///
    /// # Errors
    /// Refuses unknown ids and a single occurrence.
    pub fn user_move_event(
        &mut self,
        address: &str,
        id: &str,
        to_calendar: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let (mailbox, key, day) = self.at(address, Kind::Event, id, now)?;
        if day.is_some() {
            return Err(property("An occurrence lies where its series lies."));
        }
        let folder = match to_calendar {
            "calendar" => MAIN,
            id => self.calendar_at(mailbox, id)?,
        };
        self.mailboxes[mailbox].move_to(key, folder, now);
        Ok(())
    }
}
