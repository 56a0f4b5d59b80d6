//! Events (rules.md §2.1, §2.2).
//!
//! Absent: attachments, responses, online meetings, regarding; and the reminder, which is written
//! by rule and never read back (APPT-OUT-04).

use serde_json::{Map, Value as Json, json};

use super::{change, importance, is_signalled, lose, marker_of, series, set_text, text, time};
use crate::domain::code::Code;
use crate::domain::field::{Field, Fields, Patch, ShowAs, Value};
use crate::domain::ids::{Address, GlobalId, NativeId, Version};
use crate::domain::kind::{Collection, Kind};
use crate::domain::observation::{ExchangeFacts, Facts, Observation, Presence};
use crate::domain::party::Party;
use crate::graph::wire::{Attendee, EmailAddress, Event};

/// `freeBusyStatus`, both ways (rules.md §2.2). `unknown` is read and never written.
const SHOW_AS: [(&str, ShowAs); 6] = [
    ("free", ShowAs::Free),
    ("tentative", ShowAs::Tentative),
    ("busy", ShowAs::Busy),
    ("oof", ShowAs::Oof),
    ("workingElsewhere", ShowAs::WorkingElsewhere),
    ("unknown", ShowAs::Unknown),
];

/// The attendee types that have a field; `resource` has none (rules.md §2.1).
const ATTENDEES: [(&str, Field); 2] =
    [("required", Field::RequiredAttendees), ("optional", Field::OptionalAttendees)];

/// Returns the property that holds a field. The status of a row and `showAs` are one value in two
/// vocabularies.
pub(super) fn property(field: Field) -> Option<&'static str> {
    const NAMES: [(Field, &str); 13] = [
        (Field::Subject, "subject"),
        (Field::Body, "body"),
        (Field::Importance, "importance"),
        (Field::Location, "location.displayName"),
        (Field::Start, "start"),
        (Field::End, "end"),
        (Field::AllDay, "isAllDay"),
        (Field::RequiredAttendees, "attendees[required]"),
        (Field::OptionalAttendees, "attendees[optional]"),
        (Field::Private, "sensitivity"),
        (Field::State, "showAs"),
        (Field::StatusReason, "showAs"),
        (Field::ShowAs, "showAs"),
    ];
    NAMES.iter().find(|(one, _)| *one == field).map(|(_, name)| *name)
}

/// Returns what an event says.
pub(in crate::graph) fn observe(event: &Event) -> Observation {
    let mut seen = super::blank(Collection::Calendar, NativeId::new(event.id.as_str()));
    seen.version = event.etag.as_deref().map(Version::new);
    seen.marker = marker_of(event.single_value_extended_properties.as_ref());
    seen.uid = event.i_cal_u_id.as_deref().filter(|uid| !uid.is_empty()).map(GlobalId::new);
    seen.facts = Facts::Exchange(facts(event));
    if is_elsewhere(event) {
        seen.presence = Presence::MovedAway;
    }
    seen.unfit = times(event, &mut seen.fields).err();
    if series::is_master(event) {
        seen.kind = Kind::RecurringAppointment;
        seen.version = series::version(event).map(Version::new);
        match series::read(event) {
            Ok((recurrence, exceptions)) => {
                seen.fields.set(Field::Exceptions, Some(Value::Exceptions(exceptions)));
                let recurrence = Value::Recurrence(Box::new(recurrence));
                seen.fields.set(Field::Recurrence, Some(recurrence));
            }
            Err(code) => seen.unfit = seen.unfit.or(Some(code)),
        }
    }
    let complete =
        event.etag.is_some() && event.is_organizer.is_some() && event.is_all_day.is_some();
    if seen.unfit.is_none() && !complete {
        seen.unfit = Some(Code::ReplyIncomplete);
    }
    let fields = &mut seen.fields;
    set_text(fields, Field::Subject, event.subject.as_deref());
    // REC-09: a series has plain text.
    match event.body.as_ref().filter(|body| text::is_html(body) && !is_series(event)) {
        Some(page) => set_text(fields, Field::Body, page.content.as_deref()),
        None => set_text(fields, Field::Body, Some(&text::plain(event.body.as_ref()))),
    }
    let place = event.location.as_ref().and_then(|place| place.display_name.as_deref());
    set_text(fields, Field::Location, place);
    fields.set(Field::Importance, importance(event.importance.as_deref()));
    let private = event.sensitivity.as_deref().is_some_and(|text| text != "normal");
    fields.set(Field::Private, Some(Value::Flag(private)));
    fields.set(Field::ShowAs, show_as(event.show_as.as_deref()));
    attendees(event, &mut seen);
    let guests = series::guests(event, &seen.fields);
    if !guests.is_empty() {
        lose(&mut seen.losses, Code::OccurrenceAttendees);
    }
    if let Facts::Exchange(facts) = &mut seen.facts {
        facts.guests = guests;
    }
    seen
}

fn facts(event: &Event) -> ExchangeFacts {
    let organizer = event.organizer.as_ref().and_then(|who| who.email_address.as_ref());
    ExchangeFacts {
        tracked: false,
        categories: event.categories.clone().unwrap_or_default(),
        by_app: is_signalled(event.single_value_extended_properties.as_ref()),
        is_organizer: event.is_organizer.unwrap_or(false),
        organizer: organizer.and_then(|who| Address::parse(who.address.as_deref()?)),
        html: event.body.as_ref().is_some_and(text::is_html) && !is_series(event),
        unaddressed: is_unaddressed(event),
        untracked: false,
        is_cancelled: event.is_cancelled.unwrap_or(false),
        recurring: is_series(event),
        made: super::is_made(event.single_value_extended_properties.as_ref()),
        guests: Vec::new(),
        off_feed: false,
    }
}

/// Tells whether an event names an organizer of whom there is no address (ORG-07).
fn is_unaddressed(event: &Event) -> bool {
    let who = event.organizer.as_ref().and_then(|who| who.email_address.as_ref());
    let empty = |who: &EmailAddress| who.address.as_deref().is_none_or(|it| it.trim().is_empty());
    event.is_organizer == Some(false) && who.is_some_and(empty)
}

/// Tells whether an event lies in a calendar other than the main one (LINK-04). Only a read by id
/// asks for its calendar; what the main calendar lists lies there.
fn is_elsewhere(event: &Event) -> bool {
    event.calendar.as_ref().is_some_and(|calendar| calendar.is_default_calendar == Some(false))
}

/// Tells whether an event is a series or a part of one.
pub(in crate::graph) fn is_series(event: &Event) -> bool {
    event.series_master_id.is_some()
        || event.kind.as_deref().is_some_and(|kind| kind != "singleInstance")
}

/// Sets start, end and all-day, which are one value.
fn times(event: &Event, fields: &mut Fields) -> Result<(), Code> {
    let (Some(start), Some(end)) = (&event.start, &event.end) else {
        return Err(Code::ReplyIncomplete);
    };
    let all_day = event.is_all_day.unwrap_or(false);
    let read = if all_day { time::day } else { time::instant };
    let (start, end) = (read(start)?, read(end)?);
    fields.set(Field::Start, Some(Value::Time(start)));
    fields.set(Field::End, Some(Value::Time(end)));
    fields.set(Field::AllDay, Some(Value::Flag(all_day)));
    let zone = event.original_start_time_zone.as_deref().filter(|_| all_day);
    fields.set(Field::Zone, zone.map(|zone| Value::Text(zone.to_owned())));
    Ok(())
}

fn show_as(text: Option<&str>) -> Option<Value> {
    let (_, value) = SHOW_AS.iter().find(|(name, _)| Some(*name) == text)?;
    Some(Value::ShowAs(*value))
}

fn attendees(event: &Event, seen: &mut Observation) {
    let all = event.attendees.as_deref().unwrap_or_default();
    for (name, field) in ATTENDEES {
        let parties: Vec<Party> =
            all.iter().filter(|one| type_of(one) == name).filter_map(party).collect();
        seen.fields.set(field, (!parties.is_empty()).then_some(Value::Parties(parties)));
    }
    if all.iter().any(|one| is_resource(one) || party(one).is_none()) {
        lose(&mut seen.losses, Code::ValuesDropped);
    }
}

/// The type of an attendee; `required` is the documented default.
fn type_of(attendee: &Attendee) -> &str {
    attendee.kind.as_deref().unwrap_or("required")
}

fn is_resource(attendee: &Attendee) -> bool {
    ATTENDEES.iter().all(|(name, _)| *name != type_of(attendee))
}

fn party(attendee: &Attendee) -> Option<Party> {
    let who = attendee.email_address.as_ref()?;
    let address = who.address.as_deref().and_then(Address::parse);
    let name = who.name.clone().unwrap_or_default();
    (address.is_some() || !name.is_empty()).then_some(Party { address, name, row: None })
}

/// Returns the members of an event's body that a patch changes. `before` is the event as it
/// stands: a list of attendees is replaced as a whole, so what the patch does not name is taken
/// from there, resources (rooms) above all.
pub(in crate::graph) fn body(patch: &Patch, before: Option<&Event>) -> Map<String, Json> {
    let mut body = Map::new();
    super::put_text(&mut body, "subject", patch, Field::Subject, json!(""));
    super::put_body(&mut body, patch);
    super::put_importance(&mut body, patch);
    if let Some(value) = change(patch, Field::Location) {
        let place = if let Some(Value::Text(text)) = value { text.as_str() } else { "" };
        body.insert("location".into(), json!({"displayName": place}));
    }
    if let Some(value) = change(patch, Field::Private) {
        let private = matches!(value, Some(Value::Flag(true)));
        body.insert("sensitivity".into(), json!(if private { "private" } else { "normal" }));
    }
    if let Some(Some(Value::ShowAs(value))) = change(patch, Field::ShowAs)
        && let Some((name, _)) = SHOW_AS.iter().find(|(_, one)| one == value)
        && *value != ShowAs::Unknown
    {
        body.insert("showAs".into(), json!(name));
    }
    if let Some(value) = change(patch, Field::ReminderOn) {
        body.insert("isReminderOn".into(), json!(matches!(value, Some(Value::Flag(true)))));
    }
    put_times(&mut body, patch);
    if let Some(Some(Value::Recurrence(it))) = change(patch, Field::Recurrence) {
        series::put(&mut body, it);
    }
    put_attendees(&mut body, patch, before);
    body
}

/// Timed events are written in UTC, all-day ones as days (`time::days`).
fn put_times(body: &mut Map<String, Json>, patch: &Patch) {
    let of = |field| match change(patch, field) {
        Some(Some(Value::Time(at))) => Some(*at),
        _ => None,
    };
    let all_day = change(patch, Field::AllDay).map(|v| matches!(v, Some(Value::Flag(true))));
    let (mut start, mut end) = (of(Field::Start), of(Field::End));
    if let (Some(true), Some(from), Some(to)) = (all_day, start, end) {
        let (first, last) = time::days(from, to);
        (start, end) = (Some(first), Some(last));
    }
    for (name, at) in [("start", start), ("end", end)] {
        if let Some(at) = at {
            body.insert(name.into(), time::write(at));
        }
    }
    if let Some(all_day) = all_day {
        body.insert("isAllDay".into(), json!(all_day));
    }
}

/// Tells whether a patch replaces the list of attendees.
pub(in crate::graph) fn touches_attendees(patch: &Patch) -> bool {
    ATTENDEES.iter().any(|(_, field)| change(patch, *field).is_some())
}

fn put_attendees(body: &mut Map<String, Json>, patch: &Patch, before: Option<&Event>) {
    if !touches_attendees(patch) {
        return;
    }
    let old = before.and_then(|event| event.attendees.as_deref()).unwrap_or_default();
    let mut list: Vec<Attendee> = Vec::new();
    for (name, field) in ATTENDEES {
        match change(patch, field) {
            None => list.extend(old.iter().filter(|one| type_of(one) == name).cloned()),
            Some(Some(Value::Parties(parties))) => {
                list.extend(parties.iter().filter_map(|party| invited(party, name)));
            }
            Some(_) => {}
        }
    }
    list.extend(old.iter().filter(|one| is_resource(one)).cloned());
    body.insert("attendees".into(), json!(list));
}

/// Without an address nobody can be invited.
fn invited(party: &Party, kind: &str) -> Option<Attendee> {
    let address = party.address.as_ref()?.as_str();
    let name = if party.name.is_empty() { address } else { party.name.as_str() };
    Some(Attendee {
        kind: Some(kind.to_owned()),
        email_address: Some(EmailAddress {
            name: Some(name.to_owned()),
            address: Some(address.to_owned()),
        }),
    })
}
