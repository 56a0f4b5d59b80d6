//! Column security: secured columns, what each user was granted, and what that refuses.
//!
//! A value that a user may not read comes back as null; a write of one that he may not write is
//! refused as a whole, with the documented codes. The application and its own calls are open.
//! Absent: profiles, teams, sharing of single values, masking, conditions on unread columns.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::access::Caller;
use super::core::{Core, Moment};
use super::error::Refusal;
use super::schema::{Table, schema};
use super::store::Row;
use super::url::Target;
use crate::sim::wire::Response;

/// The segment by which the function is called.
pub(super) const FUNCTION: &str = "Microsoft.Dynamics.CRM.RetrievePrincipalAttributePrivileges()";

/// The numbers of `field_security_permission_type`.
const ALLOWED: i64 = 4;
const NOT_ALLOWED: i64 = 0;

/// What an administrator secured and granted.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// Table and column.
    secured: Vec<(u8, usize)>,
    /// Create, read, update.
    granted: HashMap<(Uuid, u8, usize), [bool; 3]>,
    /// The caller lacks the privilege to ask what others may do.
    pub(super) denied: bool,
}

impl Columns {
    /// Secures a column; tells whether there is one.
    pub(super) fn secure(&mut self, table: &str, column: &str) -> bool {
        let found = place(table, column);
        self.secured.extend(found);
        found.is_some()
    }

    /// Grants a user create, read and update of a secured column.
    pub(super) fn grant(&mut self, user: Uuid, table: &str, column: &str, rights: [bool; 3]) {
        if let Some((table, column)) = place(table, column) {
            self.granted.insert((user, table, column), rights);
        }
    }

    fn rights(&self, caller: Caller, table: &Table, column: usize) -> [bool; 3] {
        let open = caller.all || !self.secured.contains(&(table.index, column));
        let granted = self.granted.get(&(caller.user, table.index, column)).copied();
        if open { [true; 3] } else { granted.unwrap_or_default() }
    }
}

fn place(table: &str, column: &str) -> Option<(u8, usize)> {
    let table = schema().logical(table)?;
    Some((table.index, table.column(column)?))
}

/// The id of a column's definition.
fn metadata_id(table: &Table, column: &str) -> Uuid {
    let name = format!("{}.{column}", table.logical);
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

impl Core {
    /// Refuses to write a column that the caller may not write.
    pub(super) fn check_secured(
        &self,
        caller: Caller,
        table: &Table,
        column: usize,
        creating: bool,
    ) -> Result<(), Refusal> {
        let [create, _, update] = self.columns.rights(caller, table, column);
        match (creating, create, update) {
            (true, true, _) | (false, _, true) => Ok(()),
            (true, false, _) => Err(Refusal::new(
                403,
                "0x8004f502",
                "The user does not have create permissions to a secured field. The requested \
                 operation could not be completed.",
            )),
            (false, _, false) => Err(Refusal::new(
                403,
                "0x8004f507",
                "The user doesn't have AttributePrivilegeUpdate and not granted shared access for \
                 a secured attribute during update operation",
            )),
        }
    }

    /// Returns the row as the caller may see it.
    pub(super) fn masked<'a>(&self, caller: Caller, table: &Table, row: &'a Row) -> Cow<'a, Row> {
        let own = self.columns.secured.iter().filter(|(index, _)| *index == table.index);
        let hidden = |column: &usize| !self.columns.rights(caller, table, *column)[1];
        let hidden: Vec<usize> = own.map(|(_, column)| *column).filter(hidden).collect();
        if hidden.is_empty() {
            return Cow::Borrowed(row);
        }
        let mut row = row.clone();
        hidden.into_iter().for_each(|column| row.set(column, None));
        Cow::Owned(row)
    }

    /// Answers the function for one user.
    pub(super) fn attribute_privileges(
        &self,
        at: Moment,
        target: &Target,
        user: Uuid,
    ) -> Result<Response, Refusal> {
        target.allow(&[])?;
        if let Some(table) = schema().logical("systemuser") {
            self.readable(at.caller, table, user)?;
        }
        if self.columns.denied {
            return Err(Refusal::forbidden(at.caller.user, "ReadUser", "systemuser"));
        }
        let number = |right: bool| if right { ALLOWED } else { NOT_ALLOWED };
        let one = |((owner, table, column), rights): (&(Uuid, u8, usize), &[bool; 3])| {
            let table = schema().at(*table).filter(|_| *owner == user)?;
            let [create, read, update] = rights.map(number);
            Some(json!({
                "AttributeId": metadata_id(table, table.columns[*column].name),
                "CanCreate": create, "CanRead": read, "CanUpdate": update,
            }))
        };
        let list: Vec<Value> = self.columns.granted.iter().filter_map(one).collect();
        let kind = "Microsoft.Dynamics.CRM.RetrievePrincipalAttributePrivilegesResponse";
        let body = json!({ "@odata.context": self.context(kind, ""), "AttributePrivileges": list });
        Ok(Response::json(200, &body))
    }

    /// `EntityDefinitions(LogicalName='contact')/Attributes?$filter=IsSecured eq true`.
    pub(super) fn attributes(&self, target: &Target, segment: &str) -> Result<Response, Refusal> {
        target.allow(&["$select", "$filter"])?;
        let name = segment
            .strip_prefix("EntityDefinitions(LogicalName='")
            .and_then(|rest| rest.strip_suffix("')"));
        let table = name.and_then(|name| schema().logical(name)).ok_or_else(|| {
            Refusal::new(404, "0x80060888", "Could not find an entity with the given name.")
        })?;
        let wanted = match target.option("$filter") {
            None => None,
            Some("IsSecured eq true") => Some(true),
            Some("IsSecured eq false") => Some(false),
            Some(_) => return Err(Refusal::malformed("Only IsSecured is filtered here.")),
        };
        let mut value = Vec::new();
        for (index, column) in table.columns.iter().enumerate().filter(|(_, one)| !one.hidden) {
            let secured = self.columns.secured.contains(&(table.index, index));
            if wanted.is_none_or(|wanted| wanted == secured) {
                let full = Map::from_iter([
                    ("LogicalName".to_owned(), json!(column.name)),
                    ("MetadataId".to_owned(), json!(metadata_id(table, column.name))),
                    ("IsSecured".to_owned(), json!(secured)),
                ]);
                value.push(super::actions::pick(full, target.option("$select"))?);
            }
        }
        let context = format!("EntityDefinitions('{}')/Attributes", table.logical);
        let body = json!({ "@odata.context": self.context(&context, ""), "value": value });
        Ok(Response::json(200, &body))
    }
}
