//! Translate: the fields of one side in the words of the other.
//!
//! Most groups are carried as they are. Status, due date, attendees and texts follow rules of
//! their kind; each such arm names its rule. The result is a patch for the *target* side.

mod appointment;
mod columns;
mod flow;
mod service;
mod task;

pub use appointment::{reminder_off, row_status_of, show_as_of};
pub(super) use columns::fit_columns;
pub use service::service_show_as;
pub use task::{completed_in_exchange, todo_status_of, turns};

use crate::domain::code::Code;
use crate::domain::field::{Field, Fields, Group, Patch, Value};
use crate::domain::ids::Address;
use crate::domain::kind::{Collection, Kind};
use crate::domain::markup;
use crate::domain::party::Party;
use crate::domain::policy::Context;
use crate::domain::rule::RuleId;
use crate::domain::side::Side;
use crate::domain::zone::Zone;
use crate::engine::{catalogue as rule, series};

/// What a translation gives: the patch and what was lost on the way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Translation {
    /// The fields to write on the target side.
    pub patch: Patch,
    /// Fidelity notes.
    pub losses: Vec<Code>,
    /// The rules that chose the values, each once.
    pub rules: Vec<RuleId>,
}

impl Translation {
    /// Notes the rule of an arm that was taken.
    pub(crate) fn by(&mut self, id: RuleId) {
        if !self.rules.contains(&id) {
            self.rules.push(id);
        }
    }
}

/// What stands for a subject that Dynamics requires and Exchange does not.
const NO_SUBJECT: &str = "(no subject)";

/// Translates some groups of `source` for the other side; `target` is what that side holds now.
#[must_use]
pub fn translate(
    kind: Kind,
    from: Side,
    wanted: &[Group],
    source: &Fields,
    target: &Fields,
    context: &Context<'_>,
) -> Translation {
    let mut out = words(kind, from, wanted, source, target, context);
    flow::obey_security(kind, from, target, context, &mut out);
    flow::obey_directions(kind, from, context, &mut out);
    flow::require_subject(kind, from, wanted, target, &mut out);
    out
}

/// Translates without regard to the directions of the fields: what one side says in the words of
/// the other.
#[must_use]
pub(crate) fn words(
    kind: Kind,
    from: Side,
    wanted: &[Group],
    source: &Fields,
    target: &Fields,
    context: &Context<'_>,
) -> Translation {
    let mut out = Translation::default();
    let zone = context.mailbox.personal.zone.as_ref();
    let service = kind == Kind::ServiceAppointment;
    if service && from == Side::Dynamics {
        service::body(wanted, source, &mut out);
    }
    for group in wanted {
        match group {
            // Body and attendees of a service activity are one text.
            Group::Body | Group::Attendees if service => {}
            Group::Status => status(kind, from, source, target, context, &mut out),
            Group::Due => task::due(from, source, target, zone, &mut out),
            Group::TaskStart => task::start(from, source, target, zone, &mut out),
            Group::Company => company(from, source, target, context, &mut out),
            Group::Attendees => attendees(from, source, target, context, &mut out),
            Group::Privacy => privacy(from, source, &mut out),
            Group::Time => time(source, &mut out),
            Group::Recurrence => recurrence(source, &mut out),
            // Last, when all that is written to the series is known.
            Group::Exceptions => {}
            Group::Address1 | Group::Address2 | Group::Address3 => {
                address(*group, source, target, context, &mut out);
            }
            Group::Subject
            | Group::Body
            | Group::Importance
            | Group::Location
            | Group::Name
            | Group::Emails
            | Group::Phones
            | Group::Work
            | Group::People
            | Group::Dates
            | Group::Links
            | Group::Files => plain(*group, source, target, &mut out),
        }
    }
    if from == Side::Dynamics && kind.collection() == Collection::Tasks {
        task::reminder(wanted, source, context, &mut out);
    }
    if from == Side::Exchange {
        if wanted.contains(&Group::Subject) && source.get(Field::Subject).is_none() {
            name_it(&mut out);
        }
        fit_columns(kind, &mut out);
    }
    if wanted.contains(&Group::Exceptions) {
        series::operations(kind, from, source, target, context, &mut out);
    }
    out
}

/// Pattern, range, time of day and zone go together (CONF-03).
fn recurrence(source: &Fields, out: &mut Translation) {
    if let Some(value) = source.get(Field::Recurrence) {
        out.patch.push((Field::Recurrence, Some(value.clone())));
        out.by(rule::REC_06);
    }
}

/// Gives an all-day appointment midnights: that is how Dynamics keeps a day. Those of the owner's
/// zone, in which Dynamics shows him the row; where it is not known, those of the zone in which
/// the day was chosen. Done last, because days are compared as days.
pub fn local_midnights(patch: &mut Patch, item: &Fields, context: &Context<'_>) {
    let all_day = patch
        .iter()
        .any(|(field, value)| *field == Field::AllDay && *value == Some(Value::Flag(true)));
    if !all_day {
        return;
    }
    let own = context.mailbox.personal.zone.clone();
    let Some(zone) = own.or_else(|| Zone::from_name(item.text(Field::Zone))) else { return };
    for (field, value) in patch {
        if let (Field::Start | Field::End, Some(Value::Time(time))) = (*field, value) {
            *time = zone.to_utc(time.naive_utc());
        }
    }
}

/// Tells whether a patch would change anything in `target`.
#[must_use]
pub fn changes(patch: &Patch, target: &Fields) -> bool {
    patch.iter().any(|(field, value)| !same_value(*field, value.as_ref(), target.get(*field)))
}

/// Compares what is to be written with what is there, as the far side would store it.
fn same_value(field: Field, new: Option<&Value>, old: Option<&Value>) -> bool {
    match (new, old) {
        // The account behind a name: it is written only where the names differ (CONT-08).
        (Some(Value::Parties(_)), _) if field == Field::Company => false,
        (Some(Value::Parties(new)), old) => {
            let old = if let Some(Value::Parties(old)) = old { old.as_slice() } else { &[] };
            addresses(new) == addresses(old)
        }
        (Some(new), Some(old)) if field == Field::Body => markup::same(new, old),
        (None | Some(Value::Flag(false)), None | Some(Value::Flag(false))) => true,
        (Some(Value::Recurrence(new)), Some(Value::Recurrence(old))) => new.same_times(old),
        // A list of what is to be changed.
        (Some(Value::Exceptions(list)), _) => list.is_empty(),
        // Fields that are written by rule and never read back change nothing by themselves.
        _ => field.group().is_none() || new == old,
    }
}

fn addresses(parties: &[Party]) -> Vec<Option<&Address>> {
    let mut list: Vec<_> = parties.iter().map(|party| party.address.as_ref()).collect();
    list.sort_unstable();
    list
}

/// A group whose fields mean the same on both sides: set what differs, empty what is gone.
fn plain(group: Group, source: &Fields, target: &Fields, out: &mut Translation) {
    for (field, value) in source.iter().filter(|(field, _)| field.group() == Some(group)) {
        out.patch.push((field, Some(value.clone())));
    }
    for (field, _) in target.iter().filter(|(field, _)| field.group() == Some(group)) {
        if source.get(field).is_none() {
            out.patch.push((field, None));
        }
    }
}

/// ADDR-01 to ADDR-03: the mailing address, or all three; each pairs with one of Exchange's.
fn address(
    group: Group,
    source: &Fields,
    target: &Fields,
    context: &Context<'_>,
    out: &mut Translation,
) {
    let before = out.patch.len();
    plain(group, source, target, out);
    if out.patch.len() > before {
        let three = context.policy.settings.three_addresses;
        out.by(if three { rule::ADDR_02 } else { rule::ADDR_01 });
        out.by(rule::ADDR_03);
    }
}

/// CONT-08: the parent's name is the company. Towards Dynamics it is the one account of exactly
/// that name; where there is none, or more than one, the parent stays as it is.
fn company(
    from: Side,
    source: &Fields,
    target: &Fields,
    context: &Context<'_>,
    out: &mut Translation,
) {
    use crate::domain::party::{PartyRow, PartyTable};
    let name = source.text(Field::Company);
    match (from, context.accounts.get(name)) {
        (Side::Dynamics, _) => plain(Group::Company, source, target, out),
        (Side::Exchange, _) if name == target.text(Field::Company) => {}
        (Side::Exchange, Some(id)) => {
            let row = Some(PartyRow { table: PartyTable::Account, id: *id });
            let account = Party { address: None, name: name.to_owned(), row };
            out.patch.push((Field::Company, Some(Value::Parties(vec![account]))));
            out.by(rule::CONT_08);
        }
        (Side::Exchange, None) => out.losses.push(Code::CompanyUnknown),
    }
}

/// APPT-IN-09: one way, from Exchange.
fn privacy(from: Side, source: &Fields, out: &mut Translation) {
    if from == Side::Exchange {
        out.patch.push((Field::Private, Some(Value::Flag(source.flag(Field::Private)))));
        out.by(rule::APPT_IN_09);
    }
}

/// Dynamics requires a subject, also of a new row.
pub(super) fn name_it(out: &mut Translation) {
    out.patch.retain(|(field, _)| *field != Field::Subject);
    out.patch.push((Field::Subject, Some(Value::Text(NO_SUBJECT.to_owned()))));
}

/// Start, end and all-day go together, so that no half of a move is ever written (CONF-03).
fn time(source: &Fields, out: &mut Translation) {
    for field in [Field::Start, Field::End] {
        if let Some(value) = source.get(field) {
            out.patch.push((field, Some(value.clone())));
        }
    }
    out.patch.push((Field::AllDay, Some(Value::Flag(source.flag(Field::AllDay)))));
}

/// Attendees by address. Towards Dynamics each is given its row (APPT-IN-10); towards Exchange
/// one without an address cannot be invited and is noted; it stays on the row.
fn attendees(
    from: Side,
    source: &Fields,
    target: &Fields,
    context: &Context<'_>,
    out: &mut Translation,
) {
    for field in [Field::RequiredAttendees, Field::OptionalAttendees] {
        let mut parties = source.parties(field).to_vec();
        match from {
            Side::Exchange => {
                for party in &mut parties {
                    party.row =
                        party.address.as_ref().and_then(|it| resolve(it, context, &mut out.rules));
                }
                if !parties.is_empty() {
                    out.by(rule::APPT_IN_10);
                }
                let unnamed = target.parties(field).iter().filter(|it| it.address.is_none());
                parties.extend(unnamed.cloned());
            }
            Side::Dynamics => {
                let before = parties.len();
                parties.retain(|party| party.address.is_some());
                if parties.len() < before {
                    out.losses.push(Code::ValuesDropped);
                }
            }
        }
        out.patch.push((field, Some(Value::Parties(parties))));
    }
}

/// RES-02: a user of the organization first, then what the rows of the organization say. RES-01: a
/// disabled user does not resolve. RES-03: at last the row that will be made of the address.
fn resolve(
    address: &Address,
    context: &Context<'_>,
    rules: &mut Vec<RuleId>,
) -> Option<crate::domain::party::PartyRow> {
    use crate::domain::party::{PartyRow, PartyTable};
    let user = context.directory.by_address(address);
    let enabled = user.filter(|user| user.enabled);
    let row = enabled
        .map(|user| PartyRow { table: PartyTable::SystemUser, id: user.user.0 })
        .or_else(|| context.parties.get(address).copied());
    let made = context.strangers.get(address).copied().filter(|_| row.is_none());
    let refused = (user.is_some() && enabled.is_none()).then_some(rule::RES_01);
    let known = row.map(|_| rule::RES_02);
    for id in refused.into_iter().chain(known).chain(made.map(|_| rule::RES_03)) {
        if !rules.contains(&id) {
            rules.push(id);
        }
    }
    row.or(made)
}

fn status(
    kind: Kind,
    from: Side,
    source: &Fields,
    target: &Fields,
    context: &Context<'_>,
    out: &mut Translation,
) {
    match (kind, from) {
        (Kind::Appointment | Kind::RecurringAppointment, Side::Dynamics) => {
            appointment::to_exchange(source, out);
        }
        (Kind::ServiceAppointment, Side::Dynamics) => service::to_exchange(source, out),
        (Kind::Appointment | Kind::RecurringAppointment, Side::Exchange) => {
            appointment::to_dynamics(source, target, out);
        }
        (Kind::Task | Kind::PhoneCall | Kind::Letter | Kind::Fax, Side::Dynamics) => {
            let row = known_to_exchange(kind, source, context);
            task::to_exchange(kind, &row, context, out);
        }
        (Kind::Task | Kind::PhoneCall | Kind::Letter | Kind::Fax, Side::Exchange) => {
            task::to_dynamics(kind, source, target, context, out);
        }
        // SVC-04.
        (Kind::ServiceAppointment, Side::Exchange) => {}
        (Kind::Contact, _) => {}
    }
}

/// FLD-02: the row as Exchange may know it. Percentage and actual end decide a task's status
/// (TASK-OUT-07, TASK-OUT-10) only where they may flow.
#[must_use]
pub fn known_to_exchange(kind: Kind, row: &Fields, context: &Context<'_>) -> Fields {
    let known = |field: Field| context.directions.of(kind, field).leaves(Side::Dynamics);
    let hidden = |field: &Field| {
        matches!(field, Field::PercentComplete | Field::ActualEnd) && !known(*field)
    };
    let fields = row.iter().filter(|(field, _)| !hidden(field));
    fields.map(|(field, value)| (field, value.clone())).collect()
}

#[cfg(test)]
mod tests;
