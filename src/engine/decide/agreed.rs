//! A pair that agreed once: what changed since, on which side, and who may write it where.

use super::create::{fits_dynamics, fits_exchange, is_past};
use super::{
    After, Standing, Verdict, Write, acknowledge, attendee_count, fields, item_facts, mails,
    removal, verdict,
};
use crate::domain::code::Code;
use crate::domain::field::{Field, Fields, Group, Value};
use crate::domain::kind::Kind;
use crate::domain::link::{Role, Why};
use crate::domain::plan::{MailClass, Verb};
use crate::domain::policy::{ConflictPolicy, Context};
use crate::domain::rule::RuleId;
use crate::domain::side::{PerSide, Side};
use crate::engine::catalogue as rule;
use crate::engine::groups;
use crate::engine::matching::Pairing;
use crate::engine::translate::{changes, translate};

pub(super) fn decide(
    pairing: Pairing,
    standing: &PerSide<Standing>,
    context: &Context<'_>,
) -> Verdict {
    use Standing as S;
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
        // LINK-06.
        (_, S::Same | S::Changed(_) | S::New) if lost_category(&pairing, context) => {
            verdict(pairing, After::Unlinked(Why::Untracked), Verb::Unlink, &[rule::LINK_06])
        }
        // CXL-04.
        (_, S::Same | S::Changed(_) | S::New) if cancels(&pairing, context) => {
            removal::cancelled(pairing)
        }
        (dynamics, exchange) => {
            let changed = PerSide {
                dynamics: changed(dynamics, Side::Dynamics, &pairing, context),
                exchange: changed(exchange, Side::Exchange, &pairing, context),
            };
            let role = pairing.link.as_ref().map_or(Role::Owner, |link| link.role);
            carry(pairing, role, &changed, false, context)
        }
    }
}

/// Two items become a pair: every group may differ and nothing was agreed.
pub(super) fn merge_new(pairing: Pairing, role: Role, context: &Context<'_>) -> Verdict {
    let all = groups::of(pairing.kind(), &context.policy.settings);
    let changed = PerSide { dynamics: all.clone(), exchange: all };
    let mut verdict = carry(pairing, role, &changed, true, context);
    if verdict.decision.verb == Verb::Acknowledge {
        verdict.decision.verb = Verb::Link;
    }
    let id =
        if verdict.pairing.kind() == Kind::Appointment { rule::APPT_IN_11 } else { rule::LINK_03 };
    verdict.decision.rules.insert(0, id);
    verdict
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

/// LINK-06: the user took the category off. Contacts are not tracked by category (LINK-05), and
/// when the feature is off nobody's category counts (LINK-08).
fn lost_category(pairing: &Pairing, context: &Context<'_>) -> bool {
    let by_category = pairing.kind() != Kind::Contact;
    let seen = pairing.seen.exchange.is_some();
    by_category && seen && context.policy.settings.track_categorized && !item_facts(pairing).tracked
}

/// Carries changed groups across: each group once, from the side that changed, or from the side
/// that the conflict policy prefers when both did.
fn carry(
    pairing: Pairing,
    role: Role,
    changed: &PerSide<Vec<Group>>,
    mark: bool,
    context: &Context<'_>,
) -> Verdict {
    if changed.dynamics.is_empty() && changed.exchange.is_empty() {
        // CONF-05, CONF-02: a new version with equal content is an echo, or noise.
        return acknowledge(pairing, rule::CONF_05);
    }
    let split = split(&pairing, role, changed, context);
    let to_exchange = write_to_exchange(&pairing, role, &split.to_exchange, mark, context);
    let to_dynamics = write_to_dynamics(&pairing, role, &split.to_dynamics, context);
    let verb = match (&to_exchange.write, &to_dynamics.write) {
        (Some(_), Some(_)) => Verb::Merge,
        (Some(_), None) => Verb::Update(Side::Exchange),
        (None, Some(_)) => Verb::Update(Side::Dynamics),
        (None, None) => Verb::Acknowledge,
    };
    let mut rules = Vec::new();
    if split.conflict {
        rules.push(rule::CONF_03);
    }
    rules.extend(to_exchange.rules);
    rules.extend(to_dynamics.rules);
    rules.dedup();
    if rules.is_empty() {
        rules.push(rule::CONF_05);
    }
    let code = to_exchange.code.or(to_dynamics.code);
    let code = code.or(split.conflict.then_some(Code::ConflictResolved));
    let after = match code {
        Some(code) if to_exchange.waits || to_dynamics.waits => After::Unsettled(code),
        _ => After::Agreed,
    };
    let mut out = verdict(pairing, after, verb, &rules).with_role(role);
    out.decision.code = code;
    if let Some(write) = to_exchange.write {
        out = out.with_write(Side::Exchange, write);
    }
    if let Some(write) = to_dynamics.write {
        out = out.with_write(Side::Dynamics, write);
    }
    out
}

/// Which groups go which way.
#[derive(Debug, Default)]
struct Split {
    to_exchange: Vec<Group>,
    to_dynamics: Vec<Group>,
    conflict: bool,
}

fn split(
    pairing: &Pairing,
    role: Role,
    changed: &PerSide<Vec<Group>>,
    context: &Context<'_>,
) -> Split {
    let mut out = Split::default();
    for group in groups::of(pairing.kind(), &context.policy.settings) {
        let dynamics = changed.dynamics.contains(&group) && may_leave(Side::Dynamics, role);
        let exchange = changed.exchange.contains(&group) && may_leave(Side::Exchange, role);
        match (dynamics, exchange) {
            (false, false) => {}
            (true, false) => out.to_exchange.push(group),
            (false, true) => out.to_dynamics.push(group),
            (true, true) if agree(pairing, group, context) => {}
            (true, true) => {
                out.conflict = true;
                match winner(pairing.kind(), group, context.policy.conflict) {
                    Side::Dynamics => out.to_exchange.push(group),
                    Side::Exchange => out.to_dynamics.push(group),
                }
            }
        }
    }
    out
}

/// Which changes a mailbox may carry in a meeting (ORG-01, APPT-OUT-08, APPT-OUT-14).
const fn may_leave(from: Side, role: Role) -> bool {
    match (role, from) {
        (Role::Owner, _) | (Role::Guest, Side::Exchange) | (Role::PrivateCopy, Side::Dynamics) => {
            true
        }
        (Role::Follower, _)
        | (Role::Guest, Side::Dynamics)
        | (Role::PrivateCopy, Side::Exchange) => false,
    }
}

/// Tells whether both sides say the same in a group, each in its own words.
fn agree(pairing: &Pairing, group: Group, context: &Context<'_>) -> bool {
    let kind = pairing.kind();
    let row = fields(pairing, Side::Dynamics);
    let item = fields(pairing, Side::Exchange);
    let there = translate(kind, Side::Dynamics, &[group], &row, &item, context);
    let here = translate(kind, Side::Exchange, &[group], &item, &row, context);
    !changes(&there.patch, &item) || (group != Group::Privacy && !changes(&here.patch, &row))
}

/// CONF-03: Dynamics for contacts and tasks, the organizer's calendar for time and attendees.
const fn winner(kind: Kind, group: Group, policy: ConflictPolicy) -> Side {
    match (policy, kind, group) {
        (ConflictPolicy::Exchange, _, _)
        | (ConflictPolicy::ByKind, Kind::Appointment, Group::Time | Group::Attendees) => {
            Side::Exchange
        }
        (ConflictPolicy::Dynamics | ConflictPolicy::ByKind, _, _) => Side::Dynamics,
    }
}

/// One direction of a carry.
#[derive(Debug, Default)]
struct Carried {
    write: Option<Write>,
    rules: Vec<RuleId>,
    code: Option<Code>,
    /// The change does not fit the other side now and is still to be carried.
    waits: bool,
}

impl Carried {
    fn held(id: RuleId, code: Code) -> Self {
        Self { rules: vec![id], code: Some(code), ..Self::default() }
    }

    /// What does not fit waits until it does (ERR-02).
    fn waiting((id, code): (RuleId, Code)) -> Self {
        Self { waits: true, ..Self::held(id, code) }
    }
}

fn write_to_exchange(
    pairing: &Pairing,
    role: Role,
    wanted: &[Group],
    mark: bool,
    context: &Context<'_>,
) -> Carried {
    let kind = pairing.kind();
    let row = fields(pairing, Side::Dynamics);
    let item = fields(pairing, Side::Exchange);
    // LINK-08: a foreign item that became half of a pair is marked, if marking mails nobody.
    let mark = mark && matches!(role, Role::Owner) && attendee_count(&item) == 0;
    let mark =
        mark && pairing.seen.exchange.as_ref().is_some_and(|it| it.observation.marker.is_none());
    if wanted.is_empty() && !mark {
        return Carried::default();
    }
    if let Err(reason) = fits_exchange(kind, &row) {
        return Carried::waiting(reason);
    }
    let wanted = match attendees_allowed(kind, role, wanted, &row, &item, context) {
        Ok(wanted) => wanted,
        Err((id, code)) => return Carried::held(id, code),
    };
    let out = translate(kind, Side::Dynamics, &wanted, &row, &item, context);
    if !changes(&out.patch, &item) && !mark {
        let code = out.losses.first().copied();
        return Carried { rules: vec![rule::CONF_05], code, ..Carried::default() };
    }
    let mail = update_mail(kind, &item, &row, &wanted);
    let mut rules = vec![rule::FILT_03, rule::LINK_01];
    if wanted.contains(&Group::Status) {
        rules.push(if kind == Kind::Appointment { rule::APPT_OUT_02 } else { rule::TASK_OUT_07 });
    }
    Carried {
        write: Some(Write::Update { patch: out.patch, groups: wanted, mail, mark }),
        rules,
        code: out.losses.first().copied(),
        waits: false,
    }
}

/// APPT-OUT-06, APPT-OUT-15: a write to a meeting mails its attendees, so a past meeting that has
/// any is not written, and nobody is added to one. A meeting that comes back to the future gets
/// the attendees that were left out.
fn attendees_allowed(
    kind: Kind,
    role: Role,
    wanted: &[Group],
    row: &Fields,
    item: &Fields,
    context: &Context<'_>,
) -> Result<Vec<Group>, (RuleId, Code)> {
    let mut wanted = wanted.to_vec();
    if kind != Kind::Appointment {
        return Ok(wanted);
    }
    if role == Role::PrivateCopy {
        wanted.retain(|group| *group != Group::Attendees);
        return Ok(wanted);
    }
    let past = is_past(row, context);
    if past && attendee_count(item) > 0 && !wanted.is_empty() {
        return Err((rule::APPT_OUT_06, Code::PastMeetingHeld));
    }
    if past {
        wanted.retain(|group| *group != Group::Attendees);
    } else if attendee_count(item) == 0
        && attendee_count(row) > 0
        && !wanted.contains(&Group::Attendees)
        && wanted.contains(&Group::Time)
    {
        wanted.push(Group::Attendees);
    }
    Ok(wanted)
}

/// Exchange mails everybody who attends before or after the write (protocols A4).
fn update_mail(kind: Kind, item: &Fields, row: &Fields, wanted: &[Group]) -> MailClass {
    if kind != Kind::Appointment {
        return MailClass::Silent;
    }
    let before = attendee_count(item);
    let after = if wanted.contains(&Group::Attendees) { attendee_count(row) } else { 0 };
    mails(before.max(after))
}

fn write_to_dynamics(
    pairing: &Pairing,
    role: Role,
    wanted: &[Group],
    context: &Context<'_>,
) -> Carried {
    let kind = pairing.kind();
    let stamp = missing_uid(pairing, role);
    if wanted.is_empty() && stamp.is_none() {
        return Carried::default();
    }
    let row = fields(pairing, Side::Dynamics);
    let item = fields(pairing, Side::Exchange);
    // APPT-IN-05.
    let state = row.number(Field::State).unwrap_or(0);
    if kind == Kind::Appointment && matches!(state, 1 | 2) {
        return Carried::held(rule::APPT_IN_05, Code::RowClosed);
    }
    if let Err(reason) = fits_dynamics(kind, &item) {
        return Carried::waiting(reason);
    }
    let mut out = translate(kind, Side::Exchange, wanted, &item, &row, context);
    let code = out.losses.first().copied();
    if !changes(&out.patch, &row) && stamp.is_none() {
        return Carried { rules: vec![rule::CONF_05], code, ..Carried::default() };
    }
    let mut rules = vec![rule::LINK_01];
    if let Some(uid) = stamp {
        out.patch.push((Field::Uid, Some(Value::Text(uid))));
        rules.push(rule::APPT_IN_11);
    }
    if item_facts(pairing).is_cancelled {
        rules.insert(0, rule::CXL_13);
    }
    let write = Write::Update {
        patch: out.patch,
        groups: wanted.to_vec(),
        mail: MailClass::Silent,
        mark: false,
    };
    Carried { write: Some(write), rules, code, waits: false }
}

/// The organizer's mailbox writes the meeting's identity to the row, by which the attendees'
/// mailboxes find their copies (APPT-OUT-14, APPT-IN-11).
fn missing_uid(pairing: &Pairing, role: Role) -> Option<String> {
    let row = pairing.seen.dynamics.as_ref()?;
    let item = pairing.seen.exchange.as_ref()?;
    let stamps = pairing.kind() == Kind::Appointment && role == Role::Owner;
    let uid = item.observation.uid.as_ref()?;
    (stamps && row.observation.uid.is_none()).then(|| uid.as_str().to_owned())
}

/// CXL-04: a row canceled in Dynamics takes the organizer's future meeting with it, when the
/// organization says so. Otherwise CXL-03: it shows as free.
fn cancels(pairing: &Pairing, context: &Context<'_>) -> bool {
    let role = pairing.link.as_ref().map(|link| link.role);
    let row = fields(pairing, Side::Dynamics);
    let item = fields(pairing, Side::Exchange);
    pairing.kind() == Kind::Appointment
        && context.policy.settings.propagate_cancellations
        && role == Some(Role::Owner)
        && row.number(Field::State) == Some(2)
        && !is_past(&item, context)
        && pairing.seen.exchange.is_some()
}
