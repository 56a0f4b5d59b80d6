//! The stored form of the journal: one version byte, a head of fixed length, a postcard record.
//!
//! The head (instant, link, cycle) can be read without the rest, so that a store can pass over
//! what was not asked for. Enumerations are written by number or by their stable text, as in
//! `link::codec`. A fact that this program does not know is passed over. No I/O here.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Done, Ending, KeptLabel, OpName, Record};
use crate::domain::code::Code;
use crate::domain::fact::{Fact, FactName, FactValue};
use crate::domain::field::Group;
use crate::domain::ids::{CycleId, LinkId, NativeId, Version};
use crate::domain::link::codec::{
    CodecError, group_number, groups, kind_number, kind_of, numbers, pack, side_number, side_of,
    state_number, state_of, unpack,
};
use crate::domain::plan::{MailClass, Verb};
use crate::domain::side::{PerSide, Side};

/// The version that this program writes, and the newest that it reads.
const VERSION: u8 = 1;

/// Bytes of the version and the head: instant 8, link 16, cycle 16.
pub const HEAD_BYTES: usize = 41;

numbers! { verb_number, verb_of, Verb, "verb":
    0 = Create(Side::Dynamics),
    1 = Create(Side::Exchange),
    2 = Update(Side::Dynamics),
    3 = Update(Side::Exchange),
    4 = Merge,
    5 = Delete(Side::Dynamics),
    6 = Delete(Side::Exchange),
    7 = Link,
    8 = Unlink,
    9 = Acknowledge,
    10 = LeaveAlone,
    11 = Forget,
}

numbers! { op_number, op_of, OpName, "write":
    0 = Create,
    1 = Update,
    2 = Delete,
    3 = Unmark,
}

/// What an entry says without being read as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The instant of the cycle.
    pub at: DateTime<Utc>,
    /// The link.
    pub link: LinkId,
    /// The cycle.
    pub cycle: CycleId,
}

#[derive(Serialize, Deserialize)]
struct StoredRecord {
    trace: Option<String>,
    kind: u8,
    native: [Option<Vec<u8>>; 2],
    rules: Vec<String>,
    verb: u8,
    groups: u32,
    code: Option<String>,
    facts: Vec<StoredFact>,
    done: [Option<StoredDone>; 2],
    mails: Option<u16>,
    failed: Option<String>,
    state: Option<u8>,
}

#[derive(Serialize, Deserialize)]
struct StoredFact {
    name: String,
    form: u8,
    value: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct StoredDone {
    op: u8,
    ending: u8,
    code: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredLabel {
    kind: u8,
    side: u8,
    native: Vec<u8>,
    op: u8,
    rule: String,
    version: Option<Vec<u8>>,
}

fn head(at: DateTime<Utc>, link: LinkId, cycle: CycleId) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    // Before 1970 there is no journal; the sign would spoil the order of the bytes.
    bytes.extend(at.timestamp_micros().max(0).to_be_bytes());
    bytes.extend(link.0.as_bytes());
    bytes.extend(cycle.0.as_bytes());
    bytes
}

/// Returns the bytes with which the head of an entry of this instant begins.
#[must_use]
pub fn instant_bytes(at: DateTime<Utc>) -> [u8; 8] {
    at.timestamp_micros().max(0).to_be_bytes()
}

/// Returns the head of an entry.
///
/// # Errors
/// Fails for what this program did not write.
pub fn read_head(bytes: &[u8]) -> Result<Head, CodecError> {
    let (version, rest) = bytes.split_first().ok_or(CodecError::Empty)?;
    match *version {
        VERSION => {}
        0 => return Err(CodecError::Damaged("format 0 does not exist")),
        found => return Err(CodecError::Newer { found }),
    }
    let short = CodecError::Damaged("too short");
    let (at, rest) = rest.split_first_chunk::<8>().ok_or(short.clone())?;
    let (link, rest) = rest.split_first_chunk::<16>().ok_or(short.clone())?;
    let (cycle, _) = rest.split_first_chunk::<16>().ok_or(short)?;
    let at = DateTime::from_timestamp_micros(i64::from_be_bytes(*at))
        .ok_or(CodecError::Damaged("no instant"))?;
    let (link, cycle) = (Uuid::from_bytes(*link), Uuid::from_bytes(*cycle));
    Ok(Head { at, link: LinkId(link), cycle: CycleId(cycle) })
}

/// Returns the stored form of a record.
#[must_use]
pub fn encode(record: &Record) -> Vec<u8> {
    let row = record.link.0;
    let text = |code: Option<Code>| code.map(|code| code.as_str().to_owned());
    let stored = StoredRecord {
        trace: record.trace.as_deref().map(str::to_owned),
        kind: kind_number(record.kind),
        native: Side::BOTH
            .map(|side| record.native.get(side).as_ref().map(|id| pack(id.as_str(), row))),
        rules: record.rules.iter().map(|rule| rule.to_string()).collect(),
        verb: verb_number(record.verb),
        groups: mask(&record.groups),
        code: text(record.code),
        facts: record.facts.iter().map(StoredFact::of).collect(),
        done: Side::BOTH.map(|side| record.done.get(side).map(StoredDone::of)),
        mails: match record.mail {
            MailClass::Silent => None,
            MailClass::Mails(count) => Some(count),
        },
        failed: text(record.failed),
        state: record.state.map(state_number),
    };
    // Writing to a growing vector cannot fail; an empty value would be refused by `decode`.
    postcard::to_extend(&stored, head(record.at, record.link, record.cycle)).unwrap_or_default()
}

/// Returns the record of a stored form.
///
/// # Errors
/// Fails for what this program did not write.
pub fn decode(bytes: &[u8]) -> Result<Record, CodecError> {
    let (head, stored, rest) = split::<StoredRecord>(bytes)?;
    if !rest.is_empty() {
        return Err(CodecError::Damaged("bytes after the end"));
    }
    let row = head.link.0;
    let [row_id, item_id] = stored.native;
    let [row_done, item_done] = stored.done;
    let mut text = String::new();
    Ok(Record {
        at: head.at,
        cycle: head.cycle,
        trace: stored.trace.map(String::into_boxed_str),
        link: head.link,
        kind: kind_of(stored.kind)?,
        native: PerSide {
            dynamics: unpack(row_id.as_deref(), row, &mut text)?.map(NativeId::new),
            exchange: unpack(item_id.as_deref(), row, &mut text)?.map(NativeId::new),
        },
        rules: stored.rules.into_iter().map(String::into_boxed_str).collect(),
        verb: verb_of(stored.verb)?,
        groups: unmask(stored.groups),
        code: stored.code.map(known_code).transpose()?,
        facts: stored
            .facts
            .iter()
            .filter_map(|fact| fact.fact().transpose())
            .collect::<Result<_, _>>()?,
        done: PerSide {
            dynamics: row_done.map(StoredDone::done).transpose()?,
            exchange: item_done.map(StoredDone::done).transpose()?,
        },
        mail: stored.mails.map_or(MailClass::Silent, MailClass::Mails),
        failed: stored.failed.map(known_code).transpose()?,
        state: stored.state.map(state_of).transpose()?,
    })
}

/// Returns the stored form of a label; what follows it is the sealed content.
#[must_use]
pub fn encode_label(label: &KeptLabel) -> Vec<u8> {
    let row = label.link.0;
    let stored = StoredLabel {
        kind: kind_number(label.kind),
        side: side_number(label.side),
        native: pack(label.native.as_str(), row),
        op: op_number(label.op),
        rule: label.rule.to_string(),
        version: label.version.as_ref().map(|version| pack(version.as_str(), row)),
    };
    postcard::to_extend(&stored, head(label.at, label.link, label.cycle)).unwrap_or_default()
}

/// Returns the label of a stored form and the sealed content behind it.
///
/// # Errors
/// Fails for what this program did not write.
pub fn decode_label(bytes: &[u8]) -> Result<(KeptLabel, &[u8]), CodecError> {
    let (head, stored, sealed) = split::<StoredLabel>(bytes)?;
    let row = head.link.0;
    let mut text = String::new();
    let native = unpack(Some(&stored.native), row, &mut text)?.map(NativeId::new);
    let label = KeptLabel {
        at: head.at,
        cycle: head.cycle,
        link: head.link,
        kind: kind_of(stored.kind)?,
        side: side_of(stored.side)?,
        native: native.unwrap_or_else(|| NativeId::new("")),
        op: op_of(stored.op)?,
        rule: stored.rule.into_boxed_str(),
        version: unpack(stored.version.as_deref(), row, &mut text)?.map(Version::new),
    };
    Ok((label, sealed))
}

fn split<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(Head, T, &'a [u8]), CodecError> {
    let head = read_head(bytes)?;
    let record = bytes.get(HEAD_BYTES..).unwrap_or_default();
    let (stored, rest) = postcard::take_from_bytes::<T>(record)
        .map_err(|_| CodecError::Damaged("no entry of this format"))?;
    Ok((head, stored, rest))
}

fn mask(groups: &[Group]) -> u32 {
    groups.iter().fold(0, |mask, group| mask | 1 << group_number(*group))
}

fn unmask(mask: u32) -> Vec<Group> {
    groups().filter(|group| mask & 1 << group_number(*group) != 0).collect()
}

fn known_code(text: String) -> Result<Code, CodecError> {
    let known = Code::ALL.iter().copied().find(|code| code.as_str() == text);
    known.ok_or(CodecError::UnknownCode(text))
}

// The form of a fact's value.
const FLAG: u8 = 0;
const COUNT: u8 = 1;
const TIME: u8 = 2;
const WORD: u8 = 3;
const ID: u8 = 4;
const GROUPS: u8 = 5;

impl StoredFact {
    fn of(fact: &Fact) -> Self {
        let (form, value) = match &fact.value {
            FactValue::Flag(flag) => (FLAG, vec![u8::from(*flag)]),
            FactValue::Count(count) => (COUNT, count.to_le_bytes().to_vec()),
            FactValue::Time(time) => (TIME, time.timestamp().to_le_bytes().to_vec()),
            FactValue::Word(word) => (WORD, word.as_bytes().to_vec()),
            FactValue::Id(id) => (ID, id.as_bytes().to_vec()),
            FactValue::Groups(groups) => (GROUPS, mask(groups).to_le_bytes().to_vec()),
        };
        Self { name: fact.name.as_str().to_owned(), form, value }
    }

    /// Returns the fact; `None` for one that a newer program added.
    fn fact(&self) -> Result<Option<Fact>, CodecError> {
        let known = FactName::ALL.iter().copied().find(|name| name.as_str() == self.name);
        let Some(name) = known else { return Ok(None) };
        let wrong = CodecError::Damaged("a fact of the wrong length");
        let four = || <[u8; 4]>::try_from(self.value.as_slice()).map_err(|_| wrong.clone());
        let value = match self.form {
            FLAG => FactValue::Flag(self.value.first().is_some_and(|byte| *byte == 1)),
            COUNT => FactValue::Count(u32::from_le_bytes(four()?)),
            TIME => {
                let bytes = <[u8; 8]>::try_from(self.value.as_slice()).map_err(|_| wrong)?;
                let time = DateTime::from_timestamp(i64::from_le_bytes(bytes), 0);
                FactValue::Time(time.ok_or(CodecError::Damaged("no instant"))?)
            }
            WORD => FactValue::Word(String::from_utf8_lossy(&self.value).into()),
            ID => FactValue::Id(Uuid::from_slice(&self.value).map_err(|_| wrong)?),
            GROUPS => FactValue::Groups(unmask(u32::from_le_bytes(four()?))),
            _ => return Ok(None),
        };
        Ok(Some(Fact { name, value }))
    }
}

impl StoredDone {
    fn of(done: Done) -> Self {
        let (ending, code) = match done.ending {
            Ending::Done => (0, None),
            Ending::Stale => (1, None),
            Ending::Missing => (2, None),
            Ending::Refused(code) => (3, Some(code.as_str().to_owned())),
            Ending::Unknown => (4, None),
            Ending::NotSent => (5, None),
        };
        Self { op: op_number(done.op), ending, code }
    }

    fn done(self) -> Result<Done, CodecError> {
        let ending = match (self.ending, self.code) {
            (0, None) => Ending::Done,
            (1, None) => Ending::Stale,
            (2, None) => Ending::Missing,
            (3, Some(code)) => Ending::Refused(known_code(code)?),
            (4, None) => Ending::Unknown,
            (5, None) => Ending::NotSent,
            _ => return Err(CodecError::Damaged("unknown ending")),
        };
        Ok(Done { op: op_of(self.op)?, ending })
    }
}

#[cfg(test)]
mod tests;
