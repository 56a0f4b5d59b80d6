//! Facts that a decision rests on: names, flags, numbers, instants and ids, never content.
//!
//! They are named after what an operator can look up or change. Names are written to the journal
//! as text, so a name that was stored once is never given another meaning.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::field::Group;

macro_rules! facts {
    ($($name:ident = $text:literal: $phrase:literal,)*) => {
        /// What a fact is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FactName { $(#[doc = $phrase] $name,)* }

        impl FactName {
            /// All names, in the order in which facts are shown.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the name in JSON and in the journal.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Returns the name in words.
            #[must_use]
            pub const fn phrase(self) -> &'static str {
                match self { $(Self::$name => $phrase,)* }
            }
        }
    };
}

facts! {
    Row = "row": "the row in Dynamics",
    Item = "item": "the item in Exchange",
    Link = "link": "the pair as remembered",
    RowStands = "row-stands": "the row against the last agreement",
    ItemStands = "item-stands": "the item against the last agreement",
    RowChanged = "row-changed": "changed in Dynamics since the last agreement",
    ItemChanged = "item-changed": "changed in Exchange since the last agreement",
    Role = "role": "this mailbox in the meeting",
    Origin = "origin": "where the item was seen first",
    MatchedBefore = "matched-before": "a filter returned the row before",
    Marked = "marked": "the item carries a marker",
    Tracked = "tracked": "the item carries a tracking signal",
    TaggedBefore = "tagged-before": "the item carried the category before",
    Named = "meeting-identity": "the row names a meeting",
    RowOrganizer = "row-organizer": "the organizer by the row",
    ItemOrganizer = "item-organizer": "the organizer by the item",
    Owner = "owner": "the owner of the row",
    Start = "start": "start",
    Now = "now": "evaluated at",
    Future = "future": "it starts in the future",
    RowAttendees = "row-attendees": "attendees of the row",
    ItemAttendees = "item-attendees": "attendees of the item",
    RowState = "row-state": "state of the row",
    ItemCompleted = "item-completed": "the item is completed",
    Recurring = "recurring": "it is a series, or part of one",
    Copy = "copy": "its marker belongs to another item",
    Trouble = "trouble": "what failed last",
    Attempts = "attempts": "attempts so far",
    AttemptsAllowed = "item_attempts": "limits.item_attempts",
    DistinctDeletes = "DistinctPhysicalAndLogicalDeletesForExchangeSync": "DistinctPhysicalAndLogicalDeletesForExchangeSync",
    PropagateCancellations = "SSSPropagateAppointmentCancellationsToExchange": "SSSPropagateAppointmentCancellationsToExchange",
    TaskDeletion = "SSSTaskDeletionSyncBehaviorFromExchange": "SSSTaskDeletionSyncBehaviorFromExchange",
    SyncPrivate = "SSSSyncAppointmentIsPrivateFromExchange": "SSSSyncAppointmentIsPrivateFromExchange",
    TrackCategorized = "TrackCategorizedItems": "TrackCategorizedItems",
    ResolveInactive = "ResolveForInactiveEntities": "ResolveForInactiveEntities",
    CreatePeople = "AutoCreateContactOnPromote": "AutoCreateContactOnPromote",
    IgnoreCopies = "IgnoreCopiedItemsInSSSForMailbox": "IgnoreCopiedItemsInSSSForMailbox",
    Conflict = "policy.conflict": "policy.conflict",
    KeepContacts = "policy.contact_delete_from_exchange": "policy.contact_delete_from_exchange is never",
    PlainBooking = "policy.booking": "policy.booking is plain",
    Addresses = "policy.contact_addresses": "policy.contact_addresses is all",
    AddressesBefore = "addresses-before": "all addresses took part in the last agreement",
    SecuredColumns = "secured-columns": "secured columns that are not open to the user",
    StatusReason = "policy.preserve_status_reason": "policy.preserve_status_reason",
    LiteralReminder = "policy.literal_task_reminder": "policy.literal_task_reminder",
    Strangers = "autocreatecontactonpromote": "what the user wants of unknown people",
    NewPerson = "new-person": "the contact or lead of an attendee whom no row knew",
    Writes = "writes": "groups to write",
    Mails = "mails": "people whom Exchange mails",
    Note = "note": "noted beside the code",
    Folder = "folder": "the item lies in a synchronized folder",
    Window = "window": "inside the window of the calendar feed",
    Filters = "filters": "active filters of the table",
    FiltersMatching = "filters-matching": "filters that return the row",
}

/// What a fact says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactValue {
    /// Yes or no.
    Flag(bool),
    /// A number.
    Count(u32),
    /// An instant.
    Time(DateTime<Utc>),
    /// A word of the program's own vocabulary; never a word of the item.
    Word(Box<str>),
    /// An id.
    Id(Uuid),
    /// Field groups.
    Groups(Vec<Group>),
}

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub name: FactName,
    /// What it says.
    pub value: FactValue,
}

impl Fact {
    /// Builds a fact that is a word of the program.
    #[must_use]
    pub fn word(name: FactName, word: &'static str) -> Self {
        Self { name, value: FactValue::Word(word.into()) }
    }

    /// Builds a fact that is true or not.
    #[must_use]
    pub const fn flag(name: FactName, flag: bool) -> Self {
        Self { name, value: FactValue::Flag(flag) }
    }

    /// Builds a fact that is a number.
    #[must_use]
    pub const fn count(name: FactName, count: u32) -> Self {
        Self { name, value: FactValue::Count(count) }
    }
}

impl fmt::Display for FactValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(true) => f.write_str("yes"),
            Self::Flag(false) => f.write_str("no"),
            Self::Count(count) => count.fmt(f),
            Self::Time(time) => time.format("%Y-%m-%dT%H:%M:%SZ").fmt(f),
            Self::Word(word) => f.write_str(word),
            Self::Id(id) => id.fmt(f),
            Self::Groups(groups) if groups.is_empty() => f.write_str("nothing"),
            Self::Groups(groups) => {
                let names: Vec<String> =
                    groups.iter().map(|group| format!("{group:?}").to_lowercase()).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}
