//! Writes and the reads of what came of them, in one batch: the rows of a table by one list, which comes last.
//!
//! The parts of a batch are done one after the other, so a list shows what was written before it. A row that it
//! does not return whole is asked for alone (`docs/adr/0022`).

use tracing::warn;
use uuid::Uuid;

use super::request::{Replies, Request};
use crate::dataverse::DataverseSide;
use crate::dataverse::batch::{Part, PartReply};
use crate::dataverse::errors::{self, Verdict};
use crate::dataverse::lists::{List, lists_of};
use crate::dataverse::lookup::{Key, complete};

/// One batch.
pub(super) struct Bundle<'a> {
    requests: &'a [Request],
    lists: Vec<List>,
    /// Whether the row of a request is read right after its write, because no list is worth it.
    alone: Vec<bool>,
}

impl<'a> Bundle<'a> {
    pub(super) fn of(requests: &'a [Request]) -> Self {
        let read = requests.iter().enumerate().filter(|(_, request)| request.reads());
        let lists = lists_of(read.map(|(at, request)| (at, request.table, &request.id)));
        let mut alone: Vec<bool> = requests.iter().map(Request::reads).collect();
        for at in lists.iter().flat_map(List::places) {
            alone[at] = false;
        }
        Self { requests, lists, alone }
    }

    /// Returns what is sent.
    pub(super) fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        for (request, alone) in self.requests.iter().zip(&self.alone) {
            parts.extend(request.write().cloned());
            parts.extend(alone.then(|| complete(request.table, &request.id)));
        }
        parts.extend(self.lists.iter().map(List::part));
        parts
    }

    /// Gives each request its replies, which came in the order of the parts.
    pub(super) fn sorted(&self, replies: Vec<PartReply>) -> Vec<Replies> {
        let mut replies = replies.into_iter();
        let mut next = |sent: bool| if sent { replies.next() } else { None };
        let mut sorted: Vec<Replies> = Vec::with_capacity(self.requests.len());
        for (request, alone) in self.requests.iter().zip(&self.alone) {
            let wrote = next(request.write().is_some());
            sorted.push(Replies { wrote, read: next(*alone) });
        }
        let mut rows = vec![None; self.requests.len()];
        for (list, reply) in self.lists.iter().zip(replies) {
            if let Verdict::Throttled(_) = errors::judge(&reply) {
                // Nothing can be read now: its rows have no other answer.
                list.places().for_each(|at| rows[at] = Some(reply.clone()));
            } else {
                list.take(&reply, &mut rows);
            }
        }
        for (one, row) in sorted.iter_mut().zip(rows) {
            one.read = one.read.take().or(row);
        }
        sorted
    }
}

impl DataverseSide {
    /// Reads the written rows that no list returned.
    pub(super) async fn read_alone(
        &self,
        caller: Option<Uuid>,
        requests: &[Request],
        replies: &mut [Replies],
    ) {
        let mut open: Vec<(&Request, &mut Replies)> = requests
            .iter()
            .zip(replies)
            .filter(|(request, replies)| replies.read.is_none() && request.looks(replies))
            .collect();
        if open.is_empty() {
            return;
        }
        let rows: Vec<Key> =
            open.iter().map(|(request, _)| (request.table, request.id.clone())).collect();
        match self.rows_of_batch(caller, &rows).await {
            Ok(rows) => {
                open.iter_mut().zip(rows).for_each(|((_, replies), row)| replies.read = Some(row));
            }
            Err(error) => warn!(%error, "written rows cannot be read"),
        }
    }
}
