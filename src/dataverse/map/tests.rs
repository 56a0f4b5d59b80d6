//! Rows in, bodies out.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::party::RawParty;
use super::*;
use crate::domain::code::Code;
use crate::domain::field::{Importance, Patch, Value};
use crate::domain::ids::{Address, NativeId, UserId};
use crate::domain::observation::{Observation, Presence};
use crate::domain::party::{Party, PartyRow, PartyTable};

const ID: Uuid = Uuid::from_u128(0xA);

fn id() -> NativeId {
    NativeId::new(ID.to_string())
}

/// A complete reply whose columns are all empty.
fn empty_row(table: &Table) -> Json {
    let mut row: serde_json::Map<String, Json> =
        table.selected().map(|name| (name, Json::Null)).collect();
    row.insert(table.key.into(), json!(ID.to_string()));
    row.insert("versionnumber".into(), json!(17));
    if let Some(parties) = table.parties {
        row.insert(parties.into(), json!([]));
    }
    Json::Object(row)
}

fn observe(table: &Table, row: &Json) -> Observation {
    read::observe(table, &id(), row, Presence::Present)
}

fn example(column: &Column) -> Value {
    let time: DateTime<Utc> = "2026-03-04T05:06:07Z".parse().unwrap();
    match column.shape {
        Shape::Text | Shape::Lookup => Value::Text(column.name[..3].to_owned()),
        Shape::Lines => Value::Text("1 Way\nB 2\nfloor 3".into()),
        Shape::Instant => Value::Time(time),
        Shape::Day => Value::Date(time.date_naive()),
        Shape::Flag => Value::Flag(true),
        Shape::Number => Value::Number(3),
        Shape::Importance => Value::Importance(Importance::High),
    }
}

fn merged(row: &Json, body: serde_json::Map<String, Json>) -> Json {
    let mut row = row.as_object().unwrap().clone();
    row.extend(body);
    Json::Object(row)
}

#[test]
fn every_field_survives_the_way_out_and_back() {
    // What is written to the columns of any kind is read from them again, field by field.
    for kind in Kind::ALL {
        let table = Table::of(kind);
        let columns = || table.columns.iter().filter(|column| column.shape != Shape::Lookup);
        let patch: Patch = columns().map(|column| (column.field, Some(example(column)))).collect();
        let written = write::body(table, &patch, &[]).unwrap();
        assert_eq!(written.losses, []);
        let seen = observe(table, &merged(&empty_row(table), written.body));
        for column in columns() {
            assert_eq!(seen.fields.get(column.field), Some(&example(column)), "{}", column.name);
        }
        assert_eq!(seen.version.unwrap().as_str(), "17");
        assert_ne!(seen.unfit, Some(Code::ReplyIncomplete));
    }
}

#[test]
fn emptied_fields_are_sent_as_empty() {
    // None empties a column; a flag and an importance have a neutral value instead of none.
    let table = Table::of(Kind::Appointment);
    let patch: Patch =
        [Field::Subject, Field::Start, Field::AllDay, Field::Importance].map(|f| (f, None)).into();
    let body = Json::Object(write::body(table, &patch, &[]).unwrap().body);
    let golden = json!({ "subject": null, "scheduledstart": null, "isalldayevent": false,
        "prioritycode": 1 });
    assert_eq!(body, golden);
}

#[test]
fn fld_05_a_long_text_is_cut_and_noted() {
    // Columns count UTF-16 units and a character is never split.
    let table = Table::of(Kind::Contact);
    let suffix = "12345678\u{1F600}\u{1F600}".to_owned();
    let patch: Patch = vec![(Field::Suffix, Some(Value::Text(suffix)))];
    let written = write::body(table, &patch, &[]).unwrap();
    assert_eq!(written.body["suffix"], json!("12345678\u{1F600}"));
    assert_eq!(written.losses, [Code::TextTruncated]);
}

#[test]
fn a_street_of_more_than_three_lines_keeps_them_all() {
    // The lines beyond the third join it; a shorter street empties the others.
    let table = Table::of(Kind::Contact);
    let street = |text: &str| {
        let patch: Patch = vec![(Field::Street1, Some(Value::Text(text.into())))];
        Json::Object(write::body(table, &patch, &[]).unwrap().body)
    };
    let long = json!({ "address1_line1": "a", "address1_line2": "b", "address1_line3": "c, d" });
    assert_eq!(street("a\nb\nc\nd"), long);
    let short = json!({ "address1_line1": "a", "address1_line2": null, "address1_line3": null });
    assert_eq!(street("a"), short);
}

#[test]
fn what_no_column_holds_is_noted_or_refused() {
    // The company is never written; a date before 1753 is refused.
    let contact = Table::of(Kind::Contact);
    let patch: Patch = vec![(Field::Company, Some(Value::Text("C".into())))];
    let written = write::body(contact, &patch, &[]).unwrap();
    assert!(written.body.is_empty());
    assert_eq!(written.losses, [Code::ValuesDropped]);
    let early = NaiveDate::from_ymd_opt(1600, 1, 1);
    let patch: Patch = vec![(Field::Birthday, early.map(Value::Date))];
    assert_eq!(write::body(contact, &patch, &[]), Err(Code::DateOutOfRange));
}

#[test]
fn an_incomplete_reply_is_unfit() {
    // A selected column that is missing altogether, or a missing party list, is no empty value.
    let table = Table::of(Kind::Appointment);
    for missing in ["subject", "versionnumber", "appointment_activity_parties"] {
        let mut row = empty_row(table);
        row.as_object_mut().unwrap().remove(missing);
        assert_eq!(observe(table, &row).unfit, Some(Code::ReplyIncomplete), "{missing}");
    }
    assert_eq!(observe(table, &empty_row(table)).unfit, None);
    assert_eq!(observe(table, &json!("nonsense")).unfit, Some(Code::ReplyIncomplete));
}

#[test]
fn a_date_that_cannot_be_read_is_unfit() {
    // Values beyond the calendar make the item unfit instead of stopping the mailbox.
    let row = merged(
        &empty_row(Table::of(Kind::Contact)),
        [("birthdate".to_owned(), json!("99999-01-01"))].into_iter().collect(),
    );
    assert_eq!(observe(Table::of(Kind::Contact), &row).unfit, Some(Code::DateOutOfRange));
}

#[test]
fn rec_01_parts_of_a_series_are_unsupported() {
    // An occurrence of a series is an appointment row of another instance type.
    let row = merged(
        &empty_row(Table::of(Kind::Appointment)),
        [("instancetypecode".to_owned(), json!(2))].into_iter().collect(),
    );
    assert_eq!(observe(Table::of(Kind::Appointment), &row).unfit, Some(Code::RecurringUnsupported));
}

fn raw(role: i64, address: Option<&str>, row: Option<(&str, u128)>) -> RawParty {
    RawParty {
        role,
        address: address.map(str::to_owned),
        name: "N".into(),
        row: row.map(|(table, id)| (table.to_owned(), Uuid::from_u128(id))),
    }
}

#[test]
fn org_01_people_and_owner_are_read() {
    // Attendees become fields, organizer and owner facts; other roles are none of them.
    let party = |role: i64, table: &str, id: u128, address: &str| {
        json!({ "participationtypemask": role, "addressused": address,
            "unresolvedpartyname": null, "_partyid_value": Uuid::from_u128(id).to_string(),
            "_partyid_value@Microsoft.Dynamics.CRM.lookuplogicalname": table,
            "_partyid_value@OData.Community.Display.V1.FormattedValue": "N" })
    };
    let owner = json!(Uuid::from_u128(9).to_string());
    let columns = [
        ("_ownerid_value".to_owned(), owner),
        ("_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname".to_owned(), json!("systemuser")),
        (
            "appointment_activity_parties".to_owned(),
            json!([
                party(5, "contact", 1, "A@x.org"),
                { "participationtypemask": 6, "addressused": "b@x.org" },
                party(7, "systemuser", 2, "c@x.org"),
                party(9, "systemuser", 2, "c@x.org"),
            ]),
        ),
    ];
    let table = Table::of(Kind::Appointment);
    let seen = observe(table, &merged(&empty_row(table), columns.into_iter().collect()));
    let row = PartyRow { table: PartyTable::Contact, id: Uuid::from_u128(1) };
    let required = Party { address: Address::parse("a@x.org"), name: "N".into(), row: Some(row) };
    assert_eq!(seen.fields.parties(Field::RequiredAttendees), [required]);
    let optional = Party { address: Address::parse("b@x.org"), name: String::new(), row: None };
    assert_eq!(seen.fields.parties(Field::OptionalAttendees), [optional]);
    let facts = seen.dynamics_facts();
    assert_eq!(facts.organizer, Some(UserId(Uuid::from_u128(2))));
    assert_eq!(facts.owner, Some(UserId(Uuid::from_u128(9))));
}

#[test]
fn parties_of_a_list_count_when_they_are_all_there() {
    // Beside them stands a link to the same parties; with a page in it, or beside none, some are missing.
    let link = "https://org/appointments(1)/appointment_activity_parties?$select=addressused";
    let row = |parties: Json, link: Json| {
        json!({ "appointment_activity_parties": parties,
                "appointment_activity_parties@odata.nextLink": link })
    };
    let one = json!([{ "participationtypemask": 5, "addressused": "a@example.org" }]);
    let count = |row: &Json| Some(party::parse(row, "appointment_activity_parties")?.len());
    assert_eq!(count(&row(one.clone(), json!(link))), Some(1));
    assert_eq!(count(&row(one.clone(), json!(format!("{link}&$skiptoken=2")))), None);
    assert_eq!(count(&row(one.clone(), json!({}))), None);
    assert_eq!(count(&row(json!([]), json!(link))), None);
    assert_eq!(count(&json!({ "appointment_activity_parties": [] })), Some(0));
}

#[test]
fn a_written_party_list_keeps_the_other_roles() {
    // A list replaces all parties, so organizer and resources go along; owner and regarding are
    // kept by the server.
    let standing = [
        raw(5, Some("old@x.org"), None),
        raw(7, Some("o@x.org"), Some(("systemuser", 7))),
        raw(8, None, Some(("account", 8))),
        raw(9, None, Some(("systemuser", 7))),
        raw(10, None, Some(("equipment", 10))),
    ];
    let new = Party { address: Address::parse("new@x.org"), name: "N".into(), row: None };
    let patch: Patch = vec![
        (Field::RequiredAttendees, Some(Value::Parties(vec![new]))),
        (Field::OptionalAttendees, None),
    ];
    assert!(party::touched_in_part(&patch));
    let written = write::body(Table::of(Kind::Appointment), &patch, &standing).unwrap();
    let golden = json!([
        { "partyid_systemuser@odata.bind": format!("/systemusers({})", Uuid::from_u128(7)),
          "participationtypemask": 7 },
        { "addressused": "new@x.org", "participationtypemask": 5 },
        { "partyid_equipment@odata.bind": format!("/equipments({})", Uuid::from_u128(10)),
          "participationtypemask": 10 },
    ]);
    assert_eq!(written.body["appointment_activity_parties"], golden);
    assert_eq!(written.losses, []);
}

#[test]
fn org_05_owner_organizer_and_uid_are_written() {
    // A create from Exchange names who owns and who organizes, and the identity of the meeting.
    let row = PartyRow { table: PartyTable::SystemUser, id: Uuid::from_u128(3) };
    let user = Party { address: None, name: String::new(), row: Some(row) };
    let patch: Patch = vec![
        (Field::Organizer, Some(Value::Parties(vec![user.clone()]))),
        (Field::Owner, Some(Value::Parties(vec![user]))),
        (Field::Uid, Some(Value::Text("0400".into()))),
    ];
    let body = Json::Object(write::body(Table::of(Kind::Appointment), &patch, &[]).unwrap().body);
    let target = format!("/systemusers({})", Uuid::from_u128(3));
    let golden = json!({
        "ownerid@odata.bind": target,
        "globalobjectid": "0400",
        "appointment_activity_parties": [
            { "partyid_systemuser@odata.bind": target, "participationtypemask": 7 }],
    });
    assert_eq!(body, golden);
}

#[test]
fn an_unreadable_row_shows_no_content() {
    // Of a row that the user may not read, version and facts are known, fields are not.
    let table = Table::of(Kind::Task);
    let row =
        merged(&empty_row(table), [("subject".to_owned(), json!("secret"))].into_iter().collect());
    let seen = read::observe_unreadable(table, &id(), &row);
    assert!(seen.fields.is_empty());
    assert_eq!(seen.presence, Presence::Unreadable);
    assert_eq!(seen.version.unwrap().as_str(), "17");
}
