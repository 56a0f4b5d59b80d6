//! One write: what is sent of it, and what the replies say became of it.

use serde_json::{Map, Value as Json};
use tracing::warn;

use crate::dataverse::batch::{Part, PartReply};
use crate::dataverse::booking;
use crate::dataverse::errors::{self, Verdict};
use crate::dataverse::map::party::RawParty;
use crate::dataverse::map::series::{self, ZoneCodes};
use crate::dataverse::map::{Table, read, write};
use crate::dataverse::series::of_master;
use crate::dataverse::wire::json;
use crate::domain::code::Code;
use crate::domain::field::{Patch, Value};
use crate::domain::ids::{NativeId, Version};
use crate::domain::kind::Kind;
use crate::domain::observation::Presence;
use crate::domain::plan::{Op, Outcome, Step};

/// One step, ready to be sent.
pub(super) struct Request {
    /// Its place among the steps.
    pub(super) at: usize,
    pub(super) table: &'static Table,
    pub(super) id: NativeId,
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

/// The replies to a write and to the read of its row.
#[derive(Default)]
pub(super) struct Replies {
    pub(super) wrote: Option<PartReply>,
    pub(super) read: Option<PartReply>,
}

impl Replies {
    /// Returns the reply that decides: to the write, and where nothing was written, to the read.
    fn first(&self) -> Option<&PartReply> {
        self.wrote.as_ref().or(self.read.as_ref())
    }
}

/// What the first reply to a request says.
enum Told {
    Settled(Outcome),
    /// What the row holds now decides.
    Look,
}

/// What came of a request.
pub(super) enum Answer {
    Settled(Outcome),
    /// Written, but the user cannot read the row any more.
    OutOfSight,
}

/// Makes a step ready, or says at once what comes of it.
pub(super) fn prepare(
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
pub(super) fn guid(id: &NativeId) -> Result<(), Outcome> {
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
    /// Returns the write, if there is one.
    pub(super) const fn write(&self) -> Option<&Part> {
        match &self.act {
            Act::Create(part) | Act::Book(part) | Act::Update(part) | Act::Delete(part) => {
                Some(part)
            }
            Act::Look => None,
        }
    }

    /// Tells whether the row is read after the write.
    pub(super) const fn reads(&self) -> bool {
        !matches!(self.act, Act::Delete(_))
    }

    /// Tells whether the outcome depends on what the row holds now.
    pub(super) fn looks(&self, replies: &Replies) -> bool {
        replies.first().map_or(!self.writes(), |first| matches!(self.told(first), Told::Look))
    }

    const fn writes(&self) -> bool {
        self.write().is_some()
    }

    /// Returns what the replies say.
    pub(super) fn outcome(&self, replies: &Replies) -> Answer {
        let Some(first) = replies.first() else { return Answer::Settled(Outcome::Unknown) };
        let verdict = errors::judge(first);
        if matches!(verdict, Verdict::Denied | Verdict::Refused) {
            let (status, code) = (first.status, errors::code(&first.body));
            warn!(kind = %self.table.kind, status, code, "a write was refused");
        }
        match self.told(first) {
            Told::Settled(outcome) => Answer::Settled(outcome),
            Told::Look => self.seen(replies),
        }
    }

    /// Returns what the reply to the write says, or to the look where nothing was to be written.
    fn told(&self, first: &PartReply) -> Told {
        Told::Settled(match (errors::judge(first), &self.act) {
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
            (Verdict::Fine, Act::Book(_)) => match booking::judge(first, &self.id) {
                Ok(()) => return Told::Look,
                Err(outcome) => outcome,
            },
            (Verdict::Fine, Act::Create(_) | Act::Update(_) | Act::Look)
            // It exists already: an earlier try got through.
            | (Verdict::Precondition, Act::Create(_) | Act::Book(_)) => return Told::Look,
        })
    }

    /// Tells whether the row that was read is as the write left it: at the version that it made. A booking
    /// tells of none; its row was written by nobody but its maker.
    fn is_untouched(&self, replies: &Replies, row: &Json, version: Option<&Version>) -> bool {
        let wrote = replies.wrote.as_ref().filter(|wrote| wrote.is_success());
        match (&self.act, wrote) {
            (Act::Book(_), Some(_)) => read::is_its_makers(row),
            (Act::Create(_) | Act::Update(_), Some(wrote)) => {
                let made = json(wrote).ok().as_ref().and_then(read::version);
                made.is_none() || made.as_ref() == version
            }
            (Act::Create(_) | Act::Book(_) | Act::Update(_) | Act::Delete(_) | Act::Look, _) => {
                true
            }
        }
    }

    /// Returns what the read after the write shows.
    fn seen(&self, replies: &Replies) -> Answer {
        let Some(reply) = &replies.read else { return Answer::Settled(Outcome::Unknown) };
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
        if !self.is_untouched(replies, &row, seen.version.as_ref()) {
            return Answer::Settled(Outcome::Unknown);
        }
        seen.losses.extend(&self.losses);
        Answer::Settled(Outcome::Done(Some(Box::new(seen))))
    }
}
