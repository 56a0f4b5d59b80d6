//! No pair yet: a new row, a new item, or both of which each is the other's twin.

use super::carry::{forbidden, formats};
use super::fit::{fits_dynamics, fits_exchange};
use super::{
    After, Standing, Verdict, Write, attendee_count, booking, fields, gate, item_facts, leave,
    mails, merge, removal, role_in, row_facts, verdict,
};
use crate::domain::code::Code;
use crate::domain::field::{Field, Fields, Group, Patch, Value};
use crate::domain::fingerprint::Prints;
use crate::domain::ids::UserId;
use crate::domain::kind::{Collection, Kind};
use crate::domain::link::{LinkState, Role, Why};
use crate::domain::observation::Presence;
use crate::domain::party::{Party, PartyRow, PartyTable};
use crate::domain::plan::{MailClass, Verb};
use crate::domain::policy::Context;
use crate::domain::rule::RuleId;
use crate::domain::side::{PerSide, Side};
use crate::engine::catalogue as rule;
use crate::engine::matching::Pairing;
use crate::engine::translate::{local_midnights, reminder_off, translate};
use crate::engine::{groups, series};

pub(super) fn decide(
    pairing: Pairing,
    standing: &PerSide<Standing>,
    context: &Context<'_>,
) -> Verdict {
    use Standing as S;
    match (&standing.dynamics, &standing.exchange) {
        (S::New | S::Same | S::Changed(_), S::None) => in_exchange(pairing, context),
        // CXL-12: the item is there, only elsewhere. A second one would be a duplicate.
        (S::New | S::Same | S::Changed(_), S::MovedAway) => {
            verdict(pairing, After::Unlinked(Why::MovedAway), Verb::Unlink, &[rule::CXL_12])
                .with_code(Code::MovedAway)
        }
        (S::New | S::Same | S::Changed(_), S::Deleted) => recreate(pairing, context),
        (S::None, S::New | S::Same | S::Changed(_)) => in_dynamics(pairing, context),
        (S::New | S::Same | S::Changed(_), S::New | S::Same | S::Changed(_)) => {
            merge::adopt(pairing, context)
        }
        // The row a marker names is gone or out of reach: a lost store must not make it again, and
        // a create that crossed with a delete must not survive it.
        (S::LeftFilter | S::Unreadable | S::Deleted, S::New | S::Same | S::Changed(_)) => {
            orphan(pairing, standing, context)
        }
        (_, S::MovedAway) => leave(pairing, After::Nothing, rule::CXL_12, Code::MovedAway),
        (
            S::None | S::LeftFilter | S::Unreadable | S::Deleted | S::MovedAway,
            S::None | S::Deleted | S::LeftFilter | S::Unreadable,
        )
        | (S::New | S::Same | S::Changed(_), S::LeftFilter | S::Unreadable)
        | (S::MovedAway, S::New | S::Same | S::Changed(_)) => {
            verdict(pairing, After::Forgotten, Verb::Forget, &[rule::FILT_05])
        }
    }
}

/// FILT-02: a row that matches for the first time.
fn in_exchange(pairing: Pairing, context: &Context<'_>) -> Verdict {
    let row = fields(&pairing, Side::Dynamics);
    let kind = pairing.kind();
    let matches = pairing
        .seen
        .dynamics
        .as_ref()
        .is_some_and(|seen| seen.observation.presence == Presence::Present);
    if !matches {
        // Read for another reason; no filter returns it.
        return verdict(pairing, After::Forgotten, Verb::Forget, &[rule::FILT_02]);
    }
    if let Err((id, code)) = fits_exchange(kind, &row) {
        return leave(pairing, After::LeftAlone(code), id, code);
    }
    if gate::is_draft(&pairing, context) {
        let code = Code::DraftNotSent;
        return leave(pairing, After::LeftAlone(code), rule::APPT_OUT_12, code);
    }
    match kind {
        Kind::Appointment | Kind::RecurringAppointment => {
            appointment_in_exchange(pairing, &row, context)
        }
        Kind::ServiceAppointment => service_in_exchange(pairing, &row, context),
        Kind::Contact | Kind::Task | Kind::PhoneCall | Kind::Letter | Kind::Fax => {
            let id = if kind == Kind::Contact { rule::CONT_01 } else { rule::TASK_OUT_01 };
            create_item(
                pairing,
                Role::Owner,
                &row,
                MailClass::Silent,
                vec![rule::FILT_02, id],
                context,
            )
        }
    }
}

/// The item of a create whose answer was lost was deleted before the answer could be learned.
fn recreate(pairing: Pairing, context: &Context<'_>) -> Verdict {
    let Some(link) = &pairing.link else { return in_exchange(pairing, context) };
    let known = link.native.exchange.is_some();
    let made = link.state == LinkState::Creating(Side::Exchange);
    if link.agreed.exchange != Prints::default() || made && known {
        // The row was made from this item, or the item was read since: they were a pair (CONF-04).
        return removal::item_deleted(pairing, context);
    }
    if known {
        return leave(pairing, After::DeletedInExchange, rule::CONT_10, Code::NotRecreated);
    }
    in_exchange(pairing, context)
}

/// ORG-01, APPT-OUT-06 to -08, -14: who writes the meeting into which calendar, and whom it mails.
fn appointment_in_exchange(pairing: Pairing, row: &Fields, context: &Context<'_>) -> Verdict {
    let Some(organizer) = row_facts(&pairing).organizer else {
        // ORG-02.
        return leave(
            pairing,
            After::LeftAlone(Code::OrganizerMissing),
            rule::ORG_02,
            Code::OrganizerMissing,
        );
    };
    if organizer == context.mailbox.user {
        return organized_here(pairing, row, context);
    }
    // From here on the syncing user only attends.
    if context.directory.serves(organizer) {
        let code = Code::AwaitsInvitation;
        return leave(pairing, After::LeftAlone(code), rule::APPT_OUT_14, code);
    }
    let rules = vec![rule::APPT_OUT_14, rule::APPT_OUT_08, rule::APPT_OUT_15];
    let alone = without_attendees(row);
    create_item(pairing, Role::PrivateCopy, &alone, MailClass::Silent, rules, context)
}

/// The mailbox of the organizer holds the meeting. Whether it is free then is not asked
/// (APPT-OUT-10).
fn organized_here(pairing: Pairing, row: &Fields, context: &Context<'_>) -> Verdict {
    let state = row.number(Field::State).unwrap_or(0);
    // CXL-04: what would be deleted at once is not created.
    if context.policy.settings.propagate_cancellations && state == 2 {
        let code = Code::RowClosed;
        return leave(pairing, After::LeftAlone(code), rule::CXL_04, code);
    }
    // The row names a meeting that exists or existed, and this calendar does not hold it: it was
    // deleted here, or came from an attendee. To make it anew would invite everybody once more.
    let named = pairing.seen.dynamics.as_ref().is_some_and(|it| it.observation.uid.is_some());
    if named {
        let code = Code::NotRecreated;
        return leave(pairing, After::LeftAlone(code), rule::APPT_IN_11, code);
    }
    let past = is_past(row, context);
    let count = attendee_count(row);
    match (past, count) {
        // APPT-OUT-07.
        (_, 0) => {
            let rules = vec![rule::FILT_02, rule::APPT_OUT_01, rule::APPT_OUT_07];
            create_item(pairing, Role::Owner, row, MailClass::Silent, rules, context)
        }
        // APPT-OUT-06: Graph would mail (APPT-OUT-15), so the attendees stay out.
        (true, _) => {
            let rules = vec![rule::APPT_OUT_06, rule::APPT_OUT_15, rule::FILT_02];
            let alone = without_attendees(row);
            create_item(pairing, Role::Owner, &alone, MailClass::Silent, rules, context)
        }
        (false, count) => {
            let rules = vec![rule::FILT_02, rule::APPT_OUT_01, rule::ORG_01];
            create_item(pairing, Role::Owner, row, mails(count), rules, context)
        }
    }
}

/// SVC-01 to SVC-03: each syncing user gets a copy of his own. It invites nobody, the names stand
/// in its body (SVC-06), and its owner shows as organizer (ORG-08).
fn service_in_exchange(pairing: Pairing, row: &Fields, context: &Context<'_>) -> Verdict {
    let rules = vec![rule::SVC_01, rule::SVC_02, rule::SVC_03, rule::ORG_08, rule::FILT_02];
    create_item(pairing, Role::PrivateCopy, row, MailClass::Silent, rules, context)
}

fn create_item(
    pairing: Pairing,
    role: Role,
    row: &Fields,
    mail: MailClass,
    rules: Vec<RuleId>,
    context: &Context<'_>,
) -> Verdict {
    let kind = pairing.kind();
    let all = groups::of(kind, &context.policy.settings);
    let mut out = translate(kind, Side::Dynamics, &all, row, &Fields::new(), context);
    let calendar = kind.collection() == Collection::Calendar;
    if let Some(id) = reminder_off(kind, row, context.now).filter(|_| calendar) {
        out.patch.push((Field::ReminderOn, Some(Value::Flag(false))));
        out.by(id);
    }
    out.patch.retain(|(_, value)| value.is_some());
    let invited = out
        .patch
        .iter()
        .any(|(_, value)| matches!(value, Some(Value::Parties(parties)) if !parties.is_empty()));
    let mail = match mail {
        MailClass::Mails(count) if invited => {
            // The occurrences that deviate are written, and mailed, one by one.
            MailClass::Mails(count.saturating_mul(series::count(&out.patch).saturating_add(1)))
        }
        MailClass::Mails(_) | MailClass::Silent => MailClass::Silent,
    };
    let mut rules = rules;
    if kind == Kind::RecurringAppointment {
        rules.push(rule::REC_01);
    }
    rules.extend(forbidden(&out));
    rules.extend(formats(&out));
    rules.extend(out.rules);
    verdict(pairing, After::Agreed, Verb::Create(Side::Exchange), &rules)
        .with_role(role)
        .with_losses(&out.losses)
        .with_write(Side::Exchange, Write::Create { patch: out.patch, mail })
}

/// LINK-02, LINK-03: an item with a tracking signal becomes a row.
fn in_dynamics(pairing: Pairing, context: &Context<'_>) -> Verdict {
    // COPY-03: the marker of a copy names another item's row; the copy gets one of its own.
    let marked = !pairing.copy
        && pairing.seen.exchange.as_ref().is_some_and(|seen| seen.observation.marker.is_some());
    let facts = item_facts(&pairing);
    let creating = matches!(
        pairing.link.as_ref().map(|link| link.state),
        Some(LinkState::Creating(Side::Dynamics))
    );
    // LINK-08: when the feature is off, the category tracks nothing (LINK-05: contacts go without).
    let tracked = facts.tracked
        && (pairing.kind() == Kind::Contact || context.policy.settings.track_categorized);
    if !tracked && !creating {
        // LINK-02: not remembered, it is none of our business. What could not be read may have been.
        let (after, verb) = match &pairing.link {
            Some(_) => (After::Forgotten, Verb::Forget),
            None => (After::Nothing, Verb::LeaveAlone),
        };
        return verdict(pairing, after, verb, &[rule::LINK_02]);
    }
    if marked && pairing.link.is_none() {
        // It had a row once (the marker names it) and that row cannot be found.
        return verdict(pairing, After::Unlinked(Why::RowGone), Verb::Unlink, &[rule::CONF_04]);
    }
    if facts.is_cancelled {
        // CXL-13: nothing is left that a row could keep in step. It is not remembered: as the copy of a
        // meeting that was handed over it would take the guid of a row that means another (ORG-03).
        let after = if pairing.link.is_some() { After::Forgotten } else { After::Nothing };
        return leave(pairing, after, rule::CXL_13, Code::MeetingCancelled);
    }
    let item = fields(&pairing, Side::Exchange);
    let kind = pairing.kind();
    if kind == Kind::ServiceAppointment {
        // SVC-04: a copy alone makes no row.
        return verdict(pairing, After::Unlinked(Why::RowGone), Verb::Unlink, &[rule::SVC_04]);
    }
    if let Err((id, code)) = fits_dynamics(kind, &item) {
        return leave(pairing, After::LeftAlone(code), id, code);
    }
    if let Some(verdict) = gate::barred(&pairing, context).filter(|_| !creating) {
        return verdict;
    }
    let all = groups::of(kind, &context.policy.settings);
    let mut out = translate(kind, Side::Exchange, &all, &item, &Fields::new(), context);
    out.patch.retain(|(_, value)| value.is_some());
    local_midnights(&mut out.patch, &item, context);
    let mut rules = if pairing.copy { vec![rule::COPY_02, rule::COPY_03] } else { Vec::new() };
    rules.extend([rule::LINK_02, rule::LINK_03]);
    rules.extend(forbidden(&out));
    rules.extend(formats(&out));
    rules.extend(add_by_rule(kind, &pairing, context, &mut out.patch));
    rules.extend(out.rules);
    let role = role_in(&pairing, context);
    let mark = !marked && role == Role::Owner && attendee_count(&item) == 0;
    let row = Write::Create { patch: out.patch, mail: MailClass::Silent };
    let made = verdict(pairing, After::Agreed, Verb::Create(Side::Dynamics), &rules)
        .with_role(role)
        .with_losses(&out.losses)
        .with_write(Side::Dynamics, row);
    if !mark {
        return made;
    }
    // INV-7: the item names its row, so that the loss of the store makes no second one. Where the
    // mark would mail somebody the meeting's identity must do.
    let (patch, groups) = (Vec::new(), Vec::new());
    let mark = Write::Update { patch, groups, mail: MailClass::Silent, mark: true };
    made.by(rule::LINK_08).with_write(Side::Exchange, mark)
}

/// Adds what no field of the item carries: owner, organizer, identity, actual start.
fn add_by_rule(
    kind: Kind,
    pairing: &Pairing,
    context: &Context<'_>,
    patch: &mut Patch,
) -> Vec<RuleId> {
    let me = context.mailbox.user;
    match kind {
        Kind::Appointment | Kind::RecurringAppointment => {
            let facts = item_facts(pairing);
            let organizer = if facts.is_organizer {
                Some(me)
            } else {
                let address = facts.organizer.as_ref();
                let user = address.and_then(|it| context.directory.by_address(it));
                // RES-01: a disabled user never resolves.
                user.filter(|user| user.enabled).map(|user| user.user)
            };
            // ORG-05: the organizer owns the row if he is a user, else the tracker does.
            patch.push((Field::Owner, Some(user_party(organizer.unwrap_or(me)))));
            if let Some(organizer) = organizer {
                patch.push((Field::Organizer, Some(user_party(organizer))));
            }
            let uid = pairing.seen.exchange.as_ref().and_then(|seen| seen.observation.uid.clone());
            if let Some(uid) = uid {
                patch.push((Field::Uid, Some(Value::Text(uid.as_str().to_owned()))));
            }
            if kind == Kind::RecurringAppointment {
                return vec![rule::REC_01, rule::REC_03, rule::REC_08, rule::ORG_05];
            }
            let mut rules = vec![rule::APPT_IN_01, rule::ORG_05];
            rules.extend(booking::author(pairing, context, patch));
            rules.extend(booking::book(pairing, context, patch));
            rules
        }
        Kind::Task | Kind::PhoneCall | Kind::Letter | Kind::Fax => {
            // TASK-IN-03.
            patch.push((Field::ActualStart, Some(Value::Time(context.now))));
            vec![rule::TASK_IN_01, rule::TASK_IN_03, rule::TASK_IN_07, rule::LINK_09]
        }
        Kind::Contact => {
            let mut rules = vec![rule::CONT_01];
            rules.extend(booking::seek_duplicates(pairing, patch));
            rules
        }
        Kind::ServiceAppointment => Vec::new(),
    }
}

fn user_party(user: UserId) -> Value {
    let row = PartyRow { table: PartyTable::SystemUser, id: user.0 };
    Value::Parties(vec![Party { address: None, name: String::new(), row: Some(row) }])
}

/// An item whose row is gone or out of reach.
fn orphan(pairing: Pairing, standing: &PerSide<Standing>, context: &Context<'_>) -> Verdict {
    let were_pair = pairing.link.as_ref().is_some_and(|link| match link.state {
        LinkState::Creating(Side::Exchange) => true,
        // The row was made from this item and read since: only the mark, or an edit, was still owed.
        LinkState::Creating(Side::Dynamics) => {
            link.agreed.dynamics != Prints::default() || link.version.dynamics.is_some()
        }
        LinkState::LeftAlone => {
            standing.dynamics == Standing::LeftFilter && removal::is_met_late(&pairing)
        }
        LinkState::Agreed | LinkState::Unlinked(_) | LinkState::DeletedInExchange => false,
    });
    if were_pair {
        // The create happened and its row has left since: an ordinary delete towards Exchange.
        return removal::row_left(pairing, &standing.dynamics, context);
    }
    let why = if standing.dynamics == Standing::Deleted { Why::RowGone } else { Why::LeftFilter };
    // ORG-01: what the mailbox is in the meeting counts when the row comes back.
    let role = merge::adopted_role(&pairing, context);
    let out = verdict(pairing, After::Unlinked(why), Verb::Unlink, &[rule::FILT_05, rule::CONF_04]);
    removal::with_owed_mark(out.with_role(role))
}

pub(super) fn without_attendees(row: &Fields) -> Fields {
    row.iter()
        .filter(|(field, _)| field.group() != Some(Group::Attendees))
        .map(|(field, value)| (field, value.clone()))
        .collect()
}

/// APPT-OUT-06, CXL-08: the future begins after now.
pub(super) fn is_past(item: &Fields, context: &Context<'_>) -> bool {
    // A series is past when its last occurrence is (REC-11; rules.md §6, question 7).
    if let Some(series) = item.recurrence() {
        return series.last_day().is_some_and(|day| series.times(day).0 <= context.now);
    }
    item.time(Field::Start).is_none_or(|start| start <= context.now)
}
