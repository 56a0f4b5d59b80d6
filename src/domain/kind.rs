//! The kinds of items, and how they pair with Exchange's collections.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of an item, named after its Dataverse table. No e-mail is among them (ELIG-01), nor a
/// message of an inbox (LINK-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// `appointment` ↔ event (APPT-OUT-01).
    Appointment,
    /// `contact` ↔ contact (CONT-01).
    Contact,
    /// `task` ↔ to-do task (TASK-OUT-01).
    Task,
    /// `phonecall` ↔ to-do task.
    PhoneCall,
    /// `letter` ↔ to-do task.
    Letter,
    /// `fax` ↔ to-do task.
    Fax,
    /// `recurringappointmentmaster` ↔ series (REC-01).
    RecurringAppointment,
    /// `serviceappointment` → an event without attendees in each syncing user's calendar (SVC-01).
    ServiceAppointment,
}

/// Where items of a kind live in a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Collection {
    /// The main calendar (LINK-04).
    Calendar,
    /// The default contact folder.
    Contacts,
    /// The default To Do list.
    Tasks,
}

impl Collection {
    /// All collections.
    pub const ALL: [Self; 3] = [Self::Calendar, Self::Contacts, Self::Tasks];

    /// Returns the kind that a new item of this collection becomes in Dynamics
    /// (TASK-IN-01: a new task is always a `task`).
    #[must_use]
    pub const fn new_kind(self) -> Kind {
        match self {
            Self::Calendar => Kind::Appointment,
            Self::Contacts => Kind::Contact,
            Self::Tasks => Kind::Task,
        }
    }
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Appointment,
        Self::Contact,
        Self::Task,
        Self::PhoneCall,
        Self::Letter,
        Self::Fax,
        Self::RecurringAppointment,
        Self::ServiceAppointment,
    ];

    /// Returns the collection of Exchange in which items of this kind live.
    #[must_use]
    pub const fn collection(self) -> Collection {
        match self {
            Self::Appointment | Self::RecurringAppointment | Self::ServiceAppointment => {
                Collection::Calendar
            }
            Self::Contact => Collection::Contacts,
            Self::Task | Self::PhoneCall | Self::Letter | Self::Fax => Collection::Tasks,
        }
    }

    /// Tells whether items of this kind have an organizer who invites: appointments and series.
    #[must_use]
    pub const fn is_meeting(self) -> bool {
        match self {
            Self::Appointment | Self::RecurringAppointment => true,
            Self::Contact
            | Self::Task
            | Self::PhoneCall
            | Self::Letter
            | Self::Fax
            | Self::ServiceAppointment => false,
        }
    }

    /// Returns the logical name of the Dataverse table.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::Appointment => "appointment",
            Self::Contact => "contact",
            Self::Task => "task",
            Self::PhoneCall => "phonecall",
            Self::Letter => "letter",
            Self::Fax => "fax",
            Self::RecurringAppointment => "recurringappointmentmaster",
            Self::ServiceAppointment => "serviceappointment",
        }
    }

    /// Returns the kind of a Dataverse table, or nothing for a table outside this program.
    #[must_use]
    pub fn from_table(table: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.table() == table)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.table())
    }
}
