//! Decide: one total table from what is known and seen to what is to be done.
//!
//! The table has two levels. This file asks *where does each side stand* and dispatches on the
//! state of the link; the files below hold the arms: `create` (no pair yet), `agreed` (a pair that
//! may have changed), `carry` (what its changes write), `removal` (one item is gone), `dormant`
//! (dissolved pairs).

mod addresses;
pub(crate) mod agreed;
mod booking;
mod carry;
mod create;
mod dormant;
mod fit;
mod gate;
pub(crate) mod halves;
mod merge;
mod occurrences;
mod people;
mod removal;
mod replaced;
mod split;
mod unfit;

#[cfg(test)]
mod tests;

use unfit::{not_fit, unfit};
pub use unfit::{undecided, unfinished};

use crate::domain::code::Code;
use crate::domain::field::{Group, Patch};
use crate::domain::ids::UserId;
use crate::domain::kind::Kind;
use crate::domain::link::{Link, LinkState, Role, Why};
use crate::domain::observation::Presence;
use crate::domain::plan::{Decision, MailClass, Verb};
use crate::domain::policy::Context;
use crate::domain::rule::RuleId;
use crate::domain::side::{PerSide, Side};
use crate::engine::catalogue as rule;
use crate::engine::matching::Pairing;
use crate::engine::normalise::Seen;

/// What is to be done for one pairing, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// What was known and seen.
    pub pairing: Pairing,
    /// The writes, at most one on each side.
    pub writes: PerSide<Option<Write>>,
    /// What the link becomes when every write succeeds.
    pub after: After,
    /// What the mailbox is in the meeting, once known.
    pub role: Role,
    /// The explanation.
    pub decision: Decision,
}

/// One write, still without id, version and key; `engine::plan` adds them.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A new item.
    Create {
        /// All its fields.
        patch: Patch,
        /// Whom it mails.
        mail: MailClass,
    },
    /// A change.
    Update {
        /// The fields.
        patch: Patch,
        /// The groups that the patch carries.
        groups: Vec<Group>,
        /// Whom it mails.
        mail: MailClass,
        /// Also put marker and category on the item.
        mark: bool,
    },
    /// Marker and category come off.
    Unmark {
        /// Whom it mails.
        mail: MailClass,
    },
    /// A removal.
    Delete {
        /// Whom it mails.
        mail: MailClass,
    },
}

/// What becomes of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Nothing is remembered (an untracked item, a copy).
    Nothing,
    /// Both items agree.
    Agreed,
    /// The pair is dissolved.
    Unlinked(Why),
    /// The Exchange item is gone, the row stays.
    DeletedInExchange,
    /// One item alone is left alone.
    LeftAlone(Code),
    /// The pair stays as it is and unsettled, for this reason.
    Unsettled(Code),
    /// The link is forgotten.
    Forgotten,
}

/// Where one side of a pair stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// There is no item on this side, as far as is known.
    None,
    /// It is there and holds what was agreed.
    Same,
    /// It is there and differs from the agreement in these groups.
    Changed(Vec<Group>),
    /// It is there and nothing was agreed yet.
    New,
    /// Its user may read it, no filter returns it.
    LeftFilter,
    /// It exists, its user may not read it.
    Unreadable,
    /// It is gone, proven by a probe.
    Deleted,
    /// It was moved out of the synchronized collections.
    MovedAway,
}

/// Decides for one pairing.
#[must_use]
pub fn decide(pairing: Pairing, context: &Context<'_>) -> Verdict {
    noted(judge(pairing, context))
}

/// What an adapter could not read is noted where the rest of the item is written to Dynamics; that
/// an occurrence has attendees of its own, wherever it is seen.
fn noted(verdict: Verdict) -> Verdict {
    let seen = &verdict.pairing.seen;
    let apart = Side::BOTH.into_iter().any(|side| {
        let seen = seen.get(side).as_ref();
        seen.is_some_and(|seen| seen.observation.losses.contains(&Code::OccurrenceAttendees))
    });
    let verdict = if apart { verdict.with_losses(&[Code::OccurrenceAttendees]) } else { verdict };
    let item = verdict.pairing.seen.exchange.as_ref();
    let losses = item.map(|seen| seen.observation.losses.clone()).unwrap_or_default();
    if verdict.writes.dynamics.is_some() && !losses.is_empty() {
        return verdict.with_losses(&losses);
    }
    verdict
}

fn judge(pairing: Pairing, context: &Context<'_>) -> Verdict {
    if pairing.copy && context.policy.settings.ignore_copies {
        return leave(pairing, After::Nothing, rule::COPY_01, Code::CopiedItem);
    }
    if is_foreign(&pairing) {
        // LINK-02: an untracked item is none of our business, whatever it is. Not remembered.
        return verdict(pairing, After::Nothing, Verb::LeaveAlone, &[rule::LINK_02]);
    }
    if let Some(code) = unfit(&pairing) {
        return not_fit(pairing, code);
    }
    if let Some(verdict) = unsupported(&pairing) {
        return verdict;
    }
    if replaced::is_mine_now(&pairing, context) || replaced::is_left_behind(&pairing) {
        return verdict(pairing, After::Forgotten, Verb::Forget, &[rule::ORG_03]);
    }
    let standing = PerSide::from_fn(|side| standing(&pairing, side));
    match pairing.link.as_ref().map(|link| link.state) {
        None | Some(LinkState::LeftAlone | LinkState::Creating(_)) => {
            create::decide(pairing, &standing, context)
        }
        Some(LinkState::Agreed) => agreed::decide(pairing, &standing, context),
        Some(LinkState::Unlinked(why)) => dormant::unlinked(pairing, why, &standing, context),
        Some(LinkState::DeletedInExchange) => dormant::deleted(pairing, &standing, context),
    }
}

/// Tells whether a pairing can be decided from what was seen: a link of which one item was seen
/// unchanged needs no look at the other. `user` is whose mailbox it is.
#[must_use]
pub fn needs_other_side(pairing: &Pairing, side: Side, user: UserId) -> bool {
    let standing = standing(pairing, side);
    let settled = pairing
        .link
        .as_ref()
        .is_some_and(|link| link.state == LinkState::Agreed && !link.is_unsettled())
        // REC-05: whatever happens to the series, the occurrence that waits is tried again.
        && !pairing.link.as_ref().is_some_and(crate::domain::link::Link::awaits_expansion);
    let untracked = side == Side::Exchange && !item_facts(pairing).tracked;
    // ORG-03: who organizes a row is no content of it, and may take its meeting from here.
    let handed_over = side == Side::Dynamics && replaced::has_other_organizer(pairing, user);
    !settled || standing != Standing::Same || untracked || handed_over
}

/// Compares one side with the agreement.
pub(crate) fn standing(pairing: &Pairing, side: Side) -> Standing {
    let agreed = pairing.link.as_ref().filter(|link| {
        matches!(
            link.state,
            LinkState::Agreed | LinkState::Unlinked(_) | LinkState::DeletedInExchange
        )
    });
    let Some(seen) = pairing.seen.get(side) else {
        let known = agreed.is_some_and(|link| link.native.get(side).is_some());
        return if known { Standing::Same } else { Standing::None };
    };
    // A row that never matched a filter cannot leave it: it was tracked from Exchange and stays in
    // step by its link (rules.md §6, question 3).
    let matched = pairing.link.as_ref().is_some_and(|link| link.matched);
    match seen.observation.presence {
        Presence::LeftFilter if matched => Standing::LeftFilter,
        Presence::Unreadable => Standing::Unreadable,
        Presence::Deleted => Standing::Deleted,
        Presence::MovedAway => Standing::MovedAway,
        Presence::Present | Presence::LeftFilter => match agreed {
            None => Standing::New,
            Some(link) if link.native.get(side).is_none() => Standing::New,
            Some(link) => {
                let groups = changed_groups(link, seen, side);
                if groups.is_empty() { Standing::Same } else { Standing::Changed(groups) }
            }
        },
    }
}

/// Returns the groups in which an item differs from the agreement: content, never time stamps or
/// change keys (CONF-02).
fn changed_groups(link: &Link, seen: &Seen, side: Side) -> Vec<Group> {
    let mut groups = seen.prints.differing(link.agreed.get(side));
    // Files have a lane of their own (`engine::files`).
    groups.retain(|group| *group != Group::Files);
    groups
}

/// Tells whether this is an Exchange item alone that nobody asked to track.
fn is_foreign(pairing: &Pairing) -> bool {
    pairing.link.is_none() && pairing.seen.dynamics.is_none() && !item_facts(pairing).tracked
}

/// Items that are left alone on both sides because of how they recur.
fn unsupported(pairing: &Pairing) -> Option<Verdict> {
    let facts = item_facts(pairing);
    let row = pairing.seen.dynamics.is_some();
    let (id, code) = match pairing.kind() {
        // A linked item that its user made recur is not the same item any more.
        Kind::Appointment | Kind::ServiceAppointment if facts.recurring => {
            (rule::REC_11, Code::RecurringUnsupported)
        }
        // TASK-IN-08: nor is one imported.
        Kind::Task | Kind::PhoneCall | Kind::Letter | Kind::Fax if facts.recurring => {
            (rule::REC_10, Code::RecurringTask)
        }
        Kind::Appointment
        | Kind::RecurringAppointment
        | Kind::ServiceAppointment
        | Kind::Contact
        | Kind::Task
        | Kind::PhoneCall
        | Kind::Letter
        | Kind::Fax => return None,
    };
    let gone = Side::BOTH.into_iter().all(|side| {
        pairing.seen.get(side).as_ref().is_none_or(|one| {
            matches!(
                one.observation.presence,
                Presence::Deleted | Presence::LeftFilter | Presence::Unreadable
            )
        })
    });
    let after = match (gone, row || pairing.link.is_some()) {
        (true, _) => After::Forgotten,
        (false, true) => After::LeftAlone(code),
        (false, false) => After::Nothing,
    };
    Some(leave(pairing.clone(), after, id, code))
}

// The verdicts that several arms share.

/// Nothing is written; the reason is a code.
pub(crate) fn leave(pairing: Pairing, after: After, id: RuleId, code: Code) -> Verdict {
    verdict(pairing, after, Verb::LeaveAlone, &[id]).with_code(code)
}

/// Nothing is written and nothing is wrong.
pub(crate) fn acknowledge(pairing: Pairing, id: RuleId) -> Verdict {
    verdict(pairing, After::Agreed, Verb::Acknowledge, &[id])
}

pub(crate) fn verdict(pairing: Pairing, after: After, verb: Verb, rules: &[RuleId]) -> Verdict {
    let role = pairing.link.as_ref().map_or(Role::Owner, |link| link.role);
    Verdict {
        pairing,
        writes: PerSide::default(),
        after,
        role,
        decision: Decision {
            rules: rules.to_vec(),
            verb,
            groups: Vec::new(),
            code: None,
            notes: Vec::new(),
        },
    }
}

impl Verdict {
    /// Tells whether the pair is forgotten because its row goes over to another meeting (ORG-03).
    #[must_use]
    pub fn goes_over(&self) -> bool {
        self.decision.verb == Verb::Forget && self.decision.rules.contains(&rule::ORG_03)
    }

    pub(crate) fn with_code(mut self, code: Code) -> Self {
        self.decision.code = Some(code);
        self
    }

    pub(crate) fn with_losses(mut self, losses: &[Code]) -> Self {
        losses.iter().for_each(|code| self.decision.note(*code));
        self
    }

    /// Names a further rule.
    pub(crate) fn by(mut self, id: RuleId) -> Self {
        self.decision.rules.push(id);
        self
    }

    pub(crate) fn with_role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    pub(crate) fn with_write(mut self, side: Side, write: Write) -> Self {
        if let Write::Update { groups, .. } = &write {
            self.decision.groups.extend(groups.iter().copied());
            self.decision.groups.sort_unstable();
            self.decision.groups.dedup();
        }
        self.writes.set(side, Some(write));
        self
    }
}

// Facts that several arms ask for.

pub(crate) fn item_facts(pairing: &Pairing) -> crate::domain::observation::ExchangeFacts {
    let seen = pairing.seen.exchange.as_ref();
    seen.map(|seen| seen.observation.exchange_facts()).unwrap_or_default()
}

pub(crate) fn row_facts(pairing: &Pairing) -> crate::domain::observation::DynamicsFacts {
    let seen = pairing.seen.dynamics.as_ref();
    seen.map(|seen| seen.observation.dynamics_facts()).unwrap_or_default()
}

pub(crate) fn fields(pairing: &Pairing, side: Side) -> crate::domain::field::Fields {
    pairing.seen.get(side).as_ref().map(|seen| seen.observation.fields.clone()).unwrap_or_default()
}

/// What a served user's mailbox is in an event that stands in his calendar.
pub(crate) fn role_in(pairing: &Pairing, context: &Context<'_>) -> Role {
    match pairing.kind() {
        Kind::Appointment | Kind::RecurringAppointment => {}
        // SVC-03, SVC-04: one's own copy, which follows the row.
        Kind::ServiceAppointment => return Role::PrivateCopy,
        Kind::Contact | Kind::Task | Kind::PhoneCall | Kind::Letter | Kind::Fax => {
            return Role::Owner;
        }
    }
    let facts = item_facts(pairing);
    if facts.is_organizer {
        return Role::Owner;
    }
    let organizer = facts.organizer.as_ref().and_then(|it| context.directory.by_address(it));
    if organizer.is_some_and(|user| user.served) { Role::Follower } else { Role::Guest }
}

pub(crate) fn is_me(user: Option<UserId>, context: &Context<'_>) -> bool {
    user == Some(context.mailbox.user)
}

/// Returns how many attendees a row or an item has.
pub(crate) fn attendee_count(fields: &crate::domain::field::Fields) -> u16 {
    use crate::domain::field::Field;
    let count = fields.parties(Field::RequiredAttendees).len()
        + fields.parties(Field::OptionalAttendees).len();
    u16::try_from(count).unwrap_or(u16::MAX)
}

pub(crate) fn mails(count: u16) -> MailClass {
    if count == 0 { MailClass::Silent } else { MailClass::Mails(count) }
}
