//! The switch from the mailing address to all three (ADDR-04).
//!
//! In one mode nobody looked at the second and third address, so what each side holds there says
//! nothing about who changed it. Each pair remembers the mode of its last agreement; the first one
//! in the new mode pushes what Dynamics holds. Absent: the way back, which only forgets.

use super::fields;
use super::split::open_ways;
use crate::domain::field::{Fields, Group};
use crate::domain::policy::Context;
use crate::domain::side::{PerSide, Side};
use crate::engine::matching::Pairing;

/// The addresses that begin to take part.
const NEW: [Group; 2] = [Group::Address2, Group::Address3];

/// Says of each address from which side it goes, when this agreement is the first with all three.
/// Returns whether it is.
pub(super) fn push(
    changed: &mut PerSide<Vec<Group>>,
    pairing: &Pairing,
    context: &Context<'_>,
) -> bool {
    let three = context.policy.settings.three_addresses;
    let switches = pairing.link.as_ref().is_some_and(|link| link.switches_addresses(three));
    let both = Side::BOTH.into_iter().all(|side| pairing.seen.get(side).is_some());
    if !(three && switches && both) {
        return false;
    }
    let row = fields(pairing, Side::Dynamics);
    let item = fields(pairing, Side::Exchange);
    for group in NEW {
        let from = match (holds(&row, group), holds(&item, group)) {
            (false, false) => None,
            (true, false) => Some(Side::Dynamics),
            // Nothing is lost on either side.
            (false, true) => Some(Side::Exchange),
            // FLD-02: a push that its direction forbids yields to what may flow.
            (true, true) if open_ways(pairing, group, context) == (false, true) => {
                Some(Side::Exchange)
            }
            (true, true) => Some(Side::Dynamics),
        };
        goes(changed, group, from);
    }
    // The mailing address follows the rules of every change but for this one.
    if holds(&row, Group::Address1) && !holds(&item, Group::Address1) {
        goes(changed, Group::Address1, Some(Side::Dynamics));
    }
    true
}

fn holds(fields: &Fields, group: Group) -> bool {
    fields.iter().any(|(field, _)| field.group() == Some(group))
}

/// Makes a group change on one side only, or on none.
fn goes(changed: &mut PerSide<Vec<Group>>, group: Group, from: Option<Side>) {
    for side in Side::BOTH {
        let groups = changed.get_mut(side);
        groups.retain(|one| *one != group);
        if from == Some(side) {
            groups.push(group);
        }
    }
}
