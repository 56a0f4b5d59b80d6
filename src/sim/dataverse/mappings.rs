//! Field directions: `RetrievePrincipalSyncAttributeMappings`, bound to a user (rules.md FLD-03).
//!
//! One mapping for each synchronized column, under the names of the published schema. Absent:
//! teams, profiles of directions per user, computed mappings other than names and times.

use serde_json::{Value, json};
use uuid::Uuid;

use super::core::{Core, Moment};
use super::error::Refusal;
use super::schema::schema;
use super::url::Target;
use crate::sim::wire::Response;

/// The segment by which the function is called.
pub(super) const FUNCTION: &str = "Microsoft.Dynamics.CRM.RetrievePrincipalSyncAttributeMappings()";

/// Table, object type code, columns whose direction may be chosen, columns with a fixed one.
const MAPPED: [(&str, i64, &str, &str); 7] = [
    (
        "contact",
        2,
        "emailaddress1 emailaddress2 emailaddress3 telephone1 business2 telephone2 home2 telephone3 \
         mobilephone pager fax callback company assistantphone assistantname managername \
         spousesname childrensnames birthdate anniversary department jobtitle nickname websiteurl \
         ftpsiteurl governmentid yomifirstname yomilastname description address1_line1 \
         address1_line2 address1_line3 address1_city address1_stateorprovince address1_postalcode \
         address1_country address2_line1 address2_line2 address2_line3 address2_city \
         address2_stateorprovince address2_postalcode address2_country address3_line1 \
         address3_line2 address3_line3 address3_city address3_stateorprovince address3_postalcode \
         address3_country",
        "fullname parentcustomerid",
    ),
    ("appointment", 4201, "subject description location", MEETING_FIXED),
    ("recurringappointmentmaster", 4251, "subject description location", MEETING_FIXED),
    (
        "task",
        4212,
        "subject description scheduledend scheduledstart actualend percentcomplete",
        FIXED,
    ),
    ("phonecall", 4210, CALL, FIXED),
    ("letter", 4207, CALL, FIXED),
    ("fax", 4204, CALL, FIXED),
];

const CALL: &str = "subject description scheduledend scheduledstart actualend";
const FIXED: &str = "prioritycode statecode regardingobjectid";
const MEETING_FIXED: &str =
    "prioritycode statecode regardingobjectid requiredattendees optionalattendees organizer";

/// Both ways, the default of every mapping.
const BOTH: i64 = 3;

/// What an administrator chose.
#[derive(Debug, Default)]
pub(super) struct Mappings {
    /// (table, column, direction).
    chosen: Vec<(String, String, i64)>,
    /// The caller lacks the privilege.
    pub(super) denied: bool,
}

impl Mappings {
    /// Chooses a direction; tells whether the column has one that may be chosen.
    pub(super) fn choose(&mut self, table: &str, column: &str, direction: i64) -> bool {
        let free = MAPPED
            .iter()
            .any(|(name, _, free, _)| *name == table && free.split(' ').any(|one| one == column));
        if free && (0..=3).contains(&direction) {
            self.chosen.retain(|(one, other, _)| (one.as_str(), other.as_str()) != (table, column));
            self.chosen.push((table.to_owned(), column.to_owned(), direction));
            return true;
        }
        false
    }

    fn all(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for (table, code, free, fixed) in MAPPED {
            all.extend(free.split_whitespace().map(|name| {
                let chosen =
                    self.chosen.iter().find(|(one, other, _)| one == table && other == name);
                mapping(code, name, chosen.map_or(BOTH, |(_, _, direction)| *direction), false)
            }));
            all.extend(fixed.split_whitespace().map(|name| mapping(code, name, BOTH, true)));
        }
        all
    }
}

fn mapping(code: i64, name: &str, direction: i64, fixed: bool) -> Value {
    json!({
        "MappingName": name,
        "AttributeCrmName": name,
        "AttributeCrmDisplayName": name,
        "AttributeExchangeName": name,
        "AttributeExchangeDisplayName": name,
        "EntityTypeCode": code,
        "SyncDirection": direction,
        "DefaultSyncDirection": BOTH,
        "AllowedSyncDirection": if fixed { BOTH } else { 15 },
        "IsComputed": name == "fullname" || name == "statecode",
        "ComputedProperties": [],
    })
}

impl Core {
    /// Answers the function for one user.
    pub(super) fn mappings_of(
        &self,
        at: Moment,
        target: &Target,
        user: Uuid,
    ) -> Result<Response, Refusal> {
        target.allow(&[])?;
        if let Some(table) = schema().logical("systemuser") {
            self.readable(at.caller, table, user)?;
        }
        if self.mappings.denied || !at.caller.all {
            let what = "ReadSyncAttributeMappingProfile";
            return Err(Refusal::forbidden(at.caller.user, what, "syncattributemappingprofile"));
        }
        let kind = "Microsoft.Dynamics.CRM.RetrievePrincipalSyncAttributeMappingsResponse";
        let context = self.context(kind, "");
        let body = json!({ "@odata.context": context, "AttributeMappings": self.mappings.all() });
        Ok(Response::json(200, &body))
    }
}
