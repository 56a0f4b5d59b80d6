//! The tables (rules.md §2). Lengths are those of the Common Data Model.

use super::{Column, Shape, Table};
use crate::domain::field::Field;
use crate::domain::kind::Kind;

const fn column(field: Field, name: &'static str, shape: Shape) -> Column {
    Column { field, name, shape, max: 0 }
}

const fn text(field: Field, name: &'static str, max: usize) -> Column {
    Column { field, name, shape: Shape::Text, max }
}

const fn lines(field: Field, name: &'static str, max: usize) -> Column {
    Column { field, name, shape: Shape::Lines, max }
}

/// `description` of an appointment.
const LONG_BODY: usize = 1_048_576;
/// `description` of the other tables.
const BODY: usize = 2_000;
const SUBJECT: usize = 200;

static APPOINTMENT_COLUMNS: [Column; 10] = [
    text(Field::Subject, "subject", SUBJECT),
    text(Field::Body, "description", LONG_BODY),
    column(Field::Importance, "prioritycode", Shape::Importance),
    text(Field::Location, "location", 200),
    column(Field::Start, "scheduledstart", Shape::Instant),
    column(Field::End, "scheduledend", Shape::Instant),
    column(Field::AllDay, "isalldayevent", Shape::Flag),
    column(Field::Private, "ismapiprivate", Shape::Flag),
    column(Field::State, "statecode", Shape::Number),
    column(Field::StatusReason, "statuscode", Shape::Number),
];

/// Service activities are only read (SVC-04; rules.md §2.4).
static SERVICE_COLUMNS: [Column; 9] = [
    text(Field::Subject, "subject", SUBJECT),
    text(Field::Body, "description", LONG_BODY),
    column(Field::Importance, "prioritycode", Shape::Importance),
    text(Field::Location, "location", 500),
    column(Field::Start, "scheduledstart", Shape::Instant),
    column(Field::End, "scheduledend", Shape::Instant),
    column(Field::AllDay, "isalldayevent", Shape::Flag),
    column(Field::State, "statecode", Shape::Number),
    column(Field::StatusReason, "statuscode", Shape::Number),
];

/// What the master of a series holds beside its rule (rules.md §2.3).
static SERIES_COLUMNS: [Column; 7] = [
    text(Field::Subject, "subject", SUBJECT),
    text(Field::Body, "description", LONG_BODY),
    column(Field::Importance, "prioritycode", Shape::Importance),
    text(Field::Location, "location", 200),
    column(Field::Private, "ismapiprivate", Shape::Flag),
    column(Field::State, "statecode", Shape::Number),
    column(Field::StatusReason, "statuscode", Shape::Number),
];

/// The columns of a task; the mark of an assigned one is not among them and stays (ASGN-04).
static TASK_COLUMNS: [Column; 10] = [
    text(Field::Subject, "subject", SUBJECT),
    text(Field::Body, "description", BODY),
    column(Field::Importance, "prioritycode", Shape::Importance),
    column(Field::Due, "scheduledend", Shape::Instant),
    column(Field::TaskStart, "scheduledstart", Shape::Instant),
    column(Field::State, "statecode", Shape::Number),
    column(Field::StatusReason, "statuscode", Shape::Number),
    column(Field::PercentComplete, "percentcomplete", Shape::Number),
    column(Field::ActualEnd, "actualend", Shape::Instant),
    column(Field::ActualStart, "actualstart", Shape::Instant),
];

/// Phone calls, letters and faxes: as tasks, without the percentage (rules.md §2.6).
static CALL_COLUMNS: [Column; 9] = [
    text(Field::Subject, "subject", SUBJECT),
    text(Field::Body, "description", BODY),
    column(Field::Importance, "prioritycode", Shape::Importance),
    column(Field::Due, "scheduledend", Shape::Instant),
    column(Field::TaskStart, "scheduledstart", Shape::Instant),
    column(Field::State, "statecode", Shape::Number),
    column(Field::StatusReason, "statuscode", Shape::Number),
    column(Field::ActualEnd, "actualend", Shape::Instant),
    column(Field::ActualStart, "actualstart", Shape::Instant),
];

static CONTACT_COLUMNS: [Column; 50] = [
    text(Field::FirstName, "firstname", 50),
    text(Field::MiddleName, "middlename", 50),
    text(Field::LastName, "lastname", 50),
    text(Field::Suffix, "suffix", 10),
    text(Field::Salutation, "salutation", 100),
    text(Field::Nickname, "nickname", 100),
    text(Field::YomiFirstName, "yomifirstname", 150),
    text(Field::YomiLastName, "yomilastname", 150),
    text(Field::Email1, "emailaddress1", 100),
    text(Field::Email2, "emailaddress2", 100),
    text(Field::Email3, "emailaddress3", 100),
    text(Field::BusinessPhone, "telephone1", 50),
    text(Field::BusinessPhone2, "business2", 50),
    text(Field::HomePhone, "telephone2", 50),
    text(Field::HomePhone2, "home2", 50),
    text(Field::OtherPhone, "telephone3", 50),
    text(Field::MobilePhone, "mobilephone", 50),
    text(Field::Pager, "pager", 50),
    text(Field::BusinessFax, "fax", 50),
    text(Field::CallbackPhone, "callback", 50),
    text(Field::CompanyPhone, "company", 50),
    text(Field::AssistantPhone, "assistantphone", 50),
    text(Field::AssistantName, "assistantname", 100),
    text(Field::ManagerName, "managername", 100),
    text(Field::SpouseName, "spousesname", 100),
    text(Field::Children, "childrensnames", 255),
    column(Field::Birthday, "birthdate", Shape::Day),
    column(Field::Anniversary, "anniversary", Shape::Day),
    text(Field::Department, "department", 100),
    text(Field::JobTitle, "jobtitle", 100),
    column(Field::Company, "parentcustomerid", Shape::Lookup),
    text(Field::Website, "websiteurl", 200),
    text(Field::FtpSite, "ftpsiteurl", 200),
    text(Field::GovernmentId, "governmentid", 50),
    text(Field::Body, "description", BODY),
    lines(Field::Street1, "address1_line", 250),
    text(Field::City1, "address1_city", 80),
    text(Field::Region1, "address1_stateorprovince", 50),
    text(Field::PostalCode1, "address1_postalcode", 20),
    text(Field::Country1, "address1_country", 80),
    lines(Field::Street2, "address2_line", 250),
    text(Field::City2, "address2_city", 80),
    text(Field::Region2, "address2_stateorprovince", 50),
    text(Field::PostalCode2, "address2_postalcode", 20),
    text(Field::Country2, "address2_country", 80),
    lines(Field::Street3, "address3_line", 250),
    text(Field::City3, "address3_city", 80),
    text(Field::Region3, "address3_stateorprovince", 50),
    text(Field::PostalCode3, "address3_postalcode", 20),
    text(Field::Country3, "address3_country", 80),
];

pub(super) static APPOINTMENT: Table = Table {
    kind: Kind::Appointment,
    set: "appointments",
    key: "activityid",
    parties: Some("appointment_activity_parties"),
    columns: &APPOINTMENT_COLUMNS,
    facts: &[
        "globalobjectid",
        "instancetypecode",
        "isdraft",
        // Whether somebody wrote a row since it was booked.
        "_createdby_value",
        "_modifiedby_value",
        "_createdonbehalfby_value",
        "_modifiedonbehalfby_value",
    ],
};

pub(super) static RECURRING_APPOINTMENT: Table = Table {
    kind: Kind::RecurringAppointment,
    set: "recurringappointmentmasters",
    key: "activityid",
    parties: Some("recurringappointmentmaster_activity_parties"),
    columns: &SERIES_COLUMNS,
    facts: super::series::COLUMNS,
};

pub(super) static SERVICE_APPOINTMENT: Table = Table {
    kind: Kind::ServiceAppointment,
    set: "serviceappointments",
    key: "activityid",
    parties: Some("serviceappointment_activity_parties"),
    columns: &SERVICE_COLUMNS,
    facts: &[],
};

/// Tasks have no attendees: their parties say nothing that is synchronized.
pub(super) static TASK: Table = Table {
    kind: Kind::Task,
    set: "tasks",
    key: "activityid",
    parties: None,
    columns: &TASK_COLUMNS,
    facts: &[],
};

pub(super) static PHONE_CALL: Table = Table {
    kind: Kind::PhoneCall,
    set: "phonecalls",
    key: "activityid",
    parties: None,
    columns: &CALL_COLUMNS,
    facts: &[],
};

pub(super) static LETTER: Table = Table {
    kind: Kind::Letter,
    set: "letters",
    key: "activityid",
    parties: None,
    columns: &CALL_COLUMNS,
    facts: &[],
};

pub(super) static FAX: Table = Table {
    kind: Kind::Fax,
    set: "faxes",
    key: "activityid",
    parties: None,
    columns: &CALL_COLUMNS,
    facts: &[],
};

pub(super) static CONTACT: Table = Table {
    kind: Kind::Contact,
    set: "contacts",
    key: "contactid",
    parties: None,
    columns: &CONTACT_COLUMNS,
    facts: &[],
};
