//! What keeps an item at home although a filter returns it or it carries the signal.

use super::{After, Verdict, fields, item_facts, leave, row_facts, verdict};
use crate::domain::code::Code;
use crate::domain::field::{Field, Fields};
use crate::domain::ids::Address;
use crate::domain::kind::Kind;
use crate::domain::plan::Verb;
use crate::domain::policy::Context;
use crate::domain::side::Side;
use crate::engine::catalogue as rule;
use crate::engine::matching::Pairing;

/// APPT-OUT-12: a draft stays in Dynamics until its author sends it, where drafts exist.
pub(super) fn is_draft(pairing: &Pairing, context: &Context<'_>) -> bool {
    context.policy.settings.drafts && row_facts(pairing).draft
}

/// Returns the verdict on an item that may not become a row, or nothing.
pub(super) fn barred(pairing: &Pairing, context: &Context<'_>) -> Option<Verdict> {
    match pairing.kind() {
        Kind::Appointment | Kind::RecurringAppointment => attendee_bars(pairing, context),
        Kind::Contact => contact_bars(pairing, context),
        Kind::Task | Kind::PhoneCall | Kind::Letter | Kind::Fax | Kind::ServiceAppointment => None,
    }
}

/// LINK-13, LINK-14: somebody tracks a meeting that another user of the organization holds.
fn attendee_bars(pairing: &Pairing, context: &Context<'_>) -> Option<Verdict> {
    let facts = item_facts(pairing);
    if facts.is_organizer {
        return None;
    }
    let organizer = facts.organizer.as_ref().and_then(|it| context.directory.by_address(it));
    // RES-01: a disabled user never resolves; the meeting is then organized elsewhere.
    let organizer = organizer.filter(|user| user.enabled)?;
    let settings = &context.policy.settings;
    match (settings.attendees_track, settings.organizer_must_sync, organizer.served) {
        (false, _, _) => {
            let rules = [rule::LINK_13];
            Some(verdict(pairing.clone(), After::Nothing, Verb::LeaveAlone, &rules))
        }
        (true, true, false) => {
            let code = Code::OrganizerNotServed;
            Some(leave(pairing.clone(), After::LeftAlone(code), rule::LINK_14, code))
        }
        (true, true, true) | (true, false, _) => None,
    }
}

/// CONT-09: a contact that nobody could find again, by name or by mail, is not tracked.
fn contact_bars(pairing: &Pairing, context: &Context<'_>) -> Option<Verdict> {
    let item = fields(pairing, Side::Exchange);
    let fine = has_name(&item) && has_addresses(&item);
    let code = Code::ContactInvalid;
    (context.policy.settings.validate_contacts && !fine)
        .then(|| leave(pairing.clone(), After::LeftAlone(code), rule::CONT_09, code))
}

fn has_name(item: &Fields) -> bool {
    [Field::FirstName, Field::LastName, Field::Company]
        .into_iter()
        .any(|field| item.get(field).is_some())
}

fn has_addresses(item: &Fields) -> bool {
    let mut texts =
        [Field::Email1, Field::Email2, Field::Email3].into_iter().map(|it| item.text(it));
    texts.all(|text| text.is_empty() || Address::parse(text).is_some())
}
