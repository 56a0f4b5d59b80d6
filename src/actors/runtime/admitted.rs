//! One cycle of a mailbox that has its turn and a slot.

use futures_util::FutureExt;
use tracing::Instrument;

use super::{CYCLE_MAX, TenantRuntime};
use crate::actors::messages::Ended;
use crate::cluster::tenancy::Tenancy;
use crate::cycle::{Base, CycleContext, CycleEnd, Left, Orders, run_from};
use crate::domain::ids::CycleId;
use crate::domain::policy::Mailbox;
use crate::ports::error::StoreError;
use crate::ports::lease::Tenure as _;
use crate::telemetry::names;

impl TenantRuntime {
    /// Runs one cycle of a mailbox that has its turn and a slot.
    pub(super) async fn admitted(
        &self,
        mailbox: &Mailbox,
        orders: Orders,
        left: Option<Left>,
    ) -> (Ended, Option<Left>) {
        let not_owned = || (Ended::End(CycleEnd::InDoubt), None);
        if self.share.is_closed() {
            return not_owned();
        }
        let (Some(view), Some(tenancy)) = (self.view(), self.ownership.enter(&mailbox.key)) else {
            return not_owned();
        };
        let started = tokio::time::Instant::now();
        let context = CycleContext {
            cycle: CycleId(uuid::Uuid::new_v4()),
            mailbox: mailbox.clone(),
            fence: tenancy.fence(),
            tenure: tenancy.clone(),
            base: Base::default(),
            view,
            deps: self.deps.clone(),
            orders,
            now: self.deps.clock.now(),
        };
        let span = tracing::info_span!(
            // Whatever span the caller is in: a cycle is a trace of its own.
            parent: None,
            names::SPAN_CYCLE,
            { names::TENANT } = self.options.tenant.as_str(),
            { names::MAILBOX } = %mailbox.key.mailbox,
        );
        // A panic cuts off what is on its way as well, so the tenancy must see it, too.
        let run = tenancy.run(run_from(&context, left).instrument(span));
        let run = Box::pin(std::panic::AssertUnwindSafe(run).catch_unwind());
        let (ended, left) = match tokio::time::timeout(CYCLE_MAX, run).await {
            Ok(Ok(Some(Ok((report, left))))) => (Ended::Report(Box::new(report)), left),
            Ok(Ok(Some(Err(end)))) => (Ended::End(end), None),
            Ok(Err(_panic)) => (Ended::Panicked, None),
            // Cut off anywhere is what a crash is: the next cycle repeats it without harm.
            Ok(Ok(None)) if tenancy.may_write() => (Ended::End(CycleEnd::HandedOver), None),
            Ok(Ok(None)) => (Ended::End(CycleEnd::InDoubt), None),
            Err(_elapsed) => (Ended::End(CycleEnd::Stuck), None),
        };
        self.doubt(mailbox, &tenancy, &ended);
        self.count(&ended, started.elapsed());
        (ended, left)
    }

    /// A store that knows a newer fence than ours makes the grant worthless.
    fn doubt(&self, mailbox: &Mailbox, tenancy: &Tenancy, ended: &Ended) {
        if let Ended::End(CycleEnd::Store(StoreError::StaleFence)) = ended {
            self.ownership.doubt(&mailbox.key, tenancy.fence());
        }
    }

    fn count(&self, ended: &Ended, took: std::time::Duration) {
        let result = match ended {
            Ended::Report(report) if report.is_quiet() => "quiet",
            Ended::Report(_) => "wrote",
            Ended::End(end) => end.code().as_str(),
            Ended::Panicked => "panicked",
        };
        self.deps.metrics.cycle(self.options.tenant.as_str(), result, took);
    }
}
