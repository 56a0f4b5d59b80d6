//! Resources as the documentation shows them, and what is read from them.

use chrono::{DateTime, Utc};

use super::*;
use crate::domain::category::{Category, NAME as CATEGORY};
use crate::domain::field::{ShowAs, TodoStatus};
use crate::domain::ids::Address;
use crate::graph::category::recognise;
use crate::graph::wire::{Contact, Event};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn seen(collection: Collection, row: Json) -> Observation {
    let mut seen = observe(collection, row).unwrap();
    recognise(&Category::default(), &mut seen);
    seen
}

/// An event after the examples of event-get and user-list-events.
fn event() -> Json {
    json!({
        "@odata.etag": "W/\"IiLKjG2I7E+Xv0+ys6MD0wAEd5/kNQ==\"",
        "id": "AAMkAGVmMDEzMTM4LTZmYWUtNDdkNC1hMDZi",
        "iCalUId": "040000008200E00074C5B7101A82E00807E20A10",
        "type": "singleInstance",
        "categories": [],
        "subject": "New Product Regulations Touchpoint",
        "importance": "normal",
        "sensitivity": "normal",
        "showAs": "busy",
        "isAllDay": false,
        "isCancelled": false,
        "isOrganizer": false,
        "seriesMasterId": null,
        "body": {"contentType": "text", "content": "Online\r\nTouchpoint\r\n"},
        "start": {"dateTime": "2014-11-03T17:00:00.0000000", "timeZone": "UTC"},
        "end": {"dateTime": "2014-11-03T17:30:00.0000000", "timeZone": "UTC"},
        "location": {"displayName": "Conf Room Rainier", "locationType": "default"},
        "attendees": [
            {"type": "required", "status": {"response": "none", "time": "0001-01-01T00:00:00Z"},
             "emailAddress": {"name": "Irvin Sayers", "address": "IrvinS@contoso.com"}},
            {"type": "optional", "emailAddress": {"name": "Only a name"}},
            {"type": "resource", "emailAddress": {"name": "Rainier", "address": "r@contoso.com"}}
        ],
        "organizer": {"emailAddress": {"name": "Eng", "address": "Engineering@contoso.com"}}
    })
}

#[test]
fn a_documented_event_is_read_in_full() {
    // The example of event-get leads to fields, facts and one loss: the room.
    let seen = seen(Collection::Calendar, event());
    let fields = &seen.fields;
    assert_eq!(fields.text(Field::Subject), "New Product Regulations Touchpoint");
    assert_eq!(fields.text(Field::Body), "Online\nTouchpoint\n");
    assert_eq!(fields.text(Field::Location), "Conf Room Rainier");
    assert_eq!(fields.time(Field::Start), Some(at("2014-11-03T17:00:00Z")));
    assert_eq!(fields.time(Field::End), Some(at("2014-11-03T17:30:00Z")));
    assert_eq!(fields.get(Field::ShowAs), Some(&Value::ShowAs(ShowAs::Busy)));
    let required = fields.parties(Field::RequiredAttendees);
    assert_eq!(required[0].address, Address::parse("irvins@contoso.com"));
    assert_eq!(fields.parties(Field::OptionalAttendees)[0].name, "Only a name");
    assert_eq!(seen.losses, [Code::ValuesDropped]);
    assert_eq!(seen.unfit, None);
    let facts = seen.exchange_facts();
    assert_eq!(facts.organizer, Address::parse("engineering@contoso.com"));
    assert!(!facts.is_organizer && !facts.tracked && !facts.recurring && !facts.is_cancelled);
    assert_eq!(seen.uid.unwrap().as_str(), "040000008200E00074C5B7101A82E00807E20A10");
}

#[test]
fn an_event_that_lacks_what_rules_need_is_unfit() {
    // A reply without etag, times, all-day or organizer mark is incomplete, never guessed.
    for name in ["@odata.etag", "start", "end", "isAllDay", "isOrganizer"] {
        let mut row = event();
        row.as_object_mut().unwrap().remove(name);
        assert_eq!(seen(Collection::Calendar, row).unfit, Some(Code::ReplyIncomplete), "{name}");
    }
}

#[test]
fn times_that_cannot_be_placed_make_an_event_unfit() {
    // An unknown zone and an impossible date have codes of their own.
    let mut row = event();
    row["start"]["timeZone"] = json!("tzone://Microsoft/Custom");
    assert_eq!(seen(Collection::Calendar, row).unfit, Some(Code::TimeZoneUnknown));
    let mut row = event();
    row["end"]["dateTime"] = json!("12021-01-01T00:00:00");
    assert_eq!(seen(Collection::Calendar, row).unfit, Some(Code::DateOutOfRange));
}

#[test]
fn an_all_day_event_is_a_day_in_any_zone() {
    // Midnight to midnight is the day of the wire, whatever zone it was written in.
    let mut row = event();
    row["isAllDay"] = json!(true);
    row["start"] = json!({"dateTime": "2026-12-01T00:00:00", "timeZone": "Tokyo Standard Time"});
    row["end"] = json!({"dateTime": "2026-12-02T00:00:00", "timeZone": "Tokyo Standard Time"});
    let seen = seen(Collection::Calendar, row);
    assert_eq!(seen.fields.time(Field::Start), Some(at("2026-12-01T00:00:00Z")));
    assert_eq!(seen.fields.time(Field::End), Some(at("2026-12-02T00:00:00Z")));
    assert_eq!(seen.unfit, None);
}

#[test]
fn markers_are_found_in_any_spelling_of_their_id() {
    // The service answers property ids in lower case; the link is read all the same (INV-7).
    let link = "8a1f3a3e-9a43-4d5b-8a6e-0d6a3f2b1c11";
    for id in [MARKER.to_owned(), MARKER.to_ascii_lowercase()] {
        let mut row = event();
        row["singleValueExtendedProperties"] = json!([{"id": id, "value": link}]);
        assert_eq!(seen(Collection::Calendar, row).marker.unwrap().to_string(), link);
    }
    let mut row = event();
    row["singleValueExtendedProperties"] = json!([{"id": MARKER, "value": "not a guid"}]);
    assert_eq!(seen(Collection::Calendar, row).marker, None);
}

/// A contact after the example of contact-get.
fn contact() -> Json {
    json!({
        "@odata.etag": "W/\"EQAAABYAAAAiIsqMbYjsT5e/T7KzowPTAAAYc8Bf\"",
        "id": "AAMkAGVmMDEzMTM4LTZmYWUtNDdkNC1hMDZi",
        "categories": [],
        "birthday": null,
        "fileAs": "",
        "displayName": "Alex Wilber",
        "givenName": "Alex",
        "middleName": null,
        "surname": "Wilber",
        "title": null,
        "homePhones": [],
        "businessPhones": [],
        "personalNotes": "",
        "children": [],
        "emailAddresses": [{"name": "Alex@FineArtSchool.net", "address": "Alex@FineArtSchool.net"}],
        "homeAddress": {},
        "businessAddress": {},
        "otherAddress": {}
    })
}

#[test]
fn a_documented_contact_is_read_in_full() {
    // The example of contact-get holds three texts; empty lists and objects are empty fields.
    let seen = seen(Collection::Contacts, contact());
    assert_eq!(seen.fields.len(), 3);
    assert_eq!(seen.fields.text(Field::FirstName), "Alex");
    assert_eq!(seen.fields.text(Field::LastName), "Wilber");
    assert_eq!(seen.fields.text(Field::Email1), "Alex@FineArtSchool.net");
    assert_eq!((seen.unfit, seen.losses), (None, vec![]));
}

#[test]
fn more_values_than_places_are_a_loss() {
    // A fourth address and a third phone have no column: the others come, with a note.
    for (name, values) in [
        ("businessPhones", json!(["1", "2", "3"])),
        ("homePhones", json!(["1", "2", "3"])),
        ("emailAddresses", json!([1, 2, 3, 4].map(|n| json!({"address": format!("{n}@x.y")})))),
    ] {
        let mut row = contact();
        row[name] = values;
        assert_eq!(seen(Collection::Contacts, row).losses, [Code::ValuesDropped], "{name}");
    }
}

#[test]
fn link_05_a_contact_is_tracked_by_its_marker_alone() {
    // The category does not work for contacts, so a marker counts; for events it does not.
    let marker = json!([{"id": MARKER, "value": "8a1f3a3e-9a43-4d5b-8a6e-0d6a3f2b1c11"}]);
    let (mut person, mut meeting) = (contact(), event());
    person["singleValueExtendedProperties"] = marker.clone();
    meeting["singleValueExtendedProperties"] = marker;
    assert!(seen(Collection::Contacts, person).exchange_facts().tracked);
    assert!(!seen(Collection::Calendar, meeting.clone()).exchange_facts().tracked);
    meeting["categories"] = json!([CATEGORY]);
    assert!(seen(Collection::Calendar, meeting).exchange_facts().tracked);
}

#[test]
fn values_beyond_the_places_survive_a_write() {
    // A write of one e-mail address keeps the others, the fourth included, with their names.
    let address = |n: u8| json!({"name": format!("N{n}"), "address": format!("{n}@x.y")});
    let mut row = contact();
    row["emailAddresses"] = json!([address(1), address(2), address(3), address(4)]);
    let before: Contact = serde_json::from_value(row).unwrap();
    let patch = vec![(Field::Email2, Some(Value::Text("new@x.y".into())))];
    let body = contact::body(&patch, Some(&before));
    let new = json!({"name": "new@x.y", "address": "new@x.y"});
    assert_eq!(body["emailAddresses"], json!([address(1), new, address(3), address(4)]));
    assert_eq!(body.len(), 1);
}

/// A task after the example of todotask-get.
fn task() -> Json {
    json!({
        "@odata.etag": "W/\"s8/ERWT3WEeFpBGD0bDgAA+TWq9g==\"",
        "importance": "low",
        "isReminderOn": false,
        "status": "notStarted",
        "title": "Shop for dinner",
        "categories": ["Important", "Urgent"],
        "id": "721a35e2-35e2-721a-e235-1a72e2351a72",
        "body": {"content": "", "contentType": "text"},
        "dueDateTime": {"dateTime": "2020-08-25T04:00:00.0000000", "timeZone": "UTC"}
    })
}

#[test]
fn a_documented_task_is_read_in_full() {
    // The example of todotask-get: the due date is a day, the reminder is never read.
    let seen = seen(Collection::Tasks, task());
    assert_eq!(seen.fields.text(Field::Subject), "Shop for dinner");
    assert_eq!(seen.fields.time(Field::Due), Some(at("2020-08-25T00:00:00Z")));
    assert_eq!(seen.fields.get(Field::TodoStatus), Some(&Value::Todo(TodoStatus::NotStarted)));
    assert_eq!(seen.fields.get(Field::Importance), Some(&Value::Importance(Importance::Low)));
    assert_eq!(seen.fields.len(), 4);
    assert_eq!((seen.unfit, seen.marker), (None, None));
}

#[test]
fn rec_10_a_recurring_task_says_so() {
    // A recurrence marks the task; null does not.
    let mut row = task();
    row["recurrence"] = json!({"pattern": {"type": "daily"}});
    assert!(seen(Collection::Tasks, row).exchange_facts().recurring);
    let mut row = task();
    row["recurrence"] = Json::Null;
    assert!(!seen(Collection::Tasks, row).exchange_facts().recurring);
}

#[test]
fn foreign_linked_resources_are_no_marker() {
    // Other applications link tasks too; of ours the one of the latest adoption counts.
    let link = |n: u128| LinkId(Uuid::from_u128(n));
    let mut row = task();
    row["linkedResources"] = json!([
        {"applicationName": "Planner", "externalId": link(1).to_string()},
        linked_resource(link(2), false),
        linked_resource(link(3), true),
    ]);
    assert_eq!(seen(Collection::Tasks, row).marker, Some(link(3)));
}

#[test]
fn one_bad_item_is_unfit_and_no_error() {
    // A member of the wrong type spoils its item alone; without an id there is no item.
    for collection in Collection::ALL {
        let row = json!({"id": "x", "@odata.etag": "e", "categories": 5});
        let seen = seen(collection, row);
        assert_eq!(seen.unfit, Some(Code::ReplyIncomplete));
        assert_eq!(seen.version, Some(Version::new("e")));
        assert!(observe(collection, json!({"subject": "x"})).is_none());
        assert!(observe(collection, json!(["x"])).is_none());
    }
}

#[test]
fn the_event_body_is_what_the_patch_names() {
    // A patch of single fields writes these members; an emptied text is the empty text.
    let patch = vec![
        (Field::Subject, None),
        (Field::Location, None),
        (Field::ReminderOn, Some(Value::Flag(false))),
        (Field::Importance, Some(Value::Importance(Importance::High))),
    ];
    let body = event::body(&patch, None);
    let expected = json!({
        "subject": "", "location": {"displayName": ""},
        "isReminderOn": false, "importance": "high",
    });
    assert_eq!(Json::Object(body), expected);
    let before: Event = serde_json::from_value(event()).unwrap();
    assert!(event::body(&Vec::new(), Some(&before)).is_empty());
}

#[test]
fn the_task_body_writes_days_and_reminders() {
    // Due is a day at 00:00 UTC, the reminder an instant, an emptied time null (TASK-OUT-03).
    let patch = vec![
        (Field::Due, Some(Value::Time(at("2026-12-05T15:00:00Z")))),
        (Field::TaskStart, None),
        (Field::ReminderOn, Some(Value::Flag(true))),
        (Field::ReminderAt, Some(Value::Time(at("2026-12-05T15:00:00Z")))),
    ];
    let expected = json!({
        "dueDateTime": {"dateTime": "2026-12-05T00:00:00", "timeZone": "UTC"},
        "startDateTime": null,
        "isReminderOn": true,
        "reminderDateTime": {"dateTime": "2026-12-05T15:00:00", "timeZone": "UTC"},
    });
    assert_eq!(Json::Object(task::body(&patch)), expected);
}

#[test]
fn fld_02_every_named_property_is_written_under_its_name() {
    // What the page of fidelity names is what a body holds: for each field of each kind.
    use crate::domain::kind::Kind;
    use crate::domain::party::Party;
    let day: chrono::DateTime<chrono::Utc> = "2026-03-04T00:00:00Z".parse().unwrap();
    let party = Party {
        address: crate::domain::ids::Address::parse("a@x.org"),
        name: "A".into(),
        row: None,
    };
    let examples = [
        Value::Text("x".into()),
        Value::Time(day),
        Value::Date(day.date_naive()),
        Value::Flag(true),
        Value::Importance(Importance::High),
        Value::ShowAs(ShowAs::Busy),
        Value::Todo(TodoStatus::Completed),
        Value::Parties(vec![party]),
    ];
    let mut named = 0;
    for kind in [Kind::Appointment, Kind::Contact, Kind::Task] {
        for column in crate::domain::direction::columns(kind) {
            let field = column.field;
            let Some(name) = property(kind, field) else { continue };
            // The status has another word on each side.
            let field = match (kind, field) {
                (Kind::Appointment, Field::State | Field::StatusReason) => Field::ShowAs,
                (_, Field::State | Field::StatusReason) => Field::TodoStatus,
                (_, Field::ActualEnd) => Field::CompletedAt,
                (_, field) => field,
            };
            let written = examples.iter().any(|value| {
                let patch: Patch = vec![(field, Some(value.clone()))];
                let body = match kind.collection() {
                    Collection::Calendar => event::body(&patch, None),
                    Collection::Contacts => contact::body(&patch, None),
                    Collection::Tasks => task::body(&patch),
                };
                let ext = contact::extended_body(&patch);
                let extended = name.strip_prefix("extended property ");
                match extended {
                    Some(id) => ext.iter().any(|one| one.id == id),
                    None => {
                        let head = name.split(['.', '[']).next().unwrap_or_default();
                        body.contains_key(head)
                    }
                }
            });
            assert!(written, "{kind} {field:?} is not written as {name}");
            named += 1;
        }
    }
    assert!(named > 60, "{named}");
}
