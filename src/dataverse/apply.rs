//! Writes: creates that cannot happen twice, updates and deletes that fail when the row moved on.
//!
//! A batch ends with a complete read of the rows that it wrote, so that each outcome can be compared with
//! a later pull. When the write and the read show different versions, somebody wrote in between; the
//! outcome is then `Unknown`, because taking the read for our own result would swallow that edit.

mod bundle;
mod request;
mod standing;

use tracing::warn;

use self::bundle::Bundle;
use self::request::{Answer, Request, guid, prepare};
use super::DataverseSide;
use super::map::read;
use super::map::series::ZoneCodes;
use crate::domain::code::Code;
use crate::domain::field::{Field, Value};
use crate::domain::kind::Kind;
use crate::domain::observation::{Observation, Presence};
use crate::domain::plan::{Op, Outcome, Step};
use crate::domain::policy::Mailbox;
use crate::http::CallError;
use crate::ports::error::SideError;

/// Writes in one batch: Dataverse advises small ones, and a lost answer leaves as many unknown.
const STEPS_PER_BATCH: usize = 10;

/// What is sent after a batch.
enum Next {
    /// The next one.
    Batch,
    /// The halves of this one.
    Halves,
    /// Nothing more now.
    Nothing,
}

impl DataverseSide {
    /// Performs the steps and returns their outcomes, in order.
    pub(super) async fn write_rows(&self, mailbox: &Mailbox, steps: &[Step]) -> Vec<Outcome> {
        // What is not reached is not sent.
        let mut outcomes = vec![Outcome::NotSent; steps.len()];
        let zones = match self.zones_for(steps).await {
            Ok(zones) => zones,
            Err(error) => {
                warn!(%error, "the time zones of the organization cannot be read");
                return outcomes;
            }
        };
        let standing = self.standing(mailbox, steps).await;
        let mut requests = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            match prepare(at, step, standing.get(&at), zones) {
                Ok(request) => requests.push(request),
                Err(outcome) => outcomes[at] = outcome,
            }
        }
        let mut unseen = Vec::new();
        let (own, bookkeeping): (Vec<Request>, Vec<Request>) =
            requests.into_iter().partition(|request| !as_application(&steps[request.at]));
        for (caller, requests) in [(Some(mailbox.object_id), own), (None, bookkeeping)] {
            let mut pending: Vec<&[Request]> = requests.chunks(STEPS_PER_BATCH).rev().collect();
            while let Some(chunk) = pending.pop() {
                match self.write_batch(caller, chunk, &mut outcomes, &mut unseen).await {
                    Next::Batch => {}
                    Next::Halves => {
                        let (first, second) = chunk.split_at(chunk.len() / 2);
                        pending.extend([second, first]);
                    }
                    Next::Nothing => break,
                }
            }
        }
        self.look_for(mailbox, &unseen, &mut outcomes).await;
        for (at, step) in steps.iter().enumerate() {
            if step.kind == Kind::RecurringAppointment
                && let Outcome::Done(Some(master)) = &outcomes[at]
                && master.presence == Presence::Present
            {
                let outcome = self.finish_series(mailbox, step, master).await;
                outcomes[at] = outcome;
            }
        }
        outcomes
    }

    /// Returns the time zones when a step writes when a series takes place.
    async fn zones_for(&self, steps: &[Step]) -> Result<Option<&ZoneCodes>, SideError> {
        let names_one = |step: &Step| match &step.op {
            Op::Create { patch } | Op::Update { patch, .. } => {
                patch.iter().any(|(field, _)| *field == Field::Recurrence)
            }
            Op::Unmark { .. } | Op::Delete { .. } => false,
        };
        if steps.iter().any(names_one) { self.zone_codes().await.map(Some) } else { Ok(None) }
    }

    /// Sends one batch. One that is refused as a whole was not begun; it is halved until the step
    /// that spoils it is alone.
    async fn write_batch(
        &self,
        caller: Option<uuid::Uuid>,
        chunk: &[Request],
        outcomes: &mut [Outcome],
        unseen: &mut Vec<(usize, Observation)>,
    ) -> Next {
        let bundle = Bundle::of(chunk);
        let replies = match self.wire.write(caller, &bundle.parts()).await {
            Ok(replies) => replies,
            Err(CallError::NotSent(SideError::Refused { status: 400 | 413, .. }))
                if chunk.len() > 1 =>
            {
                return Next::Halves;
            }
            Err(CallError::NotSent(SideError::Refused { status: status @ (400 | 413), code })) => {
                warn!(status, code, "a batch of one write was refused");
                let refused = Outcome::Refused(Code::WriteRefused);
                chunk.iter().for_each(|request| outcomes[request.at] = refused.clone());
                return Next::Batch;
            }
            Err(CallError::NotSent(error)) => {
                warn!(%error, steps = chunk.len(), "a batch of writes was not sent");
                return Next::Nothing;
            }
            Err(CallError::NoAnswer(error)) => {
                warn!(%error, steps = chunk.len(), "a batch of writes got no answer");
                for request in chunk {
                    outcomes[request.at] = Outcome::Unknown;
                }
                return Next::Nothing;
            }
        };
        let mut replies = bundle.sorted(replies);
        self.read_alone(caller, chunk, &mut replies).await;
        for (request, replies) in chunk.iter().zip(&replies) {
            match request.outcome(replies) {
                Answer::Settled(outcome) => outcomes[request.at] = outcome,
                Answer::OutOfSight => {
                    outcomes[request.at] = Outcome::Unknown;
                    let seen = read::bare(request.table.kind, &request.id, Presence::Unreadable);
                    unseen.push((request.at, seen));
                }
            }
        }
        // A throttled part says that the next batch would fare no better.
        let put_off = chunk.iter().any(|request| matches!(outcomes[request.at], Outcome::NotSent));
        if put_off { Next::Nothing } else { Next::Batch }
    }

    /// Settles the writes that took the row out of the user's sight (a new owner).
    async fn look_for(
        &self,
        mailbox: &Mailbox,
        unseen: &[(usize, Observation)],
        outcomes: &mut [Outcome],
    ) {
        let items: Vec<_> = unseen.iter().map(|(_, seen)| (seen.kind, seen.id.clone())).collect();
        if items.is_empty() {
            return;
        }
        match self.fetch_rows(mailbox, &items).await {
            Ok(rows) => {
                for ((at, _), row) in unseen.iter().zip(rows) {
                    if row.presence == Presence::Unreadable {
                        outcomes[*at] = Outcome::Done(Some(Box::new(row)));
                    }
                }
            }
            Err(error) => warn!(%error, "written rows cannot be read again"),
        }
    }
}

/// Tells whether a step is written by the application itself instead of the mailbox's user: where
/// the engine says so (ORG-04), and the meeting's identity alone, which is bookkeeping between
/// mailboxes, for which no user needs a privilege.
fn as_application(step: &Step) -> bool {
    match &step.op {
        Op::Create { patch } => patch.iter().any(|(field, value)| {
            *field == Field::ByApplication && *value == Some(Value::Flag(true))
        }),
        Op::Update { patch, .. } => {
            !patch.is_empty() && patch.iter().all(|(field, _)| *field == Field::Uid)
        }
        Op::Unmark { .. } | Op::Delete { .. } => false,
    }
}

#[cfg(test)]
mod tests;
