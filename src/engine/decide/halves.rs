//! Where the halves of a pair say different things, whatever was agreed of each: a difference that a
//! rule holds back is in no fingerprint. For explanations; nothing is decided by it.

use super::split::agree;
use crate::domain::field::Group;
use crate::domain::kind::Kind;
use crate::domain::link::Role;
use crate::domain::observation::Presence;
use crate::domain::policy::Context;
use crate::domain::side::Side;
use crate::engine::groups;
use crate::engine::matching::Pairing;

/// Where the halves of a pair part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Apart {
    /// The groups in which they say different things, each in its own words.
    pub(crate) groups: Vec<Group>,
    /// The row names another meeting than the item is (APPT-IN-11).
    pub(crate) meetings: bool,
}

impl Apart {
    /// Tells whether both halves say the same.
    pub(crate) fn is_nowhere(&self) -> bool {
        self.groups.is_empty() && !self.meetings
    }
}

/// Compares the halves of a pair, where both can be read. Of a copy only when it takes place: the rest
/// of it is its user's or its organizer's (APPT-OUT-08, APPT-OUT-14, SVC-04).
pub(crate) fn apart(pairing: &Pairing, role: Role, context: &Context<'_>) -> Apart {
    let there = |side: Side| {
        let seen = pairing.seen.get(side).as_ref();
        seen.is_some_and(|seen| {
            matches!(seen.observation.presence, Presence::Present | Presence::LeftFilter)
        })
    };
    if !Side::BOTH.into_iter().all(there) {
        return Apart::default();
    }
    let copy = role == Role::PrivateCopy || pairing.kind() == Kind::ServiceAppointment;
    let counts = |group: &Group| {
        let times = matches!(group, Group::Time | Group::Recurrence);
        // Exchange alone says what is private (APPT-IN-09); an attendee's copy shows his own answer.
        *group != Group::Privacy && (times || role == Role::Owner && !copy)
    };
    let mut groups = groups::of(pairing.kind(), &context.policy.settings);
    groups.retain(|group| counts(group) && !agree(pairing, *group, context));
    let uid = |side: Side| pairing.seen.get(side).as_ref()?.observation.uid.clone();
    let meetings = match (uid(Side::Dynamics), uid(Side::Exchange)) {
        (Some(row), Some(item)) => pairing.kind().is_meeting() && !copy && row != item,
        (Some(_) | None, _) => false,
    };
    Apart { groups, meetings }
}
