//! One item of a pair is gone: does the other go, too?
//!
//! Deletion is earned (promise 3): these arms are reached only with a proven absence, and each
//! names the rule that allows or forbids the delete.

use super::carry::owes_mark;
use super::create::is_past;
use super::fit::fits_exchange;
use super::{
    After, Standing, Verdict, Write, attendee_count, fields, is_me, item_facts, mails, replaced,
    row_facts, verdict,
};
use crate::domain::code::Code;
use crate::domain::field::{Field, Group};
use crate::domain::ids::UserId;
use crate::domain::kind::{Collection, Kind};
use crate::domain::link::{LinkState, Role, Trouble, Why};
use crate::domain::plan::{MailClass, Verb};
use crate::domain::policy::Context;
use crate::domain::rule::RuleId;
use crate::domain::side::Side;
use crate::engine::catalogue as rule;
use crate::engine::groups;
use crate::engine::matching::Pairing;
use crate::engine::translate::{
    changes, completed_in_exchange, known_to_exchange, todo_status_of, translate,
};

/// What the rules of a kind say about a delete.
pub(super) enum Fate {
    /// The other item is deleted.
    Delete(&'static [RuleId], MailClass),
    /// It stays, and the pair is dissolved.
    Keep(&'static [RuleId]),
}

/// The row left the filter, was withdrawn, or is gone (FILT-04).
pub(super) fn row_left(pairing: Pairing, how: &Standing, context: &Context<'_>) -> Verdict {
    let physical = *how == Standing::Deleted;
    let why = if physical { Why::RowGone } else { Why::LeftFilter };
    // The item is gone, too: nothing is left to delete.
    let gone = pairing.seen.exchange.as_ref().is_none_or(|seen| {
        seen.observation.presence == crate::domain::observation::Presence::Deleted
    });
    if gone {
        let unname = unname(&pairing, physical);
        let verdict = verdict(pairing, After::Forgotten, Verb::Forget, &[rule::FILT_05]);
        return match unname {
            Some(write) => verdict.with_write(Side::Dynamics, write),
            None => verdict,
        };
    }
    let matched = pairing.link.as_ref().is_some_and(|link| link.matched);
    // FILT-06: told apart, a logical delete only unlinks, whatever the kind.
    let fate = if !physical && context.policy.settings.distinct_deletes {
        Fate::Keep(&[rule::FILT_06])
    } else if !physical && !matched {
        // What never matched a filter cannot leave it (rules.md §6, question 3).
        Fate::Keep(&[rule::FILT_05])
    } else {
        match pairing.kind() {
            Kind::Appointment | Kind::RecurringAppointment => {
                let role = pairing.link.as_ref().map_or(Role::Guest, |link| link.role);
                appointment_leaves(&pairing, role, context)
            }
            Kind::ServiceAppointment => service_leaves(&pairing),
            Kind::Contact => contact_leaves(&pairing, physical, context),
            Kind::Task | Kind::PhoneCall | Kind::Letter | Kind::Fax => {
                task_leaves(&pairing, how, context)
            }
        }
    };
    match fate {
        Fate::Delete(ids, mail) => {
            let unname = unname(&pairing, physical);
            let verb = Verb::Delete(Side::Exchange);
            let mut rules = ids.to_vec();
            rules.push(rule::FILT_04);
            // CXL-07: the organization does not tell the deletes apart.
            let logical = !physical && pairing.kind().is_meeting();
            rules.extend(logical.then_some(rule::CXL_07));
            rules.extend(handed_over(&pairing, context));
            let verdict = verdict(pairing, After::Forgotten, verb, &rules)
                .with_write(Side::Exchange, Write::Delete { mail });
            match unname {
                Some(write) => verdict.with_write(Side::Dynamics, write),
                None => verdict,
            }
        }
        Fate::Keep(ids) => keep_item(pairing, how, why, ids, context),
    }
}

/// Names the rule when the row left because it is somebody else's now: the meeting has another
/// organizer (ORG-03), the contact that was tracked here another owner (CONT-07).
fn handed_over(pairing: &Pairing, context: &Context<'_>) -> Option<RuleId> {
    let facts = row_facts(pairing);
    let other = |user: Option<UserId>| user.is_some() && !is_me(user, context);
    let tracked = pairing.link.as_ref().is_some_and(|link| link.origin == Side::Exchange);
    match pairing.kind() {
        Kind::Appointment => other(facts.organizer).then_some(rule::ORG_03),
        Kind::Contact if tracked => other(facts.owner).then_some(rule::CONT_07),
        Kind::Contact => other(facts.owner).then_some(rule::FILT_07),
        Kind::Task
        | Kind::PhoneCall
        | Kind::Letter
        | Kind::Fax
        | Kind::RecurringAppointment
        | Kind::ServiceAppointment => None,
    }
}

/// A row that only left the filter loses the identity of the meeting that goes: when it matches
/// again, it is made again (FILT-02), and must not look like a meeting somebody deleted. With a copy,
/// or with a meeting that the row does not name, it loses nothing.
fn unname(pairing: &Pairing, physical: bool) -> Option<Write> {
    let role = pairing.link.as_ref().map_or(Role::Owner, |link| link.role);
    if physical || role != Role::Owner || !pairing.kind().is_meeting() {
        return None;
    }
    let row = &pairing.seen.dynamics.as_ref()?.observation;
    // A closed row takes no change but one of its state.
    let closed = matches!(row.fields.number(Field::State), Some(1 | 2));
    let item = pairing.seen.exchange.as_ref().and_then(|item| item.observation.uid.as_ref());
    let known = pairing.link.as_ref().and_then(|link| link.uid.as_ref());
    let meeting = item.or(known).filter(|_| row.version.is_some() && !closed)?;
    replaced::unname(pairing, meeting)
}

/// FILT-18: the change that took the row out of the filter is carried before the pair is
/// dissolved, if the user may read the row and the write mails nobody.
fn keep_item(
    pairing: Pairing,
    how: &Standing,
    why: Why,
    ids: &[RuleId],
    context: &Context<'_>,
) -> Verdict {
    let pending = if *how == Standing::LeftFilter { pending(&pairing, context) } else { None };
    let pending = match (pending, owed_mark(&pairing)) {
        (Some(Write::Update { patch, groups, mail, .. }), Some(_)) => {
            Some(Write::Update { patch, groups, mail, mark: true })
        }
        (pending, owed) => pending.or(owed),
    };
    match pending {
        None => verdict(pairing, After::Unlinked(why), Verb::Unlink, ids).by(rule::FILT_04),
        Some(write) => {
            let guessed = guessed(&pairing, &write);
            let verdict = verdict(pairing, After::Unlinked(why), Verb::Unlink, ids)
                .by(rule::FILT_18)
                .by(rule::FILT_04)
                .with_write(Side::Exchange, write);
            if guessed {
                verdict.by(rule::CONF_03).with_code(Code::ConflictResolved)
            } else {
                verdict
            }
        }
    }
}

/// An item that was just made was not read before: what an edit of the row replaces there may be
/// an edit, too.
fn guessed(pairing: &Pairing, write: &Write) -> bool {
    is_unread(pairing) && matches!(write, Write::Update { groups, .. } if !groups.is_empty())
}

/// Tells whether nothing is known of what the item held when the two last agreed.
fn is_unread(pairing: &Pairing) -> bool {
    let state = pairing.link.as_ref().map(|link| link.state);
    state == Some(LinkState::Creating(Side::Exchange)) || is_met_late(pairing)
}

/// Tells whether an item names the row beside it, and only a failed reading has kept them apart: with
/// a lost store they were a pair (INV-7).
pub(super) fn is_met_late(pairing: &Pairing) -> bool {
    let Some(link) = &pairing.link else { return false };
    let unread = link.trouble.is_some_and(|trouble| Trouble::is_of_the_reply(trouble.code));
    let item = pairing.seen.exchange.as_ref();
    let named = item.is_some_and(|item| item.observation.marker == Some(link.id));
    link.state == LinkState::LeftAlone && unread && named
}

/// An item whose adoption was cut short has no marker yet. It gets it before the pair is dissolved,
/// or the loss of the store would make a second row of it (INV-7).
fn owed_mark(pairing: &Pairing) -> Option<Write> {
    let link = pairing.link.as_ref()?;
    let item = &pairing.seen.exchange.as_ref()?.observation;
    let owed = matches!(link.state, LinkState::Creating(_)) && owes_mark(pairing);
    let mails = link.role != Role::Owner || attendee_count(&item.fields) > 0;
    let (patch, groups) = (Vec::new(), Vec::new());
    (owed && !mails).then_some(Write::Update { patch, groups, mail: MailClass::Silent, mark: true })
}

/// Adds the mark to the end of a pair whose row was made without an answer.
pub(super) fn with_owed_mark(verdict: Verdict) -> Verdict {
    match owed_mark(&verdict.pairing) {
        Some(mark) => verdict.by(rule::LINK_08).with_write(Side::Exchange, mark),
        None => verdict,
    }
}

fn pending(pairing: &Pairing, context: &Context<'_>) -> Option<Write> {
    let kind = pairing.kind();
    let item = fields(pairing, Side::Exchange);
    let link = pairing.link.as_ref()?;
    let seen = pairing.seen.dynamics.as_ref()?;
    let there = pairing.seen.exchange.as_ref()?;
    // ORG-01: only the mailbox that may write the item. Nobody is mailed by a farewell.
    let writes = matches!(link.role, Role::Owner | Role::PrivateCopy);
    if !writes || (kind.collection() == Collection::Calendar && attendee_count(&item) > 0) {
        return None;
    }
    fits_exchange(kind, &seen.observation.fields).ok()?;
    let wanted: Vec<Group> = groups::of(kind, &context.policy.settings)
        .into_iter()
        .filter(|group| *group != Group::Attendees || kind == Kind::ServiceAppointment)
        .filter(|group| seen.prints.get(*group) != link.agreed.dynamics.get(*group))
        // What was edited in Exchange, too, stays there: the pair ends, nobody has to win. An item
        // that was not read before holds what it was made from.
        .filter(|group| {
            is_unread(pairing) || there.prints.get(*group) == link.agreed.exchange.get(*group)
        })
        .collect();
    let row = &seen.observation.fields;
    let out = translate(kind, Side::Dynamics, &wanted, row, &item, context);
    changes(&out.patch, &item).then_some(Write::Update {
        patch: out.patch,
        groups: wanted,
        mail: MailClass::Silent,
        mark: false,
    })
}

/// CXL-05 to CXL-07: only the organizer's future item goes, and with it a cancellation to those who
/// attend (CXL-02). Judged by the Exchange item (ORG-06).
pub(super) fn appointment_leaves(pairing: &Pairing, role: Role, context: &Context<'_>) -> Fate {
    let item = fields(pairing, Side::Exchange);
    let organizes = role == Role::Owner && item_facts(pairing).is_organizer;
    match (organizes, is_past(&item, context)) {
        (true, false) => match mails(attendee_count(&item)) {
            MailClass::Silent => {
                Fate::Delete(&[rule::CXL_05, rule::CXL_08, rule::CXL_02], MailClass::Silent)
            }
            mail @ MailClass::Mails(_) => {
                Fate::Delete(&[rule::CXL_05, rule::CXL_08, rule::CXL_01], mail)
            }
        },
        (true, true) => Fate::Keep(&[rule::CXL_06, rule::CXL_08, rule::CXL_02]),
        (false, _) => Fate::Keep(&[rule::CXL_06, rule::ORG_06, rule::CXL_02]),
    }
}

/// FILT-04, FILT-08: no rule spares a copy of a service activity, whenever it is. SVC-02: one to
/// which its user invited people is left to him, because its deletion would mail them.
fn service_leaves(pairing: &Pairing) -> Fate {
    if attendee_count(&fields(pairing, Side::Exchange)) > 0 {
        Fate::Keep(&[rule::SVC_02])
    } else {
        Fate::Delete(&[rule::SVC_03, rule::FILT_08], MailClass::Silent)
    }
}

/// CONT-02, CONT-03, CONT-05: the owner's own copy stays. FILT-07: who gave it away loses it.
fn contact_leaves(pairing: &Pairing, physical: bool, context: &Context<'_>) -> Fate {
    let last = pairing.link.as_ref().and_then(|link| link.last_owner);
    let owner = if physical { last } else { row_facts(pairing).owner.or(last) };
    if is_me(owner, context) {
        Fate::Keep(if physical { &[rule::CONT_03, rule::CONT_05] } else { &[rule::CONT_06] })
    } else if physical {
        Fate::Delete(&[rule::CONT_02, rule::CONT_05], MailClass::Silent)
    } else {
        Fate::Delete(&[rule::CONT_02], MailClass::Silent)
    }
}

/// TASK-OUT-09, FILT-18: judged by the status the item has, or gets by the pending change.
fn task_leaves(pairing: &Pairing, how: &Standing, context: &Context<'_>) -> Fate {
    let item = fields(pairing, Side::Exchange);
    let becomes_completed = *how == Standing::LeftFilter && {
        let kind = pairing.kind();
        let row = known_to_exchange(kind, &fields(pairing, Side::Dynamics), context);
        let status = todo_status_of(kind, &row, context.policy, context.now);
        status == crate::domain::field::TodoStatus::Completed
    };
    if completed_in_exchange(&item) || becomes_completed {
        Fate::Keep(&[rule::TASK_OUT_09])
    } else {
        Fate::Delete(&[rule::TASK_OUT_09], MailClass::Silent)
    }
}

/// CXL-04: the organizer's future meeting goes with the row that was canceled.
pub(super) fn cancelled(pairing: Pairing) -> Verdict {
    let mail = mails(attendee_count(&fields(&pairing, Side::Exchange)));
    verdict(
        pairing,
        After::DeletedInExchange,
        Verb::Delete(Side::Exchange),
        &[rule::CXL_04, rule::CXL_01],
    )
    .with_write(Side::Exchange, Write::Delete { mail })
}

/// The Exchange item was deleted.
pub(super) fn item_deleted(pairing: Pairing, context: &Context<'_>) -> Verdict {
    let role = pairing.link.as_ref().map_or(Role::Guest, |link| link.role);
    if replaced::leaves_by_hand_over(&pairing, role, context) {
        return replaced::gone(pairing);
    }
    let fate = match pairing.kind() {
        Kind::Appointment | Kind::RecurringAppointment => appointment_goes(&pairing, context),
        // SVC-04: nothing that is done to a copy reaches the row.
        Kind::ServiceAppointment => Fate::Keep(&[rule::SVC_04]),
        Kind::Contact => contact_goes(&pairing, context),
        Kind::Task | Kind::PhoneCall | Kind::Letter | Kind::Fax => task_goes(&pairing, context),
    };
    match fate {
        Fate::Delete(ids, mail) => {
            verdict(pairing, After::Forgotten, Verb::Delete(Side::Dynamics), ids)
                .with_write(Side::Dynamics, Write::Delete { mail })
        }
        Fate::Keep(ids) => verdict(pairing, After::DeletedInExchange, Verb::Unlink, ids)
            .by(rule::CONT_10)
            .with_code(Code::NotRecreated),
    }
}

/// CXL-09, CXL-12: closed and past rows and those of other organizers stay.
fn appointment_goes(pairing: &Pairing, context: &Context<'_>) -> Fate {
    let row = fields(pairing, Side::Dynamics);
    let closed = matches!(row.number(Field::State), Some(1 | 2));
    let role = pairing.link.as_ref().map(|link| link.role);
    let organizes = role.is_some_and(|role| {
        role == Role::Owner && !replaced::is_handed_over(pairing, role, context)
    });
    // CXL-11: a whole series goes even if it is past.
    let series = pairing.kind() == Kind::RecurringAppointment;
    let ids: &'static [RuleId] = if series { &[rule::CXL_11] } else { &[rule::CXL_09] };
    let spared = !series && is_past(&row, context);
    if closed || spared || !organizes {
        Fate::Keep(ids)
    } else {
        Fate::Delete(ids, MailClass::Silent)
    }
}

/// CONT-04.
fn contact_goes(pairing: &Pairing, context: &Context<'_>) -> Fate {
    let owner = row_facts(pairing).owner;
    if is_me(owner, context) && !context.policy.keep_contacts {
        Fate::Delete(&[rule::CONT_04], MailClass::Silent)
    } else {
        Fate::Keep(&[rule::CONT_04])
    }
}

/// TASK-IN-04: 0 deletes, 1 deletes what is not completed, 2 never deletes.
fn task_goes(pairing: &Pairing, context: &Context<'_>) -> Fate {
    let closed = fields(pairing, Side::Dynamics).number(Field::State).unwrap_or(0) != 0;
    match context.policy.settings.task_deletion {
        0 => Fate::Delete(&[rule::TASK_IN_04], MailClass::Silent),
        1 if !closed => Fate::Delete(&[rule::TASK_IN_04], MailClass::Silent),
        _ => Fate::Keep(&[rule::TASK_IN_04]),
    }
}
