//! Which field groups of a kind take part in synchronization, and how long a text may be.

use crate::domain::field::{Field, Group};
use crate::domain::kind::Kind;
use crate::domain::policy::Settings;

const ACTIVITY: [Group; 3] = [Group::Subject, Group::Body, Group::Importance];
const APPOINTMENT: [Group; 4] = [Group::Location, Group::Time, Group::Attendees, Group::Status];
const SERIES: [Group; 4] = [Group::Location, Group::Attendees, Group::Status, Group::Recurrence];
const TASK: [Group; 3] = [Group::Due, Group::TaskStart, Group::Status];
const CONTACT: [Group; 10] = [
    Group::Name,
    Group::Emails,
    Group::Phones,
    Group::Work,
    Group::People,
    Group::Dates,
    Group::Links,
    Group::Body,
    Group::Address1,
    Group::Company,
];

/// Returns the groups of a kind that are compared and carried, in a fixed order.
#[must_use]
pub fn of(kind: Kind, settings: &Settings) -> Vec<Group> {
    let mut groups = Vec::new();
    match kind {
        Kind::Appointment => {
            groups.extend(ACTIVITY);
            groups.extend(APPOINTMENT);
            // APPT-IN-09: privacy takes part only when the organization switched it on.
            if settings.sync_private {
                groups.push(Group::Privacy);
            }
        }
        Kind::Task | Kind::PhoneCall | Kind::Letter | Kind::Fax => {
            groups.extend(ACTIVITY);
            groups.extend(TASK);
        }
        Kind::Contact => {
            groups.extend(CONTACT);
            // ADDR-01, ADDR-02: the second and third address only in three-address mode.
            if settings.three_addresses {
                groups.extend([Group::Address2, Group::Address3]);
            }
        }
        // SVC-04: the same groups, of which none ever leaves Exchange.
        Kind::ServiceAppointment => {
            groups.extend(ACTIVITY);
            groups.extend(APPOINTMENT);
        }
        // REC-09: no files. REC-06: when it takes place, and then what deviates from it: written last.
        Kind::RecurringAppointment => {
            groups.extend(ACTIVITY);
            groups.extend(SERIES);
            if settings.sync_private {
                groups.push(Group::Privacy);
            }
            groups.push(Group::Exceptions);
        }
    }
    groups
}

const fn body_chars(kind: Kind) -> usize {
    match kind {
        Kind::Appointment | Kind::RecurringAppointment | Kind::ServiceAppointment => 1_048_576,
        Kind::Contact | Kind::Task | Kind::PhoneCall | Kind::Letter | Kind::Fax => 2_000,
    }
}

/// Returns how many characters the Dataverse column of a field holds (FLD-05, protocols B9, B12).
#[must_use]
pub const fn max_chars(kind: Kind, field: Field) -> Option<usize> {
    Some(match field {
        Field::Subject | Field::Location | Field::Website | Field::FtpSite => 200,
        Field::Body => body_chars(kind),
        Field::Suffix => 10,
        Field::FirstName
        | Field::MiddleName
        | Field::LastName
        | Field::Nickname
        | Field::BusinessPhone
        | Field::BusinessPhone2
        | Field::HomePhone
        | Field::HomePhone2
        | Field::OtherPhone
        | Field::MobilePhone
        | Field::Pager
        | Field::BusinessFax
        | Field::CallbackPhone
        | Field::CompanyPhone
        | Field::AssistantPhone
        | Field::GovernmentId
        | Field::Region1
        | Field::Region2
        | Field::Region3 => 50,
        Field::PostalCode1 | Field::PostalCode2 | Field::PostalCode3 => 20,
        Field::City1 | Field::City2 | Field::City3 => 80,
        Field::Country1 | Field::Country2 | Field::Country3 => 80,
        Field::Salutation
        | Field::Email1
        | Field::Email2
        | Field::Email3
        | Field::AssistantName
        | Field::ManagerName
        | Field::SpouseName
        | Field::Department
        | Field::JobTitle => 100,
        Field::YomiFirstName | Field::YomiLastName => 150,
        Field::Children => 255,
        Field::Street1 | Field::Street2 | Field::Street3 => 750, // three lines of 250
        Field::Importance
        | Field::Start
        | Field::End
        | Field::AllDay
        | Field::RequiredAttendees
        | Field::OptionalAttendees
        | Field::Private
        | Field::Due
        | Field::TaskStart
        | Field::State
        | Field::StatusReason
        | Field::PercentComplete
        | Field::ActualEnd
        | Field::ActualStart
        | Field::ShowAs
        | Field::TodoStatus
        | Field::CompletedAt
        | Field::Organizer
        | Field::Owner
        | Field::Uid
        | Field::Booking
        | Field::ByApplication
        | Field::Zone
        | Field::ReminderOn
        | Field::ReminderAt
        | Field::Birthday
        | Field::Anniversary
        | Field::Company
        | Field::Recurrence
        | Field::Exceptions => return None,
    })
}
