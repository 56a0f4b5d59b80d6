//! One direction of a carry: what is written to one side, what is held, and whom it mails.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::create::is_past;
use super::fit::{fits_dynamics, fits_exchange};
use super::gate::is_draft;
use super::split::{Split, agree};
use super::{Write, attendee_count, fields, item_facts, mails, people, replaced};
use crate::domain::code::Code;
use crate::domain::field::{Field, Fields, Group, Patch, Value};
use crate::domain::kind::{Collection, Kind};
use crate::domain::link::{LinkState, Role};
use crate::domain::party::Party;
use crate::domain::plan::MailClass;
use crate::domain::policy::Context;
use crate::domain::recurrence::Exception;
use crate::domain::rule::RuleId;
use crate::domain::side::Side;
use crate::engine::catalogue as rule;
use crate::engine::matching::Pairing;
use crate::engine::translate::{Translation, changes, local_midnights, translate};
use crate::engine::{groups, series};

/// One direction of a carry.
#[derive(Debug, Default)]
pub(super) struct Carried {
    pub(super) write: Option<Write>,
    pub(super) rules: Vec<RuleId>,
    pub(super) codes: Vec<Code>,
    /// The source does not fit the other side as it stands.
    pub(super) unfit: Option<Code>,
}

impl Carried {
    /// A rule forbids the write for good.
    fn held(id: RuleId, code: Code) -> Self {
        Self { rules: vec![id], codes: vec![code], ..Self::default() }
    }

    /// Nothing is to be written: both sides say the same, Exchange has no place for what changed
    /// (APPT-OUT-09), or a direction forbids the rest.
    fn quiet(out: &Translation) -> Self {
        let rules = vec![forbidden(out).unwrap_or(rule::CONF_05)];
        Self { rules, codes: out.losses.clone(), ..Self::default() }
    }

    /// The write waits until the source is mended.
    fn unfit(id: RuleId, code: Code) -> Self {
        Self { unfit: Some(code), ..Self::held(id, code) }
    }
}

/// Returns the rule that kept something back.
pub(super) fn forbidden(out: &Translation) -> Option<RuleId> {
    let lost = |code: Code| out.losses.contains(&code);
    let company = lost(Code::CompanyUnknown).then_some(rule::CONT_08);
    let secured = lost(Code::ColumnSecured).then_some(rule::FLD_04);
    let past = lost(Code::PastMeetingHeld).then_some(rule::APPT_OUT_06);
    secured.or(lost(Code::DirectionForbids).then_some(rule::FLD_02)).or(company).or(past)
}

/// APPT-OUT-13: a body goes with its format.
pub(super) fn formats(out: &Translation) -> Option<RuleId> {
    let html = out.patch.iter().any(|(_, value)| matches!(value, Some(Value::Html(_))));
    html.then_some(rule::APPT_OUT_13)
}

/// Tells whether the item of a pair does not name its row yet. A pair in the making may be that of a
/// copy, which names another one's row until it is marked (COPY-03).
pub(super) fn owes_mark(pairing: &Pairing) -> bool {
    let Some(seen) = &pairing.seen.exchange else { return false };
    let marker = seen.observation.marker;
    let making = pairing.link.as_ref().filter(|link| matches!(link.state, LinkState::Creating(_)));
    marker.is_none() || making.is_some_and(|link| marker != Some(link.id))
}

pub(super) fn write_to_exchange(
    pairing: &Pairing,
    role: Role,
    split: &Split,
    mark: bool,
    context: &Context<'_>,
) -> Carried {
    let kind = pairing.kind();
    let (wanted, rival) = (split.to_exchange.as_slice(), split.to_dynamics.as_slice());
    let guests = item_facts(pairing).guests;
    let (row, item) = without_held(pairing, &split.held.exchange);
    // LINK-08: a foreign item that became half of a pair is marked, if marking mails nobody.
    let mark = mark && matches!(role, Role::Owner) && attendee_count(&item) == 0;
    let mark = mark && owes_mark(pairing);
    if wanted.is_empty() && !mark {
        return Carried::default();
    }
    if let Err((id, code)) = fits_exchange(kind, &row) {
        return Carried::unfit(id, code);
    }
    if is_draft(pairing, context) {
        return Carried::unfit(rule::APPT_OUT_12, Code::DraftNotSent);
    }
    let mut wanted = wanted.to_vec();
    if replaced::is_handed_over(pairing, role, context) {
        // ORG-03: that the row has another organizer changes nothing on the list.
        wanted.retain(|it| *it != Group::Attendees || !agree(pairing, *it, context));
    }
    let mut wanted = match attendees_allowed(kind, role, &wanted, &row, &item, context) {
        Ok(wanted) => wanted,
        Err((id, code)) => return Carried::held(id, code),
    };
    // Who was taken off the list in Exchange is not invited anew by another change.
    wanted.retain(|group| *group != Group::Attendees || !rival.contains(group));
    let wanted = with_held_back(kind, role, wanted, rival, &row, &item, context);
    let mut out = translate(kind, Side::Dynamics, &wanted, &row, &item, context);
    keep_from_guests(&mut out, &item, &guests, context);
    if !changes(&out.patch, &item) && !rings(&wanted, &out.patch) && !mark {
        return Carried::quiet(&out);
    }
    let mail = update_mail(kind, (&item, &guests), &row, &wanted, &out.patch);
    let mut rules = out.rules.clone();
    rules.extend([rule::FILT_03, rule::LINK_01]);
    if mark {
        rules.push(rule::LINK_08);
    }
    rules.extend(forbidden(&out));
    rules.extend(formats(&out));
    if mail != MailClass::Silent && is_over(kind, &row, &item, context) {
        rules.push(rule::APPT_OUT_11);
    }
    Carried {
        write: Some(Write::Update { patch: out.patch, groups: wanted, mail, mark }),
        rules,
        codes: out.losses,
        unfit: None,
    }
}

/// TASK-OUT-03: the reminder rings at the due time, which may move within the day that Exchange
/// shows. The reminder is never read back, so a changed due date alone says that it moves.
fn rings(wanted: &[Group], patch: &Patch) -> bool {
    wanted.contains(&Group::Due)
        && patch.iter().any(|(field, value)| *field == Field::ReminderAt && value.is_some())
}

/// A past meeting that comes back to the future takes everything along that was held back while
/// it was past (APPT-OUT-06), but for what Exchange changed itself.
fn with_held_back(
    kind: Kind,
    role: Role,
    mut wanted: Vec<Group>,
    rival: &[Group],
    row: &Fields,
    item: &Fields,
    context: &Context<'_>,
) -> Vec<Group> {
    let moves = wanted.contains(&Group::Time) || wanted.contains(&Group::Recurrence);
    let returns = kind.is_meeting()
        && role == Role::Owner
        && moves
        && is_past(item, context)
        && !is_past(row, context);
    if returns {
        let all = groups::of(kind, &context.policy.settings);
        let more = all.into_iter().filter(|it| !rival.contains(it) && *it != Group::Privacy);
        wanted.extend(more);
        wanted.sort_unstable();
        wanted.dedup();
    }
    wanted
}

/// APPT-OUT-06: an occurrence that is over and has guests of its own is not written, it would mail them.
fn keep_from_guests(
    out: &mut Translation,
    item: &Fields,
    guests: &[(NaiveDate, Vec<Party>)],
    context: &Context<'_>,
) {
    let moved = out.patch.iter().find_map(|(_, value)| match value {
        Some(Value::Recurrence(new)) => Some((**new).clone()),
        _ => None,
    });
    let old = item.recurrence();
    // What deviates from a pattern ends with it.
    let stays = match (&moved, old) {
        (Some(new), Some(old)) => new.same_times(old),
        (Some(_) | None, _) => moved.is_none(),
    };
    let base = if stays { item.exceptions() } else { &[] };
    let Some(series) = moved.as_ref().or(old) else { return };
    let over = |one: &Exception| {
        let invites = guests.iter().any(|(day, all)| *day == one.day && !all.is_empty());
        invites && series::start_of(one, base, series) <= context.now
    };
    let mut held = false;
    for (_, value) in &mut out.patch {
        if let Some(Value::Exceptions(list)) = value
            && !context.policy.settings.update_past
        {
            let all = list.len();
            list.retain(|one| !over(one));
            held |= list.len() < all;
        }
    }
    if held {
        let emptied = |value: &Value| matches!(value, Value::Exceptions(list) if list.is_empty());
        out.patch.retain(|(_, value)| !value.as_ref().is_some_and(emptied));
        out.by(rule::APPT_OUT_06);
        out.losses.push(Code::PastMeetingHeld);
    }
}

/// A series that is ended early is past by its row while people still see the rest of it.
fn is_over(kind: Kind, row: &Fields, item: &Fields, context: &Context<'_>) -> bool {
    let ended = kind == Kind::RecurringAppointment && !is_past(item, context);
    is_past(row, context) && !ended
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
    if kind.collection() != Collection::Calendar {
        return Ok(wanted);
    }
    if role == Role::PrivateCopy {
        // The user invited people to his copy: a write would mail them, and it is not ours to.
        if attendee_count(item) > 0 && !wanted.is_empty() {
            let service = kind == Kind::ServiceAppointment;
            let id = if service { rule::SVC_02 } else { rule::APPT_OUT_08 };
            return Err((id, Code::CopyAttended));
        }
        // SVC-06: the names of a service activity stand in the body of its copy.
        if kind != Kind::ServiceAppointment {
            wanted.retain(|group| *group != Group::Attendees);
        }
        return Ok(wanted);
    }
    // APPT-OUT-11: the organization may let changes of past meetings through, and mail them.
    let past = is_over(kind, row, item, context) && !context.policy.settings.update_past;
    if past && attendee_count(item) > 0 && !wanted.is_empty() {
        return Err((rule::APPT_OUT_06, Code::PastMeetingHeld));
    }
    if past {
        wanted.retain(|group| *group != Group::Attendees);
    } else if attendee_count(item) == 0
        && attendee_count(row) > 0
        && !wanted.contains(&Group::Attendees)
        && (wanted.contains(&Group::Time) || wanted.contains(&Group::Recurrence))
    {
        wanted.push(Group::Attendees);
    }
    Ok(wanted)
}

/// Exchange mails everybody who attends before or after the write (protocols A4).
fn update_mail(
    kind: Kind,
    (item, guests): (&Fields, &[(NaiveDate, Vec<Party>)]),
    row: &Fields,
    wanted: &[Group],
    patch: &Patch,
) -> MailClass {
    // SVC-02: a copy is written only while it invites nobody.
    if !kind.is_meeting() {
        return MailClass::Silent;
    }
    let before = attendee_count(item);
    let after = if wanted.contains(&Group::Attendees) { attendee_count(row) } else { 0 };
    let everybody = before.max(after);
    // Each occurrence that is written is a mail of its own, to its own guests where it has others.
    let occurrences = series::written(patch);
    let to = |day: NaiveDate| {
        let own = guests.iter().find(|(one, _)| *one == day);
        own.map_or(everybody, |(_, all)| u16::try_from(all.len()).unwrap_or(u16::MAX))
    };
    let apart = occurrences.iter().fold(0, |sum: u16, one| sum.saturating_add(to(one.day)));
    let itself = patch.iter().any(|(field, _)| *field != Field::Exceptions);
    let once = if itself || occurrences.is_empty() { everybody } else { 0 };
    mails(apart.saturating_add(once))
}

/// Returns what both sides hold, without the occurrences that go another way.
fn without_held(pairing: &Pairing, held: &BTreeSet<NaiveDate>) -> (Fields, Fields) {
    let [row, item] = [Side::Dynamics, Side::Exchange].map(|side| {
        let mut all = fields(pairing, side);
        if !held.is_empty() {
            series::keep_days(&mut all, |day| !held.contains(&day));
        }
        all
    });
    (row, item)
}

pub(super) fn write_to_dynamics(
    pairing: &Pairing,
    role: Role,
    split: &Split,
    context: &Context<'_>,
) -> Carried {
    let kind = pairing.kind();
    let wanted = split.to_dynamics.as_slice();
    let stamp = missing_uid(pairing, role);
    if wanted.is_empty() && stamp.is_none() {
        return Carried::default();
    }
    let (row, item) = without_held(pairing, &split.held.dynamics);
    // APPT-IN-05.
    let state = row.number(Field::State).unwrap_or(0);
    if kind.is_meeting() && matches!(state, 1 | 2) {
        return Carried::held(rule::APPT_IN_05, Code::RowClosed);
    }
    if let Err((id, code)) = fits_dynamics(kind, &item) {
        return Carried::unfit(id, code);
    }
    let mut out = translate(kind, Side::Exchange, wanted, &item, &row, context);
    if !changes(&out.patch, &row) && stamp.is_none() {
        return Carried::quiet(&out);
    }
    let mut rules = out.rules.clone();
    rules.push(rule::LINK_01);
    rules.extend(forbidden(&out));
    rules.extend(formats(&out));
    local_midnights(&mut out.patch, &item, context);
    rules.extend(people::unaddressed(pairing, context, &mut out.patch));
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
    Carried { write: Some(write), rules, codes: out.losses, unfit: None }
}

/// The organizer's mailbox writes the meeting's identity to the row, by which the attendees'
/// mailboxes find their copies (APPT-OUT-14, APPT-IN-11).
pub(super) fn missing_uid(pairing: &Pairing, role: Role) -> Option<String> {
    let row = pairing.seen.dynamics.as_ref()?;
    let item = pairing.seen.exchange.as_ref()?;
    // A closed row takes no change but one of its state.
    let closed = matches!(row.observation.fields.number(Field::State), Some(1 | 2));
    let stamps = pairing.kind().is_meeting() && role == Role::Owner && !closed;
    let uid = item.observation.uid.as_ref()?;
    (stamps && row.observation.uid.is_none()).then(|| uid.as_str().to_owned())
}
