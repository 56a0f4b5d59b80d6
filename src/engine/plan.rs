//! Plan: verdicts become ordered steps with precondition, idempotency key and mail class.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::code::Code;
use crate::domain::ids::{LinkId, NativeId};
use crate::domain::kind::Collection;
use crate::domain::link::{Link, LinkState, Trouble, Why};
use crate::domain::observation::Presence;
use crate::domain::party::NewPerson;
use crate::domain::plan::{MailClass, Op, Step};
use crate::domain::policy::Context;
use crate::domain::side::{PerSide, Side};
use crate::engine::catalogue as rule;
use crate::engine::decide::{After, Verdict, Write};
use crate::engine::matching::{Pairing, made_row, row_link};
use crate::engine::strangers;

/// What a pair is from the moment on in which a purge writes to its item.
pub(super) const PURGED: LinkState = LinkState::Unlinked(Why::Untracked);

/// What the cycle will do: the verdicts, each with its steps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// One entry for each pairing.
    pub entries: Vec<Entry>,
}

/// One pairing's part of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The link as it stands before the writes: for a create the marker that is stored first.
    pub link: Link,
    /// What was decided.
    pub verdict: Verdict,
    /// The steps, at most one on each side.
    pub steps: PerSide<Option<Step>>,
    /// The people of whom rows are made before the row of the appointment names them (RES-03).
    pub people: Vec<NewPerson>,
}

/// Builds the plan. `fresh` gives a new id for each row that is created from Exchange; it comes
/// from outside because the engine knows no randomness.
pub fn plan(
    verdicts: Vec<Verdict>,
    context: &Context<'_>,
    mut fresh: impl FnMut() -> Uuid,
) -> Plan {
    let entries = verdicts
        .into_iter()
        .map(|verdict| {
            let link = link_before(&verdict, context, &mut fresh);
            let steps = PerSide::from_fn(|side| step(&link, &verdict, side));
            let people = strangers::people(verdict.writes.dynamics.as_ref(), context.strangers);
            Entry { link, verdict, steps, people }
        })
        .collect();
    Plan { entries }
}

/// Returns the link that the writes of a verdict serve.
fn link_before(verdict: &Verdict, context: &Context<'_>, fresh: &mut impl FnMut() -> Uuid) -> Link {
    let pairing = &verdict.pairing;
    let mut link = pairing.link.clone().unwrap_or_else(|| {
        let row = pairing.seen.dynamics.as_ref();
        let marker = pairing.seen.exchange.as_ref().and_then(|seen| seen.observation.marker);
        // COPY-03.
        let marker = marker.filter(|_| !pairing.copy);
        let id = row
            .and_then(|seen| row_link(&seen.observation.id))
            .or(marker)
            .or_else(|| meeting_link(pairing))
            .or_else(|| item_link(pairing, context))
            .unwrap_or_else(|| LinkId(fresh()));
        // Of two items that meet, one that Lockstep did not make stood there on its own.
        let own = pairing
            .seen
            .exchange
            .as_ref()
            .is_some_and(|seen| !seen.observation.exchange_facts().made);
        let origin = if row.is_some() && !own { Side::Dynamics } else { Side::Exchange };
        Link::new(id, pairing.kind(), origin, LinkState::LeftAlone)
    });
    link.role = verdict.role;
    let guessed = is_guessed(pairing);
    for side in Side::BOTH {
        if let Some(seen) = pairing.seen.get(side)
            && !(guessed && side == Side::Dynamics)
        {
            link.native.set(side, Some(seen.observation.id.clone()));
        }
    }
    // An item tells its own identity; its row may name another organizer's meeting (ORG-03).
    let told =
        |side: Side| pairing.seen.get(side).as_ref().and_then(|seen| seen.observation.uid.clone());
    let known = link.uid.take().filter(|_| link.native.exchange.is_some());
    link.uid = told(Side::Exchange).or(known).or_else(|| told(Side::Dynamics));
    // Stored with the create marker, so that a crash forgets neither the match nor the exit.
    let present = pairing.seen.dynamics.as_ref().map(|seen| seen.observation.presence);
    link.matched |= present == Some(Presence::Present);
    for side in Side::BOTH {
        if matches!(verdict.writes.get(side), Some(Write::Create { .. })) {
            mark_creating(&mut link, side, pairing, context);
        }
    }
    link
}

/// All who track one meeting give its row the same id, so that of two mailboxes that track it at
/// the same moment one makes the row and the other finds it made (APPT-IN-11).
fn meeting_link(pairing: &Pairing) -> Option<LinkId> {
    let seen = pairing.seen.exchange.as_ref()?;
    let uid = seen.observation.uid.as_ref()?;
    let is_meeting = pairing.kind().is_meeting();
    let name = format!("lockstep:meeting:{}", uid.as_str());
    is_meeting.then(|| LinkId(Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())))
}

/// Tells whether nobody knows that the row is there: it was asked for by the id that it would have, and the
/// answer could not be read (ERR-02). What an item's marker names was there once (INV-7).
fn is_guessed(pairing: &Pairing) -> bool {
    let known = pairing.link.as_ref().is_some_and(|link| link.native.dynamics.is_some());
    let row = pairing.seen.dynamics.as_ref();
    let unread = row.is_some_and(|row| row.observation.unfit == Some(Code::ItemUnreadable));
    let item = pairing.seen.exchange.as_ref();
    let unmarked = item.is_some_and(|item| item.observation.marker.is_none());
    unread && unmarked && !known
}

/// A copy may have been set apart because another item has the row of this name (COPY-03).
fn item_link(pairing: &Pairing, context: &Context<'_>) -> Option<LinkId> {
    let item = pairing.seen.exchange.as_ref().filter(|_| !pairing.copy)?;
    made_row(context.mailbox.key.mailbox, &item.observation)
}

/// The create marker: stored before the create is sent, so that a lost answer is looked up before
/// the create is repeated. The first marking's time stays, it makes the idempotency key; so does
/// what the create was made from, by which a later edit of the source is known (CONF-03).
fn mark_creating(link: &mut Link, side: Side, pairing: &Pairing, context: &Context<'_>) {
    let again = link.state == LinkState::Creating(side);
    if !again {
        let source = pairing.seen.get(side.other()).as_ref();
        (link.agreed, link.version, link.sent) = Default::default();
        link.agreed.set(side.other(), source.map(|seen| seen.prints.clone()).unwrap_or_default());
    }
    link.state = LinkState::Creating(side);
    link.native.set(side, None);
    let since = link.trouble.filter(|_| again).map_or(context.now, |trouble| trouble.since);
    let attempts = link.trouble.filter(|_| again).map_or(0, |trouble| trouble.attempts);
    link.trouble = Some(Trouble { code: Code::ResultUnknown, parked: false, attempts, since });
}

fn step(link: &Link, verdict: &Verdict, side: Side) -> Option<Step> {
    let write = verdict.writes.get(side).as_ref()?;
    let seen = verdict.pairing.seen.get(side).as_ref();
    let id = seen.map(|seen| seen.observation.id.clone());
    let expected = seen.and_then(|seen| seen.observation.version.clone());
    let (op, mail) = match write {
        Write::Create { patch, mail } => (Op::Create { patch: patch.clone() }, *mail),
        Write::Update { patch, groups, mail, mark } => {
            let op = Op::Update {
                id: id?,
                expected,
                patch: patch.clone(),
                groups: groups.clone(),
                mark: *mark,
            };
            (op, *mail)
        }
        Write::Unmark { mail } => (Op::Unmark { id: id?, expected }, *mail),
        Write::Delete { mail } => (Op::Delete { id: id?, expected }, *mail),
    };
    Some(Step { link: link.id, key: create_key(link), kind: link.kind, on: side, op, mail })
}

/// The same for every repeat of one create, another for the next create of the same pair.
fn create_key(link: &Link) -> Uuid {
    let since = link.trouble.map_or(0, |trouble| trouble.since.timestamp_millis());
    Uuid::new_v5(&link.id.0, &since.to_be_bytes())
}

impl Plan {
    /// Gives rows that are still to be made the ids of an earlier plan, by their Exchange items.
    pub fn name_rows(&mut self, ids: &HashMap<NativeId, LinkId>) {
        for entry in self.entries.iter_mut().filter(|entry| entry.verdict.pairing.link.is_none()) {
            let Some(item) = &entry.link.native.exchange else { continue };
            let Some(id) = ids.get(item).filter(|_| entry.link.native.dynamics.is_none()) else {
                continue;
            };
            entry.link.id = *id;
            let key = create_key(&entry.link);
            for side in Side::BOTH {
                if let Some(step) = entry.steps.get_mut(side) {
                    (step.link, step.key) = (*id, key);
                }
            }
        }
    }

    /// Returns the markers of creates, and of deletes that no link knows, to store before anything is
    /// sent.
    #[must_use]
    pub fn markers(&self) -> Vec<Link> {
        let marked = |entry: &Entry| {
            let creates = entry.has_step(|op| matches!(op, Op::Create { .. }));
            if creates { Some(entry.link.clone()) } else { entry.delete_marker() }
        };
        self.entries.iter().filter_map(marked).collect()
    }

    /// Tells whether anything of it is to be sent.
    #[must_use]
    pub fn has_steps(&self) -> bool {
        self.entries.iter().any(|entry| entry.has_step(|_| true))
    }

    /// Returns all steps of a side in order: deletes first, so that a name or a slot is free.
    #[must_use]
    pub fn steps(&self, side: Side) -> Vec<(usize, Step)> {
        let mut steps: Vec<(usize, Step)> = self
            .entries
            .iter()
            .enumerate()
            .filter_map(|(at, entry)| entry.steps.get(side).clone().map(|step| (at, step)))
            .collect();
        steps.sort_by_key(|(at, step)| (!matches!(step.op, Op::Delete { .. }), *at));
        steps
    }

    /// Returns how many deletes the plan has on a side.
    #[must_use]
    pub fn deletes(&self, side: Side) -> usize {
        Collection::ALL.into_iter().map(|collection| self.deletes_in(side, collection)).sum()
    }

    /// Returns how many deletes the plan has in one collection of a side.
    #[must_use]
    pub fn deletes_in(&self, side: Side, collection: Collection) -> usize {
        let steps = self.entries.iter().filter_map(|entry| entry.steps.get(side).as_ref());
        steps
            .filter(|step| matches!(step.op, Op::Delete { .. }))
            .filter(|step| step.kind.collection() == collection)
            .count()
    }

    /// Returns how many people the plan causes to be mailed.
    #[must_use]
    pub fn mails(&self) -> u32 {
        let all =
            self.entries.iter().flat_map(|entry| Side::BOTH.map(|side| entry.steps.get(side)));
        all.flatten()
            .map(|step| match step.mail {
                MailClass::Silent => 0,
                MailClass::Mails(count) => u32::from(count),
            })
            .sum()
    }

    /// Tells whether the plan writes nothing to any side.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        Side::BOTH
            .into_iter()
            .all(|side| self.entries.iter().all(|it| it.steps.get(side).is_none()))
    }
}

impl Entry {
    /// Returns what becomes of the link when every write succeeds.
    #[must_use]
    pub const fn after(&self) -> After {
        self.verdict.after
    }

    /// Returns the link to store before an item goes, where a death in between would be taken for
    /// something else. A pair that a hand-over ends and no link knows: somebody has to finish it, and of
    /// its row nothing is agreed, so that it is looked at again (ORG-03). What a purge takes away: a
    /// mailbox that is admitted again must not take it for its user's delete (OPS-01).
    pub(super) fn delete_marker(&self) -> Option<Link> {
        let pairing = &self.verdict.pairing;
        let mut link = self.link.clone();
        if self.is_purged() {
            link.state = PURGED;
        } else {
            let deletes = self.has_step(|op| matches!(op, Op::Delete { .. }));
            let hands_over = self.verdict.decision.rules.contains(&rule::ORG_03);
            let item = pairing.seen.exchange.as_ref().filter(|_| deletes && hands_over)?;
            if pairing.link.is_some() {
                return None;
            }
            link.state = LinkState::Agreed;
            link.agreed.exchange = item.prints.clone();
        }
        Some(link)
    }

    /// Tells whether a purge writes to the item.
    pub(crate) fn is_purged(&self) -> bool {
        self.verdict.decision.rules.contains(&rule::OPS_01) && self.has_step(|_| true)
    }

    fn has_step(&self, is: impl Fn(&Op) -> bool) -> bool {
        Side::BOTH
            .into_iter()
            .any(|side| self.steps.get(side).as_ref().is_some_and(|it| is(&it.op)))
    }
}

#[cfg(test)]
mod tests;
