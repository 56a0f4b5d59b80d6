//! Rows of people whom nobody knew (RES-03): made as the user, under a guid of their own, at most once.
//! Absent on purpose: who they are, and what follows when they cannot be made.

use serde_json::{Map, Value as Json, json};
use tracing::warn;

use super::DataverseSide;
use super::batch::{Part, PartReply};
use super::errors::{self, Verdict};
use super::map::party;
use super::wire::json;
use crate::domain::ids::Address;
use crate::domain::party::{Made, NewPerson, PartyTable};
use crate::domain::policy::Mailbox;
use crate::http::CallError;
use crate::ports::error::SideError;

/// People in one batch: each is a write and a read.
const PEOPLE_PER_BATCH: usize = 10;

/// People in a row who get no answer although each is sent alone: then the far side is at fault, and
/// the rest is put off.
const SILENT_MAX: u32 = 3;

const MAILS: [&str; 3] = ["emailaddress1", "emailaddress2", "emailaddress3"];

impl DataverseSide {
    /// Makes the rows and returns what came of each, in order.
    pub(super) async fn new_people(&self, mailbox: &Mailbox, people: &[NewPerson]) -> Vec<Made> {
        let mut made = Vec::with_capacity(people.len());
        let mut pending: Vec<&[NewPerson]> = people.chunks(PEOPLE_PER_BATCH).rev().collect();
        let mut silent = 0;
        while let Some(chunk) = pending.pop() {
            let parts: Vec<Part> = chunk.iter().flat_map(parts).collect();
            let alone = chunk.len() == 1;
            match self.wire.write(Some(mailbox.object_id), &parts).await {
                Ok(replies) => {
                    silent = 0;
                    let each = chunk.iter().zip(replies.chunks(2));
                    made.extend(each.map(|(person, replies)| judge(person, replies)));
                }
                // One of them spoils the batch. Nothing is made twice: each has its guid.
                Err(
                    CallError::NotSent(SideError::Refused { status: 400 | 413, .. })
                    | CallError::NoAnswer(_),
                ) if !alone => {
                    let (first, second) = chunk.split_at(chunk.len() / 2);
                    pending.extend([second, first]);
                }
                Err(CallError::NotSent(SideError::Refused {
                    status: status @ (400 | 413),
                    code,
                })) => {
                    warn!(status, code, "a new person was refused");
                    made.push(Made::Refused);
                }
                Err(CallError::NotSent(error)) => {
                    warn!(%error, "new people were not sent");
                    break;
                }
                Err(CallError::NoAnswer(error)) => {
                    warn!(%error, "a new person got no answer");
                    made.push(Made::NoAnswer);
                    silent += 1;
                    if silent == SILENT_MAX {
                        break;
                    }
                }
            }
        }
        made.resize(people.len(), Made::Unknown);
        made
    }
}

/// The write, and the read that decides what came of it.
fn parts(person: &NewPerson) -> [Part; 2] {
    let (_, set) = party::names(person.row.table);
    let path = format!("{set}({})", person.row.id);
    let read = Part::get(format!("{path}?$select={}", MAILS.join(",")));
    let body = Some(Json::Object(body(person)).to_string());
    let write = Part { method: "PATCH", path, headers: Vec::new(), body }
        .with("If-None-Match", "*")
        // A row that the user may not see may carry the address.
        .with("MSCRM.SuppressDuplicateDetection", "false");
    [write, read]
}

fn body(person: &NewPerson) -> Map<String, Json> {
    let mut body = Map::new();
    if let Some(first) = &person.first {
        body.insert("firstname".into(), json!(first));
    }
    body.insert("lastname".into(), json!(person.last));
    body.insert(MAILS[0].into(), json!(person.address.as_str()));
    if person.row.table == PartyTable::Lead {
        // The topic, without which a form does not save.
        let whole = [person.first.as_deref(), Some(&person.last)];
        let whole = whole.into_iter().flatten().collect::<Vec<_>>().join(" ");
        body.insert("subject".into(), json!(whole));
    }
    body
}

/// Whoever made the row: it serves when the user may read it and it still carries the address.
fn judge(person: &NewPerson, replies: &[PartReply]) -> Made {
    let [write, read] = replies else { return Made::NoAnswer };
    let (written, seen) = (errors::judge(write), errors::judge(read));
    match (written, seen) {
        (_, Verdict::Fine) if carries(read, &person.address) => return Made::There,
        (Verdict::Throttled(_), _) | (_, Verdict::Throttled(_)) => return Made::Unknown,
        // The server failed: that there is no row says nothing of the next try.
        (_, Verdict::Unavailable)
        | (Verdict::Unavailable, Verdict::Missing | Verdict::Precondition | Verdict::Refused) => {
            return Made::NoAnswer;
        }
        (Verdict::Unavailable, Verdict::Fine | Verdict::Denied)
        | (
            Verdict::Fine
            | Verdict::Missing
            | Verdict::Denied
            | Verdict::Precondition
            | Verdict::Refused,
            Verdict::Fine
            | Verdict::Missing
            | Verdict::Denied
            | Verdict::Precondition
            | Verdict::Refused,
        ) => {}
    }
    let (status, code) = (write.status, errors::code(&write.body));
    warn!(table = person.table(), status, code, "no row could be made of an attendee");
    Made::Refused
}

fn carries(read: &PartReply, address: &Address) -> bool {
    let Ok(row) = json(read) else { return false };
    let held = MAILS.iter().filter_map(|name| row.get(name)?.as_str());
    held.filter_map(Address::parse).any(|one| one == *address)
}

#[cfg(test)]
mod tests;
