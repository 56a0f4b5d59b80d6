//! Slow probes: the known events outside the calendar's window, asked by id now and then.
//!
//! The list of changes shows what changed there; a deletion no feed promises to tell before the
//! window is renewed. So each pull that goes the whole way takes some probes along in its first batch. Whoever
//! is not there is a hint like any other that an item is missing: the cycle proves it by id
//! (promise 3). How far a mailbox is stays in memory: a restart begins a round anew, which costs
//! some reads and nothing else.

use std::sync::PoisonError;

use chrono::{DateTime, TimeDelta, Utc};

use super::is_outside;
use crate::domain::ids::NativeId;
use crate::domain::kind::{Collection, Kind};
use crate::graph::GraphSide;
use crate::graph::batch::{BATCH_MAX, Body, Inner, InnerReply};
use crate::graph::errors;
use crate::graph::url::Paths;
use crate::graph::wire::Page;
use crate::ports::error::SideError;
use crate::ports::side::{Known, PullAsk};

/// Probes of one pull: what is left of its first batch beside three rounds, the list of changes and
/// the look at the list of categories.
const PROBES_MAX: usize = BATCH_MAX - 5;

/// The least time between two probes of one event.
const PROBE_AGE: TimeDelta = TimeDelta::hours(24);

/// How far a mailbox is with its probes. Events are asked in the order of their ids, so the next
/// one is always the one that was asked longest ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::graph) enum Probed {
    /// A round goes on after this event.
    Until(NativeId),
    /// A round ended then.
    All(DateTime<Utc>),
}

/// The probes of one pull.
#[derive(Default)]
pub(super) struct Probes {
    /// To be asked.
    due: Vec<(Kind, NativeId)>,
    /// These are the last ones of their round.
    ends: bool,
    /// Asked, and not there.
    pub(super) gone: Vec<(Kind, NativeId)>,
}

impl Probes {
    /// Returns one small read for each event that is to be asked.
    pub(super) fn requests(&self, paths: &Paths) -> Vec<Inner> {
        let url = |id: &NativeId| {
            format!("{}?$select=id", paths.item(Collection::Calendar, "", id.as_str()))
        };
        self.due.iter().map(|(_, id)| Inner::get(url(id))).collect()
    }
}

impl GraphSide {
    /// Returns the events that this pull asks for by id.
    pub(super) fn due_probes(&self, ask: &PullAsk<'_>, known: &[Known]) -> Probes {
        // What was last seen without a version was not there: its link is in trouble already.
        let is_due = |item: &&Known| is_outside(item) && item.version.is_some();
        let mut due: Vec<&Known> = known.iter().filter(is_due).collect();
        let mut probed = self.probed.lock().unwrap_or_else(PoisonError::into_inner);
        if due.is_empty() {
            probed.remove(&ask.mailbox.address);
            return Probes::default();
        }
        match probed.get(&ask.mailbox.address) {
            Some(Probed::Until(id)) => due.retain(|item| item.id > *id),
            // A clock that was put back starts a round.
            Some(Probed::All(at)) if *at <= ask.now && ask.now - *at < PROBE_AGE => {
                return Probes::default();
            }
            Some(Probed::All(_)) | None => {}
        }
        due.sort_unstable_by(|left, right| left.id.cmp(&right.id));
        let ends = due.len() <= PROBES_MAX;
        due.truncate(PROBES_MAX);
        let due = due.into_iter().map(|item| (item.kind, item.id.clone())).collect();
        Probes { due, ends, gone: Vec::new() }
    }

    /// Takes the answers in. Only an absence says anything; whatever else stands in the way of an
    /// answer is the next round's affair. The round does not go on beyond an event that is gone
    /// until its link knows: a cycle that fails or is halted, or a plan that is only shown, must not
    /// put it off.
    pub(super) fn take_probes(
        &self,
        ask: &PullAsk<'_>,
        probes: &mut Probes,
        replies: Vec<Result<InnerReply<Option<Page>>, SideError>>,
    ) {
        if replies.is_empty() && !probes.ends {
            return;
        }
        let (due, ends) = (std::mem::take(&mut probes.due), std::mem::take(&mut probes.ends));
        let there = replies.iter().take_while(|reply| !is_gone(reply)).count();
        let next = match due[..there.min(due.len())].last() {
            _ if ends && there == replies.len() => Some(Probed::All(ask.now)),
            last => last.map(|(_, id)| Probed::Until(id.clone())),
        };
        let gone = due.into_iter().zip(replies).filter(|(_, reply)| is_gone(reply));
        probes.gone.extend(gone.map(|(item, _)| item));
        if let Some(next) = next {
            let mut probed = self.probed.lock().unwrap_or_else(PoisonError::into_inner);
            probed.insert(ask.mailbox.address.clone(), next);
        }
    }
}

/// Tells whether an answer says that the event is not there.
fn is_gone(reply: &Result<InnerReply<Option<Page>>, SideError>) -> bool {
    reply.as_ref().is_ok_and(|reply| errors::is_item_gone(reply.status, &reply.body.code()))
}

#[cfg(test)]
mod tests;
