//! The Dataverse stand-in: the Web API v9.2 of one organization as a pure state machine.
//!
//! It is as strict as the service: what is undocumented or wrong is refused with the documented
//! error. Absent: plug-ins, audit, teams, customization,
//! cascades on delete and assign.

mod access;
mod actions;
mod attachments;
mod batch;
mod booking;
mod cond;
mod cookie;
mod core;
mod delta;
mod error;
mod fetch;
mod filter;
mod limits;
mod mappings;
mod people;
mod prefer;
mod read;
mod render;
mod route;
mod schema;
mod secured;
mod series;
mod store;
mod templates;
#[cfg(test)]
mod tests;
mod url;
mod value;
mod write;
mod zones;

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use self::access::Caller;
use self::core::{Core, Moment};
use self::error::poisoned;
use self::limits::{Limits, too_concurrent};
use self::schema::{Table, col, schema};
use self::store::Row;
use self::url::MAX_URL;
use self::value::Cell;
use super::directory::{AppCredentials, Person};
use super::oauth::Oauth;
use super::poison::{Harm, Poisons};
use super::wire::{Request, Response};

pub use self::access::{Depth, Privileges};
pub use self::error::Refusal;

/// What a stand-in organization is made of.
#[derive(Debug, Clone)]
pub struct DataverseConfig {
    /// `http://host/organization/dataverse`; the API root is below it at `/api/data/v9.2`.
    pub base_url: String,
    /// The application that may call.
    pub app: AppCredentials,
    /// How long a token lives.
    pub token_lifetime: Duration,
    /// The users.
    pub people: Vec<Person>,
    /// Decides every generated id.
    pub seed: u64,
}

/// The Dataverse stand-in.
#[derive(Debug)]
pub struct DataverseSim {
    core: Core,
    oauth: Oauth,
    limits: Limits,
    throttled: Vec<(usize, u32)>,
    poisons: Poisons,
    requests: u64,
}

impl DataverseSim {
    /// The number of requests at once from which on the service refuses.
    pub const CONCURRENCY_LIMIT: usize = 52;

    /// Builds an organization with its users, mailboxes and default filters.
    #[must_use]
    pub fn new(config: DataverseConfig) -> Self {
        let mut core = Core::new(&config.base_url, config.seed);
        core.found(&config.people);
        let scope = format!("{}/.default", config.base_url);
        let oauth = Oauth::new(config.app, scope, config.token_lifetime, config.seed);
        let (limits, poisons) = (Limits::default(), Poisons::default());
        Self { core, oauth, limits, throttled: Vec::new(), poisons, requests: 0 }
    }

    /// Answers the token endpoint.
    pub fn token(&mut self, request: &Request, now: DateTime<Utc>) -> Response {
        self.oauth.token(request, now)
    }

    /// Plays an environment with this many web servers: the published limit of requests is per
    /// server (protocols B7).
    pub fn set_web_servers(&mut self, servers: u32) {
        self.limits.set_web_servers(servers);
    }

    /// Withdraws every token that is out.
    pub fn revoke_tokens(&mut self) {
        self.oauth.revoke_all();
    }

    /// Answers one Web API request.
    pub fn handle(&mut self, request: &Request, now: DateTime<Utc>) -> Response {
        self.requests += 1;
        self.core.expand_due(now);
        if !self.oauth.accepts(request, now) {
            return Response::empty(401).with("WWW-Authenticate", "Bearer error=\"invalid_token\"");
        }
        let path = request.target.split('?').next().unwrap_or_default();
        let response = if let Some(status) = self.poisons.of_batch(request) {
            poisoned(status)
        } else if path.ends_with("/$batch") && request.method == "POST" {
            match self.limits.charge_batch(now) {
                Ok(()) => self.batch(request, now),
                Err(exceeded) => return exceeded.response(),
            }
        } else if let Err(exceeded) = self.limits.charge(now) {
            return exceeded.response();
        } else {
            self.core.answer(request, now, MAX_URL)
        };
        let (requests, seconds) = self.limits.remaining();
        response
            .with("x-ms-ratelimit-burst-remaining-xrm-requests", requests)
            .with("x-ms-ratelimit-time-remaining-xrm-requests", seconds)
    }

    /// Names the owner of the budget that a request counts against.
    #[must_use]
    pub fn concurrency_key(&self, request: &Request) -> Option<String> {
        request.target.contains("/api/data/").then(|| self.core.app_user.to_string())
    }

    /// Answers a request above the concurrency limit.
    pub fn refuse_concurrency(&mut self, _now: DateTime<Utc>) -> Response {
        self.requests += 1;
        too_concurrent(1)
    }

    /// Lets the inner request of that number (from 0) of the next batch get 429.
    pub fn throttle_inner(&mut self, nth: usize, retry_after_s: u32) {
        self.throttled.push((nth, retry_after_s));
    }

    /// Lets what this text names go wrong; nothing heals everything.
    pub fn poison(&mut self, item: Option<(&str, Harm)>) {
        match item {
            Some((text, harm)) => self.poisons.add(text, harm),
            None => self.poisons.clear(),
        }
    }

    /// Creates a row as that person in the Dynamics UI.
    pub fn user_create(
        &mut self,
        user: Uuid,
        set: &str,
        body: &Value,
        now: DateTime<Utc>,
    ) -> Result<Uuid, Refusal> {
        let table = Core::table(set)?;
        self.core.expand_due(now);
        self.beside(|core| core.create(by(user, now), table, None, object(body)?))
    }

    /// Changes a row as that person in the Dynamics UI.
    pub fn user_update(
        &mut self,
        user: Uuid,
        set: &str,
        id: Uuid,
        body: &Value,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let table = Core::table(set)?;
        self.core.expand_due(now);
        self.beside(|core| core.update(by(user, now), table, id, object(body)?))
    }

    /// Deletes a row as that person in the Dynamics UI.
    pub fn user_delete(
        &mut self,
        user: Uuid,
        set: &str,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let table = Core::table(set)?;
        self.core.expand_due(now);
        self.beside(|core| core.delete(by(user, now), table, id))
    }

    /// Does something that is no API write and so is not counted as one.
    fn beside<T>(&mut self, act: impl FnOnce(&mut Core) -> T) -> T {
        let writes = self.core.writes;
        let result = act(&mut self.core);
        self.core.writes = writes;
        result
    }

    /// Shares a row for reading and writing.
    pub fn share(&mut self, set: &str, id: Uuid, with: Uuid, _now: DateTime<Utc>) {
        self.set_share(set, id, with, true);
    }

    /// Takes a share back.
    pub fn unshare(&mut self, set: &str, id: Uuid, with: Uuid, _now: DateTime<Utc>) {
        self.set_share(set, id, with, false);
    }

    fn set_share(&mut self, set: &str, id: Uuid, with: Uuid, on: bool) {
        if let Some((table, _)) = self.core.stored(set, id) {
            self.core.store.share(table, id, with, on);
        }
    }

    /// Sets any column of a row, past all rules; raises the version.
    pub fn admin_set(&mut self, set: &str, id: Uuid, column: &str, value: Value) {
        self.core.admin_set(set, id, column, &value);
    }

    /// Sets an element of `organization.orgdborgsettings`.
    pub fn set_org_db_setting(&mut self, name: &str, value: &str) {
        self.core.settings.insert(name.to_owned(), value.to_owned());
        let mut settings: Vec<_> = self.core.settings.iter().collect();
        settings.sort();
        let inner: String =
            settings.iter().map(|(name, value)| format!("<{name}>{value}</{name}>")).collect();
        let xml = format!("<OrgSettings>{inner}</OrgSettings>");
        let id = self.core.organization;
        self.core.admin_set("organizations", id, "orgdborgsettings", &xml.into());
    }

    /// Chooses the direction of a column for the whole organization: 0 none, 1 to Exchange, 2 to
    /// Dynamics, 3 both. Returns false for a column whose direction nobody may choose.
    pub fn set_sync_direction(&mut self, table: &str, column: &str, direction: i64) -> bool {
        self.core.mappings.choose(table, column, direction)
    }

    /// Refuses the function that tells the directions, or grants it again.
    pub fn deny_sync_directions(&mut self, denied: bool) {
        self.core.mappings.denied = denied;
    }

    /// Secures a column: nobody but the application may create, read or change its values until it
    /// is granted. Returns false for an unknown column.
    pub fn secure_column(&mut self, table: &str, column: &str) -> bool {
        self.core.columns.secure(table, column)
    }

    /// Grants a user to create, read and change the values of a secured column, or takes it back.
    pub fn grant_column(&mut self, user: Uuid, table: &str, column: &str, rights: [bool; 3]) {
        self.core.columns.grant(user, table, column, rights);
    }

    /// Refuses the function that tells the privileges on secured columns, or grants it again.
    pub fn deny_column_privileges(&mut self, denied: bool) {
        self.core.columns.denied = denied;
    }

    /// Sets what people may do with a table.
    pub fn set_privileges(&mut self, table: &str, privileges: Privileges) {
        if let Some(table) = schema().logical(table) {
            self.core.privileges.insert(table.logical, privileges);
        }
    }

    /// Turns change tracking of a table on or off.
    pub fn set_change_tracking(&mut self, table: &str, on: bool) {
        self.core.untracked.retain(|name| name != table);
        if !on {
            self.core.untracked.push(table.to_owned());
        }
    }

    /// Lets every delta token that is out be refused as too old.
    pub fn expire_delta_tokens(&mut self) {
        self.core.oldest_token = self.core.store.version();
    }

    /// Lets every page of FetchXML say that there are more, and repeat its rows.
    pub fn set_endless_fetches(&mut self, endless: bool) {
        self.core.endless = endless;
    }

    /// Replaces the user's Outlook filters of one table.
    pub fn set_user_filters(&mut self, user: Uuid, table: &str, fetchxml: &[&str]) {
        let Some(queries) = schema().logical("userquery") else { return };
        let old: Vec<Uuid> = self
            .core
            .store
            .rows(queries)
            .rows
            .values()
            .filter(|row| row.owner() == Some(user) && is_filter(queries, row, table))
            .map(|row| row.id)
            .collect();
        for id in old {
            self.core.store.remove(queries, id);
        }
        for text in fetchxml {
            self.core.add_filter(user, table, text);
        }
    }

    /// Returns every stored column of a row, and its parties.
    #[must_use]
    pub fn row(&self, set: &str, id: Uuid) -> Option<Value> {
        let (table, row) = self.core.stored(set, id)?;
        Some(self.core.dump(table, row))
    }

    /// Returns all rows of a set.
    #[must_use]
    pub fn rows(&self, set: &str) -> Vec<Value> {
        let Ok(table) = Core::table(set) else { return Vec::new() };
        let rows = self.core.store.rows(table).rows.values();
        rows.map(|row| self.core.dump(table, row)).collect()
    }

    /// Returns the ids that the user's active filters find now, seen as that user.
    pub fn filter_rows(&mut self, user: Uuid, table: &str, now: DateTime<Utc>) -> Vec<Uuid> {
        let who = Caller::person(user);
        let asker = fetch::Asker { user, unit: self.core.unit, now, store: &self.core.store };
        let mut found = BTreeSet::new();
        for name in ["userquery", "savedquery"] {
            let Some(queries) = schema().logical(name) else { continue };
            for row in self.core.store.rows(queries).rows.values() {
                let his = !queries.owned || row.owner() == Some(user);
                let active = row.get(col::STATE) == Some(&Cell::Int(0));
                if !his || !active || !is_filter(queries, row, table) {
                    continue;
                }
                let text = row.named(queries, "fetchxml").and_then(Cell::str).unwrap_or_default();
                if let Ok(fetch) = fetch::parse(text, asker) {
                    found.extend(self.core.run(who, &fetch).iter().map(|one| one.row.id));
                }
            }
        }
        found.into_iter().collect()
    }

    /// Returns the organization's id.
    #[must_use]
    pub fn organization_id(&self) -> Uuid {
        self.core.organization
    }

    /// Returns the `systemuserid` of the application user.
    #[must_use]
    pub fn application_user(&self) -> Uuid {
        self.core.app_user
    }

    /// Returns how many HTTP requests came in (a batch counts one).
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.requests
    }

    /// Returns how many requests were executed: those inside of batches, and those outside.
    #[must_use]
    pub fn operation_count(&self) -> u64 {
        self.limits.operations()
    }

    /// Returns how many writes were committed.
    #[must_use]
    pub fn write_count(&self) -> u64 {
        self.core.writes
    }
}

fn is_filter(queries: &Table, row: &Row, table: &str) -> bool {
    row.named(queries, "querytype") == Some(&Cell::Int(256))
        && row.named(queries, "returnedtypecode").and_then(Cell::str) == Some(table)
}

fn by(user: Uuid, now: DateTime<Utc>) -> Moment {
    Moment { caller: Caller::person(user), now }
}

fn object(body: &Value) -> Result<&Map<String, Value>, Refusal> {
    body.as_object().ok_or_else(|| Refusal::payload("The body must be a JSON object."))
}
