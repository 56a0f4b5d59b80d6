//! Anything may have changed in any mailbox of the tenant: all look, and not at once.

use std::time::Duration;

use actix::Handler;

use super::TenantSupervisor;
use crate::actors::messages::{Look, LookAll};
use crate::actors::runtime::TenantRuntime;

/// Mailboxes that look start this far apart, on average.
const SPACING: Duration = Duration::from_millis(2);
/// The longest time in which all of them look for the machine's sake.
const SPAN: Duration = Duration::from_secs(60);
/// Requests to Dataverse that a sweep without news costs (docs/operations.md).
const SWEEP_REQUESTS: u32 = 11;
/// Looks spend one in so many requests of the quota, so that changes do not wait behind them.
const PART: u32 = 2;

/// Returns the time in which the mailboxes of a tenant look, when so many do at the node, and so many spend
/// the tenant's quota; `pace` is the time after which it grants one more request. Their sweeps would be as
/// good after `sweep`.
fn span(at_node: usize, spending: usize, pace: Duration, sweep: Duration) -> Duration {
    let times = |one: Duration, count| one.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
    let machine = times(SPACING, at_node).min(SPAN);
    machine.max(times(pace.saturating_mul(SWEEP_REQUESTS * PART), spending)).min(sweep)
}

impl TenantRuntime {
    /// Returns the time in which its mailboxes look, when so many do at the node.
    pub(in crate::actors) fn look_span(&self, at_node: usize, own: usize) -> Duration {
        let pace = self.budgets().map_or(Duration::ZERO, |budgets| {
            let usage = budgets.dynamics.usage();
            usage.per / usage.requests.max(1)
        });
        // Where Redis was away all nodes look, and they spend one quota.
        span(at_node, own.saturating_mul(self.ownership.crowd().max(1)), pace, self.pace.sweep)
    }
}

impl Handler<LookAll> for TenantSupervisor {
    type Result = ();

    fn handle(&mut self, LookAll(count): LookAll, _: &mut Self::Context) {
        let own = self.children.len();
        let within = self.runtime.look_span(count.max(own), own);
        for child in self.children.values() {
            // A full mailbox has enough to do; its sweep finds what this would have told.
            let _ = child.address.try_send(Look(within));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_mailboxes_look_the_longer_it_takes() {
        // Two milliseconds each at the node, at most a minute; where the tenant has a quota, as long as half of
        // it takes for what they ask; and never longer than a sweep.
        let (milli, second) = (Duration::from_millis(1), Duration::from_secs(1));
        let (none, published) = (Duration::ZERO, 50 * milli);
        for (at_node, own, pace, sweep, expected) in [
            (0, 0, none, 900 * second, Duration::ZERO),
            (1, 1, none, 900 * second, 2 * milli),
            (1_500, 1_500, none, 900 * second, 3 * second),
            (1_500, 1_500, none, second, second),
            (usize::MAX, 1, none, 900 * second, 60 * second),
            (10, 10, published, 900 * second, 11 * second),
            (1_500, 10, published, 900 * second, 11 * second),
            (5_000, 1, published, 900 * second, 10 * second),
            (1_000, 1_000, published, 900 * second, 900 * second),
        ] {
            assert_eq!(span(at_node, own, pace, sweep), expected, "{at_node} {own}");
        }
    }
}
