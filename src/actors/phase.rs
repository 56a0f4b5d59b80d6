//! The life of a mailbox as one pure table.

use std::time::Duration;

use crate::domain::code::Code;

/// Where a mailbox stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It waits for its sweep or a wake-up.
    Idle,
    /// A cycle runs; `dirty` remembers a wake-up that came meanwhile.
    Running {
        /// Another cycle follows at once.
        dirty: bool,
        /// Failures in a row before this cycle.
        failures: u32,
    },
    /// It failed and waits before it tries again.
    Backoff {
        /// Failures in a row.
        failures: u32,
        /// Why.
        code: Code,
    },
    /// It waits for an operator, for its slow timer, or with its tenant.
    Parked(Code),
    /// A brake halted its plan; an operator releases it.
    Halted(Code),
}

/// What happens to a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Somebody says that something changed.
    Wake,
    /// The timer rang.
    Timer,
    /// A cycle ended well.
    Done {
        /// Items are left that the next cycle tries again.
        unsettled: bool,
        /// Something was written, so its echo can be expected.
        wrote: bool,
    },
    /// A cycle was left, or could not begin, because the mailbox is not surely this node's.
    Left {
        /// It is again already.
        soon: bool,
    },
    /// A cycle ended early and may be tried again.
    Failed {
        /// At least this long from now.
        after: Duration,
        /// Why.
        code: Code,
    },
    /// Trying again will not help.
    Park(Code),
    /// A brake halted the plan.
    Halt(Code),
    /// Nothing of the tenant works; another mailbox finds out when it does.
    Hold(Code),
    /// An operator released or retried the mailbox.
    Release,
}

/// What the actor does after a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// A cycle starts.
    Start,
    /// The timer is set, in place of any other.
    Timer(Duration),
    /// The timer is taken away: the tenant says when to go on.
    Hold,
}

/// How a mailbox waits. All times are lower bounds; the actor adds jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// From the end of a quiet cycle to the next (SCH-01).
    pub sweep: Duration,
    /// After a cycle that wrote: its echo is acknowledged soon, so that the sweep can be long.
    pub settle: Duration,
    /// The first wait after a failure; it doubles.
    pub backoff: Duration,
    /// The longest wait after a failure.
    pub backoff_max: Duration,
    /// Failures in a row before the mailbox is parked (ERR-01 parks at ten).
    pub park_after: u32,
}

impl Phase {
    /// Returns the next phase and what the actor does. Total: every event has an answer.
    #[must_use]
    pub fn on(self, event: Event, pace: &Pace) -> (Self, Effect) {
        use Effect as E;
        match (self, event) {
            // A wake-up never queues: it starts a cycle or is remembered once.
            (Self::Idle, Event::Wake | Event::Timer | Event::Release)
            | (Self::Backoff { .. }, Event::Timer | Event::Release) => {
                (Self::Running { dirty: false, failures: self.failures() }, E::Start)
            }
            (Self::Running { failures, .. }, Event::Wake | Event::Release) => {
                (Self::Running { dirty: true, failures }, E::None)
            }
            (Self::Running { dirty: true, .. }, Event::Done { .. }) => {
                (Self::Running { dirty: false, failures: 0 }, E::Start)
            }
            (Self::Running { dirty: false, .. }, Event::Done { unsettled, wrote }) => {
                let soon = unsettled || wrote;
                (Self::Idle, E::Timer(if soon { pace.settle } else { pace.sweep }))
            }
            // Says nothing of the mailbox: what it failed before still counts. A wake-up is answered
            // when it is this node's again, which the supervisor says.
            (Self::Running { failures, .. }, Event::Left { soon }) => {
                let wait = if soon { pace.settle } else { pace.sweep };
                let code = Code::LeaseInDoubt;
                let phase =
                    if failures == 0 { Self::Idle } else { Self::Backoff { failures, code } };
                (phase, E::Timer(wait))
            }
            (Self::Running { failures, .. }, Event::Failed { after, code }) => {
                fail(failures.saturating_add(1), after, code, pace)
            }
            // An outage that looks final may still heal: the slow probe finds out.
            (Self::Running { .. }, Event::Park(code)) => {
                (Self::Parked(code), E::Timer(pace.backoff_max))
            }
            (Self::Running { .. }, Event::Halt(code)) => (Self::Halted(code), E::None),
            (Self::Parked(_) | Self::Halted(_), Event::Release) => {
                (Self::Running { dirty: false, failures: 0 }, E::Start)
            }
            // A parked mailbox is probed slowly, and one more failure parks it again; a halted one
            // waits for an operator.
            (Self::Parked(_), Event::Timer) => {
                (Self::Running { dirty: false, failures: pace.park_after }, E::Start)
            }
            // A wake-up does not shorten a wait that a far side asked for; the timer finds what
            // changed meanwhile.
            (Self::Backoff { .. } | Self::Parked(_) | Self::Halted(_), Event::Wake)
            | (Self::Halted(_), Event::Timer)
            | (Self::Running { .. }, Event::Timer) => (self, E::None),
            (Self::Idle | Self::Backoff { .. } | Self::Parked(_), Event::Hold(code)) => {
                (Self::Parked(code), E::Hold)
            }
            // A cycle that runs finds out by itself; a halt needs an operator in any case.
            (Self::Running { .. } | Self::Halted(_), Event::Hold(_)) => (self, E::None),
            // The end of a cycle that this phase does not know of: a late message. Ignored.
            (
                Self::Idle | Self::Backoff { .. } | Self::Parked(_) | Self::Halted(_),
                Event::Done { .. }
                | Event::Left { .. }
                | Event::Failed { .. }
                | Event::Park(_)
                | Event::Halt(_),
            ) => (self, E::None),
        }
    }

    /// Returns the name used in metrics and status.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Running { .. } => "running",
            Self::Backoff { .. } => "backoff",
            Self::Parked(_) => "parked",
            Self::Halted(_) => "halted",
        }
    }

    /// Returns why the mailbox does not work, if it does not.
    #[must_use]
    pub const fn code(self) -> Option<Code> {
        match self {
            Self::Idle | Self::Running { .. } => None,
            Self::Backoff { code, .. } | Self::Parked(code) | Self::Halted(code) => Some(code),
        }
    }

    const fn failures(self) -> u32 {
        match self {
            Self::Backoff { failures, .. } | Self::Running { failures, .. } => failures,
            Self::Idle | Self::Parked(_) | Self::Halted(_) => 0,
        }
    }
}

fn fail(failures: u32, after: Duration, code: Code, pace: &Pace) -> (Phase, Effect) {
    if failures >= pace.park_after {
        // Parked mailboxes are probed at the longest interval, so that an outage of a far side
        // heals by itself.
        return (Phase::Parked(code), Effect::Timer(pace.backoff_max.max(after)));
    }
    let doubled = pace.backoff.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let wait = doubled.min(pace.backoff_max).max(after);
    (Phase::Backoff { failures, code }, Effect::Timer(wait))
}

#[cfg(test)]
mod tests;
