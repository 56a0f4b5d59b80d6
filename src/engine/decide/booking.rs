//! How a new row is made in Dynamics: booked or plainly, in whose name, with a look for duplicates.

use super::item_facts;
use crate::domain::field::{Field, Patch, Value};
use crate::domain::policy::Context;
use crate::domain::rule::RuleId;
use crate::engine::catalogue as rule;
use crate::engine::matching::Pairing;

/// APPT-IN-06 to -08: the row is booked, which fails when somebody is not free in Dynamics; unless
/// the app asked its user already, the user decided to ignore the conflict, or the tenant does not
/// want to be asked.
pub(super) fn book(pairing: &Pairing, context: &Context<'_>, patch: &mut Patch) -> Option<RuleId> {
    if item_facts(pairing).by_app {
        return Some(rule::APPT_IN_08);
    }
    if pairing.link.as_ref().is_some_and(|link| link.ignores_conflict) {
        return Some(rule::APPT_IN_07);
    }
    if context.policy.plain_booking {
        return None;
    }
    patch.push((Field::Booking, Some(Value::Flag(true))));
    Some(rule::APPT_IN_06)
}

/// ORG-04: the page's SYSTEM makes the row of a meeting that its tracker does not organize, so that
/// it is shared with nobody by being made; here it is the application. Where the organization does
/// not share by itself, the tracker makes it.
pub(super) fn author(
    pairing: &Pairing,
    context: &Context<'_>,
    patch: &mut Patch,
) -> Option<RuleId> {
    let by_application = !item_facts(pairing).is_organizer && !context.policy.settings.no_sharing;
    by_application.then(|| {
        patch.push((Field::ByApplication, Some(Value::Flag(true))));
        rule::ORG_04
    })
}

/// CONF-06: the organization's duplicate rules are asked before a contact is made, unless the user
/// decided to have it all the same.
pub(super) fn seek_duplicates(pairing: &Pairing, patch: &mut Patch) -> Option<RuleId> {
    let decided = pairing.link.as_ref().is_some_and(|link| link.ignores_conflict);
    (!decided).then(|| {
        patch.push((Field::Booking, Some(Value::Flag(true))));
        rule::CONF_06
    })
}
