//! A pair that agreed once: what changed since, on which side, and who may write it where.

use std::collections::HashSet;

use super::addresses;
use super::carry::{missing_uid, write_to_dynamics, write_to_exchange};
use super::create::is_past;
use super::split::split;
use super::{
    After, Standing, Verdict, Write, acknowledge, attendee_count, fields, item_facts, leave,
    removal, replaced, verdict,
};
use crate::domain::code::Code;
use crate::domain::field::{Field, Group, Value};
use crate::domain::kind::Kind;
use crate::domain::link::{Role, Why};
use crate::domain::plan::{MailClass, Verb};
use crate::domain::policy::Context;
use crate::domain::side::{PerSide, Side};
use crate::engine::catalogue as rule;
use crate::engine::groups;
use crate::engine::matching::Pairing;
use crate::engine::sent;
use crate::engine::series;
use crate::engine::translate::turns;

pub(super) fn decide(
    pairing: Pairing,
    standing: &PerSide<Standing>,
    context: &Context<'_>,
) -> Verdict {
    use Standing as S;
    if half_unseen(&pairing, standing) {
        // Something changed and the other half was not read: no guess, the next cycle reads both.
        let code = Code::PutOff;
        return leave(pairing, After::Unsettled(code), rule::ERR_02, code);
    }
    let role = pairing.link.as_ref().map_or(Role::Owner, |link| link.role);
    match (&standing.dynamics, &standing.exchange) {
        (S::Deleted, S::Deleted | S::None) => {
            verdict(pairing, After::Forgotten, Verb::Forget, &[rule::FILT_05])
        }
        // CXL-12: a move is no delete.
        (_, S::MovedAway) => {
            verdict(pairing, After::Unlinked(Why::MovedAway), Verb::Unlink, &[rule::CXL_12])
                .with_code(Code::MovedAway)
        }
        (S::LeftFilter | S::Unreadable | S::Deleted, _) => {
            removal::row_left(pairing, &standing.dynamics, context)
        }
        (_, S::Deleted) => removal::item_deleted(pairing, context),
        (_, S::Same | S::Changed(_) | S::New) if replaced::is_replaced(&pairing, role, context) => {
            replaced::decide(pairing, role, context)
        }
        // LINK-06.
        (_, S::Same | S::Changed(_) | S::New) if lost_category(&pairing, context) => {
            with_owed_stamp(verdict(
                pairing,
                After::Unlinked(Why::Untracked),
                Verb::Unlink,
                &[rule::LINK_06],
            ))
        }
        // LINK-10: the user untracked his contact; the row stays.
        (_, S::Same | S::Changed(_) | S::New) if item_facts(&pairing).untracked => {
            verdict(pairing, After::Unlinked(Why::Untracked), Verb::Unlink, &[rule::LINK_10])
        }
        // CXL-04.
        (_, S::Same | S::Changed(_) | S::New) if cancels(&pairing, context) => {
            removal::cancelled(pairing)
        }
        (dynamics, exchange) => {
            let mut changed = PerSide {
                dynamics: changed(dynamics, Side::Dynamics, &pairing, context),
                exchange: changed(exchange, Side::Exchange, &pairing, context),
            };
            sent::disown(&mut changed, &pairing);
            add_turned(&mut changed, &pairing, context);
            let pushes = addresses::push(&mut changed, &pairing, context);
            let relinks = takes_place(&pairing);
            let mut verdict = carry(pairing, role, &changed, false, context);
            if pushes {
                verdict.decision.rules.insert(0, rule::ADDR_04);
            }
            if relinks {
                verdict.decision.rules.insert(0, rule::COPY_03);
                if verdict.decision.verb == Verb::Acknowledge {
                    verdict.decision.verb = Verb::Link;
                }
            }
            verdict
        }
    }
}

/// COPY-03: an item with the marker stands where the linked one is gone (`matching`).
fn takes_place(pairing: &Pairing) -> bool {
    let known = pairing.link.as_ref().and_then(|link| link.native.exchange.as_ref());
    let seen = pairing.seen.exchange.as_ref().map(|seen| &seen.observation.id);
    known.is_some() && seen.is_some() && known != seen
}

/// TASK-OUT-10: what time alone changed since the last agreement counts as a change of the row,
/// unless somebody changed the same in Exchange meanwhile.
fn add_turned(changed: &mut PerSide<Vec<Group>>, pairing: &Pairing, context: &Context<'_>) {
    let wake = pairing.link.as_ref().filter(|link| link.is_due(context.now));
    let Some(wake) = wake.and_then(|link| link.wake) else { return };
    let row = fields(pairing, Side::Dynamics);
    for (at, group) in turns(pairing.kind(), &row, context) {
        let turned = wake <= at && at < context.now && !changed.exchange.contains(&group);
        if turned && !changed.dynamics.contains(&group) {
            changed.dynamics.push(group);
        }
    }
}

fn changed(
    standing: &Standing,
    side: Side,
    pairing: &Pairing,
    context: &Context<'_>,
) -> Vec<Group> {
    match standing {
        Standing::Changed(groups) => groups.clone(),
        Standing::New if pairing.seen.get(side).is_some() => {
            groups::of(pairing.kind(), &context.policy.settings)
        }
        Standing::New
        | Standing::None
        | Standing::Same
        | Standing::LeftFilter
        | Standing::Unreadable
        | Standing::Deleted
        | Standing::MovedAway => Vec::new(),
    }
}

/// Tells whether one half is known and was not seen although the other half needs it.
fn half_unseen(pairing: &Pairing, standing: &PerSide<Standing>) -> bool {
    let unseen = |side: Side| {
        let known = pairing.link.as_ref().is_some_and(|link| link.native.get(side).is_some());
        known && pairing.seen.get(side).is_none()
    };
    Side::BOTH.into_iter().any(|side| unseen(side) && *standing.get(side.other()) != Standing::Same)
}

/// LINK-06: the user took the category off. A meeting that was met by its identity could not be
/// given it without mailing its attendees (APPT-OUT-15); there its absence says nothing. Contacts are not tracked by category (LINK-05), and
/// when the feature is off nobody's category counts (LINK-08).
fn lost_category(pairing: &Pairing, context: &Context<'_>) -> bool {
    let by_category = pairing.kind() != Kind::Contact;
    let seen = pairing.seen.exchange.is_some();
    let Some(link) = &pairing.link else { return false };
    by_category
        && seen
        && link.tagged
        && context.policy.settings.track_categorized
        && !item_facts(pairing).tracked
}

/// A row that does not name its meeting yet does so before they part: without a store nothing else says
/// that it has one (APPT-IN-11).
fn with_owed_stamp(verdict: Verdict) -> Verdict {
    let Some(uid) = missing_uid(&verdict.pairing, verdict.role) else { return verdict };
    let (groups, mail) = (Vec::new(), MailClass::Silent);
    let patch = vec![(Field::Uid, Some(Value::Text(uid)))];
    let write = Write::Update { patch, groups, mail, mark: false };
    verdict.by(rule::APPT_IN_11).with_write(Side::Dynamics, write)
}

/// Carries changed groups across: each group once, from the side that changed, or from the side
/// that the conflict policy prefers when both did. Both ways, unless a rule says no (ELIG-02).
pub(super) fn carry(
    pairing: Pairing,
    role: Role,
    changed: &PerSide<Vec<Group>>,
    mark: bool,
    context: &Context<'_>,
) -> Verdict {
    // A stamp that failed left the pair unsettled and is written now (`engine::stamp`).
    let unsettled = pairing.link.as_ref().is_some_and(|link| link.trouble.is_some());
    let stamps = unsettled && missing_uid(&pairing, role).is_some();
    if changed.dynamics.is_empty() && changed.exchange.is_empty() && !stamps && !mark {
        // CONF-05, CONF-02: a new version with equal content is an echo, or noise.
        let meeting = pairing.kind().is_meeting();
        let mailed = meeting && attendee_count(&fields(&pairing, Side::Exchange)) > 0;
        let verdict = acknowledge(pairing, rule::CONF_05);
        return if mailed { verdict.by(rule::APPT_OUT_09) } else { verdict };
    }
    let from = |side: Side| replaced::as_held_there(&pairing, role, side, context);
    let (row_told, item_told) = (from(Side::Dynamics), from(Side::Exchange));
    let split = split(&row_told, role, changed, context);
    let to_exchange = write_to_exchange(&row_told, role, &split, mark, context);
    let to_dynamics = write_to_dynamics(&item_told, role, &split, context);
    let verb = match (&to_exchange.write, &to_dynamics.write) {
        (Some(_), Some(_)) => Verb::Merge,
        (Some(_), None) => Verb::Update(Side::Exchange),
        (None, Some(_)) => Verb::Update(Side::Dynamics),
        (None, None) => Verb::Acknowledge,
    };
    // A past or closed occurrence stays (CXL-09), so nothing gave way.
    let written = [&to_exchange.write, &to_dynamics.write];
    let deleted = split.deleted && written.into_iter().flatten().any(deletes_occurrence);
    let mut rules = Vec::new();
    if split.conflict {
        rules.push(rule::CONF_03);
    }
    if deleted {
        rules.push(rule::CONF_04);
    }
    rules.extend(to_exchange.rules);
    rules.extend(to_dynamics.rules);
    let mut told = HashSet::new();
    rules.retain(|id| told.insert(*id));
    if rules.is_empty() {
        // SVC-04: what was edited in the copy stays there; other changes that flow nowhere are echoes.
        let own = pairing.kind() == Kind::ServiceAppointment && !changed.exchange.is_empty();
        rules.push(if own { rule::SVC_04 } else { rule::CONF_05 });
    }
    let conflict = (split.conflict || deleted).then_some(Code::ConflictResolved);
    let codes = to_exchange.codes.into_iter().chain(to_dynamics.codes).chain(conflict);
    // What does not fit yet is not agreed on: once it fits, every change of it is carried.
    let after = to_exchange.unfit.or(to_dynamics.unfit).map_or(After::Agreed, After::Unsettled);
    let mut out = verdict(pairing, after, verb, &rules).with_role(role);
    codes.for_each(|code| out.decision.note(code));
    if let Some(write) = to_exchange.write {
        out = out.with_write(Side::Exchange, write);
    }
    if let Some(write) = to_dynamics.write {
        out = out.with_write(Side::Dynamics, write);
    }
    out
}

fn deletes_occurrence(write: &Write) -> bool {
    match write {
        Write::Update { patch, .. } | Write::Create { patch, .. } => {
            series::written(patch).iter().any(|one| one.change.is_none())
        }
        Write::Unmark { .. } | Write::Delete { .. } => false,
    }
}

/// Which changes a mailbox may carry in a meeting (ORG-01, APPT-OUT-08, APPT-OUT-14).
pub(crate) const fn may_leave(from: Side, role: Role) -> bool {
    match (role, from) {
        (Role::Owner, _) | (Role::Guest, Side::Exchange) | (Role::PrivateCopy, Side::Dynamics) => {
            true
        }
        (Role::Follower, _)
        | (Role::Guest, Side::Dynamics)
        | (Role::PrivateCopy, Side::Exchange) => false,
    }
}

/// CXL-04: a row canceled in Dynamics takes the organizer's future meeting with it, when the
/// organization says so. Otherwise CXL-03: it shows as free.
fn cancels(pairing: &Pairing, context: &Context<'_>) -> bool {
    let role = pairing.link.as_ref().map(|link| link.role);
    let row = fields(pairing, Side::Dynamics);
    let item = fields(pairing, Side::Exchange);
    pairing.kind().is_meeting()
        && context.policy.settings.propagate_cancellations
        && role == Some(Role::Owner)
        // ORG-06: judged by the item.
        && item_facts(pairing).is_organizer
        && row.number(Field::State) == Some(2)
        && !is_past(&item, context)
        // A series that was ended is canceled, too: what has taken place of it stays, its end flows.
        && !(pairing.kind() == Kind::RecurringAppointment && is_past(&row, context))
        && pairing.seen.exchange.is_some()
}
