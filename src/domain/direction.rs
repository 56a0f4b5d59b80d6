//! In which directions a field flows (FLD-01 to FLD-03), and which columns have a direction that
//! an administrator may choose (rules.md §2).

use std::collections::HashMap;

use super::field::Field;
use super::kind::Kind;
use super::side::Side;

/// In which directions a field flows (FLD-02).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Not at all.
    None,
    /// From Dynamics to Exchange.
    ToExchange,
    /// From Exchange to Dynamics.
    ToDynamics,
    /// Both ways, the default of every field (FLD-02).
    Both,
}

/// The field directions of an organization; a field not named flows both ways.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directions(pub HashMap<(Kind, Field), Direction>);

/// A column that has a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its logical name.
    pub name: &'static str,
    /// The field it holds.
    pub field: Field,
    /// Nobody may choose its direction: it flows both ways.
    pub fixed: bool,
}

// === impl Direction ===

impl Direction {
    /// The directions by the word of the tenant file, in the order of `syncdirection`.
    pub const WORDS: [(&'static str, Self); 4] = [
        ("none", Self::None),
        ("to-exchange", Self::ToExchange),
        ("to-dynamics", Self::ToDynamics),
        ("both", Self::Both),
    ];

    /// Returns the direction of a `syncattributemapping.syncdirection` (FLD-02).
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        let at = usize::try_from(number).ok()?;
        Self::WORDS.get(at).map(|(_, direction)| *direction)
    }

    /// Returns the word of the tenant file.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ToExchange => "to-exchange",
            Self::ToDynamics => "to-dynamics",
            Self::Both => "both",
        }
    }

    /// Tells whether what a side holds may reach the other side.
    #[must_use]
    pub const fn leaves(self, from: Side) -> bool {
        match (self, from) {
            (Self::Both, _)
            | (Self::ToExchange, Side::Dynamics)
            | (Self::ToDynamics, Side::Exchange) => true,
            (Self::None, _)
            | (Self::ToExchange, Side::Exchange)
            | (Self::ToDynamics, Side::Dynamics) => false,
        }
    }
}

// === impl Directions ===

impl Directions {
    /// Returns the direction of a field. What Exchange derives from a column goes the way of the
    /// column: the completion date that of `actualend`, a task's reminder that of the due date.
    #[must_use]
    pub fn of(&self, kind: Kind, field: Field) -> Direction {
        let field = if field == Field::CompletedAt {
            Field::ActualEnd
        } else if matches!(field, Field::ReminderOn | Field::ReminderAt) {
            Field::Due
        } else {
            field
        };
        self.0.get(&(kind, field)).copied().unwrap_or(Direction::Both)
    }

    /// Returns these directions with others in their places: the tenant file over the organization.
    #[must_use]
    pub fn under(mut self, others: &Self) -> Self {
        self.0.extend(others.0.iter().map(|(key, direction)| (*key, *direction)));
        self
    }
}

/// Returns the columns of a kind that have a direction.
#[must_use]
pub const fn columns(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::Appointment => &APPOINTMENT,
        Kind::RecurringAppointment => &SERIES,
        Kind::Contact => &CONTACT,
        Kind::Task => &TASK,
        Kind::PhoneCall | Kind::Letter | Kind::Fax => &CALL,
        // SVC-04: one way, none of them settable.
        Kind::ServiceAppointment => &[],
    }
}

/// Returns the column of a kind by its logical name.
#[must_use]
pub fn column(kind: Kind, name: &str) -> Option<&'static Column> {
    columns(kind).iter().find(|column| column.name == name)
}

const fn free(name: &'static str, field: Field) -> Column {
    Column { name, field, fixed: false }
}

const fn fixed(name: &'static str, field: Field) -> Column {
    Column { name, field, fixed: true }
}

static APPOINTMENT: [Column; 11] = [
    free("subject", Field::Subject),
    free("description", Field::Body),
    free("location", Field::Location),
    fixed("prioritycode", Field::Importance),
    fixed("scheduledstart", Field::Start),
    fixed("scheduledend", Field::End),
    fixed("isalldayevent", Field::AllDay),
    fixed("statecode", Field::State),
    fixed("statuscode", Field::StatusReason),
    fixed("requiredattendees", Field::RequiredAttendees),
    fixed("optionalattendees", Field::OptionalAttendees),
];

static SERIES: [Column; 8] = [
    free("subject", Field::Subject),
    free("description", Field::Body),
    free("location", Field::Location),
    fixed("prioritycode", Field::Importance),
    fixed("statecode", Field::State),
    fixed("statuscode", Field::StatusReason),
    fixed("requiredattendees", Field::RequiredAttendees),
    fixed("optionalattendees", Field::OptionalAttendees),
];

static TASK: [Column; 9] = [
    free("subject", Field::Subject),
    free("description", Field::Body),
    free("scheduledend", Field::Due),
    free("scheduledstart", Field::TaskStart),
    free("percentcomplete", Field::PercentComplete),
    free("actualend", Field::ActualEnd),
    fixed("prioritycode", Field::Importance),
    fixed("statecode", Field::State),
    fixed("statuscode", Field::StatusReason),
];

static CALL: [Column; 8] = [
    free("subject", Field::Subject),
    free("description", Field::Body),
    free("scheduledend", Field::Due),
    free("scheduledstart", Field::TaskStart),
    free("actualend", Field::ActualEnd),
    fixed("prioritycode", Field::Importance),
    fixed("statecode", Field::State),
    fixed("statuscode", Field::StatusReason),
];

/// The full name is one mapping of its parts, so all of them are fixed.
static CONTACT: [Column; 57] = [
    fixed("fullname", Field::LastName),
    fixed("firstname", Field::FirstName),
    fixed("middlename", Field::MiddleName),
    fixed("lastname", Field::LastName),
    fixed("suffix", Field::Suffix),
    fixed("salutation", Field::Salutation),
    fixed("parentcustomerid", Field::Company),
    free("nickname", Field::Nickname),
    free("yomifirstname", Field::YomiFirstName),
    free("yomilastname", Field::YomiLastName),
    free("emailaddress1", Field::Email1),
    free("emailaddress2", Field::Email2),
    free("emailaddress3", Field::Email3),
    free("telephone1", Field::BusinessPhone),
    free("business2", Field::BusinessPhone2),
    free("telephone2", Field::HomePhone),
    free("home2", Field::HomePhone2),
    free("telephone3", Field::OtherPhone),
    free("mobilephone", Field::MobilePhone),
    free("pager", Field::Pager),
    free("fax", Field::BusinessFax),
    free("callback", Field::CallbackPhone),
    free("company", Field::CompanyPhone),
    free("assistantphone", Field::AssistantPhone),
    free("assistantname", Field::AssistantName),
    free("managername", Field::ManagerName),
    free("spousesname", Field::SpouseName),
    free("childrensnames", Field::Children),
    free("birthdate", Field::Birthday),
    free("anniversary", Field::Anniversary),
    free("department", Field::Department),
    free("jobtitle", Field::JobTitle),
    free("websiteurl", Field::Website),
    free("ftpsiteurl", Field::FtpSite),
    free("governmentid", Field::GovernmentId),
    free("description", Field::Body),
    free("address1_line1", Field::Street1),
    free("address1_line2", Field::Street1),
    free("address1_line3", Field::Street1),
    free("address1_city", Field::City1),
    free("address1_stateorprovince", Field::Region1),
    free("address1_postalcode", Field::PostalCode1),
    free("address1_country", Field::Country1),
    free("address2_line1", Field::Street2),
    free("address2_line2", Field::Street2),
    free("address2_line3", Field::Street2),
    free("address2_city", Field::City2),
    free("address2_stateorprovince", Field::Region2),
    free("address2_postalcode", Field::PostalCode2),
    free("address2_country", Field::Country2),
    free("address3_line1", Field::Street3),
    free("address3_line2", Field::Street3),
    free("address3_line3", Field::Street3),
    free("address3_city", Field::City3),
    free("address3_stateorprovince", Field::Region3),
    free("address3_postalcode", Field::PostalCode3),
    free("address3_country", Field::Country3),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fld_02_the_numbers_of_the_option_set_are_the_four_directions() {
        // 0 none, 1 to Exchange, 2 to Dynamics, 3 both; anything else is no direction.
        let all = [Direction::None, Direction::ToExchange, Direction::ToDynamics, Direction::Both];
        for (number, direction) in (0..).zip(all) {
            assert_eq!(Direction::from_number(number), Some(direction));
            assert_eq!(Direction::WORDS[usize::try_from(number).unwrap()].0, direction.word());
            let ways = Side::BOTH.map(|side| direction.leaves(side));
            assert_eq!(ways, [number & 1 == 1, number & 2 == 2], "{direction:?}");
        }
        assert_eq!((Direction::from_number(4), Direction::from_number(-1)), (None, None));
    }

    #[test]
    fn fld_02_what_exchange_derives_goes_the_way_of_its_column() {
        // The completion date follows `actualend`, the reminder the due date.
        let mut directions = Directions::default();
        directions.0.insert((Kind::Task, Field::ActualEnd), Direction::None);
        directions.0.insert((Kind::Task, Field::Due), Direction::ToDynamics);
        assert_eq!(directions.of(Kind::Task, Field::CompletedAt), Direction::None);
        assert_eq!(directions.of(Kind::Task, Field::ReminderAt), Direction::ToDynamics);
        assert_eq!(directions.of(Kind::Fax, Field::CompletedAt), Direction::Both);
    }
}
