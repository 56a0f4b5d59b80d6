//! The people of a row whom Exchange does not know well enough.

use super::{item_facts, row_facts};
use crate::domain::field::{Field, Patch};
use crate::domain::policy::Context;
use crate::domain::rule::RuleId;
use crate::engine::catalogue as rule;
use crate::engine::matching::Pairing;

/// ORG-07: Exchange names an organizer without an address. The row keeps its own where the
/// organization says so, and where his mailbox is synchronized: that one decides (ORG-01), and a
/// meeting that lost its organizer would leave his filter and be cancelled.
pub(super) fn unaddressed(
    pairing: &Pairing,
    context: &Context<'_>,
    patch: &mut Patch,
) -> Option<RuleId> {
    let organizer = row_facts(pairing).organizer?;
    if !pairing.kind().is_meeting() || !item_facts(pairing).unaddressed {
        return None;
    }
    let keeps = context.policy.settings.keep_organizer || context.directory.serves(organizer);
    if !keeps {
        patch.push((Field::Organizer, None));
    }
    Some(rule::ORG_07)
}
