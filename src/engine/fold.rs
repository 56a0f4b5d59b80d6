//! Fold: what happened, not what was wished, becomes the new state of the links.
//!
//! A step without a confirmed result never moves the agreement; it leaves its link *unsettled* with
//! the version seen (INV-3), in the same commit that moves the cursors.

mod join;
mod occurrences;

use chrono::{DateTime, Utc};

use crate::domain::code::Code;
use crate::domain::field::Group;
use crate::domain::fingerprint::{PrintKey, Prints};
use crate::domain::kind::Kind;
use crate::domain::link::{Link, LinkState, Trouble};
use crate::domain::observation::{Observation, Presence};
use crate::domain::plan::{Op, Outcome, Step};
use crate::domain::policy::Context;
use crate::domain::side::{PerSide, Side};
use crate::engine::decide::After;
use crate::engine::normalise::{Seen, normalise};
use crate::engine::plan::{Entry, PURGED};
use crate::engine::sent;
use crate::engine::translate::turns;

/// So often a row is to be booked before its user is asked (APPT-IN-07): a party may be busy only until what was
/// deleted or moved of a series follows its pattern to Dynamics.
const BOOKINGS: u8 = 3;

/// What becomes of one link.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkChange {
    /// Nothing is to be stored.
    None,
    /// The link is stored.
    Put(Box<Link>),
    /// The link is forgotten.
    Drop(crate::domain::ids::LinkId),
}

/// Folds the outcomes of one entry into its link.
#[must_use]
pub fn fold(
    entry: &Entry,
    outcomes: &PerSide<Option<Outcome>>,
    key: &PrintKey,
    context: &Context<'_>,
) -> LinkChange {
    let trouble = Side::BOTH.into_iter().find_map(|side| {
        outcomes.get(side).as_ref().and_then(|outcome| failure(entry, side, outcome))
    });
    let mut link = entry.link.clone();
    remember_facts(&mut link, entry);
    // While anything failed or waits, neither side's agreement moves but for the groups that were
    // taken over: the next cycle sees the rest again and finishes it. A create that succeeded is
    // agreed on both sides in any case, it was made from what was read.
    let moves = (trouble.is_none() && !matches!(entry.after(), After::Unsettled(_)))
        || Side::BOTH.into_iter().any(|side| created(entry, side, outcomes.get(side).as_ref()));
    let written = PerSide::from_fn(|side| written_seen(outcomes.get(side).as_ref(), key, context));
    let mut slipped = false;
    for side in Side::BOTH {
        let written = written.get(side).as_ref();
        slipped |= slipped_in(entry, side, written, key);
        settle_side(&mut link, entry, side, written, moves, (key, context));
        if moves {
            continue;
        }
        // A pair that was to part carries nothing, so nothing new is agreed: an edit stays one.
        let parts = matches!(entry.after(), After::Unlinked(_));
        match (join::joins(entry) && !parts, trouble) {
            (true, Some(_)) => join::settle(&mut link, entry, side, outcomes, (written, key)),
            // What it waits for is not known by group: the pair is made anew.
            (true, None) => {}
            (false, _) => settle_groups(&mut link, entry, side, written, key),
        }
    }
    match trouble {
        None if moves => link.sent = PerSide::default(),
        Some(_) | None => sent::settle(&mut link, entry, outcomes, (key, context)),
    }
    match trouble {
        Some(code) => unsettle(link, entry, outcomes, code, context),
        None => settle(link, entry, slipped, context),
    }
}

/// Returns what a confirmed write left behind, in comparable form.
fn written_seen(outcome: Option<&Outcome>, key: &PrintKey, context: &Context<'_>) -> Option<Seen> {
    let Some(Outcome::Done(Some(observation))) = outcome else { return None };
    Some(normalise(
        (**observation).clone(),
        key,
        &context.policy.settings,
        context.directory,
        context.mailbox.personal.zone.as_ref(),
    ))
}

/// Tells whether the answer to an update holds an edit that was not read before: where a write
/// cannot be conditional (protocols A6) somebody may come between. The link takes the answer's
/// version, so no feed will tell of that edit.
fn slipped_in(entry: &Entry, side: Side, written: Option<&Seen>, key: &PrintKey) -> bool {
    let Some(Step { op: Op::Update { groups, .. }, .. }) = entry.steps.get(side) else {
        return false;
    };
    let (Some(seen), Some(written)) = (entry.verdict.pairing.seen.get(side), written) else {
        return false;
    };
    let differing = written.prints.differing(&seen.prints);
    differing.iter().any(|group| !groups.contains(group) && *group != Group::Files)
        || occurrences::slipped_in(entry, side, &seen.prints, &written.prints, key)
}

/// Returns the code of a step that did not succeed.
fn failure(entry: &Entry, side: Side, outcome: &Outcome) -> Option<Code> {
    let deletes = matches!(entry.steps.get(side), Some(Step { op: Op::Delete { .. }, .. }));
    match outcome {
        Outcome::Done(_) => None,
        // Gone already is what a delete wants.
        Outcome::Missing if deletes => None,
        Outcome::Stale | Outcome::Missing => Some(Code::ChangedMeanwhile),
        Outcome::Refused(code) => Some(*code),
        Outcome::Unknown => Some(Code::ResultUnknown),
        Outcome::NotSent => Some(Code::PutOff),
    }
}

/// Facts that rules need when the row is gone (CONT-05), and whether it ever matched (FILT-02).
fn remember_facts(link: &mut Link, entry: &Entry) {
    if let Some(item) = &entry.verdict.pairing.seen.exchange {
        let facts = item.observation.exchange_facts();
        link.off_feed = facts.off_feed;
        link.tagged |= facts.tracked;
    }
    let Some(row) = &entry.verdict.pairing.seen.dynamics else { return };
    let facts = row.observation.dynamics_facts();
    if facts.owner.is_some() {
        link.last_owner = facts.owner;
    }
    if row.observation.presence == Presence::Present {
        link.matched = true;
    }
}

/// Brings one side of the agreement up to date.
fn settle_side(
    link: &mut Link,
    entry: &Entry,
    side: Side,
    written: Option<&Seen>,
    moves: bool,
    (key, context): (&PrintKey, &Context<'_>),
) {
    let seen = entry.verdict.pairing.seen.get(side).as_ref();
    if let Some(written) = written {
        link.native.set(side, Some(written.observation.id.clone()));
        link.version.set(side, written.observation.version.clone());
        link.uid = written.observation.uid.clone().or_else(|| link.uid.take());
        link.tagged |= written.observation.exchange_facts().tracked;
    } else if let Some(seen) = seen {
        // What could not be read says nothing of a version; without one it would seem gone.
        let unread = seen.observation.unfit == Some(Code::ItemUnreadable);
        if seen.observation.version.is_some() || !unread {
            link.version.set(side, seen.observation.version.clone());
        }
    }
    if let Some(row) = written.or(seen).filter(|_| side == Side::Dynamics) {
        let later = turns(link.kind, &row.observation.fields, context).map(|(at, _)| at);
        link.wake = later.filter(|at| *at >= context.now).min();
    }
    if !moves {
        return;
    }
    let mut prints = agreed_prints(link.agreed.get(side), entry, side, seen, (written, key));
    // The agreement about files is made in their own lane.
    prints.set(Group::Files, link.agreed.get(side).get(Group::Files));
    link.agreed.set(side, prints);
}

/// The groups that one side took over are agreed although the other side's write failed: a later
/// edit of them has no rival then.
fn settle_groups(
    link: &mut Link,
    entry: &Entry,
    side: Side,
    written: Option<&Seen>,
    key: &PrintKey,
) {
    let Some(Step { op: Op::Update { groups, .. }, .. }) = entry.steps.get(side) else { return };
    let (Some(source), Some(written)) = (entry.verdict.pairing.seen.get(side.other()), written)
    else {
        return;
    };
    for group in groups {
        let days =
            occurrences::written_days(entry, side, key).filter(|_| *group == Group::Exceptions);
        for (side, from) in [(side, &written.prints), (side.other(), &source.prints)] {
            let prints = link.agreed.get_mut(side);
            match &days {
                // What the other side changed of other occurrences was not taken over here.
                Some(days) => prints.take_occurrences(days, from),
                None => prints.take(*group, from),
            }
        }
    }
}

fn created(entry: &Entry, side: Side, outcome: Option<&Outcome>) -> bool {
    matches!(outcome, Some(Outcome::Done(_)))
        && matches!(entry.steps.get(side), Some(Step { op: Op::Create { .. }, .. }))
}

/// The groups that were written hold what the far side answered; all others hold what was read
/// before, so that an edit that slipped in between is seen next time.
fn agreed_prints(
    old: &Prints,
    entry: &Entry,
    side: Side,
    seen: Option<&Seen>,
    (written, key): (Option<&Seen>, &PrintKey),
) -> Prints {
    let groups: Vec<Group> = match entry.steps.get(side) {
        Some(Step { op: Op::Update { groups, .. }, .. }) => groups.clone(),
        _ => Vec::new(),
    };
    match (seen, written) {
        (None, Some(written)) => written.prints.clone(),
        (Some(seen), Some(written)) => {
            let mut prints = seen.prints.clone();
            for group in groups {
                match occurrences::written_days(entry, side, key) {
                    Some(days) if group == Group::Exceptions => {
                        prints.take_occurrences(&days, &written.prints);
                    }
                    Some(_) | None => prints.take(group, &written.prints),
                }
            }
            prints
        }
        (Some(seen), None) if seen.observation.presence == Presence::Present => seen.prints.clone(),
        // A row that left the filter but is still readable was compared as well.
        (Some(seen), None) if seen.observation.presence == Presence::LeftFilter => {
            seen.prints.clone()
        }
        (Some(_) | None, None) => old.clone(),
    }
}

/// Everything succeeded: the link becomes what was decided.
fn settle(mut link: Link, entry: &Entry, slipped: bool, context: &Context<'_>) -> LinkChange {
    // What slipped in is read in the next cycle.
    let code = Code::ChangedMeanwhile;
    link.trouble = slipped.then(|| Trouble {
        code,
        attempts: 0,
        parked: false,
        since: since(entry, code, context.now),
    });
    // The exit from the filter was dealt with; only a new match makes another exit possible.
    let row = entry.verdict.pairing.seen.dynamics.as_ref();
    let waits = matches!(entry.after(), After::Unsettled(_));
    if !waits && row.is_some_and(|row| row.observation.presence != Presence::Present) {
        link.matched = false;
    }
    link.state = match entry.after() {
        After::Nothing => return LinkChange::None,
        After::Forgotten => {
            // Only what is stored can be forgotten.
            let stored = entry.verdict.pairing.link.is_some() || entry.delete_marker().is_some();
            return if stored { LinkChange::Drop(link.id) } else { LinkChange::None };
        }
        After::Agreed => {
            link.ignores_conflict = false;
            // ADDR-04: only what succeeded ends the switch.
            let all = context.policy.settings.three_addresses;
            link.three_addresses = link.kind == Kind::Contact && all;
            LinkState::Agreed
        }
        After::Unlinked(why) => LinkState::Unlinked(why),
        After::DeletedInExchange => {
            link.native.exchange = None;
            link.version.exchange = None;
            LinkState::DeletedInExchange
        }
        After::LeftAlone(code) => {
            link.trouble = Some(waiting(entry, code, context));
            LinkState::LeftAlone
        }
        After::Unsettled(code) => {
            link.trouble = Some(waiting(entry, code, context));
            link.state
        }
    };
    changed_only(link, entry)
}

/// Something failed: the pair keeps its state and is read again in the next cycle.
fn unsettle(
    mut link: Link,
    entry: &Entry,
    outcomes: &PerSide<Option<Outcome>>,
    code: Code,
    context: &Context<'_>,
) -> LinkChange {
    let now = context.now;
    let before = entry.verdict.pairing.link.as_ref();
    let creating = Side::BOTH.into_iter().find(|side| {
        matches!(entry.steps.get(*side), Some(Step { op: Op::Create { .. }, .. }))
            && !matches!(outcomes.get(*side), Some(Outcome::Done(_)))
    });
    // A foreign item that could not be marked is adopted once more: as part of a pair without the
    // category it would seem untracked (LINK-06).
    let unmarked =
        matches!(entry.steps.exchange, Some(Step { op: Op::Update { mark: true, .. }, .. }))
            && !matches!(outcomes.exchange, Some(Outcome::Done(_)));
    let (attempts, parked) = tried(entry, code, context);
    if code.awaits_decision() {
        // APPT-IN-07: nothing was made, and in the end nothing is tried until the item changes or the
        // user decides.
        let again = code == Code::SchedulingConflict && !parked && attempts < BOOKINGS;
        let attempts = if again { attempts } else { 0 };
        link.state = LinkState::LeftAlone;
        link.trouble =
            Some(Trouble { code, parked: false, attempts, since: since(entry, code, now) });
        return LinkChange::Put(Box::new(link));
    }
    link.state = match (creating, before.map(|link| link.state)) {
        (None, _) if entry.is_purged() => PURGED,
        (Some(side), _) => LinkState::Creating(side),
        // Whose half was made stays known: a user's own item does not go with its row.
        (None, Some(state @ LinkState::Creating(_))) if unmarked => state,
        (None, Some(LinkState::LeftAlone) | None) if unmarked => {
            LinkState::Creating(Side::Exchange)
        }
        (None, Some(state @ LinkState::Creating(_))) if join::guesses(entry) => state,
        (None, Some(LinkState::Creating(_) | LinkState::LeftAlone) | None) => LinkState::Agreed,
        (None, Some(state)) => state,
    };
    // A create keeps the time of its marker: it makes the idempotency key.
    let since = match creating {
        Some(_) => entry.link.trouble.map_or(now, |trouble| trouble.since),
        None => since(entry, code, now),
    };
    link.trouble = Some(Trouble { code, parked, attempts, since });
    LinkChange::Put(Box::new(link))
}

/// The trouble of a pair that waits although nothing failed. What lies in the item itself waits for
/// its change and is no attempt; what is read again each time is one, and is parked in the end.
fn waiting(entry: &Entry, code: Code, context: &Context<'_>) -> Trouble {
    let again = matches!(entry.after(), After::Unsettled(_)) || Trouble::is_of_the_reply(code);
    let (attempts, parked) = if again { tried(entry, code, context) } else { (0, false) };
    Trouble { code, parked, attempts, since: since(entry, code, context.now) }
}

/// ERR-02: counts the attempt, and parks what failed too often until it changes. What was put off
/// is no attempt of the item. A parked item that was looked at again has one attempt: it stays
/// parked if that fails.
fn tried(entry: &Entry, code: Code, context: &Context<'_>) -> (u8, bool) {
    let before = entry.verdict.pairing.link.as_ref().and_then(|link| link.trouble);
    let attempts = before.map_or(0, |trouble| trouble.attempts);
    let most = context.limits.item_attempts;
    // What was not sent, or has no row yet, is no attempt of the item.
    let waits = matches!(code, Code::PutOff | Code::AwaitsExpansion);
    let attempts = if waits { attempts } else { attempts.saturating_add(1).min(most) };
    (attempts, attempts >= most)
}

fn since(entry: &Entry, code: Code, now: DateTime<Utc>) -> DateTime<Utc> {
    let before = entry.verdict.pairing.link.as_ref().and_then(|link| link.trouble);
    before.filter(|trouble| trouble.code == code).map_or(now, |trouble| trouble.since)
}

/// A link that is what it was needs no write. What an update was to leave behind was stored before it
/// was sent, and goes.
fn changed_only(link: Link, entry: &Entry) -> LinkChange {
    let updates = Side::BOTH
        .into_iter()
        .any(|side| matches!(entry.steps.get(side), Some(Step { op: Op::Update { .. }, .. })));
    if !updates && entry.verdict.pairing.link.as_ref() == Some(&link) {
        LinkChange::None
    } else {
        LinkChange::Put(Box::new(link))
    }
}

/// Returns the observation of a successful write.
#[must_use]
pub fn written(outcome: &Outcome) -> Option<&Observation> {
    if let Outcome::Done(Some(observation)) = outcome { Some(observation) } else { None }
}

#[cfg(test)]
mod tests;
