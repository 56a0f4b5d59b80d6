//! The organization's field directions (FLD-01, FLD-03): the bound function
//! `RetrievePrincipalSyncAttributeMappings` of one user, which stands for all, because directions
//! belong to the organization.
//!
//! The function is documented for Microsoft's own use: a refusal is no error, the documented
//! defaults hold then. Absent: directions of columns that nobody may choose (rules.md §2).

use serde_json::Value as Json;
use tracing::warn;

use super::batch::Part;
use super::errors;
use super::wire::{Wire, json};
use crate::domain::direction::{self, Direction, Directions};
use crate::domain::ids::UserId;
use crate::domain::kind::Kind;
use crate::ports::error::SideError;

/// The object type codes of the tables (rules.md §2.2).
const TYPE_CODES: [(i64, Kind); 8] = [
    (2, Kind::Contact),
    (4201, Kind::Appointment),
    (4204, Kind::Fax),
    (4207, Kind::Letter),
    (4210, Kind::PhoneCall),
    (4212, Kind::Task),
    (4214, Kind::ServiceAppointment),
    (4251, Kind::RecurringAppointment),
];

/// Asks for the directions; the defaults when the organization does not tell them (FLD-03).
pub(super) async fn ask(wire: &Wire, user: UserId) -> Result<Directions, SideError> {
    let function = "Microsoft.Dynamics.CRM.RetrievePrincipalSyncAttributeMappings()";
    let part = Part::get(format!("systemusers({})/{function}", user.0));
    let replies = wire.read(None, &[part]).await?;
    let Some(reply) = replies.first() else { return Ok(Directions::default()) };
    if !reply.is_success() {
        if errors::spoils_all(reply) {
            return Err(errors::into_side_error(reply));
        }
        let (status, code) = (reply.status, errors::code(&reply.body));
        warn!(status, code, "the organization does not tell its field directions; defaults hold");
        return Ok(Directions::default());
    }
    let mappings = json(reply)?;
    if mappings.get("AttributeMappings").and_then(Json::as_array).is_none() {
        warn!("the field directions cannot be read; defaults hold");
    }
    Ok(of(&mappings))
}

/// Returns the directions that differ from "both ways". A mapping that cannot be understood keeps
/// its default.
fn of(reply: &Json) -> Directions {
    let list = reply.get("AttributeMappings").and_then(Json::as_array);
    let mut directions = Directions::default();
    for mapping in list.into_iter().flatten() {
        if let Some((kind, column, direction)) = one(mapping) {
            directions.0.insert((kind, column.field), direction);
        }
    }
    directions
}

fn one(mapping: &Json) -> Option<(Kind, &'static direction::Column, Direction)> {
    let code = mapping.get("EntityTypeCode")?.as_i64()?;
    let kind = TYPE_CODES.iter().find(|(known, _)| *known == code).map(|(_, kind)| *kind)?;
    let name = mapping.get("AttributeCrmName")?.as_str()?;
    let column = direction::column(kind, name).filter(|column| !column.fixed)?;
    let direction = Direction::from_number(mapping.get("SyncDirection")?.as_i64()?)?;
    (direction != Direction::Both).then_some((kind, column, direction))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::field::Field;

    #[test]
    fn fld_03_mappings_become_directions_by_table_and_column() {
        // Known columns with a free direction count; fixed, unknown and odd ones keep the default.
        let mapping = |table: i64, name: &str, direction: Json| json!({ "EntityTypeCode": table, "AttributeCrmName": name, "SyncDirection": direction });
        let reply = json!({ "AttributeMappings": [
            mapping(2, "jobtitle", json!(1)),
            mapping(4201, "location", json!(0)),
            mapping(4212, "scheduledend", json!(2)),
            mapping(2, "department", json!(3)),
            mapping(2, "lastname", json!(0)),
            mapping(4201, "prioritycode", json!(0)),
            mapping(2, "unheardof", json!(0)),
            mapping(99, "subject", json!(0)),
            mapping(4212, "subject", json!("none")),
            mapping(4212, "description", json!(4)),
            json!(7),
        ]});
        let expected = [
            ((Kind::Contact, Field::JobTitle), Direction::ToExchange),
            ((Kind::Appointment, Field::Location), Direction::None),
            ((Kind::Task, Field::Due), Direction::ToDynamics),
        ];
        assert_eq!(of(&reply), Directions(expected.into_iter().collect()));
        assert_eq!(of(&json!({ "error": "odd" })), Directions::default());
    }

    #[test]
    fn fld_02_every_column_with_a_direction_is_read_and_written_under_that_name() {
        // The table of directions and the tables of the adapter name the same columns.
        use super::super::map::Table;
        let by_parts = ["fullname", "requiredattendees", "optionalattendees"];
        for kind in [Kind::Appointment, Kind::Contact, Kind::Task, Kind::PhoneCall, Kind::Fax] {
            let names: Vec<String> = Table::of(kind).selected().collect();
            for column in direction::columns(kind) {
                let name = column.name;
                let lookup = format!("_{name}_value");
                let known = names.iter().any(|one| one == name || *one == lookup);
                assert!(known || by_parts.contains(&name), "{kind}.{name}");
            }
            for column in Table::of(kind).columns {
                let by_rule = [Field::Private, Field::ActualStart].contains(&column.field);
                let known = direction::columns(kind).iter().any(|one| one.field == column.field);
                assert!(known || by_rule, "{kind}.{} has no direction", column.name);
            }
        }
    }
}
