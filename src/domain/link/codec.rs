//! The stored form of a link: one version byte, then a postcard record.
//!
//! Every enumeration is written by a number from a table of this file, never by the order of its
//! variants, and a code by its stable text: reordering the vocabulary cannot change the meaning of
//! what is stored. Numbers are never reused. Graph's ids are long texts over small alphabets; they
//! are packed when the packing gives back exactly the same text. No I/O here.

mod tail;
mod text;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

pub(in crate::domain) use self::text::{pack, unpack};
use super::{Link, LinkState, Role, Trouble, Why};
use crate::domain::code::Code;
use crate::domain::field::Group;
use crate::domain::fingerprint::Prints;
use crate::domain::ids::{GlobalId, LinkId, NativeId, UserId, Version};
use crate::domain::kind::Kind;
use crate::domain::side::{PerSide, Side};

/// As long as Graph's ids are; longer ones make the buffer grow.
const LONG_ID: usize = 256;

/// The version that this program writes, and the newest that it reads.
const VERSION: u8 = 1;

/// Why stored bytes are no link, or no entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CodecError {
    /// There are no bytes at all.
    #[error("the stored entry is empty")]
    Empty,
    /// A newer program wrote it.
    #[error(
        "the stored entry has format {found}, this program reads up to {VERSION}: \
         run the newer program again, or clear the state"
    )]
    Newer {
        /// The version byte found.
        found: u8,
    },
    /// A newer program wrote a code that this one does not know.
    #[error("the stored entry names the unknown code `{0}`: it was written by another version")]
    UnknownCode(String),
    /// The bytes are no record of the version they claim.
    #[error("the stored entry is damaged: {0}")]
    Damaged(&'static str),
}

/// Pairs each value of an enumeration with its number; a new variant without one does not compile.
macro_rules! numbers {
    ($to:ident, $from:ident, $type:ident, $what:literal:
        $($number:literal = $variant:ident $(($inner:path))?,)*) => {
        pub(in crate::domain) const fn $to(value: $type) -> u8 {
            match value { $($type::$variant $(($inner))? => $number,)* }
        }

        pub(in crate::domain) const fn $from(number: u8) -> Result<$type, CodecError> {
            match number {
                $($number => Ok($type::$variant $(($inner))?),)*
                _ => Err(CodecError::Damaged(concat!("unknown ", $what))),
            }
        }
    };
}

pub(in crate::domain) use numbers;

numbers! { kind_number, kind_of, Kind, "kind":
    0 = Appointment,
    1 = Contact,
    2 = Task,
    3 = PhoneCall,
    4 = Letter,
    5 = Fax,
    6 = RecurringAppointment,
    7 = ServiceAppointment,
}

numbers! { state_number, state_of, LinkState, "state":
    0 = Creating(Side::Dynamics),
    1 = Creating(Side::Exchange),
    2 = Agreed,
    3 = Unlinked(Why::LeftFilter),
    4 = Unlinked(Why::RowGone),
    5 = Unlinked(Why::Untracked),
    6 = Unlinked(Why::MovedAway),
    7 = DeletedInExchange,
    8 = LeftAlone,
}

numbers! { role_number, role_of, Role, "role":
    0 = Owner,
    1 = Follower,
    2 = Guest,
    3 = PrivateCopy,
}

numbers! { side_number, side_of, Side, "side":
    0 = Dynamics,
    1 = Exchange,
}

// The number of a group is its bit in the masks of `StoredPrints`, so there are at most 32.
numbers! { group_number, group_of, Group, "group":
    0 = Subject,
    1 = Body,
    2 = Importance,
    3 = Location,
    4 = Time,
    5 = Attendees,
    6 = Status,
    7 = Privacy,
    8 = Due,
    9 = TaskStart,
    10 = Name,
    11 = Emails,
    12 = Phones,
    13 = Work,
    14 = People,
    15 = Dates,
    16 = Links,
    17 = Address1,
    18 = Address2,
    19 = Address3,
    20 = Company,
    21 = Files,
    22 = Recurrence,
    23 = Exceptions,
}

// The bits of `Stored::flags`.
const MATCHED: u8 = 1;
const OFF_FEED: u8 = 1 << 1;
const TAGGED: u8 = 1 << 2;
const IGNORES_CONFLICT: u8 = 1 << 3;
/// The eight bytes after the record are the second at which the link wakes (`tail`).
const WAKES: u8 = 1 << 4;
const FILES_KNOWN: u8 = 1 << 5;
/// The trouble is parked. Older programs wrote the code `item-parked` in its place.
const PARKED: u8 = 1 << 6;
/// The last byte of all holds further flags; it stands only where one of them is set.
const MORE: u8 = 1 << 7;

/// The record of version 1. The order of the fields is the format.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    id: [u8; 16],
    kind: u8,
    state: u8,
    role: u8,
    origin: u8,
    flags: u8,
    #[serde(borrow)]
    native: [Option<&'a [u8]>; 2],
    #[serde(borrow)]
    version: [Option<&'a [u8]>; 2],
    #[serde(borrow)]
    agreed: StoredPrints<'a>,
    #[serde(borrow)]
    uid: Option<&'a [u8]>,
    last_owner: Option<[u8; 16]>,
    trouble: Option<StoredTrouble>,
}

/// The fingerprints of both sides. After an agreement most hashes are the same on both sides;
/// those are written once.
#[derive(Serialize, Deserialize)]
struct StoredPrints<'a> {
    /// Groups that Dynamics holds.
    dynamics: u32,
    /// Groups that Exchange holds.
    exchange: u32,
    /// Groups with the same hash on both sides.
    same: u32,
    /// Eight bytes a hash: those of Dynamics in the order of the numbers, then those of Exchange
    /// without the same ones.
    hashes: &'a [u8],
}

#[derive(Serialize, Deserialize)]
struct StoredTrouble {
    code: String,
    attempts: u8,
    seconds: i64,
    nanos: u32,
}

/// Returns the stored form of a link.
#[must_use]
pub fn encode(link: &Link) -> Vec<u8> {
    let row = link.id.0;
    let native =
        Side::BOTH.map(|side| link.native.get(side).as_ref().map(|id| pack(id.as_str(), row)));
    let version =
        Side::BOTH.map(|side| link.version.get(side).as_ref().map(|text| pack(text.as_str(), row)));
    let uid = link.uid.as_ref().map(|uid| pack(uid.as_str(), row));
    let mut hashes = Vec::new();
    let stored = Stored {
        id: row.into_bytes(),
        kind: kind_number(link.kind),
        state: state_number(link.state),
        role: role_number(link.role),
        origin: side_number(link.origin),
        flags: flag(link.matched, MATCHED)
            | flag(link.off_feed, OFF_FEED)
            | flag(link.tagged, TAGGED)
            | flag(link.ignores_conflict, IGNORES_CONFLICT)
            | flag(link.wake.is_some(), WAKES)
            | flag(link.files_known, FILES_KNOWN)
            | flag(link.is_parked(), PARKED)
            | flag(tail::needs_more(link), MORE),
        native: native.each_ref().map(Option::as_deref),
        version: version.each_ref().map(Option::as_deref),
        agreed: StoredPrints::of(&link.agreed, &mut hashes),
        uid: uid.as_deref(),
        last_owner: link.last_owner.map(|owner| owner.0.into_bytes()),
        trouble: link.trouble.map(|trouble| StoredTrouble {
            code: trouble.code.as_str().to_owned(),
            attempts: trouble.attempts,
            seconds: trouble.since.timestamp(),
            nanos: trouble.since.timestamp_subsec_nanos(),
        }),
    };
    // Writing to a growing vector cannot fail; an empty value would be refused by `decode`.
    let mut bytes = postcard::to_extend(&stored, vec![VERSION]).unwrap_or_default();
    tail::append(link, &mut bytes);
    bytes
}

/// Returns the link of a stored form.
pub fn decode(bytes: &[u8]) -> Result<Link, CodecError> {
    let (version, record) = bytes.split_first().ok_or(CodecError::Empty)?;
    match *version {
        VERSION => {}
        0 => return Err(CodecError::Damaged("format 0 does not exist")),
        found => return Err(CodecError::Newer { found }),
    }
    let (stored, rest) = postcard::take_from_bytes::<Stored<'_>>(record)
        .map_err(|_| CodecError::Damaged("no record of this format"))?;
    let tail = tail::read(stored.flags & WAKES != 0, stored.flags & MORE != 0, rest)?;
    let mut agreed = stored.agreed.prints()?;
    let [row_occurrences, item_occurrences] = tail.occurrences;
    agreed.dynamics.set_occurrences(row_occurrences);
    agreed.exchange.set_occurrences(item_occurrences);
    let row = Uuid::from_bytes(stored.id);
    let [row_id, item_id] = stored.native;
    let [row_version, item_version] = stored.version;
    // One buffer for all texts: a mailbox has hundreds of links, and each is read in every cycle
    // that goes the whole way.
    let mut buffer = String::with_capacity(LONG_ID);
    Ok(Link {
        id: LinkId(row),
        kind: kind_of(stored.kind)?,
        state: state_of(stored.state)?,
        role: role_of(stored.role)?,
        origin: side_of(stored.origin)?,
        native: PerSide {
            dynamics: unpack(row_id, row, &mut buffer)?.map(NativeId::new),
            exchange: unpack(item_id, row, &mut buffer)?.map(NativeId::new),
        },
        version: PerSide {
            dynamics: unpack(row_version, row, &mut buffer)?.map(Version::new),
            exchange: unpack(item_version, row, &mut buffer)?.map(Version::new),
        },
        agreed,
        uid: unpack(stored.uid, row, &mut buffer)?.map(GlobalId::new),
        last_owner: stored.last_owner.map(|owner| UserId(Uuid::from_bytes(owner))),
        matched: stored.flags & MATCHED != 0,
        off_feed: stored.flags & OFF_FEED != 0,
        tagged: stored.flags & TAGGED != 0,
        ignores_conflict: stored.flags & IGNORES_CONFLICT != 0,
        wake: tail.wake,
        files_known: stored.flags & FILES_KNOWN != 0,
        three_addresses: tail.three_addresses,
        sent: tail.sent,
        trouble: stored.trouble.map(|it| it.trouble(stored.flags & PARKED != 0)).transpose()?,
    })
}

const fn flag(set: bool, bit: u8) -> u8 {
    if set { bit } else { 0 }
}

/// Codes of earlier versions for what is synchronized now: their items are read and decided again.
const RETIRED: [&str; 1] = ["service-unsupported"];

impl StoredTrouble {
    fn trouble(self, parked: bool) -> Result<Trouble, CodecError> {
        let known = Code::ALL.iter().copied().find(|code| code.as_str() == self.code);
        let known =
            known.or(RETIRED.contains(&self.code.as_str()).then_some(Code::ReplyIncomplete));
        let Some(code) = known else { return Err(CodecError::UnknownCode(self.code)) };
        let since = DateTime::<Utc>::from_timestamp(self.seconds, self.nanos)
            .ok_or(CodecError::Damaged("no instant"))?;
        let parked = parked || code == Code::ItemParked;
        Ok(Trouble { code, parked, attempts: self.attempts, since })
    }
}

impl<'a> StoredPrints<'a> {
    /// `hashes` is empty and becomes the place of the hashes.
    fn of(prints: &PerSide<Prints>, hashes: &'a mut Vec<u8>) -> Self {
        let (mut dynamics, mut exchange, mut same) = (0, 0, 0);
        let mut own = Vec::new();
        for group in groups() {
            let bit = 1 << group_number(group);
            let both = (prints.dynamics.get(group), prints.exchange.get(group));
            if let Some(hash) = both.0 {
                dynamics |= bit;
                hashes.extend(hash.to_le_bytes());
            }
            if let Some(hash) = both.1 {
                exchange |= bit;
                if both.0 == both.1 {
                    same |= bit;
                } else {
                    own.extend(hash.to_le_bytes());
                }
            }
        }
        hashes.extend(own);
        Self { dynamics, exchange, same, hashes }
    }

    fn prints(&self) -> Result<PerSide<Prints>, CodecError> {
        if self.same & !(self.dynamics & self.exchange) != 0 {
            return Err(CodecError::Damaged("a same hash without a side"));
        }
        let (hashes, rest) = self.hashes.as_chunks::<8>();
        let count = self.dynamics.count_ones() + (self.exchange & !self.same).count_ones();
        if !rest.is_empty() || hashes.len() != count as usize {
            return Err(CodecError::Damaged("wrong number of hashes"));
        }
        let mut hashes = hashes.iter().copied().map(u64::from_le_bytes);
        let room = |mask: u32| Prints::with_capacity(mask.count_ones() as usize);
        let mut dynamics = room(self.dynamics);
        for group in groups_in(self.dynamics) {
            dynamics.set(group?, hashes.next());
        }
        let mut exchange = room(self.exchange);
        for group in groups_in(self.exchange) {
            let group = group?;
            let same = self.same & 1 << group_number(group) != 0;
            exchange.set(group, if same { dynamics.get(group) } else { hashes.next() });
        }
        Ok(PerSide { dynamics, exchange })
    }
}

/// Returns the groups of a mask in the order of their numbers.
fn groups_in(mask: u32) -> impl Iterator<Item = Result<Group, CodecError>> {
    (0..32).filter(move |number| mask & 1 << number != 0).map(group_of)
}

/// Returns all groups in the order of their numbers.
pub(in crate::domain) fn groups() -> impl Iterator<Item = Group> {
    (0..u8::MAX).map_while(|number| group_of(number).ok())
}

#[cfg(test)]
mod tests;
