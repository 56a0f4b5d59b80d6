//! Who calls, and what he may read and write (protocols.md B4).
//!
//! The application user works organization-wide. People have the depth set per table, and see
//! single rows through ownership, sharing and being a party. Absent: teams, business units below
//! the root, append privileges.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::core::Core;
use super::error::Refusal;
use super::schema::{Table, schema};
use super::store::Row;
use crate::sim::wire::Request;

/// How far a privilege of people reaches in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// No privilege.
    None,
    /// Own and shared rows.
    User,
    /// Every row of the organization.
    Organization,
}

/// What people may do with one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Privileges {
    /// Reading.
    pub read: Depth,
    /// Creating, changing, deleting and assigning.
    pub write: Depth,
}

/// The effective user of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caller {
    /// Whose rights count and who is named in `createdby`.
    pub(super) user: Uuid,
    /// The application behind an impersonated call.
    pub(super) behind: Option<Uuid>,
    /// Works organization-wide (the application user itself).
    pub(super) all: bool,
}

impl Caller {
    pub(super) fn person(user: Uuid) -> Self {
        Self { user, behind: None, all: false }
    }
}

/// Returns what people may do unless a test says otherwise.
pub(super) fn default_privileges() -> HashMap<&'static str, Privileges> {
    let rights = |table: &Table| {
        let (read, write) = match table.logical {
            "contact" | "userquery" => (Depth::User, Depth::User),
            "account" | "lead" => (Depth::Organization, Depth::User),
            "systemuser" | "queue" | "savedquery" | "organization" | "businessunit" => {
                (Depth::Organization, Depth::None)
            }
            "mailbox" | "activityparty" => (Depth::User, Depth::None),
            // Judged by the activity it hangs on.
            "activitymimeattachment" => (Depth::Organization, Depth::Organization),
            _ if table.activity => (Depth::User, Depth::User),
            _ => (Depth::None, Depth::None),
        };
        Privileges { read, write }
    };
    schema().tables.iter().map(|table| (table.logical, rights(table))).collect()
}

impl Core {
    pub(super) fn privileges(&self, table: &Table) -> Privileges {
        self.privileges
            .get(table.logical)
            .copied()
            .unwrap_or(Privileges { read: Depth::None, write: Depth::None })
    }

    /// Works out the effective user from the impersonation headers.
    pub(super) fn caller(&self, request: &Request) -> Result<Caller, Refusal> {
        let app = Caller { user: self.app_user, behind: None, all: true };
        let (header, by_object) = match request.header("CallerObjectId") {
            Some(text) => (text, true),
            None => match request.header("MSCRMCallerID") {
                Some(text) => (text, false),
                None => return Ok(app),
            },
        };
        let id = Uuid::try_parse(header)
            .map_err(|_| Refusal::malformed(format!("'{header}' is not a valid user id")))?;
        let user = if by_object { self.by_object.get(&id).copied() } else { Some(id) };
        let known = schema()
            .logical("systemuser")
            .and_then(|table| self.store.get(table, user?).map(|row| (table, row)));
        let Some((table, row)) = known else {
            let text = format!("User With Id = {id} Does Not Exist");
            return Err(Refusal::new(403, "0x80040225", text));
        };
        if row.named(table, "isdisabled") == Some(&super::value::Cell::Bool(true)) {
            let text = "The specified user is disabled and cannot perform this action";
            return Err(Refusal::new(403, "0x80040225", text));
        }
        if row.id == self.app_user {
            return Ok(app);
        }
        Ok(Caller { user: row.id, behind: Some(self.app_user), all: false })
    }

    /// Tells whether the caller may read the row.
    pub(super) fn may_read(&self, caller: Caller, table: &Table, row: &Row) -> bool {
        if let Some((parent, activity)) = self.activity_of(table, row) {
            return self.may_read(caller, parent, activity);
        }
        if caller.all {
            return table.logical != "userquery" || row.owner() == Some(caller.user);
        }
        match self.privileges(table).read {
            Depth::None => false,
            Depth::Organization => true,
            Depth::User => {
                table.logical == "systemuser" && row.id == caller.user
                    || row.owner() == Some(caller.user)
                    || self.shared(table, row.id, caller.user)
                    || self.party_reads(table) && self.is_party(table, row.id, caller.user)
            }
        }
    }

    pub(super) fn may_write(&self, caller: Caller, table: &Table, row: &Row) -> bool {
        if let Some((parent, activity)) = self.activity_of(table, row) {
            return self.may_write(caller, parent, activity);
        }
        if caller.all {
            return self.may_read(caller, table, row);
        }
        match self.privileges(table).write {
            Depth::None => false,
            Depth::Organization => true,
            Depth::User => {
                row.owner() == Some(caller.user) || self.shared(table, row.id, caller.user)
            }
        }
    }

    /// Refuses a caller who cannot read the table at all.
    pub(super) fn check_read(&self, caller: Caller, table: &Table) -> Result<(), Refusal> {
        if caller.all || self.privileges(table).read != Depth::None {
            return Ok(());
        }
        Err(Refusal::forbidden(caller.user, "Read", table.logical))
    }

    /// Returns the ids a person can see at user depth, or `None` when no index narrows them.
    pub(super) fn visible(&self, caller: Caller, table: &Table) -> Option<BTreeSet<Uuid>> {
        let own = table.logical == "userquery";
        if !own && (caller.all || self.privileges(table).read == Depth::Organization) {
            return None;
        }
        let rows = self.store.rows(table);
        let mut ids = rows.by_owner.get(&caller.user).cloned().unwrap_or_default();
        ids.extend(rows.shared.get(&caller.user).into_iter().flatten());
        if self.party_reads(table) {
            ids.extend(rows.by_party.get(&caller.user).into_iter().flatten());
        }
        Some(ids)
    }

    fn shared(&self, table: &Table, id: Uuid, user: Uuid) -> bool {
        self.store.rows(table).shared.get(&user).is_some_and(|ids| ids.contains(&id))
    }

    fn is_party(&self, table: &Table, id: Uuid, user: Uuid) -> bool {
        self.store.rows(table).by_party.get(&user).is_some_and(|ids| ids.contains(&id))
    }

    /// People read the activities they are a party of, unless the setting turns that off.
    fn party_reads(&self, table: &Table) -> bool {
        table.activity && !self.flag("DisableImplicitSharingOfCommunicationActivities")
    }
}
