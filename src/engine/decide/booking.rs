//! How a new appointment is made in Dynamics: booked, or plainly.

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
