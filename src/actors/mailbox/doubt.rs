//! A mailbox that is not surely this node's: what it left, and when it goes on.

use std::time::Duration;

use actix::Handler;

use super::MailboxActor;
use crate::actors::messages::Sure;
use crate::actors::phase::{Event, Phase};

/// Work that was cut off goes on within this time.
const SOON: Duration = Duration::from_secs(1);

/// What became of the last cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It was not left in doubt.
    None,
    /// It did not begin.
    Waited,
    /// It had begun.
    Cut,
}

impl MailboxActor {
    fn is_sure(&self) -> bool {
        self.runtime.ownership.fence_of(&self.mailbox.key).is_some()
    }

    /// Tells whether a cycle may begin; no slot is asked for to find out that it may not.
    pub(super) fn begins(&mut self) -> bool {
        let sure = self.is_sure();
        self.doubt = if sure { Doubt::None } else { Doubt::Waited };
        sure
    }

    /// Takes in that a cycle was left. It is no failure of the mailbox's: whoever owns it next goes on
    /// from what is stored.
    pub(super) fn left(&mut self) -> Event {
        // What was granted while the cycle ended was told while it ran.
        let soon = self.is_sure();
        self.doubt = match self.doubt {
            _ if soon => Doubt::None,
            Doubt::None | Doubt::Cut => Doubt::Cut,
            Doubt::Waited => Doubt::Waited,
        };
        Event::Left { soon }
    }
}

impl Handler<Sure> for MailboxActor {
    type Result = ();

    fn handle(&mut self, Sure(within): Sure, context: &mut Self::Context) {
        let waits = matches!(self.phase, Phase::Idle | Phase::Backoff { .. });
        let within = match self.doubt {
            Doubt::Waited if waits => within,
            Doubt::Cut if waits => within.min(SOON),
            Doubt::None | Doubt::Waited | Doubt::Cut => return,
        };
        self.doubt = Doubt::None;
        // Those that waited together do not start together.
        self.wait(within.mul_f64(fastrand::f64()), context);
    }
}
