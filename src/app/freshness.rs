//! The pushes of a tenant, put together: subscriptions, the feed of changed rows, hints.

use std::sync::Arc;

use super::App;
use crate::actors::feed::{FeedParts, FeedReader};
use crate::actors::freshness::Freshness;
use crate::actors::subscriptions::{KeeperParts, SubscriptionKeeper};
use crate::config::TenantConfig;
use crate::dataverse::DataverseFeed;
use crate::graph::{GraphSubscriptions, NoticeAddresses};
use crate::http::Session;

impl App {
    /// Builds the pushes of a tenant. Nothing is asked of the far sides yet.
    pub(super) fn freshness(
        &self,
        config: &TenantConfig,
        graph: Session,
        dataverse: Session,
    ) -> Freshness {
        let tenant = &config.tenant;
        let keeper = self.node.ingress.as_ref().map(|ingress| {
            let notify = format!("{}/graph/{tenant}", ingress.url);
            let lifecycle = format!("{notify}/lifecycle");
            let addresses = NoticeAddresses { notify, lifecycle };
            let far = GraphSubscriptions::new(graph, &config.exchange.side.url, addresses);
            Arc::new(SubscriptionKeeper::new(KeeperParts {
                tenant: tenant.clone(),
                far: Arc::new(far),
                notes: self.notes.clone(),
                ownership: self.ownership.clone(),
                clock: self.clock.clone(),
                bus: self.bus.clone(),
                metrics: self.metrics.clone(),
            }))
        });
        let api_root = format!("{}/api/data/v9.2", config.dataverse.url);
        let feed = FeedReader::new(FeedParts {
            tenant: tenant.clone(),
            far: Arc::new(DataverseFeed::new(dataverse, &api_root)),
            notes: self.notes.clone(),
            index: self.index.clone(),
            ownership: self.ownership.clone(),
            clock: self.clock.clone(),
            bus: self.bus.clone(),
            metrics: self.metrics.clone(),
            interval: self.node.sync.feed_interval,
        });
        let (bus, idle) = (self.bus.clone(), self.node.sync.idle_interval);
        Freshness::new(tenant.clone(), bus, keeper, Some(Arc::new(feed)), idle)
    }
}
