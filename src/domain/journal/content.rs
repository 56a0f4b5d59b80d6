//! The content of a kept version as bytes, before it is sealed: JSON by the names of the fields.
//!
//! Names, not numbers: what was kept by one version of the program is restored by another. A name
//! that this program does not know is an error, so that nothing is restored in part.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::KeptContent;
use super::series::{self, StoredSeries};
use crate::domain::field::{Field, Fields, Importance, ShowAs, TodoStatus, Value};
use crate::domain::ids::{Address, GlobalId, UserId};
use crate::domain::party::{Party, PartyRow, PartyTable};
use crate::domain::recurrence::Exception;

/// The kept bytes are not what this program writes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the kept version cannot be read: it was written by another version of the program")]
pub struct Unreadable;

#[derive(Serialize, Deserialize)]
struct Stored {
    fields: Vec<(Field, StoredValue)>,
    owner: Option<UserId>,
    organizer: Option<UserId>,
    uid: Option<GlobalId>,
    tracked: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredValue {
    Text(String),
    Html(String),
    /// Seconds and nanoseconds.
    Time(i64, u32),
    Date(NaiveDate),
    Flag(bool),
    Number(i64),
    Importance(u8),
    ShowAs(u8),
    Todo(u8),
    Parties(Vec<StoredParty>),
    Recurrence(Box<StoredSeries>),
    /// Day, and what differs on it; nothing for a deleted occurrence.
    Exceptions(Vec<(NaiveDate, Option<StoredPatch>)>),
}

type StoredPatch = Vec<(Field, Option<StoredValue>)>;

#[derive(Serialize, Deserialize)]
struct StoredParty {
    address: Option<String>,
    name: String,
    row: Option<(u8, Uuid)>,
}

/// Returns the content as bytes.
#[must_use]
pub fn encode(content: &KeptContent) -> Vec<u8> {
    let stored = Stored {
        fields: content.fields.iter().map(|(field, value)| (field, stored(value))).collect(),
        owner: content.owner,
        organizer: content.organizer,
        uid: content.uid.clone(),
        tracked: content.tracked,
    };
    // Text keys and finite values: this cannot fail; an empty text is refused by `decode`.
    serde_json::to_vec(&stored).unwrap_or_default()
}

/// Returns the content of bytes.
///
/// # Errors
/// Fails for what this program did not write.
pub fn decode(bytes: &[u8]) -> Result<KeptContent, Unreadable> {
    let stored: Stored = serde_json::from_slice(bytes).map_err(|_| Unreadable)?;
    let mut fields = Fields::new();
    for (field, value) in stored.fields {
        fields.set(field, Some(restored(value)?));
    }
    Ok(KeptContent {
        fields,
        owner: stored.owner,
        organizer: stored.organizer,
        uid: stored.uid,
        tracked: stored.tracked,
    })
}

const IMPORTANCES: [Importance; 3] = [Importance::Low, Importance::Normal, Importance::High];
const SHOW_AS: [ShowAs; 6] = [
    ShowAs::Free,
    ShowAs::Tentative,
    ShowAs::Busy,
    ShowAs::Oof,
    ShowAs::WorkingElsewhere,
    ShowAs::Unknown,
];
const TODO: [TodoStatus; 5] = [
    TodoStatus::NotStarted,
    TodoStatus::InProgress,
    TodoStatus::Completed,
    TodoStatus::WaitingOnOthers,
    TodoStatus::Deferred,
];
const TABLES: [PartyTable; 5] = [
    PartyTable::SystemUser,
    PartyTable::Contact,
    PartyTable::Lead,
    PartyTable::Account,
    PartyTable::Queue,
];

/// Returns the place of a value in one of the lists above, which hold every value.
fn place<T: PartialEq>(list: &[T], value: &T) -> u8 {
    let at = list.iter().position(|one| one == value);
    at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
}

fn at<T: Copy>(list: &[T], place: u8) -> Result<T, Unreadable> {
    list.get(usize::from(place)).copied().ok_or(Unreadable)
}

fn stored(value: &Value) -> StoredValue {
    match value {
        Value::Text(text) => StoredValue::Text(text.clone()),
        Value::Html(text) => StoredValue::Html(text.clone()),
        Value::Time(time) => StoredValue::Time(time.timestamp(), time.timestamp_subsec_nanos()),
        Value::Date(date) => StoredValue::Date(*date),
        Value::Flag(flag) => StoredValue::Flag(*flag),
        Value::Number(number) => StoredValue::Number(*number),
        Value::Importance(importance) => StoredValue::Importance(place(&IMPORTANCES, importance)),
        Value::ShowAs(show_as) => StoredValue::ShowAs(place(&SHOW_AS, show_as)),
        Value::Todo(status) => StoredValue::Todo(place(&TODO, status)),
        Value::Parties(parties) => StoredValue::Parties(parties.iter().map(party).collect()),
        Value::Recurrence(it) => StoredValue::Recurrence(Box::new(series::stored(it))),
        Value::Exceptions(list) => StoredValue::Exceptions(list.iter().map(occurrence).collect()),
    }
}

fn occurrence(one: &Exception) -> (NaiveDate, Option<StoredPatch>) {
    let change = one.change.as_ref().map(|patch| {
        patch.iter().map(|(field, value)| (*field, value.as_ref().map(stored))).collect()
    });
    (one.day, change)
}

fn restored_occurrence(
    (day, change): (NaiveDate, Option<StoredPatch>),
) -> Result<Exception, Unreadable> {
    let value = |(field, value): (Field, Option<StoredValue>)| {
        Ok((field, value.map(restored).transpose()?))
    };
    let patch = |patch: StoredPatch| patch.into_iter().map(value).collect::<Result<_, _>>();
    Ok(Exception { day, change: change.map(patch).transpose()? })
}

fn party(party: &Party) -> StoredParty {
    StoredParty {
        address: party.address.as_ref().map(|address| address.as_str().to_owned()),
        name: party.name.clone(),
        row: party.row.map(|row| (place(&TABLES, &row.table), row.id)),
    }
}

fn restored(value: StoredValue) -> Result<Value, Unreadable> {
    Ok(match value {
        StoredValue::Text(text) => Value::Text(text),
        StoredValue::Html(text) => Value::Html(text),
        StoredValue::Time(seconds, nanos) => {
            Value::Time(DateTime::<Utc>::from_timestamp(seconds, nanos).ok_or(Unreadable)?)
        }
        StoredValue::Date(date) => Value::Date(date),
        StoredValue::Flag(flag) => Value::Flag(flag),
        StoredValue::Number(number) => Value::Number(number),
        StoredValue::Importance(place) => Value::Importance(at(&IMPORTANCES, place)?),
        StoredValue::ShowAs(place) => Value::ShowAs(at(&SHOW_AS, place)?),
        StoredValue::Todo(place) => Value::Todo(at(&TODO, place)?),
        StoredValue::Parties(parties) => {
            Value::Parties(parties.into_iter().map(restored_party).collect::<Result<_, _>>()?)
        }
        StoredValue::Recurrence(it) => Value::Recurrence(Box::new(series::restored(*it)?)),
        StoredValue::Exceptions(list) => {
            Value::Exceptions(list.into_iter().map(restored_occurrence).collect::<Result<_, _>>()?)
        }
    })
}

fn restored_party(party: StoredParty) -> Result<Party, Unreadable> {
    let row = party.row.map(|(table, id)| Ok(PartyRow { table: at(&TABLES, table)?, id }));
    Ok(Party {
        address: party.address.as_deref().and_then(Address::parse),
        name: party.name,
        row: row.transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_comes_back() {
        // What was kept is restored exactly: each kind of value, absent and present parts.
        let party = Party {
            address: Address::parse("Ann@Contoso.Example"),
            name: "Ann \"A\" Lee".to_owned(),
            row: Some(PartyRow { table: PartyTable::Lead, id: Uuid::from_u128(5) }),
        };
        let bare = Party { address: None, name: "Bo".to_owned(), row: None };
        let time = DateTime::from_timestamp(1_800_000_000, 7).unwrap();
        let fields: Fields = [
            (Field::Subject, Value::Text("Grüße\n\u{1F600}".to_owned())),
            (Field::Body, Value::Html("<b>Agenda</b>".to_owned())),
            (Field::Start, Value::Time(time)),
            (Field::Birthday, Value::Date(NaiveDate::from_ymd_opt(1970, 2, 28).unwrap())),
            (Field::AllDay, Value::Flag(true)),
            (Field::State, Value::Number(-3)),
            (Field::Importance, Value::Importance(Importance::High)),
            (Field::ShowAs, Value::ShowAs(ShowAs::WorkingElsewhere)),
            (Field::TodoStatus, Value::Todo(TodoStatus::Deferred)),
            (Field::RequiredAttendees, Value::Parties(vec![party, bare])),
        ]
        .into_iter()
        .collect();
        let content = KeptContent {
            fields,
            owner: Some(UserId(Uuid::from_u128(1))),
            organizer: None,
            uid: Some(GlobalId::new("0400")),
            tracked: true,
        };
        assert_eq!(decode(&encode(&content)), Ok(content));
        assert_eq!(decode(&encode(&KeptContent::default())), Ok(KeptContent::default()));
        assert_eq!(decode(b"{\"fields\":[[\"NoSuchField\",{\"flag\":true}]]}"), Err(Unreadable));
        assert_eq!(decode(b""), Err(Unreadable));
    }
}
