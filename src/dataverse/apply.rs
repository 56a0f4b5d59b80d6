//! Writes: creates that cannot happen twice, updates and deletes that fail when the row moved on.
//!
//! Each write is followed by a complete read of its row in the same batch, so that its outcome can
//! be compared with a later pull. When the two show different versions, somebody wrote in between;
//! the outcome is then `Unknown`, because taking the read for our own result would swallow that
//! edit.

mod standing;

use serde_json::{Map, Value as Json};
use tracing::warn;

use super::DataverseSide;
use super::batch::{Part, PartReply};
use super::booking;
use super::errors::{self, Verdict};
use super::lookup::complete;
use super::map::party::RawParty;
use super::map::series::{self, ZoneCodes};
use super::map::{Table, read, write};
use super::series::of_master;
use super::wire::json;
use crate::domain::code::Code;
use crate::domain::field::{Field, Patch, Value};
use crate::domain::ids::{NativeId, Version};
use crate::domain::kind::Kind;
use crate::domain::observation::{Observation, Presence};
use crate::domain::plan::{Op, Outcome, Step};
use crate::domain::policy::Mailbox;
use crate::http::CallError;
use crate::ports::error::SideError;

/// Writes in one batch: Dataverse advises small ones, and a lost answer leaves as many unknown.
const STEPS_PER_BATCH: usize = 10;

/// One step, ready to be sent.
struct Request {
    /// Its place among the steps.
    at: usize,
    table: &'static Table,
    id: NativeId,
    act: Act,
    losses: Vec<Code>,
}

/// What is sent.
enum Act {
    Create(Part),
    Book(Part),
    Update(Part),
    Delete(Part),
    /// The patch holds nothing that can be written.
    Look,
}

/// What is sent after a batch.
enum Next {
    /// The next one.
    Batch,
    /// The halves of this one.
    Halves,
    /// Nothing more now.
    Nothing,
}

/// What came of a request.
enum Answer {
    Settled(Outcome),
    /// Written, but the user cannot read the row any more.
    OutOfSight,
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
        let parts: Vec<Part> = chunk.iter().flat_map(Request::parts).collect();
        let replies = match self.wire.write(caller, &parts).await {
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
        let mut replies = replies.iter();
        for request in chunk {
            let own: Vec<&PartReply> = replies.by_ref().take(request.parts().len()).collect();
            match request.outcome(&own) {
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

fn prepare(
    at: usize,
    step: &Step,
    standing: Option<&Result<Vec<RawParty>, Outcome>>,
    zones: Option<&ZoneCodes>,
) -> Result<Request, Outcome> {
    let table = Table::of(step.kind);
    let parties: &[RawParty] = match standing {
        None => &[],
        Some(Ok(parties)) => parties,
        Some(Err(outcome)) => return Err(outcome.clone()),
    };
    let build = |patch: &Patch| {
        let mut written = write::body(table, patch, parties).map_err(Outcome::Refused)?;
        for (_, value) in patch {
            if let (Some(Value::Recurrence(series)), Some(zones)) = (value, zones) {
                series::write(&mut written.body, series, zones).map_err(Outcome::Refused)?;
            }
        }
        Ok(written)
    };
    let (id, act, losses) = match &step.op {
        Op::Create { patch } => {
            let written = build(patch)?;
            let id = NativeId::new(step.link.0.to_string());
            let create = |body| patch_of(table, &id, body).with("If-None-Match", "*");
            let act = match (booking::wanted(patch), table.kind) {
                // CONF-06: without the header no duplicate rule is asked.
                (true, Kind::Contact) => Act::Create(
                    create(written.body).with("MSCRM.SuppressDuplicateDetection", "false"),
                ),
                (true, _) => Act::Book(booking::part(table, &id, written.body)),
                (false, _) => Act::Create(create(written.body)),
            };
            (id, act, written.losses)
        }
        Op::Update { id, expected, patch, .. } => {
            guid(id)?;
            let written = build(patch)?;
            let act = if written.body.is_empty() {
                Act::Look
            } else {
                let part = patch_of(table, id, written.body);
                Act::Update(part.with("If-Match", etag(expected.as_ref())))
            };
            (id.clone(), act, written.losses)
        }
        // The guid of a row is its marker; there is nothing to take off.
        Op::Unmark { .. } => return Err(Outcome::Refused(Code::WriteRefused)),
        Op::Delete { id, expected } => {
            guid(id)?;
            let path = format!("{}({id})", table.set);
            let part = Part { method: "DELETE", path, headers: Vec::new(), body: None };
            let part = part.with("If-Match", etag(expected.as_ref()));
            (id.clone(), Act::Delete(part), Vec::new())
        }
    };
    Ok(Request { at, table, id, act, losses })
}

/// An id that is no guid would change the path of the request.
fn guid(id: &NativeId) -> Result<(), Outcome> {
    uuid::Uuid::try_parse(id.as_str()).map(|_| ()).map_err(|_| Outcome::Missing)
}

fn etag(expected: Option<&Version>) -> String {
    expected.map_or_else(|| "*".to_owned(), |version| format!("W/\"{}\"", of_master(version)))
}

/// Returns a write that answers with the version it made.
fn patch_of(table: &Table, id: &NativeId, body: Map<String, Json>) -> Part {
    let path = format!("{}({id})?$select={},versionnumber", table.set, table.key);
    let body = Some(Json::Object(body).to_string());
    Part { method: "PATCH", path, headers: Vec::new(), body }
        .with("Prefer", "return=representation")
}

impl Request {
    /// Returns the write, if there is one, and the read of what came of it.
    fn parts(&self) -> Vec<Part> {
        match &self.act {
            Act::Create(part) | Act::Book(part) | Act::Update(part) => {
                vec![part.clone(), complete(self.table, &self.id)]
            }
            Act::Delete(part) => vec![part.clone()],
            Act::Look => vec![complete(self.table, &self.id)],
        }
    }

    fn outcome(&self, replies: &[&PartReply]) -> Answer {
        let (Some(first), Some(last)) = (replies.first(), replies.last()) else {
            return Answer::Settled(Outcome::Unknown);
        };
        let verdict = errors::judge(first);
        if matches!(verdict, Verdict::Denied | Verdict::Refused) {
            let (status, code) = (first.status, errors::code(&first.body));
            warn!(kind = %self.table.kind, status, code, "a write was refused");
        }
        Answer::Settled(match (verdict, &self.act) {
            (Verdict::Throttled(_), _) => Outcome::NotSent,
            (Verdict::Unavailable, _) => Outcome::Unknown,
            (Verdict::Denied, _) => Outcome::Refused(Code::PrivilegeMissing),
            (Verdict::Refused, _) if errors::is_duplicate(first) => {
                Outcome::Refused(Code::DuplicateFound)
            }
            (Verdict::Refused, _) if errors::is_secured(first) => {
                Outcome::Refused(Code::ColumnSecured)
            }
            (Verdict::Refused, _) => Outcome::Refused(Code::WriteRefused),
            (Verdict::Fine | Verdict::Missing, Act::Delete(_)) => Outcome::Done(None),
            // A create names other rows: one of them is gone.
            (Verdict::Missing, Act::Create(_) | Act::Book(_)) => {
                Outcome::Refused(Code::WriteRefused)
            }
            (Verdict::Missing, Act::Update(_) | Act::Look) => Outcome::Missing,
            (Verdict::Precondition, Act::Update(_) | Act::Delete(_) | Act::Look) => Outcome::Stale,
            // It exists already: an earlier try got through.
            (Verdict::Precondition, Act::Create(_) | Act::Book(_)) => return self.seen(last, None),
            (Verdict::Fine, Act::Look) => return self.seen(last, None),
            (Verdict::Fine, Act::Book(_)) => match booking::judge(first, &self.id) {
                Ok(()) => return self.seen(last, None),
                Err(outcome) => outcome,
            },
            (Verdict::Fine, Act::Create(_) | Act::Update(_)) => {
                let made = json(first).ok().as_ref().and_then(read::version);
                return self.seen(last, made.as_ref());
            }
        })
    }

    /// Returns what the read after the write shows.
    fn seen(&self, reply: &PartReply, made: Option<&Version>) -> Answer {
        match errors::judge(reply) {
            Verdict::Fine => {}
            Verdict::Missing | Verdict::Denied => return Answer::OutOfSight,
            Verdict::Throttled(_)
            | Verdict::Unavailable
            | Verdict::Precondition
            | Verdict::Refused => return Answer::Settled(Outcome::Unknown),
        }
        let Ok(row) = json(reply) else { return Answer::Settled(Outcome::Unknown) };
        let mut seen = read::observe(self.table, &self.id, &row, Presence::Present);
        if made.is_some() && made != seen.version.as_ref() {
            return Answer::Settled(Outcome::Unknown);
        }
        seen.losses.extend(&self.losses);
        Answer::Settled(Outcome::Done(Some(Box::new(seen))))
    }
}

#[cfg(test)]
mod tests;
