//! What a cycle did, item by item, and how a cycle may end early.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::context::CycleContext;
use crate::domain::code::Code;
use crate::domain::ids::{CycleId, LinkId, MailboxKey, NativeId};
use crate::domain::kind::Kind;
use crate::domain::link::{Link, Trouble};
use crate::domain::plan::{Decision, MailClass, Outcome};
use crate::domain::side::{PerSide, Side};
use crate::engine::catalogue as rule;
use crate::engine::files::FilePlan;
use crate::engine::fold::LinkChange;
use crate::engine::guard::Halt;
use crate::engine::invariants::Broken;
use crate::engine::plan::Entry;
use crate::ports::error::{SideError, StoreError};
use crate::ports::links::StateChange;

/// Why a cycle ended before its commit.
#[derive(Debug, Error)]
pub enum CycleEnd {
    /// A far side failed as a whole.
    #[error("{0}: {1}")]
    Side(Side, #[source] SideError),
    /// The store failed, or the ownership was lost.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It did not come to an end and was cut off (SCH-05).
    #[error("the cycle did not come to an end")]
    Stuck,
    /// This process was not sure any more that it owns the mailbox, and stopped.
    #[error("the lease is in doubt; nothing more is written")]
    InDoubt,
    /// The mailbox goes to another node; the rest of the plan is left to it.
    #[error("the mailbox goes to another node")]
    HandedOver,
    /// A brake halted the plan (promises 2 and 3).
    #[error("halted: {0}")]
    Halted(Halt),
}

impl From<Halt> for CycleEnd {
    fn from(halt: Halt) -> Self {
        Self::Halted(halt)
    }
}

impl CycleEnd {
    /// Returns the code that operators see.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Side(_, error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Stuck => Code::CycleStuck,
            Self::InDoubt => Code::LeaseInDoubt,
            Self::HandedOver => Code::HandedOver,
            Self::Halted(halt) => halt.code,
        }
    }
}

/// What was decided and done for one item. Ids only: no subject, body, name or address.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The link.
    pub link: LinkId,
    /// The kind.
    pub kind: Kind,
    /// The items.
    pub native: PerSide<Option<NativeId>>,
    /// The decision with its rules.
    pub decision: Decision,
    /// Whom the writes mailed.
    pub mail: MailClass,
    /// The code of what failed, when something did.
    pub failed: Option<Code>,
}

impl Line {
    /// Returns all codes, that of a failure first.
    pub fn codes(&self) -> impl Iterator<Item = Code> + '_ {
        let decided = self.decision.codes().filter(|code| Some(*code) != self.failed);
        self.failed.into_iter().chain(decided)
    }
}

/// What one cycle did.
#[derive(Debug, Clone, PartialEq)]
pub struct CycleReport {
    /// The mailbox.
    pub mailbox: MailboxKey,
    /// The cycle, as the journal names it.
    pub cycle: CycleId,
    /// The trace, when traces are on.
    pub trace: Option<String>,
    /// When it began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub finished: DateTime<Utc>,
    /// One line for each item that was looked at, acknowledged echoes left out.
    pub lines: Vec<Line>,
    /// Writes that were confirmed.
    pub done: PerSide<u32>,
    /// Items that stay unsettled and are tried again in the next cycle.
    pub unsettled: u32,
    /// Those of them that were tried, or looked at, in this cycle, each with its code.
    pub waiting: Vec<(LinkId, Code)>,
    /// One of them may be settled at once: its answer was lost, or it changed meanwhile. A refusal
    /// can wait for the sweep.
    pub soon: bool,
    /// Items that failed too often and wait for a change.
    pub parked: u32,
    /// Items that are left alone for a reason.
    pub left_alone: u32,
}

impl CycleReport {
    pub(super) fn begin(context: &CycleContext) -> Self {
        Self {
            mailbox: context.mailbox.key.clone(),
            cycle: context.cycle,
            trace: crate::telemetry::current_trace_id(),
            started: context.now,
            finished: context.now,
            lines: Vec::new(),
            done: PerSide::default(),
            unsettled: 0,
            waiting: Vec::new(),
            soon: false,
            parked: 0,
            left_alone: 0,
        }
    }

    pub(super) fn finish(mut self, context: &CycleContext, parked: u32) -> Self {
        self.parked = parked;
        self.finished = context.deps.clock.now();
        self
    }

    /// Tells whether nothing was written and nothing waits to be.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.done.dynamics == 0 && self.done.exchange == 0 && self.unsettled == 0
    }

    /// Tells whether another cycle should follow soon: for the echo of a write, or for what is unsettled.
    #[must_use]
    pub const fn is_followed(&self) -> bool {
        self.soon || self.done.dynamics > 0 || self.done.exchange > 0
    }

    /// Notes what was done about the files of one appointment. Returns its line, when there is something
    /// to say.
    pub(super) fn files(
        &mut self,
        link: &Link,
        plan: &FilePlan,
        done: &[Outcome],
    ) -> Option<&Line> {
        use crate::domain::field::Group;
        for (one, outcome) in plan.moves.iter().zip(done) {
            if matches!(outcome, Outcome::Done(_)) {
                *self.done.get_mut(one.target()) += 1;
            }
        }
        let refused = done.iter().find_map(|one| match one {
            Outcome::Refused(code) => Some(*code),
            Outcome::Done(_) => None,
            Outcome::Stale | Outcome::Missing | Outcome::Unknown | Outcome::NotSent => {
                Some(Code::AttachmentFailed)
            }
        });
        let verb = plan.verb()?;
        let mut decision = Decision {
            rules: vec![rule::ATT_02, rule::ATT_05],
            verb,
            groups: vec![Group::Files],
            code: None,
            notes: Vec::new(),
        };
        let conflict = plan.conflict.then_some(Code::ConflictResolved);
        plan.notes.iter().copied().chain(conflict).for_each(|code| decision.note(code));
        self.lines.push(Line {
            link: link.id,
            kind: link.kind,
            native: link.native.clone(),
            decision,
            mail: MailClass::Silent,
            failed: refused,
        });
        self.lines.last()
    }

    /// Something beside the items waits for the next cycle, which may come soon.
    pub(super) const fn waits(&mut self) {
        self.unsettled += 1;
        self.soon = true;
    }

    pub(super) fn count_invariants(&self, context: &CycleContext, found: &[Broken]) {
        for Broken { promise, link } in found {
            tracing::error!(
                lockstep.invariant = promise.0,
                lockstep.link = %link,
                "a promise does not hold"
            );
            context.deps.metrics.invariant_violation(context.view.tenant.as_str(), promise.0);
        }
    }

    /// Adds what became of an entry; returns whom it mailed and what failed.
    pub(super) fn line(
        &mut self,
        context: &CycleContext,
        entry: &Entry,
        outcomes: &PerSide<Option<Outcome>>,
        change: &LinkChange,
    ) -> (MailClass, Option<Code>) {
        use crate::domain::plan::Verb;
        let link = match change {
            LinkChange::Put(link) => link.as_ref(),
            LinkChange::None | LinkChange::Drop(_) => &entry.link,
        };
        for side in Side::BOTH {
            if matches!(outcomes.get(side), Some(Outcome::Done(_))) {
                *self.done.get_mut(side) += 1;
            }
        }
        let failed = link.trouble.filter(|_| !quiet_outcome(outcomes)).map(Trouble::shown);
        match change {
            LinkChange::Put(link) if link.is_unsettled() => {
                self.unsettled += 1;
                let code = link.trouble.map(|trouble| trouble.code);
                self.waiting.extend(code.map(|code| (link.id, code)));
                let chance = [
                    Code::ResultUnknown,
                    Code::ChangedMeanwhile,
                    Code::PutOff,
                    Code::ReadUnfinished,
                ];
                self.soon |= code.is_some_and(|code| chance.contains(&code));
            }
            // ORG-03: the row makes or meets its new organizer's meeting in the next cycle.
            LinkChange::Drop(_) if entry.verdict.goes_over() => {
                self.unsettled += 1;
                self.soon = true;
            }
            LinkChange::Put(_) | LinkChange::None | LinkChange::Drop(_) => {}
        }
        let decision = &entry.verdict.decision;
        let tenant = context.view.tenant.as_str();
        if let Some(rule) = decision.rules.first() {
            context.deps.metrics.decision(tenant, rule.0);
        }
        let mail = mail_of(entry, outcomes);
        if let MailClass::Mails(count) = mail {
            context.deps.metrics.mails(tenant, u64::from(count));
        }
        // What is done to a copy of a service activity stays there, and its user may wonder (SVC-04).
        let copy = decision.rules.contains(&rule::SVC_04);
        let echo = decision.verb == Verb::Acknowledge && decision.code.is_none() && !copy;
        // What has a code is not remembered either, but its user may wonder why it has no row (COPY-01).
        let foreign = decision.verb == Verb::LeaveAlone
            && matches!(change, LinkChange::None)
            && decision.code.is_none();
        if decision.verb == Verb::LeaveAlone && !foreign {
            self.left_alone += 1;
        }
        if echo || foreign {
            return (mail, failed);
        }
        tracing::info!(
            lockstep.link = %link.id,
            lockstep.kind = link.kind.table(),
            lockstep.rule = decision.rules.first().map_or("", |rule| rule.0),
            lockstep.verb = ?decision.verb,
            lockstep.code = decision.code.or(failed).map_or("", Code::as_str),
            "decided"
        );
        self.lines.push(Line {
            link: link.id,
            kind: link.kind,
            native: link.native.clone(),
            decision: decision.clone(),
            mail,
            failed,
        });
        (mail, failed)
    }
}

/// The items of a mailbox that are parked. Most of them are not looked at in a cycle, so they
/// cannot be counted by what the cycle did.
#[derive(Debug)]
pub(super) struct Parked(HashSet<LinkId>);

impl Parked {
    pub(super) fn of(links: &[Link]) -> Self {
        Self(links.iter().filter(|link| link.is_parked()).map(|link| link.id).collect())
    }

    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn take_in(&mut self, change: &StateChange) {
        for link in &change.put {
            if link.is_parked() {
                self.0.insert(link.id);
            } else {
                self.0.remove(&link.id);
            }
        }
        for id in &change.drop {
            self.0.remove(id);
        }
    }
}

fn quiet_outcome(outcomes: &PerSide<Option<Outcome>>) -> bool {
    Side::BOTH
        .into_iter()
        .all(|side| matches!(outcomes.get(side), None | Some(Outcome::Done(_) | Outcome::Missing)))
}

fn mail_of(entry: &Entry, outcomes: &PerSide<Option<Outcome>>) -> MailClass {
    match (&entry.steps.exchange, &outcomes.exchange) {
        (Some(step), Some(Outcome::Done(_) | Outcome::Unknown)) => step.mail,
        _ => MailClass::Silent,
    }
}
