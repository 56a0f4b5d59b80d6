//! Occurrences of a series that deviate on both sides: a three-way merge, one by one (CONF-03).
//!
//! An occurrence is known by the day on which the pattern puts it (REC-07), and what was agreed of it
//! by its fingerprint on either side. Absent: a changed pattern, which takes its occurrences along.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::fields;
use super::split::{say_the_same, ways_between, winner};
use crate::domain::code::Code;
use crate::domain::field::{Fields, Group};
use crate::domain::fingerprint::Prints;
use crate::domain::kind::Kind;
use crate::domain::link::LinkState;
use crate::domain::policy::Context;
use crate::domain::recurrence::Exception;
use crate::domain::side::{PerSide, Side};
use crate::engine::matching::Pairing;
use crate::engine::series;
use crate::engine::translate::translate;

/// Where an occurrence goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Nobody changed it, both sides changed it alike, or a direction forbids it.
    Nowhere,
    /// To this side; the other one alone changed it.
    To(Side),
    /// To this side, whose own edit of it is lost (CONF-03).
    Lost(Side),
    /// It is deleted on this side, which had edited it (CONF-04).
    Deleted(Side),
}

/// Tells whether the link knows what was agreed of single occurrences.
pub(super) fn known(pairing: &Pairing) -> bool {
    let agreed = agreed(pairing);
    agreed.is_none_or(|agreed| Side::BOTH.into_iter().all(|it| agreed.get(it).knows_occurrences()))
}

/// A pair that was dissolved and comes back has no agreement: the sides may have differed at its end.
fn agreed(pairing: &Pairing) -> Option<&PerSide<Prints>> {
    let link = pairing.link.as_ref()?;
    matches!(link.state, LinkState::Agreed | LinkState::Creating(_)).then_some(&link.agreed)
}

/// Returns where each occurrence goes that deviates on a side.
pub(super) fn ways(pairing: &Pairing, context: &Context<'_>) -> Vec<(NaiveDate, Way)> {
    let nothing = Prints::default();
    let both = PerSide::from_fn(|side| fields(pairing, side));
    // Under which name the fingerprints know a day.
    let mut days: BTreeMap<NaiveDate, u64> = BTreeMap::new();
    for side in Side::BOTH {
        if let Some(seen) = pairing.seen.get(side) {
            let prints = seen.prints.occurrences().iter().map(|one| one.day);
            let list = seen.observation.fields.exceptions().iter().map(|one| one.day);
            days.extend(list.zip(prints));
        }
    }
    let changed = |side: Side, name: u64| {
        let agreed = agreed(pairing).map_or(&nothing, |agreed| agreed.get(side));
        let seen = pairing.seen.get(side).as_ref().map_or(&nothing, |seen| &seen.prints);
        agreed.held_on(name) != seen.held_on(name)
    };
    let way = |(day, name): (NaiveDate, u64)| {
        let way = match (changed(Side::Dynamics, name), changed(Side::Exchange, name)) {
            (false, false) => unwritten(pairing, name).map_or(Way::Nowhere, Way::To),
            (true, false) => Way::To(Side::Exchange),
            (false, true) => Way::To(Side::Dynamics),
            (true, true) => contested(pairing, day, &both, context),
        };
        (day, way)
    };
    days.into_iter().map(way).collect()
}

/// Returns the side that was made without an answer, of which nothing is known, while it is known what
/// its source held.
fn made_unanswered(pairing: &Pairing) -> Option<Side> {
    let link = pairing.link.as_ref()?;
    let LinkState::Creating(side) = link.state else { return None };
    let knows = |side: Side| *link.agreed.get(side) != Prints::default();
    (!knows(side) && knows(side.other())).then_some(side)
}

/// Returns the side that was made without an answer and does not have an occurrence of its source:
/// occurrences are written one by one after their series, some when they have rows (REC-05).
fn unwritten(pairing: &Pairing, name: u64) -> Option<Side> {
    let (link, side) = (pairing.link.as_ref()?, made_unanswered(pairing)?);
    let seen = pairing.seen.get(side).as_ref()?;
    let held = link.agreed.get(side.other()).held_on(name).is_some();
    let missing = seen.prints.held_on(name).is_none();
    (held && missing).then_some(side)
}

/// Tells whether an occurrence was deleted on one side and edited on the other: no list says so, where
/// it cannot be brought back.
pub(super) fn deletes_an_edited(pairing: &Pairing, context: &Context<'_>) -> bool {
    known(pairing) && ways(pairing, context).iter().any(|(_, way)| matches!(way, Way::Deleted(_)))
}

/// Both sides changed one occurrence.
fn contested(
    pairing: &Pairing,
    day: NaiveDate,
    both: &PerSide<Fields>,
    context: &Context<'_>,
) -> Way {
    // What is known to be an edit outranks what may be our own older write; the rest is a rivalry.
    let guessed = made_unanswered(pairing);
    let (kind, group) = (pairing.kind(), Group::Exceptions);
    let [row, item] = [&both.dynamics, &both.exchange].map(|all| {
        let mut alone = all.clone();
        series::keep_days(&mut alone, |one| one == day);
        alone
    });
    let deleted = |all: &Fields| matches!(all.exceptions(), [Exception { change: None, .. }]);
    match (deleted(&row), deleted(&item)) {
        (true, true) => Way::Nowhere,
        (true, false) => Way::Deleted(Side::Exchange),
        (false, true) => Way::Deleted(Side::Dynamics),
        // APPT-OUT-06: what is over is not told to its guests; the row's edit is lost all the same.
        (false, false) if holds_back(kind, &row, &item, context) => {
            match (guessed, ways_between(kind, group, &row, &item, context)) {
                (Some(Side::Exchange), _) => Way::To(Side::Exchange),
                (Some(Side::Dynamics) | None, (_, true)) => Way::Lost(Side::Dynamics),
                (Some(Side::Dynamics) | None, (_, false)) => Way::Nowhere,
            }
        }
        (false, false) if say_the_same(kind, group, &row, &item, context) => Way::Nowhere,
        // FLD-02: what flows one way only has no rival.
        (false, false) => match ways_between(kind, group, &row, &item, context) {
            (true, false) => Way::To(Side::Exchange),
            (false, true) => Way::To(Side::Dynamics),
            (false, false) => Way::Nowhere,
            (true, true) => {
                let loser = || winner(kind, group, context.policy.conflict).other();
                Way::Lost(guessed.unwrap_or_else(loser))
            }
        },
    }
}

/// Tells whether an edit of Dynamics is kept from the guests of a past meeting.
fn holds_back(kind: Kind, row: &Fields, item: &Fields, context: &Context<'_>) -> bool {
    let there = translate(kind, Side::Dynamics, &[Group::Exceptions], row, item, context);
    there.losses.contains(&Code::PastMeetingHeld)
}
