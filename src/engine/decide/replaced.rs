//! Two meetings of one row: it was handed to another organizer while the first one was made.
//!
//! Before a row names its meeting, the mailbox of a new organizer cannot know that there is one. It
//! makes its own and invites the former organizer to it (ORG-03). The row names one of the two: in the
//! end that of its organizer. The other one goes, as if the row had left its mailbox.

use super::removal::{Fate, appointment_leaves};
use super::{After, Verdict, Write, is_me, item_facts, row_facts, verdict};
use crate::domain::link::{LinkState, Role, Why};
use crate::domain::plan::Verb;
use crate::domain::policy::Context;
use crate::domain::side::Side;
use crate::engine::catalogue as rule;
use crate::engine::matching::Pairing;

/// Tells whether a row names another meeting than the item of its pair.
pub(crate) fn names_another(pairing: &Pairing) -> bool {
    let uid =
        |side: Side| pairing.seen.get(side).as_ref().and_then(|seen| seen.observation.uid.as_ref());
    match (uid(Side::Dynamics), uid(Side::Exchange)) {
        (Some(row), Some(item)) => row != item,
        (None, _) | (_, None) => false,
    }
}

/// A meeting of this mailbox whose create got no answer; its row may have another organizer since.
pub(super) fn was_made_here(pairing: &Pairing) -> bool {
    let state = pairing.link.as_ref().map(|link| link.state);
    let made = state == Some(LinkState::Creating(Side::Exchange));
    made && pairing.kind().is_meeting() && item_facts(pairing).is_organizer
}

/// Tells whether another served user organizes the row now and it names his meeting, not the one
/// that this mailbox organizes for it.
pub(super) fn is_replaced(pairing: &Pairing, context: &Context<'_>) -> bool {
    let organizer = row_facts(pairing).organizer;
    let role = pairing.link.as_ref().map(|link| link.role);
    pairing.kind().is_meeting()
        && role == Some(Role::Owner)
        && item_facts(pairing).is_organizer
        && names_another(pairing)
        && organizer.is_some_and(|it| context.directory.serves(it))
        && !is_me(organizer, context)
}

/// The former organizer's meeting goes as by CXL-05 to CXL-07; where deletes are told apart it stays,
/// and nobody is mailed (FILT-06). Then his mailbox meets the other one as an attendee's (APPT-OUT-14).
pub(super) fn decide(pairing: Pairing, context: &Context<'_>) -> Verdict {
    let fate = if context.policy.settings.distinct_deletes {
        Fate::Keep(&[rule::FILT_06])
    } else {
        appointment_leaves(&pairing, context)
    };
    match fate {
        Fate::Delete(ids, mail) => {
            let verb = Verb::Delete(Side::Exchange);
            verdict(pairing, After::Forgotten, verb, ids)
                .by(rule::ORG_03)
                .with_write(Side::Exchange, Write::Delete { mail })
        }
        Fate::Keep(ids) => {
            verdict(pairing, After::Unlinked(Why::RowGone), Verb::Unlink, ids).by(rule::ORG_03)
        }
    }
}
