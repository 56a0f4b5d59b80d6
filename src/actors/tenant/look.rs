//! Anything may have changed in any mailbox of the tenant: all look, and not at once.

use std::time::Duration;

use actix::Handler;

use super::TenantSupervisor;
use crate::actors::messages::{Look, LookAll};

/// Mailboxes that look start this far apart, on average.
const SPACING: Duration = Duration::from_millis(2);
/// The longest time in which all of them look.
const SPAN: Duration = Duration::from_secs(60);

/// Returns the time in which so many mailboxes look. Their sweeps would be as good after `sweep`.
fn span(count: usize, sweep: Duration) -> Duration {
    SPACING.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX)).min(SPAN).min(sweep)
}

impl Handler<LookAll> for TenantSupervisor {
    type Result = ();

    fn handle(&mut self, LookAll(count): LookAll, _: &mut Self::Context) {
        let within = span(count.max(self.children.len()), self.runtime.pace.sweep);
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
        // Two milliseconds each, at most a minute, and never longer than a sweep.
        let (milli, second) = (Duration::from_millis(1), Duration::from_secs(1));
        for (count, sweep, expected) in [
            (0, 900 * second, Duration::ZERO),
            (1, 900 * second, 2 * milli),
            (1_500, 900 * second, 3 * second),
            (1_500, second, second),
            (usize::MAX, 900 * second, 60 * second),
        ] {
            assert_eq!(span(count, sweep), expected, "{count}");
        }
    }
}
