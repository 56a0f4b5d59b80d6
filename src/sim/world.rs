//! The world of the stand-ins: organizations with their people, both far sides and their faults.
//!
//! A request passes in two steps, `admit` (routing, fault plan, concurrency) and `carry_out`
//! (execution). Between the two a server waits out a delay and an in-process simulation moves its
//! clock. URL layout: `/{organization}/dataverse/…` and `/{organization}/graph/…`. Absent: sockets.

mod clock;
mod deliver;
mod spoil;
mod tenant;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

pub use clock::{ClockFn, SimClock};
pub use deliver::{Admitted, Outcome};

use super::dataverse::{DataverseConfig, DataverseSim};
use super::directory::{AppCredentials, Person};
use super::faults::FaultPlan;
use super::graph::{GraphConfig, GraphSim};

/// What an organization is made from.
#[derive(Debug, Clone)]
pub struct OrganizationSpec {
    /// Name in URLs and tenant files: lower-case letters, digits and hyphens.
    pub name: String,
    /// The people; each gets a user and a mailbox.
    pub people: Vec<Person>,
    /// Seed of the stand-ins' own choices, such as ids.
    pub seed: u64,
    /// How long a token lasts.
    pub token_lifetime: Duration,
}

impl OrganizationSpec {
    /// Returns a spec with tokens of one hour.
    #[must_use]
    pub fn new(name: impl Into<String>, people: Vec<Person>, seed: u64) -> Self {
        Self { name: name.into(), people, seed, token_lifetime: Duration::hours(1) }
    }
}

/// One organization: the same people on both far sides.
pub struct Organization {
    /// Name in URLs and tenant files.
    pub name: String,
    /// The people.
    pub people: Vec<Person>,
    /// The Dataverse stand-in.
    pub dataverse: Mutex<DataverseSim>,
    /// The Microsoft Graph stand-in.
    pub graph: Mutex<GraphSim>,
    /// What goes wrong.
    pub faults: Mutex<FaultPlan>,
    /// What Dataverse's token endpoint accepts.
    pub dataverse_app: AppCredentials,
    /// What Graph's token endpoint accepts.
    pub graph_app: AppCredentials,
    base_url: String,
    in_flight: Mutex<HashMap<String, usize>>,
}

impl std::fmt::Debug for Organization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Organization").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Organization {
    /// Builds the organization; `base_url` is the server's, without a slash at the end.
    #[must_use]
    pub fn new(base_url: &str, spec: OrganizationSpec) -> Self {
        let OrganizationSpec { name, people, seed, token_lifetime } = spec;
        let (dataverse_app, graph_app) = (app(&name, "dataverse"), app(&name, "graph"));
        let dataverse = DataverseSim::new(DataverseConfig {
            base_url: format!("{base_url}/{name}/dataverse"),
            app: dataverse_app.clone(),
            token_lifetime,
            people: people.clone(),
            seed,
        });
        let graph = GraphSim::new(GraphConfig {
            base_url: format!("{base_url}/{name}/graph"),
            app: graph_app.clone(),
            token_lifetime,
            people: people.clone(),
            seed,
        });
        Self {
            name,
            people,
            dataverse: Mutex::new(dataverse),
            graph: Mutex::new(graph),
            faults: Mutex::new(FaultPlan::none()),
            dataverse_app,
            graph_app,
            base_url: base_url.to_owned(),
            in_flight: Mutex::new(HashMap::new()),
        }
    }

    /// Returns the Dataverse stand-in, locked.
    pub fn dataverse(&self) -> MutexGuard<'_, DataverseSim> {
        locked(&self.dataverse)
    }

    /// Returns the Graph stand-in, locked.
    pub fn graph(&self) -> MutexGuard<'_, GraphSim> {
        locked(&self.graph)
    }

    /// Returns the fault plan, locked.
    pub fn faults(&self) -> MutexGuard<'_, FaultPlan> {
        locked(&self.faults)
    }

    /// Replaces the fault plan.
    pub fn set_faults(&self, plan: FaultPlan) {
        *self.faults() = plan;
    }

    /// Returns the base URL of the Dataverse stand-in.
    #[must_use]
    pub fn dataverse_url(&self) -> String {
        format!("{}/{}/dataverse", self.base_url, self.name)
    }

    /// Returns the base URL of the Graph stand-in, without the version.
    #[must_use]
    pub fn graph_url(&self) -> String {
        format!("{}/{}/graph", self.base_url, self.name)
    }
}

/// All organizations and the time they live in.
pub struct World {
    /// The organizations.
    pub organizations: Vec<Organization>,
    clock: ClockFn,
    /// How far the world is ahead of its clock.
    ahead: Mutex<Duration>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("organizations", &self.organizations).finish_non_exhaustive()
    }
}

impl World {
    /// Builds the organizations of `specs` for a server at `base_url`.
    #[must_use]
    pub fn new(base_url: &str, specs: Vec<OrganizationSpec>, clock: ClockFn) -> Self {
        let base_url = base_url.trim_end_matches('/');
        let organizations =
            specs.into_iter().map(|spec| Organization::new(base_url, spec)).collect();
        Self { organizations, clock, ahead: Mutex::new(Duration::zero()) }
    }

    /// Returns the time in this world.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        clock::add((self.clock)(), *locked(&self.ahead))
    }

    /// Moves the world ahead of its clock and lets the background agents of Exchange settle.
    pub fn advance(&self, step: Duration) {
        {
            let mut ahead = locked(&self.ahead);
            *ahead = ahead.checked_add(&step).unwrap_or(*ahead);
        }
        let now = self.now();
        for organization in &self.organizations {
            organization.graph().settle(now);
        }
    }

    /// Returns the organization of that name.
    #[must_use]
    pub fn organization(&self, name: &str) -> Option<&Organization> {
        self.organizations.iter().find(|organization| organization.name == name)
    }

    /// Returns the tenant configuration file of an organization, absent for an unknown name.
    #[must_use]
    pub fn tenant_toml(&self, organization_name: &str) -> Option<String> {
        self.organization(organization_name).map(Organization::tenant_toml)
    }

    /// Returns the tenant configuration file with secrets in files of `directory`.
    #[must_use]
    pub fn tenant_toml_with_files(&self, name: &str, directory: &Path) -> Option<String> {
        self.organization(name).map(|found| found.tenant_toml_with_files(directory))
    }

    /// Returns the secrets of all organizations as (environment variable, value).
    #[must_use]
    pub fn secrets(&self) -> Vec<(String, String)> {
        self.organizations.iter().flat_map(Organization::secrets).collect()
    }
}

/// Locks; a panic of another thread under the lock is that thread's failure alone.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn app(organization: &str, side: &str) -> AppCredentials {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{organization}/{side}").as_bytes());
    AppCredentials {
        client_id: id.to_string(),
        client_secret: format!("stand-in-secret~{organization}~{side}"),
    }
}
