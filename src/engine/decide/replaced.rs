//! A row is handed to another organizer who is served, too (ORG-03).
//!
//! Nobody can change who organizes a meeting in Exchange. So the former organizer's meeting goes, as if
//! the row had left his mailbox, and the row forgets its name. Then the new organizer's mailbox makes a
//! meeting of its own, to which the former one is invited if he still takes part. While the row names
//! the old meeting, the new organizer waits. If it was handed over before it named any, his mailbox
//! may have made one meanwhile, and the row names that.

use std::borrow::Cow;

use super::create::is_past;
use super::removal::{Fate, appointment_leaves};
use super::{After, Verdict, Write, fields, is_me, item_facts, row_facts, verdict};
use crate::domain::field::{Field, Value};
use crate::domain::ids::{GlobalId, UserId};
use crate::domain::link::{Link, LinkState, Role, Why};
use crate::domain::observation::Presence;
use crate::domain::party::Party;
use crate::domain::plan::{MailClass, Verb};
use crate::domain::policy::Context;
use crate::domain::side::Side;
use crate::engine::catalogue as rule;
use crate::engine::matching::Pairing;

fn uid(pairing: &Pairing, side: Side) -> Option<&GlobalId> {
    pairing.seen.get(side).as_ref()?.observation.uid.as_ref()
}

/// Tells whether a row that this mailbox met as its organizer's has another organizer by now.
pub(super) fn has_other_organizer(pairing: &Pairing, user: UserId) -> bool {
    let owns = pairing.link.as_ref().is_some_and(|link| link.role == Role::Owner);
    let organizer = row_facts(pairing).organizer;
    owns && pairing.kind().is_meeting() && organizer.is_some_and(|it| it != user)
}

/// Tells whether an open row of a meeting of this mailbox has another organizer by now, whose mailbox
/// is served.
pub(super) fn is_handed_over(pairing: &Pairing, role: Role, context: &Context<'_>) -> bool {
    let organizer = row_facts(pairing).organizer;
    let state = fields(pairing, Side::Dynamics).number(Field::State).unwrap_or(0);
    pairing.kind().is_meeting()
        && role == Role::Owner
        && !matches!(state, 1 | 2)
        && organizer.is_some_and(|it| context.directory.serves(it))
        && !is_me(organizer, context)
}

/// Tells whether a handed over row takes its meeting from this mailbox: where deletes are told apart
/// it stays, and nobody is mailed (FILT-06).
pub(super) fn leaves_by_hand_over(pairing: &Pairing, role: Role, context: &Context<'_>) -> bool {
    is_handed_over(pairing, role, context) && !context.policy.settings.distinct_deletes
}

/// Tells whether the meeting that this mailbox organizes is not its row's any more. A past one stays
/// (CXL-05), unless the row names the new organizer's.
pub(super) fn is_replaced(pairing: &Pairing, role: Role, context: &Context<'_>) -> bool {
    let future = !is_past(&fields(pairing, Side::Exchange), context);
    is_handed_over(pairing, role, context)
        && item_facts(pairing).is_organizer
        && (names_another(pairing) || future && leaves_by_hand_over(pairing, role, context))
}

/// Tells whether a row names another meeting than the item of its pair.
fn names_another(pairing: &Pairing) -> bool {
    match (uid(pairing, Side::Dynamics), uid(pairing, Side::Exchange)) {
        (Some(row), Some(item)) => row != item,
        (None, _) | (_, None) => false,
    }
}

/// Tells whether an event that this user organizes is its row's meeting whatever organizer the row has
/// by now: its create got no answer, or the row names it. Any other is a copy.
pub(super) fn is_its_meeting(pairing: &Pairing) -> bool {
    let state = pairing.link.as_ref().map(|link| link.state);
    let made = state == Some(LinkState::Creating(Side::Exchange));
    let named = uid(pairing, Side::Dynamics).is_some()
        && uid(pairing, Side::Dynamics) == uid(pairing, Side::Exchange);
    (made || named) && pairing.kind().is_meeting() && item_facts(pairing).is_organizer
}

/// The former organizer's meeting goes as by CXL-05 to CXL-07. His mailbox meets the other one as an
/// attendee's later (APPT-OUT-14).
pub(super) fn decide(pairing: Pairing, role: Role, context: &Context<'_>) -> Verdict {
    let fate = if leaves_by_hand_over(&pairing, role, context) {
        appointment_leaves(&pairing, role, context)
    } else {
        Fate::Keep(&[rule::FILT_06])
    };
    let item = uid(&pairing, Side::Exchange).cloned();
    match fate {
        Fate::Delete(ids, mail) => {
            let unname = item.as_ref().and_then(|item| unname(&pairing, item));
            let verb = Verb::Delete(Side::Exchange);
            let verdict = verdict(pairing, After::Forgotten, verb, ids)
                .by(rule::ORG_03)
                .with_write(Side::Exchange, Write::Delete { mail });
            and_write(verdict, unname)
        }
        Fate::Keep(ids) => {
            verdict(pairing, After::Unlinked(Why::RowGone), Verb::Unlink, ids).by(rule::ORG_03)
        }
    }
}

/// The meeting of a handed over row is gone already: the row stays, for its new organizer.
pub(super) fn gone(pairing: Pairing) -> Verdict {
    let known = pairing.link.as_ref().and_then(|link| link.uid.clone());
    let unname = known.as_ref().and_then(|known| unname(&pairing, known));
    and_write(verdict(pairing, After::Forgotten, Verb::Forget, &[rule::ORG_03]), unname)
}

fn and_write(verdict: Verdict, write: Option<Write>) -> Verdict {
    match write {
        Some(write) => verdict.with_write(Side::Dynamics, write),
        None => verdict,
    }
}

/// The row forgets the meeting that goes, and no other.
pub(super) fn unname(pairing: &Pairing, meeting: &GlobalId) -> Option<Write> {
    let row = uid(pairing, Side::Dynamics)?;
    (row == meeting).then(|| Write::Update {
        patch: vec![(Field::Uid, None)],
        groups: Vec::new(),
        mail: MailClass::Silent,
        mark: false,
    })
}

/// Returns a pair as it is carried from one side. A handed over meeting that stays has another organizer
/// on each side, and no list names its own: whether these two attend, each side says for itself.
pub(super) fn as_held_there<'a>(
    pairing: &'a Pairing,
    role: Role,
    from: Side,
    context: &Context<'_>,
) -> Cow<'a, Pairing> {
    if !is_handed_over(pairing, role, context) {
        return Cow::Borrowed(pairing);
    }
    let organizer = row_facts(pairing).organizer;
    let holds = |party: &Party| {
        let user = party.address.as_ref().and_then(|it| context.directory.by_address(it));
        user.is_some_and(|it| is_me(Some(it.user), context) || Some(it.user) == organizer)
    };
    let there = fields(pairing, from.other());
    let mut told = pairing.clone();
    if let Some(seen) = told.seen.get_mut(from) {
        for field in [Field::RequiredAttendees, Field::OptionalAttendees] {
            let list = &mut seen.observation.fields;
            let mut parties = list.parties(field).to_vec();
            parties.retain(|party| !holds(party));
            parties.extend(there.parties(field).iter().filter(|&party| holds(party)).cloned());
            list.set(field, (!parties.is_empty()).then_some(Value::Parties(parties)));
        }
    }
    Cow::Owned(told)
}

/// Tells whether the row of a meeting that this user attends names another meeting than his item: it
/// went over to another organizer. The pair is forgotten; the row meets the item that it names.
pub(super) fn is_left_behind(pairing: &Pairing) -> bool {
    let Some(link) = &pairing.link else { return false };
    let attends = match link.role {
        Role::Follower | Role::Guest => true,
        Role::Owner | Role::PrivateCopy => false,
    };
    let item = uid(pairing, Side::Exchange).or(link.uid.as_ref());
    let row = uid(pairing, Side::Dynamics);
    attends && was_pair(link) && row.is_some() && item.is_some() && row != item
}

/// Tells whether the row that an item finds is another meeting's: one who attends has no part in that, and
/// of a row that was to be made it has the guid only (APPT-IN-11).
pub(super) fn meets_another(pairing: &Pairing, role: Role) -> bool {
    let making = pairing.link.as_ref().map(|link| link.state);
    let attends = matches!(role, Role::Follower | Role::Guest);
    names_another(pairing) && (attends || making == Some(LinkState::Creating(Side::Dynamics)))
}

fn was_pair(link: &Link) -> bool {
    match link.state {
        LinkState::Agreed | LinkState::Unlinked(_) | LinkState::DeletedInExchange => true,
        LinkState::Creating(_) | LinkState::LeftAlone => false,
    }
}

/// Tells whether this user organizes a row by now whose meeting he attended, and that meeting is gone:
/// also where he had no copy of it, and its cancellation left one. The pair is forgotten, and the row
/// makes a meeting like a new one.
pub(super) fn is_mine_now(pairing: &Pairing, context: &Context<'_>) -> bool {
    let Some(link) = &pairing.link else { return false };
    let Some(row) = &pairing.seen.dynamics else { return false };
    let item = item_facts(pairing);
    let attended = was_pair(link) && link.role == Role::Follower && link.uid.is_some();
    let called_off = link.state == LinkState::LeftAlone && item.is_cancelled && !item.is_organizer;
    (attended || called_off)
        && pairing.kind().is_meeting()
        && row.observation.presence == Presence::Present
        && row.observation.uid.is_none()
        && is_me(row_facts(pairing).organizer, context)
}
