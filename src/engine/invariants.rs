//! Invariants: the promises as predicates, used by tests and, as counters, in production.

use std::collections::HashSet;
use std::fmt;

use crate::domain::ids::{LinkId, UserId};
use crate::domain::link::{Link, LinkState};
use crate::domain::observation::Presence;
use crate::domain::plan::{MailClass, Op, Outcome, Step};
use crate::domain::side::{PerSide, Side};
use crate::engine::catalogue as rule;
use crate::engine::decide::After;
use crate::engine::fold::LinkChange;
use crate::engine::plan::Plan;

/// A promise that does not hold, by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Violation(pub &'static str);

/// A promise that a part of a plan breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// The promise.
    pub promise: Violation,
    /// The link that the part serves.
    pub link: LinkId,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at link {}", self.promise.0, self.link)
    }
}

/// INV-1: no link is created twice and no item belongs to two links of a mailbox.
pub const INV_1: Violation = Violation("INV-1-no-duplicate");
/// INV-2: a step that writes to a meeting with attendees is classed as mailing.
pub const INV_2: Violation = Violation("INV-2-mail-class");
/// INV-3: a step that did not succeed leaves its link unsettled.
pub const INV_3: Violation = Violation("INV-3-unsettled");
/// INV-4: a delete has a proven absence on the other side, or a rule that cancels.
pub const INV_4: Violation = Violation("INV-4-earned-delete");
/// INV-5: every verdict carries a rule.
pub const INV_5: Violation = Violation("INV-5-explained");

/// Checks a plan before it is carried out; `user` owns the mailbox.
#[must_use]
pub fn check_plan(plan: &Plan, user: UserId) -> Vec<Broken> {
    let mut found = Vec::new();
    let mut stored = HashSet::new();
    for entry in &plan.entries {
        let link = entry.link.id;
        let mut breaks = |promise| found.push(Broken { promise, link });
        // Two entries that are stored under one id would overwrite each other.
        if entry.after() != After::Nothing && !stored.insert(link) {
            breaks(INV_1);
        }
        if entry.verdict.decision.rules.is_empty() {
            breaks(INV_5);
        }
        for side in Side::BOTH {
            let Some(step) = entry.steps.get(side) else { continue };
            if mails_unclassed(step, entry.verdict.pairing.seen.get(side).as_ref()) {
                breaks(INV_2);
            }
            if matches!(step.op, Op::Delete { .. }) && !earned(entry, side, user) {
                breaks(INV_4);
            }
        }
    }
    found
}

fn mails_unclassed(step: &Step, seen: Option<&crate::engine::normalise::Seen>) -> bool {
    use crate::domain::field::Field;
    let attended = seen.is_some_and(|seen| {
        let fields = &seen.observation.fields;
        !fields.parties(Field::RequiredAttendees).is_empty()
            || !fields.parties(Field::OptionalAttendees).is_empty()
    });
    let organizes = seen.is_some_and(|seen| seen.observation.exchange_facts().is_organizer);
    step.on == Side::Exchange && attended && organizes && step.mail == MailClass::Silent
}

/// A delete is earned when the other side's item is proven gone or out of scope, when the row was
/// canceled and the organization propagates that, when somebody else organizes the row, or when
/// an operator purges the mailbox.
fn earned(entry: &crate::engine::plan::Entry, side: Side, user: UserId) -> bool {
    let other = entry.verdict.pairing.seen.get(side.other()).as_ref();
    let absent = other.is_some_and(|seen| {
        matches!(
            seen.observation.presence,
            Presence::Deleted | Presence::LeftFilter | Presence::Unreadable
        )
    });
    let rules = &entry.verdict.decision.rules;
    let organizer = other.and_then(|seen| seen.observation.dynamics_facts().organizer);
    let replaced = rules.contains(&rule::ORG_03) && organizer.is_some_and(|it| it != user);
    absent || replaced || rules.contains(&rule::CXL_04) || rules.contains(&rule::OPS_01)
}

/// Checks what is stored after the steps.
#[must_use]
pub fn check_fold(outcomes: &PerSide<Option<Outcome>>, change: &LinkChange) -> Vec<Violation> {
    let failed = Side::BOTH.into_iter().any(|side| {
        matches!(
            outcomes.get(side),
            Some(Outcome::Stale | Outcome::Refused(_) | Outcome::Unknown | Outcome::NotSent)
        )
    });
    let unsettled = match change {
        // A parked item waits as well, for a change or an operator.
        LinkChange::Put(link) => link.trouble.is_some(),
        LinkChange::None | LinkChange::Drop(_) => false,
    };
    if failed && !unsettled { vec![INV_3] } else { Vec::new() }
}

/// Checks all links of a mailbox: no item belongs to two of them.
#[must_use]
pub fn check_links(links: &[Link]) -> Vec<Violation> {
    let mut found = Vec::new();
    for side in Side::BOTH {
        let mut ids: Vec<_> = links
            .iter()
            .filter(|link| !matches!(link.state, LinkState::LeftAlone))
            .filter_map(|link| Some((link.kind.collection(), link.native.get(side).as_ref()?)))
            .collect();
        let before = ids.len();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() < before {
            found.push(INV_1);
        }
    }
    found
}
