//! What users chose for themselves: `usersettings`, with the names of its time zones.
//!
//! An application that may not read them is no error: then nobody's choices are known and the
//! defaults hold.

use std::collections::HashMap;

use serde_json::Value as Json;
use tracing::warn;

use super::map::read::guid;
use super::wire::Wire;
use crate::domain::ids::UserId;
use crate::domain::party::Strangers;
use crate::domain::policy::Personal;
use crate::domain::zone::Zone;
use crate::ports::error::SideError;

const SETTINGS: &str = "usersettingscollection?$select=systemuserid,timezonecode,synccontactcompany,\
     autocreatecontactonpromote";
/// `standardname` is the Windows name of a zone.
const ZONES: &str = "timezonedefinitions?$select=timezonecode,standardname";

/// Reads the choices of all users.
pub(super) async fn ask(wire: &Wire) -> Result<HashMap<UserId, Personal>, SideError> {
    let rows = optional(wire.list(SETTINGS, "/usersettingscollection").await)?;
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let zones = zones(&optional(wire.list(ZONES, "/timezonedefinitions").await)?);
    Ok(rows.iter().filter_map(|row| one(row, &zones)).collect())
}

fn optional(answer: Result<Vec<Json>, SideError>) -> Result<Vec<Json>, SideError> {
    match answer {
        Err(error @ SideError::Refused { .. }) => {
            warn!(%error, "the users' own settings cannot be read; the defaults hold");
            Ok(Vec::new())
        }
        answer => answer,
    }
}

fn zones(rows: &[Json]) -> HashMap<i64, Zone> {
    let zone = |row: &Json| {
        let name = row.get("standardname")?.as_str()?;
        Some((row.get("timezonecode")?.as_i64()?, Zone::from_name(name)?))
    };
    rows.iter().filter_map(zone).collect()
}

fn one(row: &Json, zones: &HashMap<i64, Zone>) -> Option<(UserId, Personal)> {
    let code = row.get("timezonecode").and_then(Json::as_i64);
    let personal = Personal {
        zone: code.and_then(|code| zones.get(&code).cloned()),
        contact_company: row.get("synccontactcompany").and_then(Json::as_bool).unwrap_or(true),
        strangers: strangers(row.get("autocreatecontactonpromote").and_then(Json::as_i64)),
        ..Personal::default()
    };
    Some((UserId(guid(row, "systemuserid")?), personal))
}

/// No page says what the numbers mean. The personal options offer nothing, contacts and leads, in this
/// order (docs/adr/0015).
const fn strangers(choice: Option<i64>) -> Strangers {
    match choice {
        Some(1) => Strangers::Contacts,
        Some(2) => Strangers::Leads,
        _ => Strangers::Addresses,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cont_08_a_user_has_the_zone_of_his_code_and_the_default_of_what_is_missing() {
        // An unknown code or name is no zone; an absent switch is on.
        let zones = zones(&[
            json!({ "timezonecode": 110, "standardname": "W. Europe Standard Time" }),
            json!({ "timezonecode": 7, "standardname": "Atlantis Standard Time" }),
        ]);
        let id = "10000000-0000-0000-0000-000000000001";
        let of = |body: Json| {
            let mut row = body;
            row["systemuserid"] = json!(id);
            one(&row, &zones).unwrap().1
        };
        let berlin = of(json!({ "timezonecode": 110, "synccontactcompany": false }));
        assert_eq!(berlin.zone, Zone::from_name("Europe/Berlin"));
        assert!(!berlin.contact_company);
        for code in [json!(7), json!(9), json!(null), json!("110")] {
            assert_eq!(of(json!({ "timezonecode": code })), Personal::default());
        }
        assert_eq!(one(&json!({ "timezonecode": 110 }), &zones), None);
    }

    #[test]
    fn res_03_the_option_is_nothing_contacts_or_leads_in_this_order() {
        // Any other number, also one that a later version may know, makes nobody.
        let of = |choice: Json| {
            let id = "10000000-0000-0000-0000-000000000001";
            let row = json!({ "systemuserid": id, "autocreatecontactonpromote": choice });
            one(&row, &HashMap::new()).unwrap().1.strangers
        };
        assert_eq!(of(json!(1)), Strangers::Contacts);
        assert_eq!(of(json!(2)), Strangers::Leads);
        for other in [json!(null), json!(0), json!(3), json!(-1), json!(true), json!("1")] {
            assert_eq!(of(other), Strangers::Addresses);
        }
    }
}
