//! The organization's state that every part of the stand-in works on.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::access::{Caller, Privileges, default_privileges};
use super::error::Refusal;
use super::mappings::Mappings;
use super::schema::{Table, schema};
use super::store::{Row, Store};

/// State of one organization.
#[derive(Debug)]
pub(super) struct Core {
    /// `https://…/api/data/v9.2`, without a slash at the end.
    pub(super) root: String,
    /// The path of `root`.
    pub(super) root_path: String,
    pub(super) store: Store,
    pub(super) privileges: HashMap<&'static str, Privileges>,
    pub(super) settings: HashMap<String, String>,
    pub(super) app_user: Uuid,
    pub(super) organization: Uuid,
    pub(super) unit: Uuid,
    /// systemuserid by Entra object id.
    pub(super) by_object: HashMap<Uuid, Uuid>,
    /// Tables without change tracking.
    pub(super) untracked: Vec<String>,
    /// Delta tokens at or below this version are refused as too old.
    pub(super) oldest_token: u64,
    pub(super) writes: u64,
    pub(super) mappings: Mappings,
    pub(super) columns: super::secured::Columns,
    /// When the next expansion of a series is due.
    pub(super) series_jobs: HashMap<Uuid, DateTime<Utc>>,
    /// Pages of FetchXML never end.
    pub(super) endless: bool,
    random: fastrand::Rng,
}

impl Core {
    pub(super) fn new(base_url: &str, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let path = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
        let path = path.find('/').map_or("", |at| &path[at..]);
        let mut id = || guid(&mut random);
        let (app_user, organization, unit) = (id(), id(), id());
        Self {
            root: format!("{base_url}/api/data/v9.2"),
            root_path: format!("{path}/api/data/v9.2"),
            store: Store::new(),
            privileges: default_privileges(),
            settings: HashMap::new(),
            app_user,
            organization,
            unit,
            by_object: HashMap::new(),
            untracked: Vec::new(),
            oldest_token: 0,
            writes: 0,
            mappings: Mappings::default(),
            columns: super::secured::Columns::default(),
            series_jobs: HashMap::new(),
            endless: false,
            random,
        }
    }

    /// Makes a new row id.
    pub(super) fn guid(&mut self) -> Uuid {
        guid(&mut self.random)
    }

    /// Tells whether an OrgDbOrgSetting is true; absent settings have the default false.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.settings.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Finds a row that the caller may read: 404 when there is none, 403 when it is not his.
    pub(super) fn readable(&self, who: Caller, table: &Table, id: Uuid) -> Result<&Row, Refusal> {
        self.check_read(who, table)?;
        let row = self.store.get(table, id).ok_or_else(|| Refusal::missing(table.logical, id))?;
        if self.may_read(who, table, row) {
            return Ok(row);
        }
        let text = format!(
            "Principal with id {} does not have ReadAccess right(s) for record with id {id} of \
             entity {}",
            who.user, table.logical
        );
        Err(Refusal::new(403, "0x80040220", text))
    }

    /// Finds a table by its entity set.
    pub(super) fn table(set: &str) -> Result<&'static Table, Refusal> {
        schema().set(set).ok_or_else(|| {
            let text = format!("Resource not found for the segment '{set}'.");
            Refusal::new(404, "0x8006088a", text)
        })
    }
}

/// What every operation needs to know about the moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) caller: Caller,
    pub(super) now: DateTime<Utc>,
}

fn guid(random: &mut fastrand::Rng) -> Uuid {
    uuid::Builder::from_random_bytes(random.u128(..).to_le_bytes()).into_uuid()
}
