//! Column security (FLD-04): which synchronized columns the organization secured, and what each
//! user may do with them.
//!
//! Both are asked before anything is written, because a refusal names no column and a row shows
//! nothing where its user may not read. Absent: columns of single rows that somebody shared.

use std::collections::HashMap;

use serde_json::Value as Json;
use tracing::warn;
use uuid::Uuid;

use super::batch::{Part, PartReply};
use super::errors;
use super::map::Table;
use super::map::read::guid;
use super::wire::{Wire, json};
use crate::domain::field::Field;
use crate::domain::ids::UserId;
use crate::domain::kind::Kind;
use crate::domain::secured::{Access, Secured};
use crate::ports::error::SideError;

/// `field_security_permission_type`: 0 not allowed, 4 allowed.
const ALLOWED: i64 = 4;

/// The secured columns by the id that privileges name.
type Columns = HashMap<Uuid, (Kind, Field)>;

/// Asks what each of these users may do. Where the organization secured nothing, that is one batch.
pub(super) async fn ask(
    wire: &Wire,
    users: &[UserId],
) -> Result<HashMap<UserId, Secured>, SideError> {
    let columns = columns(wire).await?;
    if columns.is_empty() {
        return Ok(HashMap::new());
    }
    let function = "Microsoft.Dynamics.CRM.RetrievePrincipalAttributePrivileges()";
    let part = |user: &UserId| Part::get(format!("systemusers({})/{function}", user.0));
    let parts: Vec<Part> = users.iter().map(part).collect();
    let replies = wire.read(None, &parts).await?;
    let mut all = HashMap::new();
    for (user, reply) in users.iter().zip(&replies) {
        if let Some(privileges) = told(reply, "the privileges of a user on secured columns")? {
            all.insert(*user, of(&columns, &privileges));
        }
    }
    Ok(all)
}

async fn columns(wire: &Wire) -> Result<Columns, SideError> {
    let part = |kind: &Kind| {
        let table = kind.table();
        Part::get(format!(
            "EntityDefinitions(LogicalName='{table}')/Attributes\
             ?$select=LogicalName,MetadataId&$filter=IsSecured%20eq%20true"
        ))
    };
    let parts: Vec<Part> = Kind::ALL.iter().map(part).collect();
    let replies = wire.read(None, &parts).await?;
    let mut columns = Columns::new();
    for (kind, reply) in Kind::ALL.iter().zip(&replies) {
        let Some(list) = told(reply, "the secured columns of a table")? else { continue };
        for attribute in list.get("value").and_then(Json::as_array).into_iter().flatten() {
            let name = attribute.get("LogicalName").and_then(Json::as_str);
            let field = name.and_then(|name| Table::of(*kind).field_of(name));
            if let (Some(id), Some(field)) = (guid(attribute, "MetadataId"), field) {
                columns.insert(id, (*kind, field));
            }
        }
    }
    Ok(columns)
}

/// Returns a body; a refusal is no error: nothing is known then, and the write itself is refused.
fn told(reply: &PartReply, what: &str) -> Result<Option<Json>, SideError> {
    if reply.is_success() {
        return json(reply).map(Some);
    }
    if errors::spoils_all(reply) {
        return Err(errors::into_side_error(reply));
    }
    let (status, code) = (reply.status, errors::code(&reply.body));
    warn!(status, code, "the organization does not tell {what}; they count as open");
    Ok(None)
}

/// A secured column that the reply does not name is closed to the user.
fn of(columns: &Columns, reply: &Json) -> Secured {
    let list = reply.get("AttributePrivileges").and_then(Json::as_array);
    let mut granted: HashMap<Uuid, Access> = HashMap::new();
    for one in list.into_iter().flatten() {
        let may = |name: &str| one.get(name).and_then(Json::as_i64) == Some(ALLOWED);
        let access =
            Access { read: may("CanRead"), create: may("CanCreate"), update: may("CanUpdate") };
        if let Some(id) = guid(one, "AttributeId") {
            granted.insert(id, access);
        }
    }
    let closed = Access { read: false, create: false, update: false };
    let mut secured = Secured::default();
    for (id, (kind, field)) in columns {
        secured.narrow(*kind, *field, granted.get(id).copied().unwrap_or(closed));
    }
    secured
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fld_04_only_a_named_and_allowed_right_is_one() {
        // 4 allows; 0, odd numbers and other words do not; a column without an entry is closed.
        let id = Uuid::from_u128;
        let columns = Columns::from([
            (id(1), (Kind::Contact, Field::JobTitle)),
            (id(2), (Kind::Contact, Field::Department)),
            (id(3), (Kind::Task, Field::Body)),
        ]);
        let reply = json!({ "AttributePrivileges": [
            { "AttributeId": id(1), "CanCreate": 4, "CanRead": 4, "CanUpdate": 0 },
            { "AttributeId": id(2), "CanCreate": 4, "CanRead": 4, "CanUpdate": 4 },
            { "AttributeId": id(9), "CanCreate": 0, "CanRead": 0, "CanUpdate": 0 },
            { "AttributeId": "odd", "CanCreate": 4, "CanRead": "4", "CanUpdate": true },
        ]});
        let secured = of(&columns, &reply);
        let title = secured.of(Kind::Contact, Field::JobTitle);
        assert_eq!(title, Access { update: false, ..Access::OPEN });
        assert_eq!(secured.of(Kind::Contact, Field::Department), Access::OPEN);
        let closed = Access { read: false, create: false, update: false };
        assert_eq!(secured.of(Kind::Task, Field::Body), closed);
        assert_eq!(of(&columns, &json!({})).of(Kind::Contact, Field::JobTitle), closed);
    }
}
