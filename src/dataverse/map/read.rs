//! A row as an observation. A reply is never trusted: what is missing or cannot be read makes the
//! item unfit, with a code, and nothing panics.

use chrono::{DateTime, NaiveDate, NaiveTime, SubsecRound, Utc};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{Column, Shape, Table, party};
use crate::domain::code::Code;
use crate::domain::field::{Field, Fields, Importance, Value};
use crate::domain::ids::{GlobalId, LinkId, NativeId, UserId, Version};
use crate::domain::kind::Kind;
use crate::domain::observation::{DynamicsFacts, Facts, Observation, Presence};
use crate::domain::side::Side;

const FORMATTED: &str = "OData.Community.Display.V1.FormattedValue";
const LOGICAL_NAME: &str = "Microsoft.Dynamics.CRM.lookuplogicalname";

/// Returns a complete row as an observation.
pub(crate) fn observe(table: &Table, id: &NativeId, row: &Json, presence: Presence) -> Observation {
    let mut seen = bare(table.kind, id, presence);
    seen.version = version(row);
    let mut unfit = unsupported(table.kind, row);
    if seen.version.is_none() || table.selected().any(|name| row.get(&name).is_none()) {
        unfit = Some(Code::ReplyIncomplete);
    }
    for column in table.columns {
        match value(column, row) {
            Ok(value) => seen.fields.set(column.field, value),
            Err(code) => unfit = unfit.or(Some(code)),
        }
    }
    let mut facts = facts(row);
    if let Some(navigation) = table.parties {
        if let Some(parties) = party::parse(row, navigation) {
            facts.organizer = party::organizer(&parties);
            set_attendees(&mut seen.fields, table.kind, &parties);
        } else {
            unfit = Some(Code::ReplyIncomplete);
        }
    }
    seen.uid = text(row, "globalobjectid").map(GlobalId::new);
    seen.facts = Facts::Dynamics(facts);
    seen.unfit = unfit;
    seen
}

/// Returns what may be told of a row that the user may not read: version and facts, no content.
pub(crate) fn observe_unreadable(table: &Table, id: &NativeId, row: &Json) -> Observation {
    let whole = observe(table, id, row, Presence::Unreadable);
    Observation { fields: Fields::new(), losses: Vec::new(), unfit: None, ..whole }
}

/// Returns an observation that holds nothing. The guid of a row is its marker (INV-7), whoever
/// made the row.
pub(crate) fn bare(kind: Kind, id: &NativeId, presence: Presence) -> Observation {
    Observation {
        side: Side::Dynamics,
        kind,
        id: id.clone(),
        version: None,
        presence,
        marker: Uuid::try_parse(id.as_str()).ok().map(LinkId),
        uid: None,
        fields: Fields::new(),
        facts: Facts::Dynamics(DynamicsFacts::default()),
        losses: Vec::new(),
        unfit: None,
    }
}

/// Returns what is known of a row that the service cannot answer for: nothing, and nothing may
/// follow from it.
pub(crate) fn unreadable(kind: Kind, id: &NativeId) -> Observation {
    Observation { unfit: Some(Code::ItemUnreadable), ..bare(kind, id, Presence::Present) }
}

/// Returns `versionnumber`, or what the etag says of it.
pub(crate) fn version(row: &Json) -> Option<Version> {
    match row.get("versionnumber") {
        Some(Json::Number(number)) => Some(Version::new(number.to_string())),
        Some(Json::String(text)) => Some(Version::new(text.as_str())),
        _ => {
            let etag = row.get("@odata.etag")?.as_str()?;
            Some(Version::new(etag.strip_prefix("W/")?.trim_matches('"')))
        }
    }
}

/// Tells whether nobody but its maker wrote a row: in the same name, and by the same application if by one. What
/// its user edits has the user's name alone (webapi/impersonate-another-user-web-api).
pub(crate) fn is_its_makers(row: &Json) -> bool {
    let same = |made: &str, changed: &str| guid(row, made) == guid(row, changed);
    same("_createdby_value", "_modifiedby_value")
        && same("_createdonbehalfby_value", "_modifiedonbehalfby_value")
}

/// Returns a guid column.
pub(crate) fn guid(row: &Json, name: &str) -> Option<Uuid> {
    row.get(name)?.as_str().and_then(|text| Uuid::try_parse(text).ok())
}

/// Returns an annotation of a column.
pub(crate) fn annotated<'a>(row: &'a Json, name: &str, annotation: &str) -> Option<&'a str> {
    row.get(format!("{name}@{annotation}"))?.as_str()
}

/// Returns an instant at whole seconds; a bare day is its first second.
pub(crate) fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.with_timezone(&Utc).trunc_subsecs(0))
        .ok()
        .or_else(|| Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN).and_utc()))
}

fn facts(row: &Json) -> DynamicsFacts {
    let is_user = annotated(row, "_ownerid_value", LOGICAL_NAME) == Some("systemuser");
    let owner = guid(row, "_ownerid_value").filter(|_| is_user).map(UserId);
    let draft = row.get("isdraft").and_then(Json::as_bool) == Some(true);
    DynamicsFacts { owner, organizer: None, draft }
}

/// Occurrences and exceptions of a series are rows of their own (protocols B11), which belong to
/// the item of their series.
fn unsupported(kind: Kind, row: &Json) -> Option<Code> {
    let of_series = row.get("instancetypecode").and_then(Json::as_i64).unwrap_or(0) != 0;
    match kind {
        Kind::Appointment if of_series => Some(Code::RecurringUnsupported),
        Kind::Appointment
        | Kind::RecurringAppointment
        | Kind::ServiceAppointment
        | Kind::Contact
        | Kind::Task
        | Kind::PhoneCall
        | Kind::Letter
        | Kind::Fax => None,
    }
}

fn set_attendees(fields: &mut Fields, kind: Kind, parties: &[party::RawParty]) {
    let required: &[i64] = match kind {
        Kind::Appointment | Kind::RecurringAppointment => &[party::REQUIRED],
        // Whoever is needed for a service takes part: customers, staff and equipment (rules.md §2.4).
        Kind::ServiceAppointment => &[party::CUSTOMER, party::REQUIRED, party::RESOURCE],
        Kind::Contact | Kind::Task | Kind::PhoneCall | Kind::Letter | Kind::Fax => return,
    };
    for (field, roles) in
        [(Field::RequiredAttendees, required), (Field::OptionalAttendees, &[party::OPTIONAL])]
    {
        let list: Vec<_> = roles.iter().flat_map(|role| party::of_role(parties, *role)).collect();
        fields.set(field, (!list.is_empty()).then_some(Value::Parties(list)));
    }
}

/// Returns the value of a column; `None` when it is empty.
fn value(column: &Column, row: &Json) -> Result<Option<Value>, Code> {
    match column.shape {
        Shape::Text => Ok(text(row, column.name).map(|text| Value::Text(lines_of(text)))),
        Shape::Lines => Ok(street(row, column.name)),
        Shape::Lookup => {
            let name = annotated(row, &format!("_{}_value", column.name), FORMATTED);
            Ok(name.filter(|name| !name.is_empty()).map(|name| Value::Text(name.to_owned())))
        }
        Shape::Instant => time_of(row, column.name, |text| instant(text).map(Value::Time)),
        Shape::Day => time_of(row, column.name, |text| day(text).map(Value::Date)),
        Shape::Flag => typed(row, column.name, |value| value.as_bool().map(Value::Flag)),
        Shape::Number => typed(row, column.name, |value| value.as_i64().map(Value::Number)),
        Shape::Importance => typed(row, column.name, |value| {
            value.as_i64().and_then(importance).map(Value::Importance)
        }),
    }
}

fn text<'a>(row: &'a Json, name: &str) -> Option<&'a str> {
    row.get(name).and_then(Json::as_str).filter(|text| !text.is_empty())
}

fn lines_of(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn street(row: &Json, stem: &str) -> Option<Value> {
    let lines: Vec<&str> = (1..=3).filter_map(|line| text(row, &format!("{stem}{line}"))).collect();
    (!lines.is_empty()).then(|| Value::Text(lines_of(&lines.join("\n"))))
}

fn day(text: &str) -> Option<NaiveDate> {
    text.get(..10)?.parse().ok()
}

fn time_of(
    row: &Json,
    name: &str,
    parse: impl Fn(&str) -> Option<Value>,
) -> Result<Option<Value>, Code> {
    let Some(text) = text(row, name) else { return Ok(None) };
    parse(text).map(Some).ok_or(Code::DateOutOfRange)
}

/// A value of another type than the protocol promises counts as missing.
fn typed(
    row: &Json,
    name: &str,
    parse: impl Fn(&Json) -> Option<Value>,
) -> Result<Option<Value>, Code> {
    match row.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(value) => parse(value).map(Some).ok_or(Code::ReplyIncomplete),
    }
}

const fn importance(code: i64) -> Option<Importance> {
    match code {
        0 => Some(Importance::Low),
        1 => Some(Importance::Normal),
        2 => Some(Importance::High),
        _ => None,
    }
}
