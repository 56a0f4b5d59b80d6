//! Which changed groups go which way, and which side gives way where both changed the same.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::agreed::may_leave;
use super::create::is_past;
use super::occurrences::{self, Way};
use super::{attendee_count, fields};
use crate::domain::field::{Field, Fields, Group, Patch};
use crate::domain::kind::Kind;
use crate::domain::link::Role;
use crate::domain::markup;
use crate::domain::policy::{ConflictPolicy, Context};
use crate::domain::side::{PerSide, Side};
use crate::engine::groups;
use crate::engine::matching::Pairing;
use crate::engine::translate::{changes, translate, words};

/// Which groups go which way.
#[derive(Debug, Default)]
pub(super) struct Split {
    pub(super) to_exchange: Vec<Group>,
    pub(super) to_dynamics: Vec<Group>,
    /// Occurrences that are not written to a side, by their days.
    pub(super) held: PerSide<BTreeSet<NaiveDate>>,
    pub(super) conflict: bool,
    /// An occurrence was deleted on one side and edited on the other.
    pub(super) deleted: bool,
}

impl Split {
    /// Tells whether anything of a side reaches the other.
    pub(super) fn from(&self, side: Side) -> bool {
        match side {
            Side::Dynamics => !self.to_exchange.is_empty(),
            Side::Exchange => !self.to_dynamics.is_empty(),
        }
    }
}

pub(super) fn split(
    pairing: &Pairing,
    role: Role,
    changed: &PerSide<Vec<Group>>,
    context: &Context<'_>,
) -> Split {
    let mut out = Split::default();
    for group in groups::of(pairing.kind(), &context.policy.settings) {
        // APPT-IN-09: Exchange alone says what is private.
        let dynamics = changed.dynamics.contains(&group)
            && may_leave(Side::Dynamics, role)
            && group != Group::Privacy;
        let exchange = changed.exchange.contains(&group) && may_leave(Side::Exchange, role);
        match (dynamics, exchange) {
            (false, false) => {}
            (true, false) => out.to_exchange.push(group),
            (false, true) => out.to_dynamics.push(group),
            // Before the lists are compared: no list can say that an occurrence is back.
            (true, true) if group == Group::Exceptions && occurrences::known(pairing) => {
                out.share_occurrences(pairing, context);
            }
            (true, true) if agree(pairing, group, context) => {}
            (true, true) => match open_ways(pairing, group, context) {
                // FLD-02: what flows one way only has no rival.
                (true, false) => out.to_exchange.push(group),
                (false, true) => out.to_dynamics.push(group),
                (false, false) => {}
                // CONT-08: a company fills an empty parent.
                (true, true) if group == Group::Company && orphaned(pairing) => {
                    out.to_dynamics.push(group);
                }
                (true, true) => {
                    out.conflict = true;
                    match winner(pairing.kind(), group, context.policy.conflict) {
                        Side::Dynamics => out.to_exchange.push(group),
                        Side::Exchange => out.to_dynamics.push(group),
                    }
                }
            },
        }
    }
    out.keep_exceptions_with_pattern(pairing, changed, context);
    out
}

fn orphaned(pairing: &Pairing) -> bool {
    fields(pairing, Side::Dynamics).get(Field::Company).is_none()
}

impl Split {
    /// Each occurrence has a way of its own: edits of different ones on both sides all survive.
    fn share_occurrences(&mut self, pairing: &Pairing, context: &Context<'_>) {
        for (day, way) in occurrences::ways(pairing, context) {
            let to = match way {
                Way::Nowhere => None,
                Way::To(side) => Some(side),
                Way::Lost(side) => {
                    self.conflict = true;
                    Some(side)
                }
                Way::Deleted(side) => {
                    self.deleted = true;
                    Some(side)
                }
            };
            for side in Side::BOTH {
                if to != Some(side) {
                    self.held.get_mut(side).insert(day);
                    continue;
                }
                let groups = self.to_mut(side);
                if !groups.contains(&Group::Exceptions) {
                    groups.push(Group::Exceptions);
                }
            }
        }
    }

    const fn to_mut(&mut self, side: Side) -> &mut Vec<Group> {
        match side {
            Side::Dynamics => &mut self.to_dynamics,
            Side::Exchange => &mut self.to_exchange,
        }
    }

    /// A pattern takes its exceptions along: they are named by its days (REC-07). Those of the other
    /// side end with the pattern that they deviate from; if somebody edited them, that is told.
    fn keep_exceptions_with_pattern(
        &mut self,
        pairing: &Pairing,
        changed: &PerSide<Vec<Group>>,
        context: &Context<'_>,
    ) {
        for side in Side::BOTH {
            let moves = self.to_mut(side).contains(&Group::Recurrence);
            if !moves || agree(pairing, Group::Recurrence, context) {
                continue;
            }
            let edited = changed.get(side).contains(&Group::Exceptions);
            self.conflict |= edited && !agree(pairing, Group::Exceptions, context);
            self.to_mut(side.other()).retain(|group| *group != Group::Exceptions);
            self.held = PerSide::default();
            if !self.to_mut(side).contains(&Group::Exceptions) {
                self.to_mut(side).push(Group::Exceptions);
            }
        }
    }
}

/// Tells whether both sides say the same in a group, each in its own words and whatever the
/// directions of its fields.
pub(super) fn agree(pairing: &Pairing, group: Group, context: &Context<'_>) -> bool {
    let row = fields(pairing, Side::Dynamics);
    let item = fields(pairing, Side::Exchange);
    say_the_same(pairing.kind(), group, &row, &item, context)
}

pub(super) fn say_the_same(
    kind: Kind,
    group: Group,
    row: &Fields,
    item: &Fields,
    context: &Context<'_>,
) -> bool {
    // APPT-OUT-06: the attendees of a past meeting were left out by us, nobody removed them.
    if group == Group::Attendees && is_past(item, context) && attendee_count(item) == 0 {
        return true;
    }
    // APPT-OUT-13: where the switch was turned, both sides read otherwise and nobody edited.
    if let (Group::Body, Some(here), Some(there)) =
        (group, row.get(Field::Body), item.get(Field::Body))
        && kind == Kind::Appointment
        && markup::alike(here, there)
    {
        return true;
    }
    let there = words(kind, Side::Dynamics, &[group], row, item, context);
    let here = words(kind, Side::Exchange, &[group], item, row, context);
    if group == Group::Company {
        return same_company(row, &there.patch, item, &here.patch);
    }
    !changes(&there.patch, item) || !changes(&here.patch, row)
}

/// CONT-08: a row without a parent says nothing against a company of which there is no account.
fn same_company(row: &Fields, there: &Patch, item: &Fields, here: &Patch) -> bool {
    !changes(there, item) || (row.get(Field::Company).is_none() && here.is_empty())
}

/// Tells in which directions a difference may flow: to Exchange, to Dynamics (FLD-02).
pub(super) fn open_ways(pairing: &Pairing, group: Group, context: &Context<'_>) -> (bool, bool) {
    let row = fields(pairing, Side::Dynamics);
    let item = fields(pairing, Side::Exchange);
    ways_between(pairing.kind(), group, &row, &item, context)
}

pub(super) fn ways_between(
    kind: Kind,
    group: Group,
    row: &Fields,
    item: &Fields,
    context: &Context<'_>,
) -> (bool, bool) {
    let there = translate(kind, Side::Dynamics, &[group], row, item, context);
    let here = translate(kind, Side::Exchange, &[group], item, row, context);
    (changes(&there.patch, item), changes(&here.patch, row))
}

/// CONF-03: Dynamics for contacts and tasks, the organizer's calendar for time and attendees.
pub(super) const fn winner(kind: Kind, group: Group, policy: ConflictPolicy) -> Side {
    match (policy, kind, group) {
        (ConflictPolicy::Exchange, _, _)
        | (ConflictPolicy::ByKind, Kind::Appointment, Group::Time | Group::Attendees)
        | (
            ConflictPolicy::ByKind,
            Kind::RecurringAppointment,
            Group::Recurrence | Group::Exceptions | Group::Attendees,
        ) => Side::Exchange,
        (ConflictPolicy::Dynamics | ConflictPolicy::ByKind, _, _) => Side::Dynamics,
    }
}
