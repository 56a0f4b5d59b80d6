//! The far sides of one organization and what cycles need beside them, as the composition root builds them, over
//! a line of the test's.

use std::sync::Arc;

use chrono::TimeDelta;
use lockstep::cycle::{Chronicle, CycleDeps, TenantOptions};
use lockstep::dataverse::{DataverseOptions, DataverseOrganization, DataverseSide};
use lockstep::domain::ids::TenantId;
use lockstep::domain::journal::Retention;
use lockstep::domain::mailbox::MailboxSource;
use lockstep::domain::policy::{Choices, Directions, Limits};
use lockstep::domain::side::PerSide;
use lockstep::graph::{GraphOptions, GraphSide};
use lockstep::http::{HttpClient, Line, Session, TokenOptions, TokenSource};
use lockstep::memory::MemoryStore;
use lockstep::ports::clock::Clock;
use lockstep::sim::directory::AppCredentials;
use lockstep::sim::world::Organization;
use lockstep::telemetry::Metrics;
use lockstep::throttle::{Throttle, ThrottleOptions};

/// Where the stand-ins seem to be; nothing listens there.
pub(crate) const BASE: &str = "http://127.0.0.1:9";

/// What one process has of a tenant.
pub(crate) struct Parts {
    pub(crate) deps: CycleDeps,
    pub(crate) profile: DataverseOrganization,
    pub(crate) budgets: PerSide<Arc<Throttle>>,
}

impl Parts {
    /// Builds them for `contoso`.
    pub(crate) fn new(
        line: Arc<dyn Line>,
        organization: &Organization,
        store: &Arc<MemoryStore>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let http = HttpClient::over(line);
        let session = |app: &AppCredentials, url: &str, scope: &str, throttle: &Arc<Throttle>| {
            let options = TokenOptions {
                token_url: format!("{url}/oauth2/v2.0/token"),
                client_id: app.client_id.clone(),
                client_secret: app.client_secret.clone().into(),
                scope: scope.to_owned(),
            };
            let tokens = TokenSource::new(http.clone(), options, clock.clone());
            Session::new(http.clone(), tokens, throttle.clone(), clock.clone())
        };
        let throttle = |options| Arc::new(Throttle::new(options, clock.clone()));
        let budgets = PerSide {
            dynamics: throttle(ThrottleOptions::DATAVERSE),
            exchange: throttle(ThrottleOptions::GRAPH),
        };
        let url = format!("{BASE}/contoso/dataverse");
        let (api_root, scope) = (format!("{url}/api/data/v9.2"), format!("{url}/.default"));
        let dataverse = || session(&organization.dataverse_app, &url, &scope, &budgets.dynamics);
        let url = format!("{BASE}/contoso/graph");
        let scope = "https://graph.microsoft.com/.default";
        let graph = session(&organization.graph_app, &url, scope, &budgets.exchange);
        let profile = DataverseOrganization::new(dataverse(), &api_root);
        let options = GraphOptions { root: format!("{url}/v1.0") };
        let retention = Retention { versions: TimeDelta::zero(), ..Retention::default() };
        let deps = CycleDeps {
            dynamics: Arc::new(DataverseSide::new(dataverse(), &DataverseOptions { api_root })),
            exchange: Arc::new(GraphSide::new(graph, clock.clone(), options)),
            links: store.clone(),
            recent: Arc::default(),
            chronicle: Chronicle { journal: store.clone(), vault: None, retention },
            clock: clock.clone(),
            metrics: Metrics::new(),
        };
        Self { deps, profile, budgets }
    }
}

/// Returns the tenant's choices with these brakes.
pub(crate) fn options(limits: Limits) -> TenantOptions {
    TenantOptions {
        tenant: TenantId::new("contoso"),
        source: MailboxSource::Dataverse,
        takeover: false,
        policy: Arc::new(|_| Choices::default()),
        directions: Directions::default(),
        limits,
        window_back: TimeDelta::days(30),
        window_ahead: TimeDelta::days(365),
    }
}
