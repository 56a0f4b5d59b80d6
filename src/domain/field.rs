//! The fields of an item and the groups in which they change together (rules.md §2, CONF-03).
//!
//! An item is a table of fields rather than a struct a kind: mapping, direction, fingerprint
//! and merge are then each one total function over `Field`, the same for every kind.

mod options;

use serde::{Deserialize, Serialize};

pub use options::{Importance, ShowAs, TodoStatus};

use super::party::Party;
use super::recurrence::{Exception, Recurrence};

use chrono::{DateTime, NaiveDate, Utc};

/// One field of an item. The comment names the Dataverse column; rules.md §2 pairs it with Graph.
#[expect(missing_docs, reason = "the names are the vocabulary of rules.md §2")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Field {
    // Activities (rules.md §2.1, §2.6).
    Subject,
    Body,
    Importance,
    Location,
    Start,
    End,
    AllDay,
    RequiredAttendees,
    OptionalAttendees,
    Private,
    /// `scheduledend` of a task, Graph `dueDateTime`.
    Due,
    /// `scheduledstart` of a task, Graph `startDateTime`.
    TaskStart,
    // The status of an activity: each side has a vocabulary of its own (rules.md §2.2).
    /// Dynamics only: `statecode`.
    State,
    /// Dynamics only: `statuscode`.
    StatusReason,
    /// Dynamics only: `percentcomplete` of a task.
    PercentComplete,
    /// Dynamics only: `actualend` of a task.
    ActualEnd,
    /// Dynamics only: `actualstart` of a task, written on create from Exchange (TASK-IN-03).
    ActualStart,
    /// Exchange only: `showAs` of an event.
    ShowAs,
    /// Exchange only: `status` of a to-do task.
    TodoStatus,
    /// Exchange only: `completedDateTime` of a to-do task.
    CompletedAt,
    // Written by rule to Dynamics, never compared; read into facts instead.
    /// The organizer of an appointment: one party (ORG-05).
    Organizer,
    /// The owner of a row: one user (ORG-05).
    Owner,
    /// `globalobjectid` (APPT-IN-11).
    Uid,
    /// Dynamics only, for a new row: it is made only if its parties are free there (APPT-IN-06), or
    /// if no duplicate of it is found (CONF-06).
    Booking,
    /// Dynamics only, for a new row: the application makes it in its own name (ORG-04).
    ByApplication,
    /// Exchange only, read for all-day events: the zone in which the day was chosen. Dynamics keeps
    /// an all-day appointment as the instants of a local midnight.
    Zone,
    // Reminder: Exchange only, written by rule and never read back (TASK-OUT-03).
    ReminderOn,
    ReminderAt,
    // Contact (rules.md §2.5).
    FirstName,
    MiddleName,
    LastName,
    Suffix,
    Salutation,
    Nickname,
    YomiFirstName,
    YomiLastName,
    Email1,
    Email2,
    Email3,
    BusinessPhone,
    BusinessPhone2,
    HomePhone,
    HomePhone2,
    OtherPhone,
    MobilePhone,
    Pager,
    BusinessFax,
    CallbackPhone,
    CompanyPhone,
    AssistantPhone,
    AssistantName,
    ManagerName,
    SpouseName,
    Children,
    Birthday,
    Anniversary,
    Department,
    JobTitle,
    Company,
    Website,
    FtpSite,
    GovernmentId,
    Street1,
    City1,
    Region1,
    PostalCode1,
    Country1,
    Street2,
    City2,
    Region2,
    PostalCode2,
    Country2,
    Street3,
    City3,
    Region3,
    PostalCode3,
    Country3,
    /// Pattern, range, time of day and zone of a series: one value (rules.md §2.3, CONF-03).
    Recurrence,
    /// The occurrences that deviate from a series, in the order of their days (REC-07).
    Exceptions,
}

/// Fields that change and merge together.
#[expect(missing_docs, reason = "the names say it; `Field::group` lists the members")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Group {
    Subject,
    Body,
    Importance,
    Location,
    /// Start, end and all-day are one value (CONF-03).
    Time,
    Attendees,
    Status,
    Privacy,
    Due,
    TaskStart,
    Name,
    Emails,
    Phones,
    Work,
    People,
    Dates,
    Links,
    Address1,
    Address2,
    Address3,
    /// The parent company, apart from the rest of the work (CONT-08).
    Company,
    /// The files that hang on the item; compared and carried apart from the fields
    /// (`engine::files`), so no field belongs to it.
    Files,
    /// When a series takes place: pattern, range, time of day and zone are one value.
    Recurrence,
    /// The deviating occurrences of a series are one value: none is half-synchronized.
    Exceptions,
}

impl Field {
    /// Returns the group a field belongs to, or nothing for a field that is written by rule only
    /// and takes no part in comparison.
    #[must_use]
    pub const fn group(self) -> Option<Group> {
        Some(match self {
            Self::Subject => Group::Subject,
            Self::Body => Group::Body,
            Self::Importance => Group::Importance,
            Self::Location => Group::Location,
            Self::Start | Self::End | Self::AllDay => Group::Time,
            Self::RequiredAttendees | Self::OptionalAttendees => Group::Attendees,
            Self::Private => Group::Privacy,
            Self::Due => Group::Due,
            Self::TaskStart => Group::TaskStart,
            Self::State
            | Self::StatusReason
            | Self::PercentComplete
            | Self::ActualEnd
            | Self::ShowAs
            | Self::TodoStatus
            | Self::CompletedAt => Group::Status,
            Self::ActualStart
            | Self::Organizer
            | Self::Owner
            | Self::Uid
            | Self::Booking
            | Self::ByApplication
            | Self::Zone
            | Self::ReminderOn
            | Self::ReminderAt => return None,
            Self::FirstName
            | Self::MiddleName
            | Self::LastName
            | Self::Suffix
            | Self::Salutation
            | Self::Nickname
            | Self::YomiFirstName
            | Self::YomiLastName => Group::Name,
            Self::Email1 | Self::Email2 | Self::Email3 => Group::Emails,
            Self::BusinessPhone
            | Self::BusinessPhone2
            | Self::HomePhone
            | Self::HomePhone2
            | Self::OtherPhone
            | Self::MobilePhone
            | Self::Pager
            | Self::BusinessFax
            | Self::CallbackPhone
            | Self::CompanyPhone
            | Self::AssistantPhone => Group::Phones,
            Self::Department | Self::JobTitle => Group::Work,
            Self::Company => Group::Company,
            Self::AssistantName | Self::ManagerName | Self::SpouseName | Self::Children => {
                Group::People
            }
            Self::Birthday | Self::Anniversary => Group::Dates,
            Self::Website | Self::FtpSite | Self::GovernmentId => Group::Links,
            Self::Street1 | Self::City1 | Self::Region1 | Self::PostalCode1 | Self::Country1 => {
                Group::Address1
            }
            Self::Street2 | Self::City2 | Self::Region2 | Self::PostalCode2 | Self::Country2 => {
                Group::Address2
            }
            Self::Street3 | Self::City3 | Self::Region3 | Self::PostalCode3 | Self::Country3 => {
                Group::Address3
            }
            Self::Recurrence => Group::Recurrence,
            Self::Exceptions => Group::Exceptions,
        })
    }
}

/// The value of one field. Absence of a field means empty; there is no empty text.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text, lines parted by `\n`.
    Text(String),
    /// A body with markup, reduced to what may travel (`domain::markup`, APPT-OUT-13).
    Html(String),
    /// An instant.
    Time(DateTime<Utc>),
    /// A day without a time.
    Date(NaiveDate),
    /// Yes or no.
    Flag(bool),
    /// An option set value, a percentage.
    Number(i64),
    /// Low, normal or high.
    Importance(Importance),
    /// Free, busy and the like.
    ShowAs(ShowAs),
    /// The status of a to-do task.
    Todo(TodoStatus),
    /// Attendees.
    Parties(Vec<Party>),
    /// When a series takes place.
    Recurrence(Box<Recurrence>),
    /// What deviates from a series. In a patch: what is to be changed, occurrence by occurrence.
    Exceptions(Vec<Exception>),
}

impl Value {
    /// Returns the parties; none for any other value.
    #[must_use]
    pub fn as_parties(&self) -> &[Party] {
        if let Self::Parties(parties) = self { parties } else { &[] }
    }
}

/// The fields that an item holds, in order, each at most once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields(Vec<(Field, Value)>);

impl Fields {
    /// Returns an empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Returns the value of a field, or nothing when it is empty.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&Value> {
        let at = self.0.binary_search_by_key(&field, |(name, _)| *name).ok()?;
        Some(&self.0[at].1)
    }

    /// Sets a field, or empties it.
    pub fn set(&mut self, field: Field, value: Option<Value>) {
        match (self.0.binary_search_by_key(&field, |(name, _)| *name), value) {
            (Ok(at), Some(value)) => self.0[at].1 = value,
            (Ok(at), None) => {
                self.0.remove(at);
            }
            (Err(at), Some(value)) => self.0.insert(at, (field, value)),
            (Err(_), None) => {}
        }
    }

    /// Returns all fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (Field, &Value)> {
        self.0.iter().map(|(field, value)| (*field, value))
    }

    /// Returns the number of fields that are not empty.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether every field is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the text of a field, empty when it is absent or no text.
    #[must_use]
    pub fn text(&self, field: Field) -> &str {
        if let Some(Value::Text(text)) = self.get(field) { text } else { "" }
    }

    /// Returns the instant of a field.
    #[must_use]
    pub fn time(&self, field: Field) -> Option<DateTime<Utc>> {
        if let Some(Value::Time(time)) = self.get(field) { Some(*time) } else { None }
    }

    /// Returns the number of a field.
    #[must_use]
    pub fn number(&self, field: Field) -> Option<i64> {
        if let Some(Value::Number(number)) = self.get(field) { Some(*number) } else { None }
    }

    /// Returns the flag of a field, false when it is absent.
    #[must_use]
    pub fn flag(&self, field: Field) -> bool {
        matches!(self.get(field), Some(Value::Flag(true)))
    }

    /// Returns when a series takes place; nothing for an item that is no series.
    #[must_use]
    pub fn recurrence(&self) -> Option<&Recurrence> {
        if let Some(Value::Recurrence(it)) = self.get(Field::Recurrence) { Some(it) } else { None }
    }

    /// Returns what deviates from a series.
    #[must_use]
    pub fn exceptions(&self) -> &[Exception] {
        if let Some(Value::Exceptions(it)) = self.get(Field::Exceptions) { it } else { &[] }
    }

    /// Returns the parties of a field.
    #[must_use]
    pub fn parties(&self, field: Field) -> &[Party] {
        if let Some(Value::Parties(parties)) = self.get(field) { parties } else { &[] }
    }

    /// Tells whether two tables invite the same people in the same roles.
    #[must_use]
    pub fn invites_alike(&self, other: &Self) -> bool {
        [Field::RequiredAttendees, Field::OptionalAttendees].into_iter().all(|field| {
            let [mut here, mut there] = [self, other].map(|one| {
                let parties = one.parties(field).iter();
                let name = |party: &'_ Party| {
                    party.address.as_ref().map_or(party.name.clone(), |it| it.as_str().to_owned())
                };
                parties.map(name).collect::<Vec<String>>()
            });
            here.sort_unstable();
            there.sort_unstable();
            here == there
        })
    }
}

impl FromIterator<(Field, Value)> for Fields {
    fn from_iter<I: IntoIterator<Item = (Field, Value)>>(iter: I) -> Self {
        let mut fields = Self::new();
        for (field, value) in iter {
            fields.set(field, Some(value));
        }
        fields
    }
}

/// What a write changes: a new value, or `None` to empty the field. Fields not named stay.
pub type Patch = Vec<(Field, Option<Value>)>;
